//! Numbers from a seed, and configurations from numbers.

use std::fmt::Write as _;

/// SplitMix64: the same numbers for the same seed, on every machine.
#[derive(Clone, Debug, Default)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
    /// True in `percent` of all cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A resource block to come.
#[derive(Clone, Debug)]
struct Block {
    lone: bool,
    /// Of another kind than the two that depend on each other: `sim_key`, `sim_estate`, `sim_pair`.
    special: Option<&'static str>,
    /// 0: no `count`; else `count = n - 1`.
    count: usize,
    each: Vec<usize>,
    zone: usize,
    size: usize,
    first: bool,
    parent: Option<usize>,
    mentions: Option<usize>,
    after: Option<usize>,
    in_module: bool,
    /// It goes through the provider that takes an ephemeral token.
    guarded: bool,
    /// It is sent an ephemeral key.
    keyed: bool,
    programs: bool,
}

impl Block {
    fn type_name(&self) -> &'static str {
        match (self.special, self.keyed, self.lone) {
            (Some(special), ..) => special,
            (None, true, _) => "sim_safe",
            (None, false, true) => "sim_lone",
            (None, false, false) => "sim_thing",
        }
    }
    fn is_single(&self) -> bool {
        self.count == 0 && self.each.is_empty() && !self.in_module
    }
}

/// A configuration that changes over time.
#[derive(Clone, Debug)]
pub struct Shape {
    blocks: Vec<Option<Block>>,
    module_keys: Vec<usize>,
    /// The block that the key is asked for; else for none.
    key_of: Option<usize>,
    /// Something rests on what is open for one process only.
    tokens: bool,
}

impl Shape {
    pub fn new(random: &mut Random) -> Shape {
        let count = 2 + random.below(6);
        let mut shape = Shape { blocks: Vec::new(), module_keys: vec![0, 1], key_of: None, tokens: true };
        for i in 0..count {
            let block = shape.block(i, random);
            shape.blocks.push(Some(block));
        }
        shape.key_of = random.chance(50).then(|| random.below(count));
        shape
    }

    fn block(&self, i: usize, random: &mut Random) -> Block {
        let in_module = random.chance(25);
        let single = |j: &usize| {
            self.blocks[*j].as_ref().is_some_and(|b| b.count == 0 && b.each.is_empty() && !b.in_module)
        };
        let any = |j: &usize| self.blocks[*j].as_ref().is_some_and(|b| !b.in_module);
        let singles: Vec<usize> = (0..i).filter(single).collect();
        let others: Vec<usize> = (0..i).filter(any).collect();
        let pick =
            |from: &[usize], random: &mut Random| (!from.is_empty()).then(|| from[random.below(from.len())]);
        let parent = if random.chance(50) && !in_module { pick(&singles, random) } else { None };
        let mentions = if random.chance(30) && !in_module { pick(&others, random) } else { None };
        let after = if random.chance(15) && !in_module { pick(&others, random) } else { None };
        let repeated = random.below(3);
        let special = ["sim_key", "sim_estate", "sim_pair"][random.below(3)];
        let special = random.chance(35).then_some(special);
        let keyed = random.chance(20) && !in_module && special.is_none();
        Block {
            lone: random.chance(20) || keyed,
            special,
            count: if repeated == 1 { 1 + random.below(4) } else { 0 },
            each: if repeated == 2 {
                (0..4).filter(|_| random.chance(50)).chain([9]).collect()
            } else {
                Vec::new()
            },
            zone: random.below(2),
            size: random.below(3),
            first: random.chance(20),
            parent,
            mentions,
            after,
            in_module,
            guarded: random.chance(20),
            keyed,
            programs: false,
        }
    }

    /// Something changes.
    pub fn change(&mut self, random: &mut Random) {
        for i in 0..self.blocks.len() {
            let Some(block) = &mut self.blocks[i] else { continue };
            if random.chance(30) {
                block.size = random.below(3);
            }
            if random.chance(25) {
                block.zone = random.below(2);
            }
            if block.count > 0 && random.chance(30) {
                block.count = 1 + random.below(4);
            }
            if random.chance(15) {
                let needed = |b: &Block| b.parent == Some(i) || b.mentions == Some(i) || b.after == Some(i);
                if !self.blocks.iter().flatten().any(needed) {
                    self.blocks[i] = None;
                }
            }
        }
        if random.chance(30) {
            self.module_keys = (0..3).filter(|_| random.chance(60)).collect();
        }
        let i = self.blocks.len();
        if i < 12 && random.chance(40) {
            let block = self.block(i, random);
            self.blocks.push(Some(block));
        }
    }

    /// Nothing rests on what is open for one process only.
    pub fn without_tokens(&mut self) {
        self.tokens = false;
        for block in self.blocks.iter_mut().flatten() {
            (block.guarded, block.keyed) = (false, false);
        }
    }

    /// Nothing is made before its old one is removed.
    pub fn never_first(&mut self) {
        self.blocks.iter_mut().flatten().for_each(|b| b.first = false);
    }

    /// Every second block runs programs when its objects are made, and before they are removed. Not where a broken object's name stays taken.
    pub fn provision(&mut self) {
        let can = |b: &&mut Block| b.special != Some("sim_estate");
        self.blocks.iter_mut().step_by(2).flatten().filter(can).for_each(|b| b.programs = true);
    }

    /// The root module and the module `m`.
    pub fn text(&self) -> (String, String) {
        let (mut root, mut module) = (String::new(), String::from("variable \"key\" { type = string }\n"));
        for (i, block) in self.blocks.iter().enumerate() {
            let Some(block) = block else { continue };
            let out = if block.in_module { &mut module } else { &mut root };
            self.block_text(i, block, out);
        }
        if self.blocks.iter().flatten().any(|b| b.in_module) {
            let keys: Vec<String> = self.module_keys.iter().map(|k| format!("\"k{k}\"")).collect();
            writeln!(
                root,
                "module \"m\" {{\n  source = \"./m\"\n  for_each = toset([{}])\n  key = each.key\n}}",
                keys.join(", ")
            )
            .unwrap();
        }
        // The provider stays for as long as somebody may have to be removed through it.
        if self.tokens {
            root.push_str(&self.ephemerals());
        }
        (root, module)
    }

    /// A token for a provider, which needs nothing, and a key for a thing, which may need another thing.
    fn ephemerals(&self) -> String {
        let first = |i: usize| self.blocks[i].as_ref().filter(|b| b.is_single() && !b.keyed && !b.guarded);
        let of = match self.key_of.filter(|i| first(*i).is_some() && !self.leads_to_key(*i)) {
            Some(i) => format!("${{{}.id}}", self.address(i)),
            None => "nobody".into(),
        };
        format!(
            "ephemeral \"sim_token\" \"guard\" {{\n  name = \"guard\"\n}}\n\
             ephemeral \"sim_token\" \"key\" {{\n  count = 2\n  provider = sim.guarded\n  name = \"${{count.index}} of {of}\"\n}}\n\
             locals {{\n  guard = \"${{ephemeral.sim_token.guard.value}}\"\n}}\n\
             provider \"sim\" {{\n  alias = \"guarded\"\n  token = local.guard\n}}\n"
        )
    }

    /// A block needs one that is sent the key.
    fn leads_to_key(&self, i: usize) -> bool {
        let Some(block) = &self.blocks[i] else { return false };
        let needs = [block.parent, block.mentions, block.after];
        block.keyed || needs.into_iter().flatten().any(|need| self.leads_to_key(need))
    }

    fn block_text(&self, i: usize, block: &Block, out: &mut String) {
        let ty = block.type_name();
        writeln!(out, "resource \"{ty}\" \"r{i}\" {{").unwrap();
        let mut name = format!("r{i}");
        if block.in_module {
            name.push_str("-${var.key}");
        }
        if block.count > 0 {
            writeln!(out, "  count = {}", block.count - 1).unwrap();
            name.push_str("-${count.index}");
        } else if !block.each.is_empty() {
            let keys: Vec<String> = block.each.iter().map(|k| format!("\"e{k}\"")).collect();
            writeln!(out, "  for_each = toset([{}])", keys.join(", ")).unwrap();
            name.push_str("-${each.key}");
        }
        if block.keyed {
            let key = "ephemeral.sim_token.key[1].value";
            writeln!(out, "  name = \"{name}\"\n  key_wo = {key}\n  key_rev = {}", block.size).unwrap();
        } else if block.special == Some("sim_key") {
            writeln!(out, "  name = \"{name}\"\n  days = {}", block.size).unwrap();
        } else if block.special == Some("sim_estate") {
            writeln!(out, "  name = \"{name}-{}\"\n  value = \"{}\"", block.zone, block.size).unwrap();
        } else if block.lone || block.special.is_some() {
            writeln!(out, "  name = \"{name}\"\n  value = \"{}\"", block.size).unwrap();
        } else {
            // A new object beside the old one needs another name.
            writeln!(
                out,
                "  name = \"{name}-{}\"\n  zone = \"z{}\"\n  size = {}\n  password = \"secret-given {i}\"",
                block.zone, block.zone, block.size
            )
            .unwrap();
            if let Some(parent) = block.parent {
                writeln!(out, "  parent = {}.id", self.address(parent)).unwrap();
            }
            if let Some(other) = block.mentions {
                writeln!(out, "  tags = {{ seen = jsonencode({}) }}", self.address(other)).unwrap();
            }
        }
        if block.guarded && !block.in_module {
            writeln!(out, "  provider = sim.guarded").unwrap();
        }
        if let Some(after) = block.after {
            writeln!(out, "  depends_on = [{}]", self.address(after)).unwrap();
        }
        // A key's new one may have the old one's name; an estate's name is its zone's.
        if block.first && (!block.lone || matches!(block.special, Some("sim_key"))) {
            writeln!(out, "  lifecycle {{ create_before_destroy = true }}").unwrap();
        }
        for when in ["create", "destroy"].iter().filter(|_| block.programs) {
            writeln!(
                out,
                "  provisioner \"local-exec\" {{\n    when = {when}\n    command = \"{when} ${{self.id}}\"\n  }}"
            )
            .unwrap();
        }
        out.push_str("}\n");
    }

    fn address(&self, i: usize) -> String {
        let ty = self.blocks[i].as_ref().map_or("sim_thing", Block::type_name);
        format!("{ty}.r{i}")
    }
}

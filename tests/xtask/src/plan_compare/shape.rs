//! A configuration of `terraform_data` blocks that changes at random, as a person changes one: values, repetitions, names, places.

use std::fmt::Write as _;

use crate::mutate::Random;

/// How many instances.
#[derive(Clone, Debug, PartialEq)]
enum Repetition {
    One,
    Count(usize),
    Each(Vec<&'static str>),
}

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Root,
    Module,
}

/// A resource block.
#[derive(Clone, Debug)]
struct Block {
    name: String,
    place: Place,
    repetition: Repetition,
    input: usize,
    trigger: Option<usize>,
    /// A block before it that its input refers to.
    needs: Option<String>,
    /// A block before it that replaces it.
    triggered_by: Option<String>,
    first: bool,
    ignores: usize,
    condition: usize,
}

/// A configuration.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    blocks: Vec<Block>,
    module: Repetition,
    /// Blocks that say what has moved or was removed since the last apply.
    statements: Vec<String>,
    next: usize,
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

impl Repetition {
    fn random(random: &mut Random) -> Repetition {
        match random.below(5) {
            0 => Repetition::Count(random.below(4)),
            1 => Repetition::Each(KEYS.into_iter().filter(|_| random.below(2) == 0).collect()),
            _ => Repetition::One,
        }
    }

    fn text(&self) -> String {
        match self {
            Repetition::One => String::new(),
            Repetition::Count(n) => format!("  count = {n}\n"),
            Repetition::Each(keys) => format!("  for_each = toset({keys:?})\n"),
        }
    }

    /// The keys of its instances, as addresses write them.
    fn keys(&self) -> Vec<String> {
        match self {
            Repetition::One => vec![String::new()],
            Repetition::Count(n) => (0..*n).map(|i| format!("[{i}]")).collect(),
            Repetition::Each(keys) => keys.iter().map(|k| format!("[\"{k}\"]")).collect(),
        }
    }
}

impl Shape {
    pub(crate) fn new(random: &mut Random) -> Shape {
        let mut shape =
            Shape { blocks: Vec::new(), module: Repetition::random(random), statements: Vec::new(), next: 0 };
        for _ in 0..2 + random.below(4) {
            shape.add(random);
        }
        shape
    }

    fn add(&mut self, random: &mut Random) {
        let place = if random.below(3) == 0 { Place::Module } else { Place::Root };
        let before: Vec<String> =
            self.blocks.iter().filter(|b| b.place == place).map(|b| b.name.clone()).collect();
        let mut pick = |percent: usize| {
            (!before.is_empty() && random.below(100) < percent)
                .then(|| before[random.below(before.len())].clone())
        };
        let (needs, triggered_by) = (pick(60), pick(25));
        self.blocks.push(Block {
            name: format!("r{}", self.next),
            place,
            repetition: Repetition::random(random),
            input: random.below(6),
            trigger: (random.below(3) == 0).then(|| random.below(3)),
            needs,
            triggered_by,
            first: random.below(4) == 0,
            ignores: random.below(12),
            condition: random.below(14),
        });
        self.next += 1;
    }

    /// Some things change. What was said of earlier changes was applied.
    pub(crate) fn change(&mut self, random: &mut Random) {
        self.statements.clear();
        for _ in 0..1 + random.below(3) {
            self.change_one(random);
        }
    }

    fn change_one(&mut self, random: &mut Random) {
        if self.blocks.is_empty() {
            return self.add(random);
        }
        let i = random.below(self.blocks.len());
        match random.below(13) {
            0 | 1 => self.blocks[i].input = random.below(6),
            2 => self.blocks[i].trigger = (random.below(2) == 0).then(|| random.below(3)),
            3 | 4 => self.blocks[i].repetition = Repetition::random(random),
            5 => self.blocks[i].first = !self.blocks[i].first,
            6 => self.blocks[i].ignores = random.below(12),
            7 => self.rename(i, random.below(3) > 0),
            8 => self.carry(i, random.below(3) > 0),
            9 => self.remove(i, random.below(4)),
            10 => self.rekey(random),
            11 => self.blocks[i].condition = random.below(14),
            _ => self.add(random),
        }
    }

    /// Another name, with or without a `moved` block.
    fn rename(&mut self, i: usize, said: bool) {
        let old = self.address(i);
        let (name, place) = (format!("r{}", self.next), self.blocks[i].place);
        self.next += 1;
        let from = std::mem::replace(&mut self.blocks[i].name, name.clone());
        for block in self.blocks.iter_mut().filter(|b| b.place == place) {
            for reference in [&mut block.needs, &mut block.triggered_by].into_iter().flatten() {
                if *reference == from {
                    reference.clone_from(&name);
                }
            }
        }
        if said && place == Place::Root {
            let new = self.address(i);
            self.statements.push(format!("moved {{\n  from = {old}\n  to = {new}\n}}\n"));
        }
    }

    /// Into the module, or out of it.
    fn carry(&mut self, i: usize, said: bool) {
        if self.is_needed(i) {
            return;
        }
        let old = self.address(i);
        let block = &mut self.blocks[i];
        block.place = if block.place == Place::Root { Place::Module } else { Place::Root };
        (block.needs, block.triggered_by) = (None, None);
        if said && self.module == Repetition::One {
            let new = self.address(i);
            self.statements.push(format!("moved {{\n  from = {old}\n  to = {new}\n}}\n"));
        }
    }

    /// The block goes: without a word, or with one.
    fn remove(&mut self, i: usize, how: usize) {
        if self.is_needed(i) {
            return;
        }
        let address = self.address(i);
        self.blocks.remove(i);
        if how < 2 {
            self.statements.push(format!(
                "removed {{\n  from = {address}\n  lifecycle {{\n    destroy = {}\n  }}\n}}\n",
                how == 0
            ));
        }
    }

    /// The module has other instances.
    fn rekey(&mut self, random: &mut Random) {
        let (old, new) = (self.module.clone(), Repetition::random(random));
        if let (Some(from), Some(to), true) = (old.keys().first(), new.keys().first(), random.below(2) == 0)
            && from != to
        {
            self.statements.push(format!("moved {{\n  from = module.m{from}\n  to = module.m{to}\n}}\n"));
        }
        self.module = new;
    }

    fn is_needed(&self, i: usize) -> bool {
        let (name, place) = (&self.blocks[i].name, self.blocks[i].place);
        let needs = |b: &Block| b.needs.as_ref() == Some(name) || b.triggered_by.as_ref() == Some(name);
        self.blocks.iter().any(|b| b.place == place && needs(b))
    }

    /// The address of a block, from the root.
    fn address(&self, i: usize) -> String {
        let name = format!("terraform_data.{}", self.blocks[i].name);
        if self.blocks[i].place == Place::Root { name } else { format!("module.m.{name}") }
    }

    /// An address of an instance that the configuration has.
    pub(crate) fn instance(&self, random: &mut Random) -> Option<String> {
        let i = random.below(self.blocks.len().max(1));
        let block = self.blocks.get(i)?;
        let keys = block.repetition.keys();
        let key = keys.get(random.below(keys.len().max(1)))?;
        let own = format!("terraform_data.{}{key}", block.name);
        if block.place == Place::Root {
            return Some(own);
        }
        let modules = self.module.keys();
        let module = modules.get(random.below(modules.len().max(1)))?;
        Some(format!("module.m{module}.{own}"))
    }

    /// The root module and the module `m`.
    pub(crate) fn text(&self) -> (String, String) {
        let mut root = format!("module \"m\" {{\n  source = \"./m\"\n{}}}\n", self.module.text());
        let mut module = String::from("locals {\n  none = 0\n}\n");
        for block in &self.blocks {
            let out = if block.place == Place::Root { &mut root } else { &mut module };
            self.block(block, out);
        }
        let shown = self.blocks.iter().find(|b| b.place == Place::Root && b.repetition == Repetition::One);
        if let Some(block) = shown {
            let _ = write!(root, "output \"o\" {{\n  value = terraform_data.{}.output\n}}\n", block.name);
            let _ = write!(
                root,
                "check \"c\" {{\n  assert {{\n    condition = terraform_data.{}.input != \"none\"\n    error_message = \"none\"\n  }}\n}}\n",
                block.name
            );
        }
        root.extend(self.statements.iter().map(String::as_str));
        (root, module)
    }

    fn block(&self, block: &Block, out: &mut String) {
        let find = |name: &String| self.blocks.iter().find(|b| b.name == *name && b.place == block.place);
        let reference = block.needs.as_ref().and_then(find).map(|needed| {
            let name = &needed.name;
            match &needed.repetition {
                Repetition::One => format!("terraform_data.{name}.output"),
                Repetition::Count(_) => format!("terraform_data.{name}[*].output"),
                Repetition::Each(_) => format!("[for k, v in terraform_data.{name} : v.id]"),
            }
        });
        let plain = ["1", "\"x\"", "[1, \"b\"]", "{ k = \"v\" }", "null", "sensitive(\"s\")"][block.input];
        let input = match (reference, block.input % 3) {
            (Some(reference), 0) => reference,
            (Some(reference), 1) => format!("{{ own = {plain}, other = {reference} }}"),
            _ => plain.to_owned(),
        };
        let _ = write!(out, "resource \"terraform_data\" \"{}\" {{\n{}", block.name, block.repetition.text());
        let _ = writeln!(out, "  input = {input}");
        if let Some(trigger) = block.trigger {
            let _ = writeln!(out, "  triggers_replace = {}", ["\"one\"", "[\"two\"]", "3"][trigger]);
        }
        let _ = writeln!(out, "  lifecycle {{");
        if block.first {
            let _ = writeln!(out, "    create_before_destroy = true");
        }
        match block.ignores {
            0 => drop(writeln!(out, "    ignore_changes = all")),
            1 => drop(writeln!(out, "    ignore_changes = [input]")),
            2 => drop(writeln!(out, "    ignore_changes = [triggers_replace]")),
            _ => {}
        }
        if let Some(by) = block.triggered_by.as_ref().and_then(find) {
            let attribute = if by.repetition == Repetition::One && block.input.is_multiple_of(2) {
                ".output"
            } else {
                ""
            };
            let _ = writeln!(out, "    replace_triggered_by = [terraform_data.{}{attribute}]", by.name);
        }
        match block.condition {
            0 => drop(writeln!(
                out,
                "    postcondition {{\n      condition = self.output != 1\n      error_message = \"one\"\n    }}"
            )),
            1 => drop(writeln!(
                out,
                "    precondition {{\n      condition = path.module != \"m\"\n      error_message = \"in m\"\n    }}"
            )),
            _ => {}
        }
        out.push_str("  }\n}\n");
    }
}

//! In which order a plan is done: units of work, and what each waits for.
//!
//! A *unit* is the beginning or the end of a block, the making or changing of one object, the removal of one object, the closing of
//! an ephemeral block, or a barrier. Edges are drawn by block, through barriers, so that their number grows with the blocks and objects, never with their
//! product. The order:
//!
//! 1. A block begins when all blocks that it needs have ended.
//! 2. An object is removed after all objects that depend on it (as the state says) and are removed too.
//! 3. A replaced object is removed before its new one is made …
//! 4. … or, with create before destroy, after the new one was made and all who use it have changed over.
//! 5. An object that loses a dependant is changed after the dependant is gone.
//! 6. An object that the configuration no longer has is removed after those that used it have changed over.
//!
//! 7. An ephemeral block is closed after all who use it are done, removals and other ephemeral blocks included.
//! 8. What has the natural key that a new object needs is removed before that is made, be it deposed or gone from the configuration.
//! 9. Data sources of checks are read when all else is done, but for what depends on them and the closing of ephemeral blocks.
//!
//! 1 to 4 and 7 to 9 always hold. 5 and 6 are courtesies to services that refuse to remove or change what is in use; each is left out where it
//! could contradict the others.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use pilotis_value::{Digest, Value};

use crate::graph::{NodeId, NodeKind, block_name, scope_address};
use crate::machine::targets::strip_keys;
use crate::machine::{Machine, Object, ObjectId};
use crate::{PlanAction, PlanMode};

/// Index of a unit.
pub(crate) type UnitId = u32;

/// What a unit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitKind {
    /// A block's values are made anew; of resource blocks its `each` and `count`.
    Node(NodeId),
    /// A resource block has ended.
    NodeEnd(NodeId),
    /// An object is made or changed, or a data source read.
    Forward(ObjectId),
    /// An object is removed.
    Delete(ObjectId),
    /// An ephemeral resource is closed.
    Close(NodeId),
    /// Nothing; many wait for many.
    Barrier,
}

/// A unit.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) kind: UnitKind,
    /// Units that it still waits for.
    pub(crate) waiting: u32,
    /// Units that wait for it.
    pub(crate) then: Vec<UnitId>,
    pub(crate) begun: bool,
}

/// All units.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) units: Vec<Unit>,
    pub(crate) open: usize,
}

impl Schedule {
    fn add(&mut self, kind: UnitKind) -> UnitId {
        self.units.push(Unit { kind, waiting: 0, then: Vec::new(), begun: false });
        self.units.len() as UnitId - 1
    }
    fn edge(&mut self, first: UnitId, then: UnitId) {
        self.units[first as usize].then.push(then);
        self.units[then as usize].waiting += 1;
    }
}

/// Puts a schedule together.
struct Planner<'a> {
    machine: &'a Machine,
    /// Settled nodes that are made anew all the same.
    revived: &'a HashSet<NodeId>,
    schedule: Schedule,
    begins: HashMap<NodeId, UnitId>,
    ends: HashMap<NodeId, UnitId>,
    forwards: HashMap<ObjectId, UnitId>,
    deletes: HashMap<ObjectId, UnitId>,
    /// Objects to remove, by address of their block without keys.
    by_block: BTreeMap<String, Vec<ObjectId>>,
    /// What the blocks with removals depend on, without keys.
    needs: BTreeMap<String, HashSet<String>>,
    /// Removals that free a natural key for something new.
    freeing: HashSet<ObjectId>,
}

impl Machine {
    /// The schedule of the plan.
    pub(crate) fn schedule(&self, revived: &HashSet<NodeId>) -> Schedule {
        let mut planner = Planner {
            machine: self,
            revived,
            schedule: Schedule::default(),
            begins: HashMap::new(),
            ends: HashMap::new(),
            forwards: HashMap::new(),
            deletes: HashMap::new(),
            by_block: BTreeMap::new(),
            needs: BTreeMap::new(),
            freeing: HashSet::new(),
        };
        planner.nodes();
        planner.deletes();
        if !planner.deletes.is_empty() {
            planner.free_names();
            planner.delete_order();
        }
        planner.checks_last();
        planner.closes();
        let mut schedule = planner.schedule;
        schedule.open = schedule.units.len();
        schedule
    }
}

/// What no two objects of a service can share: provider, type, and digests of what finds an object there.
type NaturalKey = (u32, Arc<str>, Vec<Digest>);

impl Machine {
    /// The natural key of an object with this value; none if its type has none, or it isn't known.
    fn natural_key(&self, object: &Object, value: &Value) -> Option<NaturalKey> {
        let names = &object.ty.schema.refresh.natural_key;
        if names.is_empty() || value.is_null() {
            return None;
        }
        let part = |name: &String| {
            let part = value.get(name)?.clone().unmark_deep().0;
            part.is_wholly_known().then(|| part.digest())
        };
        let parts = names.iter().map(part).collect::<Option<_>>()?;
        Some((object.provider, self.type_name_of(object), parts))
    }
}

impl Planner<'_> {
    /// Blocks, and the objects that are made or changed.
    fn nodes(&mut self) {
        let machine = self.machine;
        for id in &machine.graph.order {
            let state = &machine.nodes[id.0 as usize];
            // Without a configuration to follow, nothing else is evaluated any more.
            let changes = machine.options.mode == PlanMode::Normal && !state.settled;
            if !state.included || !(changes || self.revived.contains(id)) {
                continue;
            }
            let begin = self.schedule.add(UnitKind::Node(*id));
            let mut end = begin;
            if matches!(machine.graph.node(*id).kind, NodeKind::Resource(_)) {
                end = self.schedule.add(UnitKind::NodeEnd(*id));
                self.schedule.edge(begin, end);
                for object in state.objects.iter().flatten() {
                    if self.is_forward(*object) {
                        let unit = self.schedule.add(UnitKind::Forward(*object));
                        self.schedule.edge(begin, unit);
                        self.schedule.edge(unit, end);
                        self.forwards.insert(*object, unit);
                    }
                }
            }
            self.begins.insert(*id, begin);
            self.ends.insert(*id, end);
            for (need, _) in machine.graph.needs(*id) {
                if let Some(need) = self.ends.get(&need) {
                    self.schedule.edge(*need, begin);
                }
            }
        }
    }

    fn is_forward(&self, object: ObjectId) -> bool {
        let of = &self.machine.objects[object as usize];
        if of.skipped {
            return false;
        }
        let conditions = |id: NodeId| {
            let lifecycle = &self.machine.block(id).lifecycle;
            !lifecycle.preconditions.is_empty() || !lifecycle.postconditions.is_empty()
        };
        match of.action {
            PlanAction::NoOp if of.node.is_some_and(|id| self.machine.is_ephemeral(id)) => true,
            PlanAction::NoOp => of.node.is_some_and(conditions),
            PlanAction::Delete | PlanAction::Forget => false,
            _ => true,
        }
    }

    fn deletes(&mut self) {
        for (index, of) in self.machine.objects.iter().enumerate() {
            let deletes = matches!(
                of.action,
                PlanAction::Delete | PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete
            );
            if of.skipped || !deletes {
                continue;
            }
            let object = index as ObjectId;
            let unit = self.schedule.add(UnitKind::Delete(object));
            self.deletes.insert(object, unit);
            let block = strip_keys(&of.address);
            let needs = self.needs.entry(block.clone()).or_default();
            if let Some(row) = of.row {
                needs.extend(self.machine.rows.get(row).record.dependencies.iter().map(|d| strip_keys(d)));
            }
            self.by_block.entry(block).or_default().push(object);
            let provider = self.machine.graph.provider_node(of.provider);
            if let Some(end) = self.ends.get(&provider).copied() {
                self.schedule.edge(end, unit);
            }
            // 3 and 4
            if let Some(forward) = self.forwards.get(&object).copied() {
                match of.action {
                    PlanAction::DeleteThenCreate => self.schedule.edge(unit, forward),
                    _ => self.schedule.edge(forward, unit),
                }
            }
        }
    }

    /// 8
    fn free_names(&mut self) {
        let machine = self.machine;
        let mut taken: HashMap<NaturalKey, ObjectId> = HashMap::new();
        for object in self.deletes.keys() {
            let of = &machine.objects[*object as usize];
            // What is replaced the other way round stays until the new one is there.
            if of.action != PlanAction::CreateThenDelete
                && let Some(key) = machine.natural_key(of, &of.before)
            {
                taken.insert(key, *object);
            }
        }
        let forwards: Vec<(ObjectId, UnitId)> = self.forwards.iter().map(|(o, unit)| (*o, *unit)).collect();
        for (object, unit) in forwards {
            let of = &machine.objects[object as usize];
            let is_new = !matches!(of.action, PlanAction::NoOp | PlanAction::Update | PlanAction::Read);
            let Some(holder) = machine.natural_key(of, &of.after).and_then(|key| taken.get(&key)) else {
                continue;
            };
            if is_new && *holder != object {
                self.freeing.insert(*holder);
                self.schedule.edge(self.deletes[holder], unit);
            }
        }
    }

    /// 9
    fn checks_last(&mut self) {
        let machine = self.machine;
        let inside: Vec<NodeId> =
            self.begins.keys().copied().filter(|id| machine.check_around(*id).is_some()).collect();
        if inside.is_empty() {
            return;
        }
        let after = machine.graph.with_needed_by(inside.iter().copied());
        let ends = self.ends.iter().filter(|(id, _)| !after.contains(id)).map(|(_, unit)| *unit);
        let mut first: Vec<UnitId> = ends.chain(self.deletes.values().copied()).collect();
        first.sort_unstable();
        let barrier = self.schedule.add(UnitKind::Barrier);
        for unit in first {
            self.schedule.edge(unit, barrier);
        }
        for id in inside {
            self.schedule.edge(barrier, self.begins[&id]);
        }
    }

    /// 7
    fn closes(&mut self) {
        let machine = self.machine;
        let blocks: Vec<NodeId> =
            machine.graph.order.iter().copied().filter(|id| machine.is_ephemeral(*id)).collect();
        let mut closes: HashMap<NodeId, UnitId> = HashMap::new();
        for block in blocks.iter().filter(|block| self.ends.contains_key(block)) {
            closes.insert(*block, self.schedule.add(UnitKind::Close(*block)));
        }
        for block in blocks {
            let Some(close) = closes.get(&block).copied() else { continue };
            let users = machine.users_of_ephemeral(block);
            let ends = users.iter().chain([&block]).filter_map(|user| self.ends.get(user));
            let inner = users.iter().filter_map(|user| closes.get(user));
            let removals = self.deletes.iter().filter(|(object, _)| {
                users.contains(&machine.graph.provider_node(machine.objects[**object as usize].provider))
            });
            let mut first: Vec<UnitId> =
                ends.chain(inner).chain(removals.map(|(_, unit)| unit)).copied().collect();
            first.sort_unstable();
            for unit in first {
                self.schedule.edge(unit, close);
            }
        }
    }

    fn delete_order(&mut self) {
        let leads = self.lead_forward();
        // 2
        let dependants = self.barriers();
        for (block, barrier) in &dependants {
            for object in self.by_block[block].clone() {
                let unit = self.deletes[&object];
                if !self.freeing.contains(&object) {
                    self.schedule.edge(*barrier, unit);
                }
            }
        }
        self.free_after_dependants();
        let mut follows: HashSet<String> = HashSet::new();
        self.after_users(&mut follows);
        self.after_former_users(&leads, &mut follows);
        // What waits for such a removal waits for it too.
        loop {
            let more: Vec<String> = self
                .by_block
                .keys()
                .filter(|b| !follows.contains(*b))
                .filter(|b| {
                    self.needs.iter().any(|(from, needs)| follows.contains(from) && needs.contains(*b))
                })
                .cloned()
                .collect();
            if more.is_empty() {
                break;
            }
            follows.extend(more);
        }
        self.before_changes(&follows);
    }

    /// A barrier for each block with removals on which other removals depend: passed when those are done.
    fn barriers(&mut self) -> BTreeMap<String, UnitId> {
        let mut barriers: BTreeMap<String, UnitId> = BTreeMap::new();
        let pairs: Vec<(String, String)> = self
            .needs
            .iter()
            .flat_map(|(block, needs)| needs.iter().map(|n| (block.clone(), n.clone())))
            .filter(|(block, need)| block != need && self.by_block.contains_key(need))
            .collect();
        for (block, need) in pairs {
            let barrier = match barriers.get(&need) {
                Some(barrier) => *barrier,
                None => self.schedule.add(UnitKind::Barrier),
            };
            barriers.insert(need, barrier);
            for object in self.by_block[&block].clone() {
                let unit = self.deletes[&object];
                self.schedule.edge(unit, barrier);
            }
        }
        barriers
    }

    /// 2 for what frees a natural key: dependants that stay until their new ones are there can't be waited for.
    fn free_after_dependants(&mut self) {
        let mut freeing: Vec<ObjectId> = self.freeing.iter().copied().collect();
        freeing.sort_unstable();
        let stays = |o: &ObjectId| self.machine.objects[*o as usize].action == PlanAction::CreateThenDelete;
        let mut first: BTreeMap<String, Vec<UnitId>> = BTreeMap::new();
        for object in &freeing {
            let block = strip_keys(&self.machine.objects[*object as usize].address);
            let dependants = first.entry(block).or_insert_with_key(|block| {
                let users = self.needs.iter().filter(|(user, needs)| *user != block && needs.contains(block));
                let objects = users.flat_map(|(user, _)| &self.by_block[user]).filter(|o| !stays(o));
                objects.map(|o| self.deletes[o]).collect()
            });
            for unit in dependants.clone() {
                self.schedule.edge(unit, self.deletes[object]);
            }
        }
    }

    /// Blocks whose removals something is made after: replaced ones, those that free a natural key, and those on which such a one waits.
    fn lead_forward(&self) -> HashSet<String> {
        let first = |o: &ObjectId| {
            let replaced = self.machine.objects[*o as usize].action == PlanAction::DeleteThenCreate;
            replaced || self.freeing.contains(o)
        };
        let mut leads: HashSet<String> =
            self.by_block.iter().filter(|(_, o)| o.iter().any(first)).map(|(b, _)| b.clone()).collect();
        loop {
            let more: Vec<String> = self
                .needs
                .iter()
                .filter(|(block, needs)| !leads.contains(*block) && needs.iter().any(|n| leads.contains(n)))
                .map(|(block, _)| block.clone())
                .collect();
            if more.is_empty() {
                return leads;
            }
            leads.extend(more);
        }
    }

    /// 4: the old ones go after all who use the new ones have changed over.
    fn after_users(&mut self, follows: &mut HashSet<String>) {
        let mut barriers: HashMap<NodeId, UnitId> = HashMap::new();
        let first: Vec<(ObjectId, NodeId)> = self
            .deletes
            .keys()
            .filter(|o| self.machine.objects[**o as usize].action == PlanAction::CreateThenDelete)
            .filter_map(|o| Some((*o, self.machine.objects[*o as usize].node?)))
            .collect();
        for (object, node) in first {
            follows.insert(strip_keys(&self.machine.objects[object as usize].address));
            let barrier = match barriers.get(&node) {
                Some(barrier) => *barrier,
                None => {
                    let barrier = self.schedule.add(UnitKind::Barrier);
                    for user in self.users(node) {
                        if let Some(end) = self.ends.get(&user).copied() {
                            self.schedule.edge(end, barrier);
                        }
                    }
                    barriers.insert(node, barrier);
                    barrier
                }
            };
            self.schedule.edge(barrier, self.deletes[&object]);
        }
    }

    /// The resource blocks that use a block by themselves.
    fn users(&self, node: NodeId) -> Vec<NodeId> {
        let mut seen = HashSet::from([node]);
        let mut todo = vec![node];
        let mut found = Vec::new();
        while let Some(at) = todo.pop() {
            for (user, _) in self.machine.graph.needed_by(at) {
                if !seen.insert(user) {
                    continue;
                }
                match self.machine.graph.node(user).kind {
                    NodeKind::Resource(_) => found.push(user),
                    _ => todo.push(user),
                }
            }
        }
        found
    }

    /// 6: what the configuration no longer has goes after those that used it have changed over.
    fn after_former_users(&mut self, leads: &HashSet<String>, follows: &mut HashSet<String>) {
        let mut barriers: BTreeMap<String, UnitId> = BTreeMap::new();
        let mut edges: HashSet<(NodeId, String)> = HashSet::new();
        for row in &self.machine.rows.all {
            let Some(object) = row.object else { continue };
            let of = &self.machine.objects[object as usize];
            let Some(node) = of.node.filter(|n| self.ends.contains_key(n)) else { continue };
            for need in row.record.dependencies.iter().map(|d| strip_keys(d)) {
                let Some(removed) = self.by_block.get(&need).filter(|_| !leads.contains(&need)) else {
                    continue;
                };
                let plain = |o: &ObjectId| self.machine.objects[*o as usize].action == PlanAction::Delete;
                if !removed.iter().any(plain) || !edges.insert((node, need.clone())) {
                    continue;
                }
                let barrier = match barriers.get(&need) {
                    Some(barrier) => *barrier,
                    None => self.schedule.add(UnitKind::Barrier),
                };
                barriers.insert(need, barrier);
                self.schedule.edge(self.ends[&node], barrier);
            }
        }
        for (block, barrier) in barriers {
            for object in self.by_block[&block].clone() {
                if self.machine.objects[object as usize].action == PlanAction::Delete {
                    self.schedule.edge(barrier, self.deletes[&object]);
                }
            }
            follows.insert(block);
        }
    }

    /// 5: what loses a dependant is changed after that is gone.
    fn before_changes(&mut self, follows: &HashSet<String>) {
        let mut nodes: HashMap<String, Vec<NodeId>> = HashMap::new();
        for id in self.begins.keys() {
            let node = self.machine.graph.node(*id);
            if !matches!(node.kind, NodeKind::Resource(_)) {
                continue;
            }
            let scope = strip_keys(&scope_address(&self.machine.graph, &self.machine.config, node.scope));
            let name = block_name(self.machine.block(*id));
            let block = if scope.is_empty() { name } else { format!("{scope}.{name}") };
            nodes.entry(block).or_default().push(*id);
        }
        let pairs: Vec<(String, NodeId)> = self
            .needs
            .iter()
            .filter(|(block, _)| !follows.contains(*block))
            .flat_map(|(block, needs)| {
                let wanted = needs.iter().filter(|n| *n != block).filter_map(|n| nodes.get(n));
                wanted.flatten().map(|node| (block.clone(), *node)).collect::<Vec<_>>()
            })
            .collect();
        let mut barriers: HashMap<NodeId, UnitId> = HashMap::new();
        for (block, node) in pairs {
            let barrier = match barriers.get(&node) {
                Some(barrier) => *barrier,
                None => {
                    let barrier = self.schedule.add(UnitKind::Barrier);
                    self.schedule.edge(barrier, self.begins[&node]);
                    barriers.insert(node, barrier);
                    barrier
                }
            };
            for object in self.by_block[&block].clone() {
                let unit = self.deletes[&object];
                self.schedule.edge(unit, barrier);
            }
        }
    }
}

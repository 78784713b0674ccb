//! `moved` blocks, and the moves that need no block: a `count` that comes or goes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pilotis_config::{Moved, Repetition};
use pilotis_diag::Diagnostic;
use pilotis_schema::address::{Instance, Key, ModulePath, Resource, Target, relocate};

use crate::codes;
use crate::graph::ScopeId;
use crate::machine::Machine;

/// More moves than this of one object are a circle.
const MAX_MOVES: usize = 1_000;

/// A `moved` block where it holds.
struct Statement<'a> {
    scope: ScopeId,
    /// Steps of the scope's path.
    depth: usize,
    moved: &'a Moved,
}

impl Machine {
    /// Gives rows the addresses that the configuration wants; `addresses` are the rows' addresses, read.
    pub(crate) fn apply_moves(&mut self, addresses: &mut [Instance]) {
        let config = self.config.clone();
        let mut statements = Vec::new();
        for index in 0..self.graph.scopes.len() {
            let scope = ScopeId(index as u32);
            let module = &config.modules[self.graph.scope(scope).module.0 as usize];
            let depth = self.depth(scope);
            statements.extend(module.moved.iter().map(|moved| Statement { scope, depth, moved }));
        }
        self.check_moves(&statements);
        if self.diags.has_errors() {
            return;
        }
        self.moves_asked_for(addresses);
        for id in self.rows.ids().filter(|_| !statements.is_empty()) {
            if self.rows.get(id).ignored {
                continue;
            }
            if let Some(to) = self.follow(&statements, &addresses[id as usize]) {
                self.move_row(id, to, addresses, true);
            }
        }
        for id in self.rows.ids() {
            if let Some(to) =
                self.implied_move(&addresses[id as usize]).filter(|_| !self.rows.get(id).ignored)
            {
                self.move_row(id, to, addresses, false);
            }
        }
    }

    /// The moves that the options name. Those that change places go through no other address: a row is where it is to be at once.
    fn moves_asked_for(&mut self, addresses: &mut [Instance]) {
        let moves = std::mem::take(&mut self.options.moves);
        let wanted: HashMap<&Instance, &Instance> = moves.iter().map(|(from, to)| (from, to)).collect();
        let mut rows: Vec<(u32, Instance)> = self
            .rows
            .ids()
            .filter(|id| !wanted.is_empty() && !self.rows.get(*id).ignored)
            .filter_map(|id| Some((id, (*wanted.get(&addresses[id as usize])?).clone())))
            .collect();
        // One whose place is free moves first; what is left then has its place taken by something that stays.
        loop {
            let free = |(_, to): &(u32, Instance)| self.rows.current(&to.to_string()).is_none();
            let Some(next) = rows.iter().position(free) else { break };
            let (id, to) = rows.swap_remove(next);
            self.move_row(id, to, addresses, true);
        }
        for (id, to) in rows {
            self.move_row(id, to, addresses, true);
        }
        self.options.moves = moves;
    }

    fn depth(&self, scope: ScopeId) -> usize {
        let mut depth = 0;
        let mut at = scope;
        while let Some((above, _)) = self.graph.scope(at).parent {
            depth += 1;
            at = above;
        }
        depth
    }

    /// Where an address ends up, if anywhere else.
    fn follow(&self, statements: &[Statement<'_>], from: &Instance) -> Option<Instance> {
        let mut at = from.clone();
        let mut visited = HashSet::from([from.clone()]);
        for _ in 0..MAX_MOVES {
            let next =
                statements.iter().find_map(|s| self.step_of(s, &at)).filter(|n| visited.insert(n.clone()));
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        (at != *from).then_some(at)
    }

    /// Where one statement takes an address.
    fn step_of(&self, statement: &Statement<'_>, instance: &Instance) -> Option<Instance> {
        let path = &instance.resource.module.0;
        if path.len() < statement.depth
            || self.graph.find_scope(&path[..statement.depth]) != Some(statement.scope)
        {
            return None;
        }
        let (here, rest) = path.split_at(statement.depth);
        let mut inside = instance.clone();
        inside.resource.module = ModulePath(rest.to_vec());
        let mut moved = relocate(&statement.moved.from, &statement.moved.to, &inside)?;
        let mut module = here.to_vec();
        module.append(&mut moved.resource.module.0);
        moved.resource.module = ModulePath(module);
        Some(moved)
    }

    /// Adding `count` to a resource keeps its object as `[0]`, and taking it away keeps `[0]`.
    fn implied_move(&self, instance: &Instance) -> Option<Instance> {
        let node = self.node_of(instance)?;
        let key = match (&self.block(node).repetition, &instance.key) {
            (Repetition::One, Some(Key::Int(0))) => None,
            (Repetition::Count(_), None) => Some(Key::Int(0)),
            _ => return None,
        };
        let to = Instance { resource: instance.resource.clone(), key };
        self.rows.current(&to.to_string()).is_none().then_some(to)
    }

    fn move_row(&mut self, id: u32, to: Instance, addresses: &mut [Instance], explicit: bool) {
        let text: Arc<str> = to.to_string().into();
        let deposed = self.rows.get(id).record.key.deposed.is_some();
        if !deposed && let Some(other) = self.rows.current(&text) {
            if explicit && other != id {
                let from = self.rows.get(id).record.key.address.clone();
                self.diagnose(
                    Diagnostic::warning("Unresolved resource instance address changes")
                        .code(codes::MOVED)
                        .address(&*from)
                        .detail(format!(
                            "{from} should move to {text}, but there is an object at that address already; it stays where it is."
                        )),
                );
            }
            return;
        }
        self.rows.rename(id, text);
        addresses[id as usize] = to;
    }

    fn check_moves(&mut self, statements: &[Statement<'_>]) {
        let mut by_to: HashMap<(ScopeId, String), String> = HashMap::new();
        let mut by_from: HashMap<(ScopeId, String), String> = HashMap::new();
        let mut said = HashSet::new();
        for statement in statements {
            let Moved { from, to, span } = statement.moved;
            let (from_text, to_text) = (from.to_string(), to.to_string());
            // A module that is called many times says it once.
            if !said.insert(*span) {
                continue;
            }
            let error = |summary: &str| Diagnostic::error(summary).code(codes::MOVED).at(*span);
            if from == to {
                self.diagnose(
                    error("Redundant move statement")
                        .detail(format!("This says that {from_text} moves to itself."))
                        .help("Take the block out."),
                );
                continue;
            }
            if self.is_declared(statement.scope, from, to) {
                self.diagnose(
                    error("Moved object still exists")
                        .detail(format!("This says that {from_text} has moved, but it is still declared in the configuration."))
                        .help(format!("Take {from_text} out of the configuration, or this block.")),
                );
                continue;
            }
            let ambiguous = by_to.insert((statement.scope, to_text.clone()), from_text.clone());
            let ambiguous = ambiguous
                .filter(|other| *other != from_text)
                .map(|other| format!("{other} moves to {to_text} too"));
            let split = by_from.insert((statement.scope, from_text.clone()), to_text.clone());
            let split =
                split.filter(|other| *other != to_text).map(|other| format!("it moves to {other} too"));
            if let Some(why) = ambiguous.or(split) {
                self.diagnose(
                    error("Ambiguous move statements")
                        .detail(format!("This says that {from_text} moves to {to_text}, but {why}.")),
                );
            }
        }
    }

    /// A module that is called once, without `count` and `for_each`.
    fn is_single(&self, scope: ScopeId) -> bool {
        let call = self.graph.scope(scope).parent;
        call.is_some_and(|(above, call)| {
            let call = &self.module(above).calls[call as usize];
            call.label.is_none() && matches!(call.repetition, Repetition::One)
        })
    }

    /// True if what moved away is still there.
    fn is_declared(&self, scope: ScopeId, from: &Target, to: &Target) -> bool {
        let block = |resource: &Resource| {
            let mut at = scope;
            for step in &resource.module.0 {
                at = self.graph.step(at, step)?;
            }
            let blocks = &self.module(at).resources;
            blocks.iter().find(|b| b.type_name == resource.type_name && b.name == resource.name)
        };
        match (from, to) {
            (Target::Resource(from), Target::Resource(_)) => block(from).is_some(),
            (Target::Resource(from), _) => {
                block(from).is_some_and(|b| matches!(b.repetition, Repetition::One))
            }
            (Target::Module(path), Target::Module(to)) => {
                // Only keys differ: instances of one call.
                let names = |p: &ModulePath| p.0.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
                let keyed = path.0.last().is_some_and(|s| s.key.is_some());
                let found = path.0.iter().try_fold(scope, |at, step| self.graph.step(at, step));
                let names_differ = names(path) != names(to);
                found.is_some_and(|at| !keyed && (names_differ || self.is_single(at)))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_move_as_blocks_say() {
        for (from, to, address, moved) in [
            ("t.a", "t.b", "t.a", Some("t.b")),
            ("t.a", "t.b", "t.a[\"k\"]", Some("t.b[\"k\"]")),
            ("t.a", "t.b[0]", "t.a", Some("t.b[0]")),
            ("t.a", "t.b[0]", "t.a[1]", None),
            ("t.a[0]", "t.b[\"x\"]", "t.a[0]", Some("t.b[\"x\"]")),
            ("t.a", "module.m.t.a", "t.a", Some("module.m.t.a")),
            ("module.a", "module.b", "module.a[\"k\"].t.n", Some("module.b[\"k\"].t.n")),
            ("module.a", "module.b[\"k\"]", "module.a.t.n[1]", Some("module.b[\"k\"].t.n[1]")),
            ("module.a", "module.b[\"k\"]", "module.a[0].t.n", None),
            (
                "module.a[0]",
                "module.a[\"x\"]",
                "module.a[0].module.c.t.n",
                Some("module.a[\"x\"].module.c.t.n"),
            ),
            ("t.a", "t.b", "module.m.t.a", None),
        ] {
            let got = relocate(&from.parse().unwrap(), &to.parse().unwrap(), &address.parse().unwrap());
            assert_eq!(got.map(|i| i.to_string()).as_deref(), moved, "{from} → {to}: {address}");
        }
    }
}

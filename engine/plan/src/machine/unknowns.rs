//! Why something is not known yet: which objects it waits for, and how to make those first.

use std::collections::{BTreeSet, HashSet};

use pilotis_config::Symbol;
use pilotis_lang::Compiled;

use crate::PlanAction;
use crate::graph::{NodeId, NodeKind, ScopeId, block_name, scope_address};
use crate::machine::Machine;

/// Blocks named in a message.
const NAMED: usize = 3;

/// The blocks whose objects something waits for.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Their addresses, in order.
    blocks: Vec<String>,
}

impl Sources {
    /// A sentence, or nothing.
    pub(crate) fn why(&self) -> String {
        match self.blocks.as_slice() {
            [] => String::new(),
            _ => format!(" It comes from {}, which this apply makes or changes.", self.names()),
        }
    }

    /// The same as the end of a clause.
    pub(crate) fn clause(&self) -> String {
        match self.blocks.as_slice() {
            [] => String::new(),
            _ => format!(": it comes from {}", self.names()),
        }
    }

    /// What to run first, so that it is known.
    pub(crate) fn first_step(&self) -> Option<String> {
        if self.blocks.is_empty() {
            return None;
        }
        let targets: Vec<String> = self.blocks.iter().map(|b| format!("-target={}", quoted(b))).collect();
        Some(format!("Or make that first, with `pilotis apply {}`, and then the rest.", targets.join(" ")))
    }

    fn names(&self) -> String {
        let more = self.blocks.len().saturating_sub(NAMED);
        let names = self.blocks.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{names} and {more} more") } else { names }
    }
}

/// An address as a shell takes it.
fn quoted(address: &str) -> String {
    if address.contains(['[', '"']) { format!("'{address}'") } else { address.to_owned() }
}

impl Machine {
    /// What an expression of a scope waits for.
    pub(crate) fn unknown_sources(&self, scope: ScopeId, compiled: &Compiled) -> Sources {
        let symbols = &self.module(scope).symbols;
        let mut start = HashSet::new();
        for reference in compiled.references() {
            match symbols.get(reference.slot.0 as usize) {
                Some(Symbol::Variable(i)) => start.extend([self.graph.id(scope, NodeKind::Variable(*i))]),
                Some(Symbol::Local(i)) => start.extend([self.graph.id(scope, NodeKind::Local(*i))]),
                Some(Symbol::Resource(i)) => start.extend([self.graph.id(scope, NodeKind::Resource(*i))]),
                Some(Symbol::Call(i)) => start.extend(self.outputs_of(scope, *i)),
                Some(Symbol::Calls(all)) => {
                    all.iter().for_each(|i| start.extend(self.outputs_of(scope, *i)));
                }
                _ => {}
            }
        }
        self.sources(start)
    }

    /// What a node waits for.
    pub(crate) fn sources_of(&self, id: NodeId) -> Sources {
        self.sources(self.graph.needs(id).map(|(n, _)| n).collect())
    }

    fn outputs_of(&self, scope: ScopeId, call: u32) -> Vec<NodeId> {
        let Some(child) = self.graph.scope(scope).children.get(call as usize).copied() else {
            return Vec::new();
        };
        let outputs = 0..self.module(child).outputs.len() as u32;
        outputs.map(|i| self.graph.id(child, NodeKind::Output(i))).collect()
    }

    /// The nearest blocks on the way that are made or changed; through values that are known leads no way.
    fn sources(&self, start: HashSet<NodeId>) -> Sources {
        let mut seen = start;
        let mut todo: Vec<NodeId> = seen.iter().copied().collect();
        let mut found = BTreeSet::new();
        while let Some(id) = todo.pop() {
            let node = self.graph.node(id);
            let state = &self.nodes[id.0 as usize];
            if !state.values.is_empty() && state.values.iter().all(pilotis_value::Value::is_wholly_known) {
                continue;
            }
            if let NodeKind::Resource(_) = node.kind {
                let changes = |o: &u32| self.objects[*o as usize].action != PlanAction::NoOp;
                if state.objects.iter().flatten().any(changes) && !self.reads_later(id) {
                    let scope = scope_address(&self.graph, &self.config, node.scope);
                    let name = block_name(self.block(id));
                    found.insert(if scope.is_empty() { name } else { format!("{scope}.{name}") });
                    continue;
                }
            }
            todo.extend(self.graph.needs(id).map(|(n, _)| n).filter(|n| seen.insert(*n)));
        }
        Sources { blocks: found.into_iter().collect() }
    }

    /// A data source that is read during apply waits for others itself.
    fn reads_later(&self, id: NodeId) -> bool {
        self.block(id).mode == pilotis_schema::address::Mode::Data
    }
}

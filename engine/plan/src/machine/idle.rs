//! What a plan does not rest on: blocks of which nothing changes and that nothing that changes needs, and their stored objects.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use pilotis_diag::Span;
use pilotis_schema::address::Mode;
use pilotis_state::ResourceKey;
use pilotis_value::Value;

use crate::graph::{NodeId, NodeKind};
use crate::machine::rows::Seen;
use crate::machine::{Machine, Pending};
use crate::{PlanMode, RequestId};

/// Blocks and rows without which the plan does the same.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    /// Where the blocks stand, by name of the file.
    pub(crate) blocks: HashMap<Arc<str>, Vec<Range<usize>>>,
    pub(crate) rows: HashSet<ResourceKey>,
}

impl Machine {
    /// What of the inputs of the plan could be left out.
    pub(crate) fn idle(&mut self) -> Idle {
        let narrowed = self.targets.partial || self.options.mode != PlanMode::Normal;
        if narrowed || !self.unsettled_new.is_empty() {
            return Idle::default();
        }
        let mut rows: HashMap<NodeId, Vec<u32>> = HashMap::new();
        for id in self.rows.ids() {
            if let Some(node) = self.rows.get(id).node {
                rows.entry(node).or_default().push(id);
            }
        }
        let none = Vec::new();
        let mut busy = Vec::new();
        for id in self.graph.ids() {
            let of_block = rows.get(&id).unwrap_or(&none);
            if !(self.is_still(id) && of_block.iter().all(|row| self.is_row_still(*row))) {
                busy.push(id);
            }
        }
        // A block is one text, however many scopes its module has.
        let block = |id: NodeId| {
            let node = self.graph.node(id);
            match node.kind {
                NodeKind::Resource(index) => Some((self.graph.scope(node.scope).module, index)),
                _ => None,
            }
        };
        let needed: HashSet<_> = self.graph.with_needs(busy).into_iter().filter_map(block).collect();
        let mut idle = Idle::default();
        let mut left_out = HashSet::new();
        for id in self.graph.ids() {
            let Some(block) = block(id).filter(|block| !needed.contains(block)) else { continue };
            if left_out.insert(block) {
                let Span { file, start, end } = self.block(id).extent;
                let name = self.config.sources.file(file).name.clone();
                idle.blocks.entry(name).or_default().push(start as usize..end as usize);
            }
            let keys = rows.get(&id).into_iter().flatten().map(|row| self.rows.get(*row).record.key.clone());
            idle.rows.extend(keys);
        }
        idle
    }

    /// Nothing of a block changes, and it says nothing of others.
    fn is_still(&self, id: NodeId) -> bool {
        let state = &self.nodes[id.0 as usize];
        if !matches!(self.graph.node(id).kind, NodeKind::Resource(_)) || !state.settled || !state.included {
            return false;
        }
        let block = self.block(id);
        let lifecycle = &block.lifecycle;
        let is_checked = !lifecycle.preconditions.is_empty() || !lifecycle.postconditions.is_empty();
        // Create before destroy holds for all that a block needs, too. A block in JSON can't be taken out of its text.
        let is_apart = !lifecycle.create_before_destroy && !is_checked && block.mode != Mode::Ephemeral;
        let is_native = !self.config.sources.file(block.extent.file).name.ends_with(".json");
        let objects = state.objects.iter().flatten().map(|o| &self.objects[*o as usize]);
        is_apart && is_native && objects.into_iter().all(|o| !o.skipped && o.importing.is_none())
    }

    /// An apply writes nothing of a row.
    fn is_row_still(&mut self, id: u32) -> bool {
        let row = self.rows.get(id);
        let seen = matches!(row.seen, Seen::Same | Seen::NotLooked);
        let plain = row.moved_from.is_none() && row.record.key.deposed.is_none();
        let planned = row.object.is_some() && row.included && !row.ignored && !row.unsettled;
        seen && plain && planned && self.renewed(id).is_some_and(|record| record == self.rows.get(id).record)
    }

    /// The stored objects that a request asks for singly.
    pub(crate) fn rows_asked_for(&self, request: RequestId) -> Vec<ResourceKey> {
        match self.pending.get(&request) {
            Some(Pending::Read(_, rows) | Pending::LookAgain(_, rows)) => {
                rows.iter().map(|row| self.rows.get(*row).record.key.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What was seen of a stored object: none inside if it is gone, none if nobody could look.
    pub(crate) fn seen_of(&self, key: &ResourceKey) -> Option<Option<Value>> {
        let row = match &key.deposed {
            None => self.rows.get(self.rows.current(&key.address)?),
            Some(_) => self.rows.all.iter().find(|row| row.record.key == *key)?,
        };
        match &row.seen {
            Seen::Same => row.recorded.clone().map(Some),
            Seen::Changed(value) => Some(Some(value.clone())),
            Seen::Gone => Some(None),
            Seen::NotLooked | Seen::Unseen => None,
        }
    }
}

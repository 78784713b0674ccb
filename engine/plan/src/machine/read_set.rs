//! What a plan reads and leaves as it is: the stored objects whose values its changes are made of.
//!
//! The graph knows blocks, not instances. Here its edges are followed from one instance of a module to another, so that what one
//! project of a thousand needs is not all that stands in the other ones. Which instance of a block an index chooses, only its expression
//! knows: it is taken for the one with the reader's own key, as `[each.key]` says, and for all of them if there is none.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use pilotis_schema::address::{Instance, Key, Mode};

use crate::PlanAction;
use crate::graph::{NodeId, NodeKind, ScopeId};
use crate::machine::{InstanceId, Machine};

/// A node, and which instance of its scope.
type Place = (NodeId, InstanceId);
/// Who reads: a place, and the key of the object for whose sake.
type Reader = (Place, Option<Key>);

/// The stored objects of a block in an instance of its module.
#[derive(Default)]
struct Block {
    all: Vec<Arc<str>>,
    keyed: HashMap<Key, Arc<str>>,
}

impl Machine {
    /// The addresses of stored objects that an apply of the plan makes its changes of, and leaves as they are: what nobody else may
    /// change meanwhile. Sorted; none that is in the write set ([`Machine::write_set`]).
    pub fn read_set(&mut self) -> Vec<Arc<str>> {
        let written: HashSet<Arc<str>> = self.write_set().into_iter().collect();
        let mut read = BTreeSet::new();
        let mut todo = self.readers();
        let mut seen: HashSet<Reader> = todo.iter().cloned().collect();
        let mut blocks: HashMap<Place, Block> = HashMap::new();
        while let Some((place, key)) = todo.pop() {
            for needed in self.places_needed(place) {
                if !seen.insert((needed, key.clone())) {
                    continue;
                }
                if !self.is_managed(needed.0) {
                    todo.push((needed, key.clone()));
                    continue;
                }
                let block = blocks.entry(needed).or_insert_with(|| self.stored_at(needed));
                match key.as_ref().and_then(|key| block.keyed.get(key)) {
                    Some(address) => drop(read.insert(address.clone())),
                    // Once is enough.
                    None => read.extend(std::mem::take(&mut block.all)),
                }
            }
        }
        read.into_iter().filter(|address| !written.contains(address)).collect()
    }

    /// Where something is made or changed by what its block says. What is only taken away is asked of its provider alone.
    fn readers(&self) -> Vec<Reader> {
        let mut readers = HashSet::new();
        for object in self.objects.iter().filter(|o| !o.skipped) {
            match (object.action, object.node) {
                (PlanAction::NoOp, _) if object.importing.is_none() => {}
                (PlanAction::Delete | PlanAction::Forget, _) | (_, None) => {
                    readers.insert(((self.graph.provider_node(object.provider), 0), None));
                }
                (_, Some(node)) => {
                    readers.insert(((node, object.instance), key(&object.address)));
                }
            }
        }
        readers.into_iter().collect()
    }

    fn places_needed(&self, (node, instance): Place) -> Vec<Place> {
        let scope = self.graph.node(node).scope;
        let needs = self.graph.needs(node);
        needs
            .flat_map(|(n, _)| self.instances_seen(scope, instance, n).into_iter().map(move |i| (n, i)))
            .collect()
    }

    /// The instances of a node's scope that an instance of another scope sees of it: its own, the one that it lies in, or those that lie
    /// in it. Where neither lies right in the other, all.
    fn instances_seen(&self, from: ScopeId, instance: InstanceId, node: NodeId) -> Vec<InstanceId> {
        let to = self.graph.node(node).scope;
        let above = |scope: ScopeId| self.graph.scope(scope).parent.map(|(parent, _)| parent);
        let state = &self.scopes[to.0 as usize];
        if to == from {
            vec![instance]
        } else if above(from) == Some(to) {
            self.scopes[from.0 as usize]
                .instances
                .get(instance as usize)
                .map(|i| i.parent)
                .into_iter()
                .collect()
        } else if above(to) == Some(from) {
            state.by_parent.get(instance as usize).cloned().unwrap_or_default()
        } else {
            (0..state.instances.len() as InstanceId).collect()
        }
    }

    fn is_managed(&self, id: NodeId) -> bool {
        matches!(self.graph.node(id).kind, NodeKind::Resource(_)) && self.block(id).mode == Mode::Managed
    }

    fn stored_at(&self, (node, instance): Place) -> Block {
        let mut block = Block::default();
        let objects = self.nodes[node.0 as usize].objects.get(instance as usize);
        let objects = objects.into_iter().flatten().map(|o| &self.objects[*o as usize]);
        for object in objects.filter(|o| o.row.is_some()) {
            block.all.push(object.address.clone());
            if let Some(key) = key(&object.address) {
                block.keyed.insert(key, object.address.clone());
            }
        }
        block
    }
}

/// The key of an instance, by its address.
fn key(address: &str) -> Option<Key> {
    if address.ends_with(']') { address.parse::<Instance>().ok()?.key } else { None }
}

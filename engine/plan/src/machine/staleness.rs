//! What a plan writes, and whether what it rests on is still as it saw it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pilotis_state::{Expect, IntentId, ResourceKey, ResourceRecord, Snapshot};

use crate::PlanAction;
use crate::graph::NodeId;
use crate::machine::Machine;
use crate::machine::rows::Seen;

impl Machine {
    /// The addresses that an apply of the plan writes: what a run must hold.
    pub fn write_set(&mut self) -> Vec<Arc<str>> {
        let mut set: Vec<Arc<str>> = Vec::new();
        for object in self.objects.iter().filter(|o| !o.skipped) {
            if object.action != PlanAction::NoOp || object.importing.is_some() {
                set.push(object.address.clone());
            }
        }
        for id in self.rows.ids() {
            let row = self.rows.get(id);
            if row.ignored || !row.included {
                continue;
            }
            let changed = matches!(row.seen, Seen::Gone | Seen::Changed(_));
            let moved = row.moved_from.clone();
            let address = row.record.key.address.clone();
            if changed || moved.is_some() {
                set.push(address);
                set.extend(moved);
            }
        }
        set.sort();
        set.dedup();
        set
    }

    /// The stored objects that the plan rests on and that are not as it saw them any more.
    pub fn stale(&self, now: &Snapshot) -> Vec<ResourceKey> {
        let changed: Vec<NodeId> = self
            .objects
            .iter()
            .filter(|o| !o.skipped && o.action != PlanAction::NoOp)
            .filter_map(|o| o.node)
            .collect();
        let read = self.graph.with_needs(changed);
        let records: HashMap<&ResourceKey, &ResourceRecord> =
            now.resources.iter().map(|r| (&r.key, r)).collect();
        let mut stale = Vec::new();
        for row in &self.rows.all {
            if row.expect == Expect::Absent {
                continue;
            }
            let writes = row.object.is_some_and(|o| self.objects[o as usize].action != PlanAction::NoOp);
            let moves = row.moved_from.is_some() || matches!(row.seen, Seen::Gone | Seen::Changed(_));
            let reads = row.node.is_some_and(|n| read.contains(&n));
            if !(writes || moves || reads) || row.ignored {
                continue;
            }
            let mut key = row.record.key.clone();
            if let Some(from) = &row.moved_from {
                key.address = from.clone();
            }
            let is_same = records.get(&key).is_some_and(|now| match row.expect {
                Expect::Version(version) => now.version == version,
                // This plan has written it when it settled an interrupted change: its version isn't known, but what it said is.
                _ => now.digest == row.record.digest && now.status == row.record.status,
            });
            if !is_same {
                stale.push(key);
            }
        }
        for object in
            self.objects.iter().filter(|o| !o.skipped && o.action == PlanAction::Create && o.row.is_none())
        {
            let key = ResourceKey::current(object.address.clone());
            if records.contains_key(&key) {
                stale.push(key);
            }
        }
        stale.extend(self.unsettled_since(now));
        stale.sort();
        stale.dedup();
        stale
    }
    /// Other runs were at work when the state was read. One of them may have died since, though nobody has committed anything.
    pub fn others_at_work(&self) -> bool {
        self.others_at_work
    }

    /// Objects of the plan that another run has begun to change since and is not at work on any more: what became of that is to be
    /// settled before anything is done to them.
    fn unsettled_since(&self, now: &Snapshot) -> Vec<ResourceKey> {
        let known: HashSet<&IntentId> = self.intents.iter().map(|i| &i.id).collect();
        let unknown: Vec<_> = now.intents.iter().filter(|i| !known.contains(&i.id)).collect();
        if unknown.is_empty() {
            return Vec::new();
        }
        let changed = self.objects.iter().filter(|o| !o.skipped && o.action != PlanAction::NoOp);
        let changed: HashSet<&Arc<str>> = changed.map(|o| &o.address).collect();
        unknown.into_iter().filter(|i| changed.contains(&i.key.address)).map(|i| i.key.clone()).collect()
    }
}

//! What is stored beside effects: moves, what changed by itself, what is forgotten, imports, what the configuration says of objects
//! that stay; and the record of an object.

use std::collections::HashMap;
use std::sync::Arc;

use pilotis_schema::address::Mode;
use pilotis_state::{
    Action, Change, ChangeOutcome, Expect, ResourceKey, ResourceRecord, RunId, Status, Write, edit,
};
use pilotis_value::Value;

use crate::graph::{NodeId, block_name, scope_address};
use crate::machine::commits::Then;
use crate::machine::rows::Seen;
use crate::machine::{Machine, ObjectId};
use crate::record::Encoded;
use crate::{PlanAction, PlanMode};

/// More recorded dependencies than this of one block are left out, the nearest are kept: enough to remove things in order.
const MAX_DEPENDENCIES: usize = 1_000;

impl Machine {
    /// What is stored before anything is done: moves, what changed by itself, what is forgotten, what the configuration says of
    /// objects that stay.
    pub(crate) fn housekeeping(&mut self) -> Vec<Write> {
        let mut writes = self.move_writes();
        for id in self.rows.ids() {
            let row = self.rows.get(id);
            if row.ignored || !row.included {
                continue;
            }
            let expect = row.expect;
            match &row.seen {
                Seen::Gone => {
                    let key = row.record.key.clone();
                    let change = self.note(&key, Action::Refresh, Some(row.record.attributes.clone()), None);
                    writes.extend([Write::Remove { key, expect }, Write::Note(change)]);
                    let row = self.rows.get_mut(id);
                    row.expect = Expect::Absent;
                }
                Seen::NotLooked | Seen::Same | Seen::Changed(_) | Seen::Unseen => {
                    let object = row.object.map(|o| &self.objects[o as usize]);
                    let forget = object.is_some_and(|o| o.action == PlanAction::Forget);
                    if forget {
                        let key = row.record.key.clone();
                        let change =
                            self.note(&key, Action::Forget, Some(row.record.attributes.clone()), None);
                        writes.extend([Write::Remove { key, expect }, Write::Note(change)]);
                    } else {
                        self.renew_row(id, expect, &mut writes);
                    }
                }
            }
        }
        self.import_writes(&mut writes);
        writes
    }

    /// Brings a stored object up to date that stays as it is, if anything of it has changed. Where only what the row says of its place in
    /// the configuration has (what it depends on, that it is protected), the run holds no lease of it, and another one may be at work on
    /// the object: then that is left to the next run, and nothing of this one fails for it.
    fn renew_row(&mut self, id: u32, expect: Expect, writes: &mut Vec<Write>) {
        let Some(mut record) = self.renewed(id) else { return };
        let row = self.rows.get(id);
        let old = &row.record;
        if record == *old {
            return;
        }
        record.version = 0;
        if record.attributes != old.attributes {
            let change = self.note(
                &old.key,
                Action::Refresh,
                Some(old.attributes.clone()),
                Some(record.attributes.clone()),
            );
            writes.push(Write::Note(change));
        }
        let is_held = matches!(row.seen, Seen::Changed(_)) || row.moved_from.is_some();
        let put = Write::Put { record: record.clone(), expect };
        if is_held {
            writes.push(put);
        } else {
            self.commit(vec![put], Then::Courtesy);
        }
        let row = self.rows.get_mut(id);
        row.record = record;
        row.expect = Expect::Any;
    }

    /// The record as an apply would store it that changes nothing of the object.
    pub(crate) fn renewed(&mut self, id: u32) -> Option<ResourceRecord> {
        let row = self.rows.get(id);
        let mut record = row.record.clone();
        if let Seen::Changed(value) = &row.seen {
            let ty = self.types.get(&(Mode::Managed, record.type_name.to_string()))?;
            let Encoded { attributes, sensitive_paths, digest } = ty.encode(value).ok()?;
            record.attributes = attributes;
            record.sensitive_paths = sensitive_paths;
            record.digest = digest;
            record.schema_version = ty.schema.version;
        }
        let object = row.object;
        let Some(object) = object else { return Some(record) };
        let of = &self.objects[object as usize];
        // What is changed anyway is stored when it is.
        if of.action != PlanAction::NoOp || of.skipped {
            return Some(record);
        }
        if let Some(node) = of.node
            && self.options.mode == PlanMode::Normal
        {
            record.protected = self.protects(node, object);
            record.create_before_destroy = self.create_first[node.0 as usize];
            record.provider = self.providers[self.objects[object as usize].provider as usize].address.clone();
            record.dependencies = self.dependencies(node);
        }
        Some(record)
    }

    /// Moves, in an order in which each finds its place free.
    fn move_writes(&mut self) -> Vec<Write> {
        let moved: Vec<(u32, ResourceKey, ResourceKey)> = self
            .rows
            .ids()
            .filter(|id| !self.rows.get(*id).ignored)
            .filter_map(|id| {
                let row = self.rows.get(id);
                let from =
                    ResourceKey { address: row.moved_from.clone()?, deposed: row.record.key.deposed.clone() };
                Some((id, from, row.record.key.clone()))
            })
            .collect();
        let sources: HashMap<ResourceKey, usize> =
            moved.iter().enumerate().map(|(i, (_, from, _))| (from.clone(), i)).collect();
        let mut writes = Vec::new();
        let mut done = vec![false; moved.len()];
        for start in 0..moved.len() {
            // What stands in the place goes first.
            let mut chain = Vec::new();
            let mut at = Some(start);
            while let Some(i) = at.filter(|i| !done[*i]) {
                done[i] = true;
                chain.push(i);
                at = sources.get(&moved[i].2).copied();
            }
            for i in chain.into_iter().rev() {
                let (id, from, to) = &moved[i];
                let (before, after) = edit::addresses_of_move(from, to);
                let change = self.note(to, Action::Move, Some(before), Some(after));
                writes.extend([Write::Move { from: from.clone(), to: to.clone() }, Write::Note(change)]);
                self.rows.get_mut(*id).expect = Expect::Any;
            }
        }
        writes
    }

    /// Imported objects are stored as they were found; a change of them comes after.
    fn import_writes(&mut self, writes: &mut Vec<Write>) {
        let imported: Vec<ObjectId> = (0..self.objects.len() as ObjectId)
            .filter(|o| self.objects[*o as usize].importing.is_some() && !self.objects[*o as usize].skipped)
            .collect();
        for object in imported {
            let before = self.objects[object as usize].before.clone();
            let Ok(record) = self.record_of(object, &before, Status::Ready) else { continue };
            let change = self.note(&record.key, Action::Import, None, Some(record.attributes.clone()));
            writes
                .extend([Write::Note(change), Write::Put { record: record.clone(), expect: Expect::Absent }]);
            let row = self.rows.add(record, Expect::Any);
            self.rows.get_mut(row).object = Some(object);
            self.objects[object as usize].row = Some(row);
        }
    }

    /// The record of an object with a value.
    pub(crate) fn record_of(
        &mut self,
        object: ObjectId,
        value: &Value,
        status: Status,
    ) -> Result<ResourceRecord, String> {
        let of = &self.objects[object as usize];
        let (ty, address, provider) = (of.ty.clone(), of.address.clone(), of.provider);
        let Some(node) = of.node else { return Err("it has no block".into()) };
        let encoded = ty.encode(value)?;
        Ok(ResourceRecord {
            key: ResourceKey::current(address),
            type_name: self.block(node).type_name.as_str().into(),
            provider: self.providers[provider as usize].address.clone(),
            schema_version: ty.schema.version,
            attributes: encoded.attributes,
            sensitive_paths: encoded.sensitive_paths,
            dependencies: self.dependencies(node),
            status,
            create_before_destroy: self.create_first[node.0 as usize],
            protected: self.protects(node, object),
            digest: encoded.digest,
            version: 0,
        })
    }

    /// The resource blocks that a block depends on, also through others: what is stored with its objects.
    pub(crate) fn dependencies(&mut self, node: NodeId) -> Vec<Arc<str>> {
        if let Some(found) = self.applying.as_ref().and_then(|a| a.dependencies.get(&node)) {
            return found.clone();
        }
        let address = |id: &NodeId| -> Arc<str> {
            let scope = scope_address(&self.graph, &self.config, self.graph.node(*id).scope);
            let name = block_name(self.block(*id));
            if scope.is_empty() { name.into() } else { format!("{scope}.{name}").into() }
        };
        let needed = self.graph.resources_needed(node, MAX_DEPENDENCIES);
        // What lives for one run only is no part of what is stored.
        let mut found: Vec<Arc<str>> =
            needed.iter().filter(|id| !self.is_ephemeral(**id)).map(address).collect();
        found.sort();
        if let Some(apply) = &mut self.applying {
            apply.dependencies.insert(node, found.clone());
        }
        found
    }

    pub(crate) fn note(
        &self,
        key: &ResourceKey,
        action: Action,
        before: Option<Arc<str>>,
        after: Option<Arc<str>>,
    ) -> Change {
        Change {
            run: self.applying.as_ref().map_or_else(|| RunId("".into()), |a| a.run.clone()),
            key: key.clone(),
            action,
            at: self.now,
            before,
            after,
            outcome: ChangeOutcome::Done,
            error: None,
        }
    }
}

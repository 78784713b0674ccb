//! What data sources said, as the state keeps it: for whoever looks into the state, as Terraform keeps it. It is written with the end of a run;
//! nothing is ever planned from it, no run waits for it, and no plan is stale because of it.

use std::collections::HashSet;
use std::sync::Arc;

use pilotis_schema::address::{Instance, Mode};
use pilotis_state::{Expect, ResourceRecord, Status, Write};

use crate::machine::{Machine, Object, ObjectId};
use crate::{PlanAction, PlanMode, ReadData};

impl Machine {
    /// The data sources as the plan knows them: what was read, and what the state has of those that the plan isn't about.
    pub(crate) fn known_data(&mut self) -> Vec<ReadData> {
        let read = |o: &&Object| o.action == PlanAction::NoOp && self.was_read(o);
        let mut known: Vec<ReadData> = self
            .objects
            .iter()
            .filter(read)
            .map(|o| ReadData {
                address: self.instance_of(o),
                provider: self.providers[o.provider as usize].address.to_string(),
                schema_version: o.ty.schema.version,
                value: o.after.clone(),
            })
            .collect();
        let seen: HashSet<String> = known.iter().map(|d| d.address.to_string()).collect();
        for id in self.stored_data() {
            let record = &self.rows.get(id).record;
            let Ok(address) = record.key.address.parse::<Instance>() else { continue };
            if seen.contains(&*record.key.address) || !self.stays(&address) {
                continue;
            }
            let (type_name, record) = (record.type_name.clone(), record.clone());
            let Some(ty) = self.object_type(Mode::Data, &type_name) else { continue };
            let Ok(value) = ty.decode(&record.attributes, &record.sensitive_paths) else { continue };
            let provider = record.provider.to_string();
            known.push(ReadData { address, provider, schema_version: record.schema_version, value });
        }
        known.sort_by(|a, b| a.address.cmp(&b.address));
        known
    }

    /// Brings the stored data sources up to what was read; those that the configuration no longer has are removed.
    pub(crate) fn data_writes(&mut self) -> Vec<Write> {
        let read: Vec<ObjectId> = match self.destroying() {
            true => Vec::new(),
            false => (0..self.objects.len() as ObjectId)
                .filter(|o| self.was_read(&self.objects[*o as usize]))
                .collect(),
        };
        let mut writes = Vec::new();
        let mut written: HashSet<Arc<str>> = HashSet::new();
        for object in read {
            let value = self.objects[object as usize].after.clone();
            let Ok(record) = self.record_of(object, &value, Status::Ready) else { continue };
            // What it was made from is in the configuration; only what can be removed has an order to be kept.
            let record = ResourceRecord {
                dependencies: Vec::new(),
                protected: false,
                create_before_destroy: false,
                ..record
            };
            written.insert(record.key.address.clone());
            let old = self.rows.current(&record.key.address).map(|row| &self.rows.get(row).record);
            if old.is_none_or(|old| ResourceRecord { version: record.version, ..old.clone() } != record) {
                writes.push(Write::Put { record, expect: Expect::Any });
            }
        }
        for id in self.stored_data() {
            let key = self.rows.get(id).record.key.clone();
            let Ok(address) = key.address.parse::<Instance>() else { continue };
            let gone = if self.destroying() {
                !self.targets.partial
            } else {
                !self.is_planned(&address) && !self.stays(&address)
            };
            if gone && !written.contains(&key.address) {
                writes.push(Write::Remove { key, expect: Expect::Any });
            }
        }
        writes
    }

    /// A data source of which all is known.
    fn was_read(&self, object: &Object) -> bool {
        let is_data = object.node.is_some_and(|id| self.block(id).mode == Mode::Data);
        is_data && !object.skipped && !object.after.is_null() && object.after.is_wholly_known()
    }

    fn stored_data(&self) -> Vec<u32> {
        self.rows.ids().filter(|id| self.rows.get(*id).record.key.is_data()).collect()
    }

    /// The configuration has this data source, and its instances are told.
    fn is_planned(&self, address: &Instance) -> bool {
        let text = address.to_string();
        self.node_of(address).is_some_and(|node| {
            let objects = self.nodes[node.0 as usize].objects.iter().flatten();
            objects.into_iter().any(|o| *self.objects[*o as usize].address == *text)
        })
    }

    /// A stored data source that this plan says nothing of.
    fn stays(&self, address: &Instance) -> bool {
        match self.node_of(address) {
            _ if self.options.mode == PlanMode::Destroy => true,
            Some(node) => self.is_uncertain(node, address),
            None => self.targets.partial,
        }
    }
}

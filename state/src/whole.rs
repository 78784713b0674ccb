//! Everything that a state holds, for a copy of it in another store, and a digest that says whether two hold the same.
//!
//! Leases are not part of it: they belong to the processes that hold them now.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::audit::AuditEntry;
use crate::{Change, Intent, Observation, OutputRecord, ResourceRecord, Run, RunId, Snapshot, Write};

/// Everything that a state holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    /// Names the state for ever.
    pub lineage: String,
    /// Counts its transactions.
    pub serial: u64,
    /// All objects with their versions, sorted by key.
    pub resources: Vec<ResourceRecord>,
    /// All outputs, sorted by name.
    pub outputs: Vec<OutputRecord>,
    /// Open intents, oldest first.
    pub intents: Vec<Intent>,
    /// What was last seen of each object, sorted by key.
    pub observations: Vec<Observation>,
    /// All runs, oldest first.
    pub runs: Vec<Run>,
    /// All that they did, in order.
    pub changes: Vec<Change>,
    /// What runs were made of, where that was kept.
    #[serde(with = "crate::made_of")]
    pub made_of: Vec<(RunId, Arc<str>)>,
    /// What came of conditions in the last apply.
    pub checks: Arc<str>,
    /// The audit journal, oldest entry first.
    pub audit: Vec<AuditEntry>,
}

impl fmt::Debug for Whole {
    /// What runs were made of may hold secrets: of that only how much there is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whole")
            .field("lineage", &self.lineage)
            .field("serial", &self.serial)
            .field("resources", &self.resources)
            .field("outputs", &self.outputs)
            .field("intents", &self.intents)
            .field("observations", &self.observations)
            .field("runs", &self.runs)
            .field("changes", &self.changes)
            .field("made_of", &self.made_of.len())
            .field("audit", &self.audit.len())
            .finish_non_exhaustive()
    }
}

impl Whole {
    /// Out of the parts that a store reads; `runs` newest first, as it gives them.
    pub fn new(
        snapshot: Snapshot,
        observations: Vec<Observation>,
        mut runs: Vec<Run>,
        changes: Vec<Change>,
        made_of: Vec<(RunId, Arc<str>)>,
        audit: Vec<AuditEntry>,
    ) -> Whole {
        runs.reverse();
        let Snapshot { lineage, serial, resources, outputs, intents, checks, .. } = snapshot;
        Whole {
            lineage,
            serial,
            resources,
            outputs,
            intents,
            observations,
            runs,
            changes,
            made_of,
            checks,
            audit,
        }
    }

    /// The one commit that makes an empty state hold the same. `into`: the serial that that state has; `serial`: the one that it is to have,
    /// not below ours.
    pub fn writes(&self, into: u64, serial: u64) -> Vec<Write> {
        let lineage = self.lineage.clone();
        let mut writes = vec![Write::Become { lineage, serial, read: into }];
        writes.extend(self.runs.iter().cloned().map(Write::StartRun));
        writes.extend(self.changes.iter().cloned().map(Write::Note));
        writes.extend(self.resources.iter().cloned().map(Write::CopyResource));
        writes.extend(self.observations.iter().cloned().map(Write::Observe));
        writes.extend(self.outputs.iter().cloned().map(Write::PutOutput));
        writes.extend(self.intents.iter().cloned().map(Write::CopyIntent));
        writes.extend(self.made_of.iter().map(|(run, text)| Write::KeepMadeOf {
            run: run.clone(),
            digest: blake3::hash(text.as_bytes()).to_hex().as_str().into(),
            text: text.clone().into(),
        }));
        writes.push(Write::PutChecks(self.checks.clone()));
        writes.push(Write::CopyAudit(self.audit.clone()));
        writes
    }

    /// True if nothing was ever stored.
    pub fn is_empty(&self) -> bool {
        self.serial == 0
    }

    /// Says whether two states hold the same: over every field of every record, in order.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Digest(blake3::Hasher::new());
        digest.text(&self.lineage);
        digest.number(i64::try_from(self.serial).unwrap_or(i64::MAX));
        digest.all(&self.resources, Digest::resource);
        digest.all(&self.outputs, |d, output| {
            d.text(&output.name);
            d.text(&output.value);
            d.number(output.sensitive.into());
        });
        digest.all(&self.intents, Digest::intent);
        digest.all(&self.observations, |d, seen| {
            d.text(&seen.key.address);
            d.optional(seen.key.deposed.as_deref());
            d.number(seen.at.0);
            d.optional(seen.attributes.as_deref());
            d.number(seen.complete.into());
        });
        digest.all(&self.runs, Digest::run);
        digest.all(&self.changes, Digest::change);
        digest.all(&self.made_of, |d, (run, text)| {
            d.text(&run.0);
            d.text(text);
        });
        digest.text(&self.checks);
        digest.all(&self.audit, |d, entry| {
            d.number(i64::try_from(entry.seq).unwrap_or(i64::MAX));
            d.0.update(&entry.hash);
            d.text(&entry.body);
        });
        *digest.0.finalize().as_bytes()
    }
}

/// Hashes fields, each with its length, so that no two records of different fields are the same bytes.
struct Digest(blake3::Hasher);

impl Digest {
    fn text(&mut self, text: &str) {
        self.number(i64::try_from(text.len()).unwrap_or(i64::MAX));
        self.0.update(text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        self.0.update(&number.to_le_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.number(-1),
        }
    }

    fn all<T>(&mut self, records: &[T], each: impl Fn(&mut Digest, &T)) {
        self.number(i64::try_from(records.len()).unwrap_or(i64::MAX));
        records.iter().for_each(|record| each(self, record));
    }

    fn resource(&mut self, record: &ResourceRecord) {
        self.text(&record.key.address);
        self.optional(record.key.deposed.as_deref());
        self.text(&record.type_name);
        self.text(&record.provider);
        self.number(i64::try_from(record.schema_version).unwrap_or(i64::MAX));
        self.text(&record.attributes);
        self.text(&record.sensitive_paths);
        self.all(&record.dependencies, |d, address| d.text(address));
        self.text(record.status.as_str());
        self.number(record.create_before_destroy.into());
        self.number(record.protected.into());
        self.0.update(&record.digest);
        self.number(record.version);
    }

    fn intent(&mut self, intent: &Intent) {
        self.text(&intent.id.0);
        self.text(&intent.run.0);
        self.text(&intent.key.address);
        self.optional(intent.key.deposed.as_deref());
        self.text(intent.action.as_str());
        self.text(&intent.type_name);
        self.text(&intent.provider);
        self.text(&intent.planned);
        self.text(&intent.meta);
        self.number(intent.begun.0);
    }

    fn run(&mut self, run: &Run) {
        self.text(&run.id.0);
        self.text(run.kind.as_str());
        self.text(&run.who);
        self.optional(run.commit.as_deref());
        self.optional(run.plan_digest.as_deref());
        self.number(run.started.0);
        self.number(run.finished.map_or(i64::MIN, |t| t.0));
        self.text(run.status.as_str());
        self.number(i64::try_from(run.calls).unwrap_or(i64::MAX));
    }

    fn change(&mut self, change: &Change) {
        self.text(&change.run.0);
        self.text(&change.key.address);
        self.optional(change.key.deposed.as_deref());
        self.text(change.action.as_str());
        self.number(change.at.0);
        self.optional(change.before.as_deref());
        self.optional(change.after.as_deref());
        self.text(change.outcome.as_str());
        self.optional(change.error.as_deref());
    }
}

//! A state that lives in memory: for tests and simulations. It means the same as the durable stores; `conformance` proves it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit::{self, AuditEntry};
use crate::contents::Contents;
use crate::whole::Whole;
use crate::{
    Change, Expect, Holder, Intent, IntentId, Lease, Observation, OutputRecord, ResourceKey, ResourceRecord,
    Run, RunId, Snapshot, StateError, Store, Timestamp, Write,
};

/// A state in memory. A clone is another connection to the same state.
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Mutex<Data>>);

#[derive(Clone, Debug, Default)]
struct Data {
    lineage: String,
    serial: u64,
    resources: BTreeMap<ResourceKey, ResourceRecord>,
    observations: BTreeMap<ResourceKey, Observation>,
    outputs: BTreeMap<String, OutputRecord>,
    checks: Arc<str>,
    made_of: BTreeMap<RunId, Arc<str>>,
    runs: Vec<Run>,
    changes: Vec<Change>,
    audit: Vec<AuditEntry>,
    intents: Vec<Intent>,
    /// Of one object several, where runs read it.
    leases: BTreeMap<(Arc<str>, RunId), Lease>,
    fenced: HashSet<RunId>,
    dead: HashSet<Holder>,
}

/// What a write replaced, to take it back if a later one of the same commit is refused.
enum Undo {
    Resource(ResourceKey, Option<ResourceRecord>),
    Observation(ResourceKey, Option<Observation>),
    Output(String, Option<OutputRecord>),
    Checks(Arc<str>),
    MadeOf(RunId),
    Lineage(String, u64),
    RunAdded,
    Run(usize, Run),
    ChangeAdded,
    AuditCopied,
    IntentAdded,
    Intent(usize, Intent),
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new(uuid::Uuid::new_v4().to_string())
    }
}

impl MemoryStore {
    /// An empty state. The lineage is given, so that a simulation stays the same for a seed.
    pub fn new(lineage: impl Into<String>) -> MemoryStore {
        MemoryStore(Arc::new(Mutex::new(Data { lineage: lineage.into(), ..Data::default() })))
    }

    /// The process has died: its leases hold no longer.
    pub fn declare_dead(&self, holder: &Holder) {
        self.data().dead.insert(holder.clone());
    }

    /// Another state that holds the same.
    pub fn fork(&self) -> MemoryStore {
        MemoryStore(Arc::new(Mutex::new(self.data().clone())))
    }

    /// A state that holds this.
    pub fn holding(contents: Contents) -> MemoryStore {
        let Contents { whole, leases, fenced } = contents;
        let data = Data {
            lineage: whole.lineage,
            serial: whole.serial,
            resources: whole.resources.into_iter().map(|r| (r.key.clone(), r)).collect(),
            observations: whole.observations.into_iter().map(|o| (o.key.clone(), o)).collect(),
            outputs: whole.outputs.into_iter().map(|o| (o.name.clone(), o)).collect(),
            checks: whole.checks,
            made_of: whole.made_of.into_iter().collect(),
            runs: whole.runs,
            changes: whole.changes,
            audit: whole.audit,
            intents: whole.intents,
            leases: leases.into_iter().map(|l| ((l.address.clone(), l.run.clone()), l)).collect(),
            fenced: fenced.into_iter().collect(),
            dead: HashSet::new(),
        };
        MemoryStore(Arc::new(Mutex::new(data)))
    }

    /// The leases, of the dead too.
    pub fn leases(&self) -> Vec<Lease> {
        self.data().leases.values().cloned().collect()
    }

    /// What it holds; the dead hold their leases there too.
    pub fn contents(&self) -> Result<Contents, StateError> {
        let whole = self.clone().whole()?;
        let mut fenced: Vec<_> = self.data().fenced.iter().cloned().collect();
        fenced.sort();
        Ok(Contents { whole, leases: self.leases(), fenced })
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        // Every change is complete or taken back before anything can panic, so the data of a poisoned lock is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn location(&self) -> &str {
        "memory"
    }

    fn snapshot(&mut self) -> Result<Snapshot, StateError> {
        let data = self.data();
        Ok(Snapshot {
            lineage: data.lineage.clone(),
            serial: data.serial,
            resources: data.resources.values().cloned().collect(),
            outputs: data.outputs.values().cloned().collect(),
            checks: data.checks.clone(),
            intents: data.intents.clone(),
            leases: data.leases.values().filter(|l| !data.dead.contains(&l.holder)).cloned().collect(),
            clock: None,
        })
    }

    fn outputs(&mut self) -> Result<Vec<OutputRecord>, StateError> {
        Ok(self.data().outputs.values().cloned().collect())
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StateError> {
        let mut data = self.data();
        let mut undo = Vec::new();
        let serial = data.serial;
        data.serial += 1;
        for write in writes {
            if let Err(error) = data.write(write, &mut undo) {
                undo.into_iter().rev().for_each(|u| data.undo(u));
                data.serial = serial;
                return Err(error);
            }
        }
        if let Some(body) = audit::body(writes) {
            let entry = data.audit_head().next(body);
            data.audit.push(entry);
        }
        Ok(())
    }

    fn acquire(&mut self, leases: &[Lease], now: Timestamp) -> Result<(), StateError> {
        let mut data = self.data();
        let Data { leases: held, dead, fenced, .. } = &mut *data;
        let over = |l: &Lease| l.expires <= now || dead.contains(&l.holder);
        for wanted in leases {
            let other = held.values().find(|l| l.collides(wanted) && !over(l));
            if let Some(other) = other {
                return Err(StateError::Locked { lease: other.clone() });
            }
        }
        held.retain(|_, l| {
            let stays = leases.iter().any(|w| w.run == l.run) || !over(l);
            if !stays {
                fenced.insert(l.run.clone());
            }
            stays
        });
        for wanted in leases {
            let key = (wanted.address.clone(), wanted.run.clone());
            let before = held.get(&key);
            let since = before.map_or(wanted.since, |l| l.since);
            let mode = before.map_or(wanted.mode, |l| l.mode.max(wanted.mode));
            held.insert(key, Lease { since, mode, ..wanted.clone() });
            fenced.remove(&wanted.run);
        }
        Ok(())
    }

    fn renew(&mut self, run: &RunId, expires: Timestamp) -> Result<(), StateError> {
        let mut data = self.data();
        let mut found = false;
        for lease in data.leases.values_mut().filter(|l| l.run == *run) {
            lease.expires = expires;
            found = true;
        }
        if found { Ok(()) } else { Err(not_found("lease of run", &run.0)) }
    }

    fn release(&mut self, run: &RunId) -> Result<(), StateError> {
        self.data().leases.retain(|_, l| l.run != *run);
        Ok(())
    }

    fn revoke(&mut self, run: &RunId) -> Result<(), StateError> {
        let mut data = self.data();
        let before = data.leases.len();
        data.leases.retain(|_, l| l.run != *run);
        if data.leases.len() == before {
            return Err(not_found("lease of run", &run.0));
        }
        data.fenced.insert(run.clone());
        Ok(())
    }

    fn history(&mut self, address: &str, limit: usize) -> Result<Vec<(Run, Change)>, StateError> {
        let data = self.data();
        let changes = data.changes.iter().rev().filter(|c| &*c.key.address == address).take(limit);
        let with_run = changes.map(|c| {
            let run =
                data.runs.iter().find(|r| r.id == c.run).expect("a change is stored only if its run is");
            (run.clone(), c.clone())
        });
        Ok(with_run.collect())
    }

    fn runs(&mut self, limit: usize) -> Result<Vec<Run>, StateError> {
        Ok(self.data().runs.iter().rev().take(limit).cloned().collect())
    }

    fn changes(&mut self, run: &RunId) -> Result<Vec<Change>, StateError> {
        Ok(self.data().changes.iter().filter(|c| c.run == *run).cloned().collect())
    }

    fn made_of(&mut self, run: &RunId) -> Result<Option<Arc<str>>, StateError> {
        Ok(self.data().made_of.get(run).cloned())
    }

    fn audit(&mut self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StateError> {
        Ok(self.data().audit.iter().filter(|entry| entry.seq > after).take(limit).cloned().collect())
    }

    fn audit_head(&mut self) -> Result<audit::Head, StateError> {
        Ok(self.data().audit_head())
    }

    fn observations(&mut self) -> Result<Vec<Observation>, StateError> {
        Ok(self.data().observations.values().cloned().collect())
    }

    fn whole(&mut self) -> Result<Whole, StateError> {
        let mut store = self.fork();
        let (changes, made_of, audit) = {
            let data = store.data();
            let of = |run: &Run| Some((run.id.clone(), data.made_of.get(&run.id)?.clone()));
            (data.changes.clone(), data.runs.iter().filter_map(of).collect(), data.audit.clone())
        };
        let (seen, runs) = (store.observations()?, store.runs(usize::MAX)?);
        Ok(Whole::new(store.snapshot()?, seen, runs, changes, made_of, audit))
    }
}

fn not_found(kind: &str, id: &str) -> StateError {
    StateError::NotFound { what: format!("{kind} {id}") }
}

impl Data {
    fn write(&mut self, write: &Write, undo: &mut Vec<Undo>) -> Result<(), StateError> {
        match write {
            Write::StartRun(run) => {
                if self.runs.iter().any(|r| r.id == run.id) {
                    return Err(StateError::Duplicate { what: format!("run {}", run.id.0) });
                }
                self.runs.push(run.clone());
                undo.push(Undo::RunAdded);
            }
            Write::FinishRun { id, status, at, calls } => {
                let index = self.run_index(id)?;
                let run = &mut self.runs[index];
                undo.push(Undo::Run(index, run.clone()));
                (run.status, run.finished, run.calls) = (*status, Some(*at), *calls);
            }
            Write::Begin(intent) => {
                self.run_index(&intent.run)?;
                let covers = |l: &&Lease| *l.address == *intent.key.address || &*l.address == "*";
                if let Some(lease) = self.leases.values().filter(covers).find(|l| l.run != intent.run) {
                    return Err(StateError::Locked { lease: lease.clone() });
                }
                if self.fenced.contains(&intent.run) {
                    return Err(StateError::Fenced(intent.run.clone()));
                }
                self.open(intent, undo)?;
            }
            Write::CopyIntent(intent) => {
                self.run_index(&intent.run)?;
                self.open(intent, undo)?;
            }
            Write::Fence { run, now } => {
                let mut of_run =
                    self.leases.values().filter(|l| l.run == *run && !self.dead.contains(&l.holder));
                if let Some(lease) = of_run.find(|l| l.expires > *now) {
                    return Err(StateError::Locked { lease: lease.clone() });
                }
                // Not undone: a run whose leases have expired has none, whatever else the commit holds.
                self.leases.retain(|_, l| l.run != *run);
                self.fenced.insert(run.clone());
            }
            Write::Finish { id, change } => {
                let index = self.intent_index(id)?;
                undo.push(Undo::Intent(index, self.intents.remove(index)));
                self.note(change, undo)?;
            }
            Write::Note(change) => self.note(change, undo)?,
            Write::Put { record, expect } => {
                self.expect(&record.key, *expect)?;
                let record = ResourceRecord { version: self.version(), ..record.clone() };
                self.set(record.key.clone(), Some(record), undo);
            }
            Write::CopyResource(record) => {
                self.expect(&record.key, Expect::Absent)?;
                self.set(record.key.clone(), Some(record.clone()), undo);
            }
            Write::Remove { key, expect } => {
                self.expect(key, *expect)?;
                self.set(key.clone(), None, undo);
                self.see(key.clone(), None, undo);
            }
            Write::Move { from, to } => self.rename(from, to, undo)?,
            Write::Observe(seen) => {
                if self.observations.get(&seen.key).is_none_or(|o| o.at <= seen.at) {
                    self.see(seen.key.clone(), Some(seen.clone()), undo);
                }
            }
            Write::PutOutput(output) => self.output(&output.name, Some(output.clone()), undo),
            Write::RemoveOutput(name) => self.output(name, None, undo),
            Write::KeepMadeOf { run, text, .. } => {
                self.run_index(run)?;
                self.made_of.insert(run.clone(), text.0.clone());
                undo.push(Undo::MadeOf(run.clone()));
            }
            Write::PutChecks(checks) => {
                undo.push(Undo::Checks(std::mem::replace(&mut self.checks, checks.clone())));
            }
            Write::Approve { .. } | Write::Called { .. } => {}
            Write::CopyAudit(entries) => {
                if !self.audit.is_empty() {
                    return Err(StateError::Duplicate { what: "a journal".into() });
                }
                self.audit.clone_from(entries);
                undo.push(Undo::AuditCopied);
            }
            Write::Become { lineage, serial, read } => {
                let now = self.serial - 1;
                if now != *read {
                    return Err(StateError::Superseded { location: "memory".into(), read: *read, now });
                }
                undo.push(Undo::Lineage(std::mem::replace(&mut self.lineage, lineage.clone()), self.serial));
                self.serial = self.serial.max(*serial);
            }
        }
        Ok(())
    }

    fn open(&mut self, intent: &Intent, undo: &mut Vec<Undo>) -> Result<(), StateError> {
        if self.intents.iter().any(|i| i.id == intent.id) {
            return Err(StateError::Duplicate { what: format!("intent {}", intent.id.0) });
        }
        self.intents.push(intent.clone());
        undo.push(Undo::IntentAdded);
        Ok(())
    }

    fn audit_head(&self) -> audit::Head {
        self.audit.last().map_or_else(audit::Head::empty, AuditEntry::head)
    }

    fn version(&self) -> i64 {
        i64::try_from(self.serial).expect("a serial counts commits")
    }

    fn run_index(&self, id: &RunId) -> Result<usize, StateError> {
        // The run that is going on is the last one, or near it.
        self.runs.iter().rposition(|r| r.id == *id).ok_or_else(|| not_found("run", &id.0))
    }

    fn intent_index(&self, id: &IntentId) -> Result<usize, StateError> {
        self.intents.iter().position(|i| i.id == *id).ok_or_else(|| StateError::Settled(id.clone()))
    }

    fn note(&mut self, change: &Change, undo: &mut Vec<Undo>) -> Result<(), StateError> {
        self.run_index(&change.run)?;
        self.changes.push(change.clone());
        undo.push(Undo::ChangeAdded);
        Ok(())
    }

    fn expect(&self, key: &ResourceKey, expect: Expect) -> Result<(), StateError> {
        let row = self.resources.get(key).map(|r| r.version);
        let fine = match expect {
            Expect::Any => true,
            Expect::Absent => row.is_none(),
            Expect::Version(version) => row == Some(version),
        };
        if fine { Ok(()) } else { Err(StateError::Conflict(key.clone())) }
    }

    fn rename(
        &mut self,
        from: &ResourceKey,
        to: &ResourceKey,
        undo: &mut Vec<Undo>,
    ) -> Result<(), StateError> {
        self.expect(to, Expect::Absent)?;
        let Some(old) = self.resources.get(from).cloned() else {
            return Err(StateError::Conflict(from.clone()));
        };
        self.set(from.clone(), None, undo);
        self.set(to.clone(), Some(ResourceRecord { key: to.clone(), version: self.version(), ..old }), undo);
        if let Some(seen) = self.observations.get(from).cloned() {
            self.see(from.clone(), None, undo);
            self.see(to.clone(), Some(Observation { key: to.clone(), ..seen }), undo);
        }
        Ok(())
    }

    fn set(&mut self, key: ResourceKey, record: Option<ResourceRecord>, undo: &mut Vec<Undo>) {
        undo.push(Undo::Resource(key.clone(), replace(&mut self.resources, key, record)));
    }

    fn see(&mut self, key: ResourceKey, seen: Option<Observation>, undo: &mut Vec<Undo>) {
        undo.push(Undo::Observation(key.clone(), replace(&mut self.observations, key, seen)));
    }

    fn output(&mut self, name: &str, output: Option<OutputRecord>, undo: &mut Vec<Undo>) {
        undo.push(Undo::Output(name.to_owned(), replace(&mut self.outputs, name.to_owned(), output)));
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Resource(key, old) => drop(replace(&mut self.resources, key, old)),
            Undo::Observation(key, old) => drop(replace(&mut self.observations, key, old)),
            Undo::Output(name, old) => drop(replace(&mut self.outputs, name, old)),
            Undo::MadeOf(run) => drop(self.made_of.remove(&run)),
            Undo::Checks(old) => self.checks = old,
            Undo::Lineage(lineage, serial) => (self.lineage, self.serial) = (lineage, serial),
            Undo::RunAdded => drop(self.runs.pop()),
            Undo::Run(index, run) => self.runs[index] = run,
            Undo::AuditCopied => self.audit.clear(),
            Undo::ChangeAdded => drop(self.changes.pop()),
            Undo::IntentAdded => drop(self.intents.pop()),
            Undo::Intent(index, intent) => self.intents.insert(index, intent),
        }
    }
}

/// Sets or removes, and gives what was there.
fn replace<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}

//! A store whose texts are encrypted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pilotis_state::audit::{AuditEntry, Head as AuditHead};
use pilotis_state::whole::Whole;
use pilotis_state::{
    Change, Expect, Head, Intent, Lease, Observation, OutputRecord, ResourceKey, ResourceRecord, Run, RunId,
    Snapshot, StateError, Store, Timestamp, Write,
};

use crate::memory::{Memory, Newest};
use crate::{KeyError, Keyring};

/// Any store, with what may be secret sealed by a keyring.
///
/// A sealed text is bound to what it is of (an object by address, an output by name, a change by run and object), so that one that is
/// put in another's place doesn't open. The digests of objects are sealed as well: they would tell whether a guessed value is right.
#[derive(Debug)]
pub struct EncryptedStore<S> {
    store: S,
    keys: Keyring,
    newest: Newest,
}

/// Which text of a record: the first part of what a sealed text is bound to.
mod kind {
    pub(super) const RESOURCE: &str = "resource";
    pub(super) const OBSERVATION: &str = "observation";
    pub(super) const OUTPUT: &str = "output";
    pub(super) const BEFORE: &str = "before";
    pub(super) const AFTER: &str = "after";
    pub(super) const PLANNED: &str = "planned";
    pub(super) const META: &str = "meta";
    pub(super) const MADE_OF: &str = "made_of";
    pub(super) const CHECKS: &str = "checks";
}

impl<S: Store> EncryptedStore<S> {
    /// `store`, read and written with `keys`.
    pub fn new(store: S, keys: Keyring) -> EncryptedStore<S> {
        EncryptedStore { store, keys, newest: Newest::default() }
    }

    /// The same, which refuses a state that is older than what the memory has.
    pub fn remembering(self, memory: Box<dyn Memory>) -> EncryptedStore<S> {
        EncryptedStore { newest: Newest::of(memory), ..self }
    }

    /// The store behind.
    pub fn inner(&self) -> &S {
        &self.store
    }

    /// What a text that can't be sealed or opened is reported as.
    fn failed(&self, what: &dyn std::fmt::Display, error: KeyError) -> StateError {
        // The others go on a sentence that begins with what it is.
        let colon = if matches!(error, KeyError::Provider { .. }) { ":" } else { "" };
        StateError::Encryption {
            location: self.store.location().to_owned(),
            what: format!("{what}{colon}"),
            detail: error.to_string(),
        }
    }

    fn seal(&self, kind: &str, of: &ResourceKey, more: &str, text: &str) -> Result<Arc<str>, StateError> {
        self.seal_text(&[kind, &*of.address, of.deposed.as_deref().unwrap_or_default(), more], of, text)
    }

    fn open(&self, kind: &str, of: &ResourceKey, more: &str, text: &str) -> Result<Arc<str>, StateError> {
        self.open_text(&[kind, &*of.address, of.deposed.as_deref().unwrap_or_default(), more], of, text)
    }

    fn seal_text(
        &self,
        context: &[&str],
        what: &dyn std::fmt::Display,
        text: &str,
    ) -> Result<Arc<str>, StateError> {
        Ok(self.keys.seal(context, text).map_err(|e| self.failed(what, e))?.into())
    }

    fn open_text(
        &self,
        context: &[&str],
        what: &dyn std::fmt::Display,
        text: &str,
    ) -> Result<Arc<str>, StateError> {
        Ok(self.keys.open(context, text).map_err(|e| self.failed(what, e))?.as_str().into())
    }

    fn seal_resource(&self, record: &ResourceRecord) -> Result<ResourceRecord, StateError> {
        let mut sealed = record.clone();
        if self.keys.seals() {
            let hidden = serde_json::to_string(&(record.digest, &record.sensitive_paths, &record.attributes));
            let hidden = hidden.expect("numbers and texts are JSON");
            sealed.attributes = self.seal(kind::RESOURCE, &record.key, "", &hidden)?;
            (sealed.sensitive_paths, sealed.digest) = ("[]".into(), [0; 32]);
        }
        Ok(sealed)
    }

    fn open_resource(&self, mut record: ResourceRecord) -> Result<ResourceRecord, StateError> {
        let sealed = crate::is_sealed(record.attributes.as_bytes());
        let text = self.open(kind::RESOURCE, &record.key, "", &record.attributes)?;
        match sealed {
            false => record.attributes = text,
            true => {
                let hidden = serde_json::from_str(&text);
                let malformed = |_| self.failed(&record.key, KeyError::Malformed("it holds no object"));
                (record.digest, record.sensitive_paths, record.attributes) = hidden.map_err(malformed)?;
            }
        }
        Ok(record)
    }

    fn seal_observation(&self, seen: &Observation) -> Result<Observation, StateError> {
        let seal = |text: &Arc<str>| self.seal(kind::OBSERVATION, &seen.key, "", text);
        Ok(Observation { attributes: seen.attributes.as_ref().map(seal).transpose()?, ..seen.clone() })
    }

    fn open_observation(&self, seen: Observation) -> Result<Observation, StateError> {
        let open = |text: &Arc<str>| self.open(kind::OBSERVATION, &seen.key, "", text);
        Ok(Observation { attributes: seen.attributes.as_ref().map(open).transpose()?, ..seen })
    }

    fn seal_change(&self, change: &Change) -> Result<Change, StateError> {
        let seal = |kind, text: &Option<Arc<str>>| {
            text.as_ref().map(|text| self.seal(kind, &change.key, &change.run.0, text)).transpose()
        };
        let (before, after) = (seal(kind::BEFORE, &change.before)?, seal(kind::AFTER, &change.after)?);
        Ok(Change { before, after, ..change.clone() })
    }

    fn open_change(&self, change: Change) -> Result<Change, StateError> {
        let open = |kind, text: &Option<Arc<str>>| {
            text.as_ref().map(|text| self.open(kind, &change.key, &change.run.0, text)).transpose()
        };
        let (before, after) = (open(kind::BEFORE, &change.before)?, open(kind::AFTER, &change.after)?);
        Ok(Change { before, after, ..change })
    }

    fn seal_intent(&self, intent: &Intent) -> Result<Intent, StateError> {
        let seal = |kind, text| self.seal(kind, &intent.key, &intent.id.0, text);
        let (planned, meta) = (seal(kind::PLANNED, &intent.planned)?, seal(kind::META, &intent.meta)?);
        Ok(Intent { planned, meta, ..intent.clone() })
    }

    fn open_intent(&self, intent: Intent) -> Result<Intent, StateError> {
        let open = |kind, text| self.open(kind, &intent.key, &intent.id.0, text);
        let (planned, meta) = (open(kind::PLANNED, &intent.planned)?, open(kind::META, &intent.meta)?);
        Ok(Intent { planned, meta, ..intent })
    }

    fn seal_output(&self, output: &OutputRecord) -> Result<OutputRecord, StateError> {
        let what = format!("output {}", output.name);
        let value = self.seal_text(&[kind::OUTPUT, &output.name], &what, &output.value)?;
        Ok(OutputRecord { value, ..output.clone() })
    }

    fn open_output(&self, output: OutputRecord) -> Result<OutputRecord, StateError> {
        let what = format!("output {}", output.name);
        let value = self.open_text(&[kind::OUTPUT, &output.name], &what, &output.value)?;
        Ok(OutputRecord { value, ..output })
    }

    fn open_checks(&self, checks: &Arc<str>) -> Result<Arc<str>, StateError> {
        match checks.is_empty() {
            true => Ok(checks.clone()),
            false => self.open_text(&[kind::CHECKS], &"what is known of checks", checks),
        }
    }

    /// What a move takes along, since it is bound to its address: the object and its observation.
    fn moved(&mut self, writes: &[Write]) -> Result<Moved, StateError> {
        if self.keys.is_clear() || !writes.iter().any(|w| matches!(w, Write::Move { .. })) {
            return Ok(Moved::default());
        }
        let resources: HashMap<_, _> =
            self.snapshot()?.resources.into_iter().map(|r| (r.key.clone(), r)).collect();
        let read = resources.keys().cloned().collect();
        let observations = self.observations()?.into_iter().map(|o| (o.key.clone(), o)).collect();
        Ok(Moved { resources, observations, read })
    }

    /// What the last run that has noted it was made of, if the next one may be made of the same: the same text is sealed anew each time, and
    /// what stands there already is to be kept once.
    fn made_of_before(&mut self, writes: &[Write]) -> Result<MadeOf, StateError> {
        let mut made_of = MadeOf::default();
        if !self.keys.seals() || !writes.iter().any(|w| matches!(w, Write::KeepMadeOf { .. })) {
            return Ok(made_of);
        }
        for run in self.store.runs(RUNS_BEFORE)? {
            let Some(sealed) = self.store.made_of(&run.id)? else { continue };
            // One that this key doesn't open is left alone.
            if let Ok(text) = self.keys.open(&[kind::MADE_OF], &sealed)
                && self.keys.seals_as(&sealed)
            {
                made_of.insert(text.as_str().into(), sealed);
            }
            break;
        }
        Ok(made_of)
    }

    /// The writes that store one, sealed.
    fn sealed(
        &self,
        write: &Write,
        moved: &mut Moved,
        made_of: &mut MadeOf,
        into: &mut Vec<Write>,
    ) -> Result<(), StateError> {
        into.push(match write {
            Write::Begin(intent) => Write::Begin(self.seal_intent(intent)?),
            Write::Finish { id, change } => {
                Write::Finish { id: id.clone(), change: self.seal_change(change)? }
            }
            Write::Note(change) => Write::Note(self.seal_change(change)?),
            Write::Put { record, expect } => {
                moved.put(record);
                Write::Put { record: self.seal_resource(record)?, expect: *expect }
            }
            Write::Observe(seen) => {
                moved.observe(seen);
                Write::Observe(self.seal_observation(seen)?)
            }
            Write::PutOutput(output) => Write::PutOutput(self.seal_output(output)?),
            Write::CopyResource(record) => {
                moved.put(record);
                Write::CopyResource(self.seal_resource(record)?)
            }
            Write::CopyIntent(intent) => Write::CopyIntent(self.seal_intent(intent)?),
            Write::KeepMadeOf { run, digest, text } => {
                let sealed = match made_of.get(&text.0) {
                    Some(sealed) => sealed.clone(),
                    None => self.seal_text(&[kind::MADE_OF], &format!("run {}", run.0), text)?,
                };
                made_of.insert(text.0.clone(), sealed.clone());
                let digest = match self.keys.seals() {
                    // That of the text would tell whether a guess of what is in it is right.
                    true => blake3::hash(sealed.as_bytes()).to_hex().as_str().into(),
                    false => digest.clone(),
                };
                Write::KeepMadeOf { run: run.clone(), digest, text: sealed.into() }
            }
            Write::PutChecks(checks) if checks.is_empty() => write.clone(),
            Write::PutChecks(checks) => {
                Write::PutChecks(self.seal_text(&[kind::CHECKS], &"what is known of checks", checks)?)
            }
            Write::Move { from, to } => return self.sealed_move(from, to, moved, into),
            Write::StartRun(_)
            | Write::FinishRun { .. }
            | Write::Fence { .. }
            | Write::Remove { .. }
            | Write::Approve { .. }
            | Write::Called { .. }
            | Write::CopyAudit(_)
            | Write::RemoveOutput(_)
            | Write::Become { .. } => write.clone(),
        });
        Ok(())
    }

    /// A move, and what comes along sealed for its new address. What was read for that must still be so.
    fn sealed_move(
        &self,
        from: &ResourceKey,
        to: &ResourceKey,
        moved: &mut Moved,
        into: &mut Vec<Write>,
    ) -> Result<(), StateError> {
        let read = moved.read.remove(from);
        if let Some(record) = moved.resources.get(from).filter(|_| read) {
            let expect = Expect::Version(record.version);
            into.push(Write::Put { record: self.seal_resource(record)?, expect });
        }
        into.push(Write::Move { from: from.clone(), to: to.clone() });
        if let Some(record) = moved.resources.remove(from) {
            let record = ResourceRecord { key: to.clone(), ..record };
            into.push(Write::Put { record: self.seal_resource(&record)?, expect: Expect::Any });
            moved.resources.insert(to.clone(), record);
        }
        if let Some(seen) = moved.observations.remove(from) {
            let seen = Observation { key: to.clone(), ..seen };
            into.push(Write::Observe(self.seal_observation(&seen)?));
            moved.observations.insert(to.clone(), seen);
        }
        Ok(())
    }
}

fn all<T, U>(from: Vec<T>, open: impl Fn(T) -> Result<U, StateError>) -> Result<Vec<U>, StateError> {
    from.into_iter().map(open).collect()
}

/// Of what runs were made, and the same sealed.
type MadeOf = HashMap<Arc<str>, Arc<str>>;

/// So many of the last runs are looked at for what they were made of: those that edited the state by hand have noted nothing.
const RUNS_BEFORE: usize = 8;

/// The objects and observations of a state that a commit moves some of, as they are after each of its writes.
#[derive(Default)]
struct Moved {
    resources: HashMap<ResourceKey, ResourceRecord>,
    observations: HashMap<ResourceKey, Observation>,
    /// The objects that are still as they were read.
    read: HashSet<ResourceKey>,
}

impl Moved {
    fn put(&mut self, record: &ResourceRecord) {
        self.read.remove(&record.key);
        self.resources.insert(record.key.clone(), record.clone());
    }

    fn observe(&mut self, seen: &Observation) {
        self.observations.insert(seen.key.clone(), seen.clone());
    }
}

impl<S: Store> Store for EncryptedStore<S> {
    fn location(&self) -> &str {
        self.store.location()
    }

    fn snapshot(&mut self) -> Result<Snapshot, StateError> {
        let snapshot = self.store.snapshot()?;
        self.newest.read(self.store.location(), &snapshot.lineage, snapshot.serial)?;
        Ok(Snapshot {
            resources: all(snapshot.resources, |r| self.open_resource(r))?,
            outputs: all(snapshot.outputs, |o| self.open_output(o))?,
            intents: all(snapshot.intents, |i| self.open_intent(i))?,
            checks: self.open_checks(&snapshot.checks)?,
            ..snapshot
        })
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StateError> {
        let mut moved = self.moved(writes)?;
        let mut made_of = self.made_of_before(writes)?;
        let mut sealed = Vec::with_capacity(writes.len());
        for write in writes {
            self.sealed(write, &mut moved, &mut made_of, &mut sealed)?;
        }
        self.store.commit(&sealed)?;
        self.newest.committed(writes);
        Ok(())
    }

    fn acquire(&mut self, leases: &[Lease], now: Timestamp) -> Result<(), StateError> {
        self.store.acquire(leases, now)
    }

    fn renew(&mut self, run: &RunId, expires: Timestamp) -> Result<(), StateError> {
        self.store.renew(run, expires)
    }

    fn release(&mut self, run: &RunId) -> Result<(), StateError> {
        self.newest.keep();
        self.store.release(run)
    }

    fn history(&mut self, address: &str, limit: usize) -> Result<Vec<(Run, Change)>, StateError> {
        let history = self.store.history(address, limit)?;
        history.into_iter().map(|(run, change)| Ok((run, self.open_change(change)?))).collect()
    }

    fn runs(&mut self, limit: usize) -> Result<Vec<Run>, StateError> {
        self.store.runs(limit)
    }

    fn changes(&mut self, run: &RunId) -> Result<Vec<Change>, StateError> {
        let changes = self.store.changes(run)?;
        changes.into_iter().map(|change| self.open_change(change)).collect()
    }

    fn observations(&mut self) -> Result<Vec<Observation>, StateError> {
        let observations = self.store.observations()?;
        observations.into_iter().map(|seen| self.open_observation(seen)).collect()
    }

    fn whole(&mut self) -> Result<Whole, StateError> {
        let whole = self.store.whole()?;
        let each =
            |text: Arc<str>, run: &RunId| self.open_text(&[kind::MADE_OF], &format!("run {}", run.0), &text);
        Ok(Whole {
            resources: all(whole.resources, |r| self.open_resource(r))?,
            outputs: all(whole.outputs, |o| self.open_output(o))?,
            intents: all(whole.intents, |i| self.open_intent(i))?,
            observations: all(whole.observations, |o| self.open_observation(o))?,
            changes: all(whole.changes, |c| self.open_change(c))?,
            made_of: all(whole.made_of, |(run, text)| Ok((run.clone(), each(text, &run)?)))?,
            checks: self.open_checks(&whole.checks)?,
            ..whole
        })
    }

    fn audit(&mut self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StateError> {
        self.store.audit(after, limit)
    }

    fn audit_head(&mut self) -> Result<AuditHead, StateError> {
        self.store.audit_head()
    }

    fn made_of(&mut self, run: &RunId) -> Result<Option<Arc<str>>, StateError> {
        let made_of = self.store.made_of(run)?;
        made_of.map(|text| self.open_text(&[kind::MADE_OF], &format!("run {}", run.0), &text)).transpose()
    }

    fn head(&mut self) -> Result<Head, StateError> {
        let head = self.store.head()?;
        self.newest.read(self.store.location(), &head.lineage, head.serial)?;
        Ok(head)
    }

    fn outputs(&mut self) -> Result<Vec<OutputRecord>, StateError> {
        self.head()?;
        let outputs = self.store.outputs()?;
        outputs.into_iter().map(|output| self.open_output(output)).collect()
    }

    fn clock(&mut self) -> Result<Option<Timestamp>, StateError> {
        self.store.clock()
    }

    fn revoke(&mut self, run: &RunId) -> Result<(), StateError> {
        self.store.revoke(run)
    }
}

//! The store: a copy of the document in memory, on which every change is made before the next version is written.
//!
//! Whoever writes names the version that it replaces. If that isn't the newest any more, the newest is read and the change made on that
//! one: so commits are in one order, as in a database, and a lease or an expected version that no longer holds refuses the change.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use pilotis_state::audit::{self, AuditEntry};
use pilotis_state::whole::Whole;
use pilotis_state::{
    Change, Head, Lease, MemoryStore, Observation, OutputRecord, Run, RunId, Snapshot, StateError, Store,
    Timestamp, Write,
};
use pilotis_state_process::is_dead;

use crate::form::{self, Form};
use crate::{Document, ServerLock, Stored, Tag};

/// How often a change is tried again because somebody else was faster.
const TRIES: usize = 100;
/// How many writers the document remembers: more than ever write at once.
const WRITERS: usize = 64;

/// Why a place that has a state of Terraform's is left alone.
pub fn left_to_terraform(location: &str) -> StateError {
    let detail = "it is a state of Terraform's, and no place for another one. To go on from it, run `pilotis init -reconfigure`: the first \
                  change takes it over. Else give the backend another place";
    StateError::Corrupt { location: location.to_owned(), detail: detail.to_owned() }
}

/// What is to be done with a document before a state is written over what is there. It may be asked for again if the write fails.
pub type Before<D> = Box<dyn FnMut(&mut D) -> Result<(), StateError> + Send>;

/// A state in a document.
pub struct DocumentStore<D: Document> {
    document: D,
    /// Names this store among those that write the document.
    name: String,
    copy: Copy,
    /// As long as what it begins with isn't written.
    before: Option<Before<D>>,
}

/// What was read last, or written.
struct Copy {
    /// Which version; none if there is none.
    tag: Option<Tag>,
    /// Its number.
    serial: u64,
    /// Who wrote which version last: a write whose answer was lost is looked up here.
    writers: BTreeMap<String, u64>,
    state: MemoryStore,
}

impl Copy {
    fn empty() -> Copy {
        Copy { tag: None, serial: 0, writers: BTreeMap::new(), state: MemoryStore::default() }
    }

    /// Notes a writer, and forgets those that wrote longest ago.
    fn note(&mut self, name: &str, serial: u64) {
        self.writers.insert(name.to_owned(), serial);
        while self.writers.len() > WRITERS {
            let oldest = self.writers.iter().min_by_key(|(_, serial)| **serial).map(|(name, _)| name.clone());
            oldest.map(|name| self.writers.remove(&name));
        }
    }
}

impl<D: Document> DocumentStore<D> {
    /// Opens the state; one that isn't there yet is made with the first change.
    pub fn open(document: D) -> Result<DocumentStore<D>, StateError> {
        let mut store = DocumentStore::of(document, Copy::empty());
        store.refresh()?;
        Ok(store)
    }

    /// The same, where the newest version was read already.
    pub fn open_read(document: D, read: Option<Stored>) -> Result<DocumentStore<D>, StateError> {
        let mut store = DocumentStore::of(document, Copy::empty());
        store.take(read)?;
        Ok(store)
    }

    fn of(document: D, copy: Copy) -> DocumentStore<D> {
        DocumentStore { document, name: uuid::Uuid::new_v4().to_string(), copy, before: None }
    }

    /// Opens a state that begins with `state`, in the place of what was `read` there (none: where nothing is): Terraform's, or another one
    /// of ours. It is read as if it were stored, and the first change stores all of it as one version, if what was read is still the newest.
    pub fn beginning(
        document: D,
        read: Option<&Stored>,
        state: MemoryStore,
        before: Before<D>,
    ) -> DocumentStore<D> {
        let serial = read.map_or(0, |stored| form::serial(&stored.text));
        let tag = read.map(|stored| stored.tag.clone());
        let copy = Copy { tag, serial, writers: BTreeMap::new(), state };
        DocumentStore { before: Some(before), ..DocumentStore::of(document, copy) }
    }

    /// Opens the state if there is one.
    pub fn open_existing(document: D) -> Result<Option<DocumentStore<D>>, StateError> {
        let store = DocumentStore::open(document)?;
        Ok(store.copy.tag.is_some().then_some(store))
    }

    /// True if nothing was ever written there.
    pub fn is_empty(&self) -> bool {
        self.copy.tag.is_none()
    }

    /// Removes the state.
    pub fn delete(mut self) -> Result<(), StateError> {
        self.document.remove()
    }

    /// Reads the newest version, if it isn't the one that was read last.
    fn refresh(&mut self) -> Result<(), StateError> {
        let read = self.document.read()?;
        self.take(read)
    }

    fn take(&mut self, read: Option<Stored>) -> Result<(), StateError> {
        let Some(stored) = read else {
            if self.copy.tag.is_none() {
                return Ok(());
            }
            // What is written next would begin another, empty state in its place.
            let source = "it was there, and is gone: somebody has removed it meanwhile".into();
            return Err(StateError::Io { location: self.document.location().to_owned(), source });
        };
        if self.copy.tag.as_ref() == Some(&stored.tag) {
            return Ok(());
        }
        let location = self.document.location();
        match form::read(&stored.text, location)? {
            Form::State { serial, writers, contents } => {
                let state = MemoryStore::holding(*contents);
                self.copy = Copy { tag: Some(stored.tag), serial, writers, state };
                // Whoever was faster has begun it.
                self.before = None;
                Ok(())
            }
            Form::Terraform if self.copy.tag.is_some() => {
                let source = "Terraform has written it since it was read here; plan again".into();
                Err(StateError::Io { location: location.to_owned(), source })
            }
            Form::Terraform => Err(left_to_terraform(location)),
        }
    }

    /// Makes a change and writes it. What is refused on an old copy is tried on the newest.
    fn change<T>(
        &mut self,
        act: impl Fn(&mut MemoryStore) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        for attempt in 0..TRIES {
            self.notice_the_dead();
            let mut next = Copy {
                tag: None,
                serial: self.copy.serial,
                writers: self.copy.writers.clone(),
                state: self.copy.state.fork(),
            };
            let value = match act(&mut next.state) {
                Ok(value) => value,
                Err(error) => {
                    let tag = self.copy.tag.clone();
                    self.refresh()?;
                    if self.copy.tag == tag {
                        return Err(error);
                    }
                    continue;
                }
            };
            if self.write(next)? {
                return Ok(value);
            }
            std::thread::sleep(std::time::Duration::from_millis(5 * attempt.min(20) as u64));
        }
        Err(StateError::Io {
            location: self.document.location().to_owned(),
            source: "somebody else was faster each time; try again when fewer runs work on this state".into(),
        })
    }

    /// Writes the next version; false if it wasn't, because another one came before it.
    fn write(&mut self, mut next: Copy) -> Result<bool, StateError> {
        let contents = next.state.contents()?;
        next.serial = (self.copy.serial + 1).max(contents.whole.serial);
        next.note(&self.name, next.serial);
        let text = form::write(next.serial, &next.writers, &contents).map_err(|e| StateError::Io {
            location: self.document.location().to_owned(),
            source: Box::new(e),
        })?;
        if let Some(before) = &mut self.before {
            before(&mut self.document)?;
        }
        let error = match self.document.replace(text, next.serial, self.copy.tag.as_ref()) {
            Ok(Some(tag)) => {
                next.tag = Some(tag);
                self.copy = next;
                self.before = None;
                return Ok(true);
            }
            Ok(None) => None,
            Err(error @ StateError::Locked { .. }) => return Err(error),
            Err(error) => Some(error),
        };
        let before = self.copy.tag.clone();
        match (self.refresh(), error) {
            (Err(_), Some(error)) | (Err(error), None) => return Err(error),
            (Ok(()), _) if self.copy.writers.get(&self.name) == Some(&next.serial) => return Ok(true),
            // It wasn't written, as far as one can see, and nothing else was.
            (Ok(()), Some(error)) if self.copy.tag == before => return Err(error),
            (Ok(()), Some(error)) => tracing::warn!("a write is repeated: {error}"),
            (Ok(()), None) => {}
        }
        Ok(false)
    }

    /// The leases of processes that are known to be dead don't count.
    fn notice_the_dead(&self) {
        // A run has a lease for each object, and one process.
        let holders: HashSet<_> = self.copy.state.leases().into_iter().map(|lease| lease.holder).collect();
        holders.iter().filter(|holder| is_dead(holder)).for_each(|dead| self.copy.state.declare_dead(dead));
    }

    /// Reads what is newest.
    fn newest(&mut self) -> Result<&mut MemoryStore, StateError> {
        self.refresh()?;
        self.notice_the_dead();
        Ok(&mut self.copy.state)
    }

    /// False as long as what it begins with is in memory alone: the run that is to store it may be another one in the end.
    fn is_stored(&self) -> bool {
        self.before.is_none()
    }

    /// What is noted of runs.
    fn noted<T>(
        &mut self,
        read: impl FnOnce(&mut MemoryStore) -> Result<Vec<T>, StateError>,
    ) -> Result<Vec<T>, StateError> {
        self.newest()?;
        if self.is_stored() { read(&mut self.copy.state) } else { Ok(Vec::new()) }
    }

    /// Gives the server's lock of a run back where something else is what counts. One that stays behind is taken over once its leases are over.
    fn try_unlock(&mut self, run: &RunId) {
        if let Err(error) = self.document.unlock(run) {
            tracing::warn!("the server's lock of run {} stays: {error}", run.0);
        }
    }

    /// Takes the server's lock for a run, and takes it over from a run whose leases are over.
    fn lock(&mut self, lease: &Lease, now: Timestamp) -> Result<bool, StateError> {
        let theirs = match self.document.lock(lease)? {
            ServerLock::None => return Ok(false),
            ServerLock::Taken => return Ok(true),
            ServerLock::Held(theirs) => theirs,
        };
        self.refresh()?;
        let noted = self.copy.state.leases().into_iter().find(|l| l.run == theirs.run);
        let is_over = |l: &Lease| l.expires <= now || is_dead(&l.holder);
        if !noted.as_ref().map_or_else(|| is_dead(&theirs.holder), is_over) {
            return Err(StateError::Locked { lease: noted.unwrap_or(theirs) });
        }
        self.document.unlock(&theirs.run)?;
        match self.document.lock(lease)? {
            ServerLock::Held(lease) => Err(StateError::Locked { lease }),
            _ => Ok(true),
        }
    }
}

impl<D: Document> Store for DocumentStore<D> {
    fn location(&self) -> &str {
        self.document.location()
    }

    fn snapshot(&mut self) -> Result<Snapshot, StateError> {
        self.newest()?.snapshot()
    }

    fn head(&mut self) -> Result<Head, StateError> {
        let head = self.newest()?.head()?;
        Ok(if self.is_stored() { head } else { Head { run: None, ..head } })
    }

    fn outputs(&mut self) -> Result<Vec<OutputRecord>, StateError> {
        self.newest()?.outputs()
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StateError> {
        self.change(|state| state.commit(writes))?;
        for write in writes {
            // A run that is over keeps nobody away.
            if let Write::Fence { run, .. } = write {
                self.try_unlock(run);
            }
        }
        Ok(())
    }

    fn acquire(&mut self, leases: &[Lease], now: Timestamp) -> Result<(), StateError> {
        let Some(first) = leases.first() else { return Ok(()) };
        let had = self.copy.state.leases().iter().any(|lease| lease.run == first.run);
        let locked = self.lock(first, now)?;
        let taken = self.change(|state| state.acquire(leases, now));
        if taken.is_err() && locked && !had {
            self.try_unlock(&first.run);
        }
        taken
    }

    fn renew(&mut self, run: &RunId, expires: Timestamp) -> Result<(), StateError> {
        match self.change(|state| state.renew(run, expires)) {
            // The server's lock is somebody else's by now.
            Err(StateError::Locked { .. }) => {
                Err(StateError::NotFound { what: format!("lease of run {}", run.0) })
            }
            done => done,
        }
    }

    fn release(&mut self, run: &RunId) -> Result<(), StateError> {
        let released = self.change(|state| state.release(run));
        let unlocked = self.document.unlock(run);
        released.and(unlocked.map(drop))
    }

    fn revoke(&mut self, run: &RunId) -> Result<(), StateError> {
        // Ours or another program's: that one has no lease in the document.
        let unlocked = self.document.unlock(run)?;
        match self.change(|state| state.revoke(run)) {
            Err(StateError::NotFound { .. }) if unlocked => Ok(()),
            done => done,
        }
    }

    fn history(&mut self, address: &str, limit: usize) -> Result<Vec<(Run, Change)>, StateError> {
        self.noted(|state| state.history(address, limit))
    }

    fn runs(&mut self, limit: usize) -> Result<Vec<Run>, StateError> {
        self.noted(|state| state.runs(limit))
    }

    fn changes(&mut self, run: &RunId) -> Result<Vec<Change>, StateError> {
        self.noted(|state| state.changes(run))
    }

    fn made_of(&mut self, run: &RunId) -> Result<Option<Arc<str>>, StateError> {
        self.newest()?.made_of(run)
    }

    fn observations(&mut self) -> Result<Vec<Observation>, StateError> {
        self.newest()?.observations()
    }

    fn audit(&mut self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StateError> {
        self.noted(|state| state.audit(after, limit))
    }

    fn audit_head(&mut self) -> Result<audit::Head, StateError> {
        let head = self.newest()?.audit_head()?;
        Ok(if self.is_stored() { head } else { audit::Head::empty() })
    }

    fn whole(&mut self) -> Result<Whole, StateError> {
        let whole = self.newest()?.whole()?;
        match self.is_stored() {
            true => Ok(whole),
            false => Ok(Whole { runs: Vec::new(), changes: Vec::new(), audit: Vec::new(), ..whole }),
        }
    }
}

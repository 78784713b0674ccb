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
use crate::{Document, ServerLock, Tag};

/// How often a change is tried again because somebody else was faster.
const TRIES: usize = 100;
/// How many writers the document remembers: more than ever write at once.
const WRITERS: usize = 64;

/// Why a place that has a state of Terraform's is left alone.
pub fn left_to_terraform(location: &str) -> StateError {
    let detail = "it is a state of Terraform's. Give the backend another place for the one of Pilotis, and bring what Terraform knows there: \
                  `terraform state pull >FILE`, then `pilotis state import FILE`";
    StateError::Corrupt { location: location.to_owned(), detail: detail.to_owned() }
}

/// A state in a document.
pub struct DocumentStore<D: Document> {
    document: D,
    /// Names this store among those that write the document.
    name: String,
    copy: Copy,
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
        let mut store =
            DocumentStore { document, name: uuid::Uuid::new_v4().to_string(), copy: Copy::empty() };
        store.refresh()?;
        Ok(store)
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
        let Some(stored) = self.document.read()? else {
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
                Ok(())
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
        let error = match self.document.replace(text, next.serial, self.copy.tag.as_ref()) {
            Ok(Some(tag)) => {
                next.tag = Some(tag);
                self.copy = next;
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
        self.newest()?.head()
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
        self.newest()?.history(address, limit)
    }

    fn runs(&mut self, limit: usize) -> Result<Vec<Run>, StateError> {
        self.newest()?.runs(limit)
    }

    fn changes(&mut self, run: &RunId) -> Result<Vec<Change>, StateError> {
        self.newest()?.changes(run)
    }

    fn made_of(&mut self, run: &RunId) -> Result<Option<Arc<str>>, StateError> {
        self.newest()?.made_of(run)
    }

    fn observations(&mut self) -> Result<Vec<Observation>, StateError> {
        self.newest()?.observations()
    }

    fn audit(&mut self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StateError> {
        self.newest()?.audit(after, limit)
    }

    fn audit_head(&mut self) -> Result<audit::Head, StateError> {
        self.newest()?.audit_head()
    }

    fn whole(&mut self) -> Result<Whole, StateError> {
        self.newest()?.whole()
    }
}

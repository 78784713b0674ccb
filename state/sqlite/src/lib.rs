//! The state as a SQLite file: one row for each object, one transaction for each commit.
//!
//! Here lives all that knows SQL of this dialect. The file is in WAL mode and every commit is synced to the disk before it returns; readers
//! never wait for writers. The file must lie on a local disk: WAL needs shared memory, which network file systems lack.

mod audit;
mod commit;
mod error;
mod lease;
mod open;
mod query;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pilotis_state::audit::{AuditEntry, Head as AuditHead};
use pilotis_state::whole::Whole;
use pilotis_state::{
    Change, Head, Lease, Observation, OutputRecord, Run, RunId, Snapshot, StateError, Store, Timestamp, Write,
};
use rusqlite::Connection;

/// A state in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    location: String,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the state, or makes an empty one if there is no file. The folder must exist. A new file can be read and written by its owner
    /// only, since a state may hold secrets.
    ///
    /// A file that is damaged, isn't a state, or was written by a newer version is refused, and left as it is to the byte.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore, StateError> {
        open::open_or_create(path.as_ref())
    }

    /// Opens the state if there is one; none if there is no file.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Option<SqliteStore>, StateError> {
        let path = path.as_ref();
        match path.try_exists() {
            Ok(false) => Ok(None),
            _ => open::open_or_create(path).map(Some),
        }
    }

    /// The serial; zero if nothing was ever committed.
    pub fn serial(&self) -> Result<u64, StateError> {
        let serial = self.connection.query_row("SELECT serial FROM meta", [], |row| row.get::<_, i64>(0));
        serial.map(i64::unsigned_abs).map_err(|e| error::at(&self.location, e))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Store for SqliteStore {
    fn location(&self) -> &str {
        &self.location
    }

    fn snapshot(&mut self) -> Result<Snapshot, StateError> {
        query::snapshot(&mut self.connection).map_err(|e| error::at(&self.location, e))
    }

    fn head(&mut self) -> Result<Head, StateError> {
        query::head(&mut self.connection).map_err(|e| error::at(&self.location, e))
    }

    fn outputs(&mut self) -> Result<Vec<OutputRecord>, StateError> {
        query::outputs(&self.connection).map_err(|e| error::at(&self.location, e))
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StateError> {
        commit::commit(&mut self.connection, &self.location, writes).map_err(|e| e.at(&self.location))
    }

    fn acquire(&mut self, leases: &[Lease], now: Timestamp) -> Result<(), StateError> {
        lease::acquire(&mut self.connection, leases, now).map_err(|e| e.at(&self.location))
    }

    fn renew(&mut self, run: &RunId, expires: Timestamp) -> Result<(), StateError> {
        lease::renew(&self.connection, run, expires).map_err(|e| e.at(&self.location))
    }

    fn release(&mut self, run: &RunId) -> Result<(), StateError> {
        lease::release(&self.connection, run).map_err(|e| e.at(&self.location))
    }

    fn revoke(&mut self, run: &RunId) -> Result<(), StateError> {
        lease::revoke(&mut self.connection, run).map_err(|e| e.at(&self.location))
    }

    fn history(&mut self, address: &str, limit: usize) -> Result<Vec<(Run, Change)>, StateError> {
        query::history(&self.connection, address, limit).map_err(|e| error::at(&self.location, e))
    }

    fn runs(&mut self, limit: usize) -> Result<Vec<Run>, StateError> {
        query::runs(&self.connection, limit).map_err(|e| error::at(&self.location, e))
    }

    fn changes(&mut self, run: &RunId) -> Result<Vec<Change>, StateError> {
        query::changes(&self.connection, run).map_err(|e| error::at(&self.location, e))
    }

    fn made_of(&mut self, run: &RunId) -> Result<Option<Arc<str>>, StateError> {
        query::made_of(&self.connection, run).map_err(|e| error::at(&self.location, e))
    }

    fn observations(&mut self) -> Result<Vec<Observation>, StateError> {
        query::observations(&self.connection).map_err(|e| error::at(&self.location, e))
    }

    fn audit(&mut self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StateError> {
        audit::after(&self.connection, after, limit).map_err(|e| error::at(&self.location, e))
    }

    fn audit_head(&mut self) -> Result<AuditHead, StateError> {
        audit::head(&self.connection).map_err(|e| error::at(&self.location, e))
    }

    fn whole(&mut self) -> Result<Whole, StateError> {
        query::whole(&mut self.connection).map_err(|e| error::at(&self.location, e))
    }
}

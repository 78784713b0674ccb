//! The sandbox's data file: every object that a service made, as JSON in one SQLite table.
//!
//! A service keeps its objects in memory and writes through before it answers: what a client was told is on disk
//! even if the process is killed the next instant. Nothing here knows what an object means.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Why the data file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("the sandbox's data file {path} could not be used: {source}")]
    Sqlite {
        /// The data file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file system refused.
    #[error("the sandbox's data file {path} could not be made: {source}")]
    Io {
        /// The data file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An object is not what this version writes.
    #[error(
        "the object {service}/{kind}/{key} in the sandbox's data file {path} could not be read: {source}"
    )]
    Object {
        /// The data file.
        path: PathBuf,
        /// Its service.
        service: String,
        /// Its kind.
        kind: String,
        /// Its key.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file was written by a newer version.
    #[error(
        "the sandbox's data file {path} has format {found}, this version knows {known}: use a newer version, or delete the file"
    )]
    Format {
        /// The data file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
}

/// One stored object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its kind in its service, such as `group`.
    pub kind: String,
    /// Its key, unique in its kind.
    pub key: String,
    /// The object.
    pub body: Value,
}

/// Several writes that happen together or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    writes: Vec<Write>,
}

#[derive(Debug)]
enum Write {
    Put { kind: String, key: String, body: Result<String, serde_json::Error> },
    Remove { kind: String, key: String },
    Counter { name: String, value: u64 },
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Writes an object, over the one that has this key.
    pub fn put(&mut self, kind: &str, key: impl ToString, body: &impl Serialize) -> &mut Batch {
        let body = serde_json::to_string(body);
        self.writes.push(Write::Put { kind: kind.to_owned(), key: key.to_string(), body });
        self
    }

    /// Removes an object; one that is not there is no error.
    pub fn remove(&mut self, kind: &str, key: impl ToString) -> &mut Batch {
        self.writes.push(Write::Remove { kind: kind.to_owned(), key: key.to_string() });
        self
    }

    /// Sets a counter (see [`Store::counter`]).
    pub fn counter(&mut self, name: &str, value: u64) -> &mut Batch {
        self.writes.push(Write::Counter { name: name.to_owned(), value });
        self
    }

    /// No write in it?
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// The data file. Clones share it; every call is safe from any thread and takes tens of microseconds.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    connection: Mutex<Connection>,
}

const FORMAT: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS object (
        service TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (service, kind, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS counter (
        service TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
        PRIMARY KEY (service, name)
    ) WITHOUT ROWID;
";

impl Store {
    /// Opens the data file, or makes it (readable by its owner only: it holds tokens).
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        let io = |source| StoreError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        create_private(path).map_err(io)?;
        let connection =
            Connection::open(path).map_err(|source| StoreError::Sqlite { path: path.to_owned(), source })?;
        Store::with(connection, path)
    }

    /// A store that lives as long as its last clone; for tests.
    pub fn in_memory() -> Result<Store, StoreError> {
        let path = PathBuf::from(":memory:");
        let connection = Connection::open_in_memory()
            .map_err(|source| StoreError::Sqlite { path: path.clone(), source })?;
        Store::with(connection, &path)
    }

    fn with(connection: Connection, path: &Path) -> Result<Store, StoreError> {
        let prepare = || -> rusqlite::Result<i64> {
            connection.busy_timeout(Duration::from_secs(5))?;
            // NORMAL in WAL mode survives the death of the process; only a power cut can lose the last answers.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            // A checkpoint waits for the disk: seldom, and then for more.
            connection.pragma_update(None, "wal_autocheckpoint", 10_000)?;
            let format: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if format <= FORMAT {
                connection.execute_batch(SCHEMA)?;
                connection.pragma_update(None, "user_version", FORMAT)?;
            }
            Ok(format)
        };
        let found = prepare().map_err(|source| StoreError::Sqlite { path: path.to_owned(), source })?;
        if found > FORMAT {
            return Err(StoreError::Format { path: path.to_owned(), found, known: FORMAT });
        }
        Ok(Store { inner: Arc::new(Inner { path: path.to_owned(), connection: Mutex::new(connection) }) })
    }

    /// Every object of a service, in the order of kind and key.
    pub fn load(&self, service: &str) -> Result<Vec<Object>, StoreError> {
        let rows = self.sqlite(|connection| {
            let mut query = connection
                .prepare_cached("SELECT kind, key, body FROM object WHERE service = ?1 ORDER BY kind, key")?;
            let rows = query.query_map([service], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, String, String)>>>()
        })?;
        rows.into_iter()
            .map(|(kind, key, body)| {
                let body = self.parse(service, &kind, &key, &body)?;
                Ok(Object { kind, key, body })
            })
            .collect()
    }

    /// One object, if it is there.
    pub fn get<T: DeserializeOwned>(
        &self,
        service: &str,
        kind: &str,
        key: &str,
    ) -> Result<Option<T>, StoreError> {
        let body: Option<String> = self.sqlite(|connection| {
            connection
                .prepare_cached("SELECT body FROM object WHERE service = ?1 AND kind = ?2 AND key = ?3")?
                .query_row([service, kind, key], |row| row.get(0))
                .optional()
        })?;
        body.map(|body| self.parse(service, kind, key, &body)).transpose()
    }

    /// Writes one object, over the one that has this key.
    pub fn put(&self, service: &str, kind: &str, key: &str, body: &impl Serialize) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(kind, key, body);
        self.batch(service, batch)
    }

    /// Removes one object; one that is not there is no error.
    pub fn remove(&self, service: &str, kind: &str, key: &str) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.remove(kind, key);
        self.batch(service, batch)
    }

    /// Does the batch's writes in one transaction.
    pub fn batch(&self, service: &str, batch: Batch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut writes = Vec::with_capacity(batch.writes.len());
        for write in batch.writes {
            writes.push(match write {
                Write::Put { kind, key, body: Ok(body) } => (kind, key, Some(body), 0),
                Write::Remove { kind, key } => (kind, key, None, 0),
                Write::Counter { name, value } => (String::new(), name, None, value.max(1)),
                Write::Put { kind, key, body: Err(source) } => {
                    let (path, service) = (self.inner.path.clone(), service.to_owned());
                    return Err(StoreError::Object { path, service, kind, key, source });
                }
            });
        }
        self.sqlite(|connection| {
            let transaction = connection.unchecked_transaction()?;
            for (kind, key, body, counter) in &writes {
                match body {
                    Some(body) => transaction
                        .prepare_cached("INSERT OR REPLACE INTO object VALUES (?1, ?2, ?3, ?4)")?
                        .execute(params![service, kind, key, body])?,
                    None if *counter > 0 => transaction
                        .prepare_cached("INSERT OR REPLACE INTO counter VALUES (?1, ?2, ?3)")?
                        .execute(params![service, key, i64::try_from(*counter).unwrap_or(i64::MAX)])?,
                    None => transaction
                        .prepare_cached("DELETE FROM object WHERE service = ?1 AND kind = ?2 AND key = ?3")?
                        .execute(params![service, kind, key])?,
                };
            }
            transaction.commit()
        })
    }

    /// A counter as it was last written with [`Batch::counter`], or 0: for ids that are never used twice.
    pub fn counter(&self, service: &str, name: &str) -> Result<u64, StoreError> {
        let value: Option<i64> = self.sqlite(|connection| {
            connection
                .prepare_cached("SELECT value FROM counter WHERE service = ?1 AND name = ?2")?
                .query_row([service, name], |row| row.get(0))
                .optional()
        })?;
        Ok(value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0))
    }

    /// Every counter of a service.
    pub fn counters(&self, service: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let rows = self.sqlite(|connection| {
            let mut query =
                connection.prepare_cached("SELECT name, value FROM counter WHERE service = ?1")?;
            let rows = query.query_map([service], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, i64)>>>()
        })?;
        Ok(rows.into_iter().map(|(name, value)| (name, u64::try_from(value).unwrap_or(0))).collect())
    }

    fn parse<T: DeserializeOwned>(
        &self,
        service: &str,
        kind: &str,
        key: &str,
        body: &str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(body).map_err(|source| StoreError::Object {
            path: self.inner.path.clone(),
            service: service.to_owned(),
            kind: kind.to_owned(),
            key: key.to_owned(),
            source,
        })
    }

    fn sqlite<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let connection: MutexGuard<'_, Connection> =
            self.inner.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&connection).map_err(|source| StoreError::Sqlite { path: self.inner.path.clone(), source })
    }
}

/// Makes the file, empty, if it is not there, readable by its owner only.
pub(crate) fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_written_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/sandbox.db");
        let store = Store::open(&path).unwrap();
        store.put("gitlab", "group", "1", &json!({"name": "forge"})).unwrap();
        store.put("gitlab", "group", "2", &json!({"name": "gone"})).unwrap();
        store.put("kubernetes", "pod", "a/b", &json!({})).unwrap();
        let mut batch = Batch::new();
        batch.remove("group", 2).put("project", 7, &json!([1])).counter("group", 2);
        store.batch("gitlab", batch).unwrap();
        drop(store);

        let store = Store::open(&path).unwrap();
        let objects = store.load("gitlab").unwrap();
        let keys: Vec<_> = objects.iter().map(|object| (object.kind.as_str(), object.key.as_str())).collect();
        assert_eq!(keys, [("group", "1"), ("project", "7")]);
        assert_eq!(objects[0].body["name"], "forge");
        assert_eq!(store.counter("gitlab", "group").unwrap(), 2);
        assert_eq!(store.counter("kubernetes", "group").unwrap(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sandbox.db");
        let _store = Store::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_newer_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sandbox.db");
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Format { found: 99, .. })));
    }
}

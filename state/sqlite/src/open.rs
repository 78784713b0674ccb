//! Opening: what is refused is refused before anything is written.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use pilotis_state::StateError;
use rusqlite::{Connection, OpenFlags, ffi};
use rusqlite_migration::{M, Migrations};

use crate::SqliteStore;
use crate::error::{Failure, at, io};

/// `PRAGMA application_id` of a state: "PILT".
const APPLICATION_ID: u32 = 0x5049_4c54;

/// All versions of the schema, oldest first. A migration that has been released never changes.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("migrations/1.sql")),
    M::up(include_str!("migrations/2.sql")),
    M::up(include_str!("migrations/3.sql")),
    M::up(include_str!("migrations/4.sql")),
];

/// How long to wait for another process's commit.
const BUSY: Duration = Duration::from_secs(10);

/// Waits for another process's commit. SQLite's own waiting sleeps longer and longer, up to 100 ms; among processes that write without a
/// pause, such a one may not get its turn in ten seconds.
fn wait(tried: i32) -> bool {
    const PAUSE: Duration = Duration::from_millis(2);
    // Of different lengths, so that two that wait don't meet again and again.
    std::thread::sleep(PAUSE / 2 + PAUSE / 4 * (tried.unsigned_abs() % 5));
    PAUSE * tried.unsigned_abs() < BUSY
}

/// What a file is, by its first 100 bytes. <https://www.sqlite.org/fileformat2.html#the_database_header>
enum Kind {
    Missing,
    /// No bytes: made, but not yet filled.
    Empty,
    Ours,
    /// A SQLite file without a table, as a process that died while making a state leaves it.
    Bare,
}

pub(crate) fn open_or_create(path: &Path) -> Result<SqliteStore, StateError> {
    let location = path.display().to_string();
    let reads_only = is_on_read_only_disk(path);
    if reads_only && ["-wal", "-journal"].iter().any(|suffix| holds_something(&beside(path, suffix))) {
        return Err(only_read(
            &location,
            "a process has left what it wrote last in a file beside it (-wal), which belongs to it",
        ));
    }
    match kind(path, &location)? {
        Kind::Missing => create_file(path, &location)?,
        Kind::Empty => keep_private(path, &location)?,
        Kind::Bare | Kind::Ours => check(path, &location)?,
    }
    let connection = match reads_only {
        true => connect_to_read(path, &location)?,
        false => connect_patiently(path).map_err(|e| e.at(&location))?,
    };
    Ok(SqliteStore { connection, path: path.to_owned(), location })
}

/// Not only for us: there nobody writes, so that the file can be read without the log that WAL wants beside it.
fn is_on_read_only_disk(path: &Path) -> bool {
    OpenOptions::new().write(true).open(path).is_err_and(|e| e.kind() == ErrorKind::ReadOnlyFilesystem)
}

/// A connection to a file that nobody can write. <https://www.sqlite.org/wal.html#read_only_databases>
fn connect_to_read(path: &Path, location: &str) -> Result<Connection, StateError> {
    let Some(uri) = uri(path, "immutable=1") else { return Err(only_read(location, "its path is no text")) };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = || -> rusqlite::Result<(Connection, i64)> {
        let connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        Ok((connection, version))
    };
    match opened().map_err(|e| at(location, e))? {
        (connection, version) if version == MIGRATIONS.len() as i64 => Ok(connection),
        _ => Err(only_read(location, "an older version of this program has written it")),
    }
}

fn only_read(location: &str, why: &str) -> StateError {
    let source =
        format!("the disk is read-only, and {why}: copy it to another disk, and name it with -state");
    StateError::Io { location: location.to_owned(), source: source.into() }
}

fn holds_something(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

/// A file that SQLite keeps beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn kind(path: &Path, location: &str) -> Result<Kind, StateError> {
    let mut header = Vec::with_capacity(100);
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Kind::Missing),
        Err(error) => return Err(io(location, error)),
        Ok(file) => file.take(100).read_to_end(&mut header).map_err(|e| io(location, e))?,
    };
    let corrupt =
        |detail: &str| Err(StateError::Corrupt { location: location.to_owned(), detail: detail.to_owned() });
    if header.is_empty() {
        return Ok(Kind::Empty);
    }
    if header.first() == Some(&b'{') {
        return corrupt(
            "it looks like JSON; a Terraform state can't be used as one: name another file with -state, and take its objects over with `pilotis state import FILE`",
        );
    }
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return corrupt("it is not a SQLite file");
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    match (number(68), number(60)) {
        (APPLICATION_ID, version) => newer(i64::from(version), location).map(|()| Kind::Ours),
        (0, 0) => Ok(Kind::Bare),
        _ => corrupt("it is a SQLite file of another program"),
    }
}

fn newer(found: i64, location: &str) -> Result<(), StateError> {
    let known = MIGRATIONS.len() as i64;
    if found > known {
        Err(StateError::Newer { location: location.to_owned(), found, known })
    } else {
        Ok(())
    }
}

/// Makes the file, readable by its owner only, or lets be the one that another process has just made.
fn create_file(path: &Path, location: &str) -> Result<(), StateError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let detail = format!("there is no folder {}; make it first", folder.display());
            return Err(io(location, std::io::Error::new(ErrorKind::NotFound, detail)));
        }
        Err(error) => return Err(io(location, error)),
    }
    // The name of the file must be durable, not only its content.
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| io(location, e))
}

/// An empty file that somebody else made gets the permissions that ours would have.
fn keep_private(path: &Path, location: &str) -> Result<(), StateError> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(path, mode).map_err(|e| io(location, e))?;
    }
    Ok(())
}

/// Reads the file through a connection that cannot write.
fn check(path: &Path, location: &str) -> Result<(), StateError> {
    for _ in 0..3 {
        let Some(before) = at_rest(path) else { break };
        match all_there(path, location).and_then(|()| sound(path, Some("immutable=1"), location)) {
            // Somebody has written while we were reading: what we saw was no state of the file.
            Err(_) if at_rest(path) != Some(before) => {}
            verdict => return verdict,
        }
    }
    sound(path, None, location)
}

/// Length and time of a file that no connection is open to (there is no log beside it); such a file can be read without leaving a lock or
/// a log, also where we may not write.
fn at_rest(path: &Path) -> Option<(u64, SystemTime)> {
    if beside(path, "-wal").exists() || beside(path, "-journal").exists() {
        return None;
    }
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// A file that no log belongs to is as long as its head says. SQLite takes a last page that is cut off for one that ends in zeros.
fn all_there(path: &Path, location: &str) -> Result<(), StateError> {
    let mut header = [0; 100];
    let mut file = File::open(path).map_err(|e| io(location, e))?;
    file.read_exact(&mut header).map_err(|e| io(location, e))?;
    let length = file.metadata().map_err(|e| io(location, e))?.len();
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    // 1 stands for 65,536. The number of pages counts if the one who wrote it was the last to write.
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let (pages, is_known) = (u64::from(number(28)), number(24) == number(92));
    if is_known && length < pages * page {
        let detail = format!("it is cut off: it has {length} bytes of {}", pages * page);
        return Err(StateError::Corrupt { location: location.to_owned(), detail });
    }
    Ok(())
}

fn sound(path: &Path, parameter: Option<&str>, location: &str) -> Result<(), StateError> {
    let look = |access: OpenFlags| -> rusqlite::Result<(String, i64, i64)> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match parameter.and_then(|p| uri(path, p)) {
            Some(uri) => Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?,
            None => Connection::open_with_flags(path, flags)?,
        };
        connection.busy_handler(Some(wait))?;
        let report = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((report, version, tables))
    };
    let looked = match look(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        // A process died while it wrote: what it left is rolled back before anybody can read, and that is a write.
        Err(e) if is_interrupted(&e) => look(OpenFlags::SQLITE_OPEN_READ_WRITE),
        looked => looked,
    };
    let (report, version, tables) = looked.map_err(|e| at(location, e))?;
    newer(version, location)?;
    let detail = match report.as_str() {
        "ok" if version > 0 || tables == 0 => return Ok(()),
        "ok" => "it is a SQLite file of another program".to_owned(),
        damage => damage.to_owned(),
    };
    Err(StateError::Corrupt { location: location.to_owned(), detail })
}

/// <https://www.sqlite.org/rescode.html#readonly_rollback>
fn is_interrupted(error: &rusqlite::Error) -> bool {
    let code = match error {
        rusqlite::Error::SqliteFailure(error, _) => error.extended_code,
        _ => return false,
    };
    [ffi::SQLITE_READONLY_ROLLBACK, ffi::SQLITE_READONLY_RECOVERY].contains(&code)
}

/// <https://www.sqlite.org/uri.html>; none if the path is no text.
fn uri(path: &Path, parameter: &str) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let path = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Some(format!("file:{path}?{parameter}"))
}

/// SQLite doesn't wait where two processes that go on could wait for each other, as while both turn a new file to WAL: it says busy at once.
fn connect_patiently(path: &Path) -> Result<Connection, Failure> {
    let started = Instant::now();
    loop {
        match connect(path) {
            Err(failure) if failure.is_busy() && started.elapsed() < BUSY => {
                std::thread::sleep(Duration::from_millis(5));
            }
            connected => return connected,
        }
    }
}

fn connect(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(wait))?;
    connection.set_prepared_statement_cache_capacity(64);
    // Objects are one to two kilobytes: larger pages are read with fewer calls. Counts for a file that has no page yet.
    connection.pragma_update(None, "page_size", 8_192)?;
    migrate(&mut connection)?;
    // Only after the tables are in the file itself: a file with our mark always has them.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // Without a write lock if it is there: a state can be opened and read while another process writes.
    if !connection.query_row("SELECT EXISTS (SELECT 1 FROM meta)", [], |row| row.get(0))? {
        connection.execute(
            "INSERT INTO meta (id, lineage, serial) VALUES (1, ?1, 0) ON CONFLICT DO NOTHING",
            [uuid::Uuid::new_v4().to_string()],
        )?;
    }
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    let current =
        |connection: &Connection| connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    let latest = MIGRATIONS.len() as i64;
    if current(connection)? == latest {
        return Ok(());
    }
    let result = Migrations::from_slice(MIGRATIONS).to_latest(connection);
    match result {
        Ok(()) => Ok(()),
        // Another process did the same at the same time, and was first.
        Err(_) if current(connection)? == latest => Ok(()),
        Err(rusqlite_migration::Error::RusqliteError { err, .. }) => Err(err.into()),
        Err(other) => Err(StateError::Io { location: path_of(connection), source: Box::new(other) }.into()),
    }
}

fn path_of(connection: &Connection) -> String {
    connection.path().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_valid_and_set_our_mark() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let id: u32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
        assert_eq!(id, APPLICATION_ID);
    }

    /// A state of every earlier version comes up to the newest, with its rows.
    #[test]
    fn states_of_every_version_are_brought_up() {
        for version in 1..=MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            Migrations::from_slice(MIGRATIONS).to_version(&mut connection, version).unwrap();
            connection.execute("INSERT INTO meta (id, lineage, serial) VALUES (1, 'l', 7)", []).unwrap();
            migrate(&mut connection).unwrap();
            let kept: (String, i64) = connection
                .query_row("SELECT lineage, serial FROM meta", [], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap();
            assert_eq!(kept, ("l".to_owned(), 7));
        }
    }
}

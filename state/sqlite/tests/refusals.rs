//! Files that are not to be touched are not touched.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

use std::fs;
use std::path::Path;

use pilotis_state::conformance::record;
use pilotis_state::{Expect, StateError, Store, Write};
use pilotis_state_sqlite::SqliteStore;
use rusqlite::Connection;

fn filled(path: &Path) {
    let mut store = SqliteStore::open(path).unwrap();
    let writes: Vec<Write> = (0..200)
        .map(|n| Write::Put { record: record(&format!("gitlab_group.g[{n}]")), expect: Expect::Any })
        .collect();
    store.commit(&writes).unwrap();
}

/// Opens what `make` makes, expects a refusal, and proves that no byte and no file beside it has changed.
fn refused(make: impl FnOnce(&Path)) -> StateError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    make(&path);
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(fs::read(&path).unwrap() == before, "the file has changed");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a file was left beside it");
    error
}

#[track_caller]
fn assert_corrupt(error: StateError, detail: &str) {
    assert!(matches!(&error, StateError::Corrupt { detail: d, .. } if d.contains(detail)), "{error}");
}

#[test]
fn a_text_is_no_state() {
    assert_corrupt(refused(|p| fs::write(p, "hello").unwrap()), "not a SQLite file");
    assert_corrupt(refused(|p| fs::write(p, "SQLite format 3\0").unwrap()), "not a SQLite file");
}

#[test]
fn a_state_of_terraform_is_refused_with_advice() {
    assert_corrupt(
        refused(|p| fs::write(p, r#"{"version":4,"serial":1}"#).unwrap()),
        "`pilotis state import FILE`",
    );
}

#[test]
fn another_programs_database_is_no_state() {
    let tables =
        refused(|p| Connection::open(p).unwrap().execute_batch("CREATE TABLE bookmarks (url)").unwrap());
    assert_corrupt(tables, "another program");
    let mark = refused(|p| {
        Connection::open(p).unwrap().execute_batch("PRAGMA application_id = 99; CREATE TABLE t (c)").unwrap();
    });
    assert_corrupt(mark, "another program");
    let version = refused(|p| {
        Connection::open(p).unwrap().execute_batch("PRAGMA user_version = 1; CREATE TABLE meta (c)").unwrap();
    });
    assert_corrupt(version, "another program");
}

#[test]
fn a_newer_state_is_left_alone() {
    let error = refused(|p| {
        filled(p);
        Connection::open(p).unwrap().pragma_update(None, "user_version", 99).unwrap();
    });
    assert!(matches!(error, StateError::Newer { found: 99, known: 4, .. }), "{error}");
}

#[test]
fn a_truncated_state_is_damaged() {
    let error = refused(|p| {
        filled(p);
        let file = fs::OpenOptions::new().write(true).open(p).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
    assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
}

#[test]
fn an_overwritten_page_is_noticed() {
    let error = refused(|p| {
        filled(p);
        let mut bytes = fs::read(p).unwrap();
        // The header says how large a page is.
        let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        let middle = bytes.len() / 2 / page * page;
        bytes[middle..middle + page].fill(0x5a);
        fs::write(p, bytes).unwrap();
    });
    assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
}

/// Opens a copy with other bytes; if it can be opened, reads all that is in it. Nothing panics, and what is refused is left as it is.
fn looked_at(path: &Path, bytes: &[u8]) -> Result<usize, StateError> {
    for beside in ["-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(format!("{}{beside}", path.display()));
    }
    fs::write(path, bytes).unwrap();
    let mut store = match SqliteStore::open(path) {
        Ok(store) => store,
        Err(error) => {
            assert!(fs::read(path).unwrap() == bytes, "what is refused was changed: {error}");
            assert!(error.to_string().contains("state.db"), "{error}");
            return Err(error);
        }
    };
    store.runs(usize::MAX)?;
    store.audit(0, usize::MAX)?;
    store.outputs()?;
    Ok(store.snapshot()?.resources.len())
}

#[test]
fn a_state_that_is_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    filled(&path);
    let whole = fs::read(&path).unwrap();
    assert_eq!(looked_at(&path, &whole).unwrap(), 200);
    let cuts = (1..whole.len() / 512).map(|n| n * 512).chain([1, 15, 16, 99, 100, whole.len() - 1]);
    for length in cuts {
        let error = looked_at(&path, &whole[..length]).map(|n| format!("{n} objects")).unwrap_err();
        assert!(matches!(error, StateError::Corrupt { .. }), "cut to {length} of {}: {error}", whole.len());
    }
}

#[test]
fn a_bit_that_is_turned_is_an_error_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    filled(&path);
    let whole = fs::read(&path).unwrap();
    let (mut refused, mut read) = (0, 0);
    // All of the head; of the rest, one in so many bytes, each time another bit.
    for at in (0..100).chain((100..whole.len()).step_by(whole.len() / 300)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        match looked_at(&path, &bytes) {
            Ok(objects) => {
                assert_eq!(
                    objects,
                    200,
                    "bit {} of byte {at}: objects are missing, and nothing is said",
                    at % 8
                );
                read += 1;
            }
            Err(_) => refused += 1,
        }
    }
    // Most of a page is text that SQLite doesn't look into.
    assert!(refused > 20 && read > 20, "{refused} refused, {read} read");
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = SqliteStore::open(folder.path().join("no/state.db")).unwrap_err();
    assert!(error.to_string().contains("there is no folder"), "{error}");
    assert!(SqliteStore::open_existing(folder.path().join("state.db")).unwrap().is_none());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_empty_file_becomes_a_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    fs::write(&path, "").unwrap();
    assert_eq!(SqliteStore::open(&path).unwrap().snapshot().unwrap().serial, 0);
    // As left by a process that died before the first table was there.
    let bare = folder.path().join("bare.db");
    Connection::open(&bare).unwrap().execute_batch("PRAGMA journal_mode = wal; VACUUM").unwrap();
    assert_eq!(SqliteStore::open(&bare).unwrap().snapshot().unwrap().serial, 0);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_state() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.commit(&[]).unwrap();
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn a_state_that_is_being_written_can_be_opened_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    filled(&path);
    let mut writer = Connection::open(&path).unwrap();
    let tx = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    tx.execute("UPDATE meta SET serial = 99", []).unwrap();
    let mut reader = SqliteStore::open(&path).unwrap();
    assert_eq!(reader.snapshot().unwrap().serial, 1);
    assert_eq!(reader.snapshot().unwrap().resources.len(), 200);
}

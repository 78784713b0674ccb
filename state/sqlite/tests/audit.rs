//! Whoever can write the file can change its journal, and is found out.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

use pilotis_state::audit::{AuditError, Head, verify, verify_runs};
use pilotis_state::conformance::{change, run};
use pilotis_state::{RunId, Store as _, Write};
use pilotis_state_sqlite::SqliteStore;
use rusqlite::Connection;

/// A state with four entries, to which something was done; what is found then, with the head remembered and without.
fn after(sql: &str) -> [Result<u64, AuditError>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    for writes in [
        [Write::StartRun(run("1"))],
        [Write::Note(change("1", "a", 1))],
        [Write::Note(change("1", "b", 2))],
        [Write::StartRun(run("2"))],
    ] {
        store.commit(&writes).unwrap();
    }
    let remembered = store.audit_head().unwrap();
    drop(store);
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let mut store = SqliteStore::open(&path).unwrap();
    let (entries, runs) = (store.audit(0, usize::MAX).unwrap(), store.runs(usize::MAX).unwrap());
    [Some(remembered), None].map(|remembered: Option<Head>| {
        let head = verify(&entries, remembered)?;
        verify_runs(&entries, &runs)?;
        Ok(head.seq)
    })
}

#[test]
fn what_was_done_to_the_tables_is_found() {
    assert_eq!(after(""), [Ok(4), Ok(4)]);
    let cut = AuditError::Missing { first: 2, last: 3 };
    assert_eq!(after("DELETE FROM audit WHERE seq IN (2, 3)"), [Err(cut.clone()), Err(cut)]);
    let changed = AuditError::Changed(2);
    assert_eq!(
        after("UPDATE audit SET body = replace(body, 'create', 'delete') WHERE seq = 2"),
        [Err(changed.clone()), Err(changed)]
    );
    // Renumbered, so that no gap shows.
    let renumbered = AuditError::Changed(3);
    assert_eq!(
        after("DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4"),
        [Err(renumbered.clone()), Err(renumbered)]
    );
    assert_eq!(
        after("DELETE FROM audit WHERE seq > 2"),
        [
            Err(AuditError::CutOff { found: 2, remembered: 4 }),
            // Nobody remembers, but a run is left that nobody began.
            Err(AuditError::NotNoted(RunId("2".into())))
        ]
    );
    let gone = AuditError::RunGone(RunId("2".into()));
    assert_eq!(after("DELETE FROM run WHERE id = '2'"), [Err(gone.clone()), Err(gone)]);
}

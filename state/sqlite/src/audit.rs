//! The audit journal: appended to inside of a commit, and read.

use pilotis_state::StateError;
use pilotis_state::audit::{AuditEntry, Head};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::Failure;

/// The entry that follows the newest one.
pub(crate) fn append(tx: &Connection, body: String) -> Result<(), Failure> {
    let entry = head(tx)?.next(body);
    insert(tx, &entry)?;
    Ok(())
}

/// The journal of another state, where there is none yet.
pub(crate) fn copy(tx: &Connection, entries: &[AuditEntry]) -> Result<(), Failure> {
    if head(tx)?.seq > 0 {
        return Err(StateError::Duplicate { what: "a journal".into() }.into());
    }
    for entry in entries {
        insert(tx, entry)?;
    }
    Ok(())
}

fn insert(tx: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
    tx.prepare_cached("INSERT INTO audit (seq, hash, body) VALUES (?1, ?2, ?3)")?.execute(params![
        seq,
        &entry.hash[..],
        &*entry.body
    ])?;
    Ok(())
}

pub(crate) fn head(connection: &Connection) -> rusqlite::Result<Head> {
    let newest = connection
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok(Head { seq: row.get::<_, i64>(0)?.unsigned_abs(), hash: row.get(1)? }))
        .optional()?;
    Ok(newest.unwrap_or_else(Head::empty))
}

/// Entries after a number, oldest first.
pub(crate) fn after(connection: &Connection, after: u64, limit: usize) -> rusqlite::Result<Vec<AuditEntry>> {
    let mut statement = connection
        .prepare_cached("SELECT seq, hash, body FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement.query_map([after, limit], entry)?.collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry { seq: row.get::<_, i64>(0)?.unsigned_abs(), hash: row.get(1)?, body: row.get(2)? })
}

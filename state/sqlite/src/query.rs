//! Reads.

use std::collections::HashSet;
use std::sync::Arc;

use pilotis_state::whole::Whole;
use pilotis_state::{
    Action, Change, ChangeOutcome, Head, Intent, IntentId, Observation, OutputRecord, ResourceKey,
    ResourceRecord, Run, RunId, RunKind, RunStatus, Snapshot, Status, Timestamp,
};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::{audit, lease};

pub(crate) fn snapshot(connection: &mut Connection) -> rusqlite::Result<Snapshot> {
    // A deferred transaction: what is read belongs together, and no writer waits.
    let tx = connection.transaction()?;
    let snapshot = read(&tx)?;
    tx.finish()?;
    Ok(snapshot)
}

/// Everything, in one transaction too.
pub(crate) fn whole(connection: &mut Connection) -> rusqlite::Result<Whole> {
    let tx = connection.transaction()?;
    let (seen, runs) = (observations(&tx)?, runs(&tx, usize::MAX)?);
    let audit = audit::after(&tx, 0, usize::MAX)?;
    let whole = Whole::new(read(&tx)?, seen, runs, journal(&tx)?, all_made_of(&tx)?, audit);
    tx.finish()?;
    Ok(whole)
}

fn read(tx: &Connection) -> rusqlite::Result<Snapshot> {
    let (lineage, serial) = lineage_and_serial(tx)?;
    let checks = tx.query_row("SELECT checks FROM meta", [], |row| Ok(text(row, 0)?.into()))?;
    let mut resources = resources(tx)?;
    // Sorted here: an index would be walked with one jump into the table for each row.
    resources.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(Snapshot {
        lineage,
        serial,
        resources,
        outputs: outputs(tx)?,
        checks,
        intents: intents(tx)?,
        leases: lease::living(tx)?,
        clock: None,
    })
}

/// Texts that are the same in thousands of rows, kept once.
#[derive(Default)]
struct Interner(HashSet<Arc<str>>);

impl Interner {
    fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.0.insert(new.clone());
        new
    }
}

fn resources(connection: &Connection) -> rusqlite::Result<Vec<ResourceRecord>> {
    let mut records = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT address, deposed, type, provider, schema_version, digest, version, status, create_before_destroy, protected,
             sensitive_paths, dependencies, attributes FROM resource",
    )?;
    let mut rows = statement.query([])?;
    let mut intern = Interner::default();
    while let Some(row) = rows.next()? {
        records.push(ResourceRecord {
            key: key(row, 0)?,
            type_name: intern.get(text(row, 2)?),
            provider: intern.get(text(row, 3)?),
            schema_version: row.get::<_, i64>(4)?.unsigned_abs(),
            digest: row.get(5)?,
            version: row.get(6)?,
            status: named(row, 7, Status::parse)?,
            create_before_destroy: row.get(8)?,
            protected: row.get(9)?,
            sensitive_paths: intern.get(text(row, 10)?),
            dependencies: text(row, 11)?
                .split('\n')
                .filter(|d| !d.is_empty())
                .map(|d| intern.get(d))
                .collect(),
            attributes: text(row, 12)?.into(),
        });
    }
    Ok(records)
}

pub(crate) fn head(connection: &mut Connection) -> rusqlite::Result<Head> {
    let tx = connection.transaction()?;
    let (lineage, serial) = lineage_and_serial(&tx)?;
    let head = Head { lineage, serial, run: runs(&tx, 1)?.pop().map(|run| run.id) };
    tx.finish()?;
    Ok(head)
}

fn lineage_and_serial(connection: &Connection) -> rusqlite::Result<(String, u64)> {
    connection.query_row("SELECT lineage, serial FROM meta", [], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
    })
}

pub(crate) fn outputs(connection: &Connection) -> rusqlite::Result<Vec<OutputRecord>> {
    let mut statement =
        connection.prepare_cached("SELECT name, value, sensitive FROM output ORDER BY name")?;
    let rows = statement.query_map([], |row| {
        Ok(OutputRecord { name: row.get(0)?, value: row.get(1)?, sensitive: row.get(2)? })
    })?;
    rows.collect()
}

fn intents(connection: &Connection) -> rusqlite::Result<Vec<Intent>> {
    let mut statement = connection.prepare_cached(
        "SELECT intent.id, run.id, address, deposed, action, type, provider, planned, meta, begun
         FROM intent JOIN run ON run.seq = intent.run ORDER BY intent.seq",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Intent {
            id: IntentId(row.get(0)?),
            run: RunId(row.get(1)?),
            key: key(row, 2)?,
            action: named(row, 4, Action::parse)?,
            type_name: row.get(5)?,
            provider: row.get(6)?,
            planned: row.get(7)?,
            meta: row.get(8)?,
            begun: Timestamp(row.get(9)?),
        })
    })?;
    rows.collect()
}

/// What all runs were made of, in their order.
fn all_made_of(connection: &Connection) -> rusqlite::Result<Vec<(RunId, Arc<str>)>> {
    let mut statement = connection.prepare_cached(
        "SELECT run.id, text FROM run JOIN made_of ON made_of.digest = run.made_of ORDER BY run.seq",
    )?;
    let rows = statement.query_map([], |row| Ok((RunId(row.get(0)?), row.get(1)?)))?;
    rows.collect()
}

pub(crate) fn made_of(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<Arc<str>>> {
    let mut statement = connection.prepare_cached(
        "SELECT text FROM run JOIN made_of ON made_of.digest = run.made_of WHERE run.id = ?1",
    )?;
    statement.query_row([&*run.0], |row| row.get(0)).optional()
}

pub(crate) fn observations(connection: &Connection) -> rusqlite::Result<Vec<Observation>> {
    let mut statement =
        connection.prepare_cached("SELECT address, deposed, at, attributes, complete FROM observation")?;
    let rows = statement.query_map([], |row| {
        Ok(Observation {
            key: key(row, 0)?,
            at: Timestamp(row.get(2)?),
            attributes: row.get(3)?,
            complete: row.get(4)?,
        })
    })?;
    let mut seen: Vec<Observation> = rows.collect::<rusqlite::Result<_>>()?;
    seen.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(seen)
}

const RUN: &str = "run.id, kind, who, \"commit\", plan_digest, started, finished, status, calls";
const CHANGE: &str = "run.id, address, deposed, action, at, outcome, error, before, after";

pub(crate) fn runs(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Run>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {RUN} FROM run ORDER BY seq DESC LIMIT ?1"))?;
    statement.query_map([at_most(limit)], |row| run(row, 0))?.collect()
}

pub(crate) fn changes(connection: &Connection, id: &RunId) -> rusqlite::Result<Vec<Change>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {CHANGE} FROM change JOIN run ON run.seq = change.run WHERE run.id = ?1 ORDER BY change.seq"
    ))?;
    statement.query_map([&*id.0], |row| change(row, 0))?.collect()
}

fn journal(connection: &Connection) -> rusqlite::Result<Vec<Change>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {CHANGE} FROM change JOIN run ON run.seq = change.run ORDER BY change.seq"
    ))?;
    statement.query_map([], |row| change(row, 0))?.collect()
}

pub(crate) fn history(
    connection: &Connection,
    address: &str,
    limit: usize,
) -> rusqlite::Result<Vec<(Run, Change)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {RUN}, {CHANGE} FROM change JOIN run ON run.seq = change.run
         WHERE address = ?1 ORDER BY change.seq DESC LIMIT ?2"
    ))?;
    statement.query_map((address, at_most(limit)), |row| Ok((run(row, 0)?, change(row, 9)?)))?.collect()
}

fn run(row: &Row<'_>, from: usize) -> rusqlite::Result<Run> {
    Ok(Run {
        id: RunId(row.get(from)?),
        kind: named(row, from + 1, RunKind::parse)?,
        who: row.get(from + 2)?,
        commit: row.get(from + 3)?,
        plan_digest: row.get(from + 4)?,
        started: Timestamp(row.get(from + 5)?),
        finished: row.get::<_, Option<i64>>(from + 6)?.map(Timestamp),
        status: named(row, from + 7, RunStatus::parse)?,
        calls: row.get::<_, i64>(from + 8)?.unsigned_abs(),
    })
}

fn change(row: &Row<'_>, from: usize) -> rusqlite::Result<Change> {
    Ok(Change {
        run: RunId(row.get(from)?),
        key: key(row, from + 1)?,
        action: named(row, from + 3, Action::parse)?,
        at: Timestamp(row.get(from + 4)?),
        outcome: named(row, from + 5, ChangeOutcome::parse)?,
        error: row.get(from + 6)?,
        before: row.get(from + 7)?,
        after: row.get(from + 8)?,
    })
}

/// An address and a deposed key, which is empty for the current object.
fn key(row: &Row<'_>, from: usize) -> rusqlite::Result<ResourceKey> {
    let deposed = text(row, from + 1)?;
    Ok(ResourceKey {
        address: text(row, from)?.into(),
        deposed: (!deposed.is_empty()).then(|| deposed.into()),
    })
}

/// A text without a copy.
fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    let value = row.get_ref(column)?;
    value
        .as_str()
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, value.data_type(), Box::new(e)))
}

/// A value of an enumeration.
fn named<T>(row: &Row<'_>, column: usize, parse: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    parse(text(row, column)?).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(FromSqlError::InvalidType))
    })
}

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

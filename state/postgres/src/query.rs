//! Reads.

use std::collections::HashSet;
use std::sync::Arc;

use pilotis_state::audit::{self, AuditEntry};
use pilotis_state::whole::Whole;
use pilotis_state::{
    Action, Change, ChangeOutcome, Intent, IntentId, Observation, OutputRecord, ResourceKey, ResourceRecord,
    Run, RunId, RunKind, RunStatus, Snapshot, Status, Timestamp,
};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::Failure;
use crate::lease;
use crate::session::{Connection, Session};

const META: &str = "SELECT lineage, serial, checks FROM workspace WHERE id = $1";
const SERIAL: &str = "SELECT serial FROM workspace WHERE id = $1";
const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
const RESOURCES: &str = "
SELECT address, deposed, type, provider, schema_version, digest, version, status, create_before_destroy, protected,
    sensitive_paths, dependencies, attributes
FROM resource WHERE workspace = $1";
const OUTPUTS: &str = "SELECT name, value, sensitive FROM output WHERE workspace = $1";
const INTENTS: &str = "
SELECT intent.id, run.id, address, deposed, action, type, provider, planned, meta, begun
FROM intent JOIN run ON run.seq = intent.run WHERE intent.workspace = $1 ORDER BY intent.seq";
const MADE_OF: &str = "
SELECT text FROM run JOIN made_of ON made_of.workspace = run.workspace AND made_of.digest = run.made_of
WHERE run.workspace = $1 AND run.id = $2";
const ALL_MADE_OF: &str = "
SELECT run.id, text FROM run JOIN made_of ON made_of.workspace = run.workspace AND made_of.digest = run.made_of
WHERE run.workspace = $1 ORDER BY run.seq";
const OBSERVATIONS: &str =
    "SELECT address, deposed, at, attributes, complete FROM observation WHERE workspace = $1";

const AUDIT: &str =
    "SELECT seq, hash, body FROM audit WHERE workspace = $1 AND seq > $2 ORDER BY seq LIMIT $3";
const AUDIT_HEAD: &str = "SELECT seq, hash FROM audit WHERE workspace = $1 ORDER BY seq DESC LIMIT 1";

macro_rules! run_columns {
    () => {
        "run.id, kind, who, commit, plan_digest, started, finished, status, calls"
    };
}
macro_rules! change_columns {
    () => {
        "run.id, address, deposed, action, at, outcome, error, before, after"
    };
}
macro_rules! changes_with_run {
    () => {
        " FROM change JOIN run ON run.seq = change.run WHERE change.workspace = $1 "
    };
}

const RUNS: &str =
    concat!("SELECT ", run_columns!(), " FROM run WHERE workspace = $1 ORDER BY seq DESC LIMIT $2");
const CHANGES: &str =
    concat!("SELECT ", change_columns!(), changes_with_run!(), "AND run.id = $2 ORDER BY change.seq");
const JOURNAL: &str = concat!("SELECT ", change_columns!(), changes_with_run!(), "ORDER BY change.seq");
const HISTORY: &str = concat!(
    "SELECT ",
    run_columns!(),
    ", ",
    change_columns!(),
    changes_with_run!(),
    "AND address = $2 ORDER BY change.seq DESC LIMIT $3"
);

pub(crate) async fn snapshot(session: &mut Session, workspace: i32) -> Result<Snapshot, Failure> {
    session
        .repeat(async |connection| {
            // What is read belongs together, and no writer waits.
            connection.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let snapshot = read(connection, workspace).await?;
            connection.batch("COMMIT").await?;
            Ok(snapshot)
        })
        .await
}

/// Everything, in one transaction too.
pub(crate) async fn whole(session: &mut Session, workspace: i32) -> Result<Whole, Failure> {
    session
        .repeat(async |connection| {
            connection.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let snapshot = read(connection, workspace).await?;
            let seen = seen(&connection.query(OBSERVATIONS, &[&workspace]).await?)?;
            let runs = connection.query(RUNS, &[&workspace, &i64::MAX]).await?;
            let runs = all(&runs, |row| run(row, 0))?;
            let changes = all(&connection.query(JOURNAL, &[&workspace]).await?, |row| change(row, 0))?;
            let made_of = connection.query(ALL_MADE_OF, &[&workspace]).await?;
            let made_of = all(&made_of, |row| Ok((RunId(text(row, 0)?.into()), text(row, 1)?.into())))?;
            let entries = connection.query(AUDIT, &[&workspace, &0_i64, &i64::MAX]).await?;
            let entries = all(&entries, entry)?;
            connection.batch("COMMIT").await?;
            Ok(Whole::new(snapshot, seen, runs, changes, made_of, entries))
        })
        .await
}

async fn read(connection: &mut Connection, workspace: i32) -> Result<Snapshot, Failure> {
    let meta = connection.query(META, &[&workspace]).await?;
    let meta = meta.first().ok_or_else(Failure::gone)?;
    let mut resources = resources(&connection.query(RESOURCES, &[&workspace]).await?)?;
    // Sorted here: a database may sort texts by the rules of a language.
    resources.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    let mut outputs = all(&connection.query(OUTPUTS, &[&workspace]).await?, |row| {
        Ok(OutputRecord { name: get(row, 0)?, value: text(row, 1)?.into(), sensitive: get(row, 2)? })
    })?;
    outputs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(Snapshot {
        lineage: get(meta, 0)?,
        serial: get::<i64>(meta, 1)?.unsigned_abs(),
        resources,
        outputs,
        intents: all(&connection.query(INTENTS, &[&workspace]).await?, intent)?,
        leases: lease::living(connection, workspace).await?,
        clock: Some(now(connection).await?),
        checks: text(meta, 2)?.into(),
    })
}

async fn now(connection: &mut Connection) -> Result<Timestamp, Failure> {
    let rows = connection.query(CLOCK, &[]).await?;
    let row = rows.first().ok_or_else(|| Failure::Setup("the server doesn't say what time it is".into()))?;
    Ok(Timestamp(get(row, 0)?))
}

pub(crate) async fn clock(session: &mut Session) -> Result<Timestamp, Failure> {
    session.repeat(async |connection| now(connection).await).await
}

pub(crate) async fn serial(session: &mut Session, workspace: i32) -> Result<u64, Failure> {
    let rows = session.repeat(async |c| c.query(SERIAL, &[&workspace]).await).await?;
    Ok(get::<i64>(rows.first().ok_or_else(Failure::gone)?, 0)?.unsigned_abs())
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

fn resources(rows: &[Row]) -> Result<Vec<ResourceRecord>, Failure> {
    let mut intern = Interner::default();
    let mut record = |row: &Row| {
        Ok(ResourceRecord {
            key: key(row, 0)?,
            type_name: intern.get(text(row, 2)?),
            provider: intern.get(text(row, 3)?),
            schema_version: get::<i64>(row, 4)?.unsigned_abs(),
            digest: get::<&[u8]>(row, 5)?.try_into().map_err(|_| {
                Failure::Damaged(format!("the digest of {} isn't one", text(row, 0).unwrap_or("an object")))
            })?,
            version: get(row, 6)?,
            status: named(row, 7, Status::parse)?,
            create_before_destroy: get(row, 8)?,
            protected: get(row, 9)?,
            sensitive_paths: intern.get(text(row, 10)?),
            dependencies: text(row, 11)?
                .split('\n')
                .filter(|d| !d.is_empty())
                .map(|d| intern.get(d))
                .collect(),
            attributes: text(row, 12)?.into(),
        })
    };
    rows.iter().map(&mut record).collect()
}

fn intent(row: &Row) -> Result<Intent, Failure> {
    Ok(Intent {
        id: IntentId(text(row, 0)?.into()),
        run: RunId(text(row, 1)?.into()),
        key: key(row, 2)?,
        action: named(row, 4, Action::parse)?,
        type_name: text(row, 5)?.into(),
        provider: text(row, 6)?.into(),
        planned: text(row, 7)?.into(),
        meta: text(row, 8)?.into(),
        begun: Timestamp(get(row, 9)?),
    })
}

pub(crate) async fn observations(session: &mut Session, workspace: i32) -> Result<Vec<Observation>, Failure> {
    seen(&session.repeat(async |c| c.query(OBSERVATIONS, &[&workspace]).await).await?)
}

fn seen(rows: &[Row]) -> Result<Vec<Observation>, Failure> {
    let mut seen = all(rows, |row| {
        Ok(Observation {
            key: key(row, 0)?,
            at: Timestamp(get(row, 2)?),
            attributes: get::<Option<&str>>(row, 3)?.map(Arc::from),
            complete: get(row, 4)?,
        })
    })?;
    seen.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(seen)
}

pub(crate) async fn runs(session: &mut Session, workspace: i32, limit: usize) -> Result<Vec<Run>, Failure> {
    let rows = session.repeat(async |c| c.query(RUNS, &[&workspace, &at_most(limit)]).await).await?;
    all(&rows, |row| run(row, 0))
}

pub(crate) async fn changes(
    session: &mut Session,
    workspace: i32,
    id: &RunId,
) -> Result<Vec<Change>, Failure> {
    let rows = session.repeat(async |c| c.query(CHANGES, &[&workspace, &&*id.0]).await).await?;
    all(&rows, |row| change(row, 0))
}

pub(crate) async fn made_of(
    session: &mut Session,
    workspace: i32,
    id: &RunId,
) -> Result<Option<Arc<str>>, Failure> {
    let rows = session.repeat(async |c| c.query(MADE_OF, &[&workspace, &&*id.0]).await).await?;
    rows.first().map(|row| Ok(text(row, 0)?.into())).transpose()
}

/// Entries of the journal after a number, oldest first.
pub(crate) async fn audit(
    session: &mut Session,
    workspace: i32,
    after: u64,
    limit: usize,
) -> Result<Vec<AuditEntry>, Failure> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = session.repeat(async |c| c.query(AUDIT, &[&workspace, &after, &at_most(limit)]).await).await?;
    all(&rows, entry)
}

pub(crate) async fn audit_head(session: &mut Session, workspace: i32) -> Result<audit::Head, Failure> {
    let rows = session.repeat(async |c| c.query(AUDIT_HEAD, &[&workspace]).await).await?;
    match rows.first() {
        Some(row) => Ok(audit::Head { seq: get::<i64>(row, 0)?.unsigned_abs(), hash: hash(row, 1)? }),
        None => Ok(audit::Head::empty()),
    }
}

fn entry(row: &Row) -> Result<AuditEntry, Failure> {
    let seq = get::<i64>(row, 0)?.unsigned_abs();
    Ok(AuditEntry { seq, hash: hash(row, 1)?, body: text(row, 2)?.into() })
}

fn hash(row: &Row, column: usize) -> Result<audit::Hash, Failure> {
    let found = get::<&[u8]>(row, column)?;
    found.try_into().map_err(|_| Failure::Damaged("a hash of the audit journal isn't one".into()))
}

pub(crate) async fn history(
    session: &mut Session,
    workspace: i32,
    address: &str,
    limit: usize,
) -> Result<Vec<(Run, Change)>, Failure> {
    let rows =
        session.repeat(async |c| c.query(HISTORY, &[&workspace, &address, &at_most(limit)]).await).await?;
    all(&rows, |row| Ok((run(row, 0)?, change(row, 9)?)))
}

fn run(row: &Row, from: usize) -> Result<Run, Failure> {
    Ok(Run {
        id: RunId(text(row, from)?.into()),
        kind: named(row, from + 1, RunKind::parse)?,
        who: get(row, from + 2)?,
        commit: get(row, from + 3)?,
        plan_digest: get(row, from + 4)?,
        started: Timestamp(get(row, from + 5)?),
        finished: get::<Option<i64>>(row, from + 6)?.map(Timestamp),
        status: named(row, from + 7, RunStatus::parse)?,
        calls: get::<i64>(row, from + 8)?.unsigned_abs(),
    })
}

fn change(row: &Row, from: usize) -> Result<Change, Failure> {
    Ok(Change {
        run: RunId(text(row, from)?.into()),
        key: key(row, from + 1)?,
        action: named(row, from + 3, Action::parse)?,
        at: Timestamp(get(row, from + 4)?),
        outcome: named(row, from + 5, ChangeOutcome::parse)?,
        error: get(row, from + 6)?,
        before: get::<Option<&str>>(row, from + 7)?.map(Arc::from),
        after: get::<Option<&str>>(row, from + 8)?.map(Arc::from),
    })
}

fn all<T>(rows: &[Row], one: impl Fn(&Row) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
    rows.iter().map(one).collect()
}

/// An address and a deposed key, which is empty for the current object.
fn key(row: &Row, from: usize) -> Result<ResourceKey, Failure> {
    let deposed = text(row, from + 1)?;
    Ok(ResourceKey {
        address: text(row, from)?.into(),
        deposed: (!deposed.is_empty()).then(|| deposed.into()),
    })
}

/// A text without a copy.
fn text(row: &Row, column: usize) -> Result<&str, Failure> {
    get(row, column)
}

/// A column that isn't what it was made as has been changed by hand.
fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Failure> {
    row.try_get(column).map_err(|e| Failure::Damaged(format!("{}: {e}", name(row, column))))
}

fn name(row: &Row, column: usize) -> &str {
    row.columns().get(column).map_or("a column", tokio_postgres::Column::name)
}

/// A value of an enumeration.
fn named<T>(row: &Row, column: usize, parse: fn(&str) -> Option<T>) -> Result<T, Failure> {
    let value = text(row, column)?;
    parse(value).ok_or_else(|| Failure::Damaged(format!("there is no {} {value:?}", name(row, column))))
}

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

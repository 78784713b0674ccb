//! Leases: taken under the lock of the workspace, all or none, so that nobody waits for anybody in a circle.

use std::collections::BTreeMap;
use std::time::Duration;

use pilotis_state::{Holder, Lease, LeaseMode, RunId, StateError, Timestamp};
use pilotis_state_process::is_dead;
use tokio_postgres::Row;

use crate::error::Failure;
use crate::session::{Connection, Param, Session, Step};
use crate::statements as sql;

const HOLDERS: &str = "
SELECT '*', run, host, pid, start, who, since, expires, true FROM holder WHERE workspace = $1 AND NOT fenced";

const ALL: &str = "
SELECT lease.address, holder.run, host, pid, start, who, since, expires, exclusive
FROM lease JOIN holder ON holder.workspace = lease.workspace AND holder.run = lease.run
WHERE lease.workspace = $1";

/// Takes leases over from runs that are over: whose time is up by `$3`, and those in `$4`, whose process is dead. A heartbeat that comes
/// at the same moment is waited for, and counts.
const TAKE_OVER: &str = "
WITH over AS (
    UPDATE holder SET fenced = true
    WHERE workspace = $1 AND run <> ALL ($2::text[]) AND NOT fenced AND (expires <= $3 OR run = ANY ($4::text[]))
    RETURNING run
)
DELETE FROM lease USING over WHERE lease.workspace = $1 AND lease.run = over.run";

/// `$5`: the state as a whole is wanted, and whether to be changed; null if it isn't.
const IN_THE_WAY: &str = "
WITH given (address, exclusive) AS (
    SELECT * FROM unnest($3::text[], $4::boolean[])
    UNION ALL SELECT '*', bool_or(exclusive) FROM unnest($4::boolean[]) AS any_of (exclusive)
)
SELECT theirs.address, holder.run, host, pid, start, who, since, expires, theirs.exclusive
FROM (
    SELECT found.* FROM given CROSS JOIN LATERAL (
        SELECT address, run, exclusive FROM lease
        WHERE lease.workspace = $1 AND lease.address = given.address AND run <> ALL ($2::text[])
            AND (lease.exclusive OR given.exclusive)
        LIMIT 1
    ) AS found
    UNION ALL
    SELECT address, run, exclusive FROM lease
    WHERE $5::boolean IS NOT NULL AND workspace = $1 AND run <> ALL ($2::text[]) AND (exclusive OR $5)
) AS theirs
JOIN holder ON holder.workspace = $1 AND holder.run = theirs.run
ORDER BY theirs.address COLLATE \"C\"
LIMIT 1";

const HOLD: &str = "
INSERT INTO holder (workspace, run, host, pid, start, who, since, expires, fenced)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, false)
ON CONFLICT (workspace, run) DO UPDATE SET host = $3, pid = $4, start = $5, who = $6, expires = $8, fenced = false,
    since = CASE WHEN holder.fenced THEN $7 ELSE holder.since END";

const TAKE: &str = "
INSERT INTO lease (workspace, address, run, exclusive)
SELECT $1, address, run, exclusive
FROM unnest($2::text[], $3::text[], $4::boolean[]) AS given (address, run, exclusive) ORDER BY address, run
ON CONFLICT (workspace, address, run) DO UPDATE SET exclusive = lease.exclusive OR excluded.exclusive";

const RENEW: &str =
    "UPDATE holder SET expires = $3 WHERE workspace = $1 AND run = $2 AND NOT fenced RETURNING 1";

/// How long it is kept in mind that a run lost its leases, and what a process has committed: longer than any run lasts.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

const FORGET_FENCED: &str = "DELETE FROM holder WHERE workspace = $1 AND fenced AND expires < $2";

const FORGET_WRITERS: &str = "DELETE FROM writer WHERE workspace = $1 AND at < now() - interval '30 days'";

const RELEASE: &str = "DELETE FROM holder WHERE workspace = $1 AND run = $2 AND NOT fenced";

/// What a run that lost its leases still held, is nobody's.
const RELEASE_FENCED: &str = "DELETE FROM lease WHERE workspace = $1 AND run = $2";

const REVOKE: &str = "
UPDATE holder SET fenced = true WHERE workspace = $1 AND run = $2 AND NOT fenced RETURNING 1";

pub(crate) async fn acquire(
    session: &mut Session,
    workspace: i32,
    leases: &[Lease],
    now: Timestamp,
) -> Result<(), Failure> {
    // Taking what one has already changes nothing: after a lost connection it is simply asked for again.
    session
        .repeat(async |connection| {
            take(connection, workspace, leases, now).await?;
            connection.batch("COMMIT").await
        })
        .await
}

async fn take(
    connection: &mut Connection,
    workspace: i32,
    leases: &[Lease],
    now: Timestamp,
) -> Result<(), Failure> {
    let ours: BTreeMap<&str, &Lease> = leases.iter().map(|l| (&*l.run.0, l)).collect();
    let lock = Step { sql: sql::LOCK, params: vec![Box::new(workspace)] };
    let holders = Step { sql: HOLDERS, params: vec![Box::new(workspace)] };
    let answers = connection.send("BEGIN ISOLATION LEVEL READ COMMITTED", &[lock, holders]).await?;
    let [locked, holders] = two(answers)?;
    if locked.is_empty() {
        return Err(Failure::gone());
    }
    let holders = of_all(&holders)?;
    let others = holders.iter().filter(|l| !ours.contains_key(&*l.run.0));
    let dead: Vec<&str> = others.filter(|l| is_dead(&l.holder)).map(|l| &*l.run.0).collect();
    let mut steps = clearing(workspace, &ours, &dead, leases, now);
    let in_the_way = steps.len() - 1;
    steps.extend(taking(workspace, &ours, leases));
    for (at, answer) in connection.send("", &steps).await?.into_iter().enumerate() {
        match answer?.first() {
            Some(row) if at == in_the_way => return Err(StateError::Locked { lease: of(row)? }.into()),
            _ => {}
        }
    }
    Ok(())
}

fn two<T>(answers: Vec<Result<T, tokio_postgres::Error>>) -> Result<[T; 2], Failure> {
    let all: Vec<T> = answers.into_iter().collect::<Result<_, _>>()?;
    all.try_into().map_err(|_| Failure::Setup("an answer is missing".into()))
}

/// Takes over what nobody holds any more, and asks last for what is in the way all the same.
fn clearing<'a>(
    workspace: i32,
    ours: &BTreeMap<&'a str, &'a Lease>,
    dead: &[&'a str],
    leases: &'a [Lease],
    now: Timestamp,
) -> Vec<Step<'a>> {
    let runs: Vec<&str> = ours.keys().copied().collect();
    let addresses: Vec<&str> = leases.iter().map(|l| &*l.address).collect();
    let exclusive: Vec<bool> = leases.iter().map(is_exclusive).collect();
    let of_everything = leases.iter().filter(|l| &*l.address == "*");
    let everything: Option<bool> = of_everything.map(is_exclusive).max();
    let old = now.0.saturating_sub(KEPT.as_millis() as i64);
    let step = |sql, params: Vec<Param<'a>>| {
        let mut all: Vec<Param<'a>> = vec![Box::new(workspace)];
        all.extend(params);
        Step { sql, params: all }
    };
    vec![
        step(FORGET_FENCED, vec![Box::new(old)]),
        step(FORGET_WRITERS, vec![]),
        step(TAKE_OVER, vec![Box::new(runs.clone()), Box::new(now.0), Box::new(dead.to_vec())]),
        step(
            IN_THE_WAY,
            vec![Box::new(runs), Box::new(addresses), Box::new(exclusive), Box::new(everything)],
        ),
    ]
}

fn taking<'a>(workspace: i32, ours: &BTreeMap<&'a str, &'a Lease>, leases: &'a [Lease]) -> Vec<Step<'a>> {
    let hold = |(run, lease): (&&'a str, &&'a Lease)| {
        let Holder { host, pid, start, who } = &lease.holder;
        let mut params: Vec<Param<'a>> = vec![Box::new(workspace), Box::new(*run), Box::new(host.as_str())];
        params.push(Box::new(i64::from(*pid)));
        params.push(Box::new(start.as_str()));
        params.push(Box::new(who.replace('\0', "")));
        params.push(Box::new(lease.since.0));
        params.push(Box::new(lease.expires.0));
        Step { sql: HOLD, params }
    };
    let mut steps: Vec<Step<'a>> = ours.iter().map(hold).collect();
    // A statement can't write a row twice.
    let mut wanted: BTreeMap<(&'a str, &'a str), bool> = BTreeMap::new();
    for lease in leases {
        *wanted.entry((&*lease.address, &*lease.run.0)).or_default() |= is_exclusive(lease);
    }
    let (addresses, runs): (Vec<&'a str>, Vec<&'a str>) = wanted.keys().copied().unzip();
    let exclusive: Vec<bool> = wanted.into_values().collect();
    steps.push(Step {
        sql: TAKE,
        params: vec![Box::new(workspace), Box::new(addresses), Box::new(runs), Box::new(exclusive)],
    });
    steps
}

fn is_exclusive(lease: &Lease) -> bool {
    lease.mode == LeaseMode::Exclusive
}

pub(crate) async fn renew(
    session: &mut Session,
    workspace: i32,
    run: &RunId,
    expires: Timestamp,
) -> Result<(), Failure> {
    let renewed = session.repeat(async |c| c.query(RENEW, &[&workspace, &&*run.0, &expires.0]).await).await?;
    if renewed.is_empty() { Err(missing(run)) } else { Ok(()) }
}

pub(crate) async fn release(session: &mut Session, workspace: i32, run: &RunId) -> Result<(), Failure> {
    session
        .repeat(async |connection| {
            connection.query(RELEASE, &[&workspace, &&*run.0]).await?;
            connection.query(RELEASE_FENCED, &[&workspace, &&*run.0]).await?;
            Ok(())
        })
        .await
}

pub(crate) async fn revoke(session: &mut Session, workspace: i32, run: &RunId) -> Result<(), Failure> {
    let mut sent = false;
    session
        .repeat(async |connection| {
            connection.batch("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
            connection.query(sql::LOCK, &[&workspace]).await?;
            let revoked = connection.query(REVOKE, &[&workspace, &&*run.0]).await?;
            // Told so a second time, it may have been done by the first whose answer was lost.
            if revoked.is_empty() && !sent {
                return Err(missing(run));
            }
            connection.query(RELEASE_FENCED, &[&workspace, &&*run.0]).await?;
            sent = true;
            connection.batch("COMMIT").await
        })
        .await
}

fn missing(run: &RunId) -> Failure {
    StateError::NotFound { what: format!("lease of run {}", run.0) }.into()
}

/// All leases but those of dead processes, sorted by address.
pub(crate) async fn living(connection: &mut Connection, workspace: i32) -> Result<Vec<Lease>, Failure> {
    let mut leases = of_all(&connection.query(ALL, &[&workspace]).await?)?;
    // One process holds many: it is looked for once.
    let mut dead: BTreeMap<RunId, bool> = BTreeMap::new();
    leases.retain(|l| !*dead.entry(l.run.clone()).or_insert_with(|| is_dead(&l.holder)));
    leases.sort_unstable_by(|a, b| (&a.address, &a.run).cmp(&(&b.address, &b.run)));
    Ok(leases)
}

fn of_all(rows: &[Row]) -> Result<Vec<Lease>, Failure> {
    rows.iter().map(of).collect()
}

/// A lease, out of the columns that [`sql::LEASE_OF_ANOTHER`] has.
pub(crate) fn of(row: &Row) -> Result<Lease, Failure> {
    let pid: i64 = row.try_get(3)?;
    let text = |column| row.try_get::<_, &str>(column);
    Ok(Lease {
        address: text(0)?.into(),
        mode: if row.try_get(8)? { LeaseMode::Exclusive } else { LeaseMode::Shared },
        run: RunId(text(1)?.into()),
        holder: Holder {
            host: text(2)?.into(),
            pid: u32::try_from(pid).map_err(|_| Failure::Damaged("a lease has no process id".into()))?,
            start: text(4)?.into(),
            who: text(5)?.into(),
        },
        since: Timestamp(row.try_get(6)?),
        expires: Timestamp(row.try_get(7)?),
    })
}

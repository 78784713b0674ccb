//! Leases.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use pilotis_state::{Holder, Lease, LeaseMode, RunId, StateError, Timestamp};
use pilotis_state_process::is_dead;
use rusqlite::{Connection, Row, TransactionBehavior, params};

use crate::error::Failure;

const COLUMNS: &str = "address, run, exclusive, host, pid, start, who, since, expires";

pub(crate) fn acquire(connection: &mut Connection, leases: &[Lease], now: Timestamp) -> Result<(), Failure> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut remove = tx.prepare_cached("DELETE FROM lease WHERE address = ?1 AND run = ?2")?;
        // Leases of other runs are few (what goes on now, and what died): reading them all costs less than asking for each wanted one.
        let ours: HashSet<&RunId> = leases.iter().map(|l| &l.run).collect();
        let mut living = Living::default();
        let mut deaths = Deaths::default();
        for lease in all(&tx)?.into_iter().filter(|l| !ours.contains(&l.run)) {
            if lease.expires <= now || deaths.is_dead(&lease.holder) {
                tracing::info!(address = %lease.address, holder = %lease.holder, "lease taken over");
                remove.execute([&*lease.address, &*lease.run.0])?;
                fence(&tx, &lease.run)?;
            } else {
                living.add(lease);
            }
        }
        for wanted in leases {
            if let Some(other) = living.in_the_way_of(wanted) {
                return Err(StateError::Locked { lease: other.clone() }.into());
            }
        }
        let mut put = tx.prepare_cached(
            "INSERT INTO lease (address, run, exclusive, host, pid, start, who, since, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (address, run) DO UPDATE SET host = ?4, pid = ?5, start = ?6, who = ?7, expires = ?9,
                 exclusive = max(exclusive, ?3)",
        )?;
        for Lease { address, mode, holder, run, since, expires } in leases {
            let Holder { host, pid, start, who } = holder;
            let exclusive = *mode == LeaseMode::Exclusive;
            put.execute(params![&**address, &*run.0, exclusive, host, pid, start, who, since.0, expires.0])?;
        }
        let mut trust = tx.prepare_cached("DELETE FROM fenced WHERE run = ?1")?;
        for run in ours {
            trust.execute([&*run.0])?;
        }
    }
    Ok(tx.commit()?)
}

pub(crate) fn renew(connection: &Connection, run: &RunId, expires: Timestamp) -> Result<(), Failure> {
    let renewed = connection
        .prepare_cached("UPDATE lease SET expires = ?2 WHERE run = ?1")?
        .execute(params![&*run.0, expires.0])?;
    if renewed == 0 {
        return Err(StateError::NotFound { what: format!("lease of run {}", run.0) }.into());
    }
    Ok(())
}

pub(crate) fn release(connection: &Connection, run: &RunId) -> Result<(), Failure> {
    connection.prepare_cached("DELETE FROM lease WHERE run = ?1")?.execute([&*run.0])?;
    Ok(())
}

pub(crate) fn revoke(connection: &mut Connection, run: &RunId) -> Result<(), Failure> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let revoked = tx.prepare_cached("DELETE FROM lease WHERE run = ?1")?.execute([&*run.0])?;
    if revoked == 0 {
        return Err(StateError::NotFound { what: format!("lease of run {}", run.0) }.into());
    }
    fence(&tx, run)?;
    Ok(tx.commit()?)
}

fn fence(connection: &Connection, run: &RunId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO fenced (run) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([&*run.0])?;
    Ok(())
}

/// Takes the leases of a run that is over from it. Not if it holds one in force: then that one.
pub(crate) fn fence_unless_in_force(
    connection: &Connection,
    run: &RunId,
    now: Timestamp,
) -> rusqlite::Result<Option<Lease>> {
    let of_run = select("WHERE run = ?1 AND expires > ?2 ORDER BY address LIMIT 1");
    let mut statement = connection.prepare_cached(&of_run)?;
    let in_force = statement.query(params![&*run.0, now.0])?.next()?.map(lease).transpose()?;
    if let Some(lease) = in_force.filter(|l| !is_dead(&l.holder)) {
        return Ok(Some(lease));
    }
    connection.prepare_cached("DELETE FROM lease WHERE run = ?1")?.execute([&*run.0])?;
    fence(connection, run)?;
    Ok(None)
}

/// True if the run's leases were taken from it.
pub(crate) fn is_fenced(connection: &Connection, run: &RunId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM fenced WHERE run = ?1)")?
        .query_row([&*run.0], |row| row.get(0))
}

/// All leases but those of dead processes.
pub(crate) fn living(connection: &Connection) -> rusqlite::Result<Vec<Lease>> {
    let mut leases = all(connection)?;
    let mut deaths = Deaths::default();
    leases.retain(|l| !deaths.is_dead(&l.holder));
    Ok(leases)
}

/// Leases of other runs that are in force, by address: of each the one that is most in the way.
#[derive(Default)]
struct Living(BTreeMap<Arc<str>, Lease>);

impl Living {
    fn add(&mut self, lease: Lease) {
        if self.0.get(&lease.address).is_none_or(|other| other.mode < lease.mode) {
            self.0.insert(lease.address.clone(), lease);
        }
    }

    fn in_the_way_of(&self, wanted: &Lease) -> Option<&Lease> {
        match &*wanted.address {
            "*" => self.0.values().find(|l| l.collides(wanted)),
            address => [address, "*"].iter().filter_map(|a| self.0.get(*a)).find(|l| l.collides(wanted)),
        }
    }
}

/// Asks once for each process, however many leases it holds.
#[derive(Default)]
struct Deaths(HashMap<Holder, bool>);

impl Deaths {
    fn is_dead(&mut self, holder: &Holder) -> bool {
        match self.0.get(holder) {
            Some(dead) => *dead,
            None => *self.0.entry(holder.clone()).or_insert(is_dead(holder)),
        }
    }
}

/// A lease of another run that covers the address.
pub(crate) fn of_another_run(
    connection: &Connection,
    address: &str,
    run: &RunId,
) -> rusqlite::Result<Option<Lease>> {
    let sql = select("WHERE address IN (?1, '*') AND run <> ?2 LIMIT 1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![address, &*run.0])?;
    rows.next()?.map(lease).transpose()
}

fn all(connection: &Connection) -> rusqlite::Result<Vec<Lease>> {
    let mut statement = connection.prepare_cached(&select("ORDER BY address, run"))?;
    statement.query_map([], lease)?.collect()
}

fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM lease {rest}")
}

fn lease(row: &Row<'_>) -> rusqlite::Result<Lease> {
    Ok(Lease {
        address: row.get(0)?,
        run: RunId(row.get(1)?),
        mode: if row.get(2)? { LeaseMode::Exclusive } else { LeaseMode::Shared },
        holder: Holder { host: row.get(3)?, pid: row.get(4)?, start: row.get(5)?, who: row.get(6)? },
        since: Timestamp(row.get(7)?),
        expires: Timestamp(row.get(8)?),
    })
}

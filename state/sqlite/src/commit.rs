//! Writes: many together are one transaction and one sync.

use pilotis_state::{
    Change, Expect, Intent, Observation, ResourceKey, ResourceRecord, Run, RunId, StateError, Write,
};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::audit;
use crate::error::Failure;
use crate::lease;

pub(crate) fn commit(connection: &mut Connection, location: &str, writes: &[Write]) -> Result<(), Failure> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let serial: i64 = tx
            .prepare_cached("UPDATE meta SET serial = serial + 1 RETURNING serial")?
            .query_row([], |row| row.get(0))?;
        let mut writer = Writer { tx: &tx, location, serial, run: None };
        for write in writes {
            writer.write(write)?;
        }
    }
    if let Some(body) = pilotis_state::audit::body(writes) {
        audit::append(&tx, body)?;
    }
    Ok(tx.commit()?)
}

struct Writer<'a> {
    tx: &'a Transaction<'a>,
    location: &'a str,
    serial: i64,
    /// The run that was asked for last: it is nearly always the same.
    run: Option<(RunId, i64)>,
}

impl Writer<'_> {
    fn write(&mut self, write: &Write) -> Result<(), Failure> {
        match write {
            Write::StartRun(run) => self.start_run(run),
            Write::FinishRun { id, status, at, calls } => {
                let run = self.run(id)?;
                let calls = i64::try_from(*calls).unwrap_or(i64::MAX);
                self.execute(
                    "UPDATE run SET status = ?2, finished = ?3, calls = ?4 WHERE seq = ?1",
                    params![run, status.as_str(), at.0, calls],
                )
            }
            Write::KeepMadeOf { run, digest, text } => {
                let run = self.run(run)?;
                self.execute(
                    "INSERT INTO made_of (digest, text) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
                    params![&**digest, &**text],
                )?;
                self.execute("UPDATE run SET made_of = ?2 WHERE seq = ?1", params![run, &**digest])
            }
            Write::Begin(intent) => self.begin(intent),
            Write::Fence { run, now } => match lease::fence_unless_in_force(self.tx, run, *now)? {
                Some(lease) => Err(StateError::Locked { lease }.into()),
                None => Ok(()),
            },
            Write::CopyIntent(intent) => self.open(intent),
            Write::Finish { id, change } => {
                let closed = self.tx.prepare_cached("DELETE FROM intent WHERE id = ?1")?.execute([&*id.0])?;
                if closed == 0 {
                    return Err(StateError::Settled(id.clone()).into());
                }
                self.note(change)
            }
            Write::Note(change) => self.note(change),
            Write::Put { record, expect } => self.put(record, *expect, self.serial),
            Write::CopyResource(record) => self.put(record, Expect::Absent, record.version),
            Write::Remove { key, expect } => self.remove(key, *expect),
            Write::Move { from, to } => self.rename(from, to),
            Write::Observe(seen) => self.observe(seen),
            Write::PutOutput(output) => self.execute(
                "INSERT OR REPLACE INTO output (name, value, sensitive) VALUES (?1, ?2, ?3)",
                params![output.name, &*output.value, output.sensitive],
            ),
            Write::RemoveOutput(name) => self.execute("DELETE FROM output WHERE name = ?1", [name]),
            Write::PutChecks(checks) => self.execute("UPDATE meta SET checks = ?1", [&**checks]),
            Write::Approve { .. } | Write::Called { .. } => Ok(()),
            Write::CopyAudit(entries) => audit::copy(self.tx, entries),
            Write::Become { lineage, serial, read } => self.turn_into(lineage, *serial, *read),
        }
    }

    fn turn_into(&mut self, lineage: &str, serial: u64, read: u64) -> Result<(), Failure> {
        let now = (self.serial - 1).unsigned_abs();
        if now != read {
            return Err(StateError::Superseded { location: self.location.to_owned(), read, now }.into());
        }
        self.serial = self.serial.max(i64::try_from(serial).unwrap_or(i64::MAX));
        self.execute("UPDATE meta SET lineage = ?1, serial = ?2", params![lineage, self.serial])
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), Failure> {
        self.tx.prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    fn run(&mut self, id: &RunId) -> Result<i64, Failure> {
        if let Some((known, seq)) = &self.run
            && known == id
        {
            return Ok(*seq);
        }
        let found = self
            .tx
            .prepare_cached("SELECT seq FROM run WHERE id = ?1")?
            .query_row([&*id.0], |row| row.get(0))
            .optional()?;
        let seq = found.ok_or_else(|| StateError::NotFound { what: format!("run {}", id.0) })?;
        self.run = Some((id.clone(), seq));
        Ok(seq)
    }

    fn start_run(&self, run: &Run) -> Result<(), Failure> {
        let added = self
            .tx
            .prepare_cached(
                "INSERT INTO run (id, kind, who, \"commit\", plan_digest, started, finished, status, calls)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![
                &*run.id.0,
                run.kind.as_str(),
                run.who,
                run.commit,
                run.plan_digest,
                run.started.0,
                run.finished.map(|t| t.0),
                run.status.as_str(),
                i64::try_from(run.calls).unwrap_or(i64::MAX),
            ])?;
        unique(added, "run", &run.id.0)
    }

    fn begin(&mut self, intent: &Intent) -> Result<(), Failure> {
        self.run(&intent.run)?;
        if let Some(lease) = lease::of_another_run(self.tx, &intent.key.address, &intent.run)? {
            return Err(StateError::Locked { lease }.into());
        }
        if lease::is_fenced(self.tx, &intent.run)? {
            return Err(StateError::Fenced(intent.run.clone()).into());
        }
        self.open(intent)
    }

    fn open(&mut self, intent: &Intent) -> Result<(), Failure> {
        let run = self.run(&intent.run)?;
        let added = self
            .tx
            .prepare_cached(
                "INSERT INTO intent (id, run, address, deposed, action, type, provider, planned, meta, begun)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![
                &*intent.id.0,
                run,
                &*intent.key.address,
                deposed(&intent.key),
                intent.action.as_str(),
                &*intent.type_name,
                &*intent.provider,
                &*intent.planned,
                &*intent.meta,
                intent.begun.0,
            ])?;
        unique(added, "intent", &intent.id.0)
    }

    fn note(&mut self, change: &Change) -> Result<(), Failure> {
        let run = self.run(&change.run)?;
        self.execute(
            "INSERT INTO change (run, address, deposed, action, at, outcome, error, before, after)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                run,
                &*change.key.address,
                deposed(&change.key),
                change.action.as_str(),
                change.at.0,
                change.outcome.as_str(),
                change.error,
                change.before.as_deref(),
                change.after.as_deref(),
            ],
        )
    }

    fn put(&self, record: &ResourceRecord, expect: Expect, version: i64) -> Result<(), Failure> {
        self.check(&record.key, expect)?;
        self.execute(
            "INSERT INTO resource (address, deposed, type, provider, schema_version, digest, version, status,
                 create_before_destroy, protected, sensitive_paths, dependencies, attributes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (address, deposed) DO UPDATE SET type = ?3, provider = ?4, schema_version = ?5, digest = ?6, version = ?7,
                 status = ?8, create_before_destroy = ?9, protected = ?10, sensitive_paths = ?11, dependencies = ?12, attributes = ?13",
            params![
                &*record.key.address,
                deposed(&record.key),
                &*record.type_name,
                &*record.provider,
                i64::try_from(record.schema_version).unwrap_or(i64::MAX),
                &record.digest[..],
                version,
                record.status.as_str(),
                record.create_before_destroy,
                record.protected,
                &*record.sensitive_paths,
                record.dependencies.join("\n"),
                &*record.attributes,
            ],
        )
    }

    fn remove(&self, key: &ResourceKey, expect: Expect) -> Result<(), Failure> {
        self.check(key, expect)?;
        let params = params![&*key.address, deposed(key)];
        self.execute("DELETE FROM resource WHERE address = ?1 AND deposed = ?2", params)?;
        self.execute("DELETE FROM observation WHERE address = ?1 AND deposed = ?2", params)
    }

    fn rename(&self, from: &ResourceKey, to: &ResourceKey) -> Result<(), Failure> {
        self.check(to, Expect::Absent)?;
        let params = params![&*from.address, deposed(from), &*to.address, deposed(to), self.serial];
        let moved = self
            .tx
            .prepare_cached(
                "UPDATE resource SET address = ?3, deposed = ?4, version = ?5 WHERE address = ?1 AND deposed = ?2",
            )?
            .execute(params)?;
        if moved == 0 {
            return Err(StateError::Conflict(from.clone()).into());
        }
        self.execute(
            "UPDATE OR REPLACE observation SET address = ?3, deposed = ?4 WHERE address = ?1 AND deposed = ?2",
            &params[..4],
        )
    }

    fn observe(&self, seen: &Observation) -> Result<(), Failure> {
        self.execute(
            "INSERT INTO observation (address, deposed, at, complete, attributes) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (address, deposed) DO UPDATE SET at = ?3, complete = ?4, attributes = ?5 WHERE at <= ?3",
            params![&*seen.key.address, deposed(&seen.key), seen.at.0, seen.complete, seen.attributes.as_deref()],
        )
    }

    fn check(&self, key: &ResourceKey, expect: Expect) -> Result<(), Failure> {
        if expect == Expect::Any {
            return Ok(());
        }
        let row: Option<i64> = self
            .tx
            .prepare_cached("SELECT version FROM resource WHERE address = ?1 AND deposed = ?2")?
            .query_row(params![&*key.address, deposed(key)], |row| row.get(0))
            .optional()?;
        let fine = match expect {
            Expect::Any => true,
            Expect::Absent => row.is_none(),
            Expect::Version(version) => row == Some(version),
        };
        if fine { Ok(()) } else { Err(StateError::Conflict(key.clone()).into()) }
    }
}

fn deposed(key: &ResourceKey) -> &str {
    key.deposed.as_deref().unwrap_or("")
}

fn unique(added: usize, kind: &str, id: &str) -> Result<(), Failure> {
    if added == 0 {
        return Err(StateError::Duplicate { what: format!("{kind} {id}") }.into());
    }
    Ok(())
}

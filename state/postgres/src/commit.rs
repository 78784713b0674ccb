//! Writes: all statements of a commit are sent at once, then the commit. If its answer is lost, what became of it is looked up.

use std::time::Instant;

use pilotis_state::{StateError, Write, audit};
use pilotis_state_process::is_dead;
use tokio_postgres::Row;

use crate::batch::{self, Segment};
use crate::error::Failure;
use crate::lease;
use crate::session::{Connection, Param, Session, Step};
use crate::statements as sql;

/// Who commits: a process, into a workspace.
#[derive(Debug)]
pub(crate) struct Writer {
    /// The workspace's row.
    pub(crate) workspace: i32,
    /// Names this store among all that were ever opened.
    pub(crate) id: String,
    /// How many commits it has made.
    pub(crate) commits: i64,
    /// For messages.
    pub(crate) location: String,
}

/// How an attempt to commit failed.
enum Attempt {
    /// Nothing was done, and nothing will be.
    Refused(Failure),
    /// The connection was lost before the commit was asked for: nothing was done.
    Lost(Failure),
    /// The connection was lost after it was asked for: it may be done.
    Unanswered(Failure),
}

/// What is to be made of a statement's answer.
type Judge<'a> = Box<dyn Fn(&[Row]) -> Result<(), Failure> + Send + 'a>;

pub(crate) async fn commit(
    session: &mut Session,
    writer: &mut Writer,
    writes: &[Write],
) -> Result<(), Failure> {
    let segments = batch::segments(writes);
    let told = audit::body(writes);
    let number = writer.commits + 1;
    let deadline = session.deadline();
    loop {
        let connection = session.connected(deadline).await?;
        let failure = match attempt(connection, writer, number, &segments, told.as_deref()).await {
            Ok(()) => {
                writer.commits = number;
                return Ok(());
            }
            Err(Attempt::Refused(failure)) => {
                connection.abort().await;
                return Err(failure);
            }
            Err(Attempt::Lost(failure)) => failure,
            Err(Attempt::Unanswered(failure)) => {
                tracing::warn!(
                    "the connection to the state was lost during a commit; looking up whether it was done"
                );
                session.forget();
                if was_done(session, writer, number).await? {
                    writer.commits = number;
                    return Ok(());
                }
                failure
            }
        };
        // Known not to have been done: it can be tried again.
        session.forget();
        if Instant::now() >= deadline {
            return Err(failure);
        }
    }
}

async fn attempt(
    connection: &mut Connection,
    writer: &Writer,
    number: i64,
    segments: &[Segment<'_>],
    told: Option<&str>,
) -> Result<(), Attempt> {
    let before = |failure: Failure| match failure.is_lost() {
        true => Attempt::Lost(failure),
        false => Attempt::Refused(failure),
    };
    let mut plan = Plan { writer, steps: Vec::new(), judges: Vec::new() };
    plan.begin(number);
    segments.iter().for_each(|segment| plan.segment(segment));
    if let Some(body) = told {
        let before = audit::Head::empty().hash.to_vec();
        plan.simply(sql::APPEND_AUDIT, vec![Box::new(before), Box::new(body)]);
    }
    let Plan { steps, judges, .. } = plan;
    let answers = connection.send("BEGIN ISOLATION LEVEL READ COMMITTED", &steps).await.map_err(before)?;
    for (answer, judge) in answers.into_iter().zip(judges) {
        let rows = answer.map_err(|e| before(e.into()))?;
        judge(&rows).map_err(before)?;
    }
    connection.batch("COMMIT").await.map_err(|failure| match failure.is_lost() {
        true => Attempt::Unanswered(failure),
        false => Attempt::Refused(failure),
    })
}

/// Looks up whether a commit whose answer was lost was done. The lock of the workspace is waited for: as long as the lost connection's
/// transaction goes on, it has it.
async fn was_done(session: &mut Session, writer: &Writer, number: i64) -> Result<bool, Failure> {
    session
        .repeat(async |connection| {
            connection.batch("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
            connection.query(sql::LOCK, &[&writer.workspace]).await?;
            let rows = connection.query(sql::COMMITS, &[&writer.workspace, &writer.id]).await?;
            connection.batch("COMMIT").await?;
            match rows.first() {
                Some(row) => Ok(row.try_get::<_, i64>(0)? >= number),
                None => Ok(false),
            }
        })
        .await
}

/// The statements of a commit, and what is made of their answers.
struct Plan<'a> {
    writer: &'a Writer,
    steps: Vec<Step<'a>>,
    judges: Vec<Judge<'a>>,
}

/// A column of an array parameter.
fn column<'a, T, U>(items: &[T], field: impl Fn(&T) -> U) -> Param<'a>
where
    Vec<U>: tokio_postgres::types::ToSql + Sync + Send + 'a,
{
    let values: Vec<U> = items.iter().map(field).collect();
    Box::new(values)
}

/// A text that PostgreSQL takes: a service's message may have anything in it, and no text there may hold a zero byte.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn large(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn refused(error: StateError) -> Result<(), Failure> {
    Err(error.into())
}

impl<'a> Plan<'a> {
    fn step(
        &mut self,
        sql: &'static str,
        params: Vec<Param<'a>>,
        judge: impl Fn(&[Row]) -> Result<(), Failure> + Send + 'a,
    ) {
        let mut all: Vec<Param<'a>> = vec![Box::new(self.writer.workspace)];
        all.extend(params);
        self.steps.push(Step { sql, params: all });
        self.judges.push(Box::new(judge));
    }

    /// A statement that can't be refused.
    fn simply(&mut self, sql: &'static str, params: Vec<Param<'a>>) {
        self.step(sql, params, |_| Ok(()));
    }

    /// Counts the serial up, which takes the lock of the workspace, and this store's commits.
    fn begin(&mut self, number: i64) {
        self.step(sql::COUNT, vec![], |rows| match rows {
            [] => Err(Failure::gone()),
            _ => Ok(()),
        });
        self.simply(sql::COMMITTING, vec![Box::new(self.writer.id.as_str()), Box::new(number)]);
    }

    fn segment(&mut self, segment: &'a Segment<'a>) {
        self.turn_into(segment);
        self.runs(segment);
        self.fences(segment);
        self.intents(segment);
        self.changes(segment);
        self.objects(segment);
        self.outputs(segment);
    }

    fn turn_into(&mut self, segment: &'a Segment<'a>) {
        let Some((lineage, serial, read)) = segment.turn_into else { return };
        let location = self.writer.location.clone();
        self.step(
            sql::BECOME,
            vec![Box::new(lineage), Box::new(large(serial)), Box::new(large(read))],
            move |rows| {
                let row = rows.first().ok_or_else(Failure::gone)?;
                match row.try_get(1)? {
                    true => Ok(()),
                    false => {
                        let now = row.try_get::<_, i64>(0)?.unsigned_abs();
                        refused(StateError::Superseded { location: location.clone(), read, now })
                    }
                }
            },
        );
    }

    fn runs(&mut self, segment: &'a Segment<'a>) {
        let runs = &segment.runs;
        if !runs.is_empty() {
            let params = vec![
                column(runs, |r| &*r.id.0),
                column(runs, |r| r.kind.as_str()),
                column(runs, |r| clean(&r.who)),
                column(runs, |r| r.commit.as_deref().map(clean)),
                column(runs, |r| r.plan_digest.as_deref()),
                column(runs, |r| r.started.0),
                column(runs, |r| r.finished.map(|t| t.0)),
                column(runs, |r| r.status.as_str()),
                column(runs, |r| large(r.calls)),
            ];
            self.step(sql::START_RUNS, params, |rows| {
                let added = names(rows)?;
                match runs.iter().find(|r| !added.contains(&&*r.id.0)) {
                    Some(run) => refused(StateError::Duplicate { what: format!("run {}", run.id.0) }),
                    None => Ok(()),
                }
            });
        }
        let named = segment.runs_named();
        if !named.is_empty() {
            self.step(sql::UNKNOWN_RUN, vec![Box::new(named)], |rows| match names(rows)?.iter().next() {
                Some(run) => refused(StateError::NotFound { what: format!("run {run}") }),
                None => Ok(()),
            });
        }
    }

    fn fences(&mut self, segment: &'a Segment<'a>) {
        let fenced = &segment.fenced;
        if fenced.is_empty() {
            return;
        }
        self.step(sql::IN_FORCE, vec![column(fenced, |run| &*run.0)], |rows| {
            let leases = rows.iter().map(lease::of).collect::<Result<Vec<_>, _>>()?;
            match leases.into_iter().find(|l| !is_dead(&l.holder)) {
                Some(lease) => refused(StateError::Locked { lease }),
                None => Ok(()),
            }
        });
        self.simply(sql::FENCE, vec![column(fenced, |run| &*run.0)]);
    }

    fn intents(&mut self, segment: &'a Segment<'a>) {
        let begun = &segment.begun;
        if !begun.is_empty() {
            let runs = || column(begun, |i| &*i.run.0);
            self.step(sql::LEASE_OF_ANOTHER, vec![column(begun, |i| &*i.key.address), runs()], |rows| {
                match rows.first() {
                    Some(row) => refused(StateError::Locked { lease: lease::of(row)? }),
                    None => Ok(()),
                }
            });
            self.step(sql::FENCED, vec![runs()], |rows| match names(rows)?.iter().next() {
                Some(run) => refused(StateError::Fenced(pilotis_state::RunId((*run).into()))),
                None => Ok(()),
            });
        }
        self.open(begun);
        self.open(&segment.copied);
        let closed = &segment.closed;
        if !closed.is_empty() {
            self.step(sql::CLOSE, vec![column(closed, |id| &*id.0)], |rows| {
                let found = names(rows)?;
                match closed.iter().find(|id| !found.contains(&&*id.0)) {
                    Some(id) => refused(StateError::Settled((*id).clone())),
                    None => Ok(()),
                }
            });
        }
    }

    fn open(&mut self, intents: &'a [&'a pilotis_state::Intent]) {
        if intents.is_empty() {
            return;
        }
        let params = vec![
            column(intents, |i| &*i.id.0),
            column(intents, |i| &*i.run.0),
            column(intents, |i| &*i.key.address),
            column(intents, |i| deposed(&i.key)),
            column(intents, |i| i.action.as_str()),
            column(intents, |i| &*i.type_name),
            column(intents, |i| &*i.provider),
            column(intents, |i| &*i.planned),
            column(intents, |i| &*i.meta),
            column(intents, |i| i.begun.0),
        ];
        self.step(sql::OPEN, params, |rows| {
            let added = names(rows)?;
            match intents.iter().find(|i| !added.contains(&&*i.id.0)) {
                Some(intent) => refused(StateError::Duplicate { what: format!("intent {}", intent.id.0) }),
                None => Ok(()),
            }
        });
    }

    fn changes(&mut self, segment: &'a Segment<'a>) {
        let changes = &segment.changes;
        if !changes.is_empty() {
            self.simply(
                sql::NOTE,
                vec![
                    column(changes, |c| &*c.run.0),
                    column(changes, |c| &*c.key.address),
                    column(changes, |c| deposed(&c.key)),
                    column(changes, |c| c.action.as_str()),
                    column(changes, |c| c.at.0),
                    column(changes, |c| c.outcome.as_str()),
                    column(changes, |c| c.error.as_deref().map(clean)),
                    column(changes, |c| c.before.as_deref()),
                    column(changes, |c| c.after.as_deref()),
                ],
            );
        }
        let ended = &segment.ended;
        if !ended.is_empty() {
            self.simply(
                sql::FINISH_RUNS,
                vec![
                    column(ended, |e| &*e.0.0),
                    column(ended, |e| e.1.as_str()),
                    column(ended, |e| e.2.0),
                    column(ended, |e| large(e.3)),
                ],
            );
        }
    }

    fn objects(&mut self, segment: &'a Segment<'a>) {
        let expected = &segment.expected;
        if !expected.is_empty() {
            let params = vec![
                column(expected, |e| &*e.0.address),
                column(expected, |e| deposed(e.0)),
                column(expected, |e| e.1),
            ];
            self.step(sql::UNEXPECTED, params, |rows| {
                let Some(row) = rows.first() else { return Ok(()) };
                let at = usize::try_from(row.try_get::<_, i64>(0)? - 1).unwrap_or_default();
                match expected.get(at) {
                    Some((key, _)) => refused(StateError::Conflict((*key).clone())),
                    None => Ok(()),
                }
            });
        }
        if let Some((from, to)) = segment.rename {
            self.rename(from, to);
        }
        let removed = &segment.removed;
        if !removed.is_empty() {
            let keys = || vec![column(removed, |k| &*k.address), column(removed, |k| deposed(k))];
            self.simply(sql::REMOVE, keys());
            self.simply(sql::UNSEE, keys());
        }
        self.put(&segment.put);
        let seen = &segment.seen;
        if !seen.is_empty() {
            self.simply(
                sql::OBSERVE,
                vec![
                    column(seen, |s| &*s.key.address),
                    column(seen, |s| deposed(&s.key)),
                    column(seen, |s| s.at.0),
                    column(seen, |s| s.complete),
                    column(seen, |s| s.attributes.as_deref()),
                ],
            );
        }
    }

    fn put(&mut self, put: &'a [(&'a pilotis_state::ResourceRecord, Option<i64>)]) {
        if put.is_empty() {
            return;
        }
        self.simply(
            sql::PUT,
            vec![
                column(put, |p| &*p.0.key.address),
                column(put, |p| deposed(&p.0.key)),
                column(put, |p| &*p.0.type_name),
                column(put, |p| &*p.0.provider),
                column(put, |p| large(p.0.schema_version)),
                column(put, |p| &p.0.digest[..]),
                column(put, |p| p.1),
                column(put, |p| p.0.status.as_str()),
                column(put, |p| p.0.create_before_destroy),
                column(put, |p| p.0.protected),
                column(put, |p| &*p.0.sensitive_paths),
                column(put, |p| p.0.dependencies.join("\n")),
                column(put, |p| &*p.0.attributes),
            ],
        );
    }

    fn rename(&mut self, from: &'a pilotis_state::ResourceKey, to: &'a pilotis_state::ResourceKey) {
        let keys = || -> Vec<Param<'a>> {
            vec![
                Box::new(&*from.address),
                Box::new(deposed(from)),
                Box::new(&*to.address),
                Box::new(deposed(to)),
            ]
        };
        self.step(sql::MOVE, keys(), |rows| match rows {
            [] => refused(StateError::Conflict(from.clone())),
            _ => Ok(()),
        });
        self.simply(sql::UNSEE_COVERED, keys());
        self.simply(sql::MOVE_SEEN, keys());
    }

    fn outputs(&mut self, segment: &'a Segment<'a>) {
        let outputs = &segment.outputs;
        if !outputs.is_empty() {
            let params = vec![
                column(outputs, |o| o.name.as_str()),
                column(outputs, |o| &*o.value),
                column(outputs, |o| o.sensitive),
            ];
            self.simply(sql::PUT_OUTPUTS, params);
        }
        if let Some(checks) = segment.checks {
            self.simply(sql::PUT_CHECKS, vec![Box::new(checks)]);
        }
        if let Some(entries) = segment.audit {
            self.copy_audit(entries);
        }
        let made_of = &segment.made_of;
        if !made_of.is_empty() {
            self.simply(sql::KEEP_MADE_OF, vec![column(made_of, |m| m.1), column(made_of, |m| m.2)]);
            let runs = vec![column(made_of, |m| &*m.0.0), column(made_of, |m| m.1)];
            self.simply(sql::RUNS_MADE_OF, runs);
        }
        if !segment.gone_outputs.is_empty() {
            self.simply(sql::REMOVE_OUTPUTS, vec![Box::new(segment.gone_outputs.clone())]);
        }
    }
}

impl<'a> Plan<'a> {
    /// The journal of another state, where there is none yet.
    fn copy_audit(&mut self, entries: &'a [audit::AuditEntry]) {
        self.step(sql::HAS_AUDIT, vec![], |rows| match rows {
            [] => Ok(()),
            _ => refused(StateError::Duplicate { what: "a journal".into() }),
        });
        if !entries.is_empty() {
            let entries: Vec<&'a audit::AuditEntry> = entries.iter().collect();
            let columns = vec![
                column(&entries, |e| large(e.seq)),
                column(&entries, |e| &e.hash[..]),
                column(&entries, |e| &*e.body),
            ];
            self.simply(sql::COPY_AUDIT, columns);
        }
    }
}

/// The first column, of texts.
fn names(rows: &[Row]) -> Result<std::collections::HashSet<&str>, Failure> {
    rows.iter().map(|row| Ok(row.try_get::<_, &str>(0)?)).collect()
}

pub(crate) fn deposed(key: &pilotis_state::ResourceKey) -> &str {
    key.deposed.as_deref().unwrap_or("")
}

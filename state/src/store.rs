//! The store trait.

use std::collections::HashSet;
use std::sync::Arc;

use pilotis_value::Concealed;
use serde::{Deserialize, Serialize};

use crate::audit::{self, Approval, AuditEntry, AuditedCall};
use crate::whole::Whole;
use crate::{
    Change, Intent, IntentId, Lease, Observation, OutputRecord, ResourceKey, ResourceRecord, Run, RunId,
    RunStatus, Timestamp,
};

/// Why the state can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not a state, or a damaged one.
    #[error("{location} is damaged or is not a Pilotis state: {detail}")]
    Corrupt {
        /// Which file or database.
        location: String,
        /// What was seen.
        detail: String,
    },
    /// Written by a newer version.
    #[error(
        "{location} was written by a newer version of Pilotis (schema {found}, this program knows {known}); it was left as it is"
    )]
    Newer {
        /// Which file or database.
        location: String,
        /// Its schema version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Somebody else changes the same objects.
    #[error("{lease}")]
    Locked {
        /// Their lease.
        lease: Lease,
    },
    /// The run that asks for it has lost its leases: they expired and somebody else took them, or were revoked. Nothing of the commit was
    /// done.
    #[error("run {} has lost its leases: they expired and another run took them, or somebody unlocked the state", .0.0)]
    Fenced(RunId),
    /// A row has changed since it was read. Nothing of the commit was done; a new plan is needed.
    #[error("{0} has changed since it was read")]
    Conflict(ResourceKey),
    /// Something was committed since the state was read. Nothing of the commit was done.
    #[error("{location} has changed since it was read (it was at serial {read}, and is at {now})")]
    Superseded {
        /// Which file or database.
        location: String,
        /// The serial that it was to have.
        read: u64,
        /// The one that it has.
        now: u64,
    },
    /// The intent that was to be finished is not open: another run has found out what became of it, and stored that. Nothing of the commit
    /// was done.
    #[error("the state has no open intent {}: another run has settled it", .0.0)]
    Settled(IntentId),
    /// A run or a lease that the state doesn't have (any more).
    #[error("the state has no {what}")]
    NotFound {
        /// `run 5f…`, `lease of run 5f…`
        what: String,
    },
    /// A run or an intent that the state has already.
    #[error("the state already has {what}")]
    Duplicate {
        /// `run 5f…`, `intent 81…`
        what: String,
    },
    /// An older state stands where a newer one was.
    #[error(
        "{location} is older than the state that was here: it is at serial {serial}, and was at {seen}, as {memory} remembers"
    )]
    Older {
        /// Which file or database.
        location: String,
        /// Its serial.
        serial: u64,
        /// The newest that was seen.
        seen: u64,
        /// What remembers that one.
        memory: String,
    },
    /// What is stored doesn't fit the keys that there are.
    #[error("{location}: {what} {detail}")]
    Encryption {
        /// Which file or database.
        location: String,
        /// Which object, output or intent.
        what: String,
        /// What is wrong with it: `can't be decrypted with …`.
        detail: String,
    },
    /// The disk or the connection.
    #[error("{location}: {source}")]
    Io {
        /// Which file or database.
        location: String,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// All that a plan needs, read in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Names the state for ever (UUID v4).
    pub lineage: String,
    /// Counts its transactions.
    pub serial: u64,
    /// All objects, sorted by key; and what data sources said when they were last read, under their addresses.
    pub resources: Vec<ResourceRecord>,
    /// All outputs.
    pub outputs: Vec<OutputRecord>,
    /// What came of conditions in the last apply, as JSON for the engine; empty if nothing is known.
    pub checks: Arc<str>,
    /// Open intents, oldest first: of runs that go on now, and of those whose process died ([`Snapshot::abandoned`]).
    pub intents: Vec<Intent>,
    /// Leases, without those of processes that are known to be dead. They may have expired: stores read no clock.
    pub leases: Vec<Lease>,
    /// What [`Store::clock`] said meanwhile.
    pub clock: Option<Timestamp>,
}

/// Names a state as it is at a time: while the head is the same, so is all that is committed. The newest run tells a state from a copy of
/// it that was restored, and has gone its own way since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`Snapshot::lineage`]
    pub lineage: String,
    /// [`Snapshot::serial`]
    pub serial: u64,
    /// The newest run; none before the first.
    pub run: Option<RunId>,
}

impl Snapshot {
    /// The objects that are managed: all but data sources.
    pub fn managed(&self) -> impl Iterator<Item = &ResourceRecord> {
        self.resources.iter().filter(|r| !r.key.is_data())
    }
    /// The open intents that no living run will close: they are to be settled before anything else is done. `now` counts unless the state
    /// has a clock of its own.
    pub fn abandoned(&self, now: Timestamp) -> Vec<&Intent> {
        let now = self.clock.unwrap_or(now);
        let alive: HashSet<&RunId> = self.leases.iter().filter(|l| l.expires > now).map(|l| &l.run).collect();
        self.intents.iter().filter(|i| !alive.contains(&i.run)).collect()
    }
}

/// What a row must be for a write to be done; if it isn't, the commit fails with [`StateError::Conflict`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    #[default]
    Any,
    /// Not there.
    Absent,
    /// There, with this [`ResourceRecord::version`].
    Version(i64),
}

/// One change of the stored data. What is given to [`Store::commit`] together happens together.
#[derive(Clone, Debug)]
pub enum Write {
    /// A run begins.
    StartRun(Run),
    /// What a run is made of: its configuration and variables, as text for the engine. Equal texts are kept once.
    KeepMadeOf {
        /// Which run.
        run: RunId,
        /// Names the text.
        digest: Arc<str>,
        /// The text. It may hold secrets, as objects do.
        text: Concealed<Arc<str>>,
    },
    /// A run has ended.
    FinishRun {
        /// Which.
        id: RunId,
        /// How.
        status: RunStatus,
        /// When.
        at: Timestamp,
        /// Calls made.
        calls: u64,
    },
    /// Something is about to be done. Refused with [`StateError::Locked`] if another run holds a lease of the address, be it only to
    /// read it, and with [`StateError::Fenced`] if the run's own leases were taken from it: a run that slept too long begins nothing any more.
    Begin(Intent),
    /// A run is over, whatever became of it: it loses its leases and begins nothing any more. Refused with [`StateError::Locked`] if it
    /// holds one in force. It comes before the settling of what the run has left open, so that it doesn't go on while that is done.
    Fence {
        /// Which run.
        run: RunId,
        /// The time, unless the state has a clock of its own.
        now: Timestamp,
    },
    /// What came of it: the intent is closed, and noted in the history.
    Finish {
        /// Which.
        id: IntentId,
        /// For the history.
        change: Change,
    },
    /// For the history alone: a change without an intent (refresh, move, forget).
    Note(Change),
    /// The object is now this (its `version` is set by the store, whatever is given).
    Put {
        /// The object.
        record: ResourceRecord,
        /// What the row must be before.
        expect: Expect,
    },
    /// The object as another state has it, its version too: for a state that is copied. It counts as one that was never here, and the state's
    /// serial must be at least its version.
    CopyResource(ResourceRecord),
    /// An open intent as another state has it, for a state that is copied: no lease is asked for.
    CopyIntent(Intent),
    /// The object is gone; its observation goes with it. No error if the row is not there and `expect` allows that.
    Remove {
        /// Which.
        key: ResourceKey,
        /// What the row must be before.
        expect: Expect,
    },
    /// The object has another address, and its observation with it. A conflict if there is none at `from` or one at `to`.
    Move {
        /// From.
        from: ResourceKey,
        /// To.
        to: ResourceKey,
    },
    /// For the journal alone: which program does a run, and how it was approved.
    Approve {
        /// Which run.
        run: RunId,
        /// The program's version.
        version: Arc<str>,
        /// How.
        approval: Approval,
    },
    /// For the journal alone: calls that a run has made.
    Called {
        /// Which run.
        run: RunId,
        /// In the order in which they were sent.
        calls: Vec<AuditedCall>,
        /// More that were made, and of which nobody knows more than that.
        left_out: u64,
    },
    /// The journal as another state has it, for a state that is copied and has none: the commit adds no entry of its own.
    CopyAudit(Vec<AuditEntry>),
    /// What was seen; an observation that is older than the stored one is dropped.
    Observe(Observation),
    /// An output is now this.
    PutOutput(OutputRecord),
    /// An output is gone.
    RemoveOutput(String),
    /// What came of conditions, in place of what was known of them.
    PutChecks(Arc<str>),
    /// From now on the state is the one of this lineage: it is taken over from another program, or one that was edited elsewhere is put in its
    /// place. Refused with [`StateError::Superseded`] if anything was committed since the serial was `read`. It comes first in its commit.
    Become {
        /// The lineage.
        lineage: String,
        /// The state's serial is at least this afterwards.
        serial: u64,
        /// The serial that the state has now.
        read: u64,
    },
}

/// A state. One thread owns it; calls block until the data is durable.
pub trait Store: Send {
    /// Where it is, for messages: a path or a URL without credentials.
    fn location(&self) -> &str;
    /// The time by the clock that leases are counted by, if the state has one of its own, as a server has: then the times of leases come from
    /// it. Else the caller's clock counts.
    fn clock(&mut self) -> Result<Option<Timestamp>, StateError> {
        Ok(None)
    }
    /// Reads all that a plan needs.
    fn snapshot(&mut self) -> Result<Snapshot, StateError>;
    /// Names what is committed by now.
    fn head(&mut self) -> Result<Head, StateError> {
        let Snapshot { lineage, serial, .. } = self.snapshot()?;
        Ok(Head { lineage, serial, run: self.runs(1)?.pop().map(|run| run.id) })
    }
    /// [`Snapshot::outputs`] alone.
    fn outputs(&mut self) -> Result<Vec<OutputRecord>, StateError> {
        self.snapshot().map(|snapshot| snapshot.outputs)
    }
    /// Does all of it or none, durably, in order, as one transaction that counts the serial up. If it has something to tell
    /// ([`audit::body`]), the same transaction adds one entry to the journal.
    fn commit(&mut self, writes: &[Write]) -> Result<(), StateError>;
    /// Takes the right to change objects or to read them (`"*"`: all of them), all or none, or says who has one of them. Runs may read an
    /// object side by side; who changes it has it alone. A lease of a process that is dead, or that has expired, is taken over. Taking a
    /// lease that the run has already makes it last until the new time, and lets it do what either of both did.
    fn acquire(&mut self, leases: &[Lease], now: Timestamp) -> Result<(), StateError>;
    /// Makes a run's leases last longer; [`StateError::NotFound`] if it has none (any more).
    fn renew(&mut self, run: &RunId, expires: Timestamp) -> Result<(), StateError>;
    /// Gives a run's leases back.
    fn release(&mut self, run: &RunId) -> Result<(), StateError>;
    /// Takes the leases of somebody else's run from it, which begins nothing any more then; [`StateError::NotFound`] if it has none.
    fn revoke(&mut self, run: &RunId) -> Result<(), StateError>;
    /// The history of one address, newest first.
    fn history(&mut self, address: &str, limit: usize) -> Result<Vec<(Run, Change)>, StateError>;
    /// The runs, newest first.
    fn runs(&mut self, limit: usize) -> Result<Vec<Run>, StateError>;
    /// What one run did, in order.
    fn changes(&mut self, run: &RunId) -> Result<Vec<Change>, StateError>;
    /// What a run was made of, if that was kept.
    fn made_of(&mut self, run: &RunId) -> Result<Option<Arc<str>>, StateError>;
    /// The newest observation of each object.
    fn observations(&mut self) -> Result<Vec<Observation>, StateError>;
    /// Entries of the audit journal after this number, oldest first.
    fn audit(&mut self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StateError>;
    /// Number and hash of the newest entry.
    fn audit_head(&mut self) -> Result<audit::Head, StateError>;
    /// Everything, read in one transaction: a backup while others write is the state at one moment.
    fn whole(&mut self) -> Result<Whole, StateError>;
}

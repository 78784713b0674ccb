//! The audit journal: what every commit tells of who did what, chained by hashes, so that what is taken out or changed later is noticed.
//!
//! A store appends one entry for each commit that has something to tell, in the commit's own transaction. An entry's hash is that
//! of the hash before it and its body: to change one is to change all after it, and the newest hash (the [`Head`]) is remembered elsewhere.
//! Here is what an entry says and how it is checked; how it is stored is each store's own. No values of objects are told, nor digests of
//! them: a digest would tell whether a guessed secret is right.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::{Change, Run, RunId, Timestamp, Write};

/// A hash of the chain: SHA-256, which PostgreSQL computes as well as whoever checks an export.
pub type Hash = [u8; 32];

/// What stands before the first entry.
const GENESIS: &[u8] = b"pilotis audit journal 1";

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number, from 1.
    pub seq: u64,
    /// Of the hash before it, and of its body.
    #[serde(with = "crate::hex")]
    pub hash: Hash,
    /// What it tells: a JSON array of events.
    pub body: Arc<str>,
}

/// A call to a service. Without a query, a body or a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedCall {
    /// When it was sent.
    pub at: Timestamp,
    /// `POST`
    pub method: String,
    /// `https://gitlab.example.org/api/v4/groups`
    pub url: String,
    /// HTTP status; none if there was no answer.
    pub status: Option<u16>,
    /// The service's own id of the call, for its administrator.
    pub request_id: Option<String>,
}

/// Who said that a run may go ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// A person was shown the plan, and typed yes.
    TypedYes,
    /// `-auto-approve`
    AutoApprove,
    /// The plan was saved, and applied by its file.
    SavedPlan,
    /// A command that edits the state, or imports one object: to give it is to approve it.
    Command,
}

/// What is wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// Entries are missing in it.
    #[error("entries {first} to {last} are missing: they were taken out")]
    Missing {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// An entry isn't what was written, or one before it isn't.
    #[error("entry {0} doesn't follow from the one before it: one of the two was changed")]
    Changed(u64),
    /// It ends before the entry that is remembered.
    #[error("it ends at entry {found}, and had {remembered}: its end was cut off")]
    CutOff {
        /// Its last entry.
        found: u64,
        /// The last that is remembered.
        remembered: u64,
    },
    /// The remembered entry is another one: all was written anew.
    #[error(
        "entry {0} is not the one that was seen here before: the journal was written anew, there or before it"
    )]
    Replaced(u64),
    /// A run of the state that the journal doesn't know.
    #[error("run {} is in the state, and its beginning in no entry", .0.0)]
    NotNoted(RunId),
    /// A run of the journal that the state doesn't know.
    #[error("run {} has an entry, and is gone from the state", .0.0)]
    RunGone(RunId),
    /// An entry that holds no events.
    #[error("entry {0} can't be read")]
    Unreadable(u64),
}

/// Number and hash of an entry: what is remembered elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// That of an empty journal.
    pub fn empty() -> Head {
        Head { seq: 0, hash: Sha256::digest(GENESIS).into() }
    }

    /// The entry that follows.
    pub fn next(&self, body: impl Into<Arc<str>>) -> AuditEntry {
        let body = body.into();
        let hash = Sha256::new().chain_update(self.hash).chain_update(body.as_bytes()).finalize();
        AuditEntry { seq: self.seq + 1, hash: hash.into(), body }
    }
}

impl AuditEntry {
    /// Its number and hash.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// What it tells, one event after the other.
    pub fn events(&self) -> Result<Vec<Map<String, Json>>, AuditError> {
        serde_json::from_str(&self.body).map_err(|_| AuditError::Unreadable(self.seq))
    }
}

/// Checks a whole journal, and that it holds the entry that is remembered; gives its head.
pub fn verify(entries: &[AuditEntry], remembered: Option<Head>) -> Result<Head, AuditError> {
    let mut head = Head::empty();
    for entry in entries {
        if entry.seq != head.seq + 1 {
            return Err(AuditError::Missing { first: head.seq + 1, last: entry.seq.saturating_sub(1) });
        }
        let next = head.next(entry.body.clone());
        if next.hash != entry.hash {
            return Err(AuditError::Changed(entry.seq));
        }
        head = next.head();
        if remembered.is_some_and(|r| r.seq == head.seq && r.hash != head.hash) {
            return Err(AuditError::Replaced(head.seq));
        }
    }
    match remembered.filter(|r| r.seq > head.seq) {
        Some(remembered) => Err(AuditError::CutOff { found: head.seq, remembered: remembered.seq }),
        None => Ok(head),
    }
}

/// Checks that the state has the runs that the journal tells of, and no others (`runs`: newest first, as a store gives them). Runs before the
/// first that it tells of were made before there was a journal: how many there are.
pub fn verify_runs(entries: &[AuditEntry], runs: &[Run]) -> Result<usize, AuditError> {
    let mut noted = Vec::new();
    for entry in entries {
        for event in entry.events()? {
            let text = |name: &str| event.get(name).and_then(Json::as_str);
            if let (Some(RUN_STARTED), Some(run)) = (text("event"), text("run")) {
                noted.push(RunId(run.into()));
            }
        }
    }
    let known: HashSet<&RunId> = noted.iter().collect();
    let older = runs.iter().rev().take_while(|run| !known.contains(&run.id)).count();
    if let Some(run) = runs.iter().rev().skip(older).find(|run| !known.contains(&run.id)) {
        return Err(AuditError::NotNoted(run.id.clone()));
    }
    let stored: HashSet<&RunId> = runs.iter().map(|run| &run.id).collect();
    match noted.iter().find(|run| !stored.contains(run)) {
        Some(run) => Err(AuditError::RunGone(run.clone())),
        None => Ok(older),
    }
}

/// What a commit tells: the body of its entry. None if it tells nothing, or copies a journal, which stays what it was.
pub fn body(writes: &[Write]) -> Option<String> {
    if writes.iter().any(|write| matches!(write, Write::CopyAudit(_))) {
        return None;
    }
    let events: Vec<Json> = writes.iter().flat_map(events).collect();
    (!events.is_empty()).then(|| Json::Array(events).to_string())
}

/// The event by which runs are counted.
const RUN_STARTED: &str = "run_started";

fn events(write: &Write) -> Vec<Json> {
    match write {
        Write::StartRun(run) => vec![started(run)],
        Write::Approve { run, version, approval } => {
            vec![json!({ "event": "run_approved", "run": run, "version": version, "approval": approval })]
        }
        Write::FinishRun { id, status, at, calls } => {
            vec![
                json!({ "event": "run_finished", "run": id, "at": time(*at), "status": status, "calls": calls }),
            ]
        }
        Write::Finish { change, .. } | Write::Note(change) => vec![changed(change)],
        Write::Fence { run, now } => vec![json!({ "event": "run_fenced", "run": run, "at": time(*now) })],
        Write::Called { run, calls, left_out } => {
            let more = json!({ "event": "calls_left_out", "run": run, "number": left_out });
            calls.iter().map(|call| called(run, call)).chain((*left_out > 0).then_some(more)).collect()
        }
        Write::Become { lineage, serial, .. } => {
            vec![json!({ "event": "state_replaced", "lineage": lineage, "serial": serial })]
        }
        _ => Vec::new(),
    }
}

fn started(run: &Run) -> Json {
    json!({
        "event": RUN_STARTED,
        "run": run.id,
        "at": time(run.started),
        "kind": run.kind,
        "who": run.who,
        "commit": run.commit,
        "plan_digest": run.plan_digest,
        "status": run.status,
    })
}

fn changed(change: &Change) -> Json {
    json!({
        "event": "change",
        "run": change.run,
        "at": time(change.at),
        "address": change.key.address,
        "deposed": change.key.deposed,
        "action": change.action,
        "outcome": change.outcome,
        "error": change.error,
    })
}

fn called(run: &RunId, call: &AuditedCall) -> Json {
    json!({
        "event": "call",
        "run": run,
        "at": time(call.at),
        "method": call.method,
        "url": call.url,
        "status": call.status,
        "request_id": call.request_id,
    })
}

/// To the millisecond: `2026-02-01T09:30:00.250Z`.
fn time(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{change, run};

    fn journal() -> Vec<AuditEntry> {
        let mut head = Head::empty();
        let mut append = |writes: &[Write]| {
            let entry = head.next(body(writes).unwrap());
            head = entry.head();
            entry
        };
        vec![
            append(&[Write::StartRun(run("1"))]),
            append(&[Write::Note(change("1", "a", 10))]),
            append(&[Write::Note(change("1", "b", 11))]),
            append(&[Write::StartRun(run("2"))]),
        ]
    }

    #[test]
    fn a_journal_that_nobody_touched_is_fine() {
        let entries = journal();
        let head = entries[3].head();
        assert_eq!(verify(&entries, None), Ok(head));
        for entry in &entries {
            assert_eq!(
                verify(&entries, Some(entry.head())),
                Ok(head),
                "what was seen earlier is still in it"
            );
        }
        assert_eq!(verify(&entries, Some(Head::empty())), Ok(head));
        assert_eq!(verify(&[], None), Ok(Head::empty()));
        assert_eq!(verify_runs(&entries, &[run("2"), run("1")]), Ok(0));
    }

    /// By hand, as somebody who has only an export would.
    #[test]
    fn the_chain_is_plain_sha_256() {
        let entries = journal();
        let mut hash = Sha256::digest(b"pilotis audit journal 1").to_vec();
        for entry in &entries {
            hash = Sha256::digest([&hash[..], entry.body.as_bytes()].concat()).to_vec();
            assert_eq!(hash, entry.hash);
        }
    }

    #[test]
    fn what_was_done_to_a_journal_is_told_apart() {
        let entries = journal();
        let (head, remembered) = (entries[3].head(), Some(entries[3].head()));
        let mut cut = entries.clone();
        cut.drain(1..3);
        assert_eq!(verify(&cut, remembered), Err(AuditError::Missing { first: 2, last: 3 }));
        assert_eq!(verify(&entries[1..], None), Err(AuditError::Missing { first: 1, last: 1 }));
        assert_eq!(verify(&entries[..2], remembered), Err(AuditError::CutOff { found: 2, remembered: 4 }));
        assert_eq!(verify(&[], remembered), Err(AuditError::CutOff { found: 0, remembered: 4 }));
        let mut changed = entries.clone();
        changed[1].body = changed[1].body.replace("\"a\"", "\"z\"").into();
        assert_eq!(verify(&changed, remembered), Err(AuditError::Changed(2)));
        let mut anew = Vec::new();
        let mut last = Head::empty();
        for entry in &changed {
            anew.push(last.next(entry.body.clone()));
            last = anew[anew.len() - 1].head();
        }
        assert_eq!(verify(&anew, None), Ok(last), "nothing but a memory tells");
        assert_ne!(last, head);
        assert_eq!(verify(&anew, remembered), Err(AuditError::Replaced(4)));
    }

    #[test]
    fn runs_and_journal_must_agree() {
        let entries = journal();
        let three = [run("3"), run("2"), run("1")];
        assert_eq!(verify_runs(&entries, &three), Err(AuditError::NotNoted(RunId("3".into()))));
        let between = [run("2"), run("3"), run("1")];
        assert_eq!(verify_runs(&entries, &between), Err(AuditError::NotNoted(RunId("3".into()))));
        assert_eq!(verify_runs(&entries, &three[2..]), Err(AuditError::RunGone(RunId("2".into()))));
        let older = [run("2"), run("1"), run("0"), run("00")];
        assert_eq!(verify_runs(&entries, &older), Ok(2), "of before the journal");
        assert_eq!(verify_runs(&[], &older), Ok(4));
        let wrong = Head::empty().next("no events");
        assert_eq!(verify_runs(&[wrong], &[]), Err(AuditError::Unreadable(1)));
    }

    #[test]
    fn an_entry_tells_who_what_and_when_but_no_values() {
        let call = AuditedCall {
            at: Timestamp(1_250),
            method: "POST".into(),
            url: "https://gitlab.example.org/api/v4/groups".into(),
            status: Some(201),
            request_id: Some("01H".into()),
        };
        let id = RunId("1".into());
        let secret: Option<Arc<str>> = Some("{\"password\":\"hunter2\"}".into());
        let text = body(&[
            Write::StartRun(run("1")),
            Write::Approve { run: id.clone(), version: "0.1.0".into(), approval: Approval::TypedYes },
            Write::Note(Change { before: secret.clone(), after: secret, ..change("1", "a", 10) }),
            Write::Called { run: id, calls: vec![call], left_out: 2 },
            Write::RemoveOutput("o".into()),
        ])
        .unwrap();
        assert!(!text.contains("hunter2"));
        let events = Head::empty().next(text).events().unwrap();
        let lines: Vec<String> = events.into_iter().map(|e| Json::Object(e).to_string()).collect();
        insta::assert_snapshot!(lines.join("\n"));
        assert_eq!(body(&[Write::RemoveOutput("o".into())]), None);
    }
}

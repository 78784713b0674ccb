//! Which calls were made to a service: their number, and for the audit journal what each was. No query, body or credential is kept.

use std::mem::take;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Calls that are kept until somebody takes them: a plan of a whole estate makes thousands.
const KEPT: usize = 100_000;

/// Counts calls made to a service, and notes them; shared by all clones of a client.
#[derive(Debug, Default)]
pub struct Calls {
    reads: AtomicU64,
    writes: AtomicU64,
    log: Mutex<CallLog>,
}

/// A call that was made. Retries are calls of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it was sent.
    pub at: SystemTime,
    /// `POST`
    pub method: String,
    /// `https://gitlab.example.org/api/v4/groups`
    pub url: String,
    /// HTTP status; none if there was no answer.
    pub status: Option<u16>,
    /// The service's own id of the call.
    pub request_id: Option<String>,
}

/// Calls in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallLog {
    /// The newest.
    pub calls: Vec<Call>,
    /// How many older ones were dropped.
    pub left_out: u64,
}

impl CallLog {
    /// This one and those of another log.
    pub fn join(&mut self, other: CallLog) {
        self.calls.extend(other.calls);
        self.left_out += other.left_out;
    }
}

impl Calls {
    /// One more call that changes nothing.
    pub fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }
    /// One more call that may change something.
    pub fn write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }
    /// Calls so far: (reads, writes).
    pub fn get(&self) -> (u64, u64) {
        (self.reads.load(Ordering::Relaxed), self.writes.load(Ordering::Relaxed))
    }
    /// Notes a call that has ended. Of its URL goes what may be secret: user, password, query and fragment.
    pub fn note(&self, call: Call) {
        let call = Call { url: without_secrets(&call.url), ..call };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        // Many at once, since moving all that is kept for each would be slow.
        if log.calls.len() >= KEPT + KEPT / 10 {
            let dropped = log.calls.len() - KEPT + 1;
            log.calls.drain(..dropped);
            log.left_out += dropped as u64;
        }
        log.calls.push(call);
    }
    /// What was noted since this was asked last.
    pub fn take_log(&self) -> CallLog {
        take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(url: &str) -> Call {
        let (method, at) = ("GET".into(), SystemTime::UNIX_EPOCH);
        Call { at, method, url: url.into(), status: Some(200), request_id: None }
    }

    #[test]
    fn urls_lose_what_may_be_secret() {
        let calls = Calls::default();
        for url in
            ["https://u:p@h:8080/a@b/c?token=t", "/api/v1/pods?limit=5", "https://h?x#y", "https://h/a#b"]
        {
            calls.note(call(url));
        }
        let urls: Vec<String> = calls.take_log().calls.into_iter().map(|c| c.url).collect();
        assert_eq!(urls, ["https://h:8080/a@b/c", "/api/v1/pods", "https://h", "https://h/a"]);
        assert_eq!(calls.take_log(), CallLog::default(), "they were taken");
    }

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let calls = Calls::default();
        let all = KEPT + KEPT / 10 + 1;
        for n in 0..all {
            calls.note(call(&n.to_string()));
        }
        let log = calls.take_log();
        assert_eq!(log.calls.len() as u64 + log.left_out, all as u64);
        assert_eq!(log.calls.len(), KEPT);
        assert_eq!(log.calls[KEPT - 1].url, (all - 1).to_string());
    }
}

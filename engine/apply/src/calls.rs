//! Calls of a run, on their way from the clients to the audit journal.

use pilotis_sdk::{Call, CallLog};
use pilotis_state::audit::AuditedCall;
use pilotis_state::{RunId, Timestamp, Write};

use crate::drive::Driver;

impl Driver<'_> {
    /// Adds the calls that were made since to a commit that tells of a change. Other commits are left alone: an intent must not wait for,
    /// nor cost, a row of the journal.
    pub(crate) fn with_calls(&self, mut writes: Vec<Write>) -> Vec<Write> {
        if writes.iter().any(|write| matches!(write, Write::Finish { .. } | Write::Note(_))) {
            writes.extend(self.called());
        }
        writes
    }

    /// The calls that were made since this was asked last; none if there were none, or no run is at work.
    pub(crate) fn called(&self) -> Option<Write> {
        let run = self.run.clone()?;
        let log = self.take_call_log();
        (log != CallLog::default()).then(|| called(run, log))
    }

    /// The calls that were made since this was asked last, over all connections.
    pub(crate) fn take_call_log(&self) -> CallLog {
        let mut all = CallLog::default();
        for connection in self.connections.values().chain(&self.replaced) {
            all.join(connection.take_call_log());
        }
        all
    }
}

fn called(run: RunId, log: CallLog) -> Write {
    Write::Called { run, calls: log.calls.into_iter().map(audited).collect(), left_out: log.left_out }
}

fn audited(call: Call) -> AuditedCall {
    let Call { at, method, url, status, request_id } = call;
    let at = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let at = Timestamp(i64::try_from(at.as_millis()).unwrap_or(i64::MAX));
    AuditedCall { at, method, url, status, request_id }
}

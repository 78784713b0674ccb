//! The lock of the whole state, in Terraform's words.

use pilotis_state::{Holder, Lease, LeaseMode, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// Such locks don't expire: the last millisecond of the year 9999.
const NEVER: Timestamp = Timestamp(253_402_300_799_999);

/// What a lock says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct LockInfo {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    operation: String,
    info: String,
    who: String,
    version: String,
    created: String,
    path: String,
}

/// What is in `Info` of a lock of ours: it lets another process of the same machine see that the holder is dead.
///
/// GitLab keeps only the id, who and when of a lock, and fills in the rest from whoever asks. So the run is in it once more: where it isn't
/// the lock's, the process isn't its holder.
#[derive(Serialize, Deserialize)]
struct Process {
    run: String,
    host: String,
    pid: u32,
    start: String,
}

impl LockInfo {
    /// The lock of a run.
    pub(crate) fn of(lease: &Lease) -> LockInfo {
        let holder = &lease.holder;
        let process = Process {
            run: lease.run.0.as_ref().into(),
            host: holder.host.clone(),
            pid: holder.pid,
            start: holder.start.clone(),
        };
        let created = jiff::Timestamp::from_millisecond(lease.since.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        LockInfo {
            id: lease.run.0.as_ref().into(),
            operation: "OperationTypeApply".into(),
            // Without this a dead holder isn't noticed, and nothing else is lost.
            info: serde_json::to_string(&process).unwrap_or_default(),
            who: holder.who.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            created: created.to_string(),
            path: String::new(),
        }
    }

    /// A lock of which only the id is known.
    pub(crate) fn named(run: &RunId) -> LockInfo {
        LockInfo { id: run.0.as_ref().into(), ..LockInfo::default() }
    }

    /// The lock that an answer tells of, if it does.
    pub(crate) fn read(body: &[u8]) -> Option<LockInfo> {
        serde_json::from_slice(body).ok().filter(|info: &LockInfo| !info.id.is_empty())
    }

    /// It as a body.
    pub(crate) fn body(&self) -> Vec<u8> {
        // A struct of texts is always JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// It as a lease of everything.
    pub(crate) fn lease(&self) -> Lease {
        let process: Option<Process> = serde_json::from_str(&self.info).ok();
        let who = if self.who.is_empty() { "somebody" } else { &self.who };
        let holder = match process.filter(|process| process.run == self.id) {
            Some(Process { host, pid, start, .. }) => Holder { host, pid, start, who: who.into() },
            None => {
                // Terraform says `marie@laptop`, GitLab a user's name.
                let host = who.rsplit_once('@').map_or("another machine", |(_, host)| host);
                Holder { host: host.into(), pid: 0, start: String::new(), who: who.into() }
            }
        };
        let created = self.created.parse::<jiff::Timestamp>().map_or(0, |time| time.as_millisecond());
        Lease {
            address: "*".into(),
            mode: LeaseMode::Exclusive,
            holder,
            run: RunId(self.id.as_str().into()),
            since: Timestamp(created),
            expires: NEVER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(run: &str) -> Lease {
        let holder =
            Holder { host: "laptop".into(), pid: 7, start: "boot/9".into(), who: "marie@laptop".into() };
        Lease {
            address: "a".into(),
            mode: LeaseMode::Exclusive,
            holder,
            run: RunId(run.into()),
            since: Timestamp(1_769_938_200_123),
            expires: Timestamp(2_000_000_000_000),
        }
    }

    #[test]
    fn a_lock_of_ours_comes_back_as_it_was() {
        let info = LockInfo::of(&lease("1"));
        let body: serde_json::Value = serde_json::from_slice(&info.body()).unwrap();
        assert_eq!(body["Operation"], "OperationTypeApply");
        assert_eq!(body["Created"], "2026-02-01T09:30:00.123Z");
        let back = LockInfo::read(&info.body()).unwrap().lease();
        assert_eq!(back, Lease { address: "*".into(), expires: NEVER, ..lease("1") });
    }

    #[test]
    fn who_asks_is_not_taken_for_the_holder() {
        let asked = LockInfo::of(&lease("2"));
        let answer = LockInfo { id: "1".into(), who: "paul".into(), ..asked };
        let holder = LockInfo::read(&answer.body()).unwrap().lease().holder;
        assert_eq!((holder.who.as_str(), holder.pid, holder.start.as_str()), ("paul", 0, ""));
    }

    #[test]
    fn a_lock_of_terraform_says_who_and_when() {
        let body = br#"{"ID":"x","Operation":"OperationTypePlan","Info":"","Who":"paul@desk","Version":"1.11.4","Created":"2026-02-01T10:30:00.5+01:00","Path":""}"#;
        let lease = LockInfo::read(body).unwrap().lease();
        assert_eq!(
            (lease.holder.host.as_str(), lease.since.to_string().as_str()),
            ("desk", "2026-02-01T09:30:00Z")
        );
        assert_eq!(LockInfo::read(b"{}"), None);
        assert_eq!(LockInfo::read(b"locked"), None);
    }
}

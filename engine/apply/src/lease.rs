//! The leases of a run: taken, renewed for as long as it lasts, and known to be lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pilotis_plan::{Answer, Failure, Request};
use pilotis_state::{Holder, Lease, LeaseMode, RunId, StateError, Store, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::drive::now;
use crate::{EngineError, StoreThread};

/// How long a lease lasts unless it is renewed: a run on another machine that died is waited for no longer.
const LEASE: Duration = Duration::from_secs(90);
const LOCK_POLL: Duration = Duration::from_millis(500);

/// What leases are to be taken of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The addresses of what the run changes.
    pub(crate) write: Vec<Arc<str>>,
    /// Of what it makes that of, and leaves as it is.
    pub(crate) read: Vec<Arc<str>>,
}

impl Wanted {
    /// In the order of the addresses.
    fn leases(&self, holder: &Holder, run: &RunId, since: Timestamp) -> Vec<Lease> {
        let lease = |mode| {
            move |address: &Arc<str>| Lease {
                address: address.clone(),
                mode,
                holder: holder.clone(),
                run: run.clone(),
                since,
                expires: until(since),
            }
        };
        let write = self.write.iter().map(lease(LeaseMode::Exclusive));
        let mut all: Vec<Lease> = write.chain(self.read.iter().map(lease(LeaseMode::Shared))).collect();
        all.sort_by(|a, b| a.address.cmp(&b.address));
        all
    }
}

/// The right to change some objects and to read others, renewed until it is dropped.
pub(crate) struct Leases {
    lasting: Lasting,
    renewal: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Leases {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
    }
}

impl Leases {
    /// Takes these leases (none: nothing is taken, and nothing can be lost), all at once, and waits for others at most so long.
    pub(crate) async fn take(
        store: &StoreThread,
        wanted: Wanted,
        holder: &Holder,
        run: &RunId,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<Leases, EngineError> {
        if wanted.write.is_empty() && wanted.read.is_empty() {
            return Ok(Leases { lasting: Lasting::default(), renewal: None });
        }
        let deadline = tokio::time::Instant::now() + timeout;
        let lasting = loop {
            let lasting = Lasting::from_now();
            let (wanted, holder, run) = (wanted.clone(), holder.clone(), run.clone());
            match store.with(move |store| take(store, &wanted, &holder, &run)).await {
                Ok(()) => break lasting,
                Err(StateError::Locked { .. }) if tokio::time::Instant::now() < deadline => {
                    tokio::select! {
                        () = tokio::time::sleep(LOCK_POLL) => {}
                        () = cancel.cancelled() => return Err(EngineError::Interrupted),
                    }
                }
                Err(e) => return Err(e.into()),
            }
        };
        let renewal = tokio::spawn(renewing(store.clone(), run.clone(), lasting.clone(), cancel.clone()));
        Ok(Leases { lasting, renewal: Some(renewal) })
    }

    /// How long they last, for whoever acts on them.
    pub(crate) fn lasting(&self) -> Lasting {
        self.lasting.clone()
    }
}

async fn renewing(store: StoreThread, id: RunId, lasting: Lasting, cancel: CancellationToken) {
    loop {
        tokio::time::sleep(LEASE / 3).await;
        let (run, again) = (id.clone(), Until::from_now());
        match store.with(move |store| renew(store, &run)).await {
            Ok(()) => lasting.set(again),
            // Somebody else may be at work on the same objects now: nothing more is begun.
            Err(e @ StateError::NotFound { .. }) => {
                tracing::warn!("the leases are lost, so the run ends: {e}");
                lasting.set(Until::past());
                cancel.cancel();
                return;
            }
            Err(e) => tracing::warn!("the leases could not be renewed: {e}"),
        }
    }
}

/// The time that leases of a store are counted by.
fn clock(store: &mut dyn Store) -> Result<Timestamp, StateError> {
    Ok(store.clock()?.unwrap_or_else(now))
}

fn take(store: &mut dyn Store, wanted: &Wanted, holder: &Holder, run: &RunId) -> Result<(), StateError> {
    let since = clock(store)?;
    store.acquire(&wanted.leases(holder, run, since), since)
}

fn renew(store: &mut dyn Store, run: &RunId) -> Result<(), StateError> {
    let expires = until(clock(store)?);
    store.renew(run, expires)
}

fn until(now: Timestamp) -> Timestamp {
    Timestamp(now.0 + LEASE.as_millis() as i64)
}

/// Until when leases last at least, counted by this machine: from before they were asked for. A process that was stopped, or moved to
/// another machine, finds on waking that they are over, whatever its own tasks have had time to notice. Of both clocks the
/// first counts: one stands still while a machine sleeps, the other may be set.
#[derive(Clone, Copy, Debug)]
struct Until {
    instant: Option<Instant>,
    time: Timestamp,
}

impl Until {
    fn from_now() -> Until {
        Until { instant: Instant::now().checked_add(LEASE), time: until(now()) }
    }

    fn past() -> Until {
        Until { instant: None, time: Timestamp(0) }
    }

    fn is_to_come(self) -> bool {
        self.instant.is_some_and(|instant| Instant::now() < instant) && now() < self.time
    }
}

/// Whether leases are still held, as far as that can be told without asking. By default none are needed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lasting(Option<Arc<Mutex<Until>>>);

impl Lasting {
    fn from_now() -> Lasting {
        Lasting(Some(Arc::new(Mutex::new(Until::from_now()))))
    }

    fn set(&self, until: Until) {
        if let Some(current) = &self.0 {
            *current.lock().unwrap_or_else(PoisonError::into_inner) = until;
        }
    }

    fn holds(&self) -> bool {
        let Some(until) = &self.0 else { return true };
        let until = *until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_to_come()
    }

    /// The answer to a request that must not be carried out, since it would change something without a lease; none for others.
    pub(crate) fn refused(&self, request: &Request) -> Option<Answer> {
        let refusal = || {
            Failure::new("The run has lost its leases").detail(
                "They expired while this process was stopped or couldn't reach the state, or somebody unlocked it. Another run may be at work on this object, so nothing was sent.",
            )
        };
        let answer: fn(Failure) -> Answer = match request {
            Request::Create { .. } => |failure| Answer::Created(Err(failure)),
            Request::Update { .. } => |failure| Answer::Updated(Err(failure)),
            Request::Delete { .. } => |failure| Answer::Deleted(Err(failure)),
            Request::Run { .. } => |failure| Answer::Ran(Err(failure)),
            _ => return None,
        };
        (!self.holds()).then(|| answer(refusal()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use pilotis_plan::{Outcome, ProviderId};
    use pilotis_value::{Type, Value};

    use super::*;

    fn delete() -> Request {
        let prior = Value::null(Type::Dynamic);
        Request::Delete { provider: ProviderId(0), address: "a.b".into(), type_name: "a".into(), prior }
    }

    #[test]
    fn without_its_leases_a_run_changes_nothing() {
        let lasting = Lasting::from_now();
        assert!(lasting.refused(&delete()).is_none());
        lasting.set(Until::past());
        let Some(Answer::Deleted(Err(failure))) = lasting.refused(&delete()) else { panic!("it is sent") };
        assert_eq!(failure.outcome, Outcome::NotDone, "nothing was sent");
        assert!(lasting.refused(&Request::Commit(Vec::new())).is_none(), "what was done is stored");
        lasting.set(Until::from_now());
        assert!(lasting.refused(&delete()).is_none(), "they were renewed");
    }

    #[test]
    fn either_clock_ends_them() {
        let ahead = Until::from_now();
        assert!(ahead.is_to_come());
        assert!(!Until { time: Timestamp(now().0 - 1), ..ahead }.is_to_come(), "the machine slept");
        assert!(!Until { instant: Some(Instant::now()), ..ahead }.is_to_come(), "its clock was put back");
    }

    #[test]
    fn who_takes_no_lease_loses_none() {
        assert!(Lasting::default().refused(&delete()).is_none());
    }
}

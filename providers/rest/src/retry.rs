//! When a call is made again, and how long is waited before.
//!
//! A call that may have had an effect is not made again, unless making it twice is the same as once. What a service says it didn't do
//! (429, 503 with `Retry-After`) and what was never sent (no connection) may be made again whatever it is.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

/// When calls are made again.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How many times, after the first.
    pub times: usize,
    /// Wait before the first; doubled each time, with jitter.
    pub first_wait: Duration,
    /// The longest wait, also if the service asks for more: then the call fails and says so.
    pub longest_wait: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { times: 5, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(60) }
    }
}

impl Policy {
    /// The waits, one for each time.
    pub(crate) fn waits(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.first_wait)
            .with_max_delay(self.longest_wait)
            .with_max_times(self.times)
            .with_jitter()
            .build()
    }
}

/// What making a call twice means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// It changes nothing.
    Read,
    /// It may change something; twice is the same as once.
    Idempotent,
    /// Twice is twice.
    Once,
}

impl Nature {
    /// What HTTP says of a method.
    pub fn of(method: &reqwest::Method) -> Nature {
        use reqwest::Method;
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Nature::Read,
            Method::PUT | Method::DELETE => Nature::Idempotent,
            _ => Nature::Once,
        }
    }
    /// It may have changed something.
    pub fn is_write(self) -> bool {
        self != Nature::Read
    }
}

/// How an attempt went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// There was no connection: nothing was sent.
    NotSent,
    /// The line broke or the time was over after it was sent.
    NoAnswer,
    /// A status, and whether it came with a wait.
    Status(u16, bool),
}

/// Whether an attempt that went wrong is worth another.
pub fn again(nature: Nature, mishap: Mishap) -> bool {
    match mishap {
        Mishap::NotSent | Mishap::Status(429, _) | Mishap::Status(503, true) => true,
        Mishap::NoAnswer | Mishap::Status(502..=504, _) => nature != Nature::Once,
        Mishap::Status(408 | 500, _) => nature == Nature::Read,
        Mishap::Status(..) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_done_once_is_not_done_twice() {
        use Nature::{Idempotent, Once, Read};
        let all = |mishap| [Read, Idempotent, Once].map(|nature| again(nature, mishap));
        assert_eq!(all(Mishap::NotSent), [true, true, true]);
        assert_eq!(all(Mishap::NoAnswer), [true, true, false]);
        assert_eq!(all(Mishap::Status(429, false)), [true, true, true]);
        assert_eq!(all(Mishap::Status(503, true)), [true, true, true]);
        assert_eq!(all(Mishap::Status(503, false)), [true, true, false]);
        assert_eq!(all(Mishap::Status(500, false)), [true, false, false]);
        assert_eq!(all(Mishap::Status(404, false)), [false, false, false]);
    }

    #[test]
    fn waits_grow_and_end() {
        let policy =
            Policy { times: 4, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(5) };
        let waits: Vec<_> = policy.waits().collect();
        assert_eq!(waits.len(), 4);
        assert!(waits[0] >= Duration::from_secs(1) && waits[0] <= Duration::from_secs(2), "{waits:?}");
    }
}

//! How fast a service is asked: calls in flight, calls a second, and pauses that the service asks for.
//!
//! The pause is of the whole client: when a service says that it's too much, asking something else makes it no better.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The longest pause that is taken because the service said how much is left; a longer one is left to its 429.
const LONGEST_FORESEEN_PAUSE: Duration = Duration::from_secs(60);

/// Lets calls through.
pub(crate) struct Gate {
    in_flight: Semaphore,
    bucket: DefaultDirectRateLimiter,
    paused_until: Mutex<Option<Instant>>,
}

impl Gate {
    pub(crate) fn new(concurrency: usize, per_second: u32) -> Gate {
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        Gate {
            in_flight: Semaphore::new(concurrency.max(1)),
            bucket: RateLimiter::direct(Quota::per_second(per_second)),
            paused_until: Mutex::new(None),
        }
    }

    /// Waits until a call may be made; it is in flight as long as the permit lives.
    pub(crate) async fn pass(&self) -> SemaphorePermit<'_> {
        let permit = self.in_flight.acquire().await.expect("the semaphore is never closed");
        loop {
            let paused = self
                .paused_until
                .lock()
                .expect("no panic while it is held")
                .filter(|until| *until > Instant::now());
            if let Some(until) = paused {
                tokio::time::sleep_until(until).await;
                continue;
            }
            match self.bucket.check() {
                Ok(()) => return permit,
                Err(not_until) => {
                    tokio::time::sleep(not_until.wait_time_from(DefaultClock::default().now())).await
                }
            }
        }
    }

    /// Nothing is asked for that long.
    pub(crate) fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut paused = self.paused_until.lock().expect("no panic while it is held");
        if paused.is_none_or(|earlier| earlier < until) {
            *paused = Some(until);
        }
    }

    /// Slows down before the service refuses: `RateLimit-Remaining: 0`.
    pub(crate) fn heed(&self, headers: &HeaderMap) {
        let remaining =
            number(headers, "ratelimit-remaining").or_else(|| number(headers, "x-ratelimit-remaining"));
        if remaining == Some(0)
            && let Some(wait) = until_reset(headers).filter(|wait| *wait <= LONGEST_FORESEEN_PAUSE)
        {
            self.pause(wait);
        }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// How long until the budget is full again. `RateLimit-Reset` is Unix seconds with some services, seconds from now with others.
fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let reset = number(headers, "ratelimit-reset").or_else(|| number(headers, "x-ratelimit-reset"))?;
    let now = jiff::Timestamp::now().as_second().unsigned_abs();
    // Nobody's budget is closed for a year: a bigger number is a time.
    Some(Duration::from_secs(if reset > 31_536_000 { reset.saturating_sub(now) } else { reset }))
}

/// How long the service asks to wait: `Retry-After` in seconds or as a date, else until its budget is full again.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|text| {
        let text = text.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        let wait = date.as_second() - jiff::Timestamp::now().as_second();
        Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
    });
    asked.or_else(
        || if number(headers, "ratelimit-remaining") == Some(0) { until_reset(headers) } else { None },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (reqwest::header::HeaderName::from_static(k), v.parse().unwrap())).collect()
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        assert_eq!(retry_after(&headers(&[("retry-after", "7".into())])), Some(Duration::from_secs(7)));
        let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(20);
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&soon).unwrap();
        let wait = retry_after(&headers(&[("retry-after", date)])).unwrap();
        assert!((18..=20).contains(&wait.as_secs()), "{wait:?}");
        let past = headers(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT".into())]);
        assert_eq!(retry_after(&past), Some(Duration::ZERO));
        assert_eq!(retry_after(&headers(&[("retry-after", "soon".into())])), None);
    }

    #[test]
    fn a_budget_that_is_used_up_says_when_it_is_full_again() {
        let reset = jiff::Timestamp::now().as_second() + 9;
        let wait = retry_after(&headers(&[
            ("ratelimit-remaining", "0".into()),
            ("ratelimit-reset", reset.to_string()),
        ]));
        assert!((8..=9).contains(&wait.unwrap().as_secs()));
        let seconds = headers(&[("ratelimit-remaining", "0".into()), ("ratelimit-reset", "5".into())]);
        assert_eq!(retry_after(&seconds), Some(Duration::from_secs(5)));
        let left = headers(&[("ratelimit-remaining", "3".into()), ("ratelimit-reset", "5".into())]);
        assert_eq!(retry_after(&left), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_every_call_back() {
        let gate = Gate::new(2, 1000);
        gate.pause(Duration::from_secs(30));
        gate.pause(Duration::from_secs(3));
        let start = Instant::now();
        drop(gate.pass().await);
        assert!(start.elapsed() >= Duration::from_secs(30));
    }
}

//! What can go wrong between a client and a service, switched on and off while the sandbox runs.
//!
//! A fault matches requests by method and path, for a share of them or for the next few. It never invents an effect:
//! the service either did all of a request or did not see it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::server::Service;

/// What a fault does to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The answer comes later.
    Latency {
        /// How much later, at least.
        milliseconds: u64,
        /// Up to this much more, evenly spread.
        #[serde(default)]
        jitter_milliseconds: u64,
    },
    /// 429 instead of the effect.
    TooManyRequests {
        /// Seconds in `Retry-After`; no such header without it.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// A 5xx instead of the effect.
    ServerError {
        /// 500 to 599.
        #[serde(default = "bad_gateway")]
        status: u16,
    },
    /// The connection closes; nothing was done.
    DropBefore,
    /// The connection closes after the effect: the answer is lost.
    DropAfter,
    /// 200 with an HTML page, as from a proxy's sign-in page; nothing was done.
    Html,
    /// The true answer, but its body ends half way; the effect is there.
    Truncated,
    /// 403: the rights for this path are lost.
    Forbidden,
}

fn bad_gateway() -> u16 {
    502
}

/// A fault: which requests, how often, and what happens to them.
///
/// ```
/// let fault: pilotis_sandbox::Fault = serde_json::from_str(
///     r#"{"kind": "drop_after", "methods": ["POST"], "path": "^/api/v4/projects$", "next": 1}"#,
/// ).unwrap();
/// assert_eq!(fault.next, Some(1));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What happens.
    #[serde(flatten)]
    pub action: Action,
    /// HTTP methods; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// A regular expression on path and query; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Share of the matching requests, 0 to 1; none for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Where the share's choice starts: the same seed and the same order of requests fail the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Only that many more requests; counts down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// That many matching requests pass unharmed first; counts down.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Fault {
    /// A fault on every request.
    pub fn new(action: Action) -> Fault {
        Fault { action, methods: Vec::new(), path: None, share: None, seed: None, next: None, skip: 0 }
    }

    /// Only these methods.
    pub fn methods(mut self, methods: &[&str]) -> Fault {
        self.methods = methods.iter().map(|&method| method.to_owned()).collect();
        self
    }

    /// Only paths (with query) that match this regular expression.
    pub fn path(mut self, path: &str) -> Fault {
        self.path = Some(path.to_owned());
        self
    }

    /// Only this share, 0 to 1, chosen by the seed.
    pub fn share(mut self, share: f64, seed: u64) -> Fault {
        (self.share, self.seed) = (Some(share), Some(seed));
        self
    }

    /// Only the next `count` matching requests.
    pub fn next(mut self, count: u64) -> Fault {
        self.next = Some(count);
        self
    }

    /// Lets `count` matching requests pass first.
    pub fn skip(mut self, count: u64) -> Fault {
        self.skip = count;
        self
    }
}

/// Why a fault can't be switched on.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// Its path is no regular expression.
    #[error("the fault's path is not a regular expression: {0}")]
    Path(#[from] regex::Error),
    /// Its share is out of range.
    #[error("the fault's share is {0}: it must be between 0 and 1")]
    Share(f64),
    /// Its status is no server error.
    #[error("the fault's status is {0}: a server_error has 500 to 599")]
    Status(u16),
}

/// The faults of one service. Clones share them.
#[derive(Clone, Default)]
pub struct Faults {
    active: Arc<Mutex<Vec<Active>>>,
    rate: Arc<Mutex<Rate>>,
}

struct Active {
    fault: Fault,
    path: Option<Regex>,
    random: u64,
}

#[derive(Default)]
struct Rate {
    limit: Option<u64>,
    window: u64,
    used: u64,
}

impl Faults {
    /// Switches one more fault on.
    pub fn add(&self, fault: Fault) -> Result<(), FaultError> {
        let path = fault.path.as_deref().map(Regex::new).transpose()?;
        if let Some(share) = fault.share.filter(|share| !(0.0..=1.0).contains(share)) {
            return Err(FaultError::Share(share));
        }
        if let Action::ServerError { status } = fault.action
            && !(500..=599).contains(&status)
        {
            return Err(FaultError::Status(status));
        }
        let random = fault.seed.unwrap_or(0).wrapping_add(0x9E37_79B9_7F4A_7C15);
        lock(&self.active).push(Active { fault, path, random });
        Ok(())
    }

    /// Switches all off.
    pub fn clear(&self) {
        lock(&self.active).clear();
    }

    /// The faults that are on, with what is left of their counts.
    pub fn list(&self) -> Vec<Fault> {
        lock(&self.active).iter().map(|active| active.fault.clone()).collect()
    }

    /// Requests a minute before 429; none for no limit.
    pub fn set_rate_limit(&self, limit: Option<u64>) {
        *lock(&self.rate) = Rate { limit, ..Rate::default() };
    }

    /// Requests a minute before 429.
    pub fn rate_limit(&self) -> Option<u64> {
        lock(&self.rate).limit
    }

    /// What happens to this request, in the order in which the faults were switched on.
    fn hits(&self, method: &str, path: &str) -> Vec<(Action, u64)> {
        let mut hits = Vec::new();
        lock(&self.active).retain_mut(|active| {
            if active.strikes(method, path) {
                hits.push((active.fault.action.clone(), active.draw()));
            }
            active.fault.next != Some(0)
        });
        hits
    }

    /// Counts a request against the rate limit: the headers for its answer, and whether it is over.
    fn count(&self) -> Option<(BTreeMap<&'static str, String>, bool)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut rate = lock(&self.rate);
        let limit = rate.limit?;
        if rate.window != now / 60 {
            rate.window = now / 60;
            rate.used = 0;
        }
        rate.used += 1;
        let reset = (now / 60 + 1) * 60;
        let over = rate.used > limit;
        let mut headers = BTreeMap::from([
            ("ratelimit-limit", limit.to_string()),
            ("ratelimit-name", "throttle_authenticated_api".to_owned()),
            ("ratelimit-observed", rate.used.to_string()),
            ("ratelimit-remaining", limit.saturating_sub(rate.used).to_string()),
            ("ratelimit-reset", reset.to_string()),
        ]);
        if let Ok(time) = jiff::Timestamp::from_second(i64::try_from(reset).unwrap_or(0)) {
            headers.insert("ratelimit-resettime", time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        }
        if over {
            headers.insert("retry-after", (reset - now).to_string());
        }
        Some((headers, over))
    }
}

impl Active {
    fn strikes(&mut self, method: &str, path: &str) -> bool {
        let fault = &mut self.fault;
        let chosen = (fault.methods.is_empty()
            || fault.methods.iter().any(|name| name.eq_ignore_ascii_case(method)))
            && self.path.as_ref().is_none_or(|regex| regex.is_match(path));
        if !chosen {
            return false;
        }
        if fault.skip > 0 {
            fault.skip -= 1;
            return false;
        }
        if let Some(share) = self.fault.share {
            // 53 bits make an exact fraction in [0, 1).
            let draw = (self.draw() >> 11) as f64 / (1u64 << 53) as f64;
            if draw >= share {
                return false;
            }
        }
        match &mut self.fault.next {
            Some(0) => false,
            Some(next) => {
                *next -= 1;
                true
            }
            None => true,
        }
    }

    /// The next number of splitmix64.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks an answer that must not be sent: the server closes the connection instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropped;

/// What the middleware needs to know.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) faults: Faults,
    pub(crate) service: Arc<dyn Service>,
}

/// The middleware: rate limit, then faults, then the service.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut rate_headers = BTreeMap::new();
    if let Some((headers, over)) = guard.faults.count() {
        rate_headers = headers;
        if over {
            return with_headers(guard.service.fault_response(StatusCode::TOO_MANY_REQUESTS), &rate_headers);
        }
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let hits = guard.faults.hits(request.method().as_str(), path);
    let (mut lose_answer, mut truncate) = (false, false);
    for (action, random) in hits {
        match action {
            Action::Latency { milliseconds, jitter_milliseconds } => {
                let jitter = random.checked_rem(jitter_milliseconds).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(milliseconds.saturating_add(jitter))).await;
            }
            Action::TooManyRequests { retry_after } => {
                let mut response = guard.service.fault_response(StatusCode::TOO_MANY_REQUESTS);
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                return response;
            }
            Action::ServerError { status } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return guard.service.fault_response(status);
            }
            Action::DropBefore => return dropped(),
            Action::DropAfter => lose_answer = true,
            Action::Html => return html(),
            Action::Truncated => truncate = true,
            Action::Forbidden => return guard.service.fault_response(StatusCode::FORBIDDEN),
        }
    }
    let mut response = next.run(request).await;
    if lose_answer {
        return dropped();
    }
    if truncate {
        response = halved(response).await;
    }
    with_headers(response, &rate_headers)
}

fn with_headers(mut response: Response, headers: &BTreeMap<&'static str, String>) -> Response {
    for (&name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn dropped() -> Response {
    let mut response = StatusCode::BAD_GATEWAY.into_response();
    response.extensions_mut().insert(Dropped);
    response
}

fn html() -> Response {
    let page =
        "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// The answer with the first half of its body, as a proxy sends that ran out of buffers.
async fn halved(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = body.collect().await.map(|body| body.to_bytes()).unwrap_or_else(|_| Bytes::new());
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(whole.slice(..whole.len() / 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_counts_down_and_is_gone() {
        let faults = Faults::default();
        faults
            .add(Fault::new(Action::DropAfter).methods(&["POST"]).path("^/groups").skip(1).next(2))
            .unwrap();
        let hit = |method, path| !faults.hits(method, path).is_empty();
        assert!(!hit("GET", "/groups"));
        assert!(!hit("POST", "/projects"));
        assert!(!hit("POST", "/groups"), "the first is skipped");
        assert!(hit("POST", "/groups/1"));
        assert!(hit("post", "/groups"));
        assert!(!hit("POST", "/groups"));
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_share_is_the_same_for_the_same_seed() {
        let run = |seed| {
            let faults = Faults::default();
            faults.add(Fault::new(Action::Html).share(0.25, seed)).unwrap();
            (0..1000).map(|_| !faults.hits("GET", "/").is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits = run(7).into_iter().filter(|&hit| hit).count();
        assert!((200..300).contains(&hits), "{hits} of 1000 is not about a quarter");
    }

    #[test]
    fn nonsense_is_refused() {
        let faults = Faults::default();
        assert!(matches!(faults.add(Fault::new(Action::Html).path("(")), Err(FaultError::Path(_))));
        assert!(matches!(faults.add(Fault::new(Action::Html).share(1.5, 0)), Err(FaultError::Share(_))));
        let fault = Fault::new(Action::ServerError { status: 404 });
        assert!(matches!(faults.add(fault), Err(FaultError::Status(404))));
    }
}

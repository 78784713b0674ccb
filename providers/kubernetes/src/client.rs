//! Calls to the API server: retries where they are safe, pages, waiting for deletion, errors for people.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use pilotis_sdk::registry::ServiceClient;
use pilotis_sdk::{Call, CallLog, Calls, Error, ErrorKind};
use pilotis_trust::Complaint;
use serde_json::Value as Json;

use crate::config;
use crate::error::{Asked, Sent};

/// Who we are to the server: in `managedFields`, audit logs and conflicts.
pub(crate) const FIELD_MANAGER: &str = "pilotis";

const PAGE: usize = 500;
/// More objects than any cluster has of a kind: a list that never ends isn't followed for ever.
const MOST_ITEMS: usize = 1_000_000;
/// Pages without an object that are followed.
const EMPTY_PAGES: usize = 10;
const LARGEST_ANSWER: usize = 256 << 20;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long is waited, and how often is tried.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// A call is made at most this many times.
    pub(crate) tries: u32,
    /// The pause after the first failure; doubled each time.
    pub(crate) first_pause: Duration,
    /// How long an answer may take.
    pub(crate) answer_within: Duration,
    /// How long a deletion, or the end of one that is in the way, is waited for.
    pub(crate) gone_within: Duration,
    /// How long an object may take until it is ready.
    pub(crate) ready_within: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            tries: 5,
            first_pause: Duration::from_millis(200),
            answer_within: Duration::from_secs(60),
            gone_within: Duration::from_secs(300),
            ready_within: Duration::from_secs(600),
        }
    }
}

/// A connection to one API server.
pub(crate) struct Client {
    kube: kube::Client,
    /// `https://api.example:6443`
    url: String,
    credential: String,
    calls: Calls,
    seed: AtomicU64,
    pub(crate) patience: Patience,
    pub(crate) discovery: crate::discovery::Discovery,
}

/// An answer that isn't an error.
pub(crate) struct Answer {
    pub(crate) body: Json,
}

impl ServiceClient for Client {
    fn host(&self) -> String {
        self.url.clone()
    }
    fn parallelism(&self) -> usize {
        20
    }
    fn calls(&self) -> (u64, u64) {
        self.calls.get()
    }
    fn take_call_log(&self) -> CallLog {
        self.calls.take_log()
    }
}

impl Client {
    pub(crate) fn new(kube: kube::Client, url: String, credential: String) -> Client {
        Client {
            kube,
            url,
            credential,
            calls: Calls::default(),
            seed: AtomicU64::new(0x9e37_79b9),
            patience: Patience::default(),
            discovery: Default::default(),
        }
    }

    /// An object; none if it isn't there.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Json>, Error> {
        match self.call(Method::GET, path, None, "").await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(e) if e.kind == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// All items of a collection, page by page. A listing that expires in between begins again.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Json>, Error> {
        let mut items = Vec::new();
        let mut token = String::new();
        let (mut restarts, mut empty) = (0, 0);
        loop {
            let query = format!("{path}?limit={PAGE}&continue={token}");
            let query = if token.is_empty() { format!("{path}?limit={PAGE}") } else { query };
            let mut page = match self.call(Method::GET, &query, None, "").await {
                Err(e) if e.status == Some(410) && restarts < 3 => {
                    restarts += 1;
                    items.clear();
                    token.clear();
                    continue;
                }
                page => page?.body,
            };
            let garbage = |why: &str| Err(self.asked(&Method::GET, path).garbage(200, why));
            match page.get_mut("items").map(Json::take) {
                Some(Json::Array(more)) => {
                    empty = if more.is_empty() { empty + 1 } else { 0 };
                    items.extend(more);
                }
                _ => return garbage("a list has no items"),
            }
            let next = match &page["metadata"]["continue"] {
                Json::Null => String::new(),
                Json::String(next) => encode_query(next),
                // Taken for the end, it would make what is missing look deleted.
                _ => return garbage("a list's metadata.continue is no text"),
            };
            if next.is_empty() {
                return Ok(items);
            }
            if next == token || empty > EMPTY_PAGES || items.len() > MOST_ITEMS {
                return garbage("a list never ends");
            }
            token = next;
        }
    }

    /// Makes an object.
    pub(crate) async fn post(&self, collection: &str, object: &Json) -> Result<Json, Error> {
        let path = format!("{collection}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict");
        self.once_free(Method::POST, &path, object, "application/json").await
    }

    /// A call that makes an object. One of the same name that is still being deleted, or a namespace that is, is waited for.
    async fn once_free(
        &self,
        method: Method,
        path: &str,
        object: &Json,
        content_type: &str,
    ) -> Result<Json, Error> {
        let deadline = Instant::now() + self.patience.gone_within;
        let mut pause = Duration::from_millis(100);
        loop {
            match self.call(method.clone(), path, Some(object), content_type).await {
                Err(e) if still_going(&e) && Instant::now() < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                Err(e) if still_going(&e) => {
                    return Err(e.help("Find out what keeps it (`kubectl get -o yaml` shows finalizers and conditions), then apply again."));
                }
                answer => return answer.map(|a| a.body),
            }
        }
    }

    /// Changes members of an object.
    pub(crate) async fn merge_patch(&self, path: &str, patch: &Json) -> Result<Json, Error> {
        let path = format!("{path}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict");
        Ok(self.call(Method::PATCH, &path, Some(patch), "application/merge-patch+json").await?.body)
    }

    /// Server-side apply.
    pub(crate) async fn apply(
        &self,
        path: &str,
        object: &Json,
        manager: &str,
        force: bool,
    ) -> Result<Json, Error> {
        let manager = encode_query(manager);
        let path = format!("{path}?fieldManager={manager}&force={force}&fieldValidation=Strict");
        self.once_free(Method::PATCH, &path, object, "application/apply-patch+yaml").await
    }

    /// Server-side apply that changes nothing: does the server take it?
    pub(crate) async fn apply_dry(&self, path: &str, object: &Json, manager: &str) -> Result<(), Error> {
        let manager = encode_query(manager);
        let path = format!("{path}?fieldManager={manager}&force=true&fieldValidation=Strict&dryRun=All");
        self.call(Method::PATCH, &path, Some(object), "application/apply-patch+yaml").await?;
        Ok(())
    }

    /// Removes an object and waits until it is gone.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Error> {
        self.delete_within(path, self.patience.gone_within).await
    }

    /// Removes an object and waits, that long, until it is gone.
    pub(crate) async fn delete_within(&self, path: &str, within: Duration) -> Result<(), Error> {
        let options = serde_json::json!({"propagationPolicy": "Background"});
        match self.call(Method::DELETE, path, Some(&options), "application/json").await {
            Err(e) if e.kind == ErrorKind::NotFound => return Ok(()),
            // A namespace that is being deleted already answers with a conflict.
            Err(e) if e.kind != ErrorKind::Conflict => return Err(e),
            _ => {}
        }
        self.gone(path, within).await
    }

    /// Waits until an object that is being deleted is gone. Another one of the same name is not it.
    pub(crate) async fn wait_until_gone(&self, path: &str) -> Result<(), Error> {
        self.gone(path, self.patience.gone_within).await
    }

    async fn gone(&self, path: &str, within: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + within;
        let mut pause = Duration::from_millis(50);
        let mut uid = None;
        loop {
            let Some(left) = self.get(path).await? else { return Ok(()) };
            let this = left["metadata"]["uid"].clone();
            if *uid.get_or_insert_with(|| this.clone()) != this {
                return Ok(());
            }
            if Instant::now() > deadline {
                let error = not_gone(&left, within);
                return Err(self.asked(&Method::DELETE, path).fill(error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// An error about an object, with where it is.
    pub(crate) fn about(&self, path: &str, error: Error) -> Error {
        self.asked(&Method::GET, path).fill(error)
    }

    fn asked(&self, method: &Method, path: &str) -> Asked {
        let shown = path.split('?').next().unwrap_or(path);
        Asked {
            request: format!("{method} {}{shown}", self.url),
            write: method != Method::GET,
            credential: self.credential.clone(),
        }
    }

    /// One call, again where that is safe: what may be done twice (reads, changes to named values, deletions) after any passing failure, a
    /// creation only if the server says that it did nothing.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
        content_type: &str,
    ) -> Result<Answer, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.once(&method, path, body, content_type).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let passing = matches!(
                error.kind,
                ErrorKind::RateLimited | ErrorKind::ServerError | ErrorKind::Unreachable
            );
            let safe = method != Method::POST
                || error.kind == ErrorKind::RateLimited
                || (error.status == Some(503) && error.retry_after.is_some());
            // Whom one doesn't believe now, one doesn't believe in a second either.
            let passing = passing && Complaint::of(&error.detail).is_none();
            if !passing || !safe || tries >= self.patience.tries {
                return Err(error);
            }
            let pause = error.retry_after.unwrap_or_else(|| self.back_off(tries)).min(LONGEST_PAUSE);
            tracing::debug!(request = error.request, ?pause, tries, "trying again: {error}");
            tokio::time::sleep(pause).await;
        }
    }

    /// Doubled each time, and up to half of that more or less: so that many callers don't come back together.
    fn back_off(&self, tries: u32) -> Duration {
        let first = u64::try_from(self.patience.first_pause.as_millis()).unwrap_or(u64::MAX).clamp(1, 60_000);
        let base = first << (tries - 1).min(6);
        let random =
            self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Duration::from_millis(base / 2 + (random >> 33) % base)
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Json>,
        content_type: &str,
    ) -> Result<Answer, Error> {
        let asked = self.asked(method, path);
        if method == Method::GET {
            self.calls.read()
        } else {
            self.calls.write()
        }
        let bytes = body.map(|b| b.to_string().into_bytes()).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(path).header("accept", "application/json");
        if body.is_some() {
            request = request.header("content-type", content_type);
        }
        let request = request.body(Body::from(bytes)).map_err(|e| {
            Error::new(ErrorKind::Invalid, "The name can't be part of an address").detail(e.to_string())
        })?;
        let sending = self.kube.send(request);
        let within = self.patience.answer_within;
        let slow = || asked.no_answer(&format!("it took longer than {}", seconds(within)), Sent::Perhaps);
        let at = SystemTime::now();
        let sent = tokio::time::timeout(within, sending).await;
        let answered = sent.as_ref().ok().and_then(|sent| sent.as_ref().ok());
        let audit_id =
            |r: &http::Response<Body>| Some(r.headers().get("audit-id")?.to_str().ok()?.to_owned());
        self.calls.note(Call {
            at,
            method: method.to_string(),
            url: format!("{}{path}", self.url),
            status: answered.map(|response| response.status().as_u16()),
            request_id: answered.and_then(audit_id),
        });
        let response = match sent {
            Err(_) => return Err(slow()),
            Ok(Err(e)) => return Err(not_answered(&asked, &e)),
            Ok(Ok(response)) => response,
        };
        let (parts, body) = response.into_parts();
        let status = parts.status.as_u16();
        let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        for warning in parts.headers.get_all("warning").iter().filter_map(|w| w.to_str().ok()) {
            tracing::warn!(request = asked.request, "Kubernetes warns: {warning}");
        }
        let collected =
            tokio::time::timeout(within, http_body_util::Limited::new(body, LARGEST_ANSWER).collect());
        let bytes = match collected.await {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(e)) => return Err(asked.no_answer(&format!("the answer broke off: {e}"), Sent::Perhaps)),
            Err(_) => return Err(slow()),
        };
        let json: Result<Json, _> = serde_json::from_slice(&bytes);
        match (status, json) {
            (200..=299, Ok(body)) if body.is_object() => Ok(Answer { body }),
            (200..=299, Err(e)) if e.is_eof() => Err(asked.no_answer("the answer broke off", Sent::Perhaps)),
            (200..=299, _) => Err(asked.garbage(status, "the answer is not a JSON object")),
            (_, json) => {
                let text = || serde_json::json!({"message": String::from_utf8_lossy(&bytes[..bytes.len().min(300)])});
                let body = json.ok().filter(Json::is_object).unwrap_or_else(text);
                let retry_after = header("retry-after").and_then(|s| s.parse().ok()).map(Duration::from_secs);
                Err(asked.refused(status, &body, retry_after, header("audit-id")))
            }
        }
    }
}

/// The failure of a call without an answer.
fn not_answered(asked: &Asked, error: &kube::Error) -> Error {
    if let Some(auth) = auth_error(error) {
        return asked.fill(config::credential_failed(auth));
    }
    let text = chain(error);
    let text = text.strip_prefix("ServiceError: ").unwrap_or(&text);
    // The TLS library explains itself to programmers.
    let text = text.split(": https://docs.rs/").next().unwrap_or(text);
    let any = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    let sent = if let Some(complaint) = Complaint::of(text) {
        Sent::Untrusted(complaint)
    } else if any(&[
        "client error (Connect)",
        "tcp connect error",
        "dns error",
        "Connection refused",
        "deadline has elapsed",
    ]) {
        Sent::No
    } else {
        Sent::Perhaps
    };
    asked.no_answer(text, sent)
}

/// The failure of a credential plugin or a token file: before anything was sent.
fn auth_error(error: &kube::Error) -> Option<&kube::client::AuthError> {
    if let kube::Error::Auth(auth) = error {
        return Some(auth);
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(auth) = cause.downcast_ref() {
            return Some(auth);
        }
        source = cause.source();
    }
    None
}

/// `60 s`
pub(crate) fn seconds(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

/// An error and its causes, without saying the same twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

/// Creating must wait: something of this name is going.
fn still_going(error: &Error) -> bool {
    error.kind == ErrorKind::Conflict
        && (error.detail.contains("being deleted") || error.detail.contains("because it is being terminated"))
}

fn not_gone(left: &Json, within: Duration) -> Error {
    let finalizers = |of: &Json| {
        let all = of["finalizers"].as_array().into_iter().flatten().filter_map(Json::as_str);
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut why = vec!["it is still there".to_owned()];
    let held = [finalizers(&left["metadata"]), finalizers(&left["spec"])].concat();
    if !held.is_empty() {
        why.push(format!("finalizers: {}", held.join(", ")));
    }
    let conditions = left["status"]["conditions"].as_array().into_iter().flatten();
    why.extend(
        conditions.filter(|c| c["status"] == "True").filter_map(|c| c["message"].as_str()).map(str::to_owned),
    );
    Error::new(
        ErrorKind::Timeout,
        format!("The deletion was accepted, but isn't finished after {}", seconds(within)),
    )
    .detail(why.join("; "))
    .help("Find out what the finalizers wait for; the deletion goes on by itself. Then apply again.")
}

/// Percent-encodes what a query can't have.
fn encode_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

//! What is said when a call fails: typed errors with the service's words, and no secret.

use std::error::Error as _;
use std::sync::Arc;

use pilotis_sdk::{Error, ErrorKind};
use pilotis_trust::Complaint;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value as Json;

use crate::retry::{Mishap, Nature};

/// Shorter texts occur in a service's words by chance: taking them out would hide nothing and garble much.
pub(crate) const SHORTEST_HIDDEN: usize = 4;
/// Longest part of a body that is shown.
const LONGEST_EXCERPT: usize = 300;

/// What a service said when it refused.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// The body, if it is JSON.
    pub json: Option<&'a Json>,
    /// The method: `POST`.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
}

/// What a service meant by it.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The kind, if the status alone doesn't say it right.
    pub kind: Option<ErrorKind>,
    /// The service's own words.
    pub detail: String,
    /// The attribute that it names.
    pub attribute: Option<String>,
    /// What to do next, one sentence each.
    pub help: Vec<String>,
    /// The service says that it did nothing and that asking again later helps ("still being deleted" is not that: it takes minutes).
    pub try_again: bool,
}

impl Told {
    /// What most services say: `message`, `error`, `error_description`, `errors`, `detail`, as text, list or map.
    pub fn from_refusal(refusal: &Refusal<'_>) -> Told {
        let words = |json: &Json| {
            let keys = ["message", "error_description", "error", "errors", "detail", "msg"];
            keys.iter().filter_map(|key| json.get(key)).map(flat).find(|text| !text.is_empty())
        };
        Told { detail: refusal.json.and_then(words).unwrap_or_default(), ..Told::default() }
    }
}

/// A message as text, whether it is a text, a list, or a map of lists: `path: has already been taken; name: is too long`.
pub fn flat(json: &Json) -> String {
    let join = |parts: Vec<String>, with: &str| {
        parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(with)
    };
    match json {
        Json::Null => String::new(),
        Json::String(text) => text.trim().to_owned(),
        Json::Array(items) => join(items.iter().map(flat).collect(), ", "),
        Json::Object(members) => {
            let inner = ["message", "msg", "error"]
                .iter()
                .find_map(|key| members.get(*key))
                .filter(|_| members.len() <= 3);
            match inner {
                Some(inner) => flat(inner),
                None => join(members.iter().map(|(k, v)| format!("{k}: {}", flat(v))).collect(), "; "),
            }
        }
        other => other.to_string(),
    }
}

/// What a failure's text is made from.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) service: String,
    pub(crate) line: String,
    pub(crate) nature: Nature,
    pub(crate) credential: Option<String>,
    /// What people call the settings that decide whom is trusted.
    pub(crate) trust: pilotis_trust::Settings,
    pub(crate) hidden: Arc<Vec<String>>,
}

impl Context {
    fn error(&self, kind: ErrorKind, summary: impl Into<String>) -> Error {
        let mut error = Error::new(kind, summary);
        error.request = Some(self.line.clone());
        error.credential = self.credential.clone();
        error
    }

    /// Takes secrets out of a text.
    fn clean(&self, text: &str) -> String {
        self.hidden.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "(sensitive)"))
    }

    /// Nothing was changed for certain, or it can't be told.
    fn maybe_done(&self, error: Error) -> Error {
        if self.nature.is_write() { error.outcome_unknown() } else { error }
    }
}

/// The service answered with a status that is a failure.
pub(crate) fn refused(context: &Context, refusal: &Refusal<'_>, told: Told, body: &[u8]) -> Error {
    let kind = told.kind.unwrap_or_else(|| kind_of(refusal.status));
    let mut error = context.error(kind, summary(&context.service, kind, refusal.status));
    error.status = Some(refusal.status);
    error.request_id = request_id(refusal.headers);
    error.attribute = told.attribute;
    error.retry_after = crate::limit::retry_after(refusal.headers);
    error.detail = context.clean(&told.detail);
    if error.detail.is_empty() && refusal.json.is_none() {
        error.detail = context.clean(&excerpt(refusal.headers, body));
    }
    error.help = told.help;
    if error.help.is_empty() {
        error.help.extend(help(kind, context));
    }
    // A server error may come after the effect, unless it says that it took nothing on.
    let carried_out = matches!(refusal.status, 408 | 500..=599) && refusal.status != 501;
    let said_not = told.try_again || (refusal.status == 503 && error.retry_after.is_some());
    if carried_out && !said_not { context.maybe_done(error) } else { error }
}

/// The service was not reached, or didn't answer.
pub(crate) fn unanswered(context: &Context, cause: &reqwest::Error, mishap: Mishap) -> Error {
    let words = context.clean(&causes(cause));
    if let Some(complaint) = Complaint::of(&words) {
        // Neither end took the other for what it says it is, so nothing was done.
        let service = &context.service;
        let summary = match complaint {
            Complaint::ClientCertificate => format!("{service} doesn't let this client in"),
            Complaint::NoTls => format!("{service} can't be reached"),
            _ => format!("The certificate of {service} is refused"),
        };
        let error = context.error(ErrorKind::Unreachable, summary).detail(words);
        return error.help(complaint.advice(context.trust));
    }
    if mishap == Mishap::NotSent {
        return context
            .error(ErrorKind::Unreachable, format!("{} can't be reached", context.service))
            .detail(&words)
            .help("Check the address, the network and the proxy.");
    }
    let (kind, what) = if cause.is_timeout() {
        (ErrorKind::Timeout, "did not answer in time")
    } else {
        (ErrorKind::Unreachable, "broke the connection off before it answered")
    };
    context.maybe_done(context.error(kind, format!("{} {what}", context.service)).detail(words))
}

/// The answer makes no sense.
pub(crate) fn garbage(
    context: &Context,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    why: &serde_json::Error,
) -> Error {
    let looks_html = body.trim_ascii_start().starts_with(b"<");
    let mut error =
        context.error(ErrorKind::Garbage, format!("{} gave an answer that makes no sense", context.service));
    error.status = Some(status);
    error.request_id = request_id(headers);
    error.detail = if looks_html {
        "JSON is expected, and it is a web page".to_owned()
    } else if why.is_eof() {
        format!("the JSON ends too early, after {} bytes", body.len())
    } else {
        // serde's own words may repeat a value of the body: only the place is said.
        format!("the JSON is not what is expected, at line {} column {}", why.line(), why.column())
    };
    let error = error
        .help("Is the address that of the service's API, and is there a proxy or sign-in page in between?");
    context.maybe_done(error)
}

/// The answer is bigger than allowed.
pub(crate) fn too_big(context: &Context, limit: usize) -> Error {
    let error =
        context.error(ErrorKind::Garbage, format!("{} gave an answer that is too big", context.service));
    context.maybe_done(error.detail(format!("more than {limit} bytes")))
}

/// The service answers from another address.
pub(crate) fn moved(context: &Context, status: u16, location: Option<&str>) -> Error {
    let mut error =
        context.error(ErrorKind::Configuration, format!("{} answers from another address", context.service));
    error.status = Some(status);
    // A location may carry a token in its query.
    error.detail = match location.map(|l| l.split(['?', '#']).next().unwrap_or(l)) {
        Some(location) => format!("it points to {}", context.clean(location)),
        None => "it doesn't say to which".to_owned(),
    };
    error.help("Set the provider's address to the one that it points to, if that is right.")
}

fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        405 | 501 => ErrorKind::Unsupported,
        408 => ErrorKind::Timeout,
        409 => ErrorKind::AlreadyExists,
        412 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        400..=499 => ErrorKind::Invalid,
        500..=599 => ErrorKind::ServerError,
        _ => ErrorKind::Garbage,
    }
}

fn summary(service: &str, kind: ErrorKind, status: u16) -> String {
    match kind {
        ErrorKind::Unauthenticated => format!("{service} doesn't accept the credential"),
        ErrorKind::Forbidden => format!("{service} doesn't allow it"),
        ErrorKind::NotFound => format!("{service} doesn't find it"),
        ErrorKind::AlreadyExists => format!("{service} has one like it already"),
        ErrorKind::Conflict => format!("{service} can't do it now"),
        ErrorKind::Invalid => format!("{service} doesn't take these values"),
        ErrorKind::RateLimited => format!("{service} asks to slow down"),
        ErrorKind::Unsupported => format!("{service} doesn't have it"),
        ErrorKind::Timeout => format!("{service} did not get it done in time"),
        _ => format!("{service} failed (status {status})"),
    }
}

fn help(kind: ErrorKind, context: &Context) -> Option<String> {
    let credential = context.credential.as_deref();
    match kind {
        ErrorKind::Unauthenticated => Some(match credential {
            Some(source) => {
                format!("The credential came from {source}: is it expired, revoked, or of another service?")
            }
            None => "No credential was given.".to_owned(),
        }),
        ErrorKind::Forbidden => {
            credential.map(|source| format!("The credential from {source} lacks a right or a scope."))
        }
        ErrorKind::RateLimited => {
            Some("Lower -parallelism, or ask the service's administrator for a higher limit.".to_owned())
        }
        ErrorKind::ServerError => Some("Look at the service's health; then run again.".to_owned()),
        _ => None,
    }
}

pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let names = ["x-request-id", "x-gitlab-request-id", "x-correlation-id", "audit-id"];
    let id = names.iter().find_map(|name| headers.get(*name))?.to_str().ok()?;
    Some(id.chars().take(100).collect())
}

fn excerpt(headers: &HeaderMap, body: &[u8]) -> String {
    let html = headers.get(CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/html"));
    if html || body.trim_ascii_start().starts_with(b"<") {
        return "it sent a web page, not an error of its API".to_owned();
    }
    String::from_utf8_lossy(body).trim().chars().take(LONGEST_EXCERPT).collect()
}

/// An error and what caused it, innermost last, without addresses (their queries may hold secrets).
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    if parts.is_empty() { "no more is known".to_owned() } else { parts.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_text_list_or_map() {
        let flat = |json: Json| flat(&json);
        assert_eq!(flat(serde_json::json!("404 Not Found ")), "404 Not Found");
        assert_eq!(flat(serde_json::json!(["a", "b"])), "a, b");
        assert_eq!(
            flat(serde_json::json!({"path": ["is taken", "is bad"], "name": ["x"]})),
            "path: is taken, is bad; name: x"
        );
        assert_eq!(flat(serde_json::json!([{"code": "CONFLICT", "message": "is there"}])), "is there");
        assert_eq!(flat(serde_json::json!({"error": "too many"})), "too many");
    }
}

//! Sending: attempts, redirects, and reading the answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use pilotis_sdk::{Call, Error};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use tracing::Instrument as _;
use url::Url;

use crate::failure::{self, Context, Refusal};
use crate::limit::retry_after;
use crate::request::{Request, Response};
use crate::retry::{Mishap, again};

/// How many redirects are followed.
const REDIRECTS: usize = 5;

pub(crate) async fn send(request: Request) -> Result<Response, Error> {
    let path = request.url.path().to_owned();
    let service = request.client.service().to_owned();
    let span = tracing::debug_span!("call", service, method = %request.method, path);
    attempts(request).instrument(span).await
}

/// What an attempt came to when it wasn't an answer.
struct Failed {
    mishap: Option<Mishap>,
    wait: Option<Duration>,
    error: Error,
}

async fn attempts(request: Request) -> Result<Response, Error> {
    let context = context(&request);
    let body = match &request.body {
        Some(Ok(bytes)) => Some(Bytes::from(bytes.clone())),
        Some(Err(why)) => {
            return Err(
                Error::new(pilotis_sdk::ErrorKind::Internal, "A request can't be written").detail(why)
            );
        }
        None => None,
    };
    let policy = request.client.inner.settings.retry;
    let mut waits = policy.waits();
    loop {
        let failed = match follow(&request, &context, body.clone()).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        let retry = failed.mishap.is_some_and(|mishap| again(request.nature, mishap));
        let Some(wait) = waits.next().filter(|_| retry) else { return Err(failed.error) };
        // The service's own wish counts, and a little more, so that many clients don't come back at the same instant.
        let wait = failed.wait.map_or(wait, |asked| asked + wait.min(Duration::from_millis(500)));
        if failed.wait.is_some_and(|asked| asked > policy.longest_wait) {
            return Err(failed.error);
        }
        tracing::debug!(wait_ms = wait.as_millis() as u64, error = %failed.error.summary, "waits, then tries again");
        if failed.mishap.is_some_and(|m| matches!(m, Mishap::Status(429, _))) {
            request.client.inner.gate.pause(wait);
        } else {
            tokio::time::sleep(wait).await;
        }
    }
}

fn context(request: &Request) -> Context {
    let settings = &request.client.inner.settings;
    let mut hidden = request.hidden.clone();
    hidden.extend(settings.auth.secret().map(str::to_owned));
    hidden.extend(settings.headers.iter().map(|(_, secret)| secret.expose_secret().to_owned()));
    hidden.retain(|secret| secret.len() >= failure::SHORTEST_HIDDEN);
    Context {
        service: settings.service.clone(),
        line: request.line(),
        nature: request.nature,
        credential: settings.credential.clone(),
        trust: settings.named.trust,
        hidden: Arc::new(hidden),
    }
}

/// One attempt, with its redirects.
async fn follow(request: &Request, context: &Context, body: Option<Bytes>) -> Result<Response, Failed> {
    let mut url = request.url.clone();
    for _ in 0..=REDIRECTS {
        let response = attempt(request, context, &url, body.clone()).await?;
        let status = response.status();
        if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
            return judge(request, context, response);
        }
        let location = response.header(LOCATION.as_str()).map(str::to_owned);
        // 307 and 308 keep the method and the body; others are followed by reads only.
        let keeps = request.method == Method::GET || matches!(status.as_u16(), 307 | 308);
        match location.as_deref().and_then(|l| url.join(l).ok()).filter(|to| keeps && same_origin(to, &url)) {
            Some(to) => url = to,
            None => {
                let error = failure::moved(context, status.as_u16(), location.as_deref());
                return Err(Failed { mishap: None, wait: None, error });
            }
        }
    }
    Err(Failed {
        mishap: None,
        wait: None,
        error: failure::moved(context, 310, Some("itself, again and again")),
    })
}

/// A credential is sent to the host that it was given for, only.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin()
}

/// One exchange.
async fn attempt(
    request: &Request,
    context: &Context,
    url: &Url,
    body: Option<Bytes>,
) -> Result<Response, Failed> {
    let inner = &request.client.inner;
    let _permit = inner.gate.pass().await;
    if request.nature.is_write() {
        inner.calls.write()
    } else {
        inner.calls.read()
    }
    let mut headers = request.headers.clone();
    if body.is_some() {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    }
    let mut call = inner.http.request(request.method.clone(), url.clone());
    call = call.headers(headers).timeout(inner.settings.limits.attempt);
    if let Some(body) = body {
        call = call.body(body);
    }
    let broken = |cause: reqwest::Error| {
        let mishap =
            if cause.is_connect() || cause.is_builder() { Mishap::NotSent } else { Mishap::NoAnswer };
        // Whom one doesn't believe now, one doesn't believe in a second either.
        let untrusted = pilotis_trust::Complaint::of(&failure::causes(&cause)).is_some();
        Failed {
            mishap: Some(mishap).filter(|_| !untrusted),
            wait: None,
            error: failure::unanswered(context, &cause, mishap),
        }
    };
    let at = SystemTime::now();
    let sent = call.send().await;
    inner.calls.note(Call {
        at,
        method: request.method.to_string(),
        url: url.to_string(),
        status: sent.as_ref().ok().map(|answer| answer.status().as_u16()),
        request_id: sent.as_ref().ok().and_then(|answer| failure::request_id(answer.headers())),
    });
    let mut answer = sent.map_err(broken)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    inner.gate.heed(&headers);
    let limit = inner.settings.limits.body;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > limit {
            return Err(Failed { mishap: None, wait: None, error: failure::too_big(context, limit) });
        }
        bytes.extend_from_slice(&chunk);
    }
    tracing::debug!(status = status.as_u16(), bytes = bytes.len(), "answered");
    Ok(Response { status, headers, body: bytes.freeze(), context: context.clone() })
}

/// An answer, or a failure with the service's words.
fn judge(request: &Request, context: &Context, response: Response) -> Result<Response, Failed> {
    let status = response.status.as_u16();
    if response.status.is_success() || request.accepted.contains(&status) {
        return Ok(response);
    }
    let json = serde_json::from_slice(&response.body).ok();
    let refusal = Refusal {
        status,
        headers: &response.headers,
        json: json.as_ref(),
        method: request.method.as_str(),
        path: request.url.path(),
    };
    let told = (request.client.inner.settings.refusal)(&refusal);
    let wait = wait_asked(status, &response.headers);
    let mishap = if told.try_again {
        Mishap::Status(429, wait.is_some())
    } else {
        Mishap::Status(status, wait.is_some())
    };
    Err(Failed {
        mishap: Some(mishap),
        wait,
        error: failure::refused(context, &refusal, told, &response.body),
    })
}

fn wait_asked(status: u16, headers: &HeaderMap) -> Option<Duration> {
    if matches!(status, 429 | 503) { retry_after(headers) } else { None }
}

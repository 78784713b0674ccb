//! Serves one service on one loopback port: connections, the admin endpoint, counters, and the place where faults act.
//!
//! | path | what |
//! | --- | --- |
//! | `GET /-/sandbox/health` | which service answers here |
//! | `GET, POST, PUT, DELETE /-/sandbox/faults` | list; add one or several; replace all; switch all off |
//! | `GET, PUT, DELETE /-/sandbox/rate_limit` | requests a minute before 429 |
//! | `GET, POST /-/sandbox/calls` | how many requests since the last reset, by method; POST resets |
//! | `GET /-/sandbox/log` | the last requests: time, method, path, status |

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{
    faults::{Dropped, Fault, Faults, Guard, guard},
    store::{Store, StoreError},
};

/// What a service gets from the sandbox.
#[derive(Clone)]
pub struct ServiceContext {
    /// The service's name; its objects in the store are under it.
    pub service: &'static str,
    /// Where its objects are kept.
    pub store: Store,
    /// The address that clients use, without a slash at its end: `http://127.0.0.1:18929`.
    pub url: String,
    /// The token with all rights.
    pub token: String,
    /// The certificate authority in PEM, if the address is https.
    pub ca_pem: Option<String>,
    /// Cancelled when the sandbox stops: background work ends then.
    pub stop: CancellationToken,
    /// The service's faults, so that a service can look at them or switch its own on.
    pub faults: Faults,
}

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The data file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// An emulated service.
pub trait Service: Send + Sync + 'static {
    /// Its name, such as `gitlab`: in options, in `sandbox.json`, and for its objects in the store.
    fn name(&self) -> &'static str;

    /// The port that it gets if it is free on the first start.
    fn default_port(&self) -> u16;

    /// Whether it speaks https, with a certificate of the sandbox's own authority.
    fn tls(&self) -> bool {
        false
    }

    /// A new token with all rights, in the service's own form.
    fn new_token(&self) -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }

    /// Loads what the store has and gives the routes. Called inside the tokio runtime, once for each start.
    fn router(&self, context: ServiceContext) -> Result<Router, ServiceError>;

    /// Whether a request that is neither GET nor HEAD only asks: a query or a review that is sent by POST.
    fn only_asks(&self, _method: &str, _path: &str) -> bool {
        false
    }

    /// The service's own error answer for a fault: 403, 429 or 5xx.
    fn fault_response(&self, status: StatusCode) -> Response {
        let text = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
        (status, Json(json!({ "message": text }))).into_response()
    }
}

/// One request and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Exchange {
    /// Which service.
    pub service: String,
    /// When it came, RFC 3339.
    pub time: String,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// HTTP status; none if the connection was dropped on purpose.
    pub status: Option<u16>,
    /// How long the answer took.
    pub microseconds: u64,
}

/// Called for every request.
pub(crate) type Log = Arc<dyn Fn(&Exchange) + Send + Sync>;

/// How many requests a service got.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    /// Since when, RFC 3339: the start or the last reset.
    pub since: String,
    /// How many, by method. A POST that only asks counts as QUERY.
    pub methods: BTreeMap<String, u64>,
}

impl Calls {
    fn new() -> Calls {
        Calls { since: jiff::Timestamp::now().to_string(), methods: BTreeMap::new() }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.methods.values().sum()
    }

    /// Those that may change something: all but GET, HEAD, OPTIONS and QUERY.
    pub fn writes(&self) -> u64 {
        let reads = ["GET", "HEAD", "OPTIONS", "QUERY"];
        self.methods
            .iter()
            .filter(|(method, _)| !reads.contains(&method.as_str()))
            .map(|(_, count)| count)
            .sum()
    }
}

/// The last requests that are kept for `/-/sandbox/log`.
const LOG_LENGTH: usize = 1000;

/// Where the admin endpoint lives.
const ADMIN: &str = "/-/sandbox/";

/// What the admin endpoint and the connections of one service share.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) service: &'static str,
    pub(crate) faults: Faults,
    emulator: Arc<dyn Service>,
    watched: Arc<Mutex<Watched>>,
    log: Option<Log>,
}

struct Watched {
    calls: Calls,
    recent: VecDeque<Exchange>,
}

impl Admin {
    pub(crate) fn new(emulator: &Arc<dyn Service>, faults: Faults, log: Option<Log>) -> Admin {
        let watched = Watched { calls: Calls::new(), recent: VecDeque::new() };
        let (service, emulator) = (emulator.name(), emulator.clone());
        Admin { service, faults, emulator, watched: Arc::new(Mutex::new(watched)), log }
    }

    pub(crate) fn calls(&self) -> Calls {
        self.watched().calls.clone()
    }

    pub(crate) fn reset_calls(&self) {
        self.watched().calls = Calls::new();
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, exchange: Exchange) {
        tracing::debug!(
            service = self.service,
            method = exchange.method,
            path = exchange.path,
            status = exchange.status,
            microseconds = exchange.microseconds,
            "request"
        );
        if let Some(log) = &self.log {
            log(&exchange);
        }
        let mut watched = self.watched();
        if watched.recent.len() == LOG_LENGTH {
            watched.recent.pop_front();
        }
        watched.recent.push_back(exchange);
    }
}

/// The service's routes with faults around them, and the admin endpoint.
pub(crate) fn router(
    service: &Arc<dyn Service>,
    context: ServiceContext,
    admin: &Admin,
) -> Result<Router, ServiceError> {
    let state = Guard { faults: admin.faults.clone(), service: service.clone() };
    let guarded = service.router(context)?.layer(axum::middleware::from_fn_with_state(state, guard));
    let admin_routes = Router::new()
        .route("/-/sandbox/health", get(health))
        .route("/-/sandbox/faults", get(faults_get).post(faults_add).put(faults_replace).delete(faults_clear))
        .route("/-/sandbox/rate_limit", get(rate_get).put(rate_set).delete(rate_clear))
        .route("/-/sandbox/calls", get(calls_get).post(calls_reset))
        .route("/-/sandbox/log", get(log_get))
        .layer(axum::middleware::from_fn(only_local))
        .with_state(admin.clone());
    Ok(admin_routes.fallback_service(guarded))
}

/// A web page that is open in a browser must not be able to steer the sandbox: its requests carry another host's
/// name, or come as a simple form.
async fn only_local(request: Request, next: axum::middleware::Next) -> Response {
    let headers = request.headers();
    let text =
        |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok()).unwrap_or("");
    let host = text(header::HOST);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let local = ["127.0.0.1", "localhost", "[::1]", ""].contains(&name);
    if local && !headers.contains_key(header::ORIGIN) {
        return next.run(request).await;
    }
    let text = "the sandbox's admin endpoint answers only to programs on this machine";
    (StatusCode::FORBIDDEN, Json(json!({ "message": text }))).into_response()
}

async fn health(State(admin): State<Admin>) -> Json<Value> {
    Json(json!({ "service": admin.service, "pid": std::process::id(), "version": env!("CARGO_PKG_VERSION") }))
}

async fn faults_get(State(admin): State<Admin>) -> Json<Vec<Fault>> {
    Json(admin.faults.list())
}

async fn faults_add(State(admin): State<Admin>, Json(body): Json<Value>) -> Response {
    add_faults(&admin, body)
}

async fn faults_replace(State(admin): State<Admin>, Json(body): Json<Value>) -> Response {
    // Tried first: what is wrong must not switch off what is on.
    let tried = Admin { faults: Faults::default(), ..admin.clone() };
    let answer = add_faults(&tried, body.clone());
    if answer.status() != StatusCode::OK {
        return answer;
    }
    admin.faults.clear();
    add_faults(&admin, body)
}

fn add_faults(admin: &Admin, body: Value) -> Response {
    let parsed = match body {
        Value::Array(_) => serde_json::from_value::<Vec<Fault>>(body),
        other => serde_json::from_value::<Fault>(other).map(|fault| vec![fault]),
    };
    let added = parsed.map_err(|error| error.to_string()).and_then(|faults| {
        faults.into_iter().try_for_each(|fault| admin.faults.add(fault)).map_err(|error| error.to_string())
    });
    match added {
        Ok(()) => Json(admin.faults.list()).into_response(),
        Err(text) => (StatusCode::BAD_REQUEST, Json(json!({ "message": text }))).into_response(),
    }
}

async fn faults_clear(State(admin): State<Admin>) -> StatusCode {
    admin.faults.clear();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct RateLimit {
    requests_per_minute: u64,
}

async fn rate_get(State(admin): State<Admin>) -> Json<Value> {
    Json(json!({ "requests_per_minute": admin.faults.rate_limit() }))
}

async fn rate_set(State(admin): State<Admin>, Json(limit): Json<RateLimit>) -> Json<Value> {
    admin.faults.set_rate_limit(Some(limit.requests_per_minute));
    Json(json!({ "requests_per_minute": limit.requests_per_minute }))
}

async fn rate_clear(State(admin): State<Admin>) -> StatusCode {
    admin.faults.set_rate_limit(None);
    StatusCode::NO_CONTENT
}

async fn calls_get(State(admin): State<Admin>) -> Json<Value> {
    let calls = admin.calls();
    let (total, writes) = (calls.total(), calls.writes());
    Json(json!({
        "service": admin.service, "since": calls.since, "methods": calls.methods, "total": total, "writes": writes
    }))
}

async fn calls_reset(State(admin): State<Admin>) -> StatusCode {
    admin.reset_calls();
    StatusCode::NO_CONTENT
}

async fn log_get(State(admin): State<Admin>) -> Json<Vec<Exchange>> {
    Json(admin.watched().recent.iter().cloned().collect())
}

/// Answers on the listener until `stop`, then lets answers that are under way finish for a moment.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    admin: Admin,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(service = admin.service, %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        // Without this, small answers wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let (router, admin, stop, tls) = (router.clone(), admin.clone(), stop.clone(), tls.clone());
        connections.spawn(async move {
            match tls {
                None => connection(stream, router, admin, stop).await,
                Some(acceptor) => {
                    let handshake = tokio::time::timeout(Duration::from_secs(10), acceptor.accept(stream));
                    if let Ok(Ok(stream)) = handshake.await {
                        connection(stream, router, admin, stop).await;
                    }
                }
            }
        });
    }
    drop(listener);
    connections.close();
    let _ = tokio::time::timeout(Duration::from_secs(2), connections.wait()).await;
}

async fn connection<S>(stream: S, router: Router, admin: Admin, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| answer(router.clone(), admin.clone(), request));
    let http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(http);
    tokio::select! {
        _ = http.as_mut() => return,
        () = stop.cancelled() => {}
    }
    http.as_mut().graceful_shutdown();
    // A watch never ends by itself.
    let _ = tokio::time::timeout(Duration::from_secs(1), http).await;
}

/// Answers one request; the error makes hyper close the connection without a word.
async fn answer(
    router: Router,
    admin: Admin,
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<Response, io::Error> {
    let started = Instant::now();
    let method = request.method().as_str().to_owned();
    let path = request.uri().path_and_query().map_or_else(String::new, |path| path.as_str().to_owned());
    let counted = !path.starts_with(ADMIN);
    if counted {
        let counted_as = if admin.emulator.only_asks(&method, &path) { "QUERY" } else { &method };
        *admin.watched().calls.methods.entry(counted_as.to_owned()).or_insert(0) += 1;
    }
    let response =
        router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never: Infallible| match never {});
    let dropped = response.extensions().get::<Dropped>().is_some();
    if counted {
        admin.note(Exchange {
            service: admin.service.to_owned(),
            time: jiff::Timestamp::now().to_string(),
            method,
            path,
            status: (!dropped).then(|| response.status().as_u16()),
            microseconds: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
    }
    if dropped { Err(io::Error::other("dropped on purpose")) } else { Ok(response) }
}

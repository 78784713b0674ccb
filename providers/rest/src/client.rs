//! The client: its settings, and how it is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pilotis_sdk::{CallLog, Calls, Error, ErrorKind};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::failure::{Refusal, Told};
use crate::limit::Gate;
use crate::request::Request;
use crate::{Auth, retry};

/// Reads what a service says of a refusal.
pub type RefusalParser = Arc<dyn Fn(&Refusal<'_>) -> Told + Send + Sync>;

/// All that a client is made from.
#[derive(Clone)]
pub struct Settings {
    /// What people call the service: `GitLab`.
    pub service: String,
    /// What all paths are under: `https://gitlab.example/api/v4`.
    pub base: Url,
    /// How it says who it is.
    pub auth: Auth,
    /// Where the credential came from: `GITLAB_TOKEN`.
    pub credential: Option<String>,
    /// Headers of every call; their values are kept out of errors.
    pub headers: Vec<(String, SecretString)>,
    /// `pilotis/0.1 (gitlab)`
    pub user_agent: String,
    /// How the connection is secured.
    pub tls: Tls,
    /// What errors tell people to set, if it isn't secure.
    pub named: Named,
    /// When calls are made again.
    pub retry: retry::Policy,
    /// How much is asked at once, and how long is waited.
    pub limits: Limits,
    /// Reads what the service says of a refusal.
    pub refusal: RefusalParser,
}

/// How the connection is secured.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificate authorities in PEM, trusted besides those of the system.
    pub ca_pem: Option<String>,
    /// A certificate and its key in PEM that the service asks for.
    pub identity_pem: Option<SecretString>,
    /// Don't verify the service's certificate, and don't insist on one either.
    pub insecure: bool,
}

/// How much is asked at once, and how long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls in flight.
    pub concurrency: usize,
    /// Calls started a second; bursts of as many.
    pub per_second: u32,
    /// For a connection.
    pub connect: Duration,
    /// For one attempt, from its start to the end of the answer.
    pub attempt: Duration,
    /// Size of an answer, in bytes.
    pub body: usize,
}

/// What the settings of a connection's security are called where people write them.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Whom is trusted.
    pub trust: pilotis_trust::Settings,
    /// How it is said that nothing need be verified: `insecure = true`.
    pub insecure: &'static str,
}

impl Default for Named {
    fn default() -> Named {
        let client = Some("client_cert and client_key");
        Named {
            trust: pilotis_trust::Settings { authority: "cacert_file", client, name: None },
            insecure: "`insecure = true`",
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            concurrency: 10,
            per_second: 50,
            connect: Duration::from_secs(10),
            attempt: Duration::from_secs(60),
            body: 64 << 20,
        }
    }
}

impl Settings {
    /// Settings with no credential and the defaults.
    pub fn new(service: impl Into<String>, base: Url) -> Settings {
        let service = service.into();
        Settings {
            user_agent: format!("pilotis/{} ({})", env!("CARGO_PKG_VERSION"), service.to_lowercase()),
            service,
            base,
            auth: Auth::None,
            credential: None,
            headers: Vec::new(),
            tls: Tls::default(),
            named: Named::default(),
            retry: retry::Policy::default(),
            limits: Limits::default(),
            refusal: Arc::new(Told::from_refusal),
        }
    }
}

/// Talks to one service. Cheap to clone; clones share connections, limits and counts.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) http: reqwest::Client,
    pub(crate) gate: Gate,
    pub(crate) calls: Calls,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.inner.settings;
        f.debug_struct("Client")
            .field("service", &settings.service)
            .field("base", &settings.base.as_str())
            .field("credential", &settings.credential)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client. Calls nothing. An error names the setting that is wrong.
    pub fn new(mut settings: Settings) -> Result<Client, Error> {
        settings.base.set_query(None);
        settings.base.set_fragment(None);
        if !settings.base.username().is_empty() || settings.base.password().is_some() {
            return Err(wrong(&settings, "the address must not hold a user name or password"));
        }
        if !matches!(settings.base.scheme(), "http" | "https") || settings.base.host_str().is_none() {
            return Err(wrong(&settings, format!("{} is not an http or https address", settings.base)));
        }
        if let Some(error) = in_clear(&settings) {
            return Err(error);
        }
        let http = http_client(&settings)?;
        let gate = Gate::new(settings.limits.concurrency, settings.limits.per_second);
        Ok(Client { inner: Arc::new(Inner { settings, http, gate, calls: Calls::default() }) })
    }

    /// A call of a path below the base, given as its segments: each is percent-encoded, so that `a/b` as one segment is `a%2Fb`.
    pub fn request<S: AsRef<str>>(&self, method: Method, path: impl IntoIterator<Item = S>) -> Request {
        let mut url = self.inner.settings.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        Request::new(self.clone(), method, url)
    }
    /// A call of an address of the same service outside the base (`/api/graphql`): an absolute path.
    pub fn request_at(&self, method: Method, absolute_path: &str) -> Request {
        let mut url = self.inner.settings.base.clone();
        url.set_path(absolute_path);
        Request::new(self.clone(), method, url)
    }
    /// `GET`
    pub fn get<S: AsRef<str>>(&self, path: impl IntoIterator<Item = S>) -> Request {
        self.request(Method::GET, path)
    }
    /// `POST`
    pub fn post<S: AsRef<str>>(&self, path: impl IntoIterator<Item = S>) -> Request {
        self.request(Method::POST, path)
    }
    /// `PUT`
    pub fn put<S: AsRef<str>>(&self, path: impl IntoIterator<Item = S>) -> Request {
        self.request(Method::PUT, path)
    }
    /// `PATCH`
    pub fn patch<S: AsRef<str>>(&self, path: impl IntoIterator<Item = S>) -> Request {
        self.request(Method::PATCH, path)
    }
    /// `DELETE`
    pub fn delete<S: AsRef<str>>(&self, path: impl IntoIterator<Item = S>) -> Request {
        self.request(Method::DELETE, path)
    }

    /// What people call the service.
    pub fn service(&self) -> &str {
        &self.inner.settings.service
    }
    /// What all paths are under.
    pub fn base(&self) -> &Url {
        &self.inner.settings.base
    }
    /// Host, and port if it isn't the usual one.
    pub fn host(&self) -> String {
        let base = self.base();
        let host = base.host_str().unwrap_or_default();
        base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
    /// Calls that may be in flight.
    pub fn concurrency(&self) -> usize {
        self.inner.settings.limits.concurrency
    }
    /// Calls made so far, retries included: (reads, writes).
    pub fn calls(&self) -> (u64, u64) {
        self.inner.calls.get()
    }

    /// The calls that were made since this was asked last.
    pub fn take_call_log(&self) -> CallLog {
        self.inner.calls.take_log()
    }
}

fn wrong(settings: &Settings, detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, format!("The configuration of {} is wrong", settings.service))
        .detail(detail)
}

/// A credential isn't sent where everybody on the way could read it, unless the user says that it may be.
fn in_clear(settings: &Settings) -> Option<Error> {
    let secret = settings.auth.secret().is_some() || !settings.headers.is_empty();
    let host = settings.base.host_str().unwrap_or_default();
    if !secret || settings.tls.insecure || !pilotis_trust::in_clear(settings.base.scheme(), host) {
        return None;
    }
    let (why, help) =
        pilotis_trust::refusal("the credential", settings.base.as_str(), settings.named.insecure);
    Some(wrong(settings, why).help(help))
}

fn http_client(settings: &Settings) -> Result<reqwest::Client, Error> {
    let mut headers = HeaderMap::new();
    if let Some((name, value)) =
        settings.auth.header().map_err(|why| wrong(settings, format!("the credential: {why}")))?
    {
        headers.insert(name, value);
    }
    for (name, secret) in &settings.headers {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong(settings, format!("`{name}` can't be the name of a header")))?;
        let mut value = HeaderValue::from_str(secret.expose_secret())
            .map_err(|_| wrong(settings, format!("the header `{name}` has characters that can't be sent")))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    // Redirects are followed by hand: a credential must not follow one to another host, whatever its header's name.
    let mut builder = reqwest::Client::builder()
        .user_agent(settings.user_agent.clone())
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(settings.limits.connect)
        .pool_max_idle_per_host(settings.limits.concurrency);
    if pilotis_trust::is_this_machine(settings.base.host_str().unwrap_or_default()) {
        builder = builder.no_proxy();
    }
    if settings.base.scheme() == "http" {
        // Loading the system's certificates takes time and fails where there are none.
        builder = builder.tls_certs_only([]);
    }
    if let Some(pem) = &settings.tls.ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
        let certificates =
            certificates.map_err(|_| wrong(settings, "the certificate authority is not in PEM"))?;
        if certificates.is_empty() {
            return Err(wrong(settings, "there is no certificate in the certificate authority's PEM"));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(pem) = &settings.tls.identity_pem {
        let identity = reqwest::Identity::from_pem(pem.expose_secret().as_bytes());
        builder = builder.identity(
            identity.map_err(|_| wrong(settings, "the client certificate and key are not in PEM"))?,
        );
    }
    if settings.tls.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    builder
        .build()
        .map_err(|e| wrong(settings, format!("no client can be made: {}", crate::failure::causes(&e))))
}

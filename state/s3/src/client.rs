//! The client, and the threads that it lives on.

use std::fmt;
use std::fs;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{Certificate, ClientOptions, RetryConfig};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::bounded::Bounded;
use crate::place::Place;
use crate::{Options, S3Error, credentials};

/// A server that takes no connection for so long isn't there.
const CONNECT: Duration = Duration::from_secs(10);
/// For one request, with what it carries: a large document over a slow line.
const REQUEST: Duration = Duration::from_secs(120);
/// For all the requests that a read or a write is made of: a list that never ends isn't followed for ever.
const WHOLE: Duration = Duration::from_secs(600);
/// No further try after so long.
const RETRY: Duration = Duration::from_secs(30);

/// A client and its runtime: a document is asked by threads that wait.
pub(crate) struct Wire {
    pub(crate) client: AmazonS3,
    /// None once it is dropped.
    runtime: Option<Runtime>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl Wire {
    pub(crate) fn new(options: &Options, place: &Place) -> Result<Wire, S3Error> {
        // A worker of its own, so that a connection that the server closes meanwhile is noticed, not used.
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("s3").enable_all().build();
        let runtime = runtime.map_err(S3Error::Runtime)?;
        let client = client(options, place)?;
        Ok(Wire { client, runtime: Some(runtime) })
    }

    /// Waits for work with the server.
    pub(crate) fn wait<T: Send>(
        &self,
        work: impl Future<Output = Result<T, S3Error>> + Send,
    ) -> Result<T, S3Error> {
        let Some(runtime) = &self.runtime else { return Err(S3Error::Closed) };
        let work = async {
            let late =
                |_| S3Error::Timeout { detail: format!("nothing came of it in {} s", WHOLE.as_secs()) };
            tokio::time::timeout(WHOLE, work).await.map_err(late)?
        };
        if Handle::try_current().is_err() {
            return runtime.block_on(work);
        }
        // A command opens its state on a thread of a runtime, and tokio doesn't let such a one wait.
        thread::scope(|scope| {
            let waiting = scope.spawn(|| runtime.block_on(work));
            waiting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not wait for its end on a thread of another one.
            runtime.shutdown_background();
        }
    }
}

fn client(options: &Options, place: &Place) -> Result<AmazonS3, S3Error> {
    if let Some(endpoint) = place.endpoint.as_deref().filter(|url| !options.insecure && in_clear(url)) {
        return Err(S3Error::InClear { endpoint: endpoint.to_owned() });
    }
    let mut http = proxied(options, place)
        .with_connect_timeout(CONNECT)
        .with_timeout(REQUEST)
        .with_allow_http(place.endpoint.as_ref().is_some_and(|url| url.starts_with("http://")))
        .with_allow_invalid_certificates(options.insecure);
    for certificate in authorities(options)? {
        http = http.with_root_certificate(certificate);
    }
    let retry = RetryConfig { max_retries: 4, retry_timeout: RETRY, ..RetryConfig::default() };
    let in_path = options.use_path_style || place.endpoint.as_deref().is_some_and(is_number);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&place.bucket)
        .with_region(&place.region)
        .with_virtual_hosted_style_request(!in_path)
        .with_client_options(http)
        .with_http_connector(Bounded)
        .with_retry(retry);
    if let Some(endpoint) = &place.endpoint {
        builder = builder.with_endpoint(addressed(endpoint, place, in_path));
    }
    credentials::give(builder, options)?.build().map_err(|e| S3Error::from_client(&e, &place.bucket))
}

fn in_clear(endpoint: &str) -> bool {
    endpoint.split_once("://").is_some_and(|(scheme, rest)| pilotis_trust::in_clear(scheme, host(rest)))
}

/// The host of what follows `https://`.
fn host(rest: &str) -> &str {
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.strip_prefix('[') {
        Some(number) => number.split(']').next().unwrap_or(number),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// Through which proxy, if the block says one; else what the environment says counts. None for this machine.
fn proxied(options: &Options, place: &Place) -> ClientOptions {
    let (scheme, rest) = place.endpoint.as_deref().and_then(|e| e.split_once("://")).unwrap_or(("https", ""));
    if pilotis_trust::is_this_machine(host(rest)) {
        // A proxy that isn't for this machine takes the place of those that the environment names.
        return ClientOptions::new()
            .with_proxy_url("http://127.0.0.1:9")
            .with_proxy_excludes("127.0.0.0/8,::1,localhost");
    }
    let given = if scheme == "http" { &options.http_proxy } else { &options.https_proxy };
    let Some(proxy) = given.as_deref().filter(|url| !url.is_empty()) else { return ClientOptions::new() };
    let variable =
        || ["NO_PROXY", "no_proxy"].iter().find_map(|name| options.environment.get(*name).cloned());
    let excluded = options.no_proxy.clone().or_else(variable).unwrap_or_default();
    ClientOptions::new().with_proxy_url(proxy).with_proxy_excludes(excluded)
}

/// In virtual-hosted style the client wants the bucket in the URL already.
fn addressed(endpoint: &str, place: &Place, in_path: bool) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) if !in_path => format!("{scheme}://{}.{host}", place.bucket),
        _ => endpoint.to_owned(),
    }
}

/// A host that is a number has no subdomains.
fn is_number(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
    let host = host.split('/').next().unwrap_or(host);
    host.starts_with('[') || host.split(':').next().is_some_and(|h| h.parse::<Ipv4Addr>().is_ok())
}

fn authorities(options: &Options) -> Result<Vec<Certificate>, S3Error> {
    let named = || options.environment.get("AWS_CA_BUNDLE").filter(|v| !v.is_empty()).map(Into::into);
    let Some(path) = options.custom_ca_bundle.clone().or_else(named) else { return Ok(Vec::new()) };
    let pem = fs::read(&path).map_err(|source| S3Error::File { path: path.clone(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(S3Error::Authorities { path }),
    }
}

//! Requests and answers: the client, waiting, trying again. Nothing here knows what a state or a lock is.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use md5::{Digest as _, Md5};
use pilotis_trust::Complaint;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode};
use tokio::runtime::{Builder, Handle, Runtime};
use url::Url;

use crate::options::{Options, shown};

const CONNECT: Duration = Duration::from_secs(10);
const REDIRECTS: usize = 5;
const TRUST: pilotis_trust::Settings = pilotis_trust::Settings {
    authority: "client_ca_certificate_pem",
    client: Some("client_certificate_pem and client_private_key_pem"),
    name: None,
};
const CONTENT_MD5: &str = "content-md5";

/// How much is taken from a server, and how long it is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The largest answer, in bytes.
    pub(crate) size: usize,
    /// How long a server may say nothing, the time for a large request included.
    pub(crate) silence: Duration,
    /// Bytes a second, in the mean, that an answer must come with once it has taken longer than `silence`.
    pub(crate) rate: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { size: 1 << 30, silence: Duration::from_secs(120), rate: 16 << 10 }
    }
}

/// What is asked.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// JSON.
    pub(crate) body: Option<Bytes>,
}

/// What was said, whatever the status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    /// A page for people: from a proxy or a sign-in, not from what was asked.
    pub(crate) is_page: bool,
    /// It was asked before and that answer was lost, or bad.
    pub(crate) repeated: bool,
}

/// There was no answer, or none that counts.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) text: String,
    /// Another try may succeed.
    again: bool,
    /// The server says when.
    after: Option<Duration>,
}

impl Failure {
    fn last(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), again: false, after: None }
    }

    fn again(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), again: true, after: None }
    }
}

/// How often is tried again, and how long is waited before.
pub(crate) struct Patience {
    left: u32,
    wait: Duration,
    longest: Duration,
    used: bool,
}

impl Patience {
    /// Waits, if another try may succeed and is allowed; false if not.
    pub(crate) fn wait_after(&mut self, failure: &Failure) -> bool {
        if !failure.again || self.left == 0 {
            return false;
        }
        tracing::warn!("the state's server: {}; trying again", failure.text);
        thread::sleep(self.wait.max(failure.after.unwrap_or_default()).min(self.longest));
        self.left -= 1;
        self.wait = (self.wait * 2).min(self.longest);
        self.used = true;
        true
    }
}

/// A client, and the runtime that it lives on: who asks waits for the answer.
pub(crate) struct Wire {
    /// None once it is dropped.
    runtime: Option<Runtime>,
    client: Client,
    username: Option<String>,
    password: Option<String>,
    times: u32,
    first: Duration,
    longest: Duration,
    limits: Limits,
}

impl Wire {
    /// Asks nothing. The error names the argument that can't be used.
    pub(crate) fn new(options: &Options) -> Result<Wire, Box<dyn Error + Send + Sync>> {
        Wire::within(options, Limits::default())
    }

    fn within(options: &Options, limits: Limits) -> Result<Wire, Box<dyn Error + Send + Sync>> {
        Ok(Wire {
            runtime: Some(Builder::new_current_thread().enable_all().build()?),
            client: client(options, limits)?,
            limits,
            username: options.username.clone(),
            password: options.password.clone(),
            times: options.retry_max,
            first: options.retry_wait_min,
            longest: options.retry_wait_max,
        })
    }

    pub(crate) fn patience(&self) -> Patience {
        Patience { left: self.times, wait: self.first.min(self.longest), longest: self.longest, used: false }
    }

    /// Asks what may be asked twice, until there is an answer that counts.
    pub(crate) fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let mut patience = self.patience();
        loop {
            match self.once(request) {
                Err(failure) if patience.wait_after(&failure) => {}
                done => return done.map(|answer| Answer { repeated: patience.used, ..answer }),
            }
        }
    }

    /// Asks once.
    pub(crate) fn once(&self, request: &Request) -> Result<Answer, Failure> {
        let Some(runtime) = &self.runtime else { return Err(Failure::last("it is closed")) };
        let work = || runtime.block_on(self.ask(request));
        if Handle::try_current().is_err() {
            return work();
        }
        // A command opens its state on a thread of a runtime, and tokio doesn't let such a one wait.
        thread::scope(|scope| {
            scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        let mut request = request.clone();
        for _ in 0..=REDIRECTS {
            let response = self.start(&request).await?;
            match redirected(&request, &response)? {
                Some(url) => request.url = url,
                None => return self.finish(response).await,
            }
        }
        Err(Failure::last("the server redirects in a circle"))
    }

    async fn start(&self, request: &Request) -> Result<Response, Failure> {
        let mut builder = self.client.request(request.method.clone(), request.url.clone());
        if let Some(username) = &self.username {
            builder = builder.basic_auth(username, self.password.as_ref());
        }
        if let Some(body) = &request.body {
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .header(CONTENT_MD5, md5(body))
                .body(body.clone());
        }
        builder.send().await.map_err(unreached)
    }

    async fn finish(&self, mut response: Response) -> Result<Answer, Failure> {
        let status = response.status();
        let after = header(response.headers(), RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
        if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
            let again = !matches!(status.as_u16(), 501 | 505);
            let after = after.map(Duration::from_secs);
            return Err(Failure { text: format!("the server answers {status}"), again, after });
        }
        let is_page = header(response.headers(), CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
        let expected = header(response.headers(), CONTENT_MD5);
        let body = self.limits.body(&mut response).await?;
        if expected.is_some_and(|digest| digest != md5(&body)) {
            return Err(Failure::again("the answer was damaged on its way: its Content-MD5 doesn't fit"));
        }
        Ok(Answer { status, body, is_page, repeated: false })
    }
}

impl Limits {
    /// An answer's body, if it is neither too large nor too slow.
    async fn body(&self, response: &mut Response) -> Result<Vec<u8>, Failure> {
        let too_large = || Failure::last(format!("the answer is larger than {} MiB", self.size >> 20));
        if response.content_length().is_some_and(|length| length > self.size as u64) {
            return Err(too_large());
        }
        let begun = Instant::now();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreached)? {
            if body.len() + chunk.len() > self.size {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
            let due = self.silence + Duration::from_secs((body.len() / self.rate) as u64);
            if begun.elapsed() > due {
                let so_far = body.len();
                return Err(Failure::again(format!(
                    "the server answers too slowly: {so_far} bytes in {} s",
                    begun.elapsed().as_secs()
                )));
            }
        }
        Ok(body)
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

/// The digest of a body as the header has it.
pub(crate) fn md5(body: &[u8]) -> String {
    STANDARD.encode(Md5::digest(body))
}

fn client(options: &Options, limits: Limits) -> Result<Client, Box<dyn Error + Send + Sync>> {
    let addresses = [Some(&options.address), options.lock_address.as_ref(), options.unlock_address.as_ref()];
    let addresses = || addresses.into_iter().flatten();
    let host = |url: &Url| url.host_str().unwrap_or_default().to_owned();
    let in_clear = addresses().find(|url| pilotis_trust::in_clear(url.scheme(), &host(url)));
    if let Some(url) = in_clear.filter(|_| !options.skip_cert_verification) {
        let (why, help) = pilotis_trust::refusal("the state", &shown(url), "`skip_cert_verification = true`");
        return Err(format!("{why}. {help}").into());
    }
    // Redirects are followed by hand: a credential must not follow one to another host.
    let mut builder = Client::builder()
        .user_agent(concat!("pilotis/", env!("CARGO_PKG_VERSION"), " (state)"))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(limits.silence);
    if addresses().all(|url| pilotis_trust::is_this_machine(&host(url))) {
        builder = builder.no_proxy();
    }
    if let Some(pem) = &options.client_ca_certificate_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
        if certificates.is_empty() {
            return Err("client_ca_certificate_pem holds no certificate in PEM".into());
        }
        builder = builder.tls_certs_merge(certificates);
    } else if addresses().all(|url| url.scheme() == "http") {
        // Loading the system's certificates takes time and fails where there are none.
        builder = builder.tls_certs_only([]);
    }
    if let (Some(certificate), Some(key)) = (&options.client_certificate_pem, &options.client_private_key_pem)
    {
        let identity = reqwest::Identity::from_pem(format!("{certificate}\n{key}").as_bytes());
        let wrong =
            "client_certificate_pem and client_private_key_pem are not a certificate and its key in PEM";
        builder = builder.identity(identity.map_err(|_| wrong)?);
    }
    if options.skip_cert_verification {
        tracing::warn!("skip_cert_verification: whoever answers at {} is believed", shown(&options.address));
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    Ok(builder.build().map_err(|e| format!("no client can be made: {}", causes(&e)))?)
}

/// Where the answer says to ask instead, if it does.
fn redirected(request: &Request, response: &Response) -> Result<Option<Url>, Failure> {
    let keeps_method = matches!(response.status().as_u16(), 307 | 308);
    if !keeps_method && !matches!(response.status().as_u16(), 301..=303) {
        return Ok(None);
    }
    let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let Some(target) = target.and_then(|target| request.url.join(target).ok()) else {
        return Err(Failure::last("the server redirects without saying where to"));
    };
    if target.origin() != request.url.origin() || !(keeps_method || request.method == Method::GET) {
        let text = "the server redirects to another place, where credentials and state aren't sent unasked. If that is right, write it as the address";
        return Err(Failure::last(format!("{text}: {}", shown(&target))));
    }
    Ok(Some(target))
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|text| text.trim().to_owned())
}

/// A request without an answer. The address isn't said: a query may be a token.
fn unreached(error: reqwest::Error) -> Failure {
    let causes = causes(&error);
    if let Some(complaint) = Complaint::of(&causes) {
        let what = match complaint {
            Complaint::ClientCertificate => "the server doesn't let this client in",
            Complaint::NoTls => "the server can't be reached",
            _ => "the server's certificate is refused",
        };
        return Failure::last(format!("{what}: {causes}. {}", complaint.advice(TRUST)));
    }
    if error.is_builder() {
        return Failure::last(format!("the request can't be made: {causes}"));
    }
    let what = if error.is_timeout() {
        "the server doesn't answer in time"
    } else if error.is_connect() {
        "the server can't be reached (is the address right, and the network and proxy?)"
    } else {
        "the connection broke"
    };
    Failure::again(format!("{what}: {causes}"))
}

fn causes(error: &reqwest::Error) -> String {
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
    use std::collections::BTreeMap;
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    /// Asks a server that answers so.
    fn asked(limits: Limits, answer: fn(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/state", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let _ = answer(&mut stream);
            }
        });
        let options = Options::new(|name| (name == "address").then(|| address.clone()), &BTreeMap::new());
        let wire = Wire::within(&options.unwrap(), limits).unwrap();
        let request = Request { method: Method::GET, url: address.parse().unwrap(), body: None };
        match wire.once(&request) {
            Ok(answer) => panic!("{} bytes were taken", answer.body.len()),
            Err(failure) => failure.text,
        }
    }

    const SMALL: Limits = Limits { size: 1 << 20, silence: Duration::from_millis(300), rate: 1 << 10 };

    #[test]
    fn a_server_that_never_ends_is_left() {
        let begun = Instant::now();
        let announced =
            asked(SMALL, |out| out.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 10000000000\r\n\r\n{"));
        assert_eq!(announced, "the answer is larger than 1 MiB");
        let flood = asked(SMALL, |out| {
            out.write_all(b"HTTP/1.1 200 x\r\n\r\n")?;
            loop {
                out.write_all(&[b' '; 65536])?;
            }
        });
        assert_eq!(flood, "the answer is larger than 1 MiB");
        let drip = asked(SMALL, |out| {
            out.write_all(b"HTTP/1.1 200 x\r\n\r\n")?;
            loop {
                out.write_all(b" ")?;
                out.flush()?;
                thread::sleep(Duration::from_millis(20));
            }
        });
        assert!(drip.starts_with("the server answers too slowly: "), "{drip}");
        let silent = asked(SMALL, |_| {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        });
        assert!(silent.starts_with("the server doesn't answer in time"), "{silent}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[test]
    fn the_state_is_not_sent_in_clear_unasked() {
        let of = |arguments: &'static [(&str, &str)]| {
            let given = |name: &str| arguments.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            Wire::new(&Options::new(given, &BTreeMap::new()).unwrap()).map(drop).map_err(|e| e.to_string())
        };
        let refused = of(&[("address", "http://me:s3cret@gitlab.example/state?token=s3cret")]).unwrap_err();
        assert!(refused.contains("unencrypted, to http://gitlab.example/state. Write"), "{refused}");
        assert!(refused.contains("skip_cert_verification") && !refused.contains("s3cret"), "{refused}");
        assert!(
            of(&[
                ("address", "https://gitlab.example/state"),
                ("lock_address", "http://gitlab.example/lock"),
                ("unlock_address", "https://gitlab.example/lock"),
            ])
            .is_err()
        );
        of(&[("address", "http://gitlab.example/state"), ("skip_cert_verification", "true")]).unwrap();
        of(&[("address", "http://localhost:1/state")]).unwrap();
    }
}

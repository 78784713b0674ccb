//! A service of a test's own, which answers as the test says, in clear or over TLS; authorities and their certificates; and a proxy.
//!
//! For what no real service does on purpose: lie, drip, never end, show a wrong certificate. The sandbox is for the others.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// Answers a request: its text, and where the answer is written. The connection ends with it.
type Answer = dyn Fn(&str, &mut dyn Write) + Send + Sync;

/// What was asked of something, in order.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn hear(&self, bytes: &[u8]) {
        self.0.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
    }

    /// All of it.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A service on a port of its own; it ends with the test.
pub(crate) struct Service {
    pub(crate) port: u16,
    scheme: &'static str,
    /// Whole requests.
    pub(crate) heard: Heard,
}

impl Service {
    /// Answers every request with this.
    pub(crate) fn says(status: u16, json: &str) -> Service {
        let json = json.to_owned();
        Service::start(None, move |_, out| respond(out, status, "", json.as_bytes()))
    }

    /// Answers each request as the function does.
    pub(crate) fn start(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&str, &mut dyn Write) + Send + Sync + 'static,
    ) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Heard::default();
        let (ears, answer): (_, Arc<Answer>) = (heard.clone(), Arc::new(answer));
        let scheme = if tls.is_some() { "https" } else { "http" };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, ears, answer) = (tls.clone(), ears.clone(), answer.clone());
                thread::spawn(move || match tls {
                    None => exchange(stream, &ears, &*answer),
                    Some(tls) => {
                        let connection = ServerConnection::new(tls).unwrap();
                        exchange(StreamOwned::new(connection, stream), &ears, &*answer);
                    }
                });
            }
        });
        Service { port, scheme, heard }
    }

    /// By its number.
    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// The lines `GET /path`, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |request: &String| request.split(" HTTP/").next().unwrap_or_default().to_owned();
        self.heard.all().iter().map(line).collect()
    }
}

/// What TLS begins with: <https://www.rfc-editor.org/rfc/rfc8446#section-5.1>
const HANDSHAKE: u8 = 22;

/// One request and its answer. A server that speaks no TLS says so at once, as real ones do.
fn exchange(mut stream: impl Read + Write, heard: &Heard, answer: &Answer) {
    let Some(request) = request(&mut stream) else { return };
    if request.first() == Some(&HANDSHAKE) {
        return respond(&mut stream, 400, "", b"{}");
    }
    heard.hear(&request);
    answer(&String::from_utf8_lossy(&request), &mut stream);
    let _ = stream.flush();
}

/// The head, and the body that it announces; none if the client went away before.
fn request(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n");
        if bytes.first() == Some(&HANDSHAKE) {
            return Some(bytes);
        }
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0usize) {
                return Some(bytes);
            }
        }
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
}

/// Writes a whole answer; `headers` are lines that end with `\r\n`.
pub(crate) fn respond(out: &mut dyn Write, status: u16, headers: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    let _ = out.write_all(head.as_bytes()).and_then(|()| out.write_all(body));
}

/// A certificate authority that nobody knows.
pub(crate) struct Authority {
    /// Its certificate.
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// When a certificate is valid: years.
pub(crate) const NOW: (i32, i32) = (2000, 2999);
pub(crate) const LONG_AGO: (i32, i32) = (2000, 2001);

impl Authority {
    pub(crate) fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "an authority of one's own");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for these names and its key, in PEM.
    pub(crate) fn certificate(
        &self,
        names: &[&str],
        (from, to): (i32, i32),
    ) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&n| n.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// How a server shows itself under these names. `clients`: who signs those that it lets in.
    pub(crate) fn server(
        &self,
        names: &[&str],
        years: (i32, i32),
        clients: Option<&Authority>,
    ) -> Arc<ServerConfig> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (certificate, key) = self.certificate(names, years);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let builder = ServerConfig::builder();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                use rustls::pki_types::{CertificateDer, pem::PemObject as _};
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
                builder
                    .with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap())
            }
        };
        Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }
}

/// An HTTP proxy that leads every tunnel to one port of this machine, whatever host is asked for.
pub(crate) struct Proxy {
    /// `127.0.0.1:3128`
    pub(crate) address: String,
    /// What reached it in clear: heads, and for tunnels all that went through.
    pub(crate) heard: Heard,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Heard::default();
        let ears = heard.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let ears = ears.clone();
                thread::spawn(move || tunnel(stream, port, &ears));
            }
        });
        Proxy { address, heard }
    }

    /// Whom tunnels were asked to.
    pub(crate) fn tunnels(&self) -> Vec<String> {
        let all = self.heard.all();
        all.iter().filter_map(|h| Some(h.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned())).collect()
    }
}

fn tunnel(mut client: TcpStream, port: u16, heard: &Heard) {
    let Some(head) = request(&mut client) else { return };
    heard.hear(&head);
    if !head.starts_with(b"CONNECT ") {
        return respond(&mut client, 502, "", b"{}");
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let _ = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
    let (mut back, mut from) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from, &mut back));
    let mut buffer = [0; 8192];
    while let Ok(n) = client.read(&mut buffer) {
        if n == 0 || server.write_all(&buffer[..n]).is_err() {
            break;
        }
        heard.hear(&buffer[..n]);
    }
    let _ = server.shutdown(std::net::Shutdown::Both);
}

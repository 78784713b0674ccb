//! Nothing that is written anywhere holds a secret, and TLS is verified.

use std::io::Write;
use std::sync::{Arc, Mutex};

use pilotis_rest::{Client, Settings, Tls};
use pilotis_sdk::ErrorKind;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::server::{Server, exchange, say};
use crate::settings;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_in_errors_debug_or_logs() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let echo = r#"{"message": "s3cret-token and header-s3cret and body-s3cret are bad"}"#;
    let server = Server::start(vec![say(400, echo), say(201, r#"{"token": "made-s3cret"}"#)]).await;
    let mut settings = settings(&server.url);
    settings.headers.push(("x-key".into(), "header-s3cret".to_owned().into()));
    let shown = format!("{:?}", settings.auth);
    let client = Client::new(settings).unwrap();
    let body = serde_json::json!({"value": "body-s3cret"});
    let request =
        || client.post(["variables"]).query("private", "query-s3cret").json(&body).hide("body-s3cret");
    let error = request().send().await.unwrap_err();
    let response = request().send().await.unwrap();
    drop(guard);

    assert_eq!(error.detail, "(sensitive) and (sensitive) and (sensitive) are bad");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    // hyper and reqwest log on their own below debug; ours must be there, and clean.
    assert!(log.contains("variables"), "{log}");
    for text in [format!("{error:?} {error}"), format!("{client:?}"), format!("{response:?}"), shown, log] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

/// One HTTPS exchange with a certificate that nobody else trusts.
async fn https() -> (String, String) {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let pem = key.cert.pem();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![key.cert.der().clone()], private);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                exchange(stream, say(200, "{}"), "", &Mutex::default()).await;
            }
        }
    });
    (url, pem)
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority() {
    let (url, pem) = https().await;
    let other = rcgen::generate_simple_self_signed(vec!["other".into()]).unwrap().cert.pem();
    let with = |tls: Tls| Client::new(Settings { tls, ..settings(&url) }).unwrap();
    let strict = with(Tls { ca_pem: Some(other), ..Tls::default() });
    let error = strict.get(["x"]).send().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.help[0].contains("cacert_file"), "{error:?}");
    with(Tls { ca_pem: Some(pem), ..Tls::default() }).get(["x"]).send().await.unwrap();
    with(Tls { insecure: true, ..Tls::default() }).get(["x"]).send().await.unwrap();
}

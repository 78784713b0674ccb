//! What goes wrong on the way to a server, and what is said then: never a secret.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests; the helpers around them too")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pilotis_state_document::Document as _;
use pilotis_state_s3::server::{self, SECRET, Server};
use pilotis_state_s3::{Options, S3Document, location, workspaces};
use secrecy::SecretString;

/// A server that answers each request with what a function says of its first line, and of all of it.
fn answering(answer: impl Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let request = request(&stream);
                let first = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
                // None: the connection ends without an answer.
                if let Some(answer) = answer(&first, &request) {
                    stream.write_all(&answer).unwrap();
                }
            });
        }
    });
    url
}

/// A whole request, which asks for the connection to be closed after it.
fn request(stream: &TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return head;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.extend(line.bytes());
    }
    head.extend(b"Connection: close\r\n\r\n");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head.extend(body);
    head
}

fn forward(endpoint: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn status(line: &str, body: &str) -> Option<Vec<u8>> {
    let length = body.len();
    Some(
        format!(
            "HTTP/1.1 {line}\r\nETag: \"e\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .into(),
    )
}

fn at(endpoint: &str) -> Options {
    Options {
        bucket: "states".into(),
        key: "platform".into(),
        endpoint: Some(endpoint.into()),
        access_key: Some(SecretString::from("AKIATEST")),
        secret_key: Some(SecretString::from(SECRET)),
        use_path_style: true,
        ..Options::default()
    }
}

#[track_caller]
fn says<T>(result: Result<T, pilotis_state::StateError>, expected: &str) {
    let error = result.err().unwrap();
    let said = format!("{error} {error:?}");
    assert!(said.contains(expected), "{said}");
    assert!(!said.contains(SECRET), "{said}");
}

/// With a proxy that loses the answer to the first creation of version 1.
fn lost(answer: impl Fn() -> Option<Vec<u8>> + Send + Sync + 'static) {
    let Some(bucket) = server::bucket() else { return };
    let (server, puts) = (bucket.endpoint(), AtomicUsize::new(0));
    let proxy = answering(move |first, request| {
        let answered = forward(&server, request);
        let creation = first.starts_with("PUT") && first.contains("00000000000000000001");
        let lose = creation && puts.fetch_add(1, Ordering::SeqCst) == 0;
        if lose { answer() } else { Some(answered) }
    });
    let mut document = S3Document::new(&Options { endpoint: Some(proxy), ..bucket.options() }).unwrap();
    let tag = document.replace("ours".into(), 1, None).unwrap();
    assert!(tag.is_some(), "it was written");
    assert_eq!(document.read().unwrap().unwrap().text, b"ours");
    assert_eq!(bucket.keys().len(), 2);
}

#[test]
fn a_lost_answer_is_looked_up() {
    lost(|| None);
}

#[test]
fn an_answer_that_is_asked_for_again_is_not_anothers() {
    lost(|| status("503 Slow Down", "<Error><Code>SlowDown</Code></Error>"));
}

#[test]
fn a_server_without_conditional_writes_is_refused() {
    let list = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    let always =
        answering(move |first, _| status("200 OK", if first.starts_with("GET") { list } else { "" }));
    let mut document = S3Document::new(&at(&always)).unwrap();
    says(document.replace("ours".into(), 1, None), "this server has no conditional writes");

    let honest = answering(move |first, _| match first {
        get if get.starts_with("GET") => status("200 OK", list),
        _ => status("501 Not Implemented", "<Error><Code>NotImplemented</Code></Error>"),
    });
    let mut document = S3Document::new(&at(&honest)).unwrap();
    says(document.replace("ours".into(), 1, None), "this server has no conditional writes");
}

#[test]
fn what_the_server_refuses_is_said() {
    let refusing = |line: &'static str, code: &str| {
        // As Amazon's: the key and what was signed are repeated.
        let body = format!(
            "<Error><Code>{code}</Code><Message>No.</Message><AWSAccessKeyId>AKIATEST</AWSAccessKeyId><StringToSign>{SECRET}</StringToSign></Error>"
        );
        let url = answering(move |_, _| status(line, &body));
        S3Document::new(&at(&url)).unwrap().read()
    };
    says(refusing("404 Not Found", "NoSuchBucket"), "there is no bucket states: create it");
    says(refusing("403 Forbidden", "AccessDenied"), "s3:ListBucket on the bucket states");
    says(
        refusing("403 Forbidden", "SignatureDoesNotMatch"),
        "doesn't accept the credentials (SignatureDoesNotMatch)",
    );
    says(refusing("403 Forbidden", "ExpiredToken"), "a session has not expired");
    says(refusing("400 Bad Request", "AuthorizationHeaderMalformed"), "in another region");
    says(refusing("301 Moved Permanently", "PermanentRedirect"), "in another region");
    says(refusing("403 Forbidden", "RequestTimeTooSkewed"), "clock");
    says(refusing("400 Bad Request", "Odd"), "the server said: No. (Odd)");
}

#[test]
fn a_bucket_that_is_not_there_is_not_created() {
    let Some(server) = server::shared() else { return };
    let options = server.options("nobody-made-this");
    let mut document = S3Document::new(&options).unwrap();
    let expected = "there is no bucket nobody-made-this";
    says(document.read(), expected);
    says(document.replace("ours".into(), 1, None), expected);
    says(document.terraform_state(), expected);
    says(workspaces(&options), expected);
}

#[test]
fn wrong_credentials_are_refused_by_the_server() {
    // From the second request on, this server looks who asks.
    let Some(server) = Server::start(&[("INITIAL_NO_AUTH_ACTION_COUNT", "1")]) else { return };
    let server = server.leak();
    let bucket = server.bucket();
    let mut document = S3Document::new(&bucket.options()).unwrap();
    says(document.read(), "doesn't accept the credentials (InvalidAccessKeyId)");
}

#[test]
fn a_server_that_is_not_there_is_said() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut document = S3Document::new(&at(&format!("http://127.0.0.1:{port}"))).unwrap();
    says(document.read(), "the server can't be reached");
}

#[test]
fn settings_that_cannot_be_right_are_said() {
    let no = |change: fn(&mut Options), expected: &str| {
        let mut options = at("https://s3.example.org");
        change(&mut options);
        says(S3Document::new(&options), expected);
    };
    no(|o| o.bucket.clear(), "bucket is not set");
    no(|o| o.key.clear(), "key is not set");
    no(|o| o.key = "/states".into(), "can't be the key");
    no(|o| o.key = "a/../b".into(), "can't be the key");
    no(|o| o.workspace = "a/b".into(), "can't be the workspace");
    no(|o| o.endpoint = None, "region is not set");
    no(|o| o.endpoint = Some(format!("https://me:{SECRET}@host")), "credentials don't belong there");
    no(|o| o.endpoint = Some("ftp://host".into()), "not a URL");
    no(|o| o.secret_key = None, "only one is set");
    no(
        |o| (o.access_key, o.secret_key, o.profile) = (None, None, Some("nobody".into())),
        "the profile nobody has no aws_access_key_id",
    );
    no(|o| o.custom_ca_bundle = Some("/nowhere/ca.pem".into()), "/nowhere/ca.pem can't be read");
    no(|o| o.custom_ca_bundle = Some("/dev/null".into()), "no certificates in PEM form");
}

#[test]
fn who_asks_is_found_where_amazons_tools_look() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let text = format!(
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = {SECRET}\n\n[team]\n# who\naws_access_key_id=AKIATEAM\naws_secret_access_key={SECRET}\nregion = eu-west-3\n"
    );
    std::fs::write(&file, text).unwrap();
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let put = seen.clone();
    let url = answering(move |_, request| {
        *put.lock().unwrap() = String::from_utf8_lossy(request).into_owned();
        status("200 OK", "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    });
    let asks = |variables: &[(&str, &str)], profile: Option<&str>| {
        let environment: BTreeMap<String, String> =
            variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let options = Options {
            access_key: None,
            secret_key: None,
            endpoint: None,
            profile: profile.map(str::to_owned),
            environment: [("AWS_ENDPOINT_URL_S3".to_owned(), url.clone())]
                .into_iter()
                .chain(environment)
                .collect(),
            ..at("")
        };
        S3Document::new(&options).unwrap().read().unwrap();
        let request = seen.lock().unwrap().clone();
        request.split("Credential=").nth(1).unwrap().split("/s3/").next().unwrap().to_owned()
    };
    let file = file.to_str().unwrap();
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let files = [("AWS_SHARED_CREDENTIALS_FILE", file)];
    let both = [keys[0], keys[1], files[0]];
    assert!(asks(&keys, None).starts_with("AKIAENV/"));
    assert!(asks(&files, None).starts_with("AKIADEFAULT/"));
    assert!(asks(&both, None).starts_with("AKIAENV/"));
    let team = asks(&both, Some("team"));
    assert!(team.starts_with("AKIATEAM/") && team.ends_with("/eu-west-3"), "{team}");
    assert!(
        asks(&[files[0], ("AWS_PROFILE", "team"), ("AWS_REGION", "eu-west-9")], None).ends_with("/eu-west-9")
    );

    let off = [("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned())];
    let nobody = Options { access_key: None, secret_key: None, environment: off.into(), ..at(&url) };
    says(S3Document::new(&nobody), "there are no credentials: set AWS_ACCESS_KEY_ID");
    assert_eq!(location(&nobody).unwrap(), format!("s3://states/platform at {url}"));
}

//! The client against a service that fails in every way.

#![allow(clippy::unwrap_used)]

mod paging;
mod secrets;
mod server;

use std::time::{Duration, Instant};

use pilotis_rest::{Auth, Client, Limits, Settings, header, retry};
use pilotis_sdk::{Error, ErrorKind, Outcome};
use server::{Answer, Server, say, with};

pub(crate) fn settings(url: &str) -> Settings {
    let mut settings = Settings::new("Forge", format!("{url}/api/v4").parse().unwrap());
    let name = header::HeaderName::from_static("private-token");
    settings.auth = Auth::Header(name, "s3cret-token".to_owned().into());
    settings.credential = Some("FORGE_TOKEN".into());
    settings.retry = retry::Policy {
        times: 2,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_secs(2),
    };
    settings.limits = Limits { attempt: Duration::from_millis(400), ..Limits::default() };
    settings
}

async fn client(script: Vec<Answer>) -> (Client, Server) {
    let server = Server::start(script).await;
    (Client::new(settings(&server.url)).unwrap(), server)
}

async fn get(script: Vec<Answer>) -> (Result<serde_json::Value, Error>, Server, Client) {
    let (client, server) = client(script).await;
    let result = async { client.get(["groups", "a/b c"]).query("x", "1&2").send().await?.json() }.await;
    (result, server, client)
}

async fn post(script: Vec<Answer>) -> (Result<serde_json::Value, Error>, Server, Client) {
    let (client, server) = client(script).await;
    let body = serde_json::json!({"name": "x"});
    let result = async { client.post(["groups"]).json(&body).send().await?.json() }.await;
    (result, server, client)
}

#[tokio::test]
async fn a_call_says_who_it_is_and_encodes_its_path() {
    let (result, server, client) = get(vec![say(200, r#"{"id": 1}"#)]).await;
    assert_eq!(result.unwrap(), serde_json::json!({"id": 1}));
    assert_eq!(server.lines(), ["GET /api/v4/groups/a%2Fb%20c?x=1%262"]);
    let asked = &server.asked()[0];
    assert!(asked.contains("private-token: s3cret-token"), "{asked}");
    assert!(asked.contains("user-agent: pilotis/"), "{asked}");
    assert_eq!(client.calls(), (1, 0));
    assert!(client.host().starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn bearer_and_basic() {
    for (auth, line) in [
        (Auth::Bearer("abcd".to_owned().into()), "authorization: Bearer abcd"),
        (Auth::Basic("me".into(), "pass".to_owned().into()), "authorization: Basic bWU6cGFzcw=="),
    ] {
        let server = Server::start(vec![say(200, "{}")]).await;
        let client = Client::new(Settings { auth, ..settings(&server.url) }).unwrap();
        client.get(["x"]).send().await.unwrap();
        assert!(server.asked()[0].contains(line), "{}", server.asked()[0]);
    }
}

#[tokio::test]
async fn a_read_is_tried_again_until_it_comes() {
    let script = vec![say(502, "<html>"), Answer::Hang, say(200, "{}")];
    let (result, server, client) = get(script).await;
    result.unwrap();
    assert_eq!(server.lines().len(), 3);
    assert_eq!(client.calls(), (3, 0), "every attempt counts");
}

#[tokio::test]
async fn a_read_that_never_comes_says_so() {
    let (result, server, _) =
        get(vec![say(503, "{}"), say(503, "{}"), say(503, r#"{"message": "down"}"#)]).await;
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind, error.outcome, error.status),
        (ErrorKind::ServerError, Outcome::NotDone, Some(503))
    );
    assert_eq!(error.detail, "down");
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_made_twice() {
    let (result, server, client) = post(vec![Answer::Hang, say(201, "{}")]).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.outcome), (ErrorKind::Unreachable, Outcome::Unknown));
    assert_eq!(error.summary, "Forge broke the connection off before it answered");
    assert_eq!(server.lines(), ["POST /api/v4/groups"]);
    assert_eq!(client.calls(), (0, 1));
}

#[tokio::test]
async fn a_write_that_takes_too_long_may_have_happened() {
    let (result, ..) = post(vec![Answer::Silence]).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.outcome), (ErrorKind::Timeout, Outcome::Unknown));
}

#[tokio::test]
async fn a_write_that_the_service_did_not_take_on_is_made_again() {
    let script = vec![
        with(429, &[("retry-after", "0")], "{}"),
        with(503, &[("retry-after", "0")], "{}"),
        say(201, "{}"),
    ];
    let (result, server, _) = post(script).await;
    result.unwrap();
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_server_error_after_a_write_leaves_it_open() {
    for status in [500, 502, 503, 504] {
        let (result, server, _) = post(vec![say(status, "{}"), say(201, "{}")]).await;
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.outcome), (ErrorKind::ServerError, Outcome::Unknown), "{status}");
        assert_eq!(server.lines().len(), 1);
    }
}

#[tokio::test]
async fn an_idempotent_write_is_made_again() {
    let (client, server) = client(vec![Answer::Hang, say(502, ""), say(200, "{}")]).await;
    client.put(["groups", "1"]).json(&serde_json::json!({})).send().await.unwrap();
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_service_that_isnt_there() {
    let client = Client::new(settings("http://127.0.0.1:1")).unwrap();
    let error = client.post(["groups"]).send().await.unwrap_err();
    assert_eq!((error.kind, error.outcome), (ErrorKind::Unreachable, Outcome::NotDone));
    assert_eq!(client.calls(), (0, 3), "it was never sent, so it was tried again");
}

#[tokio::test]
async fn refusals_have_kinds_and_the_services_words() {
    let cases = [
        (400, ErrorKind::Invalid),
        (401, ErrorKind::Unauthenticated),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (405, ErrorKind::Unsupported),
        (409, ErrorKind::AlreadyExists),
        (412, ErrorKind::Conflict),
        (422, ErrorKind::Invalid),
    ];
    for (status, kind) in cases {
        let answer = with(status, &[("x-request-id", "01ABC")], r#"{"message": {"path": ["is bad"]}}"#);
        let (result, ..) = post(vec![answer]).await;
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.outcome, error.status), (kind, Outcome::NotDone, Some(status)));
        assert_eq!(error.detail, "path: is bad");
        assert_eq!(error.request_id.as_deref(), Some("01ABC"));
        assert_eq!(error.credential.as_deref(), Some("FORGE_TOKEN"));
        assert!(
            error.request.as_deref().unwrap().starts_with("POST http://127.0.0.1:"),
            "{:?}",
            error.request
        );
        assert!(error.request.unwrap().ends_with("/api/v4/groups"));
    }
}

#[tokio::test]
async fn a_refused_credential_says_where_it_came_from() {
    let (result, ..) = get(vec![say(401, r#"{"message": "401 Unauthorized"}"#)]).await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "Forge doesn't accept the credential: 401 Unauthorized");
    assert!(error.help[0].contains("FORGE_TOKEN"), "{:?}", error.help);
}

#[tokio::test]
async fn a_web_page_is_garbage() {
    let (result, ..) = get(vec![with(200, &[("content-type", "text/html")], "<html>Sign in</html>")]).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.outcome), (ErrorKind::Garbage, Outcome::NotDone));
    assert_eq!(error.detail, "JSON is expected, and it is a web page");
    let (result, ..) = post(vec![say(201, r#"{"id": 1, "na"#)]).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.outcome), (ErrorKind::Garbage, Outcome::Unknown));
    assert_eq!(error.detail, "the JSON ends too early, after 13 bytes");
}

#[tokio::test]
async fn an_answer_that_is_cut_off() {
    let (result, server, _) = get(vec![Answer::Cut(200, "{".into()), say(200, "{}")]).await;
    result.unwrap();
    assert_eq!(server.lines().len(), 2);
    let (result, ..) = post(vec![Answer::Cut(201, "{".into())]).await;
    assert_eq!(result.unwrap_err().outcome, Outcome::Unknown);
}

#[tokio::test]
async fn an_answer_that_is_too_big() {
    let server = Server::start(vec![say(200, &"x".repeat(2000))]).await;
    let mut settings = settings(&server.url);
    settings.limits.body = 1000;
    let error = Client::new(settings).unwrap().get(["x"]).send().await.unwrap_err();
    assert_eq!((error.kind, error.detail.as_str()), (ErrorKind::Garbage, "more than 1000 bytes"));
}

#[tokio::test]
async fn an_answer_that_drips() {
    let start = Instant::now();
    let (result, ..) = post(vec![Answer::Drip]).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.outcome), (ErrorKind::Timeout, Outcome::Unknown));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_answer_whose_chunks_lie() {
    for body in ["ffffffffffffffff\r\n{}\r\n0\r\n\r\n", "5\r\n{}\r\n0\r\n\r\n", "zz\r\n{}\r\n", "-1\r\n{}"] {
        let (result, ..) = post(vec![Answer::Chunks(body)]).await;
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind, error.outcome),
            (ErrorKind::Unreachable, Outcome::Unknown),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept() {
    let start = Instant::now();
    let (result, ..) = get(vec![with(429, &[("retry-after", "1")], "{}"), say(200, "{}")]).await;
    result.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_an_error() {
    let (result, server, _) =
        get(vec![with(429, &[("retry-after", "3600")], r#"{"message": "slow"}"#)]).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(3600))));
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn an_empty_budget_is_heeded_before_the_refusal() {
    let headers = [("ratelimit-remaining", "0"), ("ratelimit-reset", "1")];
    let (client, _server) = client(vec![with(200, &headers, "{}"), say(200, "{}")]).await;
    client.get(["x"]).send().await.unwrap();
    let start = Instant::now();
    client.get(["x"]).send().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_is_not_there_is_an_answer_if_wanted() {
    let (client, _server) = client(vec![say(404, "{}"), say(200, "{}"), say(409, r#"{"a": 1}"#)]).await;
    assert!(client.get(["x"]).optional().await.unwrap().is_none());
    assert!(client.get(["x"]).optional().await.unwrap().is_some());
    assert_eq!(client.post(["x"]).accept(409).send().await.unwrap().status(), 409);
}

#[tokio::test]
async fn a_redirect_is_followed_at_home_only() {
    let home = [("location", "{base}/api/v4/groups/2")];
    let (result, server, _) = get(vec![with(301, &home, ""), say(200, r#"{"id": 2}"#)]).await;
    assert_eq!(result.unwrap()["id"], 2);
    assert_eq!(server.lines()[1], "GET /api/v4/groups/2");
    let away = [("location", "https://elsewhere.example/login?token=abc")];
    let (result, ..) = get(vec![with(302, &away, "")]).await;
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (ErrorKind::Configuration, "it points to https://elsewhere.example/login")
    );
    let (result, server, _) = post(vec![with(301, &home, ""), say(200, "{}")]).await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Configuration);
    assert_eq!(server.lines().len(), 1, "a write that was moved is not made elsewhere");
    let circle = with(301, &[("location", "{base}/api/v4/x")], "");
    let (result, ..) = get(vec![circle; 8]).await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Configuration);
}

#[tokio::test]
async fn settings_that_cant_be() {
    let refused = |change: fn(&mut Settings)| {
        let mut settings = settings("http://127.0.0.1:1");
        change(&mut settings);
        let error = Client::new(settings).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Configuration);
        assert!(!error.to_string().contains("s3cret"), "{error}");
        error.detail
    };
    refused(|s| s.base = "ftp://x/".parse().unwrap());
    refused(|s| s.base = "https://me:s3cret@x/".parse().unwrap());
    let clear = refused(|s| s.base = "http://forge.example/api".parse().unwrap());
    assert_eq!(clear, "the credential would cross the network unencrypted, to http://forge.example/api");
    let mut insecure = settings("http://forge.example");
    insecure.tls.insecure = true;
    Client::new(insecure).unwrap();
    refused(|s| s.auth = Auth::Bearer("s3cret\n".to_owned().into()));
    refused(|s| s.headers = vec![("a b".into(), "x".to_owned().into())]);
    refused(|s| s.tls.ca_pem = Some("nonsense".into()));
}

//! Faults, rate limit, counters and log, through the admin endpoint.

use std::time::{Duration, Instant};

use pilotis_sandbox::{Action, Fault};
use reqwest::Method;
use serde_json::json;

use crate::lab::{Lab, got, lab};

impl Lab {
    async fn admin(&self, method: Method, path: &str, body: Option<serde_json::Value>) -> crate::lab::Got {
        self.send_as("", method, &format!("{}/-/sandbox/{path}", self.url), body).await
    }

    fn fault(&self, fault: Fault) {
        self.running().faults("gitlab").unwrap().add(fault).unwrap();
    }
}

fn new_group() -> serde_json::Value {
    json!({ "name": "forge", "path": "forge" })
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_effect() {
    let lab = lab().await;
    lab.fault(Fault::new(Action::DropAfter).methods(&["POST"]).next(1));
    let request = lab.http.post(format!("{}/api/v4/groups", lab.url)).header("PRIVATE-TOKEN", &lab.token);
    assert!(request.json(&new_group()).send().await.is_err(), "no answer comes");
    lab.get("/groups/forge").await.expect(200);
}

#[tokio::test]
async fn a_connection_that_is_dropped_before_the_effect() {
    let lab = lab().await;
    lab.fault(Fault::new(Action::DropBefore).methods(&["POST"]).next(1));
    let request = lab.http.post(format!("{}/api/v4/groups", lab.url)).header("PRIVATE-TOKEN", &lab.token);
    assert!(request.json(&new_group()).send().await.is_err());
    lab.get("/groups/forge").await.expect(404);
    lab.post("/groups", new_group()).await.expect(201);
}

#[tokio::test]
async fn statuses_in_gitlabs_own_form() {
    let lab = lab().await;
    lab.fault(Fault::new(Action::TooManyRequests { retry_after: Some(7) }).next(1));
    let limited = lab.get("/version").await;
    assert_eq!(limited.header("retry-after"), "7");
    let text = "This endpoint has been requested too many times. Try again later.";
    assert_eq!(limited.expect(429), json!({ "message": { "error": text } }));
    lab.fault(Fault::new(Action::TooManyRequests { retry_after: None }).next(1));
    assert_eq!(lab.get("/version").await.header("retry-after"), "");
    lab.fault(Fault::new(Action::Forbidden).path("^/api/v4/groups").next(1));
    assert_eq!(lab.get("/groups").await.expect(403), json!({ "message": "403 Forbidden" }));
    lab.fault(Fault::new(Action::ServerError { status: 503 }).next(1));
    assert!(lab.get("/version").await.expect(503).as_str().unwrap().contains("503 Service Unavailable"));
}

#[tokio::test]
async fn garbage() {
    let lab = lab().await;
    lab.fault(Fault::new(Action::Html).next(1));
    let page = lab.get("/version").await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.expect(200).as_str().unwrap().contains("Sign in"));
    lab.fault(Fault::new(Action::Truncated).methods(&["POST"]).next(1));
    let half = lab.post("/groups", new_group()).await.expect(201);
    assert!(half.is_string(), "not JSON any more: {half}");
    lab.get("/groups/forge").await.expect(200);
}

#[tokio::test]
async fn faults_are_switched_over_http() {
    let lab = lab().await;
    let fault = json!({ "kind": "latency", "milliseconds": 80, "path": "/version", "next": 1 });
    let listed = lab.admin(Method::POST, "faults", Some(fault)).await.expect(200);
    assert_eq!(listed[0]["kind"], "latency");
    let started = Instant::now();
    lab.get("/version").await.expect(200);
    assert!(started.elapsed() >= Duration::from_millis(80));
    assert_eq!(lab.admin(Method::GET, "faults", None).await.expect(200), json!([]));
    let bad = lab.admin(Method::POST, "faults", Some(json!({ "kind": "html", "path": "(" }))).await;
    assert!(bad.expect(400)["message"].as_str().unwrap().contains("regular expression"));
    let two = json!([{ "kind": "html" }, { "kind": "drop_before" }]);
    assert_eq!(lab.admin(Method::PUT, "faults", Some(two)).await.expect(200).as_array().unwrap().len(), 2);
    lab.admin(Method::DELETE, "faults", None).await.expect(204);
    lab.get("/version").await.expect(200);
}

#[tokio::test]
async fn the_admin_endpoint_is_not_for_web_pages() {
    let lab = lab().await;
    let request = lab.http.delete(format!("{}/-/sandbox/faults", lab.url));
    let answer = got(request.header("Origin", "https://evil.example").send().await.unwrap()).await;
    answer.expect(403);
    let request = lab.http.delete(format!("{}/-/sandbox/faults", lab.url));
    got(request.header("Host", "evil.example").send().await.unwrap()).await.expect(403);
}

#[tokio::test]
async fn a_rate_limit_says_how_much_is_left() {
    let lab = lab().await;
    let free = lab.get("/version").await;
    assert_eq!(free.header("ratelimit-limit"), "");
    lab.admin(Method::PUT, "rate_limit", Some(json!({ "requests_per_minute": 2 }))).await.expect(200);
    // The minute may turn in between; then the count starts again.
    let mut last = lab.get("/version").await;
    for _ in 0..4 {
        last = lab.get("/version").await;
    }
    assert_eq!(last.header("ratelimit-limit"), "2");
    assert_eq!(last.header("ratelimit-remaining"), "0");
    assert!(last.header("retry-after").parse::<u64>().unwrap() <= 60);
    last.expect(429);
    lab.admin(Method::DELETE, "rate_limit", None).await.expect(204);
    lab.get("/version").await.expect(200);
}

#[tokio::test]
async fn calls_are_counted() {
    let lab = lab().await;
    lab.get("/version").await.expect(200);
    lab.post("/groups", new_group()).await.expect(201);
    let counted = lab.admin(Method::GET, "calls", None).await.expect(200);
    assert_eq!(counted["methods"], json!({ "GET": 1, "POST": 1 }));
    assert_eq!((counted["total"].as_u64(), counted["writes"].as_u64()), (Some(2), Some(1)));
    lab.admin(Method::POST, "calls", None).await.expect(204);
    lab.get("/groups").await.expect(200);
    let calls = lab.running().calls("gitlab").unwrap();
    assert_eq!((calls.total(), calls.writes()), (1, 0));
    let log = lab.admin(Method::GET, "log", None).await.expect(200);
    assert_eq!(log[1]["path"], "/api/v4/groups");
    assert_eq!(log[1]["status"], 201);
}

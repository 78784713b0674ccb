//! Starting, attaching, stopping, and what survives.

use pilotis_sandbox::{
    Options, Sandbox, SandboxError, Service, ServiceContext, ServiceError, ServiceOptions,
};
use serde_json::{Value, json};

use crate::lab::lab;

#[tokio::test]
async fn a_second_process_attaches_to_the_first() {
    let lab = lab().await;
    let data = lab.folder.path().join("sandbox.db");
    let attached = Sandbox::attach_or_start(Options::new(&data)).await.unwrap();
    assert!(!attached.is_own());
    assert_eq!(attached.endpoints, lab.running().endpoints);
    let refused = Sandbox::start(Options::new(&data)).await;
    assert!(matches!(refused, Err(SandboxError::AlreadyRunning { .. })), "two must not serve one data file");
    attached.shutdown().await;
    lab.get("/version").await.expect(200);
}

#[tokio::test]
async fn the_announcement_is_private_and_goes_with_the_sandbox() {
    let mut lab = lab().await;
    let announcement = lab.folder.path().join("sandbox.json");
    let text: Value = serde_json::from_slice(&std::fs::read(&announcement).unwrap()).unwrap();
    assert_eq!(text["endpoints"]["gitlab"]["url"], json!(lab.url));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&announcement).unwrap().permissions().mode() & 0o777, 0o600);
    }
    lab.running.take().unwrap().shutdown().await;
    assert!(!announcement.exists());
    assert!(Sandbox::attach(&lab.folder.path().join("sandbox.db")).await.is_none());
}

#[tokio::test]
async fn everything_survives_a_restart_at_the_same_address() {
    let mut lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("api", forge).await;
    let (user, token) = lab.user("marie.durand").await;
    lab.post(&format!("/groups/{forge}/members"), json!({ "user_id": user, "access_level": 30 }))
        .await
        .expect(201);
    lab.post(&format!("/projects/{project}/variables"), json!({ "key": "A", "value": "1" }))
        .await
        .expect(201);
    let file = json!({ "branch": "main", "content": "one\n", "commit_message": "first" });
    lab.post(&format!("/projects/{project}/repository/files/a%2Fb.txt"), file).await.expect(201);
    let paths = [
        format!("/groups/{forge}"),
        format!("/groups/{forge}/members"),
        format!("/projects/{project}"),
        format!("/projects/{project}/variables"),
        format!("/projects/{project}/repository/files/a%2Fb.txt?ref=main"),
        format!("/projects/{project}/protected_branches"),
        format!("/users/{user}"),
    ];
    let mut before = Vec::new();
    for path in &paths {
        before.push(lab.get(path).await.expect(200));
    }
    let url = lab.url.clone();
    lab.restart().await;
    assert_eq!(lab.url, url, "web_urls stay true");
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(lab.get(path).await.expect(200), before, "{path}");
    }
    lab.send_as(&token, reqwest::Method::GET, "/user", None).await.expect(200);
    let next = lab.group("next", None).await;
    assert!(next > forge, "ids are not used twice");
}

/// Not a test by itself: the process that the test below kills. It serves until its standard input ends.
#[tokio::test]
async fn serves_if_it_is_told_to() {
    let Ok(data) = std::env::var("PILOTIS_SANDBOX_TEST_DATA") else { return };
    let _running =
        Sandbox::start(Options::new(data).only(&["gitlab"]).each(|_, service| service.port = Some(0)))
            .await
            .unwrap();
    let ended = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("sandbox.db");
    let start = || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "running::serves_if_it_is_told_to"])
            .env("PILOTIS_SANDBOX_TEST_DATA", &data)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let attach = async || loop {
        if let Some(running) = Sandbox::attach(&data).await {
            break running.endpoint("gitlab").unwrap().clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for round in 0..5 {
        let mut server = start();
        let endpoint = attach().await;
        let groups = format!("{}/api/v4/groups", endpoint.url);
        let name = format!("group-{round}");
        let request = http.post(&groups).header("PRIVATE-TOKEN", &endpoint.token);
        let answer = request.json(&json!({ "name": name, "path": name })).send().await.unwrap();
        server.kill().unwrap();
        assert_eq!(answer.status(), 201);
        server.wait().unwrap();
    }
    let mut server = start();
    let endpoint = attach().await;
    let request =
        http.get(format!("{}/api/v4/groups", endpoint.url)).header("PRIVATE-TOKEN", &endpoint.token);
    let found: Vec<Value> = request.send().await.unwrap().json().await.unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(found.len(), 5);
}

/// A service of one route, over TLS.
struct Hello;

impl Service for Hello {
    fn name(&self) -> &'static str {
        "hello"
    }
    fn default_port(&self) -> u16 {
        0
    }
    fn tls(&self) -> bool {
        true
    }
    fn router(&self, context: ServiceContext) -> Result<axum::Router, ServiceError> {
        assert!(context.url.starts_with("https://127.0.0.1:"));
        Ok(axum::Router::new().route("/", axum::routing::get(|| async { "hello" })))
    }
}

#[tokio::test]
async fn a_tls_service_is_trusted_with_the_sandboxs_authority_which_stays() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("sandbox.db");
    let options =
        || Options::empty(&data).with(Hello, ServiceOptions { port: Some(0), ..ServiceOptions::default() });
    let running = Sandbox::start(options()).await.unwrap();
    let endpoint = running.endpoint("hello").unwrap().clone();
    let authority = reqwest::Certificate::from_pem(endpoint.ca_pem.as_ref().unwrap().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    assert_eq!(client.get(&endpoint.url).send().await.unwrap().text().await.unwrap(), "hello");
    running.shutdown().await;
    let running = Sandbox::start(options()).await.unwrap();
    assert_eq!(running.endpoint("hello"), Some(&endpoint));
    assert_eq!(client.get(&endpoint.url).send().await.unwrap().text().await.unwrap(), "hello");
}

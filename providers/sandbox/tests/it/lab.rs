//! A fresh GitLab for one test, and short ways to ask it something.

use std::{future::Future, time::Duration};

use pilotis_sandbox::{Options, Running, Sandbox, ServiceOptions, gitlab::GitLab};
use reqwest::{Client, Method, Response, header::HeaderMap};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct Lab {
    pub(crate) running: Option<Running>,
    pub(crate) http: Client,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) folder: TempDir,
    gitlab: GitLab,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: HeaderMap,
}

impl Got {
    /// The body, if the status is as expected.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A GitLab in which nothing takes time.
pub(crate) async fn lab() -> Lab {
    lab_with(GitLab::new().deletion_delay(Duration::ZERO).protection_delay(Duration::ZERO)).await
}

pub(crate) async fn lab_with(gitlab: GitLab) -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let running = start(&folder, gitlab.clone()).await;
    let endpoint = running.endpoint("gitlab").unwrap().clone();
    let http = Client::builder().no_proxy().build().unwrap();
    Lab { running: Some(running), http, url: endpoint.url, token: endpoint.token, folder, gitlab }
}

async fn start(folder: &TempDir, gitlab: GitLab) -> Running {
    let options = Options::empty(folder.path().join("sandbox.db"))
        .with(gitlab, ServiceOptions { port: Some(0), ..ServiceOptions::default() });
    Sandbox::start(options).await.unwrap()
}

impl Lab {
    pub(crate) async fn restart(&mut self) {
        self.running.take().unwrap().shutdown().await;
        let running = start(&self.folder, self.gitlab.clone()).await;
        self.url.clone_from(&running.endpoint("gitlab").unwrap().url);
        self.running = Some(running);
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(crate) async fn send_as(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Got {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}/api/v4{path}", self.url) };
        let mut request = self.http.request(method, url);
        if !token.is_empty() {
            request = request.header("PRIVATE-TOKEN", token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        got(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.send_as(&self.token, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Got {
        self.send_as(&self.token, Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Got {
        self.send_as(&self.token, Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Got {
        self.send_as(&self.token, Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Got {
        self.send_as(&self.token, Method::DELETE, path, None).await
    }

    /// Makes a group and gives its id.
    pub(crate) async fn group(&self, path: &str, parent: Option<u64>) -> u64 {
        let made = self.post("/groups", json!({ "name": path, "path": path, "parent_id": parent })).await;
        made.expect(201)["id"].as_u64().unwrap()
    }

    /// Makes a project and gives its id.
    pub(crate) async fn project(&self, path: &str, group: u64) -> u64 {
        let made = self.post("/projects", json!({ "path": path, "namespace_id": group })).await;
        made.expect(201)["id"].as_u64().unwrap()
    }

    /// A user and a token for them.
    pub(crate) async fn user(&self, username: &str) -> (u64, String) {
        let found = self.get(&format!("/users?username={username}")).await.expect(200);
        let id = found[0]["id"].as_u64().unwrap();
        let body = json!({ "name": "test", "scopes": ["api"] });
        let token = self.post(&format!("/users/{id}/personal_access_tokens"), body).await.expect(201);
        (id, token["token"].as_str().unwrap().to_owned())
    }
}

pub(crate) async fn got(response: Response) -> Got {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Got { status, body, headers }
}

/// Asks again until the condition holds; fails after five seconds.
pub(crate) async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    for _ in 0..200 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it did not happen in five seconds");
}

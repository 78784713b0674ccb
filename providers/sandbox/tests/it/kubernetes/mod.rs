//! The cluster over real HTTPS, one module a subject.

mod access;
mod answers;
mod apply;
mod custom;
mod deletion;
mod documents;
mod lists;
mod openshift;
mod quotas;
mod restart;
mod watches;
mod writes;

use std::time::Duration;

use pilotis_sandbox::{Options, Running, Sandbox, ServiceOptions, kubernetes::Kubernetes};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::lab::{Got, got};

/// A fresh cluster, and short ways to ask it something.
pub(crate) struct Cluster {
    pub(crate) running: Option<Running>,
    http: Client,
    pub(crate) url: String,
    token: String,
    folder: TempDir,
}

pub(crate) const MERGE: &str = "application/merge-patch+json";
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(crate) const APPLY: &str = "application/apply-patch+yaml";
pub(crate) const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// One request.
#[derive(Default)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) accept: &'a str,
    pub(crate) body: Option<String>,
    /// On whose behalf: user and group.
    pub(crate) as_user: Option<(&'a str, &'a str)>,
    pub(crate) token: Option<&'a str>,
}

/// A cluster with the namespace `team`.
pub(crate) async fn cluster() -> Cluster {
    let folder = tempfile::tempdir().unwrap();
    let (running, http) = start(&folder).await;
    let endpoint = running.endpoint("kubernetes").unwrap().clone();
    let cluster = Cluster { running: Some(running), http, url: endpoint.url, token: endpoint.token, folder };
    cluster.post("/api/v1/namespaces", json!({ "metadata": { "name": "team" } })).await.expect(201);
    cluster
}

async fn start(folder: &TempDir) -> (Running, Client) {
    let kubernetes = Kubernetes::new().namespace_delay(Duration::from_millis(50));
    let options = Options::empty(folder.path().join("sandbox.db"))
        .with(kubernetes, ServiceOptions { port: Some(0), ..ServiceOptions::default() });
    let running = Sandbox::start(options).await.unwrap();
    let ca = running.endpoint("kubernetes").unwrap().ca_pem.clone().unwrap();
    let authority = reqwest::Certificate::from_pem(ca.as_bytes()).unwrap();
    let http =
        Client::builder().no_proxy().user_agent("tests/1").tls_certs_only([authority]).build().unwrap();
    (running, http)
}

impl Cluster {
    pub(crate) async fn restart(&mut self) {
        self.running.take().unwrap().shutdown().await;
        let (running, http) = start(&self.folder).await;
        self.url.clone_from(&running.endpoint("kubernetes").unwrap().url);
        (self.running, self.http) = (Some(running), http);
    }

    pub(crate) fn request(&self, ask: Ask<'_>) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(ask.method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{}", self.url, ask.path));
        let token = ask.token.unwrap_or(&self.token);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some((user, group)) = ask.as_user {
            request = request.header("Impersonate-User", user).header("Impersonate-Group", group);
        }
        if !ask.accept.is_empty() {
            request = request.header("Accept", ask.accept);
        }
        if let Some(body) = ask.body {
            let kind = if ask.kind.is_empty() { "application/json" } else { ask.kind };
            request = request.header("Content-Type", kind).body(body);
        }
        request
    }

    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Got {
        got(self.request(ask).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.ask(Ask { method: "GET", path, ..Ask::default() }).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Got {
        self.ask(Ask { method: "POST", path, body: Some(body.to_string()), ..Ask::default() }).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Got {
        self.ask(Ask { method: "PUT", path, body: Some(body.to_string()), ..Ask::default() }).await
    }

    pub(crate) async fn patch(&self, path: &str, kind: &str, body: Value) -> Got {
        self.ask(Ask { method: "PATCH", path, kind, body: Some(body.to_string()), ..Ask::default() }).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Got {
        self.ask(Ask { method: "DELETE", path, ..Ask::default() }).await
    }

    /// Applies a config map with this data in `team`.
    pub(crate) async fn apply_map(&self, query: &str, name: &str, data: Value) -> Got {
        let body =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data });
        self.patch(&format!("{MAPS}/{name}?{query}"), APPLY, body).await
    }

    /// Makes a config map in `team`.
    pub(crate) async fn map(&self, name: &str, data: Value) -> Value {
        self.post(MAPS, json!({ "metadata": { "name": name }, "data": data })).await.expect(201)
    }
}

pub(crate) const MAPS: &str = "/api/v1/namespaces/team/configmaps";

//! A Kubernetes API server, as far as clients see one: discovery, storage with versions, server-side apply, watches,
//! access rules, quotas, custom resources, and OpenShift's projects, routes and cluster quotas.
//!
//! Start reading at `engine` (a request's way), `write` (how an object is stored) and `managed` (who owns a field).
//! No container ever runs. The answers follow those of kube-apiserver 1.36.

mod admission;
mod authz;
mod body;
mod bootstrap;
mod change;
mod controllers;
mod decode;
mod engine;
mod fieldset;
mod gojson;
mod http;
mod kinds;
mod managed;
mod members;
mod names;
mod openapi;
mod openshift;
mod patch;
mod protobody;
mod protobuf;
mod quantity;
mod read;
mod remove;
mod request;
mod resources;
mod reviews;
mod scale;
mod selector;
mod status;
mod structural;
mod table;
mod typed;
mod types;
mod watch;
mod world;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Router, http::StatusCode, response::Response};

use crate::{
    Endpoint,
    server::{Service, ServiceContext, ServiceError},
};

/// The version that the server says it is.
pub(crate) const VERSION: &str = "v1.36.2";

/// The Kubernetes emulator.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    delays: engine::Delays,
}

impl Default for Kubernetes {
    fn default() -> Kubernetes {
        Kubernetes::new()
    }
}

impl Kubernetes {
    /// With its usual settings: controllers answer within some tens of milliseconds, a namespace takes a quarter of
    /// a second to go.
    pub fn new() -> Kubernetes {
        let delays =
            engine::Delays { short: Duration::from_millis(15), namespace: Duration::from_millis(250) };
        Kubernetes { delays }
    }

    /// How long a namespace that is deleted stays before its contents go.
    pub fn namespace_delay(mut self, delay: Duration) -> Kubernetes {
        self.delays.namespace = delay;
        self
    }
}

impl Service for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn default_port(&self) -> u16 {
        16443
    }

    fn only_asks(&self, method: &str, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        method == "POST" && path.ends_with("reviews")
    }

    fn tls(&self) -> bool {
        true
    }

    fn new_token(&self) -> String {
        format!(
            "sha256~{}{}",
            uuid::Uuid::new_v4().simple(),
            &uuid::Uuid::new_v4().simple().to_string()[..11]
        )
    }

    fn router(&self, context: ServiceContext) -> Result<Router, ServiceError> {
        let ca_pem = context.ca_pem.clone().unwrap_or_default();
        let mut world = world::World::open(context.store.clone(), context.service, ca_pem)?;
        let server = engine::Server { url: context.url.clone(), delays: self.delays.clone() };
        bootstrap::seed(&mut world, &server.delays).map_err(|failure| {
            ServiceError::Other(format!("the cluster could not be made: {}", failure.message))
        })?;
        controllers::resume(&mut world);
        world.flush();
        let state = http::Api::new(world, server, context);
        tokio::spawn(tick(state.clone()));
        Ok(Router::new().fallback(http::handle).with_state(state))
    }

    fn fault_response(&self, status: StatusCode) -> Response {
        http::failure(&status::Failure::fault(status.as_u16()), http::Encoding::Json)
    }
}

/// Does the controllers' work when it is due.
async fn tick(api: http::Api) {
    let mut changed = {
        let world = api.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.subscribe()
    };
    loop {
        let due = {
            let mut world = api.world.lock().unwrap_or_else(PoisonError::into_inner);
            controllers::run(&mut world, &api.server);
            world.next_due()
        };
        let wake = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            () = api.stop.cancelled() => return,
            () = tokio::time::sleep_until(wake.into()) => {}
            changed = changed.changed() => if changed.is_err() { return },
        }
    }
}

type SharedWorld = Arc<Mutex<world::World>>;

/// A kubeconfig for kubectl, oc and every other client, in YAML. It has the token: keep it to its owner.
///
/// ```
/// let endpoint = pilotis_sandbox::Endpoint {
///     url: "https://127.0.0.1:16443".into(), token: "sha256~secret".into(), ca_pem: Some("PEM".into()),
/// };
/// let config = pilotis_sandbox::kubernetes::kubeconfig(&endpoint);
/// assert!(config.contains("server: https://127.0.0.1:16443"));
/// ```
pub fn kubeconfig(endpoint: &Endpoint) -> String {
    use base64::Engine;
    let ca = endpoint.ca_pem.as_deref().unwrap_or_default();
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "sandbox", "cluster": {
            "server": endpoint.url,
            "certificate-authority-data": base64::engine::general_purpose::STANDARD.encode(ca),
        } }],
        "users": [{ "name": "admin", "user": { "token": endpoint.token } }],
        "contexts": [{ "name": "sandbox", "context": { "cluster": "sandbox", "user": "admin" } }],
        "current-context": "sandbox",
    });
    yaml::write(&config)
}

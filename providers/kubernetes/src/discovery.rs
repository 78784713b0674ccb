//! Which kinds the cluster serves, and where: from its discovery, asked once for each apiVersion.
//!
//! <https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api>

use std::collections::HashMap;

use pilotis_sdk::{Error, ErrorKind};
use serde_json::Value as Json;
use tokio::sync::Mutex;

use crate::client::Client;

/// What identifies an object of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl Identity {
    /// Reads it from an object.
    pub(crate) fn of(manifest: &Json) -> Result<Identity, Error> {
        let lacks = |what: &str| {
            Error::new(ErrorKind::Invalid, format!("The manifest has no {what}"))
                .help("Write apiVersion, kind and metadata.name, as in a YAML file.")
        };
        let text = |json: &Json| json.as_str().filter(|s| !s.is_empty()).map(str::to_owned);
        let identity = Identity {
            api_version: text(&manifest["apiVersion"]).ok_or_else(|| lacks("apiVersion"))?,
            kind: text(&manifest["kind"]).ok_or_else(|| lacks("kind"))?,
            namespace: text(&manifest["metadata"]["namespace"]),
            name: text(&manifest["metadata"]["name"]).ok_or_else(|| lacks("metadata.name"))?,
        };
        let parts = [&identity.api_version, &identity.name].into_iter().chain(&identity.namespace);
        let wrong = |part: &&String| part.contains(['?', '#', '%', ' ']) || part.contains("..");
        if let Some(part) = parts.into_iter().find(wrong) {
            return Err(Error::new(ErrorKind::Invalid, format!("{part:?} is no name")));
        }
        Ok(identity)
    }

    /// It is the same object, in another version of its kind perhaps.
    pub(crate) fn is_same_object(&self, other: &Identity) -> bool {
        let group = |i: &Identity| i.api_version.split_once('/').map(|(group, _)| group.to_owned());
        let namespace = |i: &Identity| i.namespace.clone().unwrap_or_else(|| "default".into());
        group(self) == group(other)
            && self.kind == other.kind
            && self.name == other.name
            && namespace(self) == namespace(other)
    }

    /// The cluster has no such kind.
    fn unserved(&self) -> Error {
        let what = format!("The cluster has no kind {} in {}", self.kind, self.api_version);
        Error::new(ErrorKind::Unsupported, what)
            .help("Install its CustomResourceDefinition first; if the same configuration does, let this resource depend on it (depends_on).")
            .help("`kubectl api-resources` lists the kinds that there are.")
    }

    /// Reads `apiVersion=v1,kind=ConfigMap,namespace=default,name=x`.
    pub(crate) fn of_import(id: &str) -> Result<Identity, Error> {
        let parts: HashMap<&str, &str> = id.split(',').filter_map(|p| p.trim().split_once('=')).collect();
        let plain = |s: &&&str| !s.is_empty() && !s.contains(['?', '#', '%', ' ']) && !s.starts_with('/');
        let part = |name: &str| parts.get(name).filter(plain).map(|s| (*s).to_owned());
        match (part("apiVersion"), part("kind"), part("name")) {
            (Some(api_version), Some(kind), Some(name)) => {
                Ok(Identity { api_version, kind, namespace: part("namespace"), name })
            }
            _ => Err(Error::new(ErrorKind::Invalid, format!("{id:?} is no id of a manifest"))
                .help("Write apiVersion=v1,kind=ConfigMap,namespace=default,name=example.")),
        }
    }
}

/// What discovery says of a kind: its plural, and whether it lies in a namespace.
#[derive(Clone)]
struct Served {
    plural: String,
    namespaced: bool,
}

/// Discovery, once for each apiVersion of a run.
#[derive(Default)]
pub(crate) struct Discovery {
    known: Mutex<HashMap<String, HashMap<String, Served>>>,
}

impl Discovery {
    async fn served(&self, client: &Client, identity: &Identity) -> Result<Served, Error> {
        let mut known = self.known.lock().await;
        if let Some(found) = known.get(&identity.api_version).and_then(|kinds| kinds.get(&identity.kind)) {
            return Ok(found.clone());
        }
        let kinds = match client.get(&group_path(&identity.api_version)).await {
            // Only a server that is known to be one can say that it lacks something.
            Err(e) if e.kind == ErrorKind::Unsupported => {
                let groups = client.get("/apis").await;
                if !matches!(groups, Ok(Some(groups)) if groups["kind"] == "APIGroupList") {
                    return Err(Error { kind: ErrorKind::Garbage, ..e });
                }
                HashMap::new()
            }
            list => {
                let list = list?.unwrap_or_default();
                list["resources"].as_array().into_iter().flatten().filter_map(served_kind).collect()
            }
        };
        let found = kinds.get(&identity.kind).cloned();
        // What isn't there may be there later: the object that defines it may be made by the same run.
        if found.is_some() {
            known.insert(identity.api_version.clone(), kinds);
        }
        found.ok_or_else(|| client.about(&group_path(&identity.api_version), identity.unserved()))
    }
}

fn served_kind(resource: &Json) -> Option<(String, Served)> {
    let plural = resource["name"].as_str()?;
    if plural.contains('/') {
        return None;
    }
    let namespaced = resource["namespaced"].as_bool().unwrap_or(false);
    Some((resource["kind"].as_str()?.to_owned(), Served { plural: plural.to_owned(), namespaced }))
}

fn group_path(api_version: &str) -> String {
    if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") }
}

/// Where an object is served.
pub(crate) async fn path(client: &Client, identity: &Identity) -> Result<String, Error> {
    let served = client.discovery.served(client, identity).await?;
    let root = group_path(&identity.api_version);
    Ok(if served.namespaced {
        let namespace = identity.namespace.as_deref().unwrap_or("default");
        format!("{root}/namespaces/{namespace}/{}/{}", served.plural, identity.name)
    } else {
        format!("{root}/{}/{}", served.plural, identity.name)
    })
}

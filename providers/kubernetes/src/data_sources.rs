//! Data sources: objects that are there, all namespaces, any object, the server's version.

use std::collections::BTreeMap;

use pilotis_sdk::registry::ServiceClient as _;
use pilotis_sdk::typed::DataSource as Typed;
use pilotis_sdk::value::{Marks, Value};
use pilotis_sdk::{DataSource, Error, ErrorKind, Nested, Secret};
use serde_json::{Value as Json, json};

use crate::client::Client;
use crate::discovery::{self, Identity};
use crate::manifest;

/// A namespace that is there.
#[derive(Clone, Debug, DataSource)]
#[data_source(type = "kubernetes_namespace")]
pub(crate) struct NamespaceData {
    /// Its name.
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata; `name` says which.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Named>,
}

/// A config map that is there.
#[derive(Clone, Debug, DataSource)]
#[data_source(type = "kubernetes_config_map")]
pub(crate) struct ConfigMapData {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata; `namespace` and `name` say which.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<NamedIn>,
    /// Texts by key.
    #[attr(computed)]
    pub(crate) data: BTreeMap<String, String>,
    /// Bytes by key, in base64.
    #[attr(computed)]
    pub(crate) binary_data: BTreeMap<String, String>,
    /// It can't be changed any more.
    #[attr(computed)]
    pub(crate) immutable: bool,
}

/// Which, in no namespace.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Named {
    /// Its name.
    pub(crate) name: String,
    /// Its labels.
    #[attr(computed)]
    pub(crate) labels: BTreeMap<String, String>,
    /// Its annotations.
    #[attr(computed)]
    pub(crate) annotations: BTreeMap<String, String>,
    /// The server's id.
    #[attr(computed)]
    pub(crate) uid: String,
}

/// Which, in a namespace.
#[derive(Clone, Debug, Nested)]
pub(crate) struct NamedIn {
    /// Its name.
    pub(crate) name: String,
    /// Its namespace.
    #[attr(default = "default")]
    pub(crate) namespace: String,
    /// Its labels.
    #[attr(computed)]
    pub(crate) labels: BTreeMap<String, String>,
    /// Its annotations.
    #[attr(computed)]
    pub(crate) annotations: BTreeMap<String, String>,
    /// The server's id.
    #[attr(computed)]
    pub(crate) uid: String,
}

fn texts(json: &Json) -> BTreeMap<String, String> {
    let members = json.as_object().into_iter().flatten();
    members.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

fn missing(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("There is no {what} {name}"))
        .help("Is the name right, and is it the right cluster?")
}

/// A secret that is there.
#[derive(Clone, Debug, DataSource)]
#[data_source(type = "kubernetes_secret")]
pub(crate) struct SecretData {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata; `namespace` and `name` say which.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<NamedIn>,
    /// `Opaque`, `kubernetes.io/dockerconfigjson` …
    #[attr(name = "type", computed)]
    pub(crate) kind: String,
    /// Texts by key. What is no text is left out: ask for it in `binary_data`.
    #[attr(computed, secret = "made_readable")]
    pub(crate) data: BTreeMap<String, Secret>,
    /// Keys whose bytes are wanted, with empty values; they are filled in base64.
    #[attr(optional, computed, secret = "made_readable")]
    pub(crate) binary_data: Option<BTreeMap<String, Secret>>,
    /// It can't be changed any more.
    #[attr(computed)]
    pub(crate) immutable: bool,
}

/// A service account that is there.
#[derive(Clone, Debug, DataSource)]
#[data_source(type = "kubernetes_service_account")]
pub(crate) struct ServiceAccountData {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata; `namespace` and `name` say which.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<NamedIn>,
    /// Pods get a token of it.
    #[attr(computed)]
    pub(crate) automount_service_account_token: bool,
    /// Secrets that images are pulled with.
    #[attr(computed)]
    pub(crate) image_pull_secret: Vec<SecretName>,
    /// Secrets that its pods may use.
    #[attr(computed)]
    pub(crate) secret: Vec<SecretName>,
}

/// A secret of the same namespace.
#[derive(Clone, Debug, Nested)]
pub(crate) struct SecretName {
    /// Its name.
    pub(crate) name: String,
}

/// The names of all namespaces.
#[derive(Clone, Debug, DataSource)]
#[data_source(type = "kubernetes_all_namespaces")]
pub(crate) struct AllNamespaces {
    /// The cluster's address.
    #[attr(computed)]
    pub(crate) id: String,
    /// The names, sorted.
    #[attr(computed)]
    pub(crate) namespaces: Vec<String>,
}

/// Any object that is there.
#[derive(Clone, Debug, DataSource)]
#[data_source(type = "kubernetes_resource")]
pub(crate) struct AnyObject {
    /// `apps/v1`
    pub(crate) api_version: String,
    /// `Deployment`
    pub(crate) kind: String,
    /// Which.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Which>,
    /// The object.
    #[attr(computed)]
    pub(crate) object: Value,
}

/// Which object.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Which {
    /// Its name.
    pub(crate) name: String,
    /// Its namespace, if it lies in one; `default` unless said.
    pub(crate) namespace: Option<String>,
}

/// The version of the API server.
#[derive(Clone, Debug, DataSource)]
#[data_source(type = "kubernetes_server_version")]
pub(crate) struct ServerVersion {
    /// The cluster's address.
    #[attr(computed)]
    pub(crate) id: String,
    /// `1.33.2`
    #[attr(computed)]
    pub(crate) version: String,
    /// `v1.33.2`
    #[attr(computed)]
    pub(crate) git_version: String,
    /// `1`
    #[attr(computed)]
    pub(crate) major: String,
    /// `33`
    #[attr(computed)]
    pub(crate) minor: String,
    /// `linux/amd64`
    #[attr(computed)]
    pub(crate) platform: String,
}

/// An object of a namespace; its metadata is filled in.
async fn fill(client: &Client, plural: &str, metadata: &mut [NamedIn]) -> Result<(String, Json), Error> {
    let kind = match plural {
        "configmaps" => "ConfigMap",
        "secrets" => "Secret",
        _ => "ServiceAccount",
    };
    let Some(named) = metadata.first_mut() else { return Err(missing(kind, "without a name")) };
    let id = format!("{}/{}", named.namespace, named.name);
    let path = format!("/api/v1/namespaces/{}/{plural}/{}", named.namespace, named.name);
    let live = client.get(&path).await?.ok_or_else(|| client.about(&path, missing(kind, &id)))?;
    named.labels = texts(&live["metadata"]["labels"]);
    named.annotations = texts(&live["metadata"]["annotations"]);
    named.uid = live["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    Ok((id, live))
}

impl Typed for NamespaceData {
    type Client = Client;

    async fn read(client: &Client, mut wanted: NamespaceData) -> Result<NamespaceData, Error> {
        let Some(named) = wanted.metadata.first_mut() else {
            return Err(missing("Namespace", "without a name"));
        };
        let path = format!("/api/v1/namespaces/{}", named.name);
        let live = client.get(&path).await?;
        let live = live.ok_or_else(|| client.about(&path, missing("Namespace", &named.name)))?;
        wanted.id = named.name.clone();
        named.labels = texts(&live["metadata"]["labels"]);
        named.annotations = texts(&live["metadata"]["annotations"]);
        named.uid = live["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        Ok(wanted)
    }
}

impl Typed for ConfigMapData {
    type Client = Client;

    async fn read(client: &Client, mut wanted: ConfigMapData) -> Result<ConfigMapData, Error> {
        let (id, live) = fill(client, "configmaps", &mut wanted.metadata).await?;
        let immutable = live["immutable"].as_bool().unwrap_or(false);
        let (data, binary_data) = (texts(&live["data"]), texts(&live["binaryData"]));
        Ok(ConfigMapData { id, data, binary_data, immutable, ..wanted })
    }
}

impl Typed for SecretData {
    type Client = Client;

    async fn read(client: &Client, mut wanted: SecretData) -> Result<SecretData, Error> {
        let (id, live) = fill(client, "secrets", &mut wanted.metadata).await?;
        let all = texts(&live["data"]);
        let asked = wanted.binary_data.take();
        let bytes = |keys: BTreeMap<String, Secret>| {
            keys.into_keys().filter_map(|k| Some((k.clone(), Secret::new(all.get(&k)?.clone())))).collect()
        };
        let data = all.iter().filter_map(|(k, v)| Some((k.clone(), Secret::new(crate::secret::decode(v)?))));
        Ok(SecretData {
            id,
            kind: live["type"].as_str().unwrap_or_default().to_owned(),
            data: data.collect(),
            binary_data: asked.map(bytes),
            immutable: live["immutable"].as_bool().unwrap_or(false),
            ..wanted
        })
    }
}

impl Typed for ServiceAccountData {
    type Client = Client;

    async fn read(client: &Client, mut wanted: ServiceAccountData) -> Result<ServiceAccountData, Error> {
        let (id, live) = fill(client, "serviceaccounts", &mut wanted.metadata).await?;
        let names = |list: &Json| {
            let names = list.as_array().into_iter().flatten().filter_map(|s| s["name"].as_str());
            names.map(|name| SecretName { name: name.to_owned() }).collect()
        };
        Ok(ServiceAccountData {
            id,
            automount_service_account_token: live["automountServiceAccountToken"].as_bool().unwrap_or(true),
            image_pull_secret: names(&live["imagePullSecrets"]),
            secret: names(&live["secrets"]),
            ..wanted
        })
    }
}

impl Typed for AllNamespaces {
    type Client = Client;

    async fn read(client: &Client, _wanted: AllNamespaces) -> Result<AllNamespaces, Error> {
        let items = client.list("/api/v1/namespaces").await?;
        let mut namespaces: Vec<String> =
            items.iter().filter_map(|n| n["metadata"]["name"].as_str().map(str::to_owned)).collect();
        namespaces.sort();
        Ok(AllNamespaces { id: client.host(), namespaces })
    }
}

impl Typed for AnyObject {
    type Client = Client;

    async fn read(client: &Client, wanted: AnyObject) -> Result<AnyObject, Error> {
        let which = wanted.metadata.first();
        let identity = Identity::of(&json!({
            "apiVersion": wanted.api_version, "kind": wanted.kind,
            "metadata": {"name": which.map(|w| &w.name), "namespace": which.and_then(|w| w.namespace.as_ref())},
        }))?;
        let path = discovery::path(client, &identity).await?;
        let live = client.get(&path).await?;
        let live = live.ok_or_else(|| client.about(&path, missing(&identity.kind, &identity.name)))?;
        let object = manifest::shown(&live)?;
        let object = if live["kind"] == "Secret" { object.with_marks(Marks::SENSITIVE) } else { object };
        Ok(AnyObject { object, ..wanted })
    }
}

impl Typed for ServerVersion {
    type Client = Client;

    async fn read(client: &Client, _wanted: ServerVersion) -> Result<ServerVersion, Error> {
        let live = client.get("/version").await?.unwrap_or_default();
        let text = |name: &str| live[name].as_str().unwrap_or_default().to_owned();
        let git_version = text("gitVersion");
        Ok(ServerVersion {
            id: client.host(),
            version: git_version.trim_start_matches('v').to_owned(),
            git_version,
            major: text("major"),
            minor: text("minor"),
            platform: text("platform"),
        })
    }
}

//! What all typed kinds have in common: create, read, update, delete, list, find and import of one object.
//!
//! A create is a POST, which fails if the object is there. An update is a merge patch with only what changed, so that nobody's fields are
//! taken over. What is read is cut to what is managed ([`crate::codec::reconcile`]).

use std::collections::{BTreeSet, HashMap};

use futures::StreamExt as _;
use pilotis_sdk::model::Described;
use pilotis_sdk::typed::{Made, Match, Page, Scope};
use pilotis_sdk::value::Value;
use pilotis_sdk::{Error, ErrorKind};
use serde_json::{Map, Value as Json, json};

use crate::client::{Client, FIELD_MANAGER};
use crate::codec::{self, Renames};
use crate::error::without_secrets;
use crate::owned;

/// Up to this many namespaces are listed one by one; more are one listing of the cluster.
const FEW_NAMESPACES: usize = 3;
const LISTINGS_AT_ONCE: usize = 10;

/// Where a kind is served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    /// `v1`, `rbac.authorization.k8s.io/v1`
    pub(crate) api_version: &'static str,
    /// `RoleBinding`
    pub(crate) kind: &'static str,
    /// `rolebindings`
    pub(crate) plural: &'static str,
    /// It lies in a namespace.
    pub(crate) namespaced: bool,
}

impl Endpoint {
    /// The path of the collection: in a namespace, or of all.
    pub(crate) fn collection(&self, namespace: Option<&str>) -> String {
        let root = match self.api_version.split_once('/') {
            Some(_) => format!("/apis/{}", self.api_version),
            None => format!("/api/{}", self.api_version),
        };
        match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }
    /// The path of an object.
    pub(crate) fn object(&self, at: &Place) -> String {
        format!("{}/{}", self.collection(at.namespace.as_deref()), at.name)
    }
}

/// An object's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl Place {
    /// The id as the established provider writes it: `namespace/name`, or `name`.
    pub(crate) fn id(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }
    /// Reads an id.
    pub(crate) fn of_id(id: &str, endpoint: &Endpoint) -> Result<Place, Error> {
        let fault = |form: &str| {
            Error::new(ErrorKind::Invalid, format!("{id:?} is no id of a {}", endpoint.kind))
                .help(format!("Write {form}."))
        };
        let plain = |part: &str| !part.is_empty() && !part.contains(['/', '?', '#', '%', ' ']);
        match id.split_once('/') {
            Some((namespace, name)) if endpoint.namespaced && plain(namespace) && plain(name) => {
                Ok(Place { namespace: Some(namespace.to_owned()), name: name.to_owned() })
            }
            None if !endpoint.namespaced && plain(id) => Ok(Place { namespace: None, name: id.to_owned() }),
            _ if endpoint.namespaced => Err(fault("NAMESPACE/NAME")),
            _ => Err(fault("NAME")),
        }
    }
    fn of_object(object: &Json) -> Place {
        let text = |name: &str| object["metadata"][name].as_str().map(str::to_owned);
        Place { namespace: text("namespace"), name: text("name").unwrap_or_default() }
    }
}

/// A typed kind: a resource whose schema says where each argument goes.
pub(crate) trait Kind: Described + Clone + Send + Sync + 'static {
    /// Where it is served.
    const ENDPOINT: Endpoint;
    /// Names that don't follow the rule.
    const RENAMES: Renames = &[];
    /// Changes what is sent, where the schema alone can't say it.
    fn to_api(_object: &mut Map<String, Json>) {}
    /// Leaves out of an update what is not to be sent. Names the API's map, if there is one, of which this says all that is to be in
    /// it of ours: other keys that we have written are removed.
    fn changed(_prior: &Self, _planned: &mut Self) -> Option<&'static str> {
        None
    }
    /// Changes what was read, the other way round; `known` is what was planned or stored.
    fn from_api(_object: &mut Json, _known: Option<&Self>) {}
    /// Maps and lists of named blocks that others add to, beside labels and annotations: see [`codec::reconcile`].
    const SHARED: &[&str] = &[];
    /// The service's names of such lists: an update puts its own elements beside those of the others.
    const SHARED_LISTS: &[&str] = &[];
    /// The metadata's namespace and name.
    fn place(&self) -> Place {
        let value = self.to_value();
        let metadata = value.get("metadata").and_then(|m| m.as_elements()).and_then(|m| m.first().cloned());
        let text = |name: &str| metadata.as_ref()?.get(name)?.as_str().map(str::to_owned);
        Place {
            namespace: if Self::ENDPOINT.namespaced { text("namespace") } else { None },
            name: text("name").unwrap_or_default(),
        }
    }
}

/// The object as it is sent, without `apiVersion` and `kind`.
fn body<K: Kind>(resource: &K) -> Map<String, Json> {
    let mut object = codec::encode(&K::block(), &resource.to_value(), K::RENAMES);
    K::to_api(&mut object);
    object
}

/// Labels and annotations that the server sets itself: not taken over by an import.
const SERVER_LABELS: &[&str] = &[
    "kubernetes.io/metadata.name",
    "kubectl.kubernetes.io/",
    "deployment.kubernetes.io/",
    "rbac.authorization.kubernetes.io/",
    "openshift.io/sa.scc.",
    "openshift.io/requester",
    "security.openshift.io/",
    "pod-security.kubernetes.io/audit",
    "pod-security.kubernetes.io/warn",
];

/// A resource of a live object; `known` is what was planned or stored.
fn read_object<K: Kind>(live: &Json, known: Option<&K>) -> Result<K, Error> {
    let mut object = if known.is_some() { live.clone() } else { without_server_labels(live) };
    K::from_api(&mut object, known);
    let block = &K::shared_schema().block;
    let mut value = codec::decode(block, &object, K::RENAMES).map_err(|why| garbage::<K>(&why))?;
    if let Some(known) = known {
        let shared: Vec<&str> =
            ["metadata.labels", "metadata.annotations"].iter().chain(K::SHARED).copied().collect();
        let known = known.to_value();
        value = codec::reconcile(block, &value, &known, &shared);
        value = keep_version(value, &known);
    }
    let mut entries = value.as_entries().cloned().unwrap_or_default();
    entries.insert("id".into(), Value::string(Place::of_object(live).id()));
    Ok(K::from_value(&Value::object(entries))?)
}

/// A write that changed nothing of what is managed (a controller's status, another's label) is not told: the version stays as known.
fn keep_version(value: Value, known: &Value) -> Value {
    const VERSIONS: [&str; 2] = ["generation", "resource_version"];
    let metadata =
        |v: &Value| v.get("metadata").and_then(Value::as_elements).and_then(|m| m.first()).cloned();
    let (Some(live), Some(old)) = (metadata(&value), metadata(known)) else { return value };
    // A plan doesn't know it.
    if old.get("resource_version").and_then(Value::as_str).is_none_or(str::is_empty) {
        return value;
    }
    let Some(mut members) = live.as_entries().cloned() else { return value };
    for name in VERSIONS {
        if let Some(version) = old.get(name) {
            members.insert(name.into(), version.clone());
        }
    }
    let metadata = Value::object(members);
    let Some(mut entries) = value.as_entries().cloned() else { return value };
    entries.insert("metadata".into(), Value::list(metadata.ty(), vec![metadata]));
    let id = |v: &Value| v.get("id").cloned();
    entries.insert("id".into(), id(known).unwrap_or_else(|| Value::string("")));
    let kept = Value::object(entries);
    if kept.clone().unmark_deep().0 == known.clone().unmark_deep().0 { kept } else { value }
}

fn without_server_labels(live: &Json) -> Json {
    let mut object = live.clone();
    for group in ["labels", "annotations"] {
        let Some(map) = object["metadata"].get_mut(group).and_then(Json::as_object_mut) else { continue };
        map.retain(|key, _| !SERVER_LABELS.iter().any(|prefix| key.starts_with(prefix)));
        if map.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove(group);
        }
    }
    object
}

fn garbage<K: Kind>(why: &str) -> Error {
    Error::new(ErrorKind::Garbage, format!("The answer for a {} makes no sense", K::ENDPOINT.kind))
        .detail(why)
}

pub(crate) async fn create<K: Kind>(client: &Client, planned: K) -> Result<Made<K>, Error> {
    let endpoint = K::ENDPOINT;
    let mut object = body(&planned);
    object.insert("apiVersion".into(), json!(endpoint.api_version));
    object.insert("kind".into(), json!(endpoint.kind));
    let at = planned.place();
    let collection = endpoint.collection(at.namespace.as_deref());
    let live = client.post(&collection, &Json::Object(object)).await;
    let live = live.map_err(|e| without_secrets(e, &planned.to_value()))?;
    Ok(read_object(&live, Some(&planned))?.into())
}

pub(crate) async fn read<K: Kind>(client: &Client, prior: K) -> Result<Option<K>, Error> {
    let live = client.get(&K::ENDPOINT.object(&prior.place())).await?;
    live.filter(|live| !is_going(live)).map(|live| read_object(&live, Some(&prior))).transpose()
}

pub(crate) async fn update<K: Kind>(client: &Client, prior: K, planned: K) -> Result<K, Error> {
    let (mut sent, path) = (planned.clone(), K::ENDPOINT.object(&prior.place()));
    let whole = K::changed(&prior, &mut sent);
    let (before, after) = (body(&prior), body(&sent));
    let mut patch = codec::merge_patch(&before, &after);
    let gone = || {
        Error::new(ErrorKind::NotFound, format!("The {} {} is gone", K::ENDPOINT.kind, prior.place().id()))
            .help("Plan again: it will be made anew.")
    };
    if let Some(map) = whole {
        let live = client.get(&path).await?.ok_or_else(gone)?;
        let kept = |key: &String| after.get(map).is_some_and(|now| now.get(key).is_some());
        let stale: Vec<String> =
            owned::written(&live, map, FIELD_MANAGER).into_iter().filter(|key| !kept(key)).collect();
        let entries = patch.entry(map).or_insert_with(|| json!({}));
        stale.into_iter().for_each(|key| entries[key] = Json::Null);
    }
    let live = if patch.is_empty() {
        client.get(&path).await?.ok_or_else(gone)?
    } else if K::SHARED_LISTS.iter().any(|list| patch.contains_key(*list)) {
        patch_shared::<K>(client, &path, patch, &before, &after).await?
    } else {
        let live = client.merge_patch(&path, &Json::Object(patch)).await;
        live.map_err(|e| without_secrets(e, &planned.to_value()))?
    };
    read_object(&live, Some(&planned))
}

/// A merge patch replaces a list whole: it is made of what the others have in it, and holds only for the version that was read.
async fn patch_shared<K: Kind>(
    client: &Client,
    path: &str,
    mut patch: Map<String, Json>,
    before: &Map<String, Json>,
    after: &Map<String, Json>,
) -> Result<Json, Error> {
    let changed: Vec<&str> =
        K::SHARED_LISTS.iter().copied().filter(|list| patch.contains_key(*list)).collect();
    let mut tries = 0;
    loop {
        let live =
            client.get(path).await?.ok_or_else(|| Error::new(ErrorKind::NotFound, "The object is gone"))?;
        for list in &changed {
            let items = |object: Option<&Json>| object.and_then(Json::as_array).cloned().unwrap_or_default();
            let (old, new) = (items(before.get(*list)), items(after.get(*list)));
            let ours = |item: &Json| old.iter().chain(&new).any(|o| o["name"] == item["name"]);
            let others = items(live.get(*list)).into_iter().filter(|item| !ours(item));
            patch.insert((*list).to_owned(), others.chain(new.clone()).collect());
        }
        let metadata = patch.entry("metadata").or_insert_with(|| json!({}));
        metadata["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        tries += 1;
        match client.merge_patch(path, &Json::Object(patch.clone())).await {
            Err(e) if e.kind == ErrorKind::Conflict && tries < 5 => {}
            answer => return answer,
        }
    }
}

pub(crate) async fn delete<K: Kind>(client: &Client, prior: K) -> Result<(), Error> {
    client.delete(&K::ENDPOINT.object(&prior.place())).await
}

pub(crate) async fn find<K: Kind>(client: &Client, planned: K) -> Result<Match<K>, Error> {
    let at = planned.place();
    if at.name.is_empty() {
        return Ok(Match::Unknown("its name was to be made by the server".into()));
    }
    let live = client.get(&K::ENDPOINT.object(&at)).await?;
    let ours = live.filter(|live| !is_going(live) && made_by_us(live));
    Ok(ours.map(|live| read_object(&live, Some(&planned))).transpose()?.into())
}

pub(crate) async fn import<K: Kind>(client: &Client, id: &str) -> Result<K, Error> {
    let at = Place::of_id(id, &K::ENDPOINT)?;
    match client.get(&K::ENDPOINT.object(&at)).await? {
        Some(live) => read_object(&live, None),
        None => Err(Error::new(ErrorKind::NotFound, format!("There is no {} {id}", K::ENDPOINT.kind))),
    }
}

/// The wanted objects, from one listing of the whole cluster; if few namespaces matter, or that isn't allowed, from one of each.
pub(crate) async fn list<K: Kind>(client: &Client, scopes: Vec<Scope<K>>) -> Vec<Result<Page<K>, Error>> {
    let mut pages = Vec::with_capacity(scopes.len());
    for scope in scopes {
        pages.push(list_one(client, scope).await);
    }
    pages
}

async fn list_one<K: Kind>(client: &Client, scope: Scope<K>) -> Result<Page<K>, Error> {
    let wanted: HashMap<Place, &K> = scope.wanted.iter().map(|w| (w.place(), w)).collect();
    let namespaces: BTreeSet<String> = wanted.keys().filter_map(|at| at.namespace.clone()).collect();
    let (items, complete) = if K::ENDPOINT.namespaced && namespaces.len() <= FEW_NAMESPACES {
        list_namespaces::<K>(client, namespaces).await?
    } else {
        match client.list(&K::ENDPOINT.collection(None)).await {
            Err(e) if e.kind == ErrorKind::Forbidden && K::ENDPOINT.namespaced => {
                list_namespaces::<K>(client, namespaces).await?
            }
            listed => allowed(listed)?,
        }
    };
    let known = |item: &Json| wanted.get(&Place::of_object(item)).copied();
    let objects = items.iter().filter(|item| !is_going(item)).filter_map(|item| Some((item, known(item)?)));
    let objects = objects.map(|(item, known)| read_object(item, Some(known))).collect::<Result<_, _>>()?;
    Ok(Page { objects, complete })
}

/// Objects of namespaces, each listed by itself.
async fn list_namespaces<K: Kind>(
    client: &Client,
    namespaces: BTreeSet<String>,
) -> Result<(Vec<Json>, bool), Error> {
    let one = |namespace: String| async move {
        allowed(client.list(&K::ENDPOINT.collection(Some(&namespace))).await)
    };
    let mut listings = futures::stream::iter(namespaces.into_iter().map(one)).buffered(LISTINGS_AT_ONCE);
    let (mut all, mut complete) = (Vec::new(), true);
    while let Some(listing) = listings.next().await {
        let (items, whole) = listing?;
        all.extend(items);
        complete &= whole;
    }
    Ok((all, complete))
}

/// A listing, and whether it is complete: one that isn't allowed holds nothing and proves nothing, so that each object is read singly.
pub(crate) fn allowed(listed: Result<Vec<Json>, Error>) -> Result<(Vec<Json>, bool), Error> {
    match listed {
        Err(e) if e.kind == ErrorKind::Forbidden => Ok((Vec::new(), false)),
        listed => Ok((listed?, true)),
    }
}

/// A create of ours made it; else it was there before, and that create can only have been refused.
pub(crate) fn made_by_us(live: &Json) -> bool {
    let managers = live["metadata"]["managedFields"].as_array();
    managers.is_none_or(|all| all.is_empty() || all.iter().any(|m| m["manager"] == FIELD_MANAGER))
}

/// It is marked for deletion: as good as gone.
pub(crate) fn is_going(live: &Json) -> bool {
    live["metadata"].get("deletionTimestamp").is_some_and(|t| !t.is_null())
}

/// Makes a kind a resource.
macro_rules! kind {
    ($type:ty) => {
        impl pilotis_sdk::typed::Resource for $type {
            type Client = crate::client::Client;

            async fn create(
                client: &Self::Client,
                planned: Self,
            ) -> Result<pilotis_sdk::typed::Made<Self>, pilotis_sdk::Error> {
                crate::object::create(client, planned).await
            }
            async fn read(client: &Self::Client, prior: Self) -> Result<Option<Self>, pilotis_sdk::Error> {
                crate::object::read(client, prior).await
            }
            async fn update(
                client: &Self::Client,
                prior: Self,
                planned: Self,
            ) -> Result<Self, pilotis_sdk::Error> {
                crate::object::update(client, prior, planned).await
            }
            async fn delete(client: &Self::Client, prior: Self) -> Result<(), pilotis_sdk::Error> {
                crate::object::delete(client, prior).await
            }
            async fn list(
                client: &Self::Client,
                scopes: Vec<pilotis_sdk::typed::Scope<Self>>,
            ) -> Vec<Result<pilotis_sdk::typed::Page<Self>, pilotis_sdk::Error>> {
                crate::object::list(client, scopes).await
            }
            async fn find(
                client: &Self::Client,
                planned: Self,
            ) -> Result<pilotis_sdk::typed::Match<Self>, pilotis_sdk::Error> {
                crate::object::find(client, planned).await
            }
            async fn import(client: &Self::Client, id: &str) -> Result<Self, pilotis_sdk::Error> {
                crate::object::import(client, id).await
            }
        }
    };
}
pub(crate) use kind;

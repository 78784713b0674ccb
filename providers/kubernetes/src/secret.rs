//! `kubernetes_secret`

use std::collections::BTreeMap;

use pilotis_sdk::{Resource, Secret as SecretText};
use serde_json::{Map, Value as Json};

use crate::metadata::Metadata;
use crate::object::{Endpoint, Kind, kind};

/// A secret. <https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/>
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_secret", scope(), key(id), natural_key(metadata))]
pub(crate) struct Secret {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Metadata>,
    /// `Opaque`, `kubernetes.io/dockerconfigjson` …
    #[attr(name = "type", default = "Opaque", force_new)]
    pub(crate) kind: String,
    /// Texts by key. Only the keys given here are managed.
    #[attr(secret = "readable")]
    pub(crate) data: Option<BTreeMap<String, SecretText>>,
    /// Bytes by key, in base64.
    #[attr(secret = "readable")]
    pub(crate) binary_data: Option<BTreeMap<String, SecretText>>,
    /// Texts by key that are stored nowhere but in the cluster. They are sent when the secret is made, and again when
    /// `data_wo_revision` changes; keys that were sent before and are left out then are removed.
    #[attr(secret = "given_never_returned", write_only)]
    pub(crate) data_wo: Option<BTreeMap<String, SecretText>>,
    /// A number to be changed when `data_wo` is to be sent again.
    #[attr(local)]
    pub(crate) data_wo_revision: Option<i64>,
    /// Bytes by key, in base64, that are stored nowhere but in the cluster. As `data_wo`, with `binary_data_wo_revision`.
    #[attr(secret = "given_never_returned", write_only)]
    pub(crate) binary_data_wo: Option<BTreeMap<String, SecretText>>,
    /// A number to be changed when `binary_data_wo` is to be sent again.
    #[attr(local)]
    pub(crate) binary_data_wo_revision: Option<i64>,
    /// Can't be changed any more.
    #[attr(force_new)]
    pub(crate) immutable: Option<bool>,
}

/// The API has one `data`, in base64. What is known as `binary_data` stays there, though it may read as text.
const BINARY: &str = "binaryData";
const WRITE_ONLY: &str = "dataWo";
const BINARY_WRITE_ONLY: &str = "binaryDataWo";
/// Ours, not the API's.
const REVISIONS: [&str; 2] = ["dataWoRevision", "binaryDataWoRevision"];

impl Kind for Secret {
    const ENDPOINT: Endpoint =
        Endpoint { api_version: "v1", kind: "Secret", plural: "secrets", namespaced: true };

    fn to_api(object: &mut Map<String, Json>) {
        let mut data = Map::new();
        for name in ["data", WRITE_ONLY] {
            if let Some(Json::Object(texts)) = object.remove(name) {
                let encoded = |v: Json| Json::from(encode(v.as_str().unwrap_or_default()));
                data.extend(texts.into_iter().map(|(k, v)| (k, encoded(v))));
            }
        }
        for name in [BINARY, BINARY_WRITE_ONLY] {
            if let Some(Json::Object(bytes)) = object.remove(name) {
                data.extend(bytes);
            }
        }
        REVISIONS.iter().for_each(|name| drop(object.remove(*name)));
        if !data.is_empty() {
            object.insert("data".into(), Json::Object(data));
        }
    }

    const SHARED: &[&str] = &["data", "binary_data"];

    /// What isn't stored is the same as before unless its revision says otherwise: then all of it is sent.
    fn changed(prior: &Secret, planned: &mut Secret) -> Option<&'static str> {
        let texts = prior.data_wo_revision != planned.data_wo_revision;
        let bytes = prior.binary_data_wo_revision != planned.binary_data_wo_revision;
        if !texts && !bytes {
            (planned.data_wo, planned.binary_data_wo) = (None, None);
        }
        (texts || bytes).then_some("data")
    }

    fn from_api(object: &mut Json, known: Option<&Secret>) {
        let revisions = known.map(|k| [k.data_wo_revision, k.binary_data_wo_revision]).unwrap_or_default();
        for (name, revision) in REVISIONS.iter().zip(revisions) {
            object[name] = Json::from(revision);
        }
        let Some(Json::Object(data)) = object.get_mut("data").map(Json::take) else { return };
        let mut texts = Map::new();
        let mut bytes = Map::new();
        for (key, value) in data {
            let binary = known.and_then(|k| k.binary_data.as_ref()).is_some_and(|b| b.contains_key(&key));
            match value.as_str().filter(|_| !binary).and_then(decode) {
                Some(text) => texts.insert(key, Json::from(text)),
                None => bytes.insert(key, value),
            };
        }
        let put = |object: &mut Json, name: &str, map: Map<String, Json>| match object.as_object_mut() {
            Some(members) if map.is_empty() => drop(members.remove(name)),
            Some(members) => drop(members.insert(name.to_owned(), Json::Object(map))),
            None => {}
        };
        put(object, "data", texts);
        put(object, BINARY, bytes);
    }
}
kind!(Secret);

/// Base64, as the API has it.
pub(crate) fn encode(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// The text of base64, if it is text.
pub(crate) fn decode(data: &str) -> Option<String> {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(data).ok()?).ok()
}

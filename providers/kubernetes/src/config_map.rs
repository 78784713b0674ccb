//! `kubernetes_config_map`

use std::collections::BTreeMap;

use pilotis_sdk::Resource;

use crate::metadata::Metadata;
use crate::object::{Endpoint, Kind, kind};

/// Settings. <https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/config-map-v1/>
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_config_map", scope(), key(id), natural_key(metadata))]
pub(crate) struct ConfigMap {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Metadata>,
    /// Texts by key. Only the keys given here are managed.
    pub(crate) data: Option<BTreeMap<String, String>>,
    /// Bytes by key, in base64.
    pub(crate) binary_data: Option<BTreeMap<String, String>>,
    /// Can't be changed any more.
    #[attr(force_new)]
    pub(crate) immutable: Option<bool>,
}

impl Kind for ConfigMap {
    const ENDPOINT: Endpoint =
        Endpoint { api_version: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };
    const SHARED: &[&str] = &["data", "binary_data"];
}
kind!(ConfigMap);

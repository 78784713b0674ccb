//! `kubernetes_namespace`

use pilotis_sdk::Resource;

use crate::metadata::ClusterMetadata;
use crate::object::{Endpoint, Kind, kind};

/// A namespace. <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/namespace-v1/>
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_namespace", scope(), key(id), natural_key(metadata))]
pub(crate) struct Namespace {
    /// Its name.
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<ClusterMetadata>,
}

impl Kind for Namespace {
    const ENDPOINT: Endpoint =
        Endpoint { api_version: "v1", kind: "Namespace", plural: "namespaces", namespaced: false };
}
kind!(Namespace);

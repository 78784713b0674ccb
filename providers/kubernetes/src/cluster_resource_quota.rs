//! `openshift_cluster_resource_quota`

use std::collections::{BTreeMap, BTreeSet};

use pilotis_sdk::{Nested, Resource};

use crate::metadata::ClusterMetadata;
use crate::object::{Endpoint, Kind, kind};
use crate::rbac::LabelSelector;

/// A quota over several namespaces.
/// <https://docs.redhat.com/en/documentation/openshift_container_platform/4.18/html/schedule_and_quota_apis/clusterresourcequota-quota-openshift-io-v1>
#[derive(Clone, Debug, Resource)]
#[resource(type = "openshift_cluster_resource_quota", scope(), key(id), natural_key(metadata))]
pub(crate) struct ClusterResourceQuota {
    /// Its name.
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<ClusterMetadata>,
    /// The quota.
    #[attr(block, min = 1, max = 1)]
    pub(crate) spec: Vec<Spec>,
}

/// Which namespaces, and what they may use together.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Spec {
    /// Which namespaces: at least one of the two.
    #[attr(block, min = 1, max = 1)]
    pub(crate) selector: Vec<Selector>,
    /// What they may use together.
    #[attr(block, min = 1, max = 1)]
    pub(crate) quota: Vec<Quota>,
}

/// Which namespaces.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Selector {
    /// With these annotations.
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    /// With these labels.
    #[attr(block, max = 1)]
    pub(crate) labels: Vec<LabelSelector>,
}

/// What they may use together.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Quota {
    /// Hard limits by resource.
    #[attr(compare = "quantity")]
    pub(crate) hard: Option<BTreeMap<String, String>>,
    /// Which objects count.
    pub(crate) scopes: Option<BTreeSet<String>>,
}

impl Kind for ClusterResourceQuota {
    const ENDPOINT: Endpoint = Endpoint {
        api_version: "quota.openshift.io/v1",
        kind: "ClusterResourceQuota",
        plural: "clusterresourcequotas",
        namespaced: false,
    };
}
kind!(ClusterResourceQuota);

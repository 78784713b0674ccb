//! `kubernetes_limit_range`

use std::collections::BTreeMap;

use pilotis_sdk::{Nested, Resource};

use crate::metadata::Metadata;
use crate::object::{Endpoint, Kind, kind};

/// Limits of single objects in a namespace. <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/limit-range-v1/>
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_limit_range", scope(), key(id), natural_key(metadata))]
pub(crate) struct LimitRange {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Metadata>,
    /// The limits.
    #[attr(block, max = 1)]
    pub(crate) spec: Vec<Spec>,
}

/// The limits.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Spec {
    /// Limits of one kind of object.
    #[attr(block, min = 1)]
    pub(crate) limit: Vec<Limit>,
}

/// Limits of one kind of object. What is not given here, the server may fill in; that is left to it.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Limit {
    /// `Container`, `Pod` or `PersistentVolumeClaim`.
    #[attr(name = "type")]
    pub(crate) kind: Option<String>,
    /// Limits of a container that says none.
    #[attr(compare = "quantity")]
    pub(crate) default: Option<BTreeMap<String, String>>,
    /// Requests of a container that says none.
    #[attr(compare = "quantity")]
    pub(crate) default_request: Option<BTreeMap<String, String>>,
    /// The most.
    #[attr(compare = "quantity")]
    pub(crate) max: Option<BTreeMap<String, String>>,
    /// The least.
    #[attr(compare = "quantity")]
    pub(crate) min: Option<BTreeMap<String, String>>,
    /// How many times the request a limit may be.
    #[attr(compare = "quantity")]
    pub(crate) max_limit_request_ratio: Option<BTreeMap<String, String>>,
}

impl Kind for LimitRange {
    const ENDPOINT: Endpoint =
        Endpoint { api_version: "v1", kind: "LimitRange", plural: "limitranges", namespaced: true };
    const RENAMES: crate::codec::Renames = &[("limit", "limits")];
    // The server completes a container's limits from one another.
    const SHARED: &[&str] = &["spec.limit.default", "spec.limit.default_request"];
}
kind!(LimitRange);

//! `kubernetes_resource_quota`

use std::collections::{BTreeMap, BTreeSet};

use pilotis_sdk::{Nested, Resource};

use crate::metadata::Metadata;
use crate::object::{Endpoint, Kind, kind};

/// What a namespace may use. <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/resource-quota-v1/>
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_resource_quota", scope(), key(id), natural_key(metadata))]
pub(crate) struct ResourceQuota {
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

/// The limits of a quota.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Spec {
    /// Hard limits by resource: `limits.cpu = "2"`, `requests.memory = "4Gi"`.
    #[attr(compare = "quantity")]
    pub(crate) hard: Option<BTreeMap<String, String>>,
    /// Which objects count.
    #[attr(force_new)]
    pub(crate) scopes: Option<BTreeSet<String>>,
    /// Which objects count, by expression.
    #[attr(block, max = 1)]
    pub(crate) scope_selector: Vec<ScopeSelector>,
}

/// Which objects count.
#[derive(Clone, Debug, Nested)]
pub(crate) struct ScopeSelector {
    /// All of these hold.
    #[attr(block)]
    pub(crate) match_expression: Vec<ScopeExpression>,
}

/// One condition.
#[derive(Clone, Debug, Nested)]
pub(crate) struct ScopeExpression {
    /// `PriorityClass`, `Terminating` …
    pub(crate) scope_name: String,
    /// How it relates to the values.
    #[attr(one_of("In", "NotIn", "Exists", "DoesNotExist"))]
    pub(crate) operator: String,
    /// The values.
    pub(crate) values: Option<BTreeSet<String>>,
}

impl Kind for ResourceQuota {
    const ENDPOINT: Endpoint =
        Endpoint { api_version: "v1", kind: "ResourceQuota", plural: "resourcequotas", namespaced: true };
    const RENAMES: crate::codec::Renames = &[("match_expression", "matchExpressions")];
}
kind!(ResourceQuota);

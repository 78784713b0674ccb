//! `kubernetes_role`, `kubernetes_cluster_role` and their bindings.
//!
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>

use std::collections::{BTreeMap, BTreeSet};

use pilotis_sdk::{Nested, Resource};
use serde_json::Value as Json;

use crate::codec::Renames;
use crate::metadata::{ClusterMetadata, Metadata};
use crate::object::{Endpoint, Kind, kind};

const V1: &str = "rbac.authorization.k8s.io/v1";

/// What may be done in a namespace.
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_role", scope(), key(id), natural_key(metadata))]
pub(crate) struct Role {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Metadata>,
    /// The rules.
    #[attr(block, min = 1)]
    pub(crate) rule: Vec<Rule>,
}

/// What may be done to some resources of a namespace.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Rule {
    /// API groups; `""` is the core group.
    pub(crate) api_groups: BTreeSet<String>,
    /// Resources.
    pub(crate) resources: BTreeSet<String>,
    /// Only objects with these names.
    pub(crate) resource_names: Option<BTreeSet<String>>,
    /// What may be done.
    pub(crate) verbs: BTreeSet<String>,
}

/// What may be done in the whole cluster.
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_cluster_role", scope(), key(id), natural_key(metadata))]
pub(crate) struct ClusterRole {
    /// Its name.
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<ClusterMetadata>,
    /// The rules; left to the cluster if there is an `aggregation_rule`.
    #[attr(block)]
    pub(crate) rule: Vec<ClusterRule>,
    /// Takes the rules of other roles.
    #[attr(block, max = 1)]
    pub(crate) aggregation_rule: Vec<AggregationRule>,
}

/// What may be done to some resources of the cluster.
#[derive(Clone, Debug, Nested)]
pub(crate) struct ClusterRule {
    /// API groups; `""` is the core group.
    pub(crate) api_groups: Option<BTreeSet<String>>,
    /// Resources.
    pub(crate) resources: Option<BTreeSet<String>>,
    /// Only objects with these names.
    pub(crate) resource_names: Option<BTreeSet<String>>,
    /// Paths that are no resource.
    pub(crate) non_resource_urls: Option<BTreeSet<String>>,
    /// What may be done.
    pub(crate) verbs: BTreeSet<String>,
}

/// Which roles' rules are taken.
#[derive(Clone, Debug, Nested)]
pub(crate) struct AggregationRule {
    /// Roles with these labels.
    #[attr(block)]
    pub(crate) cluster_role_selectors: Vec<LabelSelector>,
}

/// Objects with these labels.
#[derive(Clone, Debug, Nested)]
pub(crate) struct LabelSelector {
    /// Equal to these.
    pub(crate) match_labels: Option<BTreeMap<String, String>>,
    /// All of these hold.
    #[attr(block)]
    pub(crate) match_expressions: Vec<LabelExpression>,
}

/// A condition on a label.
#[derive(Clone, Debug, Nested)]
pub(crate) struct LabelExpression {
    /// The label.
    pub(crate) key: Option<String>,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub(crate) operator: Option<String>,
    /// The values.
    pub(crate) values: Option<BTreeSet<String>>,
}

/// Who may do it in a namespace.
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_role_binding", scope(), key(id), natural_key(metadata))]
pub(crate) struct RoleBinding {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Metadata>,
    /// The role.
    #[attr(block, min = 1, max = 1)]
    pub(crate) role_ref: Vec<RoleRef>,
    /// Who.
    #[attr(block, min = 1)]
    pub(crate) subject: Vec<Subject>,
}

/// Who may do it in the whole cluster.
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_cluster_role_binding", scope(), key(id), natural_key(metadata))]
pub(crate) struct ClusterRoleBinding {
    /// Its name.
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<ClusterMetadata>,
    /// The role.
    #[attr(block, min = 1, max = 1)]
    pub(crate) role_ref: Vec<RoleRef>,
    /// Who.
    #[attr(block, min = 1)]
    pub(crate) subject: Vec<Subject>,
}

/// A role. It can't be changed: another one makes a new binding.
#[derive(Clone, Debug, Nested)]
pub(crate) struct RoleRef {
    /// `rbac.authorization.k8s.io`
    #[attr(force_new)]
    pub(crate) api_group: String,
    /// `Role` or `ClusterRole`.
    #[attr(force_new, one_of("Role", "ClusterRole"))]
    pub(crate) kind: String,
    /// Its name.
    #[attr(force_new)]
    pub(crate) name: String,
}

/// A user, a group or a service account.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Subject {
    /// `rbac.authorization.k8s.io` for users and groups, `""` for service accounts; the server knows.
    #[attr(optional, computed)]
    pub(crate) api_group: Option<String>,
    /// `User`, `Group` or `ServiceAccount`.
    #[attr(one_of("User", "Group", "ServiceAccount"))]
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// A service account's namespace.
    #[attr(default = "default")]
    pub(crate) namespace: String,
}

/// The rules of a role that takes others' are a controller's work.
fn without_aggregated_rules(object: &mut Json) {
    let aggregated = object.get("aggregationRule").is_some_and(|rule| !rule.is_null());
    if let Some(members) = object.as_object_mut().filter(|_| aggregated) {
        members.remove("rules");
    }
}

/// A subject's namespace is said of service accounts only; for the others the schema's default is put back when it is read.
fn subject_namespaces(object: &mut Json, write: bool) {
    for subject in object.get_mut("subjects").and_then(Json::as_array_mut).into_iter().flatten() {
        let account = subject["kind"] == "ServiceAccount";
        let Some(members) = subject.as_object_mut() else { continue };
        if write && !account {
            members.remove("namespace");
        } else if !write {
            members.entry("namespace").or_insert_with(|| Json::from("default"));
        }
    }
}

const RENAMES: Renames =
    &[("rule", "rules"), ("subject", "subjects"), ("non_resource_urls", "nonResourceURLs")];

macro_rules! rbac {
    ($type:ty, $kind:literal, $plural:literal, $namespaced:literal) => {
        impl Kind for $type {
            const ENDPOINT: Endpoint =
                Endpoint { api_version: V1, kind: $kind, plural: $plural, namespaced: $namespaced };
            const RENAMES: Renames = RENAMES;
            fn to_api(object: &mut serde_json::Map<String, Json>) {
                let mut whole = Json::Object(std::mem::take(object));
                subject_namespaces(&mut whole, true);
                if let Json::Object(members) = whole {
                    *object = members;
                }
            }
            fn from_api(object: &mut Json, _known: Option<&Self>) {
                subject_namespaces(object, false);
                without_aggregated_rules(object);
            }
        }
        kind!($type);
    };
}
rbac!(Role, "Role", "roles", true);
rbac!(ClusterRole, "ClusterRole", "clusterroles", false);
rbac!(RoleBinding, "RoleBinding", "rolebindings", true);
rbac!(ClusterRoleBinding, "ClusterRoleBinding", "clusterrolebindings", false);

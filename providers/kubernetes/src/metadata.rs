//! `metadata` of an object, as the established provider has it.
//!
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/>

use std::collections::BTreeMap;

use pilotis_sdk::Nested;

/// Standard metadata of a namespaced object.
#[derive(Clone, Debug, Default, Nested)]
pub(crate) struct Metadata {
    /// Annotations. Only those given here are managed.
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    /// The server makes a name that begins with this, if `name` is not given.
    #[attr(force_new)]
    pub(crate) generate_name: Option<String>,
    /// Counts the changes of the wanted state.
    #[attr(computed, volatile)]
    pub(crate) generation: i64,
    /// Labels. Only those given here are managed.
    pub(crate) labels: Option<BTreeMap<String, String>>,
    /// The name.
    #[attr(optional, computed, force_new)]
    pub(crate) name: String,
    /// The namespace.
    #[attr(default = "default", force_new)]
    pub(crate) namespace: String,
    /// The server's version of the object.
    #[attr(computed, volatile)]
    pub(crate) resource_version: String,
    /// The server's id of the object.
    #[attr(computed)]
    pub(crate) uid: String,
}

/// Standard metadata of an object that lies in no namespace.
#[derive(Clone, Debug, Default, Nested)]
pub(crate) struct ClusterMetadata {
    /// Annotations. Only those given here are managed.
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    /// The server makes a name that begins with this, if `name` is not given.
    #[attr(force_new)]
    pub(crate) generate_name: Option<String>,
    /// Counts the changes of the wanted state.
    #[attr(computed, volatile)]
    pub(crate) generation: i64,
    /// Labels. Only those given here are managed.
    pub(crate) labels: Option<BTreeMap<String, String>>,
    /// The name.
    #[attr(optional, computed, force_new)]
    pub(crate) name: String,
    /// The server's version of the object.
    #[attr(computed, volatile)]
    pub(crate) resource_version: String,
    /// The server's id of the object.
    #[attr(computed)]
    pub(crate) uid: String,
}

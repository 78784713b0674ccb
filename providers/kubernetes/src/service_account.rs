//! `kubernetes_service_account`

use pilotis_sdk::{Nested, Resource};

use crate::metadata::Metadata;
use crate::object::{Endpoint, Kind, kind};

/// An account of pods. <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/service-account-v1/>
///
/// OpenShift adds pull secrets of its own; only those given here are managed.
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_service_account", scope(), key(id), natural_key(metadata))]
pub(crate) struct ServiceAccount {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Metadata>,
    /// Pods get a token of it.
    #[attr(default = true)]
    pub(crate) automount_service_account_token: bool,
    /// Secrets that images are pulled with.
    #[attr(block)]
    pub(crate) image_pull_secret: Vec<Reference>,
    /// Secrets that its pods may use.
    #[attr(block)]
    pub(crate) secret: Vec<Reference>,
}

/// A secret of the same namespace.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Reference {
    /// Its name.
    pub(crate) name: Option<String>,
}

impl Kind for ServiceAccount {
    const ENDPOINT: Endpoint =
        Endpoint { api_version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", namespaced: true };
    const RENAMES: crate::codec::Renames =
        &[("image_pull_secret", "imagePullSecrets"), ("secret", "secrets")];
    const SHARED: &[&str] = &["image_pull_secret", "secret"];
    const SHARED_LISTS: &[&str] = &["imagePullSecrets", "secrets"];
}
kind!(ServiceAccount);

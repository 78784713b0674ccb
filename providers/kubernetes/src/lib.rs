//! The Kubernetes and OpenShift provider.
//!
//! Typed kinds share one mechanism ([`object`]): a kind is a struct whose schema says where each argument goes. Any other
//! object is a `kubernetes_manifest`, by server-side apply. Only this crate names `kube`.

mod client;
mod cluster_resource_quota;
mod codec;
mod config;
mod config_map;
mod data_sources;
mod discovery;
mod error;
mod field_path;
mod kubeconfig;
mod limit_range;
mod manifest;
mod metadata;
mod namespace;
mod network_policy;
mod object;
mod openshift_project;
mod owned;
mod proxy;
mod quantity;
mod rbac;
mod resource_quota;
mod secret;
mod service_account;
#[cfg(test)]
mod tests;
mod token_request;
mod wait;

use pilotis_sdk::registry::{ProviderType, Registry, TypedProvider};
use pilotis_sdk::{Environment, Error, Provider};

use client::Client;

/// The provider.
pub fn provider() -> impl Provider {
    TypedProvider::<Kubernetes>::new()
}

/// What the provider is made of.
struct Kubernetes;

impl ProviderType for Kubernetes {
    type Config = config::Config;
    type Client = Client;

    async fn connect(config: config::Config, environment: &Environment) -> Result<Client, Error> {
        config::connect(config, environment).await
    }

    fn registry() -> Registry<Client> {
        let registry = Registry::new::<config::Config>(
            "kubernetes",
            "registry.terraform.io/hashicorp/kubernetes",
            "2.38.0",
        );
        data_sources(resources(registry)).ephemeral::<token_request::TokenRequest>()
    }
}

/// Each typed kind has a second name, with its version, as in the established provider.
fn resources(registry: Registry<Client>) -> Registry<Client> {
    registry
        .resource::<namespace::Namespace>()
        .resource_alias::<namespace::Namespace>("kubernetes_namespace_v1")
        .resource::<resource_quota::ResourceQuota>()
        .resource_alias::<resource_quota::ResourceQuota>("kubernetes_resource_quota_v1")
        .resource::<limit_range::LimitRange>()
        .resource_alias::<limit_range::LimitRange>("kubernetes_limit_range_v1")
        .resource::<rbac::Role>()
        .resource_alias::<rbac::Role>("kubernetes_role_v1")
        .resource::<rbac::ClusterRole>()
        .resource_alias::<rbac::ClusterRole>("kubernetes_cluster_role_v1")
        .resource::<rbac::RoleBinding>()
        .resource_alias::<rbac::RoleBinding>("kubernetes_role_binding_v1")
        .resource::<rbac::ClusterRoleBinding>()
        .resource_alias::<rbac::ClusterRoleBinding>("kubernetes_cluster_role_binding_v1")
        .resource::<service_account::ServiceAccount>()
        .resource_alias::<service_account::ServiceAccount>("kubernetes_service_account_v1")
        .resource::<network_policy::NetworkPolicy>()
        .resource_alias::<network_policy::NetworkPolicy>("kubernetes_network_policy_v1")
        .resource::<secret::Secret>()
        .resource_alias::<secret::Secret>("kubernetes_secret_v1")
        .resource::<config_map::ConfigMap>()
        .resource_alias::<config_map::ConfigMap>("kubernetes_config_map_v1")
        .resource::<manifest::Manifest>()
        .resource::<openshift_project::Project>()
        .resource::<cluster_resource_quota::ClusterResourceQuota>()
}

fn data_sources(registry: Registry<Client>) -> Registry<Client> {
    use data_sources::{
        AllNamespaces, AnyObject, ConfigMapData, NamespaceData, SecretData, ServerVersion, ServiceAccountData,
    };
    registry
        .data_source::<NamespaceData>()
        .data_source_alias::<NamespaceData>("kubernetes_namespace_v1")
        .data_source::<ConfigMapData>()
        .data_source_alias::<ConfigMapData>("kubernetes_config_map_v1")
        .data_source::<SecretData>()
        .data_source_alias::<SecretData>("kubernetes_secret_v1")
        .data_source::<ServiceAccountData>()
        .data_source_alias::<ServiceAccountData>("kubernetes_service_account_v1")
        .data_source::<AllNamespaces>()
        .data_source::<AnyObject>()
        .data_source::<ServerVersion>()
}

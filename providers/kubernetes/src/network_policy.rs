//! `kubernetes_network_policy`

use pilotis_sdk::{Nested, Resource};

use crate::codec::Renames;
use crate::metadata::Metadata;
use crate::object::{Endpoint, Kind, kind};
use crate::rbac::LabelSelector;

/// Who may talk to pods. <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/>
#[derive(Clone, Debug, Resource)]
#[resource(type = "kubernetes_network_policy", scope(), key(id), natural_key(metadata))]
pub(crate) struct NetworkPolicy {
    /// `namespace/name`
    #[attr(computed)]
    pub(crate) id: String,
    /// Standard metadata.
    #[attr(block, min = 1, max = 1)]
    pub(crate) metadata: Vec<Metadata>,
    /// The policy.
    #[attr(block, min = 1, max = 1)]
    pub(crate) spec: Vec<Spec>,
}

/// The policy.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Spec {
    /// Which pods it is about; empty: all of the namespace.
    #[attr(block, min = 1, max = 1)]
    pub(crate) pod_selector: Vec<LabelSelector>,
    /// `Ingress`, `Egress`.
    pub(crate) policy_types: Vec<String>,
    /// What may come in.
    #[attr(block)]
    pub(crate) ingress: Vec<Ingress>,
    /// What may go out.
    #[attr(block)]
    pub(crate) egress: Vec<Egress>,
}

/// What may come in.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Ingress {
    /// From these; none: from anywhere.
    #[attr(block)]
    pub(crate) from: Vec<Peer>,
    /// To these ports; none: to any.
    #[attr(block)]
    pub(crate) ports: Vec<Port>,
}

/// What may go out.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Egress {
    /// To these; none: to anywhere.
    #[attr(block)]
    pub(crate) to: Vec<Peer>,
    /// To these ports; none: to any.
    #[attr(block)]
    pub(crate) ports: Vec<Port>,
}

/// Pods, namespaces or addresses.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Peer {
    /// Addresses.
    #[attr(block, max = 1)]
    pub(crate) ip_block: Vec<IpBlock>,
    /// Namespaces with these labels.
    #[attr(block, max = 1)]
    pub(crate) namespace_selector: Vec<LabelSelector>,
    /// Pods with these labels.
    #[attr(block, max = 1)]
    pub(crate) pod_selector: Vec<LabelSelector>,
}

/// Addresses.
#[derive(Clone, Debug, Nested)]
pub(crate) struct IpBlock {
    /// `10.0.0.0/8`
    pub(crate) cidr: String,
    /// But not these.
    pub(crate) except: Option<Vec<String>>,
}

/// A port.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Port {
    /// Number or name.
    pub(crate) port: Option<String>,
    /// The last of a range.
    pub(crate) end_port: Option<i64>,
    /// `TCP`, `UDP` or `SCTP`.
    #[attr(default = "TCP")]
    pub(crate) protocol: String,
}

/// A port is a number if it reads as one.
fn ports_as_numbers(json: &mut serde_json::Value) {
    for direction in ["ingress", "egress"] {
        for rule in json["spec"].get_mut(direction).and_then(|r| r.as_array_mut()).into_iter().flatten() {
            for port in rule.get_mut("ports").and_then(|p| p.as_array_mut()).into_iter().flatten() {
                if let Some(number) = port["port"].as_str().and_then(|p| p.parse::<u16>().ok()) {
                    port["port"] = number.into();
                }
            }
        }
    }
}

impl Kind for NetworkPolicy {
    const ENDPOINT: Endpoint = Endpoint {
        api_version: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        plural: "networkpolicies",
        namespaced: true,
    };
    const RENAMES: Renames = &[];
    fn to_api(object: &mut serde_json::Map<String, serde_json::Value>) {
        let mut whole = serde_json::Value::Object(std::mem::take(object));
        ports_as_numbers(&mut whole);
        if let serde_json::Value::Object(members) = whole {
            *object = members;
        }
    }
}
kind!(NetworkPolicy);

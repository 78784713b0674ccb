//! What is particular to a kind: defaults, checks, what may not change. One file for each family of kinds.

mod config;
mod crd;
mod network;
mod pods;
mod quotas;
mod rbac;
mod workloads;

use serde_json::{Map, Value, json};

pub(crate) use crd::{establish, schema_name};
pub(crate) use network::allocate as allocate_service;
pub(crate) use pods::{admit as admit_pod, limits as pod_limits};

use super::{
    names::{self, NameRule},
    resources::Resource,
    status::Cause,
    structural,
};

/// Fills in what the API server fills in when it reads an object.
pub(crate) fn set_defaults(resource: &Resource, object: &mut Value) {
    match resource.plural.as_str() {
        "namespaces" if resource.group.is_empty() => config::namespace_defaults(object),
        "secrets" => config::secret_defaults(object),
        "limitranges" => quotas::limit_range_defaults(object),
        "pods" => pods::defaults(object, "/spec"),
        "services" => network::service_defaults(object),
        "networkpolicies" => network::policy_defaults(object),
        "deployments" | "statefulsets" | "daemonsets" | "jobs" | "cronjobs" => {
            workloads::defaults(resource.plural.as_str(), object);
        }
        "rolebindings" | "clusterrolebindings" => rbac::binding_defaults(object),
        "customresourcedefinitions" => crd::defaults(object),
        _ => {}
    }
}

/// What is wrong with an object; `old` is what it was, if it is an update.
pub(crate) fn check(resource: &Resource, object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    check_common(resource, object, old, &mut causes);
    if let Some(custom) = &resource.custom {
        if let Some(node) = &custom.metadata {
            structural::check_part(node, &object["metadata"], "metadata", &mut causes);
        }
        causes.extend(structural::check(&resource.node, object));
        return causes;
    }
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "configmaps") => config::check_config_map(object, old, &mut causes),
        ("", "secrets") => config::check_secret(object, old, &mut causes),
        ("", "resourcequotas") => quotas::check_quota(object, old, &mut causes),
        ("", "limitranges") => quotas::check_limit_range(object, &mut causes),
        ("", "pods") => pods::check(object, old, &mut causes),
        ("", "services") => network::check_service(object, old, &mut causes),
        ("", "persistentvolumeclaims") => workloads::check_claim(object, old, &mut causes),
        ("networking.k8s.io", "networkpolicies") => network::check_policy(object, &mut causes),
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => {
            rbac::check_role(resource, object, &mut causes)
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            rbac::check_binding(resource, object, old, &mut causes);
        }
        ("apps" | "batch", kind) => workloads::check(kind, object, old, &mut causes),
        ("apiextensions.k8s.io", "customresourcedefinitions") => crd::check(object, old, &mut causes),
        _ => {}
    }
    causes
}

fn check_common(resource: &Resource, object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let empty = Map::new();
    let metadata = object["metadata"].as_object().unwrap_or(&empty);
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default();
    if old.is_none() {
        if name.is_empty() {
            causes.push(Cause::required("metadata.name", "name or generateName is required"));
        } else {
            let rule = if resource.is_custom() { NameRule::Subdomain } else { resource.name_rule() };
            for error in names::name_errors(rule, name) {
                causes.push(Cause::invalid("metadata.name", &name.into(), &error));
            }
        }
    }
    names::check_metadata(metadata, causes);
    let Some(old) = old.filter(|old| !old["metadata"]["deletionTimestamp"].is_null()) else { return };
    let list = |object: &Value| -> Vec<String> {
        let list = object["metadata"]["finalizers"].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let before = list(old);
    let added: Vec<String> =
        list(object).iter().filter(|name| !before.contains(name)).map(|name| format!("{name:?}")).collect();
    if !added.is_empty() {
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            added.join(", ")
        );
        // The API server checks it twice, and says it once.
        causes.push(Cause::forbidden("metadata.finalizers", &why));
        causes.push(Cause::forbidden("metadata.finalizers", &why));
    }
}

/// The status of a new object of a kind that has one.
pub(crate) fn initial_status(resource: &Resource, object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => {
            map.insert("status".into(), json!({ "phase": "Active" }));
        }
        ("", "pods") => {
            let class = pods::quality(&map["spec"]);
            map.insert("status".into(), json!({ "phase": "Pending", "qosClass": class }));
        }
        ("", "persistentvolumeclaims" | "persistentvolumes") => {
            map.insert("status".into(), json!({ "phase": "Pending" }));
        }
        ("", "services") => {
            map.insert("status".into(), json!({ "loadBalancer": {} }));
        }
        _ if resource.has_status() => {
            map.shift_remove("status");
        }
        _ => {}
    }
}

/// `object[a][b]…`, made if it is not there.
pub(crate) fn entry<'a>(object: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    let mut at = object;
    for name in path {
        if !at[*name].is_object() {
            at[*name] = Value::Object(Map::new());
        }
        at = &mut at[*name];
    }
    at.as_object_mut().expect("made as an object just now")
}

/// Sets a field that is not there.
pub(crate) fn default(map: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    if map.get(name).is_none_or(Value::is_null) {
        map.insert(name.to_owned(), value.into());
    }
}

/// A field that may not change.
pub(crate) fn immutable(field: &str, new: &Value, old: &Value, causes: &mut Vec<Cause>) {
    if new != old {
        causes.push(Cause::invalid(field, new, "field is immutable"));
    }
}

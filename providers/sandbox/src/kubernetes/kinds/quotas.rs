//! Resource quotas and limit ranges as objects; what they do to others is in `admission`.

use serde_json::{Map, Value};

use super::entry;
use crate::kubernetes::{names, quantity::Quantity, status::Cause};

/// Names that a quota may limit without a prefix.
const STANDARD: [&str; 24] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "services",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
    "count/pods",
    "count/services",
    "count/secrets",
    "count/configmaps",
];

/// Numbers of things are whole.
const COUNTED: [&str; 9] = [
    "pods",
    "services",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

fn check_name(field: &str, name: &str, causes: &mut Vec<Cause>) {
    let shown = Value::from(name);
    for error in names::key_errors(name) {
        causes.push(Cause::invalid(field, &shown, &error));
    }
    let known = STANDARD.contains(&name) || name.starts_with("requests.") && name.contains('/');
    if !name.contains('/') && !known {
        causes.push(Cause::invalid(field, &shown, "must be a standard resource type or fully qualified"));
        causes.push(Cause::invalid(field, &shown, "must be a standard resource for quota"));
    }
}

pub(super) fn check_quota(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let hard = object["spec"]["hard"].as_object();
    // The API server walks an unordered map; standard names first is what it is most often seen to say.
    let mut names: Vec<_> = hard.into_iter().flatten().collect();
    names.sort_by_key(|(name, _)| (!STANDARD.contains(&name.as_str()), name.as_str()));
    for (name, value) in names {
        let field = format!("spec.hard[{name}]");
        check_name(&field, name, causes);
        let Some(quantity) = Quantity::of(value) else { continue };
        if quantity.is_negative() {
            causes.push(Cause::invalid(&field, value, "must be greater than or equal to 0"));
        }
        if (COUNTED.contains(&name.as_str()) || name.starts_with("count/")) && !quantity.is_whole() {
            causes.push(Cause::invalid(&field, value, "must be an integer"));
        }
    }
    const SCOPES: [&str; 6] = [
        "Terminating",
        "NotTerminating",
        "BestEffort",
        "NotBestEffort",
        "PriorityClass",
        "CrossNamespacePodAffinity",
    ];
    for scope in object["spec"]["scopes"].as_array().into_iter().flatten() {
        if !SCOPES.contains(&scope.as_str().unwrap_or_default()) {
            causes.push(Cause::invalid("spec.scopes", &object["spec"]["scopes"], "unsupported scope"));
        }
    }
    if let Some(old) = old {
        for field in ["scopes", "scopeSelector"] {
            if object["spec"][field] != old["spec"][field] {
                let path = format!("spec.{field}");
                causes.push(Cause::invalid(path, &object["spec"][field], "field is immutable"));
            }
        }
    }
}

/// What a container gets by default: the maximum, or what it gets as limit, or the minimum.
pub(super) fn limit_range_defaults(object: &mut Value) {
    for item in object["spec"]["limits"].as_array_mut().into_iter().flatten() {
        if item["type"].as_str() != Some("Container") {
            continue;
        }
        for (to, from) in [("default", "max"), ("defaultRequest", "default"), ("defaultRequest", "min")] {
            let source: Map<String, Value> = item[from].as_object().cloned().unwrap_or_default();
            if source.is_empty() {
                continue;
            }
            let target = entry(item, &[to]);
            for (name, value) in source {
                target.entry(name).or_insert(value);
            }
            target.sort_keys();
        }
    }
}

pub(super) fn check_limit_range(object: &Value, causes: &mut Vec<Cause>) {
    let mut seen = Vec::new();
    for (at, item) in object["spec"]["limits"].as_array().into_iter().flatten().enumerate() {
        let field = format!("spec.limits[{at}]");
        let kind = item["type"].as_str().unwrap_or_default();
        if kind.is_empty() {
            causes.push(Cause::required(format!("{field}.type"), ""));
        } else if !["Container", "Pod", "PersistentVolumeClaim"].contains(&kind) && !kind.contains('/') {
            let why = "must be a standard limit type or fully qualified";
            causes.push(Cause::invalid(format!("{field}.type"), &kind.into(), why));
        }
        if seen.contains(&kind) {
            causes.push(Cause::duplicate(format!("{field}.type"), &kind.into()));
        }
        seen.push(kind);
        check_limits(item, kind, &field, causes);
    }
}

fn check_limits(item: &Value, kind: &str, field: &str, causes: &mut Vec<Cause>) {
    let amounts = |list: &str| item[list].as_object();
    if kind == "Pod" {
        for list in ["default", "defaultRequest"] {
            if amounts(list).is_some_and(|map| !map.is_empty()) {
                let why = "may not be specified when `type` is 'Pod'".to_string();
                causes.push(Cause::forbidden(format!("{field}.{list}"), &why));
            }
        }
    }
    let mut names: Vec<&String> = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"]
        .iter()
        .filter_map(|list| amounts(list))
        .flat_map(Map::keys)
        .collect();
    names.sort();
    names.dedup();
    for name in names {
        let amount = |list: &str| item[list].get(name).and_then(Quantity::of);
        let mut order = |low: (&str, &str), high: (&str, &str), at: &str, shown: &str| {
            if let (Some(a), Some(b)) = (amount(low.0), amount(high.0))
                && a > b
            {
                let value = item[shown][name.as_str()].clone();
                let why = format!("{} value {a} is greater than {} value {b}", low.1, high.1);
                causes.push(Cause::invalid(format!("{field}.{at}[{name}]"), &value, &why));
            }
        };
        order(("min", "min"), ("max", "max"), "min", "min");
        order(("min", "min"), ("defaultRequest", "default request"), "defaultRequest", "defaultRequest");
        order(("defaultRequest", "default request"), ("max", "max"), "defaultRequest", "defaultRequest");
        order(
            ("defaultRequest", "default request"),
            ("default", "default limit"),
            "defaultRequest",
            "defaultRequest",
        );
        order(("min", "min"), ("default", "default"), "default", "min");
        order(("default", "default"), ("max", "max"), "default", "default");
    }
}

//! Roles and bindings.

use serde_json::{Value, json};

use crate::kubernetes::{resources::Resource, status::Cause};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Users, groups and the role are in RBAC's API group if none is given.
pub(super) fn binding_defaults(object: &mut Value) {
    for subject in object["subjects"].as_array_mut().into_iter().flatten() {
        let other = matches!(subject["kind"].as_str(), Some("User" | "Group"));
        if other && subject["apiGroup"].as_str().unwrap_or_default().is_empty() {
            subject["apiGroup"] = GROUP.into();
        }
    }
    if object["roleRef"]["apiGroup"].as_str().unwrap_or_default().is_empty() && object["roleRef"].is_object()
    {
        object["roleRef"]["apiGroup"] = GROUP.into();
    }
}

fn filled(rule: &Value, list: &str) -> bool {
    rule[list].as_array().is_some_and(|items| !items.is_empty())
}

pub(super) fn check_role(resource: &Resource, object: &Value, causes: &mut Vec<Cause>) {
    for (at, rule) in object["rules"].as_array().into_iter().flatten().enumerate() {
        let field = |name: &str| format!("rules[{at}].{name}");
        if !filled(rule, "verbs") {
            causes.push(Cause::required(field("verbs"), "verbs must contain at least one value"));
        }
        if filled(rule, "nonResourceURLs") {
            if resource.namespaced {
                let why = "namespaced rules cannot apply to non-resource URLs";
                causes.push(Cause::invalid(field("nonResourceURLs"), &rule["nonResourceURLs"], why));
            }
            if ["apiGroups", "resources", "resourceNames"].iter().any(|list| filled(rule, list)) {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                causes.push(Cause::invalid(field("nonResourceURLs"), &rule["nonResourceURLs"], why));
            }
            continue;
        }
        if !filled(rule, "apiGroups") {
            causes.push(Cause::required(
                field("apiGroups"),
                "resource rules must supply at least one api group",
            ));
        }
        if !filled(rule, "resources") {
            causes.push(Cause::required(
                field("resources"),
                "resource rules must supply at least one resource",
            ));
        }
    }
}

pub(super) fn check_binding(
    resource: &Resource,
    object: &Value,
    old: Option<&Value>,
    causes: &mut Vec<Cause>,
) {
    let role = &object["roleRef"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if text(&role["apiGroup"]) != GROUP {
        causes.push(Cause::unsupported("roleRef.apiGroup", &role["apiGroup"], &[GROUP]));
    }
    let kinds: &[&str] = if resource.namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&text(&role["kind"]).as_str()) {
        causes.push(Cause::unsupported("roleRef.kind", &text(&role["kind"]).into(), kinds));
    }
    if text(&role["name"]).is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    }
    for (at, subject) in object["subjects"].as_array().into_iter().flatten().enumerate() {
        check_subject(resource, subject, &format!("subjects[{at}]"), causes);
    }
    if let Some(old) = old.filter(|old| old["roleRef"] != *role) {
        let _ = old;
        let shown = json!({ "APIGroup": role["apiGroup"], "Kind": role["kind"], "Name": role["name"] });
        causes.push(Cause::invalid("roleRef", &shown, "cannot change roleRef"));
    }
}

fn check_subject(resource: &Resource, subject: &Value, field: &str, causes: &mut Vec<Cause>) {
    let text = |name: &str| subject[name].as_str().unwrap_or_default();
    if text("name").is_empty() {
        causes.push(Cause::required(format!("{field}.name"), ""));
    }
    match text("kind") {
        "ServiceAccount" => {
            if !text("apiGroup").is_empty() {
                let value = text("apiGroup").into();
                causes.push(Cause::unsupported(format!("{field}.apiGroup"), &value, &[""]));
            }
            if text("namespace").is_empty() && !resource.namespaced {
                causes.push(Cause::required(format!("{field}.namespace"), ""));
            }
        }
        "User" | "Group" => {
            if text("apiGroup") != GROUP {
                let value = text("apiGroup").into();
                causes.push(Cause::unsupported(format!("{field}.apiGroup"), &value, &[GROUP]));
            }
        }
        other => {
            let known = ["ServiceAccount", "User", "Group"];
            causes.push(Cause::unsupported(format!("{field}.kind"), &other.into(), &known));
        }
    }
}

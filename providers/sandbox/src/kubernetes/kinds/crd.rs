//! Custom resource definitions as objects.

use serde_json::{Value, json};

use super::{default, entry};
use crate::kubernetes::status::Cause;

pub(super) fn defaults(object: &mut Value) {
    let names = entry(object, &["spec", "names"]);
    let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !kind.is_empty() {
        default(names, "singular", kind.to_lowercase());
        default(names, "listKind", format!("{kind}List"));
    }
    let spec = entry(object, &["spec"]);
    default(spec, "conversion", json!({ "strategy": "None" }));
}

pub(super) fn check(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    let name = text(&object["metadata"]["name"]);
    if group.is_empty() {
        causes.push(Cause::required("spec.group", ""));
    }
    if plural.is_empty() {
        causes.push(Cause::required("spec.names.plural", ""));
    }
    if text(&spec["names"]["kind"]).is_empty() {
        causes.push(Cause::required("spec.names.kind", ""));
    }
    let wanted = format!("{plural}.{group}");
    if name != wanted && !plural.is_empty() {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &name.into(), why));
    }
    let scopes = ["Cluster", "Namespaced"];
    if !scopes.contains(&text(&spec["scope"]).as_str()) {
        causes.push(Cause::unsupported("spec.scope", &text(&spec["scope"]).into(), &scopes));
    }
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if versions.iter().filter(|version| version["storage"].as_bool() == Some(true)).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &spec["versions"], why));
    }
    for (at, version) in versions.iter().enumerate() {
        if version["schema"]["openAPIV3Schema"].is_null() {
            let field = format!("spec.versions[{at}].schema.openAPIV3Schema");
            causes.push(Cause::required(field, "schemas are required"));
        }
    }
    if let Some(old) = old {
        super::immutable("spec.group", &spec["group"], &old["spec"]["group"], causes);
        super::immutable("spec.names.kind", &spec["names"]["kind"], &old["spec"]["names"]["kind"], causes);
        super::immutable(
            "spec.names.plural",
            &spec["names"]["plural"],
            &old["spec"]["names"]["plural"],
            causes,
        );
        super::immutable("spec.scope", &spec["scope"], &old["spec"]["scope"], causes);
    }
}

/// The status of a definition whose names are free, which they always are here.
pub(crate) fn establish(object: &mut Value, now: &str) {
    let stored: Vec<Value> = object["spec"]["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|version| version["storage"].as_bool() == Some(true))
        .map(|version| version["name"].clone())
        .collect();
    let since = |kind: &str| {
        let known = object["status"]["conditions"].as_array().into_iter().flatten();
        let time = known
            .filter(|condition| condition["type"] == kind)
            .find_map(|c| c["lastTransitionTime"].as_str());
        time.unwrap_or(now).to_owned()
    };
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "lastTransitionTime": since(kind), "reason": reason, "message": message,
        })
    };
    let status = json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": object["spec"]["names"],
        "storedVersions": stored,
    });
    if let Some(map) = object.as_object_mut() {
        map.insert("status".into(), status);
    }
}

/// The name that OpenAPI gives to a custom kind: `io.argoproj.v1alpha1.Application`.
pub(crate) fn schema_name(group: &str, version: &str, kind: &str) -> String {
    let mut parts: Vec<&str> = group.split('.').collect();
    parts.reverse();
    format!("{}.{version}.{kind}", parts.join("."))
}

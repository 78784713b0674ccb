//! Objects as the rows that `kubectl get` prints.
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables>

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{decode, resources::Resource, types};

/// A column: name, type, format, priority (above 0: only with `-o wide`).
struct Column {
    name: String,
    kind: &'static str,
    format: &'static str,
    about: String,
    priority: i64,
}

fn column(name: &str, kind: &'static str, priority: i64) -> Column {
    let format = if name == "Name" { "name" } else { "" };
    Column { name: name.into(), kind, format, about: String::new(), priority }
}

/// The columns of a kind, besides its name.
fn kind_columns(resource: &Resource) -> &'static [(&'static str, i64)] {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => &[("Status", 0), ("Age", 0)],
        ("", "resourcequotas") => &[("Request", 0), ("Limit", 0), ("Age", 0)],
        ("", "configmaps") => &[("Data", 0), ("Age", 0)],
        ("", "secrets") => &[("Type", 0), ("Data", 0), ("Age", 0)],
        ("", "serviceaccounts") => &[("Age", 0)],
        ("", "pods") => &[("Ready", 0), ("Status", 0), ("Restarts", 0), ("Age", 0), ("IP", 1), ("Node", 1)],
        ("", "services") => {
            &[("Type", 0), ("Cluster-IP", 0), ("External-IP", 0), ("Port(s)", 0), ("Age", 0), ("Selector", 1)]
        }
        ("apps", "deployments") => &[
            ("Ready", 0),
            ("Up-to-date", 0),
            ("Available", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            &[("Role", 0), ("Age", 0), ("Users", 1), ("Groups", 1), ("ServiceAccounts", 1)]
        }
        ("networking.k8s.io", "networkpolicies") => &[("Pod-Selector", 0), ("Age", 0)],
        ("project.openshift.io", "projects") => &[("Display Name", 0), ("Status", 0)],
        _ => &[("Created At", 0)],
    }
}

fn columns(resource: &Resource) -> Vec<Column> {
    let mut columns = vec![column("Name", "string", 0)];
    match &resource.custom {
        Some(custom) if custom.columns.is_empty() => columns.push(column("Age", "date", 0)),
        Some(custom) => columns.extend(custom.columns.iter().map(|(name, kind, path, priority)| {
            let kind = match kind.as_str() {
                "integer" => "integer",
                "number" => "number",
                "boolean" => "boolean",
                "date" => "date",
                _ => "string",
            };
            let about = format!("Custom resource definition column (in JSONPath format): {path}");
            Column { about, ..column(name, kind, *priority) }
        })),
        None => columns.extend(kind_columns(resource).iter().map(|(name, priority)| {
            column(name, if *name == "Created At" { "date" } else { "string" }, *priority)
        })),
    }
    columns
}

/// The document; `metadata` is the list's, `include` is `Metadata`, `Object` or `None`.
pub(crate) fn table(
    resource: &Resource,
    metadata: Value,
    objects: &[Value],
    include: &str,
    head: bool,
) -> Value {
    let definitions: Vec<Value> = columns(resource)
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": column.kind, "format": column.format, "description": column.about,
                "priority": column.priority,
            })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let shown = match include {
                "None" => Value::Null,
                "Object" => object.clone(),
                _ => partial(object),
            };
            json!({ "cells": cells(resource, object), "object": shown })
        })
        .collect();
    // A watch describes the columns only once.
    let definitions = if head { definitions } else { Vec::new() };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions,
        "rows": rows,
    })
}

/// The object's metadata alone.
pub(crate) fn partial(object: &Value) -> Value {
    let metadata = decode::decode(&types::object_meta(), &object["metadata"]);
    let metadata = metadata.map_or_else(|_| object["metadata"].clone(), |decoded| decoded.value);
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
}

fn cells(resource: &Resource, object: &Value) -> Vec<Value> {
    let mut cells = vec![object["metadata"]["name"].clone()];
    match &resource.custom {
        Some(custom) if custom.columns.is_empty() => cells.push(age(object)),
        Some(custom) => cells.extend(custom.columns.iter().map(|(_, kind, path, _)| {
            let found = json_path(object, path);
            if kind == "date" { found.as_str().map_or(Value::Null, |text| since(text).into()) } else { found }
        })),
        None => {
            cells.extend(kind_columns(resource).iter().map(|(name, _)| cell(resource, name, object)));
        }
    }
    cells
}

fn age(object: &Value) -> Value {
    since(object["metadata"]["creationTimestamp"].as_str().unwrap_or_default()).into()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn count(value: &Value) -> usize {
    value.as_object().map_or(0, serde_json::Map::len)
}

fn cell(resource: &Resource, name: &str, object: &Value) -> Value {
    match (resource.plural.as_str(), name) {
        (_, "Age") => age(object),
        (_, "Created At") => object["metadata"]["creationTimestamp"].clone(),
        ("namespaces" | "projects" | "pods", "Status") => {
            if resource.plural == "pods" && !object["metadata"]["deletionTimestamp"].is_null() {
                return "Terminating".into();
            }
            text(object, "/status/phase").into()
        }
        ("projects", _) => text(object, "/metadata/annotations/openshift.io~1display-name").into(),
        ("resourcequotas", "Request") => quota_cell(object, false).into(),
        ("resourcequotas", "Limit") => quota_cell(object, true).into(),
        ("configmaps", "Data") => (count(&object["data"]) + count(&object["binaryData"])).into(),
        ("secrets", "Data") => count(&object["data"]).into(),
        ("secrets", _) => text(object, "/type").into(),
        ("rolebindings" | "clusterrolebindings", _) => binding_cell(name, object),
        ("networkpolicies", _) => selector_text(&object["spec"]["podSelector"]).into(),
        ("pods", _) => pod_cell(name, object),
        ("services", _) => service_cell(name, object),
        ("deployments", _) => deployment_cell(name, object),
        _ => Value::Null,
    }
}

fn quota_cell(object: &Value, limits: bool) -> String {
    let hard = object["status"]["hard"].as_object();
    let mut names: Vec<_> =
        hard.into_iter().flatten().filter(|(name, _)| name.starts_with("limits.") == limits).collect();
    names.sort_by_key(|(name, _)| name.as_str());
    let parts: Vec<String> = names
        .iter()
        .map(|(name, hard)| {
            let used = object["status"]["used"].get(name.as_str()).and_then(Value::as_str).unwrap_or("0");
            format!("{name}: {used}/{}", hard.as_str().unwrap_or_default())
        })
        .collect();
    parts.join(", ")
}

fn binding_cell(name: &str, object: &Value) -> Value {
    let subjects = |kind: &str| -> String {
        let subjects = object["subjects"].as_array().into_iter().flatten();
        let names: Vec<String> = subjects
            .filter(|subject| subject["kind"].as_str() == Some(kind))
            .map(|subject| match kind {
                "ServiceAccount" => format!("{}/{}", text(subject, "/namespace"), text(subject, "/name")),
                _ => text(subject, "/name").to_owned(),
            })
            .collect();
        names.join(", ")
    };
    match name {
        "Role" => format!("{}/{}", text(object, "/roleRef/kind"), text(object, "/roleRef/name")).into(),
        "Users" => subjects("User").into(),
        "Groups" => subjects("Group").into(),
        _ => subjects("ServiceAccount").into(),
    }
}

fn selector_text(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object();
    let mut parts: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    parts.sort();
    for entry in selector["matchExpressions"].as_array().into_iter().flatten() {
        let values: Vec<&str> =
            entry["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let key = text(entry, "/key");
        parts.push(match text(entry, "/operator") {
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            operator => format!("{key} {} ({})", operator.to_lowercase(), values.join(",")),
        });
    }
    if parts.is_empty() { "<none>".into() } else { parts.join(",") }
}

fn pod_cell(name: &str, object: &Value) -> Value {
    let containers = object["spec"]["containers"].as_array().map_or(0, Vec::len);
    let statuses = object["status"]["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ready = statuses.iter().filter(|status| status["ready"].as_bool() == Some(true)).count();
    let or_none = |text: &str| if text.is_empty() { "<none>".to_owned() } else { text.to_owned() };
    match name {
        "Ready" => format!("{ready}/{containers}").into(),
        "Restarts" => "0".into(),
        "IP" => or_none(text(object, "/status/podIP")).into(),
        _ => or_none(text(object, "/spec/nodeName")).into(),
    }
}

fn service_cell(name: &str, object: &Value) -> Value {
    let or_none = |text: &str| if text.is_empty() { "<none>".to_owned() } else { text.to_owned() };
    match name {
        "Type" => text(object, "/spec/type").into(),
        "Cluster-IP" => or_none(text(object, "/spec/clusterIP")).into(),
        "External-IP" => match text(object, "/spec/type") {
            "ExternalName" => text(object, "/spec/externalName").into(),
            "LoadBalancer" => "<pending>".into(),
            _ => "<none>".into(),
        },
        "Port(s)" => {
            let ports = object["spec"]["ports"].as_array().into_iter().flatten();
            let ports: Vec<String> = ports
                .map(|port| match port["nodePort"].as_i64() {
                    Some(node) => format!("{}:{node}/{}", port["port"], text(port, "/protocol")),
                    None => format!("{}/{}", port["port"], text(port, "/protocol")),
                })
                .collect();
            or_none(&ports.join(",")).into()
        }
        _ => selector_text(&json!({ "matchLabels": object["spec"]["selector"] })).into(),
    }
}

fn deployment_cell(name: &str, object: &Value) -> Value {
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let join = |field: &str| {
        let names: Vec<&str> =
            containers.into_iter().flatten().filter_map(|container| container[field].as_str()).collect();
        names.join(",")
    };
    match name {
        "Ready" => format!("{}/{}", number("/status/readyReplicas"), number("/spec/replicas")).into(),
        "Up-to-date" => number("/status/updatedReplicas").into(),
        "Available" => number("/status/availableReplicas").into(),
        "Containers" => join("name").into(),
        "Images" => join("image").into(),
        _ => selector_text(&object["spec"]["selector"]).into(),
    }
}

/// The simple paths that columns use: names, positions, and `[?(@.type=="X")]`.
fn json_path(object: &Value, path: &str) -> Value {
    let mut at = object;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(filter) = rest.strip_prefix("[?(@.") {
            let Some((condition, after)) = filter.split_once(")]") else { return Value::Null };
            let Some((field, wanted)) = condition.split_once("==") else { return Value::Null };
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            let items = at.as_array().into_iter().flatten();
            match items.into_iter().find(|item| item[field.trim()].as_str() == Some(wanted)) {
                Some(item) => at = item,
                None => return Value::Null,
            }
            rest = after;
        } else if let Some(index) = rest.strip_prefix('[') {
            let Some((index, after)) = index.split_once(']') else { return Value::Null };
            let Ok(index) = index.parse::<usize>() else { return Value::Null };
            at = &at[index];
            rest = after;
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            at = &at[&name[..end]];
            rest = &name[end..];
        }
    }
    at.clone()
}

/// How long ago, as kubectl says it: `5s`, `3m20s`, `4h`, `12d`.
fn since(time: &str) -> String {
    let Ok(then) = time.parse::<Timestamp>() else { return "<unknown>".into() };
    let seconds = (Timestamp::now().as_second() - then.as_second()).max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |big: i64, unit: &str, small: i64, lesser: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{lesser}") }
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        _ => two(days / 365, "y", days % 365, "d"),
    }
}

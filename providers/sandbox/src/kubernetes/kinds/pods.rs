//! Pods, and the pod templates of workloads.

use serde_json::{Map, Value, json};

use super::{default, entry};
use crate::kubernetes::{names, quantity::Quantity, status::Cause};

/// Fills in a pod's spec, which is at `pointer`.
pub(super) fn defaults(object: &mut Value, pointer: &str) {
    let Some(spec) = object.pointer_mut(pointer) else { return };
    for list in ["initContainers", "containers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            container_defaults(container);
        }
    }
    for volume in spec["volumes"].as_array_mut().into_iter().flatten() {
        for source in ["secret", "configMap", "projected", "downwardAPI"] {
            if let Some(map) = volume.get_mut(source).and_then(Value::as_object_mut) {
                default(map, "defaultMode", 420);
            }
        }
    }
    let Some(map) = spec.as_object_mut() else { return };
    default(map, "restartPolicy", "Always");
    default(map, "terminationGracePeriodSeconds", 30);
    default(map, "dnsPolicy", "ClusterFirst");
    default(map, "securityContext", json!({}));
    default(map, "schedulerName", "default-scheduler");
    if pointer == "/spec" {
        default(map, "enableServiceLinks", true);
    }
    // A limit without a request is also the request.
    for container in map.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
        let limits = container["resources"]["limits"].as_object().cloned().unwrap_or_default();
        if pointer == "/spec" && !limits.is_empty() {
            let requests = entry(container, &["resources", "requests"]);
            for (name, value) in limits {
                requests.entry(name).or_insert(value);
            }
            requests.sort_keys();
        }
    }
}

fn container_defaults(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let tail = image.rsplit('/').next().unwrap_or_default();
    let latest = !tail.contains(':') && !tail.contains('@') || tail.ends_with(":latest");
    let Some(map) = container.as_object_mut() else { return };
    default(map, "terminationMessagePath", "/dev/termination-log");
    default(map, "terminationMessagePolicy", "File");
    default(map, "imagePullPolicy", if latest { "Always" } else { "IfNotPresent" });
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(map) = map.get_mut(probe).and_then(Value::as_object_mut) {
            default(map, "timeoutSeconds", 1);
            default(map, "periodSeconds", 10);
            default(map, "successThreshold", 1);
            default(map, "failureThreshold", 3);
            if let Some(get) = map.get_mut("httpGet").and_then(Value::as_object_mut) {
                default(get, "scheme", "HTTP");
                default(get, "path", "/");
            }
        }
    }
}

/// What the service account and priority admission put into a new pod. `suffix` names the token's volume.
pub(crate) fn admit(object: &mut Value, suffix: &str) {
    let Some(spec) = object["spec"].as_object_mut() else { return };
    default(spec, "serviceAccountName", "default");
    let account = spec["serviceAccountName"].clone();
    spec.insert("serviceAccount".into(), account);
    default(spec, "priority", 0);
    default(spec, "preemptionPolicy", "PreemptLowerPriority");
    default(
        spec,
        "tolerations",
        json!([
            { "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
            { "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
        ]),
    );
    if spec.get("automountServiceAccountToken").and_then(Value::as_bool) == Some(false) {
        return;
    }
    let volume = format!("kube-api-access-{suffix}");
    let made = json!({ "name": volume, "projected": { "sources": [
        { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
        { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
        { "downwardAPI": { "items": [
            { "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } },
        ] } },
        { "configMap": { "name": "openshift-service-ca.crt", "items": [
            { "key": "service-ca.crt", "path": "service-ca.crt" },
        ] } },
    ], "defaultMode": 420 } });
    push(spec, "volumes", made);
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let mount = json!({
                "name": volume, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            });
            if let Some(map) = container.as_object_mut() {
                push(map, "volumeMounts", mount);
            }
        }
    }
}

fn push(map: &mut Map<String, Value>, list: &str, item: Value) {
    match map.get_mut(list).and_then(Value::as_array_mut) {
        Some(items) => items.push(item),
        None => {
            map.insert(list.to_owned(), json!([item]));
        }
    }
}

/// The pod's class of service.
pub(super) fn quality(spec: &Value) -> &'static str {
    let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let amount = |container: &Value, list: &str, name: &str| {
        container["resources"][list].get(name).and_then(Quantity::of).filter(|amount| !amount.is_zero())
    };
    let names = ["cpu", "memory"];
    let any = containers.iter().any(|container| {
        names.iter().any(|name| {
            amount(container, "requests", name).is_some() || amount(container, "limits", name).is_some()
        })
    });
    let full = containers.iter().all(|container| {
        names.iter().all(|name| {
            let limit = amount(container, "limits", name);
            limit.is_some()
                && amount(container, "requests", name).is_none_or(|request| limit == Some(request))
        })
    });
    match (any, full) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Applies a namespace's limit range to a pod: fills in, then says what it breaks.
pub(crate) fn limits(pod: &mut Value, range: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let items = range["spec"]["limits"].as_array().cloned().unwrap_or_default();
    let mut notes = Vec::new();
    for item in items.iter().filter(|item| item["type"].as_str() == Some("Container")) {
        for (list, shown) in [("containers", "container"), ("initContainers", "init container")] {
            for container in pod["spec"][list].as_array_mut().into_iter().flatten() {
                notes.extend(fill(container, item, shown));
            }
        }
    }
    if !notes.is_empty() {
        let annotations = entry(pod, &["metadata", "annotations"]);
        let text = format!("LimitRanger plugin set: {}", notes.join("; "));
        annotations.insert("kubernetes.io/limit-ranger".into(), text.into());
        annotations.sort_keys();
    }
    for item in &items {
        match item["type"].as_str() {
            Some("Container") => {
                for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
                    let amount = |list: &str, name: &str| {
                        container["resources"][list].get(name).and_then(Quantity::of)
                    };
                    bounds("Container", item, amount, &mut errors);
                }
            }
            Some("Pod") => {
                let total = |list: &str, name: &str| {
                    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
                    let amounts: Vec<Quantity> = containers
                        .filter_map(|container| container["resources"][list].get(name).and_then(Quantity::of))
                        .collect();
                    amounts.into_iter().reduce(Quantity::plus)
                };
                bounds("Pod", item, total, &mut errors);
            }
            _ => {}
        }
    }
    errors
}

fn fill(container: &mut Value, item: &Value, shown: &str) -> Vec<String> {
    let name = container["name"].as_str().unwrap_or_default().to_owned();
    let mut notes = Vec::new();
    for (list, source, word) in [("requests", "defaultRequest", "request"), ("limits", "default", "limit")] {
        let mut set = Vec::new();
        for (resource, value) in item[source].as_object().into_iter().flatten() {
            let target = entry(container, &["resources", list]);
            if !target.contains_key(resource) {
                target.insert(resource.clone(), value.clone());
                set.push(resource.clone());
            }
            target.sort_keys();
        }
        if !set.is_empty() {
            set.sort();
            notes.push(format!("{} {word} for {shown} {name}", set.join(", ")));
        }
    }
    notes
}

fn bounds(
    kind: &str,
    item: &Value,
    amount: impl Fn(&str, &str) -> Option<Quantity>,
    errors: &mut Vec<String>,
) {
    for (name, value) in item["min"].as_object().into_iter().flatten() {
        let Some(minimum) = Quantity::of(value) else { continue };
        match (amount("requests", name), amount("limits", name)) {
            (None, None) => {
                errors.push(format!("minimum {name} usage per {kind} is {minimum}.  No request is specified"))
            }
            (Some(request), _) if request < minimum => {
                errors
                    .push(format!("minimum {name} usage per {kind} is {minimum}, but request is {request}"));
            }
            (_, Some(limit)) if limit < minimum => {
                errors.push(format!("minimum {name} usage per {kind} is {minimum}, but limit is {limit}"));
            }
            _ => {}
        }
    }
    for (name, value) in item["max"].as_object().into_iter().flatten() {
        let Some(maximum) = Quantity::of(value) else { continue };
        match (amount("requests", name), amount("limits", name)) {
            (_, None) => {
                errors.push(format!("maximum {name} usage per {kind} is {maximum}.  No limit is specified"))
            }
            (_, Some(limit)) if limit > maximum => {
                errors.push(format!("maximum {name} usage per {kind} is {maximum}, but limit is {limit}"));
            }
            (Some(request), _) if request > maximum => {
                errors
                    .push(format!("maximum {name} usage per {kind} is {maximum}, but request is {request}"));
            }
            _ => {}
        }
    }
}

pub(super) fn check(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    check_spec(&object["spec"], "spec", causes);
    if let Some(old) = old {
        let fixed = |spec: &Value| {
            let mut spec = spec.clone();
            for list in ["containers", "initContainers"] {
                for container in spec[list].as_array_mut().into_iter().flatten() {
                    container["image"] = Value::Null;
                }
            }
            for name in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"]
            {
                spec[name] = Value::Null;
            }
            for list in ["containers", "initContainers"] {
                if spec[list].is_null() {
                    spec[list] = Value::Null;
                }
            }
            spec
        };
        if fixed(&object["spec"]) != fixed(&old["spec"]) {
            let why = "pod updates may not change fields other than `spec.containers[*].image`,\
                       `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions \
                       to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it \
                       was previously negative)";
            causes.push(Cause::forbidden("spec", why));
        }
    }
}

/// Checks a pod's spec or that of a template.
pub(super) fn check_spec(spec: &Value, field: &str, causes: &mut Vec<Cause>) {
    let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        causes.push(Cause::required(format!("{field}.containers"), ""));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (at, container) in containers.iter().enumerate() {
        let field = format!("{field}.containers[{at}]");
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            causes.push(Cause::required(format!("{field}.name"), ""));
        } else {
            for error in names::name_errors(names::NameRule::Label, name) {
                causes.push(Cause::invalid(format!("{field}.name"), &name.into(), &error));
            }
            if seen.contains(&name) {
                causes.push(Cause::duplicate(format!("{field}.name"), &name.into()));
            }
        }
        seen.push(name);
        if container["image"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("{field}.image"), ""));
        }
        check_resources(&container["resources"], &format!("{field}.resources"), causes);
    }
    let known = ["Always", "OnFailure", "Never"];
    if !known.contains(&spec["restartPolicy"].as_str().unwrap_or("Always")) {
        causes.push(Cause::unsupported(format!("{field}.restartPolicy"), &spec["restartPolicy"], &known));
    }
}

fn check_resources(resources: &Value, field: &str, causes: &mut Vec<Cause>) {
    for (name, value) in resources["requests"].as_object().into_iter().flatten() {
        let limit = resources["limits"].get(name).and_then(Quantity::of);
        if let (Some(request), Some(limit)) = (Quantity::of(value), limit)
            && request > limit
        {
            let why = format!("must be less than or equal to {name} limit of {limit}");
            causes.push(Cause::invalid(format!("{field}.requests"), value, &why));
        }
    }
}

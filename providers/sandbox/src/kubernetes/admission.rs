//! What stands between a valid object and the store: limit ranges, service accounts, quotas.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    body::normalise,
    fieldset::Set,
    kinds,
    managed::{self, Entry, Operation},
    quantity::Quantity,
    resources::{Key, Resource},
    status::{About, Failure},
    types,
    world::{Stored, World},
    write::suffix,
};

/// Amounts by their name in a quota.
pub(crate) type Amounts = BTreeMap<String, Quantity>;

pub(crate) fn quotas_key() -> Key {
    Key::new("", "resourcequotas")
}

pub(crate) fn cluster_quotas_key() -> Key {
    Key::new("quota.openshift.io", "clusterresourcequotas")
}

/// Fills in what admission fills in, or refuses.
pub(crate) fn mutate(
    world: &World,
    resource: &Resource,
    namespace: &str,
    object: &mut Value,
) -> Result<(), Failure> {
    if !resource.group.is_empty() || !["pods", "persistentvolumeclaims"].contains(&resource.plural.as_str()) {
        return Ok(());
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let about = About { group: "", kind: &resource.plural, name: &name };
    let ranges = Key::new("", "limitranges");
    let ranges: Vec<Value> = world
        .existing(&ranges)
        .into_iter()
        .flat_map(|table| {
            table.range(&format!("{namespace}/"), "").map(|(_, item)| item.value.clone()).collect::<Vec<_>>()
        })
        .collect();
    let mut errors = Vec::new();
    if resource.plural == "persistentvolumeclaims" {
        for range in &ranges {
            errors.extend(claim_limits(object, range));
        }
    } else {
        for range in &ranges {
            errors.extend(kinds::pod_limits(object, range));
        }
    }
    if !errors.is_empty() {
        let why = match errors.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        return Err(Failure::forbidden(&about, &why));
    }
    if resource.plural == "pods" {
        let account = object["spec"]["serviceAccountName"].as_str().unwrap_or("default").to_owned();
        if world.get(&Key::new("", "serviceaccounts"), &format!("{namespace}/{account}")).is_none() {
            let why = format!(
                "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
            );
            return Err(Failure::forbidden(&about, &why));
        }
        kinds::admit_pod(object, &suffix());
    }
    Ok(())
}

fn claim_limits(claim: &Value, range: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let Some(asked) = Quantity::of(&claim["spec"]["resources"]["requests"]["storage"]) else { return errors };
    let items = range["spec"]["limits"].as_array().into_iter().flatten();
    for item in items.filter(|item| item["type"].as_str() == Some("PersistentVolumeClaim")) {
        if let Some(least) = Quantity::of(&item["min"]["storage"]).filter(|least| asked < *least) {
            errors.push(format!(
                "minimum storage usage per PersistentVolumeClaim is {least}, but request is {asked}"
            ));
        }
        if let Some(most) = Quantity::of(&item["max"]["storage"]).filter(|most| asked > *most) {
            errors.push(format!(
                "maximum storage usage per PersistentVolumeClaim is {most}, but request is {asked}"
            ));
        }
    }
    errors
}

/// What one object uses.
pub(crate) fn usage(group: &str, plural: &str, object: &Value) -> Amounts {
    let mut used = Amounts::new();
    let one = Quantity::count(1);
    let counted = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
    used.insert(format!("count/{counted}"), one);
    if !group.is_empty() {
        return used;
    }
    match plural {
        "configmaps" | "secrets" | "services" | "replicationcontrollers" | "resourcequotas" => {
            used.insert(plural.to_owned(), one);
        }
        "persistentvolumeclaims" => {
            used.insert(plural.to_owned(), one);
            if let Some(size) = Quantity::of(&object["spec"]["resources"]["requests"]["storage"]) {
                used.insert("requests.storage".into(), size);
            }
        }
        "pods" if !matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) => {
            used.insert("pods".into(), one);
            add_containers(object, &mut used);
        }
        _ => {}
    }
    if plural == "services" {
        let kind = object["spec"]["type"].as_str().unwrap_or_default();
        if kind == "LoadBalancer" {
            used.insert("services.loadbalancers".into(), one);
        }
        if ["NodePort", "LoadBalancer"].contains(&kind) {
            let ports = object["spec"]["ports"].as_array().map_or(0, Vec::len);
            used.insert("services.nodeports".into(), Quantity::count(ports));
        }
    }
    used
}

fn add_containers(pod: &Value, used: &mut Amounts) {
    for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
        for list in ["requests", "limits"] {
            for (name, value) in container["resources"][list].as_object().into_iter().flatten() {
                let Some(amount) = Quantity::of(value) else { continue };
                let mut names = vec![format!("{list}.{name}")];
                if list == "requests" && ["cpu", "memory", "ephemeral-storage"].contains(&name.as_str()) {
                    names.push(name.clone());
                }
                for name in names {
                    let sum = used.get(&name).copied().unwrap_or(Quantity::ZERO).plus(amount);
                    used.insert(name, sum);
                }
            }
        }
    }
}

/// What the objects of a namespace use of these names.
pub(crate) fn usage_in(world: &World, namespace: &str, hard: &Map<String, Value>, spec: &Value) -> Amounts {
    let mut total: Amounts = hard.keys().map(|name| (name.clone(), Quantity::ZERO)).collect();
    let prefix = format!("{namespace}/");
    for (key, table) in world.tables() {
        let counted =
            if key.group.is_empty() { key.plural.clone() } else { format!("{}.{}", key.plural, key.group) };
        let named = total.contains_key(&format!("count/{counted}")) || total.contains_key(&key.plural);
        let core = key.group.is_empty()
            && ["pods", "persistentvolumeclaims", "services"].contains(&key.plural.as_str());
        if !named && !core {
            continue;
        }
        for (_, item) in table.range(&prefix, "") {
            if !in_scope(spec, &key.plural, &item.value) {
                continue;
            }
            for (name, amount) in usage(&key.group, &key.plural, &item.value) {
                if let Some(sum) = total.get_mut(&name) {
                    *sum = sum.plus(amount);
                }
            }
        }
    }
    total
}

/// Does a quota with these scopes look at the object?
fn in_scope(spec: &Value, plural: &str, object: &Value) -> bool {
    let scopes = spec["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if scopes.is_empty() && spec["scopeSelector"].is_null() {
        return true;
    }
    if plural != "pods" {
        return false;
    }
    let effort = object["status"]["qosClass"].as_str() == Some("BestEffort");
    let ends = object["spec"]["activeDeadlineSeconds"].is_number();
    scopes.iter().all(|scope| match scope.as_str() {
        Some("BestEffort") => effort,
        Some("NotBestEffort") => !effort,
        Some("Terminating") => ends,
        Some("NotTerminating") => !ends,
        _ => true,
    })
}

/// What a quota's status becomes when the object is stored.
pub(crate) struct Charge(Vec<(String, Amounts)>);

/// Is there room for the object in each of its namespace's quotas?
pub(crate) fn quota(
    world: &World,
    resource: &Resource,
    namespace: &str,
    object: &Value,
) -> Result<Charge, Failure> {
    let mut charge = Charge(Vec::new());
    if namespace.is_empty() {
        return Ok(charge);
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let about = About { group: &resource.group, kind: &resource.plural, name };
    let wanted = usage(&resource.group, &resource.plural, object);
    let prefix = format!("{namespace}/");
    for (key, item) in world.existing(&quotas_key()).into_iter().flat_map(|table| table.range(&prefix, "")) {
        let spec = &item.value["spec"];
        let Some(hard) = spec["hard"].as_object().filter(|_| in_scope(spec, &resource.plural, object)) else {
            continue;
        };
        let quota = key.strip_prefix(&prefix).unwrap_or(key);
        if resource.group.is_empty() && resource.plural == "pods" {
            check_stated(object, hard, quota, &about)?;
        }
        if !wanted.keys().any(|name| hard.contains_key(name)) {
            continue;
        }
        let used = status_used(&item.value).unwrap_or_else(|| usage_in(world, namespace, hard, spec));
        let after = room(&wanted, &used, hard, quota, &about)?;
        charge.0.push((key.clone(), after));
    }
    for (quota, item) in cluster_quotas_of(world, namespace) {
        let spec = &item.value["spec"]["quota"];
        let Some(hard) = spec["hard"].as_object().filter(|_| in_scope(spec, &resource.plural, object)) else {
            continue;
        };
        if !wanted.keys().any(|name| hard.contains_key(name)) {
            continue;
        }
        let mut used = Amounts::new();
        for namespace in world.members.of_quota(&quota) {
            for (name, amount) in usage_in(world, &namespace, hard, spec) {
                let sum = used.get(&name).copied().unwrap_or(Quantity::ZERO).plus(amount);
                used.insert(name, sum);
            }
        }
        room(&wanted, &used, hard, &quota, &about)?;
    }
    Ok(charge)
}

fn status_used(quota: &Value) -> Option<Amounts> {
    let used = quota["status"]["used"].as_object()?;
    let hard = quota["spec"]["hard"].as_object()?;
    if hard.keys().any(|name| !used.contains_key(name)) {
        return None;
    }
    Some(used.iter().filter_map(|(name, value)| Some((name.clone(), Quantity::of(value)?))).collect())
}

/// The amounts after the object, or the refusal.
fn room(
    wanted: &Amounts,
    used: &Amounts,
    hard: &Map<String, Value>,
    quota: &str,
    about: &About<'_>,
) -> Result<Amounts, Failure> {
    let mut after = used.clone();
    let (mut requested, mut have, mut limited) = (Vec::new(), Vec::new(), Vec::new());
    for (name, amount) in wanted {
        let Some(limit) = hard.get(name).and_then(Quantity::of) else { continue };
        let before = used.get(name).copied().unwrap_or(Quantity::ZERO);
        let sum = before.plus(*amount);
        if sum > limit && !amount.is_zero() {
            requested.push(format!("{name}={amount}"));
            have.push(format!("{name}={before}"));
            limited.push(format!("{name}={limit}"));
        }
        after.insert(name.clone(), sum);
    }
    if requested.is_empty() {
        return Ok(after);
    }
    let why = format!(
        "exceeded quota: {quota}, requested: {}, used: {}, limited: {}",
        requested.join(","),
        have.join(","),
        limited.join(",")
    );
    Err(Failure::forbidden(about, &why))
}

/// A pod must state what its namespace's quota counts.
fn check_stated(
    pod: &Value,
    hard: &Map<String, Value>,
    quota: &str,
    about: &About<'_>,
) -> Result<(), Failure> {
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in hard.keys() {
        let (list, resource) = match name.as_str() {
            "cpu" | "memory" => ("requests", name.as_str()),
            "requests.cpu" | "requests.memory" => ("requests", &name["requests.".len()..]),
            "limits.cpu" | "limits.memory" => ("limits", &name["limits.".len()..]),
            _ => continue,
        };
        for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
            if container["resources"][list].get(resource).is_none() {
                missing.entry(name).or_default().push(container["name"].as_str().unwrap_or_default());
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let parts: Vec<String> =
        missing.iter().map(|(name, containers)| format!("{name} for: {}", containers.join(","))).collect();
    Err(Failure::forbidden(about, &format!("failed quota: {quota}: must specify {}", parts.join("; "))))
}

/// Writes the new amounts into the quotas' status.
pub(crate) fn charge(world: &mut World, charge: Charge, now: &str) {
    for (key, amounts) in charge.0 {
        let Some(item) = world.get(&quotas_key(), &key).cloned() else { continue };
        if item.value["status"]["used"].is_null() {
            continue;
        }
        let mut object = item.value.clone();
        for (name, amount) in amounts {
            object["status"]["used"][name] = amount.to_string().into();
        }
        put_status(world, &quotas_key(), &key, &item.value, object, "kube-apiserver", now);
    }
}

/// Stores an object whose status a controller changed.
pub(crate) fn put_status(
    world: &mut World,
    table: &Key,
    key: &str,
    old: &Value,
    mut new: Value,
    manager: &str,
    now: &str,
) {
    let version = old["apiVersion"].as_str().unwrap_or_default().to_owned();
    let kind = old["kind"].as_str().unwrap_or_default();
    let resource = world.registry.kind(&version, kind).cloned();
    let node = resource.as_ref().map_or_else(types::any, |resource| resource.node.clone());
    let who = Entry {
        manager: manager.to_owned(),
        operation: Operation::Update,
        api_version: version,
        subresource: "status".into(),
        time: Some(now.to_owned()),
        fields: Set::default(),
    };
    let owners = managed::updated(&node, old, &new, who);
    managed::encode(&mut new, owners);
    // Fields in the order of their type.
    if let Some(Ok((ordered, _))) = resource.map(|resource| normalise(&resource, &new)) {
        new = ordered;
    }
    world.put(table, key, new);
}

/// The cluster's quotas that count a namespace.
pub(crate) fn cluster_quotas_of(world: &World, namespace: &str) -> Vec<(String, std::sync::Arc<Stored>)> {
    let names = world.members.of_namespace(namespace).into_iter();
    names.filter_map(|name| Some((name.clone(), world.get(&cluster_quotas_key(), &name)?.clone()))).collect()
}

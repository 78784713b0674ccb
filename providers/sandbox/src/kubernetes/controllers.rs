//! What happens by itself after a write: status of quotas, contents of namespaces, owned objects, routes, rollouts.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use serde_json::{Map, Value, json};

use super::{
    admission::{self, Amounts},
    engine::{Delays, Server},
    kinds, openshift,
    quantity::Quantity,
    remove::{self},
    request::DeleteOptions,
    resources::{Key, Resource},
    world::{Stored, Task, World},
    write::{Writer, now},
};

fn namespaces() -> Key {
    Key::new("", "namespaces")
}

/// The namespace in a key; empty if there is none.
fn namespace_of(key: &str) -> &str {
    key.split_once('/').map_or("", |(namespace, _)| namespace)
}

/// After an object was created.
pub(crate) fn after_create(world: &mut World, writer: &Writer<'_>, namespace: &str, stored: &Arc<Stored>) {
    let resource = writer.resource;
    let name = stored.metadata()["name"].as_str().unwrap_or_default().to_owned();
    let soon = Instant::now() + writer.delays.short;
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => {
            restore(world, &name);
            namespace_changed(world, &name, soon);
        }
        ("", "resourcequotas") => world.later(soon, Task::Quota(namespace.to_owned())),
        ("quota.openshift.io", "clusterresourcequotas") => quota_changed(world, &name, soon),
        ("apiextensions.k8s.io", _) => reload_definitions(world),
        ("", "secrets") => openshift::fill_token_secret(world, namespace, stored),
        _ => workload_later(world, resource, writer.delays, &super::world::key_of(namespace, &name)),
    }
    content_changed(world, namespace, soon);
}

/// The cluster's quotas that count a namespace count again.
fn content_changed(world: &mut World, namespace: &str, soon: Instant) {
    for quota in world.members.of_namespace(namespace) {
        world.later(soon, Task::ClusterQuota(quota));
    }
}

/// A namespace may enter and leave quotas of the cluster.
fn namespace_changed(world: &mut World, name: &str, soon: Instant) {
    let touched = match world.get(&namespaces(), name).cloned() {
        Some(stored) => world.members.set_namespace(name, &stored),
        None => world.members.remove_namespace(name),
    };
    for quota in touched {
        world.later(soon, Task::ClusterQuota(quota));
    }
}

/// A quota of the cluster looks for its namespaces anew.
fn quota_changed(world: &mut World, name: &str, soon: Instant) {
    let mut members = std::mem::take(&mut world.members);
    match world.get(&admission::cluster_quotas_key(), name) {
        Some(quota) => {
            let all = world.existing(&namespaces()).into_iter().flat_map(|table| table.all());
            members.set_quota(name, &quota.value, all.map(|(name, stored)| (name, stored.as_ref())));
        }
        None => members.remove_quota(name),
    }
    world.members = members;
    world.later(soon, Task::ClusterQuota(name.to_owned()));
}

fn workload_later(world: &mut World, resource: &Resource, delays: &Delays, key: &str) {
    let soon = Instant::now() + delays.short;
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("route.openshift.io", "routes") => world.later(soon, Task::Route(key.to_owned())),
        ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets") => {
            world.later(soon, Task::Workload(resource.key(), key.to_owned()));
        }
        ("", "persistentvolumeclaims") => world.later(soon, Task::Workload(resource.key(), key.to_owned())),
        _ => {}
    }
}

/// After an object was changed.
pub(crate) fn after_update(
    world: &mut World,
    writer: &Writer<'_>,
    key: &str,
    old: &Arc<Stored>,
    new: &Arc<Stored>,
) {
    let resource = writer.resource;
    let soon = Instant::now() + writer.delays.short;
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => {
            if old.deleting() {
                world.later(soon, Task::Namespace(key.to_owned()));
            }
            namespace_changed(world, key, soon);
        }
        ("", "resourcequotas") if old.value["spec"] != new.value["spec"] => {
            world.later(soon, Task::Quota(namespace_of(key).to_owned()));
        }
        ("quota.openshift.io", "clusterresourcequotas") if old.value["spec"] != new.value["spec"] => {
            quota_changed(world, key, soon);
        }
        ("apiextensions.k8s.io", _) => reload_definitions(world),
        _ if writer.subresource.is_empty() => workload_later(world, resource, writer.delays, key),
        _ => {}
    }
    if new.deleting() {
        world.later(soon, Task::Foreground(resource.key(), key.to_owned()));
    }
}

/// After an object was marked as being deleted.
pub(crate) fn after_mark(
    world: &mut World,
    resource: &Resource,
    delays: &Delays,
    key: &str,
    stored: &Arc<Stored>,
) {
    if resource.group.is_empty() && resource.plural == "namespaces" {
        world.later(Instant::now() + delays.namespace, Task::Namespace(key.to_owned()));
        return;
    }
    let soon = Instant::now() + delays.short;
    let finalizers = stored.metadata()["finalizers"].as_array();
    if finalizers.is_some_and(|list| list.contains(&"foregroundDeletion".into())) {
        world.later(soon, Task::Foreground(resource.key(), key.to_owned()));
    }
}

/// After an object is gone.
pub(crate) fn after_delete(
    world: &mut World,
    resource: &Resource,
    delays: &Delays,
    key: &str,
    old: &Arc<Stored>,
) {
    let soon = Instant::now() + delays.short;
    let namespace = namespace_of(key).to_owned();
    if !world.dependents(old.uid()).is_empty() {
        world.later(soon, Task::Owned(old.uid().to_owned()));
    }
    if !namespace.is_empty() {
        let prefix = format!("{namespace}/");
        let has = |world: &World, table: &Key, prefix: &str| {
            world.existing(table).is_some_and(|table| table.range(prefix, "").next().is_some())
        };
        if has(world, &admission::quotas_key(), &prefix) {
            world.later(soon, Task::Quota(namespace.clone()));
        }
        content_changed(world, &namespace, soon);
        if world.get(&namespaces(), &namespace).is_some_and(|found| found.deleting()) {
            world.later(soon, Task::Namespace(namespace));
        } else if resource.group.is_empty()
            && ["serviceaccounts", "configmaps"].contains(&resource.plural.as_str())
        {
            restore(world, &namespace);
        }
    }
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("apiextensions.k8s.io", _) => {
            let spec = &old.value["spec"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let table = Key { group: text(&spec["group"]), plural: text(&spec["names"]["plural"]) };
            let names: Vec<String> = world
                .existing(&table)
                .into_iter()
                .flat_map(|table| table.all())
                .map(|(key, _)| key.clone())
                .collect();
            for name in names {
                world.remove(&table, &name);
            }
            reload_definitions(world);
        }
        ("", "namespaces") => namespace_changed(world, key, soon),
        ("quota.openshift.io", _) => quota_changed(world, key, soon),
        _ => {}
    }
}

/// Reads the definitions anew.
pub(crate) fn reload_definitions(world: &mut World) {
    let key = Key::new("apiextensions.k8s.io", "customresourcedefinitions");
    let all: Vec<Arc<Stored>> = world
        .existing(&key)
        .into_iter()
        .flat_map(|table| table.all())
        .map(|(_, item)| item.clone())
        .collect();
    world.registry.set_definitions(all.iter().map(|item| &item.value));
}

const ROOT_CA: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
    endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across \
    distributions of Kubernetes clusters.";

/// Makes what every namespace has from its first moment: a service account and the certificate authority.
pub(crate) fn restore(world: &mut World, namespace: &str) {
    let time = now();
    let maps = Key::new("", "configmaps");
    let key = format!("{namespace}/kube-root-ca.crt");
    if world.get(&maps, &key).is_none() {
        let ca = world.ca_pem().to_owned();
        let fields = json!({
            "f:data": { ".": {}, "f:ca.crt": {} },
            "f:metadata": { "f:annotations": { ".": {}, "f:kubernetes.io/description": {} } },
        });
        let object = json!({
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {
                "name": "kube-root-ca.crt", "namespace": namespace, "uid": uuid::Uuid::new_v4().to_string(),
                "resourceVersion": "0", "creationTimestamp": time,
                "annotations": { "kubernetes.io/description": ROOT_CA },
                "managedFields": [{
                    "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": time,
                    "fieldsType": "FieldsV1", "fieldsV1": fields,
                }],
            },
            "data": { "ca.crt": ca },
        });
        world.put(&maps, &key, object);
    }
    let accounts = Key::new("", "serviceaccounts");
    let key = format!("{namespace}/default");
    if world.get(&accounts, &key).is_none() {
        let object = json!({
            "kind": "ServiceAccount", "apiVersion": "v1",
            "metadata": {
                "name": "default", "namespace": namespace, "uid": uuid::Uuid::new_v4().to_string(),
                "resourceVersion": "0", "creationTimestamp": time,
            },
        });
        world.put(&accounts, &key, object);
    }
}

/// Does the work that is due.
pub(crate) fn run(world: &mut World, server: &Server) {
    let start = Instant::now();
    while let Some(task) = world.due(start) {
        match task {
            Task::Quota(namespace) => quota_status(world, &namespace),
            Task::ClusterQuota(name) => cluster_quota_status(world, &name),
            Task::Namespace(name) => empty_namespace(world, server, &name),
            Task::Owned(uid) => collect(world, server, &uid),
            Task::Foreground(table, key) => finish_foreground(world, server, &table, &key),
            Task::Route(key) => openshift::admit_route(world, &key),
            Task::Workload(table, key) => roll_out(world, &table, &key),
        }
    }
    world.flush();
}

fn shown(amounts: &Amounts) -> Value {
    amounts
        .iter()
        .map(|(name, amount)| (name.clone(), Value::from(amount.to_string())))
        .collect::<Map<_, _>>()
        .into()
}

fn quota_status(world: &mut World, namespace: &str) {
    let prefix = format!("{namespace}/");
    let table = admission::quotas_key();
    let quotas: Vec<(String, Arc<Stored>)> = world
        .existing(&table)
        .into_iter()
        .flat_map(|table| table.range(&prefix, ""))
        .map(|(key, item)| (key.clone(), item.clone()))
        .collect();
    for (key, item) in quotas {
        let empty = Map::new();
        let hard = item.value["spec"]["hard"].as_object().unwrap_or(&empty);
        let used = admission::usage_in(world, namespace, hard, &item.value["spec"]);
        let mut object = item.value.clone();
        object["status"] = json!({ "hard": hard, "used": shown(&used) });
        if object["status"] != item.value["status"] {
            admission::put_status(
                world,
                &table,
                &key,
                &item.value,
                object,
                "kube-controller-manager",
                &now(),
            );
        }
    }
}

fn cluster_quota_status(world: &mut World, name: &str) {
    let table = admission::cluster_quotas_key();
    let Some(item) = world.get(&table, name).cloned() else { return };
    let empty = Map::new();
    let spec = &item.value["spec"]["quota"];
    let hard = spec["hard"].as_object().unwrap_or(&empty);
    let mut total: Amounts = hard.keys().map(|name| (name.clone(), Quantity::ZERO)).collect();
    let mut parts = Vec::new();
    for namespace in world.members.of_quota(name) {
        let used = admission::usage_in(world, &namespace, hard, spec);
        for (name, amount) in &used {
            let sum = total.get(name).copied().unwrap_or(Quantity::ZERO).plus(*amount);
            total.insert(name.clone(), sum);
        }
        parts.push(json!({ "namespace": namespace, "status": { "hard": hard, "used": shown(&used) } }));
    }
    let status = json!({ "namespaces": parts, "total": { "hard": hard, "used": shown(&total) } });
    if item.value["status"] != status {
        let mut object = item.value.clone();
        object["status"] = status;
        let manager = "cluster-policy-controller";
        admission::put_status(world, &table, name, &item.value, object, manager, &now());
    }
}

/// Deletes what is in a namespace; when nothing is left, the namespace goes too.
fn empty_namespace(world: &mut World, server: &Server, name: &str) {
    let Some(live) = world.get(&namespaces(), name).cloned().filter(|found| found.deleting()) else { return };
    let prefix = format!("{name}/");
    let mut content: Vec<(Key, String, Arc<Stored>)> = Vec::new();
    for (table, items) in world.tables() {
        content
            .extend(items.range(&prefix, "").map(|(key, item)| (table.clone(), key.clone(), item.clone())));
    }
    for (table, key, item) in &content {
        match world.registry.any_version(&table.group, &table.plural).cloned() {
            Some(resource) => {
                let options = DeleteOptions::default();
                remove::remove(world, &resource, &server.delays, key, item, &options);
            }
            None => {
                world.remove(table, key);
            }
        }
    }
    let mut left: Vec<(String, Vec<String>)> = Vec::new();
    for (table, items) in world.tables() {
        let full = if table.group.is_empty() {
            format!("{}.", table.plural)
        } else {
            format!("{}.{}", table.plural, table.group)
        };
        for (_, item) in items.range(&prefix, "") {
            let finalizers = item.metadata()["finalizers"].as_array().into_iter().flatten();
            left.push((full.clone(), finalizers.filter_map(Value::as_str).map(str::to_owned).collect()));
        }
    }
    let own: Vec<&str> =
        live.value["spec"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if left.is_empty() && own.iter().all(|finalizer| *finalizer == "kubernetes") {
        let resource = world.registry.find("", "v1", "namespaces").cloned();
        world.remove(&namespaces(), name);
        if let Some(resource) = resource {
            after_delete(world, &resource, &server.delays, name, &live);
        }
        return;
    }
    report_left(world, name, &live, &left);
}

/// Says in the namespace's status what is left in it.
fn report_left(world: &mut World, name: &str, live: &Arc<Stored>, left: &[(String, Vec<String>)]) {
    let time = now();
    let mut object = live.value.clone();
    object["status"]["conditions"] = conditions_of_deletion(left, &time);
    let timeless = |object: &Value| {
        let list = object["status"]["conditions"].as_array().into_iter().flatten();
        list.map(|condition| json!([condition["type"], condition["status"], condition["message"]]))
            .collect::<Vec<_>>()
    };
    if timeless(&object) != timeless(&live.value) {
        let manager = "kube-controller-manager";
        admission::put_status(world, &namespaces(), name, &live.value, object, manager, &time);
    }
}

/// `configmaps. has 2 resource instances, pods. has 1 resource instances`
fn counted<'a>(names: impl Iterator<Item = &'a String>, verb: &str) -> String {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let parts: Vec<String> =
        counts.iter().map(|(name, count)| format!("{name} {verb} {count} resource instances")).collect();
    parts.join(", ")
}

fn conditions_of_deletion(left: &[(String, Vec<String>)], time: &str) -> Value {
    let remain = counted(left.iter().map(|(name, _)| name), "has");
    let held = counted(left.iter().flat_map(|(_, names)| names), "in");
    let condition = |kind: &str, there: bool, reason: &str, message: &str| {
        json!({
            "type": kind, "status": if there { "True" } else { "False" }, "lastTransitionTime": time,
            "reason": reason, "message": message,
        })
    };
    let fine = |kind: &str, reason: &str, message: &str| condition(kind, false, reason, message);
    let content = match remain.as_str() {
        "" => fine("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
        remain => condition(
            "NamespaceContentRemaining",
            true,
            "SomeResourcesRemain",
            &format!("Some resources are remaining: {remain}"),
        ),
    };
    let finalizers = match held.as_str() {
        "" => fine(
            "NamespaceFinalizersRemaining",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
        held => condition(
            "NamespaceFinalizersRemaining",
            true,
            "SomeFinalizersRemain",
            &format!("Some content in the namespace has finalizers remaining: {held}"),
        ),
    };
    json!([
        fine(
            "NamespaceDeletionDiscoveryFailure",
            "ResourcesDiscovered",
            "All resources successfully discovered"
        ),
        fine(
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        fine(
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        content,
        finalizers,
    ])
}

/// Deletes what an object owned that is gone; something that has another owner stays.
fn collect(world: &mut World, server: &Server, uid: &str) {
    for (table, key) in world.dependents(uid) {
        let Some(item) = world.get(&table, &key).cloned() else { continue };
        let owners = item.metadata()["ownerReferences"].as_array().cloned().unwrap_or_default();
        let others =
            owners.iter().any(|owner| owner["uid"].as_str() != Some(uid) && owner_lives(world, owner, &key));
        if others {
            continue;
        }
        if let Some(resource) = world.registry.any_version(&table.group, &table.plural).cloned() {
            remove::remove(world, &resource, &server.delays, &key, &item, &DeleteOptions::default());
        }
    }
}

fn owner_lives(world: &World, owner: &Value, dependent: &str) -> bool {
    let text = |name: &str| owner[name].as_str().unwrap_or_default();
    let Some(resource) = world.registry.kind(text("apiVersion"), text("kind")) else { return false };
    let namespace = if resource.namespaced { namespace_of(dependent) } else { "" };
    let key = super::world::key_of(namespace, text("name"));
    world.get(&resource.key(), &key).is_some_and(|found| found.uid() == text("uid"))
}

/// When nothing that blocks is left, the owner goes.
fn finish_foreground(world: &mut World, server: &Server, table: &Key, key: &str) {
    let Some(item) = world.get(table, key).cloned().filter(|item| item.deleting()) else { return };
    let list = item.metadata()["finalizers"].as_array().cloned().unwrap_or_default();
    if !list.contains(&"foregroundDeletion".into()) {
        return;
    }
    collect(world, server, item.uid());
    let blocked = !world.dependents(item.uid()).is_empty();
    if blocked {
        world
            .later(Instant::now() + server.delays.short * 4, Task::Foreground(table.clone(), key.to_owned()));
        return;
    }
    let Some(resource) = world.registry.any_version(&table.group, &table.plural).cloned() else { return };
    let rest: Vec<Value> = list.into_iter().filter(|name| *name != "foregroundDeletion").collect();
    if rest.is_empty() {
        world.remove(table, key);
        after_delete(world, &resource, &server.delays, key, &item);
    } else {
        let mut object = item.value.clone();
        kinds::entry(&mut object, &["metadata"]).insert("finalizers".into(), rest.into());
        world.put(table, key, object);
    }
}

/// No pod runs, but a workload that is asked for counts as rolled out, so that whoever waits for it goes on.
fn roll_out(world: &mut World, table: &Key, key: &str) {
    let Some(item) = world.get(table, key).cloned() else { return };
    let spec = &item.value["spec"];
    let replicas = spec["replicas"].as_i64().unwrap_or(1);
    let generation = item.metadata()["generation"].clone();
    let time = now();
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "lastUpdateTime": time, "lastTransitionTime": time, "reason": reason,
            "message": message,
        })
    };
    let status = match table.plural.as_str() {
        "deployments" => json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
            "conditions": [
                condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
                condition("Progressing", "NewReplicaSetAvailable", "ReplicaSet has successfully progressed."),
            ],
        }),
        "statefulsets" => json!({
            "observedGeneration": generation, "replicas": replicas, "readyReplicas": replicas,
            "currentReplicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas,
            "currentRevision": "sandbox-1", "updateRevision": "sandbox-1", "collisionCount": 0,
        }),
        "daemonsets" => json!({
            "observedGeneration": generation, "currentNumberScheduled": 1, "numberMisscheduled": 0,
            "desiredNumberScheduled": 1, "numberReady": 1, "updatedNumberScheduled": 1, "numberAvailable": 1,
        }),
        "replicasets" => json!({
            "observedGeneration": generation, "replicas": replicas, "fullyLabeledReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        }),
        _ => json!({
            "phase": "Bound", "accessModes": spec["accessModes"], "capacity": spec["resources"]["requests"],
        }),
    };
    let settled = item.value["status"]["observedGeneration"] == generation && !generation.is_null()
        || item.value["status"]["phase"] == "Bound";
    if !settled {
        let mut object = item.value.clone();
        object["status"] = status;
        admission::put_status(world, table, key, &item.value, object, "kube-controller-manager", &time);
    }
}

/// After a start: what was under way goes on.
pub(crate) fn resume(world: &mut World) {
    let now = Instant::now();
    let names: Vec<String> = world
        .existing(&namespaces())
        .into_iter()
        .flat_map(|table| table.all())
        .filter(|(_, item)| item.deleting())
        .map(|(name, _)| name.clone())
        .collect();
    for name in names {
        world.later(now, Task::Namespace(name));
    }
    let mut waiting = Vec::new();
    for (table, items) in world.tables() {
        waiting.extend(
            items.all().filter(|(_, item)| item.deleting()).map(|(key, _)| (table.clone(), key.clone())),
        );
    }
    for (table, key) in waiting {
        world.later(now, Task::Foreground(table, key));
    }
    let quotas = world.existing(&admission::cluster_quotas_key()).into_iter().flat_map(|table| table.all());
    let quotas: Vec<String> = quotas.map(|(name, _)| name.clone()).collect();
    for quota in quotas {
        quota_changed(world, &quota, now);
    }
}

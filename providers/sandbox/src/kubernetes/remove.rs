//! Deletion: preconditions, finalizers, owned objects, whole collections.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    controllers,
    engine::{Call, Delays, Reply},
    gojson, kinds,
    read::{self, Filter},
    request::{DeleteOptions, Propagation},
    resources::{Key, Resource},
    status::{About, Failure, deleted},
    world::{Stored, World},
    write::now,
    yaml,
};

/// What a deletion came to.
pub(crate) enum Outcome {
    /// It waits for its finalizers, or it is one of the kinds that answer with themselves.
    Object(Value),
    /// It is gone.
    Gone { uid: String },
}

/// Kinds whose deletion answers with the object.
fn answers_with_object(resource: &Resource) -> bool {
    const KINDS: [&str; 7] = [
        "resourcequotas",
        "serviceaccounts",
        "podtemplates",
        "persistentvolumeclaims",
        "persistentvolumes",
        "services",
        "pods",
    ];
    resource.group.is_empty() && KINDS.contains(&resource.plural.as_str())
}

fn read_options(call: &Call<'_>) -> Result<DeleteOptions, Failure> {
    let text = call.text();
    let body = match text.trim() {
        "" => None,
        // Only options that nobody sets are ever sent in this form.
        _ if call.content_type.starts_with("application/vnd.kubernetes.protobuf") => None,
        text if call.content_type.contains("yaml") => Some(yaml::parse(text).map_err(Failure::bad_request)?),
        text => {
            let parsed = gojson::parse(text);
            let parsed = parsed.map_err(|error| {
                let what = format!("couldn't get version/kind; json parse error: {error}");
                Failure::bad_request(format!(
                    "the object provided is unrecognized (must be of type DeleteOptions): {what} ({text})"
                ))
            })?;
            Some(parsed.value)
        }
    };
    DeleteOptions::read(&call.query, body.as_ref())
}

/// DELETE of an object.
pub(crate) fn delete(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let options = read_options(call)?;
    let about = call.about(resource);
    let live = world.get(&resource.key(), &call.key()).cloned().ok_or_else(|| Failure::not_found(&about))?;
    check_preconditions(resource, &live, &options, &call.target.name)?;
    match remove(world, resource, &call.server.delays, &call.key(), &live, &options) {
        Outcome::Object(object) => {
            Ok(Reply::Object { status: 200, resource: resource.clone(), object, warnings: Vec::new() })
        }
        Outcome::Gone { uid } => Ok(Reply::value(200, deleted(&about, &uid))),
    }
}

fn check_preconditions(
    resource: &Resource,
    live: &Stored,
    options: &DeleteOptions,
    name: &str,
) -> Result<(), Failure> {
    let about = About { group: &resource.group, kind: &resource.kind, name };
    if let Some(uid) = options.uid.as_ref().filter(|uid| *uid != live.uid()) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            live.uid()
        );
        return Err(Failure::conflict(&about, &why));
    }
    if let Some(version) = options.resource_version.as_ref().filter(|v| **v != live.version.to_string()) {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). \
             The object might have been modified",
            live.version
        );
        return Err(Failure::conflict(&about, &why));
    }
    Ok(())
}

/// Deletes an object, or begins to.
pub(crate) fn remove(
    world: &mut World,
    resource: &Arc<Resource>,
    delays: &Delays,
    key: &str,
    live: &Arc<Stored>,
    options: &DeleteOptions,
) -> Outcome {
    let mut object = live.value.clone();
    if resource.group.is_empty() && resource.plural == "namespaces" {
        return remove_namespace(world, resource, delays, key, live, options);
    }
    if options.propagation == Propagation::Orphan && !options.dry_run {
        orphan(world, live.uid());
    }
    if options.propagation == Propagation::Foreground && !live.deleting() {
        let metadata = kinds::entry(&mut object, &["metadata"]);
        let list = metadata.entry("finalizers").or_insert(json!([]));
        if let Some(list) = list.as_array_mut().filter(|list| !list.contains(&"foregroundDeletion".into())) {
            list.push("foregroundDeletion".into());
        }
    }
    let held = object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    if held {
        if live.deleting() || options.dry_run {
            return Outcome::Object(live.value.clone());
        }
        mark(&mut object, 0);
        let object = in_order(resource, &object);
        let stored = world.put(&resource.key(), key, object);
        controllers::after_mark(world, resource, delays, key, &stored);
        return Outcome::Object(stored.value.clone());
    }
    let uid = live.uid().to_owned();
    if options.dry_run {
        return match answers_with_object(resource) {
            true => Outcome::Object(live.value.clone()),
            false => Outcome::Gone { uid },
        };
    }
    let last = world.remove(&resource.key(), key);
    controllers::after_delete(world, resource, delays, key, live);
    match last.filter(|_| answers_with_object(resource)) {
        Some(last) => {
            let mut object = last.value.clone();
            if resource.plural == "pods" {
                mark(&mut object, 0);
                object = in_order(resource, &object);
            }
            Outcome::Object(object)
        }
        None => Outcome::Gone { uid },
    }
}

fn in_order(resource: &Resource, object: &Value) -> Value {
    super::body::normalise(resource, object).map_or_else(|_| object.clone(), |(object, _)| object)
}

/// Marks an object as being deleted.
fn mark(object: &mut Value, grace: u64) {
    let metadata = kinds::entry(object, &["metadata"]);
    metadata.insert("deletionTimestamp".into(), now().into());
    metadata.insert("deletionGracePeriodSeconds".into(), grace.into());
    if let Some(number) = metadata.get("generation").and_then(Value::as_u64).filter(|number| *number > 0) {
        metadata.insert("generation".into(), (number + 1).into());
    }
}

fn remove_namespace(
    world: &mut World,
    resource: &Arc<Resource>,
    delays: &Delays,
    key: &str,
    live: &Arc<Stored>,
    options: &DeleteOptions,
) -> Outcome {
    if live.deleting() || options.dry_run {
        return Outcome::Object(live.value.clone());
    }
    let mut object = live.value.clone();
    kinds::entry(&mut object, &["metadata"]).insert("deletionTimestamp".into(), now().into());
    object["status"]["phase"] = "Terminating".into();
    let object = in_order(resource, &object);
    let stored = world.put(&resource.key(), key, object);
    controllers::after_mark(world, resource, delays, key, &stored);
    Outcome::Object(stored.value.clone())
}

/// The owned objects lose their owner and stay.
fn orphan(world: &mut World, uid: &str) {
    for (key, name) in world.dependents(uid) {
        let Some(stored) = world.get(&key, &name).cloned() else { continue };
        let mut object = stored.value.clone();
        if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
            owners.retain(|owner| owner["uid"].as_str() != Some(uid));
        }
        if object["metadata"]["ownerReferences"].as_array().is_some_and(Vec::is_empty) {
            kinds::entry(&mut object, &["metadata"]).shift_remove("ownerReferences");
        }
        world.put(&key, &name, object);
    }
}

/// DELETE of a collection.
pub(crate) fn delete_collection(
    world: &mut World,
    call: &Call<'_>,
    resource: &Arc<Resource>,
) -> Result<Reply, Failure> {
    let options = read_options(call)?;
    let filter = Filter::read(call, resource)?;
    let version = world.version();
    let table: &Key = &resource.key();
    let found: Vec<(String, Arc<Stored>)> = world
        .table(table)
        .range(&filter.prefix, "")
        .filter(|(_, item)| filter.matches(item))
        .map(|(key, item)| (key.clone(), item.clone()))
        .collect();
    let mut items = Vec::with_capacity(found.len());
    for (key, live) in found {
        remove(world, resource, &call.server.delays, &key, &live, &options);
        items.push(live);
    }
    Ok(read::list_of(call, resource, items, version))
}

//! The scale subresource of workloads and of custom resources that have one.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    body,
    engine::{Call, Reply},
    patch,
    request::WriteOptions,
    resources::Resource,
    status::Failure,
    world::{Stored, World},
    write::{Writer, now},
};

fn pointer(resource: &Resource, name: &str, usual: &str) -> String {
    let custom = resource.custom.as_ref().and_then(|custom| custom.scale.as_ref());
    let path = custom.and_then(|scale| scale[name].as_str()).unwrap_or(usual);
    path.replace('.', "/")
}

fn view(resource: &Resource, stored: &Stored) -> Value {
    let object = &stored.value;
    let number =
        |name: &str, usual: &str| object.pointer(&pointer(resource, name, usual)).and_then(Value::as_i64);
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"],
            "uid": object["metadata"]["uid"], "resourceVersion": object["metadata"]["resourceVersion"],
            "creationTimestamp": object["metadata"]["creationTimestamp"],
        },
        "spec": { "replicas": number("specReplicasPath", ".spec.replicas").unwrap_or(0) },
        "status": { "replicas": number("statusReplicasPath", ".status.replicas").unwrap_or(0) },
    })
}

/// GET, PUT or PATCH of the scale.
pub(crate) fn answer(
    world: &mut World,
    call: &Call<'_>,
    resource: &Arc<Resource>,
    method: &str,
) -> Result<Reply, Failure> {
    let found = world.get(&resource.key(), &call.key()).cloned();
    let live = found.ok_or_else(|| Failure::not_found(&call.about(resource)))?;
    let scale = view(resource, &live);
    if method == "GET" {
        return Ok(Reply::value(200, scale));
    }
    let sent = body::read_value(call)?;
    let wanted = if method == "PATCH" { patch::merge_patch(&scale, &sent) } else { sent };
    let version = wanted["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if !version.is_empty() && version != live.version.to_string() {
        return Err(Failure::stale(&call.about(resource)));
    }
    let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or(0);
    let mut object = live.value.clone();
    let path = pointer(resource, "specReplicasPath", ".spec.replicas");
    match object.pointer_mut(&path) {
        Some(place) => *place = replicas.into(),
        None => object["spec"]["replicas"] = replicas.into(),
    }
    let writer = Writer {
        resource,
        user: &call.user,
        options: WriteOptions::read(&call.query, "UpdateOptions", false, call.agent)?,
        subresource: "",
        now: now(),
        delays: &call.server.delays,
    };
    writer.replace(world, &live, object, None)?;
    let stored = world.get(&resource.key(), &call.key()).cloned().unwrap_or(live);
    Ok(Reply::value(200, view(resource, &stored)))
}

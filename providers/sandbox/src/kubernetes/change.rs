//! The requests that write: POST, PUT and the four kinds of PATCH. What they come to is stored by `write`.

use std::sync::Arc;

use serde_json::Value;

use super::{
    body::{check_kind, check_name, check_namespace, judge, normalise, read_body, read_object, read_value},
    engine::{Call, Reply},
    gojson, managed,
    managed::Operation,
    patch::{self, PatchError},
    request::{FieldValidation, WriteOptions},
    resources::Resource,
    status::{About, Cause, Failure},
    structural, typed,
    world::{Stored, World},
    write::{Writer, now},
    yaml,
};

fn writer<'a>(
    call: &'a Call<'_>,
    resource: &'a Arc<Resource>,
    kind: &str,
    apply: bool,
) -> Result<Writer<'a>, Failure> {
    Ok(Writer {
        resource,
        user: &call.user,
        options: WriteOptions::read(&call.query, kind, apply, call.agent)?,
        subresource: &call.target.subresource,
        now: now(),
        delays: &call.server.delays,
    })
}

/// What a PUT or an older patch makes of an object that is only a view of another.
pub(crate) fn changed_object(
    call: &Call<'_>,
    resource: &Arc<Resource>,
    view: &Arc<Stored>,
) -> Result<(Value, WriteOptions), Failure> {
    let kind = if call.method == "PUT" { "UpdateOptions" } else { "PatchOptions" };
    let apply = call.content_type.starts_with("application/apply-patch");
    let options = WriteOptions::read(&call.query, kind, apply, call.agent)?;
    let changed = match call.method {
        "PUT" => read_object(call, resource)?,
        _ => {
            let change = read_value(call)?;
            let media = call.content_type.split(';').next().unwrap_or_default().trim();
            let merge = if apply { "application/merge-patch+json" } else { media };
            make_patched(resource, &view.value, &change, merge).map_err(|_| Failure::unprocessable())?
        }
    };
    check_name(&changed, &call.target.name)?;
    check_version(call, resource, view, &changed)?;
    Ok((changed, options))
}

/// POST on a collection.
pub(crate) fn create(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let writer = writer(call, resource, "CreateOptions", false)?;
    let mut body = read_body(call, &resource.kind)?;
    check_kind(resource, &mut body.value, &call.text())?;
    let (object, unknown) = normalise(resource, &body.value)?;
    let mut problems = body.problems;
    problems.extend(unknown.iter().map(|path| format!("unknown field \"{path}\"")));
    let warnings = judge(resource, problems, writer.options.validation)?;
    let namespace = &call.target.namespace;
    check_namespace(&object, namespace)?;
    if object["metadata"]["resourceVersion"].is_string() {
        return Err(Failure::internal("resourceVersion should not be set on objects to be created"));
    }
    let object = match writer.create(world, namespace, object, None) {
        Ok(object) => object,
        Err(failure) => return fail_with(failure, warnings),
    };
    Ok(Reply::Object { status: 201, resource: resource.clone(), object, warnings })
}

/// A failure carries the warnings, too.
fn fail_with(failure: Failure, warnings: Vec<String>) -> Result<Reply, Failure> {
    if warnings.is_empty() {
        return Err(failure);
    }
    Ok(Reply::Value { status: failure.code, value: failure.body(), warnings })
}

/// Refuses an object that is of an older version, or another object of the same name.
fn check_version(call: &Call<'_>, resource: &Resource, live: &Stored, new: &Value) -> Result<(), Failure> {
    let about = call.about(resource);
    let text = |name: &str| new["metadata"][name].as_str().unwrap_or_default();
    let uid = text("uid");
    if !uid.is_empty() && uid != live.uid() {
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            resource.plural,
            call.key(),
            live.uid()
        );
        return Err(Failure::conflict(&about, &why));
    }
    match text("resourceVersion") {
        "" | "0" => Ok(()),
        version if version == live.version.to_string() => Ok(()),
        version if version.parse::<u64>().is_err() => {
            let shown = Value::from(version);
            let cause = Cause::invalid("metadata.resourceVersion", &shown, "must be a number");
            Err(Failure::invalid(&about, vec![cause]))
        }
        _ => Err(Failure::stale(&about)),
    }
}

/// PUT of an object.
pub(crate) fn update(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let writer = writer(call, resource, "UpdateOptions", false)?;
    let mut body = read_body(call, &resource.kind)?;
    check_kind(resource, &mut body.value, &call.text())?;
    let (object, unknown) = normalise(resource, &body.value)?;
    let mut problems = body.problems;
    problems.extend(unknown.iter().map(|path| format!("unknown field \"{path}\"")));
    let warnings = judge(resource, problems, writer.options.validation)?;
    check_namespace(&object, &call.target.namespace)?;
    check_name(&object, &call.target.name)?;
    let about = call.about(resource);
    let live = world.get(&resource.key(), &call.key()).cloned().ok_or_else(|| Failure::not_found(&about))?;
    check_version(call, resource, &live, &object)?;
    if resource.is_custom() && object["metadata"]["resourceVersion"].as_str().unwrap_or_default().is_empty() {
        let cause = Cause::invalid("metadata.resourceVersion", &0.into(), "must be specified for an update");
        return Err(Failure::invalid(&about, vec![cause]));
    }
    let object = match writer.replace(world, &live, object, None) {
        Ok(object) => object,
        Err(failure) => return fail_with(failure, warnings),
    };
    Ok(Reply::Object { status: 200, resource: resource.clone(), object, warnings })
}

/// PATCH of an object.
pub(crate) fn patch(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let media = call.content_type.split(';').next().unwrap_or_default().trim();
    let known: &[&str] = match resource.is_custom() {
        true => {
            &["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"]
        }
        false => &[
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
            "application/apply-patch+yaml",
        ],
    };
    match media {
        "application/apply-patch+yaml" => apply(world, call, resource),
        media if known.contains(&media) => older_patch(world, call, resource, media),
        "application/strategic-merge-patch+json" => Err(Failure::unsupported_media(&format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            known.join(", ")
        ))),
        _ => Err(Failure::unsupported_media_bare()),
    }
}

fn older_patch(
    world: &mut World,
    call: &Call<'_>,
    resource: &Arc<Resource>,
    media: &str,
) -> Result<Reply, Failure> {
    let writer = writer(call, resource, "PatchOptions", false)?;
    let about = call.about(resource);
    let live = world.get(&resource.key(), &call.key()).cloned().ok_or_else(|| Failure::not_found(&about))?;
    let decoding = |error: String| Failure::bad_request(format!("error decoding patch: {error}"));
    let parsed = gojson::parse(&call.text()).map_err(decoding)?;
    let made = make_patched(resource, &live.value, &parsed.value, media);
    let patched = made.map_err(|error| match error {
        PatchError::Malformed(text) => decoding(text),
        PatchError::Unprocessable => Failure::unprocessable(),
    })?;
    let (object, unknown) = normalise(resource, &patched)?;
    let mut problems: Vec<String> =
        parsed.duplicates.iter().map(|path| format!("duplicate field \"{path}\"")).collect();
    problems.extend(unknown.iter().map(|path| format!("unknown field \"{path}\"")));
    if writer.options.validation == FieldValidation::Strict && !problems.is_empty() {
        let shown = match media {
            "application/strategic-merge-patch+json" => go_map(&parsed.value),
            _ => top_sorted(&patched).to_string(),
        };
        let why = format!("strict decoding error: {}", problems.join(", "));
        return Err(Failure::invalid(&About::default(), vec![Cause::invalid("patch", &shown.into(), &why)]));
    }
    let warnings = judge(resource, problems, writer.options.validation)?;
    check_name(&object, &call.target.name)?;
    check_version(call, resource, &live, &object)?;
    let object = match writer.replace(world, &live, object, None) {
        Ok(object) => object,
        Err(failure) => return fail_with(failure, warnings),
    };
    Ok(Reply::Object { status: 200, resource: resource.clone(), object, warnings })
}

/// The keys of the object itself in order; what is below stays as it is.
fn top_sorted(value: &Value) -> Value {
    let mut map = value.as_object().cloned().unwrap_or_default();
    map.sort_keys();
    Value::Object(map)
}

fn make_patched(resource: &Resource, live: &Value, change: &Value, media: &str) -> Result<Value, PatchError> {
    match media {
        "application/json-patch+json" => patch::json_patch(live, change),
        "application/merge-patch+json" => {
            if !change.is_object() {
                return Err(PatchError::Malformed("json: cannot unmarshal into Go value of type map".into()));
            }
            Ok(patch::merge_patch(live, change))
        }
        _ => patch::strategic(&resource.node, live, change),
    }
}

/// As Go prints a map.
fn go_map(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let parts: Vec<String> = keys.iter().map(|key| format!("{key}:{}", go_map(&map[*key]))).collect();
            format!("map[{}]", parts.join(" "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(go_map).collect::<Vec<_>>().join(" ")),
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        other => other.to_string(),
    }
}

/// Server-side apply.
fn apply(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let writer = writer(call, resource, "PatchOptions", true)?;
    let text = call.text();
    let config = match gojson::parse(&text) {
        Ok(parsed) => Ok(parsed.value),
        Err(_) => yaml::parse(&text),
    };
    let mut config = config.map_err(|error| Failure::bad_request(format!("error decoding YAML: {error}")))?;
    let field = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, version) = (field("kind"), field("apiVersion"));
    if kind != resource.kind || version != resource.api_version() {
        let (group, name) = version.split_once('/').unwrap_or(("", &version));
        return Err(Failure::bad_request(format!("invalid object type: {group}/{name}, Kind={kind}")));
    }
    if config["metadata"].get("managedFields").is_some_and(|list| !list.is_null()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    check_name(&config, &call.target.name)?;
    check_namespace(&config, &call.target.namespace)?;
    let misfits = typed::misfits(&resource.node, &config);
    if !misfits.is_empty() {
        let shown = match misfits.as_slice() {
            [one] => one.clone(),
            several => format!("errors:\n  {}", several.join("\n  ")),
        };
        let namespace = config["metadata"]["namespace"].as_str().unwrap_or_default();
        let (group, name) = version.split_once('/').unwrap_or(("", &version));
        return Err(Failure::internal(format!(
            "failed to create typed patch object ({namespace}/{}; {group}/{name}, Kind={kind}): {shown}",
            call.target.name
        )));
    }
    if let (true, Some(map)) =
        (writer.subresource.is_empty() && resource.has_status(), config.as_object_mut())
    {
        map.shift_remove("status");
    }
    let about = call.about(resource);
    let who = writer.entry(Operation::Apply);
    match world.get(&resource.key(), &call.key()).cloned() {
        None => {
            if !writer.subresource.is_empty() {
                return Err(Failure::not_found(&about));
            }
            config["metadata"]["name"] = call.target.name.clone().into();
            let applied = managed::applied(&resource.node, &writer.empty(), &config, who, false)?;
            let mut object = applied.object.unwrap_or_else(|| config.clone());
            structural::without_nulls(&resource.node, &mut object);
            let (object, _) = normalise(resource, &object)?;
            let object = writer.create(world, &call.target.namespace, object, Some(applied.owners))?;
            Ok(Reply::Object { status: 201, resource: resource.clone(), object, warnings: Vec::new() })
        }
        Some(live) => {
            check_version(call, resource, &live, &config)?;
            let mut base = live.value.clone();
            managed::before_first_apply(&resource.node, &writer.empty(), &mut base, &resource.api_version());
            let applied = managed::applied(&resource.node, &base, &config, who, writer.options.force)?;
            let mut object = applied.object.unwrap_or_else(|| live.value.clone());
            structural::without_nulls(&resource.node, &mut object);
            let (object, _) = normalise(resource, &object)?;
            let object = writer.replace(world, &live, object, Some(applied.owners))?;
            Ok(Reply::Object { status: 200, resource: resource.clone(), object, warnings: Vec::new() })
        }
    }
}

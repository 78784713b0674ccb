//! A request's body, from its bytes to an object in the form in which it is stored.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    decode,
    engine::Call,
    gojson, protobody,
    request::{FieldValidation, WriteOptions},
    resources::Resource,
    status::Failure,
    structural, types, yaml,
};

/// A body, read but not yet understood.
pub(crate) struct Body {
    pub(crate) value: Value,
    /// `duplicate field "data.a"`
    pub(crate) problems: Vec<String>,
}

const JSON: &str = "application/json";

/// Reads an object's body in JSON or YAML.
pub(crate) fn read_body(call: &Call<'_>, kind: &str) -> Result<Body, Failure> {
    let known = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
    let text = call.text();
    let media = call.content_type.split(';').next().unwrap_or_default().trim();
    let unread = |what: &str| {
        let shown = match text.as_ref() {
            "" => "<empty>".to_owned(),
            text if text.chars().count() > 30 => format!("{} ...", text.chars().take(30).collect::<String>()),
            text => text.to_owned(),
        };
        let head = format!("the object provided is unrecognized (must be of type {kind})");
        Failure::bad_request(format!("{head}: {what} ({shown})"))
    };
    match media {
        "" | JSON => {
            let parsed = gojson::parse(&text)
                .map_err(|error| unread(&format!("couldn't get version/kind; json parse error: {error}")))?;
            let problems =
                parsed.duplicates.iter().map(|path| format!("duplicate field \"{path}\"")).collect();
            Ok(Body { value: parsed.value, problems })
        }
        "application/yaml" => {
            let value = yaml::parse(&text).map_err(|error| unread(&format!("yaml: {error}")))?;
            Ok(Body { value, problems: Vec::new() })
        }
        "application/vnd.kubernetes.protobuf" => {
            let value = protobody::decode(call.body).map_err(|error| unread(&error))?;
            Ok(Body { value, problems: Vec::new() })
        }
        _ => {
            let text = format!(
                "the body of the request was in an unknown format - accepted media types include: {known}"
            );
            Err(Failure::unsupported_media(&text))
        }
    }
}

/// Checks that the body is of the resource's kind, and fills in what may be missing.
pub(crate) fn check_kind(resource: &Resource, value: &mut Value, body: &str) -> Result<(), Failure> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, version) = (text("kind"), text("apiVersion"));
    let expected = resource.api_version();
    if !value.is_object() {
        let what = "json: cannot unmarshal into Go value of type struct";
        return Err(Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {what}",
            resource.kind
        )));
    }
    if resource.is_custom() && kind.is_empty() {
        let short: String = body.chars().take(30).collect();
        return Err(Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): Object 'Kind' is missing in '{body}' ({short} ...)",
            resource.kind
        )));
    }
    if !version.is_empty() && version != expected {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({expected})"
        )));
    }
    if !kind.is_empty() && kind != resource.kind {
        let name = version.rsplit('/').next().unwrap_or_default();
        return Err(Failure::bad_request(format!(
            "{kind} in version \"{name}\" cannot be handled as a {wanted}: converting ({name}.{kind}) to (core.{wanted}): unknown conversion",
            wanted = resource.kind
        )));
    }
    value["kind"] = resource.kind.clone().into();
    value["apiVersion"] = expected.into();
    Ok(())
}

/// An object in the form in which it is stored, with the fields that its type doesn't have.
pub(crate) fn normalise(resource: &Resource, value: &Value) -> Result<(Value, Vec<String>), Failure> {
    let wrong = |error: String| {
        Failure::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {kind}: {error}",
            resource.version,
            kind = resource.kind
        ))
    };
    if !resource.is_custom() {
        let decoded = decode::decode(&resource.node, value).map_err(wrong)?;
        return Ok((decoded.value, decoded.unknown));
    }
    let mut object = value.clone();
    let mut unknown = Vec::new();
    let meta = types::object_meta();
    let empty = Value::Object(Map::new());
    let decoded = decode::decode(&meta, object.get("metadata").unwrap_or(&empty)).map_err(wrong)?;
    unknown.extend(decoded.unknown.iter().map(|path| format!("metadata.{path}")));
    object["metadata"] = decoded.value;
    structural::prune(&resource.node, &mut object, "", &mut unknown);
    structural::fill(&resource.node, &mut object);
    Ok((decode::sorted(object), unknown))
}

/// Refuses or tells of what the type doesn't have.
pub(crate) fn judge(
    resource: &Resource,
    problems: Vec<String>,
    validation: FieldValidation,
) -> Result<Vec<String>, Failure> {
    match validation {
        _ if problems.is_empty() => Ok(problems),
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(problems),
        FieldValidation::Strict => Err(Failure::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {kind}: strict decoding error: {}",
            resource.version,
            problems.join(", "),
            kind = resource.kind
        ))),
    }
}

/// The body as an object of the resource, for what is not stored as it is sent.
pub(crate) fn read_object(call: &Call<'_>, resource: &Arc<Resource>) -> Result<Value, Failure> {
    let mut body = read_body(call, &resource.kind)?;
    check_kind(resource, &mut body.value, &call.text())?;
    let (object, unknown) = normalise(resource, &body.value)?;
    let options = WriteOptions::read(&call.query, "CreateOptions", false, call.agent)?;
    let problems = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    judge(resource, problems, options.validation)?;
    Ok(object)
}

/// The body as JSON, whatever its kind.
pub(crate) fn read_value(call: &Call<'_>) -> Result<Value, Failure> {
    if call.content_type.starts_with("application/vnd.kubernetes.protobuf") {
        return protobody::decode(call.body).map_err(Failure::bad_request);
    }
    let text = call.text();
    let parsed = gojson::parse(&text).map(|parsed| parsed.value).or_else(|_| yaml::parse(&text));
    parsed.map_err(|error| Failure::bad_request(format!("the body could not be read: {error}")))
}

pub(crate) fn check_namespace(object: &Value, namespace: &str) -> Result<(), Failure> {
    let given = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if !given.is_empty() && given != namespace {
        let text = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad_request(text));
    }
    Ok(())
}

pub(crate) fn check_name(object: &Value, name: &str) -> Result<(), Failure> {
    let given = object["metadata"]["name"].as_str().unwrap_or_default();
    if !given.is_empty() && given != name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    Ok(())
}

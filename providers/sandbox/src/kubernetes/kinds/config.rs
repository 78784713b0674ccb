//! Namespaces, config maps, secrets.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{default, entry};
use crate::kubernetes::{gojson, names, status::Cause};

const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// The largest size of the data of a secret or a config map.
const DATA_LIMIT: usize = 1024 * 1024;

/// The label with the name comes back if it is taken away.
pub(super) fn namespace_defaults(object: &mut Value) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if !name.is_empty() {
        entry(object, &["metadata", "labels"]).insert(NAME_LABEL.into(), name.into());
        let labels = entry(object, &["metadata", "labels"]);
        labels.sort_keys();
    }
}

/// `stringData` goes into `data`; the type is Opaque if none is given.
pub(super) fn secret_defaults(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    if let Some(Value::Object(plain)) = map.shift_remove("stringData") {
        if !map.get("data").is_some_and(Value::is_object) {
            map.insert("data".into(), Value::Object(Map::new()));
        }
        if let Some(Value::Object(data)) = map.get_mut("data") {
            for (key, value) in plain {
                let text = value.as_str().unwrap_or_default();
                data.insert(key, STANDARD.encode(text).into());
            }
            data.sort_keys();
        }
    }
    default(map, "type", "Opaque");
}

fn check_keys(field: &str, data: &Value, causes: &mut Vec<Cause>) -> usize {
    let mut size = 0;
    for (key, value) in data.as_object().into_iter().flatten() {
        for error in names::config_key_errors(key) {
            causes.push(Cause::invalid(format!("{field}[{key}]"), &key.as_str().into(), &error));
        }
        size += value.as_str().map_or(0, str::len);
    }
    size
}

fn check_immutable(object: &Value, old: Option<&Value>, fields: &[&str], causes: &mut Vec<Cause>) {
    let Some(old) = old.filter(|old| old["immutable"].as_bool() == Some(true)) else { return };
    let why = "field is immutable when `immutable` is set";
    if object["immutable"].as_bool() != Some(true) {
        causes.push(Cause::forbidden("immutable", why));
    }
    for field in fields {
        if object[*field] != old[*field] {
            causes.push(Cause::forbidden(*field, why));
        }
    }
}

pub(super) fn check_config_map(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    check_immutable(object, old, &["data", "binaryData"], causes);
    let mut size = 0;
    for (key, value) in object["data"].as_object().into_iter().flatten() {
        for error in names::config_key_errors(key) {
            causes.push(Cause::invalid(format!("data[{key}]"), &key.as_str().into(), &error));
        }
        if object["binaryData"].get(key).is_some() {
            let why = "duplicate of key present in binaryData";
            causes.push(Cause::invalid(format!("data[{key}]"), &key.as_str().into(), why));
        }
        size += value.as_str().map_or(0, str::len);
    }
    size += check_keys("binaryData", &object["binaryData"], causes) / 4 * 3;
    if size > DATA_LIMIT {
        causes.push(Cause::too_long("", DATA_LIMIT));
    }
}

pub(super) fn check_secret(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    if let Some(old) = old {
        super::immutable("type", &object["type"], &old["type"], causes);
    }
    check_immutable(object, old, &["data"], causes);
    let size = check_keys("data", &object["data"], causes) / 4 * 3;
    if size > DATA_LIMIT {
        causes.push(Cause::too_long("data", DATA_LIMIT));
    }
    let data = &object["data"];
    let mut require = |keys: &[&str]| {
        for key in keys.iter().filter(|key| data.get(**key).is_none()) {
            causes.push(Cause::required(format!("data[{key}]"), ""));
        }
    };
    match object["type"].as_str().unwrap_or_default() {
        "kubernetes.io/tls" => require(&["tls.crt", "tls.key"]),
        "kubernetes.io/ssh-auth" => require(&["ssh-privatekey"]),
        "kubernetes.io/basic-auth" if data.get("username").is_none() && data.get("password").is_none() => {
            causes.push(Cause::required("data[username]", ""));
            causes.push(Cause::required("data[password]", ""));
        }
        "kubernetes.io/dockerconfigjson" => check_json(data, ".dockerconfigjson", causes),
        "kubernetes.io/dockercfg" => check_json(data, ".dockercfg", causes),
        "kubernetes.io/service-account-token" => {
            let account = &object["metadata"]["annotations"]["kubernetes.io/service-account.name"];
            if account.as_str().unwrap_or_default().is_empty() {
                let field = "metadata.annotations[kubernetes.io/service-account.name]";
                causes.push(Cause::required(field, ""));
            }
        }
        _ => {}
    }
}

fn check_json(data: &Value, key: &str, causes: &mut Vec<Cause>) {
    let field = format!("data[{key}]");
    let Some(text) = data.get(key).and_then(Value::as_str) else {
        causes.push(Cause::required(field, ""));
        return;
    };
    let bytes = STANDARD.decode(text).unwrap_or_default();
    if let Err(error) = gojson::parse(&String::from_utf8_lossy(&bytes)) {
        causes.push(Cause::invalid(field, &"<secret contents redacted>".into(), &error));
    }
}

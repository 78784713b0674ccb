//! What names, labels and keys may look like, and what is said if they don't.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>

use serde_json::{Map, Value};

use super::status::Cause;

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
    must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
    '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SERVICE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
    alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
    validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
    with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
    used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
    'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// Which rule an object's name follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NameRule {
    /// `my-name`, up to 63.
    Label,
    /// `my.name`, up to 253.
    Subdomain,
    /// `my-name` that starts with a letter.
    Service,
    /// Anything that fits into a path segment (RBAC).
    Path,
}

fn label(text: &str) -> bool {
    let inner = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn subdomain(text: &str) -> bool {
    text.split('.').all(label)
}

fn qualified_part(text: &str) -> bool {
    let inner = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
    let edge = |letter: Option<u8>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().last())
}

/// What is wrong with an object's name.
pub(crate) fn name_errors(rule: NameRule, name: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let limit = if matches!(rule, NameRule::Label | NameRule::Service) { 63 } else { 253 };
    if rule != NameRule::Path && name.len() > limit {
        errors.push(format!("must be no more than {limit} bytes"));
    }
    match rule {
        NameRule::Label if !label(name) => errors.push(LABEL.into()),
        NameRule::Subdomain if !subdomain(name) => errors.push(SUBDOMAIN.into()),
        NameRule::Service if !label(name) || name.starts_with(|letter: char| letter.is_ascii_digit()) => {
            errors.push(SERVICE.into());
        }
        NameRule::Path => errors.extend(path_errors(name)),
        _ => {}
    }
    errors
}

fn path_errors(name: &str) -> Option<String> {
    if name == "." || name == ".." {
        return Some(format!("may not be '{name}'"));
    }
    let bad = name.chars().find(|letter| ['/', '%'].contains(letter))?;
    Some(format!("may not contain '{bad}'"))
}

/// What is wrong with a label's or an annotation's key.
pub(crate) fn key_errors(key: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(str::is_empty) {
        errors.push("prefix part must be non-empty".into());
    } else if prefix.is_some_and(|prefix| !subdomain(prefix)) {
        errors.push(format!("prefix part {SUBDOMAIN}"));
    }
    if name.is_empty() {
        errors.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        errors.push("name part must be no more than 63 bytes".into());
    }
    if !qualified_part(name) {
        errors.push(QUALIFIED.into());
    }
    errors
}

/// What is wrong with a label's value.
pub(crate) fn label_value_errors(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 63 {
        errors.push("must be no more than 63 bytes".into());
    }
    if !value.is_empty() && !qualified_part(value) {
        errors.push(LABEL_VALUE.into());
    }
    errors
}

/// What is wrong with a key of a config map's or a secret's data.
pub(crate) fn config_key_errors(key: &str) -> Vec<String> {
    let good = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let mut errors = Vec::new();
    if key.len() > 253 {
        errors.push("must be no more than 253 bytes".into());
    }
    if !good {
        errors.push(CONFIG_KEY.into());
    }
    errors
}

/// Checks a map of labels.
pub(crate) fn check_labels(field: &str, labels: &Map<String, Value>, causes: &mut Vec<Cause>) {
    let mut sorted: Vec<_> = labels.iter().collect();
    sorted.sort_by_key(|(key, _)| key.as_str());
    for (key, value) in sorted {
        for error in key_errors(key) {
            causes.push(Cause::invalid(field, &key.as_str().into(), &error));
        }
        for error in label_value_errors(value.as_str().unwrap_or_default()) {
            causes.push(Cause::invalid(field, value, &error));
        }
    }
}

/// The largest size of all annotations together.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// Checks labels, annotations, finalizers and owners; the name is checked by its kind's rule.
pub(crate) fn check_metadata(metadata: &Map<String, Value>, causes: &mut Vec<Cause>) {
    if let Some(Value::Object(labels)) = metadata.get("labels") {
        check_labels("metadata.labels", labels, causes);
    }
    if let Some(Value::Object(annotations)) = metadata.get("annotations") {
        let mut size = 0;
        for (key, value) in annotations {
            size += key.len() + value.as_str().map_or(0, str::len);
            for error in key_errors(&key.to_lowercase()) {
                causes.push(Cause::invalid("metadata.annotations", &key.as_str().into(), &error));
            }
        }
        if size > ANNOTATIONS_LIMIT {
            causes.push(Cause::too_long("metadata.annotations", ANNOTATIONS_LIMIT));
        }
    }
    if let Some(Value::Array(owners)) = metadata.get("ownerReferences") {
        for (at, owner) in owners.iter().enumerate() {
            for key in ["apiVersion", "kind", "name", "uid"] {
                if owner.get(key).and_then(Value::as_str).unwrap_or_default().is_empty() {
                    let text = if key == "apiVersion" { "version" } else { key };
                    let path = format!("metadata.ownerReferences[{at}].{key}");
                    causes.push(Cause::invalid(path, &"".into(), &format!("{text} must not be empty")));
                }
            }
        }
    }
    if let Some(Value::Array(finalizers)) = metadata.get("finalizers") {
        for (at, name) in finalizers.iter().enumerate() {
            check_finalizer(&format!("metadata.finalizers[{at}]"), name, causes);
        }
    }
}

fn check_finalizer(field: &str, name: &Value, causes: &mut Vec<Cause>) {
    let text = name.as_str().unwrap_or_default();
    for error in key_errors(text) {
        causes.push(Cause::invalid(field, name, &error));
    }
    if !text.contains('/') && !["foregroundDeletion", "orphan", "kubernetes"].contains(&text) {
        let why = "name is neither a standard finalizer name nor is it fully qualified";
        // The API server checks it twice, and says it once.
        causes.push(Cause::invalid(field, name, why));
        causes.push(Cause::invalid(field, name, why));
    }
}

//! Custom resources against their definition's schema: unknown fields pruned, defaults filled in, values checked.
//! <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/>

use serde_json::{Map, Value};

use super::{
    quantity::Quantity,
    status::Cause,
    types::{Field, Node, Rules, Scalar, Shape},
};

/// Takes out the fields that the schema doesn't have, and says which.
pub(crate) fn prune(node: &Node, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    match (&node.shape, value) {
        (Shape::Struct(made), Value::Object(map)) => {
            let embedded = node.rules.as_ref().is_some_and(|rules| rules.embedded);
            let free = |key: &str| embedded && ["apiVersion", "kind", "metadata"].contains(&key);
            let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
            if !made.preserve {
                map.retain(|key, _| {
                    let known = made.field(key).is_some() || free(key);
                    if !known {
                        unknown.push(format!("{prefix}{key}"));
                    }
                    known
                });
            }
            for (key, item) in map.iter_mut() {
                if let Some(field) = made.field(key) {
                    prune(&field.node, item, &format!("{prefix}{key}"), unknown);
                }
            }
        }
        (Shape::Map { of, .. }, Value::Object(map)) => {
            for (key, item) in map.iter_mut() {
                prune(of, item, &format!("{path}.{key}"), unknown);
            }
        }
        (Shape::List { of, .. }, Value::Array(items)) => {
            for (at, item) in items.iter_mut().enumerate() {
                prune(of, item, &format!("{path}[{at}]"), unknown);
            }
        }
        _ => {}
    }
}

/// Fills in defaults, and drops nulls that may not be there.
pub(crate) fn fill(node: &Node, value: &mut Value) {
    match (&node.shape, value) {
        (Shape::Struct(made), Value::Object(map)) => {
            for field in &made.fields {
                let absent = match map.get(&field.name) {
                    None => true,
                    Some(Value::Null) => !nullable(field),
                    Some(_) => false,
                };
                if absent {
                    if let Some(default) = &field.default {
                        map.insert(field.name.clone(), default.clone());
                    } else if field.name != "metadata" {
                        map.shift_remove(&field.name);
                    }
                }
                if let Some(item) = map.get_mut(&field.name) {
                    fill(&field.node, item);
                }
            }
        }
        (Shape::Map { of, .. }, Value::Object(map)) => map.values_mut().for_each(|item| fill(of, item)),
        (Shape::List { of, .. }, Value::Array(items)) => items.iter_mut().for_each(|item| fill(of, item)),
        _ => {}
    }
}

fn nullable(field: &Field) -> bool {
    field.node.rules.as_ref().is_some_and(|rules| rules.nullable)
}

/// Does the schema have expressions anywhere? If an object is invalid they are not looked at, and that is said.
fn has_expressions(node: &Node) -> bool {
    if node.rules.as_ref().is_some_and(|rules| rules.expressions) {
        return true;
    }
    match &node.shape {
        Shape::Struct(made) => made
            .fields
            .iter()
            .any(|field| matches!(field.node, super::types::NodeRef::Own(_)) && has_expressions(&field.node)),
        Shape::Map { of, .. } | Shape::List { of, .. } => {
            matches!(of, super::types::NodeRef::Own(_)) && has_expressions(of)
        }
        _ => false,
    }
}

/// What is wrong with an object.
pub(crate) fn check(node: &Node, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    check_node(node, value, "", &mut causes);
    if !causes.is_empty() && has_expressions(node) {
        let why = "some validation rules were not checked because the object was invalid; correct the existing \
                   errors to complete validation";
        causes.push(Cause::invalid("<nil>", &Value::Null, why));
    }
    causes
}

/// As [`check`], for a part of an object.
pub(crate) fn check_part(node: &Node, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    check_node(node, value, path, causes);
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check_node(node: &Node, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let rules = node.rules.as_deref();
    if value.is_null() && rules.is_some_and(|rules| rules.nullable) {
        return;
    }
    let before = causes.len();
    let wanted = wanted_type(node);
    if let Some(wanted) = wanted.filter(|wanted| !fits(wanted, value)) {
        let found = Value::from(type_name(value));
        let place = if path.is_empty() { String::new() } else { format!("{path} ") };
        let why = format!("{place}in body must be of type {wanted}: {found}");
        causes.push(Cause::wrong_type(path, &found, &why));
    } else {
        match (&node.shape, value) {
            (Shape::Struct(made), Value::Object(map)) => {
                let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
                for (key, item) in map {
                    if let Some(field) = made.field(key).filter(|_| !(path.is_empty() && key == "metadata")) {
                        check_node(&field.node, item, &format!("{prefix}{key}"), causes);
                    }
                }
                for name in made.required.iter().filter(|name| map.get(*name).is_none_or(Value::is_null)) {
                    causes.push(Cause::required(format!("{prefix}{name}"), ""));
                }
            }
            (Shape::Map { of, .. }, Value::Object(map)) => {
                for (key, item) in map {
                    check_node(of, item, &format!("{path}.{key}"), causes);
                }
            }
            (Shape::List { of, .. }, Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    check_node(of, item, &format!("{path}[{at}]"), causes);
                }
            }
            _ => {}
        }
    }
    if let Some(rules) = rules {
        if causes.len() == before || wanted.is_none_or(|wanted| fits(wanted, value)) {
            check_rules(rules, value, path, causes);
        }
        check_combinations(rules, value, path, causes);
    }
}

fn wanted_type(node: &Node) -> Option<&'static str> {
    if node.rules.as_ref().is_some_and(|rules| !rules.typed) && !matches!(node.shape, Shape::Scalar(_)) {
        return None;
    }
    match &node.shape {
        Shape::Scalar(kind) => match kind {
            Scalar::Int32 | Scalar::Int64 => Some("integer"),
            Scalar::Number => Some("number"),
            Scalar::Bool => Some("boolean"),
            Scalar::IntOrString => Some("integer or string"),
            Scalar::Quantity => None,
            _ => Some("string"),
        },
        Shape::Any => None,
        Shape::Struct(_) | Shape::Map { .. } => Some("object"),
        Shape::List { .. } => Some("array"),
    }
}

fn fits(wanted: &str, value: &Value) -> bool {
    match (wanted, value) {
        ("integer or string", Value::String(_)) => true,
        ("integer or string" | "integer", Value::Number(number)) => {
            !number.is_f64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
        }
        ("number", Value::Number(_)) => true,
        _ => wanted == type_name(value),
    }
}

fn check_rules(rules: &Rules, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let mut invalid = |shown: &Value, why: String| {
        causes.push(Cause::invalid(path, shown, &format!("{path} in body {why}")));
    };
    match value {
        Value::String(text) => {
            let length = text.chars().count() as u64;
            if let Some(pattern) = rules.pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
                invalid(value, format!("should match '{}'", pattern.source));
            }
            if let Some(limit) = rules.min_length.filter(|limit| length < *limit) {
                invalid(value, format!("should be at least {limit} chars long"));
            }
            if let Some(limit) = rules.max_length.filter(|limit| length > *limit) {
                causes.push(Cause::too_long(path, usize::try_from(limit).unwrap_or(0)));
            }
            if let Some(kind) = bad_format(&rules.format, text) {
                causes.push(Cause::invalid(
                    path,
                    value,
                    &format!("{path} in body must be of type {kind}: {value}"),
                ));
            }
        }
        Value::Number(number) => {
            let float = number.as_f64().unwrap_or(0.0);
            if let Some((limit, open)) =
                rules.minimum.filter(|(limit, open)| float < *limit || (*open && float == *limit))
            {
                invalid(
                    value,
                    format!("should be greater than {}{limit}", if open { "" } else { "or equal to " }),
                );
            }
            if let Some((limit, open)) =
                rules.maximum.filter(|(limit, open)| float > *limit || (*open && float == *limit))
            {
                invalid(
                    value,
                    format!("should be less than {}{limit}", if open { "" } else { "or equal to " }),
                );
            }
        }
        Value::Object(map) => {
            let count = map.len() as u64;
            if let Some(limit) = rules.min_properties.filter(|limit| count < *limit) {
                invalid(&count.into(), format!("should have at least {limit} properties"));
            }
            if let Some(limit) = rules.max_properties.filter(|limit| count > *limit) {
                causes.push(too_many(path, count, limit));
            }
        }
        Value::Array(items) => {
            let count = items.len() as u64;
            if let Some(limit) = rules.min_items.filter(|limit| count < *limit) {
                invalid(&count.into(), format!("should have at least {limit} items"));
            }
            if let Some(limit) = rules.max_items.filter(|limit| count > *limit) {
                causes.push(too_many(path, count, limit));
            }
        }
        _ => {}
    }
    if !rules.allowed.is_empty() && !rules.allowed.contains(value) {
        let known: Vec<&str> = rules.allowed.iter().filter_map(Value::as_str).collect();
        causes.push(Cause::unsupported(path, value, &known));
    }
}

fn too_many(path: &str, count: u64, limit: u64) -> Cause {
    let message = format!("Too many: {count}: must have at most {limit} items");
    Cause { reason: "FieldValueTooMany", message, field: path.to_owned() }
}

fn bad_format<'a>(format: &'a str, text: &str) -> Option<&'a str> {
    let good = match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "uuid" => uuid::Uuid::parse_str(text).is_ok(),
        "quantity" => Quantity::parse(text).is_some(),
        _ => true,
    };
    (!good).then_some(format)
}

fn check_combinations(rules: &Rules, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let good = |node: &Node| {
        let mut found = Vec::new();
        check_node(node, value, path, &mut found);
        found.is_empty()
    };
    let mut fail = |text: &str| {
        causes.push(Cause::invalid("<nil>", &"".into(), &format!("\"{path}\" must {text}")));
    };
    if !rules.any_of.is_empty() && !rules.any_of.iter().any(good) {
        fail("validate at least one schema (anyOf)");
    }
    if !rules.one_of.is_empty() && rules.one_of.iter().filter(|node| good(node)).count() != 1 {
        fail("validate one and only one schema (oneOf)");
    }
    if rules.not.as_ref().is_some_and(|node| good(node)) {
        fail("not validate the schema (not)");
    }
    if !rules.all_of.iter().all(good) {
        fail("validate all the schemas (allOf)");
    }
}

/// The object without nulls, as far as the schema does not want them.
pub(crate) fn without_nulls(node: &Node, value: &mut Value) {
    match (&node.shape, value) {
        (Shape::Struct(made), Value::Object(map)) => {
            map.retain(|key, item| !item.is_null() || made.field(key).is_some_and(nullable));
            for (key, item) in map.iter_mut() {
                if let Some(field) = made.field(key) {
                    without_nulls(&field.node, item);
                }
            }
        }
        (Shape::Map { of, .. }, Value::Object(map)) => {
            map.retain(|_, item| !item.is_null());
            map.values_mut().for_each(|item| without_nulls(of, item));
        }
        (Shape::List { of, .. }, Value::Array(items)) => {
            items.iter_mut().for_each(|item| without_nulls(of, item));
        }
        _ => {}
    }
}

/// A map as a JSON object; anything else as an empty one.
pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

//! Objects with their types: which fields they set, how two differ, how one is merged into another.
//! The pure part of server-side apply; knows no managers.

use serde_json::{Map, Value};

use super::{
    fieldset::{Plain, Set, Step},
    types::{ListKind, Node, NodeRef, Scalar, Shape, any},
};

/// How two objects differ.
#[derive(Clone, Debug, Default)]
pub(crate) struct Difference {
    pub(crate) added: Set,
    pub(crate) removed: Set,
    pub(crate) modified: Set,
}

/// The type of a field or of a map's value.
fn field_node(node: &Node, name: &str) -> (NodeRef, bool) {
    match &node.shape {
        Shape::Struct(made) => match made.field(name) {
            Some(field) => (field.node.clone(), true),
            None => (any(), false),
        },
        Shape::Map { of, .. } => (of.clone(), false),
        _ => (any(), false),
    }
}

fn atomic(node: &Node) -> bool {
    match &node.shape {
        Shape::Scalar(_) => true,
        Shape::Any => false,
        Shape::Struct(made) => made.atomic,
        Shape::Map { atomic, .. } => *atomic,
        Shape::List { kind, .. } => *kind == ListKind::Atomic,
    }
}

/// How an item of a list is known; none if a key field is missing and has no default.
pub(crate) fn item_step(of: &Node, kind: &ListKind, at: usize, item: &Value) -> Option<Step> {
    match kind {
        ListKind::Atomic => Some(Step::Index(at)),
        ListKind::Set => Some(Step::Item(Plain(item.clone()))),
        ListKind::Map(keys) => {
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                let value = match item.get(key) {
                    Some(value) => value.clone(),
                    None => default_of(of, key)?,
                };
                found.push((key.clone(), Plain(value)));
            }
            found.sort();
            Some(Step::Key(found))
        }
    }
}

fn default_of(of: &Node, key: &str) -> Option<Value> {
    let Shape::Struct(made) = &of.shape else { return None };
    let field = made.field(key)?;
    match (&field.default, &field.node.shape) {
        (Some(value), _) => Some(value.clone()),
        // A required field of the built-in types defaults to its empty value.
        (None, Shape::Scalar(Scalar::String)) if !made.name.is_empty() => Some("".into()),
        _ => None,
    }
}

fn list_parts<'a>(node: &'a Node, value: &'a Value) -> Option<(&'a NodeRef, &'a ListKind, &'a [Value])> {
    match (&node.shape, value) {
        (Shape::List { of, kind, .. }, Value::Array(items)) if *kind != ListKind::Atomic => {
            Some((of, kind, items))
        }
        _ => None,
    }
}

/// The fields that an object sets.
pub(crate) fn field_set(node: &Node, value: &Value) -> Set {
    let mut set = Set::default();
    match value {
        Value::Object(map) if !atomic(node) => {
            for (key, item) in map {
                let (below, named) = field_node(node, key);
                let leaf = item.is_null()
                    || item.as_object().is_some_and(Map::is_empty)
                    || is_leaf(&below, item)
                    || (!named && !matches!(node.shape, Shape::Any));
                let inner = if is_leaf(&below, item) { Set::default() } else { field_set(&below, item) };
                set.put(Step::Field(key.clone()), leaf, inner);
            }
        }
        _ => {
            if let Some((of, kind, items)) = list_parts(node, value) {
                for (at, item) in items.iter().enumerate() {
                    if let Some(step) = item_step(of, kind, at, item) {
                        let inner = if is_leaf(of, item) { Set::default() } else { field_set(of, item) };
                        set.put(step, true, inner);
                    }
                }
            }
        }
    }
    set
}

/// Is the value owned as a whole?
fn is_leaf(node: &Node, value: &Value) -> bool {
    match value {
        Value::Object(_) => atomic(node),
        Value::Array(_) => !matches!(&node.shape, Shape::List { kind, .. } if *kind != ListKind::Atomic),
        _ => true,
    }
}

fn hollow(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

/// How `new` differs from `old`.
pub(crate) fn compare(node: &Node, old: &Value, new: &Value) -> Difference {
    let mut found = Difference::default();
    let mut path = Vec::new();
    walk(node, Some(old), Some(new), &mut path, &mut found);
    found
}

fn note(old: Option<&Value>, new: Option<&Value>, path: &[Step], found: &mut Difference) {
    match (old, new) {
        (None, Some(_)) => found.added.insert(path),
        (Some(_), None) => found.removed.insert(path),
        (Some(old), Some(new)) if old != new => found.modified.insert(path),
        _ => {}
    }
}

fn walk(node: &Node, old: Option<&Value>, new: Option<&Value>, path: &mut Vec<Step>, found: &mut Difference) {
    let plain = |value: Option<&Value>| value.is_some_and(|value| is_leaf(node, value) && !value.is_null());
    if plain(old) || plain(new) || (hollow(old) && hollow(new)) {
        note(old, new, path, found);
        return;
    }
    if old.is_none() || new.is_none() {
        note(old, new, path, found);
    }
    let empty = Map::new();
    if matches!(old, Some(Value::Object(_))) || matches!(new, Some(Value::Object(_))) {
        let old = old.and_then(Value::as_object).unwrap_or(&empty);
        let new = new.and_then(Value::as_object).unwrap_or(&empty);
        for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
            let (below, _) = field_node(node, key);
            path.push(Step::Field(key.clone()));
            walk(&below, old.get(key), new.get(key), path, found);
            path.pop();
        }
        return;
    }
    let Shape::List { of, kind, .. } = &node.shape else { return };
    let (old, new) = (keyed(of, kind, old), keyed(of, kind, new));
    let find = |list: &[(Step, &'_ Value)], step: &Step| list.iter().position(|(known, _)| known == step);
    for (step, item) in &old {
        path.push(step.clone());
        walk(of, Some(item), find(&new, step).map(|at| new[at].1), path, found);
        path.pop();
    }
    for (step, item) in &new {
        if find(&old, step).is_none() {
            path.push(step.clone());
            walk(of, None, Some(item), path, found);
            path.pop();
        }
    }
}

/// The items of a list, each with what tells it from the others.
fn keyed<'a>(of: &Node, kind: &ListKind, value: Option<&'a Value>) -> Vec<(Step, &'a Value)> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().enumerate().filter_map(|(at, item)| Some((item_step(of, kind, at, item)?, item))).collect()
}

/// `over` merged into `under`.
pub(crate) fn merge(node: &Node, under: &Value, over: &Value) -> Value {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) if !atomic(node) => {
            let mut result = under.clone();
            for (key, value) in over {
                let (below, _) = field_node(node, key);
                let merged = match under.get(key) {
                    Some(under) => merge(&below, under, value),
                    None => value.clone(),
                };
                result.insert(key.clone(), merged);
            }
            Value::Object(result)
        }
        // A null map or list says nothing of what is there.
        (Value::Object(_) | Value::Array(_), Value::Null) => under.clone(),
        (Value::Array(_), Value::Array(over)) => match list_parts(node, under) {
            Some((of, kind, under)) => Value::Array(merge_list(of, kind, under, over)),
            None => Value::Array(over.clone()),
        },
        _ => over.clone(),
    }
}

/// The items of `over` keep their order; those that only `under` has keep their place.
fn merge_list(of: &Node, kind: &ListKind, under: &[Value], over: &[Value]) -> Vec<Value> {
    let step = |(at, item): (usize, &Value)| item_step(of, kind, at, item);
    let under_steps: Vec<_> = under.iter().enumerate().map(step).collect();
    let over_steps: Vec<_> = over.iter().enumerate().map(step).collect();
    let mut result = Vec::with_capacity(under.len().max(over.len()));
    let mut next = 0;
    let mut push_over = |upto: usize, result: &mut Vec<Value>| {
        while next < upto {
            let twin = under_steps.iter().position(|known| *known == over_steps[next]);
            result.push(match twin {
                Some(at) => merge(of, &under[at], &over[next]),
                None => over[next].clone(),
            });
            next += 1;
        }
    };
    for (at, known) in under_steps.iter().enumerate() {
        match over_steps.iter().position(|other| other == known) {
            Some(position) => push_over(position + 1, &mut result),
            None => result.push(under[at].clone()),
        }
    }
    push_over(over.len(), &mut result);
    result
}

/// The object without the members of `set`; null if nothing is left of it.
pub(crate) fn remove_items(node: &Node, value: &Value, set: &Set) -> Value {
    match value {
        Value::Object(map) => {
            let mut result = Map::new();
            for (key, item) in map {
                let step = Step::Field(key.clone());
                if set.has(&step) {
                    continue;
                }
                let item = match set.below(&step) {
                    Some(below) => remove_items(&field_node(node, key).0, item, below),
                    None => item.clone(),
                };
                result.insert(key.clone(), item);
            }
            if result.is_empty() { Value::Null } else { Value::Object(result) }
        }
        Value::Array(_) => match list_parts(node, value) {
            None => value.clone(),
            Some((of, kind, items)) => {
                let mut result = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    let Some(step) = item_step(of, kind, at, item) else { continue };
                    if set.has(&step) {
                        continue;
                    }
                    result.push(match set.below(&step) {
                        Some(below) => remove_items(of, item, below),
                        None => item.clone(),
                    });
                }
                if result.is_empty() { Value::Null } else { Value::Array(result) }
            }
        },
        other => other.clone(),
    }
}

/// Why the object does not fit its type, in the words of `failed to create typed patch object`.
pub(crate) fn misfits(node: &Node, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(node, value, "", &mut found);
    found
}

fn check(node: &Node, value: &Value, path: &str, found: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    let mut wrong = |expected: &str| {
        found.push(format!("{path}: expected {expected}, got &value.valueUnstructured{{Value:{value}}}"));
    };
    match (&node.shape, value) {
        (Shape::Scalar(kind), _) => match (kind, value) {
            (Scalar::Quantity | Scalar::IntOrString, Value::String(_) | Value::Number(_)) => {}
            (Scalar::String | Scalar::Bytes | Scalar::Time | Scalar::MicroTime, Value::String(_)) => {}
            (Scalar::Int32 | Scalar::Int64 | Scalar::Number, Value::Number(_)) => {}
            (Scalar::Bool, Value::Bool(_)) => {}
            (Scalar::Int32 | Scalar::Int64 | Scalar::Number, _) => wrong("numeric (int or float)"),
            (Scalar::Bool, _) => wrong("boolean"),
            (Scalar::Quantity | Scalar::IntOrString, _) => wrong("scalar"),
            _ => wrong("string"),
        },
        (Shape::Any, _) => {}
        (Shape::Struct(made), Value::Object(map)) => {
            for (key, item) in map {
                match made.field(key) {
                    Some(field) => check(&field.node, item, &format!("{path}.{key}"), found),
                    None if made.preserve => {}
                    None => found.push(format!("{path}.{key}: field not declared in schema")),
                }
            }
        }
        (Shape::Map { of, .. }, Value::Object(map)) => {
            for (key, item) in map {
                check(of, item, &format!("{path}.{key}"), found);
            }
        }
        (Shape::Struct(_) | Shape::Map { .. }, _) => wrong("map"),
        (Shape::List { of, kind, .. }, Value::Array(items)) => check_list(of, kind, items, path, found),
        (Shape::List { .. }, _) => wrong("list"),
    }
}

fn check_list(of: &Node, kind: &ListKind, items: &[Value], path: &str, found: &mut Vec<String>) {
    let mut seen: Vec<Step> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(step) = item_step(of, kind, at, item) else {
            let ListKind::Map(keys) = kind else { continue };
            let missing = keys.iter().find(|key| item.get(*key).is_none()).map_or("", String::as_str);
            found.push(format!(
                "{path}: element {at}: associative list with keys has an element that omits key field \
                 \"{missing}\" (and doesn't have default value)"
            ));
            continue;
        };
        if *kind != ListKind::Atomic && seen.contains(&step) {
            found.push(format!("{path}: duplicate entries for key {step}"));
        }
        check(of, item, &format!("{path}{step}"), found);
        seen.push(step);
    }
}

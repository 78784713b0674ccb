//! The three older kinds of patch: JSON patch, merge patch, strategic merge patch. Pure; server-side apply is
//! elsewhere.

use serde_json::{Map, Value};

use super::types::{Node, NodeRef, Shape, any};

/// Why a patch was refused.
#[derive(Debug, PartialEq)]
pub(crate) enum PatchError {
    /// The patch is not one.
    Malformed(String),
    /// It does not fit the object.
    Unprocessable,
}

/// JSON patch. <https://www.rfc-editor.org/rfc/rfc6902>
pub(crate) fn json_patch(object: &Value, patch: &Value) -> Result<Value, PatchError> {
    let Value::Array(operations) = patch else {
        let kind = match patch {
            Value::Object(_) => "object",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            _ => "bool",
        };
        let text = format!("json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp");
        return Err(PatchError::Malformed(text));
    };
    let mut result = object.clone();
    for operation in operations {
        apply_operation(&mut result, operation).ok_or(PatchError::Unprocessable)?;
    }
    Ok(result)
}

fn apply_operation(object: &mut Value, operation: &Value) -> Option<()> {
    let text = |name: &str| operation.get(name).and_then(Value::as_str);
    let path = tokens(text("path")?)?;
    match text("op")? {
        "add" => add(object, &path, operation.get("value").cloned().unwrap_or(Value::Null)),
        "remove" => remove(object, &path).map(drop),
        "replace" => {
            let value = operation.get("value").cloned().unwrap_or(Value::Null);
            *find(object, &path)? = value;
            Some(())
        }
        "test" => {
            let found = find(object, &path).map_or(Value::Null, |found| found.clone());
            (found == operation.get("value").cloned().unwrap_or(Value::Null)).then_some(())
        }
        "move" => {
            let value = remove(object, &tokens(text("from")?)?)?;
            add(object, &path, value)
        }
        "copy" => {
            let value = find(object, &tokens(text("from")?)?)?.clone();
            add(object, &path, value)
        }
        _ => None,
    }
}

fn tokens(path: &str) -> Option<Vec<String>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    let rest = path.strip_prefix('/')?;
    Some(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}

fn find<'a>(value: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, token| match value {
        Value::Object(map) => map.get_mut(token),
        Value::Array(list) => list.get_mut(token.parse::<usize>().ok()?),
        _ => None,
    })
}

fn add(object: &mut Value, path: &[String], value: Value) -> Option<()> {
    let Some((last, parents)) = path.split_last() else {
        *object = value;
        return Some(());
    };
    match find(object, parents)? {
        Value::Object(map) => {
            map.insert(last.clone(), value);
        }
        Value::Array(list) if last == "-" => list.push(value),
        Value::Array(list) => {
            let at = last.parse::<usize>().ok().filter(|at| *at <= list.len())?;
            list.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(object: &mut Value, path: &[String]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    match find(object, parents)? {
        Value::Object(map) => map.shift_remove(last),
        Value::Array(list) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < list.len())?;
            Some(list.remove(at))
        }
        _ => None,
    }
}

/// Merge patch. <https://www.rfc-editor.org/rfc/rfc7386>
pub(crate) fn merge_patch(object: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut result = object.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        if value.is_null() {
            result.shift_remove(key);
        } else {
            let merged = merge_patch(result.get(key).unwrap_or(&Value::Null), value);
            result.insert(key.clone(), merged);
        }
    }
    Value::Object(result)
}

/// Strategic merge patch: lists merge by key where the type says so.
/// <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md>
pub(crate) fn strategic(node: &Node, object: &Value, patch: &Value) -> Result<Value, PatchError> {
    match patch {
        Value::Object(patch) => {
            let empty = Map::new();
            let map = object.as_object().unwrap_or(&empty);
            Ok(strategic_map(node, map, patch)?.unwrap_or(Value::Null))
        }
        _ => Err(PatchError::Unprocessable),
    }
}

fn below(node: &Node, key: &str) -> NodeRef {
    match &node.shape {
        Shape::Struct(made) => made.field(key).map_or_else(any, |field| field.node.clone()),
        Shape::Map { of, .. } => of.clone(),
        _ => any(),
    }
}

/// None: the patch deletes the map.
fn strategic_map(
    node: &Node,
    object: &Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Option<Value>, PatchError> {
    let directive = patch.get("$patch").and_then(Value::as_str);
    let plain = patch.iter().filter(|(key, _)| !key.starts_with('$'));
    match directive {
        Some("delete") => return Ok(None),
        Some("replace") => {
            let kept = plain.map(|(key, value)| (key.clone(), value.clone())).collect();
            return Ok(Some(Value::Object(kept)));
        }
        Some("merge") | None => {}
        Some(_) => return Err(PatchError::Unprocessable),
    }
    let mut result = object.clone();
    if let Some(Value::Array(keep)) = patch.get("$retainKeys") {
        result.retain(|key, _| keep.iter().any(|kept| kept.as_str() == Some(key)));
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix("$deleteFromPrimitiveList/")
            && let (Some(Value::Array(list)), Value::Array(gone)) = (result.get_mut(field), value)
        {
            list.retain(|item| !gone.contains(item));
        }
    }
    for (key, value) in plain {
        let node = below(node, key);
        match (result.get(key), value) {
            (_, Value::Null) => {
                result.shift_remove(key);
            }
            (Some(Value::Object(old)), Value::Object(new)) => match strategic_map(&node, old, new)? {
                Some(merged) => {
                    result.insert(key.clone(), merged);
                }
                None => {
                    result.shift_remove(key);
                }
            },
            (old, Value::Array(new)) => {
                let old = old.and_then(Value::as_array).cloned().unwrap_or_default();
                let order = patch.get(&format!("$setElementOrder/{key}")).and_then(Value::as_array);
                result.insert(key.clone(), strategic_list(&node, old, new, order)?.into());
            }
            (None, Value::Object(new)) => {
                if let Some(made) = strategic_map(&node, &Map::new(), new)? {
                    result.insert(key.clone(), made);
                }
            }
            _ => {
                result.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(Some(Value::Object(result)))
}

fn strategic_list(
    node: &Node,
    old: Vec<Value>,
    new: &[Value],
    order: Option<&Vec<Value>>,
) -> Result<Vec<Value>, PatchError> {
    let Shape::List { of, merge: Some(merge), .. } = &node.shape else { return Ok(new.to_vec()) };
    let directive = |item: &Value| item.get("$patch").and_then(Value::as_str).map(str::to_owned);
    if new.iter().any(|item| directive(item).as_deref() == Some("replace")) {
        return Ok(new.iter().filter(|item| directive(item).is_none()).cloned().collect());
    }
    let mut result = old;
    let Some(key) = merge else {
        for item in new {
            if !result.contains(item) {
                result.push(item.clone());
            }
        }
        return Ok(result);
    };
    for item in new {
        let id = item.get(key).ok_or(PatchError::Unprocessable)?;
        let at = result.iter().position(|known| known.get(key) == Some(id));
        if directive(item).as_deref() == Some("delete") {
            result.retain(|known| known.get(key) != Some(id));
            continue;
        }
        let empty = Map::new();
        let under = at.and_then(|at| result[at].as_object()).unwrap_or(&empty).clone();
        let over = item.as_object().ok_or(PatchError::Unprocessable)?;
        let merged = strategic_map(of, &under, over)?;
        match (at, merged) {
            (Some(at), Some(merged)) => result[at] = merged,
            (None, Some(merged)) => result.push(merged),
            _ => {}
        }
    }
    if let Some(order) = order {
        let place = |item: &Value| {
            order.iter().position(|wanted| wanted.get(key) == item.get(key)).unwrap_or(usize::MAX)
        };
        result.sort_by_key(place);
    }
    Ok(result)
}

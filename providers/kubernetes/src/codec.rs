//! Between a resource's value and the service's JSON object: names in camelCase, blocks as objects or arrays.
//!
//! The schema says it all; a kind adds only the names that don't follow the rule, and what it shares with others ([`reconcile`]).

use std::collections::BTreeMap;

use pilotis_sdk::json::{from_json, to_json};
use pilotis_sdk::schema::{Block, Compare, NestedBlock, Nesting};
use pilotis_sdk::value::{Type, Value};
use serde_json::{Map, Value as Json};

use crate::quantity;

/// Names that are not the attribute's in camelCase: (ours, the service's).
pub(crate) type Renames = &'static [(&'static str, &'static str)];

/// The service's name of an attribute or block.
fn api_name(name: &str, renames: Renames) -> String {
    if let Some((_, api)) = renames.iter().find(|(ours, _)| *ours == name) {
        return (*api).to_owned();
    }
    let mut upper = false;
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// Attributes that only the server sets are not sent.
const SERVER_SET: &[&str] = &["generation", "resource_version", "uid", "id"];

/// The arguments of a block as JSON; what is not set is left out.
pub(crate) fn encode(block: &Block, value: &Value, renames: Renames) -> Map<String, Json> {
    let mut object = Map::new();
    for (name, attribute) in &block.attributes {
        let Some(v) = value.get(name) else { continue };
        let set =
            v.is_known() && !v.is_null() && attribute.is_argument() && !SERVER_SET.contains(&name.as_str());
        let empty_name = name == "name" && v.as_str() == Some("");
        if set && !empty_name {
            object.insert(api_name(name, renames), to_json(v));
        }
    }
    for (name, nested) in &block.blocks {
        let Some(v) = value.get(name) else { continue };
        if let Some(json) = encode_blocks(nested, v, renames) {
            object.insert(api_name(name, renames), json);
        }
    }
    object
}

fn encode_blocks(nested: &NestedBlock, value: &Value, renames: Renames) -> Option<Json> {
    let one = |v: &Value| Json::Object(encode(&nested.block, v, renames));
    if nested.nesting == Nesting::Single {
        return (!value.is_null() && value.is_known()).then(|| one(value));
    }
    let items = value.as_elements()?;
    if nested.max == Some(1) {
        return items.first().map(one);
    }
    (!items.is_empty()).then(|| items.iter().map(one).collect())
}

/// Reads a JSON object as the value of a block; what it lacks is null or empty.
pub(crate) fn decode(block: &Block, json: &Json, renames: Renames) -> Result<Value, String> {
    let mut entries: BTreeMap<_, _> = BTreeMap::new();
    for (name, attribute) in &block.attributes {
        let api = api_name(name, renames);
        let ty = attribute.ty.without_optional();
        let value = match json.get(&api) {
            None => Value::null(ty),
            Some(Json::Null) => Value::null(ty),
            Some(member) => from_json(member, &ty).map_err(|why| format!("{api}: {why}"))?,
        };
        entries.insert(name.as_str().into(), value);
    }
    for (name, nested) in &block.blocks {
        let api = api_name(name, renames);
        let member = json.get(&api).unwrap_or(&Json::Null);
        let value = decode_blocks(nested, member, renames).map_err(|why| format!("{api}: {why}"))?;
        entries.insert(name.as_str().into(), value);
    }
    Ok(Value::object(entries.into()))
}

fn decode_blocks(nested: &NestedBlock, json: &Json, renames: Renames) -> Result<Value, String> {
    let ty = nested.block.implied_type();
    let items = match json {
        Json::Null => Vec::new(),
        Json::Array(items) => {
            items.iter().map(|item| decode(&nested.block, item, renames)).collect::<Result<_, _>>()?
        }
        one => vec![decode(&nested.block, one, renames)?],
    };
    Ok(match nested.nesting {
        Nesting::Single => items.into_iter().next().unwrap_or_else(|| Value::null(ty)),
        Nesting::Set => Value::set(ty, items),
        Nesting::List | Nesting::Map => Value::list(ty, items),
    })
}

/// What is read, as far as it is ours to judge.
///
/// `shared` names (dotted, without indexes) maps and lists of named blocks of which only the given entries are managed: what a controller or
/// another person adds to them is no difference. What the service completes is taken as it is; quantities that mean the same keep the known
/// text; what was given as empty and isn't stored stays empty.
pub(crate) fn reconcile(block: &Block, live: &Value, known: &Value, shared: &[&str]) -> Value {
    reconcile_block(block, live, known, shared, "")
}

fn reconcile_block(block: &Block, live: &Value, known: &Value, shared: &[&str], at: &str) -> Value {
    let Some(entries) = live.as_entries() else { return live.clone() };
    let path = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    let mut entries = entries.clone();
    for (name, attribute) in &block.attributes {
        let (Some(live), Some(known)) = (entries.get_mut(name.as_str()), known.get(name)) else { continue };
        let (known, _) = known.clone().unmark_deep();
        if shared.contains(&path(name).as_str()) {
            *live = only_known(live, &known);
        }
        if attribute.compare == Compare::Quantity {
            *live = in_known_words(live, &known);
        }
        if live.is_null() && is_empty(&known) {
            *live = known;
        }
    }
    for (name, nested) in &block.blocks {
        let (Some(live), Some(known)) = (entries.get_mut(name.as_str()), known.get(name)) else { continue };
        let path = path(name);
        if shared.contains(&path.as_str()) {
            *live = only_named(nested, live, known);
        }
        *live = reconcile_nested(nested, live, known, shared, &path);
    }
    Value::object(entries)
}

fn reconcile_nested(nested: &NestedBlock, live: &Value, known: &Value, shared: &[&str], at: &str) -> Value {
    if nested.nesting == Nesting::Single {
        return reconcile_block(&nested.block, live, known, shared, at);
    }
    let (Some(live), Some(known)) = (live.as_elements(), known.as_elements()) else { return live.clone() };
    let items = live.iter().enumerate().map(|(i, item)| match known.get(i) {
        Some(known) => reconcile_block(&nested.block, item, known, shared, at),
        None => item.clone(),
    });
    Value::list(nested.block.implied_type(), items.collect())
}

/// The entries of a map that are known; no map if none was given. One that lost all its entries is empty: null would say that it can't be
/// seen.
fn only_known(live: &Value, known: &Value) -> Value {
    let (Type::Map(element), Some(known)) = (live.ty(), known.as_entries()) else {
        return Value::null(live.ty());
    };
    let entries = live.as_entries().into_iter().flatten().filter(|(k, _)| known.contains_key(k));
    Value::map((*element).clone(), entries.map(|(k, v)| (k.clone(), v.clone())).collect())
}

/// The blocks whose names are known, in the known order.
fn only_named(nested: &NestedBlock, live: &Value, known: &Value) -> Value {
    let (Some(live), Some(known)) = (live.as_elements(), known.as_elements()) else { return live.clone() };
    let kept = known.iter().filter_map(|k| live.iter().find(|l| l.get("name") == k.get("name")).cloned());
    Value::list(nested.block.implied_type(), kept.collect())
}

fn is_empty(value: &Value) -> bool {
    value.as_elements().is_some_and(<[Value]>::is_empty) || value.as_entries().is_some_and(|e| e.is_empty())
}

/// Quantities, alone or in a map, in the known words where they mean the same.
fn in_known_words(live: &Value, known: &Value) -> Value {
    if let (Some(l), Some(k)) = (live.as_str(), known.as_str()) {
        return if quantity::same(l, k) { known.clone() } else { live.clone() };
    }
    let (Type::Map(element), Some(l), Some(k)) = (live.ty(), live.as_entries(), known.as_entries()) else {
        return live.clone();
    };
    let entry = |(name, value): (&ecow::EcoString, &Value)| {
        let value = k.get(name).map_or_else(|| value.clone(), |known| in_known_words(value, known));
        (name.clone(), value)
    };
    Value::map((*element).clone(), l.iter().map(entry).collect())
}

/// The JSON merge patch that makes `after` of `before`: only what changed, null for what is gone, lists whole.
/// <https://www.rfc-editor.org/rfc/rfc7396>
pub(crate) fn merge_patch(before: &Map<String, Json>, after: &Map<String, Json>) -> Map<String, Json> {
    let mut patch = Map::new();
    for (name, new) in after {
        match (before.get(name), new) {
            (Some(old), new) if old == new => {}
            (Some(Json::Object(old)), Json::Object(new)) => {
                patch.insert(name.clone(), Json::Object(merge_patch(old, new)));
            }
            (_, new) => {
                patch.insert(name.clone(), new.clone());
            }
        }
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    patch.extend(gone.map(|name| (name.clone(), Json::Null)));
    patch
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patch(before: Json, after: Json) -> Json {
        Json::Object(merge_patch(before.as_object().unwrap(), after.as_object().unwrap()))
    }

    #[test]
    fn a_patch_names_only_what_changed() {
        let before = json!({"spec": {"hard": {"cpu": "2", "pods": "10"}, "scopes": ["A"]}, "same": {"x": 1}});
        let after = json!({"spec": {"hard": {"cpu": "4"}, "scopes": ["A", "B"]}, "same": {"x": 1}});
        assert_eq!(
            patch(before, after),
            json!({"spec": {"hard": {"cpu": "4", "pods": null}, "scopes": ["A", "B"]}})
        );
    }
}

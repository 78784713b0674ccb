//! Maps and objects.

use std::collections::{BTreeMap, HashSet};

use pilotis_value::convert::convert;
use pilotis_value::unify::unify;
use pilotis_value::{Digest, Kind, Marks, Type, Value};

use super::{
    FunctionDef, FunctionError, Outcome, Param, any, any_unknown, elements, fail, fail_argument, list_of_any,
    list_of_strings, open, string, strings_list, text, unknown,
};
use crate::Surroundings;

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "keys",
        params: &[Param::new("inputMap", any).unknown().marked()],
        variadic: None,
        returns: keys_type,
        call: keys,
        doc: "The keys of a map or names of an object, sorted.",
    },
    FunctionDef {
        name: "lookup",
        params: &[Param::new("inputMap", any).unknown().marked(), Param::new("key", string).marked()],
        variadic: Some(Param::new("default", any).nullable().unknown().marked()),
        returns: lookup_type,
        call: lookup,
        doc: "The element of a key, or a default if the map has no such key.",
    },
    FunctionDef {
        name: "matchkeys",
        params: &[
            Param::new("values", list_of_any),
            Param::new("keys", list_of_any),
            Param::new("searchset", list_of_any),
        ],
        variadic: None,
        returns: super::gives_first,
        call: match_keys,
        doc: "The values that stand where the key is one of a set.",
    },
    FunctionDef {
        name: "merge",
        params: &[],
        variadic: Some(Param::new("maps", any).nullable().unknown().marked()),
        returns: merged_type,
        call: merge,
        doc: "All entries of all maps or objects; of those with the same key the last.",
    },
    FunctionDef {
        name: "transpose",
        params: &[Param::new("values", || Type::map(list_of_strings()))],
        variadic: None,
        returns: |_| Type::map(list_of_strings()),
        call: transpose,
        doc: "A map of lists of texts, turned round: for each text, the keys whose list had it.",
    },
    FunctionDef {
        name: "values",
        params: &[Param::new("mapping", any).unknown().marked()],
        variadic: None,
        returns: values_type,
        call: values,
        doc: "The elements of a map or object, in the order of their keys.",
    },
    FunctionDef {
        name: "zipmap",
        params: &[Param::new("keys", list_of_strings).marked(), Param::new("values", any).unknown().marked()],
        variadic: None,
        returns: |args| match args.get(1).map(Value::ty) {
            Some(Type::List(t)) => Type::Map(t),
            _ => Type::Dynamic,
        },
        call: zip_map,
        doc: "A map with keys from one list and elements from another.",
    },
];

fn keys_type(args: &[Value]) -> Type {
    match args.first().map(Value::ty) {
        Some(Type::Map(_)) => list_of_strings(),
        Some(Type::Object(object)) => Type::tuple(vec![Type::String; object.attributes.len()]),
        _ => Type::Dynamic,
    }
}

fn keys(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (map, marks) = args[0].clone().unmark();
    let names = match (map.kind(), map.ty()) {
        (Kind::Map(entries), _) => strings_list(entries.items().keys()),
        // The names of an object are known from its type.
        (Kind::Object(_) | Kind::Unknown(_), Type::Object(object)) => {
            Value::tuple(object.attributes.keys().map(Value::string).collect())
        }
        (Kind::Unknown(_), Type::Map(_) | Type::Dynamic) => unknown(keys_type(std::slice::from_ref(&map))),
        _ => return fail_argument(0, "must have map or object type"),
    };
    Ok(names.with_marks(marks))
}

fn values_type(args: &[Value]) -> Type {
    match args.first().map(Value::ty) {
        Some(Type::Map(t)) => Type::List(t),
        Some(Type::Object(object)) => Type::tuple(object.attributes.values().cloned()),
        _ => Type::Dynamic,
    }
}

fn values(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (map, marks) = args[0].clone().unmark();
    let ty = values_type(std::slice::from_ref(&map));
    let items = match (map.kind(), map.ty()) {
        (Kind::Map(entries), Type::Map(t)) => {
            Value::list((*t).clone(), entries.items().values().cloned().collect())
        }
        (Kind::Object(entries), _) => Value::tuple(entries.items().values().cloned().collect()),
        (Kind::Unknown(_), Type::Map(_) | Type::Object(_) | Type::Dynamic) => unknown(ty),
        _ => return fail("values() requires a map as the first argument"),
    };
    Ok(items.with_marks(marks))
}

fn lookup_type(args: &[Value]) -> Type {
    match args.first().map(Value::ty) {
        Some(Type::Map(t)) => (*t).clone(),
        Some(Type::Object(object)) => args
            .get(1)
            .and_then(Value::as_str)
            .and_then(|key| object.attributes.get(key))
            .or(args.get(2).map(Value::ty).as_ref())
            .cloned()
            .unwrap_or(Type::Dynamic),
        _ => Type::Dynamic,
    }
}

fn lookup(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    if args.len() > 3 {
        return fail(format!(
            "a map, a key and at most one default can be given, got {} arguments",
            args.len()
        ));
    }
    let (bare, marks) = open(&args[..2]);
    let map = &bare[0];
    let default = match (map.ty(), args.get(2)) {
        (Type::Map(element), Some(default)) => {
            let converted = convert(default, &element).or_else(|_| {
                fail_argument(
                    2,
                    format!(
                        "the default must have the type of the map's elements: {}",
                        element.friendly_name()
                    ),
                )
            })?;
            Some(converted)
        }
        (Type::Map(_) | Type::Object(_), default) => default.cloned(),
        (Type::Dynamic, default) if !map.is_known() => default.cloned(),
        _ => return fail_argument(0, "a map or object is required"),
    };
    if any_unknown(&bare) {
        let marks = marks | default.map_or(Marks::empty(), |d| d.marks_deep());
        return Ok(Value::unknown(lookup_type(&bare)).with_marks(marks));
    }
    let key = text(&bare, 1)?;
    match (map.get(key), default) {
        (Some(found), _) => Ok(found.clone().with_marks(marks)),
        (None, Some(default)) => Ok(default.with_marks(marks)),
        (None, None) if marks.is_empty() => {
            fail(format!("the map has no element {key:?}, and no default is given"))
        }
        (None, None) => fail("the map has no such element, and no default is given"),
    }
}

fn match_keys(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (values, keys, wanted) = (elements(args, 0)?, elements(args, 1)?, elements(args, 2)?);
    if values.len() != keys.len() {
        return fail("there must be as many keys as values");
    }
    let element = args[0].ty().element().cloned().unwrap_or(Type::Dynamic);
    let of = |i: usize| args[i].ty().element().cloned().unwrap_or(Type::Dynamic);
    let Some(key_type) = unify(&[of(1), of(2)]) else {
        return fail("the keys and the set have no type in common");
    };
    let all = |items: &[Value]| -> Result<Vec<Value>, FunctionError> {
        items.iter().map(|v| convert(v, &key_type).map_err(|e| FunctionError::new(e.to_string()))).collect()
    };
    let (keys, wanted) = (all(keys)?, all(wanted)?);
    let wanted: HashSet<Digest> = wanted.iter().map(Value::digest).collect();
    let matched = values.iter().zip(&keys).filter(|(_, key)| wanted.contains(&key.digest()));
    Ok(Value::list(element, matched.map(|(v, _)| v.clone()).collect()))
}

/// The one type of all maps, or the object of all their names; `Dynamic` if that isn't known.
fn merged_type(args: &[Value]) -> Type {
    // A bare null has no entries and no type.
    let merged: Vec<&Value> = args.iter().filter(|v| !(v.is_null() && v.ty() == Type::Dynamic)).collect();
    let Some(first) = merged.first().map(|v| v.ty()) else { return Type::object::<&str>([]) };
    if merged.iter().all(|v| v.has_type(&first)) {
        return first;
    }
    let mut attributes = BTreeMap::new();
    for value in merged {
        match (value.ty(), value.as_entries()) {
            (Type::Object(object), _) if !value.is_null() => attributes.extend(object.attributes.clone()),
            (Type::Map(t), Some(entries)) => {
                attributes.extend(entries.keys().map(|key| (key.clone(), (*t).clone())));
            }
            _ if value.is_null() => {}
            _ => return Type::Dynamic,
        }
    }
    Type::object(attributes)
}

fn merge(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (args, marks) = open(args);
    for arg in &args {
        let mergeable = matches!(arg.ty(), Type::Map(_) | Type::Object(_) | Type::Dynamic);
        if !mergeable {
            let have = arg.ty().friendly_name();
            return fail(format!("arguments must be maps or objects, got {have:?}"));
        }
    }
    let ty = merged_type(&args);
    if any_unknown(&args) {
        return Ok(unknown(ty).with_marks(marks));
    }
    let mut all = BTreeMap::new();
    for entries in args.iter().filter_map(Value::as_entries) {
        all.extend(entries.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
    let merged = match ty {
        Type::Map(element) => Value::map((*element).clone(), all.into()),
        _ => Value::object(all.into()),
    };
    Ok(merged.with_marks(marks))
}

fn transpose(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let mut turned: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for (key, list) in args[0].as_entries().into_iter().flatten() {
        let Some(items) = list.as_elements() else { return fail("a list in the map is null") };
        for item in items {
            let Some(text) = item.as_str() else { return fail("a text in a list of the map is null") };
            turned.entry(text.into()).or_default().push(Value::string(key));
        }
    }
    let lists = turned.into_iter().map(|(k, keys)| (k, Value::list(Type::String, keys))).collect();
    Ok(Value::map(list_of_strings(), lists))
}

fn zip_map(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let (args, mut marks) = open(args);
    let keys = elements(&args, 0)?;
    let ty = args[1].ty();
    let sequence = matches!(ty, Type::List(_) | Type::Tuple(_));
    if !args[1].is_known() && (sequence || ty == Type::Dynamic) {
        let ty = if let Type::List(t) = ty { Type::Map(t) } else { Type::Dynamic };
        return Ok(unknown(ty).with_marks(marks));
    }
    let Some(values) = args[1].as_elements().filter(|_| sequence) else {
        return fail("values argument must be a list or tuple value");
    };
    if keys.len() != values.len() {
        let (k, v) = (keys.len(), values.len());
        return fail(format!("number of keys ({k}) does not match number of values ({v})"));
    }
    let mut entries = BTreeMap::new();
    for (i, (key, value)) in keys.iter().zip(values).enumerate() {
        let Some(name) = key.as_str() else { return fail(format!("keys list has null value at index {i}")) };
        marks |= key.marks();
        entries.insert(name.into(), value.clone());
    }
    let zipped = match ty {
        Type::List(element) => Value::map((*element).clone(), entries.into()),
        _ => Value::object(entries.into()),
    };
    Ok(zipped.with_marks(marks))
}

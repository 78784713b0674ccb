//! Defaults of optional attributes.

use std::sync::Arc;

use super::*;
use crate::ObjectType;

/// `map(object({ size = optional(string, "s"), labels = optional(list(string), []) }))`
fn sizes() -> Constraint {
    let object = ObjectType {
        attributes: [("size".into(), Type::String), ("labels".into(), Type::list(Type::String))].into(),
        optional: ["size".into(), "labels".into()].into(),
    };
    let defaults = Defaults {
        values: [("size".into(), Value::string("s")), ("labels".into(), Value::list(Type::String, vec![]))]
            .into(),
        children: BTreeMap::new(),
    };
    Constraint {
        ty: Type::map(Type::Object(Arc::new(object))),
        defaults: Some(Defaults { values: BTreeMap::new(), children: [("".into(), defaults)].into() }),
    }
}

fn sized(size: &str, labels: &[&str]) -> Value {
    let labels = Value::list(Type::String, labels.iter().map(Value::string).collect());
    Value::object_of([("size", Value::string(size)), ("labels", labels)])
}

#[test]
fn absent_and_null_attributes_are_filled() {
    let null = || Value::null(Type::Dynamic);
    let given = Value::object_of([
        ("a", Value::object_of([("size", Value::string("l"))])),
        ("b", Value::object_of([("size", null()), ("labels", null())])),
        ("c", Value::object_of([("labels", Value::tuple(vec![Value::number(1)]))])),
    ]);
    let filled = sizes().apply(&given).expect("converts");
    assert_eq!(filled.get("a"), Some(&sized("l", &[])));
    assert_eq!(filled.get("b"), Some(&sized("s", &[])));
    assert_eq!(filled.get("c"), Some(&sized("s", &["1"])));
}

#[test]
fn a_null_stays_null_and_an_empty_map_empty() {
    let constraint = sizes();
    assert!(constraint.apply(&Value::null(Type::Dynamic)).expect("converts").is_null());
    let empty = constraint.apply(&Value::object(EntryMap::new())).expect("converts");
    assert_eq!(empty.as_entries().map(EntryMap::len), Some(0));
    assert_eq!(empty.ty(), constraint.ty.without_optional());
    let error =
        constraint.apply(&Value::object_of([("a", Value::object_of([("labels", Value::string("x"))]))]));
    assert_eq!(
        error.expect_err("refused").to_string(),
        "element \"a\": attribute \"labels\": list of string required"
    );
}

#[test]
fn defaults_of_defaults_are_filled_too() {
    // object({ a = optional(list(object({ b = optional(string, "bee") })), [{}, { b = "x" }]) })
    let inner = ObjectType { attributes: [("b".into(), Type::String)].into(), optional: ["b".into()].into() };
    let outer = ObjectType {
        attributes: [("a".into(), Type::list(Type::Object(Arc::new(inner))))].into(),
        optional: ["a".into()].into(),
    };
    let empty = Value::object(EntryMap::new());
    let bee = Defaults { values: [("b".into(), Value::string("bee"))].into(), children: BTreeMap::new() };
    let elements = Defaults { values: BTreeMap::new(), children: [("".into(), bee)].into() };
    let constraint = Constraint {
        ty: Type::Object(Arc::new(outer)),
        defaults: Some(Defaults {
            values: [(
                "a".into(),
                Value::tuple(vec![empty.clone(), Value::object_of([("b", Value::string("x"))])]),
            )]
            .into(),
            children: [("a".into(), elements)].into(),
        }),
    };
    let filled = constraint.apply(&empty).expect("converts");
    let of = |b: &str| Value::object_of([("b", Value::string(b))]);
    assert_eq!(filled.get("a").and_then(Value::as_elements), Some(&[of("bee"), of("x")][..]));
}

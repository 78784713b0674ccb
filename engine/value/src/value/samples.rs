//! Values and types of every shape, for property tests.

use proptest::prelude::*;

use crate::{Marks, Number, Refinement, Type, Value};

/// Types up to three levels deep, without optional attributes.
pub(crate) fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Bool),
        Just(Type::Number),
        Just(Type::String),
        Just(Type::String),
        Just(Type::Dynamic)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Type::tuple),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(Type::object),
        ]
    })
}

/// Values up to three levels deep, some null, some unknown, some marked.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => any_scalar(),
        1 => any_type().prop_map(Value::null),
        1 => (any_type(), any::<bool>(), prop::option::of(0..3u64)).prop_map(|(ty, not_null, min_length)| {
            Value::unknown_refined(ty, Refinement { not_null, min_length, ..Refinement::default() })
        }),
    ];
    shaped(leaf.boxed())
}

/// As [`any_value`], wholly known and without marks.
pub(crate) fn known_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![4 => any_scalar(), 1 => any_type().prop_map(Value::null)];
    shaped(leaf.boxed()).prop_map(|v| v.unmark_deep().0)
}

fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::bool),
        (-20i64..20).prop_map(Value::number),
        any::<i64>().prop_map(Value::number),
        (any::<i64>(), 1i64..50)
            .prop_map(|(a, b)| Value::number(Number::Int(a).div(&Number::Int(b)).expect("not zero"))),
        "[ab1-3]{0,3}".prop_map(Value::string),
        "\\PC{0,4}".prop_map(Value::string),
        "[\u{0}-\u{20}\"\\\\<é]{0,3}".prop_map(Value::string),
    ]
}

fn shaped(leaf: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let tree = leaf.prop_recursive(3, 16, 4, |inner| {
        let many = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            many.clone().prop_map(Value::tuple),
            (many.clone(), any_type()).prop_map(|(items, ty)| collected(items, Type::list(ty))),
            (many, any_type()).prop_map(|(items, ty)| collected(items, Type::set(ty))),
            prop::collection::btree_map("[a-c]|é", inner.clone(), 0..4).prop_map(Value::object_of),
            (prop::collection::btree_map("[a-c]", inner, 0..4), any_type()).prop_map(|(items, ty)| {
                let object = Value::object_of(items);
                crate::convert::convert(&object, &Type::map(ty)).unwrap_or(object)
            }),
        ]
    });
    (tree, prop::bool::weighted(0.1)).prop_map(
        |(v, secret)| {
            if secret { v.with_marks(Marks::SENSITIVE) } else { v }
        },
    )
}

fn collected(items: Vec<Value>, to: Type) -> Value {
    let tuple = Value::tuple(items);
    crate::convert::convert(&tuple, &to).unwrap_or(tuple)
}

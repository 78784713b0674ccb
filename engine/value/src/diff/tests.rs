//! Where two values differ.

use proptest::prelude::*;

use super::*;
use crate::Type;
use crate::value::samples::any_value;

fn shown(before: &Value, after: &Value) -> Vec<String> {
    let side = |v: &Option<Value>| v.as_ref().map_or("-".into(), |v| format!("{v:?}"));
    diff(before, after)
        .iter()
        .map(|d| format!("{}: {} -> {}", d.path, side(&d.before), side(&d.after)))
        .collect()
}

#[test]
fn deepest_places_are_named() {
    let before = Value::object_of([
        ("name", Value::string("a")),
        ("tags", Value::map(Type::String, [("x".into(), Value::string("1"))].into())),
        ("list", Value::tuple(vec![Value::number(1), Value::number(2)])),
        ("set", Value::set(Type::Number, vec![Value::number(1), Value::number(2)])),
    ]);
    let after = Value::object_of([
        ("name", Value::string("a")),
        ("tags", Value::map(Type::String, [("y".into(), Value::string("1"))].into())),
        ("list", Value::tuple(vec![Value::number(7)])),
        ("set", Value::set(Type::Number, vec![Value::number(2), Value::number(3)])),
    ]);
    assert_eq!(
        shown(&before, &after),
        [
            ".list[0]: 1 -> 7",
            ".list[1]: 2 -> -",
            ".set[…]: 1 -> -",
            ".set[…]: - -> 3",
            ".tags[\"x\"]: \"1\" -> -",
            ".tags[\"y\"]: - -> \"1\"",
        ]
    );
}

#[test]
fn other_types_differ_as_a_whole() {
    let list = Value::list(Type::Number, vec![Value::number(1)]);
    assert_eq!(shown(&Value::tuple(vec![Value::number(1)]), &list), [": [1] -> [1]"]);
    assert_eq!(shown(&Value::list(Type::String, vec![]), &Value::list(Type::Number, vec![])), [": [] -> []"]);
    assert_eq!(shown(&list, &Value::unknown(list.ty())), [": [1] -> (unknown list(number))"]);
}

#[test]
fn a_part_of_a_secret_is_secret() {
    let secret = |x: i64| Value::object_of([("pin", Value::number(x))]).with_marks(Marks::SENSITIVE);
    assert_eq!(shown(&secret(1), &secret(2)), [".pin: (sensitive) -> (sensitive)"]);
    let bare = secret(1).unmark().0;
    assert_eq!(shown(&bare, &secret(1)), [": {\"pin\": 1} -> (sensitive)"]);
}

proptest! {
    #[test]
    fn there_is_a_difference_exactly_if_they_differ(a in any_value(), b in any_value()) {
        prop_assert_eq!(diff(&a, &b).is_empty(), a == b);
        prop_assert!(diff(&a, &a).is_empty());
    }
    #[test]
    fn a_change_is_found_where_it_was_made(value in any_value()) {
        let mut places = Vec::new();
        value.walk(&mut |path, _| { places.push(path.clone()); true });
        for place in places {
            let there = value.get_path(&place);
            prop_assert!(there.is_some(), "{}", place);
        }
    }
}

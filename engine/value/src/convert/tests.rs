//! Conversions, the order of sets, and equality.

use proptest::prelude::*;

use super::*;
use crate::Marks;
use crate::value::samples::{any_type, any_value};

fn s(text: &str) -> Value {
    Value::string(text)
}
fn num(x: i64) -> Value {
    Value::number(x)
}
fn tuple(items: impl IntoIterator<Item = Value>) -> Value {
    Value::tuple(items.into_iter().collect())
}
fn object<const N: usize>(items: [(&str, Value); N]) -> Value {
    Value::object_of(items)
}
fn strings(items: &[&str]) -> Value {
    Value::list(Type::String, items.iter().map(Value::string).collect())
}
fn error(value: Value, to: Type) -> String {
    convert(&value, &to).expect_err("no conversion").to_string()
}
/// `object({a=string, b=optional(number)})`
fn with_optional() -> Type {
    Type::Object(std::sync::Arc::new(ObjectType {
        attributes: [("a".into(), Type::String), ("b".into(), Type::Number)].into(),
        optional: ["b".into()].into(),
    }))
}

#[test]
fn primitives() {
    assert_eq!(convert(&num(1), &Type::String), Ok(s("1")));
    assert_eq!(convert(&s("1e3"), &Type::Number), Ok(num(1000)));
    assert_eq!(convert(&s("1"), &Type::Bool), Ok(Value::bool(true)));
    assert_eq!(convert(&Value::bool(false), &Type::String), Ok(s("false")));
    assert_eq!(error(s("x"), Type::Number), "a number is required");
    assert_eq!(error(s("yes"), Type::Bool), "a bool is required");
    assert_eq!(
        error(s("TRUE"), Type::Bool),
        "a bool is required; to convert from string, use lowercase \"true\""
    );
    assert_eq!(error(num(1), Type::Bool), "bool required");
    assert_eq!(error(tuple([s("a")]), Type::String), "string required");
}

#[test]
fn structures_become_collections() {
    assert_eq!(convert(&tuple([num(1), s("x")]), &Type::list(Type::String)), Ok(strings(&["1", "x"])));
    assert_eq!(
        convert(&tuple([num(1), s("1")]), &Type::set(Type::String)),
        Ok(Value::set(Type::String, vec![s("1")]))
    );
    let map = convert(&object([("a", num(1)), ("b", Value::bool(true))]), &Type::map(Type::String));
    assert_eq!(map, Ok(Value::map(Type::String, [("a".into(), s("1")), ("b".into(), s("true"))].into())));
    assert_eq!(convert(&tuple([]), &Type::list(Type::Bool)), Ok(Value::list(Type::Bool, vec![])));
    assert_eq!(error(tuple([num(1), s("x")]), Type::list(Type::Bool)), "element 0: bool required");
    assert_eq!(error(object([]), Type::list(Type::Bool)), "list of bool required");
    assert_eq!(error(s("a"), Type::set(Type::Dynamic)), "set of any single type required");
    assert_eq!(
        error(object([("a", tuple([num(1)]))]), Type::map(Type::String)),
        "element \"a\": string required"
    );
}

#[test]
fn objects_may_have_more_but_not_less() {
    assert_eq!(
        convert(&object([("a", num(1)), ("z", num(2))]), &with_optional()),
        Ok(object([("a", s("1")), ("b", Value::null(Type::Number))]))
    );
    let both = Type::object([("a", Type::Number), ("b", Type::Bool)]);
    assert_eq!(error(object([]), both.clone()), "attributes \"a\" and \"b\" are required");
    assert_eq!(error(object([("a", num(1))]), both.clone()), "attribute \"b\" is required");
    let map = Value::map(Type::String, [("k".into(), s("v"))].into());
    assert_eq!(error(map, both), "map has no element for required attribute \"a\"");
    let deep = Type::map(Type::object([("labels", Type::list(Type::String))]));
    let value = object([("a", object([("labels", s("x"))]))]);
    assert_eq!(error(value, deep), "element \"a\": attribute \"labels\": list of string required");
}

#[test]
fn open_element_types_are_settled_by_the_elements() {
    let list_of = |items: Vec<Value>| convert(&tuple(items), &Type::list(Type::Dynamic));
    assert_eq!(list_of(vec![num(1), s("a")]), Ok(strings(&["1", "a"])));
    assert_eq!(
        list_of(vec![object([("a", num(1))]), object([("a", s("x"))])]),
        Ok(Value::list(
            Type::object([("a", Type::String)]),
            vec![object([("a", s("1"))]), object([("a", s("x"))])]
        ))
    );
    assert_eq!(
        list_of(vec![object([("a", num(1))]), object([("b", num(2))])]).map(|v| v.ty()),
        Ok(Type::list(Type::map(Type::Number)))
    );
    assert_eq!(
        list_of(vec![Value::null(Type::Dynamic), num(1)]).map(|v| v.ty()),
        Ok(Type::list(Type::Number))
    );
    assert_eq!(list_of(vec![]).map(|v| v.ty()), Ok(Type::list(Type::Dynamic)));
    assert_eq!(
        error(tuple([num(1), tuple([])]), Type::list(Type::Dynamic)),
        "all list elements must have the same type"
    );
    // Terraform takes a bare null beside something structural in a map, not in a list.
    assert!(list_of(vec![Value::null(Type::Dynamic), tuple([s("a")])]).is_err());
    let map = object([("p", Value::null(Type::Dynamic)), ("q", strings(&["x"]))]);
    assert_eq!(
        convert(&map, &Type::map(Type::Dynamic)).map(|v| v.ty()),
        Ok(Type::map(Type::list(Type::String)))
    );
    let nested = Type::list(Type::object([("a", Type::Dynamic)]));
    let value = tuple([object([("a", Value::null(Type::Dynamic))]), object([("a", num(1))])]);
    assert_eq!(convert(&value, &nested).map(|v| v.ty()), Ok(Type::list(Type::object([("a", Type::Number)]))));
}

#[test]
fn nulls_and_unknowns_take_the_type() {
    assert_eq!(
        convert(&Value::null(Type::Dynamic), &Type::list(Type::Dynamic)),
        Ok(Value::null(Type::list(Type::Dynamic)))
    );
    assert_eq!(convert(&Value::null(Type::String), &Type::Number), Ok(Value::null(Type::Number)));
    assert_eq!(error(Value::null(Type::String), Type::list(Type::String)), "list of string required");
    let two = Value::unknown_refined(
        Type::tuple([Type::Number, Type::Number]),
        Refinement { not_null: true, ..Refinement::default() },
    );
    let converted = convert(&two, &Type::list(Type::String)).expect("converts");
    let expected = Refinement { not_null: true, min_length: Some(2), max_length: Some(2), prefix: None };
    assert_eq!(converted, Value::unknown_refined(Type::list(Type::String), expected));
    let set = Value::set(Type::String, vec![Value::unknown(Type::String), s("a")]);
    assert!(!convert(&set, &Type::list(Type::String)).expect("converts").is_known());
}

#[test]
fn marks_stay() {
    let secret = s("12").with_marks(Marks::SENSITIVE);
    assert_eq!(convert(&secret, &Type::Number), Ok(num(12).with_marks(Marks::SENSITIVE)));
    let list = convert(&tuple([secret.clone()]), &Type::list(Type::String)).expect("converts");
    assert_eq!(list.marks(), Marks::empty());
    assert_eq!(list.marks_deep(), Marks::SENSITIVE);
    // A set can't say which of its elements is secret.
    let set = convert(&tuple([secret.clone()]), &Type::set(Type::String)).expect("converts");
    assert_eq!(set.marks(), Marks::SENSITIVE);
    let message = error(tuple([s("hush").with_marks(Marks::SENSITIVE)]), Type::list(Type::Number));
    assert_eq!(message, "element 0: a number is required");
}

#[test]
fn sets_are_ordered() {
    let order = |items: Vec<Value>| {
        let ty = items[0].ty();
        Value::set(ty, items).as_elements().expect("elements").to_vec()
    };
    assert_eq!(order(vec![num(10), num(9), num(100), num(9)]), [num(9), num(10), num(100)]);
    assert_eq!(order(vec![s("é"), s("z"), s("e")]), [s("e"), s("z"), s("é")]);
    assert_eq!(order(vec![Value::bool(true), Value::bool(false)]), [Value::bool(false), Value::bool(true)]);
    let (x, y) = (object([("a", num(1)), ("b", num(2))]), object([("a", num(0)), ("b", num(9))]));
    assert_eq!(order(vec![x.clone(), y.clone()]), [y, x]);
    // Structures go by their text: ten comes before nine.
    assert_eq!(order(vec![tuple([num(9)]), tuple([num(10)])]), [tuple([num(10)]), tuple([num(9)])]);
    let null = Value::null(Type::String);
    assert_eq!(order(vec![null.clone(), s("a"), null.clone()]), [s("a"), null]);
    assert_eq!(order(vec![Value::unknown(Type::String), Value::unknown(Type::String)]).len(), 2);
}

#[test]
fn equality_never_converts() {
    let same = |a: Value, b: Value| equal(&a, &b).as_bool();
    assert_eq!(same(num(1), s("1")), Some(false));
    assert_eq!(same(s("é"), s("e\u{301}")), Some(true));
    assert_eq!(same(Value::null(Type::String), Value::null(Type::Number)), Some(true));
    assert_eq!(same(tuple([]), Value::null(Type::Dynamic)), Some(false));
    assert_eq!(same(strings(&["a"]), tuple([s("a")])), Some(false));
    assert_eq!(same(Value::list(Type::String, vec![]), Value::list(Type::Number, vec![])), Some(false));
    assert_eq!(same(object([("a", num(1))]), object([("a", s("1"))])), Some(false));
    assert_eq!(same(object([]), tuple([])), Some(false));
}

#[test]
fn equality_of_what_is_not_known() {
    let unknown = || Value::unknown(Type::String);
    let same = |a: Value, b: Value| equal(&a, &b).as_bool();
    assert_eq!(same(unknown(), s("a")), None);
    assert_eq!(same(unknown(), num(1)), Some(false));
    assert_eq!(same(unknown(), Value::null(Type::String)), None);
    let not_null = Value::unknown_refined(
        Type::String,
        Refinement { not_null: true, prefix: Some("eu-".into()), ..Refinement::default() },
    );
    assert_eq!(same(not_null.clone(), Value::null(Type::String)), Some(false));
    assert_eq!(same(not_null.clone(), s("us-1")), Some(false));
    assert_eq!(same(not_null, s("eu-1")), None);
    assert_eq!(same(tuple([unknown(), num(1)]), tuple([s("a"), num(2)])), Some(false));
    assert_eq!(same(tuple([unknown(), num(1)]), tuple([s("a"), num(1)])), None);
    assert_eq!(same(Value::unknown(Type::Dynamic), num(1)), None);
    let marked = equal(&tuple([s("a").with_marks(Marks::SENSITIVE)]), &tuple([s("a")]));
    assert_eq!(marked, Value::bool(true).with_marks(Marks::SENSITIVE));
}

proptest! {
    #[test]
    fn converting_twice_changes_nothing(value in any_value(), to in any_type()) {
        if let Ok(once) = convert(&value, &to) {
            prop_assert_eq!(convert(&once, &to), Ok(once.clone()));
            // Converting to its own type changes nothing either.
            prop_assert_eq!(convert(&once, &once.ty()), Ok(once));
        }
    }
    #[test]
    fn a_value_that_converts_has_a_type_that_converts(value in any_value(), to in any_type()) {
        if convert(&value, &to).is_ok() && value.is_wholly_known() {
            let checked = check_types(&value.ty(), &to);
            prop_assert!(checked.is_ok(), "{:?} to {}: {:?}", value, to, checked);
        }
    }
    #[test]
    fn a_converted_value_has_the_type_asked_for(value in any_value(), to in any_type()) {
        if let Ok(converted) = convert(&value, &to) && !to.has_dynamic() {
            prop_assert_eq!(converted.ty(), to);
        }
    }
    #[test]
    fn set_order_is_total(items in prop::collection::vec(any_value(), 0..6)) {
        let mut reversed = items.clone();
        reversed.reverse();
        let plain = |items: Vec<Value>| items.into_iter().map(|v| v.unmark_deep().0).collect::<Vec<_>>();
        let (a, b) = (set_order(plain(items)), set_order(plain(reversed)));
        if a.iter().all(Value::is_wholly_known) {
            prop_assert_eq!(a, b);
        }
    }
    #[test]
    fn everything_known_equals_itself(value in any_value()) {
        let known = value.is_wholly_known();
        prop_assert_eq!(equal(&value, &value).as_bool(), if known { Some(true) } else { None });
    }
}

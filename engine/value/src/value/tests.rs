//! Marks, digests, paths and transformation.

use proptest::prelude::*;

use super::samples::any_value;
use super::*;
use crate::{Path, Step};

fn attribute(name: &str) -> Step {
    Step::Attribute(name.into())
}

#[test]
fn debug_hides_secrets() {
    let value = Value::object_of([
        ("a", Value::string("hush").with_marks(Marks::SENSITIVE)),
        ("b", Value::number(1)),
    ]);
    assert_eq!(format!("{value:?}"), "{\"a\": (sensitive), \"b\": 1}");
}

#[test]
fn what_is_inside_twice_counts_twice() {
    let twice = |v: Value| Value::tuple(vec![v.clone(), v]);
    let doubled = (0..200).fold(Value::number(1), |v, _| twice(v));
    assert_eq!((doubled.size(), doubled.depth()), (u64::MAX, 200));
    assert_eq!(twice(Value::string("x".repeat(64))).size(), 7);
    let long = Number::parse("1e3200").expect("a number");
    assert!((100..=101).contains(&Value::number(long).size()));
    assert_eq!(Value::map(Type::Number, EntryMap::new()).depth(), 1);
}

proptest! {
    #[test]
    fn size_and_depth_are_those_that_a_walk_finds(value in any_value()) {
        let (mut count, mut deepest) = (0, 0);
        value.walk(&mut |path, at| {
            count += 1;
            let is_collection = at.as_elements().is_some() || at.as_entries().is_some();
            deepest = deepest.max(path.0.len() as u32 + u32::from(is_collection));
            true
        });
        prop_assert!(value.size() >= count);
        prop_assert_eq!(value.depth(), deepest);
    }
}

#[test]
fn marks_at_places() {
    let inner = Value::object_of([("pin", Value::number(1)), ("name", Value::string("x"))]);
    let value = Value::object_of([("users", Value::tuple(vec![inner])), ("gone", Value::null(Type::String))]);
    let pin = Path(vec![attribute("users"), Step::Index(0), attribute("pin")]);
    let marked = value.mark_sensitive(std::slice::from_ref(&pin));
    assert_eq!(marked.sensitive_paths(), std::slice::from_ref(&pin));
    assert_eq!(marked.ty(), value.ty());
    assert!(marked.get_path(&pin).is_some_and(|v| v.marks() == Marks::SENSITIVE));
    // What isn't there marks what is around it.
    let absent = Path(vec![attribute("users"), Step::Index(7)]);
    assert_eq!(value.mark_sensitive(&[absent]).sensitive_paths(), [Path(vec![attribute("users")])]);
    // Nothing inside of a secret is named apart.
    let twice = marked.mark_sensitive(&[Path(vec![attribute("users")])]);
    assert_eq!(twice.sensitive_paths(), [Path(vec![attribute("users")])]);
    assert_eq!(twice.marked_paths().len(), 2);
}

#[test]
fn transform_rebuilds_types() {
    let value =
        Value::object_of([("a", Value::list(Type::Number, vec![Value::number(1), Value::number(2)]))]);
    let shown = value.transform::<()>(&mut |_, v| Ok(v.as_i64().map_or(v, |n| Value::string(n.to_string()))));
    assert_eq!(shown.map(|v| v.ty()), Ok(Type::object([("a", Type::list(Type::String))])));
    let failed =
        value.transform(&mut |path, v| if v.as_i64() == Some(2) { Err(path.to_string()) } else { Ok(v) });
    assert_eq!(failed, Err(".a[1]".to_owned()));
}

proptest! {
    #[test]
    fn digests_tell_exactly_what_differs(a in any_value(), b in any_value()) {
        prop_assert_eq!(a == b, a.digest() == b.digest());
        prop_assert_eq!(a.clone().digest(), a.digest());
        let bare = a.clone().unmark_deep().0;
        prop_assert_eq!(bare == a, bare.digest() == a.digest());
    }
    #[test]
    fn marks_can_be_taken_off_and_put_back(value in any_value()) {
        let (bare, found) = value.clone().unmark_deep();
        prop_assert_eq!(bare.marks_deep(), Marks::empty());
        prop_assert_eq!(found, value.marks_deep());
        prop_assert_eq!(bare.mark_paths(&value.marked_paths()), value);
    }
    #[test]
    fn changing_nothing_changes_nothing(value in any_value()) {
        prop_assert_eq!(value.transform::<()>(&mut |_, v| Ok(v)), Ok(value));
    }
    #[test]
    fn secrets_are_never_in_debug_text(value in any_value()) {
        let secret = Value::string("hunter2-secret").with_marks(Marks::SENSITIVE);
        let around = Value::tuple(vec![value, secret]);
        let text = format!("{around:?}");
        prop_assert!(!text.contains("hunter2"));
    }
}

//! Which type several types convert to.

use proptest::prelude::*;

use super::*;
use crate::value::samples::any_type;

fn object<const N: usize>(attributes: [(&str, Type); N]) -> Type {
    Type::object(attributes)
}

#[test]
fn facts() {
    use Type::{Bool, Dynamic, Number, String};
    let cases = [
        (vec![Number, String], Some(String)),
        (vec![Bool, String], Some(String)),
        (vec![Bool, Number], None),
        (vec![Dynamic, Number], Some(Number)),
        (vec![Type::list(Number), Type::list(String)], Some(Type::list(String))),
        (vec![Type::list(Number), Type::set(String)], Some(Type::list(Number))),
        (vec![Type::tuple([String]), Type::set(String)], Some(Type::set(String))),
        (vec![Type::tuple([]), Type::list(Number)], Some(Type::list(Number))),
        (vec![Type::tuple([Number, String]), Type::list(Number)], Some(Type::list(String))),
        (vec![Type::tuple([Number]), Type::tuple([String])], Some(Type::tuple([String]))),
        (vec![Type::tuple([String]), Type::tuple([String, String])], Some(Type::list(String))),
        (vec![Type::tuple([String]), object([])], None),
        (vec![object([("a", Number)]), object([("b", Number)])], Some(Type::map(Number))),
        (vec![object([("a", Number)]), object([("a", String)])], Some(object([("a", String)]))),
        (vec![object([]), object([("a", String), ("b", Bool)])], Some(Type::map(String))),
        (vec![object([]), Type::map(String)], Some(Type::map(String))),
        (vec![object([("a", Dynamic)]), object([("a", Number)])], Some(object([("a", Number)]))),
        (vec![Dynamic, Type::list(Number)], Some(Dynamic)),
        (vec![String, Type::list(Number)], None),
        (vec![], None),
    ];
    for (types, unified) in cases {
        assert_eq!(unify(&types), unified, "{types:?}");
    }
}

proptest! {
    #[test]
    fn all_convert_to_what_was_found(types in prop::collection::vec(any_type(), 1..4)) {
        if let Some(unified) = unify(&types) {
            for ty in &types {
                prop_assert!(check_types(ty, &unified).is_ok(), "{} to {}", ty, unified);
            }
        }
    }
    #[test]
    fn one_type_is_itself(ty in any_type()) {
        prop_assert_eq!(unify(std::slice::from_ref(&ty)), Some(ty.clone()));
        prop_assert_eq!(unify(&[ty.clone(), ty.clone()]), Some(ty));
    }
    #[test]
    fn for_primitives_the_order_does_not_matter(a in any_type(), b in any_type()) {
        if !a.is_collection() && !b.is_collection() {
            prop_assert_eq!(unify(&[a.clone(), b.clone()]).is_some(), unify(&[b, a]).is_some());
        }
    }
}

//! The language's `==`.

use crate::{EntryMap, Kind, Refinement, Type, Unknown, Value};

/// The `==` of the language: unknown if either side is not known enough, marks of both. Nothing converts: values of
/// different types are different, only nulls are equal whatever their type.
pub fn equal(a: &Value, b: &Value) -> Value {
    let result = match compare(a, b) {
        Some(equal) => Value::bool(equal),
        None => Value::unknown_refined(Type::Bool, Refinement { not_null: true, ..Refinement::default() }),
    };
    result.with_marks(a.marks_deep() | b.marks_deep())
}

/// None if what is unknown decides.
fn compare(a: &Value, b: &Value) -> Option<bool> {
    match (a.kind(), b.kind()) {
        (Kind::Unknown(a), Kind::Unknown(b)) => {
            let apart = (a.refinement.not_null || b.refinement.not_null) && !may_be_same(&a.ty, &b.ty);
            if apart { Some(false) } else { None }
        }
        (Kind::Unknown(unknown), _) => with_unknown(unknown, b),
        (_, Kind::Unknown(unknown)) => with_unknown(unknown, a),
        (Kind::Null(_), Kind::Null(_)) => Some(true),
        (Kind::Null(_), _) | (_, Kind::Null(_)) => Some(false),
        (Kind::Bool(a), Kind::Bool(b)) => Some(a == b),
        (Kind::Number(a), Kind::Number(b)) => Some(a == b),
        (Kind::String(a), Kind::String(b)) => Some(a == b),
        (Kind::List(x), Kind::List(y)) | (Kind::Tuple(x), Kind::Tuple(y)) => {
            if x.items.len() != y.items.len() || !may_be_same_values(a, b) {
                return Some(false);
            }
            all(x.items.iter().zip(&y.items))
        }
        (Kind::Set(_), Kind::Set(_)) => {
            if !may_be_same_values(a, b) {
                Some(false)
            } else if a.is_wholly_known() && b.is_wholly_known() {
                Some(a.clone().unmark_deep().0 == b.clone().unmark_deep().0)
            } else {
                None
            }
        }
        (Kind::Map(x), Kind::Map(y)) | (Kind::Object(x), Kind::Object(y)) => {
            if !same_keys(&x.items, &y.items) || !may_be_same_values(a, b) {
                return Some(false);
            }
            all(x.items.values().zip(y.items.values()))
        }
        _ => Some(false),
    }
}

/// False as soon as one pair differs, whatever is unknown elsewhere.
fn all<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut result = Some(true);
    for (a, b) in pairs {
        match compare(a, b) {
            Some(false) => return Some(false),
            None => result = None,
            Some(true) => {}
        }
    }
    result
}

fn same_keys(a: &EntryMap, b: &EntryMap) -> bool {
    a.len() == b.len() && a.keys().eq(b.keys())
}

/// An unknown and something known.
fn with_unknown(unknown: &Unknown, known: &Value) -> Option<bool> {
    let refinement = &unknown.refinement;
    if known.is_null() {
        return if refinement.not_null { Some(false) } else { None };
    }
    let length = match known.kind() {
        Kind::Set(_) if !known.is_wholly_known() => None,
        _ => known.as_elements().map(<[_]>::len).or(known.as_entries().map(EntryMap::len)),
    };
    let too_short = length.zip(refinement.min_length).is_some_and(|(n, min)| (n as u64) < min);
    let too_long = length.zip(refinement.max_length).is_some_and(|(n, max)| n as u64 > max);
    let other_prefix =
        known.as_str().zip(refinement.prefix.as_deref()).is_some_and(|(s, prefix)| !s.starts_with(prefix));
    if too_short || too_long || other_prefix || !may_be_same(&unknown.ty, &known.ty()) {
        return Some(false);
    }
    None
}

fn may_be_same_values(a: &Value, b: &Value) -> bool {
    let (x, y) = (a.ty(), b.ty());
    if a.is_wholly_known() && b.is_wholly_known() { x == y } else { may_be_same(&x, &y) }
}

/// False if two types differ whatever their unknown parts turn out to be.
fn may_be_same(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dynamic, _) | (_, Type::Dynamic) => true,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            may_be_same(a, b)
        }
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| may_be_same(a, b))
        }
        (Type::Object(a), Type::Object(b)) => {
            a.attributes.keys().eq(b.attributes.keys())
                && a.attributes.values().zip(b.attributes.values()).all(|(a, b)| may_be_same(a, b))
        }
        _ => a == b,
    }
}

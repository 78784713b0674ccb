//! The one type that several types convert to.

use std::cmp::Ordering;

use crate::Type;
use crate::convert::check_types;

/// The type that all convert to, if there is one (conditionals, `[for]`, `tolist`, `merge` …). `Dynamic` if that depends
/// on a type that isn't known yet.
pub fn unify(types: &[Type]) -> Option<Type> {
    unify_with(types, Dynamics::Open)
}

/// What a `Dynamic` among the types stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dynamics {
    /// A type that isn't known yet: no structure can be promised.
    Open,
    /// The type of a null: it takes any type.
    Null,
}

pub(crate) fn unify_with(types: &[Type], dynamics: Dynamics) -> Option<Type> {
    let (first, rest) = types.split_first()?;
    if rest.iter().all(|t| t == first) {
        return Some(first.clone());
    }
    let without: Vec<Type>;
    let types = if dynamics == Dynamics::Null {
        without = types.iter().filter(|t| **t != Type::Dynamic).cloned().collect();
        &without[..]
    } else {
        types
    };
    match by_kind(types, dynamics) {
        Kinds::Is(found) => found,
        Kinds::Mixed => preferred(types),
    }
}

enum Kinds {
    /// All are of kinds that have a rule of their own; this is what it says.
    Is(Option<Type>),
    /// They aren't, or the rule found nothing.
    Mixed,
}

fn by_kind(types: &[Type], dynamics: Dynamics) -> Kinds {
    let count = |is: fn(&Type) -> bool| types.iter().filter(|t| is(t)).count();
    let maps = count(|t| matches!(t, Type::Map(_)));
    let lists = count(|t| matches!(t, Type::List(_)));
    let sets = count(|t| matches!(t, Type::Set(_)));
    let objects = count(|t| matches!(t, Type::Object(_)));
    let tuples = count(|t| matches!(t, Type::Tuple(_)));
    let open = count(|t| *t == Type::Dynamic);
    let all = types.len() - open;
    let found = |t: Option<Type>| t.map_or(Kinds::Mixed, |t| Kinds::Is(Some(t)));
    let unless_open = |unified: &dyn Fn() -> Option<Type>| {
        Kinds::Is(if open > 0 { Some(Type::Dynamic) } else { unified() })
    };
    if maps > 0 && maps == all {
        unless_open(&|| collection(types, dynamics).map(Type::map))
    } else if maps > 0 && maps + objects == all {
        found(members(types, dynamics).map(Type::map).filter(|t| all_convert(types, t)))
    } else if lists > 0 && lists == all {
        unless_open(&|| collection(types, dynamics).map(Type::list))
    } else if lists > 0 && lists + tuples == all {
        found(members(types, dynamics).map(Type::list).filter(|t| all_convert(types, t)))
    } else if sets > 0 && sets == all {
        unless_open(&|| collection(types, dynamics).map(Type::set))
    } else if objects > 0 && objects == all {
        unless_open(&|| unify_objects(types, dynamics))
    } else if tuples > 0 && tuples == all {
        unless_open(&|| unify_tuples(types, dynamics))
    } else if objects > 0 && tuples > 0 {
        Kinds::Is(None)
    } else {
        Kinds::Mixed
    }
}

/// The type that all elements of these collections convert to.
fn collection(types: &[Type], dynamics: Dynamics) -> Option<Type> {
    let elements: Vec<Type> = types.iter().filter_map(Type::element).cloned().collect();
    unify_with(&elements, dynamics)
}

/// The type that everything directly inside of these types converts to.
fn members(types: &[Type], dynamics: Dynamics) -> Option<Type> {
    let mut inside = Vec::new();
    for ty in types {
        match ty {
            Type::List(t) | Type::Set(t) | Type::Map(t) => inside.push((**t).clone()),
            Type::Tuple(ts) => inside.extend(ts.iter().cloned()),
            Type::Object(o) => inside.extend(o.attributes.values().cloned()),
            _ => {}
        }
    }
    unify_with(&inside, dynamics)
}

/// Objects of the same attributes stay objects; of different ones they become a map, if all is of one type.
fn unify_objects(types: &[Type], dynamics: Dynamics) -> Option<Type> {
    let objects: Vec<_> = types
        .iter()
        .filter_map(|t| match t {
            Type::Object(o) => Some(o),
            _ => None,
        })
        .collect();
    let first = objects.first()?;
    if objects.iter().any(|o| !o.attributes.keys().eq(first.attributes.keys())) {
        return members(types, dynamics).map(Type::map).filter(|t| all_convert(types, t));
    }
    let mut unified = Vec::new();
    for name in first.attributes.keys() {
        let of_all: Vec<Type> = objects.iter().map(|o| o.attributes[name].clone()).collect();
        unified.push((name.clone(), unify_with(&of_all, dynamics)?));
    }
    Some(Type::object(unified))
}

/// Tuples of the same length stay tuples; of different ones they become a list, if all is of one type.
fn unify_tuples(types: &[Type], dynamics: Dynamics) -> Option<Type> {
    let tuples: Vec<&[Type]> = types
        .iter()
        .filter_map(|t| match t {
            Type::Tuple(ts) => Some(&ts[..]),
            _ => None,
        })
        .collect();
    let length = tuples.first()?.len();
    if tuples.iter().any(|t| t.len() != length) {
        return members(types, dynamics).map(Type::list).filter(|t| all_convert(types, t));
    }
    let unified: Option<Vec<Type>> = (0..length)
        .map(|i| unify_with(&tuples.iter().map(|t| t[i].clone()).collect::<Vec<_>>(), dynamics))
        .collect();
    unified.map(Type::tuple)
}

/// The first of the types, the more general ones before, that all others convert to.
fn preferred(types: &[Type]) -> Option<Type> {
    general_first(types).into_iter().find(|wanted| all_convert(types, wanted)).cloned()
}

fn all_convert(types: &[Type], wanted: &Type) -> bool {
    types.iter().all(|t| t == wanted || check_types(t, wanted).is_ok())
}

/// Orders by [`generality`], which is only a partial order: each next one is the first that no other one that is left
/// comes before.
fn general_first(types: &[Type]) -> Vec<&Type> {
    let mut left: Vec<&Type> = Vec::new();
    types.iter().for_each(|t| {
        if !left.contains(&t) {
            left.push(t)
        }
    });
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let next = (0..left.len())
            .find(|i| left.iter().all(|other| generality(other, left[*i]) != Ordering::Less))
            .unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

/// `Less` if `a` is the better result for both.
fn generality(a: &Type, b: &Type) -> Ordering {
    match (a, b) {
        (a, b) if a == b => Ordering::Equal,
        (Type::Dynamic, _) => Ordering::Greater,
        (_, Type::Dynamic) => Ordering::Less,
        (Type::String, b) if b.is_primitive() => Ordering::Less,
        (a, Type::String) if a.is_primitive() => Ordering::Greater,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            generality(a, b)
        }
        (Type::List(_), Type::Tuple(_) | Type::Set(_)) => Ordering::Less,
        (Type::Tuple(_) | Type::Set(_), Type::List(_)) => Ordering::Greater,
        (Type::Set(_), Type::Tuple(_)) => Ordering::Greater,
        (Type::Tuple(_), Type::Set(_)) => Ordering::Less,
        (Type::Map(_), Type::Object(_)) => Ordering::Less,
        (Type::Object(_), Type::Map(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests;

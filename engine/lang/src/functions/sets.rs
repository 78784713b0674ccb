//! Sets.

use std::collections::BTreeSet;

use pilotis_value::convert::convert;
use pilotis_value::unify::unify;
use pilotis_value::{Kind, Type, Value};

use super::{FunctionDef, FunctionError, MAX_LENGTH, Outcome, Param, any, elements, fail, fail_argument};
use crate::Surroundings;

const fn set_of_any() -> fn() -> Type {
    || Type::set(Type::Dynamic)
}

/// A function of sets: the first, and any number of others.
macro_rules! of_sets {
    ($name:literal, $keep:expr, $doc:literal) => {
        FunctionDef {
            name: $name,
            params: &[Param::new("first_set", set_of_any())],
            variadic: Some(Param::new("other_sets", set_of_any())),
            returns: unified_set,
            call: |args, _| {
                let combine: fn(&mut Vec<Value>, &[Value]) = $keep;
                let (element, sets) = same_type(args)?;
                let mut sets = sets.into_iter();
                let mut result = sets.next().unwrap_or_default();
                sets.for_each(|set| combine(&mut result, &set));
                Ok(Value::set(element, result))
            },
            doc: $doc,
        }
    };
}

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    of_sets!("setunion", |all, set| all.extend_from_slice(set), "All that is in any of the sets."),
    of_sets!(
        "setintersection",
        |all, set| {
            let members = Members::of(set);
            all.retain(|v| members.has(v));
        },
        "All that is in each of the sets."
    ),
    of_sets!(
        "setsymmetricdifference",
        |all, set| {
            let before = Members::of(all);
            let new: Vec<Value> = set.iter().filter(|v| !before.has(v)).cloned().collect();
            let members = Members::of(set);
            all.retain(|v| !members.has(v));
            all.extend(new);
        },
        "All that is in one of two sets, but not in both."
    ),
    FunctionDef {
        name: "setsubtract",
        params: &[Param::new("a", set_of_any()), Param::new("b", set_of_any())],
        variadic: None,
        returns: unified_set,
        call: |args, _| {
            let (element, sets) = same_type(args)?;
            let members = Members::of(&sets[1]);
            Ok(Value::set(element, sets[0].iter().filter(|v| !members.has(v)).cloned().collect()))
        },
        doc: "All that is in the first set and not in the second.",
    },
    FunctionDef {
        name: "setproduct",
        params: &[],
        variadic: Some(Param::new("sets", any).unknown()),
        returns: |_| Type::Dynamic,
        call: product,
        doc: "All combinations of an element of each set or list.",
    },
];

/// What is in a set, found without going through all of it.
struct Members {
    known: BTreeSet<Vec<u8>>,
    /// What isn't wholly known is compared as it is.
    others: Vec<Value>,
}

impl Members {
    fn of(set: &[Value]) -> Members {
        let (known, others): (Vec<&Value>, Vec<&Value>) = set.iter().partition(|v| v.is_wholly_known());
        Members {
            known: known.into_iter().map(canonical).collect(),
            others: others.into_iter().cloned().collect(),
        }
    }

    fn has(&self, value: &Value) -> bool {
        if value.is_wholly_known() {
            self.known.contains(&canonical(value))
        } else {
            self.others.contains(value)
        }
    }
}

/// The same bytes for what is equal and of one type.
fn canonical(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.write_canonical(&mut bytes);
    bytes
}

fn unified_set(args: &[Value]) -> Type {
    Type::set(element_of_all(args).unwrap_or(Type::Dynamic))
}

fn element_of_all(args: &[Value]) -> Option<Type> {
    // An empty set of no type becomes one of any type.
    let untyped = |v: &&Value| {
        v.as_elements().is_some_and(<[Value]>::is_empty) && v.ty().element() == Some(&Type::Dynamic)
    };
    let typed = args.iter().filter(|v| !untyped(v));
    let types: Vec<Type> = typed.filter_map(|v| v.ty().element().cloned()).collect();
    if types.is_empty() { Some(Type::Dynamic) } else { unify(&types) }
}

/// The sets' elements, converted to their common type.
fn same_type(args: &[Value]) -> Result<(Type, Vec<Vec<Value>>), FunctionError> {
    let Some(element) = element_of_all(args) else { return fail("all sets must have the same element type") };
    let mut sets = Vec::with_capacity(args.len());
    for i in 0..args.len() {
        let converted: Result<Vec<Value>, _> =
            elements(args, i)?.iter().map(|v| convert(v, &element)).collect();
        sets.push(converted.map_err(|e| FunctionError::argument(i, e.to_string()))?);
    }
    Ok((element, sets))
}

fn product(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    if args.len() < 2 {
        return fail("at least two arguments are required");
    }
    // Unknown elements of a set may be equal, so how many there are isn't known.
    let open = |v: &Value| !v.is_known() || (matches!(v.kind(), Kind::Set(_)) && !v.is_wholly_known());
    if args.iter().any(open) {
        return Ok(Value::unknown(Type::Dynamic));
    }
    let mut parts = Vec::with_capacity(args.len());
    let (mut total, mut only_lists) = (1usize, true);
    for (i, arg) in args.iter().enumerate() {
        only_lists &= !matches!(arg.kind(), Kind::Set(_));
        // The elements of a tuple become one type, as those of a list are.
        let listed = convert(arg, &Type::list(Type::Dynamic))
            .or_else(|_| fail_argument(i, "a set or a list is required"))?;
        let element = listed.ty().element().cloned().unwrap_or(Type::Dynamic);
        let items = listed.as_elements().unwrap_or_default().to_vec();
        total = total.saturating_mul(items.len());
        parts.push((element, items));
    }
    if total > MAX_LENGTH {
        return fail(format!("there are more than {MAX_LENGTH} combinations"));
    }
    if total.saturating_mul(parts.len()) > 10 * MAX_LENGTH {
        return fail("the combinations would have too many elements");
    }
    let tuple = Type::tuple(parts.iter().map(|(element, _)| element.clone()));
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for (_, items) in &parts {
        rows = rows
            .into_iter()
            .flat_map(|row| items.iter().map(move |item| row.iter().cloned().chain([item.clone()]).collect()))
            .collect();
    }
    let rows = rows.into_iter().map(Value::tuple).collect();
    Ok(if only_lists { Value::list(tuple, rows) } else { Value::set(tuple, rows) })
}

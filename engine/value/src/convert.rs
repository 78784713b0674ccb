//! Conversion to a type, by Terraform's rules, and the order of sets.

mod compare;
mod order;
mod types;

use std::fmt;

use ecow::EcoString;

use crate::unify::{Dynamics, unify, unify_with};
use crate::value::Elements;
use crate::{EntryMap, Kind, Number, ObjectType, Path, Refinement, Step, Type, Value};

pub use compare::equal;
pub(crate) use order::set_order;
pub(crate) use types::check_types;
use types::{fill_dynamic, mismatch, missing};

/// Why a value can't be converted: where in it, and what was wanted. Never holds a sensitive value's text.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
#[error("{}{message}", Places(.path))]
pub struct ConvertError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong, as a clause: `a number is required`, `attribute "name" is required`.
    pub message: String,
}

/// `element 0: attribute "a": `
struct Places<'a>(&'a Path);

impl fmt::Display for Places<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0.0 {
            match step {
                Step::Attribute(name) => write!(f, "attribute {:?}: ", name.as_str())?,
                Step::Key(key) => write!(f, "element {:?}: ", key.as_str())?,
                Step::Index(n) => write!(f, "element {n}: ")?,
                Step::Element(_) => f.write_str("element: ")?,
            }
        }
        Ok(())
    }
}

type Converted = Result<Value, ConvertError>;

/// Converts a value to a type (optional attributes become null; `Dynamic` keeps what is there, and makes a collection's
/// elements one type). Marks and unknowns are kept.
pub fn convert(value: &Value, to: &Type) -> Converted {
    convert_at(value, to, &mut Path::default())
}

fn convert_at(value: &Value, to: &Type, path: &mut Path) -> Converted {
    if *to == Type::Dynamic || value.has_type(to) {
        return Ok(value.clone());
    }
    let converted = match value.kind() {
        Kind::Null(from) => {
            check_at(from, to, path)?;
            Value::null(fill_dynamic(from, to))
        }
        Kind::Unknown(unknown) => {
            check_at(&unknown.ty, to, path)?;
            Value::unknown_refined(
                fill_dynamic(&unknown.ty, to),
                refined(&unknown.ty, &unknown.refinement, to),
            )
        }
        Kind::Bool(b) => match to {
            Type::String => Value::string(if *b { "true" } else { "false" }),
            _ => return fail(path, mismatch(to)),
        },
        Kind::Number(n) => match to {
            Type::String => Value::string(n.to_string()),
            _ => return fail(path, mismatch(to)),
        },
        Kind::String(s) => from_string(s, to, path)?,
        Kind::List(from) | Kind::Set(from) => from_sequence(value, from, to, path)?,
        Kind::Tuple(from) => match to {
            Type::List(element) => to_list(&from.items, element, true, path)?,
            Type::Set(element) => to_set(&from.items, element, true, path)?,
            Type::Tuple(types) => to_tuple(&from.items, types, path)?,
            _ => return fail(path, mismatch(to)),
        },
        Kind::Map(from) => match to {
            Type::Map(element) if from.items.is_empty() => {
                check_at(&from.ty, to, path)?;
                Value::map(
                    fill_dynamic(from.ty.element().unwrap_or(&Type::Dynamic), element),
                    EntryMap::new(),
                )
            }
            Type::Map(element) => to_map(&from.items, element, false, path)?,
            Type::Object(wanted) => to_object(&from.items, wanted, false, path)?,
            _ => return fail(path, mismatch(to)),
        },
        Kind::Object(from) => match to {
            Type::Map(element) => to_map(&from.items, element, true, path)?,
            Type::Object(wanted) => to_object(&from.items, wanted, true, path)?,
            _ => return fail(path, mismatch(to)),
        },
    };
    Ok(converted.with_marks(value.marks()))
}

fn fail<T>(path: &Path, message: impl Into<String>) -> Result<T, ConvertError> {
    Err(ConvertError { path: path.clone(), message: message.into() })
}

fn check_at(from: &Type, to: &Type, path: &Path) -> Result<(), ConvertError> {
    check_types(from, to).map_err(|mut error| {
        let mut whole = path.clone();
        whole.0.append(&mut error.path.0);
        ConvertError { path: whole, message: error.message }
    })
}

fn inside<T>(path: &mut Path, step: Step, f: impl FnOnce(&mut Path) -> T) -> T {
    path.0.push(step);
    let result = f(path);
    path.0.pop();
    result
}

fn from_string(s: &EcoString, to: &Type, path: &Path) -> Converted {
    match to {
        Type::Number => match Number::parse(s) {
            Ok(n) => Ok(Value::number(n)),
            Err(_) => fail(path, "a number is required"),
        },
        Type::Bool => match s.as_str() {
            "true" | "1" => Ok(Value::bool(true)),
            "false" | "0" => Ok(Value::bool(false)),
            "TRUE" | "True" => {
                fail(path, "a bool is required; to convert from string, use lowercase \"true\"")
            }
            "FALSE" | "False" => {
                fail(path, "a bool is required; to convert from string, use lowercase \"false\"")
            }
            _ => fail(path, "a bool is required"),
        },
        _ => fail(path, mismatch(to)),
    }
}

/// What is still known of an unknown when it becomes another type.
fn refined(from: &Type, refinement: &Refinement, to: &Type) -> Refinement {
    let mut kept = Refinement { not_null: refinement.not_null, ..Refinement::default() };
    match (from, to) {
        (Type::Tuple(types), Type::List(_)) => {
            (kept.min_length, kept.max_length) = (Some(types.len() as u64), Some(types.len() as u64));
        }
        (Type::List(_) | Type::Set(_), Type::List(_)) | (Type::Map(_), Type::Map(_)) => {
            (kept.min_length, kept.max_length) = (refinement.min_length, refinement.max_length);
        }
        // Elements may turn out equal: one of them is left at least.
        (Type::List(_) | Type::Set(_), Type::Set(_)) => {
            kept.min_length = refinement.min_length.map(|n| n.min(1));
            kept.max_length = refinement.max_length;
        }
        _ => {}
    }
    kept
}

fn from_sequence(value: &Value, from: &Elements, to: &Type, path: &mut Path) -> Converted {
    let (element, to_a_list) = match to {
        Type::List(element) => (&**element, true),
        Type::Set(element) => (&**element, false),
        _ => return fail(path, mismatch(to)),
    };
    let from_element = from.ty.element().unwrap_or(&Type::Dynamic);
    if from.items.is_empty() {
        check_at(&from.ty, to, path)?;
        let element = fill_dynamic(from_element, element);
        return Ok(if to_a_list {
            Value::list(element, Vec::new())
        } else {
            Value::set(element, Vec::new())
        });
    }
    let set_to_list = to_a_list && matches!(value.kind(), Kind::Set(_));
    if set_to_list && !value.is_wholly_known() {
        // Two unknown elements may be equal, and where they stand isn't known.
        check_at(&from.ty, to, path)?;
        let length = Refinement {
            not_null: true,
            min_length: Some(1),
            max_length: Some(from.items.len() as u64),
            prefix: None,
        };
        return Ok(Value::unknown_refined(fill_dynamic(&from.ty, to), length));
    }
    if to_a_list {
        to_list(&from.items, element, false, path)
    } else {
        to_set(&from.items, element, false, path)
    }
}

/// Elements that were made one type, or the type of a collection whose elements aren't known well enough.
enum Uniform<T> {
    Known(Type, T),
    Unknown(Type),
}

/// Converts elements to one type. `structural` says that they are a tuple's or an object's, with a type each.
fn uniform<K: Clone>(
    items: Vec<(K, Step, &Value)>,
    to: &Type,
    structural: Option<&str>,
    path: &mut Path,
) -> Result<Uniform<Vec<(K, Value)>>, ConvertError> {
    let target = target_type(&items, to, structural, path)?;
    let mut converted = Vec::with_capacity(items.len());
    for (key, step, value) in items {
        converted.push((key, inside(path, step, |path| convert_at(value, &target, path))?));
    }
    if !target.has_dynamic() {
        return Ok(Uniform::Known(target.without_optional(), converted));
    }
    // What was kept open is now settled by what is there.
    let mut types: Vec<Type> = Vec::new();
    for (_, value) in &converted {
        let ty = value.ty();
        if !types.contains(&ty) {
            types.push(ty);
        }
    }
    if types.len() <= 1 {
        let ty = types.pop().unwrap_or_else(|| target.without_optional());
        return Ok(Uniform::Known(ty, converted));
    }
    let wholly_known = converted.iter().all(|(_, v)| v.is_wholly_known());
    let dynamics = if wholly_known { Dynamics::Null } else { Dynamics::Open };
    let Some(unified) = unify_with(&types, dynamics) else {
        return fail(path, different(structural.unwrap_or("collection")));
    };
    if unified.has_dynamic() && !wholly_known {
        return Ok(Uniform::Unknown(unified));
    }
    for (_, value) in &mut converted {
        *value = convert_at(value, &unified, path)?;
    }
    Ok(Uniform::Known(unified, converted))
}

fn different(kind: &str) -> String {
    format!("all {kind} elements must have the same type")
}

fn target_type<K>(
    items: &[(K, Step, &Value)],
    to: &Type,
    structural: Option<&str>,
    path: &Path,
) -> Result<Type, ConvertError> {
    let (Type::Dynamic, Some(kind)) = (to, structural) else { return Ok(to.clone()) };
    if items.is_empty() {
        return Ok(Type::Dynamic);
    }
    let types: Vec<Type> = items.iter().map(|(_, _, v)| v.ty()).collect();
    let Some(unified) = unify(&types) else { return fail(path, different(kind)) };
    // A bare null next to something structural: Terraform takes it in a map only.
    let stuck = unified == Type::Dynamic && kind != "map" && types.iter().any(|t| *t != Type::Dynamic);
    if stuck && items.iter().all(|(_, _, v)| v.is_wholly_known()) {
        return fail(path, different(kind));
    }
    Ok(unified)
}

fn indexed(items: &[Value]) -> Vec<((), Step, &Value)> {
    items.iter().enumerate().map(|(i, v)| ((), Step::Index(i as u64), v)).collect()
}

fn to_list(items: &[Value], element: &Type, structural: bool, path: &mut Path) -> Converted {
    Ok(match uniform(indexed(items), element, structural.then_some("list"), path)? {
        Uniform::Known(ty, items) => Value::list(ty, items.into_iter().map(|(_, v)| v).collect()),
        Uniform::Unknown(ty) => Value::unknown(Type::list(ty)),
    })
}

fn to_set(items: &[Value], element: &Type, structural: bool, path: &mut Path) -> Converted {
    Ok(match uniform(indexed(items), element, structural.then_some("set"), path)? {
        Uniform::Known(ty, items) => Value::set(ty, items.into_iter().map(|(_, v)| v).collect()),
        Uniform::Unknown(ty) => Value::unknown(Type::set(ty)),
    })
}

fn to_map(items: &EntryMap, element: &Type, structural: bool, path: &mut Path) -> Converted {
    let keyed = items.iter().map(|(k, v)| (k.clone(), Step::Key(k.clone()), v)).collect();
    Ok(match uniform(keyed, element, structural.then_some("map"), path)? {
        Uniform::Known(ty, items) => Value::map(ty, items.into_iter().collect()),
        Uniform::Unknown(ty) => Value::unknown(Type::map(ty)),
    })
}

fn to_tuple(items: &[Value], types: &[Type], path: &mut Path) -> Converted {
    if items.len() != types.len() {
        let s = if types.len() == 1 { "" } else { "s" };
        return fail(
            path,
            format!("tuple of {} element{s} required, this one has {}", types.len(), items.len()),
        );
    }
    let mut converted = Vec::with_capacity(items.len());
    for (i, (value, ty)) in items.iter().zip(types).enumerate() {
        converted.push(inside(path, Step::Index(i as u64), |path| convert_at(value, ty, path))?);
    }
    Ok(Value::tuple(converted))
}

fn to_object(items: &EntryMap, wanted: &ObjectType, from_object: bool, path: &mut Path) -> Converted {
    let absent: Vec<&EcoString> = wanted
        .attributes
        .keys()
        .filter(|name| !items.contains_key(name) && !wanted.optional.contains(*name))
        .collect();
    if !absent.is_empty() {
        return fail(path, missing(&absent, from_object));
    }
    let mut converted = EntryMap::with_capacity(wanted.attributes.len());
    for (name, ty) in &wanted.attributes {
        let value = match items.get(name) {
            Some(value) => inside(path, Step::Attribute(name.clone()), |path| convert_at(value, ty, path))?,
            None => Value::null(ty.without_optional()),
        };
        converted.insert(name.clone(), value);
    }
    Ok(Value::object(converted))
}

#[cfg(test)]
mod tests;

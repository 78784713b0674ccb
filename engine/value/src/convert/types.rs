//! Conversion of types: which types can become which, decided without a value.

use ecow::EcoString;

use super::{ConvertError, different};
use crate::unify::unify;
use crate::{ObjectType, Path, Step, Type};

/// What to say of a value of quite another kind than `to`.
pub(super) fn mismatch(to: &Type) -> String {
    format!("{} required", to.wanted_name())
}

/// `attributes "a" and "b" are required`
pub(super) fn missing(names: &[&EcoString], from_object: bool) -> String {
    if !from_object {
        let first = names.first().map_or("", |n| n.as_str());
        return format!("map has no element for required attribute {first:?}");
    }
    match names {
        [one] => format!("attribute {:?} is required", one.as_str()),
        [one, two] => format!("attributes {:?} and {:?} are required", one.as_str(), two.as_str()),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(|n| format!("{:?}", n.as_str())).collect();
            format!("attributes {}, and {:?} are required", most.join(", "), last.as_str())
        }
        [] => String::new(),
    }
}

/// Says if a value of type `from` may convert to `to`, as far as the types tell.
pub(crate) fn check_types(from: &Type, to: &Type) -> Result<(), ConvertError> {
    let refuse = |message: String| Err(ConvertError { path: Path::default(), message });
    match (from, to) {
        (_, Type::Dynamic) | (Type::Dynamic, _) => Ok(()),
        (from, to) if from == to => Ok(()),
        (Type::Bool | Type::Number, Type::String) | (Type::String, Type::Bool | Type::Number) => Ok(()),
        (Type::List(a) | Type::Set(a), Type::List(b) | Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            check_types(a, b).map_err(|e| ConvertError {
                path: e.path,
                message: format!("incorrect {} element type: {}", kind(to), e.message),
            })
        }
        (Type::Tuple(types), Type::List(element) | Type::Set(element)) => {
            if **element == Type::Dynamic && !types.is_empty() && unify(types).is_none() {
                return refuse(different(kind(to)));
            }
            types
                .iter()
                .enumerate()
                .try_for_each(|(i, t)| within(Step::Index(i as u64), check_types(t, element)))
        }
        (Type::Tuple(types), Type::Tuple(wanted)) if types.len() == wanted.len() => types
            .iter()
            .zip(wanted.iter())
            .enumerate()
            .try_for_each(|(i, (t, w))| within(Step::Index(i as u64), check_types(t, w))),
        (Type::Object(object), Type::Map(element)) => {
            let types: Vec<Type> = object.attributes.values().cloned().collect();
            if **element == Type::Dynamic && !types.is_empty() && unify(&types).is_none() {
                return refuse(different("map"));
            }
            object
                .attributes
                .iter()
                .try_for_each(|(k, t)| within(Step::Key(k.clone()), check_types(t, element)))
        }
        (Type::Map(element), Type::Object(wanted)) => wanted
            .attributes
            .iter()
            .try_for_each(|(k, w)| within(Step::Attribute(k.clone()), check_types(element, w))),
        (Type::Object(object), Type::Object(wanted)) => check_objects(object, wanted),
        _ => refuse(mismatch(to)),
    }
}

fn check_objects(object: &ObjectType, wanted: &ObjectType) -> Result<(), ConvertError> {
    let absent: Vec<&EcoString> = wanted
        .attributes
        .keys()
        .filter(|name| !object.attributes.contains_key(*name) && !wanted.optional.contains(*name))
        .collect();
    if !absent.is_empty() {
        return Err(ConvertError { path: Path::default(), message: missing(&absent, true) });
    }
    wanted.attributes.iter().try_for_each(|(name, w)| match object.attributes.get(name) {
        Some(t) => within(Step::Attribute(name.clone()), check_types(t, w)),
        None => Ok(()),
    })
}

fn within(step: Step, result: Result<(), ConvertError>) -> Result<(), ConvertError> {
    result.map_err(|mut error| {
        error.path.0.insert(0, step);
        error
    })
}

fn kind(ty: &Type) -> &'static str {
    match ty {
        Type::List(_) => "list",
        Type::Set(_) => "set",
        Type::Map(_) => "map",
        _ => "collection",
    }
}

/// `to`, with what it leaves open taken from `from`, and nothing optional.
pub(super) fn fill_dynamic(from: &Type, to: &Type) -> Type {
    if !to.has_dynamic() {
        return to.without_optional();
    }
    match (from, to) {
        (from, Type::Dynamic) => from.clone(),
        (from, Type::List(t)) => Type::list(fill_element(from, t)),
        (from, Type::Set(t)) => Type::set(fill_element(from, t)),
        (from, Type::Map(t)) => Type::map(fill_element(from, t)),
        (Type::Tuple(types), Type::Tuple(wanted)) if types.len() == wanted.len() => {
            Type::tuple(types.iter().zip(wanted.iter()).map(|(t, w)| fill_dynamic(t, w)))
        }
        (from, Type::Object(wanted)) => Type::object(wanted.attributes.iter().map(|(name, w)| {
            let inner = match from {
                Type::Object(o) => o.attributes.get(name),
                Type::Map(t) => Some(&**t),
                _ => None,
            };
            (name.clone(), inner.map_or_else(|| w.without_optional(), |t| fill_dynamic(t, w)))
        })),
        _ => to.without_optional(),
    }
}

fn fill_element(from: &Type, element: &Type) -> Type {
    match from {
        Type::List(t) | Type::Set(t) | Type::Map(t) => fill_dynamic(t, element),
        Type::Tuple(types) => {
            unify(types).map_or_else(|| element.without_optional(), |t| fill_dynamic(&t, element))
        }
        Type::Object(o) => {
            let types: Vec<Type> = o.attributes.values().cloned().collect();
            unify(&types).map_or_else(|| element.without_optional(), |t| fill_dynamic(&t, element))
        }
        _ => element.without_optional(),
    }
}

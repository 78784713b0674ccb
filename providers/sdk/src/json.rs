//! Between a typed resource and the JSON object that a service has for it.
//!
//! Most services' objects are a resource's attributes under slightly other names. What a derive's `api = "…"` says is used here, so that a
//! resource file names only what is out of the ordinary. Attributes that are `local` or have `api = ""` are left alone.

use std::collections::BTreeMap;

use ecow::EcoString;
use pilotis_schema::Block;
use pilotis_value::{Kind, Number, Type, Value};
use serde_json::Value as Json;

use crate::model::Described;
use crate::{Error, ErrorKind};

/// A JSON object.
pub type Object = serde_json::Map<String, Json>;

/// The body of a create: all arguments that are set, under the service's names.
pub fn set_arguments<T: Described>(planned: &T) -> Object {
    let value = planned.to_value();
    let set = arguments::<T>(&value).filter(|(_, v)| !v.is_null());
    set.map(|(api, v)| (api.to_owned(), to_json(v))).collect()
}

/// The body of an update: the arguments that differ, under the service's names. One that is no longer set is emptied: `""` for a text,
/// `[]` for a list or set, null for the rest.
pub fn changed_arguments<T: Described>(prior: &T, planned: &T) -> Object {
    let (before, after) = (prior.to_value(), planned.to_value());
    let changed = arguments::<T>(&before).zip(arguments::<T>(&after)).filter(|((_, b), (_, a))| b != a);
    changed
        .map(|(_, (api, v))| (api.to_owned(), if v.is_null() { empty(&v.ty()) } else { to_json(v) }))
        .collect()
}

/// A resource with what a service's object says put over it. Members that the object lacks are left as they are; a null bool is false
/// (services leave them so), any other null is null.
pub fn overlay<T: Described>(base: &T, object: &Object) -> Result<T, Error> {
    let value = base.to_value();
    let mut entries = value.as_entries().cloned().unwrap_or_default();
    let block = &T::shared_schema().block;
    for (name, api) in T::API {
        let Some(json) = object.get(*api) else { continue };
        let Some(ty) = type_of(block, name) else { continue };
        let read = from_json(json, &ty).map_err(|why| unexpected(T::TYPE_NAME, name, why))?;
        entries.insert(EcoString::from(*name), read);
    }
    Ok(T::from_value(&Value::object(entries))?)
}

fn type_of(block: &Block, name: &str) -> Option<Type> {
    let attribute = block.attributes.get(name).map(|a| a.ty.clone());
    attribute.or_else(|| block.blocks.get(name).map(|b| b.implied_type()))
}

fn unexpected(type_name: &str, name: &str, why: String) -> Error {
    let mut error =
        Error::new(ErrorKind::Garbage, format!("The service's answer for {type_name} makes no sense"))
            .detail(format!("{name}: {why}"))
            .help("Is the address that of the service itself, and its version a supported one?");
    error.attribute = Some(name.to_owned());
    error
}

fn arguments<T: Described>(value: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    let block = &T::shared_schema().block;
    T::API.iter().filter_map(move |(name, api)| {
        let is_argument =
            block.attributes.get(*name).map_or(block.blocks.contains_key(*name), |a| a.is_argument());
        if is_argument { value.get(name).map(|v| (*api, v)) } else { None }
    })
}

fn empty(ty: &Type) -> Json {
    match ty {
        Type::String => Json::from(""),
        Type::List(_) | Type::Set(_) | Type::Tuple(_) => Json::Array(Vec::new()),
        Type::Map(_) => Json::Object(Object::new()),
        _ => Json::Null,
    }
}

/// JSON of a known value; what is unknown or null is null. Secrets are written: for a request's body only.
pub fn to_json(value: &Value) -> Json {
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) => Json::Null,
        Kind::Bool(b) => Json::from(*b),
        Kind::Number(n) => match n.to_i64() {
            Some(whole) => Json::from(whole),
            None => Json::from(n.to_f64()),
        },
        Kind::String(s) => Json::from(s.as_str()),
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.items().iter().map(to_json).collect(),
        Kind::Map(e) | Kind::Object(e) => {
            e.items().iter().map(|(k, v)| (k.to_string(), to_json(v))).collect()
        }
    }
}

/// Reads JSON as a type, forgivingly where services are loose: a number or bool where a text is wanted, a text that is a number, a null
/// bool as false. Objects may have more members than the type, and lack some (null).
pub fn from_json(json: &Json, ty: &Type) -> Result<Value, String> {
    Ok(match (ty, json) {
        (Type::Bool, Json::Null) => Value::bool(false),
        (_, Json::Null) => Value::null(ty.without_optional()),
        (Type::Bool, Json::Bool(b)) => Value::bool(*b),
        (Type::Bool, Json::String(s)) if s == "true" || s == "false" => Value::bool(s == "true"),
        (Type::Number, Json::Number(n)) => Value::number(number(&n.to_string())?),
        (Type::Number, Json::String(s)) => Value::number(number(s)?),
        (Type::String, Json::String(s)) => Value::string(s),
        (Type::String, Json::Number(n)) => Value::string(n.to_string()),
        (Type::String, Json::Bool(b)) => Value::string(b.to_string()),
        (Type::List(element), Json::Array(items)) => {
            Value::list(element.without_optional(), all(items, element)?)
        }
        (Type::Set(element), Json::Array(items)) => {
            Value::set(element.without_optional(), all(items, element)?)
        }
        (Type::Map(element), Json::Object(members)) => {
            let entry = |(k, v): (&String, &Json)| {
                Ok::<_, String>((EcoString::from(k.as_str()), from_json(v, element)?))
            };
            let entries: BTreeMap<_, _> = members.iter().map(entry).collect::<Result<_, _>>()?;
            Value::map(element.without_optional(), entries.into())
        }
        (Type::Object(object), Json::Object(members)) => {
            let entry = |(name, ty): (&EcoString, &Type)| {
                Ok::<_, String>((
                    name.clone(),
                    from_json(members.get(name.as_str()).unwrap_or(&Json::Null), ty)?,
                ))
            };
            Value::object(object.attributes.iter().map(entry).collect::<Result<_, _>>()?)
        }
        (ty, json) => return Err(format!("{} is wanted, and it is {}", ty.friendly_name(), shape(json))),
    })
}

fn all(items: &[Json], element: &Type) -> Result<Vec<Value>, String> {
    items.iter().map(|item| from_json(item, element)).collect()
}

fn number(text: &str) -> Result<Number, String> {
    match text.parse::<i64>() {
        Ok(whole) => Ok(Number::Int(whole)),
        Err(_) => Number::parse(text).map_err(|_| "a number is wanted, and it is a string".to_owned()),
    }
}

fn shape(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

//! Types as JSON.

use serde_json::Value as Json;

use super::JsonError;
use crate::{ObjectType, Type};
use std::sync::Arc;

/// The type as Terraform's JSON writes it: `"string"`, `["list","string"]`, `["object",{…}]`, `"dynamic"`. Names of
/// optional attributes are a third element: `["object",{…},["a"]]`.
pub fn encode_type(ty: &Type) -> Json {
    let of = |name: &str, inner: Json| Json::Array(vec![name.into(), inner]);
    match ty {
        Type::Dynamic => "dynamic".into(),
        Type::Bool => "bool".into(),
        Type::Number => "number".into(),
        Type::String => "string".into(),
        Type::List(t) => of("list", encode_type(t)),
        Type::Set(t) => of("set", encode_type(t)),
        Type::Map(t) => of("map", encode_type(t)),
        Type::Tuple(types) => of("tuple", types.iter().map(encode_type).collect()),
        Type::Object(object) => {
            let attributes =
                object.attributes.iter().map(|(name, t)| (name.to_string(), encode_type(t))).collect();
            let mut parts = vec!["object".into(), Json::Object(attributes)];
            if !object.optional.is_empty() {
                parts.push(object.optional.iter().map(|name| Json::from(name.as_str())).collect());
            }
            Json::Array(parts)
        }
    }
}

/// Reads what [`encode_type`] wrote.
pub fn decode_type(json: &Json) -> Result<Type, JsonError> {
    let refuse = || JsonError::Shape { path: "type".into(), message: format!("{json} is not a type") };
    match json {
        Json::String(name) => match name.as_str() {
            "dynamic" => Ok(Type::Dynamic),
            "bool" => Ok(Type::Bool),
            "number" => Ok(Type::Number),
            "string" => Ok(Type::String),
            _ => Err(refuse()),
        },
        Json::Array(parts) => match parts.as_slice() {
            [Json::String(name), inner, rest @ ..] => match (name.as_str(), inner) {
                ("list", inner) => Ok(Type::list(decode_type(inner)?)),
                ("set", inner) => Ok(Type::set(decode_type(inner)?)),
                ("map", inner) => Ok(Type::map(decode_type(inner)?)),
                ("tuple", Json::Array(types)) => {
                    Ok(Type::tuple(types.iter().map(decode_type).collect::<Result<Vec<_>, _>>()?))
                }
                ("object", Json::Object(attributes)) => {
                    let mut object = ObjectType::default();
                    for (name, ty) in attributes {
                        object.attributes.insert(name.as_str().into(), decode_type(ty)?);
                    }
                    if let Some(Json::Array(optional)) = rest.first() {
                        let names = optional.iter().filter_map(Json::as_str);
                        object.optional =
                            names.filter(|n| object.attributes.contains_key(*n)).map(Into::into).collect();
                    }
                    Ok(Type::Object(Arc::new(object)))
                }
                _ => Err(refuse()),
            },
            _ => Err(refuse()),
        },
        _ => Err(refuse()),
    }
}

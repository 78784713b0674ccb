//! Objects of the built-in kinds as the API server keeps them: fields in the order of their type, unknown ones
//! found, empty ones left out, quantities in canonical form. Says nothing about what a value means.

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose},
};
use serde_json::{Map, Value};

use super::{
    quantity::Quantity,
    types::{Field, Node, Scalar, Shape, Struct},
};

/// A decoded object.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) value: Value,
    /// Paths of fields that the type doesn't have.
    pub(crate) unknown: Vec<String>,
}

const QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Decodes an object; the error is what Go's decoder says.
pub(crate) fn decode(node: &Node, value: &Value) -> Result<Decoded, String> {
    let mut decoder = Decoder { unknown: Vec::new(), path: Vec::new(), fields: Vec::new(), owner: "" };
    let value = decoder.node(node, value)?;
    decoder.unknown.sort();
    Ok(Decoded { value, unknown: decoder.unknown })
}

/// The object of a kind in which nothing is set. A list that is never left out is null.
pub(crate) fn empty(node: &Node) -> Value {
    let mut value = decode(node, &Value::Object(Map::new())).map_or(Value::Null, |decoded| decoded.value);
    null_lists(node, &mut value);
    value
}

fn null_lists(node: &Node, value: &mut Value) {
    let (Shape::Struct(made), Value::Object(map)) = (&node.shape, value) else { return };
    for field in &made.fields {
        let list = matches!(field.node.shape, Shape::List { .. });
        if list && made.required.contains(&field.name) && !map.contains_key(&field.name) {
            map.insert(field.name.clone(), Value::Null);
        }
        if let Some(inner) = map.get_mut(&field.name) {
            null_lists(&field.node, inner);
        }
    }
}

struct Decoder<'a> {
    unknown: Vec<String>,
    /// Where we are, for unknown fields.
    path: Vec<String>,
    /// The struct fields on the way, for errors.
    fields: Vec<String>,
    /// The innermost struct.
    owner: &'a str,
}

/// Base64 as Go's standard encoding: padded, line breaks already taken out.
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, general_purpose::PAD);

impl<'a> Decoder<'a> {
    fn node(&mut self, node: &'a Node, value: &Value) -> Result<Value, String> {
        match &node.shape {
            Shape::Any => Ok(value.clone()),
            Shape::Scalar(kind) => self.scalar(*kind, value),
            Shape::Struct(made) => match value {
                Value::Object(map) => self.structure(made, map),
                other => Err(self.mismatch(other, &format!("v1.{}", made.short_name()))),
            },
            Shape::Map { of, .. } => match value {
                Value::Object(map) => {
                    let mut keys: Vec<&String> = map.keys().collect();
                    keys.sort();
                    let mut result = Map::new();
                    for key in keys {
                        self.path.push(format!(".{key}"));
                        let item = self.node(of, &map[key])?;
                        self.path.pop();
                        result.insert(key.clone(), item);
                    }
                    Ok(Value::Object(result))
                }
                other => Err(self.mismatch(other, &format!("map[string]{}", go_type(of)))),
            },
            Shape::List { of, .. } => match value {
                Value::Array(items) => {
                    let mut result = Vec::with_capacity(items.len());
                    for (at, item) in items.iter().enumerate() {
                        self.path.push(format!("[{at}]"));
                        result.push(self.node(of, item)?);
                        self.path.pop();
                    }
                    Ok(Value::Array(result))
                }
                other => Err(self.mismatch(other, &format!("[]{}", go_type(of)))),
            },
        }
    }

    fn structure(&mut self, made: &'a Struct, map: &Map<String, Value>) -> Result<Value, String> {
        for key in map.keys() {
            if made.field(key).is_none() && !made.preserve {
                let path = format!("{}.{key}", self.path.concat());
                self.unknown.push(path.trim_start_matches('.').to_owned());
            }
        }
        let outer = std::mem::replace(&mut self.owner, made.short_name());
        let mut result = Map::new();
        for field in &made.fields {
            if let Some(item) = self.field(field, map.get(&field.name))? {
                result.insert(field.name.clone(), item);
            }
        }
        self.owner = outer;
        if made.preserve {
            let mut rest: Vec<_> = map.iter().filter(|(key, _)| made.field(key).is_none()).collect();
            rest.sort_by_key(|(key, _)| key.as_str());
            result.extend(rest.into_iter().map(|(key, item)| (key.clone(), item.clone())));
        }
        Ok(Value::Object(result))
    }

    fn field(&mut self, field: &'a Field, value: Option<&Value>) -> Result<Option<Value>, String> {
        let value = match value {
            None | Some(Value::Null) => {
                if let Some(default) = &field.default {
                    return Ok(Some(default.clone()));
                }
                if !field.always {
                    return Ok(None);
                }
                &Value::Object(Map::new())
            }
            Some(value) => value,
        };
        self.path.push(format!(".{}", field.name));
        self.fields.push(field.name.clone());
        let result = self.node(&field.node, value)?;
        self.path.pop();
        self.fields.pop();
        let hollow = match (&field.node.shape, &result) {
            (Shape::List { .. }, Value::Array(list)) => list.is_empty(),
            (Shape::Map { .. }, Value::Object(map)) => map.is_empty(),
            _ => false,
        };
        Ok((!hollow).then_some(result))
    }

    fn scalar(&mut self, kind: Scalar, value: &Value) -> Result<Value, String> {
        match (kind, value) {
            // Go leaves a null element as its zero value.
            (Scalar::String | Scalar::Bytes, Value::Null) => Ok("".into()),
            (Scalar::String, Value::String(_)) | (Scalar::Bool, Value::Bool(_)) => Ok(value.clone()),
            (Scalar::Bytes, Value::String(text)) => decode_bytes(text).map(|()| value.clone()),
            (Scalar::Quantity, Value::String(_) | Value::Number(_)) => match Quantity::of(value) {
                Some(quantity) => Ok(quantity.to_string().into()),
                None => Err(QUANTITY.into()),
            },
            (Scalar::Quantity, _) => Err(QUANTITY.into()),
            (Scalar::IntOrString, Value::String(_) | Value::Number(_)) => Ok(value.clone()),
            (Scalar::Time | Scalar::MicroTime, Value::String(text)) => time(text, kind),
            (Scalar::Number, Value::Number(_)) => Ok(value.clone()),
            (Scalar::Int32 | Scalar::Int64, Value::Number(number)) => self.integer(kind, number, value),
            (Scalar::Int32 | Scalar::IntOrString, _) => Err(self.mismatch(value, "int32")),
            (Scalar::Int64, _) => Err(self.mismatch(value, "int64")),
            (Scalar::Number, _) => Err(self.mismatch(value, "float64")),
            (Scalar::Bool, _) => Err(self.mismatch(value, "bool")),
            (Scalar::Bytes, _) => Err(self.mismatch(value, "[]uint8")),
            _ => Err(self.mismatch(value, "string")),
        }
    }

    fn integer(&self, kind: Scalar, number: &serde_json::Number, value: &Value) -> Result<Value, String> {
        let small = |number: i64| kind == Scalar::Int64 || i32::try_from(number).is_ok();
        if let Some(whole) = number.as_i64().filter(|whole| small(*whole)) {
            return Ok(whole.into());
        }
        // 3.0 is a whole number.
        if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 2e9) {
            #[allow(clippy::cast_possible_truncation)]
            return Ok((float as i64).into());
        }
        let name = if kind == Scalar::Int64 { "int64" } else { "int32" };
        Err(self.mismatch_named(&format!("number {value}"), name))
    }

    fn mismatch(&self, value: &Value, wanted: &str) -> String {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        self.mismatch_named(kind, wanted)
    }

    fn mismatch_named(&self, kind: &str, wanted: &str) -> String {
        if self.fields.is_empty() {
            return format!("json: cannot unmarshal {kind} into Go value of type {wanted}");
        }
        let place = format!("{}.{}", self.owner, self.fields.join("."));
        format!("json: cannot unmarshal {kind} into Go struct field {place} of type {wanted}")
    }
}

fn go_type(node: &Node) -> String {
    match &node.shape {
        Shape::Scalar(Scalar::Bool) => "bool".into(),
        Shape::Scalar(Scalar::Int32) => "int32".into(),
        Shape::Scalar(Scalar::Int64) => "int64".into(),
        Shape::Scalar(Scalar::Bytes) => "[]uint8".into(),
        Shape::Scalar(Scalar::Quantity) => "resource.Quantity".into(),
        Shape::Scalar(_) => "string".into(),
        Shape::Struct(made) => format!("v1.{}", made.short_name()),
        Shape::Map { of, .. } => format!("map[string]{}", go_type(of)),
        Shape::List { of, .. } => format!("[]{}", go_type(of)),
        Shape::Any => "interface {}".into(),
    }
}

/// Is it base64? The error names the first byte that isn't, as Go does.
fn decode_bytes(text: &str) -> Result<(), String> {
    let clean: String = text.chars().filter(|letter| !['\r', '\n'].contains(letter)).collect();
    BASE64.decode(&clean).map(|_| ()).map_err(|error| {
        let at = match error {
            base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
            _ => clean.len() / 4 * 4,
        };
        format!("illegal base64 data at input byte {at}")
    })
}

fn time(text: &str, kind: Scalar) -> Result<Value, String> {
    let layout =
        if kind == Scalar::Time { "2006-01-02T15:04:05Z07:00" } else { "2006-01-02T15:04:05.000000Z07:00" };
    match text.parse::<jiff::Timestamp>() {
        Ok(moment) if kind == Scalar::Time => Ok(moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into()),
        Ok(_) => Ok(text.into()),
        Err(_) => {
            Err(format!("parsing time \"{text}\" as \"{layout}\": cannot parse \"{text}\" as \"2006\""))
        }
    }
}

/// The same value with the keys of every object in order.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}

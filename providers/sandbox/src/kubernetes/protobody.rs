//! Objects that a client sends in protobuf, as kubectl does for the kinds that it knows. Reads only: answers are JSON,
//! which every such client also takes.
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>

use std::{collections::HashMap, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::types::{self, Node, Scalar, Shape, Struct};

type Numbers = HashMap<String, HashMap<String, String>>;

/// The fields' numbers, by type: of the kinds that kubectl makes by itself.
fn numbers() -> &'static Numbers {
    static NUMBERS: OnceLock<Numbers> = OnceLock::new();
    NUMBERS.get_or_init(|| {
        serde_json::from_str(include_str!("data/protobuf.json")).expect("the table of field numbers is JSON")
    })
}

/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// Reads a body; the error is in plain words.
pub(crate) fn decode(body: &[u8]) -> Result<Value, String> {
    let raw = body.strip_prefix(MAGIC).ok_or("the body does not start with the protobuf prefix")?;
    let mut kind = Value::Null;
    let mut version = Value::Null;
    let mut object: &[u8] = &[];
    for field in fields(raw)? {
        match (field.number, field.value) {
            (1, Wire::Bytes(meta)) => {
                for field in fields(meta)? {
                    match (field.number, field.value) {
                        (1, Wire::Bytes(text)) => version = string(text),
                        (2, Wire::Bytes(text)) => kind = string(text),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => object = bytes,
            _ => {}
        }
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let node = types::builtin().kind(&text(&version), &text(&kind));
    let node = node.ok_or_else(|| format!("no kind {kind} in version {version} is known in protobuf"))?;
    let mut value = message(&node, object)?;
    value["kind"] = kind;
    value["apiVersion"] = version;
    Ok(value)
}

struct WireField<'a> {
    number: u64,
    value: Wire<'a>,
}

#[derive(Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

const CUT: &str = "the protobuf message is cut off";

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or(CUT)?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number in the protobuf message is too long".into())
}

fn fields(mut bytes: &[u8]) -> Result<Vec<WireField<'_>>, String> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            1 | 5 => {
                let length = if key & 7 == 1 { 8 } else { 4 };
                let (number, rest) = bytes.split_at_checked(length).ok_or(CUT)?;
                bytes = rest;
                Wire::Bytes(number)
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).map_err(|_| CUT)?;
                let (inner, rest) = bytes.split_at_checked(length).ok_or(CUT)?;
                bytes = rest;
                Wire::Bytes(inner)
            }
            other => return Err(format!("the protobuf message has a field of the unknown kind {other}")),
        };
        found.push(WireField { number: key >> 3, value });
    }
    Ok(found)
}

fn string(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Fields whose zero says something; others are written also where nothing was set.
const ZERO: [&str; 4] = ["replicas", "automountServiceAccountToken", "immutable", "optional"];

/// What the server sets by itself.
const OURS: [&str; 2] = ["status", "managedFields"];

fn message(node: &Node, bytes: &[u8]) -> Result<Value, String> {
    let Shape::Struct(made) = &node.shape else { return Ok(Value::Null) };
    let mut map = Map::new();
    let Some(names) = numbers().get(&made.name) else {
        let empty = bytes.is_empty();
        let text = || format!("{} cannot be read in protobuf here: send JSON", made.name);
        return if empty { Ok(Value::Object(map)) } else { Err(text()) };
    };
    fill(made, names, "", bytes, &mut map)?;
    Ok(Value::Object(map))
}

/// Puts a message's fields into the object. A message that JSON shows as part of its parent has numbers such as `2.1`.
fn fill(
    made: &Struct,
    names: &HashMap<String, String>,
    prefix: &str,
    bytes: &[u8],
    map: &mut Map<String, Value>,
) -> Result<(), String> {
    for field in fields(bytes)? {
        let number = format!("{prefix}{}", field.number);
        let known = names.get(&number).and_then(|name| made.field(name));
        let Some(known) = known else {
            let inner = format!("{number}.");
            match field.value {
                Wire::Number(0) => {}
                Wire::Bytes(bytes) if names.keys().any(|known| known.starts_with(&inner)) => {
                    fill(made, names, &inner, bytes, map)?;
                }
                Wire::Bytes([]) => {}
                _ => {
                    let text = "cannot be read in protobuf here: send JSON";
                    return Err(format!("field {number} of {} {text}", made.name));
                }
            }
            continue;
        };
        if !OURS.contains(&known.name.as_str()) {
            place(&known.name, &known.node, field.value, map)?;
        }
    }
    Ok(())
}

fn place(name: &str, of: &Node, wire: Wire<'_>, map: &mut Map<String, Value>) -> Result<(), String> {
    match &of.shape {
        Shape::List { of: item, .. } => {
            let value = single(item, wire)?;
            if let Some(list) = map.entry(name).or_insert(json!([])).as_array_mut() {
                list.push(value);
            }
        }
        Shape::Map { of: item, .. } => {
            let Wire::Bytes(bytes) = wire else { return Ok(()) };
            let (key, value) = entry(item, bytes)?;
            if let Some(inner) = map.entry(name).or_insert(json!({})).as_object_mut() {
                inner.insert(key, value);
            }
        }
        _ => {
            let value = single(of, wire)?;
            let zero = value == json!("") || value == json!(0) || value == json!(false) || value.is_null();
            if !zero || (ZERO.contains(&name) && !value.is_null()) {
                map.insert(name.to_owned(), value);
            }
        }
    }
    Ok(())
}

fn entry(of: &Node, bytes: &[u8]) -> Result<(String, Value), String> {
    let mut key = String::new();
    let mut value = match &of.shape {
        Shape::Scalar(Scalar::String | Scalar::Bytes) => json!(""),
        _ => Value::Null,
    };
    for field in fields(bytes)? {
        match (field.number, field.value) {
            (1, Wire::Bytes(bytes)) => key = String::from_utf8_lossy(bytes).into_owned(),
            (2, wire) => value = single(of, wire)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn single(node: &Node, wire: Wire<'_>) -> Result<Value, String> {
    Ok(match (&node.shape, wire) {
        (Shape::Scalar(Scalar::Bool), Wire::Number(number)) => (number != 0).into(),
        (Shape::Scalar(_), Wire::Number(number)) => number.cast_signed().into(),
        (Shape::Scalar(Scalar::String), Wire::Bytes(bytes)) => string(bytes),
        (Shape::Scalar(Scalar::Bytes), Wire::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Shape::Scalar(Scalar::Quantity), Wire::Bytes(bytes)) => {
            let inner = fields(bytes)?.into_iter().find(|field| field.number == 1);
            match inner.map(|field| field.value) {
                Some(Wire::Bytes(text)) => string(text),
                _ => "0".into(),
            }
        }
        (Shape::Scalar(Scalar::Time | Scalar::MicroTime), Wire::Bytes(bytes)) => time(bytes)?,
        (Shape::Scalar(Scalar::IntOrString), Wire::Bytes(bytes)) => int_or_string(bytes)?,
        (Shape::Struct(_), Wire::Bytes(bytes)) => message(node, bytes)?,
        _ => Value::Null,
    })
}

fn time(bytes: &[u8]) -> Result<Value, String> {
    let seconds = fields(bytes)?.into_iter().find(|field| field.number == 1).map(|field| field.value);
    let Some(Wire::Number(seconds)) = seconds else { return Ok(Value::Null) };
    let moment = Timestamp::from_second(seconds.cast_signed()).map_err(|error| error.to_string())?;
    Ok(moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into())
}

fn int_or_string(bytes: &[u8]) -> Result<Value, String> {
    let (mut text, mut number, mut is_text) = (Value::Null, 0, false);
    for field in fields(bytes)? {
        match (field.number, field.value) {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = value.cast_signed(),
            (3, Wire::Bytes(bytes)) => text = string(bytes),
            _ => {}
        }
    }
    Ok(if is_text { text } else { number.into() })
}

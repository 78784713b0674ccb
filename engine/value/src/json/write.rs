//! Writing values straight to bytes.

use std::io::Write as _;

use super::{Fault, MAX_TEXT, types::encode_type};
use crate::{Kind, Number, Step, Type, Value};

/// How numbers and strings are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// All digits that it takes to read the same number back; strings with the escapes that JSON demands.
    Exact,
    /// Numbers as Terraform prints them; strings safe inside of HTML.
    Html,
}

type Written = Result<(), Fault>;

pub(super) fn typed(value: &Value, ty: &Type, out: &mut Vec<u8>) -> Written {
    if *ty == Type::Dynamic && !matches!(value.kind(), Kind::Null(Type::Dynamic)) {
        let own = value.ty();
        if own == Type::Dynamic {
            return Err(unknown());
        }
        out.extend_from_slice(b"{\"type\":");
        // Writing to a vector can't fail.
        let _ = serde_json::to_writer(&mut *out, &encode_type(&own));
        out.extend_from_slice(b",\"value\":");
        typed(value, &own, out)?;
        out.push(b'}');
        return Ok(());
    }
    match (value.kind(), ty) {
        (Kind::List(e) | Kind::Set(e), Type::List(t) | Type::Set(t)) => {
            array(out, e.items.iter(), |_, item, out| typed(item, t, out))
        }
        (Kind::Tuple(e), Type::Tuple(types)) if types.len() == e.items.len() => {
            array(out, e.items.iter(), |i, item, out| typed(item, &types[i], out))
        }
        (Kind::Map(e), Type::Map(t)) => {
            object(out, Style::Exact, e.items.iter(), |_, item, out| typed(item, t, out))
        }
        (Kind::Object(e), Type::Object(o)) => {
            object(out, Style::Exact, e.items.iter(), |name, item, out| match o.attributes.get(name) {
                Some(t) => typed(item, t, out),
                None => Err(Fault::at_place("the type has no such attribute")),
            })
        }
        (Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) | Kind::Map(_) | Kind::Object(_), _) => {
            let have = value.ty().friendly_name();
            Err(Fault::at_place(format!("{} required, this is {have}", ty.wanted_name())))
        }
        _ => scalar(value, Style::Exact, out),
    }
}

pub(super) fn plain(value: &Value, style: Style, out: &mut Vec<u8>) -> Written {
    if style == Style::Html && out.len() > MAX_TEXT {
        return Err(Fault::at_place(format!("the JSON text would be longer than {MAX_TEXT} bytes")));
    }
    match value.kind() {
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => {
            array(out, e.items.iter(), |_, item, out| plain(item, style, out))
        }
        Kind::Map(e) | Kind::Object(e) => {
            object(out, style, e.items.iter(), |_, item, out| plain(item, style, out))
        }
        _ => scalar(value, style, out),
    }
}

fn unknown() -> Fault {
    Fault::at_place("this value is not known yet, so it can't be written as JSON")
}

fn scalar(value: &Value, style: Style, out: &mut Vec<u8>) -> Written {
    match value.kind() {
        Kind::Null(_) => out.extend_from_slice(b"null"),
        Kind::Bool(true) => out.extend_from_slice(b"true"),
        Kind::Bool(false) => out.extend_from_slice(b"false"),
        Kind::Number(n) => number(n, style, out)?,
        Kind::String(s) => string(s, style, out),
        _ => return Err(unknown()),
    }
    Ok(())
}

fn number(n: &Number, style: Style, out: &mut Vec<u8>) -> Written {
    if let Number::Int(n) = n {
        // Writing to a vector can't fail.
        let _ = write!(out, "{n}");
        return Ok(());
    }
    let text =
        n.to_lossless().ok_or_else(|| Fault::at_place("an infinite number can't be written as JSON"))?;
    let text = if style == Style::Exact { text } else { n.to_string() };
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn array<'a>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = &'a Value>,
    mut write: impl FnMut(usize, &'a Value, &mut Vec<u8>) -> Written,
) -> Written {
    out.push(b'[');
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(i, item, out).map_err(|fault| fault.inside(|| Step::Index(i as u64)))?;
    }
    out.push(b']');
    Ok(())
}

fn object<'a>(
    out: &mut Vec<u8>,
    style: Style,
    items: impl Iterator<Item = (&'a ecow::EcoString, &'a Value)>,
    mut write: impl FnMut(&'a ecow::EcoString, &'a Value, &mut Vec<u8>) -> Written,
) -> Written {
    out.push(b'{');
    for (i, (name, item)) in items.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        string(name, style, out);
        out.push(b':');
        write(name, item, out).map_err(|fault| fault.inside(|| Step::Attribute(name.clone())))?;
    }
    out.push(b'}');
    Ok(())
}

fn string(text: &str, style: Style, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let plain = match byte {
            b'"' | b'\\' | 0..=0x1f => false,
            b'<' | b'>' | b'&' => style != Style::Html,
            // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
            0xe2 => style != Style::Html || !matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])),
            _ => true,
        };
        if plain || at < from {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + if byte == 0xe2 { 3 } else { 1 };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0xe2 => out.extend_from_slice(if bytes[at + 2] == 0xa8 { b"\\u2028" } else { b"\\u2029" }),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

/// Writes the value with no type wrapping (as `output -json`, `show -json` do); unknown and sensitive handling is the caller's:
/// unknowns are left out of objects and maps and are null in lists.
///
/// Whole numbers beyond 64 bits and fractions become the nearest double, infinities null; [`super::encode_plain`] is exact.
pub fn to_serde(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(_) => Json::Null,
        Kind::Bool(b) => Json::Bool(*b),
        Kind::Number(n) => match n {
            Number::Int(n) => (*n).into(),
            big => match big.to_string().parse::<u64>() {
                Ok(n) => n.into(),
                Err(_) => serde_json::Number::from_f64(big.to_f64()).map_or(Json::Null, Json::Number),
            },
        },
        Kind::String(s) => Json::String(s.to_string()),
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.items.iter().map(to_serde).collect(),
        Kind::Map(e) | Kind::Object(e) => Json::Object(
            e.items.iter().filter(|(_, v)| v.is_known()).map(|(k, v)| (k.to_string(), to_serde(v))).collect(),
        ),
    }
}

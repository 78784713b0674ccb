//! The order of a set's elements: strings by code point, numbers by size, `false` before `true`, anything else by a
//! text form; nulls after that, unknowns last.

use crate::number::Digits;
use crate::{Kind, Number, Value};

/// Sorts into Terraform's set order and removes doubles (two unknowns are never doubles).
pub(crate) fn set_order(mut items: Vec<Value>) -> Vec<Value> {
    if items.len() < 2 {
        return items;
    }
    if items.iter().all(|v| matches!(v.kind(), Kind::String(_))) {
        items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    } else if items.iter().all(|v| matches!(v.kind(), Kind::Number(_))) {
        items.sort_by(|a, b| a.as_number().cmp(&b.as_number()));
    } else {
        items.sort_by_cached_key(sort_key);
    }
    items.dedup_by(|a, b| a.is_wholly_known() && a == b);
    items
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SortKey {
    rank: u8,
    number: Option<Number>,
    text: Vec<u8>,
    /// Tells apart what has the same text.
    canonical: Vec<u8>,
}

fn sort_key(value: &Value) -> SortKey {
    let rank = match value.kind() {
        Kind::Unknown(_) => 2,
        Kind::Null(_) => 1,
        _ => 0,
    };
    let mut text = Vec::new();
    match value.kind() {
        // A bare string isn't quoted: the order is that of its code points.
        Kind::String(s) => text.extend_from_slice(s.as_bytes()),
        Kind::Number(_) => {}
        _ => write_text(value, &mut text),
    }
    let mut canonical = Vec::new();
    if rank != 2 {
        value.write_canonical(&mut canonical);
    }
    SortKey { rank, number: value.as_number().cloned(), text, canonical }
}

/// The text form: `[…;]` for lists and sets, `<…;>` for tuples and objects (values only), `{"k":v;}` for maps.
fn write_text(value: &Value, out: &mut Vec<u8>) {
    let all = |items: &mut dyn Iterator<Item = &Value>, around: [u8; 2], out: &mut Vec<u8>| {
        out.push(around[0]);
        for item in items {
            write_text(item, out);
            out.push(b';');
        }
        out.push(around[1]);
    };
    match value.kind() {
        Kind::Unknown(_) => out.push(b'?'),
        Kind::Null(_) => out.push(b'~'),
        Kind::Bool(b) => out.push(if *b { b'1' } else { b'0' }),
        Kind::Number(n) => out.extend_from_slice(ten_digits(n).as_bytes()),
        Kind::String(s) => write_quoted(s, out),
        Kind::List(e) | Kind::Set(e) => all(&mut e.items.iter(), [b'[', b']'], out),
        Kind::Tuple(e) => all(&mut e.items.iter(), [b'<', b'>'], out),
        Kind::Object(e) => all(&mut e.items.values(), [b'<', b'>'], out),
        Kind::Map(e) => {
            out.push(b'{');
            for (key, item) in &e.items {
                write_quoted(key, out);
                out.push(b':');
                write_text(item, out);
                out.push(b';');
            }
            out.push(b'}');
        }
    }
}

fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if c < ' ' => out.extend_from_slice(format!("\\x{:02x}", c as u32).as_bytes()),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// At most ten digits, with an exponent if it is below -4 or above 9.
fn ten_digits(n: &Number) -> String {
    let Some(decimal) = n.to_decimal(Digits::Significant(10)) else { return n.to_string() };
    if (-4..10).contains(&decimal.exponent()) { decimal.fixed(0) } else { decimal.scientific() }
}

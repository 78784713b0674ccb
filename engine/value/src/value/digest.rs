//! A canonical form of values, and its hash.

use std::fmt;

use super::{Kind, Refinement, Value};
use crate::Type;

/// A hash of a value (BLAKE3, 256 bits). Two values have the same one if and only if they are identical (`==` of
/// [`Value`]): marks and types count.
///
/// It is not keyed: the digest of a secret that can be guessed tells if a guess is right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Value {
    /// The hash of the value, with all that is inside, secrets and marks included; unknowns count with what is known of
    /// them. To compare values only, take the marks off before ([`Value::unmark_deep`]).
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::with_capacity(256);
        self.write_canonical(&mut bytes);
        Digest(*blake3::hash(&bytes).as_bytes())
    }

    /// The canonical form: equal for identical values only. Every part has a tag and, where it varies, a length.
    pub fn write_canonical(&self, out: &mut Vec<u8>) {
        if !self.marks.is_empty() {
            out.extend_from_slice(&[b'!', self.marks.bits()]);
        }
        match &self.kind {
            Kind::Null(ty) => {
                out.push(b'~');
                write_type(ty, out);
            }
            Kind::Unknown(unknown) => {
                out.push(b'?');
                write_type(&unknown.ty, out);
                write_refinement(&unknown.refinement, out);
            }
            Kind::Bool(b) => out.push(if *b { b't' } else { b'f' }),
            Kind::Number(n) => {
                out.push(b'#');
                n.write_canonical(out);
            }
            Kind::String(s) => {
                out.push(b'"');
                write_text(s, out);
            }
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => {
                out.push(match &self.kind {
                    Kind::List(_) => b'[',
                    Kind::Set(_) => b'<',
                    _ => b'(',
                });
                write_count(e.items.len(), out);
                if e.items.is_empty() {
                    write_type(&e.ty, out);
                }
                e.items.iter().for_each(|v| v.write_canonical(out));
            }
            Kind::Map(e) | Kind::Object(e) => {
                out.push(if matches!(self.kind, Kind::Map(_)) { b'{' } else { b'.' });
                write_count(e.items.len(), out);
                if e.items.is_empty() {
                    write_type(&e.ty, out);
                }
                for (key, value) in &e.items {
                    write_text(key, out);
                    value.write_canonical(out);
                }
            }
        }
    }
}

fn write_count(n: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(n as u64).to_le_bytes());
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_count(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn write_refinement(refinement: &Refinement, out: &mut Vec<u8>) {
    out.push(refinement.not_null.into());
    match &refinement.prefix {
        Some(prefix) => {
            out.push(1);
            write_text(prefix, out);
        }
        None => out.push(0),
    }
    for bound in [refinement.min_length, refinement.max_length] {
        out.push(bound.is_some().into());
        out.extend_from_slice(&bound.unwrap_or(0).to_le_bytes());
    }
}

fn write_type(ty: &Type, out: &mut Vec<u8>) {
    match ty {
        Type::Dynamic => out.push(b'*'),
        Type::Bool => out.push(b'b'),
        Type::Number => out.push(b'n'),
        Type::String => out.push(b's'),
        Type::List(t) => {
            out.push(b'l');
            write_type(t, out);
        }
        Type::Set(t) => {
            out.push(b'e');
            write_type(t, out);
        }
        Type::Map(t) => {
            out.push(b'm');
            write_type(t, out);
        }
        Type::Tuple(types) => {
            out.push(b't');
            write_count(types.len(), out);
            types.iter().for_each(|t| write_type(t, out));
        }
        Type::Object(object) => {
            out.push(b'o');
            write_count(object.attributes.len(), out);
            for (name, t) in &object.attributes {
                out.push(object.optional.contains(name).into());
                write_text(name, out);
                write_type(t, out);
            }
        }
    }
}

//! JSON: values by their type (as state and plan store them), values with a guessed type (`jsondecode`), and types.

mod read;
mod types;
mod write;

use crate::{Path, Step, Type, Value};

pub use types::{decode_type, encode_type};
pub use write::to_serde;

/// Deeper nesting is refused: reading it would need too much stack.
pub const MAX_DEPTH: usize = 500;

/// `jsonencode` makes no longer text: a value that is in memory once may be written many times over.
pub const MAX_TEXT: usize = 10_000_000;

/// Why JSON can't be read as a value of a type.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON.
    #[error("invalid JSON at byte {offset}: {message}")]
    Syntax {
        /// Where.
        offset: usize,
        /// What is wrong.
        message: String,
    },
    /// JSON of another shape than the type says.
    #[error("{path}: {message}")]
    Shape {
        /// Where in the value; `value` for the whole.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// Can't be written: unknown, or an infinite number.
    #[error("{path}: {message}")]
    Unwritable {
        /// Where in the value; `value` for the whole.
        path: String,
        /// What is wrong.
        message: String,
    },
}

/// What went wrong inside, with the steps to it from the inside out.
#[derive(Debug)]
enum Fault {
    Syntax { offset: usize, message: String },
    Place { steps: Vec<Step>, message: String },
}

impl Fault {
    fn at_place(message: impl Into<String>) -> Fault {
        Fault::Place { steps: Vec::new(), message: message.into() }
    }
    /// The same, one step further inside.
    fn inside(mut self, step: impl FnOnce() -> Step) -> Fault {
        if let Fault::Place { steps, .. } = &mut self {
            steps.push(step());
        }
        self
    }
    fn into_error(self, reading: bool) -> JsonError {
        match self {
            Fault::Syntax { offset, message } => JsonError::Syntax { offset, message },
            Fault::Place { mut steps, message } => {
                steps.reverse();
                let path = format!("value{}", Path(steps));
                if reading {
                    JsonError::Shape { path, message }
                } else {
                    JsonError::Unwritable { path, message }
                }
            }
        }
    }
}

/// Writes a wholly known value as a type wants it; where the type is `Dynamic` as `{"type":…,"value":…}`. Marks are not written.
///
/// Reads back as the same value, marks aside. On an error `out` holds a part of it.
pub fn encode(value: &Value, ty: &Type, out: &mut Vec<u8>) -> Result<(), JsonError> {
    write::typed(value, ty, out).map_err(|fault| fault.into_error(false))
}

/// Writes a wholly known value with no type wrapping, exactly. Marks are not written.
pub fn encode_plain(value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    write::plain(value, write::Style::Exact, out).map_err(|fault| fault.into_error(false))
}

/// Reads what [`encode`] wrote. Missing object attributes become null; extra ones are an error.
pub fn decode(json: &[u8], ty: &Type) -> Result<Value, JsonError> {
    read::with_type(json, ty).map_err(|fault| fault.into_error(true))
}

/// `jsonencode`'s text: compact, keys sorted, `<`, `>`, `&` escaped.
pub fn to_json_text(value: &Value) -> Result<String, JsonError> {
    let mut out = Vec::new();
    write::plain(value, write::Style::Html, &mut out).map_err(|fault| fault.into_error(false))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// `jsondecode`: objects and tuples; exact numbers.
pub fn from_json_text(text: &str) -> Result<Value, JsonError> {
    read::guessed(text).map_err(|fault| fault.into_error(true))
}

#[cfg(test)]
mod tests;

//! A value as a clause of a sentence, for diagnostics. Never a secret.

use pilotis_value::{Kind, Marks, Value};

/// Longest text that is shown whole.
const MAX_TEXT: usize = 120;

/// `is null`, `is "x"`, `is a list of string with 3 elements`, `has a sensitive value`, `will be known only after apply`.
pub fn describe(value: &Value) -> String {
    if !value.marks().is_empty() && value.has_sensitive() {
        return "has a sensitive value".into();
    }
    if value.marks_deep().contains(Marks::EPHEMERAL) {
        return "has an ephemeral value".into();
    }
    match value.kind() {
        Kind::Unknown(u) => match &u.ty {
            pilotis_value::Type::Dynamic => "will be known only after apply".into(),
            ty => format!("is a {}, known only after apply", ty.friendly_name()),
        },
        Kind::Null(_) => "is null".into(),
        Kind::Bool(b) => format!("is {b}"),
        Kind::Number(n) => format!("is {}", shorten(&n.to_string())),
        Kind::String(s) => format!("is {:?}", shorten(s)),
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => {
            format!("is a {} with {}", value.ty().friendly_name(), count(e.items().len(), "element"))
        }
        Kind::Map(e) => {
            format!("is a {} with {}", value.ty().friendly_name(), count(e.items().len(), "element"))
        }
        Kind::Object(e) => match e.items().keys().next() {
            None => "is an object with no attributes".into(),
            Some(only) if e.items().len() == 1 => {
                format!("is an object with 1 attribute {:?}", only.as_str())
            }
            Some(_) => format!("is an object with {} attributes", e.items().len()),
        },
    }
}

fn count(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

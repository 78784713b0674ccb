//! A value as a clause of a sentence, for diagnostics. Never a secret.

use pilotis_value::{Kind, Marks, Type, Unknown, Value};

/// Longest text that is shown whole.
const MAX_TEXT: usize = 120;
/// Lengths above this say nothing to a person.
const MAX_LENGTH: u64 = 1024;

/// What a diagnostic is caused by, apart from types and values: only then it says which values are so. Else a reader would take it for
/// the cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Neither of the two.
    #[default]
    Other,
    /// A value isn't known yet.
    Unknown,
    /// A value is sensitive or ephemeral.
    Marked,
}

/// `is null`, `is "x"`, `is list of string with 3 elements`, `is a string`, `is a string, known only after apply`, `has a sensitive
/// value`; none if there is nothing to say of it.
pub fn describe(value: &Value, cause: Cause) -> Option<String> {
    let marks = value.marks();
    if marks.intersects(Marks::SENSITIVE | Marks::EPHEMERAL) {
        let what = if marks.contains(Marks::SENSITIVE) { "sensitive" } else { "ephemeral" };
        let article = if marks.contains(Marks::SENSITIVE) { "a" } else { "an" };
        return (cause == Cause::Marked).then(|| format!("has {article} {what} value"));
    }
    Some(match value.kind() {
        Kind::Unknown(unknown) => return not_known(unknown, cause),
        Kind::Null(_) => "is null".into(),
        Kind::Bool(b) => format!("is {b}"),
        Kind::Number(n) => format!("is {}", shorten(&n.to_string())),
        Kind::String(s) => format!("is {:?}", shorten(s)),
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => collection(value, e.items().len()),
        Kind::Map(e) => collection(value, e.items().len()),
        Kind::Object(e) => match e.items().keys().next() {
            None => "is object with no attributes".into(),
            Some(only) if e.items().len() == 1 => format!("is object with 1 attribute {:?}", only.as_str()),
            Some(_) => format!("is object with {} attributes", e.items().len()),
        },
    })
}

fn collection(value: &Value, length: usize) -> String {
    let ty = value.ty().friendly_name();
    match length {
        0 => format!("is empty {ty}"),
        1 => format!("is {ty} with 1 element"),
        n => format!("is {ty} with {n} elements"),
    }
}

fn not_known(unknown: &Unknown, cause: Cause) -> Option<String> {
    let is_cause = cause == Cause::Unknown;
    if unknown.ty == Type::Dynamic {
        return is_cause.then(|| "will be known only after apply".to_owned());
    }
    let ty = unknown.ty.friendly_name();
    if !is_cause {
        return Some(format!("is a {ty}"));
    }
    let is_collection = matches!(unknown.ty, Type::List(_) | Type::Set(_) | Type::Map(_));
    let least = unknown.refinement.min_length.filter(|n| is_collection && *n > 0);
    let most = unknown.refinement.max_length.filter(|n| is_collection && *n <= MAX_LENGTH);
    let length = match (least, most) {
        (Some(least), Some(most)) if least == most => format!(" of length {least}"),
        (Some(least), Some(most)) => format!(" with between {least} and {most} elements"),
        (Some(least), None) => format!(" with at least {least} elements"),
        (None, Some(most)) => format!(" with up to {most} elements"),
        (None, None) => String::new(),
    };
    Some(format!("is a {ty}{length}, known only after apply"))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

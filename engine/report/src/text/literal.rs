//! Values as a person reads them: in the configuration's own syntax.

use pilotis_value::{Kind, Marks, Value};

use super::style::clean;

/// What stands for a value that isn't known before apply.
pub const UNKNOWN: &str = "(known after apply)";
/// What stands for a value that must not be shown.
pub const SENSITIVE: &str = "(sensitive value)";
/// What stands for a value that must not be stored.
pub(crate) const EPHEMERAL: &str = "(ephemeral value)";

/// What is shown in place of the value, if it must not be shown itself.
pub(crate) fn hidden(value: &Value) -> Option<&'static str> {
    if value.marks().contains(Marks::SENSITIVE) {
        Some(SENSITIVE)
    } else if value.marks().contains(Marks::EPHEMERAL) {
        Some(EPHEMERAL)
    } else {
        None
    }
}

/// A value on one line: `["a", { b = 1 }]`. Whatever is sensitive in it stays hidden.
pub fn one_line(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    if let Some(text) = hidden(value) {
        return out.push_str(text);
    }
    match value.kind() {
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => {
            out.push('[');
            for (i, item) in e.items().iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write(item, out);
            }
            out.push(']');
        }
        Kind::Map(e) | Kind::Object(e) if e.items().is_empty() => out.push_str("{}"),
        Kind::Map(e) | Kind::Object(e) => {
            let quoted = matches!(value.kind(), Kind::Map(_));
            out.push_str("{ ");
            for (i, (name, item)) in e.items().iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                out.push_str(&key(name, quoted));
                out.push_str(" = ");
                write(item, out);
            }
            out.push_str(" }");
        }
        _ => out.push_str(&scalar(value)),
    }
}

/// A null, an unknown, a bool, a number or a string that isn't hidden; of anything else its brackets.
pub(crate) fn scalar(value: &Value) -> String {
    match value.kind() {
        Kind::Null(_) => "null".to_owned(),
        Kind::Unknown(_) => UNKNOWN.to_owned(),
        Kind::Bool(b) => b.to_string(),
        Kind::Number(n) => n.to_string(),
        Kind::String(s) => quote(s),
        Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => "[…]".to_owned(),
        Kind::Map(_) | Kind::Object(_) => "{…}".to_owned(),
    }
}

/// A quoted string, as one would write it.
pub(crate) fn quote(text: &str) -> String {
    escape(text, true)
}

/// A quoted string, as `terraform console` shows it: `${` is not doubled.
pub(crate) fn quote_plain(text: &str) -> String {
    escape(text, false)
}

fn escape(text: &str, sequences: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '$' | '%' if sequences && rest.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c => out.push_str(&clean(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push('"');
    out
}

/// The left side of an entry: a bare name where the syntax allows that and `quoted` doesn't forbid it.
pub(crate) fn key(name: &str, quoted: bool) -> String {
    let bare = !quoted
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { quote(name) }
}

/// True for a list, set, tuple, map or object with something in it: it takes several lines.
pub(crate) fn is_block(value: &Value) -> bool {
    hidden(value).is_none()
        && (value.as_elements().is_some_and(|e| !e.is_empty())
            || value.as_entries().is_some_and(|e| !e.is_empty()))
}

/// A text that is shown line by line.
pub(crate) fn is_multi_line(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use pilotis_value::Type;

    #[test]
    fn values_are_written_as_in_a_configuration() {
        let value = Value::object_of([
            ("name", Value::string("a \"b\" ${c}\n")),
            ("odd key", Value::bool(true)),
            ("list", Value::list(Type::String, vec![Value::string("x"), Value::unknown(Type::String)])),
            ("none", Value::null(Type::String)),
            ("secret", Value::string("hunter2").with_marks(Marks::SENSITIVE)),
            ("empty", Value::object_of::<&str>([])),
        ]);
        insta::assert_snapshot!(one_line(&value), @r#"{ empty = {}, list = ["x", (known after apply)], name = "a \"b\" $${c}\n", none = null, "odd key" = true, secret = (sensitive value) }"#);
    }
}

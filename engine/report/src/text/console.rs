//! Values as `terraform console` shows them: over several lines, with the conversions that make their types.

use pilotis_value::{Kind, Type, Value};

use super::literal::{UNKNOWN, hidden, quote_plain};
use super::style::clean;

/// Columns that each level is indented by.
const STEP: usize = 2;

/// A value over as many lines as it needs, without a line feed at its end. Whatever is sensitive in it stays hidden.
pub fn console(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, indent: usize, out: &mut String) {
    if let Some(text) = hidden(value) {
        return out.push_str(text);
    }
    match value.kind() {
        Kind::Null(ty) => out.push_str(&null(ty)),
        Kind::Unknown(_) => out.push_str(UNKNOWN),
        Kind::Bool(b) => out.push_str(&b.to_string()),
        Kind::Number(n) => out.push_str(&n.to_string()),
        Kind::String(text) => string(text, indent, out),
        Kind::List(e) => items("tolist([", e.items(), "])", indent, out),
        Kind::Set(e) => items("toset([", e.items(), "])", indent, out),
        Kind::Tuple(e) => items("[", e.items(), "]", indent, out),
        Kind::Map(e) => entries("tomap({", e.items(), "})", indent, out),
        Kind::Object(e) => entries("{", e.items(), "}", indent, out),
    }
}

fn items(open: &str, items: &[Value], close: &str, indent: usize, out: &mut String) {
    out.push_str(open);
    for item in items {
        line(indent + STEP, out);
        write(item, indent + STEP, out);
        out.push(',');
    }
    if !items.is_empty() {
        line(indent, out);
    }
    out.push_str(close);
}

fn entries<'v, K: AsRef<str> + 'v>(
    open: &str,
    entries: impl IntoIterator<Item = (&'v K, &'v Value)>,
    close: &str,
    indent: usize,
    out: &mut String,
) {
    out.push_str(open);
    let mut any = false;
    for (name, item) in entries {
        any = true;
        line(indent + STEP, out);
        string(name.as_ref(), indent + STEP, out);
        out.push_str(" = ");
        write(item, indent + STEP, out);
    }
    if any {
        line(indent, out);
    }
    out.push_str(close);
}

fn line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A null with the conversion that gives it its type.
fn null(ty: &Type) -> String {
    let of =
        |conversion: &str, element: &Type| format!("{conversion}(null) /* of {} */", element.friendly_name());
    match ty {
        Type::Dynamic => "null".to_owned(),
        Type::Bool => "tobool(null)".to_owned(),
        Type::Number => "tonumber(null)".to_owned(),
        Type::String => "tostring(null)".to_owned(),
        Type::List(element) => of("tolist", element),
        Type::Set(element) => of("toset", element),
        Type::Map(element) => of("tomap", element),
        Type::Tuple(_) | Type::Object(_) => format!("null /* {} */", ty.friendly_name()),
    }
}

/// A text in quotes; a heredoc if it has several lines.
fn string(text: &str, indent: usize, out: &mut String) {
    if !text.contains('\n') {
        return out.push_str(&quote_plain(text));
    }
    let mut delimiter = "EOT".to_owned();
    while text.lines().any(|l| l.trim() == delimiter) {
        delimiter.push('_');
    }
    out.push_str(if indent == 0 { "<<" } else { "<<-" });
    out.push_str(&delimiter);
    for part in text.split('\n') {
        line(indent, out);
        // Tabs are text in a heredoc; what else would move the cursor is written out.
        let parts: Vec<_> = part.split('\t').map(clean).collect();
        out.push_str(&parts.join("\t"));
    }
    line(indent, out);
    out.push_str(&delimiter);
}

#[cfg(test)]
mod tests {
    use super::*;
    use pilotis_value::Marks;

    #[test]
    fn collections_name_the_conversion_that_makes_them() {
        let list = Value::list(Type::String, vec![Value::string("a"), Value::null(Type::String)]);
        let map = Value::map(Type::Number, [("b c".into(), Value::number(1))].into());
        let value = Value::object_of([
            ("list", list),
            ("map", map),
            ("none", Value::object_of::<&str>([])),
            ("set", Value::set(Type::String, Vec::new())),
            ("tuple", Value::tuple(vec![Value::bool(true), Value::unknown(Type::String)])),
        ]);
        insta::assert_snapshot!(console(&value), @r#"
        {
          "list" = tolist([
            "a",
            tostring(null),
          ])
          "map" = tomap({
            "b c" = 1
          })
          "none" = {}
          "set" = toset([])
          "tuple" = [
            true,
            (known after apply),
          ]
        }
        "#);
    }

    #[test]
    fn nulls_keep_their_types() {
        let nulls = [
            (Type::Dynamic, "null"),
            (Type::Bool, "tobool(null)"),
            (Type::list(Type::list(Type::String)), "tolist(null) /* of list of string */"),
            (Type::Tuple(Vec::new().into()), "null /* tuple */"),
        ];
        for (ty, shown) in nulls {
            assert_eq!(console(&Value::null(ty)), shown);
        }
    }

    #[test]
    fn texts_of_several_lines_are_heredocs_that_cannot_move_the_cursor() {
        assert_eq!(console(&Value::string("a ${b} \"c\"\u{1b}[2J")), r#""a ${b} \"c\"\u001b[2J""#);
        assert_eq!(console(&Value::string("EOT\na\tb\u{1b}[2J\n")), "<<EOT_\nEOT\na\tb\\u001b[2J\n\nEOT_");
        let inner = Value::tuple(vec![Value::string("a\nb")]);
        assert_eq!(console(&inner), "[\n  <<-EOT\n  a\n  b\n  EOT,\n]");
    }

    #[test]
    fn secrets_stay_hidden_wherever_they_are() {
        let secret = || Value::string("hunter2").with_marks(Marks::SENSITIVE);
        assert_eq!(console(&secret()), "(sensitive value)");
        assert_eq!(console(&Value::tuple(vec![secret()])), "[\n  (sensitive value),\n]");
    }
}

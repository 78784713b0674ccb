//! Values as HCL text: what `import` generates, and what is set in people's files.

use pilotis_value::{Kind, Value};

/// Why a value has no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoText {
    /// It is not known yet.
    #[error("the value is not known yet")]
    Unknown,
    /// A secret is not written into a file.
    #[error("the value is sensitive and is not written into a file")]
    Sensitive,
}

/// The expression that a value is written as; objects and maps on several lines, as `fmt` lays them out at the margin. Sets
/// become lists, and types that the text doesn't show are lost: where it is assigned, it is converted again.
pub fn expression(value: &Value) -> Result<String, NoText> {
    if value.has_sensitive() {
        return Err(NoText::Sensitive);
    }
    let mut out = String::new();
    write(value, 0, &mut out)?;
    Ok(out)
}

fn write(value: &Value, depth: usize, out: &mut String) -> Result<(), NoText> {
    match value.kind() {
        Kind::Unknown(_) => return Err(NoText::Unknown),
        Kind::Null(_) => out.push_str("null"),
        Kind::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Kind::Number(n) => out.push_str(&n.to_string()),
        Kind::String(s) => out.push_str(&quoted(s)),
        Kind::List(items) | Kind::Set(items) | Kind::Tuple(items) => {
            let items = items.items();
            // Short lists of scalars read best on one line.
            let is_nested = items.iter().any(|i| i.as_elements().is_some() || i.as_entries().is_some());
            let on_a_line = items.len() <= 1 || (!is_nested && items.len() <= 5);
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                match on_a_line {
                    true if i > 0 => out.push_str(", "),
                    true => {}
                    false => line_feed(depth + 1, out),
                }
                write(item, if on_a_line { depth } else { depth + 1 }, out)?;
                if !on_a_line {
                    out.push(',');
                }
            }
            if !on_a_line {
                line_feed(depth, out);
            }
            out.push(']');
        }
        Kind::Map(entries) | Kind::Object(entries) if entries.items().is_empty() => out.push_str("{}"),
        Kind::Map(entries) | Kind::Object(entries) => {
            out.push('{');
            for (key, item) in entries.items() {
                line_feed(depth + 1, out);
                out.push_str(&object_key(key));
                out.push_str(" = ");
                write(item, depth + 1, out)?;
            }
            line_feed(depth, out);
            out.push('}');
        }
    }
    Ok(())
}

fn line_feed(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// A name as it is, anything else in quotes.
pub fn object_key(key: &str) -> String {
    if crate::lexer::is_name(key) && key != "for" { key.to_owned() } else { quoted(key) }
}

/// A string as a quoted template that means just that string.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' => {
                out.push(c);
                if rest.peek() == Some(&'{') {
                    out.push(c);
                }
            }
            c if is_printed(c) => out.push(c),
            c if u32::from(c) > 0xffff => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// True for what can be seen, and the plain space. Rust's own notation of strings makes that distinction too.
fn is_printed(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // Behind a letter, so that an accent to be put on one counts as seen.
    ['a', c].iter().collect::<String>().escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use pilotis_diag::SourceMap;
    use pilotis_value::{Marks, Type, Value};
    use proptest::prelude::*;

    use super::{NoText, expression, quoted};
    use crate::ast::{ExprKind, TemplatePart};

    #[test]
    fn what_is_not_seen_is_escaped() {
        let seen = "é日 e\u{301}\u{fffd}😀";
        assert_eq!(quoted(seen), format!("\"{seen}\""));
        let text = "\u{1}\u{7f}\u{a0}\u{200b}\u{e000}\u{e0001}";
        assert_eq!(quoted(text), r#""\u0001\u007f\u00a0\u200b\ue000\U000e0001""#);
    }

    #[test]
    fn values() {
        let value = Value::object_of([
            ("name", Value::string("a \"b\"\n${c} %{d} $5 \u{7}")),
            ("empty", Value::object_of::<&str>([])),
            ("tags", Value::tuple(vec![Value::string("x"), Value::number(2), Value::bool(true)])),
            ("with space", Value::null(Type::String)),
            ("nested", Value::tuple(vec![Value::object_of([("a", Value::number(1))]), Value::tuple(vec![])])),
        ]);
        let text = expression(&value).unwrap();
        insta::assert_snapshot!(text, @r#"
        {
          empty = {}
          name = "a \"b\"\n$${c} %%{d} $5 \u0007"
          nested = [
            {
              a = 1
            },
            [],
          ]
          tags = ["x", 2, true]
          "with space" = null
        }
        "#);
        let file = format!("x = {text}\n");
        assert!(crate::format(&file).is_ok());
    }

    #[test]
    fn secrets_and_unknowns_have_no_text() {
        let secret = Value::string("s3cret").with_marks(Marks::SENSITIVE);
        assert_eq!(expression(&Value::tuple(vec![secret])), Err(NoText::Sensitive));
        assert_eq!(expression(&Value::unknown(Type::String)), Err(NoText::Unknown));
    }

    proptest! {
        #[test]
        fn a_quoted_string_means_itself(text in any::<String>()) {
            let mut sources = SourceMap::default();
            let file = sources.add("", quoted(&text));
            let (expr, diagnostics) = crate::parse_expression(&sources, file);
            prop_assert!(diagnostics.is_empty());
            let ExprKind::Template(template) = expr.kind else { panic!("a template") };
            let read: String = template.parts.iter().map(|p| match p {
                TemplatePart::Literal(text) => text.to_string(),
                other => panic!("{other:?}"),
            }).collect();
            use unicode_normalization::UnicodeNormalization;
            prop_assert_eq!(read, text.nfc().collect::<String>());
        }
    }
}

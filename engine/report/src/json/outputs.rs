//! `output -json`: written as text, as numbers may have more digits than a document in memory keeps.

use pilotis_value::Value;
use pilotis_value::json::{JsonError, encode_plain, encode_type};
use serde_json::Value as Json;

use crate::guarded;

/// `{"name": {"sensitive": …, "type": …, "value": …}}`, sensitive values in clear: for whoever asked for exactly that.
pub fn outputs<'a>(
    outputs: impl IntoIterator<Item = (&'a str, &'a Value, bool)>,
) -> Result<String, JsonError> {
    let mut compact = Vec::new();
    for (name, value, sensitive) in outputs {
        let value = guarded(value.clone(), sensitive);
        compact.push(if compact.is_empty() { b'{' } else { b',' });
        let (name, is_sensitive, ty) = (Json::from(name), value.has_sensitive(), encode_type(&value.ty()));
        compact
            .extend(format!("{name}:{{\"sensitive\":{is_sensitive},\"type\":{ty},\"value\":").into_bytes());
        encode_plain(&value.unmark_deep().0, &mut compact)?;
        compact.push(b'}');
    }
    compact.extend(if compact.is_empty() { &b"{}"[..] } else { b"}" });
    Ok(laid_out(&String::from_utf8_lossy(&compact)))
}

/// Compact JSON with an item a line, two spaces a level.
fn laid_out(compact: &str) -> String {
    let mut out = String::with_capacity(compact.len() * 2);
    let mut depth = 0;
    let mut in_string = false;
    let mut chars = compact.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => {
                out.push(c);
                out.extend(chars.next());
            }
            '"' => {
                in_string = !in_string;
                out.push(c);
            }
            _ if in_string => out.push(c),
            '{' | '[' => {
                out.push(c);
                match chars.next_if(|next| matches!(next, '}' | ']')) {
                    Some(close) => out.push(close),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use pilotis_value::json::decode;
    use pilotis_value::{Marks, Type, Value};

    use super::outputs;

    #[test]
    fn numbers_are_exact_and_the_layout_is_that_of_other_documents() {
        let text =
            r#"{"a":[],"b":{},"c":[1e400,12345678901234567890123,0.1,1e-3],"d":"x\\\",[{: ","e":null}"#;
        let value = decode(format!(r#"{{"type":["object",{{"a":["list","string"],"b":["map","string"],"c":["list","number"],"d":"string","e":"string"}}],"value":{text}}}"#).as_bytes(), &Type::Dynamic).unwrap();
        let secret = Value::string("s").with_marks(Marks::SENSITIVE);
        let written =
            outputs([("o", &value, false), ("p", &secret, false), ("q", &Value::bool(true), true)]).unwrap();
        assert!(
            written.contains(&format!(
                "        1{},\n        12345678901234567890123,\n        0.1,\n        0.001\n      ]",
                "0".repeat(400)
            )),
            "{written}"
        );
        assert!(
            written.contains("\"value\": \"s\"") && written.contains("\"q\": {\n    \"sensitive\": true,")
        );
        // Without the numbers that it can't hold, serde_json writes the same.
        let plain = decode(
            br#"{"type":["object",{"a":["list","string"],"d":"string"}],"value":{"a":[],"d":"x\\\",[{: "}}"#,
            &Type::Dynamic,
        )
        .unwrap();
        let written = outputs([("o", &plain, false)]).unwrap();
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(written, format!("{read:#}"));
        assert_eq!(outputs([]).unwrap(), "{}");
    }
}

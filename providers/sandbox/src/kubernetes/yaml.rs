//! YAML in and out, as the API server writes it: keys in order, lists at the level of their key.

use serde_json::Value;

/// Reads one document; an error is in plain words.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    // `y` and `on` are words, as Kubernetes reads them.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options::<Value>(text, options).map_err(|error| error.to_string())
}

/// Writes a document.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(value, 0, &mut out),
        Value::Array(list) if !list.is_empty() => block(value, 0, &mut out),
        other => {
            out.push_str(&scalar(other, 0));
            out.push('\n');
        }
    }
    out
}

fn indent(depth: usize, out: &mut String) {
    out.push_str(&"  ".repeat(depth));
}

fn block(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            for (at, key) in keys.into_iter().enumerate() {
                // The first key of a list's item stands behind the dash.
                if at > 0 || !out.ends_with("- ") {
                    indent(depth, out);
                }
                out.push_str(&text(key));
                out.push(':');
                nested(&map[key], depth, out);
            }
        }
        Value::Array(list) => {
            for item in list {
                if !out.ends_with("- ") {
                    indent(depth, out);
                }
                out.push_str("- ");
                match item {
                    Value::Object(map) if !map.is_empty() => block(item, depth + 1, out),
                    Value::Array(inner) if !inner.is_empty() => block(item, depth + 1, out),
                    other => {
                        out.push_str(&scalar(other, depth + 1));
                        out.push('\n');
                    }
                }
            }
        }
        _ => {}
    }
}

fn nested(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            block(value, depth + 1, out);
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('\n');
            block(value, depth, out);
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other, depth + 1));
            out.push('\n');
        }
    }
}

fn scalar(value: &Value, depth: usize) -> String {
    match value {
        Value::String(string) if string.contains('\n') && literal(string) => {
            let chomp = match (string.ends_with("\n\n"), string.ends_with('\n')) {
                (true, _) => "|+",
                (false, true) => "|",
                (false, false) => "|-",
            };
            let pad = "  ".repeat(depth);
            let body = string.strip_suffix('\n').unwrap_or(string);
            let lines = body
                .split('\n')
                .map(|line| if line.is_empty() { String::new() } else { format!("{pad}{line}") });
            format!("{chomp}\n{}", lines.collect::<Vec<_>>().join("\n"))
        }
        Value::String(string) => text(string),
        Value::Object(_) => "{}".into(),
        Value::Array(_) => "[]".into(),
        other => other.to_string(),
    }
}

/// Can it be written line by line?
fn literal(string: &str) -> bool {
    !string.starts_with([' ', '\n', '\t'])
        && string.chars().all(|letter| letter == '\n' || letter == '\t' || !letter.is_control())
        && string.lines().all(|line| !line.ends_with(' '))
}

/// A string, quoted if it would be read as something else.
fn text(string: &str) -> String {
    let plain_start = string.chars().next().is_some_and(|letter| {
        letter.is_alphanumeric() || ['/', '.', '_', '(', '$', '+', '^', ';', '~'].contains(&letter)
    });
    let safe = plain_start
        && !string.ends_with([' ', ':'])
        && !string.contains(": ")
        && !string.contains(" #")
        && string.chars().all(|letter| !letter.is_control())
        && !looks_like_another_type(string);
    if safe { string.to_owned() } else { Value::from(string).to_string() }
}

fn looks_like_another_type(string: &str) -> bool {
    const WORDS: [&str; 12] =
        ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~", ".inf", ".nan"];
    let lower = string.to_ascii_lowercase();
    let date = string.len() >= 10
        && string.bytes().take(4).all(|letter| letter.is_ascii_digit())
        && string.as_bytes().get(4) == Some(&b'-');
    let number = string.replace('_', "").parse::<f64>().is_ok()
        || string.starts_with("0x")
        || string.starts_with("0o");
    WORDS.contains(&lower.as_str()) || date || number
}

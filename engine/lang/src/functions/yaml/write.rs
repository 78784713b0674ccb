//! Writing a value: block style, texts in double quotes (or as literal blocks if they have lines), two spaces a level,
//! sequences not indented in mappings, long quoted texts folded as libyaml folds them.

use pilotis_value::{Kind, Value};

use super::super::{MAX_TEXT, TOO_LONG};

/// Quoted texts are folded at the first space after this column.
const WIDTH: usize = 80;

pub(super) fn write(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    // What is no collection and not quoted could go on: its end is marked.
    let open = matches!(value.kind(), Kind::Null(_) | Kind::Bool(_) | Kind::Number(_));
    node(value, 0, Place::Root, &mut out)?;
    if open {
        out.push_str("...\n");
    }
    if out.len() > MAX_TEXT { Err(TOO_LONG.into()) } else { Ok(out) }
}

/// What a node stands after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing.
    Root,
    /// `key:`
    Key,
    /// `-`
    Dash,
}

/// Writes a node, with the line end after it; `indent` is that of the entries around it (or of its own, at the root).
fn node(value: &Value, indent: usize, place: Place, out: &mut String) -> Result<(), String> {
    if out.len() > MAX_TEXT {
        return Err(TOO_LONG.into());
    }
    match value.kind() {
        Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => {
            let items = e.items();
            if items.is_empty() {
                return scalar("[]", place, out);
            }
            let indent = begin(place, indent, false, out);
            for (i, item) in items.iter().enumerate() {
                if i > 0 || place != Place::Dash {
                    out.push_str(&" ".repeat(indent));
                }
                out.push('-');
                node(item, indent, Place::Dash, out)?;
            }
            Ok(())
        }
        Kind::Map(e) | Kind::Object(e) => {
            let entries = e.items();
            if entries.is_empty() {
                return scalar("{}", place, out);
            }
            let indent = begin(place, indent, true, out);
            for (i, (key, item)) in entries.iter().enumerate() {
                if i > 0 || place != Place::Dash {
                    out.push_str(&" ".repeat(indent));
                }
                quoted(key, None, out);
                out.push(':');
                node(item, indent, Place::Key, out)?;
            }
            Ok(())
        }
        Kind::Null(_) => scalar("null", place, out),
        Kind::Bool(b) => scalar(if *b { "true" } else { "false" }, place, out),
        Kind::Number(n) if n.is_infinite() => Err("an infinite number can't be written as YAML".into()),
        Kind::Number(n) => scalar(&n.to_string(), place, out),
        Kind::String(s) => {
            if place != Place::Root {
                out.push(' ');
            }
            let inner = indent + 2;
            if is_block(s) {
                block(s, inner, out);
            } else {
                quoted(s, Some(inner), out);
                out.push('\n');
            }
            Ok(())
        }
        Kind::Unknown(_) => Err("the value is not known yet".into()),
    }
}

fn scalar(text: &str, place: Place, out: &mut String) -> Result<(), String> {
    if place != Place::Root {
        out.push(' ');
    }
    out.push_str(text);
    out.push('\n');
    Ok(())
}

/// Begins a collection; gives the indent of its entries.
fn begin(place: Place, indent: usize, mapping: bool, out: &mut String) -> usize {
    match place {
        Place::Root => indent,
        // On the same line, after the dash.
        Place::Dash => {
            out.push(' ');
            indent + 2
        }
        Place::Key => {
            out.push('\n');
            if mapping { indent + 2 } else { indent }
        }
    }
}

/// True if a text is written as a literal block.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.contains(" \n")
        && !text.ends_with(' ')
        && text.chars().all(|c| c == '\n' || is_printable(c))
}

/// What is beyond 16 bits is escaped, as libyaml does.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

/// Whether the line ends at the end of a block are cut, one, or more.
fn chomping(text: &str) -> &'static str {
    match text.strip_suffix('\n') {
        None => "-",
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => "+",
        Some(_) => "",
    }
}

fn block(text: &str, indent: usize, out: &mut String) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    out.push_str(chomping(text));
    out.push('\n');
    for line in text.split_inclusive('\n') {
        if line != "\n" {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(line);
    }
    if !text.ends_with('\n') {
        out.push('\n');
    }
}

/// In double quotes; folded to lines of an indent if there is one.
fn quoted(text: &str, fold: Option<usize>, out: &mut String) {
    let line_start = out.rfind('\n').map_or(0, |at| at + 1);
    let mut column = out[line_start..].chars().count() + 1;
    out.push('"');
    let chars: Vec<char> = text.chars().collect();
    let mut after_space = false;
    for (i, &c) in chars.iter().enumerate() {
        if c == ' ' {
            let inner = i > 0 && i + 1 < chars.len();
            match fold {
                Some(indent) if !after_space && inner && column > WIDTH => {
                    out.push('\n');
                    out.push_str(&" ".repeat(indent));
                    column = indent;
                    if chars[i + 1] == ' ' {
                        out.push('\\');
                        column += 1;
                    }
                }
                _ => {
                    out.push(' ');
                    column += 1;
                }
            }
            after_space = true;
            continue;
        }
        after_space = false;
        let before = out.len();
        escaped(c, out);
        column += out[before..].chars().count();
    }
    out.push('"');
}

fn escaped(c: char, out: &mut String) {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ => "",
    };
    if !short.is_empty() {
        out.push_str(short);
    } else if is_printable(c) {
        out.push(c);
    } else {
        let code = c as u32;
        out.push_str(&match code {
            0..=0xff => format!("\\x{code:02X}"),
            0x100..=0xffff => format!("\\u{code:04X}"),
            _ => format!("\\U{code:08X}"),
        });
    }
}

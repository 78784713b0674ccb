//! Text on its way to a terminal: what the terminal would obey, or what would change the order of reading, is written out instead.
//!
//! Names, descriptions and errors come from services, and files from other people: `\u{1b}[2J` clears the screen, `\u{1b}]52` fills the
//! clipboard, U+202E shows a line backwards. The escapes are those of JSON and of HCL, so that a JSON document means the same afterwards.

use std::borrow::Cow;

/// Colours that the renderers of this program use. None of them hides text: not 8, and no background.
const COLORS: [&str; 18] =
    ["", "0", "1", "2", "3", "4", "31", "32", "33", "34", "35", "36", "91", "92", "93", "94", "95", "96"];

/// True for a character that drives a terminal, or that changes the order in which text is read.
pub fn drives_terminal(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The text as a terminal may have it: lines and tabs stay, and with `color` the colours that the renderers use; everything else that
/// drives a terminal is written out, as `\u001b`.
pub fn harmless(text: &str, color: bool) -> Cow<'_, str> {
    let stays = |c: char| !drives_terminal(c) || matches!(c, '\n' | '\t');
    let Some(first) = text.find(|c| !stays(c)) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(c) = rest.chars().next() {
        let length = match color.then(|| color_sequence(rest)).flatten() {
            Some(length) => {
                out.push_str(&rest[..length]);
                length
            }
            None => {
                if stays(c) {
                    out.push(c)
                } else {
                    write_out(c, &mut out)
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Cow::Owned(out)
}

/// Writes a character as an escape of JSON and HCL.
pub fn write_out(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
    }
}

/// The length of a colour sequence (`\u{1b}[1;31m`) that a text begins with.
fn color_sequence(text: &str) -> Option<usize> {
    let (codes, _) = text.strip_prefix("\u{1b}[")?.split_once('m')?;
    codes.split(';').all(|code| COLORS.contains(&code)).then_some(codes.len() + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_written_out() {
        for (text, shown) in [
            ("naïve\tname\n", "naïve\tname\n"),
            ("a\u{1b}[2Jb", r"a\u001b[2Jb"),
            ("\u{1b}]52;c;aGk=\u{7}", r"\u001b]52;c;aGk=\u0007"),
            ("\u{9b}2J\u{85}\u{7f}", r"\u009b2J\u0085\u007f"),
            ("user\u{202e}txt.\u{2066}x\u{2069}\u{200f}\u{61c}", r"user\u202etxt.\u2066x\u2069\u200f\u061c"),
            ("done\rfail\u{2028}\u{8}", r"done\rfail\u2028\u0008"),
        ] {
            assert_eq!(harmless(text, false), shown);
            assert_eq!(harmless(text, true), shown);
        }
    }

    #[test]
    fn colours_stay_where_they_are_wanted_and_never_hide_text() {
        let red = "\u{1b}[1;31mred\u{1b}[0m";
        assert_eq!(harmless(red, true), red);
        assert_eq!(harmless(red, false), r"\u001b[1;31mred\u001b[0m");
        for hidden in
            ["\u{1b}[8mx", "\u{1b}[30;40mx", "\u{1b}[38;5;0mx", "\u{1b}[1;31", "\u{1b}[31\u{1b}[2Jm"]
        {
            assert_eq!(harmless(hidden, true), hidden.replace('\u{1b}', r"\u001b"));
        }
    }

    #[test]
    fn a_json_document_means_the_same() {
        let value = serde_json::json!({ "a\u{202e}": "\u{1b}[2J\u{9b}\u{2066}\r\n\\\u{200f}\"" });
        let text = harmless(&value.to_string(), false).into_owned();
        assert!(text.is_ascii(), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}

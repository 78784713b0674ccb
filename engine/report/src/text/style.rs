//! Colours and safe text. All that is printed can be understood without colour, and nothing that a service said can move the cursor.

use std::borrow::Cow;

use pilotis_diag::{drives_terminal, write_out};

/// How a report looks. A report sees no terminal: whoever has one says what it can do.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// Columns that prose and tables should fit into; lines that can be copied are never broken.
    pub width: usize,
    /// Show also what stays as it is.
    pub show_unchanged: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style { color: false, width: 100, show_unchanged: false }
    }
}

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Something new.
    Add,
    /// Something that changes.
    Change,
    /// Something that goes.
    Remove,
    /// Something that is read.
    Read,
    /// A heading.
    Strong,
    /// Something that can be skipped.
    Faint,
    /// Something to look at twice.
    Alarm,
}

impl Style {
    /// The text in its colour.
    pub fn paint<'a>(&self, role: Role, text: &'a str) -> Cow<'a, str> {
        if !self.color || text.is_empty() {
            return Cow::Borrowed(text);
        }
        let code = match role {
            Role::Add => "32",
            Role::Change => "33",
            Role::Remove => "31",
            Role::Read => "36",
            Role::Strong => "1",
            Role::Faint => "2",
            Role::Alarm => "1;31",
        };
        Cow::Owned(format!("\u{1b}[{code}m{text}\u{1b}[0m"))
    }
}

/// One line of text that came from elsewhere (a name, an error): what would drive a terminal, and the ends of lines, are written as escapes.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(drives_terminal) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if drives_terminal(c) { write_out(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Breaks prose into lines of at most `width` columns; a word that is longer keeps a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// How many columns a text takes, near enough: its grapheme clusters.
pub(crate) fn columns(text: &str) -> usize {
    use unicode_segmentation::UnicodeSegmentation as _;
    if text.is_ascii() { text.len() } else { text.graphemes(true).count() }
}

/// A text of at most `width` columns: what is longer ends with `…`.
pub(crate) fn shorten(text: &str, width: usize) -> Cow<'_, str> {
    use unicode_segmentation::UnicodeSegmentation as _;
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let kept: String = text.graphemes(true).take(width.saturating_sub(1)).collect();
    Cow::Owned(kept + "…")
}

/// `1 object`, `2 objects`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_reordering_marks_are_written_out() {
        assert_eq!(clean("naïve name"), "naïve name");
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\nd"), r"a\u001b[2Jb\u202ec\nd");
    }

    #[test]
    fn prose_is_broken_at_words() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("a-very-long-word b", 4), ["a-very-long-word", "b"]);
    }

    #[test]
    fn long_cells_are_cut_between_characters() {
        assert_eq!(shorten("étéétéété", 4), "été…");
        assert_eq!(shorten("été", 3), "été");
    }
}

//! `fmt`: the layout that `terraform fmt` gives, on tokens, so that no comment is lost.
//!
//! Three passes over the lines: indentation by the brackets that are open, spaces between tokens by a table of rules, then
//! equals signs and comments of neighbouring lines in columns. Before that a few old spellings are modernised. Deviations from
//! `terraform fmt`, all where it loses or breaks something: comments between labels and in unwrapped interpolations stay,
//! labels with template escapes stay, `"${"${a}"}"` is unwrapped at once, and an unwrapped expression of several lines gets
//! parentheses unless one pair is around all of it.

mod layout;
mod modernise;
mod spacing;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use pilotis_diag::{Diagnostics, SourceMap};

use crate::lexer::{Start, TokenKind, lex};
use crate::parse::parse_file;

/// A token with the spaces before it.
#[derive(Clone, Debug)]
struct Piece<'a> {
    kind: TokenKind,
    text: Cow<'a, str>,
    spaces: usize,
}

/// The text in its canonical layout; idempotent. An error if the text isn't valid: the diagnostics' places are in the first
/// file of a source map that holds only this text.
pub fn format(text: &str) -> Result<String, Diagnostics> {
    let mut sources = SourceMap::default();
    let file = sources.add("", text);
    let (body, diagnostics) = parse_file(&sources, file);
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let lexed = lex(text, Start::Expression);
    let mut pieces = modernise::pieces(text, &lexed.tokens, &body);
    layout::lay_out(&mut pieces);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for piece in &pieces {
        out.extend(std::iter::repeat_n(' ', piece.spaces));
        out.push_str(&piece.text);
    }
    // What stands before the end of a text without a last line feed stays, as in `terraform fmt`.
    let last = lexed.tokens.iter().rev().find(|t| t.kind != TokenKind::Eof).map_or(0, |t| t.end as usize);
    out.extend(std::iter::repeat_n(' ', text[last..].chars().filter(|c| matches!(c, ' ' | '\t')).count()));
    Ok(out)
}

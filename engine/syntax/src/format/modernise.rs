//! Old spellings made new: bare labels quoted, labels in composed characters, `"${x}"` unwrapped, `type = "string"` and `type = list` as types.

use std::borrow::Cow;

use pilotis_diag::Span;

use super::Piece;
use crate::ast::{Attribute, Body, Expr, ExprKind, Template, TemplatePart};
use crate::lexer::{Token, TokenKind};
use crate::parse::nfc;
use crate::write;

/// The tokens of a file (without its end) with the old spellings replaced.
pub(super) fn pieces<'a>(text: &'a str, tokens: &[Token], body: &Body) -> Vec<Piece<'a>> {
    let mut rewriter = Rewriter { text, tokens, edits: Vec::new() };
    rewriter.body(body, false, true);
    let mut edits = rewriter.edits;
    edits.sort_by_key(|edit| edit.at);
    let mut edits = edits.into_iter().peekable();
    let mut pieces = Vec::with_capacity(tokens.len());
    for (i, token) in tokens.iter().enumerate() {
        let mut kept = token.kind != TokenKind::Eof;
        while let Some(edit) = edits.next_if(|edit| edit.at == i) {
            match edit.change {
                Change::Remove => kept = false,
                Change::Insert(kind, text) => {
                    pieces.push(Piece { kind, text: Cow::Borrowed(text), spaces: 0 })
                }
                Change::Replace(text) => {
                    pieces.push(Piece { kind: token.kind, text: Cow::Owned(text), spaces: 0 });
                    kept = false;
                }
            }
        }
        if kept {
            pieces.push(Piece { kind: token.kind, text: Cow::Borrowed(&text[token.range()]), spaces: 0 });
        }
    }
    pieces
}

enum Change {
    Remove,
    /// Before the token.
    Insert(TokenKind, &'static str),
    Replace(String),
}

struct Edit {
    /// Index of the token.
    at: usize,
    change: Change,
}

struct Rewriter<'a> {
    text: &'a str,
    tokens: &'a [Token],
    edits: Vec<Edit>,
}

impl Rewriter<'_> {
    fn edit(&mut self, at: usize, change: Change) {
        self.edits.push(Edit { at, change });
    }

    /// The index of the first token at or after a byte.
    fn token_at(&self, byte: u32) -> usize {
        self.tokens.partition_point(|t| t.start < byte)
    }

    fn body(&mut self, body: &Body, in_variable: bool, is_file: bool) {
        for attribute in &body.attributes {
            if in_variable && attribute.name.text == "type" {
                self.type_constraint(attribute);
            } else {
                self.unwrap(&attribute.expr);
            }
        }
        for block in &body.blocks {
            for label in &block.labels {
                let at = self.token_at(label.span.start);
                if self.tokens[at].kind == TokenKind::Ident {
                    let name = nfc(&self.text[self.tokens[at].range()]);
                    self.edit(at, Change::Replace(format!("\"{name}\"")));
                } else if self.tokens[at + 1].kind == TokenKind::Text {
                    self.label(at + 1);
                }
            }
            self.body(&block.body, is_file && block.kind.text == "variable", false);
        }
    }

    /// The text of a quoted label, as a value is written: composed characters, escapes for what can't be seen. One with escapes
    /// or templates stays.
    fn label(&mut self, at: usize) {
        let text = &self.text[self.tokens[at].range()];
        if text.contains(['\\', '$', '%']) {
            return;
        }
        let quoted = write::quoted(&nfc(text));
        let new = &quoted[1..quoted.len() - 1];
        if new != text {
            self.edit(at, Change::Replace(new.to_owned()));
        }
    }

    /// The types of Terraform 0.11, as far as they name a type that still exists.
    fn type_constraint(&mut self, attribute: &Attribute) {
        let Span { start, end, .. } = attribute.expr.span;
        let new = match &self.text[start as usize..end as usize] {
            "\"string\"" => "string",
            "\"list\"" => "list(string)",
            "\"map\"" => "map(string)",
            "list" => "list(any)",
            "map" => "map(any)",
            "set" => "set(any)",
            _ => return,
        };
        let first = self.token_at(start);
        let last = self.token_at(end);
        self.edit(first, Change::Replace(new.to_owned()));
        for at in first + 1..last {
            self.edit(at, Change::Remove);
        }
    }

    /// Takes the quotes and `${ }` off a template that is one interpolation and nothing else.
    fn unwrap(&mut self, expr: &Expr) {
        let mut inner = expr;
        let mut levels = 0;
        while let ExprKind::Template(Template { parts, heredoc: false }) = &inner.kind
            && let [TemplatePart::Interpolation(next)] = parts.as_slice()
        {
            inner = next;
            levels += 1;
        }
        if levels == 0 {
            return;
        }
        let (first, last) = (self.token_at(expr.span.start), self.token_at(expr.span.end));
        let (start, end) = (self.token_at(inner.span.start), self.token_at(inner.span.end));
        let around = self.tokens[first..start].iter().chain(&self.tokens[end..last]);
        if around.clone().any(|t| t.kind == TokenKind::LineComment) {
            return;
        }
        for at in (first..start).chain(end..last) {
            if self.tokens[at].kind != TokenKind::BlockComment {
                self.edit(at, Change::Remove);
            }
        }
        let is_line_feed = |t: &Token| t.kind == TokenKind::Newline;
        if self.tokens[start..end].iter().any(is_line_feed) && !matches!(inner.kind, ExprKind::Parens(_)) {
            self.edit(start, Change::Insert(TokenKind::OpenParen, "("));
            self.edit(end, Change::Insert(TokenKind::CloseParen, ")"));
        }
    }
}

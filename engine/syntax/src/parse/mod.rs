//! Text to AST: recursive descent on the lexer's tokens.
//!
//! Parsing never fails: it gives what could be read, and diagnostics. An error gives up the innermost argument, block header
//! or object item and goes on behind it, so that all mistakes of a file are reported. What the lexer had to patch up is
//! reported once: other errors of the same argument are left out.

mod body;
pub(crate) mod codes;
mod collection;
mod expression;
mod literal;
mod parser;
mod postfix;
mod template;
mod template_tree;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::show::body as show_for_tests;

pub use codes::EXPLANATIONS;
use pilotis_diag::{Diagnostics, FileId, SourceMap};

use crate::ast::{Body, Expr, ExprKind, Parts, Template};
use crate::lexer::{Start, lex};
pub(crate) use literal::nfc;
pub(crate) use parser::MAX_NESTING;
use parser::Parser;

/// Reads a file in native syntax. Never fails: what could not be read is left out or `Invalid`, and the diagnostics say why.
pub fn parse_file(sources: &SourceMap, file: FileId) -> (Body, Diagnostics) {
    let text = &*sources.file(file).text;
    let lexed = lex(text, Start::Expression);
    let mut parser = Parser::new(text, file, &lexed);
    let body = parser.file();
    (body, parser.finish())
}

/// Reads one expression (a `-var` of a complex type, `console`). Line feeds in it mean nothing, as in parentheses.
pub fn parse_expression(sources: &SourceMap, file: FileId) -> (Expr, Diagnostics) {
    embedded_expression(&sources.file(file).text, file, 0)
}

/// Reads a template (`templatefile`).
pub fn parse_template(sources: &SourceMap, file: FileId) -> (Template, Diagnostics) {
    embedded_template(&sources.file(file).text, file, 0)
}

/// Reads an expression that stands inside another text, so many levels deep. Spans count in `text`.
pub(crate) fn embedded_expression(text: &str, file: FileId, depth: u32) -> (Expr, Diagnostics) {
    let lexed = lex(text, Start::Expression);
    let mut parser = Parser::new(text, file, &lexed).inside(depth);
    let whole = parser.span(0, text.len() as u32);
    let expr = parser.whole_expression().unwrap_or(Expr { kind: ExprKind::Invalid, span: whole });
    (expr, parser.finish())
}

/// Reads a template that stands inside another text, so many levels deep. Spans count in `text`.
pub(crate) fn embedded_template(text: &str, file: FileId, depth: u32) -> (Template, Diagnostics) {
    let lexed = lex(text, Start::Template);
    let mut parser = Parser::new(text, file, &lexed).inside(depth);
    let template = parser.bare_template().unwrap_or(Template { parts: Parts::new(), heredoc: false });
    (template, parser.finish())
}

//! Templates, first half: from tokens to a flat list of parts. Strip markers are applied here, to the neighbouring token of
//! text: in quotes that is all the text up to the next sequence, in heredocs and template files what is on the line.

use std::borrow::Cow;

use pilotis_diag::{Diagnostic, Span, did_you_mean};

use super::codes;
use super::literal::decode_plain;
use super::parser::{Parsed, Parser, Reported};
use crate::ast::{Expr, Parts, Template, TemplateFor, TemplatePart};
use crate::lexer::{Token, TokenKind};

/// A part of a template before its directives are paired.
pub(super) enum Piece<'a> {
    /// Text, decoded and stripped.
    Text(Cow<'a, str>),
    Interpolation(Box<Expr>),
    If(Box<Expr>, Span),
    Else(Span),
    EndIf(Span),
    /// A `for` that has nothing in it yet.
    For(Box<TemplateFor>),
    EndFor(Span),
}

const KEYWORDS: [&str; 5] = ["if", "else", "endif", "for", "endfor"];

impl<'a> Parser<'a> {
    /// A quoted string, from its `"`.
    pub(super) fn quoted(&mut self) -> Parsed<Template> {
        self.next();
        // Most strings are one token of text, or none.
        let first = self.tokens[self.at];
        if first.kind == TokenKind::CloseQuote {
            self.next();
            return Ok(Template { parts: Parts::new(), heredoc: false });
        }
        if first.kind == TokenKind::Text && self.tokens[self.at + 1].kind == TokenKind::CloseQuote {
            let text = self.decode_quoted(first);
            let text = self.normal_text(text);
            self.at += 1;
            self.next();
            return Ok(Template { parts: Parts::from_buf([TemplatePart::Literal(text)]), heredoc: false });
        }
        let pieces = self.pieces(true)?;
        self.next();
        Ok(Template { parts: self.tree(pieces)?, heredoc: false })
    }

    /// A heredoc, from its `<<`.
    pub(super) fn heredoc(&mut self) -> Parsed<Template> {
        let open = self.next();
        let mut pieces = self.pieces(false)?;
        self.next();
        if self.token_text(open).starts_with("<<-") {
            dedent(&mut pieces);
        }
        Ok(Template { parts: self.tree(pieces)?, heredoc: true })
    }

    /// A template that is the whole text.
    pub(super) fn bare_template(&mut self) -> Parsed<Template> {
        let pieces = self.pieces(false)?;
        Ok(Template { parts: self.tree(pieces)?, heredoc: false })
    }

    /// The pieces up to (without) the token that ends the template.
    fn pieces(&mut self, quoted: bool) -> Parsed<Vec<Piece<'a>>> {
        let mut pieces = std::mem::take(&mut self.spare_pieces);
        let mut strip_next = false;
        let mut failed = false;
        loop {
            let token = self.tokens[self.at];
            match token.kind {
                TokenKind::Text => {
                    self.at += 1;
                    self.last_end = token.end;
                    let mut text =
                        if quoted { self.decode_quoted(token) } else { decode_plain(self.token_text(token)) };
                    if std::mem::take(&mut strip_next) {
                        text = Cow::Owned(text.trim_start().to_owned());
                    }
                    pieces.push(Piece::Text(text));
                }
                TokenKind::OpenInterpolation | TokenKind::OpenDirective => {
                    if self.strips(token)
                        && let Some(Piece::Text(text)) = pieces.last_mut()
                    {
                        *text = Cow::Owned(text.trim_end().to_owned());
                    }
                    self.next();
                    let piece = self.nested(|p| {
                        p.with_newlines(false, |p| match token.kind {
                            TokenKind::OpenInterpolation => p.interpolation(token),
                            _ => p.directive(token),
                        })
                    });
                    match piece {
                        Ok(piece) => pieces.push(piece),
                        Err(Reported) => {
                            failed = true;
                            self.skip_sequence();
                        }
                    }
                    strip_next = self.strips(self.tokens[self.at - 1]);
                }
                // Other mistakes of the same template were reported too, but its structure isn't known.
                _ if failed => {
                    self.next();
                    return Err(Reported);
                }
                _ => return Ok(pieces),
            }
        }
    }

    /// Goes behind the end of the sequence that has an error.
    fn skip_sequence(&mut self) {
        let mut open = 0u32;
        loop {
            match self.tokens[self.at].kind {
                TokenKind::Eof => return,
                TokenKind::OpenInterpolation | TokenKind::OpenDirective => open += 1,
                TokenKind::CloseSequence if open == 0 => {
                    self.at += 1;
                    return;
                }
                TokenKind::CloseSequence => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// True for `${~`, `%{~` and `~}`.
    fn strips(&self, token: Token) -> bool {
        let text = self.token_text(token);
        match token.kind {
            TokenKind::CloseSequence => text.starts_with('~'),
            _ => text.ends_with('~'),
        }
    }

    fn interpolation(&mut self, open: Token) -> Parsed<Piece<'a>> {
        let expr = self.expression()?;
        self.end_of_sequence(open, "interpolation")?;
        Ok(Piece::Interpolation(Box::new(expr)))
    }

    fn end_of_sequence(&mut self, open: Token, what: &str) -> Parsed<()> {
        if self.eat(TokenKind::CloseSequence).is_some() {
            return Ok(());
        }
        let token = self.peek();
        let summary = match what {
            "interpolation" => "Extra characters after interpolation expression",
            _ => "Extra characters in template directive",
        };
        let diagnostic = Diagnostic::error(summary)
            .code(codes::TEMPLATE)
            .label(self.token_span(token), "the closing brace is expected here")
            .also(self.token_span(open), format!("the {what} starts here"))
            .detail(format!("Expected \"}}\" to end the {what}, but found {}.", self.describe(token)));
        self.fail(diagnostic)
    }

    fn directive(&mut self, open: Token) -> Parsed<Piece<'a>> {
        let keyword = self.peek();
        if keyword.kind != TokenKind::Ident {
            let diagnostic = Diagnostic::error("Invalid template directive")
                .code(codes::TEMPLATE)
                .at(self.token_span(keyword))
                .detail("A directive starts with if, else, endif, for or endfor.")
                .help("Write \"%%{\" for a literal \"%{\".");
            return self.fail(diagnostic);
        }
        let word = self.token_text(keyword);
        let keyword_span = self.token_span(keyword);
        let piece = match word {
            "if" => {
                self.next();
                Piece::If(Box::new(self.expression()?), keyword_span)
            }
            "for" => {
                self.next();
                self.for_directive(keyword_span)?
            }
            "else" => Piece::Else(self.word()),
            "endif" => Piece::EndIf(self.word()),
            "endfor" => Piece::EndFor(self.word()),
            _ => {
                let mut diagnostic = Diagnostic::error("Invalid template control keyword")
                    .code(codes::TEMPLATE)
                    .at(keyword_span)
                    .detail(format!("\"{word}\" is not a template control keyword."));
                if let Some(meant) = did_you_mean(word, KEYWORDS) {
                    diagnostic = diagnostic.help(format!("Did you mean \"{meant}\"?"));
                }
                return self.fail(diagnostic);
            }
        };
        self.end_of_sequence(open, "directive")?;
        let span = self.since(open.start);
        Ok(match piece {
            Piece::If(condition, _) => Piece::If(condition, span),
            Piece::Else(_) => Piece::Else(span),
            Piece::EndIf(_) => Piece::EndIf(span),
            Piece::EndFor(_) => Piece::EndFor(span),
            Piece::For(mut each) => {
                each.span = span;
                Piece::For(each)
            }
            other => other,
        })
    }

    fn word(&mut self) -> Span {
        let token = self.next();
        self.token_span(token)
    }

    fn for_directive(&mut self, span: Span) -> Parsed<Piece<'a>> {
        let wrong = |p: &mut Self, detail: &str| {
            let token = p.peek();
            let diagnostic = Diagnostic::error("Invalid 'for' directive")
                .code(codes::TEMPLATE)
                .at(p.token_span(token))
                .detail(detail);
            p.fail(diagnostic)
        };
        let Some(first) = self.eat(TokenKind::Ident) else {
            return wrong(self, "A name is expected after \"for\": %{ for x in list }.");
        };
        let mut names = (None, self.ident(first));
        if self.eat(TokenKind::Comma).is_some() {
            let Some(second) = self.eat(TokenKind::Ident) else {
                return wrong(self, "A second name is expected after the comma: %{ for key, value in map }.");
            };
            names = (Some(names.1), self.ident(second));
        }
        if !self.peek_word("in") {
            return wrong(self, "\"in\" is expected after the names: %{ for x in list }.");
        }
        self.next();
        let collection = self.expression()?;
        let (key, value) = names;
        Ok(Piece::For(Box::new(TemplateFor { key, value, collection, body: Parts::new(), span })))
    }
}

/// Takes away what all lines of a `<<-` heredoc are indented by: counted on the text only, as it stands after stripping.
/// Blank lines don't count, and are left as they are.
fn dedent(pieces: &mut [Piece<'_>]) {
    let indent = |text: &str| text.chars().take_while(|c| c.is_whitespace()).count();
    let is_blank = |text: &str| text.ends_with('\n') && text.trim_start().is_empty();
    let mut least = usize::MAX;
    for_line_starts(pieces, |piece| match piece {
        Piece::Text(text) if is_blank(text) => {}
        Piece::Text(text) => least = least.min(indent(text)),
        _ => least = 0,
    });
    if least == 0 || least == usize::MAX {
        return;
    }
    for_line_starts(pieces, |piece| {
        if let Piece::Text(text) = piece
            && !is_blank(text)
        {
            let cut = text.char_indices().nth(least).map_or(text.len(), |(i, _)| i);
            *text = Cow::Owned(text[cut..].to_owned());
        }
    });
}

/// Calls for each piece that starts a line.
fn for_line_starts(pieces: &mut [Piece<'_>], mut visit: impl FnMut(&mut Piece<'_>)) {
    let mut line_start = true;
    for piece in pieces {
        let ends_line = matches!(piece, Piece::Text(text) if text.ends_with('\n'));
        if std::mem::take(&mut line_start) {
            visit(piece);
        }
        line_start = ends_line;
    }
}

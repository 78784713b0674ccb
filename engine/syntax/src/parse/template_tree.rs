//! Templates, second half: directives paired into a tree.

use std::borrow::Cow;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Span};

use super::codes;
use super::parser::{Parsed, Parser};
use super::template::Piece;
use crate::ast::{Parts, TemplateIf, TemplatePart};

/// What ended a list of parts: the end of the text, or a directive.
enum Stop {
    Text,
    Else(Span),
    Endif(Span),
    Endfor(Span),
}

impl<'a> Parser<'a> {
    /// Pairs the directives of a template.
    pub(super) fn tree(&mut self, mut pieces: Vec<Piece<'a>>) -> Parsed<Parts> {
        let has_text = pieces.iter().any(|piece| matches!(piece, Piece::Text(_)));
        let (mut parts, stop) = self.parts(&mut pieces.drain(..))?;
        self.spare_pieces = pieces;
        match stop {
            Stop::Text => {}
            Stop::Else(span) => return self.unexpected("else", span, None),
            Stop::Endif(span) => return self.unexpected("endif", span, None),
            Stop::Endfor(span) => return self.unexpected("endfor", span, None),
        }
        // Text that was stripped away still makes it a template: the result is a string.
        if has_text && matches!(parts.as_slice(), [TemplatePart::Interpolation(_)]) {
            parts.push(TemplatePart::Literal(EcoString::new()));
        }
        Ok(parts)
    }

    /// Parts up to the end of the template or of the directive that they are in.
    fn parts(&mut self, pieces: &mut impl Iterator<Item = Piece<'a>>) -> Parsed<(Parts, Stop)> {
        let mut parts = Parts::new();
        // Text of several lines is one literal, so that it is normalised as one.
        let mut text = Cow::Borrowed("");
        loop {
            let Some(piece) = pieces.next() else {
                self.flush(&mut text, &mut parts);
                return Ok((parts, Stop::Text));
            };
            if let Piece::Text(more) = piece {
                match text.is_empty() {
                    true => text = more,
                    false => text.to_mut().push_str(&more),
                }
                continue;
            }
            self.flush(&mut text, &mut parts);
            match piece {
                Piece::Text(_) => {}
                Piece::Interpolation(expr) => parts.push(TemplatePart::Interpolation(expr)),
                Piece::Else(span) => return Ok((parts, Stop::Else(span))),
                Piece::EndIf(span) => return Ok((parts, Stop::Endif(span))),
                Piece::EndFor(span) => return Ok((parts, Stop::Endfor(span))),
                Piece::If(condition, open) => {
                    let (then, otherwise, close) = self.nested(|p| p.branches(open, pieces))?;
                    let (condition, span) = (*condition, open.to(close));
                    parts.push(TemplatePart::If(Box::new(TemplateIf { condition, then, otherwise, span })));
                }
                Piece::For(mut each) => {
                    let open = each.span;
                    let (body, close) = self.nested(|p| match p.parts(pieces)? {
                        (body, Stop::Endfor(close)) => Ok((body, close)),
                        (_, Stop::Text) => p.unfinished("for", "endfor", open),
                        (_, Stop::Else(span)) => p.unexpected("else", span, Some(("for", "endfor", open))),
                        (_, Stop::Endif(span)) => p.unexpected("endif", span, Some(("for", "endfor", open))),
                    })?;
                    each.span = open.to(close);
                    each.body = body;
                    parts.push(TemplatePart::For(each));
                }
            }
        }
    }

    fn flush(&self, text: &mut Cow<'a, str>, parts: &mut Parts) {
        if !text.is_empty() {
            parts.push(TemplatePart::Literal(self.normal_text(std::mem::take(text))));
        }
    }

    /// The two branches of an `if` and the place of its `endif`.
    fn branches(
        &mut self,
        open: Span,
        pieces: &mut impl Iterator<Item = Piece<'a>>,
    ) -> Parsed<(Parts, Parts, Span)> {
        let context = Some(("if", "endif", open));
        let then = match self.parts(pieces)? {
            (then, Stop::Endif(close)) => return Ok((then, Parts::new(), close)),
            (then, Stop::Else(_)) => then,
            (_, Stop::Endfor(span)) => return self.unexpected("endfor", span, context),
            (_, Stop::Text) => return self.unfinished("if", "endif", open),
        };
        match self.parts(pieces)? {
            (otherwise, Stop::Endif(close)) => Ok((then, otherwise, close)),
            (_, Stop::Else(span)) => self.unexpected("else", span, context),
            (_, Stop::Endfor(span)) => self.unexpected("endfor", span, context),
            (_, Stop::Text) => self.unfinished("if", "endif", open),
        }
    }

    fn unexpected<T>(&mut self, word: &str, span: Span, open: Option<(&str, &str, Span)>) -> Parsed<T> {
        let diagnostic =
            Diagnostic::error(format!("Unexpected {word} directive")).code(codes::TEMPLATE).at(span);
        self.fail(match open {
            Some((what, end, open)) => diagnostic
                .also(open, format!("this {what} directive is still open"))
                .detail(format!("Expected the {end} directive that belongs to the {what} directive.")),
            None => diagnostic.detail("No directive is open that it could belong to."),
        })
    }

    fn unfinished<T>(&mut self, what: &str, end: &str, open: Span) -> Parsed<T> {
        let diagnostic = Diagnostic::error("Unexpected end of template")
            .code(codes::TEMPLATE)
            .label(open, format!("this {what} directive has no {end}"))
            .help(format!("Add %{{ {end} }}."));
        self.fail(diagnostic)
    }
}

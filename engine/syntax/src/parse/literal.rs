//! Names, numbers, and the text of strings: escapes and Unicode normalisation.

use std::borrow::Cow;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Span};
use pilotis_value::{Number, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::codes;
use super::parser::Parser;
use crate::ast::{Expr, ExprKind, Ident};
use crate::lexer::{Token, is_plain};

/// The text in Unicode normal form C, in which all strings are kept.
pub(crate) fn nfc(text: &str) -> EcoString {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        text.into()
    } else {
        text.nfc().collect()
    }
}

/// What a piece of text in a template means: in a heredoc or bare template only `$${` and `%%{` are escapes.
pub(super) fn decode_plain(text: &str) -> Cow<'_, str> {
    if !is_plain(text) && (text.contains("$${") || text.contains("%%{")) {
        Cow::Owned(text.replace("$${", "${").replace("%%{", "%{"))
    } else {
        Cow::Borrowed(text)
    }
}

impl<'a> Parser<'a> {
    /// A decoded piece of the text, in NFC.
    pub(super) fn normal_text(&self, text: Cow<'a, str>) -> EcoString {
        match text {
            Cow::Borrowed(text) => self.normal(text),
            Cow::Owned(text) => nfc(&text),
        }
    }

    pub(super) fn ident(&self, token: Token) -> Ident {
        Ident { text: self.normal(self.token_text(token)), span: self.token_span(token) }
    }

    pub(super) fn number(&mut self, token: Token) -> Expr {
        let span = self.token_span(token);
        match Number::parse(self.token_text(token)) {
            Ok(number) => Expr { kind: ExprKind::Literal(Value::number(number)), span },
            Err(_) => {
                let diagnostic = Diagnostic::error("Invalid number literal")
                    .code(codes::EXPRESSION)
                    .at(span)
                    .detail("This number is too big to be represented.");
                self.report(diagnostic);
                Expr { kind: ExprKind::Invalid, span }
            }
        }
    }

    /// What the text of a token in quotes means.
    pub(super) fn decode_quoted(&mut self, token: Token) -> Cow<'a, str> {
        let text = self.token_text(token);
        if is_plain(text) {
            return Cow::Borrowed(text);
        }
        if !text.contains('\\') {
            return decode_plain(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(stop) = rest.find(['\\', '$', '%']) {
            out.push_str(&rest[..stop]);
            rest = &rest[stop..];
            if rest.starts_with("$${") || rest.starts_with("%%{") {
                out.push_str(&rest[1..3]);
                rest = &rest[3..];
                continue;
            }
            if !rest.starts_with('\\') {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
                continue;
            }
            let place = token.start + (text.len() - rest.len()) as u32;
            rest = self.escape(rest, place, &mut out);
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    /// Decodes the escape at the start of `rest`, which is at byte `place`; gives what comes after it.
    fn escape<'t>(&mut self, rest: &'t str, place: u32, out: &mut String) -> &'t str {
        let selector = rest[1..].chars().next();
        let simple = match selector {
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('"') => Some('"'),
            Some('\\') => Some('\\'),
            _ => None,
        };
        if let Some(c) = simple {
            out.push(c);
            return &rest[2..];
        }
        let digits = match selector {
            Some('u') => 4,
            Some('U') => 8,
            Some(c) if c != '\n' => {
                let length = c.len_utf8();
                let span = self.span(place, place + 1 + length as u32);
                self.wrong_escape(span, format!("The symbol \"{c}\" can't be escaped."));
                return &rest[1 + length..];
            }
            _ => {
                let span = self.span(place, place + 1);
                self.wrong_escape(span, "This backslash escapes nothing.".to_owned());
                return &rest[1..];
            }
        };
        let hex = rest[2..].bytes().take(digits).take_while(u8::is_ascii_hexdigit).count();
        let span = self.span(place, place + 2 + hex as u32);
        let code = u32::from_str_radix(&rest[2..2 + hex], 16).ok();
        match code.and_then(char::from_u32) {
            _ if hex < digits => {
                let detail = format!("\"\\{}\" is followed by {digits} hexadecimal digits.", &rest[1..2]);
                self.wrong_escape(span, detail);
            }
            Some(c) => out.push(c),
            None => self.wrong_escape(span, "There is no such Unicode character.".to_owned()),
        }
        &rest[2 + hex..]
    }

    fn wrong_escape(&mut self, span: Span, detail: String) {
        let diagnostic = Diagnostic::error("Invalid escape sequence").code(codes::ESCAPE).at(span).detail(detail).help(
            r#"Escapes are \n, \r, \t, \", \\, \uNNNN and \UNNNNNNNN. A backslash itself is "\\", a literal "${" is "$${"."#,
        );
        self.report(diagnostic);
    }
}

//! Files and blocks: arguments, nested blocks, and where to go on after a mistake.

use std::collections::HashMap;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Span};

use super::codes;
use super::parser::{Parsed, Parser, Reported};
use crate::ast::{Attribute, Block, Body, Expr, ExprKind, Ident, Labels};
use crate::lexer::{Token, TokenKind, looks_like_item};

/// The block whose body is being read.
#[derive(Clone, Copy)]
struct Open {
    brace: Token,
    header: Span,
    /// Indentation of the line that it starts on.
    column: usize,
}

/// A body as it grows.
#[derive(Default)]
struct Items {
    attributes: Vec<Attribute>,
    blocks: Vec<Block>,
    /// Where each argument was set first, once there are many.
    names: HashMap<EcoString, Span>,
}

/// Up to so many arguments, going through them is quicker than a map.
const FEW: usize = 16;

impl Items {
    /// Where an argument was set first.
    fn first(&self, name: &str) -> Option<Span> {
        if self.attributes.len() <= FEW {
            return self.attributes.iter().find(|a| a.name.text == name).map(|a| a.name.span);
        }
        self.names.get(name).copied()
    }

    fn add(&mut self, attribute: Attribute) {
        self.attributes.push(attribute);
        if self.attributes.len() > FEW {
            let new = if self.names.is_empty() { 0 } else { self.attributes.len() - 1 };
            self.names.extend(self.attributes[new..].iter().map(|a| (a.name.text.clone(), a.name.span)));
        }
    }
}

impl Parser<'_> {
    /// The whole text as a body.
    pub(super) fn file(&mut self) -> Body {
        let mut items = Items::default();
        self.newlines = true;
        self.items(&mut items, None);
        let span = self.span(0, self.text.len() as u32);
        Body { attributes: items.attributes, blocks: items.blocks, span }
    }

    /// Items up to the end of the file, or to the closing brace (without it). False if the block has none.
    fn items(&mut self, items: &mut Items, open: Option<Open>) -> bool {
        loop {
            let token = self.peek();
            match (token.kind, open) {
                (TokenKind::Newline, _) => {
                    self.next();
                }
                (TokenKind::CloseBrace, Some(open)) if self.is_dedented_brace(token, open.column) => {
                    return self.unclosed_block(open);
                }
                (TokenKind::Eof, None) | (TokenKind::CloseBrace, Some(_)) => return true,
                (TokenKind::Eof, Some(open)) => return self.unclosed_block(open),
                (TokenKind::CloseBrace, None) => {
                    self.start_item(token);
                    let diagnostic = Diagnostic::error("Unexpected closing brace")
                        .code(codes::UNCLOSED)
                        .at(self.token_span(token))
                        .detail("No block is open here that it could close.");
                    self.report(diagnostic);
                    self.next();
                }
                (_, Some(open)) if self.is_dedented_item(token, open.column) => {
                    return self.unclosed_block(open);
                }
                _ => self.item(items, token),
            }
        }
    }

    /// The number of characters that the line of a place is indented by.
    pub(super) fn indentation(&self, byte: u32) -> usize {
        let line = self.line_start(byte);
        self.text[line..].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count()
    }

    fn line_start(&self, byte: u32) -> usize {
        self.text[..byte as usize].rfind('\n').map_or(0, |i| i + 1)
    }

    /// True if a closing brace is missing somewhere and this token, which starts an argument or block, stands no deeper than
    /// what is still open: then that is what lacks the brace.
    pub(super) fn is_dedented_item(&self, token: Token, column: usize) -> bool {
        if self.missing_braces <= 0 || token.kind != TokenKind::Ident {
            return false;
        }
        let line = self.line_start(token.start);
        let indentation = token.start as usize - line;
        indentation <= column
            && self.text[line..token.start as usize].bytes().all(|b| matches!(b, b' ' | b'\t'))
            && looks_like_item(self.text, line)
    }

    /// The same for a closing brace that stands less deep than what it would close.
    fn is_dedented_brace(&self, token: Token, column: usize) -> bool {
        let line = self.line_start(token.start);
        self.missing_braces > 0 && self.indentation(token.start) < column && {
            self.text[line..token.start as usize].bytes().all(|b| matches!(b, b' ' | b'\t'))
        }
    }

    fn unclosed_block(&mut self, open: Open) -> bool {
        if self.missing_braces <= 0 {
            return false;
        }
        self.missing_braces -= 1;
        self.item_start = open.header.start;
        let diagnostic = Diagnostic::error("Unclosed configuration block")
            .code(codes::UNCLOSED)
            .label(open.header, "this block has no \"}\"")
            .detail("There is no closing brace for this block.")
            .help("Look for a brace that is missing here or in a block inside it.");
        self.report(diagnostic);
        false
    }

    fn item(&mut self, items: &mut Items, token: Token) {
        let start = self.at;
        self.start_item(token);
        if self.try_item(items, token).is_err() {
            self.recover(start);
        }
    }

    fn try_item(&mut self, items: &mut Items, token: Token) -> Parsed<()> {
        if token.kind != TokenKind::Ident {
            return self.not_an_item(token);
        }
        self.next();
        let name = self.ident(token);
        let after = self.peek();
        match after.kind {
            TokenKind::Equal => self.attribute_item(items, name),
            TokenKind::OpenBrace | TokenKind::OpenQuote | TokenKind::Ident => {
                match self.block(items, name)? {
                    true => self.end_of_item("block definition"),
                    false => Ok(()),
                }
            }
            _ => self.neither(name, after),
        }
    }

    fn not_an_item(&mut self, token: Token) -> Parsed<()> {
        let span = self.token_span(token);
        let diagnostic = match token.kind {
            TokenKind::OpenQuote => {
                let _ = self.quoted();
                let span = self.since(token.start);
                Diagnostic::error("Invalid argument name")
                    .code(codes::ITEM)
                    .at(span)
                    .detail("Names of arguments and types of blocks are not quoted.")
            }
            TokenKind::Invalid => self.invalid_character(token),
            _ => Diagnostic::error("Argument or block definition required")
                .code(codes::ITEM)
                .at(span)
                .detail(format!(
                    "An argument (name = value) or a block (name {{ … }}) is expected here, not {}.",
                    self.describe(token)
                )),
        };
        self.fail(diagnostic)
    }

    /// A name that neither makes an argument nor a block.
    fn neither(&mut self, name: Ident, after: Token) -> Parsed<()> {
        let text = &name.text;
        if after.kind == TokenKind::Invalid {
            let diagnostic = self.invalid_character(after);
            return self.fail(diagnostic);
        }
        let diagnostic =
            Diagnostic::error("Argument or block definition required").code(codes::ITEM).at(name.span);
        let diagnostic = match after.kind {
            TokenKind::Colon => diagnostic
                .detail("An argument is set with an equals sign, not a colon.")
                .help(format!("Write {text} = …")),
            TokenKind::Dot | TokenKind::OpenBracket => Diagnostic::error("Invalid argument name")
                .code(codes::ITEM)
                .label(name.span.to(self.token_span(after)), "a name has no dots or brackets")
                .detail("An argument is set by its name; a reference can't be assigned to."),
            _ => diagnostic
                .detail("An argument is written \"name = value\", a block \"name { … }\".")
                .help(format!("To set an argument, write {text} = …")),
        };
        self.fail(diagnostic)
    }

    /// `= expression`. A wrong expression is kept as `Invalid`, so that the argument doesn't also count as missing.
    fn attribute_item(&mut self, items: &mut Items, name: Ident) -> Parsed<()> {
        self.attribute_value(items, name)?;
        self.end_of_item("argument")
    }

    fn attribute_value(&mut self, items: &mut Items, name: Ident) -> Parsed<()> {
        let equal = self.next();
        let expr = self.expression();
        let result = if expr.is_ok() { Ok(()) } else { Err(Reported) };
        let expr =
            expr.unwrap_or_else(|Reported| Expr { kind: ExprKind::Invalid, span: self.since(equal.end) });
        let span = name.span.to(expr.span);
        match items.first(&name.text) {
            Some(first) => self.set_again(&name, first),
            None => items.add(Attribute { name, expr, span }),
        }
        result
    }

    fn set_again(&mut self, name: &Ident, first: Span) {
        let diagnostic = Diagnostic::error("Attribute redefined")
            .code(codes::DUPLICATE)
            .label(name.span, "set again here")
            .also(first, "set first here")
            .detail(format!("The argument \"{}\" is set more than once.", name.text));
        self.report(diagnostic);
    }

    /// The line ends after an item.
    fn end_of_item(&mut self, what: &str) -> Parsed<()> {
        let token = self.peek();
        match token.kind {
            TokenKind::Newline => {
                self.next();
                Ok(())
            }
            TokenKind::Eof => Ok(()),
            _ => self.not_end_of_item(what, token),
        }
    }

    fn not_end_of_item(&mut self, what: &str, token: Token) -> Parsed<()> {
        let span = self.token_span(token);
        let diagnostic = match token.kind {
            TokenKind::Comma => Diagnostic::error(format!("Unexpected comma after {what}"))
                .code(codes::SEPARATOR)
                .at(span)
                .detail("Arguments are separated by line breaks, not by commas."),
            TokenKind::Invalid => self.invalid_character(token),
            _ => Diagnostic::error(match what {
                "argument" => "Missing newline after argument",
                _ => "Missing newline after block definition",
            })
            .code(codes::SEPARATOR)
            .label(span, "the line should end before this")
            .detail(format!(
                "The {what} ends before {}, and a line break must follow it.",
                self.describe(token)
            )),
        };
        self.fail(diagnostic)
    }

    /// Labels, `{`, body, `}`. False if the closing brace is missing.
    fn block(&mut self, items: &mut Items, kind: Ident) -> Parsed<bool> {
        let column = self.indentation(kind.span.start);
        let mut labels = Labels::new();
        let brace = loop {
            let token = self.peek();
            match token.kind {
                TokenKind::Ident => {
                    self.next();
                    labels.push(self.ident(token));
                }
                TokenKind::OpenQuote => {
                    let (label, brace) = self.label(token)?;
                    labels.push(label);
                    if let Some(brace) = brace {
                        break brace;
                    }
                }
                TokenKind::OpenBrace => break self.next(),
                _ => break self.missing_open_brace(&kind, token)?,
            }
        };
        let header = labels.last().map_or(kind.span, |last| kind.span.to(last.span));
        let open = Open { brace, header, column };
        let (body, closed) = self.nested(|p| p.block_body(open))?;
        let span = self.since(kind.span.start);
        items.blocks.push(Block { kind, labels, body, header, span });
        Ok(closed)
    }

    /// A quoted label. If its quote is missing, the brace of the block may be in it; that is the second part.
    fn label(&mut self, quote: Token) -> Parsed<(Ident, Option<Token>)> {
        self.next();
        let text = self.tokens[self.at];
        let close = self.tokens[(self.at + 1).min(self.tokens.len() - 1)];
        if text.kind == TokenKind::CloseQuote {
            self.next();
            return Ok((Ident { text: EcoString::new(), span: self.since(quote.start) }, None));
        }
        if text.kind == TokenKind::Text && close.kind == TokenKind::CloseQuote {
            let label = self.decode_quoted(text);
            let label = self.normal_text(label);
            self.next();
            self.next();
            let swallowed = close.is_empty() && label.trim_end().ends_with('{');
            let brace = swallowed.then(|| {
                // That brace was not counted.
                self.missing_braces += 1;
                let end = text.start + self.token_text(text).trim_end().len() as u32;
                Token { kind: TokenKind::OpenBrace, start: end - 1, end }
            });
            let label =
                if swallowed { label.trim_end().trim_end_matches('{').trim_end().into() } else { label };
            return Ok((Ident { text: label, span: self.since(quote.start) }, brace));
        }
        let sequence = self.tokens[self.at..].iter().find(|t| {
            matches!(t.kind, TokenKind::OpenInterpolation | TokenKind::OpenDirective | TokenKind::Eof)
        });
        let span = sequence.map_or(self.token_span(text), |t| self.token_span(*t));
        let diagnostic = Diagnostic::error("Invalid string literal")
            .code(codes::TEMPLATE)
            .at(span)
            .detail(
                "A label can't have template sequences in it: it must be known before anything is evaluated.",
            )
            .help("For a literal \"${\" write \"$${\".");
        self.fail(diagnostic)
    }

    /// Reports what stands where a label or a brace should, and goes on with the body if one is in sight.
    fn missing_open_brace(&mut self, kind: &Ident, token: Token) -> Parsed<Token> {
        let span = self.token_span(token);
        let next = self.tokens[self.at + 1..].iter().find(|t| t.kind != TokenKind::Newline).copied();
        let opens_body = next.is_some_and(|t| t.kind == TokenKind::OpenBrace);
        let diagnostic = Diagnostic::error("Invalid block definition").code(codes::ITEM);
        let diagnostic = match token.kind {
            TokenKind::Equal => diagnostic
                .label(span, "no equals sign here")
                .detail("A block is not assigned: its body follows its labels at once.")
                .help(format!("Write {} … {{", kind.text)),
            TokenKind::Newline if opens_body => diagnostic
                .label(next.map_or(span, |t| self.token_span(t)), "this belongs on the line above")
                .detail("The opening brace stands on the line of the block's type and labels."),
            TokenKind::Newline | TokenKind::Eof => {
                let end = self.last_end;
                diagnostic
                    .label(self.since(kind.span.start), "a block without a body")
                    .also(self.span(end, end), "\"{\" is expected here")
                    .detail("The line ends, but an argument needs \"=\" after its name, and a block \"{\" after its labels.")
            }
            TokenKind::Invalid => self.invalid_character(token),
            _ => diagnostic.label(span, "a label or \"{\" is expected here").detail(format!(
                "Expected a label or the opening brace of the block, but found {}.",
                self.describe(token)
            )),
        };
        self.report(diagnostic);
        if opens_body && matches!(token.kind, TokenKind::Equal | TokenKind::Newline) {
            while self.peek_kind() != TokenKind::OpenBrace {
                self.next();
            }
            return Ok(self.next());
        }
        Err(Reported)
    }

    /// From behind `{` to behind `}`.
    fn block_body(&mut self, open: Open) -> Parsed<(Body, bool)> {
        let mut items = Items::default();
        let first = self.peek();
        if !matches!(first.kind, TokenKind::Newline | TokenKind::CloseBrace | TokenKind::Eof) {
            self.start_item(first);
            if self.single_line(&mut items, first).is_err() {
                self.recover(self.at);
            }
        }
        let closed = self.items(&mut items, Some(open));
        let end = self.peek().start;
        let span = self.span(open.brace.end, end);
        if closed {
            self.next();
        }
        Ok((Body { attributes: items.attributes, blocks: items.blocks, span }, closed))
    }

    /// The one argument of `name { argument = value }`.
    fn single_line(&mut self, items: &mut Items, first: Token) -> Parsed<()> {
        if first.kind != TokenKind::Ident {
            return self.not_an_item(first);
        }
        self.next();
        let name = self.ident(first);
        let after = self.peek();
        match after.kind {
            TokenKind::Equal => self.attribute_value(items, name)?,
            TokenKind::OpenBrace | TokenKind::OpenQuote | TokenKind::Ident => {
                let diagnostic = Diagnostic::error("Argument definition required")
                    .code(codes::ITEM)
                    .at(name.span)
                    .detail("A block on a single line can hold one argument, and no other block.")
                    .help("Put each nested block on lines of its own.");
                self.report(diagnostic);
                return self.block(items, name).map(|_| ());
            }
            _ => return self.neither(name, after),
        }
        let token = self.peek();
        if token.kind == TokenKind::CloseBrace {
            return Ok(());
        }
        let diagnostic = match token.kind {
            TokenKind::Invalid => self.invalid_character(token),
            _ => Diagnostic::error("Invalid single-argument block definition")
                .code(codes::ITEM)
                .at(self.token_span(token))
                .detail("A block on a single line holds one argument and ends on that line.")
                .help("Put each argument on a line of its own, and the closing brace as well."),
        };
        self.report(diagnostic);
        self.rest_of_line(items)
    }

    /// More arguments on the line of a block, which is reported already.
    fn rest_of_line(&mut self, items: &mut Items) -> Parsed<()> {
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::Comma => {
                    self.next();
                }
                TokenKind::Invalid if self.token_text(token) == ";" => {
                    self.next();
                }
                TokenKind::Ident => {
                    self.next();
                    let name = self.ident(token);
                    if self.peek_kind() != TokenKind::Equal {
                        return Err(Reported);
                    }
                    self.attribute_value(items, name)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// After a mistake in the item that starts at a token: goes to where the next one starts.
    fn recover(&mut self, start: usize) {
        let column = self.indentation(self.tokens[start].start);
        let failed = self.at.max(start);
        let mut open = 0i32;
        let mut braces = 0i32;
        let mut at = start;
        loop {
            let token = self.tokens[at];
            match token.kind {
                TokenKind::Eof => {
                    self.missing_braces -= braces.max(0);
                    break;
                }
                TokenKind::CloseBrace if open <= 0 && at >= failed => break,
                TokenKind::OpenBrace => (open, braces) = (open + 1, braces + 1),
                TokenKind::CloseBrace => (open, braces) = (open - 1, braces - 1),
                TokenKind::OpenBracket
                | TokenKind::OpenParen
                | TokenKind::OpenQuote
                | TokenKind::OpenHeredoc
                | TokenKind::OpenInterpolation
                | TokenKind::OpenDirective => open += 1,
                TokenKind::CloseBracket
                | TokenKind::CloseParen
                | TokenKind::CloseQuote
                | TokenKind::CloseHeredoc
                | TokenKind::CloseSequence => open -= 1,
                TokenKind::Newline if open <= 0 && at >= failed => break,
                // Only what really lacks its end: the file's braces may be balanced, and just not indented.
                TokenKind::Newline
                    if at + 1 >= failed
                        && (open > braces || self.missing_braces > 0)
                        && self.item_ends(token.end as usize, column) =>
                {
                    self.missing_braces -= braces.max(0);
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        self.at = at;
        self.newlines = true;
    }

    /// True if the line that starts here is not part of an item that is indented by so much: it is the next one, or closes the
    /// block around it.
    fn item_ends(&self, line: usize, column: usize) -> bool {
        let rest = &self.text[line..];
        let indentation = rest.bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if rest[indentation..].starts_with('}') {
            return indentation < column;
        }
        indentation <= column && looks_like_item(self.text, line)
    }
}

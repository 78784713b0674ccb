//! Tuples, objects, `for` and function calls.

use pilotis_diag::Diagnostic;

use super::codes;
use super::parser::{Parsed, Parser, Reported};
use crate::ast::{Call, Expr, ExprKind, For, ObjectItem, ObjectKey};
use crate::lexer::{Token, TokenKind};

impl Parser<'_> {
    /// `[a, b]` or `[for …]`
    pub(super) fn tuple(&mut self) -> Parsed<Expr> {
        let open = self.next();
        self.with_newlines(false, |p| {
            if p.peek_word("for") {
                return p.for_expression(open, TokenKind::CloseBracket);
            }
            let mut items = Vec::new();
            loop {
                if p.eat(TokenKind::CloseBracket).is_some() {
                    break;
                }
                let token = p.peek();
                if p.argument_is_over(token) {
                    return p.unclosed(open, "Missing close bracket on tuple", "\"]\"");
                }
                items.push(p.expression()?);
                if p.eat(TokenKind::Comma).is_none() {
                    if p.eat(TokenKind::CloseBracket).is_some() {
                        break;
                    }
                    return p.missing_comma(open, "Missing item separator", "item", "\"]\"");
                }
            }
            Ok(Expr { kind: ExprKind::Tuple(items), span: p.since(open.start) })
        })
    }

    /// What is wrong after an item that neither a comma nor the end follows.
    fn missing_comma<T>(&mut self, open: Token, summary: &str, what: &str, close: &str) -> Parsed<T> {
        let token = self.peek();
        if self.argument_is_over(token) || matches!(token.kind, TokenKind::CloseSequence) {
            return self.unclosed(open, summary, close);
        }
        if token.kind == TokenKind::Invalid {
            let diagnostic = self.invalid_character(token);
            return self.fail(diagnostic);
        }
        let diagnostic = Diagnostic::error(summary)
            .code(codes::SEPARATOR)
            .label(self.token_span(token), "a comma is expected before this")
            .detail(format!("Expected a comma before the next {what}, or {close}."));
        self.fail(diagnostic)
    }

    /// `{ a = b }` or `{for …}`
    pub(super) fn object(&mut self) -> Parsed<Expr> {
        let open = self.next();
        let is_for = self.with_newlines(false, |p| Ok(p.peek_word("for")))?;
        if is_for {
            return self.with_newlines(false, |p| p.for_expression(open, TokenKind::CloseBrace));
        }
        self.with_newlines(true, |p| {
            let mut items = Vec::new();
            let column = p.indentation(open.start);
            loop {
                let token = p.peek();
                match token.kind {
                    _ if p.is_dedented_item(token, column) => return p.unclosed_object(open),
                    TokenKind::Newline => {
                        p.next();
                        continue;
                    }
                    TokenKind::CloseBrace => {
                        p.next();
                        break;
                    }
                    TokenKind::Eof => return p.unclosed_object(open),
                    _ => {}
                }
                let start = p.at;
                match p.object_item(open) {
                    Ok(item) => items.push(item),
                    Err(Reported) => p.next_object_item(start)?,
                }
            }
            Ok(Expr { kind: ExprKind::Object(items), span: p.since(open.start) })
        })
    }

    fn unclosed_object<T>(&mut self, open: Token) -> Parsed<T> {
        // A block further out may be what is really unclosed, or both: each missing brace is reported once.
        if self.missing_braces <= 0 {
            return Err(Reported);
        }
        let diagnostic = Diagnostic::error("Unclosed object")
            .code(codes::UNCLOSED)
            .label(self.token_span(open), "this \"{\" has no \"}\"")
            .detail("There is no closing brace for it.");
        self.fail(diagnostic)
    }

    /// After a mistake in an item: goes to the next line or to the closing brace, if the object's structure is still known.
    fn next_object_item(&mut self, start: usize) -> Parsed<()> {
        let token = self.peek();
        if self.is_dedented_item(token, self.indentation(self.tokens[start].start)) {
            // An object in the item lacks its brace; the next item is here.
            self.missing_braces -= 1;
            return Ok(());
        }
        let mut open = 0i32;
        let failed = self.at;
        let mut at = start;
        loop {
            match self.tokens[at].kind {
                TokenKind::Eof | TokenKind::CloseSequence if open <= 0 => return Err(Reported),
                TokenKind::Eof => return Err(Reported),
                TokenKind::Newline if open <= 0 && at >= failed => break,
                TokenKind::CloseBrace if open <= 0 => {
                    at = at.max(failed);
                    break;
                }
                TokenKind::OpenBrace
                | TokenKind::OpenBracket
                | TokenKind::OpenParen
                | TokenKind::OpenQuote
                | TokenKind::OpenHeredoc
                | TokenKind::OpenInterpolation
                | TokenKind::OpenDirective => open += 1,
                TokenKind::CloseBrace
                | TokenKind::CloseBracket
                | TokenKind::CloseParen
                | TokenKind::CloseQuote
                | TokenKind::CloseHeredoc
                | TokenKind::CloseSequence => open -= 1,
                _ => {}
            }
            at += 1;
        }
        self.at = at;
        Ok(())
    }

    fn object_item(&mut self, open: Token) -> Parsed<ObjectItem> {
        let key = self.object_key()?;
        let token = self.peek();
        if !matches!(token.kind, TokenKind::Equal | TokenKind::Colon) {
            let diagnostic = match token.kind {
                TokenKind::Newline | TokenKind::Comma | TokenKind::CloseBrace => {
                    Diagnostic::error("Missing attribute value")
                        .code(codes::SEPARATOR)
                        .label(self.span(self.last_end, self.last_end), "\"=\" and a value are expected here")
                        .detail("An object's attribute has a value, after an equals sign.")
                }
                TokenKind::Invalid => self.invalid_character(token),
                _ => Diagnostic::error("Missing key/value separator")
                    .code(codes::SEPARATOR)
                    .label(self.token_span(token), "\"=\" is expected before this")
                    .detail("Expected an equals sign between the key and its value.")
                    .help("Put a key with spaces or dots in quotes."),
            };
            return self.fail(diagnostic);
        }
        self.next();
        let value = self.expression()?;
        let token = self.peek();
        match token.kind {
            TokenKind::Comma | TokenKind::Newline => {
                self.next();
            }
            TokenKind::CloseBrace => {}
            TokenKind::Eof => return self.unclosed_object(open),
            _ => return self.missing_comma(open, "Missing attribute separator", "attribute", "\"}\""),
        }
        Ok(ObjectItem { key, value })
    }

    /// `a.b = 1` is read as a key that is a reference: it names a provider's alias in a module's `providers`; where a value is
    /// wanted, the evaluator refuses it as ambiguous.
    fn object_key(&mut self) -> Parsed<ObjectKey> {
        let token = self.peek();
        if token.kind == TokenKind::Ident {
            let after = self.tokens[self.at + 1].kind;
            if matches!(after, TokenKind::Equal | TokenKind::Colon) {
                self.next();
                return Ok(ObjectKey::Name(self.ident(token)));
            }
        }
        let key = self.expression()?;
        match &key.kind {
            ExprKind::Traversal(traversal) if traversal.steps.is_empty() => {
                Ok(ObjectKey::Name(traversal.root.clone()))
            }
            ExprKind::Literal(value) if token.kind == TokenKind::Ident && value.as_number().is_none() => {
                Ok(ObjectKey::Name(self.ident(token)))
            }
            _ => Ok(ObjectKey::Expr(key)),
        }
    }

    /// `f(a, b...)`, from behind the first part of its name.
    pub(super) fn call(&mut self, first: Token) -> Parsed<Expr> {
        let mut name = vec![self.ident(first).text];
        while self.eat(TokenKind::DoubleColon).is_some() {
            let Some(part) = self.eat(TokenKind::Ident) else {
                let token = self.peek();
                let diagnostic = Diagnostic::error("Missing function name")
                    .code(codes::EXPRESSION)
                    .label(self.token_span(token), "a name is expected after \"::\"")
                    .detail("A function of a provider is called as provider::NAME::FUNCTION(…).");
                return self.fail(diagnostic);
            };
            name.push(self.ident(part).text);
        }
        let name_span = self.since(first.start);
        let Some(open) = self.eat(TokenKind::OpenParen) else {
            let token = self.peek();
            let diagnostic = Diagnostic::error("Missing open parenthesis")
                .code(codes::EXPRESSION)
                .label(self.token_span(token), "\"(\" is expected here")
                .also(name_span, "the function")
                .detail("A function is called with its arguments in parentheses.");
            return self.fail(diagnostic);
        };
        let (args, expand) = self.with_newlines(false, |p| p.arguments(open))?;
        let call = Call { name, name_span, args, expand };
        Ok(Expr { kind: ExprKind::Call(Box::new(call)), span: self.since(first.start) })
    }

    fn arguments(&mut self, open: Token) -> Parsed<(Vec<Expr>, bool)> {
        let mut args = Vec::new();
        loop {
            if self.eat(TokenKind::CloseParen).is_some() {
                return Ok((args, false));
            }
            let token = self.peek();
            if self.argument_is_over(token) {
                return self.unclosed(open, "Missing closing parenthesis", "\")\"");
            }
            args.push(self.expression()?);
            let token = self.peek();
            match token.kind {
                TokenKind::Comma => {
                    self.next();
                }
                TokenKind::CloseParen => {}
                TokenKind::Ellipsis => {
                    self.next();
                    if self.eat(TokenKind::CloseParen).is_none() {
                        let diagnostic = Diagnostic::error("Missing closing parenthesis")
                            .code(codes::SEPARATOR)
                            .at(self.token_span(token))
                            .detail(
                                "An expanded argument (\"...\") is the last, and \")\" follows it at once.",
                            );
                        return self.fail(diagnostic);
                    }
                    return Ok((args, true));
                }
                _ => return self.missing_comma(open, "Missing argument separator", "argument", "\")\""),
            }
        }
    }

    /// `[for …]` or `{for …}`, from the `for`.
    fn for_expression(&mut self, open: Token, close: TokenKind) -> Parsed<Expr> {
        let is_object = close == TokenKind::CloseBrace;
        self.next();
        let (key, value) = self.for_names()?;
        let collection = self.expression()?;
        if self.eat(TokenKind::Colon).is_none() {
            return self.wrong_for("\":\" is expected after the collection.");
        }
        let mut result = self.expression()?;
        let mut result_key = None;
        if let Some(arrow) = self.eat(TokenKind::FatArrow) {
            if !is_object {
                let diagnostic = Diagnostic::error("Invalid 'for' expression")
                    .code(codes::FOR)
                    .at(self.token_span(arrow))
                    .detail("A key (\"=>\") is only for objects.")
                    .help("Use { } in place of [ ] to make an object.");
                return self.fail(diagnostic);
            }
            result_key = Some(result);
            result = self.expression()?;
        } else if is_object {
            return self.wrong_for("An object needs a key: { for k, v in map : k => v }.");
        }
        let ellipsis = self.eat(TokenKind::Ellipsis);
        if let Some(ellipsis) = ellipsis
            && !is_object
        {
            let diagnostic = Diagnostic::error("Invalid 'for' expression")
                .code(codes::FOR)
                .at(self.token_span(ellipsis))
                .detail("Grouping (\"...\") is only for objects.");
            return self.fail(diagnostic);
        }
        let mut condition = None;
        if self.peek_word("if") {
            self.next();
            condition = Some(self.expression()?);
        }
        if self.eat(close).is_none() {
            return self.end_of_for(open, is_object);
        }
        let group = ellipsis.is_some();
        let parts = For { key, value, collection, result_key, result, group, condition };
        Ok(Expr { kind: ExprKind::For(Box::new(parts)), span: self.since(open.start) })
    }

    /// `v in` or `k, v in`
    fn for_names(&mut self) -> Parsed<(Option<crate::ast::Ident>, crate::ast::Ident)> {
        let Some(first) = self.eat(TokenKind::Ident) else {
            return self.wrong_for("A name is expected after \"for\".");
        };
        let mut names = (None, self.ident(first));
        if self.eat(TokenKind::Comma).is_some() {
            let Some(second) = self.eat(TokenKind::Ident) else {
                return self.wrong_for("A second name is expected after the comma.");
            };
            names = (Some(names.1), self.ident(second));
        }
        if !self.peek_word("in") {
            return self.wrong_for("\"in\" is expected after the names.");
        }
        self.next();
        Ok(names)
    }

    fn end_of_for(&mut self, open: Token, is_object: bool) -> Parsed<Expr> {
        let token = self.peek();
        if self.argument_is_over(token) {
            let close = if is_object { "\"}\"" } else { "\"]\"" };
            return self.unclosed(open, "Invalid 'for' expression", close);
        }
        self.wrong_for("Extra characters at the end of the 'for' expression.")
    }

    fn wrong_for<T>(&mut self, detail: &str) -> Parsed<T> {
        let token = self.peek();
        let diagnostic = Diagnostic::error("Invalid 'for' expression")
            .code(codes::FOR)
            .at(self.token_span(token))
            .detail(detail)
            .help("A for expression is written [for x in list : result if condition].");
        self.fail(diagnostic)
    }
}

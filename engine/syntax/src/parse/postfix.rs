//! What follows a term: attributes, indexes, splats.

use pilotis_diag::Diagnostic;
use pilotis_value::{Number, Value};

use super::codes;
use super::parser::{Parsed, Parser};
use crate::ast::{Expr, ExprKind, Splat, SplatStep, TemplatePart, TraversalStep};
use crate::lexer::{Token, TokenKind};

/// What was read between brackets after a term.
enum Bracket {
    Star,
    Literal(TraversalStep),
    Expression(Expr),
}

impl Parser<'_> {
    /// A term and what follows it.
    pub(super) fn postfix(&mut self) -> Parsed<Expr> {
        let mut term = self.term();
        if matches!(self.peek_kind(), TokenKind::Dot | TokenKind::OpenBracket) {
            term = term.and_then(|term| self.steps(term));
        }
        term
    }

    /// The attributes, indexes and splats after a term.
    fn steps(&mut self, mut expr: Expr) -> Parsed<Expr> {
        loop {
            match self.peek_kind() {
                TokenKind::Dot => {
                    let dot = self.next();
                    match self.eat(TokenKind::Star) {
                        Some(star) => expr = self.splat(expr, dot, star)?,
                        None => {
                            let step = self.attribute(dot)?;
                            self.add_step(&mut expr, step)?;
                        }
                    }
                }
                TokenKind::OpenBracket => {
                    let open = self.next();
                    match self.bracket(open)? {
                        Bracket::Star => {
                            let close = self.last_end;
                            let marker = self.span(open.start, close);
                            let each = self.nested(|p| p.splat_steps(true))?;
                            let span = self.since(expr.span.start);
                            let splat = Splat { source: expr, each, full: true, marker };
                            expr = Expr { kind: ExprKind::Splat(Box::new(splat)), span };
                        }
                        Bracket::Literal(step) => self.add_step(&mut expr, step)?,
                        Bracket::Expression(key) => {
                            self.grow(1)?;
                            let span = self.since(expr.span.start);
                            expr = Expr { kind: ExprKind::Index(Box::new([expr, key])), span };
                        }
                    }
                }
                _ => return Ok(expr),
            }
        }
    }

    fn splat(&mut self, source: Expr, dot: Token, star: Token) -> Parsed<Expr> {
        let marker = self.span(dot.start, star.end);
        let each = self.splat_steps(false)?;
        self.grow(1)?;
        let span = self.since(source.span.start);
        Ok(Expr { kind: ExprKind::Splat(Box::new(Splat { source, each, full: false, marker })), span })
    }

    /// Adds a literal step to an expression.
    fn add_step(&mut self, expr: &mut Expr, step: TraversalStep) -> Parsed<()> {
        let span = self.since(expr.span.start);
        match &mut expr.kind {
            ExprKind::Traversal(traversal) => {
                traversal.steps.push(step);
                traversal.span = span;
            }
            ExprKind::RelativeTraversal(_, steps) => steps.push(step),
            _ => {
                self.grow(1)?;
                let source = std::mem::replace(expr, Expr { kind: ExprKind::Invalid, span });
                expr.kind = ExprKind::RelativeTraversal(Box::new(source), vec![step]);
            }
        }
        expr.span = span;
        Ok(())
    }

    /// What comes after a dot: a name, or the legacy index `a.0`.
    fn attribute(&mut self, dot: Token) -> Parsed<TraversalStep> {
        let token = self.peek();
        match token.kind {
            TokenKind::Ident => {
                self.next();
                Ok(TraversalStep::Attribute(self.ident(token)))
            }
            TokenKind::Number => {
                self.next();
                let text = self.token_text(token);
                if let Some((first, second)) = text.split_once('.') {
                    let diagnostic = Diagnostic::error("Invalid legacy index syntax")
                        .code(codes::KEY)
                        .at(self.token_span(token))
                        .detail(
                            "Two legacy indexes can't follow each other: together they read as a fraction.",
                        )
                        .help(format!("Write [{first}][{second}]."));
                    return self.fail(diagnostic);
                }
                let key = Number::parse(text).map_or(Value::number(0), Value::number);
                Ok(TraversalStep::Index(key, self.span(dot.start, token.end)))
            }
            _ => {
                let place = if token.kind == TokenKind::Newline || self.argument_is_over(token) {
                    dot
                } else {
                    token
                };
                let diagnostic = Diagnostic::error("Invalid attribute name")
                    .code(codes::KEY)
                    .label(self.token_span(place), "a name is expected after the dot")
                    .detail("An attribute name is required after a dot.");
                self.fail(diagnostic)
            }
        }
    }

    /// From behind a `[` to behind its `]`.
    fn bracket(&mut self, open: Token) -> Parsed<Bracket> {
        self.with_newlines(false, |p| {
            if p.eat(TokenKind::Star).is_some() {
                if p.eat(TokenKind::CloseBracket).is_none() {
                    return p.unclosed(open, "Missing close bracket on splat index", "\"]\"");
                }
                return Ok(Bracket::Star);
            }
            let key = p.expression()?;
            if p.eat(TokenKind::CloseBracket).is_none() {
                return p.unclosed(open, "Missing close bracket on index", "\"]\"");
            }
            let span = p.since(open.start);
            Ok(match literal_key(&key) {
                Some(value) => Bracket::Literal(TraversalStep::Index(value, span)),
                None => Bracket::Expression(key),
            })
        })
    }

    /// The steps that are applied to each element. An attribute-only splat ends at the first bracket, a full one takes all.
    fn splat_steps(&mut self, full: bool) -> Parsed<Vec<SplatStep>> {
        let mut steps = Vec::new();
        loop {
            match self.peek_kind() {
                TokenKind::Dot => {
                    let dot = self.next();
                    let Some(star) = self.eat(TokenKind::Star) else {
                        steps.push(SplatStep::Literal(self.attribute(dot)?));
                        continue;
                    };
                    let marker = self.span(dot.start, star.end);
                    if !full {
                        let diagnostic = Diagnostic::error("Nested splat expression not allowed")
                            .code(codes::KEY)
                            .at(marker)
                            .detail("A splat can't be used inside another attribute-only splat.")
                            .help("Write [*] for both.");
                        return self.fail(diagnostic);
                    }
                    let each = self.nested(|p| p.splat_steps(false))?;
                    steps.push(SplatStep::Splat { full: false, each, marker });
                }
                TokenKind::OpenBracket if full => {
                    let open = self.next();
                    steps.push(match self.bracket(open)? {
                        Bracket::Star => {
                            let marker = self.since(open.start);
                            let each = self.nested(|p| p.splat_steps(true))?;
                            SplatStep::Splat { full: true, each, marker }
                        }
                        Bracket::Literal(step) => SplatStep::Literal(step),
                        Bracket::Expression(key) => SplatStep::Index(key),
                    });
                }
                _ => return Ok(steps),
            }
        }
    }
}

/// The value of a key that is written out: a number or a string without interpolations.
fn literal_key(key: &Expr) -> Option<Value> {
    match &key.kind {
        ExprKind::Literal(value) if value.as_number().is_some() => Some(value.clone()),
        ExprKind::Template(template) if !template.heredoc => match template.parts.as_slice() {
            [] => Some(Value::string("")),
            [TemplatePart::Literal(text)] => Some(Value::string(text)),
            _ => None,
        },
        _ => None,
    }
}

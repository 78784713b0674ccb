//! Expressions: operators, conditionals and terms.

use pilotis_diag::Diagnostic;
use pilotis_value::{Type, Value};

use super::codes;
use super::parser::{Parsed, Parser};
use crate::ast::{BinaryOp, Expr, ExprKind, Steps, Traversal, UnaryOp};
use crate::lexer::{Token, TokenKind};

/// Operands of `&&` and `||` that are chained one below the other; longer chains (generated policies) are made into a balanced
/// tree, which means the same and isn't deep.
const FLAT_CHAIN: usize = 16;

impl Parser<'_> {
    /// The text as one expression and nothing after it.
    pub(super) fn whole_expression(&mut self) -> Parsed<Expr> {
        let expr = self.expression()?;
        let token = self.peek();
        if token.kind == TokenKind::Eof {
            return Ok(expr);
        }
        let diagnostic = Diagnostic::error("Extra characters after expression")
            .code(codes::EXPRESSION)
            .label(self.token_span(token), "the expression ends before this")
            .detail("An expression was read, but more text follows it.");
        self.fail(diagnostic)
    }

    /// An expression of any kind.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.nested(|p| {
            let mut expr = p.binary(0);
            if p.peek_kind() == TokenKind::Question {
                expr = expr.and_then(|condition| p.conditional(condition));
            }
            expr
        })
    }

    fn conditional(&mut self, condition: Expr) -> Parsed<Expr> {
        let question = self.next();
        let start = condition.span.start;
        let yes = self.expression()?;
        if self.eat(TokenKind::Colon).is_none() {
            let token = self.peek();
            let diagnostic = Diagnostic::error("Missing false expression in conditional")
                .code(codes::EXPRESSION)
                .label(self.token_span(token), "\":\" is expected here")
                .also(self.token_span(question), "the conditional")
                .detail("A conditional is written \"condition ? value if true : value if false\".");
            return self.fail(diagnostic);
        }
        let no = self.expression()?;
        Ok(Expr { kind: ExprKind::Conditional(Box::new([condition, yes, no])), span: self.since(start) })
    }

    /// Operands joined by operators that bind at least as tightly as `least`.
    fn binary(&mut self, least: u8) -> Parsed<Expr> {
        self.chain(|p| {
            let mut operand = p.unary();
            let kind = p.peek_kind();
            if kind == TokenKind::Invalid || binary_op(kind).is_some() {
                operand = operand.and_then(|first| p.operators(first, least));
            }
            operand
        })
    }

    /// The operators after an operand, and theirs.
    fn operators(&mut self, mut left: Expr, least: u8) -> Parsed<Expr> {
        loop {
            let token = self.peek();
            let Some((op, level)) = binary_op(token.kind) else {
                self.check_bitwise(token)?;
                return Ok(left);
            };
            if level < least {
                return Ok(left);
            }
            if matches!(op, BinaryOp::And | BinaryOp::Or) {
                left = self.logical(left, op, level, token.kind)?;
                continue;
            }
            self.next();
            let right = self.binary(level + 1)?;
            self.grow(1)?;
            left = joined(op, left, right);
        }
    }

    /// `a && b && c …`
    fn logical(&mut self, first: Expr, op: BinaryOp, level: u8, kind: TokenKind) -> Parsed<Expr> {
        let mut operands = vec![first];
        while self.eat(kind).is_some() {
            operands.push(self.binary(level + 1)?);
        }
        if operands.len() <= FLAT_CHAIN {
            self.grow(operands.len() as u32 - 1)?;
            let mut operands = operands.into_iter();
            let first = operands.next().expect("there is a first operand");
            return Ok(operands.fold(first, |left, right| joined(op, left, right)));
        }
        self.grow(operands.len().ilog2() + 1)?;
        while operands.len() > 1 {
            let mut halved = Vec::with_capacity(operands.len() / 2 + 1);
            let mut rest = operands.into_iter();
            while let Some(left) = rest.next() {
                halved.push(match rest.next() {
                    Some(right) => joined(op, left, right),
                    None => left,
                });
            }
            operands = halved;
        }
        Ok(operands.pop().expect("one operand is left"))
    }

    /// `&`, `|` and `^` are operators elsewhere.
    fn check_bitwise(&mut self, token: Token) -> Parsed<()> {
        if token.kind != TokenKind::Invalid {
            return Ok(());
        }
        let meant = match self.token_text(token) {
            "&" => "For \"and\" write \"&&\".",
            "|" => "For \"or\" write \"||\".",
            "^" => "For a power write pow(a, b).",
            "~" => "For \"not\" write \"!\".",
            _ => return Ok(()),
        };
        let diagnostic = Diagnostic::error("Unsupported operator")
            .code(codes::CHARACTER)
            .at(self.token_span(token))
            .detail("There are no operators on bits.")
            .help(meant);
        self.fail(diagnostic)
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let token = self.peek();
        let op = match token.kind {
            TokenKind::Minus => UnaryOp::Negate,
            TokenKind::Bang => UnaryOp::Not,
            _ => return self.postfix(),
        };
        self.next();
        let operand = self.nested(Self::unary)?;
        Ok(Expr { kind: ExprKind::Unary(op, Box::new(operand)), span: self.since(token.start) })
    }

    /// What stands before `.a`, `[0]` and operators.
    pub(super) fn term(&mut self) -> Parsed<Expr> {
        let token = self.peek();
        match token.kind {
            TokenKind::Ident => self.name(),
            TokenKind::Number => {
                self.next();
                Ok(self.number(token))
            }
            TokenKind::OpenQuote => {
                let template = self.quoted()?;
                Ok(Expr { kind: ExprKind::Template(template), span: self.since(token.start) })
            }
            TokenKind::OpenHeredoc => {
                let template = self.heredoc()?;
                Ok(Expr { kind: ExprKind::Template(template), span: self.since(token.start) })
            }
            TokenKind::OpenParen => self.parens(),
            TokenKind::OpenBracket => self.tuple(),
            TokenKind::OpenBrace => self.object(),
            _ => self.not_an_expression(token),
        }
    }

    /// A keyword, a function call, or a name to start a traversal.
    fn name(&mut self) -> Parsed<Expr> {
        let token = self.next();
        if matches!(self.peek_kind(), TokenKind::OpenParen | TokenKind::DoubleColon) {
            return self.call(token);
        }
        let span = self.token_span(token);
        let kind = match self.token_text(token) {
            "true" => ExprKind::Literal(Value::bool(true)),
            "false" => ExprKind::Literal(Value::bool(false)),
            "null" => ExprKind::Literal(Value::null(Type::Dynamic)),
            _ => {
                let root = self.ident(token);
                ExprKind::Traversal(Box::new(Traversal { root, steps: Steps::new(), span }))
            }
        };
        Ok(Expr { kind, span })
    }

    fn parens(&mut self) -> Parsed<Expr> {
        let open = self.next();
        self.with_newlines(false, |p| {
            let inner = p.expression()?;
            if p.eat(TokenKind::CloseParen).is_none() {
                return p.unclosed(open, "Unbalanced parentheses", "\")\"");
            }
            Ok(Expr { kind: ExprKind::Parens(Box::new(inner)), span: p.since(open.start) })
        })
    }

    /// A bracket without its end: at the bracket if the argument ends first, else at what stands in the way.
    pub(super) fn unclosed<T>(&mut self, open: Token, summary: &str, close: &str) -> Parsed<T> {
        let token = self.peek();
        let open_text = self.token_text(open).to_owned();
        let diagnostic = Diagnostic::error(summary).code(codes::UNCLOSED);
        self.fail(if self.argument_is_over(token) {
            diagnostic
                .label(self.token_span(open), format!("this \"{open_text}\" has no {close}"))
                .detail(format!("Expected {close}, but found {}.", self.describe(token)))
        } else {
            diagnostic
                .label(self.token_span(token), format!("{close} is expected here"))
                .also(self.token_span(open), format!("this \"{open_text}\" is open"))
                .detail(format!("Expected {close}, but found {}.", self.describe(token)))
        })
    }

    /// True if a token is on another line than what was read last and looks like the next argument, block, or end of a block.
    pub(super) fn argument_is_over(&self, token: Token) -> bool {
        if token.kind == TokenKind::Eof {
            return true;
        }
        let between = &self.text[self.last_end as usize..(token.start as usize).max(self.last_end as usize)];
        let Some(line_feed) = between.bytes().rposition(|b| b == b'\n') else { return false };
        let line_start = self.last_end as usize + line_feed + 1;
        token.kind == TokenKind::CloseBrace || crate::lexer::looks_like_item(self.text, line_start)
    }

    fn not_an_expression(&mut self, token: Token) -> Parsed<Expr> {
        let span = self.token_span(token);
        if token.kind == TokenKind::Invalid {
            self.check_bitwise(token)?;
            let diagnostic = self.invalid_character(token);
            return self.fail(diagnostic);
        }
        let summary = if token.kind == TokenKind::Eof { "Missing expression" } else { "Invalid expression" };
        let diagnostic = Diagnostic::error(summary)
            .code(codes::EXPRESSION)
            .label(span, "an expression is expected here")
            .detail(format!("Expected the start of an expression, but found {}.", self.describe(token)));
        self.fail(diagnostic)
    }

    /// What to say of a character that the language does not have.
    pub(super) fn invalid_character(&self, token: Token) -> Diagnostic {
        let text = self.token_text(token);
        let diagnostic =
            Diagnostic::error("Invalid character").code(codes::CHARACTER).at(self.token_span(token));
        match text {
            "'" => diagnostic.detail("Single quotes are not valid.").help("Use double quotes for strings."),
            "`" => diagnostic
                .detail("Backquotes are not valid.")
                .help("For text of several lines use a heredoc, like <<EOT."),
            ";" => diagnostic
                .detail("Arguments are not separated by semicolons.")
                .help("Put each argument on a line of its own."),
            "\u{201c}" | "\u{201d}" | "\u{201e}" | "\u{ab}" | "\u{bb}" | "\u{2018}" | "\u{2019}" => {
                diagnostic
                    .detail("Typographic quotes are not valid.")
                    .help("Use straight double quotes for strings.")
            }
            "\u{a0}" => diagnostic.detail("This is a no-break space.").help("Replace it with a plain space."),
            _ => diagnostic.detail("This character is not used within the language."),
        }
    }
}

fn joined(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr { kind: ExprKind::Binary(op, Box::new([left, right])), span }
}

/// The operator and how tightly it binds.
fn binary_op(kind: TokenKind) -> Option<(BinaryOp, u8)> {
    Some(match kind {
        TokenKind::OrOr => (BinaryOp::Or, 0),
        TokenKind::AndAnd => (BinaryOp::And, 1),
        TokenKind::EqualEqual => (BinaryOp::Eq, 2),
        TokenKind::NotEqual => (BinaryOp::NotEq, 2),
        TokenKind::Less => (BinaryOp::Less, 3),
        TokenKind::LessEqual => (BinaryOp::LessEq, 3),
        TokenKind::Greater => (BinaryOp::Greater, 3),
        TokenKind::GreaterEqual => (BinaryOp::GreaterEq, 3),
        TokenKind::Plus => (BinaryOp::Add, 4),
        TokenKind::Minus => (BinaryOp::Sub, 4),
        TokenKind::Star => (BinaryOp::Mul, 5),
        TokenKind::Slash => (BinaryOp::Div, 5),
        TokenKind::Percent => (BinaryOp::Mod, 5),
        _ => return None,
    })
}

//! Whether a space stands between two tokens of a line.

use super::Piece;
use crate::lexer::TokenKind;

/// +1 for a token that opens a bracket, -1 for one that closes it.
pub(super) fn bracket_change(kind: TokenKind) -> i32 {
    use TokenKind as T;
    match kind {
        T::OpenBrace | T::OpenBracket | T::OpenParen | T::OpenDirective | T::OpenInterpolation => 1,
        T::CloseBrace | T::CloseBracket | T::CloseParen | T::CloseSequence => -1,
        _ => 0,
    }
}

/// True if a space stands between `this` and `next`; `before` is what stands before `this` in the same part of the line.
pub(super) fn is_spaced(
    before: Option<&Piece<'_>>,
    this: &Piece<'_>,
    next: &Piece<'_>,
    after: Option<&Piece<'_>>,
) -> bool {
    use TokenKind as T;
    match (this.kind, next.kind) {
        (_, T::Newline) => false,
        // A call, a function of a provider, an attribute.
        (T::Ident, T::OpenParen) | (T::Ident, T::DoubleColon) | (T::DoubleColon, T::Ident) => false,
        // Two legacy indexes would become a fraction.
        (T::Number, T::Dot) => after.is_some_and(|a| a.kind == T::Number),
        (T::Dot, _) | (_, T::Dot) => false,
        (_, T::Comma | T::Ellipsis) => false,
        (T::Comma, _) => true,
        // Nothing is added to the text of templates.
        (T::Text | T::OpenQuote | T::OpenHeredoc, _) | (_, T::Text | T::CloseQuote | T::CloseHeredoc) => {
            false
        }
        // `for x in [1]` is not an index of `in`.
        (T::Ident, _) if this.text == "in" && before.is_some_and(|b| b.kind == T::Ident) => true,
        (T::Ident | T::Number, T::OpenBracket) => false,
        (_, T::OpenBracket) if bracket_change(this.kind) < 0 => false,
        (T::Bang, _) => false,
        (T::Minus, _) => before.is_some_and(|b| ends_operand(b.kind)),
        (T::OpenBrace, T::CloseBrace) => false,
        (T::OpenBrace, _) | (_, T::CloseBrace) => true,
        // `${ { a = 1 } }`
        (T::OpenInterpolation | T::OpenDirective, T::OpenBrace) | (T::CloseBrace, T::CloseSequence) => true,
        (T::CloseSequence, T::OpenInterpolation | T::OpenDirective) => false,
        _ => bracket_change(this.kind) <= 0 && bracket_change(next.kind) >= 0,
    }
}

/// True if a minus after this token subtracts; else it is a sign.
fn ends_operand(kind: TokenKind) -> bool {
    use TokenKind as T;
    !matches!(
        kind,
        T::OpenParen
            | T::OpenBrace
            | T::OpenBracket
            | T::Equal
            | T::Colon
            | T::Comma
            | T::Question
            | T::Plus
            | T::Star
            | T::Slash
            | T::Percent
            | T::Minus
            | T::EqualEqual
            | T::NotEqual
            | T::Greater
            | T::GreaterEqual
            | T::Less
            | T::LessEqual
            | T::AndAnd
            | T::OrOr
            | T::Bang
    )
}

//! Whether an expression that is being typed goes on in the next line.

use crate::lexer::{Lexed, ProblemKind, Start, TokenKind, lex};

/// True if more lines can make the text whole, and it isn't yet: a bracket, a `${`, a heredoc or a comment is open. False for a
/// quoted string without its end: line feeds can't stand in it, so no further line would mend it.
pub fn is_open(text: &str) -> bool {
    let lexed = lex(text, Start::Expression);
    let hopeless = |p: &ProblemKind| matches!(p, ProblemKind::LineFeedInString | ProblemKind::HeredocStart);
    if lexed.problems.iter().any(|p| hopeless(&p.kind)) {
        return false;
    }
    let has = |kind| lexed.problems.iter().any(|p| p.kind == kind);
    if has(ProblemKind::MissingQuote) {
        return sequence_at_end(&lexed, text.len());
    }
    has(ProblemKind::MissingHeredocEnd) || has(ProblemKind::MissingCommentEnd) || depth(&lexed) > 0
}

/// The text ends in a `${ … }` of a string. One that a line feed broke was ended before.
fn sequence_at_end(lexed: &Lexed, end: usize) -> bool {
    let patched = lexed
        .tokens
        .iter()
        .find(|t| t.is_empty() && matches!(t.kind, TokenKind::CloseSequence | TokenKind::CloseQuote));
    patched.is_some_and(|t| t.kind == TokenKind::CloseSequence && t.end as usize == end)
}

/// How many brackets are open at the end. One too many of another kind is the parser's to report: it closes nothing here.
fn depth(lexed: &Lexed) -> usize {
    let mut open = Vec::new();
    for token in &lexed.tokens {
        match token.kind {
            TokenKind::OpenBrace => open.push(TokenKind::CloseBrace),
            TokenKind::OpenBracket => open.push(TokenKind::CloseBracket),
            TokenKind::OpenParen => open.push(TokenKind::CloseParen),
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen
                if open.pop() != Some(token.kind) =>
            {
                return 0;
            }
            _ => {}
        }
    }
    open.len()
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn brackets_sequences_heredocs_and_comments_go_on() {
        for text in
            ["[", "[\n1,", "{ a = (", "max(1,", "\"a${", "\"a${[1, ", "<<E\na\n", "[<<-E\n  a", "1 /* a"]
        {
            assert!(is_open(text), "{text:?} goes on");
        }
    }

    #[test]
    fn what_is_whole_or_beyond_mending_does_not() {
        let whole = ["", "1", "[1]", "\"a${b}\"", "<<E\na\nE\n", "\"[\"", "1 # ["];
        let beyond = ["]", "[1)", "\"a", "[\"a", "1 +", "\"a${\"b", "[\"a\nb\""];
        for text in whole.into_iter().chain(beyond) {
            assert!(!is_open(text), "{text:?} does not go on");
        }
    }
}

//! The parser's state, and what all its parts use: looking at tokens, reporting, limits.

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, FileId, Span};

use super::codes;
use super::literal::nfc;
use super::template::Piece;
use crate::lexer::{Lexed, Problem, ProblemKind, Token, TokenKind};

/// Levels that blocks, brackets and templates may be nested: a thread's usual 2 MiB of stack must do, without optimisation.
pub(crate) const MAX_NESTING: u32 = 128;
/// Height of an expression's tree, to which chains like `a + b + c …` add: everything that walks it is recursive.
const MAX_HEIGHT: u32 = 400;

/// The error was reported; the one who called decides where to go on.
#[derive(Debug)]
pub(super) struct Reported;
/// Something that was read, or an error that was reported.
pub(super) type Parsed<T> = Result<T, Reported>;

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) file: FileId,
    pub(super) tokens: &'a [Token],
    problems: &'a [Problem],
    /// The next token.
    pub(super) at: usize,
    /// The end of the last token that was read.
    pub(super) last_end: u32,
    /// Line feeds are tokens here, not space.
    pub(super) newlines: bool,
    depth: u32,
    /// How deep the subtree that is being read has gone: see [`Parser::grow`].
    deepest: u32,
    /// Where the argument or block header that is being read starts.
    pub(super) item_start: u32,
    /// How many more `{` than `}` the file has and that are not yet explained; negative if it has more `}`.
    pub(super) missing_braces: i32,
    /// All of the text is ASCII, so in NFC.
    ascii: bool,
    /// Memory for the pieces of the next template.
    pub(super) spare_pieces: Vec<Piece<'a>>,
    diagnostics: Diagnostics,
    /// Said once is enough: what is generated wrongly may be wrong a thousand times.
    too_deep_is_reported: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, file: FileId, lexed: &'a Lexed) -> Parser<'a> {
        let mut missing_braces = lexed.open_braces;
        let swallows =
            |p: &Problem| matches!(p.kind, ProblemKind::MissingHeredocEnd | ProblemKind::MissingCommentEnd);
        if lexed.problems.iter().any(swallows) {
            missing_braces = 0;
        }
        Parser {
            text,
            file,
            tokens: &lexed.tokens,
            problems: &lexed.problems,
            at: 0,
            last_end: 0,
            newlines: false,
            depth: 0,
            deepest: 0,
            item_start: 0,
            missing_braces,
            ascii: text.is_ascii(),
            spare_pieces: Vec::new(),
            diagnostics: Diagnostics::new(),
            too_deep_is_reported: false,
        }
    }

    /// The same parser for a text that stands so many levels deep in another.
    pub(super) fn inside(mut self, depth: u32) -> Parser<'a> {
        self.depth = depth;
        self.deepest = depth;
        self
    }

    /// All that was wrong, in the order of the text.
    pub(super) fn finish(mut self) -> Diagnostics {
        for problem in self.problems {
            let diagnostic = self.problem(*problem);
            self.diagnostics.push(diagnostic);
        }
        self.diagnostics.sort();
        self.diagnostics
    }

    fn problem(&self, problem: Problem) -> Diagnostic {
        let span = self.span(problem.start, problem.end);
        match problem.kind {
            ProblemKind::MissingQuote => Diagnostic::error("Invalid multi-line string")
                .code(codes::UNTERMINATED)
                .label(span, "this string has no closing quote")
                .detail("A quoted string ends on the line on which it starts.")
                .help(r#"Add the missing quote. For text of several lines use "\n" or a heredoc (<<EOT)."#),
            ProblemKind::LineFeedInString => Diagnostic::error("Invalid multi-line string")
                .code(codes::UNTERMINATED)
                .label(span, "this string has a line break in it")
                .detail("A quoted string ends on the line on which it starts.")
                .help(r#"For text of several lines use "\n" or a heredoc (<<EOT)."#),
            ProblemKind::HeredocStart => Diagnostic::error("Invalid expression")
                .code(codes::EXPRESSION)
                .label(span, "not the start of a heredoc")
                .detail("A heredoc starts with \"<<\" or \"<<-\", a name, and at once the end of the line."),
            ProblemKind::MissingHeredocEnd => {
                let name = self.text[span.start as usize..span.end as usize].trim_start_matches(['<', '-']);
                Diagnostic::error("Unterminated template string")
                    .code(codes::UNTERMINATED)
                    .label(span, "this heredoc has no end")
                    .help(format!("End it with a line that holds {name} and nothing else."))
            }
            ProblemKind::MissingCommentEnd => Diagnostic::error("Unterminated comment")
                .code(codes::UNTERMINATED)
                .label(span, "this comment has no end")
                .help("End it with \"*/\"."),
        }
    }

    #[inline]
    pub(super) fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end: end.max(start) }
    }

    /// Where a token is; for a line feed, the end of its line.
    #[inline]
    pub(super) fn token_span(&self, token: Token) -> Span {
        let end = if token.kind == TokenKind::Newline { token.start } else { token.end };
        self.span(token.start, end)
    }

    /// From a place to the end of what was read last.
    #[inline]
    pub(super) fn since(&self, start: u32) -> Span {
        self.span(start, self.last_end)
    }

    #[inline]
    pub(super) fn token_text(&self, token: Token) -> &'a str {
        &self.text[token.range()]
    }

    /// A piece of the text, in NFC.
    #[inline]
    pub(super) fn normal(&self, text: &'a str) -> EcoString {
        if self.ascii { text.into() } else { nfc(text) }
    }

    /// The next token that means something here.
    #[inline]
    pub(super) fn peek(&mut self) -> Token {
        let token = self.tokens[self.at];
        if token.kind.may_be_space() { self.peek_behind_space() } else { token }
    }

    fn peek_behind_space(&mut self) -> Token {
        loop {
            let token = self.tokens[self.at];
            match token.kind {
                TokenKind::LineComment | TokenKind::BlockComment => self.at += 1,
                TokenKind::Newline if !self.newlines => self.at += 1,
                _ => return token,
            }
        }
    }

    #[inline]
    pub(super) fn peek_kind(&mut self) -> TokenKind {
        self.peek().kind
    }

    /// Reads the next token. The end of the text is never passed.
    #[inline]
    pub(super) fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += usize::from(token.kind != TokenKind::Eof);
        self.last_end = token.end;
        token
    }

    /// Reads the next token if it is of this kind.
    #[inline]
    pub(super) fn eat(&mut self, kind: TokenKind) -> Option<Token> {
        let token = self.peek();
        if token.kind != kind {
            return None;
        }
        self.at += usize::from(kind != TokenKind::Eof);
        self.last_end = token.end;
        Some(token)
    }

    /// True if the next token is this name.
    pub(super) fn peek_word(&mut self, word: &str) -> bool {
        let token = self.peek();
        token.kind == TokenKind::Ident && self.token_text(token) == word
    }

    /// Reports, unless the lexer has patched up the same argument: then what follows is its consequence.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        let place = diagnostic.primary.as_ref().map_or(0, |label| label.span.end);
        let first = self.problems.partition_point(|p| p.start < self.item_start);
        let patched = self.problems.get(first).is_some_and(|p| p.start <= place);
        if !patched {
            self.diagnostics.push(diagnostic);
        }
    }

    pub(super) fn fail<T>(&mut self, diagnostic: Diagnostic) -> Parsed<T> {
        self.report(diagnostic);
        Err(Reported)
    }

    /// Reads something one level deeper.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let result = if self.depth > MAX_NESTING { self.too_deep() } else { read(self) };
        self.depth -= 1;
        result
    }

    /// Reads something in which line feeds are space (or are not).
    pub(super) fn with_newlines<T>(
        &mut self,
        newlines: bool,
        read: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        let outer = std::mem::replace(&mut self.newlines, newlines);
        let result = read(self);
        self.newlines = outer;
        result
    }

    fn too_deep<T>(&mut self) -> Parsed<T> {
        if std::mem::replace(&mut self.too_deep_is_reported, true) {
            return Err(Reported);
        }
        let token = self.peek();
        let diagnostic = Diagnostic::error("Nested too deeply")
            .code(codes::DEPTH)
            .at(self.token_span(token))
            .detail(format!("Blocks, brackets and templates may be nested {MAX_NESTING} levels."))
            .help("Give inner parts names as local values.");
        self.fail(diagnostic)
    }

    /// Reads a left operand and what is chained to it. Inside, [`Parser::grow`] counts the levels that each link adds above
    /// the operand.
    pub(super) fn chain<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let before = std::mem::replace(&mut self.deepest, self.depth);
        let result = read(self);
        self.deepest = self.deepest.max(before);
        result
    }

    /// The tree that was read gets higher by so many levels, at its top.
    pub(super) fn grow(&mut self, levels: u32) -> Parsed<()> {
        self.deepest += levels;
        if self.deepest <= MAX_HEIGHT {
            return Ok(());
        }
        let token = self.peek();
        let diagnostic = Diagnostic::error("Expression too long")
            .code(codes::DEPTH)
            .at(self.token_span(token))
            .detail("Too many operators or indexes are chained in one expression.")
            .help("Give parts of it names as local values.");
        self.fail(diagnostic)
    }

    /// Starts an argument or block header at a token.
    pub(super) fn start_item(&mut self, token: Token) {
        self.item_start = token.start;
        self.deepest = self.depth;
    }

    /// What a token is, for a message: `"foo"`, `end of line`.
    pub(super) fn describe(&self, token: Token) -> String {
        match token.kind {
            TokenKind::Newline => "the end of the line".to_owned(),
            TokenKind::Eof => "the end of the file".to_owned(),
            TokenKind::OpenQuote => "a string".to_owned(),
            TokenKind::OpenHeredoc => "a heredoc".to_owned(),
            TokenKind::CloseSequence => "the end of the template sequence".to_owned(),
            _ => {
                let text: String = self.token_text(token).chars().take(30).collect();
                format!("\"{text}\"")
            }
        }
    }
}

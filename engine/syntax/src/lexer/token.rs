//! What the lexer makes.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum TokenKind {
    Ident,
    Number,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    Comma,
    Dot,
    Ellipsis,
    Colon,
    DoubleColon,
    Question,
    Equal,
    FatArrow,
    EqualEqual,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    AndAnd,
    OrOr,
    Bang,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    /// `"` at the start of a quoted string.
    OpenQuote,
    /// `"` at its end; empty where it is missing.
    CloseQuote,
    /// `<<NAME` or `<<-NAME` with its line feed.
    OpenHeredoc,
    /// The closing name with the spaces around it; empty where it is missing.
    CloseHeredoc,
    /// Text of a template, undecoded: in quotes all up to the next sequence, elsewhere at most one line with its line feed.
    Text,
    /// `${` or `${~`
    OpenInterpolation,
    /// `%{` or `%{~`
    OpenDirective,
    /// `}` or `~}` of an interpolation or directive; empty where it is missing.
    CloseSequence,
    /// A character that the language does not use here.
    Invalid,
    /// The end of the text.
    Eof,
    // From here on what can be space to the parser: see `may_be_space`.
    /// `# …` or `// …`, without the line feed.
    LineComment,
    /// `/* … */`
    BlockComment,
    /// A line feed, with the carriage return before it.
    Newline,
}

impl TokenKind {
    /// True for comments and line feeds.
    #[inline]
    pub(crate) fn may_be_space(self) -> bool {
        self as u8 >= TokenKind::LineComment as u8
    }
}

/// A token: what, and which bytes. Spaces and tabs are between tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Token {
    /// Its bytes.
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
    /// True for what stands in for something missing.
    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// What the lexer could not read and how it went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// A quoted string without its closing quote: it was taken to end with its line.
    MissingQuote,
    /// A quoted string with raw line feeds in it.
    LineFeedInString,
    /// A heredoc that starts with more than `<<NAME` on its line: spaces or quotes.
    HeredocStart,
    /// A heredoc without its closing name: it was taken to be the rest of the file.
    MissingHeredocEnd,
    /// A `/*` without its `*/`.
    MissingCommentEnd,
}

/// A problem and its place: the string, heredoc or comment that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: ProblemKind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// The tokens of a text (the last is `Eof`), and what was wrong with it.
#[derive(Debug)]
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) problems: Vec<Problem>,
    /// How many more `{` there are than `}`; negative if there are more `}`.
    pub(crate) open_braces: i32,
}

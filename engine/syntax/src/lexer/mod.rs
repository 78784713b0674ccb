//! Text to tokens, in one pass and without failing: what is wrong is a token too, and a problem beside it.
//!
//! Comments, line feeds and the parts of templates are tokens, so that the parser and the formatter share this. Modes are
//! stacked: a template is in an expression, and an expression is in a template.

mod class;
mod expression;
mod template;
mod token;

#[cfg(test)]
mod tests;

pub(crate) use class::is_plain;
pub(crate) use token::{Lexed, Problem, ProblemKind, Token, TokenKind};

/// What the text is to be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A file or an expression.
    Expression,
    /// A template without quotes around it.
    Template,
}

/// Reads the tokens of a text. A byte order mark at its start is skipped.
pub(crate) fn lex(text: &str, start: Start) -> Lexed {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        modes: Vec::new(),
        tokens: Vec::with_capacity(text.len() / 3 + 1),
        problems: Vec::new(),
        open_braces: 0,
    };
    if text.starts_with('\u{feff}') {
        lexer.at = '\u{feff}'.len_utf8();
    }
    if start == Start::Template {
        lexer.modes.push(Mode::Bare);
    }
    lexer.run();
    Lexed { tokens: lexer.tokens, problems: lexer.problems, open_braces: lexer.open_braces }
}

/// What is being read where.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// In `${ … }` or `%{ … }`: how many braces are open in it, and whether it is (at any depth) in a quoted string.
    Sequence { braces: u32, quoted: bool },
    /// In a quoted string, which starts here; line feeds before `broken_until` (0: none) are known to be in it by mistake.
    Quoted { open: usize, broken_until: usize },
    /// In a heredoc: its closing name, where it was opened, and whether a line starts here.
    Heredoc { name: (usize, usize), open: usize, line_start: bool },
    /// In a template without quotes.
    Bare,
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Outermost first; none is the plain text of a file.
    modes: Vec<Mode>,
    tokens: Vec<Token>,
    problems: Vec<Problem>,
    open_braces: i32,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while self.at < self.bytes.len() {
            match self.modes.last() {
                None | Some(Mode::Sequence { .. }) => self.expression_token(),
                Some(Mode::Quoted { .. }) => self.quoted_token(),
                Some(Mode::Heredoc { name, line_start, .. }) => self.heredoc_token(*name, *line_start),
                Some(Mode::Bare) => self.bare_token(),
            }
        }
        while let Some(mode) = self.modes.pop() {
            self.close_at_end(mode);
        }
        self.push(TokenKind::Eof, self.at);
    }

    /// Adds a token from the current place to `end`, and goes there.
    fn push(&mut self, kind: TokenKind, end: usize) {
        self.tokens.push(Token { kind, start: self.at as u32, end: end as u32 });
        self.at = end;
    }

    fn problem(&mut self, kind: ProblemKind, start: usize, end: usize) {
        self.problems.push(Problem { kind, start: start as u32, end: end as u32 });
    }

    fn byte(&self, offset: usize) -> u8 {
        self.bytes.get(self.at + offset).copied().unwrap_or(0)
    }

    /// What is still open where the text ends.
    fn close_at_end(&mut self, mode: Mode) {
        match mode {
            Mode::Sequence { .. } => self.push(TokenKind::CloseSequence, self.at),
            Mode::Quoted { open, .. } => {
                self.push(TokenKind::CloseQuote, self.at);
                let inner = self.modes.iter().any(|m| matches!(m, Mode::Quoted { .. }));
                if !inner {
                    let end = line_end(self.bytes, open);
                    self.problem(ProblemKind::MissingQuote, open, end);
                }
            }
            Mode::Heredoc { open, .. } => {
                self.push(TokenKind::CloseHeredoc, self.at);
                let end = line_end(self.bytes, open);
                self.problem(ProblemKind::MissingHeredocEnd, open, end);
            }
            Mode::Bare => {}
        }
    }
}

/// The end of the line of a place, without its line feed.
fn line_end(bytes: &[u8], from: usize) -> usize {
    let end = bytes[from..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| from + i);
    if end > from && bytes[end - 1] == b'\r' && end < bytes.len() { end - 1 } else { end }
}

/// The length of the name at the start of the text; 0 if there is none. As identifiers are in Unicode, and dashes.
fn ident_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b) if class::has(*b, class::NAME_START) => name_end(text, 1),
        Some(b) if !b.is_ascii() => {
            let first = text.chars().next().filter(|c| unicode_ident::is_xid_start(*c));
            first.map_or(0, |c| name_end(text, c.len_utf8()))
        }
        _ => 0,
    }
}

/// Where the name ends that goes on at a place.
#[inline]
fn name_end(text: &str, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    loop {
        while at < bytes.len() && class::has(bytes[at], class::NAME) {
            at += 1;
        }
        match bytes.get(at) {
            Some(b) if !b.is_ascii() => match text[at..].chars().next() {
                Some(c) if unicode_ident::is_xid_continue(c) => at += c.len_utf8(),
                _ => return at,
            },
            _ => return at,
        }
    }
}

/// True if the text is a name and nothing else.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && ident_length(text) == text.len()
}

/// True if the line that starts here looks like the start of an argument (`name =`) or of a block (`name "label" {`). Nothing
/// in an expression outside braces looks so, as `if {`, `in {` and `for x in {` are no blocks: it is how the end of something
/// unclosed is found.
pub(crate) fn looks_like_item(text: &str, line_start: usize) -> bool {
    let rest = text[line_start..].trim_start_matches([' ', '\t']);
    let name = ident_length(rest);
    if name == 0 {
        return false;
    }
    let keyword = |word: &str| matches!(word, "for" | "in" | "if");
    let mut before_object = keyword(&rest[..name]);
    let mut rest = &rest[name..];
    let mut labels = 0;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t']);
        if labels == 0 && trimmed.starts_with('=') {
            return !trimmed.starts_with("==") && !trimmed.starts_with("=>");
        }
        if let Some(after) = trimmed.strip_prefix('{') {
            let opened = after.trim_start_matches([' ', '\t', '\r']);
            return !before_object && (after.is_empty() || opened.starts_with(['\n', '}', '#']));
        }
        let label = if let Some(quoted) = trimmed.strip_prefix('"') {
            let Some(end) = quoted.find(['"', '\n']) else { return false };
            if quoted.as_bytes()[end] == b'\n' {
                return false;
            }
            end + 2
        } else {
            ident_length(trimmed)
        };
        if label == 0 {
            return false;
        }
        labels += 1;
        before_object |= keyword(&trimmed[..label]);
        rest = &trimmed[label..];
    }
}

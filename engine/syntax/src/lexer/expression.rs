//! Tokens outside of template text.

use super::{Lexer, Mode, ProblemKind, TokenKind, ident_length, line_end, looks_like_item, name_end};

impl Lexer<'_> {
    /// Reads one token and the spaces before it.
    pub(super) fn expression_token(&mut self) {
        use TokenKind as T;
        let bytes = self.bytes;
        let mut at = self.at;
        let b = loop {
            match bytes.get(at) {
                Some(b' ' | b'\t') => at += 1,
                Some(b) => break *b,
                None => break 0,
            }
        };
        self.at = at;
        match b {
            0 if at == bytes.len() => {}
            b'\n' => self.newline(1),
            b'\r' if self.byte(1) == b'\n' => self.newline(2),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let end = name_end(self.text, self.at + 1);
                self.push(T::Ident, end);
            }
            b'0'..=b'9' => self.number(),
            b'"' => self.quote(),
            b'#' => self.line_comment(),
            b'/' if self.byte(1) == b'/' => self.line_comment(),
            b'/' if self.byte(1) == b'*' => self.block_comment(),
            b'<' if self.byte(1) == b'<' && self.heredoc_start() => {}
            b'{' => {
                if let Some(Mode::Sequence { braces, .. }) = self.modes.last_mut() {
                    *braces += 1;
                }
                self.open_braces += 1;
                self.push(T::OpenBrace, self.at + 1);
            }
            b'}' => self.close_brace(1),
            b'~' if self.byte(1) == b'}' && self.in_sequence_without_braces() => self.close_brace(2),
            _ => self.punctuation(b),
        }
    }

    fn punctuation(&mut self, b: u8) {
        use TokenKind as T;
        let (kind, length) = match b {
            b'[' => (T::OpenBracket, 1),
            b']' => (T::CloseBracket, 1),
            b'(' => (T::OpenParen, 1),
            b')' => (T::CloseParen, 1),
            b',' => (T::Comma, 1),
            b'?' => (T::Question, 1),
            b'+' => (T::Plus, 1),
            b'-' => (T::Minus, 1),
            b'*' => (T::Star, 1),
            b'/' => (T::Slash, 1),
            b'%' => (T::Percent, 1),
            b'.' if self.byte(1) == b'.' && self.byte(2) == b'.' => (T::Ellipsis, 3),
            b'.' => (T::Dot, 1),
            b':' if self.byte(1) == b':' => (T::DoubleColon, 2),
            b':' => (T::Colon, 1),
            b'=' => match self.byte(1) {
                b'=' => (T::EqualEqual, 2),
                b'>' => (T::FatArrow, 2),
                _ => (T::Equal, 1),
            },
            b'!' if self.byte(1) == b'=' => (T::NotEqual, 2),
            b'!' => (T::Bang, 1),
            b'<' if self.byte(1) == b'=' => (T::LessEqual, 2),
            b'<' => (T::Less, 1),
            b'>' if self.byte(1) == b'=' => (T::GreaterEqual, 2),
            b'>' => (T::Greater, 1),
            b'&' if self.byte(1) == b'&' => (T::AndAnd, 2),
            b'|' if self.byte(1) == b'|' => (T::OrOr, 2),
            _ => {
                let rest = &self.text[self.at..];
                match ident_length(rest) {
                    0 => (T::Invalid, rest.chars().next().map_or(1, char::len_utf8)),
                    length => (T::Ident, length),
                }
            }
        };
        self.push(kind, self.at + length);
    }

    /// A line feed. In an interpolation of a quoted string it is also where a missing end is noticed: what follows looks like
    /// the next argument or block.
    fn newline(&mut self, length: usize) {
        let quoted = matches!(self.modes.last(), Some(Mode::Sequence { braces: 0, quoted: true }));
        if quoted && looks_like_item(self.text, self.at + length) {
            while let Some(mode) = self.modes.last().copied() {
                match mode {
                    Mode::Sequence { quoted: true, .. } => self.push(TokenKind::CloseSequence, self.at),
                    Mode::Quoted { open, .. } => {
                        self.push(TokenKind::CloseQuote, self.at);
                        self.modes.pop();
                        if !matches!(self.modes.last(), Some(Mode::Sequence { quoted: true, .. })) {
                            let end = line_end(self.bytes, open);
                            self.problem(ProblemKind::MissingQuote, open, end);
                            break;
                        }
                        continue;
                    }
                    _ => break,
                }
                self.modes.pop();
            }
        }
        self.push(TokenKind::Newline, self.at + length);
    }

    fn number(&mut self) {
        let bytes = self.bytes;
        let digits = |mut at: usize| {
            while at < bytes.len() && bytes[at].is_ascii_digit() {
                at += 1;
            }
            at
        };
        let mut end = digits(self.at);
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction > end + 1 {
                end = fraction;
            }
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        self.push(TokenKind::Number, end);
    }

    fn line_comment(&mut self) {
        let end = line_end(self.bytes, self.at);
        self.push(TokenKind::LineComment, end);
    }

    fn block_comment(&mut self) {
        match self.text[self.at + 2..].find("*/") {
            Some(length) => self.push(TokenKind::BlockComment, self.at + length + 4),
            None => {
                self.problem(ProblemKind::MissingCommentEnd, self.at, self.at + 2);
                self.push(TokenKind::BlockComment, self.bytes.len());
            }
        }
    }

    fn in_sequence_without_braces(&self) -> bool {
        matches!(self.modes.last(), Some(Mode::Sequence { braces: 0, .. }))
    }

    /// `}`, which may end an interpolation or directive.
    fn close_brace(&mut self, length: usize) {
        match self.modes.last_mut() {
            Some(Mode::Sequence { braces: 0, .. }) => {
                self.modes.pop();
                self.push(TokenKind::CloseSequence, self.at + length);
            }
            Some(Mode::Sequence { braces, .. }) => {
                *braces -= 1;
                self.plain_close_brace();
            }
            _ => self.plain_close_brace(),
        }
    }

    fn plain_close_brace(&mut self) {
        self.open_braces -= 1;
        self.push(TokenKind::CloseBrace, self.at + 1);
    }

    /// `<<NAME` and the end of its line. False (and nothing read) if what is here is something else. Spaces and quotes around
    /// the name are a mistake, but what follows is clearly meant as a heredoc.
    fn heredoc_start(&mut self) -> bool {
        let dash = usize::from(self.byte(2) == b'-');
        let rest = &self.text[self.at + 2 + dash..];
        let name = self.at + 2 + dash + (rest.len() - rest.trim_start_matches([' ', '\t', '"', '\'']).len());
        let after = name + ident_length(&self.text[name..]);
        let line_end = line_end(self.bytes, after);
        let rest = self.text[after..line_end].trim_start_matches(['"', '\'']).trim_matches([' ', '\t']);
        if after == name || !rest.is_empty() || line_end == self.bytes.len() {
            return false;
        }
        if name != self.at + 2 + dash || after != line_end {
            self.problem(ProblemKind::HeredocStart, self.at, line_end);
        }
        let line_feed = if self.bytes[line_end] == b'\r' { 2 } else { 1 };
        self.modes.push(Mode::Heredoc { name: (name, after), open: self.at, line_start: true });
        self.push(TokenKind::OpenHeredoc, line_end + line_feed);
        true
    }
}

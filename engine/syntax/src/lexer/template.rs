//! Tokens of template text.

use super::{Lexer, Mode, ProblemKind, TokenKind, class, line_end, looks_like_item};

impl Lexer<'_> {
    /// `${`, `%{` and their `~`, if one is here.
    fn sequence_start(&mut self, quoted: bool) -> bool {
        let kind = match self.byte(0) {
            b'$' => TokenKind::OpenInterpolation,
            b'%' => TokenKind::OpenDirective,
            _ => return false,
        };
        if self.byte(1) != b'{' {
            return false;
        }
        let strip = usize::from(self.byte(2) == b'~');
        self.modes.push(Mode::Sequence { braces: 0, quoted });
        self.push(kind, self.at + 2 + strip);
        true
    }

    /// Where a template sequence starts in `from..`, at the first byte of the class `stops`, or at the end of the text. `$${`
    /// and `%%{` are text.
    fn text_end(&self, from: usize, stops: u8) -> usize {
        let bytes = self.bytes;
        let mut at = from;
        loop {
            while at < bytes.len() && !class::has(bytes[at], stops) {
                at += 1;
            }
            match bytes.get(at) {
                Some(b @ (b'$' | b'%')) => match bytes.get(at + 1) {
                    Some(b'{') => return at,
                    Some(next) if next == b && bytes.get(at + 2) == Some(&b'{') => at += 3,
                    _ => at += 1,
                },
                _ => return at,
            }
        }
    }

    /// `"` where an expression can be: all of the string, if it is plain.
    pub(super) fn quote(&mut self) {
        let open = self.at;
        let end = self.text_end(open + 1, class::QUOTED_STOP);
        self.push(TokenKind::OpenQuote, open + 1);
        if self.bytes.get(end) != Some(&b'"') {
            self.modes.push(Mode::Quoted { open, broken_until: 0 });
            return;
        }
        if end > self.at {
            self.push(TokenKind::Text, end);
        }
        self.push(TokenKind::CloseQuote, end + 1);
    }

    pub(super) fn quoted_token(&mut self) {
        if self.byte(0) == b'"' {
            let mode = self.modes.pop();
            self.push(TokenKind::CloseQuote, self.at + 1);
            if let Some(Mode::Quoted { open, broken_until: 1.. }) = mode {
                self.problem(ProblemKind::LineFeedInString, open, self.at);
            }
            return;
        }
        if self.sequence_start(true) {
            return;
        }
        let mut end = self.at;
        loop {
            end = self.text_end(end, class::QUOTED_STOP);
            match self.bytes.get(end) {
                // What is escaped can't end the string; a line feed can't be escaped.
                Some(b'\\') if !matches!(self.bytes.get(end + 1), None | Some(b'\n')) => {
                    end += 1 + self.text[end + 1..].chars().next().map_or(0, char::len_utf8);
                    // `\$` is an error of its own; it doesn't hide a `${`.
                    if matches!(self.bytes[end - 1], b'$' | b'%') && self.bytes.get(end) == Some(&b'{') {
                        end -= 1;
                    }
                }
                Some(b'\\') => end += 1,
                Some(b'\r') => {
                    // One that no line feed follows breaks the string all the same.
                    if self.bytes.get(end + 1) != Some(&b'\n') {
                        self.mark_broken();
                    }
                    end += 1;
                }
                Some(b'\n') if self.goes_on_below(end) => end += 1,
                Some(b'\n') => return self.missing_quote(end),
                _ => break,
            }
        }
        self.push(TokenKind::Text, end);
    }

    /// The string ends with its line, as its quote is missing.
    fn missing_quote(&mut self, line_feed: usize) {
        let end = line_feed - usize::from(self.bytes[..line_feed].ends_with(b"\r") && line_feed > self.at);
        if end > self.at {
            self.push(TokenKind::Text, end);
        }
        self.push(TokenKind::CloseQuote, end);
        if let Some(Mode::Quoted { open, .. }) = self.modes.pop() {
            self.problem(ProblemKind::MissingQuote, open, end.min(line_end(self.bytes, open)));
        }
        // An outer string on the same line lost its quote to this one.
        while let Some(Mode::Sequence { braces: 0, .. }) = self.modes.last() {
            self.modes.pop();
            self.push(TokenKind::CloseSequence, end);
            if matches!(self.modes.last(), Some(Mode::Quoted { .. })) {
                self.modes.pop();
                self.push(TokenKind::CloseQuote, end);
            }
        }
    }

    /// The string has a line break in it, which is reported at its end.
    fn mark_broken(&mut self) {
        if let Some(Mode::Quoted { broken_until, .. }) = self.modes.last_mut() {
            *broken_until = (*broken_until).max(1);
        }
    }

    /// True if the string that is broken by this line feed goes on below: a line with a quote comes before one that looks
    /// like the next argument or block. The answer is kept, so that no line is looked at twice.
    fn goes_on_below(&mut self, line_feed: usize) -> bool {
        let Some(Mode::Quoted { broken_until, .. }) = self.modes.last_mut() else { return false };
        if line_feed < *broken_until {
            return true;
        }
        let mut line = line_feed + 1;
        while line < self.bytes.len() && !looks_like_item(self.text, line) {
            let end = line_end(self.bytes, line);
            if self.bytes[line..end].contains(&b'"') {
                *broken_until = line;
                return true;
            }
            line = end + 1 + usize::from(self.bytes.get(end) == Some(&b'\r'));
        }
        false
    }

    pub(super) fn heredoc_token(&mut self, name: (usize, usize), line_start: bool) {
        if line_start {
            let line = &self.text[self.at..line_end(self.bytes, self.at)];
            if line.trim() == &self.text[name.0..name.1] {
                self.modes.pop();
                let end = self.at + line.trim_end_matches('\r').len();
                self.push(TokenKind::CloseHeredoc, end);
                return;
            }
        }
        let quoted = self.modes.iter().any(|m| matches!(m, Mode::Quoted { .. }));
        let at = self.at;
        let line_start = !self.sequence_start(quoted) && {
            self.line_of_text();
            self.bytes[..self.at].ends_with(b"\n")
        };
        let heredoc = self.modes.iter_mut().rev().find(|m| matches!(m, Mode::Heredoc { .. }));
        if let Some(Mode::Heredoc { line_start: here, .. }) = heredoc {
            *here = line_start;
        }
        debug_assert!(self.at > at, "the lexer must go on");
    }

    pub(super) fn bare_token(&mut self) {
        if !self.sequence_start(false) {
            self.line_of_text();
        }
    }

    /// Text up to the end of its line, with the line feed.
    fn line_of_text(&mut self) {
        let end = self.text_end(self.at, class::LINE_STOP);
        let end = end + usize::from(self.bytes.get(end) == Some(&b'\n'));
        self.push(TokenKind::Text, end);
    }
}

//! Texts made from texts: small changes by a seed, so that a run can be had again.

/// A generator of numbers (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

/// What is put in: what layouts depend on.
const PIECES: &[&str] = &[
    " ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
    "# c\n",
    " // d\n",
    "/* e */",
    "/* f\n g */",
    "=",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    ":",
    "=>",
    "?",
    "-",
    "!",
    ".",
    "...",
    "::",
    "\"",
    "${",
    "~}",
    "%{ if a }",
    "%{ endif }",
    "<<E\n x\nE\n",
    "<<-E\n  y\n  E\n",
    "a",
    "for",
    "in",
    "if",
    "null",
    "1",
    "1.5",
    "\"x\"",
    "\"${a}\"",
    "a = 1\n",
    "bb = [\n  1,\n  2\n]\n",
    "c {\n}\n",
    "type = \"string\"\n",
    "variable v {\n",
    "[for x in y : x]",
    "{ for k, v in m : k => v }",
    "f(x, y...)",
    "a[*].b",
    "a.*.b",
    "a[0]",
    "-1",
    "a ? b : c",
    "a && b",
    "é",
    "e\u{301}",
];

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to before `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// The start of a token or of a run of spaces in a text, or its end: where changes most often leave it valid.
    fn edge(&mut self, text: &str) -> usize {
        let class = |c: char| {
            if c.is_alphanumeric() || c == '_' {
                0
            } else if c == ' ' {
                1
            } else {
                2
            }
        };
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        while at > 0
            && let (Some(before), Some(here)) = (text[..at].chars().next_back(), text[at..].chars().next())
            && class(before) == class(here)
            && class(here) != 2
        {
            at -= before.len_utf8();
        }
        at
    }

    /// A text with one to four changes; `other` lends lines.
    pub(crate) fn change(&mut self, text: &str, other: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..=self.below(4) {
            let at = self.edge(&text);
            match self.below(8) {
                0 => {
                    let end = at + self.edge(&text[at..]).min(24);
                    if text.is_char_boundary(end) {
                        text.replace_range(at..end, "");
                    }
                }
                1 => {
                    let spaces = text[at..].len() - text[at..].trim_start_matches([' ', '\t', '\n']).len();
                    text.replace_range(at..at + spaces, PIECES[self.below(6)]);
                }
                2 => {
                    let lines: Vec<&str> = other.split_inclusive('\n').collect();
                    let line = lines.get(self.below(lines.len())).copied().unwrap_or("").to_owned();
                    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
                    text.insert_str(start, &line);
                }
                _ => text.insert_str(at, PIECES[self.below(PIECES.len())]),
            }
        }
        text
    }
}

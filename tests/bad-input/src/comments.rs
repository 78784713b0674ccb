//! The comments of a text, by a reader of its own: it knows only strings, templates, heredocs and comments.

/// Where the reader is.
enum Mode {
    /// Code: how many `{` are open in it.
    Code(usize),
    Quoted,
    Heredoc(String),
}

/// The comments of a valid text, sorted, each without spaces and line feeds at its end.
pub fn comments(text: &str) -> Vec<String> {
    let mut reader = Reader { rest: text, line_start: true, modes: vec![Mode::Code(0)], found: Vec::new() };
    while !reader.rest.is_empty() {
        reader.step();
    }
    reader.found.sort();
    reader.found
}

struct Reader<'a> {
    rest: &'a str,
    line_start: bool,
    modes: Vec<Mode>,
    found: Vec<String>,
}

impl Reader<'_> {
    fn take(&mut self, bytes: usize) {
        self.line_start = self.rest[..bytes].ends_with('\n');
        self.rest = &self.rest[bytes..];
    }

    fn step(&mut self) {
        match self.modes.last_mut() {
            Some(Mode::Quoted) => self.text(true),
            Some(Mode::Heredoc(name)) => {
                let line = self.rest.lines().next().unwrap_or("");
                if self.line_start && line.trim() == name {
                    self.modes.pop();
                    self.take(line.len());
                } else {
                    self.text(false);
                }
            }
            Some(Mode::Code(_)) | None => self.code(),
        }
    }

    fn text(&mut self, quoted: bool) {
        let rest = self.rest;
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            self.take(3);
        } else if rest.starts_with("${") || rest.starts_with("%{") {
            self.modes.push(Mode::Code(0));
            self.take(2);
        } else if quoted && rest.starts_with('"') {
            self.modes.pop();
            self.take(1);
        } else {
            let escaped = quoted && rest.starts_with('\\');
            let length = rest.chars().take(1 + usize::from(escaped)).map(char::len_utf8).sum();
            self.take(length);
        }
    }

    fn code(&mut self) {
        let rest = self.rest;
        let comment = if rest.starts_with('#') || rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(inside) = rest.strip_prefix("/*") {
            inside.find("*/").map_or(rest.len(), |at| at + 4)
        } else {
            0
        };
        if comment > 0 {
            self.found.push(rest[..comment].trim_end().to_owned());
            return self.take(comment);
        }
        if rest.starts_with("<<") {
            let line = rest.lines().next().unwrap_or("");
            let name = line[2..].trim_start_matches('-').trim().to_owned();
            self.modes.push(Mode::Heredoc(name));
            return self
                .take((line.len() + 1 + usize::from(rest[line.len()..].starts_with('\r'))).min(rest.len()));
        }
        let Some(c) = rest.chars().next() else { return };
        self.take(c.len_utf8());
        let nested = self.modes.len() > 1;
        match (c, self.modes.last_mut()) {
            ('"', _) => self.modes.push(Mode::Quoted),
            ('{', Some(Mode::Code(open))) => *open += 1,
            ('}', Some(Mode::Code(0))) if nested => drop(self.modes.pop()),
            ('}', Some(Mode::Code(open))) => *open = open.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::comments;

    #[test]
    fn only_comments_are_found() {
        let text =
            "# a\nx = \"# b ${c /* d */ + \"#\"} $${\" // e  \ny = <<E\n# f ${ g # h\n}\nE\nz = { # i\n}\n";
        assert_eq!(comments(text), ["# a", "# h", "# i", "/* d */", "// e"]);
    }
}

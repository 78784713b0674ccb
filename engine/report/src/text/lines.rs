//! Lines with a sign in front of them: the grammar of a Terraform diff.

use super::style::{Role, Style};

/// What happens to the thing on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Nothing; it is there for orientation.
    None,
    /// `+`
    Add,
    /// `~`
    Change,
    /// `-`
    Remove,
    /// `<=`
    Read,
    /// `-/+`
    DeleteThenCreate,
    /// `+/-`
    CreateThenDelete,
    /// `.`: it leaves our hands, and stays.
    Forget,
}

impl Sign {
    /// The characters.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Sign::None => "",
            Sign::Add => "+",
            Sign::Change => "~",
            Sign::Remove => "-",
            Sign::Read => "<=",
            Sign::DeleteThenCreate => "-/+",
            Sign::CreateThenDelete => "+/-",
            Sign::Forget => ".",
        }
    }

    /// With its colours: a replacement has those of both halves.
    pub(crate) fn painted(self, style: &Style) -> String {
        let paint = |role, text| style.paint(role, text).into_owned();
        match self {
            Sign::None => String::new(),
            Sign::Add => paint(Role::Add, "+"),
            Sign::Change => paint(Role::Change, "~"),
            Sign::Remove => paint(Role::Remove, "-"),
            Sign::Read => paint(Role::Read, "<="),
            Sign::DeleteThenCreate => format!("{}/{}", paint(Role::Remove, "-"), paint(Role::Add, "+")),
            Sign::CreateThenDelete => format!("{}/{}", paint(Role::Add, "+"), paint(Role::Remove, "-")),
            Sign::Forget => paint(Role::Faint, "."),
        }
    }
}

/// One line of a report, before it is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Where its text begins.
    pub(crate) column: usize,
    /// What happens to the thing on it.
    pub(crate) sign: Sign,
    /// Its text.
    pub(crate) text: String,
    /// A remark at its end that one should see.
    pub(crate) note: &'static str,
    /// It is a remark that can be skipped.
    pub(crate) faint: bool,
}

/// Lines under construction.
pub(crate) struct Lines<'a> {
    pub(crate) style: &'a Style,
    /// None is an empty line.
    rows: Vec<Option<Row>>,
    /// Columns that everything is moved to the right.
    pub(crate) base: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(style: &'a Style) -> Lines<'a> {
        Lines { style, rows: Vec::new(), base: 0 }
    }

    /// A line whose text begins in column `column`, and whose sign ends one column before that.
    pub(crate) fn line(&mut self, column: usize, sign: Sign, text: &str) {
        self.noted(column, sign, text, "");
    }

    /// The same, with a remark at its end that one should see; no remark if that is empty.
    pub(crate) fn noted(&mut self, column: usize, sign: Sign, text: &str, note: &'static str) {
        let column = self.base + column;
        self.rows.push(Some(Row { column, sign, text: text.to_owned(), note, faint: false }));
    }

    /// A remark.
    pub(crate) fn faint(&mut self, column: usize, text: &str) {
        let column = self.base + column;
        let (sign, text) = (Sign::None, text.to_owned());
        self.rows.push(Some(Row { column, sign, text, note: "", faint: true }));
    }

    /// An empty line, unless there is one already.
    pub(crate) fn gap(&mut self) {
        if self.rows.last().is_some_and(Option::is_some) {
            self.rows.push(None);
        }
    }

    /// The lines one by one; empty ones are left out.
    pub(crate) fn into_rows(self) -> Vec<Row> {
        self.rows.into_iter().flatten().collect()
    }

    pub(crate) fn finish(self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            if let Some(row) = row {
                row.write(self.style, &mut out);
            }
            out.push('\n');
        }
        out
    }
}

impl Row {
    fn write(&self, style: &Style, out: &mut String) {
        let mut pad = |columns: usize| out.extend(std::iter::repeat_n(' ', columns));
        match self.sign.text().len() {
            0 => pad(self.column),
            width => {
                pad(self.column.saturating_sub(width + 1));
                out.push_str(&self.sign.painted(style));
                out.push(' ');
            }
        }
        if self.faint {
            out.push_str(&style.paint(Role::Faint, &self.text));
        } else {
            out.push_str(&self.text);
        }
        if !self.note.is_empty() {
            out.push(' ');
            out.push_str(&style.paint(Role::Alarm, self.note));
        }
    }
}

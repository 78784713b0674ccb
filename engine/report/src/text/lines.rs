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

/// Lines under construction.
pub(crate) struct Lines<'a> {
    pub(crate) style: &'a Style,
    text: String,
    /// Columns that everything is moved to the right.
    pub(crate) base: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(style: &'a Style) -> Lines<'a> {
        Lines { style, text: String::new(), base: 0 }
    }

    /// A line whose text begins in column `column`, and whose sign ends one column before that.
    pub(crate) fn line(&mut self, column: usize, sign: Sign, text: &str) {
        let width = sign.text().len();
        let column = self.base + column;
        if width == 0 {
            self.pad(column);
        } else {
            self.pad(column.saturating_sub(width + 1));
            let sign = sign.painted(self.style);
            self.text.push_str(&sign);
            self.text.push(' ');
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A remark.
    pub(crate) fn faint(&mut self, column: usize, text: &str) {
        let text = self.style.paint(Role::Faint, text).into_owned();
        self.line(column, Sign::None, &text);
    }

    /// An empty line, unless there is one already.
    pub(crate) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn pad(&mut self, columns: usize) {
        self.text.extend(std::iter::repeat_n(' ', columns));
    }
}

//! A diagnostic, as data.

use crate::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The run can't go on.
    Error,
    /// Worth knowing.
    Warning,
}

/// A place and what to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// A clause; may be empty.
    pub text: String,
}

/// A call of a function that a diagnostic is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCall {
    /// The name that it was called by.
    pub called_as: String,
    /// Its name, parameters and type, for programs.
    pub signature: serde_json::Value,
}

/// One thing to tell a person: what, where, why, what to do next. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Stable code (`E0412`), if it has one.
    pub code: Option<&'static str>,
    /// What is wrong, in a few words, no full stop: "Unsupported argument".
    pub summary: String,
    /// Why, in sentences; may be empty.
    pub detail: String,
    /// The place that it is about.
    pub primary: Option<Label>,
    /// Other places that explain it.
    pub secondary: Vec<Label>,
    /// What to do next, one sentence each.
    pub help: Vec<String>,
    /// Values of what the expression refers to: name and text ("is null", "is \"x\"", "is list of string with 3 elements"; never a
    /// secret).
    pub values: Vec<(String, String)>,
    /// The call that it is about. Boxed, as few are about one.
    pub call: Option<Box<FunctionCall>>,
    /// The object that it is about, where there is no source: a resource address.
    pub address: Option<String>,
}

impl Diagnostic {
    /// An error with a summary.
    pub fn error(summary: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: None,
            summary: summary.into(),
            detail: String::new(),
            primary: None,
            secondary: Vec::new(),
            help: Vec::new(),
            values: Vec::new(),
            call: None,
            address: None,
        }
    }
    /// A warning with a summary.
    pub fn warning(summary: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(summary) }
    }
    /// With a code.
    pub fn code(mut self, code: &'static str) -> Diagnostic {
        self.code = Some(code);
        self
    }
    /// With a detail.
    pub fn detail(mut self, detail: impl Into<String>) -> Diagnostic {
        self.detail = detail.into();
        self
    }
    /// About a place.
    pub fn at(self, span: Span) -> Diagnostic {
        self.label(span, "")
    }
    /// About a place, with a clause beside it.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.primary = Some(Label { span, text: text.into() });
        self
    }
    /// With another place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { span, text: text.into() });
        self
    }
    /// With what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help.push(help.into());
        self
    }
    /// With the value of something it refers to.
    pub fn value(mut self, name: impl Into<String>, text: impl Into<String>) -> Diagnostic {
        self.values.push((name.into(), text.into()));
        self
    }
    /// About the call of a function.
    pub fn call(mut self, call: FunctionCall) -> Diagnostic {
        self.call = Some(Box::new(call));
        self
    }
    /// About an object.
    pub fn address(mut self, address: impl Into<String>) -> Diagnostic {
        self.address = Some(address.into());
        self
    }
}

/// Several diagnostics, in the order they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// None yet.
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }
    /// Adds several.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(others);
    }
    /// True if one is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }
    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Each in turn.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
    /// Errors before warnings, then by file and place; the same thing said twice of one place is said once.
    pub fn sort(&mut self) {
        let key = |d: &Diagnostic| (d.severity, d.primary.as_ref().map(|l| l.span));
        self.0.sort_by_key(key);
        let mut kept: Vec<Diagnostic> = Vec::with_capacity(self.0.len());
        for diagnostic in self.0.drain(..) {
            let same_place = kept.iter().rev().take_while(|k| key(k) == key(&diagnostic));
            if !same_place.into_iter().any(|k| *k == diagnostic) {
                kept.push(diagnostic);
            }
        }
        self.0 = kept;
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(all: I) -> Diagnostics {
        Diagnostics(all.into_iter().collect())
    }
}

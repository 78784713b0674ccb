//! JSON text: a tree with spans, and what its values mean as expressions.
//!
//! The reader never fails: what it could not read is left out, and diagnostics say why. Which property is an argument and which a
//! block is not known here: that is the schema's to say. Nothing here evaluates.

mod expression;
mod place;
mod reader;

#[cfg(test)]
mod tests;

use ecow::EcoString;
use pilotis_diag::{Diagnostics, FileId, SourceMap, Span};
use pilotis_value::Number;

pub use expression::{Meaning, expression};

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where; with quotes and brackets.
    pub span: Span,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// Exact, of any size.
    Number(Number),
    /// Decoded, not normalised: templates in it aren't read yet.
    String(EcoString),
    /// `[ … ]`
    Array(Vec<Node>),
    /// `{ … }`, in the order of the text; a name may stand there twice.
    Object(Vec<Property>),
    /// Could not be read; a diagnostic says why.
    Invalid,
}

/// `"name": value`
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The name, decoded.
    pub name: EcoString,
    /// Where the name is, with its quotes.
    pub name_span: Span,
    /// The value.
    pub value: Node,
}

/// Reads a text as one JSON value. Nesting is limited as in native syntax.
pub fn parse_json(sources: &SourceMap, file: FileId) -> (Node, Diagnostics) {
    reader::Reader::new(&sources.file(file).text, file).whole()
}

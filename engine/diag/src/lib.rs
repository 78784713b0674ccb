//! Diagnostics: what to tell a person about their text, and where in it.
//!
//! Here live the source map, spans, diagnostics with stable codes, "did you mean", the two renderings (snippet and
//! Terraform's JSON), and what a terminal may not be given. Nothing here knows the language, values or the terminal; only this crate names the snippet renderer.

mod diagnostic;
mod explain;
mod render;
mod source;
mod suggest;
mod terminal;

pub use diagnostic::{Diagnostic, Diagnostics, FunctionCall, Label, Severity};
pub use explain::{Example, Explanation, explanations};
pub use render::{RenderOptions, render, to_json};
pub use source::{FileId, SourceFile, SourceMap, Span};
pub use suggest::did_you_mean;
pub use terminal::{drives_terminal, harmless, write_out};

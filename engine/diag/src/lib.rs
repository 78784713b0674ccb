//! Diagnostics: what to tell a person about their text, and where in it.
//!
//! Here live the source map, spans, diagnostics with stable codes, "did you mean", and the two renderings (snippet and
//! Terraform's JSON). Nothing here knows the language, values or the terminal; only this crate names the snippet renderer.

mod diagnostic;
mod explain;
mod render;
mod source;
mod suggest;

pub use diagnostic::{Diagnostic, Diagnostics, FunctionCall, Label, Severity};
pub use explain::{Example, Explanation, explanations};
pub use render::{RenderOptions, render, to_json};
pub use source::{FileId, SourceFile, SourceMap, Span};
pub use suggest::did_you_mean;

//! HCL text: our own AST with spans, the parsers that make it (of native and of JSON syntax), and the formatter.
//!
//! Here live the AST, the lexer and the recursive-descent parser, the token formatter, the writer of values
//! and the editor that changes nothing else. Nothing here evaluates, knows a block type or reads a file. Only this crate names
//! hcl-edit, and only its tests do: as another opinion on what a text means.

pub mod ast;
pub mod edit;
mod format;
pub mod json;
mod lexer;
mod open;
mod parse;
pub mod write;

pub use format::format;
pub use lexer::is_name;
pub use open::is_open;
pub use parse::{EXPLANATIONS, parse_expression, parse_file, parse_template};

//! What must hold for every input of the language, as functions that panic where it doesn't.
//!
//! The fuzz targets (`fuzz/`) call them with what libFuzzer thinks of; this crate's tests with the corpus, and with inputs made to a
//! plan. Here is no input: only what is done with one.

mod comments;
mod configuration;
mod evaluate;
pub mod growth;
pub mod meaning;
mod syntax;
pub mod world;

pub use comments::comments;
pub use configuration::{load, load_files, tfvars};
pub use evaluate::{evaluate, evaluated};
pub use syntax::{format, json, parse, template};

/// What is done with an input.
pub type Target = fn(&[u8]);

/// The fuzz targets: name (of the binary and of the folder of its corpus), and what it does with an input.
pub const TARGETS: &[(&str, Target)] = &[
    ("parse", parse),
    ("evaluate", evaluate),
    ("format", format),
    ("json", json),
    ("load", load),
    ("tfvars", tfvars),
    ("template", template),
];

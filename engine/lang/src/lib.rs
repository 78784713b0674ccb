//! The evaluator: expressions compiled to slots, and evaluated without looking a name up.
//!
//! Here live compilation, evaluation, type constraints and the functions. Nothing here knows what a resource or a module is:
//! whoever compiles says which slot a reference is, whoever evaluates says what is in it. No I/O: files come through [`Files`].

mod codes;
mod compile;
mod constraint;
mod describe;
mod eval;
pub mod functions;
mod node;
mod run;
mod signature;

pub use codes::EXPLANATIONS;
pub use compile::{Compiled, Reference, Resolved, Resolver, Slot, compile, compile_template};
pub use constraint::{constant, parse_constraint};
pub use describe::{Cause, describe};
pub use eval::{Files, Frame, Surroundings};

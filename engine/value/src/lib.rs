//! Terraform's values and types: what an expression evaluates to.
//!
//! Here live types, values, exact numbers, unknowns, marks, paths, conversion, unification, the set order, the structural
//! diff and the JSON forms. Nothing here knows of source text, schemas, providers or I/O, and only this crate names the
//! big-number crate.

pub mod constraint;
pub mod convert;
pub mod diff;
pub mod json;
pub mod marks;
pub mod number;
pub mod path;
mod types;
pub mod unify;
mod value;

pub use constraint::{Constraint, Defaults};
pub use marks::Marks;
pub use number::Number;
pub use path::{Path, Step};
pub use types::{ObjectType, Type};
pub use value::{Digest, Elements, Entries, EntryMap, Kind, Refinement, SharedType, Unknown, Value};

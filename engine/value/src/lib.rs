//! Terraform's values and types: what an expression evaluates to.
//!
//! Here live types, values, exact numbers, unknowns, marks, paths, conversion, unification, the set order, the structural
//! diff, the JSON forms, and what keeps secrets from being printed. Nothing here knows of source text, schemas, providers or
//! I/O, and only this crate names the big-number crate.

mod concealed;
mod confided;
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

pub use concealed::Concealed;
pub use confided::Confided;
pub use constraint::{Constraint, Defaults};
pub use marks::Marks;
pub use number::Number;
pub use path::{Path, Step};
pub use types::{ObjectType, Type};
pub use value::{Digest, Elements, Entries, EntryMap, Kind, Refinement, SharedType, Unknown, Value};

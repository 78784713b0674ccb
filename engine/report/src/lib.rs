//! Plan, drift, run and state as text and as JSON; a plan as a page too.
//!
//! Everything here is a function from plain data to text or JSON: a report sees no terminal, no clock and no file, and never prints what is
//! marked sensitive. The JSON documents are those that Terraform documents, so that existing tools read them.

pub mod counts;
pub mod drift;
pub mod html;
pub mod json;
pub mod junit;
mod picture;
mod state;
pub mod text;
mod veil;

pub use counts::{Counts, Totals};
pub use picture::picture;
pub use state::StateObject;
pub use text::Style;

pub(crate) use veil::{guarded, veiled};

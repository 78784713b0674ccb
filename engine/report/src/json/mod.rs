//! The documents that Terraform documents: plan, state, and the stream of events.

pub mod events;
mod gitlab;
pub(crate) mod marked;
mod modules;
mod plan;
mod state;

pub use gitlab::gitlab;
pub use marked::Secrets;
pub use plan::{PlanDocument, plan};
pub use state::{outputs, state};

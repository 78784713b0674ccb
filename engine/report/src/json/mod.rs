//! The documents that Terraform documents: plan, state, and the stream of events.

mod checks;
mod configuration;
pub mod events;
mod gitlab;
pub(crate) mod marked;
mod modules;
mod outputs;
mod plan;
mod relevant;
mod schemas;
mod state;
pub mod test_events;
mod why;

pub use gitlab::gitlab;
pub use marked::Secrets;
pub use outputs::outputs;
pub use plan::{PlanDocument, plan};
pub use schemas::schemas;
pub use state::state;
pub use why::why;

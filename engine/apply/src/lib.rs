//! The driver: runs the planner's machine against real providers and a real state, on tokio.
//!
//! Here live the engine that a command line talks to, the loop that does what the machine asks for, limits, leases,
//! cancellation, progress, and the providers that need no service. No decision is made here: what is read, planned and
//! done is the machine's to say (`pilotis-plan`).

mod builtin;
mod calls;
mod discover;
mod drive;
mod engine;
mod ephemeral;
mod hidden;
mod import;
mod lease;
mod programs;
mod remote_state;
mod report;
mod sandboxed;
mod store;
pub mod testing;

pub use builtin::TerraformProvider;
pub use engine::{ApplyOptions, ApplyReport, Engine, EngineError, Imported, Planned, Providers, Settings};
pub use programs::refused as programs_refused;
pub use remote_state::{Builtin, OtherState, OtherStates};
pub use report::{Event, Operation, Quiet, Reporter};
pub use sandboxed::{RootFrame, sandboxed};
pub use store::StoreThread;

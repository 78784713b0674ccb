//! What is stored: records, the changes made to them, and the store trait.
//!
//! Here live the records, the trait, a store in memory and the tests that every store must pass; the durable stores are crates
//! of their own (`state/sqlite` …). Nothing here knows of plans, providers or the language.

pub mod audit;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod contents;
pub mod edit;
mod hex;
mod made_of;
mod memory;
mod names;
mod record;
mod store;
pub mod terraform;
pub mod whole;

pub use memory::MemoryStore;
pub use record::{
    Action, Change, ChangeOutcome, Holder, Intent, IntentId, Lease, LeaseMode, Observation, OutputRecord,
    ResourceKey, ResourceRecord, Run, RunId, RunKind, RunStatus, Status, Timestamp,
};
pub use store::{Expect, Head, Snapshot, StateError, Store, Write};

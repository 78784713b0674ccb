//! Emulators of the platform's services behind real HTTP: to try things on a laptop, to test, to measure.
//!
//! [`Sandbox::attach_or_start`] gives the address and token of each service. What is made in it is in one data file
//! and is there the next time. Faults are switched on through [`Faults`] or over HTTP (`/-/sandbox/faults`).
//! Nothing here knows the engine; a service module knows only [`ServiceContext`].

mod faults;
pub mod gitlab;
pub mod kubernetes;
mod running;
mod server;
mod store;
mod tls;

pub use faults::{Action, Fault, FaultError, Faults};
pub use running::{Endpoint, Options, Running, Sandbox, SandboxError, ServiceOptions};
pub use server::{Calls, Exchange, Service, ServiceContext, ServiceError};
pub use store::{Batch, Object, Store, StoreError};

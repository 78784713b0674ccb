//! What a provider is: the trait that the engine drives, typed errors, the `Resource` derive and the test kit.
//!
//! A provider knows this crate (and `pilotis-rest`), never the engine or the state. Nothing here talks to a service.
//! Start with [`model`] (structs as schemas), [`typed`] (a resource type is one file) and [`registry`] (many make a provider).

// Derived code names this crate; its own tests and examples use the derives too.
extern crate self as pilotis_sdk;

mod calls;
mod error;
pub mod json;
pub mod model;
mod provider;
pub mod registry;
mod secret;
pub mod testkit;
pub mod typed;

pub use calls::{Call, CallLog, Calls};
pub use error::{Error, ErrorKind, Outcome};
pub use pilotis_schema as schema;
pub use pilotis_sdk_derive::{DataSource, Ephemeral, Nested, ProviderConfig, Resource, StringEnum};
pub use pilotis_value as value;
pub use provider::{
    Connection, Created, DataRequest, Environment, Found, ImportId, ListRequest, Listing, Opened, Provider,
    ReadRequest, Renewed, SandboxEndpoint,
};
pub use secret::Secret;

//! What a provider declares, as data; and the addresses of what a configuration makes.
//!
//! Here live schemas of providers, resources and data sources, the rules by which the planner treats an attribute, and
//! addresses. Nothing here does anything: no evaluation, no I/O, no service by name.

pub mod address;
mod properties;
mod schema;

pub use schema::{
    Attribute, Block, Compare, NestedBlock, Nesting, Presence, ProviderSchema, Refresh, ResourceSchema,
    SecretKind,
};

//! Stored objects, decoded: what reports of a state are made of.

use pilotis_schema::address::Instance;
use pilotis_state::ResourceRecord;
use pilotis_value::Value;

/// A stored object and what its schema makes of it.
#[derive(Clone, Debug)]
pub struct StateObject<'a> {
    /// As stored.
    pub record: &'a ResourceRecord,
    /// Its address.
    pub address: Instance,
    /// As a person reads it.
    pub display: String,
    /// Its attributes, sensitive ones marked.
    pub value: Value,
}

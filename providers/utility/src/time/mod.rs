//! The `time` provider: instants that stay in the state, and waiting.

mod instant;
mod offset;
mod rotating;
mod sleep;
mod stationary;

use std::collections::BTreeMap;

use pilotis_sdk::registry::Registry;

use crate::Here;

/// Arbitrary texts; a change of one of them makes a new instant.
type Triggers = BTreeMap<String, Option<String>>;

pub(crate) fn register(registry: Registry<Here>) -> Registry<Here> {
    registry
        .resource::<offset::Offset>()
        .resource::<rotating::Rotating>()
        .resource::<sleep::Sleep>()
        .resource::<stationary::Static>()
}

//! The `random` provider: values drawn once, which stay until an argument or a keeper changes.
//!
//! Without a seed all is drawn from the system's generator. A seed gives the same result again with this program, not the same as the
//! established provider's, whose generator is Go's.

mod bytes;
mod ephemeral;
mod id;
mod integer;
mod pet;
mod shuffle;
mod text;
mod uuid;

use std::collections::BTreeMap;

use pilotis_sdk::registry::Registry;
use rand::rngs::ChaCha20Rng;
use rand::{Rng, SeedableRng as _};
use sha2::{Digest as _, Sha256};

use crate::Here;

/// Arbitrary texts; a change of one of them draws anew.
type Keepers = BTreeMap<String, Option<String>>;

pub(crate) fn register(registry: Registry<Here>) -> Registry<Here> {
    registry
        .resource::<bytes::Bytes>()
        .resource::<id::Id>()
        .resource::<integer::Integer>()
        .resource::<text::Password>()
        .resource::<pet::Pet>()
        .resource::<shuffle::Shuffle>()
        .resource::<text::Text>()
        .resource::<uuid::Uuid>()
        .ephemeral::<ephemeral::EphemeralPassword>()
}

/// Where chance comes from: a seed gives the same again, none is the system's generator.
fn chance(seed: Option<&str>) -> Box<dyn Rng> {
    match seed {
        Some(seed) => Box::new(ChaCha20Rng::from_seed(Sha256::digest(seed.as_bytes()).into())),
        None => Box::new(rand::rng()),
    }
}

/// That many bytes from the system's generator.
fn bytes_of_chance(attribute: &str, length: i64) -> Result<Vec<u8>, pilotis_sdk::Error> {
    /// Nobody draws a key of more than this; a typing error must not fill the memory.
    const MOST: i64 = 1 << 20;
    if !(1..=MOST).contains(&length) {
        let e = crate::kept::invalid(attribute, format!("{attribute} must be from 1 to {MOST}"));
        return Err(e.detail(format!("It is {length}.")));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    chance(None).fill_bytes(&mut bytes);
    Ok(bytes)
}

//! What lies on a disk or in a database, encrypted.
//!
//! [`EncryptedStore`] stands before any [`pilotis_state::Store`] and encrypts the texts that may hold secrets (attributes, observations,
//! outputs, history, intents) on their way in; addresses, types, dependencies and times stay readable, so that a store can do its
//! work. [`Keyring`] seals bytes with AES-256-GCM-SIV under keys that come from a [`KeyProvider`]: also saved plans are sealed by it.
//! Nothing here reads a file, an environment or a network: who makes a key provider gives it what it needs.

mod key;
mod keyring;
mod memory;
mod passphrase;
mod recipients;
mod secret_key;
mod store;

pub use key::{DataKey, KeyError, KeyProvider};
pub use keyring::{Keyring, is_sealed};
pub use memory::Memory;
pub use passphrase::{Argon2, Pbkdf2, Pbkdf2Hash};
pub use recipients::Age;
pub use secret_key::SecretKey;
pub use store::EncryptedStore;

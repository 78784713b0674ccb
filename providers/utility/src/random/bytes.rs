//! `random_bytes`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pilotis_sdk::{Error, Secret};

use super::{Keepers, bytes_of_chance};
use crate::kept::{Kept, kept, wrong_import};

/// Bytes from a cryptographic generator, for keys. They are secrets.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "random_bytes")]
pub(crate) struct Bytes {
    /// Arbitrary texts; when one of them changes, new bytes are drawn.
    #[attr(force_new)]
    pub(crate) keepers: Option<Keepers>,
    /// How many bytes, at least 1.
    #[attr(force_new)]
    pub(crate) length: i64,
    /// The bytes in Base64.
    #[attr(computed, secret = "made_readable")]
    pub(crate) base64: Option<Secret>,
    /// The bytes in lower-case hexadecimal digits.
    #[attr(computed, secret = "made_readable")]
    pub(crate) hex: Option<Secret>,
}

impl Bytes {
    fn of(self, bytes: &[u8]) -> Bytes {
        Bytes {
            base64: Some(Secret::new(STANDARD.encode(bytes))),
            hex: Some(Secret::new(crate::hex(bytes))),
            ..self
        }
    }
}

impl Kept for Bytes {
    async fn make(planned: Bytes) -> Result<Bytes, Error> {
        let bytes = bytes_of_chance("length", planned.length)?;
        Ok(planned.of(&bytes))
    }
    fn of_import(id: &str) -> Result<Bytes, Error> {
        let bytes = STANDARD.decode(id).map_err(|_| wrong_import("random_bytes", "BASE64"))?;
        Ok(Bytes { length: bytes.len() as i64, ..Bytes::default() }.of(&bytes))
    }
}

kept!(Bytes);

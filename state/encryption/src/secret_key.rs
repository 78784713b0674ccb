//! Keys from one secret key, which lies in a file or an environment variable.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::key::salt;
use crate::{DataKey, KeyError, KeyProvider};

const SALT: usize = 32;

/// A secret key of 32 bytes. Data keys are derived from it (HKDF-SHA-256, <https://www.rfc-editor.org/rfc/rfc5869>), so that
/// any number of states can share it.
pub struct SecretKey {
    name: String,
    key: Zeroizing<[u8; DataKey::LEN]>,
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        DataKey::LEN
    }
}

impl SecretKey {
    /// Reads a key as people keep them: 32 bytes, or those in base64 (`openssl rand -base64 32`) or hex (`openssl rand -hex 32`), with or without a line's end.
    pub fn read(name: impl Into<String>, bytes: &[u8]) -> Result<SecretKey, KeyError> {
        let name = name.into();
        match decode(bytes) {
            Some(key) => Ok(SecretKey { name, key }),
            None => Err(KeyError::Provider {
                provider: name,
                detail:
                    "a key is 32 bytes, or those in base64 (as `openssl rand -base64 32` makes it) or hex"
                        .to_owned(),
            }),
        }
    }

    fn derive(&self, salt: &[u8]) -> DataKey {
        let prk = Salt::new(HKDF_SHA256, salt).extract(&self.key[..]);
        let mut key = Zeroizing::new([0; DataKey::LEN]);
        let filled = prk.expand(&[b"pilotis data key"], Length).and_then(|okm| okm.fill(&mut key[..]));
        filled.expect("HKDF gives up to 8160 bytes");
        DataKey::new(&key)
    }
}

fn decode(bytes: &[u8]) -> Option<Zeroizing<[u8; DataKey::LEN]>> {
    let exact = |bytes: &[u8]| <[u8; DataKey::LEN]>::try_from(bytes).ok().map(Zeroizing::new);
    if let Some(key) = exact(bytes) {
        return Some(key);
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if text.len() == 2 * DataKey::LEN && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        let digit = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
        let decoded = (0..DataKey::LEN).map(digit).collect::<Option<Vec<u8>>>().map(Zeroizing::new)?;
        return exact(&decoded);
    }
    exact(&Zeroizing::new(STANDARD.decode(text).ok()?))
}

impl KeyProvider for SecretKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn generate(&self) -> Result<(DataKey, Vec<u8>), KeyError> {
        let salt = salt::<SALT>();
        Ok((self.derive(&salt), salt.to_vec()))
    }

    fn key(&self, header: &[u8]) -> Result<DataKey, KeyError> {
        if header.len() != SALT {
            return Err(KeyError::Malformed("its header is none of a secret key"));
        }
        Ok(self.derive(header))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_people_keep_it() {
        let (raw, hex) = ([0xab; 32], "ab".repeat(32));
        let base64 = STANDARD.encode(raw);
        for text in [&raw[..], hex.as_bytes(), base64.as_bytes(), format!("{base64}\n").as_bytes()] {
            assert_eq!(*SecretKey::read("file.main", text).unwrap().key, raw);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for text in ["", "hunter2", "hunter2hunter2hunter2hunter2hunter2", &"ab".repeat(31)] {
            let message = SecretKey::read("file.main", text.as_bytes()).err().unwrap().to_string();
            assert!(!message.contains("hunter2"), "{message}");
            assert!(
                message.starts_with("key_provider.file.main gives no key: a key is 32 bytes"),
                "{message}"
            );
        }
    }
}

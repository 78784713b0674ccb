//! Keys: what encrypts, and where it comes from.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

/// Why something can't be encrypted or decrypted. Never holds a key, a passphrase or what was encrypted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Encrypted with a key provider that the configuration doesn't name.
    #[error(
        "is encrypted with key_provider.{0}, and the configuration's `encryption` block has none of that name"
    )]
    NoProvider(String),
    /// The key doesn't fit.
    #[error(
        "can't be decrypted with key_provider.{0}: the key is another one, or what is stored was changed or belongs to another place"
    )]
    Refused(String),
    /// In clear, where it must not be.
    #[error(
        "is not encrypted, though the configuration says that it must be; add `fallback {{ method = method.unencrypted.NAME }}` for the one run that encrypts it"
    )]
    InClear,
    /// It begins as something encrypted does, and doesn't go on like it.
    #[error("is damaged: {0}")]
    Malformed(&'static str),
    /// The provider has no key.
    #[error("key_provider.{provider} gives no key: {detail}")]
    Provider {
        /// `argon2.main`
        provider: String,
        /// Why, without the secret.
        detail: String,
    },
}

/// A key of 256 bits that seals texts.
pub struct DataKey(RandomizedNonceKey);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

impl DataKey {
    /// How many bytes a key has.
    pub const LEN: usize = 32;

    /// A key of these bytes.
    pub fn new(bytes: &Zeroizing<[u8; DataKey::LEN]>) -> DataKey {
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, &bytes[..]);
        DataKey(key.expect("the algorithm takes keys of this length"))
    }

    /// Nonce, ciphertext and tag. `context` is not in it, and must be the same to open it.
    pub(crate) fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(context), &mut sealed);
        let nonce = nonce.expect("AES-GCM-SIV fails for texts of more than 64 GiB only");
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        bytes
    }

    /// What was sealed; none if the key, the context or a bit of it is another.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = Zeroizing::new(rest.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(context), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

/// Where keys come from: a passphrase, a key in a file, a key management service.
///
/// A provider makes any number of keys. What it needs to make one of them again, and which is no secret (a salt, a wrapped key), is the
/// key's *header*: it is stored beside everything that the key encrypts.
pub trait KeyProvider: Send + Sync {
    /// How the configuration names it: `argon2.main`.
    fn name(&self) -> &str;
    /// A new key, and its header.
    fn generate(&self) -> Result<(DataKey, Vec<u8>), KeyError>;
    /// The key of a header. The header was stored where others may write: it is not to be trusted.
    fn key(&self, header: &[u8]) -> Result<DataKey, KeyError>;
    /// May the key of this header, which was opened, seal from now on?
    fn seals_with(&self, _header: &[u8]) -> bool {
        true
    }
}

/// Random bytes for a salt.
pub(crate) fn salt<const N: usize>() -> [u8; N] {
    let mut salt = [0; N];
    aws_lc_rs::rand::fill(&mut salt).expect("the system gives random numbers");
    salt
}

//! `ephemeral "tls_private_key"`: a key for one run, to be given to what stores it.

use pilotis_sdk::typed::{Ephemeral as Typed, Opened};
use pilotis_sdk::{Ephemeral, Error, Secret};

use super::private_key::PrivateKey;
use crate::Here;
use crate::kept::Kept as _;

/// A private key that is in no state. Each plan and each apply that needs it makes another.
#[derive(Clone, Debug, Default, Ephemeral)]
#[ephemeral(type = "tls_private_key")]
pub(crate) struct EphemeralPrivateKey {
    /// `RSA`, `ECDSA` or `ED25519`.
    #[attr(one_of("RSA", "ECDSA", "ED25519"))]
    pub(crate) algorithm: String,
    /// Size of an RSA key: 2048, 3072 or 4096.
    #[attr(default = 2048)]
    pub(crate) rsa_bits: i64,
    /// Curve of an ECDSA key: `P256`, `P384` or `P521`. The default of the established provider, `P224`, can't be made.
    #[attr(default = "P224", one_of("P224", "P256", "P384", "P521"))]
    pub(crate) ecdsa_curve: String,
    /// The private key in PEM: PKCS #1 for RSA, SEC 1 for ECDSA, PKCS #8 for Ed25519.
    #[attr(computed, secret = "made_shown_once")]
    pub(crate) private_key_pem: Secret,
    /// The private key in PEM of PKCS #8.
    #[attr(computed, secret = "made_shown_once")]
    pub(crate) private_key_pem_pkcs8: Secret,
    /// The private key in OpenSSH's form.
    #[attr(computed, secret = "made_shown_once")]
    pub(crate) private_key_openssh: Secret,
    /// The public key in PEM.
    #[attr(computed)]
    pub(crate) public_key_pem: String,
    /// The public key as a line of `authorized_keys`.
    #[attr(computed)]
    pub(crate) public_key_openssh: String,
    /// The public key's fingerprint as old OpenSSH shows it.
    #[attr(computed)]
    pub(crate) public_key_fingerprint_md5: String,
    /// The public key's fingerprint as OpenSSH shows it.
    #[attr(computed)]
    pub(crate) public_key_fingerprint_sha256: String,
}

impl Typed for EphemeralPrivateKey {
    type Client = Here;

    async fn open(_: &Here, arguments: EphemeralPrivateKey) -> Result<Opened<EphemeralPrivateKey>, Error> {
        let made = PrivateKey::make(PrivateKey {
            algorithm: arguments.algorithm.clone(),
            rsa_bits: arguments.rsa_bits,
            ecdsa_curve: arguments.ecdsa_curve.clone(),
            ..PrivateKey::default()
        })
        .await?;
        Ok(EphemeralPrivateKey {
            private_key_pem: made.private_key_pem.unwrap_or_default(),
            private_key_pem_pkcs8: made.private_key_pem_pkcs8.unwrap_or_default(),
            private_key_openssh: made.private_key_openssh.unwrap_or_default(),
            public_key_pem: made.public_key_pem.unwrap_or_default(),
            public_key_openssh: made.public_key_openssh.unwrap_or_default(),
            public_key_fingerprint_md5: made.public_key_fingerprint_md5.unwrap_or_default(),
            public_key_fingerprint_sha256: made.public_key_fingerprint_sha256.unwrap_or_default(),
            ..arguments
        }
        .into())
    }
}

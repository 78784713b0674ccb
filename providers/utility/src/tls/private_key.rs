//! `tls_private_key`.

use pilotis_sdk::{Error, ErrorKind, Secret};

use super::key::Key;
use crate::kept::{Kept, kept};

/// A private key, kept in the state. For what matters use a key that is made where it is used, or an ephemeral one.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "tls_private_key", version = 1)]
pub(crate) struct PrivateKey {
    /// `RSA`, `ECDSA` or `ED25519`.
    #[attr(force_new, one_of("RSA", "ECDSA", "ED25519"))]
    pub(crate) algorithm: String,
    /// Size of an RSA key: 2048, 3072 or 4096.
    #[attr(force_new, default = 2048)]
    pub(crate) rsa_bits: i64,
    /// Curve of an ECDSA key: `P256`, `P384` or `P521`. The default of the established provider, `P224`, can't be made.
    #[attr(force_new, default = "P224", one_of("P224", "P256", "P384", "P521"))]
    pub(crate) ecdsa_curve: String,
    /// The private key in PEM: PKCS #1 for RSA, SEC 1 for ECDSA, PKCS #8 for Ed25519.
    #[attr(computed, secret = "made_readable")]
    pub(crate) private_key_pem: Option<Secret>,
    /// The private key in PEM of PKCS #8.
    #[attr(computed, secret = "made_readable")]
    pub(crate) private_key_pem_pkcs8: Option<Secret>,
    /// The private key in OpenSSH's form.
    #[attr(computed, secret = "made_readable")]
    pub(crate) private_key_openssh: Option<Secret>,
    /// The public key in PEM.
    #[attr(computed)]
    pub(crate) public_key_pem: Option<String>,
    /// The public key as a line of `authorized_keys`.
    #[attr(computed)]
    pub(crate) public_key_openssh: Option<String>,
    /// The public key's fingerprint as old OpenSSH shows it.
    #[attr(computed)]
    pub(crate) public_key_fingerprint_md5: Option<String>,
    /// The public key's fingerprint as OpenSSH shows it.
    #[attr(computed)]
    pub(crate) public_key_fingerprint_sha256: Option<String>,
    /// SHA-1 of the public key in hexadecimal digits.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Kept for PrivateKey {
    async fn make(planned: PrivateKey) -> Result<PrivateKey, Error> {
        let (algorithm, bits, curve) =
            (planned.algorithm.clone(), planned.rsa_bits, planned.ecdsa_curve.clone());
        // Finding primes takes long.
        let made = tokio::task::spawn_blocking(move || Key::generate(&algorithm, bits, &curve)).await;
        let key = made
            .map_err(|e| Error::new(ErrorKind::Internal, "Making the key stopped").detail(e.to_string()))??;
        let public = key.public()?;
        Ok(PrivateKey {
            private_key_pem: Some(Secret::new(key.pem()?)),
            private_key_pem_pkcs8: Some(Secret::new(key.pkcs8_pem()?)),
            private_key_openssh: Some(Secret::new(key.openssh()?)),
            public_key_pem: Some(public.pem),
            public_key_openssh: Some(public.openssh),
            public_key_fingerprint_md5: Some(public.fingerprint_md5),
            public_key_fingerprint_sha256: Some(public.fingerprint_sha256),
            id: Some(public.id),
            ..planned
        })
    }
}

kept!(PrivateKey);

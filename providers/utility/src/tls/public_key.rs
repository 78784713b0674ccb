//! `data "tls_public_key"`.

use pilotis_sdk::{Error, Secret, typed};

use super::key::{Key, Public};
use crate::Here;
use crate::kept::invalid;

/// The public key of a private key.
#[derive(Clone, Debug, Default, pilotis_sdk::DataSource)]
#[data_source(type = "tls_public_key")]
pub(crate) struct PublicKey {
    /// The private key in PEM. Exactly one of this and `private_key_openssh` must be set.
    #[attr(secret = "given_never_returned")]
    pub(crate) private_key_pem: Option<Secret>,
    /// The private key in OpenSSH's form.
    #[attr(secret = "given_never_returned")]
    pub(crate) private_key_openssh: Option<Secret>,
    /// `RSA`, `ECDSA` or `ED25519`.
    #[attr(computed)]
    pub(crate) algorithm: Option<String>,
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

impl typed::DataSource for PublicKey {
    type Client = Here;

    async fn read(_: &Here, arguments: PublicKey) -> Result<PublicKey, Error> {
        let (algorithm, public) = match (&arguments.private_key_pem, &arguments.private_key_openssh) {
            (Some(pem), None) => {
                let key = Key::from_pem("private_key_pem", pem.expose())?;
                (key.algorithm()?, key.public()?)
            }
            (None, Some(text)) => Public::of_openssh("private_key_openssh", text.expose())?,
            _ => {
                return Err(invalid(
                    "private_key_pem",
                    "Exactly one of private_key_pem and private_key_openssh must be set",
                ));
            }
        };
        Ok(PublicKey {
            algorithm: Some(algorithm.to_owned()),
            public_key_pem: Some(public.pem),
            public_key_openssh: Some(public.openssh),
            public_key_fingerprint_md5: Some(public.fingerprint_md5),
            public_key_fingerprint_sha256: Some(public.fingerprint_sha256),
            id: Some(public.id),
            ..arguments
        })
    }
}

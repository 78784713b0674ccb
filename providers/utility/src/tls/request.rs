//! `tls_cert_request`.

use pilotis_sdk::{Error, Secret};
use sha2::Digest as _;

use super::key::Key;
use super::subject::{Subject, holder, refused};
use crate::kept::{Kept, kept};

/// A request for a certificate, in PKCS #10.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "tls_cert_request")]
pub(crate) struct CertRequest {
    /// The holder's private key in PEM.
    #[attr(force_new, secret = "given_never_returned")]
    pub(crate) private_key_pem: Secret,
    /// DNS names of the holder.
    #[attr(force_new)]
    pub(crate) dns_names: Option<Vec<String>>,
    /// IP addresses of the holder.
    #[attr(force_new)]
    pub(crate) ip_addresses: Option<Vec<String>>,
    /// URIs of the holder.
    #[attr(force_new)]
    pub(crate) uris: Option<Vec<String>>,
    /// The holder.
    #[attr(block, max = 1)]
    pub(crate) subject: Vec<Subject>,
    /// The request in PEM.
    #[attr(computed)]
    pub(crate) cert_request_pem: Option<String>,
    /// `RSA`, `ECDSA` or `ED25519`.
    #[attr(computed)]
    pub(crate) key_algorithm: Option<String>,
    /// SHA-1 of the request in hexadecimal digits.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Kept for CertRequest {
    async fn make(planned: CertRequest) -> Result<CertRequest, Error> {
        let key = Key::from_pem("private_key_pem", planned.private_key_pem.expose())?;
        let params = holder(
            planned.subject.first(),
            planned.dns_names.as_ref(),
            planned.ip_addresses.as_ref(),
            planned.uris.as_ref(),
        )?;
        let request = params.serialize_request(&key.pair).and_then(|r| r.pem()).map_err(refused)?;
        let request = request.replace("\r\n", "\n");
        Ok(CertRequest {
            id: Some(crate::hex(&sha1::Sha1::digest(request.trim()))),
            cert_request_pem: Some(request),
            key_algorithm: Some(key.algorithm()?.to_owned()),
            ..planned
        })
    }
}

kept!(CertRequest);

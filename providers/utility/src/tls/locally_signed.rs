//! `tls_locally_signed_cert`.

use pilotis_sdk::{Error, Secret};
use rcgen::{CertificateSigningRequestParams, Issuer};

use super::key::Key;
use super::subject::{Validity, authority, holds, key_identifier, refused, serial, uses};
use crate::kept::{Kept, invalid, kept};

/// A certificate that an authority of one's own signs. It is made anew when its end is near.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "tls_locally_signed_cert")]
pub(crate) struct LocallySignedCert {
    /// The request in PEM.
    #[attr(force_new)]
    pub(crate) cert_request_pem: String,
    /// The authority's certificate in PEM.
    #[attr(force_new)]
    pub(crate) ca_cert_pem: String,
    /// The authority's private key in PEM.
    #[attr(force_new, secret = "given_never_returned")]
    pub(crate) ca_private_key_pem: Secret,
    /// Hours that it holds.
    #[attr(force_new)]
    pub(crate) validity_period_hours: i64,
    /// What it may be used for: `digital_signature`, `key_encipherment`, `cert_signing`, `server_auth`, `client_auth` and others.
    #[attr(force_new)]
    pub(crate) allowed_uses: Vec<String>,
    /// It is made anew so many hours before its end.
    #[attr(default = 0)]
    pub(crate) early_renewal_hours: i64,
    /// It may sign others.
    #[attr(force_new, default = false)]
    pub(crate) is_ca_certificate: bool,
    /// Authorities that may follow below it.
    #[attr(force_new)]
    pub(crate) max_path_length: Option<i64>,
    /// It names its own key. An authority's always does.
    #[attr(force_new, default = false)]
    pub(crate) set_subject_key_id: bool,
    /// The certificate in PEM.
    #[attr(computed)]
    pub(crate) cert_pem: Option<String>,
    /// `RSA`, `ECDSA` or `ED25519`: the authority's key.
    #[attr(computed)]
    pub(crate) ca_key_algorithm: Option<String>,
    /// Always false: a certificate whose end is near is planned as a new one.
    #[attr(computed)]
    pub(crate) ready_for_renewal: Option<bool>,
    /// From when it holds, in RFC 3339.
    #[attr(computed)]
    pub(crate) validity_start_time: Option<String>,
    /// Until when it holds, in RFC 3339.
    #[attr(computed)]
    pub(crate) validity_end_time: Option<String>,
    /// Its serial number.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Kept for LocallySignedCert {
    async fn make(planned: LocallySignedCert) -> Result<LocallySignedCert, Error> {
        let key = Key::from_pem("ca_private_key_pem", planned.ca_private_key_pem.expose())?;
        let ca_key_algorithm = Some(key.algorithm()?.to_owned());
        let unread =
            |e: rcgen::Error| invalid("ca_cert_pem", "ca_cert_pem can't be read").detail(e.to_string());
        let mut request =
            CertificateSigningRequestParams::from_pem(planned.cert_request_pem.trim()).map_err(unsigned)?;
        check_pair(&planned.ca_cert_pem, &key)?;
        let issuer = Issuer::from_ca_cert_pem(planned.ca_cert_pem.trim(), &key.pair).map_err(unread)?;
        uses(&mut request.params, &planned.allowed_uses)?;
        authority(&mut request.params, planned.is_ca_certificate, planned.max_path_length)?;
        request.params.use_authority_key_identifier_extension = true;
        request.params.key_identifier_method = key_identifier(&request.public_key);
        let validity = Validity::hours(planned.validity_period_hours)?;
        validity.into(&mut request.params);
        let (number, id) = serial();
        request.params.serial_number = Some(number);
        let certificate = request.signed_by(&issuer).map_err(refused)?;
        Ok(LocallySignedCert {
            cert_pem: Some(certificate.pem().replace("\r\n", "\n")),
            ca_key_algorithm,
            ready_for_renewal: Some(false),
            validity_start_time: validity.start_time(),
            validity_end_time: validity.end_time(),
            id: Some(id),
            ..planned
        })
    }
    fn holds(&self) -> bool {
        holds(self.validity_end_time.as_deref(), self.early_renewal_hours)
    }
}

/// A request that isn't signed by its own key, as far as the library can tell.
fn unsigned(error: rcgen::Error) -> Error {
    let unread = invalid("cert_request_pem", "cert_request_pem can't be read").detail(error.to_string());
    match error {
        rcgen::Error::InvalidCertificationRequestSignature => unread.help(
            "Requests of keys on the curve P521 can't be verified: use another key for the certificate.",
        ),
        _ => unread,
    }
}

/// A certificate signed with another key than the authority's would be believed by nobody.
fn check_pair(ca_cert_pem: &str, key: &Key) -> Result<(), Error> {
    use rcgen::PublicKeyData as _;
    let certificates = super::certificate::parse("ca_cert_pem", ca_cert_pem)?;
    let public = key.pair.subject_public_key_info();
    match certificates.first() {
        Some(first) if first.public_key_info()? != public => {
            Err(invalid("ca_private_key_pem", "ca_private_key_pem is not the private key of ca_cert_pem"))
        }
        _ => Ok(()),
    }
}

kept!(LocallySignedCert);

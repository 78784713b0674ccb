//! `tls_self_signed_cert`.

use pilotis_sdk::{Error, Secret};

use super::key::Key;
use super::subject::{Subject, Validity, authority, holder, holds, key_identifier, refused, serial, uses};
use crate::kept::{Kept, kept};

/// A certificate that its holder signs. It is made anew when its end is near.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "tls_self_signed_cert")]
pub(crate) struct SelfSignedCert {
    /// The holder's private key in PEM.
    #[attr(force_new, secret = "given_never_returned")]
    pub(crate) private_key_pem: Secret,
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
    /// It names its own key.
    #[attr(force_new, default = false)]
    pub(crate) set_subject_key_id: bool,
    /// It names the key that signed it.
    #[attr(force_new, default = false)]
    pub(crate) set_authority_key_id: bool,
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
    /// The certificate in PEM.
    #[attr(computed)]
    pub(crate) cert_pem: Option<String>,
    /// `RSA`, `ECDSA` or `ED25519`.
    #[attr(computed)]
    pub(crate) key_algorithm: Option<String>,
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

impl Kept for SelfSignedCert {
    async fn make(planned: SelfSignedCert) -> Result<SelfSignedCert, Error> {
        let key = Key::from_pem("private_key_pem", planned.private_key_pem.expose())?;
        let mut params = holder(
            planned.subject.first(),
            planned.dns_names.as_ref(),
            planned.ip_addresses.as_ref(),
            planned.uris.as_ref(),
        )?;
        uses(&mut params, &planned.allowed_uses)?;
        authority(&mut params, planned.is_ca_certificate, planned.max_path_length)?;
        params.use_authority_key_identifier_extension = planned.set_authority_key_id;
        params.key_identifier_method = key_identifier(&key.pair);
        let validity = Validity::hours(planned.validity_period_hours)?;
        validity.into(&mut params);
        let (number, id) = serial();
        params.serial_number = Some(number);
        let certificate = params.self_signed(&key.pair).map_err(refused)?;
        Ok(SelfSignedCert {
            cert_pem: Some(certificate.pem().replace("\r\n", "\n")),
            key_algorithm: Some(key.algorithm()?.to_owned()),
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

kept!(SelfSignedCert);

//! What a certificate says: whom it is for, what it may be used for, from when to when.

use std::time::{Duration, SystemTime};

use pilotis_sdk::{Error, ErrorKind};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyIdMethod, KeyUsagePurpose, SanType, SerialNumber,
};
use sha2::Digest as _;

use crate::kept::invalid;

const STREET: &[u64] = &[2, 5, 4, 9];
const POSTAL_CODE: &[u64] = &[2, 5, 4, 17];
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];
const EMAIL: &[u64] = &[1, 2, 840, 113_549, 1, 9, 1];

/// Whom a certificate is for.
#[derive(Clone, Debug, Default, PartialEq, pilotis_sdk::Nested)]
pub(crate) struct Subject {
    /// Common name (`CN`).
    #[attr(force_new)]
    pub(crate) common_name: Option<String>,
    /// Country (`C`), two letters.
    #[attr(force_new)]
    pub(crate) country: Option<String>,
    /// Email address.
    #[attr(force_new)]
    pub(crate) email_address: Option<String>,
    /// Locality (`L`).
    #[attr(force_new)]
    pub(crate) locality: Option<String>,
    /// Organisation (`O`).
    #[attr(force_new)]
    pub(crate) organization: Option<String>,
    /// Organisational unit (`OU`).
    #[attr(force_new)]
    pub(crate) organizational_unit: Option<String>,
    /// Postal code.
    #[attr(force_new)]
    pub(crate) postal_code: Option<String>,
    /// Province or state (`ST`).
    #[attr(force_new)]
    pub(crate) province: Option<String>,
    /// Serial number.
    #[attr(force_new)]
    pub(crate) serial_number: Option<String>,
    /// Lines of the street address; they are joined with commas.
    #[attr(force_new)]
    pub(crate) street_address: Option<Vec<String>>,
}

impl Subject {
    /// In the order in which the established provider writes it.
    fn name(&self) -> DistinguishedName {
        let street = self.street_address.as_ref().map(|lines| lines.join(", "));
        let parts = [
            (DnType::CountryName, &self.country),
            (DnType::OrganizationName, &self.organization),
            (DnType::OrganizationalUnitName, &self.organizational_unit),
            (DnType::LocalityName, &self.locality),
            (DnType::StateOrProvinceName, &self.province),
            (DnType::CustomDnType(STREET.to_vec()), &street),
            (DnType::CustomDnType(POSTAL_CODE.to_vec()), &self.postal_code),
            (DnType::CommonName, &self.common_name),
            (DnType::CustomDnType(SERIAL_NUMBER.to_vec()), &self.serial_number),
            (DnType::CustomDnType(EMAIL.to_vec()), &self.email_address),
        ];
        let mut name = DistinguishedName::new();
        for (kind, text) in parts {
            if let Some(text) = text.as_ref().filter(|t| !t.is_empty()) {
                name.push(kind, text.clone());
            }
        }
        name
    }
}

/// What a certificate or a request says of its holder.
pub(super) fn holder(
    subject: Option<&Subject>,
    dns_names: Option<&Vec<String>>,
    ip_addresses: Option<&Vec<String>>,
    uris: Option<&Vec<String>>,
) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.map(Subject::name).unwrap_or_default();
    let mut names = Vec::new();
    let text = |attribute: &str, name: &String| {
        rcgen::string::Ia5String::try_from(name.as_str()).map_err(|_| {
            invalid(attribute, format!("{attribute} must be ASCII")).detail(format!("{name:?} is not."))
        })
    };
    for name in dns_names.into_iter().flatten() {
        names.push(SanType::DnsName(text("dns_names", name)?));
    }
    for address in ip_addresses.into_iter().flatten() {
        let parsed = address.parse().map_err(|_| {
            invalid("ip_addresses", "ip_addresses must be IP addresses")
                .detail(format!("{address:?} is not."))
        })?;
        names.push(SanType::IpAddress(parsed));
    }
    for uri in uris.into_iter().flatten() {
        names.push(SanType::URI(text("uris", uri)?));
    }
    params.subject_alt_names = names;
    Ok(params)
}

/// Reads `allowed_uses`.
pub(super) fn uses(params: &mut CertificateParams, names: &[String]) -> Result<(), Error> {
    use ExtendedKeyUsagePurpose as Extended;
    use KeyUsagePurpose as Usage;
    params.key_usages.clear();
    params.extended_key_usages.clear();
    for name in names {
        let usage = match name.as_str() {
            "digital_signature" => Usage::DigitalSignature,
            "content_commitment" => Usage::ContentCommitment,
            "key_encipherment" => Usage::KeyEncipherment,
            "data_encipherment" => Usage::DataEncipherment,
            "key_agreement" => Usage::KeyAgreement,
            "cert_signing" => Usage::KeyCertSign,
            "crl_signing" => Usage::CrlSign,
            "encipher_only" => Usage::EncipherOnly,
            "decipher_only" => Usage::DecipherOnly,
            other => {
                params.insert_extended_key_usage(match other {
                    "any_extended" => Extended::Any,
                    "server_auth" => Extended::ServerAuth,
                    "client_auth" => Extended::ClientAuth,
                    "code_signing" => Extended::CodeSigning,
                    "email_protection" => Extended::EmailProtection,
                    "timestamping" => Extended::TimeStamping,
                    "ocsp_signing" => Extended::OcspSigning,
                    "ipsec_end_system" => Extended::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 5]),
                    "ipsec_tunnel" => Extended::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 6]),
                    "ipsec_user" => Extended::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 7]),
                    "microsoft_server_gated_crypto" => Extended::Other(vec![1, 3, 6, 1, 4, 1, 311, 10, 3, 3]),
                    "netscape_server_gated_crypto" => Extended::Other(vec![2, 16, 840, 1, 113_730, 4, 1]),
                    "microsoft_commercial_code_signing" => Extended::Other(vec![1, 3, 6, 1, 4, 1, 311, 2, 1, 22]),
                    "microsoft_kernel_code_signing" => Extended::Other(vec![1, 3, 6, 1, 4, 1, 311, 61, 1, 1]),
                    _ => {
                        return Err(invalid("allowed_uses", format!("allowed_uses has no {other:?}"))
                            .help("Uses are digital_signature, key_encipherment, cert_signing, server_auth, client_auth and others."));
                    }
                });
                continue;
            }
        };
        if !params.key_usages.contains(&usage) {
            params.key_usages.push(usage);
        }
    }
    Ok(())
}

/// From when to when a certificate holds.
#[derive(Clone, Copy)]
pub(super) struct Validity {
    /// Seconds since 1970.
    pub(super) start: u64,
    /// Seconds since 1970.
    pub(super) end: u64,
}

impl Validity {
    /// So many hours from now.
    pub(super) fn hours(hours: i64) -> Result<Validity, Error> {
        /// RFC 5280 knows no year after 9999.
        const MOST: i64 = 24 * 366 * 5000;
        if !(0..=MOST).contains(&hours) {
            let e =
                invalid("validity_period_hours", format!("validity_period_hours must be from 0 to {MOST}"));
            return Err(e.detail(format!("It is {hours}.")));
        }
        let start = now();
        Ok(Validity { start, end: start + u64::try_from(hours).unwrap_or_default() * 3600 })
    }
    /// Into a certificate.
    pub(super) fn into(self, params: &mut CertificateParams) {
        let epoch = || rcgen::date_time_ymd(1970, 1, 1);
        params.not_before = epoch() + Duration::from_secs(self.start);
        params.not_after = epoch() + Duration::from_secs(self.end);
    }
    pub(super) fn start_time(self) -> Option<String> {
        rfc3339(self.start)
    }
    pub(super) fn end_time(self) -> Option<String> {
        rfc3339(self.end)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|d| d.as_secs()).unwrap_or_default()
}

fn rfc3339(seconds: u64) -> Option<String> {
    Some(jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?.to_string())
}

/// A certificate is not yet to be renewed: so many hours before its end it is.
pub(super) fn holds(end: Option<&str>, early_renewal_hours: i64) -> bool {
    let end = end.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    end.is_none_or(|end| {
        let early = early_renewal_hours.max(0).saturating_mul(3600);
        i64::try_from(now()).unwrap_or(i64::MAX) < end.as_second().saturating_sub(early)
    })
}

/// A serial number of 128 bits, and its decimal digits, which are the `id`.
pub(super) fn serial() -> (SerialNumber, String) {
    let number = rand::random::<u128>() >> 1;
    (SerialNumber::from_slice(&number.to_be_bytes()), number.to_string())
}

/// Whether it may sign others, and the identifiers of keys.
pub(super) fn authority(
    params: &mut CertificateParams,
    is_ca: bool,
    path_length: Option<i64>,
) -> Result<(), Error> {
    params.is_ca = match (is_ca, path_length) {
        (false, _) => IsCa::ExplicitNoCa,
        (true, None) => IsCa::Ca(BasicConstraints::Unconstrained),
        (true, Some(length)) => {
            let length = u8::try_from(length).map_err(|_| {
                invalid("max_path_length", "max_path_length must be from 0 to 255")
                    .detail(format!("It is {length}."))
            })?;
            IsCa::Ca(BasicConstraints::Constrained(length))
        }
    };
    Ok(())
}

/// SHA-1 of the key's bits, as RFC 5280 proposes and the established provider does.
pub(super) fn key_identifier(key: &impl rcgen::PublicKeyData) -> KeyIdMethod {
    KeyIdMethod::PreSpecified(sha1::Sha1::digest(key.der_bytes()).to_vec())
}

/// What the library says.
pub(super) fn refused(error: rcgen::Error) -> Error {
    Error::new(ErrorKind::Invalid, "The certificate can't be made").detail(error.to_string())
}

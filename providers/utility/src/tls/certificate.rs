//! `data "tls_certificate"`: what certificates say.

use pilotis_sdk::{Error, ErrorKind, typed};
use sha2::Digest as _;
use x509_parser::pem::Pem;

use crate::Here;
use crate::kept::invalid;

/// What the certificates of a text say. Fetching those of a server is not supported.
#[derive(Clone, Debug, Default, pilotis_sdk::DataSource)]
#[data_source(type = "tls_certificate")]
pub(crate) struct Certificate {
    /// Certificates in PEM.
    pub(crate) content: Option<String>,
    /// Address of a server. Not supported.
    pub(crate) url: Option<String>,
    /// Verify the chain of a server. It means nothing with `content`.
    pub(crate) verify_chain: Option<bool>,
    /// The certificates, in their order.
    #[attr(computed)]
    pub(crate) certificates: Vec<Said>,
    /// SHA-1 of the content in hexadecimal digits.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

/// What a certificate says.
#[derive(Clone, Debug, Default, PartialEq, pilotis_sdk::Nested)]
pub(crate) struct Said {
    /// It in PEM.
    pub(crate) cert_pem: String,
    /// It may sign others.
    pub(crate) is_ca: bool,
    /// Who signed it, as RFC 2253 writes names.
    pub(crate) issuer: String,
    /// `RSA`, `ECDSA`, `Ed25519`: the algorithm of its key.
    pub(crate) public_key_algorithm: String,
    /// Until when it holds, in RFC 3339.
    pub(crate) not_after: String,
    /// From when it holds, in RFC 3339.
    pub(crate) not_before: String,
    /// Its number in decimal digits.
    pub(crate) serial_number: String,
    /// SHA-1 of it in hexadecimal digits.
    pub(crate) sha1_fingerprint: String,
    /// The algorithm of its signature: `SHA256-RSA`.
    pub(crate) signature_algorithm: String,
    /// Whom it is for, as RFC 2253 writes names.
    pub(crate) subject: String,
    /// Version of the form: 3.
    pub(crate) version: i64,
}

/// One certificate of a text.
pub(super) struct Parsed(Pem);

/// The certificates of a text in PEM.
pub(super) fn parse(attribute: &str, text: &str) -> Result<Vec<Parsed>, Error> {
    let wrong =
        |why: String| invalid(attribute, format!("{attribute} must be certificates in PEM")).detail(why);
    let mut found = Vec::new();
    for pem in Pem::iter_from_buffer(text.as_bytes()) {
        let pem = pem.map_err(|e| wrong(e.to_string()))?;
        if pem.label != "CERTIFICATE" {
            return Err(wrong(format!("A {} is in it.", pem.label)));
        }
        pem.parse_x509().map_err(|e| wrong(e.to_string()))?;
        found.push(Parsed(pem));
    }
    if found.is_empty() { Err(wrong("None is in it.".to_owned())) } else { Ok(found) }
}

impl Parsed {
    /// The key that it is for, in DER.
    pub(super) fn public_key_info(&self) -> Result<Vec<u8>, Error> {
        Ok(self.x509()?.public_key().raw.to_vec())
    }

    fn x509(&self) -> Result<x509_parser::certificate::X509Certificate<'_>, Error> {
        let unread = |e: x509_parser::nom::Err<x509_parser::error::X509Error>| {
            Error::new(ErrorKind::Invalid, "The certificate can't be read").detail(e.to_string())
        };
        self.0.parse_x509().map_err(unread)
    }

    fn said(&self) -> Result<Said, Error> {
        let x509 = self.x509()?;
        let instant = |t: x509_parser::time::ASN1Time| {
            jiff::Timestamp::from_second(t.timestamp()).map(|t| t.to_string()).unwrap_or_default()
        };
        let document = pkcs8::der::Document::try_from(self.0.contents.as_slice());
        let cert_pem = document.and_then(|d| d.to_pem("CERTIFICATE", pkcs8::LineEnding::LF));
        Ok(Said {
            cert_pem: cert_pem.unwrap_or_default(),
            is_ca: x509.is_ca(),
            issuer: name(x509.issuer()),
            subject: name(x509.subject()),
            public_key_algorithm: key_algorithm(&x509.public_key().algorithm.algorithm.to_id_string()),
            signature_algorithm: signature_algorithm(&x509.signature_algorithm.algorithm.to_id_string()),
            not_before: instant(x509.validity().not_before),
            not_after: instant(x509.validity().not_after),
            serial_number: x509.tbs_certificate.serial.to_string(),
            sha1_fingerprint: crate::hex(&sha1::Sha1::digest(&self.0.contents)),
            version: i64::from(x509.version().0) + 1,
        })
    }
}

/// Go's words for an algorithm of keys.
fn key_algorithm(oid: &str) -> String {
    let known = match oid {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.10045.2.1" => "ECDSA",
        "1.3.101.112" => "Ed25519",
        "1.2.840.10040.4.1" => "DSA",
        other => other,
    };
    known.to_owned()
}

/// Go's words for an algorithm of signatures.
fn signature_algorithm(oid: &str) -> String {
    let known = match oid {
        "1.2.840.113549.1.1.5" => "SHA1-RSA",
        "1.2.840.113549.1.1.11" => "SHA256-RSA",
        "1.2.840.113549.1.1.12" => "SHA384-RSA",
        "1.2.840.113549.1.1.13" => "SHA512-RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.10045.4.1" => "ECDSA-SHA1",
        "1.2.840.10045.4.3.2" => "ECDSA-SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA-SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA-SHA512",
        "1.3.101.112" => "Ed25519",
        other => other,
    };
    known.to_owned()
}

/// A name as RFC 2253 writes it: its parts from the last to the first.
fn name(name: &x509_parser::x509::X509Name<'_>) -> String {
    let short = |oid: &str| match oid {
        "2.5.4.3" => Some("CN"),
        "2.5.4.5" => Some("SERIALNUMBER"),
        "2.5.4.6" => Some("C"),
        "2.5.4.7" => Some("L"),
        "2.5.4.8" => Some("ST"),
        "2.5.4.9" => Some("STREET"),
        "2.5.4.10" => Some("O"),
        "2.5.4.11" => Some("OU"),
        "2.5.4.17" => Some("POSTALCODE"),
        _ => None,
    };
    let part = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        let oid = attribute.attr_type().to_id_string();
        let value = escaped(attribute.as_str().unwrap_or_default());
        format!("{}={value}", short(&oid).unwrap_or(&oid))
    };
    let parts: Vec<_> =
        name.iter_rdn().map(|rdn| rdn.iter().map(part).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        let at_the_edge = (i == 0 && matches!(c, ' ' | '#')) || (i == last && c == ' ');
        if at_the_edge || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

impl typed::DataSource for Certificate {
    type Client = Here;

    async fn read(_: &Here, arguments: Certificate) -> Result<Certificate, Error> {
        if arguments.url.is_some() {
            return Err(invalid("url", "Certificates of a server can't be fetched")
                .help("Set content to the certificates in PEM, from a file for instance."));
        }
        let content = arguments.content.clone().ok_or_else(|| invalid("content", "content must be set"))?;
        let certificates = parse("content", &content)?;
        Ok(Certificate {
            certificates: certificates.iter().map(Parsed::said).collect::<Result<_, _>>()?,
            id: Some(crate::hex(&sha1::Sha1::digest(content.as_bytes()))),
            ..arguments
        })
    }
}

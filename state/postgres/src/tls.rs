//! Encrypted connections: certificates are always verified, against the authorities of the machine or against those that are named.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::conn_str::Trust;

/// A file of certificates or keys that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{file} can't be used as {what}: {why}")]
    File { file: String, what: &'static str, why: String },
    #[error(
        "this machine has no certificate authorities: install them (ca-certificates), or name a file with sslrootcert=FILE"
    )]
    NoAuthorities,
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
    #[error("{0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

pub(crate) fn connector(trust: &Trust) -> Result<MakeRustlsConnect, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = Arc::new(authorities(trust.authorities.as_deref())?);
    let web = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let verifier: Arc<dyn ServerCertVerifier> = if trust.any_name { Arc::new(AnyName(web)) } else { web };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // The name is only how rustls warns that a verifier is given: both of ours verify the whole chain.
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match &trust.client {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| unusable(key, "sslkey", e))?;
            config.with_client_auth_cert(certificates(certificate, "sslcert")?, key)?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            for certificate in certificates(file, "sslrootcert")? {
                roots.add(certificate).map_err(|e| unusable(file, "sslrootcert", e))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(TlsError::NoAuthorities);
            }
        }
    }
    Ok(roots)
}

fn certificates(file: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let certificates: Vec<_> = read.map_err(|e| unusable(file, what, e))?;
    if certificates.is_empty() {
        return Err(unusable(file, what, "it has no certificate in PEM form"));
    }
    Ok(certificates)
}

fn unusable(file: &Path, what: &'static str, why: impl ToString) -> TlsError {
    TlsError::File { file: file.display().to_string(), what, why: why.to_string() }
}

/// Believes whatever name an authority's certificate has.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: all else was right.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

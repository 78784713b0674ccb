//! The sandbox's own certificate authority, kept in the data file, and the server certificates it signs.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

use crate::{running::SandboxError, store::Store};

/// The certificate authority as it is stored.
#[derive(Serialize, Deserialize)]
struct Authority {
    certificate_pem: String,
    key_pem: String,
}

/// The certificate authority (PEM), and a TLS server for loopback names that it signed.
pub(crate) fn server(store: &Store) -> Result<(String, TlsAcceptor), SandboxError> {
    let authority = match store.get::<Authority>("sandbox", "authority", "tls")? {
        Some(authority) => authority,
        None => {
            let authority = make().map_err(certificate)?;
            store.put("sandbox", "authority", "tls", &authority)?;
            authority
        }
    };
    let key = KeyPair::from_pem(&authority.key_pem).map_err(certificate)?;
    let issuer = Issuer::new(authority_params(), key);

    let names =
        ["localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    let key = KeyPair::generate().map_err(certificate)?;
    let mut params = CertificateParams::new(names.map(str::to_owned)).map_err(certificate)?;
    params.distinguished_name.push(DnType::CommonName, "pilotis sandbox");
    params.use_authority_key_identifier_extension = true;
    let leaf = params.signed_by(&key, &issuer).map_err(certificate)?;

    let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| SandboxError::Tls(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((authority.certificate_pem, TlsAcceptor::from(Arc::new(config))))
}

fn make() -> Result<Authority, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = authority_params().self_signed(&key)?;
    Ok(Authority { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "pilotis sandbox CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn certificate(error: rcgen::Error) -> SandboxError {
    SandboxError::Tls(error.to_string())
}

//! The `tls` provider: keys and certificates that are made here, not by an authority.
//!
//! `key` knows the forms of keys, `subject` what a certificate says; the rest is one file a type.

mod certificate;
mod ephemeral;
mod key;
mod locally_signed;
mod private_key;
mod public_key;
mod request;
mod self_signed;
mod subject;

use pilotis_sdk::registry::Registry;

use crate::Here;

pub(crate) fn register(registry: Registry<Here>) -> Registry<Here> {
    registry
        .resource::<request::CertRequest>()
        .resource::<locally_signed::LocallySignedCert>()
        .resource::<private_key::PrivateKey>()
        .resource::<self_signed::SelfSignedCert>()
        .data_source::<certificate::Certificate>()
        .data_source::<public_key::PublicKey>()
        .ephemeral::<ephemeral::EphemeralPrivateKey>()
}

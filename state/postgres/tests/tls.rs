//! Encrypted connections, to a server with a certificate of its own authority.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

use pilotis_state::Store as _;
use pilotis_state_postgres::server::Server;
use pilotis_state_postgres::{Options, PostgresStore};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

fn params(name: &str, names: &[&str]) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

#[test]
fn certificates_are_verified() {
    let mut authority = params("our own authority", &[]);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params("db", &["localhost"]).signed_by(&key, &authority).unwrap();
    let client_key = KeyPair::generate().unwrap();
    let client = params("pilotis", &[]).signed_by(&client_key, &authority).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let ca = file("ca.pem", &authority.pem());
    let own = format!(
        "sslcert={} sslkey={}",
        file("c.pem", &client.pem()),
        file("k.pem", &client_key.serialize_pem())
    );

    let settings = ["ssl=on", "ssl_cert_file=../db.pem", "ssl_key_file=../db.key", "ssl_ca_file=../ca.pem"];
    let files = [("db.pem", certificate.pem()), ("db.key", key.serialize_pem()), ("ca.pem", authority.pem())];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let Some(server) = Server::start(&settings.map(str::to_owned), &files) else { return };

    let open = |more: &str| {
        let options = server.options("tls");
        // What is said last counts.
        PostgresStore::open(&Options { conn_str: format!("{} {more}", options.conn_str), ..options })
    };
    for more in [
        format!("host=localhost sslmode=verify-full sslrootcert={ca}"),
        format!("host=localhost sslmode=require sslrootcert={ca}"),
        format!("host=127.0.0.1 sslmode=verify-ca sslrootcert={ca}"),
        format!("host=localhost sslmode=verify-full sslrootcert={ca} {own}"),
    ] {
        let mut store = open(&more).unwrap_or_else(|e| panic!("{more}: {e}"));
        store.commit(&[]).unwrap();
        let encrypted = server.texts("tls", "SELECT count(*) FROM pg_stat_ssl WHERE ssl");
        assert_ne!(encrypted, ["0"], "{more}");
    }
    for (more, says) in [
        ("host=localhost sslmode=verify-full".to_owned(), "name its authority with sslrootcert=FILE"),
        ("host=localhost sslmode=require".to_owned(), "name its authority with sslrootcert=FILE"),
        (format!("host=127.0.0.1 sslmode=verify-full sslrootcert={ca}"), "is for another name"),
        (
            "host=localhost sslmode=verify-full sslrootcert=/nowhere.pem".to_owned(),
            "/nowhere.pem can't be used as sslrootcert",
        ),
        (
            format!("host=localhost sslmode=verify-ca sslrootcert={}", file("empty.pem", "")),
            "no certificate in PEM form",
        ),
    ] {
        let said = open(&more).unwrap_err().to_string();
        assert!(said.contains(says), "{more}: {said}");
    }
}

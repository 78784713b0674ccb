//! What a connection to a service must be before anything secret goes over it, and what to tell a person about one that isn't.
//!
//! Here live the two questions that each client asks: would this go over the network in clear, and what is wrong with the certificate.
//! Nothing here connects to anything; each client does that with a library of its own.

use std::net::IpAddr;

/// True for an address whose traffic leaves this machine unencrypted.
pub fn in_clear(scheme: &str, host: &str) -> bool {
    !scheme.eq_ignore_ascii_case("https") && !is_this_machine(host)
}

/// True for the loopback addresses and their names: what is sent there stays here, and no proxy is asked for it.
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// Why nothing is sent to an address that is [`in_clear`], and what to do; `insecure` is how the user says that it may be.
pub fn refusal(what: &str, address: &str, insecure: &str) -> (String, String) {
    (
        format!("{what} would cross the network unencrypted, to {address}"),
        format!(
            "Write the address with https://. Where the network itself is trusted, say so with {insecure}."
        ),
    )
}

/// What a client calls the settings that decide whom it trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where an authority is named: `cacert_file`.
    pub authority: &'static str,
    /// Where the client's own certificate and key are named; none if it can't have them.
    pub client: Option<&'static str>,
    /// Where another name of the server is said; none if it can't be.
    pub name: Option<&'static str>,
}

/// What is wrong with how the two ends of a connection prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// Nobody that is trusted has signed the server's certificate.
    UnknownAuthority,
    /// The server's certificate is for another name.
    OtherName,
    /// The server's certificate has expired.
    Expired,
    /// The server's certificate isn't valid yet.
    NotYetValid,
    /// The server wants a certificate of ours, or another one.
    ClientCertificate,
    /// What answers doesn't speak TLS.
    NoTls,
    /// Something else about the server's certificate.
    Certificate,
}

impl Complaint {
    /// What the words of a failed connection are about; none if it isn't trust.
    pub fn of(words: &str) -> Option<Complaint> {
        let says = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
        let client = ["CertificateRequired", "certificate required"];
        let alerts = ["BadCertificate", "UnknownCA", "CertificateUnknown", "CertificateExpired"];
        let alerted = alerts.iter().any(|alert| words.contains(&format!("fatal alert: {alert}")));
        Some(if alerted || says(&client) {
            Complaint::ClientCertificate
        } else if says(&["UnknownIssuer", "BadSignature", "CaUsedAsEndEntity"]) {
            Complaint::UnknownAuthority
        } else if says(&["NotValidForName", "not valid for name", "CertNotValidForName"]) {
            Complaint::OtherName
        } else if says(&["certificate expired", "certificate: Expired"]) {
            Complaint::Expired
        } else if says(&["not valid yet", "NotValidYet"]) {
            Complaint::NotYetValid
        } else if says(&["InvalidContentType", "corrupt message"]) {
            Complaint::NoTls
        } else if says(&["peer certificate", "invalid certificate"]) {
            Complaint::Certificate
        } else {
            return None;
        })
    }

    /// What to do about it, in a sentence or two.
    pub fn advice(self, settings: Settings) -> String {
        let Settings { authority, client, name } = settings;
        match (self, client, name) {
            (Complaint::UnknownAuthority, ..) => format!(
                "Nobody that is trusted here has signed it: name the authority that did with {authority}, if you trust it."
            ),
            (Complaint::OtherName, _, Some(name)) => format!(
                "It is the certificate of another name than the address has: correct the address, or say the name with {name}."
            ),
            (Complaint::OtherName, ..) => {
                "It is the certificate of another name than the address has: correct the address.".to_owned()
            }
            (Complaint::Expired, ..) => {
                "It has expired: have it renewed. If it hasn't, is the clock of this machine right?".to_owned()
            }
            (Complaint::NotYetValid, ..) => {
                "It isn't valid yet: is the clock of this machine right, or that of its authority?".to_owned()
            }
            (Complaint::ClientCertificate, Some(client), _) => {
                format!("The server asks for a client certificate that it trusts: give it with {client}.")
            }
            (Complaint::ClientCertificate, ..) => {
                "The server asks for a client certificate, which can't be given here.".to_owned()
            }
            (Complaint::NoTls, ..) => {
                "What answers there doesn't speak TLS: is the port right, and is it https that is served on it?".to_owned()
            }
            (Complaint::Certificate, ..) => format!(
                "Have the certificate looked at by whoever runs the server; {authority} names its authority."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leaves_the_machine_unencrypted_is_in_clear() {
        for host in ["localhost", "LOCALHOST.", "gitlab.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]
        {
            assert!(!in_clear("http", host), "{host}");
        }
        for host in
            ["gitlab.example", "localhost.example", "10.0.0.1", "0.0.0.0", "[fe80::1]", "127.0.0.1.example"]
        {
            assert!(in_clear("http", host) && !in_clear("HTTPS", host), "{host}");
        }
    }

    #[test]
    fn each_complaint_is_told_apart_and_names_the_setting_that_helps() {
        let settings =
            Settings { authority: "cacert_file", client: Some("client_cert"), name: Some("server_name") };
        for (words, complaint, says) in [
            ("invalid peer certificate: UnknownIssuer", Complaint::UnknownAuthority, "cacert_file"),
            (
                "invalid peer certificate: certificate not valid for name \"a\"",
                Complaint::OtherName,
                "server_name",
            ),
            (
                "invalid peer certificate: certificate expired: verification time 1",
                Complaint::Expired,
                "renewed",
            ),
            ("invalid peer certificate: certificate not valid yet: 1", Complaint::NotYetValid, "clock"),
            ("received fatal alert: CertificateRequired", Complaint::ClientCertificate, "client_cert"),
            ("received corrupt message of type InvalidContentType", Complaint::NoTls, "port"),
            // Another authority of the same name.
            ("invalid peer certificate: BadSignature", Complaint::UnknownAuthority, "cacert_file"),
            ("invalid peer certificate: InvalidPurpose", Complaint::Certificate, "looked at"),
        ] {
            assert_eq!(Complaint::of(words), Some(complaint));
            assert!(complaint.advice(settings).contains(says), "{words}");
        }
        assert_eq!(Complaint::of("connection refused"), None);
    }
}

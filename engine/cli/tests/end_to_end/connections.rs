//! How services are reached: only over TLS with a certificate that is verified, through the proxy that the environment names, and never
//! with a credential in clear. The same for every client that there is.

use crate::harness::{Folder, Ran};
use crate::scripted::{Authority, LONG_AGO, NOW, Proxy, Service, respond};

const TOKEN: &str = "glpat-0123456789abcdef";

/// How a test's folder trusts: files in it.
#[derive(Clone, Copy, Default)]
struct Trust {
    /// `client.pem` and `client.key` are shown to the server.
    client: bool,
    /// Nothing is verified.
    insecure: bool,
}

/// Variables of the environment, and the commands that call.
type SetUp = (Vec<(&'static str, String)>, &'static [&'static str]);

/// A client of services: how a folder makes it call a URL.
struct Client {
    name: &'static str,
    /// The arguments or variables that errors name: for the authority, and for the client's own certificate.
    authority: &'static str,
    identity: Option<&'static str>,
    insecure: &'static str,
    /// Writes the configuration; says the variables and the commands that call.
    set_up: fn(&Folder, &str, Trust) -> SetUp,
}

const CLIENTS: [Client; 5] = [
    Client {
        name: "gitlab",
        authority: "cacert_file",
        identity: Some("client_cert and client_key"),
        insecure: "`insecure = true`",
        set_up: |folder, url, trust| {
            let client =
                if trust.client { "client_cert = \"client.pem\"\n  client_key = \"client.key\"" } else { "" };
            folder.write(
                "main.hcl",
                &format!(
                    "provider \"gitlab\" {{\n  base_url = \"{url}\"\n  token = \"{TOKEN}\"\n  retries = 0\n  cacert_file = \"ca.pem\"\n  insecure = {}\n  {client}\n}}\n\
                     data \"gitlab_group\" \"a\" {{\n  full_path = \"a\"\n}}\n",
                    trust.insecure
                ),
            );
            (Vec::new(), &["plan"])
        },
    },
    Client {
        name: "kubernetes",
        authority: "cluster_ca_certificate",
        identity: Some("client_certificate and client_key"),
        insecure: "`insecure = true`",
        set_up: |folder, url, trust| {
            let credential = match trust.client {
                true => "client_certificate = file(\"client.pem\")\n  client_key = file(\"client.key\")"
                    .to_owned(),
                false => format!("token = \"{TOKEN}\""),
            };
            folder.write(
                "main.hcl",
                &format!(
                    "provider \"kubernetes\" {{\n  host = \"{url}\"\n  {credential}\n  cluster_ca_certificate = file(\"ca.pem\")\n  insecure = {}\n}}\n\
                     data \"kubernetes_server_version\" \"v\" {{}}\n",
                    trust.insecure
                ),
            );
            (Vec::new(), &["plan"])
        },
    },
    Client {
        name: "http",
        authority: "client_ca_certificate_pem",
        identity: Some("client_certificate_pem"),
        insecure: "`skip_cert_verification = true`",
        set_up: |folder, url, trust| {
            folder.write(
                "main.hcl",
                &format!(
                    "terraform {{\n  backend \"http\" {{\n    address = \"{url}/state\"\n    username = \"me\"\n    password = \"{TOKEN}\"\n    retry_max = 0\n    \
                     skip_cert_verification = {}\n  }}\n}}\n",
                    trust.insecure
                ),
            );
            let mut variables = vec![("TF_HTTP_CLIENT_CA_CERTIFICATE_PEM", folder.read("ca.pem"))];
            if trust.client {
                variables.push(("TF_HTTP_CLIENT_CERTIFICATE_PEM", folder.read("client.pem")));
                variables.push(("TF_HTTP_CLIENT_PRIVATE_KEY_PEM", folder.read("client.key")));
            }
            (variables, &["init", "state list"])
        },
    },
    Client {
        name: "s3",
        authority: "custom_ca_bundle",
        identity: None,
        insecure: "`insecure = true`",
        set_up: |folder, url, trust| {
            folder.write(
                "main.hcl",
                &format!(
                    "terraform {{\n  backend \"s3\" {{\n    bucket = \"b\"\n    key = \"k\"\n    endpoint = \"{url}\"\n    access_key = \"{TOKEN}\"\n    secret_key = \"s3cr3t-k3y\"\n    \
                     use_path_style = true\n    custom_ca_bundle = \"ca.pem\"\n    insecure = {}\n  }}\n}}\n",
                    trust.insecure
                ),
            );
            (Vec::new(), &["init", "state list"])
        },
    },
    Client {
        name: "openbao",
        authority: "BAO_CACERT",
        identity: Some("BAO_CLIENT_CERT and BAO_CLIENT_KEY"),
        insecure: "BAO_SKIP_VERIFY=true",
        set_up: |folder, url, trust| {
            folder.write(
                "main.hcl",
                &format!(
                    "terraform {{\n  encryption {{\n    key_provider \"openbao\" \"k\" {{\n      key_name = \"k\"\n      address = \"{url}\"\n    }}\n    \
                     method \"aes_gcm_siv\" \"m\" {{\n      keys = key_provider.openbao.k\n    }}\n    state {{\n      method = method.aes_gcm_siv.m\n    }}\n  }}\n}}\n\
                     resource \"terraform_data\" \"a\" {{}}\n"
                ),
            );
            let mut variables = vec![
                ("BAO_TOKEN", TOKEN.to_owned()),
                ("BAO_CACERT", "ca.pem".to_owned()),
                ("BAO_SKIP_VERIFY", trust.insecure.to_string()),
            ];
            if trust.client {
                variables.push(("BAO_CLIENT_CERT", "client.pem".to_owned()));
                variables.push(("BAO_CLIENT_KEY", "client.key".to_owned()));
            }
            (variables, &["apply -auto-approve"])
        },
    },
];

impl Client {
    /// Calls a URL, trusting this authority, with variables of the environment besides; the last command that ran.
    fn call(&self, url: &str, authority: &Authority, trust: Trust, environment: &[(&str, &str)]) -> Ran {
        let folder = Folder::empty();
        folder.write("ca.pem", &authority.pem);
        let (certificate, key) = authority.certificate(&["client.example"], NOW);
        folder.write("client.pem", &certificate.pem());
        folder.write("client.key", &key.serialize_pem());
        let (variables, lines) = (self.set_up)(&folder, url, trust);
        let mut all: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
        all.extend(environment);
        let mut ran = None;
        for line in lines {
            let args: Vec<_> = line.split_whitespace().collect();
            let one = folder.run_with(&args, &all).never_says(&["s3cr3t-k3y", "panicked"]);
            let failed = one.code != Some(0);
            ran = Some(one);
            if failed {
                break;
            }
        }
        ran.unwrap().never_says(&[TOKEN])
    }
}

/// A service that refuses whoever reached it: that it was reached is all that counts here.
fn refusing(tls: std::sync::Arc<rustls::ServerConfig>) -> Service {
    Service::start(Some(tls), |_, out| respond(out, 403, "", b"{\"message\": \"no\", \"errors\": [\"no\"]}"))
}

#[test]
fn a_certificate_that_is_wrong_is_refused_and_said_why() {
    let (ours, other) = (Authority::new(), Authority::new());
    let here: &[&str] = &["127.0.0.1"];
    for client in &CLIENTS {
        let refused = |service: &Service, says: &[&str]| {
            let url = service.url().replace("http://", "https://");
            let ran = client.call(&url, &ours, Trust::default(), &[]);
            assert!(matches!(ran.code, Some(1 | 4)), "{}\n{ran}", client.name);
            ran.says(says).says(&[&format!("127.0.0.1:{}", service.port)]);
            assert!(service.heard.all().is_empty(), "{}: a request was sent", client.name);
        };
        refused(&refusing(other.server(here, NOW, None)), &["signed it", client.authority]);
        refused(&refusing(ours.server(&["elsewhere.example"], NOW, None)), &["certificate of another name"]);
        refused(&refusing(ours.server(here, LONG_AGO, None)), &["It has expired", "clock of this machine"]);
        refused(&Service::says(200, "{}"), &["doesn't speak TLS"]);
        let wanting = refusing(ours.server(here, NOW, Some(&ours)));
        refused(&wanting, &["asks for a client certificate", client.identity.unwrap_or("can't be given")]);

        // With what it wants, it is let in; and nothing is verified only where that is said.
        if client.identity.is_some() {
            client.call(&wanting.url(), &ours, Trust { client: true, insecure: false }, &[]);
            assert!(!wanting.heard.all().is_empty(), "{}: the certificate was not shown", client.name);
        }
        let expired = refusing(other.server(here, LONG_AGO, None));
        client.call(&expired.url(), &ours, Trust { client: false, insecure: true }, &[]);
        assert!(!expired.heard.all().is_empty(), "{}: insecure is of no use", client.name);
    }
}

#[test]
fn a_proxy_of_the_environment_is_used_and_sees_no_secret() {
    let authority = Authority::new();
    for client in &CLIENTS {
        let host = format!("{}.example", client.name);
        let service = refusing(authority.server(&[&host], NOW, None));
        let proxy = Proxy::to(service.port);
        let through = format!("http://marie:pr0xy-pa55@{}", proxy.address);
        let url = format!("https://{host}");
        let ran = client.call(&url, &authority, Trust::default(), &[("HTTPS_PROXY", &through)]);
        ran.never_says(&["pr0xy-pa55"]);
        assert_eq!(proxy.tunnels().first(), Some(&format!("{host}:443")), "{}", client.name);
        let head = proxy.heard.all().remove(0);
        // The header says user and password in base64.
        assert!(head.to_lowercase().contains("proxy-authorization: basic "), "{head}");
        let seen = proxy.heard.all().concat();
        assert!(!seen.contains(TOKEN) && !seen.contains("bWU6Z2xwYXQ"), "{}: {seen}", client.name);
        // What went through the tunnel is what the service got, with the credential in it.
        let heard = service.heard.all().concat();
        assert!(heard.contains(TOKEN) || heard.contains("authorization: Basic "), "{}: {heard}", client.name);

        // Not for hosts that NO_PROXY names: nobody has that name, so that nobody is reached.
        let none = Proxy::to(service.port);
        let through = format!("http://{}", none.address);
        let without = [("HTTPS_PROXY", through.as_str()), ("NO_PROXY", ".example"), ("HTTP_PROXY", &through)];
        // The others try again, with pauses.
        if matches!(client.name, "gitlab" | "http") {
            client.call(&url, &authority, Trust::default(), &without);
        }
        // Nor for this machine, whatever NO_PROXY says.
        let here = refusing(authority.server(&["127.0.0.1"], NOW, None));
        client.call(
            &here.url(),
            &authority,
            Trust::default(),
            &[("HTTPS_PROXY", &through), ("ALL_PROXY", &through)],
        );
        assert!(!here.heard.all().is_empty(), "{}", client.name);
        assert!(none.heard.all().is_empty(), "{}: {:?}", client.name, none.heard.all());
    }
}

#[test]
fn the_sandbox_is_reached_without_a_proxy() {
    let folder = Folder::with(
        "provider \"gitlab\" {\n  sandbox = true\n}\nprovider \"kubernetes\" {\n  sandbox = true\n}\n\
         data \"gitlab_group\" \"forge\" {\n  full_path = \"forge\"\n}\ndata \"kubernetes_server_version\" \"v\" {}\n",
    );
    let proxy = Proxy::to(9);
    let through = format!("http://{}", proxy.address);
    let variables = [("HTTPS_PROXY", through.as_str()), ("HTTP_PROXY", &through), ("ALL_PROXY", &through)];
    folder.run_with(&["plan"], &variables).exits(0);
    assert!(proxy.heard.all().is_empty(), "{:?}", proxy.heard.all());
}

#[test]
fn nothing_secret_goes_over_a_network_in_clear() {
    let authority = Authority::new();
    for client in &CLIENTS {
        // A proxy would get it all.
        let service = Service::says(200, "{}");
        let proxy = Proxy::to(service.port);
        let through = format!("http://{}", proxy.address);
        let url = format!("http://{}.example", client.name);
        let variables = [("HTTP_PROXY", through.as_str()), ("http_proxy", &through)];
        let ran = client.call(&url, &authority, Trust::default(), &variables);
        assert!(matches!(ran.code, Some(1 | 4)), "{ran}");
        ran.says(&["cross the network unencrypted", &url, "https://", client.insecure]);
        assert!(proxy.heard.all().is_empty(), "{}: {:?}", client.name, proxy.heard.all());
    }
}

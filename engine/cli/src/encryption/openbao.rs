//! Keys from the transit engine of OpenBao or Vault: data keys that only the server can unwrap
//! (<https://openbao.org/api-docs/secret/transit/#generate-data-key>).

use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pilotis_rest::header::HeaderName;
use pilotis_rest::{Auth, Client, Named, Settings, Tls, TrustSettings};
use pilotis_state_encryption::{DataKey, KeyError, KeyProvider};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Arguments;

/// A transit key on a server.
pub(super) struct Transit {
    name: String,
    settings: Settings,
    mount: String,
    key: String,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Plain {
    plaintext: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Generated {
    plaintext: Zeroizing<String>,
    ciphertext: String,
}

#[derive(Serialize)]
struct Bits {
    bits: u16,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    ciphertext: &'a str,
}

impl Transit {
    pub(super) fn new(name: &str, arguments: &Arguments) -> anyhow::Result<Transit> {
        let environment = |names: [&str; 2]| {
            names.into_iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))
        };
        let given =
            |argument, names| arguments.text(argument).map(str::to_owned).or_else(|| environment(names));
        let address = given("address", ["BAO_ADDR", "VAULT_ADDR"]).with_context(|| {
            format!("key_provider.{name} gives no key: it has no address; give one, or set BAO_ADDR")
        })?;
        let logged_in = || given("token", ["BAO_TOKEN", "VAULT_TOKEN"]).or_else(token_of_login);
        let token = logged_in().with_context(|| {
            format!(
                "key_provider.{name} gives no key: it has no token; set BAO_TOKEN, or log in with `bao login`"
            )
        })?;
        let base = address.parse().ok().filter(|url: &url::Url| matches!(url.scheme(), "http" | "https"));
        let Some(base) = base else { bail!("key_provider.{name} gives no key: its address is no URL") };
        let mut settings = Settings::new("OpenBao", base);
        settings.auth = Auth::Header(HeaderName::from_static("x-vault-token"), SecretString::from(token));
        settings.credential =
            Some(match (arguments.text("token"), environment(["BAO_TOKEN", "VAULT_TOKEN"])) {
                (Some(_), _) => format!("key_provider.{name}"),
                (None, Some(_)) => "BAO_TOKEN".to_owned(),
                (None, None) => "~/.vault-token".to_owned(),
            });
        // Somebody waits before a command that has not begun: better to hear soon that the server is down.
        settings.retry.times = 2;
        settings.limits.attempt = Duration::from_secs(30);
        settings.limits.body = 1 << 20;
        settings.named = Named {
            trust: TrustSettings {
                authority: "BAO_CACERT",
                client: Some("BAO_CLIENT_CERT and BAO_CLIENT_KEY"),
                name: None,
            },
            insecure: "BAO_SKIP_VERIFY=true",
        };
        settings.tls = tls(environment).with_context(|| format!("key_provider.{name} gives no key"))?;
        let mount = arguments.text("transit_engine_path").unwrap_or("/transit");
        Ok(Transit {
            name: name.to_owned(),
            settings,
            mount: mount.trim_matches('/').to_owned(),
            key: arguments.text("key_name").unwrap_or_default().to_owned(),
        })
    }

    fn failed(&self, detail: impl ToString) -> KeyError {
        KeyError::Provider { provider: self.name.clone(), detail: detail.to_string() }
    }

    /// One call. A key is asked for wherever the state happens to be read, also where an executor runs, so it gets a thread of its own.
    fn call<T: DeserializeOwned + Send>(
        &self,
        operation: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<T, KeyError> {
        let client = Client::new(self.settings.clone()).map_err(|e| self.failed(told(&e)))?;
        let mount = self.mount.split('/');
        let path = ["v1"].into_iter().chain(mount).chain(operation.iter().copied()).chain([&*self.key]);
        // Neither changes anything on the server.
        let request = client.post(path).json(body).as_read();
        let asked = std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|e| e.to_string())?;
                let answer = runtime.block_on(async { request.send().await?.json::<Answer<T>>() });
                answer.map(|answer| answer.data).map_err(|e| told(&e))
            });
            asking.join().unwrap_or_else(|_| Err("the call was given up".to_owned()))
        });
        asked.map_err(|e| self.failed(e))
    }

    fn decoded(&self, plaintext: &str) -> Result<DataKey, KeyError> {
        let bytes = STANDARD.decode(plaintext).ok().map(Zeroizing::new);
        let key = bytes.and_then(|bytes| <[u8; DataKey::LEN]>::try_from(&bytes[..]).ok());
        let key = key.ok_or_else(|| self.failed("the server's answer holds no key of 256 bits"))?;
        Ok(DataKey::new(&Zeroizing::new(key)))
    }
}

/// How the connection is secured: the variables of the server's own command line, <https://openbao.org/docs/commands/#environment-variables>.
fn tls(environment: impl Fn([&str; 2]) -> Option<String>) -> anyhow::Result<Tls> {
    let read = |path: &str| std::fs::read_to_string(path).with_context(|| format!("{path} can't be read"));
    let certificate = environment(["BAO_CLIENT_CERT", "VAULT_CLIENT_CERT"]);
    let key = environment(["BAO_CLIENT_KEY", "VAULT_CLIENT_KEY"]);
    let identity_pem = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(format!("{}\n{}", read(&certificate)?, read(&key)?).into()),
        (None, None) => None,
        _ => bail!("BAO_CLIENT_CERT and BAO_CLIENT_KEY need each other"),
    };
    let ca_pem = environment(["BAO_CACERT", "VAULT_CACERT"]).as_deref().map(read).transpose()?;
    let insecure =
        matches!(environment(["BAO_SKIP_VERIFY", "VAULT_SKIP_VERIFY"]).as_deref(), Some("1" | "true"));
    Ok(Tls { ca_pem, identity_pem, insecure })
}

/// The token that `bao login` left.
fn token_of_login() -> Option<String> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    let token = std::fs::read_to_string(std::path::Path::new(&home).join(".vault-token")).ok()?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// An error with the call that it is of, and where its token came from.
fn told(error: &pilotis_sdk::Error) -> String {
    let request = error.request.iter().map(|request| format!(" ({request}"));
    let token = error.credential.iter().map(|of| format!("; the token is that of {of}"));
    let place: String = request.chain(token).collect();
    let end = if place.is_empty() { "" } else { ")" };
    let help: String = error.help.iter().map(|help| format!(". {help}")).collect();
    format!("{error}{place}{end}{help}")
}

impl KeyProvider for Transit {
    fn name(&self) -> &str {
        &self.name
    }

    fn generate(&self) -> Result<(DataKey, Vec<u8>), KeyError> {
        let made: Generated = self.call(&["datakey", "plaintext"], &Bits { bits: 256 })?;
        Ok((self.decoded(&made.plaintext)?, made.ciphertext.into_bytes()))
    }

    fn key(&self, header: &[u8]) -> Result<DataKey, KeyError> {
        let ciphertext = std::str::from_utf8(header)
            .map_err(|_| KeyError::Malformed("its header is none of a transit engine"))?;
        let plain: Plain = self.call(&["decrypt"], &Wrapped { ciphertext })?;
        self.decoded(&plain.plaintext)
    }
}

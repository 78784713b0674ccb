//! Where a state is and how it is reached: the arguments of Terraform's `http` backend, and their variables.
//!
//! <https://developer.hashicorp.com/terraform/language/backend/http>

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Method;
use url::Url;

/// Where a state is, and how it is reached. Credentials are in no message and not in `Debug`.
#[derive(Clone)]
pub struct Options {
    /// The state. No user or password is in it: they are in `username` and `password`.
    pub address: Url,
    /// Writes a version.
    pub update_method: Method,
    /// The state's lock; none: the server has no locks.
    pub lock_address: Option<Url>,
    /// Takes the lock.
    pub lock_method: Method,
    /// Where the lock is given back.
    pub unlock_address: Option<Url>,
    /// Gives the lock back.
    pub unlock_method: Method,
    /// For HTTP basic authentication.
    pub username: Option<String>,
    /// Its password, or a token.
    pub password: Option<String>,
    /// Whoever answers is believed to be the server.
    pub skip_cert_verification: bool,
    /// How many times what failed is tried again.
    pub retry_max: u32,
    /// The first wait before that; doubled each time.
    pub retry_wait_min: Duration,
    /// The longest wait.
    pub retry_wait_max: Duration,
    /// Certificate authorities in PEM: who else than the system's may have signed the server's certificate.
    pub client_ca_certificate_pem: Option<String>,
    /// A certificate in PEM that the server asks for.
    pub client_certificate_pem: Option<String>,
    /// Its key in PEM.
    pub client_private_key_pem: Option<String>,
}

/// Why an argument can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// There is no address.
    #[error(
        "backend \"http\" needs an address: write `address = \"https://…\"` in the block, or set TF_HTTP_ADDRESS"
    )]
    NoAddress,
    /// A value has the wrong form. It isn't shown: it may hold a password.
    #[error("backend \"http\": {name} must be {expected}")]
    Form {
        /// Name of the argument.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// One argument is of no use without another one.
    #[error("backend \"http\": {name} needs {missing} as well{why}")]
    Incomplete {
        /// The one that is there.
        name: &'static str,
        /// The one that isn't.
        missing: &'static str,
        /// Why.
        why: &'static str,
    },
}

const METHOD: &str = "an HTTP method: `POST`";
const ADDRESS: &str =
    "an http or https address: `https://gitlab.example.org/api/v4/projects/42/terraform/state/prod`";
const SECONDS: &str = "a whole number of seconds";

impl Options {
    /// From the arguments of a block, and for what they don't say from the variables `TF_HTTP_…` of the environment. An empty argument
    /// says nothing.
    pub fn new(
        arguments: impl Fn(&str) -> Option<String>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Options, OptionsError> {
        let said = |name: &str| {
            let variable = || environment.get(&format!("TF_HTTP_{}", name.to_ascii_uppercase())).cloned();
            arguments(name).filter(|text| !text.is_empty()).or_else(variable).filter(|text| !text.is_empty())
        };
        let url = |name| said(name).map(|text| address(name, &text)).transpose();
        let mut address = url("address")?.ok_or(OptionsError::NoAddress)?;
        let (mut lock_address, mut unlock_address) = (url("lock_address")?, url("unlock_address")?);
        if lock_address.is_some() && unlock_address.is_none() {
            let why = ": a lock that is taken must be given back";
            return Err(OptionsError::Incomplete { name: "lock_address", missing: "unlock_address", why });
        }
        let (user, secret) = take_credentials(&mut address);
        for other in [&mut lock_address, &mut unlock_address].into_iter().flatten() {
            take_credentials(other);
        }
        let client_certificate_pem = said("client_certificate_pem");
        let client_private_key_pem = said("client_private_key_pem");
        let (certificate, key) = ("client_certificate_pem", "client_private_key_pem");
        let incomplete = |name, missing| Err(OptionsError::Incomplete { name, missing, why: "" });
        match (&client_certificate_pem, &client_private_key_pem) {
            (Some(_), None) => return incomplete(certificate, key),
            (None, Some(_)) => return incomplete(key, certificate),
            _ => {}
        }
        Ok(Options {
            address,
            update_method: method("update_method", said("update_method"), "POST")?,
            lock_address,
            lock_method: method("lock_method", said("lock_method"), "LOCK")?,
            unlock_address,
            unlock_method: method("unlock_method", said("unlock_method"), "UNLOCK")?,
            username: said("username").or(user),
            password: said("password").or(secret),
            // The one argument that Terraform has no variable for.
            skip_cert_verification: switch("skip_cert_verification", arguments("skip_cert_verification"))?,
            retry_max: number(
                "retry_max",
                said("retry_max"),
                2,
                "a whole number: how many times to try again",
            )?,
            retry_wait_min: seconds("retry_wait_min", said("retry_wait_min"), 1)?,
            retry_wait_max: seconds("retry_wait_max", said("retry_wait_max"), 30)?,
            client_ca_certificate_pem: said("client_ca_certificate_pem"),
            client_certificate_pem,
            client_private_key_pem,
        })
    }
}

/// Where it is, for messages: the address without credentials. A query isn't shown either, since it may be a token.
pub fn location(options: &Options) -> String {
    shown(&options.address)
}

/// An address without what may be secret in it.
pub(crate) fn shown(address: &Url) -> String {
    let mut address = address.clone();
    take_credentials(&mut address);
    address.set_query(None);
    address.set_fragment(None);
    address.into()
}

/// Takes user and password out of an address.
fn take_credentials(address: &mut Url) -> (Option<String>, Option<String>) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = Some(decoded(address.username())).filter(|user| !user.is_empty());
    let secret = address.password().map(decoded);
    // Fails only for addresses without a host, which hold none.
    let _ = address.set_username("");
    let _ = address.set_password(None);
    (user, secret)
}

fn address(name: &'static str, text: &str) -> Result<Url, OptionsError> {
    let wrong = OptionsError::Form { name, expected: ADDRESS };
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => Ok(url),
        _ => Err(wrong),
    }
}

fn method(name: &'static str, text: Option<String>, default: &str) -> Result<Method, OptionsError> {
    let text = text.as_deref().unwrap_or(default);
    Method::from_bytes(text.as_bytes()).map_err(|_| OptionsError::Form { name, expected: METHOD })
}

fn number(
    name: &'static str,
    text: Option<String>,
    default: u32,
    expected: &'static str,
) -> Result<u32, OptionsError> {
    text.map_or(Ok(default), |text| text.trim().parse().map_err(|_| OptionsError::Form { name, expected }))
}

fn seconds(name: &'static str, text: Option<String>, default: u32) -> Result<Duration, OptionsError> {
    Ok(Duration::from_secs(number(name, text, default, SECONDS)?.into()))
}

fn switch(name: &'static str, text: Option<String>) -> Result<bool, OptionsError> {
    match text.as_deref() {
        None | Some("" | "false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(OptionsError::Form { name, expected: "true or false" }),
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("address", &shown(&self.address))
            .field("lock_address", &self.lock_address.as_ref().map(shown))
            .field("unlock_address", &self.unlock_address.as_ref().map(shown))
            .field("skip_cert_verification", &self.skip_cert_verification)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Options, OptionsError> {
        let arguments: BTreeMap<_, _> = arguments.iter().copied().collect();
        let environment = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Options::new(|name| arguments.get(name).map(|&text| text.to_owned()), &environment)
    }

    #[test]
    fn an_argument_counts_more_than_a_variable_and_both_more_than_the_default() {
        let both = [("address", "https://a.example/s"), ("lock_method", ""), ("retry_max", "5")];
        let variables = [
            ("TF_HTTP_ADDRESS", "https://b.example/s"),
            ("TF_HTTP_LOCK_METHOD", "POST"),
            ("TF_HTTP_RETRY_WAIT_MAX", "7"),
            ("TF_HTTP_PASSWORD", "s3cret"),
        ];
        let options = options(&both, &variables).unwrap();
        assert_eq!(location(&options), "https://a.example/s");
        assert_eq!((options.lock_method, options.unlock_method.as_str()), (Method::POST, "UNLOCK"));
        assert_eq!((options.retry_max, options.retry_wait_max), (5, Duration::from_secs(7)));
        assert_eq!(options.retry_wait_min, Duration::from_secs(1));
        assert_eq!(options.password.as_deref(), Some("s3cret"));
    }

    #[test]
    fn what_is_secret_is_shown_nowhere() {
        let address = "https://mar%40ie:s3%2Bcr+et@a.example/s?private_token=t0ken";
        let lock = "https://marie:s3cret@a.example/s/lock";
        let options =
            options(&[("address", address), ("lock_address", lock), ("unlock_address", lock)], &[]).unwrap();
        assert_eq!(options.username.as_deref(), Some("mar@ie"));
        assert_eq!(options.password.as_deref(), Some("s3+cr+et"));
        assert_eq!(location(&options), "https://a.example/s");
        let debug = format!("{options:?}");
        assert!(!debug.contains("t0ken") && !debug.contains("s3"), "{debug}");
    }

    #[test]
    fn what_cannot_be_used_is_said_by_its_name() {
        let said = |arguments: &[(&str, &str)]| options(arguments, &[]).unwrap_err().to_string();
        let address = ("address", "https://a.example/s");
        assert!(said(&[]).contains("TF_HTTP_ADDRESS"));
        let form = said(&[("address", "ftp://marie:s3cret@a.example")]);
        assert!(form.contains("address must be") && !form.contains("s3cret"), "{form}");
        assert!(said(&[address, ("lock_address", "http://a.example/l")]).contains("needs unlock_address"));
        assert!(said(&[address, ("retry_max", "-1")]).contains("retry_max must be"));
        assert!(said(&[address, ("skip_cert_verification", "yes")]).contains("true or false"));
        assert!(said(&[address, ("update_method", "A B")]).contains("update_method"));
        assert!(said(&[address, ("client_private_key_pem", "x")]).contains("needs client_certificate_pem"));
    }
}

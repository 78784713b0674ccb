//! How a client says who it is.

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

/// How a client says who it is. Prints without the secret.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// It doesn't.
    #[default]
    None,
    /// A header of the service's own: `PRIVATE-TOKEN: …`.
    Header(HeaderName, SecretString),
    /// `Authorization: Bearer …`
    Bearer(SecretString),
    /// `Authorization: Basic …`
    Basic(String, SecretString),
}

impl Auth {
    /// The header; none if nothing is said. An error if the secret has characters that a header can't carry.
    pub(crate) fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>, String> {
        let (name, text) = match self {
            Auth::None => return Ok(None),
            Auth::Header(name, secret) => {
                (name.clone(), SecretString::from(secret.expose_secret().to_owned()))
            }
            Auth::Bearer(secret) => {
                (AUTHORIZATION, SecretString::from(format!("Bearer {}", secret.expose_secret())))
            }
            Auth::Basic(user, password) => {
                let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
                let encoded = base64::engine::general_purpose::STANDARD.encode(pair.expose_secret());
                (AUTHORIZATION, SecretString::from(format!("Basic {encoded}")))
            }
        };
        let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| {
            "it has characters that a header can't carry (a line break at its end?)".to_owned()
        })?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }

    /// The secret, so that it can be taken out of a service's own words.
    pub(crate) fn secret(&self) -> Option<&str> {
        match self {
            Auth::None => None,
            Auth::Header(_, s) | Auth::Bearer(s) | Auth::Basic(_, s) => Some(s.expose_secret()),
        }
    }
}

//! A text that is a secret, for the fields of a provider's structs.

use std::fmt;

use pilotis_value::{Type, Value};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};

use crate::model::{Attr, ModelError};

/// A secret text. Wiped when dropped; prints as `(sensitive)`; can't be serialised by accident.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// A secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(SecretString::from(text.into()))
    }
    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
    /// True if there is nothing.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.expose() == other.expose()
    }
}
impl Eq for Secret {}
impl PartialOrd for Secret {
    fn partial_cmp(&self, other: &Secret) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Secret {
    fn cmp(&self, other: &Secret) -> std::cmp::Ordering {
        self.expose().cmp(other.expose())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret::new(text)
    }
}
impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret::new(text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

impl Attr for Secret {
    fn ty() -> Type {
        Type::String
    }
    fn to_value(&self) -> Value {
        Value::string(self.expose()).with_marks(pilotis_value::Marks::SENSITIVE)
    }
    fn from_value(value: &Value) -> Result<Secret, ModelError> {
        String::from_value(value).map(Secret::new)
    }
}

//! `ephemeral "random_password"`: a password for one run, to be given to what stores it.

use pilotis_sdk::typed::{Ephemeral as Typed, Opened};
use pilotis_sdk::{Ephemeral, Error, Secret};

use super::text::Password;
use crate::Here;
use crate::kept::Kept as _;

/// A password that is in no state. Each plan and each apply that needs it draws another: give it to a write-only argument, whose revision says when a new one is wanted.
#[derive(Clone, Debug, Default, Ephemeral)]
#[ephemeral(type = "random_password")]
pub(crate) struct EphemeralPassword {
    /// How many characters, at least 1 and at least as many as all `min_` together.
    pub(crate) length: i64,
    /// Special characters may be in it: `!@#$%&*()-_=+[]{}<>:?`, or those of `override_special`.
    #[attr(default = true)]
    pub(crate) special: bool,
    /// Upper-case letters may be in it.
    #[attr(default = true)]
    pub(crate) upper: bool,
    /// Lower-case letters may be in it.
    #[attr(default = true)]
    pub(crate) lower: bool,
    /// Digits may be in it.
    #[attr(default = true)]
    pub(crate) numeric: bool,
    /// At least so many digits are in it.
    #[attr(default = 0)]
    pub(crate) min_numeric: i64,
    /// At least so many upper-case letters are in it.
    #[attr(default = 0)]
    pub(crate) min_upper: i64,
    /// At least so many lower-case letters are in it.
    #[attr(default = 0)]
    pub(crate) min_lower: i64,
    /// At least so many special characters are in it.
    #[attr(default = 0)]
    pub(crate) min_special: i64,
    /// The special characters that may be in it.
    pub(crate) override_special: Option<String>,
    /// The password.
    #[attr(computed, secret = "made_shown_once")]
    pub(crate) result: Secret,
    /// Its bcrypt hash; of its first 72 bytes, if it is longer.
    #[attr(computed, secret = "made_shown_once")]
    pub(crate) bcrypt_hash: Secret,
}

impl Typed for EphemeralPassword {
    type Client = Here;

    async fn open(_: &Here, arguments: EphemeralPassword) -> Result<Opened<EphemeralPassword>, Error> {
        let drawn = Password::make(Password {
            length: arguments.length,
            special: arguments.special,
            upper: arguments.upper,
            lower: arguments.lower,
            numeric: Some(arguments.numeric),
            min_numeric: arguments.min_numeric,
            min_upper: arguments.min_upper,
            min_lower: arguments.min_lower,
            min_special: arguments.min_special,
            override_special: arguments.override_special.clone(),
            ..Password::default()
        })
        .await?;
        Ok(EphemeralPassword {
            result: drawn.result.unwrap_or_default(),
            bcrypt_hash: drawn.bcrypt_hash.unwrap_or_default(),
            ..arguments
        }
        .into())
    }
}

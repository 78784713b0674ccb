//! `random_string` and `random_password`: texts of chosen kinds of characters.

use pilotis_sdk::{Error, Secret};
use rand::seq::{IndexedRandom as _, SliceRandom as _};

use super::{Keepers, chance};
use crate::kept::{Kept, invalid, kept};

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMERIC: &str = "0123456789";
const SPECIAL: &str = "!@#$%&*()-_=+[]{}<>:?";

/// The longest text.
const MOST: i64 = 1 << 20;

/// A kind of character: which, whether it may be in the text, how many must be.
struct Kind {
    name: &'static str,
    characters: Vec<char>,
    allowed: bool,
    at_least: i64,
}

/// A text of so many characters of those kinds.
fn draw(length: i64, kinds: &[Kind]) -> Result<String, Error> {
    if !(1..=MOST).contains(&length) {
        let e = invalid("length", format!("length must be from 1 to {MOST}"));
        return Err(e.detail(format!("It is {length}.")));
    }
    let mut least: i64 = 0;
    for kind in kinds {
        if kind.at_least < 0 {
            return Err(invalid(kind.name, format!("min_{} must not be negative", kind.name)));
        }
        least = least.saturating_add(kind.at_least);
    }
    if least > length {
        return Err(invalid(
            "length",
            "length must be at least the sum of min_upper, min_lower, min_numeric and min_special",
        )
        .detail(format!("It is {length}, and they are {least} together.")));
    }
    let all: Vec<char> =
        kinds.iter().filter(|k| k.allowed).flat_map(|k| k.characters.iter().copied()).collect();
    let mut chance = chance(None);
    let mut text: Vec<char> = Vec::new();
    let wanted = kinds.iter().map(|k| (&k.characters, k.at_least)).chain([(&all, length - least)]);
    for (characters, count) in wanted {
        for _ in 0..count {
            let none = || {
                invalid("special", "No character may be in it")
                    .help("Set one of special, upper, lower and numeric to true.")
            };
            text.push(*characters.choose(&mut chance).ok_or_else(none)?);
        }
    }
    text.shuffle(&mut chance);
    Ok(text.into_iter().collect())
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $type_name:literal, $version:literal, { $(#[$id_doc:meta])* id }, { $($result:tt)* }, |$planned:ident, $text:ident| $of:expr, |$id:ident| $imported:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
        #[resource(type = $type_name, version = $version)]
        pub(crate) struct $name {
            /// Arbitrary texts; when one of them changes, a new text is drawn.
            #[attr(force_new)]
            pub(crate) keepers: Option<Keepers>,
            /// How many characters, at least 1 and at least as many as all `min_` together.
            #[attr(force_new)]
            pub(crate) length: i64,
            /// Special characters may be in it: `!@#$%&*()-_=+[]{}<>:?`, or those of `override_special`.
            #[attr(force_new, default = true)]
            pub(crate) special: bool,
            /// Upper-case letters may be in it.
            #[attr(force_new, default = true)]
            pub(crate) upper: bool,
            /// Lower-case letters may be in it.
            #[attr(force_new, default = true)]
            pub(crate) lower: bool,
            /// Digits may be in it.
            #[attr(optional, computed, force_new, deprecated = "Use numeric.")]
            pub(crate) number: Option<bool>,
            /// Digits may be in it. True if it isn't said.
            #[attr(optional, computed, force_new)]
            pub(crate) numeric: Option<bool>,
            /// At least so many digits are in it.
            #[attr(force_new, default = 0)]
            pub(crate) min_numeric: i64,
            /// At least so many upper-case letters are in it.
            #[attr(force_new, default = 0)]
            pub(crate) min_upper: i64,
            /// At least so many lower-case letters are in it.
            #[attr(force_new, default = 0)]
            pub(crate) min_lower: i64,
            /// At least so many special characters are in it.
            #[attr(force_new, default = 0)]
            pub(crate) min_special: i64,
            /// The special characters that may be in it.
            #[attr(force_new)]
            pub(crate) override_special: Option<String>,
            $(#[$id_doc])*
            #[attr(computed)]
            pub(crate) id: Option<String>,
            $($result)*
        }

        impl $name {
            fn numeric(&self) -> Result<bool, Error> {
                match (self.numeric, self.number) {
                    (Some(numeric), Some(number)) if numeric != number => {
                        Err(invalid("number", "number and numeric mean the same and differ").help("Set numeric alone."))
                    }
                    (numeric, number) => Ok(numeric.or(number).unwrap_or(true)),
                }
            }
            fn draw(&self) -> Result<String, Error> {
                let special = self.override_special.as_deref().filter(|s| !s.is_empty()).unwrap_or(SPECIAL);
                let kind = |name, characters: &str, allowed, at_least| Kind {
                    name,
                    characters: characters.chars().collect(),
                    allowed,
                    at_least,
                };
                draw(self.length, &[
                    kind("upper", UPPER, self.upper, self.min_upper),
                    kind("lower", LOWER, self.lower, self.min_lower),
                    kind("numeric", NUMERIC, self.numeric()?, self.min_numeric),
                    kind("special", special, self.special, self.min_special),
                ])
            }
        }

        impl Kept for $name {
            async fn make($planned: $name) -> Result<$name, Error> {
                let numeric = Some($planned.numeric()?);
                let $planned = $name { numeric, number: numeric, ..$planned };
                let $text = $planned.draw()?;
                $of
            }
            fn of_import($id: &str) -> Result<$name, Error> {
                let numeric = Some(true);
                let $planned = $name {
                    length: $id.chars().count() as i64,
                    special: true,
                    upper: true,
                    lower: true,
                    numeric,
                    number: numeric,
                    ..$name::default()
                };
                $imported
            }
        }

        kept!($name);
    };
}

text!(
    /// A text that is no secret.
    Text, "random_string", 2,
    { /// The text.
      id },
    {
        /// The text.
        #[attr(computed)]
        pub(crate) result: Option<String>,
    },
    |planned, text| Ok(Text { id: Some(text.clone()), result: Some(text), ..planned }),
    |text| Ok(Text { id: Some(text.to_owned()), result: Some(text.to_owned()), ..planned })
);

text!(
    /// A password: as `random_string`, and a secret.
    Password, "random_password", 3,
    { /// Always `none`.
      id },
    {
        /// The password.
        #[attr(computed, secret = "made_readable")]
        pub(crate) result: Option<Secret>,
        /// Its bcrypt hash.
        #[attr(computed, secret = "made_readable")]
        pub(crate) bcrypt_hash: Option<Secret>,
    },
    |planned, text| planned.of(text).await,
    |text| Ok(Password { id: Some("none".to_owned()), result: Some(text.into()), ..planned })
);

impl Password {
    async fn of(self, text: String) -> Result<Password, Error> {
        let failed = |why: String| Error::new(pilotis_sdk::ErrorKind::Internal, "bcrypt failed").detail(why);
        // bcrypt looks at 72 bytes, and what is longer is an error to it.
        let end = text.floor_char_boundary(72);
        let start = text[..end].to_owned();
        let hash = tokio::task::spawn_blocking(move || bcrypt::hash(start, bcrypt_cost()));
        let hash = hash.await.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
        Ok(Password {
            id: Some("none".to_owned()),
            result: Some(Secret::new(text)),
            bcrypt_hash: Some(Secret::new(hash)),
            ..self
        })
    }
}

/// As the established provider's.
fn bcrypt_cost() -> u32 {
    10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_of_each_kind_as_are_wanted() {
        let text = Text {
            length: 12,
            upper: true,
            min_upper: 2,
            lower: false,
            numeric: Some(true),
            min_numeric: 3,
            special: true,
            min_special: 4,
            override_special: Some("é_".into()),
            ..Text::default()
        };
        for _ in 0..200 {
            let drawn = text.draw().expect("possible");
            assert_eq!(drawn.chars().count(), 12);
            let count = |set: &str| drawn.chars().filter(|c| set.contains(*c)).count();
            assert!(count(UPPER) >= 2 && count(NUMERIC) >= 3 && count("é_") >= 4, "{drawn}");
            assert_eq!(count(UPPER) + count(NUMERIC) + count("é_"), 12, "{drawn}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let all = Text { length: 4, lower: true, ..Text::default() };
        assert!(Text { length: 0, ..all.clone() }.draw().is_err());
        assert!(Text { min_lower: 5, ..all.clone() }.draw().is_err());
        assert!(Text { min_lower: -1, ..all.clone() }.draw().is_err());
        assert!(Text { numeric: Some(false), lower: false, ..all.clone() }.draw().is_err());
        assert!(Text { numeric: Some(true), number: Some(false), ..all }.draw().is_err());
    }
}

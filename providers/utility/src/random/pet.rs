//! `random_pet`.

use petname::Petnames;
use pilotis_sdk::Error;

use super::{Keepers, chance};
use crate::kept::{Kept, invalid, kept};

/// The most words that a name may have.
const MOST_WORDS: i64 = 64;

/// A name that people can remember: adverbs, an adjective and an animal.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "random_pet")]
pub(crate) struct Pet {
    /// Arbitrary texts; when one of them changes, a new name is drawn.
    #[attr(force_new)]
    pub(crate) keepers: Option<Keepers>,
    /// How many words.
    #[attr(force_new, default = 2)]
    pub(crate) length: i64,
    /// Put before the name, with a separator.
    #[attr(force_new)]
    pub(crate) prefix: Option<String>,
    /// Between the words.
    #[attr(force_new, default = "-")]
    pub(crate) separator: String,
    /// The name.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Kept for Pet {
    async fn make(planned: Pet) -> Result<Pet, Error> {
        if !(1..=MOST_WORDS).contains(&planned.length) {
            return Err(invalid("length", format!("length must be from 1 to {MOST_WORDS}"))
                .detail(format!("It is {}.", planned.length)));
        }
        let words = u8::try_from(planned.length).unwrap_or_default();
        let mut name = String::new();
        Petnames::default().namer(words, &planned.separator).generate_into(&mut name, &mut chance(None));
        let id = match planned.prefix.as_deref().filter(|p| !p.is_empty()) {
            Some(prefix) => format!("{prefix}{}{name}", planned.separator),
            None => name,
        };
        Ok(Pet { id: Some(id), ..planned })
    }
}

kept!(Pet);

//! `random_shuffle`.

use pilotis_sdk::Error;
use rand::seq::SliceRandom as _;

use super::{Keepers, chance};
use crate::kept::{Kept, invalid, kept};

/// The longest result.
const MOST: i64 = 1_000_000;

/// A list in another order.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "random_shuffle")]
pub(crate) struct Shuffle {
    /// Arbitrary texts; when one of them changes, a new order is drawn.
    #[attr(force_new)]
    pub(crate) keepers: Option<Keepers>,
    /// The list.
    #[attr(force_new)]
    pub(crate) input: Vec<String>,
    /// How many of it: fewer are a sample, more repeat it in another order each time. All, if it isn't said.
    #[attr(force_new)]
    pub(crate) result_count: Option<i64>,
    /// The same seed gives the same order.
    #[attr(force_new)]
    pub(crate) seed: Option<String>,
    /// The list in its new order.
    #[attr(computed)]
    pub(crate) result: Vec<String>,
    /// Always `-`.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Kept for Shuffle {
    async fn make(planned: Shuffle) -> Result<Shuffle, Error> {
        let count = planned.result_count.unwrap_or(planned.input.len() as i64);
        if !(0..=MOST).contains(&count) {
            return Err(invalid("result_count", format!("result_count must be from 0 to {MOST}"))
                .detail(format!("It is {count}.")));
        }
        let count = usize::try_from(count).unwrap_or_default();
        let mut chance = chance(planned.seed.as_deref());
        let mut result = Vec::with_capacity(count);
        while result.len() < count && !planned.input.is_empty() {
            let mut round = planned.input.clone();
            round.shuffle(&mut chance);
            round.truncate(count - result.len());
            result.extend(round);
        }
        Ok(Shuffle { result, id: Some("-".to_owned()), ..planned })
    }
}

kept!(Shuffle);

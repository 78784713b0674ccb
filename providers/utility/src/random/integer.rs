//! `random_integer`.

use pilotis_sdk::Error;
use rand::RngExt as _;

use super::{Keepers, chance};
use crate::kept::{Kept, invalid, kept, wrong_import};

/// A whole number between two others. It is no secret and not for cryptography.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "random_integer")]
pub(crate) struct Integer {
    /// Arbitrary texts; when one of them changes, a new number is drawn.
    #[attr(force_new)]
    pub(crate) keepers: Option<Keepers>,
    /// The least that it may be.
    #[attr(force_new)]
    pub(crate) min: i64,
    /// The most that it may be.
    #[attr(force_new)]
    pub(crate) max: i64,
    /// The same seed gives the same number.
    #[attr(force_new)]
    pub(crate) seed: Option<String>,
    /// The number.
    #[attr(computed)]
    pub(crate) result: Option<i64>,
    /// The number as a text.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Integer {
    fn of(self, result: i64) -> Integer {
        Integer { result: Some(result), id: Some(result.to_string()), ..self }
    }
}

impl Kept for Integer {
    async fn make(planned: Integer) -> Result<Integer, Error> {
        let (min, max) = (planned.min, planned.max);
        if max < min {
            return Err(invalid(
                "max",
                "The minimum (min) must be smaller than or equal to the maximum (max)",
            )
            .detail(format!("min is {min}, max is {max}.")));
        }
        let result = chance(planned.seed.as_deref()).random_range(min..=max);
        Ok(planned.of(result))
    }
    fn of_import(id: &str) -> Result<Integer, Error> {
        let wrong = || wrong_import("random_integer", "RESULT,MIN,MAX[,SEED]");
        let mut parts = id.splitn(4, ',');
        let mut number = || parts.next().and_then(|n| n.trim().parse::<i64>().ok()).ok_or_else(wrong);
        let (result, min, max) = (number()?, number()?, number()?);
        let seed = parts.next().map(str::to_owned);
        Ok(Integer { min, max, seed, ..Integer::default() }.of(result))
    }
}

kept!(Integer);

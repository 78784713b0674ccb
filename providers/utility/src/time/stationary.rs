//! `time_static`.

use pilotis_sdk::Error;

use super::Triggers;
use super::instant::{Instant, Parts};
use crate::kept::{Kept, kept};

/// An instant that stays: that of its making, unless it is said.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "time_static")]
pub(crate) struct Static {
    /// Arbitrary texts; when one of them changes, the instant is that of the change.
    #[attr(force_new)]
    pub(crate) triggers: Option<Triggers>,
    /// The instant in RFC 3339.
    #[attr(optional, computed, force_new)]
    pub(crate) rfc3339: Option<String>,
    /// Year.
    #[attr(computed)]
    pub(crate) year: Option<i64>,
    /// Month, from 1.
    #[attr(computed)]
    pub(crate) month: Option<i64>,
    /// Day of the month, from 1.
    #[attr(computed)]
    pub(crate) day: Option<i64>,
    /// Hour, UTC.
    #[attr(computed)]
    pub(crate) hour: Option<i64>,
    /// Minute.
    #[attr(computed)]
    pub(crate) minute: Option<i64>,
    /// Second.
    #[attr(computed)]
    pub(crate) second: Option<i64>,
    /// Seconds since 1970.
    #[attr(computed)]
    pub(crate) unix: Option<i64>,
    /// The instant in RFC 3339.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Static {
    fn of(self, instant: Instant) -> Static {
        let Parts { year, month, day, hour, minute, second, unix } = instant.parts();
        // What was written stays as it was written.
        let rfc3339 = self.rfc3339.clone().or_else(|| Some(instant.rfc3339()));
        Static { id: rfc3339.clone(), rfc3339, year, month, day, hour, minute, second, unix, ..self }
    }
}

impl Kept for Static {
    async fn make(planned: Static) -> Result<Static, Error> {
        let instant = planned.rfc3339.as_deref().map(|text| Instant::parse("rfc3339", text)).transpose()?;
        Ok(planned.of(instant.unwrap_or_else(Instant::now)))
    }
    fn of_import(id: &str) -> Result<Static, Error> {
        let instant = Instant::parse("rfc3339", id)?;
        Ok(Static { rfc3339: Some(id.to_owned()), ..Static::default() }.of(instant))
    }
}

kept!(Static);

//! `time_offset`.

use pilotis_sdk::Error;

use super::Triggers;
use super::instant::{Instant, Parts, Shift, import_numbers};
use crate::kept::{Kept, invalid, kept, wrong_import};

/// An instant so much later (or, with negative numbers, earlier) than another. All offsets count together: years and months first, then
/// days, then the clock.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "time_offset")]
pub(crate) struct Offset {
    /// Arbitrary texts; when one of them changes, the base is the instant of the change.
    #[attr(force_new)]
    pub(crate) triggers: Option<Triggers>,
    /// The instant to start from, in RFC 3339. That of its making, if it isn't said.
    #[attr(optional, computed, force_new)]
    pub(crate) base_rfc3339: Option<String>,
    /// Years. At least one of the offsets must be said.
    pub(crate) offset_years: Option<i64>,
    /// Months.
    pub(crate) offset_months: Option<i64>,
    /// Days.
    pub(crate) offset_days: Option<i64>,
    /// Hours.
    pub(crate) offset_hours: Option<i64>,
    /// Minutes.
    pub(crate) offset_minutes: Option<i64>,
    /// Seconds.
    pub(crate) offset_seconds: Option<i64>,
    /// The instant in RFC 3339.
    #[attr(computed, volatile)]
    pub(crate) rfc3339: Option<String>,
    /// Year.
    #[attr(computed, volatile)]
    pub(crate) year: Option<i64>,
    /// Month, from 1.
    #[attr(computed, volatile)]
    pub(crate) month: Option<i64>,
    /// Day of the month, from 1.
    #[attr(computed, volatile)]
    pub(crate) day: Option<i64>,
    /// Hour, UTC.
    #[attr(computed, volatile)]
    pub(crate) hour: Option<i64>,
    /// Minute.
    #[attr(computed, volatile)]
    pub(crate) minute: Option<i64>,
    /// Second.
    #[attr(computed, volatile)]
    pub(crate) second: Option<i64>,
    /// Seconds since 1970.
    #[attr(computed, volatile)]
    pub(crate) unix: Option<i64>,
    /// The base in RFC 3339.
    #[attr(computed)]
    pub(crate) id: Option<String>,
}

impl Offset {
    fn shift(&self) -> Result<Shift, Error> {
        let said = [
            self.offset_years,
            self.offset_months,
            self.offset_days,
            self.offset_hours,
            self.offset_minutes,
            self.offset_seconds,
        ];
        if said.iter().all(Option::is_none) {
            return Err(invalid("offset_days", "At least one of the offsets must be set").detail(
                "They are offset_years, offset_months, offset_days, offset_hours, offset_minutes and offset_seconds.",
            ));
        }
        let [years, months, days, hours, minutes, seconds] = said.map(Option::unwrap_or_default);
        Ok(Shift { years, months, days, hours, minutes, seconds })
    }

    fn settled(self) -> Result<Offset, Error> {
        let base = self.base_rfc3339.clone().unwrap_or_else(|| Instant::now().rfc3339());
        let instant = Instant::parse("base_rfc3339", &base)?.later("offset_years", self.shift()?)?;
        let Parts { year, month, day, hour, minute, second, unix } = instant.parts();
        let rfc3339 = Some(instant.rfc3339());
        let id = Some(base.clone());
        Ok(Offset {
            base_rfc3339: Some(base),
            id,
            rfc3339,
            year,
            month,
            day,
            hour,
            minute,
            second,
            unix,
            ..self
        })
    }
}

impl Kept for Offset {
    async fn make(planned: Offset) -> Result<Offset, Error> {
        planned.settled()
    }
    async fn change(_: Offset, planned: Offset) -> Result<Offset, Error> {
        planned.settled()
    }
    fn of_import(id: &str) -> Result<Offset, Error> {
        let wrong = || wrong_import("time_offset", "BASE,YEARS,MONTHS,DAYS,HOURS,MINUTES,SECONDS");
        let parts: Vec<&str> = id.split(',').collect();
        let [base, numbers @ ..] = parts.as_slice() else { return Err(wrong()) };
        let [years, months, days, hours, minutes, seconds] = import_numbers(numbers).ok_or_else(wrong)?;
        let offset = Offset {
            base_rfc3339: Some((*base).to_owned()),
            offset_years: years,
            offset_months: months,
            offset_days: days,
            offset_hours: hours,
            offset_minutes: minutes,
            offset_seconds: seconds,
            ..Offset::default()
        };
        offset.settled()
    }
}

kept!(Offset);

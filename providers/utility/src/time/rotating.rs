//! `time_rotating`.

use pilotis_sdk::Error;

use super::Triggers;
use super::instant::{Instant, Parts, Shift, import_numbers};
use crate::kept::{Kept, invalid, kept, wrong_import};

/// An instant that is made anew when so much time has passed since. What is replaced with it is rotated: certificates, tokens.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "time_rotating")]
pub(crate) struct Rotating {
    /// Arbitrary texts; when one of them changes, the instant is that of the change.
    #[attr(force_new)]
    pub(crate) triggers: Option<Triggers>,
    /// The instant in RFC 3339. That of its making, if it isn't said.
    #[attr(optional, computed, force_new)]
    pub(crate) rfc3339: Option<String>,
    /// Years until the next one. At least one of the rotations must be said.
    pub(crate) rotation_years: Option<i64>,
    /// Months.
    pub(crate) rotation_months: Option<i64>,
    /// Days.
    pub(crate) rotation_days: Option<i64>,
    /// Hours.
    pub(crate) rotation_hours: Option<i64>,
    /// Minutes.
    pub(crate) rotation_minutes: Option<i64>,
    /// When the next one is made, in RFC 3339.
    #[attr(optional, computed, volatile)]
    pub(crate) rotation_rfc3339: Option<String>,
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

impl Rotating {
    fn rotations(&self) -> [(&'static str, Option<i64>); 5] {
        [
            ("rotation_years", self.rotation_years),
            ("rotation_months", self.rotation_months),
            ("rotation_days", self.rotation_days),
            ("rotation_hours", self.rotation_hours),
            ("rotation_minutes", self.rotation_minutes),
        ]
    }

    fn settled(self) -> Result<Rotating, Error> {
        let said = self.rotations();
        if let Some((name, n)) = said.iter().find_map(|(name, n)| Some((name, (*n)?)).filter(|(_, n)| *n < 1))
        {
            return Err(invalid(name, format!("{name} must be at least 1")).detail(format!("It is {n}.")));
        }
        let base = self.rfc3339.clone().unwrap_or_else(|| Instant::now().rfc3339());
        let instant = Instant::parse("rfc3339", &base)?;
        let rotation = if said.iter().all(|(_, n)| n.is_none()) {
            let Some(rotation) = self.rotation_rfc3339.clone() else {
                return Err(invalid("rotation_days", "At least one of the rotations must be set").detail(
                    "They are rotation_years, rotation_months, rotation_days, rotation_hours, rotation_minutes and rotation_rfc3339.",
                ));
            };
            Instant::parse("rotation_rfc3339", &rotation)?;
            rotation
        } else {
            let [years, months, days, hours, minutes] = said.map(|(_, n)| n.unwrap_or_default());
            let shift = Shift { years, months, days, hours, minutes, seconds: 0 };
            instant.later("rotation_days", shift)?.rfc3339()
        };
        let Parts { year, month, day, hour, minute, second, unix } = instant.parts();
        Ok(Rotating {
            id: Some(base.clone()),
            rfc3339: Some(base),
            rotation_rfc3339: Some(rotation),
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

impl Kept for Rotating {
    async fn make(planned: Rotating) -> Result<Rotating, Error> {
        planned.settled()
    }
    async fn change(_: Rotating, planned: Rotating) -> Result<Rotating, Error> {
        planned.settled()
    }
    fn holds(&self) -> bool {
        let rotation = self.rotation_rfc3339.as_deref();
        rotation
            .and_then(|text| Instant::parse("rotation_rfc3339", text).ok())
            .is_none_or(|rotation| Instant::now() < rotation)
    }
    fn of_import(id: &str) -> Result<Rotating, Error> {
        let wrong = || {
            wrong_import(
                "time_rotating",
                "RFC3339,YEARS,MONTHS,DAYS,HOURS,MINUTES` or `RFC3339,ROTATION_RFC3339",
            )
        };
        let parts: Vec<&str> = id.split(',').collect();
        let rotating = match parts.as_slice() {
            [base, rotation] => Rotating {
                rfc3339: Some((*base).to_owned()),
                rotation_rfc3339: Some((*rotation).to_owned()),
                ..Rotating::default()
            },
            [base, numbers @ ..] => {
                let [years, months, days, hours, minutes] = import_numbers(numbers).ok_or_else(wrong)?;
                Rotating {
                    rfc3339: Some((*base).to_owned()),
                    rotation_years: years,
                    rotation_months: months,
                    rotation_days: days,
                    rotation_hours: hours,
                    rotation_minutes: minutes,
                    ..Rotating::default()
                }
            }
            [] => return Err(wrong()),
        };
        rotating.settled()
    }
}

kept!(Rotating);

//! Instants in RFC 3339, and moving them along the calendar.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use pilotis_sdk::Error;

use crate::kept::invalid;

/// An instant, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(DateTime);

/// How far to move: years, months and days along the calendar, then the clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shift {
    pub(super) years: i64,
    pub(super) months: i64,
    pub(super) days: i64,
    pub(super) hours: i64,
    pub(super) minutes: i64,
    pub(super) seconds: i64,
}

impl Instant {
    pub(super) fn now() -> Instant {
        Instant::at(Timestamp::now())
    }

    fn at(timestamp: Timestamp) -> Instant {
        let civil = timestamp.to_zoned(TimeZone::UTC).datetime();
        Instant(civil.with().subsec_nanosecond(0).build().unwrap_or(civil))
    }

    /// Reads `2020-02-12T06:36:13Z`, and with any offset.
    pub(super) fn parse(attribute: &str, text: &str) -> Result<Instant, Error> {
        // Jiff takes more than RFC 3339 does: a space for the `T`, seconds left out.
        let strict = text.len() >= 20 && text.as_bytes()[10].eq_ignore_ascii_case(&b't');
        let read = strict.then(|| text.parse::<Timestamp>().ok()).flatten();
        read.map(Instant::at).ok_or_else(|| {
            invalid(attribute, format!("{attribute} must be an instant in RFC 3339"))
                .detail(format!("It is {text:?}; `2020-02-12T06:36:13Z` is an example."))
        })
    }

    /// The instant so much later. The 31st of a month that has 30 days is the 1st of the next one, as in the established provider.
    pub(super) fn later(self, attribute: &str, by: Shift) -> Result<Instant, Error> {
        let moved = || -> Option<DateTime> {
            let months = i64::from(self.0.year()).checked_add(by.years)?.checked_mul(12)?;
            let months = months.checked_add(i64::from(self.0.month()) - 1)?.checked_add(by.months)?;
            let (year, month) = (i16::try_from(months.div_euclid(12)).ok()?, months.rem_euclid(12) + 1);
            let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
            let days = by.days.checked_add(i64::from(self.0.day()) - 1)?;
            let date = first.checked_add(1.day().checked_mul(days).ok()?).ok()?;
            let clock = by.hours.checked_mul(3600)?.checked_add(by.minutes.checked_mul(60)?)?;
            let clock = SignedDuration::from_secs(clock.checked_add(by.seconds)?);
            date.to_datetime(self.0.time()).checked_add(clock).ok()
        };
        moved().map(Instant).ok_or_else(|| {
            invalid(attribute, "The instant is out of range")
                .detail(format!("It is too far from {}.", self.rfc3339()))
        })
    }

    pub(super) fn rfc3339(self) -> String {
        let (date, time) = (self.0.date(), self.0.time());
        format!("{date}T{:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
    }
    pub(super) fn unix(self) -> i64 {
        self.0.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp().as_second()).unwrap_or_default()
    }
    pub(super) fn parts(self) -> Parts {
        let number = |n: i8| Some(i64::from(n));
        Parts {
            year: Some(i64::from(self.0.year())),
            month: number(self.0.month()),
            day: number(self.0.day()),
            hour: number(self.0.hour()),
            minute: number(self.0.minute()),
            second: number(self.0.second()),
            unix: Some(self.unix()),
        }
    }
}

/// The attributes that all types of the provider have.
pub(super) struct Parts {
    pub(super) year: Option<i64>,
    pub(super) month: Option<i64>,
    pub(super) day: Option<i64>,
    pub(super) hour: Option<i64>,
    pub(super) minute: Option<i64>,
    pub(super) second: Option<i64>,
    pub(super) unix: Option<i64>,
}

/// The numbers of an import id, which says 0 for what isn't set; none if there are others than that many.
pub(super) fn import_numbers<const N: usize>(parts: &[&str]) -> Option<[Option<i64>; N]> {
    let numbers: Vec<i64> = parts.iter().map(|n| n.parse().ok()).collect::<Option<_>>()?;
    Some(<[i64; N]>::try_from(numbers).ok()?.map(|n| Some(n).filter(|n| *n != 0)))
}

/// Reads a duration as Go writes it: `30s`, `1h15m`, `1.5s`, `250ms`.
pub(super) fn duration(attribute: &str, text: &str) -> Result<Duration, Error> {
    let wrong = || {
        invalid(attribute, format!("{attribute} must be a duration"))
            .detail(format!("It is {text:?}; `30s` and `1h15m` are examples."))
    };
    let mut rest = text;
    let mut total = Duration::ZERO;
    if text.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, unit) = rest.split_at(digits);
        let end = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        let seconds = match &unit[..end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = &unit[end..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse("base", text).expect("an instant")
    }

    #[test]
    fn instants_are_read_strictly() {
        assert_eq!(at("2020-02-12T06:36:13Z").rfc3339(), "2020-02-12T06:36:13Z");
        assert_eq!(at("2020-02-12T06:36:13.5+02:00").rfc3339(), "2020-02-12T04:36:13Z");
        assert_eq!(at("2020-02-12T06:36:13Z").unix(), 1_581_489_373);
        for wrong in [
            "",
            "2020-02-12",
            "2020-02-12 06:36:13Z",
            "2020-02-12T06:36Z",
            "2020-02-30T00:00:00Z",
            "ééééééééééééé",
        ] {
            assert!(Instant::parse("base", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn months_are_as_long_as_they_are() {
        let later = |from: &str, by: Shift| at(from).later("x", by).map(Instant::rfc3339).ok();
        let months = |months| Shift { months, ..Shift::default() };
        assert_eq!(later("2021-01-31T00:00:00Z", months(1)).as_deref(), Some("2021-03-03T00:00:00Z"));
        assert_eq!(later("2021-03-31T00:00:00Z", months(-1)).as_deref(), Some("2021-03-03T00:00:00Z"));
        assert_eq!(later("2021-12-15T12:00:00Z", months(1)).as_deref(), Some("2022-01-15T12:00:00Z"));
        let by = Shift { years: 1, days: 1, hours: 25, minutes: -1, seconds: 2, ..Shift::default() };
        assert_eq!(later("2020-02-29T00:00:00Z", by).as_deref(), Some("2021-03-03T00:59:02Z"));
        assert_eq!(later("2020-01-01T00:00:00Z", Shift { years: i64::MAX, ..Shift::default() }), None);
        assert_eq!(later("2020-01-01T00:00:00Z", Shift { days: i64::MAX, ..Shift::default() }), None);
        assert_eq!(later("2020-01-01T00:00:00Z", Shift { hours: i64::MAX, ..Shift::default() }), None);
    }

    #[test]
    fn durations_are_gos() {
        assert_eq!(duration("d", "1h15m30.5s").ok(), Some(Duration::from_millis(4_530_500)));
        assert_eq!(duration("d", "250ms").ok(), Some(Duration::from_millis(250)));
        for wrong in ["", "10", "s", "1d", "-1s", "1h h", "99999999999999999999h"] {
            assert!(duration("d", wrong).is_err(), "{wrong}");
        }
    }
}

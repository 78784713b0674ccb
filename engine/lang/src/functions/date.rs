//! Times: RFC 3339 texts, read and written with the offset that they have.

use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};
use pilotis_value::{Type, Value};

use super::{
    FunctionDef, FunctionError, Outcome, Param, fail, fail_argument, gives_number, gives_string, string,
    text, unknown,
};
use crate::Surroundings;

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "formatdate",
        params: &[Param::new("format", string), Param::new("time", string)],
        variadic: None,
        returns: gives_string,
        call: |args, _| {
            let time = Moment::parse(text(args, 1)?).map_err(|e| FunctionError::argument(1, e))?;
            match format(text(args, 0)?, &time) {
                Ok(text) => Ok(Value::string(text)),
                Err(message) => fail_argument(0, message),
            }
        },
        doc: "A time in another form: YYYY MM DD hh mm ss, names of months (MMMM) and days (EEEE), AA, ZZZZZ; text in 'quotes'.",
    },
    FunctionDef {
        name: "plantimestamp",
        params: &[],
        variadic: None,
        returns: gives_string,
        call: |_, surroundings| rfc3339(surroundings.plan_time_ms),
        doc: "The time of the plan.",
    },
    FunctionDef {
        name: "timestamp",
        params: &[],
        variadic: None,
        returns: gives_string,
        call: |_, surroundings| match surroundings.apply_time_ms {
            Some(ms) => rfc3339(ms),
            None => Ok(unknown(Type::String)),
        },
        doc: "The time of the apply; not known before.",
    },
    FunctionDef {
        name: "timeadd",
        params: &[Param::new("timestamp", string), Param::new("duration", string)],
        variadic: None,
        returns: gives_string,
        call: time_add,
        doc: "A time that is a duration (like \"-1h30m\") later.",
    },
    FunctionDef {
        name: "timecmp",
        params: &[Param::new("timestamp_a", string), Param::new("timestamp_b", string)],
        variadic: None,
        returns: gives_number,
        call: |args, _| {
            let at = |i| Moment::parse(text(args, i)?).map_err(|e| FunctionError::argument(i, e));
            let order = at(0)?.nanoseconds().cmp(&at(1)?.nanoseconds());
            Ok(Value::number(order as i64))
        },
        doc: "-1, 0 or 1: which of two times is earlier.",
    },
];

/// After so many years the calendar is the same again.
const CALENDAR_CYCLE: i16 = 400;

/// A time where people live: what their clock shows, and how far it is from UTC.
#[derive(Clone, Copy)]
struct Moment {
    local: DateTime,
    /// The year is by so much later than that of `local`, which ends with 9999.
    later_years: i64,
    offset_minutes: i64,
    utc: bool,
}

impl Moment {
    /// Reads `2018-01-02T23:12:01.5+01:00`.
    fn parse(text: &str) -> Result<Moment, String> {
        let wrong = |what: &str| format!("not a valid RFC3339 timestamp: {what}");
        let Some((date, time)) = text.split_once('T') else {
            return Err(wrong("missing required time introducer 'T', as in 2018-01-02T23:12:01Z"));
        };
        let zone_at = time.find(['Z', '+', '-']).ok_or_else(|| wrong("end of string before UTC offset"))?;
        let (clock, zone) = time.split_at(zone_at);
        let (clock, fraction) = match clock.split_once('.') {
            Some((clock, fraction)) if !fraction.is_empty() => (clock, fraction),
            Some(_) => return Err(wrong("missing digits of the fraction")),
            None => (clock, ""),
        };
        let [year, month, day] =
            parts(date, '-', [4, 2, 2]).ok_or_else(|| wrong("the date must be YYYY-MM-DD"))?;
        let [hour, minute, second] =
            parts(clock, ':', [2, 2, 2]).ok_or_else(|| wrong("the time must be hh:mm:ss"))?;
        let nanoseconds = nine_digits(fraction).ok_or_else(|| wrong("the fraction must be digits"))?;
        let (offset_minutes, utc) =
            offset(zone).ok_or_else(|| wrong("the UTC offset must be Z or ±hh:mm"))?;
        for (name, value, limit) in [("hour", hour, 23), ("minute", minute, 59), ("second", second, 59)] {
            if value > limit {
                return Err(wrong(&format!("{name} must be between 0 and {limit} inclusive")));
            }
        }
        if !(1..=12).contains(&month) {
            return Err(wrong("month out of range"));
        }
        let local = DateTime::new(
            year as i16,
            month as i8,
            day as i8,
            hour as i8,
            minute as i8,
            second as i8,
            nanoseconds,
        )
        .map_err(|_| wrong("day out of range"))?;
        Ok(Moment { local, later_years: 0, offset_minutes, utc })
    }

    /// Since 1970 in UTC, for comparing.
    fn nanoseconds(&self) -> i128 {
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        self.local.duration_since(epoch).as_nanos() - i128::from(self.offset_minutes) * 60_000_000_000
    }

    fn offset(&self, colon: &str) -> String {
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let minutes = self.offset_minutes.abs();
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }

    fn rfc3339(&self) -> String {
        let t = self.local;
        let zone = if self.utc { "Z".to_owned() } else { self.offset(":") };
        let (sign, year) = if self.year() < 0 { ("-", -self.year()) } else { ("", self.year()) };
        let (month, day, hour, minute, second) = (t.month(), t.day(), t.hour(), t.minute(), t.second());
        format!("{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}")
    }

    fn year(&self) -> i64 {
        i64::from(self.local.year()) + self.later_years
    }

    /// The time that is so much later, with the same offset.
    fn plus(&self, shift: SignedDuration) -> Option<Moment> {
        let later = |local: DateTime, later_years| Moment { local, later_years, ..*self };
        if let Ok(local) = self.local.checked_add(shift) {
            return Some(later(local, 0));
        }
        let year = self.local.year().checked_sub(CALENDAR_CYCLE)?;
        let earlier = self.local.with().year(year).build().ok()?;
        Some(later(earlier.checked_add(shift).ok()?, i64::from(CALENDAR_CYCLE)))
    }
}

/// Numbers of fixed widths with something between them.
fn parts(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut numbers = [0; 3];
    let mut fields = text.split(separator);
    for (number, width) in numbers.iter_mut().zip(widths) {
        let field = fields.next()?;
        if field.len() != width || !field.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *number = field.parse().ok()?;
    }
    if fields.next().is_some() { None } else { Some(numbers) }
}

/// Nanoseconds, from the digits after the point.
fn nine_digits(fraction: &str) -> Option<i32> {
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    nine.parse().ok()
}

fn offset(zone: &str) -> Option<(i64, bool)> {
    if zone == "Z" {
        return Some((0, true));
    }
    let (sign, rest) = (if zone.starts_with('-') { -1 } else { 1 }, zone.get(1..)?);
    let [hours, minutes, _] = parts(&format!("{rest}:00"), ':', [2, 2, 2])?;
    let total = sign * (hours * 60 + minutes);
    (hours < 24 && minutes < 60).then_some((total, false))
}

fn rfc3339(ms: i64) -> Outcome {
    let Ok(timestamp) = Timestamp::from_millisecond(ms) else { return fail("the clock is out of range") };
    let local = jiff::tz::Offset::UTC.to_datetime(timestamp);
    Ok(Value::string(Moment { local, later_years: 0, offset_minutes: 0, utc: true }.rfc3339()))
}

fn time_add(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let time = Moment::parse(text(args, 0)?).map_err(FunctionError::new)?;
    let Some(nanoseconds) = duration(text(args, 1)?) else {
        return fail(format!(
            "invalid duration {:?}: write it as \"1h30m\", with the units h, m, s, ms, us, ns",
            text(args, 1)?
        ));
    };
    match time.plus(SignedDuration::from_nanos_i128(nanoseconds)) {
        Some(later) => Ok(Value::string(later.rfc3339())),
        None => fail("the resulting time is out of range"),
    }
}

/// Nanoseconds of a duration like `-1.5h30m`; at most about 292 years, as in Go.
fn duration(text: &str) -> Option<i128> {
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || whole.len() > 19 || fraction.contains('.') {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total += whole * unit;
        if !fraction.is_empty() {
            let fraction = &fraction[..fraction.len().min(18)];
            total += fraction.parse::<i128>().ok()? * unit / 10i128.pow(fraction.len() as u32);
        }
        rest = after;
    }
    let total = if negative { -total } else { total };
    i64::try_from(total).ok().map(i128::from)
}

fn format(pattern: &str, time: &Moment) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            rest = quoted(&rest[1..], &mut out)?;
        } else if first.is_ascii_alphabetic() {
            let length = rest.find(|c| c != first).unwrap_or(rest.len());
            out.push_str(&verb(&rest[..length], time)?);
            rest = &rest[length..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(out)
}

/// Literal text up to the closing quote, where two quotes are one; gives what is left.
fn quoted<'p>(text: &'p str, out: &mut String) -> Result<&'p str, String> {
    let mut rest = text;
    loop {
        let Some(end) = rest.find('\'') else { return Err("unterminated literal '".into()) };
        out.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if !rest.starts_with('\'') {
            return Ok(rest);
        }
        out.push('\'');
        rest = &rest[1..];
    }
}

fn verb(verb: &str, time: &Moment) -> Result<String, String> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let t = time.local;
    let month = MONTHS[(t.month() as usize).clamp(1, 12) - 1];
    let day = match t.weekday() {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    };
    let hour12 = match t.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let half = if t.hour() < 12 { "am" } else { "pm" };
    let zero = time.offset_minutes == 0;
    Ok(match verb {
        "YYYY" => format!("{:04}", t.year()),
        "YY" => format!("{:02}", t.year() % 100),
        "MMMM" => month.into(),
        "MMM" => month[..3].into(),
        "MM" => format!("{:02}", t.month()),
        "M" => t.month().to_string(),
        "DD" => format!("{:02}", t.day()),
        "D" => t.day().to_string(),
        "EEEE" => day.into(),
        "EEE" => day[..3].into(),
        "hh" => format!("{:02}", t.hour()),
        "h" => t.hour().to_string(),
        "HH" => format!("{hour12:02}"),
        "H" => hour12.to_string(),
        "AA" => half.to_uppercase(),
        "aa" => half.into(),
        "mm" => format!("{:02}", t.minute()),
        "m" => t.minute().to_string(),
        "ss" => format!("{:02}", t.second()),
        "s" => t.second().to_string(),
        "ZZZZZ" => time.offset(":"),
        "ZZZZ" => time.offset(""),
        "ZZZ" if zero => "UTC".into(),
        "ZZZ" => time.offset(""),
        "Z" if zero => "Z".into(),
        "Z" => time.offset(":"),
        other => {
            let allowed = match &other[..1] {
                "Y" => ": year must either be \"YY\" or \"YYYY\"",
                "M" => ": month must be \"M\", \"MM\", \"MMM\", or \"MMMM\"",
                "D" => ": day of month must either be \"D\" or \"DD\"",
                "E" => ": day of week must either be \"EEE\" or \"EEEE\"",
                "h" | "H" => ": hour must be one or two letters",
                "m" | "s" => ": minutes and seconds must be one or two letters",
                "A" | "a" => ": must be \"AA\" or \"aa\"",
                "Z" => ": timezone must be Z, ZZZ, ZZZZ or ZZZZZ",
                _ => "",
            };
            return Err(format!("invalid date format verb {other:?}{allowed}"));
        }
    })
}

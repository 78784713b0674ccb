//! When two values mean the same, though they are written differently: [`Compare`] at work.

use pilotis_schema::Compare;
use pilotis_value::{Value, json};

/// True if two known values mean the same. Collections are compared element by element; marks are not looked at.
pub(crate) fn same(compare: Compare, a: &Value, b: &Value) -> bool {
    let plain = |v: &Value| v.clone().unmark_deep().0;
    if plain(a) == plain(b) {
        return true;
    }
    if compare == Compare::Exact || !a.is_wholly_known() || !b.is_wholly_known() {
        return false;
    }
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => return same_text(compare, a, b),
        (None, None) => {}
        _ => return false,
    }
    match (a.as_elements(), b.as_elements()) {
        (Some(a), Some(b)) => return a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(compare, a, b)),
        (None, None) => {}
        _ => return false,
    }
    match (a.as_entries(), b.as_entries()) {
        (Some(a), Some(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && same(compare, a, b))
        }
        _ => false,
    }
}

fn same_text(compare: Compare, a: &str, b: &str) -> bool {
    match compare {
        Compare::Exact => a == b,
        Compare::Quantity => matches!((quantity(a), quantity(b)), (Some(a), Some(b)) if a == b),
        Compare::CaseInsensitive => a.to_lowercase() == b.to_lowercase(),
        Compare::Json => match (json::from_json_text(a), json::from_json_text(b)) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        },
        Compare::TrailingSpace => a.trim_end() == b.trim_end(),
        Compare::Instant => matches!((instant(a), instant(b)), (Some(a), Some(b)) if a == b),
    }
}

/// A Kubernetes quantity in billionths. None if it is not one, or too big or too fine to say exactly.
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
fn quantity(text: &str) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let (factor, mut exponent) = match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1_i128 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => (1, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    exponent += 9 - i32::try_from(fraction.len()).ok()?;
    let mut value = mantissa.checked_mul(factor)?;
    for _ in 0..exponent {
        value = value.checked_mul(10)?;
    }
    for _ in exponent..0 {
        if value % 10 != 0 {
            return None;
        }
        value /= 10;
    }
    Some(if negative { -value } else { value })
}

/// A time of RFC 3339 in nanoseconds since 1970.
fn instant(text: &str) -> Option<i128> {
    let number = |range: std::ops::Range<usize>| -> Option<i128> {
        let part = text.get(range)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let at = |i: usize, wanted: &str| text.get(i..=i).is_some_and(|c| wanted.contains(c));
    if !(at(4, "-") && at(7, "-") && at(10, "Tt ") && at(13, ":") && at(16, ":")) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let nanos: i128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
            sign * (hours.parse::<i128>().ok()? * 60 + minutes.parse::<i128>().ok()?)
        }
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60;
    Some(seconds * 1_000_000_000 + nanos)
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days(year: i128, month: i128, day: i128) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (a, b) in [
            ("1", "1000m"),
            ("1Gi", "1024Mi"),
            ("0.5", "500m"),
            ("1e3", "1k"),
            ("128974848", "123Mi"),
            ("1.5Gi", "1536Mi"),
        ] {
            assert_eq!(quantity(a), quantity(b), "{a} {b}");
            assert!(quantity(a).is_some(), "{a}");
        }
        for text in ["", "Gi", "1X", "a", "1.2.3"] {
            assert_eq!(quantity(text), None, "{text}");
        }
        assert_ne!(quantity("1G"), quantity("1Gi"));
    }

    #[test]
    fn instants() {
        assert_eq!(instant("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(instant("2025-11-25T03:00:00+01:00"), instant("2025-11-25T02:00:00.000Z"));
        assert_eq!(instant("2024-02-29T12:00:00Z").map(|n| n / 1_000_000_000), Some(1_709_208_000));
        assert_ne!(instant("2025-11-25T03:00:00.1Z"), instant("2025-11-25T03:00:00Z"));
        for text in ["", "2025-11-25", "yesterday", "2025-11-25T03:00:00"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}

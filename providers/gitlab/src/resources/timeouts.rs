//! The `timeouts` block: how long GitLab may take.

use std::time::Duration;

use pilotis_sdk::{Error, ErrorKind, Nested};

/// How long GitLab may take: `30s`, `10m`, `1h30m`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct Timeouts {
    /// To make it.
    pub(crate) create: Option<String>,
    /// To change it.
    pub(crate) update: Option<String>,
    /// To delete it.
    pub(crate) delete: Option<String>,
}

impl Timeouts {
    /// What is said for a creation, else the usual.
    pub(crate) fn create(timeouts: &Option<Timeouts>, usual: Duration) -> Result<Duration, Error> {
        bound(timeouts.as_ref().and_then(|t| t.create.as_deref()), usual)
    }
    /// What is said for a deletion, else the usual.
    pub(crate) fn delete(timeouts: &Option<Timeouts>, usual: Duration) -> Result<Duration, Error> {
        bound(timeouts.as_ref().and_then(|t| t.delete.as_deref()), usual)
    }
}

fn bound(said: Option<&str>, usual: Duration) -> Result<Duration, Error> {
    let Some(text) = said.filter(|text| !text.is_empty()) else { return Ok(usual) };
    parse(text).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("`{text}` is no duration"))
            .help("Write it as 30s, 10m or 1h30m.")
    })
}

/// Numbers with units, one after the other.
fn parse(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
        let (unit, seconds) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        total += number * seconds;
        rest = &rest[unit.len()..];
    }
    Duration::try_from_secs_f64(total).ok().filter(|d| !d.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_in_terraform() {
        assert_eq!(parse("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(parse("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!(parse("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["", "10", "m", "0s", "10x", "é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}

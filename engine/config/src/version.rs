//! Versions and the constraints on them: `>= 1.2, < 2.0.0`, `~> 17.4`.

use std::cmp::Ordering;

/// A version: numbers, and a pre-release if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: [u64; 3],
    /// How many of the numbers were written.
    written: usize,
    pre: Option<String>,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split('+').next()?;
        let (core, pre) = match text.split_once('-') {
            Some((core, pre)) if !pre.is_empty() => (core, Some(pre.to_owned())),
            Some(_) => return None,
            None => (text, None),
        };
        let mut numbers = [0; 3];
        let mut written = 0;
        for part in core.split('.') {
            *numbers.get_mut(written)? = part.parse().ok()?;
            written += 1;
        }
        Some(Version { numbers, written, pre })
    }

    fn compare(&self, other: &Version) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (&self.pre, &other.pre) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => compare_pre(a, b),
        })
    }
}

/// Parts between dots, numbers by value and before texts.
fn compare_pre(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A part of a constraint names a pre-release.
pub(crate) fn has_prerelease(constraint: &str) -> bool {
    let version = |part: &str| Version::parse(part.trim().trim_start_matches(['=', '!', '>', '<', '~', ' ']));
    constraint.split(',').filter_map(version).any(|v| v.pre.is_some())
}

/// A pre-release is asked for by naming it: no range without one holds it, and none of another core.
fn may_match(version: &Version, wanted: &Version, pessimistic: bool) -> bool {
    match (&version.pre, &wanted.pre) {
        (Some(_), None) => false,
        (Some(_), Some(_)) => version.numbers == wanted.numbers,
        (None, Some(_)) => !pessimistic,
        (None, None) => true,
    }
}

/// True if a version fits a constraint; an error if the constraint is none.
pub(crate) fn fits(version: &Version, constraint: &str) -> Result<bool, String> {
    let mut all = true;
    for part in constraint.split(',') {
        let part = part.trim();
        let digits = part.find(|c: char| c.is_ascii_digit() || c == 'v').unwrap_or(part.len());
        let (operator, text) = part.split_at(digits);
        let wanted = Version::parse(text).ok_or_else(|| format!("{part:?} is not a version constraint"))?;
        let order = version.compare(&wanted);
        all &= match operator.trim() {
            "" | "=" => order == Ordering::Equal,
            "!=" => order != Ordering::Equal,
            ">" => order == Ordering::Greater && may_match(version, &wanted, false),
            ">=" => order != Ordering::Less && may_match(version, &wanted, false),
            "<" => order == Ordering::Less && may_match(version, &wanted, false),
            "<=" => order != Ordering::Greater && may_match(version, &wanted, false),
            "~>" => {
                order != Ordering::Less && same_prefix(version, &wanted) && may_match(version, &wanted, true)
            }
            _ => return Err(format!("{part:?} is not a version constraint")),
        };
    }
    Ok(all)
}

/// `~> 1.2` allows 1.9 but not 2.0; `~> 1.2.3` allows 1.2.9 but not 1.3.
fn same_prefix(version: &Version, wanted: &Version) -> bool {
    let fixed = wanted.written.saturating_sub(1).max(1);
    version.numbers[..fixed] == wanted.numbers[..fixed]
}

#[cfg(test)]
mod tests {
    use super::{Version, fits, has_prerelease};

    #[test]
    fn constraints_are_those_of_terraform() {
        let ok = |version: &str, constraint: &str| {
            fits(&Version::parse(version).unwrap(), constraint).unwrap_or_else(|e| panic!("{e}"))
        };
        assert!(ok("17.4.0", "~> 17.0"));
        assert!(!ok("18.0.0", "~> 17.0"));
        assert!(ok("1.2.9", "~> 1.2.3"));
        assert!(!ok("1.3.0", "~> 1.2.3"));
        assert!(ok("1.5.0", ">= 1.2, < 2.0.0, != 1.4.0"));
        assert!(!ok("0.1.0", ">= 1"));
        assert!(ok("2.0.0", "2.0"));
        assert!(!ok("2.0.0-beta", ">= 2.0.0"));
        // A pre-release is in no range that doesn't name one of the same core.
        assert!(!ok("2.1.0-beta1", ">= 2.0.0"));
        assert!(!ok("2.1.0-beta1", ">= 2.0.0-alpha1"));
        assert!(ok("2.1.0-beta1", ">= 2.1.0-alpha1"));
        assert!(ok("2.1.0-beta.10", "> 2.1.0-beta.9"));
        assert!(!ok("2.1.0-beta.2", "> 2.1.0-beta.2.1"));
        assert!(ok("2.1.0", ">= 2.1.0-rc1"));
        assert!(!ok("2.1.0", "~> 2.1.0-rc1"));
        assert!(ok("2.1.0-rc1", "2.1.0-rc1"));
        assert!(has_prerelease(">= 1.0, < 2.0.0-beta1") && !has_prerelease("~> 1.2, != 1.3"));
        assert!(fits(&Version::parse("1.0.0").unwrap(), "latest").is_err());
        assert!(fits(&Version::parse("1.0.0").unwrap(), "=> 1").is_err());
    }
}

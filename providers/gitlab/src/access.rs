//! Access levels: GitLab's numbers and their names. <https://docs.gitlab.com/api/access_requests/#valid-access-levels>

use pilotis_sdk::{Error, ErrorKind};

const LEVELS: [(i64, &str); 9] = [
    (0, "no one"),
    (5, "minimal"),
    (10, "guest"),
    (15, "planner"),
    (20, "reporter"),
    (30, "developer"),
    (40, "maintainer"),
    (50, "owner"),
    (60, "admin"),
];

/// The number of a name.
pub(crate) fn number(name: &str) -> Result<i64, Error> {
    let found = LEVELS.iter().find(|(_, n)| *n == name).map(|(level, _)| *level);
    found.or_else(|| name.parse().ok()).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("`{name}` is not an access level"))
            .help("It is no one, minimal, guest, planner, reporter, developer, maintainer, owner or admin.")
    })
}

/// The name of a number; the number itself if a later GitLab has more levels.
pub(crate) fn name(level: i64) -> String {
    LEVELS.iter().find(|(l, _)| *l == level).map_or_else(|| level.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (level, text) in LEVELS {
            assert_eq!((number(text).unwrap(), name(level).as_str()), (level, text));
        }
        assert_eq!((name(25).as_str(), number("25").unwrap()), ("25", 25));
        assert!(number("boss").is_err());
    }
}

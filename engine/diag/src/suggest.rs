//! "Did you mean …?"

/// The candidate that a person most likely meant, if one is close enough: at most a third of the longer name mistyped, and
/// never more than three letters. A wrong case or `-` for `_` counts as nothing. Of equally close ones the first wins.
pub fn did_you_mean<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = fold(given);
    let length = given.chars().count();
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        let folded = fold(candidate);
        let limit = (length.max(folded.chars().count()).max(3) / 3).min(3);
        // The distance is at least the difference in length: most candidates are ruled out without computing it.
        if length.abs_diff(folded.chars().count()) > limit {
            continue;
        }
        let distance = strsim::osa_distance(&given, &folded);
        if distance <= limit && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn fold(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn close_names_are_suggested_and_far_ones_are_not() {
        let names = ["description", "name", "namespace_id", "for", "id", "visibility_level"];
        let meant = |given| did_you_mean(given, names);
        assert_eq!(meant("descripton"), Some("description"));
        assert_eq!(meant("nmae"), Some("name"), "two swapped letters are one mistake");
        assert_eq!(meant("Namespace-ID"), Some("namespace_id"), "case and dashes cost nothing");
        assert_eq!(meant("foo"), Some("for"));
        assert_eq!(meant("visibility"), None, "too much is missing");
        assert_eq!(meant("x"), None);
        assert_eq!(meant(""), None);
        assert_eq!(did_you_mean("a", []), None);
    }

    #[test]
    fn the_closest_wins_and_then_the_first() {
        assert_eq!(did_you_mean("groups", ["group_s", "group", "groupsx"]), Some("group_s"));
        assert_eq!(did_you_mean("project", ["projexx", "projects"]), Some("projects"));
    }
}

//! The rules for names, paths and visibility, with GitLab's texts for what breaks them.
//!
//! <https://docs.gitlab.com/user/reserved_names/>

/// What GitLab says when a path or name is taken.
pub(super) const TAKEN: &str = "has already been taken";

/// Paths that no top-level group or user can have.
const RESERVED_TOP: &[&str] = &[
    "-",
    ".well-known",
    "404.html",
    "422.html",
    "500.html",
    "502.html",
    "503.html",
    "admin",
    "api",
    "apple-touch-icon.png",
    "assets",
    "dashboard",
    "deploy.html",
    "explore",
    "favicon.ico",
    "favicon.png",
    "files",
    "groups",
    "health_check",
    "help",
    "import",
    "jwt",
    "login",
    "oauth",
    "profile",
    "projects",
    "public",
    "robots.txt",
    "s",
    "search",
    "sitemap",
    "sitemap.xml",
    "sitemap.xml.gz",
    "slash-command-logo.png",
    "snippets",
    "unsubscribes",
    "uploads",
    "users",
    "v2",
];

/// Paths that no project can have.
const RESERVED_PROJECT: &[&str] = &[
    "-",
    "badges",
    "blame",
    "blob",
    "builds",
    "commits",
    "create",
    "create_dir",
    "edit",
    "environments/folders",
    "files",
    "find_file",
    "gitlab-lfs/objects",
    "info/lfs/objects",
    "new",
    "preview",
    "raw",
    "refs",
    "tree",
    "update",
    "wikis",
];

/// What is wrong with a group's path.
pub(super) fn group_path(path: &str, top: bool) -> Option<&'static str> {
    if path.is_empty() {
        return Some("can't be blank");
    }
    if path.chars().count() > 255 {
        return Some("is too long (maximum is 255 characters)");
    }
    let plain = path.chars().all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char));
    let lower = path.to_lowercase();
    if !plain
        || path.starts_with('-')
        || lower.ends_with('.')
        || lower.ends_with(".git")
        || lower.ends_with(".atom")
    {
        return Some(
            "can contain only letters, digits, '_', '-' and '.'. Cannot start with '-' or end in '.', '.git' or '.atom'.",
        );
    }
    let reserved = if top { RESERVED_TOP.contains(&lower.as_str()) } else { lower == "-" };
    reserved.then_some("is a reserved name")
}

/// What is wrong with a project's path.
pub(super) fn project_path(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("can't be blank");
    }
    if path.chars().count() > 255 {
        return Some("is too long (maximum is 255 characters)");
    }
    let plain = path.chars().all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char));
    let lower = path.to_lowercase();
    if !plain || path.starts_with('-') || lower.ends_with(".git") || lower.ends_with(".atom") {
        return Some(
            "can contain only letters, digits, '_', '-' and '.'. Cannot start with '-', end in '.git' or end in '.atom'",
        );
    }
    let special = |char: char| !char.is_ascii_alphanumeric();
    if path.starts_with(special) || path.ends_with(special) || consecutive(path, special) {
        return Some(
            "must not start or end with a special character and must not contain consecutive special characters.",
        );
    }
    RESERVED_PROJECT.contains(&lower.as_str()).then_some("is a reserved name")
}

fn consecutive(text: &str, special: impl Fn(char) -> bool) -> bool {
    let mut before = false;
    text.chars().any(|char| {
        let now = special(char);
        std::mem::replace(&mut before, now) && now
    })
}

/// What is wrong with a group's or project's name.
pub(super) fn name(name: &str, project: bool) -> Option<&'static str> {
    if name.trim().is_empty() {
        return Some("can't be blank");
    }
    if name.chars().count() > 255 {
        return Some("is too long (maximum is 255 characters)");
    }
    // Emoji are anything above the basic plane here.
    let letter = |char: char| {
        char.is_alphanumeric()
            || char == '_'
            || char > '\u{ffff}'
            || ('\u{2600}'..='\u{27bf}').contains(&char)
    };
    let starts = name.chars().next().is_some_and(letter);
    let marks = if project { "_.+- " } else { "_.-() " };
    let rest = name
        .chars()
        .all(|char| letter(char) || marks.contains(char) || char == '\u{200d}' || char == '\u{fe0f}');
    if starts && rest {
        return None;
    }
    Some(if project {
        "can contain only letters, digits, emojis, '_', '.', '+', dashes, or spaces. It must start with a letter, digit, emoji, or '_'."
    } else {
        "can contain only letters, digits, emojis, '_', '.', dash, space, parenthesis. It must start with letter, digit, emoji or '_'."
    })
}

/// The path that GitLab makes from a project's name.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for char in name.chars() {
        let char = if char.is_ascii_alphanumeric() || "_-.".contains(char) { char } else { '-' };
        if char != '-' || !slug.ends_with('-') {
            slug.push(char);
        }
    }
    slug.trim_matches(|char| "-_.".contains(char)).to_lowercase()
}

/// How open a visibility is.
pub(super) fn openness(visibility: &str) -> u8 {
    match visibility {
        "public" => 20,
        "internal" => 10,
        _ => 0,
    }
}

/// The visibilities, as parameters take them.
pub(super) const VISIBILITIES: &[&str] = &["private", "internal", "public"];

/// A URL in two parts: without its credentials, and whether it had any.
pub(super) fn split_credentials(url: &str) -> (String, bool) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), false) };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => (format!("{scheme}://{}", &rest[at + 1..]), true),
        None => (url.to_owned(), false),
    }
}

/// The URL as it is shown: its credentials as asterisks.
pub(super) fn masked(url: &str, has_credentials: bool) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) if has_credentials => format!("{scheme}://*****:*****@{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_path_made_from_a_name_is_a_path(name in "[A-Za-z0-9][ -~éàç]{0,40}") {
            let slug = slug(&name);
            let special = |char: char| !char.is_ascii_alphanumeric();
            // GitLab's own slugs may still be reserved, end like a repository, or hold two marks in a row.
            let excused = RESERVED_PROJECT.contains(&slug.as_str())
                || slug.ends_with(".git") || slug.ends_with(".atom") || consecutive(&slug, special);
            prop_assert!(excused || project_path(&slug).is_none(), "{name:?} gives {slug:?}");
        }

        #[test]
        fn no_part_of_a_credential_is_left(
            user in "[a-z]{3,8}Q", secret in "[a-zA-Z0-9:@]{3,8}Q", path in "(/[a-z0-9@]{1,5}){0,3}",
        ) {
            let (url, had) = split_credentials(&format!("https://{user}:{secret}@forge.example{path}"));
            prop_assert!(had);
            prop_assert_eq!(&url, &format!("https://forge.example{path}"));
            prop_assert_eq!(masked(&url, had), format!("https://*****:*****@forge.example{path}"));
        }
    }

    #[test]
    fn paths() {
        assert_eq!(group_path("carto-2.x_", false), None);
        assert!(group_path("-carto", false).unwrap().starts_with("can contain only"));
        assert!(group_path("carto.git", false).is_some());
        assert_eq!(group_path("api", true), Some("is a reserved name"));
        assert_eq!(group_path("api", false), None);
        assert_eq!(project_path("infra-apps"), None);
        assert!(project_path("a--b").unwrap().contains("consecutive"));
        assert_eq!(project_path("tree"), Some("is a reserved name"));
    }

    #[test]
    fn a_project_gets_its_path_from_its_name() {
        assert_eq!(slug("Cartographie des   Interventions"), "cartographie-des-interventions");
        assert_eq!(slug("API (v2)"), "api-v2");
    }

    #[test]
    fn credentials_are_not_shown() {
        let (url, had) = split_credentials("https://bot:s3cret@forge.example/a/b.git");
        assert_eq!((url.as_str(), had), ("https://forge.example/a/b.git", true));
        assert_eq!(masked(&url, had), "https://*****:*****@forge.example/a/b.git");
        assert!(!split_credentials("https://forge.example/a@b").1);
    }
}

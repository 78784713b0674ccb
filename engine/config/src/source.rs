//! Source addresses of modules: folders, built-in blueprints, Git repositories. What they mean, not how they are had.

use sha2::{Digest as _, Sha256};

/// Folder, seen from the working folder, under which fetched modules are kept.
pub const FETCHED: &str = ".pilotis/modules";

/// A module's tree in a Git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSource {
    /// Address of the repository, as the git program takes it. Holds no password and does not start with a dash.
    pub url: String,
    /// Branch, tag or commit; none is the default branch. Does not start with a dash.
    pub reference: Option<String>,
    /// Folder of the module in the tree, without `..`; empty is the tree itself.
    pub folder: String,
}

impl GitSource {
    /// What is fetched, the same for all folders of a tree: the name in the lock file.
    pub fn key(&self) -> String {
        match &self.reference {
            Some(reference) => format!("git::{}?ref={reference}", self.url),
            None => format!("git::{}", self.url),
        }
    }

    /// Where the fetched tree is kept, seen from the working folder.
    pub fn tree(&self) -> String {
        let last = self.url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
        let last = last.strip_suffix(".git").unwrap_or(last);
        let name: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        let digest = Sha256::digest(self.key());
        let short: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("{FETCHED}/{name}-{short}")
    }
}

/// Why a source address can't be used: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadSource {
    pub(crate) detail: String,
    pub(crate) help: String,
    /// The address may hold a password: its line is not shown.
    pub(crate) is_secret: bool,
}

impl BadSource {
    fn new(detail: impl Into<String>, help: impl Into<String>) -> BadSource {
        BadSource { detail: detail.into(), help: help.into(), is_secret: false }
    }
}

/// Hosts whose repositories may be written without `git::https://`.
const FORGES: [&str; 3] = ["github.com/", "gitlab.com/", "bitbucket.org/"];

/// The transports that git is used with. Others (`ext::`) can run any program.
const TRANSPORTS: [&str; 4] = ["https://", "http://", "ssh://", "file://"];

/// Reads a remote address; none if it is not one.
pub(crate) fn remote(source: &str) -> Option<Result<GitSource, BadSource>> {
    if let Some(rest) = source.strip_prefix("git::") {
        return Some(git(rest));
    }
    if FORGES.iter().any(|forge| source.starts_with(forge)) {
        return Some(git(&format!("https://{source}")));
    }
    if scp_like(source.split("//").next().unwrap_or_default()) && source.starts_with("git@") {
        return Some(git(source));
    }
    let other = ["://", "::", "@", "?"].iter().any(|mark| source.contains(mark));
    if other {
        let detail = match source.contains('@') {
            true => "This is neither a folder, a built-in blueprint nor a Git repository.".to_owned(),
            false => format!("{source:?} is neither a folder, a built-in blueprint nor a Git repository."),
        };
        let mut bad = BadSource::new(
            detail,
            "Of remote modules, only those in Git are fetched: \"git::https://HOST/PATH.git//FOLDER?ref=TAG\".",
        );
        bad.is_secret = source.contains('@');
        return Some(Err(bad));
    }
    let parts = source.split("//").next().unwrap_or_default();
    (parts.matches('/').count() >= 2).then(|| {
        Err(BadSource::new(
            format!("{source:?} is an address in a module registry; no registry is asked here."),
            "Look up the module's repository in the registry and take it from there, the version as a tag: \"git::https://HOST/PATH.git?ref=vVERSION\".",
        ))
    })
}

fn scp_like(url: &str) -> bool {
    let Some((user, rest)) = url.split_once('@') else { return false };
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    let host = rest.split_once(':').map(|(host, _)| host).unwrap_or_default();
    !user.is_empty()
        && plain(user)
        && !user.starts_with('-')
        && !host.is_empty()
        && plain(host)
        && !host.starts_with('-')
}

fn git(address: &str) -> Result<GitSource, BadSource> {
    let (place, query) = address.split_once('?').unwrap_or((address, ""));
    let path_start = place.find("://").map_or(0, |i| i + 3);
    let (url, folder) = match place[path_start..].find("//") {
        Some(i) => (&place[..path_start + i], &place[path_start + i + 2..]),
        None => (place, ""),
    };
    check_url(url)?;
    let mut reference = None;
    for (name, value) in
        query.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, "")))
    {
        match name {
            "ref" => reference = Some(check_reference(value)?),
            // Only as much as is needed is fetched anyway.
            "depth" => {}
            _ => {
                let mut bad = BadSource::new(
                    format!("A Git address takes \"ref\", not {name:?}."),
                    "Keys and passwords are the git program's: an SSH agent, a credential helper.",
                );
                bad.is_secret = true;
                return Err(bad);
            }
        }
    }
    let folder: Vec<&str> = folder.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if folder.iter().any(|p| *p == ".." || p.eq_ignore_ascii_case(".git") || p.contains(['\\', '\0'])) {
        return Err(BadSource::new(
            "The folder after // leads out of the repository's tree.",
            "Name a folder of the tree: \"git::https://HOST/PATH.git//modules/name\".",
        ));
    }
    Ok(GitSource { url: url.to_owned(), reference, folder: folder.join("/") })
}

fn check_url(url: &str) -> Result<(), BadSource> {
    let transport = TRANSPORTS.iter().find(|t| url.starts_with(**t));
    let authority = url.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    if let Some(transport) = transport
        && user.is_some_and(|user| *transport != "ssh://" || user.contains(':'))
    {
        return Err(BadSource {
            detail: "The address holds a user name or a password; it would be seen by all who read the configuration.".into(),
            help: "Remove what stands before the @, and give it to the git program: a credential helper, ~/.netrc, or an SSH address.".into(),
            is_secret: true,
        });
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let dashed = host.starts_with('-') || user.is_some_and(|user| user.starts_with('-'));
    let printable = !url.chars().any(|c| c.is_control() || c.is_whitespace());
    let known = transport.is_some_and(|t| *t == "file://" || !host.is_empty()) || scp_like(url);
    if known && printable && !dashed {
        return Ok(());
    }
    let mut bad = BadSource::new(
        "This is no address of a Git repository that can be fetched.",
        "Write git::https://HOST/PATH.git, git::ssh://USER@HOST/PATH.git, git@HOST:PATH.git or git::file:///PATH.",
    );
    bad.is_secret = url.contains('@');
    Err(bad)
}

fn check_reference(text: &str) -> Result<String, BadSource> {
    let plain = text.chars().all(|c| c.is_alphanumeric() || "-_./+@=#".contains(c));
    let refspec = text.starts_with(['-', '+', '/']) || text.contains("..") || text.contains("@{");
    if plain && !refspec && !text.is_empty() {
        return Ok(text.to_owned());
    }
    Err(BadSource::new(
        format!("{text:?} is no branch, tag or commit."),
        "Write for example `?ref=v1.2.0`, or leave it out for the default branch.",
    ))
}

#[cfg(test)]
mod tests {
    use super::{GitSource, remote};

    fn git(source: &str) -> (String, Option<String>, String) {
        let GitSource { url, reference, folder } = remote(source).unwrap().unwrap();
        (url, reference, folder)
    }

    #[test]
    fn repositories_are_written_as_in_terraform() {
        for (source, url, reference, folder) in [
            ("git::https://h/o/r.git", "https://h/o/r.git", None, ""),
            ("git::https://h/o/r.git//a/b?ref=v1", "https://h/o/r.git", Some("v1"), "a/b"),
            ("git::ssh://git@h:22/o/r.git?ref=v1&depth=1", "ssh://git@h:22/o/r.git", Some("v1"), ""),
            ("git::git@h:o/r.git//a", "git@h:o/r.git", None, "a"),
            ("git@h:o/r.git//a?ref=x/y", "git@h:o/r.git", Some("x/y"), "a"),
            ("github.com/o/r//a", "https://github.com/o/r", None, "a"),
            ("git::file:///srv/r.git", "file:///srv/r.git", None, ""),
        ] {
            let expected = (url.to_owned(), reference.map(str::to_owned), folder.to_owned());
            assert_eq!(git(source), expected, "{source}");
        }
        assert!(remote("cloud-pi-native/project").is_none());
    }

    #[test]
    fn addresses_that_could_run_programs_or_leave_the_tree_are_refused() {
        for source in [
            "git::ext::sh -c x",
            "git::-uhttps://h/r",
            "git::https://-h/r",
            "git::ssh://-oProxyCommand=x/r",
            "git@-oProxyCommand=x:r",
            "git::fd::3",
            "git::https://h/r?ref=-x",
            "git::https://h/r?ref=+a:b",
            "git::https://h/r//../x",
            "git::https://h/r//a/../../x",
            "git::https://h/r//.git",
            "git::https://h/r?sshkey=x",
            "hashicorp/consul/aws",
            "s3::https://h/x.zip",
        ] {
            assert!(remote(source).unwrap().is_err(), "{source}");
        }
    }

    #[test]
    fn passwords_are_refused_and_not_repeated() {
        for source in [
            "git::https://u:s3cret@h/r",
            "git::https://s3cret@h/r",
            "https://u:s3cret@h/r",
            "git::ssh://u:s3cret@h/r",
        ] {
            let bad = remote(source).unwrap().unwrap_err();
            assert!(bad.is_secret && !format!("{bad:?}").contains("s3cret"), "{source}");
        }
    }

    #[test]
    fn each_reference_has_a_tree_of_its_own() {
        let tree = |source: &str| remote(source).unwrap().unwrap().tree();
        assert!(tree("git::https://h/o/r.git?ref=a").starts_with(".pilotis/modules/r-"));
        assert_ne!(tree("git::https://h/o/r.git?ref=a"), tree("git::https://h/o/r.git?ref=b"));
        assert_eq!(tree("git::https://h/o/r.git//x"), tree("git::https://h/o/r.git//y"));
    }
}

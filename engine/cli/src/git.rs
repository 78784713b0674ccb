//! The commit of the configuration, read from Git's own files: planning runs no program.

use std::path::{Path, PathBuf};

/// The commit that `HEAD` is at, if the folder lies in a Git work tree.
pub(crate) fn head(folder: &Path) -> Option<String> {
    let dot_git = folder.ancestors().map(|dir| dir.join(".git")).find(|path| path.exists())?;
    let dir = if dot_git.is_dir() { dot_git } else { linked(&dot_git)? };
    let head = std::fs::read_to_string(dir.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else { return commit(&head) };
    let common = match std::fs::read_to_string(dir.join("commondir")) {
        Ok(path) => dir.join(path.trim()),
        Err(_) => dir,
    };
    let loose = std::fs::read_to_string(common.join(reference)).ok();
    loose.as_deref().and_then(commit).or_else(|| packed(&common, reference))
}

/// A linked work tree's `.git` is a file that says where the folder is.
fn linked(file: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(file).ok()?;
    Some(file.parent()?.join(text.trim().strip_prefix("gitdir: ")?))
}

fn packed(dir: &Path, reference: &str) -> Option<String> {
    let text = std::fs::read_to_string(dir.join("packed-refs")).ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(_, name)| *name == reference).find_map(|(id, _)| commit(id))
}

fn commit(text: &str) -> Option<String> {
    let id = text.trim();
    (id.len() >= 40 && id.bytes().all(|b| b.is_ascii_hexdigit())).then(|| id.to_owned())
}

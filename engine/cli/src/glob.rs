//! `fileset`: the files that match a pattern.

use std::io::ErrorKind;
use std::path::Path;

/// The regular files under `dir` that match, relative to it and sorted. Folder and pattern are read as one path, so that `./`
/// and `../` in the pattern mean what they do in paths. Where there is no folder there are no files.
pub(crate) fn glob(cwd: &Path, dir: &str, pattern: &str) -> Result<Vec<String>, String> {
    let base = clean(dir);
    let joined = format!("{dir}/{pattern}");
    let whole = clean(&joined);
    let plain = whole.iter().take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).count();
    let (root, pattern) = whole.split_at(plain);
    let root = if dir.starts_with('/') { format!("/{}", root.join("/")) } else { root.join("/") };
    let matcher = globset::GlobBuilder::new(&pattern.join("/"))
        .literal_separator(true)
        .build()
        .map_err(|e| format!("the pattern is not valid: {e}"))?
        .compile_matcher();
    let folder = cwd.join(&root);
    if pattern.is_empty() {
        let name = if folder.is_file() { vec![relative(&base, &whole)] } else { Vec::new() };
        return Ok(name);
    }
    let mut found = Vec::new();
    let walked = walk(&folder, &folder, &mut |below| {
        if matcher.is_match(below) {
            let parts: Vec<&str> = whole[..plain].iter().copied().chain(below.split('/')).collect();
            found.push(relative(&base, &parts));
        }
    });
    match walked {
        Err(e) if !matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Err(e.to_string()),
        _ => {
            found.sort();
            Ok(found)
        }
    }
}

/// The parts of a path, without `.`, and without `..` where what it goes out of is there.
fn clean(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

/// The way from a folder to a file.
fn relative(folder: &[&str], file: &[&str]) -> String {
    let common = folder.iter().zip(file).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", folder.len() - common);
    up.chain(file[common..].iter().copied()).collect::<Vec<_>>().join("/")
}

/// Calls `found` with each file under `dir`, relative to `root`. Symbolic links to folders are neither followed nor files.
fn walk(root: &Path, dir: &Path, found: &mut dyn FnMut(&str)) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &path, found)?;
        } else if (kind.is_file() || path.is_file())
            && let Some(relative) = path.strip_prefix(root).ok().and_then(Path::to_str)
        {
            found(relative);
        }
    }
    Ok(())
}

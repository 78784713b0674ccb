//! The disk, as the layers below see it: files for functions, and the files of modules.

use std::path::PathBuf;

use pilotis_config::{GitSource, Sources, is_mock_file, is_test_file};
use pilotis_lang::Files;

use crate::{builtin, glob, modules};

/// The working folder.
pub(crate) struct Disk {
    /// Where relative paths start.
    pub(crate) cwd: PathBuf,
}

impl Disk {
    fn path(&self, path: &str) -> PathBuf {
        self.cwd.join(path)
    }
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.path(path)).map_err(|e| reason(&e))
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        match std::fs::metadata(self.path(path)) {
            Ok(metadata) if metadata.is_file() => Ok(true),
            Ok(metadata) if metadata.is_dir() => Err("it is a folder, not a file".into()),
            Ok(_) => Err("it is not a regular file".into()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(reason(&e)),
        }
    }

    fn glob(&self, dir: &str, pattern: &str) -> Result<Vec<String>, String> {
        glob::glob(&self.cwd, dir, pattern)
    }

    fn absolute(&self, path: &str) -> String {
        let mut absolute = PathBuf::new();
        for part in self.path(path).components() {
            match part {
                std::path::Component::CurDir => {}
                std::path::Component::ParentDir => {
                    absolute.pop();
                }
                part => absolute.push(part),
            }
        }
        absolute.to_string_lossy().into_owned()
    }

    fn home(&self) -> Option<String> {
        std::env::var("HOME").ok().filter(|home| !home.is_empty())
    }
}

fn reason(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".into(),
        _ => e.to_string(),
    }
}

impl Sources for Disk {
    fn fetched(&self, source: &GitSource) -> Result<(), String> {
        modules::check(&self.cwd, source)
    }

    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        if let Some(source) = dir.strip_prefix("builtin:") {
            return match builtin::blueprint(source) {
                Ok(files) => Ok(files
                    .iter()
                    .map(|(n, text)| (format!("<{source}>/{n}"), (*text).to_owned()))
                    .collect()),
                Err(all) => {
                    Err(format!("there is no built-in blueprint {source:?}; there are {}", all.join(", ")))
                }
            };
        }
        self.texts(dir, &is_configuration)
    }

    fn mock_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        self.texts(dir, &|name| is_mock_file(name) && !is_left_over(name))
    }
}

impl Disk {
    /// The files of a folder that are of a kind, by name.
    fn texts(&self, dir: &str, is_wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, String)>, String> {
        let folder = self.path(dir);
        let entries = std::fs::read_dir(&folder).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => "there is no such folder".to_owned(),
            _ => reason(&e),
        })?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|e| !e.path().is_dir())
            .filter_map(|e| e.file_name().into_string().ok())
            .filter(|name| is_wanted(name))
            .collect();
        names.sort();
        names
            .into_iter()
            .map(|name| {
                let shown = if dir == "." || dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
                let bytes =
                    std::fs::read(folder.join(&name)).map_err(|e| format!("{shown}: {}", reason(&e)))?;
                let text = String::from_utf8(bytes).map_err(|e| {
                    format!("{shown} is not UTF-8 text (byte {} is not)", e.utf8_error().valid_up_to())
                })?;
                Ok((shown, text))
            })
            .collect()
    }
}

/// `*.hcl`, `*.tf`, and both in JSON syntax, but no editor's leftovers and no hidden files.
pub(crate) fn is_configuration(name: &str) -> bool {
    let syntax = name.strip_suffix(".json").unwrap_or(name);
    let known = syntax.ends_with(".hcl") || syntax.ends_with(".tf");
    let of_tests = is_test_file(name) || is_mock_file(name);
    known && !is_left_over(name) && !of_tests && !syntax.ends_with(".lock.hcl")
}

/// Hidden, or an editor's.
pub(crate) fn is_left_over(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'))
}

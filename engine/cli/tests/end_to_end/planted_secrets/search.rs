//! Looking for markers in what came out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;

use super::configuration::Planted;
use crate::harness::{Folder, Ran};

/// Each marker is this and its number, twice: every part of it that is long enough to matter has it.
pub(super) const CORE: &str = "q7zkv3";

/// What it is in base64: what stands before it decides which of three ways it is written; the first and last letters hold its neighbours.
pub(super) fn in_base64() -> [String; 3] {
    [0, 1, 2].map(|before| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{}{CORE}", &"xx"[..before]));
        let inner = encoded.trim_end_matches('=');
        inner[if before == 0 { 0 } else { before + 1 }..inner.len() - 1].to_owned()
    })
}

/// The lines that hold a marker: as it is, in capitals, in base64.
pub(super) fn marked_lines(text: &str) -> Vec<&str> {
    let encoded = in_base64();
    let marked = |line: &&str| {
        line.to_ascii_lowercase().contains(CORE) || encoded.iter().any(|inner| line.contains(inner.as_str()))
    };
    text.lines().filter(marked).collect()
}

/// Markers that were found, and where.
#[derive(Default)]
pub(super) struct Found(BTreeMap<String, Vec<String>>);

impl Found {
    pub(super) fn look(&mut self, planted: &Planted, ran: &Ran) {
        let names = planted.found_in(format!("{}\n{}", ran.out, ran.err).as_bytes());
        if !names.is_empty() {
            let line = ran.to_string().lines().next().unwrap_or_default().to_owned();
            self.0.entry(line).or_default().extend(names);
        }
    }

    pub(super) fn look_at_file(&mut self, planted: &Planted, file: &Path) {
        let names = planted.found_in(&std::fs::read(file).unwrap());
        if !names.is_empty() {
            self.0.entry(file.display().to_string()).or_default().extend(names);
        }
    }

    #[track_caller]
    pub(super) fn nothing(&self) {
        assert!(self.0.is_empty(), "secrets came out: {:#?}", self.0);
    }
}

/// All files of the folder and of the home, but those that a person wrote, and the data of the sandbox, which is the service.
pub(super) fn files(folder: &Folder) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.path(""), PathBuf::from(folder.home())];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let written = [".hcl", ".tf.json", ".tfvars.json"].iter().any(|end| name.ends_with(end));
            // What the providers of files make is what they are asked to make.
            let made = name == "planted.txt" || name == "sensitive.txt";
            if path.is_dir() {
                folders.push(path);
            } else if !written && !made && !name.starts_with("sandbox") {
                found.push(path);
            }
        }
    }
    found
}

//! Looking for markers in what came out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::configuration::Planted;
use crate::harness::{Folder, Ran};

/// Markers that were found, and where.
#[derive(Default)]
pub(super) struct Found(BTreeMap<String, Vec<String>>);

impl Found {
    pub(super) fn look(&mut self, planted: &Planted, ran: &Ran) {
        self.look_but_for(planted, ran, &[]);
    }

    /// Some arguments are said on purpose.
    pub(super) fn look_but_for(&mut self, planted: &Planted, ran: &Ran, said: &[String]) {
        let all = format!("{}\n{}", ran.out, ran.err);
        for name in planted.found_in(all.as_bytes()) {
            if !said.contains(&name) {
                let line = ran.to_string().lines().next().unwrap_or_default().to_owned();
                self.0.entry(line).or_default().push(name);
            }
        }
    }

    pub(super) fn look_at_file(&mut self, planted: &Planted, file: &Path) {
        let names = planted.found_in(&std::fs::read(file).unwrap());
        if !names.is_empty() {
            self.0.entry(file.display().to_string()).or_default().extend(names);
        }
    }

    /// These, somewhere, and no others: what is known to be shown, and what isn't any more, is to be said here.
    #[track_caller]
    pub(super) fn only(&self, known: &[&str]) {
        let plain = |name: &String| name.split(" (").next().unwrap_or_default().to_owned();
        let names: BTreeSet<String> = self.0.values().flatten().map(plain).collect();
        assert_eq!(names, known.iter().map(ToString::to_string).collect(), "secrets came out: {:#?}", self.0);
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

//! The test files of a folder, and what gives variables a value for them.

use std::path::Path;

use anyhow::{Context as _, bail};
use pilotis_config::{FoundTest, LoadOptions, Sources, Suite, VariableSource, is_test_file, load_tests};
use pilotis_diag::{Diagnostic, Diagnostics, SourceMap};

use crate::args::{TestDirectoryArgs, VariableArgs};
use crate::files::is_left_over;
use crate::folder::Folder;

/// Where tests are, and which of them are wanted.
pub(crate) struct Wanted<'a> {
    /// The folder of tests, beside the root folder.
    pub(crate) dir: &'a str,
    /// It was named on the command line.
    pub(crate) is_named: bool,
    /// Only these files; empty: all.
    pub(crate) only: &'a [String],
    /// Variables of the command line.
    pub(crate) variables: &'a VariableArgs,
}

impl Wanted<'_> {
    /// All tests, with no variables from the command line.
    pub(crate) fn all(directory: &TestDirectoryArgs) -> Wanted<'_> {
        static NONE: VariableArgs = VariableArgs { given: Vec::new() };
        Wanted { dir: directory.dir(), is_named: directory.is_named(), only: &[], variables: &NONE }
    }
}

impl Folder {
    /// Reads the tests. `before`: text that was read already. `root_is_read`: what is wrong with the root folder was said. What is wrong with their structure, and warnings, come with them.
    pub(crate) fn tests(
        &self,
        wanted: &Wanted<'_>,
        before: SourceMap,
        root_is_read: bool,
    ) -> anyhow::Result<(Suite, Diagnostics)> {
        self.tests_from(wanted, before, root_is_read, &*self.disk)
    }

    /// The same, with the modules of these sources.
    pub(crate) fn tests_from(
        &self,
        wanted: &Wanted<'_>,
        before: SourceMap,
        root_is_read: bool,
        sources: &dyn Sources,
    ) -> anyhow::Result<(Suite, Diagnostics)> {
        let mut diagnostics = Diagnostics::new();
        let found = self.found_tests(wanted, &mut diagnostics)?;
        let options = LoadOptions {
            root: ".".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            sources: before,
            ..LoadOptions::default()
        };
        let (suite, wrong) = load_tests(found, &options, root_is_read, sources, &self.schemas());
        diagnostics.extend(wrong);
        Ok((suite, diagnostics))
    }

    /// The test files of the root folder and of the folder of tests, by name.
    pub(crate) fn found_tests(
        &self,
        wanted: &Wanted<'_>,
        diagnostics: &mut Diagnostics,
    ) -> anyhow::Result<Vec<FoundTest>> {
        let dir = wanted.dir.trim_start_matches("./").trim_end_matches('/');
        if Path::new(dir).is_absolute() || dir.split('/').any(|part| part == "..") {
            bail!(
                "-test-directory={}: the folder of tests lies inside of the folder of the configuration",
                wanted.dir
            );
        }
        let mut beside = Vec::new();
        if !self.disk.cwd.join(dir).is_dir() {
            if wanted.is_named {
                diagnostics.push(
                    Diagnostic::warning("Test directory does not exist")
                        .detail(format!("Requested test directory {} does not exist.", wanted.dir)),
                );
            }
        } else if !dir.is_empty() && dir != "." {
            beside = self.tests_in(dir)?;
        }
        let own = self.tests_in("")?;
        if own.is_empty() && beside.is_empty() {
            return only(Vec::new(), wanted.only);
        }
        let mut outside = self.variable_sources(wanted.variables)?;
        let mut found = with_variables(own, &outside);
        if !beside.is_empty() {
            // Beside the tests, files of variables count more than what is given from outside.
            for name in self.automatic_variable_files(dir)? {
                outside.push(self.variable_file(&format!("{dir}/{name}"), false)?);
            }
            found.extend(with_variables(beside, &outside));
        }
        only(found, wanted.only)
    }

    /// The test files of a folder: path and text, by name.
    fn tests_in(&self, dir: &str) -> anyhow::Result<Vec<(String, String)>> {
        let folder = self.disk.cwd.join(dir);
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("the folder {} can't be read", folder.display()))?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|e| !e.path().is_dir())
            .filter_map(|e| e.file_name().into_string().ok())
            .filter(|name| is_test_file(name) && !is_left_over(name))
            .collect();
        names.sort();
        names
            .into_iter()
            .map(|name| {
                let path = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
                let text = std::fs::read_to_string(folder.join(&name))
                    .with_context(|| format!("the test file {path} can't be read"))?;
                Ok((path, text))
            })
            .collect()
    }
}

fn with_variables(tests: Vec<(String, String)>, outside: &[VariableSource]) -> Vec<FoundTest> {
    let found = |(path, text)| FoundTest { path, text, variables: outside.to_vec() };
    tests.into_iter().map(found).collect()
}

/// The files that were named. One that there isn't is a mistake: nothing would be tested, and nobody would know.
fn only(found: Vec<FoundTest>, wanted: &[String]) -> anyhow::Result<Vec<FoundTest>> {
    if wanted.is_empty() {
        return Ok(found);
    }
    let plain = |name: &str| name.trim_start_matches("./").to_owned();
    for name in wanted {
        if !found.iter().any(|f| f.path == plain(name)) {
            let paths: Vec<&str> = found.iter().map(|f| f.path.as_str()).collect();
            let hint = match pilotis_diag::did_you_mean(name, paths.iter().copied()) {
                Some(close) => format!("did you mean {close}?"),
                None if paths.is_empty() => "there are no test files".into(),
                None => format!("there are {}", paths.join(", ")),
            };
            bail!("-filter={name}: there is no such test file: {hint}");
        }
    }
    Ok(found.into_iter().filter(|f| wanted.iter().any(|name| plain(name) == f.path)).collect())
}

//! All test files of a folder, each run compiled against the module that it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pilotis_diag::{Diagnostic, Diagnostics, SourceMap};
use pilotis_value::Value;

use super::{Prepared, Run, TestFile, read_test};
use crate::{
    Configuration, GivenProvider, LoadOptions, Loaded, Schemas, Sources, VariableSource, load_apart,
    module_folder, outer_values,
};

/// A test file as it was found.
#[derive(Clone, Debug)]
pub struct FoundTest {
    /// Its path, to show.
    pub path: String,
    /// Its text.
    pub text: String,
    /// What gives variables a value for its runs, from outside of it.
    pub variables: Vec<VariableSource>,
}

/// All tests.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The files, in order.
    pub files: Vec<SuiteFile>,
    /// All text that was read.
    pub sources: SourceMap,
}

/// A test file, ready.
#[derive(Clone, Debug)]
pub struct SuiteFile {
    /// Its path, to show.
    pub path: String,
    /// What gives variables a value from outside of it.
    pub outside: Vec<VariableSource>,
    /// Its runs, in order.
    pub runs: Vec<SuiteRun>,
}

/// A run, ready.
#[derive(Clone, Debug)]
pub struct SuiteRun {
    /// As it is written.
    pub run: Run,
    /// The module that it is about, as the root of a configuration; its folder.
    pub dir: String,
    /// The configuration.
    pub configuration: Arc<Configuration>,
    /// What it says, compiled.
    pub prepared: Prepared,
    /// Values from outside of the file: for what is written in it.
    pub outer: BTreeMap<String, Value>,
    /// What is wrong inside of the configuration's blocks.
    pub meaning: Diagnostics,
    /// What is wrong with what the run says of the configuration: then it can't be run.
    pub wrong: Diagnostics,
}

/// Reads all tests of a configuration. `root_is_read`: what is wrong with the root folder was said. Mistakes of structure come back apart: with them nothing can be run at all.
pub fn load_tests(
    found: Vec<FoundTest>,
    options: &LoadOptions,
    root_is_read: bool,
    sources: &dyn Sources,
    schemas: &Schemas,
) -> (Suite, Diagnostics) {
    let mut structure = Diagnostics::new();
    let mut map = options.sources.clone();
    let mut files = Vec::new();
    for test in found {
        let (file, diags) = read_test(&test.path, test.text, &mut map, sources, schemas);
        structure.extend(diags);
        files.push((file, test.variables));
    }
    let mut loader =
        SuiteLoader { options, root_is_read, sources, schemas, map, loaded: BTreeMap::new(), structure };
    let files = files
        .into_iter()
        .map(|(file, outside)| SuiteFile {
            path: file.path.clone(),
            runs: loader.runs(&file, &outside),
            outside,
        })
        .collect();
    (Suite { files, sources: loader.map }, loader.structure)
}

/// A configuration is the same for runs of one folder that have providers of the same names.
type Key = (String, Vec<GivenProvider>);

struct SuiteLoader<'a> {
    options: &'a LoadOptions,
    root_is_read: bool,
    sources: &'a dyn Sources,
    schemas: &'a Schemas,
    map: SourceMap,
    loaded: BTreeMap<String, Vec<(Key, Arc<Configuration>, Diagnostics)>>,
    structure: Diagnostics,
}

impl SuiteLoader<'_> {
    fn runs(&mut self, file: &TestFile, outside: &[VariableSource]) -> Vec<SuiteRun> {
        let mut runs: Vec<SuiteRun> = Vec::new();
        for (index, run) in file.runs.iter().enumerate() {
            let dir = match &run.module {
                None => self.options.root.clone(),
                Some(source) => match module_folder(source, self.sources) {
                    Ok(dir) => dir,
                    Err(d) => {
                        self.structure.push(*d);
                        continue;
                    }
                },
            };
            let mut wrong = Diagnostics::new();
            let providers = file.given_providers(run, &mut wrong);
            let (configuration, meaning) = self.load(dir.clone(), providers);
            let mut map = self.map.clone();
            let root = &configuration.modules[0];
            let outer = outer_values(root, outside, &mut map, &mut Diagnostics::new());
            let globals: BTreeSet<String> = outer.keys().cloned().collect();
            let mut structure = Diagnostics::new();
            let prepared =
                file.prepare(index, &configuration, &globals, self.schemas, &mut structure, &mut wrong);
            // A mistake of the file is met by each of its runs.
            let known: Vec<Diagnostic> = self.structure.iter().cloned().collect();
            self.structure.extend(structure.into_iter().filter(|d| !known.contains(d)));
            runs.push(SuiteRun { run: run.clone(), dir, configuration, prepared, outer, meaning, wrong });
        }
        // What means nothing for any of the runs.
        if let Some((first, others)) = runs.split_first() {
            let shared = |d: &&Diagnostic| others.iter().all(|r| r.prepared.notices.contains(d));
            self.structure.extend(first.prepared.notices.iter().filter(shared).cloned());
        }
        runs
    }

    fn load(&mut self, dir: String, providers: Vec<GivenProvider>) -> (Arc<Configuration>, Diagnostics) {
        let key = (dir, providers);
        let of_dir = self.loaded.entry(key.0.clone()).or_default();
        if let Some((_, configuration, meaning)) = of_dir.iter().find(|(k, ..)| *k == key) {
            return (configuration.clone(), meaning.clone());
        }
        let options = LoadOptions {
            root: key.0.clone(),
            version: self.options.version.clone(),
            sources: self.map.clone(),
            providers: key.1.clone(),
        };
        let Loaded { configuration, structure, meaning } = load_apart(&options, self.sources, self.schemas);
        self.map = configuration.sources.clone();
        // The same mistake of a module that several runs are about is told once.
        if of_dir.is_empty() && !(self.root_is_read && key.0 == self.options.root) {
            self.structure.extend(structure);
        }
        let configuration = Arc::new(configuration);
        of_dir.push((key, configuration.clone(), meaning.clone()));
        (configuration, meaning)
    }
}

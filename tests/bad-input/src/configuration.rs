//! Whole configurations and files of variables: loading says what is wrong, with its places, and never panics.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilotis_config::{
    Configuration, FoundTest, LoadOptions, Schemas, Sources, VariableSource, given_variables, is_test_file,
    load as load_all, load_tests, root_variables,
};
use pilotis_diag::Diagnostics;
use pilotis_schema::{
    Attribute, Block, NestedBlock, Nesting, Presence, ProviderSchema, ResourceSchema, SecretKind,
};
use pilotis_value::Type;

use crate::syntax::placed;
use crate::world::surroundings;

/// Begins a line that names the file whose text follows; before the first it is `main.tf`.
const FILE: &str = "#### ";

/// The files of a configuration: by folder, then name and text.
struct Memory(BTreeMap<String, Vec<(String, String)>>);

impl Memory {
    fn of(files: &[(String, String)]) -> Memory {
        let mut folders: BTreeMap<String, Vec<(String, String)>> =
            BTreeMap::from([(".".to_owned(), Vec::new())]);
        for (name, text) in files {
            let dir = name.rsplit_once('/').map_or(".", |(dir, _)| dir);
            folders.entry(dir.to_owned()).or_default().push((name.clone(), text.clone()));
        }
        folders.values_mut().for_each(|files| files.sort());
        Memory(folders)
    }
}

impl Sources for Memory {
    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        self.0.get(dir).cloned().ok_or_else(|| "there is no such folder".to_owned())
    }

    fn mock_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        self.module_files(dir)
    }
}

/// An input as files.
fn files(text: &str) -> Vec<(String, String)> {
    let mut files = vec![("main.tf".to_owned(), String::new())];
    for line in text.split_inclusive('\n') {
        match line.strip_prefix(FILE) {
            Some(name) => files.push((name.trim().to_owned(), String::new())),
            None => files.last_mut().expect("there is one").1.push_str(line),
        }
    }
    files
}

/// Any text is loaded as a configuration.
pub fn load(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let files = files(&text);
    load_test_files(&files);
    let (configuration, diagnostics) = load_files(&files);
    placed(&diagnostics, &configuration.sources);
    if diagnostics.has_errors() {
        return;
    }
    let mut sources = configuration.sources.clone();
    let mut diagnostics = Diagnostics::new();
    given_variables(&configuration.modules[0], &[], &mut sources, &mut diagnostics);
    placed(&diagnostics, &sources);
}

/// Those that are test files are read as such, and their runs compiled against the others.
fn load_test_files(files: &[(String, String)]) {
    let tests = files.iter().filter(|(name, _)| is_test_file(name));
    let found: Vec<FoundTest> = tests
        .map(|(path, text)| FoundTest { path: path.clone(), text: text.clone(), variables: Vec::new() })
        .collect();
    if found.is_empty() {
        return;
    }
    let options = LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() };
    let (suite, diagnostics) = load_tests(found, &options, false, &Memory::of(files), &schemas());
    placed(&diagnostics, &suite.sources);
    for run in suite.files.iter().flat_map(|f| &f.runs) {
        placed(&run.meaning, &suite.sources);
        placed(&run.wrong, &suite.sources);
        for wrong in run.prepared.assertions.iter().filter_map(|a| a.as_ref().err()) {
            placed(wrong, &suite.sources);
        }
    }
}

/// Loads files (name, text) against small schemas.
pub fn load_files(files: &[(String, String)]) -> (Configuration, Diagnostics) {
    let options = LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() };
    load_all(&options, &Memory::of(files), &schemas())
}

const VARIABLES: &str = r#"
variable "s" { type = string }
variable "n" {
  type    = number
  default = 1
}
variable "l" {
  type      = list(string)
  sensitive = true
}
variable "m" {
  type     = map(object({ a = optional(string, "x"), b = optional(set(number)) }))
  nullable = false
}
variable "t" { type = tuple([string, bool]) }
variable "any" {}
"#;

/// Any text is read as a file of variables, in both syntaxes, and as the text of a `-var`.
pub fn tfvars(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let (configuration, diagnostics) = load_files(&[("main.tf".to_owned(), VARIABLES.to_owned())]);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    let file = |name: &str| VariableSource::File { name: name.into(), text: text.clone(), explicit: true };
    let argument = |name: &str| VariableSource::Argument(name.into(), text.clone());
    let environment =
        VariableSource::Environment(vec![("l".into(), text.clone()), ("any".into(), text.clone())]);
    for given in [file("a.tfvars"), file("a.tfvars.json"), argument("m"), argument("n"), environment] {
        let mut sources = configuration.sources.clone();
        let mut diagnostics = Diagnostics::new();
        root_variables(&configuration.modules[0], &[given], &mut sources, &surroundings(), &mut diagnostics);
        placed(&diagnostics, &sources);
    }
}

fn block(attributes: &[(&str, Attribute)], blocks: &[(&str, NestedBlock)]) -> Block {
    Block {
        attributes: attributes.iter().map(|(n, a)| ((*n).to_owned(), a.clone())).collect(),
        blocks: blocks.iter().map(|(n, b)| ((*n).to_owned(), b.clone())).collect(),
        doc: String::new(),
    }
}

fn resource(block: Block) -> ResourceSchema {
    ResourceSchema { block, ..ResourceSchema::default() }
}

/// `terraform_data`, and a type with every kind of attribute and block.
fn schemas() -> Schemas {
    let with = |ty: Type, presence: Presence| Attribute { presence, ..Attribute::new(ty) };
    let data = block(
        &[
            ("id", with(Type::String, Presence::Computed)),
            ("input", Attribute::new(Type::Dynamic)),
            ("output", with(Type::Dynamic, Presence::Computed)),
            ("triggers_replace", Attribute::new(Type::Dynamic)),
        ],
        &[],
    );
    let inner = block(&[("key", with(Type::String, Presence::Required))], &[]);
    let nested = |nesting, min, max, block| NestedBlock { nesting, block, min, max };
    let list = block(
        &[("name", Attribute::new(Type::String)), ("labels", Attribute::new(Type::map(Type::String)))],
        &[("inner", nested(Nesting::List, 0, None, inner.clone()))],
    );
    let secret = Attribute { secret: Some(SecretKind::Readable), ..Attribute::new(Type::String) };
    let thing = block(
        &[
            ("id", with(Type::String, Presence::Computed)),
            ("name", with(Type::String, Presence::Required)),
            ("size", with(Type::Number, Presence::OptionalComputed)),
            ("tags", Attribute::new(Type::list(Type::String))),
            ("password", secret),
        ],
        &[
            ("list", nested(Nesting::List, 0, Some(2), list)),
            ("single", nested(Nesting::List, 0, Some(1), inner)),
        ],
    );
    let provider = |name: &str, source: &str, types: &[(&str, Block)]| ProviderSchema {
        name: name.into(),
        source: source.into(),
        version: "1.0.0".into(),
        config: block(&[("url", Attribute::new(Type::String))], &[]),
        resources: types.iter().map(|(n, b)| ((*n).to_owned(), resource(b.clone()))).collect(),
        data_sources: types.iter().map(|(n, b)| ((*n).to_owned(), resource(b.clone()))).collect(),
        ephemeral_resources: types.iter().map(|(n, b)| ((*n).to_owned(), resource(b.clone()))).collect(),
    };
    let builtin = provider("terraform", "terraform.io/builtin/terraform", &[("terraform_data", data)]);
    let test = provider("test", "registry.terraform.io/hashicorp/test", &[("test_thing", thing)]);
    Schemas { providers: [builtin, test].map(|p| (p.name.clone(), Arc::new(p))).into_iter().collect() }
}

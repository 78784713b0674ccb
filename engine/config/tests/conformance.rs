//! Whole configurations against recorded behaviour of Terraform: what loads there loads here, what doesn't there is an error here,
//! at the same place.
//!
//! The corpus isn't in the repository: `PILOTIS_CONFORMANCE` names its folder, without it the test is skipped.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pilotis_config::{LoadOptions, Schemas, Sources, load};
use pilotis_diag::{RenderOptions, Severity, render};
use pilotis_schema::{Attribute, Block, Presence, ProviderSchema, ResourceSchema};
use pilotis_value::Type;
use serde_json::Value as Json;

/// Configurations (the start of their names) whose result is not what is wanted here, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("existing-state-broken-json", "the state is not read while loading"),
    ("json-", "JSON syntax is refused as a whole"),
];

struct Folder(PathBuf);

impl Sources for Folder {
    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        if dir.starts_with("builtin:") {
            return Err("there is no built-in blueprint of that name".into());
        }
        let folder = self.0.join(dir);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|e| e.to_string())?.flatten() {
            let name = entry.file_name().into_string().unwrap();
            if entry.path().is_file()
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                files.push((if dir == "." { name } else { format!("{dir}/{name}") }, text));
            }
        }
        files.sort();
        Ok(files)
    }
}

fn schemas() -> Schemas {
    let attribute = |ty: Type, presence: Presence| Attribute { presence, ..Attribute::new(ty) };
    let block = |attributes: Vec<(&str, Attribute)>| ResourceSchema {
        block: Block {
            attributes: attributes.into_iter().map(|(n, a)| (n.to_owned(), a)).collect(),
            ..Block::default()
        },
        ..ResourceSchema::default()
    };
    let data = block(vec![
        ("id", attribute(Type::String, Presence::Computed)),
        ("input", attribute(Type::Dynamic, Presence::Optional)),
        ("output", attribute(Type::Dynamic, Presence::Computed)),
        ("triggers_replace", attribute(Type::Dynamic, Presence::Optional)),
    ]);
    let remote = block(vec![
        ("backend", attribute(Type::String, Presence::Required)),
        ("config", attribute(Type::Dynamic, Presence::Optional)),
        ("defaults", attribute(Type::Dynamic, Presence::Optional)),
        ("outputs", attribute(Type::Dynamic, Presence::Computed)),
        ("workspace", attribute(Type::String, Presence::Optional)),
    ]);
    let provider = ProviderSchema {
        name: "terraform".into(),
        source: "terraform.io/builtin/terraform".into(),
        version: "1.11.4".into(),
        config: Block::default(),
        resources: BTreeMap::from([("terraform_data".to_owned(), data)]),
        data_sources: BTreeMap::from([("terraform_remote_state".to_owned(), remote)]),
        ephemeral_resources: BTreeMap::new(),
    };
    Schemas { providers: BTreeMap::from([("terraform".to_owned(), Arc::new(provider))]) }
}

/// (file, line) of each error.
type Places = BTreeSet<(String, u64)>;

fn recorded(step: &Json) -> Option<Places> {
    let errors = step["errors"].as_array()?;
    Some(errors.iter().filter_map(|e| Some((e["file"].as_str()?.to_owned(), e["line"].as_u64()?))).collect())
}

fn read(path: &Path) -> Json {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn configurations_load_as_recorded() {
    let Some(corpus) = std::env::var_os("PILOTIS_CONFORMANCE") else {
        println!("skipped: PILOTIS_CONFORMANCE names no corpus");
        return;
    };
    let mut failures = Vec::new();
    let (mut loaded, mut refused, mut placed) = (0, 0, 0);
    let mut names: Vec<PathBuf> = std::fs::read_dir(PathBuf::from(corpus).join("configs"))
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    names.sort();
    for dir in names {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        let first = &read(&dir.join("steps.json"))["steps"][0];
        if first.get("overlay").is_some() || DIFFERENT.iter().any(|(n, _)| name.starts_with(n)) {
            continue;
        }
        let expected = &read(&dir.join("expected.json"))["steps"][0];
        let options = LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() };
        let (configuration, diags) = load(&options, &Folder(dir.clone()), &schemas());
        let options = RenderOptions { color: false, width: 110 };
        let text: String = diags.iter().map(|d| render(d, &configuration.sources, options)).collect();
        let ours: Places = diags
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .filter_map(|d| {
                let span = d.primary.as_ref()?.span;
                let file = configuration.sources.file(span.file);
                Some((file.name.to_string(), u64::from(file.line_column(span.start).0)))
            })
            .collect();
        match recorded(expected) {
            None if diags.has_errors() => failures.push(format!("{name}: should load\n{text}")),
            None => loaded += 1,
            Some(_) if expected["stage"] != "init" => {
                if diags.has_errors() {
                    refused += 1;
                    placed += usize::from(recorded(expected) == Some(ours));
                }
            }
            Some(places) if !diags.has_errors() => {
                failures.push(format!("{name}: should be refused: {} {places:?}", expected["errors"]));
            }
            Some(places) => {
                refused += 1;
                if places == ours {
                    placed += 1;
                } else {
                    println!("{name}: recorded {places:?}, ours {ours:?}");
                }
            }
        }
    }
    println!("{loaded} load, {refused} are refused, {placed} of them at the recorded places");
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n"));
}

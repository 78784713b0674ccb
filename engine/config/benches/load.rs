//! Loading a configuration of 50,000 lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use pilotis_config::{LoadOptions, Schemas, Sources, load};
use pilotis_schema::{Attribute, Block, Presence, ProviderSchema, ResourceSchema};
use pilotis_value::Type;

struct Memory(Vec<(String, String)>);

impl Sources for Memory {
    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        if dir == "." { Ok(self.0.clone()) } else { Err("no such folder".into()) }
    }
}

/// A schema as wide as those of real providers.
fn schemas() -> Schemas {
    let mut attributes: BTreeMap<String, Attribute> =
        (0..40).map(|i| (format!("option_{i}"), Attribute::new(Type::String))).collect();
    for name in ["name", "path"] {
        attributes
            .insert(name.into(), Attribute { presence: Presence::Required, ..Attribute::new(Type::String) });
    }
    attributes
        .insert("id".into(), Attribute { presence: Presence::Computed, ..Attribute::new(Type::String) });
    attributes.insert("parent_id".into(), Attribute::new(Type::Number));
    let group =
        ResourceSchema { block: Block { attributes, ..Block::default() }, ..ResourceSchema::default() };
    let provider = ProviderSchema {
        name: "gitlab".into(),
        source: "registry.terraform.io/gitlabhq/gitlab".into(),
        version: "17.0.0".into(),
        config: Block::default(),
        resources: BTreeMap::from([("gitlab_group".to_owned(), group)]),
        data_sources: BTreeMap::new(),
        ephemeral_resources: BTreeMap::new(),
    };
    Schemas { providers: BTreeMap::from([("gitlab".to_owned(), Arc::new(provider))]) }
}

/// One file of a tenth of the lines each.
fn files(lines: usize) -> Vec<(String, String)> {
    let one = |file: usize| {
        let mut text = String::new();
        for i in 0..lines / 10 / 10 {
            let n = file * lines + i;
            let _ = writeln!(
                text,
                "resource \"gitlab_group\" \"g{n}\" {{\n  name      = \"Group ${{local.n{n}}}\"\n  path      = \"group-{n}\"\n  \
                 option_1  = upper(local.n{n})\n  option_2  = \"constant\"\n}}\n\nlocals {{\n  n{n} = \"{n}\"\n}}"
            );
        }
        (format!("file{file}.hcl"), text)
    };
    (0..10).map(one).collect()
}

fn benches(c: &mut Criterion) {
    let memory = Memory(files(50_000));
    let lines: usize = memory.0.iter().map(|(_, t)| t.lines().count()).sum();
    let schemas = schemas();
    let options = LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() };
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    group.bench_function(format!("{lines} lines"), |b| {
        b.iter(|| {
            let (configuration, diags) = load(&options, &memory, &schemas);
            assert!(diags.is_empty(), "{diags:?}");
            configuration.modules[0].resources.len()
        })
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);

//! What the tests of this crate share: small schemas, files in memory, a frame of fixed values.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::sync::Arc;

use pilotis_config::{Configuration, LoadOptions, Module, Schemas, Sources, Symbol, load};
use pilotis_diag::{Diagnostics, RenderOptions, render};
use pilotis_lang::{Files, Frame, Slot, Surroundings};
use pilotis_schema::{
    Attribute, Block, NestedBlock, Nesting, Presence, ProviderSchema, ResourceSchema, SecretKind,
};
use pilotis_value::{Type, Value};

/// Module folders and their files; built-in blueprints come from the repository.
pub struct Memory(pub BTreeMap<String, Vec<(String, String)>>);

impl Memory {
    pub fn root(text: &str) -> Memory {
        Memory(BTreeMap::from([(".".to_owned(), vec![("main.hcl".to_owned(), text.to_owned())])]))
    }
    pub fn with(mut self, dir: &str, text: &str) -> Memory {
        let name = format!("{dir}/main.hcl");
        self.0.entry(dir.to_owned()).or_default().push((name, text.to_owned()));
        self
    }
    pub fn file(mut self, name: &str, text: &str) -> Memory {
        self.0.entry(".".to_owned()).or_default().push((name.to_owned(), text.to_owned()));
        self
    }
}

impl Sources for Memory {
    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        if let Some(name) = dir.strip_prefix("builtin:") {
            return built_in(name);
        }
        self.0.get(dir).cloned().ok_or_else(|| "there is no such folder".to_owned())
    }
}

/// What teams write is the real blueprints'; what they are made of is left out, so that small schemas do.
fn built_in(name: &str) -> Result<Vec<(String, String)>, String> {
    let file = match name {
        "cloud-pi-native/project" => "variables.hcl",
        "cloud-pi-native/cluster" => "main.hcl",
        _ => return Err("there is no built-in blueprint of that name".into()),
    };
    let path = format!("{}/../../blueprints/{name}/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let mut files = vec![(format!("<{name}>/{file}"), text)];
    if file == "variables.hcl" {
        let outputs: Vec<String> = ["url", "namespaces", "consumption"]
            .iter()
            .map(|name| format!("output \"{name}\" {{\n  value = {{ cpu = 1, name = var.slug }}\n}}\n"))
            .collect();
        let outputs = outputs.concat();
        files.push((format!("<{name}>/outputs.hcl"), outputs));
    }
    Ok(files)
}

/// A configuration with the project and cluster blueprints.
pub fn with_blueprints(text: &str) -> String {
    format!(
        "{text}\nblueprint \"cluster\" {{ source = \"cloud-pi-native/cluster\" }}\n\
         blueprint \"project\" {{ source = \"cloud-pi-native/project\" }}\n\
         cluster \"hp1\" {{ stages = [\"dev\"] }}\n"
    )
}

fn optional(ty: Type) -> Attribute {
    Attribute::new(ty)
}

fn required(ty: Type) -> Attribute {
    Attribute { presence: Presence::Required, ..Attribute::new(ty) }
}

fn computed(ty: Type) -> Attribute {
    Attribute { presence: Presence::Computed, ..Attribute::new(ty) }
}

fn block(attributes: &[(&str, Attribute)], blocks: &[(&str, NestedBlock)]) -> Block {
    Block {
        attributes: attributes.iter().map(|(n, a)| ((*n).to_owned(), a.clone())).collect(),
        blocks: blocks.iter().map(|(n, b)| ((*n).to_owned(), b.clone())).collect(),
        doc: String::new(),
    }
}

fn nested(nesting: Nesting, min: usize, max: Option<usize>, block: Block) -> NestedBlock {
    NestedBlock { nesting, block, min, max }
}

fn resource(block: Block) -> ResourceSchema {
    ResourceSchema { block, ..ResourceSchema::default() }
}

fn gitlab() -> ProviderSchema {
    let group = block(
        &[
            ("id", computed(Type::String)),
            ("web_url", computed(Type::String)),
            ("name", required(Type::String)),
            ("path", required(Type::String)),
            ("description", optional(Type::String)),
            ("parent_id", optional(Type::Number)),
            ("tags", optional(Type::list(Type::String))),
            (
                "visibility",
                Attribute {
                    presence: Presence::OptionalComputed,
                    one_of: ["private", "internal", "public"].map(str::to_owned).to_vec(),
                    ..Attribute::new(Type::String)
                },
            ),
            ("runners_token", Attribute { secret: Some(SecretKind::MadeReadable), ..computed(Type::String) }),
            (
                "emails_disabled",
                Attribute { deprecated: Some("Use \"emails_enabled\".".into()), ..optional(Type::Bool) },
            ),
        ],
        &[(
            "push_rules",
            nested(
                Nesting::List,
                0,
                Some(1),
                block(
                    &[("prevent_secrets", optional(Type::Bool)), ("max_file_size", optional(Type::Number))],
                    &[],
                ),
            ),
        )],
    );
    let variable = block(
        &[
            ("id", computed(Type::String)),
            ("group", required(Type::String)),
            ("key", required(Type::String)),
            ("value", Attribute { secret: Some(SecretKind::Readable), ..required(Type::String) }),
            ("masked", Attribute { default: Some(Value::bool(false)), ..optional(Type::Bool) }),
        ],
        &[],
    );
    ProviderSchema {
        name: "gitlab".into(),
        source: "registry.terraform.io/gitlabhq/gitlab".into(),
        version: "17.9.0".into(),
        config: block(
            &[
                ("base_url", optional(Type::String)),
                ("token", optional(Type::String)),
                ("sandbox", optional(Type::Bool)),
            ],
            &[],
        ),
        resources: BTreeMap::from([
            ("gitlab_group".to_owned(), resource(group.clone())),
            ("gitlab_group_variable".to_owned(), resource(variable)),
        ]),
        data_sources: BTreeMap::from([
            (
                "gitlab_group".to_owned(),
                resource(block(
                    &[
                        ("full_path", required(Type::String)),
                        ("group_id", computed(Type::Number)),
                        ("id", computed(Type::String)),
                    ],
                    &[],
                )),
            ),
            (
                "gitlab_user".to_owned(),
                resource(block(
                    &[("username", required(Type::String)), ("user_id", computed(Type::Number))],
                    &[],
                )),
            ),
        ]),
        ephemeral_resources: BTreeMap::from([(
            "gitlab_token".to_owned(),
            resource(block(&[("name", required(Type::String)), ("token", computed(Type::String))], &[])),
        )]),
    }
}

fn kubernetes() -> ProviderSchema {
    let metadata = nested(
        Nesting::List,
        1,
        Some(1),
        block(
            &[
                ("name", optional(Type::String)),
                ("namespace", optional(Type::String)),
                ("labels", optional(Type::map(Type::String))),
            ],
            &[],
        ),
    );
    let subject = nested(
        Nesting::List,
        1,
        None,
        block(&[("kind", required(Type::String)), ("name", required(Type::String))], &[]),
    );
    ProviderSchema {
        name: "kubernetes".into(),
        source: "registry.terraform.io/hashicorp/kubernetes".into(),
        version: "2.36.0".into(),
        config: block(&[("sandbox", optional(Type::Bool))], &[]),
        resources: BTreeMap::from([
            (
                "kubernetes_namespace".to_owned(),
                resource(block(&[("id", computed(Type::String))], &[("metadata", metadata.clone())])),
            ),
            (
                "kubernetes_role_binding".to_owned(),
                resource(block(
                    &[("id", computed(Type::String))],
                    &[("metadata", metadata), ("subject", subject)],
                )),
            ),
        ]),
        data_sources: BTreeMap::new(),
        ephemeral_resources: BTreeMap::new(),
    }
}

pub fn schemas() -> Schemas {
    let providers = [gitlab(), kubernetes()].map(|p| (p.name.clone(), Arc::new(p)));
    Schemas { providers: providers.into_iter().collect() }
}

pub fn load_memory(memory: &Memory) -> (Configuration, Diagnostics) {
    load(
        &LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() },
        memory,
        &schemas(),
    )
}

/// Loads one file that must be without error.
pub fn loaded(text: &str) -> Configuration {
    let (configuration, diags) = load_memory(&Memory::root(text));
    assert!(!diags.has_errors(), "{}", rendered(&configuration, &diags));
    configuration
}

/// All diagnostics as a person sees them.
pub fn rendered(configuration: &Configuration, diags: &Diagnostics) -> String {
    let options = RenderOptions { color: false, width: 110 };
    let texts: Vec<String> = diags.iter().map(|d| render(d, &configuration.sources, options)).collect();
    texts.join("\n")
}

/// What loading one file says.
pub fn said(text: &str) -> String {
    let (configuration, diags) = load_memory(&Memory::root(text));
    rendered(&configuration, &diags)
}

pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("no such file".into())
    }
    fn exists(&self, _: &str) -> Result<bool, String> {
        Ok(false)
    }
    fn glob(&self, _: &str, _: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    fn absolute(&self, path: &str) -> String {
        format!("/work/{path}")
    }
    fn home(&self) -> Option<String> {
        None
    }
}

pub fn surroundings() -> Surroundings<'static> {
    Surroundings { files: &NoFiles, plan_time_ms: 0, apply_time_ms: None }
}

/// Variables and locals by name; everything else is unknown.
pub struct Fixed<'a> {
    pub module: &'a Module,
    pub values: BTreeMap<&'a str, Value>,
}

impl Frame for Fixed<'_> {
    fn get(&self, slot: Slot) -> Value {
        let name = match &self.module.symbols[slot.0 as usize] {
            Symbol::Variable(i) => format!("var.{}", self.module.variables[*i as usize].name),
            Symbol::Local(i) => format!("local.{}", self.module.locals[*i as usize].name),
            Symbol::EachKey => "each.key".to_owned(),
            Symbol::EachValue => "each.value".to_owned(),
            Symbol::Call(i) => {
                let call = &self.module.calls[*i as usize];
                format!("{}.{}", call.name, call.label.as_deref().unwrap_or_default())
            }
            other => format!("{other:?}"),
        };
        self.values.get(name.as_str()).cloned().unwrap_or_else(|| Value::unknown(Type::Dynamic))
    }
}

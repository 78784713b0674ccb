//! What a Configuration is made of.

use std::sync::Arc;

use pilotis_diag::{SourceMap, Span};
use pilotis_lang::{Compiled, Slot};
use pilotis_schema::address::{Instance, Key, Mode, Target};
use pilotis_schema::{ProviderSchema, ResourceSchema};
use pilotis_value::{Constraint, Value};

use crate::CompiledBody;
use crate::backend::Backend;
use crate::encryption::Encryption;
use crate::names::Names;
use crate::required::Required;

/// Index of a module in [`Configuration::modules`]. A module that is called many times is there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub u32);

/// A whole configuration: all modules, all compiled.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The modules; the first is the root.
    pub modules: Vec<Module>,
    /// All text that was read.
    pub sources: SourceMap,
    /// `required_version` and the like were checked already; the state backend's settings, if the configuration has some.
    pub settings: Settings,
}

/// The `terraform` / `pilotis` block.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Path of the state database, if the configuration says so.
    pub state: Option<String>,
    /// The folder of Terraform's states of named workspaces, if the configuration says so.
    pub workspace_dir: Option<String>,
    /// The `backend` block.
    pub backend: Option<Backend>,
}

/// One module: one folder of files, read and compiled once.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its folder, as [`crate::Sources`] knows it.
    pub dir: String,
    /// What each slot of its expressions means.
    pub symbols: Vec<Symbol>,
    /// Its names, for expressions that stand in no file ([`Module::expression`]).
    pub(crate) names: Arc<Names>,
    /// `required_providers`
    pub(crate) required: Vec<Required>,
    /// Empty `provider` blocks of a module that is not the root: how modules of long ago say what they must be given.
    pub(crate) proxies: Vec<ProviderRef>,
    /// `terraform { encryption { … } }`, in the root module.
    pub encryption: Option<Encryption>,
    /// `variable`
    pub variables: Vec<Variable>,
    /// `locals`
    pub locals: Vec<Local>,
    /// `output`
    pub outputs: Vec<Output>,
    /// `resource`, `data` and `ephemeral`
    pub resources: Vec<Resource>,
    /// `module`, and the blocks of blueprints
    pub calls: Vec<Call>,
    /// `blueprint`
    pub blueprints: Vec<Blueprint>,
    /// `provider` (only the root module's are used)
    pub providers: Vec<ProviderConfig>,
    /// `moved`
    pub moved: Vec<Moved>,
    /// `import`
    pub imports: Vec<Import>,
    /// `removed`
    pub removed: Vec<Removed>,
    /// `check` blocks.
    pub checks: Vec<Check>,
}

impl Module {
    /// The version constraint that `required_providers` has for a provider, as it is written.
    pub fn required_version(&self, provider: &str) -> Option<&str> {
        self.required.iter().find(|r| r.name == provider)?.version.as_deref()
    }
}

/// What a slot means. Indexes point into the module's own lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// `var.x`
    Variable(u32),
    /// `local.x`
    Local(u32),
    /// `type.name`, `data.type.name`, `ephemeral.type.name`: an object, or a tuple (`count`) or object (`for_each`) of all instances.
    Resource(u32),
    /// `module.name`, or `project.carto`: an object of outputs, or of all instances.
    Call(u32),
    /// All blocks of one blueprint word: `project` alone. An object by label.
    Calls(Vec<u32>),
    /// `count.index`
    CountIndex,
    /// `each.key`
    EachKey,
    /// `each.value`
    EachValue,
    /// `self`
    This,
    /// `path.module`
    PathModule,
    /// `path.root`
    PathRoot,
    /// `path.cwd`
    PathCwd,
    /// `terraform.workspace`
    Workspace,
}

/// A `variable` block.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Type and defaults.
    pub constraint: Constraint,
    /// The default; none if it must be given.
    pub default: Option<Value>,
    /// May it be null?
    pub nullable: bool,
    /// Values are marked sensitive.
    pub sensitive: bool,
    /// Values are marked ephemeral.
    pub ephemeral: bool,
    /// For the reference of a blueprint.
    pub description: String,
    /// `validation` blocks; they refer to the variable by its slot.
    pub validations: Vec<Condition>,
    /// Where.
    pub span: Span,
}

/// `condition` and `error_message`.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Must be true.
    pub condition: Compiled,
    /// Said if it isn't.
    pub error_message: Compiled,
}

/// One name of a `locals` block.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Compiled,
    /// Where.
    pub span: Span,
}

/// An `output` block.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Compiled,
    /// Declared sensitive.
    pub sensitive: bool,
    /// Declared ephemeral.
    pub ephemeral: bool,
    /// For the reference.
    pub description: String,
    /// `precondition` blocks.
    pub preconditions: Vec<Condition>,
    /// `depends_on`
    pub depends_on: Vec<Slot>,
    /// Where.
    pub span: Span,
}

/// How many instances a block has.
#[derive(Clone, Debug)]
pub enum Repetition {
    /// One, without a key.
    One,
    /// `count`
    Count(Compiled),
    /// `for_each`
    ForEach(Compiled),
}

/// A `resource`, `data` or `ephemeral` block.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Which of the three.
    pub mode: Mode,
    /// `gitlab_group`
    pub type_name: String,
    /// The block's name.
    pub name: String,
    /// Which provider configuration.
    pub provider: ProviderRef,
    /// The key of its instance, where the configuration has several (`gitlab.by_env[each.key]`).
    pub provider_key: Option<Compiled>,
    /// The schema of the type.
    pub schema: Arc<ResourceSchema>,
    /// How many.
    pub repetition: Repetition,
    /// The arguments.
    pub body: CompiledBody,
    /// `depends_on`
    pub depends_on: Vec<Slot>,
    /// `lifecycle`
    pub lifecycle: Lifecycle,
    /// The `check` block that a data source stands in.
    pub in_check: Option<u32>,
    /// `provisioner`, in order.
    pub provisioners: Arc<[Provisioner]>,
    /// The block's header.
    pub span: Span,
    /// All of the block.
    pub extent: Span,
}

/// A `provisioner` block: a program that runs on this machine.
#[derive(Clone, Debug)]
pub struct Provisioner {
    /// When it runs.
    pub when: When,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// `command`, `interpreter`, `working_dir`, `environment`, `quiet`.
    pub body: CompiledBody,
    /// The block's header.
    pub span: Span,
}

/// When a provisioner runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once the object was made.
    Create,
    /// Before the object is removed.
    Destroy,
}

/// What the failure of a provisioner means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The object is tainted, or not removed.
    Fail,
    /// Nothing.
    Continue,
}

/// A provider configuration: the root module's `provider` block of that name and alias (module calls' `providers` are resolved
/// when a call is walked).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderRef {
    /// The built-in provider's own name, whatever a module calls it.
    pub name: String,
    /// Its alias, if it has one.
    pub alias: Option<String>,
    /// Which instance of a block with `for_each`. Nothing that is read from a file has it: there keys are expressions.
    pub key: Option<String>,
}

impl ProviderRef {
    /// The configuration of that name and alias, without an instance.
    pub fn new(name: impl Into<String>, alias: Option<&str>) -> ProviderRef {
        ProviderRef { name: name.into(), alias: alias.map(str::to_owned), key: None }
    }
    /// An instance of it.
    #[must_use]
    pub fn instance(&self, key: impl Into<String>) -> ProviderRef {
        ProviderRef { key: Some(key.into()), ..self.clone() }
    }
    /// The configuration, whichever instance.
    #[must_use]
    pub fn config(&self) -> ProviderRef {
        ProviderRef { key: None, ..self.clone() }
    }
}

/// `gitlab`, `gitlab.other`, `gitlab.by_env["dev"]`
impl std::fmt::Display for ProviderRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if let Some(alias) = &self.alias {
            write!(f, ".{alias}")?;
        }
        match &self.key {
            Some(key) => write!(f, "{}", Key::String(key.clone())),
            None => Ok(()),
        }
    }
}

/// A pair of a call's `providers`.
#[derive(Clone, Debug)]
pub struct Passed {
    /// What the called module calls it.
    pub theirs: ProviderRef,
    /// What it is called here.
    pub ours: ProviderRef,
    /// The key of its instance, where the configuration has several.
    pub key: Option<Compiled>,
}

/// A `lifecycle` block.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Make the new object before the old one is removed.
    pub create_before_destroy: bool,
    /// Refuse to remove it.
    pub prevent_destroy: bool,
    /// Paths whose changes are left alone; `None` in the list's place means all.
    pub ignore_changes: IgnoreChanges,
    /// Replace when one of these changes.
    pub replace_triggered_by: Vec<Trigger>,
    /// Checked before.
    pub preconditions: Vec<Condition>,
    /// Checked after.
    pub postconditions: Vec<Condition>,
}

/// One element of `replace_triggered_by`.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// The resource block, with the literal steps after it.
    pub reference: pilotis_lang::Reference,
    /// The key of the instance, where it has to be evaluated (`gitlab_group.a[each.key].name`).
    pub key: Option<Compiled>,
    /// The steps after such a key.
    pub path: pilotis_value::Path,
}

/// `ignore_changes`
#[derive(Clone, Debug, Default, PartialEq)]
pub enum IgnoreChanges {
    /// Nothing.
    #[default]
    None,
    /// `all`
    All,
    /// These paths.
    Paths(Vec<pilotis_value::Path>),
}

/// A `module` block, or a block of a blueprint.
#[derive(Clone, Debug)]
pub struct Call {
    /// First name of the address: the `module` block's name, or the blueprint's word.
    pub name: String,
    /// The label of a blueprint's block; none for a `module` block. The instance key is then the label, or `label/key` with `for_each`.
    pub label: Option<String>,
    /// The module that it calls.
    pub module: ModuleId,
    /// Where that comes from, as it is written: `./folder`, `cloud-pi-native/project`.
    pub source: String,
    /// How many.
    pub repetition: Repetition,
    /// Arguments: index of the called module's variable, and the value. Defaults are not here.
    pub arguments: Vec<(u32, Compiled)>,
    /// `providers = { … }`
    pub providers: Vec<Passed>,
    /// `depends_on`
    pub depends_on: Vec<Slot>,
    /// `lifecycle { prevent_destroy }` of a blueprint's block: holds for all objects under it.
    pub prevent_destroy: bool,
    /// Where the arguments were written.
    pub places: ArgumentPlaces,
    /// The block's header.
    pub span: Span,
}

/// Where the arguments of a call were written.
#[derive(Clone, Debug, Default)]
pub struct ArgumentPlaces(pub(crate) Arc<std::collections::BTreeMap<u32, crate::places::Places>>);

impl ArgumentPlaces {
    /// The place of a part of an argument: the innermost one that was written apart. None if the argument was not given.
    pub fn span_of(&self, variable: u32, path: &pilotis_value::Path) -> Option<Span> {
        self.0.get(&variable).map(|p| p.find_path(path))
    }
}

/// A `blueprint` block: a module whose word is a block type.
#[derive(Clone, Debug)]
pub struct Blueprint {
    /// `project`
    pub word: String,
    /// The module.
    pub module: ModuleId,
    /// Where that comes from, as it is written.
    pub source: String,
    /// Index of the variable that receives a block's label.
    pub label: Option<u32>,
    /// Where.
    pub span: Span,
}

/// A `provider` block.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// Name and alias.
    pub reference: ProviderRef,
    /// `for_each`: one configuration for each key.
    pub for_each: Option<Compiled>,
    /// The schema.
    pub schema: Arc<ProviderSchema>,
    /// The arguments.
    pub body: CompiledBody,
    /// Where.
    pub span: Span,
}

/// A `moved` block.
#[derive(Clone, Debug)]
pub struct Moved {
    /// From.
    pub from: Target,
    /// To.
    pub to: Target,
    /// Where.
    pub span: Span,
}

/// An `import` block.
#[derive(Clone, Debug)]
pub struct Import {
    /// To which address, within the module.
    pub to: Instance,
    /// The key of `to`, where it has to be evaluated (`to = a.b[each.key]`).
    pub key: Option<Compiled>,
    /// `for_each`: one import for each element.
    pub repetition: Repetition,
    /// The service's id.
    pub id: Compiled,
    /// Where `to` was written.
    pub to_span: Span,
    /// `provider`, for a block that is still to be written.
    pub provider: Option<ProviderRef>,
    /// Where.
    pub span: Span,
}

/// A `removed` block.
#[derive(Clone, Debug)]
pub struct Removed {
    /// Which.
    pub from: Target,
    /// Remove the object too; else forget it only.
    pub destroy: bool,
    /// `provisioner`: run before an object is removed.
    pub provisioners: Arc<[Provisioner]>,
    /// Where.
    pub span: Span,
}

/// A `check` block (its assertions only warn).
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// `assert` blocks.
    pub asserts: Vec<Condition>,
    /// Where.
    pub span: Span,
}

//! A run compiled against the module that it is about: its arguments, assertions, targets and overrides.

use std::collections::BTreeSet;

use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_lang::{Compiled, compile};
use pilotis_schema::address::{Instance, Mode, ModulePath, Target};
use pilotis_syntax::ast::{Block, Expr};
use pilotis_value::Value;

use super::fit::{Fitted, fit};
use super::scope::{ArgumentScope, AssertionScope, OutsideNames, Runs};
use super::{Argument, Mock, Override, OverrideKind, ProviderKind, Run, TestFile, TestProvider, mocks};
use crate::addresses::address_in;
use crate::compile::traversal_of;
use crate::names::{Allowed, Scope};
use crate::types::BlockPlan;
use crate::{CompiledBody, Condition, Configuration, GivenProvider, ProviderRef, Schemas, codes, decode};

/// A run that is ready to be run.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The file's variables.
    pub file_variables: Vec<(String, Compiled)>,
    /// The run's own.
    pub variables: Vec<(String, Compiled)>,
    /// What the slots of variables and providers mean.
    pub arguments: OutsideNames,
    /// Providers of the test that stand in for those of the configuration.
    pub providers: Vec<Provided>,
    /// What must hold; or what is wrong with it.
    pub assertions: Vec<Result<Condition, Diagnostics>>,
    /// What those slots of assertions mean that are not the module's.
    pub names: OutsideNames,
    /// Which conditions must not hold.
    pub expected: Vec<Expected>,
    /// Objects that are made up; the first that fits an object counts.
    pub objects: Vec<OverriddenObject>,
    /// Modules that are not run.
    pub modules: Vec<OverriddenModule>,
    /// Take note only of what changed by itself.
    pub refresh_only: bool,
    /// Look at what is there.
    pub refresh: bool,
    /// Make these anew.
    pub replace: Vec<Instance>,
    /// Only these, and what they depend on.
    pub targets: Vec<Target>,
    /// What of the file's overrides and mocks means nothing for this run. It is a mistake if it means nothing for any.
    pub(crate) notices: Vec<Diagnostic>,
}

/// A provider of the test.
#[derive(Clone, Debug)]
pub struct Provided {
    /// What the configuration calls it.
    pub reference: ProviderRef,
    /// Its arguments; none if it is a mock.
    pub body: Option<CompiledBody>,
    /// What it makes up, if it is a mock.
    pub mock: Option<Mock>,
}

/// A condition that a run expects not to hold.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Whose: `var.size`, `output.url`, `check.health`, `gitlab_group.a`, `gitlab_group.a["k"]`.
    pub address: String,
    /// Where.
    pub span: Span,
}

impl Expected {
    /// True if it means what a diagnostic is about: all instances, unless it says which.
    pub fn means(&self, address: &str) -> bool {
        address.strip_prefix(&self.address).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
    }
}

/// An object that is made up.
#[derive(Clone, Debug)]
pub struct OverriddenObject {
    /// Which.
    pub target: Target,
    /// Attributes that are not made up.
    pub values: Value,
    /// They are known when planning already.
    pub during_plan: bool,
    /// Where that is said.
    pub span: Span,
}

/// A module that is not run.
#[derive(Clone, Debug)]
pub struct OverriddenModule {
    /// Which; all instances, where it says no key.
    pub path: ModulePath,
    /// Its outputs; others are null.
    pub outputs: Value,
}

impl TestFile {
    /// The providers of the configuration that a run has others for. They must be known when its module is loaded.
    pub fn given_providers(&self, run: &Run, diags: &mut Diagnostics) -> Vec<GivenProvider> {
        let chosen = self.chosen_providers(run, diags);
        chosen.into_iter().map(|(reference, p)| GivenProvider { reference, span: p.span }).collect()
    }

    fn chosen_providers(&self, run: &Run, diags: &mut Diagnostics) -> Vec<(ProviderRef, &TestProvider)> {
        let Some(pairs) = &run.providers else {
            return self.providers.iter().map(|p| (p.reference.clone(), p)).collect();
        };
        let mut chosen = Vec::new();
        for (theirs, ours, span) in pairs {
            match self.providers.iter().find(|p| p.reference == *ours) {
                Some(provider) => chosen.push((theirs.clone(), provider)),
                // The configuration's own.
                None if theirs == ours => {}
                None => diags.push(
                    Diagnostic::error("Provider configuration not present")
                        .code(codes::TEST_FILE)
                        .detail(format!("There is no provider block for {ours} in this test file."))
                        .at(*span),
                ),
            }
        }
        chosen
    }

    /// Compiles a run against the module that it is about. `globals`: variables that have a value from outside. What is wrong makes the
    /// run an error, and no other; but for `structure`, with which nothing can be run.
    pub fn prepare(
        &self,
        index: usize,
        configuration: &Configuration,
        globals: &BTreeSet<String>,
        schemas: &Schemas,
        structure: &mut Diagnostics,
        diags: &mut Diagnostics,
    ) -> Prepared {
        let run = &self.runs[index];
        let all: Vec<String> = self.runs.iter().map(|r| r.name.clone()).collect();
        let root = &configuration.modules[0];
        let mut arguments = OutsideNames::behind(0);
        let runs = Runs { all: &all, before: index };
        let mut known = globals.clone();
        let mut scope = ArgumentScope { runs: None, variables: &known, names: &mut arguments };
        let file_variables = compiled(&self.variables, &mut scope, diags);
        known.extend(self.variables.iter().map(|v| v.name.clone()));
        let mut scope = ArgumentScope { runs: Some(runs), variables: &known, names: &mut arguments };
        let variables = compiled(&run.variables, &mut scope, diags);
        known.extend(run.variables.iter().map(|v| v.name.clone()));
        let mut scope = ArgumentScope { runs: Some(runs), variables: &known, names: &mut arguments };
        let chosen = self.chosen_providers(run, &mut Diagnostics::new());
        let providers = chosen
            .into_iter()
            .map(|(reference, provider)| provided(reference, provider, schemas, &mut scope, diags))
            .collect();
        let mut names = OutsideNames::behind(root.symbols.len());
        let mut scope = AssertionScope {
            module: Scope { names: &root.names, allowed: Allowed::default() },
            outputs: root.outputs.iter().map(|o| o.name.as_str()).collect(),
            variables: &known,
            runs,
            names: &mut names,
        };
        let assertions = run
            .asserts
            .iter()
            .map(|(condition, message)| assertion(condition, message, &mut scope))
            .collect();
        let overrides = self.overrides_of(run);
        let mut prepared = Prepared {
            file_variables,
            variables,
            arguments,
            providers,
            assertions,
            names,
            expected: run.expected.iter().filter_map(|e| expected(e, configuration, diags)).collect(),
            objects: Vec::new(),
            modules: Vec::new(),
            refresh_only: run.options.refresh_only,
            refresh: run.options.refresh,
            replace: run.options.replace.iter().filter_map(|e| replaced(e, configuration, diags)).collect(),
            targets: run.options.target.iter().filter_map(|e| target(e, configuration, diags)).collect(),
            notices: Vec::new(),
        };
        for (one, is_own) in overrides {
            let notices = prepared.add(one, configuration, structure, diags);
            if is_own {
                diags.extend(notices);
            } else {
                prepared.notices.extend(notices);
            }
        }
        prepared.fit_mocks(configuration, schemas, diags);
        prepared
    }

    /// The overrides that hold for a run: its own before those of the file, those before those of its mocks; what names an instance
    /// before what names all. True for its own.
    fn overrides_of<'a>(&'a self, run: &'a Run) -> Vec<(&'a Override, bool)> {
        let of_mocks = self.providers.iter().filter_map(|p| match &p.kind {
            ProviderKind::Mock(mock) => Some(&mock.overrides),
            ProviderKind::Real(_) => None,
        });
        let levels = [&run.overrides, &self.overrides].into_iter().chain(of_mocks);
        let mut all = Vec::new();
        for (place, level) in levels.enumerate() {
            let (keyed, whole): (Vec<&Override>, Vec<&Override>) =
                level.iter().partition(|o| mocks::shown(&o.target).contains('['));
            all.extend(keyed.into_iter().chain(whole).map(|one| (one, place == 0)));
        }
        all
    }
}

impl Prepared {
    /// Adds an override. Says what of it means nothing here.
    fn add(
        &mut self,
        one: &Override,
        configuration: &Configuration,
        structure: &mut Diagnostics,
        diags: &mut Diagnostics,
    ) -> Vec<Diagnostic> {
        let Some(target) = target(&one.target, configuration, structure) else { return Vec::new() };
        let fits = match (&target, one.kind) {
            (Target::Module(_), kind) => kind == OverrideKind::Module,
            (Target::Resource(r), kind) => kind == kind_of(r.mode),
            (Target::Instance(i), kind) => kind == kind_of(i.resource.mode),
        };
        if !fits {
            let (what, word) = match one.kind {
                OverrideKind::Resource => ("resources", "override_resource"),
                OverrideKind::Data => ("data sources", "override_data"),
                OverrideKind::Module => ("modules", "override_module"),
            };
            let shown = mocks::shown(&one.target);
            structure.push(
                Diagnostic::error("Invalid override target")
                    .code(codes::TEST_FILE)
                    .detail(format!("You can only target {what} from {word} blocks, not {shown}."))
                    .at(one.target.span),
            );
            return Vec::new();
        }
        let Some(block) = block_of(&target, configuration) else {
            let shown = mocks::shown(&one.target);
            return vec![
                Diagnostic::warning("Invalid override target")
                    .code(codes::NOTHING_OVERRIDDEN)
                    .detail(format!("The override target {shown} does not exist within the configuration under test. This could indicate a typo in the target address or an unnecessary override."))
                    .at(one.target.span),
            ];
        };
        let (during_plan, span) = (one.during_plan, one.span);
        match (target, block) {
            (Target::Module(path), _) => {
                self.modules.push(OverriddenModule { path, outputs: one.values.clone() });
                Vec::new()
            }
            (_, None) => Vec::new(),
            (target, Some(resource)) => {
                match fit(&one.values, &resource.schema.block, &resource.type_name, span) {
                    Ok(Fitted { values, notices }) => {
                        self.objects.push(OverriddenObject { target, values, during_plan, span });
                        notices
                    }
                    Err(d) => {
                        diags.push(*d);
                        Vec::new()
                    }
                }
            }
        }
    }

    /// Holds what mocks give against the schemas of the types that the configuration has.
    fn fit_mocks(&mut self, configuration: &Configuration, schemas: &Schemas, diags: &mut Diagnostics) {
        for provided in &mut self.providers {
            let (Some(mock), Some(schema)) =
                (&mut provided.mock, schemas.providers.get(&provided.reference.name))
            else {
                continue;
            };
            for ty in &mut mock.types {
                let Some(of_type) = schema.types(ty.mode).get(&ty.type_name) else {
                    self.notices.push(
                        Diagnostic::warning("Mock of a type that there isn't")
                            .code(codes::NOTHING_OVERRIDDEN)
                            .detail(format!("The provider {} has no type {:?}.", schema.name, ty.type_name))
                            .at(ty.span),
                    );
                    continue;
                };
                let used = |r: &crate::Resource| r.mode == ty.mode && r.type_name == ty.type_name;
                let is_used = configuration.modules.iter().flat_map(|m| &m.resources).any(used);
                match fit(&ty.defaults, &of_type.block, &ty.type_name, ty.span) {
                    Ok(Fitted { values, notices }) => {
                        ty.defaults = values;
                        self.notices.extend(notices);
                    }
                    Err(d) if is_used => diags.push(*d),
                    Err(_) => {}
                }
            }
        }
    }
}

fn kind_of(mode: Mode) -> OverrideKind {
    match mode {
        Mode::Managed | Mode::Ephemeral => OverrideKind::Resource,
        Mode::Data => OverrideKind::Data,
    }
}

fn compiled(
    arguments: &[Argument],
    scope: &mut ArgumentScope<'_>,
    diags: &mut Diagnostics,
) -> Vec<(String, Compiled)> {
    arguments.iter().map(|a| (a.name.clone(), compile(&a.value, scope, &[], diags))).collect()
}

fn provided(
    reference: ProviderRef,
    provider: &TestProvider,
    schemas: &Schemas,
    scope: &mut ArgumentScope<'_>,
    diags: &mut Diagnostics,
) -> Provided {
    match &provider.kind {
        ProviderKind::Mock(mock) => Provided { reference, body: None, mock: Some(mock.clone()) },
        ProviderKind::Real(block) => {
            let body = provider_body(block, &provider.reference.name, schemas, scope, diags);
            Provided { reference, body, mock: None }
        }
    }
}

fn provider_body(
    block: &Block,
    name: &str,
    schemas: &Schemas,
    scope: &mut ArgumentScope<'_>,
    diags: &mut Diagnostics,
) -> Option<CompiledBody> {
    let schema = schemas.providers.get(name)?;
    let meta = decode::Meta { arguments: &["alias", "version"], blocks: &[] };
    let plan = BlockPlan::of(&schema.config);
    Some(decode::decode(&block.body, &plan, &meta, block.header, scope, diags))
}

/// An assertion, or its mistakes: those are told with the others' results.
fn assertion(
    condition: &Expr,
    message: &Expr,
    scope: &mut AssertionScope<'_>,
) -> Result<Condition, Diagnostics> {
    let mut found = Diagnostics::new();
    let condition = compile(condition, scope, &[], &mut found);
    let error_message = compile(message, scope, &[], &mut found);
    if found.has_errors() { Err(found) } else { Ok(Condition { condition, error_message }) }
}

/// Names that begin no resource's.
const NO_BLOCKS: [&str; 9] =
    ["local", "module", "run", "each", "count", "self", "path", "terraform", "pilotis"];

fn expected(expr: &Expr, configuration: &Configuration, diags: &mut Diagnostics) -> Option<Expected> {
    let traversal = traversal_of(expr);
    let root = traversal.map(|t| (t.root.text.as_str(), t.steps.len()));
    if let Some(("var" | "output" | "check", 1)) = root {
        return Some(Expected { address: mocks::shown(expr), span: expr.span });
    }
    let is_none = |(root, _): (&str, usize)| NO_BLOCKS.contains(&root);
    let found = traversal
        .filter(|_| !root.is_some_and(is_none))
        .and_then(|_| address_in(expr, &configuration.modules[0], &[]).ok());
    let address = match found {
        Some(Target::Resource(resource)) if resource.module.0.is_empty() => resource.to_string(),
        Some(Target::Instance(instance)) if instance.resource.module.0.is_empty() => instance.to_string(),
        _ => {
            let shown = mocks::shown(expr);
            let what = if shown.is_empty() { "this expression" } else { &shown };
            diags.push(
                Diagnostic::error("Invalid `expect_failures` reference")
                    .code(codes::TEST_FILE)
                    .detail(format!("You cannot expect failures from {what}. You can only expect failures from checkable objects such as input variables, output values, check blocks, managed resources and data sources."))
                    .at(expr.span),
            );
            return None;
        }
    };
    Some(Expected { address, span: expr.span })
}

fn target(expr: &Expr, configuration: &Configuration, diags: &mut Diagnostics) -> Option<Target> {
    let root = &configuration.modules[0];
    address_in(expr, root, &configuration.modules).map_err(|d| diags.push(*d)).ok()
}

fn replaced(expr: &Expr, configuration: &Configuration, diags: &mut Diagnostics) -> Option<Instance> {
    match target(expr, configuration, diags)? {
        Target::Instance(instance) if instance.resource.mode == Mode::Managed => Some(instance),
        Target::Resource(resource) if resource.mode == Mode::Managed => {
            Some(Instance { resource, key: None })
        }
        _ => {
            diags.push(
                Diagnostic::error("Invalid replace address")
                    .code(codes::TEST_FILE)
                    .detail("Only managed resources can be replaced.")
                    .at(expr.span),
            );
            None
        }
    }
}

/// The block of a target, if the configuration has it: that of a resource; for a module, none inside.
fn block_of<'c>(target: &Target, configuration: &'c Configuration) -> Option<Option<&'c crate::Resource>> {
    let (path, resource) = match target {
        Target::Module(path) => (path, None),
        Target::Resource(resource) => (&resource.module, Some(resource)),
        Target::Instance(instance) => (&instance.resource.module, Some(&instance.resource)),
    };
    let mut modules = vec![&configuration.modules[0]];
    for step in &path.0 {
        let called = modules.iter().flat_map(|m| &m.calls).filter(|c| c.name == step.name);
        modules = called.filter_map(|c| configuration.modules.get(c.module.0 as usize)).collect();
    }
    let is = |r: &&crate::Resource| {
        resource.is_none_or(|t| r.mode == t.mode && r.type_name == t.type_name && r.name == t.name)
    };
    match resource {
        None => (!modules.is_empty()).then_some(None),
        Some(_) => modules.into_iter().find_map(|m| m.resources.iter().find(is)).map(Some),
    }
}

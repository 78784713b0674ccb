//! Declarations to the model: everything of a module but the calls of other modules.

mod calls;
mod encryption;
pub(crate) mod providers;
mod provisioners;
mod resources;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_lang::{Compiled, Slot, compile, constant, parse_constraint};
use pilotis_syntax::ast::{Attribute, Block, Expr, ExprKind, Ident, Steps, Traversal, TraversalStep};
use pilotis_value::{Constraint, Step, Value};

use crate::declare::Declarations;
use crate::load::Loader;
use crate::names::{Allowed, Names, Scope};
use crate::shape::{self, Shape};
use crate::types::Types;
use crate::{
    Check, Condition, GivenProvider, Local, Module, ModuleId, Output, ProviderRef, Repetition, Symbol,
    Variable, addresses, codes,
};

/// Compiles all declarations of a module into it.
pub(crate) fn module(
    loader: &mut Loader<'_>,
    id: ModuleId,
    all: &Declarations<'_>,
    calls: &[Option<ModuleId>],
    names: &Names,
) {
    if (calls.iter().any(Option::is_none) || !all.words.is_empty()) && loader.missing.is_none() {
        loader.missing = Some(ModuleId(loader.modules.len() as u32));
        loader.modules.push(Module::empty("missing"));
    }
    let out = std::mem::replace(&mut loader.modules[id.0 as usize], Module::empty(""));
    let mut build = Build {
        modules: &loader.modules,
        missing: loader.missing.unwrap_or(id),
        types: &loader.types,
        names,
        is_root: id.0 == 0,
        provider_places: HashMap::new(),
        provider_keys: Vec::new(),
        given: if id.0 == 0 { &loader.options.providers } else { &[] },
        diags: std::mem::take(&mut loader.diags),
        meaning: std::mem::take(&mut loader.meaning),
        out,
    };
    build.variables(&all.variables);
    build.locals(&all.locals);
    build.encryption(&all.settings);
    build.providers(&all.providers);
    build.out.resources.reserve_exact(all.resources.len());
    for (mode, block) in &all.resources {
        build.resource(*mode, block);
    }
    for (block, called) in all.modules.iter().zip(calls) {
        build.module_call(block, *called);
    }
    for block in &all.words {
        build.blueprint_call(block);
    }
    build.outputs(&all.outputs);
    build.checks(&all.checks);
    addresses::refactorings(&mut build, all);
    loader.diags = build.diags;
    loader.meaning = build.meaning;
    loader.modules[id.0 as usize] = build.out;
}

/// A module being compiled.
pub(crate) struct Build<'a> {
    pub(crate) modules: &'a [Module],
    /// Stands for a called module that couldn't be read.
    pub(crate) missing: ModuleId,
    pub(crate) types: &'a Types<'a>,
    pub(crate) names: &'a Names,
    pub(crate) is_root: bool,
    /// Where in `out` the provider blocks are.
    provider_places: HashMap<ProviderRef, usize>,
    /// Providers that come from outside, in the place of the module's own.
    given: &'a [GivenProvider],
    /// `for_each` of providers, as they are written.
    provider_keys: Vec<(ProviderRef, Expr)>,
    pub(crate) diags: Diagnostics,
    /// Mistakes of what stands in blocks, not of the blocks themselves.
    pub(crate) meaning: Diagnostics,
    pub(crate) out: Module,
}

impl<'a> Build<'a> {
    pub(crate) fn scope(&self, allowed: Allowed) -> Scope<'a> {
        Scope { names: self.names, allowed }
    }

    pub(crate) fn compile(&mut self, expr: &Expr, allowed: Allowed) -> Compiled {
        let mut scope = self.scope(allowed);
        compile(expr, &mut scope, &[], &mut self.meaning)
    }

    fn variables(&mut self, blocks: &[&Block]) {
        const VARIABLE: Shape = Shape {
            required: &[],
            optional: &["type", "default", "description", "sensitive", "nullable", "ephemeral", "deprecated"],
            blocks: &["validation"],
        };
        for block in blocks {
            let Some([name]) = shape::labels(block, ["name"], &mut self.diags) else { continue };
            if self.names.variables.get(&name.text) != Some(&(self.out.variables.len() as u32)) {
                continue;
            }
            VARIABLE.check(&block.body, block.header, &mut self.diags);
            shape::check_name(name, "variable", &mut self.diags);
            if RESERVED.contains(&name.text.as_str()) {
                self.diags.push(
                    Diagnostic::error("Invalid variable name")
                        .code(codes::INVALID_NAME)
                        .detail(format!(
                            "The variable name \"{}\" is reserved: it is an argument of module blocks.",
                            name.text
                        ))
                        .at(name.span),
                );
            }
            let constraint = match shape::attribute(&block.body, "type") {
                Some(ty) => parse_constraint(&ty.expr, &mut self.diags),
                None => Constraint::any(),
            };
            let nullable = shape::attribute(&block.body, "nullable").is_none()
                || shape::flag(&block.body, "nullable", &mut self.diags);
            let default =
                shape::attribute(&block.body, "default").and_then(|d| self.default(d, &constraint, nullable));
            let validations =
                shape::blocks(&block.body, "validation").filter_map(|b| self.rule(b, &name.text)).collect();
            self.out.variables.push(Variable {
                name: name.text.to_string(),
                constraint,
                default,
                nullable,
                sensitive: shape::flag(&block.body, "sensitive", &mut self.diags),
                ephemeral: shape::flag(&block.body, "ephemeral", &mut self.diags),
                description: shape::text(&block.body, "description", &mut self.diags),
                validations,
                span: block.header,
            });
        }
    }

    fn default(&mut self, attribute: &Attribute, constraint: &Constraint, nullable: bool) -> Option<Value> {
        let mut found = Diagnostics::new();
        let value = constant(&attribute.expr, &mut found);
        let failed = found.has_errors();
        self.diags.extend(found);
        if failed {
            return Some(Value::null(constraint.ty.clone()));
        }
        let why = match constraint.apply(&value) {
            Ok(value) if value.is_null() && !nullable => {
                "A null default value is not valid when nullable=false.".to_owned()
            }
            Ok(value) => return Some(value),
            Err(e) => {
                let why = if e.path.0.is_empty() { e.message } else { format!("{}: {}", e.path, e.message) };
                format!("This default value is not compatible with the variable's type constraint: {why}.")
            }
        };
        self.diags.push(
            Diagnostic::error("Invalid default value for variable")
                .code(codes::WRONG_TYPE)
                .detail(why)
                .at(attribute.expr.span),
        );
        Some(Value::null(constraint.ty.clone()))
    }

    /// A block with `condition` and `error_message`.
    pub(crate) fn condition(&mut self, block: &Block, allowed: Allowed) -> Option<Condition> {
        const CONDITION: Shape =
            Shape { required: &["condition", "error_message"], optional: &[], blocks: &[] };
        CONDITION.check(&block.body, block.header, &mut self.diags);
        let condition = self.compile(&shape::attribute(&block.body, "condition")?.expr, allowed);
        let error_message = self.compile(&shape::attribute(&block.body, "error_message")?.expr, allowed);
        Some(Condition { condition, error_message })
    }

    /// A rule of a variable: one that doesn't look at the variable would say nothing of what is given.
    fn rule(&mut self, block: &Block, variable: &str) -> Option<Condition> {
        let before = self.meaning.len();
        let found = self.condition(block, Allowed::default())?;
        let own = Symbol::Variable(self.out.variables.len() as u32);
        let is_own = |slot: Slot| self.names.symbols.get(slot.0 as usize) == Some(&own);
        if self.meaning.len() == before && !found.condition.references().iter().any(|r| is_own(r.slot)) {
            self.diags.push(
                Diagnostic::error("Invalid variable validation condition")
                    .code(codes::META)
                    .detail(format!(
                        "The condition for variable \"{variable}\" must refer to var.{variable} in order to test incoming values."
                    ))
                    .at(found.condition.span()),
            );
        }
        Some(found)
    }

    /// A condition that is no rule of a variable: one that refers to nothing would check nothing.
    pub(crate) fn checked_condition(&mut self, block: &Block, allowed: Allowed) -> Option<Condition> {
        let before = self.meaning.len();
        let found = self.condition(block, allowed)?;
        if found.condition.references().is_empty() && self.meaning.len() == before {
            self.diags.push(
                Diagnostic::error(format!("Invalid {} expression", block.kind.text))
                    .code(codes::META)
                    .detail("The condition expression must refer to at least one object from elsewhere in the configuration, or else its result would not be checking anything.")
                    .at(found.condition.span()),
            );
        }
        Some(found)
    }

    fn locals(&mut self, attributes: &[&Attribute]) {
        for attribute in attributes {
            let name = &attribute.name;
            if self.names.locals.get(&name.text) != Some(&(self.out.locals.len() as u32)) {
                continue;
            }
            shape::check_name(name, "local value", &mut self.diags);
            let value = self.compile(&attribute.expr, Allowed::default());
            self.out.locals.push(Local { name: name.text.to_string(), value, span: name.span });
        }
    }

    fn outputs(&mut self, blocks: &[&Block]) {
        const OUTPUT: Shape = Shape {
            required: &["value"],
            optional: &["description", "sensitive", "ephemeral", "depends_on", "deprecated", "type"],
            blocks: &["precondition"],
        };
        let mut declared = BTreeSet::new();
        for block in blocks {
            let Some([name]) = shape::labels(block, ["name"], &mut self.diags) else { continue };
            if !declared.insert(name.text.as_str()) {
                continue;
            }
            OUTPUT.check(&block.body, block.header, &mut self.diags);
            shape::check_name(name, "output", &mut self.diags);
            let value = match shape::attribute(&block.body, "value") {
                Some(attribute) => self.compile(&attribute.expr, Allowed::default()),
                None => Compiled::of(Value::null(pilotis_value::Type::Dynamic), block.header),
            };
            let preconditions = shape::blocks(&block.body, "precondition")
                .filter_map(|b| self.checked_condition(b, Allowed::default()))
                .collect();
            let depends_on = self.depends_on(block);
            let ephemeral = shape::flag(&block.body, "ephemeral", &mut self.diags);
            if ephemeral && self.is_root {
                self.meaning.push(
                    Diagnostic::error("Ephemeral output not allowed")
                        .code(codes::META)
                        .detail("Outputs of the root module are stored, so none can be ephemeral.")
                        .at(block.header),
                );
            }
            self.out.outputs.push(Output {
                name: name.text.to_string(),
                value,
                sensitive: shape::flag(&block.body, "sensitive", &mut self.diags),
                ephemeral,
                description: shape::text(&block.body, "description", &mut self.diags),
                preconditions,
                depends_on,
                span: block.header,
            });
        }
    }

    fn checks(&mut self, blocks: &[&Block]) {
        const CHECK: Shape = Shape { required: &[], optional: &[], blocks: &["data", "assert"] };
        let mut declared = BTreeMap::new();
        for block in blocks {
            let Some([name]) = shape::labels(block, ["name"], &mut self.diags) else { continue };
            if let Some(first) = declared.insert(name.text.as_str(), block.header) {
                let detail = format!("A check named \"{}\" was already declared.", name.text);
                let d = shape::duplicate("Duplicate check", detail, block.header, first);
                self.diags.push(d);
                declared.insert(name.text.as_str(), first);
                continue;
            }
            CHECK.check(&block.body, block.header, &mut self.diags);
            shape::check_name(name, "check", &mut self.diags);
            let asserts: Vec<Condition> = shape::blocks(&block.body, "assert")
                .filter_map(|b| self.checked_condition(b, Allowed::default()))
                .collect();
            if asserts.is_empty() && shape::blocks(&block.body, "assert").next().is_none() {
                self.diags.push(
                    Diagnostic::error("Check without assertion")
                        .code(codes::MISSING_ARGUMENT)
                        .detail("A check block must have at least one nested assert block.")
                        .at(block.header),
                );
            }
            let index = self.out.checks.len() as u32;
            for data in shape::blocks(&block.body, "data") {
                let inside = self.out.resources.iter_mut().find(|r| r.span == data.header);
                inside.into_iter().for_each(|r| r.in_check = Some(index));
            }
            self.out.checks.push(Check { name: name.text.to_string(), asserts, span: block.header });
        }
    }

    /// `count` and `for_each`.
    pub(crate) fn repetition(&mut self, block: &Block) -> Repetition {
        let count = shape::attribute(&block.body, "count");
        let for_each = shape::attribute(&block.body, "for_each");
        if let (Some(_), Some(second)) = (count, for_each) {
            self.diags.push(
                Diagnostic::error("Invalid combination of \"count\" and \"for_each\"")
                    .code(codes::META)
                    .detail("The \"count\" and \"for_each\" meta-arguments are mutually-exclusive, only one should be used to be explicit about the number of resources to be created.")
                    .at(second.name.span),
            );
        }
        match (count, for_each) {
            (_, Some(a)) => Repetition::ForEach(self.compile(&a.expr, Allowed::default())),
            (Some(a), None) => Repetition::Count(self.compile(&a.expr, Allowed::default())),
            (None, None) => Repetition::One,
        }
    }

    /// `depends_on`: static references.
    pub(crate) fn depends_on(&mut self, block: &Block) -> Vec<Slot> {
        let Some(attribute) = shape::attribute(&block.body, "depends_on") else { return Vec::new() };
        let ExprKind::Tuple(items) = &attribute.expr.kind else {
            self.diags.push(
                Diagnostic::error("Invalid expression")
                    .code(codes::META)
                    .detail("A static list expression is required: `depends_on = [gitlab_group.a]`.")
                    .at(attribute.expr.span),
            );
            return Vec::new();
        };
        let mut slots = Vec::new();
        for item in items {
            if shape::literal_text(item).is_some() {
                self.meaning.push(quoted(item.span));
            }
            let Some(reference) = static_reference(item) else {
                self.diags.push(
                    Diagnostic::error("Invalid expression")
                        .code(codes::META)
                        .detail("A single static variable reference is required: only attribute access and indexing with constant keys. No calculations, function calls, template expressions, etc are allowed here.")
                        .at(item.span),
                );
                continue;
            };
            let compiled = self.compile(&reference, Allowed::default());
            for reference in compiled.references() {
                let symbol = self.names.symbols.get(reference.slot.0 as usize);
                let is_part = reference.path.0.iter().any(|s| matches!(s, Step::Attribute(_)));
                if is_part && matches!(symbol, Some(Symbol::Resource(_))) {
                    self.meaning.push(
                        Diagnostic::error("Invalid depends_on reference")
                            .code(codes::META)
                            .detail("References in depends_on must be to a whole object (resource, etc), not to an attribute of an object.")
                            .at(item.span),
                    );
                }
                slots.push(reference.slot);
            }
        }
        slots
    }
}

/// A reference in quotes, as configurations of long ago have it.
fn quoted(span: Span) -> Diagnostic {
    Diagnostic::warning("Quoted references are deprecated")
        .code(codes::QUOTED)
        .detail("In this context, references are expected literally rather than in quotes.")
        .at(span)
        .help("Remove the quotes.")
}

const RESERVED: [&str; 8] =
    ["source", "version", "providers", "count", "for_each", "depends_on", "lifecycle", "locals"];

pub(crate) fn traversal_of(expr: &Expr) -> Option<&Traversal> {
    match &expr.kind {
        ExprKind::Traversal(t) => Some(t),
        ExprKind::Parens(inner) => traversal_of(inner),
        _ => None,
    }
}

/// A reference with constant keys; also as a text, as configurations of long ago have it.
fn static_reference(expr: &Expr) -> Option<Expr> {
    if traversal_of(expr).is_some() {
        return Some(expr.clone());
    }
    let text = shape::literal_text(expr)?;
    let span = expr.span;
    let mut names = text.split('.').map(|n| Ident { text: n.into(), span });
    let root = names.next()?;
    let steps: Steps = names.map(TraversalStep::Attribute).collect();
    let whole = shape::is_identifier(&root.text) && !steps.is_empty();
    whole.then(|| Expr { kind: ExprKind::Traversal(Box::new(Traversal { root, steps, span })), span })
}

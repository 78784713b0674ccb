//! `module` blocks and blocks of blueprints: arguments against the called module's variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilotis_diag::{Diagnostic, Span};
use pilotis_lang::Compiled;
use pilotis_syntax::ast::{Block, Expr, ExprKind, ObjectKey, Traversal, TraversalStep};
use pilotis_value::{Path, Step, Type, Value};

use super::Build;
use crate::blueprint::{self, Given};
use crate::names::{Allowed, Repeats};
use crate::places::Places;
use crate::shape::{self, Shape, missing_argument, unknown_argument, wrong_type};
use crate::validation::{self, Asker};
use crate::{ArgumentPlaces, Call, Module, ModuleId, codes};

/// Arguments of a call that has been collected so far.
struct Arguments {
    compiled: Vec<(u32, Compiled)>,
    places: BTreeMap<u32, Places>,
    /// What is known of the values while loading, by variable: references in them are unknown.
    values: Vec<Option<Value>>,
    /// The next argument has no mistake yet that would be said twice.
    check: bool,
    /// The block is a blueprint's.
    is_blueprint: bool,
}

impl Arguments {
    fn of(module: &Module, is_blueprint: bool) -> Arguments {
        let values = module.variables.iter().map(|v| v.default.clone()).collect();
        Arguments { compiled: Vec::new(), places: BTreeMap::new(), values, check: true, is_blueprint }
    }
}

const META: [&str; 6] = ["source", "version", "providers", "count", "for_each", "depends_on"];

impl<'a> Build<'a> {
    pub(super) fn module_call(&mut self, block: &Block, called: Option<ModuleId>) {
        let Some([name]) = shape::labels(block, ["name"], &mut self.diags) else { return };
        let next = self.out.calls.len() as u32;
        let Some(known) = self.names.modules.get(&name.text).filter(|c| c.index == next) else { return };
        shape::check_name(name, "module", &mut self.diags);
        shape::duplicates(&block.body, &mut self.diags);
        let allowed = Allowed::of(known.repeats);
        let variables = called.map(|c| self.modules[c.0 as usize].variables.as_slice()).unwrap_or_default();
        for inner in &block.body.blocks {
            let arguments = variables.iter().map(|v| v.name.as_str());
            self.diags.push(shape::unknown_block(&inner.kind, std::iter::empty(), arguments));
        }
        if let Some(version) = shape::attribute(&block.body, "version") {
            self.diags.push(
                Diagnostic::error("Invalid registry module source address")
                    .code(codes::META)
                    .detail("A \"version\" is chosen from a registry, and there is none: a module is read from a folder or a Git repository.")
                    .at(version.name.span)
                    .help("Remove the \"version\" argument; a tag of a repository goes into its source: `?ref=v1.2.0`."),
            );
        }
        let repetition = self.repetition(block);
        let depends_on = self.depends_on(block);
        let modules = self.modules;
        let theirs = called.map(|c| &modules[c.0 as usize]);
        let providers = self.call_providers(block, allowed, theirs);
        let module = &modules[called.unwrap_or(self.missing).0 as usize];
        let mut arguments = Arguments::of(module, false);
        if called.is_some() {
            for attribute in &block.body.attributes {
                let given = attribute.name.text.as_str();
                if META.contains(&given) {
                    continue;
                }
                let Some(i) = module.variables.iter().position(|v| v.name == given) else {
                    let known = module.variables.iter().map(|v| v.name.as_str()).chain(META);
                    self.meaning.push(unknown_argument(&attribute.name, known, std::iter::empty()));
                    continue;
                };
                let places = Places::of(&attribute.expr);
                self.argument(module, i, &attribute.expr, places, allowed, &mut arguments);
            }
            self.required(module, &arguments, block.header);
            self.validate(module, &arguments, None);
        }
        let source = shape::attribute(&block.body, "source").and_then(|s| shape::literal_text(&s.expr));
        self.out.calls.push(Call {
            name: name.text.to_string(),
            label: None,
            module: called.unwrap_or(self.missing),
            source: source.map(|text| text.to_string()).unwrap_or_default(),
            repetition,
            arguments: arguments.compiled,
            providers,
            depends_on,
            prevent_destroy: false,
            places: ArgumentPlaces(Arc::new(arguments.places)),
            span: block.header,
        });
    }

    pub(super) fn blueprint_call(&mut self, block: &Block) {
        const LIFECYCLE: Shape = Shape { required: &[], optional: &["prevent_destroy"], blocks: &[] };
        let word = block.kind.text.as_str();
        let Some([label]) = shape::labels(block, ["name"], &mut self.diags) else { return };
        let next = self.out.calls.len() as u32;
        let Some(known) = self.names.words.get(word).and_then(|w| w.get(&label.text)) else { return };
        if known.index != next {
            return;
        }
        let allowed = Allowed::of(known.repeats);
        let repeats = known.repeats;
        if label.text.is_empty() || label.text.contains('/') {
            self.diags.push(
                Diagnostic::error(format!("Invalid {word} name"))
                    .code(codes::INVALID_NAME)
                    .detail("The label becomes a part of addresses: it is not empty and has no slash.")
                    .at(label.span),
            );
        }
        if let Some(count) = shape::attribute(&block.body, "count") {
            self.diags.push(
                Diagnostic::error("Unsupported argument")
                    .code(codes::META)
                    .detail(format!("A {word} has no \"count\": each has a name."))
                    .at(count.name.span)
                    .help("Use `for_each` with a map or a set of names."),
            );
        }
        let repetition = self.repetition(block);
        let depends_on = self.depends_on(block);
        let modules = self.modules;
        let found = self.out.blueprints.iter().find(|b| b.word == word);
        let found = found.map(|b| (b.module, b.label, b.source.clone()));
        let theirs = found.as_ref().map(|(m, ..)| &modules[m.0 as usize]);
        let providers = self.call_providers(block, allowed, theirs);
        let mut prevent_destroy = false;
        for lifecycle in shape::blocks(&block.body, "lifecycle") {
            LIFECYCLE.check(&lifecycle.body, lifecycle.header, &mut self.diags);
            prevent_destroy |= shape::flag(&lifecycle.body, "prevent_destroy", &mut self.diags);
        }
        let is_found = found.is_some();
        let (module_id, label_variable, source) = found.unwrap_or((self.missing, None, String::new()));
        let module = &modules[module_id.0 as usize];
        let mut arguments = Arguments::of(module, true);
        if is_found {
            let members = blueprint::members(module);
            let what = format!("{word} \"{}\"", label.text);
            let given = blueprint::desugar(&block.body, &members, block.header, &what, &mut self.meaning);
            for Given { name, expr, places, complete } in given {
                if let Some(i) = module.variables.iter().position(|v| v.name == name) {
                    arguments.check = complete;
                    self.argument(module, i, &expr, places, allowed, &mut arguments);
                }
            }
            arguments.check = true;
            if let Some(i) = label_variable
                && !arguments.compiled.iter().any(|(v, _)| *v == i)
            {
                let expr = label_expr(&label.text, label.span, repeats);
                self.argument(module, i as usize, &expr, Places::at(label.span), allowed, &mut arguments);
            }
            self.required(module, &arguments, block.header);
            self.validate(module, &arguments, Some((word, &label.text)));
        }
        self.out.calls.push(Call {
            name: word.to_owned(),
            label: Some(label.text.to_string()),
            module: module_id,
            source,
            repetition,
            arguments: arguments.compiled,
            providers,
            depends_on,
            prevent_destroy,
            places: ArgumentPlaces(Arc::new(arguments.places)),
            span: block.header,
        });
    }

    fn argument(
        &mut self,
        module: &Module,
        variable: usize,
        expr: &Expr,
        places: Places,
        allowed: Allowed,
        arguments: &mut Arguments,
    ) {
        let before = self.meaning.len();
        let compiled = self.compile(expr, allowed);
        let declared = &module.variables[variable];
        let mut value = None;
        if arguments.check && self.meaning.len() == before {
            match validation::foreseen(&compiled).map(|v| declared.constraint.apply(&v)) {
                None => {}
                Some(Ok(found)) => value = Some(found),
                // Of a `module` block it is said when all of the expressions are evaluated.
                Some(Err(_)) if !arguments.is_blueprint => {}
                Some(Err(e)) => {
                    let name = innermost(&e.path).unwrap_or(&declared.name);
                    self.meaning.push(wrong_type(name, &e.message, places.find_path(&e.path)));
                }
            }
        }
        if !arguments.check {
            check_parts(expr, &declared.constraint.ty, &declared.name, &mut self.meaning);
        }
        arguments.values[variable] = value;
        let variable = variable as u32;
        arguments.places.insert(variable, places);
        arguments.compiled.push((variable, compiled));
    }

    fn required(&mut self, module: &Module, arguments: &Arguments, header: Span) {
        for (i, variable) in module.variables.iter().enumerate() {
            let given = arguments.compiled.iter().any(|(v, _)| *v as usize == i);
            if variable.default.is_none() && !given {
                let mut d = missing_argument(&variable.name, header);
                if !variable.description.is_empty() {
                    d = d.help(format!("{}: {}", variable.name, variable.description));
                }
                self.meaning.push(d);
            }
        }
    }

    /// Rules that can be checked now: those that are broken whatever the references turn out to be.
    fn validate(&mut self, module: &Module, arguments: &Arguments, block: Option<(&str, &str)>) {
        let places = &arguments.places;
        let find = |i: u32, path: &Path| places.get(&i).map(|p| p.find_path(path));
        let asker = Asker { place: &find, block };
        let given: Vec<u32> = arguments.compiled.iter().map(|(i, _)| *i).collect();
        validation::check_constants(module, &arguments.values, &given, &asker, &mut self.meaning);
    }
}

/// What the label's variable gets: the label, or with `for_each` the instance's key.
fn label_expr(label: &str, span: Span, repeats: Repeats) -> Expr {
    if repeats != Repeats::ForEach {
        return Expr { kind: ExprKind::Literal(Value::string(label)), span };
    }
    let ident = |text: &str| pilotis_syntax::ast::Ident { text: text.into(), span };
    let steps = std::iter::once(TraversalStep::Attribute(ident("key"))).collect();
    Expr { kind: ExprKind::Traversal(Box::new(Traversal { root: ident("each"), steps, span })), span }
}

fn innermost(path: &Path) -> Option<&str> {
    path.0.iter().rev().find_map(|s| match s {
        Step::Attribute(name) | Step::Key(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Literals inside an expression of which nothing else can be known, against the type that they will have to be.
fn check_parts(expr: &Expr, ty: &Type, name: &str, diags: &mut pilotis_diag::Diagnostics) {
    match (&expr.kind, ty) {
        (ExprKind::Parens(inner), _) => check_parts(inner, ty, name, diags),
        (ExprKind::Object(items), Type::Object(_) | Type::Map(_)) => {
            for item in items {
                let ObjectKey::Name(key) = &item.key else { continue };
                let inner = match ty {
                    Type::Object(o) => o.attributes.get(&key.text),
                    _ => ty.element(),
                };
                if let Some(inner) = inner {
                    check_parts(&item.value, inner, &key.text, diags);
                }
            }
        }
        (ExprKind::Tuple(items), Type::List(element) | Type::Set(element)) => {
            items.iter().for_each(|item| check_parts(item, element, name, diags));
        }
        (ExprKind::Literal(_) | ExprKind::Object(_) | ExprKind::Tuple(_), _) => {
            literal_part(expr, ty, name, diags)
        }
        (ExprKind::Template(_), _) if shape::literal_text(expr).is_some() => {
            literal_part(expr, ty, name, diags)
        }
        _ => {}
    }
}

fn literal_part(expr: &Expr, ty: &Type, name: &str, diags: &mut pilotis_diag::Diagnostics) {
    let value = match &expr.kind {
        ExprKind::Literal(value) => value.clone(),
        ExprKind::Template(_) => Value::string(shape::literal_text(expr).unwrap_or_default()),
        ExprKind::Object(_) => Value::object(Default::default()),
        _ => Value::tuple(Vec::new()),
    };
    if let Err(e) = pilotis_value::convert::convert(&value, ty) {
        diags.push(wrong_type(name, &e.message, expr.span));
    }
}

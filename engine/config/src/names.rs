//! The names of one module: what each reference means, decided before any expression is compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Span, did_you_mean};
use pilotis_lang::{Resolved, Resolver, Slot};
use pilotis_schema::ResourceSchema;
use pilotis_schema::address::Mode;
use pilotis_syntax::ast::{Traversal, TraversalStep};

use crate::required::{Required, meant};
use crate::{Schemas, Symbol, codes};

/// If a block has instances with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    One,
    Count,
    ForEach,
}

/// What is known of a resource block before its body is compiled.
#[derive(Debug)]
pub(crate) struct ResourceName {
    pub(crate) index: u32,
    pub(crate) repeats: Repeats,
    pub(crate) schema: Option<Arc<ResourceSchema>>,
}

/// What is known of a call before its arguments are compiled.
#[derive(Debug)]
pub(crate) struct CallName {
    pub(crate) index: u32,
    pub(crate) repeats: Repeats,
    /// None if the module couldn't be read.
    pub(crate) outputs: Option<BTreeSet<String>>,
}

/// All names of a module.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) symbols: Vec<Symbol>,
    slots: BTreeMap<(u8, EcoString), Slot>,
    pub(crate) variables: BTreeMap<EcoString, u32>,
    pub(crate) locals: BTreeMap<EcoString, u32>,
    pub(crate) resources: BTreeMap<(Mode, EcoString, EcoString), ResourceName>,
    pub(crate) modules: BTreeMap<EcoString, CallName>,
    /// Word → label → call.
    pub(crate) words: BTreeMap<EcoString, BTreeMap<EcoString, CallName>>,
    pub(crate) schemas: Schemas,
    /// `required_providers`: what the module calls the providers.
    pub(crate) required: Vec<Required>,
    /// `the root module`, `module ./x`.
    pub(crate) module_name: String,
    /// How many suggestions were looked for.
    suggested: AtomicU32,
}

/// So many mistakes of a module get a suggestion, which goes through all names; a person who has that many has other worries.
const MOST_SUGGESTIONS: u32 = 100;

const VARIABLE: u8 = 0;
const LOCAL: u8 = 1;
const RESOURCE: u8 = 2;
const DATA: u8 = 3;
const MODULE: u8 = 4;
const WORD: u8 = 5;
const WORD_ALL: u8 = 6;
const FIXED: u8 = 7;
const EPHEMERAL: u8 = 8;

/// The names of blocks of a mode.
fn space_of(mode: Mode) -> u8 {
    match mode {
        Mode::Managed => RESOURCE,
        Mode::Data => DATA,
        Mode::Ephemeral => EPHEMERAL,
    }
}

impl Names {
    /// The name that was most likely meant.
    fn meant<'c>(&self, given: &str, known: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
        let before = self.suggested.fetch_add(1, Ordering::Relaxed);
        if before < MOST_SUGGESTIONS { did_you_mean(given, known) } else { None }
    }

    /// Gives every name its slot. To be called once, when all are declared.
    pub(crate) fn assign(&mut self) {
        let mut symbols = Vec::new();
        let mut slots = BTreeMap::new();
        let mut add = |space: u8, name: EcoString, symbol: Symbol| {
            slots.insert((space, name), Slot(symbols.len() as u32));
            symbols.push(symbol);
        };
        for (name, i) in &self.variables {
            add(VARIABLE, name.clone(), Symbol::Variable(*i));
        }
        for (name, i) in &self.locals {
            add(LOCAL, name.clone(), Symbol::Local(*i));
        }
        for ((mode, ty, name), r) in &self.resources {
            add(space_of(*mode), format!("{ty}.{name}").into(), Symbol::Resource(r.index));
        }
        for (name, c) in &self.modules {
            add(MODULE, name.clone(), Symbol::Call(c.index));
        }
        for (word, labels) in &self.words {
            for (label, c) in labels {
                add(WORD, format!("{word}.{label}").into(), Symbol::Call(c.index));
            }
            add(WORD_ALL, word.clone(), Symbol::Calls(labels.values().map(|c| c.index).collect()));
        }
        for (name, symbol) in [
            ("count.index", Symbol::CountIndex),
            ("each.key", Symbol::EachKey),
            ("each.value", Symbol::EachValue),
            ("self", Symbol::This),
            ("path.module", Symbol::PathModule),
            ("path.root", Symbol::PathRoot),
            ("path.cwd", Symbol::PathCwd),
            ("terraform.workspace", Symbol::Workspace),
        ] {
            add(FIXED, name.into(), symbol);
        }
        self.symbols = symbols;
        self.slots = slots;
    }

    fn slot(&self, space: u8, name: &str) -> Option<Slot> {
        self.slots.get(&(space, EcoString::from(name))).copied()
    }
}

/// Which of the special names mean something at a place.
#[derive(Clone, Copy, Default)]
pub(crate) struct Allowed {
    pub(crate) repeats: Option<Repeats>,
    /// Whatever instances had: the block is gone.
    pub(crate) any_key: bool,
    pub(crate) this: bool,
}

impl Allowed {
    pub(crate) fn of(repeats: Repeats) -> Allowed {
        Allowed { repeats: Some(repeats), ..Allowed::default() }
    }
    pub(crate) fn any_key() -> Allowed {
        Allowed { any_key: true, ..Allowed::default() }
    }
    pub(crate) fn with_self(self) -> Allowed {
        Allowed { this: true, ..self }
    }
}

/// Resolves references of one place.
pub(crate) struct Scope<'n> {
    pub(crate) names: &'n Names,
    pub(crate) allowed: Allowed,
}

fn error(code: &'static str, summary: &str, detail: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error(summary).code(code).detail(detail).at(span)
}

fn suggest<'c>(
    names: &Names,
    d: Diagnostic,
    given: &str,
    known: impl IntoIterator<Item = &'c str>,
    prefix: &str,
) -> Diagnostic {
    match names.meant(given, known) {
        Some(best) => d.help(format!("Did you mean `{prefix}{best}`?")),
        None => d,
    }
}

/// The name of step `i`, if it is an attribute; a literal text index counts as one where a label may be meant.
fn name_at(t: &Traversal, i: usize) -> Option<(&str, Span)> {
    match t.steps.get(i)? {
        TraversalStep::Attribute(ident) => Some((&ident.text, ident.span)),
        TraversalStep::Index(..) => None,
    }
}

impl Resolver for Scope<'_> {
    fn resolve(&mut self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        match t.root.text.as_str() {
            "var" => self.simple(t, VARIABLE),
            "local" => self.simple(t, LOCAL),
            "module" => self.module(t),
            "each" | "count" => self.repetition(t),
            "self" => self.this(t),
            "path" => self.fixed(t, &["module", "root", "cwd"]),
            "terraform" | "pilotis" => self.fixed(t, &["workspace"]),
            "data" => self.resource(t, Mode::Data, 1),
            "ephemeral" => self.resource(t, Mode::Ephemeral, 1),
            "resource" => self.resource(t, Mode::Managed, 1),
            word if self.names.words.contains_key(word) => self.word(t),
            _ => self.resource(t, Mode::Managed, 0),
        }
    }

    fn provider<'a>(&'a self, local: &'a str) -> &'a str {
        meant(&self.names.required, local)
    }
}

impl Scope<'_> {
    fn found(slot: Option<Slot>, consumed: usize, t: &Traversal) -> Result<Resolved, Diagnostic> {
        match slot {
            Some(slot) => Ok(Resolved { slot, consumed }),
            None => {
                Err(error(codes::REFERENCE, "Invalid reference", "This name means nothing here.", t.span))
            }
        }
    }

    fn direct(t: &Traversal) -> Diagnostic {
        let root = &t.root.text;
        let detail = match t.steps.first() {
            None => format!(
                "The \"{root}\" object cannot be accessed directly. Instead, access one of its attributes."
            ),
            Some(_) => format!("The \"{root}\" object does not support this operation."),
        };
        error(codes::REFERENCE, "Invalid reference", detail, t.span)
    }

    fn simple(&self, t: &Traversal, space: u8) -> Result<Resolved, Diagnostic> {
        let Some((name, span)) = name_at(t, 0) else { return Err(Self::direct(t)) };
        if let Some(slot) = self.names.slot(space, name) {
            return Ok(Resolved { slot, consumed: 1 });
        }
        let span = t.root.span.to(span);
        Err(if space == VARIABLE {
            let d = error(
                codes::UNDECLARED,
                "Reference to undeclared input variable",
                format!("An input variable with the name \"{name}\" has not been declared."),
                span,
            );
            let known = self.names.variables.keys().map(|k| k.as_str());
            match self.names.meant(name, known) {
                Some(best) => d.help(format!("Did you mean `var.{best}`?")),
                None if self.names.locals.contains_key(name) => {
                    d.help(format!("There is a local value of that name: write `local.{name}`."))
                }
                None => d.help(format!("Declare it with a block `variable \"{name}\" {{}}`.")),
            }
        } else {
            let d = error(
                codes::UNDECLARED,
                "Reference to undeclared local value",
                format!("A local value with the name \"{name}\" has not been declared."),
                span,
            );
            let known = self.names.locals.keys().map(|k| k.as_str());
            match self.names.meant(name, known) {
                Some(best) => d.help(format!("Did you mean `local.{best}`?")),
                None if self.names.variables.contains_key(name) => {
                    d.help(format!("There is a variable of that name: write `var.{name}`."))
                }
                None => d,
            }
        })
    }

    fn fixed(&self, t: &Traversal, known: &[&str]) -> Result<Resolved, Diagnostic> {
        let root = &t.root.text;
        let Some((name, span)) = name_at(t, 0) else { return Err(Self::direct(t)) };
        let space = if root == "pilotis" { "terraform" } else { root };
        if known.contains(&name) {
            return Self::found(self.names.slot(FIXED, &format!("{space}.{name}")), 1, t);
        }
        let detail = format!("The \"{root}\" object does not have an attribute named \"{name}\".");
        let d = error(codes::REFERENCE, &format!("Invalid \"{root}\" attribute"), detail, span);
        let list: Vec<String> = known.iter().map(|k| format!("`{root}.{k}`")).collect();
        Err(d.help(format!("There {} {}.", if list.len() == 1 { "is only" } else { "are" }, list.join(", "))))
    }

    fn repetition(&self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        let root = t.root.text.as_str();
        let (known, wanted, argument): (&[&str], _, _) = match root {
            "each" => (&["key", "value"], Repeats::ForEach, "for_each"),
            _ => (&["index"], Repeats::Count, "count"),
        };
        if self.allowed.repeats != Some(wanted) && !self.allowed.any_key {
            let detail = format!(
                "The \"{root}\" object can be used only in \"module\", \"resource\" and blueprint blocks, and only when the \"{argument}\" \
                 argument is set."
            );
            let summary = match wanted {
                Repeats::ForEach => "Reference to \"each\" in context without for_each",
                _ => "Reference to \"count\" in non-counted context",
            };
            return Err(error(codes::REFERENCE, summary, detail, t.span));
        }
        self.fixed(t, known)
    }

    fn this(&self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        if self.allowed.this {
            return Self::found(self.names.slot(FIXED, "self"), 0, t);
        }
        let detail = "The \"self\" object is not available in this context. It can be used only in postcondition and provisioner blocks.";
        Err(error(codes::REFERENCE, "Invalid \"self\" reference", detail, t.span))
    }

    fn module(&self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        let Some((name, span)) = name_at(t, 0) else { return Err(Self::direct(t)) };
        let Some(call) = self.names.modules.get(name) else {
            let detail =
                format!("No module call named \"{name}\" is declared in {}.", self.names.module_name);
            let d = error(codes::UNDECLARED, "Reference to undeclared module", detail, t.root.span.to(span));
            return Err(suggest(
                self.names,
                d,
                name,
                self.names.modules.keys().map(|k| k.as_str()),
                "module.",
            ));
        };
        check_call(self.names, call, &format!("module.{name}"), &t.steps[1..])?;
        Self::found(self.names.slot(MODULE, name), 1, t)
    }

    /// `project`, `project.carto`, `project["carto"]`.
    fn word(&self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        let word = t.root.text.as_str();
        let Some(labels) = self.names.words.get(word) else { return Err(Self::direct(t)) };
        let (label, span) = match t.steps.first() {
            None => return Self::found(self.names.slot(WORD_ALL, word), 0, t),
            Some(TraversalStep::Attribute(ident)) => (ident.text.as_str(), ident.span),
            Some(TraversalStep::Index(value, span)) => match value.as_str() {
                Some(text) => (text, *span),
                None => return Self::found(self.names.slot(WORD_ALL, word), 0, t),
            },
        };
        let Some(call) = labels.get(label) else {
            let detail = format!("No {word} \"{label}\" is declared in {}.", self.names.module_name);
            let summary = format!("Reference to undeclared {word}");
            let d = error(codes::UNDECLARED, &summary, detail, t.root.span.to(span));
            let known = labels.keys().map(|k| k.as_str());
            return Err(suggest(self.names, d, label, known, &format!("{word}.")));
        };
        check_call(self.names, call, &format!("{word}.{label}"), &t.steps[1..])?;
        Self::found(self.names.slot(WORD, &format!("{word}.{label}")), 1, t)
    }

    fn resource(&self, t: &Traversal, mode: Mode, skip: usize) -> Result<Resolved, Diagnostic> {
        let names = (mode, skip);
        let (ty, ty_span) = match names {
            (Mode::Managed, 0) => (t.root.text.as_str(), t.root.span),
            _ => match name_at(t, 0) {
                Some(found) => found,
                None => return Err(self.short(t, mode)),
            },
        };
        let Some((name, name_span)) = name_at(t, skip) else { return Err(self.short(t, mode)) };
        let consumed = skip + 1;
        let key = (mode, EcoString::from(ty), EcoString::from(name));
        let Some(resource) = self.names.resources.get(&key) else {
            return Err(self.undeclared(t, mode, ty, name, ty_span.to(name_span)));
        };
        let shown = format!("{}{ty}.{name}", mode.prefix());
        check_resource(resource, &shown, &t.steps[consumed..], t.span)?;
        Self::found(self.names.slot(space_of(mode), &format!("{ty}.{name}")), consumed, t)
    }

    fn short(&self, t: &Traversal, mode: Mode) -> Diagnostic {
        let root = t.root.text.as_str();
        let what = match mode {
            Mode::Managed => None,
            Mode::Data => Some("data source"),
            Mode::Ephemeral => Some("ephemeral resource"),
        };
        if let Some(what) = what {
            let word = mode.keyword();
            let detail = format!(
                "The \"{word}\" object must be followed by two attribute names: the {what} type and the resource name."
            );
            return error(codes::REFERENCE, "Invalid reference", detail, t.span);
        }
        let detail = "A reference to a resource type must be followed by at least one attribute access, specifying the resource name.";
        let d = error(codes::REFERENCE, "Invalid reference", detail, t.span);
        if self.names.variables.contains_key(root) {
            return d.help(format!("Did you mean the variable, `var.{root}`?"));
        }
        if self.names.locals.contains_key(root) {
            return d.help(format!("Did you mean the local value, `local.{root}`?"));
        }
        if t.steps.is_empty() {
            return d.help(format!("If it is a text, write it in quotes: `\"{root}\"`."));
        }
        d
    }

    fn undeclared(&self, t: &Traversal, mode: Mode, ty: &str, name: &str, span: Span) -> Diagnostic {
        let root = t.root.text.as_str();
        let what = match mode {
            Mode::Managed => "A managed resource",
            Mode::Data => "A data resource",
            Mode::Ephemeral => "An ephemeral resource",
        };
        let detail =
            format!("{what} \"{ty}\" \"{name}\" has not been declared in {}.", self.names.module_name);
        let d = error(codes::UNDECLARED, "Reference to undeclared resource", detail, span);
        let same_type =
            self.names.resources.keys().filter(|(m, t, _)| *m == mode && t == ty).map(|(_, _, n)| n.as_str());
        let prefix = mode.prefix();
        if let Some(best) = self.names.meant(name, same_type) {
            return d.help(format!("Did you mean `{prefix}{ty}.{best}`?"));
        }
        let others = [Mode::Managed, Mode::Data, Mode::Ephemeral].into_iter().filter(|other| *other != mode);
        for other in others {
            if self.names.resources.contains_key(&(other, ty.into(), name.into())) {
                let other = other.prefix();
                return d.help(format!("There is `{other}{ty}.{name}`: did you mean that?"));
            }
        }
        let types = self.names.resources.keys().filter(|(m, _, n)| *m == mode && n == name);
        if let Some(best) = self.names.meant(ty, types.map(|(_, t, _)| t.as_str())) {
            return d.help(format!("Did you mean `{prefix}{best}.{name}`?"));
        }
        if mode == Mode::Managed && !self.names.schemas.has_type(ty) {
            let roots =
                ["var", "local", "module", "data", "ephemeral", "each", "count", "path", "self", "terraform"];
            let words = self.names.words.keys().map(|w| w.as_str());
            if let Some(best) = did_you_mean(root, roots.into_iter().chain(words)) {
                return d.help(format!("Did you mean `{best}.{name}`?"));
            }
            if self.names.variables.contains_key(root) {
                return d.help(format!("Did you mean the variable, `var.{root}.{name}`?"));
            }
            if self.names.locals.contains_key(root) {
                return d.help(format!("Did you mean the local value, `local.{root}.{name}`?"));
            }
        }
        d
    }
}

/// Steps after a module call: a key if it is repeated, then an output that exists.
fn check_call(
    names: &Names,
    call: &CallName,
    shown: &str,
    steps: &[TraversalStep],
) -> Result<(), Diagnostic> {
    let (steps, prefix) = instance_steps(call.repeats, shown, steps, "outputs")?;
    let (Some(outputs), Some(TraversalStep::Attribute(ident))) = (&call.outputs, steps.first()) else {
        return Ok(());
    };
    if outputs.contains(ident.text.as_str()) {
        return Ok(());
    }
    let detail = format!("{prefix} has no output named \"{}\".", ident.text);
    let d = error(codes::NO_ATTRIBUTE, "Unsupported attribute", detail, ident.span);
    let d = suggest(names, d, &ident.text, outputs.iter().map(String::as_str), &format!("{prefix}."));
    if d.help.is_empty() && !outputs.is_empty() {
        let list: Vec<&str> = outputs.iter().map(String::as_str).take(12).collect();
        return Err(d.help(format!("Its outputs are: {}.", list.join(", "))));
    }
    Err(d)
}

/// Steps after a resource: a key if it is repeated, then an attribute of its schema.
fn check_resource(
    resource: &ResourceName,
    shown: &str,
    steps: &[TraversalStep],
    span: Span,
) -> Result<(), Diagnostic> {
    let _ = span;
    let (steps, _) = instance_steps(resource.repeats, shown, steps, "attributes")?;
    let (Some(schema), Some(TraversalStep::Attribute(ident))) = (&resource.schema, steps.first()) else {
        return Ok(());
    };
    let block = &schema.block;
    let name = ident.text.as_str();
    if block.attributes.contains_key(name) || block.blocks.contains_key(name) {
        return Ok(());
    }
    let detail =
        format!("This object has no argument, nested block, or exported attribute named \"{name}\".");
    let d = error(codes::NO_ATTRIBUTE, "Unsupported attribute", detail, ident.span);
    let known = block.attributes.keys().chain(block.blocks.keys()).map(String::as_str);
    Err(match did_you_mean(name, known) {
        Some(best) => d.help(format!("Did you mean \"{best}\"?")),
        None => d,
    })
}

/// Takes the instance's key off the steps, if the block is repeated; an error if it is missing or too much.
fn instance_steps<'t>(
    repeats: Repeats,
    shown: &str,
    steps: &'t [TraversalStep],
    what: &str,
) -> Result<(&'t [TraversalStep], String), Diagnostic> {
    match (repeats, steps.first()) {
        (Repeats::One, Some(TraversalStep::Index(_, span))) => {
            let detail = format!(
                "Because {shown} does not have \"count\" or \"for_each\" set, references to it must not include an index key."
            );
            let d = error(codes::INSTANCE_KEY, "Unexpected resource instance key", detail, *span);
            Err(d.help("Remove the bracketed index to refer to the single instance."))
        }
        (Repeats::One, _) => Ok((steps, shown.to_owned())),
        (_, Some(TraversalStep::Index(value, _))) => Ok((&steps[1..], format!("{shown}[{value:?}]"))),
        (_, Some(TraversalStep::Attribute(ident))) => {
            let (argument, key) = match repeats {
                Repeats::Count => ("count", "count.index"),
                _ => ("for_each", "each.key"),
            };
            let detail = format!(
                "Because {shown} has \"{argument}\" set, its {what} must be accessed on specific instances."
            );
            let d = error(codes::INSTANCE_KEY, "Missing resource instance key", detail, ident.span);
            Err(d.help(format!(
                "For the instance that belongs to this one write `{shown}[{key}]`; for all of them, `{shown}[*]` or a for expression."
            )))
        }
        (_, None) => Ok((steps, shown.to_owned())),
    }
}

impl Schemas {
    /// True if some provider has a resource type of that name.
    pub(crate) fn has_type(&self, ty: &str) -> bool {
        self.providers.values().any(|p| p.resources.contains_key(ty))
    }
}

//! Why an object is there: the blocks that it is derived from, what its arguments are made of, what it needs and what needs it.
//!
//! Told from the configuration alone: nothing is evaluated, no state and no service is asked.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use pilotis_config::{
    Call, CompiledBody, Configuration, Content, Module, Repetition, Resource, Symbol, Written, display,
};
use pilotis_diag::{Diagnostics, Span};
use pilotis_lang::{Compiled, Reference};
use pilotis_schema::address::{Instance, Key, Mode, ModulePath, Target};
use pilotis_value::Value;

use crate::graph::{EdgeKind, Graph, NodeId, NodeKind, ProviderKeys, ScopeId, describe, span_of};

/// How deep sources of sources are told.
const DEEPEST: usize = 16;

/// What there is to say of an object, or of a module call.
#[derive(Clone, Debug)]
pub struct Why {
    /// Its address, as programs know it.
    pub address: String,
    /// As a person reads it.
    pub display: String,
    /// The blocks that it is derived from, outermost first; the last one is its own.
    pub blocks: Vec<Block>,
    /// What is written in its own block.
    pub arguments: Vec<Argument>,
    /// The resources and data sources that it needs, directly or through what lies between.
    pub needs: Vec<Linked>,
    /// What needs it in the same way: resources, data sources, checks, outputs of the root module.
    pub needed_by: Vec<Linked>,
    /// Of a module call: the blocks in it.
    pub contents: Vec<Linked>,
}

/// One block on the way to an object.
#[derive(Clone, Debug)]
pub struct Block {
    /// `module "m"`, `project "carto"`, `resource "t" "n"`.
    pub text: String,
    /// Where it is.
    pub span: Span,
    /// `count` or `for_each`, and where its value is written.
    pub repetition: Option<(&'static str, Span)>,
    /// What that is made of.
    pub from: Vec<Source>,
    /// The key of the instance, if one was asked for.
    pub key: Option<Key>,
}

/// One argument of a block.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its name; in nested blocks `spec.hard`, `rule[0].name`.
    pub name: String,
    /// Where its value is written; none for a value that is known without evaluating.
    pub span: Option<Span>,
    /// Its value, if that is a constant.
    pub value: Option<Value>,
    /// What it is made of.
    pub from: Vec<Source>,
}

/// Something that a value is made of.
#[derive(Clone, Debug)]
pub struct Source {
    /// `var.x`, `local.y`, `module.m.name`, `t.n.id`.
    pub text: String,
    /// Where that is declared.
    pub span: Option<Span>,
    /// Of a module's variable: where the call gives it a value.
    pub given: Option<Span>,
    /// More about it.
    pub note: &'static str,
    /// What that is made of in turn.
    pub from: Vec<Source>,
}

/// Another block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Linked {
    /// Its address without keys of instances.
    pub address: String,
    /// As a person reads it.
    pub display: String,
    /// Where it is.
    pub span: Option<Span>,
    /// `depends_on` says so, and not a reference.
    pub explicit: bool,
}

/// Why there is nothing to say.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// The graph can't be made.
    #[error("the blocks of the configuration need each other in a circle")]
    Graph(Diagnostics),
    /// No block of the configuration has that address.
    #[error("the configuration has no {address}")]
    Unknown {
        /// As it was asked for.
        address: String,
        /// All addresses that there are.
        known: Vec<String>,
    },
}

/// What a target of the configuration is derived from.
pub fn why(configuration: &Configuration, target: &Target) -> Result<Why, WhyError> {
    let mut diags = Diagnostics::new();
    let graph = Graph::new(configuration, &ProviderKeys::default(), &[], &mut diags);
    if diags.has_errors() {
        return Err(WhyError::Graph(diags));
    }
    let reader = Reader { configuration, graph: &graph };
    let found = match target {
        Target::Module(path) => reader.call(path),
        Target::Resource(resource) => reader.resource(&Instance { resource: resource.clone(), key: None }),
        Target::Instance(instance) => reader.resource(instance),
    };
    found.ok_or_else(|| WhyError::Unknown {
        address: display::display_target(configuration, target),
        known: reader.known(),
    })
}

struct Reader<'a> {
    configuration: &'a Configuration,
    graph: &'a Graph,
}

/// A module on the way down, and the call in the one above that leads to it.
#[derive(Clone, Copy)]
struct Level<'a> {
    module: &'a Module,
    call: Option<&'a Call>,
}

impl<'a> Reader<'a> {
    fn resource(&self, instance: &Instance) -> Option<Why> {
        let address = &instance.resource;
        let levels = self.levels(&address.module)?;
        let module = levels.last()?.module;
        let scope = self.graph.find_scope(&address.module.0)?;
        let index = self.graph.block_named(self.configuration, self.graph.scope(scope).module, address)?;
        let resource = module.resources.get(index as usize)?;
        let id = self.graph.id(scope, NodeKind::Resource(index));
        let mut blocks = self.blocks(&levels, &address.module);
        let from = self.of_repetition(&levels, &resource.repetition);
        blocks.push(block(header(resource), resource.span, &resource.repetition, from, instance.key.clone()));
        let address = match &instance.key {
            Some(key) => format!("{address}{key}"),
            None => address.to_string(),
        };
        Some(Why {
            address,
            display: display::display(self.configuration, instance),
            blocks,
            arguments: self.arguments(&levels, &resource.body),
            needs: self.needs(id),
            needed_by: self.needed_by([id]),
            contents: Vec::new(),
        })
    }

    fn call(&self, path: &ModulePath) -> Option<Why> {
        let levels = self.levels(path)?;
        let (last, above) = levels.split_last()?;
        let call = last.call?;
        let scope = self.graph.find_scope(&path.0)?;
        let (parent, index) = self.graph.scope(scope).parent?;
        let id = self.graph.id(parent, NodeKind::Expand(index));
        let argument = |(variable, argument): &(u32, Compiled)| {
            let declared = last.module.variables.get(*variable as usize)?;
            let value = argument.constant().cloned();
            let value = value
                .map(|v| if declared.sensitive { v.with_marks(pilotis_value::Marks::SENSITIVE) } else { v });
            let from = self.of_references(above, argument.references(), DEEPEST);
            Some(Argument { name: declared.name.clone(), span: Some(argument.span()), value, from })
        };
        let resources =
            (0..last.module.resources.len() as u32).map(|i| self.graph.id(scope, NodeKind::Resource(i)));
        let inside: Vec<NodeId> = resources.collect();
        let outside =
            |l: &Linked| !inside.iter().any(|n| describe(self.graph, self.configuration, *n) == l.address);
        let needed_by = self.needed_by(inside.iter().copied());
        Some(Why {
            address: path.to_string(),
            display: display::display_module(self.configuration, path),
            blocks: self.blocks(&levels, path),
            arguments: call.arguments.iter().filter_map(argument).collect(),
            needs: self.needs(id),
            needed_by: needed_by.into_iter().filter(outside).collect(),
            contents: inside.iter().map(|n| self.linked(*n, false)).collect(),
        })
    }

    /// The modules from the root down to a module instance.
    fn levels(&self, path: &ModulePath) -> Option<Vec<Level<'a>>> {
        let mut levels = vec![Level { module: self.configuration.modules.first()?, call: None }];
        for step in &path.0 {
            let call = levels.last()?.module.call(step)?;
            let module = self.configuration.modules.get(call.module.0 as usize)?;
            levels.push(Level { module, call: Some(call) });
        }
        Some(levels)
    }

    /// The calls on the way.
    fn blocks(&self, levels: &[Level<'a>], path: &ModulePath) -> Vec<Block> {
        let calls = levels.iter().enumerate().filter_map(|(i, level)| Some((i, level.call?)));
        let one = |(i, call): (usize, &Call)| {
            let key = path.0.get(i - 1).and_then(|step| step.key.clone());
            let (text, key) = match &call.label {
                // The instance's own key stands after the label.
                Some(label) => {
                    let own = key.and_then(|k| match k {
                        Key::String(k) => k.split_once('/').map(|(_, own)| Key::String(own.to_owned())),
                        Key::Int(_) => None,
                    });
                    (
                        format!("{} {}", call.name, quoted(label)),
                        own.filter(|k| *k != Key::String(String::new())),
                    )
                }
                None => (format!("module {}", quoted(&call.name)), key),
            };
            let from = self.of_repetition(&levels[..i], &call.repetition);
            block(text, call.span, &call.repetition, from, key)
        };
        calls.map(one).collect()
    }

    fn of_repetition(&self, levels: &[Level<'a>], repetition: &Repetition) -> Vec<Source> {
        match repetition {
            Repetition::One => Vec::new(),
            Repetition::Count(e) | Repetition::ForEach(e) => {
                self.of_references(levels, e.references(), DEEPEST)
            }
        }
    }

    fn arguments(&self, levels: &[Level<'a>], body: &CompiledBody) -> Vec<Argument> {
        let mut out = Vec::new();
        self.written(levels, "", &body.written(), &mut out);
        // What stands in `dynamic` blocks is told as a whole.
        let told: HashSet<Span> = body.written().iter().flat_map(|w| spans(&w.content)).collect();
        let rest: Vec<Reference> =
            body.references().iter().filter(|r| !told.contains(&r.span)).cloned().collect();
        if !rest.is_empty() {
            let from = self.of_references(levels, &rest, DEEPEST);
            out.push(Argument {
                name: "dynamic".into(),
                span: rest.first().map(|r| r.span),
                value: None,
                from,
            });
        }
        out
    }

    fn written(&self, levels: &[Level<'a>], prefix: &str, written: &[Written<'_>], out: &mut Vec<Argument>) {
        for one in written {
            let name = format!("{prefix}{}", one.name);
            match &one.content {
                Content::Value(value) => {
                    let value = Some((*value).clone());
                    out.push(Argument { name, span: None, value, from: Vec::new() });
                }
                Content::Expression(e) => {
                    let from = self.of_references(levels, e.references(), DEEPEST);
                    out.push(Argument { name, span: Some(e.span()), value: None, from });
                }
                Content::Block(inner) => self.written(levels, &format!("{name}."), inner, out),
                Content::Blocks(blocks) => {
                    for (i, inner) in blocks.iter().enumerate() {
                        self.written(levels, &format!("{name}[{i}]."), inner, out);
                    }
                }
                Content::Labelled(blocks) => {
                    for (label, inner) in blocks {
                        self.written(levels, &format!("{name}[{}].", quoted(label)), inner, out);
                    }
                }
            }
        }
    }

    /// What references mean, each once, and what that is made of in turn.
    fn of_references(&self, levels: &[Level<'a>], references: &[Reference], depth: usize) -> Vec<Source> {
        let Some(level) = levels.last() else { return Vec::new() };
        let mut seen = BTreeSet::new();
        let mut out = Vec::new();
        for reference in references {
            let text = level.module.referred(reference).text();
            if seen.insert(text.clone()) {
                out.extend(self.source(levels, *level, reference, text, depth));
            }
        }
        out
    }

    fn source(
        &self,
        levels: &[Level<'a>],
        level: Level<'a>,
        reference: &Reference,
        text: String,
        depth: usize,
    ) -> Option<Source> {
        let module = level.module;
        let next = |levels: &[Level<'a>], references: &[Reference]| match depth.checked_sub(1) {
            Some(depth) => self.of_references(levels, references, depth),
            None => Vec::new(),
        };
        let mut out = Source { text, span: None, given: None, note: "", from: Vec::new() };
        match module.symbols.get(reference.slot.0 as usize)? {
            Symbol::Variable(i) => {
                let variable = module.variables.get(*i as usize)?;
                out.span = Some(variable.span);
                let argument = level.call.and_then(|c| c.arguments.iter().find(|(v, _)| v == i));
                match (argument, level.call) {
                    (Some((_, argument)), _) => {
                        out.given = Some(argument.span());
                        out.from = next(levels.split_last()?.1, argument.references());
                    }
                    (None, Some(_)) => out.note = "its default",
                    (None, None) if variable.default.is_some() => {
                        out.note = "given to the run, or its default"
                    }
                    (None, None) => out.note = "given to the run",
                }
            }
            Symbol::Local(i) => {
                let local = module.locals.get(*i as usize)?;
                out.span = Some(local.span);
                out.from = next(levels, local.value.references());
            }
            Symbol::Resource(i) => out.span = Some(module.resources.get(*i as usize)?.span),
            Symbol::Call(i) => {
                let call = module.calls.get(*i as usize)?;
                out.span = Some(call.span);
                self.output(levels, call, reference, &mut out, depth);
            }
            Symbol::Calls(all) => {
                out.span = all.first().and_then(|i| module.calls.get(*i as usize)).map(|c| c.span)
            }
            Symbol::EachKey | Symbol::EachValue => out.note = "of for_each",
            Symbol::CountIndex => out.note = "of count",
            _ => {}
        }
        Some(out)
    }

    /// The output of a call that a reference names.
    fn output(
        &self,
        levels: &[Level<'a>],
        call: &'a Call,
        reference: &Reference,
        out: &mut Source,
        depth: usize,
    ) {
        use pilotis_value::Step;
        let Some(module) = self.configuration.modules.get(call.module.0 as usize) else { return };
        let named = |step: &Step| match step {
            Step::Attribute(name) | Step::Key(name) => module.outputs.iter().find(|o| o.name == *name),
            _ => None,
        };
        // The first step may be the key of an instance.
        let Some(output) = reference.path.0.iter().take(2).find_map(named) else { return };
        out.span = Some(output.span);
        let Some(depth) = depth.checked_sub(1) else { return };
        let mut levels = levels.to_vec();
        levels.push(Level { module, call: Some(call) });
        out.from = self.of_references(&levels, output.value.references(), depth);
    }

    fn needs(&self, id: NodeId) -> Vec<Linked> {
        // A reference says more than a `depends_on` that leads to the same.
        let mut found: BTreeMap<NodeId, bool> = BTreeMap::new();
        for (node, explicit) in self.graph.direct_resources(id) {
            found.entry(node).and_modify(|e| *e &= explicit).or_insert(explicit);
        }
        let mut out: Vec<Linked> =
            found.into_iter().map(|(node, explicit)| self.linked(node, explicit)).collect();
        out.sort();
        out
    }

    fn needed_by(&self, start: impl IntoIterator<Item = NodeId>) -> Vec<Linked> {
        let mut todo: Vec<(NodeId, bool)> = start.into_iter().map(|id| (id, false)).collect();
        let mut seen: HashSet<(NodeId, bool)> = todo.iter().copied().collect();
        let mut found: BTreeMap<NodeId, bool> = BTreeMap::new();
        while let Some((at, explicit)) = todo.pop() {
            for (user, kind) in self.graph.needed_by(at) {
                let explicit = explicit || kind == EdgeKind::Explicit;
                if kind == EdgeKind::Provider || !seen.insert((user, explicit)) {
                    continue;
                }
                let node = self.graph.node(user);
                match node.kind {
                    NodeKind::Resource(_) | NodeKind::Check(_) => {
                        found.entry(user).and_modify(|e| *e &= explicit).or_insert(explicit);
                    }
                    NodeKind::Output(_) if node.scope == ScopeId(0) => {
                        found.entry(user).and_modify(|e| *e &= explicit).or_insert(explicit);
                    }
                    _ => todo.push((user, explicit)),
                }
            }
        }
        let mut out: Vec<Linked> =
            found.into_iter().map(|(node, explicit)| self.linked(node, explicit)).collect();
        out.sort();
        out
    }

    fn linked(&self, id: NodeId, explicit: bool) -> Linked {
        let address = describe(self.graph, self.configuration, id);
        let shown = display::parse_target(self.configuration, &address);
        let shown = shown.map(|target| display::display_target(self.configuration, &target));
        Linked {
            display: shown.unwrap_or_else(|_| address.clone()),
            address,
            span: span_of(self.graph, self.configuration, id),
            explicit,
        }
    }

    /// Addresses of all resources and calls.
    fn known(&self) -> Vec<String> {
        let is_asked_for =
            |id: &NodeId| matches!(self.graph.node(*id).kind, NodeKind::Resource(_) | NodeKind::Expand(_));
        let ids = self.graph.ids().filter(is_asked_for);
        ids.map(|id| describe(self.graph, self.configuration, id)).collect()
    }
}

fn block(text: String, span: Span, repetition: &Repetition, from: Vec<Source>, key: Option<Key>) -> Block {
    let repetition = match repetition {
        Repetition::One => None,
        Repetition::Count(e) => Some(("count", e.span())),
        Repetition::ForEach(e) => Some(("for_each", e.span())),
    };
    Block { text, span, repetition, from, key }
}

fn header(resource: &Resource) -> String {
    let kind = match resource.mode {
        Mode::Managed => "resource",
        Mode::Data => "data",
        Mode::Ephemeral => "ephemeral",
    };
    format!("{kind} {} {}", quoted(&resource.type_name), quoted(&resource.name))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Where the references of what is written stand.
fn spans(content: &Content<'_>) -> Vec<Span> {
    let inner = |written: &[Written<'_>]| written.iter().flat_map(|w| spans(&w.content)).collect::<Vec<_>>();
    match content {
        Content::Value(_) => Vec::new(),
        Content::Expression(e) => e.references().iter().map(|r| r.span).collect(),
        Content::Block(written) => inner(written),
        Content::Blocks(blocks) => blocks.iter().flat_map(|b| inner(b)).collect(),
        Content::Labelled(blocks) => blocks.iter().flat_map(|(_, b)| inner(b)).collect(),
    }
}

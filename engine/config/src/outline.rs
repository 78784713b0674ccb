//! What is written in a block, argument by argument, for whoever shows a configuration: the JSON document and `why`.
//!
//! Nothing is evaluated here. `dynamic` blocks are not among what is written: how many blocks they stand for isn't known; their references are
//! in [`CompiledBody::references`].

use pilotis_diag::Span;
use pilotis_lang::{Compiled, Reference, Slot};
use pilotis_schema::Nesting;
use pilotis_schema::address::{Key, ModuleStep};
use pilotis_value::{Step, Value};

use crate::body::{BlockCode, NestedCode, NestedItem, Source};
use crate::{Call, CompiledBody, Module, Resource, Symbol};

/// One argument, or all blocks of one type.
#[derive(Clone, Debug)]
pub struct Written<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is there.
    pub content: Content<'a>,
}

/// What is written for an argument or a type of blocks.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// A value that needs nothing; secrets of the schema are marked.
    Value(&'a Value),
    /// An expression.
    Expression(&'a Compiled),
    /// One nested block, of which there can be no second.
    Block(Vec<Written<'a>>),
    /// Nested blocks, in order.
    Blocks(Vec<Vec<Written<'a>>>),
    /// Labelled nested blocks.
    Labelled(Vec<(&'a str, Vec<Written<'a>>)>),
}

impl CompiledBody {
    /// The arguments and blocks that are written in it, in the schema's order.
    pub fn written(&self) -> Vec<Written<'_>> {
        of_block(&self.inner.code)
    }
}

fn of_block(code: &BlockCode) -> Vec<Written<'_>> {
    let attributes = code.attributes.iter().filter_map(|(i, source)| {
        let content = match source {
            Source::Value(value) => Content::Value(value),
            Source::Expr(compiled, _) => Content::Expression(compiled),
        };
        Some(Written { name: &code.plan.attributes.get(*i)?.name, content })
    });
    let nested = code.nested.iter().filter_map(|(i, nested)| {
        let planned = code.plan.nested.get(*i)?;
        Some(Written { name: &planned.name, content: of_nested(planned.nesting, nested)? })
    });
    attributes.chain(nested).collect()
}

/// None if all of them are dynamic.
fn of_nested(nesting: Nesting, nested: &NestedCode) -> Option<Content<'_>> {
    let blocks = nested.items.iter().filter_map(|item| match item {
        NestedItem::Block { label, code } => Some((label.as_deref().unwrap_or_default(), of_block(code))),
        NestedItem::Dynamic(_) => None,
    });
    let mut blocks: Vec<_> = blocks.collect();
    if blocks.is_empty() {
        return None;
    }
    Some(match nesting {
        Nesting::Single => Content::Block(blocks.swap_remove(0).1),
        Nesting::List | Nesting::Set => Content::Blocks(blocks.into_iter().map(|(_, block)| block).collect()),
        Nesting::Map => Content::Labelled(blocks),
    })
}

/// What a slot means, in the words of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// As a person writes it: `var.x`, `t.n`, `module.m`, `project.carto`.
    pub text: String,
    /// As Terraform's tools know it: `module.project["carto"]`.
    pub plain: String,
}

impl Subject {
    fn of(text: impl Into<String>) -> Subject {
        let text = text.into();
        Subject { plain: text.clone(), text }
    }
}

/// A reference in the words of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referred {
    /// What its first steps mean.
    pub subject: Subject,
    /// The literal steps after it: `[0]`, `.name`.
    pub steps: Vec<String>,
    /// Where.
    pub span: Span,
}

impl Referred {
    /// All of it, as a person writes it: `t.n[0].name`.
    pub fn text(&self) -> String {
        self.subject.text.clone() + &self.steps.concat()
    }
}

impl Module {
    /// What a reference in this module means.
    pub fn referred(&self, reference: &Reference) -> Referred {
        let steps = reference.path.0.iter().map(step).collect();
        Referred { subject: self.subject(reference.slot), steps, span: reference.span }
    }

    /// The call that a step of a module path goes through. The key of a blueprint's block begins with its label.
    pub fn call(&self, step: &ModuleStep) -> Option<&Call> {
        self.calls.iter().filter(|c| c.name == step.name).find(|c| match (&c.label, &step.key) {
            (None, _) => true,
            (Some(label), Some(Key::String(key))) => {
                key == label || key.strip_prefix(label.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
            (Some(_), _) => false,
        })
    }

    /// What a slot of this module means.
    pub fn subject(&self, slot: Slot) -> Subject {
        let call = |i: &u32| self.calls.get(*i as usize);
        match self.symbols.get(slot.0 as usize) {
            None => Subject::default(),
            Some(Symbol::Variable(i)) => {
                Subject::of(format!("var.{}", self.variables.get(*i as usize).map_or("", |v| &v.name)))
            }
            Some(Symbol::Local(i)) => {
                Subject::of(format!("local.{}", self.locals.get(*i as usize).map_or("", |l| &l.name)))
            }
            Some(Symbol::Resource(i)) => {
                self.resources.get(*i as usize).map(|r| Subject::of(r.place())).unwrap_or_default()
            }
            Some(Symbol::Call(i)) => {
                let of = |c: &Call| Subject { text: c.place(), plain: c.plain_place() };
                call(i).map(of).unwrap_or_default()
            }
            Some(Symbol::Calls(all)) => {
                let word = all.first().and_then(call).map_or("", |c| &c.name);
                Subject { text: word.to_owned(), plain: format!("module.{word}") }
            }
            Some(Symbol::CountIndex) => Subject::of("count.index"),
            Some(Symbol::EachKey) => Subject::of("each.key"),
            Some(Symbol::EachValue) => Subject::of("each.value"),
            Some(Symbol::This) => Subject::of("self"),
            Some(Symbol::PathModule) => Subject::of("path.module"),
            Some(Symbol::PathRoot) => Subject::of("path.root"),
            Some(Symbol::PathCwd) => Subject::of("path.cwd"),
            Some(Symbol::Workspace) => Subject::of("terraform.workspace"),
        }
    }
}

impl Resource {
    /// Its name inside its module: `t.n`, `data.t.n`.
    pub fn place(&self) -> String {
        format!("{}{}.{}", self.mode.prefix(), self.type_name, self.name)
    }
}

impl Call {
    /// Its name inside its module, as a person writes it: `module.m`, `project.carto`.
    pub fn place(&self) -> String {
        match &self.label {
            Some(label) => format!("{}.{label}", self.name),
            None => format!("module.{}", self.name),
        }
    }

    /// The same as Terraform's tools know it: `module.project["carto"]`.
    pub fn plain_place(&self) -> String {
        let key = self.label.clone().map(Key::String);
        format!("module.{}{}", self.name, key.map(|k| k.to_string()).unwrap_or_default())
    }
}

fn step(step: &Step) -> String {
    match step {
        Step::Attribute(name) => format!(".{name}"),
        Step::Key(name) => Key::String(name.to_string()).to_string(),
        Step::Index(n) => format!("[{n}]"),
        Step::Element(_) => String::new(),
    }
}

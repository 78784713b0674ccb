//! The evaluator: goes through a compiled tree with a stack of values.
//!
//! Here live the machine itself, literals and templates; operators, access, loops and calls have files of their own.

mod access;
mod calls;
pub(crate) mod limits;
mod loops;
mod operators;

use std::collections::BTreeMap;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_value::convert::convert;
use pilotis_value::{Marks, Refinement, Type, Value};

use crate::codes;
use crate::describe::{Cause, describe};
use crate::eval::{Frame, NoFiles, NoFrame, Surroundings};
use crate::functions::MAX_TEXT;
use crate::node::{Node, Op, PathOp, Root, StepKind, WalkStep};

/// Most values that a diagnostic shows.
const MAX_VALUES: usize = 32;

/// One evaluation.
pub(crate) struct Evaluator<'a> {
    frame: &'a dyn Frame,
    surroundings: &'a Surroundings<'a>,
    stack: Vec<Value>,
    diags: &'a mut Diagnostics,
    /// How many errors this evaluation has met.
    errors: usize,
    /// How many rounds its loops have made.
    rounds: u64,
}

/// The value of a node whose parts are constants; none if it has an error.
pub(crate) fn constant(node: &Node) -> Option<Value> {
    let surroundings = Surroundings { files: &NoFiles, plan_time_ms: 0, apply_time_ms: None };
    let mut diags = Diagnostics::new();
    let value = Evaluator::new(&NoFrame, &surroundings, &[], &mut diags).run(node);
    diags.is_empty().then_some(value)
}

/// An unknown of which nothing is known but that it isn't null.
fn unknown_not_null(ty: Type) -> Value {
    Value::unknown_refined(ty, Refinement { not_null: true, ..Refinement::default() })
}

fn dynamic() -> Value {
    Value::unknown(Type::Dynamic)
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(
        frame: &'a dyn Frame,
        surroundings: &'a Surroundings<'a>,
        locals: &[Value],
        diags: &'a mut Diagnostics,
    ) -> Evaluator<'a> {
        Evaluator { frame, surroundings, stack: locals.to_vec(), diags, errors: 0, rounds: 0 }
    }

    pub(crate) fn run(&mut self, node: &Node) -> Value {
        match &node.op {
            Op::Const(value) => value.clone(),
            Op::Path(path) => self.path(node, path),
            Op::Walk(base, steps) => {
                let value = self.run(base);
                self.walk(&value, steps, node)
            }
            Op::Index(base, key) => self.index(node, base, key),
            Op::Template(parts) => self.template(node, parts),
            Op::TemplateIf(parts) => self.template_if(parts),
            Op::Tuple(items) => {
                let value = Value::tuple(items.iter().map(|n| self.run(n)).collect());
                self.limited(node, value)
            }
            Op::Object(items) => {
                let value = self.object(items);
                self.limited(node, value)
            }
            Op::Conditional(parts) => self.conditional(node, parts),
            Op::Binary(op, sides) => self.binary(node, *op, sides),
            Op::Negate(inner) => self.negate(node, inner),
            Op::Not(inner) => self.not(node, inner),
            Op::Call(call) => self.call(node, call),
            Op::Try(args) => self.try_all(node, args),
            Op::Can(arg) => self.can(arg),
            Op::For(f) => self.for_loop(node, f),
            Op::Splat(splat) => self.splat(node, splat),
            Op::Fail(diagnostic) => self.fail((**diagnostic).clone(), Type::Dynamic),
            Op::Invalid => dynamic(),
        }
    }

    /// Reports an error; the value is an unknown in its place.
    fn fail(&mut self, diagnostic: Diagnostic, ty: Type) -> Value {
        self.errors += 1;
        self.diags.push(diagnostic);
        Value::unknown(ty)
    }

    /// Reports an error with the values of what the nodes refer to.
    fn fail_at(&mut self, mut diagnostic: Diagnostic, nodes: &[&Node], ty: Type) -> Value {
        diagnostic.values = self.values_of(nodes, Cause::Other);
        self.fail(diagnostic, ty)
    }

    /// Evaluates and keeps the errors apart: the value, and the errors if there are some.
    fn attempt(&mut self, node: &Node) -> (Value, Diagnostics) {
        let mut diags = Diagnostics::new();
        let mut inner = Evaluator {
            frame: self.frame,
            surroundings: self.surroundings,
            stack: std::mem::take(&mut self.stack),
            diags: &mut diags,
            errors: 0,
            rounds: self.rounds,
        };
        let height = inner.stack.len();
        let value = inner.run(node);
        self.stack = inner.stack;
        self.rounds = inner.rounds;
        self.stack.truncate(height);
        (value, diags)
    }

    fn path(&mut self, node: &Node, path: &PathOp) -> Value {
        let base = match path.root {
            Root::Slot(slot) => self.frame.get(slot),
            Root::Local(place) => self.stack[place].clone(),
        };
        if path.steps.is_empty() { base } else { self.walk(&base, &path.steps, node) }
    }

    fn object(&mut self, items: &[(Node, Node)]) -> Value {
        let mut entries = BTreeMap::new();
        let mut marks = Marks::empty();
        let mut complete = true;
        for (key_node, value_node) in items {
            let value = self.run(value_node);
            if let Some(key) = plain_key(key_node) {
                entries.insert(key, value);
                continue;
            }
            match self.object_key(key_node, &mut marks) {
                Some(key) => {
                    entries.insert(key, value);
                }
                None => complete = false,
            }
        }
        let object = if complete { Value::object(entries.into()) } else { dynamic() };
        object.with_marks(marks)
    }

    fn object_key(&mut self, node: &Node, marks: &mut Marks) -> Option<EcoString> {
        let (key, key_marks) = self.run(node).unmark_deep();
        *marks |= key_marks;
        if key.is_null() {
            let diagnostic = Diagnostic::error("Null value as key")
                .code(codes::OBJECT_KEY)
                .detail("Can't use a null value as a key.")
                .at(node.span);
            self.fail_at(diagnostic, &[node], Type::Dynamic);
            return None;
        }
        match convert(&key, &Type::String) {
            Ok(text) => text.as_str().map(EcoString::from),
            Err(error) => {
                let diagnostic = Diagnostic::error("Incorrect key type")
                    .code(codes::OBJECT_KEY)
                    .detail(format!("Can't use this value as a key: {}.", error.message))
                    .at(node.span);
                self.fail_at(diagnostic, &[node], Type::Dynamic);
                None
            }
        }
    }

    fn template(&mut self, node: &Node, parts: &[Node]) -> Value {
        let mut text = String::new();
        let mut marks = Marks::empty();
        let mut known = true;
        for part in parts {
            let value = match part.as_const() {
                Some(value) => value.clone(),
                None => self.run(part),
            };
            let Some(value) = self.part_text(part, value, &mut marks) else {
                known = false;
                continue;
            };
            match (&value.as_str(), known) {
                (Some(s), true) if s.len() + text.len() > MAX_TEXT => {
                    return self.text_too_long(node).with_marks(marks);
                }
                (Some(s), true) => text.push_str(s),
                (Some(_), false) => {}
                (None, _) => known = false,
            }
        }
        if known {
            return Value::string(text).with_marks(marks);
        }
        let prefix = (!text.is_empty()).then(|| EcoString::from(text));
        let refinement = Refinement { not_null: true, prefix, ..Refinement::default() };
        Value::unknown_refined(Type::String, refinement).with_marks(marks)
    }

    /// A part of a template as a string value (perhaps unknown), without marks; none after an error.
    fn part_text(&mut self, part: &Node, value: Value, marks: &mut Marks) -> Option<Value> {
        let (value, found) = value.unmark_deep();
        *marks |= found;
        let detail = if value.is_null() {
            "The expression result is null. Cannot include a null value in a string template.".to_owned()
        } else {
            match convert(&value, &Type::String) {
                Ok(text) => return Some(text),
                Err(error) => {
                    format!("Cannot include the given value in a string template: {}.", error.message)
                }
            }
        };
        let diagnostic = Diagnostic::error("Invalid template interpolation value")
            .code(codes::TEMPLATE)
            .detail(detail)
            .at(part.span);
        self.fail_at(diagnostic, &[part], Type::String);
        None
    }

    fn template_if(&mut self, parts: &[Node; 3]) -> Value {
        let [condition, then, otherwise] = parts;
        let Some((chosen, marks)) = self.condition(condition) else { return Value::unknown(Type::String) };
        let value = match chosen {
            Some(true) => self.run(then),
            Some(false) => self.run(otherwise),
            // Which of the two it will be decides which mistakes count.
            None => unknown_not_null(Type::String),
        };
        value.with_marks(marks)
    }

    /// The values of what the nodes refer to, for a diagnostic: by name, each once, sorted. A name that stands alone (of a `for`) is
    /// none of them, as what it holds was written elsewhere.
    pub(crate) fn values_of(&mut self, nodes: &[&Node], cause: Cause) -> Vec<(String, String)> {
        let mut paths = Vec::new();
        for node in nodes {
            collect(node, &mut paths);
        }
        let mut values = BTreeMap::new();
        for path in paths {
            if values.len() == MAX_VALUES {
                break;
            }
            if matches!(path.root, Root::Local(place) if place >= self.stack.len()) {
                continue;
            }
            let Some((steps, value)) = self.reached(path) else { continue };
            if steps == 0 && !path.name.contains('.') {
                continue;
            }
            if let Some(text) = describe(&value, cause) {
                values.insert(prefix_name(&path.name, &path.steps[..steps]), text);
            }
        }
        values.into_iter().collect()
    }

    /// How far a path leads, and to what.
    fn reached(&mut self, path: &PathOp) -> Option<(usize, Value)> {
        let base = match path.root {
            Root::Slot(slot) => self.frame.get(slot),
            Root::Local(place) => self.stack.get(place)?.clone(),
        };
        let (value, steps) = access::reach(&base, &path.steps);
        Some((steps, value))
    }
}

/// A path as it is written: `var.a.b[0]`.
fn prefix_name(name: &str, steps: &[WalkStep]) -> String {
    let mut name = name.to_owned();
    for step in steps {
        match &step.kind {
            StepKind::Attribute(a) => name.push_str(&format!(".{a}")),
            StepKind::Index(v) => name.push_str(&format!("[{v:?}]")),
        }
    }
    name
}

/// The key of an object literal's item that is a plain name.
fn plain_key(node: &Node) -> Option<EcoString> {
    match node.as_const()?.kind() {
        pilotis_value::Kind::String(s) if node.as_const()?.marks().is_empty() => Some(s.clone()),
        _ => None,
    }
}

/// All paths in a node, but for those inside loops, whose places on the stack are gone when a diagnostic is made.
fn collect<'n>(node: &'n Node, out: &mut Vec<&'n PathOp>) {
    if out.len() >= MAX_VALUES * 2 {
        return;
    }
    let mut all = |nodes: &'n [Node]| nodes.iter().for_each(|n| collect(n, out));
    match &node.op {
        Op::Path(path) => out.push(path),
        Op::Walk(a, _) | Op::Negate(a) | Op::Not(a) | Op::Can(a) => collect(a, out),
        Op::Index(a, b) => {
            collect(a, out);
            collect(b, out);
        }
        Op::Template(items) | Op::Tuple(items) | Op::Try(items) => all(items),
        Op::TemplateIf(parts) | Op::Conditional(parts) => all(&**parts),
        Op::Binary(_, sides) => all(&**sides),
        Op::Object(items) => {
            for (key, value) in items {
                collect(key, out);
                collect(value, out);
            }
        }
        Op::Call(call) => all(&call.args),
        Op::For(f) => collect(&f.collection, out),
        Op::Splat(splat) => collect(&splat.source, out),
        Op::Const(_) | Op::Fail(_) | Op::Invalid => {}
    }
}

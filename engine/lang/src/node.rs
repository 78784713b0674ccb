//! The compiled form of an expression: a tree in which every name is a slot or a place on the stack.

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Span};
use pilotis_syntax::ast::BinaryOp;
use pilotis_value::Value;

use crate::Slot;
use crate::functions::FunctionDef;

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) op: Op,
}

/// What a node does.
#[derive(Debug)]
pub(crate) enum Op {
    /// A value that is known when compiling.
    Const(Value),
    /// A slot or a place on the stack, and literal steps into it.
    Path(Box<PathOp>),
    /// Literal steps into another value.
    Walk(Box<Node>, Box<[WalkStep]>),
    /// `a[key]`
    Index(Box<Node>, Box<Node>),
    /// Texts and values, made one string.
    Template(Box<[Node]>),
    /// `%{ if }`: condition, then, otherwise; always a string.
    TemplateIf(Box<[Node; 3]>),
    /// `[a, b]`
    Tuple(Box<[Node]>),
    /// `{ a = b }`
    Object(Box<[(Node, Node)]>),
    /// `a ? b : c`
    Conditional(Box<[Node; 3]>),
    /// `a + b`
    Binary(BinaryOp, Box<[Node; 2]>),
    /// `-a`
    Negate(Box<Node>),
    /// `!a`
    Not(Box<Node>),
    /// A call of a function that takes its arguments' values.
    Call(Box<CallOp>),
    /// `try(…)`
    Try(Box<[Node]>),
    /// `can(…)`
    Can(Box<Node>),
    /// `for`
    For(Box<ForOp>),
    /// `[*]`, `.*`
    Splat(Box<SplatOp>),
    /// Fails when it is evaluated: a mistake inside `try` or `can` that would otherwise be reported when compiling.
    Fail(Box<Diagnostic>),
    /// A mistake that was reported when compiling.
    Invalid,
}

/// Where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Slot(Slot),
    /// A place on the stack, from its bottom.
    Local(usize),
}

/// A root and literal steps.
#[derive(Debug)]
pub(crate) struct PathOp {
    pub(crate) root: Root,
    /// The root as it was written, for messages: `var.name`, `each.value`.
    pub(crate) name: EcoString,
    pub(crate) steps: Vec<WalkStep>,
}

/// One literal step.
#[derive(Debug)]
pub(crate) struct WalkStep {
    pub(crate) kind: StepKind,
    pub(crate) span: Span,
}

/// `.name` or `[key]`.
#[derive(Debug)]
pub(crate) enum StepKind {
    Attribute(EcoString),
    Index(Value),
}

/// A call.
pub(crate) struct CallOp {
    pub(crate) def: &'static FunctionDef,
    pub(crate) args: Vec<Node>,
    pub(crate) expand: bool,
    pub(crate) name_span: Span,
}

impl std::fmt::Debug for CallOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallOp")
            .field("name", &self.def.name)
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

/// What a `for` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForMode {
    /// `[for …]`
    Tuple,
    /// `{for … : k => v}`
    Object,
    /// `{for … : k => v...}`
    Group,
    /// `%{ for … }`
    Text,
}

/// A `for`. The key's place on the stack is `base` and the element's `base + 1`.
#[derive(Debug)]
pub(crate) struct ForOp {
    pub(crate) mode: ForMode,
    pub(crate) base: usize,
    pub(crate) collection: Node,
    pub(crate) key: Option<Node>,
    pub(crate) result: Node,
    pub(crate) condition: Option<Node>,
}

/// A splat. The element's place on the stack is `base`.
#[derive(Debug)]
pub(crate) struct SplatOp {
    pub(crate) base: usize,
    pub(crate) source: Node,
    pub(crate) each: Node,
    pub(crate) marker: Span,
}

impl Node {
    pub(crate) fn constant(value: Value, span: Span) -> Node {
        Node { span, op: Op::Const(value) }
    }
    pub(crate) fn invalid(span: Span) -> Node {
        Node { span, op: Op::Invalid }
    }
    /// The value, if it is known without evaluation.
    pub(crate) fn as_const(&self) -> Option<&Value> {
        match &self.op {
            Op::Const(v) => Some(v),
            _ => None,
        }
    }
}

//! The AST. Every node has its span; strings are decoded and in NFC; numbers are exact.

use ecow::EcoString;
use pilotis_diag::Span;
use pilotis_value::Value;
use smallvec::SmallVec;

/// A name with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    /// The name.
    pub text: EcoString,
    /// Where.
    pub span: Span,
}

/// What is in a file or between a block's braces. Attributes and blocks keep their source order.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// `name = expression`
    pub attributes: Vec<Attribute>,
    /// `type "label" { … }`
    pub blocks: Vec<Block>,
    /// All of it (for a block: between the braces).
    pub span: Span,
}

/// `name = expression`
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The name.
    pub name: Ident,
    /// The expression.
    pub expr: Expr,
    /// From name to expression's end.
    pub span: Span,
}

/// `type "label" { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The type.
    pub kind: Ident,
    /// The labels, quoted or bare.
    pub labels: Labels,
    /// What is in it.
    pub body: Body,
    /// From the type to the end of the last label: what a diagnostic about the block points at.
    pub header: Span,
    /// All of it.
    pub span: Span,
}

/// The labels of a block: none has more than two.
pub type Labels = SmallVec<[Ident; 2]>;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A number, bool or null.
    Literal(Value),
    /// A quoted string or heredoc, plain or with interpolations.
    Template(Template),
    /// `[a, b]`
    Tuple(Vec<Expr>),
    /// `{ a = b }`
    Object(Vec<ObjectItem>),
    /// `a.b[0].c`: a name, and the steps that are literal.
    Traversal(Box<Traversal>),
    /// `(expression).a[0]`
    RelativeTraversal(Box<Expr>, Vec<TraversalStep>),
    /// `a[expression]` with a key that isn't literal.
    Index(Box<[Expr; 2]>),
    /// `a[*].b` (full) or `a.*.b` (attribute only).
    Splat(Box<Splat>),
    /// `f(a, b...)`
    Call(Box<Call>),
    /// `a ? b : c`
    Conditional(Box<[Expr; 3]>),
    /// `a + b`
    Binary(BinaryOp, Box<[Expr; 2]>),
    /// `!a`, `-a`
    Unary(UnaryOp, Box<Expr>),
    /// `[for …]`, `{for …}`
    For(Box<For>),
    /// `(a)`
    Parens(Box<Expr>),
    /// Could not be read; a diagnostic says why. Evaluates to an unknown.
    Invalid,
}

/// A name and literal steps from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Traversal {
    /// The first name.
    pub root: Ident,
    /// The steps.
    pub steps: Steps,
    /// All of it.
    pub span: Span,
}

/// The steps of a traversal. Most have no more than three, so those take no memory of their own.
pub type Steps = SmallVec<[TraversalStep; 3]>;

/// One literal step.
#[derive(Clone, Debug, PartialEq)]
pub enum TraversalStep {
    /// `.name`
    Attribute(Ident),
    /// `[0]`, `["a"]`, and the legacy `.0`
    Index(Value, Span),
}

/// A template: its parts in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The parts; a plain string is one literal (or none, if it is empty).
    pub parts: Parts,
    /// `<<` or `<<-`: the text keeps its line structure; `false` for a quoted string.
    pub heredoc: bool,
}

/// The parts of a template. Most are plain strings, so one part takes no memory of its own.
pub type Parts = SmallVec<[TemplatePart; 1]>;

/// A part of a template. Strip markers and heredoc indents are applied already.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplatePart {
    /// Text.
    Literal(EcoString),
    /// `${ … }`
    Interpolation(Box<Expr>),
    /// `%{ if … }…%{ else }…%{ endif }`
    If(Box<TemplateIf>),
    /// `%{ for … }…%{ endfor }`
    For(Box<TemplateFor>),
}

/// `%{ if … }`
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateIf {
    /// The condition.
    pub condition: Expr,
    /// If so.
    pub then: Parts,
    /// If not.
    pub otherwise: Parts,
    /// All of it.
    pub span: Span,
}

/// `%{ for … }`
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateFor {
    /// Name for keys, if any.
    pub key: Option<Ident>,
    /// Name for elements.
    pub value: Ident,
    /// What is gone through.
    pub collection: Expr,
    /// What is repeated.
    pub body: Parts,
    /// All of it.
    pub span: Span,
}

/// An item of an object literal.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectItem {
    /// The key.
    pub key: ObjectKey,
    /// The value.
    pub value: Expr,
}

/// The key of an object literal's item.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectKey {
    /// A bare name, which is the key itself.
    Name(Ident),
    /// An expression: quoted, in parentheses, a number … A bare reference (`aws.east = …`) is valid only where it is read as
    /// written, as in a module's `providers`; in a value it is ambiguous.
    Expr(Expr),
}

/// A splat.
#[derive(Clone, Debug, PartialEq)]
pub struct Splat {
    /// What is gone through.
    pub source: Expr,
    /// Steps applied to each element. A full splat takes any; an attribute-only splat only attributes (and legacy indexes).
    pub each: Vec<SplatStep>,
    /// `[*]`, not `.*`.
    pub full: bool,
    /// Of the `[*]` or `.*`.
    pub marker: Span,
}

/// A step after a splat.
#[derive(Clone, Debug, PartialEq)]
pub enum SplatStep {
    /// A literal step.
    Literal(TraversalStep),
    /// `[expression]`
    Index(Expr),
    /// Another splat inside.
    Splat {
        /// `[*]`
        full: bool,
        /// Its steps.
        each: Vec<SplatStep>,
        /// Where.
        marker: Span,
    },
}

/// A function call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `["max"]`, `["provider", "pilotis", "base36"]`
    pub name: Vec<EcoString>,
    /// Where the name is.
    pub name_span: Span,
    /// The arguments.
    pub args: Vec<Expr>,
    /// The last argument is followed by `...`.
    pub expand: bool,
}

/// `[for k, v in c : v if p]`, `{for k, v in c : k => v... if p}`
#[derive(Clone, Debug, PartialEq)]
pub struct For {
    /// Name for keys, if any.
    pub key: Option<Ident>,
    /// Name for elements.
    pub value: Ident,
    /// What is gone through.
    pub collection: Expr,
    /// The result's key, for `{for}`.
    pub result_key: Option<Expr>,
    /// The result's element.
    pub result: Expr,
    /// `...` after the result: group by key.
    pub group: bool,
    /// The filter.
    pub condition: Option<Expr>,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Eq,
    NotEq,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    And,
    Or,
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `!`
    Not,
}

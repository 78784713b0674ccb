//! AST to compiled expression: references become slots, names of `for` become places on a stack.

use std::sync::Arc;

use ecow::{EcoString, eco_format};
use pilotis_diag::{Diagnostic, Diagnostics, Span, did_you_mean};
use pilotis_syntax::ast::{
    self, BinaryOp, Expr, ExprKind, ObjectKey, SplatStep, Template, TemplatePart, Traversal, TraversalStep,
    UnaryOp,
};
use pilotis_value::{Path, Step, Value};

use crate::codes;
use crate::functions::{self, FunctionDef};
use crate::node::{CallOp, ForMode, ForOp, Node, Op, PathOp, Root, SplatOp, StepKind, WalkStep};
use crate::signature::{called, called_attempt};

/// How deep an expression may nest. The evaluator recurses as deep as the expression does.
const MAX_DEPTH: usize = 200;

/// A place in a [`crate::Frame`]: what a reference's first part means, decided once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// What a traversal's first steps mean.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The slot.
    pub slot: Slot,
    /// How many steps after the root belong to it: 1 for `var.name`, 2 for `data.type.name`; the rest are steps into its value.
    pub consumed: usize,
}

/// Says what references mean, while compiling.
pub trait Resolver {
    /// The slot of a traversal, or why it means nothing here (with a suggestion).
    fn resolve(&mut self, traversal: &Traversal) -> Result<Resolved, Diagnostic>;

    /// The provider that `provider::LOCAL::function` means: the name in it is what the module calls the provider.
    fn provider<'a>(&'a self, local: &'a str) -> &'a str {
        local
    }
}

/// A reference of a compiled expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// To which slot.
    pub slot: Slot,
    /// The literal steps after it.
    pub path: Path,
    /// Where.
    pub span: Span,
}

/// A compiled expression. Cheap to clone, `Send + Sync`.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(crate) code: Arc<Code>,
}

/// What [`Compiled`] hides.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) root: Node,
    pub(crate) references: Vec<Reference>,
}

/// Compiles an expression; what could not be compiled is an unknown, and the diagnostics say why. `locals` are names that mean the
/// places `0..` of the stack that [`Compiled::eval_with`] is given (iterators of `dynamic` blocks).
pub fn compile(
    expr: &Expr,
    resolver: &mut dyn Resolver,
    locals: &[&str],
    diags: &mut Diagnostics,
) -> Compiled {
    let mut compiler = Compiler::new(resolver, locals, diags);
    let root = compiler.expr(expr);
    compiler.finish(root)
}

/// Compiles a template file.
pub fn compile_template(
    template: &Template,
    span: Span,
    resolver: &mut dyn Resolver,
    diags: &mut Diagnostics,
) -> Compiled {
    let mut compiler = Compiler::new(resolver, &[], diags);
    let root = compiler.quoted(template, span);
    compiler.finish(root)
}

impl Compiled {
    /// An expression that is this value, as if it stood at `span`.
    pub fn of(value: Value, span: Span) -> Compiled {
        Compiled { code: Arc::new(Code { root: Node::constant(value, span), references: Vec::new() }) }
    }
    /// Where it stands.
    pub fn span(&self) -> Span {
        self.code.root.span
    }
    /// All references, in source order.
    pub fn references(&self) -> &[Reference] {
        &self.code.references
    }
    /// The value, if it needs nothing: no reference, no function.
    pub fn constant(&self) -> Option<&Value> {
        self.code.root.as_const()
    }
    /// False if something in it was reported when compiling, so that its value will be unknown for that reason only.
    pub fn is_valid(&self) -> bool {
        !matches!(self.code.root.op, Op::Invalid)
    }
}

struct Compiler<'a> {
    resolver: &'a mut dyn Resolver,
    /// Names on the stack; `None` is a place without a name.
    scope: Vec<Option<EcoString>>,
    references: Vec<Reference>,
    diags: &'a mut Diagnostics,
    depth: usize,
    /// Inside `try` or `can`, whose arguments may fail.
    lenient: usize,
}

impl<'a> Compiler<'a> {
    fn new(resolver: &'a mut dyn Resolver, locals: &[&str], diags: &'a mut Diagnostics) -> Compiler<'a> {
        let scope = locals.iter().map(|n| Some(EcoString::from(*n))).collect();
        Compiler { resolver, scope, references: Vec::new(), diags, depth: 0, lenient: 0 }
    }

    fn finish(self, root: Node) -> Compiled {
        Compiled { code: Arc::new(Code { root, references: self.references }) }
    }

    fn error(&mut self, diagnostic: Diagnostic, span: Span) -> Node {
        self.diags.push(diagnostic);
        Node::invalid(span)
    }

    /// An error that `try` and `can` catch.
    fn soft_error(&mut self, diagnostic: Diagnostic, span: Span) -> Node {
        if self.lenient > 0 {
            return Node { span, op: Op::Fail(Box::new(diagnostic)) };
        }
        self.error(diagnostic, span)
    }

    fn expr(&mut self, expr: &Expr) -> Node {
        let span = expr.span;
        if self.depth >= MAX_DEPTH {
            let diagnostic = Diagnostic::error("Expression nested too deeply")
                .code(codes::DEPTH)
                .detail(format!("Expressions may nest {MAX_DEPTH} levels deep. Give a part of this one a name of its own in a locals block."))
                .at(span);
            return self.error(diagnostic, span);
        }
        self.depth += 1;
        let node = self.kind(expr);
        self.depth -= 1;
        node
    }

    fn kind(&mut self, expr: &Expr) -> Node {
        let span = expr.span;
        let op = match &expr.kind {
            ExprKind::Literal(value) => return Node::constant(value.clone(), span),
            ExprKind::Template(template) => return self.quoted(template, span),
            ExprKind::Parens(inner) => return Node { span, ..self.expr(inner) },
            ExprKind::Traversal(traversal) => return self.traversal(traversal),
            ExprKind::RelativeTraversal(base, steps) => {
                let base = self.expr(base);
                return with_steps(base, steps, span);
            }
            ExprKind::Index(parts) => {
                Op::Index(Box::new(self.expr(&parts[0])), Box::new(self.expr(&parts[1])))
            }
            ExprKind::Splat(splat) => return self.splat(splat, span),
            ExprKind::Call(call) => return self.call(call, span),
            ExprKind::For(f) => return self.for_expr(f, span),
            ExprKind::Invalid => return Node::invalid(span),
            ExprKind::Tuple(items) => Op::Tuple(items.iter().map(|e| self.expr(e)).collect()),
            ExprKind::Object(items) => {
                Op::Object(items.iter().map(|i| (self.object_key(&i.key), self.expr(&i.value))).collect())
            }
            ExprKind::Conditional(parts) => {
                let [condition, yes, no] = &**parts;
                Op::Conditional(Box::new([self.expr(condition), self.expr(yes), self.expr(no)]))
            }
            ExprKind::Binary(op, sides) => return self.binary(*op, sides, span),
            ExprKind::Unary(UnaryOp::Negate, inner) => Op::Negate(Box::new(self.expr(inner))),
            ExprKind::Unary(UnaryOp::Not, inner) => Op::Not(Box::new(self.expr(inner))),
        };
        fold(Node { span, op })
    }

    /// Chains like `a + b + c …` lean to the left: they are walked in a loop, so that a long one isn't a deep one.
    fn binary(&mut self, op: BinaryOp, sides: &[Expr; 2], span: Span) -> Node {
        let mut chain = vec![(op, &sides[1], span)];
        let mut left = &sides[0];
        while let ExprKind::Binary(op, sides) = &left.kind {
            chain.push((*op, &sides[1], left.span));
            left = &sides[0];
        }
        if self.depth + chain.len() > MAX_DEPTH * 4 {
            let diagnostic = Diagnostic::error("Expression nested too deeply")
                .code(codes::DEPTH)
                .detail("This chain of operators is too long. Use a function on a list, such as sum, alltrue or anytrue.")
                .at(span);
            return self.error(diagnostic, span);
        }
        let mut node = self.expr(left);
        for (op, right, span) in chain.into_iter().rev() {
            let right = self.expr(right);
            node = fold(Node { span, op: Op::Binary(op, Box::new([node, right])) });
        }
        node
    }

    fn object_key(&mut self, key: &ObjectKey) -> Node {
        match key {
            ObjectKey::Name(ident) => Node::constant(Value::string(&ident.text), ident.span),
            ObjectKey::Expr(expr) => {
                if let ExprKind::Traversal(t) = &expr.kind {
                    if t.steps.is_empty() {
                        return Node::constant(Value::string(&t.root.text), expr.span);
                    }
                    let diagnostic = Diagnostic::error("Ambiguous attribute key")
                        .code(codes::OBJECT_KEY)
                        .detail(
                            "If this expression is intended to be a reference, wrap it in parentheses. If it's instead intended as a \
                             literal name containing periods, wrap it in quotes to create a string literal.",
                        )
                        .at(expr.span);
                    return self.error(diagnostic, expr.span);
                }
                self.expr(expr)
            }
        }
    }

    fn traversal(&mut self, traversal: &Traversal) -> Node {
        let span = traversal.span;
        let name = &traversal.root.text;
        if let Some(place) = self.scope.iter().rposition(|n| n.as_ref() == Some(name)) {
            let steps = traversal.steps.iter().map(walk_step).collect();
            return Node {
                span,
                op: Op::Path(Box::new(PathOp { root: Root::Local(place), name: name.clone(), steps })),
            };
        }
        match self.resolver.resolve(traversal) {
            Err(diagnostic) => self.error(diagnostic, span),
            Ok(Resolved { slot, consumed }) => {
                let (own, rest) = traversal.steps.split_at(consumed.min(traversal.steps.len()));
                self.references.push(Reference { slot, path: reference_path(rest), span });
                let mut name = name.clone();
                for step in own {
                    match step {
                        TraversalStep::Attribute(i) => name = eco_format!("{name}.{}", i.text),
                        TraversalStep::Index(v, _) => name = eco_format!("{name}[{v:?}]"),
                    }
                }
                let steps = rest.iter().map(walk_step).collect();
                Node { span, op: Op::Path(Box::new(PathOp { root: Root::Slot(slot), name, steps })) }
            }
        }
    }

    fn splat(&mut self, splat: &ast::Splat, span: Span) -> Node {
        let source = self.expr(&splat.source);
        self.splat_of(source, &splat.each, splat.marker, span)
    }

    fn splat_of(&mut self, source: Node, each: &[SplatStep], marker: Span, span: Span) -> Node {
        let base = self.scope.len();
        self.scope.push(None);
        let name = EcoString::from("each element");
        let mut node = Node {
            span,
            op: Op::Path(Box::new(PathOp { root: Root::Local(base), name, steps: Vec::new() })),
        };
        for step in each {
            node = match step {
                SplatStep::Literal(step) => with_steps(node, std::slice::from_ref(step), span),
                SplatStep::Index(key) => {
                    let key = self.expr(key);
                    Node { span, op: Op::Index(Box::new(node), Box::new(key)) }
                }
                SplatStep::Splat { each, marker, .. } => self.splat_of(node, each, *marker, span),
            };
        }
        self.scope.pop();
        Node { span, op: Op::Splat(Box::new(SplatOp { base, source, each: node, marker })) }
    }

    fn for_expr(&mut self, f: &ast::For, span: Span) -> Node {
        let collection = self.expr(&f.collection);
        let base = self.scope.len();
        self.scope.push(f.key.as_ref().map(|k| k.text.clone()));
        self.scope.push(Some(f.value.text.clone()));
        let key = f.result_key.as_ref().map(|k| self.expr(k));
        let result = self.expr(&f.result);
        let condition = f.condition.as_ref().map(|c| self.expr(c));
        self.scope.truncate(base);
        let mode = match (&key, f.group) {
            (None, _) => ForMode::Tuple,
            (Some(_), false) => ForMode::Object,
            (Some(_), true) => ForMode::Group,
        };
        Node { span, op: Op::For(Box::new(ForOp { mode, base, collection, key, result, condition })) }
    }

    fn call(&mut self, call: &ast::Call, span: Span) -> Node {
        let name = call.name.join("::");
        let plain = name.strip_prefix("core::").unwrap_or(&name);
        if matches!(plain, "try" | "can") && !call.expand {
            return self.try_or_can(plain == "try", call, span);
        }
        let args: Vec<Node> = call.args.iter().map(|a| self.expr(a)).collect();
        let own = self.own_name(plain);
        let Some(def) = functions::find(own.as_deref().unwrap_or(plain)) else {
            let known = own.as_deref().unwrap_or(&name);
            return self.soft_error(unknown_function(known, call.name_span), span);
        };
        if let Some(diagnostic) = wrong_arity(def, args.len(), call.expand, call.name_span, span) {
            return self.soft_error(diagnostic, span);
        }
        if let Some(diagnostic) = not_a_reference(def, &call.args) {
            return self.soft_error(diagnostic, span);
        }
        Node {
            span,
            op: Op::Call(Box::new(CallOp { def, args, expand: call.expand, name_span: call.name_span })),
        }
    }

    /// A provider's function by the provider's own name, if the module calls that otherwise.
    fn own_name(&self, name: &str) -> Option<String> {
        let (local, function) = name.strip_prefix("provider::")?.split_once("::")?;
        let own = self.resolver.provider(local);
        (own != local).then(|| format!("provider::{own}::{function}"))
    }

    fn try_or_can(&mut self, is_try: bool, call: &ast::Call, span: Span) -> Node {
        self.lenient += 1;
        let mut args: Vec<Node> = call.args.iter().map(|a| self.expr(a)).collect();
        self.lenient -= 1;
        if is_try && !args.is_empty() {
            return Node { span, op: Op::Try(args.into()) };
        }
        if !is_try && args.len() == 1 {
            return Node { span, op: Op::Can(Box::new(args.remove(0))) };
        }
        let wanted = if is_try { "at least 1 argument" } else { "1 argument" };
        let diagnostic = if args.is_empty() {
            Diagnostic::error("Not enough function arguments")
        } else {
            Diagnostic::error("Too many function arguments")
        };
        let diagnostic = diagnostic
            .code(codes::ARITY)
            .detail(format!("Function \"{}\" expects {wanted}.", call.name.join("::")))
            .call(called_attempt(is_try))
            .at(span);
        self.soft_error(diagnostic, span)
    }

    /// A template of a single interpolation is that value itself.
    fn quoted(&mut self, template: &Template, span: Span) -> Node {
        if let [TemplatePart::Interpolation(inner)] = template.parts.as_slice() {
            let inner = self.expr(inner);
            return Node { span, op: inner.op };
        }
        self.template(&template.parts, span)
    }

    /// Parts, made one string.
    fn template(&mut self, parts: &[TemplatePart], span: Span) -> Node {
        match parts {
            [] => return Node::constant(Value::string(""), span),
            [TemplatePart::Literal(text)] => return Node::constant(Value::string(text), span),
            _ => {}
        }
        let nodes = parts.iter().map(|p| self.part(p, span)).collect();
        fold(Node { span, op: Op::Template(nodes) })
    }

    fn part(&mut self, part: &TemplatePart, span: Span) -> Node {
        match part {
            TemplatePart::Literal(text) => Node::constant(Value::string(text), span),
            TemplatePart::Interpolation(expr) => self.expr(expr),
            TemplatePart::If(i) => self.nested(i.span, |this| {
                let condition = this.expr(&i.condition);
                let then = this.template(&i.then, i.span);
                let otherwise = this.template(&i.otherwise, i.span);
                Op::TemplateIf(Box::new([condition, then, otherwise]))
            }),
            TemplatePart::For(f) => self.nested(f.span, |this| {
                let collection = this.expr(&f.collection);
                let base = this.scope.len();
                this.scope.push(f.key.as_ref().map(|k| k.text.clone()));
                this.scope.push(Some(f.value.text.clone()));
                let result = this.template(&f.body, f.span);
                this.scope.truncate(base);
                let mode = ForMode::Text;
                Op::For(Box::new(ForOp { mode, base, collection, key: None, result, condition: None }))
            }),
        }
    }

    fn nested(&mut self, span: Span, make: impl FnOnce(&mut Self) -> Op) -> Node {
        if self.depth >= MAX_DEPTH {
            let diagnostic = Diagnostic::error("Template nested too deeply").code(codes::DEPTH).at(span);
            return self.error(diagnostic, span);
        }
        self.depth += 1;
        let op = make(self);
        self.depth -= 1;
        Node { span, op }
    }
}

fn unknown_function(name: &str, span: Span) -> Diagnostic {
    if let Some((namespace, _)) = name.split_once("::")
        && functions::find(name).is_none()
    {
        let detail = if namespace == "provider" {
            no_provider_function(name)
        } else {
            format!(
                "The function namespace \"{namespace}\" is not valid. Provider function calls must use the \"provider::\" namespace prefix."
            )
        };
        let diagnostic = Diagnostic::error("Unknown provider function")
            .code(codes::UNKNOWN_FUNCTION)
            .detail(detail)
            .at(span);
        return suggest(diagnostic, name);
    }
    let diagnostic = Diagnostic::error("Call to unknown function")
        .code(codes::UNKNOWN_FUNCTION)
        .detail(format!("There is no function named \"{name}\"."))
        .at(span);
    suggest(diagnostic, name)
}

/// Why `provider::NAME::FUNCTION` means nothing.
fn no_provider_function(name: &str) -> String {
    let parts: Vec<&str> = name.split("::").collect();
    let [_, provider, function] = parts.as_slice() else {
        return format!(
            "There is no function named \"{name}\". A function of a provider is called as provider::NAME::FUNCTION(…)."
        );
    };
    let mut have: Vec<&str> = functions::all()
        .filter_map(|f| f.name.strip_prefix("provider::")?.split_once("::").map(|(provider, _)| provider))
        .collect();
    have.dedup();
    if have.contains(provider) {
        return format!("The function \"{function}\" is not available from the provider \"{provider}\".");
    }
    let have = have.join(" and ");
    format!("There is no function named \"{name}\": only the providers {have} have functions.")
}

fn suggest(diagnostic: Diagnostic, name: &str) -> Diagnostic {
    let names = functions::all().map(|f| f.name);
    match did_you_mean(name, names) {
        Some(best) => diagnostic.help(format!("Did you mean \"{best}\"?")),
        None => diagnostic,
    }
}

fn wrong_arity(def: &FunctionDef, given: usize, expand: bool, name: Span, call: Span) -> Option<Diagnostic> {
    let fixed = def.params.len();
    let known = if expand { given.saturating_sub(1) } else { given };
    if !expand && given < fixed {
        let at_least = if def.variadic.is_some() { "at least " } else { "" };
        let detail = format!(
            "Function \"{}\" expects {at_least}{fixed} argument(s). Missing value for \"{}\".",
            def.name, def.params[given].name
        );
        let diagnostic = Diagnostic::error("Not enough function arguments").code(codes::ARITY);
        return Some(diagnostic.detail(detail).call(called(def)).at(call));
    }
    if def.variadic.is_none() && known > fixed {
        let detail = format!("Function \"{}\" expects only {fixed} argument(s).", def.name);
        let diagnostic = Diagnostic::error("Too many function arguments").code(codes::ARITY);
        return Some(diagnostic.detail(detail).call(called(def)).at(name));
    }
    None
}

/// An argument that is no reference, for a parameter that wants one.
fn not_a_reference(def: &FunctionDef, args: &[Expr]) -> Option<Diagnostic> {
    let (param, arg) = def.params.iter().zip(args).find(|(param, arg)| {
        param.reference
            && !matches!(
                arg.kind,
                ExprKind::Traversal(_) | ExprKind::RelativeTraversal(..) | ExprKind::Index(..)
            )
    })?;
    let why = match &arg.kind {
        ExprKind::Template(t) if t.parts.iter().all(|p| matches!(p, TemplatePart::Literal(_))) => {
            "only a template that comes from elsewhere is rendered, not one that is written here; write it as a string, with its ${ } sequences"
        }
        ExprKind::Template(_) => {
            "only a template that comes from elsewhere is rendered; write the reference itself, without quotes and ${ }"
        }
        _ => "it must be a direct reference to a single string from elsewhere, such as local.NAME",
    };
    let detail =
        format!("Invalid value for \"{}\" parameter: invalid template expression: {why}.", param.name);
    let diagnostic = Diagnostic::error("Invalid function argument").code(codes::ARGUMENT);
    Some(diagnostic.detail(detail).call(called(def)).at(arg.span))
}

fn walk_step(step: &TraversalStep) -> WalkStep {
    match step {
        TraversalStep::Attribute(ident) => {
            WalkStep { kind: StepKind::Attribute(ident.text.clone()), span: ident.span }
        }
        TraversalStep::Index(value, span) => WalkStep { kind: StepKind::Index(value.clone()), span: *span },
    }
}

/// The steps that are certain; an index that is none of a list or map ends them.
fn reference_path(steps: &[TraversalStep]) -> Path {
    let mut path = Vec::with_capacity(steps.len());
    for step in steps {
        path.push(match step {
            TraversalStep::Attribute(ident) => Step::Attribute(ident.text.clone()),
            TraversalStep::Index(value, _) => match (value.as_str(), value.as_i64()) {
                (Some(key), _) => Step::Key(key.into()),
                (_, Some(n)) if n >= 0 => Step::Index(n.unsigned_abs()),
                _ => break,
            },
        });
    }
    Path(path)
}

fn with_steps(base: Node, steps: &[TraversalStep], span: Span) -> Node {
    let steps = steps.iter().map(walk_step);
    let op = match base.op {
        Op::Path(mut path) => {
            path.steps.extend(steps);
            Op::Path(path)
        }
        Op::Invalid => Op::Invalid,
        op => Op::Walk(Box::new(Node { span: base.span, op }), steps.collect()),
    };
    fold(Node { span, op })
}

/// Evaluates a node whose parts are constants; one that fails stays as it is, and says so when it is evaluated.
fn fold(node: Node) -> Node {
    let is_const = |n: &Node| n.as_const().is_some();
    let all_const = match &node.op {
        Op::Tuple(items) | Op::Template(items) => items.iter().all(is_const),
        Op::Object(items) => items.iter().all(|(k, v)| is_const(k) && is_const(v)),
        Op::Conditional(parts) => parts.iter().all(is_const),
        Op::Binary(_, sides) => sides.iter().all(is_const),
        Op::Negate(inner) | Op::Not(inner) | Op::Walk(inner, _) => is_const(inner),
        Op::Index(base, key) => is_const(base) && is_const(key),
        _ => false,
    };
    if !all_const {
        return node;
    }
    match crate::run::constant(&node) {
        Some(value) => Node::constant(value, node.span),
        None => node,
    }
}

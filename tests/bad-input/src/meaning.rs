//! What a text means, apart from how it is laid out: the AST without its places.

use pilotis_diag::{SourceMap, Span};
use pilotis_syntax::ast::*;
use pilotis_syntax::parse_file;

/// The AST of a valid file without its places, and without what `fmt` may change: quotes and `${ }` around one interpolation,
/// parentheses, old names of types.
pub fn of(text: &str) -> Body {
    let mut sources = SourceMap::default();
    let file = sources.add("", text);
    let (mut body, diagnostics) = parse_file(&sources, file);
    assert!(!diagnostics.has_errors(), "{text}: {diagnostics:?}");
    Bare::default().body(&mut body, false, true);
    body
}

/// An expression without its places and parentheses.
pub fn bare(mut e: Expr) -> Expr {
    Bare::default().expr(&mut e);
    e
}

/// True if a part of it could not be read.
pub fn has_invalid(body: &Body) -> bool {
    let mut bare = Bare::default();
    bare.body(&mut body.clone(), false, false);
    bare.invalid
}

const NOWHERE: Span = Span { file: pilotis_diag::FileId(0), start: 0, end: 0 };

#[derive(Default)]
struct Bare {
    invalid: bool,
}

impl Bare {
    fn body(&mut self, body: &mut Body, in_variable: bool, types: bool) {
        body.span = NOWHERE;
        for attribute in &mut body.attributes {
            attribute.span = NOWHERE;
            attribute.name.span = NOWHERE;
            self.expr(&mut attribute.expr);
            if in_variable && attribute.name.text == "type" {
                old_type(&mut attribute.expr);
            }
        }
        for block in &mut body.blocks {
            (block.header, block.span, block.kind.span) = (NOWHERE, NOWHERE, NOWHERE);
            block.labels.iter_mut().for_each(ident);
            self.body(&mut block.body, types && block.kind.text == "variable", false);
        }
    }

    fn expr(&mut self, e: &mut Expr) {
        // Parentheses and `"${a}"` go; what is in them stays.
        loop {
            let inner = match &mut e.kind {
                ExprKind::Parens(inner) => (**inner).clone(),
                ExprKind::Template(Template { parts, heredoc: false }) => match parts.as_slice() {
                    [TemplatePart::Interpolation(inner)] => (**inner).clone(),
                    _ => break,
                },
                _ => break,
            };
            *e = inner;
        }
        e.span = NOWHERE;
        match &mut e.kind {
            ExprKind::Literal(_) => {}
            ExprKind::Invalid => self.invalid = true,
            ExprKind::Template(t) => self.parts(&mut t.parts),
            ExprKind::Tuple(items) => items.iter_mut().for_each(|x| self.expr(x)),
            ExprKind::Object(items) => items.iter_mut().for_each(|x| self.item(x)),
            ExprKind::Traversal(t) => {
                t.span = NOWHERE;
                ident(&mut t.root);
                t.steps.iter_mut().for_each(|x| self.step(x));
            }
            ExprKind::RelativeTraversal(base, steps) => {
                self.expr(base);
                steps.iter_mut().for_each(|x| self.step(x));
            }
            ExprKind::Index(parts) => parts.iter_mut().for_each(|part| self.expr(part)),
            ExprKind::Splat(splat) => {
                splat.marker = NOWHERE;
                self.expr(&mut splat.source);
                splat.each.iter_mut().for_each(|x| self.splat_step(x));
            }
            ExprKind::Call(call) => {
                call.name_span = NOWHERE;
                call.args.iter_mut().for_each(|x| self.expr(x));
            }
            ExprKind::Conditional(c) => c.iter_mut().for_each(|x| self.expr(x)),
            ExprKind::Binary(_, sides) => sides.iter_mut().for_each(|x| self.expr(x)),
            ExprKind::Unary(_, operand) => self.expr(operand),
            ExprKind::For(f) => self.for_expr(f),
            ExprKind::Parens(inner) => self.expr(inner),
        }
    }

    fn item(&mut self, item: &mut ObjectItem) {
        match &mut item.key {
            ObjectKey::Name(name) => ident(name),
            // Parentheses around a key are not for looks: `(a)` is the value of `a`, `a` a name.
            ObjectKey::Expr(Expr { kind: ExprKind::Parens(inner), span }) => {
                *span = NOWHERE;
                self.expr(inner);
            }
            ObjectKey::Expr(key) => self.expr(key),
        }
        self.expr(&mut item.value);
    }

    fn for_expr(&mut self, f: &mut For) {
        f.key.iter_mut().for_each(ident);
        ident(&mut f.value);
        self.expr(&mut f.collection);
        f.result_key.iter_mut().for_each(|x| self.expr(x));
        self.expr(&mut f.result);
        f.condition.iter_mut().for_each(|x| self.expr(x));
    }

    fn step(&mut self, step: &mut TraversalStep) {
        match step {
            TraversalStep::Attribute(name) => ident(name),
            TraversalStep::Index(_, span) => *span = NOWHERE,
        }
    }

    fn splat_step(&mut self, s: &mut SplatStep) {
        match s {
            SplatStep::Literal(literal) => self.step(literal),
            SplatStep::Index(key) => self.expr(key),
            SplatStep::Splat { each, marker, .. } => {
                *marker = NOWHERE;
                each.iter_mut().for_each(|x| self.splat_step(x));
            }
        }
    }

    fn parts(&mut self, list: &mut [TemplatePart]) {
        for part in list {
            match part {
                TemplatePart::Literal(_) => {}
                TemplatePart::Interpolation(e) => self.expr(e),
                TemplatePart::If(i) => {
                    i.span = NOWHERE;
                    self.expr(&mut i.condition);
                    self.parts(&mut i.then);
                    self.parts(&mut i.otherwise);
                }
                TemplatePart::For(f) => {
                    f.span = NOWHERE;
                    f.key.iter_mut().for_each(ident);
                    ident(&mut f.value);
                    self.expr(&mut f.collection);
                    self.parts(&mut f.body);
                }
            }
        }
    }
}

/// `"string"`, `list` … as the expression of the type that they name.
fn old_type(e: &mut Expr) {
    let name = match &e.kind {
        ExprKind::Template(Template { parts, heredoc: false }) => match parts.as_slice() {
            [TemplatePart::Literal(text)] => format!("\"{text}\""),
            _ => return,
        },
        ExprKind::Traversal(t) if t.steps.is_empty() => t.root.text.to_string(),
        _ => return,
    };
    let new = match name.as_str() {
        "\"string\"" => "string",
        "\"list\"" => "list(string)",
        "\"map\"" => "map(string)",
        "list" => "list(any)",
        "map" => "map(any)",
        "set" => "set(any)",
        _ => return,
    };
    let mut sources = SourceMap::default();
    let file = sources.add("", new);
    *e = bare(pilotis_syntax::parse_expression(&sources, file).0);
}

fn ident(name: &mut Ident) {
    name.span = NOWHERE;
}

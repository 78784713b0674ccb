//! Values as expressions: <https://github.com/hashicorp/hcl/blob/main/json/spec.md#expressions>.

use std::collections::HashMap;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, SourceMap, Span};
use pilotis_value::{Type, Value};

use super::place::Places;
use super::{Node, NodeKind, Property};
use crate::ast::{Expr, ExprKind, Ident, ObjectItem, ObjectKey, Steps, Template, TemplatePart, Traversal};
use crate::lexer::is_name;
use crate::parse::{codes, embedded_expression, embedded_template, nfc};

/// How the strings of a value are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// As templates: most arguments.
    Template,
    /// As they stand: what is read before anything is evaluated.
    Literal,
    /// As expressions in native syntax: where a reference, a keyword or a type is meant and not its value.
    Native,
}

/// What a value means where an expression is expected.
pub fn expression(node: &Node, meaning: Meaning, sources: &SourceMap, diags: &mut Diagnostics) -> Expr {
    Build { meaning, sources, diags }.expr(node, 0)
}

struct Build<'a> {
    meaning: Meaning,
    sources: &'a SourceMap,
    diags: &'a mut Diagnostics,
}

impl Build<'_> {
    fn expr(&mut self, node: &Node, depth: u32) -> Expr {
        let span = node.span;
        let kind = match &node.kind {
            NodeKind::Null => ExprKind::Literal(Value::null(Type::Dynamic)),
            NodeKind::Bool(value) => ExprKind::Literal(Value::bool(*value)),
            NodeKind::Number(number) => ExprKind::Literal(Value::number(number.clone())),
            NodeKind::Invalid => ExprKind::Invalid,
            NodeKind::String(text) => return self.string(text, span, depth),
            NodeKind::Array(items) => {
                ExprKind::Tuple(items.iter().map(|item| self.expr(item, depth + 1)).collect())
            }
            NodeKind::Object(properties) => ExprKind::Object(self.object(properties, depth)),
        };
        Expr { kind, span }
    }

    fn object(&mut self, properties: &[Property], depth: u32) -> Vec<ObjectItem> {
        let mut first: HashMap<EcoString, Span> = HashMap::new();
        let mut items = Vec::with_capacity(properties.len());
        for Property { name, name_span, value } in properties {
            let key = self.key(name, *name_span, depth);
            if let ObjectKey::Name(ident) = &key
                && let Some(before) = first.insert(ident.text.clone(), ident.span)
            {
                let d = Diagnostic::error("Duplicate object attribute")
                    .code(codes::DUPLICATE)
                    .at(*name_span)
                    .also(before, "first set here")
                    .detail(format!("An attribute named \"{name}\" was already set in this object."));
                self.diags.push(d);
            }
            items.push(ObjectItem { key, value: self.expr(value, depth + 1) });
        }
        items
    }

    fn key(&mut self, name: &EcoString, span: Span, depth: u32) -> ObjectKey {
        let key = self.string(name, span, depth);
        match (&key.kind, self.meaning) {
            (ExprKind::Traversal(t), Meaning::Native) if t.steps.is_empty() => {
                ObjectKey::Name(t.root.clone())
            }
            (ExprKind::Template(Template { parts, .. }), _) => match parts.as_slice() {
                [] => ObjectKey::Name(Ident { text: EcoString::new(), span }),
                [TemplatePart::Literal(text)] => ObjectKey::Name(Ident { text: text.clone(), span }),
                _ => ObjectKey::Expr(key),
            },
            _ => ObjectKey::Expr(key),
        }
    }

    fn string(&mut self, text: &EcoString, span: Span, depth: u32) -> Expr {
        let literal = |text: &str| {
            let parts = (!text.is_empty()).then(|| TemplatePart::Literal(nfc(text))).into_iter().collect();
            Expr { kind: ExprKind::Template(Template { parts, heredoc: false }), span }
        };
        let is_plain = !text.contains("${") && !text.contains("%{");
        match self.meaning {
            Meaning::Literal => literal(text),
            Meaning::Template if is_plain => literal(text),
            Meaning::Template => {
                let (mut template, found) = embedded_template(text, span.file, depth);
                let places = self.places(span);
                places.template(&mut template);
                let failed = found.has_errors();
                self.report(found, &places);
                let kind = if failed { ExprKind::Invalid } else { ExprKind::Template(template) };
                Expr { kind, span }
            }
            Meaning::Native
                if is_name(text) && !matches!(text.as_str(), "true" | "false" | "null" | "for") =>
            {
                let inside = Span {
                    start: span.start + 1,
                    end: span.end.saturating_sub(1).max(span.start + 1),
                    ..span
                };
                let root = Ident { text: nfc(text), span: inside };
                let traversal = Traversal { root, steps: Steps::new(), span: inside };
                Expr { kind: ExprKind::Traversal(Box::new(traversal)), span }
            }
            Meaning::Native => {
                let (mut expr, found) = embedded_expression(text, span.file, depth);
                let places = self.places(span);
                places.expr(&mut expr);
                self.report(found, &places);
                expr
            }
        }
    }

    /// Places in a string, by what stands between its quotes.
    fn places(&self, span: Span) -> Places {
        let raw = &self.sources.text(span)[1..];
        Places::new(raw.strip_suffix('"').unwrap_or(raw), span.start + 1)
    }

    fn report(&mut self, found: Diagnostics, places: &Places) {
        for mut diagnostic in found {
            places.diagnostic(&mut diagnostic);
            self.diags.push(diagnostic);
        }
    }
}

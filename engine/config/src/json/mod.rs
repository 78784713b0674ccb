//! Configuration in JSON syntax: properties sorted into arguments and blocks, which JSON alone doesn't tell apart.
//!
//! What comes out are bodies as native syntax has them, so nothing else knows in which syntax a block was written. What is wrong
//! with a body (an argument that may not stand there, a missing one) is said where that is said of native ones.
//! The mapping: <https://github.com/hashicorp/hcl/blob/main/json/spec.md>.

mod grammar;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, SourceMap, Span};
use pilotis_syntax::ast::{Attribute, Block, Body, Ident, Labels};
use pilotis_syntax::json::{Meaning, Node, NodeKind, Property, expression};

use crate::codes;
use grammar::{Inside, Part};

pub(crate) use grammar::{Vocabulary, Words};

/// The property that holds a comment.
const COMMENT: &str = "//";

/// True for the name of a file in JSON syntax.
pub(crate) fn is_json(name: &str) -> bool {
    name.ends_with(".json")
}

/// The body of a file of configuration.
pub(crate) fn file(
    root: &Node,
    vocabulary: &Vocabulary<'_>,
    sources: &SourceMap,
    diags: &mut Diagnostics,
) -> Body {
    Reader { vocabulary: Some(vocabulary), sources, diags }.file(root, &Inside::Root)
}

/// The body of a test file, or of a file of mock data.
pub(crate) fn test_file(
    root: &Node,
    vocabulary: &Vocabulary<'_>,
    sources: &SourceMap,
    diags: &mut Diagnostics,
) -> Body {
    Reader { vocabulary: Some(vocabulary), sources, diags }.file(root, &Inside::Test)
}

/// The body of a variables file: arguments of any name, their values as they stand.
pub(crate) fn values(root: &Node, sources: &SourceMap, diags: &mut Diagnostics) -> Body {
    let mut reader = Reader { vocabulary: None, sources, diags };
    if matches!(root.kind, NodeKind::Array(_)) {
        reader.wrong_type("A JSON object is required here: names of variables and their values.", root.span);
        return Body { attributes: Vec::new(), blocks: Vec::new(), span: root.span };
    }
    reader.file(root, &Inside::Free(Meaning::Literal))
}

struct Reader<'a> {
    vocabulary: Option<&'a Vocabulary<'a>>,
    sources: &'a SourceMap,
    diags: &'a mut Diagnostics,
}

/// A block whose labels are being read.
struct Opening<'a> {
    kind: Ident,
    /// What the labels still missing are called.
    missing: &'a [&'static str],
    labels: Vec<Ident>,
}

impl Reader<'_> {
    fn file(&mut self, root: &Node, inside: &Inside) -> Body {
        let mut body = Body { attributes: Vec::new(), blocks: Vec::new(), span: root.span };
        match &root.kind {
            NodeKind::Object(properties) => self.properties(properties, inside, &mut body),
            NodeKind::Array(items) => {
                for item in items {
                    match &item.kind {
                        NodeKind::Object(properties) => self.properties(properties, inside, &mut body),
                        NodeKind::Invalid => {}
                        _ => self.wrong_type(
                            "A JSON object is required here, to define arguments and blocks.",
                            item.span,
                        ),
                    }
                }
            }
            NodeKind::Invalid => {}
            _ => self.diags.push(
                Diagnostic::error("Root value must be object")
                    .code(codes::WRONG_TYPE)
                    .detail("The root value of a file in JSON syntax is a JSON object, or an array of them.")
                    .at(root.span),
            ),
        }
        body
    }

    fn properties(&mut self, properties: &[Property], inside: &Inside, body: &mut Body) {
        for property in properties {
            if property.name == COMMENT {
                continue;
            }
            let name = Ident { text: property.name.clone(), span: property.name_span };
            match inside.part(&property.name, &property.value, self.vocabulary) {
                Part::Argument(meaning) => {
                    let expr = expression(&property.value, meaning, self.sources, self.diags);
                    let span = name.span.to(expr.span);
                    body.attributes.push(Attribute { name, expr, span });
                }
                Part::Block(labels, inner) => {
                    let opening = Opening { kind: name, missing: labels, labels: Vec::new() };
                    self.blocks(&property.value, opening, &inner, &mut body.blocks);
                }
                // To be reported for what it is, with what may have been meant.
                Part::Unknown => {
                    let span = property.value.span;
                    let nothing = Body { attributes: Vec::new(), blocks: Vec::new(), span };
                    let header = name.span;
                    body.blocks.push(Block {
                        span: header,
                        kind: name,
                        labels: Labels::new(),
                        body: nothing,
                        header,
                    });
                }
            }
        }
    }

    /// All blocks that a value stands for: an object for each label still missing, then one object or an array of them.
    fn blocks(&mut self, value: &Node, opening: Opening<'_>, inside: &Inside, out: &mut Vec<Block>) {
        let Some((next, missing)) = opening.missing.split_first() else {
            return self.bodies(value, opening, inside, out);
        };
        let mut is_empty = true;
        for properties in self.labelled(value, next) {
            for property in properties {
                is_empty = false;
                let label = Ident { text: property.name.clone(), span: property.name_span };
                let labels = opening.labels.iter().cloned().chain([label]).collect();
                let opening = Opening { kind: opening.kind.clone(), missing, labels };
                self.blocks(&property.value, opening, inside, out);
            }
        }
        if is_empty && value.kind != NodeKind::Invalid {
            let kind = &opening.kind.text;
            self.diags.push(
                Diagnostic::error("Missing block label")
                    .code(codes::LABELS)
                    .detail(format!(
                        "At least one object property is required, whose name is the {kind} block's {next}."
                    ))
                    .at(value.span),
            );
        }
    }

    /// The objects whose properties are named by labels.
    fn labelled<'n>(&mut self, value: &'n Node, label: &str) -> Vec<&'n [Property]> {
        let items = match &value.kind {
            NodeKind::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let mut found = Vec::new();
        for item in items {
            match &item.kind {
                NodeKind::Object(properties) => found.push(properties.as_slice()),
                NodeKind::Null | NodeKind::Invalid => {}
                _ => {
                    let detail = format!(
                        "A JSON object or an array of them is required here: its property names are the {label}s."
                    );
                    self.wrong_type(&detail, item.span);
                }
            }
        }
        found
    }

    fn bodies(&mut self, value: &Node, opening: Opening<'_>, inside: &Inside, out: &mut Vec<Block>) {
        let Opening { kind, labels, .. } = opening;
        let inside = inside.of_block(&labels, self.vocabulary);
        match &value.kind {
            NodeKind::Null | NodeKind::Invalid => {}
            NodeKind::Object(properties) => {
                let header = labels.last().map_or(kind.span, |label| label.span);
                out.push(self.block(kind, labels, header, value.span, properties, &inside));
            }
            NodeKind::Array(items) => {
                for item in items {
                    match &item.kind {
                        NodeKind::Object(properties) => {
                            // Each is its own place: the brace that opens it.
                            let header = Span { end: item.span.start + 1, ..item.span };
                            let block = self.block(
                                kind.clone(),
                                labels.clone(),
                                header,
                                item.span,
                                properties,
                                &inside,
                            );
                            out.push(block);
                        }
                        NodeKind::Null | NodeKind::Invalid => {}
                        _ => self.not_a_body(&kind.text, item),
                    }
                }
            }
            _ => self.not_a_body(labels.last().map_or(&kind.text, |l| &l.text), value),
        }
    }

    fn block(
        &mut self,
        kind: Ident,
        labels: Vec<Ident>,
        header: Span,
        span: Span,
        properties: &[Property],
        inside: &Inside,
    ) -> Block {
        let mut body = Body { attributes: Vec::new(), blocks: Vec::new(), span };
        self.properties(properties, inside, &mut body);
        Block { span: header.to(span), kind, labels: labels.into(), body, header }
    }

    fn not_a_body(&mut self, name: &EcoString, value: &Node) {
        if name == COMMENT {
            self.diags.push(
                Diagnostic::error("Incorrect JSON value type")
                    .code(codes::WRONG_TYPE)
                    .detail("The names of properties are labels here, so this is no comment.")
                    .at(value.span)
                    .help("Move it into a block, or to the top of the file."),
            );
            return;
        }
        self.wrong_type(
            "A JSON object or an array of them is required here, as the content of a block.",
            value.span,
        );
    }

    fn wrong_type(&mut self, detail: &str, span: Span) {
        self.diags.push(
            Diagnostic::error("Incorrect JSON value type").code(codes::WRONG_TYPE).detail(detail).at(span),
        );
    }
}

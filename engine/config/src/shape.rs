//! What may stand in the language's own blocks: labels, arguments, nested blocks, and names that are names.

use std::collections::HashMap;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, Span, did_you_mean};
use pilotis_syntax::ast::{Attribute, Block, Body, Expr, ExprKind, Ident, TemplatePart};
use pilotis_value::convert::convert;
use pilotis_value::{Type, Value};

use crate::codes;

/// Arguments and nested blocks of a block of the language.
pub(crate) struct Shape {
    pub(crate) required: &'static [&'static str],
    pub(crate) optional: &'static [&'static str],
    pub(crate) blocks: &'static [&'static str],
}

impl Shape {
    /// Reports everything in a body that isn't of this shape.
    pub(crate) fn check(&self, body: &Body, header: Span, diags: &mut Diagnostics) {
        duplicates(body, diags);
        let arguments = || self.required.iter().chain(self.optional).copied();
        for attribute in &body.attributes {
            let name = attribute.name.text.as_str();
            if !arguments().any(|a| a == name) {
                diags.push(unknown_argument(&attribute.name, arguments(), self.blocks.iter().copied()));
            }
        }
        for block in &body.blocks {
            let name = block.kind.text.as_str();
            if !self.blocks.contains(&name) {
                diags.push(unknown_block(&block.kind, self.blocks.iter().copied(), arguments()));
            }
        }
        for name in self.required {
            if attribute(body, name).is_none() {
                diags.push(missing_argument(name, header));
            }
        }
    }
}

/// Arguments that are set twice.
pub(crate) fn duplicates(body: &Body, diags: &mut Diagnostics) {
    let mut seen = HashMap::with_capacity(body.attributes.len());
    for attribute in &body.attributes {
        let first = *seen.entry(&attribute.name.text).or_insert(attribute);
        if !std::ptr::eq(first, attribute) {
            let detail = format!("The argument \"{}\" was already set.", attribute.name.text);
            diags.push(
                Diagnostic::error("Attribute redefined")
                    .code(codes::DUPLICATE)
                    .detail(detail)
                    .at(attribute.name.span)
                    .also(first.name.span, "first set here"),
            );
        }
    }
}

pub(crate) fn missing_argument(name: &str, header: Span) -> Diagnostic {
    Diagnostic::error("Missing required argument")
        .code(codes::MISSING_ARGUMENT)
        .detail(format!("The argument \"{name}\" is required, but no definition was found."))
        .at(header)
}

/// An argument that may not stand here, with what may have been meant.
pub(crate) fn unknown_argument<'a>(
    name: &Ident,
    arguments: impl Iterator<Item = &'a str>,
    blocks: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let d = Diagnostic::error("Unsupported argument")
        .code(codes::UNKNOWN_ARGUMENT)
        .detail(format!("An argument named \"{}\" is not expected here.", name.text))
        .at(name.span);
    let blocks: Vec<&str> = blocks.collect();
    if blocks.contains(&name.text.as_str()) {
        return d.help(format!("\"{0}\" is a block: write `{0} {{ … }}` without an equals sign.", name.text));
    }
    match did_you_mean(&name.text, arguments) {
        Some(best) => d.help(format!("Did you mean \"{best}\"?")),
        None => match did_you_mean(&name.text, blocks) {
            Some(best) => d.help(format!("Did you mean a block: `{best} {{ … }}`?")),
            None => d,
        },
    }
}

/// A block that may not stand here, with what may have been meant.
pub(crate) fn unknown_block<'a>(
    name: &Ident,
    blocks: impl Iterator<Item = &'a str>,
    arguments: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let d = Diagnostic::error("Unsupported block type")
        .code(codes::UNKNOWN_BLOCK)
        .detail(format!("Blocks of type \"{}\" are not expected here.", name.text))
        .at(name.span);
    let arguments: Vec<&str> = arguments.collect();
    if arguments.contains(&name.text.as_str()) {
        return d.help(format!("\"{0}\" is an argument: write `{0} = …` with an equals sign.", name.text));
    }
    match did_you_mean(&name.text, blocks) {
        Some(best) => d.help(format!("Did you mean \"{best}\"?")),
        None => match did_you_mean(&name.text, arguments) {
            Some(best) => d.help(format!("Did you mean the argument \"{best}\"?")),
            None => d,
        },
    }
}

/// The labels of a block, if there are as many as there must be.
pub(crate) fn labels<'b, const N: usize>(
    block: &'b Block,
    names: [&str; N],
    diags: &mut Diagnostics,
) -> Option<[&'b Ident; N]> {
    let kind = &block.kind.text;
    let wanted = match N {
        0 => "no labels".to_owned(),
        1 => format!("1 label ({})", names[0]),
        n => format!("{n} labels ({})", names.join(", ")),
    };
    if block.labels.len() < N {
        let missing = names[block.labels.len()];
        diags.push(
            Diagnostic::error(format!("Missing {missing} for {kind}"))
                .code(codes::LABELS)
                .detail(format!("All {kind} blocks must have {wanted}."))
                .at(block.header),
        );
        return None;
    }
    if let Some(extra) = block.labels.get(N) {
        let detail = if N == 0 {
            format!("No labels are expected for {kind} blocks.")
        } else {
            let verb = if N == 1 { "is" } else { "are" };
            format!("Only {wanted} {verb} expected for {kind} blocks.")
        };
        diags.push(
            Diagnostic::error(format!("Extraneous label for {kind}"))
                .code(codes::LABELS)
                .detail(detail)
                .at(extra.span),
        );
        return None;
    }
    Some(std::array::from_fn(|i| &block.labels[i]))
}

/// True for a letter or underscore, followed by letters, digits, underscores and dashes.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// Reports a name that is none.
pub(crate) fn check_name(name: &Ident, what: &str, diags: &mut Diagnostics) -> bool {
    if is_identifier(&name.text) {
        return true;
    }
    diags.push(
        Diagnostic::error(format!("Invalid {what} name"))
            .code(codes::INVALID_NAME)
            .detail(
                "A name must start with a letter or underscore and may contain only letters, digits, underscores, and dashes.",
            )
            .at(name.span),
    );
    false
}

/// Something with that name was declared before.
pub(crate) fn duplicate(
    summary: impl Into<String>,
    detail: impl Into<String>,
    second: Span,
    first: Span,
) -> Diagnostic {
    Diagnostic::error(summary)
        .code(codes::DUPLICATE)
        .detail(detail)
        .at(second)
        .also(first, "first declared here")
}

/// An argument of a body.
pub(crate) fn attribute<'b>(body: &'b Body, name: &str) -> Option<&'b Attribute> {
    body.attributes.iter().find(|a| a.name.text == name)
}

/// All blocks of a type in a body.
pub(crate) fn blocks<'b>(body: &'b Body, kind: &'static str) -> impl Iterator<Item = &'b Block> {
    body.blocks.iter().filter(move |b| b.kind.text == kind)
}

/// A text that is written as it stands.
pub(crate) fn literal_text(expr: &Expr) -> Option<EcoString> {
    match &expr.kind {
        ExprKind::Template(t) => match t.parts.as_slice() {
            [] => Some(EcoString::new()),
            [TemplatePart::Literal(text)] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// A constant of a type that an argument of the language must be; none after an error.
pub(crate) fn constant(attribute: &Attribute, ty: &Type, diags: &mut Diagnostics) -> Option<Value> {
    let mut found = Diagnostics::new();
    let value = pilotis_lang::constant(&attribute.expr, &mut found);
    let failed = found.has_errors();
    diags.extend(found);
    if failed {
        return None;
    }
    match convert(&value, ty) {
        Ok(value) => Some(value),
        Err(e) => {
            // What the language itself asks for, not a schema.
            let detail = format!("Unsuitable value for \"{}\": {}.", attribute.name.text, e.message);
            diags.push(
                Diagnostic::error("Unsuitable value type")
                    .code(codes::WRONG_TYPE)
                    .detail(detail)
                    .at(attribute.expr.span),
            );
            None
        }
    }
}

/// A literal bool argument; false if it isn't there.
pub(crate) fn flag(body: &Body, name: &str, diags: &mut Diagnostics) -> bool {
    attribute(body, name)
        .and_then(|a| constant(a, &Type::Bool, diags))
        .and_then(|v| v.as_bool())
        .unwrap_or(false)
}

/// A literal text argument; empty if it isn't there.
pub(crate) fn text(body: &Body, name: &str, diags: &mut Diagnostics) -> String {
    attribute(body, name)
        .and_then(|a| constant(a, &Type::String, diags))
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

pub(crate) fn wrong_type(name: &str, why: &str, span: Span) -> Diagnostic {
    Diagnostic::error("Incorrect attribute value type")
        .code(codes::WRONG_TYPE)
        .detail(format!("Inappropriate value for attribute \"{name}\": {why}."))
        .at(span)
}

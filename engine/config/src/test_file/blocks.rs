//! `run` blocks and what stands in them.

use std::collections::BTreeMap;

use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_lang::{Resolved, Resolver, Slot, compile};
use pilotis_syntax::ast::{Attribute, Block, Body, Expr, ExprKind, ObjectKey, Traversal};

use super::{Argument, Command, ModuleSource, Options, Run, mocks};
use crate::compile::providers::reference_of;
use crate::compile::traversal_of;
use crate::shape::{self, Shape, literal_text};
use crate::{ProviderRef, codes};

const RUN: Shape = Shape {
    required: &[],
    optional: &["command", "providers", "expect_failures", "state_key", "parallel"],
    blocks: &[
        "variables",
        "module",
        "assert",
        "plan_options",
        "override_resource",
        "override_data",
        "override_module",
    ],
};

/// A `run` block; none if it has no name.
pub(super) fn run(block: &Block, diags: &mut Diagnostics) -> Option<Run> {
    let [name] = shape::labels(block, ["name"], diags)?;
    shape::check_name(name, "run block", diags);
    let body = &block.body;
    RUN.check(body, block.header, diags);
    for kind in ["variables", "module", "plan_options"] {
        let mut all = shape::blocks(body, kind);
        let first = all.next();
        for other in all {
            let detail = format!("This run block already has a {kind} block.");
            let first = first.map_or(other.header, |b| b.header);
            diags.push(shape::duplicate(format!("Multiple \"{kind}\" blocks"), detail, other.header, first));
        }
    }
    shape::flag(body, "parallel", diags);
    let state_key = shape::text(body, "state_key", diags);
    Some(Run {
        name: name.text.to_string(),
        command: command(body, diags),
        options: options(body, diags),
        variables: shape::blocks(body, "variables").next().map_or_else(Vec::new, |b| arguments(b, diags)),
        providers: shape::attribute(body, "providers").map(|a| providers(a, diags)),
        module: shape::blocks(body, "module").next().and_then(|b| module(b, diags)),
        state_key: Some(state_key).filter(|k| !k.is_empty()),
        asserts: asserts(body, diags),
        expected: list(body, "expect_failures", diags),
        overrides: mocks::overrides(body, diags),
        span: block.header,
    })
}

/// One of the words that an argument takes, without quotes.
pub(super) fn keyword<T: Copy>(
    attribute: &Attribute,
    words: &[(&str, T)],
    diags: &mut Diagnostics,
) -> Option<T> {
    let bare = traversal_of(&attribute.expr).filter(|t| t.steps.is_empty()).map(|t| t.root.text.clone());
    let found = words.iter().find(|(word, _)| bare.as_deref() == Some(*word));
    if found.is_none() {
        let name = &attribute.name.text;
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        diags.push(
            Diagnostic::error(format!("Invalid \"{name}\" keyword"))
                .code(codes::TEST_FILE)
                .detail(format!(
                    "The \"{name}\" argument requires one of the following keywords without quotes: {}.",
                    known.join(" or ")
                ))
                .at(attribute.expr.span),
        );
    }
    found.map(|(_, value)| *value)
}

fn command(body: &Body, diags: &mut Diagnostics) -> Command {
    let words = [("apply", Command::Apply), ("plan", Command::Plan)];
    let given = shape::attribute(body, "command").and_then(|a| keyword(a, &words, diags));
    given.unwrap_or_default()
}

fn options(body: &Body, diags: &mut Diagnostics) -> Options {
    const OPTIONS: Shape =
        Shape { required: &[], optional: &["mode", "refresh", "replace", "target"], blocks: &[] };
    let mut options = Options { refresh_only: false, refresh: true, replace: Vec::new(), target: Vec::new() };
    let Some(block) = shape::blocks(body, "plan_options").next() else { return options };
    shape::labels(block, [], diags);
    OPTIONS.check(&block.body, block.header, diags);
    if let Some(mode) = shape::attribute(&block.body, "mode") {
        let words = [("normal", false), ("refresh-only", true)];
        options.refresh_only = keyword(mode, &words, diags).unwrap_or(false);
    }
    if let Some(refresh) = shape::attribute(&block.body, "refresh") {
        options.refresh = shape::flag(&block.body, "refresh", diags);
        if options.refresh_only && !options.refresh {
            diags.push(
                Diagnostic::error("Incompatible plan options")
                    .code(codes::TEST_FILE)
                    .detail("The \"refresh\" option cannot be set to false when running a test in \"refresh-only\" mode.")
                    .at(refresh.expr.span),
            );
        }
    }
    options.replace = list(&block.body, "replace", diags);
    options.target = list(&block.body, "target", diags);
    options
}

/// `variables { … }`: arguments of any name.
pub(super) fn arguments(block: &Block, diags: &mut Diagnostics) -> Vec<Argument> {
    shape::labels(block, [], diags);
    shape::duplicates(&block.body, diags);
    for inner in &block.body.blocks {
        diags.push(shape::unknown_block(&inner.kind, [].into_iter(), [inner.kind.text.as_str()].into_iter()));
    }
    let argument = |a: &Attribute| Argument { name: a.name.text.to_string(), value: a.expr.clone() };
    block.body.attributes.iter().map(argument).collect()
}

fn module(block: &Block, diags: &mut Diagnostics) -> Option<ModuleSource> {
    const MODULE: Shape = Shape { required: &["source"], optional: &["version"], blocks: &[] };
    shape::labels(block, [], diags);
    MODULE.check(&block.body, block.header, diags);
    let source = shape::attribute(&block.body, "source")?;
    let Some(text) = literal_text(&source.expr) else {
        diags.push(shape::wrong_type("source", "a literal text is required", source.expr.span));
        return None;
    };
    Some(ModuleSource { text: text.to_string(), span: source.expr.span, header: block.header })
}

fn asserts(body: &Body, diags: &mut Diagnostics) -> Vec<(Expr, Expr)> {
    const ASSERT: Shape = Shape { required: &["condition", "error_message"], optional: &[], blocks: &[] };
    let mut found = Vec::new();
    for block in shape::blocks(body, "assert") {
        shape::labels(block, [], diags);
        ASSERT.check(&block.body, block.header, diags);
        let part = |name| shape::attribute(&block.body, name).map(|a| a.expr.clone());
        if let Some(condition) = part("condition").filter(|c| !refers(c)) {
            diags.push(
                Diagnostic::error("Invalid assert expression")
                    .code(codes::META)
                    .detail("The condition expression must refer to at least one object from elsewhere in the configuration, or else its result would not be checking anything.")
                    .at(condition.span),
            );
        }
        found.extend(part("condition").zip(part("error_message")));
    }
    found
}

/// True if an expression refers to anything, or has mistakes that are told elsewhere.
fn refers(expr: &Expr) -> bool {
    struct Anything;
    impl Resolver for Anything {
        fn resolve(&mut self, t: &Traversal) -> Result<Resolved, Diagnostic> {
            Ok(Resolved { slot: Slot(0), consumed: t.steps.len() })
        }
    }
    let mut found = Diagnostics::new();
    let compiled = compile(expr, &mut Anything, &[], &mut found);
    found.has_errors() || !compiled.references().is_empty()
}

/// A list of references that is read as it is written.
fn list(body: &Body, name: &str, diags: &mut Diagnostics) -> Vec<Expr> {
    let Some(attribute) = shape::attribute(body, name) else { return Vec::new() };
    match &attribute.expr.kind {
        ExprKind::Tuple(items) => items.clone(),
        _ => {
            diags.push(
                Diagnostic::error("Invalid expression")
                    .code(codes::TEST_FILE)
                    .detail("A static list expression is required.")
                    .at(attribute.expr.span)
                    .help(format!("Write references in brackets: `{name} = [var.size]`.")),
            );
            Vec::new()
        }
    }
}

/// `providers = { gitlab = gitlab.mock }`
fn providers(attribute: &Attribute, diags: &mut Diagnostics) -> Vec<(ProviderRef, ProviderRef, Span)> {
    let wrong = |span: Span| {
        Diagnostic::error("Invalid provider configuration reference")
            .code(codes::TEST_FILE)
            .detail(
                "A provider is written as its name, or as its name and its alias: `gitlab`, `gitlab.mock`.",
            )
            .at(span)
    };
    let ExprKind::Object(items) = &attribute.expr.kind else {
        diags.push(wrong(attribute.expr.span));
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut seen = BTreeMap::new();
    for item in items {
        let theirs = match &item.key {
            ObjectKey::Name(ident) => Some((ProviderRef::new(ident.text.as_str(), None), ident.span)),
            ObjectKey::Expr(expr) => reference_of(expr, &[]).map(|chosen| (chosen.reference, expr.span)),
        };
        let (Some((theirs, span)), Some(ours)) = (theirs, reference_of(&item.value, &[])) else {
            diags.push(wrong(item.value.span));
            continue;
        };
        if let Some(first) = seen.insert(theirs.clone(), span) {
            let detail = format!("The module is given {theirs} twice.");
            diags.push(shape::duplicate("Duplicate provider", detail, span, first));
            continue;
        }
        found.push((theirs, ours.reference, item.value.span));
    }
    found
}

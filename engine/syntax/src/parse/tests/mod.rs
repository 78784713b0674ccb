//! Tests of the parser: snippets and what they are read as, in the compact notation of [`show`].

mod bodies;
mod differential;
mod errors;
mod expressions;
mod robustness;
pub(super) mod show;
mod templates;

use pilotis_diag::{Diagnostics, RenderOptions, SourceMap, render};

use super::{parse_expression, parse_file, parse_template};
use crate::ast::{Body, Expr};

fn file(text: &str) -> (SourceMap, Body, Diagnostics) {
    let mut sources = SourceMap::default();
    let id = sources.add("main.hcl", text);
    let (body, diagnostics) = parse_file(&sources, id);
    (sources, body, diagnostics)
}

/// The expression, which has no mistakes.
fn good(text: &str) -> Expr {
    let mut sources = SourceMap::default();
    let id = sources.add("main.hcl", text);
    let (expr, diagnostics) = parse_expression(&sources, id);
    assert!(diagnostics.is_empty(), "{text}: {}", rendered(&sources, &diagnostics));
    expr
}

fn shown(text: &str) -> String {
    show::expr(&good(text))
}

fn rendered(sources: &SourceMap, diagnostics: &Diagnostics) -> String {
    let options = RenderOptions { color: false, width: 100 };
    diagnostics.iter().map(|d| render(d, sources, options)).collect::<Vec<_>>().join("\n")
}

/// Each error in a line: `line:column summary`.
fn mistakes(text: &str) -> String {
    let (sources, _, diagnostics) = file(text);
    let line = |d: &pilotis_diag::Diagnostic| {
        let label = d.primary.as_ref().expect("a syntax error has a place");
        let (line, column) = sources.file(label.span.file).line_column(label.span.start);
        format!("{line}:{column} {}", d.summary)
    };
    diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn template(text: &str) -> String {
    let mut sources = SourceMap::default();
    let id = sources.add("page.tftpl", text);
    let (template, diagnostics) = parse_template(&sources, id);
    assert!(diagnostics.is_empty(), "{text}: {}", rendered(&sources, &diagnostics));
    show::template(&template)
}

//! Reading and laying out: nothing panics, what is reported has a place, a layout keeps the meaning.

use pilotis_diag::{Diagnostics, RenderOptions, SourceMap, render, to_json};
use pilotis_lang::compile_template;
use pilotis_syntax::json::{Meaning, expression, parse_json};
use pilotis_syntax::{is_open, parse_expression, parse_file, parse_template};

use crate::comments;
use crate::evaluate::checked;
use crate::meaning;
use crate::world::World;

/// What is reported has a place in a text, and both renderings take it.
pub(crate) fn placed(diagnostics: &Diagnostics, sources: &SourceMap) {
    // Each is rendered with the lines around it: many of them would be slow, and like the first.
    for diagnostic in diagnostics.iter().take(20) {
        if let Some(label) = &diagnostic.primary {
            let text = &sources.file(label.span.file).text;
            assert!(text.get(label.span.start as usize..label.span.end as usize).is_some(), "{diagnostic:?}");
        }
        render(diagnostic, sources, RenderOptions { color: true, width: 100 });
        to_json(diagnostic, sources);
    }
}

/// An error of syntax has a place.
fn placed_syntax(diagnostics: &Diagnostics, sources: &SourceMap) {
    assert!(diagnostics.iter().all(|d| d.primary.is_some()), "a syntax error has a place: {diagnostics:?}");
    placed(diagnostics, sources);
}

/// Any bytes are read as a file and as an expression.
pub fn parse(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    is_open(&text);
    let mut sources = SourceMap::default();
    let file = sources.add("fuzz.tf", text);
    let (body, diagnostics) = parse_file(&sources, file);
    placed_syntax(&diagnostics, &sources);
    assert!(diagnostics.has_errors() || !meaning::has_invalid(&body), "what was left out is reported");
    let (_, diagnostics) = parse_expression(&sources, file);
    placed_syntax(&diagnostics, &sources);
}

/// What is laid out means the same, has the same comments, and laying it out again changes nothing.
pub fn format(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(once) = pilotis_syntax::format(text) else { return };
    assert_eq!(pilotis_syntax::format(&once).as_deref(), Ok(once.as_str()), "laying out {text:?} again");
    assert_eq!(meaning::of(&once), meaning::of(text), "meaning of {text:?}, laid out {once:?}");
    assert_eq!(comments(&once), comments(text), "comments of {text:?}, laid out {once:?}");
}

/// Any bytes are read as JSON, and each meaning of the values in it.
pub fn json(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let mut sources = SourceMap::default();
    let file = sources.add("fuzz.tf.json", text);
    let (node, mut diagnostics) = parse_json(&sources, file);
    for meaning in [Meaning::Template, Meaning::Literal, Meaning::Native] {
        expression(&node, meaning, &sources, &mut diagnostics);
    }
    placed_syntax(&diagnostics, &sources);
}

/// Any bytes are read as a template file, and rendered.
pub fn template(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let mut sources = SourceMap::default();
    let file = sources.add("fuzz.tftpl", text.as_str());
    let (template, mut diagnostics) = parse_template(&sources, file);
    placed_syntax(&diagnostics, &sources);
    if diagnostics.has_errors() || crate::evaluate::is_costly(&text) {
        return;
    }
    let span = pilotis_diag::Span { file, start: 0, end: text.len() as u32 };
    let compiled = compile_template(&template, span, &mut World::default(), &mut diagnostics);
    checked(&compiled, &sources, diagnostics);
}

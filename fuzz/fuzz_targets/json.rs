//! No bytes make the JSON reader panic, and what it reports has a place in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pilotis_diag::{RenderOptions, SourceMap, render, to_json};
use pilotis_syntax::json::{Meaning, expression, parse_json};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data).into_owned();
    let mut sources = SourceMap::default();
    let file = sources.add("fuzz.tf.json", text.as_str());
    let (node, mut diagnostics) = parse_json(&sources, file);
    for meaning in [Meaning::Template, Meaning::Literal, Meaning::Native] {
        expression(&node, meaning, &sources, &mut diagnostics);
    }
    for diagnostic in &diagnostics {
        let span = diagnostic.primary.as_ref().expect("a syntax error has a place").span;
        assert!(text.get(span.start as usize..span.end as usize).is_some());
        render(diagnostic, &sources, RenderOptions { color: true, width: 100 });
        to_json(diagnostic, &sources);
    }
});

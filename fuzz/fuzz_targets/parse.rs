//! No bytes make the parser panic, and what it reports has a place in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pilotis_diag::{RenderOptions, SourceMap, render, to_json};
use pilotis_syntax::{parse_expression, parse_file, parse_template};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data).into_owned();
    let mut sources = SourceMap::default();
    let file = sources.add("fuzz.hcl", text.as_str());
    let (_, diagnostics) = parse_file(&sources, file);
    for diagnostic in &diagnostics {
        let span = diagnostic.primary.as_ref().expect("a syntax error has a place").span;
        assert!(text.get(span.start as usize..span.end as usize).is_some());
        render(diagnostic, &sources, RenderOptions { color: true, width: 100 });
        to_json(diagnostic, &sources);
    }
    parse_expression(&sources, file);
    parse_template(&sources, file);
});

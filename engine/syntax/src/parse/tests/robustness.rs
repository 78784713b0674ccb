//! No text makes the parser panic, hang or overflow the stack.

use proptest::prelude::*;

use super::{file, template};
use pilotis_diag::SourceMap;

/// Pieces that texts are put together from: more of the grammar is reached than with random characters.
const PIECES: &[&str] = &[
    "a",
    "resource",
    "for",
    "in",
    "if",
    "else",
    "endif",
    "endfor",
    "true",
    "null",
    "\"",
    "\"x\"",
    "\\",
    "\\n",
    "\\u00",
    "${",
    "${~",
    "%{",
    "%{~",
    "~}",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    "=",
    "==",
    "=>",
    ":",
    "::",
    "?",
    ".",
    "...",
    ",",
    "*",
    "[*]",
    ".*",
    "+",
    "-",
    "!",
    "/",
    "&&",
    "||",
    "&",
    "|",
    "<",
    "<<",
    "<<EOT\n",
    "<<-EOT\n",
    "EOT",
    "EOT\n",
    "\nEOT\n",
    "#",
    "//",
    "/*",
    "*/",
    "\n",
    "\r\n",
    "\r",
    " ",
    "  ",
    "\t",
    "0",
    "1.5",
    "1e9",
    "0.1",
    "'",
    "`",
    ";",
    "é",
    "e\u{301}",
    "\u{feff}",
    "\u{a0}",
    "😀",
    "a = 1\n",
    "b \"c\" {\n",
    "}\n",
    "$",
    "%",
    "$${",
    "%%{",
    "%{ if a }",
    "%{ endif }",
    "%{ for x in y }",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in text()) {
        let (sources, body, diagnostics) = file(&text);
        for diagnostic in &diagnostics {
            let span = diagnostic.primary.as_ref().expect("a syntax error has a place").span;
            prop_assert!(text.get(span.start as usize..span.end as usize).is_some(), "{diagnostic:?}");
        }
        prop_assert!(sources.text(body.span) == text);
        let invalid = format!("{body:?}").contains("Invalid");
        prop_assert!(!invalid || diagnostics.has_errors(), "what was left out is reported");
    }

    #[test]
    fn any_template_and_expression_is_read(text in text()) {
        let mut sources = SourceMap::default();
        let id = sources.add("x", text);
        let _ = super::parse_template(&sources, id);
        let _ = super::parse_expression(&sources, id);
    }

    #[test]
    fn a_quoted_string_reads_back(text in "[^\\\\\"\r\n$%]*") {
        let plain: String = text.chars().filter(|c| !c.is_control()).collect();
        let shown = super::shown(&format!("\"{plain}\""));
        use unicode_normalization::UnicodeNormalization;
        prop_assert_eq!(shown, format!("{:?}", plain.nfc().collect::<String>()));
    }
}

#[test]
fn big_inputs_are_linear() {
    let started = std::time::Instant::now();
    let object: String = (0..50_000).map(|i| format!("  k{i} = {i}\n")).collect();
    assert!(file(&format!("x = {{\n{object}}}\n")).2.is_empty());
    assert!(file(&object).2.is_empty());
    assert!(file(&"x = \"a\n".repeat(20_000)).2.has_errors());
    assert!(file(&format!("x = \"{}", "\n".repeat(200_000))).2.has_errors());
    assert!(file(&"x = [\n".repeat(20_000)).2.has_errors());
    assert!(file(&"x = {\n".repeat(20_000)).2.has_errors());
    assert!(file(&"x = \"${".repeat(20_000)).2.has_errors());
    assert!(file(&"x = <<A\n".repeat(20_000)).2.has_errors());
    assert!(file(&"a {\n".repeat(20_000)).2.has_errors());
    assert!(file(&"} ".repeat(20_000)).2.has_errors());
    assert!(file(&format!("x = \"{}\"", "${a b}".repeat(20_000))).2.has_errors());
    assert!(template(&"${a}\n".repeat(50_000)).len() > 50_000);
    // Generous: the point is that none of these takes minutes.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

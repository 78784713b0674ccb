//! The reader against texts that are JSON and texts that aren't, and what values mean as expressions.

use pilotis_diag::{Diagnostics, SourceMap};
use proptest::prelude::*;

use super::{Meaning, Node, NodeKind, expression, parse_json};
use crate::ast::{Expr, ExprKind, ObjectKey, TemplatePart};

fn read(text: &str) -> (SourceMap, Node, Diagnostics) {
    let mut sources = SourceMap::default();
    let file = sources.add("main.tf.json", text);
    let (node, diags) = parse_json(&sources, file);
    (sources, node, diags)
}

/// `line:column summary` of each diagnostic.
fn said(sources: &SourceMap, diags: &Diagnostics) -> Vec<String> {
    let line = |d: &pilotis_diag::Diagnostic| {
        let span = d.primary.as_ref().expect("a syntax error has a place").span;
        let (line, column) = sources.file(span.file).line_column(span.start);
        format!("{line}:{column} {}", d.summary)
    };
    diags.iter().map(line).collect()
}

fn mistakes(text: &str) -> Vec<String> {
    let (sources, _, diags) = read(text);
    said(&sources, &diags)
}

fn meant(text: &str, meaning: Meaning) -> (SourceMap, Expr, Diagnostics) {
    let (sources, node, mut diags) = read(text);
    assert!(diags.is_empty(), "{text}: {:?}", said(&sources, &diags));
    let expr = expression(&node, meaning, &sources, &mut diags);
    (sources, expr, diags)
}

fn plain(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "null".into(),
        NodeKind::Bool(b) => b.to_string(),
        NodeKind::Number(n) => n.to_string(),
        NodeKind::String(s) => format!("{s:?}"),
        NodeKind::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(",")),
        NodeKind::Object(properties) => {
            let one = |p: &super::Property| format!("{:?}:{}", p.name, plain(&p.value));
            format!("{{{}}}", properties.iter().map(one).collect::<Vec<_>>().join(","))
        }
        NodeKind::Invalid => "?".into(),
    }
}

fn shown(text: &str) -> String {
    plain(&read(text).1)
}

#[test]
fn values_are_read_exactly_and_in_order() {
    let text = r#" {"b": [1, -0.5, 1e3, true, null], "a": "x\n\u00e9\ud83d\ude00\/", "b": {}} "#;
    assert_eq!(mistakes(text), [""; 0]);
    assert_eq!(shown(text), "{\"b\":[1,-0.5,1000,true,null],\"a\":\"x\\né😀/\",\"b\":{}}");
    let big = "123456789012345678901234567890123456789012345678901234567890";
    assert_eq!(shown(big), big);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert_eq!(shown("\u{feff}[1]"), "[1]");
}

#[test]
fn half_a_surrogate_pair_is_a_replacement_character() {
    assert_eq!(shown(r#""\ud83dx""#), "\"\u{fffd}x\"");
}

#[test]
fn all_mistakes_of_a_text_are_reported_where_they_are() {
    let text = "{\n  // no\n  \"a\": 01,\n  \"b\" 2,\n  \"c\": tru,\n  d: 1,\n  \"e\": 'x',\n  \"f\": \"\\q\",\n  \"g\": [1 2,],\n}";
    assert_eq!(
        mistakes(text),
        [
            "2:3 Comment in JSON",
            "3:8 Invalid JSON number",
            "4:7 Missing property value colon",
            "5:8 Invalid JSON keyword",
            "6:3 Invalid JSON object property name",
            "7:8 Invalid JSON value",
            "8:9 Invalid escape sequence",
            "9:11 Missing comma",
            "9:12 Trailing comma in array",
            "9:14 Trailing comma in object",
        ]
    );
}

#[test]
fn what_is_left_open_is_said_and_what_was_read_is_kept() {
    assert_eq!(mistakes(r#"{"a": {"b": 1}"#), ["1:15 Unclosed object"]);
    assert_eq!(shown(r#"{"a": {"b": 1}"#), r#"{"a":{"b":1}}"#);
    assert_eq!(mistakes(r#"{"a": [1}"#)[0], "1:9 Unclosed array");
    assert_eq!(mistakes("{\"a\": \"x\n, \"b\": 1}")[0], "1:7 Unterminated string");
    assert_eq!(mistakes("{} {}"), ["1:4 Extraneous data after value"]);
    assert_eq!(mistakes(" "), ["1:2 Empty JSON text"]);
}

#[test]
fn quotes_of_a_template_that_are_not_escaped_are_one_mistake() {
    assert_eq!(mistakes(r#"{"a": "${f("x")}", "b": 1}"#), ["1:12 Quote inside a template"]);
    // A template that is broken by itself is the template's mistake.
    assert_eq!(mistakes(r#"{"a": "${f(", "b": 1}"#), [""; 0]);
}

#[test]
fn nesting_has_a_limit() {
    let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(mistakes(&nested(128)), [""; 0]);
    assert_eq!(mistakes(&nested(129)), ["1:129 Nested too deeply"]);
    assert_eq!(mistakes(&nested(200_000)), ["1:129 Nested too deeply"]);
    // Templates count the levels that they stand in.
    let inside =
        format!("{}\"${{{}1{}}}\"{}", "[".repeat(100), "(".repeat(100), ")".repeat(100), "]".repeat(100));
    let (sources, _, diags) = meant(&inside, Meaning::Template);
    assert_eq!(diags.iter().map(|d| d.summary.as_str()).collect::<Vec<_>>(), ["Nested too deeply"]);
    assert_eq!(said(&sources, &diags).len(), 1);
}

#[test]
fn what_is_no_json_at_all_is_not_reported_for_each_character() {
    assert!(mistakes(&"[@ @".repeat(5_000)).len() <= 100);
}

#[test]
fn strings_are_templates_literals_or_native_expressions() {
    let kind = |text: &str, meaning| meant(text, meaning).1.kind;
    let ExprKind::Template(template) = kind(r#""a-${b}""#, Meaning::Template) else { panic!("a template") };
    assert!(matches!(template.parts.as_slice(), [TemplatePart::Literal(_), TemplatePart::Interpolation(_)]));
    let ExprKind::Template(literal) = kind(r#""a-${b}""#, Meaning::Literal) else { panic!("a literal") };
    assert_eq!(literal.parts.as_slice(), [TemplatePart::Literal("a-${b}".into())]);
    assert!(matches!(kind(r#""aws.west""#, Meaning::Native), ExprKind::Traversal(t) if t.steps.len() == 1));
    assert!(matches!(kind(r#""all""#, Meaning::Native), ExprKind::Traversal(t) if t.steps.is_empty()));
    assert!(matches!(kind(r#""list(string)""#, Meaning::Native), ExprKind::Call(_)));
}

#[test]
fn property_names_are_templates_too() {
    let ExprKind::Object(items) = meant(r#"{"${1 + 1}": 1, "//": 2}"#, Meaning::Template).1.kind else {
        panic!("an object")
    };
    assert!(matches!(items[0].key, ObjectKey::Expr(_)));
    assert!(matches!(&items[1].key, ObjectKey::Name(name) if name.text == "//"));
}

#[test]
fn a_property_of_a_value_is_set_once() {
    let (sources, _, diags) = meant("{\"a\": 1,\n \"a\": 2}", Meaning::Template);
    assert_eq!(said(&sources, &diags), ["2:2 Duplicate object attribute"]);
}

#[test]
fn places_inside_a_string_count_its_escapes() {
    let text = r#""\u00e9\n\ud83d\ude00${upper(\"x\") + nope.y}""#;
    let (sources, expr, diags) = meant(text, Meaning::Template);
    assert!(diags.is_empty());
    let ExprKind::Template(template) = expr.kind else { panic!("a template") };
    let TemplatePart::Interpolation(inner) = &template.parts[1] else { panic!("an interpolation") };
    let Expr { kind: ExprKind::Binary(_, sides), span } = &**inner else { panic!("an operation") };
    assert_eq!(sources.text(*span), r#"upper(\"x\") + nope.y"#);
    assert_eq!(sources.text(sides[0].span), r#"upper(\"x\")"#);
    assert_eq!(sources.text(sides[1].span), "nope.y");
    // What is no JSON in the string doesn't move them.
    let (sources, node, mut diags) = read("[\"\u{1}\\qé${1 +}\"]");
    expression(&node, Meaning::Template, &sources, &mut diags);
    assert_eq!(
        said(&sources, &diags),
        ["1:3 Control character in string", "1:4 Invalid escape sequence", "1:12 Invalid expression"]
    );
    let (sources, _, diags) = meant("\n\"\\n\\n${1 +}\"", Meaning::Template);
    assert_eq!(said(&sources, &diags), ["2:11 Invalid expression"]);
}

#[test]
fn time_is_linear() {
    let items = vec![r#"{"a": "${b.c} \" d", "e": [1, 2]}"#; 20_000].join(",\n");
    let (_, expr, diags) = meant(&format!("[{items}]"), Meaning::Template);
    assert!(diags.is_empty());
    assert!(matches!(expr.kind, ExprKind::Tuple(items) if items.len() == 20_000));
    // One string with an escape at every other byte, and as many places in it.
    let parts = r"\n${a}".repeat(20_000);
    assert!(meant(&format!("\"{parts}\""), Meaning::Template).2.is_empty());
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\"a\"",
    "\"${",
    "\"${a}\"",
    "}\"",
    "\\",
    "\\u",
    "\\ud83d",
    "00e9",
    "1",
    "-",
    "1e",
    "01",
    "null",
    "tru",
    "'",
    "//",
    "/*",
    "*/",
    "#",
    "\n",
    " ",
    "é",
    "\u{1}",
    "%{",
    "%{ if x }",
    "\"//\":",
    "=",
];

proptest! {
    /// No text makes the reader panic or hang; what it reports is in the text, and no text with mistakes goes unreported.
    #[test]
    fn any_text_is_read(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        let text = pieces.concat();
        let (sources, node, mut diags) = read(&text);
        let is_json = pilotis_value::json::from_json_text(&text).is_ok();
        if !is_json && !text.contains('\u{feff}') {
            prop_assert!(diags.has_errors(), "{text:?} is no JSON");
        }
        for meaning in [Meaning::Template, Meaning::Literal, Meaning::Native] {
            expression(&node, meaning, &sources, &mut diags);
        }
        for diagnostic in &diags {
            let span = diagnostic.primary.as_ref().expect("a place").span;
            prop_assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} in {text:?}");
        }
    }
}

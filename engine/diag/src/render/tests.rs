//! Both renderings of diagnostics, with and without a place.

use super::{RenderOptions, render, to_json};
use crate::{Diagnostic, Diagnostics, FileId, SourceMap, Span};

const MAIN: &str = r#"variable "size" {
  type = number
}

resource "gitlab_group" "team" {
  name = "carto"
	path = var.siez
  tags = [
    "a",
    "b",
  ]
}
"#;

fn sources() -> (SourceMap, FileId) {
    let mut sources = SourceMap::default();
    let file = sources.add("main.hcl", MAIN);
    (sources, file)
}

/// Where a piece of the text is.
fn find(file: FileId, piece: &str) -> Span {
    let start = MAIN.find(piece).expect("the piece is in the text") as u32;
    Span { file, start, end: start + piece.len() as u32 }
}

fn text(diagnostic: &Diagnostic) -> String {
    render(diagnostic, &sources().0, RenderOptions { color: false, width: 80 })
}

#[test]
fn everything_at_once() {
    let (_, file) = sources();
    let diagnostic = Diagnostic::error("Reference to undeclared variable")
        .code("E0412")
        .label(find(file, "var.siez"), "not declared")
        .also(find(file, "variable \"size\""), "this one is declared")
        .detail("There is no variable \"siez\" in this module, and what is named in an expression must be declared somewhere.")
        .value("var.size", "is null")
        .help("Did you mean \"size\"?")
        .address("gitlab_group.team");
    insta::assert_snapshot!(text(&diagnostic), @r#"
    error[E0412]: Reference to undeclared variable
     --> main.hcl:7:9
      |
    1 | variable "size" {
      | --------------- this one is declared
    ...
    7 |     path = var.siez
      |            ^^^^^^^^ not declared
      |
      = in gitlab_group.team
      = There is no variable "siez" in this module, and what is named in an
        expression must be declared somewhere.
      = note: var.size is null
      = help: Did you mean "size"?
    "#);
}

#[test]
fn a_warning_without_source_has_an_address() {
    let diagnostic =
        Diagnostic::warning("Token expires soon").address("gitlab_group.team[\"a\"]").detail("In 3 days.");
    insta::assert_snapshot!(text(&diagnostic), @r#"
    warning: Token expires soon
    --> gitlab_group.team["a"]
     = In 3 days.
    "#);
}

#[test]
fn a_span_of_several_lines() {
    let (_, file) = sources();
    let span = find(file, "[\n    \"a\",\n    \"b\",\n  ]");
    insta::assert_snapshot!(text(&Diagnostic::error("Too many tags").label(span, "two are one too many")), @r#"
    error: Too many tags
      --> main.hcl:8:10
       |
     8 |     tags = [
       |  __________^
     9 | |     "a",
    10 | |     "b",
    11 | |   ]
       | |___^ two are one too many
    "#);
}

#[test]
fn empty_spans_ends_of_lines_and_of_files() {
    let (_, file) = sources();
    let empty = Span { end: find(file, "number").start, ..find(file, "number") };
    insta::assert_snapshot!(text(&Diagnostic::error("Missing something").at(empty)), @r"
    error: Missing something
     --> main.hcl:2:10
      |
    2 |   type = number
      |          ^
    ");
    let at_line_feed = Span { file, start: find(file, "number").end, end: find(file, "number").end };
    insta::assert_snapshot!(text(&Diagnostic::error("Missing something").at(at_line_feed)), @r"
    error: Missing something
     --> main.hcl:2:16
      |
    2 |   type = number
      |                ^
    ");
    let end = MAIN.len() as u32;
    insta::assert_snapshot!(text(&Diagnostic::error("Unexpected end").at(Span { file, start: end, end })), @r"
    error: Unexpected end
      --> main.hcl:13:1
       |
    13 |
       | ^
    ");
    // A stale span must not make reporting it fail.
    insta::assert_snapshot!(text(&Diagnostic::error("Nowhere").at(Span { file, start: end + 9, end: end + 20 })), @r"
    error: Nowhere
      --> main.hcl:13:1
       |
    13 |
       | ^
    ");
}

#[test]
fn two_files() {
    let (mut sources, file) = sources();
    let other = sources.add("modules/x/outputs.hcl", "output \"id\" {}\n");
    let diagnostic = Diagnostic::error("Duplicate")
        .label(find(file, "resource \"gitlab_group\" \"team\""), "again here")
        .also(Span { file: other, start: 0, end: 11 }, "first here");
    insta::assert_snapshot!(render(&diagnostic, &sources, RenderOptions { color: false, width: 80 }), @r#"
    error: Duplicate
     --> main.hcl:5:1
      |
    5 | resource "gitlab_group" "team" {
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ again here
      |
     ::: modules/x/outputs.hcl:1:1
      |
    1 | output "id" {}
      | ----------- first here
    "#);
}

#[test]
fn huge_lines_are_cut() {
    let mut sources = SourceMap::default();
    let line = format!("policy = \"{}\" oops {}", "x".repeat(5_000), "y".repeat(5_000));
    let start = line.find("oops").unwrap() as u32;
    let file = sources.add("main.hcl", line);
    let diagnostic = Diagnostic::error("Unexpected text").label(Span { file, start, end: start + 4 }, "here");
    let text = render(&diagnostic, &sources, RenderOptions { color: false, width: 80 });
    assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
    assert!(text.contains("oops"), "{text}");
}

#[test]
fn colours_only_on_request() {
    let (sources, file) = sources();
    let diagnostic = Diagnostic::error("Wrong\u{1b}[31m").at(find(file, "number"));
    let colored = render(&diagnostic, &sources, RenderOptions { color: true, width: 80 });
    assert!(colored.contains("\u{1b}["));
    let plain = render(&diagnostic, &sources, RenderOptions { color: false, width: 80 });
    assert!(!plain.contains('\u{1b}'), "not even those that a message brings along");
}

#[test]
fn json_is_terraforms() {
    let (sources, file) = sources();
    let diagnostic = Diagnostic::error("Reference to undeclared variable")
        .at(find(file, "var.siez"))
        .detail("There is no variable \"siez\".")
        .help("Did you mean \"size\"?")
        .value("var.size", "is null")
        .address("gitlab_group.team");
    insta::assert_snapshot!(serde_json::to_string_pretty(&to_json(&diagnostic, &sources)).unwrap(), @r#"
    {
      "severity": "error",
      "summary": "Reference to undeclared variable",
      "detail": "There is no variable \"siez\".\n\nDid you mean \"size\"?",
      "address": "gitlab_group.team",
      "range": {
        "filename": "main.hcl",
        "start": {
          "line": 7,
          "column": 9,
          "byte": 95
        },
        "end": {
          "line": 7,
          "column": 17,
          "byte": 103
        }
      },
      "snippet": {
        "context": "resource \"gitlab_group\" \"team\"",
        "code": "\tpath = var.siez",
        "start_line": 7,
        "highlight_start_offset": 8,
        "highlight_end_offset": 16,
        "values": [
          {
            "traversal": "var.size",
            "statement": "is null"
          }
        ]
      }
    }
    "#);
}

#[test]
fn json_without_source_or_context() {
    let (sources, file) = sources();
    let json = to_json(&Diagnostic::warning("Careful").help("Look."), &sources);
    assert_eq!(json.to_string(), r#"{"severity":"warning","summary":"Careful","detail":"Look."}"#);
    let between = Span {
        file,
        start: MAIN.find("\n\n").unwrap() as u32 + 1,
        end: MAIN.find("\n\n").unwrap() as u32 + 1,
    };
    let json = to_json(&Diagnostic::error("Missing").at(between), &sources);
    assert_eq!(
        json["snippet"].to_string(),
        r#"{"context":null,"code":"","start_line":4,"highlight_start_offset":0,"highlight_end_offset":0,"values":[]}"#
    );
    assert_eq!(json["range"]["end"].to_string(), r#"{"line":4,"column":2,"byte":37}"#);
}

#[test]
fn sorted_by_severity_and_place_and_said_once() {
    let (_, file) = sources();
    let at = |start| Span { file, start, end: start + 1 };
    let mut all = Diagnostics::new();
    all.push(Diagnostic::warning("w").at(at(0)));
    all.push(Diagnostic::error("b").at(at(9)));
    all.push(Diagnostic::error("a").at(at(3)));
    all.push(Diagnostic::error("c").at(at(3)));
    all.push(Diagnostic::error("a").at(at(3)));
    all.push(Diagnostic::error("nowhere"));
    all.sort();
    let order: Vec<&str> = all.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(order, ["nowhere", "a", "c", "b", "w"]);
}

#[test]
fn labels_far_apart_are_shown_apart() {
    let mut sources = SourceMap::default();
    let filler = "# nothing here\n".repeat(1000);
    let file = sources.add("main.hcl", format!("a = 1\n{filler}a = 2\n"));
    let at = 6 + filler.len() as u32;
    let diagnostic = Diagnostic::error("Argument given twice")
        .label(Span { file, start: at, end: at + 1 }, "again")
        .also(Span { file, start: 0, end: 1 }, "first here");
    insta::assert_snapshot!(render(&diagnostic, &sources, RenderOptions { color: false, width: 80 }), @r"
    error: Argument given twice
        --> main.hcl:1002:1
         |
    1002 | a = 2
         | ^ again
         |
        ::: main.hcl:1:1
         |
       1 | a = 1
         | - first here
    ");
}

#[test]
fn a_mistake_far_along_a_line_has_its_column() {
    let mut sources = SourceMap::default();
    let before = "é, ".repeat(5000);
    let file = sources.add("main.hcl", format!("x = [\n{before}wrong, {}]\n", "y, ".repeat(5000)));
    let start = 6 + before.len() as u32;
    let diagnostic =
        Diagnostic::error("Not declared").label(Span { file, start, end: start + 5 }, "what is that");
    insta::assert_snapshot!(render(&diagnostic, &sources, RenderOptions { color: false, width: 80 }), @r"
    error: Not declared
     --> main.hcl:2:15001
      |
     :::
    2 | ..., é, é, é, é, é, é, é, é, wrong, y, y, y, y, y, y, y, y, y, y, y, y, y...
      |                              ^^^^^ what is that
    ");
}

#[test]
fn an_empty_place_before_a_wide_character_covers_all_of_it() {
    let mut sources = SourceMap::default();
    let file = sources.add("main.hcl", "a = \u{fffd}\n");
    let diagnostic = Diagnostic::error("Missing something").at(Span { file, start: 4, end: 4 });
    let json = to_json(&diagnostic, &sources);
    assert_eq!(json["snippet"]["highlight_start_offset"], 4);
    assert_eq!(json["snippet"]["highlight_end_offset"], 7);
    assert_eq!(json["range"]["end"]["byte"], 7);
}

//! Type constraints: what they read as, and what is said of those that can't be read.

use pilotis_diag::{Diagnostics, SourceMap};
use pilotis_lang::{constant, parse_constraint};
use pilotis_syntax::parse_expression;
use pilotis_value::{Constraint, Value};

fn read(text: &str) -> (Constraint, Diagnostics) {
    let mut sources = SourceMap::default();
    let file = sources.add("type.hcl", text);
    let (expr, mut diags) = parse_expression(&sources, file);
    let constraint = parse_constraint(&expr, &mut diags);
    (constraint, diags)
}

fn value(text: &str) -> Value {
    let mut sources = SourceMap::default();
    let file = sources.add("value.hcl", text);
    let (expr, mut diags) = parse_expression(&sources, file);
    let value = constant(&expr, &mut diags);
    assert!(diags.is_empty(), "{text}: {diags:?}");
    value
}

#[test]
fn types_read_as_they_are_written() {
    for text in [
        "string",
        "any",
        "list(number)",
        "set(any)",
        "map(list(bool))",
        "tuple([string,number])",
        "object({a=string,b=map(number)})",
        "object({a=optional(string),b=number})",
    ] {
        let (constraint, diags) = read(text);
        assert!(diags.is_empty(), "{text}: {diags:?}");
        assert_eq!(constraint.ty.to_string(), text);
    }
    assert_eq!(read("list").0.ty.to_string(), "list(any)", "what configurations of long ago say");
}

#[test]
fn defaults_are_filled_in_at_every_depth() {
    let (constraint, diags) = read(
        "map(object({ n = optional(number, \"1\"), in = optional(object({ t = optional(list(string), [\"x\"]) }), {}) }))",
    );
    assert!(diags.is_empty(), "{diags:?}");
    let filled =
        constraint.apply(&value("{ a = {}, b = { n = 2, in = { t = null } }, c = { in = { t = [] } } }"));
    let expected = value(
        "{ a = { n = 1, in = { t = [\"x\"] } }, b = { n = 2, in = { t = [\"x\"] } }, c = { n = 1, in = { t = [] } } }",
    );
    assert_eq!(format!("{:?}", filled.unwrap()), format!("{expected:?}"));
}

#[test]
fn what_is_no_type_is_said_with_what_to_write() {
    for (text, help) in [
        ("strng", "Did you mean `string`?"),
        ("String", "Did you mean `string`?"),
        ("List(string)", "Did you mean `list`?"),
        ("set", "Write `set(string)`, or `set(any)`."),
        ("object", "Write `object({ name = string })`."),
        ("tuple(string)", "Write `tuple([string, number])`."),
        ("string(1)", "Write `string`."),
        ("\"number\"", "Write `number`, without the quotes."),
        ("optional(string)", "For a variable that may be left out, give it a `default`."),
        ("null", "Write `any` for a variable that takes every type."),
    ] {
        let (_, diags) = read(text);
        let all: Vec<&String> = diags.iter().flat_map(|d| &d.help).collect();
        assert_eq!(all, [help], "{text}");
    }
}

#[test]
fn defaults_are_constants_of_their_type() {
    for (text, summary) in [
        ("object({ a = optional(number, \"x\") })", "Invalid default value for optional attribute"),
        ("object({ a = optional(string, var.x) })", "Variables not allowed"),
        ("object({ a = optional(string, upper(\"x\")) })", "Function calls not allowed"),
        ("object({ a = optional(string, \"a\", \"b\") })", "Invalid type specification"),
    ] {
        let (_, diags) = read(text);
        assert_eq!(diags.iter().map(|d| d.summary.as_str()).collect::<Vec<_>>(), [summary], "{text}");
    }
}

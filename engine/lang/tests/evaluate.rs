//! What expressions evaluate to: values, marks, unknowns, and what is said when they can't be.

use std::collections::BTreeMap;

use pilotis_diag::{Diagnostic, Diagnostics, RenderOptions, SourceMap, render};
use pilotis_lang::{Files, Frame, Resolved, Resolver, Slot, Surroundings, compile};
use pilotis_syntax::ast::{Traversal, TraversalStep};
use pilotis_syntax::parse_expression;
use pilotis_value::{Marks, Path, Refinement, Step, Type, Value};

/// Variables by name; `var.NAME` is the slot of its position.
struct Variables(BTreeMap<&'static str, Value>);

impl Resolver for &Variables {
    fn resolve(&mut self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        match (t.root.text.as_str(), t.steps.first()) {
            ("var", Some(TraversalStep::Attribute(name))) => {
                match self.0.keys().position(|k| *k == name.text) {
                    Some(i) => Ok(Resolved { slot: Slot(i as u32), consumed: 1 }),
                    None => Err(Diagnostic::error("Reference to undeclared input variable").at(t.span)),
                }
            }
            _ => Err(Diagnostic::error("Invalid reference").at(t.span)),
        }
    }
}

impl Frame for Variables {
    fn get(&self, slot: Slot) -> Value {
        self.0.values().nth(slot.0 as usize).cloned().expect("a slot that was given out")
    }
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("no such file".into())
    }
    fn exists(&self, _: &str) -> Result<bool, String> {
        Ok(false)
    }
    fn glob(&self, _: &str, _: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    fn absolute(&self, path: &str) -> String {
        path.into()
    }
    fn home(&self) -> Option<String> {
        None
    }
}

fn strings(items: &[&str]) -> Value {
    Value::list(Type::String, items.iter().map(Value::string).collect())
}

fn variables() -> Variables {
    let secret = Value::string("s3cr3t").with_marks(Marks::SENSITIVE);
    let user = Value::object_of([("name", Value::string("ana")), ("password", secret.clone())]);
    let not_null = Refinement { not_null: true, ..Refinement::default() };
    Variables(BTreeMap::from([
        ("empty", strings(&[])),
        ("flag", Value::unknown_refined(Type::Bool, not_null.clone())),
        ("later", Value::unknown(Type::String)),
        ("later_any", Value::unknown(Type::Dynamic)),
        ("later_list", Value::unknown_refined(Type::list(Type::String), not_null)),
        ("names", strings(&["b", "a"])),
        ("nothing", Value::null(Type::String)),
        ("secret", secret),
        ("user", user),
    ]))
}

struct Evaluated {
    value: Value,
    diags: Diagnostics,
    sources: SourceMap,
}

fn evaluate(text: &str) -> Evaluated {
    evaluate_with(text, &[])
}

fn evaluate_with(text: &str, locals: &[(&str, Value)]) -> Evaluated {
    let variables = variables();
    let mut sources = SourceMap::default();
    let file = sources.add("main.hcl", text);
    let (expr, mut diags) = parse_expression(&sources, file);
    let names: Vec<&str> = locals.iter().map(|(n, _)| *n).collect();
    let values: Vec<Value> = locals.iter().map(|(_, v)| v.clone()).collect();
    let compiled = compile(&expr, &mut &variables, &names, &mut diags);
    let surroundings = Surroundings { files: &NoFiles, plan_time_ms: 0, apply_time_ms: None };
    let value = compiled.eval_with(&values, &variables, &surroundings, &mut diags);
    Evaluated { value, diags, sources }
}

/// The value of an expression that must be without error.
fn value(text: &str) -> Value {
    let evaluated = evaluate(text);
    assert!(evaluated.diags.is_empty(), "{text}: {:?}", evaluated.diags);
    evaluated.value
}

/// What is said of an expression.
fn said(text: &str) -> String {
    let evaluated = evaluate(text);
    let options = RenderOptions { color: false, width: 100 };
    let texts: Vec<String> = evaluated.diags.iter().map(|d| render(d, &evaluated.sources, options)).collect();
    texts.join("\n")
}

/// The first thing that is said of an expression.
fn summary(text: &str) -> String {
    evaluate(text).diags.iter().next().map(|d| d.summary.clone()).unwrap_or_default()
}

#[test]
fn marks_travel_through_everything() {
    for text in [
        "var.secret",
        "\"a ${var.secret}\"",
        "var.secret == \"x\"",
        "[for c in [1, 2] : c if var.secret != \"\"]",
        "{ (var.secret) = 1 }",
        "var.secret == \"x\" ? 1 : 2",
        "upper(var.secret)",
        "!(var.secret == \"x\")",
        "true && var.secret == \"x\"",
        "{ for k in [var.secret] : k => 1 }",
        "{ a = 1, b = 2 }[var.secret == \"x\" ? \"a\" : \"b\"]",
        "var.user.password",
        "[var.user][*].password",
        "length([var.secret]) > 0 ? var.secret : \"\"",
    ] {
        assert!(value(text).has_sensitive(), "{text}");
    }
    assert!(!value("var.user.name").has_sensitive(), "only a part of the object is secret");
    assert!(!value("[var.secret, 1][1]").has_sensitive());
}

#[test]
fn unknowns_travel_and_keep_what_is_known_of_them() {
    let unknown = |text: &str, ty: Type| {
        let value = value(text);
        assert!(!value.is_known(), "{text} is {value:?}");
        assert_eq!(value.ty(), ty, "{text}");
    };
    unknown("var.later", Type::String);
    unknown("\"x-${var.later}\"", Type::String);
    unknown("var.later == \"x\"", Type::Bool);
    unknown("var.flag ? 1 : 2", Type::Number);
    unknown("var.flag ? \"a\" : 2", Type::String);
    unknown("var.later_any.name", Type::Dynamic);
    unknown("var.later_any + 1", Type::Number);
    unknown("var.later_list[0]", Type::String);
    unknown("var.later_list[*]", Type::list(Type::String));
    unknown("[for x in var.later_list : x]", Type::Dynamic);
    unknown("upper(var.later)", Type::String);
    unknown("try(var.later, 1)", Type::Dynamic);
    let pilotis_value::Kind::Unknown(unknown) = value("\"x-${var.later}\"").kind().clone() else {
        panic!("known");
    };
    assert_eq!(unknown.refinement.prefix.as_deref(), Some("x-"));
    assert!(unknown.refinement.not_null);
}

#[test]
fn what_does_not_depend_on_an_unknown_is_known() {
    assert_eq!(value("var.flag && false"), Value::bool(false));
    assert_eq!(value("var.flag || true"), Value::bool(true));
    assert_eq!(value("[var.later, 1][1]"), Value::number(1));
    assert_eq!(value("{ a = var.later, b = 2 }.b"), Value::number(2));
    assert_eq!(value("length([var.later])"), Value::number(1));
    assert_eq!(value("can(var.nothing.x)"), Value::bool(false));
}

#[test]
fn and_and_or_stop_at_what_decides() {
    assert_eq!(value("false && [][0]"), Value::bool(false));
    assert_eq!(value("var.nothing != null && length(var.nothing) > 0"), Value::bool(false));
    assert_eq!(value("true || null"), Value::bool(true));
    assert_eq!(summary("true && [][0]"), "Invalid index");
}

#[test]
fn errors_of_the_other_branch_are_dropped() {
    assert_eq!(value("true ? 1 : [][0]"), Value::number(1));
    assert_eq!(value("var.nothing == null ? \"none\" : var.nothing.x"), Value::string("none"));
}

#[test]
fn a_template_of_one_interpolation_is_that_value() {
    assert_eq!(value("\"${var.names}\""), strings(&["b", "a"]));
    assert_eq!(value("\"${1 + 1}\""), Value::number(2));
    assert_eq!(value("\"${1 + 1}!\""), Value::string("2!"));
    assert_eq!(value("\"%{ for n in var.names ~}${n},%{ endfor ~}\""), Value::string("b,a,"));
    assert_eq!(value("\"%{ if length(var.empty) > 0 }some%{ else }none%{ endif }\""), Value::string("none"));
}

#[test]
fn splats_wrap_and_pass_null_over() {
    assert_eq!(value("null[*]"), Value::tuple(vec![]));
    assert_eq!(value("\"x\"[*]"), Value::tuple(vec![Value::string("x")]));
    assert_eq!(value("[{ a = [1, 2] }, { a = [3] }][*].a[0]").as_elements().unwrap().len(), 2);
    assert_eq!(value("[{ a = [{ b = 1 }] }][*].a[*].b"), value("[[1]]"));
    assert_eq!(value("var.empty[*]"), strings(&[]));
}

#[test]
fn names_of_loops_hide_outer_ones() {
    assert_eq!(value("[for var in [1, 2] : var * 2]"), value("[2, 4]"));
    assert_eq!(value("[for x in [1, 2] : [for x in [\"a\"] : x]]"), value("[[\"a\"], [\"a\"]]"));
    assert_eq!(value("{ for n in var.names : upper(n) => n }"), value("{ A = \"a\", B = \"b\" }"));
    assert_eq!(value("{ for n in [\"a\", \"b\", \"a\"] : n => 1... }"), value("{ a = [1, 1], b = [1] }"));
    assert_eq!(value("[for k, v in { b = 1, a = 2 } : k]"), value("[\"a\", \"b\"]"), "sorted by key");
}

#[test]
fn locals_are_places_on_the_stack() {
    let item = Value::object_of([("key", Value::string("k")), ("value", Value::number(2))]);
    let evaluated = evaluate_with("\"${item.key}=${item.value + [for x in [1] : x][0]}\"", &[("item", item)]);
    assert!(evaluated.diags.is_empty(), "{:?}", evaluated.diags);
    assert_eq!(evaluated.value, Value::string("k=3"));
}

#[test]
fn references_say_how_far_they_reach() {
    let variables = variables();
    let mut sources = SourceMap::default();
    let file = sources.add("main.hcl", "[var.user.name, var.names[0], var.names[length(var.empty)]]");
    let (expr, mut diags) = parse_expression(&sources, file);
    let compiled = compile(&expr, &mut &variables, &[], &mut diags);
    let paths: Vec<Path> = compiled.references().iter().map(|r| r.path.clone()).collect();
    let path = |steps: Vec<Step>| Path(steps);
    let name = path(vec![Step::Attribute("name".into())]);
    assert_eq!(paths, [name, path(vec![Step::Index(0)]), path(vec![]), path(vec![])]);
}

#[test]
fn constants_are_folded() {
    let constant = |text: &str| {
        let variables = variables();
        let mut sources = SourceMap::default();
        let file = sources.add("main.hcl", text);
        let (expr, mut diags) = parse_expression(&sources, file);
        compile(&expr, &mut &variables, &[], &mut diags).constant().cloned()
    };
    assert_eq!(constant("{ a = [1 + 1, \"x${1}\"] }"), Some(value("{ a = [2, \"x1\"] }")));
    assert_eq!(constant("true ? -1 : 2"), Some(Value::number(-1)));
    assert_eq!(constant("upper(\"a\")"), None, "functions wait for the evaluation");
    assert_eq!(constant("1 + \"a\""), None, "an error waits too");
    assert_eq!(constant("var.names"), None);
}

#[test]
fn long_chains_and_deep_nests_are_bounded() {
    let chain = vec!["1"; 390].join(" + ");
    assert_eq!(value(&chain), Value::number(390));
    let deep = format!("{}1{}", "[".repeat(80), "]".repeat(80));
    assert!(evaluate(&deep).diags.is_empty());
    let too_deep = format!("{}1{}", "[".repeat(2000), "]".repeat(2000));
    assert!(evaluate(&too_deep).diags.has_errors());
}

#[test]
fn a_secret_is_never_shown() {
    for text in
        ["var.secret + 1", "var.secret.x", "var.user.password[0]", "tonumber(var.secret)", "{}[var.secret]"]
    {
        let text = said(text);
        assert!(!text.is_empty());
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}

#[test]
fn errors_point_and_explain() {
    insta::assert_snapshot!(said("1 + var.names"), @r#"
error[E0210]: Invalid operand
 --> main.hcl:1:5
  |
1 | 1 + var.names
  |     ^^^^^^^^^
  |
  = Unsuitable value for right operand: number required.
  = note: var.names is list of string with 2 elements
"#);
    insta::assert_snapshot!(said("var.user.nane"), @r#"
error[E0220]: Unsupported attribute
 --> main.hcl:1:10
  |
1 | var.user.nane
  |          ^^^^
  |
  = This object does not have an attribute named "nane".
  = note: var.user is object with 2 attributes
  = help: Did you mean "name"?
"#);
    insta::assert_snapshot!(said("upcase(var.later)"), @r#"
error[E0201]: Call to unknown function
 --> main.hcl:1:1
  |
1 | upcase(var.later)
  | ^^^^^^
  |
  = There is no function named "upcase".
"#);
    insta::assert_snapshot!(said("var.names[length(var.names)]"), @r#"
error[E0221]: Invalid index
 --> main.hcl:1:11
  |
1 | var.names[length(var.names)]
  |           ^^^^^^^^^^^^^^^^^
  |
  = The given key does not identify an element in this collection value: the given index is
    greater than or equal to the length of the collection.
  = note: var.names is list of string with 2 elements
"#);
    insta::assert_snapshot!(said("\"all: ${var.names}\""), @r#"
error[E0230]: Invalid template interpolation value
 --> main.hcl:1:9
  |
1 | "all: ${var.names}"
  |         ^^^^^^^^^
  |
  = Cannot include the given value in a string template: string required.
  = note: var.names is list of string with 2 elements
"#);
    insta::assert_snapshot!(said("var.nothing == \"x\" ? [1] : { a = 1 }"), @r#"
error[E0213]: Inconsistent conditional result types
 --> main.hcl:1:22
  |
1 | var.nothing == "x" ? [1] : { a = 1 }
  |                      ^^^^^^^^^^^^^^^
  |
  = The true and false result expressions must have consistent types. The 'true' value is
    tuple, but the 'false' value is object.
  = note: var.nothing is null
"#);
    insta::assert_snapshot!(said("lower()"), @r#"
error[E0202]: Not enough function arguments
 --> main.hcl:1:1
  |
1 | lower()
  | ^^^^^^^
  |
  = Function "lower" expects 1 argument(s). Missing value for "str".
"#);
    insta::assert_snapshot!(said("try(var.user.x, var.names[9])"), @r#"
error[E0204]: Error in function call
 --> main.hcl:1:1
  |
1 | try(var.user.x, var.names[9])
  | ^^^^^^^^^^^^^-^^^^^^^^^^^---^
  |              |           |
  |              |           Invalid index
  |              Unsupported attribute
  |
  = Call to function "try" failed: no expression succeeded:
    - Unsupported attribute: This object does not have an attribute named "x".
    - Invalid index: The given key does not identify an element in this collection value: the
    given index is greater than or equal to the length of the collection.

    At least one expression must produce a successful result.
  = note: var.names is list of string with 2 elements
  = note: var.user is object with 2 attributes
"#);
}

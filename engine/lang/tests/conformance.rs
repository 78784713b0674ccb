//! Expressions and conversions against recorded behaviour of Terraform.
//!
//! The corpus isn't in the repository: `PILOTIS_CONFORMANCE` names its folder, without it the tests are skipped.
//! `PILOTIS_CONFORMANCE_SHOW` is a part of a category's name whose failures are printed one by one.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};

use pilotis_diag::{Diagnostic, Diagnostics, SourceMap};
use pilotis_lang::{
    Compiled, Files, Frame, Resolved, Resolver, Slot, Surroundings, compile, constant, parse_constraint,
};
use pilotis_syntax::ast::{Body, Traversal, TraversalStep};
use pilotis_syntax::parse_file;
use pilotis_value::{Constraint, Kind, Number, Type, Value, json};
use serde_json::Value as Json;

/// Recorded results that are not what is wanted here, by expression, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("false && null", "&& and || stop at the left side if it decides"),
    ("true || [][0]", "&& and || stop at the left side if it decides"),
    ("tostring(-0)", "there is one zero"),
    (
        "can(regex(\"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$\", uuid()))",
        "what uuid() gives is a UUID of version 4",
    ),
    ("format(\"%s\", null)", "null is no text"),
    ("format(\"%v\", null)", "%v writes null as null"),
    ("format(\"%#v\", null)", "%#v writes null as JSON"),
    ("type(1)", "type is not for the console alone"),
    ("templatefile(\"fixtures/recursive.tftpl\", {})", "template files may use template files"),
];

fn corpus() -> Option<PathBuf> {
    match std::env::var_os("PILOTIS_CONFORMANCE") {
        Some(dir) => Some(PathBuf::from(dir)),
        None => {
            println!("skipped: PILOTIS_CONFORMANCE names no corpus");
            None
        }
    }
}

struct Disk(PathBuf);

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.0.join(path)).map_err(|e| e.to_string())
    }
    fn exists(&self, path: &str) -> Result<bool, String> {
        let path = self.0.join(path);
        if path.is_dir() { Err("is a folder".into()) } else { Ok(path.is_file()) }
    }
    fn glob(&self, dir: &str, pattern: &str) -> Result<Vec<String>, String> {
        if pattern.matches('[').count() > pattern.matches(']').count() {
            return Err("a [ is not closed".into());
        }
        let mut all = Vec::new();
        walk(&self.0.join(dir), "", &mut all);
        let mut found: Vec<String> = all.into_iter().filter(|p| matches(pattern, p)).collect();
        found.sort();
        Ok(found)
    }
    fn absolute(&self, path: &str) -> String {
        self.0.join(path).to_string_lossy().into_owned()
    }
    fn home(&self) -> Option<String> {
        std::env::var("HOME").ok()
    }
}

fn walk(dir: &FilePath, prefix: &str, out: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if entry.path().is_dir() {
            walk(&entry.path(), &path, out);
        } else {
            out.push(path);
        }
    }
}

/// `*`, `**`, `?`, `[…]`, `{a,b}`.
fn matches(pattern: &str, path: &str) -> bool {
    fn go(p: &[char], s: &[char]) -> bool {
        match p.first() {
            None => s.is_empty(),
            Some('*') if p.get(1) == Some(&'*') => {
                let rest = if p.get(2) == Some(&'/') { &p[3..] } else { &p[2..] };
                (0..=s.len())
                    .any(|i| (i == 0 || s[i - 1] == '/' || p.get(2) != Some(&'/')) && go(rest, &s[i..]))
            }
            Some('*') => {
                let end = s.iter().position(|c| *c == '/').unwrap_or(s.len());
                (0..=end).any(|i| go(&p[1..], &s[i..]))
            }
            Some('?') => s.first().is_some_and(|c| *c != '/') && go(&p[1..], &s[1..]),
            Some('{') => {
                let Some(end) = p.iter().position(|c| *c == '}') else { return false };
                let inside: String = p[1..end].iter().collect();
                inside.split(',').any(|alternative| {
                    let mut whole: Vec<char> = alternative.chars().collect();
                    whole.extend(&p[end + 1..]);
                    go(&whole, s)
                })
            }
            Some('[') => {
                let Some(end) = p.iter().position(|c| *c == ']') else { return false };
                let (set, c) = (&p[1..end], s.first());
                let inside = |c: char| {
                    set.contains(&c) || (set.len() == 3 && set[1] == '-' && (set[0]..=set[2]).contains(&c))
                };
                c.is_some_and(|c| inside(*c)) && go(&p[end + 1..], &s[1..])
            }
            Some(c) => s.first() == Some(c) && go(&p[1..], &s[1..]),
        }
    }
    go(&pattern.chars().collect::<Vec<_>>(), &path.chars().collect::<Vec<_>>())
}

/// The variables and locals that the cases may refer to.
#[derive(Default)]
struct Context {
    names: BTreeMap<String, Slot>,
    values: Vec<Value>,
}

impl Context {
    fn add(&mut self, name: &str, value: Value) {
        self.names.insert(name.to_owned(), Slot(self.values.len() as u32));
        self.values.push(value);
    }

    fn read(dir: &FilePath) -> Context {
        let mut sources = SourceMap::default();
        let text = std::fs::read_to_string(dir.join("context/context.tf")).unwrap();
        let file = sources.add("context.tf", text);
        let (body, diags) = parse_file(&sources, file);
        assert!(!diags.has_errors(), "{diags:?}");
        let mut context = Context::default();
        context.add("path.module", Value::string("."));
        context.add("path.root", Value::string("."));
        context.add("path.cwd", Value::string(dir.join("context").to_string_lossy()));
        context.add("terraform.workspace", Value::string("default"));
        for block in &body.blocks {
            let get =
                |name: &str| block.body.attributes.iter().find(|a| a.name.text == name).map(|a| &a.expr);
            let mut diags = Diagnostics::new();
            if block.kind.text == "variable" {
                let constraint =
                    get("type").map_or_else(Constraint::any, |t| parse_constraint(t, &mut diags));
                let value = constraint.apply(&constant(get("default").unwrap(), &mut diags)).unwrap();
                let sensitive = get("sensitive").is_some();
                let value = if sensitive { value.with_marks(pilotis_value::Marks::SENSITIVE) } else { value };
                context.add(&format!("var.{}", block.labels[0].text), value);
            } else {
                for attribute in &block.body.attributes {
                    let value = constant(&attribute.expr, &mut diags);
                    context.add(&format!("local.{}", attribute.name.text), value);
                }
            }
            assert!(!diags.has_errors(), "{diags:?}");
        }
        context
    }
}

impl Resolver for &Context {
    fn resolve(&mut self, t: &Traversal) -> Result<Resolved, Diagnostic> {
        let first = match t.steps.first() {
            Some(TraversalStep::Attribute(ident)) => ident.text.as_str(),
            _ => "",
        };
        match self.names.get(&format!("{}.{first}", t.root.text)) {
            Some(slot) => Ok(Resolved { slot: *slot, consumed: 1 }),
            None => Err(Diagnostic::error("Reference to undeclared").at(t.span)),
        }
    }
}

impl Frame for Context {
    fn get(&self, slot: Slot) -> Value {
        self.values[slot.0 as usize].clone()
    }
}

/// The value of `local.NAME` in a file, or the first error's summary and detail.
fn evaluate(context: &Context, files: &Disk, text: &str) -> Result<Value, String> {
    let mut sources = SourceMap::default();
    let file = sources.add("main.tf", format!("locals {{\n  x = {text}\n}}\n"));
    let (body, mut diags) = parse_file(&sources, file);
    let compiled: Option<Compiled> = local(&body).map(|e| compile(e, &mut { context }, &[], &mut diags));
    if let Some(compiled) = compiled
        && !diags.has_errors()
    {
        let surroundings = Surroundings { files, plan_time_ms: 0, apply_time_ms: Some(0) };
        let value = compiled.eval(context, &surroundings, &mut diags);
        if !diags.has_errors() {
            return Ok(value);
        }
    }
    let first = diags.iter().next();
    Err(first.map_or_else(|| "no such local".to_owned(), |d| format!("{} | {}", d.summary, d.detail)))
}

fn local(body: &Body) -> Option<&pilotis_syntax::ast::Expr> {
    body.blocks.first()?.body.attributes.first().map(|a| &a.expr)
}

/// The same value, numbers within what a double can hold.
fn same(value: &Value, json: &Json) -> bool {
    match (value.kind(), json) {
        (Kind::Null(_), Json::Null) => true,
        (Kind::Bool(a), Json::Bool(b)) => a == b,
        (Kind::String(a), Json::String(b)) => a.as_str() == b,
        (Kind::Number(a), Json::Number(b)) => {
            let Ok(b) = Number::parse(&b.to_string()) else { return false };
            if *a == b {
                return true;
            }
            let (a, b) = (a.to_f64(), b.to_f64());
            (a - b).abs() <= 1e-13 * a.abs().max(b.abs())
        }
        (Kind::List(_) | Kind::Set(_) | Kind::Tuple(_), Json::Array(items)) => {
            let elements = value.as_elements().unwrap();
            elements.len() == items.len() && elements.iter().zip(items).all(|(v, j)| same(v, j))
        }
        (Kind::Map(_) | Kind::Object(_), Json::Object(entries)) => {
            let own = value.as_entries().unwrap();
            own.len() == entries.len()
                && own.iter().all(|(k, v)| entries.get(k.as_str()).is_some_and(|j| same(v, j)))
        }
        _ => false,
    }
}

#[derive(Default)]
struct Score {
    passed: usize,
    worded: usize,
    failures: Vec<String>,
}

/// Judges one result against a recorded one.
fn judge(case: &Json, result: Result<Value, String>, score: &mut Score) {
    let expr = case["expr"].as_str().or(case["constraint"].as_str()).unwrap_or_default();
    if DIFFERENT.iter().any(|(different, _)| expr == *different) {
        return;
    }
    let shown = format!("{} {}", case["constraint"].as_str().unwrap_or_default(), case["expr"]);
    let recorded_ok = case["ok"].as_bool().unwrap();
    let failure = match result {
        Err(error) if recorded_ok => {
            Some(format!("{shown}\n    wanted {}, got error {error}", case["value"]))
        }
        Ok(value) if !recorded_ok => {
            Some(format!("{shown}\n    wanted error {}, got {value:?}", case["error_summary"]))
        }
        Err(error) => {
            score.worded +=
                usize::from(error.starts_with(case["error_summary"].as_str().unwrap_or_default()));
            None
        }
        Ok(value) => {
            let sensitive = case["sensitive"].as_bool().unwrap_or(false);
            let wrong_mark = value.has_sensitive() != sensitive;
            let (value, _) = value.unmark_deep();
            let ty = json::encode_type(&value.ty());
            if !same(&value, &case["value"]) {
                Some(format!("{shown}\n    wanted {}\n    got    {value:?}", case["value"]))
            } else if ty != case["type"] && !type_matches(&value.ty(), &case["type"]) {
                Some(format!("{shown}\n    wanted type {}\n    got    type {ty}", case["type"]))
            } else if wrong_mark {
                Some(format!("{shown}\n    wanted sensitive: {sensitive}"))
            } else {
                None
            }
        }
    };
    match failure {
        None => score.passed += 1,
        Some(text) => score.failures.push(text),
    }
}

fn type_matches(ty: &Type, json: &Json) -> bool {
    json::decode_type(json).is_ok_and(|wanted| wanted == *ty)
}

fn report(name: &str, scores: BTreeMap<String, Score>) -> usize {
    let show = std::env::var("PILOTIS_CONFORMANCE_SHOW").unwrap_or_default();
    let (mut passed, mut failed, mut worded) = (0, 0, 0);
    for (category, score) in &scores {
        passed += score.passed;
        failed += score.failures.len();
        worded += score.worded;
        if !score.failures.is_empty() {
            println!("{category}: {} of {}", score.passed, score.passed + score.failures.len());
        }
        if !show.is_empty() && (show == "all" || category.contains(&show)) {
            for failure in &score.failures {
                println!("  {failure}");
            }
        }
    }
    println!("{name}: {passed} as recorded, {failed} not; {worded} errors also by the same name");
    failed
}

fn cases(path: &FilePath) -> Vec<Json> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn expressions_have_the_recorded_values() {
    let Some(dir) = corpus() else { return };
    let context = Context::read(&dir);
    let disk = Disk(dir.join("context"));
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    for case in cases(&dir.join("expressions.jsonl")) {
        let score = scores.entry(case["category"].as_str().unwrap().to_owned()).or_default();
        let result = evaluate(&context, &disk, case["expr"].as_str().unwrap());
        judge(&case, result, score);
    }
    assert_eq!(report("expressions", scores), 0);
}

#[test]
fn conversions_have_the_recorded_values() {
    let Some(dir) = corpus() else { return };
    let context = Context::read(&dir);
    let disk = Disk(dir.join("context"));
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    for case in cases(&dir.join("conversions.jsonl")) {
        let score = scores.entry(case["category"].as_str().unwrap().to_owned()).or_default();
        judge(&case, convert(&context, &disk, &case), score);
    }
    assert_eq!(report("conversions", scores), 0);
}

/// What a variable of the case's type gets.
fn convert(context: &Context, disk: &Disk, case: &Json) -> Result<Value, String> {
    let mut sources = SourceMap::default();
    let read = |sources: &mut SourceMap, text: &str| {
        let file = sources.add("main.tf", format!("locals {{\n  x = {text}\n}}\n"));
        let (body, diags) = parse_file(sources, file);
        let expr = local(&body).cloned();
        match (diags.iter().next(), expr) {
            (None, Some(expr)) => Ok(expr),
            (d, _) => Err(d.map_or_else(String::new, |d| d.summary.clone())),
        }
    };
    let first = |diags: &Diagnostics| diags.iter().next().map(|d| format!("{} | {}", d.summary, d.detail));
    let mut diags = Diagnostics::new();
    let constraint = match case["constraint"].as_str() {
        Some(text) => parse_constraint(&read(&mut sources, text)?, &mut diags),
        None => Constraint::any(),
    };
    if let Some(error) = first(&diags) {
        return Err(error);
    }
    let nullable = case["nullable"].as_bool().unwrap_or(case["nullable"].as_str() != Some("false"));
    let default = match case["default"].as_str() {
        Some(text) => {
            let value = constant(&read(&mut sources, text)?, &mut diags);
            if let Some(error) = first(&diags) {
                return Err(error);
            }
            let value =
                constraint.apply(&value).map_err(|e| format!("Invalid default value for variable | {e}"))?;
            if value.is_null() && !nullable {
                return Err("Invalid default value for variable".into());
            }
            Some(value)
        }
        None => None,
    };
    let given = match case["expr"].as_str() {
        Some(text) => Some(evaluate(context, disk, text)?),
        None => None,
    };
    let value = match (given, default) {
        (Some(value), default) if value.is_null() && !nullable => {
            return default.ok_or_else(|| "Required variable not set".to_owned());
        }
        (Some(value), _) => value,
        (None, Some(default)) => return Ok(default),
        (None, None) => return Err("Missing required argument".into()),
    };
    constraint.apply(&value).map_err(|e| format!("Invalid value for input variable | {e}"))
}

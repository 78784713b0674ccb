//! Compiling and evaluating typical expressions; a loop over a million elements.

use criterion::{Criterion, criterion_group, criterion_main};
use pilotis_diag::{Diagnostic, Diagnostics, SourceMap};
use pilotis_lang::{Compiled, Files, Frame, Resolved, Resolver, Slot, Surroundings, compile};
use pilotis_syntax::ast::Traversal;
use pilotis_syntax::parse_expression;
use pilotis_value::{Type, Value};

struct One(Value);

impl Resolver for One {
    fn resolve(&mut self, _: &Traversal) -> Result<Resolved, Diagnostic> {
        Ok(Resolved { slot: Slot(0), consumed: 1 })
    }
}

impl Frame for One {
    fn get(&self, _: Slot) -> Value {
        self.0.clone()
    }
}

impl Files for One {
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

fn project(i: i64) -> (String, Value) {
    let value = Value::object_of([("cpu", Value::number(i % 8)), ("memory", Value::string("4Gi"))]);
    (format!("project-{i}"), value)
}

fn prepared(text: &str, data: &Value) -> (Compiled, One) {
    let mut sources = SourceMap::default();
    let file = sources.add("bench.hcl", text);
    let (expr, mut diags) = parse_expression(&sources, file);
    let mut one = One(data.clone());
    let compiled = compile(&expr, &mut one, &[], &mut diags);
    assert!(diags.is_empty(), "{diags:?}");
    (compiled, one)
}

fn run(compiled: &Compiled, one: &One) -> Value {
    let surroundings = Surroundings { files: one, plan_time_ms: 0, apply_time_ms: None };
    let mut diags = Diagnostics::new();
    let value = compiled.eval(one, &surroundings, &mut diags);
    assert!(diags.is_empty(), "{diags:?}");
    value
}

fn benches(c: &mut Criterion) {
    let projects = Value::object_of((0..5_000).map(project));
    let text = "\"${upper(local.p[\"project-17\"].memory)}-${local.p[\"project-17\"].cpu * 2 + 1}\"";
    let (compiled, one) = prepared(text, &projects);
    c.bench_function("template with two references into 5,000 entries", |b| b.iter(|| run(&compiled, &one)));
    c.bench_function("compile it", |b| b.iter(|| prepared(text, &projects)));
    let (compiled, one) = prepared("{ for k, v in local.p : k => v.cpu if v.cpu > 3 }", &projects);
    c.bench_function("for over 5,000 entries", |b| b.iter(|| run(&compiled, &one)));

    let million = Value::list(Type::Number, (0..1_000_000).map(Value::number).collect());
    let (compiled, one) = prepared("[for i, n in local.p : n * 2 + i]", &million);
    let mut group = c.benchmark_group("million");
    group.sample_size(10);
    group.bench_function("for over 1,000,000 elements", |b| b.iter(|| run(&compiled, &one)));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);

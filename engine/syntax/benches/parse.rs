//! How fast 10,000 resources are read and laid out, and what used to be slow elsewhere: one object with many keys. hcl-edit
//! reads the same texts, for comparison (fewer keys: it takes the square of their number).

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pilotis_diag::SourceMap;
use pilotis_syntax::{format, parse_file};

fn resources(count: usize) -> String {
    let mut text = String::new();
    for i in 0..count {
        write!(
            text,
            r#"resource "gitlab_project" "p{i}" {{
  name         = "project-{i}"
  namespace_id = gitlab_group.g[{group}].id
  description  = "Project ${{var.team}} number {i}"
  tags         = ["a", "b", local.tags[{group} % 7]]
}}

"#,
            group = i % 100
        )
        .expect("writing to a string");
    }
    text
}

fn object(keys: usize) -> String {
    let items: String = (0..keys).map(|i| format!("  key_{i} = \"value {i}\"\n")).collect();
    format!("x = {{\n{items}}}\n")
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for (name, text) in [("10000 resources", resources(10_000)), ("object of 50000 keys", object(50_000))] {
        let mut sources = SourceMap::default();
        let file = sources.add("main.hcl", text.as_str());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| b.iter(|| parse_file(black_box(&sources), file)));
    }
    group.finish();
}

fn compare(c: &mut Criterion) {
    let mut group = c.benchmark_group("hcl-edit");
    for (name, text) in [("10000 resources", resources(10_000)), ("object of 2000 keys", object(2_000))] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| hcl_edit::parser::parse_body(black_box(&text)).expect("it is valid"))
        });
    }
    group.finish();
}

fn lay_out(c: &mut Criterion) {
    let text = resources(10_000);
    let mut group = c.benchmark_group("format");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("10000 resources", |b| b.iter(|| format(black_box(&text))));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = parse, compare, lay_out
}
criterion_main!(benches);

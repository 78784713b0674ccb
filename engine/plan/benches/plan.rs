//! The planner's own time: objects that cost nothing, a service that answers at once.
//!
//! Budgets (one core): a plan of 10,000 objects that does nothing 1 s; creating 10,000 is linear.

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use support::Case;

/// `n` objects in blocks: a quarter counted, a quarter by key, the rest in modules; each refers to another.
fn text(n: usize) -> (String, String) {
    let quarter = n / 4;
    let root = format!(
        r#"
        resource "sim_thing" "base" {{
          count = {quarter}
          name  = "base-${{count.index}}"
          size  = count.index
          tags  = {{ owner = "team", stage = "dev" }}
        }}
        resource "sim_thing" "user" {{
          for_each = {{ for i in range({quarter}) : "k${{i}}" => i }}
          name     = "user-${{each.key}}"
          parent   = sim_thing.base[each.value].id
        }}
        module "m" {{
          source   = "./m"
          for_each = {{ for i in range({}) : "p${{i}}" => i }}
          name     = each.key
        }}
        "#,
        n / 20
    );
    let module = r#"
        variable "name" { type = string }
        locals { prefix = "in-${var.name}" }
        resource "sim_thing" "group" {
          name = local.prefix
        }
        resource "sim_thing" "member" {
          count  = 9
          name   = "${local.prefix}-${count.index}"
          parent = sim_thing.group.id
          port { number = count.index }
        }
        output "id" { value = sim_thing.group.id }
        "#;
    (root, module.to_owned())
}

fn case(n: usize) -> Case {
    let (root, module) = text(n);
    let mut case = Case::new(&root);
    case.files.0.insert("m".into(), module);
    case.parallelism = 256;
    case.world.free = true;
    case
}

fn plans(c: &mut Criterion) {
    for n in [1_000, 10_000] {
        let mut group = c.benchmark_group(format!("{n}"));
        group.sample_size(10).throughput(Throughput::Elements(n as u64));
        let mut empty = case(n);
        group.bench_function("plan of creating", |b| {
            b.iter(|| black_box(empty.plan().plan.changes.len()));
        });
        let mut full = case(n);
        full.run();
        group.bench_function("plan of nothing", |b| {
            b.iter(|| black_box(full.plan().plan.changes.len()));
        });
        group.bench_function("creating", |b| {
            b.iter_batched(|| case(n), |mut case| black_box(case.run()), BatchSize::PerIteration);
        });
        group.finish();
    }
}

criterion_group!(benches, plans);
criterion_main!(benches);

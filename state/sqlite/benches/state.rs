//! Speed of the state.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pilotis_state::conformance::record;
use pilotis_state::{Expect, Store, Write};
use pilotis_state_sqlite::SqliteStore;

fn put(n: usize) -> Write {
    let mut record = record(&format!(r#"module.project["p{}"].gitlab_project.this["r{n}"]"#, n / 20));
    let filler = "x".repeat(1_500);
    record.attributes = format!(r#"{{"id":{n},"description":"{filler}"}}"#).into();
    Write::Put { record, expect: Expect::Any }
}

fn state(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut store = SqliteStore::open(folder.path().join("state.db")).expect("a new state");

    let mut group = criterion.benchmark_group("state");
    group.sample_size(20);
    let one = [put(0)];
    group.bench_function("one durable commit", |b| b.iter(|| store.commit(&one).expect("a commit")));
    let many: Vec<Write> = (0..10_000).map(put).collect();
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("10,000 objects in one commit", |b| {
        b.iter(|| store.commit(&many).expect("a commit"))
    });
    group.bench_function("snapshot of 10,000", |b| b.iter(|| store.snapshot().expect("a snapshot")));
    let path = store.path().to_owned();
    group.bench_function("open a state of 10,000", |b| {
        b.iter(|| SqliteStore::open(&path).expect("the state"))
    });
    group.finish();
}

criterion_group!(benches, state);
criterion_main!(benches);

//! Speed of the state on a server: `PILOTIS_TEST_PG_URL`, or one that is started here. Every commit is durable.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pilotis_state::conformance::{change, intent, record, run};
use pilotis_state::{Expect, Holder, IntentId, Lease, LeaseMode, RunId, Store, Timestamp, Write};
use pilotis_state_postgres::{PostgresStore, server::Server};

const RESOURCES: usize = 1_000;

fn put(n: usize) -> Write {
    let mut record = record(&format!(r#"module.project["p{}"].gitlab_project.this["r{n}"]"#, n / 20));
    let filler = "x".repeat(1_500);
    record.attributes = format!(r#"{{"id":{n},"description":"{filler}"}}"#).into();
    Write::Put { record, expect: Expect::Any }
}

/// What an apply of free resources asks of the state: leases, an intent before each change and its end after it. `group` are under way at
/// once, so that many commits are one transaction.
fn traffic(store: &mut PostgresStore, id: &str, group: usize) {
    let addresses: Vec<String> =
        (0..RESOURCES).map(|n| format!(r#"module.p["{id}"].thing.t[{n}]"#)).collect();
    let holder =
        Holder { host: "here".into(), pid: std::process::id(), start: String::new(), who: "bench".into() };
    let lease = |address: &String| Lease {
        address: address.as_str().into(),
        mode: LeaseMode::Exclusive,
        holder: holder.clone(),
        run: RunId(id.into()),
        since: Timestamp(0),
        expires: Timestamp(i64::MAX),
    };
    store.acquire(&addresses.iter().map(lease).collect::<Vec<_>>(), Timestamp(0)).expect("the leases");
    store.commit(&[Write::StartRun(run(id))]).expect("the run");
    for addresses in addresses.chunks(group) {
        let begin = |a: &String| Write::Begin(intent(&format!("i {a}"), id, a));
        store.commit(&addresses.iter().map(begin).collect::<Vec<_>>()).expect("intents");
        let end = |a: &String| {
            let finish = Write::Finish { id: IntentId(format!("i {a}").into()), change: change(id, a, 1) };
            [Write::Put { record: record(a), expect: Expect::Absent }, finish]
        };
        store.commit(&addresses.iter().flat_map(end).collect::<Vec<_>>()).expect("their ends");
    }
    store.release(&RunId(id.into())).expect("the release");
}

fn state(criterion: &mut Criterion) {
    let Some(server) = Server::find(&[]) else { return };
    let options = server.options(&format!("bench_{}", std::process::id()));
    let mut store = PostgresStore::open(&options).expect("a new state");
    let mut group = criterion.benchmark_group("state in PostgreSQL");
    group.sample_size(10);
    let one = [put(0)];
    group.bench_function("one durable commit", |b| b.iter(|| store.commit(&one).expect("a commit")));
    group.throughput(Throughput::Elements(RESOURCES as u64));
    let mut runs = 0;
    for at_once in [10, 100] {
        group.bench_function(format!("leases and intents of 1,000 resources, {at_once} at once"), |b| {
            b.iter(|| {
                runs += 1;
                traffic(&mut store, &format!("r{runs}"), at_once);
            });
        });
    }
    let many: Vec<Write> = (0..10_000).map(put).collect();
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("10,000 objects in one commit", |b| {
        b.iter(|| store.commit(&many).expect("a commit"))
    });
    group.bench_function("snapshot of 10,000", |b| b.iter(|| store.snapshot().expect("a snapshot")));
    group.finish();
    server.sql(&options.schema, &format!("DROP SCHEMA {} CASCADE", options.schema));
}

criterion_group!(benches, state);
criterion_main!(benches);

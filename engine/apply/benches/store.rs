//! What the state costs an apply whose resources cost nothing: leases of 1,000 resources, an intent before each change and its end after it,
//! committed as the engine does it. Durable: every commit is on the disk before the next step.
//!
//! PostgreSQL is the server that `PILOTIS_TEST_PG_URL` names, or one that is started here; without either only SQLite is measured.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::stream::{self, StreamExt as _};
use pilotis_apply::StoreThread;
use pilotis_state::conformance::{change, intent, record, run};
use pilotis_state::{Expect, Holder, IntentId, Lease, LeaseMode, RunId, Store, Timestamp, Write};
use pilotis_state_postgres::{PostgresStore, server};
use pilotis_state_sqlite::SqliteStore;

const RESOURCES: usize = 1_000;

/// One apply: `parallelism` resources are under way at once.
async fn apply(store: &StoreThread, id: &str, parallelism: usize) {
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
    let leases: Vec<Lease> = addresses.iter().map(lease).collect();
    store.with(move |store| store.acquire(&leases, Timestamp(0))).await.expect("the leases");
    store.commit(vec![Write::StartRun(run(id))]).await.expect("the run");
    let resource = async |n: usize| {
        let (intent_id, address) = (format!("{id}-{n}"), addresses[n].as_str());
        store.commit(vec![Write::Begin(intent(&intent_id, id, address))]).await.expect("an intent");
        let put = Write::Put { record: record(address), expect: Expect::Absent };
        let finish = Write::Finish { id: IntentId(intent_id.into()), change: change(id, address, 1) };
        store.commit(vec![put, finish]).await.expect("its end");
    };
    stream::iter(0..RESOURCES).map(resource).buffer_unordered(parallelism).collect::<Vec<()>>().await;
    let id = RunId(id.into());
    store.with(move |store| store.release(&id)).await.expect("the release");
}

fn measure(criterion: &mut Criterion, name: &str, store: Box<dyn Store>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let store = StoreThread::start(store);
    let runs = AtomicUsize::new(0);
    let mut group = criterion.benchmark_group(format!("leases and intents, {name}"));
    group.sample_size(10).throughput(Throughput::Elements(RESOURCES as u64));
    for parallelism in [10, 100] {
        group.bench_function(format!("{RESOURCES} resources, {parallelism} at once"), |b| {
            b.iter(|| {
                let id = format!("r{}", runs.fetch_add(1, Ordering::Relaxed));
                runtime.block_on(apply(&store, black_box(&id), parallelism));
            });
        });
    }
    group.finish();
    store.close();
}

fn stores(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sqlite = SqliteStore::open(folder.path().join("state.db")).expect("a new state");
    measure(criterion, "SQLite", Box::new(sqlite));
    let Some(server) = server::Server::find(&[]) else { return };
    let options = server.options(&format!("bench_{}", std::process::id()));
    measure(criterion, "PostgreSQL", Box::new(PostgresStore::open(&options).expect("a new state")));
    server.sql(&options.schema, &format!("DROP SCHEMA {} CASCADE", options.schema));
}

criterion_group!(benches, stores);
criterion_main!(benches);

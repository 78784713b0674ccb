//! What was acknowledged is there after a crash; several processes share a state.
//!
//! The other processes are this test binary, told by the environment to run one of the tests that otherwise do nothing.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pilotis_state::conformance::{change, intent, record, run};
use pilotis_state::{
    Expect, IntentId, Lease, LeaseMode, Observation, OutputRecord, ResourceKey, RunId, StateError, Status,
    Store, Timestamp, Write,
};
use pilotis_state_process::this_process;
use pilotis_state_sqlite::SqliteStore;

const STATE: &str = "PILOTIS_TEST_STATE";
const NAME: &str = "PILOTIS_TEST_NAME";

fn spawn(test: &str, state: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env(STATE, state)
        .env(NAME, name)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// In a child: the state and the child's name.
fn told() -> Option<(PathBuf, String)> {
    Some((std::env::var_os(STATE)?.into(), std::env::var(NAME).ok()?))
}

fn acknowledged(state: &Path, name: &str) -> Vec<usize> {
    let text = fs::read_to_string(state.with_extension(name)).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn until(what: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if what() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("nothing came in ten seconds");
}

/// A child of the tests below: commits pairs for ever, and acknowledges each.
#[test]
fn child_commits() {
    let Some((path, name)) = told() else { return };
    let mut acks = OpenOptions::new().create(true).append(true).open(path.with_extension(&name)).unwrap();
    let mut store = SqliteStore::open(&path).unwrap();
    store.commit(&[Write::StartRun(run(&name))]).unwrap();
    for n in 0.. {
        let id = format!("{name}-{n}");
        store.commit(&[Write::Begin(intent(&id, &name, &format!("{name}.a[{n}]")))]).unwrap();
        let put =
            |side| Write::Put { record: record(&format!("{name}.{side}[{n}]")), expect: Expect::Absent };
        let finish =
            Write::Finish { id: IntentId(id.into()), change: change(&name, &format!("{name}.a[{n}]"), 1) };
        store.commit(&[put("a"), finish, put("b")]).unwrap();
        writeln!(acks, "{n}").unwrap();
    }
}

/// A child of the tests below: takes a lease and sleeps on it.
#[test]
fn child_holds_a_lease() {
    let Some((path, name)) = told() else { return };
    let mut store = SqliteStore::open(&path).unwrap();
    let lease = Lease {
        address: "a".into(),
        mode: LeaseMode::Exclusive,
        holder: this_process(&name),
        run: RunId(name.as_str().into()),
        since: Timestamp(0),
        expires: Timestamp(i64::MAX),
    };
    store.acquire(&[lease], Timestamp(0)).unwrap();
    fs::write(path.with_extension(&name), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

/// The numbers of one side of a child's pairs.
fn side(store: &mut SqliteStore, prefix: &str) -> BTreeSet<usize> {
    let resources = store.snapshot().unwrap().resources;
    let numbers = resources.iter().filter_map(|r| r.key.address.strip_prefix(prefix)?.strip_suffix(']'));
    numbers.map(|n| n.parse().unwrap()).collect()
}

#[test]
fn a_killed_process_loses_nothing_and_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    for round in 0..8 {
        let name = format!("child{round}");
        let mut child = spawn("child_commits", &path, &name);
        until(|| acknowledged(&path, &name).len() > round * 3);
        std::thread::sleep(Duration::from_micros(617 * round as u64));
        child.kill().unwrap();
        child.wait().unwrap();

        let acknowledged = acknowledged(&path, &name);
        let mut store = SqliteStore::open(&path).unwrap();
        let a = side(&mut store, &format!("{name}.a["));
        assert_eq!(a, side(&mut store, &format!("{name}.b[")), "a commit was done by half");
        assert!(acknowledged.iter().all(|n| a.contains(n)), "an acknowledged commit is lost");
        assert!(a.len() <= acknowledged.len() + 1, "only the last one can be done and not acknowledged");
        assert_eq!(a, (0..a.len()).collect());
        let open =
            store.snapshot().unwrap().intents.into_iter().filter(|i| *i.run.0 == *name).collect::<Vec<_>>();
        assert!(open.len() <= 1);
        assert!(open.iter().all(|i| *i.id.0 == *format!("{name}-{}", a.len())), "what was begun is known");
        assert_eq!(store.changes(&RunId(name.as_str().into())).unwrap().len(), a.len());
    }
}

/// A child of the test below: changes the file in the mode that it is in while its tables are made, and dies in between.
#[test]
fn child_dies_while_it_makes_tables() {
    let Some((path, name)) = told() else { return };
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "journal_mode", "delete").unwrap();
    connection.pragma_update(None, "cache_size", 1).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE; CREATE TABLE half (a TEXT)").unwrap();
    for _ in 0..200 {
        connection.execute("INSERT INTO half VALUES (hex(randomblob(5000)))", []).unwrap();
    }
    fs::write(path.with_extension(&name), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_process_that_died_while_it_made_tables_leaves_a_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    SqliteStore::open(&path)
        .unwrap()
        .commit(&[Write::Put { record: record("a"), expect: Expect::Absent }])
        .unwrap();
    let mut child = spawn("child_dies_while_it_makes_tables", &path, "maker");
    until(|| path.with_extension("maker").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let journal = folder.path().join("state.db-journal");
    assert!(journal.exists(), "it left nothing that is to be rolled back");
    let snapshot = SqliteStore::open(&path).unwrap().snapshot().unwrap();
    assert_eq!((snapshot.serial, snapshot.resources.len()), (1, 1));
}

#[test]
fn two_processes_write_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    // Both also make the file at the same time.
    let mut children = ["one", "two", "three"].map(|name| spawn("child_commits", &path, name));
    until(|| ["one", "two", "three"].iter().all(|name| acknowledged(&path, name).len() > 20));
    children.iter_mut().for_each(|c| c.kill().unwrap());
    assert!(children.iter_mut().all(|c| !c.wait().unwrap().success()));
    let mut store = SqliteStore::open(&path).unwrap();
    let mut commits = 0;
    for name in ["one", "two", "three"] {
        let a = side(&mut store, &format!("{name}.a["));
        assert!(acknowledged(&path, name).iter().all(|n| a.contains(n)));
        let open = store.snapshot().unwrap().intents.iter().filter(|i| *i.run.0 == *name).count();
        commits += 1 + 2 * a.len() + open;
    }
    assert_eq!(store.snapshot().unwrap().serial, commits as u64, "every commit counts once");
}

#[test]
fn a_lease_ends_with_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut child = spawn("child_holds_a_lease", &path, "sleeper");
    until(|| path.with_extension("sleeper").exists());
    let mut store = SqliteStore::open(&path).unwrap();
    let ours = Lease {
        address: "*".into(),
        mode: LeaseMode::Exclusive,
        holder: this_process("marie"),
        run: RunId("ours".into()),
        since: Timestamp(0),
        expires: Timestamp(i64::MAX),
    };
    let refused = store.acquire(std::slice::from_ref(&ours), Timestamp(1)).unwrap_err();
    assert!(matches!(&refused, StateError::Locked { lease } if lease.holder.pid == child.id()), "{refused}");
    assert!(refused.to_string().contains(&format!("sleeper (process {}", child.id())), "{refused}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(store.snapshot().unwrap().leases.is_empty());
    store.acquire(&[ours], Timestamp(1)).unwrap();
}

/// All that a state holds is the same after it was closed and opened again.
#[test]
fn everything_survives_being_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let mut deposed = record("b");
    deposed.key.deposed = Some("00c0ffee".into());
    deposed.status = Status::Tainted;
    let seen =
        Observation { key: ResourceKey::current("a"), at: Timestamp(3), attributes: None, complete: true };
    store
        .commit(&[
            Write::StartRun(run("r")),
            Write::Put { record: record("a"), expect: Expect::Absent },
            Write::Put { record: deposed, expect: Expect::Absent },
            Write::Begin(intent("i", "r", "c")),
            Write::Note(change("r", "a", 4)),
            Write::Observe(seen),
            Write::PutOutput(OutputRecord { name: "o".into(), value: "{}".into(), sensitive: true }),
        ])
        .unwrap();
    let all = |store: &mut SqliteStore| {
        let snapshot = store.snapshot().unwrap();
        let rows =
            (snapshot.resources, snapshot.outputs, snapshot.intents, snapshot.lineage, snapshot.serial);
        (rows, store.observations().unwrap(), store.history("a", 9).unwrap(), store.runs(9).unwrap())
    };
    let before = all(&mut store);
    drop(store);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "one file is left, with everything in it");
    assert_eq!(all(&mut SqliteStore::open(&path).unwrap()), before);
}

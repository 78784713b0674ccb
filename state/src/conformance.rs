//! What every store must do: run these tests against it.
//!
//! Each test is given a function that opens a fresh, empty state and one that opens a second connection to it.

// These are tests, though no `#[cfg(test)]` is around them.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use pilotis_value::Concealed;

use crate::audit::{self, AuditedCall};
use crate::{
    Action, Change, ChangeOutcome, Expect, Holder, Intent, IntentId, Lease, LeaseMode, Observation,
    OutputRecord, ResourceKey, ResourceRecord, Run, RunId, RunKind, RunStatus, StateError, Status, Store,
    Timestamp, Write,
};

/// A state under test, for as long as a test lasts.
pub trait World {
    /// The store.
    type Store: Store;
    /// Another connection to the same state.
    fn connect(&self) -> Self::Store;
    /// A holder whose process is alive.
    fn living(&self) -> Holder;
    /// A holder whose process is dead.
    fn dead(&self) -> Holder;
    /// True if whoever takes a lease takes all of the state.
    fn locks_everything(&self) -> bool {
        false
    }
}

/// Makes `#[test]`s out of an expression that gives a fresh [`World`]; with `in one test:` before it a single one, for stores that take long
/// to set up.
#[macro_export]
macro_rules! conformance {
    (in one test: $world:expr) => {
        $crate::conformance!(@names one, $world);
    };
    (@names $how:ident, $world:expr) => {
        $crate::conformance!(@$how $world, [
            round_trip, heads, all_or_nothing, versions_only_grow, expectations, moves, observations, intents, history, leases,
            lease_takeover, the_lease_of_everything, readers, readers_of_everything, a_reader_that_is_over, begin_is_fenced, a_run_that_lost_its_leases, a_run_that_is_over, refusals, becoming, copies,
            what_runs_were_made_of, journal
        ]);
    };
    (@each $world:expr, [$($test:ident),+]) => {$(
        #[test]
        fn $test() {
            $crate::conformance::$test(&$world);
        }
    )+};
    (@one $world:expr, [$($test:ident),+]) => {
        #[test]
        fn conformance() {
            $(
                // Shown if it fails.
                println!("{}", stringify!($test));
                $crate::conformance::$test(&$world);
            )+
        }
    };
    ($world:expr) => {
        $crate::conformance!(@names each, $world);
    };
}

/// A resource with something in every field.
pub fn record(address: &str) -> ResourceRecord {
    ResourceRecord {
        key: ResourceKey::current(address),
        type_name: "gitlab_group".into(),
        provider: r#"provider["registry.terraform.io/gitlabhq/gitlab"]"#.into(),
        schema_version: 3,
        attributes: r#"{"id":1,"name":"Équipe carto","path":"carto"}"#.into(),
        sensitive_paths: r#"[["name"]]"#.into(),
        dependencies: vec!["gitlab_user.owner".into(), r#"module.a.data.t.n"#.into()],
        status: Status::Ready,
        create_before_destroy: false,
        protected: true,
        digest: [7; 32],
        version: 0,
    }
}

/// A run that goes on.
pub fn run(id: &str) -> Run {
    Run {
        id: RunId(id.into()),
        kind: RunKind::Apply,
        who: "marie@laptop".into(),
        commit: Some("2af73b0".into()),
        plan_digest: None,
        started: Timestamp(1_000),
        finished: None,
        status: RunStatus::Running,
        calls: 0,
    }
}

/// An intent to create a group.
pub fn intent(id: &str, run: &str, address: &str) -> Intent {
    Intent {
        id: IntentId(id.into()),
        run: RunId(run.into()),
        key: ResourceKey::current(address),
        action: Action::Create,
        type_name: "gitlab_group".into(),
        provider: "provider[\"x\"]".into(),
        planned: r#"{"path":"carto"}"#.into(),
        meta: "{}".into(),
        begun: Timestamp(2_000),
    }
}

/// A change that was done.
pub fn change(run: &str, address: &str, at: i64) -> Change {
    Change {
        run: RunId(run.into()),
        key: ResourceKey::current(address),
        action: Action::Create,
        at: Timestamp(at),
        before: None,
        after: Some("{}".into()),
        outcome: ChangeOutcome::Done,
        error: None,
    }
}

fn put(record: ResourceRecord) -> Write {
    Write::Put { record, expect: Expect::Any }
}

fn remove(address: &str) -> Write {
    Write::Remove { key: ResourceKey::current(address), expect: Expect::Any }
}

fn lease(address: &str, run: &str, holder: Holder, expires: i64) -> Lease {
    let since = Timestamp(5);
    let (mode, run, expires) = (LeaseMode::Exclusive, RunId(run.into()), Timestamp(expires));
    Lease { address: address.into(), mode, holder, run, since, expires }
}

fn reading(address: &str, run: &str, holder: Holder, expires: i64) -> Lease {
    Lease { mode: LeaseMode::Shared, ..lease(address, run, holder, expires) }
}

fn version(store: &mut impl Store, address: &str) -> Option<i64> {
    let snapshot = store.snapshot().unwrap();
    snapshot
        .resources
        .iter()
        .find(|r| *r.key.address == *address && r.key.deposed.is_none())
        .map(|r| r.version)
}

/// What is put is what is read, sorted, also through another connection.
pub fn round_trip(world: &impl World) {
    let mut store = world.connect();
    let empty = store.snapshot().unwrap();
    assert_eq!(empty.serial, 0);
    assert!(!empty.lineage.is_empty());

    let mut deposed = record("b");
    deposed.key.deposed = Some("00c0ffee".into());
    deposed.status = Status::Tainted;
    deposed.create_before_destroy = true;
    deposed.protected = false;
    deposed.dependencies = vec![];
    let (a, b) = (record(r#"a["x\"\n"]"#), record("b"));
    let output = OutputRecord {
        name: "url".into(),
        value: r#"{"type":"string","value":"u"}"#.into(),
        sensitive: true,
    };
    store.commit(&[put(deposed.clone()), put(b.clone())]).unwrap();
    store
        .commit(&[put(a.clone()), Write::PutOutput(output.clone()), Write::PutChecks("[1]".into())])
        .unwrap();

    for mut reader in [store, world.connect()] {
        let snapshot = reader.snapshot().unwrap();
        assert_eq!(snapshot.serial, 2);
        assert_eq!(snapshot.lineage, empty.lineage);
        let at = |record: &ResourceRecord, version| ResourceRecord { version, ..record.clone() };
        assert_eq!(snapshot.resources, [at(&a, 2), at(&b, 1), at(&deposed, 1)]);
        assert_eq!(snapshot.outputs, std::slice::from_ref(&output));
        assert_eq!(&*snapshot.checks, "[1]");
        assert_eq!(reader.outputs().unwrap(), snapshot.outputs);
    }
    let mut store = world.connect();
    store.commit(&[Write::RemoveOutput("url".into()), remove("b")]).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert!(snapshot.outputs.is_empty());
    assert_eq!(snapshot.resources.len(), 2, "the deposed object of b stays");
}

/// The head is another one after each commit, and the same for all who look.
pub fn heads(world: &impl World) {
    let mut store = world.connect();
    let empty = store.head().unwrap();
    assert_eq!((empty.serial, &empty.run), (0, &None));
    assert_eq!(empty.lineage, store.snapshot().unwrap().lineage);
    store.commit(&[Write::StartRun(run("r1"))]).unwrap();
    let first = store.head().unwrap();
    assert_eq!((first.serial, first.run.clone()), (1, Some(RunId("r1".into()))));
    store.commit(&[put(record("a"))]).unwrap();
    assert_ne!(store.head().unwrap(), first);
    store.commit(&[Write::StartRun(run("r2"))]).unwrap();
    let last = world.connect().head().unwrap();
    assert_eq!((last.serial, last.run.clone()), (3, Some(RunId("r2".into()))));
    assert_eq!(store.head().unwrap(), last);
}

/// A state takes the place of another only as long as nobody has written meanwhile, and its serial never goes back.
pub fn becoming(world: &impl World) {
    let mut store = world.connect();
    let was = store.snapshot().unwrap();
    let turn = |serial, read| Write::Become { lineage: "l".into(), serial, read };
    store.commit(&[turn(7, 0), put(record("a"))]).unwrap();
    let snapshot = world.connect().snapshot().unwrap();
    assert_eq!((snapshot.lineage.as_str(), snapshot.serial, version(&mut store, "a")), ("l", 7, Some(7)));

    let refused = world.connect().commit(&[turn(9, 0), put(record("b"))]);
    assert!(matches!(refused, Err(StateError::Superseded { read: 0, now: 7, .. })), "{refused:?}");
    let back = Write::Become { lineage: was.lineage.clone(), serial: 3, read: 7 };
    let refused = store.commit(&[back.clone(), Write::Begin(intent("i", "none", "a"))]);
    assert!(matches!(refused, Err(StateError::NotFound { .. })), "{refused:?}");
    let snapshot = store.snapshot().unwrap();
    assert_eq!((snapshot.lineage.as_str(), snapshot.serial), ("l", 7), "what is refused has done nothing");
    store.commit(&[back]).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!((snapshot.lineage, snapshot.serial), (was.lineage, 8));
    store.commit(&[put(record("a"))]).unwrap();
    assert_eq!(version(&mut store, "a"), Some(9));
}

/// A commit that is refused has done nothing and counts nothing.
pub fn all_or_nothing(world: &impl World) {
    let mut store = world.connect();
    store
        .commit(&[Write::StartRun(run("r")), put(record("a")), Write::Begin(intent("i", "r", "a"))])
        .unwrap();
    let before = store.snapshot().unwrap();
    let seen = |at| Observation {
        key: ResourceKey::current("a"),
        at: Timestamp(at),
        attributes: None,
        complete: true,
    };
    store.commit(&[Write::Observe(seen(5))]).unwrap();

    let refused = store.commit(&[
        put(record("b")),
        Write::Move { from: ResourceKey::current("a"), to: ResourceKey::current("c") },
        Write::Finish { id: IntentId("i".into()), change: change("r", "a", 3) },
        Write::StartRun(run("r2")),
        Write::Begin(intent("i2", "r2", "x")),
        Write::Observe(Observation { key: ResourceKey::current("c"), ..seen(6) }),
        Write::FinishRun { id: RunId("r".into()), status: RunStatus::Done, at: Timestamp(9), calls: 4 },
        Write::PutOutput(OutputRecord { name: "o".into(), value: "{}".into(), sensitive: false }),
        Write::PutChecks("[2]".into()),
        keep("r", "d", "made of"),
        remove("c"),
        Write::Put { record: record("b"), expect: Expect::Absent },
    ]);
    assert!(matches!(refused, Err(StateError::Conflict(key)) if &*key.address == "b"));

    let after = store.snapshot().unwrap();
    assert_eq!(after.serial, before.serial + 1);
    assert_eq!(after.resources, before.resources);
    assert_eq!(after.intents, before.intents);
    assert!(after.outputs.is_empty());
    assert!(after.checks.is_empty());
    assert_eq!(store.made_of(&RunId("r".into())).unwrap(), None);
    assert_eq!(store.observations().unwrap(), [seen(5)]);
    assert_eq!(store.runs(10).unwrap(), [run("r")]);
    assert!(store.changes(&RunId("r".into())).unwrap().is_empty());
}

fn keep(run: &str, digest: &str, text: &str) -> Write {
    Write::KeepMadeOf { run: RunId(run.into()), digest: digest.into(), text: Concealed(text.into()) }
}

/// What a run was made of is kept with it; two runs may be made of the same.
pub fn what_runs_were_made_of(world: &impl World) {
    let mut store = world.connect();
    store.commit(&[Write::StartRun(run("r")), keep("r", "d", "made of")]).unwrap();
    store.commit(&[Write::StartRun(run("s")), keep("s", "d", "made of"), Write::StartRun(run("t"))]).unwrap();
    assert!(matches!(store.commit(&[keep("nobody", "d", "x")]), Err(StateError::NotFound { .. })));
    let mut store = world.connect();
    let mut of = |run: &str| store.made_of(&RunId(run.into())).unwrap();
    assert_eq!(of("r").as_deref(), Some("made of"));
    assert_eq!(of("s").as_deref(), Some("made of"));
    assert_eq!((of("t"), of("nobody")), (None, None));
}

/// A version never comes back, also not when an object is removed and made again.
pub fn versions_only_grow(world: &impl World) {
    let mut store = world.connect();
    let mut seen = Vec::new();
    for _ in 0..3 {
        store.commit(&[put(ResourceRecord { version: 1, ..record("a") })]).unwrap();
        seen.push(version(&mut store, "a").unwrap());
        store.commit(&[put(record("a"))]).unwrap();
        seen.push(version(&mut store, "a").unwrap());
        store.commit(&[remove("a")]).unwrap();
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}

/// Put and remove are refused if the row isn't what it must be.
pub fn expectations(world: &impl World) {
    let mut store = world.connect();
    let expecting = |expect| Write::Put { record: record("a"), expect };
    let conflict =
        |result: Result<(), StateError>| matches!(result, Err(StateError::Conflict(k)) if &*k.address == "a");

    assert!(conflict(store.commit(&[expecting(Expect::Version(1))])), "there is no row");
    store.commit(&[expecting(Expect::Absent)]).unwrap();
    assert!(conflict(store.commit(&[expecting(Expect::Absent)])));
    let first = version(&mut store, "a").unwrap();
    store.commit(&[expecting(Expect::Version(first))]).unwrap();
    assert!(conflict(store.commit(&[expecting(Expect::Version(first))])), "it has changed");

    let removing = |expect| Write::Remove { key: ResourceKey::current("a"), expect };
    assert!(conflict(store.commit(&[removing(Expect::Version(first))])));
    let second = version(&mut store, "a").unwrap();
    store.commit(&[removing(Expect::Version(second))]).unwrap();
    assert!(conflict(store.commit(&[removing(Expect::Version(second))])), "it is gone");
    store.commit(&[removing(Expect::Any)]).unwrap();
    store.commit(&[removing(Expect::Absent)]).unwrap();
}

/// A move takes row and observation along, and never covers another row.
pub fn moves(world: &impl World) {
    let mut store = world.connect();
    let (a, b) = (ResourceKey::current("a"), ResourceKey::current("b"));
    let seen =
        Observation { key: a.clone(), at: Timestamp(5), attributes: Some("{}".into()), complete: false };
    store.commit(&[put(record("a")), put(record("other")), Write::Observe(seen.clone())]).unwrap();
    store.commit(&[Write::Move { from: a.clone(), to: b.clone() }]).unwrap();

    let resources = store.snapshot().unwrap().resources;
    assert_eq!(resources[0], ResourceRecord { version: 2, ..record("b") });
    assert_eq!(store.observations().unwrap(), [Observation { key: b.clone(), ..seen }]);
    let covered = store.commit(&[Write::Move { from: b, to: ResourceKey::current("other") }]);
    assert!(matches!(covered, Err(StateError::Conflict(k)) if &*k.address == "other"));
    let missing = store.commit(&[Write::Move { from: a, to: ResourceKey::current("c") }]);
    assert!(matches!(missing, Err(StateError::Conflict(k)) if &*k.address == "a"));
}

/// The newest observation of an object is kept; it goes with the object.
pub fn observations(world: &impl World) {
    let mut store = world.connect();
    let seen = |address: &str, at, attributes: Option<&str>| Observation {
        key: ResourceKey::current(address),
        at: Timestamp(at),
        attributes: attributes.map(Arc::from),
        complete: true,
    };
    let writes =
        [seen("b", 1, Some("{}")), seen("a", 5, None), seen("a", 4, Some("{}")), seen("b", 2, Some("[]"))];
    store.commit(&writes.map(Write::Observe)).unwrap();
    assert_eq!(store.observations().unwrap(), [seen("a", 5, None), seen("b", 2, Some("[]"))]);
    store.commit(&[remove("a")]).unwrap();
    assert_eq!(store.observations().unwrap(), [seen("b", 2, Some("[]"))]);
}

/// An intent is open from its beginning to its finish; those of living runs are not abandoned.
pub fn intents(world: &impl World) {
    let mut store = world.connect();
    store
        .commit(&[
            Write::StartRun(run("dead")),
            Write::StartRun(run("alive")),
            Write::Begin(intent("3", "dead", "a")),
            Write::Begin(intent("2", "alive", "b")),
            Write::Begin(intent("1", "dead", "c")),
        ])
        .unwrap();
    let now = store.clock().unwrap().map_or(1_000, |t| t.0);
    let until = now + 60_000;
    let held = [lease("b", "alive", world.living(), until), lease("z", "dead", world.dead(), until)];
    store.acquire(&held[..1], Timestamp(now)).unwrap();
    // Where a run locks everything, no other one has a lease beside it.
    if !world.locks_everything() {
        store.acquire(&held[1..], Timestamp(now)).unwrap();
    }

    let snapshot = world.connect().snapshot().unwrap();
    let all = [intent("3", "dead", "a"), intent("2", "alive", "b"), intent("1", "dead", "c")];
    assert_eq!(snapshot.intents, all, "in the order in which they began");
    assert_eq!(snapshot.leases, held[..1]);
    assert_eq!(snapshot.abandoned(Timestamp(now)), [&all[0], &all[2]]);
    store.renew(&RunId("alive".into()), Timestamp(now - 1)).unwrap();
    assert_eq!(store.snapshot().unwrap().abandoned(Timestamp(now)).len(), 3, "its lease has expired");

    let finish = |id: &str, run: &str, address: &str| Write::Finish {
        id: IntentId(id.into()),
        change: change(run, address, 7),
    };
    store.commit(&[finish("3", "dead", "a"), put(record("a"))]).unwrap();
    assert_eq!(store.snapshot().unwrap().intents.len(), 2);
    assert_eq!(store.changes(&RunId("dead".into())).unwrap(), [change("dead", "a", 7)]);
    let again = store.commit(&[finish("3", "dead", "a")]);
    assert!(matches!(again, Err(StateError::Settled(id)) if *id.0 == *"3"));
}

/// Runs and changes are listed newest first, with everything that was said of them.
pub fn history(world: &impl World) {
    let mut store = world.connect();
    store.commit(&[Write::StartRun(run("1")), Write::Note(change("1", "a", 10))]).unwrap();
    let failed = Change {
        action: Action::Update,
        before: Some("{}".into()),
        after: None,
        outcome: ChangeOutcome::Failed,
        error: Some("403 Forbidden".into()),
        ..change("2", "a", 20)
    };
    store
        .commit(&[
            Write::StartRun(Run {
                kind: RunKind::Edit,
                commit: None,
                plan_digest: Some("d1".into()),
                ..run("2")
            }),
            Write::Note(change("2", "b", 19)),
            Write::Note(failed.clone()),
            Write::FinishRun {
                id: RunId("2".into()),
                status: RunStatus::Partial,
                at: Timestamp(30),
                calls: 12,
            },
        ])
        .unwrap();
    let second = Run {
        kind: RunKind::Edit,
        commit: None,
        plan_digest: Some("d1".into()),
        finished: Some(Timestamp(30)),
        status: RunStatus::Partial,
        calls: 12,
        ..run("2")
    };
    assert_eq!(store.runs(10).unwrap(), [second.clone(), run("1")]);
    assert_eq!(store.runs(1).unwrap(), std::slice::from_ref(&second));
    let both = [(second, failed.clone()), (run("1"), change("1", "a", 10))];
    assert_eq!(store.history("a", 10).unwrap(), both);
    assert_eq!(store.history("a", 1).unwrap(), both[..1]);
    assert_eq!(store.changes(&RunId("2".into())).unwrap(), [change("2", "b", 19), failed]);
}

/// Two runs hold different objects at the same time, and never the same.
pub fn leases(world: &impl World) {
    let (mut ours, mut theirs) = (world.connect(), world.connect());
    let me = world.living();
    ours.acquire(&[lease("a", "1", me.clone(), 100), lease("b", "1", me.clone(), 100)], Timestamp(0))
        .unwrap();
    let other = theirs.acquire(&[lease("c", "2", me.clone(), 100)], Timestamp(0));
    if world.locks_everything() {
        let first =
            |refused: &StateError| matches!(refused, StateError::Locked { lease } if *lease.run.0 == *"1");
        assert!(other.is_err_and(|refused| first(&refused)), "nothing is left for another run");
    } else {
        other.unwrap();
    }

    let both = [lease("d", "2", me.clone(), 100), lease("b", "2", me.clone(), 100)];
    let refused = theirs.acquire(&both, Timestamp(0));
    // Who locks everything may name any lease of the run.
    let named = if world.locks_everything() { "a" } else { "b" };
    assert!(
        matches!(&refused, Err(StateError::Locked { lease: l }) if *l == lease(named, "1", me.clone(), 100)),
        "{refused:?}"
    );
    assert!(refused.unwrap_err().to_string().contains(&me.who), "the message names the holder");
    ours.acquire(&[lease("d", "1", me.clone(), 100)], Timestamp(0))
        .expect("the refused run got none of them");

    ours.release(&RunId("1".into())).unwrap();
    theirs.acquire(&both, Timestamp(0)).unwrap();
    theirs.release(&RunId("2".into())).unwrap();
    assert!(ours.snapshot().unwrap().leases.is_empty());
    assert_eq!(ours.snapshot().unwrap().serial, 0, "leases are no data");
}

/// A lease that has expired, or whose holder is dead, is taken over; the run that lost it learns it.
pub fn lease_takeover(world: &impl World) {
    let mut store = world.connect();
    let me = world.living();
    let take = |run: &str, holder: &Holder| [lease("a", run, holder.clone(), 100)];
    store.acquire(&take("1", &me), Timestamp(0)).unwrap();
    assert!(store.acquire(&take("2", &me), Timestamp(99)).is_err());
    store.renew(&RunId("1".into()), Timestamp(200)).unwrap();
    assert!(store.acquire(&take("2", &me), Timestamp(199)).is_err());
    store.acquire(&[lease("a", "2", me.clone(), 300)], Timestamp(200)).unwrap();
    let lost = store.renew(&RunId("1".into()), Timestamp(500));
    assert!(matches!(lost, Err(StateError::NotFound { .. })));

    store.acquire(&[lease("b", "2", me.clone(), 900)], Timestamp(400)).unwrap();
    assert_eq!(
        store.snapshot().unwrap().leases.len(),
        2,
        "what has expired stays until another run wants it"
    );

    store.release(&RunId("2".into())).unwrap();
    store.acquire(&take("3", &world.dead()), Timestamp(0)).unwrap();
    store.acquire(&take("4", &me), Timestamp(1)).unwrap();
    store.acquire(&[lease("a", "4", me.clone(), 700)], Timestamp(1)).expect("a run may take its own again");
    assert_eq!(store.snapshot().unwrap().leases, [lease("a", "4", me, 700)]);
}

/// `"*"` excludes every other run.
pub fn the_lease_of_everything(world: &impl World) {
    let mut store = world.connect();
    let me = world.living();
    let take = |address: &str, run: &str| [lease(address, run, me.clone(), 100)];
    store.acquire(&take("a", "1"), Timestamp(0)).unwrap();
    assert!(store.acquire(&take("*", "2"), Timestamp(0)).is_err());
    store.acquire(&take("*", "1"), Timestamp(0)).unwrap();
    assert!(store.acquire(&take("b", "2"), Timestamp(0)).is_err());
    assert!(store.acquire(&take("*", "2"), Timestamp(0)).is_err());
    store.release(&RunId("1".into())).unwrap();
    store.acquire(&take("*", "2"), Timestamp(0)).unwrap();
}

/// Runs read the same object side by side. None changes it meanwhile, and none reads what is being changed.
pub fn readers(world: &impl World) {
    if world.locks_everything() {
        // Nobody reads beside another run there: `leases` shows it.
        return;
    }
    let mut store = world.connect();
    let me = world.living();
    let read = |run: &str| reading("a", run, me.clone(), 100);
    let write = |run: &str| lease("a", run, me.clone(), 100);
    store.acquire(&[read("1")], Timestamp(0)).unwrap();
    store.acquire(&[write("1")], Timestamp(0)).expect("the only reader may change it");
    store.acquire(&[read("1")], Timestamp(0)).unwrap();
    assert_eq!(store.snapshot().unwrap().leases, [write("1")], "it still may");
    let refused = world.connect().acquire(&[read("2")], Timestamp(0));
    assert!(matches!(&refused, Err(StateError::Locked { lease }) if *lease == write("1")), "{refused:?}");
    assert!(refused.unwrap_err().to_string().starts_with("a is being changed by "));
    store.release(&RunId("1".into())).unwrap();

    store.acquire(&[lease("b", "1", me.clone(), 100), read("1")], Timestamp(0)).unwrap();
    world.connect().acquire(&[read("2"), lease("c", "2", me.clone(), 100)], Timestamp(0)).unwrap();
    let leases = store.snapshot().unwrap().leases;
    let held: Vec<_> = leases.iter().map(|l| (&*l.address, &*l.run.0, l.mode)).collect();
    let (shared, exclusive) = (LeaseMode::Shared, LeaseMode::Exclusive);
    assert_eq!(held, [("a", "1", shared), ("a", "2", shared), ("b", "1", exclusive), ("c", "2", exclusive)]);
    let refused = store.acquire(&[lease("d", "3", me.clone(), 100), write("3")], Timestamp(0));
    assert!(matches!(&refused, Err(StateError::Locked { lease }) if lease.mode == shared), "{refused:?}");
    assert!(refused.unwrap_err().to_string().starts_with("a is being read by "));
    assert!(store.acquire(&[write("1")], Timestamp(0)).is_err(), "it isn't the only reader");

    store.release(&RunId("1".into())).unwrap();
    let refused = store.acquire(&[write("3")], Timestamp(0));
    assert!(matches!(&refused, Err(StateError::Locked { lease }) if *lease == read("2")), "{refused:?}");
    store.acquire(&[read("2"), write("2"), read("2")], Timestamp(0)).expect("both at once, and it is alone");
    assert!(store.acquire(&[read("3")], Timestamp(0)).is_err());
    store.release(&RunId("2".into())).unwrap();
    store.acquire(&[write("3")], Timestamp(0)).unwrap();
}

/// `"*"` is of all objects, to read them or to change them.
pub fn readers_of_everything(world: &impl World) {
    if world.locks_everything() {
        // Nobody reads beside another run there: `leases` shows it.
        return;
    }
    let mut store = world.connect();
    let me = world.living();
    let read = |address: &str, run: &str| [reading(address, run, me.clone(), 100)];
    let write = |address: &str, run: &str| [lease(address, run, me.clone(), 100)];
    store.acquire(&read("a", "1"), Timestamp(0)).unwrap();
    let refused = store.acquire(&write("*", "2"), Timestamp(0));
    assert!(matches!(refused, Err(StateError::Locked { lease }) if *lease.address == *"a"));
    store.acquire(&read("*", "2"), Timestamp(0)).unwrap();
    store.acquire(&read("b", "3"), Timestamp(0)).unwrap();
    let refused = store.acquire(&write("c", "3"), Timestamp(0)).unwrap_err();
    assert!(refused.to_string().starts_with("the state is being read by "), "{refused}");
    store.release(&RunId("2".into())).unwrap();
    store.acquire(&write("c", "3"), Timestamp(0)).unwrap();
    assert!(store.acquire(&read("*", "2"), Timestamp(0)).is_err());
    store.release(&RunId("3".into())).unwrap();
    store.acquire(&write("*", "1"), Timestamp(0)).unwrap();
    assert!(store.acquire(&read("b", "2"), Timestamp(0)).is_err());
}

/// Of readers too: what has expired, and what a dead process held, is taken over, and begins nothing any more.
pub fn a_reader_that_is_over(world: &impl World) {
    if world.locks_everything() {
        // Nobody reads beside another run there: `leases` shows it.
        return;
    }
    let mut store = world.connect();
    let me = world.living();
    store.commit(&[Write::StartRun(run("1"))]).unwrap();
    store.acquire(&[reading("a", "1", me.clone(), 100)], Timestamp(0)).unwrap();
    store.acquire(&[reading("a", "2", me.clone(), 900)], Timestamp(0)).unwrap();
    assert!(store.acquire(&[lease("a", "3", me.clone(), 900)], Timestamp(100)).is_err(), "one reads on");
    store.release(&RunId("2".into())).unwrap();
    store.acquire(&[lease("a", "3", me.clone(), 900)], Timestamp(100)).unwrap();
    assert!(store.renew(&RunId("1".into()), Timestamp(500)).is_err());
    let refused = store.commit(&[Write::Begin(intent("i", "1", "b"))]);
    assert!(matches!(refused, Err(StateError::Fenced(run)) if *run.0 == *"1"));
    store.release(&RunId("3".into())).unwrap();

    store.acquire(&[reading("a", "4", world.dead(), 900)], Timestamp(0)).unwrap();
    store.acquire(&[lease("a", "5", me.clone(), 900)], Timestamp(0)).unwrap();
    store.revoke(&RunId("5".into())).unwrap();
    store.acquire(&[reading("a", "6", me.clone(), 900)], Timestamp(0)).unwrap();
    store.revoke(&RunId("6".into())).unwrap();
    assert!(store.snapshot().unwrap().leases.is_empty());
}

/// A run begins nothing on what another run holds, be it only to read it.
pub fn begin_is_fenced(world: &impl World) {
    let mut store = world.connect();
    let me = world.living();
    store.commit(&[Write::StartRun(run("1")), Write::StartRun(run("2"))]).unwrap();
    store.acquire(&[lease("a", "2", me.clone(), 100)], Timestamp(0)).unwrap();
    let fenced = store.commit(&[Write::Begin(intent("i", "1", "a"))]);
    assert!(matches!(fenced, Err(StateError::Locked { lease }) if lease.run.0.as_ref() == "2"));
    store.commit(&[Write::Begin(intent("i", "1", "b")), Write::Begin(intent("j", "2", "a"))]).unwrap();
    if world.locks_everything() {
        // Nobody reads beside another run there: `leases` shows it.
        return;
    }
    store
        .acquire(&[reading("c", "2", me.clone(), 100), reading("c", "3", me.clone(), 100)], Timestamp(0))
        .unwrap();
    for its in ["1", "2"] {
        let fenced = store.commit(&[Write::Begin(intent("k", its, "c"))]);
        assert!(matches!(fenced, Err(StateError::Locked { lease }) if lease.mode == LeaseMode::Shared));
    }
    store.release(&RunId("3".into())).unwrap();
    store.commit(&[Write::Begin(intent("k", "2", "c"))]).unwrap();
    store.acquire(&[lease("*", "2", me, 100)], Timestamp(0)).unwrap();
    assert!(store.commit(&[Write::Begin(intent("l", "1", "z"))]).is_err());
}

/// A run whose leases were taken from it begins nothing any more, also where nobody else is at work; what it had begun it may finish.
pub fn a_run_that_lost_its_leases(world: &impl World) {
    let mut store = world.connect();
    let me = world.living();
    let take = |run: &str, expires| [lease("a", run, me.clone(), expires)];
    store.commit(&[Write::StartRun(run("1")), Write::StartRun(run("2"))]).unwrap();
    store.acquire(&take("1", 100), Timestamp(0)).unwrap();
    store.commit(&[Write::Begin(intent("i", "1", "a"))]).unwrap();
    store.acquire(&take("2", 200), Timestamp(100)).unwrap();
    store.release(&RunId("2".into())).unwrap();
    let fenced =
        |refused: Result<(), StateError>| matches!(refused, Err(StateError::Fenced(run)) if *run.0 == *"1");
    assert!(fenced(store.commit(&[Write::Begin(intent("j", "1", "a"))])), "it was taken over");
    store
        .commit(&[Write::Finish { id: IntentId("i".into()), change: change("1", "a", 7) }, put(record("a"))])
        .unwrap();

    store.acquire(&take("1", 300), Timestamp(0)).unwrap();
    store.commit(&[Write::Begin(intent("j", "1", "a"))]).expect("it has them again");
    world.connect().revoke(&RunId("1".into())).unwrap();
    assert!(store.snapshot().unwrap().leases.is_empty());
    assert!(fenced(store.commit(&[Write::Begin(intent("k", "1", "a"))])), "it was revoked");
    let again = store.revoke(&RunId("1".into()));
    assert!(matches!(again, Err(StateError::NotFound { what }) if what == "lease of run 1"));
}

/// Who settles what a run has left takes its leases first; a run that is at work is not over.
pub fn a_run_that_is_over(world: &impl World) {
    let mut store = world.connect();
    let now = store.clock().unwrap().map_or(1_000, |t| t.0);
    let take = |run: &str, holder, expires| [lease("a", run, holder, expires)];
    let settle = |intent: &str, run: &str| {
        [
            Write::Fence { run: RunId(run.into()), now: Timestamp(now) },
            Write::Finish { id: IntentId(intent.into()), change: change(run, "a", 7) },
        ]
    };
    store.commit(&[Write::StartRun(run("1")), Write::StartRun(run("2")), Write::StartRun(run("3"))]).unwrap();
    store.acquire(&take("1", world.living(), now + 60_000), Timestamp(now)).unwrap();
    store.commit(&[Write::Begin(intent("i", "1", "a"))]).unwrap();
    let refused = store.commit(&settle("i", "1"));
    assert!(matches!(&refused, Err(StateError::Locked { lease }) if *lease.run.0 == *"1"), "{refused:?}");
    assert_eq!(store.snapshot().unwrap().intents.len(), 1);
    store.renew(&RunId("1".into()), Timestamp(now - 1)).unwrap();
    store.commit(&settle("i", "1")).expect("its lease has expired");
    assert!(store.renew(&RunId("1".into()), Timestamp(now + 60_000)).is_err(), "it has none any more");
    let again = store.commit(&[Write::Begin(intent("j", "1", "b"))]);
    assert!(matches!(again, Err(StateError::Fenced(run)) if *run.0 == *"1"));
    let late = store.commit(&settle("i", "1"));
    assert!(matches!(late, Err(StateError::Settled(id)) if *id.0 == *"i"));

    if world.locks_everything() {
        // Who settles has taken the lock of everything from that run before; here nobody has.
        store.release(&RunId("1".into())).unwrap();
    }

    // Of a process that is dead it is known at once; a run that held none is over as well.
    store.acquire(&take("2", world.dead(), now + 60_000), Timestamp(now)).unwrap();
    store.commit(&[Write::Begin(intent("k", "2", "a")), Write::Begin(intent("l", "3", "b"))]).unwrap();
    store.commit(&settle("k", "2")).expect("its process is dead");
    store.commit(&settle("l", "3")).unwrap();
    let again = store.commit(&[Write::Begin(intent("m", "3", "b"))]);
    assert!(matches!(again, Err(StateError::Fenced(_))));
}

/// A state that is copied has all that the other one has, and is the same.
pub fn copies(world: &impl World) {
    let mut from = crate::MemoryStore::default();
    let seen =
        Observation { key: ResourceKey::current("a"), at: Timestamp(5), attributes: None, complete: true };
    let mut deposed = record("b");
    deposed.key.deposed = Some("00c0ffee".into());
    from.commit(&[Write::StartRun(run("1")), Write::Note(change("1", "a", 10)), put(record("a"))]).unwrap();
    let finished = Run { finished: Some(Timestamp(9)), status: RunStatus::Partial, calls: 7, ..run("2") };
    from.commit(&[Write::StartRun(finished), Write::Note(change("2", "a", 9)), put(deposed)]).unwrap();
    from.commit(&[Write::Note(change("1", "b", 11)), Write::Begin(intent("i", "1", "c"))]).unwrap();
    from.commit(&[
        Write::Observe(seen),
        Write::PutOutput(OutputRecord { name: "o".into(), value: "{}".into(), sensitive: true }),
        Write::KeepMadeOf { run: RunId("2".into()), digest: "d".into(), text: Concealed("made of".into()) },
        Write::PutChecks("[]".into()),
    ])
    .unwrap();
    let whole = from.whole().unwrap();
    let mut store = world.connect();
    let into = store.snapshot().unwrap().serial;
    store.acquire(&[lease("*", "copying", world.living(), 100)], Timestamp(0)).unwrap();
    store.commit(&whole.writes(into, whole.serial)).unwrap();
    let copied = store.whole().unwrap();
    assert_eq!(copied, whole);
    assert_eq!(copied.audit.len(), 3, "the copy has the same journal, and adds nothing to it");
    assert_eq!(copied.digest(), whole.digest());
    assert_eq!(copied.serial, 4);
    assert_eq!(copied.resources.iter().map(|r| r.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(store.history("a", 9).unwrap(), from.history("a", 9).unwrap());
    store.commit(&[put(record("a"))]).unwrap();
    assert_eq!(version(&mut store, "a"), Some(5));
    assert_ne!(store.whole().unwrap().digest(), whole.digest());
}

/// Each commit that has something to tell adds one entry that follows from the one before it; what is refused adds none.
pub fn journal(world: &impl World) {
    let mut store = world.connect();
    assert_eq!(store.audit_head().unwrap(), audit::Head::empty());
    assert_eq!(store.audit(0, 9).unwrap(), []);
    let call = AuditedCall {
        at: Timestamp(5),
        method: "POST".into(),
        url: "https://gitlab.example.org/api/v4/groups".into(),
        status: Some(201),
        request_id: Some("01HÉ\u{0}".into()),
    };
    let id = RunId("1".into());
    let approval = audit::Approval::AutoApprove;
    let first =
        [Write::StartRun(run("1")), Write::Approve { run: id.clone(), version: "0.1.0".into(), approval }];
    let second =
        [Write::Note(change("1", "a", 7)), Write::Called { run: id, calls: vec![call], left_out: 0 }];
    store.commit(&first).unwrap();
    store.commit(&[put(record("a"))]).expect("this tells nothing");
    assert!(store.commit(&[Write::StartRun(run("1"))]).is_err());
    let mut other = world.connect();
    other.commit(&second).unwrap();
    store.commit(&[Write::StartRun(run("2"))]).unwrap();

    let entries = store.audit(0, 9).unwrap();
    let told = |writes: &[Write]| audit::body(writes).unwrap();
    let bodies: Vec<&str> = entries.iter().map(|e| &*e.body).collect();
    assert_eq!(bodies, [told(&first), told(&second), told(&[Write::StartRun(run("2"))])]);
    let head = store.audit_head().unwrap();
    assert_eq!(audit::verify(&entries, Some(head)), Ok(head));
    assert_eq!(audit::verify_runs(&entries, &store.runs(9).unwrap()), Ok(0));
    assert_eq!(other.audit(1, 1).unwrap(), entries[1..2]);
    let copied = store.commit(&[Write::CopyAudit(entries)]);
    assert!(matches!(copied, Err(StateError::Duplicate { .. })), "it has a journal");
}

/// Runs and intents are named before they are used, and once.
pub fn refusals(world: &impl World) {
    let mut store = world.connect();
    store.commit(&[Write::StartRun(run("r")), Write::Begin(intent("i", "r", "a"))]).unwrap();
    let finish =
        Write::FinishRun { id: RunId("x".into()), status: RunStatus::Done, at: Timestamp(1), calls: 0 };
    for write in [finish, Write::Note(change("x", "a", 1)), Write::Begin(intent("j", "x", "a"))] {
        let refused = store.commit(&[write]);
        assert!(matches!(&refused, Err(StateError::NotFound { what }) if what == "run x"), "{refused:?}");
    }
    for write in [Write::StartRun(run("r")), Write::Begin(intent("i", "r", "a"))] {
        assert!(matches!(store.commit(&[write]), Err(StateError::Duplicate { .. })));
    }
    let lost = store.renew(&RunId("r".into()), Timestamp(1));
    assert!(matches!(lost, Err(StateError::NotFound { what }) if what == "lease of run r"));
    store.release(&RunId("r".into())).unwrap();
}

#[cfg(test)]
mod memory {
    use super::*;
    use crate::MemoryStore;

    struct InMemory(MemoryStore);

    fn holder(pid: u32) -> Holder {
        Holder { host: "laptop".into(), pid, start: "7".into(), who: "marie".into() }
    }

    impl World for InMemory {
        type Store = MemoryStore;
        fn connect(&self) -> MemoryStore {
            self.0.clone()
        }
        fn living(&self) -> Holder {
            holder(1)
        }
        fn dead(&self) -> Holder {
            self.0.declare_dead(&holder(2));
            holder(2)
        }
    }

    crate::conformance!(InMemory(MemoryStore::default()));
}

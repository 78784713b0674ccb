//! What was acknowledged is there after a crash, of the client or of the server; what became of a commit is never guessed; several
//! processes share a state.
//!
//! The other processes are this test binary, told by the environment to run one of the tests that otherwise do nothing.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pilotis_state::conformance::{change, intent, record, run};
use pilotis_state::{
    Expect, IntentId, Lease, LeaseMode, ResourceRecord, Run, RunId, StateError, Store, Timestamp, Write,
};
use pilotis_state_postgres::server::{self, Server};
use pilotis_state_postgres::{Options, PostgresStore};
use pilotis_state_process::this_process;

const CONN_STR: &str = "PILOTIS_TEST_CONN_STR";
const SCHEMA: &str = "PILOTIS_TEST_SCHEMA";
const FOLDER: &str = "PILOTIS_TEST_FOLDER";
const NAME: &str = "PILOTIS_TEST_NAME";

/// What a child is told.
struct Told {
    options: Options,
    folder: PathBuf,
    name: String,
}

fn spawn(test: &str, options: &Options, folder: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env(CONN_STR, &options.conn_str)
        .env(SCHEMA, &options.schema)
        .env(FOLDER, folder)
        .env(NAME, name)
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join(format!("{name}.err"))).unwrap())
        .spawn()
        .unwrap()
}

fn told() -> Option<Told> {
    let variable = |name| std::env::var(name).ok();
    let options = Options {
        conn_str: variable(CONN_STR)?,
        schema: variable(SCHEMA)?,
        workspace: "default".into(),
        ..Options::default()
    };
    Some(Told { options, folder: variable(FOLDER)?.into(), name: variable(NAME)? })
}

fn acknowledged(folder: &Path, name: &str) -> Vec<usize> {
    let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[track_caller]
fn until(child: &mut Child, folder: &Path, name: &str, what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(100);
    while !what() {
        let said = || fs::read_to_string(folder.join(format!("{name}.err"))).unwrap_or_default();
        assert!(child.try_wait().unwrap().is_none(), "{name} has ended: {}", said());
        assert!(Instant::now() < deadline, "{name} doesn't come on: {}", said());
        thread::sleep(Duration::from_millis(5));
    }
}

/// A child of the tests below: commits pairs for ever, and acknowledges each.
#[test]
fn child_commits() {
    let Some(Told { options, folder, name }) = told() else { return };
    let mut acks = OpenOptions::new().create(true).append(true).open(folder.join(&name)).unwrap();
    let mut store = PostgresStore::open(&options).unwrap();
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

/// The numbers of one side of a child's pairs.
fn side(store: &mut PostgresStore, prefix: &str) -> BTreeSet<usize> {
    let resources = store.snapshot().unwrap().resources;
    let numbers = resources.iter().filter_map(|r| r.key.address.strip_prefix(prefix)?.strip_suffix(']'));
    numbers.map(|n| n.parse().unwrap()).collect()
}

/// Proves that a child's pairs are whole, that none which it acknowledged is lost, and that each was done once.
fn whole(store: &mut PostgresStore, folder: &Path, name: &str) -> usize {
    let acknowledged = acknowledged(folder, name);
    let a = side(store, &format!("{name}.a["));
    assert_eq!(a, side(store, &format!("{name}.b[")), "a commit was done by half");
    assert!(acknowledged.iter().all(|n| a.contains(n)), "an acknowledged commit is lost");
    assert!(a.len() <= acknowledged.len() + 1, "only the last one can be done and not acknowledged");
    assert_eq!(a, (0..a.len()).collect());
    let intents = store.snapshot().unwrap().intents;
    let open = intents.iter().filter(|i| *i.run.0 == *name).collect::<Vec<_>>();
    assert!(open.len() <= 1);
    assert!(open.iter().all(|i| *i.id.0 == *format!("{name}-{}", a.len())), "what was begun is known");
    assert_eq!(store.changes(&RunId(name.into())).unwrap().len(), a.len());
    1 + 2 * a.len() + open.len()
}

#[test]
fn a_killed_client_loses_nothing_and_leaves_nothing_half_done() {
    let Some(schema) = server::schema() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut commits = 0;
    for round in 0..6 {
        let name = format!("child{round}");
        let mut child = spawn("child_commits", &schema.options(), folder.path(), &name);
        until(&mut child, folder.path(), &name, || acknowledged(folder.path(), &name).len() > round * 3);
        thread::sleep(Duration::from_micros(617 * round as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        // What the server still does for the dead one, it does before what comes now.
        let mut store = PostgresStore::open(&schema.options()).unwrap();
        store.commit(&[]).unwrap();
        commits += 1 + whole(&mut store, folder.path(), &name);
        assert_eq!(store.serial().unwrap(), commits as u64, "every commit counts once");
    }
}

/// The client goes on where it was: a commit that was done is not done again, one that was not is.
#[test]
fn a_killed_server_loses_nothing_and_its_clients_go_on() {
    let Some(mut server) = Server::start(&[], &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = server.options("estate");
    let mut child = spawn("child_commits", &options, folder.path(), "worker");
    let done = || acknowledged(folder.path(), "worker").len();
    until(&mut child, folder.path(), "worker", || done() > 5);
    for round in 0..4 {
        thread::sleep(Duration::from_micros(1_300 * round));
        server.kill();
        server.restart();
        let before = done();
        until(&mut child, folder.path(), "worker", || done() > before + 5);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut store = PostgresStore::open(&options).unwrap();
    store.commit(&[]).unwrap();
    let commits = 1 + whole(&mut store, folder.path(), "worker");
    assert_eq!(store.serial().unwrap(), commits as u64, "every commit counts once");
}

/// What the network does to a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The commit arrives, its answer doesn't.
    AnswerLost,
    /// The commit doesn't arrive.
    CommitLost,
    /// The first statement doesn't.
    BeginLost,
}

const FAULTS: [Fault; 4] = [Fault::None, Fault::AnswerLost, Fault::CommitLost, Fault::BeginLost];

/// A network between client and server, which does one fault and is sound again.
struct Network {
    port: u16,
    fault: Arc<AtomicU8>,
    faults: Arc<AtomicUsize>,
}

impl Network {
    fn to(port: u16) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (fault, faults) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicUsize::new(0)));
        let network = Network { port: listener.local_addr().unwrap().port(), fault, faults };
        let (fault, faults) = (network.fault.clone(), network.faults.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (fault, faults) = (fault.clone(), faults.clone());
                thread::spawn(move || carry(client, server, &fault, &faults));
            }
        });
        network
    }

    fn will(&self, fault: Fault) {
        let number = FAULTS.iter().position(|f| *f == fault).unwrap();
        self.fault.store(number as u8, Ordering::SeqCst);
    }
}

fn carry(mut client: TcpStream, mut server: TcpStream, fault: &AtomicU8, faults: &AtomicUsize) {
    let (mut back, mut answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(std::net::Shutdown::Both);
    });
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let sent = &buffer[..read];
        let says = |text: &str| sent.windows(text.len()).any(|w| w == text.as_bytes());
        let met = match FAULTS[usize::from(fault.load(Ordering::SeqCst))] {
            Fault::None => false,
            Fault::AnswerLost | Fault::CommitLost => says("COMMIT\0"),
            Fault::BeginLost => says("BEGIN"),
        };
        if met {
            let fault = FAULTS[usize::from(fault.swap(0, Ordering::SeqCst))];
            faults.fetch_add(1, Ordering::SeqCst);
            // The answer must find nobody: the client's end is cut before the server is told.
            client.shutdown(std::net::Shutdown::Both).unwrap();
            if fault == Fault::AnswerLost {
                server.write_all(sent).unwrap();
                // It goes on after the client is gone.
                thread::sleep(Duration::from_millis(300));
            }
            let _ = server.shutdown(std::net::Shutdown::Both);
            return;
        }
        if let Err(e) = server.write_all(sent) {
            assert!(matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{e}");
            return;
        }
    }
    let _ = server.shutdown(std::net::Shutdown::Both);
}

#[test]
fn a_commit_whose_answer_is_lost_is_done_once() {
    let Some(server) = Server::start(&["fsync=off".into()], &[]) else { return };
    let direct = server.options("estate");
    let port = |text: &str| text.split("port=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let network = Network::to(port(&direct.conn_str));
    let through =
        Options { conn_str: format!("{} port={}", direct.conn_str, network.port), ..direct.clone() };
    let mut store = PostgresStore::open(&through).unwrap();
    store.commit(&[Write::StartRun(run("r"))]).unwrap();
    let mut commits = 1;
    for round in 0..3 {
        for fault in FAULTS {
            let address = format!("a[{}]", commits + round);
            network.will(fault);
            // Done twice, this would be a conflict.
            let writes = [
                Write::Note(change("r", &address, 1)),
                Write::Put { record: record(&address), expect: Expect::Absent },
            ];
            store.commit(&writes).unwrap();
            commits += 1;
            let mut other = PostgresStore::open(&direct).unwrap();
            assert_eq!(other.serial().unwrap(), commits as u64);
            assert_eq!(other.history(&address, 9).unwrap().len(), 1);
        }
    }
    assert_eq!(network.faults.load(Ordering::SeqCst), 9, "all faults were met");

    // Leases are asked for again.
    let lease = Lease {
        address: "a".into(),
        mode: LeaseMode::Exclusive,
        holder: this_process("marie"),
        run: RunId("r".into()),
        since: Timestamp(0),
        expires: Timestamp(i64::MAX),
    };
    for fault in [Fault::AnswerLost, Fault::CommitLost, Fault::BeginLost] {
        network.will(fault);
        store.acquire(std::slice::from_ref(&lease), Timestamp(0)).unwrap();
        assert_eq!(store.snapshot().unwrap().leases, std::slice::from_ref(&lease));
    }
    network.will(Fault::AnswerLost);
    store.revoke(&lease.run).unwrap();
    assert!(store.snapshot().unwrap().leases.is_empty());
}

const PROCESSES: usize = 8;
const ROUNDS: usize = 12;
const OBJECTS: usize = 6;

/// A child of the test below: counts two neighbouring objects up, again and again, under leases of both.
#[test]
fn child_counts() {
    let Some(Told { options, folder, name }) = told() else { return };
    let mut store = PostgresStore::open(&options).unwrap();
    let me: usize = name.parse().unwrap();
    let mut refusals = OpenOptions::new().create(true).append(true).open(folder.join("refusals")).unwrap();
    for round in 0..ROUNDS {
        let id = format!("{name}-{round}");
        let place = (me + round) % OBJECTS;
        // In either order: who takes all or none can't wait in a circle.
        let mut places = [place, (place + 1) % OBJECTS];
        if round % 2 == 0 {
            places.reverse();
        }
        let addresses = places.map(|n| format!("object[{n}]"));
        take(&mut store, &addresses, &id, &name, &mut refusals);
        store.commit(&[Write::StartRun(Run { who: name.clone(), ..run(&id) })]).unwrap();
        for address in &addresses {
            let intent_id = format!("{id}-{address}");
            store.commit(&[Write::Begin(intent(&intent_id, &id, address))]).unwrap();
            let objects = store.snapshot().unwrap().resources;
            let object = objects.into_iter().find(|r| *r.key.address == **address).unwrap();
            let count: usize = object.attributes.parse().unwrap();
            let counted = ResourceRecord { attributes: (count + 1).to_string().into(), ..object.clone() };
            let finish = Write::Finish { id: IntentId(intent_id.into()), change: change(&id, address, 1) };
            let put = Write::Put { record: counted, expect: Expect::Version(object.version) };
            store.commit(&[put, finish]).unwrap();
        }
        store.release(&RunId(id.as_str().into())).unwrap();
    }
}

fn take(store: &mut PostgresStore, addresses: &[String], id: &str, name: &str, refusals: &mut fs::File) {
    loop {
        let now = store.clock().unwrap().unwrap();
        let lease = |address: &String| Lease {
            address: address.as_str().into(),
            mode: LeaseMode::Exclusive,
            holder: this_process(name),
            run: RunId(id.into()),
            since: now,
            expires: Timestamp(now.0 + 30_000),
        };
        match store.acquire(&addresses.iter().map(lease).collect::<Vec<_>>(), now) {
            Ok(()) => return,
            Err(e @ StateError::Locked { .. }) => {
                // One write, so that the lines of several processes stay whole.
                refusals.write_all(format!("{e}\n").as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(3));
            }
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn eight_processes_on_one_state() {
    let Some(schema) = server::schema() else { return };
    let folder = tempfile::tempdir().unwrap();
    // All make the tables at the same time.
    let mut makers: Vec<Child> = (0..PROCESSES)
        .map(|n| spawn("child_opens", &schema.options(), folder.path(), &format!("maker{n}")))
        .collect();
    assert!(makers.iter_mut().all(|c| c.wait().unwrap().success()), "{:?}", folder.path());
    let mut store = PostgresStore::open(&schema.options()).unwrap();
    let object = |n| ResourceRecord { attributes: "0".into(), ..record(&format!("object[{n}]")) };
    let writes: Vec<Write> =
        (0..OBJECTS).map(|n| Write::Put { record: object(n), expect: Expect::Absent }).collect();
    store.commit(&writes).unwrap();
    let mut children: Vec<Child> = (0..PROCESSES)
        .map(|n| spawn("child_counts", &schema.options(), folder.path(), &n.to_string()))
        .collect();
    for (n, child) in children.iter_mut().enumerate() {
        let fine = child.wait().unwrap().success();
        assert!(fine, "{n}: {}", fs::read_to_string(folder.path().join(format!("{n}.err"))).unwrap());
    }
    let snapshot = store.snapshot().unwrap();
    let total: usize = snapshot.resources.iter().map(|r| r.attributes.parse::<usize>().unwrap()).sum();
    assert_eq!(total, PROCESSES * ROUNDS * 2, "no count is lost");
    assert_eq!(snapshot.serial as usize, 1 + PROCESSES * ROUNDS * 5);
    assert!(snapshot.leases.is_empty() && snapshot.intents.is_empty());
    let refusals = fs::read_to_string(folder.path().join("refusals")).unwrap();
    assert!(refusals.lines().count() > 0, "nobody was in anybody's way: nothing was tested");
    for line in refusals.lines() {
        assert!(line.starts_with("object["), "{line}");
        assert!(line.contains(" is being changed by ") && line.contains(", since 20"), "{line}");
    }
}

/// A child of the test above: makes the state.
#[test]
fn child_opens() {
    let Some(Told { options, .. }) = told() else { return };
    PostgresStore::open(&options).unwrap().snapshot().unwrap();
}

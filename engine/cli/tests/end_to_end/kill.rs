//! Real kills and real Ctrl-C. The sandbox is a process of its own, so the services live on.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Folder, Ran, Sandbox, Started};
use crate::services::everything;

/// The next number of splitmix64.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Waits until the services have seen so many writes. False if the run ended before.
fn wait_for_writes(sandbox: &Sandbox, run: &mut Started, writes: u64) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if sandbox.calls().1 >= writes {
            return true;
        }
        if run.has_ended() {
            return false;
        }
        assert!(Instant::now() < deadline, "the run stands still");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Kills a command again and again, each time a few writes further, until it ends by itself.
fn killed_until_it_ends(folder: &Folder, sandbox: &Sandbox, line: &str, seed: &mut u64) -> (usize, Ran) {
    for kills in 0..40 {
        sandbox.reset_calls();
        let mut run = folder.start(line);
        if !wait_for_writes(sandbox, &mut run, 1 + next(seed) % 12) {
            return (kills, run.wait());
        }
        // In the middle of a write, right after it, or while its answer is being stored.
        std::thread::sleep(Duration::from_micros(next(seed) % 8000));
        if run.has_ended() {
            return (kills, run.wait());
        }
        run.kill();
    }
    panic!("{line} makes no headway")
}

/// What is left when all was removed. A namespace whose deletion was accepted before a kill goes by itself, a moment later.
fn remaining(sandbox: &Sandbox, nothing: &[String]) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut left = sandbox.inventory();
        left.retain(|object| !object.contains("deletion_scheduled"));
        if left == nothing || Instant::now() > deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn killed_again_and_again_it_makes_everything_once_and_removes_everything_once() {
    for seed in [1, 2] {
        let mut random = seed;
        let folder = Folder::example("quickstart");
        let sandbox = folder.sandbox();
        let nothing = sandbox.inventory();

        let (kills, ran) = killed_until_it_ends(&folder, &sandbox, "apply -auto-approve", &mut random);
        let ran = ran.exits(0);
        assert!(kills >= 3, "killed only {kills} times");
        assert_eq!(sandbox.inventory(), everything(), "seed {seed}, after {kills} kills\n{ran}");
        assert_eq!(folder.objects().len(), 56);
        folder.run("plan -detailed-exitcode").exits(0).says(&["No changes."]);

        let (kills, ran) = killed_until_it_ends(&folder, &sandbox, "destroy -auto-approve", &mut random);
        let ran = ran.exits(0);
        assert_eq!(remaining(&sandbox, &nothing), nothing, "seed {seed}, after {kills} kills\n{ran}");
        assert!(folder.objects().is_empty());
    }
}

/// `PILOTIS_TEST_KILLS=200` kills as often as that.
fn kills_to_do() -> usize {
    std::env::var("PILOTIS_TEST_KILLS").map_or(6, |text| text.parse().expect("a number"))
}

/// A command killed at any instant of its life (while it reads, plans, writes, stores, or never), and then run to its end. True if it was
/// killed.
fn killed_once(folder: &Folder, line: &str, whole: Duration, random: &mut u64) -> bool {
    let mut run = folder.start(line);
    let instant = whole.mul_f64((next(random) % 1000) as f64 / 1000.0);
    std::thread::sleep(instant);
    let killed = !run.has_ended();
    run.kill();
    folder.run(line).exits(0);
    killed
}

#[test]
fn killed_at_any_instant_nothing_is_lost_and_nothing_is_there_twice() {
    let (wanted, mut kills, mut random) = (kills_to_do(), 0, 5);
    // How long an apply and a destroy take here.
    let mut whole = Duration::from_secs(1);
    for round in 0.. {
        let folder = Folder::example("quickstart");
        let sandbox = folder.sandbox();
        let nothing = sandbox.inventory();
        kills += usize::from(killed_once(&folder, "apply -auto-approve", whole, &mut random));
        assert_eq!(sandbox.inventory(), everything(), "round {round}");
        assert_eq!(folder.objects().len(), 56, "round {round}");
        folder.run("plan -detailed-exitcode").exits(0).says(&["No changes."]);
        let began = Instant::now();
        kills += usize::from(killed_once(&folder, "destroy -auto-approve", whole, &mut random));
        assert_eq!(remaining(&sandbox, &nothing), nothing, "round {round}");
        assert!(folder.objects().is_empty(), "round {round}");
        whole = began.elapsed().min(whole * 2) / 2 + Duration::from_millis(20);
        if kills >= wanted {
            println!("{kills} kills in {} rounds: 0 lost, 0 doubled", round + 1);
            return;
        }
        assert!(round < 4 * wanted, "only {kills} of {wanted} runs were killed before they ended");
    }
}

#[test]
fn killed_before_and_after_the_first_write() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    // Before: the state was opened, the plan may be half made.
    for milliseconds in [0, 5, 20, 50] {
        let run = folder.start("apply -auto-approve");
        std::thread::sleep(Duration::from_millis(milliseconds));
        run.kill();
    }
    // The service got the first request, but takes its time: nobody waits for the answer any more.
    sandbox
        .gitlab
        .fault(json!({"kind": "latency", "milliseconds": 300, "methods": ["POST"], "path": "^/api/v4"}));
    sandbox.reset_calls();
    let mut run = folder.start("apply -auto-approve");
    wait_for_writes(&sandbox, &mut run, 1);
    run.kill();
    sandbox.heal();
    // The effect happens after the death.
    std::thread::sleep(Duration::from_millis(400));
    let ran = folder.run("apply -auto-approve").exits(0);
    assert_eq!(sandbox.inventory(), everything(), "{ran}");
    folder.run("plan -detailed-exitcode").exits(0);
}

/// An apply whose every write takes a while, under way.
fn slow_apply(folder: &Folder, sandbox: &Sandbox, milliseconds: u64) -> Started {
    for client in [&sandbox.gitlab, &sandbox.kubernetes] {
        let methods = ["POST", "PUT", "PATCH", "DELETE"];
        client.fault(json!({"kind": "latency", "milliseconds": milliseconds, "methods": methods}));
    }
    sandbox.reset_calls();
    let mut run = folder.start("apply -auto-approve");
    assert!(wait_for_writes(sandbox, &mut run, 3));
    run
}

#[test]
fn ctrl_c_once_finishes_what_is_in_flight_and_begins_nothing() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    let run = slow_apply(&folder, &sandbox, 200);
    run.signal("INT");
    let ran = run.wait().exits(130);
    ran.says(&["Stopping:", "Apply interrupted!", "not attempted"]).never_says(&["Unknown ("]);
    sandbox.heal();
    let writes = usize::try_from(sandbox.calls().1).unwrap();
    assert!(writes < 56);
    assert_eq!(folder.objects().len(), writes, "each write that was sent is recorded");

    sandbox.reset_calls();
    folder.run("apply -auto-approve").exits(0);
    assert_eq!(sandbox.calls().1, 56 - writes as u64, "the rest, and nothing twice");
    assert_eq!(sandbox.inventory(), everything());
    folder.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn ctrl_c_twice_leaves_at_once() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    let run = slow_apply(&folder, &sandbox, 5000);
    run.signal("INT");
    std::thread::sleep(Duration::from_millis(300));
    run.signal("INT");
    let began = Instant::now();
    let ran = run.wait().exits(130).says(&["Apply interrupted!", "unknown"]);
    assert!(began.elapsed() < Duration::from_secs(4), "it waited for the services\n{ran}");
    sandbox.heal();
    // What was sent takes effect all the same.
    std::thread::sleep(Duration::from_secs(6));
    let ran = folder.run("apply -auto-approve").exits(0);
    assert_eq!(sandbox.inventory(), everything(), "{ran}");
    folder.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn ctrl_c_while_planning_changes_nothing() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    sandbox.gitlab.fault(json!({"kind": "latency", "milliseconds": 3000}));
    let run = folder.start("apply -auto-approve");
    std::thread::sleep(Duration::from_millis(500));
    run.signal("INT");
    let began = Instant::now();
    run.wait().exits(130).says(&["Interrupted: nothing was changed."]);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(sandbox.calls().1, 0);
}

#[test]
fn sigterm_is_ctrl_c() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    let run = slow_apply(&folder, &sandbox, 200);
    run.signal("TERM");
    run.wait().exits(130).says(&["Apply interrupted!"]);
    sandbox.heal();
    folder.run("apply -auto-approve").exits(0);
    assert_eq!(sandbox.inventory(), everything());
}

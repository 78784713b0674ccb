//! Places: so many calls at once and no more, and a state that is slow costs no call a commit of its own.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use pilotis_plan::{Answer, Machine, ObjectResult, Phase, Request, RequestId};
use pilotis_state::Write;
use support::Case;

const MANY: &str = r#"
resource "sim_lone" "many" {
  count = 400
  name  = "many-${count.index}"
}
"#;

/// What a run asked for.
#[derive(Debug, Default)]
struct Asked {
    commits: usize,
    /// Calls under way at once, at most.
    at_once: usize,
    /// Intents that were stored and whose call hadn't left, at most.
    ahead: usize,
}

/// Commits take as long as `slow` calls that follow each other, calls no time, and commits are answered when `slow` calls
/// were; then calls that are still under way are answered one after the other.
fn drive(case: &mut Case, machine: &mut Machine, slow: usize, mut seen: impl FnMut(&mut Machine)) -> Asked {
    let mut asked = Asked::default();
    let mut calls: Vec<(RequestId, Request)> = Vec::new();
    let mut commit: Option<(RequestId, Request, usize)> = None;
    let mut stored = 0;
    loop {
        for (id, request) in machine.next() {
            match request {
                Request::Commit(_) => {
                    asked.commits += 1;
                    commit = Some((id, request, slow));
                }
                request => calls.push((id, request)),
            }
        }
        asked.at_once = asked.at_once.max(calls.len());
        let due = commit.as_ref().is_some_and(|(_, _, left)| *left == 0 || calls.is_empty());
        let (id, request) = if due {
            let (id, request, _) = commit.take().unwrap();
            if let Request::Commit(writes) = &request {
                stored += writes.iter().filter(|w| matches!(w, Write::Begin(_))).count();
            }
            (id, request)
        } else if calls.is_empty() {
            return asked;
        } else {
            if let Some((_, _, left)) = &mut commit {
                *left -= 1;
            }
            stored -= 1;
            calls.remove(0)
        };
        asked.ahead = asked.ahead.max(stored.saturating_sub(calls.len()));
        let answer: Answer = case.answer(request);
        let now = case.now();
        machine.answer(id, answer, now);
        seen(machine);
    }
}

fn count(machine: &Machine, wanted: fn(&ObjectResult) -> bool) -> usize {
    machine.applied().objects.iter().filter(|o| wanted(&o.result)).count()
}

fn many(parallelism: usize) -> (Case, Machine) {
    let mut case = Case::new(MANY);
    case.parallelism = parallelism;
    let mut machine = case.plan().machine;
    case.start(&mut machine);
    (case, machine)
}

#[test]
fn intents_go_ahead_of_the_calls_when_the_state_is_the_slower_one() {
    let (mut case, mut machine) = many(10);
    let asked = drive(&mut case, &mut machine, 40, |_| {});
    assert_eq!(machine.phase(), Phase::Done);
    assert_eq!(case.world.objects.len(), 400);
    assert_eq!(asked.at_once, 10);
    // Forty calls a commit, but for the first few: of ten intents a commit it would be 41.
    assert!((10..=20).contains(&asked.commits), "{asked:?}");
    assert!(asked.ahead <= 120, "no more than the state needs: {asked:?}");
}

#[test]
fn nothing_goes_ahead_when_the_services_are_the_slower_ones() {
    let (mut case, mut machine) = many(10);
    let asked = drive(&mut case, &mut machine, 1, |_| {});
    assert_eq!(case.world.objects.len(), 400);
    assert_eq!(asked.at_once, 10);
    assert!(asked.ahead <= 10, "{asked:?}");
}

#[test]
fn one_at_a_time_is_one_at_a_time() {
    let (mut case, mut machine) = many(1);
    let asked = drive(&mut case, &mut machine, 40, |_| {});
    assert_eq!((asked.at_once, case.world.objects.len()), (1, 400));
}

#[test]
fn a_run_that_is_stopped_takes_back_what_waits() {
    let (mut case, mut machine) = many(10);
    let mut told = 0;
    drive(&mut case, &mut machine, 40, |machine| {
        told += 1;
        if told == 150 {
            machine.stop();
        }
    });
    let done = count(&machine, |r| *r == ObjectResult::Done);
    assert_eq!(done + count(&machine, |r| matches!(r, ObjectResult::NotAttempted(_))), 400);
    assert_eq!(case.world.objects.len(), done);
    case.nothing_is_open();
    case.run();
    assert_eq!(case.world.objects.len(), 400);
}

#[test]
fn a_run_that_dies_leaves_intents_that_the_next_one_settles() {
    let (mut case, mut machine) = many(10);
    let mut told = 0;
    drive(&mut case, &mut machine, 40, |machine| {
        told += 1;
        if told == 150 {
            machine.abandon(pilotis_state::Timestamp(0));
        }
    });
    let made = case.world.objects.len();
    assert!((1..400).contains(&made), "{made}");
    // Only of what was called it isn't known what became of it.
    let unknown = count(&machine, |r| matches!(r, ObjectResult::Unknown(_)));
    assert!((1..=10).contains(&unknown), "{unknown}");
    case.run();
    assert_eq!(case.world.objects.len(), 400);
    case.nothing_is_open();
}

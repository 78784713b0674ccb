//! The machine in a world where everything goes wrong: answers come in any order, calls fail before or after their effect, answers
//! are lost, and the process dies at any moment. Whatever happens, runs without faults then bring the world to what the
//! configuration says, and nothing is lost, left over or made twice.
//!
//! One number makes a whole history. A failure prints it; `SIMULATION_SEED=n` repeats it, `SIMULATION_FROM=n` and `SIMULATION_RUNS=n` try others
//! (`cargo run -p xtask -- simulate` does, on all cores).

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use pilotis_plan::{Answer, Created, Failure, Machine, Phase, PlanAction, Request, RequestId};
use support::{Case, Random, Shape, said};

/// How bad the world is, in percent of all requests.
#[derive(Clone, Copy)]
struct Faults {
    refuse: usize,
    lose: usize,
    crash: usize,
    blind: usize,
    incomplete: usize,
    /// Objects may be made and be broken all the same, or a program of theirs may fail: they are replaced then. Not where the new one is made first, for it would need
    /// the name that the broken one has.
    broken: bool,
}

const CALM: Faults = Faults { refuse: 0, lose: 0, crash: 0, blind: 0, incomplete: 0, broken: false };

/// What the driver does with the machine, until it is done or the process dies (false).
fn drive(case: &mut Case, machine: &mut Machine, faults: Faults, random: &mut Random) -> bool {
    let mut waiting: BTreeMap<RequestId, Request> = BTreeMap::new();
    loop {
        waiting.extend(machine.next());
        if waiting.is_empty() {
            return true;
        }
        if random.chance(faults.crash) {
            // Some of what was on its way still arrives.
            for (_, request) in waiting {
                if random.chance(50) {
                    perform(case, request, CALM, random);
                }
            }
            return false;
        }
        let chosen = *waiting.keys().nth(random.below(waiting.len())).unwrap();
        let request = waiting.remove(&chosen).unwrap();
        let answer = perform(case, request, faults, random);
        let now = case.now();
        machine.answer(chosen, answer, now);
    }
}

fn perform(case: &mut Case, request: Request, faults: Faults, random: &mut Random) -> Answer {
    let refused = || Failure::new("The service said no");
    let lost = || Failure::new("No answer").unknown();
    let (refuse, lose) = (random.chance(faults.refuse), random.chance(faults.lose));
    case.world.incomplete = random.chance(faults.incomplete);
    case.world.blind = random.chance(faults.blind).then(|| "Can't look".to_owned());
    match &request {
        Request::Create { .. } if refuse => return Answer::Created(Err(refused())),
        Request::Update { .. } if refuse => return Answer::Updated(Err(refused())),
        Request::Delete { .. } if refuse => return Answer::Deleted(Err(refused())),
        // While a plan is made, this makes it one with errors.
        Request::Open { .. } if refuse && faults.blind > 0 => return Answer::Opened(Err(refused())),
        Request::Run { .. } if refuse => return Answer::Ran(Err(refused())),
        _ => {}
    }
    let is_create = matches!(request, Request::Create { .. });
    let (is_update, is_delete) =
        (matches!(request, Request::Update { .. }), matches!(request, Request::Delete { .. }));
    let answer = case.answer(request);
    match answer {
        _ if lose && is_create => Answer::Created(Err(lost())),
        _ if lose && is_update => Answer::Updated(Err(lost())),
        _ if lose && is_delete => Answer::Deleted(Err(lost())),
        Answer::Created(Ok(Created { object, .. })) if faults.broken && random.chance(faults.refuse) => {
            Answer::Created(Ok(Created { object, error: Some(refused()) }))
        }
        answer => answer,
    }
}

/// Plans and applies once. None: the process died.
fn run(case: &mut Case, faults: Faults, random: &mut Random) -> Option<()> {
    case.world.process_ends();
    let (mut machine, configuration) = case.machine();
    if !drive(case, &mut machine, faults, random) {
        return None;
    }
    assert_eq!(machine.phase(), Phase::Planned, "it neither asks nor has planned");
    case.nothing_is_open();
    let plan = machine.take_plan().unwrap();
    if plan.diagnostics.has_errors() {
        let why = said(&configuration, &plan.diagnostics);
        assert!(faults.blind > 0, "{why}");
        return Some(());
    }
    case.start(&mut machine);
    if !drive(case, &mut machine, faults, random) {
        return None;
    }
    assert_eq!(machine.phase(), Phase::Done, "it neither asks nor is done");
    case.nothing_is_open();
    let applied = machine.applied();
    let quiet = faults.refuse + faults.lose == 0;
    assert!(!quiet || !applied.diagnostics.has_errors(), "{}", said(&configuration, &applied.diagnostics));
    Some(())
}

/// The world is what the state says, object by object, and what the configuration says: a plan does nothing.
fn check(case: &mut Case, random: &mut Random) {
    support::world_is_what_the_state_says(case);
    case.world.process_ends();
    let (mut machine, _) = case.machine();
    case.world.log.clear();
    assert!(drive(case, &mut machine, CALM, random));
    let plan = machine.take_plan().unwrap();
    let changes: Vec<_> = plan
        .changes
        .iter()
        .filter(|c| c.action != PlanAction::NoOp)
        .map(|c| format!("{:?} {}", c.action, c.address))
        .collect();
    assert!(changes.is_empty(), "{changes:?}");
    assert!(plan.drift.is_empty(), "{:?}", plan.drift);
    let writes = |l: &&String| ["create", "update", "delete"].iter().any(|w| l.starts_with(w));
    assert_eq!(case.world.log.iter().find(writes), None);
}

fn history(seed: u64) {
    let mut random = Random(seed);
    let mut shape = Shape::new(&mut random);
    let mut case = Case::new("");
    case.parallelism = 1 + random.below(6);
    let faults = Faults {
        refuse: random.below(20),
        lose: random.below(20),
        crash: random.below(8),
        blind: random.below(10),
        incomplete: random.below(40),
        broken: random.chance(30),
    };
    if faults.broken {
        shape.never_first();
        shape.provision();
    }
    for _ in 0..1 + random.below(4) {
        let (root, module) = shape.text();
        case.set(&root);
        case.files.0.insert("m".into(), module);
        for _ in 0..1 + random.below(3) {
            let _ = run(&mut case, faults, &mut random);
        }
        shape.change(&mut random);
        if faults.broken {
            shape.never_first();
            shape.provision();
        }
    }
    // The weather clears. One run settles what is open, and does the rest.
    run(&mut case, CALM, &mut random).expect("nothing dies in a calm world");
    check(&mut case, &mut random);
}

#[test]
fn whatever_happens_the_world_becomes_what_the_configuration_says() {
    if let Ok(seed) = std::env::var("SIMULATION_SEED") {
        return history(seed.parse().expect("a number"));
    }
    let runs: u64 = std::env::var("SIMULATION_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let from: u64 = std::env::var("SIMULATION_FROM").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    for seed in from..from + runs {
        let result = std::panic::catch_unwind(|| history(seed));
        assert!(result.is_ok(), "seed {seed}: repeat with SIMULATION_SEED={seed}");
    }
}

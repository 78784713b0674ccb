//! The machine in a world where everything goes wrong: answers come in any order, calls fail before or after their effect, answers
//! are lost, services show late what was done, keep names of what was removed, tell secrets once and leave things half made, and the
//! process dies at any moment. Whatever happens, runs without faults then bring the world to what the configuration says, nothing is
//! lost, left over or made twice, and nothing that comes out of the machine shows a secret.
//!
//! One number makes a whole history. A failure prints it; `SIMULATION_SEED=n` repeats it, `SIMULATION_FROM=n` and `SIMULATION_RUNS=n` try others
//! (`cargo run -p xtask -- simulate` does, on all cores).

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use pilotis_plan::{Answer, Created, Failure, Machine, Phase, PlanAction, Request, RequestId};
use support::tally::{count, each_seed};
use support::{Case, RETENTION, Random, Shape, said, secrets};

/// How bad the world is, in percent of all requests.
#[derive(Clone, Copy, Default)]
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

/// The world's mood, and how a process ends.
struct Weather {
    faults: Faults,
    random: Random,
    /// The process dies after that many more answers.
    steps_left: Option<usize>,
    /// Of what is on its way when it dies, so many of a hundred still arrive.
    arrives: usize,
}

impl Weather {
    fn new(random: Random) -> Weather {
        Weather { faults: Faults::default(), random, steps_left: None, arrives: 50 }
    }

    fn is_calm(&self) -> bool {
        let Faults { refuse, lose, crash, blind, incomplete, broken } = self.faults;
        refuse + lose + crash + blind + incomplete == 0 && !broken && self.steps_left.is_none()
    }

    fn dies(&mut self) -> bool {
        match &mut self.steps_left {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => self.random.chance(self.faults.crash),
        }
    }
}

/// What the driver does with the machine, until it is done or the process dies (false).
fn drive(case: &mut Case, machine: &mut Machine, weather: &mut Weather) -> bool {
    let mut waiting: BTreeMap<RequestId, Request> = BTreeMap::new();
    loop {
        let asked = machine.next();
        asked.iter().for_each(|(_, request)| secrets::none_in_request(request));
        waiting.extend(asked);
        if waiting.is_empty() {
            return true;
        }
        if weather.dies() {
            count(|t| t.crashes += 1);
            let faults = std::mem::take(&mut weather.faults);
            for (_, request) in waiting {
                if weather.random.chance(weather.arrives) {
                    let half = weather.random.chance(50);
                    perform(case, request, weather, half);
                }
            }
            weather.faults = faults;
            return false;
        }
        let chosen = *waiting.keys().nth(weather.random.below(waiting.len())).unwrap();
        let request = waiting.remove(&chosen).unwrap();
        count(|t| t.steps += 1);
        let answer = perform(case, request, weather, false);
        let now = case.now();
        machine.answer(chosen, answer, now);
    }
}

/// What comes back. `half`: a second call of a create never leaves.
fn perform(case: &mut Case, request: Request, weather: &mut Weather, half: bool) -> Answer {
    let refused = || Failure::new("The service said no");
    let lost = || Failure::new("No answer").unknown();
    let Weather { faults, random, .. } = weather;
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
    let made = match &request {
        Request::Create { type_name, .. } => Some(type_name.clone()),
        _ => None,
    };
    let (is_update, is_delete) =
        (matches!(request, Request::Update { .. }), matches!(request, Request::Delete { .. }));
    // What is removed keeps its name there: a broken one could not be replaced.
    let broken = faults.broken && made.as_deref() != Some("sim_estate") && random.chance(faults.refuse);
    case.world.half = half || ((lose || broken) && random.chance(50));
    let answer = case.answer(request);
    case.world.half = false;
    match answer {
        _ if lose && made.is_some() => Answer::Created(Err(lost())),
        _ if lose && is_update => Answer::Updated(Err(lost())),
        _ if lose && is_delete => Answer::Deleted(Err(lost())),
        Answer::Created(Ok(Created { object, .. })) if broken => {
            Answer::Created(Ok(Created { object, error: Some(refused()) }))
        }
        answer => answer,
    }
}

/// Plans and applies once. None: the process died.
fn run(case: &mut Case, weather: &mut Weather) -> Option<()> {
    count(|t| t.runs += 1);
    case.world.process_ends();
    let (mut machine, configuration) = case.machine();
    if !drive(case, &mut machine, weather) {
        return None;
    }
    assert_eq!(machine.phase(), Phase::Planned, "it neither asks nor has planned");
    case.nothing_is_open();
    let plan = machine.take_plan().unwrap();
    secrets::none_in("a plan", &format!("{plan:?}"));
    secrets::none_in("what is said of a plan", &said(&configuration, &plan.diagnostics));
    if plan.diagnostics.has_errors() {
        let why = said(&configuration, &plan.diagnostics);
        assert!(weather.faults.blind > 0, "{why}");
        return Some(());
    }
    case.start(&mut machine);
    if !drive(case, &mut machine, weather) {
        return None;
    }
    assert_eq!(machine.phase(), Phase::Done, "it neither asks nor is done");
    case.nothing_is_open();
    let applied = machine.applied();
    secrets::none_in("an outcome", &format!("{applied:?}"));
    let why = said(&configuration, &applied.diagnostics);
    secrets::none_in("what is said of an apply", &why);
    assert!(!weather.is_calm() || !applied.diagnostics.has_errors(), "{why}");
    Some(())
}

/// Time goes by: names of what was removed are free, and all that was done is shown.
fn time_passes(case: &mut Case) {
    case.time += RETENTION + case.world.late.lag.as_millis() as i64;
}

/// The world is what the state says, object by object, and what the configuration says: a plan does nothing.
fn check(case: &mut Case, weather: &mut Weather) {
    support::world_is_what_the_state_says(case);
    case.world.process_ends();
    let (mut machine, _) = case.machine();
    case.world.log.clear();
    assert!(drive(case, &mut machine, weather));
    let plan = machine.take_plan().unwrap();
    let changes: Vec<_> = plan
        .changes
        .iter()
        .filter(|c| c.action != PlanAction::NoOp)
        .map(|c| format!("{:?} {}", c.action, c.address))
        .collect();
    count(|t| t.checks += 3);
    assert!(changes.is_empty(), "{changes:?}");
    assert!(plan.drift.is_empty(), "{:?}", plan.drift);
    let writes = |l: &&String| ["create", "update", "delete"].iter().any(|w| l.starts_with(w));
    assert_eq!(case.world.log.iter().find(writes), None);
}

/// The weather clears. One run settles what is open, and does the rest.
fn ends(case: &mut Case, weather: &mut Weather) {
    (weather.faults, weather.steps_left) = (Faults::default(), None);
    time_passes(case);
    run(case, weather).expect("nothing dies in a calm world");
    time_passes(case);
    check(case, weather);
}

fn is_configured(case: &mut Case, shape: &Shape) {
    let (root, module) = shape.text();
    case.set(&root);
    case.files.0.insert("m".into(), module);
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
    if random.chance(60) {
        case.world.late.lag = Duration::from_millis(1 + random.below(80) as u64);
        case.world.late.random = Random(seed);
    }
    let provision = |shape: &mut Shape| {
        if faults.broken {
            shape.never_first();
            shape.provision();
        }
    };
    provision(&mut shape);
    let mut weather = Weather { faults, ..Weather::new(random) };
    for _ in 0..1 + weather.random.below(4) {
        is_configured(&mut case, &shape);
        for _ in 0..1 + weather.random.below(3) {
            let _ = run(&mut case, &mut weather);
        }
        shape.change(&mut weather.random);
        provision(&mut shape);
    }
    ends(&mut case, &mut weather);
}

#[test]
fn whatever_happens_the_world_becomes_what_the_configuration_says() {
    each_seed("one process after another", 200, 1, history);
}

/// A small estate is made, changed, and the process that changes it dies after so many answers, once with all that was on its way lost
/// and once with all of it done. True if it lived.
fn dies_after(seed: u64, steps: usize, arrives: usize) -> bool {
    let mut random = Random(seed ^ 0x1234_5678);
    let mut shape = Shape::new(&mut random);
    let mut case = Case::new("");
    case.parallelism = 3;
    case.world.late.lag = Duration::from_millis(20 * (seed % 2));
    let mut weather = Weather { arrives, ..Weather::new(random) };
    // Every second history dies while it makes all, the others while they change it.
    if !seed.is_multiple_of(2) {
        is_configured(&mut case, &shape);
        run(&mut case, &mut weather).expect("nothing dies in a calm world");
        time_passes(&mut case);
        shape.change(&mut weather.random);
    }
    is_configured(&mut case, &shape);
    weather.steps_left = Some(steps);
    let lived = run(&mut case, &mut weather).is_some();
    ends(&mut case, &mut weather);
    lived
}

#[test]
fn wherever_a_process_dies_the_next_one_goes_on() {
    each_seed("death at each step", 4, 20, |seed| {
        for arrives in [0, 100] {
            let steps = (0..).find(|steps| dies_after(seed, *steps, arrives)).expect("it lives in the end");
            assert!(steps > 10, "{steps}: that was no history");
        }
    });
}

/// The second call of a create never left, and its answer was lost: the object is found, and only what is missing of it is done.
#[test]
fn what_was_half_made_is_finished_and_not_repeated() {
    let mut case = Case::new("resource \"sim_pair\" \"a\" {\n  name = \"a\"\n  value = \"whole\"\n}");
    case.world.half = true;
    case.world.lose.insert("sim_pair.a".into());
    let made = case.plan();
    case.apply(made);
    case.world.log.clear();
    let made = case.plan();
    assert_eq!(made.text(), "update sim_pair.a\n");
    case.apply(made);
    assert_eq!(case.world.log, ["find sim_pair", "read 1", "update sim_pair.a"]);
    support::world_is_what_the_state_says(&mut case);
}

/// A secret that is told once, and whose answer was lost, is worth nothing: it is revoked, and made again, once.
#[test]
fn a_secret_whose_answer_was_lost_is_revoked_and_made_again_once() {
    let mut case = Case::new("resource \"sim_key\" \"a\" {\n  name = \"a\"\n}");
    case.world.lose.insert("sim_key.a".into());
    let made = case.plan();
    case.apply(made);
    assert_eq!(case.world.objects.len(), 1);
    case.world.log.clear();
    case.run();
    assert_eq!(case.world.log, ["find sim_key", "create sim_key.a"]);
    support::world_is_what_the_state_says(&mut case);
    assert!(case.state().contains("secret of id-2"), "{}", case.state());
}

/// A natural key may be a secret too (the address of a mirror with a password in it): it is kept with the intent, and marked when it is looked for.
#[test]
fn what_has_a_secret_for_a_name_is_found() {
    let mut case = Case::new(
        "variable \"name\" {\n  sensitive = true\n  default = \"secret-given name\"\n}\n\
         resource \"sim_lone\" \"a\" {\n  name = var.name\n}",
    );
    case.world.lose.insert("sim_lone.a".into());
    let made = case.plan();
    case.apply(made);
    let (mut machine, _) = case.machine();
    while let Some((id, request)) = machine.next().pop() {
        secrets::none_in("a request", &format!("{request:?}"));
        let answer = case.answer(request);
        machine.answer(id, answer, pilotis_state::Timestamp(case.time));
    }
    case.run();
    support::world_is_what_the_state_says(&mut case);
    assert_eq!(case.world.log.iter().filter(|l| l.starts_with("create")).count(), 1);
}

/// The key that is replaced is in use until its new one is there: it isn't the one that a lost create made.
#[test]
fn what_is_to_be_replaced_is_not_taken_for_what_was_lost() {
    let text = |days: u64| {
        format!(
            "resource \"sim_key\" \"a\" {{\n  name = \"a\"\n  days = {days}\n  lifecycle {{ create_before_destroy = true }}\n}}"
        )
    };
    let mut case = Case::new(&text(1));
    case.run();
    case.set(&text(2));
    let (mut machine, _) = (case.plan().machine, ());
    case.start(&mut machine);
    loop {
        let mut asked = machine.next();
        let (id, request) = asked.pop().expect("it goes on until it makes the new one");
        if matches!(request, Request::Create { .. }) {
            // It never arrives, and the process dies.
            break;
        }
        let answer = case.answer(request);
        machine.answer(id, answer, pilotis_state::Timestamp(case.time));
    }
    let made = case.plan();
    assert_eq!(case.world.objects.keys().collect::<Vec<_>>(), ["id-1"], "the old one is in use");
    assert_eq!(made.text(), "create, delete sim_key.a (CannotUpdate) .days\n");
    case.apply(made);
    support::world_is_what_the_state_says(&mut case);
}

/// What was made just now and isn't shown yet is waited for, and neither forgotten nor made twice.
#[test]
fn what_is_not_shown_yet_is_not_made_twice() {
    let mut case = Case::new("resource \"sim_key\" \"a\" {\n  name = \"a\"\n}");
    case.world.late.lag = Duration::from_millis(50);
    case.run();
    for _ in 0..10 {
        let made = case.plan();
        assert_eq!((made.text(), made.drift()), (String::new(), String::new()));
        case.apply(made);
    }
    // What is gone for good is gone, once that has lasted.
    case.world.objects.clear();
    case.time += 100;
    assert_eq!(case.plan().text(), "create sim_key.a\n");
}

/// A name that is taken by what is only marked for deletion is said so, each time once, until it is free.
#[test]
fn a_name_that_stays_taken_is_no_loop_and_no_twin() {
    let text = "resource \"sim_estate\" \"a\" {\n  name = \"a\"\n}";
    let mut case = Case::new(text);
    case.run();
    case.set("");
    case.run();
    case.set(text);
    for _ in 0..2 {
        case.world.log.clear();
        let made = case.plan();
        let configuration = made.configuration.clone();
        let applied = case.apply(made);
        let said = said(&configuration, &applied.diagnostics);
        assert!(said.contains("The name is taken by something that is marked for deletion"), "{said}");
        assert_eq!(case.world.log, ["create sim_estate.a"]);
        assert_eq!(case.state(), "");
    }
    case.time += RETENTION;
    case.run();
    support::world_is_what_the_state_says(&mut case);
}

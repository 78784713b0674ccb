//! Several processes on one state and one world: who is not allowed to write doesn't, and who dies is followed by the next.
//!
//! Each process plans, takes leases of what it would change and of what it makes that of, looks whether its plan still holds, and applies, as the driver does; a
//! seed says whose turn it is, who dies, who sleeps until its leases have expired and goes on as if nothing had been, and how the
//! clocks jump. No effect leaves without a lease that is in force when its intent is stored, none outside the plan, none made of what another run may change or has changed since; and in the
//! end the world is what the configuration says: nothing lost, nothing twice.
//!
//! `SIMULATION_SEED=n` repeats one, `SIMULATION_FROM=n` and `SIMULATION_RUNS=n` try others.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pilotis_plan::{Answer, ApplyStart, Failure, Machine, Phase, Request, RequestId};
use pilotis_state::{
    Holder, Intent, Lease, LeaseMode, ResourceRecord, RunId, RunStatus, StateError, Store as _, Timestamp,
    Write,
};
use support::tally::{count, each_seed};
use support::{Case, RETENTION, Random, Shape, run_record, secrets};

/// How long a lease lasts, on the clock of the simulation.
const LEASE: i64 = 200;

/// A process: what it is doing.
struct Process {
    holder: Holder,
    doing: Doing,
    /// What it asked for and has not got.
    waiting: BTreeMap<RequestId, Request>,
    /// It does nothing before this time.
    sleeps_until: i64,
}

enum Doing {
    Nothing,
    Planning(Box<Machine>),
    Applying { machine: Box<Machine>, of: Applying },
}

/// What a run holds.
struct Applying {
    run: RunId,
    /// What it may change.
    plan: BTreeSet<Arc<str>>,
    /// What it only reads, and the row that each had when the run began.
    read: BTreeMap<Arc<str>, ResourceRecord>,
}

/// How bad the world is, in percent of all turns.
#[derive(Default)]
struct Weather {
    crash: usize,
    sleep: usize,
    jump: usize,
    refuse: usize,
    lose: usize,
}

struct Estate {
    case: Case,
    runs: usize,
    processes: Vec<Process>,
    random: Random,
    weather: Weather,
    /// The first process dies after that many more steps.
    steps_left: Option<usize>,
}

fn holder(pid: usize) -> Holder {
    Holder {
        host: format!("machine-{}", pid % 3),
        pid: pid as u32,
        start: "boot".into(),
        who: "somebody".into(),
    }
}

impl Estate {
    fn now(&mut self) -> Timestamp {
        self.case.now()
    }

    /// One process does one thing.
    fn turn(&mut self) {
        if self.random.chance(self.weather.jump) {
            self.case.time += self.random.below(2 * LEASE as usize) as i64;
        }
        // Where all sleep, time goes by until the first one wakes up.
        let first = self.processes.iter().map(|p| p.sleeps_until).min().unwrap_or_default();
        self.case.time = self.case.time.max(first);
        let now = self.case.time;
        let awake = |place: &usize| self.processes[*place].sleeps_until <= now;
        let awake: Vec<usize> = (0..self.processes.len()).filter(awake).collect();
        let chosen = awake[self.random.below(awake.len())];
        let mut process = std::mem::replace(&mut self.processes[chosen], idle(0));
        match &mut self.steps_left {
            Some(0) if chosen == 0 => {
                self.steps_left = None;
                self.dies(&mut process);
            }
            Some(left) if chosen == 0 => {
                *left -= 1;
                self.step(&mut process);
            }
            _ => self.step(&mut process),
        }
        self.processes[chosen] = process;
    }

    fn step(&mut self, process: &mut Process) {
        if self.random.chance(self.weather.crash) && !matches!(process.doing, Doing::Nothing) {
            return self.dies(process);
        }
        if self.random.chance(self.weather.sleep) {
            process.sleeps_until = self.case.time + self.random.below(2 * LEASE as usize) as i64;
            return;
        }
        match std::mem::replace(&mut process.doing, Doing::Nothing) {
            Doing::Nothing => {
                count(|t| t.runs += 1);
                process.doing = Doing::Planning(Box::new(self.case.machine().0));
            }
            Doing::Planning(mut machine) => {
                if self.advance(process, &mut machine, None) {
                    process.doing = Doing::Planning(machine);
                } else {
                    self.begins(process, machine);
                }
            }
            Doing::Applying { mut machine, of } => {
                // What the driver does from time to time, if it isn't asleep. Without its leases it does nothing more at services.
                let holds = self.case.store.renew(&of.run, Timestamp(self.case.time + LEASE)).is_ok();
                if self.advance(process, &mut machine, Some((&of, holds))) {
                    process.doing = Doing::Applying { machine, of };
                } else {
                    assert_eq!(machine.phase(), Phase::Done, "it neither asks nor is done");
                    let _ = self.case.store.release(&of.run);
                }
            }
        }
    }

    /// A plan is made: takes leases, and begins to apply if it still holds.
    fn begins(&mut self, process: &mut Process, mut machine: Box<Machine>) {
        assert_eq!(machine.phase(), Phase::Planned, "it neither asks nor has planned");
        let plan = machine.take_plan().unwrap();
        if plan.diagnostics.has_errors() {
            return;
        }
        self.runs += 1;
        let run = RunId(format!("run-{}", self.runs).into());
        let (set, read) = (machine.write_set(), machine.read_set());
        assert!(!read.iter().any(|address| set.contains(address)), "what is changed isn't only read");
        let expires = Timestamp(self.case.time + LEASE);
        let lease = |mode| {
            let (holder, run) = (process.holder.clone(), run.clone());
            move |address: &Arc<str>| Lease {
                address: address.clone(),
                mode,
                holder: holder.clone(),
                run: run.clone(),
                since: Timestamp(0),
                expires,
            }
        };
        let mut leases: Vec<Lease> = set.iter().map(lease(LeaseMode::Exclusive)).collect();
        leases.extend(read.iter().map(lease(LeaseMode::Shared)));
        let now = self.now();
        match self.case.store.acquire(&leases, now) {
            Err(StateError::Locked { .. }) => return,
            taken => taken.unwrap(),
        }
        let snapshot = self.case.store.snapshot().unwrap();
        if !machine.stale(&snapshot).is_empty() {
            self.case.store.release(&run).unwrap();
            return;
        }
        let rows = snapshot.resources.iter().filter(|r| r.key.deposed.is_none());
        let of_read = rows.filter(|r| read.contains(&r.key.address));
        let read = of_read.map(|r| (r.key.address.clone(), r.clone())).collect();
        self.case.store.commit(&[Write::StartRun(run_record(&run, now))]).unwrap();
        machine.apply(ApplyStart { run: run.clone(), now, parallelism: self.case.parallelism });
        let of = Applying { run, plan: set.into_iter().collect(), read };
        process.doing = Doing::Applying { machine, of };
    }

    /// Answers one of a process' requests. False if it asks for nothing any more.
    fn advance(
        &mut self,
        process: &mut Process,
        machine: &mut Machine,
        applying: Option<(&Applying, bool)>,
    ) -> bool {
        let asked = machine.next();
        asked.iter().for_each(|(_, request)| secrets::none_in_request(request));
        process.waiting.extend(asked);
        if process.waiting.is_empty() {
            return false;
        }
        let chosen = *process.waiting.keys().nth(self.random.below(process.waiting.len())).unwrap();
        let request = process.waiting.remove(&chosen).unwrap();
        count(|t| t.steps += 1);
        let answer = match (applying, not_sent(&request)) {
            (Some((_, false)), Some(not_sent)) => not_sent,
            (Some((of, true)), Some(_)) => {
                self.may(&request, of);
                self.perform(request)
            }
            _ => self.perform(request),
        };
        let now = self.now();
        machine.answer(chosen, answer, now);
        true
    }

    /// No effect without an intent of this run, nor outside its plan, nor made of what isn't so any more.
    fn may(&mut self, request: &Request, of: &Applying) {
        let Applying { run, plan, read } = of;
        let (Request::Create { address, .. }
        | Request::Update { address, .. }
        | Request::Delete { address, .. }) = request
        else {
            return;
        };
        let snapshot = self.case.store.snapshot().unwrap();
        let intended = snapshot.intents.iter().any(|i| i.run == *run && i.key.address == *address);
        assert!(intended, "{address} is changed without an intent");
        assert!(plan.contains(address), "{address} is not in the plan of {run:?}");
        let others = snapshot.leases.iter().filter(|l| l.run != *run && l.expires.0 > self.case.time);
        for lease in others.filter(|l| l.mode == LeaseMode::Exclusive) {
            assert!(!read.contains_key(&lease.address), "while {run:?} changes {address}, {lease}");
        }
        let rows = snapshot.resources.iter().filter(|r| r.key.deposed.is_none());
        let now: BTreeMap<&Arc<str>, &ResourceRecord> = rows.map(|r| (&r.key.address, r)).collect();
        count(|t| t.checks += 3 + read.len() as u64);
        for (needed, then) in read {
            // What a row says of its own place (its dependencies) any run may write: nobody makes anything of that.
            let now = now.get(needed).map(|now| but_for_its_place(now));
            assert_eq!(
                now.as_ref(),
                Some(&but_for_its_place(then)),
                "{needed}, which {address} of {run:?} is made of, has changed"
            );
        }
    }

    fn perform(&mut self, request: Request) -> Answer {
        if let Request::Commit(writes) = &request {
            let begun: Vec<_> = writes
                .iter()
                .filter_map(|w| if let Write::Begin(i) = w { Some(i.clone()) } else { None })
                .collect();
            let answer = self.case.answer(request);
            if matches!(answer, Answer::Committed(Ok(()))) {
                self.are_held(&begun);
            }
            return answer;
        }
        let (refuse, lose) = (self.random.chance(self.weather.refuse), self.random.chance(self.weather.lose));
        let refused = || Failure::new("The service said no");
        let lost = || Failure::new("No answer").unknown();
        match &request {
            Request::Create { .. } if refuse => return Answer::Created(Err(refused())),
            Request::Update { .. } if refuse => return Answer::Updated(Err(refused())),
            Request::Delete { .. } if refuse => return Answer::Deleted(Err(refused())),
            _ => {}
        }
        match self.case.answer(request) {
            Answer::Created(_) if lose => Answer::Created(Err(lost())),
            Answer::Updated(_) if lose => Answer::Updated(Err(lost())),
            Answer::Deleted(_) if lose => Answer::Deleted(Err(lost())),
            answer => answer,
        }
    }

    /// Nothing is begun without a lease: one that expired and was taken by another run is none.
    fn are_held(&mut self, begun: &[Intent]) {
        let leases = self.case.store.snapshot().unwrap().leases;
        for intent in begun {
            count(|t| t.checks += 1);
            let held = leases.iter().any(|l| l.address == intent.key.address && l.run == intent.run);
            assert!(held, "{} is begun by {:?} without a lease", intent.key, intent.run);
        }
    }

    /// SIGKILL, or a machine without power: what was on its way may still arrive, now or much later. But not after another run
    /// has settled it: what leaves is looked at first, and what left before that has arrived or never will.
    fn dies(&mut self, process: &mut Process) {
        let fenced = match &process.doing {
            Doing::Applying { of, .. } => {
                !self.case.store.snapshot().unwrap().leases.iter().any(|l| l.run == of.run)
            }
            Doing::Nothing | Doing::Planning(_) => false,
        };
        count(|t| t.crashes += 1);
        for (_, request) in std::mem::take(&mut process.waiting) {
            match request {
                Request::Commit(_) if self.random.chance(50) => {
                    self.case.answer(request);
                }
                Request::Create { .. } | Request::Update { .. } | Request::Delete { .. }
                    if !fenced && self.random.chance(50) =>
                {
                    self.case.answer(request);
                }
                _ => {}
            }
        }
        // On the same machine one sees that it is dead; on another one waits until its leases expire.
        if self.random.chance(50) {
            self.case.store.declare_dead(&process.holder);
        }
        self.runs += 1;
        *process = idle(100 + self.runs);
    }
}

/// The row without what it says of its own place in the configuration, and without its version, which counts every write of the row.
fn but_for_its_place(record: &ResourceRecord) -> ResourceRecord {
    ResourceRecord {
        version: 0,
        dependencies: Vec::new(),
        create_before_destroy: false,
        protected: false,
        provider: "".into(),
        ..record.clone()
    }
}

/// What an effect that was not sent is answered with; none for what is no effect.
fn not_sent(request: &Request) -> Option<Answer> {
    let lost = || Failure::new("The run has lost its leases");
    match request {
        Request::Create { .. } => Some(Answer::Created(Err(lost()))),
        Request::Update { .. } => Some(Answer::Updated(Err(lost()))),
        Request::Delete { .. } => Some(Answer::Deleted(Err(lost()))),
        _ => None,
    }
}

fn idle(pid: usize) -> Process {
    Process { holder: holder(pid), doing: Doing::Nothing, waiting: BTreeMap::new(), sleeps_until: 0 }
}

/// Some processes on one estate, whose configuration changes between turns; then the weather clears, and one run is left to finish.
fn history(seed: u64) {
    let mut random = Random(seed ^ 0x5bd1_e995);
    let mut shape = Shape::new(&mut random);
    shape.without_tokens();
    let mut case = Case::new("");
    case.parallelism = 1 + random.below(6);
    // Programs of what is broken: the new one can't be made before the old one is removed.
    let programs = random.chance(30);
    let provision = |shape: &mut Shape| {
        if programs {
            shape.never_first();
            shape.provision();
        }
    };
    provision(&mut shape);
    let weather = Weather {
        crash: random.below(4),
        sleep: random.below(6),
        jump: random.below(4),
        refuse: random.below(10),
        lose: random.below(10),
    };
    if random.chance(50) {
        case.world.late.lag = Duration::from_millis(1 + random.below(60) as u64);
        case.world.late.random = Random(seed);
    }
    let processes = (0..2 + random.below(3)).map(idle).collect();
    let mut estate = Estate { case, runs: 0, processes, random, weather, steps_left: None };
    for _ in 0..2 + estate.random.below(3) {
        let (root, module) = shape.text();
        estate.case.set(&root);
        estate.case.files.0.insert("m".into(), module);
        for _ in 0..100 + estate.random.below(400) {
            estate.turn();
        }
        shape.change(&mut estate.random);
        shape.without_tokens();
        provision(&mut shape);
    }
    estate.ends();
}

impl Estate {
    /// All processes die, and their leases with them. One run settles what is open, and does the rest.
    fn ends(mut self) {
        for place in 0..self.processes.len() {
            let mut process = std::mem::replace(&mut self.processes[place], idle(0));
            self.dies(&mut process);
            self.case.time += 3 * LEASE;
        }
        self.time_passes();
        (self.weather, self.steps_left) = (Weather::default(), None);
        let mut last = idle(1_000_000);
        // Once to settle and do, and once more where that replaced what stood in the way.
        for _ in 0..100_000 {
            self.step(&mut last);
            if matches!(last.doing, Doing::Nothing) {
                break;
            }
        }
        assert!(matches!(last.doing, Doing::Nothing), "the last run doesn't end");
        support::world_is_what_the_state_says(&mut self.case);
        self.time_passes();
        let made = self.case.plan();
        assert_eq!(made.text(), "", "the last run left something to do");
    }

    /// Names of what was removed are free, and all that was done is shown.
    fn time_passes(&mut self) {
        self.case.time += RETENTION + self.case.world.late.lag.as_millis() as i64;
    }
}

/// Two processes change a small estate, and one of them dies after so many steps. False if it had been through by then.
fn one_of_two_dies_after(seed: u64, steps: usize) -> bool {
    let mut random = Random(seed ^ 0x2545_f491);
    let mut shape = Shape::new(&mut random);
    shape.without_tokens();
    let mut case = Case::new("");
    case.parallelism = 3;
    case.world.late.lag = Duration::from_millis(20 * (seed % 2));
    let processes = (0..2).map(idle).collect();
    let weather = Weather::default();
    let mut estate = Estate { case, runs: 0, processes, random, weather, steps_left: Some(steps) };
    for _ in 0..2 {
        let (root, module) = shape.text();
        estate.case.set(&root);
        estate.case.files.0.insert("m".into(), module);
        for _ in 0..70 {
            estate.turn();
        }
        shape.change(&mut estate.random);
        shape.without_tokens();
    }
    let died = estate.steps_left.is_none();
    estate.ends();
    died
}

#[test]
fn wherever_one_of_two_dies_the_other_goes_on() {
    each_seed("death of one of two at each step", 1, 100, |seed| {
        let steps = (0..).find(|steps| !one_of_two_dies_after(seed, *steps)).expect("it has an end");
        assert!(steps > 10, "{steps}: that was no history");
    });
}

#[test]
fn however_many_they_are_nothing_is_lost_and_nothing_is_made_twice() {
    each_seed("several processes at once", 15, 1, history);
}

/// Takes leases of what a plan writes, and begins to apply it.
fn takes_and_begins(case: &mut Case, machine: &mut Machine, run: &str) {
    let now = case.now();
    let pid = run.len();
    let run = RunId(run.into());
    let lease = |address: Arc<str>| Lease {
        address,
        mode: LeaseMode::Exclusive,
        holder: holder(pid),
        run: run.clone(),
        since: now,
        expires: Timestamp(now.0 + LEASE),
    };
    let leases: Vec<Lease> = machine.write_set().into_iter().map(lease).collect();
    case.store.acquire(&leases, now).unwrap();
    let snapshot = case.store.snapshot().unwrap();
    assert_eq!(machine.stale(&snapshot), []);
    case.store.commit(&[Write::StartRun(run_record(&run, now))]).unwrap();
    machine.apply(ApplyStart { run, now, parallelism: 1 });
}

/// A run that sleeps while its programs run wakes up when another one has long made the object anew: it stores nothing over that.
#[test]
fn who_wakes_after_its_programs_stores_nothing_over_what_another_run_made() {
    let mut case = Case::new(
        "resource \"sim_thing\" \"a\" {\n  name = \"a\"\n  \
         provisioner \"local-exec\" { command = \"sleep ${self.id}\" }\n}",
    );
    let mut sleeper = case.plan().machine;
    takes_and_begins(&mut case, &mut sleeper, "sleeper");
    let program = loop {
        let mut asked = sleeper.next();
        let (id, request) = asked.pop().expect("it goes on until its program runs");
        assert!(asked.is_empty());
        if matches!(request, Request::Run { .. }) {
            break id;
        }
        let answer = case.answer(request);
        sleeper.answer(id, answer, Timestamp(case.time));
    };

    case.time += 2 * LEASE;
    let mut other = case.plan();
    assert_eq!(other.text(), "delete, create sim_thing.a (Tainted)\n");
    takes_and_begins(&mut case, &mut other.machine, "other");
    case.drive(&mut other.machine);
    case.store.release(&RunId("other".into())).unwrap();

    let now = case.now();
    sleeper.answer(program, Answer::Ran(Ok(())), now);
    case.drive(&mut sleeper);
    assert_eq!(sleeper.phase(), Phase::Done);
    let applied = sleeper.applied();
    let said: Vec<_> = applied.diagnostics.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(said, ["Another run has taken the object over"]);
    assert!(applied.state_broken.is_none(), "{:?}", applied.state_broken);
    support::world_is_what_the_state_says(&mut case);
    assert_eq!(case.plan().text(), "");
}

/// What a row says of its own place is a courtesy: a run doesn't fail because another one has changed the object meanwhile.
#[test]
fn what_only_concerns_the_place_of_a_row_gives_way_to_who_changes_the_object() {
    let text = |a: u32, b: u32, after: &str| {
        format!(
            "resource \"sim_thing\" \"a\" {{\n  name = \"a\"\n  size = {a}\n  {after}\n}}\n\
             resource \"sim_thing\" \"b\" {{\n  name = \"b\"\n  size = {b}\n}}"
        )
    };
    let mut case = Case::new(&text(1, 1, ""));
    case.run();
    // One puts `a` after `b` and changes `b`; the other changes `a`.
    case.set(&text(1, 2, "depends_on = [sim_thing.b]"));
    let mut one = case.plan().machine;
    case.set(&text(2, 1, ""));
    let mut other = case.plan().machine;
    takes_and_begins(&mut case, &mut other, "other");
    takes_and_begins(&mut case, &mut one, "one");
    case.drive(&mut other);
    case.drive(&mut one);
    for machine in [one, other] {
        assert_eq!(machine.applied().status, RunStatus::Done, "{:?}", machine.applied().diagnostics);
    }
    case.set(&text(2, 2, ""));
    assert_eq!(case.plan().text(), "");
}

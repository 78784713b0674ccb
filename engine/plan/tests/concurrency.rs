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

use pilotis_plan::{Answer, ApplyStart, Failure, Machine, Phase, Request, RequestId};
use pilotis_state::{Holder, Intent, Lease, LeaseMode, RunId, StateError, Store as _, Timestamp, Write};
use support::{Case, Random, Shape, run_record};

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
    /// What it only reads, and the digest that each row had when the plan was made.
    read: BTreeMap<Arc<str>, [u8; 32]>,
}

/// How bad the world is, in percent of all turns.
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
        let chosen = self.random.below(self.processes.len());
        let mut process = std::mem::replace(&mut self.processes[chosen], idle(0));
        if process.sleeps_until <= self.case.time {
            self.step(&mut process);
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
            Doing::Nothing => process.doing = Doing::Planning(Box::new(self.case.machine().0)),
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
        let read = of_read.map(|r| (r.key.address.clone(), r.digest)).collect();
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
        process.waiting.extend(machine.next());
        if process.waiting.is_empty() {
            return false;
        }
        let chosen = *process.waiting.keys().nth(self.random.below(process.waiting.len())).unwrap();
        let request = process.waiting.remove(&chosen).unwrap();
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
        // What a row says of its own place (its dependencies) any run may write: nobody makes anything of that.
        let now: BTreeMap<&Arc<str>, [u8; 32]> = rows.map(|r| (&r.key.address, r.digest)).collect();
        for (needed, digest) in read {
            let now = now.get(needed);
            assert_eq!(now, Some(digest), "{needed}, which {address} of {run:?} is made of, has changed");
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
        for (_, request) in std::mem::take(&mut process.waiting) {
            match request {
                Request::Commit(_) if self.random.chance(50) => {
                    self.case.answer(request);
                }
                Request::Create { .. } | Request::Update { .. } | Request::Delete { .. }
                    if !fenced && self.random.chance(50) =>
                {
                    self.case.world.answer(request);
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
    let processes = (0..2 + random.below(3)).map(idle).collect();
    let mut estate = Estate { case, runs: 0, processes, random, weather };
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
        self.weather = Weather { crash: 0, sleep: 0, jump: 0, refuse: 0, lose: 0 };
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
        let made = self.case.plan();
        assert_eq!(made.text(), "", "the last run left something to do");
    }
}

#[test]
fn however_many_they_are_nothing_is_lost_and_nothing_is_made_twice() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("SIMULATION_SEED") {
        return history(seed);
    }
    let (from, runs) = (number("SIMULATION_FROM").unwrap_or(0), number("SIMULATION_RUNS").unwrap_or(30));
    for seed in from..from + runs {
        let result = std::panic::catch_unwind(|| history(seed));
        assert!(result.is_ok(), "seed {seed}: repeat with SIMULATION_SEED={seed}");
    }
}

/// A run that sleeps while its programs run wakes up when another one has long made the object anew: it stores nothing over that.
#[test]
fn who_wakes_after_its_programs_stores_nothing_over_what_another_run_made() {
    let mut case = Case::new(
        "resource \"sim_thing\" \"a\" {\n  name = \"a\"\n  \
         provisioner \"local-exec\" { command = \"sleep ${self.id}\" }\n}",
    );
    let mut sleeper = case.plan().machine;
    let take = |case: &mut Case, machine: &mut Machine, run: &str| {
        let now = case.now();
        let run = RunId(run.into());
        let addresses = machine.write_set();
        let lease = |address: Arc<str>| Lease {
            address,
            mode: LeaseMode::Exclusive,
            holder: holder(if &*run.0 == "sleeper" { 1 } else { 2 }),
            run: run.clone(),
            since: now,
            expires: Timestamp(now.0 + LEASE),
        };
        case.store.acquire(&addresses.into_iter().map(lease).collect::<Vec<_>>(), now).unwrap();
        case.store.commit(&[Write::StartRun(run_record(&run, now))]).unwrap();
        machine.apply(ApplyStart { run, now, parallelism: 1 });
    };
    take(&mut case, &mut sleeper, "sleeper");
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
    take(&mut case, &mut other.machine, "other");
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

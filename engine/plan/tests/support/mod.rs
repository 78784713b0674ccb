//! What the tests share: a small provider's schema, a world that plays its service, and configurations in memory.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

mod late;
mod random;
mod schema;
pub mod secrets;
pub mod tally;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use pilotis_config::{
    Configuration, LoadOptions, RootVariables, Sources, VariableSource, load, root_variables,
};
use pilotis_diag::{Diagnostics, RenderOptions, render};
use pilotis_lang::{Files, Surroundings};
use pilotis_plan::{
    Answer, Applied, ApplyStart, CommitFailure, Inputs, Machine, Phase, Plan, PlanAction, PlanOptions,
    Request,
};
use pilotis_state::{MemoryStore, Run, RunId, RunKind, RunStatus, StateError, Store, Timestamp, Write};
use pilotis_value::Value;

#[allow(unused_imports)]
pub use random::{Random, Shape};
pub use schema::schemas;
#[allow(unused_imports)]
pub use world::{RETENTION, World, with};

/// Module folders and their one file.
#[derive(Clone, Default, PartialEq)]
pub struct Memory(pub BTreeMap<String, String>);

impl Sources for Memory {
    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        let text = self.0.get(dir).ok_or("there is no such folder")?;
        let name = if dir == "." { "main.hcl".to_owned() } else { format!("{dir}/main.hcl") };
        Ok(vec![(name, text.clone())])
    }
}

pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("no such file".into())
    }
    fn exists(&self, _: &str) -> Result<bool, String> {
        Ok(false)
    }
    fn glob(&self, _: &str, _: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    fn absolute(&self, path: &str) -> String {
        format!("/here/{path}")
    }
    fn home(&self) -> Option<String> {
        None
    }
}

/// A configuration, a state and a world, over several runs.
pub struct Case {
    pub files: Memory,
    pub variables: Vec<(String, String)>,
    pub store: MemoryStore,
    pub world: World,
    pub options: PlanOptions,
    pub parallelism: usize,
    /// The clock.
    pub time: i64,
    runs: u128,
    loaded: Option<Loaded>,
}

/// A configuration, and what it was loaded from.
struct Loaded {
    files: Memory,
    given: Vec<(String, String)>,
    configuration: Arc<Configuration>,
    variables: RootVariables,
}

/// A plan that was made, and the machine that made it.
pub struct Made {
    pub plan: Plan,
    pub machine: Machine,
    pub configuration: Arc<Configuration>,
}

impl Case {
    pub fn new(text: &str) -> Case {
        let mut case = Case {
            files: Memory::default(),
            variables: Vec::new(),
            store: MemoryStore::new("6d1f3a52-0f2b-4a3e-9d44-1b8f6a1c2d3e"),
            world: World::default(),
            options: PlanOptions::default(),
            parallelism: 10,
            time: 1_000,
            runs: 0,
            loaded: None,
        };
        case.set(text);
        case
    }
    /// Another text for the root module.
    pub fn set(&mut self, text: &str) -> &mut Case {
        self.files.0.insert(".".into(), text.into());
        self
    }
    pub fn module(mut self, dir: &str, text: &str) -> Case {
        self.files.0.insert(dir.into(), text.into());
        self
    }
    pub fn var(&mut self, name: &str, value: &str) -> &mut Case {
        self.variables.retain(|(n, _)| n != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    pub fn load(&self) -> (Configuration, RootVariables, Diagnostics) {
        let options = LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() };
        let (mut configuration, mut diags) = load(&options, &self.files, &schemas());
        let given: Vec<VariableSource> =
            self.variables.iter().map(|(n, v)| VariableSource::Argument(n.clone(), v.clone())).collect();
        let surroundings = Surroundings { files: &NoFiles, plan_time_ms: 0, apply_time_ms: None };
        let root = configuration.modules[0].clone();
        let variables = root_variables(&root, &given, &mut configuration.sources, &surroundings, &mut diags);
        (configuration, variables, diags)
    }

    pub fn now(&mut self) -> Timestamp {
        self.time += 1;
        Timestamp(self.time)
    }

    /// The configuration, loaded once for each text.
    fn loaded(&mut self) -> (Arc<Configuration>, RootVariables) {
        if let Some(loaded) = &self.loaded
            && loaded.files == self.files
            && loaded.given == self.variables
        {
            return (loaded.configuration.clone(), loaded.variables.clone());
        }
        let (configuration, variables, diags) = self.load();
        assert!(!diags.has_errors(), "{}", said(&configuration, &diags));
        let configuration = Arc::new(configuration);
        self.loaded = Some(Loaded {
            files: self.files.clone(),
            given: self.variables.clone(),
            configuration: configuration.clone(),
            variables: variables.clone(),
        });
        (configuration, variables)
    }

    pub fn machine(&mut self) -> (Machine, Arc<Configuration>) {
        let (configuration, variables) = self.loaded();
        self.runs += 1;
        let machine = Machine::new(Inputs {
            configuration: configuration.clone(),
            schemas: schemas(),
            variables,
            options: self.options.clone(),
            snapshot: Arc::new(self.store.snapshot().unwrap()),
            files: Arc::new(NoFiles),
            started: Timestamp(1_000),
            now: self.now(),
            seed: self.runs,
        });
        (machine, configuration)
    }

    pub fn plan(&mut self) -> Made {
        let (mut machine, configuration) = self.machine();
        self.drive(&mut machine);
        assert_eq!(machine.phase(), Phase::Planned);
        let plan = machine.take_plan().unwrap();
        self.nothing_is_open();
        Made { plan, machine, configuration }
    }

    /// Plans with options, and puts the options back.
    pub fn plan_with(&mut self, options: PlanOptions) -> Made {
        let before = std::mem::replace(&mut self.options, options);
        let made = self.plan();
        self.options = before;
        made
    }

    /// Answers everything until nothing is asked any more.
    pub fn drive(&mut self, machine: &mut Machine) {
        loop {
            let requests = machine.next();
            if requests.is_empty() {
                return;
            }
            for (id, request) in requests {
                let answer = self.answer(request);
                let at = self.now();
                machine.answer(id, answer, at);
            }
        }
    }

    pub fn answer(&mut self, request: Request) -> Answer {
        match request {
            Request::Commit(writes) => Answer::Committed(commit(&mut self.store, &writes)),
            Request::Wait { time, .. } => {
                self.time += time.as_millis() as i64;
                Answer::Waited
            }
            request => {
                self.world.now = self.time;
                self.world.answer(request)
            }
        }
    }

    pub fn apply(&mut self, made: Made) -> Applied {
        let mut machine = made.machine;
        self.start(&mut machine);
        self.drive(&mut machine);
        assert_eq!(machine.phase(), Phase::Done);
        self.nothing_is_open();
        machine.applied()
    }

    /// What was opened is closed. A next process connects anew.
    pub fn nothing_is_open(&mut self) {
        assert!(self.world.open.is_empty(), "still open: {:?}", self.world.open);
    }

    pub fn start(&mut self, machine: &mut Machine) {
        let run = RunId(format!("run-{}", self.runs).into());
        let now = self.now();
        self.store.commit(&[Write::StartRun(run_record(&run, now))]).unwrap();
        machine.apply(ApplyStart { run, now, parallelism: self.parallelism });
    }

    /// Plans and applies; both must be without error.
    pub fn run(&mut self) -> Applied {
        let made = self.plan();
        assert!(!made.plan.diagnostics.has_errors(), "{}", said(&made.configuration, &made.plan.diagnostics));
        let configuration = made.configuration.clone();
        let applied = self.apply(made);
        assert_eq!(applied.status, RunStatus::Done, "{}", said(&configuration, &applied.diagnostics));
        applied
    }

    /// The state: an address and the attributes of each object.
    pub fn state(&mut self) -> String {
        let snapshot = self.store.snapshot().unwrap();
        let mut text = String::new();
        for record in &snapshot.resources {
            writeln!(text, "{} {}", record.key, record.attributes).unwrap();
        }
        for output in &snapshot.outputs {
            writeln!(text, "output {} = {}", output.name, output.value).unwrap();
        }
        assert!(snapshot.intents.is_empty(), "{:?}", snapshot.intents);
        text
    }
}

/// The world is what the state says, object by object: nothing lost, nothing twice, nothing left open.
pub fn world_is_what_the_state_says(case: &mut Case) {
    let snapshot = case.store.snapshot().unwrap();
    assert!(snapshot.intents.is_empty(), "open intents: {:?}", snapshot.intents);
    let mut ids = BTreeMap::new();
    for record in &snapshot.resources {
        assert!(record.key.deposed.is_none(), "{} is left over", record.key);
        let object: serde_json::Value = serde_json::from_str(&record.attributes).unwrap();
        let id = object["id"].as_str().unwrap().to_owned();
        let twin = ids.insert(id.clone(), record.key.address.clone());
        assert!(twin.is_none(), "{} and {twin:?} are the same object {id}", record.key);
        tally::count(|t| t.checks += 1);
        let (_, live) = case.world.objects.get(&id).unwrap_or_else(|| panic!("{} is gone: {id}", record.key));
        assert_eq!(live.get("name").and_then(Value::as_str), object["name"].as_str(), "{}", record.key);
    }
    for (id, (_, object)) in &case.world.objects {
        tally::count(|t| t.checks += 1);
        assert!(ids.contains_key(id), "nobody knows of {id}: {object:?}");
    }
}

pub fn run_record(id: &RunId, now: Timestamp) -> Run {
    Run {
        id: id.clone(),
        kind: RunKind::Apply,
        who: "test".into(),
        commit: None,
        plan_digest: None,
        started: now,
        finished: None,
        status: RunStatus::Running,
        calls: 0,
    }
}

pub fn commit(store: &mut MemoryStore, writes: &[Write]) -> Result<(), CommitFailure> {
    store.commit(writes).map_err(|e| match e {
        StateError::Conflict(key) => CommitFailure::Conflict(key.to_string()),
        StateError::Locked { .. } | StateError::Fenced(_) => CommitFailure::Locked(e.to_string()),
        StateError::Settled(_) => CommitFailure::Settled(e.to_string()),
        e => CommitFailure::Broken(e.to_string()),
    })
}

impl Made {
    /// What is done, one line each; no-ops only where they move or import.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for change in &self.plan.changes {
            if change.action == PlanAction::NoOp && change.moved_from.is_none() && change.importing.is_none()
            {
                continue;
            }
            write!(text, "{} {}", action(change.action), change.display).unwrap();
            if let Some(key) = &change.deposed {
                write!(text, " (deposed {})", if key.is_empty() { "" } else { "…" }).unwrap();
            }
            if let Some(from) = &change.moved_from {
                write!(text, " (from {from})").unwrap();
            }
            if let Some(id) = &change.importing {
                write!(text, " (import {id})").unwrap();
            }
            if let Some(reason) = change.reason {
                write!(text, " ({reason:?})").unwrap();
            }
            let paths: Vec<String> = change.replace_paths.iter().map(ToString::to_string).collect();
            if !paths.is_empty() {
                write!(text, " {}", paths.join(" ")).unwrap();
            }
            text.push('\n');
        }
        for output in self.plan.outputs.iter().filter(|o| o.before != o.after) {
            writeln!(text, "output {}: {:?} → {:?}", output.name, output.before, output.after).unwrap();
        }
        text
    }
    /// What was found to have changed by itself.
    pub fn drift(&self) -> String {
        let line = |d: &pilotis_plan::Drift| format!("{}: {:?} → {:?}\n", d.display, d.before, d.after);
        self.plan.drift.iter().map(line).collect()
    }
    pub fn said(&self) -> String {
        said(&self.configuration, &self.plan.diagnostics)
    }
    /// Summaries only.
    pub fn summaries(&self) -> Vec<String> {
        self.plan.diagnostics.iter().map(|d| d.summary.clone()).collect()
    }
    pub fn change(&self, address: &str) -> &pilotis_plan::ResourceChange {
        self.plan.changes.iter().find(|c| c.address.to_string() == address).expect(address)
    }
}

fn action(action: PlanAction) -> &'static str {
    match action {
        PlanAction::NoOp => "no-op",
        PlanAction::Read => "read",
        PlanAction::Create => "create",
        PlanAction::Update => "update",
        PlanAction::DeleteThenCreate => "delete, create",
        PlanAction::CreateThenDelete => "create, delete",
        PlanAction::Delete => "delete",
        PlanAction::Forget => "forget",
    }
}

pub fn said(configuration: &Configuration, diags: &Diagnostics) -> String {
    let options = RenderOptions { color: false, width: 110 };
    let texts: Vec<String> = diags.iter().map(|d| render(d, &configuration.sources, options)).collect();
    texts.join("\n")
}

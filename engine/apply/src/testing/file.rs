//! One test file: its runs in order, each on the state that it shares with others, then the removal of all that they made.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pilotis_config::{SuiteFile, SuiteRun};
use pilotis_diag::{Diagnostics, SourceMap};
use pilotis_state::MemoryStore;

use super::arguments::Outputs;
use super::report::{FileReport, Made, RunReport, TestEvent, TestStatus};
use super::run::{Ran, Setup, carry_out, set_up};
use super::{Tester, cleanup};
use crate::drive::now;
use crate::engine::Engine;

/// A run that takes longer is mentioned this often.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// A state that runs share.
pub(super) struct SharedState {
    pub(super) engine: Engine,
    /// The run that has changed it last: what that was made with removes it.
    pub(super) last: Option<Last>,
}

/// The run that has changed a state last.
#[derive(Clone)]
pub(super) struct Last {
    /// Its place in the file.
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) setup: Setup,
}

/// A file under way.
pub(super) struct Session<'a> {
    pub(super) tester: &'a Tester<'a>,
    pub(super) file: &'a SuiteFile,
    pub(super) states: BTreeMap<String, SharedState>,
    outputs: Outputs,
    reports: Vec<RunReport>,
}

impl<'a> Session<'a> {
    pub(super) fn new(tester: &'a Tester<'a>, file: &'a SuiteFile) -> Session<'a> {
        Session { tester, file, states: BTreeMap::new(), outputs: Outputs::new(), reports: Vec::new() }
    }

    /// Runs it, and cleans up.
    pub(super) async fn run(mut self, sources: &mut SourceMap) -> FileReport {
        let path = self.file.path.as_str();
        let reporter = self.tester.reporter;
        reporter.event(&TestEvent::FileStarted { path });
        for (index, run) in self.file.runs.iter().enumerate() {
            match self.why_skip() {
                Some(why) => self.skip(run, why, sources),
                None => self.one(index, run, sources).await,
            }
        }
        reporter.event(&TestEvent::TearingDown { path });
        let clean = cleanup::remove_all(&mut self, sources).await;
        let ran = self.reports.iter().map(|r| r.status).max().unwrap_or(TestStatus::Pass);
        let status = if clean { ran } else { TestStatus::Error };
        reporter.event(&TestEvent::FileFinished { path, status });
        FileReport { path: path.to_owned(), status, runs: self.reports }
    }

    /// Why nothing more is run.
    fn why_skip(&self) -> Option<String> {
        if let Some(run) = self.reports.iter().find(|r| r.status == TestStatus::Error) {
            return Some(format!(
                "Previous testcase \"{}\" ended in error, which caused the remaining tests in the file to be skipped",
                run.name
            ));
        }
        let interrupted = "Testcase skipped due to an interrupt";
        self.tester.soft.is_cancelled().then(|| interrupted.to_owned())
    }

    fn skip(&mut self, run: &SuiteRun, why: String, sources: &SourceMap) {
        let report = RunReport {
            name: run.run.name.clone(),
            status: TestStatus::Skip,
            diagnostics: Diagnostics::new(),
            started: None,
            elapsed: Duration::ZERO,
            skipped: Some(why),
        };
        self.finished(run, report, None, sources);
    }

    fn finished(&mut self, run: &SuiteRun, report: RunReport, made: Option<Made<'_>>, sources: &SourceMap) {
        self.tester.reporter.event(&TestEvent::RunFinished {
            path: &self.file.path,
            report: &report,
            made,
            configuration: &run.configuration,
            sources,
        });
        self.reports.push(report);
    }

    async fn one(&mut self, index: usize, run: &SuiteRun, sources: &mut SourceMap) {
        let (path, name) = (self.file.path.as_str(), run.run.name.as_str());
        self.tester.reporter.event(&TestEvent::RunStarted { path, run: name });
        let (started, began) = (now(), Instant::now());
        let mut ran = self.carry_out(index, run, sources).await;
        let made_state = match ran.applied && self.tester.reporter.wants_all() {
            true => {
                let state = self.states.get(&key_of(run)).map(|s| s.engine.store().clone());
                match state {
                    Some(store) => store.with(|store| store.snapshot()).await.ok(),
                    None => None,
                }
            }
            false => None,
        };
        if let Some(outputs) = ran.outputs.take() {
            self.outputs.insert(name.to_owned(), outputs);
        }
        ran.diagnostics.sort();
        let status = ran.status();
        let report = RunReport {
            name: name.to_owned(),
            status,
            diagnostics: ran.diagnostics,
            started: Some(started),
            elapsed: began.elapsed(),
            skipped: None,
        };
        let made = match (&made_state, &ran.plan) {
            (Some(state), _) => Some(Made::State(state)),
            (None, Some(plan)) if !plan.diagnostics.has_errors() => Some(Made::Plan(plan)),
            _ => None,
        };
        self.finished(run, report, made, sources);
    }

    async fn carry_out(&mut self, index: usize, run: &SuiteRun, sources: &mut SourceMap) -> Ran {
        let tester = self.tester;
        let mut diagnostics = Diagnostics::new();
        let outside = &self.file.outside;
        let found = set_up(tester, run, outside, &self.outputs, sources, &mut diagnostics);
        let Some((setup, arguments)) = found else {
            return Ran { diagnostics, ..Ran::default() };
        };
        let state = self.states.entry(key_of(run)).or_insert_with(|| new_state(tester));
        state.engine.use_sandbox(endpoints(tester, &setup.sandboxed));
        let work = carry_out(tester, &state.engine, run, &setup, &arguments, &self.outputs);
        let mut ran = told(tester, &self.file.path, &run.run.name, work).await;
        if ran.applied {
            state.last = Some(Last { index, name: run.run.name.clone(), setup });
        }
        diagnostics.extend(std::mem::take(&mut ran.diagnostics));
        ran.diagnostics = diagnostics;
        ran
    }
}

/// Waits for a run, and says now and then that it goes on.
async fn told(tester: &Tester<'_>, path: &str, run: &str, work: impl Future<Output = Ran>) -> Ran {
    let began = Instant::now();
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            ran = &mut work => return ran,
            () = tokio::time::sleep(HEARTBEAT) => {
                tester.reporter.event(&TestEvent::RunProgress { path, run, elapsed: began.elapsed() });
            }
        }
    }
}

/// Runs of a module share a state, and so do runs that say the same key.
fn key_of(run: &SuiteRun) -> String {
    match &run.run.state_key {
        Some(key) => format!("key {key}"),
        None => format!("module {}", run.dir),
    }
}

fn new_state(tester: &Tester<'_>) -> SharedState {
    let store = Box::new(MemoryStore::new("test"));
    let engine = Engine::new(store, tester.providers.clone(), tester.settings.clone());
    SharedState { engine, last: None }
}

/// Where the providers that use the sandbox find it.
pub(super) fn endpoints(
    tester: &Tester<'_>,
    sandboxed: &[String],
) -> BTreeMap<String, pilotis_sdk::SandboxEndpoint> {
    let wanted = tester.sandbox.iter().filter(|(name, _)| sandboxed.contains(name));
    wanted.map(|(name, endpoint)| (name.clone(), endpoint.clone())).collect()
}

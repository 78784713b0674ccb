//! What is seen of tests: lines for people, events for programs, and a document for continuous integration.

use std::collections::BTreeMap;
use std::sync::Mutex;

use pilotis_apply::testing::{FileReport, Made, RunReport, TestEvent, TestReporter, TestStatus, Totals};
use pilotis_config::{Configuration, Suite, display};
use pilotis_diag::{Diagnostic, Diagnostics, RenderOptions, SourceMap, render};
use pilotis_report::json::{events, test_events};
use pilotis_report::junit::{JunitFile, JunitResult, JunitRun, junit};
use pilotis_report::text::{self, Role};
use pilotis_schema::ProviderSchema;
use pilotis_schema::address::Instance;
use pilotis_state::Snapshot;

use crate::args::TestArgs;
use crate::clock::{rfc3339, rfc3339_now};
use crate::commands::output;
use crate::folder::Folder;
use crate::planning::style;
use crate::records;
use crate::view::View;

/// Shows tests as they go.
pub(super) struct Show<'a> {
    view: View,
    folder: &'a Folder,
    verbose: bool,
    /// Diagnostics of runs as text, by file and run: for the document.
    said: Mutex<BTreeMap<(String, String), String>>,
}

impl<'a> Show<'a> {
    pub(super) fn new(view: View, folder: &'a Folder, args: &TestArgs) -> Show<'a> {
        Show { view, folder, verbose: args.verbose, said: Mutex::default() }
    }

    pub(super) fn begin(&self) {
        if self.view.json {
            self.view.line(&events::version(env!("CARGO_PKG_VERSION"), &rfc3339_now()));
        }
    }

    /// Shows diagnostics that belong to no run.
    pub(super) fn diagnostics(&self, diagnostics: &Diagnostics, sources: &SourceMap) {
        self.view.diagnostics(diagnostics, sources);
    }

    /// What there is to be run.
    pub(super) fn found(&self, suite: &Suite) {
        if self.view.json {
            let runs = |f: &'_ pilotis_config::SuiteFile| -> Vec<String> {
                f.runs.iter().map(|r| r.run.name.clone()).collect()
            };
            let files: Vec<(&str, Vec<String>)> =
                suite.files.iter().map(|f| (f.path.as_str(), runs(f))).collect();
            let files = files.iter().map(|(path, runs)| (*path, runs.iter().map(String::as_str).collect()));
            self.view.line(&test_events::test_abstract(files, &rfc3339_now()));
        }
    }

    /// The verdict.
    pub(super) fn end(&self, reports: &[FileReport]) {
        let totals = Totals::of(reports);
        let status = reports.iter().map(|r| r.status).max().unwrap_or(TestStatus::Pass);
        let mut message = match status {
            TestStatus::Fail | TestStatus::Error => "Failure!".to_owned(),
            TestStatus::Skip | TestStatus::Pass => "Success!".to_owned(),
        };
        message += &format!(" {} passed, {} failed", totals.passed, totals.failed + totals.errored);
        message += &match totals.skipped {
            0 => ".".to_owned(),
            n => format!(", {n} skipped."),
        };
        if self.view.json {
            let counts = (totals.passed, totals.failed, totals.errored, totals.skipped);
            self.view.line(&test_events::test_summary(status.word(), counts, &message, &rfc3339_now()));
            return;
        }
        let (verdict, rest) = message.split_once(' ').unwrap_or((&message, ""));
        self.view.print(&format!("\n{} {rest}\n", self.painted(verdict, status)));
    }

    /// The results as JUnit's XML.
    pub(super) fn junit(&self, reports: &[FileReport]) -> String {
        let said = self.said.lock().expect("no thread panics with it");
        let run = |path: &str, report: &'_ RunReport| {
            let text = said.get(&(path.to_owned(), report.name.clone())).cloned().unwrap_or_default();
            match report.status {
                TestStatus::Pass => JunitResult::Passed(text),
                TestStatus::Fail => JunitResult::Failed(text),
                TestStatus::Error => JunitResult::Errored(text),
                TestStatus::Skip => JunitResult::Skipped(report.skipped.clone().unwrap_or_default()),
            }
        };
        let files: Vec<JunitFile<'_>> = reports
            .iter()
            .map(|file| JunitFile {
                path: &file.path,
                runs: file
                    .runs
                    .iter()
                    .map(|report| JunitRun {
                        name: &report.name,
                        time: report.started.map(|at| (rfc3339(at), report.elapsed.as_secs_f64())),
                        result: run(&file.path, report),
                    })
                    .collect(),
            })
            .collect();
        junit(&files)
    }

    fn painted(&self, text: &str, status: TestStatus) -> String {
        let role = match status {
            TestStatus::Skip => return text.to_owned(),
            TestStatus::Pass => Role::Add,
            TestStatus::Fail | TestStatus::Error => Role::Remove,
        };
        style(&self.view).paint(role, text).into_owned()
    }

    /// `path... pass`
    fn line(&self, what: &str, status: TestStatus) {
        let word = if status == TestStatus::Error { "fail" } else { status.word() };
        self.view.print(&format!("{what}... {}\n", self.painted(word, status)));
    }

    fn finished(&self, path: &str, report: &RunReport, shown: &Shown<'_>) {
        let at = rfc3339_now();
        let place = test_events::TestPlace { path, run: Some(&report.name) };
        if self.view.json {
            let word = Some(report.status.word());
            self.view.line(&test_events::test_run(path, &report.name, "complete", word, None, &at));
        } else {
            self.line(&format!("  run {:?}", report.name), report.status);
        }
        if let Some(made) = shown.made.as_ref().filter(|_| self.verbose) {
            self.made(made, shown.configuration, place, &at);
        }
        let mut said = String::new();
        for diagnostic in &report.diagnostics {
            if self.view.json {
                let event = test_events::test_diagnostic(diagnostic, shown.sources, Some(place), &at);
                self.view.line(&event);
            }
            said.push('\n');
            said.push_str(&plain(&named(diagnostic, shown.configuration), shown.sources));
        }
        if !self.view.json {
            let all = report.diagnostics.iter().map(|d| named(d, shown.configuration)).collect();
            if !said.is_empty() {
                self.view.say("\n");
            }
            self.view.diagnostics(&all, shown.sources);
        }
        let key = (path.to_owned(), report.name.clone());
        self.said.lock().expect("no thread panics with it").insert(key, said);
    }

    fn made(
        &self,
        made: &Made<'_>,
        configuration: &Configuration,
        place: test_events::TestPlace<'_>,
        at: &str,
    ) {
        match made {
            Made::Plan(plan) if self.view.json => {
                self.view.line(&test_events::test_plan(plan, self.used(configuration), place, at));
            }
            Made::Plan(plan) => {
                let text = text::plan(plan, &style(&self.view), &crate::builtin::lost);
                self.view.print(&format!("\n{text}\n"));
            }
            Made::State(snapshot) => {
                if let Err(e) = self.state(snapshot, configuration, place, at) {
                    self.view.error(&e, false);
                }
            }
        }
    }

    fn state(
        &self,
        snapshot: &Snapshot,
        configuration: &Configuration,
        place: test_events::TestPlace<'_>,
        at: &str,
    ) -> anyhow::Result<()> {
        let objects = records::decode(snapshot, self.folder, configuration)?;
        let outputs = output::decode(snapshot.outputs.clone())?;
        let outputs = || outputs.iter().map(|(n, v, s)| (n.as_str(), v, *s));
        if self.view.json {
            let used = self.used(configuration);
            self.view.line(&test_events::test_state(&objects, outputs(), used, place, at));
            return Ok(());
        }
        let style = style(&self.view);
        let texts: Vec<_> = objects.iter().map(|o| text::state_object(o, &style)).collect();
        self.view.print(&format!("\n{}\n", texts.join("\n")));
        if outputs().next().is_some() {
            self.view.print(&format!("Outputs:\n\n{}\n", text::outputs(outputs(), &style)));
        }
        Ok(())
    }

    /// Schemas of the providers that a configuration has objects of.
    fn used(&self, configuration: &Configuration) -> impl Iterator<Item = &ProviderSchema> {
        let resources = configuration.modules.iter().flat_map(|m| &m.resources);
        let names: std::collections::BTreeSet<String> = resources.map(|r| r.provider.name.clone()).collect();
        let used = self.folder.providers.iter().filter(move |(name, _)| names.contains(*name));
        used.map(|(_, provider)| provider.schema())
    }

    fn cleaned_up(
        &self,
        path: &str,
        run: &str,
        left: &[String],
        diagnostics: &Diagnostics,
        sources: &SourceMap,
    ) {
        if self.view.json {
            let at = rfc3339_now();
            if !left.is_empty() {
                self.view.line(&test_events::test_cleanup(path, run, left, &at));
            }
            let place = test_events::TestPlace { path, run: Some(run) };
            for diagnostic in diagnostics {
                self.view.line(&test_events::test_diagnostic(diagnostic, sources, Some(place), &at));
            }
            return;
        }
        if diagnostics.has_errors() {
            self.view.say(&format!("\nNot all that {path}/{run} has made could be destroyed.\n\n"));
        }
        self.view.diagnostics(diagnostics, sources);
        if !left.is_empty() {
            let list: String = left.iter().map(|address| format!("  - {address}\n")).collect();
            self.view.say(&format!(
                "\nThese objects are still there after {path}/{run}; no state knows them any more, so clean them up by hand:\n{list}"
            ));
        }
    }
}

/// What goes with a report.
struct Shown<'a> {
    made: Option<&'a Made<'a>>,
    configuration: &'a Configuration,
    sources: &'a SourceMap,
}

impl TestReporter for Show<'_> {
    fn event(&self, event: &TestEvent<'_>) {
        let at = rfc3339_now();
        let json = self.view.json;
        match event {
            TestEvent::FileStarted { path } if json => {
                self.view.line(&test_events::test_file(path, "starting", None, &at));
            }
            TestEvent::FileStarted { path } => self.view.print(&format!("{path}... in progress\n")),
            TestEvent::RunStarted { path, run } if json => {
                self.view.line(&test_events::test_run(path, run, "starting", None, Some(0), &at));
            }
            TestEvent::RunProgress { path, run, elapsed } if json => {
                let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
                self.view.line(&test_events::test_run(path, run, "running", None, Some(elapsed), &at));
            }
            TestEvent::RunTearingDown { path, run } if json => {
                self.view.line(&test_events::test_run(path, run, "teardown", None, Some(0), &at));
            }
            TestEvent::RunStarted { .. }
            | TestEvent::RunProgress { .. }
            | TestEvent::RunTearingDown { .. } => {}
            TestEvent::RunFinished { path, report, made, configuration, sources } => {
                let shown = Shown { made: made.as_ref(), configuration, sources };
                self.finished(path, report, &shown);
            }
            TestEvent::TearingDown { path } if json => {
                self.view.line(&test_events::test_file(path, "teardown", None, &at));
            }
            TestEvent::TearingDown { path } => self.view.print(&format!("{path}... tearing down\n")),
            TestEvent::CleanedUp { path, run, left, diagnostics, sources } => {
                self.cleaned_up(path, run, left, diagnostics, sources);
            }
            TestEvent::FileFinished { path, status } if json => {
                self.view.line(&test_events::test_file(path, "complete", Some(status.word()), &at));
            }
            TestEvent::FileFinished { path, status } => self.line(path, *status),
        }
    }

    fn wants_all(&self) -> bool {
        self.verbose
    }
}

/// A diagnostic with its address as a person reads it.
fn named(diagnostic: &Diagnostic, configuration: &Configuration) -> Diagnostic {
    let mut diagnostic = diagnostic.clone();
    let address = diagnostic.address.as_deref().and_then(|a| a.parse::<Instance>().ok());
    if let Some(address) = address {
        diagnostic.address = Some(display::display(configuration, &address));
    }
    diagnostic
}

fn plain(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let text = render(diagnostic, sources, RenderOptions { color: false, width: 100 });
    format!("{}\n", text.trim_end())
}

//! Tests carried out: the runs of a suite, each on a state in memory, and the removal of what they made.
//!
//! Here is in which order runs go, which of them share a state, and what is done when one fails. What a run says is `pilotis-config`'s to
//! read, whether its assertions hold is the planner's to say, and how it is shown is the reporter's.

mod arguments;
mod cleanup;
mod file;
mod report;
mod run;

use std::collections::BTreeMap;

use pilotis_config::{Suite, SuiteFile};
use pilotis_diag::SourceMap;
use pilotis_sdk::SandboxEndpoint;
use tokio_util::sync::CancellationToken;

use crate::engine::{Providers, Settings};

pub use arguments::may_use_sandbox;
pub use report::{FileReport, Made, RunReport, TestEvent, TestReporter, TestStatus, Totals};

/// What carries tests out.
pub struct Tester<'a> {
    /// All providers.
    pub providers: Providers,
    /// Settings of the engines that runs are carried out by. Their sandbox is chosen for each run.
    pub settings: Settings,
    /// Where the sandbox answers, by provider, if it was started.
    pub sandbox: BTreeMap<String, SandboxEndpoint>,
    /// All providers are to use the sandbox, not only those whose configuration says so.
    pub sandbox_for_all: bool,
    /// Provisioners may run their programs.
    pub allow_programs: bool,
    /// Is told what happens.
    pub reporter: &'a dyn TestReporter,
    /// Stop testing: what is in flight is finished, and what was made is removed.
    pub soft: CancellationToken,
    /// Leave: what was made stays.
    pub hard: CancellationToken,
}

impl Tester<'_> {
    /// Carries out the files of a suite, one after the other. `sources`: all text that was read; it grows.
    pub async fn run(&self, suite: &Suite, sources: &mut SourceMap) -> Vec<FileReport> {
        let mut reports = Vec::new();
        for file in &suite.files {
            reports.push(self.file(file, sources).await);
        }
        reports
    }

    async fn file(&self, file: &SuiteFile, sources: &mut SourceMap) -> FileReport {
        file::Session::new(self, file).run(sources).await
    }
}

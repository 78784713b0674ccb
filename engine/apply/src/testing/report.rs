//! What is told of tests.

use std::time::Duration;

use pilotis_config::Configuration;
use pilotis_diag::{Diagnostics, SourceMap};
use pilotis_plan::Plan;
use pilotis_state::{Snapshot, Timestamp};

/// How a run or a file ended; the worst of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestStatus {
    /// It was not run.
    Skip,
    /// All held.
    Pass,
    /// An assertion did not hold.
    Fail,
    /// Something else went wrong.
    Error,
}

impl TestStatus {
    /// As Terraform's event stream says it.
    pub fn word(self) -> &'static str {
        match self {
            TestStatus::Skip => "skip",
            TestStatus::Pass => "pass",
            TestStatus::Fail => "fail",
            TestStatus::Error => "error",
        }
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct RunReport {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub status: TestStatus,
    /// Why, and warnings.
    pub diagnostics: Diagnostics,
    /// When it began; none if it was skipped.
    pub started: Option<Timestamp>,
    /// How long it took.
    pub elapsed: Duration,
    /// Why it was skipped, as a sentence.
    pub skipped: Option<String>,
}

/// What came of a file.
#[derive(Debug)]
pub struct FileReport {
    /// Its path, to show.
    pub path: String,
    /// How it ended, with what came of the removal of what it made.
    pub status: TestStatus,
    /// Its runs, in order.
    pub runs: Vec<RunReport>,
}

/// How many runs ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All held.
    pub passed: usize,
    /// An assertion did not hold.
    pub failed: usize,
    /// Something else went wrong.
    pub errored: usize,
    /// Not run.
    pub skipped: usize,
}

impl Totals {
    /// Counts the runs of files.
    pub fn of(files: &[FileReport]) -> Totals {
        let mut totals = Totals::default();
        for run in files.iter().flat_map(|f| &f.runs) {
            match run.status {
                TestStatus::Skip => totals.skipped += 1,
                TestStatus::Pass => totals.passed += 1,
                TestStatus::Fail => totals.failed += 1,
                TestStatus::Error => totals.errored += 1,
            }
        }
        totals
    }
}

/// What a run has made, for those who want to see all.
pub enum Made<'a> {
    /// A plan.
    Plan(&'a Plan),
    /// A state.
    State(&'a Snapshot),
}

/// Something that happened. Borrowed: copy what you keep.
pub enum TestEvent<'a> {
    /// A file begins.
    FileStarted {
        /// Its path.
        path: &'a str,
    },
    /// A run begins.
    RunStarted {
        /// The path of its file.
        path: &'a str,
        /// Its name.
        run: &'a str,
    },
    /// It goes on (said every two seconds).
    RunProgress {
        /// The path of its file.
        path: &'a str,
        /// Its name.
        run: &'a str,
        /// For how long already.
        elapsed: Duration,
    },
    /// It ended, or was skipped.
    RunFinished {
        /// The path of its file.
        path: &'a str,
        /// What came of it.
        report: &'a RunReport,
        /// What it made; none if it didn't come to that.
        made: Option<Made<'a>>,
        /// The configuration that it is about.
        configuration: &'a Configuration,
        /// All text that its diagnostics may point into.
        sources: &'a SourceMap,
    },
    /// What the runs of a file made is removed.
    TearingDown {
        /// The path of the file.
        path: &'a str,
    },
    /// What was made with one state is removed.
    RunTearingDown {
        /// The path of the file.
        path: &'a str,
        /// The run that has used the state last.
        run: &'a str,
    },
    /// Not all could be removed, or the removal had something to say.
    CleanedUp {
        /// The path of the file.
        path: &'a str,
        /// The run that has used the state last.
        run: &'a str,
        /// Addresses of the objects that are still there.
        left: &'a [String],
        /// Why.
        diagnostics: &'a Diagnostics,
        /// All text that they may point into.
        sources: &'a SourceMap,
    },
    /// A file ended.
    FileFinished {
        /// Its path.
        path: &'a str,
        /// How.
        status: TestStatus,
    },
}

/// Is told what happens. Must not block.
pub trait TestReporter: Sync {
    /// Something happened.
    fn event(&self, event: &TestEvent<'_>);
    /// What runs make is to be shown.
    fn wants_all(&self) -> bool {
        false
    }
}

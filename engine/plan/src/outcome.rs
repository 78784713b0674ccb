//! What came of an apply, as data.

use std::sync::Arc;

use pilotis_diag::Diagnostics;
use pilotis_state::RunStatus;

use crate::PlanAction;

/// How it ended for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectResult {
    /// Done, and durable.
    Done,
    /// The service (or a check) said no.
    Failed(String),
    /// Not attempted, because of this: another object that failed, an interruption …
    NotAttempted(String),
    /// No answer: it may or may not have happened. The next run finds out.
    Unknown(String),
}

/// One change and how it ended.
#[derive(Clone, Debug)]
pub struct ObjectOutcome {
    /// The address as Terraform writes it.
    pub address: Arc<str>,
    /// As a person reads it.
    pub display: Arc<str>,
    /// Key of a deposed object.
    pub deposed: Option<Arc<str>>,
    /// What was to be done.
    pub action: PlanAction,
    /// What came of it.
    pub result: ObjectResult,
}

/// What came of an apply.
#[derive(Clone, Debug)]
pub struct Applied {
    /// One entry for each change that is not a no-op, in address order.
    pub objects: Vec<ObjectOutcome>,
    /// Errors and warnings.
    pub diagnostics: Diagnostics,
    /// As the run's record says.
    pub status: RunStatus,
    /// The state could not be written: what follows is not known to be stored.
    pub state_broken: Option<String>,
}

impl Applied {
    /// How many ended so: (done, failed, not attempted, unknown).
    pub fn counts(&self) -> (usize, usize, usize, usize) {
        self.objects.iter().fold((0, 0, 0, 0), |(d, f, n, u), object| match object.result {
            ObjectResult::Done => (d + 1, f, n, u),
            ObjectResult::Failed(_) => (d, f + 1, n, u),
            ObjectResult::NotAttempted(_) => (d, f, n + 1, u),
            ObjectResult::Unknown(_) => (d, f, n, u + 1),
        })
    }
}

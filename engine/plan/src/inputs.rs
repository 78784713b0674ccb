//! All that a run of the machine depends on, apart from the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilotis_config::{
    Configuration, Mock, OverriddenModule, OverriddenObject, ProviderRef, RootVariables, Schemas,
};
use pilotis_lang::Files;
use pilotis_schema::address::{Instance, Target};
use pilotis_state::{Snapshot, Timestamp};

/// What is planned for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanMode {
    /// To make the world what the configuration says.
    #[default]
    Normal,
    /// To remove everything.
    Destroy,
    /// To take note of what changed by itself.
    RefreshOnly,
}

/// What a test makes up: nobody is asked for it.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Objects; the first that fits counts.
    pub objects: Vec<OverriddenObject>,
    /// Modules that are not run.
    pub modules: Vec<OverriddenModule>,
    /// Mocks, by the provider configuration of the root module that they stand in for.
    pub mocks: BTreeMap<ProviderRef, Mock>,
}

impl Overrides {
    /// True if all is real.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.modules.is_empty() && self.mocks.is_empty()
    }
}

/// Options of a plan.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// What for.
    pub mode: PlanMode,
    /// Look at the live objects (`-refresh=false` doesn't).
    pub refresh: bool,
    /// Objects that are looked at all the same.
    pub look_at: Vec<Instance>,
    /// `-target`: only these and what they depend on; empty: all.
    pub targets: Vec<Target>,
    /// `-exclude`: all but these and what depends on them.
    pub excludes: Vec<Target>,
    /// `-replace`
    pub replace: Vec<Instance>,
    /// Objects that are planned under other addresses than the state has them: what `moved` blocks say goes on from there.
    pub moves: Vec<(Instance, Instance)>,
    /// What `terraform.workspace` says.
    pub workspace: String,
    /// What `path.cwd` says: the absolute working folder.
    pub cwd: String,
    /// What is made up, in a test.
    pub overrides: Overrides,
}

impl Default for PlanOptions {
    fn default() -> PlanOptions {
        PlanOptions {
            mode: PlanMode::Normal,
            refresh: true,
            look_at: Vec::new(),
            targets: Vec::new(),
            excludes: Vec::new(),
            replace: Vec::new(),
            moves: Vec::new(),
            workspace: "default".into(),
            cwd: String::new(),
            overrides: Overrides::default(),
        }
    }
}

/// Everything that a plan is a function of, apart from the answers to its requests.
#[derive(Clone)]
pub struct Inputs {
    /// The configuration; it has no errors.
    pub configuration: Arc<Configuration>,
    /// Schemas of all providers.
    pub schemas: Schemas,
    /// Values of the root module's variables.
    pub variables: RootVariables,
    /// Options.
    pub options: PlanOptions,
    /// The state.
    pub snapshot: Arc<Snapshot>,
    /// For functions that read files.
    pub files: Arc<dyn Files>,
    /// When the plan is (or was first) made: what `plantimestamp()` says.
    pub started: Timestamp,
    /// Now: tells open intents of living runs from those of dead ones.
    pub now: Timestamp,
    /// Ids of intents and keys of deposed objects are made from it: another one for each run.
    pub seed: u128,
}

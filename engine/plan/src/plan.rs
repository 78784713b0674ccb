//! The plan, as data.

use std::sync::Arc;

use pilotis_diag::{Diagnostics, Span};
use pilotis_schema::address::Instance;
use pilotis_state::ResourceKey;
use pilotis_value::{Path, Value};
use serde::{Deserialize, Serialize};

/// What a run would do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// One change for each object of the configuration and of the state, no-ops included, in address order.
    pub changes: Vec<ResourceChange>,
    /// Objects whose live attributes are not the recorded ones.
    pub drift: Vec<Drift>,
    /// Outputs of the root module.
    pub outputs: Vec<OutputChange>,
    /// Hash of the effects in canonical form, in hex. Equal digests: the same is done.
    pub digest: String,
    /// Warnings, and errors that left the plan incomplete.
    pub diagnostics: Diagnostics,
    /// Objects that could not be looked at, and why: the plan's knowledge is incomplete.
    pub unseen: Vec<Unseen>,
    /// Conditions that were evaluated, by block.
    pub checks: Vec<CheckedBlock>,
    /// Calls made while planning: (reads, writes). Writes are always 0.
    pub calls: (u64, u64),
    /// Narrowed by `-target`: not all was planned.
    pub partial: bool,
    /// What an apply runs on this machine, in address order.
    pub programs: Vec<PlannedPrograms>,
    /// Data sources that were read, and those of the state that the plan isn't about; in address order.
    pub data: Vec<ReadData>,
}

/// What a data source said.
#[derive(Clone, Debug)]
pub struct ReadData {
    /// Its address.
    pub address: Instance,
    /// `provider["registry.terraform.io/gitlabhq/gitlab"]`
    pub provider: String,
    /// Version of the schema that the value follows.
    pub schema_version: u64,
    /// All of it. Sensitive parts are marked.
    pub value: Value,
}

/// Programs that an apply runs for one object.
#[derive(Clone, Debug)]
pub struct PlannedPrograms {
    /// For which.
    pub address: Instance,
    /// As a person reads it.
    pub display: String,
    /// They run before the object is removed, not once it was made.
    pub before_removal: bool,
    /// The arguments of each, in order, as far as they are known. Sensitive parts are marked.
    pub arguments: Vec<Value>,
    /// Where each is written.
    pub spans: Vec<Span>,
}

/// What is done to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlanAction {
    /// Nothing.
    NoOp,
    /// A data source that is read during apply.
    Read,
    /// Make it.
    Create,
    /// Change it in place.
    Update,
    /// Remove the old one, then make the new one.
    DeleteThenCreate,
    /// Make the new one, then remove the old one.
    CreateThenDelete,
    /// Remove it.
    Delete,
    /// Forget it, and leave it where it is.
    Forget,
}

/// Why that is done, where it isn't plain from the values. Names as in Terraform's plan JSON (`action_reason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// replace_because_cannot_update
    CannotUpdate,
    /// replace_because_tainted
    Tainted,
    /// replace_by_request
    Requested,
    /// replace_by_triggers
    Triggers,
    /// delete_because_no_resource_config
    NoResourceConfig,
    /// delete_because_no_module
    NoModule,
    /// delete_because_wrong_repetition
    WrongRepetition,
    /// delete_because_count_index
    CountIndex,
    /// delete_because_each_key
    EachKey,
    /// read_because_config_unknown
    ConfigUnknown,
    /// read_because_dependency_pending
    DependencyPending,
    /// read_because_check_nested
    CheckNested,
}

/// A change of one object.
#[derive(Clone, Debug)]
pub struct ResourceChange {
    /// Its address.
    pub address: Instance,
    /// The address as a person reads it: `project.carto.gitlab_group.this`.
    pub display: Arc<str>,
    /// Key of a deposed object.
    pub deposed: Option<String>,
    /// Where it was before a `moved` block (or a change of `count`).
    pub moved_from: Option<Box<Instance>>,
    /// `provider["registry.terraform.io/gitlabhq/gitlab"]`
    pub provider: Arc<str>,
    /// What is done.
    pub action: PlanAction,
    /// Why.
    pub reason: Option<Reason>,
    /// The object before; null if there is none. Sensitive parts are marked.
    pub before: Value,
    /// The object after; null if there is none. What isn't known yet is unknown, sensitive parts are marked.
    pub after: Value,
    /// What forces the replacement.
    pub replace_paths: Vec<Path>,
    /// It is taken over from the service by this id.
    pub importing: Option<String>,
}

/// An object that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unseen {
    /// Which.
    pub key: ResourceKey,
    /// As a person reads it.
    pub display: String,
    /// Why; may have several lines.
    pub why: String,
}

/// An object that changed behind our back.
#[derive(Clone, Debug)]
pub struct Drift {
    /// Its address.
    pub address: Instance,
    /// As a person reads it.
    pub display: String,
    /// Recorded.
    pub before: Value,
    /// Live; null if it is gone.
    pub after: Value,
}

/// A change of an output.
#[derive(Clone, Debug)]
pub struct OutputChange {
    /// Its name.
    pub name: String,
    /// Before; none if it is new.
    pub before: Option<Value>,
    /// After; none if it is gone.
    pub after: Option<Value>,
    /// Declared sensitive.
    pub sensitive: bool,
}

/// What kind of block has a condition. Names as in Terraform's plan JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedKind {
    /// `resource`
    Resource,
    /// `output_value`
    #[serde(rename = "output_value")]
    Output,
    /// `check`
    Check,
    /// `var`
    #[serde(rename = "var")]
    Variable,
}

/// What came of conditions; the worst of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// They hold.
    Pass,
    /// One can't be told before apply.
    Unknown,
    /// One does not hold.
    Fail,
    /// One could not be evaluated.
    Error,
}

/// The conditions of one block, over all its instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedBlock {
    /// What kind of block.
    pub kind: CheckedKind,
    /// `module.m.check.limits`, without keys of instances.
    pub address: String,
    /// The worst of its instances.
    pub status: CheckStatus,
    /// Its instances, in order.
    pub instances: Vec<CheckedInstance>,
}

/// The conditions of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedInstance {
    /// `module.m["a"].check.limits`
    pub address: String,
    /// What came of them.
    pub status: CheckStatus,
    /// Messages of those that don't hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// What came of conditions, as the state keeps it ([`pilotis_state::Snapshot::checks`]).
pub fn stored_checks(text: &str) -> Vec<CheckedBlock> {
    // A newer program may say more: what can't be read is as if it were not known.
    serde_json::from_str(text).unwrap_or_default()
}

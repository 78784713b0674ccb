//! The records.
//!
//! Attributes, outputs and history may hold secrets: `Debug` of those records shows how long a text is, never the text.

use pilotis_schema::address::{Instance, Mode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Milliseconds since 1970, UTC. Clocks are read by drivers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// A run's id (UUID v4 text).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(pub Arc<str>);

/// An intent's id (UUID v4 text).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IntentId(pub Arc<str>);

/// Which stored object: an instance address, or one of its deposed objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceKey {
    /// The instance address in its JSON form: `module.project["carto"].gitlab_group.this`.
    pub address: Arc<str>,
    /// Key of a deposed object (eight hex digits); none for the current one.
    pub deposed: Option<Arc<str>>,
}

/// Is it as it should be?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Yes.
    Ready,
    /// To be replaced at the next chance.
    Tainted,
}

/// A stored object.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceRecord {
    /// Which.
    pub key: ResourceKey,
    /// `gitlab_group`
    pub type_name: Arc<str>,
    /// The provider configuration that it belongs to: `provider["registry.terraform.io/gitlabhq/gitlab"]`, with `.alias` if it has one.
    pub provider: Arc<str>,
    /// Version of the schema that the attributes follow.
    pub schema_version: u64,
    /// The attributes as JSON, by the schema's type (`pilotis_value::json::encode`).
    pub attributes: Arc<str>,
    /// Paths of sensitive attributes that the schema doesn't name, as JSON (an array of arrays of steps).
    pub sensitive_paths: Arc<str>,
    /// Addresses of the resource blocks (no keys) that it depends on, sorted.
    pub dependencies: Vec<Arc<str>>,
    /// As it should be, or tainted.
    pub status: Status,
    /// It was created with `create_before_destroy`.
    pub create_before_destroy: bool,
    /// `prevent_destroy`: outlives the block.
    pub protected: bool,
    /// Digest of type, attributes and sensitive paths.
    #[serde(with = "crate::hex")]
    pub digest: [u8; 32],
    /// The serial of the transaction that wrote the row last. It only grows, also when an object is removed and made again: a plan that
    /// used version 3 is stale when it is anything else. The store sets it.
    pub version: i64,
}

/// What was seen of an object.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Of which.
    pub key: ResourceKey,
    /// When.
    pub at: Timestamp,
    /// The live attributes as JSON; none if it was proven absent.
    pub attributes: Option<Arc<str>>,
    /// It came from a listing that was complete (or from a read).
    pub complete: bool,
}

/// An output of the root module.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// Its name.
    pub name: String,
    /// The value as JSON with its type: `{"type":…,"value":…}`.
    pub value: Arc<str>,
    /// Declared sensitive.
    pub sensitive: bool,
}

/// Why a run was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// `apply`
    Apply,
    /// `destroy`
    Destroy,
    /// `import`
    Import,
    /// `drift`, `plan`: only looked.
    Refresh,
    /// `state …`: edited by hand.
    Edit,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Not yet; or its process died.
    Running,
    /// All was done.
    Done,
    /// Some was done.
    Partial,
    /// Nothing was done.
    Failed,
    /// A person stopped it.
    Interrupted,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Why.
    pub kind: RunKind,
    /// Who: `user@host`, or the CI job's user.
    pub who: String,
    /// Commit of the configuration, if it lies in a Git work tree.
    pub commit: Option<String>,
    /// Digest of the plan, in hex.
    pub plan_digest: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How.
    pub status: RunStatus,
    /// Calls made to services.
    pub calls: u64,
}

/// What is done to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make it.
    Create,
    /// Change it in place.
    Update,
    /// Remove it.
    Delete,
    /// Forget it, and leave it where it is.
    Forget,
    /// Take over what is there.
    Import,
    /// Take note of what changed by itself.
    Refresh,
    /// Give it another address. `before` and `after` of the change are the two addresses, as JSON texts.
    Move,
    /// Mark it as to be replaced.
    Taint,
    /// Take that mark away.
    Untaint,
    /// Give it another provider. `before` and `after` of the change are the two providers, as JSON texts.
    Rebind,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// Done.
    Done,
    /// The service said no; nothing was changed.
    Failed,
    /// No answer: it may or may not have happened.
    Unknown,
    /// Found after a crash, and taken over.
    Adopted,
}

/// One change of one object in one run: the history.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// In which run.
    pub run: RunId,
    /// Of which object.
    pub key: ResourceKey,
    /// What.
    pub action: Action,
    /// When it was known.
    pub at: Timestamp,
    /// Attributes before, as JSON.
    pub before: Option<Arc<str>>,
    /// Attributes after, as JSON.
    pub after: Option<Arc<str>>,
    /// What came of it.
    pub outcome: ChangeOutcome,
    /// The error, without secrets.
    pub error: Option<String>,
}

/// Something that is about to be done; durable before the call leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its id.
    pub id: IntentId,
    /// In which run.
    pub run: RunId,
    /// To which object.
    pub key: ResourceKey,
    /// What.
    pub action: Action,
    /// `gitlab_group`
    pub type_name: Arc<str>,
    /// As in [`ResourceRecord::provider`].
    pub provider: Arc<str>,
    /// The planned attributes as JSON, without what is unknown and without secrets; with those that find the object again.
    pub planned: Arc<str>,
    /// The record that a finished create would store, as far as it is known (dependencies, protection); JSON for the engine alone.
    pub meta: Arc<str>,
    /// When.
    pub begun: Timestamp,
}

/// A process that holds leases.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// Name of the machine (or container).
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// What tells this process from a later one with the same id: boot, process namespace and start time, or empty if the system
    /// doesn't say (then a lease ends by being given back or by expiring).
    pub start: String,
    /// The person or CI job: `marie@laptop`, `job 4711 of carto/infra`.
    pub who: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {} on {})", self.who, self.pid, self.host)
    }
}

/// What a lease lets its run do. The greater one includes the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseMode {
    /// Rest on what the object is: others may read it too, and none may change it.
    Shared,
    /// Change the object: no other run has a lease of it.
    Exclusive,
}

/// The right to read or to change one object until a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Of which instance (its JSON address); `"*"`: of all of the state.
    pub address: Arc<str>,
    /// To read it, or to change it. A run that has taken it for both has the one to change it.
    pub mode: LeaseMode,
    /// Who.
    pub holder: Holder,
    /// The run.
    pub run: RunId,
    /// Since when. A run that takes a lease again keeps it since the first time.
    pub since: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

impl Lease {
    /// Another run holds what this one is of, and not both only read it.
    pub fn collides(&self, other: &Lease) -> bool {
        let overlap = self.address == other.address || &*self.address == "*" || &*other.address == "*";
        overlap && self.run != other.run && self.mode.max(other.mode) == LeaseMode::Exclusive
    }
}

/// Stands for a text that may hold secrets.
struct Hidden<'a>(&'a str);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

impl fmt::Display for Lease {
    /// Who holds what, since when.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &*self.address {
            "*" => "the state",
            address => address,
        };
        let done = match self.mode {
            LeaseMode::Shared => "read",
            LeaseMode::Exclusive => "changed",
        };
        write!(f, "{what} is being {done} by {}, since {} (run {})", self.holder, self.since, self.run.0)
    }
}

impl fmt::Display for Timestamp {
    /// In UTC, to the second: `2026-02-01T09:30:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{}", time.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deposed {
            None => f.write_str(&self.address),
            Some(key) => write!(f, "{} (deposed object {key})", self.address),
        }
    }
}

impl ResourceKey {
    /// It is a data source: what it said when it was last read, kept for whoever looks into the state. Most addresses are told without
    /// being parsed.
    pub fn is_data(&self) -> bool {
        let parsed = || self.address.parse::<Instance>().is_ok_and(|i| i.resource.mode == Mode::Data);
        self.address.contains("data.") && parsed()
    }
    /// The current object of an instance.
    pub fn current(address: impl Into<Arc<str>>) -> ResourceKey {
        ResourceKey { address: address.into(), deposed: None }
    }
}

impl fmt::Debug for ResourceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceRecord")
            .field("key", &self.key)
            .field("type_name", &self.type_name)
            .field("provider", &self.provider)
            .field("schema_version", &self.schema_version)
            .field("attributes", &Hidden(&self.attributes))
            .field("sensitive_paths", &self.sensitive_paths)
            .field("dependencies", &self.dependencies)
            .field("status", &self.status)
            .field("create_before_destroy", &self.create_before_destroy)
            .field("protected", &self.protected)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation")
            .field("key", &self.key)
            .field("at", &self.at)
            .field("attributes", &self.attributes.as_deref().map(Hidden))
            .field("complete", &self.complete)
            .finish()
    }
}

impl fmt::Debug for OutputRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputRecord")
            .field("name", &self.name)
            .field("value", &Hidden(&self.value))
            .field("sensitive", &self.sensitive)
            .finish()
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("run", &self.run)
            .field("key", &self.key)
            .field("action", &self.action)
            .field("at", &self.at)
            .field("before", &self.before.as_deref().map(Hidden))
            .field("after", &self.after.as_deref().map(Hidden))
            .field("outcome", &self.outcome)
            .field("error", &self.error)
            .finish()
    }
}

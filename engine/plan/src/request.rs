//! What the machine asks for, and what it is told: plain data, nothing of it runs.
//!
//! The driver (or a simulated world) does what a request says and answers it, in any order. Errors of services are a
//! [`Failure`]: enough to decide what happens next and to tell a person, no more.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pilotis_state::Write;
use pilotis_value::Value;
use serde::{Deserialize, Serialize};

/// Names a request; answers come with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Index of a provider configuration of this run; [`Machine::provider`](crate::Machine::provider) says which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProviderId(pub u32);

/// Something that the machine wants to be done. Values are of the schema's implied type.
#[derive(Clone, Debug)]
pub enum Request {
    /// Connect a provider with the value of its block (wholly known). Answer: [`Answer::Connected`].
    Connect {
        /// Which configuration.
        provider: ProviderId,
        /// The local name, which is also the built-in provider's name.
        name: String,
        /// The value of the block.
        config: Value,
    },
    /// List all objects of a type in several scopes. Answer: [`Answer::Listed`], one result for each scope.
    List {
        /// Through which connection.
        provider: ProviderId,
        /// Of which type.
        type_name: Arc<str>,
        /// One object for each scope.
        scopes: Vec<Value>,
        /// For each scope: the recorded objects that the machine wants to know about.
        wanted: Vec<Vec<Value>>,
    },
    /// Read objects singly. Answer: [`Answer::Read`], one result for each.
    Read {
        /// Through which connection.
        provider: ProviderId,
        /// Type and recorded attributes of each.
        objects: Vec<(Arc<str>, Value)>,
    },
    /// Read data sources. Answer: [`Answer::Data`], one result for each.
    ReadData {
        /// Through which connection.
        provider: ProviderId,
        /// Type and arguments of each; no two are equal.
        sources: Vec<(Arc<str>, Value)>,
    },
    /// Open an ephemeral resource: what it gives is told to nobody but the machine, and kept nowhere. Answer: [`Answer::Opened`].
    Open {
        /// Through which connection.
        provider: ProviderId,
        /// Of which instance.
        address: Arc<str>,
        /// Of which type.
        type_name: Arc<str>,
        /// Its arguments, wholly known.
        config: Value,
    },
    /// Close an ephemeral resource that was opened. Answer: [`Answer::Closed`].
    Close {
        /// The request that opened it.
        opened: RequestId,
        /// Through which connection that was.
        provider: ProviderId,
        /// Of which instance.
        address: Arc<str>,
        /// Of which type.
        type_name: Arc<str>,
    },
    /// Read an object by the id that a person gave. Answer: [`Answer::Imported`].
    Import {
        /// Through which connection.
        provider: ProviderId,
        /// Of which type.
        type_name: Arc<str>,
        /// The id.
        id: String,
    },
    /// Find out what became of a create whose answer was lost. Answer: [`Answer::Found`].
    Find {
        /// Through which connection.
        provider: ProviderId,
        /// Of which type.
        type_name: Arc<str>,
        /// What was planned, as far as it was kept; the rest is null.
        planned: Value,
        /// Objects of the type and scope that the state has: none of them is what was made.
        known: Arc<[Value]>,
    },
    /// Let time pass: the service may not show yet what was done just now. Answer: [`Answer::Waited`].
    Wait {
        /// Whose service.
        provider: ProviderId,
        /// At least as long.
        time: Duration,
    },
    /// Write to the state, durably, all or nothing. Answer: [`Answer::Committed`].
    Commit(Vec<Write>),
    /// Make an object. Answer: [`Answer::Created`].
    Create {
        /// Through which connection.
        provider: ProviderId,
        /// For which instance.
        address: Arc<str>,
        /// Of which type.
        type_name: Arc<str>,
        /// What to make; computed attributes that nobody set are unknown.
        planned: Value,
    },
    /// Change an object in place. Answer: [`Answer::Updated`].
    Update {
        /// Through which connection.
        provider: ProviderId,
        /// Of which instance.
        address: Arc<str>,
        /// Of which type.
        type_name: Arc<str>,
        /// What it is.
        prior: Value,
        /// What it is to be.
        planned: Value,
    },
    /// Remove an object. Answer: [`Answer::Deleted`].
    Delete {
        /// Through which connection.
        provider: ProviderId,
        /// Of which instance.
        address: Arc<str>,
        /// Of which type.
        type_name: Arc<str>,
        /// What it is.
        prior: Value,
    },
    /// Run a program on this machine. Answer: [`Answer::Ran`].
    Run {
        /// For which instance.
        address: Arc<str>,
        /// What.
        program: Program,
    },
}

/// A program of a provisioner. Its `Debug` shows no value: any may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    /// What is run: the last argument of the interpreter.
    pub command: String,
    /// The interpreter and its first arguments; empty: the machine's shell.
    pub interpreter: Vec<String>,
    /// Where; else where we are.
    pub working_dir: Option<String>,
    /// Added to our own environment.
    pub environment: BTreeMap<String, String>,
    /// The command is not shown.
    pub quiet: bool,
    /// Why neither the command nor what it says is shown: `sensitive`, `ephemeral`.
    pub hidden: Option<&'static str>,
    /// It runs before the object is removed, not once it was made.
    pub before_removal: bool,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("before_removal", &self.before_removal).finish_non_exhaustive()
    }
}

/// What came back. `Debug` shows no value: what a service says has no marks before the machine has looked at it.
#[derive(Clone)]
pub enum Answer {
    /// To [`Request::Connect`].
    Connected(Result<Connected, Failure>),
    /// To [`Request::List`].
    Listed(Vec<Result<Listing, Failure>>),
    /// To [`Request::Read`]: the attributes, or none if it is gone for certain.
    Read(Vec<Result<Option<Value>, Failure>>),
    /// To [`Request::ReadData`].
    Data(Vec<Result<Value, Failure>>),
    /// To [`Request::Open`]: the attributes; none where a saved plan is shown, which doesn't hold them.
    Opened(Result<Option<Value>, Failure>),
    /// To [`Request::Close`].
    Closed(Result<(), Failure>),
    /// To [`Request::Import`].
    Imported(Result<Value, Failure>),
    /// To [`Request::Find`].
    Found(Result<Found, Failure>),
    /// To [`Request::Wait`].
    Waited,
    /// To [`Request::Commit`].
    Committed(Result<(), CommitFailure>),
    /// To [`Request::Create`].
    Created(Result<Created, Failure>),
    /// To [`Request::Update`]: all attributes.
    Updated(Result<Value, Failure>),
    /// To [`Request::Delete`].
    Deleted(Result<(), Failure>),
    /// To [`Request::Run`].
    Ran(Result<(), Failure>),
}

/// A connection that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// Host that the calls go to: calls are limited for each.
    pub host: String,
    /// How many effects may be in flight to that host.
    pub parallelism: usize,
    /// For how long after a change the service may still show what was before it.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub lag: Duration,
}

/// What one scope holds.
#[derive(Clone)]
pub struct Listing {
    /// The objects; what the listing lacks is null.
    pub objects: Vec<Value>,
    /// Proven to be all there is.
    pub complete: bool,
}

/// An object that was made.
#[derive(Clone)]
pub struct Created {
    /// All its attributes.
    pub object: Value,
    /// It was made, but something after that failed.
    pub error: Option<Failure>,
}

/// What became of a create whose answer was lost.
#[derive(Clone)]
pub enum Found {
    /// It is there.
    Object(Value),
    /// Proven not to be there.
    Absent,
    /// It was there, its secret can't be had any more, and it was revoked.
    Revoked,
    /// Can't be told, and why.
    Unknown(String),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn plain<T>(result: &Result<T, Failure>) -> Result<(), &Failure> {
            result.as_ref().map(|_| ())
        }
        fn each<T>(results: &[Result<T, Failure>]) -> Vec<Result<(), &Failure>> {
            results.iter().map(plain).collect()
        }
        match self {
            Answer::Connected(result) => f.debug_tuple("Connected").field(result).finish(),
            Answer::Listed(results) => f.debug_tuple("Listed").field(results).finish(),
            Answer::Read(results) => f.debug_tuple("Read").field(&each(results)).finish(),
            Answer::Data(results) => f.debug_tuple("Data").field(&each(results)).finish(),
            Answer::Opened(result) => f.debug_tuple("Opened").field(&plain(result)).finish(),
            Answer::Closed(result) => f.debug_tuple("Closed").field(result).finish(),
            Answer::Imported(result) => f.debug_tuple("Imported").field(&plain(result)).finish(),
            Answer::Found(result) => f.debug_tuple("Found").field(result).finish(),
            Answer::Waited => f.write_str("Waited"),
            Answer::Committed(result) => f.debug_tuple("Committed").field(result).finish(),
            Answer::Created(result) => f.debug_tuple("Created").field(result).finish(),
            Answer::Updated(result) => f.debug_tuple("Updated").field(&plain(result)).finish(),
            Answer::Deleted(result) => f.debug_tuple("Deleted").field(result).finish(),
            Answer::Ran(result) => f.debug_tuple("Ran").field(result).finish(),
        }
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Listing { objects, complete } = self;
        f.debug_struct("Listing").field("objects", &objects.len()).field("complete", complete).finish()
    }
}

impl fmt::Debug for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Created").field("error", &self.error).finish_non_exhaustive()
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Object(_) => f.write_str("Object"),
            Found::Absent => f.write_str("Absent"),
            Found::Revoked => f.write_str("Revoked"),
            Found::Unknown(why) => f.debug_tuple("Unknown").field(why).finish(),
        }
    }
}

/// Whether the effect happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Nothing was changed.
    NotDone,
    /// No answer: it may have happened.
    Unknown,
}

/// Why something failed, for a person; never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whether the effect happened.
    pub outcome: Outcome,
    /// What is wrong, in a few words.
    pub summary: String,
    /// Why, in the service's words; may be empty.
    pub detail: String,
    /// What to do next, one sentence each.
    pub help: Vec<String>,
    /// The attribute that the service names.
    pub attribute: Option<String>,
}

impl Failure {
    /// A failure that changed nothing.
    pub fn new(summary: impl Into<String>) -> Failure {
        Failure {
            outcome: Outcome::NotDone,
            summary: summary.into(),
            detail: String::new(),
            help: Vec::new(),
            attribute: None,
        }
    }
    /// With the service's words.
    pub fn detail(mut self, detail: impl Into<String>) -> Failure {
        self.detail = detail.into();
        self
    }
    /// It may have happened all the same.
    pub fn unknown(mut self) -> Failure {
        self.outcome = Outcome::Unknown;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// Why the state didn't take a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitFailure {
    /// A row isn't what it was when it was read (its key, as text). Nothing of the commit was done.
    Conflict(String),
    /// Another run holds the object. Nothing of the commit was done.
    Locked(String),
    /// The intent that was to be finished is not open any more: another run has settled it. Nothing of the commit was done.
    Settled(String),
    /// The state can't be written. Whether the commit was done is not known.
    Broken(String),
}

impl fmt::Display for CommitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommitFailure::Conflict(key) => write!(f, "{key} has changed in the state since it was read"),
            CommitFailure::Locked(text) | CommitFailure::Settled(text) | CommitFailure::Broken(text) => {
                f.write_str(text)
            }
        }
    }
}

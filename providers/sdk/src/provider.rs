//! The trait that the engine drives.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pilotis_schema::ProviderSchema;
use pilotis_value::{Concealed, Value};

use crate::{CallLog, Error, ErrorKind, Secret};

/// A kind of service, not connected yet.
#[async_trait]
pub trait Provider: Send + Sync {
    /// All that it declares. Made once; cheap to call.
    fn schema(&self) -> &ProviderSchema;

    /// Connects with the value of a `provider` block (wholly known, of the schema's implied type). Must not call the service unless the
    /// configuration asks for it (`early_auth_check`).
    async fn connect(&self, config: &Value, environment: &Environment) -> Result<Arc<dyn Connection>, Error>;
}

/// What a provider may know of its surroundings.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Environment variables.
    pub variables: Concealed<BTreeMap<String, String>>,
    /// The sandbox's endpoint for this provider, when it is to be used: the configuration's address and credentials are ignored then.
    pub sandbox: Option<SandboxEndpoint>,
    /// The folder that relative paths of a provider block (CA files, kubeconfig) start from.
    pub base_dir: std::path::PathBuf,
}

/// Where a sandbox service answers.
#[derive(Clone, Debug)]
pub struct SandboxEndpoint {
    /// `http://127.0.0.1:18929`
    pub url: String,
    /// A token with all rights.
    pub token: Secret,
    /// The certificate authority in PEM, if it is https.
    pub ca_pem: Option<String>,
}

/// A read of one object.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// `gitlab_group`
    pub type_name: String,
    /// The stored attributes, of the schema's implied type.
    pub prior: Value,
}

/// A read of all objects of a type in several scopes at once, so that a provider can ask for many in one call.
#[derive(Clone, Debug)]
pub struct ListRequest {
    /// `gitlab_group_membership`
    pub type_name: String,
    /// One object for each scope, with the attributes that the schema's `refresh.scope` names (`{group_id = 12}`).
    pub scopes: Vec<Value>,
    /// For each scope: the stored attributes of the objects that the engine wants to know about. A provider may use them to narrow the
    /// listing (a label, a parent group) as long as `complete` stays true to them.
    pub wanted: Vec<Vec<Value>>,
}

/// What one scope holds. `Debug` shows no value: it has none of the marks that the configuration gave it.
#[derive(Clone)]
pub struct Listing {
    /// The objects, of the schema's implied type; attributes that the listing lacks (`refresh.list_lacks`, secrets) are null.
    pub objects: Vec<Value>,
    /// Proven to hold all there is: an object that is missing from it is gone. False if a page failed, a right is lacking, or the
    /// scope itself could not be seen.
    pub complete: bool,
}

/// An object that was made. `Debug` shows no value: it has none of the marks that the configuration gave it.
#[derive(Clone)]
pub struct Created {
    /// All its attributes, of the schema's implied type, nothing unknown.
    pub object: Value,
    /// It was made, but something after that failed: it is stored as tainted.
    pub error: Option<Error>,
}

/// What became of a create whose answer was lost. `Debug` shows no value: it has none of the marks that the configuration gave it.
#[derive(Clone)]
pub enum Found {
    /// It is there.
    Object(Value),
    /// Proven not to be there.
    Absent,
    /// It was there and its secret can't be had any more: it was revoked; make it again.
    Revoked,
    /// Can't be told, and why.
    Unknown(String),
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

/// A data source to read.
#[derive(Clone, Debug)]
pub struct DataRequest {
    /// `gitlab_user`
    pub type_name: String,
    /// Its arguments, of the schema's implied type, computed attributes null.
    pub config: Value,
}

/// An ephemeral resource that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its arguments and what it gives, of the schema's implied type, nothing unknown.
    pub value: Value,
    /// What it takes to renew and to close it.
    pub handle: Secret,
    /// It ends by itself unless it is renewed after this time.
    pub renew_after: Option<Duration>,
}

/// An ephemeral resource that goes on.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// What it takes from now on to renew and to close it.
    pub handle: Secret,
    /// It ends by itself unless it is renewed again after this time.
    pub renew_after: Option<Duration>,
}

/// What a person gives to `import`.
pub type ImportId<'a> = &'a str;

/// A connected provider. Retries, paging and rate limits are its own business; every method may be called many times at once.
#[async_trait]
pub trait Connection: Send + Sync {
    /// Host that the calls go to: calls are limited for each.
    fn host(&self) -> String;

    /// How many calls of this host the engine may have in flight.
    fn parallelism(&self) -> usize {
        10
    }

    /// For how long after a change the service may still show what was before it. What it doesn't show is believed to be gone only if it
    /// is still missing after that time.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }

    /// Calls made so far.
    fn calls(&self) -> (u64, u64);

    /// The calls that were made since this was asked last, for the audit journal. Empty for a provider that calls nothing.
    fn take_call_log(&self) -> CallLog {
        CallLog::default()
    }

    /// Reads objects of one type singly. One result for each request, in order: the attributes, or none if it is gone for certain
    /// (never for a lack of rights).
    async fn read(&self, requests: Vec<ReadRequest>) -> Vec<Result<Option<Value>, Error>>;

    /// Reads all objects of scopes. One result for each scope, in order. An error is an answer of its own, never an empty list.
    async fn list(&self, request: ListRequest) -> Vec<Result<Listing, Error>>;

    /// Makes an object. `planned` has the schema's implied type; computed attributes that nobody set are unknown.
    async fn create(&self, type_name: &str, planned: &Value) -> Result<Created, Error>;

    /// Changes an object in place, sending only what changed. Returns all attributes.
    async fn update(&self, type_name: &str, prior: &Value, planned: &Value) -> Result<Value, Error>;

    /// Removes an object and waits until it is gone. One that is gone already is a success.
    async fn delete(&self, type_name: &str, prior: &Value) -> Result<(), Error>;

    /// Finds what a lost create made, by the schema's `refresh.natural_key` (known in `planned`; the rest may be null).
    async fn find(&self, type_name: &str, planned: &Value) -> Result<Found, Error>;

    /// The same where the state has objects of that type and scope: none of `known` is what the lost create made, and all of them are in use.
    async fn find_beside(&self, type_name: &str, planned: &Value, _known: &[Value]) -> Result<Found, Error> {
        self.find(type_name, planned).await
    }

    /// Reads an object by the id that the established provider's `import` takes.
    async fn import(&self, type_name: &str, id: ImportId<'_>) -> Result<Value, Error>;

    /// Reads data sources of one type. One result for each request, in order.
    async fn read_data(&self, requests: Vec<DataRequest>) -> Vec<Result<Value, Error>>;

    /// Opens an ephemeral resource. `config` is wholly known, of the schema's implied type, computed attributes null.
    async fn open(&self, type_name: &str, _config: &Value) -> Result<Opened, Error> {
        Err(no_ephemeral(type_name))
    }

    /// Keeps an opened ephemeral resource going.
    async fn renew(&self, type_name: &str, _handle: &Secret) -> Result<Renewed, Error> {
        Err(no_ephemeral(type_name))
    }

    /// Ends an opened ephemeral resource. One that has ended already is a success.
    async fn close(&self, type_name: &str, _handle: &Secret) -> Result<(), Error> {
        Err(no_ephemeral(type_name))
    }
}

fn no_ephemeral(type_name: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("This provider has no ephemeral resource {type_name}"))
}

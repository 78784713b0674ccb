//! Typed resources: what a provider writes, one file a type. [`crate::registry`] makes a provider of them.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt as _;
use pilotis_value::Value;

use crate::model::{Described, ModelError};
use crate::{Error, ErrorKind, Renewed, Secret};

/// How many single reads of one type a provider has in flight at once unless it says otherwise.
const READS_AT_ONCE: usize = 10;

/// A managed resource type of the service that `Client` talks to.
///
/// Retries, paging and rate limits are the client's business, not a resource's.
pub trait Resource: Described + Clone + Send + Sync + 'static {
    /// What talks to the service.
    type Client: Send + Sync + 'static;

    /// [`Resource::list`] reads many scopes in few calls: then single reads of many objects go over it too, one object a scope as they
    /// may be.
    const LISTS_MANY_SCOPES: bool = false;

    /// Makes the object. Computed fields that nobody set hold their `Default`.
    fn create(client: &Self::Client, planned: Self)
    -> impl Future<Output = Result<Made<Self>, Error>> + Send;

    /// Reads the object; none if it is gone for certain (never for a lack of rights). Local attributes and secrets that the service
    /// doesn't give back need not be filled: they are carried over from `prior`.
    fn read(client: &Self::Client, prior: Self) -> impl Future<Output = Result<Option<Self>, Error>> + Send;

    /// Changes the object in place, sending only what changed.
    fn update(
        client: &Self::Client,
        prior: Self,
        planned: Self,
    ) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Removes the object and waits until it is gone. One that is gone already is a success.
    fn delete(client: &Self::Client, prior: Self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Reads all objects of scopes; one result for each. Needed if the type says `scope(…)`.
    fn list(
        _client: &Self::Client,
        scopes: Vec<Scope<Self>>,
    ) -> impl Future<Output = Vec<Result<Page<Self>, Error>>> + Send {
        async move {
            let refusal = Error::new(ErrorKind::Internal, format!("{} can't be listed", Self::TYPE_NAME));
            scopes.iter().map(|_| Err(refusal.clone())).collect()
        }
    }

    /// Finds what a lost create made. Unless a type says how, it can't be told.
    fn find(
        _client: &Self::Client,
        _planned: Self,
    ) -> impl Future<Output = Result<Match<Self>, Error>> + Send {
        async { Ok(Match::Unknown(format!("a {} can't be looked up by its arguments", Self::TYPE_NAME))) }
    }

    /// The same where the state has objects of the type: none of `known` is what was made. Needed where several objects may have one natural
    /// key, and above all where what is found is revoked.
    fn find_beside(
        client: &Self::Client,
        planned: Self,
        _known: &(dyn Fn() -> Result<Vec<Self>, Error> + Sync),
    ) -> impl Future<Output = Result<Match<Self>, Error>> + Send {
        Self::find(client, planned)
    }

    /// Reads the object that a person names by the established provider's import id.
    fn import(client: &Self::Client, id: &str) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Reads many objects singly; a service that can read several in one call overrides it.
    fn read_many(
        client: &Self::Client,
        priors: Vec<Self>,
    ) -> impl Future<Output = Vec<Result<Option<Self>, Error>>> + Send {
        let reads = futures::stream::iter(priors.into_iter().map(move |prior| Self::read(client, prior)));
        reads.buffered(READS_AT_ONCE).collect()
    }
}

/// A data source of the service that `Client` talks to.
pub trait DataSource: Described + Clone + Send + Sync + 'static {
    /// What talks to the service.
    type Client: Send + Sync + 'static;

    /// Reads it. Computed fields of `arguments` hold their `Default`.
    fn read(client: &Self::Client, arguments: Self) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Reads many; a service that can read several in one call overrides it.
    fn read_many(
        client: &Self::Client,
        arguments: Vec<Self>,
    ) -> impl Future<Output = Vec<Result<Self, Error>>> + Send {
        let reads = futures::stream::iter(arguments.into_iter().map(move |a| Self::read(client, a)));
        reads.buffered(READS_AT_ONCE).collect()
    }
}

/// An ephemeral resource of the service that `Client` talks to: what it gives lives for one run, and is stored nowhere.
pub trait Ephemeral: Described + Clone + Send + Sync + 'static {
    /// What talks to the service.
    type Client: Send + Sync + 'static;

    /// Opens it. Computed fields of `arguments` hold their `Default`. Everything that it gives is treated as ephemeral; what is
    /// a secret says so too.
    fn open(
        client: &Self::Client,
        arguments: Self,
    ) -> impl Future<Output = Result<Opened<Self>, Error>> + Send;

    /// Keeps it going. Needed if [`Opened::renew_after`] is ever set.
    fn renew(
        _client: &Self::Client,
        _handle: &Secret,
    ) -> impl Future<Output = Result<Renewed, Error>> + Send {
        async { Err(Error::new(ErrorKind::Internal, format!("{} can't be renewed", Self::TYPE_NAME))) }
    }

    /// Ends it. What ends by itself needs nothing.
    fn close(_client: &Self::Client, _handle: &Secret) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }
}

/// An ephemeral resource that was opened.
#[derive(Clone, Debug)]
pub struct Opened<T> {
    /// Its arguments, and what it gives.
    pub result: T,
    /// What it takes to renew and to close it.
    pub handle: Secret,
    /// It ends by itself unless it is renewed after this time.
    pub renew_after: Option<Duration>,
}

impl<T> From<T> for Opened<T> {
    fn from(result: T) -> Opened<T> {
        Opened { result, handle: Secret::default(), renew_after: None }
    }
}

/// An object that was made.
#[derive(Clone, Debug)]
pub struct Made<T> {
    /// It.
    pub object: T,
    /// It was made, but something after that failed: it is stored as tainted.
    pub error: Option<Error>,
}

impl<T> Made<T> {
    /// It was made, but this went wrong after that.
    pub fn but(object: T, error: Error) -> Made<T> {
        Made { object, error: Some(error) }
    }
}

impl<T> From<T> for Made<T> {
    fn from(object: T) -> Made<T> {
        Made { object, error: None }
    }
}

/// What became of a lost create.
#[derive(Clone, Debug)]
pub enum Match<T> {
    /// It is there.
    Object(Box<T>),
    /// Proven not to be there.
    Absent,
    /// Its secret is lost: it was revoked, make it again.
    Revoked,
    /// Can't be told, and why.
    Unknown(String),
}

impl<T> From<Option<T>> for Match<T> {
    fn from(object: Option<T>) -> Match<T> {
        object.map_or(Match::Absent, |o| Match::Object(Box::new(o)))
    }
}

/// A scope to list: values of the attributes that the schema's `scope(…)` names.
#[derive(Clone, Debug)]
pub struct Scope<T> {
    /// An object with those attributes.
    pub values: Value,
    /// The stored objects that the engine wants to know about; a listing may be narrowed to them as long as `complete` stays true to
    /// them.
    pub wanted: Vec<T>,
}

impl<T> Scope<T> {
    /// A text of the scope.
    pub fn text(&self, name: &str) -> Result<String, Error> {
        crate::model::required_field::<String>(&self.values, name).map_err(Error::from)
    }
    /// A whole number of the scope.
    pub fn int(&self, name: &str) -> Result<i64, Error> {
        crate::model::required_field::<i64>(&self.values, name).map_err(Error::from)
    }
}

/// What a scope holds.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The objects; attributes that the listing lacks are unset.
    pub objects: Vec<T>,
    /// Proven to hold all there is.
    pub complete: bool,
}

impl<T> Page<T> {
    /// All there is.
    pub fn complete(objects: Vec<T>) -> Page<T> {
        Page { objects, complete: true }
    }
}

impl<T> FromIterator<T> for Page<T> {
    fn from_iter<I: IntoIterator<Item = T>>(objects: I) -> Page<T> {
        Page::complete(objects.into_iter().collect())
    }
}

/// Reads structs from values, keeping the first error.
pub(crate) fn read_all<T: crate::model::Model>(values: &[Value]) -> Result<Vec<T>, ModelError> {
    values.iter().map(T::from_value).collect()
}

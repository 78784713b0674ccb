//! Many typed resources, data sources and ephemeral resources made into one [`Provider`].

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pilotis_schema::{Presence, ProviderSchema, ResourceSchema};
use pilotis_value::{Type, Value};

use crate::model::{Described, Model};
use crate::typed::{DataSource, Ephemeral, Match, Resource, Scope, read_all};
use crate::{
    CallLog, Connection, Created, DataRequest, Environment, Error, ErrorKind, Found, ImportId, ListRequest,
    Listing, Opened, Provider, ReadRequest, Renewed, Secret,
};

/// Below this many reads of one type single ones are as few calls.
const MANY: usize = 3;

/// What a provider is about: its configuration, its client, and all that it declares.
pub trait ProviderType: Send + Sync + 'static {
    /// The arguments of its `provider` block.
    type Config: Model + Send;
    /// What talks to the service.
    type Client: ServiceClient;
    /// Makes a client. Must not call the service unless the configuration asks for it.
    fn connect(
        config: Self::Config,
        environment: &Environment,
    ) -> impl Future<Output = Result<Self::Client, Error>> + Send;
    /// All resource types, data sources and ephemeral resources.
    fn registry() -> Registry<Self::Client>;
}

/// What the engine asks of a client.
pub trait ServiceClient: Send + Sync + 'static {
    /// Host that the calls go to.
    fn host(&self) -> String;
    /// How many calls the engine may have in flight.
    fn parallelism(&self) -> usize {
        10
    }
    /// For how long after a change the service may still show what was before it.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }
    /// Calls made so far: (reads, writes).
    fn calls(&self) -> (u64, u64);
    /// The calls that were made since this was asked last.
    fn take_call_log(&self) -> CallLog {
        CallLog::default()
    }
}

/// All resource types, data sources and ephemeral resources of a provider.
pub struct Registry<C> {
    schema: ProviderSchema,
    resources: BTreeMap<&'static str, Box<dyn AnyResource<C>>>,
    data_sources: BTreeMap<&'static str, Box<dyn AnyDataSource<C>>>,
    ephemerals: BTreeMap<&'static str, Box<dyn AnyEphemeral<C>>>,
}

impl<C: ServiceClient> Registry<C> {
    /// An empty one. `name` is the local name and type prefix; `source` and `version` are those of the established provider.
    pub fn new<Config: Model>(name: &str, source: &str, version: &str) -> Registry<C> {
        Registry {
            schema: ProviderSchema {
                name: name.to_owned(),
                source: source.to_owned(),
                version: version.to_owned(),
                config: Config::block(),
                resources: BTreeMap::new(),
                data_sources: BTreeMap::new(),
                ephemeral_resources: BTreeMap::new(),
            },
            resources: BTreeMap::new(),
            data_sources: BTreeMap::new(),
            ephemerals: BTreeMap::new(),
        }
    }
    /// With a resource type.
    pub fn resource<R: Resource<Client = C>>(mut self) -> Registry<C> {
        self.schema.resources.insert(R::TYPE_NAME.to_owned(), R::schema());
        self.resources.insert(R::TYPE_NAME, Box::new(TypedResource::<R>::new()));
        self
    }
    /// With another name of a resource type, as established providers have them (`kubernetes_namespace_v1`).
    pub fn resource_alias<R: Resource<Client = C>>(mut self, name: &'static str) -> Registry<C> {
        self.schema.resources.insert(name.to_owned(), alias(R::TYPE_NAME, R::schema()));
        self.resources.insert(name, Box::new(TypedResource::<R>::new()));
        self
    }
    /// With another name of a data source.
    pub fn data_source_alias<D: DataSource<Client = C>>(mut self, name: &'static str) -> Registry<C> {
        self.schema.data_sources.insert(name.to_owned(), alias(D::TYPE_NAME, D::schema()));
        self.data_sources.insert(name, Box::new(TypedDataSource::<D>(PhantomData)));
        self
    }
    /// With a data source.
    pub fn data_source<D: DataSource<Client = C>>(mut self) -> Registry<C> {
        self.schema.data_sources.insert(D::TYPE_NAME.to_owned(), D::schema());
        self.data_sources.insert(D::TYPE_NAME, Box::new(TypedDataSource::<D>(PhantomData)));
        self
    }
    /// With an ephemeral resource.
    pub fn ephemeral<E: Ephemeral<Client = C>>(mut self) -> Registry<C> {
        self.schema.ephemeral_resources.insert(E::TYPE_NAME.to_owned(), E::schema());
        self.ephemerals.insert(E::TYPE_NAME, Box::new(TypedEphemeral::<E>(PhantomData)));
        self
    }
}

/// The schema under another name.
fn alias(name: &str, mut schema: ResourceSchema) -> ResourceSchema {
    schema.doc = format!("Another name of `{name}`.");
    schema
}

/// A provider made of typed resources.
pub struct TypedProvider<P: ProviderType> {
    registry: Arc<Registry<P::Client>>,
}

impl<P: ProviderType> TypedProvider<P> {
    /// The provider.
    pub fn new() -> TypedProvider<P> {
        TypedProvider { registry: Arc::new(P::registry()) }
    }
    /// A connection over a client that is there already (tests).
    pub fn over(&self, client: P::Client) -> Arc<dyn Connection> {
        Arc::new(TypedConnection { registry: self.registry.clone(), client })
    }
}

impl<P: ProviderType> Default for TypedProvider<P> {
    fn default() -> TypedProvider<P> {
        TypedProvider::new()
    }
}

#[async_trait]
impl<P: ProviderType> Provider for TypedProvider<P> {
    fn schema(&self) -> &ProviderSchema {
        &self.registry.schema
    }
    async fn connect(&self, config: &Value, environment: &Environment) -> Result<Arc<dyn Connection>, Error> {
        let client = P::connect(P::Config::from_value(config)?, environment).await?;
        Ok(self.over(client))
    }
}

struct TypedConnection<C> {
    registry: Arc<Registry<C>>,
    client: C,
}

impl<C> TypedConnection<C> {
    fn resource(&self, type_name: &str) -> Result<&dyn AnyResource<C>, Error> {
        self.registry.resources.get(type_name).map(Box::as_ref).ok_or_else(|| unknown_type(type_name))
    }
    fn ephemeral(&self, type_name: &str) -> Result<&dyn AnyEphemeral<C>, Error> {
        self.registry.ephemerals.get(type_name).map(Box::as_ref).ok_or_else(|| unknown_type(type_name))
    }
}

fn unknown_type(type_name: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("This provider has no type {type_name}"))
}

#[async_trait]
impl<C: ServiceClient> Connection for TypedConnection<C> {
    fn host(&self) -> String {
        self.client.host()
    }
    fn parallelism(&self) -> usize {
        self.client.parallelism()
    }
    fn lag(&self) -> Duration {
        self.client.lag()
    }
    fn calls(&self) -> (u64, u64) {
        self.client.calls()
    }

    fn take_call_log(&self) -> CallLog {
        self.client.take_call_log()
    }
    async fn read(&self, requests: Vec<ReadRequest>) -> Vec<Result<Option<Value>, Error>> {
        let by_type = group(requests, |r| (r.type_name, r.prior));
        let mut answers = Answers::new(by_type.iter().map(|(_, places, _)| places.len()).sum());
        for (type_name, places, priors) in by_type {
            let results = match self.resource(&type_name) {
                Ok(resource) => resource.read(&self.client, priors).await,
                Err(e) => vec![Err(e); places.len()],
            };
            answers.put(places, results);
        }
        answers.all()
    }
    async fn list(&self, request: ListRequest) -> Vec<Result<Listing, Error>> {
        match self.resource(&request.type_name) {
            Ok(resource) => resource.list(&self.client, request).await,
            Err(e) => request.scopes.iter().map(|_| Err(e.clone())).collect(),
        }
    }
    async fn create(&self, type_name: &str, planned: &Value) -> Result<Created, Error> {
        self.resource(type_name)?.create(&self.client, planned).await
    }
    async fn update(&self, type_name: &str, prior: &Value, planned: &Value) -> Result<Value, Error> {
        self.resource(type_name)?.update(&self.client, prior, planned).await
    }
    async fn delete(&self, type_name: &str, prior: &Value) -> Result<(), Error> {
        self.resource(type_name)?.delete(&self.client, prior).await
    }
    async fn find(&self, type_name: &str, planned: &Value) -> Result<Found, Error> {
        self.resource(type_name)?.find(&self.client, planned, &[]).await
    }
    async fn find_beside(&self, type_name: &str, planned: &Value, known: &[Value]) -> Result<Found, Error> {
        self.resource(type_name)?.find(&self.client, planned, known).await
    }
    async fn import(&self, type_name: &str, id: ImportId<'_>) -> Result<Value, Error> {
        self.resource(type_name)?.import(&self.client, id).await
    }
    async fn read_data(&self, requests: Vec<DataRequest>) -> Vec<Result<Value, Error>> {
        let by_type = group(requests, |r| (r.type_name, r.config));
        let mut answers = Answers::new(by_type.iter().map(|(_, places, _)| places.len()).sum());
        for (type_name, places, configs) in by_type {
            let results = match self.registry.data_sources.get(type_name.as_str()) {
                Some(source) => source.read(&self.client, configs).await,
                None => vec![Err(unknown_type(&type_name)); places.len()],
            };
            answers.put(places, results);
        }
        answers.all()
    }
    async fn open(&self, type_name: &str, config: &Value) -> Result<Opened, Error> {
        self.ephemeral(type_name)?.open(&self.client, config).await
    }
    async fn renew(&self, type_name: &str, handle: &Secret) -> Result<Renewed, Error> {
        self.ephemeral(type_name)?.renew(&self.client, handle).await
    }
    async fn close(&self, type_name: &str, handle: &Secret) -> Result<(), Error> {
        self.ephemeral(type_name)?.close(&self.client, handle).await
    }
}

/// Groups requests by type, keeping each one's place.
fn group<R>(requests: Vec<R>, split: impl Fn(R) -> (String, Value)) -> Vec<(String, Vec<usize>, Vec<Value>)> {
    let mut groups: Vec<(String, Vec<usize>, Vec<Value>)> = Vec::new();
    for (place, request) in requests.into_iter().enumerate() {
        let (type_name, value) = split(request);
        match groups.iter_mut().find(|(name, ..)| *name == type_name) {
            Some((_, places, values)) => {
                places.push(place);
                values.push(value);
            }
            None => groups.push((type_name, vec![place], vec![value])),
        }
    }
    groups
}

/// Answers put back in the order of their requests.
struct Answers<T>(Vec<Option<Result<T, Error>>>);

impl<T> Answers<T> {
    fn new(len: usize) -> Answers<T> {
        Answers(std::iter::repeat_with(|| None).take(len).collect())
    }
    fn put(&mut self, places: Vec<usize>, results: Vec<Result<T, Error>>) {
        for (place, result) in places.into_iter().zip(results) {
            self.0[place] = Some(result);
        }
    }
    fn all(self) -> Vec<Result<T, Error>> {
        let lost =
            || Err(Error::new(ErrorKind::Internal, "The provider gave fewer answers than it was asked"));
        self.0.into_iter().map(|answer| answer.unwrap_or_else(lost)).collect()
    }
}

/// [`Resource`] with its type erased.
#[async_trait]
trait AnyResource<C>: Send + Sync {
    async fn read(&self, client: &C, priors: Vec<Value>) -> Vec<Result<Option<Value>, Error>>;
    async fn list(&self, client: &C, request: ListRequest) -> Vec<Result<Listing, Error>>;
    async fn create(&self, client: &C, planned: &Value) -> Result<Created, Error>;
    async fn update(&self, client: &C, prior: &Value, planned: &Value) -> Result<Value, Error>;
    async fn delete(&self, client: &C, prior: &Value) -> Result<(), Error>;
    async fn find(&self, client: &C, planned: &Value, known: &[Value]) -> Result<Found, Error>;
    async fn import(&self, client: &C, id: &str) -> Result<Value, Error>;
}

/// [`DataSource`] with its type erased.
#[async_trait]
trait AnyDataSource<C>: Send + Sync {
    async fn read(&self, client: &C, configs: Vec<Value>) -> Vec<Result<Value, Error>>;
}

/// [`Ephemeral`] with its type erased.
#[async_trait]
trait AnyEphemeral<C>: Send + Sync {
    async fn open(&self, client: &C, config: &Value) -> Result<Opened, Error>;
    async fn renew(&self, client: &C, handle: &Secret) -> Result<Renewed, Error>;
    async fn close(&self, client: &C, handle: &Secret) -> Result<(), Error>;
}

struct TypedEphemeral<E>(PhantomData<fn() -> E>);

#[async_trait]
impl<E: Ephemeral> AnyEphemeral<E::Client> for TypedEphemeral<E> {
    async fn open(&self, client: &E::Client, config: &Value) -> Result<Opened, Error> {
        let opened = E::open(client, E::from_value(config)?).await?;
        Ok(Opened { value: opened.result.to_value(), handle: opened.handle, renew_after: opened.renew_after })
    }
    async fn renew(&self, client: &E::Client, handle: &Secret) -> Result<Renewed, Error> {
        E::renew(client, handle).await
    }
    async fn close(&self, client: &E::Client, handle: &Secret) -> Result<(), Error> {
        E::close(client, handle).await
    }
}

struct TypedResource<R> {
    /// Attributes that the service doesn't give back: kept from what was planned or stored.
    kept: Vec<String>,
    /// The same for a listing, which lacks more.
    kept_by_list: Vec<String>,
    schema: ResourceSchema,
    kind: PhantomData<fn() -> R>,
}

impl<R: Described> TypedResource<R> {
    fn new() -> TypedResource<R> {
        let schema = R::schema();
        // Readable ones too: what comes as null was not shown (a hidden variable, a listing), it is not gone.
        let secrets =
            schema.block.attributes.iter().filter(|(_, a)| a.secret.is_some()).map(|(name, _)| name.clone());
        let kept: Vec<_> = secrets.chain(R::LOCAL.iter().map(|name| (*name).to_owned())).collect();
        let kept_by_list = kept.iter().chain(&schema.refresh.list_lacks).cloned().collect();
        TypedResource { kept, kept_by_list, schema, kind: PhantomData }
    }

    /// Fills what the service doesn't give back from what is known of the object.
    fn carry(object: Value, known: &Value, kept: &[String]) -> Value {
        let Some(entries) = object.as_entries() else { return object };
        let lost = |name: &String| entries.get(name.as_str()).is_none_or(Value::is_null);
        let known = |name: &String| known.get(name).filter(|v| v.is_known() && !v.is_null()).cloned();
        let carried: Vec<_> =
            kept.iter().filter(|name| lost(name)).filter_map(|n| Some((n, known(n)?))).collect();
        if carried.is_empty() {
            return object;
        }
        let mut entries = entries.clone();
        entries.extend(carried.into_iter().map(|(name, value)| (name.as_str().into(), value)));
        Value::object(entries)
    }

    /// What tells an object of a scope from the others; none if the type says no key or a part of it is not set.
    fn key_of(&self, object: &Value) -> Option<Vec<String>> {
        if self.schema.refresh.key.is_empty() { None } else { parts(&self.schema.refresh.key, object) }
    }

    /// It has something that a listing lacks.
    fn exceeds_listing(&self, object: &Value) -> bool {
        let set =
            |value: &Value| !value.is_null() && value.as_elements().is_none_or(|items| !items.is_empty());
        self.schema.refresh.list_lacks.iter().filter_map(|name| object.get(name)).any(set)
    }

    /// A planned value of which only the natural key must be known, with something of the right type in place of what is not.
    fn filled(&self, planned: &Value) -> Value {
        let Some(entries) = planned.as_entries() else { return planned.clone() };
        let mut entries = entries.clone();
        for (name, attribute) in &self.schema.block.attributes {
            let name = name.as_str();
            let lacks = entries.get(name).is_none_or(|v| v.is_null() || !v.is_wholly_known());
            if lacks {
                let required = attribute.presence == Presence::Required;
                let ty = attribute.ty.without_optional();
                entries.insert(name.into(), if required { nothing(&ty) } else { Value::null(ty) });
            }
        }
        Value::object(entries)
    }
}

impl<R: Resource> TypedResource<R> {
    async fn read_singly(&self, client: &R::Client, priors: &[Value]) -> Vec<Result<Option<Value>, Error>> {
        let typed = match read_all::<R>(priors) {
            Ok(typed) => typed,
            Err(e) => return vec![Err(Error::from(e)); priors.len()],
        };
        let results = R::read_many(client, typed).await;
        let carried = results.into_iter().zip(priors).map(|(result, prior)| {
            result.map(|found| found.map(|object| Self::carry(object.to_value(), prior, &self.kept)))
        });
        carried.collect()
    }

    /// Reads objects from listings of their scopes, because that is fewer calls; what the listings can't tell is read singly.
    async fn read_from_lists(
        &self,
        client: &R::Client,
        priors: Vec<Value>,
    ) -> Vec<Result<Option<Value>, Error>> {
        let mut answers = Answers::new(priors.len());
        let names = self.schema.refresh.scope.clone().unwrap_or_default();
        let mut singly = Vec::new();
        let mut scopes: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
        for (place, prior) in priors.iter().enumerate() {
            match parts(&names, prior)
                .filter(|_| self.key_of(prior).is_some() && !self.exceeds_listing(prior))
            {
                Some(scope) => scopes.entry(scope).or_default().push(place),
                None => singly.push(place),
            }
        }
        let scopes: Vec<Vec<usize>> = scopes.into_values().collect();
        let values = |places: &Vec<usize>| {
            let prior = &priors[places[0]];
            Value::object_of(
                names.iter().filter_map(|n| Some((n.as_str(), prior.get(n)?.clone()))).collect::<Vec<_>>(),
            )
        };
        let request = ListRequest {
            type_name: R::TYPE_NAME.to_owned(),
            scopes: scopes.iter().map(values).collect(),
            wanted: scopes.iter().map(|places| places.iter().map(|i| priors[*i].clone()).collect()).collect(),
        };
        for (places, listing) in scopes.into_iter().zip(self.list(client, request).await) {
            let Ok(listing) = listing else {
                singly.extend(places);
                continue;
            };
            let found: HashMap<_, _> =
                listing.objects.into_iter().filter_map(|o| Some((self.key_of(&o)?, o))).collect();
            for place in places {
                match self.key_of(&priors[place]).and_then(|key| found.get(&key).cloned()) {
                    Some(object) => answers.put(vec![place], vec![Ok(Some(object))]),
                    None if listing.complete => answers.put(vec![place], vec![Ok(None)]),
                    None => singly.push(place),
                }
            }
        }
        let rest: Vec<Value> = singly.iter().map(|place| priors[*place].clone()).collect();
        answers.put(singly, self.read_singly(client, &rest).await);
        answers.all()
    }
}

/// Texts of attributes; none if one of them is not set.
fn parts(names: &[String], object: &Value) -> Option<Vec<String>> {
    let part = |name: &String| {
        let value = object.get(name)?;
        let text = value.as_str().map(str::to_owned);
        text.or_else(|| value.as_number().map(|n| n.to_string()))
            .or_else(|| value.as_bool().map(|b| b.to_string()))
    };
    names.iter().map(part).collect()
}

/// The emptiest value of a type.
fn nothing(ty: &Type) -> Value {
    match ty {
        Type::String => Value::string(""),
        Type::Number => Value::number(0),
        Type::Bool => Value::bool(false),
        Type::List(element) => Value::list((**element).clone(), Vec::new()),
        Type::Set(element) => Value::set((**element).clone(), Vec::new()),
        Type::Map(element) => Value::map((**element).clone(), Default::default()),
        Type::Object(object) => {
            Value::object(object.attributes.iter().map(|(k, t)| (k.clone(), nothing(t))).collect())
        }
        Type::Dynamic | Type::Tuple(_) => Value::null(ty.clone()),
    }
}

#[async_trait]
impl<R: Resource> AnyResource<R::Client> for TypedResource<R> {
    async fn read(&self, client: &R::Client, priors: Vec<Value>) -> Vec<Result<Option<Value>, Error>> {
        if R::LISTS_MANY_SCOPES && priors.len() >= MANY {
            return self.read_from_lists(client, priors).await;
        }
        self.read_singly(client, &priors).await
    }

    async fn list(&self, client: &R::Client, request: ListRequest) -> Vec<Result<Listing, Error>> {
        let mut scopes = Vec::with_capacity(request.scopes.len());
        for (i, values) in request.scopes.iter().enumerate() {
            let wanted = request.wanted.get(i).map(Vec::as_slice).unwrap_or_default();
            match read_all::<R>(wanted) {
                Ok(wanted) => scopes.push(Scope { values: values.clone(), wanted }),
                Err(e) => return vec![Err(Error::from(e)); request.scopes.len()],
            }
        }
        let pages = R::list(client, scopes).await;
        let mut wanted = request.wanted.into_iter();
        let listings = pages.into_iter().map(|page| {
            let wanted = wanted.next().unwrap_or_default();
            let page = page?;
            let known: HashMap<_, _> = wanted.iter().filter_map(|w| Some((self.key_of(w)?, w))).collect();
            let objects = page.objects.iter().map(|object| {
                let object = object.to_value();
                match self.key_of(&object).and_then(|key| known.get(&key)) {
                    Some(known) => Self::carry(object, known, &self.kept_by_list),
                    None => object,
                }
            });
            Ok(Listing { objects: objects.collect(), complete: page.complete })
        });
        listings.collect()
    }

    async fn create(&self, client: &R::Client, planned: &Value) -> Result<Created, Error> {
        let made = R::create(client, R::from_value(planned)?).await?;
        Ok(Created { object: Self::carry(made.object.to_value(), planned, &self.kept), error: made.error })
    }

    async fn update(&self, client: &R::Client, prior: &Value, planned: &Value) -> Result<Value, Error> {
        let object = R::update(client, R::from_value(prior)?, R::from_value(planned)?).await?;
        Ok(Self::carry(object.to_value(), planned, &self.kept))
    }

    async fn delete(&self, client: &R::Client, prior: &Value) -> Result<(), Error> {
        R::delete(client, R::from_value(prior)?).await
    }

    async fn find(&self, client: &R::Client, planned: &Value, known: &[Value]) -> Result<Found, Error> {
        let sought = R::from_value(&self.filled(planned))?;
        Ok(match R::find_beside(client, sought, &|| Ok(read_all(known)?)).await? {
            Match::Object(object) => Found::Object(Self::carry(object.to_value(), planned, &self.kept)),
            Match::Absent => Found::Absent,
            Match::Revoked => Found::Revoked,
            Match::Unknown(why) => Found::Unknown(why),
        })
    }

    async fn import(&self, client: &R::Client, id: &str) -> Result<Value, Error> {
        Ok(R::import(client, id).await?.to_value())
    }
}

struct TypedDataSource<D>(PhantomData<fn() -> D>);

#[async_trait]
impl<D: DataSource> AnyDataSource<D::Client> for TypedDataSource<D> {
    async fn read(&self, client: &D::Client, configs: Vec<Value>) -> Vec<Result<Value, Error>> {
        match read_all::<D>(&configs) {
            Ok(typed) => {
                D::read_many(client, typed).await.into_iter().map(|r| r.map(|d| d.to_value())).collect()
            }
            Err(e) => vec![Err(Error::from(e)); configs.len()],
        }
    }
}

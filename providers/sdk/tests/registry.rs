//! A small provider made of typed resources, driven as the engine drives one.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pilotis_sdk::model::Model as _;
use pilotis_sdk::registry::{ProviderType, Registry, ServiceClient, TypedProvider};
use pilotis_sdk::testkit::{Life, live, plan};
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::value::{Type, Value};
use pilotis_sdk::{
    DataRequest, DataSource, Environment, Error, ErrorKind, Found, ListRequest, Provider, ProviderConfig,
    ReadRequest, Resource, Secret,
};

/// Who may come in.
#[derive(Clone, Debug, Default, ProviderConfig)]
struct Config {
    /// How to get in.
    #[attr(secret = "given_never_returned")]
    token: Option<Secret>,
}

/// A key of a door.
#[derive(Clone, Debug, Resource)]
#[resource(type = "forge_key", scope(door), key(id), natural_key(door, name), lacks(note))]
struct Key {
    #[attr(computed)]
    id: i64,
    #[attr(force_new)]
    door: String,
    name: String,
    #[attr(optional, computed)]
    note: Option<String>,
    #[attr(secret = "given_never_returned")]
    pin: Option<Secret>,
    #[attr(computed, secret = "made_shown_once")]
    code: Option<Secret>,
    #[attr(local)]
    melt_on_destroy: Option<bool>,
}

/// How many keys a door has.
#[derive(Clone, Debug, DataSource)]
#[data_source(type = "forge_count")]
struct Count {
    door: String,
    #[attr(computed)]
    keys: i64,
}

#[derive(Default)]
struct Forge {
    keys: Mutex<BTreeMap<i64, Key>>,
    made: AtomicUsize,
    reads: AtomicUsize,
    lists: AtomicUsize,
}

impl ServiceClient for Forge {
    fn host(&self) -> String {
        "forge.example".to_owned()
    }
    fn calls(&self) -> (u64, u64) {
        (self.reads.load(Ordering::Relaxed) as u64, 0)
    }
}

/// What the service gives back: no secrets, nothing local.
fn told(key: &Key) -> Key {
    Key { pin: None, code: None, melt_on_destroy: None, ..key.clone() }
}

impl typed::Resource for Key {
    type Client = Forge;
    const LISTS_MANY_SCOPES: bool = true;

    async fn create(forge: &Forge, planned: Key) -> Result<Made<Key>, Error> {
        assert_eq!(planned.id, 0, "what the service will say reads as its default");
        let mut keys = forge.keys.lock().unwrap();
        let id = forge.made.fetch_add(1, Ordering::Relaxed) as i64 + 1;
        let key = Key { id, ..planned };
        keys.insert(id, key.clone());
        let made = Key { code: Some(Secret::new(format!("code-{id}"))), ..told(&key) };
        if key.name == "bent" {
            return Ok(Made::but(made, Error::new(ErrorKind::ServerError, "The key came out bent")));
        }
        Ok(made.into())
    }
    async fn read(forge: &Forge, prior: Key) -> Result<Option<Key>, Error> {
        forge.reads.fetch_add(1, Ordering::Relaxed);
        if prior.name == "hidden" {
            return Err(Error::new(ErrorKind::Forbidden, "No"));
        }
        Ok(forge.keys.lock().unwrap().get(&prior.id).map(told))
    }
    async fn update(forge: &Forge, prior: Key, planned: Key) -> Result<Key, Error> {
        forge.keys.lock().unwrap().insert(prior.id, planned.clone());
        Ok(told(&planned))
    }
    async fn delete(forge: &Forge, prior: Key) -> Result<(), Error> {
        forge.keys.lock().unwrap().remove(&prior.id);
        Ok(())
    }
    async fn list(forge: &Forge, scopes: Vec<Scope<Key>>) -> Vec<Result<Page<Key>, Error>> {
        forge.lists.fetch_add(1, Ordering::Relaxed);
        let keys = forge.keys.lock().unwrap();
        let list = |scope: &Scope<Key>| {
            let door = scope.text("door")?;
            if door == "locked" {
                return Err(Error::new(ErrorKind::Forbidden, "No"));
            }
            Ok(keys
                .values()
                .filter(|key| key.door == door)
                .map(|key| Key { note: None, ..told(key) })
                .collect())
        };
        scopes.iter().map(list).collect()
    }
    async fn find(forge: &Forge, planned: Key) -> Result<Match<Key>, Error> {
        let keys = forge.keys.lock().unwrap();
        let found = keys.values().find(|key| key.door == planned.door && key.name == planned.name);
        Ok(found.map(told).into())
    }
    async fn import(forge: &Forge, id: &str) -> Result<Key, Error> {
        let keys = forge.keys.lock().unwrap();
        let found = id.parse().ok().and_then(|id: i64| keys.get(&id));
        found.map(told).ok_or_else(|| Error::new(ErrorKind::NotFound, "No such key"))
    }
}

impl typed::DataSource for Count {
    type Client = Forge;
    async fn read(forge: &Forge, arguments: Count) -> Result<Count, Error> {
        let keys = forge.keys.lock().unwrap().values().filter(|key| key.door == arguments.door).count();
        Ok(Count { keys: keys as i64, ..arguments })
    }
}

enum ForgeProvider {}

impl ProviderType for ForgeProvider {
    type Config = Config;
    type Client = Forge;
    async fn connect(config: Config, _: &Environment) -> Result<Forge, Error> {
        match config.token {
            Some(_) => Ok(Forge::default()),
            None => Err(Error::new(ErrorKind::Configuration, "There is no token")),
        }
    }
    fn registry() -> Registry<Forge> {
        Registry::new::<Config>("forge", "registry.example/forge/forge", "1.0.0")
            .resource::<Key>()
            .data_source::<Count>()
    }
}

struct World {
    provider: TypedProvider<ForgeProvider>,
    connection: std::sync::Arc<dyn pilotis_sdk::Connection>,
}

async fn world() -> World {
    let provider = TypedProvider::<ForgeProvider>::new();
    let config = Config { token: Some("s3cret".into()) }.to_value();
    let connection = provider.connect(&config, &Environment::default()).await.unwrap();
    World { provider, connection }
}

impl World {
    fn planned(&self, door: &str, name: &str) -> Value {
        let config = [
            ("door", Value::string(door)),
            ("name", Value::string(name)),
            ("pin", Value::string("1234")),
            ("melt_on_destroy", Value::bool(true)),
        ];
        plan(&self.provider.schema().resources["forge_key"], &config, None)
    }
    async fn make(&self, door: &str, name: &str) -> Value {
        self.connection.create("forge_key", &self.planned(door, name)).await.unwrap().object
    }
    async fn read(&self, priors: &[Value]) -> Vec<Result<Option<Value>, Error>> {
        let request = |prior: &Value| ReadRequest { type_name: "forge_key".to_owned(), prior: prior.clone() };
        self.connection.read(priors.iter().map(request).collect()).await
    }
}

#[tokio::test]
async fn a_resource_lives_its_life() {
    let world = world().await;
    let life = Life {
        type_name: "forge_key",
        config: vec![
            ("door", Value::string("front")),
            ("name", Value::string("a")),
            ("pin", Value::string("1234").with_marks(pilotis_sdk::value::Marks::SENSITIVE)),
        ],
        change: vec![("note", Value::string("spare"))],
        import_id: Some(Box::new(|object| object.get("id").unwrap().as_i64().unwrap().to_string())),
        lost: vec![],
    };
    live(&world.provider, &*world.connection, life).await;
}

#[tokio::test]
async fn what_the_service_doesnt_give_back_stays() {
    let world = world().await;
    let key = world.make("front", "a").await;
    assert_eq!(key.get("pin").unwrap().as_str(), Some("1234"));
    assert_eq!(key.get("code").unwrap().as_str(), Some("code-1"));
    assert_eq!(key.get("melt_on_destroy"), Some(&Value::bool(true)));
    assert!(key.get("code").unwrap().has_sensitive());
    assert_eq!(world.read(std::slice::from_ref(&key)).await.remove(0).unwrap().unwrap(), key);
    let request = ListRequest {
        type_name: "forge_key".to_owned(),
        scopes: vec![Value::object_of([("door", Value::string("front"))])],
        wanted: vec![vec![key.clone()]],
    };
    let listing = world.connection.list(request).await.remove(0).unwrap();
    assert_eq!(
        listing.objects,
        std::slice::from_ref(&key),
        "secrets, local attributes and what a listing lacks come from what is known"
    );
    let imported = world.connection.import("forge_key", "1").await.unwrap();
    assert!(imported.get("pin").unwrap().is_null());
    let without_pin = plan(
        &world.provider.schema().resources["forge_key"],
        &[("door", Value::string("front")), ("name", Value::string("a"))],
        Some(&key),
    );
    let updated = world.connection.update("forge_key", &key, &without_pin).await.unwrap();
    assert!(updated.get("pin").unwrap().is_null(), "a secret that is no longer configured is forgotten");
    assert_eq!(updated.get("code"), key.get("code"), "one that was made is kept");
}

#[tokio::test]
async fn many_single_reads_go_over_lists() {
    let world = world().await;
    let mut keys = Vec::new();
    for door in ["front", "back", "cellar", "locked"] {
        keys.push(world.make(door, "a").await);
    }
    let gone = world.make("front", "gone").await;
    world.connection.delete("forge_key", &gone).await.unwrap();
    let noted = plan(
        &world.provider.schema().resources["forge_key"],
        &[("door", Value::string("back")), ("name", Value::string("n")), ("note", Value::string("x"))],
        None,
    );
    keys.push(world.connection.create("forge_key", &noted).await.unwrap().object);
    let mut asked = keys.clone();
    asked.insert(1, gone);
    let answers: Vec<_> = world.read(&asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers[1], None);
    let there: Vec<Value> = answers.into_iter().flatten().collect();
    assert_eq!(there, keys);
    assert_eq!(
        world.connection.calls().0,
        2,
        "one whose list was refused, and one that has what a list lacks"
    );
}

#[tokio::test]
async fn a_find_needs_the_natural_key_only() {
    let world = world().await;
    world.make("front", "a").await;
    let entries = world.planned("front", "a").as_entries().unwrap().clone();
    let only_key = entries.iter().map(|(name, value)| {
        let keep = matches!(name.as_str(), "door" | "name");
        (name.clone(), if keep { value.clone() } else { Value::null(value.ty()) })
    });
    let found = world.connection.find("forge_key", &Value::object(only_key.collect())).await.unwrap();
    assert!(matches!(found, Found::Object(_)), "{found:?}");
    let found = world.connection.find("forge_key", &world.planned("back", "a")).await.unwrap();
    assert!(matches!(found, Found::Absent), "{found:?}");
}

#[tokio::test]
async fn an_object_that_was_made_with_an_error_is_given_with_it() {
    let world = world().await;
    let created = world.connection.create("forge_key", &world.planned("front", "bent")).await.unwrap();
    assert_eq!(created.error.unwrap().summary, "The key came out bent");
    assert!(created.object.is_wholly_known());
}

#[tokio::test]
async fn answers_come_in_the_order_of_their_questions() {
    let world = world().await;
    let key = world.make("front", "a").await;
    let hidden = Value::object({
        let mut entries = key.as_entries().unwrap().clone();
        entries.insert("name".into(), Value::string("hidden"));
        entries
    });
    let answers = world.read(&[hidden, key.clone()]).await;
    assert_eq!(answers[0].as_ref().unwrap_err().kind, ErrorKind::Forbidden);
    assert_eq!(answers[1].as_ref().unwrap().as_ref(), Some(&key));
    let wrong = ReadRequest { type_name: "forge_window".to_owned(), prior: key.clone() };
    let right = ReadRequest { type_name: "forge_key".to_owned(), prior: key };
    let answers = world.connection.read(vec![wrong, right]).await;
    assert_eq!(answers[0].as_ref().unwrap_err().kind, ErrorKind::Internal);
    assert!(answers[1].is_ok());
}

#[tokio::test]
async fn a_data_source() {
    let world = world().await;
    world.make("front", "a").await;
    let config = Value::object_of([("door", Value::string("front")), ("keys", Value::null(Type::Number))]);
    let request = DataRequest { type_name: "forge_count".to_owned(), config };
    let read = world.connection.read_data(vec![request]).await.remove(0).unwrap();
    assert_eq!(read.get("keys"), Some(&Value::number(1)));
}

#[tokio::test]
async fn a_configuration_that_lacks_something() {
    let provider = TypedProvider::<ForgeProvider>::new();
    let error = provider.connect(&Config::default().to_value(), &Environment::default()).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Configuration);
    assert_eq!(provider.schema().name, "forge");
}

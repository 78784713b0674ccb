//! All objects, their versions and what happened to them: the emulator's etcd. Keeps objects in memory, writes them
//! through to the data file, remembers recent changes for watches and for consistent pages. Knows no kind.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use serde_json::Value;
use tokio::sync::watch;

use super::{
    members::Members,
    resources::{Key, Registry},
};
use crate::{
    server::ServiceError,
    store::{Batch, Store},
};

/// A stored object: the value, and its JSON text.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) value: Value,
    pub(crate) text: String,
    pub(crate) version: u64,
}

impl Stored {
    fn new(value: Value, version: u64) -> Stored {
        let text = value.to_string();
        Stored { value, text, version }
    }

    /// `metadata`, or null.
    pub(crate) fn metadata(&self) -> &Value {
        &self.value["metadata"]
    }

    pub(crate) fn uid(&self) -> &str {
        self.metadata()["uid"].as_str().unwrap_or_default()
    }

    pub(crate) fn deleting(&self) -> bool {
        !self.metadata()["deletionTimestamp"].is_null()
    }

    pub(crate) fn labels(&self) -> Option<&serde_json::Map<String, Value>> {
        self.metadata()["labels"].as_object()
    }
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) key: String,
    pub(crate) old: Option<Arc<Stored>>,
    /// None: deleted. `last` is then what it was, at the version of its deletion.
    pub(crate) new: Option<Arc<Stored>>,
    pub(crate) last: Option<Arc<Stored>>,
}

/// The objects of one resource. Keys are `namespace/name`, or `name`: in the order of etcd.
#[derive(Default)]
pub(crate) struct Table {
    items: BTreeMap<String, Arc<Stored>>,
    events: VecDeque<Event>,
    /// Changes up to this version are forgotten.
    compacted: u64,
}

/// How many changes of a resource are remembered.
const HISTORY: usize = 20_000;

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Stored>> {
        self.items.get(key)
    }

    /// The objects whose key starts with the prefix, from `start` on.
    pub(crate) fn range<'a>(
        &'a self,
        prefix: &str,
        start: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Stored>)> + use<'a> {
        let from = if start > prefix { start } else { prefix };
        let prefix = prefix.to_owned();
        self.items.range(from.to_owned()..).take_while(move |(key, _)| key.starts_with(&prefix))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Arc<Stored>)> {
        self.items.iter()
    }

    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// The changes after a version.
    pub(crate) fn events_after(&self, version: u64) -> impl Iterator<Item = &Event> {
        let start = self.events.partition_point(|event| event.version <= version);
        self.events.range(start..)
    }

    /// What the objects under the prefix were at a version; none if that is forgotten.
    pub(crate) fn at_version(
        &self,
        version: u64,
        prefix: &str,
        start: &str,
    ) -> Option<Vec<(String, Arc<Stored>)>> {
        if version < self.compacted {
            return None;
        }
        let mut then: BTreeMap<&String, Option<&Arc<Stored>>> = BTreeMap::new();
        for event in self.events_after(version) {
            if event.key.starts_with(prefix) && event.key.as_str() >= start {
                then.entry(&event.key).or_insert(event.old.as_ref());
            }
        }
        let live = self.range(prefix, start).filter(|(key, _)| !then.contains_key(key));
        let mut items: Vec<(String, Arc<Stored>)> =
            live.map(|(key, item)| (key.clone(), item.clone())).collect();
        if !then.is_empty() {
            let old = then.iter().filter_map(|(key, item)| Some(((*key).clone(), (*item)?.clone())));
            items.extend(old);
            items.sort_by(|a, b| a.0.cmp(&b.0));
        }
        Some(items)
    }

    fn note(&mut self, event: Event) {
        if self.events.len() == HISTORY
            && let Some(oldest) = self.events.pop_front()
        {
            self.compacted = oldest.version;
        }
        self.events.push_back(event);
    }
}

/// Work that a controller does a little later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// Fills in the status of the quotas of a namespace.
    Quota(String),
    /// Fills in the status of one of the cluster's quotas.
    ClusterQuota(String),
    /// Empties a namespace that is being deleted.
    Namespace(String),
    /// Deletes what an object owned.
    Owned(String),
    /// Finishes a foreground deletion.
    Foreground(Key, String),
    /// Admits a route.
    Route(String),
    /// Reports a workload as rolled out.
    Workload(Key, String),
}

/// The whole state.
pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) members: Members,
    tables: BTreeMap<Key, Table>,
    version: u64,
    /// The version at the start: nothing is known of the changes before it.
    opened: u64,
    pending: BTreeMap<Instant, Vec<Task>>,
    queued: BTreeSet<Task>,
    /// The objects that an object owns, by the owner's uid.
    dependents: HashMap<String, BTreeSet<(Key, String)>>,
    batch: Batch,
    store: Store,
    service: &'static str,
    ca_pem: String,
    changed: watch::Sender<u64>,
}

const COUNTER: &str = "resourceVersion";

impl World {
    /// Reads what the data file has.
    pub(crate) fn open(store: Store, service: &'static str, ca_pem: String) -> Result<World, ServiceError> {
        let version = store.counter(service, COUNTER)?;
        let mut world = World {
            registry: Registry::new(),
            members: Members::default(),
            tables: BTreeMap::new(),
            version,
            opened: version,
            pending: BTreeMap::new(),
            queued: BTreeSet::new(),
            dependents: HashMap::new(),
            batch: Batch::new(),
            store: store.clone(),
            service,
            ca_pem,
            changed: watch::channel(version).0,
        };
        for object in store.load(service)? {
            let Some((plural, group)) = object.kind.split_once('.') else { continue };
            let version = object.body["metadata"]["resourceVersion"].as_str();
            let version = version.and_then(|text| text.parse().ok()).unwrap_or(0);
            let (key, stored) = (Key::new(group, plural), Arc::new(Stored::new(object.body, version)));
            world.note_owners(&key, &object.key, &stored, true);
            world.tables.entry(key).or_default().items.insert(object.key, stored);
        }
        for table in world.tables.values_mut() {
            table.compacted = version;
        }
        Ok(world)
    }

    /// The certificate authority that every namespace has.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The version of the last change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Tells of each change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn table(&mut self, key: &Key) -> &mut Table {
        let compacted = self.opened;
        self.tables.entry(key.clone()).or_insert_with(|| Table { compacted, ..Table::default() })
    }

    pub(crate) fn get(&self, key: &Key, name: &str) -> Option<&Arc<Stored>> {
        self.tables.get(key)?.get(name)
    }

    /// The tables that have objects.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&Key, &Table)> {
        self.tables.iter()
    }

    /// The table of a resource, if anything was ever stored in it.
    pub(crate) fn existing(&self, key: &Key) -> Option<&Table> {
        self.tables.get(key)
    }

    /// Stores an object under the next version, which is written into it.
    pub(crate) fn put(&mut self, key: &Key, name: &str, mut value: Value) -> Arc<Stored> {
        self.version += 1;
        let version = self.version;
        set_version(&mut value, version);
        let stored = Arc::new(Stored::new(value, version));
        self.batch.put(&stored_kind(key), name, &stored.value).counter(COUNTER, version);
        if let Some(old) = self.get(key, name).cloned() {
            self.note_owners(key, name, &old, false);
        }
        self.note_owners(key, name, &stored, true);
        let table = self.table(key);
        let old = table.items.insert(name.to_owned(), stored.clone());
        table.note(Event { version, key: name.to_owned(), old, new: Some(stored.clone()), last: None });
        stored
    }

    /// Removes an object; the version of the deletion is written into what is returned.
    pub(crate) fn remove(&mut self, key: &Key, name: &str) -> Option<Arc<Stored>> {
        let old = self.tables.get_mut(key)?.items.remove(name)?;
        self.note_owners(key, name, &old, false);
        self.version += 1;
        let version = self.version;
        self.batch.remove(&stored_kind(key), name).counter(COUNTER, version);
        let mut value = old.value.clone();
        set_version(&mut value, version);
        let last = Arc::new(Stored::new(value, version));
        let event = Event {
            version,
            key: name.to_owned(),
            old: Some(old.clone()),
            new: None,
            last: Some(last.clone()),
        };
        self.table(key).note(event);
        Some(last)
    }

    fn note_owners(&mut self, key: &Key, name: &str, stored: &Stored, there: bool) {
        for owner in stored.metadata()["ownerReferences"].as_array().into_iter().flatten() {
            let uid = owner["uid"].as_str().unwrap_or_default();
            let entry = (key.clone(), name.to_owned());
            if there {
                self.dependents.entry(uid.to_owned()).or_default().insert(entry);
            } else if let Some(set) = self.dependents.get_mut(uid) {
                set.remove(&entry);
                if set.is_empty() {
                    self.dependents.remove(uid);
                }
            }
        }
    }

    /// The objects that the object with this uid owns.
    pub(crate) fn dependents(&self, uid: &str) -> Vec<(Key, String)> {
        self.dependents.get(uid).into_iter().flatten().cloned().collect()
    }

    /// Writes what changed to the data file, and wakes the watches.
    pub(crate) fn flush(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Batch::new());
        if batch.is_empty() {
            return;
        }
        if let Err(error) = self.store.batch(self.service, batch) {
            tracing::error!(%error, "the cluster's objects could not be written");
        }
        self.changed.send_replace(self.version);
    }

    /// Queues work; work that is queued already stays where it is.
    pub(crate) fn later(&mut self, at: Instant, task: Task) {
        if self.queued.insert(task.clone()) {
            self.pending.entry(at).or_default().push(task);
        }
    }

    /// The next piece of work that is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Task> {
        let mut entry = self.pending.first_entry().filter(|entry| *entry.key() <= now)?;
        let task = entry.get_mut().pop();
        if entry.get().is_empty() {
            entry.remove();
        }
        if let Some(task) = &task {
            self.queued.remove(task);
        }
        task
    }

    /// When the next work is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.pending.keys().next().copied()
    }

    /// Forgets the changes up to now, as the API server does after some minutes.
    #[cfg(test)]
    pub(crate) fn compact(&mut self) {
        let version = self.version;
        for table in self.tables.values_mut() {
            table.events.clear();
            table.compacted = version;
        }
    }
}

fn stored_kind(key: &Key) -> String {
    format!("{}.{}", key.plural, key.group)
}

fn set_version(value: &mut Value, version: u64) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".into(), version.to_string().into());
    }
}

/// `namespace/name`, or `name`.
pub(crate) fn key_of(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") }
}

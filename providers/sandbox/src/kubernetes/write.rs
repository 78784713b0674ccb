//! How an object is stored: defaults, owners, admission, checks, versions, for every way that it may come.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    admission,
    authz::{self, User},
    body::normalise,
    controllers, decode,
    engine::live_namespace,
    fieldset::Set,
    kinds,
    managed::{self, Entry, Operation},
    openshift,
    request::WriteOptions,
    resources::Resource,
    status::{About, Cause, Failure},
    world::{Stored, World, key_of},
};

/// The present, in whole seconds.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Five letters for a generated name.
pub(crate) fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let random = uuid::Uuid::new_v4();
    random
        .as_bytes()
        .iter()
        .take(5)
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}

/// Everything that a write needs besides the objects.
pub(crate) struct Writer<'a> {
    pub(crate) resource: &'a Arc<Resource>,
    pub(crate) user: &'a User,
    pub(crate) options: WriteOptions,
    pub(crate) subresource: &'a str,
    pub(crate) now: String,
    pub(crate) delays: &'a super::engine::Delays,
}

impl Writer<'_> {
    pub(crate) fn entry(&self, operation: Operation) -> Entry {
        Entry {
            manager: self.options.manager.clone(),
            operation,
            api_version: self.resource.api_version(),
            subresource: self.subresource.to_owned(),
            time: Some(self.now.clone()),
            fields: Set::default(),
        }
    }

    fn about<'b>(&'b self, name: &'b str) -> About<'b> {
        About { group: &self.resource.group, kind: &self.resource.plural, name }
    }

    /// The object of the kind in which nothing is set.
    pub(crate) fn empty(&self) -> Value {
        let mut empty = match self.resource.is_custom() {
            true => json!({ "metadata": {} }),
            false => decode::empty(&self.resource.node),
        };
        empty["kind"] = self.resource.kind.clone().into();
        empty["apiVersion"] = self.resource.api_version().into();
        empty
    }

    /// Creates an object that is decoded. `owners`: given by an apply, else worked out.
    pub(crate) fn create(
        &self,
        world: &mut World,
        namespace: &str,
        mut object: Value,
        owners: Option<Vec<Entry>>,
    ) -> Result<Value, Failure> {
        let resource = self.resource;
        clean_new_metadata(&mut object, namespace);
        kinds::set_defaults(resource, &mut object);
        let (mut object, _) = normalise(resource, &object)?;
        let owners = owners.unwrap_or_else(|| {
            managed::updated(&resource.node, &self.empty(), &object, self.entry(Operation::Update))
        });
        name_object(&mut object);
        if resource.group == "route.openshift.io" {
            openshift::route_host(&mut object, namespace);
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if resource.namespaced {
            live_namespace(world, &self.about(&name), namespace)?;
        }
        admission::mutate(world, resource, namespace, &mut object)?;
        self.prepare_new(&mut object);
        let causes = kinds::check(resource, &object, None);
        if !causes.is_empty() {
            return Err(self.invalid(&name, causes));
        }
        self.check_rights(world, namespace, &object)?;
        let key = key_of(namespace, &name);
        let charge = admission::quota(world, resource, namespace, &object)?;
        if let Some(found) = world.get(&resource.key(), &key) {
            return Err(Failure::already_exists(&self.about(&name), found.deleting()));
        }
        managed::encode(&mut object, owners);
        if self.options.dry_run {
            return Ok(normalise(resource, &object)?.0);
        }
        admission::charge(world, charge, &self.now);
        if resource.group.is_empty() && resource.plural == "services" {
            kinds::allocate_service(&mut object, world.version());
        }
        if resource.plural == "customresourcedefinitions" {
            kinds::establish(&mut object, &self.now);
        }
        let stored = self.store(world, &key, object)?;
        controllers::after_create(world, self, namespace, &stored);
        Ok(stored.value.clone())
    }

    fn invalid(&self, name: &str, causes: Vec<Cause>) -> Failure {
        Failure::invalid(&About { group: &self.resource.group, kind: &self.resource.kind, name }, causes)
    }

    fn prepare_new(&self, object: &mut Value) {
        let metadata = kinds::entry(object, &["metadata"]);
        metadata.insert("uid".into(), uuid::Uuid::new_v4().to_string().into());
        metadata.insert("creationTimestamp".into(), self.now.clone().into());
        if self.resource.has_generation() {
            metadata.insert("generation".into(), 1.into());
        }
        kinds::initial_status(self.resource, object);
        if self.resource.group.is_empty() && self.resource.plural == "namespaces" {
            let name = object["metadata"]["name"].clone();
            let labels = kinds::entry(object, &["metadata", "labels"]);
            labels.insert("kubernetes.io/metadata.name".into(), name);
            labels.sort_keys();
            object["spec"] = json!({ "finalizers": ["kubernetes"] });
        }
    }

    /// Puts the object under the next version, its fields in order.
    fn store(&self, world: &mut World, key: &str, mut object: Value) -> Result<Arc<Stored>, Failure> {
        object["metadata"]["resourceVersion"] = "0".into();
        let (object, _) = normalise(self.resource, &object)?;
        Ok(world.put(&self.resource.key(), key, object))
    }

    /// Nobody gives rights that they don't have.
    fn check_rights(&self, world: &World, namespace: &str, object: &Value) -> Result<(), Failure> {
        if self.resource.group != authz::RBAC || self.user.is_master() {
            return Ok(());
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let rules = match object.get("roleRef") {
            Some(role) => {
                let text = |name: &str| role[name].as_str().unwrap_or_default();
                authz::role_rules(world, text("kind"), text("name"), namespace).map(<[Value]>::to_vec)
            }
            None => object["rules"].as_array().cloned(),
        };
        let rules = rules.unwrap_or_default();
        authz::check_escalation(world, self.user, &self.about(name), namespace, &rules)
    }

    /// Replaces `live` by an object that is decoded; gives what is then stored, and whether anything changed.
    pub(crate) fn replace(
        &self,
        world: &mut World,
        live: &Arc<Stored>,
        new: Value,
        owners: Option<Vec<Entry>>,
    ) -> Result<Value, Failure> {
        let resource = self.resource;
        let old = &live.value;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (text(&old["metadata"]["namespace"]), text(&old["metadata"]["name"]));
        let mut new = self.carried(old, new);
        kinds::set_defaults(resource, &mut new);
        let (mut new, _) = normalise(resource, &new)?;
        let owners = owners
            .unwrap_or_else(|| managed::updated(&resource.node, old, &new, self.entry(Operation::Update)));
        managed::encode(&mut new, owners);
        self.count_generation(old, &mut new);
        let causes = kinds::check(resource, &new, Some(old));
        if !causes.is_empty() {
            return Err(self.invalid(&name, causes));
        }
        self.check_rights(world, &namespace, &new)?;
        if managed::same_but_times(old, &new) {
            return Ok(old.clone());
        }
        let (new, _) = normalise(resource, &new)?;
        if self.options.dry_run {
            return Ok(new);
        }
        let key = key_of(&namespace, &name);
        let filled = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
        let namespace_object = resource.group.is_empty() && resource.plural == "namespaces";
        let held = filled(&new["metadata"]["finalizers"])
            || (namespace_object && filled(&new["spec"]["finalizers"]));
        if live.deleting() && !held {
            world.remove(&resource.key(), &key);
            controllers::after_delete(world, resource, self.delays, &key, live);
            return Ok(new);
        }
        let mut new = new;
        if resource.plural == "customresourcedefinitions" && self.subresource.is_empty() {
            kinds::establish(&mut new, &self.now);
        }
        let stored = self.store(world, &key, new)?;
        controllers::after_update(world, self, &key, live, &stored);
        Ok(stored.value.clone())
    }

    /// What a request cannot change comes from the stored object.
    fn carried(&self, old: &Value, mut new: Value) -> Value {
        let resource = self.resource;
        match self.subresource {
            "" if resource.has_status() => match old.get("status") {
                Some(status) => new["status"] = status.clone(),
                None => {
                    if let Some(map) = new.as_object_mut() {
                        map.shift_remove("status");
                    }
                }
            },
            "status" => {
                let mut kept = old.clone();
                match new.get("status") {
                    Some(status) => kept["status"] = status.clone(),
                    None => {
                        if let Some(map) = kept.as_object_mut() {
                            map.shift_remove("status");
                        }
                    }
                }
                kept["metadata"]["managedFields"] = old["metadata"]["managedFields"].clone();
                new = kept;
            }
            "finalize" => {
                let mut kept = old.clone();
                kept["spec"] = new["spec"].clone();
                new = kept;
            }
            _ => {}
        }
        if resource.group.is_empty() && resource.plural == "namespaces" && self.subresource != "finalize" {
            new["spec"] = old["spec"].clone();
        }
        let metadata = kinds::entry(&mut new, &["metadata"]);
        for field in [
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "generateName",
        ] {
            match old["metadata"].get(field) {
                Some(value) => {
                    metadata.insert(field.into(), value.clone());
                }
                None => {
                    metadata.shift_remove(field);
                }
            }
        }
        new
    }

    fn count_generation(&self, old: &Value, new: &mut Value) {
        if !self.resource.has_generation() || self.subresource == "status" {
            return;
        }
        let status = self.resource.has_status();
        let rest = |object: &Value| {
            let mut copy = object.clone();
            if let Some(map) = copy.as_object_mut() {
                map.shift_remove("metadata");
                if status {
                    map.shift_remove("status");
                }
            }
            copy
        };
        if rest(old) != rest(new) {
            let number = old["metadata"]["generation"].as_u64().unwrap_or(0) + 1;
            new["metadata"]["generation"] = number.into();
        }
    }
}

/// Takes out of a new object's metadata what only the server sets.
fn clean_new_metadata(object: &mut Value, namespace: &str) {
    let metadata = kinds::entry(object, &["metadata"]);
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
        "resourceVersion",
        "managedFields",
    ] {
        metadata.shift_remove(field);
    }
    if namespace.is_empty() {
        metadata.shift_remove("namespace");
    } else {
        metadata.insert("namespace".into(), namespace.into());
    }
}

fn name_object(object: &mut Value) {
    let metadata = kinds::entry(object, &["metadata"]);
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, prefix) = (text("name"), text("generateName"));
    if name.is_empty() && !prefix.is_empty() {
        let short: String = prefix.chars().take(58).collect();
        metadata.insert("name".into(), format!("{short}{}", suffix()).into());
    }
}

//! For providers' tests: the life of one object, as every resource type must live it.
//!
//! A small planner for one object stands in for the engine here, so that a provider is tested without it.

use pilotis_schema::{Block, NestedBlock, Nesting, Presence, Refresh, ResourceSchema};
use pilotis_value::{Type, Value};

use crate::{Connection, Found, ListRequest, Provider, ReadRequest};

/// One object's life to live.
pub struct Life<'a> {
    /// `gitlab_group`
    pub type_name: &'a str,
    /// What a configuration says at first: attributes by name.
    pub config: Vec<(&'a str, Value)>,
    /// What it says then; the update must be possible in place. Empty: the type can't be updated.
    pub change: Vec<(&'a str, Value)>,
    /// The import id of the object; none if the type can't be imported.
    #[allow(clippy::type_complexity)]
    pub import_id: Option<Box<dyn Fn(&Value) -> String + Send + Sync + 'a>>,
    /// Attributes that a listing, a find or an import may lack without that being wrong, apart from secrets and `list_lacks`.
    pub lost: Vec<&'a str>,
}

/// Plans one object: what the configuration says, defaults, what stays from `prior`, and unknown what the service will say.
pub fn plan(schema: &ResourceSchema, config: &[(&str, Value)], prior: Option<&Value>) -> Value {
    let said =
        |name: &str| config.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).filter(|v| !v.is_null());
    let attributes = schema.block.attributes.iter().map(|(name, attribute)| {
        let ty = attribute.ty.without_optional();
        let before = prior.and_then(|p| p.get(name)).cloned();
        let value = match (said(name), attribute.presence) {
            (Some(value), _) => value,
            (None, Presence::Required) => panic!("the configuration must say {name}"),
            (None, Presence::Optional) => attribute.default.clone().unwrap_or_else(|| Value::null(ty)),
            (None, Presence::OptionalComputed | Presence::Computed) => match before {
                Some(before) if !attribute.volatile => before,
                _ => Value::unknown(ty),
            },
        };
        let secret = attribute.secret.is_some() && !value.is_null();
        let value = if secret { value.with_marks(pilotis_value::Marks::SENSITIVE) } else { value };
        (name.clone(), value)
    });
    let blocks = schema.block.blocks.iter().map(|(name, nested)| {
        let planned = match said(name) {
            Some(said) => plan_nested(nested, &said, prior.and_then(|p| p.get(name))),
            None => no_blocks(nested.implied_type()),
        };
        (name.clone(), planned)
    });
    Value::object_of(attributes.chain(blocks).collect::<Vec<_>>())
}

fn no_blocks(ty: Type) -> Value {
    match &ty {
        Type::List(element) => Value::list((**element).clone(), Vec::new()),
        Type::Set(element) => Value::set((**element).clone(), Vec::new()),
        Type::Map(element) => Value::map((**element).clone(), Default::default()),
        _ => Value::null(ty),
    }
}

/// Blocks inside: what the configuration leaves to the service stays as it was, or is unknown.
fn plan_nested(nested: &NestedBlock, said: &Value, prior: Option<&Value>) -> Value {
    let element = || nested.block.implied_type();
    match (nested.nesting, said.as_elements()) {
        (Nesting::Single, _) => plan_block(&nested.block, said, prior),
        (Nesting::List, Some(items)) => {
            let old = prior.and_then(Value::as_elements).unwrap_or_default();
            let planned = items.iter().enumerate().map(|(i, v)| plan_block(&nested.block, v, old.get(i)));
            Value::list(element(), planned.collect())
        }
        _ => said.clone(),
    }
}

fn plan_block(block: &Block, said: &Value, prior: Option<&Value>) -> Value {
    let Some(entries) = said.as_entries() else { return said.clone() };
    let mut entries = entries.clone();
    for (name, attribute) in block.attributes.iter().filter(|(_, a)| a.is_computed()) {
        let silent = entries.get(name.as_str()).is_none_or(Value::is_null);
        let before = prior.and_then(|p| p.get(name)).filter(|_| !attribute.volatile).cloned();
        if silent {
            let value = before.unwrap_or_else(|| Value::unknown(attribute.ty.without_optional()));
            entries.insert(name.as_str().into(), value);
        }
    }
    for (name, nested) in &block.blocks {
        if let Some(entry) = entries.get_mut(name.as_str()) {
            *entry = plan_nested(nested, entry, prior.and_then(|p| p.get(name)));
        }
    }
    Value::object(entries)
}

/// Create → read equals → a second plan changes nothing → the list contains it → update → find → import → delete → it is gone from read
/// and list → delete again is fine.
///
/// # Panics
/// When the provider doesn't keep to it, saying where.
pub async fn live(provider: &dyn Provider, connection: &dyn Connection, life: Life<'_>) {
    let schema = &provider.schema().resources[life.type_name];
    let step = Steps { connection, schema, type_name: life.type_name };

    let planned = plan(schema, &life.config, None);
    let created =
        connection.create(life.type_name, &planned).await.unwrap_or_else(|e| panic!("create: {e:?}"));
    assert!(created.error.is_none(), "create: made, but {:?}", created.error);
    let mut object = created.object;
    step.whole(&object, "create");
    step.keeps(&planned, &object, "create");
    step.read_equals(&object, "after create").await;
    step.no_diff(&life.config, &object, "after create");
    step.listed(&object, &life.lost, "after create").await;

    if !life.change.is_empty() {
        let mut config = life.config.clone();
        config.retain(|(name, _)| !life.change.iter().any(|(changed, _)| changed == name));
        config.extend(life.change.clone());
        let planned = plan(schema, &config, Some(&object));
        let updated = connection
            .update(life.type_name, &object, &planned)
            .await
            .unwrap_or_else(|e| panic!("update: {e:?}"));
        step.whole(&updated, "update");
        step.keeps(&planned, &updated, "update");
        step.read_equals(&updated, "after update").await;
        step.no_diff(&config, &updated, "after update");
        object = updated;
    }
    if !schema.refresh.natural_key.is_empty() {
        let found = connection.find(life.type_name, &object).await.unwrap_or_else(|e| panic!("find: {e:?}"));
        match found {
            Found::Object(found) => step.same(&object, &found, &life.lost, "find"),
            Found::Revoked => {
                step.gone(&object, "after a find that revoked it").await;
                return;
            }
            other => panic!("find: {other:?}"),
        }
    }
    if let Some(import_id) = &life.import_id {
        let id = import_id(&object);
        let imported =
            connection.import(life.type_name, &id).await.unwrap_or_else(|e| panic!("import {id}: {e:?}"));
        step.same(&object, &imported, &life.lost, "import");
    }
    connection.delete(life.type_name, &object).await.unwrap_or_else(|e| panic!("delete: {e:?}"));
    step.gone(&object, "after delete").await;
    connection.delete(life.type_name, &object).await.unwrap_or_else(|e| panic!("delete again: {e:?}"));
}

/// A block's value with null for what may change by itself: two that differ only in that are the same object.
pub fn settle(block: &Block, value: &Value) -> Value {
    let Some(entries) = value.as_entries() else { return value.clone() };
    let mut entries = entries.clone();
    for (name, attribute) in block.attributes.iter().filter(|(_, a)| a.volatile) {
        entries.insert(name.as_str().into(), Value::null(attribute.ty.without_optional()));
    }
    for (name, nested) in &block.blocks {
        if let Some(entry) = entries.get_mut(name.as_str()) {
            *entry = settle_nested(nested, entry);
        }
    }
    Value::object(entries).with_marks(value.marks())
}

fn settle_nested(nested: &NestedBlock, value: &Value) -> Value {
    let each = |v: &Value| settle(&nested.block, v);
    let element = || nested.block.implied_type();
    let settled = match (nested.nesting, value.as_elements(), value.as_entries()) {
        (Nesting::Single, ..) => return each(value),
        (Nesting::List, Some(items), _) => Value::list(element(), items.iter().map(each).collect()),
        (Nesting::Set, Some(items), _) => Value::set(element(), items.iter().map(each).collect()),
        (Nesting::Map, _, Some(entries)) => {
            Value::map(element(), entries.iter().map(|(k, v)| (k.clone(), each(v))).collect())
        }
        _ => return value.clone(),
    };
    settled.with_marks(value.marks())
}

struct Steps<'a> {
    connection: &'a dyn Connection,
    schema: &'a ResourceSchema,
    type_name: &'a str,
}

impl Steps<'_> {
    fn refresh(&self) -> &Refresh {
        &self.schema.refresh
    }

    /// What an attribute or block says, without what may change by itself.
    fn settled(&self, name: &str, value: Option<&Value>) -> Option<Value> {
        let value = value?;
        let block = &self.schema.block;
        if block.attributes.get(name).is_some_and(|a| a.volatile) {
            return None;
        }
        Some(block.blocks.get(name).map_or_else(|| value.clone(), |nested| settle_nested(nested, value)))
    }

    /// Nothing unknown, and the schema's type.
    fn whole(&self, object: &Value, when: &str) {
        assert!(object.is_wholly_known(), "{when}: something is unknown: {object:?}");
        let Type::Object(wanted) = self.schema.block.implied_type() else { return };
        let names: Vec<_> = object.as_entries().into_iter().flatten().map(|(name, _)| name).collect();
        assert_eq!(names, wanted.attributes.keys().collect::<Vec<_>>(), "{when}: the attributes");
        for (name, ty) in wanted.attributes.iter().filter(|(_, ty)| !ty.has_dynamic()) {
            assert_eq!(object.get(name).map(Value::ty).as_ref(), Some(ty), "{when}: the type of {name}");
        }
    }

    /// What was planned as known came back.
    fn keeps(&self, planned: &Value, object: &Value, when: &str) {
        for (name, value) in planned.as_entries().into_iter().flatten() {
            let write_only = self.schema.block.attributes.get(name.as_str()).is_some_and(|a| a.write_only);
            if value.is_wholly_known() && !write_only {
                let (planned, object) =
                    (self.settled(name, Some(value)), self.settled(name, object.get(name)));
                assert_eq!(object, planned, "{when}: {name} is not as planned");
            }
        }
    }

    async fn read(&self, object: &Value, when: &str) -> Option<Value> {
        let request = ReadRequest { type_name: self.type_name.to_owned(), prior: object.clone() };
        let mut results = self.connection.read(vec![request]).await;
        assert_eq!(results.len(), 1, "{when}: one answer for one request");
        results.remove(0).unwrap_or_else(|e| panic!("read {when}: {e:?}"))
    }

    async fn read_equals(&self, object: &Value, when: &str) {
        let read = self.read(object, when).await.unwrap_or_else(|| panic!("read {when}: it is not there"));
        for (name, value) in object.as_entries().into_iter().flatten() {
            let (value, read) = (self.settled(name, Some(value)), self.settled(name, read.get(name)));
            assert!(read == value, "read {when}: {name} is {read:?}, not {value:?}");
        }
    }

    fn no_diff(&self, config: &[(&str, Value)], object: &Value, when: &str) {
        let again = plan(self.schema, config, Some(object));
        for (name, value) in again.as_entries().into_iter().flatten() {
            let planned = self.settled(name, Some(value)).filter(Value::is_wholly_known);
            if planned.is_some() {
                let object = self.settled(name, object.get(name));
                assert_eq!(object, planned, "{when}: a second plan would change {name}");
            }
        }
    }

    async fn list(&self, object: &Value, when: &str) -> Option<Vec<Value>> {
        let scope = self.refresh().scope.as_ref()?;
        let values = scope.iter().map(|n| (n.clone(), object.get(n).cloned().expect("a scope's attribute")));
        let request = ListRequest {
            type_name: self.type_name.to_owned(),
            scopes: vec![Value::object_of(values.collect::<Vec<_>>())],
            wanted: vec![vec![object.clone()]],
        };
        let mut results = self.connection.list(request).await;
        assert_eq!(results.len(), 1, "{when}: one listing for one scope");
        let listing = results.remove(0).unwrap_or_else(|e| panic!("list {when}: {e:?}"));
        assert!(listing.complete, "list {when}: not complete");
        Some(listing.objects)
    }

    fn in_listing<'v>(&self, objects: &'v [Value], object: &Value) -> Option<&'v Value> {
        objects.iter().find(|o| self.refresh().key.iter().all(|name| o.get(name) == object.get(name)))
    }

    async fn listed(&self, object: &Value, lost: &[&str], when: &str) {
        let Some(objects) = self.list(object, when).await else { return };
        let listed =
            self.in_listing(&objects, object).unwrap_or_else(|| panic!("list {when}: it is not in it"));
        self.same(object, listed, lost, "list");
    }

    /// The same object, apart from what this way of reading lacks.
    fn same(&self, object: &Value, other: &Value, lost: &[&str], how: &str) {
        for (name, value) in object.as_entries().into_iter().flatten() {
            let attribute = self.schema.block.attributes.get(name.as_str());
            let secret = attribute.is_some_and(|a| a.secret.is_some());
            let lacks = self.refresh().list_lacks.iter().any(|n| n == name.as_str());
            let other = other.get(name);
            let absent = other.is_none_or(Value::is_null);
            if absent && (secret || lacks || lost.contains(&name.as_str())) {
                continue;
            }
            assert_eq!(self.settled(name, other), self.settled(name, Some(value)), "{how}: {name}");
        }
    }

    async fn gone(&self, object: &Value, when: &str) {
        let read = self.read(object, when).await;
        assert!(read.is_none(), "read {when}: it is still there: {read:?}");
        // The scope itself may have gone with it: only a listing that is had must not contain it.
        let Some(scope) = self.refresh().scope.as_ref() else { return };
        let values = scope.iter().map(|n| (n.clone(), object.get(n).cloned().expect("a scope's attribute")));
        let scopes = vec![Value::object_of(values.collect::<Vec<_>>())];
        let request =
            ListRequest { type_name: self.type_name.to_owned(), scopes, wanted: vec![vec![object.clone()]] };
        for listing in self.connection.list(request).await.into_iter().flatten() {
            assert!(self.in_listing(&listing.objects, object).is_none(), "list {when}: it is still in it");
        }
    }
}

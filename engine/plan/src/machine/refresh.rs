//! What became of the stored objects: asked for many at a time where the schema says how.
//!
//! Objects of a type in one scope come in one listing. One that a listing doesn't have is gone only if the listing is proven
//! complete; otherwise it is read singly; and where a service may be late, only if it is still missing after a while (`lag`). An error is never a deletion: the object is *unseen*, and the plan says so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pilotis_schema::address::Mode;
use pilotis_value::{Confided, EntryMap, Value, json};

use crate::machine::rows::Seen;
use crate::machine::{Machine, ObjectId, Pending};
use crate::record::ObjectType;
use crate::{Drift, Failure, Listing, ProviderId, Request, RequestId};

/// A listing that was asked for.
#[derive(Debug)]
pub(crate) struct ListQuestion {
    provider: u32,
    ty: Arc<ObjectType>,
    /// Rows by scope.
    scopes: Vec<Vec<u32>>,
}

/// Objects that are asked for in one single-read request.
const READ_BATCH: usize = 100;

/// An object or a data source that a request looks at.
#[derive(Clone, Debug)]
pub struct LookedAt {
    /// Its address as Terraform writes it.
    pub address: Arc<str>,
    /// Its id, if it has one that may be shown.
    pub id: Option<String>,
    /// It is a data source.
    pub data: bool,
}

impl Machine {
    /// What a request that was not answered yet looks at.
    pub fn looks_at(&self, id: RequestId) -> Vec<LookedAt> {
        let data = |o: &ObjectId| {
            let address = self.objects[*o as usize].address.clone();
            LookedAt { address, id: None, data: true }
        };
        let row = |id: &u32| {
            let row = self.rows.get(*id);
            let id = row.recorded.as_ref().and_then(shown_id);
            LookedAt { address: row.record.key.address.clone(), id, data: false }
        };
        match self.pending.get(&id) {
            Some(Pending::List(question)) => question.scopes.iter().flatten().map(row).collect(),
            Some(Pending::Read(_, rows) | Pending::LookAgain(_, rows)) => rows.iter().map(row).collect(),
            Some(Pending::Data(objects)) => objects.iter().flatten().map(data).collect(),
            Some(Pending::ReadNow(_, object)) => vec![data(object)],
            _ => Vec::new(),
        }
    }

    /// Looks at all objects of a provider.
    pub(crate) fn refresh(&mut self, provider: u32) {
        self.providers[provider as usize].open = 1;
        let mut by_type: BTreeMap<Arc<str>, Vec<u32>> = BTreeMap::new();
        for id in self.rows.ids() {
            let row = self.rows.get(id);
            let wanted = row.included && (self.options.refresh || row.must_look);
            let asked = wanted && !row.ignored && !row.unsettled;
            if row.provider == Some(provider) && asked && !self.is_row_overridden(id) {
                by_type.entry(row.record.type_name.clone()).or_default().push(id);
            }
        }
        let mut singly = Vec::new();
        for (type_name, rows) in by_type {
            let Some(ty) = self.object_type(Mode::Managed, &type_name) else {
                // Says why.
                self.recorded(rows[0]);
                continue;
            };
            self.refresh_type(provider, &type_name, &ty, rows, &mut singly);
        }
        self.read_rows(provider, singly);
        self.provider_step(provider);
    }

    fn refresh_type(
        &mut self,
        provider: u32,
        type_name: &Arc<str>,
        ty: &Arc<ObjectType>,
        rows: Vec<u32>,
        singly: &mut Vec<u32>,
    ) {
        let refresh = &ty.schema.refresh;
        let rows: Vec<u32> = rows.into_iter().filter(|id| self.recorded(*id).is_some()).collect();
        let (Some(scope), false) = (&refresh.scope, refresh.key.is_empty()) else {
            singly.extend(rows);
            return;
        };
        let mut groups: BTreeMap<String, (Value, Vec<u32>)> = BTreeMap::new();
        for id in rows {
            let Some(recorded) = self.recorded(id) else { continue };
            match scope_value(scope, &recorded) {
                Some((text, value)) => groups.entry(text).or_insert_with(|| (value, Vec::new())).1.push(id),
                None => singly.push(id),
            }
        }
        let (mut scopes, mut wanted, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (_, (value, group)) in groups {
            let (listed, read): (Vec<u32>, Vec<u32>) = group.into_iter().partition(|id| !self.lacks(ty, *id));
            singly.extend(read);
            if listed.len() < 2 && !scope.is_empty() {
                singly.extend(listed);
                continue;
            }
            if listed.is_empty() {
                continue;
            }
            wanted.push(listed.iter().filter_map(|id| self.recorded(*id)).collect());
            scopes.push(value);
            rows.push(listed);
        }
        if scopes.is_empty() {
            return;
        }
        self.providers[provider as usize].open += 1;
        let question = ListQuestion { provider, ty: ty.clone(), scopes: rows };
        let request =
            Request::List { provider: ProviderId(provider), type_name: type_name.clone(), scopes, wanted };
        self.ask(Pending::List(question), request);
    }

    /// True if an object has something that a listing lacks.
    fn lacks(&mut self, ty: &ObjectType, id: u32) -> bool {
        if ty.schema.refresh.list_lacks.is_empty() {
            return false;
        }
        let recorded = self.recorded(id);
        let sets =
            |name: &String| recorded.as_ref().and_then(|r| r.get(name)).is_some_and(|v| !is_nothing(v));
        ty.schema.refresh.list_lacks.iter().any(sets)
    }

    pub(crate) fn read_rows(&mut self, provider: u32, rows: Vec<u32>) {
        for rows in rows.chunks(READ_BATCH) {
            let objects: Vec<(Arc<str>, Value)> = rows
                .iter()
                .filter_map(|id| Some((self.rows.get(*id).record.type_name.clone(), self.recorded(*id)?)))
                .collect();
            self.providers[provider as usize].open += 1;
            let request = Request::Read { provider: ProviderId(provider), objects };
            self.ask(Pending::Read(provider, rows.to_vec()), request);
        }
    }

    pub(crate) fn listed(&mut self, question: ListQuestion, results: Vec<Result<Listing, Failure>>) {
        let mut singly = Vec::new();
        let mut results = results.into_iter();
        for rows in &question.scopes {
            match results.next() {
                Some(Ok(listing)) => self.listing(&question.ty, rows, listing, &mut singly),
                Some(Err(failure)) => self.rows_unseen(rows, &failure.to_string()),
                None => self.rows_unseen(rows, "the provider gave no answer"),
            }
        }
        self.read_rows(question.provider, singly);
        self.look_later(question.provider);
        self.provider_step(question.provider);
    }

    fn listing(&mut self, ty: &Arc<ObjectType>, rows: &[u32], listing: Listing, singly: &mut Vec<u32>) {
        let key = &ty.schema.refresh.key;
        let mut objects: HashMap<String, Value> = HashMap::with_capacity(listing.objects.len());
        for object in listing.objects {
            if let Some(key) = key_text(key, &object) {
                objects.insert(key, object);
            }
        }
        for id in rows {
            let Some(recorded) = self.recorded(*id) else { continue };
            let found = key_text(key, &recorded).and_then(|key| objects.get(&key).cloned());
            match found {
                Some(object) => self.row_seen(*id, ty, &object),
                None if listing.complete => self.row_missing(*id),
                None => singly.push(*id),
            }
        }
    }

    pub(crate) fn rows_read(
        &mut self,
        provider: u32,
        rows: Vec<u32>,
        results: Vec<Result<Option<Value>, Failure>>,
    ) {
        self.rows_told(rows, results);
        self.look_later(provider);
        self.provider_step(provider);
    }

    /// What single reads told of rows.
    pub(crate) fn rows_told(&mut self, rows: Vec<u32>, results: Vec<Result<Option<Value>, Failure>>) {
        let mut results = results.into_iter();
        for id in rows {
            match results.next() {
                Some(Ok(Some(object))) => {
                    let type_name = self.rows.get(id).record.type_name.clone();
                    let ty = self.object_type(Mode::Managed, &type_name).expect("it was read by its type");
                    self.row_seen(id, &ty, &object);
                }
                Some(Ok(None)) => self.row_missing(id),
                Some(Err(failure)) => self.rows_unseen(&[id], &failure.to_string()),
                None => self.rows_unseen(&[id], "the provider gave no answer"),
            }
        }
    }

    fn row_seen(&mut self, id: u32, ty: &ObjectType, object: &Value) {
        let Some(recorded) = self.recorded(id) else { return };
        let live = ty.merge_seen(object, &recorded);
        if live == recorded {
            self.rows.get_mut(id).seen = Seen::Same;
            return;
        }
        if let Some(why) = ty.misfit(&live) {
            let why = format!(
                "the provider's answer doesn't fit its own schema: {why}. This is a defect of the provider"
            );
            return self.rows_unseen(&[id], &why);
        }
        // What the service counts by itself (a resource version) is taken note of, but nobody changed anything.
        if !ty.differs_by_itself_only(&recorded, &live) {
            self.note_drift(id, recorded, live.clone());
        }
        self.rows.get_mut(id).seen = Seen::Changed(live);
    }

    pub(crate) fn row_gone(&mut self, id: u32) {
        let Some(recorded) = self.recorded(id) else { return };
        let null = Value::null(recorded.ty());
        self.note_drift(id, recorded, null);
        self.rows.get_mut(id).seen = Seen::Gone;
    }

    fn note_drift(&mut self, id: u32, before: Value, after: Value) {
        let row = self.rows.get(id);
        let Ok(address) = row.record.key.address.parse() else { return };
        self.drift.push(Drift { address, display: row.record.key.address.to_string(), before, after });
    }

    fn rows_unseen(&mut self, rows: &[u32], why: &str) {
        for id in rows {
            self.rows.get_mut(*id).seen = Seen::Unseen;
            self.unseen.push((self.rows.get(*id).record.key.clone(), why.to_owned()));
        }
    }
}

/// Null, or a collection without elements.
/// An id for the eye: none that is a secret, or that is made of one.
fn shown_id(object: &Value) -> Option<String> {
    let id = object.get("id").filter(|v| !v.has_sensitive())?.as_str()?;
    (!Confided::of([object]).is_in(id)).then(|| id.to_owned())
}

fn is_nothing(value: &Value) -> bool {
    value.is_null()
        || value.as_elements().is_some_and(<[Value]>::is_empty)
        || value.as_entries().is_some_and(EntryMap::is_empty)
}

/// The scope of an object: the attributes that name it, nulls too. None if the record lacks one of them.
fn scope_value(scope: &[String], object: &Value) -> Option<(String, Value)> {
    let mut entries = BTreeMap::new();
    for name in scope {
        let value = object.get(name)?.clone().unmark_deep().0;
        entries.insert(name.as_str().into(), value);
    }
    let value = Value::object(entries.into());
    Some((json::to_json_text(&value).ok()?, value))
}

/// What tells an object from the others of its scope, as text; none if a part of it is not set.
fn key_text(key: &[String], object: &Value) -> Option<String> {
    let mut text = String::new();
    for name in key {
        let value = object.get(name).filter(|v| !v.is_null())?.clone().unmark_deep().0;
        match value.as_str() {
            Some(part) => text.push_str(part),
            None => text.push_str(&json::to_json_text(&value).ok()?),
        }
        text.push('\0');
    }
    Some(text)
}

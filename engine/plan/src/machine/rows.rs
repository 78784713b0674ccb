//! The stored objects: found by address, moved where `moved` blocks say, read when needed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pilotis_config::{ProviderRef, Schemas};
use pilotis_diag::Diagnostic;
use pilotis_schema::address::{Instance, Key, Mode};
use pilotis_state::{Expect, ResourceKey, ResourceRecord, Snapshot};
use pilotis_value::Value;

use crate::codes;
use crate::graph::{NodeId, NodeKind};
use crate::machine::{Machine, ObjectId};

/// What was seen of a stored object.
#[derive(Clone, Debug, Default)]
pub(crate) enum Seen {
    /// Nobody looked.
    #[default]
    NotLooked,
    /// It is as recorded.
    Same,
    /// It is this now.
    Changed(Value),
    /// It is gone for certain.
    Gone,
    /// It could not be looked at.
    Unseen,
}

/// A stored object.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) record: ResourceRecord,
    /// Where the state has it, if a move took it elsewhere.
    pub(crate) moved_from: Option<Arc<str>>,
    /// Its block, if the configuration has it.
    pub(crate) node: Option<NodeId>,
    pub(crate) provider: Option<u32>,
    /// The recorded attributes.
    pub(crate) recorded: Option<Value>,
    pub(crate) seen: Seen,
    /// A first look didn't find it.
    pub(crate) missed: bool,
    /// The object of the plan that it is.
    pub(crate) object: Option<ObjectId>,
    /// What the stored row must be when it is written next.
    pub(crate) expect: Expect,
    /// An open intent of it can't be settled.
    pub(crate) unsettled: bool,
    /// It is looked at, whatever the options say.
    pub(crate) must_look: bool,
    pub(crate) included: bool,
    /// A data source, or an object that is gone: not looked at, not planned.
    pub(crate) ignored: bool,
}

impl Row {
    /// Under which key the state has it.
    pub(crate) fn stored_key(&self) -> ResourceKey {
        let address = self.moved_from.as_ref().unwrap_or(&self.record.key.address).clone();
        ResourceKey { address, deposed: self.record.key.deposed.clone() }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) all: Vec<Row>,
    /// Current objects by address.
    by_address: HashMap<Arc<str>, u32>,
}

impl Rows {
    pub(crate) fn new(records: Vec<ResourceRecord>) -> Rows {
        let mut rows = Rows {
            all: Vec::with_capacity(records.len()),
            by_address: HashMap::with_capacity(records.len()),
        };
        for record in records {
            let expect = Expect::Version(record.version);
            rows.add(record, expect);
        }
        rows
    }

    pub(crate) fn add(&mut self, record: ResourceRecord, expect: Expect) -> u32 {
        let id = self.all.len() as u32;
        if record.key.deposed.is_none() {
            self.by_address.insert(record.key.address.clone(), id);
        }
        self.all.push(Row {
            record,
            moved_from: None,
            node: None,
            provider: None,
            recorded: None,
            seen: Seen::NotLooked,
            missed: false,
            object: None,
            expect,
            unsettled: false,
            must_look: false,
            included: true,
            ignored: false,
        });
        id
    }

    pub(crate) fn get(&self, id: u32) -> &Row {
        &self.all[id as usize]
    }
    pub(crate) fn get_mut(&mut self, id: u32) -> &mut Row {
        &mut self.all[id as usize]
    }
    pub(crate) fn current(&self, address: &str) -> Option<u32> {
        self.by_address.get(address).copied()
    }
    pub(crate) fn ids(&self) -> std::ops::Range<u32> {
        0..self.all.len() as u32
    }
    /// Takes a row out: its object is gone and needs no more writing.
    pub(crate) fn forget(&mut self, id: u32) {
        let row = &mut self.all[id as usize];
        row.ignored = true;
        if row.record.key.deposed.is_none() {
            self.by_address.remove(&row.record.key.address);
        }
    }
    /// A deposed object is the current one of its address, if that has none: true then.
    pub(crate) fn make_current(&mut self, id: u32) -> bool {
        let row = &mut self.all[id as usize];
        let address = row.record.key.address.clone();
        if row.ignored || self.by_address.contains_key(&address) {
            return false;
        }
        row.record.key.deposed = None;
        row.expect = Expect::Any;
        self.by_address.insert(address, id);
        true
    }
    /// Gives a row another address.
    pub(crate) fn rename(&mut self, id: u32, to: Arc<str>) {
        let row = &mut self.all[id as usize];
        let from = std::mem::replace(&mut row.record.key.address, to.clone());
        if row.record.key.deposed.is_none() {
            if self.by_address.get(&from) == Some(&id) {
                self.by_address.remove(&from);
            }
            self.by_address.insert(to, id);
        }
        if row.moved_from.is_none() {
            row.moved_from = Some(from);
        }
    }
}

/// Provider configurations that stored objects and open intents belong to.
pub(crate) fn providers_of(snapshot: &Snapshot, schemas: &Schemas) -> Vec<ProviderRef> {
    // What a data source once said needs nobody to look at it.
    let objects = snapshot.resources.iter().filter(|r| !r.key.is_data());
    let texts = objects.map(|r| &r.provider).chain(snapshot.intents.iter().map(|i| &i.provider));
    let distinct: HashSet<&Arc<str>> = texts.collect();
    let mut found: Vec<ProviderRef> =
        distinct.into_iter().filter_map(|text| provider_ref(text, schemas)).collect();
    found.sort();
    found.dedup();
    found
}

/// Reads `provider["registry.terraform.io/gitlabhq/gitlab"].alias["key"]`. None if the program has no such provider.
pub(crate) fn provider_ref(text: &str, schemas: &Schemas) -> Option<ProviderRef> {
    let (_, rest) = text.split_once("provider[\"")?;
    let (source, rest) = rest.split_once("\"]")?;
    let rest = rest.strip_prefix('.');
    let (alias, key) = match rest.and_then(|r| Some(r.split_at(r.find('[')?))) {
        Some((alias, key)) => (Some(alias), Some(key_of(key)?)),
        None => (rest, None),
    };
    let by_source = schemas.providers.values().find(|p| p.source == source);
    // Another source with the same name follows the same names: `registry.opentofu.org/…`, a fork.
    let name = source.rsplit('/').next().unwrap_or(source);
    let schema = by_source.or_else(|| schemas.providers.get(name).map(|p| p as &Arc<_>))?;
    Some(ProviderRef { key, ..ProviderRef::new(&schema.name, alias) })
}

/// Reads `["key"]`.
fn key_of(text: &str) -> Option<String> {
    match format!("a.a{text}").parse::<Instance>().ok()?.key? {
        Key::String(key) => Some(key),
        Key::Int(_) => None,
    }
}

impl Machine {
    /// Finds out to which blocks and providers the stored objects belong, and moves those that are to be moved.
    pub(crate) fn begin_rows(&mut self) {
        let mut addresses = Vec::with_capacity(self.rows.all.len());
        for id in self.rows.ids() {
            let address = self.rows.get(id).record.key.address.clone();
            match address.parse::<Instance>() {
                Ok(instance) => {
                    if instance.resource.mode != Mode::Managed {
                        self.rows.get_mut(id).ignored = true;
                    }
                    addresses.push(instance);
                }
                Err(error) => {
                    self.diagnose(
                        Diagnostic::error("Stored address can't be read")
                            .code(codes::RECORD)
                            .detail(format!("The state has an object at {address:?}: {error}.")),
                    );
                    return;
                }
            }
        }
        self.apply_moves(&mut addresses);
        for id in self.rows.ids() {
            let instance = &addresses[id as usize];
            let node = self.node_of(instance);
            let provider = match node {
                Some(node) => self.provider_to_look(id, node, instance),
                None => self.provider_of_row(id),
            };
            let row = self.rows.get_mut(id);
            row.node = node;
            row.provider = provider;
        }
    }

    pub(crate) fn provider_of_row(&self, id: u32) -> Option<u32> {
        let reference = provider_ref(&self.rows.get(id).record.provider, &self.schemas)?;
        let index = self.graph.providers.iter().position(|p| p.reference == reference)?;
        Some(index as u32)
    }

    /// The block of an address.
    pub(crate) fn node_of(&self, instance: &Instance) -> Option<NodeId> {
        let scope = self.graph.find_scope(&instance.resource.module.0)?;
        let module = self.graph.scope(scope).module;
        let index = self.graph.block_named(&self.config, module, &instance.resource)?;
        Some(self.graph.id(scope, NodeKind::Resource(index)))
    }

    /// The recorded attributes of a row; none, with a diagnostic, if they can't be read.
    pub(crate) fn recorded(&mut self, id: u32) -> Option<Value> {
        if let Some(value) = &self.rows.get(id).recorded {
            return Some(value.clone());
        }
        let record = &self.rows.get(id).record;
        let (type_name, version) = (record.type_name.clone(), record.schema_version);
        let address = record.key.to_string();
        let mode = if record.key.is_data() { Mode::Data } else { Mode::Managed };
        let Some(ty) = self.object_type(mode, &type_name) else {
            self.diagnose(
                Diagnostic::error("Stored object of an unknown type")
                    .code(codes::RECORD)
                    .address(&*address)
                    .detail(format!("This program has no provider with the type {type_name}."))
                    .help("Use the program that made it, or forget the object with `state rm`."),
            );
            return None;
        };
        if version > ty.schema.version {
            self.diagnose(
                Diagnostic::error("Stored object of a newer version")
                    .code(codes::RECORD)
                    .address(&*address)
                    .detail(format!(
                        "It was written with version {version} of the schema of {type_name}, this program knows {}.",
                        ty.schema.version
                    ))
                    .help("Use a newer version of this program."),
            );
            return None;
        }
        let record = &self.rows.get(id).record;
        match ty.decode(&record.attributes, &record.sensitive_paths) {
            Ok(value) => {
                self.rows.get_mut(id).recorded = Some(value.clone());
                Some(value)
            }
            Err(error) => {
                self.diagnose(
                    Diagnostic::error("Stored object can't be read")
                        .code(codes::RECORD)
                        .address(&*address)
                        .detail(format!("Its attributes don't fit the type {type_name}: {error}.")),
                );
                None
            }
        }
    }

    /// What a row's object is now, as far as is known; none if it is gone (or can't be read).
    pub(crate) fn live(&mut self, id: u32) -> Option<Value> {
        match &self.rows.get(id).seen {
            Seen::Gone => None,
            Seen::Changed(value) => Some(value.clone()),
            Seen::NotLooked | Seen::Same | Seen::Unseen => self.recorded(id),
        }
    }
}

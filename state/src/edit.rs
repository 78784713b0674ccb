//! The state edited by hand: `taint`, `untaint`, `state rm`, `state mv` and so on, as one transaction each.
//!
//! From a snapshot to writes and history; nothing here reads a clock, takes a lease or commits.

mod rebind;
mod replace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pilotis_schema::address::{Instance, Key, Mode, ModulePath, Resource, Target, relocate};

use crate::{
    Action, Change, ChangeOutcome, Expect, ResourceKey, ResourceRecord, RunId, Snapshot, Status, Timestamp,
    Write,
};

pub use rebind::rebind;
pub use replace::{import, push};

/// Why an edit is refused. Nothing was done.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EditError {
    /// Nothing is stored there.
    #[error("the state has nothing at {0}")]
    Missing(String),
    /// `taint` of a data source.
    #[error("{0} is a data source, which every plan reads anew: it can't be tainted")]
    NotManaged(String),
    /// `untaint` of what isn't tainted.
    #[error("{0} is not tainted, and so it can't be untainted")]
    NotTainted(String),
    /// `state mv` onto something.
    #[error("{from} can't move to {to}: the state has an object there already, {occupied}")]
    Occupied {
        /// What was to move.
        from: String,
        /// Where.
        to: String,
        /// The object that is there.
        occupied: String,
    },
    /// `state mv` of a module to a resource, or to a resource of another type.
    #[error("{from} can't move to {to}: {why}")]
    Mismatch {
        /// What was to move.
        from: String,
        /// Where.
        to: String,
        /// What doesn't match.
        why: &'static str,
    },
    /// A run died in the middle of a change of it.
    #[error("a run ended while it was changing {0}, and what came of that is not known yet")]
    Unsettled(String),
    /// `state import` into a state that has objects.
    #[error("the state already has {0} objects, and a whole state can only be taken into an empty one")]
    NotEmpty(usize),
    /// `state push` of a state of another lineage.
    #[error(
        "the state that is pushed has the lineage {theirs:?}, and the one that is here {ours:?}: they are unrelated"
    )]
    Unrelated {
        /// Of the state that is here.
        ours: String,
        /// Of the one that is pushed.
        theirs: String,
    },
    /// `state push` of an older state.
    #[error("the state that is pushed has the serial {theirs}, and the one that is here is newer: {ours}")]
    Older {
        /// Of the state that is here.
        ours: u64,
        /// Of the one that is pushed.
        theirs: u64,
    },
    /// `state push` of a state that says something else and claims to be the same.
    #[error("the state that is pushed has the same serial {0} as the one that is here, and another content")]
    SameSerial(u64),
}

/// An edit: what happens to which objects.
#[derive(Debug, Default)]
pub struct Edit {
    /// The writes but for the history, in order.
    pub writes: Vec<Write>,
    /// The objects that it is about, as they were, and where they are afterwards.
    pub objects: Vec<(ResourceRecord, ResourceKey)>,
    action: Option<Action>,
    notes: Vec<Note>,
}

/// What the history says of one object, where that isn't the same for all of them.
#[derive(Debug)]
struct Note {
    key: ResourceKey,
    action: Action,
    before: Option<Arc<str>>,
    after: Option<Arc<str>>,
}

impl Edit {
    /// Notes a change of an object. Data sources have no history.
    fn note(
        &mut self,
        key: &ResourceKey,
        action: Action,
        before: Option<&Arc<str>>,
        after: Option<&Arc<str>>,
    ) {
        if !key.is_data() {
            self.notes.push(Note {
                key: key.clone(),
                action,
                before: before.cloned(),
                after: after.cloned(),
            });
        }
    }

    /// The writes, with what the history says of them in a run.
    pub fn with_history(mut self, run: &RunId, at: Timestamp) -> Vec<Write> {
        let objects = self.action.map(|action| (action, std::mem::take(&mut self.objects)));
        for (action, (record, to)) in
            objects.into_iter().flat_map(|(action, objects)| objects.into_iter().map(move |o| (action, o)))
        {
            let (before, after) = match action {
                Action::Move => {
                    let (before, after) = addresses_of_move(&record.key, &to);
                    (Some(before), Some(after))
                }
                Action::Forget => (Some(record.attributes.clone()), None),
                _ => (Some(record.attributes.clone()), Some(record.attributes.clone())),
            };
            self.notes.push(Note { key: to, action, before, after });
        }
        self.writes.extend(self.notes.into_iter().map(|Note { key, action, before, after }| {
            let (run, outcome, error) = (run.clone(), ChangeOutcome::Done, None);
            Write::Note(Change { run, key, action, at, before, after, outcome, error })
        }));
        self.writes
    }
}

/// `before` and `after` of a change that is a move: the addresses as JSON texts, so that a history can be followed back.
pub fn addresses_of_move(from: &ResourceKey, to: &ResourceKey) -> (Arc<str>, Arc<str>) {
    let text = |key: &ResourceKey| serde_json::Value::from(&*key.address).to_string().into();
    (text(from), text(to))
}

/// Marks an object as to be replaced, or takes the mark away. Tainting what is tainted does nothing.
pub fn set_status(snapshot: &Snapshot, instance: &Instance, status: Status) -> Result<Edit, EditError> {
    let key = ResourceKey::current(instance.to_string());
    let Some(record) = snapshot.resources.iter().find(|r| r.key == key) else {
        return Err(EditError::Missing(instance.to_string()));
    };
    if key.is_data() {
        return Err(EditError::NotManaged(instance.to_string()));
    }
    if record.status == status {
        return match status {
            Status::Ready => Err(EditError::NotTainted(instance.to_string())),
            Status::Tainted => Ok(Edit::default()),
        };
    }
    let write = Write::Put {
        record: ResourceRecord { status, ..record.clone() },
        expect: Expect::Version(record.version),
    };
    let action = if status == Status::Tainted { Action::Taint } else { Action::Untaint };
    settled(
        snapshot,
        Edit {
            writes: vec![write],
            objects: vec![(record.clone(), key)],
            action: Some(action),
            ..Edit::default()
        },
    )
}

/// Forgets all objects under these addresses, deposed ones too. An address that nothing is under is an error.
pub fn remove(snapshot: &Snapshot, targets: &[Target]) -> Result<Edit, EditError> {
    let records: Vec<(Instance, &ResourceRecord)> = instances(snapshot);
    if let Some(nothing) = targets.iter().find(|t| !records.iter().any(|(i, _)| t.contains(i))) {
        return Err(EditError::Missing(nothing.to_string()));
    }
    let mut edit = Edit { action: Some(Action::Forget), ..Edit::default() };
    for (_, record) in records.iter().filter(|(i, _)| targets.iter().any(|t| t.contains(i))) {
        edit.writes.push(Write::Remove { key: record.key.clone(), expect: Expect::Version(record.version) });
        edit.objects.push(((*record).clone(), record.key.clone()));
    }
    settled(snapshot, edit)
}

/// Gives all objects under an address another one. What depends on them depends on them afterwards too.
pub fn rename(snapshot: &Snapshot, from: &Target, to: &Target) -> Result<Edit, EditError> {
    let (from_text, to_text) = (from.to_string(), to.to_string());
    if let Some(why) = mismatch(from, to) {
        return Err(EditError::Mismatch { from: from_text, to: to_text, why });
    }
    let records = instances(snapshot);
    let moves: Vec<(&Instance, &ResourceRecord, Instance)> = records
        .iter()
        .filter_map(|(instance, record)| Some((instance, *record, destination(from, to, instance)?)))
        .collect();
    if moves.is_empty() {
        return Err(EditError::Missing(from_text));
    }
    let whole = !matches!(from, Target::Instance(_)) && !matches!(to, Target::Instance(_));
    let stands_there = |other: &Instance| {
        moves.iter().any(|(_, _, new)| {
            new == other || (whole && matches!(from, Target::Resource(_)) && new.resource == other.resource)
        }) || matches!(to, Target::Module(path) if path.0.len() <= other.resource.module.0.len()
            && path.0.iter().zip(&other.resource.module.0).all(|(a, b)| a == b))
    };
    let moving = |key: &ResourceKey| moves.iter().any(|(_, record, _)| record.key == *key);
    let in_place = moves.iter().any(|(old, _, new)| *old == new);
    let occupied = records.iter().find(|(i, r)| stands_there(i) && (in_place || !moving(&r.key)));
    if let Some((occupied, _)) = occupied {
        return Err(EditError::Occupied { from: from_text, to: to_text, occupied: occupied.to_string() });
    }
    let renamed = renamed_blocks(&records, &moves);
    let mut edit = Edit { action: Some(Action::Move), ..Edit::default() };
    for (_, record) in &records {
        let dependencies = dependencies(record, &renamed);
        if dependencies != record.dependencies || moving(&record.key) {
            let expect = Expect::Version(record.version);
            edit.writes
                .push(Write::Put { record: ResourceRecord { dependencies, ..(*record).clone() }, expect });
        }
    }
    for (_, record, new) in moves {
        let to = ResourceKey { address: new.to_string().into(), deposed: record.key.deposed.clone() };
        edit.writes.push(Write::Move { from: record.key.clone(), to: to.clone() });
        edit.objects.push((record.clone(), to));
    }
    settled(snapshot, edit)
}

fn instances(snapshot: &Snapshot) -> Vec<(Instance, &ResourceRecord)> {
    snapshot.resources.iter().filter_map(|r| Some((r.key.address.parse().ok()?, r))).collect()
}

fn mismatch(from: &Target, to: &Target) -> Option<&'static str> {
    let resource = |target: &Target| -> Option<(Mode, String)> {
        match target {
            Target::Module(_) => None,
            Target::Resource(r) | Target::Instance(Instance { resource: r, .. }) => {
                Some((r.mode, r.type_name.clone()))
            }
        }
    };
    match (resource(from), resource(to)) {
        (Some(a), Some(b)) if a != b => Some("their resource types don't match"),
        (Some(_), None) | (None, Some(_)) => Some("one is a module and the other a resource"),
        _ => None,
    }
}

/// Where an instance goes. The key of a blueprint's block with `for_each` ends in a slash (`parc/`): all that begins so goes along.
fn destination(from: &Target, to: &Target, instance: &Instance) -> Option<Instance> {
    let label = |target: &Target| match target {
        Target::Module(ModulePath(steps)) => match steps.as_slice() {
            [step] => match &step.key {
                Some(Key::String(key)) => key.strip_suffix('/').map(str::to_owned),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let with_key = |target: &Target, key: String| {
        let mut target = target.clone();
        if let Target::Module(ModulePath(steps)) = &mut target
            && let Some(step) = steps.last_mut()
        {
            step.key = Some(Key::String(key));
        }
        target
    };
    match (label(from), label(to)) {
        (None, None) => relocate(from, to, instance),
        (None, Some(new)) => relocate(from, &with_key(to, new), instance),
        (Some(old), new) => {
            let Some(Key::String(key)) = &instance.resource.module.0.first()?.key else { return None };
            let rest = key.strip_prefix(&old)?;
            let Target::Module(ModulePath(steps)) = to else { return None };
            let new = match (new, &steps.first()?.key) {
                (Some(new), _) => new,
                (None, Some(Key::String(new))) => new.clone(),
                _ => return None,
            };
            let whole = rest.is_empty() || rest.starts_with('/');
            let (from, to) = (with_key(from, key.clone()), with_key(to, format!("{new}{rest}")));
            if whole { relocate(&from, &to, instance) } else { None }
        }
    }
}

/// The address of a block as dependencies name it: without keys.
fn block(resource: &Resource) -> String {
    let mut resource = resource.clone();
    for step in &mut resource.module.0 {
        step.key = None;
    }
    resource.to_string()
}

/// For each block that something moves away from: the blocks to depend on instead; itself too if something stays.
fn renamed_blocks(
    records: &[(Instance, &ResourceRecord)],
    moves: &[(&Instance, &ResourceRecord, Instance)],
) -> BTreeMap<String, BTreeSet<Arc<str>>> {
    let mut renamed: BTreeMap<String, BTreeSet<Arc<str>>> = BTreeMap::new();
    for (old, _, new) in moves {
        renamed.entry(block(&old.resource)).or_default().insert(block(&new.resource).into());
    }
    let stays = records.iter().filter(|(_, r)| !moves.iter().any(|(_, moved, _)| moved.key == r.key));
    for (instance, _) in stays {
        let name = block(&instance.resource);
        if let Some(blocks) = renamed.get_mut(&name) {
            blocks.insert(name.into());
        }
    }
    renamed
}

fn dependencies(record: &ResourceRecord, renamed: &BTreeMap<String, BTreeSet<Arc<str>>>) -> Vec<Arc<str>> {
    let mut all = BTreeSet::new();
    for dependency in &record.dependencies {
        let plain = match dependency.parse::<Target>() {
            Ok(Target::Resource(r) | Target::Instance(Instance { resource: r, .. })) => block(&r),
            _ => dependency.to_string(),
        };
        match renamed.get(&plain) {
            Some(blocks) => all.extend(blocks.iter().cloned()),
            None => drop(all.insert(dependency.clone())),
        }
    }
    all.into_iter().collect()
}

/// What an open intent is about is settled by the next apply; until then nobody knows what the row is to be.
fn settled(snapshot: &Snapshot, edit: Edit) -> Result<Edit, EditError> {
    let touched = |address: &Arc<str>| {
        edit.objects.iter().any(|(record, to)| record.key.address == *address || to.address == *address)
    };
    match snapshot.intents.iter().find(|i| touched(&i.key.address)) {
        Some(intent) => Err(EditError::Unsettled(intent.key.address.to_string())),
        None => Ok(edit),
    }
}

#[cfg(test)]
mod tests;

//! One state in the place of another: `state import` and `state push`.

use std::collections::BTreeMap;

use crate::edit::{Edit, EditError};
use crate::terraform::Imported;
use crate::{Action, Expect, OutputRecord, ResourceKey, ResourceRecord, Snapshot, Write};

/// Takes a whole state into an empty one, which goes on with its lineage and its serial.
pub fn import(snapshot: &Snapshot, other: &Imported) -> Result<Edit, EditError> {
    match snapshot.managed().count() {
        0 => replace(snapshot, other),
        objects => Err(EditError::NotEmpty(objects)),
    }
}

/// Puts a state that was edited elsewhere in the place of this one. Unless it is forced, it must be of the same lineage and not older. An edit
/// without writes if the two are the same.
pub fn push(snapshot: &Snapshot, other: &Imported, force: bool) -> Result<Edit, EditError> {
    let used = snapshot.serial > 0;
    if used && !force && other.lineage != snapshot.lineage {
        let (ours, theirs) = (snapshot.lineage.clone(), other.lineage.clone());
        return Err(EditError::Unrelated { ours, theirs });
    }
    if used && !force && other.serial < snapshot.serial {
        return Err(EditError::Older { ours: snapshot.serial, theirs: other.serial });
    }
    let edit = replace(snapshot, other)?;
    // The first write says what the state becomes; the others are what differs.
    let same = edit.writes.len() == 1;
    if same && other.lineage == snapshot.lineage && other.serial <= snapshot.serial {
        return Ok(Edit::default());
    }
    if used && !force && !same && other.serial == snapshot.serial {
        return Err(EditError::SameSerial(other.serial));
    }
    Ok(edit)
}

fn replace(snapshot: &Snapshot, other: &Imported) -> Result<Edit, EditError> {
    if let Some(intent) = snapshot.intents.first() {
        return Err(EditError::Unsettled(intent.key.address.to_string()));
    }
    let lineage = if other.lineage.is_empty() { &snapshot.lineage } else { &other.lineage };
    let mut edit = Edit::default();
    edit.writes.push(Write::Become { lineage: lineage.clone(), serial: other.serial, read: snapshot.serial });
    let mut old: BTreeMap<&ResourceKey, &ResourceRecord> =
        snapshot.resources.iter().map(|r| (&r.key, r)).collect();
    for record in other.resources.iter().chain(&other.data) {
        put(&mut edit, old.remove(&record.key), record);
    }
    for (key, record) in old {
        edit.writes.push(Write::Remove { key: key.clone(), expect: Expect::Version(record.version) });
        edit.note(key, Action::Forget, Some(&record.attributes), None);
    }
    outputs(&mut edit, &snapshot.outputs, &other.outputs);
    Ok(edit)
}

fn put(edit: &mut Edit, old: Option<&ResourceRecord>, record: &ResourceRecord) {
    // Terraform's states don't say what is protected: what is here stays so.
    let protected = record.protected || old.is_some_and(|old| old.protected);
    let version = old.map_or(0, |old| old.version);
    let record = ResourceRecord { protected, version, ..record.clone() };
    if old == Some(&record) {
        return;
    }
    edit.note(&record.key, Action::Import, old.map(|old| &old.attributes), Some(&record.attributes));
    edit.objects.push((record.clone(), record.key.clone()));
    let expect = old.map_or(Expect::Absent, |old| Expect::Version(old.version));
    edit.writes.push(Write::Put { record, expect });
}

fn outputs(edit: &mut Edit, old: &[OutputRecord], new: &[OutputRecord]) {
    let gone = old.iter().filter(|o| !new.iter().any(|n| n.name == o.name));
    edit.writes.extend(gone.map(|o| Write::RemoveOutput(o.name.clone())));
    let changed = new.iter().filter(|n| !old.contains(n));
    edit.writes.extend(changed.map(|n| Write::PutOutput(n.clone())));
}

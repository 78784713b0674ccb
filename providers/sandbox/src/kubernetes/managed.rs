//! Who owns which field: `metadata.managedFields` on update and on server-side apply.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>

use serde_json::{Map, Value, json};

use super::{
    fieldset::Set,
    status::{Cause, Failure},
    typed,
    types::Node,
};

/// How a manager came to own its fields. The order is that of the served list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

/// A manager and its fields.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) manager: String,
    pub(crate) operation: Operation,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
    pub(crate) time: Option<String>,
    pub(crate) fields: Set,
}

impl Entry {
    fn same_manager(&self, other: &Entry) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    /// As a conflict names it.
    fn shown(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

/// Reads `metadata.managedFields`.
pub(crate) fn decode(object: &Value) -> Vec<Entry> {
    let list = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(decode_entry).collect()
}

fn decode_entry(entry: &Value) -> Option<Entry> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let operation = match entry.get("operation").and_then(Value::as_str)? {
        "Apply" => Operation::Apply,
        _ => Operation::Update,
    };
    Some(Entry {
        manager: text("manager"),
        operation,
        api_version: text("apiVersion"),
        subresource: text("subresource"),
        time: entry.get("time").and_then(Value::as_str).map(str::to_owned),
        fields: Set::decode(entry.get("fieldsV1").unwrap_or(&Value::Null)),
    })
}

/// Writes `metadata.managedFields`, or takes it away if nobody owns anything.
pub(crate) fn encode(object: &mut Value, mut entries: Vec<Entry>) {
    for entry in &mut entries {
        strip(&mut entry.fields);
    }
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| {
        let key = |entry: &Entry| {
            (
                entry.operation,
                entry.time.clone().unwrap_or_default(),
                entry.manager.clone(),
                entry.api_version.clone(),
                entry.subresource.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    let list: Vec<Value> = entries.iter().map(encode_entry).collect();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
        if !list.is_empty() {
            metadata.insert("managedFields".into(), list.into());
        }
    }
}

fn encode_entry(entry: &Entry) -> Value {
    let operation = if entry.operation == Operation::Apply { "Apply" } else { "Update" };
    let mut map = Map::new();
    map.insert("manager".into(), entry.manager.clone().into());
    map.insert("operation".into(), operation.into());
    map.insert("apiVersion".into(), entry.api_version.clone().into());
    if let Some(time) = &entry.time {
        map.insert("time".into(), time.clone().into());
    }
    map.insert("fieldsType".into(), "FieldsV1".into());
    map.insert("fieldsV1".into(), entry.fields.encode());
    if !entry.subresource.is_empty() {
        map.insert("subresource".into(), entry.subresource.clone().into());
    }
    map.into()
}

/// Fields that nobody owns.
fn strip(set: &mut Set) {
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        set.remove(&["metadata", name]);
    }
    for name in ["apiVersion", "kind", "metadata"] {
        set.remove(&[name]);
    }
}

/// Without what the comparison must not see.
fn bare(object: &Value) -> Value {
    let mut copy = object.clone();
    if let Some(metadata) = copy.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    copy
}

/// The owners before a write: those of the request, if it has any, or those of the stored object.
fn owners_before(live: &Value, new: &Value, subresource: bool) -> Vec<Entry> {
    if !subresource {
        let sent = new.pointer("/metadata/managedFields").and_then(Value::as_array);
        if sent.is_some_and(|list| list.len() == 1 && list[0].as_object().is_some_and(Map::is_empty)) {
            return Vec::new();
        }
        let sent = decode(new);
        if !sent.is_empty() {
            return sent;
        }
    }
    decode(live)
}

/// The owners after `new` replaced `live` (an empty object of the kind, if it is a create).
pub(crate) fn updated(node: &Node, live: &Value, new: &Value, who: Entry) -> Vec<Entry> {
    let mut entries = owners_before(live, new, !who.subresource.is_empty());
    let change = typed::compare(node, &bare(live), &bare(new));
    let taken = change.modified.union(&change.added);
    for entry in &mut entries {
        entry.fields = entry.fields.difference(&taken).difference(&change.removed);
    }
    entries.retain(|entry| !entry.fields.is_empty());
    let mut mine = taken;
    strip(&mut mine);
    if mine.is_empty() {
        return entries;
    }
    match entries.iter_mut().find(|entry| entry.same_manager(&who)) {
        Some(entry) => {
            entry.fields = entry.fields.union(&mine);
            entry.time = who.time;
            entry.api_version = who.api_version;
        }
        None => entries.push(Entry { fields: mine, ..who }),
    }
    entries
}

/// What an apply comes to.
pub(crate) struct Applied {
    /// The merged object; none if nothing but owners changed.
    pub(crate) object: Option<Value>,
    pub(crate) owners: Vec<Entry>,
}

/// Applies `config` to `live` (an empty object, if it is a create).
pub(crate) fn applied(
    node: &Node,
    live: &Value,
    config: &Value,
    who: Entry,
    force: bool,
) -> Result<Applied, Failure> {
    let live = bare_live(live);
    let mut entries = live.1;
    let live = live.0;
    let now = who.time.clone();
    let set = typed::field_set(node, config);
    let merged = typed::merge(node, &live, config);
    let at = entries.iter().position(|entry| entry.same_manager(&who));
    let last = at.map(|at| entries[at].fields.clone()).unwrap_or_default();
    let at = match at {
        Some(at) => {
            entries[at].fields = set;
            entries[at].api_version = who.api_version;
            at
        }
        None => {
            entries.push(Entry { fields: set, time: None, ..who });
            entries.len() - 1
        }
    };
    let pruned = prune(node, &merged, &entries, &last);
    let change = typed::compare(node, &live, &pruned);
    let taken = change.modified.union(&change.added);
    let mut conflicts = Vec::new();
    for (index, entry) in entries.iter_mut().enumerate() {
        if index == at {
            continue;
        }
        let wanted = entry.fields.intersection(&taken);
        if !wanted.is_empty() {
            conflicts.push((entry.shown(), wanted.paths()));
        }
        entry.fields = entry.fields.difference(&taken).difference(&change.removed);
    }
    if !force && !conflicts.is_empty() {
        return Err(conflict(conflicts));
    }
    let object = if pruned == live {
        None
    } else {
        entries[at].time = now;
        Some(pruned)
    };
    Ok(Applied { object, owners: entries })
}

fn bare_live(live: &Value) -> (Value, Vec<Entry>) {
    (bare(live), decode(live))
}

/// Removes what the manager owned before, does not set any more, and nobody else owns.
fn prune(node: &Node, merged: &Value, entries: &[Entry], last: &Set) -> Value {
    if last.is_empty() {
        return merged.clone();
    }
    let named = |set: &Set| set.with_named_fields(node);
    let of = |object: &Value| named(&typed::field_set(node, object));
    let last = named(last);
    let managed = entries.iter().fold(Set::default(), |all, entry| all.union(&named(&entry.fields)));
    let all = of(merged);
    let without_last = typed::remove_items(node, merged, &last);
    let keep = of(&without_last).union(&managed);
    let owned = typed::remove_items(node, merged, &all.difference(&keep));
    typed::remove_items(node, merged, &all.difference(&of(&owned)).intersection(&last))
}

fn conflict(conflicts: Vec<(String, Vec<String>)>) -> Failure {
    let mut causes = Vec::new();
    for (manager, paths) in &conflicts {
        for path in paths {
            let message = format!("conflict with {manager}");
            causes.push(Cause { reason: "FieldManagerConflict", message, field: path.clone() });
        }
    }
    let message = match causes.as_slice() {
        [one] => format!("Apply failed with 1 conflict: {}: {}", one.message, one.field),
        several => {
            let mut sorted = conflicts;
            sorted.sort();
            let mut lines = Vec::new();
            for (manager, paths) in sorted {
                lines.push(format!("conflicts with {manager}:"));
                lines.extend(paths.iter().map(|path| format!("- {path}")));
            }
            format!("Apply failed with {} conflicts: {}", several.len(), lines.join("\n"))
        }
    };
    Failure::apply_conflict(message, causes)
}

/// The owners that an object has from the moment when somebody first applies to it and it had none.
pub(crate) fn before_first_apply(node: &Node, empty: &Value, live: &mut Value, api_version: &str) {
    if !decode(live).is_empty() {
        return;
    }
    let who = Entry {
        manager: "before-first-apply".into(),
        operation: Operation::Update,
        api_version: api_version.into(),
        subresource: String::new(),
        time: None,
        fields: Set::default(),
    };
    let entries = updated(node, empty, live, who);
    encode(live, entries);
}

/// Equal but for the times in managedFields?
pub(crate) fn same_but_times(a: &Value, b: &Value) -> bool {
    fn timeless(object: &Value) -> Value {
        let list = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let list = list.into_iter().flatten().map(|entry| {
            let mut entry = entry.clone();
            if let Some(map) = entry.as_object_mut() {
                map.shift_remove("time");
            }
            entry
        });
        let mut list: Vec<Value> = list.collect();
        // The order depends on the times.
        list.sort_by_key(|entry| {
            json!([entry["manager"], entry["operation"], entry["subresource"]]).to_string()
        });
        list.into()
    }
    bare(a) == bare(b) && timeless(a) == timeless(b)
}

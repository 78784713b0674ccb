//! `state replace-provider`: objects that belong to a provider of one source belong to that of another.

use std::sync::Arc;

use crate::edit::{Edit, EditError, Note, settled};
use crate::{Action, Expect, ResourceRecord, Snapshot, Write};

/// Gives all objects of one provider's source to another's; their aliases stay. An edit without writes if there are none.
pub fn rebind(snapshot: &Snapshot, from: &str, to: &str) -> Result<Edit, EditError> {
    let mut edit = Edit::default();
    for record in &snapshot.resources {
        let Some(provider) = replaced(&record.provider, from, to) else { continue };
        let text = |provider: &str| Some(Arc::from(serde_json::Value::from(provider).to_string()));
        edit.notes.push(Note {
            key: record.key.clone(),
            action: Action::Rebind,
            before: text(&record.provider),
            after: text(&provider),
        });
        edit.objects.push((record.clone(), record.key.clone()));
        edit.writes.push(Write::Put {
            record: ResourceRecord { provider: provider.into(), ..record.clone() },
            expect: Expect::Version(record.version),
        });
    }
    settled(snapshot, edit)
}

/// `provider["FROM"].alias` to `provider["TO"].alias`.
fn replaced(provider: &str, from: &str, to: &str) -> Option<String> {
    let (before, rest) = provider.split_once("provider[\"")?;
    let (source, after) = rest.split_once("\"]")?;
    (source == from).then(|| format!("{before}provider[\"{to}\"]{after}"))
}

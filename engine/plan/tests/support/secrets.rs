//! Secrets of the simulated world, and the search for them in all that comes out of the machine.
//!
//! The state may hold them, as values that it knows for sensitive; nothing else may: no request, no plan, no outcome, no diagnostic, no
//! intent, no reason of a failure.

use pilotis_plan::Request;
use pilotis_state::{Change, Intent, ResourceRecord, Write};

use super::tally::count;

/// What begins a secret in the simulated world: what the configuration gives, what services make, what is put together of these.
pub const MARKS: [&str; 3] = ["secret-given", "token of id-", "secret of id-"];

/// None of the secrets is in a text.
pub fn none_in(what: &str, text: &str) {
    count(|t| t.checks += 1);
    for mark in MARKS {
        assert!(!text.contains(mark), "{what} shows a secret ({mark}): {text}");
    }
}

/// What the machine asks for shows none, and what it writes holds them only where the state knows of it.
pub fn none_in_request(request: &Request) {
    none_in("a request", &format!("{request:?}"));
    let Request::Commit(writes) = request else { return };
    for write in writes {
        match write {
            Write::Begin(Intent { planned, meta, .. }) => {
                none_in("an intent's plan", planned);
                none_in("what is kept with an intent", meta);
            }
            Write::Finish { change, .. } | Write::Note(change) => of_change(change),
            Write::Put { record, .. } => of_record(record),
            Write::PutOutput(output) if !output.sensitive => none_in("an output", &output.value),
            Write::PutChecks(checks) => none_in("what came of conditions", checks),
            _ => {}
        }
    }
}

fn of_change(change: &Change) {
    none_in("a reason", change.error.as_deref().unwrap_or_default());
}

/// Each attribute that has one is marked.
fn of_record(record: &ResourceRecord) {
    let attributes: serde_json::Value = serde_json::from_str(&record.attributes).unwrap();
    for (name, value) in attributes.as_object().unwrap() {
        let text = value.to_string();
        // What the schema says of itself needs no mark.
        let is_marked = ["password", "token", "secret"].contains(&name.as_str())
            || record.sensitive_paths.contains(&format!("\"{name}\""));
        if MARKS.iter().any(|mark| text.contains(mark)) {
            count(|t| t.checks += 1);
            assert!(
                is_marked,
                "{}: {name} is not stored as sensitive: {}",
                record.key, record.sensitive_paths
            );
        }
    }
}

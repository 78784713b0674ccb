//! Drift, attribute by attribute, as data.

use std::collections::BTreeSet;

use pilotis_plan::{Drift, Plan};
use pilotis_value::{Marks, Value};
use serde_json::json;

use crate::json::marked;

/// One attribute that is not as recorded.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Path of the attribute: `labels["team"]`.
    pub attribute: String,
    /// Recorded; none if it wasn't there.
    pub before: Option<Value>,
    /// Live; none if it isn't there.
    pub after: Option<Value>,
}

/// The places where an object's live attributes differ from the recorded ones: the deepest of objects, maps and nested blocks, whole lists and sets.
pub fn findings(drift: &Drift) -> Vec<Finding> {
    let mut found = Vec::new();
    if !drift.after.is_null() {
        descend(String::new(), Some(&drift.before), Some(&drift.after), &mut found);
    }
    found
}

fn descend(path: String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Finding>) {
    if before == after {
        return;
    }
    let (before, after) = (before.filter(|v| !v.is_null()), after.filter(|v| !v.is_null()));
    let open = |v: &Value| !v.marks().contains(Marks::SENSITIVE);
    if let (Some(old), Some(new)) = (before, after)
        && open(old)
        && open(new)
        && let (Some(old_entries), Some(new_entries)) = (old.as_entries(), new.as_entries())
    {
        let names: BTreeSet<_> = old_entries.keys().chain(new_entries.keys()).collect();
        for name in names {
            let is_map = matches!(new.kind(), pilotis_value::Kind::Map(_));
            let inner = match (is_map, path.is_empty()) {
                (true, _) => format!("{path}[{:?}]", name.as_str()),
                (false, true) => name.to_string(),
                (false, false) => format!("{path}.{name}"),
            };
            descend(inner, old_entries.get(name), new_entries.get(name), found);
        }
        return;
    }
    if let (Some(old), Some(new)) = (before, after)
        && open(old)
        && open(new)
        && let (Some(old), Some(new)) = (blocks(old), blocks(new))
        && old.len() == new.len()
    {
        for (i, (old, new)) in old.iter().zip(new).enumerate() {
            descend(format!("{path}[{i}]"), Some(old), Some(new), found);
        }
        return;
    }
    if before.is_none() && after.is_none() {
        return;
    }
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => {
            let (before, after) = crate::veiled(before, after);
            (Some(before), Some(after))
        }
        one => (one.0.cloned(), one.1.cloned()),
    };
    found.push(Finding { attribute: path, before, after });
}

/// The elements of a list of objects: nested blocks, each of which has its own place.
fn blocks(value: &Value) -> Option<&[Value]> {
    let items = value.as_elements()?;
    let list = matches!(value.kind(), pilotis_value::Kind::List(_));
    (list && items.iter().all(|item| matches!(item.kind(), pilotis_value::Kind::Object(_)))).then_some(items)
}

/// A drift report for programs.
///
/// ```json
/// {"format_version":"1.0","complete":true,"resources":[{"address":"…","display":"…","kind":"changed","attributes":[
///   {"attribute":"visibility","recorded":"private","live":"public","sensitive":false}]}],"unseen":[{"address":"…","reason":"…"}]}
/// ```
/// `kind` is `changed` or `missing`. Sensitive values are left out.
pub fn to_json(plan: &Plan) -> serde_json::Value {
    let resources: Vec<_> = plan
        .drift
        .iter()
        .map(|drift| {
            let attributes: Vec<_> = findings(drift)
                .iter()
                .map(|f| {
                    let secret = [&f.before, &f.after].into_iter().flatten().any(Value::has_sensitive);
                    json!({
                        "attribute": f.attribute,
                        "recorded": f.before.as_ref().map(|v| marked::value(v, marked::Secrets::Hide)),
                        "live": f.after.as_ref().map(|v| marked::value(v, marked::Secrets::Hide)),
                        "sensitive": secret,
                    })
                })
                .collect();
            json!({
                "address": drift.address.to_string(),
                "display": drift.display,
                "kind": if drift.after.is_null() { "missing" } else { "changed" },
                "attributes": attributes,
            })
        })
        .collect();
    let unseen: Vec<_> = plan
        .unseen
        .iter()
        .map(|u| json!({ "address": u.key.address, "deposed": u.key.deposed, "reason": u.why }))
        .collect();
    json!({ "format_version": "1.0", "complete": plan.unseen.is_empty(), "resources": resources, "unseen": unseen })
}

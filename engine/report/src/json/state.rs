//! `show -json` of a state.

use pilotis_plan::CheckedBlock;
use pilotis_state::Status;
use pilotis_value::{Value, json};
use serde_json::{Map, Value as Json, json as document};

use super::marked::{self, Secrets};
use super::modules::{Module, named};
use crate::guarded;
use crate::state::StateObject;

/// The document, `format_version` 1.0. `checks`: what came of conditions in the last apply.
pub fn state<'a>(
    objects: &[StateObject<'_>],
    outputs: impl IntoIterator<Item = (&'a str, &'a Value, bool)>,
    checks: &[CheckedBlock],
    version: &str,
    secrets: Secrets,
) -> Json {
    let outputs = self::outputs(outputs, secrets);
    let mut out = Map::new();
    out.insert("format_version".into(), "1.0".into());
    if objects.is_empty() && outputs.as_object().is_none_or(Map::is_empty) && checks.is_empty() {
        return Json::Object(out);
    }
    out.insert("terraform_version".into(), pilotis_config::LANGUAGE.into());
    out.insert("pilotis_version".into(), version.into());
    let mut root = Module::default();
    for stored in objects {
        root.add(&stored.address, object(stored, secrets));
    }
    let mut values = Map::new();
    if outputs.as_object().is_some_and(|o| !o.is_empty()) {
        values.insert("outputs".into(), outputs);
    }
    values.insert("root_module".into(), root.into_json());
    out.insert("values".into(), values.into());
    if !checks.is_empty() {
        out.insert("checks".into(), super::checks::checks(checks));
    }
    Json::Object(out)
}

/// One object of a state.
pub(crate) fn object(stored: &StateObject<'_>, secrets: Secrets) -> Json {
    let record = stored.record;
    let mut entry = named(&stored.address, &record.provider);
    entry.insert("schema_version".into(), record.schema_version.into());
    entry.insert("values".into(), marked::value(&stored.value, secrets));
    entry.insert("sensitive_values".into(), marked::sensitive(&stored.value));
    if !record.dependencies.is_empty() {
        entry.insert("depends_on".into(), record.dependencies.iter().map(|d| Json::from(&**d)).collect());
    }
    if record.status == Status::Tainted {
        entry.insert("tainted".into(), true.into());
    }
    if let Some(key) = &record.key.deposed {
        entry.insert("deposed_key".into(), Json::from(&**key));
    }
    Json::Object(entry)
}

/// `{"name": {"sensitive": …, "type": …, "value": …}}`
fn outputs<'a>(outputs: impl IntoIterator<Item = (&'a str, &'a Value, bool)>, secrets: Secrets) -> Json {
    let entry = |(name, value, sensitive): (&str, &Value, bool)| {
        let value = guarded(value.clone(), sensitive);
        let entry = document!({
            "sensitive": value.has_sensitive(),
            "type": json::encode_type(&value.ty()),
            "value": marked::value(&value, secrets),
        });
        (name.to_owned(), entry)
    };
    Json::Object(outputs.into_iter().map(entry).collect())
}

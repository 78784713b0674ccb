//! `show -json` of a plan. <https://developer.hashicorp.com/terraform/internals/json-format>

use std::collections::{HashMap, HashSet};

use pilotis_config::{Configuration, Schemas};
use pilotis_plan::{OutputChange, Plan, PlanAction, Reason, ResourceChange};
use pilotis_schema::address::{Instance, Mode};
use pilotis_state::{ResourceKey, ResourceRecord, Snapshot};
use pilotis_value::{Path, Step, Value, json};
use serde_json::{Map, Value as Json, json as object};

use super::checks::checks;
use super::configuration::configuration;
use super::marked::{self, Secrets};
use super::modules::{Module, named};
use crate::state::StateObject;
use crate::{guarded, veiled};

/// A plan and what else the document tells.
#[derive(Clone, Copy)]
pub struct PlanDocument<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The state that it was made from.
    pub prior: Option<&'a Snapshot>,
    /// The objects of that state. Those that the plan is not about belong to the state before it all the same.
    pub objects: &'a [StateObject<'a>],
    /// What it was made of, if that is to be told.
    pub configuration: Option<(&'a Configuration, &'a Schemas)>,
    /// Values of the root module's variables, by name.
    pub variables: &'a [(String, Value)],
    /// Version of this program.
    pub version: &'a str,
    /// When it was made, in RFC 3339; empty if that isn't known.
    pub timestamp: &'a str,
    /// What becomes of sensitive values.
    pub secrets: Secrets,
}

/// Records by key, for what a plan doesn't say of an object.
type Records<'a> = HashMap<&'a ResourceKey, &'a ResourceRecord>;

/// The document, `format_version` 1.2. `digest`, `unseen` and `display` are ours.
pub fn plan(document: &PlanDocument<'_>) -> Json {
    let PlanDocument { plan, prior, configuration, variables, version, timestamp, secrets, .. } = *document;
    let records: Records<'_> = prior.iter().flat_map(|s| &s.resources).map(|r| (&r.key, r)).collect();
    let mut out = Map::new();
    out.insert("format_version".into(), "1.2".into());
    out.insert("terraform_version".into(), pilotis_config::LANGUAGE.into());
    out.insert("pilotis_version".into(), version.into());
    if !variables.is_empty() {
        let values =
            variables.iter().map(|(name, v)| (name.clone(), object!({ "value": marked::value(v, secrets) })));
        out.insert("variables".into(), Json::Object(values.collect()));
    }
    out.insert("planned_values".into(), planned_values(plan, &records, secrets));
    if !plan.drift.is_empty() {
        let providers: HashMap<_, _> = plan.changes.iter().map(|c| (&c.address, &*c.provider)).collect();
        let drift = plan.drift.iter().map(|d| {
            let actions = if d.after.is_null() { vec!["delete"] } else { vec!["update"] };
            let mut out = place(&d.address, providers.get(&d.address).copied().unwrap_or_default());
            out.insert("change".into(), change(&actions, &d.before, &d.after, secrets).into());
            Json::Object(out)
        });
        out.insert("resource_drift".into(), drift.collect());
    }
    out.insert("resource_changes".into(), plan.changes.iter().map(|c| resource_change(c, secrets)).collect());
    let outputs: Map<String, Json> =
        plan.outputs.iter().map(|o| (o.name.clone(), output_change(o, secrets))).collect();
    if !outputs.is_empty() {
        out.insert("output_changes".into(), outputs.into());
    }
    out.insert("prior_state".into(), prior_state(document, &records));
    if let Some((configuration, schemas)) = configuration {
        out.insert("configuration".into(), self::configuration(configuration, schemas, secrets));
        let relevant = super::relevant::attributes(plan, configuration);
        if !relevant.is_empty() {
            out.insert("relevant_attributes".into(), relevant.into());
        }
    }
    if !plan.checks.is_empty() {
        out.insert("checks".into(), checks(&plan.checks));
    }
    if !timestamp.is_empty() {
        out.insert("timestamp".into(), timestamp.into());
    }
    let errored = plan.diagnostics.has_errors();
    let counts = crate::Counts::of(plan);
    out.insert("applyable".into(), (!errored && !counts.is_empty()).into());
    out.insert("complete".into(), (!plan.partial && plan.unseen.is_empty() && !errored).into());
    out.insert("errored".into(), errored.into());
    out.insert("digest".into(), plan.digest.as_str().into());
    if !plan.unseen.is_empty() {
        let unseen = plan
            .unseen
            .iter()
            .map(|u| object!({ "address": u.key.address, "deposed": u.key.deposed, "reason": u.why }));
        out.insert("unseen".into(), unseen.collect());
    }
    Json::Object(out)
}

/// One entry of `resource_changes`.
pub(crate) fn resource_change(change: &ResourceChange, secrets: Secrets) -> Json {
    let mut out = place(&change.address, &change.provider);
    if let Some(from) = &change.moved_from {
        out.insert("previous_address".into(), from.to_string().into());
    }
    if let Some(key) = &change.deposed {
        out.insert("deposed".into(), key.as_str().into());
    }
    out.insert("display".into(), (&*change.display).into());
    let mut inner = self::change(actions(change.action), &change.before, &change.after, secrets);
    if !change.replace_paths.is_empty() {
        inner.insert("replace_paths".into(), change.replace_paths.iter().map(|p| path(p, secrets)).collect());
    }
    if let Some(id) = &change.importing {
        inner.insert("importing".into(), object!({ "id": id }));
    }
    out.insert("change".into(), inner.into());
    if let Some(reason) = change.reason {
        out.insert("action_reason".into(), reason_name(reason).into());
    }
    Json::Object(out)
}

fn place(address: &Instance, provider: &str) -> Map<String, Json> {
    let mut out = named(address, provider);
    if !address.resource.module.0.is_empty() {
        out.insert("module_address".into(), address.resource.module.to_string().into());
    }
    out
}

fn change(actions: &[&str], before: &Value, after: &Value, secrets: Secrets) -> Map<String, Json> {
    let (before, after) = &sides(before, after, secrets);
    let mut out = Map::new();
    out.insert("actions".into(), actions.into());
    out.insert("before".into(), marked::value(before, secrets));
    out.insert("after".into(), marked::value(after, secrets));
    out.insert("after_unknown".into(), marked::unknown_of_resource(after));
    out.insert("before_sensitive".into(), marked::sensitive(before));
    out.insert("after_sensitive".into(), marked::sensitive(after));
    out
}

/// Both sides, as they may be shown.
fn sides(before: &Value, after: &Value, secrets: Secrets) -> (Value, Value) {
    match secrets {
        Secrets::Hide => veiled(before, after),
        Secrets::Reveal => (before.clone(), after.clone()),
    }
}

/// A value as it may be shown beside the one that it was or becomes.
fn other_side(other: Option<&Value>, value: &Value, secrets: Secrets) -> Value {
    other.map_or_else(|| value.clone(), |other| sides(other, value, secrets).1)
}

fn output_change(output: &OutputChange, secrets: Secrets) -> Json {
    let actions: &[&str] = match (&output.before, &output.after) {
        (None, Some(_)) => &["create"],
        (Some(_), None) => &["delete"],
        (before, after) if before == after => &["no-op"],
        _ => &["update"],
    };
    let get = |v: &Option<Value>| v.as_ref().map(|v| guarded(v.clone(), output.sensitive));
    let (mut before, mut after) = (get(&output.before), get(&output.after));
    if let (Some(old), Some(new)) = (&before, &after) {
        let (old, new) = sides(old, new, secrets);
        (before, after) = (Some(old), Some(new));
    }
    let shown = |v: &Option<Value>| v.as_ref().map_or(Json::Null, |v| marked::value(v, secrets));
    let unknown = match &after {
        Some(v) if !v.is_wholly_known() => marked::unknown(v),
        _ => Json::Bool(false),
    };
    let secret = output.sensitive || [&before, &after].into_iter().flatten().any(Value::has_sensitive);
    let mut out = object!({
        "actions": actions,
        "before": shown(&before),
        "after": shown(&after),
        "after_unknown": unknown,
        "before_sensitive": secret,
        "after_sensitive": secret,
    });
    if after.as_ref().is_some_and(|v| !v.is_known())
        && let Json::Object(members) = &mut out
    {
        members.remove("after");
    }
    out
}

fn planned_values(plan: &Plan, records: &Records<'_>, secrets: Secrets) -> Json {
    let mut outputs = Map::new();
    for output in &plan.outputs {
        if let Some(after) = &output.after {
            let after = other_side(output.before.as_ref(), after, secrets);
            outputs.insert(output.name.clone(), planned_output(&after, output.sensitive, secrets));
        }
    }
    let mut root = Module::default();
    for change in plan.changes.iter().filter(|c| !c.after.is_null() && c.deposed.is_none()) {
        let after = sides(&change.before, &change.after, secrets).1;
        let record = records.get(&key_before(change)).copied();
        root.add(&change.address, planned(change, &after, record, secrets).into());
    }
    let mut out = Map::new();
    if !outputs.is_empty() {
        out.insert("outputs".into(), outputs.into());
    }
    out.insert("root_module".into(), root.into_json());
    Json::Object(out)
}

fn planned_output(value: &Value, sensitive: bool, secrets: Secrets) -> Json {
    let value = guarded(value.clone(), sensitive);
    let sensitive = value.has_sensitive();
    if !value.is_wholly_known() {
        return object!({ "sensitive": sensitive });
    }
    object!({ "sensitive": sensitive, "type": json::encode_type(&value.ty()), "value": marked::value(&value, secrets) })
}

fn prior_state(document: &PlanDocument<'_>, records: &Records<'_>) -> Json {
    let PlanDocument { plan, objects, secrets, .. } = *document;
    let mut outputs = Map::new();
    for output in &plan.outputs {
        if let Some(before) = &output.before {
            let before = other_side(output.after.as_ref(), before, secrets);
            outputs.insert(output.name.clone(), planned_output(&before, output.sensitive, secrets));
        }
    }
    let mut all: Vec<(&Instance, Json)> = Vec::new();
    for change in plan.changes.iter().filter(|c| !c.before.is_null()) {
        let before = sides(&change.before, &change.after, secrets).0;
        all.push((&change.address, stored(change, &before, records, secrets)));
    }
    for data in &plan.data {
        let mut out = named(&data.address, &data.provider);
        out.insert("schema_version".into(), data.schema_version.into());
        out.insert("values".into(), marked::value(&data.value, secrets));
        out.insert("sensitive_values".into(), marked::sensitive(&data.value));
        all.push((&data.address, out.into()));
    }
    let planned: HashSet<ResourceKey> = plan.changes.iter().map(key_before).collect();
    let is_managed = |o: &&StateObject<'_>| o.address.resource.mode == Mode::Managed;
    for object in objects.iter().filter(is_managed).filter(|o| !planned.contains(&o.record.key)) {
        all.push((&object.address, super::state::object(object, secrets)));
    }
    all.sort_by_key(|(address, _)| *address);
    let mut root = Module::default();
    for (address, resource) in all {
        root.add(address, resource);
    }
    let mut values = Map::new();
    if !outputs.is_empty() {
        values.insert("outputs".into(), outputs.into());
    }
    values.insert("root_module".into(), root.into_json());
    object!({ "format_version": "1.0", "terraform_version": pilotis_config::LANGUAGE, "values": values })
}

/// Under which key the state had an object before the plan.
fn key_before(change: &ResourceChange) -> ResourceKey {
    ResourceKey {
        address: change.moved_from.as_deref().unwrap_or(&change.address).to_string().into(),
        deposed: change.deposed.as_deref().map(Into::into),
    }
}

/// An object as it was.
fn stored(change: &ResourceChange, value: &Value, records: &Records<'_>, secrets: Secrets) -> Json {
    let record = records.get(&key_before(change)).copied();
    let mut out = planned(change, value, record, secrets);
    if let Some(record) = record.filter(|r| !r.dependencies.is_empty()) {
        out.insert("depends_on".into(), record.dependencies.iter().map(|d| Json::from(&**d)).collect());
    }
    if let Some(key) = &change.deposed {
        out.insert("deposed_key".into(), key.as_str().into());
    }
    Json::Object(out)
}

/// An object as it becomes: on what it depends is told of what is stored only.
fn planned(
    change: &ResourceChange,
    value: &Value,
    record: Option<&ResourceRecord>,
    secrets: Secrets,
) -> Map<String, Json> {
    let mut out = named(&change.address, &change.provider);
    out.insert("schema_version".into(), record.map_or(0, |r| r.schema_version).into());
    out.insert("values".into(), marked::value(value, secrets));
    out.insert("sensitive_values".into(), marked::sensitive(value));
    out
}

/// The steps of a path: names, keys and numbers. An element of a set stands for itself.
fn path(path: &Path, secrets: Secrets) -> Json {
    let step = |step: &Step| match step {
        Step::Attribute(name) | Step::Key(name) => Json::from(name.as_str()),
        Step::Index(n) => (*n).into(),
        Step::Element(value) => marked::value(value, secrets),
    };
    path.0.iter().map(step).collect()
}

/// The `actions` of Terraform's documents.
pub(crate) fn actions(action: PlanAction) -> &'static [&'static str] {
    match action {
        PlanAction::NoOp => &["no-op"],
        PlanAction::Read => &["read"],
        PlanAction::Create => &["create"],
        PlanAction::Update => &["update"],
        PlanAction::DeleteThenCreate => &["delete", "create"],
        PlanAction::CreateThenDelete => &["create", "delete"],
        PlanAction::Delete => &["delete"],
        PlanAction::Forget => &["forget"],
    }
}

/// The `action_reason` of Terraform's documents.
pub(crate) fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::CannotUpdate => "replace_because_cannot_update",
        Reason::Tainted => "replace_because_tainted",
        Reason::Requested => "replace_by_request",
        Reason::Triggers => "replace_by_triggers",
        Reason::NoResourceConfig => "delete_because_no_resource_config",
        Reason::NoModule => "delete_because_no_module",
        Reason::WrongRepetition => "delete_because_wrong_repetition",
        Reason::CountIndex => "delete_because_count_index",
        Reason::EachKey => "delete_because_each_key",
        Reason::ConfigUnknown => "read_because_config_unknown",
        Reason::DependencyPending => "read_because_dependency_pending",
        Reason::CheckNested => "read_because_check_nested",
    }
}

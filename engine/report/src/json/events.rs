//! The stream of events of `-json`: one object a line. <https://developer.hashicorp.com/terraform/internals/machine-readable-ui>
//!
//! Whoever reads it must show `@message` of a type that it doesn't know. The time is given by the caller, in RFC 3339.

use pilotis_diag::{Diagnostic, SourceMap};
use pilotis_plan::{Applied, Drift, Plan, PlanAction, ResourceChange};
use pilotis_schema::address::Instance;
use pilotis_value::{Value, json};
use serde_json::{Map, Value as Json, json as object};

use super::marked::{self, Secrets};
use super::modules::index;
use super::plan::reason_name;
use crate::text::run_verdict;
use crate::{Counts, Totals, guarded};

/// Version of the stream.
pub const UI: &str = "1.2";

/// The first line.
pub fn version(program: &str, at: &str) -> Json {
    event(
        "info",
        "version",
        at,
        &format!("Pilotis {program}"),
        [("terraform", pilotis_config::LANGUAGE.into()), ("ui", UI.into()), ("pilotis", program.into())],
    )
}

/// One planned change; none if there is nothing to say of it.
pub fn planned_change(change: &ResourceChange, at: &str) -> Option<Json> {
    let action = match change.action {
        PlanAction::NoOp if change.importing.is_some() => "import",
        PlanAction::NoOp if change.moved_from.is_some() => "move",
        PlanAction::NoOp => return None,
        other => word(other),
    };
    let mut inner = Map::new();
    inner.insert("resource".into(), resource(&change.address));
    if let Some(from) = &change.moved_from {
        inner.insert("previous_resource".into(), resource(from));
    }
    inner.insert("action".into(), action.into());
    if let Some(reason) = change.reason {
        inner.insert("reason".into(), reason_word(reason_name(reason)).into());
    }
    if let Some(id) = &change.importing {
        inner.insert("importing".into(), object!({ "id": id }));
    }
    let message = format!("{}: Plan to {action}", change.address);
    Some(event("info", "planned_change", at, &message, [("change", inner.into())]))
}

/// An object that changed behind our back.
pub fn resource_drift(drift: &Drift, at: &str) -> Json {
    let action = if drift.after.is_null() { "delete" } else { "update" };
    let change = object!({ "resource": resource(&drift.address), "action": action });
    event(
        "info",
        "resource_drift",
        at,
        &format!("{}: Drift detected ({action})", drift.address),
        [("change", change)],
    )
}

/// The verdict of a plan.
pub fn plan_summary(plan: &Plan, at: &str) -> Json {
    let counts = Counts::of(plan);
    let changes = object!({
        "add": counts.add,
        "change": counts.change,
        "import": counts.import,
        "remove": counts.destroy,
        "operation": "plan",
    });
    event("info", "change_summary", at, &format!("Plan: {}.", counts.sentence()), [("changes", changes)])
}

/// The verdict of a run. `destroy`: it was to remove everything.
pub fn run_summary(applied: &Applied, destroy: bool, at: &str) -> Json {
    let totals = Totals::of(applied);
    let changes = object!({
        "add": totals.added,
        "change": totals.changed,
        "import": 0,
        "remove": totals.destroyed,
        "operation": if destroy { "destroy" } else { "apply" },
    });
    let outcome = object!({
        "done": totals.done,
        "failed": totals.failed,
        "not_attempted": totals.not_attempted,
        "unknown": totals.unknown,
    });
    let message = run_verdict(applied, destroy);
    event("info", "change_summary", at, &message, [("changes", changes), ("outcome", outcome)])
}

/// An object is being looked at.
pub fn refresh_start(address: &Instance, id: Option<&str>, at: &str) -> Json {
    let of = id.map(|id| format!(" [id={id}]")).unwrap_or_default();
    let message = format!("{address}: Refreshing state...{of}");
    event("info", "refresh_start", at, &message, [("hook", looked_at(address, id))])
}

/// It was looked at.
pub fn refresh_complete(address: &Instance, id: Option<&str>, at: &str) -> Json {
    let of = id.map(|id| format!(" [id={id}]")).unwrap_or_default();
    let message = format!("{address}: Refresh complete{of}");
    event("info", "refresh_complete", at, &message, [("hook", looked_at(address, id))])
}

fn looked_at(address: &Instance, id: Option<&str>) -> Json {
    let mut out = Map::new();
    out.insert("resource".into(), resource(address));
    if let Some(id) = id {
        out.insert("id_key".into(), "id".into());
        out.insert("id_value".into(), id.into());
    }
    Json::Object(out)
}

/// An operation begins.
pub fn apply_start(address: &Instance, action: PlanAction, id: Option<&str>, at: &str) -> Json {
    let of = id.map(|id| format!(" [id={id}]")).unwrap_or_default();
    let message = format!("{address}: {}...{of}", progress(action));
    event("info", "apply_start", at, &message, [("hook", hook(address, action, id, None))])
}

/// An operation goes on.
pub fn apply_progress(address: &Instance, action: PlanAction, elapsed_seconds: u64, at: &str) -> Json {
    let message =
        format!("{address}: Still {}... [{elapsed_seconds}s elapsed]", progress(action).to_lowercase());
    event(
        "info",
        "apply_progress",
        at,
        &message,
        [("hook", hook(address, action, None, Some(elapsed_seconds)))],
    )
}

/// An operation is done.
pub fn apply_complete(
    address: &Instance,
    action: PlanAction,
    id: Option<&str>,
    elapsed_seconds: u64,
    at: &str,
) -> Json {
    let of = id.map(|id| format!(" [id={id}]")).unwrap_or_default();
    let message = format!("{address}: {} complete after {elapsed_seconds}s{of}", noun(action));
    event(
        "info",
        "apply_complete",
        at,
        &message,
        [("hook", hook(address, action, id, Some(elapsed_seconds)))],
    )
}

/// An operation failed. The error itself is a diagnostic.
pub fn apply_errored(address: &Instance, action: PlanAction, elapsed_seconds: u64, at: &str) -> Json {
    let message = format!("{address}: {} errored after {elapsed_seconds}s", noun(action));
    event(
        "error",
        "apply_errored",
        at,
        &message,
        [("hook", hook(address, action, None, Some(elapsed_seconds)))],
    )
}

/// An ephemeral resource is being opened or closed (`action`: `open`, `close`).
pub fn ephemeral_start(address: &Instance, action: &str, at: &str) -> Json {
    let message = format!("{address}: {}...", doing(action));
    event("info", "ephemeral_op_start", at, &message, [("hook", ephemeral_hook(address, action, None))])
}

/// It goes on.
pub fn ephemeral_progress(address: &Instance, action: &str, elapsed_seconds: u64, at: &str) -> Json {
    let message =
        format!("{address}: Still {}... [{elapsed_seconds}s elapsed]", doing(action).to_lowercase());
    let hook = ephemeral_hook(address, action, Some(elapsed_seconds));
    event("info", "ephemeral_op_progress", at, &message, [("hook", hook)])
}

/// It is done.
pub fn ephemeral_complete(address: &Instance, action: &str, elapsed_seconds: u64, at: &str) -> Json {
    let message = format!("{address}: {} complete after {elapsed_seconds}s", doing(action));
    let hook = ephemeral_hook(address, action, Some(elapsed_seconds));
    event("info", "ephemeral_op_complete", at, &message, [("hook", hook)])
}

/// It failed. The error itself is a diagnostic.
pub fn ephemeral_errored(address: &Instance, action: &str, elapsed_seconds: u64, at: &str) -> Json {
    let message = format!("{address}: {} errored after {elapsed_seconds}s", doing(action));
    let hook = ephemeral_hook(address, action, Some(elapsed_seconds));
    event("error", "ephemeral_op_errored", at, &message, [("hook", hook)])
}

/// A program of a provisioner begins.
pub fn provision_start(address: &Instance, at: &str) -> Json {
    let message = format!("{address}: Provisioning with 'local-exec'...");
    event("info", "provision_start", at, &message, [("hook", provisioner(address, None))])
}

/// It said a line.
pub fn provision_progress(address: &Instance, line: &str, at: &str) -> Json {
    let message = format!("{address}: (local-exec): {line}");
    event("info", "provision_progress", at, &message, [("hook", provisioner(address, Some(line)))])
}

/// It has ended.
pub fn provision_end(address: &Instance, failed: bool, at: &str) -> Json {
    let (kind, word) =
        if failed { ("provision_errored", "errored") } else { ("provision_complete", "complete") };
    let message = format!("{address}: (local-exec) Provisioning {word}");
    event("info", kind, at, &message, [("hook", provisioner(address, None))])
}

fn provisioner(address: &Instance, output: Option<&str>) -> Json {
    let mut out = Map::new();
    out.insert("resource".into(), resource(address));
    out.insert("provisioner".into(), "local-exec".into());
    if let Some(output) = output {
        out.insert("output".into(), output.into());
    }
    Json::Object(out)
}

/// The outputs: of a plan with their `action` alone, of a run with their values. Sensitive values are left out.
pub fn outputs<'a>(
    outputs: impl IntoIterator<Item = (&'a str, Option<&'a str>, Option<&'a Value>, bool)>,
    at: &str,
) -> Json {
    let mut all = Map::new();
    for (name, action, value, sensitive) in outputs {
        let value = value.map(|v| guarded(v.clone(), sensitive));
        let sensitive = sensitive || value.as_ref().is_some_and(Value::has_sensitive);
        let mut entry = Map::new();
        entry.insert("sensitive".into(), sensitive.into());
        if let Some(action) = action {
            entry.insert("action".into(), action.into());
        }
        // Of a plan only what happens to them is told.
        if let Some(value) = value.filter(|v| action.is_none() && v.is_wholly_known()) {
            entry.insert("type".into(), json::encode_type(&value.ty()));
            if !sensitive {
                entry.insert("value".into(), marked::value(&value, Secrets::Hide));
            }
        }
        all.insert(name.to_owned(), entry.into());
    }
    let message = format!("Outputs: {}", all.len());
    event("info", "outputs", at, &message, [("outputs", all.into())])
}

/// A warning or an error.
pub fn diagnostic(diagnostic: &Diagnostic, sources: &SourceMap, at: &str) -> Json {
    let body = pilotis_diag::to_json(diagnostic, sources);
    let (level, word) = match diagnostic.severity {
        pilotis_diag::Severity::Error => ("error", "Error"),
        pilotis_diag::Severity::Warning => ("warn", "Warning"),
    };
    event(level, "diagnostic", at, &format!("{word}: {}", diagnostic.summary), [("diagnostic", body)])
}

/// A message that is nothing else.
pub fn log(message: &str, at: &str) -> Json {
    event("info", "log", at, message, [])
}

pub(super) fn event<const N: usize>(
    level: &str,
    kind: &str,
    at: &str,
    message: &str,
    fields: [(&str, Json); N],
) -> Json {
    let mut out = Map::new();
    out.insert("@level".into(), level.into());
    out.insert("@message".into(), message.into());
    out.insert("@module".into(), "terraform.ui".into());
    out.insert("@timestamp".into(), at.into());
    for (name, value) in fields {
        out.insert(name.into(), value);
    }
    out.insert("type".into(), kind.into());
    Json::Object(out)
}

fn resource(address: &Instance) -> Json {
    let resource = &address.resource;
    let own = address.to_string();
    let module = resource.module.to_string();
    let name = own.strip_prefix(&module).map_or(own.as_str(), |rest| rest.trim_start_matches('.'));
    object!({
        "addr": own,
        "module": module,
        "resource": name,
        "implied_provider": resource.type_name.split('_').next().unwrap_or_default(),
        "resource_type": resource.type_name,
        "resource_name": resource.name,
        "resource_key": address.key.as_ref().map_or(Json::Null, index),
    })
}

fn doing(action: &str) -> &'static str {
    if action == "open" { "Opening" } else { "Closing" }
}

fn ephemeral_hook(address: &Instance, action: &str, elapsed_seconds: Option<u64>) -> Json {
    let mut out = Map::new();
    out.insert("resource".into(), resource(address));
    out.insert("action".into(), action.into());
    if let Some(seconds) = elapsed_seconds {
        out.insert("elapsed_seconds".into(), seconds.into());
    }
    Json::Object(out)
}

fn hook(address: &Instance, action: PlanAction, id: Option<&str>, elapsed_seconds: Option<u64>) -> Json {
    let mut out = Map::new();
    out.insert("resource".into(), resource(address));
    out.insert("action".into(), word(action).into());
    if let Some(id) = id {
        out.insert("id_key".into(), "id".into());
        out.insert("id_value".into(), id.into());
    }
    if let Some(seconds) = elapsed_seconds {
        out.insert("elapsed_seconds".into(), seconds.into());
    }
    Json::Object(out)
}

fn word(action: PlanAction) -> &'static str {
    match action {
        PlanAction::NoOp => "noop",
        PlanAction::Read => "read",
        PlanAction::Create => "create",
        PlanAction::Update => "update",
        PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete => "replace",
        PlanAction::Delete => "delete",
        PlanAction::Forget => "remove",
    }
}

fn reason_word(name: &str) -> &str {
    match name {
        "replace_because_cannot_update" => "cannot_update",
        "replace_because_tainted" => "tainted",
        "replace_by_request" => "requested",
        other => other,
    }
}

fn progress(action: PlanAction) -> &'static str {
    match action {
        PlanAction::NoOp => "Checking",
        PlanAction::Read => "Refreshing",
        PlanAction::Create => "Creating",
        PlanAction::Update => "Modifying",
        PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete => "Replacing",
        PlanAction::Delete => "Destroying",
        PlanAction::Forget => "Forgetting",
    }
}

fn noun(action: PlanAction) -> &'static str {
    match action {
        PlanAction::NoOp => "Check",
        PlanAction::Read => "Refresh",
        PlanAction::Create => "Creation",
        PlanAction::Update => "Modifications",
        PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete => "Replacement",
        PlanAction::Delete => "Destruction",
        PlanAction::Forget => "Removal from state",
    }
}

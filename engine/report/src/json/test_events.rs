//! The events of `test -json`: <https://developer.hashicorp.com/terraform/internals/machine-readable-ui#test-results>

use std::collections::BTreeMap;

use pilotis_diag::{Diagnostic, Severity, SourceMap, to_json};
use pilotis_plan::Plan;
use pilotis_schema::ProviderSchema;
use pilotis_value::Value;
use serde_json::{Map, Value as Json, json as object};

use super::events::event;
use super::marked::Secrets;
use crate::StateObject;

/// Where an event belongs: a file, and a run of it.
#[derive(Clone, Copy, Debug)]
pub struct TestPlace<'a> {
    /// The file's path.
    pub path: &'a str,
    /// The run's name; none if it is about the file.
    pub run: Option<&'a str>,
}

impl TestPlace<'_> {
    fn mark(&self, mut event: Json) -> Json {
        if let Some(entries) = event.as_object_mut() {
            entries.insert("@testfile".into(), self.path.into());
            if let Some(run) = self.run {
                entries.insert("@testrun".into(), run.into());
            }
        }
        event
    }
}

/// What there is to be run.
pub fn test_abstract<'a>(files: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>, at: &str) -> Json {
    let files: BTreeMap<&str, Vec<&str>> = files.into_iter().collect();
    let runs: usize = files.values().map(Vec::len).sum();
    let several = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let message = format!("Found {} and {}", several(files.len(), "file"), several(runs, "run block"));
    event("info", "test_abstract", at, &message, [("test_abstract", object!(files))])
}

/// A file begins (`starting`), is cleaned up after (`teardown`) or has ended (`complete`, with a status).
pub fn test_file(path: &str, progress: &str, status: Option<&str>, at: &str) -> Json {
    let mut inner = Map::new();
    inner.insert("path".into(), path.into());
    inner.insert("progress".into(), progress.into());
    if let Some(status) = status {
        inner.insert("status".into(), status.into());
    }
    let message = format!("{path}... {}", said(progress, status));
    TestPlace { path, run: None }.mark(event(
        "info",
        "test_file",
        at,
        &message,
        [("test_file", inner.into())],
    ))
}

/// A run begins (`starting`), goes on (`running`), is cleaned up after (`teardown`) or has ended (`complete`, with a status).
pub fn test_run(
    path: &str,
    run: &str,
    progress: &str,
    status: Option<&str>,
    elapsed_ms: Option<u64>,
    at: &str,
) -> Json {
    let mut inner = Map::new();
    inner.insert("path".into(), path.into());
    inner.insert("run".into(), run.into());
    inner.insert("progress".into(), progress.into());
    if let Some(elapsed) = elapsed_ms {
        inner.insert("elapsed".into(), elapsed.into());
    }
    if let Some(status) = status {
        inner.insert("status".into(), status.into());
    }
    let message = format!("  {run:?}... {}", said(progress, status));
    TestPlace { path, run: Some(run) }.mark(event(
        "info",
        "test_run",
        at,
        &message,
        [("test_run", inner.into())],
    ))
}

fn said<'a>(progress: &str, status: Option<&'a str>) -> &'a str {
    match (progress, status) {
        (_, Some("error")) => "fail",
        (_, Some(status)) => status,
        ("teardown", None) => "tearing down",
        (_, None) => "in progress",
    }
}

/// Objects that are still there.
pub fn test_cleanup(path: &str, run: &str, left: &[String], at: &str) -> Json {
    let objects: Vec<Json> = left
        .iter()
        .map(|key| {
            // A deposed object is named by its address and its key.
            match key.rsplit_once(" (deposed ") {
                Some((instance, deposed)) => {
                    object!({ "instance": instance, "deposed_key": deposed.trim_end_matches(')') })
                }
                None => object!({ "instance": key }),
            }
        })
        .collect();
    let message = format!("Some resources are left after {path}/{run}: they need to be cleaned up manually.");
    let fields = [("test_cleanup", object!({ "failed_resources": objects }))];
    TestPlace { path, run: Some(run) }.mark(event("error", "test_cleanup", at, &message, fields))
}

/// How many runs ended how.
pub fn test_summary(
    status: &str,
    (passed, failed, errored, skipped): (usize, usize, usize, usize),
    message: &str,
    at: &str,
) -> Json {
    let inner = object!({
        "status": status, "passed": passed, "failed": failed, "errored": errored, "skipped": skipped,
    });
    event("info", "test_summary", at, message, [("test_summary", inner)])
}

/// A diagnostic of a run.
pub fn test_diagnostic(
    diagnostic: &Diagnostic,
    sources: &SourceMap,
    place: Option<TestPlace<'_>>,
    at: &str,
) -> Json {
    let (level, word) = match diagnostic.severity {
        Severity::Error => ("error", "Error"),
        Severity::Warning => ("warn", "Warning"),
    };
    let message = format!("{word}: {}", diagnostic.summary);
    let event = event(level, "diagnostic", at, &message, [("diagnostic", to_json(diagnostic, sources))]);
    match place {
        Some(place) => place.mark(event),
        None => event,
    }
}

/// The plan of a run.
pub fn test_plan<'a>(
    plan: &Plan,
    providers: impl IntoIterator<Item = &'a ProviderSchema>,
    place: TestPlace<'_>,
    at: &str,
) -> Json {
    let document = super::plan(&super::PlanDocument {
        plan,
        prior: None,
        objects: &[],
        configuration: None,
        variables: &[],
        version: "",
        timestamp: "",
        secrets: Secrets::Hide,
    });
    let mut inner = Map::new();
    inner.insert("plan_format_version".into(), document["format_version"].clone());
    for name in ["output_changes", "resource_changes", "resource_drift", "relevant_attributes"] {
        if let Some(part) = document.get(name) {
            inner.insert(name.into(), part.clone());
        }
    }
    with_schemas(&mut inner, providers);
    let message = "-verbose flag enabled, printing plan";
    place.mark(event("info", "test_plan", at, message, [("test_plan", inner.into())]))
}

/// The state after a run.
pub fn test_state<'a, 'o>(
    objects: &[StateObject<'_>],
    outputs: impl IntoIterator<Item = (&'o str, &'o Value, bool)>,
    providers: impl IntoIterator<Item = &'a ProviderSchema>,
    place: TestPlace<'_>,
    at: &str,
) -> Json {
    let document = super::state(objects, outputs, &[], "", Secrets::Hide);
    let mut inner = Map::new();
    inner.insert("state_format_version".into(), document["format_version"].clone());
    for name in ["root_module", "outputs"] {
        if let Some(part) = document.pointer(&format!("/values/{name}")) {
            inner.insert(name.into(), part.clone());
        }
    }
    with_schemas(&mut inner, providers);
    let message = "-verbose flag enabled, printing state";
    place.mark(event("info", "test_state", at, message, [("test_state", inner.into())]))
}

fn with_schemas<'a>(inner: &mut Map<String, Json>, providers: impl IntoIterator<Item = &'a ProviderSchema>) {
    let schemas = super::schemas(providers);
    inner.insert("provider_format_version".into(), schemas["format_version"].clone());
    inner.insert("provider_schemas".into(), schemas["provider_schemas"].clone());
}

//! What a request asks for: its path, its query, who sends it.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::status::{About, Cause, Failure};

/// Which object or collection a path names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    /// Empty: of all namespaces, or not in one.
    pub(crate) namespace: String,
    pub(crate) plural: String,
    /// Empty: the collection.
    pub(crate) name: String,
    pub(crate) subresource: String,
    /// The old `/watch/` prefix.
    pub(crate) watch: bool,
}

impl Target {
    /// Reads `/api/v1/…` or `/apis/G/V/…`; none if the path names no resource.
    pub(crate) fn parse(path: &str) -> Option<Target> {
        let mut parts: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let mut target = Target::default();
        let start = match parts.first()?.as_str() {
            "api" => 2,
            "apis" => 3,
            _ => return None,
        };
        if parts.len() <= start {
            return None;
        }
        if start == 3 {
            target.group = std::mem::take(&mut parts[1]);
        }
        target.version = std::mem::take(&mut parts[start - 1]);
        let mut rest = parts.split_off(start);
        if rest[0] == "watch" && rest.len() > 1 {
            target.watch = true;
            rest.remove(0);
        }
        let scoped =
            rest[0] == "namespaces" && rest.len() > 2 && !["status", "finalize"].contains(&rest[2].as_str());
        if scoped {
            target.namespace = std::mem::take(&mut rest[1]);
            rest.drain(..2);
        }
        let mut rest = rest.into_iter();
        target.plural = rest.next()?;
        target.name = rest.next().unwrap_or_default();
        target.subresource = rest.next().unwrap_or_default();
        // Anything deeper is a proxied path, and nothing is proxied.
        if rest.next().is_some() { None } else { Some(target) }
    }
}

/// The query of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(HashMap<String, String>);

impl Query {
    pub(crate) fn parse(text: &str) -> Query {
        let decode =
            |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Query(pairs.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !["false", "0"].contains(&value))
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}

/// What to do with fields that the type doesn't have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// The options of a write.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) validation: FieldValidation,
    pub(crate) manager: String,
    pub(crate) force: bool,
}

impl WriteOptions {
    /// `kind` is `CreateOptions`, `UpdateOptions` or `PatchOptions`, for messages.
    pub(crate) fn read(query: &Query, kind: &str, apply: bool, agent: &str) -> Result<WriteOptions, Failure> {
        let about = About { group: "meta.k8s.io", kind, name: "" };
        let mut causes = Vec::new();
        let manager = query.text("fieldManager");
        if apply && manager.is_empty() {
            causes.push(Cause::required("fieldManager", "is required for apply patch"));
        }
        if manager.len() > 128 {
            causes.push(Cause::too_long("fieldManager", 128));
        }
        if !apply && kind == "PatchOptions" && query.get("force").is_some() {
            causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
        }
        let dry_run = read_dry_run(query.get("dryRun"), &mut causes);
        let validation = match query.text("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Strict" => FieldValidation::Strict,
            "Ignore" => FieldValidation::Ignore,
            other => {
                let known = ["", "Ignore", "Strict", "Warn"];
                causes.push(Cause::unsupported("fieldValidation", &other.into(), &known));
                FieldValidation::Warn
            }
        };
        if !causes.is_empty() {
            return Err(Failure::invalid(&about, causes));
        }
        let manager = if manager.is_empty() { default_manager(agent) } else { manager.to_owned() };
        Ok(WriteOptions { dry_run, validation, manager, force: query.flag("force") })
    }
}

/// The part of the user agent before the first slash.
fn default_manager(agent: &str) -> String {
    let name = agent.split('/').next().unwrap_or_default();
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(128).collect();
    if name.is_empty() { "unknown".into() } else { name }
}

fn read_dry_run(value: Option<&str>, causes: &mut Vec<Cause>) -> bool {
    match value {
        None | Some("") => false,
        Some("All") => true,
        Some(other) => {
            causes.push(Cause::unsupported("dryRun", &serde_json::json!([other]), &["All"]));
            false
        }
    }
}

/// The options of a delete.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    pub(crate) propagation: Propagation,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Propagation {
    #[default]
    Background,
    Foreground,
    Orphan,
}

impl DeleteOptions {
    /// From the body, or from the query if there is none.
    pub(crate) fn read(query: &Query, body: Option<&Value>) -> Result<DeleteOptions, Failure> {
        let mut causes = Vec::new();
        let field = |name: &str| body.and_then(|body| body.get(name));
        let dry_run = field("dryRun").and_then(|list| list.get(0)).and_then(Value::as_str);
        let dry_run = read_dry_run(dry_run.or_else(|| query.get("dryRun")), &mut causes);
        let policy = field("propagationPolicy").and_then(Value::as_str);
        let propagation = match policy.or_else(|| query.get("propagationPolicy")) {
            None | Some("" | "Background") => Propagation::Background,
            Some("Foreground") => Propagation::Foreground,
            Some("Orphan") => Propagation::Orphan,
            Some(other) => {
                let known = ["Foreground", "Background", "Orphan", "nil"];
                causes.push(Cause::unsupported("propagationPolicy", &other.into(), &known));
                Propagation::Background
            }
        };
        let orphan = field("orphanDependents").and_then(Value::as_bool).unwrap_or(false);
        let precondition = |name: &str| {
            let value = field("preconditions").and_then(|conditions| conditions.get(name));
            value.and_then(Value::as_str).map(str::to_owned)
        };
        if !causes.is_empty() {
            let about = About { group: "meta.k8s.io", kind: "DeleteOptions", name: "" };
            return Err(Failure::invalid(&about, causes));
        }
        Ok(DeleteOptions {
            dry_run,
            propagation: if orphan { Propagation::Orphan } else { propagation },
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
        })
    }
}

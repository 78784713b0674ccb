//! Deployments, stateful sets, daemon sets, jobs, volume claims: what every plan meets; no pod is ever run.

use serde_json::{Value, json};

use super::{default, entry, immutable, pods};
use crate::kubernetes::{selector::LabelSelector, status::Cause};

pub(super) fn defaults(kind: &str, object: &mut Value) {
    match kind {
        "cronjobs" => pods::defaults(object, "/spec/jobTemplate/spec/template/spec"),
        _ => pods::defaults(object, "/spec/template/spec"),
    }
    let spec = entry(object, &["spec"]);
    match kind {
        "deployments" => {
            default(spec, "replicas", 1);
            default(spec, "strategy", json!({}));
            if let Some(strategy) = spec.get_mut("strategy").and_then(Value::as_object_mut) {
                default(strategy, "type", "RollingUpdate");
                if strategy["type"] == "RollingUpdate" {
                    default(strategy, "rollingUpdate", json!({}));
                    if let Some(rolling) = strategy.get_mut("rollingUpdate").and_then(Value::as_object_mut) {
                        default(rolling, "maxUnavailable", "25%");
                        default(rolling, "maxSurge", "25%");
                    }
                }
            }
            default(spec, "revisionHistoryLimit", 10);
            default(spec, "progressDeadlineSeconds", 600);
        }
        "statefulsets" => {
            default(spec, "replicas", 1);
            default(spec, "podManagementPolicy", "OrderedReady");
            default(
                spec,
                "updateStrategy",
                json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } }),
            );
            default(spec, "revisionHistoryLimit", 10);
        }
        "daemonsets" => {
            let rolling = json!({ "maxUnavailable": 1, "maxSurge": 0 });
            default(spec, "updateStrategy", json!({ "type": "RollingUpdate", "rollingUpdate": rolling }));
            default(spec, "revisionHistoryLimit", 10);
        }
        "jobs" => {
            default(spec, "parallelism", 1);
            default(spec, "completions", 1);
            default(spec, "backoffLimit", 6);
            default(spec, "completionMode", "NonIndexed");
            default(spec, "suspend", false);
        }
        "cronjobs" => {
            default(spec, "concurrencyPolicy", "Allow");
            default(spec, "suspend", false);
            default(spec, "successfulJobsHistoryLimit", 3);
            default(spec, "failedJobsHistoryLimit", 1);
        }
        _ => {}
    }
}

pub(super) fn check(kind: &str, object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    match kind {
        "deployments" | "statefulsets" | "daemonsets" => {
            if !spec["selector"].is_object() {
                causes.push(Cause::required("spec.selector", ""));
            }
            pods::check_spec(&spec["template"]["spec"], "spec.template.spec", causes);
            let labels = &spec["template"]["metadata"]["labels"];
            let selector = LabelSelector::from_object(&spec["selector"]);
            if spec["selector"].is_object() && !selector.matches(labels.as_object()) {
                let why = "`selector` does not match template `labels`";
                causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
            }
            if spec["replicas"].as_i64().is_some_and(|count| count < 0) {
                let why = "must be greater than or equal to 0";
                causes.push(Cause::invalid("spec.replicas", &spec["replicas"], why));
            }
        }
        "jobs" => pods::check_spec(&spec["template"]["spec"], "spec.template.spec", causes),
        "cronjobs" => {
            if spec["schedule"].as_str().unwrap_or_default().is_empty() {
                causes.push(Cause::required("spec.schedule", ""));
            }
            let template = &spec["jobTemplate"]["spec"]["template"]["spec"];
            pods::check_spec(template, "spec.jobTemplate.spec.template.spec", causes);
        }
        _ => {}
    }
    let Some(old) = old else { return };
    let before = &old["spec"];
    match kind {
        "deployments" | "daemonsets" => {
            immutable("spec.selector", &spec["selector"], &before["selector"], causes)
        }
        "jobs" => immutable("spec.template", &spec["template"], &before["template"], causes),
        "statefulsets" => {
            let fixed = ["selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"];
            if fixed.iter().any(|field| spec[*field] != before[*field]) {
                let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                           'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                           'minReadySeconds' are forbidden";
                causes.push(Cause::forbidden("spec", why));
            }
        }
        _ => {}
    }
}

pub(super) fn check_claim(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
        causes.push(Cause::required("spec.accessModes", "at least 1 access mode is required"));
    }
    if spec["resources"]["requests"]["storage"].is_null() {
        causes.push(Cause::required("spec.resources[storage]", ""));
    }
    let Some(old) = old else { return };
    let fixed = ["accessModes", "storageClassName", "selector", "volumeMode"];
    if fixed.iter().any(|field| spec[*field] != old["spec"][*field]) {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
                   bound claims";
        causes.push(Cause::forbidden("spec", why));
    }
}

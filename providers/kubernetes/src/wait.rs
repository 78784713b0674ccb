//! Waiting until an object is as it is wanted: conditions, fields, the end of a rollout.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pilotis_sdk::{Error, ErrorKind, Nested};
use serde_json::Value as Json;

use crate::client::{Client, seconds};
use crate::field_path;

/// What is waited for after the object is made or changed.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Wait {
    /// The rollout of a Deployment, StatefulSet or DaemonSet is complete.
    pub(crate) rollout: Option<bool>,
    /// Fields by path (`status.phase`) and what their texts must match: a regular expression, or `*` for anything.
    pub(crate) fields: Option<BTreeMap<String, String>>,
    /// Conditions of the status.
    #[attr(block)]
    pub(crate) condition: Vec<Condition>,
}

/// A condition of the status.
#[derive(Clone, Debug, Nested)]
pub(crate) struct Condition {
    /// `Ready`, `Available` …
    #[attr(name = "type")]
    pub(crate) kind: Option<String>,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: Option<String>,
}

/// A field and what its text must match; none: anything.
struct Pattern<'a> {
    name: &'a str,
    path: Vec<String>,
    pattern: Option<regex::Regex>,
}

impl Wait {
    /// An object that defines others is of use once it is established.
    pub(crate) fn established() -> Wait {
        let condition = Condition { kind: Some("Established".into()), status: Some("True".into()) };
        Wait { rollout: None, fields: None, condition: vec![condition] }
    }

    /// Waits; the object as it is then.
    pub(crate) async fn until(&self, client: &Client, path: &str, within: Duration) -> Result<Json, Error> {
        let fields = self.patterns()?;
        let deadline = Instant::now() + within;
        let mut pause = Duration::from_millis(50);
        loop {
            let gone = || Error::new(ErrorKind::NotFound, "The object is gone while it is waited for");
            let live = client.get(path).await?.ok_or_else(gone)?;
            let lacks = self.lacks(&fields, &live)?;
            if lacks.is_empty() {
                return Ok(live);
            }
            if Instant::now() >= deadline {
                let what =
                    format!("The object is there, but after {} not as it is waited for", seconds(within));
                return Err(client.about(path, Error::new(ErrorKind::Timeout, what)
                    .detail(lacks.join("; "))
                    .help("See what keeps it with `kubectl describe`; or allow more time: timeouts { create = \"20m\" }.")));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    fn patterns(&self) -> Result<Vec<Pattern<'_>>, Error> {
        let pattern = |(name, text): (&'_ String, &String)| {
            let compiled = if text == "*" { Ok(None) } else { regex::Regex::new(text).map(Some) };
            compiled.map_err(|e| {
                Error::new(ErrorKind::Invalid, format!("wait.fields[{name:?}] is no regular expression"))
                    .detail(e.to_string())
            })
        };
        let all = self.fields.iter().flatten();
        all.map(|(name, text)| {
            Ok(Pattern { name, path: field_path::parse(name), pattern: pattern((name, text))? })
        })
        .collect()
    }

    /// What isn't as it should be.
    fn lacks(&self, fields: &[Pattern<'_>], live: &Json) -> Result<Vec<String>, Error> {
        let mut lacks = Vec::new();
        for Pattern { name, path, pattern } in fields {
            let is = field_path::get(live, path).map(text);
            let fits = is.as_ref().is_some_and(|is| pattern.as_ref().is_none_or(|p| p.is_match(is)));
            if !fits {
                lacks.push(format!("{name} is {}", is.map_or("not set".to_owned(), |is| format!("{is:?}"))));
            }
        }
        for wanted in &self.condition {
            let (kind, status) =
                (wanted.kind.as_deref().unwrap_or_default(), wanted.status.as_deref().unwrap_or("True"));
            let conditions = live["status"]["conditions"].as_array().into_iter().flatten();
            match conditions.into_iter().find(|c| c["type"] == kind) {
                Some(found) if found["status"] == status => {}
                Some(found) => lacks.push(format!(
                    "{kind} is {}: {}",
                    text(&found["status"]),
                    found["message"].as_str().or(found["reason"].as_str()).unwrap_or("no reason is given")
                )),
                None => lacks.push(format!("{kind} is not set")),
            }
        }
        if self.rollout == Some(true) {
            lacks.extend(rollout(live)?);
        }
        Ok(lacks)
    }
}

fn text(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// What is left of a rollout. <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status>
fn rollout(live: &Json) -> Result<Option<String>, Error> {
    let (status, spec) = (&live["status"], &live["spec"]);
    let count = |name: &str| status[name].as_i64().unwrap_or(0);
    let replicas = spec["replicas"].as_i64().unwrap_or(1);
    let (wanted, updated, ready) = match live["kind"].as_str() {
        Some("Deployment") => (replicas, count("updatedReplicas"), count("availableReplicas")),
        Some("StatefulSet") => (replicas, count("updatedReplicas"), count("readyReplicas")),
        Some("DaemonSet") => {
            (count("desiredNumberScheduled"), count("updatedNumberScheduled"), count("numberAvailable"))
        }
        other => {
            let what = format!("A {} has no rollout to wait for", other.unwrap_or("object without kind"));
            return Err(Error::new(ErrorKind::Invalid, what)
                .help("rollout = true is for Deployments, StatefulSets and DaemonSets."));
        }
    };
    let observed = count("observedGeneration") >= live["metadata"]["generation"].as_i64().unwrap_or(0);
    let old = count("replicas") > wanted && live["kind"] == "Deployment";
    if observed && updated >= wanted && ready >= wanted && !old {
        return Ok(None);
    }
    Ok(Some(if observed {
        format!("the rollout has {updated} of {wanted} updated and {ready} ready")
    } else {
        "the rollout hasn't begun".to_owned()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lacks(wait: &Wait, live: Json) -> Vec<String> {
        wait.lacks(&wait.patterns().unwrap(), &live).unwrap()
    }

    #[test]
    fn fields_and_conditions() {
        let fields = BTreeMap::from([
            ("status.phase".to_owned(), "^Run".to_owned()),
            ("status.ip".to_owned(), "*".to_owned()),
        ]);
        let condition = Condition { kind: Some("Ready".into()), status: Some("True".into()) };
        let wait = Wait { rollout: None, fields: Some(fields), condition: vec![condition] };
        assert_eq!(
            lacks(&wait, json!({"status": {"phase": "Pending"}})),
            ["status.ip is not set", "status.phase is \"Pending\"", "Ready is not set"]
        );
        let conditions = |status: &str| json!([{"type": "Ready", "status": status, "message": "pulling"}]);
        let live = |status: &str| json!({"status": {"phase": "Running", "ip": "10.0.0.1", "conditions": conditions(status)}});
        assert_eq!(lacks(&wait, live("False")), ["Ready is False: pulling"]);
        assert!(lacks(&wait, live("True")).is_empty());
    }

    #[test]
    fn rollouts() {
        let wait = Wait { rollout: Some(true), fields: None, condition: vec![] };
        let deployment = |observed: i64, replicas: i64, available: i64| {
            json!({"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": {
                "observedGeneration": observed, "replicas": replicas, "updatedReplicas": 2, "availableReplicas": available}})
        };
        assert_eq!(lacks(&wait, deployment(1, 2, 2)), ["the rollout hasn't begun"]);
        assert_eq!(lacks(&wait, deployment(2, 2, 1)), ["the rollout has 2 of 2 updated and 1 ready"]);
        assert_eq!(lacks(&wait, deployment(2, 3, 2)).len(), 1, "an old one is still there");
        assert!(lacks(&wait, deployment(2, 2, 2)).is_empty());
        assert!(wait.lacks(&[], &json!({"kind": "ConfigMap"})).is_err());
    }
}

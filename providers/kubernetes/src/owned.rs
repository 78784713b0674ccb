//! What others made of the fields that a manifest names.
//!
//! Three objects are compared: the manifest, what the server had after the last write, and what it has now. What the server made of a value
//! at that write (a quantity in other words, a default, a webhook's change) is no difference; what changed since is. Lists of which only
//! single elements are owned are compared element by element; which these are, `managedFields` says.
//!
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy>

use serde_json::{Map, Value as Json};

/// The manifest as the live object has it: equal to `written` if nobody changed what it names since `last` was seen. Without `last`, values
/// are compared as they are.
pub(crate) fn seen(live: &Json, written: &Json, last: Option<&Json>, manager: &str) -> Json {
    let fields = fields_of(live, manager);
    let at = Node { live: Some(live), last, fields, compared: last.is_some() };
    at.seen(written).unwrap_or(Json::Null)
}

/// A manager has applied something to the object.
pub(crate) fn is_applied_by(live: &Json, manager: &str) -> bool {
    fields_of(live, manager).is_some()
}

/// What a manager has applied: apiVersion, kind, name, and the fields that it owns. None if it has applied nothing.
pub(crate) fn applied(live: &Json, manager: &str) -> Option<Json> {
    let mut object = part(live, fields_of(live, manager)?);
    for name in ["apiVersion", "kind"] {
        object[name] = live[name].clone();
    }
    for name in ["name", "namespace"] {
        if let Some(member) = live["metadata"].get(name) {
            object["metadata"][name] = member.clone();
        }
    }
    Some(object)
}

/// The keys of a map that a manager has written, in whatever way.
pub(crate) fn written(live: &Json, map: &str, manager: &str) -> Vec<String> {
    let entries = live["metadata"]["managedFields"].as_array();
    let ours = entries.into_iter().flatten().filter(|e| e["manager"] == manager);
    let fields = ours.filter_map(|entry| entry["fieldsV1"][format!("f:{map}")].as_object());
    fields.flat_map(Map::keys).filter_map(|key| key.strip_prefix("f:").map(str::to_owned)).collect()
}

/// The part of a value that a set of fields names; all of it where that set goes no deeper.
fn part(live: &Json, fields: &Json) -> Json {
    let Some(names) = fields.as_object().filter(|names| names.keys().any(|n| n != ".")) else {
        return live.clone();
    };
    match live {
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| {
                Some((name.clone(), part(value, names.get(&format!("f:{name}"))?)))
            };
            Json::Object(members.iter().filter_map(member).collect())
        }
        Json::Array(items) => {
            let item = |item: &Json| {
                let owns = |(field, inside): (&String, &Json)| {
                    if let Some(key) =
                        field.strip_prefix("k:").and_then(|k| serde_json::from_str::<Json>(k).ok())
                    {
                        let same =
                            key.as_object().is_some_and(|k| k.iter().all(|(n, v)| item.get(n) == Some(v)));
                        return same.then(|| part(item, inside));
                    }
                    let value = serde_json::from_str::<Json>(field.strip_prefix("v:")?).ok()?;
                    (value == *item).then(|| item.clone())
                };
                names.iter().find_map(owns)
            };
            items.iter().filter_map(item).collect()
        }
        other => other.clone(),
    }
}

/// All that a person may have written of an object: without status and what the server sets.
pub(crate) fn whole(live: &Json) -> Json {
    let mut object = live.clone();
    if let Some(members) = object.as_object_mut() {
        members.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        let kept = ["name", "namespace", "labels", "annotations", "finalizers", "ownerReferences"];
        metadata.retain(|name, _| kept.contains(&name.as_str()));
    }
    object
}

/// The set of fields that a manager owns by server-side apply.
fn fields_of<'a>(live: &'a Json, manager: &str) -> Option<&'a Json> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let ours = entries
        .iter()
        .find(|e| e["manager"] == manager && e["operation"] == "Apply" && e.get("subresource").is_none());
    ours.map(|entry| &entry["fieldsV1"])
}

/// One place in the objects.
#[derive(Clone, Copy)]
struct Node<'a> {
    live: Option<&'a Json>,
    last: Option<&'a Json>,
    fields: Option<&'a Json>,
    /// There is a last object at all; `last` may lack this place.
    compared: bool,
}

impl<'a> Node<'a> {
    fn member(&self, name: &str) -> Node<'a> {
        Node {
            live: self.live.and_then(|l| l.get(name)),
            last: self.last.and_then(|l| l.get(name)),
            fields: self.fields.and_then(|f| f.get(format!("f:{name}"))),
            compared: self.compared,
        }
    }

    /// What `written` has become; none if it isn't there any more.
    fn seen(&self, written: &Json) -> Option<Json> {
        if self.compared && self.live == self.last {
            return Some(written.clone());
        }
        match (self.live, written) {
            (Some(Json::Object(_)), Json::Object(written)) => {
                let members = written.iter().filter_map(|(k, v)| Some((k.clone(), self.member(k).seen(v)?)));
                Some(Json::Object(members.collect()))
            }
            (Some(Json::Array(live)), Json::Array(written)) => Some(self.elements(live, written)),
            // Nothing was written, and nothing is there.
            (None, written) if is_nothing(written) => Some(written.clone()),
            (live, _) => live.cloned(),
        }
    }

    fn elements(&self, live: &[Json], written: &[Json]) -> Json {
        let last = self.last.and_then(Json::as_array).map(Vec::as_slice);
        let names: Vec<&String> =
            self.fields.and_then(Json::as_object).into_iter().flat_map(Map::keys).collect();
        if let Some(keys) = names.iter().find_map(|n| key_names(n)) {
            let same = |a: &Json, b: &Json| keys.iter().all(|key| a.get(key) == b.get(key));
            let element = |written: &Json| {
                let live = live.iter().find(|l| same(l, written))?;
                let last = last.and_then(|all| all.iter().find(|l| same(l, written)));
                Node { live: Some(live), last, fields: self.element_fields(&keys, live), ..*self }
                    .seen(written)
            };
            return written.iter().filter_map(element).collect();
        }
        if names.iter().any(|n| n.starts_with("v:")) {
            return written.iter().filter(|w| live.contains(w)).cloned().collect();
        }
        let element = |(i, live): (usize, &Json)| {
            let Some(written) = written.get(i) else { return live.clone() };
            let last = last.and_then(|all| all.get(i));
            Node { live: Some(live), last, fields: None, ..*self }.seen(written).unwrap_or(Json::Null)
        };
        live.iter().enumerate().map(element).collect()
    }

    /// The fields of a list's element: `k:{"name":"x"}`.
    fn element_fields(&self, keys: &[String], live: &Json) -> Option<&'a Json> {
        let (_, fields) = self.fields?.as_object()?.iter().find(|(name, _)| {
            let key: Option<Json> = name.strip_prefix("k:").and_then(|k| serde_json::from_str(k).ok());
            key.is_some_and(|key| keys.iter().all(|k| key.get(k) == live.get(k)))
        })?;
        Some(fields)
    }
}

/// The names in a key of a list's element: `k:{"name":"x"}`.
fn key_names(field: &str) -> Option<Vec<String>> {
    let key: Map<String, Json> = serde_json::from_str(field.strip_prefix("k:")?).ok()?;
    Some(key.into_iter().map(|(name, _)| name).collect())
}

fn is_nothing(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.values().all(is_nothing),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A live object of which we own everything that `fields` says.
    fn live(mut object: Json, fields: Json) -> Json {
        object["metadata"] =
            json!({"managedFields": [{"manager": "us", "operation": "Apply", "fieldsV1": fields}]});
        object
    }

    #[test]
    fn what_the_server_made_of_it_is_no_difference() {
        let written = json!({"spec": {"hard": {"cpu": "1000m"}, "empty": {}}, "stringData": {"a": "x"}});
        let last = json!({"spec": {"hard": {"cpu": "1"}, "type": "A"}});
        let now = json!({"spec": {"hard": {"cpu": "1"}, "type": "B"}, "status": {"used": 1}});
        assert_eq!(seen(&now, &written, Some(&last), "us"), written);
    }

    #[test]
    fn what_changed_since_is_one() {
        let written = json!({"data": {"a": "1000m", "b": "x"}});
        let last = json!({"data": {"a": "1000m", "b": "x"}});
        let now = json!({"data": {"a": "1", "c": "theirs"}});
        assert_eq!(seen(&now, &written, Some(&last), "us"), json!({"data": {"a": "1"}}));
    }

    #[test]
    fn a_list_that_is_owned_whole_is_compared_whole() {
        let written = json!({"subjects": [{"name": "a"}]});
        let now = live(json!({"subjects": [{"name": "a"}, {"name": "intruder"}]}), json!({"f:subjects": {}}));
        assert_eq!(
            seen(&now, &written, None, "us"),
            json!({"subjects": [{"name": "a"}, {"name": "intruder"}]})
        );
    }

    #[test]
    fn others_elements_are_theirs() {
        let written = json!({"secrets": [{"name": "a"}], "containers": [{"name": "app", "image": "x:1"}]});
        let fields = json!({
            "f:secrets": {"k:{\"name\":\"a\"}": {}},
            "f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}},
        });
        let containers = |image: &str| json!([{"name": "sidecar", "image": "y"}, {"name": "app", "image": image, "tty": false}]);
        let now = live(
            json!({"secrets": [{"name": "b"}, {"name": "a"}], "containers": containers("x:1")}),
            fields.clone(),
        );
        assert_eq!(seen(&now, &written, None, "us"), written);
        let now = live(json!({"secrets": [{"name": "b"}], "containers": containers("x:2")}), fields);
        assert_eq!(
            seen(&now, &written, None, "us"),
            json!({"secrets": [], "containers": [{"name": "app", "image": "x:2"}]})
        );
    }

    #[test]
    fn what_was_applied() {
        let fields = json!({
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:name": {}, "f:image": {}}}, "f:args": {}},
        });
        let mut object = live(json!({"apiVersion": "v1", "kind": "Pod", "status": {}}), fields);
        object["metadata"]["name"] = json!("x");
        object["metadata"]["labels"] = json!({"a": "1", "theirs": "2"});
        object["spec"] = json!({"args": ["a", "b"], "nodeName": "n",
            "containers": [{"name": "sidecar"}, {"name": "app", "image": "x:1", "tty": false}]});
        assert_eq!(
            applied(&object, "us").unwrap(),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {"a": "1"}},
                "spec": {"args": ["a", "b"], "containers": [{"name": "app", "image": "x:1"}]}})
        );
        assert_eq!(applied(&object, "nobody"), None);
    }

    #[test]
    fn elements_of_a_set() {
        let written = json!({"finalizers": ["a"]});
        let now = live(json!({"finalizers": ["theirs", "a"]}), json!({"f:finalizers": {"v:\"a\"": {}}}));
        assert_eq!(seen(&now, &written, None, "us"), written);
    }
}

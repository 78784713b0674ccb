//! Custom resources.

use serde_json::{Value, json};

use super::{Ask, MERGE, STRATEGIC, cluster};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/example.com/v1/namespaces/team/widgets";

fn definition() -> Value {
    json!({ "metadata": { "name": "widgets.example.com" }, "spec": {
        "group": "example.com", "scope": "Namespaced",
        "names": { "plural": "widgets", "kind": "Widget", "shortNames": ["wd"] },
        "versions": [{ "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
            "additionalPrinterColumns": [{ "name": "Size", "type": "integer", "jsonPath": ".spec.size" }],
            "schema": { "openAPIV3Schema": { "type": "object", "required": ["spec"], "properties": {
                "spec": { "type": "object", "required": ["size"], "properties": {
                    "size": { "type": "integer", "minimum": 1, "maximum": 9 },
                    "colour": { "type": "string", "enum": ["red", "blue"], "default": "red" },
                    "parts": { "type": "array", "items": { "type": "string" } },
                } },
                "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
            } } },
        }],
    } })
}

fn widget(spec: Value) -> Value {
    json!({ "apiVersion": "example.com/v1", "kind": "Widget", "metadata": { "name": "w" }, "spec": spec })
}

#[tokio::test]
async fn a_definition_adds_a_resource_at_once() {
    let cluster = cluster().await;
    cluster.get(WIDGETS).await.expect(404);
    let made = cluster.post(DEFINITIONS, definition()).await.expect(201);
    let path = format!("{DEFINITIONS}/widgets.example.com");
    assert_eq!(cluster.get(&path).await.expect(200)["status"]["conditions"][1]["type"], "Established");
    assert_eq!(made["spec"]["names"]["listKind"], "WidgetList");
    let found = cluster.get("/apis/example.com/v1").await.expect(200);
    assert_eq!(found["resources"][0]["shortNames"], json!(["wd"]));
    cluster.post(WIDGETS, widget(json!({ "size": 3 }))).await.expect(201);
    cluster.delete(&path).await.expect(200);
    cluster.get(WIDGETS).await.expect(404);
    // Its objects went with it.
    cluster.post(DEFINITIONS, definition()).await.expect(201);
    assert_eq!(cluster.get(WIDGETS).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn the_schema_fills_in_prunes_and_refuses() {
    let cluster = cluster().await;
    cluster.post(DEFINITIONS, definition()).await.expect(201);
    let made = cluster.post(WIDGETS, widget(json!({ "size": 3, "extra": 1 }))).await;
    assert_eq!(made.header("warning"), r#"299 - "unknown field \"spec.extra\"""#);
    let made = made.expect(201);
    assert_eq!(made["spec"], json!({ "colour": "red", "size": 3 }));
    assert_eq!(made["metadata"]["generation"], 1);
    let path = format!("{WIDGETS}/w");
    for (change, text) in [
        (
            json!({ "size": 10 }),
            "spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9",
        ),
        (
            json!({ "colour": "green" }),
            "spec.colour: Unsupported value: \"green\": supported values: \"red\", \"blue\"",
        ),
        (
            json!({ "parts": "one" }),
            "spec.parts: Invalid value: \"string\": spec.parts in body must be of type array: \"string\"",
        ),
        (json!({ "size": null }), "spec.size: Required value"),
    ] {
        let refused = cluster.patch(&path, MERGE, json!({ "spec": change })).await.expect(422);
        assert_eq!(refused["message"], format!("Widget.example.com \"w\" is invalid: {text}"));
    }
    cluster.patch(&path, STRATEGIC, json!({})).await.expect(415);
    let mut bare = widget(json!({ "size": 4 }));
    let refused = cluster.put(&path, &bare).await.expect(422);
    assert!(refused["message"].as_str().unwrap().ends_with("must be specified for an update"));
    bare["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    assert_eq!(cluster.put(&path, &bare).await.expect(200)["metadata"]["generation"], 2);
}

#[tokio::test]
async fn status_has_a_path_of_its_own() {
    let cluster = cluster().await;
    cluster.post(DEFINITIONS, definition()).await.expect(201);
    let mut object = widget(json!({ "size": 3 }));
    object["status"] = json!({ "ready": true });
    assert!(cluster.post(WIDGETS, object).await.expect(201).get("status").is_none());
    let path = format!("{WIDGETS}/w");
    let change = json!({ "spec": { "size": 9 }, "status": { "ready": true } });
    let changed = cluster.patch(&format!("{path}/status"), MERGE, change).await.expect(200);
    assert_eq!((&changed["spec"]["size"], &changed["status"]["ready"]), (&json!(3), &json!(true)));
    assert_eq!(changed["metadata"]["generation"], 1);
    let kept =
        cluster.patch(&path, MERGE, json!({ "status": null, "spec": { "size": 4 } })).await.expect(200);
    assert_eq!(kept["status"], json!({ "ready": true }));
    let got = cluster
        .ask(Ask { method: "GET", path: WIDGETS, accept: super::TABLE, ..Ask::default() })
        .await
        .expect(200);
    assert_eq!(got["rows"][0]["cells"], json!(["w", 4]));
}

#[tokio::test]
async fn amounts_come_back_as_they_were_sent() {
    let cluster = cluster().await;
    let path = "/apis/quota.openshift.io/v1/clusterresourcequotas";
    let quota = json!({ "apiVersion": "quota.openshift.io/v1", "kind": "ClusterResourceQuota", "metadata": { "name": "q" },
        "spec": { "selector": { "labels": null, "annotations": { "a": "b" } }, "quota": { "hard": { "requests.cpu": 2, "memory": "1024Mi" } } } });
    let made = cluster.post(path, quota).await.expect(201);
    assert_eq!(made["spec"]["quota"]["hard"], json!({ "memory": "1024Mi", "requests.cpu": 2 }));
    let firewalls = "/apis/k8s.ovn.org/v1/namespaces/team/egressfirewalls";
    let other = json!({ "apiVersion": "k8s.ovn.org/v1", "kind": "EgressFirewall", "metadata": { "name": "other" }, "spec": { "egress": [] } });
    let refused = cluster.post(firewalls, other).await.expect(422);
    assert!(refused["message"].as_str().unwrap().ends_with("metadata.name in body should match '^default$'"));
}

//! Server-side apply: owners, conflicts, what is dropped.

use serde_json::{Value, json};

use super::{APPLY, MAPS, MERGE, cluster};

/// Manager, operation and fields of each owner.
fn owners(object: &Value) -> Vec<(String, String, Value)> {
    let list = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list.iter()
        .map(|entry| (text(&entry["manager"]), text(&entry["operation"]), entry["fieldsV1"].clone()))
        .collect()
}

#[tokio::test]
async fn whoever_applies_owns_what_they_set() {
    let cluster = cluster().await;
    let made = cluster.apply_map("fieldManager=one", "m", json!({ "a": "1", "b": "2" })).await.expect(201);
    let fields = json!({ "f:data": { "f:a": {}, "f:b": {} } });
    assert_eq!(owners(&made), [("one".into(), "Apply".into(), fields)]);
    // The same again changes nothing.
    let again = cluster.apply_map("fieldManager=one", "m", json!({ "a": "1", "b": "2" })).await.expect(200);
    assert_eq!(again, made);
}

#[tokio::test]
async fn a_conflict_names_the_manager_and_the_fields() {
    let cluster = cluster().await;
    cluster.apply_map("fieldManager=one", "m", json!({ "a": "1", "b": "2" })).await.expect(201);
    let conflict = cluster.apply_map("fieldManager=two", "m", json!({ "a": "9" })).await.expect(409);
    assert_eq!(conflict["message"], "Apply failed with 1 conflict: conflict with \"one\": .data.a");
    assert_eq!(
        conflict["details"]["causes"],
        json!([{ "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.a" }])
    );
    let conflict =
        cluster.apply_map("fieldManager=two", "m", json!({ "a": "9", "b": "8" })).await.expect(409);
    assert_eq!(
        conflict["message"],
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b"
    );
    let taken = cluster.apply_map("fieldManager=two&force=true", "m", json!({ "a": "9" })).await.expect(200);
    assert_eq!(taken["data"], json!({ "a": "9", "b": "2" }));
    let names: Vec<_> = owners(&taken).into_iter().map(|(name, _, fields)| (name, fields)).collect();
    assert_eq!(
        names,
        [
            ("one".to_owned(), json!({ "f:data": { "f:b": {} } })),
            ("two".to_owned(), json!({ "f:data": { "f:a": {} } })),
        ]
    );
}

#[tokio::test]
async fn a_field_goes_when_its_last_owner_drops_it() {
    let cluster = cluster().await;
    cluster.apply_map("fieldManager=one", "m", json!({ "a": "1", "b": "2" })).await.expect(201);
    cluster.apply_map("fieldManager=two", "m", json!({ "a": "1" })).await.expect(200);
    let left = cluster.apply_map("fieldManager=one", "m", json!({})).await.expect(200);
    assert_eq!(left["data"], json!({ "a": "1" }), "two still owns a");
    let empty = cluster.apply_map("fieldManager=two", "m", json!({})).await.expect(200);
    assert!(empty["data"].as_object().is_none_or(serde_json::Map::is_empty));
}

#[tokio::test]
async fn an_update_takes_fields_from_those_who_applied() {
    let cluster = cluster().await;
    cluster.apply_map("fieldManager=one", "m", json!({ "a": "1" })).await.expect(201);
    let path = format!("{MAPS}/m?fieldManager=updater");
    let updated = cluster.patch(&path, MERGE, json!({ "data": { "a": "5" } })).await.expect(200);
    assert_eq!(owners(&updated), [("updater".into(), "Update".into(), json!({ "f:data": { "f:a": {} } }))]);
    let conflict = cluster.apply_map("fieldManager=one", "m", json!({ "a": "1" })).await.expect(409);
    assert_eq!(
        conflict["message"],
        "Apply failed with 1 conflict: conflict with \"updater\" using v1: .data.a"
    );
}

#[tokio::test]
async fn what_an_apply_is_refused_for() {
    let cluster = cluster().await;
    let path = |query: &str| format!("{MAPS}/m?{query}");
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" } });
    let refused = cluster.patch(&path(""), APPLY, map.clone()).await.expect(422);
    assert!(refused["message"].as_str().unwrap().contains("fieldManager: Required value"));
    let mut odd = map.clone();
    odd["nope"] = 1.into();
    let refused = cluster.patch(&path("fieldManager=one"), APPLY, odd).await.expect(500);
    let text =
        "failed to create typed patch object (/m; /v1, Kind=ConfigMap): .nope: field not declared in schema";
    assert_eq!(refused["message"], text);
    let mut other = map.clone();
    other["metadata"]["name"] = "x".into();
    cluster.patch(&path("fieldManager=one"), APPLY, other).await.expect(400);
    let mut owned = map.clone();
    owned["metadata"]["managedFields"] = json!([{}]);
    cluster.patch(&path("fieldManager=one"), APPLY, owned).await.expect(400);
    cluster.patch(&path("fieldManager=one"), APPLY, json!({ "metadata": { "name": "m" } })).await.expect(400);
}

#[tokio::test]
async fn items_of_a_keyed_list_have_their_own_owners() {
    let cluster = cluster().await;
    let path = "/api/v1/namespaces/team/services/web";
    let service = |ports: Value| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" }, "spec": { "ports": ports } });
    let http = json!([{ "name": "http", "port": 80 }]);
    let https = json!([{ "name": "https", "port": 443 }]);
    cluster.patch(&format!("{path}?fieldManager=one"), APPLY, service(http)).await.expect(201);
    let both =
        cluster.patch(&format!("{path}?fieldManager=two"), APPLY, service(https.clone())).await.expect(200);
    assert_eq!(both["spec"]["ports"].as_array().unwrap().len(), 2);
    let fields = &owners(&both)[1].2["f:spec"]["f:ports"];
    assert!(fields.get("k:{\"port\":443,\"protocol\":\"TCP\"}").is_some(), "{fields}");
    let one = cluster.patch(&format!("{path}?fieldManager=one"), APPLY, service(json!([]))).await.expect(200);
    assert_eq!(one["spec"]["ports"][0]["name"], "https");
    assert_eq!(one["spec"]["ports"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_dry_run_of_an_apply_is_the_plan() {
    let cluster = cluster().await;
    let made = cluster.apply_map("fieldManager=one", "m", json!({ "a": "1" })).await.expect(201);
    let planned =
        cluster.apply_map("fieldManager=one&dryRun=All", "m", json!({ "a": "2" })).await.expect(200);
    assert_eq!(planned["data"]["a"], "2");
    assert_eq!(cluster.get(&format!("{MAPS}/m")).await.expect(200), made);
}

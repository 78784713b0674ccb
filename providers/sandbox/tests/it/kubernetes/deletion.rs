//! Deletion: finalizers, owners, namespaces.

use serde_json::json;

use super::{Ask, MAPS, MERGE, cluster};
use crate::lab::until;

#[tokio::test]
async fn a_finalizer_holds_an_object() {
    let cluster = cluster().await;
    cluster.map("held", json!({})).await;
    let path = format!("{MAPS}/held");
    cluster
        .patch(&path, MERGE, json!({ "metadata": { "finalizers": ["example.com/hold"] } }))
        .await
        .expect(200);
    let marked = cluster.delete(&path).await.expect(200);
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(cluster.delete(&path).await.expect(200), marked, "again: as before");
    let more = json!({ "metadata": { "finalizers": ["example.com/hold", "example.com/more"] } });
    let refused = cluster.patch(&path, MERGE, more).await.expect(422);
    assert!(refused["message"].as_str().unwrap().contains("no new finalizers can be added"));
    cluster.patch(&path, MERGE, json!({ "metadata": { "finalizers": null } })).await.expect(200);
    cluster.get(&path).await.expect(404);
    cluster.map("bad", json!({})).await;
    let path = format!("{MAPS}/bad");
    cluster.patch(&path, MERGE, json!({ "metadata": { "finalizers": ["nodomain"] } })).await.expect(422);
}

#[tokio::test]
async fn preconditions_guard_a_deletion() {
    let cluster = cluster().await;
    let made = cluster.map("one", json!({})).await;
    let delete = |conditions: serde_json::Value| {
        let body =
            json!({ "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": conditions }).to_string();
        let path = format!("{MAPS}/one");
        let cluster = &cluster;
        async move { cluster.ask(Ask { method: "DELETE", path: &path, body: Some(body), ..Ask::default() }).await }
    };
    let refused = delete(json!({ "resourceVersion": "1" })).await.expect(409);
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("the ResourceVersion in the precondition (1) does not match")
    );
    delete(json!({ "uid": "00000000-0000-0000-0000-000000000000" })).await.expect(409);
    let done = delete(json!({ "uid": made["metadata"]["uid"] })).await.expect(200);
    assert_eq!(done["details"]["uid"], made["metadata"]["uid"]);
    assert_eq!(done["status"], "Success");
}

#[tokio::test]
async fn what_an_object_owns_goes_with_it() {
    let cluster = cluster().await;
    let owned_by = |owner: &serde_json::Value, name: &str| {
        json!({ "metadata": { "name": name, "ownerReferences": [{
            "apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": true,
        }] } })
    };
    let owner = cluster.map("owner", json!({})).await;
    cluster.post(MAPS, owned_by(&owner, "dependent")).await.expect(201);
    let marked = cluster.delete(&format!("{MAPS}/owner?propagationPolicy=Foreground")).await.expect(200);
    assert_eq!(marked["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    until(async || cluster.get(&format!("{MAPS}/owner")).await.status == 404).await;
    cluster.get(&format!("{MAPS}/dependent")).await.expect(404);

    let owner = cluster.map("owner", json!({})).await;
    cluster.post(MAPS, owned_by(&owner, "dependent")).await.expect(201);
    cluster.delete(&format!("{MAPS}/owner")).await.expect(200);
    until(async || cluster.get(&format!("{MAPS}/dependent")).await.status == 404).await;

    let owner = cluster.map("owner", json!({})).await;
    cluster.post(MAPS, owned_by(&owner, "dependent")).await.expect(201);
    cluster.delete(&format!("{MAPS}/owner?propagationPolicy=Orphan")).await.expect(200);
    let orphan = cluster.get(&format!("{MAPS}/dependent")).await.expect(200);
    assert!(orphan["metadata"].get("ownerReferences").is_none());
    cluster.delete(&format!("{MAPS}/dependent?propagationPolicy=Nope")).await.expect(422);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let cluster = cluster().await;
    for name in ["a", "b", "c"] {
        let label = if name == "c" { "no" } else { "yes" };
        cluster
            .post(MAPS, json!({ "metadata": { "name": name, "labels": { "go": label } } }))
            .await
            .expect(201);
    }
    let gone = cluster.delete(&format!("{MAPS}?labelSelector=go%3Dyes")).await.expect(200);
    assert_eq!(gone["items"].as_array().unwrap().len(), 2);
    cluster.get(&format!("{MAPS}/a")).await.expect(404);
    cluster.get(&format!("{MAPS}/c")).await.expect(200);
}

#[tokio::test]
async fn a_namespace_goes_in_two_phases() {
    let cluster = cluster().await;
    cluster.map("plain", json!({})).await;
    let held = json!({ "metadata": { "name": "held", "finalizers": ["example.com/hold"] } });
    cluster.post(MAPS, held).await.expect(201);
    let going = cluster.delete("/api/v1/namespaces/team").await.expect(200);
    assert_eq!(going["status"]["phase"], "Terminating");
    let late = cluster.post(MAPS, json!({ "metadata": { "name": "late" } })).await.expect(403);
    assert_eq!(late["details"]["causes"][0]["reason"], "NamespaceTerminating");
    let again =
        cluster.post("/api/v1/namespaces", json!({ "metadata": { "name": "team" } })).await.expect(409);
    assert_eq!(again["message"], "object is being deleted: namespaces \"team\" already exists");
    until(async || {
        let namespace = cluster.get("/api/v1/namespaces/team").await.body;
        let conditions = namespace["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let text = "Some resources are remaining: configmaps. has 1 resource instances";
        conditions.iter().any(|condition| condition["message"] == text)
    })
    .await;
    cluster.get(&format!("{MAPS}/plain")).await.expect(404);
    cluster
        .patch(&format!("{MAPS}/held"), MERGE, json!({ "metadata": { "finalizers": null } }))
        .await
        .expect(200);
    until(async || cluster.get("/api/v1/namespaces/team").await.status == 404).await;
    cluster.post("/api/v1/namespaces", json!({ "metadata": { "name": "team" } })).await.expect(201);
}

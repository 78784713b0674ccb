//! What was made is there after a restart, and what was under way goes on.

use serde_json::json;

use super::{MAPS, MERGE, cluster};
use crate::lab::until;

#[tokio::test]
async fn objects_versions_and_definitions_stay() {
    let mut cluster = cluster().await;
    let made = cluster.map("one", json!({ "a": "1" })).await;
    cluster
        .delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/egressqoses.k8s.ovn.org")
        .await
        .expect(200);
    cluster.restart().await;
    assert_eq!(cluster.get(&format!("{MAPS}/one")).await.expect(200), made);
    let next = cluster.map("two", json!({})).await;
    let number = |object: &serde_json::Value| {
        object["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap()
    };
    assert!(number(&next) > number(&made));
    // What was taken away is not made again.
    cluster.get("/apis/k8s.ovn.org/v1/namespaces/team/egressqoses").await.expect(404);
    cluster.get("/apis/k8s.ovn.org/v1/namespaces/team/egressfirewalls").await.expect(200);
    let list = cluster.get(&format!("{MAPS}?limit=1")).await.expect(200);
    let token = list["metadata"]["continue"].as_str().unwrap().to_owned();
    cluster.map("three", json!({})).await;
    cluster.restart().await;
    let expired = cluster.get(&format!("{MAPS}?limit=1&continue={token}")).await.expect(410);
    assert_eq!(expired["reason"], "Expired");
    let token = expired["metadata"]["continue"].as_str().unwrap();
    let rest = cluster.get(&format!("{MAPS}?continue={token}")).await.expect(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 3, "an inconsistent list, as asked for");
}

#[tokio::test]
async fn a_deletion_goes_on() {
    let mut cluster = cluster().await;
    let held = json!({ "metadata": { "name": "held", "finalizers": ["example.com/hold"] } });
    cluster.post(MAPS, held).await.expect(201);
    cluster.delete("/api/v1/namespaces/team").await.expect(200);
    cluster.restart().await;
    cluster
        .patch(&format!("{MAPS}/held"), MERGE, json!({ "metadata": { "finalizers": null } }))
        .await
        .expect(200);
    until(async || cluster.get("/api/v1/namespaces/team").await.status == 404).await;
}

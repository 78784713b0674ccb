//! Watches.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ask, Cluster, MAPS, MERGE, cluster};

/// The events of a watch that ends by itself.
async fn events(cluster: &Cluster, path: &str) -> Vec<Value> {
    let text = cluster
        .request(Ask { method: "GET", path, ..Ask::default() })
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kinds(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| {
            let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
            format!("{} {name}", event["type"].as_str().unwrap()).trim().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn changes_come_as_they_happen() {
    let cluster = cluster().await;
    let start =
        cluster.get(MAPS).await.expect(200)["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let path = format!("{MAPS}?watch=true&resourceVersion={start}&timeoutSeconds=1&labelSelector=w%3D1");
    let watching = events(&cluster, &path);
    let writing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cluster.post(MAPS, json!({ "metadata": { "name": "x", "labels": { "w": "1" } } })).await.expect(201);
        let one = format!("{MAPS}/x");
        cluster.patch(&one, MERGE, json!({ "data": { "a": "1" } })).await.expect(200);
        // It leaves the selection, and comes back into it.
        cluster.patch(&one, MERGE, json!({ "metadata": { "labels": { "w": "0" } } })).await.expect(200);
        cluster.patch(&one, MERGE, json!({ "metadata": { "labels": { "w": "1" } } })).await.expect(200);
        cluster.delete(&one).await.expect(200);
    };
    let (seen, ()) = tokio::join!(watching, writing);
    let expected = ["ADDED x", "MODIFIED x", "DELETED x", "ADDED x", "DELETED x"];
    assert_eq!(kinds(&seen), expected);
    assert_eq!(kinds(&events(&cluster, &path).await), expected, "from the same version, later");
}

#[tokio::test]
async fn a_watch_may_begin_with_what_is_there() {
    let cluster = cluster().await;
    cluster.map("one", json!({})).await;
    let name = "fieldSelector=metadata.name%3Done&timeoutSeconds=0";
    assert_eq!(kinds(&events(&cluster, &format!("{MAPS}?watch=1&{name}")).await), ["ADDED one"]);
    let path = format!(
        "{MAPS}?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&{name}"
    );
    let seen = events(&cluster, &path).await;
    assert_eq!(kinds(&seen), ["ADDED one", "BOOKMARK"]);
    assert_eq!(seen[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    let single = "/api/v1/watch/namespaces/team/configmaps/one?timeoutSeconds=0";
    assert_eq!(kinds(&events(&cluster, single).await), ["ADDED one"]);
}

#[tokio::test]
async fn a_version_from_before_the_start_is_too_old() {
    let mut cluster = cluster().await;
    cluster.map("one", json!({})).await;
    cluster.restart().await;
    let seen = events(&cluster, &format!("{MAPS}?watch=1&resourceVersion=1&timeoutSeconds=1")).await;
    assert_eq!(seen[0]["type"], "ERROR");
    assert_eq!(seen[0]["object"]["code"], 410);
    let unread = cluster.get(&format!("{MAPS}?watch=1&resourceVersion=abc")).await.expect(500);
    assert!(unread["message"].as_str().unwrap().contains("invalid syntax"));
}

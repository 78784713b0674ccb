//! Lists: pages, selectors, versions, tables.

use serde_json::{Value, json};

use super::{Ask, Cluster, MAPS, MERGE, TABLE, cluster};

async fn ten(cluster: &Cluster) {
    for number in 0..10 {
        let labels = json!({ "odd": (number % 2).to_string(), "page": "yes" });
        let body = json!({ "metadata": { "name": format!("m{number}"), "labels": labels } });
        cluster.post(MAPS, body).await.expect(201);
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_are_of_one_version_whatever_happens_meanwhile() {
    let cluster = cluster().await;
    ten(&cluster).await;
    let first = cluster.get(&format!("{MAPS}?limit=4")).await.expect(200);
    assert_eq!(names(&first), ["kube-root-ca.crt", "m0", "m1", "m2"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 7);
    // Between the pages: one is deleted, one changed, one made.
    cluster.delete(&format!("{MAPS}/m5")).await.expect(200);
    cluster.patch(&format!("{MAPS}/m6"), MERGE, json!({ "data": { "x": "y" } })).await.expect(200);
    cluster.map("m55", json!({})).await;
    let mut rest = Vec::new();
    let mut token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    while !token.is_empty() {
        let page = cluster.get(&format!("{MAPS}?limit=4&continue={token}")).await.expect(200);
        assert_eq!(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        rest.extend(page["items"].as_array().unwrap().clone());
        token = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
    }
    let rest = json!({ "items": rest });
    assert_eq!(names(&rest), ["m3", "m4", "m5", "m6", "m7", "m8", "m9"]);
    assert!(rest["items"][3].get("data").is_none(), "as it was at the first page");
}

#[tokio::test]
async fn selectors_choose() {
    let cluster = cluster().await;
    ten(&cluster).await;
    for (query, expected) in [
        ("labelSelector=odd%3D1", 5),
        ("labelSelector=page%3Dyes%2Codd!%3D1", 5),
        ("labelSelector=odd%20in%20(0%2C1)%2C!none", 10),
        ("labelSelector=odd%20notin%20(0)", 6),
        ("labelSelector=page", 10),
        ("fieldSelector=metadata.name%3Dm3", 1),
        ("fieldSelector=metadata.name!%3Dm3", 10),
    ] {
        let list = cluster.get(&format!("{MAPS}?{query}")).await.expect(200);
        assert_eq!(names(&list).len(), expected, "{query}");
    }
    let bad = cluster.get(&format!("{MAPS}?labelSelector=a%3D%3D%3Db")).await.expect(400);
    assert_eq!(bad["message"], "unable to parse requirement: found '=', expected: identifier");
    let bad = cluster.get(&format!("{MAPS}?fieldSelector=data.a%3D1")).await.expect(400);
    assert!(bad["message"].as_str().unwrap().contains("is not a known field selector"));
}

#[tokio::test]
async fn items_say_neither_kind_nor_version_unless_they_are_custom() {
    let cluster = cluster().await;
    let list = cluster.get("/api/v1/configmaps").await.expect(200);
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("ConfigMapList"), &json!("v1")));
    assert!(list["items"][0].get("kind").is_none());
    let quota = json!({ "apiVersion": "quota.openshift.io/v1", "kind": "ClusterResourceQuota", "metadata": { "name": "q" },
        "spec": { "selector": { "labels": { "matchLabels": { "a": "b" } } }, "quota": { "hard": { "pods": 1 } } } });
    let path = "/apis/quota.openshift.io/v1/clusterresourcequotas";
    cluster.post(path, quota).await.expect(201);
    assert_eq!(cluster.get(path).await.expect(200)["items"][0]["kind"], "ClusterResourceQuota");
    assert_eq!(cluster.get("/api/v1/namespaces/none/configmaps").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_version_that_is_not_there_yet_is_a_timeout() {
    let cluster = cluster().await;
    let early = cluster.get(&format!("{MAPS}?resourceVersion=999999999")).await;
    assert_eq!(early.header("retry-after"), "1");
    assert_eq!(early.expect(504)["reason"], "Timeout");
    let garbage = cluster.get(&format!("{MAPS}?limit=3&continue=garbage")).await.expect(400);
    assert!(garbage["message"].as_str().unwrap().starts_with("invalid continue token"));
}

#[tokio::test]
async fn tables_are_what_kubectl_prints() {
    let cluster = cluster().await;
    cluster.map("one", json!({ "a": "1", "b": "2" })).await;
    let got =
        cluster.ask(Ask { method: "GET", path: MAPS, accept: TABLE, ..Ask::default() }).await.expect(200);
    let columns: Vec<_> = got["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(columns, ["Name", "Data", "Age"]);
    assert_eq!(got["rows"][1]["cells"].as_array().unwrap()[..2], [json!("one"), json!(2)]);
    assert_eq!(got["rows"][1]["object"]["kind"], "PartialObjectMetadata");
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let got = cluster.ask(Ask { method: "GET", path: MAPS, accept, ..Ask::default() }).await.expect(200);
    assert!(got["items"][1].get("data").is_none());
    cluster.ask(Ask { method: "GET", path: MAPS, accept: "text/html", ..Ask::default() }).await.expect(406);
}

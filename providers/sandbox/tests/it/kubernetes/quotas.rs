//! Resource quotas, limit ranges, quotas of the cluster.

use serde_json::{Value, json};

use super::{Cluster, MAPS, MERGE, cluster};
use crate::lab::until;

const QUOTAS: &str = "/api/v1/namespaces/team/resourcequotas";
const PODS: &str = "/api/v1/namespaces/team/pods";

async fn quota(cluster: &Cluster, hard: Value) {
    cluster.post(QUOTAS, json!({ "metadata": { "name": "q" }, "spec": { "hard": hard } })).await.expect(201);
    let path = format!("{QUOTAS}/q");
    until(async || cluster.get(&path).await.body["status"]["used"].is_object()).await;
}

fn pod(name: &str, resources: Value) -> Value {
    json!({ "metadata": { "name": name }, "spec": { "containers": [{ "name": "c", "image": "app:1", "resources": resources }] } })
}

#[tokio::test]
async fn a_full_quota_refuses() {
    let cluster = cluster().await;
    quota(&cluster, json!({ "count/configmaps": "2" })).await;
    cluster.map("fits", json!({})).await;
    let refused = cluster.post(MAPS, json!({ "metadata": { "name": "more" } })).await.expect(403);
    assert_eq!(
        refused["message"],
        "configmaps \"more\" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=2, \
         limited: count/configmaps=2"
    );
    let status = cluster.get(&format!("{QUOTAS}/q")).await.expect(200)["status"].clone();
    assert_eq!(status["used"], json!({ "count/configmaps": "2" }));
    cluster.delete(&format!("{MAPS}/fits")).await.expect(200);
    until(async || cluster.post(MAPS, json!({ "metadata": { "name": "more" } })).await.status == 201).await;
}

#[tokio::test]
async fn the_status_follows_the_spec() {
    let cluster = cluster().await;
    quota(&cluster, json!({ "pods": "1", "secrets": "5" })).await;
    let path = format!("{QUOTAS}/q");
    cluster
        .patch(&path, MERGE, json!({ "spec": { "hard": { "pods": "3", "secrets": null } } }))
        .await
        .expect(200);
    until(async || cluster.get(&path).await.body["status"]["hard"] == json!({ "pods": "3" })).await;
    assert_eq!(cluster.get(&path).await.body["status"]["used"], json!({ "pods": "0" }));
}

#[tokio::test]
async fn a_pod_states_what_the_quota_counts_or_the_limit_range_does() {
    let cluster = cluster().await;
    quota(&cluster, json!({ "pods": "1", "requests.cpu": "500m", "limits.memory": "1Gi" })).await;
    let refused = cluster.post(PODS, pod("p", json!({}))).await.expect(403);
    assert_eq!(
        refused["message"],
        "pods \"p\" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c"
    );
    let range = json!({ "metadata": { "name": "l" }, "spec": { "limits": [{
        "type": "Container", "default": { "cpu": "200m", "memory": "256Mi" }, "defaultRequest": { "cpu": "100m" },
        "max": { "memory": "512Mi" }, "min": { "cpu": "50m" },
    }] } });
    cluster.post("/api/v1/namespaces/team/limitranges", range).await.expect(201);
    let made = cluster.post(PODS, pod("p", json!({}))).await.expect(201);
    assert_eq!(
        made["spec"]["containers"][0]["resources"],
        json!({ "limits": { "cpu": "200m", "memory": "256Mi" }, "requests": { "cpu": "100m", "memory": "256Mi" } })
    );
    assert_eq!(made["status"], json!({ "phase": "Pending", "qosClass": "Burstable" }));
    let big = json!({ "limits": { "memory": "2Gi", "cpu": "1" }, "requests": { "cpu": "10m" } });
    let refused = cluster.post(PODS, pod("big", big)).await.expect(403);
    assert_eq!(
        refused["message"],
        "pods \"big\" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, maximum memory usage \
         per Container is 512Mi, but limit is 2Gi]"
    );
    let used = cluster.get(&format!("{QUOTAS}/q")).await.expect(200)["status"]["used"].clone();
    assert_eq!(used, json!({ "limits.memory": "256Mi", "pods": "1", "requests.cpu": "100m" }));
}

#[tokio::test]
async fn what_a_quota_and_a_limit_range_are_refused_for() {
    let cluster = cluster().await;
    let bad = json!({ "metadata": { "name": "q" }, "spec": { "hard": { "pods": "-1", "nope": "1" } } });
    let refused = cluster.post(QUOTAS, bad).await.expect(422);
    assert_eq!(
        refused["message"],
        "ResourceQuota \"q\" is invalid: [spec.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0, \
         spec.hard[nope]: Invalid value: \"nope\": must be a standard resource type or fully qualified, \
         spec.hard[nope]: Invalid value: \"nope\": must be a standard resource for quota]"
    );
    let many = json!({ "metadata": { "name": "q" }, "spec": { "hard": { "pods": "many" } } });
    let refused = cluster.post(QUOTAS, many).await.expect(400);
    assert!(refused["message"].as_str().unwrap().contains("quantities must match the regular expression"));
    let range = json!({ "metadata": { "name": "l" }, "spec": { "limits": [
        { "type": "Container", "min": { "cpu": "2" }, "max": { "cpu": "1" } },
    ] } });
    let refused = cluster.post("/api/v1/namespaces/team/limitranges", range).await.expect(422);
    assert_eq!(refused["details"]["causes"][0]["field"], "spec.limits[0].min[cpu]");
}

#[tokio::test]
async fn a_quota_of_the_cluster_counts_all_selected_namespaces() {
    let cluster = cluster().await;
    for name in ["a", "b"] {
        let namespace = json!({ "metadata": { "name": name, "labels": { "team": "x" } } });
        cluster.post("/api/v1/namespaces", namespace).await.expect(201);
    }
    let path = "/apis/quota.openshift.io/v1/clusterresourcequotas";
    let quota = json!({ "apiVersion": "quota.openshift.io/v1", "kind": "ClusterResourceQuota", "metadata": { "name": "x" },
        "spec": { "selector": { "labels": { "matchLabels": { "team": "x" } } }, "quota": { "hard": { "secrets": "2" } } } });
    cluster.post(path, quota).await.expect(201);
    let secret = |name: &str| json!({ "metadata": { "name": name } });
    cluster.post("/api/v1/namespaces/a/secrets", secret("s")).await.expect(201);
    cluster.post("/api/v1/namespaces/b/secrets", secret("s")).await.expect(201);
    let refused = cluster.post("/api/v1/namespaces/a/secrets", secret("t")).await.expect(403);
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("exceeded quota: x, requested: secrets=1, used: secrets=2, limited: secrets=2")
    );
    let path = format!("{path}/x");
    until(async || cluster.get(&path).await.body["status"]["total"]["used"]["secrets"] == "2").await;
    let status = cluster.get(&path).await.expect(200)["status"].clone();
    assert_eq!(status["namespaces"][1]["namespace"], "b");
    let seen = cluster
        .get("/apis/quota.openshift.io/v1/namespaces/b/appliedclusterresourcequotas/x")
        .await
        .expect(200);
    assert_eq!(seen["status"]["namespaces"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_namespace_enters_and_leaves_a_quota_of_the_cluster() {
    let mut cluster = cluster().await;
    let path = "/apis/quota.openshift.io/v1/clusterresourcequotas";
    let quota = json!({ "apiVersion": "quota.openshift.io/v1", "kind": "ClusterResourceQuota", "metadata": { "name": "x" },
        "spec": { "selector": { "labels": { "matchLabels": { "team": "x" } } }, "quota": { "hard": { "secrets": "0" } } } });
    cluster.post(path, quota).await.expect(201);
    let secret = |name: &str| json!({ "metadata": { "name": name } });
    let secrets = "/api/v1/namespaces/team/secrets";
    cluster.post(secrets, secret("a")).await.expect(201);
    let label = |value: Value| json!({ "metadata": { "labels": { "team": value } } });
    cluster.patch("/api/v1/namespaces/team", MERGE, label("x".into())).await.expect(200);
    cluster.post(secrets, secret("b")).await.expect(403);
    cluster.restart().await;
    cluster.post(secrets, secret("b")).await.expect(403);
    cluster.patch("/api/v1/namespaces/team", MERGE, label(Value::Null)).await.expect(200);
    cluster.post(secrets, secret("b")).await.expect(201);
    let path = format!("{path}/x");
    until(async || cluster.get(&path).await.body["status"]["namespaces"] == json!([])).await;
}

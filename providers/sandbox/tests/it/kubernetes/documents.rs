//! Discovery, OpenAPI, health, errors of paths.

use serde_json::{Value, json};

use super::{Ask, MAPS, cluster};

#[tokio::test]
async fn discovery_tells_groups_and_resources() {
    let cluster = cluster().await;
    assert_eq!(cluster.get("/version").await.expect(200)["minor"], "36");
    for path in ["/healthz", "/readyz", "/livez"] {
        assert_eq!(cluster.get(path).await.expect(200), "ok");
    }
    let core = cluster.get("/api/v1").await.expect(200);
    let find = |list: &Value, name: &str| {
        list["resources"].as_array().unwrap().iter().find(|entry| entry["name"] == name).cloned().unwrap()
    };
    let quota = find(&core, "resourcequotas");
    assert_eq!((&quota["kind"], &quota["shortNames"]), (&json!("ResourceQuota"), &json!(["quota"])));
    assert_eq!(find(&core, "resourcequotas/status")["verbs"], json!(["get", "patch", "update"]));
    let group = cluster.get("/apis/rbac.authorization.k8s.io").await.expect(200);
    assert_eq!(group["preferredVersion"]["version"], "v1");
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let all = cluster.ask(Ask { method: "GET", path: "/apis", accept, ..Ask::default() }).await;
    assert_eq!(
        all.header("content-type"),
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    let all = all.expect(200);
    let names: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect();
    for name in ["apps", "project.openshift.io", "route.openshift.io", "argoproj.io", "k8s.ovn.org"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn openapi_has_what_clients_look_for() {
    let cluster = cluster().await;
    let old = cluster.get("/openapi/v2").await.expect(200);
    let map = &old["definitions"]["io.k8s.api.core.v1.ConfigMap"];
    assert_eq!(
        map["x-kubernetes-group-version-kind"],
        json!([{ "group": "", "version": "v1", "kind": "ConfigMap" }])
    );
    let path = "/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications/{name}";
    let parameters = old["paths"][path]["patch"]["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|parameter| parameter["name"] == "dryRun"));
    let accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let binary = cluster.ask(Ask { method: "GET", path: "/openapi/v2", accept, ..Ask::default() }).await;
    assert_eq!(binary.header("content-type"), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    let index = cluster.get("/openapi/v3").await.expect(200);
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
    let new = cluster.get(url).await.expect(200);
    assert!(new["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"].is_object());
    // Every reference of a document is in it.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(&new, &mut found);
    for reference in found {
        let name = reference.rsplit('/').next().unwrap();
        assert!(new["components"]["schemas"].get(name).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn paths_that_are_not_there() {
    let cluster = cluster().await;
    for path in ["/nope", "/apis/nope.example.com/v1", "/apis/nope.example.com/v1/things"] {
        assert_eq!(cluster.get(path).await.expect(404), "404 page not found\n", "{path}");
    }
    let missing = cluster.get("/api/v1/namespaces/team/things").await.expect(404);
    assert_eq!(missing["message"], "the server could not find the requested resource");
    cluster.put(MAPS, &json!({})).await.expect(405);
    cluster.post(&format!("{MAPS}/one"), json!({})).await.expect(405);
}

#[tokio::test]
async fn a_fault_is_told_as_a_status() {
    let cluster = cluster().await;
    let faults = "/-/sandbox/faults";
    cluster
        .post(faults, json!({ "kind": "too_many_requests", "retry_after": 7, "next": 1 }))
        .await
        .expect(200);
    let busy = cluster.get(MAPS).await;
    assert_eq!(busy.header("retry-after"), "7");
    let busy = busy.expect(429);
    assert_eq!((&busy["kind"], &busy["reason"]), (&json!("Status"), &json!("TooManyRequests")));
    cluster.post(faults, json!({ "kind": "server_error", "status": 503, "next": 1 })).await.expect(200);
    assert_eq!(cluster.get(MAPS).await.expect(503)["reason"], "ServiceUnavailable");
    // The answer is lost, the object is there.
    cluster.post(faults, json!({ "kind": "drop_after", "methods": ["POST"], "next": 1 })).await.expect(200);
    let body = Some(json!({ "metadata": { "name": "lost" } }).to_string());
    let lost = cluster.request(Ask { method: "POST", path: MAPS, body, ..Ask::default() }).send().await;
    assert!(lost.is_err());
    cluster.get(&format!("{MAPS}/lost")).await.expect(200);
}

//! OpenShift: projects and routes.

use serde_json::{Value, json};

use super::{Ask, MERGE, cluster};
use crate::lab::until;

const PROJECTS: &str = "/apis/project.openshift.io/v1/projects";
const REQUESTS: &str = "/apis/project.openshift.io/v1/projectrequests";

fn request(name: &str) -> Value {
    json!({ "apiVersion": "project.openshift.io/v1", "kind": "ProjectRequest", "metadata": { "name": name },
        "displayName": "Carto", "description": "Maps" })
}

#[tokio::test]
async fn whoever_asks_for_a_project_becomes_its_admin() {
    let cluster = cluster().await;
    let dev = Some(("dev", "developers"));
    let body = Some(request("carto").to_string());
    let made = cluster
        .ask(Ask { method: "POST", path: REQUESTS, body, as_user: dev, ..Ask::default() })
        .await
        .expect(201);
    assert_eq!(made["kind"], "Project");
    let annotations = &made["metadata"]["annotations"];
    assert_eq!(annotations["openshift.io/display-name"], "Carto");
    assert_eq!(annotations["openshift.io/description"], "Maps");
    assert_eq!(annotations["openshift.io/requester"], "dev");
    let binding = cluster
        .get("/apis/rbac.authorization.k8s.io/v1/namespaces/carto/rolebindings/admin")
        .await
        .expect(200);
    assert_eq!(binding["subjects"][0]["name"], "dev");
    let maps = "/api/v1/namespaces/carto/configmaps";
    let body = Some(json!({ "metadata": { "name": "m" } }).to_string());
    cluster.ask(Ask { method: "POST", path: maps, body, as_user: dev, ..Ask::default() }).await.expect(201);
    // They see their own project, and no other.
    let seen =
        cluster.ask(Ask { method: "GET", path: PROJECTS, as_user: dev, ..Ask::default() }).await.expect(200);
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    assert_eq!(seen["items"][0]["metadata"]["name"], "carto");
    let taken = cluster.post(REQUESTS, request("carto")).await.expect(409);
    assert_eq!(taken["message"], "projects.project.openshift.io \"carto\" already exists");
}

#[tokio::test]
async fn a_project_is_a_view_of_its_namespace() {
    let cluster = cluster().await;
    cluster.post(REQUESTS, request("carto")).await.expect(201);
    let path = format!("{PROJECTS}/carto");
    let change = json!({ "metadata": { "annotations": { "openshift.io/display-name": "New" }, "labels": { "a": "b" } } });
    assert_eq!(cluster.patch(&path, MERGE, change).await.expect(200)["kind"], "Project");
    let namespace = cluster.get("/api/v1/namespaces/carto").await.expect(200);
    assert_eq!(namespace["metadata"]["annotations"]["openshift.io/display-name"], "New");
    assert_eq!(namespace["metadata"]["labels"]["kubernetes.io/metadata.name"], "carto");
    assert_eq!(cluster.get(&path).await.expect(200)["status"]["phase"], "Active");
    assert_eq!(cluster.delete(&path).await.expect(200)["status"], "Success");
    until(async || cluster.get(&path).await.status == 404).await;
    cluster.get("/api/v1/namespaces/carto").await.expect(404);
}

#[tokio::test]
async fn a_route_gets_a_host_and_is_admitted() {
    let cluster = cluster().await;
    let path = "/apis/route.openshift.io/v1/namespaces/team/routes";
    let route = json!({ "apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": { "name": "web" },
        "spec": { "to": { "kind": "Service", "name": "web" } } });
    let made = cluster.post(path, route).await.expect(201);
    assert_eq!(made["spec"]["host"], "web-team.apps.sandbox.example");
    assert_eq!(made["spec"]["to"]["weight"], 100);
    assert_eq!(made["spec"]["wildcardPolicy"], "None");
    let one = format!("{path}/web");
    until(async || {
        cluster.get(&one).await.body["status"]["ingress"][0]["conditions"][0]["type"] == "Admitted"
    })
    .await;
    let bad = json!({ "apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": { "name": "x" },
        "spec": { "to": { "kind": "Service", "name": "w", "weight": 999 }, "tls": { "termination": "sideways" } } });
    let refused = cluster.post(path, bad).await.expect(422);
    assert_eq!(refused["details"]["causes"].as_array().unwrap().len(), 3);
}

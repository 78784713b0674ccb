//! Every type lives one object's life.

use pilotis_sandbox::{Action, Fault};
use pilotis_sdk::testkit::{Life, live};
use pilotis_sdk::{Found, Outcome};
use serde_json::{Value as Json, json};

use super::world::World;

/// One life in a namespace of its own, which is made if the type lies in one.
async fn life(type_name: &str, first: Json, then: Json, id: &'static str) {
    let world = World::new().await;
    let metadata = [&first["metadata"]["namespace"], &first["manifest"]["metadata"]["namespace"]];
    if let Some(namespace) = metadata.iter().find_map(|m| m.as_str()) {
        world.namespace(namespace).await;
    }
    let (config, change) = (world.config(type_name, &first), world.config(type_name, &then));
    let arguments = |given: &Json, of: &pilotis_sdk::value::Value| {
        let names: Vec<String> = given.as_object().unwrap().keys().cloned().collect();
        names.into_iter().map(|n| (n.clone(), of.get(&n).unwrap().clone())).collect::<Vec<_>>()
    };
    let (config, change) = (arguments(&first, &config), arguments(&then, &change));
    let life = Life {
        type_name,
        config: config.iter().map(|(n, v)| (n.as_str(), v.clone())).collect(),
        change: change.iter().map(|(n, v)| (n.as_str(), v.clone())).collect(),
        import_id: Some(Box::new(move |_| id.to_owned())),
        lost: vec![],
    };
    is_lost(&world, type_name, &first).await;
    live(&world.provider, &*world.connection, life).await;
}

/// The answer to its creation is lost: it is found again, and once it is removed nothing is left over that a next one would meet.
async fn is_lost(world: &World, type_name: &str, given: &Json) {
    let namespace = [&given["metadata"]["namespace"], &given["manifest"]["metadata"]["namespace"]];
    let path = match (namespace.iter().find_map(|n| n.as_str()), type_name) {
        (Some(namespace), _) => format!("/namespaces/{namespace}/"),
        (None, "openshift_project") => "/projectrequests".to_owned(),
        (None, "openshift_cluster_resource_quota") => "/clusterresourcequotas".to_owned(),
        (None, "kubernetes_cluster_role") => "/clusterroles".to_owned(),
        (None, "kubernetes_cluster_role_binding") => "/clusterrolebindings".to_owned(),
        // The other tests make namespaces too, on the same cluster.
        (None, _) => return,
    };
    world.fault(Fault::new(Action::DropAfter).methods(&["POST", "PATCH"]).path(&path).next(1));
    let object = match world.try_create(type_name, given).await {
        // An apply does no harm when it is done twice: it was.
        Ok(created) => created.object,
        Err(error) => {
            assert_eq!(error.outcome, Outcome::Unknown, "{type_name}: {error:?}");
            let planned = world.plan(type_name, given, None);
            match world.connection.find(type_name, &planned).await.unwrap() {
                Found::Object(object) => object,
                other => panic!("{type_name}: {other:?}"),
            }
        }
    };
    assert!(object.is_wholly_known(), "{type_name}");
    world.connection.delete(type_name, &object).await.unwrap();
}

fn metadata(namespace: &str, value: &str) -> Json {
    json!({"name": "x", "namespace": namespace, "labels": {"a": value}})
}

#[tokio::test]
async fn namespace() {
    let metadata = |labels: Json| json!({"metadata": {"name": "life", "labels": labels}});
    life("kubernetes_namespace", metadata(json!({"a": "1"})), metadata(json!({"b": "2"})), "life").await;
}

#[tokio::test]
async fn resource_quota() {
    let spec = |cpu: &str| json!({"hard": {"limits.cpu": cpu, "limits.memory": "4Gi"}});
    let first = json!({"metadata": metadata("life-resource-quota", "1"), "spec": spec("2")});
    life("kubernetes_resource_quota", first, json!({"spec": spec("4")}), "life-resource-quota/x").await;
}

#[tokio::test]
async fn limit_range() {
    let spec = |cpu: &str| json!({"limit": [{"type": "Container", "default": {"cpu": cpu}, "default_request": {"cpu": "100m"}}]});
    let first = json!({"metadata": metadata("life-limit-range", "1"), "spec": spec("500m")});
    life("kubernetes_limit_range", first, json!({"spec": spec("600m")}), "life-limit-range/x").await;
}

#[tokio::test]
async fn role() {
    let rule = |verbs: &[&str]| json!([{"api_groups": [""], "resources": ["pods"], "verbs": verbs}]);
    let first = json!({"metadata": metadata("life-role", "1"), "rule": rule(&["get"])});
    life("kubernetes_role", first, json!({"rule": rule(&["get", "list"])}), "life-role/x").await;
}

#[tokio::test]
async fn role_binding() {
    let role = json!({"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"});
    let subject =
        |name: &str| json!([{"api_group": "rbac.authorization.k8s.io", "kind": "Group", "name": name}]);
    let first = json!({"metadata": metadata("life-role-binding", "1"), "role_ref": role, "subject": subject("/team/a")});
    life("kubernetes_role_binding", first, json!({"subject": subject("/team/b")}), "life-role-binding/x")
        .await;
}

#[tokio::test]
async fn service_account() {
    let first = json!({"metadata": metadata("life-service-account", "1")});
    life(
        "kubernetes_service_account",
        first,
        json!({"metadata": metadata("life-service-account", "2")}),
        "life-service-account/x",
    )
    .await;
}

#[tokio::test]
async fn network_policy() {
    let spec = |label: &str| {
        let from = json!([{"pod_selector": {}}, {"namespace_selector": {"match_labels": {"group": label}}}]);
        json!({"pod_selector": {}, "policy_types": ["Ingress"],
               "ingress": [{"from": from, "ports": [{"port": "8080"}]}]})
    };
    let first = json!({"metadata": metadata("life-network-policy", "1"), "spec": spec("a")});
    life("kubernetes_network_policy", first, json!({"spec": spec("b")}), "life-network-policy/x").await;
}

#[tokio::test]
async fn config_map() {
    let first = json!({"metadata": metadata("life-config-map", "1"), "data": {"a": "1", "b": "2"}});
    life("kubernetes_config_map", first, json!({"data": {"a": "3"}}), "life-config-map/x").await;
}

#[tokio::test]
async fn secret() {
    let first = json!({"metadata": metadata("life-secret", "1"), "data": {"password": "hunter2"}});
    life("kubernetes_secret", first, json!({"data": {"password": "hunter3"}}), "life-secret/x").await;
}

#[tokio::test]
async fn openshift_project() {
    let first = json!({"name": "life-shop", "display_name": "Shop", "description": "Sells things"});
    life("openshift_project", first, json!({"display_name": "The shop"}), "life-shop").await;
}

#[tokio::test]
async fn cluster_resource_quota() {
    let spec = |pods: &str| json!({"selector": {"labels": {"match_labels": {"team": "a"}}}, "quota": {"hard": {"pods": pods}}});
    let first = json!({"metadata": {"name": "life"}, "spec": spec("10")});
    life("openshift_cluster_resource_quota", first, json!({"spec": spec("20")}), "life").await;
}

#[tokio::test]
async fn cluster_role() {
    let rule = |verbs: &[&str]| json!([{"api_groups": [""], "resources": ["nodes"], "verbs": verbs}, {"non_resource_urls": ["/metrics"], "verbs": ["get"]}]);
    let first = json!({"metadata": {"name": "life"}, "rule": rule(&["get"])});
    life("kubernetes_cluster_role", first, json!({"rule": rule(&["get", "list"])}), "life").await;
}

#[tokio::test]
async fn cluster_role_binding() {
    let role = json!({"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"});
    let subject = |name: &str| json!([{"kind": "ServiceAccount", "name": name, "namespace": "default"}]);
    let first = json!({"metadata": {"name": "life"}, "role_ref": role, "subject": subject("a")});
    life("kubernetes_cluster_role_binding", first, json!({"subject": subject("b")}), "life").await;
}

#[tokio::test]
async fn manifest() {
    let manifest = |value: &str| {
        json!({"manifest": {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": value},
               "metadata": {"name": "x", "namespace": "life-manifest"}}})
    };
    let id = "apiVersion=v1,kind=ConfigMap,namespace=life-manifest,name=x";
    life("kubernetes_manifest", manifest("1"), manifest("2"), id).await;
}

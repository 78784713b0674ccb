//! Somebody who may do less: listings fall back to what is allowed, and what can't be seen is never taken for gone.

use pilotis_sdk::ErrorKind;
use pilotis_sdk::value::Value;
use serde_json::{Value as Json, json};

use super::world::World;

const MAP: &str = "kubernetes_config_map";

fn map(namespace: &str) -> Json {
    json!({"metadata": {"name": "x", "namespace": namespace}, "data": {"a": "1"}})
}

fn rule(resource: &str, verbs: &[&str]) -> Json {
    json!({"apiGroups": ["", "rbac.authorization.k8s.io"], "resources": [resource], "verbs": verbs})
}

/// Namespaces, each with a config map.
async fn maps(world: &World, namespaces: &[&str]) -> Vec<Value> {
    let mut made = Vec::new();
    for namespace in namespaces {
        world.namespace(namespace).await;
        made.push(world.create(MAP, &map(namespace)).await);
    }
    made
}

/// Not the cluster, but each namespace: all of it is seen, and what is gone is proven gone.
#[tokio::test]
async fn lists_namespace_by_namespace() {
    let admin = World::new().await;
    let names = ["rights-a1", "rights-a2", "rights-a3", "rights-a4"];
    let made = maps(&admin, &names).await;
    let rules: Vec<_> = names.iter().map(|n| (Some(*n), rule("configmaps", &["get", "list"]))).collect();
    let world = World::with_token(&admin.token(names[0], &rules).await).await;
    let listed = world.list(MAP, &made).await.unwrap();
    assert!(listed.complete);
    assert_eq!(listed.objects, made);

    admin.connection.delete(MAP, &made[1]).await.unwrap();
    let listed = world.list(MAP, &made).await.unwrap();
    assert!(listed.complete && listed.objects.len() == 3);
}

/// A namespace that can't be seen: the listing proves nothing, and a single read is refused.
#[tokio::test]
async fn a_lost_right_is_no_deletion() {
    let admin = World::new().await;
    let names = ["rights-b1", "rights-b2", "rights-b3", "rights-b4"];
    let made = maps(&admin, &names).await;
    let rules: Vec<_> = names[..3].iter().map(|n| (Some(*n), rule("configmaps", &["get", "list"]))).collect();
    let world = World::with_token(&admin.token(names[0], &rules).await).await;
    for wanted in [&made[..], &made[3..]] {
        let listed = world.list(MAP, wanted).await.unwrap();
        assert!(!listed.complete);
        assert_eq!(listed.objects, wanted[..wanted.len() - 1]);
    }
    let error = world.read(MAP, &made[3]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    insta::assert_snapshot!(world.shown(&error), @r#"
    Forbidden NotDone
    Kubernetes doesn't allow it: configmaps "x" is forbidden: User "system:serviceaccount:rights-b1:limited" cannot get resource "configmaps" in API group "" in the namespace "rights-b4"
    request: GET https://api/api/v1/namespaces/rights-b4/configmaps/x
    credential: the sandbox
    help: Give the credential this right with a role binding, or use another credential.
    "#);
}

/// Somebody who may look at a namespace, and not list all of them.
#[tokio::test]
async fn objects_of_no_namespace_are_read_singly() {
    let admin = World::new().await;
    let made = admin.create("kubernetes_namespace", &json!({"metadata": {"name": "rights-c"}})).await;
    let world = World::with_token(
        &admin.token("rights-c", &[(Some("rights-c"), rule("namespaces", &["get"]))]).await,
    )
    .await;
    let listed = world.list("kubernetes_namespace", std::slice::from_ref(&made)).await.unwrap();
    assert!(listed.objects.is_empty() && !listed.complete);
    assert_eq!(world.read("kubernetes_namespace", &made).await.unwrap(), Some(made));
}

/// OpenShift lists the projects that somebody sees: one that is missing may only be hidden.
#[tokio::test]
async fn projects_that_are_hidden() {
    let admin = World::new().await;
    let seen = admin.create("openshift_project", &json!({"name": "rights-d1"})).await;
    let hidden = admin.create("openshift_project", &json!({"name": "rights-d2"})).await;
    let rules = [(Some("rights-d1"), rule("namespaces", &["get"]))];
    let world = World::with_token(&admin.token("rights-d1", &rules).await).await;
    let listed = world.list("openshift_project", &[seen.clone(), hidden.clone()]).await.unwrap();
    assert_eq!(listed.objects, [seen]);
    assert!(!listed.complete);
    let error = world.read("openshift_project", &hidden).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
}

/// Nobody gives rights that they don't have; the server says which.
#[tokio::test]
async fn rights_that_can_not_be_given() {
    let admin = World::new().await;
    admin.namespace("rights-e").await;
    let rules = [(Some("rights-e"), rule("roles", &["create", "get"]))];
    let world = World::with_token(&admin.token("rights-e", &rules).await).await;
    let given = json!({"metadata": {"name": "x", "namespace": "rights-e"},
        "rule": [{"api_groups": [""], "resources": ["secrets"], "verbs": ["get"]}]});
    let error = world.try_create("kubernetes_role", &given).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.detail.contains("not currently held"), "{error}");
}

#[tokio::test]
async fn more_than_the_quota_gives() {
    let admin = World::new().await;
    admin.namespace("rights-f").await;
    let quota =
        json!({"metadata": {"name": "x", "namespace": "rights-f"}, "spec": {"hard": {"configmaps": "1"}}});
    admin.create("kubernetes_resource_quota", &quota).await;
    let error = admin.try_create(MAP, &map("rights-f")).await.unwrap_err();
    insta::assert_snapshot!(admin.shown(&error), @r#"
    Forbidden NotDone
    A quota of the namespace is exceeded: configmaps "x" is forbidden: exceeded quota: x, requested: configmaps=1, used: configmaps=1, limited: configmaps=1
    request: POST https://api/api/v1/namespaces/rights-f/configmaps
    credential: the sandbox
    help: Raise the quota, or ask for less.
    "#);
}

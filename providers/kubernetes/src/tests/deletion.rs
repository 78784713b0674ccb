//! Deletion takes time: it is waited for, what comes after it too, and what blocks it is told.

use pilotis_sdk::{ErrorKind, Outcome};
use serde_json::{Value as Json, json};

use super::world::World;

const NAMESPACE: &str = "kubernetes_namespace";
const MAP: &str = "kubernetes_config_map";

fn namespace(name: &str) -> Json {
    json!({"metadata": {"name": name}})
}

fn map(namespace: &str) -> Json {
    json!({"metadata": {"name": "x", "namespace": namespace}, "data": {"a": "1"}})
}

async fn is_there(world: &World, path: &str) -> bool {
    world.ask("GET", path, "application/json", None).await.0 == 200
}

/// A config map that something else must let go first.
async fn held(world: &World, namespace: &str) {
    let object = json!({"metadata": {"name": "x", "finalizers": ["example.com/later"]}, "data": {"a": "1"}});
    world.call("POST", &format!("/api/v1/namespaces/{namespace}/configmaps"), Some(&object)).await;
}

async fn release(world: &World, namespace: &str) {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/x");
    world.call("PATCH", &path, Some(&json!({"metadata": {"finalizers": null}}))).await;
}

#[tokio::test]
async fn a_namespace_is_gone_when_its_deletion_returns() {
    let world = World::new().await;
    let made = world.create(NAMESPACE, &namespace("going-waits")).await;
    world.create(MAP, &map("going-waits")).await;
    world.connection.delete(NAMESPACE, &made).await.unwrap();
    assert!(!is_there(&world, "/api/v1/namespaces/going-waits").await);
}

/// While it goes it is as good as gone; making it again, and what is in it, waits for the old one's end.
#[tokio::test]
async fn made_again_while_the_old_one_goes() {
    let world = World::new().await;
    let made = world.create(NAMESPACE, &namespace("going-again")).await;
    let path = "/api/v1/namespaces/going-again";
    world.call("DELETE", path, None).await;
    assert!(is_there(&world, path).await, "it takes a while");
    assert_eq!(world.read(NAMESPACE, &made).await.unwrap(), None);
    let listed = world.list(NAMESPACE, std::slice::from_ref(&made)).await.unwrap();
    assert!(listed.objects.is_empty() && listed.complete);

    let again = world.create(NAMESPACE, &namespace("going-again")).await;
    assert_ne!(again, made);
    world.create(MAP, &map("going-again")).await;
}

/// What is made in a namespace that goes waits for its end, and then says that there is none.
#[tokio::test]
async fn made_in_a_namespace_that_goes() {
    let world = World::new().await;
    world.namespace("going-in").await;
    world.call("DELETE", "/api/v1/namespaces/going-in", None).await;
    let error = world.try_create(MAP, &map("going-in")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error:?}");
    world.namespace("going-in-manifest").await;
    world.call("DELETE", "/api/v1/namespaces/going-in-manifest", None).await;
    let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "going-in-manifest"}});
    let error = world.try_create("kubernetes_manifest", &json!({"manifest": manifest})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error:?}");
}

#[tokio::test]
async fn a_namespace_that_something_holds() {
    let world = World::impatient().await;
    let made = world.create(NAMESPACE, &namespace("going-held")).await;
    held(&world, "going-held").await;
    let error = world.connection.delete(NAMESPACE, &made).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Timeout NotDone
    The deletion was accepted, but isn't finished after 700 ms: it is still there; finalizers: kubernetes; Some resources are remaining: configmaps. has 1 resource instances; Some content in the namespace has finalizers remaining: example.com/later in 1 resource instances
    request: DELETE https://api/api/v1/namespaces/going-held
    credential: the sandbox
    help: Find out what the finalizers wait for; the deletion goes on by itself. Then apply again.
    "#);
    // Again it goes on waiting; what is to be made in it, and it itself, wait for it too.
    let error = world.connection.delete(NAMESPACE, &made).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    let error = world.try_create(MAP, &map("going-held")).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Conflict NotDone
    The namespace is being deleted: configmaps "x" is forbidden: unable to create new content in namespace going-held because it is being terminated
    request: POST https://api/api/v1/namespaces/going-held/configmaps
    credential: the sandbox
    help: Find out what keeps it (`kubectl get -o yaml` shows finalizers and conditions), then apply again.
    "#);
    let error = world.try_create(NAMESPACE, &namespace("going-held")).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Conflict NotDone
    An object of this name is still being deleted: object is being deleted: namespaces "going-held" already exists
    request: POST https://api/api/v1/namespaces
    credential: the sandbox
    help: Find out what keeps it (`kubectl get -o yaml` shows finalizers and conditions), then apply again.
    "#);

    release(&world, "going-held").await;
    world.connection.delete(NAMESPACE, &made).await.unwrap();
}

#[tokio::test]
async fn an_object_that_something_holds() {
    let world = World::impatient().await;
    world.namespace("going-map").await;
    held(&world, "going-map").await;
    let prior = world.connection.import(MAP, "going-map/x").await.unwrap();
    let error = world.connection.delete(MAP, &prior).await.unwrap_err();
    assert_eq!((error.kind, error.outcome), (ErrorKind::Timeout, Outcome::NotDone));
    assert!(error.detail.contains("example.com/later"), "{error}");
    assert_eq!(world.read(MAP, &prior).await.unwrap(), None, "it is as good as gone");
    let manifest = json!({"manifest": {"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "going-map"}, "data": {"a": "1"}}});
    let planned = world.plan("kubernetes_manifest", &manifest, None);
    assert_eq!(world.read("kubernetes_manifest", &planned).await.unwrap(), None);
    let error = world.try_create("kubernetes_manifest", &manifest).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");

    release(&world, "going-map").await;
    world.create("kubernetes_manifest", &manifest).await;
}

//! `kubernetes_manifest`: ownership of fields, identity, kinds that are defined later, waiting.

use pilotis_sdk::value::Value;
use pilotis_sdk::{ErrorKind, json::to_json};
use serde_json::{Value as Json, json};

use super::world::World;

const MANIFEST: &str = "kubernetes_manifest";

fn map(namespace: &str, name: &str, data: Json) -> Json {
    json!({"manifest": {"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace}, "data": data}})
}

fn path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps/{name}")
}

async fn update(world: &World, prior: &Value, given: &Json) -> Result<Value, pilotis_sdk::Error> {
    let planned = world.plan(MANIFEST, given, Some(prior));
    world.connection.update(MANIFEST, prior, &planned).await
}

/// Fields that somebody else applied: the error says who and which; `force_conflicts` takes them over.
#[tokio::test]
async fn fields_of_somebody_else() {
    let world = World::impatient().await;
    world.namespace("manifest-conflict").await;
    let made = world.create(MANIFEST, &map("manifest-conflict", "x", json!({"a": "1", "b": "1"}))).await;
    let theirs =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "theirs"}});
    let at = format!("{}?fieldManager=argocd&force=true", path("manifest-conflict", "x"));
    world.ask("PATCH", &at, "application/apply-patch+yaml", Some(&theirs)).await;

    let read = world.read(MANIFEST, &made).await.unwrap().unwrap();
    assert_eq!(to_json(read.get("manifest").unwrap())["data"], json!({"a": "theirs", "b": "1"}));
    let mut given = map("manifest-conflict", "x", json!({"a": "1", "b": "1"}));
    let error = update(&world, &read, &given).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Conflict NotDone
    Somebody else manages these fields: Apply failed with 1 conflict: conflict with "argocd": .data.a
    request: PATCH https://api/api/v1/namespaces/manifest-conflict/configmaps/x
    credential: the sandbox
    help: .data.a: conflict with "argocd". Leave these fields out, or take them over with field_manager { force_conflicts = true }.
    "#);

    given["field_manager"] = json!({"force_conflicts": true});
    let made = update(&world, &read, &given).await.unwrap();
    let live = world.call("GET", &path("manifest-conflict", "x"), None).await;
    assert_eq!(live["data"], json!({"a": "1", "b": "1"}));
    assert_eq!(world.read(MANIFEST, &made).await.unwrap(), Some(made));
}

/// What the manifest names no more is taken away; what others set stays.
#[tokio::test]
async fn a_field_that_is_left_out() {
    let world = World::new().await;
    world.namespace("manifest-less").await;
    let made = world.create(MANIFEST, &map("manifest-less", "x", json!({"a": "1", "b": "1"}))).await;
    world.call("PATCH", &path("manifest-less", "x"), Some(&json!({"data": {"theirs": "1"}}))).await;
    update(&world, &made, &map("manifest-less", "x", json!({"a": "1", "b": null}))).await.unwrap();
    let live = world.call("GET", &path("manifest-less", "x"), None).await;
    assert_eq!(live["data"], json!({"a": "1", "theirs": "1"}));
}

/// Another name is another object: the old one goes, the new one comes; nothing goes if the new one can't come.
#[tokio::test]
async fn another_identity() {
    let world = World::new().await;
    world.namespace("manifest-move").await;
    let made = world.create(MANIFEST, &map("manifest-move", "x", json!({"a": "1"}))).await;
    world.create(MANIFEST, &map("manifest-move", "taken", json!({}))).await;
    let there = async |name: &str| {
        world.ask("GET", &path("manifest-move", name), "application/json", None).await.0 == 200
    };

    let error = update(&world, &made, &map("manifest-move", "taken", json!({"a": "1"}))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
    let error =
        update(&world, &made, &map("manifest-move", "Bad Name", json!({"a": "1"}))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    let error = update(&world, &made, &map("manifest-move", "y", json!({"a": {"b": 1}}))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    assert!(there("x").await);

    let moved = update(&world, &made, &map("manifest-move", "y", json!({"a": "1"}))).await.unwrap();
    assert!(!there("x").await && there("y").await);
    world.connection.delete(MANIFEST, &moved).await.unwrap();
    assert!(!there("y").await);
}

#[tokio::test]
async fn a_manifest_that_lacks_something() {
    let world = World::new().await;
    for (manifest, lacks) in [
        (json!({"kind": "ConfigMap", "metadata": {"name": "x"}}), "apiVersion"),
        (json!({"apiVersion": "v1", "metadata": {"name": "x"}}), "kind"),
        (json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}), "metadata.name"),
        (json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "status": {}}), "status"),
    ] {
        let error = world.try_create(MANIFEST, &json!({"manifest": manifest})).await.unwrap_err();
        assert!(error.kind == ErrorKind::Invalid && error.summary.contains(lacks), "{error}");
    }
    let error = world.connection.import(MANIFEST, "default/x").await.unwrap_err();
    insta::assert_snapshot!(error.to_string() + "\n" + &error.help.join("\n"), @r#"
    "default/x" is no id of a manifest
    Write apiVersion=v1,kind=ConfigMap,namespace=default,name=example.
    "#);
}

fn definition(group: &str, kind: &str) -> Json {
    let plural = format!("{}s", kind.to_lowercase());
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({"manifest": {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]},
    }})
}

/// A kind that is not there yet; once its definition is made, it is. When the definition goes, the object is gone too.
#[tokio::test]
async fn a_kind_that_comes_and_goes() {
    let world = World::new().await;
    world.namespace("manifest-crd").await;
    let given = json!({"manifest": {"apiVersion": "crd.example/v1", "kind": "Widget",
        "metadata": {"name": "x", "namespace": "manifest-crd"}, "spec": {"size": 1}}});
    let error = world.try_create(MANIFEST, &given).await.unwrap_err();
    insta::assert_snapshot!(world.shown(&error), @r#"
    Unsupported NotDone
    The cluster has no kind Widget in crd.example/v1
    request: GET https://api/apis/crd.example/v1
    credential: the sandbox
    help: Install its CustomResourceDefinition first; if the same configuration does, let this resource depend on it (depends_on).
    help: `kubectl api-resources` lists the kinds that there are.
    "#);

    let defined = world.create(MANIFEST, &definition("crd.example", "Widget")).await;
    let made = world.create(MANIFEST, &given).await;
    assert_eq!(world.read(MANIFEST, &made).await.unwrap(), Some(made.clone()));

    world.connection.delete(MANIFEST, &defined).await.unwrap();
    // Another run: discovery is asked anew.
    let world = World::new().await;
    assert_eq!(world.read(MANIFEST, &made).await.unwrap(), None);
    world.connection.delete(MANIFEST, &made).await.unwrap();
}

/// What we applied is imported as it was written, without what the server added: a plan after it changes nothing.
#[tokio::test]
async fn an_import_of_what_was_applied() {
    let world = World::new().await;
    world.namespace("manifest-import").await;
    let given = json!({"manifest": {"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "x", "namespace": "manifest-import", "labels": {"a": "1"}},
        "spec": {"selector": {"app": "x"}, "ports": [{"port": 80, "targetPort": 8080}]}}});
    world.create(MANIFEST, &given).await;
    let id = "apiVersion=v1,kind=Service,namespace=manifest-import,name=x";
    let imported = world.connection.import(MANIFEST, id).await.unwrap();
    assert_eq!(to_json(imported.get("manifest").unwrap()), given["manifest"]);
    let planned = world.plan(MANIFEST, &given, Some(&imported));
    assert_eq!(planned.get("manifest"), imported.get("manifest"));
    assert_eq!(world.read(MANIFEST, &imported).await.unwrap(), Some(imported));
}

/// A Secret's content is sensitive in the object that the server gives back.
#[tokio::test]
async fn a_secret_is_not_shown() {
    let world = World::new().await;
    world.namespace("manifest-secret").await;
    let given = json!({"manifest": {"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "x", "namespace": "manifest-secret"}, "stringData": {"a": "hunter2"}}});
    let made = world.create(MANIFEST, &given).await;
    assert!(!format!("{:?}", made.get("object")).contains("aHVudGVyMg"), "{made:?}");
    let read = world.read(MANIFEST, &made).await.unwrap().unwrap();
    assert_eq!(read, made, "what is only written is no difference");
    world
        .call("PATCH", "/api/v1/namespaces/manifest-secret/secrets/x", Some(&json!({"data": {"b": "eA=="}})))
        .await;
    let read = world.read(MANIFEST, &made).await.unwrap().unwrap();
    assert_eq!(read.get("manifest"), made.get("manifest"));
}

#[tokio::test]
async fn fields_that_the_cluster_computes() {
    let world = World::new().await;
    world.namespace("manifest-computed").await;
    let mut given = map("manifest-computed", "x", json!({"a": "1", "b": "1"}));
    given["computed_fields"] = json!(["data.a", "metadata.labels"]);
    let made = world.create(MANIFEST, &given).await;
    let change = json!({"data": {"a": "2", "b": "2"}});
    world.call("PATCH", &path("manifest-computed", "x"), Some(&change)).await;
    let read = world.read(MANIFEST, &made).await.unwrap().unwrap();
    assert_eq!(to_json(read.get("manifest").unwrap())["data"], json!({"a": "1", "b": "2"}));
}

#[tokio::test]
async fn waiting() {
    let world = World::impatient().await;
    world.namespace("manifest-wait").await;
    let container = json!({"name": "app", "image": "registry.example/app:1"});
    let mut given = json!({"manifest": {"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "x", "namespace": "manifest-wait"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}}},
        "wait": {"rollout": true, "fields": {"status.availableReplicas": "^2$"},
            "condition": [{"type": "Available", "status": "True"}]}});
    let made = world.create(MANIFEST, &given).await;
    assert_eq!(to_json(made.get("object").unwrap())["status"]["availableReplicas"], 2);

    given["manifest"]["metadata"]["name"] = json!("y");
    given["wait"] =
        json!({"fields": {"status.nothing": "*"}, "condition": [{"type": "Failed", "status": "True"}]});
    let made = world.try_create(MANIFEST, &given).await.unwrap();
    insta::assert_snapshot!(world.shown(&made.error.expect("it isn't so")), @r#"
    Timeout NotDone
    The object is there, but after 700 ms not as it is waited for: status.nothing is not set; Failed is not set
    request: GET https://api/apis/apps/v1/namespaces/manifest-wait/deployments/y
    credential: the sandbox
    help: See what keeps it with `kubectl describe`; or allow more time: timeouts { create = "20m" }.
    "#);
    given["timeouts"] = json!({"create": "soon"});
    given["manifest"]["metadata"]["name"] = json!("z");
    let error = world.try_create(MANIFEST, &given).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
}

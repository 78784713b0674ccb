//! Data sources.

use pilotis_sdk::json::to_json;
use pilotis_sdk::value::Value;
use pilotis_sdk::{DataRequest, Error, ErrorKind, Provider as _};
use serde_json::{Value as Json, json};

use super::world::{World, block};

async fn read(world: &World, type_name: &str, given: &Json) -> Result<Value, Error> {
    let config = block(&world.provider.schema().data_sources[type_name].block, given);
    world.connection.read_data(vec![DataRequest { type_name: type_name.into(), config }]).await.remove(0)
}

async fn world(namespace: &str) -> World {
    let world = World::new().await;
    world.namespace(namespace).await;
    world
}

#[tokio::test]
async fn objects() {
    let world = world("data").await;
    let metadata = json!({"name": "x", "namespace": "data", "labels": {"a": "1"}});
    world.create("kubernetes_config_map", &json!({"metadata": metadata, "data": {"k": "v"}})).await;
    let secret = json!({"metadata": metadata, "data": {"k": "hunter2"}, "binary_data": {"b": "/w=="}});
    world.create("kubernetes_secret_v1", &secret).await;
    world
        .create(
            "kubernetes_service_account",
            &json!({"metadata": metadata, "image_pull_secret": [{"name": "quay"}]}),
        )
        .await;
    let which = json!({"metadata": {"name": "x", "namespace": "data"}});

    let map = read(&world, "kubernetes_config_map_v1", &which).await.unwrap();
    let map = to_json(&map);
    assert_eq!((&map["data"], &map["metadata"][0]["labels"]), (&json!({"k": "v"}), &json!({"a": "1"})));

    let account = to_json(&read(&world, "kubernetes_service_account", &which).await.unwrap());
    assert_eq!(account["image_pull_secret"], json!([{"name": "quay"}]));

    let asked = json!({"metadata": which["metadata"], "binary_data": {"b": ""}});
    let secret = read(&world, "kubernetes_secret", &asked).await.unwrap();
    assert!(!format!("{secret:?}").contains("hunter2"));
    let secret = to_json(&secret);
    assert_eq!(secret["data"], json!({"k": "hunter2"}));
    assert_eq!(secret["binary_data"], json!({"b": "/w=="}));

    let object = json!({"api_version": "v1", "kind": "ConfigMap", "metadata": which["metadata"]});
    let object = to_json(&read(&world, "kubernetes_resource", &object).await.unwrap());
    assert_eq!(object["object"]["data"], json!({"k": "v"}));

    let namespace =
        read(&world, "kubernetes_namespace", &json!({"metadata": {"name": "data"}})).await.unwrap();
    assert_eq!(namespace.get("id").and_then(Value::as_str), Some("data"));
}

#[tokio::test]
async fn the_cluster() {
    let world = world("data-cluster").await;
    let all = to_json(&read(&world, "kubernetes_all_namespaces", &json!({})).await.unwrap());
    assert!(all["namespaces"].as_array().unwrap().contains(&json!("data-cluster")));
    let version = to_json(&read(&world, "kubernetes_server_version", &json!({})).await.unwrap());
    assert_eq!(version["major"], "1");
}

#[tokio::test]
async fn what_is_not_there() {
    let world = World::new().await;
    let which = json!({"metadata": {"name": "no", "namespace": "nowhere"}});
    for (type_name, given) in [
        ("kubernetes_secret", &which),
        ("kubernetes_namespace", &json!({"metadata": {"name": "nowhere"}})),
        ("kubernetes_resource", &json!({"api_version": "v1", "kind": "Pod", "metadata": which["metadata"]})),
    ] {
        let error = read(&world, type_name, given).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "{type_name}: {error}");
    }
}

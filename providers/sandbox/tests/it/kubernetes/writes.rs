//! Create, replace and patch: names, versions, defaults, checks.

use serde_json::json;

use super::{Ask, JSON_PATCH, MAPS, MERGE, STRATEGIC, cluster};

#[tokio::test]
async fn an_object_gets_what_the_server_gives() {
    let cluster = cluster().await;
    let made = cluster.map("one", json!({ "a": "1" })).await;
    let metadata = &made["metadata"];
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        assert!(metadata[field].is_string(), "{field}: {made}");
    }
    assert_eq!(metadata["managedFields"][0]["manager"], "tests");
    assert_eq!(metadata["managedFields"][0]["fieldsV1"], json!({ "f:data": { ".": {}, "f:a": {} } }));
    assert_eq!(cluster.get(&format!("{MAPS}/one")).await.expect(200), made);
    let generated = cluster.post(MAPS, json!({ "metadata": { "generateName": "g-" } })).await.expect(201);
    assert_eq!(generated["metadata"]["name"].as_str().unwrap().len(), "g-".len() + 5);
}

#[tokio::test]
async fn fields_come_in_the_order_of_their_type_and_quantities_in_canonical_form() {
    let cluster = cluster().await;
    let quota = json!({ "spec": { "hard": { "requests.memory": "1024Mi", "requests.cpu": "2000m" } }, "metadata": { "name": "q" } });
    let path = "/api/v1/namespaces/team/resourcequotas";
    let text = cluster
        .request(Ask { method: "POST", path, body: Some(quota.to_string()), ..Ask::default() })
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        text.starts_with(
            r#"{"kind":"ResourceQuota","apiVersion":"v1","metadata":{"name":"q","namespace":"team","uid":"#
        ),
        "{text}"
    );
    assert!(
        text.contains(r#""spec":{"hard":{"requests.cpu":"2","requests.memory":"1Gi"}},"status":{}"#),
        "{text}"
    );
}

#[tokio::test]
async fn a_version_guards_an_update() {
    let cluster = cluster().await;
    let path = format!("{MAPS}/one");
    let mut first = cluster.map("one", json!({ "a": "1" })).await;
    first["data"]["a"] = "2".into();
    let second = cluster.put(&path, &first).await.expect(200);
    assert_ne!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
    let stale = cluster.put(&path, &first).await.expect(409);
    assert_eq!(stale["reason"], "Conflict");
    assert!(stale["message"].as_str().unwrap().contains("the object has been modified"));
    // The same again is no change, and so no new version.
    assert_eq!(cluster.put(&path, &second).await.expect(200), second);
    // Without a version it is not guarded, on a built-in kind.
    let bare = json!({ "metadata": { "name": "one" }, "data": { "only": "this" } });
    assert_eq!(cluster.put(&path, &bare).await.expect(200)["data"], json!({ "only": "this" }));
    let other = json!({ "metadata": { "name": "one", "uid": "00000000-0000-0000-0000-000000000000" } });
    cluster.put(&path, &other).await.expect(409);
}

#[tokio::test]
async fn the_three_older_patches() {
    let cluster = cluster().await;
    let path = format!("{MAPS}/one");
    cluster.map("one", json!({ "a": "1", "b": "2" })).await;
    let merged = cluster.patch(&path, MERGE, json!({ "data": { "a": null, "c": "3" } })).await.expect(200);
    assert_eq!(merged["data"], json!({ "b": "2", "c": "3" }));
    let steps = json!([
        { "op": "test", "path": "/data/b", "value": "2" },
        { "op": "replace", "path": "/data/b", "value": "22" },
        { "op": "add", "path": "/metadata/labels", "value": { "x": "y" } },
    ]);
    let patched = cluster.patch(&path, JSON_PATCH, steps).await.expect(200);
    assert_eq!(patched["data"]["b"], "22");
    let replaced = json!({ "data": { "$patch": "replace", "r": "1" } });
    assert_eq!(cluster.patch(&path, STRATEGIC, replaced).await.expect(200)["data"], json!({ "r": "1" }));
    let untrue = json!([{ "op": "test", "path": "/data/r", "value": "9" }]);
    cluster.patch(&path, JSON_PATCH, untrue).await.expect(422);
    cluster.patch(&path, "application/json", json!({})).await.expect(415);
    cluster.patch(&format!("{MAPS}/none"), MERGE, json!({})).await.expect(404);
}

#[tokio::test]
async fn a_strategic_patch_merges_lists_by_their_key() {
    let cluster = cluster().await;
    let containers = json!([{ "name": "a", "image": "a:1" }, { "name": "b", "image": "b:1" }]);
    let deployment = json!({ "metadata": { "name": "web" }, "spec": {
        "selector": { "matchLabels": { "app": "web" } },
        "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": containers } },
    } });
    let path = "/apis/apps/v1/namespaces/team/deployments";
    cluster.post(path, deployment).await.expect(201);
    let change =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "b", "image": "b:2" }] } } } });
    let changed = cluster.patch(&format!("{path}/web"), STRATEGIC, change).await.expect(200);
    let images: Vec<_> = changed["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|container| container["image"].as_str().unwrap())
        .collect();
    assert_eq!(images, ["a:1", "b:2"]);
    assert_eq!(changed["metadata"]["generation"], 2);
}

#[tokio::test]
async fn a_dry_run_answers_and_leaves_nothing() {
    let cluster = cluster().await;
    let map = json!({ "metadata": { "name": "dry" } });
    let made = cluster.post(&format!("{MAPS}?dryRun=All"), map).await.expect(201);
    assert!(made["metadata"]["resourceVersion"].is_null());
    cluster.get(&format!("{MAPS}/dry")).await.expect(404);
    cluster.map("one", json!({})).await;
    let path = format!("{MAPS}/one?dryRun=All");
    assert_eq!(
        cluster.patch(&path, MERGE, json!({ "data": { "d": "1" } })).await.expect(200)["data"]["d"],
        "1"
    );
    cluster.delete(&path).await.expect(200);
    assert!(cluster.get(&format!("{MAPS}/one")).await.expect(200)["data"].is_null());
}

#[tokio::test]
async fn unknown_fields_are_told_or_refused() {
    let cluster = cluster().await;
    let odd = |name: &str| json!({ "metadata": { "name": name, "extra": true }, "data": {}, "nope": 1 });
    let told = cluster.post(MAPS, odd("a")).await;
    let warnings: Vec<_> =
        told.headers.get_all("warning").iter().map(|text| text.to_str().unwrap()).collect();
    assert_eq!(
        warnings,
        [r#"299 - "unknown field \"metadata.extra\"""#, r#"299 - "unknown field \"nope\"""#]
    );
    let made = told.expect(201);
    assert!(made.get("nope").is_none());
    let silent = cluster.post(&format!("{MAPS}?fieldValidation=Ignore"), odd("b")).await;
    assert!(silent.headers.get("warning").is_none());
    let strict = cluster.post(&format!("{MAPS}?fieldValidation=Strict"), odd("c")).await.expect(400);
    let text = strict["message"].as_str().unwrap();
    assert!(
        text.contains(r#"strict decoding error: unknown field "metadata.extra", unknown field "nope""#),
        "{text}"
    );
    let twice =
        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"dup"},"data":{"a":"1","a":"2"}}"#;
    let path = format!("{MAPS}?fieldValidation=Strict");
    let refused =
        cluster.ask(Ask { method: "POST", path: &path, body: Some(twice.into()), ..Ask::default() }).await;
    assert!(refused.expect(400)["message"].as_str().unwrap().contains(r#"duplicate field "data.a""#));
}

#[tokio::test]
async fn yaml_goes_in_and_comes_out() {
    let cluster = cluster().await;
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata:\n  text: |\n    two\n    lines\n  flag: \"true\"\n";
    let ask = Ask {
        method: "POST",
        path: MAPS,
        kind: "application/yaml",
        body: Some(yaml.into()),
        ..Ask::default()
    };
    let made = cluster.ask(ask).await.expect(201);
    assert_eq!(made["data"], json!({ "flag": "true", "text": "two\nlines\n" }));
    let path = format!("{MAPS}/y");
    let read =
        cluster.ask(Ask { method: "GET", path: &path, accept: "application/yaml", ..Ask::default() }).await;
    assert_eq!(read.header("content-type"), "application/yaml");
    let text = read.expect(200);
    let text = text.as_str().unwrap();
    assert!(
        text.starts_with(
            "apiVersion: v1\ndata:\n  flag: \"true\"\n  text: |\n    two\n    lines\nkind: ConfigMap\n"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_secret_takes_plain_text_and_keeps_its_type() {
    let cluster = cluster().await;
    let path = "/api/v1/namespaces/team/secrets";
    let made = cluster
        .post(path, json!({ "metadata": { "name": "s" }, "stringData": { "user": "bob" } }))
        .await
        .expect(201);
    assert_eq!((&made["data"], &made["type"]), (&json!({ "user": "Ym9i" }), &json!("Opaque")));
    assert!(made.get("stringData").is_none());
    let refused = cluster.patch(&format!("{path}/s"), MERGE, json!({ "type": "x/y" })).await.expect(422);
    assert_eq!(refused["details"]["causes"][0]["field"], "type");
    let tls = json!({ "metadata": { "name": "t" }, "type": "kubernetes.io/tls", "data": {} });
    let missing = cluster.post(path, tls).await.expect(422);
    assert_eq!(missing["details"]["causes"].as_array().unwrap().len(), 2);
    let bad = json!({ "metadata": { "name": "b" }, "data": { "a": "%%%" } });
    assert!(
        cluster.post(path, bad).await.expect(400)["message"]
            .as_str()
            .unwrap()
            .ends_with("illegal base64 data at input byte 0")
    );
}

#[tokio::test]
async fn kubectl_s_protobuf_is_read() {
    let cluster = cluster().await;
    // A ConfigMap `pb` with data {"k":"v"}, as kubectl writes it: the type, then the object.
    let object = b"\x0a\x04\x0a\x02pb\x12\x06\x0a\x01k\x12\x01v";
    let mut body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12".to_vec();
    body.push(u8::try_from(object.len()).unwrap());
    body.extend_from_slice(object);
    let body = String::from_utf8(body).unwrap();
    let kind = "application/vnd.kubernetes.protobuf";
    let ask = Ask { method: "POST", path: MAPS, kind, body: Some(body), ..Ask::default() };
    let made = cluster.ask(ask).await.expect(201);
    assert_eq!(made["metadata"]["name"], "pb");
    assert_eq!(made["data"], json!({ "k": "v" }));
}

#[tokio::test]
async fn a_workload_is_filled_in_and_counts_as_rolled_out() {
    let cluster = cluster().await;
    let path = "/apis/apps/v1/namespaces/team/deployments";
    let deployment = json!({ "metadata": { "name": "web" }, "spec": {
        "selector": { "matchLabels": { "app": "web" } },
        "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "c", "image": "web" }] } },
    } });
    let made = cluster.post(path, deployment).await.expect(201);
    assert_eq!(made["spec"]["replicas"], 1);
    assert_eq!(made["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"], "Always");
    let path = format!("{path}/web");
    crate::lab::until(async || cluster.get(&path).await.body["status"]["readyReplicas"] == 1).await;
    let scaled = cluster
        .patch(&format!("{path}/scale"), MERGE, json!({ "spec": { "replicas": 3 } }))
        .await
        .expect(200);
    assert_eq!(scaled["spec"]["replicas"], 3);
    let refused = cluster
        .patch(&path, MERGE, json!({ "spec": { "selector": { "matchLabels": { "a": "b" } } } }))
        .await
        .expect(422);
    assert!(refused["message"].as_str().unwrap().contains("field is immutable"));
}

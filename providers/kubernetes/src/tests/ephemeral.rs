//! Tokens that are asked for, and secrets that are stored nowhere but in the cluster.

use pilotis_sdk::value::Value;
use serde_json::{Value as Json, json};

use super::world::{World, block};

async fn opened(world: &World, given: Json) -> Result<Value, pilotis_sdk::Error> {
    use pilotis_sdk::Provider as _;
    let config =
        block(&world.provider.schema().ephemeral_resources["kubernetes_token_request_v1"].block, &given);
    let opened = world.connection.open("kubernetes_token_request_v1", &config).await?;
    assert!(opened.value.is_wholly_known());
    assert!(opened.renew_after.is_none());
    world.connection.close("kubernetes_token_request_v1", &opened.handle).await.unwrap();
    Ok(opened.value)
}

#[tokio::test]
async fn a_token_is_the_account_s() {
    let world = World::new().await;
    world.namespace("eph-token").await;
    let account = json!({"metadata": {"name": "deployer"}});
    world.call("POST", "/api/v1/namespaces/eph-token/serviceaccounts", Some(&account)).await;
    let given = json!({
        "metadata": [{"name": "deployer", "namespace": "eph-token"}],
        "spec": [{"expiration_seconds": 900}],
    });
    let value = opened(&world, given).await.unwrap();
    let token = value.get("token").unwrap();
    assert!(token.has_sensitive(), "a token is a secret");
    assert!(value.get("expiration_timestamp").and_then(Value::as_str).unwrap().ends_with('Z'));
    let as_it = World::with_token(token.clone().unmark().0.as_str().unwrap()).await;
    let refused = as_it.connection.import("kubernetes_secret", "eph-token/nothing").await.unwrap_err();
    assert_eq!(refused.kind, pilotis_sdk::ErrorKind::Forbidden, "{refused:?}");
    assert!(format!("{refused:?}").contains("system:serviceaccount:eph-token:deployer"), "{refused:?}");
}

#[tokio::test]
async fn an_account_that_is_not_there_or_a_time_that_is_too_short_is_an_error() {
    let world = World::new().await;
    world.namespace("eph-error").await;
    let nobody = json!({"metadata": [{"name": "nobody", "namespace": "eph-error"}]});
    assert_eq!(opened(&world, nobody).await.unwrap_err().kind, pilotis_sdk::ErrorKind::NotFound);
    let short = json!({
        "metadata": [{"name": "default", "namespace": "eph-error"}],
        "spec": [{"expiration_seconds": 60}],
    });
    let error = opened(&world, short).await.unwrap_err();
    assert!(error.detail.contains("10 minutes"), "{error:?}");
}

/// The keys of a secret as the cluster has them.
async fn keys(world: &World, namespace: &str) -> Vec<String> {
    let live = world.call("GET", &format!("/api/v1/namespaces/{namespace}/secrets/s"), None).await;
    live["data"].as_object().map(|data| data.keys().cloned().collect()).unwrap_or_default()
}

#[tokio::test]
async fn what_is_write_only_is_sent_when_its_revision_says_so() {
    let world = World::new().await;
    world.namespace("eph-secret").await;
    let config = |label: &str, data: Json, revision: i64| {
        let given = json!({
            "metadata": [{"name": "s", "namespace": "eph-secret", "labels": {"l": label}}],
            "data": {"plain": "seen"},
            "data_wo": data,
            "data_wo_revision": revision,
        });
        world.config("kubernetes_secret_v1", &given)
    };
    let first = config("1", json!({"password": "h1dden-0", "other": "x"}), 1);
    let made = world.connection.create("kubernetes_secret_v1", &first).await.unwrap().object;
    assert_eq!(keys(&world, "eph-secret").await, ["other", "password", "plain"]);
    let stored = |object: &Value| {
        let mut entries = object.as_entries().cloned().unwrap();
        let ty = entries["data_wo"].ty();
        entries.insert("data_wo".into(), Value::null(ty));
        Value::object(entries)
    };
    let prior = stored(&made);
    let shown = format!("{:?}", prior.clone().unmark_deep().0);
    assert!(!shown.contains("h1dden-0") && shown.contains("seen"), "{shown}");
    // Another person's key stays, whatever we do.
    let theirs = json!({"stringData": {"theirs": "y"}});
    world.call("PATCH", "/api/v1/namespaces/eph-secret/secrets/s", Some(&theirs)).await;
    // The same revision: what is given is not sent.
    let second = config("2", json!({"password": "h1dden-1"}), 1);
    let updated = world.connection.update("kubernetes_secret_v1", &prior, &second).await.unwrap();
    let live = world.call("GET", "/api/v1/namespaces/eph-secret/secrets/s", None).await;
    assert_eq!(live["data"]["password"], crate::secret::encode("h1dden-0"));
    assert_eq!(live["metadata"]["labels"]["l"], "2");
    // Another one: all of it is, and what we had sent before goes.
    let third = config("2", json!({"password": "h1dden-2"}), 2);
    let updated = world.connection.update("kubernetes_secret_v1", &stored(&updated), &third).await.unwrap();
    let live = world.call("GET", "/api/v1/namespaces/eph-secret/secrets/s", None).await;
    assert_eq!(live["data"]["password"], crate::secret::encode("h1dden-2"));
    assert_eq!(keys(&world, "eph-secret").await, ["password", "plain", "theirs"]);
    // A read tells nothing of it, and no difference.
    let read = pilotis_sdk::ReadRequest { type_name: "kubernetes_secret_v1".into(), prior: stored(&updated) };
    let seen = world.connection.read(vec![read]).await.pop().unwrap().unwrap().unwrap();
    let shown = format!("{:?}", seen.clone().unmark_deep().0);
    assert!(!shown.contains("h1dden"), "{shown}");
    assert_eq!(seen.get("data_wo_revision").and_then(Value::as_i64), Some(2));
}

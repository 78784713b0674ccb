//! CI/CD variables: scopes, masking, hiding.

use serde_json::{Value, json};

use crate::lab::lab;

#[tokio::test]
async fn a_variable_is_known_by_key_and_scope() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("api", forge).await;
    let path = format!("/projects/{project}/variables");
    let made = lab.post(&path, json!({ "key": "URL", "value": "all" })).await.expect(201);
    assert_eq!(
        made,
        json!({
            "variable_type": "env_var", "key": "URL", "value": "all", "protected": false, "masked": false,
            "hidden": false, "raw": false, "environment_scope": "*", "description": null
        })
    );
    let twice = lab.post(&path, json!({ "key": "URL", "value": "x" })).await.expect(400);
    assert_eq!(twice, json!({ "message": { "key": ["(URL) has already been taken"] } }));
    lab.post(&path, json!({ "key": "URL", "value": "dev", "environment_scope": "dev" })).await.expect(201);
    let which = lab.get(&format!("{path}/URL")).await.expect(409);
    assert!(which["message"].as_str().unwrap().starts_with("There are multiple variables"));
    let dev = format!("{path}/URL?filter%5Benvironment_scope%5D=dev");
    assert_eq!(lab.get(&dev).await.expect(200)["value"], "dev");
    // The filter may come in the body too.
    let body = json!({ "value": "all2", "filter": { "environment_scope": "*" } });
    lab.put(&format!("{path}/URL"), body).await.expect(200);
    lab.put(&dev, json!({ "value": "dev2" })).await.expect(200);
    let list = lab.get(&path).await.expect(200);
    let values: Vec<&Value> = list.as_array().unwrap().iter().map(|variable| &variable["value"]).collect();
    assert_eq!(values, [&json!("all2"), &json!("dev2")]);
    lab.delete(&dev).await.expect(204);
    assert_eq!(lab.get(&dev).await.expect(404)["message"], "404 Variable Not Found");
}

#[tokio::test]
async fn masked_and_hidden_values() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let path = format!("/groups/{forge}/variables");
    for value in ["short", "with space 123", "line\nline-line"] {
        let refused =
            lab.post(&path, json!({ "key": "A", "value": value, "masked": true })).await.expect(400);
        assert_eq!(refused, json!({ "message": { "value": ["is invalid"] } }));
    }
    lab.post(&path, json!({ "key": "A", "value": "long-enough", "masked": true })).await.expect(201);
    let body = json!({ "key": "B", "value": "long-enough", "masked_and_hidden": true });
    let hidden = lab.post(&path, body).await.expect(201);
    assert_eq!((&hidden["value"], &hidden["hidden"]), (&Value::Null, &json!(true)));
    let shown = lab.put(&format!("{path}/B"), json!({ "masked": false })).await.expect(400);
    assert!(shown["message"]["base"][0].as_str().unwrap().contains("cannot be changed"));
    lab.put(&format!("{path}/B"), json!({ "value": "other-long-one" })).await.expect(200);
    let key = lab.post(&path, json!({ "key": "A-B", "value": "x" })).await.expect(400);
    assert_eq!(key["message"]["key"][0], "can contain only letters, digits and '_'.");
    let long = lab.post(&path, json!({ "key": "L", "value": "x".repeat(10_001) })).await.expect(400);
    assert!(long["message"]["value"][0].as_str().unwrap().contains("10000 character limit"));
}

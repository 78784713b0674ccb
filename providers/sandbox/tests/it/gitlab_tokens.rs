//! Access tokens, deploy tokens, triggers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::lab::lab;

#[tokio::test]
async fn a_group_token_acts_as_its_bot_with_its_level() {
    let lab = lab().await;
    let (forge, other) = (lab.group("forge", None).await, lab.group("other", None).await);
    let path = format!("/groups/{forge}/access_tokens");
    let body = json!({ "name": "bot", "scopes": ["api"], "access_level": 40, "description": "for CI" });
    let made = lab.post(&path, body).await.expect(201);
    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with("glpat-"));
    assert_eq!((&made["access_level"], &made["active"]), (&json!(40), &json!(true)));
    assert!(made["expires_at"].is_string(), "a year, if nothing was asked for");
    let read = lab.get(&format!("{path}/{}", made["id"])).await.expect(200);
    assert!(read.get("token").is_none(), "shown once");
    let whoami = lab.send_as(secret, Method::GET, "/user", None).await.expect(200);
    assert_eq!(whoami["bot"], true);
    let project = Some(json!({ "path": "api", "namespace_id": forge }));
    lab.send_as(secret, Method::POST, "/projects", project).await.expect(201);
    lab.send_as(secret, Method::GET, &format!("/groups/{other}"), None).await.expect(404);
    lab.send_as(secret, Method::DELETE, &format!("/groups/{forge}"), None).await.expect(403);
    lab.send_as(secret, Method::GET, "/application/statistics", None).await.expect(403);
    lab.delete(&format!("{path}/{}", made["id"])).await.expect(204);
    let revoked = lab.send_as(secret, Method::GET, "/user", None).await.expect(401);
    assert_eq!(revoked["error"], "invalid_token");
    let members = lab.get(&format!("/groups/{forge}/members")).await.expect(200);
    assert_eq!(members.as_array().unwrap().len(), 1, "the bot is gone: {members}");
}

#[tokio::test]
async fn a_rotation_ends_the_old_token_and_its_reuse_ends_the_family() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("api", forge).await;
    let path = format!("/projects/{project}/access_tokens");
    let made = lab
        .post(&path, json!({ "name": "bot", "scopes": ["read_api"], "access_level": 20 }))
        .await
        .expect(201);
    let next = lab.post(&format!("{path}/{}/rotate", made["id"]), json!({})).await.expect(200);
    assert_ne!(next["id"], made["id"]);
    assert_eq!(next["user_id"], made["user_id"]);
    let secret = |token: &Value| token["token"].as_str().unwrap().to_owned();
    lab.send_as(&secret(&made), Method::GET, "/user", None).await.expect(401);
    lab.send_as(&secret(&next), Method::GET, "/user", None).await.expect(200);
    let write = Some(json!({ "name": "x", "path": "x" }));
    let scope = lab.send_as(&secret(&next), Method::POST, "/groups", write).await.expect(403);
    assert_eq!((&scope["error"], &scope["scope"]), (&json!("insufficient_scope"), &json!("api")));
    lab.post(&format!("{path}/{}/rotate", made["id"]), json!({})).await.expect(400);
    lab.send_as(&secret(&next), Method::GET, "/user", None).await.expect(401);
    let active = lab.get(&format!("{path}?state=active")).await.expect(200);
    assert_eq!(active, json!([]));
}

#[tokio::test]
async fn what_a_token_is_refused_for() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let path = format!("/groups/{forge}/access_tokens");
    let bare = lab.post(&path, json!({})).await.expect(400);
    assert_eq!(bare["error"], "name is missing, scopes is missing");
    let scopes = lab.post(&path, json!({ "name": "x", "scopes": ["everything"] })).await.expect(400);
    assert_eq!(scopes["error"], "scopes does not have a valid value");
    let past = json!({ "name": "x", "scopes": ["api"], "expires_at": "2020-01-01" });
    lab.post(&path, past).await.expect(400);
    let far = json!({ "name": "x", "scopes": ["api"], "expires_at": "2999-01-01" });
    assert!(lab.post(&path, far).await.expect(400)["message"].as_str().unwrap().contains("must be before"));
    let missing = lab.get(&format!("{path}/99")).await.expect(404);
    assert_eq!(missing["message"], "404 Could not find group access token with token_id: 99 Not Found");
}

#[tokio::test]
async fn deploy_tokens() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("api", forge).await;
    let path = format!("/projects/{project}/deploy_tokens");
    let body = json!({ "name": "pull", "scopes": ["read_registry"], "expires_at": "2099-01-01" });
    let made = lab.post(&path, body).await.expect(201);
    assert!(made["token"].as_str().unwrap().starts_with("gldt-"));
    assert_eq!(made["username"], format!("gitlab+deploy-token-{}", made["id"]));
    assert_eq!(made["expires_at"], "2099-01-01T00:00:00.000Z");
    let list = lab.get(&path).await.expect(200);
    assert!(list[0].get("token").is_none());
    assert_eq!(lab.get("/deploy_tokens?active=true").await.expect(200).as_array().unwrap().len(), 1);
    lab.delete(&format!("{path}/{}", made["id"])).await.expect(204);
    lab.get(&format!("{path}/{}", made["id"])).await.expect(404);
}

#[tokio::test]
async fn a_trigger_token_is_whole_for_its_owner_and_starts_pipelines() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let body = json!({ "path": "mirror", "namespace_id": forge, "initialize_with_readme": true });
    let project = lab.post("/projects", body).await.expect(201)["id"].clone();
    let path = format!("/projects/{project}/triggers");
    let made = lab.post(&path, json!({ "description": "mirroring" })).await.expect(201);
    let (user, token) = lab.user("marie.durand").await;
    lab.post(&format!("/projects/{project}/members"), json!({ "user_id": user, "access_level": 40 }))
        .await
        .expect(201);
    let theirs = lab.send_as(&token, Method::GET, &path, None).await.expect(200);
    assert_eq!(theirs[0]["token"].as_str().unwrap(), &made["token"].as_str().unwrap()[..4]);
    let run = json!({ "ref": "main", "token": made["token"], "variables": { "GIT_BRANCH": "main" } });
    let started =
        lab.send_as("", Method::POST, &format!("/projects/{project}/trigger/pipeline"), Some(run)).await;
    assert_eq!(started.expect(201)["source"], "trigger");
    let pipelines = lab.get(&format!("/projects/{project}/pipelines")).await.expect(200);
    assert_eq!(pipelines.as_array().unwrap().len(), 1);
    let wrong = json!({ "ref": "main", "token": "wrong" });
    lab.send_as("", Method::POST, &format!("/projects/{project}/trigger/pipeline"), Some(wrong))
        .await
        .expect(404);
}

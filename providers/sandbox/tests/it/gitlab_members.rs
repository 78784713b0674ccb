//! Members and users.

use pilotis_sandbox::gitlab::GitLab;
use reqwest::Method;
use serde_json::json;

use crate::lab::{lab, lab_with};

#[tokio::test]
async fn members_direct_and_inherited() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let child = lab.group("child", Some(forge)).await;
    let project = lab.project("api", child).await;
    let (user, _) = lab.user("marie.durand").await;
    let body = json!({ "user_id": user, "access_level": 30, "expires_at": "2099-01-01" });
    let made = lab.post(&format!("/groups/{forge}/members"), body.clone()).await.expect(201);
    assert_eq!((&made["username"], &made["expires_at"]), (&json!("marie.durand"), &json!("2099-01-01")));
    assert_eq!(made["created_by"]["username"], "root");
    let twice = lab.post(&format!("/groups/{forge}/members"), body).await.expect(409);
    assert_eq!(twice, json!({ "message": "Member already exists" }));
    assert_eq!(lab.get(&format!("/projects/{project}/members")).await.expect(200), json!([]));
    let all = lab.get(&format!("/projects/{project}/members/all")).await.expect(200);
    assert_eq!(all.as_array().unwrap().len(), 2, "root and marie");
    lab.get(&format!("/projects/{project}/members/{user}")).await.expect(404);
    lab.get(&format!("/projects/{project}/members/all/{user}")).await.expect(200);
    let lower =
        lab.post(&format!("/groups/{child}/members"), json!({ "user_id": user, "access_level": 10 })).await;
    let text = "should be greater than or equal to Developer inherited membership from group forge";
    assert_eq!(lower.expect(400), json!({ "message": { "access_level": [text] } }));
    lab.post(&format!("/groups/{child}/members"), json!({ "user_id": user, "access_level": 40 }))
        .await
        .expect(201);
    let path = format!("/groups/{forge}/members/{user}");
    assert_eq!(lab.put(&path, json!({ "access_level": 20 })).await.expect(200)["access_level"], 20);
    assert_eq!(lab.put(&path, json!({})).await.expect(400)["error"], "access_level is missing");
    lab.delete(&path).await.expect(204);
    lab.get(&format!("/groups/{child}/members/{user}")).await.expect(404);
}

#[tokio::test]
async fn what_a_member_is_refused_for() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let path = format!("/groups/{forge}/members");
    let unknown = lab.post(&path, json!({ "user_id": 999, "access_level": 30 })).await.expect(404);
    assert_eq!(unknown["message"], "404 User Not Found");
    let level = lab.post(&path, json!({ "user_id": 1, "access_level": 42 })).await.expect(400);
    assert_eq!(level["error"], "access_level does not have a valid value");
    let nobody = lab.post(&path, json!({ "access_level": 30 })).await.expect(400);
    assert_eq!(nobody["error"], "user_id, username are missing, exactly one parameter must be provided");
    lab.delete(&format!("{path}/1")).await.expect(403);
    lab.put(&format!("{path}/1"), json!({ "access_level": 30 })).await.expect(403);
    let (user, token) = lab.user("marie.durand").await;
    lab.post(&path, json!({ "user_id": user, "access_level": 40 })).await.expect(201);
    let other = Some(json!({ "username": "paul.martin", "access_level": 30 }));
    lab.send_as(&token, Method::POST, &path, other).await.expect(403);
    lab.send_as(&token, Method::DELETE, &format!("{path}/{user}"), None).await.expect(204);
}

#[tokio::test]
async fn users_are_made_when_looked_up_or_not() {
    let lab = lab().await;
    let found = lab.get("/users?username=marie.durand").await.expect(200);
    assert_eq!((&found[0]["name"], &found[0]["state"]), (&json!("Marie Durand"), &json!("active")));
    assert_eq!(lab.get("/users?username=Marie.Durand").await.expect(200)[0]["id"], found[0]["id"]);
    let gitlab = GitLab::new().auto_users(false).user("ana", "Ana Lopez", "ana@interieur.example");
    let strict = lab_with(gitlab).await;
    assert_eq!(strict.get("/users?username=marie.durand").await.expect(200), json!([]));
    assert_eq!(strict.get("/users?username=ana").await.expect(200)[0]["email"], "ana@interieur.example");
    let body =
        json!({ "username": "bob", "name": "Bob", "email": "bob@x.example", "force_random_password": true });
    let made = strict.post("/users", body.clone()).await.expect(201);
    assert_eq!(made["can_create_group"], true);
    assert_eq!(strict.post("/users", body).await.expect(409)["message"], "Email has already been taken");
    let path = format!("/users/{}", made["id"]);
    strict.put(&path, json!({ "can_create_group": false, "admin": true })).await.expect(200);
    assert_eq!(strict.get(&path).await.expect(200)["is_admin"], true);
    strict.post(&format!("{path}/block"), json!({})).await.expect(201);
    assert_eq!(strict.get("/users?blocked=true").await.expect(200)[0]["username"], "bob");
}

#[tokio::test]
async fn custom_attributes_are_for_administrators() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let path = format!("/groups/{forge}/custom_attributes/cpn_project_slug");
    assert_eq!(
        lab.put(&path, json!({ "value": "carto" })).await.expect(200),
        json!({ "key": "cpn_project_slug", "value": "carto" })
    );
    let found = lab
        .get("/groups?custom_attributes[cpn_project_slug]=carto&with_custom_attributes=true")
        .await
        .expect(200);
    assert_eq!(found[0]["custom_attributes"], json!([{ "key": "cpn_project_slug", "value": "carto" }]));
    assert_eq!(lab.get("/groups?custom_attributes[cpn_project_slug]=x").await.expect(200), json!([]));
    lab.delete(&path).await.expect(204);
    lab.get(&path).await.expect(404);
    let (_, token) = lab.user("marie.durand").await;
    lab.send_as(&token, Method::GET, "/users/1/custom_attributes", None).await.expect(403);
}

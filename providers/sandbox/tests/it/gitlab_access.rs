//! Who is let in, and what is said at the door.

use reqwest::Method;
use serde_json::json;

use crate::lab::{got, lab};

#[tokio::test]
async fn tokens_come_in_three_ways() {
    let lab = lab().await;
    let get = |path: &str| lab.http.get(format!("{}/api/v4{path}", lab.url));
    let bearer = got(get("/user").bearer_auth(&lab.token).send().await.unwrap()).await;
    assert_eq!(bearer.header("x-request-id").len(), 32);
    assert_eq!(bearer.expect(200)["username"], "root");
    got(get(&format!("/user?private_token={}", lab.token)).send().await.unwrap()).await.expect(200);
    for token in ["", "wrong"] {
        let refused = lab.send_as(token, Method::GET, "/user", None).await.expect(401);
        assert_eq!(refused, json!({ "message": "401 Unauthorized" }));
    }
}

#[tokio::test]
async fn unknown_places() {
    let lab = lab().await;
    assert_eq!(lab.get("/nowhere").await.expect(404), json!({ "error": "404 Not Found" }));
    assert_eq!(lab.patch("/version", json!({})).await.expect(405), json!({ "error": "405 Not Allowed" }));
    let request = lab.http.post(format!("{}/api/v4/groups", lab.url)).header("PRIVATE-TOKEN", &lab.token);
    let broken =
        got(request.header("content-type", "application/json").body("{").send().await.unwrap()).await;
    assert!(broken.expect(400)["error"].as_str().unwrap().contains("application/json"));
}

#[tokio::test]
async fn forms_work_as_well_as_json() {
    let lab = lab().await;
    let request = lab.http.post(format!("{}/api/v4/groups", lab.url)).header("PRIVATE-TOKEN", &lab.token);
    let form = "name=Forge+2&path=forge&lfs_enabled=false";
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let made = got(request.send().await.unwrap()).await.expect(201);
    assert_eq!((&made["name"], &made["lfs_enabled"]), (&json!("Forge 2"), &json!(false)));
}

#[tokio::test]
async fn an_administrator_acts_as_another() {
    let lab = lab().await;
    lab.user("marie.durand").await;
    assert_eq!(lab.get("/user?sudo=marie.durand").await.expect(200)["username"], "marie.durand");
    lab.get("/user?sudo=nobody").await.expect(404);
}

#[tokio::test]
async fn health_and_version() {
    let lab = lab().await;
    let ready =
        lab.send_as("", Method::GET, &format!("{}/-/readiness?all=1", lab.url), None).await.expect(200);
    assert_eq!(ready["status"], "ok");
    let metadata = lab.get("/metadata").await.expect(200);
    assert!(metadata["version"].as_str().unwrap().starts_with("18."));
    assert_eq!(metadata["enterprise"], true);
    lab.send_as("", Method::GET, "/version", None).await.expect(401);
}

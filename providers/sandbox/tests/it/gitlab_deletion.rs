//! Deletion: marked, restorable, under way, gone; and when the path is free again.

use std::time::Duration;

use pilotis_sandbox::gitlab::GitLab;
use reqwest::Method;
use serde_json::json;

use crate::lab::{lab, lab_with, until};

#[tokio::test]
async fn a_deleted_group_is_marked_keeps_its_path_and_can_come_back() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let accepted = lab.delete(&format!("/groups/{forge}")).await.expect(202);
    assert_eq!(accepted, json!({ "message": "202 Accepted" }));
    let marked = lab.get("/groups/forge").await.expect(200);
    assert!(marked["marked_for_deletion_on"].is_string());
    lab.post("/groups", json!({ "name": "forge", "path": "forge" })).await.expect(400);
    let twice = lab.delete(&format!("/groups/{forge}")).await.expect(400);
    assert_eq!(twice["message"], "Group has been already marked for deletion");
    let now =
        lab.delete(&format!("/groups/{forge}?permanently_remove=true&full_path=forge")).await.expect(400);
    assert_eq!(now["message"], "`permanently_remove` option is only available for subgroups.");
    let restored = lab.post(&format!("/groups/{forge}/restore"), json!({})).await.expect(201);
    assert!(restored["marked_for_deletion_on"].is_null());
}

#[tokio::test]
async fn a_permanent_deletion_takes_a_moment_and_everything_inside() {
    let lab = lab_with(GitLab::new().deletion_delay(Duration::from_millis(300))).await;
    let forge = lab.group("forge", None).await;
    let child = lab.group("child", Some(forge)).await;
    let project = lab.project("api", child).await;
    let path = format!("/groups/{child}");
    let early =
        lab.delete(&format!("{path}?permanently_remove=true&full_path=forge/child")).await.expect(400);
    assert_eq!(early["message"], "Group must be marked for deletion first.");
    lab.delete(&path).await.expect(202);
    let wrong = lab.delete(&format!("{path}?permanently_remove=true&full_path=child")).await.expect(400);
    assert!(wrong["message"].as_str().unwrap().starts_with("`full_path` is incorrect."));
    lab.delete(&format!("{path}?permanently_remove=true&full_path=forge/child")).await.expect(202);
    let busy = lab
        .post("/groups", json!({ "name": "child", "path": "child", "parent_id": forge }))
        .await
        .expect(400);
    assert!(
        busy["message"].as_str().unwrap().contains("still being deleted. Please try again later."),
        "{busy}"
    );
    until(async || lab.get(&path).await.status == 404).await;
    lab.get(&format!("/projects/{project}")).await.expect(404);
    let again = lab.group("child", Some(forge)).await;
    assert_ne!(again, child);
}

#[tokio::test]
async fn a_project_too() {
    let lab = lab_with(GitLab::new().deletion_delay(Duration::from_millis(300))).await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("api", forge).await;
    let path = format!("/projects/{project}");
    lab.delete(&path).await.expect(202);
    assert!(lab.get(&path).await.expect(200)["marked_for_deletion_on"].is_string());
    lab.post(&format!("{path}/restore"), json!({})).await.expect(201);
    lab.delete(&path).await.expect(202);
    lab.delete(&format!("{path}?permanently_remove=true&full_path=forge/api")).await.expect(202);
    lab.get(&path).await.expect(404);
    let busy = lab.post("/projects", json!({ "path": "api", "namespace_id": forge })).await.expect(400);
    assert_eq!(busy["message"]["base"][0], "The project is still being deleted. Please try again later.");
    let body = json!({ "path": "api", "namespace_id": forge });
    until(async || lab.post("/projects", body.clone()).await.status == 201).await;
}

#[tokio::test]
async fn a_deletion_goes_on_after_a_restart() {
    let mut lab = lab_with(GitLab::new().deletion_delay(Duration::from_millis(100))).await;
    let forge = lab.group("forge", None).await;
    let child = lab.group("child", Some(forge)).await;
    let path = format!("/groups/{child}");
    lab.delete(&path).await.expect(202);
    lab.delete(&format!("{path}?permanently_remove=true&full_path=forge/child")).await.expect(202);
    lab.restart().await;
    until(async || lab.get(&path).await.status == 404).await;
    lab.restart().await;
    lab.get(&path).await.expect(404);
    lab.group("child", Some(forge)).await;
}

#[tokio::test]
async fn servers_that_rename_what_is_marked() {
    let lab = lab_with(GitLab::new().rename_marked(true)).await;
    let forge = lab.group("forge", None).await;
    lab.delete(&format!("/groups/{forge}")).await.expect(202);
    let marked = lab.get(&format!("/groups/{forge}")).await.expect(200);
    assert_eq!(marked["path"], format!("forge-deletion_scheduled-{forge}"));
    lab.group("forge", None).await;
    lab.post(&format!("/groups/{forge}/restore"), json!({})).await.expect(400);
}

#[tokio::test]
async fn only_owners_delete() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let (user, token) = lab.user("marie.durand").await;
    lab.post(&format!("/groups/{forge}/members"), json!({ "user_id": user, "access_level": 40 }))
        .await
        .expect(201);
    let refused = lab.send_as(&token, Method::DELETE, &format!("/groups/{forge}"), None).await.expect(403);
    assert_eq!(refused, json!({ "message": "403 Forbidden" }));
}

//! Files, commits, trees, branches and tags.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::json;

use crate::lab::lab;

#[tokio::test]
async fn a_file_from_first_to_last() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("infra", forge).await;
    let path = format!("/projects/{project}/repository/files/values%2Fdev.yaml");
    let write = |content: &str, message: &str| json!({ "branch": "main", "content": content, "commit_message": message });
    let early = lab.put(&path, write("a: 1\n", "x")).await.expect(400);
    assert_eq!(early["message"], "A file with this name doesn't exist");
    let made = lab.post(&path, write("a: 1\n", "first")).await.expect(201);
    assert_eq!(made, json!({ "file_path": "values/dev.yaml", "branch": "main" }));
    let twice = lab.post(&path, write("a: 1\n", "again")).await.expect(400);
    assert_eq!(twice["message"], "A file with this name already exists");
    let read = format!("{path}?ref=main");
    let file = lab.get(&read).await.expect(200);
    assert_eq!(STANDARD.decode(file["content"].as_str().unwrap()).unwrap(), b"a: 1\n");
    assert_eq!(file["blob_id"], "a8926a52d8dcba5c4386945476ab6a2ad008afd4", "as `git hash-object` says");
    let first = file["last_commit_id"].clone();
    let encoded = json!({
        "branch": "main", "content": STANDARD.encode("a: 2\n"), "encoding": "base64", "commit_message": "second",
        "last_commit_id": first
    });
    lab.put(&path, encoded.clone()).await.expect(200);
    let late = lab.put(&path, encoded).await.expect(400);
    assert_eq!(
        late["message"],
        "You are attempting to update a file that has changed since you started editing it."
    );
    let head = lab.send_as(&lab.token, Method::HEAD, &read, None).await;
    assert_eq!(head.header("x-gitlab-size"), "5");
    assert_eq!(head.header("x-gitlab-file-name"), "dev.yaml");
    let old = lab.get(&format!("{path}?ref={}", first.as_str().unwrap())).await.expect(200);
    assert_eq!(old["blob_id"], file["blob_id"], "an old commit still has the old content");
    lab.send_as(
        &lab.token,
        Method::DELETE,
        &path,
        Some(json!({ "branch": "main", "commit_message": "gone" })),
    )
    .await
    .expect(204);
    assert_eq!(lab.get(&read).await.expect(404)["message"], "404 File Not Found");
    assert_eq!(lab.get(&path).await.expect(400)["error"], "ref is missing");
    assert_eq!(lab.get(&format!("{path}?ref=none")).await.expect(404)["message"], "404 Commit Not Found");
}

#[tokio::test]
async fn one_commit_of_many_actions_is_whole_or_nothing() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("mirror", forge).await;
    let commits = format!("/projects/{project}/repository/commits");
    let body = json!({
        "branch": "main", "commit_message": "ci: first mirror",
        "actions": [
            { "action": "create", "file_path": ".gitlab-ci.yml", "content": "stages: []\n" },
            { "action": "create", "file_path": "bin/mirror.sh", "content": "#!/bin/sh\n", "execute_filemode": true }
        ]
    });
    let made = lab.post(&commits, body).await.expect(201);
    assert_eq!((&made["title"], &made["stats"]["additions"]), (&json!("ci: first mirror"), &json!(2)));
    let half = json!({
        "branch": "main", "commit_message": "half",
        "actions": [
            { "action": "create", "file_path": "new", "content": "x" },
            { "action": "delete", "file_path": "none" }
        ]
    });
    lab.post(&commits, half).await.expect(400);
    assert_eq!(lab.get(&commits).await.expect(200).as_array().unwrap().len(), 1);
    let wrong = json!({ "branch": "main", "commit_message": "x", "actions": [{ "action": "burn", "file_path": "a" }] });
    assert_eq!(
        lab.post(&commits, wrong).await.expect(400)["error"],
        "actions[0][action] does not have a valid value"
    );
    let elsewhere = json!({ "branch": "dev", "commit_message": "x", "actions": [{ "action": "create", "file_path": "a", "content": "" }] });
    let elsewhere = lab.post(&commits, elsewhere).await.expect(400);
    assert_eq!(elsewhere["message"], "You can only create or edit files when you are on a branch");
    let started = json!({
        "branch": "dev", "start_branch": "main", "commit_message": "x",
        "actions": [{ "action": "move", "file_path": "ci.yml", "previous_path": ".gitlab-ci.yml" }]
    });
    lab.post(&commits, started).await.expect(201);
    let tree =
        lab.get(&format!("/projects/{project}/repository/tree?ref=dev&recursive=true")).await.expect(200);
    let entries: Vec<_> = tree
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["mode"].as_str().unwrap(), e["path"].as_str().unwrap()))
        .collect();
    assert_eq!(entries, [("040000", "bin"), ("100755", "bin/mirror.sh"), ("100644", "ci.yml")]);
    lab.get(&format!("/projects/{project}/repository/tree?ref=none")).await.expect(404);
}

#[tokio::test]
async fn branches_and_tags_and_who_may_push() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let body = json!({ "path": "api", "namespace_id": forge, "initialize_with_readme": true });
    let project = lab.post("/projects", body).await.expect(201)["id"].clone();
    let branches = format!("/projects/{project}/repository/branches");
    lab.post(&branches, json!({ "branch": "feature/x", "ref": "main" })).await.expect(201);
    let again = lab.post(&branches, json!({ "branch": "feature/x", "ref": "main" })).await.expect(400);
    assert_eq!(again["message"], "Branch already exists");
    let main = lab.get(&format!("{branches}/main")).await.expect(200);
    assert_eq!((&main["default"], &main["protected"]), (&json!(true), &json!(true)));
    lab.delete(&format!("{branches}/main")).await.expect(405);
    let (user, token) = lab.user("marie.durand").await;
    lab.post(&format!("/projects/{project}/members"), json!({ "user_id": user, "access_level": 30 }))
        .await
        .expect(201);
    let file = format!("/projects/{project}/repository/files/a");
    let write = |branch: &str| Some(json!({ "branch": branch, "content": "x", "commit_message": "x" }));
    let refused = lab.send_as(&token, Method::POST, &file, write("main")).await.expect(400);
    assert_eq!(refused["message"], "You are not allowed to push into this branch");
    lab.send_as(&token, Method::POST, &file, write("feature/x")).await.expect(201);
    lab.delete(&format!("{branches}/feature%2Fx")).await.expect(204);
    let tags = format!("/projects/{project}/repository/tags");
    lab.post(&tags, json!({ "tag_name": "v1", "ref": "main" })).await.expect(201);
    assert_eq!(lab.get(&format!("{tags}/v1")).await.expect(200)["target"], main["commit"]["id"]);
    lab.delete(&format!("{tags}/v1")).await.expect(204);
}

//! Projects: creation, attributes, lists by page and by key, transfer, mirrors.

use reqwest::Method;
use serde_json::json;

use crate::lab::lab;

#[tokio::test]
async fn a_project_gets_its_path_from_its_name_and_keeps_what_was_set() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let body = json!({
        "name": "API Carto", "namespace_id": forge, "topics": ["plugin-managed"], "ci_config_path": ".gitlab-ci-dso.yml",
        "merge_method": "ff", "issues_enabled": false, "build_timeout": 7200
    });
    let made = lab.post("/projects", body).await.expect(201);
    assert_eq!(made["path_with_namespace"], "forge/api-carto");
    assert_eq!(made["name_with_namespace"], "forge / API Carto");
    assert_eq!(made["issues_access_level"], "disabled");
    assert_eq!(made["merge_method"], "ff");
    assert_eq!(made["namespace"]["full_path"], "forge");
    assert_eq!(made["default_branch"], "main");
    assert_eq!(made["empty_repo"], true);
    let id = &made["id"];
    assert_eq!(lab.get("/projects/forge%2Fapi-carto").await.expect(200), made);
    let changed =
        lab.put(&format!("/projects/{id}"), json!({ "name": "Carto", "topics": [] })).await.expect(200);
    assert_eq!((&changed["name"], &changed["path"]), (&json!("Carto"), &json!("api-carto")));
    assert_eq!((&changed["topics"], &changed["build_timeout"]), (&json!([]), &json!(7200)));
}

#[tokio::test]
async fn what_a_project_is_refused_for() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    lab.project("api", forge).await;
    let taken = lab.post("/projects", json!({ "path": "api", "namespace_id": forge })).await.expect(400);
    assert_eq!(taken["message"]["path"], json!(["has already been taken"]));
    assert_eq!(taken["message"]["name"], json!(["has already been taken"]));
    let nameless = lab.post("/projects", json!({ "namespace_id": forge })).await.expect(400);
    assert_eq!(nameless["error"], "name, path are missing, at least one parameter must be provided");
    let open = json!({ "path": "x", "namespace_id": forge, "visibility": "public" });
    let open = lab.post("/projects", open).await.expect(400);
    assert_eq!(open["message"]["visibility_level"], json!(["public is not allowed in a private group."]));
    let nowhere = lab.post("/projects", json!({ "path": "x", "namespace_id": 9999 })).await.expect(400);
    assert_eq!(nowhere["message"], json!({ "namespace": ["is not valid"] }));
    let branch = lab.put("/projects/forge%2Fapi", json!({ "default_branch": "develop" })).await.expect(400);
    assert_eq!(branch["message"]["base"][0], "Could not change HEAD: branch 'develop' does not exist");
}

#[tokio::test]
async fn keyset_pages_walk_by_id_and_end_without_a_link() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    for number in 0..7 {
        lab.project(&format!("repo-{number}"), forge).await;
    }
    let mut path = "/projects?pagination=keyset&order_by=id&sort=asc&per_page=3".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = lab.get(&path).await;
        let link = page.header("link").to_owned();
        let projects = page.expect(200);
        seen.extend(projects.as_array().unwrap().iter().map(|project| project["id"].as_u64().unwrap()));
        if link.is_empty() {
            break;
        }
        assert!(link.ends_with("rel=\"next\"") && link.contains("id_after="));
        path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted());
    let refused = lab.get("/projects?pagination=keyset&order_by=name").await;
    refused.expect(405);
}

#[tokio::test]
async fn a_groups_projects_with_and_without_subgroups_and_shares() {
    let lab = lab().await;
    let (forge, other) = (lab.group("forge", None).await, lab.group("other", None).await);
    let child = lab.group("child", Some(forge)).await;
    let (own, deep, shared) = (
        lab.project("own", forge).await,
        lab.project("deep", child).await,
        lab.project("shared", other).await,
    );
    lab.post(&format!("/projects/{shared}/share"), json!({ "group_id": forge, "group_access": 30 }))
        .await
        .expect(201);
    let ids = async |query: &str| {
        let list =
            lab.get(&format!("/groups/{forge}/projects?order_by=id&sort=asc&{query}")).await.expect(200);
        list.as_array().unwrap().iter().map(|project| project["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [own, shared]);
    assert_eq!(ids("include_subgroups=true&with_shared=false").await, [own, deep]);
    let again = lab
        .post(&format!("/projects/{shared}/share"), json!({ "group_id": forge, "group_access": 30 }))
        .await;
    assert_eq!(again.expect(409)["message"], "Group already shared with this group");
    let links = &lab.get(&format!("/projects/{shared}")).await.expect(200)["shared_with_groups"];
    assert_eq!(links[0]["group_full_path"], "forge");
}

#[tokio::test]
async fn a_readme_makes_a_branch_that_is_protected_a_moment_later() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let body = json!({ "path": "api", "namespace_id": forge, "initialize_with_readme": true, "default_branch": "trunk" });
    let made = lab.post("/projects", body).await.expect(201);
    assert_eq!((&made["default_branch"], &made["empty_repo"]), (&json!("trunk"), &json!(false)));
    let rules = lab.get(&format!("/projects/{}/protected_branches", made["id"])).await.expect(200);
    assert_eq!(rules[0]["name"], "trunk");
    assert_eq!(rules[0]["push_access_levels"][0]["access_level"], 40);
    lab.put(&format!("/groups/{forge}"), json!({ "default_branch_protection": 0 })).await.expect(200);
    let body = json!({ "path": "open", "namespace_id": forge, "initialize_with_readme": true });
    let made = lab.post("/projects", body).await.expect(201);
    let rules = lab.get(&format!("/projects/{}/protected_branches", made["id"])).await.expect(200);
    assert_eq!(rules, json!([]), "the group wants no protection");
}

#[tokio::test]
async fn protected_branches_are_changed_entry_by_entry() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("api", forge).await;
    let (user, _) = lab.user("marie.durand").await;
    let base = format!("/projects/{project}/protected_branches");
    let made = lab.post(&base, json!({ "name": "main", "push_access_level": 0 })).await.expect(201);
    assert_eq!(made["push_access_levels"][0]["access_level_description"], "No one");
    assert_eq!(made["merge_access_levels"][0]["access_level"], 40);
    let again = lab.post(&base, json!({ "name": "main" })).await.expect(409);
    assert_eq!(again["message"], "Protected branch 'main' already exists");
    let old = &made["push_access_levels"][0]["id"];
    let body = json!({ "allowed_to_push": [{ "user_id": user }, { "id": old, "_destroy": true }], "allow_force_push": true });
    let changed = lab.patch(&format!("{base}/main"), body).await.expect(200);
    assert_eq!(changed["push_access_levels"].as_array().unwrap().len(), 1);
    assert_eq!(changed["push_access_levels"][0]["user_id"], user);
    assert_eq!(changed["allow_force_push"], true);
    let body = json!({ "name": "release/*" });
    lab.post(&base, body).await.expect(201);
    lab.delete(&format!("{base}/release%2F*")).await.expect(204);
    assert_eq!(lab.get(&format!("{base}/release%2F*")).await.expect(404)["message"], "404 Not found");
}

#[tokio::test]
async fn mirrors_never_show_a_password() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("api", forge).await;
    let url = json!({ "url": "https://bot:hush@forge.example/a.git" });
    let push = lab.post(&format!("/projects/{project}/remote_mirrors"), url.clone()).await.expect(201);
    assert_eq!(push["url"], "https://*****:*****@forge.example/a.git");
    assert_eq!(push["enabled"], false);
    let id = &push["id"];
    let path = format!("/projects/{project}/remote_mirrors/{id}");
    lab.post(&format!("{path}/sync"), json!({})).await.expect(400);
    lab.put(&path, json!({ "enabled": true })).await.expect(200);
    lab.post(&format!("{path}/sync"), json!({})).await.expect(204);
    assert_eq!(lab.get(&path).await.expect(200)["update_status"], "finished");
    let pull = format!("/projects/{project}/mirror/pull");
    lab.get(&pull).await.expect(400);
    let body = json!({ "url": "https://forge.example/a.git", "auth_user": "bot", "auth_password": "hush" });
    let made = lab.put(&pull, body).await.expect(200);
    assert_eq!(
        (&made["enabled"], &made["url"]),
        (&json!(true), &json!("https://*****:*****@forge.example/a.git"))
    );
    assert_eq!(lab.get(&format!("/projects/{project}")).await.expect(200)["mirror"], true);
    lab.put(&pull, json!({ "enabled": false })).await.expect(200);
    assert_eq!(lab.get(&format!("/projects/{project}")).await.expect(200)["mirror"], false);
    let data = std::fs::read(lab.folder.path().join("sandbox.db-wal")).unwrap_or_default();
    assert!(!data.windows(4).any(|window| window == b"hush"), "the password is not even stored");
}

#[tokio::test]
async fn a_transfer_and_an_archive() {
    let lab = lab().await;
    let (one, two) = (lab.group("one", None).await, lab.group("two", None).await);
    let project = lab.project("api", one).await;
    let moved =
        lab.put(&format!("/projects/{project}/transfer"), json!({ "namespace": "two" })).await.expect(200);
    assert_eq!(moved["namespace"]["id"], two);
    lab.get("/projects/one%2Fapi").await.expect(404);
    let archived = lab.post(&format!("/projects/{project}/archive"), json!({})).await.expect(201);
    assert_eq!(archived["archived"], true);
    let body = json!({ "branch": "main", "content": "x", "commit_message": "x" });
    lab.post(&format!("/projects/{project}/repository/files/a"), body).await.expect(403);
    let list = lab.get("/projects?archived=false").await.expect(200);
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn who_sees_what() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let project = lab.project("api", forge).await;
    let (user, token) = lab.user("marie.durand").await;
    let path = format!("/projects/{project}");
    let hidden = lab.send_as(&token, Method::GET, &path, None).await.expect(404);
    assert_eq!(hidden, json!({ "message": "404 Project Not Found" }));
    lab.post(&format!("{path}/members"), json!({ "user_id": user, "access_level": 20 })).await.expect(201);
    lab.send_as(&token, Method::GET, &path, None).await.expect(200);
    lab.send_as(&token, Method::GET, "/groups/forge", None).await.expect(200);
    let list = lab.send_as(&token, Method::GET, "/projects", None).await.expect(200);
    assert_eq!(list.as_array().unwrap().len(), 1);
    let body = Some(json!({ "description": "mine" }));
    lab.send_as(&token, Method::PUT, &path, body).await.expect(403);
    lab.send_as("", Method::GET, &path, None).await.expect(404);
}

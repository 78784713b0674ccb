//! Groups: names, paths, visibility, nesting, lists, transfer, sharing.

use serde_json::json;

use crate::lab::lab;

#[tokio::test]
async fn a_group_is_found_by_id_and_by_path() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let child = lab.group("projects", Some(forge)).await;
    let by_path = lab.get("/groups/Forge%2FProjects?with_projects=false").await.expect(200);
    assert_eq!(by_path["id"], child);
    assert_eq!(by_path["full_path"], "forge/projects");
    assert_eq!(by_path["full_name"], "forge / projects");
    assert_eq!(by_path["web_url"], format!("{}/groups/forge/projects", lab.url));
    assert_eq!(by_path["visibility"], "private");
    assert!(by_path.get("projects").is_none());
    let missing = lab.get("/groups/none").await.expect(404);
    assert_eq!(missing, json!({ "message": "404 Group Not Found" }));
}

#[tokio::test]
async fn what_a_group_is_refused_for() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let missing = lab.post("/groups", json!({})).await.expect(400);
    assert_eq!(missing, json!({ "error": "name is missing, path is missing" }));
    let taken = lab.post("/groups", json!({ "name": "other", "path": "FORGE" })).await.expect(400);
    assert_eq!(taken, json!({ "message": "Failed to save group {:path=>[\"has already been taken\"]}" }));
    let named = |name: &str, path: &str| json!({ "name": name, "path": path, "parent_id": forge });
    lab.post("/groups", named("one", "one")).await.expect(201);
    let same_name = lab.post("/groups", named("One", "two")).await.expect(400);
    assert_eq!(same_name["message"], "Failed to save group {:name=>[\"has already been taken\"]}");
    for (name, path, text) in [
        ("x", "a b", "can contain only letters, digits"),
        ("x", "-a", "Cannot start with '-'"),
        ("x", "a.git", "end in '.', '.git'"),
        ("<b>", "ok", "can contain only letters, digits, emojis"),
    ] {
        let refused = lab.post("/groups", named(name, path)).await.expect(400);
        assert!(refused["message"].as_str().unwrap().contains(text), "{refused}");
    }
    let reserved = lab.post("/groups", json!({ "name": "api", "path": "api" })).await.expect(400);
    assert!(reserved["message"].as_str().unwrap().contains("is a reserved name"));
    let open = json!({ "name": "open", "path": "open", "parent_id": forge, "visibility": "public" });
    let open = lab.post("/groups", open).await.expect(400);
    assert!(
        open["message"].as_str().unwrap().contains("since the parent group has a private visibility"),
        "{open}"
    );
    let wrong = json!({ "name": "x", "path": "x", "visibility": "secret", "lfs_enabled": "perhaps" });
    let wrong = lab.post("/groups", wrong).await.expect(400);
    assert_eq!(wrong["error"], "visibility does not have a valid value, lfs_enabled is invalid");
    let orphan =
        lab.post("/groups", json!({ "name": "x", "path": "x", "parent_id": 9999 })).await.expect(404);
    assert_eq!(orphan["message"], "404 Group Not Found");
}

#[tokio::test]
async fn an_update_is_partial_and_renames_in_place() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let child = lab.group("child", Some(forge)).await;
    let body = json!({ "path": "factory", "description": "All of it", "default_branch_protection": 0 });
    let changed = lab.put(&format!("/groups/{forge}"), body).await.expect(200);
    assert_eq!(changed["name"], "forge");
    assert_eq!(changed["default_branch_protection_defaults"]["allow_force_push"], true);
    assert_eq!(lab.get("/groups/factory%2Fchild").await.expect(200)["id"], child);
    lab.get("/groups/forge").await.expect(404);
    lab.group("other", None).await;
    let taken = lab.put(&format!("/groups/{forge}"), json!({ "path": "other" })).await.expect(400);
    assert_eq!(taken, json!({ "message": { "path": ["has already been taken"] } }));
}

#[tokio::test]
async fn a_list_comes_in_pages_with_links() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    for number in 0..25 {
        lab.group(&format!("team-{number:02}"), Some(forge)).await;
    }
    let first = lab.get(&format!("/groups/{forge}/subgroups?per_page=10&order_by=name")).await;
    assert_eq!(first.header("x-total"), "25");
    assert_eq!(first.header("x-total-pages"), "3");
    assert_eq!(first.header("x-next-page"), "2");
    let link = first.header("link").to_owned();
    let next = link.split(", ").find(|link| link.ends_with("rel=\"next\"")).unwrap();
    let next = next.trim_start_matches('<').split('>').next().unwrap();
    assert_eq!(next, format!("{}/api/v4/groups/{forge}/subgroups?order_by=name&page=2&per_page=10", lab.url));
    let second = lab.get(next).await;
    assert_eq!(second.header("x-prev-page"), "1");
    assert_eq!(second.expect(200)[0]["name"], "team-10");
    let last = lab.get(&format!("/groups/{forge}/subgroups?per_page=10&page=3")).await;
    assert!(!last.header("link").contains("rel=\"next\""));
    assert_eq!(last.expect(200).as_array().unwrap().len(), 5);
    let many = lab.get(&format!("/groups/{forge}/descendant_groups?per_page=1000")).await;
    assert_eq!(many.header("x-per-page"), "100");
    let beyond = lab.get(&format!("/groups/{forge}/subgroups?page=9")).await.expect(200);
    assert_eq!(beyond, json!([]));
}

#[tokio::test]
async fn a_transfer_takes_everything_along() {
    let lab = lab().await;
    let (one, two) = (lab.group("one", None).await, lab.group("two", None).await);
    let child = lab.group("child", Some(one)).await;
    let project = lab.project("api", child).await;
    let moved = lab.post(&format!("/groups/{child}/transfer"), json!({ "group_id": two })).await.expect(201);
    assert_eq!(moved["full_path"], "two/child");
    assert_eq!(lab.get("/projects/two%2Fchild%2Fapi").await.expect(200)["id"], project);
    let inside = lab.post(&format!("/groups/{two}/transfer"), json!({ "group_id": child })).await.expect(400);
    assert_eq!(inside["message"], "Transfer failed: Cannot transfer group to one of its subgroup.");
    let top = lab.post(&format!("/groups/{child}/transfer"), json!({})).await.expect(201);
    assert_eq!(top["full_path"], "child");
}

#[tokio::test]
async fn groups_are_shared_with_groups() {
    let lab = lab().await;
    let (one, two) = (lab.group("one", None).await, lab.group("two", None).await);
    let (user, token) = lab.user("paul.martin").await;
    lab.post(&format!("/groups/{two}/members"), json!({ "user_id": user, "access_level": 40 }))
        .await
        .expect(201);
    lab.send_as(&token, reqwest::Method::GET, &format!("/groups/{one}"), None).await.expect(404);
    let link = json!({ "group_id": two, "group_access": 20 });
    let shared = lab.post(&format!("/groups/{one}/share"), link.clone()).await.expect(201);
    assert_eq!(shared["shared_with_groups"][0]["group_access_level"], 20);
    lab.send_as(&token, reqwest::Method::GET, &format!("/groups/{one}"), None).await.expect(200);
    lab.post(&format!("/groups/{one}/share"), link).await.expect(409);
    lab.delete(&format!("/groups/{one}/share/{two}")).await.expect(204);
    lab.send_as(&token, reqwest::Method::GET, &format!("/groups/{one}"), None).await.expect(404);
}

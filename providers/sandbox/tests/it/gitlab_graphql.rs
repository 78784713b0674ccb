//! GraphQL: the queries that read in bulk, paging, complexity, and what is wrong with a query.

use reqwest::Method;
use serde_json::{Value, json};

use crate::lab::{Lab, lab};

impl Lab {
    async fn query(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        self.send_as(&self.token, Method::POST, &format!("{}/api/graphql", self.url), Some(body))
            .await
            .expect(200)
    }
}

fn gid(kind: &str, id: u64) -> String {
    format!("gid://gitlab/{kind}/{id}")
}

#[tokio::test]
async fn members_and_variables_of_many() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let (one, two) = (lab.project("one", forge).await, lab.project("two", forge).await);
    let (user, _) = lab.user("marie.durand").await;
    let member = json!({ "user_id": user, "access_level": 30, "expires_at": "2099-01-01" });
    lab.post(&format!("/projects/{one}/members"), member).await.expect(201);
    lab.post(
        &format!("/projects/{two}/variables"),
        json!({ "key": "F", "value": "x", "variable_type": "file" }),
    )
    .await
    .expect(201);
    let query = "query projectMembers($ids: [ID!]) { projects(ids: $ids, first: 100) { nodes { id
        projectMembers(relations: [DIRECT], first: 100) { nodes { accessLevel { integerValue } expiresAt user { id } }
        pageInfo { hasNextPage } } } } }";
    let ids = json!({ "ids": [gid("Project", one), gid("Project", two), gid("Project", 999)] });
    let answer = lab.query(query, ids.clone()).await;
    let nodes = &answer["data"]["projects"]["nodes"];
    assert_eq!(nodes.as_array().unwrap().len(), 2, "{answer}");
    assert_eq!(nodes[1]["id"], gid("Project", one));
    assert_eq!(
        nodes[1]["projectMembers"],
        json!({
            "nodes": [{ "accessLevel": { "integerValue": 30 }, "expiresAt": "2099-01-01T00:00:00Z", "user": { "id": gid("User", user) } }],
            "pageInfo": { "hasNextPage": false }
        })
    );
    let query = "query projectVariables($ids: [ID!]) { projects(ids: $ids, first: 100) { nodes { id ciVariables(first: 100) {
        nodes { key value variableType protected masked hidden raw environmentScope description } pageInfo { hasNextPage } } } } }";
    let answer = lab.query(query, ids).await;
    let variable = &answer["data"]["projects"]["nodes"][0]["ciVariables"]["nodes"][0];
    assert_eq!((&variable["key"], &variable["variableType"]), (&json!("F"), &json!("FILE")));
    let query = "query groupMembers($ids: [ID!]) { groups(ids: $ids, first: 100) { nodes { id groupMembers(relations: [DIRECT], first: 100)
        { nodes { accessLevel { integerValue } expiresAt user { id } } pageInfo { hasNextPage } } ciVariables { nodes { key } } } } }";
    let answer = lab.query(query, json!({ "ids": [gid("Group", forge)] })).await;
    assert_eq!(
        answer["data"]["groups"]["nodes"][0]["groupMembers"]["nodes"][0]["accessLevel"]["integerValue"],
        50
    );
    assert_eq!(answer["data"]["groups"]["nodes"][0]["ciVariables"]["nodes"], json!([]));
}

#[tokio::test]
async fn branch_rules_triggers_and_users() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    let body = json!({ "path": "api", "namespace_id": forge, "initialize_with_readme": true });
    let project = lab.post("/projects", body).await.expect(201)["id"].as_u64().unwrap();
    lab.post(&format!("/projects/{project}/triggers"), json!({ "description": "t" })).await.expect(201);
    let levels = "nodes { accessLevel user { id } group { id } } pageInfo { hasNextPage }";
    let query = format!(
        "query branchRulesEnterprise($ids: [ID!]) {{ projects(ids: $ids, first: 50) {{ nodes {{ id branchRules(first: 100) {{
         nodes {{ id name branchProtection {{ allowForcePush codeOwnerApprovalRequired
         mergeAccessLevels(first: 20) {{ {levels} }} pushAccessLevels(first: 20) {{ nodes {{ accessLevel user {{ id }} group {{ id }} deployKey {{ id }} }} pageInfo {{ hasNextPage }} }}
         unprotectAccessLevels(first: 20) {{ {levels} }} }} }} pageInfo {{ hasNextPage }} }}
         pipelineTriggers(first: 100) {{ nodes {{ id description token }} pageInfo {{ hasNextPage }} }} }} }} }}"
    );
    let answer = lab.query(&query, json!({ "ids": [gid("Project", project)] })).await;
    let found = &answer["data"]["projects"]["nodes"][0];
    let rule = &found["branchRules"]["nodes"][0];
    assert_eq!(rule["name"], "main", "{answer}");
    assert!(rule["id"].as_str().unwrap().starts_with("gid://gitlab/Projects::BranchRule/"));
    let access = json!({ "accessLevel": 40, "user": null, "group": null });
    assert_eq!(rule["branchProtection"]["mergeAccessLevels"]["nodes"], json!([access]));
    assert!(found["pipelineTriggers"]["nodes"][0]["token"].as_str().unwrap().starts_with("glptt-"));
    let query = "query users($usernames: [String!]) { users(usernames: $usernames, first: 100) { nodes { id username name
        publicEmail state webUrl avatarUrl } pageInfo { hasNextPage } } }";
    let answer = lab.query(query, json!({ "usernames": ["marie.durand", "root"] })).await;
    assert_eq!(answer["data"]["users"]["nodes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn pages_follow_cursors() {
    let lab = lab().await;
    let forge = lab.group("forge", None).await;
    for number in 0..5 {
        lab.project(&format!("repo-{number}"), forge).await;
    }
    let query = "query q($after: String) { group(fullPath: \"forge\") { projects(first: 2, after: $after) { nodes { name }
        pageInfo { hasNextPage endCursor } } } }";
    let (mut after, mut names) = (Value::Null, Vec::new());
    loop {
        let answer = lab.query(query, json!({ "after": after })).await;
        let page = &answer["data"]["group"]["projects"];
        names.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["name"].clone()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(names, ["repo-4", "repo-3", "repo-2", "repo-1", "repo-0"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_said_as_gitlab_says_it() {
    let lab = lab().await;
    let answer = lab.query("{ projects { nodes { id secret } } }", json!({})).await;
    assert_eq!(answer["errors"][0]["message"], "Field 'secret' doesn't exist on type 'Project'");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "undefinedField");
    assert_eq!(answer["errors"][0]["path"], json!(["query", "projects", "nodes", "secret"]));
    assert!(answer.get("data").is_none());
    let answer = lab.query("{ projects(color: 1) { nodes { id } } }", json!({})).await;
    assert_eq!(answer["errors"][0]["message"], "Field 'projects' doesn't accept argument 'color'");
    let answer = lab.query("{ projects { nodes { group } } }", json!({})).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().starts_with("Field must have selections"));
    let answer = lab.query("{ projects {", json!({})).await;
    assert!(answer["errors"][0]["message"].is_string());
    let deep = "{ groups(first: 100) { nodes { projects(first: 100) { nodes { projectMembers(first: 100) { nodes { accessLevel
        { integerValue stringValue } user { id name username } createdBy { id name username } } } branchRules(first: 100)
        { nodes { id name } } } } descendantGroups(first: 100) { nodes { groupMembers(first: 100) { nodes { id user { id name } } }
        projects(first: 100) { nodes { id name fullPath branchRules { nodes { id name } } } } } } } } }";
    let answer = lab.query(deep, json!({})).await;
    let text = answer["errors"][0]["message"].as_str().unwrap();
    assert!(
        text.starts_with("Query has complexity of ") && text.ends_with("which exceeds max complexity of 250"),
        "{text}"
    );
    let answer = lab.query("mutation { x }", json!({})).await;
    assert!(answer["errors"].is_array());
    let body = Some(json!({ "query": "{ currentUser { username } }" }));
    let url = format!("{}/api/graphql", lab.url);
    let wrong = lab.send_as("wrong", Method::POST, &url, body.clone()).await.expect(401);
    assert_eq!(wrong["errors"][0]["message"], "Invalid token");
    let nobody = lab.send_as("", Method::POST, &url, body).await.expect(200);
    assert_eq!(nobody["data"], json!({ "currentUser": null }));
}

#[tokio::test]
async fn fragments_aliases_and_type_names() {
    let lab = lab().await;
    lab.group("forge", None).await;
    let query = "query { g: group(fullPath: \"forge\") { ...names __typename } missing: group(fullPath: \"none\") { id } }
        fragment names on Group { name fullPath parent { name } }";
    let answer = lab.query(query, json!({})).await;
    assert_eq!(
        answer["data"],
        json!({ "g": { "name": "forge", "fullPath": "forge", "parent": null, "__typename": "Group" }, "missing": null })
    );
    let looped = "query { group(fullPath: \"forge\") { ...a } } fragment a on Group { parent { ...a } }";
    assert!(lab.query(looped, json!({})).await["errors"].is_array());
}

//! Who may what: tokens, roles, reviews.

use serde_json::{Value, json};

use super::{Ask, Cluster, MAPS, cluster};

const DEV: Option<(&str, &str)> = Some(("dev", "developers"));
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/team/roles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/team/rolebindings";

async fn as_dev(cluster: &Cluster, method: &str, path: &str, body: Option<Value>) -> crate::lab::Got {
    let body = body.map(|body| body.to_string());
    cluster.ask(Ask { method, path, body, as_user: DEV, ..Ask::default() }).await
}

async fn bind(cluster: &Cluster, role: &str) {
    let binding = json!({ "metadata": { "name": "dev" }, "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "kind": "Group", "name": "developers" }] });
    cluster.post(BINDINGS, binding).await.expect(201);
}

#[tokio::test]
async fn without_a_good_token() {
    let cluster = cluster().await;
    let bad = cluster
        .ask(Ask { method: "GET", path: MAPS, token: Some("wrong"), ..Ask::default() })
        .await
        .expect(401);
    assert_eq!(bad["message"], "Unauthorized");
    let none = cluster
        .ask(Ask { method: "GET", path: "/api/v1/namespaces", token: Some(""), ..Ask::default() })
        .await;
    assert_eq!(
        none.expect(403)["message"],
        "namespaces is forbidden: User \"system:anonymous\" cannot list resource \"namespaces\" in API group \"\" at \
         the cluster scope"
    );
    cluster.ask(Ask { method: "GET", path: "/version", token: Some(""), ..Ask::default() }).await.expect(200);
}

#[tokio::test]
async fn a_role_binding_gives_rights_in_its_namespace() {
    let cluster = cluster().await;
    let refused = as_dev(&cluster, "GET", MAPS, None).await.expect(403);
    assert_eq!(
        refused["message"],
        "configmaps is forbidden: User \"dev\" cannot list resource \"configmaps\" in API group \"\" in the namespace \
         \"team\""
    );
    bind(&cluster, "view").await;
    as_dev(&cluster, "GET", MAPS, None).await.expect(200);
    as_dev(&cluster, "GET", "/api/v1/namespaces/team/secrets", None).await.expect(403);
    as_dev(&cluster, "POST", MAPS, Some(json!({ "metadata": { "name": "x" } }))).await.expect(403);
    as_dev(&cluster, "GET", "/api/v1/namespaces/default/configmaps", None).await.expect(403);
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let cluster = cluster().await;
    bind(&cluster, "admin").await;
    let all = json!({ "metadata": { "name": "all" }, "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }] });
    let refused = as_dev(&cluster, "POST", ROLES, Some(all)).await.expect(403);
    assert_eq!(
        refused["message"],
        "roles.rbac.authorization.k8s.io \"all\" is forbidden: user \"dev\" (groups=[\"developers\" \
         \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"*\"], \
         Resources:[\"*\"], Verbs:[\"*\"]}"
    );
    let own = json!({ "metadata": { "name": "own" }, "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] }] });
    as_dev(&cluster, "POST", ROLES, Some(own)).await.expect(201);
    let binding = json!({ "metadata": { "name": "root" }, "roleRef": { "kind": "ClusterRole", "name": "cluster-admin" }, "subjects": [] });
    as_dev(&cluster, "POST", BINDINGS, Some(binding)).await.expect(403);
}

#[tokio::test]
async fn a_binding_keeps_its_role() {
    let cluster = cluster().await;
    bind(&cluster, "view").await;
    let path = format!("{BINDINGS}/dev");
    let read = cluster.get(&path).await.expect(200);
    assert_eq!(read["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    let refused =
        cluster.patch(&path, super::MERGE, json!({ "roleRef": { "name": "edit" } })).await.expect(422);
    assert!(refused["message"].as_str().unwrap().ends_with("cannot change roleRef"));
    let bad = json!({ "metadata": { "name": "bad" }, "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Nope", "name": "" },
        "subjects": [{ "kind": "Robot", "name": "y" }] });
    let refused = cluster.post(BINDINGS, bad).await.expect(422);
    assert_eq!(
        refused["message"],
        "RoleBinding.rbac.authorization.k8s.io \"bad\" is invalid: [roleRef.kind: Unsupported value: \"Nope\": \
         supported values: \"Role\", \"ClusterRole\", roleRef.name: Required value, subjects[0].kind: Unsupported \
         value: \"Robot\": supported values: \"ServiceAccount\", \"User\", \"Group\"]"
    );
}

#[tokio::test]
async fn reviews_say_what_would_be_allowed() {
    let cluster = cluster().await;
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let ask = || {
        Some(
            json!({ "spec": { "resourceAttributes": { "namespace": "team", "verb": "list", "resource": "configmaps" } } }),
        )
    };
    assert_eq!(
        as_dev(&cluster, "POST", path, ask()).await.expect(201)["status"],
        json!({ "allowed": false })
    );
    bind(&cluster, "admin").await;
    let status = as_dev(&cluster, "POST", path, ask()).await.expect(201)["status"].clone();
    let reason = "RBAC: allowed by RoleBinding \"dev/team\" of ClusterRole \"admin\" to Group \"developers\"";
    assert_eq!(status, json!({ "allowed": true, "reason": reason }));
    assert_eq!(cluster.post(path, ask().unwrap()).await.expect(201)["status"], json!({ "allowed": true }));
    let who =
        as_dev(&cluster, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", Some(json!({}))).await;
    assert_eq!(
        who.expect(201)["status"]["userInfo"]["groups"],
        json!(["developers", "system:authenticated"])
    );
}

#[tokio::test]
async fn a_service_account_s_token_is_that_account() {
    let mut cluster = cluster().await;
    let path = "/api/v1/namespaces/team/serviceaccounts/default/token";
    let made = cluster.post(path, json!({ "spec": { "expirationSeconds": 600 } })).await.expect(201);
    let token = made["status"]["token"].as_str().unwrap().to_owned();
    assert_eq!(token.split('.').count(), 3);
    // It is still good after a restart.
    cluster.restart().await;
    let ask = Ask { method: "GET", path: MAPS, token: Some(&token), ..Ask::default() };
    let refused = cluster.ask(ask).await.expect(403);
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("User \"system:serviceaccount:team:default\" cannot list")
    );
    cluster.post(path, json!({ "spec": { "expirationSeconds": 1 } })).await.expect(422);
    let secret = json!({ "metadata": { "name": "t", "annotations": { "kubernetes.io/service-account.name": "default" } },
        "type": "kubernetes.io/service-account-token" });
    cluster.post("/api/v1/namespaces/team/secrets", secret).await.expect(201);
    let read = cluster.get("/api/v1/namespaces/team/secrets/t").await.expect(200);
    assert!(read["data"]["token"].is_string() && read["data"]["ca.crt"].is_string());
}

#[tokio::test]
async fn a_token_is_good_for_its_audience_and_for_as_long_as_what_it_is_bound_to() {
    let cluster = cluster().await;
    let path = "/api/v1/namespaces/team/serviceaccounts/default/token";
    let request = |spec: Value| json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec });
    let who = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let asks = |token: String| {
        let body = Some(json!({}).to_string());
        let cluster = &cluster;
        async move {
            cluster.ask(Ask { method: "POST", path: who, body, token: Some(&token), ..Ask::default() }).await
        }
    };
    let token = |answer: &Value| answer["status"]["token"].as_str().unwrap().to_owned();

    let foreign = cluster.post(path, request(json!({ "audiences": ["vault"] }))).await.expect(201);
    assert_eq!(
        foreign["spec"],
        json!({ "audiences": ["vault"], "expirationSeconds": 3600, "boundObjectRef": null })
    );
    asks(token(&foreign)).await.expect(401);
    let both = ["vault", "https://kubernetes.default.svc"];
    let own = cluster.post(path, request(json!({ "audiences": both }))).await.expect(201);
    let user = asks(token(&own)).await.expect(201);
    assert_eq!(user["status"]["userInfo"]["username"], "system:serviceaccount:team:default");

    let secrets = "/api/v1/namespaces/team/secrets";
    let secret = cluster.post(secrets, json!({ "metadata": { "name": "anchor" } })).await.expect(201);
    let bound = |kind: &str, uid: &str| json!({ "boundObjectRef": { "apiVersion": "v1", "kind": kind, "name": "anchor", "uid": uid } });
    let uid = secret["metadata"]["uid"].as_str().unwrap();
    let given = cluster.post(path, request(bound("Secret", ""))).await.expect(201);
    assert_eq!(given["spec"]["boundObjectRef"]["uid"], uid);
    asks(token(&given)).await.expect(201);
    cluster.post(path, request(bound("Secret", "other"))).await.expect(409);
    cluster.post(path, request(bound("Pod", ""))).await.expect(404);
    cluster.post(path, request(bound("ConfigMap", ""))).await.expect(400);
    cluster
        .ask(Ask { method: "DELETE", path: "/api/v1/namespaces/team/secrets/anchor", ..Ask::default() })
        .await
        .expect(200);
    asks(token(&given)).await.expect(401);
}

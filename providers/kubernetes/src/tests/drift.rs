//! What others do to an object: what is theirs is no difference, what is managed is drift, and an update puts it right.

use pilotis_sdk::value::Value;
use serde_json::{Value as Json, json};

use super::world::World;

/// An object, what others do to what is not managed, and what they do to what is.
struct Case<'a> {
    type_name: &'a str,
    given: Json,
    /// Where the API server has it.
    path: &'a str,
    /// Merge patches that are nobody's business.
    theirs: Vec<Json>,
    /// Merge patches that are drift.
    ours: Vec<Json>,
}

impl Case<'_> {
    async fn run(self) {
        let world = World::new().await;
        let at = [&self.given["metadata"]["namespace"], &self.given["manifest"]["metadata"]["namespace"]];
        if let Some(namespace) = at.iter().find_map(|m| m.as_str()) {
            world.namespace(namespace).await;
        }
        let made = world.create(self.type_name, &self.given).await;
        self.nothing_to_do(&world, &made, "after create").await;
        for patch in &self.theirs {
            self.change(&world, patch).await;
            self.nothing_to_do(&world, &made, &format!("after {patch}")).await;
        }
        let mut object = made;
        for patch in &self.ours {
            self.change(&world, patch).await;
            let read = world.read(self.type_name, &object).await.unwrap().unwrap();
            assert_ne!(self.settled(&world, &read), self.settled(&world, &object), "{patch} is no drift");
            if self.type_name != "kubernetes_manifest" {
                let listed = world.list(self.type_name, std::slice::from_ref(&object)).await.unwrap();
                let listed: Vec<_> = listed.objects.iter().map(|o| self.settled(&world, o)).collect();
                assert_eq!(listed, [self.settled(&world, &read)], "read and listed after {patch}");
            }
            let planned = world.plan(self.type_name, &self.given, Some(&read));
            assert_ne!(
                self.settled(&world, &planned),
                self.settled(&world, &read),
                "{patch}: a plan changes nothing"
            );
            object = world.connection.update(self.type_name, &read, &planned).await.unwrap();
            self.nothing_to_do(&world, &object, &format!("after repair of {patch}")).await;
        }
        world.connection.delete(self.type_name, &object).await.unwrap();
    }

    async fn change(&self, world: &World, patch: &Json) {
        let content_type = "application/merge-patch+json";
        // Status is a resource of its own; kinds that have none take it with the rest, or drop it.
        let status = format!("{}/status", self.path);
        let path = if patch.get("status").is_some() { &status } else { self.path };
        let (code, answer) = world.ask("PATCH", path, content_type, Some(patch)).await;
        assert!(code < 300 || (code == 404 && path == status), "{patch}: {code} {answer}");
    }

    fn settled(&self, world: &World, object: &Value) -> Value {
        world.settled(self.type_name, object)
    }

    /// Read and listed it is as it was, and a second plan changes nothing.
    async fn nothing_to_do(&self, world: &World, object: &Value, when: &str) {
        let known = self.settled(world, object);
        let read = world.read(self.type_name, object).await.unwrap().unwrap_or_else(|| panic!("gone {when}"));
        assert_eq!(self.settled(world, &read), known, "read {when}");
        if self.type_name != "kubernetes_manifest" {
            if self.type_name != "openshift_project" {
                assert_eq!(read, *object, "versions {when}");
            }
            let listed = world.list(self.type_name, std::slice::from_ref(object)).await.unwrap();
            assert!(listed.complete, "{when}");
            let listed: Vec<_> = listed.objects.iter().map(|o| self.settled(world, o)).collect();
            assert_eq!(listed, std::slice::from_ref(&known), "listed {when}");
        }
        let planned = world.plan(self.type_name, &self.given, Some(&read));
        assert_eq!(self.settled(world, &planned), known, "a second plan {when}");
    }
}

/// What controllers and people add to any object.
fn additions() -> Vec<Json> {
    vec![
        json!({"metadata": {"labels": {"added": "by-a-controller"}, "annotations": {"added.example/at": "now"}}}),
        json!({"metadata": {"finalizers": ["example.com/later"]}}),
        json!({"metadata": {"finalizers": null}}),
    ]
}

fn metadata(namespace: &str) -> Json {
    json!({"name": "x", "namespace": namespace, "labels": {"a": "1"}, "annotations": {}})
}

fn relabelled() -> Json {
    json!({"metadata": {"labels": {"a": "2"}}})
}

fn unlabelled() -> Json {
    json!({"metadata": {"labels": {"a": null}}})
}

#[tokio::test]
async fn namespace() {
    Case {
        type_name: "kubernetes_namespace",
        given: json!({"metadata": {"name": "drift-namespace", "labels": {"a": "1"}}}),
        path: "/api/v1/namespaces/drift-namespace",
        theirs: additions(),
        ours: vec![relabelled(), unlabelled()],
    }
    .run()
    .await;
}

#[tokio::test]
async fn resource_quota() {
    let mut theirs = additions();
    theirs.push(json!({"status": {"used": {"limits.cpu": "1"}}}));
    Case {
        type_name: "kubernetes_resource_quota",
        given: json!({"metadata": metadata("drift-quota"),
            "spec": {"hard": {"limits.cpu": "2000m", "requests.memory": "4096Mi", "pods": "10"}}}),
        path: "/api/v1/namespaces/drift-quota/resourcequotas/x",
        theirs,
        ours: vec![
            json!({"spec": {"hard": {"limits.cpu": "4"}}}),
            json!({"spec": {"hard": {"secrets": "1"}}}),
            json!({"spec": {"hard": {"pods": null}}}),
            relabelled(),
        ],
    }
    .run()
    .await;
}

#[tokio::test]
async fn limit_range() {
    let limits = |cpu: &str| json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": cpu}}]}});
    Case {
        type_name: "kubernetes_limit_range",
        given: json!({"metadata": metadata("drift-limits"),
            "spec": {"limit": [{"type": "Container", "max": {"cpu": "1000m"}}]}}),
        path: "/api/v1/namespaces/drift-limits/limitranges/x",
        theirs: additions(),
        ours: vec![limits("2"), json!({"spec": {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]}})],
    }
    .run()
    .await;
}

#[tokio::test]
async fn role() {
    let rule =
        |verbs: &[&str]| json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]});
    Case {
        type_name: "kubernetes_role",
        given: json!({"metadata": metadata("drift-role"), "rule":
            [{"api_groups": [""], "resources": ["pods"], "verbs": ["list", "get"], "resource_names": []}]}),
        path: "/apis/rbac.authorization.k8s.io/v1/namespaces/drift-role/roles/x",
        theirs: [additions(), vec![rule(&["get", "list"])]].concat(),
        ours: vec![rule(&["*"]), json!({"rules": null})],
    }
    .run()
    .await;
}

#[tokio::test]
async fn cluster_role_that_takes_others_rules() {
    let selector = json!({"match_labels": {"drift-aggregate": "yes"}});
    let rules = json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    Case {
        type_name: "kubernetes_cluster_role",
        given: json!({"metadata": {"name": "drift-aggregated", "labels": {"a": "1"}},
            "aggregation_rule": {"cluster_role_selectors": [selector]}}),
        path: "/apis/rbac.authorization.k8s.io/v1/clusterroles/drift-aggregated",
        theirs: [additions(), vec![rules]].concat(),
        ours: vec![
            relabelled(),
            json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"b": "1"}}]}}),
        ],
    }
    .run()
    .await;
}

#[tokio::test]
async fn role_binding() {
    let group = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name});
    Case {
        type_name: "kubernetes_role_binding",
        given: json!({"metadata": metadata("drift-binding"),
            "role_ref": {"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subject": [{"kind": "Group", "name": "a"}, {"kind": "ServiceAccount", "name": "ci", "namespace": "b"}]}),
        path: "/apis/rbac.authorization.k8s.io/v1/namespaces/drift-binding/rolebindings/x",
        theirs: additions(),
        ours: vec![
            json!({"subjects": [group("a")]}),
            json!({"subjects": [group("a"), {"kind": "ServiceAccount", "name": "ci", "namespace": "b"}, group("c")]}),
            json!({"subjects": [group("a"), {"kind": "ServiceAccount", "name": "ci", "namespace": "other"}]}),
        ],
    }
    .run()
    .await;
}

#[tokio::test]
async fn cluster_role_binding() {
    let user = |name: &str| json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}]);
    Case {
        type_name: "kubernetes_cluster_role_binding",
        given: json!({"metadata": {"name": "drift"}, "subject": [{"kind": "User", "name": "marie"}],
            "role_ref": {"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}}),
        path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/drift",
        theirs: additions(),
        ours: vec![json!({"subjects": user("mallory")}), json!({"subjects": null})],
    }
    .run()
    .await;
}

#[tokio::test]
async fn service_account() {
    let pull = |names: &[&str]| json!({"imagePullSecrets": names.iter().map(|n| json!({"name": n})).collect::<Vec<_>>()});
    Case {
        type_name: "kubernetes_service_account",
        given: json!({"metadata": metadata("drift-account"), "image_pull_secret": [{"name": "quay"}]}),
        path: "/api/v1/namespaces/drift-account/serviceaccounts/x",
        theirs: [
            additions(),
            vec![pull(&["x-dockercfg-k2v7w", "quay"]), json!({"secrets": [{"name": "x-dockercfg-k2v7w"}]})],
        ]
        .concat(),
        ours: vec![pull(&["x-dockercfg-k2v7w"]), json!({"automountServiceAccountToken": false})],
    }
    .run()
    .await;
}

/// Putting our pull secret back leaves the one that OpenShift made.
#[tokio::test]
async fn service_account_keeps_others_secrets() {
    let world = World::new().await;
    world.namespace("drift-pull").await;
    let given = json!({"metadata": metadata("drift-pull"), "image_pull_secret": [{"name": "quay"}]});
    let made = world.create("kubernetes_service_account", &given).await;
    let path = "/api/v1/namespaces/drift-pull/serviceaccounts/x";
    let theirs = json!({"imagePullSecrets": [{"name": "quay"}, {"name": "x-dockercfg-k2v7w"}]});
    world.call("PATCH", path, Some(&theirs)).await;
    let given = json!({"metadata": metadata("drift-pull"), "image_pull_secret": [{"name": "harbor"}]});
    let planned = world.plan("kubernetes_service_account", &given, Some(&made));
    world.connection.update("kubernetes_service_account", &made, &planned).await.unwrap();
    let live = world.call("GET", path, None).await;
    assert_eq!(live["imagePullSecrets"], json!([{"name": "x-dockercfg-k2v7w"}, {"name": "harbor"}]));
}

#[tokio::test]
async fn network_policy() {
    let rule = |port: Json| json!({"spec": {"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [port]}]}});
    Case {
        type_name: "kubernetes_network_policy",
        given: json!({"metadata": metadata("drift-policy"), "spec": {
            "pod_selector": {}, "policy_types": ["Ingress"],
            "ingress": [{"from": [{"pod_selector": {"match_labels": {"app": "web"}}}], "ports": [{"port": "8080"}]}]}}),
        path: "/apis/networking.k8s.io/v1/namespaces/drift-policy/networkpolicies/x",
        theirs: additions(),
        ours: vec![
            rule(json!({"port": 9090, "protocol": "TCP"})),
            rule(json!({"port": 8080, "endPort": 8090, "protocol": "TCP"})),
            json!({"spec": {"ingress": [{}]}}),
            json!({"spec": {"podSelector": {"matchLabels": {"app": "db"}}}}),
            json!({"spec": {"policyTypes": ["Ingress", "Egress"]}}),
        ],
    }
    .run()
    .await;
}

#[tokio::test]
async fn config_map() {
    Case {
        type_name: "kubernetes_config_map",
        given: json!({"metadata": metadata("drift-map"), "data": {"a": "1000m"}, "binary_data": {"b": "aGVsbG8="}}),
        path: "/api/v1/namespaces/drift-map/configmaps/x",
        theirs: [additions(), vec![json!({"data": {"theirs": "x"}})]].concat(),
        ours: vec![
            // A quantity only in looks.
            json!({"data": {"a": "1"}}),
            json!({"data": {"a": null}}),
            json!({"binaryData": {"b": "d29ybGQ="}}),
        ],
    }
    .run()
    .await;
}

#[tokio::test]
async fn secret() {
    Case {
        type_name: "kubernetes_secret",
        given: json!({"metadata": metadata("drift-secret"), "data": {"a": "hunter2"},
            "binary_data": {"b": "aGVsbG8=", "c": "/w=="}}),
        path: "/api/v1/namespaces/drift-secret/secrets/x",
        theirs: [additions(), vec![json!({"data": {"theirs": "eA=="}})]].concat(),
        ours: vec![
            json!({"data": {"a": "aHVudGVyMw=="}}),
            json!({"data": {"b": "d29ybGQ="}}),
            json!({"data": {"a": null}}),
        ],
    }
    .run()
    .await;
}

#[tokio::test]
async fn openshift_project() {
    let annotation = |value: &str| json!({"metadata": {"annotations": {"openshift.io/display-name": value}}});
    Case {
        type_name: "openshift_project",
        given: json!({"name": "drift-project", "display_name": "Shop", "labels": {"a": "1"}}),
        path: "/api/v1/namespaces/drift-project",
        theirs: vec![
            json!({"metadata": {"annotations": {"openshift.io/description": "theirs"}, "labels": {"b": "2"}}}),
        ],
        ours: vec![annotation("Else"), relabelled(), unlabelled()],
    }
    .run()
    .await;
}

#[tokio::test]
async fn cluster_resource_quota() {
    Case {
        type_name: "openshift_cluster_resource_quota",
        given: json!({"metadata": {"name": "drift"}, "spec": {
            "selector": {"labels": {"match_labels": {"drift-team": "a"}}}, "quota": {"hard": {"pods": "10", "limits.cpu": "0.5"}}}}),
        path: "/apis/quota.openshift.io/v1/clusterresourcequotas/drift",
        theirs: additions(),
        ours: vec![
            json!({"spec": {"quota": {"hard": {"pods": "20"}}}}),
            json!({"spec": {"selector": {"labels": {"matchLabels": {"drift-team": "b"}}}}}),
        ],
    }
    .run()
    .await;
}

#[tokio::test]
async fn manifest() {
    Case {
        type_name: "kubernetes_manifest",
        given: json!({"manifest": {"apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "x", "namespace": "drift-manifest", "labels": {"a": "1"}},
            "spec": {"hard": {"cpu": "1000m", "pods": 3}}}}),
        path: "/api/v1/namespaces/drift-manifest/resourcequotas/x",
        theirs: [additions(), vec![json!({"spec": {"hard": {"secrets": "1"}}})]].concat(),
        ours: vec![],
    }
    .run()
    .await;
}

/// Drift of a manifest: put right with `force_conflicts`, because the one who changed the field owns it now.
#[tokio::test]
async fn manifest_changed() {
    Case {
        type_name: "kubernetes_manifest",
        given: json!({"manifest": {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "x", "namespace": "drift-manifest-changed"}, "data": {"a": "1", "b": "1000m"}},
            "field_manager": {"force_conflicts": true}}),
        path: "/api/v1/namespaces/drift-manifest-changed/configmaps/x",
        theirs: [additions(), vec![json!({"data": {"theirs": "x"}})]].concat(),
        ours: vec![json!({"data": {"a": "2"}}), json!({"data": {"b": "1"}}), json!({"data": {"a": null}})],
    }
    .run()
    .await;
}

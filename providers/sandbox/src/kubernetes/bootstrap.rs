//! What a new cluster has: namespaces, roles, definitions.

use serde_json::{Value, json};

use super::{
    admission,
    authz::{RBAC, User},
    body, controllers,
    engine::Delays,
    kinds,
    request::{FieldValidation, WriteOptions},
    resources::{Key, Resource},
    status::Failure,
    world::World,
    write::{Writer, now},
};

static DEFINITIONS: &str = include_str!("data/crds.json");

/// Makes it, if the data file has nothing.
pub(crate) fn seed(world: &mut World, delays: &Delays) -> Result<(), Failure> {
    if world.get(&Key::new("", "namespaces"), "default").is_some() {
        controllers::reload_definitions(world);
        return Ok(());
    }
    for name in ["default", "kube-node-lease", "kube-public", "kube-system", "openshift"] {
        create(world, delays, ("", "v1", "namespaces"), "", json!({ "metadata": { "name": name } }))?;
    }
    let labels = json!({ "kubernetes.io/bootstrapping": "rbac-defaults" });
    let annotations = json!({ "rbac.authorization.kubernetes.io/autoupdate": "true" });
    for (name, rules) in roles() {
        let metadata = json!({ "name": name, "labels": labels, "annotations": annotations });
        create(
            world,
            delays,
            (RBAC, "v1", "clusterroles"),
            "",
            json!({ "metadata": metadata, "rules": rules }),
        )?;
    }
    for (name, role, groups) in bindings() {
        let subjects: Vec<Value> =
            groups.iter().map(|group| json!({ "kind": "Group", "apiGroup": RBAC, "name": group })).collect();
        let binding = json!({
            "metadata": { "name": name, "labels": labels, "annotations": annotations },
            "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": role },
            "subjects": subjects,
        });
        create(world, delays, (RBAC, "v1", "clusterrolebindings"), "", binding)?;
    }
    let definitions: Vec<Value> =
        serde_json::from_str(DEFINITIONS).expect("the built-in definitions are JSON");
    for definition in definitions {
        define(world, &definition)?;
    }
    controllers::reload_definitions(world);
    machine(world, delays)?;
    let ports = json!([{ "name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443 }]);
    let service = json!({
        "metadata": { "name": "kubernetes", "labels": { "component": "apiserver", "provider": "kubernetes" } },
        "spec": { "clusterIP": "172.30.0.1", "ports": ports },
    });
    create(world, delays, ("", "v1", "services"), "default", service)
}

/// One node and one class of storage, for those who look for them.
fn machine(world: &mut World, delays: &Delays) -> Result<(), Failure> {
    let labels = json!({
        "kubernetes.io/hostname": "sandbox", "kubernetes.io/os": "linux", "node-role.kubernetes.io/worker": "",
    });
    let node = json!({ "metadata": { "name": "sandbox", "labels": labels }, "spec": {} });
    create(world, delays, ("", "v1", "nodes"), "", node)?;
    let time = now();
    let table = Key::new("", "nodes");
    if let Some(made) = world.get(&table, "sandbox").cloned() {
        let mut object = made.value.clone();
        let room = json!({ "cpu": "16", "memory": "64Gi", "pods": "250" });
        object["status"] = json!({
            "capacity": room, "allocatable": room,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
                "lastHeartbeatTime": time, "lastTransitionTime": time,
            }],
            "addresses": [{ "type": "Hostname", "address": "sandbox" }],
            "nodeInfo": { "kubeletVersion": super::VERSION, "operatingSystem": "linux", "architecture": "amd64" },
        });
        admission::put_status(world, &table, "sandbox", &made.value, object, "kubelet", &time);
    }
    let class = json!({
        "metadata": {
            "name": "standard", "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        "provisioner": "sandbox.example/none", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
    });
    create(world, delays, ("storage.k8s.io", "v1", "storageclasses"), "", class)
}

/// Stores a built-in definition. It is known to be good, and large: so it goes a shorter way than others.
fn define(world: &mut World, definition: &Value) -> Result<(), Failure> {
    let found = world.registry.find("apiextensions.k8s.io", "v1", "customresourcedefinitions").cloned();
    let resource = found.ok_or_else(Failure::resource_not_found)?;
    let time = now();
    let mut object = json!({
        "kind": resource.kind, "apiVersion": resource.api_version(),
        "metadata": {
            "name": definition["name"], "uid": uuid::Uuid::new_v4().to_string(), "resourceVersion": "0",
            "generation": 1, "creationTimestamp": time,
        },
        "spec": definition["spec"],
    });
    kinds::set_defaults(&resource, &mut object);
    kinds::establish(&mut object, &time);
    let (object, _) = body::normalise(&resource, &object)?;
    let name = definition["name"].as_str().unwrap_or_default();
    world.put(&resource.key(), name, object);
    Ok(())
}

fn create(
    world: &mut World,
    delays: &Delays,
    (group, version, plural): (&str, &str, &str),
    namespace: &str,
    mut object: Value,
) -> Result<(), Failure> {
    let resource = world.registry.find(group, version, plural).cloned();
    let resource: std::sync::Arc<Resource> = resource.ok_or_else(Failure::resource_not_found)?;
    object["kind"] = resource.kind.clone().into();
    object["apiVersion"] = resource.api_version().into();
    let (object, _) = body::normalise(&resource, &object)?;
    let options = WriteOptions {
        dry_run: false,
        validation: FieldValidation::Ignore,
        manager: "kube-apiserver".into(),
        force: false,
    };
    let user = User::admin();
    let writer = Writer { resource: &resource, user: &user, options, subresource: "", now: now(), delays };
    writer.create(world, namespace, object, None).map(drop)
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "verbs": verbs, "apiGroups": groups, "resources": resources })
}

fn paths(urls: &[&str]) -> Value {
    json!({ "verbs": ["get"], "nonResourceURLs": urls })
}

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "delete", "deletecollection", "patch", "update"];
const ALL: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// What a project's members work with: groups and their resources.
const WORK: [(&str, &[&str]); 8] = [
    (
        "",
        &[
            "configmaps",
            "endpoints",
            "events",
            "persistentvolumeclaims",
            "pods",
            "pods/attach",
            "pods/exec",
            "pods/portforward",
            "replicationcontrollers",
            "secrets",
            "serviceaccounts",
            "services",
        ],
    ),
    (
        "apps",
        &[
            "controllerrevisions",
            "daemonsets",
            "deployments",
            "deployments/scale",
            "replicasets",
            "replicasets/scale",
            "statefulsets",
            "statefulsets/scale",
        ],
    ),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("batch", &["cronjobs", "jobs"]),
    ("networking.k8s.io", &["ingresses", "networkpolicies"]),
    ("policy", &["poddisruptionbudgets"]),
    ("coordination.k8s.io", &["leases"]),
    ("route.openshift.io", &["routes", "routes/custom-host"]),
];

/// What everybody in a project may see and nobody in it may change.
const SEEN: [&str; 7] = [
    "bindings",
    "limitranges",
    "namespaces",
    "namespaces/status",
    "pods/log",
    "resourcequotas",
    "resourcequotas/status",
];

fn working_rules(verbs: &[&str], secrets: bool) -> Vec<Value> {
    let rules = WORK.iter().map(|(group, resources)| {
        let resources: Vec<&str> =
            resources.iter().copied().filter(|resource| secrets || *resource != "secrets").collect();
        rule(&[group], &resources, verbs)
    });
    rules.collect()
}

fn roles() -> Vec<(&'static str, Vec<Value>)> {
    let seen = || vec![rule(&[""], &SEEN, &READ)];
    let view = [seen(), working_rules(&READ, false)].concat();
    let edit = [
        seen(),
        working_rules(&READ, true),
        working_rules(&WRITE, true),
        vec![rule(&[""], &["serviceaccounts"], &["impersonate"])],
        vec![rule(&[""], &["serviceaccounts/token"], &["create"])],
    ]
    .concat();
    let admin = [
        edit.clone(),
        vec![
            rule(&[RBAC], &["rolebindings", "roles"], &ALL),
            rule(&["authorization.k8s.io"], &["localsubjectaccessreviews"], &["create"]),
            rule(&["project.openshift.io"], &["projects"], &["delete", "get", "patch", "update"]),
            rule(&[""], &["namespaces"], &["delete"]),
            rule(&["quota.openshift.io"], &["appliedclusterresourcequotas"], &READ),
        ],
    ]
    .concat();
    let everything = vec![rule(&["*"], &["*"], &["*"]), json!({ "verbs": ["*"], "nonResourceURLs": ["*"] })];
    let health = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    let discovery = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
    ];
    let reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
    vec![
        ("admin", admin),
        ("cluster-admin", everything),
        ("edit", edit),
        ("view", view),
        (
            "system:basic-user",
            vec![
                rule(&["authorization.k8s.io"], &reviews, &["create"]),
                rule(&["authentication.k8s.io"], &["selfsubjectreviews"], &["create"]),
            ],
        ),
        ("system:discovery", vec![paths(&discovery)]),
        ("system:public-info-viewer", vec![paths(&health)]),
        ("system:service-account-issuer-discovery", vec![paths(&["/.well-known", "/.well-known/*"])]),
        ("system:image-puller", vec![rule(&["image.openshift.io"], &["imagestreams/layers"], &["get"])]),
        (
            "system:image-builder",
            vec![rule(&["image.openshift.io"], &["imagestreams/layers"], &["get", "update"])],
        ),
        (
            "system:deployer",
            vec![rule(&[""], &["replicationcontrollers"], &["get", "list", "update", "watch"])],
        ),
        ("self-provisioner", vec![rule(&["project.openshift.io"], &["projectrequests"], &["create"])]),
    ]
}

fn bindings() -> Vec<(&'static str, &'static str, &'static [&'static str])> {
    const EVERYBODY: &[&str] = &["system:authenticated"];
    const ANYBODY: &[&str] = &["system:authenticated", "system:unauthenticated"];
    vec![
        ("cluster-admin", "cluster-admin", &["system:masters"]),
        ("system:basic-user", "system:basic-user", EVERYBODY),
        ("system:public-info-viewer", "system:public-info-viewer", ANYBODY),
        ("system:service-account-issuer-discovery", "system:service-account-issuer-discovery", EVERYBODY),
        ("system:discovery", "system:discovery", EVERYBODY),
        ("self-provisioners", "self-provisioner", &["system:authenticated"]),
    ]
}

//! OpenShift's projects and routes, and the tokens of service accounts.
//! <https://docs.redhat.com/en/documentation/openshift_container_platform/4.19/html/project_apis/>

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    admission,
    authz::{self, Action, User},
    body, change,
    engine::{Call, Reply},
    kinds, remove,
    request::{DeleteOptions, WriteOptions},
    resources::{Key, Resource},
    reviews,
    status::{About, Cause, Failure, deleted},
    world::{Stored, World},
    write::{Writer, now},
};

const PROJECT: &str = "project.openshift.io";

/// Is the resource the view of namespaces as projects?
pub(crate) fn is_project(resource: &Resource) -> bool {
    resource.group == PROJECT && resource.plural == "projects"
}

/// Everybody may list the projects that they see, and ask for a new one.
pub(crate) fn allowed_to_all(action: &Action<'_>, user: &User) -> bool {
    let known = user.groups.iter().any(|group| group == "system:authenticated");
    known
        && match (action.group, action.resource) {
            (PROJECT, "projects") => ["list", "watch"].contains(&action.verb),
            (PROJECT, "projectrequests") => true,
            ("user.openshift.io", "users") => action.verb == "get" && action.name == "~",
            _ => false,
        }
}

/// May the user see the namespace?
pub(crate) fn visible(world: &World, user: &User, namespace: &Stored) -> bool {
    let name = namespace.metadata()["name"].as_str().unwrap_or_default();
    let action = Action { verb: "get", resource: "namespaces", namespace: name, name, ..Action::default() };
    authz::decide(world, user, &action).allowed
}

/// A namespace as a project.
pub(crate) fn project_of(namespace: &Value) -> Value {
    json!({
        "kind": "Project", "apiVersion": "project.openshift.io/v1", "metadata": namespace["metadata"],
        "spec": namespace["spec"], "status": namespace["status"],
    })
}

/// Answers what is particular to projects; none: as every other resource.
pub(crate) fn answer(
    world: &mut World,
    call: &mut Call<'_>,
    resource: &Arc<Resource>,
) -> Result<Option<Reply>, Failure> {
    if resource.group == "quota.openshift.io" && resource.plural == "appliedclusterresourcequotas" {
        return applied_quotas(world, call, resource).map(Some);
    }
    if resource.group == "user.openshift.io" && resource.plural == "users" && call.target.name == "~" {
        let metadata = json!({ "name": call.user.name, "uid": call.user.uid });
        let object = json!({
            "kind": "User", "apiVersion": "user.openshift.io/v1", "metadata": metadata, "identities": null,
            "groups": call.user.groups,
        });
        return Ok(Some(Reply::Object {
            status: 200,
            resource: resource.clone(),
            object,
            warnings: Vec::new(),
        }));
    }
    if resource.group != PROJECT {
        return Ok(None);
    }
    if resource.plural == "projectrequests" {
        return match call.method {
            "GET" => Ok(Some(Reply::value(
                200,
                json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" }),
            ))),
            "POST" => request_project(world, call, resource).map(Some),
            _ => Err(Failure::method_not_allowed()),
        };
    }
    let namespaces = world.registry.find("", "v1", "namespaces").cloned();
    let Some(namespaces) = namespaces else { return Ok(None) };
    match (call.method, call.target.name.is_empty()) {
        ("POST", true) => {
            let object = body::read_object(call, resource)?;
            let project = make(world, call, &namespaces, &object, None)?;
            let object = project_of(&project);
            Ok(Some(Reply::Object { status: 201, resource: resource.clone(), object, warnings: Vec::new() }))
        }
        ("DELETE", false) => delete_project(world, call, resource, &namespaces).map(Some),
        ("PUT" | "PATCH", false) => {
            let reply = change_project(world, call, &namespaces, resource)?;
            Ok(Some(reply))
        }
        _ => Ok(None),
    }
}

/// A change of a project is a change of its namespace's metadata.
fn change_project(
    world: &mut World,
    call: &mut Call<'_>,
    namespaces: &Arc<Resource>,
    resource: &Arc<Resource>,
) -> Result<Reply, Failure> {
    let about = call.about(resource);
    let found = world.get(&namespaces.key(), &call.target.name).cloned();
    let live = found.ok_or_else(|| Failure::not_found(&about))?;
    let view =
        Arc::new(Stored { value: project_of(&live.value), text: String::new(), version: live.version });
    let (changed, options) = change::changed_object(call, resource, &view)?;
    let mut object = live.value.clone();
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let metadata = kinds::entry(&mut object, &["metadata"]);
        match changed["metadata"].get(field) {
            Some(value) => {
                metadata.insert(field.into(), value.clone());
            }
            None => {
                metadata.shift_remove(field);
            }
        }
    }
    let writer = Writer {
        resource: namespaces,
        user: &call.user,
        options,
        subresource: "",
        now: now(),
        delays: &call.server.delays,
    };
    let object = writer.replace(world, &live, object, None)?;
    let object = project_of(&object);
    Ok(Reply::Object { status: 200, resource: resource.clone(), object, warnings: Vec::new() })
}

fn delete_project(
    world: &mut World,
    call: &Call<'_>,
    resource: &Arc<Resource>,
    namespaces: &Arc<Resource>,
) -> Result<Reply, Failure> {
    let about = call.about(resource);
    let name = call.target.name.clone();
    let found = world.get(&namespaces.key(), &name).cloned();
    let live = found.ok_or_else(|| Failure::not_found(&about))?;
    let dry_run = call.query.text("dryRun") == "All";
    let options = DeleteOptions { dry_run, ..DeleteOptions::default() };
    remove::remove(world, namespaces, &call.server.delays, &name, &live, &options);
    Ok(Reply::value(200, deleted(&about, live.uid())))
}

fn request_project(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let request = body::read_object(call, resource)?;
    let namespaces = world.registry.find("", "v1", "namespaces").cloned();
    let namespaces = namespaces.ok_or_else(Failure::resource_not_found)?;
    let name = request["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    // The request is refused in the project's own words.
    if world.get(&namespaces.key(), &name).is_some() {
        return Err(Failure::already_exists(&About { group: PROJECT, kind: "projects", name: &name }, false));
    }
    let project = make(world, call, &namespaces, &request, Some(&request))?;
    let object = project_of(&project);
    let shown = world.registry.find(PROJECT, "v1", "projects").cloned().unwrap_or_else(|| resource.clone());
    Ok(Reply::Object { status: 201, resource: shown, object, warnings: Vec::new() })
}

/// Makes a project's namespace; a request also gives the requester the admin role in it.
fn make(
    world: &mut World,
    call: &Call<'_>,
    namespaces: &Arc<Resource>,
    object: &Value,
    request: Option<&Value>,
) -> Result<Value, Failure> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if name.len() < 2 {
        let causes = vec![Cause::invalid(
            "metadata.name",
            &name.as_str().into(),
            "must be at least 2 characters long",
        )];
        return Err(Failure::invalid(&About { group: PROJECT, kind: "Project", name: &name }, causes));
    }
    let mut annotations: Map<String, Value> =
        object["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let text = |name: &str| request.and_then(|request| request[name].as_str()).unwrap_or_default();
    if request.is_some() {
        annotations.insert("openshift.io/description".into(), text("description").into());
        annotations.insert("openshift.io/display-name".into(), text("displayName").into());
        annotations.insert("openshift.io/requester".into(), call.user.name.clone().into());
    }
    security_ranges(world.version(), &mut annotations);
    annotations.sort_keys();
    let namespace = json!({
        "kind": "Namespace", "apiVersion": "v1",
        "metadata": { "name": name, "labels": object["metadata"]["labels"], "annotations": annotations },
    });
    let mut options = WriteOptions::read(&call.query, "CreateOptions", false, "openshift-apiserver")?;
    options.force = false;
    let made = writer(call, namespaces, options.clone()).create(world, "", namespace, None)?;
    if let (Some(_), false) = (request, options.dry_run) {
        bind_roles(world, call, &name, &options)?;
    }
    Ok(made)
}

fn writer<'a>(call: &'a Call<'_>, resource: &'a Arc<Resource>, options: WriteOptions) -> Writer<'a> {
    Writer { resource, user: &call.user, options, subresource: "", now: now(), delays: &call.server.delays }
}

/// The ranges that OpenShift's controller gives to a namespace.
fn security_ranges(number: u64, annotations: &mut Map<String, Value>) {
    let first = 1_000_000_000 + (number % 60_000) * 10_000;
    let entries = [
        ("openshift.io/sa.scc.mcs", format!("s0:c{},c{}", 1 + number / 2 % 30, 5 + number % 30)),
        ("openshift.io/sa.scc.supplemental-groups", format!("{first}/10000")),
        ("openshift.io/sa.scc.uid-range", format!("{first}/10000")),
    ];
    for (name, value) in entries {
        annotations.entry(name).or_insert(value.into());
    }
}

/// The role bindings of the default template for projects.
fn bind_roles(
    world: &mut World,
    call: &Call<'_>,
    namespace: &str,
    options: &WriteOptions,
) -> Result<(), Failure> {
    let Some(resource) = world.registry.find(authz::RBAC, "v1", "rolebindings").cloned() else {
        return Ok(());
    };
    let group = |name: &str| json!({ "kind": "Group", "apiGroup": authz::RBAC, "name": name });
    let account = |name: &str| json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace });
    let requester = json!({ "kind": "User", "apiGroup": authz::RBAC, "name": call.user.name });
    let pullers = group(&format!("system:serviceaccounts:{namespace}"));
    let master = User::admin();
    for (name, role, subject) in [
        ("admin", "admin", requester),
        ("system:image-pullers", "system:image-puller", pullers),
        ("system:image-builders", "system:image-builder", account("builder")),
        ("system:deployers", "system:deployer", account("deployer")),
    ] {
        let binding = json!({
            "kind": "RoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": { "name": name },
            "subjects": [subject],
            "roleRef": { "apiGroup": authz::RBAC, "kind": "ClusterRole", "name": role },
        });
        let writer = Writer { user: &master, ..writer(call, &resource, options.clone()) };
        writer.create(world, namespace, binding, None)?;
    }
    Ok(())
}

/// The cluster's quotas as they are seen from inside a namespace.
fn applied_quotas(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let namespace = &call.target.namespace;
    let mut found = Vec::new();
    for (name, item) in admission::cluster_quotas_of(world, namespace) {
        let mut object = item.value.clone();
        object["kind"] = resource.kind.clone().into();
        if let Some(parts) = object["status"]["namespaces"].as_array_mut() {
            parts.retain(|part| part["namespace"].as_str() == Some(namespace));
        }
        found.push((name, object));
    }
    if call.target.name.is_empty() {
        let items: Vec<Value> = found.into_iter().map(|(_, object)| object).collect();
        return Ok(Reply::value(
            200,
            json!({
                "kind": "AppliedClusterResourceQuotaList", "apiVersion": resource.api_version(),
                "metadata": { "resourceVersion": world.version().to_string() }, "items": items,
            }),
        ));
    }
    let object = found.into_iter().find(|(name, _)| *name == call.target.name).map(|(_, object)| object);
    let object = object.ok_or_else(|| Failure::not_found(&call.about(resource)))?;
    Ok(Reply::Object { status: 200, resource: resource.clone(), object, warnings: Vec::new() })
}

/// The part of an address that routes without a host get.
const DOMAIN: &str = "apps.sandbox.example";

/// Gives a route its host, and lets the router admit it.
pub(crate) fn admit_route(world: &mut World, key: &str) {
    let table = Key::new("route.openshift.io", "routes");
    let Some(item) = world.get(&table, key).cloned() else { return };
    let host = item.value["spec"]["host"].as_str().unwrap_or_default();
    let ingress = &item.value["status"]["ingress"][0];
    if ingress["host"].as_str() == Some(host) && !host.is_empty() {
        return;
    }
    let time = now();
    let mut object = item.value.clone();
    object["status"] = json!({ "ingress": [{
        "conditions": [{ "lastTransitionTime": time, "status": "True", "type": "Admitted" }],
        "host": host,
        "routerCanonicalHostname": format!("router-default.{DOMAIN}"),
        "routerName": "default",
        "wildcardPolicy": item.value["spec"]["wildcardPolicy"],
    }] });
    admission::put_status(world, &table, key, &item.value, object, "openshift-router", &time);
}

/// The host of a route that names none.
pub(crate) fn route_host(object: &mut Value, namespace: &str) {
    let spec = kinds::entry(object, &["spec"]);
    let named = ["host", "subdomain"]
        .iter()
        .any(|field| spec.get(*field).and_then(Value::as_str).is_some_and(|text| !text.is_empty()));
    if !named {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let host = format!("{name}-{namespace}.{DOMAIN}");
        object["spec"]["host"] = host.into();
        kinds::entry(object, &["metadata", "annotations"])
            .insert("openshift.io/host.generated".into(), "true".into());
    }
}

/// A secret of the type for a service account's token gets the token.
pub(crate) fn fill_token_secret(world: &mut World, namespace: &str, stored: &Arc<Stored>) {
    if stored.value["type"].as_str() != Some("kubernetes.io/service-account-token") {
        return;
    }
    let account = stored.metadata()["annotations"]["kubernetes.io/service-account.name"].as_str();
    let Some(account) = account.map(str::to_owned) else { return };
    let Some(found) = world.get(&Key::new("", "serviceaccounts"), &format!("{namespace}/{account}")).cloned()
    else {
        return;
    };
    let token = reviews::new_token(world, namespace, &account, found.uid(), &reviews::Terms::default());
    let mut object = stored.value.clone();
    let data = [
        ("ca.crt", STANDARD.encode(world.ca_pem())),
        ("namespace", STANDARD.encode(namespace)),
        ("token", STANDARD.encode(token)),
    ];
    for (name, value) in data {
        kinds::entry(&mut object, &["data"]).insert(name.into(), value.into());
    }
    let uid = Value::from(found.uid());
    kinds::entry(&mut object, &["metadata", "annotations"])
        .insert("kubernetes.io/service-account.uid".into(), uid);
    let name = stored.metadata()["name"].as_str().unwrap_or_default().to_owned();
    let secrets = Key::new("", "secrets");
    world.put(&secrets, &format!("{namespace}/{name}"), object);
}

//! One request on resources, from its path to its answer. Finds the resource, asks whether the user may, and hands
//! over to reading, writing, removing, or to the reviews.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    authz::{self, Action, User},
    change, openshift, read, remove,
    request::{Query, Target},
    resources::{Key, Resource},
    reviews,
    status::{About, Failure},
    watch::WatchRequest,
    world::{World, key_of},
};

/// The form of an answer that the client asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Plain,
    Table,
    Partial,
}

/// A request, read.
pub(crate) struct Call<'a> {
    pub(crate) user: User,
    /// The user agent: the field manager if none is named.
    pub(crate) agent: &'a str,
    pub(crate) method: &'a str,
    pub(crate) target: Target,
    pub(crate) query: Query,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) form: Form,
    pub(crate) server: &'a Server,
}

/// What does not change while the server runs.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// `https://127.0.0.1:16443`
    pub(crate) url: String,
    pub(crate) delays: Delays,
}

/// How long the controllers take.
#[derive(Clone, Debug)]
pub(crate) struct Delays {
    /// Until a quota's status is filled in, owned objects are collected, a rollout is done.
    pub(crate) short: Duration,
    /// Until a namespace that is being deleted is emptied.
    pub(crate) namespace: Duration,
}

/// An answer.
pub(crate) enum Reply {
    /// One object of the resource.
    Object { status: u16, resource: Arc<Resource>, object: Value, warnings: Vec<String> },
    /// Anything else in JSON: a status, a review.
    Value { status: u16, value: Value, warnings: Vec<String> },
    /// A list, already as text.
    Text(String),
    /// A stream of changes.
    Watch(WatchRequest),
}

impl Reply {
    pub(crate) fn value(status: u16, value: Value) -> Reply {
        Reply::Value { status, value, warnings: Vec::new() }
    }
}

impl Call<'_> {
    /// The name that errors about the object use.
    pub(crate) fn about<'b>(&'b self, resource: &'b Resource) -> About<'b> {
        About { group: &resource.group, kind: &resource.plural, name: &self.target.name }
    }

    /// The object's key in its table.
    pub(crate) fn key(&self) -> String {
        key_of(&self.target.namespace, &self.target.name)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.body)
    }

    fn watching(&self) -> bool {
        self.target.watch || self.query.flag("watch")
    }

    fn verb(&self) -> &'static str {
        match (self.method, self.target.name.is_empty()) {
            ("GET" | "HEAD", _) if self.watching() => "watch",
            ("GET" | "HEAD", true) => "list",
            ("GET" | "HEAD", false) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "deletecollection",
            _ => "delete",
        }
    }
}

/// Answers; `Ok(None)` if there is no such path.
pub(crate) fn answer(world: &mut World, call: &mut Call<'_>) -> Result<Option<Reply>, Failure> {
    let Target { group, version, plural, .. } = &call.target;
    let Some(resource) = world.registry.find(group, version, plural).cloned() else { return Ok(None) };
    let verb = call.verb();
    // A namespace is in itself.
    let own = resource.group.is_empty() && resource.plural == "namespaces";
    let action = Action {
        verb,
        group: &call.target.group,
        resource: &call.target.plural,
        subresource: &call.target.subresource,
        namespace: if own { &call.target.name } else { &call.target.namespace },
        name: &call.target.name,
        path: "",
    };
    if !openshift::allowed_to_all(&action, &call.user) {
        authz::require(world, &call.user, &action)?;
    }
    if let Some(reply) = reviews::answer(world, call, &resource)? {
        return Ok(Some(reply));
    }
    if let Some(reply) = openshift::answer(world, call, &resource)? {
        return Ok(Some(reply));
    }
    if !call.target.subresource.is_empty() {
        return subresource(world, call, &resource).map(Some);
    }
    let single = !call.target.name.is_empty();
    let known = resource.has_verb(verb) || (verb == "watch" && resource.has_verb("list"));
    if resource.namespaced
        && call.target.namespace.is_empty()
        && (single || ["create", "deletecollection"].contains(&verb))
    {
        return Err(Failure::method_not_allowed());
    }
    match call.method {
        _ if !known => Err(Failure::method_not_allowed()),
        "GET" | "HEAD" if call.watching() => read::watch(world, call, &resource).map(Some),
        "GET" | "HEAD" if single => read::get(world, call, &resource).map(Some),
        "GET" | "HEAD" => read::list(world, call, &resource).map(Some),
        "POST" if !single => change::create(world, call, &resource).map(Some),
        "PUT" if single => change::update(world, call, &resource).map(Some),
        "PATCH" if single => change::patch(world, call, &resource).map(Some),
        "DELETE" if single => remove::delete(world, call, &resource).map(Some),
        "DELETE" => remove::delete_collection(world, call, &resource).map(Some),
        _ => Err(Failure::method_not_allowed()),
    }
}

fn subresource(world: &mut World, call: &mut Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let name = call.target.subresource.clone();
    let Some(sub) = resource.subresource(&name) else {
        // A custom resource without this subresource is answered as if the object were missing.
        let found = resource.is_custom();
        return Err(if found {
            Failure::not_found(&call.about(resource))
        } else {
            Failure::resource_not_found()
        });
    };
    if !sub.verbs.iter().any(|verb| verb == call.verb()) {
        return Err(Failure::method_not_allowed());
    }
    match (name.as_str(), call.method) {
        ("status", "GET" | "HEAD") => read::get(world, call, resource),
        ("status" | "finalize" | "approval" | "resize" | "ephemeralcontainers", "PUT") => {
            change::update(world, call, resource)
        }
        ("status" | "approval" | "resize" | "ephemeralcontainers", "PATCH") => {
            change::patch(world, call, resource)
        }
        ("scale", method) => super::scale::answer(world, call, resource, method),
        _ => Err(Failure::method_not_allowed()),
    }
}

/// A namespace that content may be created in.
pub(crate) fn live_namespace(world: &World, about: &About<'_>, namespace: &str) -> Result<(), Failure> {
    match world.get(&Key::new("", "namespaces"), namespace) {
        None => Err(Failure::not_found(&About { group: "", kind: "namespaces", name: namespace })),
        Some(found) if found.deleting() => {
            let why = format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            );
            let message = format!("namespace {namespace} is being terminated");
            Err(Failure::forbidden(about, &why).with_cause(
                "NamespaceTerminating",
                message,
                "metadata.namespace",
            ))
        }
        Some(_) => Ok(()),
    }
}

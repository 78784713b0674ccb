//! Questions that store nothing: who am I, may I, give me a token.
//! <https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/>

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{
    authz::{self, Action, User},
    body,
    engine::{Call, Reply},
    managed,
    resources::{Key, Resource},
    status::Failure,
    world::World,
    write,
};

/// Where tokens of service accounts are kept: hashed names, never the tokens.
fn tokens() -> Key {
    Key::new("sandbox", "tokens")
}

/// Answers a review; none if the resource is none.
pub(crate) fn answer(
    world: &mut World,
    call: &Call<'_>,
    resource: &Arc<Resource>,
) -> Result<Option<Reply>, Failure> {
    let token = resource.plural == "serviceaccounts" && call.target.subresource == "token";
    let review = ["authorization.k8s.io", "authentication.k8s.io"].contains(&resource.group.as_str());
    if !token && !review {
        return Ok(None);
    }
    if call.method != "POST" {
        return Err(Failure::method_not_allowed());
    }
    if token {
        return token_request(world, call, resource).map(Some);
    }
    if resource.plural == "selfsubjectreviews" {
        return Ok(Some(who_am_i(call)));
    }
    let mut object = body::read_object(call, resource)?;
    match resource.plural.as_str() {
        "selfsubjectaccessreviews" => {
            let user = call.user.clone();
            review_access(world, &user, &mut object);
        }
        "subjectaccessreviews" | "localsubjectaccessreviews" => {
            let spec = &object["spec"];
            let groups = spec["groups"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let groups: Vec<String> = groups.map(str::to_owned).collect();
            let user = User {
                name: spec["user"].as_str().unwrap_or_default().to_owned(),
                uid: spec["uid"].as_str().unwrap_or_default().to_owned(),
                groups,
            };
            review_access(world, &user, &mut object);
        }
        "selfsubjectrulesreviews" => return Ok(Some(rules_review(world, call, &object))),
        "tokenreviews" => token_review(world, &mut object),
        _ => return Ok(None),
    }
    own_fields(call, resource, &mut object);
    Ok(Some(Reply::value(201, object)))
}

/// A review says who sent which of its fields, as every object does.
fn own_fields(call: &Call<'_>, resource: &Arc<Resource>, object: &mut Value) {
    let entry = managed::Entry {
        manager: call.agent.split('/').next().unwrap_or_default().to_owned(),
        operation: managed::Operation::Update,
        api_version: resource.api_version(),
        subresource: String::new(),
        time: Some(write::now()),
        fields: Default::default(),
    };
    let mut sent = object.clone();
    if let Some(map) = sent.as_object_mut() {
        map.shift_remove("status");
    }
    let empty = json!({
        "kind": resource.kind, "apiVersion": resource.api_version(), "metadata": {}, "spec": {},
    });
    let owners = managed::updated(&resource.node, &empty, &sent, entry);
    managed::encode(object, owners);
}

fn review_access(world: &World, user: &User, object: &mut Value) {
    let spec = object["spec"].clone();
    let asked = &spec["resourceAttributes"];
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let decision = if asked.is_object() {
        let (verb, group, resource) = (text(asked, "verb"), text(asked, "group"), text(asked, "resource"));
        let (sub, namespace, name) =
            (text(asked, "subresource"), text(asked, "namespace"), text(asked, "name"));
        let action = Action {
            verb: &verb,
            group: &group,
            resource: &resource,
            subresource: &sub,
            namespace: &namespace,
            name: &name,
            path: "",
        };
        authz::decide(world, user, &action)
    } else {
        let asked = &spec["nonResourceAttributes"];
        let (verb, path) = (text(asked, "verb"), text(asked, "path"));
        authz::decide(world, user, &Action { verb: &verb, path: &path, ..Action::default() })
    };
    let mut status = json!({ "allowed": decision.allowed });
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.into();
    }
    object["status"] = status;
}

fn rules_review(world: &World, call: &Call<'_>, object: &Value) -> Reply {
    let namespace = object["spec"]["namespace"].as_str().unwrap_or_default();
    let rules = authz::rules_of(world, &call.user, namespace);
    let (paths, resources): (Vec<Value>, Vec<Value>) =
        rules.into_iter().partition(|rule| rule["nonResourceURLs"].is_array());
    Reply::value(
        201,
        json!({
            "kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
            "status": { "resourceRules": resources, "nonResourceRules": paths, "incomplete": false },
        }),
    )
}

fn who_am_i(call: &Call<'_>) -> Reply {
    let mut info = json!({ "username": call.user.name });
    if !call.user.uid.is_empty() {
        info["uid"] = call.user.uid.clone().into();
    }
    info["groups"] = json!(call.user.groups);
    Reply::value(
        201,
        json!({
            "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
            "metadata": { "creationTimestamp": write::now() }, "status": { "userInfo": info },
        }),
    )
}

fn token_review(world: &World, object: &mut Value) {
    let token = object["spec"]["token"].as_str().unwrap_or_default().to_owned();
    object["status"] = match user_of(world, &token) {
        Some(user) => json!({
            "authenticated": true,
            "user": { "username": user.name, "uid": user.uid, "groups": user.groups },
        }),
        None => json!({ "authenticated": false, "user": {}, "error": "invalid bearer token" }),
    };
}

/// The least and the usual life of a token, in seconds.
const LEAST: i64 = 600;
const USUAL: i64 = 3600;

fn token_request(world: &mut World, call: &Call<'_>, resource: &Arc<Resource>) -> Result<Reply, Failure> {
    let object = body::read_value(call)?;
    let (namespace, name) = (call.target.namespace.clone(), call.target.name.clone());
    let account = world.get(&resource.key(), &call.key()).cloned();
    let account = account.ok_or_else(|| Failure::not_found(&call.about(resource)))?;
    let seconds = object["spec"]["expirationSeconds"].as_i64().unwrap_or(USUAL);
    if seconds < LEAST {
        let about =
            super::status::About { group: "authentication.k8s.io", kind: "TokenRequest", name: &name };
        let why = "may not specify a duration less than 10 minutes";
        let cause = super::status::Cause::invalid("spec.expirationSeconds", &seconds.into(), why);
        return Err(Failure::invalid(&about, vec![cause]));
    }
    let bound = bound_object(world, &namespace, &name, &object["spec"]["boundObjectRef"])?;
    let end = Timestamp::now().checked_add(seconds.seconds()).unwrap_or(Timestamp::MAX);
    let end = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let given = object["spec"]["audiences"].as_array().filter(|list| !list.is_empty());
    let own = [ISSUER, call.server.url.as_str()];
    let terms = Terms {
        end: Some(&end),
        audiences: given.cloned().unwrap_or_else(|| vec![ISSUER.into()]),
        foreign: given.is_some_and(|list| !list.iter().any(|a| own.iter().any(|own| a == own))),
        bound: bound.clone(),
    };
    let audiences = given.map_or_else(|| json!([call.server.url]), |list| json!(list));
    let token = new_token(world, &namespace, &name, account.uid(), &terms);
    let now = write::now();
    let mut owned = json!({
        "manager": manager(call), "operation": "Update",
        "apiVersion": "authentication.k8s.io/v1", "time": now, "fieldsType": "FieldsV1",
        "fieldsV1": { "f:spec": sent_fields(&object["spec"]) },
    });
    owned["subresource"] = "token".into();
    Ok(Reply::value(
        201,
        json!({
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": name, "namespace": namespace, "uid": account.uid(), "creationTimestamp": now,
                "managedFields": [owned],
            },
            "spec": { "audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": bound },
            "status": { "token": token, "expirationTimestamp": end },
        }),
    ))
}

/// Who wrote it: what the query says, or the part of the agent before the slash.
fn manager<'a>(call: &'a Call<'_>) -> &'a str {
    let given = call.query.text("fieldManager");
    if given.is_empty() { call.agent.split('/').next().unwrap_or_default() } else { given }
}

/// The fields of a request's `spec`; what the server defaults is the sender's too.
fn sent_fields(spec: &Value) -> Value {
    let mut fields = serde_json::Map::from_iter([("f:expirationSeconds".to_owned(), json!({}))]);
    let sent = spec.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    for (name, value) in sent {
        let members = value.as_object().into_iter().flatten();
        let inner: serde_json::Map<String, Value> =
            members.map(|(name, _)| (format!("f:{name}"), json!({}))).collect();
        fields.insert(format!("f:{name}"), inner.into());
    }
    fields.into()
}

/// The object that a token is bound to, as the answer names it; null if there is none.
fn bound_object(world: &World, namespace: &str, account: &str, wanted: &Value) -> Result<Value, Failure> {
    if wanted.is_null() {
        return Ok(Value::Null);
    }
    let text = |name: &str| wanted[name].as_str().unwrap_or_default();
    let (kind, name) = (text("kind"), text("name"));
    let plural = match (text("apiVersion"), kind) {
        ("" | "v1", "Pod") => "pods",
        ("" | "v1", "Secret") => "secrets",
        (version, _) => {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            let why = format!("cannot bind token to object of type {group}/{version}, Kind={kind}");
            return Err(Failure::bad_request(why));
        }
    };
    let about = super::status::About { group: "", kind: plural, name };
    let found = world.get(&Key::new("", plural), &format!("{namespace}/{name}"));
    let found = found.ok_or_else(|| Failure::not_found(&about))?;
    let uid = text("uid");
    if !uid.is_empty() && uid != found.uid() {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Failure::conflict(&about, &why));
    }
    let runs_as = found.value["spec"]["serviceAccountName"].as_str().unwrap_or("default");
    if kind == "Pod" && runs_as != account {
        let why = format!(
            "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
        );
        return Err(Failure::bad_request(why));
    }
    Ok(json!({ "kind": kind, "apiVersion": "v1", "name": name, "uid": found.uid() }))
}

/// Who issues tokens, and for whom they are unless something else is said.
const ISSUER: &str = "https://kubernetes.default.svc";

/// What a token is good for.
#[derive(Debug, Default)]
pub(crate) struct Terms<'a> {
    /// Until when.
    end: Option<&'a str>,
    /// Who may accept it.
    audiences: Vec<Value>,
    /// Not for this server.
    foreign: bool,
    /// For as long as this object is there; null: for ever.
    bound: Value,
}

fn token_key(token: &str) -> String {
    use sha2::{Digest, Sha256};
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// A new token of a service account, in the form of a JSON web token. Nobody checks its signature: it is looked up.
pub(crate) fn new_token(
    world: &mut World,
    namespace: &str,
    account: &str,
    uid: &str,
    terms: &Terms<'_>,
) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let subject = format!("system:serviceaccount:{namespace}:{account}");
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|id| id.into_bytes()).concat();
    let expiry = terms.end.and_then(|end| end.parse::<Timestamp>().ok()).map(Timestamp::as_second);
    let mut claims = json!({
        "iss": ISSUER, "sub": subject, "aud": terms.audiences,
        "iat": Timestamp::now().as_second(),
        "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": account, "uid": uid } },
    });
    if let Some(expiry) = expiry {
        claims["exp"] = expiry.into();
    }
    let head = json!({ "alg": "RS256", "kid": "sandbox" });
    let token = format!("{}.{}.{}", part(head), part(claims), URL_SAFE_NO_PAD.encode(random));
    let record = json!({
        "metadata": {}, "namespace": namespace, "account": account, "uid": uid, "end": terms.end,
        "foreign": terms.foreign, "bound": terms.bound,
    });
    world.put(&tokens(), &token_key(&token), record);
    token
}

/// Whose token it is.
pub(crate) fn user_of(world: &World, token: &str) -> Option<User> {
    let record = &world.get(&tokens(), &token_key(token))?.value;
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    if let Some(end) = record["end"].as_str().and_then(|end| end.parse::<Timestamp>().ok())
        && end < Timestamp::now()
    {
        return None;
    }
    let key = format!("{}/{}", text("namespace"), text("account"));
    let account = world.get(&Key::new("", "serviceaccounts"), &key)?;
    if account.uid() != text("uid") || record["foreign"] == true {
        return None;
    }
    if let Some(bound) = record["bound"].as_object() {
        let part = |name: &str| bound.get(name).and_then(Value::as_str).unwrap_or_default();
        let plural = if part("kind") == "Pod" { "pods" } else { "secrets" };
        let key = format!("{}/{}", text("namespace"), part("name"));
        world.get(&Key::new("", plural), &key).filter(|found| found.uid() == part("uid"))?;
    }
    Some(User::service_account(text("namespace"), text("account"), text("uid")))
}

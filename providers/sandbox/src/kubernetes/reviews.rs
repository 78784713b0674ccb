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
    let end = Timestamp::now().checked_add(seconds.seconds()).unwrap_or(Timestamp::MAX);
    let end = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let token = new_token(world, &namespace, &name, account.uid(), Some(&end));
    let audiences = match object["spec"]["audiences"].as_array().filter(|list| !list.is_empty()) {
        Some(list) => json!(list),
        None => json!([call.server.url]),
    };
    let now = write::now();
    let mut owned = json!({
        "manager": call.agent.split('/').next().unwrap_or_default(), "operation": "Update",
        "apiVersion": "authentication.k8s.io/v1", "time": now, "fieldsType": "FieldsV1",
        "fieldsV1": { "f:spec": { "f:expirationSeconds": {} } },
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
            "spec": { "audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": null },
            "status": { "token": token, "expirationTimestamp": end },
        }),
    ))
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
    end: Option<&str>,
) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let subject = format!("system:serviceaccount:{namespace}:{account}");
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|id| id.into_bytes()).concat();
    let expiry = end.and_then(|end| end.parse::<Timestamp>().ok()).map(Timestamp::as_second);
    let mut claims = json!({
        "iss": "https://kubernetes.default.svc", "sub": subject, "aud": ["https://kubernetes.default.svc"],
        "iat": Timestamp::now().as_second(),
        "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": account, "uid": uid } },
    });
    if let Some(expiry) = expiry {
        claims["exp"] = expiry.into();
    }
    let head = json!({ "alg": "RS256", "kid": "sandbox" });
    let token = format!("{}.{}.{}", part(head), part(claims), URL_SAFE_NO_PAD.encode(random));
    let record = json!({
        "metadata": {}, "namespace": namespace, "account": account, "uid": uid, "end": end,
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
    if account.uid() != text("uid") {
        return None;
    }
    Some(User::service_account(text("namespace"), text("account"), text("uid")))
}

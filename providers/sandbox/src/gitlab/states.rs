//! GitLab-managed Terraform state: the protocol of Terraform's `http` backend, with locks and versions.
//!
//! <https://docs.gitlab.com/user/infrastructure/iac/terraform_state/>. Developers read, maintainers write. What an answer is, the documentation
//! doesn't say: it is as in `lib/api/terraform/state.rb` and `app/services/terraform/remote_state_handler.rb` of
//! <https://gitlab.com/gitlab-org/gitlab>, but for a write without the lock's id, which is 409 here.

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    model::{Scope, Thing, level},
    things::{put_thing, things_of},
    world::now,
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/projects/{id}/terraform/state/{name}", read),
    ("POST", "/projects/{id}/terraform/state/{name}", write),
    ("DELETE", "/projects/{id}/terraform/state/{name}", remove),
    ("POST", "/projects/{id}/terraform/state/{name}/lock", lock),
    ("DELETE", "/projects/{id}/terraform/state/{name}/lock", unlock),
    ("GET", "/projects/{id}/terraform/state/{name}/versions/{serial}", read_version),
    ("DELETE", "/projects/{id}/terraform/state/{name}/versions/{serial}", remove_version),
];

const SORT: &str = "terraform_state";

fn scope(call: &Call<'_>, write: bool) -> Result<Scope, Failure> {
    let scope = Scope::Project(call.project()?);
    if write {
        call.needs(scope, level::MAINTAINER)?
    } else {
        call.needs_to_read(scope, level::DEVELOPER)?
    }
    Ok(scope)
}

fn find(call: &Call<'_>, scope: Scope) -> Option<Thing> {
    let name = call.part("name");
    things_of(call.world, scope, SORT).find(|thing| thing.body.get("name") == Some(&json!(name))).cloned()
}

fn existing(call: &Call<'_>, scope: Scope) -> Result<Thing, Failure> {
    find(call, scope).ok_or_else(|| Failure::message(StatusCode::NOT_FOUND, "404 Not Found"))
}

/// The state, made if it isn't there: a lock comes before the first write.
fn ensure(call: &mut Call<'_>, scope: Scope) -> Thing {
    find(call, scope).unwrap_or_else(|| {
        let body = json!({ "name": call.part("name"), "versions": {}, "lock": null, "created_at": now() });
        let id = call.world.next_id("thing");
        Thing { id, scope, sort: SORT.to_owned(), body: body.as_object().cloned().unwrap_or_default() }
    })
}

/// Serial to content, in base64.
fn versions(thing: &Thing) -> Map<String, Value> {
    thing.body.get("versions").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn raw(content: Option<&Value>) -> Option<Answer> {
    let content = STANDARD.decode(content?.as_str()?).ok()?;
    Some(Answer::Raw(content, vec![("content-type", "application/json".to_owned())]))
}

fn read(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, false)?;
    let versions = versions(&existing(call, scope)?);
    let latest = versions.iter().max_by_key(|(serial, _)| serial.parse::<u64>().unwrap_or(0));
    // A state that was locked but never written has no file.
    Ok(raw(latest.map(|(_, content)| content)).unwrap_or(Answer::Empty))
}

/// Refuses a request that doesn't carry the id of the lock, and one that carries an id where there is no lock (any more).
fn check_lock(thing: &Thing, id: Option<&str>) -> Result<(), Failure> {
    match thing.body.get("lock") {
        None | Some(Value::Null) if id.is_none() => Ok(()),
        None | Some(Value::Null) => Err(Failure::message(StatusCode::CONFLICT, "409 Conflict")),
        Some(lock) if lock.get("ID").and_then(Value::as_str) == id => Ok(()),
        Some(lock) => Err(Failure { status: StatusCode::CONFLICT, body: lock.clone() }),
    }
}

fn write(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let mut thing = ensure(call, scope);
    check_lock(&thing, call.params.text("ID").as_deref())?;
    if call.body.is_empty() {
        return Answer::gone();
    }
    let refuse = |text: &str| Failure::message(StatusCode::UNPROCESSABLE_ENTITY, text);
    let state: Value = serde_json::from_slice(&call.body).map_err(|_| refuse("The state is not JSON"))?;
    let serial =
        state.get("serial").and_then(Value::as_u64).ok_or_else(|| refuse("The state has no serial"))?;
    let mut versions = versions(&thing);
    if versions.contains_key(&serial.to_string()) {
        return Err(refuse("Version has already been taken"));
    }
    versions.insert(serial.to_string(), json!(STANDARD.encode(&call.body)));
    thing.body.insert("versions".to_owned(), Value::Object(versions));
    put_thing(call.world, thing);
    Answer::ok(json!({}))
}

/// A state that is locked isn't removed, and the answer doesn't tell.
fn remove(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let thing = existing(call, scope)?;
    if thing.body.get("lock").is_none_or(Value::is_null) {
        call.world.take_off::<Thing>(scope, thing.id);
    }
    Answer::ok(json!({}))
}

/// What Terraform says of a lock; all of it must be there.
const INFO: [&str; 7] = ["ID", "Operation", "Info", "Who", "Version", "Created", "Path"];

fn lock(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let mut info: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let missing: Vec<String> = INFO
        .iter()
        .filter(|name| info.get(name).is_none_or(|value| !value.is_string()))
        .map(|name| format!("{name} is missing"))
        .collect();
    if !missing.is_empty() {
        return Err(Failure::parameters(missing.join(", ")));
    }
    let mut thing = ensure(call, scope);
    // Of a lock GitLab keeps the id, the user and the time. The rest of its answer is what whoever asks has said.
    let known = match thing.body.get("lock").filter(|lock| !lock.is_null()) {
        Some(lock) => Err(lock.clone()),
        None => {
            let viewer = call.viewer.as_ref().and_then(|viewer| call.world.users.get(&viewer.user));
            let who = viewer.map(|user| user.username.clone());
            Ok(json!({ "ID": info["ID"], "Who": who, "Created": now() }))
        }
    };
    let (Ok(lock) | Err(lock)) = &known;
    for name in ["ID", "Who", "Created"] {
        info[name] = lock[name].clone();
    }
    match known {
        Err(_) => Err(Failure { status: StatusCode::CONFLICT, body: info }),
        Ok(lock) => {
            thing.body.insert("lock".to_owned(), lock);
            put_thing(call.world, thing);
            Answer::ok(info)
        }
    }
}

/// Without an id the lock is broken by force.
fn unlock(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let mut thing = existing(call, scope)?;
    let info: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let id = info.get("ID").and_then(Value::as_str).map(str::to_owned).or_else(|| call.params.text("ID"));
    if id.is_some() && check_lock(&thing, id.as_deref()).is_err() {
        return Err(Failure { status: StatusCode::CONFLICT, body: Value::Null });
    }
    thing.body.insert("lock".to_owned(), Value::Null);
    put_thing(call.world, thing);
    Answer::ok(json!(200))
}

fn read_version(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, false)?;
    let versions = versions(&existing(call, scope)?);
    raw(versions.get(call.part("serial")))
        .ok_or_else(|| Failure::message(StatusCode::NOT_FOUND, "404 Not Found"))
}

fn remove_version(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let mut thing = existing(call, scope)?;
    let mut versions = versions(&thing);
    if versions.remove(call.part("serial")).is_none() {
        return Err(Failure::message(StatusCode::NOT_FOUND, "404 Not Found"));
    }
    thing.body.insert("versions".to_owned(), Value::Object(versions));
    put_thing(call.world, thing);
    Answer::gone()
}

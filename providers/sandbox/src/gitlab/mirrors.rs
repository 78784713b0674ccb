//! Push and pull mirrors. Nothing is really mirrored: an update ends well a moment after it began.
//!
//! <https://docs.gitlab.com/api/remote_mirrors/>, <https://docs.gitlab.com/api/project_pull_mirroring/>

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    model::{Event, PullMirror, RemoteMirror, Scope, level},
    rules::{masked, split_credentials},
    world::now,
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/projects/{id}/remote_mirrors", list),
    ("POST", "/projects/{id}/remote_mirrors", create),
    ("GET", "/projects/{id}/remote_mirrors/{mirror_id}", show_one),
    ("PUT", "/projects/{id}/remote_mirrors/{mirror_id}", update),
    ("DELETE", "/projects/{id}/remote_mirrors/{mirror_id}", remove),
    ("POST", "/projects/{id}/remote_mirrors/{mirror_id}/sync", sync),
    ("GET", "/projects/{id}/remote_mirrors/{mirror_id}/public_key", public_key),
    ("GET", "/projects/{id}/mirror/pull", show_pull),
    ("PUT", "/projects/{id}/mirror/pull", update_pull),
    ("POST", "/projects/{id}/mirror/pull", start_pull),
];

fn scope(call: &Call<'_>, write: bool) -> Result<Scope, Failure> {
    let scope = Scope::Project(call.project()?);
    if write {
        call.needs(scope, level::MAINTAINER)?
    } else {
        call.needs_to_read(scope, level::MAINTAINER)?
    }
    Ok(scope)
}

fn show(mirror: &RemoteMirror) -> Value {
    let host_keys: Vec<Value> =
        mirror.host_keys.iter().map(|key| json!({ "fingerprint_sha256": super::world::hash(key) })).collect();
    json!({
        "id": mirror.id,
        "enabled": mirror.enabled,
        "url": masked(&mirror.url, mirror.has_credentials),
        "update_status": mirror.update_status,
        "last_update_at": mirror.last_update_at,
        "last_update_started_at": mirror.last_update_started_at,
        "last_successful_update_at": mirror.last_successful_update_at,
        "last_error": null,
        "only_protected_branches": mirror.only_protected_branches,
        "keep_divergent_refs": mirror.keep_divergent_refs,
        "auth_method": mirror.auth_method,
        "host_keys": host_keys,
        "mirror_branch_regex": mirror.mirror_branch_regex,
    })
}

fn find(call: &Call<'_>, scope: Scope) -> Result<RemoteMirror, Failure> {
    let id = call.part_id("mirror_id")?;
    call.world.remote_mirrors.get(scope, id).cloned().ok_or_else(|| Failure::not_found("Remote Mirror"))
}

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, false)?;
    let mirrors: Vec<&RemoteMirror> = call.world.remote_mirrors.of(scope).collect();
    call.page(&mirrors, |mirror| show(mirror))
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, false)?;
    Answer::ok(show(&find(call, scope)?))
}

fn valid_url(url: &str) -> bool {
    let schemes = ["http://", "https://", "ssh://", "git://"];
    schemes
        .iter()
        .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.contains(' ')))
}

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let url = call.params.required("url");
    let mirror = RemoteMirror {
        id: 0,
        scope,
        enabled: false,
        url: String::new(),
        has_credentials: false,
        only_protected_branches: false,
        keep_divergent_refs: false,
        auth_method: "password".to_owned(),
        mirror_branch_regex: None,
        update_status: "none".to_owned(),
        last_update_at: None,
        last_update_started_at: None,
        last_successful_update_at: None,
        host_keys: Vec::new(),
    };
    let mut mirror = changed(call, mirror)?;
    if !valid_url(&url) {
        return Err(Failure::invalid("url", "is blocked: Only allowed schemes are http, https, ssh, git"));
    }
    (mirror.url, mirror.has_credentials) = split_credentials(&url);
    mirror.id = call.world.next_id("remote_mirror");
    let shown = show(&mirror);
    call.world.shelve(mirror);
    Answer::created(shown)
}

/// The mirror with what was sent.
fn changed(call: &Call<'_>, mut mirror: RemoteMirror) -> Result<RemoteMirror, Failure> {
    let params = &call.params;
    mirror.enabled = params.flag("enabled").unwrap_or(mirror.enabled);
    mirror.keep_divergent_refs = params.flag("keep_divergent_refs").unwrap_or(mirror.keep_divergent_refs);
    mirror.auth_method =
        params.choice("auth_method", &["ssh_public_key", "password"]).unwrap_or(mirror.auth_method);
    if let Some(regex) = params.text("mirror_branch_regex") {
        mirror.mirror_branch_regex = Some(regex).filter(|regex| !regex.is_empty());
        mirror.only_protected_branches &= mirror.mirror_branch_regex.is_none();
    }
    if let Some(only) = params.flag("only_protected_branches") {
        mirror.only_protected_branches = only;
        if only {
            mirror.mirror_branch_regex = None;
        }
    }
    mirror.host_keys = params.texts("host_keys").unwrap_or(mirror.host_keys);
    params.check()?;
    Ok(mirror)
}

fn update(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let mirror = find(call, scope)?;
    let mirror = changed(call, mirror)?;
    let shown = show(&mirror);
    call.world.shelve(mirror);
    Answer::ok(shown)
}

fn remove(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let mirror = find(call, scope)?;
    call.world.take_off::<RemoteMirror>(scope, mirror.id);
    Answer::gone()
}

fn sync(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, true)?;
    let mut mirror = find(call, scope)?;
    if !mirror.enabled {
        return Err(Failure::bad("400 Bad request - Mirror is disabled"));
    }
    mirror.update_status = "scheduled".to_owned();
    mirror.last_update_started_at = Some(now());
    let (Scope::Project(project), id) = (scope, mirror.id) else { return Err(Failure::no_record()) };
    call.world.shelve(mirror);
    call.world.later(call.world.settings.protection_delay, Event::FinishMirror { project, mirror: id });
    Answer::gone()
}

fn public_key(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call, false)?;
    let mirror = find(call, scope)?;
    if mirror.auth_method != "ssh_public_key" {
        return Err(Failure::not_found("Public key"));
    }
    Answer::ok(json!({ "public_key": format!("ssh-ed25519 {} sandbox", super::world::hash(&mirror.url)) }))
}

// ---- pull ----

const PULL_FLAGS: &[&str] =
    &["mirror_trigger_builds", "only_mirror_protected_branches", "mirror_overwrites_diverged_branches"];

fn show_pull_mirror(mirror: &PullMirror) -> Value {
    let mut shown = json!({
        "id": mirror.id,
        "enabled": mirror.enabled,
        "url": masked(&mirror.url, mirror.has_credentials),
        "update_status": mirror.update_status,
        "last_error": null,
        "last_update_at": mirror.last_update_at,
        "last_update_started_at": mirror.last_update_at,
        "last_successful_update_at": mirror.last_update_at,
        "mirror_trigger_builds": false,
        "only_mirror_protected_branches": null,
        "mirror_overwrites_diverged_branches": null,
        "mirror_branch_regex": null,
        "host_keys": [],
    });
    if let Some(shown) = shown.as_object_mut() {
        shown.extend(mirror.attributes.clone());
    }
    shown
}

fn show_pull(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let Scope::Project(project) = scope(call, false)? else { return Err(Failure::no_record()) };
    let mirror = call.world.projects[&project].pull_mirror.as_ref();
    Answer::ok(show_pull_mirror(
        mirror.ok_or_else(|| Failure::bad("400 Bad request - The project is not mirrored"))?,
    ))
}

fn update_pull(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let Scope::Project(id) = scope(call, true)? else { return Err(Failure::no_record()) };
    let params = &call.params;
    let url = params.text("url");
    let enabled = params.flag("enabled");
    let given = params.text("auth_user").is_some_and(|user| !user.is_empty());
    let regex = params.text("mirror_branch_regex");
    let mut attributes = Map::new();
    for name in PULL_FLAGS {
        if let Some(flag) = params.flag(name) {
            attributes.insert((*name).to_owned(), json!(flag));
        }
    }
    if regex.as_ref().is_some_and(|regex| !regex.is_empty())
        && attributes.get("only_mirror_protected_branches") == Some(&json!(true))
    {
        params.wrong("only_mirror_protected_branches, mirror_branch_regex are mutually exclusive");
    }
    if let Some(regex) = regex {
        let value = if regex.is_empty() { Value::Null } else { json!(regex) };
        attributes.insert("mirror_branch_regex".to_owned(), value);
    }
    params.check()?;
    if url.as_ref().is_some_and(|url| !valid_url(url)) {
        return Err(Failure::invalid(
            "import_url",
            "is blocked: Only allowed schemes are http, https, ssh, git",
        ));
    }
    let mut project = call.world.projects[&id].clone();
    let first = project.pull_mirror.is_none();
    let mut mirror = match project.pull_mirror.take() {
        Some(mirror) => mirror,
        None if url.is_none() && enabled != Some(false) => {
            return Err(Failure::invalid("import_url", "can't be blank"));
        }
        None => PullMirror {
            id: call.world.next_id("remote_mirror"),
            enabled: true,
            url: String::new(),
            has_credentials: false,
            attributes: Map::new(),
            update_status: "none".to_owned(),
            last_update_at: None,
        },
    };
    if let Some(url) = url {
        let (url, secret) = split_credentials(&url);
        mirror.has_credentials = secret || given || (mirror.has_credentials && mirror.url == url);
        mirror.url = url;
    } else {
        mirror.has_credentials |= given;
    }
    mirror.enabled = enabled.unwrap_or(mirror.enabled || first);
    mirror.attributes.extend(attributes);
    let shown = show_pull_mirror(&mirror);
    project.attributes.extend(mirror.attributes.clone());
    project.attributes.insert("mirror".to_owned(), json!(mirror.enabled));
    project.pull_mirror = Some(mirror);
    call.world.put_project(project);
    Answer::ok(shown)
}

fn start_pull(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let Scope::Project(id) = scope(call, true)? else { return Err(Failure::no_record()) };
    let mut project = call.world.projects[&id].clone();
    let Some(mirror) = project.pull_mirror.as_mut().filter(|mirror| mirror.enabled) else {
        return Err(Failure::bad("400 Bad request - The project is not mirrored"));
    };
    mirror.update_status = "scheduled".to_owned();
    let mirror = mirror.id;
    call.world.put_project(project);
    call.world.later(call.world.settings.protection_delay, Event::FinishMirror { project: id, mirror });
    Answer::ok(json!(200))
}

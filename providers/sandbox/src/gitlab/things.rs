//! Objects that are kept as they were sent: hooks, labels, environments, deploy keys, schedules; custom attributes.

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    fields::{Field, Kind, take},
    groups::custom,
    model::{Scope, Thing, level},
    rules::TAKEN,
    users,
    world::{World, now},
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/projects/{id}/hooks", list_hooks),
    ("POST", "/projects/{id}/hooks", create_hook),
    ("GET", "/projects/{id}/hooks/{thing_id}", show_hook),
    ("PUT", "/projects/{id}/hooks/{thing_id}", update_hook),
    ("DELETE", "/projects/{id}/hooks/{thing_id}", remove_hook),
    ("GET", "/groups/{id}/hooks", list_hooks),
    ("POST", "/groups/{id}/hooks", create_hook),
    ("GET", "/groups/{id}/hooks/{thing_id}", show_hook),
    ("PUT", "/groups/{id}/hooks/{thing_id}", update_hook),
    ("DELETE", "/groups/{id}/hooks/{thing_id}", remove_hook),
    ("GET", "/projects/{id}/labels", list_labels),
    ("POST", "/projects/{id}/labels", create_label),
    ("GET", "/projects/{id}/labels/{thing_id}", show_label),
    ("PUT", "/projects/{id}/labels/{thing_id}", update_label),
    ("DELETE", "/projects/{id}/labels/{thing_id}", remove_label),
    ("GET", "/groups/{id}/labels", list_labels),
    ("POST", "/groups/{id}/labels", create_label),
    ("GET", "/groups/{id}/labels/{thing_id}", show_label),
    ("PUT", "/groups/{id}/labels/{thing_id}", update_label),
    ("DELETE", "/groups/{id}/labels/{thing_id}", remove_label),
    ("GET", "/projects/{id}/environments", list_environments),
    ("POST", "/projects/{id}/environments", create_environment),
    ("GET", "/projects/{id}/environments/{thing_id}", show_environment),
    ("PUT", "/projects/{id}/environments/{thing_id}", update_environment),
    ("DELETE", "/projects/{id}/environments/{thing_id}", remove_environment),
    ("POST", "/projects/{id}/environments/{thing_id}/stop", stop_environment),
    ("GET", "/projects/{id}/deploy_keys", list_keys),
    ("POST", "/projects/{id}/deploy_keys", create_key),
    ("GET", "/projects/{id}/deploy_keys/{thing_id}", show_key),
    ("PUT", "/projects/{id}/deploy_keys/{thing_id}", update_key),
    ("DELETE", "/projects/{id}/deploy_keys/{thing_id}", remove_key),
    ("GET", "/projects/{id}/pipeline_schedules", list_schedules),
    ("POST", "/projects/{id}/pipeline_schedules", create_schedule),
    ("GET", "/projects/{id}/pipeline_schedules/{thing_id}", show_schedule),
    ("PUT", "/projects/{id}/pipeline_schedules/{thing_id}", update_schedule),
    ("DELETE", "/projects/{id}/pipeline_schedules/{thing_id}", remove_schedule),
    ("POST", "/projects/{id}/pipeline_schedules/{thing_id}/take_ownership", own_schedule),
    ("GET", "/projects/{id}/custom_attributes", list_custom),
    ("GET", "/projects/{id}/custom_attributes/{key}", show_custom),
    ("PUT", "/projects/{id}/custom_attributes/{key}", set_custom),
    ("DELETE", "/projects/{id}/custom_attributes/{key}", remove_custom),
    ("GET", "/groups/{id}/custom_attributes", list_custom),
    ("GET", "/groups/{id}/custom_attributes/{key}", show_custom),
    ("PUT", "/groups/{id}/custom_attributes/{key}", set_custom),
    ("DELETE", "/groups/{id}/custom_attributes/{key}", remove_custom),
    ("GET", "/users/{id}/custom_attributes", list_custom),
    ("GET", "/users/{id}/custom_attributes/{key}", show_custom),
    ("PUT", "/users/{id}/custom_attributes/{key}", set_custom),
    ("DELETE", "/users/{id}/custom_attributes/{key}", remove_custom),
];

/// All of one sort in a project or group.
pub(super) fn things_of<'w>(
    world: &'w World,
    scope: Scope,
    sort: &'static str,
) -> impl DoubleEndedIterator<Item = &'w Thing> {
    world.things.of(scope).filter(move |thing| thing.sort == sort)
}

/// The one whose id is in the path.
pub(super) fn find_thing(call: &Call<'_>, scope: Scope, sort: &str, part: &str) -> Result<Thing, Failure> {
    let id = call.part_id(part)?;
    let found = call.world.things.get(scope, id).filter(|thing| thing.sort == sort);
    found.cloned().ok_or_else(Failure::no_record)
}

pub(super) fn put_thing(world: &mut World, thing: Thing) {
    world.shelve(thing);
}

fn readable(call: &Call<'_>, needed: u8) -> Result<Scope, Failure> {
    let scope = call.scope()?;
    call.needs_to_read(scope, needed)?;
    Ok(scope)
}

fn insert(call: &mut Call<'_>, scope: Scope, sort: &str, mut body: Map<String, Value>) -> Thing {
    let id = call.world.next_id("thing");
    body.insert("id".to_owned(), json!(id));
    let thing = Thing { id, scope, sort: sort.to_owned(), body };
    call.world.shelve(thing.clone());
    thing
}

fn page(
    call: &Call<'_>,
    scope: Scope,
    sort: &'static str,
    show: fn(&Thing) -> Value,
) -> Result<Answer, Failure> {
    let things: Vec<&Thing> = things_of(call.world, scope, sort).collect();
    call.page(&things, |thing| show(thing))
}

fn removed(call: &mut Call<'_>, scope: Scope, thing: &Thing) -> Result<Answer, Failure> {
    call.world.take_off::<Thing>(scope, thing.id);
    Answer::gone()
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

fn whole(thing: &Thing) -> Value {
    Value::Object(thing.body.clone())
}

// ---- hooks: https://docs.gitlab.com/api/project_webhooks/ ----

const HOOK: &[Field] = &[
    ("url", Kind::Text),
    ("name", Kind::Text),
    ("description", Kind::Text),
    ("push_events", Kind::Flag),
    ("tag_push_events", Kind::Flag),
    ("merge_requests_events", Kind::Flag),
    ("issues_events", Kind::Flag),
    ("confidential_issues_events", Kind::Flag),
    ("note_events", Kind::Flag),
    ("confidential_note_events", Kind::Flag),
    ("pipeline_events", Kind::Flag),
    ("wiki_page_events", Kind::Flag),
    ("deployment_events", Kind::Flag),
    ("feature_flag_events", Kind::Flag),
    ("job_events", Kind::Flag),
    ("releases_events", Kind::Flag),
    ("milestone_events", Kind::Flag),
    ("emoji_events", Kind::Flag),
    ("subgroup_events", Kind::Flag),
    ("member_events", Kind::Flag),
    ("project_events", Kind::Flag),
    ("resource_access_token_events", Kind::Flag),
    ("vulnerability_events", Kind::Flag),
    ("enable_ssl_verification", Kind::Flag),
    ("push_events_branch_filter", Kind::Text),
    ("branch_filter_strategy", Kind::One(&["wildcard", "regex", "all_branches"])),
    ("custom_webhook_template", Kind::Text),
];

/// The token is write-only: it is checked for nothing here and kept nowhere.
fn hook_params(call: &Call<'_>) -> Result<Map<String, Value>, Failure> {
    let body = take(&call.params, HOOK);
    call.params.check()?;
    let url = body.get("url").and_then(Value::as_str);
    if url.is_some_and(|url| !(url.starts_with("http://") || url.starts_with("https://"))) {
        let text = "Invalid url given";
        return Err(Failure::message(axum::http::StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    Ok(body)
}

fn list_hooks(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = readable(call, level::MAINTAINER)?;
    page(call, scope, "hook", whole)
}

fn show_hook(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = readable(call, level::MAINTAINER)?;
    Answer::ok(whole(&find_thing(call, scope, "hook", "thing_id")?))
}

fn create_hook(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::OWNER, level::MAINTAINER)?;
    call.params.require(&["url"]);
    let sent = hook_params(call)?;
    let mut body = object(json!({ "id": 0 }));
    for (name, kind) in HOOK {
        let usual = match *name {
            "push_events" | "enable_ssl_verification" => json!(true),
            "branch_filter_strategy" => json!("wildcard"),
            _ if matches!(kind, Kind::Flag) => json!(false),
            _ => Value::Null,
        };
        body.insert((*name).to_owned(), usual);
    }
    let (Scope::Group(id) | Scope::Project(id) | Scope::User(id)) = scope;
    body.extend(object(json!({
        "created_at": now(), "repository_update_events": false, "alert_status": "executable", "disabled_until": null,
        "url_variables": [], "custom_headers": [], format!("{}_id", scope.noun()): id
    })));
    body.extend(sent);
    let thing = insert(call, scope, "hook", body);
    Answer::created(whole(&thing))
}

fn update_hook(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::OWNER, level::MAINTAINER)?;
    let mut thing = find_thing(call, scope, "hook", "thing_id")?;
    thing.body.extend(hook_params(call)?);
    let shown = whole(&thing);
    call.world.shelve(thing);
    Answer::ok(shown)
}

fn remove_hook(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::OWNER, level::MAINTAINER)?;
    let thing = find_thing(call, scope, "hook", "thing_id")?;
    removed(call, scope, &thing)
}

// ---- labels: https://docs.gitlab.com/api/labels/ ----

/// By id or by name.
fn find_label(call: &Call<'_>, scope: Scope) -> Result<Thing, Failure> {
    let name = call.part("thing_id");
    let named = |thing: &&Thing| thing.id.to_string() == name || thing.body.get("name") == Some(&json!(name));
    let found = things_of(call.world, scope, "label").find(named).cloned();
    found.ok_or_else(|| Failure::not_found("Label"))
}

fn list_labels(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    page(call, scope, "label", whole)
}

fn show_label(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    Answer::ok(whole(&find_label(call, scope)?))
}

fn create_label(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::REPORTER, level::REPORTER)?;
    let (name, color) = (call.params.required("name"), call.params.required("color"));
    let description = call.params.text("description");
    let priority = call.params.number("priority");
    call.params.check()?;
    if things_of(call.world, scope, "label").any(|thing| thing.body.get("name") == Some(&json!(name))) {
        return Err(Failure::conflict("Label already exists"));
    }
    let body = object(json!({
        "id": 0, "name": name, "description": description, "description_html": description, "text_color": "#FFFFFF",
        "color": color, "archived": false, "subscribed": false, "priority": priority,
        "is_project_label": matches!(scope, Scope::Project(_))
    }));
    let thing = insert(call, scope, "label", body);
    Answer::created(whole(&thing))
}

fn update_label(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::REPORTER, level::REPORTER)?;
    let mut thing = find_label(call, scope)?;
    let params = &call.params;
    let changes = [("new_name", "name"), ("color", "color"), ("description", "description")]
        .map(|(from, to)| (to, params.text(from)));
    for (name, value) in changes {
        if let Some(value) = value {
            thing.body.insert(name.to_owned(), json!(value));
        }
    }
    if params.has("priority") {
        thing.body.insert("priority".to_owned(), json!(params.number("priority")));
    }
    params.check()?;
    let shown = whole(&thing);
    call.world.shelve(thing);
    Answer::ok(shown)
}

fn remove_label(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::REPORTER, level::REPORTER)?;
    let thing = find_label(call, scope)?;
    removed(call, scope, &thing)
}

// ---- environments: https://docs.gitlab.com/api/environments/ ----

const ENVIRONMENT: &[Field] = &[
    ("external_url", Kind::Text),
    ("description", Kind::Text),
    ("tier", Kind::One(&["production", "staging", "testing", "development", "other"])),
    ("kubernetes_namespace", Kind::Text),
    ("flux_resource_path", Kind::Text),
    ("auto_stop_setting", Kind::One(&["always", "with_action"])),
];

fn list_environments(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = readable(call, level::REPORTER)?;
    let name = call.params.text("name");
    let keep = |thing: &&Thing| name.as_ref().is_none_or(|name| thing.body.get("name") == Some(&json!(name)));
    let things: Vec<&Thing> = things_of(call.world, scope, "environment").filter(keep).collect();
    call.page(&things, |thing| whole(thing))
}

fn show_environment(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = readable(call, level::REPORTER)?;
    Answer::ok(whole(&find_environment(call, scope)?))
}

fn find_environment(call: &Call<'_>, scope: Scope) -> Result<Thing, Failure> {
    find_thing(call, scope, "environment", "thing_id").map_err(|_| Failure::not_found("Environment"))
}

fn create_environment(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::DEVELOPER, level::DEVELOPER)?;
    let name = call.params.required("name");
    let sent = take(&call.params, ENVIRONMENT);
    call.params.check()?;
    if things_of(call.world, scope, "environment").any(|thing| thing.body.get("name") == Some(&json!(name))) {
        return Err(Failure::invalid("name", TAKEN));
    }
    let tier = ["production", "staging", "testing", "development"]
        .into_iter()
        .find(|tier| name.contains(&tier[..4]));
    let mut body = object(json!({
        "id": 0, "name": name, "slug": super::rules::slug(&name).replace(['.', '_'], "-"), "external_url": null,
        "created_at": now(), "updated_at": now(), "tier": tier.unwrap_or("other"), "state": "available",
        "auto_stop_at": null, "kubernetes_namespace": null, "flux_resource_path": null, "description": null,
        "auto_stop_setting": "always"
    }));
    body.extend(sent);
    let thing = insert(call, scope, "environment", body);
    Answer::created(whole(&thing))
}

fn update_environment(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::DEVELOPER, level::DEVELOPER)?;
    let mut thing = find_environment(call, scope)?;
    thing.body.extend(take(&call.params, ENVIRONMENT));
    call.params.check()?;
    thing.body.insert("updated_at".to_owned(), json!(now()));
    let shown = whole(&thing);
    call.world.shelve(thing);
    Answer::ok(shown)
}

fn stop_environment(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::DEVELOPER, level::DEVELOPER)?;
    let mut thing = find_environment(call, scope)?;
    thing.body.insert("state".to_owned(), json!("stopped"));
    let shown = whole(&thing);
    call.world.shelve(thing);
    Answer::ok(shown)
}

fn remove_environment(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::DEVELOPER, level::DEVELOPER)?;
    let thing = find_environment(call, scope)?;
    if thing.body.get("state") != Some(&json!("stopped")) {
        return Err(Failure::forbidden());
    }
    removed(call, scope, &thing)
}

// ---- deploy keys: https://docs.gitlab.com/api/deploy_keys/ ----

fn list_keys(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = readable(call, level::MAINTAINER)?;
    page(call, scope, "deploy_key", whole)
}

fn show_key(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = readable(call, level::MAINTAINER)?;
    Answer::ok(whole(&find_thing(call, scope, "deploy_key", "thing_id")?))
}

fn create_key(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::MAINTAINER, level::MAINTAINER)?;
    let (title, key) = (call.params.required("title"), call.params.required("key"));
    let can_push = call.params.flag("can_push").unwrap_or(false);
    let expires_at = call.params.text("expires_at");
    call.params.check()?;
    if !key.starts_with("ssh-") && !key.starts_with("ecdsa-") && !key.starts_with("sk-") {
        return Err(Failure::invalid("key", "is invalid"));
    }
    if things_of(call.world, scope, "deploy_key").any(|thing| thing.body.get("key") == Some(&json!(key))) {
        return Err(Failure::invalid("deploy_key.fingerprint_sha256", TAKEN));
    }
    let fingerprint = super::world::hash(&key);
    let body = object(json!({
        "id": 0, "title": title, "created_at": now(), "expires_at": expires_at, "last_used_at": null, "key": key,
        "usage_type": "auth_and_signing", "fingerprint": null, "fingerprint_sha256": format!("SHA256:{fingerprint}"),
        "can_push": can_push
    }));
    let thing = insert(call, scope, "deploy_key", body);
    Answer::created(whole(&thing))
}

fn update_key(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::MAINTAINER, level::MAINTAINER)?;
    let mut thing = find_thing(call, scope, "deploy_key", "thing_id")?;
    thing.body.extend(take(&call.params, &[("title", Kind::Text), ("can_push", Kind::Flag)]));
    call.params.check()?;
    let shown = whole(&thing);
    call.world.shelve(thing);
    Answer::ok(shown)
}

fn remove_key(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::MAINTAINER, level::MAINTAINER)?;
    let thing = find_thing(call, scope, "deploy_key", "thing_id")?;
    removed(call, scope, &thing)
}

// ---- pipeline schedules: https://docs.gitlab.com/api/pipeline_schedules/ ----

const SCHEDULE: &[Field] = &[
    ("description", Kind::Text),
    ("ref", Kind::Text),
    ("cron", Kind::Text),
    ("cron_timezone", Kind::Text),
    ("active", Kind::Flag),
];

/// A short name of a branch is stored whole.
fn schedule_params(call: &Call<'_>) -> Result<Map<String, Value>, Failure> {
    let mut sent = take(&call.params, SCHEDULE);
    call.params.check()?;
    if let Some(Value::String(reference)) = sent.get_mut("ref")
        && !reference.starts_with("refs/")
    {
        *reference = format!("refs/heads/{reference}");
    }
    let cron = sent.get("cron").and_then(Value::as_str);
    if cron.is_some_and(|cron| cron.split_whitespace().count() != 5) {
        return Err(Failure::invalid("cron", "syntax is invalid"));
    }
    Ok(sent)
}

fn list_schedules(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = readable(call, level::DEVELOPER)?;
    page(call, scope, "schedule", |thing| {
        let mut body = thing.body.clone();
        body.remove("variables");
        Value::Object(body)
    })
}

fn show_schedule(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = readable(call, level::DEVELOPER)?;
    let thing = find_thing(call, scope, "schedule", "thing_id")
        .map_err(|_| Failure::not_found("Pipeline Schedule"))?;
    Answer::ok(whole(&thing))
}

fn create_schedule(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::DEVELOPER, level::DEVELOPER)?;
    call.params.require(&["description", "ref", "cron"]);
    let sent = schedule_params(call)?;
    let owner = users::basic(call.world, &call.world.users[&call.viewer()?.user]);
    let mut body = object(json!({
        "id": 0, "description": "", "ref": "", "cron": "", "cron_timezone": "UTC", "next_run_at": null, "active": true,
        "created_at": now(), "updated_at": now(), "owner": owner, "inputs": [], "variables": []
    }));
    body.extend(sent);
    let thing = insert(call, scope, "schedule", body);
    Answer::created(whole(&thing))
}

fn find_schedule(call: &Call<'_>, scope: Scope) -> Result<Thing, Failure> {
    find_thing(call, scope, "schedule", "thing_id").map_err(|_| Failure::not_found("Pipeline Schedule"))
}

/// Only its owner edits a schedule.
fn owned_schedule(call: &Call<'_>, scope: Scope) -> Result<Thing, Failure> {
    let thing = find_schedule(call, scope)?;
    let owner = thing.body.get("owner").and_then(|owner| owner.get("id")?.as_u64());
    if call.is_admin() || owner == Some(call.viewer()?.user) { Ok(thing) } else { Err(Failure::forbidden()) }
}

fn update_schedule(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::DEVELOPER, level::DEVELOPER)?;
    let mut thing = owned_schedule(call, scope)?;
    thing.body.extend(schedule_params(call)?);
    thing.body.insert("updated_at".to_owned(), json!(now()));
    let shown = whole(&thing);
    call.world.shelve(thing);
    Answer::ok(shown)
}

fn own_schedule(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::DEVELOPER, level::DEVELOPER)?;
    let mut thing = find_schedule(call, scope)?;
    let owner = users::basic(call.world, &call.world.users[&call.viewer()?.user]);
    thing.body.insert("owner".to_owned(), owner);
    let shown = whole(&thing);
    call.world.shelve(thing);
    Answer::created(shown)
}

fn remove_schedule(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::DEVELOPER, level::DEVELOPER)?;
    let thing = owned_schedule(call, scope)?;
    removed(call, scope, &thing)
}

// ---- custom attributes: https://docs.gitlab.com/api/custom_attributes/ ----

/// Groups, projects and users have them; only administrators see them.
fn custom_scope(call: &Call<'_>) -> Result<Scope, Failure> {
    let scope = match call.route {
        route if route.starts_with("/users") => Scope::User(users::find(call, call.part("id"))?),
        _ => call.scope()?,
    };
    call.admin()?;
    Ok(scope)
}

fn attributes(world: &World, scope: Scope) -> std::collections::BTreeMap<String, String> {
    let found = match scope {
        Scope::Group(id) => world.groups.get(&id).map(|group| &group.custom),
        Scope::Project(id) => world.projects.get(&id).map(|project| &project.custom),
        Scope::User(id) => world.users.get(&id).map(|user| &user.custom),
    };
    found.cloned().unwrap_or_default()
}

fn set_attributes(world: &mut World, scope: Scope, attributes: std::collections::BTreeMap<String, String>) {
    match scope {
        Scope::Group(id) => {
            if let Some(mut group) = world.groups.get(&id).cloned() {
                group.custom = attributes;
                world.put_group(group);
            }
        }
        Scope::Project(id) => {
            if let Some(mut project) = world.projects.get(&id).cloned() {
                project.custom = attributes;
                world.put_project(project);
            }
        }
        Scope::User(id) => {
            if let Some(mut user) = world.users.get(&id).cloned() {
                user.custom = attributes;
                world.put_user(user);
            }
        }
    }
}

fn list_custom(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = custom_scope(call)?;
    Answer::ok(custom(&attributes(call.world, scope)))
}

fn show_custom(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = custom_scope(call)?;
    let key = call.part("key");
    let value = attributes(call.world, scope).remove(key).ok_or_else(Failure::no_record)?;
    Answer::ok(json!({ "key": key, "value": value }))
}

fn set_custom(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = custom_scope(call)?;
    call.writes()?;
    let value = call.params.required("value");
    call.params.check()?;
    let key = call.part("key").to_owned();
    let mut attributes = attributes(call.world, scope);
    attributes.insert(key.clone(), value.clone());
    set_attributes(call.world, scope, attributes);
    Answer::ok(json!({ "key": key, "value": value }))
}

fn remove_custom(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = custom_scope(call)?;
    call.writes()?;
    let mut attributes = attributes(call.world, scope);
    if attributes.remove(call.part("key")).is_none() {
        return Err(Failure::no_record());
    }
    set_attributes(call.world, scope, attributes);
    Answer::gone()
}

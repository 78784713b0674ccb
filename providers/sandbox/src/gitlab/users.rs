//! Users: who is there, and the administrator's ways to make and change them.
//!
//! <https://docs.gitlab.com/api/users/>

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    fields::{self, Field, Kind},
    groups::custom,
    model::{Event, Identity, Scope, User, level},
    projects,
    rules::TAKEN,
    world::{World, now},
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/user", current),
    ("GET", "/users", list),
    ("POST", "/users", create),
    ("GET", "/users/{user_id}", show_one),
    ("PUT", "/users/{user_id}", update),
    ("DELETE", "/users/{user_id}", delete),
    ("POST", "/users/{user_id}/block", block),
    ("POST", "/users/{user_id}/unblock", activate),
    ("POST", "/users/{user_id}/deactivate", deactivate),
    ("POST", "/users/{user_id}/activate", activate),
    ("POST", "/users/{user_id}/ban", ban),
    ("POST", "/users/{user_id}/unban", activate),
    ("GET", "/users/{user_id}/memberships", memberships),
    ("GET", "/namespaces", namespaces),
    ("GET", "/namespaces/{id}", namespace),
    ("GET", "/namespaces/{id}/exists", namespace_exists),
];

const FIELDS: &[Field] = &[
    ("projects_limit", Kind::Number),
    ("can_create_group", Kind::Flag),
    ("external", Kind::Flag),
    ("private_profile", Kind::Flag),
    ("auditor", Kind::Flag),
    ("note", Kind::Text),
    ("bio", Kind::Text),
    ("location", Kind::Text),
    ("organization", Kind::Text),
    ("job_title", Kind::Text),
    ("website_url", Kind::Text),
    ("linkedin", Kind::Text),
    ("discord", Kind::Text),
    ("public_email", Kind::Text),
    ("commit_email", Kind::Text),
    ("theme_id", Kind::Number),
    ("color_scheme_id", Kind::Number),
];

/// A user as members, owners and lists show one.
pub(super) fn basic(world: &World, user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "public_email": user.attributes.get("public_email"),
        "name": user.name,
        "state": user.state,
        "locked": false,
        "avatar_url": null,
        "web_url": format!("{}/{}", world.context.url, user.username),
    })
}

/// A user with what only administrators and the user see.
fn detail(world: &World, user: &User, private: bool) -> Value {
    let mut shown = basic(world, user);
    let attribute = |name: &str, usual: Value| user.attributes.get(name).cloned().unwrap_or(usual);
    let mut more = json!({
        "created_at": user.created_at,
        "bio": attribute("bio", json!("")),
        "location": attribute("location", json!("")),
        "linkedin": attribute("linkedin", json!("")),
        "twitter": "",
        "discord": attribute("discord", json!("")),
        "website_url": attribute("website_url", json!("")),
        "github": "",
        "job_title": attribute("job_title", json!("")),
        "pronouns": null,
        "organization": attribute("organization", json!("")),
        "bot": user.bot,
        "work_information": null,
        "followers": 0,
        "following": 0,
        "is_followed": false,
        "local_time": null,
    });
    if private {
        let identities: Vec<Value> = user
            .identities
            .iter()
            .map(|found| json!({"provider": found.provider, "extern_uid": found.extern_uid, "saml_provider_id": null}))
            .collect();
        let own = json!({
            "last_sign_in_at": null,
            "confirmed_at": user.created_at,
            "last_activity_on": null,
            "email": user.email,
            "theme_id": attribute("theme_id", json!(3)),
            "color_scheme_id": attribute("color_scheme_id", json!(1)),
            "projects_limit": attribute("projects_limit", json!(100_000)),
            "current_sign_in_at": null,
            "identities": identities,
            "can_create_group": attribute("can_create_group", json!(true)),
            "can_create_project": attribute("projects_limit", json!(1)) != 0,
            "two_factor_enabled": false,
            "external": attribute("external", json!(false)),
            "private_profile": attribute("private_profile", json!(false)),
            "commit_email": attribute("commit_email", json!(user.email)),
            "shared_runners_minutes_limit": null,
            "extra_shared_runners_minutes_limit": null,
            "scim_identities": [],
            "is_admin": user.admin,
            "is_auditor": attribute("auditor", json!(false)),
            "note": attribute("note", Value::Null),
            "namespace_id": user.namespace_id,
            "created_by": null,
        });
        merge(&mut more, own);
    }
    merge(&mut shown, more);
    shown
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

/// The user of an id or username.
pub(super) fn find(call: &Call<'_>, name: &str) -> Result<u64, Failure> {
    let by_id = name.parse::<u64>().ok().filter(|id| call.world.users.contains_key(id));
    let found = by_id.or_else(|| call.world.user_named(name).map(|user| user.id));
    found.ok_or_else(|| Failure::not_found("User"))
}

/// Makes a user; the names must be free.
pub(super) fn insert(world: &mut World, username: &str, name: &str, email: &str, bot: bool) -> u64 {
    let (id, namespace_id) = (world.next_id("user"), world.next_id("namespace"));
    world.put_user(User {
        id,
        namespace_id,
        username: username.to_owned(),
        name: name.to_owned(),
        email: email.to_owned(),
        state: "active".to_owned(),
        admin: false,
        bot,
        created_at: now(),
        attributes: Map::new(),
        identities: Vec::new(),
        custom: BTreeMap::new(),
    });
    id
}

/// Where the settings say so, a user who is looked up is made: `marie.durand` becomes "Marie Durand".
pub(super) fn ensure(world: &mut World, username: &str) -> Option<u64> {
    if let Some(user) = world.user_named(username) {
        return Some(user.id);
    }
    let plain = username.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char));
    if !world.settings.auto_users || !plain || username.is_empty() || world.find_in(None, username).is_some()
    {
        return None;
    }
    let words = username.split(['.', '-', '_']).filter(|word| !word.is_empty());
    let name: Vec<String> = words.map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    let email = format!("{username}@sandbox.example");
    Some(insert(world, username, &name.join(" "), &email, false))
}

fn current(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let user = call.viewer()?.user;
    Answer::ok(detail(call.world, &call.world.users[&user], true))
}

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let username = call.params.text("username");
    if call.viewer.is_none() && username.is_none() {
        return Err(Failure::message(
            StatusCode::FORBIDDEN,
            "403 Forbidden - Not authorized to access /api/v4/users",
        ));
    }
    if let Some(username) = &username
        && call.viewer.is_some()
    {
        ensure(call.world, username);
    }
    let params = &call.params;
    let search = params.text("search").map(|text| text.to_lowercase()).filter(|text| !text.is_empty());
    let extern_uid = params.text("extern_uid");
    let provider = params.text("provider");
    let active = params.flag("active").unwrap_or(false);
    let blocked = params.flag("blocked").unwrap_or(false);
    let admins = params.flag("admins").unwrap_or(false);
    let humans =
        params.flag("humans").unwrap_or(false) || params.flag("without_project_bots").unwrap_or(false);
    let order = params.choice("order_by", &["id", "name", "username", "created_at", "updated_at"]);
    let descending = params.choice("sort", &["asc", "desc"]).is_none_or(|sort| sort == "desc");
    params.check()?;
    let keep = |user: &&User| {
        // An e-mail address must match whole, names anywhere.
        let found = |text: &String| {
            user.email.to_lowercase() == *text
                || user.username.to_lowercase().contains(text)
                || user.name.to_lowercase().contains(text)
        };
        let linked = |found: &Identity| {
            provider.as_ref().is_none_or(|name| found.provider == *name)
                && extern_uid.as_ref().is_none_or(|uid| found.extern_uid == *uid)
        };
        username.as_ref().is_none_or(|name| user.username.eq_ignore_ascii_case(name))
            && search.as_ref().is_none_or(found)
            && (extern_uid.is_none() || user.identities.iter().any(linked))
            && (!active || user.state == "active")
            && (!blocked || user.state == "blocked")
            && (!admins || user.admin)
            && (!humans || !user.bot)
    };
    let mut users: Vec<&User> = match &username {
        Some(name) => call.world.user_named(name).into_iter().filter(keep).collect(),
        None => call.world.users.values().filter(keep).collect(),
    };
    match order.as_deref() {
        Some("name") => users.sort_by_key(|user| user.name.to_lowercase()),
        Some("username") => users.sort_by_key(|user| user.username.to_lowercase()),
        _ => {}
    }
    if descending {
        users.reverse();
    }
    let private = call.is_admin();
    let world = &*call.world;
    call.page(&users, |user| if private { detail(world, user, true) } else { basic(world, user) })
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.viewer()?;
    let id = call.part_id("user_id")?;
    let user = call.world.users.get(&id).ok_or_else(|| Failure::not_found("User"))?;
    let private = call.is_admin() || call.viewer()?.user == id;
    let mut shown = detail(call.world, user, private);
    if call.params.flag("with_custom_attributes").unwrap_or(false) && call.is_admin() {
        shown["custom_attributes"] = custom(&user.custom);
    }
    Answer::ok(shown)
}

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.admin()?;
    call.writes()?;
    let params = &call.params;
    let (email, name, username) =
        (params.required("email"), params.required("name"), params.required("username"));
    let password = ["password", "reset_password", "force_random_password"];
    if !password.iter().any(|name| params.has(name)) {
        params.wrong("password, reset_password, force_random_password are missing, at least one parameter must be provided");
    }
    let identity = params.text("provider").zip(params.text("extern_uid"));
    let admin = params.flag("admin").unwrap_or(false);
    let attributes = fields::take(params, FIELDS);
    params.check()?;
    taken(call.world, None, &email, &username)?;
    let id = insert(call.world, &username, &name, &email, false);
    let mut user = call.world.users[&id].clone();
    user.admin = admin;
    user.attributes = attributes;
    user.identities =
        identity.map(|(provider, extern_uid)| Identity { provider, extern_uid }).into_iter().collect();
    call.world.put_user(user);
    Answer::created(detail(call.world, &call.world.users[&id], true))
}

fn taken(world: &World, id: Option<u64>, email: &str, username: &str) -> Result<(), Failure> {
    let other = |user: Option<&User>| user.is_some_and(|user| Some(user.id) != id);
    if other(world.user_with_email(email)) {
        return Err(Failure::conflict("Email has already been taken"));
    }
    let own = id
        .and_then(|id| world.users.get(&id))
        .is_some_and(|user| user.username.eq_ignore_ascii_case(username));
    if other(world.user_named(username)) || (!own && world.find_in(None, username).is_some()) {
        return Err(Failure::conflict("Username has already been taken"));
    }
    if !email.contains('@') {
        return Err(Failure::invalid("email", "is invalid"));
    }
    if let Some(text) = super::rules::group_path(username, true) {
        return Err(Failure::invalid("username", text));
    }
    Ok(())
}

fn update(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.admin()?;
    call.writes()?;
    let id = call.part_id("user_id")?;
    let mut user = call.world.users.get(&id).cloned().ok_or_else(|| Failure::not_found("User"))?;
    let params = &call.params;
    user.email = params.text("email").unwrap_or(user.email);
    user.name = params.text("name").unwrap_or(user.name);
    user.username = params.text("username").unwrap_or(user.username);
    user.admin = params.flag("admin").unwrap_or(user.admin);
    user.attributes.extend(fields::take(params, FIELDS));
    if let Some((provider, extern_uid)) = params.text("provider").zip(params.text("extern_uid")) {
        user.identities.retain(|identity| identity.provider != provider);
        user.identities.push(Identity { provider, extern_uid });
    }
    params.check()?;
    taken(call.world, Some(id), &user.email, &user.username).map_err(|failure| {
        if failure.status == StatusCode::CONFLICT { Failure::invalid("base", TAKEN) } else { failure }
    })?;
    call.world.put_user(user);
    Answer::ok(detail(call.world, &call.world.users[&id], true))
}

fn delete(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let admin = call.admin()?;
    call.writes()?;
    let id = call.part_id("user_id")?;
    if !call.world.users.contains_key(&id) {
        return Err(Failure::not_found("User"));
    }
    let sole_owner = call.world.memberships(id).into_iter().any(|scope| {
        let owner =
            |user: u64| call.world.members.get(scope, user).is_some_and(|m| m.access_level == level::OWNER);
        let others = call.world.members.of(scope).any(|member| member.id != id && owner(member.id));
        matches!(scope, Scope::Group(_)) && owner(id) && !others
    });
    if (sole_owner && !call.params.flag("hard_delete").unwrap_or(false)) || id == admin {
        return Err(Failure::conflict("User cannot be removed."));
    }
    call.world.later(call.world.settings.deletion_delay, Event::DeleteUser(id));
    Answer::gone()
}

fn set_state(call: &mut Call<'_>, state: &str) -> Result<Answer, Failure> {
    call.admin()?;
    call.writes()?;
    let id = call.part_id("user_id")?;
    let mut user = call.world.users.get(&id).cloned().ok_or_else(|| Failure::not_found("User"))?;
    user.state = state.to_owned();
    call.world.put_user(user);
    Answer::created(json!(true))
}

fn block(call: &mut Call<'_>) -> Result<Answer, Failure> {
    set_state(call, "blocked")
}

fn activate(call: &mut Call<'_>) -> Result<Answer, Failure> {
    set_state(call, "active")
}

fn deactivate(call: &mut Call<'_>) -> Result<Answer, Failure> {
    set_state(call, "deactivated")
}

fn ban(call: &mut Call<'_>) -> Result<Answer, Failure> {
    set_state(call, "banned")
}

fn memberships(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.admin()?;
    let id = call.part_id("user_id")?;
    let scopes = call.world.memberships(id);
    call.page(&scopes, |&scope| {
        let level = call.world.members.get(scope, id).map_or(0, |member| member.access_level);
        match scope {
            Scope::Group(group) => json!({
                "source_id": group, "source_name": call.world.groups.get(&group).map(|group| &group.name),
                "source_type": "Namespace", "access_level": level
            }),
            Scope::Project(id) | Scope::User(id) => json!({
                "source_id": id, "source_name": call.world.projects.get(&id).map(|project| &project.name),
                "source_type": "Project", "access_level": level
            }),
        }
    })
}

fn namespaces(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let viewer = call.viewer()?.user;
    let search = call.params.text("search").map(|text| text.to_lowercase()).unwrap_or_default();
    let world = &*call.world;
    let own = world
        .users
        .values()
        .filter(|user| call.is_admin() || user.id == viewer)
        .map(|user| user.namespace_id);
    let groups = world.groups.keys().copied().filter(|&id| call.sees(Scope::Group(id)));
    let mut ids: Vec<u64> = own.chain(groups).collect();
    ids.retain(|&id| world.namespace_path(id).to_lowercase().contains(&search));
    ids.sort_unstable();
    call.page(&ids, |&id| projects::namespace(world, id))
}

fn namespace(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.viewer()?;
    let name = call.part("id");
    let found = match name.parse::<u64>() {
        Ok(id) => Some(id),
        Err(_) => match call.world.find_path(name) {
            Some(super::world::Node::Group(id)) => Some(id),
            Some(super::world::Node::User(id)) => Some(call.world.users[&id].namespace_id),
            _ => None,
        },
    };
    let shown = found.map(|id| projects::namespace(call.world, id)).filter(|shown| !shown.is_null());
    Answer::ok(shown.ok_or_else(|| Failure::not_found("Namespace"))?)
}

fn namespace_exists(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.viewer()?;
    let parent = call.params.number("parent_id");
    let name = call.part("id").to_owned();
    let exists = call.world.find_in(parent, &name).is_some();
    let free = (1..)
        .map(|number| format!("{name}{number}"))
        .find(|other| call.world.find_in(parent, other).is_none());
    let suggests: Vec<String> = if exists { free.into_iter().collect() } else { Vec::new() };
    Answer::ok(json!({ "exists": exists, "suggests": suggests }))
}

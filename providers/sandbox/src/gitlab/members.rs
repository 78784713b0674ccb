//! Members of groups and projects, direct and inherited.
//!
//! <https://docs.gitlab.com/api/members/>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    model::{Member, Scope, level},
    users,
    world::{World, now},
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/groups/{id}/members", list),
    ("POST", "/groups/{id}/members", add),
    ("GET", "/groups/{id}/members/all", list_all),
    ("GET", "/groups/{id}/members/all/{user_id}", show_any),
    ("GET", "/groups/{id}/members/{user_id}", show_one),
    ("PUT", "/groups/{id}/members/{user_id}", update),
    ("DELETE", "/groups/{id}/members/{user_id}", remove),
    ("GET", "/groups/{id}/billable_members", list_all),
    ("GET", "/projects/{id}/members", list),
    ("POST", "/projects/{id}/members", add),
    ("GET", "/projects/{id}/members/all", list_all),
    ("GET", "/projects/{id}/members/all/{user_id}", show_any),
    ("GET", "/projects/{id}/members/{user_id}", show_one),
    ("PUT", "/projects/{id}/members/{user_id}", update),
    ("DELETE", "/projects/{id}/members/{user_id}", remove),
];

const LEVELS: &[u8] =
    &[5, level::GUEST, 15, level::REPORTER, level::DEVELOPER, level::MAINTAINER, level::OWNER];

fn show(call: &Call<'_>, member: &Member) -> Value {
    let world = &*call.world;
    let Some(user) = world.users.get(&member.id) else { return Value::Null };
    let mut shown = users::basic(world, user);
    shown["access_level"] = json!(member.access_level);
    shown["created_at"] = json!(member.created_at);
    shown["created_by"] =
        world.users.get(&member.created_by).map_or(Value::Null, |user| users::basic(world, user));
    shown["expires_at"] = json!(member.expires_at);
    shown["group_saml_identity"] = Value::Null;
    shown["group_scim_identity"] = Value::Null;
    shown["membership_state"] = json!("active");
    shown["member_role"] = Value::Null;
    if call.is_admin() {
        shown["email"] = json!(user.email);
    }
    shown
}

/// The groups above, nearest first, that members are inherited from.
fn above(world: &World, scope: Scope) -> Vec<u64> {
    match scope {
        Scope::Group(id) => world.ancestry(world.groups.get(&id).and_then(|group| group.parent_id)),
        Scope::Project(id) => world.ancestry(world.projects.get(&id).map(|project| project.namespace_id)),
        Scope::User(_) => Vec::new(),
    }
}

/// Direct and inherited members, each with the highest level.
fn all(world: &World, scope: Scope) -> Vec<&Member> {
    let mut best: BTreeMap<u64, &Member> = BTreeMap::new();
    let inherited = above(world, scope).into_iter().map(Scope::Group);
    for scope in std::iter::once(scope).chain(inherited) {
        for member in world.members.of(scope) {
            let slot = best.entry(member.id).or_insert(member);
            if member.access_level > slot.access_level {
                *slot = member;
            }
        }
    }
    best.into_values().collect()
}

fn filtered<'m>(call: &'m Call<'_>, members: Vec<&'m Member>) -> Result<Vec<&'m Member>, Failure> {
    let query = call.params.text("query").map(|text| text.to_lowercase()).filter(|text| !text.is_empty());
    let ids: Option<Vec<u64>> =
        call.params.texts("user_ids").map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect());
    call.params.check()?;
    let keep = |member: &&Member| {
        let Some(user) = call.world.users.get(&member.id) else { return false };
        let found = |text: &String| {
            user.name.to_lowercase().contains(text)
                || user.username.to_lowercase().contains(text)
                || user.email.to_lowercase() == *text
        };
        query.as_ref().is_none_or(found) && ids.as_ref().is_none_or(|ids| ids.contains(&member.id))
    };
    Ok(members.into_iter().filter(keep).collect())
}

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let members = filtered(call, call.world.members.of(scope).collect())?;
    call.page(&members, |member| show(call, member))
}

fn list_all(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let members = filtered(call, all(call.world, scope))?;
    call.page(&members, |member| show(call, member))
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let user = call.part_id("user_id")?;
    let member = call.world.members.get(scope, user).ok_or_else(Failure::no_record)?;
    Answer::ok(show(call, member))
}

fn show_any(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    let user = call.part_id("user_id")?;
    let members = all(call.world, scope);
    let member = members.into_iter().find(|member| member.id == user).ok_or_else(Failure::no_record)?;
    Answer::ok(show(call, member))
}

fn add(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::OWNER, level::MAINTAINER)?;
    let params = &call.params;
    params.require(&["access_level"]);
    let access_level = params.level("access_level", LEVELS).unwrap_or_default();
    params.require_one(&["user_id", "username"]);
    // Several ids may come in one text.
    let ids = params.texts("user_id").unwrap_or_default();
    let name = params.text("username");
    let expires_at = params.date("expires_at");
    params.check()?;
    may_grant(call, scope, access_level)?;
    let mut found = Vec::new();
    if let Some(name) = name {
        let user = users::ensure(call.world, &name).ok_or_else(|| Failure::not_found("User"))?;
        found.push(user);
    }
    for id in ids {
        let user = id.parse().ok().filter(|id| call.world.users.contains_key(id));
        found.push(user.ok_or_else(|| Failure::not_found("User"))?);
    }
    let several = found.len() > 1;
    for &user in &found {
        if !several && call.world.members.get(scope, user).is_some() {
            return Err(Failure::conflict("Member already exists"));
        }
        above_inherited(call.world, scope, user, access_level)?;
    }
    let created_by = call.viewer()?.user;
    for &user in &found {
        let expires_at = expires_at.clone();
        call.world.put_member(Member {
            id: user,
            scope,
            access_level,
            expires_at,
            created_at: now(),
            created_by,
        });
    }
    match found.as_slice() {
        [user] => match call.world.members.get(scope, *user) {
            Some(member) => Answer::created(show(call, member)),
            None => Err(Failure::no_record()),
        },
        _ => Answer::created(json!({ "status": "success" })),
    }
}

/// Nobody grants more than they have.
fn may_grant(call: &Call<'_>, scope: Scope, access_level: u8) -> Result<(), Failure> {
    if call.level(scope) >= access_level { Ok(()) } else { Err(Failure::forbidden()) }
}

/// A direct membership may not be below the inherited one.
fn above_inherited(world: &World, scope: Scope, user: u64, access_level: u8) -> Result<(), Failure> {
    let inherited = above(world, scope)
        .into_iter()
        .filter_map(|group| Some((world.members.get(Scope::Group(group), user)?.access_level, group)))
        .max_by_key(|(level, _)| *level);
    let Some((level, group)) = inherited.filter(|(level, _)| access_level < *level) else { return Ok(()) };
    let text = format!(
        "should be greater than or equal to {} inherited membership from group {}",
        role(level),
        world.groups[&group].name
    );
    Err(Failure::invalid("access_level", text))
}

/// A level's name.
pub(super) fn role(level: u8) -> &'static str {
    match level {
        5 => "Minimal Access",
        10 => "Guest",
        15 => "Planner",
        20 => "Reporter",
        30 => "Developer",
        40 => "Maintainer",
        50 => "Owner",
        60 => "Admin",
        _ => "No access",
    }
}

fn last_owner(world: &World, member: &Member) -> bool {
    let owners = |scope: Scope| world.members.of(scope).filter(|found| found.access_level == level::OWNER);
    match member.scope {
        // Owners of a group above own this one too.
        Scope::Group(_) if member.access_level == level::OWNER => {
            owners(member.scope).count() == 1
                && above(world, member.scope)
                    .into_iter()
                    .all(|group| owners(Scope::Group(group)).count() == 0)
        }
        _ => false,
    }
}

fn update(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope_for(level::OWNER, level::MAINTAINER)?;
    let user = call.part_id("user_id")?;
    let params = &call.params;
    params.require(&["access_level"]);
    let access_level = params.level("access_level", LEVELS).unwrap_or_default();
    let expires_at = params.date("expires_at");
    params.check()?;
    let mut member = call.world.members.get(scope, user).cloned().ok_or_else(Failure::no_record)?;
    may_grant(call, scope, access_level.max(member.access_level))?;
    above_inherited(call.world, scope, user, access_level)?;
    if access_level < level::OWNER && last_owner(call.world, &member) {
        return Err(Failure::forbidden());
    }
    member.access_level = access_level;
    if call.params.has("expires_at") {
        member.expires_at = expires_at;
    }
    let shown = show(call, &member);
    call.world.put_member(member);
    Answer::ok(shown)
}

fn remove(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = call.scope()?;
    call.writes()?;
    let user = call.part_id("user_id")?;
    let needed = if matches!(scope, Scope::Group(_)) { level::OWNER } else { level::MAINTAINER };
    // Everybody may leave.
    if call.level(scope) < needed && call.viewer()?.user != user {
        return Err(Failure::forbidden());
    }
    let member = call.world.members.get(scope, user).cloned().ok_or_else(Failure::no_record)?;
    if last_owner(call.world, &member) {
        return Err(Failure::forbidden());
    }
    let below = match scope {
        Scope::Group(group) if !call.params.flag("skip_subresources").unwrap_or(false) => {
            below(call.world, group)
        }
        _ => Vec::new(),
    };
    for scope in below.into_iter().chain([scope]) {
        call.world.take_off::<Member>(scope, user);
    }
    Answer::gone()
}

/// Subgroups and projects, where a removed member is removed too.
fn below(world: &World, group: u64) -> Vec<Scope> {
    let mut groups = world.descendants(group);
    groups.push(group);
    let projects = groups.iter().flat_map(|&group| world.namespace_projects(group)).map(Scope::Project);
    let subgroups = groups.iter().filter(|&&other| other != group).map(|&other| Scope::Group(other));
    projects.chain(subgroups).collect()
}

//! Groups: create, read, list, change, transfer, share. Deletion is in `deletion`.
//!
//! <https://docs.gitlab.com/api/groups/>

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    fields::{self, GROUP, GROUP_DEFAULTS, GROUP_DETAIL_DEFAULTS},
    model::{Group, Member, Scope, Share, level},
    params::Params,
    projects,
    rules::{self, TAKEN, VISIBILITIES, openness},
    world::{Named, Node, World, now},
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/groups", list),
    ("POST", "/groups", create),
    ("GET", "/groups/{id}", show_one),
    ("PUT", "/groups/{id}", update),
    ("GET", "/groups/{id}/subgroups", subgroups),
    ("GET", "/groups/{id}/descendant_groups", descendants),
    ("GET", "/groups/{id}/projects", group_projects),
    ("GET", "/groups/{id}/projects/shared", shared_projects),
    ("GET", "/groups/{id}/groups/shared", shared_groups),
    ("GET", "/groups/{id}/invited_groups", invited_groups),
    ("POST", "/groups/{id}/transfer", transfer),
    ("POST", "/groups/{id}/archive", archive),
    ("POST", "/groups/{id}/unarchive", unarchive),
    ("POST", "/groups/{id}/share", share),
    ("DELETE", "/groups/{id}/share/{group_id}", unshare),
];

/// A group as lists show it.
pub(super) fn show(world: &World, group: &Group) -> Map<String, Value> {
    let full_path = world.group_full_path(group.id);
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(group.id));
    shown.insert("web_url".to_owned(), json!(format!("{}/groups/{full_path}", world.context.url)));
    shown.insert("name".to_owned(), json!(group.name));
    shown.insert("path".to_owned(), json!(group.path));
    shown.insert("visibility".to_owned(), json!(group.visibility));
    overlay(&mut shown, &GROUP_DEFAULTS, &group.attributes);
    shown.insert("archived".to_owned(), json!(group.archived));
    shown.insert("full_name".to_owned(), json!(world.group_full_name(group.id)));
    shown.insert("full_path".to_owned(), json!(full_path));
    shown.insert("created_at".to_owned(), json!(group.created_at));
    shown.insert("parent_id".to_owned(), json!(group.parent_id));
    shown.insert("marked_for_deletion_on".to_owned(), json!(group.marked_for_deletion_on));
    shown
}

/// Defaults, then what was set of them.
pub(super) fn overlay(
    shown: &mut Map<String, Value>,
    defaults: &Map<String, Value>,
    set: &Map<String, Value>,
) {
    for (name, value) in defaults {
        shown.insert(name.clone(), set.get(name).unwrap_or(value).clone());
    }
}

/// A group as its own page shows it.
fn show_detail(call: &Call<'_>, id: u64, with_projects: bool) -> Value {
    let world = &*call.world;
    let group = &world.groups[&id];
    let mut shown = show(world, group);
    overlay(&mut shown, &GROUP_DETAIL_DEFAULTS, &group.attributes);
    for (name, value) in &group.attributes {
        shown.entry(name.as_str()).or_insert_with(|| value.clone());
    }
    let links: Vec<Value> = group.shared_with.iter().filter_map(|share| show_share(world, share)).collect();
    shown.insert("shared_with_groups".to_owned(), json!(links));
    if call.level(Scope::Group(id)) >= level::OWNER {
        shown.insert("runners_token".to_owned(), json!(group.runners_token));
    }
    if call.params.flag("with_custom_attributes").unwrap_or(false) && call.is_admin() {
        shown.insert("custom_attributes".to_owned(), custom(&group.custom));
    }
    if with_projects {
        let own = world.namespace_projects(id);
        let own = own.iter().filter(|&&project| call.sees(Scope::Project(project))).take(100);
        let own: Vec<Value> = own.map(|project| projects::show(call, &world.projects[project])).collect();
        shown.insert("projects".to_owned(), json!(own));
        let shared = shared_project_ids(world, id);
        let shared = shared.iter().filter(|&&project| call.sees(Scope::Project(project))).take(100);
        let shared: Vec<Value> =
            shared.map(|project| projects::show(call, &world.projects[project])).collect();
        shown.insert("shared_projects".to_owned(), json!(shared));
    }
    Value::Object(shown)
}

pub(super) fn show_share(world: &World, share: &Share) -> Option<Value> {
    let group = world.groups.get(&share.group_id)?;
    Some(json!({
        "group_id": group.id,
        "group_name": group.name,
        "group_full_path": world.group_full_path(group.id),
        "group_access_level": share.access_level,
        "expires_at": share.expires_at,
        "member_role_id": null
    }))
}

pub(super) fn custom(attributes: &BTreeMap<String, String>) -> Value {
    attributes.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

// ---- lists ----

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let top_only = call.params.flag("top_level_only").unwrap_or(false);
    let ids = if top_only { call.world.children(None) } else { call.world.groups.keys().copied().collect() };
    page(call, ids)
}

fn subgroups(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let group = call.group()?;
    let ids = call.world.children(Some(group));
    page(call, ids)
}

fn descendants(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let group = call.group()?;
    let ids = call.world.descendants(group);
    page(call, ids)
}

fn shared_groups(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let group = call.group()?;
    let scopes = call.world.shared_with(group).into_iter();
    let ids = scopes.filter_map(|scope| if let Scope::Group(id) = scope { Some(id) } else { None }).collect();
    page(call, ids)
}

fn invited_groups(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let group = call.group()?;
    let ids = call.world.groups[&group].shared_with.iter().map(|share| share.group_id).collect();
    page(call, ids)
}

/// Filters, sorts and shows groups.
fn page(call: &mut Call<'_>, ids: Vec<u64>) -> Result<Answer, Failure> {
    let params = &call.params;
    let search = params.text("search").map(|text| text.to_lowercase()).filter(|text| !text.is_empty());
    let visibility = params.choice("visibility", VISIBILITIES);
    let owned = params.flag("owned").unwrap_or(false);
    let every = params.flag("all_available").unwrap_or(call.is_admin() || call.viewer.is_none());
    let least = params.number("min_access_level").and_then(|number| u8::try_from(number).ok());
    let archived = params.flag("archived");
    let active = params.flag("active");
    let marked = params.text("marked_for_deletion_on");
    let skipped: Vec<u64> =
        params.texts("skip_groups").unwrap_or_default().iter().filter_map(|id| id.parse().ok()).collect();
    let order =
        params.choice("order_by", &["name", "path", "id", "similarity"]).unwrap_or_else(|| "name".to_owned());
    let descending = params.choice("sort", &["asc", "desc"]).is_some_and(|sort| sort == "desc");
    let with_custom = params.flag("with_custom_attributes").unwrap_or(false) && call.is_admin();
    params.check()?;
    let wanted_custom = custom_filter(call);
    let world = &*call.world;
    let keep = |group: &&Group| {
        let scope = Scope::Group(group.id);
        let found = |text: &String| {
            group.name.to_lowercase().contains(text)
                || group.path.to_lowercase().contains(text)
                || (text.contains('/') && world.group_full_path(group.id).to_lowercase().contains(text))
        };
        let listed = every && call.sees(scope) || call.is_admin() || call.level(scope) >= level::GUEST;
        listed
            && search.as_ref().is_none_or(found)
            && visibility.as_ref().is_none_or(|wanted| group.visibility == *wanted)
            && (!owned || direct_level(call, scope) >= level::OWNER)
            && least.is_none_or(|least| direct_level(call, scope) >= least)
            && archived.is_none_or(|wanted| group.archived == wanted)
            && active
                .is_none_or(|wanted| (!group.archived && group.marked_for_deletion_on.is_none()) == wanted)
            && marked.as_ref().is_none_or(|day| group.marked_for_deletion_on.as_ref() == Some(day))
            && !skipped.contains(&group.id)
            && wanted_custom.iter().all(|(key, value)| group.custom.get(key) == Some(value))
    };
    let mut groups: Vec<&Group> = ids.iter().filter_map(|id| world.groups.get(id)).filter(keep).collect();
    groups.sort_by_cached_key(|group| match order.as_str() {
        "id" => (String::new(), group.id),
        "path" => (group.path.to_lowercase(), group.id),
        _ => (group.name.to_lowercase(), group.id),
    });
    if descending {
        groups.reverse();
    }
    call.page(&groups, |group| {
        let mut shown = show(world, group);
        if with_custom {
            shown.insert("custom_attributes".to_owned(), custom(&group.custom));
        }
        Value::Object(shown)
    })
}

/// `custom_attributes[key]=value` in the query; only administrators may.
pub(super) fn custom_filter(call: &Call<'_>) -> Vec<(String, String)> {
    let wanted = call.params.raw("custom_attributes").and_then(Value::as_object);
    let wanted = wanted.filter(|_| call.is_admin()).into_iter().flatten();
    wanted.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// The level without the rights of an administrator.
fn direct_level(call: &Call<'_>, scope: Scope) -> u8 {
    call.viewer.as_ref().map_or(level::NONE, |viewer| call.world.level_in(viewer.user, scope))
}

fn shared_project_ids(world: &World, group: u64) -> Vec<u64> {
    let scopes = world.shared_with(group).into_iter();
    scopes.filter_map(|scope| if let Scope::Project(id) = scope { Some(id) } else { None }).collect()
}

fn group_projects(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let group = call.group()?;
    let deep = call.params.flag("include_subgroups").unwrap_or(false);
    let with_shared = call.params.flag("with_shared").unwrap_or(true);
    let up = call.params.flag("include_ancestor_groups").unwrap_or(false);
    let mut groups = vec![group];
    if deep {
        groups.extend(call.world.descendants(group));
    }
    if up {
        groups.extend(call.world.ancestry(call.world.groups[&group].parent_id));
    }
    let mut ids: Vec<u64> = groups.iter().flat_map(|&id| call.world.namespace_projects(id)).collect();
    if with_shared {
        ids.extend(shared_project_ids(call.world, group));
    }
    ids.sort_unstable();
    ids.dedup();
    projects::page(call, ids)
}

fn shared_projects(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let group = call.group()?;
    let ids = shared_project_ids(call.world, group);
    projects::page(call, ids)
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let group = call.group()?;
    let with_projects = call.params.flag("with_projects").unwrap_or(true);
    call.params.check()?;
    Answer::ok(show_detail(call, group, with_projects))
}

// ---- changes ----

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.writes()?;
    let params = &call.params;
    let (name, path) = (params.required("name"), params.required("path"));
    let parent = params.number("parent_id");
    let visibility = params.choice("visibility", VISIBILITIES);
    let attributes = attributes(params);
    params.check()?;
    let viewer = call.viewer()?.clone();
    if let Some(parent) = parent {
        let scope = Scope::Group(call.group_named(&parent.to_string())?);
        let level_needed = match call.world.groups[&parent].attributes.get("subgroup_creation_level") {
            Some(Value::String(text)) if text == "owner" => level::OWNER,
            _ => level::MAINTAINER,
        };
        call.needs(scope, level_needed)?;
    } else if !viewer.admin && !may_create_groups(call.world, viewer.user) {
        return Err(Failure::forbidden());
    }
    let inherited = parent.map_or("private", |id| call.world.groups[&id].visibility.as_str()).to_owned();
    let visibility = visibility.unwrap_or(if parent.is_some() { inherited } else { "private".to_owned() });
    let wrong = wrong(call.world, None, parent, &name, &path, &visibility);
    if let Some((field, text)) = wrong.first() {
        // Ruby's way to print a hash; so it really looks.
        let text = format!("Failed to save group {{:{field}=>[{text:?}]}}");
        return Err(Failure::bad(text));
    }
    let new = NewGroup { name, path, parent_id: parent, visibility, attributes };
    let id = insert(call.world, viewer.user, new);
    Answer::created(show_detail(call, id, false))
}

/// What a new group is given.
pub(super) struct NewGroup {
    pub name: String,
    pub path: String,
    pub parent_id: Option<u64>,
    pub visibility: String,
    pub attributes: Map<String, Value>,
}

/// Makes a group; whoever makes it owns it.
pub(super) fn insert(world: &mut World, creator: u64, new: NewGroup) -> u64 {
    let id = world.next_id("namespace");
    let runners_token = format!("GR1348941{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
    world.put_group(Group {
        id,
        name: new.name,
        path: new.path,
        parent_id: new.parent_id,
        visibility: new.visibility,
        created_at: now(),
        attributes: new.attributes,
        archived: false,
        marked_for_deletion_on: None,
        deleting: false,
        shared_with: Vec::new(),
        custom: BTreeMap::new(),
        runners_token,
    });
    world.put_member(Member {
        id: creator,
        scope: Scope::Group(id),
        access_level: level::OWNER,
        expires_at: None,
        created_at: now(),
        created_by: creator,
    });
    id
}

fn may_create_groups(world: &World, user: u64) -> bool {
    let user = world.users.get(&user);
    user.is_some_and(|user| user.attributes.get("can_create_group").and_then(Value::as_bool).unwrap_or(true))
}

fn attributes(params: &Params) -> Map<String, Value> {
    let mut attributes = fields::take(params, GROUP);
    fields::pair_emails(&mut attributes);
    if let Some(protection) = attributes.get("default_branch_protection").and_then(Value::as_u64) {
        if protection > 4 {
            params.wrong("default_branch_protection does not have a valid value");
        }
        let entries = fields::branch_protection(protection);
        attributes.entry("default_branch_protection_defaults").or_insert(entries);
    }
    attributes
}

/// What is wrong with a group of this name, path and visibility in this place; field and text.
fn wrong(
    world: &World,
    id: Option<u64>,
    parent: Option<u64>,
    name: &str,
    path: &str,
    visibility: &str,
) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if let Some(text) = rules::name(name, false) {
        wrong.push(("name", text.to_owned()));
    }
    if let Some(text) = rules::group_path(path, parent.is_none()) {
        wrong.push(("path", text.to_owned()));
    }
    match world.find_in(parent, path) {
        Some(Node::Group(other)) if Some(other) == id => {}
        Some(Node::Group(other)) if world.groups[&other].deleting => {
            wrong.push(("base", "The group is still being deleted. Please try again later.".to_owned()));
        }
        Some(_) => wrong.push(("path", TAKEN.to_owned())),
        None => {}
    }
    // Names are unique among siblings; at the top they may repeat.
    let named = parent.and_then(|parent| world.find_name(parent, Named::Group, name));
    if wrong.is_empty() && named.is_some_and(|other| Some(other) != id) {
        wrong.push(("name", TAKEN.to_owned()));
    }
    if let Some(above) = parent.and_then(|parent| world.groups.get(&parent)) {
        if openness(visibility) > openness(&above.visibility) {
            let text = format!(
                "{visibility} is not allowed since the parent group has a {} visibility.",
                above.visibility
            );
            wrong.push(("visibility_level", text));
        }
        if above.marked_for_deletion_on.is_some() {
            wrong.push(("parent_id", "The parent group is marked for deletion.".to_owned()));
        }
    }
    wrong
}

/// `{"message": {"path": ["…"]}}` for all that is wrong.
fn validation(wrong: Vec<(&'static str, String)>) -> Result<(), Failure> {
    if wrong.is_empty() {
        return Ok(());
    }
    let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (field, text) in wrong {
        fields.entry(field).or_default().push(text);
    }
    Err(Failure::message(StatusCode::BAD_REQUEST, json!(fields)))
}

fn update(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.group()?;
    call.needs(Scope::Group(id), level::OWNER)?;
    let params = &call.params;
    let (name, path) = (params.text("name"), params.text("path"));
    let visibility = params.choice("visibility", VISIBILITIES);
    let attributes = attributes(params);
    params.check()?;
    let mut group = call.world.groups[&id].clone();
    group.name = name.unwrap_or(group.name);
    group.path = path.unwrap_or(group.path);
    if let Some(visibility) = visibility {
        check_narrower(call.world, id, &visibility)?;
        group.visibility = visibility;
    }
    validation(wrong(call.world, Some(id), group.parent_id, &group.name, &group.path, &group.visibility))?;
    group.attributes.extend(attributes);
    call.world.put_group(group);
    Answer::ok(show_detail(call, id, false))
}

/// What is in a group may not be more open than the group.
fn check_narrower(world: &World, id: u64, visibility: &str) -> Result<(), Failure> {
    let wider = |other: &str| openness(other) > openness(visibility);
    if world.namespace_projects(id).iter().any(|project| wider(&world.projects[project].visibility)) {
        let text =
            format!("{visibility} is not allowed since this group contains projects with higher visibility.");
        return Err(Failure::invalid("visibility_level", text));
    }
    if world.children(Some(id)).iter().any(|child| wider(&world.groups[child].visibility)) {
        let text = format!("{visibility} is not allowed since there are sub-groups with higher visibility.");
        return Err(Failure::invalid("visibility_level", text));
    }
    Ok(())
}

fn transfer(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.group()?;
    call.needs(Scope::Group(id), level::OWNER)?;
    let parent = call.params.number("group_id");
    call.params.check()?;
    let mut group = call.world.groups[&id].clone();
    let refuse = |text: &str| Err(Failure::bad(format!("Transfer failed: {text}")));
    match parent {
        Some(parent) => {
            let parent = call.group_named(&parent.to_string())?;
            call.needs(Scope::Group(parent), level::OWNER)?;
            if group.parent_id == Some(parent) {
                return refuse("Group is already associated to the parent group.");
            }
            if call.world.ancestry(Some(parent)).contains(&id) {
                return refuse("Cannot transfer group to one of its subgroup.");
            }
            if openness(&group.visibility) > openness(&call.world.groups[&parent].visibility) {
                return refuse("Cannot update namespace to a lower visibility.");
            }
        }
        None if group.parent_id.is_none() => return refuse("Group is already a root group."),
        None if !call.is_admin() && !may_create_groups(call.world, call.viewer()?.user) => {
            return refuse("You don't have enough permissions.");
        }
        None => {}
    }
    if call.world.find_in(parent, &group.path).is_some() {
        return refuse("The parent group already has a subgroup or a project with the same path.");
    }
    group.parent_id = parent;
    call.world.put_group(group);
    Answer::created(show_detail(call, id, false))
}

fn archive(call: &mut Call<'_>) -> Result<Answer, Failure> {
    set_archived(call, true)
}

fn unarchive(call: &mut Call<'_>) -> Result<Answer, Failure> {
    set_archived(call, false)
}

fn set_archived(call: &mut Call<'_>, archived: bool) -> Result<Answer, Failure> {
    let id = call.group()?;
    call.needs(Scope::Group(id), level::OWNER)?;
    let mut group = call.world.groups[&id].clone();
    if group.archived == archived {
        let text = if archived { "Group is already archived!" } else { "Group is already unarchived!" };
        return Err(Failure::message(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    group.archived = archived;
    call.world.put_group(group);
    Answer::created(show_detail(call, id, false))
}

fn share(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.group()?;
    call.needs(Scope::Group(id), level::OWNER)?;
    let link = share_params(call)?;
    let mut group = call.world.groups[&id].clone();
    if group.shared_with.iter().any(|share| share.group_id == link.group_id) {
        return Err(Failure::conflict(format!("shared_with_group_id {TAKEN}")));
    }
    group.shared_with.push(link);
    call.world.put_group(group);
    Answer::created(show_detail(call, id, false))
}

/// The group to share with, which must be visible.
pub(super) fn share_params(call: &Call<'_>) -> Result<Share, Failure> {
    let params = &call.params;
    params.require(&["group_id", "group_access"]);
    let other = params.number("group_id").unwrap_or_default();
    let levels = [level::GUEST, 15, level::REPORTER, level::DEVELOPER, level::MAINTAINER, level::OWNER];
    let access_level = params.level("group_access", &levels).unwrap_or_default();
    let expires_at = params.date("expires_at");
    params.check()?;
    let group_id = call.group_named(&other.to_string())?;
    Ok(Share { group_id, access_level, expires_at })
}

fn unshare(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.group()?;
    call.needs(Scope::Group(id), level::OWNER)?;
    let other = call.part_id("group_id")?;
    let mut group = call.world.groups[&id].clone();
    let before = group.shared_with.len();
    group.shared_with.retain(|share| share.group_id != other);
    if group.shared_with.len() == before {
        return Err(Failure::no_record());
    }
    call.world.put_group(group);
    Answer::gone()
}

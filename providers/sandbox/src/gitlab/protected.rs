//! Protected branches and tags.
//!
//! <https://docs.gitlab.com/api/protected_branches/>

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    members::role,
    model::{Access, ProtectedBranch, ProtectedTag, Scope, level},
    world::World,
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/projects/{id}/protected_branches", list),
    ("POST", "/projects/{id}/protected_branches", create),
    ("GET", "/projects/{id}/protected_branches/{name}", show_one),
    ("PATCH", "/projects/{id}/protected_branches/{name}", update),
    ("DELETE", "/projects/{id}/protected_branches/{name}", remove),
    ("GET", "/projects/{id}/protected_tags", list_tags),
    ("POST", "/projects/{id}/protected_tags", create_tag),
    ("GET", "/projects/{id}/protected_tags/{name}", show_tag),
    ("DELETE", "/projects/{id}/protected_tags/{name}", remove_tag),
];

const LEVELS: &[u8] = &[level::NONE, level::DEVELOPER, level::MAINTAINER, level::ADMIN];

/// The words for who may do it.
pub(super) fn description(world: &World, access: &Access) -> String {
    match (access.access_level, access.user_id, access.group_id) {
        (Some(level::NONE), ..) => "No one".to_owned(),
        (Some(level::ADMIN), ..) => "Administrators".to_owned(),
        (Some(level::DEVELOPER), ..) => "Developers + Maintainers".to_owned(),
        (Some(level::MAINTAINER), ..) => "Maintainers".to_owned(),
        (_, Some(user), _) => world.users.get(&user).map(|user| user.name.clone()).unwrap_or_default(),
        (_, _, Some(group)) => world.groups.get(&group).map(|group| group.name.clone()).unwrap_or_default(),
        (Some(level), ..) => role(level).to_owned(),
        _ => "Deploy key".to_owned(),
    }
}

fn show_access(world: &World, access: &Access) -> Value {
    // A rule for a user, group or key shows the level 40 beside it.
    json!({
        "id": access.id,
        "access_level": access.access_level.unwrap_or(level::MAINTAINER),
        "access_level_description": description(world, access),
        "deploy_key_id": access.deploy_key_id,
        "user_id": access.user_id,
        "group_id": access.group_id,
    })
}

fn show(world: &World, branch: &ProtectedBranch) -> Value {
    let levels =
        |entries: &[Access]| entries.iter().map(|entry| show_access(world, entry)).collect::<Vec<_>>();
    json!({
        "id": branch.id,
        "name": branch.name,
        "push_access_levels": levels(&branch.push),
        "merge_access_levels": levels(&branch.merge),
        "allow_force_push": branch.allow_force_push,
        "unprotect_access_levels": levels(&branch.unprotect),
        "code_owner_approval_required": branch.code_owner_approval_required,
        "inherited": false,
    })
}

fn scope(call: &Call<'_>) -> Result<Scope, Failure> {
    let scope = Scope::Project(call.project()?);
    call.needs_to_read(scope, level::DEVELOPER)?;
    Ok(scope)
}

fn scope_to_write(call: &Call<'_>) -> Result<Scope, Failure> {
    let scope = Scope::Project(call.project()?);
    call.needs(scope, level::MAINTAINER)?;
    Ok(scope)
}

fn find(call: &Call<'_>, scope: Scope) -> Result<ProtectedBranch, Failure> {
    let name = call.part("name");
    let found = call.world.protected_branches.of(scope).find(|branch| branch.name == name);
    found.cloned().ok_or_else(Failure::no_record)
}

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    let search = call.params.text("search").unwrap_or_default();
    let mut branches: Vec<&ProtectedBranch> =
        call.world.protected_branches.of(scope).filter(|branch| branch.name.contains(&search)).collect();
    branches.sort_by(|one, other| one.name.cmp(&other.name));
    call.page(&branches, |branch| show(call.world, branch))
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    Answer::ok(show(call.world, &find(call, scope)?))
}

/// What one entry of `allowed_to_push` and the like asks for.
enum Entry {
    Add(Access),
    Remove(u64),
    Change(u64, Access),
}

/// Reads the entries of `allowed_to_push` and the like; those that name nobody are an error.
fn entries(call: &Call<'_>, name: &str) -> Result<Vec<Entry>, Failure> {
    let objects = call.params.objects(name).unwrap_or_default();
    objects.iter().map(|object| entry(call, name, object)).collect()
}

fn entry(call: &Call<'_>, name: &str, object: &Map<String, Value>) -> Result<Entry, Failure> {
    let number = |key: &str| match object.get(key) {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let access_level = number("access_level").and_then(|number| u8::try_from(number).ok());
    if access_level.is_some_and(|level| !LEVELS.contains(&level)) {
        return Err(Failure::parameters(format!("{name}[0][access_level] does not have a valid value")));
    }
    let (user_id, group_id, deploy_key_id) = (number("user_id"), number("group_id"), number("deploy_key_id"));
    let id = number("id");
    let destroy = object
        .get("_destroy")
        .is_some_and(|flag| *flag == json!(true) || *flag == json!("true") || *flag == json!(1));
    if let (Some(id), true) = (id, destroy) {
        return Ok(Entry::Remove(id));
    }
    let unknown_user = user_id.is_some_and(|user| !call.world.users.contains_key(&user));
    let unknown_group = group_id.is_some_and(|group| !call.world.groups.contains_key(&group));
    let field = match name {
        "allowed_to_push" => "push_access_levels.",
        "allowed_to_merge" => "merge_access_levels.",
        _ => "unprotect_access_levels.",
    };
    if unknown_user {
        return Err(Failure::unprocessable(&format!("{field}user"), "is not a member of the project"));
    }
    if unknown_group {
        return Err(Failure::unprocessable(&format!("{field}group"), "does not have access to the project"));
    }
    if access_level.is_none()
        && user_id.is_none()
        && group_id.is_none()
        && deploy_key_id.is_none()
        && id.is_none()
    {
        return Err(Failure::parameters(format!("{name}[0] is invalid")));
    }
    let access = Access { id: 0, access_level, user_id, group_id, deploy_key_id };
    Ok(match id {
        Some(id) => Entry::Change(id, access),
        None => Entry::Add(access),
    })
}

fn apply(world: &mut World, accesses: &mut Vec<Access>, entries: Vec<Entry>) {
    for entry in entries {
        match entry {
            Entry::Remove(id) => accesses.retain(|access| access.id != id),
            Entry::Change(id, access) => {
                if let Some(found) = accesses.iter_mut().find(|found| found.id == id) {
                    *found = Access { id, ..access };
                }
            }
            Entry::Add(access) => {
                let same = |found: &Access| Access { id: 0, ..found.clone() } == access;
                if !accesses.iter().any(same) {
                    let id = world.next_id("access");
                    accesses.push(Access { id, ..access });
                }
            }
        }
    }
}

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope_to_write(call)?;
    let params = &call.params;
    let name = params.required("name");
    let push = params.level("push_access_level", LEVELS);
    let merge = params.level("merge_access_level", LEVELS);
    let unprotect = params.level("unprotect_access_level", &LEVELS[1..]);
    let allow_force_push = params.flag("allow_force_push").unwrap_or(false);
    let code_owner_approval_required = params.flag("code_owner_approval_required").unwrap_or(false);
    params.check()?;
    let (push_entries, merge_entries) =
        (entries(call, "allowed_to_push")?, entries(call, "allowed_to_merge")?);
    let unprotect_entries = entries(call, "allowed_to_unprotect")?;
    params.check()?;
    if name.is_empty() {
        return Err(Failure::unprocessable("name", "can't be blank"));
    }
    if call.world.protected_branches.of(scope).any(|branch| branch.name == name) {
        return Err(Failure::conflict(format!("Protected branch '{name}' already exists")));
    }
    let world = &mut *call.world;
    let one = |access_level| {
        Entry::Add(Access {
            id: 0,
            access_level: Some(access_level),
            user_id: None,
            group_id: None,
            deploy_key_id: None,
        })
    };
    // Maintainers, unless something else was asked for.
    let mut with = |level: Option<u8>, entries: Vec<Entry>, usual: Option<u8>| {
        let level = level.or(if entries.is_empty() { usual } else { None });
        let mut accesses = Vec::new();
        apply(world, &mut accesses, level.map(one).into_iter().chain(entries).collect());
        accesses
    };
    let push = with(push, push_entries, Some(level::MAINTAINER));
    let merge = with(merge, merge_entries, Some(level::MAINTAINER));
    let unprotect = with(unprotect, unprotect_entries, None);
    let id = world.next_id("protected_branch");
    let branch = ProtectedBranch {
        id,
        scope,
        name,
        push,
        merge,
        unprotect,
        allow_force_push,
        code_owner_approval_required,
    };
    let shown = show(world, &branch);
    world.shelve(branch);
    Answer::created(shown)
}

fn update(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope_to_write(call)?;
    let mut branch = find(call, scope)?;
    let params = &call.params;
    branch.allow_force_push = params.flag("allow_force_push").unwrap_or(branch.allow_force_push);
    branch.code_owner_approval_required =
        params.flag("code_owner_approval_required").unwrap_or(branch.code_owner_approval_required);
    let (push, merge) = (entries(call, "allowed_to_push")?, entries(call, "allowed_to_merge")?);
    let unprotect = entries(call, "allowed_to_unprotect")?;
    params.check()?;
    let world = &mut *call.world;
    apply(world, &mut branch.push, push);
    apply(world, &mut branch.merge, merge);
    apply(world, &mut branch.unprotect, unprotect);
    let shown = show(world, &branch);
    world.shelve(branch);
    Answer::ok(shown)
}

fn remove(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope_to_write(call)?;
    let branch = find(call, scope)?;
    call.world.take_off::<ProtectedBranch>(scope, branch.id);
    Answer::gone()
}

// ---- tags ----

fn show_protected_tag(world: &World, tag: &ProtectedTag) -> Value {
    let levels: Vec<Value> = tag.create.iter().map(|entry| show_access(world, entry)).collect();
    json!({ "name": tag.name, "create_access_levels": levels })
}

fn find_tag(call: &Call<'_>, scope: Scope) -> Result<ProtectedTag, Failure> {
    let name = call.part("name");
    call.world.protected_tags.of(scope).find(|tag| tag.name == name).cloned().ok_or_else(Failure::no_record)
}

fn list_tags(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    let tags: Vec<&ProtectedTag> = call.world.protected_tags.of(scope).collect();
    call.page(&tags, |tag| show_protected_tag(call.world, tag))
}

fn show_tag(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope(call)?;
    Answer::ok(show_protected_tag(call.world, &find_tag(call, scope)?))
}

fn create_tag(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope_to_write(call)?;
    let name = call.params.required("name");
    let create = call.params.level("create_access_level", LEVELS);
    let listed = entries(call, "allowed_to_create")?;
    call.params.check()?;
    if call.world.protected_tags.of(scope).any(|tag| tag.name == name) {
        return Err(Failure::unprocessable("name", super::rules::TAKEN));
    }
    let world = &mut *call.world;
    let level = create.or(if listed.is_empty() { Some(level::MAINTAINER) } else { None });
    let one = level.map(|access_level| {
        Entry::Add(Access {
            id: 0,
            access_level: Some(access_level),
            user_id: None,
            group_id: None,
            deploy_key_id: None,
        })
    });
    let mut create = Vec::new();
    apply(world, &mut create, one.into_iter().chain(listed).collect());
    let tag = ProtectedTag { id: world.next_id("protected_tag"), scope, name, create };
    let shown = show_protected_tag(world, &tag);
    world.shelve(tag);
    Answer::created(shown)
}

fn remove_tag(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let scope = scope_to_write(call)?;
    let tag = find_tag(call, scope)?;
    call.world.take_off::<ProtectedTag>(scope, tag.id);
    Answer::gone()
}

//! Changes to projects: create, update, transfer, archive, share. How they look is in `projects`.
//!
//! <https://docs.gitlab.com/api/projects/>

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    fields::{self, PROJECT, PROJECT_DEFAULTS, PROJECT_SWITCHES},
    groups,
    model::{Event, Project, Scope, level},
    params::Params,
    projects::{IMPORT_SECRET, branch, show_with_access},
    repository,
    rules::{self, TAKEN, VISIBILITIES, openness},
    users,
    world::{Named, Node, World, now},
};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/projects", create),
    ("POST", "/projects/user/{user_id}", create_for_user),
    ("PUT", "/projects/{id}", update),
    ("PUT", "/projects/{id}/transfer", transfer),
    ("POST", "/groups/{id}/projects/{project_id}", transfer_into_group),
    ("POST", "/projects/{id}/archive", archive),
    ("POST", "/projects/{id}/unarchive", unarchive),
    ("POST", "/projects/{id}/share", share),
    ("DELETE", "/projects/{id}/share/{group_id}", unshare),
];

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let user = call.viewer()?.user;
    create_in(call, user)
}

fn create_for_user(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.admin()?;
    let user = users::find(call, call.part("user_id"))?;
    create_in(call, user)
}

fn create_in(call: &mut Call<'_>, owner: u64) -> Result<Answer, Failure> {
    call.writes()?;
    let params = &call.params;
    let (name, path) = (params.text("name"), params.text("path"));
    if name.is_none() && path.is_none() {
        params.wrong("name, path are missing, at least one parameter must be provided");
    }
    let namespace = params.number("namespace_id").unwrap_or(call.world.users[&owner].namespace_id);
    let visibility = params.choice("visibility", VISIBILITIES);
    let topics = params.texts("topics").or_else(|| params.texts("tag_list")).unwrap_or_default();
    let readme = params.flag("initialize_with_readme").unwrap_or(false);
    let first_branch = params.text("default_branch").filter(|branch| !branch.is_empty());
    let import_url = params.text("import_url").filter(|url| !url.is_empty());
    let mut attributes = attributes(params);
    params.check()?;
    may_create_in(call, namespace)?;
    let path = path.or_else(|| name.as_deref().map(rules::slug)).unwrap_or_default();
    let name = name.unwrap_or_else(|| path.clone());
    let visibility = visibility.unwrap_or_else(|| "private".to_owned());
    validation(wrong(call.world, None, namespace, &name, &path, &visibility))?;
    let import_url = import_url.map(|url| {
        let (url, secret) = rules::split_credentials(&url);
        if secret {
            attributes.insert(IMPORT_SECRET.to_owned(), json!(true));
        }
        url
    });
    let creator = call.viewer()?.user;
    let world = &mut *call.world;
    let id = world.next_id("project");
    let import_status = if import_url.is_some() { "scheduled" } else { "none" }.to_owned();
    let imported = import_url.is_some();
    let project = Project {
        id,
        name,
        path,
        namespace_id: namespace,
        creator_id: creator,
        visibility,
        created_at: now(),
        updated_at: now(),
        last_activity_at: now(),
        attributes,
        default_branch: None,
        topics,
        archived: false,
        marked_for_deletion_on: None,
        deleting: false,
        shared_with: Vec::new(),
        import_url,
        import_status,
        pull_mirror: None,
        forked_from: None,
        custom: BTreeMap::new(),
        runners_token: format!("GR1348941{}", &uuid::Uuid::new_v4().simple().to_string()[..20]),
    };
    let text = format!("# {}\n", project.name);
    world.put_project(project);
    if imported {
        world.later(world.settings.protection_delay, Event::FinishImport(id));
    } else if readme {
        let usual = world.ancestry(Some(namespace)).into_iter().find_map(|group| {
            let branch = world.groups[&group].attributes.get("default_branch")?.as_str()?;
            (!branch.is_empty()).then(|| branch.to_owned())
        });
        let branch = first_branch.or(usual).unwrap_or_else(|| "main".to_owned());
        repository::first_commit(world, id, creator, &branch, "README.md", text, "Initial commit");
    }
    Answer::created(show_with_access(call, &call.world.projects[&id]))
}

/// May who asks create a project in this namespace?
fn may_create_in(call: &Call<'_>, namespace: u64) -> Result<(), Failure> {
    if call.world.groups.contains_key(&namespace) {
        let visible = call.sees(Scope::Group(namespace));
        let needed = match call.world.groups[&namespace].attributes.get("project_creation_level") {
            Some(Value::String(text)) => match text.as_str() {
                "noone" => level::ADMIN,
                "owner" => level::OWNER,
                "maintainer" => level::MAINTAINER,
                "administrator" => level::ADMIN,
                _ => level::DEVELOPER,
            },
            _ => level::DEVELOPER,
        };
        let allowed =
            call.is_admin() && needed != level::ADMIN || call.level(Scope::Group(namespace)) >= needed;
        let allowed = allowed
            || call.is_admin()
                && call.world.groups[&namespace].attributes.get("project_creation_level")
                    == Some(&json!("administrator"));
        if visible && allowed {
            return Ok(());
        }
    } else if let Some(user) = call.world.namespace_user(namespace)
        && (call.is_admin() || user.id == call.viewer()?.user)
    {
        return Ok(());
    }
    Err(Failure::message(StatusCode::BAD_REQUEST, json!({ "namespace": ["is not valid"] })))
}

fn attributes(params: &Params) -> Map<String, Value> {
    let mut attributes = fields::take(params, PROJECT);
    fields::pair_emails(&mut attributes);
    for &(switch, access) in PROJECT_SWITCHES {
        if let Some(on) = params.flag(switch) {
            let level = if on { "enabled" } else { "disabled" };
            attributes.entry(access).or_insert(json!(level));
        }
    }
    if let Some(on) = params.flag("public_builds") {
        attributes.entry("public_jobs").or_insert(json!(on));
    }
    if let Some(Value::Object(policy)) = params.raw("container_expiration_policy_attributes") {
        let mut whole = PROJECT_DEFAULTS["container_expiration_policy"].clone();
        if let Some(whole) = whole.as_object_mut() {
            whole.extend(policy.clone());
        }
        attributes.insert("container_expiration_policy".to_owned(), whole);
    }
    attributes
}

/// What is wrong with a project of this name, path and visibility in this namespace; field and texts.
fn wrong(
    world: &World,
    id: Option<u64>,
    namespace: u64,
    name: &str,
    path: &str,
    visibility: &str,
) -> Map<String, Value> {
    let mut wrong = Map::new();
    let mut add = |field: &str, text: &str| {
        if let Some(texts) = wrong.entry(field).or_insert_with(|| json!([])).as_array_mut() {
            texts.push(json!(text));
        }
    };
    if let Some(text) = rules::name(name, true) {
        add("name", text);
    }
    if let Some(text) = rules::project_path(path) {
        add("path", text);
    }
    let there = world.find_in(Some(namespace), path);
    if let Some(Node::Project(other)) = there
        && world.projects[&other].deleting
    {
        add("base", "The project is still being deleted. Please try again later.");
        wrong.insert("limit_reached".to_owned(), json!([]));
        return wrong;
    }
    let named = world.find_name(namespace, Named::Project, name);
    let name_taken = named.is_some_and(|other| Some(other) != id);
    let path_taken = there.is_some_and(|node| !matches!(node, Node::Project(other) if Some(other) == id));
    if name_taken {
        add("project_namespace.name", TAKEN);
        add("name", TAKEN);
    }
    if path_taken {
        add("path", TAKEN);
    }
    if let Some(group) = world.groups.get(&namespace)
        && openness(visibility) > openness(&group.visibility)
    {
        add("visibility_level", &format!("{visibility} is not allowed in a {} group.", group.visibility));
    }
    wrong
}

fn validation(wrong: Map<String, Value>) -> Result<(), Failure> {
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Failure::message(StatusCode::BAD_REQUEST, Value::Object(wrong)))
    }
}

fn update(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    call.needs(Scope::Project(id), level::MAINTAINER)?;
    let params = &call.params;
    let (name, path) = (params.text("name"), params.text("path"));
    let visibility = params.choice("visibility", VISIBILITIES);
    let topics = params.texts("topics").or_else(|| params.texts("tag_list"));
    let default_branch = params.text("default_branch").filter(|branch| !branch.is_empty());
    let import_url = params.text("import_url");
    let attributes = attributes(params);
    params.check()?;
    let mut project = call.world.projects[&id].clone();
    if path.is_some() || visibility.is_some() {
        // Renaming a path and opening a project are the owner's.
        let changed = path.as_ref().is_some_and(|path| *path != project.path)
            || visibility.as_ref().is_some_and(|visibility| *visibility != project.visibility);
        if changed {
            call.needs(Scope::Project(id), level::OWNER)?;
        }
    }
    project.name = name.unwrap_or(project.name);
    project.path = path.unwrap_or(project.path);
    project.visibility = visibility.unwrap_or(project.visibility);
    project.topics = topics.unwrap_or(project.topics);
    validation(wrong(
        call.world,
        Some(id),
        project.namespace_id,
        &project.name,
        &project.path,
        &project.visibility,
    ))?;
    if let Some(wanted) = default_branch.filter(|wanted| *wanted != branch(&project)) {
        let repository = call.world.repositories.get(&id);
        if !repository.is_some_and(|repository| repository.refs.branches.contains_key(&wanted)) {
            let text = format!("Could not change HEAD: branch '{wanted}' does not exist");
            return Err(Failure::invalid("base", text));
        }
        project.default_branch = Some(wanted);
    }
    project.attributes.extend(attributes);
    if let Some(url) = import_url {
        let (url, secret) = rules::split_credentials(&url);
        project.import_url = Some(url).filter(|url| !url.is_empty());
        if secret {
            project.attributes.insert(IMPORT_SECRET.to_owned(), json!(true));
        } else {
            project.attributes.remove(IMPORT_SECRET);
        }
    }
    project.updated_at = now();
    call.world.put_project(project);
    Answer::ok(show_with_access(call, &call.world.projects[&id]))
}

fn transfer(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    let target = call.params.required("namespace");
    call.params.check()?;
    move_project(call, id, &target)?;
    Answer::ok(show_with_access(call, &call.world.projects[&id]))
}

fn transfer_into_group(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.admin()?;
    let group = call.group()?;
    let id = call.project_named(call.part("project_id"))?;
    move_project(call, id, &group.to_string())?;
    let shown = groups::show(call.world, &call.world.groups[&group]);
    Answer::created(Value::Object(shown))
}

fn move_project(call: &mut Call<'_>, id: u64, target: &str) -> Result<(), Failure> {
    call.needs(Scope::Project(id), level::OWNER)?;
    let namespace = match target.parse::<u64>() {
        Ok(number) => Some(number),
        Err(_) => match call.world.find_path(target) {
            Some(Node::Group(group)) => Some(group),
            Some(Node::User(user)) => Some(call.world.users[&user].namespace_id),
            _ => None,
        },
    };
    let known = |id: &u64| call.world.groups.contains_key(id) || call.world.namespace_user(*id).is_some();
    let namespace = namespace.filter(known).ok_or_else(|| Failure::not_found("Namespace"))?;
    let mut project = call.world.projects[&id].clone();
    if project.namespace_id == namespace {
        return Err(Failure::bad("Project is already in this namespace."));
    }
    may_create_in(call, namespace)?;
    if call.world.find_in(Some(namespace), &project.path).is_some() {
        return Err(Failure::bad("Project with same name or path in target namespace already exists"));
    }
    if let Some(group) = call.world.groups.get(&namespace)
        && openness(&project.visibility) > openness(&group.visibility)
    {
        project.visibility.clone_from(&group.visibility);
    }
    project.namespace_id = namespace;
    project.updated_at = now();
    call.world.put_project(project);
    Ok(())
}

fn archive(call: &mut Call<'_>) -> Result<Answer, Failure> {
    set_archived(call, true)
}

fn unarchive(call: &mut Call<'_>) -> Result<Answer, Failure> {
    set_archived(call, false)
}

fn set_archived(call: &mut Call<'_>, archived: bool) -> Result<Answer, Failure> {
    let id = call.project()?;
    call.needs(Scope::Project(id), level::OWNER)?;
    let mut project = call.world.projects[&id].clone();
    project.archived = archived;
    project.updated_at = now();
    call.world.put_project(project);
    Answer::created(show_with_access(call, &call.world.projects[&id]))
}

fn share(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    call.needs(Scope::Project(id), level::MAINTAINER)?;
    let link = groups::share_params(call)?;
    let mut project = call.world.projects[&id].clone();
    if project.shared_with.iter().any(|share| share.group_id == link.group_id) {
        return Err(Failure::conflict("Group already shared with this group"));
    }
    let share = json!({
        "id": call.world.next_id("access"), "project_id": id, "group_id": link.group_id,
        "group_access": link.access_level, "expires_at": link.expires_at
    });
    project.shared_with.push(link);
    call.world.put_project(project);
    Answer::created(share)
}

fn unshare(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    call.needs(Scope::Project(id), level::MAINTAINER)?;
    let other = call.part_id("group_id")?;
    let mut project = call.world.projects[&id].clone();
    let before = project.shared_with.len();
    project.shared_with.retain(|share| share.group_id != other);
    if project.shared_with.len() == before {
        return Err(Failure::not_found("Group Link"));
    }
    call.world.put_project(project);
    Answer::gone()
}

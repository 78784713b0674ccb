//! What each field of each type gives.

use serde_json::{Map, Value, json};

use super::super::{
    call::Call,
    members::role,
    model::{Access, Scope, level},
    projects,
    repository::matches,
    system::VERSION,
    users,
    world::{Node, World},
};

/// Something with fields.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Query,
    Metadata,
    Project(u64),
    Group(u64),
    User(u64),
    /// Of a group or of a user.
    Namespace(u64),
    Repository(u64),
    Member(Scope, u64),
    Level(u8),
    Variable(Scope, u64),
    /// A project's protected branch.
    Rule(u64, u64),
    Protection(u64, u64),
    /// With the project whose branch it is for.
    Access(u64, Access),
    DeployKey(u64, u64),
    Trigger(u64, u64),
}

impl Item {
    /// Its own type, where the schema says an interface.
    pub(super) fn type_name<'t>(&self, declared: &'t str) -> &'t str {
        match self {
            Item::Member(Scope::Project(_), _) => "ProjectMember",
            Item::Member(..) => "GroupMember",
            _ => declared,
        }
    }
}

/// What a field gives.
pub(super) enum Output {
    Value(Value),
    One(Option<Item>),
    /// A connection.
    Many(Vec<Item>),
}

fn value(value: impl Into<Value>) -> Output {
    Output::Value(value.into())
}

fn null() -> Output {
    Output::Value(Value::Null)
}

fn gid(kind: &str, id: u64) -> Output {
    value(format!("gid://gitlab/{kind}/{id}"))
}

/// The number at the end of a global id.
fn number(id: &str) -> Option<u64> {
    id.rsplit('/').next()?.parse().ok()
}

fn texts(arguments: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    match arguments.get(name)? {
        Value::Array(items) => {
            Some(items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
        }
        Value::String(text) => Some(vec![text.clone()]),
        _ => None,
    }
}

fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    arguments.get(name)?.as_str()
}

/// One field of an item.
pub(super) fn field(call: &mut Call<'_>, item: &Item, name: &str, arguments: &Map<String, Value>) -> Output {
    match item {
        Item::Query => query(call, name, arguments),
        Item::Metadata => match name {
            "version" => value(VERSION),
            "enterprise" => value(true),
            _ => value("5a0d9c1b7e3"),
        },
        Item::Project(id) => project(call, *id, name, arguments),
        Item::Group(id) => group(call, *id, name, arguments),
        Item::User(id) => user(call.world, *id, name),
        Item::Namespace(id) => namespace(call.world, *id, name),
        Item::Repository(id) => repository(call.world, *id, name),
        Item::Member(scope, id) => member(call.world, *scope, *id, name),
        Item::Level(level) => match name {
            "integerValue" => value(*level),
            "humanAccess" => value(role(*level)),
            _ => value(role(*level).to_uppercase().replace(' ', "_")),
        },
        Item::Variable(scope, id) => variable(call.world, *scope, *id, name),
        Item::Rule(project, id) => rule(call.world, *project, *id, name),
        Item::Protection(project, id) => protection(call.world, *project, *id, name),
        Item::Access(project, access) => access_level(call.world, *project, access, name),
        Item::DeployKey(project, id) => deploy_key(call.world, *project, *id, name),
        Item::Trigger(project, id) => trigger(call, *project, *id, name),
    }
}

fn query(call: &mut Call<'_>, name: &str, arguments: &Map<String, Value>) -> Output {
    let path = text(arguments, "fullPath").unwrap_or_default();
    match name {
        "currentUser" => Output::One(call.viewer.as_ref().map(|viewer| Item::User(viewer.user))),
        "metadata" => Output::One(call.viewer.as_ref().map(|_| Item::Metadata)),
        "echo" => {
            let text = text(arguments, "text").unwrap_or_default();
            let who = call.viewer.as_ref().and_then(|viewer| call.world.users.get(&viewer.user));
            let who = who.map_or("nil".to_owned(), |user| format!("\"{}\"", user.username));
            value(format!("{who} says: {text}"))
        }
        "project" => Output::One(call.project_named(path).ok().map(Item::Project)),
        "group" => Output::One(call.group_named(path).ok().map(Item::Group)),
        "namespace" => Output::One(match call.world.find_path(path) {
            Some(Node::Group(id)) => call.sees(Scope::Group(id)).then_some(Item::Namespace(id)),
            Some(Node::User(id)) => Some(Item::Namespace(call.world.users[&id].namespace_id)),
            _ => None,
        }),
        "user" => {
            let id = text(arguments, "id").and_then(number).filter(|id| call.world.users.contains_key(id));
            let named = text(arguments, "username").and_then(|name| users::ensure(call.world, name));
            Output::One(id.or(named).map(Item::User))
        }
        "projects" => Output::Many(all_projects(call, arguments)),
        "groups" => Output::Many(all_groups(call, arguments)),
        "users" => Output::Many(all_users(call, arguments)),
        _ => null(),
    }
}

fn found(search: Option<&str>, names: [&str; 2]) -> bool {
    search.is_none_or(|search| names.iter().any(|name| name.to_lowercase().contains(&search.to_lowercase())))
}

fn all_projects(call: &Call<'_>, arguments: &Map<String, Value>) -> Vec<Item> {
    let world = &*call.world;
    let search = text(arguments, "search");
    let ids = texts(arguments, "ids").map(|ids| ids.iter().filter_map(|id| number(id)).collect::<Vec<_>>());
    let paths = texts(arguments, "fullPaths");
    let member = arguments.get("membership") == Some(&json!(true));
    let ids: Vec<u64> = match (ids, paths) {
        (Some(ids), _) => ids,
        (None, Some(paths)) => {
            let nodes = paths.iter().filter_map(|path| world.find_path(path));
            nodes.filter_map(|node| if let Node::Project(id) = node { Some(id) } else { None }).collect()
        }
        (None, None) => world.projects.keys().copied().collect(),
    };
    let keep = |id: &u64| {
        world
            .projects
            .get(id)
            .is_some_and(|project| !project.deleting && found(search, [&project.name, &project.path]))
            && call.sees(Scope::Project(*id))
            && (!member
                || call
                    .viewer
                    .as_ref()
                    .is_some_and(|viewer| world.level_in(viewer.user, Scope::Project(*id)) > 0))
    };
    let mut ids: Vec<u64> = ids.into_iter().filter(keep).collect();
    // GitLab's usual order is the newest first.
    ids.sort_unstable_by(|one, other| other.cmp(one));
    ids.dedup();
    ids.into_iter().map(Item::Project).collect()
}

fn all_groups(call: &Call<'_>, arguments: &Map<String, Value>) -> Vec<Item> {
    let world = &*call.world;
    let search = text(arguments, "search");
    let ids: Vec<u64> = match texts(arguments, "ids") {
        Some(ids) => ids.iter().filter_map(|id| number(id)).collect(),
        None if arguments.get("topLevelOnly") == Some(&json!(true)) => world.children(None),
        None => world.groups.keys().copied().collect(),
    };
    let keep = |id: &u64| {
        world.groups.get(id).is_some_and(|group| found(search, [&group.name, &group.path]))
            && call.sees(Scope::Group(*id))
    };
    let mut ids: Vec<u64> = ids.into_iter().filter(keep).collect();
    ids.sort_by_cached_key(|id| (world.groups[id].name.to_lowercase(), *id));
    ids.dedup();
    ids.into_iter().map(Item::Group).collect()
}

fn all_users(call: &mut Call<'_>, arguments: &Map<String, Value>) -> Vec<Item> {
    if call.viewer.is_none() {
        return Vec::new();
    }
    if let Some(names) = texts(arguments, "usernames") {
        let mut found: Vec<u64> = names.iter().filter_map(|name| users::ensure(call.world, name)).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.dedup();
        return found.into_iter().map(Item::User).collect();
    }
    let world = &*call.world;
    let search = text(arguments, "search");
    let admins = arguments.get("admins") == Some(&json!(true));
    let ids = texts(arguments, "ids").map(|ids| ids.iter().filter_map(|id| number(id)).collect::<Vec<_>>());
    let keep = |user: &&super::super::model::User| {
        ids.as_ref().is_none_or(|ids| ids.contains(&user.id))
            && (!admins || user.admin)
            && found(search, [&user.name, &user.username])
    };
    world.users.values().filter(keep).rev().map(|user| Item::User(user.id)).collect()
}

/// An attribute under its REST name, with what GitLab shows if it isn't set.
fn attribute(set: &Map<String, Value>, defaults: &Map<String, Value>, name: &str) -> Output {
    Output::Value(set.get(name).or_else(|| defaults.get(name)).cloned().unwrap_or(Value::Null))
}

/// `requestAccessEnabled` as `request_access_enabled`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for char in name.chars() {
        if char.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(char.to_ascii_lowercase());
    }
    snake
}

fn project(call: &mut Call<'_>, id: u64, name: &str, arguments: &Map<String, Value>) -> Output {
    let scope = Scope::Project(id);
    let own_level = call.level(scope);
    let world = &*call.world;
    let Some(project) = world.projects.get(&id) else { return null() };
    let url = || projects::web_url(world, project);
    let allowed =
        |needed: u8, items: Vec<Item>| if own_level >= needed { Output::Many(items) } else { null() };
    match name {
        "id" => gid("Project", id),
        "name" => value(project.name.as_str()),
        "path" => value(project.path.as_str()),
        "fullPath" => value(world.project_full_path(project)),
        "nameWithNamespace" => {
            value(format!("{} / {}", world.namespace_name(project.namespace_id), project.name))
        }
        "visibility" => value(project.visibility.as_str()),
        "archived" => value(project.archived),
        "webUrl" => value(url()),
        "httpUrlToRepo" => value(format!("{}.git", url())),
        "sshUrlToRepo" => {
            value(format!("git@{}:{}.git", projects::host(world), world.project_full_path(project)))
        }
        "createdAt" => value(project.created_at.as_str()),
        "updatedAt" => value(project.updated_at.as_str()),
        "lastActivityAt" => value(project.last_activity_at.as_str()),
        "topics" => value(project.topics.clone()),
        "importStatus" => {
            value(if project.import_status.is_empty() { "none" } else { &project.import_status })
        }
        "markedForDeletionOn" => Output::Value(json!(project.marked_for_deletion_on)),
        "markedForDeletion" => value(project.marked_for_deletion_on.is_some()),
        "group" => Output::One(
            world.groups.contains_key(&project.namespace_id).then_some(Item::Group(project.namespace_id)),
        ),
        "namespace" => Output::One(Some(Item::Namespace(project.namespace_id))),
        "repository" => Output::One(Some(Item::Repository(id))),
        "ciConfigPathOrDefault" => {
            let path = project.attributes.get("ci_config_path").and_then(Value::as_str);
            value(path.filter(|path| !path.is_empty()).unwrap_or(".gitlab-ci.yml"))
        }
        "projectMembers" => Output::Many(members(world, scope, arguments)),
        "ciVariables" => allowed(
            level::MAINTAINER,
            world.variables.of(scope).map(|found| Item::Variable(scope, found.id)).collect(),
        ),
        "branchRules" => {
            let mut rules: Vec<_> = world.protected_branches.of(scope).collect();
            rules.sort_by(|one, other| one.name.cmp(&other.name));
            allowed(level::MAINTAINER, rules.into_iter().map(|rule| Item::Rule(id, rule.id)).collect())
        }
        "pipelineTriggers" => allowed(
            level::MAINTAINER,
            world.triggers.of(scope).map(|found| Item::Trigger(id, found.id)).collect(),
        ),
        switch => {
            let rest = snake(switch);
            let switches = super::super::fields::PROJECT_SWITCHES;
            let defaults = &super::super::fields::PROJECT_DEFAULTS;
            match switches.iter().find(|(old, _)| *old == rest) {
                Some((_, access)) => {
                    let level = project.attributes.get(*access).or_else(|| defaults.get(*access));
                    value(level.is_some_and(|level| level != "disabled"))
                }
                None => attribute(&project.attributes, defaults, &rest),
            }
        }
    }
}

fn members(world: &World, scope: Scope, arguments: &Map<String, Value>) -> Vec<Item> {
    let relations =
        texts(arguments, "relations").unwrap_or_else(|| vec!["DIRECT".to_owned(), "INHERITED".to_owned()]);
    let search = text(arguments, "search");
    let start = match scope {
        Scope::Group(id) => world.groups.get(&id).and_then(|group| group.parent_id),
        Scope::Project(id) => world.projects.get(&id).map(|project| project.namespace_id),
        Scope::User(_) => None,
    };
    let mut scopes = Vec::new();
    if relations.iter().any(|relation| relation == "DIRECT") {
        scopes.push(scope);
    }
    if relations.iter().any(|relation| relation == "INHERITED") {
        scopes.extend(world.ancestry(start).into_iter().map(Scope::Group));
    }
    let mut seen = Vec::new();
    let mut items = Vec::new();
    for scope in scopes {
        for member in world.members.of(scope) {
            let Some(user) = world.users.get(&member.id) else { continue };
            if !seen.contains(&member.id) && found(search, [&user.name, &user.username]) {
                seen.push(member.id);
                items.push(Item::Member(scope, member.id));
            }
        }
    }
    items
}

fn group(call: &mut Call<'_>, id: u64, name: &str, arguments: &Map<String, Value>) -> Output {
    let scope = Scope::Group(id);
    let own_level = call.level(scope);
    let world = &*call.world;
    let Some(group) = world.groups.get(&id) else { return null() };
    let search = text(arguments, "search");
    match name {
        "id" => gid("Group", id),
        "name" => value(group.name.as_str()),
        "path" => value(group.path.as_str()),
        "fullPath" => value(world.group_full_path(id)),
        "fullName" => value(world.group_full_name(id)),
        "visibility" => value(group.visibility.as_str()),
        "archived" => value(group.archived),
        "webUrl" => value(format!("{}/groups/{}", world.context.url, world.group_full_path(id))),
        "createdAt" => value(group.created_at.as_str()),
        "markedForDeletionOn" => Output::Value(json!(group.marked_for_deletion_on)),
        "markedForDeletion" => value(group.marked_for_deletion_on.is_some()),
        "parent" => Output::One(group.parent_id.filter(|&id| call.sees(Scope::Group(id))).map(Item::Group)),
        "descendantGroups" => {
            let mut ids = world.descendants(id);
            ids.retain(|id| {
                found(search, [&world.groups[id].name, &world.groups[id].path])
                    && call.sees(Scope::Group(*id))
            });
            ids.sort_by_cached_key(|id| (world.groups[id].name.to_lowercase(), *id));
            Output::Many(ids.into_iter().map(Item::Group).collect())
        }
        "projects" => {
            let mut groups = vec![id];
            if arguments.get("includeSubgroups") == Some(&json!(true)) {
                groups.extend(world.descendants(id));
            }
            let mut ids: Vec<u64> = groups.into_iter().flat_map(|id| world.namespace_projects(id)).collect();
            ids.retain(|id| {
                let project = &world.projects[id];
                !project.deleting
                    && found(search, [&project.name, &project.path])
                    && call.sees(Scope::Project(*id))
            });
            ids.sort_unstable_by(|one, other| other.cmp(one));
            Output::Many(ids.into_iter().map(Item::Project).collect())
        }
        "groupMembers" => Output::Many(members(world, scope, arguments)),
        "ciVariables" if own_level < level::OWNER => null(),
        "ciVariables" => {
            Output::Many(world.variables.of(scope).map(|found| Item::Variable(scope, found.id)).collect())
        }
        other => attribute(&group.attributes, &super::super::fields::GROUP_DEFAULTS, &snake(other)),
    }
}

fn user(world: &World, id: u64, name: &str) -> Output {
    let Some(user) = world.users.get(&id) else { return null() };
    match name {
        "id" => gid("User", id),
        "username" => value(user.username.as_str()),
        "name" => value(user.name.as_str()),
        "state" => value(user.state.as_str()),
        "webUrl" => value(format!("{}/{}", world.context.url, user.username)),
        "bot" => value(user.bot),
        "createdAt" => value(user.created_at.as_str()),
        "publicEmail" => {
            value(user.attributes.get("public_email").and_then(Value::as_str).unwrap_or_default())
        }
        _ => null(),
    }
}

fn namespace(world: &World, id: u64, name: &str) -> Output {
    let shown = projects::namespace(world, id);
    let group = world.groups.get(&id);
    match name {
        "id" if group.is_some() => gid("Group", id),
        "id" => gid("Namespaces::UserNamespace", id),
        "fullName" => value(world.namespace_name(id)),
        "fullPath" => value(world.namespace_path(id)),
        "visibility" => value(group.map_or("public", |group| group.visibility.as_str())),
        "description" => Output::Value(
            group.and_then(|group| group.attributes.get("description")).cloned().unwrap_or_default(),
        ),
        other => Output::Value(shown.get(other).cloned().unwrap_or_default()),
    }
}

fn repository(world: &World, id: u64, name: &str) -> Output {
    let empty = world.repositories.get(&id).is_none_or(|repository| repository.refs.branches.is_empty());
    match name {
        "empty" => value(empty),
        "exists" => value(true),
        _ => Output::Value(json!(world.projects.get(&id).and_then(|project| project.default_branch.clone()))),
    }
}

fn member(world: &World, scope: Scope, id: u64, name: &str) -> Output {
    let Some(member) = world.members.get(scope, id) else { return null() };
    match name {
        "id" => gid(if matches!(scope, Scope::Group(_)) { "GroupMember" } else { "ProjectMember" }, id),
        "accessLevel" => Output::One(Some(Item::Level(member.access_level))),
        "createdAt" | "updatedAt" => value(member.created_at.as_str()),
        "expiresAt" => {
            Output::Value(json!(member.expires_at.as_ref().map(|date| format!("{date}T00:00:00Z"))))
        }
        "user" => Output::One(Some(Item::User(id))),
        "createdBy" => {
            Output::One(world.users.contains_key(&member.created_by).then_some(Item::User(member.created_by)))
        }
        "group" => match scope {
            Scope::Group(group) => Output::One(Some(Item::Group(group))),
            _ => null(),
        },
        _ => null(),
    }
}

fn variable(world: &World, scope: Scope, id: u64, name: &str) -> Output {
    let Some(variable) = world.variables.get(scope, id) else { return null() };
    match name {
        "id" => gid(if matches!(scope, Scope::Group(_)) { "Ci::GroupVariable" } else { "Ci::Variable" }, id),
        "key" => value(variable.key.as_str()),
        "value" if variable.hidden => null(),
        "value" => value(variable.value.as_str()),
        "variableType" => value(variable.variable_type.to_uppercase()),
        "protected" => value(variable.protected),
        "masked" => value(variable.masked),
        "hidden" => value(variable.hidden),
        "raw" => value(variable.raw),
        "environmentScope" => value(variable.environment_scope.as_str()),
        _ => Output::Value(json!(variable.description)),
    }
}

fn rule(world: &World, project: u64, id: u64, name: &str) -> Output {
    let Some(rule) = world.protected_branches.get(Scope::Project(project), id) else { return null() };
    match name {
        "id" => gid("Projects::BranchRule", id),
        "name" => value(rule.name.as_str()),
        "isDefault" => {
            let default = world.projects.get(&project).and_then(|project| project.default_branch.as_deref());
            value(default == Some(rule.name.as_str()))
        }
        "isProtected" => value(true),
        "matchingBranchesCount" => {
            let branches = world.repositories.get(&project).map(|repository| &repository.refs.branches);
            value(
                branches.map_or(0, |branches| {
                    branches.keys().filter(|branch| matches(&rule.name, branch)).count()
                }),
            )
        }
        _ => Output::One(Some(Item::Protection(project, id))),
    }
}

fn protection(world: &World, project: u64, id: u64, name: &str) -> Output {
    let Some(rule) = world.protected_branches.get(Scope::Project(project), id) else { return null() };
    let items = |entries: &[Access]| {
        Output::Many(entries.iter().map(|entry| Item::Access(project, entry.clone())).collect())
    };
    match name {
        "allowForcePush" => value(rule.allow_force_push),
        "codeOwnerApprovalRequired" => value(rule.code_owner_approval_required),
        "isGroupLevel" => value(false),
        "mergeAccessLevels" => items(&rule.merge),
        "pushAccessLevels" => items(&rule.push),
        _ => items(&rule.unprotect),
    }
}

fn access_level(world: &World, project: u64, access: &Access, name: &str) -> Output {
    match name {
        "accessLevel" => value(access.access_level.unwrap_or(level::MAINTAINER)),
        "accessLevelDescription" => value(super::super::protected::description(world, access)),
        "user" => Output::One(access.user_id.filter(|id| world.users.contains_key(id)).map(Item::User)),
        "group" => Output::One(access.group_id.filter(|id| world.groups.contains_key(id)).map(Item::Group)),
        "deployKey" => Output::One(access.deploy_key_id.map(|id| Item::DeployKey(project, id))),
        _ => null(),
    }
}

fn deploy_key(world: &World, project: u64, id: u64, name: &str) -> Output {
    match name {
        "id" => gid("DeployKey", id),
        _ => {
            let found = world.things.get(Scope::Project(project), id);
            Output::Value(found.and_then(|thing| thing.body.get("title")).cloned().unwrap_or(json!("")))
        }
    }
}

fn trigger(call: &Call<'_>, project: u64, id: u64, name: &str) -> Output {
    let Some(trigger) = call.world.triggers.get(Scope::Project(project), id) else { return null() };
    let own = call.viewer.as_ref().is_some_and(|viewer| viewer.user == trigger.owner_id);
    match name {
        "id" => gid("Ci::Trigger", id),
        "description" => value(trigger.description.as_str()),
        "token" if own => value(trigger.token.as_str()),
        "token" => value(trigger.token.get(..4).unwrap_or_default()),
        "hasTokenExposed" => value(own),
        "lastUsed" => Output::Value(json!(trigger.last_used)),
        "expiresAt" => Output::Value(json!(trigger.expires_at)),
        "owner" => Output::One(Some(Item::User(trigger.owner_id))),
        _ => null(),
    }
}

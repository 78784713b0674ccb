//! Projects: create, read, list, change, transfer, archive, share. Deletion is in `deletion`, files in `repository`.
//!
//! <https://docs.gitlab.com/api/projects/>

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    fields::{PROJECT_DEFAULTS, PROJECT_SWITCHES},
    groups::{self, custom, overlay, show_share},
    model::{Project, Scope, level},
    rules::{VISIBILITIES, masked},
    users,
    world::World,
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/projects", list),
    ("GET", "/projects/{id}", show_one),
    ("GET", "/projects/{id}/import", import_status),
    ("GET", "/projects/{id}/groups", ancestor_groups),
    ("GET", "/projects/{id}/users", project_users),
    ("GET", "/users/{user_id}/projects", user_projects),
];

/// Set in the attributes if the import URL had credentials; never shown.
pub(super) const IMPORT_SECRET: &str = "import_secret";

/// A project as lists of a group show it.
pub(super) fn show(call: &Call<'_>, project: &Project) -> Value {
    let mut shown = show_basic(call.world, project);
    let attributes = &project.attributes;
    overlay(&mut shown, &PROJECT_DEFAULTS, attributes);
    for &(switch, access) in PROJECT_SWITCHES {
        shown.insert(switch.to_owned(), json!(shown.get(access).is_some_and(|level| level != "disabled")));
    }
    let world = &*call.world;
    let shares: Vec<Value> =
        project.shared_with.iter().filter_map(|share| show_share(world, share)).collect();
    let empty =
        world.repositories.get(&project.id).is_none_or(|repository| repository.refs.branches.is_empty());
    let import_url =
        project.import_url.as_deref().map(|url| masked(url, attributes.contains_key(IMPORT_SECRET)));
    let import_status = if project.import_status.is_empty() { "none" } else { &project.import_status };
    let web_url = web_url(world, project);
    let more = json!({
        "container_registry_image_prefix": format!("registry.{}/{}", host(world), world.project_full_path(project)),
        "_links": links(world, project),
        "marked_for_deletion_at": project.marked_for_deletion_on,
        "marked_for_deletion_on": project.marked_for_deletion_on,
        "empty_repo": empty,
        "archived": project.archived,
        "creator_id": project.creator_id,
        "import_url": import_url,
        "import_type": project.import_url.as_ref().map(|_| "git"),
        "import_status": import_status,
        "import_error": null,
        "updated_at": project.updated_at,
        "shared_with_groups": shares,
        "readme_url": (!empty).then(|| format!("{web_url}/-/blob/{}/README.md", branch(project))),
    });
    if let Value::Object(more) = more {
        shown.extend(more);
    }
    if let Some(mirror) = &project.pull_mirror {
        shown.insert("mirror".to_owned(), json!(mirror.enabled));
    }
    let mirrored = shown.get("mirror").is_some_and(|mirror| mirror == true);
    if mirrored {
        for (name, usual) in [
            ("mirror_user_id", json!(project.creator_id)),
            ("mirror_trigger_builds", json!(false)),
            ("only_mirror_protected_branches", json!(false)),
            ("mirror_overwrites_diverged_branches", json!(false)),
        ] {
            shown.insert(name.to_owned(), attributes.get(name).cloned().unwrap_or(usual));
        }
    }
    for (name, value) in attributes.iter().filter(|(name, _)| *name != IMPORT_SECRET) {
        shown.entry(name.as_str()).or_insert_with(|| value.clone());
    }
    if let Some(user) = world.namespace_user(project.namespace_id) {
        shown.insert("owner".to_owned(), users::basic(world, user));
    }
    if let Some(source) = project.forked_from.and_then(|id| world.projects.get(&id)) {
        shown.insert("forked_from_project".to_owned(), Value::Object(show_basic(world, source)));
    }
    if call.level(Scope::Project(project.id)) >= level::MAINTAINER {
        shown.insert("runners_token".to_owned(), json!(project.runners_token));
    }
    if call.params.flag("with_custom_attributes").unwrap_or(false) && call.is_admin() {
        shown.insert("custom_attributes".to_owned(), custom(&project.custom));
    }
    Value::Object(shown)
}

/// As [`show`], with the rights of who asks.
pub(super) fn show_with_access(call: &Call<'_>, project: &Project) -> Value {
    let mut shown = show(call, project);
    let access = |scopes: Vec<Scope>| {
        let viewer = call.viewer.as_ref()?;
        let levels = scopes.into_iter().filter_map(|scope| call.world.members.get(scope, viewer.user));
        let best = levels.map(|member| member.access_level).max()?;
        Some(json!({ "access_level": best, "notification_level": 3 }))
    };
    let groups = call.world.ancestry(Some(project.namespace_id)).into_iter().map(Scope::Group).collect();
    shown["permissions"] =
        json!({ "project_access": access(vec![Scope::Project(project.id)]), "group_access": access(groups) });
    shown
}

/// The short form, as with `simple=true`.
fn show_basic(world: &World, project: &Project) -> Map<String, Value> {
    let full_path = world.project_full_path(project);
    let web_url = web_url(world, project);
    let shown = json!({
        "id": project.id,
        "description": project.attributes.get("description"),
        "name": project.name,
        "name_with_namespace": format!("{} / {}", world.namespace_name(project.namespace_id), project.name),
        "path": project.path,
        "path_with_namespace": full_path,
        "created_at": project.created_at,
        "default_branch": branch(project),
        "tag_list": project.topics,
        "topics": project.topics,
        "ssh_url_to_repo": format!("git@{}:{full_path}.git", host(world)),
        "http_url_to_repo": format!("{web_url}.git"),
        "web_url": web_url,
        "readme_url": null,
        "forks_count": 0,
        "avatar_url": null,
        "star_count": 0,
        "last_activity_at": project.last_activity_at,
        "visibility": project.visibility,
        "namespace": namespace(world, project.namespace_id),
    });
    if let Value::Object(shown) = shown { shown } else { Map::new() }
}

/// The default branch; before the first commit the one that it will be.
pub(super) fn branch(project: &Project) -> &str {
    project.default_branch.as_deref().unwrap_or("main")
}

pub(super) fn web_url(world: &World, project: &Project) -> String {
    format!("{}/{}", world.context.url, world.project_full_path(project))
}

/// The server's name without its port.
pub(super) fn host(world: &World) -> String {
    let host = world.context.url.split("://").nth(1).unwrap_or("localhost");
    host.split(':').next().unwrap_or("localhost").to_owned()
}

fn links(world: &World, project: &Project) -> Value {
    let own = format!("{}/api/v4/projects/{}", world.context.url, project.id);
    json!({
        "self": own,
        "issues": format!("{own}/issues"),
        "merge_requests": format!("{own}/merge_requests"),
        "repo_branches": format!("{own}/repository/branches"),
        "labels": format!("{own}/labels"),
        "events": format!("{own}/events"),
        "members": format!("{own}/members"),
        "cluster_agents": format!("{own}/cluster_agents"),
    })
}

/// A namespace as projects show it.
pub(super) fn namespace(world: &World, id: u64) -> Value {
    if let Some(group) = world.groups.get(&id) {
        let full_path = world.group_full_path(id);
        return json!({
            "id": id, "name": group.name, "path": group.path, "kind": "group", "full_path": full_path,
            "parent_id": group.parent_id, "avatar_url": null,
            "web_url": format!("{}/groups/{full_path}", world.context.url)
        });
    }
    let Some(user) = world.namespace_user(id) else { return Value::Null };
    json!({
        "id": id, "name": user.name, "path": user.username, "kind": "user", "full_path": user.username,
        "parent_id": null, "avatar_url": null, "web_url": format!("{}/{}", world.context.url, user.username)
    })
}

// ---- lists ----

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let ids = call.world.projects.keys().copied().collect();
    let member = call.params.flag("membership").unwrap_or(false);
    let ids = match (&call.viewer, member) {
        (Some(viewer), true) => {
            let user = viewer.user;
            let ids: Vec<u64> = ids;
            ids.into_iter()
                .filter(|&id| call.world.level_in(user, Scope::Project(id)) > level::NONE)
                .collect()
        }
        _ => ids,
    };
    page(call, ids)
}

fn user_projects(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let user = users::find(call, call.part("user_id"))?;
    let namespace = call.world.users[&user].namespace_id;
    let ids = call.world.namespace_projects(namespace);
    page(call, ids)
}

/// Filters, sorts and shows projects; by page, or by key.
pub(super) fn page(call: &mut Call<'_>, ids: Vec<u64>) -> Result<Answer, Failure> {
    let params = &call.params;
    let order = params
        .choice(
            "order_by",
            &[
                "id",
                "name",
                "path",
                "created_at",
                "updated_at",
                "last_activity_at",
                "similarity",
                "star_count",
            ],
        )
        .unwrap_or_else(|| "created_at".to_owned());
    let keyset = params.text("pagination").is_some_and(|kind| kind == "keyset");
    let descending = params.choice("sort", &["asc", "desc"]).is_none_or(|sort| sort == "desc");
    let filter = Filter::new(call)?;
    if keyset && order != "id" {
        let text = "Keyset pagination is not yet available for this type of request";
        return Err(Failure { status: StatusCode::METHOD_NOT_ALLOWED, body: json!({ "error": text }) });
    }
    if !keyset && call.paging.page.saturating_mul(call.paging.per_page) > 50_000 + call.paging.per_page {
        let text = "Offset pagination has a maximum allowed offset of 50000 for requests that return objects of type \
                    Project. Remaining records can be retrieved using keyset pagination.";
        return Err(Failure { status: StatusCode::METHOD_NOT_ALLOWED, body: json!({ "error": text }) });
    }
    let world = &*call.world;
    let mut projects: Vec<&Project> = ids
        .iter()
        .filter_map(|id| world.projects.get(id))
        .filter(|project| filter.keeps(call, project))
        .collect();
    match order.as_str() {
        "name" => projects.sort_by_cached_key(|project| (project.name.to_lowercase(), project.id)),
        "path" => projects.sort_by_cached_key(|project| (project.path.to_lowercase(), project.id)),
        "updated_at" => projects.sort_by_key(|project| (project.updated_at.as_str(), project.id)),
        "last_activity_at" => projects.sort_by_key(|project| (project.last_activity_at.as_str(), project.id)),
        // Ids ascend with the time of creation.
        _ => projects.sort_by_key(|project| project.id),
    }
    if descending {
        projects.reverse();
    }
    let simple = filter.simple || call.viewer.is_none();
    let with_access = call.route == "/projects";
    let show = |project: &&Project| match (simple, with_access) {
        (true, _) => Value::Object(show_basic(world, project)),
        (false, true) => show_with_access(call, project),
        (false, false) => show(call, project),
    };
    if !keyset {
        return call.page(&projects, show);
    }
    let page = &projects[..projects.len().min(call.paging.per_page)];
    let mut headers = vec![("x-per-page", call.paging.per_page.to_string())];
    if let Some(last) = page.last().filter(|_| page.len() < projects.len()) {
        let after = if descending { "id_before" } else { "id_after" };
        let next = call.paging.link(&[(after, &last.id.to_string())]);
        headers.push(("link", format!("<{next}>; rel=\"next\"")));
    }
    Ok(Answer::Page(page.iter().map(show).collect(), headers))
}

struct Filter {
    search: Option<String>,
    search_namespaces: bool,
    visibility: Option<String>,
    archived: Option<bool>,
    active: Option<bool>,
    owned: bool,
    least: Option<u8>,
    after: Option<u64>,
    before: Option<u64>,
    topics: Vec<String>,
    marked: Option<String>,
    pending: bool,
    simple: bool,
    custom: Vec<(String, String)>,
}

impl Filter {
    fn new(call: &Call<'_>) -> Result<Filter, Failure> {
        let params = &call.params;
        let filter = Filter {
            search: params.text("search").map(|text| text.to_lowercase()).filter(|text| !text.is_empty()),
            search_namespaces: params.flag("search_namespaces").unwrap_or(false),
            visibility: params.choice("visibility", VISIBILITIES),
            archived: params.flag("archived"),
            active: params.flag("active"),
            owned: params.flag("owned").unwrap_or(false),
            least: params.number("min_access_level").and_then(|number| u8::try_from(number).ok()),
            after: params.number("id_after"),
            before: params.number("id_before"),
            topics: params.texts("topic").unwrap_or_default(),
            marked: params.text("marked_for_deletion_on"),
            pending: params.flag("include_pending_delete").unwrap_or(false) && call.is_admin(),
            simple: params.flag("simple").unwrap_or(false),
            custom: groups::custom_filter(call),
        };
        params.check()?;
        Ok(filter)
    }

    fn keeps(&self, call: &Call<'_>, project: &Project) -> bool {
        let scope = Scope::Project(project.id);
        let own_level =
            || call.viewer.as_ref().map_or(level::NONE, |viewer| call.world.level_in(viewer.user, scope));
        let found = |text: &String| {
            project.name.to_lowercase().contains(text)
                || project.path.to_lowercase().contains(text)
                || (self.search_namespaces
                    && call.world.project_full_path(project).to_lowercase().contains(text))
        };
        (!project.deleting || self.pending)
            && self.after.is_none_or(|id| project.id > id)
            && self.before.is_none_or(|id| project.id < id)
            && self.search.as_ref().is_none_or(found)
            && self.visibility.as_ref().is_none_or(|wanted| project.visibility == *wanted)
            && self.archived.is_none_or(|wanted| project.archived == wanted)
            && self.active.is_none_or(|wanted| {
                (!project.archived && project.marked_for_deletion_on.is_none()) == wanted
            })
            && self.topics.iter().all(|topic| project.topics.contains(topic))
            && self.marked.as_ref().is_none_or(|day| project.marked_for_deletion_on.as_ref() == Some(day))
            && self.custom.iter().all(|(key, value)| project.custom.get(key) == Some(value))
            && call.sees(scope)
            && (!self.owned || own_level() >= level::OWNER)
            && self.least.is_none_or(|least| own_level() >= least)
    }
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    Answer::ok(show_with_access(call, &call.world.projects[&id]))
}

fn import_status(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    let project = &call.world.projects[&id];
    let status = if project.import_status.is_empty() { "none" } else { &project.import_status };
    let mut shown = show_basic(call.world, project);
    let identity =
        ["id", "description", "name", "name_with_namespace", "path", "path_with_namespace", "created_at"];
    shown.retain(|name, _| identity.contains(&name.as_str()));
    shown.insert("import_status".to_owned(), json!(status));
    shown.insert("import_type".to_owned(), json!(project.import_url.as_ref().map(|_| "git")));
    shown.insert("import_error".to_owned(), Value::Null);
    shown.insert("failed_relations".to_owned(), json!([]));
    Answer::ok(Value::Object(shown))
}

fn ancestor_groups(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    let groups = call.world.ancestry(Some(call.world.projects[&id].namespace_id));
    call.page(&groups, |group| Value::Object(groups::show(call.world, &call.world.groups[group])))
}

fn project_users(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    let mut users: Vec<u64> = call.world.members.of(Scope::Project(id)).map(|member| member.id).collect();
    for group in call.world.ancestry(Some(call.world.projects[&id].namespace_id)) {
        users.extend(call.world.members.of(Scope::Group(group)).map(|member| member.id));
    }
    users.sort_unstable();
    users.dedup();
    let users: Vec<_> = users.iter().filter_map(|id| call.world.users.get(id)).collect();
    call.page(&users, |user| users::basic(call.world, user))
}

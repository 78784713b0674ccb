//! Commits, branches and tags.
//!
//! <https://docs.gitlab.com/api/commits/>, <https://docs.gitlab.com/api/branches/>, <https://docs.gitlab.com/api/tags/>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    files::{content, draft, repository, writable},
    model::{Commit, Scope, TagRef, level},
    projects,
    repository::{Action, ActionKind, changed, commit, matches},
    world::now,
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/projects/{id}/repository/commits", list),
    ("POST", "/projects/{id}/repository/commits", create),
    ("GET", "/projects/{id}/repository/commits/{sha}", show_one),
    ("GET", "/projects/{id}/repository/branches", list_branches),
    ("POST", "/projects/{id}/repository/branches", create_branch),
    ("GET", "/projects/{id}/repository/branches/{branch}", show_branch),
    ("DELETE", "/projects/{id}/repository/branches/{branch}", remove_branch),
    ("GET", "/projects/{id}/repository/tags", list_tags),
    ("POST", "/projects/{id}/repository/tags", create_tag),
    ("GET", "/projects/{id}/repository/tags/{tag}", show_tag),
    ("DELETE", "/projects/{id}/repository/tags/{tag}", remove_tag),
];

fn show(call: &Call<'_>, commit: &Commit) -> Value {
    let project = call.project().ok().and_then(|id| call.world.projects.get(&id));
    let web_url =
        project.map(|project| format!("{}/-/commit/{}", projects::web_url(call.world, project), commit.id));
    json!({
        "id": commit.id,
        "short_id": commit.id.get(..8),
        "created_at": commit.created_at,
        "parent_ids": commit.parents,
        "title": commit.message.lines().next().unwrap_or_default(),
        "message": commit.message,
        "author_name": commit.author_name,
        "author_email": commit.author_email,
        "authored_date": commit.created_at,
        "committer_name": commit.author_name,
        "committer_email": commit.author_email,
        "committed_date": commit.created_at,
        "trailers": {},
        "extended_trailers": {},
        "web_url": web_url,
    })
}

fn show_detail(call: &Call<'_>, project: u64, commit: &Commit, stats: bool) -> Value {
    let mut shown = show(call, commit);
    if stats {
        shown["stats"] = json!({
            "additions": commit.additions, "deletions": commit.deletions, "total": commit.additions + commit.deletions
        });
    }
    shown["status"] = Value::Null;
    shown["project_id"] = json!(project);
    shown["last_pipeline"] = Value::Null;
    shown
}

fn default_branch(call: &Call<'_>) -> Result<String, Failure> {
    let project = &call.world.projects[&call.project()?];
    Ok(project.default_branch.clone().unwrap_or_else(|| "main".to_owned()))
}

fn list(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let repository = repository(call)?;
    let reference = call.params.text("ref_name").filter(|name| !name.is_empty());
    let path = call.params.text("path").filter(|path| !path.is_empty());
    let (since, until) = (call.params.text("since"), call.params.text("until"));
    let (reference, asked) = match reference {
        Some(reference) => (reference, true),
        None => (default_branch(call)?, false),
    };
    let Some(head) = repository.resolve(&reference) else {
        return if asked {
            Err(Failure::not_found("Repository or ref"))
        } else {
            call.page(&[] as &[Value], Value::clone)
        };
    };
    let keep = |commit: &&Commit| {
        let parent = commit.parents.first().and_then(|id| repository.commits.get(id));
        path.as_ref().is_none_or(|path| changed(parent.map(|parent| &parent.tree), &commit.tree, path))
            && since.as_ref().is_none_or(|time| commit.created_at >= *time)
            && until.as_ref().is_none_or(|time| commit.created_at <= *time)
    };
    let commits: Vec<&Commit> = repository.history(head).filter(keep).collect();
    call.page(&commits, |commit| show(call, commit))
}

fn show_one(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let project = call.project()?;
    let commit = repository(call)?.resolve(call.part("sha")).ok_or_else(|| Failure::not_found("Commit"))?;
    let stats = call.params.flag("stats").unwrap_or(true);
    Answer::ok(show_detail(call, project, commit, stats))
}

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    call.project()?;
    let draft = draft(call)?;
    call.params.require(&["actions"]);
    let objects = call.params.objects("actions").unwrap_or_default();
    let stats = call.params.flag("stats").unwrap_or(true);
    call.params.check()?;
    let actions = objects.iter().enumerate().map(|(at, object)| action(call, at, object));
    let actions = actions.collect::<Result<Vec<Action>, Failure>>()?;
    call.params.check()?;
    let project = writable(call, &draft.branch)?;
    let commit = commit(call.world, project, draft, actions)?;
    Answer::created(show_detail(call, project, &commit, stats))
}

fn action(call: &Call<'_>, at: usize, object: &Map<String, Value>) -> Result<Action, Failure> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = match text("action").as_deref() {
        Some("create") => ActionKind::Create,
        Some("update") => ActionKind::Update,
        Some("delete") => ActionKind::Delete,
        Some("move") => ActionKind::Move,
        Some("chmod") => ActionKind::Chmod,
        Some(_) => {
            call.params.wrong(format!("actions[{at}][action] does not have a valid value"));
            ActionKind::Create
        }
        None => {
            call.params.wrong(format!("actions[{at}][action] is missing"));
            ActionKind::Create
        }
    };
    let path = text("file_path").unwrap_or_default();
    if path.is_empty() {
        call.params.wrong(format!("actions[{at}][file_path] is missing"));
    }
    let encoding = text("encoding");
    let content = text("content").map(|text| content(text, encoding.as_deref())).transpose()?;
    let executable = match object.get("execute_filemode") {
        Some(Value::Bool(flag)) => Some(*flag),
        Some(Value::String(text)) => Some(text == "true"),
        _ => None,
    };
    let last_commit_id = text("last_commit_id").filter(|id| !id.is_empty());
    Ok(Action { kind, path, content, previous_path: text("previous_path"), last_commit_id, executable })
}

// ---- branches ----

fn show_named_branch(call: &Call<'_>, name: &str, commit: &Commit) -> Result<Value, Failure> {
    let id = call.project()?;
    let project = &call.world.projects[&id];
    let scope = Scope::Project(id);
    let protected = call.world.protected_branches.of(scope).any(|rule| matches(&rule.name, name));
    let branch_url = format!("{}/-/tree/{name}", projects::web_url(call.world, project));
    let default = project.default_branch.as_deref() == Some(name);
    Ok(json!({
        "name": name,
        "commit": show(call, commit),
        "merged": false,
        "protected": protected,
        "developers_can_push": !protected,
        "developers_can_merge": !protected,
        "can_push": call.level(scope) >= if protected { level::MAINTAINER } else { level::DEVELOPER },
        "default": default,
        "web_url": branch_url,
    }))
}

fn branches(call: &Call<'_>) -> Result<BTreeMap<String, Commit>, Failure> {
    let repository = repository(call)?;
    let found = repository.refs.branches.iter();
    Ok(found.filter_map(|(name, id)| Some((name.clone(), repository.commits.get(id)?.clone()))).collect())
}

fn list_branches(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let search = call.params.text("search").unwrap_or_default();
    let found: Vec<(String, Commit)> = branches(call)?
        .into_iter()
        .filter(|(name, _)| name.contains(search.trim_start_matches('^')))
        .collect();
    call.page(&found, |(name, commit)| show_named_branch(call, name, commit).unwrap_or_default())
}

fn show_branch(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let name = call.part("branch").to_owned();
    let commit = branches(call)?.remove(&name).ok_or_else(|| Failure::not_found("Branch"))?;
    Answer::ok(show_named_branch(call, &name, &commit)?)
}

fn create_branch(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let project = call.project()?;
    call.needs(Scope::Project(project), level::DEVELOPER)?;
    let (name, start) = (call.params.required("branch"), call.params.required("ref"));
    call.params.check()?;
    let repository = repository(call)?;
    if repository.refs.branches.contains_key(&name) {
        return Err(Failure::bad("Branch already exists"));
    }
    if name.is_empty() || name.contains([' ', '~', '^', ':', '?', '*', '[', '\\']) || name.contains("..") {
        return Err(Failure::bad("Branch name is invalid"));
    }
    let commit = repository.resolve(&start).cloned();
    let commit = commit.ok_or_else(|| Failure::bad(format!("Invalid reference name: {start}")))?;
    call.world.repositories.entry(project).or_default().refs.branches.insert(name.clone(), commit.id.clone());
    call.world.put_refs(project);
    Answer::created(show_named_branch(call, &name, &commit)?)
}

fn remove_branch(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let project = call.project()?;
    let scope = Scope::Project(project);
    call.needs(scope, level::DEVELOPER)?;
    let name = call.part("branch").to_owned();
    if !repository(call)?.refs.branches.contains_key(&name) {
        return Err(Failure::not_found("Branch"));
    }
    if call.world.projects[&project].default_branch.as_deref() == Some(&name) {
        let text = "Cannot remove HEAD branch";
        return Err(Failure::message(axum::http::StatusCode::METHOD_NOT_ALLOWED, text));
    }
    if call.world.protected_branches.of(scope).any(|rule| matches(&rule.name, &name)) {
        let text = "Protected branch can't be removed";
        return Err(Failure::message(axum::http::StatusCode::METHOD_NOT_ALLOWED, text));
    }
    call.world.repositories.entry(project).or_default().refs.branches.remove(&name);
    call.world.put_refs(project);
    Answer::gone()
}

// ---- tags ----

fn show_named_tag(call: &Call<'_>, name: &str, tag: &TagRef) -> Result<Value, Failure> {
    let scope = Scope::Project(call.project()?);
    let commit = repository(call)?.commits.get(&tag.commit).map(|commit| show(call, commit));
    let protected = call.world.protected_tags.of(scope).any(|rule| matches(&rule.name, name));
    Ok(json!({
        "name": name, "message": tag.message.as_deref().unwrap_or_default(), "target": tag.commit, "commit": commit,
        "release": null, "protected": protected, "created_at": tag.message.as_ref().map(|_| &tag.created_at)
    }))
}

fn list_tags(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let search = call.params.text("search").unwrap_or_default();
    let tags: Vec<(String, TagRef)> = repository(call)?.refs.tags.clone().into_iter().collect();
    let tags: Vec<_> = tags.into_iter().filter(|(name, _)| name.contains(&search)).collect();
    call.page(&tags, |(name, tag)| show_named_tag(call, name, tag).unwrap_or_default())
}

fn show_tag(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let name = call.part("tag").to_owned();
    let tag = repository(call)?.refs.tags.get(&name).cloned().ok_or_else(|| Failure::not_found("Tag"))?;
    Answer::ok(show_named_tag(call, &name, &tag)?)
}

fn create_tag(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let project = call.project()?;
    call.needs(Scope::Project(project), level::DEVELOPER)?;
    let (name, start) = (call.params.required("tag_name"), call.params.required("ref"));
    let message = call.params.text("message").filter(|message| !message.is_empty());
    call.params.check()?;
    let repository = repository(call)?;
    if repository.refs.tags.contains_key(&name) {
        return Err(Failure::bad(format!("Tag {name} already exists")));
    }
    let commit = repository.resolve(&start).map(|commit| commit.id.clone());
    let commit = commit.ok_or_else(|| Failure::bad("Target ".to_owned() + &start + " is invalid"))?;
    let tag = TagRef { commit, message, created_at: now() };
    call.world.repositories.entry(project).or_default().refs.tags.insert(name.clone(), tag.clone());
    call.world.put_refs(project);
    Answer::created(show_named_tag(call, &name, &tag)?)
}

fn remove_tag(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let project = call.project()?;
    call.needs(Scope::Project(project), level::DEVELOPER)?;
    let name = call.part("tag").to_owned();
    if call.world.repositories.entry(project).or_default().refs.tags.remove(&name).is_none() {
        return Err(Failure::not_found("Tag"));
    }
    call.world.put_refs(project);
    Answer::gone()
}

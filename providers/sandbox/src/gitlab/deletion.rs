//! The three steps of a deletion: marked (and restorable), under way, gone.
//!
//! <https://docs.gitlab.com/user/group/#group-deletion>: a DELETE only marks; a second one with `permanently_remove`
//! starts the removal, which ends a moment later. Until then the path stays taken.

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    groups,
    model::{Event, Scope, level},
    projects,
    world::{Node, today},
};

pub(super) const ROUTES: &[Route] = &[
    ("DELETE", "/groups/{id}", delete_group),
    ("POST", "/groups/{id}/restore", restore_group),
    ("DELETE", "/projects/{id}", delete_project),
    ("POST", "/projects/{id}/restore", restore_project),
];

/// What a marked object's path and name end with on servers that rename it.
fn suffix(id: u64) -> String {
    format!("-deletion_scheduled-{id}")
}

fn delete_group(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.group()?;
    call.needs(Scope::Group(id), level::OWNER)?;
    let now = call.params.flag("permanently_remove").unwrap_or(false);
    call.params.check()?;
    let mut group = call.world.groups[&id].clone();
    if now {
        if group.parent_id.is_none() {
            return Err(Failure::bad("`permanently_remove` option is only available for subgroups."));
        }
        if group.marked_for_deletion_on.is_none() {
            return Err(Failure::bad("Group must be marked for deletion first."));
        }
        if call.params.text("full_path").as_deref() != Some(call.world.group_full_path(id).as_str()) {
            let text = "`full_path` is incorrect. You must enter the complete path for the subgroup.";
            return Err(Failure::bad(text));
        }
        if !group.deleting {
            group.deleting = true;
            call.world.put_group(group);
            call.world.later(call.world.settings.deletion_delay, Event::DeleteGroup(id));
        }
        return Answer::accepted();
    }
    if group.marked_for_deletion_on.is_some() {
        return Err(Failure::bad("Group has been already marked for deletion"));
    }
    group.marked_for_deletion_on = Some(today());
    if call.world.settings.rename_marked {
        group.path.push_str(&suffix(id));
        group.name.push_str(&suffix(id));
    }
    call.world.put_group(group);
    Answer::accepted()
}

fn restore_group(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.group()?;
    call.needs(Scope::Group(id), level::OWNER)?;
    let mut group = call.world.groups[&id].clone();
    if group.marked_for_deletion_on.is_none() {
        return Err(Failure::bad("Group has not been marked for deletion"));
    }
    if group.deleting {
        return Err(Failure::bad("Group deletion is in progress"));
    }
    group.marked_for_deletion_on = None;
    group.path = group.path.trim_end_matches(&suffix(id)).to_owned();
    group.name = group.name.trim_end_matches(&suffix(id)).to_owned();
    let there = call.world.find_in(group.parent_id, &group.path);
    if there.is_some_and(|node| node != Node::Group(id)) {
        return Err(Failure::bad(format!("Path {}", super::rules::TAKEN)));
    }
    call.world.put_group(group);
    let shown = groups::show(call.world, &call.world.groups[&id]);
    Answer::created(shown.into())
}

fn delete_project(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    call.needs(Scope::Project(id), level::OWNER)?;
    let now = call.params.flag("permanently_remove").unwrap_or(false);
    call.params.check()?;
    let mut project = call.world.projects[&id].clone();
    if now {
        if project.marked_for_deletion_on.is_none() {
            return Err(Failure::bad("Project must be marked for deletion first."));
        }
        if call.params.text("full_path").as_deref() != Some(call.world.project_full_path(&project).as_str()) {
            let text = "`full_path` is incorrect. You must enter the complete path for the project.";
            return Err(Failure::bad(text));
        }
        project.deleting = true;
        call.world.put_project(project);
        call.world.later(call.world.settings.deletion_delay, Event::DeleteProject(id));
        return Answer::accepted();
    }
    if project.marked_for_deletion_on.is_some() {
        return Err(Failure::bad("Project has been already marked for deletion"));
    }
    project.marked_for_deletion_on = Some(today());
    if call.world.settings.rename_marked {
        project.path.push_str(&suffix(id));
        project.name.push_str(&suffix(id));
    }
    call.world.put_project(project);
    Answer::accepted()
}

fn restore_project(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let id = call.project()?;
    call.needs(Scope::Project(id), level::OWNER)?;
    let mut project = call.world.projects[&id].clone();
    if project.marked_for_deletion_on.is_none() {
        return Err(Failure::bad("Project has not been marked for deletion"));
    }
    project.marked_for_deletion_on = None;
    project.path = project.path.trim_end_matches(&suffix(id)).to_owned();
    project.name = project.name.trim_end_matches(&suffix(id)).to_owned();
    let there = call.world.find_in(Some(project.namespace_id), &project.path);
    if there.is_some_and(|node| node != Node::Project(id)) {
        return Err(Failure::bad(format!("Path {}", super::rules::TAKEN)));
    }
    call.world.put_project(project);
    Answer::created(projects::show(call, &call.world.projects[&id]))
}

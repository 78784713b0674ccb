//! What happens some time after a request: deletions end, a default branch gets its protection, imports finish.

use super::{
    model::{Access, Event, ProtectedBranch, Scope, level},
    repository,
    world::{World, now},
};

/// Does all that is due.
pub(super) fn catch_up(world: &mut World) {
    for event in world.due() {
        match event {
            Event::DeleteGroup(id) => {
                if world.groups.contains_key(&id) {
                    world.remove_group(id);
                }
            }
            Event::DeleteProject(id) => {
                if world.projects.contains_key(&id) {
                    world.remove_project(id);
                }
            }
            Event::DeleteUser(id) => world.remove_user(id),
            Event::ProtectDefaultBranch(id) => protect_default_branch(world, id),
            Event::FinishImport(id) => finish_import(world, id),
            Event::FinishMirror { project, mirror } => finish_mirror(world, project, mirror),
        }
    }
}

/// The first commit to a project protects its default branch, as the group's settings say.
fn protect_default_branch(world: &mut World, id: u64) {
    let scope = Scope::Project(id);
    let Some(project) = world.projects.get(&id) else { return };
    let Some(branch) = project.default_branch.clone() else { return };
    if world.protected_branches.of(scope).any(|protected| protected.name == branch) {
        return;
    }
    let settings = world
        .ancestry(Some(project.namespace_id))
        .into_iter()
        .find_map(|group| world.groups[&group].attributes.get("default_branch_protection_defaults").cloned());
    let level_of = |name: &str| {
        let entries = settings
            .as_ref()
            .and_then(|settings| settings.get(name)?.as_array().cloned())
            .unwrap_or_default();
        let levels =
            entries.iter().filter_map(|entry| u8::try_from(entry.get("access_level")?.as_u64()?).ok());
        levels.min().unwrap_or(level::MAINTAINER)
    };
    let (push, merge) = (level_of("allowed_to_push"), level_of("allowed_to_merge"));
    if settings.is_some() && push <= level::DEVELOPER && merge <= level::DEVELOPER {
        return;
    }
    let allow_force_push =
        settings.as_ref().and_then(|settings| settings.get("allow_force_push")?.as_bool()).unwrap_or(false);
    let access = |world: &mut World, access_level| Access {
        id: world.next_id("access"),
        access_level: Some(access_level),
        user_id: None,
        group_id: None,
        deploy_key_id: None,
    };
    let (push, merge) = (vec![access(world, push)], vec![access(world, merge)]);
    let id = world.next_id("protected_branch");
    let protected = ProtectedBranch {
        id,
        scope,
        name: branch,
        push,
        merge,
        unprotect: Vec::new(),
        allow_force_push,
        code_owner_approval_required: false,
    };
    world.shelve(protected);
}

/// The sandbox reaches no other host: an import "brings" a README, so that the project has a branch.
fn finish_import(world: &mut World, id: u64) {
    let Some(mut project) = world.projects.get(&id).cloned() else { return };
    project.import_status = "finished".to_owned();
    let source = project.import_url.clone().unwrap_or_default();
    let creator = project.creator_id;
    let text =
        format!("# {}\n\nImported from {source} (by the sandbox: without its content).\n", project.name);
    let empty = project.default_branch.is_none();
    world.put_project(project);
    if empty {
        repository::first_commit(world, id, creator, "main", "README.md", text, "Initial import");
    }
}

fn finish_mirror(world: &mut World, project: u64, mirror: u64) {
    let scope = Scope::Project(project);
    if let Some(mut found) = world.remote_mirrors.get(scope, mirror).cloned() {
        found.update_status = "finished".to_owned();
        found.last_update_at = Some(now());
        found.last_successful_update_at = Some(now());
        world.shelve(found);
    } else if let Some(mut found) = world.projects.get(&project).cloned()
        && let Some(pull) = &mut found.pull_mirror
    {
        pull.update_status = "finished".to_owned();
        pull.last_update_at = Some(now());
        world.put_project(found);
    }
}

"""A session of python-gitlab (8.6) with the sandbox's GitLab; exits non-zero if any answer is not as GitLab's.

    python gitlab_session.py URL TOKEN

Needs a fresh sandbox that makes users when they are looked up.
"""

import base64
import sys
import time

import gitlab
from gitlab.exceptions import (
    GitlabAuthenticationError,
    GitlabCreateError,
    GitlabDeleteError,
    GitlabGetError,
    GitlabUpdateError,
)

CHECKS = 0


def check(condition, what):
    global CHECKS
    CHECKS += 1
    if not condition:
        sys.exit(f"mismatch: {what}")


def refused(kind, code, text, action, *args, **kwargs):
    """The action fails with this status and a message that holds the text."""
    try:
        action(*args, **kwargs)
    except kind as error:
        check(error.response_code == code, f"{text!r}: status {error.response_code}, not {code}")
        check(text in str(error), f"{text!r} is not in {error}")
    else:
        check(False, f"{text!r}: was not refused")


def until(condition, what):
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    check(False, f"{what}: did not happen in 5 seconds")


def missing(manager, key):
    try:
        manager.get(key)
    except GitlabGetError as error:
        return error.response_code == 404
    return False


def sign_in(url, token):
    refused(GitlabAuthenticationError, 401, "401 Unauthorized", gitlab.Gitlab(url, private_token="wrong").auth)
    gl = gitlab.Gitlab(url, private_token=token, per_page=100)
    gl.auth()
    check(gl.user.username == "root", "the token is root's")
    version, _ = gl.version()
    check(version.startswith("18."), "version")
    bearer = gitlab.Gitlab(url, oauth_token=token)
    bearer.auth()
    check(bearer.user.id == gl.user.id, "Bearer works too")
    return gl


def groups(gl):
    root = gl.groups.create({"name": "Forge", "path": "forge", "visibility": "private"})
    projects = gl.groups.create({"name": "projects", "path": "projects", "parent_id": root.id})
    check(projects.full_path == "forge/projects", "full path")
    check(gl.groups.get("forge/projects").id == projects.id, "by path")
    refused(GitlabCreateError, 400, "has already been taken", gl.groups.create, {"name": "Forge 2", "path": "forge"})
    refused(GitlabCreateError, 400, "can contain only letters", gl.groups.create, {"name": "x", "path": "a b"})
    refused(
        GitlabCreateError, 400, "is not allowed since the parent group has a private visibility", gl.groups.create,
        {"name": "open", "path": "open", "parent_id": root.id, "visibility": "public"},
    )
    refused(GitlabGetError, 404, "404 Group Not Found", gl.groups.get, "forge/none")
    projects.description = "All projects"
    projects.save()
    check(gl.groups.get(projects.id).description == "All projects", "update")

    for number in range(130):
        gl.groups.create({"name": f"team-{number:03}", "path": f"team-{number:03}", "parent_id": projects.id})
    subgroups = list(projects.subgroups.list(iterator=True, per_page=50))
    check(len(subgroups) == 130, "130 subgroups over three pages")
    check([group.name for group in subgroups] == sorted(group.name for group in subgroups), "by name")
    page = projects.subgroups.list(iterator=True, per_page=50)
    check((page.total, page.total_pages, page.next_page) == (130, 3, 2), "page headers")
    check(len(root.descendant_groups.list(get_all=True)) == 131, "descendants")
    check(len(gl.groups.list(search="team-12", get_all=True)) == 10, "search")
    check(len(gl.groups.list(top_level_only=True, get_all=True)) == 1, "top level")

    moved = gl.groups.get("forge/projects/team-000")
    moved.transfer(root.id)
    check(gl.groups.get("forge/team-000").id == moved.id, "transfer")
    moved.customattributes.set("cpn_project_slug", "team-000")
    check(moved.customattributes.get("cpn_project_slug").value == "team-000", "custom attribute")
    found = gl.groups.list(custom_attributes={"cpn_project_slug": "team-000"}, get_all=True)
    check([group.id for group in found] == [moved.id], "filter by custom attribute")
    return root, projects


def deletion(gl):
    group = gl.groups.get("forge/projects/team-001")
    group.delete()
    marked = gl.groups.get(group.id)
    check(marked.marked_for_deletion_on is not None, "marked")
    refused(GitlabDeleteError, 400, "already marked for deletion", group.delete)
    refused(
        GitlabCreateError, 400, "has already been taken", gl.groups.create,
        {"name": "team-001b", "path": "team-001", "parent_id": group.parent_id},
    )
    group.restore()
    check(gl.groups.get(group.id).marked_for_deletion_on is None, "restored")
    group.delete()
    refused(
        GitlabDeleteError, 400, "`full_path` is incorrect", group.delete, permanently_remove=True, full_path="wrong"
    )
    group.delete(permanently_remove=True, full_path="forge/projects/team-001")
    until(lambda: missing(gl.groups, group.id), "permanent deletion")
    gl.groups.create({"name": "team-001", "path": "team-001", "parent_id": group.parent_id}).delete()


def projects(gl, group):
    project = gl.projects.create(
        {"name": "API carto", "namespace_id": group.id, "topics": ["plugin-managed"], "description": "L’API"}
    )
    check(project.path == "api-carto", "path from name")
    check(project.path_with_namespace == "forge/projects/api-carto", "path with namespace")
    check(project.topics == ["plugin-managed"] and project.empty_repo, "topics, empty")
    refused(
        GitlabCreateError, 400, "has already been taken", gl.projects.create,
        {"name": "other", "path": "api-carto", "namespace_id": group.id},
    )
    refused(GitlabCreateError, 400, "name, path are missing", gl.projects.create, {"namespace_id": group.id})
    refused(GitlabGetError, 404, "404 Project Not Found", gl.projects.get, 999999)
    project.ci_config_path = ".gitlab-ci-dso.yml"
    project.issues_access_level = "disabled"
    project.save()
    again = gl.projects.get("forge/projects/api-carto")
    check(again.ci_config_path == ".gitlab-ci-dso.yml", "ci_config_path")
    check(again.issues_enabled is False, "issues_enabled follows issues_access_level")

    for number in range(45):
        gl.projects.create({"name": f"repo-{number}", "namespace_id": group.id})
    walked = list(gl.projects.list(pagination="keyset", order_by="id", sort="asc", per_page=10, iterator=True))
    ids = [found.id for found in walked]
    check(len(ids) == 46 and ids == sorted(ids), "keyset pagination walks all")
    check(len(group.projects.list(get_all=True, include_subgroups=True, with_shared=False)) == 46, "group's projects")
    secret = gl.projects.create(
        {"name": "imported", "namespace_id": group.id, "import_url": "https://me:hush@forge.example/a/b.git"}
    )
    check(secret.import_url == "https://*****:*****@forge.example/a/b.git", "import URL is masked")
    until(lambda: gl.projects.get(secret.id).import_status == "finished", "import")

    project.archive()
    check(gl.projects.get(project.id).archived, "archived")
    project.unarchive()
    gone = gl.projects.get("forge/projects/repo-1")
    gone.delete()
    check(gl.projects.get(gone.id).marked_for_deletion_on is not None, "marked")
    gone.delete(permanently_remove=True, full_path="forge/projects/repo-1")
    until(lambda: missing(gl.projects, gone.id), "project deletion")
    return project


def members(gl, group, project):
    marie = gl.users.list(username="marie.durand")[0]
    check(marie.name == "Marie Durand", "a user who is looked up is there")
    member = group.members.create({"user_id": marie.id, "access_level": gitlab.const.AccessLevel.DEVELOPER})
    check(member.access_level == 30, "member")
    refused(
        GitlabCreateError, 409, "Member already exists", group.members.create,
        {"user_id": marie.id, "access_level": 30},
    )
    refused(
        GitlabCreateError, 400, "should be greater than or equal to Developer inherited membership", 
        project.members.create, {"user_id": marie.id, "access_level": 10},
    )
    refused(GitlabCreateError, 404, "404 User Not Found", group.members.create, {"user_id": 99999, "access_level": 30})
    refused(
        GitlabCreateError, 400, "access_level does not have a valid value", group.members.create,
        {"user_id": marie.id, "access_level": 42},
    )
    member.access_level = 40
    member.expires_at = "2099-01-01"
    member.save()
    check(group.members.get(marie.id).expires_at == "2099-01-01", "member update")
    everybody = {found.username: found.access_level for found in project.members_all.list(get_all=True)}
    check(everybody == {"root": 50, "marie.durand": 40}, f"inherited members {everybody}")
    refused(GitlabDeleteError, 403, "403 Forbidden", gl.groups.get("forge").members.delete, gl.user.id)
    member.delete()
    refused(GitlabGetError, 404, "404 Not found", group.members.get, marie.id)


def variables(group, project):
    project.variables.create({"key": "SONAR_TOKEN", "value": "0123456789abcdef", "masked": True})
    refused(
        GitlabCreateError, 400, "(SONAR_TOKEN) has already been taken", project.variables.create,
        {"key": "SONAR_TOKEN", "value": "x"},
    )
    refused(GitlabCreateError, 400, "is invalid", project.variables.create, {"key": "A", "value": "short", "masked": True})
    project.variables.create({"key": "URL", "value": "dev", "environment_scope": "dev"})
    project.variables.create({"key": "URL", "value": "prod", "environment_scope": "prod"})
    refused(GitlabGetError, 409, "There are multiple variables", project.variables.get, "URL")
    found = project.variables.get("URL", filter={"environment_scope": "prod"})
    check(found.value == "prod", "filter")
    project.variables.update("URL", {"value": "prod2"}, filter={"environment_scope": "prod"})
    values = {(item.key, item.environment_scope): item.value for item in project.variables.list(get_all=True)}
    check(values[("URL", "prod")] == "prod2" and values[("URL", "dev")] == "dev", "update of one scope")
    hidden = group.variables.create({"key": "HIDDEN", "value": "a-long-secret", "masked_and_hidden": True})
    check(hidden.value is None and hidden.hidden, "hidden value is not shown")
    group.variables.delete("HIDDEN")
    refused(GitlabGetError, 404, "404 GroupVariable Not Found", group.variables.get, "HIDDEN")


def repository(project):
    refused(GitlabGetError, 404, "404 Commit Not Found", project.files.get, "README.md", ref="main")
    project.files.create(
        {"file_path": "README.md", "branch": "main", "content": "# Carto\n", "commit_message": "first"}
    )
    refused(
        GitlabCreateError, 400, "A file with this name already exists", project.files.create,
        {"file_path": "README.md", "branch": "main", "content": "x", "commit_message": "again"},
    )
    file = project.files.get("README.md", ref="main")
    check(file.decode() == b"# Carto\n", "content")
    first = file.last_commit_id
    file.content = base64.b64encode(b"# Carto 2\n").decode()
    file.encoding = "base64"
    file.save(branch="main", commit_message="second")
    refused(
        GitlabUpdateError, 400, "has changed since you started editing it", project.files.update, "README.md",
        {"branch": "main", "content": "x", "commit_message": "late", "last_commit_id": first},
    )
    commit = project.commits.create(
        {
            "branch": "main",
            "commit_message": "ci: :construction_worker: first mirror",
            "actions": [
                {"action": "create", "file_path": ".gitlab-ci.yml", "content": "stages: []\n"},
                {"action": "create", "file_path": "bin/mirror.sh", "content": "#!/bin/sh\n", "execute_filemode": True},
            ],
        }
    )
    check(commit.stats["additions"] == 2, "stats")
    refused(
        GitlabCreateError, 400, "A file with this name doesn't exist", project.commits.create,
        {"branch": "main", "commit_message": "x", "actions": [{"action": "delete", "file_path": "none"}]},
    )
    tree = {entry["path"]: entry["mode"] for entry in project.repository_tree(recursive=True, get_all=True)}
    check(tree == {"bin": "040000", ".gitlab-ci.yml": "100644", "README.md": "100644", "bin/mirror.sh": "100755"}, tree)
    check([found.title for found in project.commits.list(get_all=True)][-1] == "first", "history")
    check(project.files.raw("README.md", ref="main") == b"# Carto 2\n", "raw")
    project.branches.create({"branch": "develop", "ref": "main"})
    check(len(project.branches.list(get_all=True)) == 2, "branches")


def protection(project):
    until(lambda: len(project.protectedbranches.list(get_all=True)) == 1, "default branch protection")
    main = project.protectedbranches.get("main")
    check([level["access_level"] for level in main.push_access_levels] == [40], "maintainers")
    refused(
        GitlabCreateError, 409, "Protected branch 'main' already exists", project.protectedbranches.create,
        {"name": "main"},
    )
    main.allow_force_push = True
    main.save()
    check(project.protectedbranches.get("main").allow_force_push, "PATCH")
    project.protectedbranches.create({"name": "release/*", "push_access_level": 0, "merge_access_level": 40})
    project.protectedbranches.delete("release/*")
    refused(GitlabGetError, 404, "404 Not found", project.protectedbranches.get, "release/*")


def tokens(gl, url, group, project):
    token = group.access_tokens.create(
        {"name": "carto-bot", "scopes": ["read_api", "read_repository"], "access_level": 20, "expires_at": in_days(30)}
    )
    check(token.token.startswith("glpat-"), "shown once")
    check(not hasattr(group.access_tokens.get(token.id), "token"), "and never again")
    bot = gitlab.Gitlab(url, private_token=token.token)
    bot.auth()
    check(bot.projects.get(project.id).id == project.id, "the bot reads")
    refused(GitlabCreateError, 403, "insufficient_scope", bot.groups.create, {"name": "x", "path": "x"})
    refused(GitlabGetError, 404, "404 Group Not Found", bot.groups.get, "forge/team-000")
    token.rotate(expires_at=in_days(60))
    refused(GitlabAuthenticationError, 401, "invalid_token", bot.auth)
    deploy = project.deploytokens.create({"name": "pull", "scopes": ["read_registry"]})
    check(deploy.token.startswith("gldt-") and deploy.username.startswith("gitlab+deploy-token-"), "deploy token")
    refused(
        GitlabCreateError, 400, "scopes does not have a valid value", project.deploytokens.create,
        {"name": "x", "scopes": ["everything"]},
    )
    deploy.delete()
    trigger = project.triggers.create({"description": "mirroring-from-external-repo"})
    check(project.triggers.get(trigger.id).token == trigger.token, "whole for its owner")
    pipeline = project.trigger_pipeline("main", trigger.token, variables={"A": "1"})
    check(pipeline.ref == "main" and pipeline.source == "trigger", "pipeline")
    check(gl.personal_access_tokens.get("self").active, "own token")


def in_days(days):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400))


def mirrors(project):
    mirror = project.remote_mirrors.create({"url": "https://bot:hush@forge.example/a/b.git", "enabled": True})
    check(mirror.url == "https://*****:*****@forge.example/a/b.git", "masked")
    mirror.only_protected_branches = True
    mirror.save()
    check(project.remote_mirrors.list(get_all=True)[0].only_protected_branches, "update")
    mirror.delete()
    pull = project.pull_mirror.create({"url": "https://forge.example/a/b.git", "enabled": True})
    check(pull.enabled, "pull mirror")
    hook = project.hooks.create({"url": "https://hooks.example/x", "token": "hush", "push_events": True})
    check(not hasattr(project.hooks.get(hook.id), "token"), "a hook's token is never shown")
    project.labels.create({"name": "bug", "color": "#ff0000"})
    check(project.labels.get("bug").color == "#ff0000", "label")


def main():
    url, token = sys.argv[1:3]
    gl = sign_in(url, token)
    _, group = groups(gl)
    deletion(gl)
    project = projects(gl, group)
    members(gl, group, project)
    variables(group, project)
    repository(project)
    protection(project)
    tokens(gl, url, group, project)
    mirrors(project)
    print(f"{CHECKS} passed, 0 failed")


main()

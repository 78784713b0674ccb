# GitLab: the project's group, its repositories and their protection, its members, its CI variables.

locals {
  # Repositories that the platform makes for every project: the mirror's pipeline, and what Argo CD reads.
  platform_repos = {
    mirror     = { source = "", infra = false, branch = "main", variables = {} }
    infra-apps = { source = "", infra = true, branch = "main", variables = {} }
  }
  repos = merge(local.platform_repos, var.repos)

  # GitLab access level of each role; the highest role of a person wins, and one without a role is a guest.
  levels = { admin = 40, devops = 40, developer = 30, security = 20, readonly = 20 }
  names  = { "10" = "guest", "20" = "reporter", "30" = "developer", "40" = "maintainer", "50" = "owner" }
  access = merge(
    { for email, roles in var.members : email => local.names[max(10, [for r in roles : local.levels[r]]...)] },
    { (var.owner) = "owner" },
  )
  # The platform's rule: the e-mail address's local part, without what a username can't have.
  usernames = { for email in keys(local.access) : email => replace(split("@", email)[0], "/[^A-Za-z0-9_-]/", "") }

  repo_variables = merge([
    for name, repo in var.repos : {
      for key, value in merge({
        PROJECT_KEY  = "${var.slug}-${name}-${substr(provider::pilotis::hmac_sha256("", name), 0, 4)}"
        PROJECT_NAME = "${var.slug}-${name}"
      }, repo.variables) : "${name}/${key}" => { repo = name, key = key, value = value }
    }
  ]...)
}

data "gitlab_group" "root" {
  full_path = var.root
}

data "gitlab_user" "member" {
  for_each = local.usernames
  username = each.value
}

resource "gitlab_group" "project" {
  name        = var.slug
  path        = var.slug
  description = var.description
  parent_id   = data.gitlab_group.root.group_id
}

resource "gitlab_group_membership" "member" {
  for_each     = local.access
  group_id     = gitlab_group.project.id
  user_id      = data.gitlab_user.member[each.key].user_id
  access_level = each.value
}

resource "gitlab_group_variable" "this" {
  for_each = merge({ PROJECT_SLUG = var.slug }, var.variables)
  group    = gitlab_group.project.id
  key      = each.key
  value    = each.value
}

resource "gitlab_project" "repo" {
  for_each               = local.repos
  name                   = each.key
  namespace_id           = gitlab_group.project.id
  default_branch         = each.value.branch
  initialize_with_readme = true
  topics                 = ["plugin-managed"]
  ci_config_path         = each.value.source == "" ? null : ".gitlab-ci-dso.yml"
}

resource "gitlab_branch_protection" "default" {
  for_each           = local.repos
  project            = gitlab_project.repo[each.key].id
  branch             = each.value.branch
  push_access_level  = "maintainer"
  merge_access_level = "maintainer"
}

resource "gitlab_project_variable" "this" {
  for_each = local.repo_variables
  project  = gitlab_project.repo[each.value.repo].id
  key      = each.value.key
  value    = each.value.value
}

# The external forge starts the mirror's pipeline with this.
resource "gitlab_pipeline_trigger" "mirror" {
  project     = gitlab_project.repo["mirror"].id
  description = "mirroring-from-external-repo"
}

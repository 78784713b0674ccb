# A module for the projects of a team, with tests.
#
#   pilotis test
#
# rehearses it in a sandbox of its own: nothing has to be installed, and nothing is left behind.

variable "team" {
  description = "Name of the team, as its people say it."
  validation {
    condition     = length(var.team) >= 3
    error_message = "A team's name has three letters or more."
  }
}

variable "parent_id" {
  description = "The group that teams belong to; none for a group of its own."
  type        = number
  default     = null
}

variable "projects" {
  description = "Names of its projects."
  type        = set(string)
  default     = []
}

resource "gitlab_group" "team" {
  name             = var.team
  path             = replace(lower(var.team), "/[^a-z0-9]+/", "-")
  parent_id        = var.parent_id
  visibility_level = "private"
}

resource "gitlab_project" "all" {
  for_each         = var.projects
  name             = each.key
  namespace_id     = gitlab_group.team.id
  visibility_level = gitlab_group.team.visibility_level
}

output "group" {
  value = gitlab_group.team.full_path
}

output "projects" {
  value = { for name, p in gitlab_project.all : name => p.path_with_namespace }
}

# What a team writes in a `project` block.

variable "slug" {
  type        = string
  description = "The project's name; every external name derives from it. The block's label, unless it is set."
  validation {
    condition     = can(regex("^[a-z0-9]{2,20}$", var.slug))
    error_message = "A project's name has 2 to 20 lower-case letters and digits, without hyphens: \"titresejour\"."
  }
}

variable "description" {
  type        = string
  default     = ""
  description = "What the project is for, in at most 280 characters."
  validation {
    condition     = length(var.description) <= 280
    error_message = "A project's description has at most 280 characters."
  }
}

variable "owner" {
  type        = string
  description = "E-mail address of the person who answers for the project."
  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+$", var.owner))
    error_message = "A project's owner is an e-mail address."
  }
}

variable "members" {
  type        = map(list(string))
  default     = {}
  description = "Roles by e-mail address: admin, devops, developer, security, readonly. The highest role decides the GitLab access level."
  validation {
    condition     = alltrue([for m in keys(var.members) : can(regex("^[^@\\s]+@[^@\\s]+$", m))])
    error_message = "A member is an e-mail address."
  }
  validation {
    condition = alltrue(flatten([
      for roles in values(var.members) : [for r in roles : contains(["admin", "devops", "developer", "security", "readonly"], r)]
    ]))
    error_message = "A member's roles are some of admin, devops, developer, security and readonly."
  }
}

variable "root" {
  type        = string
  default     = "forge"
  description = "Full path of the GitLab group that holds all projects of the platform."
}

variable "variables" {
  type        = map(string)
  default     = {}
  description = "CI variables of the whole project."
}

variable "repos" {
  type = map(object({
    source    = optional(string, "")
    infra     = optional(bool, false)
    branch    = optional(string, "main")
    variables = optional(map(string), {})
  }))
  default     = {}
  description = "The project's repositories. `source` is the address that it mirrors; none: a repository of its own."
  validation {
    condition     = alltrue([for name in keys(var.repos) : can(regex("^[a-z0-9][a-z0-9-]{0,18}[a-z0-9]$", name))])
    error_message = "A repository's name has 2 to 20 lower-case letters, digits and hyphens, with no hyphen at either end."
  }
  validation {
    condition     = alltrue([for name in keys(var.repos) : !contains(["mirror", "infra-apps", "infra-observability"], name)])
    error_message = "The platform makes the repositories mirror, infra-apps and infra-observability itself: choose another name."
  }
  validation {
    condition     = alltrue([for r in values(var.repos) : r.source == "" || can(regex("^https://.*\\.git$", r.source))])
    error_message = "A repository's source is the https address of a Git repository: \"https://forge.example/carto/api.git\"."
  }
}

variable "environments" {
  type = map(object({
    on = object({
      cluster    = string
      zone       = string
      stage      = string
      production = bool
    })
    quota = optional(object({
      cpu    = number
      memory = string
      gpu    = optional(number, 0)
    }))
    autosync = optional(bool, true)
  }))
  default     = {}
  description = "The project's environments. `on` says where one runs: `cluster.LABEL.stage.STAGE`."
  validation {
    condition     = alltrue([for name in keys(var.environments) : can(regex("^[a-z0-9]{2,11}$", name))])
    error_message = "An environment's name has 2 to 11 lower-case letters and digits."
  }
  validation {
    condition = alltrue([
      for e in values(var.environments) : e.quota == null || can(regex("^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$", e.quota.memory))
    ])
    error_message = "A quota's memory is a quantity: \"4Gi\", \"512Mi\"."
  }
  validation {
    condition     = alltrue([for e in values(var.environments) : e.quota == null || (e.quota.cpu >= 0 && e.quota.gpu >= 0)])
    error_message = "A quota's cpu and gpu are 0 or more."
  }
}

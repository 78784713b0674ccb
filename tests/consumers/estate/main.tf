# Something of everything that a plan can hold. `stage` is 1 when it is made, 2 when it is changed.

variable "stage" {
  type        = number
  default     = 1
  description = "1: as it is made. 2: as it becomes."
}

variable "password" {
  type      = string
  default   = "consumer-secret"
  sensitive = true
}

locals {
  sites = var.stage == 1 ? toset(["lyon", "paris"]) : toset(["paris", "brest"])
}

# Changed in place: a nested value, a JSON text, a list.
resource "terraform_data" "updated" {
  input = {
    stage  = var.stage
    policy = jsonencode({ allow = ["read", var.stage == 1 ? "list" : "write"] })
    tags   = var.stage == 1 ? ["a", "b"] : ["a", "b", "c"]
  }
}

# Replaced, and what needs it is changed to what isn't known yet.
resource "terraform_data" "replaced" {
  input            = "same"
  triggers_replace = [var.stage]
}

resource "terraform_data" "follower" {
  input = terraform_data.replaced.id
}

# Made before the old one goes.
resource "terraform_data" "swapped" {
  triggers_replace = { stage = var.stage, password = var.password }
  lifecycle {
    create_before_destroy = true
  }
}

# Its second instance goes.
resource "terraform_data" "counted" {
  count = var.stage == 1 ? 2 : 1
  input = count.index
}

# A site is made, one stays and one goes.
module "site" {
  source   = "./site"
  for_each = local.sites
  name     = each.key
  anchor   = terraform_data.replaced.id
}

check "stage" {
  assert {
    condition     = var.stage == 1
    error_message = "The estate is at stage ${var.stage}."
  }
}

output "sites" {
  value = { for name, site in module.site : name => site.id }
}

output "password" {
  value     = var.password
  sensitive = true
}

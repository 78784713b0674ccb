# A cluster of the platform and the stages that it offers. It makes nothing: it is what an environment's `on` refers to.

variable "name" {
  type        = string
  description = "The cluster's label; the block's label."
  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,50}$", var.name))
    error_message = "A cluster's label has 1 to 50 letters, digits and hyphens."
  }
}

variable "zone" {
  type        = string
  default     = "default"
  description = "The zone that the cluster lies in."
  validation {
    condition     = can(regex("^[a-z0-9-]{1,10}$", var.zone))
    error_message = "A zone has 1 to 10 lower-case letters, digits and hyphens."
  }
}

variable "stages" {
  type        = list(string)
  description = "Stages that environments on this cluster may have."
  validation {
    condition     = length(var.stages) > 0 && alltrue([for s in var.stages : can(regex("^[A-Za-z0-9]{2,20}$", s))])
    error_message = "A cluster offers at least one stage; a stage has 2 to 20 letters and digits."
  }
}

variable "production" {
  type        = list(string)
  default     = ["prod"]
  description = "Which of the stages are production."
}

output "stage" {
  description = "What an environment's `on` takes: `cluster.LABEL.stage.STAGE`."
  value = {
    for s in var.stages : s => {
      cluster    = var.name
      zone       = var.zone
      stage      = s
      production = contains(var.production, s)
    }
  }
}

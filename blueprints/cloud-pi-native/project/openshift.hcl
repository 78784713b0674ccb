# OpenShift: a namespace for each environment, with its quota, its limits, and who may do what in it.

locals {
  # Ids are derived from names, so that every name is known before anything is made.
  project_id     = uuidv5("dns", "${var.slug}.project.cloud-pi-native")
  environment_id = { for name in keys(var.environments) : name => uuidv5("dns", "${name}.${var.slug}.project.cloud-pi-native") }
  namespace = {
    for name, id in local.environment_id : name => join("--", [provider::pilotis::base36(id), provider::pilotis::base36(local.project_id)])
  }
  labels = {
    for name, env in var.environments : name => {
      "app.kubernetes.io/managed-by" = "pilotis"
      "dso/project"                  = var.slug
      "dso/environment"              = name
      "dso/stage"                    = env.on.stage
      "dso/zone"                     = env.on.zone
    }
  }
  quotas = { for name, env in var.environments : name => env.quota if env.quota != null }

  # Who may read and who may change an environment, as groups of the identity provider.
  bindings = merge([
    for name in keys(var.environments) : {
      "${name}/rw" = { environment = name, name = "dso-rw", role = "edit", groups = ["/${var.slug}/console/admin", "/${var.slug}/console/devops", "/${var.slug}/console/${name}/RW"] }
      "${name}/ro" = { environment = name, name = "dso-ro", role = "view", groups = ["/${var.slug}/console/developer", "/${var.slug}/console/security", "/${var.slug}/console/readonly", "/${var.slug}/console/${name}/RO"] }
    }
  ]...)
}

resource "kubernetes_namespace" "environment" {
  for_each = var.environments
  metadata {
    name   = local.namespace[each.key]
    labels = local.labels[each.key]
  }
}

resource "kubernetes_resource_quota" "environment" {
  for_each = local.quotas
  metadata {
    name      = "dso-quota"
    namespace = kubernetes_namespace.environment[each.key].metadata[0].name
  }
  spec {
    hard = {
      "limits.cpu"              = each.value.cpu
      "limits.memory"           = each.value.memory
      "requests.cpu"            = each.value.cpu
      "requests.memory"         = each.value.memory
      "requests.nvidia.com/gpu" = each.value.gpu
    }
  }
}

resource "kubernetes_limit_range" "environment" {
  for_each = local.quotas
  metadata {
    name      = "dso-limits"
    namespace = kubernetes_namespace.environment[each.key].metadata[0].name
  }
  spec {
    limit {
      type            = "Container"
      default         = { cpu = "500m", memory = "512Mi" }
      default_request = { cpu = "100m", memory = "128Mi" }
    }
  }
}

resource "kubernetes_role_binding" "environment" {
  for_each = local.bindings
  metadata {
    name      = each.value.name
    namespace = kubernetes_namespace.environment[each.value.environment].metadata[0].name
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "ClusterRole"
    name      = each.value.role
  }
  dynamic "subject" {
    for_each = each.value.groups
    content {
      api_group = "rbac.authorization.k8s.io"
      kind      = "Group"
      name      = subject.value
    }
  }
}

# What Argo CD deploys with.
resource "kubernetes_service_account" "deployer" {
  for_each = var.environments
  metadata {
    name      = "dso-deployer"
    namespace = kubernetes_namespace.environment[each.key].metadata[0].name
  }
}

# Pods of an environment are reached from the same environment and from the router only.
resource "kubernetes_network_policy" "environment" {
  for_each = var.environments
  metadata {
    name      = "dso-ingress"
    namespace = kubernetes_namespace.environment[each.key].metadata[0].name
  }
  spec {
    pod_selector {}
    policy_types = ["Ingress"]
    ingress {
      from {
        pod_selector {}
      }
      from {
        namespace_selector {
          match_labels = { "network.openshift.io/policy-group" = "ingress" }
        }
      }
    }
  }
}

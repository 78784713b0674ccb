# What `project.NAME` answers.

output "slug" {
  description = "The project's name."
  value       = var.slug
}

output "url" {
  description = "The project's page in GitLab."
  value       = gitlab_group.project.web_url
}

output "repos" {
  description = "The repositories' pages in GitLab, by name."
  value       = { for name, repo in gitlab_project.repo : name => repo.web_url }
}

output "namespaces" {
  description = "The environments' namespaces, by name."
  value       = { for name, ns in kubernetes_namespace.environment : name => ns.metadata[0].name }
}

output "consumption" {
  description = "What the environments may use together."
  value = {
    cpu = sum(concat([0], [for q in values(local.quotas) : q.cpu]))
    gpu = sum(concat([0], [for q in values(local.quotas) : q.gpu]))
  }
}

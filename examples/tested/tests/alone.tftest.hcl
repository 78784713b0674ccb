# Without any service: what GitLab would say is made up.

mock_provider "gitlab" {
  mock_resource "gitlab_group" {
    defaults = {
      id        = 7
      full_path = "made-up"
    }
  }
}

run "projects_belong_to_the_team" {
  variables {
    team     = "Carto"
    projects = ["api"]
  }

  assert {
    condition     = gitlab_project.all["api"].namespace_id == 7
    error_message = "The project is in the group ${gitlab_project.all["api"].namespace_id}."
  }
}

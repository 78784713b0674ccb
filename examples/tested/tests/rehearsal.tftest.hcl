# Against the sandbox: GitLab's own rules hold, and what is made is destroyed at the end.

provider "gitlab" {
  sandbox = true
}

variables {
  team = "Carto et Parc"
}

run "setup" {
  module {
    source = "./tests/setup"
  }
}

run "makes_the_team" {
  variables {
    parent_id = run.setup.parent_id
    projects  = ["api", "web"]
  }

  assert {
    condition     = output.group == "ministry/carto-et-parc"
    error_message = "The group is ${output.group}."
  }
  assert {
    condition     = output.projects["api"] == "ministry/carto-et-parc/api"
    error_message = "The project is ${output.projects["api"]}."
  }
  assert {
    condition     = alltrue([for p in gitlab_project.all : p.visibility_level == "private"])
    error_message = "A team's projects are private."
  }
}

run "takes_a_project_out" {
  variables {
    parent_id = run.setup.parent_id
    projects  = ["api"]
  }

  assert {
    condition     = keys(output.projects) == ["api"]
    error_message = "There are still ${join(", ", keys(output.projects))}."
  }
}

run "refuses_short_names" {
  command = plan

  variables {
    team = "x"
  }

  expect_failures = [var.team]
}

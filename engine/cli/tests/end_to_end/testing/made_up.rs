//! Mocks and overrides: what is made up instead of being asked for.

use insta::assert_snapshot;

use super::{both, tested};
use crate::harness::Folder;

/// Objects of services that nobody has started: only what is made up can be made.
const GROUP: &str = r#"
variable "path" {
  default = "team"
}
provider "gitlab" {
  base_url = "http://127.0.0.1:1/api/v4"
  token    = "none"
}
resource "gitlab_group" "team" {
  name = title(var.path)
  path = var.path
}
data "gitlab_user" "owner" {
  username = "ada"
}
resource "gitlab_group_membership" "owner" {
  group_id     = gitlab_group.team.id
  user_id      = data.gitlab_user.owner.id
  access_level = "owner"
}
output "group" {
  value = {
    id        = gitlab_group.team.id
    name      = gitlab_group.team.name
    web_url   = gitlab_group.team.web_url
    full_path = gitlab_group.team.full_path
  }
}
output "owner" {
  value = {
    id       = data.gitlab_user.owner.id
    username = data.gitlab_user.owner.username
  }
}
"#;

#[test]
fn a_mocked_provider_calls_nobody_and_makes_values_up_by_their_type() {
    let folder = tested(
        GROUP,
        r#"
        mock_provider "gitlab" {
          mock_resource "gitlab_group" {
            defaults = {
              id      = 7
              web_url = "https://forge.example/team"
            }
          }
          mock_data "gitlab_user" {
            defaults = {
              id = 42
            }
          }
        }
        run "makes" {
          assert {
            condition     = output.group.web_url == "https://forge.example/team"
            error_message = "A default counts."
          }
          assert {
            condition     = gitlab_group.team.two_factor_grace_period == 0
            error_message = "A number is zero: ${gitlab_group.team.two_factor_grace_period}."
          }
          assert {
            condition     = can(regex("^[a-z0-9]{8}$", output.group.full_path))
            error_message = "A text is eight letters and digits: ${output.group.full_path}."
          }
          assert {
            condition     = output.group.name == "Team" && output.owner.username == "ada"
            error_message = "What the configuration says stands."
          }
          assert {
            condition     = output.owner.id == "42" && gitlab_group_membership.owner.user_id == 42
            error_message = "Data is made up while planning."
          }
        }
        run "keeps" {
          variables {
            path = "other"
          }
          assert {
            condition     = output.group.full_path == run.makes.group.full_path
            error_message = "What was made up stays."
          }
        }
        "#,
    );
    let ran = folder.run("test").exits(0);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "makes"... pass
      run "keeps"... pass
    main.tftest.hcl... tearing down
    main.tftest.hcl... pass

    Success! 2 passed, 0 failed.
    --- standard error
    "#);
}

#[test]
fn without_a_mock_the_provider_is_asked() {
    let folder = tested(GROUP, "run \"makes\" {}\n");
    folder.run("test").exits(1).says(&["\"makes\"... fail", "127.0.0.1:1"]);
}

#[test]
fn made_up_values_are_known_after_apply_unless_they_are_given_for_the_plan() {
    let test = |during: &str| {
        format!(
            r#"
            mock_provider "gitlab" {{
              {during}
              mock_resource "gitlab_group" {{
                defaults = {{
                  id      = 7
                  web_url = "https://forge.example/team"
                }}
              }}
              mock_data "gitlab_user" {{
                defaults = {{
                  id = 42
                }}
              }}
            }}
            run "plans" {{
              command = plan
              assert {{
                condition     = gitlab_group.team.web_url == "https://forge.example/team"
                error_message = "x"
              }}
            }}
            run "makes" {{
              assert {{
                condition     = gitlab_group.team.web_url == "https://forge.example/team"
                error_message = "x"
              }}
            }}
            "#
        )
    };
    tested(GROUP, &test("")).run("test").exits(1).says(&["Unknown condition value", "\"makes\"... skip"]);
    let ran = tested(GROUP, &test("override_during = plan")).run("test").exits(0);
    ran.says(&["\"plans\"... pass", "\"makes\"... pass"]);
}

#[test]
fn overrides_of_the_run_count_before_those_of_the_file_and_those_of_an_instance_before_those_of_all() {
    let main = r#"
    resource "terraform_data" "many" {
      count = 2
      input = "real"
    }
    module "inner" {
      source   = "./inner"
      for_each = toset(["a", "b"])
      name     = each.key
    }
    output "many" {
      value = terraform_data.many[*].output
    }
    output "inner" {
      value = { for key, m in module.inner : key => m.name }
    }
    "#;
    let folder = tested(
        main,
        r#"
        override_resource {
          target = terraform_data.many
          values = {
            output = "file"
          }
        }
        override_resource {
          target = terraform_data.many[1]
          values = {
            output = "second"
          }
        }
        override_module {
          target = module.inner["a"]
          outputs = {
            name = "given"
          }
        }
        run "of_the_file" {
          assert {
            condition     = output.many == ["file", "second"]
            error_message = jsonencode(output.many)
          }
          assert {
            condition     = output.inner == { a = "given", b = "b is real" }
            error_message = jsonencode(output.inner)
          }
          assert {
            condition     = module.inner["a"].other == null
            error_message = "Outputs that aren't given are null."
          }
        }
        run "of_the_run" {
          state_key = "other"
          override_resource {
            target = terraform_data.many
            values = {
              output = "run"
            }
          }
          override_resource {
            target = module.inner["b"].terraform_data.name
            values = {
              output = "deep"
            }
          }
          assert {
            condition     = output.many == ["run", "run"] && output.inner["b"] == "deep"
            error_message = jsonencode([output.many, output.inner])
          }
        }
        "#,
    );
    folder.write(
        "inner/main.hcl",
        "variable \"name\" {}\nresource \"terraform_data\" \"name\" {\n  input = \"${var.name} is real\"\n}\noutput \"name\" {\n  value = terraform_data.name.output\n}\noutput \"other\" {\n  value = 1\n}\n",
    );
    let ran = folder.run("test").exits(0);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "of_the_file"... pass
      run "of_the_run"... pass
    main.tftest.hcl... tearing down
    main.tftest.hcl... pass

    Success! 2 passed, 0 failed.
    --- standard error
    "#);
}

#[test]
fn an_overridden_data_source_is_not_read() {
    let main = GROUP.replace(
        "resource \"gitlab_group\" \"team\"",
        "resource \"terraform_data\" \"unused\" {}\nresource \"gitlab_group\" \"team\"",
    );
    let folder = tested(
        &main,
        r#"
        mock_provider "gitlab" {
          override_data {
            target = data.gitlab_user.owner
            values = {
              id = 7
            }
          }
        }
        run "plans" {
          command = plan
          assert {
            condition     = gitlab_group_membership.owner.user_id == 7
            error_message = "It is ${gitlab_group_membership.owner.user_id}."
          }
        }
        "#,
    );
    folder.run("test").exits(0).says(&["\"plans\"... pass"]);
}

#[test]
fn values_that_do_not_fit_are_an_error_and_those_without_effect_a_warning() {
    let folder = tested(
        "resource \"terraform_data\" \"a\" {}\nresource \"random_pet\" \"a\" {}\n",
        r#"
        override_resource {
          target = terraform_data.a
          values = {
            outputs = "x"
            input   = "y"
          }
        }
        override_resource {
          target = random_pet.a
          values = {
            id = []
          }
        }
        override_module {
          target = module.gone
        }
        mock_provider "random" {
          mock_resource "random_pett" {}
        }
        run "a" {}
        "#,
    );
    let ran = folder.run("test").exits(1);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "a"... fail
    main.tftest.hcl... tearing down
    main.tftest.hcl... fail

    Failure! 0 passed, 1 failed.
    --- standard error
    warning[W0382]: Value without effect
     --> main.tftest.hcl:2:9
      |
    2 |         override_resource {
      |         ^^^^^^^^^^^^^^^^^
      |
      = The value given for "input" of terraform_data is ignored: the configuration alone says what it is.
    warning[W0382]: Value without effect
     --> main.tftest.hcl:2:9
      |
    2 |         override_resource {
      |         ^^^^^^^^^^^^^^^^^
      |
      = The value given for "outputs" of terraform_data is ignored: there is no such attribute.
      = help: Did you mean "output"?
    warning[W0382]: Invalid override target
      --> main.tftest.hcl:16:20
       |
    16 |           target = module.gone
       |                    ^^^^^^^^^^^
       |
       = The override target module.gone does not exist within the configuration under test. This could indicate a typo
         in the target address or an unnecessary override.
    warning[W0382]: Mock of a type that there isn't
      --> main.tftest.hcl:19:11
       |
    19 |           mock_resource "random_pett" {}
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = The provider random has no type "random_pett".

    error[E0380]: Failed to compute attribute
     --> main.tftest.hcl:9:9
      |
    9 |         override_resource {
      |         ^^^^^^^^^^^^^^^^^
      |
      = The value given for the attribute "id" of random_pet does not fit: string required.
    "#);
    // `validate` says all of it too.
    folder.run("validate").exits(1).says(&["Failed to compute attribute", "Invalid override target"]);
    folder.run("validate -no-tests").exits(0);
}

#[test]
fn providers_of_the_test_stand_in_for_those_of_the_configuration() {
    let main = r#"
    terraform {
      required_providers {
        gitlab = {
          source                = "gitlabhq/gitlab"
          configuration_aliases = [gitlab.other]
        }
      }
    }
    resource "gitlab_group" "own" {
      name = "own"
      path = "own"
    }
    resource "gitlab_group" "other" {
      provider = gitlab.other
      name     = "other"
      path     = "other"
    }
    output "urls" {
      value = [gitlab_group.own.web_url, gitlab_group.other.web_url]
    }
    "#;
    let mock = |alias: &str, url: &str| {
        format!(
            "mock_provider \"gitlab\" {{\n  {alias}\n  mock_resource \"gitlab_group\" {{\n    defaults = {{\n      web_url = \"{url}\"\n    }}\n  }}\n}}\n"
        )
    };
    let test = format!(
        "{}{}{}",
        mock("", "https://one.example"),
        mock("alias = \"other\"", "https://two.example"),
        r#"
        run "by_name" {
          assert {
            condition     = output.urls == ["https://one.example", "https://two.example"]
            error_message = jsonencode(output.urls)
          }
        }
        run "as_the_run_says" {
          state_key = "other"
          providers = {
            gitlab       = gitlab.other
            gitlab.other = gitlab
          }
          assert {
            condition     = output.urls == ["https://two.example", "https://one.example"]
            error_message = jsonencode(output.urls)
          }
        }
        "#
    );
    tested(main, &test).run("test").exits(0).says(&["Success! 2 passed, 0 failed."]);
}

#[test]
fn mocks_come_from_files_too() {
    let folder = tested(
        GROUP,
        r#"
        mock_provider "gitlab" {
          source = "./tests/gitlab"
          mock_data "gitlab_user" {
            defaults = {
              id = 1
            }
          }
        }
        run "makes" {
          assert {
            condition     = output.group.web_url == "https://of.the.file" && output.owner.id == "1"
            error_message = jsonencode([output.group.web_url, output.owner.id])
          }
        }
        "#,
    );
    folder.write(
        "tests/gitlab/all.tfmock.hcl",
        "mock_resource \"gitlab_group\" {\n  defaults = {\n    id      = 7\n    web_url = \"https://of.the.file\"\n  }\n}\nmock_data \"gitlab_user\" {\n  defaults = {\n    id = 2\n  }\n}\n",
    );
    folder.run("test").exits(0);
    folder.edit("main.tftest.hcl", "./tests/gitlab", "./tests/nowhere");
    folder.run("test").exits(1).says(&["Unreadable mock data", "./tests/nowhere"]);
}

#[test]
fn a_rehearsal_in_the_sandbox_is_real_and_leaves_nothing_behind() {
    let folder = Folder::example("tested");
    let ran = folder.run("test").exits(0);
    assert_snapshot!(both(&ran), @r#"
    tests/alone.tftest.hcl... in progress
      run "projects_belong_to_the_team"... pass
    tests/alone.tftest.hcl... tearing down
    tests/alone.tftest.hcl... pass
    tests/rehearsal.tftest.hcl... in progress
      run "setup"... pass
      run "makes_the_team"... pass
      run "takes_a_project_out"... pass
      run "refuses_short_names"... pass
    tests/rehearsal.tftest.hcl... tearing down
    tests/rehearsal.tftest.hcl... pass

    Success! 5 passed, 0 failed.
    --- standard error
    "#);
    assert!(!folder.path(".pilotis").exists(), "the sandbox of tests is not the folder's");
    assert!(!folder.path("pilotis.db").exists());
    // A platform that doesn't do what the tests say fails them.
    folder.edit("main.hcl", "\"/[^a-z0-9]+/\", \"-\"", "\"/[^a-z0-9]+/\", \"_\"");
    folder.run("test").exits(1).says(&["Test assertion failed"]);
}

#[test]
fn an_overridden_data_source_of_a_real_provider_is_not_read() {
    let main = r#"
    data "terraform_remote_state" "other" {
      backend = "local"
      config = {
        path = "gone.tfstate"
      }
    }
    output "address" {
      value = data.terraform_remote_state.other.outputs.address
    }
    "#;
    tested(main, "run \"real\" {}\n").run("test").exits(1).says(&["Unable to find remote state"]);
    let test = r#"
    override_data {
      target = data.terraform_remote_state.other
      values = {
        outputs = {
          address = "10.0.0.1"
        }
      }
    }
    run "made_up" {
      command = plan
      assert {
        condition     = output.address == "10.0.0.1"
        error_message = "It is ${output.address}."
      }
    }
    "#;
    tested(main, test).run("test").exits(0).says(&["\"made_up\"... pass"]);
}

//! Test files that are wrong: said before anything is run, or by the run that they are wrong for.

use insta::assert_snapshot;

use super::{both, tested};
use crate::harness::Folder;

const MAIN: &str = "variable \"v\" {\n  default = \"x\"\n}\nresource \"terraform_data\" \"a\" {\n  input = var.v\n}\noutput \"o\" {\n  value = var.v\n}\n";

#[test]
fn mistakes_of_structure_are_said_together_and_nothing_is_run() {
    let folder = tested(
        MAIN,
        r#"
foo "x" {}
bar = 1
run "a" {
  commnd = plan
}
run "a" {
  command = destroy
  assert {
    condition = true
  }
}
run "b c" {}
run {}
variables {
  v = 1
}
variables {
  v = 2
}
run "d" {
  plan_options {
    mode    = refresh-only
    refresh = false
    target  = terraform_data.a
  }
}
provider "nobody" {}
mock_provider "gitlab" {}
provider "gitlab" {}
override_resource {
  values = "x"
}
override_module {
  target  = module.m
  outputs = 1
}
override_resource {
  target = data.terraform_remote_state.x
}
"#,
    );
    let ran = folder.run("test").exits(1).never_says(&["in progress"]);
    assert_snapshot!(both(&ran), @r#"
    --- standard error
    error[E0301]: Unsupported block type
     --> main.tftest.hcl:2:1
      |
    2 | foo "x" {}
      | ^^^
      |
      = Blocks of type "foo" are not expected here.
    error[E0302]: Unsupported argument
     --> main.tftest.hcl:3:1
      |
    3 | bar = 1
      | ^^^
      |
      = An argument named "bar" is not expected here.
    error[E0302]: Unsupported argument
     --> main.tftest.hcl:5:3
      |
    5 |   commnd = plan
      |   ^^^^^^
      |
      = An argument named "commnd" is not expected here.
      = help: Did you mean "command"?
    error[E0308]: Duplicate "run" block names
     --> main.tftest.hcl:7:1
      |
    4 | run "a" {
      | ------- first declared here
    ...
    7 | run "a" {
      | ^^^^^^^
      |
      = This test file already has a run block named "a".
    error[E0380]: Invalid "command" keyword
     --> main.tftest.hcl:8:13
      |
    8 |   command = destroy
      |             ^^^^^^^
      |
      = The "command" argument requires one of the following keywords without quotes: apply or plan.
    error[E0303]: Missing required argument
     --> main.tftest.hcl:9:3
      |
    9 |   assert {
      |   ^^^^^^
      |
      = The argument "error_message" is required, but no definition was found.
    error[E0350]: Invalid assert expression
      --> main.tftest.hcl:10:17
       |
    10 |     condition = true
       |                 ^^^^
       |
       = The condition expression must refer to at least one object from elsewhere in the configuration, or else its
         result would not be checking anything.
    error[E0307]: Invalid run block name
      --> main.tftest.hcl:13:5
       |
    13 | run "b c" {}
       |     ^^^^^
       |
       = A name must start with a letter or underscore and may contain only letters, digits, underscores, and dashes.
    error[E0306]: Missing name for run
      --> main.tftest.hcl:14:1
       |
    14 | run {}
       | ^^^
       |
       = All run blocks must have 1 label (name).
    error[E0308]: Multiple "variables" blocks
      --> main.tftest.hcl:18:1
       |
    15 | variables {
       | --------- first declared here
    ...
    18 | variables {
       | ^^^^^^^^^
       |
       = This test file already has a variables block.
    error[E0380]: Incompatible plan options
      --> main.tftest.hcl:24:15
       |
    24 |     refresh = false
       |               ^^^^^
       |
       = The "refresh" option cannot be set to false when running a test in "refresh-only" mode.
    error[E0380]: Invalid expression
      --> main.tftest.hcl:25:15
       |
    25 |     target  = terraform_data.a
       |               ^^^^^^^^^^^^^^^^
       |
       = A static list expression is required.
       = help: Write references in brackets: `target = [var.size]`.
    error[E0331]: Unknown provider
      --> main.tftest.hcl:28:10
       |
    28 | provider "nobody" {}
       |          ^^^^^^^^
       |
       = There is no provider "nobody". Providers are built in: gitlab, kubernetes, local, null, random, terraform,
         time, tls.
    error[E0308]: Duplicate provider block
      --> main.tftest.hcl:30:1
       |
    29 | mock_provider "gitlab" {}
       | ---------------------- first declared here
    30 | provider "gitlab" {}
       | ^^^^^^^^^^^^^^^^^
       |
       = A provider for gitlab is already defined in this test file.
    error[E0303]: Missing required argument
      --> main.tftest.hcl:31:1
       |
    31 | override_resource {
       | ^^^^^^^^^^^^^^^^^
       |
       = The argument "target" is required, but no definition was found.
    error[E0380]: Invalid values attribute
      --> main.tftest.hcl:32:12
       |
    32 |   values = "x"
       |            ^^^
       |
       = The values of override_resource must be an object, written as it stands.
    error[E0380]: Invalid outputs attribute
      --> main.tftest.hcl:36:13
       |
    36 |   outputs = 1
       |             ^
       |
       = The outputs of override_module must be an object, written as it stands.
    error[E0380]: Invalid override target
      --> main.tftest.hcl:39:12
       |
    39 |   target = data.terraform_remote_state.x
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = You can only target resources from override_resource blocks, not data.terraform_remote_state.x.
    warning[W0382]: Invalid override target
      --> main.tftest.hcl:35:13
       |
    35 |   target  = module.m
       |             ^^^^^^^^
       |
       = The override target module.m does not exist within the configuration under test. This could indicate a typo in
         the target address or an unnecessary override.
    "#);
}

#[test]
fn mistakes_about_the_module_belong_to_their_run() {
    let folder = tested(
        MAIN,
        r#"
        run "first" {
          assert {
            condition     = var.only_here == 1 && output.o == "x"
            error_message = "x"
          }
          variables {
            only_here = 1
          }
        }
        run "second" {
          variables {
            v = run.third.o
          }
          expect_failures = [module.m.terraform_data.x, local.y]
          assert {
            condition     = output.nothing == 1 || terraform_data.b.id == "" || check.c == 1
            error_message = "${run.secnd.o}"
          }
        }
        run "third" {}
        "#,
    );
    let ran = folder.run("test").exits(1);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "first"... pass
      run "second"... fail
      run "third"... skip
    main.tftest.hcl... tearing down
    main.tftest.hcl... fail

    Failure! 1 passed, 1 failed, 1 skipped.
    --- standard error

    error[E0381]: Reference to unavailable run block
      --> main.tftest.hcl:13:17
       |
    13 |             v = run.third.o
       |                 ^^^^^^^^^
       |
       = The run block "third" has not executed yet. You can only reference run blocks that are in the same test file
         and will execute before the current run block.
    error[E0380]: Invalid `expect_failures` reference
      --> main.tftest.hcl:15:30
       |
    15 |           expect_failures = [module.m.terraform_data.x, local.y]
       |                              ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = You cannot expect failures from module.m.terraform_data.x. You can only expect failures from checkable objects
         such as input variables, output values, check blocks, managed resources and data sources.
    error[E0380]: Invalid `expect_failures` reference
      --> main.tftest.hcl:15:57
       |
    15 |           expect_failures = [module.m.terraform_data.x, local.y]
       |                                                         ^^^^^^^
       |
       = You cannot expect failures from local.y. You can only expect failures from checkable objects such as input
         variables, output values, check blocks, managed resources and data sources.
    "#);
    // What `validate` would say without running anything.
    let checked = folder.run("validate").exits(1);
    checked.says(&["Reference to unavailable run block", "Reference to undeclared output value"]);
}

#[test]
fn variables_must_have_values_that_fit() {
    let folder = tested(
        "variable \"n\" {\n  type = number\n}\noutput \"n\" {\n  value = var.n\n}\n",
        "run \"none\" {}\n",
    );
    folder.write("b.tftest.hcl", "run \"wrong\" {\n  variables {\n    n = \"abc\"\n  }\n}\n");
    folder.write("c.tftest.hcl", "variables {\n  n = 1\n  m = var.n\n}\nrun \"of_the_file\" {}\n");
    let ran = folder.run("test").exits(1);
    assert_snapshot!(both(&ran), @r#"
    b.tftest.hcl... in progress
      run "wrong"... fail
    b.tftest.hcl... tearing down
    b.tftest.hcl... fail
    c.tftest.hcl... in progress
      run "of_the_file"... fail
    c.tftest.hcl... tearing down
    c.tftest.hcl... fail
    main.tftest.hcl... in progress
      run "none"... fail
    main.tftest.hcl... tearing down
    main.tftest.hcl... fail

    Failure! 0 passed, 3 failed.
    --- standard error

    error[E0304]: Invalid value for input variable
     --> b.tftest.hcl:3:9
      |
    3 |     n = "abc"
      |         ^^^^^
      |
      = The value for var.n, from the test's run "wrong", is not suitable: a number is required.

    error[E0381]: Reference to unavailable variable
     --> c.tftest.hcl:3:7
      |
    3 |   m = var.n
      |       ^^^^^
      |
      = The input variable "n" is not available to the current context. You can only reference global variables.

    error[E0361]: No value for required variable
     --> main.hcl:1:1
      |
    1 | variable "n" {
      | ^^^^^^^^^^^^
      |
      = The module under test for run block "none" has a required variable "n" with no set value. Use a -var or
        -var-file command line argument or add this variable into a "variables" block within the test file or run
        block.
    "#);
}

#[test]
fn a_configuration_that_is_wrong_is_said_by_the_runs_or_before_them() {
    let folder = tested("output \"o\" {\n  value = local.gone\n}\n", "run \"a\" {}\n");
    folder.run("test").exits(1).says(&["Reference to undeclared local value", "run \"a\"... fail"]);
    folder.write("main.hcl", "outptu \"o\" {}\n");
    folder.run("test").exits(1).says(&["Unsupported block type"]).never_says(&["run \"a\""]);
    folder.write("main.tftest.hcl", "run \"a\" {\n  module {\n    source = \"./nowhere\"\n  }\n}\n");
    folder.write("main.hcl", "");
    folder.run("test").exits(1).says(&["Unreadable module", "./nowhere"]);
    folder.run("init").exits(1).says(&["Unreadable module"]);
}

#[test]
fn tests_are_laid_out_as_other_files_and_are_no_configuration() {
    let folder = Folder::with(MAIN);
    folder.write("tests/a.tftest.hcl", "run \"a\" {\ncommand=plan\n}\n");
    folder.write("tests/m.tfmock.hcl", "mock_resource \"x\" {\ndefaults={}\n}\n");
    folder.run("fmt -recursive").exits(0).says(&["tests/a.tftest.hcl", "tests/m.tfmock.hcl"]);
    assert_eq!(folder.read("tests/a.tftest.hcl"), "run \"a\" {\n  command = plan\n}\n");
    folder.write("b.tftest.hcl", "run \"b\" {}\n");
    folder.write("b.tftest.json", "{}");
    folder.write("b.tfmock.hcl", "mock_resource \"x\" {}\n");
    folder.run("plan").exits(0);
}

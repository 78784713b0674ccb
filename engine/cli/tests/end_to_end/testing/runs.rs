//! Runs: plans, applies, assertions, expected failures, variables, states and modules.

use insta::assert_snapshot;

use super::{both, tested};
use crate::harness::Folder;

const GREETING: &str = r#"
variable "name" {
  default = "Ada"
  validation {
    condition     = var.name != ""
    error_message = "A name is needed."
  }
}
variable "token" {
  default   = "hunter2"
  sensitive = true
}
resource "terraform_data" "greeting" {
  input = "Hello ${var.name}"
  lifecycle {
    precondition {
      condition     = var.name != "nobody"
      error_message = "Nobody is not greeted."
    }
    postcondition {
      condition     = self.output != "Hello post"
      error_message = "Post is not greeted either."
    }
  }
}
output "greeting" {
  value = terraform_data.greeting.output
}
output "token" {
  value     = var.token
  sensitive = true
}
check "short" {
  assert {
    condition     = length(var.name) < 10
    error_message = "The name is long."
  }
}
"#;

#[test]
fn assertions_see_all_of_the_module_and_runs_before_and_nothing_is_left() {
    let folder = tested(
        GREETING,
        r#"
        variables {
          name = "Grace"
        }
        run "plans" {
          command = plan
          assert {
            condition     = terraform_data.greeting.input == "Hello Grace" && var.name == "Grace"
            error_message = "wrong input"
          }
        }
        run "makes" {
          assert {
            condition     = output.greeting == "Hello Grace" && terraform_data.greeting.id != ""
            error_message = "wrong output"
          }
          assert {
            condition     = nonsensitive(output.token) == "hunter2"
            error_message = "wrong token"
          }
        }
        run "goes_on_with_its_output" {
          variables {
            name = "${upper(run.makes.greeting)}"
          }
          expect_failures = [check.short]
          assert {
            condition     = output.greeting == "Hello HELLO GRACE"
            error_message = "wrong output"
          }
          assert {
            condition     = output.greeting != run.makes.greeting
            error_message = "the runs have nothing to do with each other"
          }
        }
        "#,
    );
    let ran = folder.run("test").exits(0);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "plans"... pass
      run "makes"... pass
      run "goes_on_with_its_output"... pass
    main.tftest.hcl... tearing down
    main.tftest.hcl... pass

    Success! 3 passed, 0 failed.
    --- standard error
    "#);
    // No state, no sandbox, nothing else either.
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path("")).unwrap().flatten().map(|e| e.file_name()).collect();
    files.sort();
    assert_eq!(files, ["main.hcl", "main.tftest.hcl"]);
}

#[test]
fn an_assertion_that_does_not_hold_is_shown_with_its_values_and_later_runs_go_on() {
    let folder = tested(
        GREETING,
        r#"
        run "wrong" {
          assert {
            condition     = output.greeting == "Hello Grace"
            error_message = "It greets ${output.greeting}."
          }
          assert {
            condition     = output.token == "abc"
            error_message = "The token is ${var.token}."
          }
        }
        run "next" {}
        "#,
    );
    let ran = folder.run("test").exits(1).never_says(&["hunter2"]);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "wrong"... fail
      run "next"... pass
    main.tftest.hcl... tearing down
    main.tftest.hcl... fail

    Failure! 1 passed, 1 failed.
    --- standard error

    error[E0460]: Test assertion failed
     --> main.tftest.hcl:4:29
      |
    4 |             condition     = output.greeting == "Hello Grace"
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = It greets Hello Ada.
      = note: output.greeting is "Hello Ada"
    error[E0460]: Test assertion failed
     --> main.tftest.hcl:8:29
      |
    8 |             condition     = output.token == "abc"
      |                             ^^^^^^^^^^^^^^^^^^^^^
      |
      = This check failed, but has an invalid error message as described in the other accompanying messages.
    warning[E0411]: Error message refers to sensitive values
     --> main.tftest.hcl:9:29
      |
    9 |             error_message = "The token is ${var.token}."
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = The error expression used to explain this condition refers to sensitive values, so the resulting message is
        not displayed.
      = help: Remove references to sensitive values, or use nonsensitive(…) where the expression will not reveal them.
    "#);
}

#[test]
fn where_compared_collections_differ_is_said() {
    let folder = tested(
        r#"
        output "ports" {
          value = { http = [80, 8080], https = [443] }
        }
        output "zones" {
          value = tolist(["a", "b"])
        }
        output "secret" {
          value     = { token = sensitive("hunter2") }
          sensitive = true
        }
        "#,
        r#"
        run "differs" {
          assert {
            condition     = output.ports == { http = [80, 8081], ssh = [22] }
            error_message = "wrong ports"
          }
          assert {
            condition     = output.zones == ["a", "b"]
            error_message = "wrong zones"
          }
          assert {
            condition     = output.secret == { token = "other" }
            error_message = "wrong secret"
          }
        }
        "#,
    );
    let ran = folder.run("test").exits(1).never_says(&["hunter2"]);
    assert_snapshot!(ran.err, @r#"
    error[E0460]: Test assertion failed
     --> main.tftest.hcl:4:29
      |
    4 |             condition     = output.ports == { http = [80, 8081], ssh = [22] }
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = wrong ports
      = note: output.ports is object with 2 attributes
      = note: output.ports.http[1] is 8080 on the left, 8081 on the right
      = note: output.ports.https is tuple with 1 element on the left, not there on the right
      = note: output.ports.ssh is not there on the left, tuple with 1 element on the right
    error[E0460]: Test assertion failed
     --> main.tftest.hcl:8:29
      |
    8 |             condition     = output.zones == ["a", "b"]
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = wrong zones
      = note: output.zones is list of string with 2 elements
      = note: output.zones is list of string with 2 elements on the left, tuple with 2 elements on the right
    error[E0460]: Test assertion failed
      --> main.tftest.hcl:12:29
       |
    12 |             condition     = output.secret == { token = "other" }
       |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = wrong secret
    "#);
}

#[test]
fn after_an_error_the_later_runs_of_the_file_are_skipped() {
    let folder = tested(
        GREETING,
        r#"
        run "first" {}
        run "breaks" {
          variables {
            name = "nobody"
          }
        }
        run "later" {}
        "#,
    );
    folder.write("other.tftest.hcl", "run \"of_another_file\" {}\n");
    let ran = folder.run("test").exits(1);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "first"... pass
      run "breaks"... fail
      run "later"... skip
    main.tftest.hcl... tearing down
    main.tftest.hcl... fail
    other.tftest.hcl... in progress
      run "of_another_file"... pass
    other.tftest.hcl... tearing down
    other.tftest.hcl... pass

    Failure! 2 passed, 1 failed, 1 skipped.
    --- standard error

    error[E0408]: Resource precondition failed
      --> main.hcl:17:23
       |
    17 |       condition     = var.name != "nobody"
       |                       ^^^^^^^^^^^^^^^^^^^^
       |
       = in terraform_data.greeting
       = Nobody is not greeted.
       = note: var.name is "nobody"
    "#);
}

#[test]
fn what_is_expected_to_fail_must_fail() {
    let folder = tested(
        GREETING,
        r#"
        run "variable" {
          command         = plan
          expect_failures = [var.name]
          variables {
            name = ""
          }
        }
        run "precondition" {
          command         = plan
          expect_failures = [terraform_data.greeting]
          variables {
            name = "nobody"
          }
        }
        run "postcondition" {
          expect_failures = [terraform_data.greeting]
          variables {
            name = "post"
          }
        }
        run "check_and_assertion" {
          expect_failures = [check.short]
          variables {
            name = "Augusta Ada King"
          }
          assert {
            condition     = output.greeting == "Hello Augusta Ada King"
            error_message = "An apply goes on after a failed check."
          }
        }
        run "unmet" {
          expect_failures = [check.short, var.name]
        }
        "#,
    );
    let ran = folder.run("test").exits(1);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "variable"... pass
      run "precondition"... pass
      run "postcondition"... pass
      run "check_and_assertion"... pass
      run "unmet"... fail
    main.tftest.hcl... tearing down
    main.tftest.hcl... fail

    Failure! 4 passed, 1 failed.
    --- standard error

    error[E0461]: Missing expected failure
      --> main.tftest.hcl:33:30
       |
    33 |           expect_failures = [check.short, var.name]
       |                              ^^^^^^^^^^^
       |
       = The checkable object, check.short, was expected to report an error but did not.
    error[E0461]: Missing expected failure
      --> main.tftest.hcl:33:43
       |
    33 |           expect_failures = [check.short, var.name]
       |                                           ^^^^^^^^
       |
       = The checkable object, var.name, was expected to report an error but did not.
    "#);
}

#[test]
fn a_check_that_fails_unasked_is_an_error_and_so_is_an_expected_failure_that_comes_too_early() {
    let folder = tested(
        GREETING,
        r#"
        run "long" {
          variables {
            name = "Augusta Ada King"
          }
        }
        "#,
    );
    folder.write(
        "tests/early.tftest.hcl",
        "run \"early\" {\n  variables {\n    name = \"\"\n  }\n  expect_failures = [var.name]\n}\n",
    );
    let ran = folder.run("test").exits(1);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "long"... fail
    main.tftest.hcl... tearing down
    main.tftest.hcl... fail
    tests/early.tftest.hcl... in progress
      run "early"... fail
    tests/early.tftest.hcl... tearing down
    tests/early.tftest.hcl... fail

    Failure! 0 passed, 2 failed.
    --- standard error

    error[E0410]: Check block assertion failed
      --> main.hcl:35:21
       |
    35 |     condition     = length(var.name) < 10
       |                     ^^^^^^^^^^^^^^^^^^^^^
       |
       = in check.short
       = The name is long.
       = note: var.name is "Augusta Ada King"

    error[E0360]: Invalid value for variable
     --> tests/early.tftest.hcl:3:12
      |
    3 |     name = ""
      |            ^^
      |
     ::: main.hcl:5:21
      |
    5 |     condition     = var.name != ""
      |                     -------------- the rule that it breaks
      |
      = in var.name
      = A name is needed.
      = note: var.name is ""
    warning: Expected failure while planning
     --> tests/early.tftest.hcl:5:22
      |
    5 |   expect_failures = [var.name]
      |                      ^^^^^^^^
      |
      = A custom condition within var.name failed during the planning stage and prevented the requested apply
        operation. While this was an expected failure, the apply operation could not be executed and so the overall
        test case will be marked as a failure and the original diagnostic included in the test report.
      = help: To expect this failure, say `command = plan` in the run.
    "#);
}

#[test]
fn what_is_known_after_an_apply_only_cannot_be_asserted_of_a_plan() {
    let folder = tested(
        GREETING,
        r#"
        run "plans" {
          command = plan
          assert {
            condition     = terraform_data.greeting.id == "x"
            error_message = "x"
          }
        }
        "#,
    );
    let ran = folder.run("test").exits(1);
    assert_snapshot!(ran.err, @r#"
    error[E0460]: Unknown condition value
     --> main.tftest.hcl:5:29
      |
    5 |             condition     = terraform_data.greeting.id == "x"
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = Condition expression could not be evaluated at this time. This means you have executed a `run` block with
        `command = plan` and one of the values your condition depended on is not known until after the plan has been
        applied. Either remove this value from your condition, or execute an `apply` command from this `run` block.
        Alternatively, if there is an override for this value, you can make it available during the plan phase by
        setting `override_during = plan` in the `override_` block.
      = note: terraform_data.greeting.id is a string, known only after apply
    "#);
}

#[test]
fn values_of_the_run_count_more_than_those_of_the_file_and_those_more_than_from_outside() {
    let folder =
        Folder::with("variable \"v\" {\n  default = \"default\"\n}\noutput \"v\" {\n  value = var.v\n}\n");
    let run = |name: &str, wanted: &str, variables: &str| {
        format!(
            "run \"{name}\" {{\n  {variables}\n  assert {{\n    condition = output.v == \"{wanted}\"\n    error_message = \"it is ${{output.v}}\"\n  }}\n}}\n"
        )
    };
    let own = "variables {\n    v = \"run\"\n  }";
    folder.write("root.tftest.hcl", &run("a", "default", ""));
    folder.run("test").exits(0);
    folder.write("terraform.tfvars", "v = \"tfvars\"\n");
    folder.write("root.tftest.hcl", &run("a", "tfvars", ""));
    folder.run("test").exits(0);
    folder.write("root.tftest.hcl", &run("a", "flag", ""));
    folder.run("test -var v=flag").exits(0);
    folder.write("given.tfvars", "v = \"given\"\n");
    folder.write("root.tftest.hcl", &run("a", "given", ""));
    folder.run("test -var-file=given.tfvars").exits(0);
    folder.write(
        "root.tftest.hcl",
        &format!("variables {{\n  v = \"file\"\n}}\n{}{}", run("a", "file", ""), run("b", "run", own)),
    );
    folder.run("test -var v=flag").exits(0);
    // Beside the tests, files of variables are theirs.
    folder.write("tests/terraform.tfvars", "v = \"of tests\"\n");
    folder.write("tests/t.tftest.hcl", &run("a", "of tests", ""));
    folder.run("test -var v=flag").exits(0);
    // What the module doesn't declare is no mistake: another run's module may.
    folder.run("test -var v=flag -var nobody=1").exits(0);
}

#[test]
fn another_module_has_a_state_of_its_own_and_its_outputs_go_on() {
    let folder = tested(
        GREETING,
        r#"
        run "setup" {
          module {
            source = "./tests/setup"
          }
        }
        run "main" {
          variables {
            name = run.setup.name
          }
          assert {
            condition     = output.greeting == "Hello set up"
            error_message = "It is ${output.greeting}."
          }
        }
        run "setup_again" {
          command = plan
          module {
            source = "./tests/setup"
          }
          variables {
            name = "other"
          }
          assert {
            condition     = terraform_data.name.id == run.setup.id
            error_message = "Its object is still there, to be changed."
          }
        }
        run "with_a_key" {
          state_key = "other"
          command   = plan
          assert {
            condition     = terraform_data.greeting.input == "Hello Ada"
            error_message = "x"
          }
        }
        "#,
    );
    folder.write(
        "tests/setup/main.hcl",
        "variable \"name\" {\n  default = \"set up\"\n}\nresource \"terraform_data\" \"name\" {\n  input = var.name\n}\noutput \"name\" {\n  value = terraform_data.name.output\n}\noutput \"id\" {\n  value = terraform_data.name.id\n}\n",
    );
    let ran = folder.run("test -json").exits(0);
    assert_snapshot!(super::reports::events(&ran), @r#"
    test_abstract {"@level":"info","@message":"Found 1 file and 4 run blocks","test_abstract":{"main.tftest.hcl":["setup","main","setup_again","with_a_key"]}}
    test_file {"@level":"info","@message":"main.tftest.hcl... in progress","test_file":{"path":"main.tftest.hcl","progress":"starting"},"@testfile":"main.tftest.hcl"}
    test_run {"@level":"info","@message":"  \"setup\"... in progress","@testfile":"main.tftest.hcl","@testrun":"setup","test_run":{"path":"main.tftest.hcl","run":"setup","progress":"starting"}}
    test_run {"@level":"info","@message":"  \"setup\"... pass","@testfile":"main.tftest.hcl","@testrun":"setup","test_run":{"path":"main.tftest.hcl","run":"setup","progress":"complete","status":"pass"}}
    test_run {"@level":"info","@message":"  \"main\"... in progress","@testfile":"main.tftest.hcl","@testrun":"main","test_run":{"path":"main.tftest.hcl","run":"main","progress":"starting"}}
    test_run {"@level":"info","@message":"  \"main\"... pass","@testfile":"main.tftest.hcl","@testrun":"main","test_run":{"path":"main.tftest.hcl","run":"main","progress":"complete","status":"pass"}}
    test_run {"@level":"info","@message":"  \"setup_again\"... in progress","@testfile":"main.tftest.hcl","@testrun":"setup_again","test_run":{"path":"main.tftest.hcl","run":"setup_again","progress":"starting"}}
    test_run {"@level":"info","@message":"  \"setup_again\"... pass","@testfile":"main.tftest.hcl","@testrun":"setup_again","test_run":{"path":"main.tftest.hcl","run":"setup_again","progress":"complete","status":"pass"}}
    test_run {"@level":"info","@message":"  \"with_a_key\"... in progress","@testfile":"main.tftest.hcl","@testrun":"with_a_key","test_run":{"path":"main.tftest.hcl","run":"with_a_key","progress":"starting"}}
    test_run {"@level":"info","@message":"  \"with_a_key\"... pass","@testfile":"main.tftest.hcl","@testrun":"with_a_key","test_run":{"path":"main.tftest.hcl","run":"with_a_key","progress":"complete","status":"pass"}}
    test_file {"@level":"info","@message":"main.tftest.hcl... tearing down","test_file":{"path":"main.tftest.hcl","progress":"teardown"},"@testfile":"main.tftest.hcl"}
    test_run {"@level":"info","@message":"  \"main\"... tearing down","@testfile":"main.tftest.hcl","@testrun":"main","test_run":{"path":"main.tftest.hcl","run":"main","progress":"teardown"}}
    test_run {"@level":"info","@message":"  \"setup\"... tearing down","@testfile":"main.tftest.hcl","@testrun":"setup","test_run":{"path":"main.tftest.hcl","run":"setup","progress":"teardown"}}
    test_file {"@level":"info","@message":"main.tftest.hcl... pass","test_file":{"path":"main.tftest.hcl","progress":"complete","status":"pass"},"@testfile":"main.tftest.hcl"}
    test_summary {"@level":"info","@message":"Success! 4 passed, 0 failed.","test_summary":{"status":"pass","passed":4,"failed":0,"errored":0,"skipped":0}}
    "#);
}

#[test]
fn plan_options_narrow_replace_and_only_refresh() {
    let main = "variable \"v\" {\n  default = 1\n}\nresource \"terraform_data\" \"a\" {\n  input = var.v\n}\nresource \"terraform_data\" \"b\" {\n  input = var.v\n}\n";
    let folder = tested(
        main,
        r#"
        run "makes" {}
        run "replaces_one" {
          plan_options {
            replace = [terraform_data.a]
            target  = [terraform_data.a]
          }
          variables {
            v = 2
          }
          assert {
            condition     = terraform_data.a.output == 2
            error_message = "a is ${terraform_data.a.output}"
          }
        }
        run "only_looks" {
          plan_options {
            mode = refresh-only
          }
          variables {
            v = 3
          }
          assert {
            condition     = terraform_data.a.output == 2 && terraform_data.b.output == 1
            error_message = "changed all the same"
          }
        }
        "#,
    );
    folder.run("test").exits(0).says(&["Success! 3 passed, 0 failed."]);
}

#[test]
fn tests_in_json_syntax_say_the_same() {
    let folder = Folder::with(GREETING);
    folder.write(
        "main.tftest.json",
        r#"{
          "variables": { "name": "Grace" },
          "run": {
            "greets": {
              "command": "apply",
              "assert": [
                { "condition": "${output.greeting == \"Hello Grace\"}", "error_message": "It is ${output.greeting}." }
              ]
            },
            "refuses": {
              "command": "plan",
              "variables": { "name": "" },
              "expect_failures": ["var.name"]
            }
          }
        }"#,
    );
    let ran = folder.run("test").exits(0);
    ran.says(&["run \"greets\"... pass", "run \"refuses\"... pass", "Success! 2 passed, 0 failed."]);
}

#[test]
fn only_the_files_that_were_named_are_run_and_one_that_is_not_there_is_a_mistake() {
    let folder = Folder::with(GREETING);
    folder.write("a.tftest.hcl", "run \"a\" {}\n");
    folder.write("tests/b.tftest.hcl", "run \"b\" {}\n");
    folder.write("other/c.tftest.hcl", "run \"c\" {}\n");
    folder.run("test").exits(0).says(&["\"a\"... pass", "\"b\"... pass"]).never_says(&["\"c\""]);
    folder.run("test -filter=tests/b.tftest.hcl").exits(0).says(&["\"b\"... pass"]).never_says(&["\"a\""]);
    folder.run("test -test-directory=other").exits(0).says(&["\"a\"... pass", "other/c.tftest.hcl"]);
    let ran = folder.run("test -filter=test/b.tftest.hcl").exits(1);
    ran.says(&["there is no such test file: did you mean tests/b.tftest.hcl?"]);
    folder.run("test -test-directory=nowhere").exits(0).says(&["Test directory does not exist"]);
    folder.run("test -test-directory=../x").exits(1).says(&["lies inside of the folder"]);
}

#[test]
fn what_a_run_has_only_planned_is_no_value_for_another() {
    let folder = tested(
        GREETING,
        r#"
        run "plans" {
          command = plan
        }
        run "wants_it" {
          variables {
            name = run.plans.greeting
          }
        }
        "#,
    );
    let ran = folder.run("test").exits(1);
    assert_snapshot!(ran.err, @r#"
    error[E0381]: Reference to unknown value
     --> main.tftest.hcl:7:20
      |
    7 |             name = run.plans.greeting
      |                    ^^^^^^^^^^^^^^^^^^
      |
      = This value is unknown. Run block "plans" is executing a "plan" operation, and the specified output value is
        only known after apply.
      = help: Let the run "plans" say `command = apply`.
    "#);
}

#[test]
fn an_assertion_that_is_none_is_an_error_not_a_failure() {
    let wrong = |condition: &str, message: &str| {
        let test = format!(
            "run \"a\" {{\n  assert {{\n    condition     = {condition}\n    error_message = {message}\n  }}\n}}\nrun \"later\" {{}}\n"
        );
        tested(GREETING, &test).run("test").exits(1).says(&["run \"later\"... skip"])
    };
    wrong("output.greeting", "\"x\"").says(&["Invalid condition run", "a bool is required"]);
    wrong("output.greeting == null ? true : null", "\"x\"").says(&["Invalid condition run", "not null"]);
    wrong("output.greeting == \"x\"", "{ a = output.greeting }")
        .says(&["Invalid error message", "string required"])
        .never_says(&["Test assertion failed"]);
    wrong("tolist([])[var.name == \"Ada\" ? 3 : 0] == 1", "\"x\"").says(&["Invalid index"]);
}

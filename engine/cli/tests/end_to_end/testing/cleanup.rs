//! What runs have made is removed: in the reverse order of the runs, after failures and interruptions too.

use std::time::{Duration, Instant};

use insta::assert_snapshot;

use super::{both, reports::events, tested};
use crate::harness::Folder;

#[test]
fn what_cannot_be_destroyed_is_listed() {
    let folder = tested(
        r#"
        resource "terraform_data" "kept" {
          lifecycle {
            prevent_destroy = true
          }
        }
        "#,
        "run \"makes\" {}\n",
    );
    let ran = folder.run("test").exits(1);
    assert_snapshot!(both(&ran), @r#"
    main.tftest.hcl... in progress
      run "makes"... pass
    main.tftest.hcl... tearing down
    main.tftest.hcl... fail

    Failure! 1 passed, 0 failed.
    --- standard error

    Not all that main.tftest.hcl/makes has made could be destroyed.

    error[E0416]: Instance cannot be destroyed
     --> main.hcl:2:9
      |
    2 |         resource "terraform_data" "kept" {
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = in terraform_data.kept
      = terraform_data.kept has lifecycle.prevent_destroy set, and the plan removes it.
      = help: Take prevent_destroy out and apply, then remove it; or leave it out with -exclude.

    These objects are still there after main.tftest.hcl/makes; no state knows them any more, so clean them up by hand:
      - terraform_data.kept
    "#);
    let ran = folder.run("test -json").exits(1);
    assert_snapshot!(events(&ran), @r#"
    test_abstract {"@level":"info","@message":"Found 1 file and 1 run block","test_abstract":{"main.tftest.hcl":["makes"]}}
    test_file {"@level":"info","@message":"main.tftest.hcl... in progress","test_file":{"path":"main.tftest.hcl","progress":"starting"},"@testfile":"main.tftest.hcl"}
    test_run {"@level":"info","@message":"  \"makes\"... in progress","@testfile":"main.tftest.hcl","@testrun":"makes","test_run":{"path":"main.tftest.hcl","run":"makes","progress":"starting"}}
    test_run {"@level":"info","@message":"  \"makes\"... pass","@testfile":"main.tftest.hcl","@testrun":"makes","test_run":{"path":"main.tftest.hcl","run":"makes","progress":"complete","status":"pass"}}
    test_file {"@level":"info","@message":"main.tftest.hcl... tearing down","test_file":{"path":"main.tftest.hcl","progress":"teardown"},"@testfile":"main.tftest.hcl"}
    test_run {"@level":"info","@message":"  \"makes\"... tearing down","@testfile":"main.tftest.hcl","@testrun":"makes","test_run":{"path":"main.tftest.hcl","run":"makes","progress":"teardown"}}
    test_cleanup {"@level":"error","@message":"Some resources are left after main.tftest.hcl/makes: they need to be cleaned up manually.","@testfile":"main.tftest.hcl","@testrun":"makes","test_cleanup":{"failed_resources":[{"instance":"terraform_data.kept"}]}}
    diagnostic {"@level":"error","@message":"Error: Instance cannot be destroyed","@testfile":"main.tftest.hcl","@testrun":"makes","diagnostic":"Instance cannot be destroyed"}
    test_file {"@level":"info","@message":"main.tftest.hcl... fail","test_file":{"path":"main.tftest.hcl","progress":"complete","status":"error"},"@testfile":"main.tftest.hcl"}
    test_summary {"@level":"info","@message":"Failure! 1 passed, 0 failed.","test_summary":{"status":"error","passed":1,"failed":0,"errored":0,"skipped":0}}
    "#);
}

#[test]
fn programs_that_fail_before_a_removal_keep_their_object() {
    let folder = tested(
        r#"
        resource "terraform_data" "first" {}
        resource "terraform_data" "stuck" {
          input = terraform_data.first.id
          provisioner "local-exec" {
            when    = destroy
            command = "exit 3"
          }
        }
        resource "terraform_data" "last" {
          input = terraform_data.stuck.id
        }
        "#,
        "run \"makes\" {}\n",
    );
    let ran = folder.run("test -allow-exec").exits(1);
    ran.says(&["1 passed, 0 failed", "  - terraform_data.first\n  - terraform_data.stuck\n"])
        .never_says(&["- terraform_data.last"]);
    // Without leave nothing of it is run, and nothing is removed.
    let ran = folder.run("test").exits(1).says(&["Programs may not run"]);
    ran.says(&["terraform_data.last"]);
}

#[test]
fn states_are_removed_in_the_reverse_order_of_the_runs_that_changed_them() {
    let program = |name: &str| {
        format!(
            "resource \"terraform_data\" \"x\" {{\n  provisioner \"local-exec\" {{\n    when    = destroy\n    command = \"echo {name} >> removed.txt\"\n  }}\n}}\n"
        )
    };
    let folder = tested(
        &program("main"),
        r#"
        run "a" {
          module {
            source = "./a"
          }
        }
        run "main" {}
        run "b" {
          module {
            source = "./b"
          }
        }
        run "fails" {
          assert {
            condition     = terraform_data.x.id == ""
            error_message = "It has an id."
          }
        }
        "#,
    );
    folder.write("a/main.hcl", &program("a"));
    folder.write("b/main.hcl", &program("b"));
    folder.run("test -allow-exec").exits(1);
    assert_eq!(folder.read("removed.txt"), "main\nb\na\n");
}

#[test]
fn an_interrupted_test_removes_what_it_has_made() {
    let folder = tested(
        r#"
        resource "terraform_data" "quick" {
          provisioner "local-exec" {
            when    = destroy
            command = "echo gone > removed.txt"
          }
        }
        resource "terraform_data" "slow" {
          input = terraform_data.quick.id
          provisioner "local-exec" {
            command = "touch started; sleep 30"
          }
        }
        "#,
        "run \"slow\" {}\nrun \"later\" {}\n",
    );
    folder.write("tests/other.tftest.hcl", "run \"never\" {}\n");
    let run = folder.start("test -allow-exec");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !folder.path("started").exists() {
        assert!(Instant::now() < deadline, "it does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    run.signal("INT");
    let ran = run.wait().exits(130);
    ran.says(&["run \"slow\"... fail", "run \"later\"... skip", "run \"never\"... skip"])
        .never_says(&["are still there"]);
    assert_eq!(folder.read("removed.txt"), "gone\n");
}

#[test]
fn a_test_never_touches_the_folders_own_state() {
    let folder = Folder::with("resource \"terraform_data\" \"a\" {\n  input = \"mine\"\n}\n");
    folder.run("apply -auto-approve").exits(0);
    let before = folder.run("state pull").exits(0).out;
    folder.write(
        "main.tftest.hcl",
        "run \"a\" {\n  assert {\n    condition     = terraform_data.a.output == \"mine\"\n    error_message = \"x\"\n  }\n}\n",
    );
    folder.run("test").exits(0);
    assert_eq!(folder.run("state pull").exits(0).out, before);
    folder.run("plan -detailed-exitcode").exits(0);
}

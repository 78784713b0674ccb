//! What is told of tests: events for programs, JUnit's XML, plans and states.

use insta::assert_snapshot;
use serde_json::Value;

use super::tested;
use crate::harness::{Folder, Ran};

/// The events, one a line, without what differs from run to run.
pub(super) fn events(ran: &Ran) -> String {
    let line = |line: &str| {
        let mut event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        for name in ["@timestamp", "@module", "type"] {
            assert!(event.as_object_mut().unwrap().remove(name).is_some(), "{name} is missing: {line}");
        }
        if kind == "version" {
            return String::new();
        }
        if let Some(run) = event.get_mut("test_run").and_then(Value::as_object_mut) {
            run.remove("elapsed");
        }
        if let Some(of_diagnostic) = event.get_mut("diagnostic") {
            *of_diagnostic = of_diagnostic["summary"].clone();
        }
        let running = event["test_run"]["progress"] == "running";
        if running { String::new() } else { format!("{kind} {event}\n") }
    };
    ran.out.lines().map(line).collect()
}

const MAIN: &str = r#"
variable "v" {
  default = "x"
}
variable "secret" {
  default   = "hunter2"
  sensitive = true
}
resource "terraform_data" "a" {
  input = var.v
}
output "v" {
  value = var.v
}
output "secret" {
  value     = var.secret
  sensitive = true
}
"#;

const TEST: &str = r#"
run "passes" {
  command = plan
}
run "fails" {
  assert {
    condition     = output.v == "y"
    error_message = "It is <${output.v}>."
  }
}
run "breaks" {
  variables {
    v = run.passes.nothing
  }
}
run "skipped" {}
"#;

#[test]
fn the_stream_of_events_is_terraforms() {
    let ran = tested(MAIN, TEST).run("test -json").exits(1);
    assert_snapshot!(events(&ran), @r#"
    test_abstract {"@level":"info","@message":"Found 1 file and 4 run blocks","test_abstract":{"main.tftest.hcl":["passes","fails","breaks","skipped"]}}
    test_file {"@level":"info","@message":"main.tftest.hcl... in progress","test_file":{"path":"main.tftest.hcl","progress":"starting"},"@testfile":"main.tftest.hcl"}
    test_run {"@level":"info","@message":"  \"passes\"... in progress","@testfile":"main.tftest.hcl","@testrun":"passes","test_run":{"path":"main.tftest.hcl","run":"passes","progress":"starting"}}
    test_run {"@level":"info","@message":"  \"passes\"... pass","@testfile":"main.tftest.hcl","@testrun":"passes","test_run":{"path":"main.tftest.hcl","run":"passes","progress":"complete","status":"pass"}}
    test_run {"@level":"info","@message":"  \"fails\"... in progress","@testfile":"main.tftest.hcl","@testrun":"fails","test_run":{"path":"main.tftest.hcl","run":"fails","progress":"starting"}}
    test_run {"@level":"info","@message":"  \"fails\"... fail","@testfile":"main.tftest.hcl","@testrun":"fails","test_run":{"path":"main.tftest.hcl","run":"fails","progress":"complete","status":"fail"}}
    diagnostic {"@level":"error","@message":"Error: Test assertion failed","@testfile":"main.tftest.hcl","@testrun":"fails","diagnostic":"Test assertion failed"}
    test_run {"@level":"info","@message":"  \"breaks\"... in progress","@testfile":"main.tftest.hcl","@testrun":"breaks","test_run":{"path":"main.tftest.hcl","run":"breaks","progress":"starting"}}
    test_run {"@level":"info","@message":"  \"breaks\"... fail","@testfile":"main.tftest.hcl","@testrun":"breaks","test_run":{"path":"main.tftest.hcl","run":"breaks","progress":"complete","status":"error"}}
    diagnostic {"@level":"error","@message":"Error: Unsupported attribute","@testfile":"main.tftest.hcl","@testrun":"breaks","diagnostic":"Unsupported attribute"}
    test_run {"@level":"info","@message":"  \"skipped\"... skip","@testfile":"main.tftest.hcl","@testrun":"skipped","test_run":{"path":"main.tftest.hcl","run":"skipped","progress":"complete","status":"skip"}}
    test_file {"@level":"info","@message":"main.tftest.hcl... tearing down","test_file":{"path":"main.tftest.hcl","progress":"teardown"},"@testfile":"main.tftest.hcl"}
    test_run {"@level":"info","@message":"  \"fails\"... tearing down","@testfile":"main.tftest.hcl","@testrun":"fails","test_run":{"path":"main.tftest.hcl","run":"fails","progress":"teardown"}}
    test_file {"@level":"info","@message":"main.tftest.hcl... fail","test_file":{"path":"main.tftest.hcl","progress":"complete","status":"error"},"@testfile":"main.tftest.hcl"}
    test_summary {"@level":"info","@message":"Failure! 1 passed, 2 failed, 1 skipped.","test_summary":{"status":"error","passed":1,"failed":1,"errored":1,"skipped":1}}
    "#);
    assert!(ran.err.is_empty(), "{ran}");
}

#[test]
fn verbose_shows_plans_and_states_without_secrets() {
    let folder = tested(MAIN, TEST);
    let ran = folder.run("test -verbose").exits(1).never_says(&["hunter2"]);
    ran.says(&["terraform_data.a", "(sensitive value)", "v      = \"x\""]);
    let ran = folder.run("test -json -verbose").exits(1).never_says(&["hunter2"]);
    let kinds: Vec<String> = ran
        .out
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap())
        .filter_map(|e| Some(e["type"].as_str()?.to_owned()))
        .filter(|kind| kind == "test_plan" || kind == "test_state")
        .collect();
    assert_eq!(kinds, ["test_plan", "test_state"]);
    let plan = ran.out.lines().find(|l| l.contains("\"test_plan\"")).unwrap();
    let plan: Value = serde_json::from_str(plan).unwrap();
    assert_eq!(plan["test_plan"]["resource_changes"][0]["address"], "terraform_data.a");
    let source = "terraform.io/builtin/terraform";
    assert!(plan["test_plan"]["provider_schemas"][source].is_object(), "{plan:#}");
    let state = ran.out.lines().find(|l| l.contains("\"test_state\"")).unwrap();
    let state: Value = serde_json::from_str(state).unwrap();
    assert_eq!(state["test_state"]["root_module"]["resources"][0]["address"], "terraform_data.a");
    assert_eq!(state["test_state"]["outputs"]["v"]["value"], "x");
}

#[test]
fn results_are_written_for_continuous_integration() {
    let folder = tested(MAIN, TEST);
    folder.run("test -junit-xml=results.xml").exits(1);
    let text = folder.read("results.xml");
    // Times differ.
    let lines = text.lines().map(|line| match line.split_once(" time=\"") {
        Some((before, after)) => {
            let rest = after.split_once('>').map_or("", |(_, rest)| rest);
            format!("{before} (time)>{rest}\n")
        }
        None => format!("{line}\n"),
    });
    assert_snapshot!(lines.collect::<String>(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites>
      <testsuite name="main.tftest.hcl" tests="4" skipped="1" failures="1" errors="1">
        <testcase name="passes" classname="main.tftest.hcl" (time)></testcase>
        <testcase name="fails" classname="main.tftest.hcl" (time)>
          <failure message="Test run failed"><![CDATA[
    error[E0460]: Test assertion failed
     --> main.tftest.hcl:7:21
      |
    7 |     condition     = output.v == "y"
      |                     ^^^^^^^^^^^^^^^
      |
      = It is <x>.
      = note: output.v is "x"
    ]]></failure>
        </testcase>
        <testcase name="breaks" classname="main.tftest.hcl" (time)>
          <error message="Encountered an error"><![CDATA[
    error[E0220]: Unsupported attribute
      --> main.tftest.hcl:13:20
       |
    13 |     v = run.passes.nothing
       |                    ^^^^^^^
       |
       = This object does not have an attribute named "nothing".
       = note: run.passes is object with 2 attributes
       = help: It has "secret", "v".
    ]]></error>
        </testcase>
        <testcase name="skipped" classname="main.tftest.hcl">
          <skipped message="Testcase skipped"><![CDATA[Previous testcase "breaks" ended in error, which caused the remaining tests in the file to be skipped]]></skipped>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn a_folder_without_tests_passes() {
    let folder = Folder::with(MAIN);
    folder.run("test").exits(0).says(&["Success! 0 passed, 0 failed."]);
}

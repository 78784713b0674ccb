//! `check` blocks: what they look at, and where what came of them can be read.

use serde_json::Value;

use crate::harness::Folder;

const CHECKED: &str = r#"
variable "name" {
  default = "a"
  validation {
    condition     = length(var.name) > 0
    error_message = "empty"
  }
}
resource "local_file" "state" {
  filename = "made.tfstate"
  content  = jsonencode({ version = 4, serial = 1, lineage = "l", outputs = { o = { value = var.name, type = "string" } } })
}
check "made" {
  data "terraform_remote_state" "made" {
    backend = "local"
    config  = { path = "made.tfstate" }
  }
  assert {
    condition     = data.terraform_remote_state.made.outputs.o == "a"
    error_message = "it is ${data.terraform_remote_state.made.outputs.o}"
  }
}
"#;

fn status<'a>(document: &'a Value, address: &str) -> &'a Value {
    let checks = document["checks"].as_array().unwrap();
    checks.iter().find(|c| c["address"]["to_display"] == address).unwrap_or(&Value::Null)
}

fn shown(folder: &Folder, what: &str) -> Value {
    serde_json::from_str(&folder.run(what).exits(0).out).unwrap()
}

/// What a check looks at is looked at again when all is done, and is no error when it isn't there.
#[test]
fn a_check_looks_when_all_is_done() {
    let folder = Folder::with(CHECKED);
    folder
        .run("plan -out=p")
        .exits(0)
        .says(&["warning", "Unable to find remote state"])
        .never_says(&["error"]);
    let plan = shown(&folder, "show -json p");
    assert_eq!(status(&plan, "check.made")["status"], "fail");
    let changes = plan["resource_changes"].as_array().unwrap();
    assert_eq!(changes[0]["action_reason"], "read_because_check_nested");
    folder.run("apply p").exits(0);
    let state = shown(&folder, "show -json");
    assert_eq!(status(&state, "check.made")["status"], "pass");
    assert_eq!(status(&state, "var.name")["status"], "pass");
    // Where nothing is to be done, nothing is read for it alone.
    folder.run("plan -detailed-exitcode").exits(0);
    // It sees what the apply has made.
    folder.run("apply -auto-approve -var=name=b").exits(0).says(&["it is b"]);
    let state = shown(&folder, "show -json");
    assert_eq!(status(&state, "check.made")["instances"][0]["problems"][0]["message"], "it is b");
    let pulled = shown(&folder, "state pull");
    assert_eq!(pulled["check_results"][1]["failure_messages"], Value::Null);
    let made = pulled["check_results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["config_addr"] == "check.made")
        .unwrap();
    assert_eq!(made["objects"][0]["failure_messages"][0], "it is b");
    folder.run("destroy -auto-approve").exits(0);
    assert_eq!(shown(&folder, "show -json")["checks"], Value::Null);
}

fn events(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|e| e["type"].as_str().unwrap()).collect()
}

#[test]
fn the_stream_of_an_apply_says_each_thing_once() {
    let folder = Folder::with(CHECKED);
    folder.run("apply -auto-approve").exits(0);
    folder.edit("main.hcl", "== \"a\"", "== \"c\"");
    let out = events(&folder.run("apply -auto-approve -json").exits(0).out);
    let mut said = kinds(&out);
    // An object is looked at while a data source is read.
    said[1..5].sort_unstable();
    insta::assert_snapshot!(said.join("\n"), @"
    version
    apply_complete
    apply_start
    refresh_complete
    refresh_start
    change_summary
    diagnostic
    change_summary
    outputs
    ");
    assert_eq!(out[1]["hook"]["resource"]["addr"], "local_file.state");
    assert_eq!(out[1]["hook"]["id_key"], "id");
}

/// A program that reads the stream learns from it why there is none.
#[test]
fn what_is_wrong_with_the_state_is_an_event() {
    let folder = Folder::with("resource \"terraform_data\" \"a\" {}\n");
    folder.write("bad.db", "nothing of ours");
    for command in ["plan -json -state=bad.db", "apply -auto-approve -json -state=bad.db"] {
        let out = events(&folder.run(command).exits(1).out);
        assert_eq!(kinds(&out), ["version", "diagnostic"]);
        assert_eq!(out[1]["diagnostic"]["severity"], "error");
        assert!(out[1]["@message"].as_str().unwrap().contains("bad.db is damaged"));
    }
    folder.run("apply -auto-approve").exits(0);
    folder.run("plan -out=p -replace=terraform_data.a").exits(0);
    folder.run("taint terraform_data.a").exits(0);
    folder.run("destroy -auto-approve").exits(0);
    let out = events(&folder.run("apply -json p").exits(7).out);
    assert_eq!(kinds(&out), ["version", "diagnostic"]);
    assert!(out[1]["@message"].as_str().unwrap().contains("stale"));
}

#[test]
fn a_plan_says_which_versions_of_providers_were_asked_for() {
    let folder = Folder::with(
        r#"
        terraform {
          required_providers {
            null   = { source = "hashicorp/null", version = ">= 3.0" }
            random = "~> 3.1"
          }
        }
        resource "null_resource" "a" {}
        resource "random_id" "b" { byte_length = 2 }
        "#,
    );
    folder.run("plan -out=p").exits(0);
    let providers = shown(&folder, "show -json p")["configuration"]["provider_config"].clone();
    assert_eq!(providers["null"]["version_constraint"], ">= 3.0");
    assert_eq!(providers["random"]["version_constraint"], "~> 3.1");
}

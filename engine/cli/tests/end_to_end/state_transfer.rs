//! The state as a file: import, export, pull, push; and the other edits of it: replace-provider, history.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::Folder;
use crate::takeover::{page, terraform_state};

const PAGE: &str = r#"
variable "s" {
  default   = "geheim"
  sensitive = true
}
resource "terraform_data" "a" {
  count = 2
  input = { n = count.index, big = 12345678901234567890123, l = [1, null, "x"], s = var.s }
}
resource "terraform_data" "b" {
  for_each         = toset(["x", "y z"])
  input            = terraform_data.a[0].id
  triggers_replace = each.key
  lifecycle {
    create_before_destroy = true
  }
}
output "o" {
  value = terraform_data.a[*].input.n
}
"#;

#[test]
fn what_is_pulled_can_be_taken_in_elsewhere() {
    let folder = Folder::with(PAGE);
    folder.run("state pull").exits(0);
    folder.run("state export x.tfstate").exits(1).says(&["there is no state yet"]);
    folder.run("apply -auto-approve").exits(0);
    folder.run("taint terraform_data.a[1]").exits(0);
    folder.run("state export x.tfstate").exits(0).says(&["may hold secrets"]);
    assert_eq!(folder.read("x.tfstate"), folder.run("state pull").exits(0).out);
    folder.run("state export x.tfstate").exits(1).says(&["is there already", "-force"]);
    folder.run("state export -force x.tfstate").exits(0);

    let other = Folder::with(PAGE);
    other.write("x.json", &folder.read("x.tfstate"));
    other.run("state import -dry-run x.json").exits(0).says(&["Would take in 4 objects and 1 output"]);
    assert!(!other.path("pilotis.db").exists());
    other.run("state import x.json").exits(0).says(&["Took in 4 objects and 1 output of x.json"]);
    assert_eq!(other.state(), folder.state());
    other.run("untaint terraform_data.a[1]").exits(0);
    other.run("plan -detailed-exitcode").exits(0);
    other.run("show").exits(0).says(&["(sensitive value)"]);
    other.run("state import x.json").exits(1).says(&["already has 4 objects", "state push"]);
}

/// Terraform itself, where it is installed, reads what is exported and finds nothing to do.
#[test]
fn terraform_reads_what_is_exported() {
    let path = std::env::var("PATH").unwrap_or_default();
    let Some(terraform) = std::env::split_paths(&path).map(|dir| dir.join("terraform")).find(|p| p.exists())
    else {
        eprintln!("skipped: there is no terraform here");
        return;
    };
    let folder = Folder::empty();
    folder.write("main.tf", PAGE);
    folder.run("apply -auto-approve").exits(0);
    folder.run("state export terraform.tfstate").exits(0);
    let run = |line: &str| {
        let mut command = Command::new(&terraform);
        command.args(line.split(' ')).current_dir(folder.path("")).env_clear();
        command
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_CLI_CONFIG_FILE", "/dev/null")
            .env("HOME", folder.path(""));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), text)
    };
    assert_eq!(run("init -no-color").0, Some(0));
    let (code, listed) = run("state list");
    assert_eq!((code, listed.lines().count()), (Some(0), 4), "{listed}");
    let (code, planned) = run("plan -no-color -detailed-exitcode");
    assert_eq!(code, Some(0), "{planned}");
    let (_, shown) = run("state show -no-color terraform_data.a[1]");
    assert!(shown.contains("(sensitive value)") && shown.contains("12345678901234567890123"), "{shown}");
}

#[test]
fn what_is_pushed_must_be_of_this_state_and_not_older() {
    let folder = Folder::with(&page(2));
    let push = |folder: &Folder, state: &Value, flags: &str| {
        folder.write("s.json", &state.to_string());
        folder.run(&format!("state push{flags} s.json"))
    };
    push(&folder, &terraform_state(2), "").exits(0);
    folder.run("plan -detailed-exitcode").exits(0);
    let mut state = folder.run("state pull").exits(0).json();
    push(&folder, &state, "").exits(0);
    let serial = state["serial"].as_u64().unwrap();
    assert_eq!(folder.run("state pull").exits(0).json()["serial"], serial, "the same: nothing was written");

    state["resources"][0]["instances"].as_array_mut().unwrap().truncate(1);
    push(&folder, &state, "").exits(1).says(&["has the same serial", "-force"]);
    state["serial"] = json!(serial - 1);
    push(&folder, &state, "").exits(1).says(&["is newer"]);
    state["serial"] = json!(serial + 5);
    state["lineage"] = json!("another");
    push(&folder, &state, "").exits(1).says(&["they are unrelated", "another"]);
    assert_eq!(folder.objects().len(), 2);
    state["lineage"] = json!("5f0e7c1a");
    push(&folder, &state, "").exits(0);
    assert_eq!(folder.state(), ["terraform_data.a[0]"]);
    state["lineage"] = json!("another");
    state["serial"] = json!(1);
    push(&folder, &state, " -force").exits(0);
    let pulled = folder.run("state pull").exits(0).json();
    assert_eq!(pulled["lineage"], "another");
    assert!(pulled["serial"].as_u64().unwrap() > serial, "a serial never goes back");
    folder.run("state push none.json").exits(1).says(&["none.json can't be read"]);
    folder.run_fed("state push -", "junk").exits(1).says(&["not valid JSON"]);
    folder.run_fed("state push -force -", &state.to_string()).exits(0);
}

#[test]
fn a_provider_takes_the_objects_of_another() {
    let mut state = terraform_state(2);
    state["resources"][0]["provider"] = json!("provider[\"registry.opentofu.org/fork/terraform\"]");
    let folder = Folder::with(&page(2));
    folder.write("s.json", &state.to_string());
    folder.run("state import s.json").exits(0);
    let (from, to) = ("registry.opentofu.org/fork/terraform", "terraform.io/builtin/terraform");
    let line = format!("state replace-provider {from} {to}");
    let asked = folder.run_fed(&line, "no\n").exits(0);
    insta::assert_snapshot!(asked.out, @"
    Pilotis will perform the following actions:

      ~ Updating provider:
        - registry.opentofu.org/fork/terraform
        + terraform.io/builtin/terraform

    Changing 2 resources:

      terraform_data.a[0]
      terraform_data.a[1]

    Do you want to make these changes?
    Only 'yes' will be accepted to continue.

    Enter a value: Cancelled replacing providers.
    ");
    assert!(folder.run("state pull").exits(0).out.contains("fork/terraform"));
    folder.run_fed(&line, "yes\n").exits(0).says(&["Successfully replaced provider for 2 resources."]);
    assert!(!folder.run("state pull").exits(0).out.contains("fork/terraform"));
    folder.run(&format!("{line} -auto-approve")).exits(0).says(&["No matching resources found."]);
    folder.run("state history terraform_data.a[0]").exits(0).says(&["rebind", "fork/terraform"]);
    for (line, why) in [
        ("state replace-provider a/b/c/d terraform.io/builtin/terraform", "Invalid \"from\" provider"),
        (
            "state replace-provider terraform.io/builtin/terraform hashicorp/aws",
            "there is no provider registry.terraform.io/hashicorp/aws",
        ),
    ] {
        folder.run(line).exits(1).says(&[why]);
    }
}

#[test]
fn the_history_follows_an_object_through_its_moves_and_shows_no_value() {
    let folder = Folder::with("resource \"terraform_data\" \"a\" {\n  input = \"geheim\"\n}\n");
    folder.run("apply -auto-approve").exits(0);
    folder.run("state mv terraform_data.a terraform_data.b").exits(0);
    folder.run("state mv terraform_data.b terraform_data.c").exits(0);
    folder.edit("main.hcl", "\"terraform_data\" \"a\"", "\"terraform_data\" \"c\"");
    folder.edit("main.hcl", "geheim", "streng geheim");
    folder.run("apply -auto-approve").exits(0);
    let history = folder.run("state history -json terraform_data.c").exits(0).never_says(&["geheim"]).json();
    let said: Vec<_> =
        history.as_array().unwrap().iter().map(|c| (c["action"].clone(), c["changed"].clone())).collect();
    assert_eq!(
        said,
        [
            (json!("update"), json!(["input", "output"])),
            (json!("move"), json!([])),
            (json!("move"), json!([])),
            (json!("create"), json!(["id", "input", "output"])),
        ]
    );
    assert_eq!(history[1]["from"], "terraform_data.b");
    let text = folder.run("state history terraform_data.c").exits(0).never_says(&["geheim"]).out;
    assert!(text.contains("from terraform_data.a to terraform_data.b"), "{text}");
    assert_eq!(folder.run("state history -limit=2 terraform_data.c").exits(0).out.matches("run ").count(), 2);
    folder.run("state history terraform_data.none").exits(1).says(&["nothing was ever noted"]);
    folder.run("state history module.m").exits(1).says(&["is a module"]);
}

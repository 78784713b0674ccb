//! `state restore`: back to what a run was made of.

use serde_json::Value;

use crate::harness::Folder;

const FIRST: &str = r#"
variable "word" {
  type      = string
  sensitive = true
}
resource "terraform_data" "a" {
  input = "${trimspace(file("a.txt"))} ${nonsensitive(sha256(var.word))}"
}
resource "terraform_data" "b" {
  input = terraform_data.a.id
}
resource "terraform_data" "kept" {
  input = "kept"
}
output "b" { value = terraform_data.b.output }
"#;

const SECOND: &str = r#"
resource "terraform_data" "a" {
  input = "second"
}
resource "terraform_data" "c" {
  input = "new"
}
resource "terraform_data" "moved" {
  input = "kept"
}
moved {
  from = terraform_data.kept
  to   = terraform_data.moved
}
"#;

/// The runs that changed an object, newest first.
fn runs(folder: &Folder, address: &str) -> Vec<String> {
    let history: Value =
        serde_json::from_str(&folder.run(&format!("state history -json {address}")).exits(0).out).unwrap();
    history.as_array().unwrap().iter().map(|c| c["run"]["id"].as_str().unwrap().to_owned()).collect()
}

/// Two runs; the first one's id.
fn two_runs() -> (Folder, String) {
    let folder = Folder::with(FIRST);
    folder.write("a.txt", "first\n");
    folder.run("apply -auto-approve -var=word=geheim").exits(0);
    let run = runs(&folder, "terraform_data.a").remove(0);
    folder.write("a.txt", "another\n");
    folder.write("main.hcl", SECOND);
    folder.run("apply -auto-approve").exits(0);
    (folder, run)
}

fn value(folder: &Folder, address: &str) -> Value {
    let shown: Value =
        serde_json::from_str(&folder.run(&format!("state show -json {address}")).exits(0).out).unwrap();
    shown["resources"][0]["values"].clone()
}

#[test]
fn everything_is_as_the_run_wanted_it() {
    let (folder, run) = two_runs();
    let kept = value(&folder, "terraform_data.moved")["id"].clone();
    let plan = folder.run(&format!("state restore {run} -out=back")).exits(0);
    plan.says(&["Back to run", "1 to add, 1 to change, 1 to destroy", "terraform_data.c will be destroyed"])
        .never_says(&["geheim"]);
    // Nothing was done yet.
    assert_eq!(value(&folder, "terraform_data.a")["input"], "second");
    folder.run("apply back").exits(0);
    assert_eq!(folder.state(), ["terraform_data.a", "terraform_data.b", "terraform_data.kept"]);
    assert_eq!(value(&folder, "terraform_data.kept")["id"], kept, "what has moved since moves back");
    assert!(value(&folder, "terraform_data.a")["input"].as_str().unwrap().starts_with("first "));
    assert_eq!(value(&folder, "terraform_data.b")["input"], value(&folder, "terraform_data.a")["id"]);
    folder.run(&format!("state restore {run}")).exits(0).says(&["No changes"]);
    // The run that went back can be gone back to as well, and the page is as it was.
    let back = runs(&folder, "terraform_data.c").remove(0);
    folder.run("apply -auto-approve").exits(0);
    assert_eq!(value(&folder, "terraform_data.a")["input"], "second");
    folder
        .run(&format!("state restore {}", &back[..8]))
        .exits(0)
        .says(&["1 to add, 1 to change, 1 to destroy"]);
}

#[test]
fn a_part_of_it() {
    let (folder, run) = two_runs();
    folder
        .run(&format!("state restore {run} -target=terraform_data.a -out=back"))
        .exits(0)
        .says(&["0 to add, 1 to change"]);
    folder.run("apply back").exits(0);
    assert_eq!(folder.state(), ["terraform_data.a", "terraform_data.c", "terraform_data.moved"]);
}

#[test]
fn edits_by_hand_since_then_are_followed_back() {
    let (folder, _) = two_runs();
    let second = runs(&folder, "terraform_data.c").remove(0);
    folder.run("state mv terraform_data.c terraform_data.d").exits(0);
    folder.run("state mv terraform_data.d terraform_data.e").exits(0);
    let back = folder.run(&format!("state restore {second}")).exits(0);
    back.says(&["1 address to move, no objects touched", "terraform_data.e has moved to terraform_data.c"]);
    // No configuration was ever that of an edit: it is taken back with all that came after.
    let edit = runs(&folder, "terraform_data.e").remove(1);
    folder
        .run(&format!("state restore {edit}"))
        .exits(0)
        .says(&["changed the state alone", "has moved to terraform_data.c"]);
}

#[test]
fn what_cant_be_gone_back_to_is_said() {
    let (folder, run) = two_runs();
    folder.run("state restore nothing").exits(1).says(&["no run \"nothing\"", &run]);
    folder.edit(
        "main.hcl",
        "input = \"new\"",
        "input = \"new\"\n  lifecycle {\n    prevent_destroy = true\n  }",
    );
    folder.run("apply -auto-approve").exits(0);
    folder
        .run(&format!("state restore {run}"))
        .exits(1)
        .says(&["Instance cannot be destroyed", "terraform_data.c"]);

    let other = Folder::empty();
    other.run("state restore x").exits(1).says(&["there is no state yet"]);
    other.write("t.tfstate", r#"{"version": 4, "serial": 1, "lineage": "l", "resources": []}"#);
    other.run("state import t.tfstate").exits(0);
    other.run("workspace new w").exits(0);
}

/// A saved plan is applied from an excerpt of it, without what doesn't change: the run is made of all all the same.
#[test]
fn a_run_of_a_saved_plan_that_changed_a_little() {
    let page = |input: &dyn Fn(usize) -> String| -> String {
        let block =
            |n: usize| format!("resource \"terraform_data\" \"r{n}\" {{\n  input = \"{}\"\n}}\n", input(n));
        (0..8).map(block).collect()
    };
    let folder = Folder::with(&page(&|n| n.to_string()));
    folder.run("apply -auto-approve").exits(0);
    folder.write("main.hcl", &page(&|n| if n == 0 { "changed".into() } else { n.to_string() }));
    folder.run("plan -out=p").exits(0);
    folder.run("apply p").exits(0).says(&["1 changed"]);
    let run = runs(&folder, "terraform_data.r0").remove(0);
    folder.write("main.hcl", &page(&|n| format!("other {n}")));
    folder.run("apply -auto-approve").exits(0);
    folder.run(&format!("state restore {run}")).exits(0).says(&["0 to add, 8 to change, 0 to destroy"]);
}

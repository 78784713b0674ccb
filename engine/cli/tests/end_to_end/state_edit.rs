//! The state edited by hand: taint, untaint, state mv, state rm.

use std::time::Duration;

use crate::harness::Folder;

const PAGE: &str = r#"
resource "terraform_data" "a" {
  input = "a"
}
resource "terraform_data" "b" {
  input = terraform_data.a.output
}
resource "terraform_data" "c" {
  count = 2
  input = count.index
}
"#;

fn applied() -> Folder {
    let folder = Folder::with(PAGE);
    folder.run("apply -auto-approve").exits(0);
    folder
}

#[test]
fn what_is_tainted_is_replaced_and_untainted_is_not() {
    let folder = applied();
    folder
        .run("taint terraform_data.a")
        .exits(0)
        .says(&["Resource instance terraform_data.a has been marked as tainted."]);
    folder.run("taint terraform_data.a").exits(0);
    folder.run("plan -detailed-exitcode").exits(2).says(&["terraform_data.a", "tainted"]);
    folder
        .run("untaint terraform_data.a")
        .exits(0)
        .says(&["Resource instance terraform_data.a has been successfully untainted."]);
    folder.run("plan -detailed-exitcode").exits(0);
    folder.run("untaint terraform_data.a").exits(1).says(&["is not tainted"]);
    folder.run("taint terraform_data.c").exits(1).says(&["nothing at terraform_data.c", "state list"]);
    folder.run("taint -allow-missing terraform_data.none").exits(0);
}

#[test]
fn what_moves_keeps_its_dependents() {
    let folder = applied();
    folder
        .run("state mv -dry-run terraform_data.a terraform_data.z")
        .exits(0)
        .says(&["Would move \"terraform_data.a\" to \"terraform_data.z\""]);
    folder
        .run("state mv terraform_data.a terraform_data.z")
        .exits(0)
        .says(&["Successfully moved 1 object(s)."]);
    let shown = folder.run("show -json").exits(0).json();
    let resources = shown["values"]["root_module"]["resources"].as_array().unwrap().clone();
    let b = resources.iter().find(|r| r["address"] == "terraform_data.b").unwrap();
    assert_eq!(b["depends_on"], serde_json::json!(["terraform_data.z"]));

    folder.edit("main.hcl", "\"terraform_data\" \"a\"", "\"terraform_data\" \"z\"");
    folder.edit("main.hcl", "terraform_data.a.output", "terraform_data.z.output");
    folder.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn nothing_moves_onto_something() {
    let folder = applied();
    let before = folder.state();
    for (line, why) in [
        ("state mv terraform_data.a terraform_data.b", "has an object there already"),
        ("state mv terraform_data.a terraform_data.a", "has an object there already"),
        ("state mv terraform_data.c terraform_data.b", "has an object there already"),
        ("state mv terraform_data.none terraform_data.d", "nothing at terraform_data.none"),
        ("state mv terraform_data.a module.m", "one is a module and the other a resource"),
        ("state mv terraform_data.a other_type.a", "their resource types don't match"),
        ("state rm terraform_data.a terraform_data.none", "nothing at terraform_data.none"),
    ] {
        folder.run(line).exits(1).says(&[why]);
        assert_eq!(folder.state(), before, "{line}");
    }
}

#[test]
fn what_is_removed_is_forgotten_whole() {
    let folder = applied();
    folder.run("state mv terraform_data.c module.m.terraform_data.c").exits(0);
    let would = folder.run("state rm -dry-run module.m").exits(0).out;
    assert_eq!(would.lines().count(), 2);
    let removed = folder.run("state rm module.m terraform_data.a").exits(0).out;
    insta::assert_snapshot!(removed, @"
    Removed module.m.terraform_data.c[0]
    Removed module.m.terraform_data.c[1]
    Removed terraform_data.a
    Successfully removed 3 resource instance(s).
    ");
    assert_eq!(folder.state(), ["terraform_data.b"]);
}

/// Killed at any moment, all has moved or nothing, and the lease of the dead process stops nobody.
#[test]
fn a_move_that_is_killed_is_whole_or_has_not_begun() {
    let folder = Folder::with("resource \"terraform_data\" \"a\" {\n  count = 200\n}\n");
    folder.run("apply -auto-approve").exits(0);
    let (mut from, mut to) = ("a", "b");
    for i in 0..24_u64 {
        let run = folder.start(&format!("state mv terraform_data.{from} terraform_data.{to}"));
        std::thread::sleep(Duration::from_millis(4 * i));
        run.kill();
        let names = folder.state();
        assert_eq!(names.len(), 200);
        let moved = names.iter().all(|n| n.starts_with(&format!("terraform_data.{to}[")));
        let stayed = names.iter().all(|n| n.starts_with(&format!("terraform_data.{from}[")));
        assert!(moved || stayed, "half moved after {i}: {names:?}");
        if moved {
            (from, to) = (to, from);
        }
    }
    folder.run(&format!("state mv terraform_data.{from} terraform_data.{to}")).exits(0);
}

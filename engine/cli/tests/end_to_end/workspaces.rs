//! Workspaces: several states of one configuration.

use crate::harness::Folder;
use crate::takeover::{page, terraform_state};

const PAGE: &str = "resource \"terraform_data\" \"a\" {\n  input = terraform.workspace\n}\noutput \"w\" {\n  value = terraform.workspace\n}\n";

#[test]
fn each_workspace_has_a_state_of_its_own() {
    let folder = Folder::with(PAGE);
    folder.run("apply -auto-approve").exits(0);
    insta::assert_snapshot!(folder.run("workspace new blue").exits(0).out, @r#"
    Created and switched to workspace "blue"!

    You're now on a new, empty workspace. Workspaces isolate their state,
    so if you run "pilotis plan" Pilotis will not see any existing state
    for this configuration.
    "#);
    assert_eq!(folder.run("workspace show").exits(0).out, "blue\n");
    assert!(folder.state().is_empty());
    folder.run("apply -auto-approve").exits(0).says(&["w = \"blue\""]);
    folder.run_fed("console", "terraform.workspace\n").exits(0).says(&["blue"]);
    folder.run("workspace select default").exits(0).says(&["Switched to workspace \"default\"."]);
    assert_eq!(folder.run("workspace select default").exits(0).out, "");
    folder.run("plan -detailed-exitcode").exits(0);
    assert_eq!(folder.run("output -raw w").exits(0).out, "default");
    assert_eq!(folder.run("workspace list").exits(0).out, "* default\n  blue\n\n");
    assert!(folder.path("pilotis.db.d/blue.db").exists());
    folder.run("state list -state=pilotis.db.d/blue.db").exits(0).says(&["terraform_data.a"]);
}

#[test]
fn what_the_environment_says_comes_first() {
    let folder = Folder::with(PAGE);
    let blue = [("TF_WORKSPACE", "blue")];
    folder.run_with(&["apply", "-auto-approve"], &blue).exits(0).says(&["w = \"blue\""]);
    folder.run_with(&["workspace", "list"], &blue).exits(0).says(&["* blue", "TF_WORKSPACE"]);
    folder
        .run_with(&["workspace", "select", "default"], &blue)
        .exits(1)
        .says(&["overridden", "TF_WORKSPACE"]);
    folder.run_with(&["workspace", "new", "red"], &blue).exits(1).says(&["overridden", "TF_WORKSPACE"]);
    assert_eq!(folder.run("workspace show").exits(0).out, "default\n");
    let both = [("TF_WORKSPACE", "blue"), ("PILOTIS_WORKSPACE", "green")];
    assert_eq!(folder.run_with(&["workspace", "show"], &both).exits(0).out, "green\n");
    let elsewhere = [("PILOTIS_STATE", "x.db")];
    folder
        .run_with(&["workspace", "new", "red"], &elsewhere)
        .exits(1)
        .says(&["PILOTIS_STATE names one state"]);
    let wrong = [("TF_WORKSPACE", "../up")];
    for args in [&["plan"] as &[&str], &["state", "list"], &["workspace", "show"]] {
        folder
            .run_with(args, &wrong)
            .exits(1)
            .says(&["Invalid workspace name set using TF_WORKSPACE", "../up"]);
    }
}

#[test]
fn wrong_names_and_what_stands_in_the_way() {
    let folder = Folder::with(PAGE);
    folder.run("workspace new blue").exits(0);
    folder.run("workspace new blue").exits(1).says(&["Workspace \"blue\" already exists"]);
    for name in ["a/b", "..", "a%20b", "é"] {
        folder.run(&format!("workspace new {name}")).exits(1).says(&["is not allowed"]);
    }
    folder
        .run("workspace select blu")
        .exits(1)
        .says(&["Workspace \"blu\" doesn't exist", "Did you mean blue?"]);
    folder.run("workspace delete blue").exits(1).says(&["is your active workspace"]);
    folder.run("workspace delete default").exits(1).says(&["cannot delete default state"]);
    folder.run("workspace delete none").exits(1).says(&["doesn't exist"]);
    folder.run("apply -auto-approve").exits(0);
    folder
        .run("workspace select -or-create red")
        .exits(0)
        .says(&["Created and switched to workspace \"red\"!"]);
    folder.run("workspace delete blue").exits(1).says(&[
        "Workspace is not empty",
        "- terraform_data.a",
        "-force",
    ]);
    folder
        .run("workspace delete -force blue")
        .exits(0)
        .says(&["Deleted workspace \"blue\"!", "was non-empty"]);
    assert_eq!(folder.run("workspace list").exits(0).out, "  default\n* red\n\n");
    folder.run("workspace select default").exits(0);
    let deleted = folder.run("workspace delete red").exits(0).out;
    assert_eq!(deleted, "Deleted workspace \"red\"!\n");
    assert_eq!(std::fs::read_dir(folder.path("pilotis.db.d")).unwrap().count(), 0);
    folder.run("workspace").exits(1);
}

#[test]
fn a_plan_belongs_to_its_workspace() {
    let folder = Folder::with(PAGE);
    folder.run("plan -out=p").exits(0);
    folder.run("workspace new blue").exits(0);
    folder
        .run("apply p")
        .exits(1)
        .says(&["was made in the workspace \"default\"", "workspace select default"]);
    assert!(folder.state().is_empty());
    folder.run("workspace select default").exits(0);
    folder.run("apply p").exits(0).says(&["1 added"]);
}

/// Terraform's workspaces are there, with the one that was selected, and each is taken over by itself.
#[test]
fn terraforms_workspaces_are_gone_on_from() {
    let folder = Folder::with(&page(1));
    std::fs::create_dir_all(folder.path("terraform.tfstate.d/blue")).unwrap();
    std::fs::create_dir(folder.path(".terraform")).unwrap();
    folder.write("terraform.tfstate.d/blue/terraform.tfstate", &terraform_state(1).to_string());
    folder.write(".terraform/environment", "blue");
    assert_eq!(folder.run("workspace list").exits(0).out, "  default\n* blue\n\n");
    folder.run("plan -detailed-exitcode").exits(0);
    folder.run("apply -auto-approve").exits(0).says(&["0 added"]);
    assert!(folder.path("pilotis.db.d/blue.db").exists());
    assert!(folder.read("terraform.tfstate.d/blue/terraform.tfstate").contains("999"));
    folder.run("workspace select default").exits(0);
    folder.run("plan -detailed-exitcode").exits(2).says(&["1 to add"]);
    folder.run("workspace new blue").exits(1).says(&["already exists"]);
    folder.run("workspace delete -force blue").exits(0);
    assert_eq!(folder.run("workspace list").exits(0).out, "* default\n\n");
}

/// A new workspace may begin with another state's objects; what it begins with is a copy, with a history of its own.
#[test]
fn a_new_one_from_a_state() {
    let folder = Folder::with(
        "resource \"terraform_data\" \"a\" {\n  input = \"x\"\n}\noutput \"o\" {\n  value = 1\n}\n",
    );
    folder.run("apply -auto-approve").exits(0);
    let pulled = folder.run("state pull").exits(0).out;
    folder.write("s.tfstate", &pulled);
    folder
        .run("workspace new -state=s.tfstate blue")
        .exits(0)
        .says(&["begins with the 1 object of s.tfstate"]);
    assert_eq!(folder.state(), ["terraform_data.a"]);
    folder.run("plan -detailed-exitcode").exits(0);
    let lineage = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["lineage"].clone();
    assert_ne!(lineage(&folder.run("state pull").exits(0).out), lineage(&pulled));
    folder.run("workspace new -state=pilotis.db green").exits(0);
    folder.run("plan -detailed-exitcode").exits(0);
    folder.run("workspace new -state=none.tfstate red").exits(1).says(&["none.tfstate can't be read"]);
    folder.write("wrong.tfstate", "{}");
    folder.run("workspace new -state=wrong.tfstate red").exits(1);
    folder.run("workspace select red").exits(1).says(&["doesn't exist"]);
}

//! Wrong pages and wrong commands: exit code 1, the place, what is wrong and what to write instead, and no call made.

use crate::harness::{Folder, Ran};

/// What every page of these tests begins with, in a file of its own.
const PLATFORM: &str = r#"
provider "gitlab" {
  sandbox = true
}
provider "kubernetes" {
  sandbox = true
}
blueprint "cluster" {
  source = "cloud-pi-native/cluster"
}
blueprint "project" {
  source = "cloud-pi-native/project"
}
cluster "hp1" {
  stages = ["dev", "recette"]
}
"#;

/// Plans a page that is wrong; nothing may have begun because of it.
fn refused(page: &str) -> Ran {
    let folder = Folder::with(page);
    folder.write("platform.hcl", PLATFORM);
    let plan = folder.run("plan").exits(1);
    assert_eq!(plan.out, "", "{plan}");
    assert!(!folder.path(".pilotis").exists(), "the sandbox was started\n{plan}");
    assert!(!folder.path("pilotis.db").exists(), "a state was made\n{plan}");
    // What plan refuses, the others refuse too.
    let validated = folder.run("validate").exits(1);
    assert_eq!(validated.err, plan.err);
    plan
}

/// Each page is wrong at the place `line:column`, and the message says the rest.
fn all_refused(table: &[(&str, &str, &[&str])]) {
    for (page, place, says) in table {
        let ran = refused(page);
        let place = format!("--> main.hcl:{place}\n");
        assert!(ran.err.contains(&place), "not at {place}{page}\n{ran}");
        ran.says(says);
    }
}

#[test]
fn names_that_the_platform_refuses() {
    all_refused(&[
        (
            "project \"Titre-Sejour\" {\n  owner = \"a@b.example\"\n}",
            "1:9",
            &[
                "Invalid project name \"Titre-Sejour\"",
                "2 to 20 lower-case letters and digits, without hyphens",
            ],
        ),
        (
            "project \"abcdefghijklmnopqrstu\" {\n  owner = \"a@b.example\"\n}",
            "1:9",
            &["Invalid project name \"abcdefghijklmnopqrstu\"", "2 to 20"],
        ),
        (
            "project \"carto\" {
  owner = \"a@b.example\"
  environment \"abcdefghijkl\" {
    on = cluster.hp1.stage.dev
  }
}",
            "3:3",
            &["Invalid environment \"abcdefghijkl\" in project \"carto\"", "2 to 11 lower-case letters"],
        ),
        (
            "project \"carto\" {\n  owner = \"a@b.example\"\n  repo \"mirror\" {}\n}",
            "3:3",
            &["Invalid repo \"mirror\" in project \"carto\"", "choose another name"],
        ),
        (
            "project \"carto\" {\n  owner = \"nobody\"\n}",
            "2:11",
            &["Invalid owner of project \"carto\"", "A project's owner is an e-mail address."],
        ),
    ]);
}

#[test]
fn quotas() {
    let page = |cpu: &str, memory: &str| {
        format!(
            "project \"carto\" {{
  owner = \"a@b.example\"
  environment \"dev\" {{
    on = cluster.hp1.stage.dev
    quota {{
      cpu    = {cpu}
      memory = {memory}
    }}
  }}
}}"
        )
    };
    all_refused(&[
        (&page("\"lots\"", "\"4Gi\""), "6:16", &["attribute \"cpu\": a number is required"]),
        (&page("2", "\"lots\""), "7:16", &["A quota's memory is a quantity: \"4Gi\", \"512Mi\"."]),
        (&page("-1", "\"4Gi\""), "6:16", &["A quota's cpu and gpu are 0 or more."]),
    ]);
}

#[test]
fn what_is_not_known_comes_with_what_is() {
    all_refused(&[
        (
            "projekt \"carto\" {\n}",
            "1:1",
            &["\"projekt\" are not expected here", "Did you mean \"project\"?"],
        ),
        (
            "project \"carto\" {
  owner = \"a@b.example\"
  environnement \"dev\" {}
}",
            "3:3",
            &["\"environnement\" are not expected in project \"carto\"", "Did you mean \"environment\"?"],
        ),
        (
            "project \"carto\" {\n  owner = \"a@b.example\"\n  descripton = \"x\"\n}",
            "3:3",
            &["\"descripton\" is not expected in project \"carto\"", "Did you mean \"description\"?"],
        ),
        (
            "output \"x\" {\n  value = cluster.hp2.stage\n}",
            "2:11",
            &["No cluster \"hp2\" is declared", "Did you mean `cluster.hp1`?"],
        ),
        (
            "output \"x\" {\n  value = var.nom\n}\nvariable \"nome\" {\n  default = 1\n}",
            "2:11",
            &["\"nom\" has not been declared", "Did you mean"],
        ),
        ("output \"x\" {\n  value = local.nada\n}", "2:11", &["\"nada\" has not been declared"]),
        (
            "output \"x\" {\n  value = uper(\"a\")\n}",
            "2:11",
            &["no function named \"uper\"", "mean \"upper\"?"],
        ),
        (
            "resource \"gitlab_groop\" \"x\" {\n  name = \"x\"\n}",
            "1:10",
            &["no resource type \"gitlab_groop\"", "Did you mean \"gitlab_group\"?"],
        ),
        (
            "data \"gitlab_usr\" \"x\" {\n}",
            "1:6",
            &["no data source \"gitlab_usr\"", "Did you mean \"gitlab_user\"?"],
        ),
    ]);
}

#[test]
fn a_blueprint_that_was_not_declared_is_shown_how_to() {
    let folder = Folder::with("project \"carto\" {\n}");
    folder.run("plan").exits(1).says(&["declare it with `blueprint \"project\"", "cloud-pi-native/project"]);
}

#[test]
fn arguments_that_are_missing_or_of_the_wrong_type() {
    all_refused(&[
        (
            "project \"carto\" {\n}",
            "1:1",
            &["The argument \"owner\" is required", "E-mail address of the person who answers"],
        ),
        (
            "resource \"gitlab_group\" \"x\" {\n  name = \"x\"\n}",
            "1:1",
            &["The argument \"path\" is required"],
        ),
        ("project \"carto\" {\n  owner = [\"a\"]\n}", "2:11", &["attribute \"owner\": string required"]),
        (
            "resource \"gitlab_group\" \"x\" {
  name      = \"x\"
  path      = \"x\"
  parent_id = \"abc\"
}",
            "4:15",
            &["attribute \"parent_id\": a number is required"],
        ),
    ]);
}

#[test]
fn names_that_are_there_twice() {
    all_refused(&[
        (
            "resource \"terraform_data\" \"a\" {}\nresource \"terraform_data\" \"a\" {}",
            "2:1",
            &["first declared here", "names must be unique within a module"],
        ),
        (
            "output \"o\" {\n  value = 1\n}\noutput \"o\" {\n  value = 2\n}",
            "4:1",
            &["Duplicate output", "An output named \"o\" was already declared"],
        ),
        (
            "project \"carto\" {\n  owner = \"a@b.example\"\n}\nproject \"carto\" {\n  owner = \"a@b.example\"\n}",
            "4:1",
            &["Duplicate project", "carto"],
        ),
        (
            "project \"carto\" {
  owner = \"a@b.example\"
  repo \"api\" {}
  repo \"api\" {}
}",
            "4:8",
            &["A repo named \"api\" was already declared here.", "first declared here"],
        ),
    ]);
}

#[test]
fn text_that_is_no_hcl_is_reported_whole() {
    let ran = refused("resource \"terraform_data\" \"a\" {\n  input = \"x\n}\noutput \"a\" {\n  value =\n}");
    ran.says(&[
        "main.hcl:2:11",
        "this string has no closing quote",
        "main.hcl:5:10",
        "an expression is expected here",
    ]);
}

/// Runs `plan` on a page that is wrong in a way that only values show.
fn wrong_when_planned(page: &str, line: &str) -> Ran {
    let folder = Folder::with(page);
    let plan = folder.run_args(&line.split_whitespace().collect::<Vec<_>>()).exits(1);
    // "No changes" or half a plan above an error would be taken for an answer.
    plan.never_says(&["No changes", "Plan:", "will be created"])
}

#[test]
fn a_cycle_is_shown_with_its_path() {
    let ran = wrong_when_planned(
        "resource \"terraform_data\" \"a\" {
  input = terraform_data.b.output
}
resource \"terraform_data\" \"b\" {
  input = local.c
}
locals {
  c = terraform_data.a.output
}",
        "plan",
    );
    ran.says(&["Cycle", "local.c needs terraform_data.a needs terraform_data.b needs", "Break the circle"]);
}

#[test]
fn instances_need_keys_that_are_known_and_may_be_shown() {
    let page = "resource \"terraform_data\" \"a\" {}
resource \"terraform_data\" \"b\" {
  for_each = toset([terraform_data.a.id])
}";
    wrong_when_planned(page, "plan").says(&[
        "main.hcl:3:14",
        "terraform_data.a.id will be known only after apply",
        "Let the keys be known",
        "-target",
    ]);
    let page = "variable \"s\" {
  sensitive = true
  default   = \"geheim\"
}
resource \"terraform_data\" \"b\" {
  for_each = toset([var.s])
}
output \"o\" {
  value = var.s
}";
    let ran = refused(page).never_says(&["geheim"]);
    ran.says(&["main.hcl:6:14", "nonsensitive(…)", "main.hcl:8:1", "Say `sensitive = true` in the output"]);
}

#[test]
fn a_stage_that_the_cluster_does_not_offer() {
    let folder = Folder::with(
        "project \"carto\" {
  owner = \"a@b.example\"
  environment \"dev\" {
    on = cluster.hp1.stage.prod
  }
}",
    );
    folder.write("platform.hcl", PLATFORM);
    let ran = folder.run("plan").exits(1).never_says(&["will be created"]);
    ran.says(&["main.hcl:4:", "does not have an attribute named \"prod\"", "It has \"dev\", \"recette\"."]);
}

#[test]
fn variables() {
    let page = "variable \"name\" {
  type = string
}
variable \"size\" {
  type    = number
  default = 1
  validation {
    condition     = var.size < 10
    error_message = \"The size is ${var.size}, but must be below 10.\"
  }
}";
    for (line, says) in [
        ("plan", &["main.hcl:1:1", "\"name\" is not set", "-var name=VALUE", "PILOTIS_VAR_name"] as &[_]),
        ("plan -var nmae=x -var name=x", &["does not declare a variable named \"nmae\""]),
        ("plan -var name=x -var size=big", &["main.hcl:4:1", "var.size", "a number is required"]),
        ("plan -var name=x -var size=12", &["The size is 12, but must be below 10."]),
        ("plan -var name", &["-var \"name\" has no value: write -var name=VALUE"]),
        ("plan -var-file=nada.tfvars", &["the variables file nada.tfvars can't be read"]),
    ] {
        wrong_when_planned(page, line).says(says);
    }
    let folder = Folder::with(page);
    folder.write("a.auto.tfvars", "name = \"x\"\nsize = \"many\"\n");
    folder.run("plan").exits(1).says(&["a.auto.tfvars:2:8", "a number is required"]);
    folder.write("a.auto.tfvars", "name = \"x\"\n");
    folder.run_with(&["plan"], &[("PILOTIS_VAR_size", "12")]).exits(1).says(&["The size is 12"]);
    folder.run_with(&["plan"], &[("TF_VAR_size", "9")]).exits(0);
}

#[test]
fn flags_that_are_wrong() {
    let page = "resource \"terraform_data\" \"first\" {}";
    for (line, says) in [
        ("apply -auto-aprove", &["--auto-aprove", "--auto-approve"] as &[_]),
        ("aply", &["unrecognized subcommand 'aply'", "'apply'"]),
        ("plan -parallelism=x", &["--parallelism"]),
        ("plan -lock-timeout=lots", &["\"lots\" is no duration: write 30s, 5m or 1h"]),
        ("plan -target=terraform_data.frist", &["matches nothing", "Did you mean terraform_data.first?"]),
        ("plan -target=terraform_data..", &["-target=terraform_data..", "is not a name"]),
        ("plan -replace=terraform_data.frist", &["-replace=terraform_data.frist"]),
        ("plan -destroy -refresh-only", &["don't go together"]),
        ("-chdir=nada plan", &["-chdir=nada: the folder can't be entered"]),
        ("apply nada.plan", &["the saved plan nada.plan can't be read"]),
        ("apply -json", &["add -auto-approve"]),
        ("state show terraform_data.frist", &["the state has no terraform_data.frist"]),
        ("output nada", &["there is no output \"nada\""]),
        ("plan -state=/proc/nada/pilotis.db", &["/proc/nada"]),
    ] {
        wrong_when_planned(page, line).says(says);
    }
}

#[test]
fn a_folder_without_a_page_is_not_taken_for_an_empty_platform() {
    let folder = Folder::with("resource \"terraform_data\" \"a\" {}");
    folder.run("apply -auto-approve").exits(0).says(&["1 added"]);
    std::fs::remove_file(folder.path("main.hcl")).unwrap();
    for line in ["plan", "apply -auto-approve", "drift"] {
        folder.run(line).exits(1).says(&["there is no configuration in", "-chdir=DIR", "pilotis destroy"]);
    }
    assert_eq!(folder.state(), ["terraform_data.a"]);
    folder.run("destroy -auto-approve").exits(0).says(&["1 destroyed"]);
}

#[cfg(unix)]
#[test]
fn an_environment_that_is_not_utf8_stops_nothing() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = Folder::with("resource \"terraform_data\" \"a\" {}");
    let mut command = folder.command(&["plan"]);
    command.env("LEGACY", std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

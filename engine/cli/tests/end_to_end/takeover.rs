//! A folder in which Terraform worked: its state is gone on from, taken over once and whole, and never used by both programs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Folder;

const BUILTIN: &str = r#"provider["terraform.io/builtin/terraform"]"#;

/// A state of Terraform's with `count` objects `terraform_data.a`.
pub(crate) fn terraform_state(count: usize) -> Value {
    let text = |text: &str| json!({ "value": text, "type": "string" });
    let instance = |index: usize| {
        json!({
            "index_key": index, "schema_version": 0, "sensitive_attributes": [], "private": "bnVsbA==",
            "attributes": { "id": format!("id-{index}"), "input": text("x"), "output": text("x"), "triggers_replace": null },
        })
    };
    let instances: Vec<Value> = (0..count).map(instance).collect();
    json!({
        "version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "5f0e7c1a",
        "outputs": { "o": { "value": "x", "type": "string" }, "secret": { "value": "geheim", "type": "string", "sensitive": true } },
        "resources": [{ "mode": "managed", "type": "terraform_data", "name": "a", "provider": BUILTIN, "instances": instances }],
        "check_results": null,
    })
}

/// What fits that state.
pub(crate) fn page(count: usize) -> String {
    format!(
        "resource \"terraform_data\" \"a\" {{\n  count = {count}\n  input = \"x\"\n}}\noutput \"o\" {{\n  value = \"x\"\n}}\n\
         output \"secret\" {{\n  value     = \"geheim\"\n  sensitive = true\n}}\n"
    )
}

fn with_terraform_state(count: usize) -> Folder {
    let folder = Folder::with(&page(count));
    folder.write("terraform.tfstate", &terraform_state(count).to_string());
    folder
}

fn ids(folder: &Folder) -> Vec<String> {
    let shown = folder.run("show -json").exits(0).json();
    let resources = shown["values"]["root_module"]["resources"].as_array().cloned().unwrap_or_default();
    resources.iter().map(|r| r["values"]["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_plan_goes_on_from_terraforms_state_and_an_apply_takes_it_over() {
    let folder = with_terraform_state(2);
    let before = folder.read("terraform.tfstate");
    folder.run("plan -detailed-exitcode").exits(0).says(&[
        "the state starts from terraform.tfstate (2 objects, serial 7)",
        "terraform.tfstate.taken-over",
    ]);
    folder.run("state list").exits(0).says(&["terraform_data.a[1]"]);
    folder.run("output -raw o").exits(0).says(&["x"]);
    folder.run("state rm -dry-run terraform_data.a").exits(0).says(&["Would remove terraform_data.a[0]"]);
    folder.run("plan -out=p").exits(0);
    assert_eq!(folder.read("terraform.tfstate"), before, "looking changes nothing");
    assert!(!folder.path("terraform.tfstate.taken-over").exists());

    folder.run("apply p").exits(0);
    assert_eq!(ids(&folder), ["id-0", "id-1"]);
    assert_eq!(folder.read("terraform.tfstate.taken-over"), before);
    let marker: Value = serde_json::from_str(&folder.read("terraform.tfstate")).unwrap();
    assert_eq!((&marker["version"], &marker["pilotis"]["database"]), (&json!(999), &json!("pilotis.db")));
    folder.run("plan -detailed-exitcode").exits(0).never_says(&["terraform.tfstate"]);
    let pulled = folder.run("state pull").exits(0).json();
    assert_eq!(pulled["lineage"], "5f0e7c1a");
    assert!(pulled["serial"].as_u64().unwrap() >= 7);
    folder
        .run("state history terraform_data.a[0]")
        .exits(0)
        .says(&["import", "tester@"])
        .never_says(&["geheim"]);
}

/// As the established plugins write them, with the versions of their schemas.
#[test]
fn objects_of_the_utility_providers_are_gone_on_from() {
    let folder = Folder::with(
        r#"
resource "random_password" "p" {
  length = 8
}
resource "random_pet" "pet" {}
resource "null_resource" "n" {
  triggers = { a = "b" }
}
resource "time_static" "t" {}
"#,
    );
    let object = |type_name: &str, name: &str, version: u64, attributes: Value| {
        let source = type_name.split('_').next().unwrap();
        json!({
            "mode": "managed", "type": type_name, "name": name,
            "provider": format!("provider[\"registry.terraform.io/hashicorp/{source}\"]"),
            "instances": [{ "schema_version": version, "attributes": attributes, "sensitive_attributes": [] }],
        })
    };
    let password = json!({
        "bcrypt_hash": "$2a$10$BvFVhEV2KkkdWZC.Ea7hTOiSmuKDIgd7WbVXkRqBrM4nB0lBKLBpq", "id": "none", "keepers": null,
        "length": 8, "lower": true, "min_lower": 0, "min_numeric": 0, "min_special": 0, "min_upper": 0, "number": true,
        "numeric": true, "override_special": null, "result": "geheim12", "special": true, "upper": true,
    });
    let pet = json!({ "id": "one-cat", "keepers": null, "length": 2, "prefix": null, "separator": "-" });
    let time = json!({
        "id": "2026-01-02T03:04:05Z", "rfc3339": "2026-01-02T03:04:05Z", "triggers": null, "year": 2026, "month": 1,
        "day": 2, "hour": 3, "minute": 4, "second": 5, "unix": 1_767_323_045,
    });
    let mut state = terraform_state(0);
    state["outputs"] = json!({});
    state["resources"] = json!([
        object("random_password", "p", 3, password),
        object("random_pet", "pet", 0, pet),
        object("null_resource", "n", 0, json!({ "id": "7", "triggers": { "a": "b" } })),
        object("time_static", "t", 0, time),
    ]);
    folder.write("terraform.tfstate", &state.to_string());
    folder.run("plan -detailed-exitcode").exits(0);
    folder.run("apply -auto-approve").exits(0).says(&["0 added"]).never_says(&["geheim12"]);
    folder.run("show").exits(0).says(&["one-cat"]).never_says(&["geheim12"]);
}

/// A change by hand is a change, too.
#[test]
fn an_edit_takes_it_over_as_well() {
    let folder = with_terraform_state(2);
    folder.run("state rm terraform_data.a[1]").exits(0);
    assert_eq!(ids(&folder), ["id-0"]);
    assert!(folder.path("terraform.tfstate.taken-over").exists());
}

#[test]
fn what_is_not_known_here_is_said_all_at_once_and_nothing_is_taken() {
    let mut state = terraform_state(1);
    let object = |type_name: &str, provider: &str, instance: Value| json!({ "mode": "managed", "type": type_name, "name": "x", "provider": format!("provider[\"registry.terraform.io/{provider}\"]"), "instances": [instance] });
    let plain = json!({ "schema_version": 0, "attributes": { "id": "1" } });
    let newer = json!({ "schema_version": 99, "attributes": { "id": "1" } });
    let misfit = json!({ "schema_version": 1, "attributes": { "id": "1", "name": ["a"] } });
    state["resources"].as_array_mut().unwrap().extend([
        object("aws_vpc", "hashicorp/aws", plain.clone()),
        object("gitlab_moon", "gitlabhq/gitlab", plain),
        object("gitlab_group", "gitlabhq/gitlab", newer),
        object("gitlab_project", "gitlabhq/gitlab", misfit),
    ]);
    let folder = Folder::with(&page(1));
    folder.write("terraform.tfstate", &state.to_string());
    let before = folder.read("terraform.tfstate");
    for line in
        ["init", "plan", "apply -auto-approve", "state list", "output", "state import terraform.tfstate"]
    {
        let ran = folder.run(line).exits(1).says(&[
            "terraform.tfstate",
            "4 problems, so nothing was taken in",
            "aws_vpc.x: there is no provider registry.terraform.io/hashicorp/aws; built in are",
            "gitlab_moon.x: the provider gitlab has no resource type gitlab_moon",
            "gitlab_group.x: it follows version 99 of the schema of gitlab_group, and this program knows 1",
            "gitlab_project.x: its attribute name doesn't fit the schema",
        ]);
        ran.never_says(&["geheim", "will be created"]);
        assert_eq!(folder.read("terraform.tfstate"), before, "{line}");
    }
    for broken in
        ["{\"version\": 4, \"serial\": ", "[]", "{\"version\": 3}", "{\"version\":4,\"resources\":{}}"]
    {
        folder.write("terraform.tfstate", broken);
        folder.run("apply -auto-approve").exits(1).says(&["Error reading the Terraform state"]);
    }
    folder.write("terraform.tfstate", "");
    folder.run("apply -auto-approve").exits(0).says(&["1 added"]);
}

#[test]
fn nobody_works_on_two_states_of_the_same_objects() {
    let folder = with_terraform_state(1);
    folder.write(".terraform.tfstate.lock.info", "{}");
    folder.run("apply -auto-approve").exits(1).says(&["Terraform is at work on it", "terraform.tfstate"]);
    assert!(!folder.path("terraform.tfstate.taken-over").exists());
    std::fs::remove_file(folder.path(".terraform.tfstate.lock.info")).unwrap();
    folder.run("apply -auto-approve").exits(0);

    // Terraform was used again all the same.
    folder.write("terraform.tfstate", &terraform_state(3).to_string());
    folder.run("plan -detailed-exitcode").exits(0).says(&["terraform.tfstate is not read", "state push"]);
    assert_eq!(ids(&folder), ["id-0"]);
    // As it was when it was taken over: the mark is made again.
    std::fs::copy(folder.path("terraform.tfstate.taken-over"), folder.path("terraform.tfstate")).unwrap();
    folder.run("plan").exits(0).never_says(&["is not read"]);
    assert!(folder.read("terraform.tfstate").contains("999"));

    std::fs::remove_file(folder.path("pilotis.db")).unwrap();
    for line in ["plan", "apply -auto-approve", "state list"] {
        folder.run(line).exits(1).says(&["pilotis.db is gone", "taken-over"]);
    }
    std::fs::copy(folder.path("terraform.tfstate.taken-over"), folder.path("terraform.tfstate")).unwrap();
    folder.run("apply -auto-approve").exits(0).says(&["0 added"]);
}

/// `backend "local"` names Terraform's file; the database stands beside it, and all commands find it.
#[test]
fn the_file_of_a_backend() {
    let folder = with_terraform_state(1);
    std::fs::create_dir(folder.path("states")).unwrap();
    std::fs::rename(folder.path("terraform.tfstate"), folder.path("states/prod.tfstate")).unwrap();
    folder.write(
        "backend.tf",
        "terraform {\n  backend \"local\" {\n    path = \"states/prod.tfstate\"\n  }\n}\n",
    );
    folder.run("apply -auto-approve").exits(0).says(&["0 added"]);
    assert!(folder.path("states/prod.db").exists() && !folder.path("pilotis.db").exists());
    assert_eq!(ids(&folder), ["id-0"]);
    folder.run("state list").exits(0).says(&["terraform_data.a[0]"]);
    folder.run("state show terraform_data.a[0]").exits(0).says(&["id-0"]);
    folder.run("output -raw o").exits(0).says(&["x"]);
    folder.run("taint terraform_data.a[0]").exits(0);
    folder.run_fed("console", "terraform_data.a[0].id\n").exits(0).says(&["id-0"]);
}

/// Killed at any moment, the state is there whole, and what is to be marked is marked in the end.
#[test]
fn a_takeover_that_is_killed_loses_nothing() {
    let folder = with_terraform_state(200);
    let state = folder.read("terraform.tfstate");
    let wanted: usize = 200;
    for i in 0..20_u64 {
        let run = folder.start("apply -auto-approve");
        std::thread::sleep(Duration::from_millis(15 * i));
        run.kill();
        let mut found = ids(&folder);
        found.sort();
        found.dedup();
        assert_eq!(found.len(), wanted, "after {i}");
        assert!(found.iter().all(|id| id.starts_with("id-")), "made again after {i}: {found:?}");
        if folder.read("terraform.tfstate") != state {
            let _ = std::fs::remove_file(folder.path("pilotis.db"));
            for name in ["pilotis.db-wal", "pilotis.db-shm", "terraform.tfstate.taken-over"] {
                let _ = std::fs::remove_file(folder.path(name));
            }
            folder.write("terraform.tfstate", &state);
        }
    }
    folder.run("apply -auto-approve").exits(0).says(&["0 added"]);
    assert!(folder.read("terraform.tfstate").contains("999"));
}

/// Several at the same time: one takes over, the others go on from what it stored.
#[test]
fn it_is_taken_over_once() {
    let folder = with_terraform_state(50);
    let runs: Vec<_> = (0..5).map(|_| folder.start("apply -auto-approve")).collect();
    for run in runs {
        run.wait().exits(0);
    }
    let history = folder.run("state history -json terraform_data.a[7]").exits(0).json();
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    assert!(ids(&folder).iter().all(|id| id.starts_with("id-")));
}

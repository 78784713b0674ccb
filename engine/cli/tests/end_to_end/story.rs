//! The life of a small platform, from the first apply to the last destroy, as the guide tells it.

use serde_json::json;

use crate::harness::{Folder, described};

const CARTO: &str = "/api/v4/groups/forge%2Fcarto";

/// How many objects the quickstart makes.
const OBJECTS: usize = 56;

#[test]
fn applied_once_there_is_nothing_left_to_do() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    let planned = folder.run("plan -detailed-exitcode").exits(2);
    planned.says(&["Plan: 56 to add, 0 to change, 0 to destroy."]);
    assert_eq!(sandbox.calls().1, 0, "a plan writes nothing");

    folder.run("apply -auto-approve").exits(0).says(&["Apply complete! Resources: 56 added"]);
    let (reads, writes) = sandbox.calls();
    assert_eq!(writes, OBJECTS as u64, "one write for each object");
    assert!(reads <= 2 * OBJECTS as u64, "{reads} reads");
    assert_eq!(folder.objects().len(), OBJECTS);
    assert_eq!(sandbox.groups(), ["forge", "forge/carto", "forge/titresejour"]);
    assert_eq!(sandbox.namespaces().len(), 3);

    sandbox.reset_calls();
    let nothing = "No changes. Your infrastructure matches the configuration.";
    folder.run("plan -detailed-exitcode").exits(0).says(&[nothing]);
    folder.run("apply -auto-approve").exits(0).says(&[nothing, "0 added, 0 changed, 0 destroyed"]);
    folder.run("drift").exits(0).says(&["No drift."]);
    assert_eq!(sandbox.calls().1, 0, "no second run writes");
}

#[test]
fn what_somebody_changed_in_gitlab_is_found_and_put_right() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    folder.run("apply -auto-approve").exits(0);
    sandbox.gitlab.put(CARTO, described("Changed by hand"));
    sandbox.reset_calls();

    let drift = folder.run("drift").exits(3);
    insta::assert_snapshot!(drift.out, @r#"
    Drift: 1 object differs from what is recorded.

      ~ project.carto.gitlab_group.project
          attribute    recorded                          live
          description  "Cartographie des interventions"  "Changed by hand"
    "#);
    let found = &folder.run("drift -json").exits(3).json()["resources"];
    assert_eq!(found[0]["address"], "module.project[\"carto\"].gitlab_group.project");
    assert_eq!(found[0]["attributes"][0]["live"], "Changed by hand");
    assert_eq!(sandbox.calls().1, 0, "drift only looks");
    folder.run("drift").exits(3);

    folder.run("plan -detailed-exitcode").exits(2).says(&["Plan: 0 to add, 1 to change, 0 to destroy."]);
    folder.run("apply -auto-approve").exits(0).says(&["0 added, 1 changed, 0 destroyed"]);
    assert_eq!(sandbox.calls().1, 1, "{:?}", sandbox.gitlab.writes());
    assert_eq!(sandbox.gitlab.get(CARTO)["description"], "Cartographie des interventions");
    folder.run("drift").exits(0);
    folder.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn what_somebody_changed_in_kubernetes_is_found_and_put_right() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    folder.run("apply -auto-approve").exits(0);
    let namespace = folder.run("output -json namespaces").exits(0).json()["carto"]["dev"].clone();
    let quota = format!("/api/v1/namespaces/{}/resourcequotas/dso-quota", namespace.as_str().unwrap());
    sandbox.kubernetes.patch(&quota, json!({ "spec": { "hard": { "limits.cpu": "64" } } }));
    sandbox.reset_calls();

    folder.run("drift").exits(3).says(&[
        "project.carto.kubernetes_resource_quota.environment[\"dev\"]",
        "limits.cpu",
        "\"2\"",
        "\"64\"",
    ]);
    folder.run("apply -auto-approve").exits(0).says(&["0 added, 1 changed, 0 destroyed"]);
    assert_eq!(sandbox.calls().1, 1);
    assert_eq!(sandbox.kubernetes.get(&quota)["spec"]["hard"]["limits.cpu"], "2");
    folder.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn what_somebody_deleted_is_made_again() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    folder.run("apply -auto-approve").exits(0);
    let before = sandbox.inventory();
    let variable = "/api/v4/projects/forge%2Ftitresejour%2Fweb/variables/NODE_ENV";
    sandbox.gitlab.delete(variable);
    assert_eq!(sandbox.inventory().len(), before.len() - 1);
    sandbox.reset_calls();

    folder
        .run("drift")
        .exits(3)
        .says(&["project.titresejour.gitlab_project_variable.this[\"web/NODE_ENV\"]"]);
    folder.run("apply -auto-approve").exits(0).says(&["1 added, 0 changed, 0 destroyed"]);
    assert_eq!(sandbox.calls().1, 1);
    assert_eq!(sandbox.inventory(), before);
}

#[test]
fn one_edit_of_the_page_changes_one_object() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    folder.run("apply -auto-approve").exits(0);
    sandbox.reset_calls();

    folder.edit("main.hcl", "cpu    = 6", "cpu    = 7");
    let planned = folder.run("plan -detailed-exitcode").exits(2);
    planned.says(&[
        "project.titresejour.kubernetes_resource_quota.environment[\"prod\"] will be updated in-place",
        "\"limits.cpu\"   = \"6\" -> \"7\"",
        "\"requests.cpu\" = \"6\" -> \"7\"",
        "Plan: 0 to add, 1 to change, 0 to destroy.",
    ]);
    folder.run("apply -auto-approve").exits(0).says(&["0 added, 1 changed, 0 destroyed"]);
    assert_eq!(sandbox.calls().1, 1);
    folder.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn a_project_that_leaves_the_page_is_removed_and_no_other_is_touched() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    folder.run("apply -auto-approve").exits(0);
    let others = |all: Vec<String>| all.into_iter().filter(|o| o.contains("titresejour")).collect::<Vec<_>>();
    let before = others(sandbox.inventory());

    let page = folder.read("main.hcl");
    let (start, end) = (page.find("project \"carto\"").unwrap(), page.find("output \"projects\"").unwrap());
    folder.write("main.hcl", &format!("{}{}", &page[..start], &page[end..]));
    let planned = folder.run("plan").exits(0);
    planned.says(&[
        "project.carto.gitlab_group.project will be destroyed",
        "0 to add, 0 to change, 19 to destroy",
    ]);
    folder.run("apply -auto-approve").exits(0).says(&["0 added, 0 changed, 19 destroyed"]);
    assert_eq!(others(sandbox.inventory()), before);
    assert_eq!(sandbox.namespaces().len(), 2);
    folder.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn destroy_leaves_nothing_and_the_page_can_be_applied_again() {
    let folder = Folder::example("quickstart");
    let sandbox = folder.sandbox();
    let nothing = sandbox.inventory();
    folder.run("apply -auto-approve").exits(0);
    let everything = sandbox.inventory();

    let planned = folder.run("plan -destroy -detailed-exitcode").exits(2);
    planned.says(&["Plan: 0 to add, 0 to change, 56 to destroy."]);
    folder.run("destroy -auto-approve").exits(0).says(&["Destroy complete! Resources: 56 destroyed."]);
    assert!(sandbox.namespaces().is_empty());
    assert_eq!(live(sandbox.inventory()), nothing);
    assert!(folder.state().is_empty());
    assert!(folder.run("output").exits(0).out.is_empty());
    folder.run("destroy -auto-approve").exits(0).says(&["0 destroyed"]);

    folder.run("apply -auto-approve").exits(0).says(&["56 added"]);
    assert_eq!(live(sandbox.inventory()), everything);
}

/// Without what GitLab keeps for some days after it was deleted.
fn live(inventory: Vec<String>) -> Vec<String> {
    inventory.into_iter().filter(|object| !object.contains("deletion_scheduled")).collect()
}

#[test]
fn without_a_sandbox_of_its_own_each_run_starts_one_and_ends_it() {
    let folder = Folder::example("quickstart");
    folder.run("apply -auto-approve").exits(0).says(&["56 added"]);
    assert!(!folder.path(".pilotis/sandbox.json").exists(), "the sandbox has ended with the run");
    folder.run("plan -detailed-exitcode").exits(0);
    // Its data is still there for whoever starts it by hand.
    let sandbox = folder.sandbox();
    assert_eq!(sandbox.groups(), ["forge", "forge/carto", "forge/titresejour"]);
    sandbox.stop().exits(0);
}

//! Commands beside plan and apply: saved plans, import, graph, outputs, layout.

use serde_json::Value;

use crate::harness::Folder;

const TWO: &str = r#"
resource "terraform_data" "a" {
  input = "first"
}
resource "terraform_data" "b" {
  input = terraform_data.a.output
}
output "a" {
  value = terraform_data.a.output
}
"#;

#[test]
fn a_saved_plan_is_carried_out_as_it_was_shown() {
    let folder = Folder::with(TWO);
    folder.run("plan -out=p.plan").exits(0);
    folder.run("show p.plan").exits(0).says(&["Plan: 2 to add"]);
    let document: Value = serde_json::from_str(&folder.run("show -json p.plan").exits(0).out).unwrap();
    assert_eq!(document["resource_changes"].as_array().unwrap().len(), 2);
    // The configuration on disk is not looked at any more.
    folder.write("main.hcl", "");
    folder.run("apply p.plan").exits(0).says(&["2 added"]);
    assert_eq!(folder.run("output -raw a").exits(0).out, "first");
}

/// The files of a plan of one change among many say what is the same either way: from the excerpt, and from the whole.
#[test]
fn a_saved_plan_of_one_change_is_applied_whatever_else_was_stored() {
    let blocks: String = (0..9)
        .map(|i| format!("resource \"terraform_data\" \"r{i}\" {{\n  input = \"v{i}\"\n}}\n"))
        .collect();
    let folder = Folder::with(&blocks);
    folder.run("apply -auto-approve").exits(0);
    folder.edit("main.hcl", "\"v4\"", "\"changed\"");
    folder.run("plan -out=p.plan").exits(0).says(&["1 to change"]);
    folder.run("show p.plan").exits(0).says(&["1 to change"]);
    let from_excerpt = Folder::empty();
    for name in ["main.hcl", "pilotis.db", "p.plan"] {
        std::fs::copy(folder.path(name), from_excerpt.path(name)).unwrap();
    }
    from_excerpt.run("apply p.plan").exits(0).says(&["terraform_data.r4", "1 changed"]);
    from_excerpt.run("plan -detailed-exitcode").exits(0).says(&["No changes"]);
    // An edit by hand that says nothing new is a commit all the same.
    folder.run("taint terraform_data.r7").exits(0);
    folder.run("untaint terraform_data.r7").exits(0);
    folder.run("apply p.plan").exits(0).says(&["terraform_data.r4", "1 changed"]);
    folder.run("plan -detailed-exitcode").exits(0).says(&["No changes"]);
    folder.run("apply p.plan").exits(7);
}

#[test]
fn a_stale_or_damaged_plan_is_refused() {
    let folder = Folder::with(TWO);
    folder.run("apply -auto-approve").exits(0);
    folder.edit("main.hcl", "first", "second");
    folder.run("plan -out=p.plan").exits(0);
    folder.edit("main.hcl", "second", "third");
    folder.run("apply -auto-approve").exits(0);
    folder.run("apply p.plan").exits(7);
    let plan = folder.read("p.plan");
    folder.write("p.plan", &plan[..plan.len() / 2]);
    folder.run("apply p.plan").exits(1).says(&["damaged"]);
    folder.write("p.plan", "something else");
    folder.run("apply p.plan").exits(1).says(&["not a saved plan"]);
}

#[test]
fn an_object_of_a_service_is_taken_over() {
    let page = "provider \"gitlab\" {\n  sandbox = true\n}\nresource \"gitlab_group\" \"root\" {\n  name = \"forge\"\n  path = \"forge\"\n}\n";
    let folder = Folder::with(page);
    folder.run("import gitlab_group.root forge").exits(0).says(&["Imported gitlab_group.root"]);
    folder.run("plan -detailed-exitcode").exits(0).says(&["No changes"]);
    folder.run("import gitlab_group.root forge").exits(1).says(&["already"]);
    folder.run("import gitlab_group.other forge").exits(1);
}

#[test]
fn the_graph_leads_from_what_needs_to_what_is_needed() {
    let folder = Folder::with(TWO);
    folder.run("graph").exits(0).says(&["digraph G", "\"terraform_data.b\" -> \"terraform_data.a\";"]);
}

#[test]
fn programs_get_json() {
    let folder = Folder::with(TWO);
    let stream = folder.run("apply -json -auto-approve").exits(0).out;
    let kinds: Vec<String> = stream
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    for kind in ["version", "planned_change", "apply_start", "apply_complete", "change_summary", "outputs"] {
        assert!(kinds.iter().any(|k| k == kind), "no {kind} in {kinds:?}");
    }
    let outputs: Value = serde_json::from_str(&folder.run("output -json").exits(0).out).unwrap();
    assert_eq!(outputs["a"]["value"], "first");
    let state: Value = serde_json::from_str(&folder.run("show -json").exits(0).out).unwrap();
    assert_eq!(state["values"]["root_module"]["resources"].as_array().unwrap().len(), 2);
}

#[test]
fn of_two_flags_that_set_a_variable_the_later_one_wins() {
    let folder = Folder::with("variable \"a\" {}\noutput \"a\" { value = var.a }\n");
    folder.write("f.tfvars", "a = \"file\"\n");
    folder.run("plan -var a=flag -var-file=f.tfvars").exits(0).says(&["\"file\""]).never_says(&["\"flag\""]);
    folder.run("plan -var-file=f.tfvars -var a=flag").exits(0).says(&["\"flag\""]).never_says(&["\"file\""]);
}

#[test]
fn a_saved_plan_is_one_document_even_if_its_configuration_warns() {
    let folder =
        Folder::with("resource \"terraform_data\" \"a\" {\n  lifecycle { ignore_changes = [output] }\n}\n");
    folder.run("plan -out=p.plan").exits(0).says(&["Redundant ignore_changes element"]);
    let document = folder.run("show -json p.plan").exits(0).json();
    assert_eq!(document["resource_changes"][0]["address"], "terraform_data.a");
}

#[test]
fn with_refresh_changed_the_rest_of_the_estate_is_left_in_peace() {
    let group = |name: &str| {
        format!(
            "resource \"gitlab_group\" \"{name}\" {{\n  name = \"{name}\"\n  path = \"{name}\"\n  description = \"first\"\n}}\n"
        )
    };
    let groups: Vec<String> = ["ga", "gb", "gc", "gd"].map(group).into();
    let folder = Folder::with(&format!("provider \"gitlab\" {{\n  sandbox = true\n}}\n{}", groups.concat()));
    let sandbox = folder.sandbox();
    folder.run("apply -auto-approve").exits(0);
    let by_hand = |name: &str| {
        let change = serde_json::json!({"description": "by hand"});
        sandbox.gitlab.put(&format!("/api/v4/groups/{name}"), change);
    };
    by_hand("ga");
    by_hand("gb");
    folder.edit(
        "main.hcl",
        "path = \"gb\"\n  description = \"first\"",
        "path = \"gb\"\n  description = \"second\"",
    );
    // What is about to change is looked at, and is found to have changed; the other one is not.
    folder
        .run("plan -refresh=changed -out=p.plan")
        .exits(0)
        .says(&["Plan: 0 to add, 1 to change", "\"by hand\" -> \"second\""]);
    folder.run("plan").exits(0).says(&["Plan: 0 to add, 2 to change"]);
    folder.run("plan -refresh=false").exits(0).says(&["\"first\" -> \"second\""]);
    folder.run("apply p.plan").exits(0).says(&["1 changed"]);
    folder.run("apply -auto-approve -refresh=changed").exits(0).says(&["No changes"]);
    folder.run("drift -refresh=changed").exits(1).says(&["looks at everything"]);
    folder.run("plan -refresh-only -refresh=changed").exits(1).says(&["-refresh-only"]);
    sandbox.stop();
}

/// What is wrong with an import is said of its address: the command stands in no file.
#[test]
fn imports_that_cant_be() {
    let folder = Folder::with("resource \"terraform_data\" \"many\" {\n  count = 1\n}\n");
    for (address, why) in [
        ("terraform_data.none", "has no terraform_data.none to import to"),
        ("terraform_data.many", "has no terraform_data.many to import to"),
        ("terraform_data.many[1]", "has no terraform_data.many[1] to import to"),
        ("module.m.terraform_data.many", "has no module.m.terraform_data.many to import to"),
        ("data.terraform_remote_state.x", "A managed resource address is required"),
    ] {
        folder.run(&format!("import {address} id")).exits(1).says(&[why, address]).never_says(&["main.hcl"]);
    }
    folder.run("import terraform_data.many[0] id").exits(0);
    folder.run("import terraform_data.many[0] id").exits(1).says(&["already managed"]);
}

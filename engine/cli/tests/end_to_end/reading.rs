//! What people and programs see of a configuration and a plan: the page, `why`, the graph, the document's configuration, schemas.

use serde_json::{Value, json};

use crate::harness::Folder;

const MAIN: &str = r#"variable "region" {
  default     = "eu"
  description = "Where."
}

locals {
  names = toset(["a", "b"])
  label = "in-${var.region}"
}

resource "terraform_data" "base" {
  input = { label = local.label, size = 2 }
}

module "site" {
  source   = "./site"
  for_each = local.names
  name     = each.key
  of       = terraform_data.base.id
}

output "sites" {
  value = { for k, s in module.site : k => s.id }
}
"#;

const SITE: &str = r#"variable "name" {}
variable "of" {}

resource "terraform_data" "this" {
  input            = "${var.name}/${var.of}"
  triggers_replace = [var.name]
  lifecycle {
    precondition {
      condition     = var.name != ""
      error_message = "no name"
    }
  }
}

output "id" {
  value = terraform_data.this.id
}
"#;

fn folder() -> Folder {
    let folder = Folder::with(MAIN);
    std::fs::create_dir(folder.path("site")).unwrap();
    folder.write("site/main.hcl", SITE);
    folder
}

fn document(folder: &Folder) -> Value {
    folder.run("plan -out=p.plan").exits(0);
    folder.run("show -json p.plan").exits(0).json()
}

#[test]
fn a_plan_is_written_as_a_page_also_later_and_holds_no_secret() {
    let folder = Folder::with(
        "variable \"s\" {\n  sensitive = true\n  default = \"hunter2\"\n}\nresource \"terraform_data\" \"<b>\" {}\n",
    );
    folder.run("plan -html=p.html").exits(1);
    assert!(!folder.path("p.html").exists(), "there is no plan to write");
    folder.write(
        "main.hcl",
        "variable \"s\" {\n  sensitive = true\n  default = \"hunter2\"\n}\nresource \"terraform_data\" \"a\" {\n  triggers_replace = [var.s, \"<b>\"]\n}\n",
    );
    folder.run("plan -out=p.plan -html=p.html").exits(0).says(&["Wrote the plan as a page to p.html"]);
    let page = folder.read("p.html");
    assert!(
        page.contains("<h1>Plan: 1 to add, 0 to change, 0 to destroy.</h1>") && page.contains("&lt;b&gt;")
    );
    assert!(!page.contains("hunter2"));
    folder.run("show -html=q.html p.plan").exits(0);
    let later = folder.read("q.html");
    let changes =
        |page: &str| page.split_once("<main>").unwrap().1.split_once("<footer>").unwrap().0.to_owned();
    assert_eq!(changes(&page), changes(&later));
    folder.run("show -html=q.html").exits(1).says(&["PLAN"]);
    folder.run("plan -html=no/such/folder.html").exits(1).says(&["no/such/folder.html can't be written"]);
}

#[test]
fn why_tells_blocks_arguments_and_needs_both_ways() {
    let folder = folder();
    insta::assert_snapshot!(folder.run_args(&["why", "module.site[\"a\"].terraform_data.this"]).exits(0).out, @r#"
    module.site["a"].terraform_data.this

    Derived from
      module "site" ["a"]               main.hcl:15
        for_each = local.names  main.hcl:17
          local.names  main.hcl:7
      resource "terraform_data" "this"  site/main.hcl:4

    Arguments
      input  site/main.hcl:5
        var.name  site/main.hcl:1, given at main.hcl:18
          each.key, of for_each
        var.of  site/main.hcl:2, given at main.hcl:19
          terraform_data.base.id  main.hcl:11
      triggers_replace  site/main.hcl:6
        var.name  site/main.hcl:1, given at main.hcl:18
          each.key, of for_each

    Needs
      terraform_data.base  main.hcl:11

    Needed by
      output.sites  main.hcl:22
    "#);
    insta::assert_snapshot!(folder.run("why module.site").exits(0).out, @r#"
    module.site

    Derived from
      module "site"  main.hcl:15
        for_each = local.names  main.hcl:17
          local.names  main.hcl:7

    Arguments
      name  main.hcl:18
        each.key, of for_each
      of  main.hcl:19
        terraform_data.base.id  main.hcl:11

    Blocks in it
      module.site.terraform_data.this  site/main.hcl:4

    Needs
      nothing

    Needed by
      output.sites  main.hcl:22
    "#);
    let found = folder.run("why -json terraform_data.base").exits(0).json();
    assert_eq!(found["arguments"][0]["from"][0]["reference"], "local.label");
    assert_eq!(found["arguments"][0]["from"][0]["from"][0]["reference"], "var.region");
    assert_eq!(found["arguments"][0]["from"][0]["from"][0]["note"], "given to the run, or its default");
    assert_eq!(found["needed_by"][0]["address"], "module.site.terraform_data.this");
    folder
        .run("why terraform_data.bas")
        .exits(1)
        .says(&["has no terraform_data.bas; did you mean terraform_data.base?"]);
    folder.run("why ..").exits(1).says(&["is no address"]);
}

#[test]
fn why_knows_the_line_of_the_blueprint_and_hides_what_is_sensitive() {
    let folder = Folder::example("quickstart");
    let quota = "project.titresejour.kubernetes_resource_quota.environment[\"dev\"]";
    let told = folder.run_args(&["why", quota]).exits(0);
    told.says(&[
        "for programs: module.project[\"titresejour\"]",
        "project \"titresejour\"",
        "main.hcl:",
        "local.quotas",
        "metadata[0].name = \"dso-quota\"",
    ]);
    let folder = Folder::with(
        "provider \"gitlab\" {\n  sandbox = true\n}\nresource \"gitlab_group_variable\" \"v\" {\n  group = \"g\"\n  key   = \"K\"\n  value = \"hunter2\"\n}\n",
    );
    folder
        .run("why gitlab_group_variable.v")
        .exits(0)
        .says(&["value = (sensitive value)"])
        .never_says(&["hunter2"]);
    folder
        .run("why -json gitlab_group_variable.v")
        .exits(0)
        .says(&["(sensitive value)"])
        .never_says(&["hunter2"]);
}

#[test]
fn the_graph_is_drawn_or_told_without_detours() {
    let folder = folder();
    insta::assert_snapshot!(folder.run("graph").exits(0).out, @r#"
    digraph G {
      rankdir = "RL";
      node [shape = rect, fontname = "sans-serif"];
      "terraform_data.base" [label="terraform_data.base"];
      subgraph "cluster_module.site" {
        label = "module.site"
        fontname = "sans-serif"
        "module.site.terraform_data.this" [label="terraform_data.this"];
      }
      "module.site.terraform_data.this" -> "terraform_data.base";
    }
    "#);
    folder.write(
        "main.hcl",
        "resource \"terraform_data\" \"c\" {}\nresource \"terraform_data\" \"b\" { input = terraform_data.c.id }\nresource \"terraform_data\" \"a\" { input = [terraform_data.b.id, terraform_data.c.id] }\n",
    );
    folder.run("graph -svg").exits(0).says(&["<svg ", "role=\"img\""]);
    insta::assert_snapshot!(folder.run("graph -tree").exits(0).out, @r"
    terraform_data.a
    └── terraform_data.b
        └── terraform_data.c
    ");
}

#[test]
fn a_plans_document_tells_the_configuration_as_terraform_does() {
    let document = document(&folder());
    let root = &document["configuration"]["root_module"];
    assert_eq!(
        document["configuration"]["provider_config"]["terraform"]["full_name"],
        "terraform.io/builtin/terraform"
    );
    assert_eq!(root["variables"]["region"], json!({ "default": "eu", "description": "Where." }));
    assert_eq!(root["resources"][0]["expressions"]["input"], json!({ "references": ["local.label"] }));
    let site = &root["module_calls"]["site"];
    assert_eq!(site["source"], "./site");
    assert_eq!(site["for_each_expression"], json!({ "references": ["local.names"] }));
    assert_eq!(
        site["expressions"]["of"]["references"],
        json!(["terraform_data.base.id", "terraform_data.base"])
    );
    assert_eq!(
        site["module"]["resources"][0]["expressions"]["input"]["references"],
        json!(["var.name", "var.of"])
    );
    assert_eq!(
        site["module"]["outputs"]["id"]["expression"]["references"],
        json!(["terraform_data.this.id", "terraform_data.this"])
    );
    assert!(
        document["relevant_attributes"]
            .as_array()
            .unwrap()
            .contains(&json!({ "resource": "terraform_data.base", "attribute": ["id"] }))
    );
    assert_eq!(
        document["checks"][0]["address"],
        json!({ "kind": "resource", "mode": "managed", "module": "module.site", "name": "this", "to_display": "module.site.terraform_data.this", "type": "terraform_data" })
    );
    assert_eq!(document["terraform_version"], "1.11.4");
    assert_eq!(document["pilotis_version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn blocks_of_a_blueprint_are_one_module_call_of_the_document() {
    let folder = Folder::example("quickstart");
    folder.run("plan -out=p.plan").exits(0);
    let document = folder.run("show -json p.plan").exits(0).json();
    let project = &document["configuration"]["root_module"]["module_calls"]["project"];
    assert_eq!(project["source"], "cloud-pi-native/project");
    assert_eq!(project["for_each_expression"]["constant_value"], json!({ "titresejour": {}, "carto": {} }));
    let resources = project["module"]["resources"].as_array().unwrap();
    assert!(resources.iter().any(|r| r["address"] == "kubernetes_namespace.environment"));
}

#[test]
fn providers_are_listed_and_their_schemas_written() {
    let folder = folder();
    insta::assert_snapshot!(folder.run("providers").exits(0).out, @r"
    Providers required by configuration:
    .
    ├── provider[terraform.io/builtin/terraform]
    └── module.site
        └── provider[terraform.io/builtin/terraform]
    ");
    let schemas = folder.run("providers schema -json").exits(0).json();
    assert_eq!(schemas["format_version"], "1.0");
    let data =
        &schemas["provider_schemas"]["terraform.io/builtin/terraform"]["resource_schemas"]["terraform_data"];
    assert_eq!(data["block"]["attributes"]["id"]["computed"], true);
    assert_eq!(data["block"]["attributes"]["input"]["type"], "dynamic");
    let all = folder.run("providers schema -json -all").exits(0).json();
    let gitlab = &all["provider_schemas"]["registry.terraform.io/gitlabhq/gitlab"];
    let attributes = &gitlab["resource_schemas"]["gitlab_group_variable"]["block"]["attributes"];
    assert_eq!(attributes["value"]["sensitive"], true);
    assert_eq!(attributes["key"]["required"], true);
    let quota = &all["provider_schemas"]["registry.terraform.io/hashicorp/kubernetes"]["resource_schemas"]["kubernetes_resource_quota"];
    assert_eq!(quota["block"]["block_types"]["metadata"]["nesting_mode"], "list");
    folder.run("providers schema").exits(1);
}

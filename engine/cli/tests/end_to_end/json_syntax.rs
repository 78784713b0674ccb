//! Pages that a program wrote, in JSON syntax, beside pages that a person wrote.

use crate::harness::Folder;

const GENERATED: &str = r#"{
  "//": "written by a program",
  "variable": { "name": { "type": "string" } },
  "resource": { "terraform_data": {
    "a": { "input": "${upper(\"x\")}-${var.name}" },
    "b": { "for_each": { "k": "v" }, "input": "${each.key}=${local.shared}", "depends_on": ["terraform_data.a"] }
  } },
  "output": { "a": { "value": "${terraform_data.a.output}" }, "b": { "value": "${terraform_data.b[\"k\"].output}" } }
}"#;

#[test]
fn both_syntaxes_make_one_configuration() {
    let folder = Folder::with("locals {\n  shared = \"shared\"\n}\n");
    folder.write("generated.tf.json", GENERATED);
    folder.write("terraform.tfvars.json", r#"{ "//": "comment", "name": "${kept}" }"#);
    folder.run("apply -auto-approve").exits(0).says(&["2 added"]);
    assert_eq!(folder.run("output -raw a").exits(0).out, "X-${kept}");
    assert_eq!(folder.run("output -raw b").exits(0).out, "k=shared");
    folder.write(
        "generated_override.tf.json",
        r#"{ "resource": { "terraform_data": { "a": { "input": "other" } } } }"#,
    );
    folder.run("apply -auto-approve").exits(0).says(&["1 changed"]);
    assert_eq!(folder.run("output -raw a").exits(0).out, "other");
}

#[test]
fn a_blueprint_is_used_from_json() {
    let folder = Folder::with(
        r#"
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
"#,
    );
    folder.write(
        "projects.hcl.json",
        r#"{
  "cluster": { "hp1": { "stages": ["dev"] } },
  "project": { "carto": {
    "owner": "a@b.example",
    "repo": { "api": {} },
    "environment": { "dev": { "on": "${cluster.hp1.stage.dev}", "quotta": { "cpu": 1 } } }
  } }
}"#,
    );
    let refused = folder.run("validate").exits(1);
    refused.says(&["--> projects.hcl.json:6:65", "\"quotta\"", "Did you mean"]);
    folder.edit(
        "projects.hcl.json",
        "\"quotta\": { \"cpu\": 1 }",
        "\"quota\": { \"cpu\": 1, \"memory\": \"1Gi\" }",
    );
    folder.run("validate").exits(0);
}

#[test]
fn a_broken_file_is_reported_whole() {
    let folder = Folder::empty();
    folder.write(
        "main.tf.json",
        "{\n  // no comments here\n  \"output\": { \"o\": { \"value\": \"${f(\"x\")}\" } },\n  \"locals\": { \"a\": 01, }\n}\n",
    );
    let ran = folder.run("validate").exits(1);
    insta::assert_snapshot!(ran.err, @r##"
error[E0113]: Comment in JSON
 --> main.tf.json:2:3
  |
2 |   // no comments here
  |   ^^^^^^^^^^^^^^^^^^^
  |
  = JSON has no comments.
  = help: Write it as a property of a block: "//": "text".
error[E0109]: Quote inside a template
 --> main.tf.json:3:36
  |
3 |   "output": { "o": { "value": "${f("x")}" } },
  |                                    ^
  |
  = This quote ends the JSON string, in the middle of a template.
  = help: Escape the quotes of a template in JSON: "${f(\"x\")}".
error[E0107]: Invalid JSON number
 --> main.tf.json:4:20
  |
4 |   "locals": { "a": 01, }
  |                    ^^
  |
  = A number is digits with at most one minus sign before them, no leading zeros, then maybe a fraction and an
    exponent: 10, -0.5, 1e6.
error[E0105]: Trailing comma in object
 --> main.tf.json:4:22
  |
4 |   "locals": { "a": 01, }
  |                      ^
  |
  = JSON has no comma after the last item.
"##);
}

#[test]
fn the_layout_of_json_is_left_alone() {
    let folder = Folder::with("a = 1\n");
    folder.write("generated.tf.json", "{}   \n\n");
    folder.run("fmt -check").exits(0);
    assert_eq!(folder.read("generated.tf.json"), "{}   \n\n");
}

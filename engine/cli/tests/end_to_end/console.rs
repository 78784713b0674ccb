//! `pilotis console`, fed through a pipe.

use crate::harness::Folder;

const PAGE: &str = r#"
variable "region" {
  default = "north"
}
variable "asked" {}
variable "token" {
  sensitive = true
  default   = "hunter2"
}
resource "terraform_data" "one" {
  input = { region = var.region, token = var.token }
}
resource "terraform_data" "many" {
  count = 12
  input = count.index
}
module "inner" {
  source = "./inner"
}
locals {
  zones = ["a", "b"]
}
"#;

/// The page, and the module that it calls.
fn page() -> Folder {
    let folder = Folder::with(PAGE);
    std::fs::create_dir(folder.path("inner")).unwrap();
    let inner = "resource \"terraform_data\" \"x\" {\n  input = \"deep\"\n}\noutput \"x\" {\n  value = terraform_data.x.output\n}\n";
    folder.write("inner/main.hcl", inner);
    folder
}

#[test]
fn each_value_is_shown_as_terraform_shows_it() {
    let input = "var.region\nlocal.zones\ntolist(local.zones)\ntomap({ a = null })\n\ntostring(null)\n1 / 4 # a comment\ntype(var.region)\n\"a\\nb\"\n";
    let ran = page().run_fed("console", input).exits(0);
    insta::assert_snapshot!(ran.out, @r#"
    "north"
    [
      "a",
      "b",
    ]
    tolist([
      "a",
      "b",
    ])
    tomap({
      "a" = null
    })
    tostring(null)
    0.25
    string
    <<EOT
    a
    b
    EOT
    "#);
    assert_eq!(ran.err, "");
}

#[test]
fn what_is_not_made_yet_is_unknown_and_no_state_is_made() {
    let folder = page();
    let input = "var.asked\nterraform_data.one.id\nterraform_data.many\nmodule.inner\n";
    insta::assert_snapshot!(folder.run_fed("console", input).exits(0).out, @r#"
    (known after apply)
    (known after apply)
    (known after apply)
    {
      "x" = (known after apply)
    }
    "#);
    assert!(!folder.path("pilotis.db").exists(), "a look made a state");
}

#[test]
fn objects_are_what_the_state_has() {
    let folder = page();
    folder.run("apply -auto-approve -var asked=x").exits(0);
    let before = std::fs::read(folder.path("pilotis.db")).unwrap();
    folder.edit("main.hcl", "\"north\"", "\"south\"");
    let input =
        "var.region\nterraform_data.one.input.region\nterraform_data.many[*].output\nmodule.inner.x\n";
    let shown = folder.run_fed("console", input).exits(0).out;
    let (first, list) = shown.split_at(shown.find('[').unwrap());
    assert_eq!(first, "\"south\"\n\"north\"\n");
    // In the order of their keys: 10 comes after 9.
    let numbers: String = (0..12).map(|n| format!("  {n},\n")).collect();
    assert_eq!(list, format!("[\n{numbers}]\n\"deep\"\n"));
    assert_eq!(std::fs::read(folder.path("pilotis.db")).unwrap(), before, "a look changed the state");
    let planned = folder.run_fed("console -plan -var asked=x", "terraform_data.one.input.region\n").exits(0);
    assert_eq!(planned.out, "\"south\"\n");
    folder
        .run_fed("console -state=none.db", "terraform_data.one.id\n")
        .exits(0)
        .says(&["(known after apply)"]);
}

#[test]
fn secrets_are_shown_to_nobody_who_does_not_insist() {
    let folder = page();
    folder.run("apply -auto-approve -var asked=x").exits(0);
    let input = "var.token\n[var.token]\n\"a ${var.token}\"\nterraform_data.one.input\n";
    folder.run_fed("console", input).exits(0).says(&["(sensitive value)"]).never_says(&["hunter2"]);
    let wrong = "tonumber(var.token)\n";
    folder.run_fed("console", wrong).exits(1).never_says(&["hunter2"]);
    assert_eq!(folder.run_fed("console", "nonsensitive(var.token)\n").exits(0).out, "\"hunter2\"\n");
}

#[test]
fn an_expression_goes_on_while_something_in_it_is_open() {
    let input = "[\n  1,\n]\n<<E\nhi\nE\n\"a${\n  1 + 1}\"\nexit\n2\n";
    let ran = page().run_fed("console", input).exits(0);
    assert_eq!(ran.out, "[\n  1,\n]\n<<EOT\nhi\n\nEOT\n\"a2\"\n");
}

#[test]
fn the_first_mistake_ends_it_and_says_where_it_is() {
    let ran = page().run_fed("console", "1\nvar.regoin\n2\n").exits(1);
    assert_eq!(ran.out, "1\n");
    insta::assert_snapshot!(ran.err, @r#"
    error[E0320]: Reference to undeclared input variable
     --> <console-input>:1:1
      |
    1 | var.regoin
      | ^^^^^^^^^^
      |
      = An input variable with the name "regoin" has not been declared.
      = help: Did you mean `var.region`?
    "#);
    for wrong in ["[1,", "1 2", "\"open", "each.key", "tonumber(\"x\")", "nothing()", "a = 1"] {
        let ran = page().run_fed("console", wrong).exits(1);
        assert!(ran.out.is_empty() && ran.err.starts_with("error["), "{wrong}: {ran:?}");
    }
}

#[test]
fn a_mistake_in_the_page_hinders_only_what_depends_on_it() {
    let folder = Folder::with("locals {\n  bad = tonumber(\"x\")\n}\n");
    let ran = folder.run_fed("console", "1 + 1\nlocal.bad\n").exits(0);
    assert_eq!(ran.out, "2\n(known after apply)\n");
    assert!(ran.err.contains("some values may be missing"), "{ran:?}");
    folder.write("main.hcl", "locals {\n");
    folder.run_fed("console", "1 + 1\n").exits(1);
}

//! Ephemeral values: where they may stand, and that they are written nowhere.

use crate::harness::Folder;

/// Looked for in every file of the folder and in all that is printed.
const MARKED: &str = "m4rk3d-v4lu3";

const PAGE: &str = r#"
variable "token" {
  type      = string
  ephemeral = true
}
variable "name" {
  type    = string
  default = "first"
}
locals {
  header = "Bearer ${var.token}"
}
module "inner" {
  source = "./inner"
  header = local.header
}
resource "terraform_data" "a" {
  input = var.name
  lifecycle {
    precondition {
      condition     = startswith(module.inner.header, "Bearer ")
      error_message = "no header"
    }
  }
}
output "nothing" {
  value = ephemeralasnull(local.header) == null
}
"#;

const INNER: &str = r#"
variable "header" {
  type      = string
  ephemeral = true
}
output "header" {
  value     = var.header
  ephemeral = true
}
"#;

fn folder(page: &str) -> Folder {
    let folder = Folder::with(page);
    std::fs::create_dir(folder.path("inner")).unwrap();
    folder.write("inner/main.hcl", INNER);
    folder
}

fn holds_no_marked_value(folder: &Folder) {
    for entry in std::fs::read_dir(folder.path("")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            let found = bytes.windows(MARKED.len()).any(|w| w == MARKED.as_bytes());
            assert!(!found, "{:?} holds the ephemeral value", entry.path());
        }
    }
}

#[test]
fn an_ephemeral_variable_is_in_no_file_and_is_given_again_for_a_saved_plan() {
    let folder = folder(PAGE);
    let token = format!("token={MARKED}");
    folder.run_args(&["plan", "-out=p", "-var", &token]).exits(0).never_says(&[MARKED]);
    holds_no_marked_value(&folder);
    folder.run("show p").exits(0).says(&["terraform_data.a will be created"]);
    folder.run("apply p").exits(1).says(&["No value for required variable", "-var token=VALUE"]);
    let refused = ["apply", "p", "-var", &token, "-var", "name=second"].map(String::from);
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    folder.run_args(&refused).exits(1).says(&["name can't be given here"]);
    // `-var` stands before the file, as other flags do.
    folder
        .run_args(&["apply", "-var", &token, "p"])
        .exits(0)
        .says(&["1 added", "nothing = true"])
        .never_says(&[MARKED]);
    holds_no_marked_value(&folder);
    folder.run_args(&["plan", "-var", "token=another", "-detailed-exitcode"]).exits(0);
}

#[test]
fn an_ephemeral_value_is_refused_where_it_would_be_kept_or_shown() {
    let inner_takes_none = INNER.replacen("  ephemeral = true\n", "", 1);
    let table = [
        ("  input = var.name", "  input = var.token", INNER, "Invalid use of ephemeral value"),
        ("  input = var.name", "  count = length(var.token)", INNER, "Invalid count argument"),
        ("  input = var.name", "  for_each = toset([var.token])", INNER, "Invalid for_each argument"),
        ("ephemeralasnull(local.header) == null", "local.header", INNER, "Ephemeral value not allowed"),
        ("", "", &inner_takes_none, "Ephemeral value not allowed"),
        (
            "  ephemeral = true\n",
            "  ephemeral = true\n  validation {\n    condition = var.token == \"x\"\n    error_message = \"Wrong.\"\n  }\n",
            INNER,
            "Wrong.",
        ),
        (
            "  ephemeral = true\n",
            "  ephemeral = true\n  validation {\n    condition = var.token == \"x\"\n    error_message = \"No ${var.token}.\"\n  }\n",
            INNER,
            "holds an ephemeral value",
        ),
        (
            "startswith(module.inner.header, \"Bearer \")\n      error_message = \"no header\"",
            "startswith(module.inner.header, \"B-\")\n      error_message = \"no ${var.token}\"",
            INNER,
            "The error message included a value that can't be shown",
        ),
    ];
    for (old, new, inner, says) in table {
        let folder = folder(&PAGE.replacen(old, new, 1));
        folder.write("inner/main.hcl", inner);
        let ran = folder.run_args(&["plan", "-var", &format!("token={MARKED}")]);
        ran.exits(1).says(&[says]).never_says(&[MARKED]);
    }
}

#[test]
fn a_saved_plan_whose_provider_takes_an_ephemeral_token_is_shown_without_it() {
    let page = r#"
variable "token" {
  type      = string
  ephemeral = true
}
provider "gitlab" {
  base_url = "http://127.0.0.1:9/api/v4/"
  token    = var.token
}
resource "gitlab_group" "a" {
  name = "a"
  path = "a"
}
"#;
    let folder = Folder::with(page);
    folder.run_args(&["plan", "-out=p", "-var", &format!("token={MARKED}")]).never_says(&[MARKED]);
    holds_no_marked_value(&folder);
    if folder.path("p").exists() {
        folder.run("show p").exits(0).says(&["gitlab_group.a will be created"]);
    }
}

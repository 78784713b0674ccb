//! `terraform_remote_state`: outputs of another state, of Terraform's or of ours.

use serde_json::json;

use crate::encryption::ENCRYPTION;
use crate::harness::Folder;
use crate::takeover::{page, terraform_state};

const READER: &str = r#"
data "terraform_remote_state" "other" {
  backend  = "local"
  config   = { path = "CONFIG" }
  defaults = { extra = "d" }
}
resource "terraform_data" "a" {
  input = data.terraform_remote_state.other.outputs.o
}
output "extra" {
  value = data.terraform_remote_state.other.outputs.extra
}
output "none" {
  value = try(data.terraform_remote_state.other.outputs.none, "none")
}
"#;

/// A folder in `work` of another one.
fn reader(other: &Folder, path: &str) -> Folder {
    let absolute = other.path(path);
    Folder::with(&READER.replace("CONFIG", absolute.to_str().unwrap()))
}

#[test]
fn the_outputs_of_a_terraform_state_before_and_after_it_was_taken_over() {
    let other = Folder::with(&page(1));
    other.write("terraform.tfstate", &terraform_state(1).to_string());
    let folder = reader(&other, "terraform.tfstate");
    folder.run("apply -auto-approve").exits(0).says(&["extra = \"d\"", "none  = \"none\""]);
    folder.run("state show terraform_data.a").exits(0).says(&["\"x\""]);
    assert!(!other.path("pilotis.db").exists(), "reading makes nothing");

    other.run("apply -auto-approve").exits(0);
    folder.run("plan -detailed-exitcode").exits(0);
    other.edit("main.hcl", "output \"o\" {\n  value = \"x\"", "output \"o\" {\n  value = \"y\"");
    other.run("apply -auto-approve").exits(0);
    folder.run("plan -detailed-exitcode").exits(2).says(&["\"y\""]);
    std::fs::remove_file(other.path("pilotis.db")).unwrap();
    folder.run("plan").exits(1).says(&["Unable to read remote state", "taken over into"]);
}

#[test]
fn a_database_and_its_workspaces() {
    let other = Folder::with("output \"o\" {\n  value = terraform.workspace\n}\n");
    other.run("apply -auto-approve").exits(0);
    other.run("workspace new blue").exits(0);
    let folder = reader(&other, "pilotis.db");
    folder.run("plan").exits(0).says(&["\"default\""]);
    folder.edit("main.hcl", "  defaults =", "  workspace = \"blue\"\n  defaults =");
    folder.run("plan").exits(1).says(&["Unable to find remote state"]);
    other.run("apply -auto-approve").exits(0);
    folder.run("plan").exits(0).says(&["\"blue\""]);
    folder.edit("main.hcl", "\"blue\"", "\"../blue\"");
    folder.run("plan").exits(1).says(&["is not allowed"]);
}

/// A secret stays one in the state that reads it.
#[test]
fn what_is_sensitive_there_is_sensitive_here() {
    let other = Folder::empty();
    other.write("s.tfstate", &terraform_state(0).to_string());
    let folder = reader(&other, "s.tfstate");
    folder.edit("main.hcl", "outputs.extra", "outputs.secret");
    folder.run("plan").exits(1).says(&["sensitive"]).never_says(&["geheim"]);
    folder.edit("main.hcl", "outputs.secret", "outputs.secret\n  sensitive = true");
    folder.run("apply -auto-approve").exits(0).never_says(&["geheim"]);
    assert_eq!(folder.run("output -raw extra").exits(0).out, "geheim");
}

/// With keys of the same names as there.
#[test]
fn an_encrypted_state() {
    let other = Folder::with("output \"o\" {\n  value = \"m4rk3d-v4lu3\"\n}\n");
    other.write("encryption.hcl", ENCRYPTION);
    other.with_key("apply -auto-approve").exits(0);
    let folder = reader(&other, "pilotis.db");
    folder.edit("main.hcl", "defaults = {", "defaults = { none = \"n\",");
    folder.run("plan").exits(1).says(&[
        "Unable to read remote state",
        "output o is encrypted with",
        "remote_state_data_sources",
    ]);
    let others = "remote_state_data_sources {\n      default {\n        method = method.aes_gcm_siv.main\n      }\n    }\n    method \"unencrypted\" \"old\" {}";
    folder.write("encryption.hcl", ENCRYPTION);
    folder.edit("encryption.hcl", "method \"unencrypted\" \"old\" {}", others);
    folder.with_key("apply -auto-approve").exits(0);
    folder.with_key("state show terraform_data.a").exits(0).says(&["m4rk3d-v4lu3"]);
    let wrong = [("PILOTIS_VAR_passphrase", "incorrect horse battery staple")];
    folder.run_with(&["plan"], &wrong).exits(1).says(&["can't be decrypted"]);
    // One in clear may have been put in its place.
    let clear = Folder::with("output \"o\" {\n  value = \"x\"\n}\n");
    clear.run("apply -auto-approve").exits(0);
    std::fs::copy(clear.path("pilotis.db"), other.path("pilotis.db")).unwrap();
    folder.with_key("plan").exits(1).says(&["is not encrypted"]);
    other.write("clear.tfstate", &terraform_state(0).to_string());
    folder.edit("main.hcl", "pilotis.db", "clear.tfstate");
    folder.with_key("plan").exits(1).says(&["is not encrypted"]);
}

#[test]
fn what_is_wrong_is_said_at_its_block() {
    let other = Folder::empty();
    other.write("broken.tfstate", "{\"version\": 4, ");
    other.write("older.tfstate", &json!({ "version": 3 }).to_string());
    for (path, says) in [
        ("none.tfstate", "No stored state was found"),
        ("broken.tfstate", "not valid JSON"),
        ("older.tfstate", "has version 3"),
    ] {
        reader(&other, path).run("plan").exits(1).says(&[says, "main.hcl:2"]);
    }
    let folder = reader(&other, "x");
    folder.edit("main.hcl", "\"local\"", "\"gcs\"");
    folder.run("plan").exits(1).says(&["no backend \"gcs\" here", "terraform state pull"]);
}

//! What data sources said, in the state: for whoever looks into it, and for nobody who plans.

use serde_json::Value;

use crate::harness::Folder;

const READER: &str = r#"
variable "more" { default = true }
resource "terraform_data" "first" {
  input = "other.tfstate"
}
data "terraform_remote_state" "late" {
  backend = "local"
  config  = { path = terraform_data.first.output }
}
data "terraform_remote_state" "more" {
  count   = var.more ? 1 : 0
  backend = "local"
  config  = { path = "other.tfstate" }
}
output "url" { value = data.terraform_remote_state.late.outputs.url }
"#;

const OTHER: &str = r#"{"version": 4, "lineage": "l", "serial": 1, "outputs": {"url": {"value": "http://x", "type": "string"}}}"#;

fn reader() -> Folder {
    let folder = Folder::with(READER);
    folder.write("other.tfstate", OTHER);
    folder.run("apply -auto-approve").exits(0);
    folder
}

fn addresses(resources: &Value) -> Vec<&str> {
    resources["resources"].as_array().into_iter().flatten().map(|r| r["address"].as_str().unwrap()).collect()
}

const LATE: &str = "data.terraform_remote_state.late";
const MORE: &str = "data.terraform_remote_state.more[0]";
const FIRST: &str = "terraform_data.first";

#[test]
fn what_was_read_is_in_the_state() {
    let folder = reader();
    assert_eq!(folder.state(), [LATE, MORE, FIRST]);
    let shown: Value = serde_json::from_str(&folder.run("show -json").exits(0).out).unwrap();
    let root = &shown["values"]["root_module"];
    assert_eq!(addresses(root), [LATE, MORE, FIRST]);
    assert_eq!(root["resources"][0]["mode"], "data");
    assert_eq!(root["resources"][0]["values"]["outputs"]["url"], "http://x");
    folder
        .run("state show data.terraform_remote_state.late")
        .exits(0)
        .says(&["data \"terraform_remote_state\" \"late\""]);
    let said = folder.run_fed("console", "data.terraform_remote_state.late.outputs.url\n").exits(0).out;
    assert_eq!(said.trim(), "\"http://x\"");
    folder.run("taint data.terraform_remote_state.late").exits(1).says(&["can't be tainted"]);
    // A state that is pulled and pushed is the same.
    let pulled = folder.run("state pull").exits(0).out;
    let document: Value = serde_json::from_str(&pulled).unwrap();
    assert_eq!(document["resources"][0]["mode"], "data");
    folder.write("pulled.tfstate", &pulled);
    folder.run("state push pulled.tfstate").exits(0);
    assert_eq!(folder.run("state pull").exits(0).out, pulled);
    // It was never an object: nothing is to be done about it, and a workspace with nothing else is empty.
    folder.run("plan -detailed-exitcode").exits(0);
    folder.run("destroy -auto-approve").exits(0);
    assert_eq!(folder.state(), [""; 0]);
}

#[test]
fn it_follows_the_configuration_and_what_is_read() {
    let folder = reader();
    folder.write("other.tfstate", &OTHER.replace("http://x", "http://y"));
    // A plan says what it was when it was made.
    folder.run("plan -out=p").exits(0);
    let plan: Value = serde_json::from_str(&folder.run("show -json p").exits(0).out).unwrap();
    let prior = &plan["prior_state"]["values"]["root_module"];
    assert_eq!(addresses(prior), [LATE, MORE, FIRST]);
    assert_eq!(prior["resources"][1]["values"]["outputs"]["url"], "http://y");
    assert_eq!(addresses(&plan["planned_values"]["root_module"]), [FIRST]);
    // Nobody else's read makes it stale.
    folder.run("apply -auto-approve -target=data.terraform_remote_state.more").exits(0);
    folder.run("apply p").exits(0);
    folder.run("state show data.terraform_remote_state.late").exits(0).says(&["http://y"]);
    // What is read later is not in the state before; what is gone is.
    folder.run("plan -out=p -var=more=false -replace=terraform_data.first").exits(0);
    let plan: Value = serde_json::from_str(&folder.run("show -json p").exits(0).out).unwrap();
    assert_eq!(addresses(&plan["prior_state"]["values"]["root_module"]), [FIRST]);
    assert_eq!(addresses(&plan["planned_values"]["root_module"]), [LATE, FIRST]);
    folder.run("apply p").exits(0);
    assert_eq!(folder.state(), [LATE, FIRST]);
    // A target leaves the rest as it is.
    folder.run("apply -auto-approve -target=terraform_data.first").exits(0);
    assert_eq!(folder.state(), [LATE, FIRST]);
}

/// The file of a data source that this program doesn't have is taken over all the same: it is read by nobody.
#[test]
fn a_state_with_unknown_data_sources_is_taken_in() {
    let folder = Folder::empty();
    folder.write(
        "t.tfstate",
        r#"{"version": 4, "lineage": "l", "serial": 3, "resources": [
          {"mode": "data", "type": "external", "name": "e", "provider": "provider[\"registry.terraform.io/hashicorp/external\"]",
           "instances": [{"schema_version": 0, "attributes": {"id": "-"}}]},
          {"mode": "data", "type": "terraform_remote_state", "name": "d", "provider": "provider[\"terraform.io/builtin/terraform\"]",
           "instances": [{"schema_version": 0, "attributes": {"backend": "local"}}]},
          {"mode": "managed", "type": "terraform_data", "name": "a", "provider": "provider[\"terraform.io/builtin/terraform\"]",
           "instances": [{"schema_version": 0, "attributes": {"id": "1"}}]}]}"#,
    );
    folder.run("state import t.tfstate").exits(0).says(&["Took in 1 object", "1 data source left out"]);
    assert_eq!(folder.state(), ["data.terraform_remote_state.d", "terraform_data.a"]);
}

//! The real `terraform` keeps its state in the same place: what it says of our lock, and we of its state.

use std::path::Path;
use std::process::{Command, Output};

use pilotis_state_document::{Document as _, ServerLock};

use crate::place::{Place, lease};

const CONFIGURATION: &str = r#"
terraform {
  backend "http" {}
}

resource "terraform_data" "word" {
  input = "carto"
}
"#;

fn terraform(place: &Place, folder: &Path, arguments: &[&str]) -> Output {
    let lock = format!("{}/lock", place.address);
    Command::new("terraform")
        .args(arguments)
        .current_dir(folder)
        .env("TF_HTTP_ADDRESS", &place.address)
        .env("TF_HTTP_LOCK_ADDRESS", &lock)
        .env("TF_HTTP_UNLOCK_ADDRESS", &lock)
        .env("TF_HTTP_LOCK_METHOD", "POST")
        .env("TF_HTTP_UNLOCK_METHOD", "DELETE")
        .env("TF_HTTP_USERNAME", "marie")
        .env("TF_HTTP_PASSWORD", &place.token)
        .env("CHECKPOINT_DISABLE", "1")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn terraform_and_we_keep_away_from_each_other() {
    if Command::new("terraform").arg("version").output().is_err() {
        println!("skipped: there is no `terraform` on the PATH");
        return;
    }
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("main.tf"), CONFIGURATION).unwrap();
    let run = |arguments: &[&str]| terraform(&place, folder.path(), arguments);
    let well = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    };
    well(&["init", "-input=false", "-no-color"]);
    well(&["apply", "-auto-approve", "-input=false", "-no-color"]);
    assert!(well(&["state", "list"]).contains("terraform_data.word"));

    let mut document = place.open();
    let stored = document.read().unwrap().unwrap();
    let state: serde_json::Value = serde_json::from_slice(&stored.text).unwrap();
    assert_eq!(state["resources"][0]["type"], "terraform_data", "its state is read");

    let ours = "6b4bb6c1-4d7a-4f2e-9a52-2f6d8f0f4d8a";
    assert_eq!(document.lock(&lease(ours)).unwrap(), ServerLock::Taken);
    let refused = run(&["apply", "-auto-approve", "-input=false", "-no-color"]);
    let said = text(&refused);
    assert!(!refused.status.success());
    assert!(said.contains("Error acquiring the state lock") && said.contains(ours), "{said}");
    // It shows its own info beside the id of the one that holds it.
    well(&["force-unlock", "-force", ours]);
    assert!(!document.unlock(&lease(ours).run).unwrap(), "it was taken");
    well(&["apply", "-auto-approve", "-input=false", "-no-color", "-replace=terraform_data.word"]);
    assert_ne!(document.read().unwrap().unwrap().tag, stored.tag);
}

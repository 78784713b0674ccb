//! A state of Terraform's on a server: gone on from, taken over once and whole, kept, and refused by Terraform afterwards.

use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::documents::{InBucket, InGitLab};
use crate::harness::{Folder, Ran, Started};
use crate::takeover::{page, terraform_state};

const KEY: &str = "infra/prod.tfstate";

fn ids(shown: &Ran) -> Vec<String> {
    let shown = shown.json();
    let resources = shown["values"]["root_module"]["resources"].as_array().cloned().unwrap_or_default();
    resources.iter().map(|r| r["values"]["id"].as_str().unwrap().to_owned()).collect()
}

/// The real one, which finds its state in the same place. None if it isn't on this machine.
fn terraform(folder: &Folder, variables: &[(&str, &str)], args: &[&str]) -> Option<(bool, String)> {
    let mut command = Command::new("terraform");
    command.args(args).current_dir(folder.path("terraform")).env_clear();
    command
        .env("PATH", std::env::var_os("PATH")?)
        .env("HOME", folder.path(""))
        .env("CHECKPOINT_DISABLE", "1");
    command.env("NO_PROXY", "127.0.0.1").envs(variables.iter().copied());
    let Ok(output) = command.output() else {
        let _ = writeln!(std::io::stdout(), "skipped: there is no `terraform` on the PATH");
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" ");
    Some((output.status.success(), text(&output.stdout) + &text(&output.stderr)))
}

#[test]
fn what_terraform_has_in_gitlab_is_gone_on_from() {
    let estate = InGitLab::new(&page(2));
    let (path, state) = (estate.path(), terraform_state(2));
    estate.sandbox.gitlab.send("POST", path, Some(state.clone()));
    estate.run("init").exits(0);
    estate.run("plan -detailed-exitcode").exits(0).says(&[
        "Note: the state starts from Terraform's in http",
        "(2 objects, serial 7)",
        "keeps what is there as prod.taken-over",
    ]);
    estate.run("state list").exits(0).says(&["terraform_data.a[1]"]);
    estate.run("plan -out=p").exits(0);
    assert_eq!(estate.sandbox.gitlab.get(path), state, "looking changes nothing");
    assert!(!estate.folder.path("prod.taken-over").exists());
    // Another folder reads the outputs of either.
    assert_eq!(estate.reads("o"), "x");

    // Terraform holds its lock: it is at work on it.
    let lock = format!("{path}/lock");
    let theirs = json!({ "ID": "5f0e", "Operation": "OperationTypeApply", "Who": "paul@desk", "Info": "", "Version": "1.11.4", "Created": "2026-02-01T09:30:00Z", "Path": "" });
    estate.sandbox.gitlab.post(&lock, theirs);
    estate.run("apply p").exits(8).says(&["the state is locked"]);
    assert_eq!(estate.sandbox.gitlab.get(path), state, "nothing is taken from it");
    estate.sandbox.gitlab.delete(&format!("{lock}?ID=5f0e"));

    estate.run("apply p").exits(0);
    assert_eq!(ids(&estate.run("show -json").exits(0)), ["id-0", "id-1"]);
    let kept: Value = serde_json::from_str(&estate.folder.read("prod.taken-over")).unwrap();
    assert_eq!(kept, state);
    let versions = format!("{path}/versions/7");
    assert_eq!(estate.sandbox.gitlab.get(&versions), state, "GitLab keeps it too");
    estate.run("plan -detailed-exitcode").exits(0).never_says(&["Note:"]);
    let pulled = estate.run("state pull").exits(0).json();
    assert_eq!(pulled["lineage"], "5f0e7c1a");
    estate.run("state history terraform_data.a[0]").exits(0).says(&["import", "tester@"]);
    estate.run("audit verify").exits(0);
    assert_eq!(estate.reads("o"), "x");

    estate.folder.write("terraform/main.tf", "terraform {\n  backend \"http\" {}\n}\n");
    let lock = format!("{}/lock", estate.address);
    let mut variables = estate.variables().to_vec();
    variables.extend([("TF_HTTP_ADDRESS", estate.address.as_str()), ("TF_HTTP_LOCK_ADDRESS", lock.as_str())]);
    let Some((well, said)) = terraform(&estate.folder, &variables, &["init", "-no-color", "-input=false"])
    else {
        return;
    };
    assert!(!well && said.contains("version 999"), "{said}");
}

#[test]
fn what_terraform_has_in_gitlab_and_is_not_known_here_is_left_alone() {
    let estate = InGitLab::new(&page(1));
    let mut state = terraform_state(1);
    let vpc = json!({
        "mode": "managed", "type": "aws_vpc", "name": "x", "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
        "instances": [{ "schema_version": 0, "attributes": { "id": "1" } }],
    });
    state["resources"].as_array_mut().unwrap().push(vpc);
    estate.sandbox.gitlab.send("POST", estate.path(), Some(state.clone()));
    estate
        .run("init")
        .exits(1)
        .says(&["Error reading the Terraform state in http", "aws_vpc.x: there is no provider"]);
    assert_eq!(estate.sandbox.gitlab.get(estate.path()), state);
}

/// Several at the same time: one takes over, the others go on from what it stored.
#[test]
fn it_is_taken_over_once() {
    let estate = InGitLab::new(&page(20));
    estate.sandbox.gitlab.send("POST", estate.path(), Some(terraform_state(20)));
    estate.run("init").exits(0);
    let runs: Vec<_> = (0..4).map(|_| estate.start("apply -auto-approve -lock-timeout=60s")).collect();
    for run in runs {
        run.wait().exits(0);
    }
    let history = estate.run("state history -json terraform_data.a[7]").exits(0).json();
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    assert!(ids(&estate.run("show -json").exits(0)).iter().all(|id| id.starts_with("id-")));
}

fn object(estate: &InBucket, key: &str) -> Option<Value> {
    estate.bucket.get(key).map(|text| serde_json::from_str(&text).unwrap())
}

#[test]
fn what_terraform_has_in_a_bucket_is_gone_on_from() {
    let Some(estate) = InBucket::new(&page(2)) else { return };
    let state = terraform_state(2);
    estate.bucket.put(KEY, &state.to_string());
    estate.bucket.put(&format!("env:/blue/{KEY}"), &terraform_state(1).to_string());
    estate.init().exits(0);
    estate.run("plan -detailed-exitcode").exits(0).says(&[
        "Note: the state starts from Terraform's in s3://",
        "(2 objects, serial 7)",
        "keeps what is there as infra/prod.tfstate.taken-over",
    ]);
    estate.run("plan -out=p").exits(0);
    assert_eq!(object(&estate, KEY), Some(state.clone()), "looking changes nothing");

    // Terraform holds its lock.
    let lock = format!("{KEY}.tflock");
    estate.bucket.put(&lock, r#"{"ID": "5f0e", "Operation": "OperationTypeApply", "Who": "paul@desk", "Created": "2026-02-01T09:30:00Z"}"#);
    estate.run("apply p").exits(1).says(&["Terraform is at work on it: paul@desk", "force-unlock 5f0e"]);
    assert_eq!(object(&estate, KEY), Some(state.clone()));
    estate.bucket.delete(&lock);

    estate.run("apply p").exits(0);
    assert_eq!(ids(&estate.run("show -json").exits(0)), ["id-0", "id-1"]);
    assert_eq!(object(&estate, "infra/prod.tfstate.taken-over"), Some(state));
    assert_eq!(object(&estate, KEY).unwrap()["version"], 999);
    assert_eq!(object(&estate, &lock), None);
    estate.run("plan -detailed-exitcode").exits(0).never_says(&["Note:"]);
    estate.run("audit verify").exits(0);
    // Its workspaces are there as well.
    estate.run("workspace list").exits(0).says(&["blue"]);
    estate.run("workspace select blue").exits(0);
    estate.run("state list").exits(0).says(&["terraform_data.a[0]"]);
    estate.run("workspace select default").exits(0);

    let block = format!(
        "terraform {{\n  backend \"s3\" {{\n    bucket = \"{}\"\n    key = \"{KEY}\"\n    use_path_style = true\n    skip_credentials_validation = true\n    \
         skip_requesting_account_id = true\n    skip_region_validation = true\n    skip_metadata_api_check = true\n    use_lockfile = true\n  }}\n}}\n",
        estate.bucket.name
    );
    estate.folder.write("terraform/main.tf", &block);
    let endpoint = estate.bucket.endpoint();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "eu-west-3"),
        ("AWS_ENDPOINT_URL_S3", endpoint.as_str()),
    ];
    let tried = [["init", "-no-color", "-input=false"], ["plan", "-no-color", "-input=false"]]
        .map(|args| terraform(&estate.folder, &variables, &args));
    if let [Some(_), Some((well, said))] = tried {
        assert!(!well && said.contains("999"), "{said}");
    }

    // Ours is lost: nobody begins anew with what Terraform knew once.
    for key in estate.bucket.keys().iter().filter(|key| key.contains(".pilotis/")) {
        estate.bucket.delete(key);
    }
    estate.run("plan").exits(1).says(&["the state is gone", "infra/prod.tfstate.taken-over"]);
}

/// Killed at any moment, the state is there whole, and what is Terraform's is in the end marked.
#[test]
fn a_takeover_that_is_killed_loses_nothing() {
    let Some(estate) = InBucket::new(&page(50)) else { return };
    let state = terraform_state(50).to_string();
    estate.bucket.put(KEY, &state);
    estate.init().exits(0);
    let (mut begun, mut done) = (0, 0);
    for i in 0..20_u64 {
        let run = Started::new(&mut estate.command("apply -auto-approve"), "apply".into());
        std::thread::sleep(std::time::Duration::from_millis(100 + 20 * i));
        run.kill();
        let mut found = ids(&estate.run("show -json").exits(0));
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 50, "after {i}");
        assert!(found.iter().all(|id| id.starts_with("id-")), "made again after {i}: {found:?}");
        let keys = estate.bucket.keys();
        let has_ours = keys.iter().any(|key| key.contains(".pilotis/") && !key.ends_with("0000"));
        begun += usize::from(!has_ours && estate.bucket.get(KEY).unwrap() != state);
        done += usize::from(has_ours);
        if has_ours || i % 4 == 3 {
            keys.iter().for_each(|key| estate.bucket.delete(key));
            estate.bucket.put(KEY, &state);
        }
    }
    let _ = writeln!(std::io::stdout(), "{begun} begun, {done} done");
    estate.run("apply -auto-approve").exits(0).says(&["0 added"]);
    assert_eq!(object(&estate, KEY).unwrap()["version"], 999);
}

/// What a process leaves that died when Terraform's object was marked, and ours not yet there.
#[test]
fn a_takeover_that_was_begun_is_gone_on_with() {
    let Some(estate) = InBucket::new(&page(2)) else { return };
    let mark = json!({ "version": 999, "pilotis": { "message": "", "database": "", "kept": "" } });
    estate.bucket.put(KEY, &mark.to_string());
    estate.bucket.put(&format!("{KEY}.taken-over"), &terraform_state(2).to_string());
    estate.init().exits(1).says(&["the state is gone"]);
    let lock = format!("{KEY}.tflock");
    estate.bucket.put(&lock, r#"{"ID": "1", "Operation": "pilotis takes the state over"}"#);
    estate.init().exits(0);
    estate.run("plan -detailed-exitcode").exits(0).says(&["Note:"]);
    // It may have tried the server already.
    estate.bucket.put(&format!("{KEY}.pilotis/{:020}", 0), "");
    estate.run("plan -detailed-exitcode").exits(0).says(&["Note:"]);
    estate.run("apply -auto-approve").exits(0);
    assert_eq!(ids(&estate.run("show -json").exits(0)), ["id-0", "id-1"]);
    assert_eq!(object(&estate, &lock), None);
}

/// Terraform writes while a plan of ours waits.
#[test]
fn what_terraform_writes_meanwhile_is_not_lost() {
    let Some(estate) = InBucket::new(&page(2)) else { return };
    estate.bucket.put(KEY, &terraform_state(2).to_string());
    estate.init().exits(0);
    estate.folder.edit("main.hcl", "input = \"x\"", "input = \"y\"");
    estate.run("plan -out=p").exits(0).says(&["2 to change"]);
    let mut state = terraform_state(2);
    state["serial"] = json!(8);
    let object = &mut state["resources"][0]["instances"][0]["attributes"];
    (object["id"], object["input"]["value"]) = (json!("id-of-paul"), json!("y"));
    object["output"]["value"] = json!("y");
    estate.bucket.put(KEY, &state.to_string());
    estate.run("apply p").exits(7).says(&["stale"]);
    assert_eq!(ids(&estate.run("show -json").exits(0)), ["id-of-paul", "id-1"]);
}

//! One state in the place of another, on servers: `state recover` and `state rekey`, and what the journal says then.

use pilotis_state::Store as _;
use pilotis_state_postgres::server;
use pilotis_state_sqlite::SqliteStore;

use crate::documents::{InBucket, InGitLab};
use crate::encryption::{ENCRYPTION, MARKED, PASSPHRASE};
use crate::harness::{Folder, Ran, Started};

const ONE: &str = "resource \"terraform_data\" \"a\" {\n  input = \"m4rk3d-v4lu3\"\n}\n";

const FALLBACK: &str = "state {\n      method = method.aes_gcm_siv.main\n      fallback {\n        method = method.unencrypted.old\n      }";
const STATE: &str = "state {\n      method = method.aes_gcm_siv.main";

fn gitlab(estate: &InGitLab) -> impl Fn(&str) -> Ran + '_ {
    |line: &str| {
        let args: Vec<&str> = line.split_whitespace().collect();
        let mut command = estate.folder.command(&args);
        command.envs(estate.variables()).env(PASSPHRASE.0, PASSPHRASE.1);
        Started::new(&mut command, line.to_owned()).wait()
    }
}

fn bucket(estate: &InBucket) -> impl Fn(&str) -> Ran + '_ {
    |line: &str| {
        let mut command = estate.command(line);
        Started::new(command.env(PASSPHRASE.0, PASSPHRASE.1), line.to_owned()).wait()
    }
}

/// A backup is put in the place of a newer state, and what was there comes back from what was kept.
fn recovers(folder: &Folder, run: &dyn Fn(&str) -> Ran, kept: impl Fn(&Ran) -> String) {
    run("apply -auto-approve").exits(0);
    run("state backup b.db").exits(0);
    folder.edit("main.hcl", "m4rk3d-v4lu3", "two");
    run("apply -auto-approve").exits(0);
    run("plan -out=p").exits(0);
    run("audit verify").exits(0);
    run("state recover b.db").exits(1).says(&["holds a state", "-force"]);
    let recovered = run("state recover -force b.db").exits(0);
    let recovered = recovered.says(&["Recovered 1 objects and 1 runs", "is kept as", "audit verify -accept"]);
    run("state recover -force b.db").exits(0).says(&["Recovered"]);
    run("plan -detailed-exitcode").exits(2).says(&["1 to change"]);
    run("apply p").exits(7).says(&["stale"]);
    run("audit verify").exits(1).says(&["its end was cut off", "audit verify -accept"]);
    run("audit verify -accept").exits(0).says(&["accepted"]);
    run("audit verify").exits(0);
    // What was there is read back from where it is kept.
    let file = kept(&recovered);
    run(&format!("state recover -force {file}")).exits(0).says(&["Recovered 1 objects and 2 runs"]);
    run("plan -detailed-exitcode").exits(0);
}

#[test]
fn a_backup_in_gitlab() {
    let estate = InGitLab::new(ONE);
    estate.run("init").exits(0);
    let run = gitlab(&estate);
    recovers(&estate.folder, &run, |recovered| {
        recovered.clone().says(&["is kept as prod.replaced in this folder"]);
        "prod.replaced".to_owned()
    });
    // A version of GitLab's own is as good.
    let version = estate.sandbox.gitlab.get(&format!("{}/versions/4", estate.path()));
    estate.folder.write("four.json", &version.to_string());
    run("state recover -force four.json").exits(0).says(&["Recovered"]);
    // Terraform's isn't ours.
    estate
        .folder
        .write("t.json", r#"{"version": 4, "serial": 1, "lineage": "l", "outputs": {}, "resources": []}"#);
    run("state recover -force t.json").exits(1).says(&["is a state of Terraform's", "state push"]);
}

#[test]
fn a_backup_in_a_bucket() {
    let Some(estate) = InBucket::begun(ONE) else { return };
    let run = bucket(&estate);
    recovers(&estate.folder, &run, |recovered| {
        let key = recovered.out.split("kept as s3://").nth(1).unwrap().split(".\n").next().unwrap();
        let key = key.split_once('/').unwrap().1;
        assert!(key.starts_with("infra/prod.tfstate.pilotis.replaced/"), "{recovered}");
        estate.folder.write("old.json", &estate.bucket.get(key).unwrap());
        "old.json".to_owned()
    });
}

#[test]
fn a_damaged_document_is_replaced_when_that_is_said() {
    let estate = InGitLab::new(ONE);
    estate.run("init").exits(0);
    let run = gitlab(&estate);
    run("apply -auto-approve").exits(0);
    run("state backup b.db").exits(0);
    let damaged =
        serde_json::json!({ "version": 999, "serial": 99, "pilotis": { "format": 1 }, "state": {} });
    let (status, _) = estate.sandbox.gitlab.send("POST", estate.path(), Some(damaged));
    assert_eq!(status, 200);
    run("plan").exits(1).says(&["is damaged"]);
    run("state recover b.db").exits(1).says(&["is damaged"]);
    run("state recover -force b.db").exits(0).says(&["is kept as prod.replaced"]);
    run("plan -detailed-exitcode").exits(0);
}

#[test]
fn who_is_at_work_is_waited_for() {
    let slow = "resource \"terraform_data\" \"slow\" {\n  provisioner \"local-exec\" {\n    command = \"sleep 30\"\n  }\n}\n";
    let estate = InGitLab::new("");
    estate.run("init").exits(0);
    let run = gitlab(&estate);
    run("apply -auto-approve").exits(0);
    run("state backup b.db").exits(0);
    estate.folder.write("main.hcl", slow);
    let at_work = estate.start("apply -auto-approve -allow-exec");
    estate.wait_until_locked();
    run("state recover -force b.db").exits(8).says(&["tester@"]);
    at_work.kill();
    run("state recover -force b.db").exits(0);
}

const MANY: &str = "resource \"time_sleep\" \"s\" {\n  count           = 20\n  create_duration = \"${count.index * 150}ms\"\n}\n";

/// Backups that are taken while an apply goes on are each the state at one moment.
fn backs_up(folder: &Folder, start: &dyn Fn(&str) -> Started) {
    let mut apply = start("apply -auto-approve");
    let mut taken = 0;
    while !apply.has_ended() {
        let name = format!("b{taken}.db");
        if start(&format!("state backup {name}")).wait().code != Some(0) {
            continue;
        }
        let whole = SqliteStore::open_existing(folder.path(&name)).unwrap().unwrap().whole().unwrap();
        let mut created: Vec<_> = whole.changes.iter().map(|change| change.key.clone()).collect();
        created.sort();
        let stored: Vec<_> = whole.resources.iter().map(|resource| resource.key.clone()).collect();
        assert_eq!(created, stored, "what its history tells is what it holds");
        assert!(whole.resources.iter().all(|r| r.version.unsigned_abs() <= whole.serial));
        assert_eq!(whole.runs.len(), 1);
        taken += 1;
    }
    apply.wait().exits(0).says(&["20 added"]);
    assert!(taken > 0, "none while it went on");
}

#[test]
fn a_backup_while_others_work() {
    let folder = Folder::with(MANY);
    backs_up(&folder, &|line| folder.start(line));
    if let Some(schema) = server::schema() {
        let folder = Folder::with(MANY);
        let block =
            format!("terraform {{\n  backend \"pg\" {{\n    schema_name = \"{}\"\n  }}\n}}\n", schema.name);
        folder.write("backend.tf", &block);
        let start = |line: &str| {
            let args: Vec<&str> = line.split_whitespace().collect();
            Started::new(folder.command(&args).env("PG_CONN_STR", schema.conn_str()), line.to_owned())
        };
        start("init").wait().exits(0);
        backs_up(&folder, &start);
    }
}

#[test]
fn a_backup_while_others_work_on_a_document() {
    let estate = InGitLab::new(MANY);
    estate.run("init").exits(0);
    backs_up(&estate.folder, &|line| estate.start(line));
    let Some(estate) = InBucket::begun(MANY) else { return };
    backs_up(&estate.folder, &|line| Started::new(&mut estate.command(line), line.to_owned()));
}

/// From clear to encrypted: nothing of before is left on the server but what is kept.
fn rekeys(folder: &Folder, run: &dyn Fn(&str) -> Ran) -> Ran {
    run("apply -auto-approve").exits(0);
    folder.write("encryption.hcl", ENCRYPTION);
    run("plan").exits(1).says(&["is not encrypted"]);
    folder.edit("encryption.hcl", STATE, FALLBACK);
    let rekeyed = run("state rekey").exits(0).says(&["1 objects and 1 runs were encrypted anew"]);
    folder.edit("encryption.hcl", FALLBACK, STATE);
    run("plan -detailed-exitcode").exits(0);
    run("state history terraform_data.a").exits(0).says(&["create"]);
    run("audit verify").exits(0);
    rekeyed
}

#[test]
fn another_key_in_gitlab() {
    let estate = InGitLab::new(ONE);
    estate.run("init").exits(0);
    rekeys(&estate.folder, &gitlab(&estate))
        .says(&["prod.rekeyed in this folder", "The server may keep versions"]);
    let stored = estate.sandbox.gitlab.get(estate.path()).to_string();
    assert!(!stored.contains(MARKED));
    assert!(estate.folder.read("prod.rekeyed").contains(MARKED));
}

#[test]
fn another_key_in_a_bucket() {
    let Some(estate) = InBucket::begun(ONE) else { return };
    rekeys(&estate.folder, &bucket(&estate)).says(&["infra/prod.tfstate.pilotis.rekeyed/"]);
    let holding = |key: &&String| estate.bucket.get(key).unwrap().contains(MARKED);
    let clear: Vec<String> = estate.bucket.keys().iter().filter(holding).cloned().collect();
    assert!(matches!(&clear[..], [kept] if kept.contains(".pilotis.rekeyed/")), "{clear:?}");
}

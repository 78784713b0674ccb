//! The audit journal: what it tells, and what is noticed that somebody did to it.

use serde_json::Value;

use crate::encryption::{MARKED, encrypted};
use crate::harness::{Folder, Ran};

const CONFIGURATION: &str = "resource \"terraform_data\" \"a\" {\n  input = \"one\"\n}\n";

fn folder() -> Folder {
    let folder = Folder::with(CONFIGURATION);
    folder.run("apply -auto-approve").exits(0);
    folder
}

fn events(exported: &Ran) -> Vec<Value> {
    exported.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn named<'e>(events: &'e [Value], name: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

#[test]
fn every_run_is_in_the_journal() {
    let folder = folder();
    folder.run("plan -out=p.plan -destroy").exits(0);
    folder.run("state mv terraform_data.a terraform_data.b").exits(0);
    folder.run("state mv terraform_data.b terraform_data.a").exits(0);
    folder.edit("main.hcl", "one", "two");
    folder.run_fed("apply", "yes\n").exits(0);
    folder.run("plan -out=p.plan -destroy").exits(0);
    folder.run("apply p.plan").exits(0);
    folder.run("audit verify").exits(0).says(&["The journal of", "is whole: ", "Head: "]);

    let events = events(&folder.run("audit export").exits(0));
    let started = named(&events, "run_started");
    let kinds: Vec<_> = started.iter().map(|run| run["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["apply", "edit", "edit", "apply", "destroy"]);
    assert!(started.iter().all(|run| run["who"].as_str().unwrap().starts_with("tester@")));
    assert!(started[4]["plan_digest"].is_string());
    let approved: Vec<_> = named(&events, "run_approved").iter().map(|run| run["approval"].clone()).collect();
    assert_eq!(approved, ["auto_approve", "command", "command", "typed_yes", "saved_plan"]);
    let changes: Vec<_> = named(&events, "change").iter().map(|c| c["action"].clone()).collect();
    assert_eq!(changes, ["create", "move", "move", "update", "delete"]);
    assert_eq!(named(&events, "run_finished").len(), 3);

    let last = events.last().unwrap()["seq"].as_u64().unwrap();
    let after = folder.run_args(&["audit", "export", &format!("-after={}", last - 1)]).exits(0);
    assert!(self::events(&after).iter().all(|event| event["seq"] == last));
    assert_eq!(folder.run_args(&["audit", "export", &format!("-after={last}")]).exits(0).out, "");
}

#[test]
fn what_somebody_did_to_it_is_found() {
    let folder = folder();
    let first = std::fs::read(folder.path("pilotis.db")).unwrap();
    folder.edit("main.hcl", "one", "two");
    folder.run("apply -auto-approve").exits(0);
    let second = std::fs::read(folder.path("pilotis.db")).unwrap();
    folder.run("audit verify").exits(0);

    let changed = replaced(&second, b"\"auto_approve\"", b"\"typed_yes_by\"");
    std::fs::write(folder.path("pilotis.db"), changed).unwrap();
    folder
        .run("audit verify")
        .exits(1)
        .says(&["is not what was written", "doesn't follow from the one before it"]);

    std::fs::write(folder.path("pilotis.db"), &first).unwrap();
    folder.run("audit verify").exits(1).says(&["its end was cut off", "audit verify -accept"]);
    // Who goes on from there doesn't make it forgotten.
    folder.run("apply -auto-approve").exits(0);
    folder.run("audit verify").exits(1).says(&["was written anew"]);
    folder.edit("main.hcl", "two", "three");
    folder.run("apply -auto-approve").exits(0);
    folder.run("audit verify").exits(1).says(&["was written anew"]);

    std::fs::write(folder.path("pilotis.db"), &second).unwrap();
    folder.run("audit verify").exits(0);
}

#[test]
fn calls_are_told_with_the_ids_that_the_service_gave_them() {
    let folder = Folder::with(
        "resource \"gitlab_group\" \"a\" {\n  name = \"A\"\n  path = \"a\"\n}\n\
         resource \"kubernetes_namespace_v1\" \"n\" {\n  metadata {\n    name = \"n\"\n  }\n}\n\
         resource \"gitlab_group_variable\" \"v\" {\n  group = gitlab_group.a.id\n  key = \"K\"\n  value = \"m4rk3d-v4lu3\"\n}\n",
    );
    let sandbox = folder.sandbox();
    let in_sandbox = |line: &str| {
        folder.run_with(&line.split_whitespace().collect::<Vec<_>>(), &[("PILOTIS_SANDBOX", "1")])
    };
    in_sandbox("apply -auto-approve").exits(0);
    folder.run("audit verify").exits(0);
    let exported = folder.run("audit export").exits(0);
    assert!(!exported.out.contains(MARKED), "{exported}");

    let events = events(&exported);
    let calls = named(&events, "call");
    let finished = named(&events, "run_finished");
    assert_eq!(calls.len() as u64, finished[0]["calls"].as_u64().unwrap(), "{exported}");
    for call in &calls {
        let url = call["url"].as_str().unwrap();
        assert!(call["status"].is_u64() && !url.contains('?'), "{call}");
        assert!(call["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{call}");
    }
    let posted: Vec<_> = calls.iter().filter(|call| call["method"] == "POST").collect();
    let posts_to = |path: &str| posted.iter().filter(|c| c["url"].as_str().unwrap().ends_with(path)).count();
    assert_eq!((posts_to("/api/v4/groups"), posts_to("/api/v1/namespaces")), (1, 1), "{exported}");
    drop(sandbox);
}

/// All places of one text, with another one that is as long.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> =
        (0..bytes.len() - old.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    bytes
}

#[test]
fn who_audits_needs_no_key_and_sees_no_secret() {
    let folder = encrypted();
    folder.with_key("apply -auto-approve").exits(0);
    folder.run("audit verify").exits(0);
    let exported = folder.run("audit export").exits(0);
    assert!(exported.out.contains("terraform_data.a"));
    assert!(!exported.out.contains(MARKED), "{exported}");
}

#[test]
fn without_a_state_there_is_no_journal() {
    let folder = Folder::with(CONFIGURATION);
    folder.run("audit verify").exits(1).says(&["there is no state here, and so no journal"]);
    folder.run("audit export").exits(1).says(&["there is no state here, and so no journal"]);
}

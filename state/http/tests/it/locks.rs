//! The server's lock: ours, another run's, Terraform's.

use pilotis_sandbox::{Action, Fault};
use pilotis_state::{RunId, StateError};
use pilotis_state_document::{Document as _, ServerLock};
use pilotis_state_http::HttpDocument;
use pilotis_state_process::is_dead;
use reqwest::Method;
use serde_json::json;

use crate::place::{Place, answer, dead, lease, quick, server, text};

fn run(id: &str) -> RunId {
    RunId(id.into())
}

#[test]
fn a_lock_is_taken_once_and_given_back() {
    let place = Place::new();
    let (mut ours, mut theirs) = (place.open(), place.open());
    assert_eq!(ours.lock(&lease("1")).unwrap(), ServerLock::Taken);
    assert_eq!(ours.lock(&lease("1")).unwrap(), ServerLock::Taken, "it is ours already");
    let ServerLock::Held(held) = theirs.lock(&lease("2")).unwrap() else { panic!("it is taken") };
    assert_eq!((&*held.address, &held.run, held.since), ("*", &run("1"), held.since));
    assert_eq!((held.holder.who.as_str(), held.holder.pid), ("root", 0), "GitLab knows no process");

    let refused = theirs.replace(text(1, "a"), 1, None);
    assert!(matches!(&refused, Err(StateError::Locked { lease }) if lease.run == run("1")), "{refused:?}");
    ours.replace(text(1, "a"), 1, None).unwrap().unwrap();
    assert!(!theirs.unlock(&run("2")).unwrap(), "it has none");
    assert!(ours.unlock(&run("1")).unwrap());
    assert!(!ours.unlock(&run("1")).unwrap(), "it has none any more");
    assert_eq!(theirs.lock(&lease("2")).unwrap(), ServerLock::Taken);
}

/// A server that keeps what a lock says of itself, as Terraform's documentation has it.
#[test]
fn a_lock_of_a_dead_process_is_seen_and_taken_from_it() {
    let holder = dead();
    let process = json!({ "run": "1", "host": holder.host, "pid": holder.pid, "start": holder.start });
    let info = json!({ "ID": "1", "Who": "paul@laptop", "Info": process.to_string(), "Created": "2026-02-01T09:30:00Z" });
    let address = server(vec![
        answer("423 Locked", "", &info.to_string()),
        answer("200 OK", "", ""),
        answer("200 OK", "", ""),
    ]);
    let place = [("address", address.as_str()), ("lock_address", &address), ("unlock_address", &address)];
    let mut document = HttpDocument::new(&quick(&place)).unwrap();
    let ServerLock::Held(held) = document.lock(&lease("2")).unwrap() else { panic!("it is taken") };
    assert!(is_dead(&held.holder));
    assert!(document.unlock(&run("1")).unwrap());
    assert_eq!(document.lock(&lease("2")).unwrap(), ServerLock::Taken);
}

#[test]
fn a_state_that_somebody_has_locked_is_not_said_to_be_removed() {
    let place = Place::new();
    let (mut ours, mut theirs) = (place.open(), place.open());
    ours.replace(text(1, "a"), 1, None).unwrap().unwrap();
    theirs.lock(&lease("2")).unwrap();
    let refused = ours.remove().unwrap_err().to_string();
    assert!(refused.contains("it is still there: somebody has locked it"), "{refused}");
    theirs.remove().unwrap();
    assert!(ours.read().unwrap().is_none());
}

#[test]
fn a_run_whose_lock_was_taken_writes_over_nothing() {
    let place = Place::new();
    let (mut ours, mut theirs) = (place.open(), place.open());
    ours.lock(&lease("1")).unwrap();
    let first = ours.replace(text(1, "a"), 1, None).unwrap().unwrap();
    assert!(theirs.unlock(&run("1")).unwrap());
    let second = ours.replace(text(2, "b"), 2, Some(&first)).unwrap().expect("it may finish");
    let third = theirs.replace(text(3, "c"), 3, Some(&second)).unwrap().unwrap();
    assert_eq!(ours.replace(text(9, "d"), 9, Some(&second)).unwrap(), None, "another was faster");

    ours.lock(&lease("1")).unwrap();
    theirs.unlock(&run("1")).unwrap();
    theirs.lock(&lease("2")).unwrap();
    let refused = ours.replace(text(4, "e"), 4, Some(&third));
    assert!(matches!(&refused, Err(StateError::Locked { lease }) if lease.run == run("2")), "{refused:?}");
    assert_eq!(ours.read().unwrap().unwrap().tag, third);
}

#[test]
fn a_lock_of_terraform_is_respected() {
    let place = Place::new();
    let theirs = json!({
        "ID": "6b4bb6c1-0000-4000-8000-2f6d8f0f4d8a", "Operation": "OperationTypeApply", "Info": "", "Who": "paul@desk",
        "Version": "1.11.4", "Created": "2026-02-01T09:30:00.123456Z", "Path": ""
    });
    let lock = format!("{}/lock", place.address);
    assert_eq!(place.ask(Method::POST, &lock, Some(theirs)).0, 200);
    let mut document = place.open();
    let ServerLock::Held(held) = document.lock(&lease("1")).unwrap() else { panic!("it is taken") };
    assert!(!is_dead(&held.holder));
    let said = held.to_string();
    assert!(said.contains("root"), "{said}");
    let refused = HttpDocument::new(&place.options(false)).unwrap().replace(text(1, "a"), 1, None);
    assert!(matches!(refused, Err(StateError::Locked { .. })), "also where no lock is configured");
    assert!(document.unlock(&held.run).unwrap());
    assert_eq!(document.lock(&lease("1")).unwrap(), ServerLock::Taken);
}

#[test]
fn lost_answers_of_lock_and_unlock_are_no_harm() {
    let place = Place::new();
    let mut document = place.open();
    place.faults().add(Fault::new(Action::DropAfter).path("/lock").next(1)).unwrap();
    assert_eq!(document.lock(&lease("1")).unwrap(), ServerLock::Taken);
    place.faults().add(Fault::new(Action::DropAfter).path("/lock").next(1)).unwrap();
    assert!(document.unlock(&run("1")).unwrap());
    assert_eq!(place.open().lock(&lease("2")).unwrap(), ServerLock::Taken);
}

#[test]
fn without_a_lock_address_there_is_no_lock() {
    let place = Place::new();
    let mut document = HttpDocument::new(&place.options(false)).unwrap();
    assert_eq!(document.lock(&lease("1")).unwrap(), ServerLock::None);
    assert!(!document.unlock(&run("1")).unwrap());
}

//! Versions are read and replaced; what is no longer the newest is not.

use pilotis_sandbox::{Action, Fault};
use pilotis_state_document::Document as _;
use pilotis_state_http::HttpDocument;
use reqwest::Method;

use crate::place::{Place, lease, text};

#[test]
fn a_document_is_written_read_replaced_and_removed() {
    let place = Place::new();
    for locks in [false, true] {
        let mut document = HttpDocument::new(&place.options(locks)).unwrap();
        assert!(document.location().ends_with("/terraform/state/prod"));
        assert!(document.read().unwrap().is_none());
        if locks {
            document.lock(&lease("1")).unwrap();
            assert!(document.read().unwrap().is_none(), "locked, and without a file");
        }
        let first = document.replace(text(1, "a"), 1, None).unwrap().unwrap();
        let read = document.read().unwrap().unwrap();
        assert!(read.text == text(1, "a"));
        assert_eq!(read.tag, first, "as the write named it");
        let second = document.replace(text(2, "b"), 2, Some(&first)).unwrap().unwrap();
        assert_ne!(first, second);
        let versions = format!("{}/versions/1", place.address);
        assert_eq!(place.ask(Method::GET, &versions, None).1["word"], "a", "GitLab keeps it");
        document.remove().unwrap();
        assert!(document.read().unwrap().is_none());
        document.remove().expect("it is gone already");
    }
}

#[test]
fn what_is_not_the_newest_any_more_is_not_replaced() {
    let place = Place::new();
    let mut ours = HttpDocument::new(&place.options(false)).unwrap();
    let mut theirs = HttpDocument::new(&place.options(false)).unwrap();
    let first = ours.replace(text(1, "ours"), 1, None).unwrap().unwrap();
    assert_eq!(theirs.replace(text(1, "theirs"), 1, None).unwrap(), None, "there is one by now");
    let second = theirs.replace(text(2, "theirs"), 2, Some(&first)).unwrap().unwrap();
    assert_eq!(ours.replace(text(2, "ours"), 2, Some(&first)).unwrap(), None);
    assert_eq!(ours.replace(text(7, "ours"), 7, Some(&first)).unwrap(), None, "whatever its serial");
    assert_eq!(ours.read().unwrap().unwrap().tag, second);
}

#[test]
fn under_the_lock_a_write_is_one_request_and_a_serial_that_is_taken_is_seen() {
    let place = Place::new();
    let mut ours = place.open();
    ours.lock(&lease("1")).unwrap();
    let first = ours.replace(text(1, "a"), 1, None).unwrap().unwrap();
    place.count("GET");
    let second = ours.replace(text(2, "b"), 2, Some(&first)).unwrap().unwrap();
    assert_eq!(place.count("GET"), 0);
    assert_eq!(ours.replace(text(2, "c"), 2, Some(&first)).unwrap(), None, "422");
    assert_eq!(ours.read().unwrap().unwrap().tag, second);
}

#[test]
fn a_write_whose_answer_was_lost_is_found() {
    let place = Place::new();
    for (locks, action) in [(false, Action::DropAfter), (true, Action::DropAfter)] {
        let mut document = HttpDocument::new(&place.options(locks)).unwrap();
        if locks {
            document.lock(&lease("1")).unwrap();
        }
        place.faults().add(Fault::new(action).methods(&["POST"]).next(1)).unwrap();
        place.count("");
        let tag = document.replace(text(1, "a"), 1, None).unwrap().unwrap();
        assert_eq!(place.count("POST"), 1, "it isn't written twice");
        assert_eq!(document.read().unwrap().unwrap().tag, tag);
        document.remove().unwrap();
    }
}

#[test]
fn what_was_not_done_is_done_again_and_no_more_often_than_said() {
    let place = Place::new();
    let mut document = place.open();
    for action in [
        Action::DropBefore,
        Action::ServerError { status: 502 },
        Action::TooManyRequests { retry_after: None },
    ] {
        place.faults().add(Fault::new(action).path("/terraform/").next(2)).unwrap();
        assert!(document.read().unwrap().is_none());
        place
            .faults()
            .add(Fault::new(Action::ServerError { status: 503 }).methods(&["POST"]).next(2))
            .unwrap();
        document.replace(text(1, "a"), 1, None).unwrap().unwrap();
        document.remove().unwrap();
    }
    place.faults().add(Fault::new(Action::ServerError { status: 503 }).next(3)).unwrap();
    place.count("");
    let error = document.read().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("503"), "{error}");
    assert!(document.read().unwrap().is_none(), "three times, and then no more");
}

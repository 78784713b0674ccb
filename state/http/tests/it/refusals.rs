//! What goes wrong says what, where and what to do, and no secret.

use std::time::Instant;

use pilotis_sandbox::{Action, Fault};
use pilotis_state::StateError;
use pilotis_state_document::Document as _;
use pilotis_state_http::{HttpDocument, Options};

use crate::place::{Place, answer, lease, quick, server, text};

fn reading(options: &Options) -> String {
    HttpDocument::new(options).unwrap().read().map(|_| ()).unwrap_err().to_string()
}

#[test]
fn wrong_credentials_and_missing_rights_say_what_to_do() {
    let place = Place::new();
    let wrong = Options { password: Some("wr0ng".into()), ..place.options(true) };
    let error = reading(&wrong);
    assert!(error.contains("401") && error.contains("TF_HTTP_PASSWORD"), "{error}");
    assert!(error.contains("/terraform/state/prod") && !error.contains("wr0ng"), "{error}");

    place.faults().add(Fault::new(Action::Forbidden).methods(&["POST"]).next(2)).unwrap();
    let mut document = place.open();
    let error = document.lock(&lease("1")).unwrap_err().to_string();
    assert!(error.contains("can't lock the state") && error.contains("Maintainers"), "{error}");
    let error = document.replace(text(1, "a"), 1, None).unwrap_err().to_string();
    assert!(error.contains("can't write the state") && error.contains("Maintainers"), "{error}");
}

#[test]
fn a_project_that_is_not_seen_is_no_empty_state() {
    let place = Place::new();
    let mut options = place.options(true);
    options.address = format!("{}/api/v4/projects/4711/terraform/state/prod", place.url).parse().unwrap();
    let error = reading(&options);
    assert!(error.contains("404") && error.contains("is the address right"), "{error}");
}

#[test]
fn a_page_in_between_is_neither_a_state_nor_a_success() {
    let place = Place::new();
    let mut document = place.open();
    place.faults().add(Fault::new(Action::Html).next(4)).unwrap();
    let error = document.read().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("sign-in page"), "{error}");
    assert!(document.lock(&lease("1")).is_err());
    assert!(document.unlock(&lease("1").run).is_err());
    assert!(document.remove().is_err());
    document.lock(&lease("1")).unwrap();
    place.faults().add(Fault::new(Action::Html).methods(&["POST"]).next(1)).unwrap();
    assert!(document.replace(text(1, "a"), 1, None).is_err());
    assert!(document.read().unwrap().is_none());
}

#[test]
fn what_is_not_a_whole_json_object_is_said() {
    let place = Place::new();
    let mut document = place.open();
    document.replace(text(1, "a"), 1, None).unwrap();
    place.faults().add(Fault::new(Action::Truncated).next(1)).unwrap();
    let cut_off = document.read().map(|_| ()).unwrap_err();
    assert!(matches!(cut_off, StateError::Corrupt { .. }), "{cut_off}");
    for body in ["[1]", "secret words", "<html>"] {
        let error = reading(&quick(&[("address", &server(vec![answer("200 OK", "", body)]))]));
        assert!(!error.contains("secret words") && error.contains("the answer is"), "{error}");
    }
}

#[test]
fn an_answer_that_was_damaged_on_its_way_is_asked_for_again() {
    let damaged = answer("200 OK", "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\n", r#"{"serial":1}"#);
    let whole = answer("200 OK", "", r#"{"serial":1}"#);
    let address = server(vec![damaged.clone(), whole]);
    assert!(HttpDocument::new(&quick(&[("address", &address)])).unwrap().read().unwrap().is_some());
    let address = server(vec![damaged.clone(), damaged.clone(), damaged]);
    assert!(reading(&quick(&[("address", &address)])).contains("Content-MD5"));
}

#[test]
fn a_huge_answer_is_refused_before_it_is_read() {
    let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741825\r\n\r\n{".to_vec();
    let error = reading(&quick(&[("address", &server(vec![huge]))]));
    assert!(error.contains("larger than 1024 MiB"), "{error}");
}

#[test]
fn credentials_do_not_follow_to_another_place() {
    let there = answer("307 Temporary Redirect", "Location: http://evil.example/s?t=t0ken\r\n", "");
    let address = server(vec![there]).replace("http://", "http://marie:s3cret@");
    let error = reading(&quick(&[("address", &address)]));
    assert!(error.contains("http://evil.example/s"), "{error}");
    assert!(!error.contains("t0ken") && !error.contains("s3cret"), "{error}");
    let here = answer("302 Found", "Location: /elsewhere\r\n", "");
    let address = server(vec![here, answer("204 No Content", "", "")]);
    assert!(HttpDocument::new(&quick(&[("address", &address)])).unwrap().read().unwrap().is_none());
}

#[test]
fn a_server_that_is_not_there_is_said_soon() {
    let begun = Instant::now();
    let error = reading(&quick(&[("address", "http://127.0.0.1:1/s?private_token=t0ken")]));
    assert!(error.contains("can't be reached") && !error.contains("t0ken"), "{error}");
    assert!(begun.elapsed().as_secs() < 10);
}

#[test]
fn a_lock_without_a_name_says_how_to_unlock() {
    let conflict = answer("409 Conflict", "", r#"{"message":"409 Conflict"}"#);
    let empty = || answer("204 No Content", "", "");
    let address = server(vec![empty(), conflict, empty()]);
    let mut document = HttpDocument::new(&quick(&[("address", &address)])).unwrap();
    let error = document.replace(text(1, "a"), 1, None).unwrap_err().to_string();
    assert!(error.contains("locked") && error.contains("unlock the state"), "{error}");
}

#[tokio::test]
async fn it_may_be_asked_on_a_thread_of_a_runtime() {
    let address = server(vec![answer("204 No Content", "", "")]);
    assert!(HttpDocument::new(&quick(&[("address", &address)])).unwrap().read().unwrap().is_none());
}

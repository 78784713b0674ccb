//! Versions as a server keeps them: one writer wins, old ones go, what is lost is looked up.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests; the helpers around them too")]

use pilotis_state::StateError;
use pilotis_state_document::{Document as _, Tag};
use pilotis_state_s3::server::{self, Bucket};
use pilotis_state_s3::{Options, S3Document, location, workspaces};

fn open(options: &Options) -> S3Document {
    S3Document::new(options).unwrap()
}

fn text(document: &mut S3Document) -> Option<String> {
    document.read().unwrap().map(|s| String::from_utf8(s.text).unwrap())
}

fn write(document: &mut S3Document, text: &str) -> Option<Tag> {
    let after = document.read().unwrap().map(|s| s.tag);
    document.replace(text.into(), 0, after.as_ref()).unwrap()
}

fn in_workspace(bucket: &Bucket, workspace: &str) -> Options {
    Options { workspace: workspace.to_owned(), ..bucket.options() }
}

#[test]
fn of_two_writers_one_wins() {
    let Some(bucket) = server::bucket() else { return };
    let (mut marie, mut paul) = (open(&bucket.options()), open(&bucket.options()));
    assert!(text(&mut marie).is_none());
    let first = marie.replace("marie's".into(), 1, None).unwrap().unwrap();
    assert_eq!(paul.replace("paul's".into(), 1, None).unwrap(), None);
    assert_eq!(text(&mut paul).unwrap(), "marie's");
    let second = paul.replace("paul's".into(), 2, Some(&first)).unwrap().unwrap();
    assert_eq!(marie.replace("marie's again".into(), 2, Some(&first)).unwrap(), None);
    assert_eq!(text(&mut marie).unwrap(), "paul's");
    assert_eq!(marie.read().unwrap().unwrap().tag, second);
}

#[test]
fn many_writers_at_once_lose_nothing() {
    let Some(bucket) = server::bucket() else { return };
    let options = bucket.options();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let options = &options;
            scope.spawn(move || {
                let mut document = open(options);
                for line in 0..5 {
                    let mut looks = false;
                    loop {
                        let newest = document.read().unwrap();
                        let mut all = newest.as_ref().map(|s| s.text.clone()).unwrap_or_default();
                        let ours = format!("{writer}.{line}\n");
                        // After an error it may have been written.
                        if looks && String::from_utf8_lossy(&all).contains(&ours) {
                            break;
                        }
                        all.extend(ours.bytes());
                        match document.replace(all, 0, newest.map(|s| s.tag).as_ref()) {
                            Ok(Some(_)) => break,
                            Ok(None) => {}
                            Err(_) => looks = true,
                        }
                    }
                }
            });
        }
    });
    let all = text(&mut open(&options)).unwrap();
    let mut lines: Vec<_> = all.lines().collect();
    lines.sort_unstable();
    let expected: Vec<_> = (0..4).flat_map(|w| (0..5).map(move |l| format!("{w}.{l}"))).collect();
    assert_eq!(lines, expected);
}

#[test]
fn old_versions_go_and_none_comes_back() {
    let Some(bucket) = server::bucket() else { return };
    let mut sleeper = open(&bucket.options());
    let second = {
        write(&mut sleeper, "1").unwrap();
        write(&mut sleeper, "2").unwrap()
    };
    let mut other = open(&bucket.options());
    for n in 3..=30 {
        write(&mut other, &n.to_string()).unwrap();
    }
    let keys = bucket.keys();
    assert_eq!(keys.len(), 20, "{keys:?}");
    assert_eq!(keys[0], "platform/terraform.tfstate.pilotis/00000000000000000011");

    // Number 3 is free again. Who takes it doesn't believe that it is the newest, and nobody reads it.
    let late = sleeper.replace("late".into(), 3, Some(&second)).unwrap_err();
    assert!(late.to_string().contains("others have written 20 versions meanwhile"), "{late}");
    assert_eq!(text(&mut open(&bucket.options())).unwrap(), "30");
    assert_eq!(text(&mut other).unwrap(), "30");
    assert_eq!(text(&mut sleeper).unwrap(), "30");
    write(&mut sleeper, "31").unwrap();
    assert!(bucket.keys()[0].ends_with("12"), "what was late is removed with the old ones");
}

#[test]
fn a_version_that_others_build_on_was_written() {
    let Some(bucket) = server::bucket() else { return };
    let (mut marie, mut paul) = (open(&bucket.options()), open(&bucket.options()));
    write(&mut marie, "1").unwrap();
    // A version above, when Marie lists: as if Paul had been quick.
    bucket.put("platform/terraform.tfstate.pilotis/00000000000000000003", "3");
    assert_eq!(
        marie.replace("2".into(), 2, Some(&Tag(format!("{:020}", 1)))).unwrap(),
        Some(Tag(format!("{:020}", 2)))
    );
    assert_eq!(text(&mut paul).unwrap(), "3");
}

#[test]
fn removed_means_none_and_stays_so() {
    let Some(bucket) = server::bucket() else { return };
    let (mut marie, mut paul) = (open(&bucket.options()), open(&bucket.options()));
    write(&mut marie, "1").unwrap();
    let last = write(&mut marie, "2").unwrap();
    assert_eq!(text(&mut paul).unwrap(), "2");
    marie.remove().unwrap();
    marie.remove().unwrap();
    assert_eq!(text(&mut marie), None);
    assert_eq!(text(&mut paul), None);
    assert_eq!(paul.replace("3".into(), 3, Some(&last)).unwrap(), None, "it was removed");
    assert_eq!(bucket.keys().len(), 1);
    assert!(workspaces(&bucket.options()).unwrap().is_empty());
    let anew = paul.replace("new".into(), 1, None).unwrap().unwrap();
    assert!(anew.0 > last.0);
    assert_eq!(text(&mut marie).unwrap(), "new");
}

#[test]
fn what_a_hand_removes_is_gone() {
    let Some(bucket) = server::bucket() else { return };
    let mut document = open(&bucket.options());
    write(&mut document, "1").unwrap();
    write(&mut document, "2").unwrap();
    bucket.delete("platform/terraform.tfstate.pilotis/00000000000000000002");
    assert_eq!(text(&mut document).unwrap(), "1");
    bucket.put("platform/terraform.tfstate.pilotis/notes.txt", "not a version");
    assert_eq!(text(&mut open(&bucket.options())).unwrap(), "1");
}

#[test]
fn workspaces_are_where_terraforms_are() {
    let Some(bucket) = server::bucket() else { return };
    assert!(workspaces(&bucket.options()).unwrap().is_empty());
    write(&mut open(&bucket.options()), "default's").unwrap();
    write(&mut open(&in_workspace(&bucket, "staging")), "staging's").unwrap();
    write(&mut open(&in_workspace(&bucket, "prod")), "prod's").unwrap();
    open(&in_workspace(&bucket, "prod")).remove().unwrap();
    let other = Options { key: "other".into(), ..in_workspace(&bucket, "others") };
    write(&mut open(&other), "another estate's").unwrap();
    let mut names = workspaces(&bucket.options()).unwrap();
    names.sort();
    assert_eq!(names, ["default", "staging"]);
    assert_eq!(text(&mut open(&in_workspace(&bucket, "staging"))).unwrap(), "staging's");
    let keys = bucket.keys();
    let versions = "env:/staging/platform/terraform.tfstate.pilotis/00000000000000000001";
    assert!(keys.iter().any(|k| k == versions), "{keys:?}");
    let location = location(&in_workspace(&bucket, "staging")).unwrap();
    let expected =
        format!("s3://{}/env:/staging/platform/terraform.tfstate at {}", bucket.name, bucket.endpoint());
    assert_eq!(location, expected);
}

const TERRAFORM: &str = r#"{"version": 4}"#;
const MARK: &str = r#"{"version": 999, "pilotis": {}}"#;
const KEY: &str = "platform/terraform.tfstate";

fn terraform(document: &mut S3Document) -> Option<String> {
    document.terraform_state().unwrap().map(|state| state.text)
}

#[test]
fn terraforms_state_counts_where_nothing_of_ours_is() {
    let Some(bucket) = server::bucket() else { return };
    let mut document = open(&bucket.options());
    assert_eq!(terraform(&mut document), None);
    bucket.put(KEY, TERRAFORM);
    assert_eq!(text(&mut document), None);
    assert_eq!(terraform(&mut document).unwrap(), TERRAFORM);
    write(&mut document, "ours").unwrap();
    assert_eq!(terraform(&mut document), None);
    document.remove().unwrap();
    assert_eq!(terraform(&mut document).unwrap(), TERRAFORM);
    assert_eq!(bucket.get(KEY).unwrap(), TERRAFORM);
    bucket.put(KEY, MARK);
    assert_eq!(terraform(&mut document), None, "ours was removed on purpose");
}

#[test]
fn what_is_taken_over_is_locked_kept_and_marked_before_ours_begins() {
    let Some(bucket) = server::bucket() else { return };
    let (kept, lock) = (format!("{KEY}.taken-over"), format!("{KEY}.tflock"));
    bucket.put(KEY, TERRAFORM);
    let (mut marie, mut paul) = (open(&bucket.options()), open(&bucket.options()));
    marie.take_over(TERRAFORM, MARK, "marie@laptop").unwrap();
    assert_eq!((bucket.get(KEY).as_deref(), bucket.get(&kept).as_deref()), (Some(MARK), Some(TERRAFORM)));
    assert!(bucket.get(&lock).unwrap().contains("marie@laptop"));
    // She may have died here: whoever comes next goes on with it.
    assert_eq!(terraform(&mut paul).unwrap(), TERRAFORM);
    paul.take_over(TERRAFORM, MARK, "paul@desk").unwrap();
    assert!(paul.replace("paul's".into(), 1, None).unwrap().is_some());
    assert_eq!(bucket.get(&lock), None);
    marie.take_over(TERRAFORM, MARK, "marie@laptop").unwrap();
    assert_eq!(marie.replace("marie's".into(), 1, None).unwrap(), None, "he was faster");
    assert_eq!((text(&mut marie).unwrap().as_str(), bucket.get(&lock)), ("paul's", None));
}

#[test]
fn what_terraform_has_changed_or_works_on_is_not_taken() {
    let Some(bucket) = server::bucket() else { return };
    let lock = format!("{KEY}.tflock");
    let newer = r#"{"version": 4, "serial": 2}"#;
    bucket.put(KEY, newer);
    let mut document = open(&bucket.options());
    let refused = document.take_over(TERRAFORM, MARK, "marie@laptop").unwrap_err().to_string();
    assert!(refused.contains("has changed since it was read here"), "{refused}");
    assert_eq!(bucket.keys(), [KEY], "no lock is left");
    bucket
        .put(&lock, r#"{"ID": "1", "Operation": "OperationTypeApply", "Who": "paul@desk", "Created": "C"}"#);
    let refused = document.take_over(newer, MARK, "marie@laptop").unwrap_err().to_string();
    assert!(refused.contains("paul@desk has had its lock since C"), "{refused}");
    assert_eq!((bucket.get(KEY).as_deref(), bucket.keys().len()), (Some(newer), 2));
}

#[tokio::test]
async fn it_may_be_asked_on_a_thread_of_a_runtime() {
    let Some(bucket) = server::bucket() else { return };
    let mut document = open(&bucket.options());
    write(&mut document, "1").unwrap();
    assert_eq!(text(&mut document).unwrap(), "1");
    let wrong = document.replace("2".into(), 2, Some(&Tag("abc".into()))).unwrap_err();
    assert!(matches!(wrong, StateError::Io { .. }), "{wrong}");
}

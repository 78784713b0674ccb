//! A new object that needs the name which another one of the state still has.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use pilotis_plan::Request;
use pilotis_state::Store as _;
use support::Case;

/// What was asked of the service that changes something.
fn effects(case: &Case) -> Vec<String> {
    let writes = |l: &&String| ["create", "update", "delete"].iter().any(|w| l.starts_with(w));
    case.world.log.iter().filter(writes).cloned().collect()
}

const FIRST: &str = r#"
variable "zone" { default = "north" }
resource "sim_thing" "a" {
  name = "a-${var.zone}"
  zone = var.zone
  lifecycle { create_before_destroy = true }
}
resource "sim_thing" "user" {
  name = "user"
  tags = { a = sim_thing.a.id }
}
"#;

#[test]
fn a_deposed_object_goes_before_a_new_one_takes_its_name() {
    let mut case = Case::new(FIRST);
    case.run();
    // The old one can't be removed, and stays as a deposed one.
    case.var("zone", "south");
    let made = case.plan();
    let mut machine = made.machine;
    case.start(&mut machine);
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            if matches!(request, Request::Delete { .. }) {
                case.world.refuse.insert("sim_thing.a".into());
            }
            let answer = case.answer(request);
            let now = case.now();
            machine.answer(id, answer, now);
        }
    }
    let snapshot = case.store.snapshot().unwrap();
    assert_eq!(snapshot.resources.iter().filter(|r| r.key.deposed.is_some()).count(), 1);
    // What is wanted now has its name again.
    case.var("zone", "north");
    case.world.log.clear();
    case.run();
    insta::assert_snapshot!(effects(&case).join("\n"), @"
    delete sim_thing.a
    create sim_thing.a
    update sim_thing.user
    delete sim_thing.a
    ");
    assert_eq!(case.world.objects.len(), 2);
    assert_eq!(case.plan().text(), "");
}

#[test]
fn an_object_that_is_gone_from_the_configuration_goes_before_a_new_one_takes_its_name() {
    let text = |block: &str| {
        format!(
            "resource \"sim_thing\" \"{block}\" {{ name = \"same\" }}\n\
             resource \"sim_thing\" \"user\" {{\n  name = \"user\"\n  tags = {{ of = sim_thing.{block}.id }}\n}}\n"
        )
    };
    let mut case = Case::new(&text("old"));
    case.run();
    case.set(&text("new"));
    case.world.log.clear();
    case.run();
    insta::assert_snapshot!(effects(&case).join("\n"), @"
    delete sim_thing.old
    create sim_thing.new
    update sim_thing.user
    ");
    assert_eq!(case.plan().text(), "");
}

#[test]
fn two_objects_change_names() {
    let text = |a: &str, b: &str| {
        format!(
            "resource \"sim_thing\" \"a\" {{\n  name = \"{a}\"\n  zone = \"{a}\"\n}}\n\
             resource \"sim_thing\" \"b\" {{\n  name = \"{b}\"\n  zone = \"{b}\"\n  tags = {{ of = sim_thing.a.id }}\n}}\n"
        )
    };
    let mut case = Case::new(&text("x", "y"));
    case.run();
    case.set(&text("y", "x"));
    case.parallelism = 1;
    case.run();
    assert_eq!(case.plan().text(), "");
}

#[test]
fn the_old_one_is_current_again_if_a_lost_create_has_made_nothing() {
    let mut case = Case::new(FIRST);
    case.run();
    case.var("zone", "south");
    // The process dies when the intent of the new one is durable and its call has not left.
    let made = case.plan();
    let mut machine = made.machine;
    case.start(&mut machine);
    loop {
        let requests = machine.next();
        let commits: Vec<_> = requests.into_iter().filter(|(_, r)| matches!(r, Request::Commit(_))).collect();
        if commits.is_empty() {
            break;
        }
        for (id, request) in commits {
            let answer = case.answer(request);
            let now = case.now();
            machine.answer(id, answer, now);
        }
    }
    let snapshot = case.store.snapshot().unwrap();
    assert_eq!(snapshot.intents.len(), 1);
    assert!(snapshot.resources.iter().any(|r| r.key.deposed.is_some()));
    // Nobody wants a new one any more: there is nothing to do but to settle that.
    case.var("zone", "north");
    let made = case.plan();
    assert_eq!(made.text(), "");
    assert!(case.store.snapshot().unwrap().resources.iter().all(|r| r.key.deposed.is_none()));
    case.apply(made);
    assert_eq!(case.world.objects.len(), 2);
}

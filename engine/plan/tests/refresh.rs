//! What is seen of the world, and what a plan makes of it.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use pilotis_plan::{Answer, PlanMode, PlanOptions, Request};
use pilotis_state::Store as _;
use pilotis_value::{Type, Value};
use support::{Case, with};

const FOUR: &str = r#"
resource "sim_thing" "a" {
  count = 3
  name  = "a${count.index}"
  size  = 1
}
resource "sim_thing" "scripted" {
  name   = "scripted"
  script = "echo"
}
"#;

fn change(case: &mut Case, id: &str, name: &str, value: Value) {
    let (ty, object) = case.world.objects[id].clone();
    case.world.objects.insert(id.into(), (ty, with(&object, [(name, value)])));
}

#[test]
fn many_are_listed_and_what_a_listing_lacks_is_read() {
    let mut case = Case::new(FOUR);
    case.run();
    case.world.log.clear();
    let made = case.plan();
    assert_eq!(made.text(), "");
    insta::assert_snapshot!(case.world.log.join("\n"), @"
    list sim_thing 1 for 3
    read 1
    ");
}

#[test]
fn what_changed_by_itself_is_drift_and_is_put_right() {
    let mut case = Case::new(FOUR);
    case.run();
    change(&mut case, "id-2", "size", Value::number(7));
    change(&mut case, "id-3", "note", Value::string("somebody was here"));
    let made = case.plan();
    let drift: Vec<_> = made
        .plan
        .drift
        .iter()
        .map(|d| format!("{} {:?} {:?}", d.display, d.after.get("size"), d.after.get("note")))
        .collect();
    insta::assert_snapshot!(drift.join("\n"), @r#"
    sim_thing.a[0] Some(7) Some("a note")
    sim_thing.a[1] Some(1) Some("somebody was here")
    "#);
    insta::assert_snapshot!(made.text(), @"update sim_thing.a[0]");
    case.apply(made);
    let made = case.plan();
    assert!(made.plan.drift.is_empty(), "what the service says is taken note of");
    assert_eq!(made.text(), "");
}

#[test]
fn what_is_gone_for_certain_is_made_again() {
    let mut case = Case::new(FOUR);
    case.run();
    case.world.objects.remove("id-2");
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"create sim_thing.a[0]");
    assert_eq!(made.plan.drift.len(), 1);
    case.apply(made);
    assert_eq!(case.world.objects.len(), 4);
    assert_eq!(case.plan().text(), "");
}

#[test]
fn a_listing_that_may_lack_something_deletes_nothing() {
    let mut case = Case::new(FOUR);
    case.run();
    case.world.incomplete = true;
    case.world.log.clear();
    assert_eq!(case.plan().text(), "");
    // What it doesn't have is read.
    insta::assert_snapshot!(case.world.log.join("\n"), @"
    list sim_thing 1 for 3
    read 1
    read 2
    ");
}

#[test]
fn a_lost_right_is_no_deletion() {
    let mut case = Case::new(FOUR);
    case.run();
    case.world.blind = Some("403 Forbidden".into());
    let made = case.plan();
    assert_eq!(made.text(), "", "it goes on with what is recorded");
    let unseen: Vec<String> = made.plan.unseen.iter().map(|u| format!("{}: {}", u.display, u.why)).collect();
    insta::assert_snapshot!(unseen.join("\n"), @"
    sim_thing.a[0]: 403 Forbidden
    sim_thing.a[1]: 403 Forbidden
    sim_thing.a[2]: 403 Forbidden
    sim_thing.scripted: 403 Forbidden
    ");
}

#[test]
fn a_secret_that_is_never_shown_is_kept() {
    let mut case = Case::new(
        r#"
        resource "sim_thing" "a" {
          name     = "a"
          password = "hunter2"
        }
        output "token" {
          value     = sim_thing.a.token
          sensitive = true
        }
        "#,
    );
    case.run();
    let made = case.plan();
    assert_eq!(made.text(), "");
    assert!(made.plan.drift.is_empty());
    let shown = format!("{:?}", made.plan);
    assert!(!shown.contains("hunter2") && !shown.contains("token of"), "{shown}");
    assert!(case.state().contains("hunter2"), "it is stored: the state encrypts");
}

#[test]
fn a_digest_says_what_is_done_without_secrets_and_without_order() {
    let text = |password: &str| {
        format!(
            "resource \"sim_thing\" \"a\" {{\n  name = \"a\"\n  password = \"{password}\"\n}}\nresource \"sim_lone\" \"b\" {{ name = \"b\" }}"
        )
    };
    let digest = |text: &str| Case::new(text).plan().plan.digest;
    let base = digest(&text("one"));
    assert_eq!(digest(&text("two")), base, "a secret is no part of it");
    let turned = "resource \"sim_lone\" \"b\" { name = \"b\" }\nresource \"sim_thing\" \"a\" {\n  password = \"x\"\n  name = \"a\"\n}";
    assert_eq!(digest(turned), base, "nor is the order");
    assert_ne!(digest(&text("one").replace("name = \"b\"", "name = \"c\"")), base);
    // What a no-op looks like doesn't matter.
    let mut case = Case::new(&text("one"));
    case.run();
    let nothing = case.plan().plan.digest;
    let id = case.world.objects.iter().find(|(_, (t, _))| **t == *"sim_thing").unwrap().0.clone();
    change(&mut case, &id, "stamp", Value::number(99));
    assert_eq!(case.plan().plan.digest, nothing);
}

#[test]
fn without_a_look_nothing_is_asked() {
    let mut case = Case::new(FOUR);
    case.run();
    case.world.objects.clear();
    case.world.log.clear();
    let options = PlanOptions { refresh: false, ..PlanOptions::default() };
    assert_eq!(case.plan_with(options).text(), "");
    assert_eq!(case.world.log, Vec::<String>::new());
}

#[test]
fn taking_note_only() {
    let mut case = Case::new(&format!("{FOUR}\noutput \"size\" {{ value = sim_thing.a[0].size }}"));
    case.run();
    change(&mut case, "id-2", "size", Value::number(5));
    case.world.objects.remove("id-3");
    let made = case.plan_with(PlanOptions { mode: PlanMode::RefreshOnly, ..PlanOptions::default() });
    insta::assert_snapshot!(made.text(), @"output size: Some(1) → Some(5)");
    assert_eq!(made.plan.drift.len(), 2);
    case.world.log.clear();
    case.apply(made);
    assert_eq!(case.world.log, Vec::<String>::new(), "nothing is done");
    let snapshot = case.store.snapshot().unwrap();
    assert_eq!(snapshot.resources.len(), 3);
    assert!(snapshot.resources[0].attributes.contains("\"size\":5"));
}

#[test]
fn a_provider_that_is_known_later_plans_all_the_same() {
    let mut case = Case::new(
        r#"
        resource "terraform_data" "address" { input = "https://later" }
        provider "sim" {
          address = terraform_data.address.output
        }
        resource "sim_thing" "a" { name = "a" }
        data "sim_lookup" "d" { name = "one" }
        resource "sim_lone" "b" { name = data.sim_lookup.d.value }
        "#,
    );
    case.world.answers.insert("one".into(), "first".into());
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"
    read data.sim_lookup.d (DependencyPending)
    create sim_lone.b
    create sim_thing.a
    create terraform_data.address
    ");
    case.apply(made);
    insta::assert_snapshot!(case.state().lines().map(|l| l.split(' ').next().unwrap()).collect::<Vec<_>>().join(" "), @"data.sim_lookup.d sim_lone.b sim_thing.a terraform_data.address");
    assert_eq!(case.plan().text(), "");
}

#[test]
fn a_provider_that_cant_be_reached_leaves_its_objects_unseen() {
    let mut case = Case::new(FOUR);
    case.run();
    case.world.unreachable = Some("The service can't be reached".into());
    let made = case.plan();
    insta::assert_snapshot!(made.said(), @"error[E0418]: The service can't be reached");
    assert_eq!(made.plan.unseen.len(), 4);
    assert!(made.plan.changes.iter().all(|c| c.action == pilotis_plan::PlanAction::NoOp));
}

#[test]
fn equal_data_sources_are_asked_for_once_and_a_failure_names_each() {
    let mut case = Case::new(
        r#"
        data "sim_lookup" "all" {
          count = 50
          name  = "n${count.index % 2}"
        }
        output "first" { value = data.sim_lookup.all[0].value }
        "#,
    );
    case.world.answers.insert("n0".into(), "zero".into());
    case.world.answers.insert("n1".into(), "one".into());
    let (mut machine, _) = case.machine();
    let mut asked = 0;
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            if let Request::ReadData { sources, .. } = &request {
                asked += sources.len();
            }
            let answer = case.answer(request);
            let now = case.now();
            machine.answer(id, answer, now);
        }
    }
    assert_eq!(asked, 2);
    assert!(!machine.take_plan().unwrap().diagnostics.has_errors());
    case.world.answers.clear();
    assert_eq!(
        case.plan().plan.diagnostics.iter().filter(|d| d.summary.starts_with("There is nothing")).count(),
        50
    );
}

#[test]
fn answers_come_in_any_order() {
    let mut case = Case::new(&format!("{FOUR}\nresource \"sim_lone\" \"b\" {{ name = \"b\" }}"));
    case.run();
    change(&mut case, "id-1", "size", Value::number(4));
    let forward = case.plan().plan.digest;
    let (mut machine, _) = case.machine();
    let mut waiting: Vec<(pilotis_plan::RequestId, Request)> = Vec::new();
    loop {
        waiting.extend(machine.next());
        let Some((id, request)) = waiting.pop() else { break };
        let answer = case.answer(request);
        let now = case.now();
        machine.answer(id, answer, now);
    }
    assert_eq!(machine.take_plan().unwrap().digest, forward);
}

#[test]
fn an_object_that_is_not_what_it_should_be_is_left_alone() {
    // The service answers with null where a name must be.
    let mut case = Case::new(r#"resource "sim_thing" "a" { name = "a" }"#);
    case.run();
    let (mut machine, configuration) = case.machine();
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            let answer = match request {
                Request::Read { ref objects, .. } => {
                    let null = with(&objects[0].1, [("name", Value::null(Type::String))]);
                    Answer::Read(vec![Ok(Some(null))])
                }
                request => case.answer(request),
            };
            let now = case.now();
            machine.answer(id, answer, now);
        }
    }
    let plan = machine.take_plan().unwrap();
    assert!(!plan.diagnostics.has_errors(), "{}", support::said(&configuration, &plan.diagnostics));
    assert_eq!(plan.changes[0].action, pilotis_plan::PlanAction::Update);
}

#[test]
fn only_what_is_named_is_looked_at() {
    let mut case = Case::new(
        r#"
        resource "sim_thing" "a" { name = "a" }
        resource "sim_thing" "b" { name = "b" }
        resource "sim_lone" "c" { name = "c" }
        "#,
    );
    case.run();
    case.world.log.clear();
    let look_at = vec!["sim_thing.b".parse().unwrap()];
    let made = case.plan_with(PlanOptions { refresh: false, look_at, ..PlanOptions::default() });
    assert_eq!(made.text(), "");
    assert_eq!(case.world.log.join("\n"), "read 1");
    // It is told if that couldn't be looked at.
    case.world.unreachable = Some("down".into());
    let look_at = vec!["sim_thing.b".parse().unwrap()];
    let made = case.plan_with(PlanOptions { refresh: false, look_at, ..PlanOptions::default() });
    assert_eq!(made.plan.unseen.len(), 1);
}

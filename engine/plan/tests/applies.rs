//! Applies: what is done when something goes wrong, and what the next run makes of it.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use pilotis_plan::{Answer, Applied, CommitFailure, Found, Machine, ObjectResult, Phase, Request};
use pilotis_state::{Store as _, Write};
use support::Case;

/// Each object and how it ended.
fn results(applied: &Applied) -> String {
    let line = |o: &pilotis_plan::ObjectOutcome| format!("{}: {:?}", o.display, o.result);
    let lines: Vec<String> = applied.objects.iter().map(line).collect();
    format!("{:?}\n{}", applied.status, lines.join("\n"))
}

fn apply(case: &mut Case) -> Applied {
    let made = case.plan();
    assert!(!made.plan.diagnostics.has_errors(), "{}", made.said());
    case.apply(made)
}

/// Drives with answers of one's own; none: as the world answers.
fn drive_with(case: &mut Case, machine: &mut Machine, mut own: impl FnMut(&Request) -> Option<Answer>) {
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            return;
        }
        for (id, request) in requests {
            let answer = own(&request).unwrap_or_else(|| case.answer(request));
            let now = case.now();
            machine.answer(id, answer, now);
        }
    }
}

const CHAIN: &str = r#"
resource "sim_thing" "a" { name = "a" }
resource "sim_thing" "b" {
  name   = "b"
  parent = sim_thing.a.id
}
resource "sim_lone" "c" {
  name  = "c"
  value = sim_thing.b.id
}
resource "sim_lone" "other" { name = "other" }
output "c" { value = sim_lone.c.id }
output "other" { value = sim_lone.other.name }
"#;

#[test]
fn a_failure_stops_only_what_needs_it() {
    let mut case = Case::new(CHAIN);
    case.world.refuse.insert("sim_thing.b".into());
    let applied = apply(&mut case);
    insta::assert_snapshot!(results(&applied), @r#"
    Partial
    sim_lone.c: NotAttempted("sim_thing.b failed")
    sim_lone.other: Done
    sim_thing.a: Done
    sim_thing.b: Failed("The service said no")
    "#);
    // What is known is stored, outputs too.
    insta::assert_snapshot!(case.state(), @r#"
    sim_lone.other {"id":"id-2","name":"other","value":null}
    sim_thing.a {"disk":[],"enabled":true,"id":"id-1","memory":null,"name":"a","note":"a note","parent":null,"password":null,"port":[],"script":null,"size":null,"stamp":1,"tags":null,"token":"token of id-1","zone":null}
    output other = {"type":"string","value":"other"}
    "#);
    let applied = apply(&mut case);
    insta::assert_snapshot!(results(&applied), @"
    Done
    sim_lone.c: Done
    sim_thing.b: Done
    ");
}

#[test]
fn one_instance_of_a_module_fails_alone() {
    let mut case = Case::new(
        r#"
        module "m" {
          source   = "./m"
          for_each = toset(["x", "y"])
          name     = each.key
        }
        "#,
    )
    .module(
        "m",
        r#"
        variable "name" { type = string }
        resource "sim_thing" "group" { name = var.name }
        resource "sim_thing" "member" {
          name   = "${var.name}-member"
          parent = sim_thing.group.id
        }
        "#,
    );
    case.world.refuse.insert("module.m[\"x\"].sim_thing.group".into());
    insta::assert_snapshot!(results(&apply(&mut case)), @r#"
    Partial
    module.m["x"].sim_thing.group: Failed("The service said no")
    module.m["x"].sim_thing.member: NotAttempted("module.m[\"x\"].sim_thing.group failed")
    module.m["y"].sim_thing.group: Done
    module.m["y"].sim_thing.member: Done
    "#);
}

#[test]
fn the_old_one_stays_if_the_new_one_is_not_made() {
    let text = r#"
        variable "zone" { default = "north" }
        resource "sim_thing" "a" {
          name = "a-${var.zone}"
          zone = var.zone
          lifecycle { create_before_destroy = true }
        }
        "#;
    let mut case = Case::new(text);
    case.run();
    case.var("zone", "south");
    case.world.refuse.insert("sim_thing.a".into());
    insta::assert_snapshot!(results(&apply(&mut case)), @r#"
    Failed
    sim_thing.a: Failed("The service said no")
    "#);
    let snapshot = case.store.snapshot().unwrap();
    assert_eq!(snapshot.resources.len(), 1);
    assert_eq!(snapshot.resources[0].key.deposed, None);
    case.run();
    assert_eq!(case.world.objects.len(), 1);
}

#[test]
fn a_lost_create_is_found_again() {
    let mut case = Case::new(CHAIN);
    case.world.lose.insert("sim_thing.a".into());
    let applied = apply(&mut case);
    insta::assert_snapshot!(results(&applied), @r#"
    Partial
    sim_lone.c: NotAttempted("sim_thing.a has an unknown outcome")
    sim_lone.other: Done
    sim_thing.a: Unknown("No answer")
    sim_thing.b: NotAttempted("sim_thing.a has an unknown outcome")
    "#);
    case.world.log.clear();
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"
    create sim_lone.c
    create sim_thing.b
    output c: None → Some((unknown string))
    ");
    insta::assert_snapshot!(case.world.log.join("\n"), @"
    find sim_thing
    read 2
    ");
    case.apply(made);
    assert_eq!(case.world.objects.len(), 4, "nothing was made twice");
}

#[test]
fn what_is_found_for_a_new_one_may_be_the_old_one() {
    // The new one has the name of the old one: the service refused it, but that answer was lost.
    let mut case = Case::new(
        r#"
        variable "zone" { default = "north" }
        resource "sim_thing" "a" {
          name = "a"
          zone = var.zone
          lifecycle { create_before_destroy = true }
        }
        "#,
    );
    case.run();
    case.var("zone", "south");
    let made = case.plan();
    let mut machine = made.machine;
    case.start(&mut machine);
    drive_with(&mut case, &mut machine, |request| match request {
        Request::Create { .. } => {
            Some(Answer::Created(Err(pilotis_plan::Failure::new("No answer").unknown())))
        }
        _ => None,
    });
    let made = case.plan();
    // It is not taken for the new one: then removing the old one would remove both. It is the current one again.
    insta::assert_snapshot!(made.text(), @"create, delete sim_thing.a (CannotUpdate) .zone");
}

#[test]
fn what_cant_be_told_blocks_only_what_needs_it() {
    let mut case = Case::new(CHAIN);
    case.world.lose.insert("sim_thing.a".into());
    apply(&mut case);
    case.set(&CHAIN.replace("name = \"other\" }", "name = \"another\" }"));
    let (mut machine, configuration) = case.machine();
    drive_with(&mut case, &mut machine, |request| match request {
        Request::Find { .. } => Some(Answer::Found(Ok(Found::Unknown("the token may not look".into())))),
        _ => None,
    });
    let plan = machine.take_plan().unwrap();
    insta::assert_snapshot!(support::said(&configuration, &plan.diagnostics), @"
    warning[E0422]: Interrupted change of unknown outcome
    --> sim_thing.a
     = A run that was interrupted was changing this object, and it can't be told whether it did: the token
       may not look.
     = help: It and what needs it are left out of this plan. Plan again when the service can be reached.
    ");
    insta::assert_snapshot!(format!("{:?}", plan.unseen), @r#"[Unseen { key: ResourceKey { address: "sim_thing.a", deposed: None }, display: "sim_thing.a", why: "an interrupted change of it can't be settled: the token may not look" }]"#);
    case.start(&mut machine);
    case.drive(&mut machine);
    insta::assert_snapshot!(results(&machine.applied()), @"
    Done
    sim_lone.other: Done
    ");
}

#[test]
fn a_stopped_run_finishes_what_is_in_flight() {
    let mut case = Case::new(CHAIN);
    case.parallelism = 1;
    let mut machine = case.plan().machine;
    case.start(&mut machine);
    let mut stopped = false;
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            if matches!(request, Request::Create { .. }) && !stopped {
                stopped = true;
                machine.stop();
            }
            let answer = case.answer(request);
            let now = case.now();
            machine.answer(id, answer, now);
        }
    }
    assert_eq!(machine.phase(), Phase::Done);
    insta::assert_snapshot!(results(&machine.applied()), @r#"
    Interrupted
    sim_lone.c: NotAttempted("the run was interrupted")
    sim_lone.other: NotAttempted("the run was interrupted")
    sim_thing.a: Done
    sim_thing.b: NotAttempted("the run was interrupted")
    "#);
    case.state();
    case.run();
}

#[test]
fn an_abandoned_run_leaves_its_intents_open() {
    let mut case = Case::new(CHAIN);
    let mut machine = case.plan().machine;
    case.start(&mut machine);
    // The intents are durable, the calls are on their way; nobody waits for the answers.
    for (id, request) in machine.next() {
        let answer = case.answer(request);
        let now = case.now();
        machine.answer(id, answer, now);
    }
    let calls = machine.next();
    assert_eq!(calls.len(), 2);
    for (_, request) in calls {
        case.answer(request);
    }
    let now = case.now();
    machine.abandon(now);
    case.drive(&mut machine);
    insta::assert_snapshot!(results(&machine.applied()), @r#"
    Interrupted
    sim_lone.c: NotAttempted("the run was interrupted")
    sim_lone.other: Unknown("the run was interrupted before the service answered")
    sim_thing.a: Unknown("the run was interrupted before the service answered")
    sim_thing.b: NotAttempted("the run was interrupted")
    "#);
    assert_eq!(case.store.snapshot().unwrap().intents.len(), 2);
    case.run();
    assert_eq!(case.world.objects.len(), 4);
}

#[test]
fn another_runs_object_is_left_alone() {
    let mut case = Case::new(CHAIN);
    let mut machine = case.plan().machine;
    case.start(&mut machine);
    let held = |writes: &[Write]| {
        writes.iter().any(|w| matches!(w, Write::Begin(i) if &*i.key.address == "sim_thing.a"))
    };
    drive_with(&mut case, &mut machine, |request| match request {
        Request::Commit(writes) if held(writes) => {
            let why = CommitFailure::Locked("sim_thing.a is being changed by marie@laptop".into());
            Some(Answer::Committed(Err(why)))
        }
        _ => None,
    });
    insta::assert_snapshot!(results(&machine.applied()), @r#"
    Partial
    sim_lone.c: NotAttempted("sim_thing.a failed")
    sim_lone.other: Done
    sim_thing.a: Failed("sim_thing.a is being changed by marie@laptop")
    sim_thing.b: NotAttempted("sim_thing.a failed")
    "#);
}

#[test]
fn nothing_goes_on_without_a_state() {
    let mut case = Case::new(CHAIN);
    case.parallelism = 1;
    let mut machine = case.plan().machine;
    case.start(&mut machine);
    let mut commits = 0;
    drive_with(&mut case, &mut machine, |request| match request {
        Request::Commit(_) => {
            commits += 1;
            (commits > 1).then(|| Answer::Committed(Err(CommitFailure::Broken("the disk is full".into()))))
        }
        _ => None,
    });
    let applied = machine.applied();
    assert_eq!(applied.state_broken.as_deref(), Some("the disk is full"));
    insta::assert_snapshot!(results(&applied), @r#"
    Partial
    sim_lone.c: NotAttempted("the state can't be written")
    sim_lone.other: NotAttempted("the state can't be written")
    sim_thing.a: Unknown("it was done, but could not be stored: the disk is full")
    sim_thing.b: NotAttempted("the disk is full")
    "#);
    // What was made is found again.
    case.run();
    assert_eq!(case.world.objects.len(), 4);
}

#[test]
fn values_of_each_may_be_known_later_than_its_keys() {
    let mut case = Case::new(
        r#"
        resource "sim_thing" "a" { name = "a" }
        resource "sim_thing" "b" {
          for_each = { one = sim_thing.a.note }
          name     = "b"
          script   = each.value
        }
        "#,
    );
    let applied = apply(&mut case);
    insta::assert_snapshot!(results(&applied), @r#"
    Done
    sim_thing.a: Done
    sim_thing.b["one"]: Done
    "#);
    insta::assert_snapshot!(case.state(), @r#"
    sim_thing.a {"disk":[],"enabled":true,"id":"id-1","memory":null,"name":"a","note":"a note","parent":null,"password":null,"port":[],"script":null,"size":null,"stamp":1,"tags":null,"token":"token of id-1","zone":null}
    sim_thing.b["one"] {"disk":[],"enabled":true,"id":"id-2","memory":null,"name":"b","note":"a note","parent":null,"password":null,"port":[],"script":"a note","size":null,"stamp":2,"tags":null,"token":"token of id-2","zone":null}
    "#);
}

#[test]
fn a_provider_that_breaks_its_promise_is_told_on() {
    let mut case = Case::new(r#"resource "sim_thing" "a" { name = "a" }"#);
    let made = case.plan();
    let configuration = made.configuration.clone();
    let mut machine = made.machine;
    case.start(&mut machine);
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            let answer = match case.answer(request) {
                Answer::Created(Ok(mut created)) => {
                    let other = pilotis_value::Value::string("another");
                    created.object = support::with(&created.object, [("name", other)]);
                    Answer::Created(Ok(created))
                }
                answer => answer,
            };
            let now = case.now();
            machine.answer(id, answer, now);
        }
    }
    let applied = machine.applied();
    insta::assert_snapshot!(support::said(&configuration, &applied.diagnostics), @"
    error[E0421]: Provider produced an inconsistent result
    --> sim_thing.a
     = After the apply, name is not what was planned. What came back is stored. This is a defect of the
       provider.
    ");
    assert!(matches!(applied.objects[0].result, ObjectResult::Failed(_)));
    assert_eq!(case.store.snapshot().unwrap().resources.len(), 1, "what came back is stored");
}

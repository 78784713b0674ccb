//! Programs of provisioners: when they run, and what their failure leaves.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use pilotis_plan::{Answer, ObjectResult, Request};
use pilotis_state::{Status, Store as _};
use support::{Case, Made};

const TWO: &str = r#"
variable "zone" { default = "north" }
variable "first" { default = "make" }
resource "sim_thing" "a" {
  name = "a"
  zone = var.zone
  provisioner "local-exec" { command = "${var.first} ${self.id}" }
  provisioner "local-exec" { command = "then ${self.name} ${path.module}" }
  provisioner "local-exec" {
    when    = destroy
    command = "bye ${self.id}"
  }
}
"#;

/// What was asked of the world since, without looking.
fn done(case: &mut Case) -> String {
    let log = std::mem::take(&mut case.world.log);
    let said: Vec<String> =
        log.into_iter().filter(|l| !l.starts_with("list") && !l.starts_with("read")).collect();
    said.join("\n")
}

/// Applies a plan; what each object ended with.
fn apply(case: &mut Case, made: Made) -> Vec<String> {
    let applied = case.apply(made);
    applied.objects.iter().map(|o| format!("{}: {:?}", o.display, o.result)).collect()
}

fn status(case: &mut Case, address: &str) -> Option<Status> {
    let snapshot = case.store.snapshot().unwrap();
    snapshot
        .resources
        .iter()
        .find(|r| &*r.key.address == address && r.key.deposed.is_none())
        .map(|r| r.status)
}

#[test]
fn programs_run_after_the_object_was_made_and_before_it_is_removed() {
    let mut case = Case::new(TWO);
    let made = case.plan();
    assert_eq!(done(&mut case), "", "a plan runs nothing");
    assert_eq!(made.plan.programs.len(), 1);
    assert_eq!(made.plan.programs[0].arguments.len(), 2);
    apply(&mut case, made);
    insta::assert_snapshot!(done(&mut case), @"
    create sim_thing.a
    run sim_thing.a: make id-1
    run sim_thing.a: then a .
    ");
    assert_eq!(status(&mut case, "sim_thing.a"), Some(Status::Ready));

    // Nothing to do, nothing to run.
    let made = case.plan();
    assert!(made.plan.programs.is_empty());
    apply(&mut case, made);
    assert_eq!(done(&mut case), "");

    // A replacement is both.
    case.var("zone", "south");
    let made = case.plan();
    let before: Vec<bool> = made.plan.programs.iter().map(|p| p.before_removal).collect();
    assert_eq!(before, [false, true]);
    apply(&mut case, made);
    insta::assert_snapshot!(done(&mut case), @"
    run sim_thing.a: bye id-1
    delete sim_thing.a
    create sim_thing.a
    run sim_thing.a: make id-2
    run sim_thing.a: then a .
    ");
}

#[test]
fn a_failure_taints_the_object_and_nothing_that_needs_it_is_made() {
    let mut case = Case::new(&format!("{TWO}\nresource \"sim_lone\" \"b\" {{ name = sim_thing.a.id }}"));
    case.var("first", "exit");
    let made = case.plan();
    insta::assert_snapshot!(apply(&mut case, made).join("\n"), @r#"
    sim_lone.b: NotAttempted("sim_thing.a failed")
    sim_thing.a: Failed("a provisioner of it failed")
    "#);
    insta::assert_snapshot!(done(&mut case), @"
    create sim_thing.a
    run sim_thing.a: exit id-1
    ");
    assert_eq!(status(&mut case, "sim_thing.a"), Some(Status::Tainted));
    // One that was never finished is removed without a farewell.
    case.var("first", "make");
    case.run();
    insta::assert_snapshot!(done(&mut case), @"
    delete sim_thing.a
    create sim_thing.a
    run sim_thing.a: make id-2
    run sim_thing.a: then a .
    create sim_lone.b
    ");
}

#[test]
fn a_run_that_dies_before_the_programs_are_done_leaves_the_object_tainted() {
    let mut case = Case::new(TWO);
    let mut machine = case.plan().machine;
    case.start(&mut machine);
    'life: loop {
        for (id, request) in machine.next() {
            if matches!(request, Request::Run { .. }) {
                break 'life;
            }
            let (answer, now) = (case.answer(request), case.now());
            machine.answer(id, answer, now);
        }
    }
    drop(machine);
    assert_eq!(status(&mut case, "sim_thing.a"), Some(Status::Tainted));
    assert!(case.store.snapshot().unwrap().intents.is_empty(), "it is known what became of the create");
    case.run();
    assert_eq!(status(&mut case, "sim_thing.a"), Some(Status::Ready));
    assert_eq!(case.world.objects.len(), 1);
}

#[test]
fn an_object_whose_creation_was_lost_is_found_without_its_programs() {
    let mut case = Case::new(TWO);
    case.world.lose.insert("sim_thing.a".into());
    let made = case.plan();
    apply(&mut case, made);
    let made = case.plan();
    assert_eq!(status(&mut case, "sim_thing.a"), Some(Status::Tainted));
    assert!(made.text().is_empty() || made.text().contains("Tainted"), "{}", made.text());
    case.run();
    case.run();
    assert_eq!(status(&mut case, "sim_thing.a"), Some(Status::Ready));
    assert_eq!(case.world.objects.len(), 1);
}

#[test]
fn an_interrupted_run_waits_for_no_program_that_has_not_begun() {
    let mut case = Case::new(TWO);
    let mut machine = case.plan().machine;
    case.start(&mut machine);
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            if matches!(request, Request::Run { .. }) {
                machine.stop();
            }
            let (answer, now) = (case.answer(request), case.now());
            machine.answer(id, answer, now);
        }
    }
    insta::assert_snapshot!(done(&mut case), @"
    create sim_thing.a
    run sim_thing.a: make id-1
    ");
    let applied = machine.applied();
    insta::assert_debug_snapshot!(applied.status, @"Interrupted");
    assert!(matches!(applied.objects[0].result, ObjectResult::Failed(_)), "{:?}", applied.objects);
    assert_eq!(status(&mut case, "sim_thing.a"), Some(Status::Tainted));
}

#[test]
fn nothing_is_waited_for_once_the_run_is_abandoned() {
    let mut case = Case::new(TWO);
    let mut machine = case.plan().machine;
    case.start(&mut machine);
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            if let Request::Run { .. } = request {
                let now = case.now();
                machine.abandon(now);
                // It ends all the same, and is heard no more.
                machine.answer(id, Answer::Ran(Ok(())), now);
                continue;
            }
            let (answer, now) = (case.answer(request), case.now());
            machine.answer(id, answer, now);
        }
    }
    assert_eq!(machine.phase(), pilotis_plan::Phase::Done);
    assert_eq!(status(&mut case, "sim_thing.a"), Some(Status::Tainted));
}

#[test]
fn a_farewell_that_fails_keeps_the_object_unless_it_may_fail() {
    let text = |on_failure: &str, count: u8| {
        format!(
            r#"
            resource "sim_thing" "a" {{
              count = {count}
              name  = "a${{count.index}}"
              provisioner "local-exec" {{
                when       = destroy
                command    = "exit ${{count.index}}"
                on_failure = {on_failure}
              }}
              provisioner "local-exec" {{
                when    = destroy
                command = "bye ${{self.id}}"
              }}
            }}
            "#
        )
    };
    let mut case = Case::new(&text("fail", 2));
    case.run();
    done(&mut case);
    case.set(&text("fail", 1));
    let made = case.plan();
    insta::assert_snapshot!(apply(&mut case, made).join("\n"), @r#"sim_thing.a[1]: Failed("a provisioner of it failed")"#);
    assert_eq!(done(&mut case), "run sim_thing.a[1]: exit 1");
    assert_eq!(status(&mut case, "sim_thing.a[1]"), Some(Status::Ready));
    case.set(&text("continue", 1));
    case.run();
    insta::assert_snapshot!(done(&mut case), @"
    run sim_thing.a[1]: exit 1
    run sim_thing.a[1]: bye id-2
    delete sim_thing.a[1]
    ");
}

#[test]
fn a_removed_block_says_farewell_too() {
    let mut case = Case::new(
        r#"
        resource "sim_thing" "a" {
          for_each = toset(["x"])
          name     = each.key
        }
        resource "sim_thing" "kept" { name = "kept" }
        "#,
    );
    case.run();
    done(&mut case);
    case.set(
        r#"
        removed {
          from = sim_thing.a
          provisioner "local-exec" {
            when    = destroy
            command = "bye ${each.key} ${self.id}"
          }
        }
        removed {
          from = sim_thing.kept
          lifecycle { destroy = false }
          provisioner "local-exec" {
            when    = destroy
            command = "bye"
          }
        }
        "#,
    );
    case.run();
    insta::assert_snapshot!(done(&mut case), @r#"
    run sim_thing.a["x"]: bye x id-2
    delete sim_thing.a["x"]
    "#);
}

#[test]
fn a_plan_with_other_programs_is_another_plan() {
    let mut case = Case::new(TWO);
    let one = case.plan().plan.digest;
    let two = case.plan().plan.digest;
    assert_eq!(one, two);
    case.var("first", "other");
    assert_ne!(case.plan().plan.digest, one);
}

#[test]
fn the_old_one_beside_a_new_one_goes_without_a_farewell() {
    // As in Terraform: what it would say is about an object that has been replaced already.
    let text =
        TWO.replace("  zone = var.zone", "  zone = var.zone\n  lifecycle { create_before_destroy = true }");
    let mut case = Case::new(&text.replace("name = \"a\"", "name = \"a-${var.zone}\""));
    case.run();
    done(&mut case);
    case.var("zone", "south");
    case.run();
    insta::assert_snapshot!(done(&mut case), @"
    create sim_thing.a
    run sim_thing.a: make id-2
    run sim_thing.a: then a-south .
    delete sim_thing.a
    ");
}

//! Providers that break the contract, and states that this program can't read: said, and nothing is lost by it.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use pilotis_plan::{Answer, Applied, Created, Request};
use pilotis_state::{Expect, Status, Store as _, Write};
use pilotis_value::{Type, Value};
use support::{Case, with};

const ONE: &str = r#"resource "sim_thing" "a" { name = "a" }"#;

/// Applies, while the provider answers a create with this instead.
fn apply_with(case: &mut Case, change: impl Fn(Value) -> Value) -> (Applied, String) {
    let made = case.plan();
    let (configuration, mut machine) = (made.configuration.clone(), made.machine);
    case.start(&mut machine);
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            let answer = match case.answer(request) {
                Answer::Created(Ok(Created { object, error })) => {
                    Answer::Created(Ok(Created { object: change(object), error }))
                }
                answer => answer,
            };
            let now = case.now();
            machine.answer(id, answer, now);
        }
    }
    let applied = machine.applied();
    let said = support::said(&configuration, &applied.diagnostics);
    (applied, said)
}

#[test]
fn what_is_still_unknown_after_the_apply_taints() {
    let mut case = Case::new(ONE);
    let (_, said) = apply_with(&mut case, |o| with(&o, [("note", Value::unknown(Type::String))]));
    assert!(said.contains("it left values unknown"), "{said}");
    let snapshot = case.store.snapshot().unwrap();
    assert_eq!(snapshot.resources[0].status, Status::Tainted);
    assert!(snapshot.intents.is_empty());
    assert!(case.plan().text().contains("delete, create sim_thing.a (Tainted)"));
}

#[test]
fn what_has_the_wrong_type_is_found_again() {
    for wrong in [
        (|o: Value| with(&o, [("name", Value::list(Type::String, Vec::new()))])) as fn(Value) -> Value,
        |o| with(&o, [("size", Value::string("many"))]),
        |_| Value::string("no object at all"),
        |_| Value::null(Type::Dynamic),
    ] {
        let mut case = Case::new(ONE);
        let (applied, said) = apply_with(&mut case, wrong);
        assert!(applied.diagnostics.has_errors(), "{said}");
        assert!(said.contains("E0421"), "{said}");
        assert_eq!(case.world.objects.len(), 1);
        // The next run knows of it, one way or the other: nothing is made twice.
        case.run();
        assert_eq!(case.world.objects.len(), 1, "{said}");
        assert_eq!(case.plan().text(), "");
    }
}

#[test]
fn a_read_of_the_wrong_type_changes_nothing() {
    for wrong in [Value::string("no object at all"), Value::null(Type::Dynamic)] {
        let mut case = Case::new(ONE);
        case.run();
        let (mut machine, _) = case.machine();
        loop {
            let requests = machine.next();
            if requests.is_empty() {
                break;
            }
            for (id, request) in requests {
                let answer = match request {
                    Request::Read { .. } => Answer::Read(vec![Ok(Some(wrong.clone()))]),
                    request => case.answer(request),
                };
                let now = case.now();
                machine.answer(id, answer, now);
            }
        }
        let plan = machine.take_plan().unwrap();
        let told = plan.diagnostics.has_errors() || !plan.unseen.is_empty();
        assert!(told, "{wrong:?}: {:?}", plan.changes);
        assert_eq!(case.plan().text(), "");
    }
}

/// What somebody does to a stored object.
type Damage = fn(&mut pilotis_state::ResourceRecord);

/// Changes the one stored object.
fn store_as(case: &mut Case, change: impl Fn(&mut pilotis_state::ResourceRecord)) {
    let mut record = case.store.snapshot().unwrap().resources[0].clone();
    change(&mut record);
    record.version = 0;
    case.store.commit(&[Write::Put { record, expect: Expect::Any }]).unwrap();
}

#[test]
fn a_stored_object_that_cannot_be_read_stops_the_plan_and_stays() {
    let changes: [(Damage, &str); 4] = [
        (|r| r.type_name = "sim_gone".into(), "This program has no provider with the type sim_gone"),
        (|r| r.schema_version = 99, "version 99 of the schema"),
        (|r| r.attributes = Arc::from("[1]"), "Its attributes don't fit"),
        (|r| r.attributes = Arc::from("{"), "Its attributes don't fit"),
    ];
    for (change, why) in changes {
        let mut case = Case::new(ONE);
        case.run();
        store_as(&mut case, change);
        let made = case.plan();
        assert!(made.said().contains(why), "{}", made.said());
        assert_eq!(made.text(), "");
        assert_eq!(case.store.snapshot().unwrap().resources.len(), 1);
    }
}

#[test]
fn of_two_plans_the_second_is_stale_for_what_the_first_has_changed() {
    let mut case = Case::new(
        r#"
        variable "size" { default = 1 }
        resource "sim_thing" "a" {
          name = "a"
          size = var.size
        }
        resource "sim_thing" "b" { name = "b" }
        "#,
    );
    case.run();
    case.var("size", "2");
    let (first, second) = (case.plan(), case.plan());
    case.apply(first);
    let snapshot = case.store.snapshot().unwrap();
    let stale: Vec<String> = second.machine.stale(&snapshot).iter().map(ToString::to_string).collect();
    assert_eq!(stale, ["sim_thing.a"]);
}

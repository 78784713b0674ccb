//! No report ever says a secret.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

mod common;

use common::*;
use pilotis_plan::{Drift, OutputChange, Plan, PlanAction};
use pilotis_report::json::{self, PlanDocument, Secrets, events};
use pilotis_report::{StateObject, Style, drift, html, text};
use pilotis_schema::address::ModulePath;
use pilotis_state::conformance::record;
use pilotis_value::{Marks, Type, Value};
use proptest::prelude::*;

const SECRET: &str = "hunter2-marker";

/// Values with secrets anywhere in them: each text that holds the marker is, or lies in something that is, sensitive.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "[a-c]{0,2}".prop_map(Value::string),
        (0i64..3).prop_map(Value::number),
        Just(Value::null(Type::String)),
        Just(Value::unknown(Type::String)),
        Just(secret(SECRET)),
        Just(secret("{\"k\":\"hunter2-marker\"}")),
        Just(secret("one\ntwo hunter2-marker\n")),
        Just(s("{\"k\":[1,2]}")),
        Just(s("one\ntwo\nthree\n")),
        // The mark is on what is around it.
        Just(object(&[("inner", s(SECRET))]).with_marks(Marks::SENSITIVE)),
        Just(Value::map(Type::String, [("k".into(), s(SECRET))].into()).with_marks(Marks::SENSITIVE)),
        Just(Value::set(Type::String, vec![secret(SECRET), s("b")])),
        Just(strings(&["a", "b"])),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::tuple),
            proptest::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|entries| Value::object_of(entries.into_iter())),
        ]
    })
}

/// A value with secrets, and the same one without their marks.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    value().prop_map(|v| (v.clone(), v.unmark_deep().0))
}

fn reports(plan: &Plan) -> Vec<String> {
    let mut out = Vec::new();
    for color in [false, true] {
        for show_unchanged in [false, true] {
            let style = Style { color, width: 60, show_unchanged };
            out.push(text::plan(plan, &style, &nothing_lost));
            out.push(text::drift(plan, &style));
            let outputs =
                plan.outputs.iter().filter_map(|o| Some((o.name.as_str(), o.after.as_ref()?, o.sensitive)));
            out.push(text::outputs(outputs, &style));
            for change in &plan.changes {
                let record = record("t.n");
                let (address, value) = (change.address.clone(), change.before.clone());
                out.push(text::state_object(
                    &StateObject { record: &record, display: "t.n".into(), address, value },
                    &style,
                ));
            }
        }
    }
    out.push(html::plan(plan, &html::About { title: "t", timestamp: "", version: "" }, &nothing_lost));
    out.extend(plan.changes.iter().filter_map(|c| events::planned_change(c, "")).map(|e| e.to_string()));
    out.extend(plan.drift.iter().map(|d| events::resource_drift(d, "").to_string()));
    let outputs = plan.outputs.iter().map(|o| (o.name.as_str(), None, o.after.as_ref(), o.sensitive));
    out.push(events::outputs(outputs, "").to_string());
    out
}

/// What shows both sides of a change.
fn of_both_sides(plan: &Plan) -> Vec<String> {
    let mut out = Vec::new();
    for show_unchanged in [false, true] {
        let style = Style { show_unchanged, ..Style::default() };
        out.push(text::plan(plan, &style, &nothing_lost));
        out.push(text::drift(plan, &style));
    }
    out.push(html::plan(plan, &html::About { title: "t", timestamp: "", version: "" }, &nothing_lost));
    let variables = [("v".to_owned(), secret(SECRET))];
    let document = PlanDocument {
        plan,
        prior: None,
        objects: &[],
        configuration: None,
        variables: &variables,
        version: "",
        timestamp: "",
        secrets: Secrets::Hide,
    };
    out.push(json::plan(&document).to_string());
    out.push(drift::to_json(plan).to_string());
    out
}

fn plan_of(action: PlanAction, before: Value, after: Value, declared: bool) -> Plan {
    let address = instance(ModulePath::default(), "t", "n", None);
    let object = |v: &Value| if v.is_null() { null() } else { common::object(&[("x", v.clone())]) };
    let (old, new) = (object(&before), object(&after));
    Plan {
        changes: vec![change(address.clone(), action, old.clone(), new.clone())],
        drift: vec![Drift { display: "t.n".into(), address, before: old, after: new }],
        outputs: vec![
            OutputChange {
                name: "o".into(),
                before: Some(before.clone()),
                after: Some(after.clone()),
                sensitive: declared,
            },
            OutputChange { name: "p".into(), before: None, after: Some(s(SECRET)), sensitive: true },
        ],
        ..Plan::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_report_says_a_secret(before in value(), after in value(), declared: bool) {
        for (action, old, new) in [
            (PlanAction::Update, before.clone(), after.clone()),
            (PlanAction::DeleteThenCreate, before.clone(), after.clone()),
            (PlanAction::Create, null(), after),
            (PlanAction::Delete, before, null()),
        ] {
            let plan = plan_of(action, old, new, declared);
            for report in reports(&plan).into_iter().chain(of_both_sides(&plan)) {
                prop_assert!(!report.contains(SECRET), "{report}");
            }
        }
    }

    /// The mark is on one side only: the other does not give it away.
    #[test]
    fn one_mark_is_enough((before, after) in pair(), swapped: bool, declared: bool) {
        let (before, after) = if swapped { (after, before) } else { (before, after) };
        let plan = plan_of(PlanAction::Update, before, after, declared);
        for report in of_both_sides(&plan) {
            prop_assert!(!report.contains(SECRET), "{report}");
        }
    }
}

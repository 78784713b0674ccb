//! Drift, runs, outputs and stored objects as a person sees them.

mod common;

use common::*;
use pilotis_plan::{ObjectResult, Plan, PlanAction};
use pilotis_report::{StateObject, Style, text};
use pilotis_schema::address::ModulePath;
use pilotis_state::conformance::record;
use pilotis_state::{RunStatus, Status};
use pilotis_value::{Type, Value};

#[test]
fn drift_is_a_table_of_recorded_and_live_values() {
    insta::assert_snapshot!(text::drift(&drifted(), &Style::default()), @r#"
    Drift: 1 object differs from what is recorded, 1 object is gone; 1 object could not be looked at.

    Not looked at, so nothing is known of them:
        vault_mount.kv
            403 Forbidden: the token may not read sys/mounts

      ~ project.carto.gitlab_group.this
          attribute       recorded           live
          description     null               "edited by hand, at length, by somebody who should have kn…
          labels["team"]  "carto"            "autre"
          labels["tier"]  "1"                null
          token           (sensitive value)  (sensitive value)
          visibility      "private"          "public"

      - project.carto.gitlab_project_hook.ci is gone
    "#);
}

#[test]
fn a_narrow_table_cuts_values_and_keeps_names() {
    let style = Style { width: 60, ..Style::default() };
    insta::assert_snapshot!(text::drift(&drifted(), &style), @r#"
    Drift: 1 object differs from what is recorded, 1 object is gone; 1 object could not be looked at.

    Not looked at, so nothing is known of them:
        vault_mount.kv
            403 Forbidden: the token may not read sys/mounts

      ~ project.carto.gitlab_group.this
          attribute       recorded           live
          description     null               "edited by hand, a…
          labels["team"]  "carto"            "autre"
          labels["tier"]  "1"                null
          token           (sensitive value)  (sensitive value)
          visibility      "private"          "public"

      - project.carto.gitlab_project_hook.ci is gone
    "#);
}

#[test]
fn no_drift() {
    insta::assert_snapshot!(text::drift(&Plan::default(), &Style::default()), @"No drift. All objects are as recorded.");
    let unseen = drifted().unseen;
    insta::assert_snapshot!(text::drift(&Plan { unseen, ..Plan::default() }, &Style::default()), @r"
    No drift found, but 1 object could not be looked at.

    Not looked at, so nothing is known of them:
        vault_mount.kv
            403 Forbidden: the token may not read sys/mounts
    ");
}

#[test]
fn a_run_that_did_everything() {
    let objects = vec![
        outcome("project.carto.gitlab_group.this", PlanAction::Create, ObjectResult::Done),
        outcome("project.carto.gitlab_project.api", PlanAction::DeleteThenCreate, ObjectResult::Done),
        outcome("project.carto.gitlab_label.x", PlanAction::Update, ObjectResult::Done),
    ];
    insta::assert_snapshot!(text::run(&applied(objects, RunStatus::Done), false, &Style::default()), @"Apply complete! Resources: 2 added, 1 changed, 1 destroyed.");
    let objects = vec![outcome("t.n", PlanAction::Delete, ObjectResult::Done)];
    insta::assert_snapshot!(text::run(&applied(objects, RunStatus::Done), true, &Style::default()), @"Destroy complete! Resources: 1 destroyed.");
}

#[test]
fn a_run_that_did_a_part_says_of_each_other_object_why() {
    let because = "project.carto.gitlab_group.this was not done";
    let objects = vec![
        outcome("gitlab_group.root", PlanAction::Create, ObjectResult::Done),
        outcome(
            "project.carto.gitlab_group.this",
            PlanAction::Create,
            ObjectResult::Failed("POST /groups: 403 Forbidden: the token needs the scope `api`; it was read from GITLAB_TOKEN, and has only `read_api`".into()),
        ),
        outcome("project.carto.gitlab_project.api", PlanAction::Create, ObjectResult::NotAttempted(because.into())),
        outcome("project.carto.gitlab_project.web", PlanAction::Create, ObjectResult::NotAttempted(because.into())),
        outcome("harbor_project.x", PlanAction::Update, ObjectResult::Unknown("the connection was lost after 30 s".into())),
    ];
    insta::assert_snapshot!(text::run(&applied(objects, RunStatus::Partial), false, &Style::default()), @r"
    Apply incomplete! Resources: 1 added, 0 changed, 0 destroyed. 1 failed, 1 unknown, 2 not attempted.

    Failed:
        + project.carto.gitlab_group.this
              POST /groups: 403 Forbidden: the token needs the scope `api`; it was read from
              GITLAB_TOKEN, and has only `read_api`

    Not attempted (2 objects): project.carto.gitlab_group.this was not done
        + project.carto.gitlab_project.api
        + project.carto.gitlab_project.web

    Unknown (sent, and no answer came; the next run finds out what became of it):
        ~ harbor_project.x
              the connection was lost after 30 s

    What was done is recorded. Run apply again to go on from there.
    ");
}

#[test]
fn an_interrupted_run_and_a_broken_state() {
    let objects =
        vec![outcome("a.b", PlanAction::Create, ObjectResult::NotAttempted("the run was stopped".into()))];
    insta::assert_snapshot!(text::run(&applied(objects, RunStatus::Interrupted), false, &Style::default()), @r"
    Apply interrupted! Resources: 0 added, 0 changed, 0 destroyed. 1 not attempted.

    Not attempted (1 object): the run was stopped
        + a.b

    What was done is recorded. Run apply again to go on from there.
    ");
    let mut broken =
        applied(vec![outcome("a.b", PlanAction::Create, ObjectResult::Done)], RunStatus::Partial);
    broken.state_broken = Some("state.db: no space left on device".into());
    insta::assert_snapshot!(text::run(&broken, false, &Style::default()), @r"
    Apply incomplete! Resources: 1 added, 0 changed, 0 destroyed.

    The state could not be written: not all of what was done is recorded.
        state.db: no space left on device
    ");
}

#[test]
fn outputs_are_written_as_in_a_configuration() {
    let servers = Value::tuple(vec![
        object(&[("name", s("a")), ("ip", null())]),
        object(&[("name", s("bb")), ("ip", s("::1"))]),
    ]);
    let (url, token, text_) = (s("https://forge"), s("hunter2"), s("a\nb\n"));
    let list = [
        ("url", &url, false),
        ("servers", &servers, false),
        ("token", &token, true),
        ("motd", &text_, false),
    ];
    insta::assert_snapshot!(text::outputs(list, &Style::default()), @r#"
    url = "https://forge"
    servers = [
        {
            ip   = null
            name = "a"
        },
        {
            ip   = "::1"
            name = "bb"
        },
    ]
    token = (sensitive value)
    motd = <<-EOT
        a
        b
    EOT
    "#);
}

#[test]
fn a_stored_object() {
    let mut record = record(r#"module.project["carto"].gitlab_group.this"#);
    record.status = Status::Tainted;
    let address = instance(carto(), "gitlab_group", "this", None);
    let value = object(&[
        ("id", s("7")),
        ("token", secret("hunter2")),
        ("labels", Value::map(Type::String, [("a".into(), s("b"))].into())),
        ("none", null()),
    ]);
    let stored = StateObject { record: &record, display: display(&address), address, value };
    insta::assert_snapshot!(text::state_object(&stored, &Style::default()), @r#"
    # project.carto.gitlab_group.this: (tainted) (protected)
    resource "gitlab_group" "this" {
        id     = "7"
        labels = {
            "a" = "b"
        }
        token  = (sensitive value)
    }
    "#);
    assert_eq!(text::state_list_entry(&stored), "project.carto.gitlab_group.this");
    let _ = ModulePath::default();
}

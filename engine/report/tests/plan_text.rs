//! Plans as a person sees them.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

mod common;

use common::*;
use pilotis_plan::{Plan, PlanAction, Reason};
use pilotis_report::Style;
use pilotis_report::text;
use pilotis_schema::address::{Key, ModulePath};
use pilotis_value::{Marks, Type, Value};

fn show(plan: &Plan) -> String {
    text::plan(plan, &Style::default(), &lost)
}

/// The body of an update of one attribute.
fn difference(before: Value, after: Value) -> String {
    let address = instance(ModulePath::default(), "t", "n", None);
    let change = change(address, PlanAction::Update, object(&[("x", before)]), object(&[("x", after)]));
    let text = show(&Plan { changes: vec![change], ..Plan::default() });
    let body = text.split_once("\"n\" {\n").unwrap().1;
    let body = body.rsplit_once("    }\n").unwrap().0;
    body.lines().map(|l| l.strip_prefix("      ").unwrap_or(l)).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plan_says_what_happens_then_what_goes_then_the_details() {
    insta::assert_snapshot!(show(&plan()), @r#"
    Plan: 1 to import, 2 to add, 2 to change, 2 to destroy.

    2 objects will be destroyed:
    -/+ project.carto.gitlab_project.repo["api"], and made again; lost with it: its issues, merge requests and pipelines
      - project.carto.gitlab_project_member.m["paul"]

    Actions are shown with these signs:
      + create
      ~ update in-place
    -/+ destroy and then create replacement
      - destroy

    Pilotis will perform the following actions:

      # gitlab_group.root will be updated in-place
      # (imported from "1")
      ~ resource "gitlab_group" "root" {
            id   = "1"
          ~ name = "cloud pi" -> "Cloud π"
        }

    project.carto: 1 to add, 1 to change, 1 to replace, 1 to destroy, 1 to move

        # project.carto.gitlab_branch_protection.default has moved to project.carto.gitlab_branch_protection.main

        # project.carto.gitlab_group.this will be created
        + resource "gitlab_group" "this" {
            + id            = (known after apply)
            + name          = "Cartographie"
            + path          = "carto"
            + runners_token = (sensitive value)
            + tags          = [
                + "a",
                + "b",
              ]
          }

        # project.carto.gitlab_project.repo["api"] must be replaced
        # (namespace_id cannot be changed in place: the old object goes, and with it its issues, merge
        # requests and pipelines)
      -/+ resource "gitlab_project" "repo" {
            ~ id           = "12" -> (known after apply)
              name         = "api"
            ~ namespace_id = 7 -> (known after apply) # forces replacement
              # (1 unchanged attribute hidden)
          }

        # project.carto.gitlab_project_member.m["paul"] will be destroyed
        # (because key ["paul"] is not in for_each map)
        - resource "gitlab_project_member" "m" {
            - access_level = "developer" -> null
            - id           = "12:9" -> null
          }

      project.carto.environment.dev: 1 to change

          # project.carto.environment.dev.kubernetes_resource_quota.this will be updated in-place
          ~ resource "kubernetes_resource_quota" "this" {
              ~ hard = {
                  ~ cpu = "2" -> "4"
                    # (1 unchanged attribute hidden)
                }
                id   = "carto-dev/quota"
            }

    Changes to Outputs:
      + url   = (known after apply)
      ~ token = (sensitive value)

    Digest: 4f2a9c
    Plan: 1 to import, 2 to add, 2 to change, 2 to destroy.
    "#);
}

#[test]
fn nothing_to_do_is_said_in_one_line() {
    insta::assert_snapshot!(show(&Plan::default()), @"No changes. Your infrastructure matches the configuration.");
}

#[test]
fn what_could_not_be_looked_at_is_said_before_anything_else() {
    let unseen = vec![unseen("vault_mount.kv", "403 Forbidden")];
    insta::assert_snapshot!(show(&Plan { unseen, partial: true, ..Plan::default() }), @r"
    No changes found, but not everything could be looked at.
    Narrowed by -target: not everything was planned.

    Incomplete: 1 object could not be looked at; what happened to them is not known.
        vault_mount.kv
            403 Forbidden
    ");
}

#[test]
fn outputs_alone_are_a_plan() {
    let outputs = plan().outputs;
    insta::assert_snapshot!(show(&Plan { outputs, ..Plan::default() }), @r"
    Plan: 2 outputs to change, no objects touched.
    Applying saves the new values of outputs, without changing any object.

    Changes to Outputs:
      + url   = (known after apply)
      ~ token = (sensitive value)
    ");
}

#[test]
fn drift_is_summed_up_in_a_plan() {
    let plan = Plan { unseen: Vec::new(), ..drifted() };
    insta::assert_snapshot!(show(&plan), @r#"
    No changes. Your infrastructure matches the configuration.

    2 objects have changed outside of Pilotis:
      ~ project.carto.gitlab_group.this: description null -> "edited by hand, at length, b…, labels["team"] "carto" -> "autre", labels["tier"] "1" -> null, 2 more
      - project.carto.gitlab_project_hook.ci: is gone
    "#);
}

#[test]
fn reasons_are_terraforms() {
    let reasons = [
        (PlanAction::Delete, Reason::NoResourceConfig),
        (PlanAction::Delete, Reason::NoModule),
        (PlanAction::Delete, Reason::CountIndex),
        (PlanAction::Delete, Reason::WrongRepetition),
        (PlanAction::CreateThenDelete, Reason::Tainted),
        (PlanAction::DeleteThenCreate, Reason::Requested),
        (PlanAction::DeleteThenCreate, Reason::Triggers),
        (PlanAction::Read, Reason::ConfigUnknown),
        (PlanAction::Read, Reason::DependencyPending),
        (PlanAction::Forget, Reason::NoResourceConfig),
    ];
    let changes = reasons.map(|(action, reason)| {
        let address = instance(carto(), "t", "n", Some(Key::Int(2)));
        let (before, after) = match action {
            PlanAction::Delete | PlanAction::Forget => (object(&[("id", s("1"))]), null()),
            PlanAction::Read => (null(), object(&[("id", unknown())])),
            _ => (object(&[("id", s("1"))]), object(&[("id", unknown())])),
        };
        let mut change = change(address, action, before, after);
        change.reason = Some(reason);
        change
    });
    let text = show(&Plan { changes: changes.into(), ..Plan::default() });
    let remarks: Vec<&str> = text.lines().filter(|l| l.trim_start().starts_with('#')).collect();
    insta::assert_snapshot!(remarks.join("\n"), @r"
    # project.carto.t.n[2] will be destroyed
    # (because project.carto.t.n is not in configuration)
    # project.carto.t.n[2] will be destroyed
    # (because project.carto is not in configuration)
    # project.carto.t.n[2] will be destroyed
    # (because index [2] is out of range for count)
    # project.carto.t.n[2] will be destroyed
    # (because resource does not use count)
    # project.carto.t.n[2] is tainted, so must be replaced
    # (the old object goes, and with it all that it holds and that is not described here)
    # project.carto.t.n[2] will be replaced, as requested
    # (the old object goes, and with it all that it holds and that is not described here)
    # project.carto.t.n[2] will be replaced due to changes in replace_triggered_by
    # (the old object goes, and with it all that it holds and that is not described here)
    # project.carto.t.n[2] will be read during apply
    # (config refers to values not yet known)
    # project.carto.t.n[2] will be read during apply
    # (depends on a resource or a module with changes pending)
    # project.carto.t.n[2] will no longer be managed by Pilotis, but will not be destroyed
    # (because project.carto.t.n is not in configuration)
    ");
}

#[test]
fn a_deposed_object_is_named_as_one() {
    let address = instance(ModulePath::default(), "t", "n", None);
    let mut change = change(address, PlanAction::Delete, object(&[("id", s("1"))]), null());
    change.deposed = Some("00c0ffee".into());
    insta::assert_snapshot!(show(&Plan { changes: vec![change], ..Plan::default() }), @r#"
    Plan: 0 to add, 0 to change, 1 to destroy.

    1 object will be destroyed:
      - t.n (deposed object 00c0ffee)

    Actions are shown with these signs:
      - destroy

    Pilotis will perform the following actions:

      # t.n (deposed object 00c0ffee) will be destroyed
      # (left over from a partially-failed replacement of this instance)
      - resource "t" "n" {
          - id = "1" -> null
        }
    "#);
}

#[test]
fn a_text_is_compared_line_by_line() {
    let before: String = (1..=12).map(|n| format!("line {n}\n")).collect();
    let after = before.replace("line 6", "line six").trim_end().to_owned();
    insta::assert_snapshot!(difference(s(&before), s(&after)), @r"
    ~ x = <<-EOT
          # (3 unchanged lines hidden)
          line 4
          line 5
        - line 6
        + line six
          line 7
          line 8
          # (4 unchanged lines hidden)
          # (the line break at the end goes)
      EOT
    ");
}

#[test]
fn a_json_text_is_compared_as_what_it_says() {
    let before = s(r#"{"allow":["read","list"],"id":1,"none":null}"#);
    let after = s(r#"{ "id": 1, "allow": ["read", "write", "list"] }"#);
    insta::assert_snapshot!(difference(before, after), @r#"
    ~ x = jsonencode(
        ~ {
            ~ allow = [
                  # (1 unchanged element hidden)
                + "write",
                  # (1 unchanged element hidden)
              ]
            - none  = null
              # (1 unchanged element hidden)
          }
      )
    "#);
    insta::assert_snapshot!(difference(s(r#"{"a":1}"#), s(r#"{ "a": 1 }"#)), @"~ x = jsonencode(…) # white space only");
}

#[test]
fn elements_of_a_set_are_paired_by_what_names_them() {
    let member = |name: &str, level: &str| object(&[("name", s(name)), ("level", s(level))]);
    let ty = member("", "").ty();
    let before =
        Value::set(ty.clone(), vec![member("ana", "dev"), member("bob", "dev"), member("cy", "dev")]);
    let after = Value::set(ty, vec![member("ana", "dev"), member("cy", "owner"), member("zoe", "dev")]);
    insta::assert_snapshot!(difference(before, after), @r#"
    ~ x = [
          # (1 unchanged element hidden)
        - {
            - level = "dev"
            - name  = "bob"
          },
        ~ {
            ~ level = "dev" -> "owner"
              # (1 unchanged attribute hidden)
          },
        + {
            + level = "dev"
            + name  = "zoe"
          },
      ]
    "#);
}

#[test]
fn a_list_shows_what_changed_in_its_place() {
    let list = |texts: &[&str]| Value::list(Type::String, texts.iter().map(|t| s(t)).collect());
    insta::assert_snapshot!(difference(list(&["a", "b", "c", "d"]), list(&["a", "c", "d", "e"])), @r#"
    ~ x = [
          # (1 unchanged element hidden)
        - "b",
          # (2 unchanged elements hidden)
        + "e",
      ]
    "#);
    let tuple = Value::tuple(vec![s("a")]);
    insta::assert_snapshot!(difference(list(&["a"]), tuple), @r"
    ~ x = [
          # (1 unchanged element hidden)
          # (the type changes from list of string to tuple)
      ]
    ");
}

#[test]
fn unknown_null_and_other_types() {
    insta::assert_snapshot!(difference(strings(&["a"]), Value::unknown(Type::set(Type::String))), @r#"
    - x = [
        - "a",
      ] -> (known after apply)
    "#);
    insta::assert_snapshot!(difference(s("a"), null()), @r#"- x = "a" -> null"#);
    insta::assert_snapshot!(difference(null(), object(&[("odd key", s("v")), ("${x}", Value::bool(true))])), @r#"
    + x = {
        + "$${x}"   = true
        + "odd key" = "v"
      }
    "#);
    insta::assert_snapshot!(difference(s("a"), strings(&["a"])), @r#"
    - x = "a"
    + x = [
        + "a",
      ]
    "#);
    insta::assert_snapshot!(difference(Value::number(1), s("1")), @r#"~ x = 1 -> "1""#);
}

#[test]
fn a_mark_alone_is_a_change() {
    insta::assert_snapshot!(difference(s("hunter2"), secret("hunter2")), @"~ x = (sensitive value) # (the same value, now sensitive)");
    insta::assert_snapshot!(difference(secret("hunter2"), s("hunter2")), @"~ x = (sensitive value) # (the same value, no longer sensitive)");
    let inside = |v| object(&[("user", s("u")), ("pass", v)]);
    insta::assert_snapshot!(difference(inside(secret("hunter2")), inside(secret("hunter3"))), @r"
    ~ x = {
        ~ pass = (sensitive value)
          # (1 unchanged attribute hidden)
      }
    ");
    let set = |text| strings(&[text]).with_marks(Marks::SENSITIVE);
    insta::assert_snapshot!(difference(set("hunter2"), set("hunter3")), @"~ x = (sensitive value)");
}

#[test]
fn a_name_cannot_move_the_cursor() {
    let module = module(&[("project", Some("a\u{1b}[2J\u{202e}b"))]);
    let address = instance(module, "t", "n", None);
    let change = change(
        address,
        PlanAction::Create,
        null(),
        object(&[("name", s("\u{1b}[31m\r")), ("text", s("a\n\u{7}b\n"))]),
    );
    insta::assert_snapshot!(show(&Plan { changes: vec![change], ..Plan::default() }), @r#"
    Plan: 1 to add, 0 to change, 0 to destroy.

    Actions are shown with these signs:
      + create

    Pilotis will perform the following actions:

    project.a\u001b[2J\u202eb: 1 to add

        # project.a\u001b[2J\u202eb.t.n will be created
        + resource "t" "n" {
            + name = "\u001b[31m\r"
            + text = <<-EOT
                  a
                  \u0007b
              EOT
          }
    "#);
}

#[test]
fn colours_add_nothing_but_colour() {
    let style = Style { color: true, ..Style::default() };
    let colored = text::plan(&plan(), &style, &lost);
    let escape = |text: &str| text.replace('\u{1b}', "␛");
    insta::assert_snapshot!(escape(&colored.lines().take(8).collect::<Vec<_>>().join("\n")), @r#"
    ␛[1mPlan: 1 to import, 2 to add, 2 to change, 2 to destroy.␛[0m

    ␛[1;31m2 objects will be destroyed:␛[0m
    ␛[31m-␛[0m/␛[32m+␛[0m project.carto.gitlab_project.repo["api"], and made again; lost with it: its issues, merge requests and pipelines
      ␛[31m-␛[0m project.carto.gitlab_project_member.m["paul"]

    Actions are shown with these signs:
      ␛[32m+␛[0m create
    "#);
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain += before;
        rest = after.split_once('m').unwrap().1;
    }
    plain += rest;
    assert_eq!(plain, show(&plan()));
}

#[test]
fn unchanged_attributes_can_be_shown() {
    let style = Style { show_unchanged: true, ..Style::default() };
    let quota = plan().changes.pop().unwrap();
    let plan = Plan { changes: vec![quota], ..Plan::default() };
    insta::assert_snapshot!(text::plan(&plan, &style, &nothing_lost), @r#"
    Plan: 0 to add, 1 to change, 0 to destroy.

    Actions are shown with these signs:
      ~ update in-place

    Pilotis will perform the following actions:

    project.carto: 1 to change

      project.carto.environment.dev: 1 to change

          # project.carto.environment.dev.kubernetes_resource_quota.this will be updated in-place
          ~ resource "kubernetes_resource_quota" "this" {
              ~ hard = {
                  ~ cpu    = "2" -> "4"
                    memory = "4Gi"
                }
                id   = "carto-dev/quota"
            }
    "#);
}

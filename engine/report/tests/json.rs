//! The documents that other programs read.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

mod common;

use common::*;
use pilotis_diag::{Diagnostic, SourceMap};
use pilotis_plan::{ObjectResult, Plan, PlanAction, Reason};
use pilotis_report::json::{self, PlanDocument, Secrets, events};
use pilotis_report::{StateObject, drift};
use pilotis_schema::address::{Key, ModulePath};
use pilotis_state::conformance::record;
use pilotis_state::{RunStatus, Snapshot};
use pilotis_value::{Type, Value};
use serde_json::{Value as Json, json as object};

const AT: &str = "2026-11-25T02:10:00Z";

fn document(plan: &Plan) -> Json {
    let document = PlanDocument {
        plan,
        prior: None,
        objects: &[],
        configuration: None,
        variables: &[],
        version: "0.1.0",
        timestamp: AT,
        secrets: Secrets::Reveal,
    };
    json::plan(&document)
}

fn of_one(before: Value, after: Value) -> Json {
    let address = instance(ModulePath::default(), "terraform_data", "a", None);
    let plan = Plan { changes: vec![change(address, PlanAction::Update, before, after)], ..Plan::default() };
    document(&plan)["resource_changes"][0]["change"].take()
}

#[test]
fn a_plan_has_all_parts_of_terraforms_document() {
    let mut plan = plan();
    plan.changes.retain(|c| c.address.resource.type_name == "gitlab_project");
    plan.outputs.truncate(1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&document(&plan)).unwrap(), @r#"
    {
      "format_version": "1.2",
      "terraform_version": "1.11.4",
      "pilotis_version": "0.1.0",
      "planned_values": {
        "outputs": {
          "url": {
            "sensitive": false
          }
        },
        "root_module": {
          "child_modules": [
            {
              "address": "module.project[\"carto\"]",
              "resources": [
                {
                  "address": "module.project[\"carto\"].gitlab_project.repo[\"api\"]",
                  "mode": "managed",
                  "type": "gitlab_project",
                  "name": "repo",
                  "index": "api",
                  "provider_name": "registry.terraform.io/gitlabhq/gitlab",
                  "schema_version": 0,
                  "values": {
                    "name": "api",
                    "visibility": "private"
                  },
                  "sensitive_values": {}
                }
              ]
            }
          ]
        }
      },
      "resource_changes": [
        {
          "address": "module.project[\"carto\"].gitlab_project.repo[\"api\"]",
          "mode": "managed",
          "type": "gitlab_project",
          "name": "repo",
          "index": "api",
          "provider_name": "registry.terraform.io/gitlabhq/gitlab",
          "module_address": "module.project[\"carto\"]",
          "display": "project.carto.gitlab_project.repo[\"api\"]",
          "change": {
            "actions": [
              "delete",
              "create"
            ],
            "before": {
              "id": "12",
              "name": "api",
              "namespace_id": 7,
              "visibility": "private"
            },
            "after": {
              "name": "api",
              "visibility": "private"
            },
            "after_unknown": {
              "id": true,
              "namespace_id": true
            },
            "before_sensitive": {},
            "after_sensitive": {},
            "replace_paths": [
              [
                "namespace_id"
              ]
            ]
          },
          "action_reason": "replace_because_cannot_update"
        }
      ],
      "output_changes": {
        "url": {
          "actions": [
            "create"
          ],
          "before": null,
          "after_sensitive": false,
          "after_unknown": true,
          "before_sensitive": false
        }
      },
      "prior_state": {
        "format_version": "1.0",
        "terraform_version": "1.11.4",
        "values": {
          "root_module": {
            "child_modules": [
              {
                "address": "module.project[\"carto\"]",
                "resources": [
                  {
                    "address": "module.project[\"carto\"].gitlab_project.repo[\"api\"]",
                    "mode": "managed",
                    "type": "gitlab_project",
                    "name": "repo",
                    "index": "api",
                    "provider_name": "registry.terraform.io/gitlabhq/gitlab",
                    "schema_version": 0,
                    "values": {
                      "id": "12",
                      "name": "api",
                      "namespace_id": 7,
                      "visibility": "private"
                    },
                    "sensitive_values": {}
                  }
                ]
              }
            ]
          }
        }
      },
      "timestamp": "2026-11-25T02:10:00Z",
      "applyable": true,
      "complete": true,
      "errored": false,
      "digest": "4f2a9c"
    }
    "#);
}

/// The shapes are those that Terraform 1.11 writes.
#[test]
fn what_is_unknown_and_what_is_sensitive_has_the_shape_of_the_value() {
    let input = |pass: &str| {
        object(&[
            ("user", s("u")),
            ("pass", secret(pass)),
            ("nested", Value::tuple(vec![Value::number(1), secret(pass)])),
        ])
    };
    let before = object(&[("id", s("1")), ("input", input("s")), ("output", input("s").unmark_deep().0)]);
    let after = object(&[("id", s("1")), ("input", input("t")), ("output", Value::unknown(Type::Dynamic))]);
    let change = of_one(before.clone(), after);
    assert_eq!(
        change["after"],
        object!({ "id": "1", "input": { "user": "u", "pass": "t", "nested": [1, "t"] } })
    );
    assert_eq!(change["after_unknown"], object!({ "input": { "nested": [false, false] }, "output": true }));
    assert_eq!(change["after_sensitive"], object!({ "input": { "nested": [false, true], "pass": true } }));
    let both = object!({ "input": { "nested": [false, true], "pass": true }, "output": { "nested": [false, false] } });
    assert_eq!(change["before_sensitive"], both);

    let known = of_one(before.clone(), before.clone());
    assert_eq!(known["after_unknown"], object!({}), "nothing at all where everything is known");
    let of_a_type = Value::unknown(before.get("input").unwrap().ty());
    let unknown = of_one(null(), object(&[("input", of_a_type)]));
    assert_eq!(unknown["after_sensitive"], object!({ "input": {} }));
    let gone = of_one(before, null());
    assert_eq!(
        (&gone["after"], &gone["after_unknown"], &gone["after_sensitive"]),
        (&Json::Null, &object!({}), &object!(false))
    );
}

#[test]
fn actions_reasons_and_addresses_are_terraforms() {
    let address = instance(carto(), "t", "n", Some(Key::Int(0)));
    let mut change =
        change(address, PlanAction::CreateThenDelete, object(&[("a", s("x"))]), object(&[("a", s("y"))]));
    change.reason = Some(Reason::CannotUpdate);
    change.replace_paths = vec![path(&["a"])];
    change.moved_from = Some(instance(carto(), "t", "old", None).into());
    change.importing = Some("7".into());
    change.deposed = Some("00c0ffee".into());
    let plan = Plan { changes: vec![change], ..Plan::default() };
    insta::assert_snapshot!(document(&plan)["resource_changes"][0], @r#"{"address":"module.project[\"carto\"].t.n[0]","mode":"managed","type":"t","name":"n","index":0,"provider_name":"registry.terraform.io/gitlabhq/gitlab","module_address":"module.project[\"carto\"]","previous_address":"module.project[\"carto\"].t.old","deposed":"00c0ffee","display":"project.carto.t.n[0]","change":{"actions":["create","delete"],"before":{"a":"x"},"after":{"a":"y"},"after_unknown":{},"before_sensitive":{},"after_sensitive":{},"replace_paths":[["a"]],"importing":{"id":"7"}},"action_reason":"replace_because_cannot_update"}"#);
}

#[test]
fn what_the_state_knows_is_added_to_the_prior_state() {
    let mut plan = plan();
    plan.changes.retain(|c| c.address.resource.type_name == "kubernetes_namespace");
    let stored = record(&plan.changes[0].address.to_string());
    let prior = Snapshot { resources: vec![stored], ..Snapshot::default() };
    let document = PlanDocument {
        plan: &plan,
        prior: Some(&prior),
        objects: &[],
        configuration: None,
        variables: &[("region".to_owned(), s("fr")), ("token".to_owned(), secret("hunter2"))],
        version: "0.1.0",
        timestamp: "",
        secrets: Secrets::Hide,
    };
    let document = json::plan(&document);
    let module = &document["prior_state"]["values"]["root_module"]["child_modules"][0]["child_modules"][0];
    insta::assert_snapshot!(module, @r#"{"address":"module.project[\"carto\"].module.environment[\"dev\"]","resources":[{"address":"module.project[\"carto\"].module.environment[\"dev\"].kubernetes_namespace.this","mode":"managed","type":"kubernetes_namespace","name":"this","provider_name":"registry.terraform.io/gitlabhq/gitlab","schema_version":3,"values":{"id":"carto-dev"},"sensitive_values":{},"depends_on":["gitlab_user.owner","module.a.data.t.n"]}]}"#);
    assert_eq!(document["variables"]["token"]["value"], "(sensitive value)");
}

#[test]
fn a_state_is_nested_by_module() {
    let mut stored = record(r#"module.project["carto"].gitlab_group.this"#);
    stored.status = pilotis_state::Status::Tainted;
    let address = instance(carto(), "gitlab_group", "this", None);
    let value = object(&[("id", s("7")), ("token", secret("hunter2"))]);
    let object = StateObject { record: &stored, display: display(&address), address, value };
    let (url, token) = (s("https://forge"), s("hunter2"));
    let outputs = [("url", &url, false), ("token", &token, true)];
    let hidden = json::state(std::slice::from_ref(&object), outputs, &[], "0.1.0", Secrets::Hide);
    insta::assert_snapshot!(serde_json::to_string_pretty(&hidden).unwrap(), @r#"
    {
      "format_version": "1.0",
      "terraform_version": "1.11.4",
      "pilotis_version": "0.1.0",
      "values": {
        "outputs": {
          "url": {
            "sensitive": false,
            "type": "string",
            "value": "https://forge"
          },
          "token": {
            "sensitive": true,
            "type": "string",
            "value": "(sensitive value)"
          }
        },
        "root_module": {
          "child_modules": [
            {
              "address": "module.project[\"carto\"]",
              "resources": [
                {
                  "address": "module.project[\"carto\"].gitlab_group.this",
                  "mode": "managed",
                  "type": "gitlab_group",
                  "name": "this",
                  "provider_name": "registry.terraform.io/gitlabhq/gitlab",
                  "schema_version": 3,
                  "values": {
                    "id": "7",
                    "token": "(sensitive value)"
                  },
                  "sensitive_values": {
                    "token": true
                  },
                  "depends_on": [
                    "gitlab_user.owner",
                    "module.a.data.t.n"
                  ],
                  "tainted": true
                }
              ]
            }
          ]
        }
      }
    }
    "#);
    let shown = json::state(&[object], outputs, &[], "0.1.0", Secrets::Reveal);
    assert_eq!(shown["values"]["outputs"]["token"]["value"], "hunter2");
    assert_eq!(json::state(&[], [], &[], "0.1.0", Secrets::Hide), object!({ "format_version": "1.0" }));
}

#[test]
fn drift_as_data_says_what_was_not_looked_at() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&drift::to_json(&drifted())).unwrap(), @r#"
    {
      "format_version": "1.0",
      "complete": false,
      "resources": [
        {
          "address": "module.project[\"carto\"].gitlab_group.this",
          "display": "project.carto.gitlab_group.this",
          "kind": "changed",
          "attributes": [
            {
              "attribute": "description",
              "recorded": null,
              "live": "edited by hand, at length, by somebody who should have known better than that, really\n",
              "sensitive": false
            },
            {
              "attribute": "labels[\"team\"]",
              "recorded": "carto",
              "live": "autre",
              "sensitive": false
            },
            {
              "attribute": "labels[\"tier\"]",
              "recorded": "1",
              "live": null,
              "sensitive": false
            },
            {
              "attribute": "token",
              "recorded": "(sensitive value)",
              "live": "(sensitive value)",
              "sensitive": true
            },
            {
              "attribute": "visibility",
              "recorded": "private",
              "live": "public",
              "sensitive": false
            }
          ]
        },
        {
          "address": "module.project[\"carto\"].gitlab_project_hook.ci",
          "display": "project.carto.gitlab_project_hook.ci",
          "kind": "missing",
          "attributes": []
        }
      ],
      "unseen": [
        {
          "address": "vault_mount.kv",
          "deposed": null,
          "reason": "403 Forbidden: the token may not read sys/mounts"
        }
      ]
    }
    "#);
}

#[test]
fn the_stream_of_a_plan() {
    let (plan, drifted) = (plan(), drifted());
    let mut lines = vec![events::version("0.1.0", AT)];
    lines.extend(drifted.drift.iter().map(|d| events::resource_drift(d, AT)));
    lines.extend(plan.changes.iter().filter_map(|c| events::planned_change(c, AT)));
    lines.push(events::plan_summary(&plan, AT));
    let outputs =
        plan.outputs.iter().map(|o| (o.name.as_str(), Some("update"), o.after.as_ref(), o.sensitive));
    lines.push(events::outputs(outputs, AT));
    let text: Vec<String> = lines.iter().map(Json::to_string).collect();
    insta::assert_snapshot!(text.join("\n"), @r#"
    {"@level":"info","@message":"Pilotis 0.1.0","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","terraform":"1.11.4","ui":"1.2","pilotis":"0.1.0","type":"version"}
    {"@level":"info","@message":"module.project[\"carto\"].gitlab_group.this: Drift detected (update)","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","change":{"resource":{"addr":"module.project[\"carto\"].gitlab_group.this","module":"module.project[\"carto\"]","resource":"gitlab_group.this","implied_provider":"gitlab","resource_type":"gitlab_group","resource_name":"this","resource_key":null},"action":"update"},"type":"resource_drift"}
    {"@level":"info","@message":"module.project[\"carto\"].gitlab_project_hook.ci: Drift detected (delete)","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","change":{"resource":{"addr":"module.project[\"carto\"].gitlab_project_hook.ci","module":"module.project[\"carto\"]","resource":"gitlab_project_hook.ci","implied_provider":"gitlab","resource_type":"gitlab_project_hook","resource_name":"ci","resource_key":null},"action":"delete"},"type":"resource_drift"}
    {"@level":"info","@message":"gitlab_group.root: Plan to update","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","change":{"resource":{"addr":"gitlab_group.root","module":"","resource":"gitlab_group.root","implied_provider":"gitlab","resource_type":"gitlab_group","resource_name":"root","resource_key":null},"action":"update","importing":{"id":"1"}},"type":"planned_change"}
    {"@level":"info","@message":"module.project[\"carto\"].gitlab_branch_protection.main: Plan to move","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","change":{"resource":{"addr":"module.project[\"carto\"].gitlab_branch_protection.main","module":"module.project[\"carto\"]","resource":"gitlab_branch_protection.main","implied_provider":"gitlab","resource_type":"gitlab_branch_protection","resource_name":"main","resource_key":null},"previous_resource":{"addr":"module.project[\"carto\"].gitlab_branch_protection.default","module":"module.project[\"carto\"]","resource":"gitlab_branch_protection.default","implied_provider":"gitlab","resource_type":"gitlab_branch_protection","resource_name":"default","resource_key":null},"action":"move"},"type":"planned_change"}
    {"@level":"info","@message":"module.project[\"carto\"].gitlab_group.this: Plan to create","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","change":{"resource":{"addr":"module.project[\"carto\"].gitlab_group.this","module":"module.project[\"carto\"]","resource":"gitlab_group.this","implied_provider":"gitlab","resource_type":"gitlab_group","resource_name":"this","resource_key":null},"action":"create"},"type":"planned_change"}
    {"@level":"info","@message":"module.project[\"carto\"].gitlab_project.repo[\"api\"]: Plan to replace","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","change":{"resource":{"addr":"module.project[\"carto\"].gitlab_project.repo[\"api\"]","module":"module.project[\"carto\"]","resource":"gitlab_project.repo[\"api\"]","implied_provider":"gitlab","resource_type":"gitlab_project","resource_name":"repo","resource_key":"api"},"action":"replace","reason":"cannot_update"},"type":"planned_change"}
    {"@level":"info","@message":"module.project[\"carto\"].gitlab_project_member.m[\"paul\"]: Plan to delete","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","change":{"resource":{"addr":"module.project[\"carto\"].gitlab_project_member.m[\"paul\"]","module":"module.project[\"carto\"]","resource":"gitlab_project_member.m[\"paul\"]","implied_provider":"gitlab","resource_type":"gitlab_project_member","resource_name":"m","resource_key":"paul"},"action":"delete","reason":"delete_because_each_key"},"type":"planned_change"}
    {"@level":"info","@message":"module.project[\"carto\"].module.environment[\"dev\"].kubernetes_resource_quota.this: Plan to update","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","change":{"resource":{"addr":"module.project[\"carto\"].module.environment[\"dev\"].kubernetes_resource_quota.this","module":"module.project[\"carto\"].module.environment[\"dev\"]","resource":"kubernetes_resource_quota.this","implied_provider":"kubernetes","resource_type":"kubernetes_resource_quota","resource_name":"this","resource_key":null},"action":"update"},"type":"planned_change"}
    {"@level":"info","@message":"Plan: 1 to import, 2 to add, 2 to change, 2 to destroy.","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","changes":{"add":2,"change":2,"import":1,"remove":2,"operation":"plan"},"type":"change_summary"}
    {"@level":"info","@message":"Outputs: 3","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","outputs":{"url":{"sensitive":false,"action":"update"},"token":{"sensitive":true,"action":"update"},"same":{"sensitive":false,"action":"update"}},"type":"outputs"}
    "#);
}

#[test]
fn the_stream_of_an_apply() {
    let address = instance(carto(), "gitlab_group", "this", Some(Key::String("a".into())));
    let objects = vec![
        outcome("a.b", PlanAction::Create, ObjectResult::Done),
        outcome("a.c", PlanAction::Create, ObjectResult::Failed("no".into())),
    ];
    let sources = SourceMap::default();
    let error = Diagnostic::error("no").detail("the service said no");
    let lines = [
        events::apply_start(&address, PlanAction::Create, None, AT),
        events::apply_progress(&address, PlanAction::Create, 10, AT),
        events::apply_complete(&address, PlanAction::Create, Some("7"), 12, AT),
        events::apply_errored(&address, PlanAction::Delete, 1, AT),
        events::diagnostic(&error, &sources, AT),
        events::log("Releasing leases", AT),
        events::run_summary(&applied(objects, RunStatus::Partial), false, AT),
    ];
    let text: Vec<String> = lines.iter().map(Json::to_string).collect();
    insta::assert_snapshot!(text.join("\n"), @r#"
    {"@level":"info","@message":"module.project[\"carto\"].gitlab_group.this[\"a\"]: Creating...","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","hook":{"resource":{"addr":"module.project[\"carto\"].gitlab_group.this[\"a\"]","module":"module.project[\"carto\"]","resource":"gitlab_group.this[\"a\"]","implied_provider":"gitlab","resource_type":"gitlab_group","resource_name":"this","resource_key":"a"},"action":"create"},"type":"apply_start"}
    {"@level":"info","@message":"module.project[\"carto\"].gitlab_group.this[\"a\"]: Still creating... [10s elapsed]","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","hook":{"resource":{"addr":"module.project[\"carto\"].gitlab_group.this[\"a\"]","module":"module.project[\"carto\"]","resource":"gitlab_group.this[\"a\"]","implied_provider":"gitlab","resource_type":"gitlab_group","resource_name":"this","resource_key":"a"},"action":"create","elapsed_seconds":10},"type":"apply_progress"}
    {"@level":"info","@message":"module.project[\"carto\"].gitlab_group.this[\"a\"]: Creation complete after 12s [id=7]","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","hook":{"resource":{"addr":"module.project[\"carto\"].gitlab_group.this[\"a\"]","module":"module.project[\"carto\"]","resource":"gitlab_group.this[\"a\"]","implied_provider":"gitlab","resource_type":"gitlab_group","resource_name":"this","resource_key":"a"},"action":"create","id_key":"id","id_value":"7","elapsed_seconds":12},"type":"apply_complete"}
    {"@level":"error","@message":"module.project[\"carto\"].gitlab_group.this[\"a\"]: Destruction errored after 1s","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","hook":{"resource":{"addr":"module.project[\"carto\"].gitlab_group.this[\"a\"]","module":"module.project[\"carto\"]","resource":"gitlab_group.this[\"a\"]","implied_provider":"gitlab","resource_type":"gitlab_group","resource_name":"this","resource_key":"a"},"action":"delete","elapsed_seconds":1},"type":"apply_errored"}
    {"@level":"error","@message":"Error: no","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","diagnostic":{"severity":"error","summary":"no","detail":"the service said no"},"type":"diagnostic"}
    {"@level":"info","@message":"Releasing leases","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","type":"log"}
    {"@level":"info","@message":"Apply incomplete! Resources: 1 added, 0 changed, 0 destroyed. 1 failed.","@module":"terraform.ui","@timestamp":"2026-11-25T02:10:00Z","changes":{"add":1,"change":0,"import":0,"remove":0,"operation":"apply"},"outcome":{"done":1,"failed":1,"not_attempted":0,"unknown":0},"type":"change_summary"}
    "#);
}

#[test]
fn gitlabs_widget_counts_as_terraforms_converter_does() {
    assert_eq!(json::gitlab(&plan()), object!({ "create": 2, "update": 2, "delete": 2 }));
}

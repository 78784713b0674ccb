//! Plans: what is done, and why.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use pilotis_plan::{PlanMode, PlanOptions};
use support::Case;

const BASE: &str = r#"
resource "sim_thing" "a" {
  name = "a"
  size = 1
}
resource "sim_lone" "b" {
  name  = sim_thing.a.id
  value = "x"
}
output "id" { value = sim_thing.a.id }
"#;

fn options(change: impl FnOnce(&mut PlanOptions)) -> PlanOptions {
    let mut options = PlanOptions::default();
    change(&mut options);
    options
}

#[test]
fn creates_then_nothing_then_updates_then_deletes() {
    let mut case = Case::new(BASE);
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"
    create sim_lone.b
    create sim_thing.a
    output id: None → Some((unknown string))
    ");
    case.apply(made);
    insta::assert_snapshot!(case.state(), @r#"
    sim_lone.b {"id":"id-2","name":"id-1","value":"x"}
    sim_thing.a {"disk":[],"enabled":true,"id":"id-1","memory":null,"name":"a","note":"a note","parent":null,"password":null,"port":[],"script":null,"size":1,"stamp":1,"tags":null,"token":"token of id-1","zone":null}
    output id = {"type":"string","value":"id-1"}
    "#);
    insta::assert_snapshot!(case.plan().text(), @"");
    case.set(
        r#"resource "sim_thing" "a" {
      name = "a"
      size = 2
    }"#,
    );
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @r#"
    delete sim_lone.b (NoResourceConfig)
    update sim_thing.a
    output id: Some("id-1") → None
    "#);
    case.apply(made);
    insta::assert_snapshot!(case.state(), @r#"sim_thing.a {"disk":[],"enabled":true,"id":"id-1","memory":null,"name":"a","note":"a note","parent":null,"password":null,"port":[],"script":null,"size":2,"stamp":3,"tags":null,"token":"token of id-1","zone":null}"#);
}

#[test]
fn a_plan_of_nothing_asks_for_no_change_and_changes_nothing() {
    let mut case = Case::new(BASE);
    case.run();
    case.world.log.clear();
    let serial = pilotis_state::Store::snapshot(&mut case.store).unwrap().serial;
    case.run();
    insta::assert_snapshot!(case.world.log.join("\n"), @"read 2");
    // The run's own record.
    assert_eq!(pilotis_state::Store::snapshot(&mut case.store).unwrap().serial, serial + 1);
}

#[test]
fn expansion() {
    let mut case = Case::new(
        r#"
        variable "names" {
          type    = set(string)
          default = ["x", "y"]
        }
        resource "sim_thing" "counted" {
          count = 2
          name  = "c${count.index}"
        }
        resource "sim_thing" "each" {
          for_each = var.names
          name     = "${each.key}-${each.value}"
        }
        module "m" {
          source   = "./m"
          for_each = { one = 1, two = 2 }
          size     = each.value
        }
        output "sizes" { value = { for k, m in module.m : k => m.size } }
        output "second" { value = module.m["two"].name }
        "#,
    )
    .module(
        "m",
        r#"
        variable "size" { type = number }
        resource "sim_thing" "inner" {
          name = "s${var.size}"
          size = var.size
        }
        output "size" { value = sim_thing.inner.size }
        output "name" { value = sim_thing.inner.name }
        "#,
    );
    insta::assert_snapshot!(case.plan().text(), @r#"
    create sim_thing.counted[0]
    create sim_thing.counted[1]
    create sim_thing.each["x"]
    create sim_thing.each["y"]
    create module.m["one"].sim_thing.inner
    create module.m["two"].sim_thing.inner
    output second: None → Some("s2")
    output sizes: None → Some({"one": 1, "two": 2})
    "#);
    case.run();
    case.var("names", r#"["y", "z"]"#);
    insta::assert_snapshot!(case.plan().text(), @r#"
    delete sim_thing.each["x"] (EachKey)
    create sim_thing.each["z"]
    "#);
}

#[test]
fn instances_must_be_known() {
    let mut case = Case::new(
        r#"
        resource "sim_thing" "a" { name = "a" }
        resource "sim_thing" "each" {
          for_each = toset([sim_thing.a.id])
          name     = each.key
        }
        resource "sim_thing" "counted" {
          count = length(sim_thing.a.id)
          name  = "c"
        }
        resource "sim_thing" "list" {
          for_each = ["a"]
          name     = each.key
        }
        "#,
    );
    insta::assert_snapshot!(case.plan().said(), @r#"
    error[E0405]: Invalid for_each argument
     --> main.hcl:4:22
      |
    4 |           for_each = toset([sim_thing.a.id])
      |                      ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = in sim_thing.each
      = The "for_each" value depends on something that is not known before apply, so it can't be told which
        keys there will be. sim_thing.a.id will be known only after apply. It comes from sim_thing.a, which
        this apply makes or changes.
      = note: sim_thing.a.id is a string, known only after apply
      = help: Let the keys be known: `for_each = { web = …, api = … }` with names that you write, and put what is
              not known in the values.
      = help: Or make that first, with `pilotis apply -target=sim_thing.a`, and then the rest.

    error[E0405]: Invalid count argument
     --> main.hcl:8:19
      |
    8 |           count = length(sim_thing.a.id)
      |                   ^^^^^^^^^^^^^^^^^^^^^^
      |
      = in sim_thing.counted
      = The "count" value depends on something that is not known before apply, so it can't be told how many
        instances there will be. sim_thing.a.id will be known only after apply. It comes from sim_thing.a,
        which this apply makes or changes.
      = note: sim_thing.a.id is a string, known only after apply
      = help: Let the number come from variables, locals or data that are known when planning.
      = help: Or make that first, with `pilotis apply -target=sim_thing.a`, and then the rest.

    error[E0404]: Invalid for_each argument
      --> main.hcl:12:22
       |
    12 |           for_each = ["a"]
       |                      ^^^^^
       |
       = in sim_thing.list
       = The given "for_each" argument value is unsuitable: the "for_each" argument must be a map, or set of
         strings, and you have provided a value of type tuple.
       = help: Use toset([…]) if it is a list of keys.
    "#);
}

#[test]
fn what_forces_a_new_object() {
    let mut case = Case::new(
        r#"
        variable "zone" { default = "north" }
        variable "kind" { default = "ssd" }
        variable "password" { default = "one" }
        resource "sim_thing" "a" {
          name     = "a"
          zone     = var.zone
          password = var.password
          disk {
            size = 1
            kind = var.kind
          }
        }
        resource "sim_thing" "user" {
          name   = "user"
          parent = sim_thing.a.id
        }
        "#,
    );
    case.run();
    case.var("zone", "south");
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"
    delete, create sim_thing.a (CannotUpdate) .zone
    update sim_thing.user
    ");
    insta::assert_snapshot!(format!("{:?}", made.change("sim_thing.a").after), @r#"{"disk": [{"kind": "ssd", "size": 1}], "enabled": true, "id": (unknown string), "memory": null, "name": "a", "note": (unknown string), "parent": null, "password": (sensitive), "port": [], "script": null, "size": null, "stamp": (unknown number), "tags": null, "token": (sensitive), "zone": "south"}"#);
    case.world.log.clear();
    case.apply(made);
    insta::assert_snapshot!(case.world.log.join("\n"), @"
    delete sim_thing.a
    create sim_thing.a
    update sim_thing.user
    ");
    case.var("kind", "hdd");
    insta::assert_snapshot!(case.plan().text(), @"
    delete, create sim_thing.a (CannotUpdate) .disk[0].kind
    update sim_thing.user
    ");
    case.var("kind", "ssd").var("password", "two");
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"update sim_thing.a");
    insta::assert_snapshot!(format!("{:?}", made.change("sim_thing.a").before.get("password")), @"Some((sensitive))");
}

#[test]
fn what_means_the_same_is_no_change() {
    let mut case = Case::new(
        r#"
      variable "memory" { default = "1Gi" }
      resource "sim_thing" "a" {
        name   = "a"
        memory = var.memory
      }"#,
    );
    case.run();
    case.var("memory", "1024Mi");
    insta::assert_snapshot!(case.plan().text(), @"");
    case.var("memory", "2Gi");
    insta::assert_snapshot!(case.plan().text(), @"update sim_thing.a");
}

#[test]
fn create_before_destroy_spreads_to_what_it_needs() {
    let mut case = Case::new(
        r#"
        variable "zone" { default = "north" }
        resource "sim_thing" "base" {
          name = "base-${var.zone}"
          zone = var.zone
        }
        resource "sim_thing" "top" {
          name   = "top-${var.zone}"
          zone   = var.zone
          parent = sim_thing.base.id
          lifecycle { create_before_destroy = true }
        }
        resource "sim_lone" "user" {
          name  = "user"
          value = sim_thing.top.id
        }
        "#,
    );
    case.run();
    case.var("zone", "south");
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"
    update sim_lone.user
    create, delete sim_thing.base (CannotUpdate) .zone
    create, delete sim_thing.top (CannotUpdate) .zone
    ");
    case.world.log.clear();
    case.apply(made);
    insta::assert_snapshot!(case.world.log.join("\n"), @"
    create sim_thing.base
    create sim_thing.top
    update sim_lone.user
    delete sim_thing.top
    delete sim_thing.base
    ");
    insta::assert_snapshot!(case.plan().text(), @"");
}

#[test]
fn a_protected_object_is_never_removed() {
    let protected = r#"
      variable "zone" { default = "north" }
      resource "sim_thing" "a" {
        name = "a"
        zone = var.zone
        lifecycle { prevent_destroy = true }
      }"#;
    let mut case = Case::new(protected);
    case.run();
    case.var("zone", "south");
    insta::assert_snapshot!(case.plan().said(), @r#"
    error[E0416]: Instance cannot be destroyed
     --> main.hcl:3:7
      |
    3 |       resource "sim_thing" "a" {
      |       ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = in sim_thing.a
      = sim_thing.a has lifecycle.prevent_destroy set, and the plan replaces it because of zone.
      = help: Take prevent_destroy out to allow it, or leave what forces the replacement as it was.
    "#);
    case.variables.clear();
    insta::assert_snapshot!(case.plan_with(options(|o| o.mode = PlanMode::Destroy)).said(), @r#"
    error[E0416]: Instance cannot be destroyed
     --> main.hcl:3:7
      |
    3 |       resource "sim_thing" "a" {
      |       ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = in sim_thing.a
      = sim_thing.a has lifecycle.prevent_destroy set, and the plan removes it.
      = help: Take prevent_destroy out and apply, then remove it; or leave it out with -exclude.
    "#);
    case.set("");
    insta::assert_snapshot!(case.plan().said(), @"
    error[E0416]: Instance cannot be destroyed
    --> sim_thing.a
     = sim_thing.a was made with lifecycle.prevent_destroy, which is stored with it and holds though its
       block is gone.
     = help: Put the block back without prevent_destroy and apply, then take it out; or keep the object with a
             `removed` block that says destroy = false.
    ");
    case.set(&protected.replace("prevent_destroy = true", ""));
    case.run();
    case.set("");
    insta::assert_snapshot!(case.plan().text(), @"delete sim_thing.a (NoResourceConfig)");
}

#[test]
fn moves() {
    let mut case = Case::new(
        r#"
        resource "sim_thing" "a" { name = "a" }
        resource "sim_thing" "b" {
          count = 2
          name  = "b${count.index}"
        }
        resource "sim_thing" "c" { name = "c" }
        "#,
    );
    case.run();
    case.set(
        r#"
        resource "sim_thing" "d" { name = "a" }
        resource "sim_thing" "b" { name = "b0" }
        module "m" { source = "./m" }
        moved {
          from = sim_thing.a
          to   = sim_thing.d
        }
        moved {
          from = sim_thing.c
          to   = module.m.sim_thing.c
        }
        "#,
    );
    case = case.module("m", r#"resource "sim_thing" "c" { name = "c" }"#);
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"
    no-op sim_thing.b (from sim_thing.b[0])
    delete sim_thing.b[1] (WrongRepetition)
    no-op sim_thing.d (from sim_thing.a)
    no-op module.m.sim_thing.c (from sim_thing.c)
    ");
    case.apply(made);
    insta::assert_snapshot!(case.plan().text(), @"");
    case.set(
        r#"
        resource "sim_thing" "d" { name = "a" }
        resource "sim_thing" "e" { name = "e" }
        module "m" { source = "./m" }
        moved {
          from = sim_thing.d
          to   = sim_thing.e
        }
        "#,
    );
    insta::assert_snapshot!(case.plan().said(), @"
    error[E0414]: Moved object still exists
     --> main.hcl:5:9
      |
    5 |         moved {
      |         ^^^^^
      |
      = This says that sim_thing.d has moved, but it is still declared in the configuration.
      = help: Take sim_thing.d out of the configuration, or this block.
    ");
}

#[test]
fn removed_blocks_forget() {
    let mut case = Case::new(BASE);
    case.run();
    case.set(
        r#"
        removed {
          from = sim_thing.a
          lifecycle { destroy = false }
        }
        "#,
    );
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @r#"
    delete sim_lone.b (NoResourceConfig)
    forget sim_thing.a (NoResourceConfig)
    output id: Some("id-1") → None
    "#);
    case.apply(made);
    insta::assert_snapshot!(case.state(), @"");
    assert_eq!(case.world.objects.len(), 1, "it is left where it is");
}

#[test]
fn imports() {
    let mut case = Case::new(r#"resource "sim_thing" "a" { name = "a" }"#);
    case.run();
    // Another state, the same world.
    let mut other = Case::new(
        r#"
        resource "sim_thing" "mine" {
          name = "a"
          size = 5
        }
        import {
          to = sim_thing.mine
          id = "id-1"
        }
        "#,
    );
    other.world = case.world.clone();
    let made = other.plan();
    insta::assert_snapshot!(made.text(), @"update sim_thing.mine (import id-1)");
    other.apply(made);
    insta::assert_snapshot!(other.plan().text(), @"");
    other.set(
        r#"
        import {
          to = sim_thing.none
          id = "id-1"
        }
        "#,
    );
    insta::assert_snapshot!(other.plan().said(), @"
    error[E0415]: Configuration for import target does not exist
     --> main.hcl:3:16
      |
    3 |           to = sim_thing.none
      |                ^^^^^^^^^^^^^^
      |
      = The configuration has no sim_thing.none to import to.
      = help: Write the resource block for sim_thing.none first, or let `plan -generate-config-out=generated.tf`
              write it.
    ");
}

#[test]
fn data_is_read_when_all_is_known() {
    let mut case = Case::new(
        r#"
        data "sim_lookup" "early" { name = "one" }
        data "sim_lookup" "same" { name = "one" }
        resource "sim_thing" "a" { name = data.sim_lookup.early.value }
        data "sim_lookup" "late" { name = sim_thing.a.id }
        resource "sim_lone" "b" {
          name  = "b"
          value = data.sim_lookup.late.value
        }
        "#,
    );
    case.world.answers.insert("one".into(), "first".into());
    case.world.answers.insert("id-1".into(), "second".into());
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"
    read data.sim_lookup.late (ConfigUnknown)
    create sim_lone.b
    create sim_thing.a
    ");
    insta::assert_snapshot!(case.world.log.join("\n"), @"data 1");
    case.apply(made);
    insta::assert_snapshot!(case.state(), @r#"
    data.sim_lookup.early {"name":"one","value":"first"}
    data.sim_lookup.late {"name":"id-1","value":"second"}
    data.sim_lookup.same {"name":"one","value":"first"}
    sim_lone.b {"id":"id-2","name":"b","value":"second"}
    sim_thing.a {"disk":[],"enabled":true,"id":"id-1","memory":null,"name":"first","note":"a note","parent":null,"password":null,"port":[],"script":null,"size":null,"stamp":1,"tags":null,"token":"token of id-1","zone":null}
    "#);
    insta::assert_snapshot!(case.plan().text(), @"");
}

#[test]
fn targets() {
    let mut case = Case::new(
        r#"
        resource "sim_thing" "a" { name = "a" }
        resource "sim_thing" "b" {
          for_each = toset(["x", "y"])
          name     = each.key
          parent   = sim_thing.a.id
        }
        resource "sim_thing" "c" { name = "c" }
        output "a" { value = sim_thing.a.name }
        output "c" { value = sim_thing.c.name }
        "#,
    );
    let target = |text: &str| options(|o| o.targets = vec![text.parse().unwrap()]);
    let exclude = |text: &str| options(|o| o.excludes = vec![text.parse().unwrap()]);
    insta::assert_snapshot!(case.plan_with(target("sim_thing.b[\"x\"]")).text(), @r#"
    create sim_thing.a
    create sim_thing.b["x"]
    output a: None → Some("a")
    "#);
    insta::assert_snapshot!(case.plan_with(exclude("sim_thing.a")).text(), @r#"
    create sim_thing.c
    output c: None → Some("c")
    "#);
    insta::assert_snapshot!(case.plan_with(exclude("sim_thing.b[\"x\"]")).text(), @r#"
    create sim_thing.a
    create sim_thing.b["y"]
    create sim_thing.c
    output a: None → Some("a")
    output c: None → Some("c")
    "#);
    insta::assert_snapshot!(case.plan_with(target("sim_thing.d")).said(), @"
    error[E0417]: -target=sim_thing.d matches nothing
     |
     = Neither the configuration nor the state has anything at this address.
     = help: Did you mean sim_thing.a?

    warning[E0417]: Resource targeting is in effect
     |
     = Only a part of the configuration was planned; the rest may need changes too.
    ");
    case.run();
    let destroy = |text: &str| PlanOptions { mode: PlanMode::Destroy, ..target(text) };
    insta::assert_snapshot!(case.plan_with(destroy("sim_thing.a")).text(), @r#"
    delete sim_thing.a
    delete sim_thing.b["x"]
    delete sim_thing.b["y"]
    "#);
    insta::assert_snapshot!(case.plan_with(options(|o| o.replace = vec!["sim_thing.a".parse().unwrap()])).text(), @r#"
    delete, create sim_thing.a (Requested)
    update sim_thing.b["x"]
    update sim_thing.b["y"]
    "#);
}

#[test]
fn destroys_in_reverse() {
    let mut case = Case::new(
        r#"
        resource "sim_thing" "a" { name = "a" }
        resource "sim_thing" "b" {
          name   = "b"
          parent = sim_thing.a.id
        }
        resource "sim_lone" "c" {
          name  = "c"
          value = sim_thing.b.id
        }
        output "o" { value = 1 }
        "#,
    );
    case.run();
    let made = case.plan_with(options(|o| o.mode = PlanMode::Destroy));
    insta::assert_snapshot!(made.text(), @"
    delete sim_lone.c
    delete sim_thing.a
    delete sim_thing.b
    output o: Some(1) → None
    ");
    case.world.log.clear();
    case.apply(made);
    insta::assert_snapshot!(case.world.log.join("\n"), @"
    delete sim_lone.c
    delete sim_thing.b
    delete sim_thing.a
    ");
    assert_eq!(case.state(), "");
}

#[test]
fn cycles_show_their_path() {
    let mut case = Case::new(
        r#"
        locals { x = sim_thing.b.id }
        resource "sim_thing" "a" { name = local.x }
        resource "sim_thing" "b" { name = sim_thing.a.id }
        "#,
    );
    insta::assert_snapshot!(case.plan().said(), @r#"
    error[E0401]: Cycle: local.x, sim_thing.b, sim_thing.a
     --> main.hcl:2:18
      |
    2 |         locals { x = sim_thing.b.id }
      |                  ^ local.x
    3 |         resource "sim_thing" "a" { name = local.x }
      |         ------------------------ sim_thing.a
    4 |         resource "sim_thing" "b" { name = sim_thing.a.id }
      |         ------------------------ sim_thing.b
      |
      = These blocks need each other: local.x needs sim_thing.b needs sim_thing.a needs local.x.
      = help: Break the circle: take one of these references out, or split a block in two.
    "#);
}

#[test]
fn conditions() {
    let mut case = Case::new(
        r#"
        variable "size" {
          type    = number
          default = 1
          validation {
            condition     = var.size < 10
            error_message = "Too big: ${var.size}."
          }
        }
        resource "sim_thing" "a" {
          name = "a"
          size = var.size
          lifecycle {
            precondition {
              condition     = var.size != 3
              error_message = "Not three."
            }
            postcondition {
              condition     = self.stamp < 2
              error_message = "Stamped too late."
            }
          }
        }
        check "small" {
          assert {
            condition     = var.size < 2
            error_message = "It is not small."
          }
        }
        "#,
    );
    insta::assert_snapshot!(case.plan().said(), @"");
    case.run();
    case.var("size", "12");
    insta::assert_snapshot!(case.plan().said(), @r#"
    error[E0360]: Invalid value for variable
     --> main.hcl:2:9
      |
    2 |         variable "size" {
      |         ^^^^^^^^^^^^^^^
    ...
    6 |             condition     = var.size < 10
      |                             ------------- the rule that it breaks
      |
      = in var.size
      = Too big: 12.
      = note: var.size is 12
    "#);
    case.var("size", "3");
    insta::assert_snapshot!(case.plan().said(), @"
    error[E0408]: Resource precondition failed
      --> main.hcl:15:31
       |
    15 |               condition     = var.size != 3
       |                               ^^^^^^^^^^^^^
       |
       = in sim_thing.a
       = Not three.
       = note: var.size is 3

    warning[E0410]: Check block assertion failed
      --> main.hcl:26:29
       |
    26 |             condition     = var.size < 2
       |                             ^^^^^^^^^^^^
       |
       = in check.small
       = It is not small.
       = note: var.size is 3
    ");
    case.var("size", "4");
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"update sim_thing.a");
    let configuration = made.configuration.clone();
    let applied = case.apply(made);
    insta::assert_snapshot!(support::said(&configuration, &applied.diagnostics), @"
    error[E0409]: Resource postcondition failed
      --> main.hcl:19:31
       |
    19 |               condition     = self.stamp < 2
       |                               ^^^^^^^^^^^^^^
       |
       = in sim_thing.a
       = Stamped too late.
       = note: self.stamp is 2

    warning[E0410]: Check block assertion failed
      --> main.hcl:26:29
       |
    26 |             condition     = var.size < 2
       |                             ^^^^^^^^^^^^
       |
       = in check.small
       = It is not small.
       = note: var.size is 4
    ");
    insta::assert_snapshot!(format!("{:?}", applied.objects), @r#"[ObjectOutcome { address: "sim_thing.a", display: "sim_thing.a", deposed: None, action: Update, result: Failed("a postcondition does not hold") }]"#);
}

#[test]
fn ignored_and_triggered() {
    let mut case = Case::new(
        r#"
        variable "v" { default = "1" }
        resource "sim_thing" "a" {
          name = "a"
          size = var.v
          tags = { x = var.v, y = var.v }
          lifecycle { ignore_changes = [size, tags["x"]] }
        }
        resource "sim_thing" "b" {
          name = "b"
          lifecycle { replace_triggered_by = [sim_thing.a.tags] }
        }
        "#,
    );
    case.run();
    case.var("v", "2");
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"
    update sim_thing.a
    delete, create sim_thing.b (Triggers)
    ");
    insta::assert_snapshot!(format!("{:?}", made.change("sim_thing.a").after.get("tags")), @r#"Some({"x": "1", "y": "2"})"#);
    insta::assert_snapshot!(format!("{:?}", made.change("sim_thing.a").after.get("size")), @"Some(1)");
}

#[test]
fn a_key_that_is_ignored_is_neither_added_nor_taken_away() {
    let text = |input: &str, path: &str| {
        format!(
            "resource \"terraform_data\" \"a\" {{\n  input = {input}\n  lifecycle {{ ignore_changes = [{path}] }}\n}}"
        )
    };
    for (before, after, path, changes) in [
        ("{ a = 1 }", "{ a = 1, z = 1 }", "input[\"z\"]", false),
        ("{ a = 1, z = 1 }", "{ a = 1 }", "input[\"z\"]", false),
        ("{ a = 1 }", "{ a = 2, z = 1 }", "input[\"z\"]", true),
        ("{ a = { b = 1 } }", "{ a = { b = 1, c = 2 } }", "input.a[\"c\"]", false),
        ("{ a = { b = 1 } }", "{ a = { b = 1, c = 2 } }", "input.a[\"b\"]", true),
    ] {
        let mut case = Case::new(&text(before, path));
        case.run();
        case.set(&text(after, path));
        assert_eq!(case.plan().text().contains("update"), changes, "{before} to {after}, {path} ignored");
    }
}

#[test]
fn what_is_not_known_yet_says_since_when_and_how_to_know_it() {
    let case = Case::new(
        r#"
        resource "sim_thing" "base" { name = "base" }
        resource "sim_thing" "known" { name = "known" }
        locals {
          size = length(split("-", sim_thing.base.id)) + length(sim_thing.known.name)
        }
        module "m" {
          source   = "./m"
          for_each = toset(["x"])
        }
        resource "sim_thing" "many" {
          count = local.size
          name  = "many-${count.index}"
        }
        resource "sim_thing" "each" {
          for_each = toset([module.m["x"].id])
          name     = each.key
        }
        "#,
    );
    let mut case = case.module(
        "m",
        r#"
        resource "sim_thing" "inner" { name = "inner" }
        output "id" { value = sim_thing.inner.id }
        "#,
    );
    let made = case.plan();
    insta::assert_snapshot!(made.said(), @r#"
    error[E0405]: Invalid count argument
      --> main.hcl:12:19
       |
    12 |           count = local.size
       |                   ^^^^^^^^^^
       |
       = in sim_thing.many
       = The "count" value depends on something that is not known before apply, so it can't be told how many
         instances there will be. local.size will be known only after apply. It comes from sim_thing.base,
         sim_thing.known, which this apply makes or changes.
       = note: local.size is a number, known only after apply
       = help: Let the number come from variables, locals or data that are known when planning.
       = help: Or make that first, with `pilotis apply -target=sim_thing.base -target=sim_thing.known`, and then
               the rest.

    error[E0405]: Invalid for_each argument
      --> main.hcl:16:22
       |
    16 |           for_each = toset([module.m["x"].id])
       |                      ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = in sim_thing.each
       = The "for_each" value depends on something that is not known before apply, so it can't be told which
         keys there will be. module.m["x"].id will be known only after apply. It comes from
         module.m.sim_thing.inner, which this apply makes or changes.
       = note: module.m["x"].id is a string, known only after apply
       = help: Let the keys be known: `for_each = { web = …, api = … }` with names that you write, and put what is
               not known in the values.
       = help: Or make that first, with `pilotis apply -target=module.m.sim_thing.inner`, and then the rest.
    "#);
    // What it says helps.
    let first: Vec<_> = ["sim_thing.base", "module.m.sim_thing.inner"].map(|t| t.parse().unwrap()).into();
    let made = case.plan_with(PlanOptions { targets: first, ..PlanOptions::default() });
    insta::assert_snapshot!(made.text(), @r#"
    create sim_thing.base
    create module.m["x"].sim_thing.inner
    "#);
    case.apply(made);
    insta::assert_snapshot!(case.plan().summaries().join("\n"), @"");
}

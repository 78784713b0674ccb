//! What a plan reads and leaves as it is: what a run holds so that nobody changes it meanwhile.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use support::Case;

/// What the plan of a case writes and reads.
fn sets(case: &mut Case) -> (Vec<String>, Vec<String>) {
    let mut made = case.plan();
    assert!(!made.plan.diagnostics.has_errors(), "{}", made.said());
    let texts = |set: Vec<std::sync::Arc<str>>| set.iter().map(ToString::to_string).collect();
    (texts(made.machine.write_set()), texts(made.machine.read_set()))
}

const CHAIN: &str = r#"
variable "value" { default = "1" }
resource "sim_thing" "far" { name = "far" }
resource "sim_thing" "near" {
  name   = "near"
  parent = sim_thing.far.id
}
resource "sim_thing" "after" { name = "after" }
resource "sim_thing" "other" { name = "other" }
locals { near = sim_thing.near.name }
data "sim_lookup" "seen" { name = local.near }
resource "sim_lone" "it" {
  name       = data.sim_lookup.seen.value
  value      = var.value
  depends_on = [sim_thing.after]
}
"#;

#[test]
fn through_locals_and_data_sources_to_the_nearest_objects() {
    let mut case = Case::new(CHAIN);
    case.world.answers.insert("near".into(), "found".into());
    let (written, read) = sets(&mut case);
    assert_eq!(written.len(), 6, "{written:?}: all is to be made, and what is read then too");
    assert_eq!(read, [""; 0], "what a plan changes it doesn't only read");
    case.run();
    assert_eq!(sets(&mut case), (vec![], vec![]));
    case.var("value", "2");
    let (written, read) = sets(&mut case);
    assert_eq!(written, ["sim_lone.it"]);
    assert_eq!(read, ["sim_thing.after", "sim_thing.near"]);
    case.set("resource \"sim_thing\" \"far\" { name = \"far\" }\nvariable \"value\" {}");
    assert_eq!(sets(&mut case).1, [""; 0], "what goes needs nothing");
}

const MODULES: &str = r#"
variable "value" { default = "1" }
resource "sim_thing" "shared" { name = "shared" }
resource "sim_thing" "unused" { name = "unused" }
module "m" {
  source   = "./m"
  for_each = { a = var.value, b = "1" }
  name     = each.key
  value    = each.value
  parent   = sim_thing.shared.id
}
resource "sim_lone" "last" {
  name  = "last"
  value = module.m["a"].id
}
"#;

const MODULE: &str = r#"
variable "name" {}
variable "value" {}
variable "parent" {}
resource "sim_thing" "own" {
  name   = var.name
  parent = var.parent
}
resource "sim_lone" "it" {
  name  = sim_thing.own.id
  value = var.value
}
output "id" { value = sim_thing.own.id }
"#;

#[test]
fn of_many_instances_of_a_module_its_own() {
    let mut case = Case::new(MODULES).module("m", MODULE);
    case.run();
    case.var("value", "2");
    let (written, read) = sets(&mut case);
    assert_eq!(written, ["module.m[\"a\"].sim_lone.it"]);
    assert_eq!(read, ["module.m[\"a\"].sim_thing.own"]);

    case.var("value", "1");
    case.set(&MODULES.replace("\"last\"\n", "\"newer\"\n"));
    let (written, read) = sets(&mut case);
    assert_eq!(written, ["sim_lone.last"]);
    assert_eq!(read, ["module.m[\"a\"].sim_thing.own", "module.m[\"b\"].sim_thing.own"]);

    case.set(&MODULES.replace("{ a = var.value,", "{ c = \"1\", a = var.value,"));
    let (written, read) = sets(&mut case);
    assert_eq!(written, ["module.m[\"c\"].sim_lone.it", "module.m[\"c\"].sim_thing.own"]);
    assert_eq!(read, ["sim_thing.shared"]);
}

const KEYS: &str = r#"
variable "value" { default = "1" }
resource "sim_thing" "project" {
  for_each = toset(["a", "b"])
  name     = each.key
}
resource "sim_lone" "hook" {
  for_each = { a = var.value, b = "1" }
  name     = sim_thing.project[each.key].id
  value    = each.value
}
"#;

#[test]
fn of_many_instances_of_a_block_the_one_with_the_readers_key() {
    let mut case = Case::new(KEYS);
    case.run();
    case.var("value", "2");
    let (written, read) = sets(&mut case);
    assert_eq!(written, ["sim_lone.hook[\"a\"]"]);
    assert_eq!(read, ["sim_thing.project[\"a\"]"], "who changes another project doesn't wait");

    // Nobody can tell which one it is: all.
    case.var("value", "1");
    case.set(&KEYS.replace("project[each.key]", "project[\"a\"]").replace("b = \"1\" }", "other = \"1\" }"));
    let (written, read) = sets(&mut case);
    assert_eq!(written, ["sim_lone.hook[\"b\"]", "sim_lone.hook[\"other\"]"]);
    assert_eq!(read, ["sim_thing.project[\"a\"]", "sim_thing.project[\"b\"]"]);
}

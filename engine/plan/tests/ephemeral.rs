//! Ephemeral resources: when they are opened and closed, and that nothing of them is in a plan.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use pilotis_plan::planfile::PlanFile;
use pilotis_plan::recording::{Answers, FunctionFiles, ModuleFiles};
use pilotis_plan::{Phase, PlanMode, PlanOptions};
use pilotis_state::Store as _;
use support::{Case, schemas};

const KEYED: &str = r#"
ephemeral "sim_token" "t" {
  name = "t"
}
locals {
  key = "${ephemeral.sim_token.t.value}!"
}
resource "sim_safe" "a" {
  name    = "a"
  key_wo  = ephemeral.sim_token.t.value
  key_rev = 1
}
"#;

#[test]
fn it_is_opened_for_the_plan_and_again_for_the_apply_and_closed_when_its_last_user_is_done() {
    let mut case = Case::new(&format!("{KEYED}resource \"sim_thing\" \"b\" {{\n  name = \"b\"\n}}\n"));
    let made = case.plan();
    assert_eq!(case.world.log, ["open ephemeral.sim_token.t", "close ephemeral.sim_token.t"]);
    insta::assert_snapshot!(made.text(), @"
    create sim_safe.a
    create sim_thing.b
    ");
    case.world.log.clear();
    case.apply(made);
    case.world.log.sort();
    insta::assert_snapshot!(case.world.log.join("\n"), @"
    close ephemeral.sim_token.t
    create sim_safe.a
    create sim_thing.b
    open ephemeral.sim_token.t
    ");
    assert!(!case.state().contains("token-"), "{}", case.state());
    assert!(!case.state().contains("sim_token"), "{}", case.state());
    // Nothing to do: it is opened for the plan, for nobody else.
    case.world.log.clear();
    assert_eq!(case.plan().text(), "");
    case.world.log.clear();
    // Something to do that doesn't need it.
    case.set(&format!("{KEYED}resource \"sim_thing\" \"b\" {{\n  name = \"b\"\n  size = 2\n}}\n"));
    let made = case.plan();
    case.world.log.clear();
    case.apply(made);
    assert_eq!(case.world.log, ["update sim_thing.b"]);
    // The key is sent again when its revision says so.
    case.set(&KEYED.replace("key_rev = 1", "key_rev = 2"));
    let made = case.plan();
    insta::assert_snapshot!(made.text(), @"
    update sim_safe.a
    delete sim_thing.b (NoResourceConfig)
    ");
    case.world.log.clear();
    case.apply(made);
    let opened = case.world.log.iter().position(|l| l.starts_with("open")).unwrap();
    let updated = case.world.log.iter().position(|l| l.starts_with("update")).unwrap();
    let closed = case.world.log.iter().position(|l| l.starts_with("close")).unwrap();
    assert!(opened < updated && updated < closed, "{:?}", case.world.log);
}

#[test]
fn what_it_asks_about_may_be_still_to_be_made() {
    let text = r#"
resource "sim_thing" "account" {
  name = "account"
}
ephemeral "sim_token" "unknown" {
  name = sim_thing.account.id
}
ephemeral "sim_token" "not_there_yet" {
  name = sim_thing.account.name
}
resource "sim_safe" "a" {
  name   = "a"
  key_wo = "${ephemeral.sim_token.unknown.value}${ephemeral.sim_token.not_there_yet.value == "" ? "" : ""}"
}
"#;
    let mut case = Case::new(text);
    let made = case.plan();
    assert!(case.world.log.is_empty(), "{:?}", case.world.log);
    assert!(!made.plan.diagnostics.has_errors(), "{}", made.said());
    case.apply(made);
    assert_eq!(case.world.log[0], "create sim_thing.account");
    assert_eq!(case.world.log.iter().filter(|l| l.starts_with("open")).count(), 2);
    assert_eq!(case.world.log[3], "create sim_safe.a");
    case.world.log.clear();
    assert_eq!(case.plan().text(), "");
    assert_eq!(case.world.log.iter().filter(|l| l.starts_with("open")).count(), 2);
}

const GUARDED: &str = r#"
ephemeral "sim_token" "guard" {
  name = "guard"
}
module "inner" {
  source = "./m"
  token  = ephemeral.sim_token.guard.value
}
provider "sim" {
  alias = "guarded"
  token = module.inner.token
}
resource "sim_thing" "a" {
  provider = sim.guarded
  name     = "a"
}
resource "sim_thing" "b" {
  name = sim_thing.a.id
}
"#;

const PASSES_ON: &str = r#"
variable "token" {
  type      = string
  ephemeral = true
}
output "token" {
  value     = var.token
  ephemeral = true
}
"#;

#[test]
fn a_provider_that_was_connected_with_it_is_connected_anew_by_an_apply() {
    let mut case = Case::new(GUARDED).module("m", PASSES_ON);
    case.run();
    insta::assert_snapshot!(case.world.log.join("\n"), @"
    open ephemeral.sim_token.guard
    connect with token-1 of guard
    close ephemeral.sim_token.guard
    open ephemeral.sim_token.guard
    connect with token-2 of guard
    create sim_thing.a
    close ephemeral.sim_token.guard
    create sim_thing.b
    ");
    // Something to do that doesn't go through it.
    case.set(&GUARDED.replace("name = sim_thing.a.id", "name = sim_thing.a.id\n  size = 3"));
    let made = case.plan();
    case.world.log.clear();
    case.apply(made);
    assert_eq!(case.world.log, ["update sim_thing.b"]);
    // To remove things it must be connected too.
    case.world.log.clear();
    let made = case.plan_with(PlanOptions { mode: PlanMode::Destroy, ..PlanOptions::default() });
    assert!(!made.plan.diagnostics.has_errors(), "{}", made.said());
    case.apply(made);
    let after_plan = case.world.log.iter().rposition(|l| l.starts_with("open")).unwrap();
    insta::assert_snapshot!(case.world.log[after_plan..].join("\n"), @"
    open ephemeral.sim_token.guard
    connect with token-8 of guard
    delete sim_thing.b
    delete sim_thing.a
    close ephemeral.sim_token.guard
    ");
    assert_eq!(case.state(), "");
}

#[test]
fn it_is_closed_also_after_an_error() {
    let mut case = Case::new(KEYED);
    case.world.refuse.insert("sim_safe.a".into());
    let made = case.plan();
    case.world.log.clear();
    let applied = case.apply(made);
    assert!(applied.diagnostics.has_errors());
    assert_eq!(
        case.world.log,
        ["open ephemeral.sim_token.t", "create sim_safe.a", "close ephemeral.sim_token.t"]
    );
    // It can't be opened: what needs it is left alone.
    case.world.locked.insert("t".into());
    let made = case.plan();
    assert_eq!(made.summaries(), ["The service said no"]);
    assert!(made.said().contains("ephemeral.sim_token.t"), "{}", made.said());
    assert_eq!(made.text(), "");
}

#[test]
fn an_apply_that_is_stopped_opens_nothing_more_and_closes_what_is_open() {
    let text = format!(
        "{KEYED}\nephemeral \"sim_token\" \"late\" {{\n  name = sim_safe.a.id\n}}\n\
         resource \"sim_safe\" \"b\" {{\n  name = \"b\"\n  key_wo = ephemeral.sim_token.late.value\n}}\n"
    );
    let mut case = Case::new(&text);
    let made = case.plan();
    let mut machine = made.machine;
    case.world.log.clear();
    case.start(&mut machine);
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            let answer = case.answer(request);
            if case.world.log.last().is_some_and(|l| l == "create sim_safe.a") {
                machine.stop();
            }
            let at = case.now();
            machine.answer(id, answer, at);
        }
    }
    assert_eq!(machine.phase(), Phase::Done);
    case.nothing_is_open();
    assert_eq!(
        case.world.log,
        ["open ephemeral.sim_token.t", "create sim_safe.a", "close ephemeral.sim_token.t"]
    );
}

#[test]
fn conditions_count_and_see_what_was_opened() {
    let text = KEYED.replace(
        "  name = \"t\"\n",
        "  name = \"t\"\n  lifecycle {\n    precondition {\n      condition = var.yes != null\n      error_message = \"no\"\n    }\n    postcondition {\n      \
         condition = startswith(self.value, \"other\")\n      error_message = \"It is no other token.\"\n    }\n  }\n",
    );
    let mut case = Case::new(&format!("{text}variable \"yes\" {{\n  default = true\n}}\n"));
    let made = case.plan();
    let said = made.said();
    assert!(
        said.contains("Resource postcondition failed") && said.contains("It is no other token."),
        "{said}"
    );
    assert!(!said.contains("token-1"), "{said}");
    assert_eq!(case.world.log, ["open ephemeral.sim_token.t", "close ephemeral.sim_token.t"]);
}

#[test]
fn instances_have_keys_and_a_target_opens_what_it_needs() {
    let text = r#"
ephemeral "sim_token" "t" {
  for_each = toset(["x", "y"])
  name     = each.key
}
resource "sim_safe" "a" {
  name   = "a"
  key_wo = ephemeral.sim_token.t["x"].value
}
resource "sim_thing" "b" {
  name = "b"
}
"#;
    let mut case = Case::new(text);
    let made = case
        .plan_with(PlanOptions { targets: vec!["sim_thing.b".parse().unwrap()], ..PlanOptions::default() });
    assert_eq!(made.text(), "create sim_thing.b\n");
    assert!(case.world.log.is_empty(), "{:?}", case.world.log);
    case.run();
    case.world.log.sort();
    case.world.log.dedup();
    insta::assert_snapshot!(case.world.log.join("\n"), @r#"
    close ephemeral.sim_token.t["x"]
    close ephemeral.sim_token.t["y"]
    create sim_safe.a
    create sim_thing.b
    open ephemeral.sim_token.t["x"]
    open ephemeral.sim_token.t["y"]
    "#);
}

#[test]
fn a_saved_plan_holds_nothing_of_it_and_is_shown_without_it() {
    let mut case = Case::new(GUARDED).module("m", PASSES_ON);
    let (mut machine, configuration) = case.machine();
    let mut answers = Answers::default();
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            break;
        }
        for (id, request) in requests {
            answers.asked(id, machine.provider_of(&request), &request);
            let answer = case.answer(request);
            answers.answered(id, &answer);
            let at = case.now();
            machine.answer(id, answer, at);
        }
    }
    let plan = machine.take_plan().unwrap();
    let folders = case.files.0.iter().map(|(dir, text)| {
        let name = if dir == "." { "main.hcl".to_owned() } else { format!("{dir}/main.hcl") };
        (dir.clone(), vec![(name, text.clone())])
    });
    let file = PlanFile {
        program: env!("CARGO_PKG_VERSION").into(),
        modules: ModuleFiles(folders.collect()),
        files: FunctionFiles::default(),
        variables: Default::default(),
        given_ephemeral: Default::default(),
        options: PlanOptions::default(),
        snapshot: std::sync::Arc::new(case.store.snapshot().unwrap()),
        answers,
        started: pilotis_state::Timestamp(1_000),
        seed: 1,
        digest: plan.digest.clone(),
        head: None,
        excerpt: None,
    };
    let bytes = file.write().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("token-"), "{text}");
    let read = PlanFile::read(&bytes).unwrap();
    let shown = read.plan(configuration, schemas()).unwrap();
    assert_eq!(shown.digest, plan.digest);
    assert!(!shown.diagnostics.has_errors());
}

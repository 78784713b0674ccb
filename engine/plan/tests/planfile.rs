//! Saved plans: made again they are the same; on another state they hold or are refused.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use pilotis_config::{LoadOptions, RootVariables, load};
use pilotis_plan::planfile::{PlanFile, PlanFileError};
use pilotis_plan::recording::{Answers, ModuleFiles, RecordingFiles, RecordingSources};
use pilotis_plan::{Inputs, Machine, Plan, Request};
use pilotis_state::{Expect, Store as _, Timestamp, Write};
use pilotis_value::Value;
use support::{Case, NoFiles, schemas};

const TEXT: &str = r#"
variable "secret" {
  default   = "s3cret"
  sensitive = true
}
data "sim_lookup" "known" { name = "one" }
resource "sim_thing" "a" {
  name     = data.sim_lookup.known.value
  password = var.secret
}
resource "sim_thing" "b" {
  name   = "b"
  parent = sim_thing.a.id
}
resource "sim_lone" "c" { name = "c" }
"#;

/// Makes a plan as a driver does that wants to save it.
fn save(case: &mut Case) -> (Plan, PlanFile) {
    let sources = RecordingSources::new(&case.files);
    let options = LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() };
    let (configuration, diags) = load(&options, &sources, &schemas());
    assert!(!diags.has_errors());
    let modules = sources.into_files();
    let (_, variables, _) = case.load();
    let files = Arc::new(RecordingFiles::new(Arc::new(NoFiles)));
    let snapshot = Arc::new(case.store.snapshot().unwrap());
    let mut machine = Machine::new(Inputs {
        configuration: Arc::new(configuration),
        schemas: schemas(),
        variables: variables.clone(),
        options: case.options.clone(),
        snapshot: snapshot.clone(),
        files: files.clone(),
        started: Timestamp(5),
        now: Timestamp(5),
        seed: 7,
    });
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
            machine.answer(id, answer, Timestamp(6));
        }
    }
    let plan = machine.take_plan().unwrap();
    let mut file = PlanFile {
        program: "0.1.0".into(),
        modules,
        files: files.files(),
        variables,
        given_ephemeral: Default::default(),
        options: case.options.clone(),
        snapshot,
        answers,
        started: Timestamp(5),
        seed: 7,
        digest: plan.digest.clone(),
        head: None,
        excerpt: None,
    };
    file.excerpt = file.excerpt(&mut machine, &schemas()).map(Box::new);
    (plan, file)
}

/// The plan on the state of today, with the answers of then.
fn again(case: &mut Case, file: &PlanFile) -> Plan {
    let (configuration, _) = file.configuration(&schemas());
    let mut inputs = file.inputs(Arc::new(configuration), schemas(), &RootVariables::new());
    inputs.snapshot = Arc::new(case.store.snapshot().unwrap());
    let mut machine = Machine::new(inputs);
    loop {
        let requests = machine.next();
        if requests.is_empty() {
            return machine.take_plan().unwrap();
        }
        for (id, request) in requests {
            let answer = match file.answer(&machine, &request) {
                Some(answer) if !matches!(request, Request::Connect { .. }) => answer,
                _ => case.answer(request),
            };
            machine.answer(id, answer, Timestamp(9));
        }
    }
}

fn case() -> Case {
    let mut case = Case::new(TEXT);
    case.world.answers.insert("one".into(), "first".into());
    case.run();
    case.set(&TEXT.replace("name   = \"b\"", "name   = \"b\"\n  size = 3"));
    case
}

#[test]
fn a_saved_plan_is_the_plan() {
    let mut case = case();
    let (plan, file) = save(&mut case);
    let bytes = file.write().unwrap();
    // Nothing is asked: the service is gone.
    let read = PlanFile::read(&bytes).unwrap();
    let (configuration, diags) = read.configuration(&schemas());
    assert!(!diags.has_errors());
    let same = read.plan(Arc::new(configuration), schemas()).unwrap();
    assert_eq!(same.digest, plan.digest);
    assert_eq!(format!("{:?}", same.changes), format!("{:?}", plan.changes));
    assert_eq!(read.modules, ModuleFiles([(".".to_owned(), file.modules.0["."].clone())].into()));
}

#[test]
fn a_plan_holds_until_something_changes_that_it_rests_on() {
    let mut case = case();
    let (plan, file) = save(&mut case);
    case.world.log.clear();
    assert_eq!(again(&mut case, &file).digest, plan.digest);
    assert_eq!(case.world.log, Vec::<String>::new(), "answers are given again");

    // Somebody else writes a record that has nothing to do with it.
    let resources = case.store.snapshot().unwrap().resources;
    let find = |address: &str| resources.iter().find(|r| &*r.key.address == address).unwrap().clone();
    let unrelated = find("sim_lone.c");
    case.store.commit(&[Write::Put { record: unrelated, expect: Expect::Any }]).unwrap();
    assert_eq!(again(&mut case, &file).digest, plan.digest);

    // Somebody else has made the object that it would change another one.
    let mut record = find("sim_thing.b");
    record.attributes = record.attributes.replace("id-3", "id-9").into();
    let (ty, object) = case.world.objects.remove("id-3").unwrap();
    let moved = support::with(&object, [("id", Value::string("id-9")), ("size", Value::number(3))]);
    case.world.objects.insert("id-9".into(), (ty, moved));
    case.store.commit(&[Write::Put { record, expect: Expect::Any }]).unwrap();
    assert_ne!(again(&mut case, &file).digest, plan.digest);
}

/// Things that stay as they are, among them some that matter for what changes all the same.
fn many() -> Case {
    let mut text = String::new();
    for i in 0..12 {
        text += &format!("resource \"sim_thing\" \"idle{i}\" {{\n  name = \"idle {i}\"\n}}\n");
    }
    text += r#"
resource "sim_thing" "root" { name = "root" }
resource "sim_thing" "child" {
  name   = "child"
  parent = sim_thing.root.id
  size   = 1
}
resource "sim_thing" "first" {
  name   = sim_thing.child.name
  parent = sim_thing.child.id
  lifecycle { create_before_destroy = true }
}
resource "sim_lone" "shown" { name = "shown" }
output "shown" { value = sim_lone.shown.id }
"#;
    let mut case = Case::new(&text);
    case.run();
    case.set(&text.replace("size   = 1", "size   = 2"));
    case
}

#[test]
fn an_excerpt_is_the_same_plan_from_what_its_changes_rest_on() {
    let (plan, file) = save(&mut many());
    let read = PlanFile::read(&file.write().unwrap()).unwrap();
    let excerpt = read.excerpt.expect("most of it is idle");
    let rows = excerpt.snapshot.resources.iter().map(|r| r.key.to_string());
    let rows: Vec<String> = rows.collect();
    assert_eq!(rows, ["sim_lone.shown", "sim_thing.child", "sim_thing.first", "sim_thing.root"]);
    assert!(!excerpt.modules.0["."][0].1.contains("idle"));
    let (configuration, _) = excerpt.configuration(&schemas());
    let same = excerpt.plan(Arc::new(configuration), schemas()).unwrap();
    assert_eq!(same.digest, plan.digest);
    let told = |plan: &Plan| {
        let changed = plan.changes.iter().filter(|c| c.action != pilotis_plan::PlanAction::NoOp);
        format!("{:?} {:?}", changed.collect::<Vec<_>>(), plan.outputs)
    };
    assert_eq!(told(&same), told(&plan));
}

/// An apply from the excerpt leaves the same state, and the same at the service, as one from the whole.
#[test]
fn an_excerpt_is_applied_like_the_whole() {
    let apply = |from_excerpt: bool| {
        let mut case = many();
        // What changed by itself is noted, too.
        let (_, object) =
            &mut case.world.objects.iter_mut().find(|(_, (_, o))| is_named(o, "idle 3")).unwrap().1;
        *object = support::with(object, [("size", Value::number(9))]);
        let (_, file) = save(&mut case);
        let file = if from_excerpt { *file.excerpt.unwrap() } else { file };
        let (configuration, _) = file.configuration(&schemas());
        let mut machine =
            Machine::new(file.inputs(Arc::new(configuration), schemas(), &RootVariables::new()));
        while machine.phase() == pilotis_plan::Phase::Planning {
            for (id, request) in machine.next() {
                let answer = file.answer(&machine, &request).expect("it was told all that it asks");
                machine.answer(id, answer, Timestamp(9));
            }
        }
        assert_eq!(machine.take_plan().unwrap().digest, file.digest);
        let head = case.store.head().unwrap();
        // One run was made already.
        case.machine();
        case.start(&mut machine);
        case.drive(&mut machine);
        let state = case.store.snapshot().unwrap().resources;
        let versions: Vec<bool> = state.iter().map(|r| r.version > head.serial as i64).collect();
        (case.state(), versions, format!("{:?}", case.world.objects))
    };
    assert_eq!(apply(true), apply(false));
}

fn is_named(object: &Value, name: &str) -> bool {
    object.get("name").and_then(Value::as_str) == Some(name)
}

/// What can't be left out: nothing of it is idle, or a part of it is needed by all.
#[test]
fn a_plan_of_many_changes_has_no_excerpt() {
    let mut case = many();
    let text = case.files.0["."].clone();
    case.set(&text.replace("name = \"idle", "name = \"busy"));
    assert!(save(&mut case).1.excerpt.is_none());
    case.set(&(text + "output \"all\" { value = [sim_thing.idle0, sim_thing.idle1, sim_thing.idle2, sim_thing.idle3, sim_thing.idle4] }\n"));
    assert!(save(&mut case).1.excerpt.is_none());
}

/// Files of the first form have no excerpt, and are read as ever.
#[test]
fn a_file_of_the_first_form_is_read() {
    let (_, file) = save(&mut case());
    assert!(file.excerpt.is_none());
    let bytes = file.write().unwrap();
    let content = bytes.splitn(4, |b| *b == b'\n').nth(3).unwrap();
    let head = format!("pilotis plan 1\n{}\n", blake3::hash(content).to_hex());
    let read = PlanFile::read(&[head.as_bytes(), content].concat()).unwrap();
    assert_eq!((read.digest, read.modules), (file.digest, file.modules));
}

#[test]
fn what_is_not_a_whole_plan_of_ours_is_refused() {
    let mut case = case();
    let (_, file) = save(&mut case);
    let bytes = file.write().unwrap();
    let why = |bytes: &[u8]| PlanFile::read(bytes).err().map(|e| e.to_string()).unwrap_or_default();
    insta::assert_snapshot!(why(b"PK\x03\x04"), @"this is not a saved plan of Pilotis");
    insta::assert_snapshot!(why(b""), @"this is not a saved plan of Pilotis");
    insta::assert_snapshot!(why(&bytes[..bytes.len() - 1]), @"this saved plan is damaged: its checksum is wrong");
    let newer = [b"pilotis plan 9\n", &bytes[15..]].concat();
    insta::assert_snapshot!(why(&newer), @"this plan was saved by a newer version of Pilotis (form 9, this program knows 2)");
    for at in (0..bytes.len()).step_by(37) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let error = PlanFile::read(&damaged)
            .err()
            .unwrap_or_else(|| panic!("byte {at} was changed, and it was read"));
        assert!(matches!(
            error,
            PlanFileError::Foreign | PlanFileError::Damaged(_) | PlanFileError::Newer { .. }
        ));
    }
}

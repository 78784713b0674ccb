//! The planner beside `terraform`: random configurations of `terraform_data`, changed at random, planned and applied by both in folders of
//! their own. What is compared: exit codes, errors, each planned change with its reason, checks, and the state afterwards.

mod shape;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::mutate::Random;
use crate::{println, which};
use shape::Shape;

/// `plan-compare [-runs N] [-seed S] [-engine PATH]`
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut runs, mut seed, mut engine) = (20_u64, 1_u64, root.join("target/debug/pilotis"));
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} takes a value"));
        match arg.as_str() {
            "-runs" => runs = value()?.parse()?,
            "-seed" => seed = value()?.parse()?,
            "-engine" => engine = value()?.into(),
            other => anyhow::bail!("plan-compare knows no {other}"),
        }
    }
    let Some(terraform) = which("terraform") else {
        println("skipped: plan-compare: terraform is not installed");
        return Ok(());
    };
    ensure!(engine.exists(), "{} is not there: build it first", engine.display());
    let (mut steps, mut differences, mut excused) = (0, 0, BTreeMap::<&str, usize>::new());
    for seed in seed..seed + runs {
        let history = history(seed, &terraform, &engine)?;
        steps += history.steps;
        history.excused.into_iter().for_each(|why| *excused.entry(why).or_default() += 1);
        if let Some(difference) = history.difference {
            differences += 1;
            println(&format!("seed {seed}, {difference}\n"));
        }
    }
    println(&format!(
        "plan-compare: {runs} histories, {steps} steps, {differences} differ; deliberately otherwise: {excused:?}"
    ));
    ensure!(differences == 0, "{differences} histories differ");
    Ok(())
}

/// What came of one sequence of changes.
#[derive(Default)]
struct History {
    steps: usize,
    difference: Option<String>,
    excused: Vec<&'static str>,
}

/// One of the two programs, in its folder.
struct Program {
    path: PathBuf,
    folder: tempfile::TempDir,
}

fn history(seed: u64, terraform: &Path, engine: &Path) -> anyhow::Result<History> {
    let mut random = Random(seed);
    let mut shape = Shape::new(&mut random);
    let programs = [Program::new(terraform)?, Program::new(engine)?];
    let mut history = History::default();
    for step in 0..4 {
        let (root, module) = shape.text();
        for program in &programs {
            program.write(&root, &module)?;
            if step == 0 {
                program.run(&["init"])?;
            }
        }
        let asked = operation(&shape, &mut random);
        let [theirs, ours] = [programs[0].step(&asked)?, programs[1].step(&asked)?];
        history.steps += 1;
        if theirs != ours {
            match excuse(&theirs, &ours) {
                // The two states are the same all the same.
                Some(why) if theirs["state"] == ours["state"] => history.excused.push(why),
                Some(why) => {
                    history.excused.push(why);
                    return Ok(history);
                }
                None => {
                    let texts = format!("--- main.tf\n{root}--- m/main.tf\n{module}");
                    history.difference =
                        Some(format!("step {step} {asked:?}:\n{texts}{}", difference(&theirs, &ours, "")));
                    return Ok(history);
                }
            }
        }
        shape.change(&mut random);
    }
    Ok(history)
}

/// What is done in a step: flags of the plan, and a command before it.
#[derive(Debug, Default)]
struct Asked {
    before: Vec<String>,
    flags: Vec<String>,
}

fn operation(shape: &Shape, random: &mut Random) -> Asked {
    let mut asked = Asked::default();
    let address = shape.instance(random);
    match (random.below(12), address) {
        (0, Some(address)) => asked.flags.push(format!("-replace={address}")),
        (1, Some(address)) => asked.flags.push(format!("-target={address}")),
        (2 | 3, Some(address)) => asked.before = vec!["taint".into(), "-allow-missing".into(), address],
        (4, _) => asked.flags.push("-refresh-only".into()),
        (5, _) => asked.flags.push("-destroy".into()),
        _ => {}
    }
    asked
}

impl Program {
    fn new(path: &Path) -> anyhow::Result<Program> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("m"))?;
        Ok(Program { path: path.canonicalize()?, folder })
    }

    fn write(&self, root: &str, module: &str) -> anyhow::Result<()> {
        std::fs::write(self.folder.path().join("main.tf"), root)?;
        Ok(std::fs::write(self.folder.path().join("m/main.tf"), module)?)
    }

    /// Exit code and standard output.
    fn run(&self, args: &[&str]) -> anyhow::Result<(i32, String)> {
        let mut command = Command::new(&self.path);
        command.args(args).current_dir(self.folder.path()).stdin(std::process::Stdio::null());
        command
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_CLI_CONFIG_FILE", "/dev/null");
        let out = command.output().with_context(|| format!("{} can't be run", self.path.display()))?;
        // Partly done is an exit code of its own here.
        let code = match out.status.code().unwrap_or(-1) {
            6 => 1,
            code => code,
        };
        Ok((code, String::from_utf8_lossy(&out.stdout).into_owned()))
    }

    /// Plans and applies; all that is compared.
    fn step(&self, asked: &Asked) -> anyhow::Result<Value> {
        if !asked.before.is_empty() {
            self.run(&asked.before.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        let mut args = vec!["plan", "-json", "-detailed-exitcode", "-out=p"];
        args.extend(asked.flags.iter().map(String::as_str));
        let (code, events) = self.run(&args)?;
        let only_looks = asked.flags.iter().any(|f| f == "-refresh-only");
        let mut seen = json!({
            "only looks": only_looks, "plan exit code": code, "errors": summaries(&events, "error"),
        });
        if code != 1 {
            let (_, plan) = self.run(&["show", "-json", "p"])?;
            let plan: Value = serde_json::from_str(&plan).context("the plan is no JSON")?;
            seen["plan"] = planned(&plan);
            // Terraform refuses to apply what does nothing.
            if plan["applyable"] == true {
                let (code, events) = self.run(&["apply", "-json", "p"])?;
                seen["apply exit code"] = code.into();
                seen["apply errors"] = summaries(&events, "error");
            }
        }
        let (_, state) = self.run(&["show", "-json"])?;
        seen["state"] = stored(&serde_json::from_str(&state).context("the state is no JSON")?);
        Ok(seen)
    }
}

fn summaries(events: &str, severity: &str) -> Value {
    let events = events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut all: Vec<String> = events
        .filter(|e| e["diagnostic"]["severity"] == severity)
        .map(|e| e["diagnostic"]["summary"].as_str().unwrap_or_default().to_owned())
        .collect();
    all.sort();
    all.into()
}

/// What is compared of a plan.
fn planned(plan: &Value) -> Value {
    let mut changes = BTreeMap::new();
    for change in plan["resource_changes"].as_array().into_iter().flatten() {
        let deposed = if change["deposed"].is_null() { "" } else { " (deposed)" };
        let address = format!("{}{deposed}", change["address"].as_str().unwrap_or_default());
        let inner = &change["change"];
        let mut paths: Vec<String> =
            inner["replace_paths"].as_array().into_iter().flatten().map(ToString::to_string).collect();
        paths.sort();
        changes.insert(
            address,
            json!({
                "actions": inner["actions"], "reason": change["action_reason"], "previous": change["previous_address"],
                "paths": paths, "before": known(&inner["before"]), "after": known(&inner["after"]),
                "unknown": inner["after_unknown"], "sensitive": [inner["before_sensitive"], inner["after_sensitive"]],
            }),
        );
    }
    let checks = plan["checks"].as_array().into_iter().flatten();
    let checks: BTreeMap<&str, &Value> =
        checks.map(|c| (c["address"]["to_display"].as_str().unwrap_or_default(), &c["status"])).collect();
    json!({ "changes": changes, "checks": checks, "outputs": known(&plan["output_changes"]), "errored": plan["errored"], "complete": plan["complete"] })
}

/// What is compared of a state.
fn stored(state: &Value) -> Value {
    let mut objects = BTreeMap::new();
    collect(&state["values"]["root_module"], &mut objects);
    json!({ "objects": objects, "outputs": known(&state["values"]["outputs"]) })
}

fn collect(module: &Value, objects: &mut BTreeMap<String, Value>) {
    for object in module["resources"].as_array().into_iter().flatten() {
        let deposed = if object["deposed_key"].is_null() { "" } else { " (deposed)" };
        let address = format!("{}{deposed}", object["address"].as_str().unwrap_or_default());
        objects.insert(
            address,
            json!({
                "values": known(&object["values"]), "tainted": object["tainted"],
                "depends on": object["depends_on"], "sensitive": object["sensitive_values"],
            }),
        );
    }
    module["child_modules"].as_array().into_iter().flatten().for_each(|m| collect(m, objects));
}

/// The value with `<id>` in place of ids, which are random.
fn known(value: &Value) -> Value {
    match value {
        Value::String(text) if is_uuid(text) => "<id>".into(),
        Value::Array(elements) => elements.iter().map(known).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), known(value))).collect())
        }
        other => other.clone(),
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// Why a difference is meant to be, if it is; `docs/reference/differences.md` says the same to people.
fn excuse(theirs: &Value, ours: &Value) -> Option<&'static str> {
    let says = |text: &str| {
        theirs["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|e| e.as_str().is_some_and(|e| e.starts_with(text)))
    };
    if says("Cycle:") && ours["errors"] == json!([]) {
        return Some("Terraform has a circle where there is an order");
    }
    if says("no change found for") {
        return Some("Terraform trips over a trigger whose object can't be planned");
    }
    let lost = |c: &Value| c["reason"] == "delete_because_wrong_repetition" && !c["previous"].is_null();
    if theirs["plan"]["changes"].as_object().into_iter().flatten().any(|(_, c)| lost(c)) {
        return Some("Terraform loses what moves by a block and by a new count at once");
    }
    if says("Invalid index") && theirs["state"] == json!({ "objects": {}, "outputs": null }) {
        return Some("Terraform evaluates a condition of an instance that isn't there");
    }
    if says("Cyclic dependency in move statements") && ours["errors"] != json!([]) {
        return Some("moves in a circle, said otherwise");
    }
    let (mut a, mut b) = (theirs.clone(), ours.clone());
    minor(&mut a);
    minor(&mut b);
    let unchecked = |checks: &Value| {
        let checks = checks.as_object().into_iter().flatten();
        checks
            .filter(|(name, _)| !name.contains("terraform_data"))
            .map(|(_, v)| v.clone())
            .collect::<Vec<_>>()
    };
    if a["only looks"] == true && unchecked(&a["plan"]["checks"]) == unchecked(&b["plan"]["checks"]) {
        // Conditions of resources are not evaluated where nothing is to become of them.
        (a["plan"]["checks"], b["plan"]["checks"]) = (Value::Null, Value::Null);
    }
    if a["only looks"] == true
        && a["plan exit code"] == 2
        && b["plan exit code"] == 0
        && moves_only(theirs, ours)
    {
        return Some("a plan that only looks doesn't count what moves");
    }
    (a == b).then_some("a detail of the plan's document")
}

/// Both have the same objects afterwards, and nothing is changed in either.
fn moves_only(theirs: &Value, ours: &Value) -> bool {
    let names = |step: &Value| {
        step["state"]["objects"]
            .as_object()
            .map(|o| o.keys().cloned().collect::<Vec<_>>())
            .unwrap_or_default()
    };
    theirs["errors"] == ours["errors"] && names(theirs).len() == names(ours).len()
}

/// Takes out what the two write otherwise on purpose: where something that is removed was before, which trigger something new has, and
/// outputs that are null or that a plan which only looks doesn't know.
fn minor(step: &mut Value) {
    for change in step["plan"]["changes"].as_object_mut().into_iter().flat_map(|c| c.values_mut()) {
        if change["actions"] == json!(["delete"]) {
            change["previous"] = Value::Null;
        }
        if change["actions"] == json!(["create"]) {
            change["reason"] = Value::Null;
        }
    }
    let Some(outputs) = step["plan"]["outputs"].as_object_mut() else { return };
    outputs.retain(|_, output| {
        let is_null = output["before"].is_null() && output["after"].is_null();
        !(is_null && (output["actions"] == json!(["no-op"]) || output["after_unknown"] == true))
    });
    if outputs.is_empty() {
        step["plan"]["outputs"] = Value::Null;
    }
}

/// Where two documents differ.
fn difference(theirs: &Value, ours: &Value, at: &str) -> String {
    match (theirs, ours) {
        _ if theirs == ours => String::new(),
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            let inner = names.iter().map(|name| {
                difference(&theirs[name.as_str()], &ours[name.as_str()], &format!("{at}/{name}"))
            });
            inner.collect()
        }
        _ => format!("{at}: terraform {theirs}, pilotis {ours}\n"),
    }
}

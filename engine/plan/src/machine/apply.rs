//! Applying: the second phase of the machine. The plan is done unit by unit, in the order of the schedule.
//!
//! Nothing is decided here that the plan did not say. Bodies are evaluated again with what has become known; if that asks for
//! anything that was not announced, the object is left alone and the difference is an error.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pilotis_diag::Diagnostic;
use pilotis_schema::address::Instance;
use pilotis_state::{OutputRecord, RunId, RunStatus, Timestamp, Write};
use pilotis_value::{Type, json};

use crate::graph::{NodeId, NodeKind};
use crate::machine::commits::{Commits, Then};
use crate::machine::effects::Effect;
use crate::machine::places::Places;
use crate::machine::schedule::{Schedule, UnitId, UnitKind};
use crate::machine::targets::strip_keys;
use crate::machine::{ApplyStart, Machine, Object, ObjectId, Phase, Rep};
use crate::{Applied, ObjectOutcome, ObjectResult, PlanAction, codes};

/// Index of an effect.
pub(crate) type EffectId = u32;

/// An object whose removal didn't come about.
#[derive(Debug)]
pub(crate) struct Stuck {
    instance: Instance,
    /// One of its recorded dependencies.
    need: Arc<str>,
    address: Arc<str>,
}

/// What is known of an apply.
#[derive(Debug)]
pub(crate) struct Applying {
    pub(crate) run: RunId,
    pub(crate) schedule: Schedule,
    /// Settled nodes that are made anew all the same: they rest on something ephemeral.
    pub(crate) revived: HashSet<NodeId>,
    /// Units that wait for nothing any more, last first.
    pub(crate) runnable: Vec<UnitId>,
    pub(crate) places: Places,
    pub(crate) effects: Vec<Effect>,
    pub(crate) commits: Commits,
    pub(crate) heights: Vec<u32>,
    pub(crate) results: HashMap<ObjectId, ObjectResult>,
    /// Objects whose removal didn't come about, by what they depend on (without keys).
    pub(crate) stuck: HashMap<String, Vec<Stuck>>,
    /// Why nothing more begins.
    pub(crate) stopping: Option<String>,
    pub(crate) interrupted: bool,
    pub(crate) broken: Option<String>,
    pub(crate) begun: bool,
    pub(crate) ending: bool,
    pub(crate) dependencies: HashMap<NodeId, Vec<Arc<str>>>,
}

impl Machine {
    /// Begins to do what the plan says. The plan must have no errors.
    ///
    /// # Panics
    /// When there is no plan yet, or one that was applied already: a defect of the driver.
    pub fn apply(&mut self, start: ApplyStart) {
        assert_eq!(self.phase, Phase::Planned, "a plan is applied once, when it is made");
        self.phase = Phase::Applying;
        self.now = self.now.max(start.now);
        self.apply_time = Some(start.now);
        // Failures that a plan without errors has are objects of unknown outcome: what needs them is left alone.
        let revived = self.revived();
        let schedule = self.schedule(&revived);
        // What is evaluated again says again what comes of its conditions.
        self.checks.retain(|id, _| self.nodes[id.0 as usize].settled && !revived.contains(id));
        self.applying = Some(Applying {
            run: start.run,
            heights: self.graph.heights(),
            schedule,
            revived,
            runnable: Vec::new(),
            places: Places::new(start.parallelism),
            effects: Vec::new(),
            commits: Commits::default(),
            results: HashMap::new(),
            stuck: HashMap::new(),
            stopping: None,
            interrupted: false,
            broken: None,
            begun: false,
            ending: false,
            dependencies: HashMap::new(),
        });
        let writes = self.housekeeping();
        if writes.is_empty() {
            self.begin_effects();
        } else {
            self.commit(writes, Then::Begin);
        }
    }

    pub(crate) fn applying(&mut self) -> &mut Applying {
        self.applying.as_mut().expect("the machine applies")
    }

    /// Begins nothing more; what is in flight is waited for.
    pub fn stop(&mut self) {
        if let Some(apply) = &mut self.applying {
            apply.interrupted = true;
            apply.stopping.get_or_insert_with(|| "the run was interrupted".into());
        }
    }

    /// Waits for nothing more: what is in flight is of unknown outcome, and its intents stay open. What is known is still committed.
    pub fn abandon(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.applying.is_none() {
            return;
        }
        self.stop();
        // Whose intent is still on its way is taken back when that is durable.
        self.take_back_waiting();
        let open: Vec<EffectId> = (0..self.applying().effects.len() as u32)
            .filter(|e| self.applying().effects[*e as usize].is_under_way())
            .collect();
        for effect in open {
            if self.has_programs(effect) {
                self.no_programs(effect, "the run was interrupted before its provisioners were done");
            } else {
                self.lost(effect, "the run was interrupted before the service answered");
            }
        }
        self.pending.retain(|_, pending| matches!(pending, super::Pending::Commit(_)));
    }

    /// Rows may be written from now on.
    pub(crate) fn begin_effects(&mut self) {
        let units = &self.applying().schedule.units;
        let mut free: Vec<UnitId> =
            (0..units.len() as UnitId).filter(|u| units[*u as usize].waiting == 0).collect();
        free.reverse();
        let apply = self.applying();
        apply.runnable = free;
        apply.begun = true;
    }

    pub(crate) fn cannot_begin(&mut self, why: &str) {
        self.diagnose(
            Diagnostic::error("The state has changed since the plan was made")
                .code(codes::STATE)
                .detail(format!("{why}. Nothing was done."))
                .help("Plan again."),
        );
        self.applying().stopping = Some("the state has changed since the plan was made".into());
        self.begin_effects();
    }

    /// One step of an apply: runs units, starts effects, commits.
    pub(crate) fn advance(&mut self) {
        if self.applying().begun {
            loop {
                while let Some(unit) = self.applying().runnable.pop() {
                    self.run_unit(unit);
                }
                if !self.start_effects() && self.applying().runnable.is_empty() && !self.break_deadlock() {
                    break;
                }
            }
        }
        self.flush();
        let apply = self.applying();
        let idle =
            apply.begun && apply.schedule.open == 0 && apply.places.is_idle() && apply.commits.is_idle();
        if idle && !apply.ending {
            self.end();
        }
    }

    /// Removals that wait for each other: the one that waits for least goes first. The order is a courtesy then; the service decides.
    fn break_deadlock(&mut self) -> bool {
        let asked = !self.pending.is_empty() || !self.outbox.is_empty();
        let apply = self.applying();
        if apply.schedule.open == 0 || !apply.places.is_idle() || !apply.commits.is_idle() || asked {
            return false;
        }
        let units = apply.schedule.units.iter_mut().enumerate();
        let waits = |u: &crate::machine::schedule::Unit| !u.begun && matches!(u.kind, UnitKind::Delete(_));
        let Some((index, unit)) = units.filter(|(_, u)| waits(u)).min_by_key(|(_, u)| u.waiting) else {
            return false;
        };
        unit.waiting = 0;
        apply.runnable.push(index as UnitId);
        true
    }

    fn run_unit(&mut self, unit: UnitId) {
        let of = &mut self.applying().schedule.units[unit as usize];
        if std::mem::replace(&mut of.begun, true) {
            return;
        }
        match of.kind {
            UnitKind::Barrier => self.unit_done(unit),
            UnitKind::Node(id) => self.run_node(unit, id),
            UnitKind::NodeEnd(id) => {
                let scope = self.graph.node(id).scope;
                let values = self.instances(scope).map(|i| self.resource_value(id, i)).collect();
                self.nodes[id.0 as usize].values = values;
                self.unit_done(unit);
            }
            UnitKind::Forward(object) | UnitKind::Delete(object) => self.enqueue(unit, object),
            UnitKind::Close(id) => self.close_now(unit, id),
        }
    }

    pub(crate) fn unit_done(&mut self, unit: UnitId) {
        let schedule = &mut self.applying().schedule;
        schedule.open -= 1;
        let then = std::mem::take(&mut schedule.units[unit as usize].then);
        for next in then.into_iter().rev() {
            let of = &mut self.applying().schedule.units[next as usize];
            // One that was let go to break a deadlock waits for nothing any more.
            if of.begun || of.waiting == 0 {
                continue;
            }
            of.waiting -= 1;
            if of.waiting == 0 {
                self.applying().runnable.push(next);
            }
        }
    }

    /// Makes a block's values anew.
    fn run_node(&mut self, unit: UnitId, id: NodeId) {
        let node = self.graph.node(id);
        match node.kind {
            NodeKind::Variable(i) => self.visit_variable(id, node.scope, i),
            NodeKind::Local(i) => self.visit_local(id, node.scope, i),
            NodeKind::Output(i) => {
                self.visit_output(id, node.scope, i);
                self.scopes[node.scope.0 as usize].version += 1;
            }
            NodeKind::Validation(i) => self.visit_validation(id, node.scope, i),
            NodeKind::Check(i) => self.visit_check(id, node.scope, i),
            NodeKind::Expand(i) => self.renew_module_keys(id, i),
            NodeKind::Resource(_) => self.renew_keys(id),
            NodeKind::Provider(i) => return self.connect_now(unit, i),
        }
        self.unit_done(unit);
    }

    /// Values of `each` that were not known when planning; the keys were.
    fn renew_keys(&mut self, id: NodeId) {
        let config = self.config.clone();
        let node = self.graph.node(id);
        let NodeKind::Resource(index) = node.kind else { return };
        let module = &config.modules[self.graph.scope(node.scope).module.0 as usize];
        let repetition = &module.resources[index as usize].repetition;
        if !matches!(repetition, pilotis_config::Repetition::ForEach(_)) {
            return;
        }
        for instance in self.instances(node.scope) {
            if self.blocked(id, instance).is_some() {
                continue;
            }
            let name = self.address_of(id, instance, &Rep::One);
            let objects =
                self.nodes[id.0 as usize].objects.get(instance as usize).cloned().unwrap_or_default();
            let Some(reps) = self.repeat(repetition, node.scope, instance, &name) else {
                self.fail(id, instance, &name);
                continue;
            };
            let old = objects.iter().map(|o| self.objects[*o as usize].rep.key());
            if !old.eq(reps.iter().map(Rep::key)) {
                self.inconsistent(&name, "its keys are not those that were planned");
                self.fail(id, instance, &name);
                continue;
            }
            for (object, rep) in objects.into_iter().zip(reps) {
                self.objects[object as usize].rep = rep;
            }
        }
    }

    fn renew_module_keys(&mut self, id: NodeId, index: u32) {
        let scope = self.graph.node(id).scope;
        let config = self.config.clone();
        let call = &config.modules[self.graph.scope(scope).module.0 as usize].calls[index as usize];
        let Some(child) = self.graph.scope(scope).children.get(index as usize).copied() else { return };
        let for_each = matches!(call.repetition, pilotis_config::Repetition::ForEach(_));
        for instance in self.instances(scope) {
            if let Some(cause) = self.blocked(id, instance) {
                self.fail_because(id, instance, cause);
                continue;
            }
            if !for_each {
                continue;
            }
            let name = format!("{}module.{}", self.instance(scope, instance).prefix, call.name);
            let Some(reps) = self.repeat(&call.repetition, scope, instance, &name) else {
                self.fail(id, instance, &name);
                continue;
            };
            let below =
                self.scopes[child.0 as usize].by_parent.get(instance as usize).cloned().unwrap_or_default();
            let old = below.iter().map(|i| self.instance(child, *i).rep.key());
            if !old.eq(reps.iter().map(Rep::key)) {
                self.inconsistent(&name, "its keys are not those that were planned");
                self.fail(id, instance, &name);
                continue;
            }
            for (below, rep) in below.into_iter().zip(reps) {
                self.scopes[child.0 as usize].instances[below as usize].rep = rep;
            }
        }
    }

    pub(crate) fn inconsistent(&mut self, address: &str, why: &str) {
        self.diagnose(
            Diagnostic::error("The final values ask for something that was not planned")
                .code(codes::INCONSISTENT)
                .address(address)
                .detail(format!("With all values known, {why}. It was left alone."))
                .help("Plan again: what is known now is part of the next plan."),
        );
    }

    /// All units are done: the outputs are stored, with what is known.
    fn end(&mut self) {
        self.applying().ending = true;
        let broken = self.applying().broken.is_some();
        let mut writes = if broken { Vec::new() } else { self.output_writes() };
        if !broken {
            writes.extend(self.data_writes());
            writes.extend(self.check_writes());
        }
        if writes.is_empty() {
            self.end_apply();
        } else {
            self.commit(writes, Then::End);
            self.flush();
        }
    }

    pub(crate) fn end_apply(&mut self) {
        self.phase = Phase::Done;
        self.diags.sort();
    }

    fn output_writes(&mut self) -> Vec<Write> {
        let mut writes = Vec::new();
        let declared = self.root_outputs();
        for old in &self.old_outputs {
            let kept = declared.iter().any(|(_, o)| o.name == old.name) && !self.destroying();
            if !kept && !self.targets.partial {
                writes.push(Write::RemoveOutput(old.name.clone()));
            }
        }
        if self.destroying() {
            return writes;
        }
        for (id, output) in declared {
            let old = self.old_outputs.iter().find(|o| o.name == output.name);
            let known = self.nodes[id.0 as usize].done && !self.failures.contains_key(&id);
            let value = self.node_value(id, 0);
            if !known || !value.is_wholly_known() {
                continue;
            }
            if value.is_null() {
                writes.extend(old.map(|o| Write::RemoveOutput(o.name.clone())));
                continue;
            }
            let mut text = Vec::new();
            if json::encode(&value, &Type::Dynamic, &mut text).is_err() {
                continue;
            }
            let Ok(text) = String::from_utf8(text) else { continue };
            let new = OutputRecord { name: output.name, value: text.into(), sensitive: output.sensitive };
            if old != Some(&new) {
                writes.push(Write::PutOutput(new));
            }
        }
        writes
    }

    /// What came of conditions, if it isn't what the state says.
    fn check_writes(&self) -> Option<Write> {
        let checks = if self.destroying() { Vec::new() } else { self.checked_blocks() };
        let text = match checks.as_slice() {
            [] => String::new(),
            checks => serde_json::to_string(checks).ok()?,
        };
        (*text != *self.old_checks).then(|| Write::PutChecks(text.into()))
    }

    pub(crate) fn state_broken(&mut self, parts: Vec<super::commits::Part>, why: &str) {
        let apply = self.applying();
        if apply.broken.is_none() {
            apply.broken = Some(why.to_owned());
            apply.stopping = Some("the state can't be written".into());
            self.diagnose(
                Diagnostic::error("The state can't be written")
                    .code(codes::STATE)
                    .detail(format!("{why}. Nothing more was begun; what was in flight was waited for."))
                    .help(
                        "What was done since is found again by the next plan: its intents are in the state.",
                    ),
            );
        }
        for part in parts {
            match part.then {
                Then::Call(effect) => self.not_begun(effect, why),
                Then::Done(effect) | Then::Provisioned(effect) => self.not_stored(effect, why),
                Then::Made(effect) => {
                    self.no_programs(effect, "the state can't be written");
                    self.not_stored(effect, why);
                }
                Then::Begin => self.begin_effects(),
                Then::Courtesy | Then::Nothing => {}
                Then::End => self.end_apply(),
            }
        }
    }

    /// What came of the apply, once it is done.
    pub fn applied(&self) -> Applied {
        let empty = HashMap::new();
        let results = self.applying.as_ref().map_or(&empty, |a| &a.results);
        let stopping = self.applying.as_ref().and_then(|a| a.stopping.clone());
        let mut objects: Vec<(Instance, ObjectOutcome)> = self
            .objects
            .iter()
            .enumerate()
            .filter(|(_, o)| !o.skipped && o.action != PlanAction::NoOp)
            .map(|(i, o)| (self.instance_of(o), self.outcome(i as ObjectId, o, results, stopping.as_deref())))
            .collect();
        objects.sort_by(|(a, x), (b, y)| (a, &x.deposed).cmp(&(b, &y.deposed)));
        let objects: Vec<ObjectOutcome> = objects.into_iter().map(|(_, o)| o).collect();
        let apply = self.applying.as_ref();
        let broken = apply.and_then(|a| a.broken.clone());
        let done = objects.iter().filter(|o| o.result == ObjectResult::Done).count();
        let interrupted = apply.is_some_and(|a| a.interrupted);
        let clean = done == objects.len() && !self.diags.has_errors() && broken.is_none();
        let status = match () {
            () if clean => RunStatus::Done,
            () if interrupted => RunStatus::Interrupted,
            // What is not known may have been done.
            () if done > 0 || objects.iter().any(|o| matches!(o.result, ObjectResult::Unknown(_))) => {
                RunStatus::Partial
            }
            () => RunStatus::Failed,
        };
        let mut diagnostics = self.diags.clone();
        if self.targets.partial {
            diagnostics.push(incomplete());
        }
        Applied { objects, diagnostics, status, state_broken: broken }
    }

    fn outcome(
        &self,
        id: ObjectId,
        object: &Object,
        results: &HashMap<ObjectId, ObjectResult>,
        stopping: Option<&str>,
    ) -> ObjectOutcome {
        let forgotten = object.action == PlanAction::Forget && stopping.is_none();
        let result = match results.get(&id) {
            Some(result) => result.clone(),
            None if forgotten => ObjectResult::Done,
            None => ObjectResult::NotAttempted(stopping.unwrap_or("the run ended before").to_owned()),
        };
        let display = match object.node {
            Some(_) => self.display_of(object),
            None => self.display_instance(&self.instance_of(object)).into(),
        };
        ObjectOutcome {
            address: object.address.clone(),
            display,
            deposed: object.row.and_then(|r| self.rows.get(r).record.key.deposed.clone()),
            action: object.action,
            result,
        }
    }

    /// A removal didn't come about: what it depends on stays too.
    pub(crate) fn stick(&mut self, object: ObjectId) {
        let of = &self.objects[object as usize];
        let (instance, address) = (self.instance_of(of), of.address.clone());
        let Some(row) = of.row else { return };
        for need in self.rows.get(row).record.dependencies.clone() {
            let entry = Stuck { instance: instance.clone(), need: need.clone(), address: address.clone() };
            self.applying().stuck.entry(strip_keys(&need)).or_default().push(entry);
        }
    }

    /// What keeps an object from being removed: something that depends on it and is still there.
    pub(crate) fn held_by(&mut self, object: ObjectId) -> Option<Arc<str>> {
        let of = &self.objects[object as usize];
        let instance = self.instance_of(of);
        let block = strip_keys(&of.address);
        let holders = self.applying().stuck.get(&block)?;
        let holder = holders.iter().find(|s| is_same_place(&s.instance, &s.need, &instance))?;
        Some(holder.address.clone())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }
}

/// True if a recorded dependency of `holder` can mean `instance`: keys that it names are equal, and where it names none, both lie in
/// the same instance of the modules that they share.
fn is_same_place(holder: &Instance, need: &str, instance: &Instance) -> bool {
    let need = need.parse::<Instance>().map(|i| i.resource.module).unwrap_or_default();
    let mut shared = true;
    for (i, step) in instance.resource.module.0.iter().enumerate() {
        let named = need.0.get(i).and_then(|s| s.key.as_ref());
        if let (
            Some(pilotis_schema::address::Key::String(label)),
            Some(pilotis_schema::address::Key::String(key)),
        ) = (named, &step.key)
        {
            let rest = key.strip_prefix(label.as_str());
            if !rest.is_some_and(|r| r.is_empty() || r.starts_with('/')) {
                return false;
            }
        }
        let here = holder.resource.module.0.get(i);
        shared &= here.is_some_and(|h| h.name == step.name);
        if shared && named.is_none() && here.is_some_and(|h| h.key != step.key) {
            return false;
        }
    }
    true
}

/// What was applied is not all that there is.
fn incomplete() -> Diagnostic {
    Diagnostic::warning("Applied changes may be incomplete")
        .code(codes::TARGET)
        .detail("Only a part of the configuration was planned and applied: the rest may need changes too, and outputs may be of before.")
        .help("Plan without -target and -exclude to see what is left.")
}

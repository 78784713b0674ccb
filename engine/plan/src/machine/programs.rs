//! Programs of provisioners: run once an object was made, or before it is removed, one after the other.
//!
//! An object that was made counts as tainted until its programs are done, so that a run that dies in between leaves nothing half
//! made that looks whole. Programs are asked for as everything else is; nothing runs here.

use std::collections::BTreeMap;

use pilotis_config::{BodyContext, OnFailure, Provisioner, When};
use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_schema::address::{Instance, Key};
use pilotis_state::Status;
use pilotis_value::{Confided, Marks, Value};

use crate::graph::ScopeId;
use crate::machine::apply::EffectId;
use crate::machine::frame::InstanceFrame;
use crate::machine::{InstanceId, Machine, Object, ObjectId, Pending, Rep};
use crate::plan::PlannedPrograms;
use crate::{Failure, ObjectResult, PlanAction, Program, Request, codes};

/// The programs of one effect.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The module whose names they use.
    scope: ScopeId,
    instance: InstanceId,
    rep: Rep,
    provisioners: Vec<Provisioner>,
    /// The next one.
    at: usize,
}

impl Programs {
    fn new(
        scope: ScopeId,
        instance: InstanceId,
        rep: Rep,
        all: &[Provisioner],
        when: When,
    ) -> Option<Programs> {
        let provisioners: Vec<Provisioner> = all.iter().filter(|p| p.when == when).cloned().collect();
        (!provisioners.is_empty()).then_some(Programs { scope, instance, rep, provisioners, at: 0 })
    }
}

impl Machine {
    /// What is run once an object was made.
    pub(crate) fn creation_programs(&self, object: ObjectId) -> Option<Programs> {
        let of = &self.objects[object as usize];
        let node = of.node?;
        let scope = self.graph.node(node).scope;
        Programs::new(scope, of.instance, of.rep.clone(), &self.block(node).provisioners, When::Create)
    }

    /// What is run before an object is removed: nothing for one that was never finished, or that a new one has taken the place of.
    pub(crate) fn removal_programs(&self, object: ObjectId) -> Option<Programs> {
        let of = &self.objects[object as usize];
        let row = self.rows.get(of.row?);
        let unfinished = row.record.status == Status::Tainted || row.record.key.deposed.is_some();
        if unfinished || of.action == PlanAction::CreateThenDelete {
            return None;
        }
        if row.node.is_some_and(|n| self.block(n).provisioners.is_empty()) {
            return None;
        }
        let address: Instance = of.address.parse().ok()?;
        let rep = match &address.key {
            None => Rep::One,
            Some(Key::Int(n)) => Rep::Count(*n),
            Some(Key::String(s)) => Rep::Each(s.as_str().into(), Value::string(s)),
        };
        if let Some(node) = row.node {
            let scope = self.graph.node(node).scope;
            return Programs::new(scope, 0, rep, &self.block(node).provisioners, When::Destroy);
        }
        let path = &address.resource.module.0;
        (0..=path.len()).find_map(|depth| {
            let scope = self.graph.find_scope(&path[..depth])?;
            let mut inside = address.clone();
            inside.resource.module.0.drain(..depth);
            let removed = &self.module(scope).removed;
            let named = removed.iter().find(|r| r.from.contains(&inside))?;
            Programs::new(scope, 0, rep.clone(), &named.provisioners, When::Destroy)
        })
    }

    /// What an apply of the plan runs, for each object in turn.
    pub(crate) fn planned_programs(&self) -> Vec<PlannedPrograms> {
        let mut found = Vec::new();
        for (index, of) in self.objects.iter().enumerate().filter(|(_, o)| !o.skipped) {
            let object = index as ObjectId;
            let makes = matches!(
                of.action,
                PlanAction::Create | PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete
            );
            let removes = matches!(of.action, PlanAction::Delete | PlanAction::DeleteThenCreate);
            let before = if removes { self.removal_programs(object) } else { None };
            let after = if makes { self.creation_programs(object) } else { None };
            for (programs, this) in [(before, &of.before), (after, &of.after)] {
                if let Some(programs) = programs {
                    found.push(self.planned(of, &programs, this));
                }
            }
        }
        found.sort_by(|a, b| (&a.address, a.before_removal).cmp(&(&b.address, b.before_removal)));
        found
    }

    fn planned(&self, of: &Object, programs: &Programs, this: &Value) -> PlannedPrograms {
        let arguments = |provisioner: &Provisioner| self.arguments(programs, provisioner, this).0;
        PlannedPrograms {
            address: self.instance_of(of),
            display: match of.node {
                Some(_) => self.display_of(of).to_string(),
                None => self.display_instance(&self.instance_of(of)),
            },
            before_removal: programs.provisioners.iter().any(|p| p.when == When::Destroy),
            arguments: programs.provisioners.iter().map(arguments).collect(),
            spans: programs.provisioners.iter().map(|p| p.span).collect(),
        }
    }

    fn arguments(
        &self,
        programs: &Programs,
        provisioner: &Provisioner,
        this: &Value,
    ) -> (Value, Diagnostics) {
        let Programs { scope, instance, rep, .. } = programs;
        let frame =
            InstanceFrame { machine: self, scope: *scope, instance: *instance, rep, this: Some(this) };
        let mut diags = Diagnostics::new();
        let context = BodyContext { frame: &frame, surroundings: self.surroundings() };
        let value = provisioner.body.eval(&context, &mut diags);
        // They are shown: `self.output` may say without a mark what is sensitive in the object.
        (Confided::of([this]).mark(&value), diags)
    }

    pub(crate) fn has_programs(&mut self, id: EffectId) -> bool {
        self.applying().effects[id as usize].runs_programs()
    }

    /// Asks for the next program of an effect; after the last one the effect goes on.
    pub(crate) fn run_program(&mut self, id: EffectId) {
        if !self.has_programs(id) {
            return;
        }
        let effect = &self.applying().effects[id as usize];
        let (object, removal) = (effect.object(), effect.is_removal());
        let Some(programs) = effect.programs.clone() else { return };
        let Some(provisioner) = programs.provisioners.get(programs.at) else {
            return if removal { self.intend(id) } else { self.provisioned(id) };
        };
        if let Some(why) = self.applying().stopping.clone() {
            return self.no_programs(id, &why);
        }
        let of = &self.objects[object as usize];
        let address = of.address.clone();
        let this = if removal { of.before.clone() } else { of.after.clone() };
        let (arguments, mut diags) = self.arguments(&programs, provisioner, &this);
        let program = if diags.has_errors() {
            None
        } else {
            program(&arguments, provisioner).map_err(|d| diags.push(*d)).ok()
        };
        let with_address = |d: Diagnostic| if d.address.is_none() { d.address(&*address) } else { d };
        self.diags.extend(diags.into_iter().map(with_address));
        match program {
            Some(program) => self.ask(Pending::Program(id), Request::Run { address, program }),
            None => self.over(id, ObjectResult::Failed("a provisioner of it has errors".into())),
        }
    }

    /// A program has ended.
    pub(crate) fn ran(&mut self, id: EffectId, result: Result<(), Failure>) {
        if !self.has_programs(id) {
            return;
        }
        let object = self.applying().effects[id as usize].object();
        let address = self.objects[object as usize].address.clone();
        let Some(programs) = &mut self.applying().effects[id as usize].programs else { return };
        let provisioner = programs.provisioners[programs.at].clone();
        programs.at += 1;
        match result {
            Err(failure) if provisioner.on_failure == OnFailure::Fail => {
                let mut diagnostic = Diagnostic::error(failure.summary.clone())
                    .code(codes::PROGRAM)
                    .at(provisioner.span)
                    .address(&*address)
                    .detail(failure.detail.clone());
                for help in &failure.help {
                    diagnostic = diagnostic.help(help.clone());
                }
                self.diagnose(diagnostic);
                self.over(id, ObjectResult::Failed("a provisioner of it failed".into()));
            }
            _ => self.run_program(id),
        }
    }

    /// The programs of an effect don't run (any more): an object that was made stays tainted, one that was to be removed stays.
    pub(crate) fn no_programs(&mut self, id: EffectId, why: &str) {
        self.over(id, ObjectResult::Failed(why.to_owned()));
    }
}

/// A program, with its values.
fn program(arguments: &Value, provisioner: &Provisioner) -> Result<Program, Box<Diagnostic>> {
    let span = |name: &str| place(provisioner, name);
    let wrong = |summary: &str, name: &str, detail: &str| {
        Box::new(Diagnostic::error(summary).code(codes::PROGRAM).at(span(name)).detail(detail))
    };
    if !arguments.is_wholly_known() {
        return Err(wrong(
            "Provisioner argument not known",
            "command",
            "A value of it is still unknown, though the object is there.",
        ));
    }
    let marks = arguments.marks_deep();
    let hidden = match () {
        () if marks.contains(Marks::SENSITIVE) => Some("sensitive"),
        () if marks.contains(Marks::EPHEMERAL) => Some("ephemeral"),
        () => None,
    };
    let plain = arguments.clone().unmark_deep().0;
    let text = |name: &str| plain.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(command) = text("command").filter(|c| !c.is_empty()) else {
        return Err(wrong(
            "Invalid local-exec provisioner command",
            "command",
            "The command must be a non-empty string.",
        ));
    };
    let items = plain.get("interpreter").and_then(Value::as_elements).unwrap_or_default();
    let interpreter: Vec<String> = items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if interpreter.len() != items.len() {
        return Err(wrong(
            "Invalid local-exec provisioner interpreter",
            "interpreter",
            "A part of it is null.",
        ));
    }
    let entries = plain.get("environment").and_then(Value::as_entries).into_iter().flatten();
    let environment: BTreeMap<String, String> =
        entries.filter_map(|(name, value)| Some((name.to_string(), value.as_str()?.to_owned()))).collect();
    if environment
        .iter()
        .any(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'))
    {
        return Err(wrong(
            "Invalid local-exec provisioner environment",
            "environment",
            "A name is empty or has an equals sign, or something has a zero byte: no environment can hold that.",
        ));
    }
    Ok(Program {
        command,
        interpreter,
        working_dir: text("working_dir").filter(|d| !d.is_empty()),
        environment,
        quiet: plain.get("quiet").and_then(Value::as_bool).unwrap_or(false),
        hidden,
        before_removal: provisioner.when == When::Destroy,
    })
}

fn place(provisioner: &Provisioner, name: &str) -> Span {
    let path = pilotis_value::Path(vec![pilotis_value::Step::Attribute(name.into())]);
    provisioner.body.span_of(&path).unwrap_or(provisioner.span)
}

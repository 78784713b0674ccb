//! Conditions: validations, preconditions, postconditions, checks.

use std::collections::BTreeMap;

use pilotis_config::{Asker, Condition, Configuration, ModuleId, Symbol, Verdict, check_variable};
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_lang::{Cause, Compiled, Frame, Reference};
use pilotis_value::{Marks, Path, Type, Value, convert};

use crate::graph::{NodeId, NodeKind, ScopeId};
use crate::machine::frame::{InstanceFrame, ShownFrame};
use crate::machine::{InstanceId, Machine, Phase, Rep};
use crate::{CheckStatus, CheckedBlock, CheckedInstance, CheckedKind, codes};

/// What kind of condition it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConditionKind {
    /// Of an output.
    Output,
    Precondition,
    Postcondition,
    Check,
}

impl ConditionKind {
    fn code(self) -> &'static str {
        match self {
            ConditionKind::Output | ConditionKind::Precondition => codes::PRECONDITION,
            ConditionKind::Postcondition => codes::POSTCONDITION,
            ConditionKind::Check => codes::CHECK,
        }
    }
    fn summary(self) -> &'static str {
        match self {
            ConditionKind::Output => "Module output value precondition failed",
            ConditionKind::Precondition => "Resource precondition failed",
            ConditionKind::Postcondition => "Resource postcondition failed",
            ConditionKind::Check => "Check block assertion failed",
        }
    }
}

/// Said in place of a message that can't be shown.
const UNSHOWN: &str =
    "This check failed, but has an invalid error message as described in the other accompanying messages.";

/// The summary of what is said of a condition that is none.
pub(crate) const INVALID_RESULT: &str = "Invalid condition result";

/// What the value of a condition says; none if it isn't known yet. It may be no condition at all.
pub(crate) fn holds(value: &Value) -> Result<Option<bool>, Diagnostic> {
    let invalid = |detail: String| Diagnostic::error(INVALID_RESULT).code(codes::CONDITION).detail(detail);
    if value.is_null() {
        return Err(invalid("Condition expression must return either true or false, not null.".into()));
    }
    match convert::convert(&value.clone().unmark().0, &Type::Bool) {
        Ok(value) => Ok(value.as_bool()),
        Err(error) => Err(invalid(format!("Invalid condition result value: {error}."))),
    }
}

/// What the values are that an expression refers to, where a diagnostic says so.
pub(crate) fn shown_values(
    machine: &Machine,
    expression: &Compiled,
    frame: &dyn Frame,
    cause: Cause,
) -> Vec<(String, String)> {
    expression.values(&[], &ShownFrame::of(frame, expression), &machine.surroundings(), cause)
}

/// An error message that can't be one.
pub(crate) fn not_a_message(why: &str) -> Diagnostic {
    Diagnostic::error("Invalid error message")
        .code(codes::CONDITION)
        .detail(format!("Unsuitable value for error message: {why}."))
}

/// Holds, doesn't hold with a message, or isn't known yet (none). Mistakes in it are noted.
pub(crate) fn evaluate(
    machine: &Machine,
    condition: &Condition,
    frame: &dyn Frame,
    diags: &mut Diagnostics,
) -> Option<Result<(), String>> {
    let (value, failed) = machine.eval(&condition.condition, frame, diags);
    if failed {
        return None;
    }
    let holds = match holds(&value) {
        Ok(holds) => holds?,
        Err(wrong) => {
            let mut wrong = wrong.at(condition.condition.span());
            wrong.values = shown_values(machine, &condition.condition, frame, Cause::Other);
            diags.push(wrong);
            return None;
        }
    };
    if holds { Some(Ok(())) } else { Some(Err(message(machine, &condition.error_message, frame, diags))) }
}

fn message(machine: &Machine, compiled: &Compiled, frame: &dyn Frame, diags: &mut Diagnostics) -> String {
    let (value, failed) = machine.eval(compiled, &ShownFrame::of(frame, compiled), diags);
    if failed {
        return "Its error message could not be made.".into();
    }
    let secret = match () {
        () if value.has_sensitive() => Some(("sensitive", "nonsensitive")),
        () if value.marks_deep().contains(Marks::EPHEMERAL) => Some(("ephemeral", "ephemeralasnull")),
        () => None,
    };
    let left_out = |summary: String, detail: String| {
        Diagnostic::warning(summary).code(codes::CONDITION).at(compiled.span()).detail(detail)
    };
    if let Some((kind, function)) = secret {
        let summary = format!("Error message refers to {kind} values");
        let detail = format!(
            "The error expression used to explain this condition refers to {kind} values, so the resulting message is not displayed."
        );
        let help = format!(
            "Remove references to {kind} values, or use {function}(…) where the expression will not reveal them."
        );
        diags.push(left_out(summary, detail).help(help));
        return UNSHOWN.into();
    }
    if !value.is_wholly_known() {
        let detail = "The error message of this condition was left out, because it is not known yet.";
        diags.push(left_out("Error message can't be shown".into(), detail.into()));
        return UNSHOWN.into();
    }
    let text = convert::convert(&value, &Type::String).ok();
    text.as_ref()
        .and_then(Value::as_str)
        .map_or_else(|| "Its error message is no text.".into(), |t| t.trim().to_owned())
}

/// The summary of what is said of a check that can't be told yet.
const KNOWN_LATER: &str = "Check block assertion known after apply";

/// True for what is said of a check while planning, and said anew by the apply.
pub fn is_told_by_apply(diagnostic: &Diagnostic) -> bool {
    diagnostic.code == Some(codes::CHECK) && diagnostic.summary == KNOWN_LATER
}

/// A check says nothing before an apply has given it what it looks at.
fn known_later(condition: &Condition) -> Diagnostic {
    Diagnostic::warning(KNOWN_LATER)
        .code(codes::CHECK)
        .at(condition.condition.span())
        .detail(
            "The condition could not be evaluated at this time, a result will be known when this plan is applied.",
        )
}

/// Whose conditions are evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Checked<'a> {
    pub(crate) node: NodeId,
    pub(crate) instance: InstanceId,
    pub(crate) rep: &'a Rep,
    pub(crate) this: Option<&'a Value>,
    pub(crate) address: &'a str,
}

impl Machine {
    /// Evaluates conditions of a node's instance and notes those that don't hold. True if all hold or are not known yet.
    pub(crate) fn check_all(
        &mut self,
        conditions: &[Condition],
        kind: ConditionKind,
        of: Checked<'_>,
    ) -> bool {
        let mut diags = Diagnostics::new();
        let (mut status, mut problems) = (CheckStatus::Pass, Vec::new());
        let Checked { node, instance, rep, this, address } = of;
        let scope = self.graph.node(node).scope;
        for condition in conditions {
            let frame = InstanceFrame { machine: self, scope, instance, rep, this };
            let mut own = Diagnostics::new();
            let result = evaluate(self, condition, &frame, &mut own);
            let this = match result {
                _ if own.has_errors() => CheckStatus::Error,
                Some(Ok(())) => CheckStatus::Pass,
                None => {
                    if kind == ConditionKind::Check && self.phase == Phase::Planning {
                        self.of_plan.push(known_later(condition).address(address));
                    }
                    CheckStatus::Unknown
                }
                Some(Err(message)) => {
                    own.push(self.failed_condition(condition, kind, message.clone(), &frame, address));
                    problems.push(message);
                    CheckStatus::Fail
                }
            };
            status = status.max(this);
            diags.extend(own);
        }
        self.diags.extend(diags);
        if !conditions.is_empty() {
            self.note_check(node, address, status, problems);
        }
        status < CheckStatus::Fail
    }

    pub(crate) fn note_check(
        &mut self,
        node: NodeId,
        address: &str,
        status: CheckStatus,
        problems: Vec<String>,
    ) {
        let block = self.checks.entry(node).or_default();
        let entry = block.entry(address.to_owned()).or_insert((CheckStatus::Pass, Vec::new()));
        entry.0 = entry.0.max(status);
        entry.1.extend(problems);
    }

    /// What came of all conditions.
    pub(crate) fn checked_blocks(&self) -> Vec<CheckedBlock> {
        let block = |(id, instances): (&NodeId, &BTreeMap<String, (CheckStatus, Vec<String>)>)| {
            let instances = instances.iter().map(|(address, (status, problems))| CheckedInstance {
                address: address.clone(),
                status: *status,
                problems: problems.clone(),
            });
            let instances: Vec<CheckedInstance> = instances.collect();
            CheckedBlock {
                kind: match self.graph.node(*id).kind {
                    NodeKind::Output(_) => CheckedKind::Output,
                    NodeKind::Check(_) => CheckedKind::Check,
                    NodeKind::Validation(_) | NodeKind::Variable(_) => CheckedKind::Variable,
                    _ => CheckedKind::Resource,
                },
                address: crate::graph::describe(&self.graph, &self.config, *id),
                status: instances.iter().map(|i| i.status).max().unwrap_or(self.status_of_none(*id)),
                instances,
            }
        };
        let none = BTreeMap::new();
        let all = self.blocks_with_conditions();
        all.iter().map(|id| block((id, self.checks.get(id).unwrap_or(&none)))).collect()
    }

    /// What holds of a block of which no instance was checked: all of it, if it has none.
    fn status_of_none(&self, id: NodeId) -> CheckStatus {
        let state = &self.nodes[id.0 as usize];
        let is_empty = match self.graph.node(id).kind {
            NodeKind::Resource(_) => state.objects.iter().flatten().next().is_none(),
            _ => self.instances(self.graph.node(id).scope).is_empty(),
        };
        let is_told = state.done && !self.failures.contains_key(&id) && !self.targets.partial;
        if is_empty && is_told { CheckStatus::Pass } else { CheckStatus::Unknown }
    }

    /// All blocks that have conditions, those too that were not come to.
    fn blocks_with_conditions(&self) -> Vec<NodeId> {
        let has = |id: &NodeId| {
            let node = self.graph.node(*id);
            let module = self.module(node.scope);
            match node.kind {
                NodeKind::Output(i) => !module.outputs[i as usize].preconditions.is_empty(),
                NodeKind::Check(_) => true,
                NodeKind::Validation(i) => !module.variables[i as usize].validations.is_empty(),
                NodeKind::Resource(i) => {
                    let lifecycle = &module.resources[i as usize].lifecycle;
                    !lifecycle.preconditions.is_empty() || !lifecycle.postconditions.is_empty()
                }
                NodeKind::Variable(_) | NodeKind::Local(_) | NodeKind::Expand(_) | NodeKind::Provider(_) => {
                    false
                }
            }
        };
        (0..self.graph.nodes.len() as u32).map(NodeId).filter(has).collect()
    }

    fn failed_condition(
        &self,
        condition: &Condition,
        kind: ConditionKind,
        message: String,
        frame: &InstanceFrame<'_>,
        address: &str,
    ) -> Diagnostic {
        let base = match kind {
            ConditionKind::Check => Diagnostic::warning(kind.summary()),
            _ => Diagnostic::error(kind.summary()),
        };
        let mut diagnostic = base.code(kind.code()).detail(message).at(condition.condition.span());
        if !address.is_empty() {
            diagnostic = diagnostic.address(address);
        }
        diagnostic.values = shown_values(self, &condition.condition, frame, Cause::Other);
        diagnostic
    }

    /// Names of what is not known yet among the references of an expression.
    pub(crate) fn unknown_names(&self, compiled: &Compiled, frame: &InstanceFrame<'_>) -> Vec<String> {
        let unknown = |reference: &&Reference| {
            let root = frame.get(reference.slot);
            !root.get_path(&reference.path).unwrap_or(root).is_wholly_known()
        };
        let mut names: Vec<String> = Vec::new();
        for reference in compiled.references().iter().filter(unknown) {
            let name = self.config.sources.text(reference.span).to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    pub(crate) fn visit_validation(&mut self, id: NodeId, scope: ScopeId, index: u32) {
        let config = self.config.clone();
        let variable = &config.modules[self.graph.scope(scope).module.0 as usize].variables[index as usize];
        let module = self.graph.scope(scope).module;
        let own = self.graph.id(scope, NodeKind::Variable(index));
        // Rules about the variable alone were checked with it.
        if variable.validations.is_empty() || is_about_itself(&config, module, index) || self.destroying() {
            return;
        }
        for instance in self.instances(scope) {
            if !self.is_stood_in(scope, instance) && self.blocked(id, instance).is_none() {
                self.check_rules(own, id, instance, index);
            }
        }
    }

    /// Checks the rules of a variable that are about nothing else, before anything uses its value.
    pub(crate) fn check_own_rules(&mut self, id: NodeId, scope: ScopeId, index: u32) {
        let config = self.config.clone();
        if self.destroying() || !is_about_itself(&config, self.graph.scope(scope).module, index) {
            return;
        }
        for instance in self.instances(scope) {
            let stood_in = self.is_stood_in(scope, instance);
            if !stood_in && !self.failures.get(&id).is_some_and(|f| f.iter().any(|(i, _)| *i == instance)) {
                self.check_rules(id, id, instance, index);
            }
        }
    }

    /// Checks the rules of the variable `own`; a breach is a failure of `id`.
    fn check_rules(&mut self, own: NodeId, id: NodeId, instance: InstanceId, index: u32) {
        let scope = self.graph.node(own).scope;
        let name = &self.module(scope).variables[index as usize].name;
        let address = format!("{}var.{name}", self.instance(scope, instance).prefix);
        if !self.validate(scope, instance, index, &address) {
            self.fail(id, instance, &address);
        }
    }

    /// Checks the rules of a variable; a breach is shown where the caller wrote the value.
    fn validate(&mut self, scope: ScopeId, instance: u32, index: u32, address: &str) -> bool {
        let config = self.config.clone();
        let call = self.graph.scope(scope).parent.map(|(above, call)| {
            let module = &config.modules[self.graph.scope(above).module.0 as usize];
            &module.calls[call as usize]
        });
        let block = call.and_then(|c| c.label.as_deref().map(|label| (c.name.as_str(), label)));
        let place = |variable: u32, path: &Path| call.and_then(|c| c.places.span_of(variable, path));
        let module = &config.modules[self.graph.scope(scope).module.0 as usize];
        let value = self.node_value(self.graph.id(scope, NodeKind::Variable(index)), instance);
        let frame = InstanceFrame { machine: self, scope, instance, rep: &Rep::One, this: None };
        let asker = Asker { place: &place, block };
        let mut diags = Diagnostics::new();
        let verdict = check_variable(module, index, &value, &frame, &self.surroundings(), &asker, &mut diags);
        let shown = match block {
            Some(_) => self.instance(scope, instance).display.trim_end_matches('.').to_owned(),
            None => address.to_owned(),
        };
        let problems = diags.iter().map(|d| d.detail.clone()).collect();
        self.diags.extend(diags.into_iter().map(|d| d.address(shown.as_str())));
        let (status, problems) = match verdict {
            Verdict::Pass => (CheckStatus::Pass, Vec::new()),
            Verdict::Unknown => (CheckStatus::Unknown, Vec::new()),
            Verdict::Fail => (CheckStatus::Fail, problems),
        };
        self.note_check(self.graph.id(scope, NodeKind::Validation(index)), address, status, problems);
        verdict != Verdict::Fail
    }

    pub(crate) fn visit_check(&mut self, id: NodeId, scope: ScopeId, index: u32) {
        let config = self.config.clone();
        let check = &config.modules[self.graph.scope(scope).module.0 as usize].checks[index as usize];
        if self.destroying() {
            return;
        }
        for instance in self.instances(scope) {
            if self.is_stood_in(scope, instance)
                || self.blocked(id, instance).is_some()
                || self.unread_checks.contains(&(id, instance))
            {
                continue;
            }
            let address = format!("{}check.{}", self.instance(scope, instance).prefix, check.name);
            let of = Checked { node: id, instance, rep: &Rep::One, this: None, address: &address };
            self.check_all(&check.asserts, ConditionKind::Check, of);
        }
    }
}

/// A variable has rules, and they refer to nothing but the variable.
fn is_about_itself(config: &Configuration, module: ModuleId, variable: u32) -> bool {
    let module = &config.modules[module.0 as usize];
    let validations = &module.variables[variable as usize].validations;
    let mut references = validations
        .iter()
        .flat_map(|rule| rule.condition.references().iter().chain(rule.error_message.references()));
    let own = Symbol::Variable(variable);
    !validations.is_empty() && references.all(|r| module.symbols.get(r.slot.0 as usize) == Some(&own))
}

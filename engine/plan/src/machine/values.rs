//! Variables, locals and outputs.

use pilotis_config::Output;
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_value::{Marks, Path, Type, Value};

use crate::codes;
use crate::graph::{NodeId, NodeKind, ScopeId};
use crate::machine::conditions::{Checked, ConditionKind};
use crate::machine::{InstanceId, Machine, Rep};

impl Machine {
    pub(crate) fn visit_variable(&mut self, id: NodeId, scope: ScopeId, index: u32) {
        let config = self.config.clone();
        let variable = &config.modules[self.graph.scope(scope).module.0 as usize].variables[index as usize];
        let Some((above, call)) = self.graph.scope(scope).parent else {
            let value = self.variables.get(&variable.name).cloned();
            let value = value.unwrap_or_else(|| {
                // One that a saved plan doesn't hold, for it lives for one run only.
                let withheld = Marks::EPHEMERAL | Marks::WITHHELD;
                let marks = if variable.ephemeral { withheld } else { Marks::empty() };
                Value::unknown(variable.constraint.ty.without_optional()).with_marks(marks)
            });
            self.nodes[id.0 as usize].values = vec![value];
            return self.check_own_rules(id, scope, index);
        };
        let call = &config.modules[self.graph.scope(above).module.0 as usize].calls[call as usize];
        let argument = call.arguments.iter().find(|(i, _)| *i == index).map(|(_, compiled)| compiled);
        let mut values = Vec::with_capacity(self.instances(scope).len());
        let mut diags = Diagnostics::new();
        for instance in self.instances(scope) {
            let unknown = || Value::unknown(variable.constraint.ty.without_optional());
            if self.is_stood_in(scope, instance) {
                values.push(Value::null(variable.constraint.ty.without_optional()));
                continue;
            }
            if let Some(cause) = self.blocked(id, instance) {
                self.fail_because(id, instance, cause);
                values.push(unknown());
                continue;
            }
            let of = self.instance(scope, instance);
            let given = argument.map(|argument| {
                let frame = self.frame(above, of.parent, &of.rep);
                self.eval(argument, &frame, &mut diags)
            });
            let failed = given.as_ref().is_some_and(|(_, failed)| *failed);
            let given = given.map(|(value, _)| value).filter(|_| !failed);
            let whole = argument.map_or(call.span, |a| a.span());
            let place = |path: &Path| call.places.span_of(index, path).unwrap_or(whole);
            let settled = match given {
                None if failed => None,
                given => settle_variable(variable, given, &place, &mut diags),
            };
            if settled.is_none() {
                let name = format!("{}var.{}", self.instance(scope, instance).prefix, variable.name);
                self.fail(id, instance, &name);
            }
            values.push(settled.unwrap_or_else(unknown));
        }
        self.diags.extend(diags);
        self.nodes[id.0 as usize].values = values;
        self.check_own_rules(id, scope, index);
    }

    pub(crate) fn visit_local(&mut self, id: NodeId, scope: ScopeId, index: u32) {
        let config = self.config.clone();
        let local = &config.modules[self.graph.scope(scope).module.0 as usize].locals[index as usize];
        let mut values = Vec::with_capacity(self.instances(scope).len());
        let mut diags = Diagnostics::new();
        for instance in self.instances(scope) {
            if self.is_stood_in(scope, instance) {
                values.push(Value::null(Type::Dynamic));
                continue;
            }
            if let Some(cause) = self.blocked(id, instance) {
                self.fail_because(id, instance, cause);
                values.push(Value::unknown(Type::Dynamic));
                continue;
            }
            let (value, failed) =
                self.eval(&local.value, &self.frame(scope, instance, &Rep::One), &mut diags);
            if failed {
                let name = format!("{}local.{}", self.instance(scope, instance).prefix, local.name);
                self.fail(id, instance, &name);
            }
            values.push(value);
        }
        self.diags.extend(diags);
        self.nodes[id.0 as usize].values = values;
    }

    pub(crate) fn visit_output(&mut self, id: NodeId, scope: ScopeId, index: u32) {
        let config = self.config.clone();
        let output = &config.modules[self.graph.scope(scope).module.0 as usize].outputs[index as usize];
        let mut values = Vec::with_capacity(self.instances(scope).len());
        for instance in self.instances(scope) {
            if self.is_stood_in(scope, instance) {
                values.push(Value::null(Type::Dynamic));
                continue;
            }
            if let Some(cause) = self.blocked(id, instance) {
                self.fail_because(id, instance, cause);
                values.push(Value::unknown(Type::Dynamic));
                continue;
            }
            values.push(self.output_value(id, scope, instance, output));
        }
        self.nodes[id.0 as usize].values = values;
    }

    fn output_value(&mut self, id: NodeId, scope: ScopeId, instance: InstanceId, output: &Output) -> Value {
        let name = format!("{}output.{}", self.instance(scope, instance).prefix, output.name);
        let kind = ConditionKind::Output;
        let of = Checked { node: id, instance, rep: &Rep::One, this: None, address: &name };
        if !self.destroying() && !self.check_all(&output.preconditions, kind, of) {
            self.fail(id, instance, &name);
            return Value::unknown(Type::Dynamic);
        }
        let mut diags = Diagnostics::new();
        let (value, failed) = self.eval(&output.value, &self.frame(scope, instance, &Rep::One), &mut diags);
        let is_root = self.graph.scope(scope).parent.is_none();
        let (value, wrong) = shown_output(output, is_root, value);
        let failed = failed || !wrong.is_empty();
        diags.extend(wrong);
        self.diags.extend(diags);
        if failed {
            self.fail(id, instance, &name);
        }
        value
    }
}

/// The value of an output as it is seen outside, and why it can't be shown or kept there.
pub(crate) fn shown_output(output: &Output, is_root: bool, value: Value) -> (Value, Vec<Diagnostic>) {
    let mut wrong = Vec::new();
    if is_root && !output.sensitive && value.has_sensitive() {
        wrong.push(
            Diagnostic::error("Output refers to sensitive values")
                .code(codes::OUTPUT_SENSITIVE)
                .at(output.span)
                .also(output.value.span(), "this is sensitive")
                .detail("The value holds something sensitive, and outputs of the root module are shown.")
                .help("Say `sensitive = true` in the output, or `nonsensitive(…)` if it may be shown."),
        );
    }
    wrong.extend(refused_ephemeral(output, is_root, &value));
    let value = if output.sensitive { value.with_marks(Marks::SENSITIVE) } else { value };
    (value, wrong)
}

/// An output of the root module is stored, and others are ephemeral only if they say so.
fn refused_ephemeral(output: &Output, is_root: bool, value: &Value) -> Option<Diagnostic> {
    let holds = value.marks_deep().contains(Marks::EPHEMERAL);
    let d = match () {
        () if is_root && output.ephemeral => Diagnostic::error("Ephemeral output not allowed")
            .at(output.span)
            .detail("Ephemeral outputs are not allowed in context of a root module: its outputs are stored."),
        () if holds && !output.ephemeral => Diagnostic::error("Ephemeral value not allowed")
            .at(output.value.span())
            .detail("This output value is not declared as returning an ephemeral value, so it cannot be set to a result derived from an ephemeral value."),
        () => return None,
    };
    let d = match is_root {
        true => d.help("Let it be null here: `ephemeralasnull(…)`; or give it to what needs it inside of the configuration."),
        false => d.help("Add `ephemeral = true` to the output."),
    };
    Some(d.code(codes::EPHEMERAL))
}

/// The value of a module's variable: what was given, or the default; converted, and marked as the variable says. None if it doesn't
/// fit.
pub(crate) fn settle_variable(
    variable: &pilotis_config::Variable,
    given: Option<Value>,
    place: &dyn Fn(&Path) -> pilotis_diag::Span,
    diags: &mut Diagnostics,
) -> Option<Value> {
    let given = match given {
        Some(value) if value.is_null() && !variable.nullable && variable.default.is_some() => None,
        given => given,
    };
    if !variable.ephemeral && given.as_ref().is_some_and(|v| v.marks_deep().contains(Marks::EPHEMERAL)) {
        diags.push(
            Diagnostic::error("Ephemeral value not allowed")
                .code(codes::EPHEMERAL)
                .at(place(&Path::default()))
                .detail("This input variable is not declared as accepting ephemeral values, so it cannot be set to a result derived from an ephemeral value.")
                .also(variable.span, "the variable")
                .help("Add `ephemeral = true` to the variable."),
        );
        return None;
    }
    let value = match (given, &variable.default) {
        (Some(value), _) => match variable.constraint.apply(&value) {
            Ok(converted) => converted,
            Err(error) => {
                diags.push(
                    Diagnostic::error("Invalid value for input variable")
                        .code(codes::ARGUMENT)
                        .at(place(&error.path))
                        .detail(format!(
                            "The given value is not suitable for the variable {:?}: {error}.",
                            variable.name
                        ))
                        .also(variable.span, "the variable"),
                );
                return None;
            }
        },
        (None, Some(default)) => default.clone(),
        (None, None) => {
            diags.push(
                Diagnostic::error("Missing required argument")
                    .code(codes::ARGUMENT)
                    .at(place(&Path::default()))
                    .detail(format!("The module needs a value for its variable {:?}.", variable.name))
                    .also(variable.span, "the variable has no default"),
            );
            return None;
        }
    };
    if value.is_null() && !variable.nullable {
        diags.push(
            Diagnostic::error("Required variable not set")
                .code(codes::ARGUMENT)
                .at(place(&Path::default()))
                .detail(format!("The variable {:?} is not nullable, so it can't be null.", variable.name)),
        );
        return None;
    }
    let mut marks = Marks::empty();
    marks.set(Marks::SENSITIVE, variable.sensitive);
    marks.set(Marks::EPHEMERAL, variable.ephemeral);
    Some(value.with_marks(marks))
}

impl Machine {
    /// The root module's output of a name, with its node.
    pub(crate) fn root_outputs(&self) -> Vec<(NodeId, Output)> {
        let outputs = self.config.modules[0].outputs.iter().enumerate();
        outputs.map(|(i, o)| (self.graph.id(ScopeId(0), NodeKind::Output(i as u32)), o.clone())).collect()
    }
}

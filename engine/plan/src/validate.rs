//! Every expression of a configuration, evaluated with what is known without a run: what `pilotis validate` says beyond loading.
//!
//! Each module is gone through once, however often it is called: its variables are unknown of their types, objects are unknown attribute
//! by attribute, `each` and `count` are unknown. So what is wrong here is wrong whatever the inputs are. Nothing is asked, nothing is
//! planned; what depends on a mistake is unknown, and says nothing more. What an expression refers to lives in `frame`, the order of
//! evaluation in `order`.

mod frame;
mod order;

use std::collections::HashMap;

use pilotis_config::{
    BodyContext, Call, Condition, Configuration, Module, ModuleId, Output, Repetition, Resource, Variable,
};
use pilotis_diag::{Diagnostic, Diagnostics, Severity, Span};
use pilotis_lang::{Cause, Compiled, Files, Surroundings};
use pilotis_schema::address::Mode;
use pilotis_state::Timestamp;
use pilotis_value::{Path, Type, Value, convert};

use crate::codes;
use crate::graph::{Graph, ProviderKeys};
use crate::machine::{conditions, expand, values};
use frame::{Each, ModuleFrame};

/// What is known without a run.
pub struct Known<'a> {
    /// For functions that read files.
    pub files: &'a dyn Files,
    /// What `path.cwd` says.
    pub cwd: &'a str,
    /// What `terraform.workspace` says.
    pub workspace: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// What is wrong with the expressions of a configuration, but for what was `said` of them when it was loaded.
///
/// Warnings are what a plan says too: whoever goes on to plan can leave them out.
pub fn validate(configuration: &Configuration, known: &Known<'_>, said: &Diagnostics) -> Diagnostics {
    let diags = circles(configuration);
    let values = configuration.modules.iter().map(frame::Values::of).collect();
    let mut walk = Walk { configuration, known, values, objects: HashMap::new(), diags };
    for id in order::modules(configuration) {
        walk.module(id);
    }
    let errors = said.iter().filter(|d| d.severity == Severity::Error);
    let places: Vec<Span> = errors.filter_map(|d| Some(d.primary.as_ref()?.span)).collect();
    walk.diags.into_iter().filter(|d| !is_said(d, &places)).collect()
}

/// Blocks that need each other. Which instances providers have is not known yet, so that nothing else of the graph is.
fn circles(configuration: &Configuration) -> Diagnostics {
    let mut found = Diagnostics::new();
    Graph::new(configuration, &ProviderKeys::default(), &[], &mut found);
    let is_circle = |d: &Diagnostic| matches!(d.code, Some(codes::CYCLE | codes::SELF_REFERENCE));
    found.into_iter().filter(is_circle).collect()
}

/// One mistake is said once of a place, however many see it.
fn is_said(diagnostic: &Diagnostic, places: &[Span]) -> bool {
    let Some(span) = diagnostic.primary.as_ref().map(|label| label.span) else { return false };
    places.iter().any(|p| p.file == span.file && p.start < span.end && span.start < p.end)
}

/// The walk through all modules.
struct Walk<'a> {
    configuration: &'a Configuration,
    known: &'a Known<'a>,
    /// By module.
    values: Vec<frame::Values>,
    /// What stands for an object of a type.
    objects: HashMap<(Mode, &'a str), Value>,
    diags: Diagnostics,
}

impl<'a> Walk<'a> {
    fn module(&mut self, id: ModuleId) {
        let module: &'a Module = &self.configuration.modules[id.0 as usize];
        for resource in &module.resources {
            let value = self.reference(resource);
            self.values[id.0 as usize].resources.push(value);
        }
        for call in &module.calls {
            let value = self.outputs(call);
            self.values[id.0 as usize].calls.push(value);
        }
        for index in order::locals(module) {
            let value = self.eval(id, &module.locals[index].value, &Each::none());
            self.values[id.0 as usize].locals[index] = value.unwrap_or_else(unknown);
        }
        for output in &module.outputs {
            let value = self.output(id, output);
            self.values[id.0 as usize].outputs.push(value);
        }
        for variable in &module.variables {
            self.conditions(id, &variable.validations, &Each::none(), None);
        }
        for resource in &module.resources {
            self.resource(id, resource);
        }
        for call in &module.calls {
            self.call(id, call);
        }
        for provider in &module.providers {
            let each = match &provider.for_each {
                Some(for_each) => self.repetition(id, &Repetition::ForEach(for_each.clone())),
                None => Each::none(),
            };
            let frame = self.frame(id, &each, None);
            let context = BodyContext { frame: &frame, surroundings: self.surroundings() };
            let mut found = Diagnostics::new();
            provider.body.eval(&context, &mut found);
            self.diags.extend(found);
        }
        for import in &module.imports {
            let each = self.repetition(id, &import.repetition);
            self.eval(id, &import.id, &each);
            if let Some(key) = &import.key {
                self.eval(id, key, &each);
            }
        }
        for check in &module.checks {
            self.check(id, &check.asserts);
        }
    }

    fn surroundings(&self) -> Surroundings<'a> {
        Surroundings { files: self.known.files, plan_time_ms: self.known.now.0, apply_time_ms: None }
    }

    fn frame<'f>(&'f self, id: ModuleId, each: &'f Each, this: Option<&'f Value>) -> ModuleFrame<'f> {
        ModuleFrame {
            configuration: self.configuration,
            known: self.known,
            module: &self.configuration.modules[id.0 as usize],
            values: &self.values[id.0 as usize],
            each,
            this,
        }
    }

    /// The value; none after an error.
    fn eval(&mut self, id: ModuleId, compiled: &Compiled, each: &Each) -> Option<Value> {
        self.eval_of(id, compiled, each, None)
    }

    fn eval_of(
        &mut self,
        id: ModuleId,
        compiled: &Compiled,
        each: &Each,
        this: Option<&Value>,
    ) -> Option<Value> {
        let mut found = Diagnostics::new();
        let value = compiled.eval(&self.frame(id, each, this), &self.surroundings(), &mut found);
        let failed = found.has_errors();
        self.diags.extend(found);
        (!failed).then_some(value)
    }

    /// Adds a diagnostic about the value of an expression.
    fn wrong(&mut self, id: ModuleId, compiled: &Compiled, each: &Each, diagnostic: Diagnostic) {
        self.wrong_by(Cause::Other, id, compiled, each, diagnostic);
    }

    fn wrong_by(
        &mut self,
        cause: Cause,
        id: ModuleId,
        compiled: &Compiled,
        each: &Each,
        mut diagnostic: Diagnostic,
    ) {
        diagnostic.values = compiled.values(&[], &self.frame(id, each, None), &self.surroundings(), cause);
        self.diags.push(diagnostic);
    }

    /// What a reference to a resource block is: an object of which nothing is known but its attributes. How many there are of a
    /// repeated one is not known.
    fn reference(&mut self, resource: &'a Resource) -> Value {
        let block = &resource.schema.block;
        let is_missing = block.attributes.is_empty() && block.blocks.is_empty();
        match resource.repetition {
            Repetition::One if !is_missing => self.object(resource),
            _ => unknown(),
        }
    }

    fn object(&mut self, resource: &'a Resource) -> Value {
        let key = (resource.mode, resource.type_name.as_str());
        self.objects.entry(key).or_insert_with(|| frame::placeholder(&resource.schema.block)).clone()
    }

    /// What a reference to a module call is.
    fn outputs(&self, call: &Call) -> Value {
        let outputs = &self.configuration.modules[call.module.0 as usize].outputs;
        if outputs.is_empty() || !matches!(call.repetition, Repetition::One) {
            return unknown();
        }
        let values = self.values[call.module.0 as usize].outputs.iter();
        let entry = |(output, value): (&Output, &Value)| (output.name.as_str().into(), value.clone());
        Value::object(outputs.iter().zip(values).map(entry).collect())
    }

    fn output(&mut self, id: ModuleId, output: &Output) -> Value {
        self.conditions(id, &output.preconditions, &Each::none(), None);
        let Some(value) = self.eval(id, &output.value, &Each::none()) else { return unknown() };
        let (value, wrong) = values::shown_output(output, id.0 == 0, value);
        let failed = !wrong.is_empty();
        self.diags.extend(wrong);
        if failed { unknown() } else { value }
    }

    fn resource(&mut self, id: ModuleId, resource: &'a Resource) {
        let each = self.repetition(id, &resource.repetition);
        if let Some(key) = &resource.provider_key {
            self.eval(id, key, &each);
        }
        if !resource.body.is_constant() {
            let mut found = Diagnostics::new();
            let frame = self.frame(id, &each, None);
            let context = BodyContext { frame: &frame, surroundings: self.surroundings() };
            resource.body.eval(&context, &mut found);
            self.diags.extend(found);
        }
        let lifecycle = &resource.lifecycle;
        self.conditions(id, &lifecycle.preconditions, &each, None);
        if !lifecycle.postconditions.is_empty() {
            let this = self.object(resource);
            self.conditions(id, &lifecycle.postconditions, &each, Some(&this));
        }
        for trigger in &lifecycle.replace_triggered_by {
            if let Some(key) = &trigger.key {
                self.eval(id, key, &each);
            }
        }
    }

    fn call(&mut self, id: ModuleId, call: &Call) {
        let each = self.repetition(id, &call.repetition);
        for key in call.providers.iter().filter_map(|p| p.key.as_ref()) {
            self.eval(id, key, &each);
        }
        let module = &self.configuration.modules[call.module.0 as usize];
        for (variable, argument) in &call.arguments {
            if let Some(value) = self.eval(id, argument, &each) {
                let variable = (*variable, &module.variables[*variable as usize]);
                self.argument(id, call, variable, argument, value, &each);
            }
        }
    }

    /// An argument of a module call against its variable's type.
    fn argument(
        &mut self,
        id: ModuleId,
        call: &Call,
        (index, variable): (u32, &Variable),
        argument: &Compiled,
        value: Value,
        each: &Each,
    ) {
        // Null takes the default, if there is one.
        if value.is_null() && !variable.nullable && variable.default.is_some() {
            return;
        }
        let place = |path: &Path| call.places.span_of(index, path).unwrap_or_else(|| argument.span());
        let mut found = Diagnostics::new();
        values::settle_variable(variable, Some(value), &place, &mut found);
        for diagnostic in found {
            self.wrong(id, argument, each, diagnostic);
        }
    }

    /// What `each` and `count` are in a block.
    fn repetition(&mut self, id: ModuleId, repetition: &Repetition) -> Each {
        let (compiled, is_count) = match repetition {
            Repetition::One => return Each::none(),
            Repetition::Count(compiled) => (compiled, true),
            Repetition::ForEach(compiled) => (compiled, false),
        };
        let Some(value) = self.eval(id, compiled, &Each::none()) else { return Each::none() };
        let result = match is_count {
            true => expand::count(&value).map(|_| Each::none()),
            false => expand::for_each(&value).map(|_| Each::of(&value)),
        };
        match result {
            Ok(each) => each,
            Err(expand::Wrong::Unknown(_)) => Each::of(&value),
            Err(expand::Wrong::Value(wrong, cause)) => {
                self.wrong_by(cause, id, compiled, &Each::none(), wrong.at(compiled.span()));
                Each::none()
            }
        }
    }

    fn conditions(&mut self, id: ModuleId, all: &[Condition], each: &Each, this: Option<&Value>) {
        for condition in all {
            let compiled = &condition.condition;
            if let Some(value) = self.eval_of(id, compiled, each, this)
                && let Err(wrong) = conditions::holds(&value)
            {
                self.wrong(id, compiled, each, wrong.at(compiled.span()));
            }
            let message = &condition.error_message;
            if let Some(value) = self.eval_of(id, message, each, this)
                && let Err(error) = convert::convert(&value.unmark_deep().0, &Type::String)
            {
                let wrong = conditions::not_a_message(&error.message).at(message.span());
                self.wrong(id, message, each, wrong);
            }
        }
    }

    /// The assertions of a check, whose mistakes stop nothing: a plan says them again.
    fn check(&mut self, id: ModuleId, asserts: &[Condition]) {
        let before = std::mem::take(&mut self.diags);
        self.conditions(id, asserts, &Each::none(), None);
        let found = std::mem::replace(&mut self.diags, before);
        self.diags.extend(found.into_iter().map(|d| Diagnostic { severity: Severity::Warning, ..d }));
    }
}

fn unknown() -> Value {
    Value::unknown(Type::Dynamic)
}

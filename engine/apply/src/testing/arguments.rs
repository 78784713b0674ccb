//! The values of what only tests have: variables of the file and of a run, outputs of runs before; and providers made from them.

use std::collections::BTreeMap;

use pilotis_config::{
    BodyContext, Configuration, Mock, Outside, OutsideNames, Prepared, ProviderRef, Suite, TestValue,
};
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_lang::{Compiled, Files, Frame, Reference, Slot, Surroundings};
use pilotis_plan::Evaluation;
use pilotis_value::{Type, Value};

use crate::sandboxed;

/// Outputs of the runs before, by run.
pub(super) type Outputs = BTreeMap<String, Value>;

/// What the expressions of a test are evaluated in.
pub(super) struct TestFrame<'a> {
    pub(super) names: &'a OutsideNames,
    pub(super) variables: &'a BTreeMap<String, Value>,
    pub(super) runs: &'a Outputs,
    /// The outputs of the run itself.
    pub(super) outputs: &'a BTreeMap<String, Value>,
    /// The module under test.
    pub(super) module: Option<&'a Evaluation>,
}

impl Frame for TestFrame<'_> {
    fn get(&self, slot: Slot) -> Value {
        let unknown = || Value::unknown(Type::Dynamic);
        let found = match self.names.get(slot) {
            Some(Outside::Variable(name)) => self.variables.get(name).cloned(),
            Some(Outside::Output(name)) => self.outputs.get(name).cloned(),
            Some(Outside::Run(name)) => self.runs.get(name).cloned(),
            None => self.module.map(|module| module.value(slot)),
        };
        found.unwrap_or_else(unknown)
    }
}

/// The arguments of a run, evaluated.
pub(super) struct Arguments {
    /// All variables that a test can see, from outside too.
    pub(super) variables: BTreeMap<String, Value>,
    /// Those that the file and the run give.
    pub(super) given: Vec<TestValue>,
    /// Configurations of providers.
    pub(super) providers: Vec<(ProviderRef, Value)>,
    /// Mocks in the place of providers.
    pub(super) mocks: BTreeMap<ProviderRef, Mock>,
}

/// Evaluates the arguments of a run: the file's variables, its own, then providers.
pub(super) fn arguments(
    prepared: &Prepared,
    outer: &BTreeMap<String, Value>,
    runs: &Outputs,
    surroundings: &Surroundings<'_>,
    diags: &mut Diagnostics,
) -> Arguments {
    let mut variables = outer.clone();
    let mut given = Vec::new();
    for level in [&prepared.file_variables, &prepared.variables] {
        let values = values(level, &prepared.arguments, &variables, runs, surroundings, diags);
        variables.extend(values.iter().map(|v| (v.name.clone(), v.value.clone())));
        given.extend(values);
    }
    let none = BTreeMap::new();
    let frame =
        TestFrame { names: &prepared.arguments, variables: &variables, runs, outputs: &none, module: None };
    let context = BodyContext { frame: &frame, surroundings: *surroundings };
    let mut providers = Vec::new();
    let mut mocks = BTreeMap::new();
    for provided in &prepared.providers {
        match (&provided.mock, &provided.body) {
            (Some(mock), _) => {
                mocks.insert(provided.reference.clone(), mock.clone());
            }
            (None, Some(body)) => {
                known(body.references(), &frame, diags);
                providers.push((provided.reference.clone(), body.eval(&context, diags)));
            }
            // What is wrong with it was said.
            (None, None) => {}
        }
    }
    Arguments { variables, given, providers, mocks }
}

fn values(
    arguments: &[(String, Compiled)],
    names: &OutsideNames,
    variables: &BTreeMap<String, Value>,
    runs: &Outputs,
    surroundings: &Surroundings<'_>,
    diags: &mut Diagnostics,
) -> Vec<TestValue> {
    let none = BTreeMap::new();
    let frame = TestFrame { names, variables, runs, outputs: &none, module: None };
    let value = |(name, compiled): &(String, Compiled)| {
        known(compiled.references(), &frame, diags);
        TestValue {
            name: name.clone(),
            value: compiled.eval(&frame, surroundings, diags),
            span: compiled.span(),
        }
    };
    arguments.iter().map(value).collect()
}

/// What a run has only planned may not be known, and nothing can be made of it.
fn known(references: &[Reference], frame: &TestFrame<'_>, diags: &mut Diagnostics) {
    for reference in references {
        let Some(Outside::Run(run)) = frame.names.get(reference.slot) else { continue };
        let root = frame.get(reference.slot);
        let unknown = root.get_path(&reference.path).is_some_and(|v| !v.is_wholly_known());
        if unknown {
            diags.push(
                Diagnostic::error("Reference to unknown value")
                    .code(pilotis_config::TEST_REFERENCE)
                    .at(reference.span)
                    .detail(format!(
                        "This value is unknown. Run block \"{run}\" is executing a \"plan\" operation, and the specified output value is only known after apply."
                    ))
                    .help(format!("Let the run \"{run}\" say `command = apply`.")),
            );
        }
    }
}

/// A configuration with the providers of a run.
pub(super) fn configured(configuration: &Configuration, arguments: &Arguments) -> Configuration {
    let mut configuration = configuration.clone();
    for (reference, value) in &arguments.providers {
        configuration.modules[0].configure(reference, value.clone());
    }
    configuration
}

/// True if a provider of some run says, or may turn out to say, that it uses the sandbox.
pub fn may_use_sandbox(suite: &Suite, files: &dyn Files) -> bool {
    let surroundings = Surroundings { files, plan_time_ms: 0, apply_time_ms: None };
    suite.files.iter().flat_map(|f| &f.runs).any(|run| {
        let none = Outputs::new();
        let names = &run.prepared.arguments;
        let frame = TestFrame { names, variables: &run.outer, runs: &none, outputs: &none, module: None };
        let context = BodyContext { frame: &frame, surroundings };
        let given = run.prepared.providers.iter().filter_map(|p| p.body.as_ref());
        let own = sandboxed(&run.configuration.modules[0], &run.outer, surroundings);
        let may =
            |value: Value| value.get("sandbox").is_some_and(|v| !v.is_known() || v.as_bool() == Some(true));
        !own.is_empty() || given.map(|body| body.eval(&context, &mut Diagnostics::new())).any(may)
    })
}

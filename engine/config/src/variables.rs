//! Values of the root module's variables: `-var`, var files, environment, defaults, in Terraform's order of precedence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pilotis_diag::{Diagnostic, Diagnostics, SourceMap, Span, did_you_mean};
use pilotis_lang::{Surroundings, constant};
use pilotis_syntax::ast::Expr;
use pilotis_syntax::json::parse_json;
use pilotis_syntax::{parse_expression, parse_file};
use pilotis_value::{Marks, Step, Type, Value};

use crate::{Module, Variable, codes, json};

/// One place that gives values, lowest precedence first in a list of them. `Debug` shows no value: any may be a secret.
#[derive(Clone)]
pub enum VariableSource {
    /// `TF_VAR_name`, `PILOTIS_VAR_name`: name without prefix, text.
    Environment(Vec<(String, String)>),
    /// `terraform.tfvars`, `*.auto.tfvars`, `-var-file`: name to show, text. `explicit`: it was named on the command line.
    File {
        /// To show. One that ends in `.json` is read as JSON.
        name: String,
        /// Its text.
        text: String,
        /// From `-var-file`.
        explicit: bool,
    },
    /// `-var name=text`
    Argument(String, String),
}

impl fmt::Debug for VariableSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VariableSource::Environment(pairs) => f
                .debug_tuple("Environment")
                .field(&pairs.iter().map(|(name, _)| name).collect::<Vec<_>>())
                .finish(),
            VariableSource::File { name, .. } => f.debug_tuple("File").field(name).finish(),
            VariableSource::Argument(name, _) => f.debug_tuple("Argument").field(name).finish(),
        }
    }
}

/// The values, each converted, defaulted, marked.
pub type RootVariables = BTreeMap<String, Value>;

/// Where a value was given, and how it is called there.
struct Origin {
    value: Value,
    span: Option<Span>,
    /// It stands in a file, not on the command line or in the environment.
    in_file: bool,
    source: String,
}

impl Origin {
    /// Says where a value is unsuitable: in its file. One of the command line is shown beside the variable that it is for.
    fn place(&self, variable: &Variable, diagnostic: Diagnostic) -> Diagnostic {
        match self.span {
            Some(span) if self.in_file => diagnostic.at(span),
            Some(span) => diagnostic.at(variable.span).also(span, "the value"),
            None => diagnostic.at(variable.span),
        }
    }
}

/// Values of all variables of the root module; validation conditions are the planner's to check.
pub fn root_variables(
    root: &Module,
    given: &[VariableSource],
    sources: &mut SourceMap,
    _surroundings: &Surroundings<'_>,
    diags: &mut Diagnostics,
) -> RootVariables {
    values(root, given, sources, diags, &|variable, diags| diags.push(missing(variable)))
}

/// The same where no variable has to have a value: those without one are unknown.
pub fn given_variables(
    root: &Module,
    given: &[VariableSource],
    sources: &mut SourceMap,
    diags: &mut Diagnostics,
) -> RootVariables {
    values(root, given, sources, diags, &|_, _| {})
}

/// The ephemeral variables that are given a value, from wherever. What is wrong with the sources, [`root_variables`] says.
pub fn given_ephemeral(root: &Module, given: &[VariableSource]) -> BTreeSet<String> {
    let (mut sources, mut diags) = (SourceMap::default(), Diagnostics::new());
    let found = read_sources(root, given, &mut sources, &mut diags);
    let ephemeral = root.variables.iter().filter(|v| v.ephemeral && found.contains_key(&v.name));
    ephemeral.map(|v| v.name.clone()).collect()
}

/// A value that a test gives to a variable.
#[derive(Clone, Debug)]
pub struct TestValue {
    /// Of which variable.
    pub name: String,
    /// The value.
    pub value: Value,
    /// Where it is written.
    pub span: Span,
}

/// The values of a module that a test is about: from outside, then those of the test's file, then those of the run itself. Values for
/// variables that the module doesn't have are for others.
pub fn test_variables(
    root: &Module,
    outside: &[VariableSource],
    given: Vec<TestValue>,
    run: &str,
    sources: &mut SourceMap,
    diags: &mut Diagnostics,
) -> RootVariables {
    let mut found = read_for_tests(root, outside, sources, diags);
    for TestValue { name, value, span } in given {
        let source = format!("the test's run \"{run}\"");
        found.insert(name, Origin { value, span: Some(span), in_file: true, source });
    }
    let missing = |variable: &Variable, diags: &mut Diagnostics| {
        diags.push(
            Diagnostic::error("No value for required variable")
                .code(codes::VARIABLE)
                .detail(format!(
                    "The module under test for run block \"{run}\" has a required variable \"{}\" with no set value. Use a -var or -var-file command line argument or add this variable into a \"variables\" block within the test file or run block.",
                    variable.name
                ))
                .at(variable.span),
        );
    };
    final_values(root, &found, diags, &missing)
}

/// The values that come from outside of a test file, for what is written in it: also of variables that the module doesn't have.
pub fn outer_values(
    root: &Module,
    outside: &[VariableSource],
    sources: &mut SourceMap,
    diags: &mut Diagnostics,
) -> BTreeMap<String, Value> {
    let found = read_for_tests(root, outside, sources, diags);
    let value = |(name, origin): (String, Origin)| {
        let variable = root.variables.iter().find(|v| v.name == name);
        let value = variable.map_or_else(
            || origin.value.clone(),
            |variable| final_value(variable, Some(&origin), &mut Diagnostics::new()),
        );
        (name, value)
    };
    found.into_iter().map(value).collect()
}

/// Reads what is given for several modules: what one of them doesn't have, another may.
fn read_for_tests(
    root: &Module,
    given: &[VariableSource],
    sources: &mut SourceMap,
    diags: &mut Diagnostics,
) -> BTreeMap<String, Origin> {
    let mut all = root.clone();
    for source in given {
        let VariableSource::Argument(name, _) = source else { continue };
        if !all.variables.iter().any(|v| v.name == *name) {
            all.variables.push(Variable::of_no_module(name));
        }
    }
    let mut found = Diagnostics::new();
    let values = read_sources(&all, given, sources, &mut found);
    diags.extend(found.into_iter().filter(|d| d.code != Some(codes::UNDECLARED_VARIABLE)));
    values
}

impl Variable {
    /// Its value must not be shown.
    fn is_in_confidence(&self) -> bool {
        self.sensitive || self.ephemeral
    }

    /// One that takes any text.
    fn of_no_module(name: &str) -> Variable {
        let nowhere = Span { file: pilotis_diag::FileId(0), start: 0, end: 0 };
        Variable {
            name: name.to_owned(),
            constraint: pilotis_value::Constraint::any(),
            default: None,
            nullable: true,
            sensitive: false,
            ephemeral: false,
            description: String::new(),
            validations: Vec::new(),
            span: nowhere,
        }
    }
}

fn missing(variable: &Variable) -> Diagnostic {
    Diagnostic::error("No value for required variable")
        .code(codes::VARIABLE)
        .detail(format!(
            "The root module input variable \"{}\" is not set, and has no default value.",
            variable.name
        ))
        .at(variable.span)
        .help(format!(
            "Give it with `-var {0}=VALUE`, in a file with `-var-file`, or as PILOTIS_VAR_{0}.",
            variable.name
        ))
}

/// Reads all values; `without` is told of each variable that has none.
fn values(
    root: &Module,
    given: &[VariableSource],
    sources: &mut SourceMap,
    diags: &mut Diagnostics,
    without: &dyn Fn(&Variable, &mut Diagnostics),
) -> RootVariables {
    let found = read_sources(root, given, sources, diags);
    final_values(root, &found, diags, without)
}

fn final_values(
    root: &Module,
    found: &BTreeMap<String, Origin>,
    diags: &mut Diagnostics,
    without: &dyn Fn(&Variable, &mut Diagnostics),
) -> RootVariables {
    let mut values = RootVariables::new();
    for variable in &root.variables {
        let origin = found.get(&variable.name);
        if origin.is_none() && variable.default.is_none() {
            without(variable, diags);
        }
        values.insert(variable.name.clone(), final_value(variable, origin, diags));
    }
    values
}

/// What is given, by variable: the last one counts.
fn read_sources(
    root: &Module,
    given: &[VariableSource],
    sources: &mut SourceMap,
    diags: &mut Diagnostics,
) -> BTreeMap<String, Origin> {
    let in_confidence = root.variables.iter().any(Variable::is_in_confidence);
    let mut reader = Reader { root, sources, diags, found: BTreeMap::new(), in_confidence };
    for source in given {
        match source {
            VariableSource::Environment(pairs) => {
                for (name, text) in pairs {
                    // What the environment has for other programs is not our business.
                    if let Some(variable) = root.variables.iter().find(|v| v.name == *name) {
                        reader.text(variable, text, format!("the environment variable TF_VAR_{name}"));
                    }
                }
            }
            VariableSource::Argument(name, text) => match root.variables.iter().find(|v| v.name == *name) {
                Some(variable) => reader.text(variable, text, format!("-var {name}")),
                None => {
                    let d = undeclared(root, name, "on the command line").code(codes::VARIABLE);
                    reader.diags.push(Diagnostic { severity: pilotis_diag::Severity::Error, ..d });
                }
            },
            VariableSource::File { name, text, .. } => reader.file(name, text),
        }
    }
    reader.found
}

struct Reader<'a> {
    root: &'a Module,
    sources: &'a mut SourceMap,
    diags: &'a mut Diagnostics,
    found: BTreeMap<String, Origin>,
    /// Some variable's value must not be shown: then no line of a file of values is, whatever is wrong in it.
    in_confidence: bool,
}

/// Where a value was given.
struct Given {
    in_file: bool,
    source: String,
}

impl Reader<'_> {
    /// A text from outside: as it is for a variable of a simple type, else an expression.
    fn text(&mut self, variable: &Variable, text: &str, source: String) {
        let literal = variable.constraint.ty.is_primitive() || variable.constraint.ty == Type::Dynamic;
        if literal {
            let origin = Origin { value: Value::string(text), span: None, in_file: false, source };
            self.found.insert(variable.name.clone(), origin);
            return;
        }
        let file = self.sources.add(format!("<value for var.{}>", variable.name), text);
        let in_confidence = variable.is_in_confidence();
        if in_confidence {
            self.sources.conceal(file);
        }
        let (expr, parse_diags) = parse_expression(self.sources, file);
        let failed = parse_diags.has_errors();
        self.wrong(parse_diags, in_confidence);
        self.expression(&variable.name, &expr, failed, in_confidence, Given { in_file: false, source });
    }

    /// Notes what is wrong with a text. If that is not to be shown, its place and the kind of mistake are said, and not the words around it.
    fn wrong(&mut self, found: Diagnostics, in_confidence: bool) {
        let without_words = |d: Diagnostic| Diagnostic {
            detail: "The text isn't shown: it may hold a sensitive value.".to_owned(),
            help: Vec::new(),
            values: Vec::new(),
            ..d
        };
        self.diags.extend(found.into_iter().map(|d| if in_confidence { without_words(d) } else { d }));
    }

    /// A value that couldn't be read is an unknown: that it is missing is not said too.
    fn expression(&mut self, name: &str, expr: &Expr, failed: bool, in_confidence: bool, given: Given) {
        let Given { in_file, source } = given;
        let mut found = Diagnostics::new();
        let mut value = Value::unknown(Type::Dynamic);
        if !failed {
            value = constant(expr, &mut found);
        }
        self.wrong(found, in_confidence);
        self.found.insert(name.to_owned(), Origin { value, span: Some(expr.span), in_file, source });
    }

    fn file(&mut self, name: &str, text: &str) {
        let file = self.sources.add(name, text);
        if self.in_confidence {
            self.sources.conceal(file);
        }
        let mut found = Diagnostics::new();
        let body = if json::is_json(name) {
            let (node, parse_diags) = parse_json(self.sources, file);
            found.extend(parse_diags);
            json::values(&node, self.sources, &mut found)
        } else {
            let (body, parse_diags) = parse_file(self.sources, file);
            found.extend(parse_diags);
            body
        };
        self.wrong(found, self.in_confidence);
        for block in &body.blocks {
            self.diags.push(
                Diagnostic::error(format!("Unexpected {:?} block", block.kind.text.as_str()))
                    .code(codes::UNKNOWN_BLOCK)
                    .detail("A variables file holds only values: `name = value`. Blocks stand in configuration files.")
                    .at(block.header),
            );
        }
        for attribute in &body.attributes {
            let given = attribute.name.text.as_str();
            if !self.root.variables.iter().any(|v| v.name == given) {
                let d = undeclared(self.root, given, &format!("in {name}")).at(attribute.name.span);
                self.diags.push(d);
                continue;
            }
            let of = Given { in_file: true, source: name.to_owned() };
            self.expression(given, &attribute.expr, false, self.in_confidence, of);
        }
    }
}

fn undeclared(root: &Module, name: &str, place: &str) -> Diagnostic {
    let d = Diagnostic::warning("Value for undeclared variable").code(codes::UNDECLARED_VARIABLE).detail(
        format!(
            "The root module does not declare a variable named \"{name}\" but a value was found {place}."
        ),
    );
    match did_you_mean(name, root.variables.iter().map(|v| v.name.as_str())) {
        Some(best) => d.help(format!("Did you mean \"{best}\"?")),
        None => d.help(format!("To use this value, add a block `variable \"{name}\" {{}}`.")),
    }
}

fn final_value(variable: &Variable, origin: Option<&Origin>, diags: &mut Diagnostics) -> Value {
    let value = match origin {
        Some(origin) => converted(variable, origin, diags),
        None => match &variable.default {
            Some(default) => default.clone(),
            None => Value::unknown(variable.constraint.ty.clone()),
        },
    };
    let mut marks = Marks::empty();
    marks.set(Marks::SENSITIVE, variable.sensitive);
    marks.set(Marks::EPHEMERAL, variable.ephemeral);
    value.with_marks(marks)
}

fn converted(variable: &Variable, origin: &Origin, diags: &mut Diagnostics) -> Value {
    let ty = || Value::unknown(variable.constraint.ty.clone());
    if origin.value.is_null() && !variable.nullable {
        if let Some(default) = &variable.default {
            return default.clone();
        }
        let d = Diagnostic::error("Required variable not set").code(codes::VARIABLE).detail(format!(
            "The value for var.{}, from {}, is not suitable: required variable may not be set to null.",
            variable.name, origin.source
        ));
        diags.push(origin.place(variable, d));
        return ty();
    }
    match variable.constraint.apply(&origin.value) {
        Ok(value) => value,
        Err(e) => {
            // A key is a part of the value.
            let is_told =
                !e.path.0.iter().any(|step| matches!(step, Step::Key(_)) && variable.is_in_confidence());
            let why = if e.path.0.is_empty() || !is_told {
                e.message
            } else {
                format!("{}: {}", e.path, e.message)
            };
            let d = Diagnostic::error("Invalid value for input variable").code(codes::WRONG_TYPE).detail(
                format!(
                    "The value for var.{}, from {}, is not suitable: {why}.",
                    variable.name, origin.source
                ),
            );
            diags.push(origin.place(variable, d));
            ty()
        }
    }
}

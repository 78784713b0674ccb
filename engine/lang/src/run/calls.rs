//! Calls of functions: arguments by the flags of their parameters; `try` and `can`.

use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_value::convert::convert;
use pilotis_value::{Marks, Type, Value};

use super::limits::excess;
use super::{Evaluator, dynamic, unknown_not_null};
use crate::codes;
use crate::functions::{FunctionDef, FunctionError, Param};
use crate::node::{CallOp, Node};
use crate::signature::{called, called_attempt};

impl Evaluator<'_> {
    pub(super) fn call(&mut self, node: &Node, call: &CallOp) -> Value {
        let before = self.errors;
        let mut values = Vec::with_capacity(call.args.len());
        let mut marks = Marks::empty();
        let (last, fixed) = match call.args.split_last() {
            Some((last, fixed)) if call.expand => (Some(last), fixed),
            _ => (None, call.args.as_slice()),
        };
        for arg in fixed {
            values.push(self.run(arg));
        }
        if let Some(last) = last {
            match self.expand(call.def, last, &mut marks) {
                Some(items) => values.extend(items),
                None => return dynamic().with_marks(marks),
            }
        }
        if self.errors > before {
            return Value::unknown(Type::Dynamic);
        }
        if let Some(value) = self.too_few_or_many(node, call, values.len()) {
            return value;
        }
        self.apply(node, call, values, marks)
    }

    /// The elements of `args...`; none if they aren't known, or after an error.
    fn expand(&mut self, def: &FunctionDef, last: &Node, marks: &mut Marks) -> Option<Vec<Value>> {
        let (value, found) = self.run(last).unmark();
        *marks |= found;
        let ty = value.ty();
        let detail = if value.is_null() {
            "The expanding argument (indicated by ...) must not be null."
        } else if let Some(items) = value.as_elements() {
            return Some(items.to_vec());
        } else if matches!(ty, Type::Dynamic | Type::List(_) | Type::Set(_) | Type::Tuple(_)) {
            return None;
        } else {
            "The expanding argument (indicated by ...) must be of a tuple, list, or set type."
        };
        let diagnostic = Diagnostic::error("Invalid expanding argument value")
            .code(codes::EXPANSION)
            .detail(detail)
            .call(called(def))
            .at(last.span);
        self.fail_at(diagnostic, &[last], Type::Dynamic);
        None
    }

    /// Arity of a call with `...`, which compiling can't know.
    fn too_few_or_many(&mut self, node: &Node, call: &CallOp, given: usize) -> Option<Value> {
        let def = call.def;
        let fixed = def.params.len();
        let (summary, detail, span) = if given < fixed {
            let at_least = if def.variadic.is_some() { "at least " } else { "" };
            let detail = format!(
                "Function \"{}\" expects {at_least}{fixed} argument(s). Missing value for \"{}\".",
                def.name, def.params[given].name
            );
            ("Not enough function arguments", detail, node.span)
        } else if given > fixed && def.variadic.is_none() {
            let detail = format!("Function \"{}\" expects only {fixed} argument(s).", def.name);
            ("Too many function arguments", detail, call.name_span)
        } else {
            return None;
        };
        let diagnostic =
            Diagnostic::error(summary).code(codes::ARITY).detail(detail).call(called(def)).at(span);
        Some(self.fail_at(diagnostic, &[node], Type::Dynamic))
    }

    fn apply(&mut self, node: &Node, call: &CallOp, values: Vec<Value>, mut marks: Marks) -> Value {
        let def = call.def;
        let mut args = Vec::with_capacity(values.len());
        let mut unknown = false;
        let mut secret = false;
        for (i, value) in values.into_iter().enumerate() {
            let Some(param) = parameter(def, i) else { break };
            // A function that is given marks minds them itself.
            secret |= value
                .marks_deep()
                .intersects(pilotis_value::Marks::SENSITIVE | pilotis_value::Marks::EPHEMERAL)
                && !param.allow_marked;
            match argument(param, value, &mut marks) {
                Ok(value) => {
                    unknown |= !param.allow_unknown && !value.is_wholly_known();
                    args.push(value);
                }
                Err(message) => return self.bad_argument(call, i, &message, node.span),
            }
        }
        if unknown {
            return Value::unknown((def.returns)(&args)).with_marks(marks);
        }
        // No function takes long for what it is given, nor makes much more of it.
        let given = args.iter().fold(0u64, |sum, arg| sum.saturating_add(arg.size()));
        if let Some(why) = excess(given.saturating_sub(args.len() as u64), 0) {
            return self.too_much(node, &format!("of what \"{}\" is given, {why}", def.name));
        }
        match (def.call)(&args, self.surroundings) {
            Ok(value) => self.limited(node, value).with_marks(marks),
            Err(FunctionError { argument: Some(i), .. }) if secret => {
                let message =
                    "it was refused because of a value that is sensitive, so the reason can't be shown";
                self.bad_argument(call, i, message, node.span)
            }
            Err(FunctionError { argument: Some(i), message }) => {
                self.bad_argument(call, i, &message, node.span)
            }
            Err(FunctionError { argument: None, message }) => {
                let message = if secret && !message.is_empty() {
                    "it failed for a value that is sensitive, so the reason can't be shown".to_owned()
                } else {
                    message
                };
                let diagnostic = Diagnostic::error("Error in function call")
                    .code(codes::CALL_FAILED)
                    .detail(format!("Call to function \"{}\" failed: {message}.", def.name))
                    .call(called(def))
                    .at(node.span);
                self.fail_at(diagnostic, &[node], (def.returns)(&args)).with_marks(marks)
            }
        }
    }

    fn bad_argument(&mut self, call: &CallOp, i: usize, message: &str, whole: Span) -> Value {
        let name = parameter(call.def, i).map_or("", |p| p.name);
        let arg = call.args.get(i).or(call.args.last());
        let diagnostic = Diagnostic::error("Invalid function argument")
            .code(codes::ARGUMENT)
            .detail(format!("Invalid value for \"{name}\" parameter: {message}."))
            .call(called(call.def))
            .at(arg.map_or(whole, |a| a.span));
        let nodes: Vec<&Node> = arg.into_iter().collect();
        self.fail_at(diagnostic, &nodes, Type::Dynamic)
    }

    /// `try`: the first argument that has no error. One that isn't wholly known might still have one, so the result isn't known.
    pub(super) fn try_all(&mut self, node: &Node, args: &[Node]) -> Value {
        let mut all_errors = Vec::new();
        for arg in args {
            let (value, errors) = self.attempt(arg);
            if errors.has_errors() {
                all_errors.push(errors);
                continue;
            }
            if !value.is_wholly_known() {
                return dynamic().with_marks(value.marks_deep());
            }
            return value;
        }
        let diagnostic = no_success(node.span, all_errors).call(called_attempt(true));
        self.fail_at(diagnostic, &[node], Type::Dynamic)
    }

    pub(super) fn can(&mut self, arg: &Node) -> Value {
        let (value, errors) = self.attempt(arg);
        if errors.has_errors() {
            return Value::bool(false);
        }
        if !value.is_wholly_known() {
            return unknown_not_null(Type::Bool);
        }
        Value::bool(true)
    }
}

fn no_success(span: Span, all_errors: Vec<Diagnostics>) -> Diagnostic {
    let mut detail = "Call to function \"try\" failed: no expression succeeded:".to_owned();
    let mut labels = Vec::new();
    for error in all_errors.into_iter().flatten() {
        detail.push_str(&format!("\n- {}: {}", error.summary, error.detail));
        labels.extend(error.primary.map(|l| (l.span, error.summary)));
    }
    detail.push_str("\n\nAt least one expression must produce a successful result.");
    let mut diagnostic =
        Diagnostic::error("Error in function call").code(codes::CALL_FAILED).detail(detail).at(span);
    for (span, text) in labels {
        diagnostic = diagnostic.also(span, text);
    }
    diagnostic
}

fn parameter(def: &FunctionDef, i: usize) -> Option<&Param> {
    def.params.get(i).or(def.variadic.as_ref())
}

/// An argument as its parameter wants it, or what is wrong with it.
fn argument(param: &Param, value: Value, marks: &mut Marks) -> Result<Value, String> {
    let value = if param.allow_marked {
        value
    } else {
        let (value, found) = value.unmark_deep();
        *marks |= found;
        value
    };
    if value.is_null() && !param.allow_null && !param.lazy {
        return Err("argument must not be null".into());
    }
    let wanted = (param.ty)();
    // A reference leads to what is wanted itself: nothing is converted.
    if wanted == Type::Dynamic || param.reference {
        return Ok(value);
    }
    convert(&value, &wanted).map_err(|error| error.to_string())
}

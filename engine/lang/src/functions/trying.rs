//! `try` and `can`, as the table of functions has them. The evaluator runs them itself, since an argument may fail: what is
//! here is for calls like `try(list...)`, whose arguments have been evaluated already.

use pilotis_value::Value;

use super::{FunctionDef, Param, any, fail, gives_any, gives_bool};

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "can",
        params: &[Param::new("expression", any).lazy().unknown().marked()],
        variadic: None,
        returns: gives_bool,
        call: |_, _| Ok(Value::bool(true)),
        doc: "True if an expression can be evaluated without an error.",
    },
    FunctionDef {
        name: "try",
        params: &[],
        variadic: Some(Param::new("expressions", any).lazy().unknown().marked()),
        returns: gives_any,
        call: |args, _| match args.first() {
            Some(first) => Ok(first.clone()),
            None => fail("at least one argument is required"),
        },
        doc: "The first of the expressions that can be evaluated without an error.",
    },
];

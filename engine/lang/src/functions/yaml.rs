//! YAML: `yamldecode` reads YAML 1.2 with the bools of 1.1 (`yes`, `on`), `yamlencode` writes what every reader
//! understands: quoted keys and texts, one entry a line.

mod read;
mod write;

use pilotis_value::Value;

use super::{FunctionDef, Param, any, fail, gives_any, gives_string, string, text};

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "yamldecode",
        params: &[Param::new("src", string)],
        variadic: None,
        returns: gives_any,
        call: |args, _| read::read(text(args, 0)?).or_else(fail),
        doc: "The value that is written in YAML: objects and tuples.",
    },
    FunctionDef {
        name: "yamlencode",
        params: &[Param::new("value", any).nullable()],
        variadic: None,
        returns: gives_string,
        call: |args, _| match write::write(&args[0]) {
            Ok(text) => Ok(Value::string(text)),
            Err(message) => fail(message),
        },
        doc: "The value in YAML, with quoted keys in their order.",
    },
];

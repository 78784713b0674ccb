//! Tables: `csvdecode`.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use pilotis_value::{Type, Value};

use super::{FunctionDef, Outcome, Param, fail, gives_any, string, text};
use crate::Surroundings;

pub(super) const FUNCTIONS: &[FunctionDef] = &[FunctionDef {
    name: "csvdecode",
    params: &[Param::new("str", string)],
    variadic: None,
    returns: gives_any,
    call: csv_decode,
    doc: "The rows of a CSV text as objects, with the names that the first line gives.",
}];

fn csv_decode(args: &[Value], _: &Surroundings<'_>) -> Outcome {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text(args, 0)?.as_bytes());
    let mut names: Vec<EcoString> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => return fail(format!("CSV parse error: {error}")),
        };
        let line = record.position().map_or(0, csv::Position::line);
        if names.is_empty() {
            for name in &record {
                if !seen.insert(EcoString::from(name)) {
                    return fail(format!("duplicate column name {name:?}"));
                }
                names.push(name.into());
            }
            continue;
        }
        if record.len() != names.len() {
            return fail(format!("CSV parse error on line {line}: wrong number of fields"));
        }
        let cells = names.iter().cloned().zip(record.iter().map(Value::string));
        rows.push(Value::object(cells.collect::<BTreeMap<_, _>>()));
    }
    if names.is_empty() {
        return fail("missing header line");
    }
    Ok(Value::list(Type::object(names.into_iter().map(|name| (name, Type::String))), rows))
}

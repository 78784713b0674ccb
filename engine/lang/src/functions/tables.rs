//! Tables: `csvdecode`.

use std::collections::BTreeSet;

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
    let mut reader = Reader { rest: text(args, 0)?, line: 0 };
    let mut names: Vec<EcoString> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    loop {
        let begins = reader.line + 1;
        let record = match reader.record() {
            Ok(None) => break,
            Ok(Some(record)) => record,
            Err(message) => return fail(format!("CSV parse error on line {}: {message}", reader.line)),
        };
        if names.is_empty() {
            for name in record {
                if !seen.insert(name.clone()) {
                    return fail(format!("duplicate column name {name:?}"));
                }
                names.push(name.into());
            }
        } else if record.len() == names.len() {
            let cells = names.iter().cloned().zip(record.iter().map(Value::string));
            rows.push(Value::object(cells.collect()));
        } else {
            return fail(format!("CSV parse error on line {begins}: wrong number of fields"));
        }
    }
    if names.is_empty() {
        return fail("missing header line");
    }
    Ok(Value::list(Type::object(names.into_iter().map(|name| (name, Type::String))), rows))
}

/// Reads records as RFC 4180 has them, with one line end or the other; a quote may stand only around a field.
struct Reader<'t> {
    rest: &'t str,
    /// How many lines were read.
    line: usize,
}

impl<'t> Reader<'t> {
    /// The next line, with its end written `\n`; none after the last.
    fn next_line(&mut self) -> Option<(&'t str, bool)> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let (line, ended) = match self.rest.split_once('\n') {
            Some((line, rest)) => {
                self.rest = rest;
                (line, true)
            }
            None => (std::mem::take(&mut self.rest), false),
        };
        Some((line.strip_suffix('\r').unwrap_or(line), ended))
    }

    /// The next record; empty lines are passed over.
    fn record(&mut self) -> Result<Option<Vec<String>>, &'static str> {
        let mut line = loop {
            match self.next_line() {
                None => return Ok(None),
                Some(("", true)) => {}
                Some((line, _)) => break line,
            }
        };
        let mut fields = Vec::new();
        loop {
            let Some(quoted) = line.strip_prefix('"') else {
                let (field, rest) = line.split_once(',').map_or((line, None), |(f, rest)| (f, Some(rest)));
                if field.contains('"') {
                    return Err("bare \" in non-quoted-field");
                }
                fields.push(field.to_owned());
                match rest {
                    Some(rest) => line = rest,
                    None => return Ok(Some(fields)),
                }
                continue;
            };
            let (field, rest) = self.quoted(quoted)?;
            fields.push(field);
            match rest.strip_prefix(',') {
                Some(rest) => line = rest,
                None if rest.is_empty() => return Ok(Some(fields)),
                None => return Err(STRAY),
            }
        }
    }

    /// A field after its opening quote, over as many lines as it takes; gives what is left of the last of them.
    fn quoted(&mut self, mut line: &'t str) -> Result<(String, &'t str), &'static str> {
        let mut field = String::new();
        loop {
            match line.split_once('"') {
                Some((text, rest)) => {
                    field.push_str(text);
                    match rest.strip_prefix('"') {
                        Some(rest) => {
                            field.push('"');
                            line = rest;
                        }
                        None => return Ok((field, rest)),
                    }
                }
                None => {
                    // Without a line after this one the quote is never closed.
                    field.push_str(line);
                    field.push('\n');
                    line = self.next_line().ok_or(STRAY)?.0;
                }
            }
        }
    }
}

const STRAY: &str = "extraneous or missing \" in quoted-field";

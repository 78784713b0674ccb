//! Values that are made up by hand, held against the schema of what they are for.

use std::collections::BTreeMap;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Span, did_you_mean};
use pilotis_schema::Block;
use pilotis_value::convert::convert;
use pilotis_value::{Kind, Value};

use crate::codes;

/// What comes of values for a type.
pub(super) struct Fitted {
    /// Those that the type takes, converted.
    pub(super) values: Value,
    /// Why others mean nothing.
    pub(super) notices: Vec<Diagnostic>,
}

/// Holds values against a schema. An error if one is of the wrong type.
pub(super) fn fit(
    given: &Value,
    block: &Block,
    type_name: &str,
    at: Span,
) -> Result<Fitted, Box<Diagnostic>> {
    let mut fitter = Fitter { type_name, at, notices: Vec::new() };
    let values = fitter.block(given, block, "")?;
    Ok(Fitted { values, notices: fitter.notices })
}

struct Fitter<'a> {
    type_name: &'a str,
    at: Span,
    notices: Vec<Diagnostic>,
}

impl Fitter<'_> {
    fn block(&mut self, given: &Value, block: &Block, prefix: &str) -> Result<Value, Box<Diagnostic>> {
        let mut kept: BTreeMap<EcoString, Value> = BTreeMap::new();
        for (name, value) in given.as_entries().into_iter().flatten() {
            let path = format!("{prefix}{name}");
            if let Some(attribute) = block.attributes.get(name.as_str()) {
                if !attribute.is_computed() {
                    let why = "the configuration alone says what it is";
                    self.ignored(&path, why, None);
                    continue;
                }
                let ty = attribute.ty.without_optional();
                let value = convert(value, &ty).map_err(|e| self.wrong(&path, &e.to_string()))?;
                kept.insert(name.clone(), value);
            } else if let Some(nested) = block.blocks.get(name.as_str()) {
                if !matches!(value.kind(), Kind::Object(_)) {
                    let why = "an object is required, which holds for each of these blocks";
                    return Err(self.wrong(&path, why));
                }
                let inner = self.block(value, &nested.block, &format!("{path}."))?;
                kept.insert(name.clone(), inner);
            } else {
                let known = block.attributes.iter().filter(|(_, a)| a.is_computed()).map(|(n, _)| n.as_str());
                let best = did_you_mean(name, known).map(str::to_owned);
                self.ignored(&path, "there is no such attribute", best);
            }
        }
        Ok(Value::object(kept.into()))
    }

    fn wrong(&self, path: &str, why: &str) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error("Failed to compute attribute")
                .code(codes::TEST_FILE)
                .detail(format!(
                    "The value given for the attribute \"{path}\" of {} does not fit: {why}.",
                    self.type_name
                ))
                .at(self.at),
        )
    }

    fn ignored(&mut self, path: &str, why: &str, best: Option<String>) {
        let d = Diagnostic::warning("Value without effect")
            .code(codes::NOTHING_OVERRIDDEN)
            .detail(format!("The value given for \"{path}\" of {} is ignored: {why}.", self.type_name))
            .at(self.at);
        self.notices.push(match best {
            Some(best) => d.help(format!("Did you mean \"{best}\"?")),
            None => d,
        });
    }
}

//! What a run was made of, apart from the state and the services: kept with the run, so that its plan can be made again later, on another state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pilotis_config::{Configuration, LoadOptions, RootVariables, Schemas, load};
use pilotis_diag::Diagnostics;
use pilotis_value::{Concealed, Marks, Value};
use serde::{Deserialize, Serialize};

use crate::planfile::PlanFileError;
use crate::recording::{FunctionFiles, Kept, ModuleFiles};

/// Module files, variables, and files that functions read.
#[derive(Clone, Debug)]
pub struct MadeOf {
    /// The program that made it.
    pub program: String,
    /// All module files.
    pub modules: ModuleFiles,
    /// Files that functions read.
    pub files: FunctionFiles,
    /// Values of the root module's variables, without those that live for one run only.
    pub variables: RootVariables,
    /// The ephemeral variables that it was given.
    pub given_ephemeral: BTreeSet<String>,
    /// It was to remove everything.
    pub destroy: bool,
    /// It was narrowed by `-target` or `-exclude`.
    pub partial: bool,
}

/// The text of a [`MadeOf`], as a state keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMadeOf {
    /// Names the text.
    pub digest: Arc<str>,
    /// The text. It holds what variables held, sensitive ones too.
    pub text: Concealed<Arc<str>>,
}

impl KeptMadeOf {
    /// Of a text that [`MadeOf::write`] gave.
    pub fn new(text: impl Into<Arc<str>>) -> KeptMadeOf {
        let text = text.into();
        KeptMadeOf { digest: blake3::hash(text.as_bytes()).to_hex().as_str().into(), text: text.into() }
    }
}

/// The form in the state.
#[derive(Serialize, Deserialize)]
struct Body {
    form: u32,
    program: String,
    modules: ModuleFiles,
    files: FunctionFiles,
    variables: BTreeMap<String, Kept>,
    given_ephemeral: BTreeSet<String>,
    destroy: bool,
    partial: bool,
}

/// The form that is written.
const FORM: u32 = 1;

impl MadeOf {
    /// The text that the state keeps.
    pub fn write(&self) -> Result<KeptMadeOf, PlanFileError> {
        let kept = |(name, value): (&String, &Value)| {
            if value.marks_deep().contains(Marks::EPHEMERAL) {
                return None;
            }
            let unknown = || PlanFileError::Unsaveable(format!("the value of variable {name} is not known"));
            Some(Kept::new(value).ok_or_else(unknown).map(|kept| (name.clone(), kept)))
        };
        let body = Body {
            form: FORM,
            program: self.program.clone(),
            modules: self.modules.clone(),
            files: self.files.clone(),
            variables: self.variables.iter().filter_map(kept).collect::<Result<_, _>>()?,
            given_ephemeral: self.given_ephemeral.clone(),
            destroy: self.destroy,
            partial: self.partial,
        };
        let text = serde_json::to_string(&body).map_err(|e| PlanFileError::Unsaveable(e.to_string()))?;
        Ok(KeptMadeOf::new(text))
    }

    /// Reads that text.
    pub fn read(text: &str) -> Result<MadeOf, PlanFileError> {
        let damaged = |e: serde_json::Error| PlanFileError::Damaged(e.to_string());
        let form: serde_json::Value = serde_json::from_str(text).map_err(damaged)?;
        let found = form["form"].as_u64().and_then(|f| u32::try_from(f).ok()).unwrap_or(0);
        if found > FORM {
            return Err(PlanFileError::Newer { found, known: FORM });
        }
        let body: Body = serde_json::from_value(form).map_err(damaged)?;
        let value = |(name, kept): (String, Kept)| Ok((name, kept.value().map_err(PlanFileError::Damaged)?));
        Ok(MadeOf {
            program: body.program,
            modules: body.modules,
            files: body.files,
            variables: body.variables.into_iter().map(value).collect::<Result<_, PlanFileError>>()?,
            given_ephemeral: body.given_ephemeral,
            destroy: body.destroy,
            partial: body.partial,
        })
    }

    /// The configuration of then.
    pub fn configuration(&self, schemas: &Schemas) -> (Configuration, Diagnostics) {
        let options =
            LoadOptions { root: ".".into(), version: self.program.clone(), ..LoadOptions::default() };
        load(&options, &self.modules, schemas)
    }
}

//! `import`: one object of a service is taken over, nothing is changed.
//!
//! It is a plan like any other, of a configuration that says one thing more (an `import` block for the address) and that leaves everything as it
//! is found (`ignore_changes = all`). So importing knows no other way into the state than applying does.

use std::sync::Arc;

use pilotis_config::{Configuration, IgnoreChanges, Import, Repetition, RootVariables};
use pilotis_diag::{Diagnostic, Diagnostics, FileId, Span};
use pilotis_lang::Compiled;
use pilotis_plan::{ObjectResult, PlanAction, PlanOptions};
use pilotis_schema::address::{Instance, Mode, Target};
use pilotis_state::RunKind;
use pilotis_value::Value;
use tokio_util::sync::CancellationToken;

use crate::{ApplyOptions, Engine, EngineError, Imported, Reporter};

impl Engine {
    /// Takes an object over into the state. `id` is what the established provider's `import` takes.
    pub async fn import(
        &self,
        configuration: Arc<Configuration>,
        variables: RootVariables,
        address: Instance,
        id: &str,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<Imported, EngineError> {
        let text = address.to_string();
        if address.resource.mode != Mode::Managed {
            return Err(refused(
                &text,
                "A managed resource address is required",
                "Importing into a data source or an ephemeral resource is not possible: they are not stored to be managed.",
            )
            .into());
        }
        let snapshot = self.store().with(|store| store.snapshot()).await?;
        if snapshot.resources.iter().any(|r| *r.key.address == *text && r.key.deposed.is_none()) {
            return Err(refused(
                &text,
                "Resource already managed",
                "The state has an object at this address already.",
            )
            .help("To manage another object there, remove this one from the state first.")
            .into());
        }
        let configuration = Arc::new(with_import(&configuration, &address, id));
        let options = PlanOptions { targets: vec![Target::Instance(address)], ..self.options() };
        let planned = self.plan(configuration, variables, options, reporter, cancel).await?;
        if planned.plan.diagnostics.has_errors() {
            let mut said: Vec<Diagnostic> = planned.plan.diagnostics.into_iter().collect();
            // What is wrong with the import itself stands nowhere in the text.
            for diagnostic in
                said.iter_mut().filter(|d| d.primary.as_ref().is_some_and(|p| p.span == NOWHERE))
            {
                diagnostic.primary = None;
                diagnostic.address.get_or_insert_with(|| text.clone());
            }
            return Err(EngineError::Diagnostics(said.into_iter().collect()));
        }
        let more =
            planned.plan.changes.iter().find(|c| !matches!(c.action, PlanAction::NoOp | PlanAction::Read));
        if let Some(change) = more {
            let why =
                format!("It depends on {}, which is not there yet or would be changed.", change.display);
            return Err(refused(&text, "Import not possible yet", &why)
                .help("Apply that first, or import it first.")
                .into());
        }
        if !planned.plan.changes.iter().any(|c| c.address.to_string() == text && c.importing.is_some()) {
            return Err(refused(
                &text,
                "Nothing to import",
                "The configuration has no such resource instance.",
            )
            .help("Write its block first: `import` takes an object over for a block that is there.")
            .into());
        }
        let never = CancellationToken::new();
        let options = ApplyOptions {
            kind: RunKind::Import,
            allow_programs: false,
            made_of: None,
            approval: pilotis_state::audit::Approval::Command,
        };
        let report = self.apply(planned, options, reporter, cancel, &never).await?;
        let failed = report.applied.objects.iter().find_map(|o| match &o.result {
            ObjectResult::Done => None,
            ObjectResult::Failed(why) | ObjectResult::NotAttempted(why) | ObjectResult::Unknown(why) => {
                Some(why)
            }
        });
        if report.applied.diagnostics.has_errors() {
            return Err(EngineError::Diagnostics(report.applied.diagnostics));
        }
        match failed.or(report.applied.state_broken.as_ref()) {
            Some(why) => Err(refused(&text, "Import failed", why).into()),
            None => Ok(Imported { address: text, id: id.to_owned() }),
        }
    }
}

/// Where the import of the command stands: the address says what an error is about.
const NOWHERE: Span = Span { file: FileId(0), start: 0, end: 0 };

fn with_import(configuration: &Configuration, address: &Instance, id: &str) -> Configuration {
    let mut configuration = configuration.clone();
    for module in &mut configuration.modules {
        module.imports.clear();
        for resource in &mut module.resources {
            resource.lifecycle.ignore_changes = IgnoreChanges::All;
        }
    }
    if let Some(root) = configuration.modules.first_mut() {
        let span = NOWHERE;
        let id = Compiled::of(Value::string(id), span);
        root.imports.push(Import {
            to: address.clone(),
            key: None,
            repetition: Repetition::One,
            id,
            to_span: span,
            provider: None,
            span,
        });
    }
    configuration
}

fn refused(address: &str, summary: &str, detail: &str) -> Diagnostic {
    Diagnostic::error(summary).address(address).detail(detail)
}

impl From<Diagnostic> for EngineError {
    fn from(diagnostic: Diagnostic) -> EngineError {
        EngineError::Diagnostics(Diagnostics::from(diagnostic))
    }
}

//! Objects that are imported and have no block yet: read as they are, so that their blocks can be written.

use std::sync::Arc;

use pilotis_config::{Configuration, RootVariables, block_text, with_missing_blocks};
use pilotis_plan::PlanOptions;
use pilotis_schema::address::{Instance, Target};
use tokio_util::sync::CancellationToken;

use crate::{Engine, EngineError, Reporter};

impl Engine {
    /// The text of a block for every `import` of the root module that has none; none if all have one. Nothing is changed.
    pub async fn blocks_for_imports(
        &self,
        configuration: &Configuration,
        variables: RootVariables,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<Option<Vec<String>>, EngineError> {
        let widened = with_missing_blocks(configuration, &self.schemas());
        let Some((widened, addresses)) = widened.map_err(EngineError::Diagnostics)? else { return Ok(None) };
        let widened = Arc::new(widened);
        let targets = addresses.iter().cloned().map(Target::Instance).collect();
        let options = PlanOptions { targets, ..self.options() };
        let planned = self.plan(widened.clone(), variables, options, reporter, cancel).await?;
        if planned.plan.diagnostics.has_errors() {
            return Err(EngineError::Diagnostics(planned.plan.diagnostics));
        }
        let text = |address: &Instance| {
            let change = planned.plan.changes.iter().find(|c| c.address == *address)?;
            block_text(&widened, address, change.importing.as_deref(), &change.before)
        };
        Ok(Some(addresses.iter().filter_map(text).collect()))
    }
}

//! Which providers are to use the sandbox, as their configuration says.

use pilotis_config::{BodyContext, Module, RootVariables, Symbol};
use pilotis_diag::Diagnostics;
use pilotis_lang::{Frame, Slot, Surroundings};
use pilotis_value::{Type, Value};

/// Providers (local names) whose block says `sandbox = true`.
pub fn sandboxed(root: &Module, variables: &RootVariables, surroundings: Surroundings<'_>) -> Vec<String> {
    let frame = RootFrame { root, variables };
    let context = BodyContext { frame: &frame, surroundings };
    let blocks = root.providers.iter().filter(|p| {
        let value = p.body.eval(&context, &mut Diagnostics::new());
        value.get("sandbox").and_then(Value::as_bool) == Some(true)
    });
    blocks.map(|p| p.reference.name.clone()).collect()
}

/// The root module's variables; all else is not known yet.
pub struct RootFrame<'a> {
    /// The root module.
    pub root: &'a Module,
    /// The values that its variables have.
    pub variables: &'a RootVariables,
}

impl Frame for RootFrame<'_> {
    fn get(&self, slot: Slot) -> Value {
        let variable = match self.root.symbols.get(slot.0 as usize) {
            Some(Symbol::Variable(i)) => self.root.variables.get(*i as usize),
            _ => None,
        };
        let value = variable.and_then(|v| self.variables.get(&v.name));
        value.cloned().unwrap_or_else(|| Value::unknown(Type::Dynamic))
    }
}

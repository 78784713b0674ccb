//! What a slot's value is, for one instance of one module.

use std::collections::HashMap;

use pilotis_config::{Call, Repetition, Symbol};
use pilotis_diag::Diagnostics;
use pilotis_lang::{Compiled, Frame, Slot};
use pilotis_schema::address::Key;
use pilotis_value::{Confided, Type, Value};

use crate::graph::{NodeId, NodeKind, ScopeId};
use crate::machine::{InstanceId, Machine, Rep};

/// Values of whole modules, which many references share. They are made again when another output has become known.
#[derive(Debug, Default)]
pub(crate) struct CallCache {
    values: HashMap<(ScopeId, InstanceId), (u32, Value)>,
}

/// The values of an instance of a module, with `each`, `count` and `self` of one of its blocks.
pub(crate) struct InstanceFrame<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) scope: ScopeId,
    pub(crate) instance: InstanceId,
    pub(crate) rep: &'a Rep,
    pub(crate) this: Option<&'a Value>,
}

impl Frame for InstanceFrame<'_> {
    fn get(&self, slot: Slot) -> Value {
        let machine = self.machine;
        let node = |kind| machine.node_value(machine.graph.id(self.scope, kind), self.instance);
        let Some(symbol) = machine.module(self.scope).symbols.get(slot.0 as usize) else {
            return Value::unknown(Type::Dynamic);
        };
        match symbol {
            Symbol::Variable(i) => node(NodeKind::Variable(*i)),
            Symbol::Local(i) => node(NodeKind::Local(*i)),
            Symbol::Resource(i) => node(NodeKind::Resource(*i)),
            Symbol::Call(i) => machine.call_value(self.scope, *i, self.instance),
            Symbol::Calls(calls) => machine.calls_value(self.scope, calls, self.instance),
            Symbol::CountIndex => match self.rep {
                Rep::Count(n) => Value::number(i64::try_from(*n).unwrap_or(i64::MAX)),
                _ => Value::unknown(Type::Number),
            },
            Symbol::EachKey => match self.rep {
                Rep::Each(key, _) => Value::string(key),
                _ => Value::unknown(Type::String),
            },
            Symbol::EachValue => match self.rep {
                Rep::Each(_, value) => value.clone(),
                _ => Value::unknown(Type::Dynamic),
            },
            Symbol::This => self.this.cloned().unwrap_or_else(|| Value::unknown(Type::Dynamic)),
            Symbol::PathModule => Value::string(&machine.module(self.scope).dir),
            Symbol::PathRoot => Value::string(&machine.config.modules[0].dir),
            Symbol::PathCwd => Value::string(&machine.options.cwd),
            Symbol::Workspace => Value::string(&machine.options.workspace),
        }
    }
}

/// The values of another frame as they are shown: what holds a text that is sensitive in one of them is sensitive too, as in what is shown of
/// an object (`ObjectType::shown`).
pub(crate) struct ShownFrame<'a> {
    frame: &'a dyn Frame,
    confided: Confided,
}

impl<'a> ShownFrame<'a> {
    /// Of what is shown of this expression, its value or the values that it refers to.
    pub(crate) fn of(frame: &'a dyn Frame, expression: &Compiled) -> ShownFrame<'a> {
        let referred: Vec<Value> = expression.references().iter().map(|r| frame.get(r.slot)).collect();
        ShownFrame { frame, confided: Confided::of(&referred) }
    }
}

impl Frame for ShownFrame<'_> {
    fn get(&self, slot: Slot) -> Value {
        let value = self.frame.get(slot);
        if self.confided.is_empty() { value } else { self.confided.mark(&value) }
    }
}

impl Machine {
    pub(crate) fn frame<'a>(
        &'a self,
        scope: ScopeId,
        instance: InstanceId,
        rep: &'a Rep,
    ) -> InstanceFrame<'a> {
        InstanceFrame { machine: self, scope, instance, rep, this: None }
    }

    /// Evaluates an expression; true if it had errors, which are noted.
    pub(crate) fn eval(
        &self,
        compiled: &Compiled,
        frame: &dyn Frame,
        diags: &mut Diagnostics,
    ) -> (Value, bool) {
        let mut own = Diagnostics::new();
        let value = compiled.eval(frame, &self.surroundings(), &mut own);
        let failed = own.has_errors();
        diags.extend(own);
        (value, failed)
    }

    /// The value of a node for an instance of its scope; unknown if there is none yet.
    pub(crate) fn node_value(&self, id: NodeId, instance: InstanceId) -> Value {
        let values = &self.nodes[id.0 as usize].values;
        values.get(instance as usize).cloned().unwrap_or_else(|| Value::unknown(Type::Dynamic))
    }

    /// The value of a module call for an instance of the calling module: an object of outputs, or of all instances.
    fn call_value(&self, scope: ScopeId, index: u32, instance: InstanceId) -> Value {
        let Some(child) = self.graph.scope(scope).children.get(index as usize).copied() else {
            return Value::unknown(Type::Dynamic);
        };
        let state = &self.scopes[child.0 as usize];
        if !self.nodes[self.graph.id(scope, NodeKind::Expand(index)).0 as usize].done {
            return Value::unknown(Type::Dynamic);
        }
        if let Some((version, value)) = self.calls.borrow().values.get(&(child, instance))
            && *version == state.version
        {
            return value.clone();
        }
        let value = self.make_call_value(scope, &self.module(scope).calls[index as usize], child, instance);
        self.calls.borrow_mut().values.insert((child, instance), (state.version, value.clone()));
        value
    }

    fn make_call_value(&self, scope: ScopeId, call: &Call, child: ScopeId, instance: InstanceId) -> Value {
        let outputs = |of: InstanceId| {
            if let Some(given) = &self.instance(child, of).outputs {
                return self.given_outputs(child, given);
            }
            let output = |(i, output): (usize, &pilotis_config::Output)| {
                let node = self.graph.id(child, NodeKind::Output(i as u32));
                (output.name.as_str().into(), self.node_value(node, of))
            };
            Value::object(self.module(child).outputs.iter().enumerate().map(output).collect())
        };
        let instances = self.scopes[child.0 as usize].by_parent.get(instance as usize);
        let instances = instances.map(Vec::as_slice).unwrap_or_default();
        let failed = self.failures.get(&self.graph.id(scope, self.expand_kind(child)));
        if failed.is_some_and(|f| f.iter().any(|(i, _)| *i == instance)) {
            return Value::unknown(Type::Dynamic);
        }
        match call.repetition {
            Repetition::One => {
                instances.first().map_or_else(|| Value::unknown(Type::Dynamic), |i| outputs(*i))
            }
            Repetition::Count(_) => Value::tuple(instances.iter().map(|i| outputs(*i)).collect()),
            Repetition::ForEach(_) => {
                let entry = |i: &InstanceId| match &self.instance(child, *i).rep {
                    Rep::Each(key, _) => Some((key.clone(), outputs(*i))),
                    _ => None,
                };
                Value::object(instances.iter().filter_map(entry).collect())
            }
        }
    }

    fn expand_kind(&self, child: ScopeId) -> NodeKind {
        let (_, call) = self.graph.scope(child).parent.expect("a child has a parent");
        NodeKind::Expand(call)
    }

    /// All blocks of one blueprint: an object by label.
    fn calls_value(&self, scope: ScopeId, calls: &[u32], instance: InstanceId) -> Value {
        let module = self.module(scope);
        let entry = |index: &u32| {
            let label = module.calls[*index as usize].label.clone().unwrap_or_default();
            (label.into(), self.call_value(scope, *index, instance))
        };
        Value::object(calls.iter().map(entry).collect())
    }

    /// The value of a resource block for an instance of its module: an object, or all instances.
    pub(crate) fn resource_value(&self, id: NodeId, instance: InstanceId) -> Value {
        let objects = self.nodes[id.0 as usize].objects.get(instance as usize);
        let objects = objects.map(Vec::as_slice).unwrap_or_default();
        let value = |o: &u32| self.objects[*o as usize].after.clone();
        match self.block(id).repetition {
            Repetition::One => objects.first().map_or_else(|| Value::unknown(Type::Dynamic), value),
            Repetition::Count(_) => Value::tuple(objects.iter().map(value).collect()),
            Repetition::ForEach(_) => {
                let entry = |o: &u32| match self.objects[*o as usize].rep.key() {
                    Some(Key::String(key)) => Some((key.into(), value(o))),
                    _ => None,
                };
                Value::object(objects.iter().filter_map(entry).collect())
            }
        }
    }
}

//! What a slot's value is when nothing has been run: what is known of it by its type.

use pilotis_config::{Configuration, Module, Symbol, Variable};
use pilotis_lang::{Frame, Slot};
use pilotis_schema::Block;
use pilotis_value::{Kind, Marks, Refinement, Type, Value};

use super::Known;

/// What is known of a module's names so far.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) variables: Vec<Value>,
    pub(super) locals: Vec<Value>,
    pub(super) resources: Vec<Value>,
    pub(super) calls: Vec<Value>,
    pub(super) outputs: Vec<Value>,
}

impl Values {
    pub(super) fn of(module: &Module) -> Values {
        Values {
            variables: module.variables.iter().map(variable).collect(),
            locals: vec![Value::unknown(Type::Dynamic); module.locals.len()],
            resources: Vec::new(),
            calls: Vec::new(),
            outputs: Vec::new(),
        }
    }
}

fn variable(variable: &Variable) -> Value {
    let mut marks = Marks::empty();
    marks.set(Marks::SENSITIVE, variable.sensitive);
    marks.set(Marks::EPHEMERAL, variable.ephemeral);
    let ty = variable.constraint.ty.without_optional();
    let refinement = Refinement { not_null: !variable.nullable, ..Refinement::default() };
    Value::unknown_refined(ty, refinement).with_marks(marks)
}

/// An object of a schema of which nothing is known.
pub(super) fn placeholder(block: &Block) -> Value {
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let mut value = Value::unknown(attribute.ty.without_optional());
        if attribute.secret.is_some() {
            value = value.with_marks(Marks::SENSITIVE);
        }
        (name.as_str().into(), value)
    });
    let blocks = block
        .blocks
        .iter()
        .map(|(name, nested)| (name.as_str().into(), Value::unknown(nested.implied_type())));
    Value::object(attributes.chain(blocks).collect())
}

/// What `each` is in a block: its key is a text, its value what all elements have in common.
#[derive(Debug)]
pub(super) struct Each(Type);

impl Each {
    /// Nothing is known of its value.
    pub(super) fn none() -> Each {
        Each(Type::Dynamic)
    }

    /// Of the elements of a `for_each`.
    pub(super) fn of(for_each: &Value) -> Each {
        let ty = for_each.ty();
        let of_object = |ty: &Type| match ty {
            Type::Object(object) => {
                let mut all = object.attributes.values();
                let first = all.next()?.clone();
                all.all(|other| *other == first).then_some(first)
            }
            ty => ty.element().cloned(),
        };
        match for_each.kind() {
            Kind::Set(_) => Each(Type::String),
            _ => Each(of_object(&ty).unwrap_or(Type::Dynamic)),
        }
    }
}

/// The values of a module's names, inside one of its blocks.
pub(super) struct ModuleFrame<'a> {
    pub(super) configuration: &'a Configuration,
    pub(super) known: &'a Known<'a>,
    pub(super) module: &'a Module,
    pub(super) values: &'a Values,
    pub(super) each: &'a Each,
    pub(super) this: Option<&'a Value>,
}

impl Frame for ModuleFrame<'_> {
    fn get(&self, slot: Slot) -> Value {
        let unknown = || Value::unknown(Type::Dynamic);
        let of = |values: &[Value], i: u32| values.get(i as usize).cloned().unwrap_or_else(unknown);
        let Some(symbol) = self.module.symbols.get(slot.0 as usize) else { return unknown() };
        match symbol {
            Symbol::Variable(i) => of(&self.values.variables, *i),
            Symbol::Local(i) => of(&self.values.locals, *i),
            Symbol::Resource(i) => of(&self.values.resources, *i),
            Symbol::Call(i) => of(&self.values.calls, *i),
            Symbol::Calls(calls) => {
                let entry = |i: &u32| {
                    let label = self.module.calls[*i as usize].label.clone().unwrap_or_default();
                    (label.into(), of(&self.values.calls, *i))
                };
                Value::object(calls.iter().map(entry).collect())
            }
            Symbol::CountIndex => not_null(Type::Number),
            Symbol::EachKey => not_null(Type::String),
            Symbol::EachValue => Value::unknown(self.each.0.clone()),
            Symbol::This => self.this.cloned().unwrap_or_else(unknown),
            Symbol::PathModule => Value::string(&self.module.dir),
            Symbol::PathRoot => Value::string(&self.configuration.modules[0].dir),
            Symbol::PathCwd => Value::string(self.known.cwd),
            Symbol::Workspace => Value::string(self.known.workspace),
        }
    }
}

fn not_null(ty: Type) -> Value {
    Value::unknown_refined(ty, Refinement { not_null: true, ..Refinement::default() })
}

//! Schemas prepared for decoding: once for each type, however many blocks of it there are.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use ecow::EcoString;
use pilotis_schema::address::Mode;
use pilotis_schema::{Attribute, Block, Nesting, Presence, ProviderSchema, ResourceSchema};
use pilotis_value::{Marks, SharedType, Type, Value};

use crate::Schemas;
use crate::body::{Rules, collection_type};

/// What bodies of one schema block have in common.
#[derive(Debug)]
pub(crate) struct BlockPlan {
    pub(crate) attributes: Vec<AttributePlan>,
    pub(crate) nested: Vec<NestedPlan>,
    /// The type that most objects of it have.
    pub(crate) ty: SharedType,
}

/// One attribute.
#[derive(Debug)]
pub(crate) struct AttributePlan {
    pub(crate) name: EcoString,
    pub(crate) rules: Rules,
    pub(crate) is_argument: bool,
    pub(crate) deprecated: Option<String>,
    /// Its value where it isn't set.
    pub(crate) unset: Value,
}

/// One nested block type.
#[derive(Debug)]
pub(crate) struct NestedPlan {
    pub(crate) name: EcoString,
    pub(crate) nesting: Nesting,
    /// The type of one block.
    pub(crate) element: Type,
    pub(crate) min: usize,
    pub(crate) max: Option<usize>,
    pub(crate) block: Arc<BlockPlan>,
    /// Its value where there is none.
    pub(crate) absent: Value,
}

impl BlockPlan {
    pub(crate) fn of(block: &Block) -> Arc<BlockPlan> {
        let attributes = block.attributes.iter().map(|(name, a)| AttributePlan::of(name, a)).collect();
        let nested = block.blocks.iter().map(|(name, n)| {
            let element = n.block.implied_type();
            let absent = match n.nesting {
                Nesting::Single => Value::null(element.clone()),
                Nesting::List => Value::list(element.clone(), Vec::new()),
                Nesting::Set => Value::set(element.clone(), Vec::new()),
                Nesting::Map => Value::map(element.clone(), Default::default()),
            };
            NestedPlan {
                name: name.as_str().into(),
                nesting: n.nesting,
                min: n.min,
                max: if n.nesting == Nesting::Single { Some(1) } else { n.max },
                block: BlockPlan::of(&n.block),
                element,
                absent,
            }
        });
        Arc::new(BlockPlan { attributes, nested: nested.collect(), ty: SharedType::default() })
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&AttributePlan> {
        self.attributes.iter().find(|a| a.name == name)
    }

    pub(crate) fn has_block(&self, name: &str) -> bool {
        self.nested.iter().any(|n| n.name == name)
    }

    /// Names of nested block types.
    pub(crate) fn block_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.nested.iter().map(|n| n.name.as_str())
    }
}

impl AttributePlan {
    fn of(name: &str, attribute: &Attribute) -> AttributePlan {
        let default = attribute.default.clone().filter(|_| attribute.presence == Presence::Optional);
        let secret = attribute.secret.is_some();
        let mut unset = default.clone().unwrap_or_else(|| Value::null(attribute.ty.clone()));
        if secret && !unset.is_null() {
            unset = unset.with_marks(Marks::SENSITIVE);
        }
        AttributePlan {
            name: name.into(),
            is_argument: attribute.is_argument(),
            deprecated: attribute.deprecated.clone(),
            unset,
            rules: Rules {
                ty: attribute.ty.clone(),
                required: attribute.presence == Presence::Required,
                secret,
                default,
                one_of: attribute.one_of.clone(),
            },
        }
    }
}

impl NestedPlan {
    /// The type of all blocks together.
    pub(crate) fn ty(&self) -> Type {
        collection_type(self.nesting, &self.element)
    }
}

/// A resource type, a data source or an ephemeral resource.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) provider: String,
    pub(crate) schema: Arc<ResourceSchema>,
    pub(crate) plan: Arc<BlockPlan>,
}

/// All types, prepared when they are first used.
pub(crate) struct Types<'s> {
    pub(crate) schemas: &'s Schemas,
    known: RefCell<BTreeMap<(Mode, EcoString), Option<Known>>>,
}

impl<'s> Types<'s> {
    pub(crate) fn new(schemas: &'s Schemas) -> Types<'s> {
        Types { schemas, known: RefCell::default() }
    }

    /// A type by its name; its provider is the one that it is named for, else whichever has it.
    pub(crate) fn get(&self, mode: Mode, name: &str) -> Option<Known> {
        let key = (mode, EcoString::from(name));
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let known = self.find(mode, name);
        self.known.borrow_mut().insert(key, known.clone());
        known
    }

    fn find(&self, mode: Mode, name: &str) -> Option<Known> {
        let of = |p: &ProviderSchema| p.types(mode).get(name).cloned();
        let prefix = name.split('_').next().unwrap_or(name);
        let first = self.schemas.providers.get_key_value(prefix);
        first.into_iter().chain(self.schemas.providers.iter()).find_map(|(provider, p)| {
            let schema = of(p)?;
            let plan = BlockPlan::of(&schema.block);
            Some(Known { provider: provider.clone(), schema: Arc::new(schema), plan })
        })
    }
}

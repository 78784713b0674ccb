//! Schemas.

use std::collections::BTreeMap;

use pilotis_value::{Type, Value};

use crate::address::Mode;

/// All that a provider declares.
#[derive(Clone, Debug)]
pub struct ProviderSchema {
    /// Local name and type prefix: `gitlab`.
    pub name: String,
    /// Source address of the established provider whose names it follows: `registry.terraform.io/gitlabhq/gitlab`.
    pub source: String,
    /// The version of the established provider whose schema it follows.
    pub version: String,
    /// Arguments of the `provider` block.
    pub config: Block,
    /// Managed resources by type.
    pub resources: BTreeMap<String, ResourceSchema>,
    /// Data sources by type.
    pub data_sources: BTreeMap<String, ResourceSchema>,
    /// Ephemeral resources by type.
    pub ephemeral_resources: BTreeMap<String, ResourceSchema>,
}

impl ProviderSchema {
    /// Its types of a mode.
    pub fn types(&self, mode: Mode) -> &BTreeMap<String, ResourceSchema> {
        match mode {
            Mode::Managed => &self.resources,
            Mode::Data => &self.data_sources,
            Mode::Ephemeral => &self.ephemeral_resources,
        }
    }
}

/// A resource type, a data source or an ephemeral resource.
#[derive(Clone, Debug, Default)]
pub struct ResourceSchema {
    /// Version of the schema, stored with each object.
    pub version: u64,
    /// Its arguments and attributes.
    pub block: Block,
    /// How its objects are read in bulk and recognised again.
    pub refresh: Refresh,
    /// Markdown for the reference.
    pub doc: String,
}

/// How objects of a type are refreshed many at a time, recognised in a list, and found again after a lost answer.
#[derive(Clone, Debug, Default)]
pub struct Refresh {
    /// The type can be listed: objects with equal values of these attributes come in one listing (`["project"]`; empty: all of the service in one).
    /// None: only single reads.
    pub scope: Option<Vec<String>>,
    /// Attributes that together identify an object within its scope, as the service gives them back (`["id"]`).
    pub key: Vec<String>,
    /// Attributes that find an object that was just created when the answer was lost (`["namespace_id", "path"]`). Empty: it can't be
    /// found (a token: revoke and make again).
    pub natural_key: Vec<String>,
    /// Attributes that a listing lacks: where the configuration sets one of them, the object is read singly.
    pub list_lacks: Vec<String>,
}

/// Arguments, attributes and nested blocks.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Nested block types by name.
    pub blocks: BTreeMap<String, NestedBlock>,
    /// Markdown for the reference.
    pub doc: String,
}

/// Who says what an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Presence {
    /// The configuration must.
    Required,
    /// The configuration may; null if it doesn't.
    #[default]
    Optional,
    /// The configuration may; the service does if it doesn't.
    OptionalComputed,
    /// Only the service.
    Computed,
}

/// The five kinds of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Given by the configuration, never returned by the service: kept from the configuration, not refreshed.
    GivenNeverReturned,
    /// Given by the configuration, returned masked: kept from the configuration, not refreshed.
    GivenMasked,
    /// Made by the service and shown once, at creation.
    MadeShownOnce,
    /// Made by the service and readable.
    MadeReadable,
    /// Content that is a secret and readable (a CI variable, a Kubernetes Secret).
    Readable,
}

/// When two values of an attribute mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Compare {
    /// When they are equal.
    #[default]
    Exact,
    /// Kubernetes quantities, alone or as the values of a map: `1000m` is `1`, `1Gi` is `1024Mi`.
    Quantity,
    /// Strings without regard to case.
    CaseInsensitive,
    /// JSON texts with the same content.
    Json,
    /// Texts that differ in white space at the end only.
    TrailingSpace,
    /// Times of the same instant in RFC 3339.
    Instant,
}

/// One attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// The type that a configuration is converted to; attributes of nested objects that may be left out are `optional` in it. The type
    /// of its values is `ty.without_optional()`.
    pub ty: Type,
    /// Who says what it is.
    pub presence: Presence,
    /// What it is if nobody says (`Optional` only).
    pub default: Option<Value>,
    /// A change makes a new object.
    pub force_new: bool,
    /// It is a secret of this kind: marked sensitive wherever it is read.
    pub secret: Option<SecretKind>,
    /// Given to the service and never stored.
    pub write_only: bool,
    /// Computed, and may change by itself at any update: unknown in the plan of an update. Others keep their value.
    pub volatile: bool,
    /// Computed from this argument alone: null in a plan that makes the object with that null, unknown in a plan that changes it, else
    /// it keeps its value.
    pub follows: Option<String>,
    /// When two values mean the same.
    pub compare: Compare,
    /// The only texts (or elements of a set or list of texts) that it takes; empty: any.
    pub one_of: Vec<String>,
    /// Deprecated: what to use instead.
    pub deprecated: Option<String>,
    /// Markdown for the reference.
    pub doc: String,
}

impl Attribute {
    /// An optional attribute of a type.
    pub fn new(ty: Type) -> Attribute {
        Attribute {
            ty,
            presence: Presence::Optional,
            default: None,
            force_new: false,
            secret: None,
            write_only: false,
            volatile: false,
            follows: None,
            compare: Compare::Exact,
            one_of: Vec::new(),
            deprecated: None,
            doc: String::new(),
        }
    }
    /// The configuration may set it.
    pub fn is_argument(&self) -> bool {
        self.presence != Presence::Computed
    }
    /// The service may set it.
    pub fn is_computed(&self) -> bool {
        matches!(self.presence, Presence::OptionalComputed | Presence::Computed)
    }
}

/// How nested blocks of one type become a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most one: an object, or null.
    Single,
    /// Any number: a list of objects.
    List,
    /// Any number without order: a set of objects.
    Set,
    /// Labelled: a map of objects.
    Map,
}

/// A nested block type.
#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// How several become a value.
    pub nesting: Nesting,
    /// What is in one.
    pub block: Block,
    /// At least this many.
    pub min: usize,
    /// At most this many.
    pub max: Option<usize>,
}

impl Block {
    /// The type of the block's value: an object with an attribute for each attribute and block type.
    pub fn implied_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|(n, a)| (n.clone(), a.ty.without_optional()));
        let blocks = self.blocks.iter().map(|(n, b)| (n.clone(), b.implied_type()));
        Type::object(attributes.chain(blocks))
    }
}

impl NestedBlock {
    /// The type of all blocks of this type together.
    pub fn implied_type(&self) -> Type {
        let one = self.block.implied_type();
        match self.nesting {
            Nesting::Single => one,
            Nesting::List => Type::list(one),
            Nesting::Set => Type::set(one),
            Nesting::Map => Type::map(one),
        }
    }
}

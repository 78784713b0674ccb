//! The types of API objects: fields, list keys and defaults, for the built-in kinds (a table that is part of the
//! program) and for custom resources (from their definition's schema). Says what a type is; does nothing with objects.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use regex::Regex;
use serde_json::{Map, Value};

/// What one JSON value may be.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    /// Constraints of a custom resource's schema; built-in kinds have their checks in code.
    pub(crate) rules: Option<Box<Rules>>,
}

/// A type, shared.
#[derive(Clone, Debug)]
pub(crate) enum NodeRef {
    /// One of the built-in table; built-in types may refer to themselves.
    Named(usize),
    /// Any other.
    Own(Arc<Node>),
}

impl Deref for NodeRef {
    type Target = Node;

    fn deref(&self) -> &Node {
        match self {
            NodeRef::Named(index) => &builtin().nodes[*index],
            NodeRef::Own(node) => node,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Shape {
    Scalar(Scalar),
    /// Nothing is known of it: objects merge by key, lists are replaced whole.
    Any,
    Struct(Struct),
    Map {
        of: NodeRef,
        atomic: bool,
    },
    List {
        of: NodeRef,
        kind: ListKind,
        /// For a strategic merge patch: merged by this key (none: a list of plain values).
        merge: Option<Option<String>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar {
    String,
    Int32,
    Int64,
    Number,
    Bool,
    Bytes,
    Quantity,
    Time,
    MicroTime,
    IntOrString,
}

/// How a list's items are told apart by server-side apply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ListKind {
    Atomic,
    Set,
    Map(Vec<String>),
}

#[derive(Debug)]
pub(crate) struct Struct {
    /// The Go type's name, for messages and for OpenAPI; empty for a custom resource.
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
    index: HashMap<String, usize>,
    pub(crate) required: Vec<String>,
    pub(crate) atomic: bool,
    /// Unknown fields stay (custom resources only).
    pub(crate) preserve: bool,
}

impl Struct {
    fn new(name: &str, fields: Vec<Field>) -> Struct {
        let index = fields.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect();
        Struct { name: name.to_owned(), fields, index, required: Vec::new(), atomic: false, preserve: false }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.index.get(name).map(|at| &self.fields[*at])
    }

    /// `ConfigMap` of `core.v1.ConfigMap`.
    pub(crate) fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) node: NodeRef,
    /// A struct that is always there, if only empty.
    pub(crate) always: bool,
    pub(crate) default: Option<Value>,
}

/// Constraints of a custom resource's schema.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) nullable: bool,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) allowed: Vec<Value>,
    pub(crate) minimum: Option<(f64, bool)>,
    pub(crate) maximum: Option<(f64, bool)>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
    /// `format`, where it is checked.
    pub(crate) format: String,
    pub(crate) any_of: Vec<Node>,
    pub(crate) one_of: Vec<Node>,
    pub(crate) all_of: Vec<Node>,
    pub(crate) not: Option<Box<Node>>,
    /// Expressions (`x-kubernetes-validations`) are known to be there and are not evaluated.
    pub(crate) expressions: bool,
    pub(crate) embedded: bool,
    /// The type is stated; a part of `anyOf` often states none.
    pub(crate) typed: bool,
}

/// A regular expression, read when it is first needed.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) source: String,
    read: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// An expression that cannot be read lets everything pass.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.read
            .get_or_init(|| Regex::new(&self.source).ok())
            .as_ref()
            .is_none_or(|read| read.is_match(text))
    }
}

/// The built-in table.
pub(crate) struct Builtin {
    nodes: Vec<Node>,
    names: HashMap<String, usize>,
    kinds: HashMap<String, String>,
}

static TABLE: &str = include_str!("data/types.json");

/// The built-in types, read once.
pub(crate) fn builtin() -> &'static Builtin {
    static BUILTIN: OnceLock<Builtin> = OnceLock::new();
    BUILTIN.get_or_init(|| {
        let table: Value = serde_json::from_str(TABLE).expect("the built-in table of types is JSON");
        let types = table["types"].as_object().expect("the table has types");
        let names: HashMap<String, usize> =
            types.keys().enumerate().map(|(at, name)| (name.clone(), at)).collect();
        let nodes = types.iter().map(|(name, entry)| builtin_struct(name, entry, &names)).collect();
        let kinds = table["kinds"].as_object().expect("the table has kinds").iter();
        let kinds =
            kinds.map(|(key, name)| (key.clone(), name.as_str().unwrap_or_default().to_owned())).collect();
        Builtin { nodes, names, kinds }
    })
}

impl Builtin {
    /// The type of a kind; `api_version` is `v1` or `apps/v1`.
    pub(crate) fn kind(&self, api_version: &str, kind: &str) -> Option<NodeRef> {
        self.named(self.kinds.get(&format!("{api_version}#{kind}"))?)
    }

    /// A type by its short name, such as `meta.v1.ObjectMeta`.
    pub(crate) fn named(&self, name: &str) -> Option<NodeRef> {
        self.names.get(name).map(|index| NodeRef::Named(*index))
    }

    /// Every type, with its name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// `v1#Pod`, and the type's name, for each kind.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (&String, &String)> {
        self.kinds.iter()
    }
}

/// The type of `metadata`.
pub(crate) fn object_meta() -> NodeRef {
    builtin().named("meta.v1.ObjectMeta").expect("the table has ObjectMeta")
}

/// The type of a built-in kind whose fields are not in the table: standard metadata, the rest free.
pub(crate) fn untyped_kind(kind: &str) -> NodeRef {
    let mut fields = vec![
        Field { name: "kind".into(), node: scalar(Scalar::String), always: false, default: None },
        Field { name: "apiVersion".into(), node: scalar(Scalar::String), always: false, default: None },
        Field { name: "metadata".into(), node: object_meta(), always: true, default: None },
    ];
    for name in ["spec", "status"] {
        fields.push(Field { name: name.into(), node: any(), always: false, default: None });
    }
    let mut made = Struct::new(&format!("untyped.{kind}"), fields);
    made.preserve = true;
    NodeRef::Own(Arc::new(Node { shape: Shape::Struct(made), rules: None }))
}

fn scalar(kind: Scalar) -> NodeRef {
    NodeRef::Own(Arc::new(Node { shape: Shape::Scalar(kind), rules: None }))
}

/// The type of which nothing is known.
pub(crate) fn any() -> NodeRef {
    static ANY: OnceLock<Arc<Node>> = OnceLock::new();
    NodeRef::Own(ANY.get_or_init(|| Arc::new(Node { shape: Shape::Any, rules: None })).clone())
}

fn builtin_struct(name: &str, entry: &Value, names: &HashMap<String, usize>) -> Node {
    let empty = Map::new();
    let fields = entry["f"].as_object().unwrap_or(&empty).iter().map(|(field, text)| {
        let text = text.as_str().unwrap_or("*");
        Field {
            name: field.clone(),
            node: builtin_ref(text, names),
            always: text.starts_with('&'),
            default: entry["d"].get(field).cloned(),
        }
    });
    let mut made = Struct::new(name, fields.collect());
    made.atomic = entry.get("a").is_some();
    if let Some(required) = entry["r"].as_array() {
        made.required = required.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    Node { shape: Shape::Struct(made), rules: None }
}

/// Reads the table's notation: `s i32 i64 n b x q t mt io *` are plain, `@T &T` structs, `{T {!T` maps,
/// `[:T [=:T [k1,k2:T` lists (atomic, set, by keys), `~key` before the colon is the strategic merge key.
fn builtin_ref(text: &str, names: &HashMap<String, usize>) -> NodeRef {
    if let Some(name) = text.strip_prefix(['@', '&']) {
        return names.get(name).map_or_else(any, |index| NodeRef::Named(*index));
    }
    if let Some(rest) = text.strip_prefix('{') {
        let atomic = rest.starts_with('!');
        let of = builtin_ref(rest.trim_start_matches('!'), names);
        return NodeRef::Own(Arc::new(Node { shape: Shape::Map { of, atomic }, rules: None }));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (options, item) = rest.split_once(':').expect("a list in the table has a colon");
        let (keys, merge) = match options.split_once('~') {
            Some((keys, key)) => (keys, Some((!key.is_empty()).then(|| key.to_owned()))),
            None => (options, None),
        };
        let kind = match keys {
            "" => ListKind::Atomic,
            "=" => ListKind::Set,
            keys => ListKind::Map(keys.split(',').map(str::to_owned).collect()),
        };
        let of = builtin_ref(item, names);
        return NodeRef::Own(Arc::new(Node { shape: Shape::List { of, kind, merge }, rules: None }));
    }
    match text {
        "s" => scalar(Scalar::String),
        "i32" => scalar(Scalar::Int32),
        "i64" => scalar(Scalar::Int64),
        "n" => scalar(Scalar::Number),
        "b" => scalar(Scalar::Bool),
        "x" => scalar(Scalar::Bytes),
        "q" => scalar(Scalar::Quantity),
        "t" => scalar(Scalar::Time),
        "mt" => scalar(Scalar::MicroTime),
        "io" => scalar(Scalar::IntOrString),
        _ => any(),
    }
}

/// The type of a custom resource, from `openAPIV3Schema`.
pub(crate) fn custom_kind(schema: &Value) -> NodeRef {
    let mut node = custom(schema);
    if let Shape::Struct(root) = &mut node.shape {
        // The schema may constrain the name; the rest of metadata is the API's own.
        root.fields.retain(|field| !["apiVersion", "kind", "metadata"].contains(&field.name.as_str()));
        for (name, kind) in [("apiVersion", scalar(Scalar::String)), ("kind", scalar(Scalar::String))] {
            root.fields.push(Field { name: name.into(), node: kind, always: false, default: None });
        }
        root.fields.push(Field {
            name: "metadata".into(),
            node: object_meta(),
            always: false,
            default: None,
        });
        root.index = root.fields.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect();
        root.required.retain(|name| name != "metadata");
    }
    NodeRef::Own(Arc::new(node))
}

/// One schema of a custom resource.
pub(crate) fn custom(schema: &Value) -> Node {
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
    let preserve = flag("x-kubernetes-preserve-unknown-fields");
    let shape = if flag("x-kubernetes-int-or-string") {
        Shape::Scalar(Scalar::IntOrString)
    } else {
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => Shape::Scalar(Scalar::String),
            Some("integer") => Shape::Scalar(Scalar::Int64),
            Some("number") => Shape::Scalar(Scalar::Number),
            Some("boolean") => Shape::Scalar(Scalar::Bool),
            Some("array") => custom_list(schema),
            _ => custom_object(schema, preserve),
        }
    };
    Node { shape, rules: Some(Box::new(rules(schema))) }
}

fn own(schema: &Value) -> NodeRef {
    NodeRef::Own(Arc::new(custom(schema)))
}

fn custom_list(schema: &Value) -> Shape {
    let kind = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListKind::Set,
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array().map(Vec::as_slice).unwrap_or_default();
            ListKind::Map(keys.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        _ => ListKind::Atomic,
    };
    Shape::List { of: schema.get("items").map_or_else(any, own), kind, merge: None }
}

fn custom_object(schema: &Value, preserve: bool) -> Shape {
    let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
    let properties = schema.get("properties").and_then(Value::as_object);
    if properties.is_none() {
        match schema.get("additionalProperties") {
            Some(of @ Value::Object(_)) => return Shape::Map { of: own(of), atomic },
            Some(Value::Bool(true)) => return Shape::Map { of: any(), atomic },
            _ if preserve => return Shape::Any,
            _ => {}
        }
    }
    let fields = properties.into_iter().flatten().map(|(name, schema)| Field {
        name: name.clone(),
        node: own(schema),
        always: false,
        default: schema.get("default").cloned(),
    });
    let mut made = Struct::new("", fields.collect());
    made.atomic = atomic;
    made.preserve = preserve;
    if let Some(required) = schema.get("required").and_then(Value::as_array) {
        made.required = required.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    Shape::Struct(made)
}

fn rules(schema: &Value) -> Rules {
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
    let count = |name: &str| schema.get(name).and_then(Value::as_u64);
    let bound = |name: &str, open: &str| Some((schema.get(name)?.as_f64()?, flag(open)));
    let several = |name: &str| -> Vec<Node> {
        schema.get(name).and_then(Value::as_array).into_iter().flatten().map(custom).collect()
    };
    let pattern = schema.get("pattern").and_then(Value::as_str);
    Rules {
        nullable: flag("nullable"),
        pattern: pattern.map(|text| Pattern { source: text.to_owned(), read: OnceLock::new() }),
        allowed: schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
        minimum: bound("minimum", "exclusiveMinimum"),
        maximum: bound("maximum", "exclusiveMaximum"),
        min_length: count("minLength"),
        max_length: count("maxLength"),
        min_items: count("minItems"),
        max_items: count("maxItems"),
        min_properties: count("minProperties"),
        max_properties: count("maxProperties"),
        format: schema.get("format").and_then(Value::as_str).unwrap_or_default().to_owned(),
        any_of: several("anyOf"),
        one_of: several("oneOf"),
        all_of: several("allOf"),
        not: schema.get("not").map(|schema| Box::new(custom(schema))),
        expressions: schema.get("x-kubernetes-validations").is_some(),
        embedded: flag("x-kubernetes-embedded-resource"),
        typed: schema.get("type").is_some(),
    }
}

//! The arguments of a block, compiled against a schema: evaluation gives an object of the schema's implied type.

use std::sync::Arc;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, Span, did_you_mean};
use pilotis_lang::{Cause, Compiled, Frame, Reference, Slot, Surroundings};
use pilotis_schema::Nesting;
use pilotis_value::convert::convert;
use pilotis_value::{Kind, Marks, Path, Type, Value};

use crate::codes;
use crate::places::Places;
use crate::shape::wrong_type;
use crate::types::{AttributePlan, BlockPlan, NestedPlan};

/// A compiled body: attributes, nested blocks, `dynamic` blocks.
#[derive(Clone, Debug)]
pub struct CompiledBody {
    pub(crate) inner: Arc<Inner>,
}

/// What [`CompiledBody`] hides.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) references: Vec<Reference>,
    pub(crate) code: BlockCode,
    pub(crate) places: Places,
    /// Nothing in it has to be evaluated.
    pub(crate) is_constant: bool,
    /// What it is worth, if that was evaluated elsewhere.
    pub(crate) given: Option<Value>,
}

/// What a body is evaluated in.
pub struct BodyContext<'a> {
    /// The module instance's values (with `each`, `count` of the block's instance).
    pub frame: &'a dyn Frame,
    /// For functions.
    pub surroundings: Surroundings<'a>,
}

/// One body of attributes and nested blocks: what is set, by its place in the plan, in order.
#[derive(Debug)]
pub(crate) struct BlockCode {
    pub(crate) plan: Arc<BlockPlan>,
    pub(crate) attributes: Vec<(usize, Source)>,
    pub(crate) nested: Vec<(usize, NestedCode)>,
}

/// Where an attribute's value comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Known, converted and marked.
    Value(Value),
    Expr(Compiled, Places),
}

/// What an attribute's value must be.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) ty: Type,
    pub(crate) required: bool,
    pub(crate) secret: bool,
    pub(crate) default: Option<Value>,
    pub(crate) one_of: Vec<String>,
}

/// All blocks of one nested block type.
#[derive(Debug)]
pub(crate) struct NestedCode {
    pub(crate) items: Vec<NestedItem>,
    pub(crate) header: Span,
}

#[derive(Debug)]
pub(crate) enum NestedItem {
    Block { label: Option<EcoString>, code: BlockCode },
    Dynamic(Box<DynamicCode>),
}

#[derive(Debug)]
pub(crate) struct DynamicCode {
    pub(crate) for_each: Compiled,
    pub(crate) label: Option<Compiled>,
    pub(crate) content: BlockCode,
}

impl CompiledBody {
    /// All references in it.
    pub fn references(&self) -> &[Reference] {
        &self.inner.references
    }
    /// The object, if it needs nothing that isn't known when loading.
    pub fn constant(&self) -> Option<Value> {
        let surroundings = Surroundings { files: &NoFiles, plan_time_ms: 0, apply_time_ms: None };
        let context = BodyContext { frame: &NoFrame, surroundings };
        self.is_constant().then(|| self.eval(&context, &mut Diagnostics::new()))
    }
    /// True if it needs nothing that isn't known when loading.
    pub fn is_constant(&self) -> bool {
        self.inner.is_constant
    }
    /// The object: every attribute and block type of the schema, converted; null where nothing is set, unknown where it isn't
    /// known yet; schema secrets marked sensitive. Defaults of the schema are filled in.
    pub fn eval(&self, context: &BodyContext<'_>, diags: &mut Diagnostics) -> Value {
        if let Some(value) = &self.inner.given {
            return value.clone();
        }
        Run { context, locals: Vec::new(), diags }.block(&self.inner.code)
    }
    /// Where an attribute (first steps of a path) was written, for diagnostics that come later.
    pub fn span_of(&self, path: &Path) -> Option<Span> {
        (!path.0.is_empty()).then(|| self.inner.places.find_path(path))
    }
    /// A body that says nothing.
    pub(crate) fn unset(plan: &Arc<BlockPlan>, header: Span) -> CompiledBody {
        let code = BlockCode { plan: plan.clone(), attributes: Vec::new(), nested: Vec::new() };
        CompiledBody::new(code, Vec::new(), Places::at(header))
    }
    /// The same body with a value that was evaluated elsewhere.
    pub(crate) fn with_value(&self, value: Value) -> CompiledBody {
        let code =
            BlockCode { plan: self.inner.code.plan.clone(), attributes: Vec::new(), nested: Vec::new() };
        let places = self.inner.places.clone();
        let inner = Inner { references: Vec::new(), code, places, is_constant: true, given: Some(value) };
        CompiledBody { inner: Arc::new(inner) }
    }
    pub(crate) fn new(code: BlockCode, references: Vec<Reference>, places: Places) -> CompiledBody {
        let is_constant = code.is_constant();
        CompiledBody { inner: Arc::new(Inner { references, code, places, is_constant, given: None }) }
    }
}

impl BlockCode {
    fn is_constant(&self) -> bool {
        self.attributes.iter().all(|(_, s)| matches!(s, Source::Value(_)))
            && self.nested.iter().flat_map(|(_, n)| &n.items).all(|i| match i {
                NestedItem::Block { code, .. } => code.is_constant(),
                NestedItem::Dynamic(_) => false,
            })
    }
}

struct Run<'a> {
    context: &'a BodyContext<'a>,
    /// Iterators of the `dynamic` blocks around.
    locals: Vec<Value>,
    diags: &'a mut Diagnostics,
}

impl Run<'_> {
    fn block(&mut self, code: &BlockCode) -> Value {
        let mut entries = Vec::with_capacity(code.plan.attributes.len() + code.plan.nested.len());
        let mut given = code.attributes.iter().peekable();
        for (i, planned) in code.plan.attributes.iter().enumerate() {
            let value = match given.next_if(|(at, _)| *at == i) {
                None => planned.unset.clone(),
                Some((_, Source::Value(value))) => value.clone(),
                Some((_, Source::Expr(compiled, places))) => self.attribute(planned, compiled, places),
            };
            entries.push((planned.name.clone(), value));
        }
        let mut given = code.nested.iter().peekable();
        for (i, planned) in code.plan.nested.iter().enumerate() {
            let value = match given.next_if(|(at, _)| *at == i) {
                None => planned.absent.clone(),
                Some((_, nested)) => self.nested(planned, nested),
            };
            entries.push((planned.name.clone(), value));
        }
        code.plan.ty.share(Value::object(entries.into()))
    }

    fn attribute(&mut self, attribute: &AttributePlan, compiled: &Compiled, places: &Places) -> Value {
        let value =
            compiled.eval_with(&self.locals, self.context.frame, &self.context.surroundings, self.diags);
        match attribute.rules.check(&attribute.name, &value, places) {
            Ok(value) => value,
            Err(mut diagnostic) => {
                let context = self.context;
                diagnostic.values =
                    compiled.values(&self.locals, context.frame, &context.surroundings, Cause::Other);
                self.diags.push(*diagnostic);
                Value::unknown(attribute.rules.ty.clone())
            }
        }
    }

    fn nested(&mut self, planned: &NestedPlan, nested: &NestedCode) -> Value {
        let mut items: Vec<(EcoString, Value)> = Vec::new();
        let mut marks = Marks::empty();
        let mut unknown = false;
        for item in &nested.items {
            match item {
                NestedItem::Block { label, code } => {
                    let value = self.block(code);
                    items.push((label.clone().unwrap_or_default(), value));
                }
                NestedItem::Dynamic(dynamic) => {
                    unknown |= !self.dynamic(dynamic, &mut items, &mut marks);
                }
            }
        }
        if unknown {
            return Value::unknown(planned.ty()).with_marks(marks);
        }
        self.check_count(planned, nested, items.len());
        combine(planned, items).with_marks(marks)
    }

    fn check_count(&mut self, planned: &NestedPlan, nested: &NestedCode, count: usize) {
        if nested.items.iter().any(|i| matches!(i, NestedItem::Dynamic(_))) {
            self.diags.extend(block_count(&planned.name, planned.min, planned.max, count, nested.header));
        }
    }

    /// Adds the blocks of a `dynamic` block; false if they aren't known yet.
    fn dynamic(
        &mut self,
        dynamic: &DynamicCode,
        items: &mut Vec<(EcoString, Value)>,
        marks: &mut Marks,
    ) -> bool {
        let span = dynamic.for_each.span();
        let collection = dynamic.for_each.eval_with(
            &self.locals,
            self.context.frame,
            &self.context.surroundings,
            self.diags,
        );
        let (collection, found) = collection.unmark();
        *marks |= found;
        if !collection.is_known() {
            return false;
        }
        let pairs: Vec<(Value, Value)> = match collection.kind() {
            Kind::Map(e) | Kind::Object(e) => {
                e.items().iter().map(|(k, v)| (Value::string(k), v.clone())).collect()
            }
            Kind::Set(e) => e.items().iter().map(|v| (v.clone(), v.clone())).collect(),
            Kind::List(e) | Kind::Tuple(e) => {
                e.items().iter().enumerate().map(|(i, v)| (Value::number(i as i64), v.clone())).collect()
            }
            _ => {
                self.diags.push(not_iterable(&collection, span));
                return true;
            }
        };
        for (key, value) in pairs {
            self.locals.push(Value::object_of([("key", key), ("value", value)]));
            let label = dynamic.label.as_ref().map(|l| self.label(l));
            let object = self.block(&dynamic.content);
            self.locals.pop();
            match label {
                Some(None) => return false,
                Some(Some(label)) => items.push((label, object)),
                None => items.push((EcoString::new(), object)),
            }
        }
        true
    }

    fn label(&mut self, compiled: &Compiled) -> Option<EcoString> {
        let value = compiled
            .eval_with(&self.locals, self.context.frame, &self.context.surroundings, self.diags)
            .unmark_deep()
            .0;
        match convert(&value, &Type::String) {
            Ok(text) => text.as_str().map(EcoString::from),
            Err(e) => {
                self.diags.push(wrong_type("labels", &e.message, compiled.span()));
                None
            }
        }
    }
}

fn not_iterable(value: &Value, span: Span) -> Diagnostic {
    let detail = if value.is_null() {
        "Cannot use a null value in for_each.".to_owned()
    } else {
        format!(
            "Cannot use a {} value in for_each. An iterable collection is required.",
            value.ty().friendly_name()
        )
    };
    Diagnostic::error("Invalid dynamic for_each value").code(codes::DYNAMIC).detail(detail).at(span)
}

impl Rules {
    /// The value as the schema wants it, or what is wrong with it, at the place where it was written.
    pub(crate) fn check(&self, name: &str, value: &Value, places: &Places) -> Result<Value, Box<Diagnostic>> {
        let mut value = convert(value, &self.ty).map_err(|e| {
            let why = if e.path.0.is_empty() { e.message } else { format!("{}: {}", e.path, e.message) };
            Box::new(wrong_type(name, &why, places.find_path(&e.path)))
        })?;
        if value.is_null() {
            if let Some(default) = &self.default {
                value = default.clone().with_marks(value.marks());
            } else if self.required {
                return Err(Box::new(
                    Diagnostic::error("Missing required argument")
                        .code(codes::MISSING_ARGUMENT)
                        .detail(format!("The argument \"{name}\" is required, but it is null."))
                        .at(places.span),
                ));
            }
        }
        if !self.one_of.is_empty() {
            self.check_choice(name, &value, places)?;
        }
        if self.secret && !value.is_null() {
            value = value.with_marks(Marks::SENSITIVE);
        }
        Ok(value)
    }

    fn check_choice(&self, name: &str, value: &Value, places: &Places) -> Result<(), Box<Diagnostic>> {
        let texts: Vec<(usize, &Value)> = match value.kind() {
            Kind::String(_) => vec![(0, value)],
            Kind::List(e) | Kind::Set(e) | Kind::Tuple(e) => e.items().iter().enumerate().collect(),
            _ => return Ok(()),
        };
        for (i, text) in texts {
            let Some(given) = text.as_str() else { continue };
            if self.one_of.iter().any(|o| o == given) {
                continue;
            }
            let secret = self.secret
                || (text.marks_deep() | value.marks_deep())
                    .intersects(pilotis_value::Marks::SENSITIVE | pilotis_value::Marks::EPHEMERAL);
            let shown = if secret { "This value".to_owned() } else { format!("{given:?}") };
            let list: Vec<String> = self.one_of.iter().map(|o| format!("{o:?}")).collect();
            let detail =
                format!("{shown} is not a value of \"{name}\". It takes one of {}.", list.join(", "));
            let span = places.items.get(i).map_or(places.span, |p| p.span);
            let mut d = Diagnostic::error("Invalid value").code(codes::WRONG_VALUE).detail(detail).at(span);
            if let (false, Some(best)) = (secret, did_you_mean(given, self.one_of.iter().map(String::as_str)))
            {
                d = d.help(format!("Did you mean {best:?}?"));
            }
            return Err(Box::new(d));
        }
        Ok(())
    }
}

/// Too few or too many blocks of a type.
pub(crate) fn block_count(
    name: &str,
    min: usize,
    max: Option<usize>,
    count: usize,
    header: Span,
) -> Option<Diagnostic> {
    if count < min {
        let detail =
            format!("At least {min} \"{name}\" block{} required.", if min == 1 { " is" } else { "s are" });
        return Some(
            Diagnostic::error(format!("Insufficient {name} blocks"))
                .code(codes::BLOCK_COUNT)
                .detail(detail)
                .at(header),
        );
    }
    let max = max.filter(|max| count > *max)?;
    let detail =
        format!("No more than {max} \"{name}\" block{} allowed.", if max == 1 { " is" } else { "s are" });
    Some(
        Diagnostic::error(format!("Too many {name} blocks"))
            .code(codes::BLOCK_COUNT)
            .detail(detail)
            .at(header),
    )
}

pub(crate) fn collection_type(nesting: Nesting, element: &Type) -> Type {
    match nesting {
        Nesting::Single => element.clone(),
        Nesting::List => Type::list(element.clone()),
        Nesting::Set => Type::set(element.clone()),
        Nesting::Map => Type::map(element.clone()),
    }
}

fn combine(nested: &NestedPlan, items: Vec<(EcoString, Value)>) -> Value {
    // An element's own type is more exact than the schema's where that says `any`.
    let first = items.first().map_or_else(|| nested.element.clone(), |(_, v)| v.ty());
    let same = items.iter().all(|(_, v)| v.ty() == first);
    match nested.nesting {
        Nesting::Single => match items.into_iter().next() {
            Some((_, value)) => value,
            None => Value::null(nested.element.clone()),
        },
        Nesting::Map if same => Value::map(first, items.into_iter().collect()),
        Nesting::Map => Value::object(items.into_iter().collect()),
        Nesting::Set if same => Value::set(first, items.into_iter().map(|(_, v)| v).collect()),
        Nesting::List if same => Value::list(first, items.into_iter().map(|(_, v)| v).collect()),
        Nesting::List | Nesting::Set => Value::tuple(items.into_iter().map(|(_, v)| v).collect()),
    }
}

pub(crate) struct NoFrame;

impl Frame for NoFrame {
    fn get(&self, _slot: Slot) -> Value {
        Value::unknown(Type::Dynamic)
    }
}

pub(crate) struct NoFiles;

impl pilotis_lang::Files for NoFiles {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Err("files can't be read while loading".into())
    }
    fn exists(&self, _path: &str) -> Result<bool, String> {
        Err("files can't be read while loading".into())
    }
    fn glob(&self, _dir: &str, _pattern: &str) -> Result<Vec<String>, String> {
        Err("files can't be read while loading".into())
    }
    fn absolute(&self, path: &str) -> String {
        path.to_owned()
    }
    fn home(&self) -> Option<String> {
        None
    }
}

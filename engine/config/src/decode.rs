//! Bodies against schemas: what may stand where, constants converted and checked, expressions compiled.

use std::sync::Arc;

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, Span, did_you_mean};
use pilotis_lang::{Compiled, Reference, Resolver, compile};
use pilotis_schema::Nesting;
use pilotis_syntax::ast::{self, Block, Body, Expr, ExprKind};
use pilotis_value::Value;

use crate::body::{BlockCode, CompiledBody, DynamicCode, NestedCode, NestedItem, Source, block_count};
use crate::codes;
use crate::places::Places;
use crate::shape::{self, missing_argument, unknown_argument, unknown_block};
use crate::types::{AttributePlan, BlockPlan, NestedPlan};

/// Decodes one body. Names in `meta` are the caller's.
pub(crate) fn decode(
    body: &Body,
    plan: &Arc<BlockPlan>,
    meta: &Meta,
    header: Span,
    scope: &mut dyn Resolver,
    diags: &mut Diagnostics,
) -> CompiledBody {
    let mut decoder = Decoder { scope, diags, iterators: Vec::new(), references: Vec::new() };
    let (code, places) = decoder.block(body, plan, meta, header);
    CompiledBody::new(code, decoder.references, places)
}

/// Arguments and blocks that belong to the language, not to the schema.
#[derive(Clone, Copy)]
pub(crate) struct Meta {
    pub(crate) arguments: &'static [&'static str],
    pub(crate) blocks: &'static [&'static str],
}

const NO_META: Meta = Meta { arguments: &[], blocks: &[] };

struct Decoder<'a> {
    scope: &'a mut dyn Resolver,
    diags: &'a mut Diagnostics,
    iterators: Vec<EcoString>,
    references: Vec<Reference>,
}

impl Decoder<'_> {
    fn compile(&mut self, expr: &Expr) -> Compiled {
        let locals: Vec<&str> = self.iterators.iter().map(|i| i.as_str()).collect();
        let compiled = compile(expr, self.scope, &locals, self.diags);
        self.references.extend_from_slice(compiled.references());
        compiled
    }

    fn block(
        &mut self,
        body: &Body,
        plan: &Arc<BlockPlan>,
        meta: &Meta,
        header: Span,
    ) -> (BlockCode, Places) {
        let mut places = Places::at(header);
        shape::duplicates(body, self.diags);
        self.unknown_members(body, plan, meta);
        let mut attributes = Vec::new();
        for (i, planned) in plan.attributes.iter().enumerate() {
            // The language's own names win over the schema's.
            let is_meta = meta.arguments.contains(&planned.name.as_str());
            match shape::attribute(body, &planned.name).filter(|_| !is_meta) {
                Some(attribute) => {
                    let here = Places::of(&attribute.expr);
                    attributes.extend(self.given(planned, attribute, &here).map(|source| (i, source)));
                    places.add(planned.name.clone(), here);
                }
                None if planned.rules.required => self.diags.push(missing_argument(&planned.name, header)),
                None => {}
            }
        }
        let mut nested = Vec::new();
        for (i, planned) in plan.nested.iter().enumerate() {
            nested.extend(self.nested(body, planned, header, &mut places).map(|code| (i, code)));
        }
        attributes.shrink_to_fit();
        nested.shrink_to_fit();
        (BlockCode { plan: plan.clone(), attributes, nested }, places)
    }

    fn unknown_members(&mut self, body: &Body, plan: &BlockPlan, meta: &Meta) {
        let arguments = || {
            let own = plan.attributes.iter().filter(|a| a.is_argument).map(|a| a.name.as_str());
            own.chain(meta.arguments.iter().copied())
        };
        let blocks = || plan.block_names().chain(meta.blocks.iter().copied());
        for attribute in &body.attributes {
            let name = attribute.name.text.as_str();
            if plan.attribute(name).is_none() && !meta.arguments.contains(&name) {
                self.diags.push(unknown_argument(&attribute.name, arguments(), blocks()));
            }
        }
        for block in &body.blocks {
            let name = block.kind.text.as_str();
            if name != "dynamic" && !plan.has_block(name) && !meta.blocks.contains(&name) {
                self.diags.push(unknown_block(&block.kind, blocks(), arguments()));
            }
        }
        check_dynamic_names(body, plan.block_names(), self.diags);
    }

    /// An attribute that is set; none after an error that leaves nothing to evaluate.
    fn given(
        &mut self,
        planned: &AttributePlan,
        attribute: &ast::Attribute,
        places: &Places,
    ) -> Option<Source> {
        let name = planned.name.as_str();
        let span = attribute.name.span;
        if let Some(instead) = &planned.deprecated {
            self.diags.push(
                Diagnostic::warning("Argument is deprecated")
                    .code(codes::DEPRECATED)
                    .detail(format!("\"{name}\" is deprecated."))
                    .at(span)
                    .help(instead.clone()),
            );
        }
        let compiled = self.compile(&attribute.expr);
        if !planned.is_argument {
            let detail = format!(
                "Can't configure a value for \"{name}\": its value will be decided automatically based on the result of applying this \
                 configuration."
            );
            self.diags.push(
                Diagnostic::error("Value for unconfigurable attribute")
                    .code(codes::COMPUTED)
                    .detail(detail)
                    .at(span)
                    .help("Remove this argument; refer to the attribute where you need its value."),
            );
            return None;
        }
        let Some(value) = compiled.constant() else { return Some(Source::Expr(compiled, places.clone())) };
        match planned.rules.check(name, value, places) {
            Ok(value) => Some(Source::Value(value)),
            Err(diagnostic) => {
                self.diags.push(*diagnostic);
                Some(Source::Value(Value::unknown(planned.rules.ty.clone())))
            }
        }
    }

    /// All blocks of a type; none if there are none.
    fn nested(
        &mut self,
        body: &Body,
        planned: &NestedPlan,
        header: Span,
        places: &mut Places,
    ) -> Option<NestedCode> {
        let name = planned.name.as_str();
        let mut items = Vec::new();
        let mut here = Places::at(header);
        let mut has_dynamic = false;
        let mut first = None;
        for block in &body.blocks {
            if block.kind.text == name {
                here.span = *first.get_or_insert(block.header);
                let (item, inner) = self.static_block(block, planned, &items);
                match (&item, planned.nesting) {
                    (NestedItem::Block { label: Some(label), .. }, Nesting::Map) => {
                        here.add(label.clone(), inner);
                    }
                    (_, Nesting::Single) => here.add_all(inner),
                    _ => here.items.push(inner),
                }
                items.push(item);
            } else if block.kind.text == "dynamic" && block.labels.first().is_some_and(|l| l.text == name) {
                has_dynamic = true;
                first.get_or_insert(block.header);
                if let Some(dynamic) = self.dynamic(block, planned) {
                    items.push(NestedItem::Dynamic(Box::new(dynamic)));
                }
            }
        }
        if !has_dynamic {
            let surplus = planned.max.filter(|max| items.len() > *max);
            let extra = surplus.and_then(|max| body.blocks.iter().filter(|b| b.kind.text == name).nth(max));
            let at = extra.map_or(header, |b| b.header);
            self.diags.extend(block_count(name, planned.min, planned.max, items.len(), at));
        }
        let header = first?;
        places.add(planned.name.clone(), here);
        Some(NestedCode { items, header })
    }

    fn static_block(
        &mut self,
        block: &Block,
        planned: &NestedPlan,
        before: &[NestedItem],
    ) -> (NestedItem, Places) {
        let label = if planned.nesting == Nesting::Map {
            shape::labels(block, ["key"], self.diags).map(|[l]| {
                let twice =
                    |i: &NestedItem| matches!(i, NestedItem::Block { label: Some(x), .. } if *x == l.text);
                if before.iter().any(twice) {
                    self.diags.push(
                        Diagnostic::error(format!("Duplicate {} block", block.kind.text))
                            .code(codes::DUPLICATE)
                            .detail(format!(
                                "There is already a {} block with the label \"{}\".",
                                block.kind.text, l.text
                            ))
                            .at(l.span),
                    );
                }
                l.text.clone()
            })
        } else {
            shape::labels(block, [], self.diags);
            None
        };
        let (code, places) = self.block(&block.body, &planned.block, &NO_META, block.header);
        (NestedItem::Block { label, code }, places)
    }

    fn dynamic(&mut self, block: &Block, planned: &NestedPlan) -> Option<DynamicCode> {
        let name = planned.name.as_str();
        let parts = dynamic_parts(block, name, self.diags)?;
        let for_each = self.compile(parts.for_each);
        self.iterators.push(parts.iterator);
        let label = match (planned.nesting, parts.label) {
            (Nesting::Map, Some(label)) => Some(self.compile(label)),
            (Nesting::Map, None) => {
                self.diags.push(missing_argument("labels", block.header));
                None
            }
            (_, Some(label)) => {
                self.diags.push(
                    Diagnostic::error("Extraneous dynamic block labels")
                        .code(codes::DYNAMIC)
                        .detail(format!("Blocks of type \"{name}\" have no labels."))
                        .at(label.span),
                );
                None
            }
            (_, None) => None,
        };
        let (content, _) = self.block(&parts.content.body, &planned.block, &NO_META, parts.content.header);
        self.iterators.pop();
        Some(DynamicCode { for_each, label, content })
    }
}

/// The parts of a `dynamic` block.
pub(crate) struct DynamicParts<'b> {
    pub(crate) for_each: &'b Expr,
    pub(crate) iterator: EcoString,
    pub(crate) label: Option<&'b Expr>,
    pub(crate) content: &'b Block,
}

/// Reads a `dynamic "name"` block; none after an error.
pub(crate) fn dynamic_parts<'b>(
    block: &'b Block,
    name: &str,
    diags: &mut Diagnostics,
) -> Option<DynamicParts<'b>> {
    let shape =
        shape::Shape { required: &["for_each"], optional: &["iterator", "labels"], blocks: &["content"] };
    shape.check(&block.body, block.header, diags);
    let mut iterator = EcoString::from(name);
    if let Some(attribute) = shape::attribute(&block.body, "iterator") {
        match &attribute.expr.kind {
            ExprKind::Traversal(t) if t.steps.is_empty() => iterator = t.root.text.clone(),
            _ => diags.push(
                Diagnostic::error("Invalid expression")
                    .code(codes::DYNAMIC)
                    .detail("A single static variable name is required: `iterator = item`.")
                    .at(attribute.expr.span),
            ),
        }
    }
    let mut label = None;
    if let Some(attribute) = shape::attribute(&block.body, "labels") {
        match &attribute.expr.kind {
            ExprKind::Tuple(items) if items.len() == 1 => label = items.first(),
            _ => diags.push(
                Diagnostic::error("Invalid dynamic block labels")
                    .code(codes::DYNAMIC)
                    .detail("The labels are a list of one text: `labels = [item.key]`.")
                    .at(attribute.expr.span),
            ),
        }
    }
    let mut contents = shape::blocks(&block.body, "content");
    let content = contents.next();
    if let Some(second) = contents.next() {
        diags.push(
            Diagnostic::error("Extraneous dynamic content block")
                .code(codes::DYNAMIC)
                .detail("Only one nested content block is allowed for each dynamic block.")
                .at(second.header),
        );
    }
    if content.is_none() {
        diags.push(
            Diagnostic::error("Missing dynamic content block")
                .code(codes::DYNAMIC)
                .detail("A dynamic block must have a nested block of type \"content\" to describe the body of each generated block.")
                .at(block.header),
        );
    }
    let for_each = &shape::attribute(&block.body, "for_each")?.expr;
    Some(DynamicParts { for_each, iterator, label, content: content? })
}

/// `dynamic` blocks whose label is no nested block type.
pub(crate) fn check_dynamic_names<'a>(
    body: &Body,
    known: impl Iterator<Item = &'a str> + Clone,
    diags: &mut Diagnostics,
) {
    for block in shape::blocks(body, "dynamic") {
        let Some([label]) = shape::labels(block, ["type"], diags) else { continue };
        if known.clone().any(|k| k == label.text) {
            continue;
        }
        let d = Diagnostic::error("Unsupported block type")
            .code(codes::UNKNOWN_BLOCK)
            .detail(format!("Blocks of type \"{}\" are not expected here.", label.text))
            .at(label.span);
        diags.push(match did_you_mean(&label.text, known.clone()) {
            Some(best) => d.help(format!("Did you mean \"{best}\"?")),
            None => d,
        });
    }
}

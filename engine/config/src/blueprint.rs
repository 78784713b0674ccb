//! Blueprints: a module that becomes a block type, desugared to module calls.
//!
//! Here a block's arguments and nested blocks become one expression for each variable of the module; below, nobody knows
//! that there was a block.

use ecow::EcoString;
use pilotis_diag::{Diagnostic, Diagnostics, Span};
use pilotis_syntax::ast::{
    Block, Body, Call, Expr, ExprKind, For, Ident, ObjectItem, ObjectKey, Traversal, TraversalStep,
};
use pilotis_value::{ObjectType, Type};

use crate::decode::{check_dynamic_names, dynamic_parts};
use crate::places::Places;
use crate::shape::{self, missing_argument, unknown_argument, unknown_block};
use crate::{Module, codes};

/// Arguments and blocks that belong to the language.
const META_ARGUMENTS: [&str; 4] = ["for_each", "count", "depends_on", "providers"];
const META_BLOCKS: [&str; 1] = ["lifecycle"];

/// One argument or block type.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    name: EcoString,
    ty: Type,
    required: bool,
}

/// One member that a body gives.
pub(crate) struct Given {
    pub(crate) name: EcoString,
    pub(crate) expr: Expr,
    pub(crate) places: Places,
    /// Nothing in it was reported yet.
    pub(crate) complete: bool,
}

/// How a member is written as blocks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nest {
    /// `repo "api" { … }`, a map.
    Labelled,
    /// `rule { … }` any number of times, a list or set.
    Repeated,
    /// `quota { … }`, an object.
    Single,
}

impl Member {
    fn nest(&self) -> Option<Nest> {
        let is_object = |t: &Type| matches!(t, Type::Object(_));
        match &self.ty {
            Type::Map(t) if is_object(t) => Some(Nest::Labelled),
            Type::List(t) | Type::Set(t) if is_object(t) => Some(Nest::Repeated),
            Type::Object(_) => Some(Nest::Single),
            _ => None,
        }
    }

    /// The type of one block.
    fn block_type(&self) -> &Type {
        self.ty.element().unwrap_or(&self.ty)
    }

    /// The word of its blocks.
    fn word(&self) -> String {
        match self.nest() {
            Some(Nest::Labelled | Nest::Repeated) => singular(&self.name),
            _ => self.name.to_string(),
        }
    }

    fn is_word(&self, word: &str) -> bool {
        self.nest().is_some() && (self.name == word || self.word() == word)
    }
}

/// `repos` → `repo`, `entries` → `entry`, `classes` → `class`; others stay as they are.
fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies")
        && stem.len() > 1
    {
        return format!("{stem}y");
    }
    for ending in ["sses", "xes", "ches", "shes"] {
        if name.ends_with(ending) {
            return name[..name.len() - 2].to_owned();
        }
    }
    match name.strip_suffix('s') {
        Some(stem) if !stem.ends_with('s') && stem.len() > 1 => stem.to_owned(),
        _ => name.to_owned(),
    }
}

/// The members of a blueprint's block: the variables of its module.
pub(crate) fn members(module: &Module) -> Vec<Member> {
    let member = |v: &crate::Variable| Member {
        name: v.name.as_str().into(),
        ty: v.constraint.ty.clone(),
        // Missing variables are reported with their description, by the caller.
        required: false,
    };
    module.variables.iter().map(member).collect()
}

/// The members of a block that stands for an object.
fn attributes(object: &ObjectType) -> Vec<Member> {
    let member = |(name, ty): (&EcoString, &Type)| Member {
        name: name.clone(),
        ty: ty.clone(),
        required: !object.optional.contains(name),
    };
    object.attributes.iter().map(member).collect()
}

/// True if an argument may have this name.
pub(crate) fn has(members: &[Member], name: &str) -> bool {
    members.iter().any(|m| m.name == name)
}

/// The blocks that are written with a word: whether they have a label, and their members. None if the word is an argument only;
/// a name that is both (`repos = { … }`, `repos "api" { … }`) is the argument, unless the blocks have no word of their own.
pub(crate) fn nested(members: &[Member], word: &str) -> Option<(bool, Vec<Member>)> {
    let member = members.iter().find(|m| m.is_word(word) && m.word() == word)?;
    let Type::Object(object) = member.block_type() else { return None };
    Some((member.nest() == Some(Nest::Labelled), attributes(object)))
}

/// The word for one entry of a variable's value.
pub(crate) fn member_word(module: &Module, variable: u32) -> String {
    let declared = &module.variables[variable as usize];
    match declared.constraint.ty {
        Type::Map(_) | Type::List(_) | Type::Set(_) => singular(&declared.name),
        _ => declared.name.clone(),
    }
}

/// The variable that receives the label: `name`, else `slug`.
pub(crate) fn label_variable(module: &Module) -> Option<u32> {
    let find = |name: &str| module.variables.iter().position(|v| v.name == name).map(|i| i as u32);
    find("name").or_else(|| find("slug"))
}

/// The members that a block gives, each as one expression. `what` names the block in messages: `project "carto"`.
pub(crate) fn desugar(
    body: &Body,
    members: &[Member],
    header: Span,
    what: &str,
    diags: &mut Diagnostics,
) -> Vec<Given> {
    Desugar { diags, top: true }.body(body, members, header, what)
}

struct Desugar<'d> {
    diags: &'d mut Diagnostics,
    /// At the outermost block, where the language's own names may stand too.
    top: bool,
}

impl Desugar<'_> {
    fn body(&mut self, body: &Body, members: &[Member], header: Span, what: &str) -> Vec<Given> {
        let top = std::mem::replace(&mut self.top, false);
        shape::duplicates(body, self.diags);
        let words: Vec<String> = members.iter().filter(|m| m.nest().is_some()).map(Member::word).collect();
        let arguments = || {
            let meta = META_ARGUMENTS.iter().filter(|_| top).copied();
            members.iter().map(|m| m.name.as_str()).chain(meta)
        };
        let blocks = || words.iter().map(String::as_str).chain(META_BLOCKS.iter().filter(|_| top).copied());
        for attribute in &body.attributes {
            let name = attribute.name.text.as_str();
            if members.iter().any(|m| m.name == name) || (top && META_ARGUMENTS.contains(&name)) {
                continue;
            }
            self.diags.push(within(unknown_argument(&attribute.name, arguments(), blocks()), what));
        }
        for block in &body.blocks {
            let word = block.kind.text.as_str();
            let known = members.iter().any(|m| m.is_word(word)) || (top && META_BLOCKS.contains(&word));
            if word != "dynamic" && !known {
                self.diags.push(within(unknown_block(&block.kind, blocks(), arguments()), what));
            }
        }
        let names: Vec<&str> =
            members.iter().filter(|m| m.nest().is_some()).map(|m| m.name.as_str()).chain(blocks()).collect();
        check_dynamic_names(body, names.iter().copied(), self.diags);
        let mut given = Vec::new();
        for member in members {
            let before = self.diags.len();
            let is_meta = top && META_ARGUMENTS.contains(&member.name.as_str());
            let attribute = shape::attribute(body, &member.name).filter(|_| !is_meta);
            let found = self.blocks_of(body, member, what);
            match (attribute, found) {
                (Some(attribute), found) => {
                    if let Some(found) = found {
                        self.diags.push(shape::duplicate(
                            "Argument and block",
                            format!(
                                "\"{}\" is given as an argument and as \"{}\" blocks: write it one way.",
                                member.name,
                                member.word()
                            ),
                            found.expr.span,
                            attribute.name.span,
                        ));
                    }
                    let places = Places::of(&attribute.expr);
                    let complete = self.diags.len() == before;
                    let name = member.name.clone();
                    given.push(Given { name, expr: attribute.expr.clone(), places, complete });
                }
                (None, Some(mut found)) => {
                    found.complete = self.diags.len() == before;
                    given.push(found);
                }
                (None, None) if member.required => {
                    self.diags.push(within(missing_argument(&member.name, header), what));
                }
                (None, None) => {}
            }
        }
        given
    }

    /// All blocks of a member as one expression; none if there are none.
    fn blocks_of(&mut self, body: &Body, member: &Member, what: &str) -> Option<Given> {
        let nest = member.nest()?;
        let mut statics: Vec<(Option<&Ident>, Expr)> = Vec::new();
        let mut dynamics: Vec<Expr> = Vec::new();
        let mut places: Option<Places> = None;
        for block in &body.blocks {
            if member.is_word(&block.kind.text) {
                let label = self.label(block, nest, &statics);
                let inner_what = match label {
                    Some(label) => format!("{} \"{}\" of {what}", block.kind.text, label.text),
                    None => format!("{} of {what}", block.kind.text),
                };
                if nest == Nest::Single && !statics.is_empty() {
                    self.diags.push(
                        Diagnostic::error(format!("Too many {} blocks", block.kind.text))
                            .code(codes::BLOCK_COUNT)
                            .detail(format!("There may be one \"{}\" block in {what}.", block.kind.text))
                            .at(block.header),
                    );
                    continue;
                }
                let (expr, inner) = self.content(block, member.block_type(), &inner_what);
                let here = places.get_or_insert_with(|| Places::at(block.header));
                match (nest, label) {
                    (Nest::Labelled, Some(label)) => {
                        here.add(label.text.clone(), inner);
                    }
                    (Nest::Labelled, None) => continue,
                    (Nest::Repeated, _) => here.items.push(inner),
                    (Nest::Single, _) => *here = inner,
                }
                statics.push((label, expr));
            } else if block.kind.text == "dynamic"
                && let Some(word) = block.labels.first().filter(|l| member.is_word(&l.text))
            {
                places.get_or_insert_with(|| Places::at(block.header));
                dynamics.extend(self.dynamic(block, &word.text, member, nest, what));
            }
        }
        let places = places?;
        let span = places.span;
        Some(Given {
            name: member.name.clone(),
            expr: together(nest, statics, dynamics, span),
            places,
            complete: true,
        })
    }

    fn label<'b>(
        &mut self,
        block: &'b Block,
        nest: Nest,
        before: &[(Option<&Ident>, Expr)],
    ) -> Option<&'b Ident> {
        if nest != Nest::Labelled {
            shape::labels(block, [], self.diags);
            return None;
        }
        let [label] = shape::labels(block, ["name"], self.diags)?;
        if let Some(first) = before.iter().filter_map(|(l, _)| *l).find(|l| l.text == label.text) {
            let word = &block.kind.text;
            self.diags.push(shape::duplicate(
                format!("Duplicate {word}"),
                format!("A {word} named \"{}\" was already declared here.", label.text),
                label.span,
                first.span,
            ));
        }
        Some(label)
    }

    /// What is in a block, as an object.
    fn content(&mut self, block: &Block, ty: &Type, what: &str) -> (Expr, Places) {
        let mut places = Places::at(block.header);
        let Type::Object(object) = ty else {
            return (Expr { kind: ExprKind::Invalid, span: block.header }, places);
        };
        let members = attributes(object);
        let given = self.body(&block.body, &members, block.header, what);
        let mut items = Vec::with_capacity(given.len());
        for Given { name, expr, places: inner, .. } in given {
            places.add(name.clone(), inner);
            items.push(ObjectItem {
                key: ObjectKey::Name(Ident { text: name, span: expr.span }),
                value: expr,
            });
        }
        (Expr { kind: ExprKind::Object(items), span: block.header }, places)
    }

    /// A `dynamic` block as a `for` expression.
    fn dynamic(
        &mut self,
        block: &Block,
        word: &str,
        member: &Member,
        nest: Nest,
        what: &str,
    ) -> Option<Expr> {
        let parts = dynamic_parts(block, word, self.diags)?;
        let what = format!("{word} of {what}");
        let (content, _) = self.content(parts.content, member.block_type(), &what);
        let span = block.header;
        let iterator = Ident { text: parts.iterator.clone(), span };
        let label = match (nest, parts.label) {
            (Nest::Labelled, Some(label)) => Some(label.clone()),
            (Nest::Labelled, None) => Some(reference(&parts.iterator, Some("key"), span)),
            (_, None) => None,
            (_, Some(label)) => {
                self.diags.push(
                    Diagnostic::error("Extraneous dynamic block labels")
                        .code(codes::DYNAMIC)
                        .detail(format!("Blocks of type \"{word}\" have no labels."))
                        .at(label.span),
                );
                None
            }
        };
        let collection = pairs(parts.for_each);
        let kind = ExprKind::For(Box::new(For {
            key: None,
            value: iterator,
            collection,
            result_key: label,
            result: content,
            group: false,
            condition: None,
        }));
        Some(Expr { kind, span })
    }
}

/// Static and dynamic blocks together.
fn together(nest: Nest, statics: Vec<(Option<&Ident>, Expr)>, mut dynamics: Vec<Expr>, span: Span) -> Expr {
    if nest == Nest::Single {
        let first = statics.into_iter().next().map(|(_, e)| e);
        // `one([for …])`: a dynamic single block is there once or not at all.
        return first.unwrap_or_else(|| match dynamics.len() {
            1 => call("one", dynamics, span),
            _ => Expr { kind: ExprKind::Invalid, span },
        });
    }
    let has_static = !statics.is_empty();
    let kind = if nest == Nest::Labelled {
        let item = |(label, value): (Option<&Ident>, Expr)| {
            label.map(|l| ObjectItem { key: ObjectKey::Name(l.clone()), value })
        };
        ExprKind::Object(statics.into_iter().filter_map(item).collect())
    } else {
        ExprKind::Tuple(statics.into_iter().map(|(_, e)| e).collect())
    };
    let fixed = Expr { kind, span };
    match (has_static, dynamics.len()) {
        (_, 0) => fixed,
        (false, 1) => dynamics.remove(0),
        _ => {
            let mut all = if has_static { vec![fixed] } else { Vec::new() };
            all.append(&mut dynamics);
            call(if nest == Nest::Labelled { "merge" } else { "concat" }, all, span)
        }
    }
}

fn call(name: &str, args: Vec<Expr>, span: Span) -> Expr {
    let call = Call { name: vec![name.into()], name_span: span, args, expand: false };
    Expr { kind: ExprKind::Call(Box::new(call)), span }
}

fn reference(name: &str, attribute: Option<&str>, span: Span) -> Expr {
    let root = Ident { text: name.into(), span };
    let steps =
        attribute.into_iter().map(|a| TraversalStep::Attribute(Ident { text: a.into(), span })).collect();
    Expr { kind: ExprKind::Traversal(Box::new(Traversal { root, steps, span })), span }
}

/// `[for k, v in COLLECTION : { key = k, value = v }]`: what a `dynamic` block's iterator goes through. The names can't be written by
/// hand, so that they hide nothing.
fn pairs(collection: &Expr) -> Expr {
    let span = collection.span;
    let (key, value) = (" key", " value");
    let item = |name: &str, source: &str| ObjectItem {
        key: ObjectKey::Name(Ident { text: name.into(), span }),
        value: reference(source, None, span),
    };
    let object = Expr { kind: ExprKind::Object(vec![item("key", key), item("value", value)]), span };
    let kind = ExprKind::For(Box::new(For {
        key: Some(Ident { text: key.into(), span }),
        value: Ident { text: value.into(), span },
        collection: collection.clone(),
        result_key: None,
        result: object,
        group: false,
        condition: None,
    }));
    Expr { kind, span }
}

/// Says in which block.
fn within(mut d: Diagnostic, what: &str) -> Diagnostic {
    d.detail = match d.detail.strip_suffix(" here.") {
        Some(start) => format!("{start} in {what}."),
        None => format!("{} (In {what}.)", d.detail),
    };
    d
}

#[cfg(test)]
mod tests {
    use super::singular;

    #[test]
    fn words_are_singular() {
        for (plural, word) in [
            ("repos", "repo"),
            ("environments", "environment"),
            ("policies", "policy"),
            ("classes", "class"),
            ("boxes", "box"),
            ("branches", "branch"),
            ("access", "access"),
            ("quota", "quota"),
        ] {
            assert_eq!(singular(plural), word);
        }
    }
}

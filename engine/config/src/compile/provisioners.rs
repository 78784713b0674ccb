//! `provisioner` blocks: programs that run here once an object was made, or before it is removed. Nothing runs a program on
//! another machine.

use pilotis_diag::{Diagnostic, did_you_mean};
use pilotis_lang::Reference;
use pilotis_schema::{Attribute, Block as Schema, Presence};
use pilotis_syntax::ast::{Block, Body, ExprKind};
use pilotis_value::Type;

use super::{Build, traversal_of};
use crate::decode::{self, Meta};
use crate::names::Allowed;
use crate::shape::{self, literal_text};
use crate::types::BlockPlan;
use crate::{OnFailure, Provisioner, Symbol, When, codes};

/// The one that there is.
const LOCAL: &str = "local-exec";
/// Those that need another machine.
const REMOTE: [&str; 2] = ["remote-exec", "file"];

const META: Meta = Meta { arguments: &["when", "on_failure"], blocks: &["connection"] };

impl Build<'_> {
    /// All of a block, in order. `allowed`: what the block's own expressions may say.
    pub(super) fn provisioners(&mut self, body: &Body, allowed: Allowed) -> Vec<Provisioner> {
        self.no_connection(body);
        shape::blocks(body, "provisioner").filter_map(|b| self.provisioner(b, allowed)).collect()
    }

    /// Those of a `removed` block, which run before the object is removed.
    pub(crate) fn removed_provisioners(&mut self, body: &Body) -> Vec<Provisioner> {
        let all = self.provisioners(body, Allowed::any_key());
        for provisioner in all.iter().filter(|p| p.when == When::Create) {
            self.diags.push(
                Diagnostic::error("Invalid provisioner block")
                    .code(codes::PROVISIONER)
                    .detail("Nothing is made by a removed block: its provisioners run before the object is removed.")
                    .at(provisioner.span)
                    .help("Say `when = destroy`."),
            );
        }
        all
    }

    fn provisioner(&mut self, block: &Block, allowed: Allowed) -> Option<Provisioner> {
        let [kind] = shape::labels(block, ["type"], &mut self.diags)?;
        if kind.text != LOCAL {
            self.diags.push(unsupported(&kind.text).at(block.header));
            return None;
        }
        self.no_connection(&block.body);
        let when = self.keyword(&block.body, "when", [("create", When::Create), ("destroy", When::Destroy)]);
        let on_failure = self.keyword(
            &block.body,
            "on_failure",
            [("fail", OnFailure::Fail), ("continue", OnFailure::Continue)],
        );
        let when = when.unwrap_or(When::Create);
        let plan = BlockPlan::of(&schema());
        let mut scope = self.scope(allowed.with_self());
        let body = decode::decode(&block.body, &plan, &META, block.header, &mut scope, &mut self.diags);
        if when == When::Destroy {
            self.only_of_itself(body.references());
        }
        let on_failure = on_failure.unwrap_or(OnFailure::Fail);
        Some(Provisioner { when, on_failure, body, span: block.header })
    }

    fn no_connection(&mut self, body: &Body) {
        for connection in shape::blocks(body, "connection") {
            self.diags.push(
                Diagnostic::error("Connections are not supported")
                    .code(codes::PROVISIONER)
                    .detail("A connection is how a provisioner reaches another machine, and none does.")
                    .at(connection.header)
                    .help("Let a pipeline do it, or a program that a local-exec provisioner runs here."),
            );
        }
    }

    /// An argument whose value is one of some words, which stand without quotes.
    fn keyword<T: Copy>(&mut self, body: &Body, name: &str, words: [(&str, T); 2]) -> Option<T> {
        let attribute = shape::attribute(body, name)?;
        let bare = match traversal_of(&attribute.expr) {
            Some(t) if t.steps.is_empty() => Some(t.root.text.clone()),
            _ => None,
        };
        let quoted = literal_text(&attribute.expr);
        if quoted.is_some() && matches!(attribute.expr.kind, ExprKind::Template(_)) {
            self.diags.push(
                Diagnostic::warning("Quoted keywords are deprecated")
                    .code(codes::DEPRECATED)
                    .detail("Keywords are written as they are, without quotes.")
                    .at(attribute.expr.span),
            );
        }
        let given = bare.or(quoted);
        let found = words.iter().find(|(word, _)| given.as_deref() == Some(*word));
        if found.is_none() {
            let known = words.map(|(word, _)| word);
            self.diags.push(
                Diagnostic::error(format!("Invalid \"{name}\" keyword"))
                    .code(codes::PROVISIONER)
                    .detail(format!(
                        "The \"{name}\" argument is one of the words {} and {}.",
                        known[0], known[1]
                    ))
                    .at(attribute.expr.span),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// When an object is removed, what it refers to may be gone: only itself and its key are there for certain.
    fn only_of_itself(&mut self, references: &[Reference]) {
        for reference in references {
            let symbol = self.names.symbols.get(reference.slot.0 as usize);
            let there = matches!(
                symbol,
                None | Some(
                    Symbol::This
                        | Symbol::CountIndex
                        | Symbol::EachKey
                        | Symbol::PathModule
                        | Symbol::PathRoot
                        | Symbol::PathCwd
                        | Symbol::Workspace
                )
            );
            if !there {
                self.diags.push(
                    Diagnostic::error("Invalid reference from destroy provisioner")
                        .code(codes::PROVISIONER)
                        .detail("Destroy-time provisioners may only reference attributes of the related resource, via 'self', 'count.index', or 'each.key'. What else they would refer to may be gone by then.")
                        .at(reference.span)
                        .help("Keep the value in the object itself, and refer to it as `self.…`."),
                );
            }
        }
    }
}

fn unsupported(kind: &str) -> Diagnostic {
    let error =
        |summary: String, detail: &str| Diagnostic::error(summary).code(codes::PROVISIONER).detail(detail);
    if REMOTE.contains(&kind) {
        return error(
            format!("The provisioner \"{kind}\" is not supported"),
            "It works on another machine over a connection, which nothing here does.",
        )
        .help("Let a pipeline do it, or a program that a local-exec provisioner runs here.");
    }
    let unknown = error(format!("There is no provisioner \"{kind}\""), "There is local-exec only.");
    match did_you_mean(kind, [LOCAL]) {
        Some(best) => unknown.help(format!("Did you mean \"{best}\"?")),
        None => unknown,
    }
}

/// The arguments of `local-exec`.
fn schema() -> Schema {
    let optional = |ty: Type| Attribute::new(ty);
    let command = Attribute { presence: Presence::Required, ..Attribute::new(Type::String) };
    let attributes = [
        ("command", command),
        ("interpreter", optional(Type::list(Type::String))),
        ("working_dir", optional(Type::String)),
        ("environment", optional(Type::map(Type::String))),
        ("quiet", optional(Type::Bool)),
    ];
    let attributes = attributes.into_iter().map(|(name, attribute)| (name.to_owned(), attribute));
    Schema { attributes: attributes.collect(), ..Schema::default() }
}

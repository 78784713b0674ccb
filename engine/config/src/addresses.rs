//! `moved`, `import` and `removed` blocks, and the addresses in them.

use std::collections::HashMap;

use pilotis_diag::Diagnostic;
use pilotis_schema::address::{Instance, Key, Mode, Target};
use pilotis_syntax::ast::{Attribute, Block, Expr, ExprKind, TraversalStep};

use crate::compile::{Build, traversal_of};
use crate::declare::Declarations;
use crate::display::{Part, Token, target, whole_block};
use crate::names::{Allowed, Repeats};
use crate::shape::{self, Shape};
use crate::{Import, Module, Moved, Removed, Repetition, codes};

/// Compiles all blocks of this kind.
pub(crate) fn refactorings(build: &mut Build<'_>, all: &Declarations<'_>) {
    for block in &all.moved {
        moved(build, block);
    }
    for block in &all.removed {
        removed(build, block);
    }
    for block in &all.imports {
        import(build, block);
    }
    check_moves(build);
    check_imports(build);
}

/// Two moves of one thing. Whether it is still there, only the plan knows.
fn check_moves(build: &mut Build<'_>) {
    let (mut sources, mut targets) = (HashMap::new(), HashMap::new());
    for moved in &build.out.moved {
        let from = *sources.entry(&moved.from).or_insert(moved);
        let to = *targets.entry(&moved.to).or_insert(moved);
        let first = if std::ptr::eq(from, moved) { to } else { from };
        if !std::ptr::eq(first, moved) {
            build.meaning.push(
                Diagnostic::error("Ambiguous move statements")
                    .code(codes::ADDRESS)
                    .detail("Two statements move something to the same address, or the same thing to two addresses.")
                    .at(moved.span)
                    .also(first.span, "the other one"),
            );
        }
    }
}

fn check_imports(build: &mut Build<'_>) {
    let mut targets = HashMap::new();
    for import in build.out.imports.iter().filter(|i| i.key.is_none()) {
        let shown = import.to.to_string();
        let first = *targets.entry(&import.to).or_insert(import);
        if !std::ptr::eq(first, import) {
            build.diags.push(
                Diagnostic::error(format!("Duplicate import configuration for \"{shown}\""))
                    .code(codes::DUPLICATE)
                    .detail("An import block for this address was already declared.")
                    .at(import.to_span)
                    .also(first.to_span, "first declared here"),
            );
        }
    }
}

fn moved(build: &mut Build<'_>, block: &Block) {
    const MOVED: Shape = Shape { required: &["from", "to"], optional: &[], blocks: &[] };
    shape::labels(block, [], &mut build.diags);
    MOVED.check(&block.body, block.header, &mut build.diags);
    let from = shape::attribute(&block.body, "from").and_then(|a| address(build, a));
    let to = shape::attribute(&block.body, "to").and_then(|a| address(build, a));
    let (Some(from), Some(to)) = (from, to) else { return };
    if [&from, &to].into_iter().any(|t| mode_of(t).is_some_and(|mode| mode != Mode::Managed)) {
        build.diags.push(
            Diagnostic::error("Invalid \"moved\" addresses")
                .code(codes::ADDRESS)
                .detail("Only what the state has can be moved: resources and modules. Data sources and ephemeral resources are not in it.")
                .at(block.header)
                .help("Rename the block; nothing else is needed."),
        );
        return;
    }
    if from == to {
        build.meaning.push(
            Diagnostic::error("Redundant move statement")
                .code(codes::ADDRESS)
                .detail("This statement declares a move from an address to itself, so it does nothing.")
                .at(block.header)
                .help("Remove the block."),
        );
        return;
    }
    let module = |t: &Target| matches!(t, Target::Module(_));
    if module(&from) != module(&to) {
        build.diags.push(
            Diagnostic::error("Invalid \"moved\" addresses")
                .code(codes::ADDRESS)
                .detail("The \"from\" and \"to\" addresses must either both refer to resources or both refer to modules.")
                .at(block.header),
        );
        return;
    }
    build.out.moved.push(Moved { from, to, span: block.header });
}

fn removed(build: &mut Build<'_>, block: &Block) {
    const REMOVED: Shape =
        Shape { required: &["from"], optional: &[], blocks: &["lifecycle", "provisioner"] };
    const LIFECYCLE: Shape = Shape { required: &["destroy"], optional: &[], blocks: &[] };
    shape::labels(block, [], &mut build.diags);
    REMOVED.check(&block.body, block.header, &mut build.diags);
    let mut destroy = true;
    for lifecycle in shape::blocks(&block.body, "lifecycle") {
        LIFECYCLE.check(&lifecycle.body, lifecycle.header, &mut build.diags);
        destroy = shape::flag(&lifecycle.body, "destroy", &mut build.diags);
    }
    let provisioners = build.removed_provisioners(&block.body).into();
    let Some(from) = shape::attribute(&block.body, "from").and_then(|a| address(build, a)) else { return };
    if let Some(mode) = mode_of(&from).filter(|mode| *mode != Mode::Managed) {
        let (what, are) = match mode {
            Mode::Ephemeral => ("Ephemeral resource", "Ephemeral resources are in no state"),
            _ => ("Data source", "Data sources are never destroyed"),
        };
        build.diags.push(
            Diagnostic::error(format!("{what} address not allowed"))
                .code(codes::ADDRESS)
                .detail(format!("{are}, so they are not valid targets of removed blocks."))
                .at(block.header)
                .help("Remove its own block; nothing else is needed."),
        );
        return;
    }
    let keyed = match &from {
        Target::Instance(i) => i.key.is_some(),
        Target::Resource(_) => false,
        // A blueprint's block is a module with a key, and is meant as a whole.
        Target::Module(path) => path
            .0
            .last()
            .is_some_and(|s| s.key.is_some() && !build.out.blueprints.iter().any(|b| b.word == s.name)),
    };
    if keyed {
        build.diags.push(
            Diagnostic::error("Resource instance keys not allowed")
                .code(codes::ADDRESS)
                .detail("A removed block is for a whole resource or module, not for one of its instances.")
                .at(block.header)
                .help("To forget one instance, use `pilotis state rm`."),
        );
        return;
    }
    let from = whole_block(from, &build.out);
    build.out.removed.push(Removed { from, destroy, provisioners, span: block.header });
}

fn import(build: &mut Build<'_>, block: &Block) {
    const IMPORT: Shape = Shape { required: &["to", "id"], optional: &["provider", "for_each"], blocks: &[] };
    shape::labels(block, [], &mut build.diags);
    IMPORT.check(&block.body, block.header, &mut build.diags);
    let for_each = shape::attribute(&block.body, "for_each");
    let repeats = if for_each.is_some() { Repeats::ForEach } else { Repeats::One };
    let allowed = Allowed::of(repeats);
    let repetition = match for_each {
        Some(a) => Repetition::ForEach(build.compile(&a.expr, Allowed::default())),
        None => Repetition::One,
    };
    let id = shape::attribute(&block.body, "id").map(|a| build.compile(&a.expr, allowed));
    let Some(to) = shape::attribute(&block.body, "to") else { return };
    let (base, key) = split_dynamic_key(&to.expr);
    let key = key.map(|k| build.compile(k, allowed));
    let Some(found) = address_of(build, base) else { return };
    let instance = match found {
        Target::Instance(instance) => instance,
        Target::Resource(resource) => Instance { resource, key: None },
        Target::Module(_) => {
            build.diags.push(
                Diagnostic::error("Invalid import address")
                    .code(codes::ADDRESS)
                    .detail("The \"to\" address must be one object: a resource, not a module or a block of a blueprint.")
                    .at(to.expr.span)
                    .help("Import the objects under it one by one."),
            );
            return;
        }
    };
    if instance.resource.mode != Mode::Managed {
        build.diags.push(
            Diagnostic::error("Invalid import address")
                .code(codes::ADDRESS)
                .detail("Only managed resources can be imported.")
                .at(to.expr.span),
        );
        return;
    }
    let provider = shape::attribute(&block.body, "provider")
        .and_then(|a| build.provider_of(&a.expr))
        .map(|p| p.reference);
    let Some(id) = id else { return };
    let (to_span, span) = (to.expr.span, block.header);
    build.out.imports.push(Import { to: instance, key, repetition, id, provider, to_span, span });
}

/// The mode of what an address names; none for a module.
fn mode_of(target: &Target) -> Option<Mode> {
    match target {
        Target::Module(_) => None,
        Target::Resource(resource) => Some(resource.mode),
        Target::Instance(instance) => Some(instance.resource.mode),
    }
}

/// `a.b[each.key]`: the address, and the key that has to be evaluated.
fn split_dynamic_key(expr: &Expr) -> (&Expr, Option<&Expr>) {
    match &expr.kind {
        ExprKind::Index(parts) => (&parts[0], Some(&parts[1])),
        _ => (expr, None),
    }
}

fn address(build: &mut Build<'_>, attribute: &Attribute) -> Option<Target> {
    address_of(build, &attribute.expr)
}

fn address_of(build: &mut Build<'_>, expr: &Expr) -> Option<Target> {
    match address_in(expr, &build.out, build.modules) {
        Ok(target) => Some(target),
        Err(d) => {
            build.diags.push(*d);
            None
        }
    }
}

/// The address that is written, as seen from a module.
pub(crate) fn address_in(expr: &Expr, root: &Module, modules: &[Module]) -> Result<Target, Box<Diagnostic>> {
    let invalid = |detail: String| {
        Box::new(Diagnostic::error("Invalid address").code(codes::ADDRESS).detail(detail).at(expr.span))
    };
    let Some(traversal) = traversal_of(expr) else {
        return Err(invalid(
            "An address is written without quotes, with constant keys: `gitlab_group.a`, `module.m[\"k\"]`."
                .into(),
        ));
    };
    let mut tokens = vec![Token { part: Part::Name(traversal.root.text.to_string()), offset: 0 }];
    for step in &traversal.steps {
        let part = match step {
            TraversalStep::Attribute(ident) => Part::Name(ident.text.to_string()),
            TraversalStep::Index(value, span) => match (value.as_str(), value.as_i64()) {
                (Some(key), _) => Part::Key(Key::String(key.to_owned())),
                (_, Some(n)) if n >= 0 => Part::Key(Key::Int(n.unsigned_abs())),
                _ => return Err(Box::new(invalid("A key is a whole number or a text.".into()).at(*span))),
            },
        };
        tokens.push(Token { part, offset: 0 });
    }
    target(&tokens, root, modules).map_err(|e| invalid(format!("This is no address: {}.", e.message)))
}

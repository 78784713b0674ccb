//! The `encryption` block of the root module: who refers to whom, and what keys are made of.

use pilotis_diag::{Diagnostic, Span, did_you_mean};
use pilotis_syntax::ast::{Attribute, Block, Body, Ident, TraversalStep};

use super::{Build, traversal_of};
use crate::body::CompiledBody;
use crate::encryption::{Encryption, EncryptionMethod, EncryptionTarget, KeyProvider, KeyProviderKind};
use crate::names::Allowed;
use crate::shape::{self, Shape};
use crate::types::BlockPlan;
use crate::{Symbol, codes, decode};

const ENCRYPTION: Shape = Shape {
    required: &[],
    optional: &[],
    blocks: &["key_provider", "method", "state", "plan", REMOTE_STATES],
};
const REMOTE_STATES: &str = "remote_state_data_sources";
const OTHERS: Shape = Shape { required: &[], optional: &[], blocks: &["default"] };
const TARGET: Shape = Shape { required: &["method"], optional: &["enforced"], blocks: &["fallback"] };
const FALLBACK: Shape = Shape { required: &["method"], optional: &[], blocks: &["fallback"] };
const KEYS: Shape = Shape { required: &["keys"], optional: &[], blocks: &[] };
const NOTHING: Shape = Shape { required: &[], optional: &[], blocks: &[] };

/// Methods that encrypt: ours, and OpenTofu's name for what it replaces.
const AES: [&str; 2] = ["aes_gcm_siv", "aes_gcm"];
const UNENCRYPTED: &str = "unencrypted";

/// A `method` block.
struct Method {
    name: String,
    method: EncryptionMethod,
}

impl Build<'_> {
    /// The `encryption` block of these `terraform` blocks, in the root module.
    pub(super) fn encryption(&mut self, settings: &[&Block]) {
        let blocks: Vec<&Block> =
            settings.iter().flat_map(|s| shape::blocks(&s.body, "encryption")).collect();
        let Some(block) = blocks.first() else { return };
        if let Some(second) = blocks.get(1) {
            self.diags.push(shape::duplicate(
                "Duplicate encryption configuration",
                "A module may have only one encryption block.",
                second.header,
                block.header,
            ));
        }
        if !self.is_root {
            self.diags.push(
                Diagnostic::error("Encryption in a module")
                    .code(codes::ENCRYPTION)
                    .detail("The state is one for the whole configuration: how it is encrypted is said in the root module.")
                    .at(block.header)
                    .help("Move this block to the root module."),
            );
            return;
        }
        shape::labels(block, [], &mut self.diags);
        ENCRYPTION.check(&block.body, block.header, &mut self.diags);
        let key_providers = self.key_providers(&block.body);
        let methods = self.methods(&block.body, &key_providers);
        let mut target = |kind| {
            let target = self.one(&block.body, kind)?;
            self.target(target, &methods)
        };
        let (state, plan) = (target("state"), target("plan"));
        let remote_states = self.one(&block.body, REMOTE_STATES).and_then(|others| {
            OTHERS.check(&others.body, others.header, &mut self.diags);
            let target = self.one(&others.body, "default")?;
            self.target(target, &methods)
        });
        self.out.encryption =
            Some(Encryption { key_providers, state, plan, remote_states, span: block.header });
    }

    fn key_providers(&mut self, body: &Body) -> Vec<KeyProvider> {
        let mut found: Vec<KeyProvider> = Vec::new();
        for block in shape::blocks(body, "key_provider") {
            let Some([kind, name]) = shape::labels(block, ["type", "name"], &mut self.diags) else {
                continue;
            };
            let known = KeyProviderKind::ALL.into_iter().find(|k| k.name() == kind.text);
            let Some(known) = known else {
                let names = KeyProviderKind::ALL.map(KeyProviderKind::name);
                self.diags.push(unknown("Unsupported key provider", "key provider", kind, &names));
                continue;
            };
            shape::check_name(name, "key provider", &mut self.diags);
            let name = format!("{}.{}", kind.text, name.text);
            if let Some(first) = found.iter().find(|p| p.name == name) {
                let detail = format!("A key provider \"{name}\" was already declared.");
                self.diags.push(shape::duplicate("Duplicate key provider", detail, block.header, first.span));
                continue;
            }
            let body = self.key_provider_body(known, block);
            found.push(KeyProvider { kind: known, name, body, span: block.header });
        }
        found
    }

    fn key_provider_body(&mut self, kind: KeyProviderKind, block: &Block) -> CompiledBody {
        let plan = BlockPlan::of(&kind.arguments());
        let meta = decode::Meta { arguments: &[], blocks: &[] };
        let mut scope = self.scope(Allowed::default());
        let body = decode::decode(&block.body, &plan, &meta, block.header, &mut scope, &mut self.meaning);
        for reference in body.references() {
            let variable = match self.names.symbols.get(reference.slot.0 as usize) {
                Some(Symbol::Variable(place)) => self.out.variables.get(*place as usize),
                _ => None,
            };
            let wrong = match variable {
                Some(variable) if variable.ephemeral => continue,
                Some(variable) => stored_variable(&variable.name),
                None => Diagnostic::error("Dynamic value in static context")
                    .detail("The state is read before anything is evaluated, so what its keys are made of can't refer to anything but variables.")
                    .help("Use an ephemeral variable, given in the environment as PILOTIS_VAR_NAME."),
            };
            self.diags.push(wrong.code(codes::ENCRYPTION).at(reference.span));
        }
        body
    }

    fn methods(&mut self, body: &Body, providers: &[KeyProvider]) -> Vec<Method> {
        let mut methods: Vec<Method> = Vec::new();
        for block in shape::blocks(body, "method") {
            let Some([kind, name]) = shape::labels(block, ["type", "name"], &mut self.diags) else {
                continue;
            };
            let method = match kind.text.as_str() {
                UNENCRYPTED => {
                    NOTHING.check(&block.body, block.header, &mut self.diags);
                    Some(EncryptionMethod::Unencrypted)
                }
                aes if AES.contains(&aes) => {
                    KEYS.check(&block.body, block.header, &mut self.diags);
                    let keys = shape::attribute(&block.body, "keys");
                    let provider = |of: String| providers.iter().position(|p| p.name == of);
                    keys.and_then(|a| self.named(a, "key_provider", provider)).map(EncryptionMethod::Keys)
                }
                _ => {
                    let known = [AES[0], AES[1], UNENCRYPTED];
                    self.diags.push(unknown("Unsupported encryption method", "method", kind, &known));
                    None
                }
            };
            // After a mistake: a reference to it is none.
            let method = method.unwrap_or(EncryptionMethod::Unencrypted);
            methods.push(Method { name: format!("{}.{}", kind.text, name.text), method });
        }
        methods
    }

    /// The block of that kind, of which there may be one.
    fn one<'b>(&mut self, body: &'b Body, kind: &'static str) -> Option<&'b Block> {
        let mut blocks = shape::blocks(body, kind);
        let first = blocks.next()?;
        if let Some(second) = blocks.next() {
            let detail = format!("Only one {kind} block is allowed here.");
            let summary = format!("Duplicate {kind} block");
            self.diags.push(shape::duplicate(&summary, detail, second.header, first.header));
        }
        Some(first)
    }

    fn target(&mut self, block: &Block, methods: &[Method]) -> Option<EncryptionTarget> {
        TARGET.check(&block.body, block.header, &mut self.diags);
        let enforced = shape::flag(&block.body, "enforced", &mut self.diags);
        let mut chain = vec![self.method_of(block, methods)];
        let mut inner = self.one(&block.body, "fallback");
        while let Some(fallback) = inner {
            FALLBACK.check(&fallback.body, fallback.header, &mut self.diags);
            chain.push(self.method_of(fallback, methods));
            inner = self.one(&fallback.body, "fallback");
        }
        let methods: Vec<EncryptionMethod> = chain.into_iter().collect::<Option<_>>()?;
        if enforced && methods.first() == Some(&EncryptionMethod::Unencrypted) {
            self.diags.push(
                Diagnostic::error("Unencrypted method is forbidden")
                    .code(codes::ENCRYPTION)
                    .detail("This block says that encryption is enforced, and its method encrypts nothing.")
                    .at(block.header)
                    .help("Use a method that encrypts, or remove `enforced`."),
            );
        }
        Some(EncryptionTarget { methods, span: block.header })
    }

    fn method_of(&mut self, block: &Block, methods: &[Method]) -> Option<EncryptionMethod> {
        let attribute = shape::attribute(&block.body, "method")?;
        let place = |of: String| methods.iter().position(|m| m.name == of);
        self.named(attribute, "method", place).map(|place| methods[place].method)
    }

    /// What a reference like `key_provider.argon2.main` names.
    fn named(
        &mut self,
        attribute: &Attribute,
        root: &str,
        find: impl Fn(String) -> Option<usize>,
    ) -> Option<usize> {
        let span = attribute.expr.span;
        let Some(name) = reference(attribute, root) else {
            self.diags.push(invalid_reference(
                format!("A reference to a {root} block is needed here: `{root}.TYPE.NAME`."),
                span,
            ));
            return None;
        };
        let found = find(name.clone());
        if found.is_none() {
            self.diags.push(invalid_reference(format!("There is no block {root}.{name}."), span));
        }
        found
    }
}

/// `TYPE.NAME` of a reference that begins with a word.
fn reference(attribute: &Attribute, root: &str) -> Option<String> {
    let traversal = traversal_of(&attribute.expr).filter(|t| t.root.text == root)?;
    match &traversal.steps[..] {
        [TraversalStep::Attribute(kind), TraversalStep::Attribute(name)] => {
            Some(format!("{}.{}", kind.text, name.text))
        }
        _ => None,
    }
}

fn stored_variable(name: &str) -> Diagnostic {
    Diagnostic::error("Key made of a variable that is stored")
        .detail(format!(
            "The value of the variable \"{name}\" would be stored in saved plans: beside what it protects."
        ))
        .help(format!(
            "Declare it with `ephemeral = true`, and give it in the environment as PILOTIS_VAR_{name}."
        ))
}

fn invalid_reference(detail: String, span: Span) -> Diagnostic {
    Diagnostic::error("Invalid reference in encryption").code(codes::ENCRYPTION).detail(detail).at(span)
}

fn unknown(summary: &str, what: &str, label: &Ident, known: &[&str]) -> Diagnostic {
    let detail = format!("There is no {what} \"{}\": there are {}.", label.text, known.join(", "));
    let d = Diagnostic::error(summary).code(codes::ENCRYPTION).detail(detail).at(label.span);
    match did_you_mean(&label.text, known.iter().copied()) {
        Some(best) => d.help(format!("Did you mean \"{best}\"?")),
        None => d,
    }
}

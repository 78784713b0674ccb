//! Instances: `count`, `for_each`, and module calls.

use std::sync::Arc;

use pilotis_config::Repetition;
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_lang::Compiled;
use pilotis_schema::address::{Key, ModulePath, ModuleStep};
use pilotis_value::{Kind, Marks, Type, Value, convert};

use crate::codes;
use crate::graph::{NodeId, NodeKind, ScopeId};
use crate::machine::{InstanceId, Machine, Rep, ScopeInstance};

/// More instances of one block than this are a mistake.
const MAX_INSTANCES: u64 = 10_000_000;

impl Machine {
    /// The one instance of the root module.
    pub(crate) fn begin_root(&mut self) {
        let root = ScopeInstance {
            path: ModulePath::default(),
            prefix: "".into(),
            display: "".into(),
            parent: 0,
            rep: Rep::One,
            protected: false,
        };
        let state = &mut self.scopes[0];
        state.instances.push(root);
        state.by_parent.push(vec![0]);
    }

    /// A module call: its instances in each instance of the calling module.
    pub(crate) fn visit_expand(&mut self, id: NodeId, scope: ScopeId, index: u32) {
        let Some(child) = self.graph.scope(scope).children.get(index as usize).copied() else { return };
        let config = self.config.clone();
        let call = &config.modules[self.graph.scope(scope).module.0 as usize].calls[index as usize];
        for instance in self.instances(scope) {
            let mut here = Vec::new();
            if let Some(cause) = self.blocked(id, instance) {
                self.fail_because(id, instance, cause);
            } else {
                let name = format!("{}module.{}", self.instance(scope, instance).prefix, call.name);
                match self.repeat(&call.repetition, scope, instance, &name) {
                    None => self.fail(id, instance, &name),
                    Some(reps) => {
                        for rep in reps {
                            let number = self.scopes[child.0 as usize].instances.len() as InstanceId;
                            let new = self.child_instance(scope, instance, call, rep);
                            self.scopes[child.0 as usize].instances.push(new);
                            here.push(number);
                        }
                    }
                }
            }
            self.scopes[child.0 as usize].by_parent.push(here);
        }
    }

    fn child_instance(
        &self,
        scope: ScopeId,
        parent: InstanceId,
        call: &pilotis_config::Call,
        rep: Rep,
    ) -> ScopeInstance {
        let above = self.instance(scope, parent);
        let key = match (&call.label, rep.key()) {
            (None, key) => key,
            (Some(label), None) => Some(Key::String(label.clone())),
            (Some(label), Some(Key::String(key))) => Some(Key::String(format!("{label}/{key}"))),
            (Some(label), Some(Key::Int(n))) => Some(Key::String(format!("{label}/{n}"))),
        };
        let display = match &call.label {
            None => {
                let key = key.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{}module.{}{key}.", above.display, call.name)
            }
            Some(label) => {
                let key = rep.key().map(|k| k.to_string()).unwrap_or_default();
                format!("{}{}.{label}{key}.", above.display, call.name)
            }
        };
        let step = ModuleStep { name: call.name.clone(), key };
        let key = step.key.as_ref().map(ToString::to_string).unwrap_or_default();
        let prefix: Arc<str> = format!("{}module.{}{key}.", above.prefix, step.name).into();
        let mut path = above.path.clone();
        path.0.push(step);
        let protected = above.protected || call.prevent_destroy;
        ScopeInstance { path, prefix, display: display.into(), parent, rep, protected }
    }

    /// The instances of a block; none if they can't be told, and the diagnostics say why.
    pub(crate) fn repeat(
        &mut self,
        repetition: &Repetition,
        scope: ScopeId,
        instance: InstanceId,
        name: &str,
    ) -> Option<Vec<Rep>> {
        let (compiled, is_count) = match repetition {
            Repetition::One => return Some(vec![Rep::One]),
            Repetition::Count(compiled) => (compiled, true),
            Repetition::ForEach(compiled) => (compiled, false),
        };
        let mut diags = Diagnostics::new();
        let (value, failed) = self.eval(compiled, &self.frame(scope, instance, &Rep::One), &mut diags);
        let reps = match failed {
            true => None,
            false => {
                let result = if is_count { count(&value) } else { for_each(&value) };
                match result {
                    Ok(reps) => Some(reps),
                    Err(wrong) => {
                        let diagnostic = self.repetition_error(wrong, compiled, is_count, scope, instance);
                        diags.push(diagnostic.address(name));
                        None
                    }
                }
            }
        };
        self.diags.extend(diags);
        reps
    }

    fn repetition_error(
        &self,
        wrong: Wrong,
        compiled: &Compiled,
        is_count: bool,
        scope: ScopeId,
        instance: InstanceId,
    ) -> Diagnostic {
        let (word, summary, code) = match is_count {
            true => ("count", "Invalid count argument", codes::COUNT),
            false => ("for_each", "Invalid for_each argument", codes::FOR_EACH),
        };
        let base = Diagnostic::error(summary).at(compiled.span());
        match wrong {
            Wrong::Value(detail) => base.code(code).detail(detail),
            Wrong::Unknown(which) => {
                let frame = self.frame(scope, instance, &Rep::One);
                let names = self.unknown_names(compiled, &frame);
                let because = match names.as_slice() {
                    [] => String::new(),
                    names => format!(" {} will be known only after apply.", names.join(", ")),
                };
                let detail = format!(
                    "The \"{word}\" value depends on something that is not known before apply, so it can't be told {which}.{because}"
                );
                let help = if is_count {
                    "Let the number come from variables, locals or data that are known when planning."
                } else {
                    "Let the keys be known: `for_each = { web = …, api = … }` with names that you write, and put what is not known in the values."
                };
                let hint = "Or apply in two steps, with `-target` for what it depends on first.";
                base.code(codes::REPETITION_UNKNOWN).detail(detail).help(help).help(hint)
            }
        }
    }

    /// Where the address of an instance's object begins.
    pub(crate) fn address_of(&self, id: NodeId, instance: InstanceId, rep: &Rep) -> Arc<str> {
        use std::fmt::Write as _;
        let block = self.block(id);
        let prefix = &self.instance(self.graph.node(id).scope, instance).prefix;
        let mut text = String::with_capacity(prefix.len() + block.type_name.len() + block.name.len() + 16);
        text.push_str(prefix);
        text.push_str(&crate::graph::block_name(block));
        if let Some(key) = rep.key() {
            write!(text, "{key}").expect("writing to a text can't fail");
        }
        text.into()
    }

    /// The address of an object as a person reads it.
    pub(crate) fn display_of(&self, object: &crate::machine::Object) -> String {
        let Some(id) = object.node else { return display_stored(&object.address) };
        let node = self.graph.node(id);
        let NodeKind::Resource(_) = node.kind else { return object.address.to_string() };
        let of = self.instance(node.scope, object.instance);
        format!("{}{}", of.display, &object.address[of.prefix.len().min(object.address.len())..])
    }
}

/// An address of which the configuration doesn't know what a key means.
fn display_stored(address: &str) -> String {
    address.to_owned()
}

/// Why a value is no `count` or `for_each`.
pub(crate) enum Wrong {
    Value(String),
    /// Not known; what can't be told because of that.
    Unknown(&'static str),
}

fn count(value: &Value) -> Result<Vec<Rep>, Wrong> {
    if value.marks().contains(Marks::EPHEMERAL) {
        return Err(Wrong::Value("A count can't depend on a value that lives for one run only.".into()));
    }
    let (value, _) = value.clone().unmark();
    if !value.is_known() {
        return Err(Wrong::Unknown("how many instances there will be"));
    }
    if value.is_null() {
        return Err(Wrong::Value(
            "The given \"count\" argument value is null. An integer is required.".into(),
        ));
    }
    let wrong =
        |why: String| Wrong::Value(format!("The given \"count\" argument value is unsuitable: {why}."));
    let number = convert::convert(&value, &Type::Number).map_err(|e| wrong(e.to_string()))?;
    match number.as_i64() {
        Some(n) if n < 0 => Err(wrong("must be greater than or equal to zero".into())),
        Some(n) if n as u64 > MAX_INSTANCES => Err(wrong(format!("{n} instances are too many"))),
        Some(n) => Ok((0..n as u64).map(Rep::Count).collect()),
        None => Err(wrong("a whole number is required".into())),
    }
}

pub(crate) fn for_each(value: &Value) -> Result<Vec<Rep>, Wrong> {
    const WANTED: &str = "the \"for_each\" argument must be a map, or set of strings";
    if value.marks_deep().contains(Marks::EPHEMERAL) {
        return Err(Wrong::Value("A for_each can't depend on a value that lives for one run only.".into()));
    }
    let sensitive_keys = matches!(value.kind(), Kind::Set(_)) && value.has_sensitive();
    if value.marks().contains(Marks::SENSITIVE) || sensitive_keys {
        return Err(Wrong::Value(
            "Sensitive values, or values derived from sensitive values, cannot be used as for_each arguments: the keys would be shown as \
             part of addresses. Use nonsensitive(…) on the keys if they may be shown."
                .into(),
        ));
    }
    match value.kind() {
        Kind::Null(_) => {
            Err(Wrong::Value(format!("The given \"for_each\" argument value is null: {WANTED}.")))
        }
        Kind::Unknown(unknown) => match &unknown.ty {
            Type::Map(_) | Type::Object(_) | Type::Dynamic => {
                Err(Wrong::Unknown("which instances there will be"))
            }
            Type::Set(element) if matches!(**element, Type::String | Type::Dynamic) => {
                Err(Wrong::Unknown("which instances there will be"))
            }
            ty => Err(Wrong::Value(unsuitable(ty, WANTED))),
        },
        Kind::Map(entries) | Kind::Object(entries) => {
            Ok(entries.items().iter().map(|(k, v)| Rep::Each(k.clone(), v.clone())).collect())
        }
        Kind::Set(elements) => {
            if elements.items().iter().any(|v| !v.is_known()) {
                return Err(Wrong::Unknown("which keys there will be"));
            }
            let key = |v: &Value| {
                match v.as_str() {
                Some(key) => Ok(Rep::Each(key.into(), v.clone())),
                None if v.is_null() => Err(Wrong::Value(
                    "The given \"for_each\" argument value is unsuitable: a set of keys must not contain null values.".into(),
                )),
                None => Err(Wrong::Value(format!("{} Elements of the set must be strings.", unsuitable(&value.ty(), WANTED)))),
            }
            };
            elements.items().iter().map(key).collect()
        }
        _ => Err(Wrong::Value(format!(
            "{} Use toset([…]) if it is a list of keys.",
            unsuitable(&value.ty(), WANTED)
        ))),
    }
}

fn unsuitable(ty: &Type, wanted: &str) -> String {
    format!(
        "The given \"for_each\" argument value is unsuitable: {wanted}, and you have provided a value of type {}.",
        ty.friendly_name()
    )
}

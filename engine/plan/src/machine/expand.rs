//! Instances: `count`, `for_each`, and module calls.

use std::sync::Arc;

use pilotis_config::Repetition;
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_lang::{Cause, Compiled};
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
            outputs: None,
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
            if self.is_stood_in(scope, instance) {
                self.scopes[child.0 as usize].by_parent.push(here);
                continue;
            }
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
        let outputs = self.overridden_module(&path);
        ScopeInstance { path, prefix, display: display.into(), parent, rep, protected, outputs }
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
                let result = match is_count {
                    true => count(&value).map(|n| (0..n).map(Rep::Count).collect()),
                    false => for_each(&value),
                };
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
        let frame = self.frame(scope, instance, &Rep::One);
        let word = if is_count { "count" } else { "for_each" };
        let summary = format!("Invalid {word} argument");
        match wrong {
            Wrong::Value(mut diagnostic, cause) => {
                diagnostic.values = compiled.values(&[], &frame, &self.surroundings(), cause);
                diagnostic.at(compiled.span())
            }
            Wrong::Unknown(which) => {
                let names = self.unknown_names(compiled, &frame);
                let because = match names.as_slice() {
                    [] => String::new(),
                    names => format!(" {} will be known only after apply.", names.join(", ")),
                };
                let sources = self.unknown_sources(scope, compiled);
                let detail = format!(
                    "The \"{word}\" value depends on something that is not known before apply, so it can't be told {which}.{because}{}",
                    sources.why()
                );
                let help = if is_count {
                    "Let the number come from variables, locals or data that are known when planning."
                } else {
                    "Let the keys be known: `for_each = { web = …, api = … }` with names that you write, and put what is not known in the values."
                };
                let mut d = Diagnostic::error(summary).code(codes::REPETITION_UNKNOWN).at(compiled.span());
                d.values = compiled.values(&[], &frame, &self.surroundings(), Cause::Unknown);
                let d = d.detail(detail).help(help);
                match sources.first_step() {
                    Some(step) => d.help(step),
                    None => d.help("Or apply in two steps, with `-target` for what it depends on first."),
                }
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
    pub(crate) fn display_of(&self, object: &crate::machine::Object) -> Arc<str> {
        // Of a stored address the configuration doesn't know what a key means.
        let Some(id) = object.node else { return object.address.clone() };
        let node = self.graph.node(id);
        let NodeKind::Resource(_) = node.kind else { return object.address.clone() };
        let of = self.instance(node.scope, object.instance);
        if of.display == of.prefix {
            return object.address.clone();
        }
        format!("{}{}", of.display, &object.address[of.prefix.len().min(object.address.len())..]).into()
    }
}

/// Why a `count` or `for_each` gives no instances.
pub(crate) enum Wrong {
    /// It can't be one. Place and values are not in the diagnostic yet.
    Value(Box<Diagnostic>, Cause),
    /// Not known; what can't be told because of that.
    Unknown(&'static str),
}

impl Wrong {
    fn count(detail: impl Into<String>) -> Wrong {
        let diagnostic = Diagnostic::error("Invalid count argument").code(codes::COUNT).detail(detail);
        Wrong::Value(Box::new(diagnostic), Cause::Other)
    }
    fn for_each(detail: impl Into<String>) -> Wrong {
        let diagnostic = Diagnostic::error("Invalid for_each argument").code(codes::FOR_EACH).detail(detail);
        Wrong::Value(Box::new(diagnostic), Cause::Other)
    }
    fn set(why: impl std::fmt::Display) -> Wrong {
        let detail = format!("The given \"for_each\" argument value is unsuitable: {why}.");
        let diagnostic = Diagnostic::error("Invalid for_each set argument").code(codes::FOR_EACH);
        Wrong::Value(Box::new(diagnostic.detail(detail)), Cause::Other)
    }
    /// Because of a mark.
    fn marked(self) -> Wrong {
        match self {
            Wrong::Value(diagnostic, _) => Wrong::Value(diagnostic, Cause::Marked),
            unknown @ Wrong::Unknown(_) => unknown,
        }
    }
}

/// The number of instances that a `count` says.
pub(crate) fn count(value: &Value) -> Result<u64, Wrong> {
    if value.marks().contains(Marks::EPHEMERAL) {
        return Err(Wrong::count("A count can't depend on a value that lives for one run only.").marked());
    }
    let (value, _) = value.clone().unmark();
    if value.is_null() {
        return Err(Wrong::count("The given \"count\" argument value is null. An integer is required."));
    }
    let number = convert::convert(&value, &Type::Number).map_err(|e| {
        let detail = format!("Invalid expression value: {e}.");
        let diagnostic = Diagnostic::error("Incorrect value type").code(codes::COUNT).detail(detail);
        Wrong::Value(Box::new(diagnostic), Cause::Other)
    })?;
    if !number.is_known() {
        return Err(Wrong::Unknown("how many instances there will be"));
    }
    let wrong = |why: &str| Wrong::count(format!("The given \"count\" argument value is unsuitable: {why}."));
    match number.as_i64() {
        Some(n) if n < 0 => Err(wrong("must be greater than or equal to zero")),
        Some(n) if n as u64 > MAX_INSTANCES => Err(wrong(&format!("{n} instances are too many"))),
        Some(n) => Ok(n as u64),
        None => Err(wrong("a whole number is required")),
    }
}

/// The instances that a `for_each` says.
pub(crate) fn for_each(value: &Value) -> Result<Vec<Rep>, Wrong> {
    if value.marks_deep().contains(Marks::EPHEMERAL) {
        let detail = "A for_each can't depend on a value that lives for one run only.";
        return Err(Wrong::for_each(detail).marked());
    }
    let sensitive_keys = matches!(value.kind(), Kind::Set(_)) && value.has_sensitive();
    if value.marks().contains(Marks::SENSITIVE) || sensitive_keys {
        return Err(Wrong::for_each(
            "Sensitive values, or values derived from sensitive values, cannot be used as for_each arguments: the keys would be shown as \
             part of addresses. Use nonsensitive(…) on the keys if they may be shown.",
        )
        .marked());
    }
    match value.kind() {
        Kind::Null(_) => Err(Wrong::for_each(
            "The given \"for_each\" argument value is null. A map, or set of strings is allowed.",
        )),
        Kind::Unknown(unknown) => match &unknown.ty {
            Type::Map(_) | Type::Object(_) | Type::Dynamic => {
                Err(Wrong::Unknown("which instances there will be"))
            }
            Type::Set(element) if matches!(**element, Type::String | Type::Dynamic) => {
                Err(Wrong::Unknown("which instances there will be"))
            }
            Type::Set(element) => Err(wrong_elements(element)),
            ty => Err(unsuitable(ty)),
        },
        Kind::Map(entries) | Kind::Object(entries) => {
            Ok(entries.items().iter().map(|(k, v)| Rep::Each(k.clone(), v.clone())).collect())
        }
        Kind::Set(elements) => {
            if elements.items().iter().any(|v| !v.is_known()) {
                return Err(Wrong::Unknown("which keys there will be"));
            }
            let key = |v: &Value| match v.as_str() {
                Some(key) => Ok(Rep::Each(key.into(), v.clone())),
                None if v.is_null() => Err(Wrong::set("\"for_each\" sets must not contain null values")),
                None => Err(wrong_elements(&v.ty())),
            };
            elements.items().iter().map(key).collect()
        }
        _ => Err(unsuitable(&value.ty())),
    }
}

fn wrong_elements(ty: &Type) -> Wrong {
    let ty = ty.friendly_name();
    Wrong::set(format!(
        "\"for_each\" supports maps and sets of strings, but you have provided a set containing type {ty}"
    ))
}

fn unsuitable(ty: &Type) -> Wrong {
    let wrong = Wrong::for_each(format!(
        "The given \"for_each\" argument value is unsuitable: the \"for_each\" argument must be a map, or set of strings, and you have \
         provided a value of type {}.",
        ty.friendly_name()
    ));
    match (wrong, ty) {
        (Wrong::Value(d, cause), Type::List(_) | Type::Tuple(_)) => {
            Wrong::Value(Box::new(d.help("Use toset([…]) if it is a list of keys.")), cause)
        }
        (wrong, _) => wrong,
    }
}

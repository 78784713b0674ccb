//! Providers with several instances: which there are, and which of them an object goes through.
//!
//! The keys are told before anything else is, from variables and locals alone: the graph has a node for each instance. The key that
//! a block chooses is evaluated for each of its objects. A stored object is looked at through the instance that its block will most
//! likely choose; if it turns out to be another, it is looked at again.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use pilotis_config::{Module, Repetition, RootVariables, Symbol};
use pilotis_diag::{Diagnostic, Diagnostics};
use pilotis_lang::{Compiled, Frame, Slot, Surroundings};
use pilotis_schema::address::{Instance, Key};
use pilotis_value::{Marks, Type, Value};

use crate::graph::{KeyPlace, Keyed, NodeId, ProviderKeys, ScopeId, Through};
use crate::machine::expand::{Wrong, for_each};
use crate::machine::rows::Seen;
use crate::machine::{Cause, InstanceId, Machine, ObjectId, Pending, Rep};
use crate::{Failure, Inputs, PlanMode, ProviderId, Request, codes};

/// The keys of all providers with `for_each`.
pub(crate) fn provider_keys(inputs: &Inputs, diags: &mut Diagnostics) -> ProviderKeys {
    let root = &inputs.configuration.modules[0];
    let mut keys = ProviderKeys::default();
    if root.providers.iter().all(|p| p.for_each.is_none()) {
        return keys;
    }
    let surroundings =
        Surroundings { files: &*inputs.files, plan_time_ms: inputs.started.0, apply_time_ms: None };
    let early = Early {
        root,
        variables: &inputs.variables,
        cwd: &inputs.options.cwd,
        workspace: &inputs.options.workspace,
        surroundings,
        rep: &Rep::One,
        locals: RefCell::default(),
    };
    for (block, provider) in (0_u32..).zip(&root.providers) {
        let Some(compiled) = &provider.for_each else { continue };
        let mut own = Diagnostics::new();
        let value = compiled.eval(&early, &early.surroundings, &mut own);
        let failed = own.has_errors();
        diags.extend(own);
        let reps = match for_each(&value) {
            _ if failed => Vec::new(),
            Ok(reps) => reps,
            Err(wrong) => {
                let detail = match wrong {
                    Wrong::Value(diagnostic, _) => diagnostic.detail,
                    Wrong::Unknown(which) => format!(
                        "The instances of a provider must be known before any object is looked at, and it can't be told {which}."
                    ),
                };
                diags.push(
                    Diagnostic::error("Invalid provider for_each argument")
                        .code(codes::PROVIDER_KEY)
                        .at(compiled.span())
                        .address(format!("provider.{}", provider.reference))
                        .detail(detail)
                        .help("Let the keys come from variables, locals and functions."),
                );
                Vec::new()
            }
        };
        let entry = |rep| match rep {
            Rep::Each(key, value) => Some((key.to_string(), value)),
            _ => None,
        };
        keys.insert(block, reps.into_iter().filter_map(entry).collect());
    }
    keys
}

/// What the root module knows before anything is visited: variables, and what follows from them alone.
struct Early<'a> {
    root: &'a Module,
    variables: &'a RootVariables,
    cwd: &'a str,
    workspace: &'a str,
    surroundings: Surroundings<'a>,
    rep: &'a Rep,
    /// None while one is being evaluated: a circle, which the graph reports.
    locals: RefCell<HashMap<u32, Option<Value>>>,
}

impl Early<'_> {
    fn local(&self, index: u32) -> Value {
        let unknown = || Value::unknown(Type::Dynamic);
        if let Some(found) = self.locals.borrow().get(&index) {
            return found.clone().unwrap_or_else(unknown);
        }
        self.locals.borrow_mut().insert(index, None);
        // Its mistakes are said when it is visited.
        let mut diags = Diagnostics::new();
        let local = &self.root.locals[index as usize].value;
        let value = local.eval(self, &self.surroundings, &mut diags);
        let value = if diags.has_errors() { unknown() } else { value };
        self.locals.borrow_mut().insert(index, Some(value.clone()));
        value
    }
}

impl Frame for Early<'_> {
    fn get(&self, slot: Slot) -> Value {
        let unknown = || Value::unknown(Type::Dynamic);
        match (self.root.symbols.get(slot.0 as usize), self.rep) {
            (Some(Symbol::Variable(i)), _) => {
                self.variables.get(&self.root.variables[*i as usize].name).cloned().unwrap_or_else(unknown)
            }
            (Some(Symbol::Local(i)), _) => self.local(*i),
            (Some(Symbol::CountIndex), Rep::Count(n)) => Value::number(i64::try_from(*n).unwrap_or(i64::MAX)),
            (Some(Symbol::EachKey), Rep::Each(key, _)) => Value::string(key),
            (Some(Symbol::EachValue), Rep::Each(_, value)) => value.clone(),
            (Some(Symbol::PathModule | Symbol::PathRoot), _) => Value::string(&self.root.dir),
            (Some(Symbol::PathCwd), _) => Value::string(self.cwd),
            (Some(Symbol::Workspace), _) => Value::string(self.workspace),
            _ => unknown(),
        }
    }
}

/// The key as a text, or why it is none.
fn key_text(value: &Value) -> Result<String, &'static str> {
    let marks = value.marks();
    if marks.contains(Marks::EPHEMERAL) {
        return Err("it lives for one run only, and the state remembers which instance made an object");
    }
    if marks.contains(Marks::SENSITIVE) {
        return Err("it is sensitive, and keys of providers are shown and stored");
    }
    if !value.is_known() {
        return Err(
            "it will be known only after apply, and a plan must know which instance an object goes through",
        );
    }
    if value.is_null() {
        return Err("it is null");
    }
    match pilotis_value::convert::convert(value, &Type::String) {
        Ok(text) => text.as_str().map(str::to_owned).ok_or("a text is required"),
        Err(_) => Err("a text is required"),
    }
}

impl Machine {
    fn key_expression(&self, place: KeyPlace) -> Option<&Compiled> {
        let root = &self.config.modules[0];
        match place {
            KeyPlace::Resource(i) => root.resources[i as usize].provider_key.as_ref(),
            KeyPlace::Call { call, pair } => root.calls[call as usize].providers[pair].key.as_ref(),
        }
    }

    /// What repeats where the key is written: the block itself, or the call at the top that the instance of a module lies under.
    fn rep_at_key(&self, place: KeyPlace, scope: ScopeId, instance: InstanceId, own: &Rep) -> Rep {
        if matches!(place, KeyPlace::Resource(_)) {
            return own.clone();
        }
        let (mut scope, mut instance) = (scope, instance);
        while let Some((above, _)) = self.graph.scope(scope).parent {
            let here = self.instance(scope, instance);
            if above == ScopeId(0) {
                return here.rep.clone();
            }
            (scope, instance) = (above, here.parent);
        }
        Rep::One
    }

    /// The provider of an object; none, with a diagnostic, if its key can't be told or means nothing.
    pub(crate) fn choose_provider(&mut self, id: NodeId, instance: InstanceId, rep: &Rep) -> Option<u32> {
        let keyed = match self.graph.through(id) {
            Through::One(provider) => return Some(*provider),
            Through::Keyed(keyed) => keyed.clone(),
        };
        let compiled = self.key_expression(keyed.place)?.clone();
        let rep = self.rep_at_key(keyed.place, self.graph.node(id).scope, instance, rep);
        let mut diags = Diagnostics::new();
        let (value, failed) = self.eval(&compiled, &self.frame(ScopeId(0), 0, &rep), &mut diags);
        self.diags.extend(diags);
        if failed {
            return None;
        }
        let wrong = match key_text(&value) {
            Ok(key) => match keyed.instances.get(&key) {
                Some(found) => return Some(*found),
                None => self.no_such_instance(&keyed, &key),
            },
            Err(why) => Diagnostic::error("Invalid provider instance key")
                .code(codes::PROVIDER_KEY)
                .detail(format!("The key of an instance of {} can't be used: {why}.", keyed.config)),
        };
        let wrong = wrong.at(compiled.span());
        // A key beside a module is the same for all blocks in it.
        let again = |d: &Diagnostic| d.primary == wrong.primary && d.detail == wrong.detail;
        if !self.diags.iter().any(again) {
            self.diagnose(wrong);
        }
        None
    }

    fn no_such_instance(&self, keyed: &Keyed, key: &str) -> Diagnostic {
        let known: Vec<String> = keyed.instances.keys().map(|k| format!("{k:?}")).collect();
        let known = match known.as_slice() {
            [] => "it has none".to_owned(),
            known => format!("it has {}", known.join(", ")),
        };
        Diagnostic::error("Invalid provider instance key")
            .code(codes::PROVIDER_KEY)
            .detail(format!("{} has no instance {key:?}: {known}.", keyed.config))
            .help("Add the key to the provider's for_each, or take what asks for it out.")
    }

    /// The provider through which a stored object is looked at.
    pub(crate) fn provider_to_look(&self, row: u32, id: NodeId, instance: &Instance) -> Option<u32> {
        match self.graph.through(id) {
            Through::One(provider) => Some(*provider),
            Through::Keyed(keyed) => self.foreseen(keyed, instance).or_else(|| self.provider_of_row(row)),
        }
    }

    /// The instance that a block will choose for an address, as far as that can be told early.
    fn foreseen(&self, keyed: &Keyed, instance: &Instance) -> Option<u32> {
        let root = &self.config.modules[0];
        let (repetition, key) = match keyed.place {
            KeyPlace::Resource(i) => (&root.resources[i as usize].repetition, instance.key.clone()),
            KeyPlace::Call { call, .. } => {
                let call = &root.calls[call as usize];
                let key = instance.resource.module.0.first()?.key.clone();
                (&call.repetition, without_label(key, call.label.as_deref()))
            }
        };
        let early = |rep| Early {
            root,
            variables: &self.variables,
            cwd: &self.options.cwd,
            workspace: &self.options.workspace,
            surroundings: self.surroundings(),
            rep,
            locals: RefCell::default(),
        };
        let mut diags = Diagnostics::new();
        let rep = match (repetition, key) {
            (Repetition::One, None) => Rep::One,
            (Repetition::Count(_), Some(Key::Int(n))) => Rep::Count(n),
            (Repetition::ForEach(all), Some(Key::String(key))) => {
                let frame = early(&Rep::One);
                let all = all.eval(&frame, &frame.surroundings, &mut diags);
                let value = all.get(&key).cloned().unwrap_or_else(|| Value::unknown(Type::Dynamic));
                Rep::Each(key.into(), value)
            }
            _ => return None,
        };
        let frame = early(&rep);
        let key = self.key_expression(keyed.place)?.eval(&frame, &frame.surroundings, &mut diags);
        keyed.instances.get(&key_text(&key).ok()?).copied()
    }

    /// The failure of an object's own instance of a provider. (Of a provider without instances the block knows by itself.)
    pub(crate) fn provider_failure(&self, object: ObjectId) -> Option<Cause> {
        let of = &self.objects[object as usize];
        if !matches!(self.graph.through(of.node?), Through::Keyed(_)) {
            return None;
        }
        let failed = self.failures.get(&self.graph.provider_node(of.provider))?;
        failed.first().map(|(_, cause)| cause.clone())
    }

    /// Asks again for stored objects that go through another instance than they were looked at through; how many.
    pub(crate) fn look_again(&mut self, id: NodeId) -> usize {
        if !self.graph.is_keyed(id) || !self.options.refresh {
            return 0;
        }
        let objects: Vec<ObjectId> = self.nodes[id.0 as usize].objects.iter().flatten().copied().collect();
        let mut by_provider: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for object in objects {
            let of = &self.objects[object as usize];
            let provider = of.provider;
            let Some(row) = of.row else { continue };
            self.made_elsewhere(id, row, provider);
            let of = &self.objects[object as usize];
            if self.rows.get(row).provider != Some(of.provider) && self.rows.get(row).included {
                by_provider.entry(of.provider).or_default().push(row);
            }
        }
        let mut asked = 0;
        for (provider, rows) in by_provider {
            if !self.providers[provider as usize].is_connected() || self.options.mode == PlanMode::Destroy {
                continue;
            }
            for row in &rows {
                self.unsee(*row);
                self.rows.get_mut(*row).provider = Some(provider);
            }
            self.ask_again(id, provider, rows);
            asked += 1;
        }
        *self.block_waits.entry(id).or_default() += asked;
        asked
    }

    /// Asks for stored objects that a block waits for.
    pub(crate) fn ask_again(&mut self, id: NodeId, provider: u32, rows: Vec<u32>) {
        let objects = rows
            .iter()
            .filter_map(|r| Some((self.rows.get(*r).record.type_name.clone(), self.recorded(*r)?)))
            .collect();
        self.ask(Pending::LookAgain(id, rows), Request::Read { provider: ProviderId(provider), objects });
    }

    /// Says so if the instance that made an object is there still, and its block now chooses another.
    fn made_elsewhere(&mut self, id: NodeId, row: u32, provider: u32) {
        let Some(maker) = self.provider_of_row(row) else { return };
        let (old, new) = (&self.graph.providers[maker as usize], &self.graph.providers[provider as usize]);
        if maker == provider || old.block != new.block {
            return;
        }
        let address = self.rows.get(row).record.key.address.clone();
        let detail = format!(
            "It was made with {}, and its block now chooses {}: it is looked for there. What the first one made is left as it is.",
            old.reference, new.reference
        );
        self.diagnose(
            Diagnostic::warning("Object of another provider instance")
                .code(codes::PROVIDER_CHANGED)
                .at(self.block(id).span)
                .address(&*address)
                .detail(detail)
                .help("If the two are not the same service, choose the first one again, remove the object, and then change over."),
        );
    }

    /// What was seen of a row was somebody else's object.
    fn unsee(&mut self, row: u32) {
        let key = self.rows.get(row).record.key.clone();
        let of = self.rows.get_mut(row);
        (of.seen, of.missed) = (Seen::NotLooked, false);
        self.unseen.retain(|(of, _)| *of != key);
        self.drift.retain(|d| d.display != *key.address);
    }

    pub(crate) fn looked_again(
        &mut self,
        id: NodeId,
        rows: Vec<u32>,
        results: Vec<Result<Option<Value>, Failure>>,
    ) {
        self.rows_told(rows, results);
        self.look_again_later(id);
        self.block_answered(id);
    }

    /// A block got one of the answers that it waits for; at the last one it is planned.
    pub(crate) fn block_answered(&mut self, id: NodeId) {
        let open = self.block_waits.entry(id).or_default();
        *open -= 1;
        if *open == 0 {
            self.plan_block(id);
        }
    }
}

/// The key of a call's instance out of that of a blueprint's block, which begins with its label.
fn without_label(key: Option<Key>, label: Option<&str>) -> Option<Key> {
    let Some(label) = label else { return key };
    let Some(Key::String(key)) = key else { return None };
    let rest = key.strip_prefix(label)?.strip_prefix('/')?;
    Some(rest.parse().map_or_else(|_| Key::String(rest.to_owned()), Key::Int))
}

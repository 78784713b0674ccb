//! Objects that are made up: those of mocked providers, and those that a test overrides. What would be asked for them is answered here.

use std::sync::Arc;
use std::time::Duration;

use pilotis_config::{Mock, OverriddenObject};
use pilotis_schema::address::{Instance, Mode, ModulePath};
use pilotis_value::{Marks, Type, Value};

use crate::graph::ScopeId;
use crate::machine::{InstanceId, Machine, ObjectId, Pending};
use crate::made_up::{Blanks, complete, known_from};
use crate::record::ObjectType;
use crate::{Answer, Connected, Created, Failure, Listing, PlanAction, ProviderId, Request};

/// Effects on what is made up that may be in flight: they take no time.
const PLACES: usize = 256;

/// How an object is made up.
pub(crate) struct MadeUp {
    /// Attributes that are given.
    given: Value,
    /// They are known when planning already.
    during_plan: bool,
}

impl Machine {
    /// How an object is made up; none if it is a real one.
    pub(crate) fn made_up(&self, object: ObjectId) -> Option<MadeUp> {
        if self.options.overrides.is_empty() {
            return None;
        }
        let of = &self.objects[object as usize];
        let instance = self.instance_of(of);
        if let Some(found) = self.overridden(&instance) {
            return Some(MadeUp { given: found.values.clone(), during_plan: found.during_plan });
        }
        let mock = self.mock(of.provider)?;
        let (mode, type_name) = (instance.resource.mode, &instance.resource.type_name);
        let ty = mock.types.iter().find(|t| t.mode == mode && t.type_name == *type_name);
        Some(match ty {
            Some(ty) => MadeUp { given: ty.defaults.clone(), during_plan: ty.during_plan },
            None => MadeUp {
                given: Value::object(Default::default()),
                during_plan: mock.during_plan && mode == Mode::Managed,
            },
        })
    }

    fn overridden(&self, instance: &Instance) -> Option<&OverriddenObject> {
        self.options.overrides.objects.iter().find(|o| o.target.contains(instance))
    }

    /// True for an object that a test overrides, whatever its provider is.
    pub(crate) fn is_overridden(&self, object: ObjectId) -> bool {
        !self.options.overrides.objects.is_empty()
            && self.overridden(&self.instance_of(&self.objects[object as usize])).is_some()
    }

    /// True for a stored object that a test overrides: nobody is asked what became of it.
    pub(crate) fn is_row_overridden(&self, row: u32) -> bool {
        if self.options.overrides.objects.is_empty() {
            return false;
        }
        let address = self.rows.get(row).record.key.address.parse::<Instance>();
        address.is_ok_and(|instance| self.overridden(&instance).is_some())
    }

    /// The mock that stands in for a provider.
    fn mock(&self, provider: u32) -> Option<&Mock> {
        let mocks = &self.options.overrides.mocks;
        let used = self.graph.providers.get(provider as usize)?;
        (!mocks.is_empty()).then(|| mocks.get(&used.reference.config())).flatten()
    }

    /// The outputs that a test gives for an instance of a module, which then isn't run.
    pub(crate) fn overridden_module(&self, path: &ModulePath) -> Option<Value> {
        let fits = |given: &ModulePath| {
            given.0.len() == path.0.len()
                && given
                    .0
                    .iter()
                    .zip(&path.0)
                    .all(|(g, p)| g.name == p.name && (g.key.is_none() || g.key == p.key))
        };
        let found = self.options.overrides.modules.iter().find(|m| fits(&m.path));
        found.map(|m| m.outputs.clone())
    }

    /// True if a test gives the outputs of an instance of a module.
    pub(crate) fn is_stood_in(&self, scope: ScopeId, instance: InstanceId) -> bool {
        self.instance(scope, instance).outputs.is_some()
    }

    /// The outputs of an instance of a module that isn't run; those that the test doesn't give are null.
    pub(crate) fn given_outputs(&self, scope: ScopeId, given: &Value) -> Value {
        let output = |output: &pilotis_config::Output| {
            let value = given.get(&output.name).cloned().unwrap_or_else(|| Value::null(Type::Dynamic));
            let marks = if output.sensitive { Marks::SENSITIVE } else { Marks::empty() };
            (output.name.as_str().into(), value.with_marks(marks))
        };
        Value::object(self.module(scope).outputs.iter().map(output).collect())
    }

    /// What is planned for an object, with what is known of it because it is made up.
    pub(crate) fn plan_made_up(
        &mut self,
        object: ObjectId,
        before: Option<&Value>,
        config: &Value,
        planned: Value,
    ) -> Value {
        let Some(made_up) = self.made_up(object) else { return planned };
        // Nobody decides anew what was decided.
        let planned = before.map_or(planned.clone(), |before| known_from(&planned, before));
        if !made_up.during_plan {
            return planned;
        }
        let ty = self.objects[object as usize].ty.clone();
        let blanks = Blanks { given: Some(&made_up.given), config: Some(config), nulls: false };
        self.fill_in(&ty, &planned, &blanks)
    }

    /// The final value of an object, which must be what was planned where that was known.
    pub(crate) fn finish_made_up(&self, object: ObjectId, value: Value) -> Value {
        let of = &self.objects[object as usize];
        if self.made_up(object).is_none() {
            return value;
        }
        let value = if of.action == PlanAction::Update { known_from(&value, &of.before) } else { value };
        known_from(&value, &of.after)
    }

    fn fill_in(&mut self, ty: &Arc<ObjectType>, value: &Value, blanks: &Blanks<'_>) -> Value {
        complete(&ty.schema.block, value, blanks, &mut || self.made_up_text())
    }

    /// Eight letters and digits, unlike all others of this run.
    fn made_up_text(&mut self) -> String {
        const CHARS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        self.fresh_id().iter().take(8).map(|b| char::from(CHARS[usize::from(*b) % CHARS.len()])).collect()
    }

    /// What would come back for something that is made up; none if somebody must be asked.
    pub(crate) fn answer_made_up(&mut self, pending: &Pending, request: &Request) -> Option<Answer> {
        if self.options.overrides.is_empty() {
            return None;
        }
        match request {
            Request::Connect { provider, .. } => {
                self.mock(provider.0)?;
                let (host, lag) = (String::new(), Duration::ZERO);
                Some(Answer::Connected(Ok(Connected { host, parallelism: PLACES, lag })))
            }
            Request::List { provider, wanted, .. } => {
                self.mock(provider.0)?;
                let listing = |objects: &Vec<Value>| Ok(Listing { objects: objects.clone(), complete: true });
                Some(Answer::Listed(wanted.iter().map(listing).collect()))
            }
            Request::Read { provider, objects } => {
                self.mock(provider.0)?;
                Some(Answer::Read(objects.iter().map(|(_, prior)| Ok(Some(prior.clone()))).collect()))
            }
            Request::ReadData { sources, .. } => self.read_made_up(pending, sources),
            Request::Create { planned, .. } => {
                let object = self.object_of(pending)?;
                let made = self.make_up(object, planned, false)?;
                Some(Answer::Created(Ok(Created { object: made, error: None })))
            }
            Request::Update { prior, planned, .. } => {
                let object = self.object_of(pending)?;
                let made = self.make_up(object, &known_from(planned, prior), false)?;
                Some(Answer::Updated(Ok(made)))
            }
            Request::Delete { .. } => {
                let object = self.object_of(pending)?;
                self.made_up(object).map(|_| Answer::Deleted(Ok(())))
            }
            Request::Open { config, .. } => {
                let object = self.object_of(pending)?;
                let made = self.make_up(object, config, true)?;
                Some(Answer::Opened(Ok(Some(made))))
            }
            Request::Close { provider, .. } => {
                self.mock(provider.0)?;
                Some(Answer::Closed(Ok(())))
            }
            Request::Import { .. } => {
                let object = self.object_of(pending)?;
                self.made_up(object).map(|_| Answer::Imported(Err(not_there())))
            }
            Request::Find { .. } | Request::Wait { .. } | Request::Commit(_) | Request::Run { .. } => None,
        }
    }

    fn object_of(&self, pending: &Pending) -> Option<ObjectId> {
        match pending {
            Pending::Effect(effect) => {
                self.applying.as_ref()?.effects.get(*effect as usize).map(super::effects::Effect::object)
            }
            Pending::Import(_, object)
            | Pending::Open(_, object)
            | Pending::OpenNow(_, object)
            | Pending::ReadNow(_, object) => Some(*object),
            _ => None,
        }
    }

    fn make_up(&mut self, object: ObjectId, value: &Value, nulls: bool) -> Option<Value> {
        let made_up = self.made_up(object)?;
        let ty = self.objects[object as usize].ty.clone();
        let blanks = Blanks { given: Some(&made_up.given), config: None, nulls };
        Some(self.fill_in(&ty, &value.clone().unmark_deep().0, &blanks))
    }

    /// Data sources are asked for together only if all of them are made up, or none.
    fn read_made_up(&mut self, pending: &Pending, sources: &[(Arc<str>, Value)]) -> Option<Answer> {
        let objects: Vec<ObjectId> = match pending {
            Pending::Data(askers) => askers.iter().filter_map(|a| a.first().copied()).collect(),
            Pending::ReadNow(_, object) => vec![*object],
            _ => return None,
        };
        let mut results = Vec::new();
        for (object, (_, config)) in objects.iter().zip(sources) {
            // What was said while planning stays.
            let planned = self.objects[*object as usize].after.clone();
            let made = self.make_up(*object, config, true)?;
            let kept = match self.made_up(*object) {
                Some(made_up) if made_up.during_plan => with_known(&made, &planned),
                _ => made,
            };
            results.push(Ok(kept));
        }
        Some(Answer::Data(results))
    }

    /// The values of a data source that are known while planning, though it is read later.
    pub(crate) fn foretell_data(&mut self, object: ObjectId, config: &Value) {
        let Some(made_up) = self.made_up(object).filter(|m| m.during_plan) else { return };
        let ty = self.objects[object as usize].ty.clone();
        let planned = self.objects[object as usize].after.clone();
        let blanks = Blanks { given: Some(&made_up.given), config: Some(config), nulls: false };
        let value = self.fill_in(&ty, &planned, &blanks);
        self.objects[object as usize].after = value;
    }

    /// A request for one data source alone.
    pub(crate) fn ask_overridden(&mut self, object: ObjectId, config: Value) {
        let of = &self.objects[object as usize];
        let (provider, node) = (ProviderId(of.provider), of.node.expect("data sources have a block"));
        let sources = vec![(self.block(node).type_name.as_str().into(), config)];
        self.ask(Pending::Data(vec![vec![object]]), Request::ReadData { provider, sources });
    }
}

/// An object with the attributes that are known of it already.
fn with_known(made: &Value, planned: &Value) -> Value {
    let (Some(made), Some(planned)) = (made.as_entries(), planned.as_entries()) else { return made.clone() };
    let entry = |(name, value): (&ecow::EcoString, &Value)| {
        let known = planned.get(name).filter(|v| v.is_wholly_known());
        (name.clone(), known.unwrap_or(value).clone().unmark_deep().0)
    };
    Value::object(made.iter().map(entry).collect())
}

fn not_there() -> Failure {
    Failure::new("A mocked object can't be imported").detail(
        "What is mocked or overridden is made up: there is nothing that could be taken over. Test imports with the provider itself, or with the sandbox.",
    )
}

//! Data sources: read while planning if everything that they need is there already, else during apply.

use std::collections::HashMap;
use std::sync::Arc;

use pilotis_schema::address::Mode;
use pilotis_value::Value;

use crate::graph::NodeId;
use crate::machine::provider::service_error;
use crate::machine::{Machine, ObjectId, Pending};
use crate::propose::propose;
use crate::{Failure, PlanAction, PlanMode, ProviderId, Reason, Request};

impl Machine {
    pub(crate) fn visit_data(&mut self, id: NodeId) {
        self.make_objects(id, Mode::Data);
        let pending = self.needs_pending(id);
        let objects: Vec<ObjectId> = self.nodes[id.0 as usize].objects.iter().flatten().copied().collect();
        let mut waiting = 0;
        for object in objects {
            if let Some(cause) = self.provider_failure(object) {
                self.leave_for(id, self.objects[object as usize].instance, object, cause);
                continue;
            }
            let Some(config) = self.object_config(id, object) else {
                self.data_failed(id, object);
                continue;
            };
            let ty = self.objects[object as usize].ty.clone();
            let of = &mut self.objects[object as usize];
            of.after = ty.mark_secrets(propose(&ty.schema, None, &config).value);
            self.foretell_data(object, &config);
            let reason = match pending {
                _ if !config.is_wholly_known() => Some(Reason::ConfigUnknown),
                true => Some(Reason::DependencyPending),
                false => None,
            };
            let provider = &self.providers[self.objects[object as usize].provider as usize];
            let reachable = provider.is_connected() || self.is_overridden(object);
            let reason = reason.or((!reachable).then_some(Reason::DependencyPending));
            if let Some(reason) = reason {
                let of = &mut self.objects[object as usize];
                of.action = PlanAction::Read;
                of.reason = Some(reason);
                continue;
            }
            self.data_configs.insert(object, config);
            self.data_queue.insert(object);
            waiting += 1;
        }
        if waiting == 0 {
            return self.data_done(id);
        }
        self.data_waiting.insert(id, waiting);
    }

    /// Something that a data source needs is still to be made, or anything of what it names in `depends_on` is still to be done.
    pub(crate) fn needs_pending(&self, id: NodeId) -> bool {
        if self.options.mode != PlanMode::Normal {
            return false;
        }
        self.graph.direct_resources(id).into_iter().any(|(need, explicit)| {
            if explicit && self.is_ephemeral(need) {
                // One that is still to be opened.
                return !self.nodes[need.0 as usize].values.iter().all(Value::is_wholly_known);
            }
            let objects = self.nodes[need.0 as usize].objects.iter().flatten();
            objects.map(|o| self.objects[*o as usize].action).any(|action| match action {
                PlanAction::Create | PlanAction::DeleteThenCreate | PlanAction::CreateThenDelete => true,
                PlanAction::NoOp => false,
                _ => explicit,
            })
        })
    }

    /// Asks for all data sources that wait, equal ones once.
    pub(crate) fn ask_data(&mut self) {
        let mut by_provider: HashMap<u32, Vec<ObjectId>> = HashMap::new();
        for object in std::mem::take(&mut self.data_queue) {
            if self.is_overridden(object) {
                let config = self.data_configs.remove(&object).expect("it waits with its arguments");
                self.ask_overridden(object, config);
                continue;
            }
            by_provider.entry(self.objects[object as usize].provider).or_default().push(object);
        }
        let mut providers: Vec<_> = by_provider.into_iter().collect();
        providers.sort_unstable_by_key(|(provider, _)| *provider);
        for (provider, objects) in providers {
            let mut sources: Vec<(Arc<str>, Value)> = Vec::new();
            let mut askers: Vec<Vec<ObjectId>> = Vec::new();
            let mut known: HashMap<(String, pilotis_value::Digest), usize> = HashMap::new();
            for object in objects {
                let Some(config) = self.data_configs.remove(&object) else { continue };
                let node = self.objects[object as usize].node.expect("data sources have a block");
                let type_name = self.block(node).type_name.clone();
                let place = *known.entry((type_name.clone(), config.digest())).or_insert(sources.len());
                if place == sources.len() {
                    sources.push((type_name.as_str().into(), config));
                    askers.push(Vec::new());
                }
                askers[place].push(object);
            }
            self.ask(Pending::Data(askers), Request::ReadData { provider: ProviderId(provider), sources });
        }
    }

    pub(crate) fn data_read(&mut self, objects: Vec<Vec<ObjectId>>, results: Vec<Result<Value, Failure>>) {
        let mut results = results.into_iter();
        for askers in objects {
            let result = results.next().unwrap_or_else(|| Err(Failure::new("The provider gave no answer")));
            let ty = askers.first().map(|o| self.objects[*o as usize].ty.clone());
            let result = result.and_then(|value| match ty.and_then(|ty| ty.misfit(&value)) {
                None => Ok(value),
                Some(why) => Err(Failure::new("Provider produced an inconsistent result").detail(format!(
                    "What it read doesn't fit its own schema: {why}. This is a defect of the provider."
                ))),
            });
            for object in askers {
                let id = self.objects[object as usize].node.expect("data sources have a block");
                match &result {
                    Ok(value) => {
                        let of = &mut self.objects[object as usize];
                        let marks = of.after.sensitive_paths();
                        of.after = of.ty.mark_secrets(value.clone()).mark_sensitive(&marks);
                        if !self.check_after(id, object) {
                            self.data_failed(id, object);
                        }
                    }
                    Err(failure) if self.check_read_failed(id, object, failure) => {}
                    Err(failure) => {
                        let address = self.objects[object as usize].address.clone();
                        let span = self.block(id).span;
                        self.diagnose(service_error(failure).address(&*address).at(span));
                        self.data_failed(id, object);
                    }
                }
                let waiting = self.data_waiting.get_mut(&id).expect("it waits for its data");
                *waiting -= 1;
                if *waiting == 0 {
                    self.data_waiting.remove(&id);
                    self.data_done(id);
                }
            }
        }
    }

    fn data_failed(&mut self, id: NodeId, object: ObjectId) {
        let of = &mut self.objects[object as usize];
        of.skipped = true;
        of.after = Value::unknown(of.ty.ty.clone());
        let (instance, address) = (of.instance, of.address.clone());
        self.fail(id, instance, &address);
    }

    fn data_done(&mut self, id: NodeId) {
        let scope = self.graph.node(id).scope;
        for instance in self.instances(scope) {
            let value = self.resource_value(id, instance);
            self.nodes[id.0 as usize].values.push(value);
        }
        self.complete(id);
    }
}

//! What could not be asked when planning: data sources and providers that needed values of an apply.

use pilotis_diag::Diagnostic;
use pilotis_value::Value;

use crate::graph::NodeKind;
use crate::machine::provider::{Link, service_error};
use crate::machine::schedule::UnitId;
use crate::machine::{Machine, ObjectId, Pending};
use crate::{Connected, Failure, ObjectResult, ProviderId, Request, codes};

impl Machine {
    /// A data source whose turn has come during apply.
    pub(crate) fn read_now(&mut self, unit: UnitId, object: ObjectId) {
        let Some(id) = self.objects[object as usize].node else { return self.unit_done(unit) };
        let Some(config) = self.object_config(id, object) else {
            let why = "its configuration has errors".to_owned();
            return self.give_up(unit, object, ObjectResult::Failed(why));
        };
        let of = &self.objects[object as usize];
        let wrong = match () {
            () if !config.is_wholly_known() => "its arguments are still not known",
            () if !self.providers[of.provider as usize].is_connected() => "its provider is not connected",
            () => "",
        };
        if !wrong.is_empty() {
            return self.give_up(unit, object, ObjectResult::Failed(wrong.into()));
        }
        let provider = ProviderId(of.provider);
        let sources = vec![(self.block(id).type_name.as_str().into(), config)];
        self.ask(Pending::ReadNow(unit, object), Request::ReadData { provider, sources });
    }

    pub(crate) fn data_read_now(&mut self, unit: UnitId, object: ObjectId, result: Result<Value, Failure>) {
        let id = self.objects[object as usize].node.expect("data sources have a block");
        if let Some(check) = self.check_around(id) {
            self.unread_checks.remove(&(check, self.objects[object as usize].instance));
        }
        match result {
            Ok(value) => {
                let of = &mut self.objects[object as usize];
                let marks = of.after.sensitive_paths();
                of.after = of.ty.mark_secrets(value).mark_sensitive(&marks);
                let holds = self.check_after(id, object);
                let bad = ObjectResult::Failed("a postcondition does not hold".into());
                self.give_up(unit, object, if holds { ObjectResult::Done } else { bad });
            }
            Err(failure) if self.check_read_failed(id, object, &failure) => {
                self.give_up(unit, object, ObjectResult::Done);
            }
            Err(failure) => {
                let address = self.objects[object as usize].address.clone();
                let span = self.block(id).span;
                self.diagnose(service_error(&failure).address(&*address).at(span));
                self.give_up(unit, object, ObjectResult::Failed(failure.to_string()));
            }
        }
    }

    /// A provider whose configuration was not known when planning.
    pub(crate) fn connect_now(&mut self, unit: UnitId, index: u32) {
        let id = self.graph.provider_node(index);
        debug_assert!(matches!(self.graph.node(id).kind, NodeKind::Provider(_)));
        // One that was connected with something ephemeral is connected anew: that was closed when the plan was made.
        if self.providers[index as usize].is_connected() && !self.applying().revived.contains(&id) {
            return self.unit_done(unit);
        }
        self.providers[index as usize].link = Link::Waiting;
        if let Some(cause) = self.blocked(id, 0) {
            self.fail_because(id, 0, cause);
            return self.unit_done(unit);
        }
        let config = self.provider_config(index).filter(Value::is_wholly_known);
        let Some(config) = config else {
            let name = crate::graph::describe(&self.graph, &self.config, id);
            self.diagnose(
                Diagnostic::error("Provider can't be configured")
                    .code(codes::PROVIDER)
                    .detail(format!("The configuration of {name} is still not known.")),
            );
            self.fail(id, 0, &name);
            return self.unit_done(unit);
        };
        let name = self.graph.providers[index as usize].reference.name.clone();
        self.ask(
            Pending::ConnectNow(unit, index),
            Request::Connect { provider: ProviderId(index), name, config },
        );
    }

    pub(crate) fn connected_now(&mut self, unit: UnitId, index: u32, result: Result<Connected, Failure>) {
        match result {
            Ok(connected) => self.providers[index as usize].link = Link::Connected(connected),
            Err(failure) => {
                let id = self.graph.provider_node(index);
                let name = crate::graph::describe(&self.graph, &self.config, id);
                self.diagnose(service_error(&failure).code(codes::PROVIDER));
                self.fail(id, 0, &name);
            }
        }
        self.unit_done(unit);
    }
}

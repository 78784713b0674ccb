//! Effects: an intent is durable, the call leaves, its outcome is durable with the object.

use std::sync::Arc;

use pilotis_diag::Diagnostic;
use pilotis_state::{Action, ChangeOutcome, Expect, Intent, IntentId, ResourceKey, Status, Write};
use pilotis_value::{Type, Value};

use crate::graph::NodeId;
use crate::machine::apply::EffectId;
use crate::machine::commits::Then;
use crate::machine::ignore::ignore;
use crate::machine::programs::Programs;
use crate::machine::provider::service_error;
use crate::machine::schedule::{UnitId, UnitKind};
use crate::machine::settle::Meta;
use crate::machine::{Cause, Machine, Object, ObjectId, Pending};
use crate::propose::{broken_promises, propose};
use crate::{Created, Failure, ObjectResult, Outcome, PlanAction, ProviderId, Request, RequestId, codes};

/// How far an effect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Programs run before its intent, or after the service has answered.
    Programs,
    /// Its intent is being committed, or its call waits for a place.
    Begun,
    /// The service was asked.
    Called,
    /// The service has answered, or never will.
    Over,
}

/// What an effect does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EffectKind {
    Create,
    Update,
    Delete,
}

impl EffectKind {
    fn action(self) -> Action {
        match self {
            EffectKind::Create => Action::Create,
            EffectKind::Update => Action::Update,
            EffectKind::Delete => Action::Delete,
        }
    }
}

/// One call that changes something.
#[derive(Debug)]
pub(crate) struct Effect {
    kind: EffectKind,
    object: ObjectId,
    pub(crate) unit: UnitId,
    pub(crate) host: Arc<str>,
    /// It counts among those that are under way at its host.
    pub(crate) has_place: bool,
    stage: Stage,
    intent: IntentId,
    key: ResourceKey,
    /// What is to be made, as the provider is told.
    planned: Value,
    /// What the unit ends with, once that is durable.
    result: Option<ObjectResult>,
    /// What runs beside it.
    pub(crate) programs: Option<Programs>,
}

impl Effect {
    pub(crate) fn is_in_flight(&self) -> bool {
        self.stage != Stage::Over
    }
    /// Its call has left, or its programs run.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Called | Stage::Programs)
    }
    pub(crate) fn runs_programs(&self) -> bool {
        self.stage == Stage::Programs
    }
    pub(crate) fn object(&self) -> ObjectId {
        self.object
    }
    fn progress(&self) -> EffectProgress {
        match &self.result {
            _ if self.is_in_flight() => EffectProgress::GoesOn,
            None | Some(ObjectResult::Done) => EffectProgress::Done,
            Some(
                ObjectResult::Failed(why) | ObjectResult::NotAttempted(why) | ObjectResult::Unknown(why),
            ) => EffectProgress::Failed(why.clone()),
        }
    }
    pub(crate) fn is_removal(&self) -> bool {
        self.kind == EffectKind::Delete
    }
}

/// An effect that a request belongs to, for progress.
#[derive(Clone, Debug)]
pub struct EffectInfo {
    /// The address as Terraform writes it.
    pub address: Arc<str>,
    /// As a person reads it.
    pub display: Arc<str>,
    /// What is done to the object in all.
    pub action: PlanAction,
}

/// How far an effect is that a request belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectProgress {
    /// More is asked for, or was.
    GoesOn,
    /// It is done.
    Done,
    /// It is over, and why it isn't done.
    Failed(String),
}

/// Names an effect beyond the requests that belong to it.
#[derive(Clone, Copy, Debug)]
pub struct EffectTicket(EffectId);

impl Machine {
    /// The effect of a request that was not answered yet.
    pub fn ticket(&self, id: RequestId) -> Option<EffectTicket> {
        match self.pending.get(&id) {
            Some(Pending::Effect(effect) | Pending::Program(effect)) => Some(EffectTicket(*effect)),
            _ => None,
        }
    }

    /// How far an effect is.
    pub fn progress(&self, ticket: EffectTicket) -> EffectProgress {
        let effect = self.applying.as_ref().and_then(|a| a.effects.get(ticket.0 as usize));
        effect.map_or(EffectProgress::Done, Effect::progress)
    }

    /// The effect that a request belongs to.
    pub fn effect(&self, id: RequestId) -> Option<EffectInfo> {
        let Some(Pending::Effect(effect) | Pending::Program(effect)) = self.pending.get(&id) else {
            return None;
        };
        let effect = &self.applying.as_ref()?.effects[*effect as usize];
        let object = &self.objects[effect.object as usize];
        let display = match object.node {
            Some(_) => self.display_of(object),
            None => self.display_instance(&self.instance_of(object)).into(),
        };
        Some(EffectInfo { address: object.address.clone(), display, action: object.action })
    }

    /// Begins what a unit does; its turn has come.
    pub(crate) fn start(&mut self, unit: UnitId, host: Arc<str>) {
        match self.applying().schedule.units[unit as usize].kind {
            UnitKind::Forward(object) => self.start_forward(unit, object, host),
            UnitKind::Delete(object) => self.start_delete(unit, object, host),
            UnitKind::Node(_) | UnitKind::NodeEnd(_) | UnitKind::Close(_) | UnitKind::Barrier => {}
        }
    }

    fn start_forward(&mut self, unit: UnitId, object: ObjectId, host: Arc<str>) {
        let of = &self.objects[object as usize];
        let (Some(id), instance, action) = (of.node, of.instance, of.action) else {
            return self.unit_done(unit);
        };
        if let Some(why) = self.applying().stopping.clone() {
            return self.give_up(unit, object, ObjectResult::NotAttempted(why));
        }
        if let Some(cause) = self.blocked(id, instance).or_else(|| self.provider_failure(object)) {
            let why = self.why(&cause);
            self.fail_because(id, instance, cause);
            return self.give_up(unit, object, ObjectResult::NotAttempted(why));
        }
        let deleted = matches!(self.applying().results.get(&object), None | Some(ObjectResult::Done));
        if action == PlanAction::DeleteThenCreate && !deleted {
            // Its own removal failed, and has said so.
            self.fail_object(object);
            return self.unit_done(unit);
        }
        if action == PlanAction::Read {
            return self.read_now(unit, object);
        }
        if self.is_ephemeral(id) {
            return self.open_now(unit, id, object);
        }
        let Some(config) = self.object_config(id, object) else {
            let why = "its configuration has errors".to_owned();
            return self.give_up(unit, object, ObjectResult::Failed(why));
        };
        if action == PlanAction::NoOp {
            if !self.check_after(id, object) {
                self.fail_object(object);
            }
            return self.unit_done(unit);
        }
        let Some(planned) = self.final_value(id, object, &config) else {
            let why = "its final values ask for something that was not planned".to_owned();
            return self.give_up(unit, object, ObjectResult::Failed(why));
        };
        let of = &mut self.objects[object as usize];
        let unmarked = |v: &Value| v.clone().unmark_deep().0;
        if action == PlanAction::Update && unmarked(&planned) == unmarked(&of.before) && !has_write_only(of) {
            return self.only_store(unit, object, planned);
        }
        let ty = of.ty.clone();
        of.after = planned.clone();
        let kind = if action == PlanAction::Update { EffectKind::Update } else { EffectKind::Create };
        self.begin_effect(unit, object, kind, host, ty.with_write_only(&planned, &config));
    }

    /// What an object is to become, with all known that is known now; none if that isn't what was planned.
    fn final_value(&mut self, id: NodeId, object: ObjectId, config: &Value) -> Option<Value> {
        let of = &self.objects[object as usize];
        let block = &of.ty.schema.block;
        let value = match of.action {
            PlanAction::Update => {
                let changes = &self.block(id).lifecycle.ignore_changes;
                propose(&of.ty.schema, Some(&of.before), &ignore(changes, block, config, &of.before)).value
            }
            _ => propose(&of.ty.schema, None, config).value,
        };
        let value = self.finish_made_up(object, value);
        let value = of.ty.mark_secrets(value);
        let broken = broken_promises(block, &of.after, &value);
        if broken.is_empty() {
            return Some(value);
        }
        let names: Vec<String> =
            broken.iter().map(|p| p.to_string().trim_start_matches('.').to_owned()).collect();
        let address = of.address.clone();
        self.inconsistent(&address, &format!("{} would not be what was planned", names.join(", ")));
        None
    }

    /// What was unknown has turned out to be what is there already: only the record is brought up to date.
    fn only_store(&mut self, unit: UnitId, object: ObjectId, value: Value) {
        let expect = self.expect_of(object);
        match self.record_of(object, &value, Status::Ready) {
            Ok(record) => {
                self.commit(vec![Write::Put { record, expect }], Then::Nothing);
                self.applying().results.insert(object, ObjectResult::Done);
                self.objects[object as usize].after = value;
                self.unit_done(unit);
            }
            Err(why) => self.give_up(unit, object, ObjectResult::Failed(why)),
        }
    }

    fn expect_of(&mut self, object: ObjectId) -> Expect {
        match self.objects[object as usize].row {
            Some(row) => std::mem::replace(&mut self.rows.get_mut(row).expect, Expect::Any),
            None => Expect::Absent,
        }
    }

    fn start_delete(&mut self, unit: UnitId, object: ObjectId, host: Arc<str>) {
        let of = &self.objects[object as usize];
        let (action, node, before, row) = (of.action, of.node, of.before.clone(), of.row);
        let result = self.applying().results.get(&object).cloned();
        if action == PlanAction::CreateThenDelete && !matches!(result, None | Some(ObjectResult::Done)) {
            // The new one was not made: the old one stays.
            return self.unit_done(unit);
        }
        if let Some(why) = self.applying().stopping.clone() {
            return self.give_up(unit, object, ObjectResult::NotAttempted(why));
        }
        if let Some(holder) = self.held_by(object) {
            let why = format!("{}, which depends on it, is still there", self.display_text(&holder));
            return self.give_up(unit, object, ObjectResult::NotAttempted(why));
        }
        if action == PlanAction::CreateThenDelete
            && let Some(user) = node.and_then(|n| self.failed_user(n, self.objects[object as usize].instance))
        {
            let why = format!("{}, which uses it, failed", self.display_text(&user));
            return self.give_up(unit, object, ObjectResult::NotAttempted(why));
        }
        if row.is_none() {
            return self.unit_done(unit);
        }
        let programs = self.removal_programs(object);
        self.begin_effect_with(unit, object, EffectKind::Delete, host, before, programs);
    }

    /// A block that uses this one and failed.
    fn failed_user(&self, node: NodeId, instance: u32) -> Option<Arc<str>> {
        if self.failures.is_empty() {
            return None;
        }
        let scope = self.graph.node(node).scope;
        self.graph.with_needed_by([node]).into_iter().filter(|n| *n != node).find_map(|user| {
            let of = self.graph.node(user).scope;
            let failed = self.failures.get(&user)?;
            failed.iter().find(|(i, _)| self.related(scope, instance, of, *i)).map(|(_, c)| c.name.clone())
        })
    }

    fn begin_effect(
        &mut self,
        unit: UnitId,
        object: ObjectId,
        kind: EffectKind,
        host: Arc<str>,
        planned: Value,
    ) {
        self.begin_effect_with(unit, object, kind, host, planned, None);
    }

    /// Begins an effect: runs what is to be run before it, then commits its intent.
    fn begin_effect_with(
        &mut self,
        unit: UnitId,
        object: ObjectId,
        kind: EffectKind,
        host: Arc<str>,
        planned: Value,
        programs: Option<Programs>,
    ) {
        let of = &self.objects[object as usize];
        if !self.providers[of.provider as usize].is_connected() {
            let why = "its provider is not connected".to_owned();
            return self.give_up(unit, object, ObjectResult::Failed(why));
        }
        let key = match (kind, of.row) {
            (EffectKind::Delete, Some(row)) => self.rows.get(row).record.key.clone(),
            _ => ResourceKey::current(of.address.clone()),
        };
        let apply = self.applying();
        let effect = apply.effects.len() as EffectId;
        let first = programs.is_some();
        apply.places.begun(&host);
        apply.effects.push(Effect {
            kind,
            object,
            unit,
            host,
            has_place: false,
            stage: if first { Stage::Programs } else { Stage::Begun },
            intent: IntentId("".into()),
            key,
            planned,
            result: None,
            programs,
        });
        if first { self.await_place(effect) } else { self.intend(effect) }
    }

    /// Commits the intent of an effect.
    pub(crate) fn intend(&mut self, id: EffectId) {
        let effect = &mut self.applying().effects[id as usize];
        effect.stage = Stage::Begun;
        let (kind, object, key, planned) =
            (effect.kind, effect.object, effect.key.clone(), effect.planned.clone());
        let of = &self.objects[object as usize];
        let mut writes = Vec::new();
        if of.action == PlanAction::CreateThenDelete
            && kind == EffectKind::Create
            && let Some(row) = of.row
        {
            let deposed: Arc<str> = hex(&self.fresh_id()[..4]).into();
            let to = ResourceKey { address: key.address.clone(), deposed: Some(deposed) };
            writes.push(Write::Move { from: key.clone(), to: to.clone() });
            let row = self.rows.get_mut(row);
            row.record.key = to;
            row.expect = Expect::Any;
        }
        let intent = self.intent(object, kind, &key, &planned);
        self.applying().effects[id as usize].intent = intent.id.clone();
        writes.push(Write::Begin(intent));
        self.commit(writes, Then::Call(id));
    }

    /// `gitlab_group`
    pub(crate) fn type_name_of(&self, object: &Object) -> Arc<str> {
        match (object.node, object.row) {
            (Some(node), _) => self.block(node).type_name.as_str().into(),
            (None, Some(row)) => self.rows.get(row).record.type_name.clone(),
            (None, None) => "".into(),
        }
    }

    fn intent(&mut self, object: ObjectId, kind: EffectKind, key: &ResourceKey, planned: &Value) -> Intent {
        let id = uuid_text(self.fresh_id());
        let of = &self.objects[object as usize];
        let (ty, provider, node, row) = (of.ty.clone(), of.provider, of.node, of.row);
        let sensitive = crate::record::write_paths(&of.after.sensitive_paths());
        let type_name = self.type_name_of(of);
        let meta = match node {
            Some(node) if kind == EffectKind::Create => Meta {
                schema_version: ty.schema.version,
                sensitive_paths: sensitive,
                dependencies: self.dependencies(node),
                create_before_destroy: self.create_first[node.0 as usize],
                protected: self.protects(node, object),
                programs: self.creation_programs(object).is_some(),
                deposed: row.and_then(|row| self.rows.get(row).record.key.deposed.clone()),
            },
            _ => Meta::default(),
        };
        Intent {
            id: IntentId(id.into()),
            run: self.applying().run.clone(),
            key: key.clone(),
            action: kind.action(),
            type_name,
            provider: self.providers[provider as usize].address.clone(),
            planned: ty.encode_public(planned),
            meta: serde_json::to_string(&meta).unwrap_or_default().into(),
            begun: self.now(),
        }
    }

    /// The intent is durable, and there is a place: the call leaves.
    pub(crate) fn call(&mut self, id: EffectId) {
        if let Some(why) = self.applying().stopping.clone() {
            // Nothing was called yet: the intent is taken back.
            let effect = &self.applying().effects[id as usize];
            let (intent, key, kind) = (effect.intent.clone(), effect.key.clone(), effect.kind);
            let mut change = self.note(&key, kind.action(), None, None);
            change.outcome = ChangeOutcome::Failed;
            change.error = Some(why.clone());
            let mut writes = vec![Write::Finish { id: intent, change }];
            writes.extend(self.undepose(id));
            self.over(id, ObjectResult::NotAttempted(why));
            return self.commit(writes, Then::Nothing);
        }
        let effect = &mut self.applying().effects[id as usize];
        effect.stage = Stage::Called;
        let (kind, object, planned) = (effect.kind, effect.object, effect.planned.clone());
        let of = &self.objects[object as usize];
        let (provider, address, prior) = (ProviderId(of.provider), of.address.clone(), of.before.clone());
        let type_name = self.type_name_of(of);
        let request = match kind {
            EffectKind::Create => Request::Create { provider, address, type_name, planned },
            EffectKind::Update => Request::Update { provider, address, type_name, prior, planned },
            EffectKind::Delete => Request::Delete { provider, address, type_name, prior },
        };
        self.ask(Pending::Effect(id), request);
    }

    /// The intent was refused: nothing was called.
    pub(crate) fn not_begun(&mut self, id: EffectId, why: &str) {
        let object = self.applying().effects[id as usize].object;
        let address = self.objects[object as usize].address.clone();
        self.diagnose(
            Diagnostic::error("The object can't be changed now")
                .code(codes::STATE)
                .address(&*address)
                .detail(format!("{why}. Nothing was done to it.")),
        );
        // The commit was refused as a whole: the row stands where it stood.
        self.undepose(id);
        let broken = self.applying().broken.is_some();
        let why = why.to_owned();
        self.over(id, if broken { ObjectResult::NotAttempted(why) } else { ObjectResult::Failed(why) });
    }

    /// The write that makes the old object current again, if it was deposed for a new one that was not made.
    fn undepose(&mut self, id: EffectId) -> Option<Write> {
        let effect = &self.applying().effects[id as usize];
        let (kind, object, key) = (effect.kind, effect.object, effect.key.clone());
        let of = &self.objects[object as usize];
        if kind != EffectKind::Create || of.action != PlanAction::CreateThenDelete {
            return None;
        }
        let row = self.rows.get_mut(of.row?);
        let from = std::mem::replace(&mut row.record.key, key.clone());
        from.deposed.is_some().then_some(Write::Move { from, to: key })
    }

    /// The service has made the object.
    pub(crate) fn created(&mut self, id: EffectId, result: Result<Created, Failure>) {
        match result {
            Ok(Created { object, error }) => self.stored(id, &object, error),
            Err(failure) => self.effect_failed(id, failure),
        }
    }

    pub(crate) fn updated(&mut self, id: EffectId, result: Result<Value, Failure>) {
        match result {
            Ok(object) => self.stored(id, &object, None),
            Err(failure) => self.effect_failed(id, failure),
        }
    }

    /// The service has the object now: it is stored, whatever else is wrong with it.
    fn stored(&mut self, id: EffectId, actual: &Value, error: Option<Failure>) {
        let effect = &self.applying().effects[id as usize];
        let (object, kind, intent, key) =
            (effect.object, effect.kind, effect.intent.clone(), effect.key.clone());
        let of = &self.objects[object as usize];
        let (ty, address, planned, before) = (of.ty.clone(), of.address.clone(), of.after.clone(), of.row);
        let value = ty.without_write_only(actual);
        let value = ty.mark_secrets(value).mark_sensitive(&planned.sensitive_paths());
        let mut result = ObjectResult::Done;
        let broken = broken_promises(&ty.schema.block, &planned, &value);
        if !broken.is_empty() {
            let names: Vec<String> =
                broken.iter().map(|p| p.to_string().trim_start_matches('.').to_owned()).collect();
            result = self.defect(&address, &format!("{} is not what was planned", names.join(", ")));
        }
        let (value, unknown) = known_only(&value);
        if unknown {
            result = self.defect(&address, "it left values unknown");
        }
        let tainted = error.is_some() || unknown;
        if let Some(error) = error {
            self.diagnose(service_error(&error).address(&*address));
            result = ObjectResult::Failed(error.to_string());
        }
        let programs = match kind {
            EffectKind::Create if result == ObjectResult::Done => self.creation_programs(object),
            _ => None,
        };
        // Until its programs are done, a new object is no good: a run that dies meanwhile leaves it tainted.
        let tainted = (tainted && kind == EffectKind::Create) || programs.is_some();
        let status = if tainted { Status::Tainted } else { Status::Ready };
        let expect = if kind == EffectKind::Update { self.expect_of(object) } else { Expect::Absent };
        let old = before.map(|row| self.rows.get(row).record.attributes.clone());
        match self.record_of(object, &value, status) {
            Ok(record) => {
                let old = old.filter(|_| kind == EffectKind::Update);
                let change = self.note(&key, kind.action(), old, Some(record.attributes.clone()));
                let writes = vec![Write::Finish { id: intent, change }, Write::Put { record, expect }];
                self.objects[object as usize].after = value;
                if programs.is_some() {
                    let effect = &mut self.applying().effects[id as usize];
                    effect.stage = Stage::Programs;
                    effect.programs = programs;
                    return self.commit(writes, Then::Made(id));
                }
                self.commit(writes, Then::Done(id));
            }
            Err(why) => {
                // It can't be stored as it is: the intent stays open, so that the next run finds the object.
                result = self.defect(&address, &why);
            }
        }
        self.finished(id, result);
    }

    /// An object is as planned: what the configuration promises of it is looked at.
    fn finished(&mut self, id: EffectId, mut result: ObjectResult) {
        let object = self.applying().effects[id as usize].object;
        let node = self.objects[object as usize].node;
        if result == ObjectResult::Done && node.is_some_and(|n| !self.check_after(n, object)) {
            result = ObjectResult::Failed("a postcondition does not hold".into());
        }
        self.over(id, result);
    }

    /// The programs of a new object are done: it is good. They may have taken longer than the leases lasted, and another run may have
    /// done something with the object since: that it is good is an intent of its own, which the state takes only from a run that may still write.
    pub(crate) fn provisioned(&mut self, id: EffectId) {
        let effect = &self.applying().effects[id as usize];
        let (object, kind, key) = (effect.object, effect.kind, effect.key.clone());
        let value = self.objects[object as usize].after.clone();
        match self.record_of(object, &value, Status::Ready) {
            Ok(record) => {
                let begun = Intent { action: Action::Untaint, ..self.intent(object, kind, &key, &value) };
                let change = self.note(&key, Action::Untaint, None, None);
                let end = Write::Finish { id: begun.id.clone(), change };
                let put = Write::Put { record, expect: Expect::Any };
                self.commit(vec![Write::Begin(begun), end, put], Then::Provisioned(id));
                self.finished(id, ObjectResult::Done);
            }
            Err(why) => self.over(id, ObjectResult::Failed(why)),
        }
    }

    /// The object isn't this run's any more: what another one stored of it holds.
    pub(crate) fn taken_over(&mut self, id: EffectId, why: &str) {
        let object = self.applying().effects[id as usize].object;
        let address = self.objects[object as usize].address.clone();
        self.diagnose(
            Diagnostic::error("Another run has taken the object over")
                .code(codes::STATE)
                .address(&*address)
                .detail(format!("{why}. Its provisioners had run; what the other run stored of it holds."))
                .help("Plan again."),
        );
        self.not_stored(id, why);
    }

    fn defect(&mut self, address: &str, why: &str) -> ObjectResult {
        self.diagnose(
            Diagnostic::error("Provider produced an inconsistent result")
                .code(codes::PROVIDER_DEFECT)
                .address(address)
                .detail(format!(
                    "After the apply, {why}. What came back is stored. This is a defect of the provider."
                )),
        );
        ObjectResult::Failed(format!("the provider's result is inconsistent: {why}"))
    }

    pub(crate) fn deleted(&mut self, id: EffectId, result: Result<(), Failure>) {
        if let Err(failure) = result {
            return self.effect_failed(id, failure);
        }
        let effect = &self.applying().effects[id as usize];
        let (object, intent, key) = (effect.object, effect.intent.clone(), effect.key.clone());
        let row = self.objects[object as usize].row;
        let before = row.map(|row| self.rows.get(row).record.attributes.clone());
        let change = self.note(&key, Action::Delete, before, None);
        let expect = self.expect_of(object);
        if let Some(row) = row {
            self.rows.get_mut(row).expect = Expect::Absent;
        }
        let writes = vec![Write::Finish { id: intent, change }, Write::Remove { key, expect }];
        self.commit(writes, Then::Done(id));
        self.over(id, ObjectResult::Done);
    }

    fn effect_failed(&mut self, id: EffectId, failure: Failure) {
        let effect = &self.applying().effects[id as usize];
        let (object, kind, intent, key) =
            (effect.object, effect.kind, effect.intent.clone(), effect.key.clone());
        let address = self.objects[object as usize].address.clone();
        let mut diagnostic = service_error(&failure).address(&*address);
        if let Some(span) = self.objects[object as usize].node.and_then(|n| self.span_for(n, &failure)) {
            diagnostic = diagnostic.at(span);
        }
        if failure.outcome == Outcome::Unknown {
            diagnostic = diagnostic.help("It is not known whether this was done; the next plan finds out.");
            self.diagnose(diagnostic);
            return self.lost(id, &failure.to_string());
        }
        self.diagnose(diagnostic);
        let mut change = self.note(&key, kind.action(), None, None);
        change.outcome = ChangeOutcome::Failed;
        change.error = Some(failure.to_string());
        let mut writes = vec![Write::Finish { id: intent, change }];
        writes.extend(self.undepose(id));
        self.commit(writes, Then::Nothing);
        self.over(id, ObjectResult::Failed(failure.to_string()));
    }

    fn span_for(&self, node: NodeId, failure: &Failure) -> Option<pilotis_diag::Span> {
        let block = self.block(node);
        let attribute = failure.attribute.as_ref().and_then(|name| {
            let name = name.split(['.', '[']).next().unwrap_or(name);
            block.body.span_of(&pilotis_value::Path(vec![pilotis_value::Step::Attribute(name.into())]))
        });
        Some(attribute.unwrap_or(block.span))
    }

    /// No answer: the intent stays open, and the next run finds out.
    pub(crate) fn lost(&mut self, id: EffectId, why: &str) {
        let effect = &self.applying().effects[id as usize];
        let (kind, key) = (effect.kind, effect.key.clone());
        let mut change = self.note(&key, kind.action(), None, None);
        change.outcome = ChangeOutcome::Unknown;
        change.error = Some(why.to_owned());
        self.commit(vec![Write::Note(change)], Then::Nothing);
        self.over(id, ObjectResult::Unknown(why.to_owned()));
    }

    /// The service has answered (or never will): the place is free, and what waits for the unit may go on.
    pub(crate) fn over(&mut self, id: EffectId, result: ObjectResult) {
        let apply = self.applying();
        let effect = &mut apply.effects[id as usize];
        if effect.stage == Stage::Over {
            return;
        }
        effect.stage = Stage::Over;
        effect.result = Some(result.clone());
        effect.planned = Value::null(Type::Dynamic);
        let (unit, object) = (effect.unit, effect.object);
        apply.places.over(&effect.host, effect.has_place);
        self.result(object, result);
        self.unit_done(unit);
    }

    /// What was done could not be stored: the intent is still open.
    pub(crate) fn not_stored(&mut self, id: EffectId, why: &str) {
        let object = self.applying().effects[id as usize].object;
        let why = format!("it was done, but could not be stored: {why}");
        self.applying().results.insert(object, ObjectResult::Unknown(why));
    }

    pub(crate) fn give_up(&mut self, unit: UnitId, object: ObjectId, result: ObjectResult) {
        self.result(object, result);
        self.unit_done(unit);
    }

    /// Notes a result. The worse of two counts: a replacement is done when both halves are.
    fn result(&mut self, object: ObjectId, result: ObjectResult) {
        let bad = result != ObjectResult::Done;
        let results = &mut self.applying().results;
        match results.get(&object) {
            Some(old) if *old != ObjectResult::Done => {}
            _ => {
                results.insert(object, result);
            }
        }
        if bad {
            self.fail_object(object);
        }
    }

    fn fail_object(&mut self, object: ObjectId) {
        let unknown = matches!(self.applying().results.get(&object), Some(ObjectResult::Unknown(_)));
        let of = &self.objects[object as usize];
        let (node, instance, name) = (of.node, of.instance, of.address.clone());
        if let Some(node) = node {
            self.fail_because(node, instance, Cause { name, unknown });
        }
        self.stick(object);
    }
}

fn has_write_only(object: &Object) -> bool {
    object.ty.schema.block.attributes.values().any(|a| a.write_only)
}

/// The value with nulls where it is unknown, and whether it was anywhere.
pub(crate) fn known_only(value: &Value) -> (Value, bool) {
    if value.is_wholly_known() {
        return (value.clone(), false);
    }
    let known = &mut |_: &pilotis_value::Path, v: Value| -> Result<Value, std::convert::Infallible> {
        Ok(if v.is_known() { v } else { Value::null(v.ty()) })
    };
    match value.transform(known) {
        Ok(value) => (value, true),
        Err(never) => match never {},
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Random bytes as the text of a UUID v4.
fn uuid_text(bytes: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

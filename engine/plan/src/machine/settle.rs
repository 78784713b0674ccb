//! Open intents of runs that died: found out, before anything else is done with their provider.
//!
//! A create is looked for by its natural key: found, it is adopted; proven absent, the intent is dropped. An update or a
//! delete is settled by looking at the object itself, and what is seen is stored. What can't be told stays open, is said so, and
//! keeps only its own object from being planned.

use std::collections::HashMap;
use std::sync::Arc;

use pilotis_diag::Diagnostic;
use pilotis_schema::address::Mode;
use pilotis_state::{
    Action, Change, ChangeOutcome, Expect, Intent, IntentId, ResourceKey, ResourceRecord, Status, Write,
};
use pilotis_value::{Digest, Value};
use serde::{Deserialize, Serialize};

use crate::machine::lag::Later;
use crate::machine::{Machine, Pending};
use crate::record::Encoded;
use crate::{Answer, CommitFailure, Failure, Found, ProviderId, Request, codes};

/// A question about one intent.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    provider: u32,
    intent: IntentId,
}

/// What of a record is known before its object is made: kept with the intent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) schema_version: u64,
    pub(crate) sensitive_paths: String,
    pub(crate) dependencies: Vec<Arc<str>>,
    pub(crate) create_before_destroy: bool,
    pub(crate) protected: bool,
    /// Programs are to run once it is made.
    #[serde(default)]
    pub(crate) programs: bool,
    /// Key under which the old object was put aside for the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deposed: Option<Arc<str>>,
}

/// Objects that the state has, by type and scope.
type Known = HashMap<Arc<str>, HashMap<Vec<Digest>, Arc<[Value]>>>;

impl Meta {
    /// Sensitive paths, as they are written.
    fn marks(&self) -> &str {
        if self.sensitive_paths.is_empty() { "[]" } else { &self.sensitive_paths }
    }
}

impl Machine {
    /// Asks about the open intents of a provider that was just connected; after a while, if its service may still show what was before.
    pub(crate) fn settle_intents(&mut self, provider: u32) {
        match self.intents_of(provider).is_empty() {
            true => self.ask_about_intents(provider),
            false => self.wait(provider, Later::Settle(provider)),
        }
    }

    fn intents_of(&self, provider: u32) -> Vec<Intent> {
        let ours = self.intents.iter().filter(|i| self.provider_index(&i.provider) == Some(provider));
        ours.cloned().collect()
    }

    pub(crate) fn ask_about_intents(&mut self, provider: u32) {
        let ours = self.intents_of(provider);
        self.providers[provider as usize].open = 1;
        let mut known = Known::new();
        for intent in ours {
            self.settle_one(provider, &intent, &mut known);
        }
        self.settle_step(provider);
    }

    fn settle_one(&mut self, provider: u32, intent: &Intent, known: &mut Known) {
        let question = Question { provider, intent: intent.id.clone() };
        let Some(ty) = self.object_type(Mode::Managed, &intent.type_name) else {
            return self.leave_unsettled(&intent.key, "this program doesn't have its type");
        };
        let id = ProviderId(provider);
        match intent.action {
            Action::Create | Action::Import => {
                let meta: Meta = serde_json::from_str(&intent.meta).unwrap_or_default();
                let Ok(planned) = ty.decode(&intent.planned, meta.marks()) else {
                    return self.leave_unsettled(&intent.key, "what was planned can't be read");
                };
                self.providers[provider as usize].open += 1;
                let type_name = intent.type_name.clone();
                let known = self.known_beside(&type_name, &planned, known);
                let request = Request::Find { provider: id, type_name, planned, known };
                self.ask(Pending::Settle(question), request);
            }
            Action::Update | Action::Delete => {
                let Some(row) = self.row_of(&intent.key) else {
                    return self.close(intent, ChangeOutcome::Done, Vec::new(), provider);
                };
                let Some(prior) = self.recorded(row) else { return };
                self.providers[provider as usize].open += 1;
                let objects = vec![(intent.type_name.clone(), prior)];
                self.ask(Pending::Settle(question), Request::Read { provider: id, objects });
            }
            // They call no service: an open one did nothing.
            Action::Forget
            | Action::Refresh
            | Action::Move
            | Action::Taint
            | Action::Untaint
            | Action::Rebind => {
                self.close(intent, ChangeOutcome::Failed, Vec::new(), provider);
            }
        }
    }

    fn row_of(&self, key: &ResourceKey) -> Option<u32> {
        if key.deposed.is_none() {
            return self.rows.current(&key.address);
        }
        self.rows.ids().find(|id| self.rows.get(*id).record.key == *key && !self.rows.get(*id).ignored)
    }

    pub(crate) fn settle_answer(&mut self, question: Question, answer: Answer) {
        let Some(intent) = self.intents.iter().find(|i| i.id == question.intent).cloned() else { return };
        let provider = question.provider;
        match answer {
            Answer::Found(result) => self.found(provider, &intent, result),
            Answer::Read(mut results) => match results.pop() {
                Some(Ok(None)) => {
                    if let Some(row) = self.row_of(&intent.key) {
                        self.rows.forget(row);
                    }
                    let writes = vec![Write::Remove { key: intent.key.clone(), expect: Expect::Any }];
                    self.close(&intent, ChangeOutcome::Done, writes, provider);
                }
                Some(Ok(Some(object))) => self.seen_after(provider, &intent, object),
                Some(Err(failure)) => self.leave_unsettled(&intent.key, &failure.to_string()),
                None => self.leave_unsettled(&intent.key, "the provider gave no answer"),
            },
            other => panic!("a question about an intent was answered with {other:?}"),
        }
        self.settle_step(provider);
    }

    /// An object whose change was interrupted is there, changed or not. What it is now is stored with the end of the intent: a state
    /// that still said where it was before would look for it there, and not find it.
    fn seen_after(&mut self, provider: u32, intent: &Intent, object: Value) {
        let (row, ty) = (self.row_of(&intent.key), self.object_type(Mode::Managed, &intent.type_name));
        let (Some(row), Some(ty)) = (row, ty) else {
            return self.close(intent, ChangeOutcome::Unknown, Vec::new(), provider);
        };
        let record = &self.rows.get(row).record;
        let object = match crate::record::read_paths(&record.sensitive_paths) {
            Ok(paths) => object.mark_sensitive(&paths),
            Err(_) => object,
        };
        let Encoded { attributes, sensitive_paths, digest } = match ty.encode(&ty.mark_secrets(object)) {
            Ok(encoded) => encoded,
            Err(why) => {
                return self.leave_unsettled(&intent.key, &format!("what was seen can't be stored: {why}"));
            }
        };
        let schema_version = ty.schema.version;
        let renewed =
            ResourceRecord { attributes, sensitive_paths, digest, schema_version, ..record.clone() };
        let stored = ResourceRecord { key: intent.key.clone(), version: 0, ..renewed.clone() };
        let row = self.rows.get_mut(row);
        row.record = renewed;
        row.recorded = None;
        row.expect = Expect::Any;
        row.must_look = true;
        let writes = vec![Write::Put { record: stored, expect: Expect::Any }];
        self.close(intent, ChangeOutcome::Unknown, writes, provider);
    }

    fn found(&mut self, provider: u32, intent: &Intent, result: Result<Found, Failure>) {
        match result {
            Ok(Found::Object(object)) if !self.is_known_object(intent, &object) => {
                self.adopt(provider, intent, &object)
            }
            // What was found is another object of the state (the one that was to be replaced): the new one was not made.
            Ok(Found::Object(_) | Found::Absent | Found::Revoked) => {
                let writes = self.current_again(intent).into_iter().collect();
                self.close(intent, ChangeOutcome::Failed, writes, provider);
            }
            Ok(Found::Unknown(why)) => self.leave_unsettled(&intent.key, &why),
            Err(failure) => self.leave_unsettled(&intent.key, &failure.to_string()),
        }
    }

    /// The object that was put aside for one that was not made is the current one again, as it is when a service refuses the new one.
    fn current_again(&mut self, intent: &Intent) -> Option<Write> {
        let meta: Meta = serde_json::from_str(&intent.meta).ok()?;
        let from = ResourceKey { address: intent.key.address.clone(), deposed: Some(meta.deposed?) };
        let id = self.rows.ids().find(|id| self.rows.get(*id).stored_key() == from)?;
        self.rows.make_current(id).then(|| Write::Move { from, to: intent.key.clone() })
    }

    /// What the state has in the scope of a new object: looked for once a type.
    fn known_beside(&mut self, type_name: &Arc<str>, planned: &Value, known: &mut Known) -> Arc<[Value]> {
        let Some(ty) = self.object_type(Mode::Managed, type_name) else { return Arc::default() };
        let scope = |value: &Value| -> Vec<Digest> {
            let names = ty.schema.refresh.scope.iter().flatten();
            names.filter_map(|name| value.get(name)).map(|v| v.clone().unmark_deep().0.digest()).collect()
        };
        if !known.contains_key(type_name) {
            let mut by_scope: HashMap<Vec<Digest>, Vec<Value>> = HashMap::new();
            for row in self.rows_of_type(type_name) {
                if let Some(object) = self.recorded(row) {
                    by_scope.entry(scope(&object)).or_default().push(object);
                }
            }
            let shared = by_scope.into_iter().map(|(scope, objects)| (scope, objects.into())).collect();
            known.insert(type_name.clone(), shared);
        }
        known[type_name].get(&scope(planned)).cloned().unwrap_or_default()
    }

    fn rows_of_type(&self, type_name: &str) -> Vec<u32> {
        let of_type = |id: &u32| {
            let row = self.rows.get(*id);
            !row.ignored && *row.record.type_name == *type_name
        };
        self.rows.ids().filter(of_type).collect()
    }

    /// True if the state has that object already.
    fn is_known_object(&mut self, intent: &Intent, object: &Value) -> bool {
        let Some(ty) = self.object_type(Mode::Managed, &intent.type_name) else { return false };
        let refresh = &ty.schema.refresh;
        if refresh.key.is_empty() {
            return false;
        }
        // The key tells objects of one scope apart: two groups may each have a variable of the same name.
        let key: Vec<String> = refresh.scope.iter().flatten().chain(&refresh.key).cloned().collect();
        self.rows_of_type(&intent.type_name).into_iter().any(|id| {
            let Some(recorded) = self.recorded(id) else { return false };
            key.iter().all(|name| recorded.get(name) == object.get(name))
        })
    }

    fn adopt(&mut self, provider: u32, intent: &Intent, object: &Value) {
        let Some(ty) = self.object_type(Mode::Managed, &intent.type_name) else { return };
        let meta: Meta = serde_json::from_str(&intent.meta).unwrap_or_default();
        let object = match crate::record::read_paths(&meta.sensitive_paths) {
            Ok(paths) => object.mark_sensitive(&paths),
            Err(_) => object.clone(),
        };
        let encoded = match ty.encode(&ty.mark_secrets(object)) {
            Ok(encoded) => encoded,
            Err(why) => {
                return self.leave_unsettled(&intent.key, &format!("what was found can't be stored: {why}"));
            }
        };
        let record = ResourceRecord {
            key: intent.key.clone(),
            type_name: intent.type_name.clone(),
            provider: intent.provider.clone(),
            schema_version: ty.schema.version,
            attributes: encoded.attributes,
            sensitive_paths: encoded.sensitive_paths,
            dependencies: meta.dependencies,
            // Its programs never ran.
            status: if meta.programs { Status::Tainted } else { Status::Ready },
            create_before_destroy: meta.create_before_destroy,
            protected: meta.protected,
            digest: encoded.digest,
            version: 0,
        };
        self.close(
            intent,
            ChangeOutcome::Adopted,
            vec![Write::Put { record: record.clone(), expect: Expect::Any }],
            provider,
        );
        let row = self.rows.add(record, Expect::Any);
        let address = self.rows.get(row).record.key.address.clone();
        let node = address.parse().ok().and_then(|instance| self.node_of(&instance));
        let row = self.rows.get_mut(row);
        row.node = node;
        row.provider = Some(provider);
        // A find may have less than a read.
        row.must_look = true;
    }

    /// Closes an intent in the state, and does what came of it in the same transaction.
    fn close(&mut self, intent: &Intent, outcome: ChangeOutcome, mut writes: Vec<Write>, provider: u32) {
        let after = writes.iter().find_map(|w| match w {
            Write::Put { record, .. } => Some(record.attributes.clone()),
            _ => None,
        });
        let change = Change {
            run: intent.run.clone(),
            key: intent.key.clone(),
            action: intent.action,
            at: self.now,
            before: None,
            after,
            outcome,
            error: None,
        };
        writes.insert(0, Write::Finish { id: intent.id.clone(), change });
        writes.insert(0, Write::Fence { run: intent.run.clone(), now: self.now });
        self.providers[provider as usize].open += 1;
        self.ask(Pending::SettleCommit(provider), Request::Commit(writes));
    }

    /// An intent of which it can't be told what became of it: it stays open.
    pub(crate) fn leave_unsettled(&mut self, key: &ResourceKey, why: &str) {
        self.unseen.push((key.clone(), format!("an interrupted change of it can't be settled: {why}")));
        self.diagnose(
            Diagnostic::warning("Interrupted change of unknown outcome")
                .code(codes::UNSETTLED)
                .address(key.to_string())
                .detail(format!(
                    "A run that was interrupted was changing this object, and it can't be told whether it did: {why}."
                ))
                .help("It and what needs it are left out of this plan. Plan again when the service can be reached."),
        );
        match self.row_of(key) {
            Some(row) => self.rows.get_mut(row).unsettled = true,
            None => {
                self.unsettled_new.insert(key.address.clone());
            }
        }
    }

    pub(crate) fn settled(&mut self, provider: u32, result: Result<(), CommitFailure>) {
        match result {
            Ok(()) => {}
            Err(CommitFailure::Broken(why)) => {
                self.diagnose(Diagnostic::error("The state can't be written").code(codes::STATE).detail(why))
            }
            // The run that was taken for dead lives, or another one settles the same.
            Err(failure) => self.diagnose(
                Diagnostic::error("Another run is at work on an interrupted change")
                    .code(codes::STATE)
                    .detail(format!("{failure}. Nothing was changed."))
                    .help("Plan again."),
            ),
        }
        self.settle_step(provider);
    }

    /// One answer less; when all intents are settled, the objects are looked at.
    fn settle_step(&mut self, provider: u32) {
        let state = &mut self.providers[provider as usize];
        state.open -= 1;
        if state.open == 0 {
            self.refresh(provider);
        }
    }
}

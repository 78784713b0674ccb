//! The driver loop: does what the machine asks for, and tells it what came back. It decides nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pilotis_plan::planfile::PlanFile;
use pilotis_plan::recording::Answers;
use pilotis_plan::{
    Answer, CommitFailure, Connected, Created, EffectProgress, Failure, Found, Listing, LookedAt, Machine,
    Outcome, PlanAction, ProviderId, Request, RequestId,
};
use pilotis_sdk::{Connection, DataRequest, Environment, Error, ListRequest, ReadRequest};
use pilotis_state::{RunId, StateError, Timestamp};
use pilotis_value::Value;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::engine::{Providers, Settings};
use crate::ephemeral::Opened;
use crate::hidden::Hidden;
use crate::lease::Lasting;
use crate::programs::{self, Said};
use crate::{Event, Operation, Reporter, StoreThread};

/// A call that takes longer is mentioned this often.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Now.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// How objects are called on screen, and what they are in for.
pub(crate) type Names = HashMap<Arc<str>, (Arc<str>, PlanAction)>;

/// All that a loop needs.
pub(crate) struct Driver<'a> {
    pub(crate) providers: &'a Providers,
    pub(crate) settings: &'a Settings,
    pub(crate) store: &'a StoreThread,
    pub(crate) reporter: &'a dyn Reporter,
    pub(crate) names: Names,
    pub(crate) connections: Connections,
    /// Connections that were replaced by others: their calls count.
    pub(crate) replaced: Vec<Arc<dyn Connection>>,
    /// Ephemeral resources that are open.
    pub(crate) opened: Opened,
    /// Keeps what services say, for a saved plan.
    pub(crate) keep: Option<Answers>,
    /// A saved plan whose answers are given again; what it doesn't have is asked.
    pub(crate) again: Option<&'a PlanFile>,
    /// What is being looked at, and since when.
    pub(crate) looked_at: HashMap<RequestId, (Vec<LookedAt>, Instant)>,
    /// What requests that are under way hold in confidence.
    pub(crate) hidden: HashMap<RequestId, Hidden>,
    /// Effects whose programs are yet to come, by address.
    pub(crate) held: HashMap<Arc<str>, Effect>,
    /// How long the leases last.
    pub(crate) lasting: Lasting,
    /// The run that calls are noted of; none while a plan is made.
    pub(crate) run: Option<RunId>,
}

/// Connections that stand, by the machine's number.
pub(crate) type Connections = BTreeMap<ProviderId, Arc<dyn Connection>>;

/// What came of a task.
enum Came {
    Connected(ProviderId, Result<Arc<dyn Connection>, Error>),
    Answer(Answer),
}

/// An effect in flight.
pub(crate) struct Effect {
    address: Arc<str>,
    operation: Operation,
    since: Instant,
    told: Instant,
    /// Of an object that was made.
    id: Option<String>,
}

impl Driver<'_> {
    /// Runs until the machine wants nothing more. `soft`: it is told to stop; `hard`: it is told that nothing more is waited for.
    pub(crate) async fn run(
        &mut self,
        machine: &mut Machine,
        soft: &CancellationToken,
        hard: &CancellationToken,
    ) {
        let mut tasks: JoinSet<(RequestId, Came)> = JoinSet::new();
        let mut effects: HashMap<RequestId, Effect> = HashMap::new();
        let mut lost: HashMap<tokio::task::Id, (RequestId, Answer)> = HashMap::new();
        let mut calls: HashMap<tokio::task::Id, AbortHandle> = HashMap::new();
        let (mut stopped, mut abandoned) = (false, false);
        let (say, mut said) = tokio::sync::mpsc::channel::<Said>(programs::LINES);
        loop {
            // Before anything more is asked for, whatever else has come meanwhile.
            if soft.is_cancelled() && !stopped {
                stopped = true;
                self.reporter.event(&Event::Stopping { in_flight: effects.len() });
                machine.stop();
            }
            let mut again = false;
            for (id, request) in machine.next() {
                if let Some(answer) = self.known(machine, &request).or_else(|| self.lasting.refused(&request))
                {
                    machine.answer(id, answer, now());
                    again = true;
                    continue;
                }
                if let Some(keep) = &mut self.keep {
                    keep.asked(id, machine.provider_of(&request), &request);
                }
                self.looking(machine, id, &request);
                if let Some(effect) = self.begun(&request) {
                    effects.insert(id, effect);
                }
                let hidden = Hidden::of(&request);
                if !hidden.is_empty() {
                    self.hidden.insert(id, hidden);
                }
                let if_lost = answer_if_lost(&request);
                let is_commit = matches!(request, Request::Commit(_));
                let task = match request {
                    Request::Run { address, program } => {
                        let (say, stop) = (say.clone(), soft.clone());
                        let base = self.settings.base_dir.clone();
                        Some(tasks.spawn(async move {
                            let ran = programs::run(address, program, &base, &stop, &say).await;
                            (id, Came::Answer(Answer::Ran(ran)))
                        }))
                    }
                    request => self.spawn(&mut tasks, id, request),
                };
                if let Some(task) = task {
                    lost.insert(task.id(), (id, if_lost));
                    if !is_commit {
                        calls.insert(task.id(), task);
                    }
                }
            }
            if again {
                continue;
            }
            if tasks.is_empty() {
                self.let_go();
                return;
            }
            let pulse = tokio::time::sleep(HEARTBEAT / 2);
            tokio::select! {
                joined = tasks.join_next_with_id() => {
                    let mut joined = joined;
                    while let Ok(said) = said.try_recv() {
                        self.said(&said);
                    }
                    // Answers that are there together are told together, so that what follows from them is asked for together.
                    while let Some(result) = joined {
                        let (id, came) = match result {
                            Ok((task, (id, came))) => {
                                lost.remove(&task);
                                calls.remove(&task);
                                (id, came)
                            }
                            // A provider panicked: the machine is told, so that the run can end well.
                            Err(e) => match lost.remove(&e.id()) {
                                Some((id, answer)) => (id, Came::Answer(answer)),
                                // One that was abandoned: the machine waits for it no more.
                                None => {
                                    joined = tasks.try_join_next_with_id();
                                    continue;
                                }
                            },
                        };
                        self.told(machine, &mut effects, id, came);
                        joined = tasks.try_join_next_with_id();
                    }
                }
                Some(said) = said.recv() => self.said(&said),
                () = soft.cancelled(), if !stopped => {}
                () = hard.cancelled(), if !abandoned => {
                    abandoned = true;
                    // Calls in flight are dropped, and the machine records them as unknown; commits are waited for.
                    for (task, handle) in calls.drain() {
                        handle.abort();
                        lost.remove(&task);
                    }
                    machine.abandon(now());
                }
                () = pulse => self.heartbeat(&mut effects),
            }
        }
    }

    fn told(
        &mut self,
        machine: &mut Machine,
        effects: &mut HashMap<RequestId, Effect>,
        id: RequestId,
        came: Came,
    ) {
        let hidden = self.hidden.remove(&id).unwrap_or_default();
        let mut answer = match came {
            Came::Answer(answer) => answer,
            Came::Connected(provider, connected) => {
                Answer::Connected(connected.map_err(failure).map(|connection| {
                    let (host, parallelism) = (connection.host(), connection.parallelism());
                    let lag = connection.lag();
                    let name = &machine.provider(provider).name;
                    self.reporter.event(&Event::Connected { provider: name, host: &host });
                    self.replaced.extend(self.connections.insert(provider, connection));
                    Connected { host, parallelism, lag }
                }))
            }
        };
        hidden.redact(&mut answer);
        if let Some((objects, since)) = self.looked_at.remove(&id) {
            self.reporter.event(&Event::Looked(&objects, since.elapsed()));
        }
        if let Some(keep) = &mut self.keep {
            keep.answered(id, &answer);
        }
        let effect = effects.remove(&id).map(|effect| (effect, answer.clone(), machine.ticket(id)));
        machine.answer(id, answer, now());
        if let Some((effect, answer, ticket)) = effect {
            let progress = ticket.map_or(EffectProgress::Done, |t| machine.progress(t));
            self.ended(effect, &answer, &progress, &hidden);
        }
    }

    /// What the saved plan was told. Connections are made anew.
    fn known(&self, machine: &Machine, request: &Request) -> Option<Answer> {
        match (request, self.again) {
            (Request::Connect { .. }, _) | (_, None) => None,
            // What was found after it is known.
            (Request::Wait { .. }, Some(_)) => Some(Answer::Waited),
            (request, Some(file)) => file.answer(machine, request),
        }
    }

    fn spawn(
        &self,
        tasks: &mut JoinSet<(RequestId, Came)>,
        id: RequestId,
        request: Request,
    ) -> Option<AbortHandle> {
        if let Request::Commit(writes) = request {
            let store = self.store.clone();
            let writes = self.with_calls(writes);
            let task = tasks.spawn(async move {
                let committed = store.commit(writes).await.map_err(commit_failure);
                (id, Came::Answer(Answer::Committed(committed)))
            });
            return Some(task);
        }
        if let Request::Wait { time, .. } = request {
            return Some(tasks.spawn(async move {
                tokio::time::sleep(time).await;
                (id, Came::Answer(Answer::Waited))
            }));
        }
        if let Request::Connect { provider, name, config } = request {
            let found = self.providers.by_name.get(&name).cloned();
            let environment = Environment {
                variables: self.settings.variables.clone().into(),
                sandbox: self.settings.sandbox.get(&name).cloned(),
                base_dir: self.settings.base_dir.clone(),
            };
            let task = tasks.spawn(async move {
                let connected = match found {
                    Some(found) => found.connect(&config, &environment).await,
                    None => Err(Error::new(
                        pilotis_sdk::ErrorKind::Internal,
                        format!("There is no provider {name}"),
                    )),
                };
                (id, Came::Connected(provider, connected))
            });
            return Some(task);
        }
        if let Request::Close { opened, .. } = request {
            let all = self.opened.clone();
            let task = tasks.spawn(async move {
                (id, Came::Answer(Answer::Closed(all.close(opened).await.map_err(failure))))
            });
            return Some(task);
        }
        let Some(connection) = self.connection(&request) else {
            tracing::error!("the machine asked for a call before it was connected");
            return None;
        };
        if let Request::Open { type_name, config, .. } = request {
            let all = self.opened.clone();
            let task = tasks.spawn(async move {
                let opened = all.open(id, connection, type_name, &config).await;
                (id, Came::Answer(Answer::Opened(opened.map(Some).map_err(failure))))
            });
            return Some(task);
        }
        if let Request::List { type_name, wanted, .. } = &request {
            let objects = wanted.iter().map(Vec::len).sum();
            self.reporter.event(&Event::Reading { type_name, objects });
        }
        Some(tasks.spawn(async move { (id, Came::Answer(call(&*connection, request).await)) }))
    }

    /// Tells of each object that a request looks at, if somebody wants to know; and of what is waited for.
    fn looking(&mut self, machine: &Machine, id: RequestId, request: &Request) {
        if let Request::Wait { provider, time } = request {
            let provider = &machine.provider(*provider).name;
            self.reporter.event(&Event::Waiting { provider, time: *time });
        }
        if !self.reporter.wants_each() {
            return;
        }
        let objects = machine.looks_at(id);
        if !objects.is_empty() {
            self.reporter.event(&Event::LookingAt(&objects));
            self.looked_at.insert(id, (objects, Instant::now()));
        }
    }

    fn connection(&self, request: &Request) -> Option<Arc<dyn Connection>> {
        let provider = match request {
            Request::List { provider, .. }
            | Request::Read { provider, .. }
            | Request::ReadData { provider, .. }
            | Request::Import { provider, .. }
            | Request::Open { provider, .. }
            | Request::Find { provider, .. }
            | Request::Create { provider, .. }
            | Request::Update { provider, .. }
            | Request::Delete { provider, .. } => provider,
            Request::Connect { .. }
            | Request::Close { .. }
            | Request::Wait { .. }
            | Request::Commit(_)
            | Request::Run { .. } => return None,
        };
        self.connections.get(provider).cloned()
    }

    /// Calls made so far over all connections: (reads, writes).
    pub(crate) fn calls(&self) -> (u64, u64) {
        self.connections
            .values()
            .chain(&self.replaced)
            .map(|c| c.calls())
            .fold((0, 0), |(r, w), (reads, writes)| (r + reads, w + writes))
    }

    fn name<'n>(&'n self, address: &'n Arc<str>) -> (&'n str, PlanAction) {
        self.names.get(address).map_or((address, PlanAction::NoOp), |(name, action)| (name, *action))
    }

    fn begun(&mut self, request: &Request) -> Option<Effect> {
        let (address, operation) = match request {
            Request::Create { address, .. } => (address, Operation::Create),
            Request::Update { address, .. } => (address, Operation::Update),
            Request::Delete { address, .. } => (address, Operation::Delete),
            Request::Open { address, .. } => (address, Operation::Open),
            Request::Close { address, .. } => (address, Operation::Close),
            Request::Run { address, program } if program.before_removal => (address, Operation::Delete),
            Request::Run { address, .. } => (address, Operation::Create),
            _ => return None,
        };
        let held = self.held.remove(address);
        let (name, action) = self.name(address);
        if held.is_none() {
            self.reporter.event(&Event::Started { address: name, json_address: address, operation, action });
        }
        if matches!(request, Request::Run { .. }) {
            self.reporter.event(&Event::ProgramStarted { address: name, json_address: address });
        }
        let now = Instant::now();
        let fresh = || Effect { address: address.clone(), operation, since: now, told: now, id: None };
        Some(held.unwrap_or_else(fresh))
    }

    /// A call or a program of an effect has ended.
    fn ended(&mut self, mut effect: Effect, answer: &Answer, progress: &EffectProgress, hidden: &Hidden) {
        if let Answer::Created(Ok(Created { object, .. })) = answer {
            effect.id = object.get("id").and_then(|id| shown_id(id, hidden));
        }
        if let Answer::Ran(result) = answer {
            let (name, _) = self.name(&effect.address);
            self.reporter.event(&Event::ProgramEnded {
                address: name,
                json_address: &effect.address,
                failed: result.is_err(),
            });
        }
        match (progress, answer) {
            (EffectProgress::GoesOn, _) => {
                self.held.insert(effect.address.clone(), effect);
            }
            (EffectProgress::Failed(why), Answer::Ran(_)) => {
                self.over(&effect, &Answer::Ran(Err(Failure::new(why))));
            }
            (_, Answer::Ran(_)) => self.over(&effect, &Answer::Ran(Ok(()))),
            (_, Answer::Updated(Ok(object))) => {
                let updated = object.get("id").and_then(|id| shown_id(id, hidden));
                effect.id = updated.or(effect.id);
                self.over(&effect, answer);
            }
            _ => self.over(&effect, answer),
        }
    }

    fn said(&self, said: &Said) {
        let (name, _) = self.name(&said.address);
        self.reporter.event(&Event::ProgramSaid {
            address: name,
            json_address: &said.address,
            line: &said.line,
        });
    }

    /// Effects of which nothing more is asked: the run was stopped between two steps.
    fn let_go(&mut self) {
        let stopped = Answer::Ran(Err(Failure::new("the run was stopped before its provisioners were done")));
        for effect in std::mem::take(&mut self.held).into_values() {
            self.over(&effect, &stopped);
        }
    }

    fn over(&self, effect: &Effect, answer: &Answer) {
        let (name, action) = self.name(&effect.address);
        let elapsed = effect.since.elapsed();
        let failed = match answer {
            Answer::Created(Err(e))
            | Answer::Updated(Err(e))
            | Answer::Deleted(Err(e))
            | Answer::Opened(Err(e))
            | Answer::Closed(Err(e))
            | Answer::Ran(Err(e)) => Some(e),
            Answer::Created(Ok(created)) => created.error.as_ref(),
            _ => None,
        };
        let (json_address, operation) = (&*effect.address, effect.operation);
        if let Some(e) = failed {
            let error = e.to_string();
            self.reporter.event(&Event::Failed {
                address: name,
                json_address,
                operation,
                action,
                error: &error,
                elapsed,
            });
            return;
        }
        self.reporter.event(&Event::Finished {
            address: name,
            json_address,
            operation,
            action,
            id: effect.id.as_deref(),
            elapsed,
        });
    }

    fn heartbeat(&self, effects: &mut HashMap<RequestId, Effect>) {
        let due: Vec<RequestId> =
            effects.iter().filter(|(_, e)| e.told.elapsed() >= HEARTBEAT).map(|(id, _)| *id).collect();
        for id in due {
            let Some(effect) = effects.get_mut(&id) else { continue };
            effect.told = Instant::now();
            let effect = &effects[&id];
            let (name, action) = self.name(&effect.address);
            self.reporter.event(&Event::StillRunning {
                address: name,
                json_address: &effect.address,
                operation: effect.operation,
                action,
                elapsed: effect.since.elapsed(),
            });
        }
    }
}

/// What the machine is told if the task of a request dies.
fn answer_if_lost(request: &Request) -> Answer {
    let why = || {
        Failure::new("The provider failed in a way that it must not")
            .detail("a task of it panicked; this is a defect of the provider, please report it")
            .unknown()
    };
    match request {
        Request::Connect { .. } => Answer::Connected(Err(why())),
        Request::List { scopes, .. } => Answer::Listed(scopes.iter().map(|_| Err(why())).collect()),
        Request::Read { objects, .. } => Answer::Read(objects.iter().map(|_| Err(why())).collect()),
        Request::ReadData { sources, .. } => Answer::Data(sources.iter().map(|_| Err(why())).collect()),
        Request::Import { .. } => Answer::Imported(Err(why())),
        Request::Open { .. } => Answer::Opened(Err(why())),
        Request::Close { .. } => Answer::Closed(Err(why())),
        Request::Find { .. } => Answer::Found(Err(why())),
        Request::Wait { .. } => Answer::Waited,
        Request::Commit(_) => Answer::Committed(Err(CommitFailure::Broken(why().to_string()))),
        Request::Create { .. } => Answer::Created(Err(why())),
        Request::Update { .. } => Answer::Updated(Err(why())),
        Request::Delete { .. } => Answer::Deleted(Err(why())),
        Request::Run { .. } => Answer::Ran(Err(Failure::new("The program could not be followed"))),
    }
}

/// An id for the eye: none that is a secret, or that the service made of one.
fn shown_id(id: &Value, hidden: &Hidden) -> Option<String> {
    let text = id.as_str().map(str::to_owned).or_else(|| id.as_number().map(|n| n.to_string()));
    text.filter(|text| !id.has_sensitive() && !hidden.is_in(text))
}

/// One call to a connection.
async fn call(connection: &dyn Connection, request: Request) -> Answer {
    match request {
        Request::List { type_name, scopes, wanted, .. } => {
            let listed =
                connection.list(ListRequest { type_name: type_name.to_string(), scopes, wanted }).await;
            let listing = |l: pilotis_sdk::Listing| Listing { objects: l.objects, complete: l.complete };
            Answer::Listed(listed.into_iter().map(|l| l.map(listing).map_err(failure)).collect())
        }
        Request::Read { objects, .. } => {
            let request = |(type_name, prior): (Arc<str>, Value)| ReadRequest {
                type_name: type_name.to_string(),
                prior,
            };
            let read = connection.read(objects.into_iter().map(request).collect()).await;
            Answer::Read(read.into_iter().map(|r| r.map_err(failure)).collect())
        }
        Request::ReadData { sources, .. } => {
            let request = |(type_name, config): (Arc<str>, Value)| DataRequest {
                type_name: type_name.to_string(),
                config,
            };
            let read = connection.read_data(sources.into_iter().map(request).collect()).await;
            Answer::Data(read.into_iter().map(|r| r.map_err(failure)).collect())
        }
        Request::Import { type_name, id, .. } => {
            Answer::Imported(connection.import(&type_name, &id).await.map_err(failure))
        }
        Request::Find { type_name, planned, known, .. } => {
            Answer::Found(connection.find_beside(&type_name, &planned, &known).await.map_err(failure).map(
                |found| match found {
                    pilotis_sdk::Found::Object(object) => Found::Object(object),
                    pilotis_sdk::Found::Absent => Found::Absent,
                    pilotis_sdk::Found::Revoked => Found::Revoked,
                    pilotis_sdk::Found::Unknown(why) => Found::Unknown(why),
                },
            ))
        }
        Request::Create { type_name, planned, .. } => {
            let created = connection.create(&type_name, &planned).await;
            Answer::Created(
                created.map_err(failure).map(|c| Created { object: c.object, error: c.error.map(failure) }),
            )
        }
        Request::Update { type_name, prior, planned, .. } => {
            Answer::Updated(connection.update(&type_name, &prior, &planned).await.map_err(failure))
        }
        Request::Delete { type_name, prior, .. } => {
            Answer::Deleted(connection.delete(&type_name, &prior).await.map_err(failure))
        }
        Request::Connect { .. }
        | Request::Open { .. }
        | Request::Close { .. }
        | Request::Wait { .. }
        | Request::Commit(_)
        | Request::Run { .. } => {
            unreachable!("done by the caller")
        }
    }
}

/// A provider's error as the machine takes it: what, where, with which credential, what to do.
fn failure(error: Error) -> Failure {
    let mut detail = vec![error.detail];
    if let Some(request) = &error.request {
        let status = error.status.map(|s| format!(" answered {s}")).unwrap_or_default();
        let id = error.request_id.map(|id| format!(", request id {id}")).unwrap_or_default();
        detail.push(format!("{request}{status}{id}"));
    }
    if let Some(credential) = &error.credential {
        detail.push(format!("credential: {credential}"));
    }
    detail.retain(|part| !part.is_empty());
    Failure {
        outcome: match error.outcome {
            pilotis_sdk::Outcome::NotDone => Outcome::NotDone,
            pilotis_sdk::Outcome::Unknown => Outcome::Unknown,
        },
        summary: error.summary,
        detail: detail.join("\n"),
        help: error.help,
        attribute: error.attribute,
    }
}

fn commit_failure(error: StateError) -> CommitFailure {
    match error {
        StateError::Conflict(key) => CommitFailure::Conflict(key.address.to_string()),
        error @ (StateError::Locked { .. } | StateError::Fenced(_)) => {
            CommitFailure::Locked(error.to_string())
        }
        error @ StateError::Settled(_) => CommitFailure::Settled(error.to_string()),
        error => CommitFailure::Broken(error.to_string()),
    }
}

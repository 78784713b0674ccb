//! What a command line talks to: plan, apply, drift, import.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pilotis_config::{Configuration, RootVariables, Schemas};
use pilotis_diag::Diagnostics;
use pilotis_lang::Files;
use pilotis_plan::planfile::PlanFile;
use pilotis_plan::recording::{Answers, ModuleFiles, RecordingFiles};
use pilotis_plan::{
    Applied, ApplyStart, Inputs, KeptMadeOf, Machine, Plan, PlanAction, PlanOptions, ResourceChange,
};
use pilotis_sdk::{Provider, SandboxEndpoint};
use pilotis_state::audit::Approval;
use pilotis_state::{
    Head, Holder, ResourceKey, Run, RunId, RunKind, RunStatus, Snapshot, StateError, Store, Write,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::drive::{Connections, Driver, Names, now};
use crate::ephemeral::Opened;
use crate::lease::{Lasting, Leases, Wanted};
use crate::{Event, Reporter, StoreThread};

/// All providers of the program, by local name.
#[derive(Clone, Default)]
pub struct Providers {
    /// `gitlab` → the provider.
    pub by_name: BTreeMap<String, Arc<dyn Provider>>,
}

impl Providers {
    /// With one more.
    pub fn with(mut self, provider: Arc<dyn Provider>) -> Providers {
        self.by_name.insert(provider.schema().name.clone(), provider);
        self
    }
    /// Their schemas, for loading a configuration.
    pub fn schemas(&self) -> Schemas {
        let providers = self.by_name.iter().map(|(name, p)| (name.clone(), Arc::new(p.schema().clone())));
        Schemas { providers: providers.collect() }
    }
}

/// What an engine is told of its surroundings.
#[derive(Clone)]
pub struct Settings {
    /// Environment variables, for the providers.
    pub variables: BTreeMap<String, String>,
    /// Sandbox endpoints by provider's local name; empty: the real services.
    pub sandbox: BTreeMap<String, SandboxEndpoint>,
    /// Folder that relative paths of provider blocks start from.
    pub base_dir: PathBuf,
    /// For functions that read files.
    pub files: Arc<dyn Files>,
    /// Who holds leases: this process, and the person or CI job.
    pub holder: Holder,
    /// Commit of the configuration, if it lies in a Git work tree.
    pub commit: Option<String>,
    /// What `terraform.workspace` says.
    pub workspace: String,
    /// `-parallelism`: effects in flight at most, over all hosts.
    pub parallelism: usize,
    /// Take leases of what a run changes (`-lock=false` doesn't).
    pub lock: bool,
    /// Wait this long for somebody else's lease.
    pub lock_timeout: Duration,
}

/// The engine: a state and the providers.
pub struct Engine {
    store: StoreThread,
    providers: Providers,
    settings: Settings,
}

/// A plan that can be applied: the plan as data, and the machine that made it.
pub struct Planned {
    /// What would be done.
    pub plan: Plan,
    /// What made it; goes on with applying.
    pub machine: Box<Machine>,
    /// Connections that planning has made.
    pub(crate) connections: Connections,
    /// The state that it was made on.
    pub(crate) head: Head,
}

/// Options of an apply.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// What the run's record says.
    pub kind: RunKind,
    /// Provisioners may run their programs. Else a plan that has some is refused.
    pub allow_programs: bool,
    /// What the plan was made of, to be kept with the run: a later one can go back to it.
    pub made_of: Option<KeptMadeOf>,
    /// Who said that it may go ahead.
    pub approval: Approval,
}

/// What came of an apply.
#[derive(Clone, Debug)]
pub struct ApplyReport {
    /// Per object, and as a whole.
    pub applied: Applied,
    /// Id of the run's record.
    pub run: String,
    /// Calls made to services: (reads, writes).
    pub calls: (u64, u64),
}

/// What an import took over.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The address that it has now.
    pub address: String,
    /// Its id at the service.
    pub id: String,
}

/// Why the engine could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The configuration, the plan: said in diagnostics.
    #[error("the plan has errors")]
    Diagnostics(Diagnostics),
    /// Objects that the plan rests on have changed in the state since it was made. Nothing was done.
    #[error("the plan is stale: {} changed since it was made", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Stale(Vec<ResourceKey>),
    /// A saved plan would do something else now. Nothing was done.
    #[error("the saved plan is stale: on the state of today it would do something else")]
    Different {
        /// The plan that was saved.
        saved: Box<Plan>,
        /// What it would be now.
        now: Box<Plan>,
    },
    /// A saved plan can't be used.
    #[error("{0}")]
    PlanFile(String),
    /// Stopped by a person before anything was done.
    #[error("interrupted")]
    Interrupted,
}

/// The state is closed with the engine, on every way out.
impl Drop for Engine {
    fn drop(&mut self) {
        self.store.close();
    }
}

impl Engine {
    /// An engine. The store moves to a thread of its own.
    pub fn new(store: Box<dyn Store>, providers: Providers, settings: Settings) -> Engine {
        Engine { store: StoreThread::start(store), providers, settings }
    }
    /// Options of a plan as its surroundings say: working folder and workspace.
    pub(crate) fn options(&self) -> PlanOptions {
        let Settings { base_dir, workspace, .. } = &self.settings;
        PlanOptions {
            workspace: workspace.clone(),
            cwd: base_dir.display().to_string(),
            ..PlanOptions::default()
        }
    }
    /// The schemas of its providers.
    pub fn schemas(&self) -> Schemas {
        self.providers.schemas()
    }
    /// From now on, these providers use the sandbox, and no others.
    pub fn use_sandbox(&mut self, endpoints: BTreeMap<String, SandboxEndpoint>) {
        self.settings.sandbox = endpoints;
    }
    /// The state, for reads and edits that are not the engine's.
    pub fn store(&self) -> &StoreThread {
        &self.store
    }
    /// Makes a plan. Errors of the configuration and of services are in the plan's diagnostics; nothing is changed at any service.
    pub async fn plan(
        &self,
        configuration: Arc<Configuration>,
        variables: RootVariables,
        options: PlanOptions,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<Planned, EngineError> {
        let (head, snapshot) = self.read().await?;
        let inputs = self.inputs(configuration, variables, options, Arc::new(snapshot));
        self.make(inputs, head, self.driver(reporter), cancel).await.map(|(planned, _)| planned)
    }

    /// Makes a plan and keeps what it was made from, to be saved. `given_ephemeral`: the ephemeral variables that it was given.
    #[allow(clippy::too_many_arguments, reason = "one caller; a struct would only rename them")]
    pub async fn plan_to_save(
        &self,
        modules: ModuleFiles,
        configuration: Arc<Configuration>,
        variables: RootVariables,
        given_ephemeral: BTreeSet<String>,
        options: PlanOptions,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<(Planned, PlanFile), EngineError> {
        loop {
            let (head, snapshot) = self.read().await?;
            let snapshot = Arc::new(snapshot);
            let files = Arc::new(RecordingFiles::new(self.settings.files.clone()));
            let mut inputs =
                self.inputs(configuration.clone(), variables.clone(), options.clone(), snapshot.clone());
            inputs.files = files.clone();
            let (started, seed) = (inputs.started, inputs.seed);
            let mut driver = self.driver(reporter);
            driver.keep = Some(Answers::default());
            let (mut planned, answers) = self.make(inputs, head.clone(), driver, cancel).await?;
            // Interrupted changes were settled on the way: the plan is made again on the state as it is now.
            if !snapshot.abandoned(started).is_empty() && !planned.plan.diagnostics.has_errors() {
                continue;
            }
            let mut file = PlanFile {
                program: env!("CARGO_PKG_VERSION").into(),
                modules,
                files: files.files(),
                variables,
                given_ephemeral,
                options,
                snapshot,
                head: Some(head),
                answers,
                started,
                seed,
                digest: planned.plan.digest.clone(),
                excerpt: None,
            };
            if !planned.plan.diagnostics.has_errors() {
                let excerpt = file.excerpt(&mut planned.machine, &self.providers.schemas());
                file.excerpt = excerpt.map(Box::new);
            }
            return Ok((planned, file));
        }
    }

    /// Makes a saved plan again on the state of today. `given`: values of variables that live for one run only.
    /// [`EngineError::Different`] if it would do something else now.
    pub async fn plan_again(
        &self,
        file: &PlanFile,
        configuration: Arc<Configuration>,
        given: &RootVariables,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<Planned, EngineError> {
        let schemas = self.providers.schemas();
        let mut inputs = file.inputs(configuration.clone(), schemas.clone(), given);
        let (head, snapshot) = self.read().await?;
        inputs.snapshot = Arc::new(snapshot);
        inputs.now = now();
        inputs.seed = Uuid::new_v4().as_u128();
        let mut driver = self.driver(reporter);
        driver.again = Some(file);
        let (planned, _) = self.make(inputs, head, driver, cancel).await?;
        if planned.plan.digest == file.digest || planned.plan.diagnostics.has_errors() {
            return Ok(planned);
        }
        let saved = file.plan(configuration, schemas).map_err(|e| EngineError::PlanFile(e.to_string()))?;
        Err(EngineError::Different { saved: Box::new(saved), now: Box::new(planned.plan) })
    }

    /// Makes a saved plan again from its excerpt. None if the state has gone on since, or the plan isn't the same all the same: the whole
    /// must tell then ([`Engine::plan_again`]).
    pub async fn plan_from_excerpt(
        &self,
        excerpt: &PlanFile,
        configuration: Arc<Configuration>,
        given: &RootVariables,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<Option<Planned>, EngineError> {
        let head = self.store.with(|store| store.head()).await?;
        if excerpt.head.as_ref() != Some(&head) {
            return Ok(None);
        }
        let mut inputs = excerpt.inputs(configuration, self.providers.schemas(), given);
        inputs.now = now();
        inputs.seed = Uuid::new_v4().as_u128();
        let mut driver = self.driver(reporter);
        driver.again = Some(excerpt);
        let (planned, _) = self.make(inputs, head, driver, cancel).await?;
        let same = planned.plan.digest == excerpt.digest && !planned.plan.diagnostics.has_errors();
        Ok(same.then_some(planned))
    }

    /// Options that look at nothing but what a plan that looks at nothing would change: what somebody else has changed is found
    /// where it matters for this plan, and the rest of the estate is left in peace.
    pub async fn looking_at_changes(
        &self,
        configuration: Arc<Configuration>,
        variables: RootVariables,
        options: PlanOptions,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<PlanOptions, EngineError> {
        let blind = PlanOptions { refresh: false, ..options };
        let planned = self.plan(configuration, variables, blind.clone(), reporter, cancel).await?;
        let changes = planned.plan.changes.into_iter();
        let there = |action| !matches!(action, PlanAction::NoOp | PlanAction::Read | PlanAction::Create);
        let look_at = changes.filter(|c| there(c.action)).map(|c| c.address).collect();
        Ok(PlanOptions { look_at, ..blind })
    }

    /// The state, and its head: one that is older than the snapshot if somebody commits between the two, and matches no state then.
    async fn read(&self) -> Result<(Head, Snapshot), StateError> {
        self.store.with(|store| Ok((store.head()?, store.snapshot()?))).await
    }

    fn inputs(
        &self,
        configuration: Arc<Configuration>,
        variables: RootVariables,
        options: PlanOptions,
        snapshot: Arc<Snapshot>,
    ) -> Inputs {
        Inputs {
            configuration,
            schemas: self.providers.schemas(),
            variables,
            options,
            snapshot,
            files: self.settings.files.clone(),
            started: now(),
            now: now(),
            seed: Uuid::new_v4().as_u128(),
        }
    }

    async fn make(
        &self,
        inputs: Inputs,
        head: Head,
        mut driver: Driver<'_>,
        cancel: &CancellationToken,
    ) -> Result<(Planned, Answers), EngineError> {
        let mut machine = Box::new(Machine::new(inputs));
        let never = CancellationToken::new();
        let interrupted = tokio::select! {
            () = driver.run(&mut machine, &never, &never) => false,
            () = cancel.cancelled() => true,
        };
        if interrupted {
            driver.opened.close_all().await;
            return Err(EngineError::Interrupted);
        }
        let mut plan = machine.take_plan().unwrap_or_default();
        plan.calls = driver.calls();
        let changes = plan.changes.iter().filter(|c| c.action != PlanAction::NoOp).count();
        driver.reporter.event(&Event::Planned { changes });
        let answers = driver.keep.take().unwrap_or_default();
        Ok((Planned { plan, machine, connections: driver.connections, head }, answers))
    }

    /// Does what a plan says. `soft`: finish what is in flight and begin nothing more; `hard`: note what is in flight as unknown, and
    /// return.
    pub async fn apply(
        &self,
        planned: Planned,
        options: ApplyOptions,
        reporter: &dyn Reporter,
        soft: &CancellationToken,
        hard: &CancellationToken,
    ) -> Result<ApplyReport, EngineError> {
        self.apply_keeping(planned, options, reporter, soft, hard).await.map(|(report, _)| report)
    }

    /// The same, with the machine that has done it: it knows what has become of everything.
    pub async fn apply_keeping(
        &self,
        planned: Planned,
        options: ApplyOptions,
        reporter: &dyn Reporter,
        soft: &CancellationToken,
        hard: &CancellationToken,
    ) -> Result<(ApplyReport, Box<Machine>), EngineError> {
        let Planned { plan, mut machine, connections, head } = planned;
        if plan.diagnostics.has_errors() {
            return Err(EngineError::Diagnostics(plan.diagnostics));
        }
        if let Some(refused) = crate::programs_refused(&plan, options.allow_programs) {
            return Err(refused.into());
        }
        let run = RunId(Uuid::new_v4().to_string().into());
        let wanted = match self.settings.lock {
            true => Wanted { write: machine.write_set(), read: machine.read_set() },
            false => Wanted::default(),
        };
        let (holder, timeout) = (&self.settings.holder, self.settings.lock_timeout);
        let leases = Leases::take(&self.store, wanted, holder, &run, timeout, soft).await?;
        let result = match self.stale(&machine, head).await {
            Ok(()) => {
                let mut driver = self.driver(reporter);
                driver.connections = connections;
                driver.lasting = leases.lasting();
                self.carry_out(&plan, &mut machine, driver, &run, options, soft, hard).await
            }
            Err(e) => Err(e),
        };
        drop(leases);
        let id = run.clone();
        self.store.with(move |store| store.release(&id)).await?;
        result.map(|report| (report, machine))
    }

    /// Between the plan and the leases somebody else may have changed what the plan rests on.
    async fn stale(&self, machine: &Machine, planned_on: Head) -> Result<(), EngineError> {
        // A run that was at work may have died since, which no commit tells.
        let unseen = !machine.others_at_work();
        let newer = move |store: &mut dyn Store| {
            if unseen && store.head()? == planned_on { Ok(None) } else { store.snapshot().map(Some) }
        };
        let Some(snapshot) = self.store.with(newer).await? else { return Ok(()) };
        let stale = machine.stale(&snapshot);
        if stale.is_empty() { Ok(()) } else { Err(EngineError::Stale(stale)) }
    }

    #[allow(clippy::too_many_arguments, reason = "one caller; a struct would only rename them")]
    async fn carry_out(
        &self,
        plan: &Plan,
        machine: &mut Machine,
        mut driver: Driver<'_>,
        run: &RunId,
        options: ApplyOptions,
        soft: &CancellationToken,
        hard: &CancellationToken,
    ) -> Result<ApplyReport, EngineError> {
        let record = Run {
            id: run.clone(),
            kind: options.kind,
            who: self.settings.holder.who.clone(),
            commit: self.settings.commit.clone(),
            plan_digest: Some(plan.digest.clone()).filter(|d| !d.is_empty()),
            started: now(),
            finished: None,
            status: RunStatus::Running,
            calls: 0,
        };
        let (version, approval) = (env!("CARGO_PKG_VERSION").into(), options.approval);
        let mut writes =
            vec![Write::StartRun(record), Write::Approve { run: run.clone(), version, approval }];
        if let Some(KeptMadeOf { digest, text }) = options.made_of {
            writes.push(Write::KeepMadeOf { run: run.clone(), digest, text });
        }
        self.store.commit(writes).await?;
        driver.names = names(plan);
        let before = driver.calls();
        // Those of the plan, which changed nothing.
        driver.take_call_log();
        driver.run = Some(run.clone());
        machine.apply(ApplyStart { run: run.clone(), now: now(), parallelism: self.settings.parallelism });
        driver.run(machine, soft, hard).await;
        // The machine has closed all, unless it was told that nothing is waited for.
        driver.opened.close_all().await;
        let applied = machine.applied();
        let after = driver.calls();
        let calls = (after.0 - before.0, after.1 - before.1);
        let finish =
            Write::FinishRun { id: run.clone(), status: applied.status, at: now(), calls: calls.0 + calls.1 };
        if applied.state_broken.is_none() {
            self.store.commit(driver.called().into_iter().chain([finish]).collect()).await?;
        }
        Ok(ApplyReport { applied, run: run.0.to_string(), calls })
    }

    fn driver<'a>(&'a self, reporter: &'a dyn Reporter) -> Driver<'a> {
        Driver {
            providers: &self.providers,
            settings: &self.settings,
            store: &self.store,
            reporter,
            names: Names::new(),
            connections: Connections::new(),
            replaced: Vec::new(),
            opened: Opened::default(),
            keep: None,
            again: None,
            looked_at: HashMap::new(),
            hidden: HashMap::new(),
            held: HashMap::new(),
            lasting: Lasting::default(),
            run: None,
        }
    }
}

fn names(plan: &Plan) -> Names {
    let changed = plan.changes.iter().filter(|c| c.action != PlanAction::NoOp);
    // Both names are one text where no blueprint is around.
    let address = |c: &ResourceChange| match c.address.to_string() {
        address if *address == *c.display => c.display.clone(),
        address => address.into(),
    };
    changed.map(|c| (address(c), (c.display.clone(), c.action))).collect()
}

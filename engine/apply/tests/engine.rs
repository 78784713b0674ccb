//! The engine end to end, with the provider that needs no service and the state in memory.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pilotis_apply::{
    ApplyOptions, ApplyReport, Engine, EngineError, Event, Planned, Providers, Quiet, Reporter,
    TerraformProvider,
};
use pilotis_config::{Configuration, LoadOptions, RootVariables, load};
use pilotis_plan::planfile::PlanFile;
use pilotis_plan::recording::RecordingSources;
use pilotis_plan::{PlanAction, PlanMode, PlanOptions};
use pilotis_schema::ProviderSchema;
use pilotis_sdk::{
    Connection, Created, DataRequest, Environment, Error, Found, ImportId, ListRequest, Listing, Provider,
    ReadRequest,
};
use pilotis_state::{MemoryStore, RunKind, RunStatus, Store as _};
use pilotis_value::Value;
use support::{One, settings};
use tokio_util::sync::CancellationToken;

struct World {
    engine: Engine,
    store: MemoryStore,
    providers: Providers,
}

fn world(provider: Arc<dyn Provider>) -> World {
    let store = MemoryStore::default();
    let providers = Providers::default().with(provider);
    World { engine: Engine::new(Box::new(store.clone()), providers.clone(), settings()), store, providers }
}

impl World {
    fn load(&self, text: &str) -> Arc<Configuration> {
        let options = LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() };
        let (configuration, diags) = load(&options, &One(text.into()), &self.providers.schemas());
        assert!(!diags.has_errors(), "{diags:?}");
        Arc::new(configuration)
    }
    async fn plan(&self, text: &str, options: PlanOptions) -> Planned {
        let never = CancellationToken::new();
        let configuration = self.load(text);
        self.engine.plan(configuration, RootVariables::new(), options, &Quiet, &never).await.unwrap()
    }
    async fn apply(&self, planned: Planned) -> Result<ApplyReport, EngineError> {
        let never = CancellationToken::new();
        self.engine
            .apply(
                planned,
                ApplyOptions {
                    kind: RunKind::Apply,
                    allow_programs: false,
                    made_of: None,
                    approval: pilotis_state::audit::Approval::AutoApprove,
                },
                &Quiet,
                &never,
                &never,
            )
            .await
    }
    async fn save(&self, text: &str) -> PlanFile {
        let source = One(text.into());
        let recording = RecordingSources::new(&source);
        let options = LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() };
        let (configuration, _) = load(&options, &recording, &self.providers.schemas());
        let never = CancellationToken::new();
        let saved = self.engine.plan_to_save(
            recording.into_files(),
            Arc::new(configuration),
            RootVariables::new(),
            Default::default(),
            PlanOptions::default(),
            &Quiet,
            &never,
        );
        PlanFile::read(&saved.await.unwrap().1.write().unwrap()).unwrap()
    }
    async fn again(&self, file: &PlanFile) -> Result<Planned, EngineError> {
        let (configuration, _) = file.configuration(&self.providers.schemas());
        let never = CancellationToken::new();
        self.engine.plan_again(file, Arc::new(configuration), &RootVariables::new(), &Quiet, &never).await
    }
}

fn actions(planned: &Planned) -> Vec<String> {
    let changes = planned.plan.changes.iter().filter(|c| c.action != PlanAction::NoOp);
    changes.map(|c| format!("{:?} {}", c.action, c.address)).collect()
}

const TWO: &str = r#"
resource "terraform_data" "a" { input = 1 }
resource "terraform_data" "b" { input = terraform_data.a.id }
output "b" { value = terraform_data.b.output }
"#;

#[tokio::test]
async fn plans_applies_and_destroys() {
    let world = world(Arc::new(TerraformProvider));
    let planned = world.plan(TWO, PlanOptions::default()).await;
    assert_eq!(actions(&planned), ["Create terraform_data.a", "Create terraform_data.b"]);
    let report = world.apply(planned).await.unwrap();
    assert_eq!(report.applied.status, RunStatus::Done);
    let mut store = world.store.clone();
    let snapshot = store.snapshot().unwrap();
    assert_eq!((snapshot.resources.len(), snapshot.outputs.len()), (2, 1));
    assert!(snapshot.leases.is_empty() && snapshot.intents.is_empty());
    let runs = store.runs(1).unwrap();
    assert_eq!((runs[0].status, runs[0].who.as_str()), (RunStatus::Done, "marie@test"));

    assert!(actions(&world.plan(TWO, PlanOptions::default()).await).is_empty());
    let options = PlanOptions { mode: PlanMode::Destroy, ..PlanOptions::default() };
    world.apply(world.plan(TWO, options).await).await.unwrap();
    assert!(store.snapshot().unwrap().resources.is_empty());
}

#[tokio::test]
async fn a_saved_plan_is_applied_once() {
    let world = world(Arc::new(TerraformProvider));
    let file = world.save(TWO).await;
    let planned = world.again(&file).await.unwrap();
    assert_eq!(planned.plan.digest, file.digest);
    world.apply(planned).await.unwrap();
    match world.again(&file).await {
        Err(EngineError::Different { saved, now }) => {
            assert_eq!(saved.changes.len(), 2);
            assert!(now.changes.iter().all(|c| c.action == PlanAction::NoOp));
        }
        other => panic!("{:?}", other.map(|p| actions(&p))),
    }
}

/// The excerpt of a plan stands for it until anything is committed; the whole tells then.
#[tokio::test]
async fn an_excerpt_holds_for_one_state_only() {
    let blocks: String =
        (0..9).map(|i| format!("resource \"terraform_data\" \"r{i}\" {{ input = {i} }}\n")).collect();
    let world = world(Arc::new(TerraformProvider));
    world.apply(world.plan(&blocks, PlanOptions::default()).await).await.unwrap();
    let file = world.save(&blocks.replace("input = 4", "input = 40")).await;
    let excerpt = file.excerpt.clone().expect("one of nine changes");
    assert_eq!(excerpt.snapshot.resources.len(), 1);
    let never = CancellationToken::new();
    let again = async || {
        let (configuration, _) = excerpt.configuration(&world.providers.schemas());
        let (configuration, given) = (Arc::new(configuration), RootVariables::new());
        world.engine.plan_from_excerpt(&excerpt, configuration, &given, &Quiet, &never).await.unwrap()
    };
    let planned = again().await.expect("nothing was committed");
    assert_eq!((actions(&planned), planned.plan.changes.len()), (vec!["Update terraform_data.r4".into()], 1));

    // Somebody else changes what has nothing to do with it: the plan still holds, but the excerpt doesn't say so.
    let other = format!("{blocks}resource \"terraform_data\" \"new\" {{}}\n");
    world.apply(world.plan(&other, PlanOptions::default()).await).await.unwrap();
    assert!(again().await.is_none());
    assert!(
        matches!(world.again(&file).await, Err(EngineError::Different { .. })),
        "the new one would be removed"
    );
    // The one that was planned before is applied: what it rests on is as it was.
    assert_eq!(world.apply(planned).await.unwrap().applied.status, RunStatus::Done);
    assert_eq!(world.store.clone().snapshot().unwrap().resources.len(), 10);
}

#[tokio::test]
async fn a_plan_that_was_overtaken_is_refused() {
    let world = world(Arc::new(TerraformProvider));
    let (first, second) =
        (world.plan(TWO, PlanOptions::default()).await, world.plan(TWO, PlanOptions::default()).await);
    world.apply(first).await.unwrap();
    assert!(matches!(world.apply(second).await, Err(EngineError::Stale(_))));
    assert_eq!(world.store.clone().snapshot().unwrap().resources.len(), 2, "nothing was made twice");
}

/// Delegates, but one call.
struct Faulty;

#[async_trait]
impl Provider for Faulty {
    fn schema(&self) -> &ProviderSchema {
        TerraformProvider.schema_of()
    }
    async fn connect(&self, _: &Value, _: &Environment) -> Result<Arc<dyn Connection>, Error> {
        Ok(Arc::new(Faulty))
    }
}

/// The schema of the provider, for as long as the program runs.
trait SchemaOf {
    fn schema_of(&self) -> &'static ProviderSchema;
}

impl SchemaOf for TerraformProvider {
    fn schema_of(&self) -> &'static ProviderSchema {
        static PROVIDER: TerraformProvider = TerraformProvider;
        PROVIDER.schema()
    }
}

#[async_trait]
impl Connection for Faulty {
    fn host(&self) -> String {
        "faulty".into()
    }
    fn calls(&self) -> (u64, u64) {
        (0, 0)
    }
    async fn read(&self, requests: Vec<ReadRequest>) -> Vec<Result<Option<Value>, Error>> {
        TerraformProvider.read(requests).await
    }
    async fn list(&self, request: ListRequest) -> Vec<Result<Listing, Error>> {
        TerraformProvider.list(request).await
    }
    async fn create(&self, type_name: &str, planned: &Value) -> Result<Created, Error> {
        match planned.get("input").and_then(Value::as_str) {
            Some("panic") => panic!("a defect"),
            Some("slow") => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                unreachable!("it is abandoned before")
            }
            _ => TerraformProvider.create(type_name, planned).await,
        }
    }
    async fn update(&self, type_name: &str, prior: &Value, planned: &Value) -> Result<Value, Error> {
        TerraformProvider.update(type_name, prior, planned).await
    }
    async fn delete(&self, type_name: &str, prior: &Value) -> Result<(), Error> {
        TerraformProvider.delete(type_name, prior).await
    }
    async fn find(&self, type_name: &str, planned: &Value) -> Result<Found, Error> {
        TerraformProvider.find(type_name, planned).await
    }
    async fn import(&self, type_name: &str, id: ImportId<'_>) -> Result<Value, Error> {
        TerraformProvider.import(type_name, id).await
    }
    async fn read_data(&self, requests: Vec<DataRequest>) -> Vec<Result<Value, Error>> {
        TerraformProvider.read_data(requests).await
    }
}

#[tokio::test]
async fn a_provider_that_panics_ends_nothing_but_its_call() {
    let world = world(Arc::new(Faulty));
    let text = r#"
        resource "terraform_data" "a" { input = "panic" }
        resource "terraform_data" "b" { input = "fine" }
        "#;
    let report = world.apply(world.plan(text, PlanOptions::default()).await).await.unwrap();
    assert_eq!(report.applied.counts(), (1, 0, 0, 1), "one done, one of unknown outcome");
    assert_eq!(world.store.clone().snapshot().unwrap().intents.len(), 1, "its intent is open");
}

/// Cancels when the first effect begins.
struct CancelAtStart(CancellationToken, CancellationToken, Mutex<Vec<String>>);

impl Reporter for CancelAtStart {
    fn event(&self, event: &Event<'_>) {
        if let Event::Started { address, .. } = event {
            self.2.lock().unwrap().push((*address).to_owned());
            self.0.cancel();
            self.1.cancel();
        }
    }
}

#[tokio::test]
async fn a_second_interrupt_leaves_at_once() {
    let world = world(Arc::new(Faulty));
    let text = r#"
        resource "terraform_data" "a" { input = "slow" }
        resource "terraform_data" "b" { input = terraform_data.a.id }
        "#;
    let planned = world.plan(text, PlanOptions::default()).await;
    let reporter = CancelAtStart(CancellationToken::new(), CancellationToken::new(), Mutex::default());
    let options = ApplyOptions {
        kind: RunKind::Apply,
        allow_programs: false,
        made_of: None,
        approval: pilotis_state::audit::Approval::AutoApprove,
    };
    let applied = world.engine.apply(planned, options, &reporter, &reporter.0, &reporter.1);
    let report = tokio::time::timeout(Duration::from_secs(5), applied).await.expect("it leaves").unwrap();
    assert_eq!(report.applied.status, RunStatus::Interrupted);
    assert_eq!(report.applied.counts(), (0, 0, 1, 1));
    assert_eq!(*reporter.2.lock().unwrap(), ["terraform_data.a"]);
    // The next run finds nothing of it, and makes both.
    let text = text.replace("slow", "fast");
    let report = world.apply(world.plan(&text, PlanOptions::default()).await).await.unwrap();
    assert_eq!(report.applied.counts(), (2, 0, 0, 0));
}

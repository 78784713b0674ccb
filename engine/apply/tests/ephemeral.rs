//! What the driver does with ephemeral resources: renewed for as long as they are open, and closed whatever happens.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pilotis_apply::{ApplyOptions, ApplyReport, Engine, EngineError, Providers, Quiet};
use pilotis_config::{LoadOptions, RootVariables, load};
use pilotis_plan::PlanOptions;
use pilotis_schema::{Attribute, Block, Presence, ProviderSchema, ResourceSchema};
use pilotis_sdk::{
    Connection, Created, DataRequest, Environment, Error, ErrorKind, Found, ImportId, ListRequest, Listing,
    Opened, Provider, ReadRequest, Renewed, Secret,
};
use pilotis_state::{MemoryStore, RunKind, RunStatus};
use pilotis_value::{Type, Value};
use support::{One, settings};
use tokio_util::sync::CancellationToken;

static SCHEMA: LazyLock<ProviderSchema> = LazyLock::new(|| {
    let with = |presence| Attribute { presence, ..Attribute::new(Type::String) };
    let block = |attributes: &[(&str, Attribute)]| Block {
        attributes: attributes.iter().map(|(name, a)| ((*name).to_owned(), a.clone())).collect(),
        ..Block::default()
    };
    let thing = block(&[
        ("id", with(Presence::Computed)),
        ("takes_ms", with(Presence::Required)),
        ("key_wo", Attribute { write_only: true, ..Attribute::new(Type::String) }),
    ]);
    let word = block(&[("renewal", with(Presence::Optional)), ("value", with(Presence::Computed))]);
    let of = |block| ResourceSchema { block, ..ResourceSchema::default() };
    ProviderSchema {
        name: "lab".into(),
        source: "example.org/pilotis/lab".into(),
        version: "1.0.0".into(),
        config: Block::default(),
        resources: [("lab_thing".to_owned(), of(thing))].into(),
        data_sources: BTreeMap::new(),
        ephemeral_resources: [("lab_word".to_owned(), of(word))].into(),
    }
});

/// Opens words, and writes down what is done with them.
#[derive(Clone, Default)]
struct Lab(Arc<Mutex<Vec<String>>>);

impl Lab {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
    fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[async_trait]
impl Provider for Lab {
    fn schema(&self) -> &ProviderSchema {
        &SCHEMA
    }
    async fn connect(&self, _: &Value, _: &Environment) -> Result<Arc<dyn Connection>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

fn with(object: &Value, name: &str, value: &str) -> Value {
    let mut entries = object.as_entries().cloned().unwrap();
    entries.insert(name.into(), Value::string(value));
    Value::object(entries)
}

const AFTER: Duration = Duration::from_millis(30);

#[async_trait]
impl Connection for Lab {
    fn host(&self) -> String {
        "lab".into()
    }
    fn calls(&self) -> (u64, u64) {
        (0, 0)
    }
    async fn read(&self, requests: Vec<ReadRequest>) -> Vec<Result<Option<Value>, Error>> {
        requests.into_iter().map(|r| Ok(Some(r.prior))).collect()
    }
    async fn list(&self, _: ListRequest) -> Vec<Result<Listing, Error>> {
        Vec::new()
    }
    async fn create(&self, _: &str, planned: &Value) -> Result<Created, Error> {
        let takes = planned.get("takes_ms").and_then(Value::as_str).unwrap().parse().unwrap();
        tokio::time::sleep(Duration::from_millis(takes)).await;
        self.note("create");
        Ok(Created { object: with(planned, "id", "1"), error: None })
    }
    async fn update(&self, _: &str, _: &Value, planned: &Value) -> Result<Value, Error> {
        Ok(planned.clone())
    }
    async fn delete(&self, _: &str, _: &Value) -> Result<(), Error> {
        Ok(())
    }
    async fn find(&self, _: &str, _: &Value) -> Result<Found, Error> {
        Ok(Found::Absent)
    }
    async fn import(&self, _: &str, _: ImportId<'_>) -> Result<Value, Error> {
        Err(Error::new(ErrorKind::NotFound, "There is none"))
    }
    async fn read_data(&self, _: Vec<DataRequest>) -> Vec<Result<Value, Error>> {
        Vec::new()
    }
    async fn open(&self, _: &str, config: &Value) -> Result<Opened, Error> {
        self.note("open");
        let renewal = config.get("renewal").and_then(Value::as_str).unwrap_or_default();
        let handle = if renewal == "broken" { "broken" } else { "0" };
        let renew_after = (!renewal.is_empty()).then_some(AFTER);
        Ok(Opened { value: with(config, "value", "w"), handle: handle.into(), renew_after })
    }
    async fn renew(&self, _: &str, handle: &Secret) -> Result<Renewed, Error> {
        if handle.expose() == "broken" {
            return Err(Error::new(ErrorKind::Forbidden, "It can't be renewed"));
        }
        let next: u32 = handle.expose().parse::<u32>().unwrap() + 1;
        self.note(format!("renew {next}"));
        Ok(Renewed { handle: next.to_string().into(), renew_after: Some(AFTER) })
    }
    async fn close(&self, _: &str, handle: &Secret) -> Result<(), Error> {
        self.note(format!("close {}", handle.expose()));
        Ok(())
    }
}

fn engine(lab: &Lab) -> (Engine, Providers) {
    let providers = Providers::default().with(Arc::new(lab.clone()));
    (Engine::new(Box::new(MemoryStore::default()), providers.clone(), settings()), providers)
}

/// A thing that takes so long to make, with a word that is renewed in such a way.
fn text(takes: u64, renewal: &str) -> String {
    format!(
        "ephemeral \"lab_word\" \"w\" {{\n  renewal = \"{renewal}\"\n}}\n\
         resource \"lab_thing\" \"t\" {{\n  takes_ms = \"{takes}\"\n  key_wo = ephemeral.lab_word.w.value\n}}\n"
    )
}

/// Plans, and applies with these tokens.
async fn run(
    lab: &Lab,
    text: String,
    soft: &CancellationToken,
    hard: &CancellationToken,
) -> Result<ApplyReport, EngineError> {
    let (engine, providers) = engine(lab);
    let options = LoadOptions { root: ".".into(), version: "0.1.0".into(), ..LoadOptions::default() };
    let (configuration, diags) = load(&options, &One(text), &providers.schemas());
    assert!(!diags.has_errors(), "{diags:?}");
    let never = CancellationToken::new();
    let planned =
        engine.plan(Arc::new(configuration), RootVariables::new(), PlanOptions::default(), &Quiet, &never);
    let planned = planned.await?;
    assert_eq!(lab.log().iter().map(|l| &l[..4]).collect::<Vec<_>>(), ["open", "clos"]);
    engine
        .apply(
            planned,
            ApplyOptions {
                kind: RunKind::Apply,
                allow_programs: false,
                made_of: None,
                approval: pilotis_state::audit::Approval::AutoApprove,
            },
            &Quiet,
            soft,
            hard,
        )
        .await
}

#[tokio::test]
async fn it_is_renewed_as_often_as_it_says_and_closed_with_what_it_has_become() {
    let (lab, never) = (Lab::default(), CancellationToken::new());
    let report = run(&lab, text(200, "good"), &never, &never).await.unwrap();
    assert_eq!(report.applied.status, RunStatus::Done, "{:?}", report.applied.diagnostics);
    let log = lab.log();
    let renewals = log.iter().filter(|l| l.starts_with("renew")).count();
    assert!(renewals >= 2, "{log:?}");
    assert_eq!(log.first().map(String::as_str), Some("open"));
    assert_eq!(log.last(), Some(&format!("close {renewals}")), "{log:?}");
    // Nobody renews what is closed.
    tokio::time::sleep(AFTER * 4).await;
    assert!(lab.log().is_empty());
}

#[tokio::test]
async fn one_that_does_not_say_so_is_not_renewed() {
    let (lab, never) = (Lab::default(), CancellationToken::new());
    run(&lab, text(100, ""), &never, &never).await.unwrap();
    assert_eq!(lab.log(), ["open", "create", "close 0"]);
}

#[tokio::test]
async fn a_renewal_that_fails_is_told_when_it_is_closed() {
    let (lab, never) = (Lab::default(), CancellationToken::new());
    let report = run(&lab, text(100, "broken"), &never, &never).await.unwrap();
    assert_eq!(lab.log(), ["open", "create", "close broken"]);
    let said: Vec<&str> = report.applied.diagnostics.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(said, ["It can't be renewed"]);
    assert_eq!(report.applied.status, RunStatus::Partial);
}

#[tokio::test]
async fn it_is_closed_when_a_run_is_told_to_stop_and_when_it_is_broken_off() {
    let after = |time: Duration| {
        let token = CancellationToken::new();
        let cancelled = token.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            cancelled.cancel();
        });
        token
    };
    let (lab, never) = (Lab::default(), CancellationToken::new());
    run(&lab, text(300, "good"), &after(Duration::from_millis(100)), &never).await.unwrap();
    let log = lab.log();
    assert!(log.contains(&"create".to_owned()) && log.last().unwrap().starts_with("close"), "{log:?}");

    let now = after(Duration::from_millis(100));
    run(&lab, text(60_000, "good"), &now, &now).await.unwrap();
    let log = lab.log();
    assert!(!log.contains(&"create".to_owned()) && log.last().unwrap().starts_with("close"), "{log:?}");
}

//! The provider `terraform`: `terraform_data`, which needs no service.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use pilotis_schema::{Attribute, Block, Presence, ProviderSchema, Refresh, ResourceSchema};
use pilotis_sdk::{
    Connection, Created, DataRequest, Environment, Error, ErrorKind, Found, ImportId, ListRequest, Listing,
    Provider, ReadRequest,
};
use pilotis_value::{Type, Value};
use uuid::Uuid;

/// `terraform_data`: an object that lives in the state only.
#[derive(Clone, Copy, Debug, Default)]
pub struct TerraformProvider;

static SCHEMA: LazyLock<ProviderSchema> = LazyLock::new(|| {
    let attribute =
        |presence, doc: &str| Attribute { presence, doc: doc.into(), ..Attribute::new(Type::Dynamic) };
    let input = attribute(Presence::Optional, "Any value; `output` has it after apply.");
    let output = Attribute {
        follows: Some("input".into()),
        ..attribute(Presence::Computed, "The value of `input`, known after apply.")
    };
    let triggers = Attribute {
        force_new: true,
        ..attribute(Presence::Optional, "Any value; a change makes a new object.")
    };
    let id = Attribute { ty: Type::String, ..attribute(Presence::Computed, "A generated id.") };
    let attributes = [("input", input), ("output", output), ("triggers_replace", triggers), ("id", id)];
    let data = ResourceSchema {
        version: 0,
        block: Block {
            attributes: attributes.into_iter().map(|(n, a)| (n.to_owned(), a)).collect(),
            ..Block::default()
        },
        refresh: Refresh { key: vec!["id".into()], ..Refresh::default() },
        doc: "A value that lives in the state only: to keep it, to trigger replacements, to try things."
            .into(),
    };
    ProviderSchema {
        name: "terraform".into(),
        source: "terraform.io/builtin/terraform".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        config: Block::default(),
        resources: [("terraform_data".to_owned(), data)].into_iter().collect(),
        data_sources: Default::default(),
        ephemeral_resources: Default::default(),
    }
});

#[async_trait]
impl Provider for TerraformProvider {
    fn schema(&self) -> &ProviderSchema {
        &SCHEMA
    }
    async fn connect(
        &self,
        _config: &Value,
        _environment: &Environment,
    ) -> Result<Arc<dyn Connection>, Error> {
        Ok(Arc::new(TerraformProvider))
    }
}

/// `object` with other values of some attributes.
fn with<const N: usize>(object: &Value, changes: [(&str, Value); N]) -> Value {
    let mut entries = object.as_entries().cloned().unwrap_or_default();
    entries.extend(changes.into_iter().map(|(name, value)| (name.into(), value)));
    Value::object(entries)
}

/// What `output` becomes. It isn't sensitive, even if the input is: configurations rely on that.
fn input_of(object: &Value) -> Value {
    object.get("input").cloned().map_or_else(|| Value::null(Type::Dynamic), |input| input.unmark_deep().0)
}

#[async_trait]
impl Connection for TerraformProvider {
    fn host(&self) -> String {
        "terraform.io/builtin".into()
    }
    fn parallelism(&self) -> usize {
        256
    }
    fn calls(&self) -> (u64, u64) {
        (0, 0)
    }
    async fn read(&self, requests: Vec<ReadRequest>) -> Vec<Result<Option<Value>, Error>> {
        requests.into_iter().map(|r| Ok(Some(r.prior))).collect()
    }
    async fn list(&self, request: ListRequest) -> Vec<Result<Listing, Error>> {
        request.wanted.into_iter().map(|objects| Ok(Listing { objects, complete: true })).collect()
    }
    async fn create(&self, _type_name: &str, planned: &Value) -> Result<Created, Error> {
        let id = Value::string(Uuid::new_v4().to_string());
        Ok(Created { object: with(planned, [("output", input_of(planned)), ("id", id)]), error: None })
    }
    async fn update(&self, _type_name: &str, _prior: &Value, planned: &Value) -> Result<Value, Error> {
        Ok(with(planned, [("output", input_of(planned))]))
    }
    async fn delete(&self, _type_name: &str, _prior: &Value) -> Result<(), Error> {
        Ok(())
    }
    async fn find(&self, _type_name: &str, _planned: &Value) -> Result<Found, Error> {
        Ok(Found::Absent)
    }
    async fn import(&self, _type_name: &str, id: ImportId<'_>) -> Result<Value, Error> {
        let null = || Value::null(Type::Dynamic);
        Ok(Value::object_of([
            ("id", Value::string(id)),
            ("input", null()),
            ("output", null()),
            ("triggers_replace", null()),
        ]))
    }
    async fn read_data(&self, requests: Vec<DataRequest>) -> Vec<Result<Value, Error>> {
        let unknown = |r: DataRequest| {
            Err(Error::new(ErrorKind::Internal, format!("This provider has no data source {}", r.type_name)))
        };
        requests.into_iter().map(unknown).collect()
    }
}

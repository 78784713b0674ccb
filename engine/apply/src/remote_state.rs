//! The data source `terraform_remote_state`: outputs of another state.
//!
//! What its arguments mean is here; where states are and how they are stored is for the program to say ([`OtherStates`]).

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use pilotis_config::{Backend, backend_arguments, has_backend_argument};
use pilotis_schema::{Attribute, Block, Presence, ProviderSchema, ResourceSchema};
use pilotis_sdk::{
    Connection, Created, DataRequest, Environment, Error, ErrorKind, Found, ImportId, ListRequest, Listing,
    Provider, ReadRequest,
};
use pilotis_state::OutputRecord;
use pilotis_value::{Marks, Type, Value, json};

use crate::TerraformProvider;

/// Where another state is, as a configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherState {
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// Its backend, with what that is told.
    pub backend: Backend,
    /// The workspace; none is the default one.
    pub workspace: Option<String>,
}

/// Reads other states.
pub trait OtherStates: Send + Sync {
    /// The outputs of one; none if there is no such state. An error says why it can't be read, without a value of it.
    fn outputs(&self, state: &OtherState) -> Result<Option<Vec<OutputRecord>>, String>;
}

/// The provider `terraform`: `terraform_data` and `terraform_remote_state`.
pub struct Builtin {
    schema: ProviderSchema,
    states: Arc<dyn OtherStates>,
}

const DATA_SOURCE: &str = "terraform_remote_state";

/// Backends of Terraform 1.11, which are not here.
const FOREIGN: [&str; 9] = ["azurerm", "consul", "cos", "gcs", "kubernetes", "oci", "oss", "remote", "cloud"];

impl Builtin {
    /// With what reads other states.
    pub fn new(states: Arc<dyn OtherStates>) -> Builtin {
        let mut schema = TerraformProvider.schema().clone();
        schema.data_sources.insert(DATA_SOURCE.to_owned(), data_source());
        Builtin { schema, states }
    }
}

fn data_source() -> ResourceSchema {
    let attribute = |ty, presence, doc: &str| Attribute { presence, doc: doc.into(), ..Attribute::new(ty) };
    let attributes = [
        (
            "backend",
            attribute(
                Type::String,
                Presence::Required,
                "Kind of the other state: `local`, `pg`, `s3` or `http`.",
            ),
        ),
        (
            "config",
            attribute(
                Type::Dynamic,
                Presence::Optional,
                "Where it is: `path` of a Terraform state or of a database of this program, `workspace_dir`.",
            ),
        ),
        ("workspace", attribute(Type::String, Presence::Optional, "Its workspace, if not the default one.")),
        (
            "defaults",
            attribute(
                Type::Dynamic,
                Presence::Optional,
                "Values of outputs that it doesn't have, as an object.",
            ),
        ),
        ("outputs", attribute(Type::Dynamic, Presence::Computed, "Its outputs, as an object.")),
    ];
    let attributes = attributes.into_iter().map(|(name, a)| (name.to_owned(), a)).collect();
    ResourceSchema {
        block: Block { attributes, ..Block::default() },
        doc: "Outputs of another state. What is sensitive there is sensitive here.".into(),
        ..ResourceSchema::default()
    }
}

#[async_trait]
impl Provider for Builtin {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }
    async fn connect(
        &self,
        _config: &Value,
        environment: &Environment,
    ) -> Result<Arc<dyn Connection>, Error> {
        Ok(Arc::new(Reader { base: environment.base_dir.clone(), states: self.states.clone() }))
    }
}

/// Connected: in a folder, with what reads other states. All else is [`TerraformProvider`]'s.
struct Reader {
    base: PathBuf,
    states: Arc<dyn OtherStates>,
}

#[async_trait]
impl Connection for Reader {
    fn host(&self) -> String {
        TerraformProvider.host()
    }
    fn parallelism(&self) -> usize {
        TerraformProvider.parallelism()
    }
    fn calls(&self) -> (u64, u64) {
        TerraformProvider.calls()
    }
    async fn read(&self, requests: Vec<ReadRequest>) -> Vec<Result<Option<Value>, Error>> {
        TerraformProvider.read(requests).await
    }
    async fn list(&self, request: ListRequest) -> Vec<Result<Listing, Error>> {
        TerraformProvider.list(request).await
    }
    async fn create(&self, type_name: &str, planned: &Value) -> Result<Created, Error> {
        TerraformProvider.create(type_name, planned).await
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
        let (base, states) = (self.base.clone(), self.states.clone());
        let count = requests.len();
        let read = move || -> Vec<_> {
            requests.iter().map(|request| read(&request.config, &base, &*states)).collect()
        };
        // Files are read: that waits.
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|e| {
            let error =
                || Error::new(ErrorKind::Internal, "Unable to read the other state").detail(e.to_string());
            (0..count).map(|_| Err(error())).collect()
        })
    }
}

fn read(config: &Value, base: &std::path::Path, states: &dyn OtherStates) -> Result<Value, Error> {
    let other = other_state(config, base)?;
    let found = states.outputs(&other).map_err(|why| {
        Error::new(ErrorKind::Invalid, "Unable to read remote state")
            .detail(format!("The stored state can't be read: {why}."))
    })?;
    let Some(records) = found else {
        return Err(Error::new(ErrorKind::NotFound, "Unable to find remote state")
            .detail("No stored state was found for the given workspace in the given backend."));
    };
    let mut outputs = match config.get("defaults").filter(|d| !d.is_null()) {
        None => Default::default(),
        Some(defaults) => match defaults.as_entries() {
            Some(entries) => entries.clone(),
            None => return Err(invalid("defaults", "Default values must be given in a map value.")),
        },
    };
    for record in records {
        let value = json::decode(record.value.as_bytes(), &Type::Dynamic).map_err(|e| {
            Error::new(ErrorKind::Garbage, "Unable to read remote state")
                .detail(format!("Its output {} can't be read: {e}.", record.name))
        })?;
        let value = if record.sensitive { value.with_marks(Marks::SENSITIVE) } else { value };
        outputs.insert(record.name.into(), value);
    }
    let mut entries = config.as_entries().cloned().unwrap_or_default();
    entries.insert("outputs".into(), Value::object(outputs));
    Ok(Value::object(entries))
}

fn invalid(attribute: &str, detail: impl Into<String>) -> Error {
    let mut error = Error::new(ErrorKind::Invalid, "Invalid backend configuration").detail(detail);
    error.attribute = Some(attribute.to_owned());
    error
}

fn other_state(config: &Value, base: &std::path::Path) -> Result<OtherState, Error> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let kind = text(config.get("backend")).unwrap_or_default();
    if backend_arguments(&kind).is_none() {
        if FOREIGN.contains(&kind.as_str()) {
            return Err(invalid("backend", format!("There is no backend \"{kind}\" here: states are files, which backend \"local\" reads, in PostgreSQL (\"pg\"), in buckets (\"s3\") or behind GitLab's protocol (\"http\")."))
                .help("Fetch that state with `terraform state pull > other.tfstate`, and read the file with backend \"local\"."));
        }
        return Err(invalid("backend", format!("There is no backend type named \"{kind}\".")));
    }
    let mut state = OtherState {
        base: base.to_owned(),
        workspace: text(config.get("workspace")).filter(|w| w != "default" && !w.is_empty()),
        backend: Backend { kind, ..Backend::default() },
    };
    let Some(settings) = config.get("config").filter(|c| !c.is_null()) else { return Ok(state) };
    let Some(settings) = settings.as_entries() else {
        return Err(invalid("config", "The configuration must be an object value."));
    };
    for (name, value) in settings {
        // An object, as `endpoints` of "s3", is told member by member.
        let members = value.as_entries().into_iter().flatten().map(|(m, v)| (format!("{name}.{m}"), v));
        let alone = value.as_entries().is_none().then(|| (name.to_string(), value));
        for (name, value) in members.chain(alone) {
            if !has_backend_argument(&state.backend.kind, &name) {
                return Err(invalid(
                    "config",
                    format!(
                        "The given configuration is not valid for backend \"{}\": unexpected attribute \"{name}\".",
                        state.backend.kind
                    ),
                ));
            }
            if value.is_null() {
                continue;
            }
            let text = pilotis_value::convert::convert(value, &Type::String)
                .ok()
                .and_then(|text| text.as_str().map(str::to_owned));
            let Some(text) = text else {
                return Err(invalid(
                    "config",
                    format!("The attribute \"{name}\" of the given configuration must be a string."),
                ));
            };
            state.backend.arguments.insert(name, text);
        }
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(Option<Vec<OutputRecord>>);

    impl OtherStates for One {
        fn outputs(&self, _: &OtherState) -> Result<Option<Vec<OutputRecord>>, String> {
            Ok(self.0.clone())
        }
    }

    fn config(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        let text = |s: &str| Value::string(s);
        let mut entries: std::collections::BTreeMap<_, _> = [("backend".into(), text("local"))].into();
        entries.extend(members.into_iter().map(|(name, value)| (name.into(), value)));
        Value::object(entries.into())
    }

    fn object(name: &str, value: Value) -> Value {
        Value::object_of([(name, value)])
    }

    #[test]
    fn outputs_stand_over_defaults_and_stay_sensitive() {
        let output = |name: &str, sensitive| OutputRecord {
            name: name.into(),
            value: r#"{"type":"string","value":"v"}"#.into(),
            sensitive,
        };
        let states = One(Some(vec![output("a", false), output("b", true)]));
        let defaults = Value::object_of([("a", Value::string("d")), ("c", Value::string("d"))]);
        let value = read(&config([("defaults", defaults)]), "/".as_ref(), &states).unwrap();
        let outputs = value.get("outputs").unwrap();
        assert_eq!(outputs.get("a").unwrap().as_str(), Some("v"));
        assert_eq!(outputs.get("c").unwrap().as_str(), Some("d"));
        assert!(outputs.get("b").unwrap().marks().contains(Marks::SENSITIVE));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let text = |s: &str| Value::string(s);
        let error = |value: Value| read(&value, "/".as_ref(), &One(None)).unwrap_err().to_string();
        for (value, says) in [
            (config([]), "No stored state was found"),
            (config([("backend", text("gcs"))]), "no backend \"gcs\" here"),
            (config([("backend", text("nope"))]), "There is no backend type named \"nope\"."),
            (config([("config", object("pth", text("x")))]), "unexpected attribute \"pth\""),
            (config([("config", object("path", Value::tuple(vec![text("x")])))]), "must be a string"),
            (config([("config", text("x"))]), "must be an object"),
        ] {
            assert!(error(value).contains(says), "{says}");
        }
    }
}

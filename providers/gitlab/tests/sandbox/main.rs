//! Every resource type lives its life in the sandbox's GitLab.

#![allow(clippy::unwrap_used)]

mod behaviour;
mod bulk;
mod faults;
mod lives;
mod lost;

use std::sync::Arc;
use std::time::Duration;

use pilotis_gitlab::{Config, provider};
use pilotis_sandbox::{Options, Running, Sandbox, ServiceOptions, gitlab};
use pilotis_sdk::model::Model as _;
use pilotis_sdk::registry::TypedProvider;
use pilotis_sdk::testkit::plan;
use pilotis_sdk::value::Value;
use pilotis_sdk::{Connection, DataRequest, Environment, Error, Provider as _, SandboxEndpoint};

/// A GitLab of our own and a connection to it.
pub(crate) struct World {
    pub(crate) provider: TypedProvider<pilotis_gitlab::GitLabProvider>,
    pub(crate) connection: Arc<dyn Connection>,
    pub(crate) sandbox: Running,
    _folder: tempfile::TempDir,
}

pub(crate) fn text(s: &str) -> Value {
    Value::string(s)
}
pub(crate) fn yes() -> Value {
    Value::bool(true)
}
pub(crate) fn texts(items: &[&str]) -> Value {
    Value::set(pilotis_sdk::value::Type::String, items.iter().map(Value::string).collect())
}
pub(crate) fn get(object: &Value, name: &str) -> String {
    let value = object.get(name).unwrap_or_else(|| panic!("no attribute {name}"));
    let number = || value.as_number().map(|n| n.to_string());
    value.as_str().map(str::to_owned).or_else(number).unwrap_or_else(|| panic!("{name} is {value:?}"))
}

async fn connect(
    provider: &TypedProvider<pilotis_gitlab::GitLabProvider>,
    url: String,
    token: String,
) -> Arc<dyn Connection> {
    let sandbox = Some(SandboxEndpoint { url, token: token.into(), ca_pem: None });
    let environment = Environment { sandbox, ..Environment::default() };
    provider.connect(&Config::default().to_value(), &environment).await.unwrap()
}

impl World {
    /// A connection of a user who is no administrator.
    pub(crate) async fn as_user(&self, user: i64) -> Arc<dyn Connection> {
        let endpoint = self.sandbox.endpoint("gitlab").unwrap();
        let mut settings =
            pilotis_rest::Settings::new("GitLab", format!("{}/api/v4", endpoint.url).parse().unwrap());
        let header = pilotis_rest::header::HeaderName::from_static("private-token");
        settings.auth = pilotis_rest::Auth::Header(header, endpoint.token.clone().into());
        let rest = pilotis_rest::Client::new(settings).unwrap();
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(30 * 24);
        let end = end.to_string()[..10].to_owned();
        let body = serde_json::json!({"name": "t", "scopes": ["api"], "expires_at": end});
        let path = ["users", &user.to_string(), "personal_access_tokens"];
        let token: serde_json::Value = rest.post(path).json(&body).send().await.unwrap().json().unwrap();
        connect(&self.provider, endpoint.url.clone(), token["token"].as_str().unwrap().to_owned()).await
    }

    pub(crate) async fn start() -> World {
        World::with(gitlab::GitLab::new().deletion_delay(Duration::from_millis(50))).await
    }

    pub(crate) async fn with(service: gitlab::GitLab) -> World {
        let folder = tempfile::tempdir().unwrap();
        let options = ServiceOptions { port: Some(0), ..ServiceOptions::default() };
        let sandbox = Sandbox::start(Options::empty(folder.path().join("sandbox")).with(service, options))
            .await
            .unwrap();
        let endpoint = sandbox.endpoint("gitlab").unwrap();
        let (url, token) = (endpoint.url.clone(), endpoint.token.clone());
        let provider = provider();
        let connection = connect(&provider, url, token).await;
        World { provider, connection, sandbox, _folder: folder }
    }

    /// Makes an object from what a configuration says.
    pub(crate) async fn make(&self, type_name: &str, config: &[(&str, Value)]) -> Value {
        let created = self.try_make(type_name, config).await.unwrap_or_else(|e| panic!("{type_name}: {e:?}"));
        assert!(created.error.is_none(), "{type_name}: {:?}", created.error);
        created.object
    }
    pub(crate) async fn try_make(
        &self,
        type_name: &str,
        config: &[(&str, Value)],
    ) -> Result<pilotis_sdk::Created, Error> {
        let schema = &self.provider.schema().resources[type_name];
        self.connection.create(type_name, &plan(schema, config, None)).await
    }
    pub(crate) async fn change(
        &self,
        type_name: &str,
        prior: &Value,
        config: &[(&str, Value)],
    ) -> Result<Value, Error> {
        let schema = &self.provider.schema().resources[type_name];
        self.connection.update(type_name, prior, &plan(schema, config, Some(prior))).await
    }
    pub(crate) async fn read(&self, type_name: &str, prior: &Value) -> Result<Option<Value>, Error> {
        let request = pilotis_sdk::ReadRequest { type_name: type_name.to_owned(), prior: prior.clone() };
        self.connection.read(vec![request]).await.remove(0)
    }
    pub(crate) async fn group(&self, path: &str) -> Value {
        self.make("gitlab_group", &[("name", text(path)), ("path", text(path))]).await
    }
    /// A project with a first commit.
    pub(crate) async fn project(&self, group: &Value, name: &str) -> Value {
        let namespace = Value::number(get(group, "id").parse::<i64>().unwrap());
        let config = [("name", text(name)), ("namespace_id", namespace), ("initialize_with_readme", yes())];
        self.make("gitlab_project", &config).await
    }
    pub(crate) async fn user(&self, name: &str) -> i64 {
        let user = self.data("gitlab_user", &[("username", text(name))]).await.unwrap();
        get(&user, "user_id").parse().unwrap()
    }
    pub(crate) async fn data(&self, type_name: &str, config: &[(&str, Value)]) -> Result<Value, Error> {
        self.all_data(type_name, &[config]).await.remove(0)
    }
    pub(crate) async fn all_data(
        &self,
        type_name: &str,
        configs: &[&[(&str, Value)]],
    ) -> Vec<Result<Value, Error>> {
        let schema = &self.provider.schema().data_sources[type_name];
        let request = |config: &&[(&str, Value)]| {
            let said = |name: &str| config.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
            let value = |(name, a): (&String, &pilotis_sdk::schema::Attribute)| {
                (name.clone(), said(name).unwrap_or_else(|| Value::null(a.ty.without_optional())))
            };
            let config = Value::object_of(schema.block.attributes.iter().map(value).collect::<Vec<_>>());
            DataRequest { type_name: type_name.to_owned(), config }
        };
        self.connection.read_data(configs.iter().map(request).collect()).await
    }
}

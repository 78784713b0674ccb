//! A cluster for tests: one sandbox for all of them, a provider connected to it, and a client that goes behind its back.
//!
//! Each test works in namespaces of its own, and asks for faults only on paths of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pilotis_sandbox::{Endpoint, Fault, Faults, Options, Sandbox};
use pilotis_sdk::model::Model as _;
use pilotis_sdk::registry::TypedProvider;
use pilotis_sdk::schema::Block;
use pilotis_sdk::testkit;
use pilotis_sdk::value::Value;
use pilotis_sdk::{
    Connection, Created, Environment, Error, ListRequest, Listing, Provider, ReadRequest, SandboxEndpoint,
    json,
};
use serde_json::{Value as Json, json};

use crate::Kubernetes;
use crate::client::Patience;
use crate::config::{self, Config};

/// Everything is given up at once.
fn impatience() -> Patience {
    Patience {
        tries: 3,
        first_pause: Duration::from_millis(1),
        answer_within: Duration::from_millis(400),
        gone_within: Duration::from_millis(700),
        ready_within: Duration::from_millis(700),
    }
}

/// The sandbox, which lives as long as the tests.
struct Cluster {
    endpoint: Endpoint,
    faults: Faults,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let dir = tempfile::tempdir().unwrap();
                let options = Options::new(dir.path().join("sandbox.db")).only(&["kubernetes"]);
                let running = Sandbox::start(options.each(|_, o| o.port = Some(0))).await.unwrap();
                let endpoint = running.endpoints["kubernetes"].clone();
                send.send(Cluster { endpoint, faults: running.faults("kubernetes").unwrap() }).unwrap();
                std::future::pending::<()>().await;
                drop((running, dir));
            });
        });
        receive.recv().unwrap()
    })
}

/// A provider that is connected, and the cluster behind it.
pub(crate) struct World {
    pub(crate) provider: TypedProvider<Kubernetes>,
    pub(crate) connection: Arc<dyn Connection>,
    /// With all rights, past the provider.
    pub(crate) admin: kube::Client,
}

impl World {
    /// As the administrator.
    pub(crate) async fn new() -> World {
        World::with_token(&cluster().endpoint.token).await
    }

    /// As somebody.
    pub(crate) async fn with_token(token: &str) -> World {
        let endpoint = Endpoint { token: token.into(), ..cluster().endpoint.clone() };
        World::at(endpoint, Patience::default()).await
    }

    /// As the administrator, and in no mood to wait.
    pub(crate) async fn impatient() -> World {
        World::at(cluster().endpoint.clone(), impatience()).await
    }

    /// At some other server: without TLS, if its address says so.
    pub(crate) async fn elsewhere(url: &str) -> World {
        let endpoint = Endpoint { url: url.into(), token: "sha256~secret".into(), ca_pem: None };
        World::at(endpoint, impatience()).await
    }

    async fn at(endpoint: Endpoint, patience: Patience) -> World {
        let sandbox =
            SandboxEndpoint { url: endpoint.url, token: endpoint.token.into(), ca_pem: endpoint.ca_pem };
        let environment = Environment { sandbox: Some(sandbox), ..Environment::default() };
        let provider = TypedProvider::<Kubernetes>::new();
        let config = Config::from_value(&block(&provider.schema().config, &json!({}))).unwrap();
        let mut client = config::connect(config, &environment).await.unwrap();
        client.patience = patience;
        let connection = provider.over(client);
        World { provider, connection, admin: admin(&cluster().endpoint) }
    }

    /// The token of a new service account with these rules, each in a namespace; in none, in the whole cluster.
    pub(crate) async fn token(&self, namespace: &str, rules: &[(Option<&str>, Json)]) -> String {
        let account = json!({"metadata": {"name": "limited"}});
        self.call("POST", &format!("/api/v1/namespaces/{namespace}/serviceaccounts"), Some(&account)).await;
        let subject = json!([{"kind": "ServiceAccount", "name": "limited", "namespace": namespace}]);
        for (i, (place, rule)) in rules.iter().enumerate() {
            let (at, kind) = match place {
                Some(place) => (format!("/namespaces/{place}"), ""),
                None => (String::new(), "cluster"),
            };
            let root = format!("/apis/rbac.authorization.k8s.io/v1{at}/{kind}role");
            let metadata = json!({"name": format!("limited-{namespace}-{i}")});
            let role = json!({"metadata": metadata, "rules": [rule]});
            self.call("POST", &format!("{root}s"), Some(&role)).await;
            let kind = if place.is_some() { "Role" } else { "ClusterRole" };
            let role_ref =
                json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": metadata["name"]});
            let binding = json!({"metadata": metadata, "roleRef": role_ref, "subjects": subject});
            self.call("POST", &format!("{root}bindings"), Some(&binding)).await;
        }
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/limited/token");
        let answer = self.call("POST", &path, Some(&request)).await;
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    /// The sandbox's address, token and authority.
    pub(crate) fn endpoint() -> &'static Endpoint {
        &cluster().endpoint
    }

    /// Switches faults on; their paths must be the test's own.
    pub(crate) fn fault(&self, fault: Fault) {
        cluster().faults.add(fault).unwrap();
    }

    /// An error as a person may get to see it: all that it says, the address left out.
    pub(crate) fn shown(&self, error: &Error) -> String {
        let mut text = format!("{:?} {:?}\n{error}\n", error.kind, error.outcome);
        for (name, what) in [("request", &error.request), ("credential", &error.credential)] {
            text.push_str(&format!("{name}: {}\n", what.as_deref().unwrap_or("none")));
        }
        error.help.iter().for_each(|help| text.push_str(&format!("help: {help}\n")));
        assert!(!text.contains("sha256~"), "a token is shown");
        text.replace(&self.connection.host(), "https://api")
    }

    fn block_of(&self, type_name: &str) -> &Block {
        &self.provider.schema().resources[type_name].block
    }

    /// A configuration: what is given, converted; the rest null.
    pub(crate) fn config(&self, type_name: &str, given: &Json) -> Value {
        block(self.block_of(type_name), given)
    }

    /// What is planned for it.
    pub(crate) fn plan(&self, type_name: &str, given: &Json, prior: Option<&Value>) -> Value {
        let config = self.config(type_name, given);
        let entries = config.as_entries().unwrap();
        let named: Vec<_> = entries.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
        testkit::plan(&self.provider.schema().resources[type_name], &named, prior)
    }

    /// Plans and makes an object.
    pub(crate) async fn try_create(&self, type_name: &str, given: &Json) -> Result<Created, Error> {
        self.connection.create(type_name, &self.plan(type_name, given, None)).await
    }

    /// Makes an object; it must work.
    pub(crate) async fn create(&self, type_name: &str, given: &Json) -> Value {
        let made = self.try_create(type_name, given).await.unwrap_or_else(|e| panic!("{e:#?}"));
        assert!(made.error.is_none(), "{:?}", made.error);
        made.object
    }

    /// A namespace, made past the provider.
    pub(crate) async fn namespace(&self, name: &str) {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.call("POST", "/api/v1/namespaces", Some(&object)).await;
    }

    /// Reads an object through the provider.
    pub(crate) async fn read(&self, type_name: &str, prior: &Value) -> Result<Option<Value>, Error> {
        let request = ReadRequest { type_name: type_name.into(), prior: prior.clone() };
        self.connection.read(vec![request]).await.remove(0)
    }

    /// Lists objects through the provider.
    pub(crate) async fn list(&self, type_name: &str, wanted: &[Value]) -> Result<Listing, Error> {
        let request = ListRequest {
            type_name: type_name.into(),
            scopes: vec![Value::object_of(Vec::<(&str, Value)>::new())],
            wanted: vec![wanted.to_vec()],
        };
        self.connection.list(request).await.remove(0)
    }

    /// The same object but for what changes by itself.
    pub(crate) fn settled(&self, type_name: &str, object: &Value) -> Value {
        testkit::settle(self.block_of(type_name), object)
    }

    /// A call past the provider; it must succeed.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&Json>) -> Json {
        let content_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let (status, answer) = self.ask(method, path, content_type, body).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    /// A call past the provider: status and answer.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Option<&Json>,
    ) -> (u16, Json) {
        use http_body_util::BodyExt as _;
        let bytes = body.map(|b| b.to_string().into_bytes()).unwrap_or_default();
        let request = http::Request::builder().method(method).uri(path).header("content-type", content_type);
        let response = self.admin.send(request.body(bytes.into()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Json::Null))
    }
}

fn admin(endpoint: &Endpoint) -> kube::Client {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut config = kube::Config::new(endpoint.url.parse().unwrap());
    let pem = endpoint.ca_pem.clone().unwrap();
    let ca = CertificateDer::pem_slice_iter(pem.as_bytes()).map(|c| c.unwrap().to_vec());
    config.root_cert = Some(ca.collect());
    config.auth_info.token = Some(endpoint.token.clone().into());
    kube::Client::try_from(config).unwrap()
}

/// The value of a block as a configuration has it: what is given, converted; the rest its default, or null.
pub(crate) fn block(schema: &Block, given: &Json) -> Value {
    let mut entries = BTreeMap::new();
    for (name, attribute) in &schema.attributes {
        let ty = attribute.ty.without_optional();
        let value = match given.get(name) {
            Some(json) if ty == pilotis_sdk::value::Type::Dynamic => {
                pilotis_sdk::value::json::from_json_text(&json.to_string()).unwrap()
            }
            Some(json) => json::from_json(json, &ty).unwrap(),
            None => attribute.default.clone().unwrap_or_else(|| Value::null(ty)),
        };
        entries.insert(name.as_str().into(), value);
    }
    for (name, nested) in &schema.blocks {
        let items = match given.get(name) {
            None => vec![],
            Some(Json::Array(items)) => items.iter().map(|i| block(&nested.block, i)).collect(),
            Some(one) => vec![block(&nested.block, one)],
        };
        entries.insert(name.as_str().into(), Value::list(nested.block.implied_type(), items));
    }
    Value::object(entries.into())
}

//! How a connection comes of arguments, environment, kubeconfigs, credential plugins and pods; and what is told when it doesn't.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use pilotis_sdk::registry::TypedProvider;
use pilotis_sdk::{Connection, DataRequest, Environment, Error, Provider as _};
use serde_json::{Value as Json, json};

use super::world::{World, block};
use crate::{Kubernetes, kubeconfig};

struct Setting {
    dir: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Setting {
    fn new() -> Setting {
        Setting { dir: tempfile::tempdir().unwrap(), variables: BTreeMap::new() }
    }

    fn variable(mut self, name: &str, value: &str) -> Setting {
        self.variables.insert(name.into(), value.into());
        self
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    async fn connect(&self, config: &Json) -> Result<Arc<dyn Connection>, Error> {
        let provider = TypedProvider::<Kubernetes>::new();
        let environment = Environment {
            variables: self.variables.clone().into(),
            sandbox: None,
            base_dir: self.dir.path().to_owned(),
        };
        provider.connect(&block(&provider.schema().config, config), &environment).await
    }

    /// Connects and looks at all namespaces: the credential is accepted.
    async fn works(&self, config: &Json) {
        let connection = self.connect(config).await.unwrap_or_else(|e| panic!("{e:#?}"));
        look(&*connection).await.unwrap_or_else(|e| panic!("{e:#?}"));
    }

    /// What is told when it doesn't work, with the folder left out.
    async fn fails(&self, config: &Json) -> String {
        let error = match self.connect(config).await {
            Ok(connection) => look(&*connection).await.unwrap_err(),
            Err(error) => error,
        };
        let text = format!("{:?}\n{error}\n{}", error.kind, error.help.join("\n"));
        assert!(!text.contains("s3cret"), "{text}");
        text.replace(&self.dir.path().display().to_string(), "DIR")
    }
}

async fn look(connection: &dyn Connection) -> Result<(), Error> {
    let provider = TypedProvider::<Kubernetes>::new();
    let schema = &provider.schema().data_sources["kubernetes_all_namespaces"].block;
    let config = block(schema, &json!({}));
    let request = DataRequest { type_name: "kubernetes_all_namespaces".into(), config };
    connection.read_data(vec![request]).await.remove(0).map(drop)
}

fn ca() -> &'static str {
    World::endpoint().ca_pem.as_deref().unwrap()
}

/// A kubeconfig with two contexts: `good` and `expired`.
fn contexts(current: &str) -> String {
    use base64::Engine as _;
    let endpoint = World::endpoint();
    let ca = base64::engine::general_purpose::STANDARD.encode(ca());
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": current,
        "clusters": [{"name": "sandbox", "cluster": {"server": endpoint.url, "certificate-authority-data": ca}}],
        "users": [{"name": "admin", "user": {"token": endpoint.token}}, {"name": "old", "user": {"token": "s3cret"}}],
        "contexts": [
            {"name": "good", "context": {"cluster": "sandbox", "user": "admin"}},
            {"name": "expired", "context": {"cluster": "sandbox", "user": "old"}},
        ],
    })
    .to_string()
}

#[tokio::test]
async fn host_and_token() {
    let endpoint = World::endpoint();
    let given = json!({"host": endpoint.url, "token": format!("{}\n", endpoint.token), "cluster_ca_certificate": ca()});
    Setting::new().works(&given).await;
    Setting::new()
        .variable("KUBE_HOST", &endpoint.url)
        .variable("KUBE_TOKEN", &endpoint.token)
        .variable("KUBE_CLUSTER_CA_CERT_DATA", ca())
        .works(&json!({}))
        .await;
    let insecure = json!({"host": endpoint.url, "token": endpoint.token, "insecure": true});
    Setting::new().works(&insecure).await;
}

#[tokio::test]
async fn kubeconfigs() {
    let setting = Setting::new();
    setting.file("config", &contexts("good"));
    setting.works(&json!({"config_path": "config"})).await;
    setting.works(&json!({"config_path": "config", "config_context": "good"})).await;
    let other_user =
        json!({"config_path": "config", "config_context": "expired", "config_context_auth_info": "admin"});
    setting.works(&other_user).await;
    let token =
        json!({"config_path": "config", "config_context": "expired", "token": World::endpoint().token});
    setting.works(&token).await;
    insta::assert_snapshot!(setting.fails(&json!({"config_path": "config", "config_context": "expired"})).await, @r#"
    Unauthenticated
    Kubernetes refused the credential: Unauthorized
    Renew the token or certificate; `kubectl auth whoami` with the same credential tells more.
    "#);

    let home = Setting::new();
    home.file(".kube/config", &contexts("good"));
    let path = home.dir.path().display().to_string();
    home.variable("HOME", &path).works(&json!({})).await;

    let listed = Setting::new();
    listed.file("b", &contexts("good"));
    let path = listed.dir.path().display().to_string();
    listed.variable("KUBECONFIG", &format!("{path}/missing:{path}/b")).works(&json!({})).await;
}

#[tokio::test]
async fn kubeconfigs_that_are_wrong() {
    let setting = Setting::new();
    setting.file("config", &contexts("good"));
    setting.file("none", &contexts(""));
    setting.file("broken", "users:\n  - user: {token: s3cret\n  bad: [");
    setting.file("list", "- token: s3cret");
    let mut lost: Json = serde_json::from_str(&contexts("good")).unwrap();
    lost["clusters"] = json!([]);
    setting.file("lost", &lost.to_string());
    let mut told = String::new();
    for config in [
        json!({}),
        json!({"config_path": "missing"}),
        json!({"config_path": "config", "config_context": "prod"}),
        json!({"config_path": "none"}),
        json!({"config_path": "broken"}),
        json!({"config_path": "list"}),
        json!({"config_path": "lost"}),
        json!({"host": "https://exa mple", "token": "s3cret"}),
        json!({"host": "https://127.0.0.1:1", "cluster_ca_certificate": "not a certificate"}),
        json!({"host": "https://127.0.0.1:1", "client_certificate": "PEM"}),
        json!({"host": "https://127.0.0.1:1", "token": "s3cret\nline"}),
    ] {
        told.push_str(&format!("{}\n\n", setting.fails(&config).await));
    }
    insta::assert_snapshot!(told, @r#"
    Configuration
    The provider "kubernetes" doesn't know which cluster to use: there is no host, no config_path, no kubeconfig at ~/.kube/config, and this is no pod
    Set config_path and config_context, or host and token; or sandbox = true to try things.

    Configuration
    DIR/missing can't be used: No such file or directory (os error 2)
    Set config_path to a kubeconfig; `kubectl config view` reads it too.

    Configuration
    The kubeconfig has no context "prod": the contexts of DIR/config are: good, expired
    Set config_context (or KUBE_CTX) to one of them.

    Configuration
    The kubeconfig says no current context: the contexts of DIR/none are: good, expired
    Set config_context (or KUBE_CTX) to one of them.

    Configuration
    DIR/broken can't be used: it is no kubeconfig: line 3, column 6
    Set config_path to a kubeconfig; `kubectl config view` reads it too.

    Configuration
    DIR/list can't be used: it is no kubeconfig: line 1, column 1
    Set config_path to a kubeconfig; `kubectl config view` reads it too.

    Configuration
    The context "good" of the kubeconfig can't be used: failed to load the cluster of context: sandbox
    `kubectl --context NAME get ns` with the same file shows whether it works.

    Configuration
    "https://exa mple" is no address: invalid uri character
    Write the API server's address: https://api.example:6443

    Configuration
    The certificate authority holds no certificate in PEM
    Give it the text of a PEM file: cluster_ca_certificate = file("ca.pem").

    Configuration
    A client certificate needs its key, and a key its certificate
    Set both client_certificate and client_key (KUBE_CLIENT_CERT_DATA and KUBE_CLIENT_KEY_DATA).

    Configuration
    The token can't be sent: it has characters that a header can't have
    Is there a line break in it?
    "#);
}

/// A plugin that writes this; its path.
#[cfg(unix)]
fn plugin(setting: &Setting, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    setting.file("plugin", &format!("#!/bin/sh\n{script}\n"));
    let path = setting.dir.path().join("plugin");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

#[cfg(unix)]
fn with_plugin(command: &str) -> Json {
    let exec = json!({"api_version": "client.authentication.k8s.io/v1", "command": command, "args": ["s3cret"],
        "env": {"TOKEN": World::endpoint().token, "PASSWORD": "s3cret"}});
    json!({"host": World::endpoint().url, "cluster_ca_certificate": ca(), "exec": exec})
}

#[cfg(unix)]
#[tokio::test]
async fn a_credential_plugin() {
    let setting = Setting::new();
    let script = r#"echo "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"$TOKEN\"}}""#;
    let path = plugin(&setting, script);
    setting.works(&with_plugin(&path)).await;

    let mut config: Json = serde_json::from_str(&contexts("good")).unwrap();
    let env = json!([{"name": "TOKEN", "value": World::endpoint().token}]);
    let exec = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": path, "env": env, "interactiveMode": "Never"});
    config["users"][0]["user"] = json!({"exec": exec});
    setting.file("config", &config.to_string());
    setting.works(&json!({"config_path": "config"})).await;
}

/// What a plugin was given and what it wrote to its output stays secret; its complaint is shown.
#[cfg(unix)]
#[tokio::test]
async fn a_credential_plugin_that_fails() {
    let mut told = String::new();
    for script in [
        "echo s3cret; echo 'log in first' >&2; exit 3",
        "echo s3cret",
        "echo '{\"kind\": \"ExecCredential\"}'",
    ] {
        let setting = Setting::new();
        let path = plugin(&setting, script);
        told.push_str(&format!("{}\n\n", setting.fails(&with_plugin(&path)).await));
    }
    told.push_str(&Setting::new().fails(&with_plugin("/no/such/plugin")).await);
    insta::assert_snapshot!(told, @r#"
    Unauthenticated
    The credential plugin failed: exit status: 3: log in first
    Run the program of the exec block, or of the kubeconfig's user, by hand.

    Unauthenticated
    The credential plugin failed: its output is not an ExecCredential with a status
    Run it by hand; does it write the apiVersion that is asked for?

    Unauthenticated
    The credential plugin failed: its output is not an ExecCredential with a status
    Run it by hand; does it write the apiVersion that is asked for?

    Unauthenticated
    The credential plugin failed: No such file or directory (os error 2)
    Is the program of the exec block, or of the kubeconfig's user, installed?
    "#);
}

#[tokio::test]
async fn a_pod() {
    let setting = Setting::new();
    let account = setting.dir.path().join("account");
    let address = World::endpoint().url.strip_prefix("https://").unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let variables = BTreeMap::from([
        ("KUBERNETES_SERVICE_HOST".to_owned(), host.to_owned()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), port.to_owned()),
    ]);
    let error = kubeconfig::in_cluster(&variables, &account).unwrap_err();
    assert!(error.detail.contains("ca.crt"), "{error}");
    setting.file("account/ca.crt", ca());
    setting.file("account/token", &World::endpoint().token);
    let (config, credential) = kubeconfig::in_cluster(&variables, &account).unwrap();
    assert!(credential.contains("service account"));
    let client = kube::Client::try_from(config).unwrap();
    let request = http::Request::get("/api/v1/namespaces").body(kube::client::Body::empty()).unwrap();
    assert_eq!(client.send(request).await.unwrap().status(), 200);
    assert!(kubeconfig::in_cluster(&BTreeMap::new(), Path::new("/")).is_err());
}

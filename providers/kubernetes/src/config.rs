//! The `provider "kubernetes"` block, and how a connection comes of it: arguments, environment, kubeconfig, or the pod's own account.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kube::client::AuthError;
use kube::config::{AuthInfo, ExecConfig, KubeConfigOptions};
use pilotis_sdk::{Environment, Error, ErrorKind, Nested, ProviderConfig, Secret};

use crate::client::Client;
use crate::{kubeconfig, proxy};

/// Kubernetes, or OpenShift.
///
/// Arguments come before the environment, and these before a kubeconfig; in a pod without one, its service account is used.
#[derive(Clone, Debug, ProviderConfig)]
pub(crate) struct Config {
    /// Use the built-in sandbox.
    pub(crate) sandbox: Option<bool>,
    /// Address of the API server (`KUBE_HOST`).
    pub(crate) host: Option<String>,
    /// Bearer token (`KUBE_TOKEN`).
    #[attr(secret = "given_never_returned")]
    pub(crate) token: Option<Secret>,
    /// Certificate authority of the API server, in PEM (`KUBE_CLUSTER_CA_CERT_DATA`).
    pub(crate) cluster_ca_certificate: Option<String>,
    /// Client certificate, in PEM (`KUBE_CLIENT_CERT_DATA`).
    pub(crate) client_certificate: Option<String>,
    /// Client key, in PEM (`KUBE_CLIENT_KEY_DATA`).
    #[attr(secret = "given_never_returned")]
    pub(crate) client_key: Option<Secret>,
    /// Don't check the server's certificate, and send the credential to an address with http:// too (`KUBE_INSECURE`).
    pub(crate) insecure: Option<bool>,
    /// Name that the server's certificate must have (`KUBE_TLS_SERVER_NAME`).
    pub(crate) tls_server_name: Option<String>,
    /// Proxy to the API server, in place of the kubeconfig's and of HTTPS_PROXY (`KUBE_PROXY_URL`).
    pub(crate) proxy_url: Option<String>,
    /// Path of a kubeconfig (`KUBE_CONFIG_PATH`, then `KUBECONFIG`, then `~/.kube/config`).
    pub(crate) config_path: Option<String>,
    /// Paths of kubeconfigs that are merged (`KUBE_CONFIG_PATHS`).
    pub(crate) config_paths: Option<Vec<String>>,
    /// Context of the kubeconfig (`KUBE_CTX`).
    pub(crate) config_context: Option<String>,
    /// Cluster of the kubeconfig, in place of the context's (`KUBE_CTX_CLUSTER`).
    pub(crate) config_context_cluster: Option<String>,
    /// User of the kubeconfig, in place of the context's (`KUBE_CTX_AUTH_INFO`).
    pub(crate) config_context_auth_info: Option<String>,
    /// A program that gives the credential.
    #[attr(block, max = 1)]
    pub(crate) exec: Vec<Exec>,
}

/// A credential plugin. <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>
#[derive(Clone, Debug, Nested)]
pub(crate) struct Exec {
    /// `client.authentication.k8s.io/v1`
    pub(crate) api_version: String,
    /// The program.
    pub(crate) command: String,
    /// Its arguments.
    pub(crate) args: Option<Vec<String>>,
    /// Its environment.
    pub(crate) env: Option<BTreeMap<String, String>>,
}

/// Arguments, with the environment behind them.
struct Wanted<'a> {
    config: &'a Config,
    environment: &'a Environment,
}

impl Wanted<'_> {
    fn text(&self, given: &Option<String>, variable: &str) -> Option<String> {
        let from_environment = || self.environment.variables.get(variable).cloned();
        given.clone().or_else(from_environment).filter(|text| !text.is_empty())
    }

    /// Kubeconfigs, and whether those that don't exist are passed over.
    fn paths(&self) -> (Vec<PathBuf>, bool) {
        if let Some(paths) = &self.config.config_paths {
            return (paths.iter().map(|p| self.path(p)).collect(), false);
        }
        if let Some(path) = self.text(&self.config.config_path, "KUBE_CONFIG_PATH") {
            return (vec![self.path(&path)], false);
        }
        let list = ["KUBE_CONFIG_PATHS", "KUBECONFIG"].iter().find_map(|v| self.text(&None, v));
        let list = list.unwrap_or_default();
        (list.split(':').filter(|p| !p.is_empty()).map(|p| self.path(p)).collect(), true)
    }

    fn path(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.environment.variables.get("HOME")) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => self.environment.base_dir.join(path),
        }
    }
}

pub(crate) fn fault(summary: impl Into<String>, why: &dyn std::error::Error) -> Error {
    Error::new(ErrorKind::Configuration, summary).detail(why.to_string())
}

/// Connects; calls nothing.
pub(crate) async fn connect(config: Config, environment: &Environment) -> Result<Client, Error> {
    // The binary has chosen one already; tests and others may not have.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (mut kube, credential) = match &environment.sandbox {
        Some(sandbox) => {
            let mut kube = kube::Config::new(address(&sandbox.url)?);
            kube.root_cert = sandbox.ca_pem.as_deref().map(certificates).transpose()?;
            kube.auth_info.token = Some(sandbox.token.expose().to_owned().into());
            (kube, "the sandbox".to_owned())
        }
        None => configured(&Wanted { config: &config, environment }).await?,
    };
    sendable(&kube.auth_info, &credential)?;
    without_secrets(&kube.cluster_url)?;
    encrypted(&kube, &credential)?;
    // Ours retries only where it is safe.
    kube.default_retry = false;
    kube.connect_timeout = Some(std::time::Duration::from_secs(15));
    let url = kube.cluster_url.to_string().trim_end_matches('/').to_owned();
    let client = kube::Client::try_from(kube).map_err(|e| not_set_up(&e, &url, &credential))?;
    Ok(Client::new(client, url, credential))
}

/// The address is in messages and in logs, those of libraries too. Neither part would be of any use: it is tokens and certificates that
/// say who asks.
fn without_secrets(address: &http::Uri) -> Result<(), Error> {
    let names_somebody = address.authority().is_some_and(|a| a.as_str().contains('@'));
    if !names_somebody && address.query().is_none() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Configuration, "The address of the API server can't be used")
        .detail("it holds a user, a password or a query, so it isn't shown")
        .help("Write the address alone, https://api.example:6443, and the credential as token, or in a kubeconfig."))
}

/// kube panics over a token that no header can have.
fn sendable(auth: &AuthInfo, credential: &str) -> Result<(), Error> {
    let token = auth.token.as_ref().map(secrecy::ExposeSecret::expose_secret);
    if token.is_none_or(|t| http::HeaderValue::from_str(&format!("Bearer {t}")).is_ok()) {
        return Ok(());
    }
    let mut error = Error::new(ErrorKind::Configuration, "The token can't be sent")
        .detail("it has characters that a header can't have")
        .help("Is there a line break in it?");
    error.credential = Some(credential.to_owned());
    Err(error)
}

/// A credential isn't sent where everybody on the way could read it, unless the user says that it may be.
fn encrypted(kube: &kube::Config, credential: &str) -> Result<(), Error> {
    let (scheme, host) =
        (kube.cluster_url.scheme_str().unwrap_or_default(), kube.cluster_url.host().unwrap_or_default());
    if kube.accept_invalid_certs || credential == "none" || !pilotis_trust::in_clear(scheme, host) {
        return Ok(());
    }
    let address = kube.cluster_url.to_string();
    let (why, help) = pilotis_trust::refusal("the credential", &address, "`insecure = true`");
    let mut error = Error::new(ErrorKind::Configuration, "The API server's address is not encrypted")
        .detail(why)
        .help(help);
    error.credential = Some(credential.to_owned());
    Err(error)
}

fn not_set_up(error: &kube::Error, url: &str, credential: &str) -> Error {
    let mut error = match error {
        kube::Error::Auth(auth) => credential_failed(auth),
        other => fault("A connection to Kubernetes can't be set up", other),
    };
    error.request = Some(url.to_owned());
    error.credential = Some(credential.to_owned());
    error
}

/// A credential plugin or a token file that failed. Neither the plugin's arguments and environment nor what it wrote to its output is told:
/// it may be secret.
pub(crate) fn credential_failed(error: &AuthError) -> Error {
    let new = |summary: &str, detail: String| Error::new(ErrorKind::Unauthenticated, summary).detail(detail);
    let plugin = "The credential plugin failed";
    match error {
        AuthError::AuthExecRun { out, .. } => {
            let complaint = String::from_utf8_lossy(&out.stderr);
            let complaint: String = complaint.trim().chars().take(500).collect();
            new(plugin, format!("{}: {complaint}", out.status))
                .help("Run the program of the exec block, or of the kubeconfig's user, by hand.")
        }
        AuthError::AuthExecStart(e) => new(plugin, e.to_string())
            .help("Is the program of the exec block, or of the kubeconfig's user, installed?"),
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            new(plugin, "its output is not an ExecCredential with a status".into())
                .help("Run it by hand; does it write the apiVersion that is asked for?")
        }
        other => new("There is no credential", other.to_string()),
    }
}

async fn configured(wanted: &Wanted<'_>) -> Result<(kube::Config, String), Error> {
    let config = wanted.config;
    let host = wanted.text(&config.host, "KUBE_HOST");
    let (mut kube, mut credential) = match &host {
        // A host with a kubeconfig takes the place of the kubeconfig's.
        Some(_) if config.config_path.is_some() || config.config_paths.is_some() => inferred(wanted).await?,
        Some(host) => (kube::Config::new(address(host)?), "none".to_owned()),
        None => inferred(wanted).await?,
    };
    if let Some(host) = &host {
        kube.cluster_url = address(host)?;
    }
    if let Some(ca) = wanted.text(&config.cluster_ca_certificate, "KUBE_CLUSTER_CA_CERT_DATA") {
        kube.root_cert = Some(certificates(&ca)?);
    }
    if let Some(said) = credentials(wanted, &mut kube.auth_info)? {
        credential = said;
    }
    let insecure =
        config.insecure.or_else(|| wanted.text(&None, "KUBE_INSECURE").map(|v| v == "true" || v == "1"));
    kube.accept_invalid_certs = insecure.unwrap_or(kube.accept_invalid_certs);
    if let Some(name) = wanted.text(&config.tls_server_name, "KUBE_TLS_SERVER_NAME") {
        kube.tls_server_name = Some(name);
    }
    match wanted.text(&config.proxy_url, "KUBE_PROXY_URL") {
        Some(url) => kube.proxy_url = Some(proxy::address(&url)?),
        None if kube.proxy_url.is_none() => {
            kube.proxy_url = proxy::of_environment(&wanted.environment.variables, &kube.cluster_url)?;
        }
        None => {}
    }
    Ok((kube, credential))
}

/// Credentials from arguments and environment, in place of those of a kubeconfig; where they come from, if there are any.
fn credentials(wanted: &Wanted<'_>, auth: &mut AuthInfo) -> Result<Option<String>, Error> {
    let config = wanted.config;
    let secret = |given: &Option<Secret>, variable: &str| {
        wanted.text(&given.as_ref().map(|s| s.expose().to_owned()), variable)
    };
    let source = |given: bool, name: &str, variable: &str| {
        if given { format!("{name} of provider \"kubernetes\"") } else { variable.to_owned() }
    };
    if let Some(exec) = config.exec.first() {
        *auth = AuthInfo { exec: Some(exec_config(exec)?), ..AuthInfo::default() };
        return Ok(Some(format!("exec {:?} of provider \"kubernetes\"", exec.command)));
    }
    if let Some(token) = secret(&config.token, "KUBE_TOKEN") {
        // A line break at the end of a file or variable is no part of it.
        *auth = AuthInfo { token: Some(token.trim().to_owned().into()), ..AuthInfo::default() };
        return Ok(Some(source(config.token.is_some(), "token", "KUBE_TOKEN")));
    }
    let certificate = wanted.text(&config.client_certificate, "KUBE_CLIENT_CERT_DATA");
    let key = secret(&config.client_key, "KUBE_CLIENT_KEY_DATA");
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            let (certificate, key) = (base64(&certificate), base64(&key).into());
            *auth = AuthInfo {
                client_certificate_data: Some(certificate),
                client_key_data: Some(key),
                ..AuthInfo::default()
            };
            let given = config.client_certificate.is_some();
            Ok(Some(source(given, "client_certificate", "KUBE_CLIENT_CERT_DATA")))
        }
        _ => Err(Error::new(
            ErrorKind::Configuration,
            "A client certificate needs its key, and a key its certificate",
        )
        .help(
            "Set both client_certificate and client_key (KUBE_CLIENT_CERT_DATA and KUBE_CLIENT_KEY_DATA).",
        )),
    }
}

/// From a kubeconfig; in a pod, from its service account.
async fn inferred(wanted: &Wanted<'_>) -> Result<(kube::Config, String), Error> {
    let config = wanted.config;
    let variables = &wanted.environment.variables;
    let options = KubeConfigOptions {
        context: wanted.text(&config.config_context, "KUBE_CTX"),
        cluster: wanted.text(&config.config_context_cluster, "KUBE_CTX_CLUSTER"),
        user: wanted.text(&config.config_context_auth_info, "KUBE_CTX_AUTH_INFO"),
    };
    let (paths, optional) = wanted.paths();
    if !paths.is_empty() {
        return kubeconfig::of_files(&paths, optional, options).await;
    }
    if variables.contains_key("KUBERNETES_SERVICE_HOST") {
        return kubeconfig::in_cluster(variables, Path::new(kubeconfig::POD));
    }
    let usual = wanted.path("~/.kube/config");
    if variables.contains_key("HOME") && usual.exists() {
        return kubeconfig::of_files(&[usual], false, options).await;
    }
    Err(Error::new(ErrorKind::Configuration, "The provider \"kubernetes\" doesn't know which cluster to use")
        .detail("there is no host, no config_path, no kubeconfig at ~/.kube/config, and this is no pod")
        .help("Set config_path and config_context, or host and token; or sandbox = true to try things."))
}

/// An address; https unless it says otherwise.
pub(crate) fn address(text: &str) -> Result<http::Uri, Error> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    with_scheme.parse().map_err(|e| {
        // One with a user in it may have a password.
        let shown = if text.contains('@') {
            "What was given for the API server".to_owned()
        } else {
            format!("{text:?}")
        };
        fault(format!("{shown} is no address"), &e)
            .help("Write the API server's address: https://api.example:6443")
    })
}

/// DER of the certificates in a PEM text.
pub(crate) fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, Error> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let fault = |summary: &str, detail: String| {
        Error::new(ErrorKind::Configuration, summary)
            .detail(detail)
            .help("Give it the text of a PEM file: cluster_ca_certificate = file(\"ca.pem\").")
    };
    match all {
        Ok(all) if !all.is_empty() => Ok(all.into_iter().map(|c| c.as_ref().to_vec()).collect()),
        Ok(_) => Err(fault("The certificate authority holds no certificate in PEM", String::new())),
        Err(e) => Err(fault("The certificate authority is not PEM", e.to_string())),
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// kube's type can't be made outside its crate but through its own JSON form.
fn exec_config(exec: &Exec) -> Result<ExecConfig, Error> {
    let env = exec.env.iter().flatten();
    let env: Vec<_> = env.map(|(name, value)| BTreeMap::from([("name", name), ("value", value)])).collect();
    serde_json::from_value(serde_json::json!({
        "apiVersion": exec.api_version, "command": exec.command, "args": exec.args.clone().unwrap_or_default(),
        "env": env, "interactiveMode": "Never",
    }))
    .map_err(|e| fault("The exec block can't be used", &e))
}

//! A connection from a kubeconfig, or from the service account of the pod that this runs in.
//!
//! <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use pilotis_sdk::{Error, ErrorKind};

use crate::config::{address, certificates, fault};

/// Where a pod finds its service account.
pub(crate) const POD: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A context of one or more kubeconfigs. `optional`: those that don't exist are passed over, as kubectl does with `KUBECONFIG`.
pub(crate) async fn of_files(
    paths: &[PathBuf],
    optional: bool,
    options: KubeConfigOptions,
) -> Result<(kube::Config, String), Error> {
    let there: Vec<&PathBuf> = paths.iter().filter(|p| !optional || p.exists()).collect();
    let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    if there.is_empty() {
        return Err(Error::new(ErrorKind::Configuration, "There is no kubeconfig")
            .detail(format!("none of these files exists: {}", names.join(", ")))
            .help("Set config_path, KUBE_CONFIG_PATH or KUBECONFIG to one that does."));
    }
    let mut merged = Kubeconfig::default();
    for path in there {
        let one = Kubeconfig::read_from(path).map_err(|e| unreadable(path, &e))?;
        merged = merged.merge(one).map_err(|e| fault("The kubeconfigs can't be merged", &e))?;
    }
    let context = chosen(&merged, &options, &names)?;
    let proxy = proxy_of(&merged, &context, &options).filter(|url| !url.is_empty());
    let mut kube = kube::Config::from_custom_kubeconfig(merged, &options).await.map_err(|e| {
        fault(format!("The context {context:?} of the kubeconfig can't be used"), &e)
            .help("`kubectl --context NAME get ns` with the same file shows whether it works.")
    })?;
    // What the client library takes from the environment is looked up anew: it compares NO_PROXY with the proxy, not with the server.
    kube.proxy_url = proxy.as_deref().map(crate::proxy::address).transpose()?;
    Ok((kube, format!("context {context:?} of {}", names.join(", "))))
}

/// The proxy that the kubeconfig names for the cluster that is used.
fn proxy_of(config: &Kubeconfig, context: &str, options: &KubeConfigOptions) -> Option<String> {
    let of_context = || config.contexts.iter().find(|c| c.name == context)?.context.as_ref();
    let cluster = options.cluster.clone().or_else(|| Some(of_context()?.cluster.clone()))?;
    config.clusters.iter().find(|c| c.name == cluster)?.cluster.as_ref()?.proxy_url.clone()
}

/// The name of the context that is used.
fn chosen(config: &Kubeconfig, options: &KubeConfigOptions, files: &[String]) -> Result<String, Error> {
    let there: Vec<&str> = config.contexts.iter().map(|c| c.name.as_str()).collect();
    let what = match options.context.as_ref().or(config.current_context.as_ref()).filter(|c| !c.is_empty()) {
        Some(name) if there.contains(&name.as_str()) => return Ok(name.clone()),
        // A cluster and a user by name need no context.
        None if options.cluster.is_some() && options.user.is_some() => return Ok(String::new()),
        Some(name) => format!("The kubeconfig has no context {name:?}"),
        None => "The kubeconfig says no current context".to_owned(),
    };
    let list = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    Err(Error::new(ErrorKind::Configuration, what)
        .detail(format!("the contexts of {} are: {list}", files.join(", ")))
        .help("Set config_context (or KUBE_CTX) to one of them."))
}

/// What is wrong with a file; its text is not shown, it may be secret.
fn unreadable(path: &Path, error: &KubeconfigError) -> Error {
    let detail = match error {
        KubeconfigError::ReadConfig(why, _) => why.to_string(),
        KubeconfigError::Parse(why) => match why.location() {
            Some(at) => format!("it is no kubeconfig: line {}, column {}", at.line(), at.column()),
            None => "it is no kubeconfig".to_owned(),
        },
        other => other.to_string(),
    };
    Error::new(ErrorKind::Configuration, format!("{} can't be used", path.display()))
        .detail(detail)
        .help("Set config_path to a kubeconfig; `kubectl config view` reads it too.")
}

/// The service account of the pod. Its token is read again when it changes.
pub(crate) fn in_cluster(
    variables: &BTreeMap<String, String>,
    account: &Path,
) -> Result<(kube::Config, String), Error> {
    let lacks = |what: String| {
        Error::new(ErrorKind::Configuration, "The pod's service account can't be used")
            .detail(what)
            .help("Is automountServiceAccountToken off? Then set config_path, or host and token.")
    };
    let variable =
        |name: &str| variables.get(name).cloned().ok_or_else(|| lacks(format!("{name} is not set")));
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let port = variable("KUBERNETES_SERVICE_PORT").unwrap_or_else(|_| "443".into());
    let mut kube = kube::Config::new(address(&format!("https://{host}:{port}"))?);
    let file = |name: &str| {
        let path = account.join(name);
        std::fs::read_to_string(&path).map_err(|e| lacks(format!("{}: {e}", path.display())))
    };
    kube.root_cert = Some(certificates(&file("ca.crt")?)?);
    file("token")?;
    kube.auth_info.token_file = Some(account.join("token").display().to_string());
    Ok((kube, format!("the pod's service account ({})", account.display())))
}

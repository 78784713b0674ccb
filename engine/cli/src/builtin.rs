//! The blueprints that come with the program, and the providers that it has. Only this file names services.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilotis_sdk::Provider;

use crate::other_state::States;

macro_rules! files {
    ($dir:literal: $($name:literal),+) => {
        &[$(($name, include_str!(concat!("../../../blueprints/", $dir, "/", $name)))),+]
    };
}

/// Files of a built-in module: name and text.
type Files = &'static [(&'static str, &'static str)];

/// The built-in blueprints: source and files.
const BLUEPRINTS: &[(&str, Files)] = &[
    ("cloud-pi-native/cluster", files!("cloud-pi-native/cluster": "main.hcl")),
    (
        "cloud-pi-native/project",
        files!("cloud-pi-native/project": "gitlab.hcl", "openshift.hcl", "outputs.hcl", "variables.hcl"),
    ),
];

/// The files of a built-in blueprint, or all that there are.
pub(crate) fn blueprint(source: &str) -> Result<Files, Vec<&'static str>> {
    let found = BLUEPRINTS.iter().find(|(name, _)| *name == source);
    found.map(|(_, files)| *files).ok_or_else(|| BLUEPRINTS.iter().map(|(name, _)| *name).collect())
}

/// All providers by local name; the one that is built in reads these states.
pub(crate) fn providers(states: &States) -> BTreeMap<String, Arc<dyn Provider>> {
    let all: [Arc<dyn Provider>; 8] = [
        Arc::new(pilotis_apply::Builtin::new(Arc::new(states.clone()))),
        Arc::new(pilotis_gitlab::provider()),
        Arc::new(pilotis_kubernetes::provider()),
        Arc::new(pilotis_utility::local()),
        Arc::new(pilotis_utility::null()),
        Arc::new(pilotis_utility::random()),
        Arc::new(pilotis_utility::time()),
        Arc::new(pilotis_utility::tls()),
    ];
    all.into_iter().map(|p| (p.schema().name.clone(), p)).collect()
}

/// What is lost with an object of a type when it is destroyed or replaced, as a clause.
pub(crate) fn lost(type_name: &str) -> Option<String> {
    let what = match type_name.strip_suffix("_v1").unwrap_or(type_name) {
        "gitlab_group" => "its subgroups, projects, members and variables",
        "gitlab_project" => "its repository, issues, merge requests, pipelines and packages",
        "kubernetes_namespace" | "openshift_project" => {
            "everything that runs or is stored in it, volumes included"
        }
        "kubernetes_secret" => "the secret, unless it is kept elsewhere",
        "gitlab_project_access_token" | "gitlab_group_access_token" | "gitlab_project_deploy_token" => {
            "the token: whoever uses it must be given the new one"
        }
        "random_password" | "random_bytes" => "the secret: whoever uses it must be given the new one",
        "tls_private_key" => "the key, and whatever was encrypted for it",
        _ => return None,
    };
    Some(what.to_owned())
}

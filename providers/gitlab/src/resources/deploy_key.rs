//! `gitlab_deploy_key`. <https://docs.gitlab.com/api/deploy_keys/>

use pilotis_sdk::Error;
use pilotis_sdk::json::Object;
use pilotis_sdk::typed::Scope;

use super::simple::{Simple, number, simple};
use crate::client::{import_parts, int};

/// An SSH key that reads, or writes, a project's repository.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "gitlab_deploy_key", scope(project), key(deploy_key_id), natural_key(project, key))]
pub(crate) struct DeployKey {
    /// `PROJECT:KEY`
    #[attr(computed, api = "")]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new, api = "")]
    pub(crate) project: String,
    /// Public key.
    #[attr(force_new, compare = "trailing_space")]
    pub(crate) key: String,
    /// What it is for.
    #[attr(force_new)]
    pub(crate) title: String,
    /// It may push.
    #[attr(optional, computed, force_new)]
    pub(crate) can_push: Option<bool>,
    /// When it ends (RFC 3339); never if not said.
    #[attr(force_new, compare = "instant")]
    pub(crate) expires_at: Option<String>,
    /// The key's number.
    #[attr(computed, api = "id")]
    pub(crate) deploy_key_id: Option<i64>,
}

impl Simple for DeployKey {
    const WHAT: &'static str = "deploy key";
    fn list(&self) -> Vec<String> {
        vec!["projects".into(), self.project.clone(), "deploy_keys".into()]
    }
    fn segment(&self) -> String {
        self.deploy_key_id.unwrap_or(0).to_string()
    }
    fn settled(mut self, object: &Object) -> Result<Self, Error> {
        self.deploy_key_id = int(object, "id");
        self.id = format!("{}:{}", self.project, self.segment());
        Ok(self)
    }
    fn of_scope(scope: &Scope<Self>) -> Result<Self, Error> {
        Ok(DeployKey { project: scope.text("project")?, ..DeployKey::default() })
    }
    fn of_import(id: &str) -> Result<Self, Error> {
        let [project, key] = import_parts(id, "12:34 (project:key)")?;
        Ok(DeployKey { project: project.into(), deploy_key_id: Some(number(key)?), ..DeployKey::default() })
    }
    fn is_like(&self, other: &Self) -> bool {
        // The comment at the end is not part of the key.
        let body = |key: &str| key.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        body(&self.key) == body(&other.key)
    }
}

simple!(DeployKey);

//! `gitlab_instance_variable`. <https://docs.gitlab.com/api/instance_level_ci_variables/>

use pilotis_sdk::json::Object;
use pilotis_sdk::typed::Scope;
use pilotis_sdk::{Error, Secret};
use serde_json::Value as Json;

use super::simple::{Simple, simple};

/// A CI/CD variable of all projects (administrators only). <https://docs.gitlab.com/ci/variables/#for-an-instance>
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "gitlab_instance_variable", scope(), key(key), natural_key(key))]
pub(crate) struct InstanceVariable {
    /// The key.
    #[attr(computed, api = "")]
    pub(crate) id: String,
    /// Name, of letters, digits and `_`.
    #[attr(force_new)]
    pub(crate) key: String,
    /// Value.
    #[attr(secret = "readable")]
    pub(crate) value: Secret,
    /// What it is for.
    #[attr(optional, computed)]
    pub(crate) description: Option<String>,
    /// Hidden in job logs.
    #[attr(optional, computed)]
    pub(crate) masked: Option<bool>,
    /// Only for pipelines of protected branches and tags.
    #[attr(optional, computed)]
    pub(crate) protected: Option<bool>,
    /// `$` in it stands for itself.
    #[attr(optional, computed)]
    pub(crate) raw: Option<bool>,
    /// A value, or a file with that content.
    #[attr(optional, computed, one_of("env_var", "file"))]
    pub(crate) variable_type: Option<String>,
}

impl Simple for InstanceVariable {
    const WHAT: &'static str = "instance variable";
    fn list(&self) -> Vec<String> {
        ["admin", "ci", "variables"].map(str::to_owned).to_vec()
    }
    fn segment(&self) -> String {
        self.key.clone()
    }
    fn settled(mut self, object: &Object) -> Result<Self, Error> {
        self.id = self.key.clone();
        if object.get("description").is_some_and(Json::is_null) {
            self.description = Some(String::new());
        }
        Ok(self)
    }
    fn of_scope(_: &Scope<Self>) -> Result<Self, Error> {
        Ok(InstanceVariable::default())
    }
    fn of_import(id: &str) -> Result<Self, Error> {
        Ok(InstanceVariable { key: id.to_owned(), ..InstanceVariable::default() })
    }
    fn is_like(&self, other: &Self) -> bool {
        self.key == other.key
    }
    fn update_body(&self, prior: &Self) -> Result<Object, Error> {
        let mut body = pilotis_sdk::json::changed_arguments(prior, self);
        if !body.is_empty() {
            // GitLab wants the value with every change.
            body.insert("value".into(), self.value.expose().into());
        }
        Ok(body)
    }
    fn secrets(&self) -> Vec<&Secret> {
        vec![&self.value]
    }
}

simple!(InstanceVariable);

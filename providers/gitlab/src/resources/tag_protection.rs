//! `gitlab_tag_protection`. <https://docs.gitlab.com/api/protected_tags/>

use pilotis_sdk::Error;
use pilotis_sdk::json::Object;
use pilotis_sdk::typed::Scope;
use serde_json::Value as Json;

use super::simple::{Simple, simple};
use crate::access;
use crate::client::{import_parts, text};

/// Who may make tags of a name or pattern. It can't be changed, only made anew.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "gitlab_tag_protection", scope(project), key(tag), natural_key(project, tag))]
pub(crate) struct TagProtection {
    /// `PROJECT:TAG`
    #[attr(computed, api = "")]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new, api = "")]
    pub(crate) project: String,
    /// Name of the tag, or a pattern: `v*`.
    #[attr(force_new, api = "name")]
    pub(crate) tag: String,
    /// Role that may make it; maintainers if not said.
    #[attr(optional, computed, force_new, api = "", one_of("no one", "developer", "maintainer", "admin"))]
    pub(crate) create_access_level: Option<String>,
}

impl Simple for TagProtection {
    const WHAT: &'static str = "protected tag";
    fn list(&self) -> Vec<String> {
        vec!["projects".into(), self.project.clone(), "protected_tags".into()]
    }
    fn segment(&self) -> String {
        self.tag.clone()
    }
    fn settled(mut self, object: &Object) -> Result<Self, Error> {
        self.tag = text(object, "name");
        self.id = format!("{}:{}", self.project, self.tag);
        let levels = object.get("create_access_levels").and_then(Json::as_array).into_iter().flatten();
        let role = |level: &Json| level["user_id"].is_null() && level["group_id"].is_null();
        let level =
            levels.into_iter().filter(|level| role(level)).find_map(|level| level["access_level"].as_i64());
        self.create_access_level = level.map(access::name);
        Ok(self)
    }
    fn of_scope(scope: &Scope<Self>) -> Result<Self, Error> {
        Ok(TagProtection { project: scope.text("project")?, ..TagProtection::default() })
    }
    fn of_import(id: &str) -> Result<Self, Error> {
        let [project, tag] = import_parts(id, "12:v* (project:tag)")?;
        Ok(TagProtection { project: project.into(), tag: tag.into(), ..TagProtection::default() })
    }
    fn is_like(&self, other: &Self) -> bool {
        self.tag == other.tag
    }
    fn create_body(&self) -> Result<Object, Error> {
        let mut body = pilotis_sdk::json::set_arguments(self);
        if let Some(level) = &self.create_access_level {
            body.insert("create_access_level".into(), access::number(level)?.into());
        }
        Ok(body)
    }
}

simple!(TagProtection);

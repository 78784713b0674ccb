//! `gitlab_group_label` and `gitlab_project_label`. <https://docs.gitlab.com/api/labels/>

use pilotis_sdk::Error;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::typed::Scope;

use super::simple::{Simple, simple};
use crate::client::{import_parts, int, text};

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $type_name:literal, $parent:ident, $parent_name:literal, $path:literal, $parent_doc:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
        #[resource(type = $type_name, scope($parent), key(label_id), natural_key($parent, name))]
        pub(crate) struct $name {
            /// `PARENT:LABEL`
            #[attr(computed, api = "")]
            pub(crate) id: String,
            #[doc = $parent_doc]
            #[attr(force_new, api = "")]
            pub(crate) $parent: String,
            /// Name.
            #[attr(force_new)]
            pub(crate) name: String,
            /// Colour: `#FFAABB`, or a CSS name.
            #[attr(compare = "case_insensitive", api = "")]
            pub(crate) color: String,
            /// What it means.
            #[attr(optional, computed)]
            pub(crate) description: Option<String>,
            /// Colour as GitLab has it, in six digits.
            #[attr(computed, volatile, api = "")]
            pub(crate) color_hex: Option<String>,
            /// The label's number.
            #[attr(computed, api = "")]
            pub(crate) label_id: Option<i64>,
        }

        impl Simple for $name {
            const WHAT: &'static str = "label";
            fn list(&self) -> Vec<String> {
                vec![$path.into(), self.$parent.clone(), "labels".into()]
            }
            fn segment(&self) -> String {
                // A label that is imported is named.
                self.label_id.map_or_else(|| self.name.clone(), |id| id.to_string())
            }
            fn settled(mut self, object: &Object) -> Result<Self, Error> {
                self.label_id = int(object, "id");
                let told = text(object, "color");
                // A CSS name comes back as digits: what was written stays.
                let named = !self.color.is_empty() && !self.color.starts_with('#');
                if !named && !self.color.eq_ignore_ascii_case(&told) {
                    self.color = told.clone();
                }
                self.color_hex = Some(told);
                self.description = self.description.or_else(|| Some(String::new()));
                self.id = format!("{}:{}", self.$parent, self.segment());
                Ok(self)
            }
            fn of_scope(scope: &Scope<Self>) -> Result<Self, Error> {
                Ok($name { $parent: scope.text($parent_name)?, ..$name::default() })
            }
            fn of_import(id: &str) -> Result<Self, Error> {
                let [parent, label] = import_parts(id, "12:bug (parent:label)")?;
                Ok($name { $parent: parent.into(), name: label.into(), ..$name::default() })
            }
            fn is_like(&self, other: &Self) -> bool {
                self.name == other.name
            }
            fn create_body(&self) -> Result<Object, Error> {
                let mut body = json::set_arguments(self);
                body.insert("color".into(), self.color.clone().into());
                Ok(body)
            }
            fn update_body(&self, prior: &Self) -> Result<Object, Error> {
                let mut body = json::changed_arguments(prior, self);
                if self.color != prior.color {
                    body.insert("color".into(), self.color.clone().into());
                }
                Ok(body)
            }
        }

        simple!($name);
    };
}

label!(
    /// A label of a group's issues and merge requests. <https://docs.gitlab.com/user/project/labels/>
    GroupLabel, "gitlab_group_label", group, "group", "groups", "The group's number or full path."
);
label!(
    /// A label of a project's issues and merge requests. <https://docs.gitlab.com/user/project/labels/>
    ProjectLabel, "gitlab_project_label", project, "project", "projects", "The project's number or full path."
);

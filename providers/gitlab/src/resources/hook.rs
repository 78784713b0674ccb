//! `gitlab_project_hook` and `gitlab_group_hook`: webhooks.
//! <https://docs.gitlab.com/api/project_webhooks/>, <https://docs.gitlab.com/api/group_webhooks/>

use std::collections::BTreeSet;

use pilotis_sdk::json::{self, Object};
use pilotis_sdk::typed::Scope;
use pilotis_sdk::{Error, Nested, Secret};
use serde_json::Value as Json;

use super::simple::{Simple, number, simple};
use crate::client::{import_parts, int, object_of};

/// A name and a value that GitLab does not show again.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct Pair {
    /// Name.
    pub(crate) key: String,
    /// Value.
    #[attr(secret = "given_never_returned")]
    pub(crate) value: Secret,
}

fn pairs(set: &BTreeSet<Pair>) -> Json {
    let pair = |p: &Pair| {
        Json::Object(object_of(&[("key", p.key.clone().into()), ("value", p.value.expose().into())]))
    };
    set.iter().map(pair).collect()
}

macro_rules! hook {
    ($(#[$doc:meta])* $name:ident, $type_name:literal, $parent:ident, $parent_name:literal, $path:literal, $parent_doc:literal,
     $number:ident, $number_doc:literal, { $($(#[$more_doc:meta])* $more:ident),* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
        #[resource(type = $type_name, scope($parent), key(hook_id), natural_key($parent, url))]
        pub(crate) struct $name {
            /// `PARENT:HOOK`
            #[attr(computed, api = "")]
            pub(crate) id: String,
            #[doc = $parent_doc]
            #[attr(force_new, api = "")]
            pub(crate) $parent: String,
            /// Address that is called.
            pub(crate) url: String,
            /// Name.
            #[attr(optional, computed)]
            pub(crate) name: Option<String>,
            /// What it is for.
            #[attr(optional, computed)]
            pub(crate) description: Option<String>,
            /// Secret that is sent along, so that the receiver knows who calls.
            #[attr(secret = "given_never_returned")]
            pub(crate) token: Option<Secret>,
            /// Secret with which calls are signed (19.0).
            #[attr(secret = "given_never_returned")]
            pub(crate) signing_token: Option<Secret>,
            /// How branches are chosen.
            #[attr(optional, computed, one_of("wildcard", "regex", "all_branches"))]
            pub(crate) branch_filter_strategy: Option<String>,
            /// Branches whose pushes call it.
            #[attr(optional, computed)]
            pub(crate) push_events_branch_filter: Option<String>,
            /// Body of the call.
            #[attr(optional, computed)]
            pub(crate) custom_webhook_template: Option<String>,
            /// Headers of the call (17.1).
            #[attr(secret = "given_never_returned", api = "")]
            pub(crate) custom_headers: Option<BTreeSet<Pair>>,
            /// Parts of the address that are not shown.
            #[attr(secret = "given_never_returned", api = "")]
            pub(crate) url_variables: Option<BTreeSet<Pair>>,
            /// Verify the receiver's certificate.
            #[attr(optional, computed)]
            pub(crate) enable_ssl_verification: Option<bool>,
            /// Called on confidential issues.
            #[attr(optional, computed)]
            pub(crate) confidential_issues_events: Option<bool>,
            /// Called on confidential comments.
            #[attr(optional, computed)]
            pub(crate) confidential_note_events: Option<bool>,
            /// Called on deployments.
            #[attr(optional, computed)]
            pub(crate) deployment_events: Option<bool>,
            /// Called on emoji reactions.
            #[attr(optional, computed)]
            pub(crate) emoji_events: Option<bool>,
            /// Called on feature flags.
            #[attr(optional, computed)]
            pub(crate) feature_flag_events: Option<bool>,
            /// Called on issues.
            #[attr(optional, computed)]
            pub(crate) issues_events: Option<bool>,
            /// Called on jobs.
            #[attr(optional, computed)]
            pub(crate) job_events: Option<bool>,
            /// Called on merge requests.
            #[attr(optional, computed)]
            pub(crate) merge_requests_events: Option<bool>,
            /// Called on milestones.
            #[attr(optional, computed)]
            pub(crate) milestone_events: Option<bool>,
            /// Called on comments.
            #[attr(optional, computed)]
            pub(crate) note_events: Option<bool>,
            /// Called on pipelines.
            #[attr(optional, computed)]
            pub(crate) pipeline_events: Option<bool>,
            /// Called on pushes.
            #[attr(optional, computed)]
            pub(crate) push_events: Option<bool>,
            /// Called on releases.
            #[attr(optional, computed)]
            pub(crate) releases_events: Option<bool>,
            /// Called when an access token is about to end.
            #[attr(optional, computed)]
            pub(crate) resource_access_token_events: Option<bool>,
            /// Called on pushes of tags.
            #[attr(optional, computed)]
            pub(crate) tag_push_events: Option<bool>,
            /// Called on vulnerabilities.
            #[attr(optional, computed)]
            pub(crate) vulnerability_events: Option<bool>,
            /// Called on wiki pages.
            #[attr(optional, computed)]
            pub(crate) wiki_page_events: Option<bool>,
            $($(#[$more_doc])* #[attr(optional, computed)] pub(crate) $more: Option<bool>,)*
            /// `executable`, or `disabled` after failures.
            #[attr(computed, volatile)]
            pub(crate) alert_status: Option<String>,
            /// Until when it is disabled after failures.
            #[attr(computed, volatile)]
            pub(crate) disabled_until: Option<String>,
            #[doc = $number_doc]
            #[attr(computed)]
            pub(crate) $number: Option<i64>,
            /// The hook's number.
            #[attr(computed, api = "")]
            pub(crate) hook_id: Option<i64>,
            /// Calls are signed.
            #[attr(computed, volatile)]
            pub(crate) signing_token_present: Option<bool>,
        }

        impl Simple for $name {
            const WHAT: &'static str = "webhook";
            fn list(&self) -> Vec<String> {
                vec![$path.into(), self.$parent.clone(), "hooks".into()]
            }
            fn segment(&self) -> String {
                self.hook_id.unwrap_or(0).to_string()
            }
            fn settled(mut self, object: &Object) -> Result<Self, Error> {
                self.hook_id = int(object, "id");
                self.id = format!("{}:{}", self.$parent, self.segment());
                Ok(self)
            }
            fn of_scope(scope: &Scope<Self>) -> Result<Self, Error> {
                Ok($name { $parent: scope.text($parent_name)?, ..$name::default() })
            }
            fn of_import(id: &str) -> Result<Self, Error> {
                let [parent, hook] = import_parts(id, "12:34 (parent:hook)")?;
                Ok($name { $parent: parent.into(), hook_id: Some(number(hook)?), ..$name::default() })
            }
            fn is_like(&self, other: &Self) -> bool {
                self.url == other.url
            }
            fn create_body(&self) -> Result<Object, Error> {
                let mut body = json::set_arguments(self);
                for (name, set) in [("custom_headers", &self.custom_headers), ("url_variables", &self.url_variables)] {
                    if let Some(set) = set.as_ref().filter(|set| !set.is_empty()) {
                        body.insert(name.into(), pairs(set));
                    }
                }
                Ok(body)
            }
            fn update_body(&self, prior: &Self) -> Result<Object, Error> {
                let mut body = json::changed_arguments(prior, self);
                let sets = [
                    ("custom_headers", &prior.custom_headers, &self.custom_headers),
                    ("url_variables", &prior.url_variables, &self.url_variables),
                ];
                for (name, before, after) in sets {
                    if before != after {
                        body.insert(name.into(), pairs(after.as_ref().unwrap_or(&BTreeSet::new())));
                    }
                }
                if !body.is_empty() {
                    // GitLab wants the address with every change.
                    body.insert("url".into(), self.url.clone().into());
                }
                Ok(body)
            }
            fn secrets(&self) -> Vec<&Secret> {
                let sets = [&self.custom_headers, &self.url_variables];
                let pairs = sets.into_iter().flatten().flatten().map(|pair| &pair.value);
                self.token.iter().chain(&self.signing_token).chain(pairs).collect()
            }
        }

        simple!($name);
    };
}

hook!(
    /// A webhook of a project: GitLab calls an address when something happens. <https://docs.gitlab.com/user/project/integrations/webhooks/>
    ProjectHook, "gitlab_project_hook", project, "project", "projects", "The project's number or full path.",
    project_id, "The project's number.", {}
);
hook!(
    /// A webhook of all that is in a group (Premium). <https://docs.gitlab.com/user/project/integrations/webhooks/>
    GroupHook, "gitlab_group_hook", group, "group", "groups", "The group's number or full path.",
    group_id, "The group's number.", {
        /// Called on members.
        member_events,
        /// Called on projects.
        project_events,
        /// Called on subgroups.
        subgroup_events
    }
);

//! `gitlab_group_variable` and `gitlab_project_variable`: CI/CD variables.
//! <https://docs.gitlab.com/api/project_level_variables/>, <https://docs.gitlab.com/api/group_level_variables/>

use pilotis_sdk::json::{self, Object};
use pilotis_sdk::model::Described;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind, Secret};
use serde_json::Value as Json;

use crate::bulk::{Children, Node, Parent};
use crate::client::{GitLab, import_parts, nothing_to_import, text};

const GROUP_VARIABLES: Children = Children {
    parent: Parent::Group,
    path: "variables",
    query: Some(
        "query groupVariables($ids: [ID!]) { groups(ids: $ids, first: 100) { nodes { id \
         ciVariables(first: 100) { nodes { key value variableType protected masked hidden raw environmentScope \
         description } pageInfo { hasNextPage } } } } }",
    ),
    connection: "ciVariables",
    batch: 100,
    rest_of,
};

const PROJECT_VARIABLES: Children = Children {
    parent: Parent::Project,
    path: "variables",
    query: Some(
        "query projectVariables($ids: [ID!]) { projects(ids: $ids, first: 100) { nodes { id \
         ciVariables(first: 100) { nodes { key value variableType protected masked hidden raw environmentScope \
         description } pageInfo { hasNextPage } } } } }",
    ),
    connection: "ciVariables",
    batch: 100,
    rest_of,
};

fn rest_of(node: &Json) -> Node {
    let Some(kind) = node["variableType"].as_str() else { return Node::Broken };
    let mut object = Object::new();
    for name in ["key", "value", "protected", "masked", "hidden", "raw", "description"] {
        object.insert(name.into(), node[name].clone());
    }
    object.insert("variable_type".into(), kind.to_lowercase().into());
    object.insert("environment_scope".into(), node["environmentScope"].as_str().unwrap_or("*").into());
    Node::Object(object)
}

/// What variables of groups and projects share.
trait Variable: Described + Clone + Send + Sync {
    const CHILDREN: &'static Children;
    const PARENT: &'static str;
    fn parent(&self) -> &str;
    fn key(&self) -> &str;
    fn scope(&self) -> &str;
    /// Hidden, masked, and the value that goes with them.
    fn wishes(&self) -> (bool, bool, &Secret);
    fn blank(parent: &str) -> Self;
    fn with_id(self) -> Self;
}

fn path<V: Variable>(parent: &str) -> [&str; 3] {
    [V::CHILDREN.parent.path(), parent, "variables"]
}

fn filled<V: Variable>(known: &V, object: &Object) -> Result<V, Error> {
    let mut object = object.clone();
    // Nobody said anything about it: GitLab has null or "" for it, by version.
    if object.get("description").is_none_or(Json::is_null) {
        object.insert("description".into(), "".into());
    }
    if object.get("value").is_some_and(Json::is_null) {
        // A hidden variable's value is not shown: what is known of it stays.
        object.remove("value");
    }
    Ok(json::overlay(known, &object)?.with_id())
}

/// Says what a refused value has to be like.
fn explained<V: Variable>(variable: &V, error: Error) -> Error {
    let (hidden, masked, _) = variable.wishes();
    if error.kind == ErrorKind::Invalid && (hidden || masked) && error.attribute.as_deref() == Some("value") {
        return error.help(
            "A masked value is one line of at least 8 characters without blanks; or set `masked = false`.",
        );
    }
    if error.kind == ErrorKind::AlreadyExists {
        let id = format!("{}:{}:{}", variable.parent(), variable.key(), variable.scope());
        return error.help(format!("Import it: its id is {id}."));
    }
    error
}

async fn create<V: Variable>(gitlab: &GitLab, planned: V) -> Result<Made<V>, Error> {
    let mut body = json::set_arguments(&planned);
    let (hidden, _, value) = planned.wishes();
    body.remove("hidden");
    if hidden {
        body.remove("masked");
        body.insert("masked_and_hidden".into(), true.into());
    }
    let request = gitlab.rest.post(path::<V>(planned.parent())).json(&body).hide(value.expose());
    let object: Object = request.send().await.map_err(|e| explained(&planned, e))?.json()?;
    Ok(filled(&planned, &object)?.into())
}

async fn fetch<V: Variable>(gitlab: &GitLab, known: &V) -> Result<Option<V>, Error> {
    let [kind, parent, variables] = path::<V>(known.parent());
    let request = gitlab.rest.get([kind, parent, variables, known.key()]);
    match request.query("filter[environment_scope]", known.scope()).optional().await? {
        Some(response) => Ok(Some(filled(known, &response.json()?)?)),
        None => Ok(None),
    }
}

async fn update<V: Variable>(gitlab: &GitLab, prior: V, planned: V) -> Result<V, Error> {
    let mut body = json::changed_arguments(&prior, &planned);
    body.remove("hidden");
    if body.is_empty() {
        return Ok(planned);
    }
    let (_, _, value) = planned.wishes();
    // GitLab wants the value with every change.
    body.insert("value".into(), value.expose().into());
    let [kind, parent, variables] = path::<V>(planned.parent());
    let request = gitlab.rest.put([kind, parent, variables, planned.key()]);
    let request =
        request.query("filter[environment_scope]", planned.scope()).json(&body).hide(value.expose());
    let object: Object = request.send().await.map_err(|e| explained(&planned, e))?.json()?;
    filled(&planned, &object)
}

async fn delete<V: Variable>(gitlab: &GitLab, prior: V) -> Result<(), Error> {
    let [kind, parent, variables] = path::<V>(prior.parent());
    let request = gitlab.rest.delete([kind, parent, variables, prior.key()]);
    request.query("filter[environment_scope]", prior.scope()).optional().await.map(|_| ())
}

async fn list<V: Variable>(gitlab: &GitLab, scopes: Vec<Scope<V>>) -> Vec<Result<Page<V>, Error>> {
    let parents: Result<Vec<String>, Error> = scopes.iter().map(|scope| scope.text(V::PARENT)).collect();
    let parents = match parents {
        Ok(parents) => parents,
        Err(e) => return scopes.iter().map(|_| Err(e.clone())).collect(),
    };
    let lists = gitlab.children(V::CHILDREN, &parents).await;
    let pages = lists.into_iter().zip(&parents).zip(&scopes).map(|((variables, parent), scope)| {
        let blank = V::blank(parent);
        let of = |object: &Object| {
            let (key, environments) = (text(object, "key"), text(object, "environment_scope"));
            let known = scope.wanted.iter().find(|v| v.key() == key && v.scope() == environments);
            filled(known.unwrap_or(&blank), object)
        };
        variables?.iter().map(of).collect()
    });
    pages.collect()
}

async fn import<V: Variable>(
    gitlab: &GitLab,
    id: &str,
    known: impl Fn(&str, &str, &str) -> V,
) -> Result<V, Error> {
    let [parent, key, scope] = import_parts(id, "12:KEY:* (parent:key:environment scope)")?;
    fetch(gitlab, &known(parent, key, scope)).await?.ok_or_else(|| nothing_to_import("variable", id))
}

macro_rules! variable {
    ($(#[$doc:meta])* $name:ident, $type_name:literal, $parent:ident, $parent_name:literal, $children:expr, $parent_doc:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, pilotis_sdk::Resource)]
        #[resource(
            type = $type_name,
            scope($parent),
            key(key, environment_scope),
            natural_key($parent, key, environment_scope)
        )]
        pub(crate) struct $name {
            /// `PARENT:KEY:SCOPE`
            #[attr(computed, api = "")]
            pub(crate) id: String,
            #[doc = $parent_doc]
            #[attr(force_new, api = "")]
            pub(crate) $parent: String,
            /// Name, of letters, digits and `_`.
            #[attr(force_new)]
            pub(crate) key: String,
            /// Value.
            #[attr(secret = "readable")]
            pub(crate) value: Secret,
            /// What it is for.
            #[attr(optional, computed)]
            pub(crate) description: Option<String>,
            /// Environments that it is given to: `*`, `review/*`, `production`. Others than `*` need Premium for groups.
            #[attr(default = "*", force_new)]
            pub(crate) environment_scope: String,
            /// Not shown in GitLab's pages; can't be changed later. It is masked too.
            #[attr(optional, computed, force_new)]
            pub(crate) hidden: Option<bool>,
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

        impl Variable for $name {
            const CHILDREN: &'static Children = &$children;
            const PARENT: &'static str = $parent_name;
            fn parent(&self) -> &str {
                &self.$parent
            }
            fn key(&self) -> &str {
                &self.key
            }
            fn scope(&self) -> &str {
                &self.environment_scope
            }
            fn wishes(&self) -> (bool, bool, &Secret) {
                (self.hidden == Some(true), self.masked == Some(true), &self.value)
            }
            fn blank(parent: &str) -> $name {
                $name {
                    id: String::new(),
                    $parent: parent.to_owned(),
                    key: String::new(),
                    value: Secret::default(),
                    description: None,
                    environment_scope: "*".to_owned(),
                    hidden: None,
                    masked: None,
                    protected: None,
                    raw: None,
                    variable_type: None,
                }
            }
            fn with_id(self) -> $name {
                $name {
                    id: format!("{}:{}:{}", self.$parent, self.key, self.environment_scope),
                    // GitLabs that can't hide don't say that they don't.
                    hidden: Some(self.hidden.unwrap_or(false)),
                    ..self
                }
            }
        }

        impl typed::Resource for $name {
            type Client = GitLab;
            const LISTS_MANY_SCOPES: bool = true;
            async fn create(gitlab: &GitLab, planned: $name) -> Result<Made<$name>, Error> {
                create(gitlab, planned).await
            }
            async fn read(gitlab: &GitLab, prior: $name) -> Result<Option<$name>, Error> {
                fetch(gitlab, &prior).await
            }
            async fn update(gitlab: &GitLab, prior: $name, planned: $name) -> Result<$name, Error> {
                update(gitlab, prior, planned).await
            }
            async fn delete(gitlab: &GitLab, prior: $name) -> Result<(), Error> {
                delete(gitlab, prior).await
            }
            async fn list(gitlab: &GitLab, scopes: Vec<Scope<$name>>) -> Vec<Result<Page<$name>, Error>> {
                list(gitlab, scopes).await
            }
            async fn find(gitlab: &GitLab, planned: $name) -> Result<Match<$name>, Error> {
                Ok(fetch(gitlab, &planned).await?.into())
            }
            async fn import(gitlab: &GitLab, id: &str) -> Result<$name, Error> {
                let known = |parent: &str, key: &str, scope: &str| $name {
                    key: key.to_owned(),
                    environment_scope: scope.to_owned(),
                    ..$name::blank(parent)
                };
                import(gitlab, id, known).await
            }
        }
    };
}

variable!(
    /// A CI/CD variable of a group, for all that is in it. <https://docs.gitlab.com/ci/variables/>
    GroupVariable, "gitlab_group_variable", group, "group", GROUP_VARIABLES, "The group's number or full path."
);
variable!(
    /// A CI/CD variable of a project. <https://docs.gitlab.com/ci/variables/>
    ProjectVariable, "gitlab_project_variable", project, "project", PROJECT_VARIABLES, "The project's number or full path."
);

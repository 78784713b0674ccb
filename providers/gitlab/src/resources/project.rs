//! `gitlab_project`: what is done with it; its attributes are in `project_fields`. <https://docs.gitlab.com/api/projects/>

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use pilotis_rest::Method;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::model::Model as _;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind};
use serde_json::Value as Json;

use super::avatar::{self, Avatar, NO_AVATAR};
use super::project_fields::ExpirationPolicy;
pub(crate) use super::project_fields::Project;
use super::push_rules;
use super::timeouts::Timeouts;
use crate::bulk::Parent;
use crate::client::{GitLab, id, is_marked, nothing_to_import, object_of, text};

/// How long an earlier project of the same path may take to go.
const DELETION: Duration = Duration::from_secs(300);
/// How long an import, a fork or a template may take.
const IMPORT: Duration = Duration::from_secs(1800);
/// How long GitLab may take to protect the first default branch; by then it won't any more.
const PROTECTION: Duration = Duration::from_secs(10);

impl typed::Resource for Project {
    type Client = GitLab;

    async fn create(gitlab: &GitLab, planned: Project) -> Result<Made<Project>, Error> {
        let import_bound = Timeouts::create(&planned.timeouts, IMPORT)?;
        let made = match gitlab.once_free(DELETION, || planned.make(gitlab)).await {
            Ok(made) => made,
            Err(e) => {
                let place = planned.place(gitlab).await?.unwrap_or_default();
                return Err(gitlab.if_marked("projects", &place, e).await);
            }
        };
        let made_id = id(&made)?;
        let mut object = planned.filled(&made)?;
        let rest = async {
            let mut current = wait_for_import(gitlab, &made_id, &made, import_bound).await?;
            // POST takes only some of the settings; what it left out follows.
            let mut later = super::left_out(&Project::default().filled(&current)?, &planned);
            later.extend(planned.special(None));
            if !planned.is_imported() && text(&current, "default_branch").is_empty() {
                // A branch that isn't there yet can't be the default one: the first push makes it.
                later.remove("default_branch");
            }
            if !later.is_empty() {
                current = gitlab.write(Method::PUT, &["projects", &made_id], &later).await?;
            }
            push_rules::write(gitlab, Parent::Project, &made_id, &[], &planned.push_rules).await?;
            let picture =
                avatar::write(gitlab, Parent::Project, &made_id, &NO_AVATAR, &planned.avatar()).await?;
            current = picture.unwrap_or(current);
            if planned.archived == Some(true) {
                current =
                    gitlab.write(Method::POST, &["projects", &made_id, "archive"], &Object::new()).await?;
            }
            object = planned.filled(&current)?;
            if planned.initialize_with_readme == Some(true)
                && planned.skip_wait_for_default_branch_protection != Some(true)
            {
                wait_for_protection(gitlab, &made_id, object.default_branch.as_deref()).await?;
            }
            super::taken(&planned, &object)
        };
        let error = rest.await.err();
        Ok(Made { object, error })
    }

    async fn read(gitlab: &GitLab, prior: Project) -> Result<Option<Project>, Error> {
        let Some(object) = gitlab.read(&["projects", &prior.id]).await? else {
            gitlab.project_is_gone(prior.path_with_namespace.as_deref().unwrap_or_default()).await?;
            return Ok(None);
        };
        if is_marked(&object) {
            return Ok(None);
        }
        let mut project = prior.filled(&object)?;
        project.push_rules = push_rules::read(gitlab, Parent::Project, &prior.id, &prior.push_rules).await?;
        Ok(Some(project))
    }

    async fn update(gitlab: &GitLab, prior: Project, planned: Project) -> Result<Project, Error> {
        let id = prior.id.as_str();
        let mut latest = None;
        let unarchive = prior.archived == Some(true) && planned.archived == Some(false);
        if unarchive {
            latest = Some(gitlab.write(Method::POST, &["projects", id, "unarchive"], &Object::new()).await?);
        }
        if let Some(namespace) = planned.namespace_id.filter(|n| Some(*n) != prior.namespace_id) {
            let body = object_of(&[("namespace", namespace.into())]);
            latest = Some(gitlab.write(Method::PUT, &["projects", id, "transfer"], &body).await?);
        }
        refork(gitlab, &prior, &planned).await?;
        let mut body = json::changed_arguments(&prior, &planned);
        body.extend(planned.special(Some(&prior)));
        if !body.is_empty() {
            latest = Some(gitlab.write(Method::PUT, &["projects", id], &body).await?);
        }
        push_rules::write(gitlab, Parent::Project, id, &prior.push_rules, &planned.push_rules).await?;
        let picture = avatar::write(gitlab, Parent::Project, id, &prior.avatar(), &planned.avatar()).await?;
        latest = picture.or(latest);
        if planned.archived == Some(true) && prior.archived != Some(true) {
            latest = Some(gitlab.write(Method::POST, &["projects", id, "archive"], &Object::new()).await?);
        }
        let object = match latest {
            Some(object) => object,
            None => gitlab.read_known(&["projects", id]).await?,
        };
        let project = planned.filled(&object)?;
        super::taken(&planned, &project)?;
        Ok(project)
    }

    async fn delete(gitlab: &GitLab, prior: Project) -> Result<(), Error> {
        let path = ["projects", prior.id.as_str()];
        if prior.archive_on_destroy == Some(true) {
            return gitlab.rest.post(["projects", &prior.id, "archive"]).optional().await.map(|_| ());
        }
        gitlab.mark(&path).await?;
        let for_good = prior.permanently_delete_on_destroy == Some(true);
        if for_good && let Some(marked) = gitlab.read(&path).await? {
            let request = gitlab.rest.delete(path).query("permanently_remove", "true");
            request.query("full_path", text(&marked, "path_with_namespace")).optional().await?;
        }
        let gone = gitlab.until(Timeouts::delete(&prior.timeouts, DELETION)?, || async {
            let object = gitlab.read(&path).await?;
            Ok(object.is_none_or(|object| !for_good && is_marked(&object)).then_some(()))
        });
        gone.await?.ok_or_else(|| {
            Error::new(ErrorKind::Timeout, format!("GitLab takes long to delete the project {}", prior.name))
                .help("Look at its page: it may hold something that can't be deleted. Then run again.")
        })
    }

    async fn list(gitlab: &GitLab, scopes: Vec<Scope<Project>>) -> Vec<Result<Page<Project>, Error>> {
        let mut pages = Vec::new();
        for scope in scopes {
            pages.push(list(gitlab, &scope.wanted).await);
        }
        pages
    }

    async fn find(gitlab: &GitLab, planned: Project) -> Result<Match<Project>, Error> {
        let Some(full_path) = planned.place(gitlab).await? else {
            return Ok(Match::Unknown("it is not known which namespace the project is in".to_owned()));
        };
        // The namespace is seen, so what is not found in it is not there.
        let found = gitlab.read(&["projects", &full_path]).await?.filter(|object| !is_marked(object));
        Ok(found.map(|object| planned.filled(&object)).transpose()?.into())
    }

    async fn import(gitlab: &GitLab, id: &str) -> Result<Project, Error> {
        let object = gitlab.read(&["projects", id]).await?.filter(|object| !is_marked(object));
        let object = object.ok_or_else(|| nothing_to_import("project", id))?;
        Project::default().filled(&object)
    }
}

/// The path that GitLab makes from a name: lower case, blanks and the like as `-`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        let kept = c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if kept {
            slug.push(c);
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches(['-', '.']).to_owned()
}

impl Project {
    fn avatar(&self) -> Avatar<'_> {
        Avatar { file: self.avatar.as_deref(), hash: self.avatar_hash.as_deref() }
    }

    fn is_imported(&self) -> bool {
        self.import_url.is_some() || self.template_name.is_some() || self.template_project_id.is_some()
    }

    /// The full path that it has or gets, if its namespace is known.
    async fn place(&self, gitlab: &GitLab) -> Result<Option<String>, Error> {
        let Some(namespace) = self.namespace_id else { return Ok(None) };
        let namespace = gitlab.read_known(&["namespaces", &namespace.to_string()]).await?;
        let segment = self.path.clone().filter(|p| !p.is_empty()).unwrap_or_else(|| slug(&self.name));
        Ok(Some(format!("{}/{segment}", text(&namespace, "full_path"))))
    }

    /// The call that makes it: a fork is made from its origin.
    async fn make(&self, gitlab: &GitLab) -> Result<Object, Error> {
        if let Some(origin) = self.forked_from_project_id {
            let mut body = object_of(&[("name", self.name.clone().into())]);
            let mut set =
                |name: &str, value: Option<Json>| value.map(|value| body.insert(name.to_owned(), value));
            set("path", self.path.clone().map(Json::from));
            set("namespace_id", self.namespace_id.map(Json::from));
            set("branches", self.branches.clone().map(Json::from));
            set("visibility", self.visibility_level.clone().map(Json::from));
            return gitlab.write(Method::POST, &["projects", &origin.to_string(), "fork"], &body).await;
        }
        let mut body = json::set_arguments(self);
        body.extend(self.special(None));
        let value = self.to_value();
        let only_here = [
            "namespace_id",
            "initialize_with_readme",
            "group_with_project_templates_id",
            "template_name",
            "template_project_id",
            "use_custom_template",
        ];
        for name in only_here {
            if let Some(value) = value.get(name).filter(|v| !v.is_null()) {
                body.insert(name.to_owned(), json::to_json(value));
            }
        }
        let mut request = gitlab.rest.post(["projects"]);
        if let Some(url) = self.import_address()? {
            body.insert("import_url".into(), url.into());
        }
        if let Some(password) = &self.import_url_password {
            request = request.hide(password.expose());
        }
        request.json(&body).send().await?.json()
    }

    /// The import's address with its credentials, as GitLab wants it.
    fn import_address(&self) -> Result<Option<String>, Error> {
        let Some(address) = self.import_url.as_deref().filter(|u| !u.is_empty()) else { return Ok(None) };
        let mut url: url::Url = address.parse().map_err(|_| {
            let mut error = Error::new(ErrorKind::Invalid, "`import_url` is not an address");
            error.attribute = Some("import_url".to_owned());
            error
        })?;
        if let Some(user) = &self.import_url_username {
            let _ = url.set_username(user);
        }
        if let Some(password) = &self.import_url_password {
            let _ = url.set_password(Some(password.expose()));
        }
        Ok(Some(url.into()))
    }

    /// What is written in another shape than the attribute has, as far as it is set and changed.
    fn special(&self, prior: Option<&Project>) -> Object {
        let mut body = Object::new();
        let before = prior.map(|p| p.container_expiration_policy.as_slice()).unwrap_or_default();
        if before != self.container_expiration_policy
            && let Some(policy) = self.container_expiration_policy.first()
        {
            body.insert(
                "container_expiration_policy_attributes".into(),
                Json::Object(push_rules::set_members(&policy.to_value())),
            );
        }
        if self.public_jobs.is_none()
            && let Some(public) = self.public_builds
            && prior.is_none_or(|p| p.public_builds != self.public_builds)
        {
            body.insert("public_jobs".into(), public.into());
        }
        body
    }

    /// The project with what GitLab says put over it.
    fn filled(&self, object: &Object) -> Result<Project, Error> {
        let mut project: Project = json::overlay(self, object)?;
        project.namespace_id = object.get("namespace").and_then(|n| n["id"].as_i64()).or(self.namespace_id);
        project.forked_from_project_id = object.get("forked_from_project").and_then(|p| p["id"].as_i64());
        project.archived = object.get("archived").and_then(Json::as_bool).or(self.archived);
        project.public_builds = project.public_jobs;
        project.description = project.description.or_else(|| Some(String::new()));
        // Before the first push there is no default branch: the wish stands.
        if project.default_branch.is_none() {
            project.default_branch = self.default_branch.clone();
        }
        if let Some(known) = self.container_expiration_policy.first()
            && let Some(Json::Object(policy)) = object.get("container_expiration_policy")
        {
            project.container_expiration_policy = vec![policy_of(known, policy)?];
        }
        Ok(project)
    }
}

fn policy_of(known: &ExpirationPolicy, object: &Object) -> Result<ExpirationPolicy, Error> {
    let mut object = object.clone();
    if !object.contains_key("name_regex_delete")
        && let Some(regex) = object.get("name_regex").cloned()
    {
        object.insert("name_regex_delete".into(), regex);
    }
    push_rules::only_set(known, &object)
}

/// Changes what the project is a fork of.
async fn refork(gitlab: &GitLab, prior: &Project, planned: &Project) -> Result<(), Error> {
    if prior.forked_from_project_id == planned.forked_from_project_id {
        return Ok(());
    }
    if prior.forked_from_project_id.is_some() {
        gitlab.remove(&["projects", &prior.id, "fork"]).await?;
    }
    if let Some(origin) = planned.forked_from_project_id {
        gitlab.rest.post(["projects", &prior.id, "fork", &origin.to_string()]).send().await?;
    }
    Ok(())
}

/// Waits until an import, fork or template is in, and gives the project as it is then.
async fn wait_for_import(gitlab: &GitLab, id: &str, made: &Object, bound: Duration) -> Result<Object, Error> {
    if matches!(text(made, "import_status").as_str(), "" | "none" | "finished") {
        return Ok(made.clone());
    }
    let finished = gitlab.until(bound, || async {
        let object = gitlab.read_known(&["projects", id]).await?;
        match text(&object, "import_status").as_str() {
            "" | "none" | "finished" => Ok(Some(object)),
            "failed" => Err(Error::new(ErrorKind::Invalid, "GitLab could not import the repository")
                .detail(text(&object, "import_error"))
                .help("Check `import_url` and its credentials; the project is there and empty.")),
            _ => Ok(None),
        }
    });
    finished
        .await?
        .ok_or_else(|| Error::new(ErrorKind::Timeout, "GitLab takes long to import the repository"))
}

/// GitLab protects the first default branch some time after the first commit. A protection that is made before that is in its way.
async fn wait_for_protection(gitlab: &GitLab, id: &str, branch: Option<&str>) -> Result<(), Error> {
    let Some(branch) = branch else { return Ok(()) };
    let rule = ["projects", id, "protected_branches", branch];
    gitlab.until(PROTECTION, || gitlab.read(&rule)).await.map(|_| ())
}

/// The trees that the wanted projects are in; what is not in them is looked at singly.
async fn list(gitlab: &GitLab, wanted: &[Project]) -> Result<Page<Project>, Error> {
    let by_id: HashMap<&str, &Project> = wanted.iter().map(|p| (p.id.as_str(), p)).collect();
    let mut objects = Vec::new();
    if wanted.is_empty() {
        let keyset = [("pagination", "keyset"), ("order_by", "id"), ("sort", "asc"), ("membership", "true")];
        objects = gitlab.list(&["projects"], &keyset).await?;
    } else if wanted.len() > 3 {
        let mut roots: BTreeMap<&str, usize> = BTreeMap::new();
        for root in wanted.iter().filter_map(|p| p.path_with_namespace.as_deref()?.split('/').next()) {
            *roots.entry(root).or_default() += 1;
        }
        let query =
            [("include_subgroups", "true"), ("with_shared", "false"), ("order_by", "id"), ("sort", "asc")];
        for (root, wanted) in roots {
            // In a big group of which little is wanted single reads are fewer calls.
            match gitlab.list_some(&["groups", root, "projects"], &query, wanted / 2 + 1).await {
                Ok(mut page) => objects.append(&mut page),
                // A user's namespace, or one that is not seen: its projects are read singly below.
                Err(e) if e.kind == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
    }
    let blank = Project::default();
    let mut projects = Vec::with_capacity(objects.len());
    let mut seen = BTreeSet::new();
    for object in objects.iter().filter(|object| !is_marked(object)) {
        let id = id(object)?;
        let known = by_id.get(id.as_str()).copied();
        let mut project = known.unwrap_or(&blank).filled(object)?;
        project.push_rules = known.map(|k| k.push_rules.clone()).unwrap_or_default();
        seen.insert(id);
        projects.push(project);
    }
    let missing: Vec<Project> = wanted.iter().filter(|p| !seen.contains(&p.id)).cloned().collect();
    for read in <Project as typed::Resource>::read_many(gitlab, missing).await {
        projects.extend(read?);
    }
    Ok(Page::complete(projects))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_from_a_name() {
        assert_eq!(slug("Mon projet!"), "mon-projet");
        assert_eq!(slug("api_v2.1"), "api_v2.1");
    }

    #[test]
    fn an_import_has_its_credentials_in_its_address() {
        let project = Project {
            import_url: Some("https://forge.example/a.git".into()),
            import_url_username: Some("bot".into()),
            import_url_password: Some("p@ss".into()),
            ..Project::default()
        };
        assert_eq!(
            project.import_address().unwrap().as_deref(),
            Some("https://bot:p%40ss@forge.example/a.git")
        );
    }
}

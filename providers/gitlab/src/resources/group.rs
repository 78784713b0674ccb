//! `gitlab_group`. <https://docs.gitlab.com/api/groups/>

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pilotis_rest::Method;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::model::{Described as _, Model as _};
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::value::Value;
use pilotis_sdk::{Error, ErrorKind, Nested, Secret};
use serde_json::Value as Json;

use super::avatar::{self, Avatar, NO_AVATAR};
use super::push_rules::{self, PushRules};
use crate::access;
use crate::bulk::Parent;
use crate::client::{GitLab, id, int, is_marked, nothing_to_import, object_of, text};

/// How long an earlier group of the same path may take to go.
const DELETION: Duration = Duration::from_secs(300);

/// A group of projects, subgroups and members. <https://docs.gitlab.com/user/group/>
#[derive(Clone, Debug, pilotis_sdk::Resource)]
#[resource(
    type = "gitlab_group",
    version = 1,
    scope(),
    key(id),
    natural_key(parent_id, path),
    lacks(
        membership_lock,
        prevent_forking_outside_group,
        prevent_sharing_groups_outside_hierarchy,
        shared_runners_minutes_limit,
        extra_shared_runners_minutes_limit,
        ip_restriction_ranges,
        allowed_email_domains_list,
        only_allow_merge_if_pipeline_succeeds,
        only_allow_merge_if_all_discussions_are_resolved,
        allow_merge_on_skipped_pipeline,
        push_rules
    )
)]
pub(crate) struct Group {
    /// The group's number.
    #[attr(computed)]
    pub(crate) id: String,
    /// Display name.
    pub(crate) name: String,
    /// Last part of its address, unique under its parent. A change moves the address; the old one redirects.
    pub(crate) path: String,
    /// Number of the group that it is in; a top-level group has none. A change transfers the group.
    #[attr(optional, computed, api = "")]
    pub(crate) parent_id: Option<i64>,
    /// What it is for.
    #[attr(optional, computed)]
    pub(crate) description: Option<String>,
    /// Who sees it: at most as many as see its parent.
    #[attr(optional, computed, api = "visibility", one_of("private", "internal", "public"))]
    pub(crate) visibility_level: Option<String>,
    /// Merge requests may be merged when the pipeline was skipped (Premium).
    #[attr(optional, computed)]
    pub(crate) allow_merge_on_skipped_pipeline: Option<bool>,
    /// Only addresses of these domains may be added (Premium).
    #[attr(optional, computed, api = "")]
    pub(crate) allowed_email_domains_list: Option<Vec<String>>,
    /// Archive the group instead of deleting it.
    #[attr(local)]
    pub(crate) archive_on_destroy: Option<bool>,
    /// Auto DevOps is on for projects in it.
    #[attr(optional, computed)]
    pub(crate) auto_devops_enabled: Option<bool>,
    /// Name of the first branch of new projects.
    #[attr(optional, computed)]
    pub(crate) default_branch: Option<String>,
    /// Who may push to new default branches.
    #[attr(optional, computed, deprecated = "use default_branch_protection_defaults")]
    pub(crate) default_branch_protection: Option<i64>,
    /// How default branches of new projects are protected.
    #[attr(block, max = 1, api = "")]
    pub(crate) default_branch_protection_defaults: Vec<BranchDefaults>,
    /// E-mail notifications are sent.
    #[attr(optional, computed)]
    pub(crate) emails_enabled: Option<bool>,
    /// More CI/CD minutes than the plan's (administrators only).
    #[attr(optional, computed)]
    pub(crate) extra_shared_runners_minutes_limit: Option<i64>,
    /// Only these networks have access (Premium, top-level groups).
    #[attr(optional, computed, api = "")]
    pub(crate) ip_restriction_ranges: Option<BTreeSet<String>>,
    /// Large file storage is on.
    #[attr(optional, computed)]
    pub(crate) lfs_enabled: Option<bool>,
    /// Largest artifact in MB.
    #[attr(optional, computed)]
    pub(crate) max_artifacts_size: Option<i64>,
    /// Nobody can be added to projects in it.
    #[attr(optional, computed)]
    pub(crate) membership_lock: Option<bool>,
    /// The group can't be mentioned as a whole.
    #[attr(optional, computed)]
    pub(crate) mentions_disabled: Option<bool>,
    /// Merge requests need all discussions resolved (Premium).
    #[attr(optional, computed)]
    pub(crate) only_allow_merge_if_all_discussions_are_resolved: Option<bool>,
    /// Merge requests need a pipeline that succeeded (Premium).
    #[attr(optional, computed)]
    pub(crate) only_allow_merge_if_pipeline_succeeds: Option<bool>,
    /// Delete for good at once, instead of marking it for deletion (subgroups only).
    #[attr(local)]
    pub(crate) permanently_remove_on_delete: Option<bool>,
    /// Projects can't be forked to somewhere else.
    #[attr(optional, computed)]
    pub(crate) prevent_forking_outside_group: Option<bool>,
    /// Groups from somewhere else can't be invited (top-level groups).
    #[attr(optional, computed)]
    pub(crate) prevent_sharing_groups_outside_hierarchy: Option<bool>,
    /// Who may create projects in it.
    #[attr(optional, computed, one_of("noone", "owner", "maintainer", "developer", "administrator"))]
    pub(crate) project_creation_level: Option<String>,
    /// What pushes must keep to (Premium).
    #[attr(block, max = 1, api = "")]
    pub(crate) push_rules: Vec<PushRules>,
    /// Users may ask to join.
    #[attr(optional, computed)]
    pub(crate) request_access_enabled: Option<bool>,
    /// Members need two factors to sign in.
    #[attr(optional, computed)]
    pub(crate) require_two_factor_authentication: Option<bool>,
    /// Its projects can't be shared with other groups.
    #[attr(optional, computed)]
    pub(crate) share_with_group_lock: Option<bool>,
    /// CI/CD minutes a month (administrators only).
    #[attr(optional, computed)]
    pub(crate) shared_runners_minutes_limit: Option<i64>,
    /// Instance runners for what is in it.
    #[attr(
        optional,
        computed,
        one_of(
            "enabled",
            "disabled_and_overridable",
            "disabled_and_unoverridable",
            "disabled_with_override"
        )
    )]
    pub(crate) shared_runners_setting: Option<String>,
    /// Who may create subgroups.
    #[attr(optional, computed, one_of("owner", "maintainer"))]
    pub(crate) subgroup_creation_level: Option<String>,
    /// Hours until two factors are needed.
    #[attr(optional, computed)]
    pub(crate) two_factor_grace_period: Option<i64>,
    /// The group's wiki (Premium).
    #[attr(optional, computed, one_of("disabled", "private", "enabled"))]
    pub(crate) wiki_access_level: Option<String>,
    /// File with its picture.
    #[attr(local)]
    pub(crate) avatar: Option<String>,
    /// What stands for the picture's content: `filesha256(…)`. A change sends it again.
    #[attr(local)]
    pub(crate) avatar_hash: Option<String>,
    /// Address of its picture.
    #[attr(computed, volatile)]
    pub(crate) avatar_url: Option<String>,
    /// Names from the top down: `Forge / Carto`.
    #[attr(computed, volatile)]
    pub(crate) full_name: Option<String>,
    /// Paths from the top down: `forge/carto`.
    #[attr(computed, volatile)]
    pub(crate) full_path: Option<String>,
    /// Token with which runners were registered (deprecated by GitLab).
    #[attr(computed, secret = "made_readable")]
    pub(crate) runners_token: Option<Secret>,
    /// Its page.
    #[attr(computed, volatile)]
    pub(crate) web_url: Option<String>,
}

/// How default branches of new projects are protected. Only what is set is managed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct BranchDefaults {
    /// Those who may push may force it.
    pub(crate) allow_force_push: Option<bool>,
    /// Who may merge.
    #[attr(one_of("developer", "maintainer", "no one"))]
    pub(crate) allowed_to_merge: Option<Vec<String>>,
    /// Who may push.
    #[attr(one_of("developer", "maintainer", "no one"))]
    pub(crate) allowed_to_push: Option<Vec<String>>,
    /// Code owners must approve (Premium).
    pub(crate) code_owner_approval_required: Option<bool>,
    /// Developers may push the first commit.
    pub(crate) developer_can_initial_push: Option<bool>,
}

impl typed::Resource for Group {
    type Client = GitLab;

    async fn create(gitlab: &GitLab, planned: Group) -> Result<Made<Group>, Error> {
        let mut body = json::set_arguments(&planned);
        body.extend(planned.special(None)?);
        if let Some(parent) = planned.parent_id.filter(|id| *id != 0) {
            body.insert("parent_id".into(), parent.into());
        }
        let made = match gitlab.once_free(DELETION, || gitlab.write(Method::POST, &["groups"], &body)).await {
            Ok(made) => made,
            Err(e) => return Err(gitlab.if_marked("groups", &planned.place(gitlab).await?, e).await),
        };
        let made_id = id(&made)?;
        let mut object = planned.filled(&made)?;
        let rest = async {
            // POST takes only some of the settings; what it left out follows.
            let later = super::left_out(&blank()?.filled(&made)?, &planned);
            if !later.is_empty() {
                let changed = gitlab.write(Method::PUT, &["groups", &made_id], &later).await?;
                object = planned.filled(&changed)?;
            }
            if let Some(changed) =
                avatar::write(gitlab, Parent::Group, &made_id, &NO_AVATAR, &planned.avatar()).await?
            {
                object = planned.filled(&changed)?;
            }
            super::taken(&planned, &object)?;
            push_rules::write(gitlab, Parent::Group, &made_id, &[], &planned.push_rules).await
        };
        let error = rest.await.err();
        Ok(Made { object, error })
    }

    async fn read(gitlab: &GitLab, prior: Group) -> Result<Option<Group>, Error> {
        let Some(object) = fetch(gitlab, &prior.id).await? else {
            gitlab.group_is_gone(prior.full_path.as_deref().unwrap_or_default()).await?;
            return Ok(None);
        };
        if is_marked(&object) {
            return Ok(None);
        }
        let mut group = prior.filled(&object)?;
        group.push_rules = push_rules::read(gitlab, Parent::Group, &prior.id, &prior.push_rules).await?;
        Ok(Some(group))
    }

    async fn update(gitlab: &GitLab, prior: Group, planned: Group) -> Result<Group, Error> {
        let moved = planned.parent_id.unwrap_or(0) != prior.parent_id.unwrap_or(0);
        if moved {
            let target = planned.parent_id.filter(|id| *id != 0);
            let body: Object = target.map(|id| ("group_id".to_owned(), Json::from(id))).into_iter().collect();
            gitlab.rest.post(["groups", &prior.id, "transfer"]).json(&body).send().await?;
        }
        let mut body = json::changed_arguments(&prior, &planned);
        body.extend(planned.special(Some(&prior))?);
        push_rules::write(gitlab, Parent::Group, &prior.id, &prior.push_rules, &planned.push_rules).await?;
        let mut changed = None;
        if !body.is_empty() {
            changed = Some(gitlab.write(Method::PUT, &["groups", &prior.id], &body).await?);
        }
        let picture =
            avatar::write(gitlab, Parent::Group, &prior.id, &prior.avatar(), &planned.avatar()).await?;
        let object = if let Some(object) = picture.or(changed) {
            object
        } else if moved {
            fetch(gitlab, &prior.id).await?.ok_or_else(|| nothing_to_import("group", &prior.id))?
        } else {
            return Ok(Group {
                avatar_url: prior.avatar_url,
                full_name: prior.full_name,
                full_path: prior.full_path,
                web_url: prior.web_url,
                ..planned
            });
        };
        let group = planned.filled(&object)?;
        super::taken(&planned, &group)?;
        Ok(group)
    }

    async fn delete(gitlab: &GitLab, prior: Group) -> Result<(), Error> {
        let path = ["groups", prior.id.as_str()];
        if prior.archive_on_destroy == Some(true) {
            return gitlab.rest.post(["groups", &prior.id, "archive"]).optional().await.map(|_| ());
        }
        gitlab.mark(&path).await?;
        let for_good = prior.permanently_remove_on_delete == Some(true);
        if for_good && let Some(marked) = fetch(gitlab, &prior.id).await? {
            let request = gitlab.rest.delete(path).query("permanently_remove", "true");
            request.query("full_path", text(&marked, "full_path")).optional().await?;
        }
        let gone = gitlab.until(DELETION, || async {
            let object = fetch(gitlab, &prior.id).await?;
            Ok(object.is_none_or(|object| !for_good && is_marked(&object)).then_some(()))
        });
        gone.await?.ok_or_else(|| {
            Error::new(ErrorKind::Timeout, format!("GitLab takes long to delete the group {}", prior.path))
                .help("Look at its page: it may hold something that can't be deleted. Then run again.")
        })
    }

    async fn list(gitlab: &GitLab, scopes: Vec<Scope<Group>>) -> Vec<Result<Page<Group>, Error>> {
        let mut pages = Vec::new();
        for scope in scopes {
            pages.push(list(gitlab, &scope.wanted).await);
        }
        pages
    }

    async fn find(gitlab: &GitLab, planned: Group) -> Result<Match<Group>, Error> {
        let full_path = planned.place(gitlab).await?;
        match fetch(gitlab, &full_path).await?.filter(|object| !is_marked(object)) {
            Some(object) => Ok(Match::from(Some(planned.filled(&object)?))),
            None => match gitlab.group_is_gone(&full_path).await {
                Ok(()) => Ok(Match::Absent),
                Err(hidden) => Ok(Match::Unknown(hidden.to_string())),
            },
        }
    }

    async fn import(gitlab: &GitLab, id: &str) -> Result<Group, Error> {
        let object = fetch(gitlab, id).await?.filter(|object| !is_marked(object));
        let object = object.ok_or_else(|| nothing_to_import("group", id))?;
        blank()?.overlaid(&object)?.without_defaults()
    }
}

/// A group with its settings and without its projects, which GitLab would send along.
async fn fetch(gitlab: &GitLab, id: &str) -> Result<Option<Object>, Error> {
    match gitlab.rest.get(["groups", id]).query("with_projects", "false").optional().await? {
        Some(response) => response.json().map(Some),
        None => Ok(None),
    }
}

/// The trees that the wanted groups are in, or all groups of the token if none is wanted.
async fn list(gitlab: &GitLab, wanted: &[Group]) -> Result<Page<Group>, Error> {
    if !wanted.is_empty() && wanted.len() <= 3 {
        let reads = <Group as typed::Resource>::read_many(gitlab, wanted.to_vec()).await;
        let objects = reads.into_iter().filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        return Ok(Page::complete(objects));
    }
    let blank = blank()?;
    let by_id: std::collections::HashMap<&str, &Group> = wanted.iter().map(|g| (g.id.as_str(), g)).collect();
    let mut roots: BTreeMap<&str, usize> = BTreeMap::new();
    for root in wanted.iter().filter_map(|g| g.full_path.as_deref()?.split('/').next()) {
        *roots.entry(root).or_default() += 1;
    }
    let mut objects = Vec::new();
    if roots.is_empty() {
        objects = gitlab.list(&["groups"], &[("all_available", "false")]).await?;
    }
    for (root, wanted) in roots {
        let Some(object) = fetch(gitlab, root).await? else { continue };
        objects.push(object);
        // In a big tree of which little is wanted single reads are fewer calls.
        let mut below = gitlab.list_some(&["groups", root, "descendant_groups"], &[], wanted / 2 + 1).await?;
        objects.append(&mut below);
    }
    let mut groups = Vec::with_capacity(objects.len());
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for object in objects.iter().filter(|object| !is_marked(object)) {
        let id = id(object)?;
        let base = by_id.get(id.as_str()).copied();
        let mut group = base.unwrap_or(&blank).filled(object)?;
        group.push_rules = base.map(|b| b.push_rules.clone()).unwrap_or_default();
        seen.insert(id);
        groups.push(group);
    }
    // One that was moved to another tree is not deleted: what is missing is looked at singly.
    let missing: Vec<Group> = wanted.iter().filter(|g| !seen.contains(&g.id)).cloned().collect();
    for read in <Group as typed::Resource>::read_many(gitlab, missing).await {
        groups.extend(read?);
    }
    Ok(Page::complete(groups))
}

/// A group of which nothing is known.
fn blank() -> Result<Group, Error> {
    let nothing = Value::object_of([("name", Value::string("")), ("path", Value::string(""))]);
    Ok(Group::from_value(&nothing)?)
}

impl Group {
    fn avatar(&self) -> Avatar<'_> {
        Avatar { file: self.avatar.as_deref(), hash: self.avatar_hash.as_deref() }
    }

    /// The full path that it has or gets.
    async fn place(&self, gitlab: &GitLab) -> Result<String, Error> {
        let Some(parent) = self.parent_id.filter(|id| *id != 0) else { return Ok(self.path.clone()) };
        let parent = gitlab.read_known(&["groups", &parent.to_string()]).await?;
        Ok(format!("{}/{}", text(&parent, "full_path"), self.path))
    }

    /// What is written in another shape than the attribute has, as far as it is set and changed.
    fn special(&self, prior: Option<&Group>) -> Result<Object, Error> {
        let mut body = Object::new();
        let domains = |g: &Group| g.allowed_email_domains_list.as_ref().map(|d| d.join(","));
        let ranges = |g: &Group| {
            g.ip_restriction_ranges.as_ref().map(|r| r.iter().cloned().collect::<Vec<_>>().join(","))
        };
        let mut changed = |name: &str, before: Option<String>, after: Option<String>| {
            if before != after
                && let Some(after) = after
            {
                body.insert(name.to_owned(), after.into());
            }
        };
        changed("allowed_email_domains_list", prior.and_then(domains), domains(self));
        changed("ip_restriction_ranges", prior.and_then(ranges), ranges(self));
        let before = prior.map(|p| p.default_branch_protection_defaults.as_slice()).unwrap_or_default();
        if before != self.default_branch_protection_defaults
            && let Some(defaults) = self.default_branch_protection_defaults.first()
        {
            body.insert("default_branch_protection_defaults".into(), Json::Object(defaults.to_rest()?));
        }
        Ok(body)
    }

    /// The group with what GitLab says put over it, as far as it is managed.
    fn filled(&self, object: &Object) -> Result<Group, Error> {
        let known = self.to_value();
        // What a listing lacks and nobody set stays unset: such a group can be read in bulk, and reads the same either way.
        self.overlaid(object)?.unset(|name, _| known.get(name).is_some_and(Value::is_null))
    }

    /// Of what a listing lacks only what somebody must have set, for an import.
    fn without_defaults(self) -> Result<Group, Error> {
        self.unset(|_, value| {
            value.as_bool() == Some(false) || value.as_elements().is_some_and(<[Value]>::is_empty)
        })
    }

    fn unset(self, is_unset: impl Fn(&str, &Value) -> bool) -> Result<Group, Error> {
        let value = self.to_value();
        let mut entries = value.as_entries().cloned().unwrap_or_default();
        for name in Group::shared_schema().refresh.list_lacks.iter().filter(|name| *name != "push_rules") {
            if let Some(value) = entries.get_mut(name.as_str()).filter(|value| is_unset(name, value)) {
                *value = Value::null(value.ty());
            }
        }
        Ok(Group::from_value(&Value::object(entries))?)
    }

    /// The group with all that GitLab says put over it.
    fn overlaid(&self, object: &Object) -> Result<Group, Error> {
        let mut group: Group = json::overlay(self, object)?;
        // 0 is how some write "no parent".
        group.parent_id = int(object, "parent_id").or(self.parent_id.filter(|id| *id == 0));
        group.description = group.description.or_else(|| Some(String::new()));
        if let Some(Json::String(domains)) = object.get("allowed_email_domains_list") {
            group.allowed_email_domains_list = Some(split(domains).collect());
        }
        if let Some(Json::String(ranges)) = object.get("ip_restriction_ranges") {
            group.ip_restriction_ranges = Some(split(ranges).collect());
        }
        if let Some(known) = self.default_branch_protection_defaults.first()
            && let Some(Json::Object(defaults)) = object.get("default_branch_protection_defaults")
        {
            group.default_branch_protection_defaults = vec![BranchDefaults::from_rest(known, defaults)?];
        }
        Ok(group)
    }
}

fn split(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned)
}

impl BranchDefaults {
    fn to_rest(&self) -> Result<Object, Error> {
        let mut body = push_rules::set_members(&self.to_value());
        for (name, levels) in
            [("allowed_to_push", &self.allowed_to_push), ("allowed_to_merge", &self.allowed_to_merge)]
        {
            if let Some(levels) = levels {
                let levels = levels.iter().map(|level| {
                    Ok(Json::Object(object_of(&[("access_level", access::number(level)?.into())])))
                });
                body.insert(name.into(), levels.collect::<Result<Json, Error>>()?);
            }
        }
        Ok(body)
    }

    fn from_rest(known: &BranchDefaults, object: &Object) -> Result<BranchDefaults, Error> {
        let mut object = object.clone();
        for name in ["allowed_to_push", "allowed_to_merge"] {
            if let Some(Json::Array(levels)) = object.get(name) {
                let names = levels
                    .iter()
                    .filter_map(|l| l["access_level"].as_i64())
                    .map(|l| Json::from(access::name(l)));
                let names: Json = names.collect();
                object.insert(name.into(), names);
            }
        }
        push_rules::only_set(known, &object)
    }
}

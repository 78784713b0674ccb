//! `gitlab_branch_protection`. <https://docs.gitlab.com/api/protected_branches/>

use std::collections::BTreeSet;
use std::time::Duration;

use pilotis_rest::Method;
use pilotis_sdk::json::Object;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind, Nested};
use serde_json::Value as Json;

use crate::access;
use crate::bulk::{Children, Node, Parent};
use crate::client::{GitLab, import_parts, int, nothing_to_import, object_of, text};
use crate::graphql;

/// How long GitLab may take to make its own rule for a new default branch, which then is in the way.
const OWN_RULE: Duration = Duration::from_secs(10);

const LEVELS: [(&str, Kind); 3] = [
    ("push_access_levels", Kind::Push),
    ("merge_access_levels", Kind::Merge),
    ("unprotect_access_levels", Kind::Unprotect),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Push,
    Merge,
    Unprotect,
}

macro_rules! rules_query {
    ($name:literal, $more:literal) => {
        concat!(
            "query ", $name, "($ids: [ID!]) { projects(ids: $ids, first: 50) { nodes { id \
             branchRules(first: 100) { nodes { id name branchProtection { allowForcePush ", $more,
            "mergeAccessLevels(first: 20) { nodes { accessLevel user { id } group { id } } pageInfo { hasNextPage } } \
             pushAccessLevels(first: 20) { nodes { accessLevel user { id } group { id } deployKey { id } } \
             pageInfo { hasNextPage } } } } pageInfo { hasNextPage } } } } }"
        )
    };
}

const RULES: Children = Children {
    parent: Parent::Project,
    path: "protected_branches",
    query: Some(rules_query!("branchRules", "")),
    connection: "branchRules",
    batch: 50,
    rest_of,
};

const ENTERPRISE_RULES: Children = Children {
    query: Some(rules_query!(
        "branchRulesEnterprise",
        "codeOwnerApprovalRequired unprotectAccessLevels(first: 20) { nodes { accessLevel user { id } group { id } } \
         pageInfo { hasNextPage } } "
    )),
    ..RULES
};

fn rest_of(node: &Json) -> Node {
    let protection = &node["branchProtection"];
    if protection.is_null() {
        return Node::Skip;
    }
    let (Some(id), Some(name)) = (graphql::number(&node["id"]), node["name"].as_str()) else {
        return Node::Broken;
    };
    let mut object = object_of(&[
        ("id", id.into()),
        ("name", name.into()),
        ("allow_force_push", protection["allowForcePush"].clone()),
    ]);
    if let Some(required) = protection.get("codeOwnerApprovalRequired") {
        object.insert("code_owner_approval_required".into(), required.clone());
    }
    let fields = ["pushAccessLevels", "mergeAccessLevels", "unprotectAccessLevels"];
    for (field, (name, _)) in fields.iter().zip(LEVELS) {
        let Some(connection) = protection.get(*field) else { continue };
        if connection["pageInfo"]["hasNextPage"].as_bool() == Some(true) {
            return Node::Broken;
        }
        let levels = connection["nodes"].as_array().into_iter().flatten().map(|level| {
            let number = |field: &str| graphql::number(&level[field]["id"]).map_or(Json::Null, Json::from);
            Json::Object(object_of(&[
                ("access_level", level["accessLevel"].clone()),
                ("user_id", number("user")),
                ("group_id", number("group")),
                ("deploy_key_id", number("deployKey")),
            ]))
        });
        object.insert(name.into(), levels.collect());
    }
    Node::Object(object)
}

/// Who may push to and merge into branches of a name or pattern.
#[derive(Clone, Debug, pilotis_sdk::Resource)]
#[resource(type = "gitlab_branch_protection", scope(project), key(branch), natural_key(project, branch))]
pub(crate) struct BranchProtection {
    /// `PROJECT:BRANCH`
    #[attr(computed)]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new)]
    pub(crate) project: String,
    /// Name of the branch, or a pattern: `release/*`.
    #[attr(force_new)]
    pub(crate) branch: String,
    /// Those who may push may force it.
    #[attr(optional, computed)]
    pub(crate) allow_force_push: Option<bool>,
    /// Code owners must approve (Premium).
    #[attr(optional, computed)]
    pub(crate) code_owner_approval_required: Option<bool>,
    /// Role that may merge.
    #[attr(optional, computed, one_of("no one", "developer", "maintainer", "admin"))]
    pub(crate) merge_access_level: Option<String>,
    /// Role that may push.
    #[attr(optional, computed, one_of("no one", "developer", "maintainer", "admin"))]
    pub(crate) push_access_level: Option<String>,
    /// Users, groups and roles that may merge besides (Premium).
    #[attr(optional, computed)]
    pub(crate) allowed_to_merge: Option<BTreeSet<Allowed>>,
    /// Users, groups, deploy keys and roles that may push besides (Premium).
    #[attr(optional, computed)]
    pub(crate) allowed_to_push: Option<BTreeSet<AllowedToPush>>,
    /// Users, groups and roles that may take the protection away (Premium).
    #[attr(optional, computed)]
    pub(crate) allowed_to_unprotect: Option<BTreeSet<Allowed>>,
    /// Number of the protection.
    #[attr(computed, volatile)]
    pub(crate) branch_protection_id: Option<i64>,
}

/// A user, a group or a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct Allowed {
    /// A role.
    pub(crate) access_level: Option<String>,
    /// A group's number.
    pub(crate) group_id: Option<i64>,
    /// A user's number.
    pub(crate) user_id: Option<i64>,
}

/// A user, a group, a deploy key or a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct AllowedToPush {
    /// A role.
    pub(crate) access_level: Option<String>,
    /// A deploy key's number.
    pub(crate) deploy_key_id: Option<i64>,
    /// A group's number.
    pub(crate) group_id: Option<i64>,
    /// A user's number.
    pub(crate) user_id: Option<i64>,
}

/// One entry of an access list, as GitLab has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Role(i64),
    User(i64),
    Group(i64),
    Key(i64),
}

impl Entry {
    fn of(object: &Json) -> Option<Entry> {
        let part = |name: &str| object[name].as_i64();
        part("user_id")
            .map(Entry::User)
            .or_else(|| part("group_id").map(Entry::Group))
            .or_else(|| part("deploy_key_id").map(Entry::Key))
            .or_else(|| part("access_level").map(Entry::Role))
    }
    fn body(self) -> Json {
        let (name, value) = match self {
            Entry::Role(level) => ("access_level", level),
            Entry::User(id) => ("user_id", id),
            Entry::Group(id) => ("group_id", id),
            Entry::Key(id) => ("deploy_key_id", id),
        };
        Json::Object(object_of(&[(name, value.into())]))
    }
    fn allowed(self) -> AllowedToPush {
        let mut allowed = AllowedToPush::default();
        match self {
            Entry::Role(level) => allowed.access_level = Some(access::name(level)),
            Entry::User(id) => allowed.user_id = Some(id),
            Entry::Group(id) => allowed.group_id = Some(id),
            Entry::Key(id) => allowed.deploy_key_id = Some(id),
        }
        allowed
    }
    fn from_allowed(allowed: &AllowedToPush) -> Result<Entry, Error> {
        let set = [
            allowed.access_level.as_deref().map(access::number).transpose()?.map(Entry::Role),
            allowed.user_id.map(Entry::User),
            allowed.group_id.map(Entry::Group),
            allowed.deploy_key_id.map(Entry::Key),
        ];
        let mut set = set.into_iter().flatten();
        match (set.next(), set.next()) {
            (Some(entry), None) => Ok(entry),
            _ => Err(Error::new(ErrorKind::Invalid, "An entry of a protection says not exactly one thing")
                .help("Set one of access_level, user_id, group_id and deploy_key_id in it.")),
        }
    }
}

impl From<&Allowed> for AllowedToPush {
    fn from(a: &Allowed) -> AllowedToPush {
        let a = a.clone();
        AllowedToPush {
            access_level: a.access_level,
            group_id: a.group_id,
            user_id: a.user_id,
            deploy_key_id: None,
        }
    }
}
impl From<AllowedToPush> for Allowed {
    fn from(a: AllowedToPush) -> Allowed {
        Allowed { access_level: a.access_level, group_id: a.group_id, user_id: a.user_id }
    }
}

/// A role, and entries besides it: how an access list is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wish {
    role: Option<i64>,
    entries: Option<BTreeSet<Entry>>,
}

impl Wish {
    /// All entries together, if anything is wished.
    fn all(&self) -> Option<BTreeSet<Entry>> {
        if self.role.is_none() && self.entries.is_none() {
            return None;
        }
        Some(self.role.map(Entry::Role).into_iter().chain(self.entries.iter().flatten().copied()).collect())
    }

    /// Splits what GitLab has in the way in which it was wished: a role that was wished as an entry stays one.
    fn read(&self, found: &BTreeSet<Entry>) -> Wish {
        let as_entry = |entry: &Entry| self.entries.as_ref().is_some_and(|entries| entries.contains(entry));
        let role_of = |entry: &Entry| if let Entry::Role(level) = entry { Some(*level) } else { None };
        let kept = self.role.filter(|level| found.contains(&Entry::Role(*level)));
        let other = || found.iter().filter(|e| !as_entry(e)).find_map(role_of);
        let role = kept.or_else(other).or_else(|| found.iter().find_map(role_of));
        let roles_wished = self.entries.iter().flatten().any(|e| role_of(e).is_some());
        let is_besides = |entry: &&Entry| match entry {
            Entry::Role(level) => as_entry(entry) || (roles_wished && Some(*level) != role),
            _ => true,
        };
        Wish { role, entries: Some(found.iter().filter(is_besides).copied().collect()) }
    }
}

impl BranchProtection {
    fn wish(&self, kind: Kind) -> Result<Wish, Error> {
        let role = match kind {
            Kind::Push => self.push_access_level.as_deref(),
            Kind::Merge => self.merge_access_level.as_deref(),
            Kind::Unprotect => None,
        };
        let besides = |set: &Option<BTreeSet<Allowed>>| {
            let set = set.as_ref()?;
            Some(set.iter().map(AllowedToPush::from).collect::<Vec<_>>())
        };
        let entries = match kind {
            Kind::Push => self.allowed_to_push.as_ref().map(|set| set.iter().cloned().collect()),
            Kind::Merge => besides(&self.allowed_to_merge),
            Kind::Unprotect => besides(&self.allowed_to_unprotect),
        };
        let entries = entries.map(|entries| entries.iter().map(Entry::from_allowed).collect()).transpose()?;
        Ok(Wish { role: role.map(access::number).transpose()?, entries })
    }

    /// The protection as GitLab has it, split as this one is.
    fn filled(&self, object: &Object) -> Result<BranchProtection, Error> {
        let mut read = self.clone();
        read.branch = text(object, "name");
        read.id = format!("{}:{}", self.project, read.branch);
        read.branch_protection_id = int(object, "id");
        read.allow_force_push = Some(flag(object, "allow_force_push"));
        // A query of the community edition lacks some: what is known of them stays.
        if object.contains_key("code_owner_approval_required") {
            read.code_owner_approval_required = Some(flag(object, "code_owner_approval_required"));
        }
        for (name, kind) in LEVELS {
            if !object.contains_key(name) {
                continue;
            }
            let found: BTreeSet<Entry> = entries(object, name).map(|(_, entry)| entry).collect();
            if kind == Kind::Unprotect {
                read.allowed_to_unprotect = Some(found.into_iter().map(|e| e.allowed().into()).collect());
                continue;
            }
            let wish = self.wish(kind)?.read(&found);
            let entries: Vec<_> = wish.entries.into_iter().flatten().map(Entry::allowed).collect();
            let role = wish.role.map(access::name);
            match kind {
                Kind::Push => {
                    read.push_access_level = role;
                    read.allowed_to_push = Some(entries.into_iter().collect());
                }
                Kind::Merge => {
                    read.merge_access_level = role;
                    read.allowed_to_merge = Some(entries.into_iter().map(Allowed::from).collect());
                }
                Kind::Unprotect => {}
            }
        }
        Ok(read)
    }

    fn body(&self) -> Result<Object, Error> {
        let mut body = object_of(&[("name", self.branch.clone().into())]);
        let roles = [("push_access_level", Kind::Push), ("merge_access_level", Kind::Merge)];
        for (name, kind) in roles {
            if let Some(level) = self.wish(kind)?.role {
                body.insert(name.into(), level.into());
            }
        }
        let lists = [
            ("allowed_to_push", Kind::Push),
            ("allowed_to_merge", Kind::Merge),
            ("allowed_to_unprotect", Kind::Unprotect),
        ];
        for (name, kind) in lists {
            if let Some(entries) = self.wish(kind)?.entries.filter(|entries| !entries.is_empty()) {
                body.insert(name.into(), entries.into_iter().map(Entry::body).collect());
            }
        }
        self.flags(None, &mut body);
        Ok(body)
    }

    fn flags(&self, prior: Option<&BranchProtection>, body: &mut Object) {
        let mut flag = |name: &str, before: Option<bool>, after: Option<bool>| {
            if before != after
                && let Some(on) = after
            {
                body.insert(name.to_owned(), on.into());
            }
        };
        flag("allow_force_push", prior.and_then(|p| p.allow_force_push), self.allow_force_push);
        let owners = prior.and_then(|p| p.code_owner_approval_required);
        flag("code_owner_approval_required", owners, self.code_owner_approval_required);
    }

    async fn fetch(gitlab: &GitLab, known: &BranchProtection) -> Result<Option<BranchProtection>, Error> {
        let object = gitlab.read(&["projects", &known.project, "protected_branches", &known.branch]).await?;
        object.map(|object| known.filled(&object)).transpose()
    }

    fn blank(project: &str, branch: &str) -> BranchProtection {
        BranchProtection {
            id: String::new(),
            project: project.to_owned(),
            branch: branch.to_owned(),
            allow_force_push: None,
            code_owner_approval_required: None,
            merge_access_level: None,
            push_access_level: None,
            allowed_to_merge: None,
            allowed_to_push: None,
            allowed_to_unprotect: None,
            branch_protection_id: None,
        }
    }

    /// GitLab's own rule for the default branch is taken over; any other rule is somebody's.
    async fn is_gitlabs_own(&self, gitlab: &GitLab) -> Result<bool, Error> {
        let project = gitlab.read_known(&["projects", &self.project]).await?;
        Ok(text(&project, "default_branch") == self.branch)
    }

    /// Makes an existing rule what is planned.
    async fn change(
        &self,
        gitlab: &GitLab,
        prior: Option<&BranchProtection>,
    ) -> Result<BranchProtection, Error> {
        let path = ["projects", self.project.as_str(), "protected_branches", self.branch.as_str()];
        let found = gitlab.read_known(&path).await?;
        let mut patch = self.edits(&found)?;
        let lists_differ = !patch.is_empty();
        // Without the enterprise edition access lists can't be edited: the rule is made anew, protected again within the second.
        if lists_differ && !gitlab.edition().await?.enterprise {
            return self.remake(gitlab).await;
        }
        self.flags(prior, &mut patch);
        if patch.is_empty() {
            return self.filled(&found);
        }
        let changed = gitlab.write(Method::PATCH, &path, &patch).await?;
        // Without a licence GitLab takes the edits and drops them.
        if lists_differ && !self.edits(&changed)?.is_empty() {
            return self.remake(gitlab).await;
        }
        self.filled(&changed)
    }

    /// What to add to and take from each access list.
    fn edits(&self, found: &Object) -> Result<Object, Error> {
        let mut edits = Object::new();
        for (name, kind) in LEVELS {
            let Some(wanted) = self.wish(kind)?.all() else { continue };
            let there: Vec<(Option<i64>, Entry)> = entries(found, name).collect();
            let added = wanted.iter().filter(|e| !there.iter().any(|(_, t)| t == *e)).map(|e| e.body());
            let removed = there.iter().filter(|(_, e)| !wanted.contains(e)).filter_map(|(id, _)| {
                Some(Json::Object(object_of(&[("id", (*id)?.into()), ("_destroy", true.into())])))
            });
            let list: Vec<Json> = added.chain(removed).collect();
            if !list.is_empty() {
                let name = match kind {
                    Kind::Push => "allowed_to_push",
                    Kind::Merge => "allowed_to_merge",
                    Kind::Unprotect => "allowed_to_unprotect",
                };
                edits.insert(name.into(), Json::Array(list));
            }
        }
        Ok(edits)
    }

    async fn remake(&self, gitlab: &GitLab) -> Result<BranchProtection, Error> {
        gitlab.remove(&["projects", &self.project, "protected_branches", &self.branch]).await?;
        let path = ["projects", self.project.as_str(), "protected_branches"];
        self.filled(&gitlab.write(Method::POST, &path, &self.body()?).await?)
    }
}

fn flag(object: &Object, name: &str) -> bool {
    object.get(name).and_then(Json::as_bool).unwrap_or(false)
}

fn entries<'a>(object: &'a Object, name: &str) -> impl Iterator<Item = (Option<i64>, Entry)> + 'a {
    let list = object.get(name).and_then(Json::as_array).into_iter().flatten();
    list.filter_map(|level| Some((level["id"].as_i64(), Entry::of(level)?)))
}

impl typed::Resource for BranchProtection {
    type Client = GitLab;
    const LISTS_MANY_SCOPES: bool = true;

    async fn create(gitlab: &GitLab, planned: BranchProtection) -> Result<Made<BranchProtection>, Error> {
        let path = ["projects", planned.project.as_str(), "protected_branches"];
        match gitlab.write(Method::POST, &path, &planned.body()?).await {
            Ok(object) => Ok(planned.filled(&object)?.into()),
            Err(e) if e.kind == ErrorKind::AlreadyExists && planned.is_gitlabs_own(gitlab).await? => {
                // It may have been made between the two calls and be gone for an instant: it is waited for.
                let rule = [path[0], path[1], path[2], &planned.branch];
                let there = gitlab.until(OWN_RULE, || gitlab.read(&rule));
                match there.await? {
                    Some(_) => Ok(planned.change(gitlab, None).await?.into()),
                    None => Err(e),
                }
            }
            Err(e) if e.kind == ErrorKind::AlreadyExists => {
                Err(e.help(format!("Import it: its id is {}:{}.", planned.project, planned.branch)))
            }
            Err(e) => Err(e),
        }
    }

    async fn read(gitlab: &GitLab, prior: BranchProtection) -> Result<Option<BranchProtection>, Error> {
        BranchProtection::fetch(gitlab, &prior).await
    }

    async fn update(
        gitlab: &GitLab,
        prior: BranchProtection,
        planned: BranchProtection,
    ) -> Result<BranchProtection, Error> {
        planned.change(gitlab, Some(&prior)).await
    }

    async fn delete(gitlab: &GitLab, prior: BranchProtection) -> Result<(), Error> {
        gitlab.remove(&["projects", &prior.project, "protected_branches", &prior.branch]).await
    }

    async fn list(
        gitlab: &GitLab,
        scopes: Vec<Scope<BranchProtection>>,
    ) -> Vec<Result<Page<BranchProtection>, Error>> {
        let projects: Result<Vec<String>, Error> = scopes.iter().map(|scope| scope.text("project")).collect();
        let projects = match projects {
            Ok(projects) => projects,
            Err(e) => return scopes.iter().map(|_| Err(e.clone())).collect(),
        };
        let enterprise = gitlab.edition().await.is_ok_and(|edition| edition.enterprise);
        let lists = gitlab.children(if enterprise { &ENTERPRISE_RULES } else { &RULES }, &projects).await;
        let pages = lists.into_iter().zip(&projects).zip(&scopes).map(|((rules, project), scope)| {
            let of = |object: &Object| {
                let name = text(object, "name");
                match scope.wanted.iter().find(|known| known.branch == name) {
                    Some(known) => known.filled(object),
                    None => BranchProtection::blank(project, &name).filled(object),
                }
            };
            rules?.iter().map(of).collect()
        });
        pages.collect()
    }

    async fn find(gitlab: &GitLab, planned: BranchProtection) -> Result<Match<BranchProtection>, Error> {
        Ok(BranchProtection::fetch(gitlab, &planned).await?.into())
    }

    async fn import(gitlab: &GitLab, id: &str) -> Result<BranchProtection, Error> {
        let [project, branch] = import_parts(id, "12:main (project:branch)")?;
        let found = BranchProtection::fetch(gitlab, &BranchProtection::blank(project, branch)).await?;
        found.ok_or_else(|| nothing_to_import("protected branch", id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(role: Option<i64>, entries: &[Entry]) -> Wish {
        Wish { role, entries: Some(entries.iter().copied().collect()) }
    }

    #[test]
    fn a_list_is_read_the_way_it_was_wished() {
        use Entry::{Role, User};
        let found = BTreeSet::from([Role(40), User(5)]);
        assert_eq!(Wish::default().read(&found), wish(Some(40), &[User(5)]), "nobody said how");
        assert_eq!(wish(Some(40), &[User(5)]).read(&found), wish(Some(40), &[User(5)]));
        assert_eq!(wish(None, &[Role(40), User(5)]).read(&found), wish(Some(40), &[Role(40), User(5)]));
        let two = BTreeSet::from([Role(30), Role(40)]);
        assert_eq!(wish(Some(40), &[Role(30)]).read(&two), wish(Some(40), &[Role(30)]));
        assert_eq!(wish(Some(40), &[]).read(&BTreeSet::from([Role(30)])), wish(Some(30), &[]), "drift shows");
    }

    #[test]
    fn an_entry_says_one_thing() {
        let entry = AllowedToPush { user_id: Some(1), group_id: Some(2), ..AllowedToPush::default() };
        assert_eq!(Entry::from_allowed(&entry).unwrap_err().kind, ErrorKind::Invalid);
        assert!(Entry::from_allowed(&AllowedToPush::default()).is_err());
    }
}

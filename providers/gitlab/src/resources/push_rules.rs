//! Push rules of a group or project (Premium). <https://docs.gitlab.com/api/project_push_rules/>

use pilotis_rest::Method;
use pilotis_sdk::json::{self, Object};
use pilotis_sdk::model::Model as _;
use pilotis_sdk::value::Value;
use pilotis_sdk::{Error, Nested};

use crate::bulk::Parent;
use crate::client::GitLab;

/// What a push must keep to. Only what is set is managed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Nested)]
pub(crate) struct PushRules {
    /// Authors' addresses must match this regular expression.
    pub(crate) author_email_regex: Option<String>,
    /// Branch names must match this regular expression.
    pub(crate) branch_name_regex: Option<String>,
    /// The committer's address must be one of the pushing user's verified ones.
    pub(crate) commit_committer_check: Option<bool>,
    /// The committer's name must be the pushing user's.
    pub(crate) commit_committer_name_check: Option<bool>,
    /// Commit messages must not match this regular expression.
    pub(crate) commit_message_negative_regex: Option<String>,
    /// Commit messages must match this regular expression.
    pub(crate) commit_message_regex: Option<String>,
    /// Tags can't be deleted by a push.
    pub(crate) deny_delete_tag: Option<bool>,
    /// File names must not match this regular expression.
    pub(crate) file_name_regex: Option<String>,
    /// Largest file in MB; 0 for any.
    pub(crate) max_file_size: Option<i64>,
    /// Authors must be GitLab users.
    pub(crate) member_check: Option<bool>,
    /// Files that look like secrets are refused.
    pub(crate) prevent_secrets: Option<bool>,
    /// Commits without a certificate of origin are refused.
    pub(crate) reject_non_dco_commits: Option<bool>,
    /// Commits that are not signed are refused.
    pub(crate) reject_unsigned_commits: Option<bool>,
}

/// Writes what changed. GitLab has no rules object until the first is made.
pub(crate) async fn write(
    gitlab: &GitLab,
    parent: Parent,
    id: &str,
    before: &[PushRules],
    after: &[PushRules],
) -> Result<(), Error> {
    let path = [parent.path(), id, "push_rule"];
    match (before.first(), after.first()) {
        (before, after) if before == after => Ok(()),
        (_, None) => gitlab.remove(&path).await,
        (_, Some(rules)) => {
            let body = set_members(&rules.to_value());
            let there = gitlab.read(&path).await?.is_some_and(|rule| !rule.is_empty());
            let method = if there { Method::PUT } else { Method::POST };
            gitlab.write(method, &path, &body).await.map(|_| ())
        }
    }
}

/// Reads the rules if some are managed, and of them only those that are.
pub(crate) async fn read(
    gitlab: &GitLab,
    parent: Parent,
    id: &str,
    known: &[PushRules],
) -> Result<Vec<PushRules>, Error> {
    let Some(known) = known.first() else { return Ok(Vec::new()) };
    match gitlab.read(&[parent.path(), id, "push_rule"]).await? {
        Some(object) => Ok(vec![only_set(known, &object)?]),
        None => Ok(Vec::new()),
    }
}

/// The members of a nested object that are set, as JSON.
pub(crate) fn set_members(value: &Value) -> Object {
    let set = value.as_entries().into_iter().flatten().filter(|(_, v)| !v.is_null());
    set.map(|(name, v)| (name.to_string(), json::to_json(v))).collect()
}

/// A nested object as the service has it, reduced to the members that are set in what is known: the others are not managed.
pub(crate) fn only_set<T: pilotis_sdk::model::Model>(known: &T, object: &Object) -> Result<T, Error> {
    let known = known.to_value();
    let mut entries = known.as_entries().cloned().unwrap_or_default();
    for (name, value) in entries.iter_mut().filter(|(_, v)| !v.is_null()) {
        let Some(member) = object.get(name.as_str()) else { continue };
        *value = json::from_json(member, &value.ty()).map_err(|why| {
            Error::new(pilotis_sdk::ErrorKind::Garbage, "GitLab's answer makes no sense")
                .detail(format!("{name}: {why}"))
        })?;
    }
    Ok(T::from_value(&Value::object(entries))?)
}

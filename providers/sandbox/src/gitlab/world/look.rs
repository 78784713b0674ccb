//! Looking things up: by path, name, token; up and down the tree; and what level a user has where. Changes nothing.

use super::{Named, Node, TOP, World, hash};
use crate::gitlab::model::{Project, Scope, Share, Token, Trigger, User, level};

impl World {
    /// What the full path leads to, without regard to upper and lower case.
    pub(in crate::gitlab) fn find_path(&self, full_path: &str) -> Option<Node> {
        let mut parent = TOP;
        let mut segments = full_path.split('/').peekable();
        while let Some(segment) = segments.next() {
            let node = *self.paths.get(&(parent, segment.to_lowercase()))?;
            if segments.peek().is_none() {
                return Some(node);
            }
            parent = match node {
                Node::Group(id) => id,
                Node::User(id) => self.users.get(&id)?.namespace_id,
                Node::Project(_) => return None,
            };
        }
        None
    }

    /// What is at this path in this group (or at the top).
    pub(in crate::gitlab) fn find_in(&self, parent: Option<u64>, path: &str) -> Option<Node> {
        self.paths.get(&(parent.unwrap_or(TOP), path.to_lowercase())).copied()
    }

    /// The subgroup or project of this name in a group or other namespace, without regard to upper and lower case.
    pub(in crate::gitlab) fn find_name(&self, namespace: u64, kind: Named, name: &str) -> Option<u64> {
        self.names.get(&(namespace, kind, name.to_lowercase())).copied()
    }

    pub(in crate::gitlab) fn user_named(&self, username: &str) -> Option<&User> {
        self.usernames.get(&username.to_lowercase()).and_then(|id| self.users.get(id))
    }

    pub(in crate::gitlab) fn user_with_email(&self, email: &str) -> Option<&User> {
        self.emails.get(&email.to_lowercase()).and_then(|id| self.users.get(id))
    }

    pub(in crate::gitlab) fn token_for(&self, secret: &str) -> Option<&Token> {
        let (scope, id) = *self.token_hashes.get(&hash(secret))?;
        self.tokens.get(scope, id)
    }

    pub(in crate::gitlab) fn trigger_for(&self, secret: &str) -> Option<&Trigger> {
        let (scope, id) = *self.trigger_tokens.get(secret)?;
        self.triggers.get(scope, id)
    }

    /// Direct subgroups; those of no group are at the top.
    pub(in crate::gitlab) fn children(&self, parent: Option<u64>) -> Vec<u64> {
        self.subgroups
            .get(&parent.unwrap_or(TOP))
            .map(|ids| ids.iter().copied().collect())
            .unwrap_or_default()
    }

    /// All groups below this one, without it.
    pub(in crate::gitlab) fn descendants(&self, group: u64) -> Vec<u64> {
        let mut found = Vec::new();
        let mut open = self.children(Some(group));
        while let Some(id) = open.pop() {
            found.push(id);
            open.extend(self.children(Some(id)));
        }
        found
    }

    /// The group and those above it, nearest first.
    pub(in crate::gitlab) fn ancestry(&self, group: Option<u64>) -> Vec<u64> {
        let mut found = Vec::new();
        let mut next = group;
        while let Some(group) = next.and_then(|id| self.groups.get(&id)) {
            found.push(group.id);
            next = group.parent_id;
        }
        found
    }

    pub(in crate::gitlab) fn namespace_projects(&self, namespace: u64) -> Vec<u64> {
        self.group_projects.get(&namespace).map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    /// Groups and projects that were shared with this group.
    pub(in crate::gitlab) fn shared_with(&self, group: u64) -> Vec<Scope> {
        self.shared_to.get(&group).map(|scopes| scopes.iter().copied().collect()).unwrap_or_default()
    }

    /// What the user is a direct member of.
    pub(in crate::gitlab) fn memberships(&self, user: u64) -> Vec<Scope> {
        self.user_scopes.get(&user).map(|scopes| scopes.iter().copied().collect()).unwrap_or_default()
    }

    pub(in crate::gitlab) fn group_full_path(&self, id: u64) -> String {
        let mut paths: Vec<&str> = self
            .ancestry(Some(id))
            .into_iter()
            .filter_map(|id| Some(self.groups.get(&id)?.path.as_str()))
            .collect();
        paths.reverse();
        paths.join("/")
    }

    pub(in crate::gitlab) fn group_full_name(&self, id: u64) -> String {
        let mut names: Vec<&str> = self
            .ancestry(Some(id))
            .into_iter()
            .filter_map(|id| Some(self.groups.get(&id)?.name.as_str()))
            .collect();
        names.reverse();
        names.join(" / ")
    }

    /// The user whose own namespace this is.
    pub(in crate::gitlab) fn namespace_user(&self, namespace: u64) -> Option<&User> {
        self.own_namespaces.get(&namespace).and_then(|id| self.users.get(id))
    }

    pub(in crate::gitlab) fn namespace_path(&self, namespace: u64) -> String {
        if self.groups.contains_key(&namespace) {
            return self.group_full_path(namespace);
        }
        self.namespace_user(namespace).map(|user| user.username.clone()).unwrap_or_default()
    }

    pub(in crate::gitlab) fn namespace_name(&self, namespace: u64) -> String {
        if self.groups.contains_key(&namespace) {
            return self.group_full_name(namespace);
        }
        self.namespace_user(namespace).map(|user| user.name.clone()).unwrap_or_default()
    }

    pub(in crate::gitlab) fn project_full_path(&self, project: &Project) -> String {
        format!("{}/{}", self.namespace_path(project.namespace_id), project.path)
    }

    /// The highest level that the user has in a group or project: direct, inherited, or through a share.
    pub(in crate::gitlab) fn level_in(&self, user: u64, scope: Scope) -> u8 {
        let mut best = level::NONE;
        let own_namespace = self.users.get(&user).map(|user| user.namespace_id);
        let (start, shares) = match scope {
            Scope::Project(id) => match self.projects.get(&id) {
                Some(project) if Some(project.namespace_id) == own_namespace => return level::OWNER,
                Some(project) => (Some(project.namespace_id), project.shared_with.as_slice()),
                None => return level::NONE,
            },
            Scope::Group(id) => (Some(id), [].as_slice()),
            Scope::User(_) => return level::NONE,
        };
        best = best.max(self.members.get(scope, user).map_or(level::NONE, |member| member.access_level));
        best = best.max(self.share_level(user, shares));
        for group in self.ancestry(start) {
            best = best.max(
                self.members.get(Scope::Group(group), user).map_or(level::NONE, |found| found.access_level),
            );
            let shares = self.groups.get(&group).map_or([].as_slice(), |group| group.shared_with.as_slice());
            best = best.max(self.share_level(user, shares));
        }
        best
    }

    fn share_level(&self, user: u64, shares: &[Share]) -> u8 {
        let level_through = |share: &Share| {
            let groups = self.ancestry(Some(share.group_id));
            let inside = groups.iter().filter_map(|&group| self.members.get(Scope::Group(group), user));
            inside.map(|member| member.access_level.min(share.access_level)).max().unwrap_or(level::NONE)
        };
        shares.iter().map(level_through).max().unwrap_or(level::NONE)
    }
}

//! What the emulator keeps: the objects as they are stored, each with its kind and key.
//!
//! No rule of GitLab's lives here, and no form in which an object is shown; see the file of each subject.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Access levels, as in `Gitlab::Access`. <https://docs.gitlab.com/api/access_requests/#valid-access-levels>
pub(super) mod level {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const GUEST: u8 = 10;
    pub(crate) const REPORTER: u8 = 20;
    pub(crate) const DEVELOPER: u8 = 30;
    pub(crate) const MAINTAINER: u8 = 40;
    pub(crate) const OWNER: u8 = 50;
    pub(crate) const ADMIN: u8 = 60;
}

/// What a child object belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scope {
    Group(u64),
    Project(u64),
    User(u64),
}

impl Scope {
    pub(super) fn key(self, id: u64) -> String {
        match self {
            Scope::Group(scope) => format!("g{scope}/{id}"),
            Scope::Project(scope) => format!("p{scope}/{id}"),
            Scope::User(scope) => format!("u{scope}/{id}"),
        }
    }

    /// As in messages and routes: `group`, `project`, `user`.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Scope::Group(_) => "group",
            Scope::Project(_) => "project",
            Scope::User(_) => "user",
        }
    }
}

/// An object with an id of its own.
pub(super) trait Record: Clone + Serialize + DeserializeOwned {
    /// Its kind in the store.
    const KIND: &'static str;
    fn id(&self) -> u64;
}

/// An object that belongs to a group or a project, and goes with it.
pub(super) trait Child: Record {
    fn scope(&self) -> Scope;
}

macro_rules! record {
    ($type:ty, $kind:literal) => {
        impl Record for $type {
            const KIND: &'static str = $kind;
            fn id(&self) -> u64 {
                self.id
            }
        }
    };
    ($type:ty, $kind:literal, scoped) => {
        record!($type, $kind);
        impl Child for $type {
            fn scope(&self) -> Scope {
                self.scope
            }
        }
    };
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct User {
    pub id: u64,
    /// The id of the user's own namespace.
    pub namespace_id: u64,
    pub username: String,
    pub name: String,
    pub email: String,
    pub state: String,
    pub admin: bool,
    pub bot: bool,
    pub created_at: String,
    /// What else was set: `projects_limit`, `external`, `note` …
    #[serde(default)]
    pub attributes: Map<String, Value>,
    #[serde(default)]
    pub identities: Vec<Identity>,
    #[serde(default)]
    pub custom: BTreeMap<String, String>,
}
record!(User, "user");

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    pub provider: String,
    pub extern_uid: String,
}

/// A personal, project or group access token.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Token {
    pub id: u64,
    pub user_id: u64,
    /// The project or group of a bot's token; the user of a personal one.
    pub scope: Scope,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    pub scopes: Vec<String>,
    pub access_level: u8,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub revoked: bool,
    #[serde(default)]
    pub last_used_at: Option<String>,
    /// SHA-256 of the token, in hexadecimal: the token itself is shown once and kept nowhere.
    pub hash: String,
    /// The first of the tokens that were rotated into this one.
    #[serde(default)]
    pub family: u64,
}
record!(Token, "token", scoped);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Share {
    pub group_id: u64,
    pub access_level: u8,
    pub expires_at: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    pub id: u64,
    pub name: String,
    pub path: String,
    pub parent_id: Option<u64>,
    pub visibility: String,
    pub created_at: String,
    /// What else was set, under the API's names.
    pub attributes: Map<String, Value>,
    #[serde(default)]
    pub archived: bool,
    #[serde(default)]
    pub marked_for_deletion_on: Option<String>,
    /// Deletion is under way.
    #[serde(default)]
    pub deleting: bool,
    #[serde(default)]
    pub shared_with: Vec<Share>,
    #[serde(default)]
    pub custom: BTreeMap<String, String>,
    pub runners_token: String,
}
record!(Group, "group");

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Project {
    pub id: u64,
    pub name: String,
    pub path: String,
    pub namespace_id: u64,
    pub creator_id: u64,
    pub visibility: String,
    pub created_at: String,
    pub updated_at: String,
    pub last_activity_at: String,
    /// What else was set, under the API's names.
    pub attributes: Map<String, Value>,
    /// Its branch, once it has one; before, the name that the first branch is expected to have.
    pub default_branch: Option<String>,
    pub topics: Vec<String>,
    pub archived: bool,
    #[serde(default)]
    pub marked_for_deletion_on: Option<String>,
    #[serde(default)]
    pub deleting: bool,
    #[serde(default)]
    pub shared_with: Vec<Share>,
    #[serde(default)]
    pub import_url: Option<String>,
    #[serde(default)]
    pub import_status: String,
    #[serde(default)]
    pub pull_mirror: Option<PullMirror>,
    #[serde(default)]
    pub forked_from: Option<u64>,
    #[serde(default)]
    pub custom: BTreeMap<String, String>,
    pub runners_token: String,
}
record!(Project, "project");

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PullMirror {
    pub id: u64,
    pub enabled: bool,
    /// Without credentials.
    pub url: String,
    pub has_credentials: bool,
    pub attributes: Map<String, Value>,
    pub update_status: String,
    pub last_update_at: Option<String>,
}

/// A direct member; its id is the user's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Member {
    pub id: u64,
    pub scope: Scope,
    pub access_level: u8,
    pub expires_at: Option<String>,
    pub created_at: String,
    pub created_by: u64,
}
record!(Member, "member", scoped);

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Variable {
    pub id: u64,
    pub scope: Scope,
    pub key: String,
    pub value: String,
    pub variable_type: String,
    pub protected: bool,
    pub masked: bool,
    pub hidden: bool,
    pub raw: bool,
    pub environment_scope: String,
    pub description: Option<String>,
}
record!(Variable, "variable", scoped);

/// Who may do something with a protected branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Access {
    pub id: u64,
    pub access_level: Option<u8>,
    pub user_id: Option<u64>,
    pub group_id: Option<u64>,
    pub deploy_key_id: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ProtectedBranch {
    pub id: u64,
    pub scope: Scope,
    pub name: String,
    pub push: Vec<Access>,
    pub merge: Vec<Access>,
    pub unprotect: Vec<Access>,
    pub allow_force_push: bool,
    pub code_owner_approval_required: bool,
}
record!(ProtectedBranch, "protected_branch", scoped);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ProtectedTag {
    pub id: u64,
    pub scope: Scope,
    pub name: String,
    pub create: Vec<Access>,
}
record!(ProtectedTag, "protected_tag", scoped);

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct DeployToken {
    pub id: u64,
    pub scope: Scope,
    pub name: String,
    pub username: String,
    pub expires_at: Option<String>,
    pub scopes: Vec<String>,
    pub revoked: bool,
}
record!(DeployToken, "deploy_token", scoped);

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Trigger {
    pub id: u64,
    pub scope: Scope,
    /// Readable by its owner: kept.
    pub token: String,
    pub description: String,
    pub owner_id: u64,
    pub created_at: String,
    pub updated_at: String,
    pub last_used: Option<String>,
    pub expires_at: Option<String>,
}
record!(Trigger, "trigger", scoped);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RemoteMirror {
    pub id: u64,
    pub scope: Scope,
    pub enabled: bool,
    /// Without credentials.
    pub url: String,
    pub has_credentials: bool,
    pub only_protected_branches: bool,
    pub keep_divergent_refs: bool,
    pub auth_method: String,
    pub mirror_branch_regex: Option<String>,
    pub update_status: String,
    pub last_update_at: Option<String>,
    pub last_update_started_at: Option<String>,
    pub last_successful_update_at: Option<String>,
    #[serde(default)]
    pub host_keys: Vec<String>,
}
record!(RemoteMirror, "remote_mirror", scoped);

/// An object of which only a JSON body is kept: hooks, labels, pipelines, schedules, environments, deploy keys.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Thing {
    pub id: u64,
    pub scope: Scope,
    /// Which of them, such as `hook`.
    pub sort: String,
    pub body: Map<String, Value>,
}
record!(Thing, "thing", scoped);

/// Something that happens later, whatever the process does meanwhile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Timer {
    pub id: u64,
    /// Unix time in milliseconds.
    pub due: i64,
    pub event: Event,
}
record!(Timer, "timer");

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    DeleteGroup(u64),
    DeleteProject(u64),
    DeleteUser(u64),
    ProtectDefaultBranch(u64),
    FinishImport(u64),
    FinishMirror { project: u64, mirror: u64 },
}

/// One commit with the whole tree that it left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Commit {
    pub id: String,
    pub parents: Vec<String>,
    pub message: String,
    pub author_name: String,
    pub author_email: String,
    pub created_at: String,
    /// Path to file.
    pub tree: BTreeMap<String, FileEntry>,
    pub additions: u64,
    pub deletions: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    /// Git's id of the content.
    pub blob: String,
    pub executable: bool,
}

/// A project's repository: branches and tags point to commits, trees to blobs.
#[derive(Clone, Debug, Default)]
pub(super) struct Repository {
    pub refs: Refs,
    pub commits: BTreeMap<String, Commit>,
    pub blobs: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Refs {
    pub branches: BTreeMap<String, String>,
    #[serde(default)]
    pub tags: BTreeMap<String, TagRef>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TagRef {
    pub commit: String,
    pub message: Option<String>,
    pub created_at: String,
}

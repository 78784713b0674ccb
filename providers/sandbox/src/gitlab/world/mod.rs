//! All objects in memory, with the indexes that requests need, written through to the store.
//!
//! A change is noted in a batch; the request's end commits it, before the answer. What must happen later is a timer,
//! carried out by the first request after it is due.

mod look;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Settings,
    model::{
        Child, Commit, DeployToken, Event, Group, Member, Project, ProtectedBranch, ProtectedTag, Record,
        Refs, RemoteMirror, Repository, Scope, Thing, Timer, Token, Trigger, User, Variable,
    },
};
use crate::{
    server::{ServiceContext, ServiceError},
    store::{Batch, StoreError},
};

/// Objects of one kind by id.
pub(super) type Table<T> = BTreeMap<u64, T>;

/// Child objects by what they belong to, then by id.
pub(super) struct Shelf<T>(BTreeMap<(Scope, u64), T>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf(BTreeMap::new())
    }
}

impl<T: Child> Shelf<T> {
    /// All of one group or project, in the order of their ids.
    pub(super) fn of(&self, scope: Scope) -> impl DoubleEndedIterator<Item = &T> {
        self.0.range((scope, 0)..=(scope, u64::MAX)).map(|(_, item)| item)
    }

    pub(super) fn get(&self, scope: Scope, id: u64) -> Option<&T> {
        self.0.get(&(scope, id))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    User(u64),
    Group(u64),
    Project(u64),
}

/// Names are unique for each kind of object in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Named {
    Group,
    Project,
}

/// Where objects that belong to no group are, in [`World::paths`].
const TOP: u64 = 0;

pub(super) struct World {
    pub context: ServiceContext,
    pub settings: Settings,
    pub users: Table<User>,
    pub groups: Table<Group>,
    pub projects: Table<Project>,
    pub timers: Table<Timer>,
    pub tokens: Shelf<Token>,
    pub members: Shelf<Member>,
    pub variables: Shelf<Variable>,
    pub protected_branches: Shelf<ProtectedBranch>,
    pub protected_tags: Shelf<ProtectedTag>,
    pub deploy_tokens: Shelf<DeployToken>,
    pub triggers: Shelf<Trigger>,
    pub remote_mirrors: Shelf<RemoteMirror>,
    pub things: Shelf<Thing>,
    pub repositories: HashMap<u64, Repository>,
    /// Parent namespace (or none) and lower-case path to what is there. Users' namespaces and groups have ids of one
    /// sequence.
    paths: HashMap<(u64, String), Node>,
    subgroups: HashMap<u64, BTreeSet<u64>>,
    /// Namespace, kind and lower-case name to the subgroup or project.
    names: HashMap<(u64, Named, String), u64>,
    group_projects: HashMap<u64, BTreeSet<u64>>,
    usernames: HashMap<String, u64>,
    emails: HashMap<String, u64>,
    token_hashes: HashMap<String, (Scope, u64)>,
    trigger_tokens: HashMap<String, (Scope, u64)>,
    user_scopes: HashMap<u64, BTreeSet<Scope>>,
    /// Groups and projects that were shared with a group.
    shared_to: HashMap<u64, BTreeSet<Scope>>,
    counters: HashMap<&'static str, u64>,
    /// A user's own namespace to the user.
    own_namespaces: HashMap<u64, u64>,
    batch: Batch,
    /// While the store is read, nothing is written back.
    loading: bool,
}

/// The kinds that share one sequence of ids, as they share a table in GitLab.
const SEQUENCES: &[&str] = &[
    "user",
    "namespace",
    "project",
    "token",
    "variable",
    "protected_branch",
    "protected_tag",
    "access",
    "deploy_token",
    "trigger",
    "remote_mirror",
    "thing",
    "timer",
];

impl World {
    /// Reads all that the store has.
    pub(super) fn load(context: ServiceContext, settings: Settings) -> Result<World, ServiceError> {
        let mut world = World {
            context,
            settings,
            users: Table::new(),
            groups: Table::new(),
            projects: Table::new(),
            timers: Table::new(),
            tokens: Shelf::default(),
            members: Shelf::default(),
            variables: Shelf::default(),
            protected_branches: Shelf::default(),
            protected_tags: Shelf::default(),
            deploy_tokens: Shelf::default(),
            triggers: Shelf::default(),
            remote_mirrors: Shelf::default(),
            things: Shelf::default(),
            repositories: HashMap::new(),
            paths: HashMap::new(),
            subgroups: HashMap::new(),
            names: HashMap::new(),
            group_projects: HashMap::new(),
            usernames: HashMap::new(),
            emails: HashMap::new(),
            token_hashes: HashMap::new(),
            trigger_tokens: HashMap::new(),
            user_scopes: HashMap::new(),
            shared_to: HashMap::new(),
            counters: HashMap::new(),
            own_namespaces: HashMap::new(),
            batch: Batch::new(),
            loading: true,
        };
        for (name, value) in world.context.store.counters(world.context.service)? {
            if let Some(name) = SEQUENCES.iter().find(|&&known| known == name) {
                world.counters.insert(name, value);
            }
        }
        for object in world.context.store.load(world.context.service)? {
            let what = format!("{}/{}", object.kind, object.key);
            world
                .take_in(&object.kind, &object.key, object.body)
                .map_err(|error| ServiceError::Other(format!("the stored {what} can't be read: {error}")))?;
        }
        world.loading = false;
        Ok(world)
    }

    fn take_in(&mut self, kind: &str, key: &str, body: Value) -> serde_json::Result<()> {
        use serde_json::from_value as read;
        let project = key.split('/').next().and_then(|id| id.parse().ok()).unwrap_or(0);
        match kind {
            User::KIND => self.put_user(read(body)?),
            Group::KIND => self.put_group(read(body)?),
            Project::KIND => self.put_project(read(body)?),
            Timer::KIND => {
                let timer: Timer = read(body)?;
                self.timers.insert(timer.id, timer);
            }
            Token::KIND => self.put_token(read(body)?),
            Member::KIND => self.put_member(read(body)?),
            Trigger::KIND => self.put_trigger(read(body)?),
            Variable::KIND => self.shelve::<Variable>(read(body)?),
            ProtectedBranch::KIND => self.shelve::<ProtectedBranch>(read(body)?),
            ProtectedTag::KIND => self.shelve::<ProtectedTag>(read(body)?),
            DeployToken::KIND => self.shelve::<DeployToken>(read(body)?),
            RemoteMirror::KIND => self.shelve::<RemoteMirror>(read(body)?),
            Thing::KIND => self.shelve::<Thing>(read(body)?),
            "refs" => self.repositories.entry(project).or_default().refs = read::<Refs>(body)?,
            "commit" => {
                let commit: Commit = read(body)?;
                self.repositories.entry(project).or_default().commits.insert(commit.id.clone(), commit);
            }
            "blob" => {
                let id = key.split('/').nth(1).unwrap_or_default().to_owned();
                let content = STANDARD.decode(body.as_str().unwrap_or_default()).unwrap_or_default();
                self.repositories.entry(project).or_default().blobs.insert(id, content);
            }
            // A kind of a newer version: left alone.
            _ => {}
        }
        Ok(())
    }

    /// Writes what the request changed.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        self.context.store.batch(self.context.service, batch)
    }

    fn write(&mut self, kind: &str, key: impl ToString, body: &impl Serialize) {
        if !self.loading {
            self.batch.put(kind, key, body);
        }
    }

    /// The next id of a sequence.
    pub(super) fn next_id(&mut self, sequence: &'static str) -> u64 {
        debug_assert!(SEQUENCES.contains(&sequence), "{sequence} is not among the stored sequences");
        let counter = self.counters.entry(sequence).or_insert(0);
        *counter += 1;
        self.batch.counter(sequence, *counter);
        *counter
    }

    // ---- users, groups, projects: with their indexes ----

    pub(super) fn put_user(&mut self, user: User) {
        self.write(User::KIND, user.id, &user);
        if let Some(old) = self.users.get(&user.id) {
            let (username, email) = (old.username.to_lowercase(), old.email.to_lowercase());
            self.usernames.remove(&username);
            self.emails.remove(&email);
            self.paths.remove(&(TOP, username));
        }
        self.usernames.insert(user.username.to_lowercase(), user.id);
        self.own_namespaces.insert(user.namespace_id, user.id);
        self.emails.insert(user.email.to_lowercase(), user.id);
        self.paths.insert((TOP, user.username.to_lowercase()), Node::User(user.id));
        self.users.insert(user.id, user);
    }

    pub(super) fn remove_user(&mut self, id: u64) {
        let Some(user) = self.users.remove(&id) else { return };
        self.usernames.remove(&user.username.to_lowercase());
        self.emails.remove(&user.email.to_lowercase());
        self.paths.remove(&(TOP, user.username.to_lowercase()));
        self.own_namespaces.remove(&user.namespace_id);
        self.batch.remove(User::KIND, id);
        for scope in self.user_scopes.remove(&id).unwrap_or_default() {
            self.take_off::<Member>(scope, id);
        }
        let own = self.namespace_projects(user.namespace_id);
        own.into_iter().for_each(|project| self.remove_project(project));
        self.clear_shelves(Scope::User(id));
    }

    pub(super) fn put_group(&mut self, group: Group) {
        self.write(Group::KIND, group.id, &group);
        self.unindex_group(group.id);
        let parent = group.parent_id.unwrap_or(TOP);
        self.paths.insert((parent, group.path.to_lowercase()), Node::Group(group.id));
        self.subgroups.entry(parent).or_default().insert(group.id);
        self.names.insert((parent, Named::Group, group.name.to_lowercase()), group.id);
        for share in &group.shared_with {
            self.shared_to.entry(share.group_id).or_default().insert(Scope::Group(group.id));
        }
        self.groups.insert(group.id, group);
    }

    fn unindex_group(&mut self, id: u64) {
        let Some(old) = self.groups.get(&id) else { return };
        let parent = old.parent_id.unwrap_or(TOP);
        self.paths.remove(&(parent, old.path.to_lowercase()));
        self.names.remove(&(parent, Named::Group, old.name.to_lowercase()));
        if let Some(children) = self.subgroups.get_mut(&parent) {
            children.remove(&id);
        }
        for share in &old.shared_with {
            if let Some(scopes) = self.shared_to.get_mut(&share.group_id) {
                scopes.remove(&Scope::Group(id));
            }
        }
    }

    /// Removes a group with all that is in it.
    pub(super) fn remove_group(&mut self, id: u64) {
        for child in self.children(Some(id)) {
            self.remove_group(child);
        }
        for project in self.namespace_projects(id) {
            self.remove_project(project);
        }
        self.unshare(id);
        self.unindex_group(id);
        self.groups.remove(&id);
        self.batch.remove(Group::KIND, id);
        self.remove_bots(Scope::Group(id));
        self.clear_shelves(Scope::Group(id));
    }

    /// Ends every share with this group.
    fn unshare(&mut self, id: u64) {
        for scope in self.shared_to.remove(&id).unwrap_or_default() {
            match scope {
                Scope::Group(other) => {
                    if let Some(mut group) = self.groups.get(&other).cloned() {
                        group.shared_with.retain(|share| share.group_id != id);
                        self.put_group(group);
                    }
                }
                Scope::Project(other) => {
                    if let Some(mut project) = self.projects.get(&other).cloned() {
                        project.shared_with.retain(|share| share.group_id != id);
                        self.put_project(project);
                    }
                }
                Scope::User(_) => {}
            }
        }
    }

    pub(super) fn put_project(&mut self, project: Project) {
        self.write(Project::KIND, project.id, &project);
        self.unindex_project(project.id);
        self.paths.insert((project.namespace_id, project.path.to_lowercase()), Node::Project(project.id));
        self.group_projects.entry(project.namespace_id).or_default().insert(project.id);
        self.names.insert((project.namespace_id, Named::Project, project.name.to_lowercase()), project.id);
        for share in &project.shared_with {
            self.shared_to.entry(share.group_id).or_default().insert(Scope::Project(project.id));
        }
        self.projects.insert(project.id, project);
    }

    fn unindex_project(&mut self, id: u64) {
        let Some(old) = self.projects.get(&id) else { return };
        self.paths.remove(&(old.namespace_id, old.path.to_lowercase()));
        self.names.remove(&(old.namespace_id, Named::Project, old.name.to_lowercase()));
        if let Some(projects) = self.group_projects.get_mut(&old.namespace_id) {
            projects.remove(&id);
        }
        for share in &old.shared_with {
            if let Some(scopes) = self.shared_to.get_mut(&share.group_id) {
                scopes.remove(&Scope::Project(id));
            }
        }
    }

    pub(super) fn remove_project(&mut self, id: u64) {
        self.unindex_project(id);
        self.projects.remove(&id);
        self.batch.remove(Project::KIND, id);
        self.remove_bots(Scope::Project(id));
        self.clear_shelves(Scope::Project(id));
        if let Some(repository) = self.repositories.remove(&id) {
            self.batch.remove("refs", id);
            for commit in repository.commits.keys() {
                self.batch.remove("commit", format!("{id}/{commit}"));
            }
            for blob in repository.blobs.keys() {
                self.batch.remove("blob", format!("{id}/{blob}"));
            }
        }
    }

    fn remove_bots(&mut self, scope: Scope) {
        let bots: BTreeSet<u64> = self.tokens.of(scope).map(|token| token.user_id).collect();
        bots.into_iter().for_each(|bot| self.remove_user(bot));
    }

    fn clear_shelves(&mut self, scope: Scope) {
        fn clear<T: Child + OnShelf>(world: &mut World, scope: Scope) {
            let ids: Vec<u64> = T::shelf(world).of(scope).map(Record::id).collect();
            ids.into_iter().for_each(|id| {
                world.take_off::<T>(scope, id);
            });
        }
        clear::<Token>(self, scope);
        clear::<Member>(self, scope);
        clear::<Variable>(self, scope);
        clear::<ProtectedBranch>(self, scope);
        clear::<ProtectedTag>(self, scope);
        clear::<DeployToken>(self, scope);
        clear::<Trigger>(self, scope);
        clear::<RemoteMirror>(self, scope);
        clear::<Thing>(self, scope);
    }

    // ---- child objects ----

    /// Puts a child object where it belongs, over the one with this id.
    pub(super) fn shelve<T: Child + OnShelf>(&mut self, item: T) {
        self.write(T::KIND, item.scope().key(item.id()), &item);
        T::shelf_mut(self).0.insert((item.scope(), item.id()), item);
    }

    /// Removes a child object.
    pub(super) fn take_off<T: Child + OnShelf>(&mut self, scope: Scope, id: u64) -> Option<T> {
        let item = T::shelf_mut(self).0.remove(&(scope, id))?;
        self.batch.remove(T::KIND, scope.key(id));
        item.forgotten(self);
        Some(item)
    }

    pub(super) fn put_token(&mut self, token: Token) {
        self.token_hashes.insert(token.hash.clone(), (token.scope, token.id));
        self.shelve(token);
    }

    pub(super) fn put_member(&mut self, member: Member) {
        self.user_scopes.entry(member.id).or_default().insert(member.scope);
        self.shelve(member);
    }

    pub(super) fn put_trigger(&mut self, trigger: Trigger) {
        self.trigger_tokens.insert(trigger.token.clone(), (trigger.scope, trigger.id));
        self.shelve(trigger);
    }

    // ---- repositories ----

    pub(super) fn put_refs(&mut self, project: u64) {
        let refs = self.repositories.entry(project).or_default().refs.clone();
        self.write("refs", project, &refs);
    }

    pub(super) fn put_commit(&mut self, project: u64, commit: Commit) {
        self.write("commit", format!("{project}/{}", commit.id), &commit);
        self.repositories.entry(project).or_default().commits.insert(commit.id.clone(), commit);
    }

    pub(super) fn put_blob(&mut self, project: u64, id: &str, content: Vec<u8>) {
        if self.repositories.get(&project).is_some_and(|repository| repository.blobs.contains_key(id)) {
            return;
        }
        self.write("blob", format!("{project}/{id}"), &STANDARD.encode(&content));
        self.repositories.entry(project).or_default().blobs.insert(id.to_owned(), content);
    }

    // ---- timers ----

    /// Does `event` after the time that the settings give for it.
    pub(super) fn later(&mut self, delay: std::time::Duration, event: Event) {
        let id = self.next_id("timer");
        let due = now_milliseconds().saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
        let timer = Timer { id, due, event };
        self.write(Timer::KIND, id, &timer);
        self.timers.insert(id, timer);
    }

    /// The events that are due, oldest first; they won't come again.
    pub(super) fn due(&mut self) -> Vec<Event> {
        if self.timers.is_empty() {
            return Vec::new();
        }
        let now = now_milliseconds();
        let ids: Vec<u64> =
            self.timers.values().filter(|timer| timer.due <= now).map(|timer| timer.id).collect();
        ids.into_iter()
            .filter_map(|id| {
                self.batch.remove(Timer::KIND, id);
                self.timers.remove(&id).map(|timer| timer.event)
            })
            .collect()
    }
}

/// A child object that knows its place in the world.
pub(super) trait OnShelf: Child {
    fn shelf(world: &World) -> &Shelf<Self>;
    fn shelf_mut(world: &mut World) -> &mut Shelf<Self>;
    /// Cleans up the indexes after the object is gone.
    fn forgotten(&self, _world: &mut World) {}
}

macro_rules! on_shelf {
    ($type:ty, $field:ident $(, $forgotten:expr)?) => {
        impl OnShelf for $type {
            fn shelf(world: &World) -> &Shelf<Self> {
                &world.$field
            }
            fn shelf_mut(world: &mut World) -> &mut Shelf<Self> {
                &mut world.$field
            }
            $(fn forgotten(&self, world: &mut World) {
                let clean: fn(&Self, &mut World) = $forgotten;
                clean(self, world);
            })?
        }
    };
}

on_shelf!(Variable, variables);
on_shelf!(ProtectedBranch, protected_branches);
on_shelf!(ProtectedTag, protected_tags);
on_shelf!(DeployToken, deploy_tokens);
on_shelf!(RemoteMirror, remote_mirrors);
on_shelf!(Thing, things);
on_shelf!(Token, tokens, |token, world| {
    world.token_hashes.remove(&token.hash);
});
on_shelf!(Trigger, triggers, |trigger, world| {
    world.trigger_tokens.remove(&trigger.token);
});
on_shelf!(Member, members, |member, world| {
    if let Some(scopes) = world.user_scopes.get_mut(&member.id) {
        scopes.remove(&member.scope);
    }
});

/// SHA-256 in hexadecimal.
pub(super) fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn now_milliseconds() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Now, as GitLab writes times: `2026-11-25T02:10:00.123Z`.
pub(super) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Today, `2026-11-25`.
pub(super) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

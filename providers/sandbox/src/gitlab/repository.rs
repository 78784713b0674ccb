//! Repositories: commits made from actions, and their trees. The routes are in `files` and `commits`.
//!
//! Ids are git's own: SHA-1 of blobs, trees and commits in git's form, so that a client can compare a blob's id with
//! its own content. There is no git protocol: what a client pushes cannot come in.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use sha1::{Digest, Sha1};

use super::{
    answer::Failure,
    model::{Commit, Event, FileEntry, Repository, Scope},
    world::{World, hex, now},
};

/// One change of a commit.
pub(super) struct Action {
    pub kind: ActionKind,
    pub path: String,
    pub content: Option<Vec<u8>>,
    pub previous_path: Option<String>,
    pub last_commit_id: Option<String>,
    pub executable: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActionKind {
    Create,
    Update,
    Delete,
    Move,
    Chmod,
}

/// What a commit is made of beside its actions.
pub(super) struct Draft {
    pub branch: String,
    /// Where a new branch starts.
    pub start: Option<String>,
    pub message: String,
    pub author_name: String,
    pub author_email: String,
    /// Overwrites the branch.
    pub force: bool,
}

/// Git's id of an object.
fn object_id(kind: &str, content: &[u8]) -> String {
    let mut hasher = Sha1::new();
    hasher.update(format!("{kind} {}\0", content.len()));
    hasher.update(content);
    hex(&hasher.finalize())
}

/// Git's id of a file's content.
pub(super) fn blob_id(content: &[u8]) -> String {
    object_id("blob", content)
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TreeEntry {
    pub id: String,
    pub name: String,
    pub path: String,
    pub directory: bool,
    pub mode: &'static str,
}

/// The entries of a directory (`""` is the root), directories first, as the API lists them.
pub(super) fn directory(tree: &BTreeMap<String, FileEntry>, path: &str) -> Vec<TreeEntry> {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let mut found: BTreeMap<&str, TreeEntry> = BTreeMap::new();
    for (full, file) in tree.range(prefix.clone()..).take_while(|(full, _)| full.starts_with(&prefix)) {
        let rest = &full[prefix.len()..];
        let (name, inside) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
        found.entry(name).or_insert_with(|| {
            let path = format!("{prefix}{name}");
            if inside {
                let id = tree_id(tree, &path);
                TreeEntry { id, name: name.to_owned(), path, directory: true, mode: "040000" }
            } else {
                let mode = if file.executable { "100755" } else { "100644" };
                TreeEntry { id: file.blob.clone(), name: name.to_owned(), path, directory: false, mode }
            }
        });
    }
    let mut entries: Vec<TreeEntry> = found.into_values().collect();
    entries.sort_by(|one, other| (!one.directory, &one.name).cmp(&(!other.directory, &other.name)));
    entries
}

/// Git's id of a directory.
fn tree_id(tree: &BTreeMap<String, FileEntry>, path: &str) -> String {
    let mut entries = directory(tree, path);
    // Git sorts as if a directory's name ended with a slash.
    entries
        .sort_by_key(|entry| if entry.directory { format!("{}/", entry.name) } else { entry.name.clone() });
    let mut content = Vec::new();
    for entry in entries {
        content.extend(format!("{} {}\0", entry.mode.trim_start_matches('0'), entry.name).bytes());
        content
            .extend((0..20).filter_map(|at| u8::from_str_radix(entry.id.get(2 * at..2 * at + 2)?, 16).ok()));
    }
    object_id("tree", &content)
}

impl Repository {
    /// The commit that a branch, a tag, a full reference or an id (short or long) names.
    pub(super) fn resolve(&self, reference: &str) -> Option<&Commit> {
        let short = reference.trim_start_matches("refs/heads/").trim_start_matches("refs/tags/");
        let id = self.refs.branches.get(short).or_else(|| self.refs.tags.get(short).map(|tag| &tag.commit));
        if let Some(id) = id {
            return self.commits.get(id);
        }
        if reference.len() < 7 || !reference.chars().all(|char| char.is_ascii_hexdigit()) {
            return None;
        }
        let found = self.commits.range(reference.to_owned()..).next().map(|(_, commit)| commit);
        found.filter(|commit| commit.id.starts_with(reference))
    }

    /// The commit and those before it, newest first.
    pub(super) fn history<'r>(&'r self, head: &'r Commit) -> impl Iterator<Item = &'r Commit> {
        std::iter::successors(Some(head), |commit| self.commits.get(commit.parents.first()?))
    }

    /// The last commit that changed this path (or anything below it).
    pub(super) fn last_change<'r>(&'r self, head: &'r Commit, path: &str) -> Option<&'r Commit> {
        self.history(head).find(|commit| {
            let parent = commit.parents.first().and_then(|id| self.commits.get(id));
            changed(parent.map(|parent| &parent.tree), &commit.tree, path)
        })
    }
}

/// Does the path, or anything below it, differ?
pub(super) fn changed(
    before: Option<&BTreeMap<String, FileEntry>>,
    after: &BTreeMap<String, FileEntry>,
    path: &str,
) -> bool {
    let below = |tree: &BTreeMap<String, FileEntry>| -> Vec<(String, FileEntry)> {
        let prefix = format!("{path}/");
        let inside = tree.range(prefix.clone()..).take_while(|(full, _)| full.starts_with(&prefix));
        let own = tree.get_key_value(path);
        own.into_iter().chain(inside).map(|(path, file)| (path.clone(), file.clone())).collect()
    };
    before.map(below).unwrap_or_default() != below(after)
}

/// A commit of one file, that makes the repository's first branch.
pub(super) fn first_commit(
    world: &mut World,
    project: u64,
    author: u64,
    branch: &str,
    path: &str,
    text: String,
    message: &str,
) {
    let user = world.users.get(&author);
    let draft = Draft {
        branch: branch.to_owned(),
        start: None,
        message: message.to_owned(),
        author_name: user.map(|user| user.name.clone()).unwrap_or_default(),
        author_email: user.map(|user| user.email.clone()).unwrap_or_default(),
        force: false,
    };
    let action = Action {
        kind: ActionKind::Create,
        path: path.to_owned(),
        content: Some(text.into_bytes()),
        previous_path: None,
        last_commit_id: None,
        executable: None,
    };
    // An empty repository refuses no file.
    let _ = commit(world, project, draft, vec![action]);
}

/// Makes a commit on a branch, new or old; nothing changes if an action is refused.
pub(super) fn commit(
    world: &mut World,
    project: u64,
    draft: Draft,
    actions: Vec<Action>,
) -> Result<Commit, Failure> {
    let empty = Repository::default();
    let repository = world.repositories.get(&project).unwrap_or(&empty);
    let parent = base(repository, &draft)?;
    let mut tree = parent.map(|parent| parent.tree.clone()).unwrap_or_default();
    let parents: Vec<String> = parent.map(|parent| parent.id.clone()).into_iter().collect();
    let mut blobs = Vec::new();
    let (mut additions, mut deletions) = (0, 0);
    for action in actions {
        if let (Some(wanted), Some(parent)) = (&action.last_commit_id, parent) {
            let path = action.previous_path.as_ref().unwrap_or(&action.path);
            let last = repository.last_change(parent, path).map(|commit| commit.id.as_str());
            if last.is_some_and(|last| last != wanted) {
                let text =
                    "You are attempting to update a file that has changed since you started editing it.";
                return Err(Failure::bad(text));
            }
        }
        let size = |tree: &BTreeMap<String, FileEntry>, path: &str| {
            let content = tree.get(path).and_then(|file| repository.blobs.get(&file.blob));
            content.map_or(0, |content| lines(content))
        };
        deletions += if action.kind == ActionKind::Chmod { 0 } else { size(&tree, &action.path) };
        additions += action.content.as_deref().map_or(0, lines);
        apply(&mut tree, action, &mut blobs)?;
    }
    let time = now();
    // The number keeps two equal commits of one second apart.
    let id = commit_id(&tree, &parents, &draft, repository.commits.len());
    let commit = Commit {
        id,
        parents,
        message: draft.message,
        author_name: draft.author_name,
        author_email: draft.author_email,
        created_at: time.clone(),
        tree,
        additions,
        deletions,
    };
    let first = repository.refs.branches.is_empty();
    for (id, content) in blobs {
        world.put_blob(project, &id, content);
    }
    world.put_commit(project, commit.clone());
    world
        .repositories
        .entry(project)
        .or_default()
        .refs
        .branches
        .insert(draft.branch.clone(), commit.id.clone());
    world.put_refs(project);
    if let Some(mut found) = world.projects.get(&project).cloned() {
        found.last_activity_at = time;
        if first {
            found.default_branch = Some(draft.branch);
            world.later(world.settings.protection_delay, Event::ProtectDefaultBranch(project));
        }
        world.put_project(found);
    }
    Ok(commit)
}

/// An id as git makes them; the line with the number is the sandbox's own.
fn commit_id(tree: &BTreeMap<String, FileEntry>, parents: &[String], draft: &Draft, number: usize) -> String {
    let seconds = jiff::Timestamp::now().as_second();
    let who = format!("{} <{}> {seconds} +0000", draft.author_name, draft.author_email);
    let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
    let tree = tree_id(tree, "");
    let text = format!(
        "tree {tree}\n{parents}author {who}\ncommitter {who}\nsandbox {number}\n\n{}\n",
        draft.message
    );
    object_id("commit", text.as_bytes())
}

/// The commit that the new one comes after.
fn base<'r>(repository: &'r Repository, draft: &Draft) -> Result<Option<&'r Commit>, Failure> {
    let there = repository.refs.branches.get(&draft.branch).and_then(|id| repository.commits.get(id));
    match (&draft.start, there) {
        (Some(start), None) => match repository.resolve(start) {
            Some(commit) => Ok(Some(commit)),
            None => Err(Failure::bad(
                "Cannot create branch. The branch name is invalid or the start point is missing.",
            )),
        },
        (Some(start), Some(_)) if draft.force => Ok(repository.resolve(start)),
        (Some(start), Some(_)) if *start != draft.branch => {
            let text = format!(
                "A branch called '{}' already exists. Switch to that branch in order to make changes",
                draft.branch
            );
            Err(Failure::bad(text))
        }
        (_, Some(commit)) => Ok(Some(commit)),
        (None, None) if repository.refs.branches.is_empty() => Ok(None),
        (None, None) => Err(Failure::bad("You can only create or edit files when you are on a branch")),
    }
}

fn lines(content: &[u8]) -> u64 {
    let newlines = content.iter().filter(|&&byte| byte == b'\n').count();
    let unfinished = content.last().is_some_and(|&byte| byte != b'\n');
    u64::try_from(newlines + usize::from(unfinished)).unwrap_or(u64::MAX)
}

fn apply(
    tree: &mut BTreeMap<String, FileEntry>,
    action: Action,
    blobs: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Failure> {
    let path = action.path.trim_matches('/').to_owned();
    if path.is_empty()
        || path.split('/').any(|part| part.is_empty() || part == ".." || part == "." || part == ".git")
    {
        return Err(Failure::bad("Path cannot include directory traversal"));
    }
    let missing = || Failure::bad("A file with this name doesn't exist");
    let mut write = |content: Vec<u8>, executable: bool| {
        let blob = blob_id(&content);
        blobs.push((blob.clone(), content));
        FileEntry { blob, executable }
    };
    match action.kind {
        ActionKind::Create => {
            if tree.contains_key(&path) {
                return Err(Failure::bad("A file with this name already exists"));
            }
            let inside = format!("{path}/");
            if tree.range(inside.clone()..).next().is_some_and(|(other, _)| other.starts_with(&inside)) {
                return Err(Failure::bad("A directory with this name already exists"));
            }
            let file = write(action.content.unwrap_or_default(), action.executable.unwrap_or(false));
            tree.insert(path, file);
        }
        ActionKind::Update => {
            let old = tree.get(&path).ok_or_else(missing)?;
            let executable = action.executable.unwrap_or(old.executable);
            let file = write(action.content.unwrap_or_default(), executable);
            tree.insert(path, file);
        }
        ActionKind::Delete => {
            tree.remove(&path).ok_or_else(missing)?;
        }
        ActionKind::Move => {
            let from = action.previous_path.unwrap_or_default();
            if tree.contains_key(&path) {
                return Err(Failure::bad("A file with this name already exists"));
            }
            let old = tree.remove(from.trim_matches('/')).ok_or_else(missing)?;
            let file = match action.content {
                Some(content) => write(content, old.executable),
                None => old,
            };
            tree.insert(path, file);
        }
        ActionKind::Chmod => {
            let file = tree.get_mut(&path).ok_or_else(missing)?;
            file.executable = action.executable.unwrap_or(false);
        }
    }
    Ok(())
}

/// May a user of this level commit to the branch, as far as its protection says?
pub(super) fn may_push(
    world: &World,
    project: u64,
    branch: &str,
    user: u64,
    user_level: u8,
) -> Result<(), Failure> {
    let scope = Scope::Project(project);
    let mut rules = world.protected_branches.of(scope).filter(|rule| matches(&rule.name, branch)).peekable();
    if rules.peek().is_none() {
        return Ok(());
    }
    let allowed = rules.any(|rule| {
        rule.push.iter().any(|access| match (access.access_level, access.user_id, access.group_id) {
            (Some(level), ..) => level > 0 && user_level >= level,
            (_, Some(allowed), _) => allowed == user,
            (_, _, Some(group)) => world.level_in(user, Scope::Group(group)) > 0,
            _ => false,
        })
    });
    // The first commit may go to a branch that is protected before it exists.
    if allowed {
        return Ok(());
    }
    Err(Failure::message(StatusCode::BAD_REQUEST, "You are not allowed to push into this branch"))
}

/// Does a protection's name, with `*` for anything, cover the branch?
pub(super) fn matches(pattern: &str, branch: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = branch.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pattern_covers_what_the_same_regular_expression_does(
            pattern in "[ab*/]{0,6}", branch in "[ab/]{0,6}",
        ) {
            let regex = regex::Regex::new(&format!("^{}$", pattern.replace('*', ".*"))).unwrap();
            prop_assert_eq!(matches(&pattern, &branch), regex.is_match(&branch));
        }

        #[test]
        fn the_directories_of_a_tree_hold_every_file_once(paths in prop::collection::btree_set("[a-c](/[a-c]x){0,3}", 0..12)) {
            let file = FileEntry { blob: blob_id(b""), executable: false };
            // A path can't be a file and a directory.
            let fits = |path: &&String| !paths.iter().any(|other| other.starts_with(&format!("{path}/")));
            let tree: BTreeMap<_, _> = paths.iter().filter(fits).map(|path| (path.clone(), file.clone())).collect();
            let (mut open, mut found) = (vec![String::new()], Vec::new());
            while let Some(path) = open.pop() {
                for entry in directory(&tree, &path) {
                    if entry.directory { open.push(entry.path) } else { found.push(entry.path) }
                }
            }
            found.sort();
            prop_assert_eq!(found, tree.into_keys().collect::<Vec<_>>());
        }
    }

    #[test]
    fn ids_are_those_of_git() {
        // `printf 'hello\n' | git hash-object --stdin`
        assert_eq!(blob_id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
        // `git write-tree` of hello.txt and bin/run.sh (executable), both with that content.
        let file = |executable| FileEntry { blob: blob_id(b"hello\n"), executable };
        let tree =
            BTreeMap::from([("hello.txt".to_owned(), file(false)), ("bin/run.sh".to_owned(), file(true))]);
        assert_eq!(tree_id(&tree, ""), TREE);
        let names: Vec<_> = directory(&tree, "").into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["bin", "hello.txt"]);
    }

    const TREE: &str = "b676e60a235a59ca2e07dcb4d63e74438d5297da";

    #[test]
    fn a_protection_covers_branches_by_pattern() {
        assert!(matches("main", "main"));
        assert!(!matches("main", "main2"));
        assert!(matches("release/*", "release/1.2"));
        assert!(matches("*-stable", "1-2-stable"));
        assert!(!matches("release/*/x", "release/1"));
    }
}

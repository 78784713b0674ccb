//! Modules from Git: fetched by `init` with the git program, pinned in `.pilotis.lock.hcl`, only checked by everything else.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, bail};
use pilotis_config::{FETCHED, GitSource, Sources};
use pilotis_syntax::ast::{Block, ExprKind, TemplatePart};
use pilotis_syntax::edit::Editor;
use pilotis_syntax::write::quoted;
use sha2::{Digest as _, Sha256};

use crate::files::Disk;
use crate::private;

/// The lock file's name.
pub(crate) const LOCK: &str = ".pilotis.lock.hcl";

const HEADER: &str = "# The modules that `pilotis init` fetched. Keep this file with the configuration; `pilotis init -upgrade` takes newer commits.\n";

/// What a tree was when it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pin {
    commit: String,
    digest: String,
}

fn argument(block: &Block, name: &str) -> Option<String> {
    let attribute = block.body.attributes.iter().find(|a| a.name.text == name)?;
    match &attribute.expr.kind {
        ExprKind::Template(template) => match template.parts.as_slice() {
            [TemplatePart::Literal(text)] => Some(text.to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn editor(cwd: &Path) -> anyhow::Result<Editor> {
    let text = match std::fs::read_to_string(cwd.join(LOCK)) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => HEADER.to_owned(),
        text => text.with_context(|| format!("{LOCK} can't be read"))?,
    };
    Editor::new(text).map_err(|_| anyhow!("{LOCK} is damaged: restore it, or remove it and run pilotis init"))
}

fn pins(editor: &Editor) -> BTreeMap<String, Pin> {
    let pin = |block: &Block| {
        let pin = Pin { commit: argument(block, "commit")?, digest: argument(block, "digest")? };
        Some((block.labels.first()?.text.to_string(), pin))
    };
    editor.body().blocks.iter().filter(|b| b.kind.text == "module").filter_map(pin).collect()
}

/// Is the tree of a module there, as it was locked? The error says what to run.
pub(crate) fn check(cwd: &Path, source: &GitSource) -> Result<(), String> {
    let editor = editor(cwd).map_err(|e| format!("{e:#}"))?;
    let tree = cwd.join(source.tree());
    let Some(pin) = pins(&editor).remove(&source.key()) else {
        return Err(format!("it is not in {LOCK}; run pilotis init"));
    };
    if !tree.is_dir() {
        return Err("it is not fetched yet; run pilotis init".into());
    }
    match digest(&tree) {
        Ok(digest) if digest == pin.digest => Ok(()),
        Ok(_) => Err(format!("{} differs from {LOCK}; run pilotis init to fetch it again", source.tree())),
        Err(e) => Err(format!("{e:#}")),
    }
}

/// Of which modules `init` takes newer commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Upgrade {
    #[default]
    None,
    All,
    /// Those of these repositories: their addresses, with or without `git::` and `?ref=`.
    Only(Vec<String>),
}

impl Upgrade {
    fn takes(&self, source: &GitSource) -> bool {
        match self {
            Upgrade::None => false,
            Upgrade::All => true,
            Upgrade::Only(names) => names.iter().any(|name| is_meant(name, source)),
        }
    }
}

fn is_meant(name: &str, source: &GitSource) -> bool {
    let key = source.key();
    let bare = key.strip_prefix("git::").unwrap_or(&key);
    let plain = |text: &str| text.strip_prefix("git::").unwrap_or(text).trim_end_matches(".git").to_owned();
    name == key || name == bare || plain(name) == plain(&source.url)
}

/// The disk, fetching what is missing: for `init` alone.
pub(crate) struct Fetching<'a> {
    disk: &'a Disk,
    upgrade: &'a Upgrade,
    used: RefCell<BTreeMap<String, Pin>>,
    /// Repositories that were named for an upgrade, and are used.
    upgraded: RefCell<BTreeSet<String>>,
}

impl<'a> Fetching<'a> {
    pub(crate) fn new(disk: &'a Disk, upgrade: &'a Upgrade) -> Fetching<'a> {
        Fetching { disk, upgrade, used: RefCell::default(), upgraded: RefCell::default() }
    }

    /// Names given for an upgrade that are no module's.
    pub(crate) fn not_used(&self) -> Vec<String> {
        let Upgrade::Only(names) = self.upgrade else { return Vec::new() };
        names.iter().filter(|n| !self.upgraded.borrow().contains(*n)).cloned().collect()
    }

    /// Writes the lock file. What is used no more is taken out, if the configuration was read as a whole. Returns how many modules
    /// are locked.
    pub(crate) fn lock(self, complete: bool) -> anyhow::Result<usize> {
        let mut used = self.used.into_inner();
        let mut editor = editor(&self.disk.cwd)?;
        let before = pins(&editor);
        if !complete {
            // What a mistake kept from being asked for stays as it is.
            for (key, pin) in &before {
                used.entry(key.clone()).or_insert_with(|| pin.clone());
            }
        }
        if before == used {
            return Ok(used.len());
        }
        let broken = |_| anyhow!("{LOCK} can't be edited");
        let label = |b: &Block| b.labels.first().map(|l| l.text.to_string()).unwrap_or_default();
        editor.remove_blocks(|b| !used.contains_key(&label(b))).map_err(broken)?;
        for (key, pin) in &used {
            if before.contains_key(key) {
                editor.set_argument(|b| label(b) == *key, "commit", &quoted(&pin.commit)).map_err(broken)?;
                editor.set_argument(|b| label(b) == *key, "digest", &quoted(&pin.digest)).map_err(broken)?;
            } else {
                let (commit, digest) = (quoted(&pin.commit), quoted(&pin.digest));
                let block =
                    format!("module {} {{\n  commit = {commit}\n  digest = {digest}\n}}", quoted(key));
                editor.append(&block).map_err(broken)?;
            }
        }
        let (path, fresh) = (self.disk.cwd.join(LOCK), self.disk.cwd.join(".pilotis.lock.hcl.new"));
        std::fs::write(&fresh, editor.text())
            .and_then(|()| std::fs::rename(&fresh, &path))
            .with_context(|| format!("{LOCK} can't be written"))?;
        Ok(used.len())
    }

    fn fetch(&self, source: &GitSource) -> anyhow::Result<Pin> {
        let pinned = pins(&editor(&self.disk.cwd)?).remove(&source.key());
        let pinned = pinned.filter(|_| !self.upgrade.takes(source));
        if let Some(pin) = &pinned
            && check(&self.disk.cwd, source).is_ok()
        {
            return Ok(pin.clone());
        }
        let (tree, root) = (self.disk.cwd.join(source.tree()), self.disk.cwd.join(FETCHED));
        private::folder(&root).with_context(|| format!("{FETCHED} can't be made"))?;
        let fresh = root.join(format!(".fetching-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&fresh);
        let wanted = pinned.as_ref().map(|p| p.commit.as_str()).or(source.reference.as_deref());
        let fetched = check_out(&fresh, &source.url, wanted.unwrap_or("HEAD")).and_then(|commit| {
            let pin = Pin { commit, digest: digest(&fresh)? };
            if pinned.as_ref().is_some_and(|old| *old != pin) {
                bail!("what was fetched differs from {LOCK}; if that is meant, run pilotis init -upgrade");
            }
            if tree.exists() {
                std::fs::remove_dir_all(&tree)?;
            }
            std::fs::rename(&fresh, &tree)?;
            Ok(pin)
        });
        let _ = std::fs::remove_dir_all(&fresh);
        fetched
    }
}

impl Sources for Fetching<'_> {
    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        self.disk.module_files(dir)
    }

    fn mock_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        self.disk.mock_files(dir)
    }

    fn fetched(&self, source: &GitSource) -> Result<(), String> {
        if self.used.borrow().contains_key(&source.key()) {
            return Ok(());
        }
        if let Upgrade::Only(names) = self.upgrade {
            let ours = names.iter().filter(|n| is_meant(n, source)).cloned();
            self.upgraded.borrow_mut().extend(ours);
        }
        let pin = self.fetch(source).map_err(|e| without_users(&format!("{e:#}")))?;
        self.used.borrow_mut().insert(source.key(), pin);
        Ok(())
    }
}

/// Fetches a commit into a new folder and leaves its files alone there. Returns the commit.
fn check_out(dir: &Path, url: &str, wanted: &str) -> anyhow::Result<String> {
    std::fs::create_dir(dir)?;
    git(dir, &["init", "-q", "--template="])?;
    // Files are taken as they are committed: line ends, keywords and programs that filter are different on each machine.
    std::fs::create_dir_all(dir.join(".git/info"))?;
    std::fs::write(
        dir.join(".git/info/attributes"),
        "* -text !eol -ident -filter -working-tree-encoding -export-subst\n",
    )?;
    let shallow = ["fetch", "-q", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", url, wanted];
    let commit = if git(dir, &shallow).is_ok() {
        git(dir, &["rev-parse", "--verify", "-q", "FETCH_HEAD^{commit}"])?
    } else {
        // A commit that the server doesn't give by its name: all branches and tags have it.
        let all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        git(dir, &["fetch", "-q", "--no-recurse-submodules", "--update-head-ok", "--", url, all[0], all[1]])?;
        git(dir, &["rev-parse", "--verify", "-q", "--end-of-options", &format!("{wanted}^{{commit}}")])
            .map_err(|_| anyhow!("the repository has no branch, tag or commit {wanted:?}"))?
    };
    let commit = commit.trim().lines().last().unwrap_or_default().to_owned();
    git(dir, &["checkout", "-q", "--force", "--detach", &commit, "--"])?;
    std::fs::remove_dir_all(dir.join(".git"))?;
    Ok(commit)
}

/// Runs git without a shell, prompts, hooks or transports that run programs.
fn git(dir: &Path, args: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ALLOW_PROTOCOL", "file:http:https:ssh");
    if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
        // An unknown host or a key with a password is an error, not a question on the terminal.
        command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    }
    command.args([
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.autocrlf=false",
        "-c",
        "core.fsmonitor=false",
    ]);
    let output = command.args(args).current_dir(dir).stdin(Stdio::null()).output();
    let output = output.context("the git program can't be run; it must be installed to fetch modules")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    bail!("git {}: {}", args[0], String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "))
}

/// A text without what stands before the @ of addresses, which git's own settings may have put there.
fn without_users(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c == '/' || c.is_whitespace() || c == '\'').unwrap_or(part.len());
        let shown = part[..end].rfind('@').map_or(part, |at| &part[at + 1..]);
        out.push_str("://");
        out.push_str(shown);
    }
    out
}

/// Digest of all files of a tree: paths, kinds, whether they are programs, and contents. A link that leads out of the tree is an error.
fn digest(tree: &Path) -> anyhow::Result<String> {
    let root = tree.canonicalize()?;
    let mut paths = BTreeSet::new();
    list(&root, &mut paths)?;
    let mut hash = Sha256::new();
    for path in paths {
        let name = path.strip_prefix(&root)?.to_string_lossy().into_owned();
        let is_link = path.symlink_metadata()?.is_symlink();
        let content = match is_link {
            true => {
                if !path.canonicalize().is_ok_and(|to| to.starts_with(&root)) {
                    bail!("its link {name} leads out of the repository's tree");
                }
                std::fs::read_link(&path)?.to_string_lossy().into_owned().into_bytes()
            }
            false => std::fs::read(&path)?,
        };
        let runs = !is_link && is_executable(&path)?;
        hash.update(format!("{}:{name}:{is_link}:{runs}:{}:", name.len(), content.len()));
        hash.update(&content);
    }
    let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!("sha256:{hex}"))
}

/// Git keeps this much of a file's rights.
fn is_executable(path: &Path) -> anyhow::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(path.metadata()?.permissions().mode() & 0o100 != 0)
}

fn list(dir: &Path, paths: &mut BTreeSet<std::path::PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), paths)?;
        } else {
            paths.insert(entry.path());
        }
    }
    Ok(())
}

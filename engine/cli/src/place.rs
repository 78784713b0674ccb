//! Where the state is: in which backend, in which workspace; and the Terraform state that a file goes on from as long as nothing is stored
//! in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pilotis_config::{Configuration, Settings};
use pilotis_state::whole::Whole;
use pilotis_state::{Snapshot, Store};
use pilotis_state_encryption::{EncryptedStore, Keyring};
use pilotis_state_sqlite::SqliteStore;

use crate::args::StateFileArgs;
use crate::backend::Chosen;
use crate::encryption::Serials;
use crate::folder::Folder;
use crate::remote::Remote;
use crate::replacement::Replacement;
use crate::takeover::{self, Starting, TerraformFile};
use crate::workspace::{self, DEFAULT};

const DATABASE: &str = "pilotis.db";
const TERRAFORM: &str = "terraform.tfstate";

/// The state of a command.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The selected workspace.
    pub(crate) workspace: String,
    at: At,
}

#[derive(Clone, Debug)]
enum At {
    Files(Files),
    Remote(Remote, Keyring),
}

/// A database on this machine.
#[derive(Clone, Debug)]
struct Files {
    database: PathBuf,
    /// Where Terraform has the same state; none if the database was named by hand.
    terraform: Option<PathBuf>,
    /// Named with `-state`: then it must be there to be read.
    named: bool,
    /// What it is encrypted with.
    keys: Keyring,
}

/// A database, read and written with the keys of its place.
type Encrypted = EncryptedStore<SqliteStore>;

/// What is stored at a place.
enum Stored {
    /// Nothing, and there is no database either.
    Nothing,
    /// A database in which something was stored.
    Database(Encrypted),
    /// Nothing yet, but Terraform's state is there.
    Terraform(Box<TerraformFile>, Option<Encrypted>),
    /// An empty database.
    Empty(Encrypted),
}

impl Folder {
    /// Where the state of the selected workspace is. `-state` and `PILOTIS_STATE` name a database whatever the workspace.
    pub(crate) fn place(&self, args: &StateFileArgs, configuration: &Configuration) -> anyhow::Result<Place> {
        self.place_with(args, &configuration.settings, self.keys(configuration)?.state)
    }

    /// The same, with these keys.
    pub(crate) fn place_with(
        &self,
        args: &StateFileArgs,
        settings: &Settings,
        keys: Keyring,
    ) -> anyhow::Result<Place> {
        let workspace = workspace::selected(&self.disk.cwd)?.name;
        let given =
            args.path.clone().or_else(|| std::env::var("PILOTIS_STATE").ok().filter(|p| !p.is_empty()));
        match given {
            Some(path) => {
                let named = args.path.is_some();
                let files = Files { database: self.disk.cwd.join(path), terraform: None, named, keys };
                Ok(Place { workspace, at: At::Files(files) })
            }
            None => Ok(self.place_of(&workspace, settings)?.with_keys(keys)),
        }
    }

    /// Where the state of a workspace is, if nobody names another one; without the keys to read it.
    pub(crate) fn place_of(&self, workspace: &str, settings: &Settings) -> anyhow::Result<Place> {
        self.place_in(&self.backend(settings)?, workspace, settings)
    }

    /// Where a backend has the state of a workspace; without the keys to read it.
    pub(crate) fn place_in(
        &self,
        backend: &Chosen,
        workspace: &str,
        settings: &Settings,
    ) -> anyhow::Result<Place> {
        let at = if backend.is_local() {
            let (database, terraform) = files(&self.disk.cwd, workspace, settings);
            At::Files(Files { database, terraform, named: false, keys: Keyring::clear() })
        } else {
            At::Remote(backend.remote(workspace)?, Keyring::clear())
        };
        Ok(Place { workspace: workspace.to_owned(), at })
    }

    /// The workspaces that a backend has, but for the default one: those that have a database, and those of Terraform that were not taken
    /// over yet.
    pub(crate) fn workspaces(
        &self,
        backend: &Chosen,
        settings: &Settings,
    ) -> anyhow::Result<BTreeSet<String>> {
        let names: BTreeSet<String> = match backend.is_local() {
            false => backend.remote(DEFAULT)?.workspaces()?,
            true => {
                let databases = names(&databases(&self.disk.cwd, settings))?;
                let databases =
                    databases.iter().filter_map(|name| name.strip_suffix(".db").map(str::to_owned));
                let terraform = terraforms(&self.disk.cwd, settings);
                let terraforms = names(&terraform)?.into_iter().filter(|name| terraform.join(name).is_dir());
                databases.chain(terraforms).collect()
            }
        };
        Ok(names.into_iter().filter(|name| name != DEFAULT && workspace::check(name).is_ok()).collect())
    }
}

fn names(dir: &Path) -> anyhow::Result<Vec<String>> {
    match std::fs::read_dir(dir) {
        Ok(entries) => Ok(entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e).with_context(|| format!("{} can't be read", dir.display())),
    }
}

/// The database of a workspace, and where Terraform has the same state.
pub(crate) fn files(folder: &Path, workspace: &str, settings: &Settings) -> (PathBuf, Option<PathBuf>) {
    match workspace {
        DEFAULT => default_files(folder, settings),
        name => (
            databases(folder, settings).join(format!("{name}.db")),
            Some(terraforms(folder, settings).join(name).join(TERRAFORM)),
        ),
    }
}

fn databases(folder: &Path, settings: &Settings) -> PathBuf {
    let mut dir = default_files(folder, settings).0.into_os_string();
    dir.push(".d");
    dir.into()
}

fn terraforms(folder: &Path, settings: &Settings) -> PathBuf {
    folder.join(settings.workspace_dir.as_deref().unwrap_or("terraform.tfstate.d"))
}

/// A `path` of the configuration that ends as Terraform's files do is Terraform's file; the database stands beside it.
fn default_files(folder: &Path, settings: &Settings) -> (PathBuf, Option<PathBuf>) {
    let path = folder.join(settings.state.as_deref().unwrap_or(TERRAFORM));
    if path.file_name().is_some_and(|name| name == TERRAFORM) {
        return (path.with_file_name(DATABASE), Some(path));
    }
    if path.extension().is_some_and(|e| e == "tfstate") {
        return (path.with_extension("db"), Some(path));
    }
    (path, None)
}

impl Place {
    /// The state as it is; empty if there is none. Nothing is made.
    pub(crate) fn snapshot(&self, folder: &Folder) -> anyhow::Result<Snapshot> {
        match &self.at {
            At::Files(files) => files.snapshot(folder),
            At::Remote(remote, keys) => match remote.open_existing(keys, folder)? {
                Some(mut store) => Ok(store.snapshot()?),
                None => Ok(Snapshot::default()),
            },
        }
    }

    /// The same place, read and written with these keys.
    pub(crate) fn with_keys(mut self, keys: Keyring) -> Place {
        match &mut self.at {
            At::Files(files) => files.keys = keys,
            At::Remote(_, of) => *of = keys,
        }
        self
    }

    /// The same place, where no state is an empty one even if it was named.
    pub(crate) fn or_empty(mut self) -> Place {
        if let At::Files(files) = &mut self.at {
            files.named = false;
        }
        self
    }

    /// Opens the state, and makes it if there is none.
    pub(crate) fn open(&self, folder: &Folder) -> anyhow::Result<Box<dyn Store>> {
        self.open_with_note(folder).map(|(store, _)| store)
    }

    /// The same, with what a person should know of what the state goes on from.
    pub(crate) fn open_with_note(&self, folder: &Folder) -> anyhow::Result<(Box<dyn Store>, Option<String>)> {
        match &self.at {
            At::Files(files) => files.open_with_note(folder),
            At::Remote(remote, keys) => remote.open(keys, folder),
        }
    }

    /// Opens the state if there is one. One that was named must be there.
    pub(crate) fn open_existing(&self, folder: &Folder) -> anyhow::Result<Option<Box<dyn Store>>> {
        match &self.at {
            At::Files(files) => files.open_existing(folder),
            At::Remote(remote, keys) => remote.open_existing(keys, folder),
        }
    }

    /// Opens what is stored here itself, and makes it if there is nothing: whatever Terraform has is not looked at.
    pub(crate) fn make(&self, folder: &Folder) -> anyhow::Result<Box<dyn Store>> {
        match &self.at {
            At::Files(files) => Ok(Box::new(files.create(folder)?)),
            At::Remote(remote, keys) => Ok(remote.make(keys)?),
        }
    }

    /// Where Terraform has the same state.
    pub(crate) fn terraform(&self) -> Option<&Path> {
        match &self.at {
            At::Files(files) => files.terraform.as_deref(),
            At::Remote(..) => None,
        }
    }

    /// True if the first change takes Terraform's state over.
    pub(crate) fn is_to_take_over(&self, folder: &Folder) -> anyhow::Result<bool> {
        match &self.at {
            At::Files(files) => files.is_to_take_over(folder),
            At::Remote(..) => Ok(false),
        }
    }

    /// Removes the state of a workspace.
    pub(crate) fn delete(&self) -> anyhow::Result<()> {
        match &self.at {
            At::Files(files) => {
                // Terraform's folder first: without its database, what is left of it would say that the state is lost.
                if let Some(dir) = files.terraform.as_deref().and_then(Path::parent) {
                    gone(dir, std::fs::remove_dir_all(dir))?;
                }
                gone(&files.database, std::fs::remove_file(&files.database))
            }
            At::Remote(remote, _) => remote.delete(),
        }
    }

    /// Puts the files of a state aside under a name of their own, where no command looks for them unless it is told to; says which. The name
    /// has a word in it that says why. None if the state is elsewhere, and stays there.
    pub(crate) fn put_files_aside(&self, why: &str) -> anyhow::Result<Option<String>> {
        match &self.at {
            At::Files(files) => files.put_aside(why).map(Some),
            At::Remote(..) => Ok(None),
        }
    }

    /// Writes a state in the place of what is there; says as what that is kept. `there` is what it was when it was read, if it can be.
    pub(crate) fn replace(
        &self,
        with: &Replacement<'_>,
        there: Option<&Whole>,
        folder: &Folder,
    ) -> anyhow::Result<String> {
        match &self.at {
            At::Files(files) => {
                let name = files.put_aside(with.why)?;
                with.write(&mut files.create(folder)?)?;
                Ok(name)
            }
            At::Remote(remote, keys) => remote.replace(with, there, keys, folder),
        }
    }

    /// True if it is on a server that may keep versions of before, of which nothing is known here.
    pub(crate) fn may_have_versions(&self) -> bool {
        matches!(&self.at, At::Remote(Remote::Http(_), _))
    }

    /// True if it is one document on a server, which is replaced as a whole.
    pub(crate) fn is_document(&self) -> bool {
        matches!(&self.at, At::Remote(Remote::S3(_) | Remote::Http(_), _))
    }
}

/// `NAME.WHY`, or the first of `NAME.WHY-2` … that is free.
pub(crate) fn aside(name: &str, why: &str, taken: impl Fn(&str) -> bool) -> String {
    let first = format!("{name}.{why}");
    let more = (2..).map(|n| format!("{first}-{n}"));
    std::iter::once(first.clone()).chain(more).find(|name| !taken(name)).unwrap_or(first)
}

/// A store, read and written with keys. An encrypted state that is older than one that was seen here is refused.
pub(crate) fn encrypted<S: Store>(store: S, keys: &Keyring) -> EncryptedStore<S> {
    let store = EncryptedStore::new(store, keys.clone());
    match Serials::of_this_user().filter(|_| keys.seals()) {
        Some(memory) => store.remembering(Box::new(memory)),
        None => store,
    }
}

impl Files {
    fn snapshot(&self, folder: &Folder) -> anyhow::Result<Snapshot> {
        match self.look(folder)? {
            Stored::Database(mut store) | Stored::Empty(mut store) => Ok(store.snapshot()?),
            Stored::Terraform(file, _) => Ok(file.snapshot()),
            Stored::Nothing if self.named => bail!("there is no state {}", self.database.display()),
            Stored::Nothing => Ok(Snapshot::default()),
        }
    }

    fn open_with_note(&self, folder: &Folder) -> anyhow::Result<(Box<dyn Store>, Option<String>)> {
        Ok(match self.look(folder)? {
            Stored::Nothing => (Box::new(self.create(folder)?), None),
            Stored::Empty(store) => (Box::new(store), None),
            Stored::Database(store) => (Box::new(store), self.beside().map(|file| self.not_read(file))),
            Stored::Terraform(file, store) => {
                let note = file.note(&self.database);
                (self.starting(*file, store, folder)?, Some(note))
            }
        })
    }

    fn open_existing(&self, folder: &Folder) -> anyhow::Result<Option<Box<dyn Store>>> {
        Ok(match self.look(folder)? {
            Stored::Nothing if self.named => bail!("there is no state {}", self.database.display()),
            Stored::Nothing => None,
            Stored::Database(store) | Stored::Empty(store) => Some(Box::new(store)),
            Stored::Terraform(file, store) => Some(self.starting(*file, store, folder)?),
        })
    }

    fn starting(
        &self,
        file: TerraformFile,
        store: Option<Encrypted>,
        folder: &Folder,
    ) -> anyhow::Result<Box<dyn Store>> {
        let store = match store {
            Some(store) => store,
            None => self.create(folder)?,
        };
        Ok(Box::new(Starting::new(store, file, folder)))
    }

    fn create(&self, folder: &Folder) -> anyhow::Result<Encrypted> {
        Ok(encrypted(folder.open_state(&self.database)?, &self.keys))
    }

    fn is_to_take_over(&self, folder: &Folder) -> anyhow::Result<bool> {
        Ok(matches!(self.look(folder)?, Stored::Terraform(..)))
    }

    fn not_read(&self, file: &Path) -> String {
        format!(
            "Warning: {} is not read\n\nThe state is {}; beside it stands a Terraform state that is another one. If Terraform has changed \
             something since, bring it here with `pilotis state push`; else remove it.\n\n",
            file.display(),
            self.database.display()
        )
    }

    /// Terraform's file, if it is there and says more than that it was taken over.
    fn beside(&self) -> Option<&Path> {
        let path = self.terraform.as_deref()?;
        let text = std::fs::read_to_string(path).ok()?;
        (!text.trim().is_empty() && !takeover::was_taken_over(&text)).then_some(path)
    }

    fn look(&self, folder: &Folder) -> anyhow::Result<Stored> {
        let store = SqliteStore::open_existing(&self.database)?;
        let store = store.map(|store| encrypted(store, &self.keys));
        let store = match store {
            Some(store) if self.terraform.as_ref().is_none_or(|path| !path.exists()) => {
                return Ok(Stored::Database(store));
            }
            Some(store) if store.inner().serial()? > 0 => {
                self.finish()?;
                return Ok(Stored::Database(store));
            }
            other => other,
        };
        let Some(path) = self.terraform.as_deref() else {
            return Ok(store.map_or(Stored::Nothing, Stored::Empty));
        };
        match TerraformFile::read(path, &self.database, folder)? {
            Some(file) => Ok(Stored::Terraform(Box::new(file), store)),
            None => Ok(store.map_or(Stored::Nothing, Stored::Empty)),
        }
    }

    /// A process that died while it took a state over may have stored all and not yet marked Terraform's file.
    fn finish(&self) -> anyhow::Result<()> {
        match &self.terraform {
            Some(path) => takeover::finish(path, &self.database)
                .with_context(|| format!("{} can't be marked as taken over", path.display())),
            None => Ok(()),
        }
    }

    fn put_aside(&self, why: &str) -> anyhow::Result<String> {
        let name = self.database.file_name().unwrap_or_default().to_string_lossy();
        let name = aside(&name, why, |name| self.database.with_file_name(name).exists());
        // What a process that died has left beside it belongs to it.
        for suffix in ["-wal", "-shm", "-journal", ""] {
            let of = |path: &Path| {
                let mut name = path.as_os_str().to_owned();
                name.push(suffix);
                PathBuf::from(name)
            };
            let (from, to) = (of(&self.database), of(&self.database.with_file_name(&name)));
            match std::fs::rename(&from, &to) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(e).with_context(|| format!("{} can't be put aside", from.display()));
                }
                _ => {}
            }
        }
        Ok(name)
    }
}

fn gone(path: &Path, removed: std::io::Result<()>) -> anyhow::Result<()> {
    match removed {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("{} can't be removed", path.display()))
        }
        _ => Ok(()),
    }
}

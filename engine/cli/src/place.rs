//! Where the state is: the database of the selected workspace, and the Terraform state that it goes on from as long as nothing is stored in it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pilotis_config::{Configuration, Settings};
use pilotis_state::{Snapshot, Store};
use pilotis_state_encryption::{EncryptedStore, Keyring};
use pilotis_state_sqlite::SqliteStore;

use crate::args::StateFileArgs;
use crate::encryption::Serials;
use crate::folder::Folder;
use crate::takeover::{self, Starting, TerraformFile};
use crate::workspace::{self, DEFAULT};

const DATABASE: &str = "pilotis.db";
const TERRAFORM: &str = "terraform.tfstate";

/// The state of a command.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The selected workspace.
    pub(crate) workspace: String,
    /// The database.
    pub(crate) database: PathBuf,
    /// Where Terraform has the same state; none if the database was named by hand.
    pub(crate) terraform: Option<PathBuf>,
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
            Some(path) => Ok(Place {
                workspace,
                database: self.disk.cwd.join(path),
                terraform: None,
                named: args.path.is_some(),
                keys,
            }),
            None => Ok(Place { keys, ..self.place_of(&workspace, settings) }),
        }
    }

    /// Where the state of a workspace is, if nobody names another one; without the keys to read it.
    pub(crate) fn place_of(&self, workspace: &str, settings: &Settings) -> Place {
        let (database, terraform) = files(&self.disk.cwd, workspace, settings);
        Place { workspace: workspace.to_owned(), database, terraform, named: false, keys: Keyring::clear() }
    }

    /// The folder of the databases of all workspaces but the default one.
    pub(crate) fn workspace_databases(&self, settings: &Settings) -> PathBuf {
        databases(&self.disk.cwd, settings)
    }

    /// The folder in which Terraform has a folder for each workspace.
    pub(crate) fn terraform_workspaces(&self, settings: &Settings) -> PathBuf {
        terraforms(&self.disk.cwd, settings)
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
        match self.look(folder)? {
            Stored::Database(mut store) | Stored::Empty(mut store) => Ok(store.snapshot()?),
            Stored::Terraform(file, _) => Ok(file.snapshot()),
            Stored::Nothing if self.named => bail!("there is no state {}", self.database.display()),
            Stored::Nothing => Ok(Snapshot::default()),
        }
    }

    /// The same place, where no state is an empty one even if it was named.
    pub(crate) fn or_empty(self) -> Place {
        Place { named: false, ..self }
    }

    /// Opens the state, and makes it if there is none.
    pub(crate) fn open(&self, folder: &Folder) -> anyhow::Result<Box<dyn Store>> {
        self.open_with_note(folder).map(|(store, _)| store)
    }

    /// The same, with what a person should know of what the state goes on from.
    pub(crate) fn open_with_note(&self, folder: &Folder) -> anyhow::Result<(Box<dyn Store>, Option<String>)> {
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

    /// Opens the state if there is one. One that was named must be there.
    pub(crate) fn open_existing(&self, folder: &Folder) -> anyhow::Result<Option<Box<dyn Store>>> {
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
        Ok(self.encrypted(folder.open_state(&self.database)?))
    }

    fn encrypted(&self, store: SqliteStore) -> Encrypted {
        let store = EncryptedStore::new(store, self.keys.clone());
        match Serials::of_this_user().filter(|_| self.keys.seals()) {
            Some(memory) => store.remembering(Box::new(memory)),
            None => store,
        }
    }

    /// True if the first change takes Terraform's state over.
    pub(crate) fn is_to_take_over(&self, folder: &Folder) -> anyhow::Result<bool> {
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
        let store = store.map(|store| self.encrypted(store));
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
}

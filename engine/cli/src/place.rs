//! Where the state is: the database of the selected workspace, and the Terraform state that it goes on from as long as nothing is stored in it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pilotis_config::Settings;
use pilotis_state::{Snapshot, Store};
use pilotis_state_sqlite::SqliteStore;

use crate::args::StateFileArgs;
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
}

/// What is stored at a place.
enum Stored {
    /// Nothing, and there is no database either.
    Nothing,
    /// A database in which something was stored.
    Database(SqliteStore),
    /// Nothing yet, but Terraform's state is there.
    Terraform(Box<TerraformFile>, Option<SqliteStore>),
    /// An empty database.
    Empty(SqliteStore),
}

impl Folder {
    /// Where the state of the selected workspace is. `-state` and `PILOTIS_STATE` name a database whatever the workspace.
    pub(crate) fn place(&self, args: &StateFileArgs, settings: &Settings) -> anyhow::Result<Place> {
        let workspace = workspace::selected(&self.disk.cwd)?.name;
        let given =
            args.path.clone().or_else(|| std::env::var("PILOTIS_STATE").ok().filter(|p| !p.is_empty()));
        match given {
            Some(path) => Ok(Place {
                workspace,
                database: self.disk.cwd.join(path),
                terraform: None,
                named: args.path.is_some(),
            }),
            None => Ok(self.place_of(&workspace, settings)),
        }
    }

    /// Where the state of a workspace is, if nobody names another one.
    pub(crate) fn place_of(&self, workspace: &str, settings: &Settings) -> Place {
        let (database, terraform) = self.default_files(settings);
        if workspace == DEFAULT {
            return Place { workspace: workspace.to_owned(), database, terraform, named: false };
        }
        Place {
            workspace: workspace.to_owned(),
            database: self.workspace_databases(settings).join(format!("{workspace}.db")),
            terraform: Some(self.terraform_workspaces(settings).join(workspace).join(TERRAFORM)),
            named: false,
        }
    }

    /// The folder of the databases of all workspaces but the default one.
    pub(crate) fn workspace_databases(&self, settings: &Settings) -> PathBuf {
        let mut dir = self.default_files(settings).0.into_os_string();
        dir.push(".d");
        dir.into()
    }

    /// The folder in which Terraform has a folder for each workspace.
    pub(crate) fn terraform_workspaces(&self, settings: &Settings) -> PathBuf {
        self.disk.cwd.join(settings.workspace_dir.as_deref().unwrap_or("terraform.tfstate.d"))
    }

    /// The database of the default workspace, and Terraform's file of it. A `path` of the configuration that ends as Terraform's files do is
    /// Terraform's file; the database stands beside it.
    fn default_files(&self, settings: &Settings) -> (PathBuf, Option<PathBuf>) {
        let Some(path) = &settings.state else {
            return (self.disk.cwd.join(DATABASE), Some(self.disk.cwd.join(TERRAFORM)));
        };
        let path = self.disk.cwd.join(path);
        if path.extension().is_some_and(|e| e == "tfstate") {
            return (path.with_extension("db"), Some(path));
        }
        (path, None)
    }
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
        match self.found(folder)? {
            Some(store) => Ok(store),
            None => Ok(Box::new(folder.open_state(&self.database)?)),
        }
    }

    /// Opens the state if there is one. One that was named must be there.
    pub(crate) fn open_existing(&self, folder: &Folder) -> anyhow::Result<Option<Box<dyn Store>>> {
        match self.found(folder)? {
            None if self.named => bail!("there is no state {}", self.database.display()),
            found => Ok(found),
        }
    }

    fn found(&self, folder: &Folder) -> anyhow::Result<Option<Box<dyn Store>>> {
        Ok(match self.look(folder)? {
            Stored::Nothing => None,
            Stored::Database(store) | Stored::Empty(store) => Some(Box::new(store)),
            Stored::Terraform(file, store) => {
                let store = match store {
                    Some(store) => store,
                    None => folder.open_state(&self.database)?,
                };
                Some(Box::new(Starting::new(store, *file, folder)))
            }
        })
    }

    /// True if the first change takes Terraform's state over.
    pub(crate) fn is_to_take_over(&self, folder: &Folder) -> anyhow::Result<bool> {
        Ok(matches!(self.look(folder)?, Stored::Terraform(..)))
    }

    /// What the state goes on from, for a person.
    pub(crate) fn note(&self, folder: &Folder) -> anyhow::Result<Option<String>> {
        Ok(match self.look(folder)? {
            Stored::Terraform(file, _) => Some(file.note(&self.database)),
            Stored::Database(_) => self.beside().map(|file| {
                format!(
                    "Warning: {} is not read\n\nThe state is {}; beside it stands a Terraform state that is another one. If Terraform has \
                     changed something since, bring it here with `pilotis state push`; else remove it.\n\n",
                    file.display(),
                    self.database.display()
                )
            }),
            Stored::Nothing | Stored::Empty(_) => None,
        })
    }

    /// Terraform's file, if it is there and says more than that it was taken over.
    fn beside(&self) -> Option<&Path> {
        let path = self.terraform.as_deref()?;
        let text = std::fs::read_to_string(path).ok()?;
        (!text.trim().is_empty() && !takeover::was_taken_over(&text)).then_some(path)
    }

    fn look(&self, folder: &Folder) -> anyhow::Result<Stored> {
        let store = SqliteStore::open_existing(&self.database)?;
        let store = match store {
            Some(store) if self.terraform.as_ref().is_none_or(|path| !path.exists()) => {
                return Ok(Stored::Database(store));
            }
            Some(store) if store.serial()? > 0 => {
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

//! `pilotis workspace`: several states of one configuration.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use pilotis_config::Configuration;
use pilotis_state::terraform::Imported;
use pilotis_state::{RunId, Snapshot, Store as _, edit};
use pilotis_state_encryption::{EncryptedStore, Keyring};

use crate::args::{WorkspaceArgs, WorkspaceCommand, WorkspaceDeleteArgs};
use crate::exit::Exit;
use crate::folder::{Folder, duration};
use crate::hand;
use crate::takeover::understood;
use crate::view::View;
use crate::workspace::{self, DEFAULT, Selected};

/// Names that are listed of what stands in the way of a deletion.
const SHOWN: usize = 20;

/// Lists, selects, makes and deletes workspaces; calls nothing.
pub(crate) fn run(args: &WorkspaceArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let configuration = folder.configuration().0;
    let selected = workspace::selected(&folder.disk.cwd)?;
    let here = Workspaces { folder: &folder, configuration, selected, view: View::plain(true) };
    match &args.command {
        WorkspaceCommand::List => here.list(),
        WorkspaceCommand::Show => here.show(),
        WorkspaceCommand::New(args) => here.make(&args.name, args.state.as_deref()),
        WorkspaceCommand::Select(args) => here.select(&args.name, args.or_create),
        WorkspaceCommand::Delete(args) => here.delete(args),
    }
}

struct Workspaces<'a> {
    folder: &'a Folder,
    configuration: Configuration,
    selected: Selected,
    view: View,
}

impl Workspaces<'_> {
    fn show(&self) -> anyhow::Result<Exit> {
        self.view.print(&format!("{}\n", self.selected.name));
        Ok(Exit::Done)
    }

    fn list(&self) -> anyhow::Result<Exit> {
        let mut names = self.all()?;
        names.insert(self.selected.name.clone());
        names.remove(DEFAULT);
        let mut lines = String::new();
        for name in std::iter::once(DEFAULT).chain(names.iter().map(String::as_str)) {
            lines += &format!("{} {name}\n", if name == self.selected.name { "*" } else { " " });
        }
        self.view.print(&format!("{lines}\n"));
        if let Some(variable) = self.selected.variable {
            self.view.print(&format!(
                "\nThe active workspace is being overridden using the {variable} environment\nvariable.\n\n"
            ));
        }
        Ok(Exit::Done)
    }

    /// A state that is named for all commands makes no difference between workspaces.
    fn check(&self, name: &str) -> anyhow::Result<()> {
        if std::env::var_os("PILOTIS_STATE").is_some_and(|path| !path.is_empty()) {
            bail!("PILOTIS_STATE names one state, whatever the workspace: unset it to work with several");
        }
        workspace::check(name)
    }

    /// `from`: a state whose objects and outputs the new one begins with.
    fn make(&self, name: &str, from: Option<&str>) -> anyhow::Result<Exit> {
        self.check(name)?;
        if let Some(variable) = self.selected.variable
            && self.selected.name != name
        {
            bail!(
                "the workspace is currently overridden using the {variable} environment variable. To make another one, unset this variable, or set it to {name}"
            );
        }
        if self.exists(name)? {
            bail!("Workspace {name:?} already exists");
        }
        let keys = self.folder.keys(&self.configuration)?.state;
        let imported = from.map(|file| copied(file, &keys, self.folder)).transpose()?;
        let place = self.folder.place_of(name, &self.configuration.settings)?.with_keys(keys);
        let mut store = place.make(self.folder)?;
        if let Some(imported) = &imported {
            hand::edit_store(&mut *store, self.folder, |s| edit::import(s, imported))?;
        }
        drop(store);
        workspace::select(&self.folder.disk.cwd, name)?;
        if let (Some(imported), Some(file)) = (imported, from) {
            let objects = imported.resources.len();
            self.view.print(&format!(
                "Created and switched to workspace \"{name}\"!\n\nIts state begins with the {objects} object{} of {file}, which now stand in two states: let only one of them manage them.\n",
                if objects == 1 { "" } else { "s" }
            ));
            return Ok(Exit::Done);
        }
        self.view.print(&format!(
            "Created and switched to workspace \"{name}\"!\n\nYou're now on a new, empty workspace. Workspaces isolate their state,\nso if you run \"pilotis plan\" Pilotis will not see any existing state\nfor this configuration.\n"
        ));
        Ok(Exit::Done)
    }

    fn select(&self, name: &str, or_create: bool) -> anyhow::Result<Exit> {
        self.check(name)?;
        if let Some(variable) = self.selected.variable {
            bail!(
                "the selected workspace is currently overridden using the {variable} environment variable. To select another one, change this variable or unset it"
            );
        }
        if name == self.selected.name && self.exists(name)? {
            return Ok(Exit::Done);
        }
        if !self.exists(name)? {
            if or_create {
                return self.make(name, None);
            }
            return Err(self.missing(name)?);
        }
        workspace::select(&self.folder.disk.cwd, name)?;
        self.view.print(&format!("Switched to workspace \"{name}\".\n"));
        Ok(Exit::Done)
    }

    fn delete(&self, args: &WorkspaceDeleteArgs) -> anyhow::Result<Exit> {
        let name = args.name.as_str();
        workspace::check(name)?;
        if name == DEFAULT {
            bail!("cannot delete default state");
        }
        if !self.exists(name)? {
            return Err(self.missing(name)?);
        }
        if name == self.selected.name {
            bail!(
                "Workspace {name:?} is your active workspace. You cannot delete the currently active workspace: switch to another one, and try again"
            );
        }
        let keys = self.folder.keys(&self.configuration)?.state;
        let place = self.folder.place_of(name, &self.configuration.settings)?.with_keys(keys);
        let mut store = place.open(self.folder)?;
        let id = RunId(uuid::Uuid::new_v4().to_string().into());
        hand::lock(&mut *store, &id, duration(&args.lock_timeout)?)?;
        let snapshot = store.snapshot()?;
        let empty = snapshot.managed().next().is_none();
        if !empty && !args.force {
            store.release(&id)?;
            bail!(in_the_way(name, &snapshot));
        }
        drop(store);
        place.delete()?;
        self.view.print(&format!("Deleted workspace \"{name}\"!\n"));
        if !empty {
            self.view.print(&format!(
                "WARNING: \"{name}\" was non-empty.\nThe resources managed by the deleted workspace may still exist,\nbut are no longer manageable by Pilotis since the state has\nbeen deleted.\n"
            ));
        }
        Ok(Exit::Done)
    }

    fn exists(&self, name: &str) -> anyhow::Result<bool> {
        Ok(name == DEFAULT || self.all()?.contains(name))
    }

    fn missing(&self, name: &str) -> anyhow::Result<anyhow::Error> {
        let names = self.all()?;
        let hint = pilotis_diag::did_you_mean(name, names.iter().map(String::as_str));
        let hint = hint.map(|close| format!(" Did you mean {close}?")).unwrap_or_default();
        Ok(anyhow::anyhow!(
            "Workspace {name:?} doesn't exist.{hint} You can create it with \"pilotis workspace new {name}\", or \"select -or-create\""
        ))
    }

    /// All workspaces but the default one.
    fn all(&self) -> anyhow::Result<BTreeSet<String>> {
        self.folder
            .workspaces(&self.folder.backend(&self.configuration.settings)?, &self.configuration.settings)
    }
}

/// What a state file holds, of Terraform's form or ours. The copy is a state of its own: lineage and serial stay behind.
fn copied(file: &str, keys: &Keyring, folder: &Folder) -> anyhow::Result<Imported> {
    let path = folder.disk.cwd.join(file);
    let bytes = std::fs::read(&path).with_context(|| format!("{file} can't be read"))?;
    let imported = if bytes.starts_with(b"SQLite format 3\0") {
        let mut store = EncryptedStore::new(folder.open_state(&path)?, keys.clone());
        let Snapshot { resources, outputs, .. } = store.snapshot()?;
        let (data, resources) = resources.into_iter().partition(|r| r.key.is_data());
        Imported { resources, data, outputs, ..Imported::default() }
    } else {
        let text = String::from_utf8(bytes).with_context(|| format!("{file} is no state"))?;
        understood(&text, folder).with_context(|| format!("Error reading the Terraform state {file}"))?
    };
    Ok(Imported { lineage: String::new(), serial: 0, ..imported })
}

fn in_the_way(name: &str, snapshot: &Snapshot) -> String {
    let keys = snapshot.managed().take(SHOWN).map(|r| format!("\n  - {}", r.key)).collect::<String>();
    let more = match snapshot.managed().count().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    format!(
        "Workspace is not empty\n\nWorkspace {name:?} is currently tracking the following resource instances:{keys}{more}\n\nDestroy them first: nobody would manage them any more. To delete the workspace anyway, and forget them, add -force."
    )
}

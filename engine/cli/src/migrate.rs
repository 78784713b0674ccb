//! A state that moves to another backend: everything is copied, read back, and compared, before anybody goes on from the copy.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail};
use pilotis_config::Settings;
use pilotis_state::{RunId, Store};
use pilotis_state_encryption::Keyring;

use crate::backend::Chosen;
use crate::folder::Folder;
use crate::hand;
use crate::place::Place;
use crate::workspace::DEFAULT;

/// All workspaces of a backend that hold something, the default one first.
pub(crate) fn filled(folder: &Folder, from: &Chosen, keys: &Keyring) -> anyhow::Result<Vec<String>> {
    let settings = from.settings();
    let mut names = BTreeSet::from([DEFAULT.to_owned()]);
    names.extend(folder.workspaces(from, &settings)?);
    let mut filled = Vec::new();
    for name in names {
        if folder.place_in(from, &name, &settings)?.with_keys(keys.clone()).snapshot(folder)?.serial > 0 {
            filled.push(name);
        }
    }
    filled.sort_by_key(|name| (name != DEFAULT, name.clone()));
    Ok(filled)
}

/// Copies the states of all workspaces from one backend to another; says what was done.
pub(crate) fn migrate(
    folder: &Folder,
    from: &Chosen,
    to: &Chosen,
    settings: &Settings,
    keys: &Keyring,
    timeout: Duration,
) -> anyhow::Result<String> {
    let mut said = String::new();
    let mut copied = Vec::new();
    for name in filled(folder, from, keys)? {
        let source = folder.place_in(from, &name, &from.settings())?.with_keys(keys.clone());
        let target = folder.place_in(to, &name, settings)?.with_keys(keys.clone());
        said += &copy(folder, &source, &target, timeout)
            .with_context(|| format!("the workspace {name} was not migrated"))?;
        copied.push(source);
    }
    // Only once all are there.
    for source in &copied {
        let Some(name) = source.put_files_aside("migrated")? else { continue };
        said +=
            &format!("The file that was the state of workspace {} is kept as {name}.\n", source.workspace);
    }
    if said.is_empty() {
        said = "There was no state to copy.\n".into();
    } else if !from.is_local() {
        said += &format!("What was in {} is left there; nothing reads it any more.\n", from.name()?);
    }
    Ok(said)
}

fn copy(folder: &Folder, source: &Place, target: &Place, timeout: Duration) -> anyhow::Result<String> {
    let Some(mut from) = source.open_existing(folder)? else { bail!("there is no state to copy") };
    let id = RunId(uuid::Uuid::new_v4().to_string().into());
    hand::lock(&mut *from, &id, timeout)?;
    let done = copy_locked(folder, &mut *from, target, source);
    let released = from.release(&id);
    let said = done?;
    released?;
    Ok(said)
}

fn copy_locked(
    folder: &Folder,
    from: &mut dyn Store,
    target: &Place,
    source: &Place,
) -> anyhow::Result<String> {
    if source.is_to_take_over(folder)? {
        // Then Terraform's file is marked, and the two programs stay apart.
        from.commit(&[])?;
    }
    let whole = from.whole()?;
    let mut into = target.make(folder)?;
    let there = into.whole()?;
    if there.digest() != whole.digest() {
        if !there.is_empty() {
            bail!(
                "{} holds a state already (lineage {}, serial {}): to go on from that one, run `pilotis init -reconfigure`; to replace it, remove it first",
                into.location(),
                there.lineage,
                there.serial
            );
        }
        into.commit(&whole.writes(there.serial, whole.serial))?;
    }
    let copied = into.whole()?.digest();
    let still = from.whole()?.digest();
    if copied != whole.digest() || still != whole.digest() {
        bail!(
            "the copy in {} is not what was copied: somebody has changed one of the two meanwhile. Remove it, and try again",
            into.location()
        );
    }
    let digest: String = copied.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!(
        "Copied workspace {} from {} to {}: {}, {}, {} (serial {}); both have the digest {digest}.\n",
        source.workspace,
        from.location(),
        into.location(),
        counted(whole.resources.len(), "object"),
        counted(whole.outputs.len(), "output"),
        counted(whole.runs.len(), "run"),
        whole.serial
    ))
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

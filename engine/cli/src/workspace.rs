//! Workspaces: which one is selected, what one may be called. Where their states are is said in `place`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::private;

/// The workspace that is there without being made.
pub(crate) const DEFAULT: &str = "default";

/// The workspace that a command works in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    /// Its name.
    pub(crate) name: String,
    /// The variable of the environment that says so, above what `workspace select` said.
    pub(crate) variable: Option<&'static str>,
}

/// The selected workspace: what the environment says, else `workspace select`, else what was selected with Terraform.
pub(crate) fn selected(folder: &Path) -> anyhow::Result<Selected> {
    for variable in ["PILOTIS_WORKSPACE", "TF_WORKSPACE"] {
        let Some(name) = std::env::var(variable).ok().filter(|name| !name.is_empty()) else { continue };
        check(&name).with_context(|| format!("Invalid workspace name set using {variable}"))?;
        return Ok(Selected { name, variable: Some(variable) });
    }
    for file in [selection(folder), terraforms_selection(folder)] {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let name = text.trim();
        if name.is_empty() {
            continue;
        }
        check(name).with_context(|| format!("{} names no workspace", file.display()))?;
        return Ok(Selected { name: name.to_owned(), variable: None });
    }
    Ok(Selected { name: DEFAULT.to_owned(), variable: None })
}

/// Selects a workspace for the commands that follow.
pub(crate) fn select(folder: &Path, name: &str) -> anyhow::Result<()> {
    let file = selection(folder);
    let dir = folder.join(".pilotis");
    let write = || -> std::io::Result<()> {
        private::folder(&dir)?;
        private::write(&file, name.as_bytes())
    };
    write().with_context(|| format!("{} can't be written", file.display()))
}

/// A name is a part of a file's name and of many an address: what a URL takes as it is.
pub(crate) fn check(name: &str) -> anyhow::Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.~$&+=:@".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
        bail!(
            "The workspace name {name:?} is not allowed. The name must contain only URL safe characters, and no path separators."
        );
    }
    Ok(())
}

fn selection(folder: &Path) -> PathBuf {
    folder.join(".pilotis").join("workspace")
}

fn terraforms_selection(folder: &Path) -> PathBuf {
    let data = std::env::var_os("TF_DATA_DIR").filter(|dir| !dir.is_empty());
    folder.join(data.unwrap_or_else(|| ".terraform".into())).join("environment")
}

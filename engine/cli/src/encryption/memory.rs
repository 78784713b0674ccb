//! How far encrypted states had come, on this machine: a small file for each lineage.

use std::path::PathBuf;

use pilotis_state_encryption::Memory;

/// Files in the folder for what programs remember.
/// <https://specifications.freedesktop.org/basedir-spec/latest/#variables>
pub(crate) struct Serials {
    folder: PathBuf,
}

impl Serials {
    /// None where there is no such folder: a machine without a home.
    pub(crate) fn of_this_user() -> Option<Serials> {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
        Some(Serials { folder: state.join("pilotis").join("serials") })
    }

    /// A lineage comes from a state, where anything may stand.
    fn file(&self, lineage: &str) -> Option<PathBuf> {
        let plain = !lineage.is_empty()
            && lineage.len() <= 64
            && lineage.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain.then(|| self.folder.join(lineage))
    }
}

impl Memory for Serials {
    fn newest(&self, lineage: &str) -> Option<u64> {
        std::fs::read_to_string(self.file(lineage)?).ok()?.trim().parse().ok()
    }

    fn remember(&mut self, lineage: &str, serial: u64) {
        let Some(file) = self.file(lineage) else { return };
        let new = file.with_extension(format!("new-{}", std::process::id()));
        let written = std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&new, format!("{serial}\n")))
            .and_then(|()| std::fs::rename(&new, &file));
        if let Err(error) = written {
            tracing::debug!(%error, file = %file.display(), "the newest serial can't be remembered");
        }
    }

    fn place(&self, lineage: &str) -> String {
        self.file(lineage).map(|file| file.display().to_string()).unwrap_or_default()
    }
}

//! What this user has seen of states, on this machine: small files, one for each lineage. They are elsewhere than the states, so that who
//! changes a state doesn't change what is known of it.

use std::path::PathBuf;

use crate::private;

/// One kind of thing that is remembered.
pub(crate) struct Seen {
    folder: PathBuf,
}

impl Seen {
    /// Files in the folder for what programs remember; none where there is no such folder: a machine without a home.
    /// <https://specifications.freedesktop.org/basedir-spec/latest/#variables>
    pub(crate) fn of_this_user(kind: &str) -> Option<Seen> {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
        Some(Seen { folder: state.join("pilotis").join(kind) })
    }

    /// A lineage comes from a state, where anything may stand.
    fn file(&self, lineage: &str) -> Option<PathBuf> {
        let plain = !lineage.is_empty()
            && lineage.len() <= 64
            && lineage.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain.then(|| self.folder.join(lineage))
    }

    /// What is remembered of a lineage.
    pub(crate) fn read(&self, lineage: &str) -> Option<String> {
        std::fs::read_to_string(self.file(lineage)?).ok()
    }

    /// Remembers it. What can't be written down is forgotten: that is no reason not to work.
    pub(crate) fn write(&self, lineage: &str, text: &str) {
        let Some(file) = self.file(lineage) else { return };
        let written = private::folder(&self.folder).and_then(|()| private::write(&file, text.as_bytes()));
        if let Err(error) = written {
            tracing::debug!(%error, file = %file.display(), "what was seen of the state can't be remembered");
        }
    }

    /// Where that of a lineage is, for whoever has put an old state back on purpose.
    pub(crate) fn place(&self, lineage: &str) -> String {
        self.file(lineage).map(|file| file.display().to_string()).unwrap_or_default()
    }
}

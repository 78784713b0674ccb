//! A document of a server that is kept as a file of this folder, because the server may not keep it.

use std::path::PathBuf;

use pilotis_state::StateError;
use pilotis_state_http::Options;

use crate::folder::Folder;
use crate::place::aside;
use crate::private;

/// A file with what was on a server. It may hold secrets: only its owner can read it.
pub(crate) struct KeptFile {
    /// Its name in the folder.
    pub(crate) name: String,
    path: PathBuf,
    text: Vec<u8>,
}

impl KeptFile {
    /// What `text` at this address is kept as: `NAME.WHY`, where that is free or holds the same.
    pub(crate) fn of(options: &Options, why: &str, text: &[u8], folder: &Folder) -> KeptFile {
        let last = options.address.path_segments().and_then(|mut s| s.rfind(|segment| !segment.is_empty()));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name: String =
            last.unwrap_or("state").chars().map(|c| if allowed(c) { c } else { '_' }).collect();
        let path = |name: &str| folder.disk.cwd.join(name);
        let holds_another = |name: &str| match std::fs::read(path(name)) {
            Ok(held) => held != text,
            Err(_) => path(name).exists(),
        };
        let name = aside(name.trim_start_matches('.'), why, holds_another);
        KeptFile { path: path(&name), name, text: text.to_vec() }
    }

    /// Writes it, durably.
    pub(crate) fn write(&self) -> Result<(), StateError> {
        let failed = |source: std::io::Error| StateError::Io {
            location: self.path.display().to_string(),
            source: Box::new(source),
        };
        private::write(&self.path, &self.text).map_err(failed)
    }
}

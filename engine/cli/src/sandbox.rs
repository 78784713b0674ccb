//! The sandbox of a folder: started by itself when a `provider` block says `sandbox = true` or `PILOTIS_SANDBOX=1`.

use std::path::Path;

use anyhow::Context as _;
use pilotis_sandbox::gitlab::GitLab;
use pilotis_sandbox::{Options, ServiceOptions};

/// How the sandbox starts on a data file.
pub(crate) fn options(data: &Path) -> anyhow::Result<Options> {
    if let Some(dir) = data.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("{} can't be made", dir.display()))?;
    }
    // What a platform's administrators have made before any project: the group that holds them all.
    // GitLab renames what is marked for deletion, as its current versions do: a name is free again at once.
    let gitlab = GitLab::new().group("forge").rename_marked(true);
    Ok(Options::new(data).with(gitlab, ServiceOptions::default()))
}

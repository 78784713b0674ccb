//! The sandbox of a folder: started by itself when a `provider` block says `sandbox = true` or `PILOTIS_SANDBOX=1`.

use std::path::Path;

use anyhow::Context as _;
use pilotis_sandbox::gitlab::GitLab;
use pilotis_sandbox::{Endpoint, Options, ServiceOptions};
use pilotis_sdk::{SandboxEndpoint, Secret};

use crate::private;

/// The environment says that all providers use the sandbox.
pub(crate) fn is_for_all() -> bool {
    std::env::var("PILOTIS_SANDBOX").is_ok_and(|v| v == "1" || v == "true")
}

/// Where a provider finds it.
pub(crate) fn endpoint(e: &Endpoint) -> SandboxEndpoint {
    SandboxEndpoint { url: e.url.clone(), token: Secret::new(e.token.clone()), ca_pem: e.ca_pem.clone() }
}

/// How the sandbox starts on a data file.
pub(crate) fn options(data: &Path) -> anyhow::Result<Options> {
    if let Some(dir) = data.parent() {
        private::folder(dir).with_context(|| format!("{} can't be made", dir.display()))?;
    }
    // What a platform's administrators have made before any project: the group that holds them all.
    // GitLab renames what is marked for deletion, as its current versions do: a name is free again at once.
    let gitlab = GitLab::new().group("forge").rename_marked(true);
    Ok(Options::new(data).with(gitlab, ServiceOptions::default()))
}

//! What the tests of the driver share: a configuration of one file, a folder without files, settings of one run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pilotis_apply::Settings;
use pilotis_config::Sources;
use pilotis_lang::Files;
use pilotis_state::Holder;

/// A configuration of one file.
pub(crate) struct One(pub(crate) String);

impl Sources for One {
    fn module_files(&self, _: &str) -> Result<Vec<(String, String)>, String> {
        Ok(vec![("main.hcl".into(), self.0.clone())])
    }
}

/// A folder with nothing in it.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("there is no {path}"))
    }
    fn exists(&self, _: &str) -> Result<bool, String> {
        Ok(false)
    }
    fn glob(&self, _: &str, _: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    fn absolute(&self, path: &str) -> String {
        path.to_owned()
    }
    fn home(&self) -> Option<String> {
        None
    }
}

/// One run on the default workspace.
pub(crate) fn settings() -> Settings {
    Settings {
        variables: BTreeMap::new(),
        sandbox: BTreeMap::new(),
        base_dir: ".".into(),
        files: Arc::new(NoFiles),
        holder: Holder { host: "test".into(), pid: 1, start: "x".into(), who: "marie@test".into() },
        commit: None,
        workspace: "default".into(),
        parallelism: 4,
        lock: true,
        lock_timeout: Duration::ZERO,
    }
}

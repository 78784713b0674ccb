//! Where modules and schemas come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilotis_schema::ProviderSchema;

use crate::GitSource;

/// Reads the files of modules.
pub trait Sources {
    /// Files of a module folder that hold configuration: (name to show, text), sorted by name. `dir` is relative to the working
    /// folder with `/`, or a built-in blueprint's name as `builtin:cloud-pi-native/project`. An error says why it can't be read.
    fn module_files(&self, dir: &str) -> Result<Vec<(String, String)>, String>;

    /// Files of a folder that hold data of mocks, as [`crate::is_mock_file`] says: (name to show, text), sorted by name.
    fn mock_files(&self, dir: &str) -> Result<Vec<(String, String)>, String> {
        Err(format!("no file of {dir} is at hand"))
    }

    /// Makes sure that a module's tree is in its folder ([`GitSource::tree`]) as it was locked; an error says why it isn't, and what
    /// to run. Sources that hold all files of a configuration hold those of such modules too.
    fn fetched(&self, _source: &GitSource) -> Result<(), String> {
        Ok(())
    }
}

/// The schemas of all providers that the program has, by local name.
#[derive(Clone, Debug, Default)]
pub struct Schemas {
    /// `gitlab` → its schema.
    pub providers: BTreeMap<String, Arc<ProviderSchema>>,
}

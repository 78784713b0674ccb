//! The working folder: its configuration, its variables, its state, its sandbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use pilotis_config::{
    Configuration, LoadOptions, Loaded, Schemas, Sources as _, VariableSource, load, load_apart,
};
use pilotis_diag::{Diagnostics, Severity};
use pilotis_plan::recording::{ModuleFiles, RecordingSources};
use pilotis_plan::{Known, validate};
use pilotis_sdk::Provider;
use pilotis_state_sqlite::SqliteStore;

use crate::args::{VariableArg, VariableArgs};
use crate::builtin;
use crate::files::Disk;
use crate::modules::{Fetching, LOCK, Upgrade};
use crate::other_state::States;
use crate::{private, test_files, workspace};

/// Where a command works.
pub(crate) struct Folder {
    /// The disk as seen from it.
    pub(crate) disk: Arc<Disk>,
    /// All providers.
    pub(crate) providers: BTreeMap<String, Arc<dyn Provider>>,
    /// What `terraform_remote_state` reads.
    pub(crate) states: States,
}

impl Folder {
    /// The current folder.
    pub(crate) fn current() -> anyhow::Result<Folder> {
        let cwd = std::env::current_dir().context("the current folder can't be used")?;
        let states = States::default();
        Ok(Folder { disk: Arc::new(Disk { cwd }), providers: builtin::providers(&states), states })
    }

    /// The schemas of all providers.
    pub(crate) fn schemas(&self) -> Schemas {
        let schemas = self.providers.iter().map(|(name, p)| (name.clone(), Arc::new(p.schema().clone())));
        Schemas { providers: schemas.collect() }
    }

    /// Reads the configuration. All mistakes come back together.
    pub(crate) fn configuration(&self) -> (Configuration, Diagnostics) {
        let (configuration, diagnostics, _) = self.configuration_and_files();
        (configuration, diagnostics)
    }

    /// What is wrong with a configuration's expressions, but for what was `said` of them when it was read.
    pub(crate) fn validate(&self, configuration: &Configuration, said: &Diagnostics) -> Diagnostics {
        let cwd = self.disk.cwd.display().to_string();
        // A choice that can't be read is told by whoever opens the state.
        let workspace = workspace::selected(&self.disk.cwd).map_or_else(|_| "default".into(), |w| w.name);
        let known = Known { files: &*self.disk, cwd: &cwd, workspace: &workspace, now: crate::clock::now() };
        validate(configuration, &known, said)
    }

    /// Reads the structure of the configuration only: what is wrong inside of the blocks is somebody else's to say.
    pub(crate) fn structure(&self) -> (Configuration, Diagnostics) {
        let options = LoadOptions {
            root: ".".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..LoadOptions::default()
        };
        let Loaded { configuration, structure, .. } = load_apart(&options, &*self.disk, &self.schemas());
        (configuration, structure)
    }

    /// Reads the structure of the configuration, fetching the modules that are missing: what is wrong inside the blocks comes with
    /// `validate` and `plan`. Says how many are locked. What was fetched is locked also if something else is wrong.
    pub(crate) fn prepare(
        &self,
        upgrade: &Upgrade,
        tests: &test_files::Wanted<'_>,
    ) -> anyhow::Result<(Configuration, Diagnostics, usize)> {
        let options = LoadOptions {
            root: ".".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..LoadOptions::default()
        };
        let sources = Fetching::new(&self.disk, upgrade);
        let Loaded { mut configuration, structure: mut diagnostics, .. } =
            load_apart(&options, &sources, &self.schemas());
        let (suite, of_tests) = self.tests_from(tests, configuration.sources, true, &sources)?;
        configuration.sources = suite.sources;
        diagnostics.extend(of_tests.into_iter().filter(|d| d.severity == Severity::Error));
        if let [name, ..] = sources.not_used().as_slice() {
            bail!("no module comes from {name}: name a repository as {LOCK} has it, or say -upgrade alone");
        }
        let locked = sources.lock(!diagnostics.has_errors())?;
        Ok((configuration, diagnostics, locked))
    }

    /// Reads the configuration. All mistakes come back together, and the files that it was read from.
    pub(crate) fn configuration_and_files(&self) -> (Configuration, Diagnostics, ModuleFiles) {
        let options = LoadOptions {
            root: ".".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..LoadOptions::default()
        };
        let sources = RecordingSources::new(&*self.disk);
        let (configuration, diagnostics) = load(&options, &sources, &self.schemas());
        (configuration, diagnostics, sources.into_files())
    }

    /// Without a single file everything would be planned for removal, which nobody means: wrong folder.
    pub(crate) fn require_configuration(&self) -> anyhow::Result<()> {
        if self.disk.module_files(".").is_ok_and(|files| files.is_empty()) {
            bail!(
                "there is no configuration in {}: no file ends in .hcl or .tf. Go to the folder that has it, or name it with -chdir=DIR; to remove everything, run pilotis destroy",
                self.disk.cwd.display()
            );
        }
        Ok(())
    }

    /// Everything that gives variables a value, lowest precedence first.
    pub(crate) fn variable_sources(&self, args: &VariableArgs) -> anyhow::Result<Vec<VariableSource>> {
        let mut environment = Vec::new();
        for prefix in ["TF_VAR_", "PILOTIS_VAR_"] {
            let of_prefix = |(k, v): (String, String)| Some((k.strip_prefix(prefix)?.to_owned(), v));
            environment.extend(crate::environment::variables().filter_map(of_prefix));
        }
        let mut sources = vec![VariableSource::Environment(environment)];
        for name in self.automatic_variable_files("")? {
            sources.push(self.variable_file(&name, false)?);
        }
        for given in &args.given {
            sources.push(match given {
                VariableArg::File(name) => self.variable_file(name, true)?,
                VariableArg::Value(text) => argument(text)?,
            });
        }
        Ok(sources)
    }

    /// Of a folder: `terraform.tfvars`, then `*.auto.tfvars` by name (each also as JSON).
    pub(crate) fn automatic_variable_files(&self, dir: &str) -> anyhow::Result<Vec<String>> {
        let folder = self.disk.cwd.join(dir);
        let names = std::fs::read_dir(&folder)
            .with_context(|| format!("the folder {} can't be read", folder.display()))?;
        let mut names: Vec<String> =
            names.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort();
        let automatic = |n: &String| n.ends_with(".auto.tfvars") || n.ends_with(".auto.tfvars.json");
        let first = ["terraform.tfvars", "terraform.tfvars.json"];
        let first = first.into_iter().map(str::to_owned).filter(|n| names.contains(n)).collect::<Vec<_>>();
        Ok(first.into_iter().chain(names.into_iter().filter(automatic)).collect())
    }

    pub(crate) fn variable_file(&self, name: &str, explicit: bool) -> anyhow::Result<VariableSource> {
        let text = std::fs::read_to_string(self.disk.cwd.join(name))
            .with_context(|| format!("the variables file {name} can't be read"))?;
        Ok(VariableSource::File { name: name.to_owned(), text, explicit })
    }

    /// Opens the state, and makes it if there is none.
    pub(crate) fn open_state(&self, path: &Path) -> anyhow::Result<SqliteStore> {
        if let Some(dir) = path.parent() {
            private::folder(dir).with_context(|| format!("{} can't be made", dir.display()))?;
        }
        Ok(SqliteStore::open(path)?)
    }

    /// The sandbox's data file.
    pub(crate) fn sandbox_data(&self) -> PathBuf {
        self.disk.cwd.join(".pilotis").join("sandbox.db")
    }
}

/// The value of a `-var`.
fn argument(text: &str) -> anyhow::Result<VariableSource> {
    let Some((name, value)) = text.split_once('=') else {
        let is_name = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if is_name {
            bail!("-var {text:?} has no value: write -var {text}=VALUE");
        }
        // It may be a value, and a secret.
        bail!("a -var has no name: write -var NAME=VALUE");
    };
    Ok(VariableSource::Argument(name.trim().to_owned(), value.to_owned()))
}

/// Reads `30s`, `5m`, `1h`, `0`.
pub(crate) fn duration(text: &str) -> anyhow::Result<Duration> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let Ok(number) = digits.parse::<u64>() else {
        bail!("{text:?} is no duration: write 30s, 5m or 1h");
    };
    match unit {
        "s" | "" => Ok(Duration::from_secs(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        _ => bail!("{text:?} is no duration: write 30s, 5m or 1h"),
    }
}

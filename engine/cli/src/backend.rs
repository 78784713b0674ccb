//! Which backend holds the state: what the configuration says, what `init` has noted, and whether they agree.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use pilotis_config::{Backend, Settings, backend_arguments, backend_file, has_backend_argument};
use pilotis_diag::did_you_mean;
use pilotis_state_postgres::SCHEMA;
use pilotis_value::Concealed;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use {pilotis_state_http as http, pilotis_state_postgres as postgres, pilotis_state_s3 as s3};

use crate::folder::Folder;
use crate::private;
use crate::remote::Remote;
use crate::workspace::DEFAULT;

const LOCAL: &str = "local";
const PG: &str = "pg";
const S3: &str = "s3";

/// A backend, with all that it was told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chosen {
    /// Of this form of the note.
    version: u32,
    /// `local`, `pg`, `s3`, `http`
    kind: String,
    /// What the block says.
    block: BTreeMap<String, String>,
    /// What `init -backend-config` said, which counts for more.
    given: BTreeMap<String, String>,
}

impl Chosen {
    /// The backend of a configuration; without a block, files beside it.
    pub(crate) fn of(settings: &Settings, given: BTreeMap<String, String>) -> Chosen {
        let Backend { kind, arguments } = settings.backend.clone().unwrap_or_default();
        let kind = if kind.is_empty() { LOCAL.to_owned() } else { kind };
        Chosen { version: 1, kind, block: arguments, given }
    }

    /// One that a data source names.
    pub(crate) fn named(backend: Backend) -> Chosen {
        Chosen { version: 1, kind: backend.kind, block: backend.arguments, given: BTreeMap::new() }
    }

    /// What `init` has noted; none if it has noted nothing.
    pub(crate) fn noted(folder: &Folder) -> anyhow::Result<Option<Chosen>> {
        let path = note(folder);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).with_context(|| format!("{} can't be read", path.display())),
        };
        // What is wrong with it is not shown: it may hold a password.
        match serde_json::from_str::<Chosen>(&text) {
            Ok(chosen) if chosen.version == 1 && backend_arguments(&chosen.kind).is_some() => {
                Ok(Some(chosen))
            }
            _ => bail!(
                "{} is not what `pilotis init` writes: remove it, and run `pilotis init`",
                path.display()
            ),
        }
    }

    /// Notes it for the commands that follow, readable by its owner only.
    pub(crate) fn note(&self, folder: &Folder) -> anyhow::Result<()> {
        let path = note(folder);
        let text = serde_json::to_string_pretty(self)?;
        let dir = folder.disk.cwd.join(".pilotis");
        private::folder(&dir)
            .and_then(|()| private::write(&path, format!("{text}\n").as_bytes()))
            .with_context(|| format!("{} can't be written", path.display()))
    }

    /// `local`, `pg`, `s3`, `http`
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// The configuration says the same of both.
    pub(crate) fn has_block_of(&self, other: &Chosen) -> bool {
        self.kind == other.kind && self.block == other.block
    }

    /// Files on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.kind == LOCAL
    }

    /// Files on this machine, where they are if nobody says anything.
    pub(crate) fn is_files_beside(&self) -> bool {
        self.is_local() && self.block.is_empty() && self.given.is_empty()
    }

    /// The block and what was given.
    fn argument(&self, name: &str) -> Option<&str> {
        let value = self.given.get(name).or_else(|| self.block.get(name))?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// Settings that say where its files are.
    pub(crate) fn settings(&self) -> Settings {
        let argument = |name| self.argument(name).map(str::to_owned);
        Settings { state: argument("path"), workspace_dir: argument("workspace_dir"), backend: None }
    }

    /// The server that has the state of a workspace. What neither block nor flag says, Terraform's variables and those of the service do.
    pub(crate) fn remote(&self, workspace: &str) -> anyhow::Result<Remote> {
        let environment: BTreeMap<String, String> = crate::environment::variables().collect();
        match self.kind.as_str() {
            PG => Ok(Remote::Postgres(Box::new(self.postgres(workspace, environment)?))),
            S3 => Ok(Remote::S3(Box::new(self.s3(workspace, environment)?))),
            _ if workspace != DEFAULT => bail!(
                "backend \"{}\" has one state, and no workspaces: the one that is selected is {workspace}. Select the default one with `pilotis workspace select default`, and give each state an address of its own",
                self.kind
            ),
            _ => {
                let argument = |name: &str| self.argument(name).map(str::to_owned);
                let options = http::Options::new(argument, &environment)?;
                Ok(Remote::Http(Box::new(options)))
            }
        }
    }

    fn postgres(
        &self,
        workspace: &str,
        environment: BTreeMap<String, String>,
    ) -> anyhow::Result<postgres::Options> {
        let text = |name: &str, variable: &str| {
            let value = self.argument(name).map(str::to_owned);
            value.or_else(|| environment.get(variable).filter(|v| !v.is_empty()).cloned())
        };
        let flag = |name: &str, variable: &str| self.flag(name, text(name, variable));
        // Indexes belong to their tables: who makes those makes them.
        flag("skip_index_creation", "PG_SKIP_INDEX_CREATION")?;
        Ok(postgres::Options {
            conn_str: text("conn_str", "PG_CONN_STR").unwrap_or_default(),
            schema: text("schema_name", "PG_SCHEMA_NAME").unwrap_or_else(|| SCHEMA.to_owned()),
            workspace: workspace.to_owned(),
            skip_schema_creation: flag("skip_schema_creation", "PG_SKIP_SCHEMA_CREATION")?,
            skip_table_creation: flag("skip_table_creation", "PG_SKIP_TABLE_CREATION")?,
            environment,
        })
    }

    fn s3(&self, workspace: &str, environment: BTreeMap<String, String>) -> anyhow::Result<s3::Options> {
        let text = |name: &str| self.argument(name).map(str::to_owned);
        let secret = |name: &str| text(name).map(SecretString::from);
        let flag = |name: &str| self.flag(name, text(name));
        let needed = |name: &str| text(name).with_context(|| format!("backend \"s3\" needs {name}"));
        Ok(s3::Options {
            bucket: needed("bucket")?,
            key: needed("key")?,
            region: text("region"),
            endpoint: text("endpoints.s3").or_else(|| text("endpoint")),
            access_key: secret("access_key"),
            secret_key: secret("secret_key"),
            token: secret("token"),
            profile: text("profile"),
            use_path_style: flag("use_path_style")? || flag("force_path_style")?,
            workspace_key_prefix: text("workspace_key_prefix").unwrap_or_default(),
            workspace: workspace.to_owned(),
            custom_ca_bundle: text("custom_ca_bundle").map(PathBuf::from),
            insecure: flag("insecure")?,
            http_proxy: text("http_proxy"),
            https_proxy: text("https_proxy"),
            no_proxy: text("no_proxy"),
            environment,
        })
    }

    fn flag(&self, name: &str, value: Option<String>) -> anyhow::Result<bool> {
        match value.as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => bail!("{name} of backend \"{}\" must be true or false", self.kind),
        }
    }

    /// For messages; without credentials.
    pub(crate) fn name(&self) -> anyhow::Result<String> {
        match self.is_local() {
            true => Ok(format!("files (backend \"{LOCAL}\")")),
            false => self.remote(DEFAULT)?.location(),
        }
    }

    /// Both are the same place, though they may be reached otherwise: with another password, over TLS or not.
    pub(crate) fn is_where(&self, other: &Chosen) -> anyhow::Result<bool> {
        if self.kind != other.kind {
            return Ok(false);
        }
        Ok(self.is_local() || self.name()? == other.name()?)
    }
}

fn note(folder: &Folder) -> PathBuf {
    folder.disk.cwd.join(".pilotis").join("backend.json")
}

impl Folder {
    /// The backend of this folder. An error says to run `init`, if it never was, or if the configuration says something else since.
    pub(crate) fn backend(&self, settings: &Settings) -> anyhow::Result<Chosen> {
        let wanted = Chosen::of(settings, BTreeMap::new());
        match Chosen::noted(self)? {
            Some(noted) if noted.has_block_of(&wanted) || (noted.is_local() && wanted.is_local()) => {
                Ok(if noted.is_local() { wanted } else { noted })
            }
            None if wanted.is_local() => Ok(wanted),
            None => bail!(
                "Backend initialization required: please run \"pilotis init\"\n\nThe configuration has the state in backend \"{}\", and this folder has not been told so yet.",
                wanted.kind
            ),
            Some(noted) => Err(changed(&noted, &wanted)),
        }
    }
}

/// What stands in the way when the configuration names another place than the one that is noted.
pub(crate) fn changed(noted: &Chosen, wanted: &Chosen) -> anyhow::Error {
    let what = match noted.kind == wanted.kind {
        true => format!("the arguments of backend \"{}\" have changed", wanted.kind),
        false => format!(
            "the state is in backend \"{}\", and the configuration says backend \"{}\" now",
            noted.kind, wanted.kind
        ),
    };
    anyhow::anyhow!(
        "Backend configuration changed\n\nA change in the backend configuration has been detected: {what}.\n\nTo copy the state to where it is to be, run \"pilotis init -migrate-state\". To go on with what is there, and leave the state where it was, run \"pilotis init -reconfigure\"."
    )
}

/// What `-backend-config=KEY=VALUE` and `-backend-config=FILE` say; a later one counts for more.
pub(crate) fn given(
    flags: &[Concealed<String>],
    settings: &Settings,
    folder: &Folder,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut given = BTreeMap::new();
    for flag in flags.iter().filter(|flag| !flag.is_empty()) {
        match flag.split_once('=') {
            Some((name, value)) => drop(given.insert(name.trim().to_owned(), value.to_owned())),
            None => given.extend(of_file(flag, folder)?),
        }
    }
    let kind = settings.backend.as_ref().map(|b| b.kind.as_str());
    let Some(kind) = kind else {
        if given.is_empty() {
            return Ok(given);
        }
        bail!(
            "Missing backend configuration: -backend-config was used without a \"backend\" block in the configuration. Add one, as `backend \"{PG}\" {{}}` in a `terraform` block"
        );
    };
    match given.keys().find(|name| !has_backend_argument(kind, name)) {
        Some(name) => {
            let known = backend_arguments(kind).unwrap_or_default();
            let hint = did_you_mean(name, known.iter().copied());
            let hint = hint.map(|close| format!(" Did you mean {close}?")).unwrap_or_default();
            // A connection string with an equals sign in it looks like one, and may hold a password.
            let name = if is_name(name) { format!("argument {name:?}") } else { "such argument".to_owned() };
            bail!(
                "Invalid backend configuration argument: the backend \"{kind}\" has no {name}.{hint} It has {}",
                known.join(", ")
            )
        }
        None => Ok(given),
    }
}

/// It can be the name of an argument.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn of_file(name: &str, folder: &Folder) -> anyhow::Result<BTreeMap<String, String>> {
    if name.contains("://") {
        bail!(
            "-backend-config: an address was given, and NAME=VALUE or a file is needed. It isn't shown: it may hold a password"
        );
    }
    let text = std::fs::read_to_string(folder.disk.cwd.join(name)).with_context(|| {
        format!("-backend-config={name}: it is neither NAME=VALUE nor a file that can be read")
    })?;
    let (arguments, diagnostics, _) = backend_file(name, &text);
    match diagnostics.iter().next() {
        // Its place would be shown with the line, and that may hold a password.
        Some(d) => bail!("-backend-config={name}: {}", d.summary),
        None => Ok(arguments),
    }
}

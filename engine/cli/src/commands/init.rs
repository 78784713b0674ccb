//! `pilotis init`: fetches the modules that come from Git, and chooses the backend; providers and blueprints are built in.

use anyhow::bail;
use pilotis_config::Settings;
use pilotis_state_encryption::Keyring;

use crate::args::InitArgs;
use crate::backend::{self, Chosen};
use crate::exit::Exit;
use crate::folder::{Folder, duration};
use crate::migrate;
use crate::modules::Upgrade;
use crate::test_files::Wanted;
use crate::view::View;
use crate::workspace;

/// `-upgrade`, `-upgrade=true`, `-upgrade=false`, or addresses of repositories.
fn upgrade(given: &[String]) -> Upgrade {
    match given.last().map(String::as_str) {
        None | Some("false") => Upgrade::None,
        Some("true") => Upgrade::All,
        Some(_) => Upgrade::Only(given.iter().filter(|g| *g != "true" && *g != "false").cloned().collect()),
    }
}

/// Fetches modules, pins them, checks that the configuration can be read, and notes where the state is.
pub(crate) fn run(args: &InitArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let (configuration, mut diagnostics, modules) =
        folder.prepare(&upgrade(&args.upgrade), &Wanted::all(&args.directory))?;
    diagnostics.sort();
    view.diagnostics(&diagnostics, &configuration.sources);
    if diagnostics.has_errors() {
        return Ok(Exit::Error);
    }
    let mut message = String::new();
    if args.backend.as_deref() != Some("false") {
        let keys = folder.keys(&configuration)?.state;
        message = choose(args, &folder, &configuration.settings, &keys)?;
        // What can't be gone on from is said now, not by the first plan.
        folder
            .place_of(&workspace::selected(&folder.disk.cwd)?.name, &configuration.settings)?
            .with_keys(keys)
            .snapshot(&folder)?;
    }
    message += &match modules {
        0 => "Nothing to prepare: providers and blueprints are built in. Go on with pilotis plan.".to_owned(),
        1 => {
            "1 module from Git: fetched, and pinned in .pilotis.lock.hcl. Go on with pilotis plan.".to_owned()
        }
        n => format!(
            "{n} modules from Git: fetched, and pinned in .pilotis.lock.hcl. Go on with pilotis plan."
        ),
    };
    if view.json {
        view.line(&serde_json::json!({
            "@level": "info", "@message": message,
            "@module": "terraform.ui", "@timestamp": crate::clock::rfc3339_now(),
            "message_code": "output_init_success_message", "type": "init_output",
        }));
    } else {
        view.print(&format!("{message}\n"));
    }
    Ok(Exit::Done)
}

/// Notes the backend that the configuration names, once the state is there or is not wanted there; says what was done.
fn choose(args: &InitArgs, folder: &Folder, settings: &Settings, keys: &Keyring) -> anyhow::Result<String> {
    let given = backend::given(&args.backend_config, settings, folder)?;
    let noted = Chosen::noted(folder)?;
    let mut wanted = Chosen::of(settings, given);
    if args.backend_config.is_empty()
        && let Some(noted) = noted.as_ref().filter(|noted| wanted.has_block_of(noted))
    {
        wanted = noted.clone();
    }
    let before = noted.clone().unwrap_or_else(|| Chosen::of(&Settings::default(), Default::default()));
    let said = match before.is_where(&wanted)? || args.reconfigure {
        true => String::new(),
        false if args.migrate_state || args.force_copy => {
            migrate::migrate(folder, &before, &wanted, settings, keys, duration(&args.lock_timeout)?)?
        }
        false if noted.is_some() => return Err(backend::changed(&before, &wanted)),
        false => {
            let filled = migrate::filled(folder, &before, keys)?;
            if let [first, ..] = filled.as_slice() {
                bail!(
                    "Backend configuration changed\n\nThere is a state in files of this folder (workspace {first}), and the configuration says backend \"{}\" now.\n\nTo copy it there, run \"pilotis init -migrate-state\". To go on with what is there, and leave the files alone, run \"pilotis init -reconfigure\".",
                    wanted.kind()
                );
            }
            String::new()
        }
    };
    if noted.as_ref() == Some(&wanted) || (noted.is_none() && wanted.is_files_beside()) {
        return Ok(said);
    }
    if wanted.is_local() {
        // Where the files are, for a configuration that will say something else one day.
        wanted.note(folder)?;
    } else {
        // A server that can't be reached, or a schema of somebody else, is said before anything rests on it.
        folder.place_in(&wanted, &workspace::selected(&folder.disk.cwd)?.name, settings)?.open(folder)?;
        wanted.note(folder)?;
        return Ok(format!("{said}The state is in {}.\n", wanted.name()?));
    }
    Ok(said)
}

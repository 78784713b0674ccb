//! `plan -generate-config-out=FILE`: blocks for imports that have none, written into a new file of the folder.

use anyhow::{Context as _, bail};

use crate::exit::Exit;
use crate::files::is_configuration;
use crate::folder::Folder;
use crate::interrupt::Interrupt;
use crate::planning;
use crate::progress::Progress;
use crate::session::Session;
use crate::view::View;

const HEAD: &str =
    "# Written by Pilotis, from what the services have. Look it over, and move it where it belongs.\n";

/// Refuses a file that can't be it, before anything is read.
pub(crate) fn check(file: &str, folder: &Folder) -> anyhow::Result<()> {
    let name = file.strip_prefix("./").unwrap_or(file);
    if name.contains(['/', '\\']) || !is_configuration(name) || name.ends_with(".json") {
        bail!(
            "-generate-config-out={file}: name a new file of this folder that ends in .tf or .hcl, so that the plan has it"
        );
    }
    if folder.disk.cwd.join(name).exists() {
        bail!(
            "-generate-config-out={file}: the file exists already, and only a new one is written. Move what is in it to other files, or choose another name"
        );
    }
    Ok(())
}

/// Writes the file, if a block is missing: true. Or how to exit because it can't be.
pub(crate) async fn write(
    file: &str,
    folder: &Folder,
    session: &Session,
    view: &View,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<bool, Exit>> {
    let progress = Progress::planning(*view);
    let variables = session.variables.clone();
    let engine = &session.engine;
    let blocks =
        engine.blocks_for_imports(&session.configuration, variables, &progress, &interrupt.soft).await;
    progress.finish();
    let blocks = match blocks {
        Ok(None) => return Ok(Ok(false)),
        Ok(Some(blocks)) => blocks,
        Err(e) => return Ok(Err(planning::failed(e, session, view)?)),
    };
    let text = format!("{HEAD}\n{}", blocks.join("\n"));
    let path = folder.disk.cwd.join(file);
    let mut options = std::fs::OpenOptions::new();
    let mut out = options
        .write(true)
        .create_new(true)
        .open(path)
        .with_context(|| format!("{file} can't be written"))?;
    std::io::Write::write_all(&mut out, text.as_bytes())
        .with_context(|| format!("{file} can't be written"))?;
    Ok(Ok(true))
}

//! `pilotis completion`

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionArgs};
use crate::exit::Exit;
use crate::view::View;

/// Writes a completion script.
pub(crate) fn run(args: &CompletionArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "pilotis", &mut script);
    View::plain(true).raw(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

//! `pilotis state mv`

use anyhow::Context as _;
use pilotis_config::display;
use pilotis_state::edit::rename;

use crate::args::StateMvArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::hand::{self, Way};
use crate::view::View;

/// Gives objects another address; calls nothing.
pub(crate) fn run(args: &StateMvArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let (configuration, _) = folder.configuration();
    let target = |text: &str| {
        display::parse_target(&configuration, text).with_context(|| format!("{text:?} is no address"))
    };
    let (from, to) = (target(&args.from)?, target(&args.to)?);
    hand::edit(&folder, &args.state, &configuration, Way::of(args.dry_run), |snapshot| {
        rename(snapshot, &from, &to)
    })?;
    let shown = |target| format!("{:?}", display::display_target(&configuration, target));
    let view = View::plain(true);
    let verb = if args.dry_run { "Would move" } else { "Move" };
    view.print(&format!("{verb} {} to {}\n", shown(&from), shown(&to)));
    if !args.dry_run {
        view.print("Successfully moved 1 object(s).\n");
    }
    Ok(Exit::Done)
}

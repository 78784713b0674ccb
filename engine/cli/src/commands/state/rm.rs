//! `pilotis state rm`

use anyhow::Context as _;
use pilotis_config::display;
use pilotis_schema::address::{Instance, Target};
use pilotis_state::edit::remove;

use crate::args::StateRmArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::hand::{self, Way};
use crate::view::View;

/// Forgets objects and leaves them where they are; calls nothing.
pub(crate) fn run(args: &StateRmArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let (configuration, _) = folder.configuration();
    let targets: Vec<Target> = args
        .addresses
        .iter()
        .map(|text| {
            display::parse_target(&configuration, text).with_context(|| format!("{text:?} is no address"))
        })
        .collect::<anyhow::Result<_>>()?;
    let edit =
        hand::edit(&folder, &args.state, &configuration, Way::of(args.dry_run), |s| remove(s, &targets))?;
    let mut addresses: Vec<_> = edit.iter().map(|record| record.key.address.clone()).collect();
    addresses.dedup();
    let verb = if args.dry_run { "Would remove" } else { "Removed" };
    let view = View::plain(true);
    for address in &addresses {
        let shown = address.parse::<Instance>().map(|i| display::display(&configuration, &i));
        view.print(&format!("{verb} {}\n", shown.unwrap_or_else(|_| address.to_string())));
    }
    if !args.dry_run {
        view.print(&format!("Successfully removed {} resource instance(s).\n", addresses.len()));
    }
    Ok(Exit::Done)
}

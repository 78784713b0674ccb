//! `pilotis taint` and `pilotis untaint`

use anyhow::{Context as _, bail};
use pilotis_config::display;
use pilotis_schema::address::{Instance, Target};
use pilotis_state::Status;
use pilotis_state::edit::{EditError, set_status};

use crate::args::TaintArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::hand::{self, Way};
use crate::view::View;

/// Marks an object as to be replaced, or takes the mark away; calls nothing.
pub(crate) fn run(args: &TaintArgs, status: Status) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let (configuration, _) = folder.configuration();
    let target = display::parse_target(&configuration, &args.address)
        .with_context(|| format!("{:?} is no address", args.address))?;
    let instance = match target {
        Target::Instance(instance) => instance,
        Target::Resource(resource) => Instance { resource, key: None },
        Target::Module(_) => bail!("{} is a module: name one object of it", args.address),
    };
    let shown = display::display(&configuration, &instance);
    let view = View::plain(true);
    let done =
        hand::edit(&folder, &args.state, &configuration, Way::Edit, |s| set_status(s, &instance, status));
    match done {
        Err(e) if args.allow_missing && matches!(e.downcast_ref(), Some(EditError::Missing(_))) => {
            view.say(&format!(
                "Warning: the state has no {shown}, which is no error because of -allow-missing.\n"
            ));
        }
        Err(e) => return Err(e),
        Ok(_) => view.print(&match status {
            Status::Tainted => format!("Resource instance {shown} has been marked as tainted.\n"),
            Status::Ready => format!("Resource instance {shown} has been successfully untainted.\n"),
        }),
    }
    Ok(Exit::Done)
}

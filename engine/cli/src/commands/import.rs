//! `pilotis import`

use anyhow::bail;
use pilotis_config::display;
use pilotis_schema::address::{Instance, Target};

use crate::args::ImportArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::heads;
use crate::interrupt::Interrupt;
use crate::planning;
use crate::progress::Progress;
use crate::session::{Session, Wanted};
use crate::view::View;

/// Takes an object of a service over; changes nothing at the service.
pub(crate) async fn run(args: &ImportArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    let interrupt = Interrupt::listen();
    let wanted = Wanted { variables: &args.variables, state: &args.state, parallelism: 10 };
    let Some(session) = Session::begin(&folder, &view, &wanted).await? else { return Ok(Exit::Error) };
    let address = match display::parse_target(&session.configuration, &args.address)? {
        Target::Instance(instance) => instance,
        Target::Resource(resource) => Instance { resource, key: None },
        Target::Module(_) => bail!("{} is a module: name one object of it", args.address),
    };
    let progress = Progress::planning(view);
    let (configuration, variables) = (session.configuration.clone(), session.variables.clone());
    let imported =
        session.engine.import(configuration, variables, address, &args.id, &progress, &interrupt.soft).await;
    progress.finish();
    session.engine.store().with(heads::keep).await?;
    let exit = match imported {
        Ok(imported) => {
            view.print(&format!(
                "Imported {} [id={}]. `pilotis plan` shows what differs from the configuration.\n",
                imported.address, imported.id
            ));
            Exit::Done
        }
        Err(e) => planning::failed(e, &session, &view)?,
    };
    session.end().await;
    Ok(exit)
}

//! `pilotis sandbox`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pilotis_sandbox::Sandbox;

use crate::args::SandboxArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::private;
use crate::view::View;

/// Serves until Ctrl-C.
pub(crate) async fn run(args: &SandboxArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::plain(args.no_color);
    let data = args.data.as_ref().map_or_else(|| folder.sandbox_data(), PathBuf::from);
    let running = Sandbox::start(crate::sandbox::options(&data)?).await?;
    view.print(&format!("The sandbox runs; its data is in {}. Ctrl-C ends it.\n", data.display()));
    for (service, endpoint) in &running.endpoints {
        view.print(&format!("\n{service}\n  url    {}\n  token  {}\n", endpoint.url, endpoint.token));
    }
    if let (Some(path), Some(endpoint)) = (&args.kubeconfig, running.endpoint("kubernetes")) {
        let text = pilotis_sandbox::kubernetes::kubeconfig(endpoint);
        private::write(Path::new(path), text.as_bytes())
            .with_context(|| format!("{path} can't be written"))?;
        view.print(&format!("\nkubectl --kubeconfig={path} get namespaces\n"));
    }
    tokio::signal::ctrl_c().await.context("Ctrl-C can't be waited for")?;
    running.shutdown().await;
    Ok(Exit::Done)
}

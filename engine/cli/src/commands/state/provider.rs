//! `pilotis state replace-provider`

use std::io::BufRead as _;

use anyhow::{Context as _, bail};
use pilotis_config::display;
use pilotis_schema::address::Instance;
use pilotis_state::edit::rebind;

use crate::args::StateReplaceProviderArgs;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::hand::{self, Way};
use crate::view::View;

/// Gives the objects of one provider to another one, after asking; calls nothing.
pub(crate) fn run(args: &StateReplaceProviderArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let (configuration, _) = folder.configuration();
    let view = View::plain(true);
    let from = source(&args.from).with_context(|| format!("Invalid \"from\" provider {:?}", args.from))?;
    let to = source(&args.to).with_context(|| format!("Invalid \"to\" provider {:?}", args.to))?;
    if !folder.providers.values().any(|p| p.schema().source == to) {
        let known: Vec<_> = folder.providers.values().map(|p| p.schema().source.clone()).collect();
        bail!("there is no provider {to}; built in are {}", known.join(", "));
    }
    let edit = |way| hand::edit(&folder, &args.state, &configuration, way, |s| rebind(s, &from, &to));
    let records = edit(Way::Dry)?;
    if records.is_empty() {
        view.print("No matching resources found.\n");
        return Ok(Exit::Done);
    }
    view.print(&format!(
        "Pilotis will perform the following actions:\n\n  ~ Updating provider:\n    - {from}\n    + {to}\n\nChanging {} resources:\n\n",
        records.len()
    ));
    for record in &records {
        let shown = record.key.address.parse::<Instance>().map(|i| display::display(&configuration, &i));
        view.print(&format!("  {}\n", shown.unwrap_or_else(|_| record.key.address.to_string())));
    }
    if !args.auto_approve && !approved(&view)? {
        view.print("Cancelled replacing providers.\n");
        return Ok(Exit::Done);
    }
    let replaced = edit(Way::Edit)?;
    view.print(&format!("\nSuccessfully replaced provider for {} resources.\n", replaced.len()));
    Ok(Exit::Done)
}

fn approved(view: &View) -> anyhow::Result<bool> {
    view.print(
        "\nDo you want to make these changes?\nOnly 'yes' will be accepted to continue.\n\nEnter a value: ",
    );
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("the answer can't be read")?;
    Ok(line.trim() == "yes")
}

/// A provider's source with all of its parts: `gitlab` is `registry.terraform.io/hashicorp/gitlab`.
fn source(text: &str) -> anyhow::Result<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let fine = |part: &&str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
    };
    if !parts.iter().all(fine) {
        bail!("a provider's source is [HOSTNAME/][NAMESPACE/]NAME");
    }
    match parts.len() {
        1 => Ok(format!("registry.terraform.io/hashicorp/{text}")),
        2 => Ok(format!("registry.terraform.io/{text}")),
        3 => Ok(text.to_owned()),
        _ => bail!("a provider's source is [HOSTNAME/][NAMESPACE/]NAME"),
    }
}

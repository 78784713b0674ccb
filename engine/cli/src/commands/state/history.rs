//! `pilotis state history`: who changed an object, when, from which commit. Values may be secret: only names of attributes are shown.

use anyhow::{Context as _, bail};
use pilotis_config::display;
use pilotis_schema::address::{Instance, Target};
use pilotis_state::{Action, Change, ChangeOutcome, Run, Store};
use serde_json::{Value as Json, json};

use crate::args::StateHistoryArgs;
use crate::clock;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::view::View;

/// Shows the history of an object; calls nothing.
pub(crate) fn run(args: &StateHistoryArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let (configuration, _) = folder.configuration();
    let view = View::new(&args.view);
    let target = display::parse_target(&configuration, &args.address)
        .with_context(|| format!("{:?} is no address", args.address))?;
    let instance = match target {
        Target::Instance(instance) => instance,
        Target::Resource(resource) => Instance { resource, key: None },
        Target::Module(_) => bail!("{} is a module: name one object of it", args.address),
    };
    let store = folder.place(&args.state, &configuration)?.open_existing(&folder)?;
    let changes = match store {
        Some(mut store) => history(&mut *store, &instance.to_string(), args.limit)?,
        None => Vec::new(),
    };
    if changes.is_empty() {
        bail!(
            "nothing was ever noted of {}. `pilotis state list` shows what there is.",
            display::display(&configuration, &instance)
        );
    }
    if view.json {
        let changes: Vec<Json> = changes.iter().map(|(run, change)| document(run, change)).collect();
        view.print(&format!("{:#}\n", Json::Array(changes)));
    } else {
        let shown = |text: &str| text.parse::<Instance>().map(|i| display::display(&configuration, &i));
        let lines: String = changes.iter().map(|(run, change)| line(run, change, &shown)).collect();
        view.print(&lines);
    }
    Ok(Exit::Done)
}

/// The changes of an object, newest first. What it was before a move is told under the address that it had then.
fn history(store: &mut dyn Store, address: &str, limit: usize) -> anyhow::Result<Vec<(Run, Change)>> {
    let mut all: Vec<(Run, Change)> = Vec::new();
    let mut address = address.to_owned();
    loop {
        let until = all.last().map(|(run, change)| (run.id.clone(), change.at));
        let older = |(run, change): &(Run, Change)| {
            until.as_ref().is_none_or(|(id, at)| change.at <= *at && run.id != *id)
        };
        let before = all.len();
        for (run, change) in store.history(&address, limit)?.into_iter().filter(older) {
            if all.len() == limit {
                return Ok(all);
            }
            let from = (change.action == Action::Move).then(|| text(change.before.as_deref())).flatten();
            all.push((run, change));
            if let Some(from) = from.filter(|from| *from != address) {
                address = from;
                break;
            }
        }
        let moved = all.len() > before && all.last().is_some_and(|(_, c)| c.action == Action::Move);
        if !moved || *all[all.len() - 1].1.key.address == *address {
            return Ok(all);
        }
    }
}

/// A text that is stored as JSON.
fn text(json: Option<&str>) -> Option<String> {
    serde_json::from_str(json?).ok()
}

/// Names of the attributes that differ.
fn changed(change: &Change) -> Vec<String> {
    if matches!(change.action, Action::Move | Action::Rebind) {
        return Vec::new();
    }
    let object = |text: &Option<std::sync::Arc<str>>| -> serde_json::Map<String, Json> {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let (before, after) = (object(&change.before), object(&change.after));
    let mut names: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    names.sort();
    names.dedup();
    let null = |value: Option<&Json>| value.cloned().unwrap_or(Json::Null);
    names.retain(|name| null(before.get(name)) != null(after.get(name)));
    names
}

fn line(
    run: &Run,
    change: &Change,
    shown: &dyn Fn(&str) -> Result<String, pilotis_schema::address::AddressError>,
) -> String {
    let commit = run.commit.as_deref().map_or_else(|| "-".to_owned(), |c| c.chars().take(10).collect());
    let mut line = format!(
        "{}  {:<7}  {}  commit {commit}  run {}\n",
        clock::rfc3339(change.at),
        change.action.as_str(),
        run.who,
        run.id.0
    );
    let mut detail = |text: String| line.push_str(&format!("    {text}\n"));
    if let Some(key) = &change.key.deposed {
        detail(format!("deposed object {key}"));
    }
    if let (Action::Move | Action::Rebind, Some(from), Some(to)) =
        (change.action, text(change.before.as_deref()), text(change.after.as_deref()))
    {
        let shown = |address: String| shown(&address).unwrap_or(address);
        detail(format!("from {} to {}", shown(from), shown(to)));
    }
    let names = changed(change);
    if !names.is_empty() && change.action != Action::Forget {
        detail(names.join(", "));
    }
    match (change.outcome, &change.error) {
        (ChangeOutcome::Done, None) => {}
        (outcome, error) => {
            let error = error.as_deref().map(|e| format!(": {e}")).unwrap_or_default();
            detail(format!("{}{error}", outcome.as_str()));
        }
    }
    line
}

fn document(run: &Run, change: &Change) -> Json {
    let address =
        |json| if matches!(change.action, Action::Move | Action::Rebind) { text(json) } else { None };
    json!({
        "address": &*change.key.address,
        "deposed": change.key.deposed.as_deref(),
        "action": change.action.as_str(),
        "at": clock::rfc3339(change.at),
        "outcome": change.outcome.as_str(),
        "error": change.error,
        "changed": changed(change),
        "from": address(change.before.as_deref()),
        "to": address(change.after.as_deref()),
        "run": {
            "id": &*run.id.0, "kind": run.kind.as_str(), "who": run.who, "commit": run.commit,
            "plan_digest": run.plan_digest, "status": run.status.as_str(),
        },
    })
}

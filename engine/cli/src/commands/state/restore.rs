//! `pilotis state restore`: a plan that takes everything back to what a run was made of. It is a plan like any other: shown, saved, applied.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use pilotis_plan::{MadeOf, PlanOptions};
use pilotis_schema::address::Instance;
use pilotis_state::{Action, Run, RunId, Store};

use crate::args::StateRestoreArgs;
use crate::clock;
use crate::commands::plan;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::interrupt::Interrupt;
use crate::planning;
use crate::session::Session;
use crate::view::View;

/// Runs that an error names.
const NAMED: usize = 5;

/// Plans to go back to a run; changes nothing.
pub(crate) async fn run(args: &StateRestoreArgs) -> anyhow::Result<Exit> {
    let folder = Folder::current()?;
    let view = View::new(&args.view);
    view.begin();
    let interrupt = Interrupt::listen();
    let (configuration, _) = folder.configuration();
    let place = folder.place(&args.planning.state, &configuration)?;
    let Some(mut store) = place.open_existing(&folder)? else {
        bail!("there is no state yet: nothing was applied");
    };
    let back = Back::to(&mut *store, &args.run)?;
    drop(store);
    back.say(&view);
    let Some(session) = Session::of_run(&back.made_of, &folder, &view, &(&args.planning).into()).await?
    else {
        return Ok(Exit::Error);
    };
    let options = planning::options(&args.planning, back.made_of.destroy, &folder, &session.configuration)?;
    let covered = |to: &Instance| {
        let named = options.targets.is_empty() || options.targets.iter().any(|t| t.contains(to));
        named && !options.excludes.iter().any(|t| t.contains(to))
    };
    // What the plan isn't about stays where it is.
    let moves = back.moves.into_iter().filter(|(_, to)| covered(to)).collect();
    let options = PlanOptions { moves, ..options };
    let exit = match planning::narrowed(&args.planning, options, &session, &view, &interrupt).await? {
        Err(exit) => exit,
        Ok(options) => plan::make(&session, options, args.out.as_deref(), &view, &interrupt).await?,
    };
    session.end().await;
    Ok(exit)
}

/// The way back.
struct Back {
    /// To this run.
    run: Run,
    /// The run that made its configuration real: it, or the newest one before it that has a configuration.
    made_by: Run,
    made_of: MadeOf,
    /// Where objects were then that have moved since.
    moves: Vec<(Instance, Instance)>,
}

impl Back {
    fn to(store: &mut dyn Store, wanted: &str) -> anyhow::Result<Back> {
        let runs = store.runs(usize::MAX >> 1)?;
        let position = position(&runs, wanted)?;
        for (at, made_by) in runs.iter().enumerate().skip(position) {
            let Some(text) = store.made_of(&made_by.id)? else { continue };
            let made_of = MadeOf::read(&text)
                .with_context(|| format!("what run {} was made of can't be read", made_by.id.0))?;
            // To where they were for that configuration, not only for what was edited by hand since.
            let moves = moves_back(store, &runs[..at])?;
            return Ok(Back { run: runs[position].clone(), made_by: made_by.clone(), made_of, moves });
        }
        let run = &runs[position];
        let commit = match &run.commit {
            Some(commit) => format!(" Its commit was {commit}: check that out and plan."),
            None => String::new(),
        };
        bail!(
            "what run {} was made of is not in the state: neither it nor a run before it was an apply of this version of Pilotis.{commit}",
            run.id.0
        );
    }

    fn say(&self, view: &View) {
        if view.json {
            return;
        }
        let (run, made_by) = (&self.run, &self.made_by);
        view.say(&format!("Back to run {} of {}, by {}.\n", run.id.0, clock::rfc3339(run.started), run.who));
        if run.id != made_by.id {
            view.say(&format!(
                "It changed the state alone: the configuration is that of run {} of {}.\n",
                made_by.id.0,
                clock::rfc3339(made_by.started)
            ));
        }
        if self.made_of.partial {
            view.say("It was narrowed by -target or -exclude: this plan is for all of its configuration.\n");
        }
        view.say("\n");
    }
}

/// The one run whose id begins so.
fn position(runs: &[Run], wanted: &str) -> anyhow::Result<usize> {
    let fits = |(_, run): &(usize, &Run)| !wanted.is_empty() && run.id.0.starts_with(wanted);
    let found: Vec<usize> = runs.iter().enumerate().filter(fits).map(|(i, _)| i).collect();
    if let [one] = found.as_slice() {
        return Ok(*one);
    }
    let line = |run: &Run| {
        format!("\n  {}  {}  {}  {}", run.id.0, clock::rfc3339(run.started), run.kind.as_str(), run.who)
    };
    let newest: String = runs.iter().take(NAMED).map(line).collect();
    match found.len() {
        0 => bail!("the state has no run {wanted:?}. The newest are:{newest}"),
        several => bail!("{several} runs begin with {wanted:?}: give more of the id"),
    }
}

/// Where what has moved in these runs (newest first) was before them.
fn moves_back(store: &mut dyn Store, since: &[Run]) -> anyhow::Result<Vec<(Instance, Instance)>> {
    let mut back: BTreeMap<String, String> = BTreeMap::new();
    for run in since {
        for change in store.changes(&RunId(run.id.0.clone()))?.iter().rev() {
            let text =
                |json: &Option<std::sync::Arc<str>>| serde_json::from_str::<String>(json.as_deref()?).ok();
            let (Action::Move, Some(before), Some(after)) =
                (change.action, text(&change.before), text(&change.after))
            else {
                continue;
            };
            match back.values_mut().find(|was| **was == after) {
                Some(was) => *was = before,
                None => drop(back.insert(after, before)),
            }
        }
    }
    let parsed = back.iter().filter(|(now, then)| now != then);
    Ok(parsed.filter_map(|(now, then)| Some((now.parse().ok()?, then.parse().ok()?))).collect())
}

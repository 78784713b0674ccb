//! The state edited by hand: under a lease of all of it, as one transaction, with a run in the history.

use std::time::{Duration, Instant};

use pilotis_config::Configuration;
use pilotis_state::audit::Approval;
use pilotis_state::edit::{Edit, EditError};
use pilotis_state::{
    Lease, LeaseMode, ResourceRecord, Run, RunId, RunKind, RunStatus, Snapshot, StateError, Store, Timestamp,
    Write,
};
use pilotis_state_process::this_process;

use crate::args::StateFileArgs;
use crate::folder::{Folder, duration};
use crate::session::who;
use crate::{clock, git, heads};

/// An edit takes milliseconds; a process that died on another machine is waited for no longer than this.
const LEASE: Duration = Duration::from_secs(30);
const LOCK_POLL: Duration = Duration::from_millis(200);

/// How far an edit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing is changed: only said what it would be about.
    Dry,
    /// What is stored is edited.
    Edit,
    /// The same; a state that isn't there is made.
    Make,
}

impl Way {
    /// Of a command with `-dry-run`.
    pub(crate) fn of(dry_run: bool) -> Way {
        if dry_run { Way::Dry } else { Way::Edit }
    }
}

/// Edits the state, or only says what it would be about. The objects, as they were before (those that come new: as they are then).
pub(crate) fn edit(
    folder: &Folder,
    args: &StateFileArgs,
    configuration: &Configuration,
    way: Way,
    plan: impl Fn(&Snapshot) -> Result<Edit, EditError>,
) -> anyhow::Result<Vec<ResourceRecord>> {
    let place = folder.place(args, configuration)?;
    if way == Way::Dry {
        return Ok(plan(&place.snapshot(folder)?).map(objects)?);
    }
    let store = match way {
        Way::Make => Some(place.open(folder)?),
        Way::Dry | Way::Edit => place.open_existing(folder)?,
    };
    let Some(mut store) = store else {
        // Nothing is stored yet: the edit says what it misses.
        return Ok(plan(&Snapshot::default()).map(objects)?);
    };
    let id = RunId(uuid::Uuid::new_v4().to_string().into());
    if args.lock {
        lock(&mut *store, &id, duration(&args.lock_timeout)?)?;
    }
    let edited = commit(&mut *store, folder, &id, plan);
    heads::keep(&mut *store)?;
    let released = if args.lock { store.release(&id) } else { Ok(()) };
    let edited = edited?;
    released?;
    Ok(edited)
}

/// Edits a state that nobody else knows of yet.
pub(crate) fn edit_store(
    store: &mut dyn Store,
    folder: &Folder,
    plan: impl Fn(&Snapshot) -> Result<Edit, EditError>,
) -> anyhow::Result<()> {
    let id = RunId(uuid::Uuid::new_v4().to_string().into());
    commit(store, folder, &id, plan).map(drop)
}

fn objects(edit: Edit) -> Vec<ResourceRecord> {
    edit.objects.into_iter().map(|(record, _)| record).collect()
}

fn commit(
    store: &mut dyn Store,
    folder: &Folder,
    id: &RunId,
    plan: impl Fn(&Snapshot) -> Result<Edit, EditError>,
) -> anyhow::Result<Vec<ResourceRecord>> {
    let edit = plan(&store.snapshot()?)?;
    if edit.writes.is_empty() {
        return Ok(objects(edit));
    }
    let at = clock::now();
    let run = Run {
        id: id.clone(),
        kind: RunKind::Edit,
        who: who(),
        commit: git::head(&folder.disk.cwd),
        plan_digest: None,
        started: at,
        finished: Some(at),
        status: RunStatus::Done,
        calls: 0,
    };
    let before = edit.objects.iter().map(|(record, _)| record.clone()).collect();
    let mut writes = vec![Write::StartRun(run), by_command(id)];
    writes.extend(edit.with_history(id, at));
    store.commit(&writes)?;
    Ok(before)
}

/// Notes that a run is what a person's command says, and nothing else.
pub(crate) fn by_command(run: &RunId) -> Write {
    let version = env!("CARGO_PKG_VERSION").into();
    Write::Approve { run: run.clone(), version, approval: Approval::Command }
}

/// Takes the lease of all of a state.
pub(crate) fn lock(store: &mut dyn Store, run: &RunId, timeout: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + timeout;
    loop {
        let now = store.clock()?.unwrap_or_else(clock::now);
        match store.acquire(&[lease_of_all(run, now)], now) {
            Err(StateError::Locked { .. }) if Instant::now() < deadline => std::thread::sleep(LOCK_POLL),
            taken => return Ok(taken?),
        }
    }
}

/// The lease of all of a state, for as long as an edit may take.
pub(crate) fn lease_of_all(run: &RunId, now: Timestamp) -> Lease {
    Lease {
        address: "*".into(),
        mode: LeaseMode::Exclusive,
        holder: this_process(who()),
        run: run.clone(),
        since: now,
        expires: Timestamp(now.0 + LEASE.as_millis() as i64),
    }
}

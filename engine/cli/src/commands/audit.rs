//! `pilotis audit`: is the journal what was written, and what does it say?

use anyhow::{Context as _, bail};
use pilotis_state::audit::{AuditEntry, AuditError, verify, verify_runs};
use pilotis_state::{Run, Store};
use pilotis_state_encryption::Keyring;
use serde_json::{Map, Value as Json};

use crate::args::{AuditArgs, AuditCommand, AuditExportArgs, AuditVerifyArgs, StateFileArgs};
use crate::exit::Exit;
use crate::folder::Folder;
use crate::heads::{self, Heads, hex};
use crate::view::View;

/// Entries that are read at once.
const PAGE: usize = 1_000;

/// Verifies or exports; changes nothing.
pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<Exit> {
    match &args.command {
        AuditCommand::Verify(args) => verified(args),
        AuditCommand::Export(args) => export(args),
    }
}

/// The state, without the keys of what is encrypted in it: the journal isn't, and who audits needs no secret.
fn open(args: &StateFileArgs) -> anyhow::Result<Box<dyn Store>> {
    let folder = Folder::current()?;
    let settings = folder.configuration().0.settings;
    let place = folder.place_with(args, &settings, Keyring::clear())?;
    place.open_existing(&folder)?.context("there is no state here, and so no journal")
}

fn verified(args: &AuditVerifyArgs) -> anyhow::Result<Exit> {
    let mut store = open(&args.state)?;
    let lineage = store.head()?.lineage;
    let (entries, runs) = read(&mut *store)?;
    let heads = Heads::of_this_user();
    let remembered = heads.as_ref().and_then(|heads| heads.newest(&lineage));
    let expected = remembered.filter(|_| !args.accept);
    let found = verify(&entries, expected).and_then(|head| Ok((head, verify_runs(&entries, &runs)?)));
    let location = store.location();
    let (head, older) = match (found, &heads) {
        (Ok(found), _) => found,
        (Err(error @ (AuditError::CutOff { .. } | AuditError::Replaced(_))), Some(heads)) => bail!(
            "the journal of {location} is not what was written: {error}\n\nWhat was seen of it last stands in {}; if the state was put back from a backup on purpose, `pilotis audit verify -accept` goes on from what is there.",
            heads.place(&lineage)
        ),
        (Err(error), _) => bail!("the journal of {location} is not what was written: {error}"),
    };
    let mut said = format!("The journal of {location} is whole: {}", counted(head.seq));
    let (first, last) = (entries.iter().find_map(time), entries.iter().rev().find_map(time));
    if let (Some(first), Some(last)) = (first, last) {
        said += &format!(", from {first} to {last}");
    }
    said += &format!(".\nHead: {} {}\n", head.seq, hex(&head.hash));
    if older > 0 {
        said += &format!(
            "{older} run{} of before the journal, written by an older version, {} not in it.\n",
            if older == 1 { "" } else { "s" },
            if older == 1 { "is" } else { "are" },
        );
    }
    if let Some(seen) = remembered.filter(|_| args.accept && heads::not_in(&lineage, &entries).is_some()) {
        said += &format!("Entry {} was seen here before and is not in it any more: accepted.\n", seen.seq);
    }
    if remembered.is_none() {
        said += "Nothing was seen of it here before: that its end isn't cut off, only a head that was noted elsewhere can tell.\n";
    }
    if let Some(heads) = heads.filter(|_| head.seq > 0) {
        heads.remember(&lineage, head);
    }
    View::plain(true).print(&said);
    Ok(Exit::Done)
}

/// The journal and the runs that belong to it, though others may be at work: a run that begins meanwhile would be in one of the two only.
/// Not all that the state holds, as most of it may be encrypted.
fn read(store: &mut dyn Store) -> anyhow::Result<(Vec<AuditEntry>, Vec<Run>)> {
    loop {
        let runs = store.runs(usize::MAX)?;
        let entries = store.audit(0, usize::MAX)?;
        if store.runs(1)?.first().map(|run| &run.id) == runs.first().map(|run| &run.id) {
            return Ok((entries, runs));
        }
    }
}

fn counted(entries: u64) -> String {
    if entries == 1 { "1 entry".into() } else { format!("{entries} entries") }
}

/// When an entry was written, as its events say.
fn time(entry: &AuditEntry) -> Option<String> {
    entry.events().ok()?.iter().find_map(|event| Some(event.get("at")?.as_str()?.to_owned()))
}

fn export(args: &AuditExportArgs) -> anyhow::Result<Exit> {
    let mut store = open(&args.state)?;
    let view = View::plain(true);
    let mut after = args.after;
    loop {
        let page = store.audit(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(Exit::Done) };
        after = last.seq;
        let mut lines = String::new();
        for entry in &page {
            for event in entry.events().with_context(|| format!("the journal of {}", store.location()))? {
                lines += &format!("{}\n", line(entry, event));
            }
        }
        view.print(&lines);
    }
}

/// An event, with the entry that it stands in.
fn line(entry: &AuditEntry, event: Map<String, Json>) -> Json {
    let mut line = Map::new();
    line.insert("seq".into(), entry.seq.into());
    line.insert("hash".into(), hex(&entry.hash).into());
    line.extend(event);
    Json::Object(line)
}

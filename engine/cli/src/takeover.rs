//! A folder in which Terraform worked: its state file is what a new state starts from, and the first change takes it over.
//!
//! All is read before anything is written. What is stored then is one transaction; Terraform's file is kept under another name before it, and
//! replaced by one that Terraform refuses after it, so that the two programs never work on two states of the same objects.
//! States on a server are [`remote`]'s.

pub(crate) mod remote;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use pilotis_plan::RecordReader;
use pilotis_schema::address::Mode;
use pilotis_state::audit::{AuditEntry, Head as AuditHead};
use pilotis_state::edit::EditError;
use pilotis_state::terraform::{ImportError, Imported, Problems};
use pilotis_state::whole::Whole;
use pilotis_state::{
    Change, Lease, Observation, ResourceRecord, Run, RunId, RunKind, RunStatus, Snapshot, StateError, Store,
    Timestamp, Write, edit, terraform,
};
use pilotis_state_document::was_taken_over as is_mark;
use pilotis_state_encryption::EncryptedStore;
use pilotis_state_sqlite::SqliteStore;

use crate::folder::Folder;
use crate::hand::by_command;
use crate::session::who;
use crate::{clock, git, private};

/// Terraform's state of a place, read and understood.
#[derive(Clone, Debug)]
pub(crate) struct TerraformFile {
    path: PathBuf,
    text: Arc<str>,
    /// What it says.
    pub(crate) imported: Imported,
    marker: String,
}

impl TerraformFile {
    /// Reads it; none if there is none, or an empty one.
    pub(crate) fn read(
        path: &Path,
        database: &Path,
        folder: &Folder,
    ) -> anyhow::Result<Option<TerraformFile>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).with_context(|| format!("{} can't be read", path.display())),
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        if was_taken_over(&text) {
            bail!(
                "the state {} is gone: {} says that it was taken over into it. Put the database back, from a backup if need be. To start again from what Terraform knew then, put {} in the place of {}",
                database.display(),
                path.display(),
                kept(path).display(),
                path.display()
            );
        }
        let imported = understood(&text, folder)
            .with_context(|| format!("Error reading the Terraform state {}", path.display()))?;
        let marker = marker(database, &kept(path));
        Ok(Some(TerraformFile { path: path.to_owned(), text: text.into(), imported, marker }))
    }

    /// The state that it stands for: what the database will hold once it is taken over.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let Imported { lineage, serial, resources, data, outputs, .. } = &self.imported;
        let version = i64::try_from((*serial).max(1)).unwrap_or(i64::MAX);
        let all = resources.iter().chain(data);
        let mut resources: Vec<_> = all.map(|r| ResourceRecord { version, ..r.clone() }).collect();
        resources.sort_by(|a, b| a.key.cmp(&b.key));
        let (lineage, outputs) = (lineage.clone(), outputs.clone());
        let serial = (*serial).max(1);
        Snapshot { lineage, serial, resources, outputs, ..Snapshot::default() }
    }

    /// What a person should know of it.
    pub(crate) fn note(&self, database: &Path) -> String {
        let objects = self.imported.resources.len();
        format!(
            "Note: the state starts from {} ({objects} object{}, serial {}).\nThe first change takes it over into {}, and keeps the file as {}.\n\n",
            name(&self.path),
            if objects == 1 { "" } else { "s" },
            self.imported.serial,
            name(database),
            name(&kept(&self.path))
        )
    }
}

/// Reads the text of a Terraform state and turns its objects into ours. All that this program doesn't know is said together.
pub(crate) fn understood(text: &str, folder: &Folder) -> Result<Imported, ImportError> {
    let mut imported = terraform::import(text)?;
    let mut problems = Vec::new();
    let mut readers = Readers::new();
    for record in &mut imported.resources {
        match adopted(record, Mode::Managed, &mut readers, folder) {
            Ok(adopted) => *record = adopted,
            Err(why) => problems.push(format!("{}: {why}", record.key)),
        }
    }
    let data = imported.data.len();
    let known = imported.data.iter().filter_map(|r| adopted(r, Mode::Data, &mut readers, folder).ok());
    imported.data = known.collect();
    imported.left_out += data - imported.data.len();
    if problems.is_empty() { Ok(imported) } else { Err(ImportError::Objects(Problems(problems))) }
}

/// By mode, provider and type.
type Readers = HashMap<(Mode, Arc<str>, Arc<str>), Result<RecordReader, String>>;

fn adopted(
    record: &ResourceRecord,
    mode: Mode,
    readers: &mut Readers,
    folder: &Folder,
) -> Result<ResourceRecord, String> {
    let key = (mode, record.provider.clone(), record.type_name.clone());
    let reader = readers.entry(key).or_insert_with(|| reader(record, mode, folder));
    reader.as_ref().map_err(Clone::clone)?.adopt(record)
}

fn reader(record: &ResourceRecord, mode: Mode, folder: &Folder) -> Result<RecordReader, String> {
    let source = record.provider.split_once("provider[\"").and_then(|(_, rest)| rest.split_once("\"]"));
    let Some((source, _)) = source else {
        return Err(format!("its provider {:?} has no source", record.provider));
    };
    let name = source.rsplit('/').next().unwrap_or(source);
    let by_source = folder.providers.values().find(|p| p.schema().source == source);
    let Some(provider) = by_source.or_else(|| folder.providers.get(name)) else {
        let known: Vec<_> = folder.providers.keys().map(String::as_str).collect();
        return Err(format!("there is no provider {source}; built in are {}", known.join(", ")));
    };
    let Some(schema) = provider.schema().types(mode).get(&*record.type_name) else {
        return Err(format!("the provider {name} has no resource type {}", record.type_name));
    };
    Ok(RecordReader::new(Arc::new(schema.clone())))
}

/// The name under which Terraform's file is kept.
fn kept(path: &Path) -> PathBuf {
    let mut kept = path.as_os_str().to_owned();
    kept.push(".taken-over");
    kept.into()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// What stands in the place of Terraform's file afterwards. Terraform refuses a version that it doesn't know.
fn marker(database: &Path, kept: &Path) -> String {
    mark(&name(database), &name(kept))
}

fn mark(state: &str, kept: &str) -> String {
    let document = serde_json::json!({
        "version": 999,
        "pilotis": {
            "message": "This state was taken over by Pilotis. Terraform must not go on from here: `pilotis state pull` writes a state for it.",
            "database": state,
            "kept": kept,
        },
    });
    format!("{document:#}\n")
}

/// True if a state file says that it was taken over.
pub(crate) fn was_taken_over(text: &str) -> bool {
    is_mark(text.as_bytes())
}

/// Marks Terraform's file if it is the one that was kept.
pub(crate) fn finish(path: &Path, database: &Path) -> std::io::Result<()> {
    let kept = kept(path);
    let length = |path: &Path| std::fs::metadata(path).ok().map(|m| m.len());
    // The mark is short, and what was kept may be long.
    if length(path) != length(&kept) {
        return Ok(());
    }
    match (std::fs::read(path), std::fs::read(&kept)) {
        (Ok(file), Ok(copy)) if file == copy => private::write(path, marker(database, &kept).as_bytes()),
        _ => Ok(()),
    }
}

/// A database in which nothing is stored yet, and the Terraform state that it will start from: read as if it were stored already, and stored
/// with the first change.
pub(crate) struct Starting {
    store: EncryptedStore<SqliteStore>,
    from: Option<TerraformFile>,
    commit: Option<String>,
}

impl Starting {
    pub(crate) fn new(store: EncryptedStore<SqliteStore>, from: TerraformFile, folder: &Folder) -> Starting {
        Starting { store, from: Some(from), commit: git::head(&folder.disk.cwd) }
    }

    /// Takes the state over, unless another process has done so meanwhile.
    fn take_over(&mut self, from: &TerraformFile) -> Result<(), StateError> {
        let io = |source: std::io::Error| StateError::Io {
            location: from.path.display().to_string(),
            source: Box::new(source),
        };
        let snapshot = self.store.snapshot()?;
        if snapshot.serial > 0 {
            return Ok(());
        }
        from.unchanged().map_err(io)?;
        private::write(&kept(&from.path), from.text.as_bytes()).map_err(io)?;
        let writes = taking(&from.imported, &snapshot, self.commit.clone())
            .map_err(|e| io(std::io::Error::other(e)))?;
        match self.store.commit(&writes) {
            Ok(()) => private::write(&from.path, from.marker.as_bytes()).map_err(io),
            Err(StateError::Superseded { .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

/// What stores a state of Terraform's in an empty one of ours, in one commit.
fn taking(imported: &Imported, into: &Snapshot, commit: Option<String>) -> Result<Vec<Write>, EditError> {
    let at = clock::now();
    let id = RunId(uuid::Uuid::new_v4().to_string().into());
    let run = Run {
        id: id.clone(),
        kind: RunKind::Import,
        who: who(),
        commit,
        plan_digest: None,
        started: at,
        finished: Some(at),
        status: RunStatus::Done,
        calls: 0,
    };
    let mut writes = vec![Write::StartRun(run), by_command(&id)];
    writes.extend(edit::import(into, imported)?.with_history(&id, at));
    Ok(writes)
}

impl TerraformFile {
    /// An error if somebody has written it since it was read, or may be about to.
    fn unchanged(&self) -> std::io::Result<()> {
        let lock = self.path.with_file_name(format!(".{}.lock.info", name(&self.path)));
        if lock.exists() {
            return Err(std::io::Error::other(format!(
                "Terraform is at work on it: it has left {}. Wait for it; if no Terraform runs, remove that file",
                lock.display()
            )));
        }
        if std::fs::read(&self.path)? != self.text.as_bytes() {
            return Err(std::io::Error::other("it has changed since it was read; plan again"));
        }
        Ok(())
    }
}

impl Store for Starting {
    fn location(&self) -> &str {
        self.store.location()
    }

    fn snapshot(&mut self) -> Result<Snapshot, StateError> {
        let stored = self.store.snapshot()?;
        match &self.from {
            Some(from) if stored.serial == 0 => {
                Ok(Snapshot { leases: stored.leases, intents: stored.intents, ..from.snapshot() })
            }
            _ => Ok(stored),
        }
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StateError> {
        if let Some(from) = self.from.take()
            && let Err(e) = self.take_over(&from)
        {
            self.from = Some(from);
            return Err(e);
        }
        if writes.is_empty() { Ok(()) } else { self.store.commit(writes) }
    }

    fn acquire(&mut self, leases: &[Lease], now: Timestamp) -> Result<(), StateError> {
        self.store.acquire(leases, now)
    }

    fn renew(&mut self, run: &RunId, expires: Timestamp) -> Result<(), StateError> {
        self.store.renew(run, expires)
    }

    fn release(&mut self, run: &RunId) -> Result<(), StateError> {
        self.store.release(run)
    }

    fn revoke(&mut self, run: &RunId) -> Result<(), StateError> {
        self.store.revoke(run)
    }

    fn history(&mut self, address: &str, limit: usize) -> Result<Vec<(Run, Change)>, StateError> {
        self.store.history(address, limit)
    }

    fn runs(&mut self, limit: usize) -> Result<Vec<Run>, StateError> {
        self.store.runs(limit)
    }

    fn changes(&mut self, run: &RunId) -> Result<Vec<Change>, StateError> {
        self.store.changes(run)
    }

    fn made_of(&mut self, run: &RunId) -> Result<Option<Arc<str>>, StateError> {
        self.store.made_of(run)
    }

    fn observations(&mut self) -> Result<Vec<Observation>, StateError> {
        self.store.observations()
    }

    fn audit(&mut self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StateError> {
        self.store.audit(after, limit)
    }

    fn audit_head(&mut self) -> Result<AuditHead, StateError> {
        self.store.audit_head()
    }

    fn whole(&mut self) -> Result<Whole, StateError> {
        let stored = self.store.whole()?;
        match &self.from {
            Some(from) if stored.is_empty() => {
                Ok(Whole::new(from.snapshot(), vec![], vec![], vec![], vec![], vec![]))
            }
            _ => Ok(stored),
        }
    }
}

//! A state on a server: in PostgreSQL, in a bucket, behind GitLab's protocol. Which one it is, nobody else has to know.

use std::collections::BTreeSet;

use anyhow::Context as _;
use pilotis_state::whole::Whole;
use pilotis_state::{StateError, Store};
use pilotis_state_document::{Document, DocumentStore, is_terraform, left_to_terraform};
use pilotis_state_encryption::Keyring;
use pilotis_state_http::HttpDocument;
use pilotis_state_postgres::PostgresStore;
use pilotis_state_s3::S3Document;
use {pilotis_state_http as http, pilotis_state_postgres as postgres, pilotis_state_s3 as s3};

use crate::folder::Folder;
use crate::kept::KeptFile;
use crate::place::encrypted;
use crate::replacement::Replacement;
use crate::takeover::remote as takeover;

/// Where a state is, and who asks for it.
#[derive(Clone, Debug)]
pub(crate) enum Remote {
    /// A workspace of a schema.
    Postgres(Box<postgres::Options>),
    /// Versions of an object.
    S3(Box<s3::Options>),
    /// A document behind GitLab's protocol, which knows no workspaces.
    Http(Box<http::Options>),
}

impl Remote {
    /// For messages, without credentials: it says when two settings mean the same place.
    pub(crate) fn location(&self) -> anyhow::Result<String> {
        match self {
            Remote::Postgres(options) => postgres::location(options).context("backend \"pg\""),
            Remote::S3(options) => s3::location(options).context("backend \"s3\""),
            Remote::Http(options) => Ok(http::location(options)),
        }
    }

    /// The workspaces that have a state, but for those that a backend has without naming it.
    pub(crate) fn workspaces(&self) -> anyhow::Result<BTreeSet<String>> {
        Ok(match self {
            Remote::Postgres(options) => PostgresStore::workspaces(options)?.into_iter().collect(),
            Remote::S3(options) => s3::workspaces(options)?.into_iter().collect(),
            Remote::Http(_) => BTreeSet::new(),
        })
    }

    /// Opens the state, and makes it if there is none. Where Terraform has one, it begins with that, and a note says so.
    pub(crate) fn open(
        &self,
        keys: &Keyring,
        folder: &Folder,
    ) -> anyhow::Result<(Box<dyn Store>, Option<String>)> {
        let opened = match self {
            Remote::Postgres(options) => {
                return Ok((Box::new(encrypted(PostgresStore::open(options)?, keys)), None));
            }
            Remote::S3(options) => in_bucket(options, keys, folder)?,
            Remote::Http(options) => over_http(options, keys, folder)?,
        };
        Ok((opened.store, opened.note))
    }

    /// Opens the state if there is one, of ours or of Terraform's.
    pub(crate) fn open_existing(
        &self,
        keys: &Keyring,
        folder: &Folder,
    ) -> anyhow::Result<Option<Box<dyn Store>>> {
        let opened = match self {
            Remote::Postgres(_) => return Ok(self.ours(keys)?),
            Remote::S3(options) => in_bucket(options, keys, folder)?,
            Remote::Http(options) => over_http(options, keys, folder)?,
        };
        Ok(opened.is_there.then_some(opened.store))
    }

    /// Opens the state of ours, if there is one.
    pub(crate) fn ours(&self, keys: &Keyring) -> Result<Option<Box<dyn Store>>, StateError> {
        fn boxed<S: Store + 'static>(store: Option<S>, keys: &Keyring) -> Option<Box<dyn Store>> {
            store.map(|store| Box::new(encrypted(store, keys)) as Box<dyn Store>)
        }
        Ok(match self {
            Remote::Postgres(options) => boxed(PostgresStore::open_existing(options)?, keys),
            Remote::S3(options) => boxed(DocumentStore::open_existing(S3Document::new(options)?)?, keys),
            Remote::Http(options) => boxed(DocumentStore::open_existing(HttpDocument::new(options)?)?, keys),
        })
    }

    /// Opens the state of ours, and makes it if there is none. A place where Terraform has one is refused.
    pub(crate) fn make(&self, keys: &Keyring) -> Result<Box<dyn Store>, StateError> {
        Ok(match self {
            Remote::Postgres(options) => Box::new(encrypted(PostgresStore::open(options)?, keys)),
            Remote::S3(options) => {
                let mut document = S3Document::new(options)?;
                if document.terraform_state()?.is_some() {
                    return Err(left_to_terraform(document.location()));
                }
                Box::new(encrypted(DocumentStore::open(document)?, keys))
            }
            Remote::Http(options) => {
                Box::new(encrypted(DocumentStore::open(HttpDocument::new(options)?)?, keys))
            }
        })
    }

    /// The text of a state of Terraform's that is there in place of one of ours.
    pub(crate) fn terraform(&self) -> Result<Option<String>, StateError> {
        match self {
            Remote::Postgres(_) => Ok(None),
            Remote::S3(options) => Ok(S3Document::new(options)?.terraform_state()?.map(|found| found.text)),
            Remote::Http(options) => {
                let stored = HttpDocument::new(options)?.read()?.filter(|s| is_terraform(&s.text));
                Ok(stored.and_then(|stored| String::from_utf8(stored.text).ok()))
            }
        }
    }

    /// Removes the state.
    pub(crate) fn delete(&self) -> anyhow::Result<()> {
        match self {
            Remote::Postgres(options) => match PostgresStore::open_existing(options)? {
                Some(store) => Ok(store.delete()?),
                None => Ok(()),
            },
            Remote::S3(options) => Ok(S3Document::new(options)?.remove()?),
            Remote::Http(options) => Ok(HttpDocument::new(options)?.remove()?),
        }
    }

    /// Writes a state in the place of the one that is there, which is kept; says where. `there` is what that one was when it was read under
    /// the lease of this run; none if it can't be read.
    pub(crate) fn replace(
        &self,
        with: &Replacement<'_>,
        there: Option<&Whole>,
        keys: &Keyring,
        folder: &Folder,
    ) -> anyhow::Result<String> {
        match self {
            Remote::Postgres(options) => {
                let name = renamed(options, with.why)?;
                with.write(&mut *self.make(keys)?)?;
                Ok(format!("workspace {name}"))
            }
            Remote::S3(options) => {
                let mut keeping = S3Document::new(options)?;
                let document = S3Document::new(options)?;
                let kept = with.write_over(document, there, keys, |_| {
                    let kept = keeping.keep(with.why)?;
                    kept.with_context(|| format!("{} is gone meanwhile", keeping.location()))
                })?;
                if with.forgets {
                    keeping.forget_older()?;
                }
                Ok(kept)
            }
            Remote::Http(options) => with.write_over(HttpDocument::new(options)?, there, keys, |stored| {
                let file = KeptFile::of(options, with.why, &stored.text, folder);
                file.write()?;
                Ok(format!("{} in this folder", file.name))
            }),
        }
    }
}

/// A document that was opened.
struct Opened {
    store: Box<dyn Store>,
    /// What a person should know of what it begins with.
    note: Option<String>,
    /// There is something: one of ours, or of Terraform's.
    is_there: bool,
}

impl Opened {
    fn ours<D: Document + 'static>(store: DocumentStore<D>, keys: &Keyring) -> Opened {
        let is_there = !store.is_empty();
        Opened { store: Box::new(encrypted(store, keys)), note: None, is_there }
    }

    fn terraforms((store, note): takeover::Begun) -> Opened {
        Opened { store, note: Some(note), is_there: true }
    }
}

fn in_bucket(options: &s3::Options, keys: &Keyring, folder: &Folder) -> anyhow::Result<Opened> {
    let mut document = S3Document::new(options)?;
    Ok(match document.terraform_state()? {
        Some(found) => Opened::terraforms(takeover::in_bucket(document, found, keys, folder)?),
        None => Opened::ours(DocumentStore::open(document)?, keys),
    })
}

fn over_http(options: &http::Options, keys: &Keyring, folder: &Folder) -> anyhow::Result<Opened> {
    let mut document = HttpDocument::new(options)?;
    Ok(match document.read()? {
        Some(found) if is_terraform(&found.text) => {
            Opened::terraforms(takeover::over_http(document, options, &found, keys, folder)?)
        }
        found => Opened::ours(DocumentStore::open_read(document, found)?, keys),
    })
}

/// Puts a workspace of PostgreSQL aside under another name, made of why.
fn renamed(options: &postgres::Options, why: &str) -> anyhow::Result<String> {
    let taken = PostgresStore::workspaces(options)?;
    let name = crate::place::aside(&options.workspace, why, |name| taken.iter().any(|t| t == name));
    if let Some(store) = PostgresStore::open_existing(options)? {
        store.rename(&name)?;
    }
    Ok(name)
}

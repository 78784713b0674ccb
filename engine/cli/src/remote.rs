//! A state on a server: in PostgreSQL, in a bucket, behind GitLab's protocol. Which one it is, nobody else has to know.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use pilotis_state::{StateError, Store};
use pilotis_state_document::{Document as _, DocumentStore, is_terraform, left_to_terraform};
use pilotis_state_encryption::Keyring;
use pilotis_state_http::HttpDocument;
use pilotis_state_postgres::PostgresStore;
use pilotis_state_s3::S3Document;
use {pilotis_state_http as http, pilotis_state_postgres as postgres, pilotis_state_s3 as s3};

use crate::place::encrypted;

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

    /// Opens the state, and makes it if there is none.
    pub(crate) fn open(&self, keys: &Keyring) -> Result<Box<dyn Store>, StateError> {
        Ok(match self {
            Remote::Postgres(options) => Box::new(encrypted(PostgresStore::open(options)?, keys)),
            Remote::S3(options) => Box::new(encrypted(in_bucket(options)?, keys)),
            Remote::Http(options) => {
                Box::new(encrypted(DocumentStore::open(HttpDocument::new(options)?)?, keys))
            }
        })
    }

    /// Opens the state if there is one.
    pub(crate) fn open_existing(&self, keys: &Keyring) -> Result<Option<Box<dyn Store>>, StateError> {
        fn boxed<S: Store + 'static>(store: Option<S>, keys: &Keyring) -> Option<Box<dyn Store>> {
            store.map(|store| Box::new(encrypted(store, keys)) as Box<dyn Store>)
        }
        Ok(match self {
            Remote::Postgres(options) => boxed(PostgresStore::open_existing(options)?, keys),
            Remote::S3(options) => boxed(Some(in_bucket(options)?).filter(|s| !s.is_empty()), keys),
            Remote::Http(options) => boxed(DocumentStore::open_existing(HttpDocument::new(options)?)?, keys),
        })
    }

    /// The text of a state of Terraform's that is there in place of one of ours.
    pub(crate) fn terraform(&self) -> Result<Option<String>, StateError> {
        match self {
            Remote::Postgres(_) => Ok(None),
            Remote::S3(options) => beside(&mut S3Document::new(options)?),
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

    /// Puts the state aside under another name, made of why; says which.
    pub(crate) fn put_aside(&self, why: &str) -> anyhow::Result<String> {
        let Remote::Postgres(options) = self else {
            bail!(
                "what is in {} can't be put aside: it would have to be removed. Copy it into files first (`pilotis init -migrate-state` with \
                 backend \"local\"), go on there, and copy it back to where nothing is",
                self.location()?
            );
        };
        let taken = PostgresStore::workspaces(options)?;
        let name = crate::place::aside(&options.workspace, why, |name| taken.iter().any(|t| t == name));
        if let Some(store) = PostgresStore::open_existing(options)? {
            store.rename(&name)?;
        }
        Ok(format!("workspace {name}"))
    }
}

/// Opens a state in a bucket. Terraform's object is beside ours, so that both could be there: nobody begins anew what it has.
fn in_bucket(options: &s3::Options) -> Result<DocumentStore<S3Document>, StateError> {
    let mut document = S3Document::new(options)?;
    match beside(&mut document)? {
        Some(_) => Err(left_to_terraform(document.location())),
        None => DocumentStore::open(document),
    }
}

/// What Terraform has in a bucket where nothing of ours is.
fn beside(document: &mut S3Document) -> Result<Option<String>, StateError> {
    if document.read()?.is_some() {
        return Ok(None);
    }
    Ok(document.terraform_state()?.filter(|text| is_terraform(text.as_bytes())))
}

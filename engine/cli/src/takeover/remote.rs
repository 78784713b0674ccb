//! Terraform's state on a server: a state of ours begins with it, in memory, and is one version of a document that the first change writes.
//! Before that, what is there is kept.

use pilotis_state::terraform::{self, ImportError};
use pilotis_state::{MemoryStore, Store};
use pilotis_state_document::{Before, Document, DocumentStore, Stored};
use pilotis_state_encryption::{EncryptedStore, Keyring};
use pilotis_state_http::{HttpDocument, Options};
use pilotis_state_s3::{S3Document, TerraformState};

use super::{mark, taking, understood};
use crate::folder::Folder;
use crate::git;
use crate::kept::KeptFile;
use crate::place::encrypted;
use crate::session::who;

/// A state that begins with Terraform's, and what a person should know of it.
pub(crate) type Begun = (Box<dyn Store>, String);

/// A state in a bucket.
pub(crate) fn in_bucket(
    document: S3Document,
    found: TerraformState,
    keys: &Keyring,
    folder: &Folder,
) -> anyhow::Result<Begun> {
    let TerraformState { text, kept } = found;
    let location = document.location().to_owned();
    let (state, said) = begun(&text, &location, &kept, keys, folder)?;
    let mark = mark(&location, &kept);
    let before: Before<S3Document> =
        Box::new(move |document: &mut S3Document| document.take_over(&text, &mark, &who()));
    Ok((Box::new(encrypted(DocumentStore::beginning(document, None, state, before), keys)), said))
}

/// A state behind GitLab's protocol. The version that begins it replaces Terraform's, and Terraform refuses that one.
pub(crate) fn over_http(
    document: HttpDocument,
    options: &Options,
    found: &Stored,
    keys: &Keyring,
    folder: &Folder,
) -> anyhow::Result<Begun> {
    let file = KeptFile::of(options, "taken-over", &found.text, folder);
    let text = String::from_utf8_lossy(&found.text);
    let (state, said) = begun(&text, document.location(), &file.name, keys, folder)?;
    let before: Before<HttpDocument> = Box::new(move |_: &mut HttpDocument| file.write());
    Ok((Box::new(encrypted(DocumentStore::beginning(document, Some(found), state, before), keys)), said))
}

/// What a state holds that begins with a text of Terraform's, encrypted as ours is to be.
fn begun(
    text: &str,
    location: &str,
    kept: &str,
    keys: &Keyring,
    folder: &Folder,
) -> anyhow::Result<(MemoryStore, String)> {
    let why = |e: ImportError| {
        anyhow::Error::new(e).context(format!("Error reading the Terraform state in {location}"))
    };
    let imported = understood(text, folder).map_err(why)?;
    let state = MemoryStore::default();
    let mut sealed = EncryptedStore::new(state.clone(), keys.clone());
    let into = sealed.snapshot()?;
    sealed.commit(&taking(&imported, &into, git::head(&folder.disk.cwd))?)?;
    let objects = imported.resources.len();
    let note = format!(
        "Note: the state starts from Terraform's in {location} ({objects} object{}, serial {}).\nThe first change takes it over, and keeps what is there as {kept}.\n\n",
        if objects == 1 { "" } else { "s" },
        imported.serial,
    );
    Ok((state, note))
}

/// The outputs of a text of Terraform's.
pub(crate) fn outputs(text: &str) -> Result<Vec<pilotis_state::OutputRecord>, String> {
    terraform::import(text).map(|imported| imported.outputs).map_err(|e| e.to_string())
}

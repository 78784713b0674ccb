//! A document as objects: each version one of its own, created once and never replaced.
//!
//! Version 42 is the object `KEY.pilotis/00000000000000000042`. The newest is the one with the highest number. A new one is created with
//! `If-None-Match: *` under the number after the one that it follows: that is the fence, and of two writers one is refused.
//!
//! **Old versions are removed**, and so a number may be free again: whoever has slept through more than [`KEEP`] versions could create one
//! anew, and believe it the newest. It can't harm, since the newest version is never removed, so that what is created late is below it and
//! nobody reads it. And it is noticed: after each creation the versions are listed. If none is above, ours was the newest. If some are, it
//! was so if the version before is still the one that was read: versions are removed in order, each after the one before, so a number
//! whose predecessor was never removed wasn't removed either. Else it can't be told, which is an error: the store looks.
//!
//! **A state that is removed** gets an empty version on top of all others, which are removed then. It remains, so that numbers go on: who
//! still has a version of before can't write after it. A state that begins does so on an empty version 0, with which a server has to prove
//! that it refuses to create what is there.
//!
//! **A creation whose answer was lost** may find its own object on the next try. So each carries a mark of its own (`writer`, metadata of
//! the object), and who is refused looks whose it is.

use futures::TryStreamExt as _;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode,
    PutOptions, PutPayload,
};
use pilotis_state_document::{Stored, Tag};
use uuid::Uuid;

use crate::S3Error;
use crate::place::Place;

/// How many versions are kept: for who reads one while others write, and for a person who wants one back.
const KEEP: u64 = 20;
/// What is read at most.
pub(crate) const LIMIT: u64 = crate::bounded::DOCUMENT as u64;
/// How often it is listed again because others were faster.
const TRIES: usize = 10;
const MARK: &str = "writer";

/// The versions of one document, and what is known of them.
#[derive(Debug)]
pub(crate) struct Versions {
    bucket: String,
    folder: Path,
    known: Option<Known>,
}

/// The newest version that was seen.
struct Known {
    number: u64,
    e_tag: Option<String>,
    text: Vec<u8>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Known").field(&self.number).finish()
    }
}

/// A version in a listing.
struct Listed {
    number: u64,
    meta: ObjectMeta,
}

/// What became of a creation.
enum Created {
    /// It is ours; its ETag.
    Ours(Option<String>),
    /// Somebody else's is there.
    Theirs,
}

impl Versions {
    pub(crate) fn new(place: &Place) -> Result<Versions, S3Error> {
        Ok(Versions { bucket: place.bucket.clone(), folder: path(&place.folder())?, known: None })
    }

    pub(crate) async fn read(&mut self, client: &AmazonS3) -> Result<Option<Stored>, S3Error> {
        for _ in 0..TRIES {
            let Some(newest) = self.newest(client).await?.filter(|v| v.meta.size > 0) else {
                self.known = None;
                return Ok(None);
            };
            let same = |k: &&Known| k.number == newest.number && k.e_tag == newest.meta.e_tag;
            if let Some(known) = self.known.as_ref().filter(same) {
                return Ok(Some(known.stored()));
            }
            if let Some(known) = self.get(client, newest.number).await? {
                let stored = known.stored();
                self.known = Some(known);
                return Ok(Some(stored));
            }
            // Removed since: there are newer ones.
        }
        Err(S3Error::Restless)
    }

    pub(crate) async fn replace(
        &mut self,
        client: &AmazonS3,
        text: Vec<u8>,
        after: Option<&Tag>,
    ) -> Result<Option<Tag>, S3Error> {
        let before = match after {
            Some(tag) => {
                let number = number(&tag.0).ok_or_else(|| S3Error::Tag(tag.0.clone()))?;
                let known = self.known.as_ref().filter(|k| k.number == number);
                (number, known.and_then(|k| k.e_tag.clone()))
            }
            None => match self.newest(client).await? {
                Some(newest) if newest.meta.size > 0 => return Ok(None),
                Some(newest) => (newest.number, None),
                None => {
                    self.prove(client).await?;
                    (0, None)
                }
            },
        };
        let number = before.0 + 1;
        let Created::Ours(e_tag) = self.create(client, number, text.clone()).await? else { return Ok(None) };
        self.known = Some(Known { number, e_tag, text });
        self.settle(client, number, before).await?;
        Ok(Some(Tag(name(number))))
    }

    pub(crate) async fn remove(&mut self, client: &AmazonS3) -> Result<(), S3Error> {
        self.known = None;
        for _ in 0..TRIES {
            let Some(newest) = self.newest(client).await? else { return Ok(()) };
            let last = if newest.meta.size == 0 {
                newest.number
            } else {
                match self.create(client, newest.number + 1, Vec::new()).await? {
                    Created::Ours(_) => newest.number + 1,
                    Created::Theirs => continue,
                }
            };
            let all = self.list(client, None).await?;
            for version in all.iter().filter(|v| v.number < last) {
                self.delete(client, version.number).await?;
            }
            return Ok(());
        }
        Err(S3Error::Restless)
    }

    /// Where nothing of ours is: whether something was, and was removed. None if there is something.
    pub(crate) async fn was_removed(&self, client: &AmazonS3) -> Result<Option<bool>, S3Error> {
        match self.newest(client).await? {
            Some(newest) if newest.meta.size > 0 => Ok(None),
            // Version 0 is what the server was tried with: whoever did that may have died before the first.
            found => Ok(Some(found.is_some_and(|newest| newest.number > 0))),
        }
    }

    /// Keeps the newest version apart from the others, under the name of its folder with `why` at its end; says under which key.
    pub(crate) async fn keep(&mut self, client: &AmazonS3, why: &str) -> Result<Option<String>, S3Error> {
        if self.read(client).await?.is_none() {
            return Ok(None);
        }
        let Some(Known { number, text, .. }) = &self.known else { return Ok(None) };
        let key = object(&path(&format!("{}.{why}", self.folder))?, *number);
        client.put(&key, PutPayload::from(text.clone())).await.map_err(|e| self.said(&e))?;
        Ok(Some(key.to_string()))
    }

    /// Removes all versions but the newest.
    pub(crate) async fn forget_older(&mut self, client: &AmazonS3) -> Result<(), S3Error> {
        let mut all = self.list(client, None).await?;
        all.pop();
        for version in all {
            self.delete(client, version.number).await?;
        }
        Ok(())
    }

    /// The newest version, which may be an empty one.
    async fn newest(&self, client: &AmazonS3) -> Result<Option<Listed>, S3Error> {
        if let Some(before) = self.known.as_ref().and_then(|k| k.number.checked_sub(1)) {
            let newest = self.list(client, Some(before)).await?.pop();
            if newest.is_some() {
                return Ok(newest);
            }
            // Somebody removed by hand what we know.
        }
        Ok(self.list(client, None).await?.pop())
    }

    /// The versions after one, or all of them, in order.
    async fn list(&self, client: &AmazonS3, after: Option<u64>) -> Result<Vec<Listed>, S3Error> {
        list(client, &self.folder, after).await.map_err(|e| self.said(&e))
    }

    async fn get(&self, client: &AmazonS3, number: u64) -> Result<Option<Known>, S3Error> {
        let found = match client.get(&self.object(number)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.said(&error)),
        };
        let (size, e_tag) = (found.meta.size, found.meta.e_tag.clone());
        if size > LIMIT {
            return Err(S3Error::TooLarge { number, size, limit: LIMIT });
        }
        let text = found.bytes().await.map_err(|e| self.said(&e))?.to_vec();
        Ok(Some(Known { number, e_tag, text }))
    }

    /// Creates a version, and finds out whose it is if that isn't sure.
    async fn create(&self, client: &AmazonS3, number: u64, text: Vec<u8>) -> Result<Created, S3Error> {
        let mark = Uuid::new_v4().to_string();
        let object = self.object(number);
        let failed = match client.put_opts(&object, PutPayload::from(text), creation(&mark)).await {
            Ok(done) => return Ok(Created::Ours(done.e_tag)),
            Err(error) => error,
        };
        if not_implemented(&failed) {
            return Err(S3Error::Unconditional);
        }
        let head = GetOptions { head: true, ..GetOptions::default() };
        match client.get_opts(&object, head).await {
            Ok(there) => {
                let writer = there.attributes.get(&Attribute::Metadata(MARK.into()));
                let ours = writer.is_some_and(|w| w.as_ref() == mark);
                Ok(if ours { Created::Ours(there.meta.e_tag) } else { Created::Theirs })
            }
            // Refused although it isn't there: removed since, or the server was busy with another creation.
            Err(Error::NotFound { .. }) if matches!(failed, Error::AlreadyExists { .. }) => {
                let above = self.list(client, Some(number)).await?;
                if above.is_empty() { Err(S3Error::Restless) } else { Ok(Created::Theirs) }
            }
            Err(_) => Err(self.said(&failed)),
        }
    }

    /// After a creation: was it the newest? Then what is old is removed.
    async fn settle(
        &self,
        client: &AmazonS3,
        number: u64,
        (before, e_tag): (u64, Option<String>),
    ) -> Result<(), S3Error> {
        let all = self.list(client, None).await?;
        let above = all.iter().filter(|v| v.number > number).count();
        let predecessor = all.iter().find(|v| v.number == before);
        let followed = e_tag.is_some() && predecessor.is_some_and(|v| v.meta.e_tag == e_tag);
        if above > 0 && !followed {
            return Err(S3Error::Overtaken { number, written: above as u64 });
        }
        for old in all.iter().filter(|v| v.number + KEEP <= number) {
            // In order, and none after one that couldn't be: what remains is removed by who writes next.
            if let Err(error) = self.delete(client, old.number).await {
                tracing::warn!(version = old.number, %error, "an old version of the state remains");
                break;
            }
        }
        Ok(())
    }

    /// Makes the server prove, before a state begins, that it refuses to create what is there.
    async fn prove(&self, client: &AmazonS3) -> Result<(), S3Error> {
        // Somebody else's will do as well.
        self.create(client, 0, Vec::new()).await?;
        let again = Uuid::new_v4().to_string();
        match client.put_opts(&self.object(0), PutPayload::default(), creation(&again)).await {
            Err(Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(self.said(&error)),
            Ok(_) => {
                if let Err(error) = self.delete(client, 0).await {
                    tracing::warn!(%error, "the empty object that the server was tried with remains");
                }
                Err(S3Error::Unconditional)
            }
        }
    }

    async fn delete(&self, client: &AmazonS3, number: u64) -> Result<(), S3Error> {
        match client.delete(&self.object(number)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.said(&error)),
        }
    }

    fn object(&self, number: u64) -> Path {
        object(&self.folder, number)
    }

    fn said(&self, error: &Error) -> S3Error {
        S3Error::from_client(error, &self.bucket)
    }
}

impl Known {
    fn stored(&self) -> Stored {
        Stored { text: self.text.clone(), tag: Tag(name(self.number)) }
    }
}

/// The workspaces that have a state, of ours or one of Terraform's that was not taken over.
pub(crate) async fn workspaces(client: &AmazonS3, place: &Place) -> Result<Vec<String>, S3Error> {
    let said = |e: Error| S3Error::from_client(&e, &place.bucket);
    let has_state = async |key: String, folder: String| {
        let versions = list(client, &path(&folder)?, None).await.map_err(said)?;
        if let Some(newest) = versions.last() {
            return Ok(newest.meta.size > 0);
        }
        match client.head(&path(&key)?).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(said(error)),
        }
    };
    let mut found = Vec::new();
    if has_state(place.default_key.clone(), place.default_folder()).await? {
        found.push("default".to_owned());
    }
    let folders =
        client.list_with_delimiter(Some(&path(&place.workspace_key_prefix)?)).await.map_err(said)?;
    for name in folders.common_prefixes.iter().filter_map(Path::filename) {
        if has_state(place.key_of(name), place.folder_of(name)).await? {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

async fn list(client: &AmazonS3, folder: &Path, after: Option<u64>) -> Result<Vec<Listed>, Error> {
    let objects = match after {
        Some(after) => client.list_with_offset(Some(folder), &object(folder, after)),
        None => client.list(Some(folder)),
    };
    let mut versions: Vec<Listed> = objects
        .try_filter_map(async |meta| {
            // What a person puts beside them is no version.
            let rest = meta.location.prefix_match(folder).into_iter().flatten();
            let names: Vec<_> = rest.map(|part| part.as_ref().to_owned()).collect();
            let [name] = names.as_slice() else { return Ok(None) };
            Ok(number(name).map(|number| Listed { number, meta }))
        })
        .try_collect()
        .await?;
    versions.sort_by_key(|v| v.number);
    Ok(versions)
}

pub(crate) fn creation(mark: &str) -> PutOptions {
    let attributes = Attributes::from_iter([
        (Attribute::ContentType, "application/json".to_owned()),
        (Attribute::Metadata(MARK.into()), mark.to_owned()),
    ]);
    PutOptions { mode: PutMode::Create, attributes, ..PutOptions::default() }
}

pub(crate) fn not_implemented(error: &Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if text.contains("<Code>NotImplemented</Code>") || text.contains("501 Not Implemented") {
            return true;
        }
        source = cause.source();
    }
    false
}

pub(crate) fn path(text: &str) -> Result<Path, S3Error> {
    Path::parse(text).map_err(|_| S3Error::Name { what: "key", name: text.to_owned() })
}

fn object(folder: &Path, number: u64) -> Path {
    folder.clone().join(name(number))
}

/// Of one length, so that servers list them in order.
fn name(number: u64) -> String {
    format!("{number:020}")
}

fn number(name: &str) -> Option<u64> {
    let digits = name.len() == 20 && name.bytes().all(|b| b.is_ascii_digit());
    if digits { name.parse().ok() } else { None }
}

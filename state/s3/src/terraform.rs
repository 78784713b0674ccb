//! Terraform's own object in the same place, and how it is taken over: so that Terraform never goes on from what is ours by then.
//!
//! Terraform's object is at the key itself. Before our first version is created, Terraform's lock is taken (`KEY.tflock`, as Terraform 1.10
//! and later does it with `use_lockfile`), the object is copied to `KEY.taken-over`, and a text that Terraform refuses takes its place, if
//! nobody has changed it since it was read (`If-Match`). Our first version is what commits: of several processes one creates it. Then the
//! lock is removed.
//!
//! Whoever is killed in between has lost nothing. The lock says whose it is: as long as it is there, the copy is what a state begins with,
//! and the next process goes on from there. Without it, a text that says "taken over" where nothing of ours is means that ours was lost.
//!
//! Terraform's lock: <https://developer.hashicorp.com/terraform/language/backend/s3#state-locking>. `If-Match`:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>

use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{
    Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use pilotis_state_document::{is_terraform, was_taken_over};
use serde::{Deserialize, Serialize};

use crate::S3Error;
use crate::versions::{LIMIT, creation, not_implemented, path};

/// What Terraform has in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerraformState {
    /// Its text.
    pub text: String,
    /// Under which key it is kept once it is taken over.
    pub kept: String,
}

/// A state of Terraform's that is being taken over.
#[derive(Debug)]
pub(crate) struct Object {
    bucket: String,
    key: Path,
    kept: Path,
    lock: Path,
}

/// What stands at Terraform's key.
struct Found {
    text: Vec<u8>,
    e_tag: Option<String>,
}

/// A lock as Terraform writes it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct LockInfo {
    #[serde(rename = "ID")]
    id: String,
    operation: String,
    info: String,
    who: String,
    version: String,
    created: String,
    path: String,
}

/// Says that a lock is one of a takeover.
const OPERATION: &str = "pilotis takes the state over";

impl Object {
    pub(crate) fn new(bucket: &str, key: &str) -> Result<Object, S3Error> {
        let beside = |suffix: &str| path(&format!("{key}{suffix}"));
        Ok(Object {
            bucket: bucket.to_owned(),
            key: path(key)?,
            kept: beside(".taken-over")?,
            lock: beside(".tflock")?,
        })
    }

    /// What a state begins with where nothing of ours is. `removed`: a state of ours was there, and was removed.
    pub(crate) async fn state(
        &self,
        client: &AmazonS3,
        removed: bool,
    ) -> Result<Option<TerraformState>, S3Error> {
        let Some(found) = self.get(client, &self.key).await? else { return Ok(None) };
        if is_terraform(&found.text) {
            return Ok(Some(self.terraform(&found.text)));
        }
        if removed || !was_taken_over(&found.text) {
            return Ok(None);
        }
        let begun = self.lock(client).await?.is_some_and(|info| info.operation == OPERATION);
        match self.get(client, &self.kept).await? {
            Some(kept) if begun => Ok(Some(self.terraform(&kept.text))),
            _ => Err(S3Error::Lost { key: self.key.to_string(), kept: self.kept.to_string() }),
        }
    }

    fn terraform(&self, text: &[u8]) -> TerraformState {
        TerraformState { text: String::from_utf8_lossy(text).into_owned(), kept: self.kept.to_string() }
    }

    /// Locks it, keeps it and marks it, so that a state of ours can begin with `text`, which was read from it. It may be done again.
    pub(crate) async fn take_over(
        &self,
        client: &AmazonS3,
        text: &str,
        mark: &str,
        who: &str,
    ) -> Result<(), S3Error> {
        let locked = self.take_lock(client, who).await?;
        let marked = self.keep_and_mark(client, text, mark).await;
        if let (Err(S3Error::Changed { .. }), true) = (&marked, locked) {
            self.unlock(client).await?;
        }
        marked
    }

    async fn keep_and_mark(&self, client: &AmazonS3, text: &str, mark: &str) -> Result<(), S3Error> {
        let changed = || S3Error::Changed { key: self.key.to_string() };
        let found = self.get(client, &self.key).await?.ok_or_else(changed)?;
        if was_taken_over(&found.text) {
            // Another process is about to do the same, or has died at it.
            let kept = self.get(client, &self.kept).await?;
            return if kept.is_some_and(|kept| kept.text == text.as_bytes()) {
                Ok(())
            } else {
                Err(changed())
            };
        }
        if found.text != text.as_bytes() {
            return Err(changed());
        }
        client.put(&self.kept, PutPayload::from(found.text)).await.map_err(|e| self.said(&e))?;
        let payload = || PutPayload::from(mark.as_bytes().to_vec());
        let version = UpdateVersion { e_tag: found.e_tag, version: None };
        let options = PutOptions { mode: PutMode::Update(version), ..PutOptions::default() };
        match client.put_opts(&self.key, payload(), options).await {
            Ok(_) => Ok(()),
            Err(Error::Precondition { .. }) => Err(changed()),
            // A server that can only create on a condition: Terraform's lock, which is held, keeps others away.
            Err(error) if not_implemented(&error) => {
                client.put(&self.key, payload()).await.map(drop).map_err(|e| self.said(&e))
            }
            Err(error) => Err(self.said(&error)),
        }
    }

    /// Takes Terraform's lock; false if another takeover has it.
    async fn take_lock(&self, client: &AmazonS3, who: &str) -> Result<bool, S3Error> {
        let info = LockInfo {
            id: uuid::Uuid::new_v4().to_string(),
            operation: OPERATION.to_owned(),
            who: who.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            created: jiff::Timestamp::now().to_string(),
            path: format!("{}/{}", self.bucket, self.key),
            ..LockInfo::default()
        };
        let text = serde_json::to_vec(&info).unwrap_or_default();
        let refused = match client.put_opts(&self.lock, PutPayload::from(text), creation(&info.id)).await {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        match self.lock(client).await? {
            Some(theirs) if theirs.id == info.id => Ok(true),
            Some(theirs) if theirs.operation == OPERATION => Ok(false),
            Some(theirs) => Err(S3Error::TerraformAtWork {
                lock: self.lock.to_string(),
                id: theirs.id,
                who: if theirs.who.is_empty() { "somebody".to_owned() } else { theirs.who },
                since: theirs.created,
            }),
            None => Err(self.said(&refused)),
        }
    }

    /// Whose Terraform's lock is, if somebody has it.
    async fn lock(&self, client: &AmazonS3) -> Result<Option<LockInfo>, S3Error> {
        let found = self.get(client, &self.lock).await?;
        Ok(found.map(|found| serde_json::from_slice(&found.text).unwrap_or_default()))
    }

    pub(crate) async fn unlock(&self, client: &AmazonS3) -> Result<(), S3Error> {
        match client.delete(&self.lock).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.said(&error)),
        }
    }

    async fn get(&self, client: &AmazonS3, key: &Path) -> Result<Option<Found>, S3Error> {
        let found = match client.get(key).await {
            Ok(found) => found,
            Err(Error::NotFound { source, .. }) if !source.to_string().contains("NoSuchBucket") => {
                return Ok(None);
            }
            Err(error) => return Err(self.said(&error)),
        };
        if found.meta.size > LIMIT {
            return Err(S3Error::TooLarge { number: 0, size: found.meta.size, limit: LIMIT });
        }
        let e_tag = found.meta.e_tag.clone();
        let text = found.bytes().await.map_err(|e| self.said(&e))?.to_vec();
        Ok(Some(Found { text, e_tag }))
    }

    fn said(&self, error: &Error) -> S3Error {
        S3Error::from_client(error, &self.bucket)
    }
}

//! The state as objects of a bucket: Amazon S3, and servers that speak its protocol.
//!
//! Here lives what knows that protocol, and how a document is kept in it ([`versions`]). What a document holds, its leases included, is
//! `state/document`'s.

mod bounded;
mod client;
mod credentials;
mod error;
mod place;
#[cfg(all(unix, feature = "server"))]
pub mod server;
mod terraform;
mod versions;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use pilotis_state::StateError;
use pilotis_state_document::{Document, Stored, Tag};
use secrecy::SecretString;

use client::Wire;
use place::Place;
use terraform::Object;
use versions::Versions;

pub use error::S3Error;
pub use terraform::TerraformState;

/// Where other workspaces than `default` are, if nothing else is said: as in Terraform's own backend.
pub const WORKSPACE_KEY_PREFIX: &str = "env:";

/// Where a state is, and who asks for it.
#[derive(Clone, Default)]
pub struct Options {
    /// The bucket. It must be there.
    pub bucket: String,
    /// The key of Terraform's object in the workspace `default`; ours are beside it.
    pub key: String,
    /// The region; else `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile's. Needed unless there is an endpoint.
    pub region: Option<String>,
    /// The server's URL; else `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or Amazon's.
    pub endpoint: Option<String>,
    /// The access key's id; else `AWS_ACCESS_KEY_ID`, or the profile's.
    pub access_key: Option<SecretString>,
    /// The access key's secret; else `AWS_SECRET_ACCESS_KEY`, or the profile's.
    pub secret_key: Option<SecretString>,
    /// The session's token; else `AWS_SESSION_TOKEN`, or the profile's.
    pub token: Option<SecretString>,
    /// The profile in the shared files; else `AWS_PROFILE`, or `default`. One that is named here comes before keys in the environment.
    pub profile: Option<String>,
    /// The bucket is in the URL's path, not in the host's name. Most servers other than Amazon's need it.
    pub use_path_style: bool,
    /// Where other workspaces than `default` are; [`WORKSPACE_KEY_PREFIX`] if it is empty.
    pub workspace_key_prefix: String,
    /// The workspace; `default` if it is empty.
    pub workspace: String,
    /// A file of certificates (PEM) that are trusted beside the machine's; else `AWS_CA_BUNDLE`.
    pub custom_ca_bundle: Option<PathBuf>,
    /// Certificates are not verified, and an endpoint with http:// is taken wherever it is.
    pub insecure: bool,
    /// The proxy for an endpoint with http://; else the environment's.
    pub http_proxy: Option<String>,
    /// The proxy for https; else the environment's.
    pub https_proxy: Option<String>,
    /// Hosts that are asked without those two proxies; else `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// Variables of the environment.
    pub environment: BTreeMap<String, String>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

/// The name of a state's place for messages, without credentials: it says when two settings mean the same place.
pub fn location(options: &Options) -> Result<String, S3Error> {
    Ok(Place::find(options)?.location)
}

/// The workspaces that have a state, of ours or one of Terraform's that was not taken over, in no order.
pub fn workspaces(options: &Options) -> Result<Vec<String>, StateError> {
    let (place, wire) = connect(options)?;
    wire.wait(versions::workspaces(&wire.client, &place)).map_err(|e| e.at(&place.location))
}

/// A state's document in a bucket.
#[derive(Debug)]
pub struct S3Document {
    wire: Wire,
    place: Place,
    versions: Versions,
    terraform: Object,
    /// Terraform's lock is held until the next version is there.
    takes_over: bool,
}

impl S3Document {
    /// Says where it is. Nothing is asked of the server yet.
    pub fn new(options: &Options) -> Result<S3Document, StateError> {
        let (place, wire) = connect(options)?;
        let versions = Versions::new(&place).map_err(|e| e.at(&place.location))?;
        let terraform = Object::new(&place.bucket, &place.key).map_err(|e| e.at(&place.location))?;
        Ok(S3Document { wire, place, versions, terraform, takes_over: false })
    }

    /// The state of Terraform's that one of ours begins with in this place; none where there is one of ours.
    pub fn terraform_state(&mut self) -> Result<Option<TerraformState>, StateError> {
        let S3Document { wire, place, versions, terraform, .. } = self;
        let state = async {
            match versions.was_removed(&wire.client).await? {
                Some(removed) => terraform.state(&wire.client, removed).await,
                None => Ok(None),
            }
        };
        wire.wait(state).map_err(|e| e.at(&place.location))
    }

    /// Makes sure that Terraform doesn't go on from `text`, which is its state in this place, while a state of ours begins with it: keeps it,
    /// and puts `mark`, a text that Terraform refuses, in its place. What is written next is the first version of ours. It may be done again
    /// if that fails. `who` does it, for Terraform's lock.
    pub fn take_over(&mut self, text: &str, mark: &str, who: &str) -> Result<(), StateError> {
        let S3Document { wire, place, terraform, .. } = self;
        let taken = wire.wait(terraform.take_over(&wire.client, text, mark, who));
        taken.map_err(|e| e.at(&place.location))?;
        self.takes_over = true;
        Ok(())
    }

    /// Keeps the newest version apart from the others, in a folder whose name ends with `why`; says where.
    pub fn keep(&mut self, why: &str) -> Result<Option<String>, StateError> {
        let S3Document { wire, place, versions, .. } = self;
        let key = wire.wait(versions.keep(&wire.client, why)).map_err(|e| e.at(&place.location))?;
        Ok(key.map(|key| format!("s3://{}/{key}", place.bucket)))
    }

    /// Removes all versions but the newest.
    pub fn forget_older(&mut self) -> Result<(), StateError> {
        let S3Document { wire, place, versions, .. } = self;
        wire.wait(versions.forget_older(&wire.client)).map_err(|e| e.at(&place.location))
    }
}

impl Document for S3Document {
    fn location(&self) -> &str {
        &self.place.location
    }

    fn read(&mut self) -> Result<Option<Stored>, StateError> {
        let S3Document { wire, place, versions, .. } = self;
        wire.wait(versions.read(&wire.client)).map_err(|e| e.at(&place.location))
    }

    fn replace(
        &mut self,
        text: Vec<u8>,
        _serial: u64,
        after: Option<&Tag>,
    ) -> Result<Option<Tag>, StateError> {
        let S3Document { wire, place, versions, terraform, takes_over } = self;
        let tag =
            wire.wait(versions.replace(&wire.client, text, after)).map_err(|e| e.at(&place.location))?;
        if std::mem::take(takes_over)
            && let Err(error) = wire.wait(terraform.unlock(&wire.client))
        {
            // It keeps Terraform away, which is to stay away anyway.
            tracing::warn!(%error, "Terraform's lock of what was taken over remains");
        }
        Ok(tag)
    }

    fn remove(&mut self) -> Result<(), StateError> {
        let S3Document { wire, place, versions, .. } = self;
        wire.wait(versions.remove(&wire.client)).map_err(|e| e.at(&place.location))
    }
}

fn connect(options: &Options) -> Result<(Place, Wire), StateError> {
    let place = Place::find(options).map_err(|e| e.at("backend \"s3\""))?;
    let wire = Wire::new(options, &place).map_err(|e| e.at(&place.location))?;
    Ok((place, wire))
}

//! Which bucket, which keys, which server: what the settings and the environment say together. No credentials.

use crate::credentials::Shared;
use crate::{Options, S3Error, WORKSPACE_KEY_PREFIX};

/// Beside the key, not below it: servers that keep objects as files can't have a file and a folder of one name, and Terraform's own state
/// may be there.
const SUFFIX: &str = ".pilotis";

/// Where a state is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) endpoint: Option<String>,
    /// Of Terraform's object in this workspace.
    pub(crate) key: String,
    /// The same in the workspace `default`.
    pub(crate) default_key: String,
    pub(crate) workspace_key_prefix: String,
    /// For messages.
    pub(crate) location: String,
}

impl Place {
    pub(crate) fn find(options: &Options) -> Result<Place, S3Error> {
        let missing = |name: &'static str| S3Error::Missing { name };
        if options.bucket.is_empty() {
            return Err(missing("bucket"));
        }
        if options.key.is_empty() {
            return Err(missing("key"));
        }
        if !is_path(&options.key) {
            return Err(S3Error::Name { what: "key", name: options.key.clone() });
        }
        if options.bucket.contains('/') {
            return Err(S3Error::Name { what: "bucket", name: options.bucket.clone() });
        }
        let prefix = match options.workspace_key_prefix.as_str() {
            "" => WORKSPACE_KEY_PREFIX,
            prefix => prefix,
        };
        if !is_path(prefix) {
            return Err(S3Error::Name { what: "workspace_key_prefix", name: prefix.to_owned() });
        }
        let key = match options.workspace.as_str() {
            "" | "default" => options.key.clone(),
            name if name.contains('/') || !is_path(name) => {
                return Err(S3Error::Name { what: "workspace", name: name.to_owned() });
            }
            name => format!("{prefix}/{name}/{}", options.key),
        };
        let endpoint = endpoint(options)?;
        let region = match region(options)? {
            Some(region) => region,
            // Servers other than Amazon's have no regions, but a signature names one.
            None if endpoint.is_some() => "us-east-1".to_owned(),
            None => return Err(missing("region")),
        };
        let at = endpoint.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
        Ok(Place {
            location: format!("s3://{}/{key}{at}", options.bucket),
            bucket: options.bucket.clone(),
            region,
            endpoint,
            key,
            default_key: options.key.clone(),
            workspace_key_prefix: prefix.to_owned(),
        })
    }

    /// The folder of our versions.
    pub(crate) fn folder(&self) -> String {
        folder(&self.key)
    }

    /// The same of another workspace than `default`.
    pub(crate) fn folder_of(&self, workspace: &str) -> String {
        folder(&self.key_of(workspace))
    }

    /// Where Terraform has the state of another workspace than `default`.
    pub(crate) fn key_of(&self, workspace: &str) -> String {
        format!("{}/{workspace}/{}", self.workspace_key_prefix, self.default_key)
    }

    /// The same of the workspace `default`.
    pub(crate) fn default_folder(&self) -> String {
        folder(&self.default_key)
    }
}

fn folder(key: &str) -> String {
    format!("{key}{SUFFIX}")
}

/// A key as it stands is a path of segments: nothing is normalized away.
fn is_path(text: &str) -> bool {
    text.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
        && object_store::path::Path::parse(text).is_ok()
}

fn endpoint(options: &Options) -> Result<Option<String>, S3Error> {
    let variable = |name: &str| options.environment.get(name).filter(|v| !v.is_empty()).cloned();
    let given = options.endpoint.clone().filter(|url| !url.is_empty());
    let found = given.or_else(|| variable("AWS_ENDPOINT_URL_S3")).or_else(|| variable("AWS_ENDPOINT_URL"));
    let Some(url) = found else { return Ok(None) };
    // A bare host is taken as encrypted, as Terraform does.
    let url = if url.contains("://") { url } else { format!("https://{url}") };
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        // Credentials in a URL would end up in messages.
        Some(host) if !host.is_empty() && !host.contains(['@', '?', '#']) => {
            Ok(Some(url.trim_end_matches('/').to_owned()))
        }
        _ => Err(S3Error::Endpoint),
    }
}

fn region(options: &Options) -> Result<Option<String>, S3Error> {
    if let Some(region) = options.region.clone().filter(|r| !r.is_empty()) {
        return Ok(Some(region));
    }
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(region) = options.environment.get(name).filter(|r| !r.is_empty()) {
            return Ok(Some(region.clone()));
        }
    }
    Shared::region(options)
}

//! Who asks: keys that are given, in the environment or in the shared files of Amazon's tools, or what a machine in their cloud is given.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use secrecy::ExposeSecret as _;

use crate::{Options, S3Error};

/// What the client may ask of the cloud, and the variables that say it.
const IN_THE_CLOUD: [(&str, AmazonS3ConfigKey); 6] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
];

/// Tells the client who asks. No `Debug`: it has secrets.
pub(crate) fn give(builder: AmazonS3Builder, options: &Options) -> Result<AmazonS3Builder, S3Error> {
    if let Some(keys) = keys(options)? {
        let builder = builder.with_access_key_id(keys.id).with_secret_access_key(keys.secret);
        return Ok(match keys.token {
            Some(token) => builder.with_token(token),
            None => builder,
        });
    }
    let set = |name: &str| options.environment.get(name).filter(|v| !v.is_empty());
    let no_machine = set("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if no_machine && !IN_THE_CLOUD.iter().any(|(name, _)| set(name).is_some()) {
        return Err(S3Error::NoCredentials);
    }
    Ok(IN_THE_CLOUD.into_iter().fold(builder, |builder, (name, key)| match set(name) {
        Some(value) => builder.with_config(key, value),
        None => builder,
    }))
}

struct Keys {
    id: String,
    secret: String,
    token: Option<String>,
}

fn keys(options: &Options) -> Result<Option<Keys>, S3Error> {
    let given = |secret: &Option<secrecy::SecretString>| {
        secret.as_ref().map(|s| s.expose_secret().to_owned()).filter(|s| !s.is_empty())
    };
    match (given(&options.access_key), given(&options.secret_key)) {
        (Some(id), Some(secret)) => return Ok(Some(Keys { id, secret, token: given(&options.token) })),
        (None, None) => {}
        _ => return Err(S3Error::HalfAKey { names: "access_key and secret_key" }),
    }
    if options.profile.as_ref().is_some_and(|p| !p.is_empty()) {
        return Shared::keys(options);
    }
    let variable = |name: &str| options.environment.get(name).filter(|v| !v.is_empty()).cloned();
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Ok(Some(Keys { id, secret, token: variable("AWS_SESSION_TOKEN") })),
        (None, None) => Shared::keys(options),
        _ => Err(S3Error::HalfAKey { names: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" }),
    }
}

/// The files `credentials` and `config` of Amazon's tools.
pub(crate) struct Shared;

impl Shared {
    /// The region of the profile.
    pub(crate) fn region(options: &Options) -> Result<Option<String>, S3Error> {
        let (name, _) = profile(options);
        let in_config = section(options, "AWS_CONFIG_FILE", "config", &config_section(&name))?;
        let in_credentials = section(options, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &name)?;
        let of = |section: Option<BTreeMap<String, String>>| section.and_then(|mut s| s.remove("region"));
        Ok(of(in_config).or_else(|| of(in_credentials)))
    }

    fn keys(options: &Options) -> Result<Option<Keys>, S3Error> {
        let (name, named) = profile(options);
        let sections = [
            section(options, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &name)?,
            section(options, "AWS_CONFIG_FILE", "config", &config_section(&name))?,
        ];
        for mut section in sections.into_iter().flatten() {
            let mut take = |name: &str| section.remove(name);
            if let (Some(id), Some(secret)) = (take("aws_access_key_id"), take("aws_secret_access_key")) {
                return Ok(Some(Keys { id, secret, token: take("aws_session_token") }));
            }
        }
        // A profile that somebody named is not replaced by whatever else there is.
        if named { Err(S3Error::Profile { name }) } else { Ok(None) }
    }
}

/// Its name, and whether somebody named it.
fn profile(options: &Options) -> (String, bool) {
    let given = options.profile.as_ref().or_else(|| options.environment.get("AWS_PROFILE"));
    match given.filter(|name| !name.is_empty()) {
        Some(name) => (name.clone(), true),
        None => ("default".to_owned(), false),
    }
}

/// `config` writes `[profile NAME]`, except for `[default]`.
fn config_section(name: &str) -> String {
    if name == "default" { name.to_owned() } else { format!("profile {name}") }
}

fn section(
    options: &Options,
    variable: &str,
    file: &str,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, S3Error> {
    let set = |name: &str| options.environment.get(name).filter(|v| !v.is_empty());
    let at_home =
        || set("HOME").or_else(|| set("USERPROFILE")).map(|h| PathBuf::from(h).join(".aws").join(file));
    let Some(path) = set(variable).map(PathBuf::from).or_else(at_home) else { return Ok(None) };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(parse(&text, name)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(S3Error::File { path, source }),
    }
}

/// The settings of one section: `NAME = VALUE` by line. Indented ones belong to a setting above, of which we need none.
fn parse(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let mut found = None;
    let mut inside = false;
    for line in text.lines() {
        if let Some(header) = line.trim().strip_prefix('[').and_then(|l| l.split(']').next()) {
            inside = header.split_whitespace().eq(name.split_whitespace());
            if inside {
                found.get_or_insert_with(BTreeMap::new);
            }
            continue;
        }
        let comment = line.starts_with([' ', '\t', '#', ';']);
        if let (true, false, Some((key, value)), Some(settings)) =
            (inside, comment, line.split_once('='), found.as_mut())
        {
            settings.insert(key.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    found
}

//! `local_file` and `local_sensitive_file`.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pilotis_sdk::typed::{self, Made, Match};
use pilotis_sdk::{Error, ErrorKind, Secret};

use super::digests::{Digests, sha1};
use crate::Here;
use crate::kept::{invalid, no_import};

/// What both types say of a file.
trait Written {
    /// The argument that gives the content, and the content.
    fn content(&self, here: &Here) -> Result<Vec<u8>, Error>;
    fn filename(&self) -> &str;
    /// Permissions of the file, of folders that are made for it.
    fn permissions(&self) -> Result<(u32, u32), Error>;
}

/// The only one of the arguments that is set.
fn only_one<T>(given: Vec<(&'static str, Option<T>)>) -> Result<(&'static str, T), Error> {
    let names: Vec<_> = given.iter().map(|(name, _)| *name).collect();
    let mut set: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    match (set.len(), set.pop()) {
        (1, Some(only)) => Ok(only),
        (n, _) => Err(invalid(names[0], format!("Exactly one of {} must be set", names.join(", ")))
            .detail(format!("{} are.", if n == 0 { "None".to_owned() } else { n.to_string() }))),
    }
}

/// Reads `0644`.
fn mode(attribute: &str, text: &str) -> Result<u32, Error> {
    let octal = (3..=4).contains(&text.len()).then(|| u32::from_str_radix(text, 8).ok()).flatten();
    octal.filter(|m| *m <= 0o7777).ok_or_else(|| {
        invalid(attribute, format!("{attribute} must be permissions in octal digits"))
            .detail(format!("It is {text:?}; `0644` is an example."))
    })
}

fn decoded(attribute: &str, text: &str) -> Result<Vec<u8>, Error> {
    STANDARD
        .decode(text)
        .map_err(|e| invalid(attribute, format!("{attribute} is not in Base64")).detail(e.to_string()))
}

impl Here {
    /// A path of an argument, from the folder of the configuration.
    fn path(&self, filename: &str) -> PathBuf {
        self.folder.join(filename)
    }
}

/// What the system says of a path.
pub(super) fn refused(doing: &str, path: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => ErrorKind::Forbidden,
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, format!("Can't {doing} {}", path.display())).detail(error.to_string())
}

/// Reads a file for a data source or an argument.
pub(super) async fn content_of(here: &Here, filename: &str) -> Result<Vec<u8>, Error> {
    let path = here.path(filename);
    tokio::fs::read(&path).await.map_err(|e| refused("read", &path, &e))
}

/// Writes the file, and tells its content. Files are read and written on a thread that may wait.
async fn write<T: Written + Clone + Send + 'static>(here: &Here, file: &T) -> Result<Vec<u8>, Error> {
    let (here, file) = (here.clone(), file.clone());
    let done = tokio::task::spawn_blocking(move || {
        let content = file.content(&here)?;
        let (mode, folder_mode) = file.permissions()?;
        put(&here.path(file.filename()), &content, mode, folder_mode)?;
        Ok(content)
    });
    done.await.map_err(|e| {
        Error::new(ErrorKind::Internal, "Writing stopped").detail(e.to_string()).outcome_unknown()
    })?
}

/// The file is there whole, with its permissions, or not at all: it is written beside and renamed.
fn put(path: &Path, content: &[u8], mode: u32, folder_mode: u32) -> Result<(), Error> {
    use std::io::Write as _;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    make_folders(folder, folder_mode).map_err(|e| refused("make the folder", folder, &e))?;
    let failed = |e: io::Error| refused("write", path, &e);
    if path.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    // What a link points to is written, not the link.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = target.with_file_name(format!(".{}.pilotis", uuid::Uuid::new_v4()));
    let written = (|| {
        let mut file = create(&beside, mode)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&beside, &target)
    })();
    written.map_err(|e| {
        let _ = std::fs::remove_file(&beside);
        failed(e)
    })
}

#[cfg(unix)]
fn make_folders(folder: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(folder)
}
#[cfg(unix)]
fn create(path: &Path, mode: u32) -> io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}
#[cfg(not(unix))]
fn make_folders(folder: &Path, _mode: u32) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}
#[cfg(not(unix))]
fn create(path: &Path, _mode: u32) -> io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}

/// The file is there with the content of that digest.
async fn is_there(here: &Here, filename: &str, digest: Option<&str>) -> Result<bool, Error> {
    let path = here.path(filename);
    match tokio::fs::read(&path).await {
        Ok(content) => Ok(digest == Some(sha1(&content).as_str())),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(e) => Err(refused("read", &path, &e)),
    }
}

async fn remove(here: &Here, filename: &str) -> Result<(), Error> {
    let path = here.path(filename);
    match tokio::fs::remove_file(&path).await {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(refused("remove", &path, &e)),
        _ => Ok(()),
    }
}

macro_rules! file {
    ($(#[$doc:meta])* $name:ident, $type_name:literal, $mode:literal, { $($content:tt)* }, |$file:ident| $given:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, pilotis_sdk::Resource)]
        #[resource(type = $type_name)]
        pub(crate) struct $name {
            /// Path, from the folder of the configuration. Folders that are missing are made.
            #[attr(force_new)]
            pub(crate) filename: String,
            $($content)*
            /// A file whose content is copied.
            #[attr(force_new)]
            pub(crate) source: Option<String>,
            /// Permissions of the file in octal digits, as far as the process may give them.
            #[attr(force_new, default = $mode)]
            pub(crate) file_permission: String,
            /// Permissions in octal digits of folders that are made.
            #[attr(force_new, default = $mode)]
            pub(crate) directory_permission: String,
            /// SHA-1 of the content in hexadecimal digits.
            #[attr(computed)]
            pub(crate) id: Option<String>,
            /// MD5 of the content in hexadecimal digits.
            #[attr(computed)]
            pub(crate) content_md5: Option<String>,
            /// SHA-1 of the content in hexadecimal digits.
            #[attr(computed)]
            pub(crate) content_sha1: Option<String>,
            /// SHA-256 of the content in hexadecimal digits.
            #[attr(computed)]
            pub(crate) content_sha256: Option<String>,
            /// SHA-256 of the content in Base64.
            #[attr(computed)]
            pub(crate) content_base64sha256: Option<String>,
            /// SHA-512 of the content in hexadecimal digits.
            #[attr(computed)]
            pub(crate) content_sha512: Option<String>,
            /// SHA-512 of the content in Base64.
            #[attr(computed)]
            pub(crate) content_base64sha512: Option<String>,
        }

        impl $name {
            fn of(self, content: &[u8]) -> $name {
                let digests = Digests::of(content);
                $name {
                    id: digests.sha1.clone(),
                    content_md5: digests.md5,
                    content_sha1: digests.sha1,
                    content_sha256: digests.sha256,
                    content_base64sha256: digests.base64sha256,
                    content_sha512: digests.sha512,
                    content_base64sha512: digests.base64sha512,
                    ..self
                }
            }
        }

        impl Written for $name {
            fn content(&self, here: &Here) -> Result<Vec<u8>, Error> {
                let $file = self;
                let (attribute, text) = only_one($given)?;
                match attribute {
                    "source" => {
                        let path = here.path(&text);
                        std::fs::read(&path).map_err(|e| refused("read", &path, &e))
                    }
                    "content_base64" => decoded(attribute, &text),
                    _ => Ok(text.into_bytes()),
                }
            }
            fn filename(&self) -> &str {
                &self.filename
            }
            fn permissions(&self) -> Result<(u32, u32), Error> {
                Ok((
                    mode("file_permission", &self.file_permission)?,
                    mode("directory_permission", &self.directory_permission)?,
                ))
            }
        }

        impl typed::Resource for $name {
            type Client = Here;

            async fn create(here: &Here, planned: $name) -> Result<Made<$name>, Error> {
                let content = write(here, &planned).await?;
                Ok(planned.of(&content).into())
            }
            async fn read(here: &Here, prior: $name) -> Result<Option<$name>, Error> {
                let there = is_there(here, &prior.filename, prior.id.as_deref()).await?;
                Ok(there.then_some(prior))
            }
            async fn update(_: &Here, _: $name, planned: $name) -> Result<$name, Error> {
                Ok(planned)
            }
            async fn delete(here: &Here, prior: $name) -> Result<(), Error> {
                remove(here, &prior.filename).await
            }
            // Writing the same file again does no harm.
            async fn find(_: &Here, _: $name) -> Result<Match<$name>, Error> {
                Ok(Match::Absent)
            }
            async fn import(_: &Here, _: &str) -> Result<$name, Error> {
                Err(no_import($type_name))
            }
        }
    };
}

file!(
    /// A file with a content. `local_sensitive_file` keeps the content off the screen.
    File, "local_file", "0777",
    {
        /// The content, as UTF-8.
        #[attr(force_new)]
        pub(crate) content: Option<String>,
        /// The content in Base64.
        #[attr(force_new)]
        pub(crate) content_base64: Option<String>,
        /// The content, kept off the screen.
        #[attr(force_new, secret = "given_never_returned", deprecated = "Use the type local_sensitive_file.")]
        pub(crate) sensitive_content: Option<Secret>,
    },
    |file| vec![
        ("content", file.content.clone()),
        ("sensitive_content", file.sensitive_content.as_ref().map(|s| s.expose().to_owned())),
        ("content_base64", file.content_base64.clone()),
        ("source", file.source.clone()),
    ]
);

file!(
    /// A file with a content that is a secret.
    SensitiveFile, "local_sensitive_file", "0700",
    {
        /// The content, as UTF-8.
        #[attr(force_new, secret = "given_never_returned")]
        pub(crate) content: Option<Secret>,
        /// The content in Base64.
        #[attr(force_new, secret = "given_never_returned")]
        pub(crate) content_base64: Option<Secret>,
    },
    |file| vec![
        ("content", file.content.as_ref().map(|s| s.expose().to_owned())),
        ("content_base64", file.content_base64.as_ref().map(|s| s.expose().to_owned())),
        ("source", file.source.clone()),
    ]
);

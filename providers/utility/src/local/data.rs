//! `data "local_file"` and `data "local_sensitive_file"`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pilotis_sdk::{Error, Secret, typed};

use super::digests::Digests;
use super::file::content_of;
use crate::Here;

macro_rules! file {
    ($(#[$doc:meta])* $name:ident, $type_name:literal, $text:ty, $args:meta) => {
        $(#[$doc])*
        #[derive(Clone, Debug, pilotis_sdk::DataSource)]
        #[data_source(type = $type_name)]
        pub(crate) struct $name {
            /// Path, from the folder of the configuration.
            pub(crate) filename: String,
            /// The content as UTF-8; what isn't is replaced by U+FFFD.
            #[$args]
            pub(crate) content: Option<$text>,
            /// The content in Base64.
            #[$args]
            pub(crate) content_base64: Option<$text>,
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

        impl typed::DataSource for $name {
            type Client = Here;

            async fn read(here: &Here, arguments: $name) -> Result<$name, Error> {
                let content = content_of(here, &arguments.filename).await?;
                let digests = Digests::of(&content);
                Ok($name {
                    content: Some(String::from_utf8_lossy(&content).into_owned().into()),
                    content_base64: Some(STANDARD.encode(&content).into()),
                    id: digests.sha1.clone(),
                    content_md5: digests.md5,
                    content_sha1: digests.sha1,
                    content_sha256: digests.sha256,
                    content_base64sha256: digests.base64sha256,
                    content_sha512: digests.sha512,
                    content_base64sha512: digests.base64sha512,
                    ..arguments
                })
            }
        }
    };
}

file!(
    /// The content of a file.
    File, "local_file", String, attr(computed)
);
file!(
    /// The content of a file, which is a secret.
    SensitiveFile, "local_sensitive_file", Secret, attr(computed, secret = "readable")
);

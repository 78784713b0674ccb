//! Digests of a file's content, in the forms of the established provider.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;

use crate::hex;

/// Digests of one content.
pub(crate) struct Digests {
    pub(crate) md5: Option<String>,
    pub(crate) sha1: Option<String>,
    pub(crate) sha256: Option<String>,
    pub(crate) base64sha256: Option<String>,
    pub(crate) sha512: Option<String>,
    pub(crate) base64sha512: Option<String>,
}

impl Digests {
    pub(crate) fn of(content: &[u8]) -> Digests {
        let sha256 = sha2::Sha256::digest(content);
        let sha512 = sha2::Sha512::digest(content);
        Digests {
            md5: Some(hex(&md5::Md5::digest(content))),
            sha1: Some(sha1(content)),
            sha256: Some(hex(&sha256)),
            base64sha256: Some(STANDARD.encode(sha256)),
            sha512: Some(hex(&sha512)),
            base64sha512: Some(STANDARD.encode(sha512)),
        }
    }
}

/// What a file is recognised by, and its `id`.
pub(crate) fn sha1(content: &[u8]) -> String {
    hex(&sha1::Sha1::digest(content))
}

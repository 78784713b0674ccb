//! Hashes, of texts and of files, and UUIDs.

use std::hash::{BuildHasher as _, RandomState};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use pilotis_value::{Type, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::files::read;
use super::{FunctionDef, Outcome, Param, fail, fail_argument, gives_string, string, text, unknown};

fn digest<D: Digest>(bytes: &[u8]) -> Vec<u8> {
    D::digest(bytes).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A hash of a text.
macro_rules! of_text {
    ($name:literal, $hash:ty, $show:expr, $doc:literal) => {
        FunctionDef {
            name: $name,
            params: &[Param::new("str", string)],
            variadic: None,
            returns: gives_string,
            call: |args, _| Ok(Value::string($show(&digest::<$hash>(text(args, 0)?.as_bytes())))),
            doc: $doc,
        }
    };
}

/// A hash of a file.
macro_rules! of_file {
    ($name:literal, $hash:ty, $show:expr, $doc:literal) => {
        FunctionDef {
            name: $name,
            params: &[Param::new("path", string)],
            variadic: None,
            returns: gives_string,
            call: |args, surroundings| Ok(Value::string($show(&digest::<$hash>(&read(args, surroundings)?)))),
            doc: $doc,
        }
    };
}

fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// <https://www.rfc-editor.org/rfc/rfc2104>
fn hmac_sha256(key: &str, message: &str) -> Outcome {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .or_else(|_| fail_argument(0, "can't be used as a key"))?;
    mac.update(message.as_bytes());
    Ok(Value::string(hex(&mac.finalize().into_bytes())))
}

pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef {
        name: "provider::pilotis::hmac_sha256",
        params: &[Param::new("key", string), Param::new("message", string)],
        variadic: None,
        returns: gives_string,
        call: |args, _| hmac_sha256(text(args, 0)?, text(args, 1)?),
        doc: "The HMAC-SHA256 of a message, in hexadecimal: the platform's short suffixes begin with it.",
    },
    of_text!("md5", Md5, hex, "The MD5 hash of a text, in hexadecimal."),
    of_text!("sha1", Sha1, hex, "The SHA-1 hash of a text, in hexadecimal."),
    of_text!("sha256", Sha256, hex, "The SHA-256 hash of a text, in hexadecimal."),
    of_text!("sha512", Sha512, hex, "The SHA-512 hash of a text, in hexadecimal."),
    of_text!("base64sha256", Sha256, base64, "The SHA-256 hash of a text, in base 64."),
    of_text!("base64sha512", Sha512, base64, "The SHA-512 hash of a text, in base 64."),
    of_file!("filemd5", Md5, hex, "The MD5 hash of a file, in hexadecimal."),
    of_file!("filesha1", Sha1, hex, "The SHA-1 hash of a file, in hexadecimal."),
    of_file!("filesha256", Sha256, hex, "The SHA-256 hash of a file, in hexadecimal."),
    of_file!("filesha512", Sha512, hex, "The SHA-512 hash of a file, in hexadecimal."),
    of_file!("filebase64sha256", Sha256, base64, "The SHA-256 hash of a file, in base 64."),
    of_file!("filebase64sha512", Sha512, base64, "The SHA-512 hash of a file, in base 64."),
    FunctionDef {
        name: "uuid",
        params: &[],
        variadic: None,
        returns: gives_string,
        call: |_, surroundings| {
            let Some(ms) = surroundings.apply_time_ms else { return Ok(unknown(Type::String)) };
            // Each state is keyed with randomness of the process and differs from the one before.
            let mut seed = ms.to_le_bytes().to_vec();
            seed.extend_from_slice(&RandomState::new().hash_one(ms).to_le_bytes());
            seed.extend_from_slice(&RandomState::new().hash_one(ms).to_le_bytes());
            Ok(Value::string(uuid_text(&digest::<Sha256>(&seed), 4)))
        },
        doc: "A new random UUID at each apply; not known before.",
    },
    FunctionDef {
        name: "uuidv5",
        params: &[Param::new("namespace", string), Param::new("name", string)],
        variadic: None,
        returns: gives_string,
        call: |args, _| uuid_v5(text(args, 0)?, text(args, 1)?),
        doc: "The UUID of a name in a namespace: \"dns\", \"url\", \"oid\", \"x500\" or a UUID.",
    },
];

/// The first 16 bytes as a UUID of a version.
fn uuid_text(bytes: &[u8], version: u8) -> String {
    let mut bytes: Vec<u8> = bytes.iter().copied().take(16).collect();
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(&bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

fn uuid_v5(namespace: &str, name: &str) -> Outcome {
    // RFC 9562, appendix: the namespaces differ in one digit.
    let known = |n: u8| Some(0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8_u128 + (u128::from(n) << 96));
    let namespace_id = match namespace {
        "dns" => known(0),
        "url" => known(1),
        "oid" => known(2),
        "x500" => known(4),
        other => {
            // The forms that UUIDs are written in: 8-4-4-4-12, with `urn:uuid:` before it, in braces, or bare digits.
            let bare = other
                .get(..9)
                .filter(|urn| urn.eq_ignore_ascii_case("urn:uuid:"))
                .map_or(other, |_| &other[9..]);
            let bare = bare.strip_prefix('{').and_then(|b| b.strip_suffix('}')).unwrap_or(bare);
            let grouped =
                bare.split('-').map(str::len).eq([8, 4, 4, 4, 12]) || (bare == other && bare.len() == 32);
            let digits = bare.replace('-', "");
            let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
            u128::from_str_radix(&digits, 16).ok().filter(|_| grouped && hexadecimal)
        }
    };
    let Some(id) = namespace_id else {
        return fail(format!(
            "uuidv5() doesn't support namespace {namespace:?}: use \"dns\", \"url\", \"oid\", \"x500\" or a UUID"
        ));
    };
    let mut input = id.to_be_bytes().to_vec();
    input.extend_from_slice(name.as_bytes());
    Ok(Value::string(uuid_text(&digest::<Sha1>(&input), 5)))
}

#[cfg(test)]
mod tests {
    use super::hmac_sha256;

    /// The platform's suffixes: HMAC-SHA256 with an empty key, first four digits.
    #[test]
    fn suffixes_of_the_platform() {
        for (text, suffix) in [("dev", "6293"), ("prod", "c626"), ("api", "a814"), ("infra", "32aa")] {
            let value = hmac_sha256("", text).unwrap();
            assert_eq!(&value.as_str().unwrap()[..4], suffix, "{text}");
        }
    }
}

//! `random_id`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pilotis_sdk::Error;

use super::{Keepers, bytes_of_chance};
use crate::hex;
use crate::kept::{Kept, kept, wrong_import};

/// A number for names, drawn from the system's generator and given in several forms.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(type = "random_id")]
pub(crate) struct Id {
    /// Arbitrary texts; when one of them changes, a new number is drawn.
    #[attr(force_new)]
    pub(crate) keepers: Option<Keepers>,
    /// How many bytes the number has, at least 1.
    #[attr(force_new)]
    pub(crate) byte_length: i64,
    /// Put before each form but `id`.
    #[attr(force_new)]
    pub(crate) prefix: Option<String>,
    /// The bytes in Base64, for URLs, without padding.
    #[attr(computed)]
    pub(crate) id: Option<String>,
    /// `prefix` and the bytes in Base64.
    #[attr(computed)]
    pub(crate) b64_std: Option<String>,
    /// `prefix` and the bytes in Base64, for URLs, without padding.
    #[attr(computed)]
    pub(crate) b64_url: Option<String>,
    /// `prefix` and the number in decimal digits, the first byte the most significant.
    #[attr(computed)]
    pub(crate) dec: Option<String>,
    /// `prefix` and the bytes in lower-case hexadecimal digits.
    #[attr(computed)]
    pub(crate) hex: Option<String>,
}

/// Decimal digits of a number whose most significant byte is the first.
fn decimal(bytes: &[u8]) -> String {
    // Little-endian limbs of nine digits each.
    const LIMB: u64 = 1_000_000_000;
    let mut limbs: Vec<u64> = vec![0];
    for byte in bytes {
        let mut carry = u64::from(*byte);
        for limb in &mut limbs {
            let value = *limb * 256 + carry;
            *limb = value % LIMB;
            carry = value / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut limbs = limbs.into_iter().rev();
    let first = limbs.next().unwrap_or_default().to_string();
    limbs.fold(first, |digits, limb| format!("{digits}{limb:09}"))
}

impl Id {
    fn of(self, bytes: &[u8]) -> Id {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let form = |digits: String| Some(format!("{prefix}{digits}"));
        Id {
            id: Some(URL_SAFE_NO_PAD.encode(bytes)),
            b64_std: form(STANDARD.encode(bytes)),
            b64_url: form(URL_SAFE_NO_PAD.encode(bytes)),
            dec: form(decimal(bytes)),
            hex: form(hex(bytes)),
            ..self
        }
    }
}

impl Kept for Id {
    async fn make(planned: Id) -> Result<Id, Error> {
        // Its decimal form takes quadratic time.
        if planned.byte_length > 4096 {
            return Err(crate::kept::invalid("byte_length", "byte_length must be at most 4096"));
        }
        let bytes = bytes_of_chance("byte_length", planned.byte_length)?;
        Ok(planned.of(&bytes))
    }
    fn of_import(id: &str) -> Result<Id, Error> {
        let (prefix, digits) = match id.rsplit_once(',') {
            Some((prefix, digits)) => (Some(prefix.to_owned()), digits),
            None => (None, id),
        };
        let bytes =
            URL_SAFE_NO_PAD.decode(digits).map_err(|_| wrong_import("random_id", "[PREFIX,]B64_URL"))?;
        Ok(Id { prefix, byte_length: bytes.len() as i64, ..Id::default() }.of(&bytes))
    }
}

kept!(Id);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_number() {
        assert_eq!(decimal(&[0, 0]), "0");
        assert_eq!(decimal(&[1, 0]), "256");
        assert_eq!(decimal(&[0xff; 16]), u128::MAX.to_string());
        let id = Id { prefix: Some("p-".into()), ..Id::default() }.of(&[0xfb, 0xff, 0x00]);
        assert_eq!(id.id.as_deref(), Some("-_8A"));
        assert_eq!(id.b64_std.as_deref(), Some("p-+/8A"));
        assert_eq!(id.hex.as_deref(), Some("p-fbff00"));
        assert_eq!(id.dec.as_deref(), Some("p-16514816"));
    }
}

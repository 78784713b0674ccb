//! Keys that are wrapped for people: each of them opens it with an identity of his own, and nobody has to hand a secret around.

use std::io::{Read as _, Write as _};
use std::str::FromStr as _;

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use zeroize::Zeroizing;

use crate::key::salt;
use crate::{DataKey, KeyError, KeyProvider};

/// How much of a header says whom it is for.
const DIGEST: usize = 16;

/// Recipients of age (X25519, <https://age-encryption.org/v1>). A data key is random and wrapped for all of them; its header is a digest of
/// the list and the file of age.
///
/// Without an identity it only seals: a program that saves plans which others open.
pub struct Age {
    name: String,
    recipients: Vec<Recipient>,
    identities: Vec<Identity>,
    list: [u8; DIGEST],
}

impl Age {
    /// `recipients` as `age1…`, at least one; `identities` as `age-keygen` writes them: `AGE-SECRET-KEY-1…` and lines of comments.
    pub fn new(
        name: impl Into<String>,
        recipients: &[String],
        identities: Option<&str>,
    ) -> Result<Age, KeyError> {
        let name = name.into();
        let wrong = |detail: String| KeyError::Provider { provider: name.clone(), detail };
        if recipients.is_empty() {
            return Err(wrong("it names no recipient".to_owned()));
        }
        let recipient = |text: &String| {
            // An identity in a recipient's place is a secret: it isn't repeated.
            let shown = if text.starts_with("age1") { text } else { "what is given" };
            Recipient::from_str(text).map_err(|_| wrong(format!("{shown} is no recipient of age (age1…)")))
        };
        let mut names = recipients.to_vec();
        names.sort_unstable();
        names.dedup();
        let recipients = names.iter().map(recipient).collect::<Result<_, _>>()?;
        let lines = identities.unwrap_or_default().lines().map(str::trim);
        let identity = |line: &str| {
            let detail = "a line of the identities is none of age's (AGE-SECRET-KEY-1…)";
            Identity::from_str(line).map_err(|_| wrong(detail.to_owned()))
        };
        let secret = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let identities = secret.map(identity).collect::<Result<_, _>>()?;
        let mut list = [0; DIGEST];
        list.copy_from_slice(&blake3::hash(names.join("\n").as_bytes()).as_bytes()[..DIGEST]);
        Ok(Age { name, recipients, identities, list })
    }

    fn no_key(&self, detail: impl std::fmt::Display) -> KeyError {
        KeyError::Provider { provider: self.name.clone(), detail: detail.to_string() }
    }

    fn wrap(&self, key: &[u8]) -> Result<Vec<u8>, KeyError> {
        let all = self.recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
        let mut wrapped = self.list.to_vec();
        let encryptor = Encryptor::with_recipients(all).map_err(|e| self.no_key(e))?;
        encryptor
            .wrap_output(&mut wrapped)
            .and_then(|mut file| file.write_all(key).and_then(|()| file.finish()))
            .map_err(|e| self.no_key(e))?;
        Ok(wrapped)
    }
}

impl KeyProvider for Age {
    fn name(&self) -> &str {
        &self.name
    }

    fn generate(&self) -> Result<(DataKey, Vec<u8>), KeyError> {
        let key = Zeroizing::new(salt());
        Ok((DataKey::new(&key), self.wrap(&key[..])?))
    }

    fn key(&self, header: &[u8]) -> Result<DataKey, KeyError> {
        if self.identities.is_empty() {
            return Err(
                self.no_key("it has no identity here: name the file of yours in PILOTIS_AGE_IDENTITY_FILE")
            );
        }
        let file = header.get(DIGEST..).ok_or(KeyError::Malformed("its header is cut off"))?;
        let damaged = |_| KeyError::Malformed("its header is no file of age");
        let decryptor = Decryptor::new_buffered(file).map_err(damaged)?;
        let identities = self.identities.iter().map(|identity| identity as &dyn age::Identity);
        let plain = decryptor
            .decrypt(identities)
            .map_err(|_| self.no_key("it was wrapped for others: none of the identities here opens it"))?;
        let mut key = Zeroizing::new(Vec::with_capacity(DataKey::LEN + 1));
        plain
            .take(DataKey::LEN as u64 + 1)
            .read_to_end(&mut key)
            .map_err(|_| KeyError::Malformed("its header was changed"))?;
        let key = <[u8; DataKey::LEN]>::try_from(&key[..]);
        Ok(DataKey::new(&Zeroizing::new(key.map_err(|_| KeyError::Malformed("its header holds no key"))?)))
    }

    /// A key that was wrapped for another list of people is read, and no longer used to seal.
    fn seals_with(&self, header: &[u8]) -> bool {
        header.starts_with(&self.list)
    }
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;
    use crate::Keyring;

    fn person() -> (String, String) {
        let identity = Identity::generate();
        (identity.to_public().to_string(), identity.to_string().expose_secret().to_owned())
    }

    fn ring(recipients: &[&String], identity: Option<&str>) -> Keyring {
        let names: Vec<String> = recipients.iter().map(|r| (*r).clone()).collect();
        Keyring::new(Some(Box::new(Age::new("age.team", &names, identity).unwrap())), Vec::new(), false)
    }

    #[test]
    fn each_recipient_opens_it_and_nobody_else() {
        let [(a, of_a), (b, of_b), (_, of_c)] = [person(), person(), person()];
        let sealed = ring(&[&a, &b], None).seal(&["x"], "text").unwrap();
        for identity in [&of_a, &format!("# created: 2026\n# public key: {b}\n{of_b}\n")] {
            assert_eq!(*ring(&[&b, &a], Some(identity)).open(&["x"], &sealed).unwrap(), "text");
        }
        let error = ring(&[&a, &b], Some(&of_c)).open(&["x"], &sealed).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"key_provider.age.team gives no key: it was wrapped for others: none of the identities here opens it");
        let error = ring(&[&a, &b], None).open(&["x"], &sealed).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"key_provider.age.team gives no key: it has no identity here: name the file of yours in PILOTIS_AGE_IDENTITY_FILE");
    }

    #[test]
    fn who_is_no_recipient_any_more_opens_nothing_new() {
        let [(a, of_a), (b, of_b)] = [person(), person()];
        let before = ring(&[&a, &b], None).seal(&["x"], "old").unwrap();
        // Who has opened it goes on with its key only as long as it is for the same people.
        let now = ring(&[&a], Some(&of_a));
        assert_eq!(*now.open(&["x"], &before).unwrap(), "old");
        let after = now.seal(&["x"], "new").unwrap();
        assert!(!now.seals_as(&before) && now.seals_as(&after));
        assert!(ring(&[&b], Some(&of_b)).open(&["x"], &after).is_err());
        // The same people, in another order: one key.
        let same = ring(&[&b, &a], Some(&of_b));
        same.open(&["x"], &before).unwrap();
        let again = same.seal(&["x"], "more").unwrap();
        assert_eq!(again.split(':').nth(3), before.split(':').nth(3));
    }

    #[test]
    fn what_is_no_key_is_said_and_not_shown() {
        let (a, of_a) = person();
        for (recipients, identity) in
            [(vec![], None), (vec![of_a.clone()], None), (vec![a], Some("AGE-SECRET-KEY-1Q"))]
        {
            let error = Age::new("age.team", &recipients, identity).err().unwrap().to_string();
            assert!(error.starts_with("key_provider.age.team gives no key: "), "{error}");
            assert!(!error.contains("SECRET-KEY-1Q") && !error.contains(&of_a), "{error}");
        }
    }

    #[test]
    fn a_header_that_was_changed_gives_no_key() {
        let (a, of_a) = person();
        let team = Age::new("age.team", &[a], Some(&of_a)).unwrap();
        let (_, header) = team.generate().unwrap();
        for at in 0..header.len() {
            assert!(team.key(&header[..at]).is_err(), "cut at {at}");
            let mut changed = header.clone();
            changed[at] ^= 1;
            // The digest in front is not part of the key; what is sealed is bound to it all the same.
            assert!(at < DIGEST || team.key(&changed).is_err(), "changed at {at}");
        }
    }
}

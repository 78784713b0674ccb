//! Keys from a passphrase.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

use crate::key::salt;
use crate::{DataKey, KeyError, KeyProvider};

const SALT: usize = 16;
/// A passphrase is at least this long (OpenTofu's limit for `pbkdf2`).
const SHORTEST: usize = 16;

/// Argon2id (<https://www.rfc-editor.org/rfc/rfc9106>): hard to guess also for who has special hardware.
pub struct Argon2 {
    name: String,
    passphrase: Zeroizing<String>,
    cost: Argon2Cost,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Argon2Cost {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

impl Argon2 {
    /// The second of the two settings that RFC 9106 recommends: 64 MiB, three passes, four lanes.
    const RECOMMENDED: Argon2Cost = Argon2Cost { memory_kib: 64 * 1024, iterations: 3, parallelism: 4 };
    /// What a header may ask for at most, since it may have been written by somebody who wants this process to stop: 1 GiB.
    const MOST: Argon2Cost = Argon2Cost { memory_kib: 1024 * 1024, iterations: 64, parallelism: 64 };

    /// A provider with RFC 9106's recommended cost.
    pub fn new(name: impl Into<String>, passphrase: Zeroizing<String>) -> Result<Argon2, KeyError> {
        let name = name.into();
        long_enough(&name, &passphrase)?;
        Ok(Argon2 { name, passphrase, cost: Argon2::RECOMMENDED })
    }

    /// The same with another cost: memory in KiB, passes, lanes; none for what is recommended.
    pub fn cost(
        self,
        memory_kib: Option<u32>,
        iterations: Option<u32>,
        parallelism: Option<u32>,
    ) -> Result<Argon2, KeyError> {
        let cost = Argon2Cost {
            memory_kib: memory_kib.unwrap_or(self.cost.memory_kib),
            iterations: iterations.unwrap_or(self.cost.iterations),
            parallelism: parallelism.unwrap_or(self.cost.parallelism),
        };
        let refused = |detail: String| KeyError::Provider { provider: self.name.clone(), detail };
        if !cost.within(Argon2::MOST) {
            let most = Argon2::MOST;
            return Err(refused(format!(
                "at most {} KiB, {} iterations and a parallelism of {} are allowed",
                most.memory_kib, most.iterations, most.parallelism
            )));
        }
        cost.params().map_err(|e| refused(e.to_string()))?;
        Ok(Argon2 { cost, ..self })
    }

    fn derive(&self, cost: Argon2Cost, salt: &[u8]) -> Result<DataKey, KeyError> {
        let failed =
            |e: argon2::Error| KeyError::Provider { provider: self.name.clone(), detail: e.to_string() };
        let params = cost.params().map_err(failed)?;
        let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let mut key = Zeroizing::new([0; DataKey::LEN]);
        argon2.hash_password_into(self.passphrase.as_bytes(), salt, &mut key[..]).map_err(failed)?;
        Ok(DataKey::new(&key))
    }
}

impl Argon2Cost {
    fn params(self) -> Result<argon2::Params, argon2::Error> {
        argon2::Params::new(self.memory_kib, self.iterations, self.parallelism, Some(DataKey::LEN))
    }

    fn within(self, most: Argon2Cost) -> bool {
        self.memory_kib <= most.memory_kib
            && self.iterations <= most.iterations
            && self.parallelism <= most.parallelism
    }

    fn write(self) -> Vec<u8> {
        [self.memory_kib, self.iterations, self.parallelism].iter().flat_map(|n| n.to_be_bytes()).collect()
    }

    /// The cost at the beginning of a header, and what follows.
    fn read(header: &[u8]) -> Option<(Argon2Cost, &[u8])> {
        let (memory_kib, rest) = number(header)?;
        let (iterations, rest) = number(rest)?;
        let (parallelism, rest) = number(rest)?;
        let cost = Argon2Cost { memory_kib, iterations, parallelism };
        cost.within(Argon2::MOST).then_some((cost, rest))
    }
}

impl KeyProvider for Argon2 {
    fn name(&self) -> &str {
        &self.name
    }

    fn generate(&self) -> Result<(DataKey, Vec<u8>), KeyError> {
        let salt = salt::<SALT>();
        let mut header = self.cost.write();
        header.extend(salt);
        Ok((self.derive(self.cost, &salt)?, header))
    }

    fn key(&self, header: &[u8]) -> Result<DataKey, KeyError> {
        let (cost, salt) = Argon2Cost::read(header)
            .filter(|(_, salt)| salt.len() == SALT)
            .ok_or(KeyError::Malformed("its header is none of Argon2"))?;
        self.derive(cost, salt)
    }
}

/// PBKDF2 with HMAC, as OpenTofu's key provider of that name (<https://opentofu.org/docs/language/state/encryption/#pbkdf2>).
pub struct Pbkdf2 {
    name: String,
    passphrase: Zeroizing<String>,
    iterations: NonZeroU32,
    hash: Pbkdf2Hash,
}

/// The hash function of [`Pbkdf2`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pbkdf2Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Pbkdf2 {
    /// OpenTofu's default and least number of iterations.
    pub const ITERATIONS: (u32, u32) = (600_000, 200_000);
    const MOST: u32 = 100_000_000;

    /// A provider; none for the default number of iterations.
    pub fn new(
        name: impl Into<String>,
        passphrase: Zeroizing<String>,
        iterations: Option<u32>,
        hash: Pbkdf2Hash,
    ) -> Result<Pbkdf2, KeyError> {
        let (name, (default, least)) = (name.into(), Pbkdf2::ITERATIONS);
        long_enough(&name, &passphrase)?;
        let iterations = iterations.unwrap_or(default);
        match NonZeroU32::new(iterations).filter(|n| (least..=Pbkdf2::MOST).contains(&n.get())) {
            Some(iterations) => Ok(Pbkdf2 { name, passphrase, iterations, hash }),
            None => Err(KeyError::Provider {
                provider: name,
                detail: format!("iterations must be {least} to {}, not {iterations}", Pbkdf2::MOST),
            }),
        }
    }

    fn derive(&self, hash: Pbkdf2Hash, iterations: NonZeroU32, salt: &[u8]) -> DataKey {
        let algorithm = match hash {
            Pbkdf2Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Pbkdf2Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let mut key = Zeroizing::new([0; DataKey::LEN]);
        pbkdf2::derive(algorithm, iterations, salt, self.passphrase.as_bytes(), &mut key[..]);
        DataKey::new(&key)
    }
}

impl KeyProvider for Pbkdf2 {
    fn name(&self) -> &str {
        &self.name
    }

    fn generate(&self) -> Result<(DataKey, Vec<u8>), KeyError> {
        let salt = salt::<SALT>();
        let mut header = vec![self.hash as u8];
        header.extend(self.iterations.get().to_be_bytes());
        header.extend(salt);
        Ok((self.derive(self.hash, self.iterations, &salt), header))
    }

    fn key(&self, header: &[u8]) -> Result<DataKey, KeyError> {
        let malformed = KeyError::Malformed("its header is none of PBKDF2");
        let read = || {
            let (hash, rest) = header.split_first()?;
            let hash = [Pbkdf2Hash::Sha256, Pbkdf2Hash::Sha512].into_iter().find(|h| *h as u8 == *hash)?;
            let (iterations, salt) = number(rest)?;
            let iterations = NonZeroU32::new(iterations).filter(|n| n.get() <= Pbkdf2::MOST)?;
            (salt.len() == SALT).then_some((hash, iterations, salt))
        };
        let (hash, iterations, salt) = read().ok_or(malformed)?;
        Ok(self.derive(hash, iterations, salt))
    }
}

fn long_enough(name: &str, passphrase: &str) -> Result<(), KeyError> {
    if passphrase.chars().count() >= SHORTEST {
        return Ok(());
    }
    Err(KeyError::Provider {
        provider: name.to_owned(),
        detail: format!("the passphrase must have at least {SHORTEST} characters"),
    })
}

/// The four bytes at the beginning as a number, and what follows.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Keyring;

    const PASSPHRASE: &str = "correct horse battery staple";

    fn passphrase() -> Zeroizing<String> {
        Zeroizing::new(PASSPHRASE.to_owned())
    }

    fn cheap(name: &str) -> Argon2 {
        Argon2::new(name, passphrase()).unwrap().cost(Some(64), Some(1), Some(1)).unwrap()
    }

    fn pbkdf2(hash: Pbkdf2Hash) -> Pbkdf2 {
        Pbkdf2::new("pbkdf2.main", passphrase(), Some(200_000), hash).unwrap()
    }

    #[test]
    fn the_header_makes_the_key_again() {
        let providers: [Box<dyn Fn() -> Box<dyn KeyProvider>>; 3] = [
            Box::new(|| Box::new(cheap("argon2.main"))),
            Box::new(|| Box::new(pbkdf2(Pbkdf2Hash::Sha512))),
            Box::new(|| Box::new(pbkdf2(Pbkdf2Hash::Sha256))),
        ];
        for provider in providers {
            let ring = || Keyring::new(Some(provider()), Vec::new(), false);
            let sealed = ring().seal(&["a"], "text").unwrap();
            assert_eq!(ring().open(&["a"], &sealed).unwrap().as_str(), "text");
            assert!(ring().open(&["b"], &sealed).is_err());
        }
    }

    /// What was sealed at one cost is opened at that cost, whatever the configuration asks for by now.
    #[test]
    fn the_cost_is_in_the_header() {
        let ring = |provider| Keyring::new(Some(Box::new(provider)), Vec::new(), false);
        let sealed = ring(cheap("argon2.main")).seal(&["a"], "text").unwrap();
        let dearer = cheap("argon2.main").cost(Some(128), Some(2), None).unwrap();
        assert_eq!(ring(dearer).open(&["a"], &sealed).unwrap().as_str(), "text");
    }

    #[test]
    fn a_header_cannot_ask_for_all_memory() {
        let provider = cheap("argon2.main");
        let (_, header) = provider.generate().unwrap();
        let mut greedy = header.clone();
        greedy[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        for header in [&greedy[..], &[], &header[..12], &[0; 28]] {
            assert!(provider.key(header).is_err());
        }
        assert!(pbkdf2(Pbkdf2Hash::Sha256).key(&[9; 21]).is_err());
        assert!(pbkdf2(Pbkdf2Hash::Sha256).key(&[0; 21]).is_err());
    }

    #[test]
    fn a_short_passphrase_is_refused() {
        let short = || Zeroizing::new("hunter2".to_owned());
        for refused in [
            Argon2::new("argon2.main", short()).err(),
            Pbkdf2::new("pbkdf2.main", short(), None, Pbkdf2Hash::Sha512).err(),
            Pbkdf2::new("pbkdf2.main", passphrase(), Some(1000), Pbkdf2Hash::Sha512).err(),
            cheap("argon2.main").cost(Some(u32::MAX), None, None).err(),
        ] {
            let message = refused.unwrap().to_string();
            assert!(!message.contains("hunter2") && message.contains(".main gives no key: "), "{message}");
        }
    }
}

//! The keys of a state: one that encrypts, others that what was encrypted before is still read with.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::{DataKey, KeyError, KeyProvider};

/// What everything that is sealed begins with. No JSON text does.
const PREFIX: &str = "pilotis-sealed:1:";

/// Is this text (or file) something that a [`Keyring`] sealed?
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(PREFIX.as_bytes())
}

/// The keys that a configuration names. A clone is the same keyring.
///
/// A sealed text is `pilotis-sealed:1:PROVIDER:HEADER:BYTES`: it says which key opens it, so that a key can be changed while texts of
/// the old one are still there.
#[derive(Clone)]
pub struct Keyring(Arc<Keys>);

/// Whose key it is: the provider's name, and the key's header.
type Place = (String, Vec<u8>);

struct Keys {
    primary: Option<Box<dyn KeyProvider>>,
    fallbacks: Vec<Box<dyn KeyProvider>>,
    accepts_clear: bool,
    /// Keys by provider and header, since to derive one takes long.
    known: Mutex<HashMap<Place, Arc<DataKey>>>,
    /// The key that seals, with its header.
    sealing: Mutex<Option<(Arc<DataKey>, Vec<u8>)>>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |p: &dyn KeyProvider| p.name().to_owned();
        f.debug_struct("Keyring")
            .field("primary", &self.0.primary.as_deref().map(name))
            .field("fallbacks", &self.0.fallbacks.iter().map(|p| name(&**p)).collect::<Vec<_>>())
            .field("accepts_clear", &self.0.accepts_clear)
            .finish()
    }
}

impl Keyring {
    /// Without any key: what is stored stays in clear, and what is sealed can't be read.
    pub fn clear() -> Keyring {
        Keyring::new(None, Vec::new(), true)
    }

    /// `primary` seals (none: nothing is sealed any more) and opens, `fallbacks` only open. `accepts_clear`: what is not sealed is
    /// taken as it is; otherwise it is refused, since somebody may have put it in the place of what was sealed.
    pub fn new(
        primary: Option<Box<dyn KeyProvider>>,
        fallbacks: Vec<Box<dyn KeyProvider>>,
        accepts_clear: bool,
    ) -> Keyring {
        let (known, sealing) = (Mutex::default(), Mutex::default());
        Keyring(Arc::new(Keys { primary, fallbacks, accepts_clear, known, sealing }))
    }

    /// Does it seal?
    pub fn seals(&self) -> bool {
        self.0.primary.is_some()
    }

    /// Has it no key at all, neither to seal nor to open?
    pub fn is_clear(&self) -> bool {
        self.0.primary.is_none() && self.0.fallbacks.is_empty()
    }

    /// Seals bytes; as they are if nothing is to be sealed. `context` says what they are (`resource`, an address): a sealed text that is
    /// moved to another place doesn't open there.
    pub fn seal(&self, context: &[&str], plain: &str) -> Result<String, KeyError> {
        let Some(primary) = &self.0.primary else { return Ok(plain.to_owned()) };
        let (key, header) = self.sealing(&**primary)?;
        let sealed = key.seal(&bound(context, primary.name(), &header), plain.as_bytes());
        let [header, sealed] = [&header, &sealed].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Ok(format!("{PREFIX}{}:{header}:{sealed}", primary.name()))
    }

    /// What was sealed, or what was never sealed if that is accepted.
    pub fn open(&self, context: &[&str], text: &str) -> Result<Zeroizing<String>, KeyError> {
        let Some(rest) = text.strip_prefix(PREFIX) else {
            return match self.0.accepts_clear {
                true => Ok(Zeroizing::new(text.to_owned())),
                false => Err(KeyError::InClear),
            };
        };
        let mut parts = rest.splitn(3, ':');
        let mut part = || parts.next().ok_or(KeyError::Malformed("it is cut off"));
        let (name, header, sealed) = (part()?, part()?, part()?);
        let decode = |text: &str| {
            URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Malformed("it holds what is no base64"))
        };
        let (header, sealed) = (decode(header)?, decode(sealed)?);
        let key = self.key(name, &header)?;
        let refused = || KeyError::Refused(name.to_owned());
        let plain = key.open(&bound(context, name, &header), &sealed).ok_or_else(refused)?;
        // The key fits: what this process seals from now on need not cost another derivation.
        self.adopt(name, key, header);
        let text = std::str::from_utf8(&plain).map_err(|_| KeyError::Malformed("it holds no text"))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Was this text sealed with the key that seals now? One of a fallback, or in clear, was not.
    pub fn seals_as(&self, text: &str) -> bool {
        let sealing = lock(&self.0.sealing);
        let (Some(primary), Some((_, header))) = (&self.0.primary, &*sealing) else { return false };
        let begin = format!("{PREFIX}{}:{}:", primary.name(), URL_SAFE_NO_PAD.encode(header));
        text.starts_with(&begin)
    }

    fn sealing(&self, primary: &dyn KeyProvider) -> Result<(Arc<DataKey>, Vec<u8>), KeyError> {
        let mut sealing = lock(&self.0.sealing);
        if let Some(known) = &*sealing {
            return Ok(known.clone());
        }
        let (key, header) = primary.generate()?;
        let key = Arc::new(key);
        lock(&self.0.known).insert((primary.name().to_owned(), header.clone()), key.clone());
        Ok(sealing.insert((key, header)).clone())
    }

    fn key(&self, name: &str, header: &[u8]) -> Result<Arc<DataKey>, KeyError> {
        let place = (name.to_owned(), header.to_vec());
        if let Some(key) = lock(&self.0.known).get(&place) {
            return Ok(key.clone());
        }
        let provider = self.0.primary.iter().chain(&self.0.fallbacks).find(|p| p.name() == name);
        let provider = provider.ok_or_else(|| KeyError::NoProvider(name.to_owned()))?;
        let key = Arc::new(provider.key(header)?);
        lock(&self.0.known).insert(place, key.clone());
        Ok(key)
    }

    fn adopt(&self, name: &str, key: Arc<DataKey>, header: Vec<u8>) {
        if self.0.primary.as_ref().is_some_and(|p| p.name() == name && p.seals_with(&header)) {
            lock(&self.0.sealing).get_or_insert((key, header));
        }
    }
}

/// The context in one text that no other context gives: each part with its length. What the sealed text says of itself belongs to it.
fn bound(context: &[&str], provider: &str, header: &[u8]) -> Vec<u8> {
    let mut bytes = PREFIX.as_bytes().to_vec();
    let parts = context.iter().map(|part| part.as_bytes());
    for part in parts.chain([provider.as_bytes(), header]) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A map and a pair are whole after every step, so those of a poisoned lock are too.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

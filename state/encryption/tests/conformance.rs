//! An encrypted store does what every store does.

use pilotis_state::conformance::World;
use pilotis_state::{Holder, MemoryStore};
use pilotis_state_encryption::{EncryptedStore, Keyring, SecretKey};

struct Encrypted {
    store: MemoryStore,
    keys: Keyring,
}

fn holder(pid: u32) -> Holder {
    Holder { host: "laptop".into(), pid, start: "1".into(), who: "marie@laptop".into() }
}

fn fresh() -> Encrypted {
    let store = MemoryStore::default();
    store.declare_dead(&holder(99));
    let key = SecretKey::read("file.main", &[7; 32]).expect("32 bytes are a key");
    Encrypted { store, keys: Keyring::new(Some(Box::new(key)), Vec::new(), false) }
}

impl World for Encrypted {
    type Store = EncryptedStore<MemoryStore>;

    fn connect(&self) -> EncryptedStore<MemoryStore> {
        EncryptedStore::new(self.store.clone(), self.keys.clone())
    }

    fn living(&self) -> Holder {
        holder(1)
    }

    fn dead(&self) -> Holder {
        holder(99)
    }
}

pilotis_state::conformance!(fresh());

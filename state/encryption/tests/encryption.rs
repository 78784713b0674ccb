//! Nothing secret reaches the store behind, and nothing that was changed there comes back.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use pilotis_state::conformance::{intent, record, run};
use pilotis_state::{
    Action, Change, ChangeOutcome, Expect, MemoryStore, Observation, OutputRecord, ResourceKey,
    ResourceRecord, StateError, Store, Timestamp, Write,
};
use pilotis_state_encryption::{EncryptedStore, KeyProvider, Keyring, SecretKey, is_sealed};

const SECRET: &str = "hunter2-of-the-ministry";

fn key(name: &str, byte: u8) -> Box<dyn KeyProvider> {
    Box::new(SecretKey::read(name, &[byte; 32]).unwrap())
}

fn encrypted(store: &MemoryStore, keys: &Keyring) -> EncryptedStore<MemoryStore> {
    EncryptedStore::new(store.clone(), keys.clone())
}

fn only(key: Box<dyn KeyProvider>) -> Keyring {
    Keyring::new(Some(key), Vec::new(), false)
}

fn secret(address: &str) -> ResourceRecord {
    let attributes = format!(r#"{{"password":"{SECRET}"}}"#);
    ResourceRecord { attributes: attributes.into(), ..record(address) }
}

/// One of everything that can hold a secret.
fn everything() -> Vec<Write> {
    let text = format!(r#"{{"password":"{SECRET}"}}"#);
    let mut begun = intent("i1", "r1", "a.planned");
    (begun.planned, begun.meta) = (text.as_str().into(), text.as_str().into());
    let change = Change {
        run: run("r1").id,
        key: ResourceKey::current("a.b"),
        action: Action::Update,
        at: Timestamp(1),
        before: Some(text.as_str().into()),
        after: Some(text.as_str().into()),
        outcome: ChangeOutcome::Done,
        error: None,
    };
    let seen = Observation {
        key: ResourceKey::current("a.b"),
        at: Timestamp(1),
        attributes: Some(text.as_str().into()),
        complete: true,
    };
    let output = OutputRecord { name: "o".into(), value: text.as_str().into(), sensitive: true };
    vec![
        Write::StartRun(run("r1")),
        Write::Put { record: secret("a.b"), expect: Expect::Any },
        Write::Begin(begun),
        Write::Note(change),
        Write::Observe(seen),
        Write::PutOutput(output),
    ]
}

/// All texts that a store holds.
fn texts(store: &mut dyn Store) -> Vec<String> {
    let snapshot = store.snapshot().unwrap();
    let mut texts: Vec<_> = snapshot.resources.iter().map(|r| r.attributes.to_string()).collect();
    texts.extend(snapshot.outputs.iter().map(|o| o.value.to_string()));
    texts.extend(snapshot.intents.iter().flat_map(|i| [i.planned.to_string(), i.meta.to_string()]));
    let changes = store.changes(&run("r1").id).unwrap();
    texts.extend(changes.iter().flat_map(|c| [&c.before, &c.after]).flatten().map(ToString::to_string));
    let seen = store.observations().unwrap();
    texts.extend(seen.iter().filter_map(|o| o.attributes.as_ref()).map(ToString::to_string));
    texts
}

fn message(result: Result<impl std::fmt::Debug, StateError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn no_secret_reaches_the_store_behind() {
    let mut store = MemoryStore::default();
    let mut through = encrypted(&store, &only(key("file.main", 1)));
    through.commit(&everything()).unwrap();
    let (behind, before) = (texts(&mut store), texts(&mut through));
    assert_eq!((behind.len(), before.len()), (7, 7));
    for (sealed, plain) in behind.iter().zip(&before) {
        assert!(is_sealed(sealed.as_bytes()) && !sealed.contains(SECRET), "{sealed}");
        assert!(plain.contains(SECRET));
    }
    let row = &store.snapshot().unwrap().resources[0];
    assert_eq!((row.digest, &*row.sensitive_paths), ([0; 32], "[]"), "a digest tells if a guess is right");
}

#[test]
fn the_same_text_is_never_sealed_alike() {
    let keys = only(key("file.main", 1));
    assert_ne!(keys.seal(&["a"], "x").unwrap(), keys.seal(&["a"], "x").unwrap());
}

#[test]
fn a_state_is_read_with_its_key_alone() {
    let store = MemoryStore::default();
    encrypted(&store, &only(key("file.main", 1))).commit(&everything()).unwrap();
    let read = |keys: &Keyring| message(encrypted(&store, keys).snapshot());
    insta::assert_snapshot!(read(&only(key("file.main", 2))), @"memory: a.b can't be decrypted with key_provider.file.main: the key is another one, or what is stored was changed or belongs to another place");
    insta::assert_snapshot!(read(&only(key("file.other", 1))), @"memory: a.b is encrypted with key_provider.file.main, and the configuration's `encryption` block has none of that name");
    insta::assert_snapshot!(read(&Keyring::clear()), @"memory: a.b is encrypted with key_provider.file.main, and the configuration's `encryption` block has none of that name");
}

#[test]
fn a_row_that_is_put_in_anothers_place_does_not_open() {
    let mut store = MemoryStore::default();
    let keys = only(key("file.main", 1));
    encrypted(&store, &keys).commit(&[Write::Put { record: secret("a.b"), expect: Expect::Any }]).unwrap();
    let mut row = store.snapshot().unwrap().resources.remove(0);
    row.key = ResourceKey::current("a.other");
    store.commit(&[Write::Put { record: row, expect: Expect::Any }]).unwrap();
    assert!(message(encrypted(&store, &keys).snapshot()).contains("a.other can't be decrypted"));
}

#[test]
fn every_changed_byte_is_noticed() {
    let keys = only(key("file.main", 1));
    let sealed = keys.seal(&["a"], SECRET).unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let opened = keys.open(&["a"], &changed);
        // The last character of a part holds bits that base64 doesn't use: those must be zero.
        assert!(opened.is_err(), "byte {at}: {changed}");
    }
    for at in 0..sealed.len() {
        assert!(keys.open(&["a"], &sealed[..at]).is_err(), "cut off at {at}");
    }
}

#[test]
fn what_is_in_clear_is_taken_only_when_that_is_said() {
    let store = MemoryStore::default();
    encrypted(&store, &Keyring::clear()).commit(&everything()).unwrap();
    insta::assert_snapshot!(
        message(encrypted(&store, &only(key("file.main", 1))).snapshot()),
        @"memory: a.b is not encrypted, though the configuration says that it must be; add `fallback { method = method.unencrypted.NAME }` for the one run that encrypts it"
    );
    let migrating = Keyring::new(Some(key("file.main", 1)), Vec::new(), true);
    let read = encrypted(&store, &migrating).snapshot().unwrap();
    assert!(read.resources[0].attributes.contains(SECRET));
}

#[test]
fn a_key_is_changed_with_the_old_one_as_fallback() {
    let mut store = MemoryStore::default();
    encrypted(&store, &only(key("file.old", 1))).commit(&everything()).unwrap();
    let both = Keyring::new(Some(key("file.new", 2)), vec![key("file.old", 1)], false);
    let mut through = encrypted(&store, &both);
    assert!(through.snapshot().unwrap().resources[0].attributes.contains(SECRET));
    through.commit(&[Write::Put { record: secret("a.b"), expect: Expect::Any }]).unwrap();
    assert!(store.snapshot().unwrap().resources[0].attributes.starts_with("pilotis-sealed:1:file.new:"));
}

#[test]
fn a_moved_object_opens_at_its_new_address() {
    let store = MemoryStore::default();
    let keys = only(key("file.main", 1));
    let mut through = encrypted(&store, &keys);
    through.commit(&everything()).unwrap();
    let moves = [("a.b", "a.c"), ("a.c", "a.d")]
        .map(|(from, to)| Write::Move { from: ResourceKey::current(from), to: ResourceKey::current(to) });
    through.commit(&moves).unwrap();
    let moved = through.snapshot().unwrap().resources.remove(0);
    assert_eq!(&*moved.key.address, "a.d");
    assert!(moved.attributes.contains(SECRET));
    assert_eq!(moved.digest, record("a.b").digest);
    assert_eq!(&*through.observations().unwrap()[0].key.address, "a.d");
}

/// A run made of `text`.
fn made_of(id: &str, text: &str) -> [Write; 2] {
    let kept = Write::KeepMadeOf { run: run(id).id, digest: id.into(), text: Arc::<str>::from(text).into() };
    [Write::StartRun(run(id)), kept]
}

#[test]
fn what_several_runs_were_made_of_is_sealed_once_with_each_key() {
    let mut store = MemoryStore::default();
    let (old, new) = (only(key("file.main", 1)), only(key("file.new", 2)));
    encrypted(&store, &old).commit(&made_of("r1", SECRET)).unwrap();
    // Another process, whose key ring is new; and a run by hand in between.
    let mut next = encrypted(&store, &only(key("file.main", 1)));
    next.commit(&[Write::StartRun(run("by-hand"))]).unwrap();
    next.commit(&made_of("r2", SECRET)).unwrap();
    next.commit(&made_of("r3", "something else")).unwrap();
    let mut behind = |id: &str| store.made_of(&run(id).id).unwrap().unwrap();
    assert_eq!(behind("r1"), behind("r2"));
    assert_ne!(behind("r2"), behind("r3"));
    assert!(!behind("r2").contains(SECRET));
    // A key that is to go must not be needed for what is written now.
    let both = Keyring::new(Some(key("file.new", 2)), vec![key("file.main", 1)], false);
    encrypted(&store, &both).commit(&made_of("r4", "something else")).unwrap();
    assert_eq!(encrypted(&store, &new).made_of(&run("r4").id).unwrap().as_deref(), Some("something else"));
}

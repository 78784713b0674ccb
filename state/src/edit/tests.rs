//! Where moves go, what they may not overwrite, and what depends on them.

use super::*;
use crate::terraform::Imported;

fn snapshot(addresses: &[&str]) -> Snapshot {
    let record = |address: &&str| ResourceRecord {
        key: ResourceKey::current(*address),
        type_name: "t".into(),
        provider: "p".into(),
        schema_version: 0,
        attributes: "{}".into(),
        sensitive_paths: "[]".into(),
        dependencies: vec!["t.c".into()],
        status: Status::Ready,
        create_before_destroy: false,
        protected: false,
        digest: [0; 32],
        version: 1,
    };
    Snapshot { resources: addresses.iter().map(record).collect(), ..Snapshot::default() }
}

fn moved(addresses: &[&str], from: &str, to: &str) -> Result<Vec<String>, EditError> {
    let edit = rename(&snapshot(addresses), &from.parse().unwrap(), &to.parse().unwrap())?;
    Ok(edit.objects.iter().map(|(_, to)| to.address.to_string()).collect())
}

#[test]
fn a_blueprints_block_moves_whole() {
    let all =
        ["module.project[\"parc\"].t.a", "module.project[\"parc/k\"].t.a", "module.project[\"parcel\"].t.a"];
    assert_eq!(
        moved(&all, "module.project[\"parc/\"]", "module.project[\"new/\"]").unwrap(),
        ["module.project[\"new\"].t.a", "module.project[\"new/k\"].t.a"]
    );
    assert_eq!(
        moved(&all, "module.project[\"parcel\"]", "module.project[\"new/\"]").unwrap(),
        ["module.project[\"new\"].t.a"]
    );
}

#[test]
fn what_is_there_is_never_overwritten() {
    for (from, to) in [
        ("t.a", "t.b"),
        ("t.c[0]", "t.c[1]"),
        ("t.c", "t.b"),
        ("module.m", "module.n"),
        ("t.a", "t.a"),
        ("module.m", "module.m"),
    ] {
        let all = ["module.m.t.x", "module.n.t.y", "t.a", "t.b", "t.c[0]", "t.c[1]"];
        assert!(matches!(moved(&all, from, to), Err(EditError::Occupied { .. })), "{from} → {to}");
    }
}

#[test]
fn a_dependency_on_what_moved_in_part_names_both() {
    let edit =
        rename(&snapshot(&["t.a", "t.c[0]", "t.c[1]"]), &"t.c[0]".parse().unwrap(), &"t.d".parse().unwrap());
    let dependencies = edit.unwrap().writes.into_iter().find_map(|w| match w {
        Write::Put { record, .. } if &*record.key.address == "t.a" => Some(record.dependencies),
        _ => None,
    });
    assert_eq!(dependencies.unwrap(), ["t.c".into(), "t.d".into()] as [Arc<str>; 2]);
}

fn imported(addresses: &[&str], lineage: &str, serial: u64) -> Imported {
    let resources = snapshot(addresses).resources;
    Imported { lineage: lineage.into(), serial, resources, ..Imported::default() }
}

fn here(addresses: &[&str]) -> Snapshot {
    Snapshot { lineage: "l".into(), serial: 5, ..snapshot(addresses) }
}

#[test]
fn what_is_pushed_must_be_of_the_same_lineage_and_not_older() {
    let state = here(&["t.a", "t.b"]);
    let refused = |addresses: &[&str], lineage, serial| {
        push(&state, &imported(addresses, lineage, serial), false).unwrap_err()
    };
    let (ours, theirs) = ("l".to_owned(), "m".to_owned());
    assert_eq!(refused(&["t.a"], "m", 6), EditError::Unrelated { ours, theirs });
    assert_eq!(refused(&["t.a"], "l", 4), EditError::Older { ours: 5, theirs: 4 });
    assert_eq!(refused(&["t.a"], "l", 5), EditError::SameSerial(5));
    assert!(push(&state, &imported(&["t.a", "t.b"], "l", 5), false).unwrap().writes.is_empty(), "the same");
    assert!(push(&state, &imported(&["t.a"], "m", 1), true).is_ok());
    assert!(push(&Snapshot::default(), &imported(&["t.a"], "m", 1), false).is_ok(), "nothing was here");
}

#[test]
fn what_is_pushed_takes_the_place_of_what_is_here_and_stays_protected() {
    let mut state = here(&["t.a", "t.b"]);
    state.resources[0].protected = true;
    let mut other = imported(&["t.a", "t.c"], "l", 9);
    other.resources[0].attributes = r#"{"x":1}"#.into();
    let writes = push(&state, &other, false).unwrap().with_history(&RunId("r".into()), Timestamp(1));
    let said: Vec<String> = writes
        .iter()
        .map(|write| match write {
            Write::Become { lineage, serial, read } => format!("become {lineage} {serial} {read}"),
            Write::Put { record, expect } => format!("put {} {} {expect:?}", record.key, record.protected),
            Write::Remove { key, expect } => format!("remove {key} {expect:?}"),
            Write::Note(change) => format!("{} {}", change.action, change.key),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        said,
        [
            "become l 9 5",
            "put t.a true Version(1)",
            "put t.c false Absent",
            "remove t.b Version(1)",
            "import t.a",
            "import t.c",
            "forget t.b"
        ]
    );
    assert_eq!(import(&state, &other).unwrap_err(), EditError::NotEmpty(2));
}

#[test]
fn a_provider_is_replaced_and_its_alias_stays() {
    let mut state = here(&["t.a", "t.b"]);
    state.resources[1].provider = r#"provider["x/y"].eu"#.into();
    let edit = rebind(&state, "x/y", "z/y").unwrap();
    assert_eq!(edit.objects.len(), 1);
    let Write::Put { record, .. } = &edit.writes[0] else { panic!("it puts") };
    assert_eq!(&*record.provider, r#"provider["z/y"].eu"#);
    assert!(rebind(&state, "y", "z").unwrap().writes.is_empty());
}

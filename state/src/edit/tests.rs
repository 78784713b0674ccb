//! Where moves go, what they may not overwrite, and what depends on them.

use super::*;

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

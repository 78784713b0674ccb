//! Terraform's state file.

use crate::terraform::{Imported, export, import};
use crate::{Snapshot, Status};

const STATE: &str = r#"{
  "version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "5f0e7c1a",
  "outputs": { "url": { "value": "https://forge", "type": "string" }, "token": { "value": ["x", 1], "type": ["tuple", ["string", "number"]], "sensitive": true } },
  "resources": [
    { "module": "module.project[\"carto\"]", "mode": "managed", "type": "gitlab_project", "name": "repo", "each": "map",
      "provider": "provider[\"registry.terraform.io/gitlabhq/gitlab\"]",
      "instances": [
        { "index_key": "a\"b", "schema_version": 1, "attributes": { "id": 12345678901234567890123, "name": "a<b", "none": null },
          "sensitive_attributes": [[{ "type": "get_attr", "value": "list" }, { "type": "index", "value": { "value": 0, "type": "number" } }]],
          "private": "bnVsbA==", "dependencies": ["gitlab_group.b", "gitlab_group.a"], "create_before_destroy": true },
        { "index_key": "a\"b", "deposed": "00c0ffee", "status": "tainted", "schema_version": 1, "attributes": {} }
      ] },
    { "mode": "managed", "type": "t", "name": "n", "provider": "provider[\"p\"].eu", "instances": [{ "index_key": 3, "schema_version": 0, "attributes": { "id": "1" } }] },
    { "mode": "data", "type": "t", "name": "d", "provider": "provider[\"p\"]", "instances": [{ "schema_version": 0, "attributes": {} }] }
  ],
  "check_results": null
}"#;

#[test]
fn a_state_is_taken_in() {
    let imported = import(STATE).unwrap();
    assert_eq!((imported.serial, imported.lineage.as_str(), imported.data.len()), (7, "5f0e7c1a", 1));
    let first = &imported.resources[0];
    assert_eq!(&*first.key.address, r#"module.project["carto"].gitlab_project.repo["a\"b"]"#);
    assert_eq!(first.provider.as_ref(), r#"provider["registry.terraform.io/gitlabhq/gitlab"]"#);
    assert_eq!(first.attributes.as_ref(), r#"{"id":12345678901234567890123,"name":"a\u003cb","none":null}"#);
    assert_eq!(first.sensitive_paths.as_ref(), r#"[["list",0]]"#);
    assert_eq!(
        first.dependencies.iter().map(|d| &**d).collect::<Vec<_>>(),
        ["gitlab_group.a", "gitlab_group.b"]
    );
    assert!(first.create_before_destroy);
    let deposed = &imported.resources[1];
    assert_eq!((deposed.key.deposed.as_deref(), deposed.status), (Some("00c0ffee"), Status::Tainted));
    assert_eq!(&*imported.resources[2].key.address, "t.n[3]");
    assert_eq!(imported.outputs.iter().map(|o| o.sensitive).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn what_was_taken_in_is_written_the_same() {
    let Imported { lineage, serial, resources, outputs, .. } = import(STATE).unwrap();
    let snapshot = Snapshot { lineage, serial, resources, outputs, ..Snapshot::default() };
    let text = export(&snapshot, "1.11.4");
    let again = import(&text).unwrap();
    assert_eq!(again.resources, snapshot.resources);
    assert_eq!(again.outputs, snapshot.outputs);
    assert_eq!((again.serial, again.lineage), (snapshot.serial, snapshot.lineage));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["resources"][1]["instances"][0]["sensitive_attributes"][0][1]["value"]["value"], 0);
    assert_eq!(document["outputs"]["token"]["sensitive"], true);
}

/// As OpenTofu writes it where a provider has `for_each`.
#[test]
fn a_key_of_a_provider_stands_beside_the_instance() {
    let keyed = STATE.replace(
        r#""provider": "provider[\"p\"].eu", "instances": [{ "index_key": 3,"#,
        r#""instances": [{ "index_key": 4, "provider": "provider[\"p\"].by[\"us\"]", "schema_version": 0, "attributes": {} },
          { "index_key": 3, "provider": "provider[\"p\"].by[\"eu\"]","#,
    );
    let Imported { resources, .. } = import(&keyed).unwrap();
    let snapshot = Snapshot { resources, ..Snapshot::default() };
    let providers: Vec<&str> = snapshot.resources[2..].iter().map(|r| &*r.provider).collect();
    assert_eq!(providers, [r#"provider["p"].by["eu"]"#, r#"provider["p"].by["us"]"#]);
    let text = export(&snapshot, "1.11.4");
    assert_eq!(import(&text).unwrap().resources, snapshot.resources);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let block = &document["resources"][0];
    assert_eq!((block.get("provider"), block["instances"].as_array().unwrap().len()), (None, 2));
}

#[test]
fn what_is_no_state_is_refused_with_the_reason() {
    let error = |text: &str| import(text).unwrap_err().to_string();
    assert!(error("not json").contains("not valid JSON"));
    assert!(error("{}").contains("version none"));
    assert!(error(r#"{"version":3}"#).contains("only version 4"));
    let flat = r#"{"version":4,"resources":[{"mode":"managed","type":"t","name":"n","provider":"p","instances":[{"attributes_flat":{"id":"1"}}]}]}"#;
    assert!(error(flat).contains("t.n: it has no attributes"));
    assert!(import(r#"{"version":4}"#).unwrap().resources.is_empty());
}

/// One mistake of each kind, all told at once; a list that is none is not an empty one.
#[test]
fn all_that_is_wrong_is_said_together() {
    let object = |members: &str, instance: &str| {
        format!(
            r#"{{"mode":"managed","type":"t","provider":"provider[\"p\"]",{members},"instances":[{instance}]}}"#
        )
    };
    let plain = r#"{"attributes":{}}"#;
    let resources = [
        object(r#""name":"a""#, r#"{"attributes":{},"index_key":1.5}"#),
        object(r#""name":"b""#, r#"{"attributes":{},"dependencies":["not an address"]}"#),
        object(r#""name":"c""#, r#"{"attributes":{},"sensitive_attributes":[[{"type":"splat","value":1}]]}"#),
        object(r#""name":"d""#, &format!("{plain},{plain}")),
        object(r#""name":"e e""#, plain),
        object(r#""name":"f""#, r#"{"attributes":{},"status":"lost"}"#),
        object(r#""name":"g""#, r#"{"attributes":{},"schema_version":-1}"#),
        r#"{"mode":"managed","type":"t","name":"h","instances":[{"attributes":{}}]}"#.to_owned(),
        r#"{"mode":"other","type":"t","name":"i"}"#.to_owned(),
        r#"{"mode":"managed","type":"t","name":"j","instances":{}}"#.to_owned(),
    ];
    let outputs = r#""outputs":{"o":{"value":1},"p":{"value":"x","type":"number"}}"#;
    let state = format!(r#"{{"version":4,"serial":-1,{outputs},"resources":[{}]}}"#, resources.join(","));
    insta::assert_snapshot!(import(&state).unwrap_err(), @r#"
    13 problems, so nothing was taken in:
      - serial: it is no number that counts
      - output o: it has no value or no type
      - output p: value: a number is required
      - t.a: its index_key is neither a number nor a text
      - t.b: its dependency "not an address" is no address
      - t.c: its sensitive_attributes have a step that is neither get_attr nor index
      - t.e e: nothing may follow here (at " e" of "t.e e")
      - t.f: its status is "lost", which nobody knows
      - t.g: its schema_version is negative
      - t.h: it has no provider
      - a resource: its mode is neither managed nor data
      - a resource: its instances are no list
      - t.d: it is there twice
    "#);
    for state in [r#"{"version":4,"resources":{"a":1}}"#, r#"{"version":4,"outputs":[1]}"#] {
        assert!(import(state).is_err(), "{state}");
    }
}

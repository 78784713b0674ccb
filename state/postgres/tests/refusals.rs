//! What is not to be touched is not touched, and what is wrong is said without a secret.

#![allow(clippy::unwrap_used, reason = "tests; the helpers around them too")]

use pilotis_state::conformance::{change, record, run};
use pilotis_state::{Expect, RunId, StateError, Store, Write};
use pilotis_state_postgres::server::{self, PASSWORD, Schema};
use pilotis_state_postgres::{Options, PostgresStore};

/// All tables of a schema, with how often their rows were written.
fn content(schema: &Schema) -> Vec<String> {
    schema.texts(&format!(
        "SELECT relname || ' ' || (xpath('/row/c/text()', query_to_xml(format('SELECT coalesce(string_agg(t::text || xmin, '' '' ORDER BY t::text), ''-'') AS c FROM %I.%I t', nspname, relname), false, true, '')))[1]
         FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = '{}' AND relkind = 'r' ORDER BY 1",
        schema.name
    ))
}

/// Opens what the SQL made, expects a refusal, and proves that nothing was changed.
#[track_caller]
fn refused(schema: &Schema, sql: &str, says: &str) -> StateError {
    schema.sql(sql);
    let before = content(schema);
    let error = match PostgresStore::open(&schema.options()) {
        Ok(mut store) => store.snapshot().unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(content(schema), before, "something was changed");
    let said = error.to_string();
    assert!(said.contains(says), "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
    error
}

fn filled(schema: &Schema) {
    let mut store = PostgresStore::open(&schema.options()).unwrap();
    let put = |n| Write::Put { record: record(&format!("gitlab_group.g[{n}]")), expect: Expect::Any };
    store.commit(&(0..20).map(put).collect::<Vec<_>>()).unwrap();
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let Some(schema) = server::schema() else { return };
    let make = |schema: &Schema| schema.sql(&format!("CREATE SCHEMA {}", schema.name));
    make(&schema);
    let error =
        refused(&schema, "CREATE TABLE bookmarks (url text)", "tables of another program (bookmarks)");
    assert!(matches!(error, StateError::Corrupt { .. }));

    let terraforms = server::schema().unwrap();
    make(&terraforms);
    let table = "CREATE TABLE states (id bigint, name text, data text); INSERT INTO states VALUES (1, 'default', '{}')";
    refused(&terraforms, table, "`terraform state pull > FILE`, then `pilotis state import FILE`");

    let newer = server::schema().unwrap();
    filled(&newer);
    let error = refused(
        &newer,
        "UPDATE pilotis SET version = 99",
        "was written by a newer version of Pilotis (schema 99",
    );
    assert!(matches!(error, StateError::Newer { found: 99, known: 1, .. }));
}

#[test]
fn damage_is_noticed() {
    let Some(schema) = server::schema() else { return };
    filled(&schema);
    let corrupt = |sql: &str, says: &str| {
        let error = refused(&schema, sql, says);
        assert!(matches!(error, StateError::Corrupt { .. }), "{error:?}");
    };
    corrupt(
        "UPDATE resource SET status = 'odd' WHERE address = 'gitlab_group.g[7]'",
        r#"there is no status "odd""#,
    );
    schema.sql(
        "UPDATE resource SET status = 'ready'; ALTER TABLE resource DROP CONSTRAINT resource_digest_check",
    );
    corrupt(
        "UPDATE resource SET digest = 'short' WHERE address = 'gitlab_group.g[7]'",
        "digest of gitlab_group.g[7]",
    );
    schema.sql("UPDATE resource SET digest = sha256('x')");
    corrupt("ALTER TABLE resource ALTER COLUMN version TYPE text", "version: ");
    corrupt("ALTER TABLE resource DROP COLUMN protected", "protected");
    corrupt("DROP TABLE observation", "the table observation is missing");
    corrupt("DELETE FROM pilotis", "of which version");
}

#[test]
fn a_server_that_cannot_be_used_is_said_without_a_secret() {
    let Some(schema) = server::schema() else { return };
    let fails = |options: Options, says: &str| {
        let error = PostgresStore::open(&options).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(!error.contains(PASSWORD) && !error.contains("horse"), "{error}");
        error
    };
    let with = |more: &str| {
        let options = schema.options();
        Options { conn_str: format!("{} {more}", options.conn_str), ..options }
    };
    fails(with("port=1"), "Connection refused");
    fails(with("dbname=nowhere"), "SQLSTATE 3D000");
    fails(with("password='correct horses'"), "SQLSTATE 28P01");
    fails(with("sslmode=verify-full"), "or write sslmode=disable where the network is trusted");
    fails(with("nonsense"), "backend \"pg\"");
}

#[test]
fn an_administrator_makes_what_we_may_not() {
    let Some(schema) = server::schema() else { return };
    let error = PostgresStore::open(&Options { skip_schema_creation: true, ..schema.options() }).unwrap_err();
    assert!(error.to_string().contains("let an administrator make it"), "{error}");
    schema.sql(&format!("CREATE SCHEMA {}", schema.name));
    let skip = || Options { skip_schema_creation: true, skip_table_creation: true, ..schema.options() };
    let error = PostgresStore::open(&skip()).unwrap_err();
    assert!(error.to_string().contains("run `pilotis init` once as a role that may"), "{error}");
    assert!(PostgresStore::open_existing(&skip()).unwrap().is_none());
    drop(PostgresStore::open(&schema.options()).unwrap());
    assert!(PostgresStore::open_existing(&skip()).unwrap().is_some());
}

#[test]
fn workspaces_are_apart() {
    let Some(schema) = server::schema() else { return };
    let named = |name: &str| Options { workspace: name.into(), ..schema.options() };
    assert!(PostgresStore::workspaces(&named("default")).unwrap().is_empty());
    assert!(PostgresStore::open_existing(&named("prod")).unwrap().is_none());
    let mut default = PostgresStore::open(&named("default")).unwrap();
    let mut prod = PostgresStore::open(&named("prod")).unwrap();
    assert!(
        prod.location().ends_with(&format!("(schema {}, workspace prod)", schema.name)),
        "{}",
        prod.location()
    );
    assert!(!prod.location().contains("horse") && !format!("{prod:?}").contains("horse"));
    prod.commit(&[
        Write::StartRun(run("r")),
        Write::Note(change("r", "a", 1)),
        Write::Put { record: record("a"), expect: Expect::Absent },
    ])
    .unwrap();
    assert!(default.snapshot().unwrap().resources.is_empty());
    assert!(default.history("a", 9).unwrap().is_empty() && default.runs(9).unwrap().is_empty());
    assert_eq!(default.serial().unwrap(), 0);
    let mut names = PostgresStore::workspaces(&named("default")).unwrap();
    names.sort();
    assert_eq!(names, ["default", "prod"]);
    let mut other = PostgresStore::open(&named("prod")).unwrap();
    prod.delete().unwrap();
    assert_eq!(PostgresStore::workspaces(&named("default")).unwrap(), ["default"]);
    let gone = other.commit(&[Write::StartRun(run("r"))]).unwrap_err();
    assert!(gone.to_string().contains("deleted meanwhile"), "{gone}");
    assert!(other.changes(&RunId("r".into())).unwrap().is_empty());
}

/// Text that PostgreSQL can't hold doesn't break a commit: a service's message may have anything in it.
#[test]
fn a_zero_byte_breaks_nothing() {
    let Some(schema) = server::schema() else { return };
    let mut store = PostgresStore::open(&schema.options()).unwrap();
    let failed = pilotis_state::Change { error: Some("a\0b".into()), ..change("r", "a", 1) };
    store.commit(&[Write::StartRun(run("r")), Write::Note(failed)]).unwrap();
    assert_eq!(store.whole().unwrap().changes[0].error.as_deref(), Some("a\u{fffd}b"));
}

//! Opening: what is refused is refused before anything is written. The tables are made and brought up to date under a lock, so that of
//! several processes that come at once one does it.

use pilotis_state::StateError;

use crate::Options;
use crate::commit::Writer;
use crate::error::Failure;
use crate::session::{Connection, Session, identifier};

/// All versions of the schema, oldest first. A migration that has been released never changes.
pub(crate) const MIGRATIONS: &[&str] = &[include_str!("migrations/1.sql")];

/// The tables that a schema of the newest version has.
const TABLES: &[&str] = &[
    "audit",
    "change",
    "holder",
    "intent",
    "lease",
    "observation",
    "output",
    "pilotis",
    "resource",
    "run",
    "workspace",
    "writer",
];

/// The table that a schema of ours is recognised by.
const MARK: &str = "pilotis";
/// The table in which Terraform's own backend has its states.
const TERRAFORM: &str = "states";

const SCHEMA: &str = "SELECT nspname FROM pg_namespace WHERE nspname = $1";
const TABLES_OF: &str = "
SELECT relname::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = $1 AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname";
const VERSION: &str = "SELECT version FROM pilotis";
const MIGRATING: &str = "SELECT pg_advisory_xact_lock(hashtextextended('pilotis ' || $1, 0))";
const FIND: &str = "SELECT id FROM workspace WHERE name = $1";
const MAKE: &str = "
INSERT INTO workspace (name, lineage, serial) VALUES ($1, $2, 0) ON CONFLICT (name) DO NOTHING";
const NAMES: &str = "SELECT name FROM workspace";
const RENAME: &str = "UPDATE workspace SET name = $2 WHERE id = $1";
const DELETE: &str = "DELETE FROM workspace WHERE id = $1";

/// What a schema is.
enum Kind {
    /// Not there.
    Missing,
    /// There, without a table.
    Bare,
    /// Ours, of this version.
    Ours(i64),
}

/// Opens a workspace; none if it isn't there and is not to be made.
pub(crate) async fn open(
    session: &mut Session,
    options: &Options,
    location: &str,
    make: bool,
) -> Result<Option<Writer>, Failure> {
    if !prepare(session, options, location, make).await? {
        return Ok(None);
    }
    let name = options.workspace.as_str();
    let lineage = uuid::Uuid::new_v4().to_string();
    let found = session
        .repeat(async |connection| {
            if make && connection.query(FIND, &[&name]).await?.is_empty() {
                connection.query(MAKE, &[&name, &lineage]).await?;
            }
            connection.query(FIND, &[&name]).await
        })
        .await?;
    let Some(row) = found.first() else { return Ok(None) };
    Ok(Some(Writer {
        workspace: row.try_get(0)?,
        id: uuid::Uuid::new_v4().to_string(),
        commits: 0,
        location: location.to_owned(),
    }))
}

/// The names of all workspaces, in no order.
pub(crate) async fn workspaces(
    session: &mut Session,
    options: &Options,
    location: &str,
) -> Result<Vec<String>, Failure> {
    if !prepare(session, options, location, false).await? {
        return Ok(Vec::new());
    }
    let rows = session.repeat(async |c| c.query(NAMES, &[]).await).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Gives a workspace another name.
pub(crate) async fn rename(session: &mut Session, workspace: i32, name: &str) -> Result<(), Failure> {
    session.repeat(async |c| c.query(RENAME, &[&workspace, &name]).await).await.map(|_| ())
}

/// Deletes a workspace with all that it holds.
pub(crate) async fn delete(session: &mut Session, workspace: i32) -> Result<(), Failure> {
    session.repeat(async |c| c.query(DELETE, &[&workspace]).await).await.map(|_| ())
}

/// Looks at the schema, and brings it up to date; false if there is none and none is to be made.
async fn prepare(
    session: &mut Session,
    options: &Options,
    location: &str,
    make: bool,
) -> Result<bool, Failure> {
    let latest = MIGRATIONS.len() as i64;
    let kind = session.repeat(async |c| look(c, &options.schema, location).await).await?;
    match kind {
        Kind::Ours(version) if version == latest => return Ok(true),
        Kind::Missing | Kind::Bare if !make => return Ok(false),
        Kind::Missing if options.skip_schema_creation => {
            return Err(Failure::Setup(format!(
                "there is no schema {:?}, and skip_schema_creation says not to make it: let an administrator make it, with the right to make tables in it",
                options.schema
            )));
        }
        _ if options.skip_table_creation => {
            return Err(Failure::Setup(format!(
                "the schema {:?} doesn't have the tables of this version, and skip_table_creation says not to make them: run `pilotis init` once as a role that may, without it",
                options.schema
            )));
        }
        _ => {}
    }
    session.repeat(async |c| migrate(c, options, location).await).await?;
    Ok(true)
}

async fn look(connection: &mut Connection, schema: &str, location: &str) -> Result<Kind, Failure> {
    if connection.query(SCHEMA, &[&schema]).await?.is_empty() {
        return Ok(Kind::Missing);
    }
    let rows = connection.query(TABLES_OF, &[&schema]).await?;
    let tables: Vec<&str> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    if tables.is_empty() {
        return Ok(Kind::Bare);
    }
    if !tables.contains(&MARK) {
        return Err(Failure::Damaged(foreign(&tables)));
    }
    let versions = connection.query(VERSION, &[]).await?;
    let [version] = versions.as_slice() else {
        return Err(Failure::Damaged("it doesn't say of which version it is".into()));
    };
    let found = i64::from(version.try_get::<_, i32>(0)?);
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StateError::Newer { location: location.to_owned(), found, known }.into());
    }
    match TABLES.iter().find(|table| found == known && !tables.contains(table)) {
        Some(table) => Err(Failure::Damaged(format!("the table {table} is missing"))),
        None => Ok(Kind::Ours(found)),
    }
}

fn foreign(tables: &[&str]) -> String {
    if tables.contains(&TERRAFORM) {
        return "Terraform has its states in this schema (table states). Name another one with schema_name, and bring a state over: `terraform state pull > FILE`, then `pilotis state import FILE`".into();
    }
    let names: Vec<&str> = tables.iter().copied().take(3).collect();
    format!(
        "the schema holds tables of another program ({}): name another one with schema_name",
        names.join(", ")
    )
}

async fn migrate(connection: &mut Connection, options: &Options, location: &str) -> Result<(), Failure> {
    let schema = options.schema.as_str();
    connection.batch("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    connection.query(MIGRATING, &[&schema]).await?;
    let version = match look(connection, schema, location).await? {
        Kind::Missing => {
            connection.batch(&format!("CREATE SCHEMA {}", identifier(schema))).await?;
            0
        }
        Kind::Bare => 0,
        Kind::Ours(version) => version,
    };
    for (sql, number) in MIGRATIONS.iter().zip(1_i64..).filter(|(_, number)| *number > version) {
        tracing::info!("the state's tables are brought to version {number}");
        connection.batch(sql).await?;
        connection
            .batch(&format!("DELETE FROM pilotis; INSERT INTO pilotis (version) VALUES ({number})"))
            .await?;
    }
    connection.batch("COMMIT").await
}

//! The state in PostgreSQL: one row for each object, one transaction for each commit, many processes at once.
//!
//! Here lives all that knows SQL of this dialect. A schema is an estate, a row of its table `workspace` a state. Who commits holds that
//! row's lock; leases are counted by the server's clock; a commit whose answer was lost is looked up, never guessed.

mod batch;
mod commit;
mod conn_str;
mod error;
mod lease;
mod open;
mod query;
#[cfg(all(unix, feature = "server"))]
pub mod server;
mod session;
mod statements;
mod tls;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::thread;

use pilotis_state::audit::{AuditEntry, Head as AuditHead};
use pilotis_state::whole::Whole;
use pilotis_state::{Change, Lease, Observation, Run, RunId, Snapshot, StateError, Store, Timestamp, Write};
use tokio::runtime::{Builder, Handle, Runtime};

use commit::Writer;
use conn_str::Server;
use error::Failure;
use session::Session;

pub use conn_str::ConnStrError;

/// The schema, if none is named: the one of Terraform's own backend.
pub const SCHEMA: &str = "terraform_remote_state";

/// Where a state is.
#[derive(Clone, Default)]
pub struct Options {
    /// A connection string of libpq, in either form. It may hold a password.
    pub conn_str: String,
    /// Variables of the environment: those of libpq (`PGHOST` …) count for what the connection string doesn't say.
    pub environment: BTreeMap<String, String>,
    /// The schema.
    pub schema: String,
    /// The workspace.
    pub workspace: String,
    /// An administrator has made the schema.
    pub skip_schema_creation: bool,
    /// An administrator has made the tables.
    pub skip_table_creation: bool,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("schema", &self.schema)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

/// The name of a server's schema for messages, without credentials: it says when two connection strings mean the same place.
pub fn location(options: &Options) -> Result<String, ConnStrError> {
    Ok(place(&Server::parse(&options.conn_str, &options.environment)?, options))
}

fn place(server: &Server, options: &Options) -> String {
    let workspace = match options.workspace.as_str() {
        "" | "default" => String::new(),
        name => format!(", workspace {name}"),
    };
    format!("{} (schema {}{workspace})", server.location, options.schema)
}

/// A state in PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore {
    wire: Wire,
    writer: Writer,
}

impl PostgresStore {
    /// Opens the state; makes schema, tables and workspace if they are not there. A schema of another program, or of a newer version of
    /// this one, is refused and left as it is.
    pub fn open(options: &Options) -> Result<PostgresStore, StateError> {
        let opened = PostgresStore::look(options, true)?;
        opened.ok_or_else(|| StateError::NotFound { what: format!("workspace {}", options.workspace) })
    }

    /// Opens the state if there is one; none if it was never made.
    pub fn open_existing(options: &Options) -> Result<Option<PostgresStore>, StateError> {
        PostgresStore::look(options, false)
    }

    /// The workspaces of a schema, in no order.
    pub fn workspaces(options: &Options) -> Result<Vec<String>, StateError> {
        let (mut wire, location) = Wire::new(options)?;
        wire.wait(async |session| open::workspaces(session, options, &location).await)
            .map_err(|e| e.at(&location))
    }

    fn look(options: &Options, make: bool) -> Result<Option<PostgresStore>, StateError> {
        let (mut wire, location) = Wire::new(options)?;
        let writer = wire
            .wait(async |session| {
                let writer = open::open(session, options, &location, make).await;
                session.be_patient();
                writer
            })
            .map_err(|e| e.at(&location))?;
        Ok(writer.map(|writer| PostgresStore { wire, writer }))
    }

    /// The serial; zero if nothing was ever committed.
    pub fn serial(&mut self) -> Result<u64, StateError> {
        self.ask(async |session, workspace| query::serial(session, workspace).await)
    }

    /// Gives the workspace another name, which no other one may have.
    pub fn rename(mut self, name: &str) -> Result<(), StateError> {
        self.ask(async |session, workspace| open::rename(session, workspace, name).await)
    }

    /// Deletes the workspace with all that it holds.
    pub fn delete(mut self) -> Result<(), StateError> {
        self.ask(async |session, workspace| open::delete(session, workspace).await)
    }

    fn ask<T: Send>(
        &mut self,
        work: impl AsyncFnOnce(&mut Session, i32) -> Result<T, Failure> + Send,
    ) -> Result<T, StateError> {
        let PostgresStore { wire, writer } = self;
        let workspace = writer.workspace;
        wire.wait(async |session| work(session, workspace).await).map_err(|e| e.at(&writer.location))
    }
}

impl Store for PostgresStore {
    fn location(&self) -> &str {
        &self.writer.location
    }

    fn clock(&mut self) -> Result<Option<Timestamp>, StateError> {
        self.ask(async |session, _| query::clock(session).await).map(Some)
    }

    fn snapshot(&mut self) -> Result<Snapshot, StateError> {
        self.ask(async |session, workspace| query::snapshot(session, workspace).await)
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StateError> {
        let PostgresStore { wire, writer } = self;
        let done = wire.wait(async |session| commit::commit(session, writer, writes).await);
        done.map_err(|e| e.at(&writer.location))
    }

    fn acquire(&mut self, leases: &[Lease], now: Timestamp) -> Result<(), StateError> {
        self.ask(async |session, workspace| lease::acquire(session, workspace, leases, now).await)
    }

    fn renew(&mut self, run: &RunId, expires: Timestamp) -> Result<(), StateError> {
        self.ask(async |session, workspace| lease::renew(session, workspace, run, expires).await)
    }

    fn release(&mut self, run: &RunId) -> Result<(), StateError> {
        self.ask(async |session, workspace| lease::release(session, workspace, run).await)
    }

    fn revoke(&mut self, run: &RunId) -> Result<(), StateError> {
        self.ask(async |session, workspace| lease::revoke(session, workspace, run).await)
    }

    fn history(&mut self, address: &str, limit: usize) -> Result<Vec<(Run, Change)>, StateError> {
        self.ask(async |session, workspace| query::history(session, workspace, address, limit).await)
    }

    fn runs(&mut self, limit: usize) -> Result<Vec<Run>, StateError> {
        self.ask(async |session, workspace| query::runs(session, workspace, limit).await)
    }

    fn changes(&mut self, run: &RunId) -> Result<Vec<Change>, StateError> {
        self.ask(async |session, workspace| query::changes(session, workspace, run).await)
    }

    fn made_of(&mut self, run: &RunId) -> Result<Option<Arc<str>>, StateError> {
        self.ask(async |session, workspace| query::made_of(session, workspace, run).await)
    }

    fn observations(&mut self) -> Result<Vec<Observation>, StateError> {
        self.ask(async |session, workspace| query::observations(session, workspace).await)
    }

    fn audit(&mut self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StateError> {
        self.ask(async |session, workspace| query::audit(session, workspace, after, limit).await)
    }

    fn audit_head(&mut self) -> Result<AuditHead, StateError> {
        self.ask(async |session, workspace| query::audit_head(session, workspace).await)
    }

    fn whole(&mut self) -> Result<Whole, StateError> {
        self.ask(async |session, workspace| query::whole(session, workspace).await)
    }
}

/// A session and the threads that it lives on: a store is asked by threads that wait.
struct Wire {
    /// None once it is dropped.
    runtime: Option<Runtime>,
    session: Session,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}

impl Wire {
    fn new(options: &Options) -> Result<(Wire, String), StateError> {
        let wrong = |source: Box<dyn std::error::Error + Send + Sync>| StateError::Io {
            location: "backend \"pg\"".into(),
            source,
        };
        let server = Server::parse(&options.conn_str, &options.environment).map_err(|e| wrong(e.into()))?;
        let location = place(&server, options);
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("postgres").enable_all().build();
        let runtime = Some(runtime.map_err(|e| wrong(e.into()))?);
        Ok((Wire { runtime, session: Session::new(server, options.schema.clone()) }, location))
    }

    /// Waits for work with the server.
    fn wait<T: Send>(
        &mut self,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, Failure> + Send,
    ) -> Result<T, Failure> {
        let Wire { runtime, session } = self;
        let Some(runtime) = runtime else { return Err(Failure::Setup("it is closed".into())) };
        let work = move || runtime.block_on(work(session));
        if Handle::try_current().is_err() {
            return work();
        }
        // A command opens its state on a thread of a runtime, and tokio doesn't let such a one wait.
        thread::scope(|scope| {
            scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.session.forget();
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not wait for its end on a thread of another one.
            runtime.shutdown_background();
        }
    }
}

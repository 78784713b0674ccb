//! The connection: made, kept, and made again when it is lost. Nothing here knows what a state is.

use std::collections::HashMap;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};

use crate::conn_str::Server;
use crate::error::Failure;
use crate::tls;

/// How long to try to get back to a server: a restart or a failover takes less.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a server may take from the first byte until it can be asked.
const SILENCE: Duration = Duration::from_secs(30);
/// The oldest server that has all that is used here, and that still is maintained.
const OLDEST: i32 = 130_000;

/// A parameter of a statement.
pub(crate) type Param<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// One of several statements that are sent together.
pub(crate) struct Step<'a> {
    pub(crate) sql: &'static str,
    pub(crate) params: Vec<Param<'a>>,
}

/// A server, and the connection to it if there is one.
#[derive(Debug)]
pub(crate) struct Session {
    server: Server,
    schema: String,
    patience: Duration,
    connection: Option<Connection>,
}

/// An open connection.
pub(crate) struct Connection {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("is_closed", &self.client.is_closed()).finish_non_exhaustive()
    }
}

impl Session {
    /// Connects nothing yet. A server that isn't there when a state is opened is said at once; later it is waited for
    /// ([`Session::be_patient`]).
    pub(crate) fn new(server: Server, schema: String) -> Session {
        Session { server, schema, patience: Duration::ZERO, connection: None }
    }

    /// From now on a server that went away is waited for: it was there before.
    pub(crate) fn be_patient(&mut self) {
        self.patience = PATIENCE;
    }

    /// Until when a server is waited for, from now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Does what may be done twice: if the connection is lost on the way, all of it is done again over a new one.
    pub(crate) async fn repeat<T>(
        &mut self,
        mut work: impl AsyncFnMut(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let deadline = self.deadline();
        loop {
            let connection = self.connected(deadline).await?;
            match work(connection).await {
                Err(failure) if failure.is_lost() && Instant::now() < deadline => {
                    tracing::warn!("the connection to the state was lost; connecting again");
                    self.forget();
                }
                Err(failure) => {
                    connection.abort().await;
                    return Err(failure);
                }
                done => return done,
            }
        }
    }

    /// The connection; a new one if there is none.
    pub(crate) async fn connected(&mut self, deadline: Instant) -> Result<&mut Connection, Failure> {
        if self.connection.as_ref().is_none_or(|c| c.client.is_closed()) {
            let connection = self.connect_patiently(deadline).await?;
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or_else(|| Failure::Setup("there is no connection".into()))
    }

    /// The connection is of no use any more.
    pub(crate) fn forget(&mut self) {
        self.connection = None;
    }

    async fn connect_patiently(&self, deadline: Instant) -> Result<Connection, Failure> {
        let mut pause = Duration::from_millis(50);
        loop {
            // Also a server that takes a connection and then says nothing is one that isn't there.
            let opened = tokio::time::timeout(SILENCE, Connection::open(&self.server, &self.schema)).await;
            match opened.unwrap_or(Err(Failure::Silent)) {
                Err(failure) if failure.is_lost() && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                connected => return connected,
            }
        }
    }
}

impl Connection {
    async fn open(server: &Server, schema: &str) -> Result<Connection, Failure> {
        let client = match &server.trust {
            None => {
                let (client, connection) = server.config.connect(NoTls).await?;
                tokio::spawn(connection);
                client
            }
            Some(trust) => {
                let (client, connection) = server.config.connect(tls::connector(trust)?).await?;
                tokio::spawn(connection);
                client
            }
        };
        let row = client
            .query_one(
                "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'),
                     current_setting('synchronous_commit')",
                &[],
            )
            .await?;
        let (version, encoding, synchronous): (i32, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if version < OLDEST {
            return Err(Failure::Setup(format!(
                "the server is PostgreSQL {}: version 13 or later is needed",
                version / 10_000
            )));
        }
        if encoding != "UTF8" {
            return Err(Failure::Setup(format!(
                "the database is encoded in {encoding}: make one for the state with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
            )));
        }
        // What a commit promises is that it survives a crash; who has chosen an even stronger promise keeps it.
        let durable = if synchronous == "off" { "SET synchronous_commit = on;" } else { "" };
        client
            .batch_execute(&format!(
                "SET search_path TO {}; SET lock_timeout = '60s'; SET idle_in_transaction_session_timeout = '60s';
                 SET statement_timeout = 0; SET default_transaction_isolation = 'read committed'; {durable}",
                identifier(schema)
            ))
            .await?;
        Ok(Connection { client, statements: HashMap::new() })
    }

    /// Several statements in one text, without parameters.
    pub(crate) async fn batch(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// The first column of what a query gives, as texts.
    #[cfg(feature = "server")]
    pub(crate) async fn texts(&self, sql: &str) -> Result<Vec<String>, Failure> {
        let messages = self.client.simple_query(sql).await?;
        let first = |message: &tokio_postgres::SimpleQueryMessage| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        };
        Ok(messages.iter().filter_map(first).collect())
    }

    /// One statement.
    pub(crate) async fn query(
        &mut self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query(&statement, params).await?)
    }

    /// Sends `first` and all steps at once and in order: one round trip. The answers are in the same order; behind the first that failed
    /// all have.
    pub(crate) async fn send(
        &mut self,
        first: &str,
        steps: &[Step<'_>],
    ) -> Result<Vec<Result<Vec<Row>, tokio_postgres::Error>>, Failure> {
        let mut statements = Vec::with_capacity(steps.len());
        for step in steps {
            statements.push(self.statement(step.sql).await?);
        }
        let client = &self.client;
        // A request is sent when its future is polled for the first time: here, not when it is waited for.
        let mut beginning = client.batch_execute(first).boxed();
        let begun = futures::poll!(&mut beginning);
        let mut answers = Vec::with_capacity(steps.len());
        for (step, statement) in steps.iter().zip(&statements) {
            let mut answer: BoxFuture<'_, _> = async move {
                let params: Vec<&(dyn ToSql + Sync)> =
                    step.params.iter().map(|p| &**p as &(dyn ToSql + Sync)).collect();
                client.query(statement, &params).await
            }
            .boxed();
            match futures::poll!(&mut answer) {
                Poll::Ready(answer) => answers.push(futures::future::ready(answer).boxed()),
                Poll::Pending => answers.push(answer),
            }
        }
        match begun {
            Poll::Ready(begun) => begun?,
            Poll::Pending => beginning.await?,
        }
        let mut all = Vec::with_capacity(answers.len());
        for answer in answers {
            all.push(answer.await);
        }
        Ok(all)
    }

    /// Ends a transaction that is to have done nothing.
    pub(crate) async fn abort(&self) {
        // Without a transaction this says so in a warning; without a connection the server aborts by itself.
        let _ = self.client.batch_execute("ROLLBACK").await;
    }

    async fn statement(&mut self, sql: &'static str) -> Result<Statement, Failure> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

/// A name in SQL, whatever is in it.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

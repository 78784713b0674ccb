//! From what PostgreSQL says to what a state says. A server's `DETAIL` may hold a row's content, which may be secret: it is never shown.

use pilotis_state::StateError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::conn_str::ConnStrError;
use crate::tls::TlsError;

/// An operation failed: in PostgreSQL, or because the state says no.
#[derive(Debug)]
pub(crate) enum Failure {
    /// PostgreSQL or the connection said it.
    Sql(Error),
    /// We say it.
    State(StateError),
    /// What is stored isn't what we store.
    Damaged(String),
    /// The server takes connections and doesn't answer.
    Silent,
    /// Neither can be used as it is: what to do.
    Setup(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Sql(error)
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Failure {
        Failure::State(error)
    }
}

impl From<ConnStrError> for Failure {
    fn from(error: ConnStrError) -> Failure {
        Failure::Setup(error.to_string())
    }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Failure {
        Failure::Setup(error.to_string())
    }
}

impl Failure {
    /// Somebody has deleted the workspace that was opened.
    pub(crate) fn gone() -> Failure {
        Failure::Damaged("the workspace was deleted meanwhile".into())
    }

    /// The connection is gone, or the server goes down or comes up: another try may succeed.
    pub(crate) fn is_lost(&self) -> bool {
        let Failure::Sql(error) = self else { return matches!(self, Failure::Silent) };
        match error.code() {
            Some(code) => {
                // Class 08 is the connection's; the others are of a server that is stopping, has crashed or starts.
                code.code().starts_with("08")
                    || [
                        &SqlState::ADMIN_SHUTDOWN,
                        &SqlState::CRASH_SHUTDOWN,
                        &SqlState::CANNOT_CONNECT_NOW,
                        &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                    ]
                    .contains(&code)
            }
            None => error.is_closed() || broken(error),
        }
    }

    /// The error of a state at this location.
    pub(crate) fn at(self, location: &str) -> StateError {
        let location = location.to_owned();
        match self {
            Failure::State(error) => error,
            Failure::Damaged(detail) => StateError::Corrupt { location, detail },
            Failure::Silent => {
                StateError::Io { location, source: "the server takes connections, but doesn't answer".into() }
            }
            Failure::Setup(what) => StateError::Io { location, source: what.into() },
            Failure::Sql(error) => said(location, &error),
        }
    }
}

/// The network, or a certificate, said no.
fn broken(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}

fn said(location: String, error: &Error) -> StateError {
    let Some(db) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        return StateError::Io { location, source: format!("{text}{}", advice(&text)).into() };
    };
    let code = db.code();
    let message = format!("{} (SQLSTATE {})", db.message(), code.code());
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        let source =
            "another process has been writing to it for more than a minute; try again when it is done";
        return StateError::Io { location, source: source.into() };
    }
    let damaged = [
        &SqlState::UNDEFINED_TABLE,
        &SqlState::UNDEFINED_COLUMN,
        &SqlState::DATATYPE_MISMATCH,
        &SqlState::DATA_CORRUPTED,
        &SqlState::INDEX_CORRUPTED,
    ];
    if damaged.contains(&code) {
        return StateError::Corrupt { location, detail: message };
    }
    StateError::Io { location, source: message.into() }
}

fn advice(text: &str) -> &'static str {
    if text.contains("UnknownIssuer") || text.contains("CaUsedAsEndEntity") {
        return ". The server's certificate is signed by nobody whom this machine knows: name its authority with sslrootcert=FILE, or write sslmode=disable where the network is trusted";
    }
    if text.contains("not valid for name") || text.contains("NotValidForName") {
        return ". The server's certificate is for another name: connect to that one, or write sslmode=verify-ca";
    }
    if text.contains("server does not support TLS") {
        return ". Let the server speak TLS, or write sslmode=disable where the network is trusted";
    }
    ""
}

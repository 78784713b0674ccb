//! From what SQLite says to what a state says.

use pilotis_state::StateError;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

/// An operation failed: in SQLite, or because the state says no.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite said it.
    Sql(rusqlite::Error),
    /// We say it.
    State(StateError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Sql(error)
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Failure {
        Failure::State(error)
    }
}

impl Failure {
    /// Another process is writing.
    pub(crate) fn is_busy(&self) -> bool {
        let code = match self {
            Failure::Sql(error) => error.sqlite_error_code(),
            Failure::State(_) => None,
        };
        matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// The error of a state at this location.
    pub(crate) fn at(self, location: &str) -> StateError {
        match self {
            Failure::Sql(error) => at(location, error),
            Failure::State(error) => error,
        }
    }
}

/// The error of a state at this location. Texts of SQLite name tables and pages, never a row's content.
pub(crate) fn at(location: &str, error: rusqlite::Error) -> StateError {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows,
    };
    let location = location.to_owned();
    match &error {
        FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | QueryReturnedNoRows => {
            return StateError::Corrupt { location, detail: error.to_string() };
        }
        _ => {}
    }
    if error.sqlite_error().is_some_and(|e| e.extended_code == SQLITE_IOERR_SHMSIZE) {
        // SQLite calls it an I/O error, and only this one file is made larger before it is written.
        let source =
            "the file beside it that its processes share (-shm) can't be made larger: is the disk full?";
        return StateError::Io { location, source: source.into() };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StateError::Corrupt { location, detail: error.to_string() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StateError::Io {
            location,
            source:
                "another process has been writing to it for more than 10 seconds; try again when it is done"
                    .into(),
        },
        Some(ErrorCode::ReadOnly) => StateError::Io {
            location,
            source: "it can't be written: its disk is read-only, or its rights say so".into(),
        },
        _ => StateError::Io { location, source: Box::new(error) },
    }
}

/// An error of the file system.
pub(crate) fn io(location: &str, error: std::io::Error) -> StateError {
    StateError::Io { location: location.to_owned(), source: Box::new(error) }
}

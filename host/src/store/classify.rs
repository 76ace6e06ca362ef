//! What the two drivers say, sorted into [`StoreError`]s with their remedies. It must not know any table.

use std::io;

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::sqlite::SqliteError;

use super::StoreError;

/// SQLite's result codes: <https://www.sqlite.org/rescode.html>. The low byte of an extended code is its class.
mod sqlite_code {
    pub const PERM: i32 = 3;
    pub const BUSY: i32 = 5;
    pub const LOCKED: i32 = 6;
    pub const READONLY: i32 = 8;
    pub const CORRUPT: i32 = 11;
    pub const FULL: i32 = 13;
    pub const CANTOPEN: i32 = 14;
    pub const NOTADB: i32 = 26;
    /// The index of the write-ahead log could not be enlarged: what a full disk looks like to it.
    pub const IOERR_SHMSIZE: i32 = 10 | 19 << 8;
}

impl StoreError {
    /// Sorts what a driver says of the database at `place`.
    pub(super) fn from_driver(place: &str, error: sqlx::Error) -> Self {
        let problem = error.to_string();
        match error {
            sqlx::Error::Database(error) => Self::from_database(place, &*error),
            sqlx::Error::Io(error) => Self::from_io(place, &error),
            sqlx::Error::PoolTimedOut => Self::unavailable(place, "no connection became free in time"),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::corrupt(place, problem),
            sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::unavailable(place, problem)
            }
            _ => Self::Other { place: place.to_owned(), problem },
        }
    }

    fn from_database(place: &str, error: &dyn DatabaseError) -> Self {
        let code = error.code().unwrap_or_default();
        if matches!(error.kind(), ErrorKind::UniqueViolation | ErrorKind::ForeignKeyViolation) {
            return Self::Conflict { place: place.to_owned(), problem: error.message().to_owned() };
        }
        match error.try_downcast_ref::<SqliteError>() {
            Some(_) => Self::from_sqlite(place, code.parse().unwrap_or_default(), error.message()),
            None => Self::from_postgres(place, &code, error.message()),
        }
    }

    fn from_sqlite(place: &str, code: i32, message: &str) -> Self {
        use sqlite_code::*;
        match code & 0xff {
            FULL => Self::Full { place: place.to_owned() },
            _ if code == IOERR_SHMSIZE => Self::Full { place: place.to_owned() },
            BUSY | LOCKED => Self::Unavailable {
                place: place.to_owned(),
                problem: "another process kept it locked for too long".to_owned(),
                remedy: "see which program has the file open, and try again",
            },
            NOTADB | CORRUPT => Self::corrupt(place, message),
            PERM | READONLY | CANTOPEN => Self::Denied {
                place: place.to_owned(),
                problem: message.to_owned(),
                remedy: "the user that runs zelador must be able to read and write the file and its folder",
            },
            _ => Self::Other { place: place.to_owned(), problem: message.to_owned() },
        }
    }

    /// `state` is an SQLSTATE; its first two characters are the class.
    fn from_postgres(place: &str, state: &str, message: &str) -> Self {
        let (place, problem) = (place.to_owned(), message.to_owned());
        match state {
            "53100" => Self::Full { place },
            "3D000" => Self::Unavailable { place, problem, remedy: "create the database first" },
            "42501" => Self::Denied {
                place,
                problem,
                remedy: "zelador needs CREATE on the database, or a schema `zelador` that its user owns",
            },
            // Not able to execute now, killed by an operator, out of resources, connection lost.
            _ if ["55", "57", "53", "08", "40"].contains(&&state[..state.len().min(2)]) => {
                Self::unavailable(&place, problem)
            }
            _ if state.starts_with("28") => {
                Self::Denied { place, problem, remedy: "check the user and the password of `[store]`" }
            }
            _ if state.starts_with("XX") => Self::corrupt(&place, problem),
            _ => Self::Other { place, problem },
        }
    }

    /// Sorts what the operating system says.
    pub(super) fn from_io(place: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { place: place.to_owned() }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied {
                place: place.to_owned(),
                problem: error.to_string(),
                remedy: "the user that runs zelador must be able to write there",
            },
            _ => Self::unavailable(place, error.to_string()),
        }
    }

    pub(super) fn unavailable(place: &str, problem: impl Into<String>) -> Self {
        Self::Unavailable {
            place: place.to_owned(),
            problem: problem.into(),
            remedy: "check that it runs and can be reached, and try again",
        }
    }

    pub(super) fn corrupt(place: &str, problem: impl Into<String>) -> Self {
        Self::Corrupt {
            place: place.to_owned(),
            problem: problem.into(),
            remedy: "check `[store] url`; if it is the right one, restore it from a backup",
        }
    }
}

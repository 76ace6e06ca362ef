//! Where the state lives: the URL of the configuration, understood. It must not know how to connect.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use super::StoreError;

/// A database that can be opened. Its texts never hold a password.
#[derive(Clone)]
pub struct Location(pub(super) Place);

#[derive(Clone)]
pub(super) enum Place {
    Sqlite(PathBuf),
    // Boxed because it is many times larger than a path.
    Postgres(Box<PgConnectOptions>),
}

impl Location {
    /// Reads `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; special characters of a password that
    /// stands in a URL are percent-encoded there.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] with what is wrong, never with the URL itself.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return sqlite(path.strip_prefix("//").unwrap_or(path));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return postgres(url);
        }
        Err(invalid("it begins with neither `sqlite:` nor `postgres://`"))
    }

    /// The same place with this password, as it is, instead of the URL's. SQLite has none and stays as it is.
    #[must_use]
    pub fn with_password(self, password: &SecretString) -> Self {
        match self.0 {
            Place::Postgres(options) => {
                Self(Place::Postgres(Box::new(options.password(password.expose_secret()))))
            }
            sqlite => Self(sqlite),
        }
    }
}

fn sqlite(path: &str) -> Result<Location, StoreError> {
    if path.is_empty() || path.contains(":memory:") {
        return Err(invalid("state must survive a restart, so `sqlite:` needs the path of a file"));
    }
    if path.contains('?') {
        return Err(invalid("`sqlite:PATH` takes no parameters"));
    }
    Ok(Location(Place::Sqlite(path.into())))
}

fn postgres(url: &str) -> Result<Location, StoreError> {
    let options: PgConnectOptions = url.parse().map_err(|_| {
        invalid("it is not of the form postgres://USER@HOST:PORT/DATABASE with special characters percent-encoded")
    })?;
    Ok(Location(Place::Postgres(Box::new(options))))
}

fn invalid(problem: &'static str) -> StoreError {
    StoreError::InvalidUrl { problem }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(path) => write!(f, "{}", path.display()),
            Place::Postgres(options) => {
                let database = options.get_database().unwrap_or(options.get_username());
                let host = match options.get_socket() {
                    Some(socket) => socket.display().to_string(),
                    None => options.get_host().to_owned(),
                };
                write!(f, "PostgreSQL database {database} on {host}:{}", options.get_port())
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_text_of_a_location() {
        let location = Location::parse("postgres://ana:s3cret@db.example:5433/app").unwrap();
        let location = location.with_password(&SecretString::from("0ther"));
        for text in [location.to_string(), format!("{location:?}")] {
            assert!(text.contains("database app on db.example:5433"), "{text}");
            assert!(!text.contains("s3cret") && !text.contains("0ther"), "{text}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_repeated() {
        for url in [
            "mysql://ana:s3cret@db/app",
            "postgres://ana:s3/c#ret@db/app",
            "s3cret",
            "postgres://ana:s3cret@db:port/app",
        ] {
            let error = Location::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3"), "{error}");
        }
    }

    #[test]
    fn sqlite_takes_a_path_and_nothing_else() {
        for url in ["sqlite:data/zelador.db", "sqlite://data/zelador.db"] {
            assert_eq!(Location::parse(url).unwrap().to_string(), "data/zelador.db");
        }
        for url in ["sqlite:", "sqlite::memory:", "sqlite:a.db?mode=ro"] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
    }
}

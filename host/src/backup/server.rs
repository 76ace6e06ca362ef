//! A database server as the backup mechanism needs it: where it is and how to log in.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use url::Url;

use super::BackupError;

/// The servers of the configuration, by name.
pub type Servers = BTreeMap<String, Server>;

/// What kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A PostgreSQL cluster.
    Postgres,
    /// A SQLite database file.
    Sqlite,
}

/// A server to back up.
#[derive(Debug, Clone)]
pub struct Server {
    name: String,
    pub(super) access: Access,
}

/// How to get at it.
#[derive(Debug, Clone)]
pub(super) enum Access {
    Postgres(PostgresAccess),
    Sqlite(PathBuf),
}

/// A PostgreSQL server's address and log-in. The password is kept apart from the URL, which may be shown.
#[derive(Debug, Clone)]
pub(super) struct PostgresAccess {
    url: Url,
    pub(super) password: Option<SecretString>,
}

impl Server {
    /// A server called `name` at `url`: `postgres://USER@HOST:PORT/DATABASE` with libpq's parameters, or `sqlite:PATH`
    /// with an absolute path. `password` is used if the URL has none.
    pub fn new(name: &str, url: &str, password: Option<SecretString>) -> Result<Self, BackupError> {
        let invalid =
            |reason: &str| BackupError::InvalidServer { server: name.to_owned(), reason: reason.to_owned() };
        let access = if let Some(path) = url.strip_prefix("sqlite:") {
            Access::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Access::Postgres(PostgresAccess::new(url, password).map_err(invalid)?)
        } else {
            return Err(invalid("`url` must begin with `postgres://` or `sqlite:`"));
        };
        Ok(Self { name: name.to_owned(), access })
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind it is.
    pub fn engine(&self) -> Engine {
        match self.access {
            Access::Postgres(_) => Engine::Postgres,
            Access::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// The file of an embedded database.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.access {
            Access::Postgres(_) => None,
            Access::Sqlite(path) => Some(path),
        }
    }
}

impl PostgresAccess {
    fn new(text: &str, password: Option<SecretString>) -> Result<Self, &'static str> {
        let mut url = Url::parse(text).map_err(|_| FORM)?;
        let password = password_of(&url).map(SecretString::from).or(password);
        if password.as_ref().is_some_and(|password| password.expose_secret().contains(['\n', '\r', '\0'])) {
            return Err(
                "the password holds a line break, which no password file of PostgreSQL can; choose another",
            );
        }
        strip_secrets(&mut url);
        url.as_str().parse::<PgConnectOptions>().map_err(|_| FORM)?;
        Ok(Self { url, password })
    }

    /// The URL for a program's arguments: it holds no secret.
    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Options for a connection of our own.
    pub(super) fn options(&self) -> PgConnectOptions {
        let options: PgConnectOptions =
            self.url.as_str().parse().expect("the URL was parsed when it was read");
        match &self.password {
            Some(password) => options.password(password.expose_secret()),
            None => options,
        }
    }
}

const FORM: &str = "`url` is not of the form `postgres://USER@HOST:PORT/DATABASE`";

fn password_of(url: &Url) -> Option<String> {
    let in_authority = url
        .password()
        .map(|encoded| percent_encoding::percent_decode_str(encoded).decode_utf8_lossy().into_owned());
    let in_query =
        || url.query_pairs().find(|(key, _)| key == "password").map(|(_, value)| value.into_owned());
    in_authority.or_else(in_query)
}

/// Takes the passwords out; what is left is kept letter by letter, because libpq decodes it by rules of its own.
fn strip_secrets(url: &mut Url) {
    // A URL without a host has no place for a password, so there is nothing to take away from it.
    let _ = url.set_password(None);
    let secret = |pair: &str| {
        url::form_urlencoded::parse(pair.as_bytes())
            .next()
            .is_some_and(|(key, _)| matches!(&*key, "password" | "sslpassword"))
    };
    let kept =
        url.query().map(|query| query.split('&').filter(|pair| !secret(pair)).collect::<Vec<_>>().join("&"));
    url.set_query(kept.as_deref().filter(|query| !query.is_empty()));
}

impl fmt::Display for PostgresAccess {
    /// Where the server is, for messages: `127.0.0.1:5432`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.options();
        match options.get_socket() {
            Some(socket) => write!(f, "{}", socket.display()),
            None => write!(f, "{}:{}", options.get_host(), options.get_port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(url: &str) -> PostgresAccess {
        match Server::new("main", url, None).unwrap().access {
            Access::Postgres(access) => access,
            Access::Sqlite(_) => unreachable!(),
        }
    }

    #[test]
    fn a_password_is_taken_out_of_every_place_of_the_url() {
        for url in [
            "postgres://u:se%63ret%20%3A@h:1/d?sslmode=disable",
            "postgres://u@h:1/d?sslmode=disable&password=secret%20%3A",
            "postgres://u@h:1/d?p%61ssword=secret%20:&sslmode=disable",
        ] {
            let access = postgres(url);
            assert_eq!(access.url(), "postgres://u@h:1/d?sslmode=disable");
            assert_eq!(access.password.as_ref().unwrap().expose_secret(), "secret :");
            assert!(!format!("{access:?}").contains("secret"));
        }
    }

    #[test]
    fn what_libpq_understands_stays_as_it_was_written() {
        let url = "postgres:///d?host=/var/run/postgresql&options=-c%20geqo%3Doff";
        assert_eq!(postgres(url).url(), url);
        assert_eq!(postgres(url).to_string(), "/var/run/postgresql");
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_showing_its_password() {
        for url in ["mysql://h/d", "postgres://u:secret@h:port/d", "postgres://u:sec%0Aret@h/d"] {
            let error = Server::new("main", url, None).unwrap_err().to_string();
            assert!(error.starts_with("[database.main]") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn an_embedded_database_is_a_path() {
        for url in ["sqlite:/data/a.db", "sqlite:///data/a.db"] {
            let server = Server::new("app", url, None).unwrap();
            assert_eq!(server.sqlite_path(), Some(Path::new("/data/a.db")));
            assert_eq!(server.engine(), Engine::Sqlite);
        }
    }
}

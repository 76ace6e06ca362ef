//! A fresh database for each case, SQLite or PostgreSQL, and the clock that its stores share.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;
use zelador::clock::{Clock, ManualClock, SystemClock, Timestamp};
use zelador::store::{LogLevel, NewLogLine, NewRun, Run, Store, Trigger};
use zelador_tests::postgres;

/// How long a claim holds in these tests.
pub const LEASE: Duration = Duration::from_secs(30);

/// Which database a case runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Makes two tests of each case, one a database. A case is an `async fn(Fixture)` of the same module.
macro_rules! on_both_databases {
    ($($case:ident,)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                use $crate::store::fixture::{Backend, Fixture};
                super::$case(Fixture::new(Backend::Sqlite, concat!(module_path!(), "::", stringify!($case)))).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                use $crate::store::fixture::{Backend, Fixture};
                super::$case(Fixture::new(Backend::Postgres, concat!(module_path!(), "::", stringify!($case)))).await;
            })+
        }
    };
}

pub(crate) use on_both_databases;

/// An empty database and a clock that stands still.
pub struct Fixture {
    pub backend: Backend,
    pub url: String,
    pub clock: Arc<ManualClock>,
    /// The PostgreSQL database's name.
    pub database: Option<String>,
    test: &'static str,
    folder: Option<TempDir>,
}

/// The variable that tells a test that it is the child of itself, and on which database.
const CHILD_OF: &str = "ZELADOR_TEST_STORE_URL";

impl Fixture {
    pub fn new(backend: Backend, test: &'static str) -> Self {
        let clock = ManualClock::new(at("2026-03-01T02:00:00Z"));
        let (url, database, folder) = match (std::env::var(CHILD_OF), backend) {
            (Ok(url), _) => (url, None, None),
            (Err(_), Backend::Sqlite) => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}", folder.path().join("data/zelador.db").display());
                (url, None, Some(folder))
            }
            (Err(_), Backend::Postgres) => {
                let database = postgres::shared().create_database();
                (postgres::shared().url_with_password(&database), Some(database), None)
            }
        };
        Self { backend, url, clock, database, test, folder }
    }

    /// Opens the database: each store has connections of its own, as another process would.
    pub async fn open(&self) -> Store {
        Store::open(&self.url, self.clock.clone()).await.unwrap()
    }

    /// Opens the database with the machine's clock.
    pub async fn open_in_real_time(&self) -> Store {
        Store::open(&self.url, Arc::new(SystemClock)).await.unwrap()
    }

    /// The file of an SQLite database.
    pub fn file(&self) -> std::path::PathBuf {
        self.folder.as_ref().expect("an SQLite fixture").path().join("data/zelador.db")
    }

    /// Runs SQL behind the store's back, on a connection of its own.
    pub async fn execute(&self, sql: &'static str) {
        match self.backend {
            Backend::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                connection.execute(sql).await.unwrap();
                connection.close().await.unwrap();
            }
            Backend::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                connection.execute("set search_path to zelador").await.unwrap();
                connection.execute(sql).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// The text in the first column of what SQL returns, as [`Fixture::execute`].
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        match self.backend {
            Backend::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
            Backend::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                connection.execute("set search_path to zelador").await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
        }
    }

    /// Whether this process plays the child in [`Fixture::child`].
    pub fn is_child(&self) -> bool {
        std::env::var_os(CHILD_OF).is_some()
    }

    /// The same test in a process of its own, on the same database.
    pub fn child(&self) -> Command {
        self.child_of(Command::new(std::env::current_exe().unwrap()))
    }

    /// As [`Fixture::child`], where only that process has a disk of 3 MiB in the place of the database's folder.
    pub fn child_on_a_small_disk(&self) -> Command {
        let folder = self.file().parent().unwrap().to_path_buf();
        std::fs::create_dir_all(&folder).unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--mount", "sh", "-c"]);
        unshare.arg(r#"mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@""#).arg(folder);
        unshare.arg(std::env::current_exe().unwrap());
        self.child_of(unshare)
    }

    fn child_of(&self, mut command: Command) -> Command {
        let (_, test) = self.test.split_once("::").expect("a test's path begins with its crate");
        command.args(["--exact", test, "--nocapture"]).env(CHILD_OF, &self.url).stdout(Stdio::piped());
        command
    }
}

/// An instant.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A run that a person asks for, as soon as possible.
pub fn manual(job: &str, fixture: &Fixture) -> NewRun {
    NewRun {
        job: job.to_owned(),
        plugin: "backup".to_owned(),
        trigger: Trigger::Manual,
        scheduled_for: None,
        attempt: 1,
        retry_of: None,
        not_before: fixture.clock.now(),
        skipped: None,
    }
}

/// A run that the schedule asks for at an instant.
pub fn scheduled(job: &str, instant: Timestamp) -> NewRun {
    NewRun {
        job: job.to_owned(),
        plugin: "backup".to_owned(),
        trigger: Trigger::Schedule,
        scheduled_for: Some(instant),
        attempt: 1,
        retry_of: None,
        not_before: instant,
        skipped: None,
    }
}

/// The identifiers of runs, in their order.
pub fn ids(runs: &[Run]) -> Vec<&str> {
    runs.iter().map(|run| run.id.as_str()).collect()
}

/// A line for a run's log.
pub fn log_line(fixture: &Fixture, message: &str) -> NewLogLine {
    NewLogLine {
        at: fixture.clock.now(),
        level: LogLevel::Info,
        message: message.to_owned(),
        fields: BTreeMap::new(),
    }
}

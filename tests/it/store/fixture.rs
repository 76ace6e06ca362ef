//! A fresh database for each case, SQLite or PostgreSQL, and the clock that its stores share.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use zelador::clock::{ManualClock, SystemClock, Timestamp};
use zelador::store::{NewRun, Run, Store, Trigger};
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

    /// Whether this process plays the child in [`Fixture::child`].
    pub fn is_child(&self) -> bool {
        std::env::var_os(CHILD_OF).is_some()
    }

    /// The same test in a process of its own, on the same database.
    pub fn child(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
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
    use zelador::clock::Clock;
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

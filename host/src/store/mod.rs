//! The state of Zelador, in an SQLite file or in a PostgreSQL database: every SQL statement of the project, a file a
//! noun. It knows rows and transactions; it must not know what a job or a backup does with them.
//!
//! Both databases do everything, and one suite (`tests/it/store`) runs every operation on both. All instants come from
//! the clock that the store was opened with, never from a database's own; they are kept to the millisecond.
//!
//! What grows with time has a rule to forget it: [`Store::delete_runs_before`] (with logs and firings),
//! [`Store::delete_plugin_versions_before`], [`Store::delete_audit_before`], and [`Store::delete_artifact`] for who
//! deletes the file. The rest grows with the configuration and the tenants only.

mod artifact;
mod attempt;
mod audit;
mod batch;
mod classify;
mod cursor;
mod database;
mod dead_letter;
mod delivery;
mod delivery_execution;
mod delivery_retention;
mod delivery_worker;
mod endpoint;
mod endpoint_secret;
mod error;
mod headers;
mod location;
mod lock;
mod message;
mod message_outbox;
mod message_summary;
mod migrate;
mod plugin_version;
mod postgres;
mod row;
mod run;
mod run_execution;
mod run_history;
mod run_log;
mod schedule;
mod sqlite;
mod statement;
mod subscription;
mod token;
mod wake;
mod word;

use std::fmt;
use std::sync::{Arc, Mutex};

use uuid::{ContextV7, Uuid};

use self::database::Database;
use self::location::Place;
use crate::clock::{SharedClock, Timestamp};

pub use self::artifact::{Artifact, ArtifactFilter, ArtifactScope, Proof};
pub use self::attempt::{Attempt, AttemptTimes, NewAttempt};
pub use self::audit::{AuditEntry, AuditFilter, NewAuditEntry};
pub use self::cursor::{Cursor, InvalidCursor};
pub use self::dead_letter::{DeadLetter, LetterFilter, LetterStatus, LetterType, NewDeadLetter};
pub use self::delivery::{Delivery, DeliveryFilter, DeliveryState, Lane};
pub use self::delivery_execution::{Claim, Next, Settlement, Stage};
pub use self::endpoint::{Endpoint, EndpointFilter, EndpointState, Health, Listener, NewEndpoint, Ordering};
pub use self::endpoint_secret::EndpointSecret;
pub use self::error::StoreError;
pub use self::headers::StoredHeaders;
pub use self::location::Location;
pub use self::lock::{Fence, LockHolder};
pub use self::message::{Acceptance, Message, NewMessage, Recipient};
pub use self::message_outbox::Outboxed;
pub use self::message_summary::{MessageFilter, MessageSummary};
pub use self::plugin_version::{NewPluginVersion, PluginState, PluginVersion};
pub use self::run::{Failure, NewRun, PluginUsed, Progress, Run, RunState, Trigger};
pub use self::run_execution::{FinalState, Finish};
pub use self::run_history::RunFilter;
pub use self::run_log::{LogLevel, LogLine, NewLogLine};
pub use self::schedule::ScheduleCursor;
pub use self::subscription::{Subscription, SubscriptionFilter, SubscriptionStatus};
pub use self::token::{NewToken, Role, Token};
pub use self::wake::{QUEUE_CHANNEL, Wakes};
pub use self::word::UnknownWord;

/// The most rows that one listing returns, whatever its filter asks for: a page stays small in memory.
pub const PAGE_LIMIT: u32 = 1_000;

/// How many rows a retention rule deletes in one transaction: writers wait for a moment, never for all of it.
const RETENTION_BATCH: u32 = 1_000;

/// The store. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    database: Database,
    clock: SharedClock,
    ids: Arc<Mutex<ContextV7>>,
}

impl Store {
    /// Opens the database at `url` (see [`Location::parse`]) and brings its schema up to date.
    ///
    /// # Errors
    /// Any [`StoreError`]; nothing is left half made.
    pub async fn open(url: &str, clock: SharedClock) -> Result<Self, StoreError> {
        Self::open_at(&Location::parse(url)?, clock).await
    }

    /// Opens the database at a location whose password came from elsewhere.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_at(location: &Location, clock: SharedClock) -> Result<Self, StoreError> {
        let place: Arc<str> = location.to_string().into();
        let pools = match &location.0 {
            Place::Sqlite(path) => sqlite::open(path, &place).await?,
            Place::Postgres(options) => postgres::open(options, &place).await?,
        };
        Ok(Self { database: Database { pools, place }, clock, ids: Arc::default() })
    }

    /// Closes the connections. What was committed before needs no closing to be there afterwards.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// What people call this database; holds no password.
    pub fn place(&self) -> &str {
        &self.database.place
    }

    /// The newest schema version that this binary knows.
    pub fn known_schema_version() -> i64 {
        migrate::known_version()
    }

    /// The names of this binary's migrations, in order: what the files in `migrations/` are called.
    pub fn migrations() -> impl Iterator<Item = &'static str> {
        migrate::names()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An identifier (UUID version 7) that sorts after all that this store made before.
    pub fn new_id(&self) -> String {
        let millis = u64::try_from(self.now().timestamp_millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1_000).unwrap_or(0) * 1_000_000;
        Uuid::new_v7(uuid::Timestamp::from_unix(&*self.ids, millis / 1_000, nanos)).to_string()
    }
}

/// How many rows a page has, given what its filter asks for.
fn page_size(limit: Option<u32>) -> u32 {
    limit.unwrap_or(PAGE_LIMIT).min(PAGE_LIMIT)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.place())
    }
}

//! Attempts: every try of a delivery, with what came of it and where the time went.

use std::time::Duration;

use serde::Serialize;

use super::batch::{Batch, Column, Columns};
use super::database::Dialect;
use super::delivery_execution::Settlement;
use super::row::Row;
use super::statement::{Statement, storable};
use super::{Store, StoreError};
use crate::clock::Timestamp;

/// A try that was made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewAttempt {
    /// 1 for the delivery's first; counts on when it is reprocessed.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// A lower-case word for programs: `delivered`, `timeout`, `rejected`.
    pub class: String,
    /// The status of HTTP or SMTP, if there was an answer.
    pub status: Option<u16>,
    /// A sentence for a person.
    pub reason: String,
    /// Where the time went.
    pub times: AttemptTimes,
    /// The begin of the answer.
    pub response: Option<String>,
}

/// Where the time of an attempt went; a phase that did not happen is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttemptTimes {
    /// Looking the name up.
    pub dns: Option<Duration>,
    /// The connection.
    pub connect: Option<Duration>,
    /// The handshake.
    pub tls: Option<Duration>,
    /// Until the answer began.
    pub first_byte: Option<Duration>,
    /// Reading the answer.
    pub body: Option<Duration>,
    /// All of it.
    pub total: Duration,
}

/// A try on record.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The delivery.
    pub delivery_id: String,
    /// What happened.
    pub record: NewAttempt,
}

const COLUMNS: Columns = &[
    ("delivery_id", Column::Text),
    ("number", Column::Integer),
    ("at", Column::Instant),
    ("class", Column::Text),
    ("status", Column::Integer),
    ("reason", Column::Text),
    ("dns_us", Column::Integer),
    ("connect_us", Column::Integer),
    ("tls_us", Column::Integer),
    ("first_byte_us", Column::Integer),
    ("body_us", Column::Integer),
    ("total_us", Column::Integer),
    ("response", Column::Text),
];

#[derive(Serialize)]
struct AttemptRow<'a> {
    delivery_id: &'a str,
    number: u32,
    at: i64,
    class: &'a str,
    status: Option<u16>,
    reason: String,
    dns_us: Option<u64>,
    connect_us: Option<u64>,
    tls_us: Option<u64>,
    first_byte_us: Option<u64>,
    body_us: Option<u64>,
    total_us: u64,
    response: Option<String>,
}

/// The statement that records the tries among `settlements`, if there are any.
pub(super) fn insert(dialect: Dialect, settlements: &[&Settlement]) -> Option<Statement> {
    let rows: Vec<_> = settlements.iter().filter_map(|settlement| row(settlement)).collect();
    if rows.is_empty() {
        return None;
    }
    let insert = Batch::new(COLUMNS, &rows).statement(
        dialect,
        "insert into attempts (delivery_id, number, at, class, status, reason, dns_us, connect_us, tls_us, \
         first_byte_us, body_us, total_us, response) \
         select delivery_id, number, at, class, status, reason, dns_us, connect_us, tls_us, first_byte_us, body_us, \
         total_us, response from",
        "",
    );
    Some(insert)
}

fn row(settlement: &Settlement) -> Option<AttemptRow<'_>> {
    let attempt = settlement.attempt.as_ref()?;
    let times = &attempt.times;
    Some(AttemptRow {
        delivery_id: &settlement.id,
        number: attempt.number,
        at: attempt.at.timestamp_millis(),
        class: &attempt.class,
        status: attempt.status,
        reason: storable(&attempt.reason),
        dns_us: times.dns.map(micros),
        connect_us: times.connect.map(micros),
        tls_us: times.tls.map(micros),
        first_byte_us: times.first_byte.map(micros),
        body_us: times.body.map(micros),
        total_us: micros(times.total),
        response: attempt.response.as_deref().map(storable),
    })
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

impl Store {
    /// The tries of a delivery, in their order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn attempts(&self, delivery_id: &str) -> Result<Vec<Attempt>, StoreError> {
        let select = Statement::new(
            "select delivery_id, number, at, class, status, reason, dns_us, connect_us, tls_us, first_byte_us, \
             body_us, total_us, response from attempts where delivery_id = $1 order by number",
        );
        self.database.read(select.bind(delivery_id), Attempt::from_row).await
    }
}

impl Attempt {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let span = |column| {
            let micros: Option<i64> = row.get(column)?;
            Ok::<_, sqlx::Error>(micros.map(|micros| Duration::from_micros(micros.unsigned_abs())))
        };
        let status: Option<i64> = row.get("status")?;
        Ok(Self {
            delivery_id: row.get("delivery_id")?,
            record: NewAttempt {
                number: row.unsigned("number")?,
                at: row.instant("at")?,
                class: row.get("class")?,
                status: status.and_then(|status| u16::try_from(status).ok()),
                reason: row.get("reason")?,
                times: AttemptTimes {
                    dns: span("dns_us")?,
                    connect: span("connect_us")?,
                    tls: span("tls_us")?,
                    first_byte: span("first_byte_us")?,
                    body: span("body_us")?,
                    total: span("total_us")?.unwrap_or_default(),
                },
                response: row.get("response")?,
            },
        })
    }
}

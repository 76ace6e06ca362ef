//! What a run said while it ran.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::row::Row;
use super::statement::Statement;
use super::word::words;
use super::{PAGE_LIMIT, Store, StoreError};
use crate::clock::Timestamp;

words! {
    /// How much a line matters.
    LogLevel {
        /// For who writes the plugin.
        Debug = "debug",
        /// What happens.
        Info = "info",
        /// What a person should look at.
        Warn = "warn",
        /// What went wrong.
        Error = "error",
    }
}

/// A line to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogLine {
    /// When it was said.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// Named values beside the text.
    pub fields: BTreeMap<String, String>,
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its place in the log: 1, 2, 3...
    pub seq: u64,
    /// When it was said.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// Named values beside the text.
    pub fields: BTreeMap<String, String>,
}

/// Lines that one statement inserts: six values each, far below what either database takes in a statement.
const LINES_PER_INSERT: usize = 500;

impl Store {
    /// Appends lines to a run's log, all or none, in their order.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such run; any other [`StoreError`].
    pub async fn append_run_logs(&self, run_id: &str, lines: &[NewLogLine]) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database.begin().await?;
        // The run counts its lines: reserving numbers there keeps two writers apart.
        let reserve =
            Statement::new("update runs set log_lines = log_lines + $2 where id = $1 returning log_lines");
        let reserve = reserve.bind(run_id).bind(lines.len() as u64);
        let reserved = transaction.rows(reserve, |row| row.get::<i64>("log_lines")).await?;
        let Some(last) = reserved.first() else {
            return Err(StoreError::NotFound { what: "run", id: run_id.to_owned() });
        };
        let mut seq = last - lines.len() as i64;
        for chunk in lines.chunks(LINES_PER_INSERT) {
            let mut insert =
                Statement::new("insert into run_logs (run_id, seq, at, level, message, fields) values ");
            insert.push_rows(chunk.iter().map(|line| {
                seq += 1;
                let fields = Json::from_iter(line.fields.clone());
                vec![
                    run_id.into(),
                    seq.into(),
                    line.at.into(),
                    line.level.into(),
                    (&line.message).into(),
                    (&fields).into(),
                ]
            }));
            transaction.change(insert).await?;
        }
        transaction.commit().await
    }

    /// The lines of a run's log after `after_seq` (0 for the beginning), at most [`PAGE_LIMIT`] of them.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn run_logs(&self, run_id: &str, after_seq: u64) -> Result<Vec<LogLine>, StoreError> {
        let select = Statement::new(
            "select seq, at, level, message, fields from run_logs where run_id = $1 and seq > $2 \
             order by seq limit $3",
        );
        self.database.read(select.bind(run_id).bind(after_seq).bind(PAGE_LIMIT), LogLine::from_row).await
    }
}

impl LogLine {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            seq: row.unsigned("seq")?,
            at: row.instant("at")?,
            level: row.word("level")?,
            message: row.get("message")?,
            fields: row.decoded_json("fields")?,
        })
    }
}

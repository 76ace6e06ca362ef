//! A statement with its values, before it is known which database will run it. It must not know any table.

use std::fmt::Write;

use chrono::{DateTime, SubsecRound};
use serde_json::Value as Json;

use crate::clock::Timestamp;

/// A value of one of the four kinds that columns have. Each database stores it in its own way.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    /// Milliseconds since 1970 on SQLite, `timestamptz` on PostgreSQL; both keep milliseconds.
    Instant(Option<Timestamp>),
    /// Text on SQLite, `jsonb` on PostgreSQL.
    Json(Option<Json>),
}

/// SQL text that both databases accept, or that was chosen for one of them, with the values of its `$1`, `$2`...
#[derive(Debug, Clone)]
pub(super) struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    pub fn new(sql: &'static str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// Gives the next numbered parameter its value.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends fixed text.
    pub fn push(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Appends the next parameter.
    pub fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        write!(self.sql, "${}", self.values.len()).expect("writing to a string cannot fail");
        self
    }

    /// Appends rows as `($1, $2), ($3, $4)`.
    pub fn push_rows(&mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> &mut Self {
        for (row_number, row) in rows.into_iter().enumerate() {
            self.push(if row_number == 0 { "(" } else { ", (" });
            for (column, value) in row.into_iter().enumerate() {
                self.push(if column == 0 { "" } else { ", " }).push_bind(value);
            }
            self.push(")");
        }
        self
    }

    pub fn into_parts(self) -> (String, Vec<Value>) {
        (self.sql, self.values)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(storable(text)))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(storable))
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        text.as_deref().into()
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        i64::from(number).into()
    }
}

/// Neither database has unsigned 64-bit numbers: what is larger than they can hold becomes the largest.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).unwrap_or(i64::MAX).into()
    }
}

impl From<Timestamp> for Value {
    fn from(instant: Timestamp) -> Self {
        Self::Instant(Some(instant.trunc_subsecs(3)))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(instant: Option<Timestamp>) -> Self {
        Self::Instant(instant.map(|instant| instant.trunc_subsecs(3)))
    }
}

impl From<&Json> for Value {
    fn from(json: &Json) -> Self {
        Self::Json(Some(storable_json(json)))
    }
}

impl From<&Option<Json>> for Value {
    fn from(json: &Option<Json>) -> Self {
        Self::Json(json.as_ref().map(storable_json))
    }
}

/// PostgreSQL has no NUL in text, and a plugin may write one: it is replaced on both databases.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn storable_json(json: &Json) -> Json {
    match json {
        Json::String(text) => Json::String(storable(text)),
        Json::Array(items) => items.iter().map(storable_json).collect(),
        Json::Object(fields) => {
            fields.iter().map(|(name, value)| (storable(name), storable_json(value))).collect()
        }
        plain => plain.clone(),
    }
}

/// The instant that SQLite holds as a number.
pub(super) fn from_millis(millis: i64) -> Option<Timestamp> {
    DateTime::from_timestamp_millis(millis)
}

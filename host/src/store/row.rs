//! A row of either database, read by column name. It must not know any table.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use super::statement::from_millis;
use crate::clock::Timestamp;

pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What both databases can hand over in the same form: text, numbers, and options of them.
pub(super) trait Plain:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Plain for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Row {
    pub fn get<T: Plain>(&self, column: &'static str) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    /// A number that was stored as signed but is never negative.
    pub fn unsigned<T: TryFrom<i64>>(&self, column: &'static str) -> sqlx::Result<T> {
        let number: i64 = self.get(column)?;
        T::try_from(number).map_err(|_| unreadable(column, format!("{number} is out of range")))
    }

    /// A word of an enum.
    pub fn word<T: FromStr>(&self, column: &'static str) -> sqlx::Result<T> {
        let word: String = self.get(column)?;
        parse_word(column, &word)
    }

    /// A word of an enum, or null.
    pub fn optional_word<T: FromStr>(&self, column: &'static str) -> sqlx::Result<Option<T>> {
        let word: Option<String> = self.get(column)?;
        word.map(|word| parse_word(column, &word)).transpose()
    }

    pub fn instant(&self, column: &'static str) -> sqlx::Result<Timestamp> {
        self.optional_instant(column)?
            .ok_or_else(|| unreadable(column, "null where an instant belongs".into()))
    }

    pub fn optional_instant(&self, column: &'static str) -> sqlx::Result<Option<Timestamp>> {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => {
                let millis: Option<i64> = row.try_get(column)?;
                let instant = |millis| {
                    from_millis(millis)
                        .ok_or_else(|| unreadable(column, format!("{millis} is not an instant")))
                };
                millis.map(instant).transpose()
            }
        }
    }

    pub fn json(&self, column: &'static str) -> sqlx::Result<Json> {
        self.optional_json(column)?.ok_or_else(|| unreadable(column, "null where a document belongs".into()))
    }

    pub fn optional_json(&self, column: &'static str) -> sqlx::Result<Option<Json>> {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => {
                let text: Option<String> = row.try_get(column)?;
                let document = |text: String| {
                    serde_json::from_str(&text).map_err(|error| unreadable(column, error.to_string()))
                };
                text.map(document).transpose()
            }
        }
    }

    /// A document of a known shape.
    pub fn decoded_json<T: DeserializeOwned>(&self, column: &'static str) -> sqlx::Result<T> {
        serde_json::from_value(self.json(column)?).map_err(|error| unreadable(column, error.to_string()))
    }
}

fn parse_word<T: FromStr>(column: &'static str, word: &str) -> sqlx::Result<T> {
    word.parse().map_err(|_| unreadable(column, format!("`{word}` is not a word of it")))
}

fn unreadable(column: &'static str, problem: String) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: problem.into() }
}

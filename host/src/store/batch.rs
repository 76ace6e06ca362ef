//! Many rows as one parameter: a JSON array that both databases unfold into a table called `input`. The text of a
//! statement then does not depend on how many rows there are, and is prepared once. It must not know any table.

use serde::Serialize;

use super::database::Dialect;
use super::statement::{Statement, Value};

/// What a column of `input` holds, and so how it is unpacked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    Text,
    Integer,
    /// Travels as unix milliseconds.
    Instant,
    Json,
    /// Travels as hexadecimal digits.
    Bytes,
}

/// The columns of `input`, by name.
pub(super) type Columns = &'static [(&'static str, Column)];

/// Rows on their way into a statement.
pub(super) struct Batch {
    columns: Columns,
    document: String,
}

impl Batch {
    /// Rows whose fields are named like `columns`.
    pub fn new<T: Serialize>(columns: Columns, rows: &[T]) -> Self {
        let document = serde_json::to_string(rows).expect("rows of plain fields have a JSON text");
        Self { columns, document }
    }

    /// The statement `head INPUT tail`. The rows are `$1`.
    pub fn statement(&self, dialect: Dialect, head: &'static str, tail: &'static str) -> Statement {
        let mut statement = Statement::new(head);
        self.push_to(&mut statement, dialect);
        statement.push(tail);
        statement
    }

    /// Appends the rows as a table called `input`; they are the statement's next parameter.
    pub fn push_to(&self, statement: &mut Statement, dialect: Dialect) {
        match dialect {
            Dialect::Postgres => self.push_recordset(statement),
            Dialect::Sqlite => self.push_each(statement),
        }
    }

    fn document(&self) -> Value {
        Value::Text(Some(self.document.clone()))
    }

    fn push_recordset(&self, statement: &mut Statement) {
        statement.push(" (select ");
        for (index, (name, column)) in self.columns.iter().enumerate() {
            statement.push(if index == 0 { "" } else { ", " });
            match column {
                Column::Text | Column::Integer => statement.push(name),
                Column::Instant => {
                    statement.push("to_timestamp(").push(name).push(" / 1000.0) as ").push(name)
                }
                Column::Json => statement.push(name).push("::jsonb as ").push(name),
                Column::Bytes => statement.push("decode(").push(name).push(", 'hex') as ").push(name),
            };
        }
        statement.push(" from json_to_recordset(").push_bind(self.document()).push("::json) as raw (");
        for (index, (name, column)) in self.columns.iter().enumerate() {
            statement.push(if index == 0 { "" } else { ", " }).push(name).push(match column {
                Column::Text | Column::Bytes => " text",
                Column::Integer | Column::Instant => " bigint",
                Column::Json => " json",
            });
        }
        statement.push(")) as input ");
    }

    fn push_each(&self, statement: &mut Statement) {
        statement.push(" (select ");
        for (index, (name, column)) in self.columns.iter().enumerate() {
            statement.push(if index == 0 { "" } else { ", " });
            match column {
                Column::Text | Column::Integer | Column::Instant => {
                    statement.push("value ->> '").push(name).push("'")
                }
                Column::Json => statement.push("value -> '").push(name).push("'"),
                Column::Bytes => statement.push("unhex(value ->> '").push(name).push("')"),
            };
            statement.push(" as ").push(name);
        }
        statement.push(" from json_each(").push_bind(self.document()).push(")) as input ");
    }
}

//! The migrations of both databases: the same files, tables and columns.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// Differences between the two folders.
pub fn out_of_step(sqlite: &[Source], postgres: &[Source]) -> Vec<String> {
    let names = |sources: &[Source]| -> BTreeSet<String> {
        sources.iter().map(|source| name(source).to_owned()).collect()
    };
    let files = different(&names(sqlite), &names(postgres), "migration");
    let tables = different(&columns(sqlite), &columns(postgres), "column");
    files.into_iter().chain(tables).collect()
}

fn name(source: &Source) -> &str {
    source.path.rsplit('/').next().unwrap_or(&source.path)
}

fn different(sqlite: &BTreeSet<String>, postgres: &BTreeSet<String>, what: &str) -> Vec<String> {
    let only = |here: &BTreeSet<String>, there: &BTreeSet<String>, dialect: &str| -> Vec<String> {
        here.difference(there).map(|name| format!("{what} {name} is in {dialect} only")).collect()
    };
    [only(sqlite, postgres, "sqlite"), only(postgres, sqlite, "postgres")].concat()
}

/// Every column as `table.column`, in the state after the last migration.
fn columns(sources: &[Source]) -> BTreeSet<String> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let text: String = sources.iter().map(|source| source.text.to_lowercase() + "\n").collect();
    let mut table = None;
    for line in text.lines() {
        let words: Vec<&str> =
            line.split_whitespace().filter(|word| !["if", "not", "exists"].contains(word)).collect();
        match words[..] {
            ["create", "table", name, ..] => table = Some(bare(name).to_owned()),
            ["drop", "table", name, ..] => drop(tables.remove(bare(name))),
            ["alter", "table", name, "add", "column", column, ..] => {
                tables.entry(bare(name).to_owned()).or_default().insert(column.to_owned());
            }
            [first, ..] if first.starts_with(')') => table = None,
            [column, _, ..]
                if line.starts_with("    ") && !line.starts_with("     ") && is_column(column) =>
            {
                if let Some(table) = &table {
                    tables.entry(table.clone()).or_default().insert(column.to_owned());
                }
            }
            _ => {}
        }
    }
    tables
        .iter()
        .flat_map(|(table, columns)| columns.iter().map(move |column| format!("{table}.{column}")))
        .collect()
}

/// A table's name without schema and punctuation.
fn bare(name: &str) -> &str {
    name.trim_end_matches(['(', ';']).rsplit('.').next().unwrap_or(name)
}

fn is_column(word: &str) -> bool {
    let constraint = ["primary", "unique", "check", "foreign", "constraint", "--"];
    !constraint.iter().any(|constraint| word.starts_with(constraint)) && !word.starts_with(')')
}

#[test]
fn the_rule_sees_a_folder_that_lags_behind() {
    let sqlite = [Source::sample(
        "migrations/sqlite/0001_runs.sql",
        "-- Runs.\ncreate table runs (\n    id text primary key,\n    job text not null,\n    primary key (id)\n) strict;\n",
    )];
    let postgres = [
        Source::sample(
            "migrations/postgres/0001_runs.sql",
            "create table zelador.runs (\n    id text primary key\n);\n",
        ),
        Source::sample("migrations/postgres/0002_more.sql", "alter table runs add column state text;\n"),
    ];
    assert_eq!(
        out_of_step(&sqlite, &postgres),
        [
            "migration 0002_more.sql is in postgres only",
            "column runs.job is in sqlite only",
            "column runs.state is in postgres only",
        ]
    );
    assert_eq!(out_of_step(&sqlite, &sqlite), [""; 0]);
}

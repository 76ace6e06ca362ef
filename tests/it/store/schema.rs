//! Migrations, and the likeness of the two dialects.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::task::JoinSet;
use zelador::store::{Store, StoreError};

use super::fixture::{Backend, Fixture, on_both_databases};

on_both_databases! {
    migrations_run_once,
    stores_that_open_together_make_one_schema,
    stores_that_upgrade_together_make_one_schema,
    a_newer_schema_is_refused_with_both_versions,
    a_schema_of_another_build_is_refused,
    a_half_applied_migration_is_refused,
    a_migration_that_fails_leaves_nothing_behind,
}

async fn open_error(fixture: &Fixture) -> StoreError {
    Store::open(&fixture.url, fixture.clock.clone()).await.expect_err("the store opens")
}

async fn versions(fixture: &Fixture) -> Vec<String> {
    fixture.texts("select cast(version as text) from schema_migrations order by version").await
}

async fn migrations_run_once(fixture: Fixture) {
    fixture.open().await;
    let stamps =
        "select cast(version as text) || cast(installed_on as text) from schema_migrations order by 1";
    let first = fixture.texts(stamps).await;
    assert_eq!(first.len(), Store::migrations().count());
    fixture.open().await;
    assert_eq!(fixture.texts(stamps).await, first);
}

async fn stores_that_open_together_make_one_schema(fixture: Fixture) {
    open_eight_stores(&fixture).await;
}

async fn stores_that_upgrade_together_make_one_schema(fixture: Fixture) {
    fixture.open().await;
    for statement in ["drop table audit_logs", "drop table subscriptions", "drop table tenants"] {
        fixture.execute(statement).await;
    }
    fixture.execute("delete from schema_migrations where version = 5").await;
    open_eight_stores(&fixture).await;
}

async fn open_eight_stores(fixture: &Fixture) {
    let mut openers = JoinSet::new();
    for _ in 0..8 {
        let (url, clock) = (fixture.url.clone(), fixture.clock.clone());
        openers.spawn(async move { Store::open(&url, clock).await });
    }
    for outcome in openers.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(versions(fixture).await.len(), Store::migrations().count());
}

async fn a_newer_schema_is_refused_with_both_versions(fixture: Fixture) {
    fixture.open().await;
    fixture
        .execute(
            "insert into schema_migrations (version, description, success, checksum, execution_time) \
             select version + 900, description, success, checksum, execution_time from schema_migrations",
        )
        .await;
    let known = Store::known_schema_version();
    let error = open_error(&fixture).await;
    assert!(
        matches!(error, StoreError::NewerSchema { found, known: ours, .. } if found == known + 900 && ours == known),
        "{error}"
    );
    let text = error.to_string();
    for part in [&format!("version {}", known + 900), &format!("up to {known}"), "newer zelador"] {
        assert!(text.contains(part), "{text}");
    }
}

async fn a_schema_of_another_build_is_refused(fixture: Fixture) {
    fixture.open().await;
    let rewrite = "update schema_migrations \
        set checksum = (select checksum from schema_migrations where version = 2) where version = 1";
    fixture.execute(rewrite).await;
    let error = open_error(&fixture).await;
    assert!(matches!(error, StoreError::Migration { .. }), "{error}");
    assert!(error.to_string().contains("another build"), "{error}");
}

async fn a_half_applied_migration_is_refused(fixture: Fixture) {
    fixture.open().await;
    fixture.execute("update schema_migrations set success = false where version = 2").await;
    let error = open_error(&fixture).await;
    assert!(matches!(error, StoreError::Migration { .. }), "{error}");
    assert!(error.to_string().contains("migration 2"), "{error}");
}

/// Of two migrations that are due, the first works and the second does not.
async fn a_migration_that_fails_leaves_nothing_behind(fixture: Fixture) {
    fixture.open().await;
    fixture.execute("drop table locks").await;
    fixture.execute("delete from schema_migrations where version >= 4").await;
    let error = open_error(&fixture).await;
    assert!(matches!(error, StoreError::Migration { .. }), "{error}");
    assert_eq!(versions(&fixture).await, ["1", "2", "3"]);
    // Works only if the first migration's table is not there.
    fixture.execute("create table locks (name text)").await;
}

#[test]
fn both_folders_hold_the_migrations_of_the_binary() {
    let expected: Vec<String> = Store::migrations().map(|name| format!("{name}.sql")).collect();
    for dialect in ["sqlite", "postgres"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(dialect);
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, expected, "{dialect}");
    }
    for (number, name) in (1..).zip(&expected) {
        assert!(name.starts_with(&format!("{number:04}_")), "{name} is not number {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_dialects_end_with_the_same_tables_columns_and_indexes() {
    let sqlite = Fixture::new(Backend::Sqlite, "");
    let postgres = Fixture::new(Backend::Postgres, "");
    sqlite.open().await;
    postgres.open().await;

    let columns_of_sqlite = sqlite
        .texts(
            "select t.name || '.' || c.name || ' ' || lower(c.type) || iif(c.\"notnull\", ' not null', '') \
             from sqlite_schema t join pragma_table_info(t.name) c \
             where t.type = 'table' and t.name not in ('schema_migrations', 'sqlite_sequence') \
               and t.name not like 'sqlite_stat%'",
        )
        .await;
    // PostgreSQL's types, by what SQLite keeps the same values in.
    let columns_of_postgres = postgres
        .texts(
            "select table_name || '.' || column_name || ' ' || case data_type \
               when 'bigint' then 'integer' when 'timestamp with time zone' then 'integer' \
               when 'jsonb' then 'text' when 'bytea' then 'blob' else data_type end \
               || case is_nullable when 'NO' then ' not null' else '' end \
             from information_schema.columns join information_schema.tables using (table_schema, table_name) \
             where table_schema = 'zelador' and table_type = 'BASE TABLE' and table_name <> 'schema_migrations'",
        )
        .await;
    assert_same(columns_of_sqlite, columns_of_postgres);

    let indexes_of_sqlite =
        sqlite.texts("select name from sqlite_schema where type = 'index' and sql is not null").await;
    let indexes_of_postgres = postgres
        .texts(
            "select indexname::text from pg_indexes where schemaname = 'zelador' \
             and indexname not like '%_pkey' and indexname not like '%_key'",
        )
        .await;
    assert_same(indexes_of_sqlite, indexes_of_postgres);
}

fn assert_same(sqlite: Vec<String>, postgres: Vec<String>) {
    let (sqlite, postgres) = (BTreeSet::from_iter(sqlite), BTreeSet::from_iter(postgres));
    assert!(!sqlite.is_empty());
    let only_one: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert!(only_one.is_empty(), "in one dialect only: {only_one:#?}");
}

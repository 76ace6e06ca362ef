//! Embedded databases: consistent while others write, and whole.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::read::MultiGzDecoder;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, SqliteConnection};
use zelador::backup::{BackupError, Content, Server};

use super::{Room, embedded, mode};

#[tokio::test]
async fn a_copy_taken_while_others_write_is_consistent() {
    let room = Room::new();
    let path = room.path("app.db");
    let server = Server::new("app", &format!("sqlite:{}", path.display()), None).unwrap();
    let mut writer = accounts(&path).await;
    let done = Arc::new(AtomicBool::new(false));
    let writing = {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                transfer(&mut writer).await;
            }
        })
    };
    for round in 0..5 {
        let artifact = room.create(&server).await.unwrap();
        assert_eq!(artifact.manifest.name, format!("medmanager_backup_app_20251120_02000{round}.db.gz"));
        assert_eq!(artifact.manifest.content, Content::SqliteDatabase);
        assert_eq!(mode(&artifact.path), 0o600);
        let copy = room.path(&format!("restored-{round}.db"));
        let mut bytes = Vec::new();
        MultiGzDecoder::new(std::fs::File::open(&artifact.path).unwrap()).read_to_end(&mut bytes).unwrap();
        std::fs::write(&copy, bytes).unwrap();
        let mut copy = SqliteConnectOptions::new().filename(copy).connect().await.unwrap();
        let total: i64 =
            sqlx::query_scalar("select sum(balance) from account").fetch_one(&mut copy).await.unwrap();
        assert_eq!(total, 1000 * 100, "a transfer was seen half");
    }
    done.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    assert_eq!(room.files().len(), 10, "{:?}", room.files());
}

async fn accounts(path: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let mut connection = options.connect().await.unwrap();
    for statement in [
        "create table account (id integer primary key, balance integer)",
        "insert into account with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) \
         select i, 100 from n",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    connection
}

/// Moves money between accounts: the sum stays.
async fn transfer(connection: &mut SqliteConnection) {
    for statement in [
        "begin immediate",
        "update account set balance = balance - 1 where id = abs(random()) % 1000 + 1",
        "update account set balance = balance + 1 where id = abs(random()) % 1000 + 1",
        "commit",
    ] {
        sqlx::query(statement).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_made() {
    let room = Room::new();
    let path = room.path("nothing.db");
    let server = Server::new("app", &format!("sqlite:{}", path.display()), None).unwrap();
    let error = room.create(&server).await.unwrap_err();
    assert!(matches!(error, BackupError::DatabaseMissing { .. }), "{error}");
    assert!(!path.exists());
    room.assert_nothing_left();
}

#[tokio::test]
async fn a_damaged_database_is_named_and_not_published() {
    let room = Room::new();
    let path = room.path("app.db");
    let server = embedded(&path).await;
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0x5A);
    std::fs::write(&path, bytes).unwrap();
    let error = room.create(&server).await.unwrap_err();
    assert!(matches!(error, BackupError::DatabaseDamaged { .. }), "{error}");
    room.assert_nothing_left();
}

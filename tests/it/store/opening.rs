//! Opening what cannot be opened, and what a store leaves on the disk and on the server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::SecretString;
use zelador::store::{Location, RunFilter, Store, StoreError};
use zelador_tests::postgres::shared;

use super::fixture::{Backend, Fixture, LEASE, at, manual};

fn sqlite() -> Fixture {
    Fixture::new(Backend::Sqlite, "")
}

fn postgres() -> Fixture {
    Fixture::new(Backend::Postgres, "")
}

async fn open_error(url: &str) -> StoreError {
    let clock = zelador::clock::ManualClock::new(at("2026-03-01T02:00:00Z"));
    Store::open(url, clock).await.expect_err("the store opens")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_file_and_its_folder_are_private() {
    let fixture = sqlite();
    let store = fixture.open().await;
    store.insert_run(&manual("a", &fixture)).await.unwrap();
    let folder = fixture.file().parent().unwrap().to_path_buf();
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "the file, its log and the log's index: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn the_file_is_in_write_ahead_mode() {
    let fixture = sqlite();
    fixture.open().await;
    assert_eq!(fixture.texts("pragma journal_mode").await, ["wal"]);
}

#[tokio::test]
async fn a_file_name_may_hold_what_a_url_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file: a b%20#ç.db");
    let clock = zelador::clock::ManualClock::new(at("2026-03-01T02:00:00Z"));
    Store::open(&format!("sqlite:{}", file.display()), clock).await.unwrap();
    assert!(file.is_file());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let fixture = sqlite();
    fs::create_dir(fixture.file().parent().unwrap()).unwrap();
    let garbage: Vec<u8> = (0..9_000_u32).map(|number| (number * 7 % 251) as u8).collect();
    fs::write(fixture.file(), &garbage).unwrap();
    let error = open_error(&fixture.url).await;
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains(&*fixture.file().to_string_lossy()), "{error}");
    assert_eq!(fs::read(fixture.file()).unwrap(), garbage);
}

#[tokio::test]
async fn another_programs_database_is_refused() {
    let fixture = sqlite();
    fixture.open().await;
    fixture.execute("drop table schema_migrations").await;
    let error = open_error(&fixture.url).await;
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("another program's tables"), "{error}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let error = open_error(&format!("sqlite:{}/zelador.db", file.display())).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("a-file/zelador.db"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let port = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = open_error(&format!("postgres://ana:s3cret@127.0.0.1:{port}/app")).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains(&format!("database app on 127.0.0.1:{port}")), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn a_wrong_password_is_told_apart_and_not_repeated() {
    let url = format!("postgres://postgres:s3cret@127.0.0.1:{}/postgres", shared().port);
    let error = open_error(&url).await;
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_missing_database_is_told_apart() {
    let error = open_error(&shared().url_with_password("nowhere")).await;
    assert!(error.to_string().contains("create the database first"), "{error}");
}

#[tokio::test]
async fn a_password_from_elsewhere_may_hold_anything() {
    let fixture = postgres();
    let database = fixture.database.as_deref().unwrap();
    let role = format!("strange_{database}");
    let password = r#"p@ss:w/o?r#d&%20 '"\$é= {}"#;
    shared().psql(
        database,
        &format!(
            "create role {role} login password '{}'; create schema zelador authorization {role};",
            password.replace('\'', "''")
        ),
    );
    let url = format!("postgres://{role}@127.0.0.1:{}/{database}", shared().port);
    let location = Location::parse(&url).unwrap().with_password(&SecretString::from(password));
    let store = Store::open_at(&location, fixture.clock.clone()).await.unwrap();
    store.insert_run(&manual("a", &fixture)).await.unwrap();
    assert!(!format!("{store:?} {} {location:?}", store.place()).contains("p@ss"));
}

#[tokio::test]
async fn a_user_who_may_not_make_the_schema_is_told_what_to_grant() {
    let fixture = postgres();
    let database = fixture.database.as_deref().unwrap();
    let role = format!("small_{database}");
    shared().psql(database, &format!("create role {role} login password 'x';"));
    let error = open_error(&format!("postgres://{role}:x@127.0.0.1:{}/{database}", shared().port)).await;
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    assert!(error.to_string().contains("CREATE on the database"), "{error}");
}

#[tokio::test]
async fn the_applications_tables_of_the_same_names_are_left_alone() {
    let fixture = postgres();
    let database = fixture.database.as_deref().unwrap();
    shared().psql(database, "create table public.tenants (mine int); insert into public.tenants values (7);");
    fixture.open().await;
    assert_eq!(shared().psql(database, "select mine from public.tenants;"), "7\n");
    let elsewhere = "select count(*) from pg_tables where schemaname = 'public' and tablename <> 'tenants';";
    assert_eq!(shared().psql(database, elsewhere), "0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_recovers_when_the_server_drops_its_connections() {
    let fixture = postgres();
    let store = fixture.open().await;
    for job in ["a", "b", "c"] {
        store.insert_run(&manual(job, &fixture)).await.unwrap();
        let drop_them = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}' and application_name = 'zelador';",
            fixture.database.as_deref().unwrap()
        );
        shared().psql("postgres", &drop_them);
    }
    assert_eq!(store.claim_runs("host-a", LEASE, 10).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_transaction_stays_open_on_the_server() {
    let fixture = postgres();
    let store = fixture.open().await;
    let firing = super::fixture::scheduled("a", at("2026-03-01T02:00:00Z"));
    let run = store.record_firing(&firing).await.unwrap().unwrap();
    assert!(store.record_firing(&firing).await.unwrap().is_none());
    assert!(store.append_run_logs("nobody", &[super::fixture::log_line(&fixture, "hello")]).await.is_err());
    assert!(store.claim_run(&run.id, "host-a", LEASE).await.unwrap().is_some());
    let open = format!(
        "select pg_sleep(0.05); \
         select count(*) from pg_stat_activity where datname = '{}' and application_name = 'zelador' \
           and state like 'idle in transaction%';",
        fixture.database.as_deref().unwrap()
    );
    // A dropped transaction is rolled back while its connection returns to the pool, which nothing here can await.
    assert!((0..100).any(|_| shared().psql("postgres", &open) == "\n0\n"));
    assert_eq!(store.runs(&RunFilter::default()).await.unwrap().len(), 1);
}

//! Every step of a dump that can fail does: a clear error, nothing left, the older backups untouched.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use zelador::backup::{
    Acquired, BackupError, Observer, Phase, ProgramFolders, Server, TargetLocks, unobserved,
};
use zelador_tests::postgres::{self, Cluster, PASSWORD};

use super::{Parts, Room, embedded, fake, server_of, whole};

const HEAD: &str = r"printf '%s\n' -- '-- PostgreSQL database cluster dump' --; seq 1 500000;";

async fn failure_of(script: &str) -> BackupError {
    let room = Room::with_fake(script);
    let error = room.create(&server_of(postgres::shared())).await.unwrap_err();
    room.assert_nothing_left();
    error
}

#[tokio::test]
async fn a_program_that_fails_half_way_is_quoted_without_the_password() {
    let script = format!("{HEAD} printf '%s\\n' \"{}\" >&2; exit 3", r"oh no: p@ss word'\\:1");
    let error = failure_of(&script).await;
    let message = error.to_string();
    assert!(matches!(error, BackupError::DumpFailed { .. }), "{message}");
    assert!(message.contains("exited with code 3") && message.contains("oh no: ***"), "{message}");
    assert!(!message.contains("p@ss"), "{message}");
}

#[tokio::test]
async fn a_program_that_is_killed_is_a_failure() {
    let error = failure_of(&format!("{HEAD} kill -9 $$")).await;
    assert!(error.to_string().contains("killed by signal 9"), "{error}");
}

#[tokio::test]
async fn what_a_killed_program_leaves_running_is_ended_too() {
    // The inner shell goes on writing into the pipe after its parent is dead.
    let error = failure_of(&format!("{HEAD} (while :; do sleep 1; echo x; done) & kill -9 $$")).await;
    assert!(matches!(error, BackupError::DumpFailed { .. }), "{error}");
}

#[tokio::test]
async fn a_program_that_reports_success_without_a_whole_dump_is_not_believed() {
    for script in [HEAD, "true", "echo '-- PostgreSQL database cluster dump complete'"] {
        let error = failure_of(script).await;
        assert!(matches!(error, BackupError::DumpIncomplete { .. }), "{script}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_is_a_failure() {
    let cluster = Cluster::start();
    cluster.psql("postgres", "create table t as select md5(i::text) from generate_series(1, 500000) i");
    let room = Room::new();
    let server = server_of(&cluster);
    let cluster = std::sync::Mutex::new(Some(cluster));
    let observer: Observer = Arc::new(move |progress| {
        if progress.phase == Phase::Dumping {
            drop(cluster.lock().unwrap().take());
        }
    });
    let error = room.archive.create(whole(&server), observer, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, BackupError::DumpFailed { .. }), "{error}");
    room.assert_nothing_left();
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_one_are_told_from_a_server_that_is_not_there() {
    let cluster = postgres::shared();
    let room = Room::new();
    let wrong = Server::new("main", &cluster.url("postgres"), Some("wrong".into())).unwrap();
    let error = room.create(&wrong).await.unwrap_err();
    assert!(matches!(error, BackupError::LoginRefused { .. }), "{error}");
    assert!(error.to_string().contains("[database.main]") && !error.to_string().contains("wrong"), "{error}");

    let none = Server::new("main", &cluster.url("postgres"), None).unwrap();
    let error = room.create(&none).await.unwrap_err();
    assert!(matches!(error, BackupError::LoginRefused { .. }), "{error}");

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nowhere =
        Server::new("main", &format!("postgres://postgres@127.0.0.1:{port}/postgres"), None).unwrap();
    let error = room.create(&nowhere).await.unwrap_err();
    assert!(matches!(error, BackupError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    room.assert_nothing_left();
}

#[tokio::test]
async fn a_user_who_may_not_read_the_roles_is_told_so() {
    let cluster = postgres::shared();
    cluster.psql("postgres", "create role weak login password 'weak'");
    let url = cluster.url("postgres").replace("postgres@", "weak@");
    let error =
        Room::new().create(&Server::new("main", &url, Some("weak".into())).unwrap()).await.unwrap_err();
    assert!(matches!(error, BackupError::NotSuperuser { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_program_and_one_that_is_too_old_are_refused_with_the_package_to_install() {
    let server = server_of(postgres::shared());
    let none = Parts { programs: ProgramFolders::only(vec!["/nowhere".into()]), ..Parts::default() };
    let error = Room::with(none).create(&server).await.unwrap_err();
    assert!(matches!(error, BackupError::ProgramMissing { .. }), "{error}");
    assert!(error.to_string().contains("postgresql-client-1"), "{error}");

    let room = Room::with_fake("VERSION=old");
    let old =
        std::fs::read_to_string(room.path("bin/pg_dumpall")).unwrap().replace("${VERSION:-99.0}", "9.6.24");
    std::fs::write(room.path("bin/pg_dumpall"), old).unwrap();
    let error = room.create(&server).await.unwrap_err();
    assert!(matches!(error, BackupError::ServerTooNew { .. }), "{error}");
    assert!(
        error.to_string().contains("9.6.24") && error.to_string().contains("postgresql-client-1"),
        "{error}"
    );
    room.assert_nothing_left();
}

#[tokio::test]
async fn a_program_that_fits_is_taken_though_an_older_one_comes_first() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    fake(&folder.path().join("bin"), "exit 1");
    let old = std::fs::read_to_string(folder.path().join("bin/pg_dumpall"))
        .unwrap()
        .replace("${VERSION:-99.0}", "9.6");
    std::fs::write(folder.path().join("bin/pg_dumpall"), old).unwrap();
    let room = Room::in_folder(folder, |bin| Parts {
        programs: ProgramFolders::only(vec![bin, postgres::bin_dir()]),
        ..Parts::default()
    });
    room.create(&server_of(&cluster)).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_an_error_with_its_path() {
    let room = Room::new();
    std::fs::write(room.path("backups"), "a file").unwrap();
    let server = embedded(&room.path("app.db")).await;
    let error = room.create(&server).await.unwrap_err();
    assert!(matches!(error, BackupError::Io { .. }), "{error}");
    assert!(error.to_string().contains("/backups"), "{error}");
}

/// A file system of 1 MiB; nothing where this user may not mount.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        std::fs::create_dir(path).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(path).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_of_its_own_and_leaves_the_older_backups() {
    let room = Room::with_fake("head -c 50000000 /dev/urandom");
    let path = room.path("backups");
    let Some(_disk) = SmallDisk::mount(&path) else {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    };
    std::fs::write(path.join("older.sql.gz"), "older").unwrap();
    let error = room.create(&server_of(postgres::shared())).await.unwrap_err();
    assert!(matches!(error, BackupError::DiskFull { .. }), "{error}");
    assert_eq!(room.files(), ["older.sql.gz"]);

    let server = embedded(&room.path("app.db")).await;
    let error = room.create(&server).await.unwrap_err();
    assert!(matches!(error, BackupError::DiskFull { .. }), "{error}");
    assert_eq!(room.files(), ["older.sql.gz"]);
}

/// A dump that hangs after its first mebibytes, and word when it is there.
fn hanging() -> (Room, Observer, Arc<Notify>) {
    let began = Arc::new(Notify::new());
    let observer: Observer = {
        let began = Arc::clone(&began);
        Arc::new(move |_| began.notify_one())
    };
    (Room::with_fake(&format!("echo $$ > \"$(dirname \"$0\")/pid\"; {HEAD} sleep 1000")), observer, began)
}

fn is_running(room: &Room) -> bool {
    let pid = std::fs::read_to_string(room.path("bin/pid")).unwrap();
    Path::new("/proc").join(pid.trim()).exists()
}

#[tokio::test]
async fn a_cancelled_dump_ends_its_program_and_leaves_nothing() {
    let (room, observer, began) = hanging();
    let cancel = CancellationToken::new();
    let server = server_of(postgres::shared());
    let (made, ()) = tokio::join!(room.archive.create(whole(&server), observer, &cancel), async {
        began.notified().await;
        cancel.cancel();
    });
    assert!(matches!(made, Err(BackupError::Cancelled)), "{made:?}");
    assert!(!is_running(&room));
    room.assert_nothing_left();
}

#[tokio::test]
async fn a_dump_whose_caller_goes_away_ends_and_leaves_nothing() {
    let (room, observer, began) = hanging();
    let (server, never) = (server_of(postgres::shared()), CancellationToken::new());
    tokio::select! {
        _ = room.archive.create(whole(&server), observer, &never) => panic!("it hangs"),
        () = began.notified() => {}
    }
    // The next backup of the target can be made only when the first has cleaned up and given its lock back.
    while let Err(BackupError::Busy { .. }) = {
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        room.archive.create(whole(&server), unobserved(), &cancelled).await
    } {
        tokio::task::yield_now().await;
    }
    assert!(!is_running(&room));
    room.assert_nothing_left();
}

#[tokio::test]
async fn two_backups_of_one_target_never_run_at_once_and_the_second_names_the_first() {
    let (room, observer, began) = hanging();
    let (server, cancel) = (server_of(postgres::shared()), CancellationToken::new());
    let first = room.archive.create(whole(&server), observer, &cancel);
    let second = async {
        began.notified().await;
        let second = room.archive.create(whole(&server), unobserved(), &CancellationToken::new()).await;
        cancel.cancel();
        second
    };
    let (_, second) = tokio::join!(first, second);
    assert!(
        matches!(&second, Err(BackupError::Busy { holder, .. }) if holder.starts_with("test")),
        "{second:?}"
    );
}

/// A lock that somebody else takes at once.
struct Stolen;

#[async_trait]
impl TargetLocks for Stolen {
    async fn acquire(&self, _: &str, _: &str, _: Duration) -> anyhow::Result<Acquired> {
        Ok(Acquired::Yes { fence: 1 })
    }

    async fn renew(&self, _: &str, _: &str, _: u64, _: Duration) -> anyhow::Result<bool> {
        Ok(false)
    }

    async fn release(&self, _: &str, _: &str, _: u64) -> anyhow::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_backup_that_loses_its_lock_publishes_nothing() {
    let room = Room::with(Parts { locks: Arc::new(Stolen), ..Parts::default() });
    let error = room.create(&server_of(postgres::shared())).await.unwrap_err();
    assert!(matches!(error, BackupError::LockLost { .. }), "{error}");
    room.assert_nothing_left();
}

#[tokio::test]
async fn a_password_that_no_password_file_can_hold_is_refused() {
    let error = Server::new("main", "postgres://u@h/d", Some(format!("{PASSWORD}\n").into())).unwrap_err();
    assert!(matches!(error, BackupError::InvalidServer { .. }), "{error}");
}

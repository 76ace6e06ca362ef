//! Dumps, verifies, keeps and deletes backups of real clusters and files.
//!
//! * `cluster` looks at whole clusters of its own: round trip, secrecy, modes.
//! * `embedded` backs SQLite files up while others write to them.
//! * `failures` makes every step of a dump fail; nothing may be left of it.
//! * `damage` cuts and flips artifacts, and kills runs half-way.
//! * `keeping` lists, deletes, and brings the index in step.
//! * `plugin` runs the shipped policy in its sandbox.

mod cluster;
mod damage;
mod embedded;
mod failures;
mod keeping;
mod plugin;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use zelador::backup::{
    Archive, ArchiveOptions, Artifact, BackupError, BackupRequest, Catalogue, Naming, NoCatalogue,
    ProcessLocks, ProgramFolders, Scope, Server, TargetLocks, unobserved,
};
use zelador::clock::ManualClock;
use zelador_tests::postgres::{Cluster, PASSWORD};

/// An archive in folders of its own, with a clock that stands at 2025-11-20 05:00:00 UTC.
struct Room {
    folder: TempDir,
    clock: Arc<ManualClock>,
    archive: Archive,
}

struct Parts {
    programs: ProgramFolders,
    locks: Arc<dyn TargetLocks>,
    catalogue: Arc<dyn Catalogue>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            programs: ProgramFolders::of_this_machine(),
            locks: Arc::new(ProcessLocks::default()),
            catalogue: Arc::new(NoCatalogue),
        }
    }
}

impl Room {
    fn new() -> Self {
        Self::with(Parts::default())
    }

    /// With a `pg_dumpall` that is this shell script, and no other.
    fn with_fake(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fake(&folder.path().join("bin"), script);
        Self::in_folder(folder, |bin| Parts { programs: ProgramFolders::only(vec![bin]), ..Parts::default() })
    }

    fn with(parts: Parts) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), |_| parts)
    }

    fn in_folder(folder: TempDir, parts: impl FnOnce(PathBuf) -> Parts) -> Self {
        let Parts { programs, locks, catalogue } = parts(folder.path().join("bin"));
        let clock = ManualClock::new("2025-11-20T05:00:00Z".parse().unwrap());
        let options = ArchiveOptions {
            folder: folder.path().join("backups"),
            naming: Naming { prefix: "medmanager_backup".into(), zone: "America/Sao_Paulo".parse().unwrap() },
            scratch: folder.path().join("scratch"),
            programs,
            owner: "test".into(),
        };
        let archive = Archive::new(options, clock.clone(), locks, catalogue);
        Self { folder, clock, archive }
    }

    async fn create(&self, server: &Server) -> Result<Artifact, BackupError> {
        self.archive.create(whole(server), unobserved(), &CancellationToken::new()).await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The names of all files in the backup folder, hidden ones too.
    fn files(&self) -> Vec<String> {
        names(&self.path("backups"))
    }

    /// That nothing is left of a run that failed: no file, no password.
    fn assert_nothing_left(&self) {
        assert_eq!(self.files(), [] as [String; 0]);
        assert_eq!(names(&self.path("scratch")), [] as [String; 0]);
    }
}

fn whole(server: &Server) -> BackupRequest {
    BackupRequest { server: server.clone(), scope: Scope::Cluster, run_id: None }
}

fn server_of(cluster: &Cluster) -> Server {
    Server::new("main", &cluster.url("postgres"), Some(PASSWORD.into())).unwrap()
}

/// A small embedded database at `path`.
async fn embedded(path: &Path) -> Server {
    let server = Server::new("app", &format!("sqlite:{}", path.display()), None).unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query(
        "create table numbers as with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) \
         select i, hex(randomblob(20)) as text from n",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    server
}

/// Writes an executable `pg_dumpall`.
fn fake(bin: &Path, script: &str) {
    std::fs::create_dir_all(bin).unwrap();
    let path = bin.join("pg_dumpall");
    let answers = r#"case "$1" in --version) echo "pg_dumpall (PostgreSQL) ${VERSION:-99.0}"; exit;; --help) exit;; esac"#;
    std::fs::write(&path, format!("#!/bin/sh\n{answers}\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
